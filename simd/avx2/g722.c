/*
 * G.722 in 16 lanes of AVX2, one channel each: what g722_tmpl.c asks for. Tables of 16-bit words go through the byte
 * shuffle, which gives 0 where the index byte is negative: so look-ups in parts of a table are simply combined.
 */
#include "simd/g722_tables.h"
#include "simd/kernels.h"
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

enum { CHANNELS_MIN = 1, LANES = 16, HIGH_SHIFT = 2, LEVEL_SHIFT = 4 };

typedef int16_t vec __attribute__((vector_size(32)));
typedef __m256i mask; /* all ones or none per lane */

static inline mask at_least(vec a, vec b)
{
    return _mm256_cmpeq_epi16(_mm256_max_epi16((__m256i)a, (__m256i)b), (__m256i)a);
}

static inline mask equal(vec a, vec b)
{
    return _mm256_cmpeq_epi16((__m256i)a, (__m256i)b);
}

static inline vec choose(mask m, vec yes, vec no)
{
    return (vec)_mm256_blendv_epi8((__m256i)no, (__m256i)yes, m);
}

static inline vec choose_negative(vec x, vec yes, vec no)
{
    return choose(_mm256_srai_epi16((__m256i)x, 15), yes, no);
}

static inline vec add_where(mask m, vec a, vec b)
{
    return a + (vec)_mm256_and_si256(m, (__m256i)b);
}

static inline vec adds(vec a, vec b)
{
    return (vec)_mm256_adds_epi16((__m256i)a, (__m256i)b);
}

static inline vec subs(vec a, vec b)
{
    return (vec)_mm256_subs_epi16((__m256i)a, (__m256i)b);
}

static inline vec least(vec a, vec b)
{
    return (vec)_mm256_min_epi16((__m256i)a, (__m256i)b);
}

static inline vec most(vec a, vec b)
{
    return (vec)_mm256_max_epi16((__m256i)a, (__m256i)b);
}

static inline vec mul_high(vec a, vec b)
{
    return (vec)_mm256_mulhi_epi16((__m256i)a, (__m256i)b);
}

static inline vec mul15(vec a, vec b)
{
    __m256i high = (__m256i)mul_high(a, b), low = _mm256_mullo_epi16((__m256i)a, (__m256i)b);
    return (vec)_mm256_or_si256(_mm256_add_epi16(high, high), _mm256_srli_epi16(low, 15));
}

static inline vec mul_level(vec a, vec b)
{
    return (vec)_mm256_mulhi_epu16((__m256i)a, (__m256i)b);
}

/* a*32640 >> 15 is a + (a*-256 >> 16), since rounding down commutes with adding whole numbers. */
static inline vec leak8(vec a)
{
    return a + mul_high(a, (vec)_mm256_set1_epi16(-256));
}

static inline vec leak7(vec a)
{
    return a + mul_high(a, (vec)_mm256_set1_epi16(-512));
}

typedef struct {
    __m256i low, high; /* bytes of 16 words, in both 128-bit blocks */
} table16;
typedef struct {
    table16 first, second;
} table32;
typedef __m256i table8; /* 8 words, in both 128-bit blocks */
typedef table32 inverse6;

static inline table16 table16_make(const int16_t words[16])
{
    uint8_t low[16], high[16];
    for (size_t i = 0; i < 16; i++) {
        low[i] = (uint8_t)words[i];
        high[i] = (uint8_t)((uint16_t)words[i] >> 8);
    }
    return (table16){_mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)low)),
                     _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)high))};
}

static inline table32 table32_make(const int16_t words[32])
{
    return (table32){table16_make(words), table16_make(words + 16)};
}

static inline table8 table8_make(const int16_t words[8])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)words));
}

/* The bytes of word i are 2i and 2i + 1. */
static inline vec table8_get(table8 table, vec index)
{
    __m256i bytes = _mm256_mullo_epi16((__m256i)index, _mm256_set1_epi16(0x0202));
    return (vec)_mm256_shuffle_epi8(table, _mm256_add_epi16(bytes, _mm256_set1_epi16(0x0100)));
}

/* Index bytes with an offset of 0x70 turn negative from 16 on, with 0xf0 they are until then. */
static inline __m256i get_with(table16 table, __m256i index, int offset)
{
    __m256i low = _mm256_add_epi16(index, _mm256_set1_epi16((short)(0x8000 | offset)));
    __m256i high = _mm256_add_epi16(_mm256_slli_epi16(index, 8), _mm256_set1_epi16((short)(offset << 8 | 0x80)));
    return _mm256_or_si256(_mm256_shuffle_epi8(table.low, low), _mm256_shuffle_epi8(table.high, high));
}

static inline vec table16_get(table16 table, vec index)
{
    return (vec)get_with(table, (__m256i)index, 0);
}

static inline vec table32_get(table32 table, vec index)
{
    return (vec)_mm256_or_si256(get_with(table.first, (__m256i)index, 0x70),
                                get_with(table.second, (__m256i)index, 0xf0));
}

/*
 * The six-bit quantiser's outputs are the same for both signs: the positive half of the table serves, with the negative
 * codes four lower. Codes 0 to 3 are as 63.
 */
static inline inverse6 inverse6_make(void)
{
    return table32_make(g722_qm6 + 32);
}

static inline vec inverse6_get(inverse6 table, vec code)
{
    const __m256i four = _mm256_set1_epi16(4), five_bits = _mm256_set1_epi16(31);
    __m256i x = _mm256_or_si256((__m256i)code, _mm256_cmpgt_epi16(four, (__m256i)code)); /* -1 counts as 63 below */
    __m256i negative = _mm256_cmpgt_epi16(_mm256_set1_epi16(32), _mm256_and_si256(x, _mm256_set1_epi16(63)));
    x = _mm256_and_si256(_mm256_sub_epi16(x, _mm256_and_si256(negative, four)), five_bits);
    __m256i output = (__m256i)table32_get(table, (vec)x);
    return (vec)_mm256_sub_epi16(_mm256_xor_si256(output, negative), negative);
}

/* A shift is a product with a power of two: a*8 * 2^(13-n) >> 16. */
static inline vec shift_right(vec a, vec n)
{
    static const int16_t powers[16] = {1 << 13, 1 << 12, 1 << 11, 1 << 10, 1 << 9, 1 << 8, 1 << 7,
                                       1 << 6,  1 << 5,  1 << 4,  1 << 3,  1 << 2, 1 << 1, 1 << 0};
    __m256i power = (__m256i)table16_get(table16_make(powers), n);
    return (vec)_mm256_mulhi_epu16(_mm256_slli_epi16((__m256i)a, 3), power);
}

struct taps {
    __m256i low, high; /* pairs: older in the even words, newer in the odd */
};

struct sums {
    __m256i low, high;
};

static inline struct taps taps_make(vec older, vec newer)
{
    return (struct taps){_mm256_unpacklo_epi16((__m256i)older, (__m256i)newer),
                         _mm256_unpackhi_epi16((__m256i)older, (__m256i)newer)};
}

static inline vec taps_newer(struct taps taps)
{
    return (vec)_mm256_packs_epi32(_mm256_srai_epi32(taps.low, 16), _mm256_srai_epi32(taps.high, 16));
}

typedef __m256i weights;

static inline weights weights_make(int16_t older, int16_t newer)
{
    return _mm256_set1_epi32((int)((uint32_t)(uint16_t)newer << 16 | (uint16_t)older));
}

static inline struct sums sums_add(struct sums sums, struct taps taps, weights both)
{
    return (struct sums){_mm256_add_epi32(sums.low, _mm256_madd_epi16(taps.low, both)),
                         _mm256_add_epi32(sums.high, _mm256_madd_epi16(taps.high, both))};
}

static inline struct sums sums_plus(struct sums a, struct sums b)
{
    return (struct sums){_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
}

static inline struct sums sums_minus(struct sums a, struct sums b)
{
    return (struct sums){_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
}

static inline vec sums_narrow(struct sums sums, int shift)
{
    return (vec)_mm256_packs_epi32(_mm256_srai_epi32(sums.low, shift), _mm256_srai_epi32(sums.high, shift));
}

/* Eight rows by the eight columns of each 128-bit block: column c of every block goes to rows[c]. */
static inline void transpose8(__m256i rows[8])
{
    __m256i pairs[8], fours[8];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        pairs[2 * i] = _mm256_unpacklo_epi16(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = _mm256_unpackhi_epi16(rows[2 * i], rows[2 * i + 1]);
    }
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; i++) {
#pragma GCC unroll 2
        for (size_t half = 0; half < 2; half++) {
            fours[4 * i + 2 * half] = _mm256_unpacklo_epi32(pairs[4 * i + half], pairs[4 * i + 2 + half]);
            fours[4 * i + 2 * half + 1] = _mm256_unpackhi_epi32(pairs[4 * i + half], pairs[4 * i + 2 + half]);
        }
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        rows[2 * i] = _mm256_unpacklo_epi64(fours[i], fours[4 + i]);
        rows[2 * i + 1] = _mm256_unpackhi_epi64(fours[i], fours[4 + i]);
    }
}

static void transpose(vec rows[LANES])
{
    __m256i *x = (__m256i *)rows;
    transpose8(x);
    transpose8(x + 8);
#pragma GCC unroll 8
    for (size_t column = 0; column < 8; column++) {
        __m256i first = x[column], second = x[8 + column];
        x[column] = _mm256_permute2x128_si256(first, second, 0x20);
        x[8 + column] = _mm256_permute2x128_si256(first, second, 0x31);
    }
}

#include "simd/g722_tmpl.c"

void g722_encode_avx2(struct g722_state *const *states, const int16_t *const *pcm, uint8_t *const *out,
                      size_t n_channels, size_t n)
{
    encode_all(states, pcm, out, n_channels, n);
}

void g722_decode_avx2(struct g722_state *const *states, const uint8_t *const *in, int16_t *const *out,
                      size_t n_channels, size_t n_bytes)
{
    decode_all(states, in, out, n_channels, n_bytes);
}
