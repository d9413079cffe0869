/*
 * G.722 in 32 lanes of AVX-512BW, one channel each: what g722_tmpl.c asks for. Fractional products keep bit 15 by
 * vpshldw, 16-bit tables of 32 or 64 words are one permutation.
 */
#include "simd/g722_tables.h"
#include "simd/kernels.h"
#include <immintrin.h>
#include <stdbool.h>

enum { CHANNELS_MIN = 1, LANES = 32, HIGH_SHIFT = 2, LEVEL_SHIFT = 4 };

typedef int16_t vec __attribute__((vector_size(64)));
typedef __mmask32 mask;

static inline mask at_least(vec a, vec b)
{
    return _mm512_cmpge_epi16_mask((__m512i)a, (__m512i)b);
}

static inline mask equal(vec a, vec b)
{
    return _mm512_cmpeq_epi16_mask((__m512i)a, (__m512i)b);
}

static inline vec choose(mask m, vec yes, vec no)
{
    return (vec)_mm512_mask_blend_epi16(m, (__m512i)no, (__m512i)yes);
}

static inline vec choose_negative(vec x, vec yes, vec no)
{
    return choose(_mm512_movepi16_mask((__m512i)x), yes, no);
}

static inline vec add_where(mask m, vec a, vec b)
{
    return (vec)_mm512_mask_add_epi16((__m512i)a, m, (__m512i)a, (__m512i)b);
}

static inline vec adds(vec a, vec b)
{
    return (vec)_mm512_adds_epi16((__m512i)a, (__m512i)b);
}

static inline vec subs(vec a, vec b)
{
    return (vec)_mm512_subs_epi16((__m512i)a, (__m512i)b);
}

static inline vec least(vec a, vec b)
{
    return (vec)_mm512_min_epi16((__m512i)a, (__m512i)b);
}

static inline vec most(vec a, vec b)
{
    return (vec)_mm512_max_epi16((__m512i)a, (__m512i)b);
}

static inline vec mul_high(vec a, vec b)
{
    return (vec)_mm512_mulhi_epi16((__m512i)a, (__m512i)b);
}

static inline vec mul15(vec a, vec b)
{
    return (vec)_mm512_shldi_epi16((__m512i)mul_high(a, b), _mm512_mullo_epi16((__m512i)a, (__m512i)b), 1);
}

static inline vec mul_level(vec a, vec b)
{
    return (vec)_mm512_mulhi_epu16((__m512i)a, (__m512i)b);
}

/* a*32640 >> 15 is a + (a*-256 >> 16), since rounding down commutes with adding whole numbers. */
static inline vec leak8(vec a)
{
    return a + mul_high(a, (vec)_mm512_set1_epi16(-256));
}

static inline vec leak7(vec a)
{
    return a + mul_high(a, (vec)_mm512_set1_epi16(-512));
}

static inline vec shift_right(vec a, vec n)
{
    return (vec)_mm512_srlv_epi16((__m512i)a, (__m512i)n);
}

typedef __m512i table8, table16, table32;
typedef struct {
    __m512i first, second;
} inverse6;

static inline __m512i table32_make(const int16_t words[32])
{
    return _mm512_loadu_si512(words);
}

static inline __m512i table16_make(const int16_t words[16])
{
    return _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)words));
}

static inline __m512i table8_make(const int16_t words[8])
{
    return _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)words));
}

static inline inverse6 inverse6_make(void)
{
    return (inverse6){table32_make(g722_qm6), table32_make(g722_qm6 + 32)};
}

static inline vec table32_get(__m512i table, vec index)
{
    return (vec)_mm512_permutexvar_epi16((__m512i)index, table);
}

#define table16_get table32_get
#define table8_get table32_get

static inline vec inverse6_get(inverse6 table, vec code)
{
    return (vec)_mm512_permutex2var_epi16(table.first, (__m512i)code, table.second);
}

struct taps {
    __m512i low, high; /* pairs: older in the even words, newer in the odd */
};

struct sums {
    __m512i low, high;
};

static inline struct taps taps_make(vec older, vec newer)
{
    return (struct taps){_mm512_unpacklo_epi16((__m512i)older, (__m512i)newer),
                         _mm512_unpackhi_epi16((__m512i)older, (__m512i)newer)};
}

static inline vec taps_newer(struct taps taps)
{
    return (vec)_mm512_packs_epi32(_mm512_srai_epi32(taps.low, 16), _mm512_srai_epi32(taps.high, 16));
}

typedef __m512i weights;

static inline weights weights_make(int16_t older, int16_t newer)
{
    return _mm512_set1_epi32((int)((uint32_t)(uint16_t)newer << 16 | (uint16_t)older));
}

static inline struct sums sums_add(struct sums sums, struct taps taps, weights both)
{
    return (struct sums){_mm512_dpwssd_epi32(sums.low, taps.low, both),
                         _mm512_dpwssd_epi32(sums.high, taps.high, both)};
}

static inline struct sums sums_plus(struct sums a, struct sums b)
{
    return (struct sums){_mm512_add_epi32(a.low, b.low), _mm512_add_epi32(a.high, b.high)};
}

static inline struct sums sums_minus(struct sums a, struct sums b)
{
    return (struct sums){_mm512_sub_epi32(a.low, b.low), _mm512_sub_epi32(a.high, b.high)};
}

static inline vec sums_narrow(struct sums sums, unsigned shift)
{
    return (vec)_mm512_packs_epi32(_mm512_srai_epi32(sums.low, shift), _mm512_srai_epi32(sums.high, shift));
}

/* Eight rows by the eight columns of each 128-bit block: column c of every block goes to rows[c]. */
static inline void transpose8(__m512i rows[8])
{
    __m512i pairs[8], fours[8];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        pairs[2 * i] = _mm512_unpacklo_epi16(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = _mm512_unpackhi_epi16(rows[2 * i], rows[2 * i + 1]);
    }
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; i++) {
#pragma GCC unroll 2
        for (size_t half = 0; half < 2; half++) {
            fours[4 * i + 2 * half] = _mm512_unpacklo_epi32(pairs[4 * i + half], pairs[4 * i + 2 + half]);
            fours[4 * i + 2 * half + 1] = _mm512_unpackhi_epi32(pairs[4 * i + half], pairs[4 * i + 2 + half]);
        }
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        rows[2 * i] = _mm512_unpacklo_epi64(fours[i], fours[4 + i]);
        rows[2 * i + 1] = _mm512_unpackhi_epi64(fours[i], fours[4 + i]);
    }
}

static void transpose(vec rows[LANES])
{
    __m512i *x = (__m512i *)rows;
    for (size_t group = 0; group < 4; group++)
        transpose8(x + 8 * group);
    /* now 4 x 4 blocks of 128 bits for every column of a block */
    __m512i out[LANES];
#pragma GCC unroll 8
    for (size_t column = 0; column < 8; column++) {
        __m512i a = _mm512_shuffle_i32x4(x[column], x[8 + column], 0x88);
        __m512i b = _mm512_shuffle_i32x4(x[column], x[8 + column], 0xdd);
        __m512i c = _mm512_shuffle_i32x4(x[16 + column], x[24 + column], 0x88);
        __m512i d = _mm512_shuffle_i32x4(x[16 + column], x[24 + column], 0xdd);
        out[column] = _mm512_shuffle_i32x4(a, c, 0x88);
        out[8 + column] = _mm512_shuffle_i32x4(b, d, 0x88);
        out[16 + column] = _mm512_shuffle_i32x4(a, c, 0xdd);
        out[24 + column] = _mm512_shuffle_i32x4(b, d, 0xdd);
    }
    for (size_t i = 0; i < LANES; i++)
        x[i] = out[i];
}

#include "simd/g722_tmpl.c"

void g722_encode_avx512(struct g722_state *const *states, const int16_t *const *pcm, uint8_t *const *out,
                        size_t n_channels, size_t n)
{
    encode_all(states, pcm, out, n_channels, n);
}

void g722_decode_avx512(struct g722_state *const *states, const uint8_t *const *in, int16_t *const *out,
                        size_t n_channels, size_t n_bytes)
{
    decode_all(states, in, out, n_channels, n_bytes);
}
