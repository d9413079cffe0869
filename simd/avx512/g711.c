/*
 * G.711 on AVX-512 (BW, VBMI), 64 samples at a time.
 *
 * Expanding: 7 bits of a code select one of 128 magnitudes; vpermi2b is a 128-entry byte table, so one for the low
 * bytes and one for the high bytes do it. Compressing: the segment comes from a 128-entry table over the high byte of
 * the magnitude, the step from a shift by the segment (vpsrlvw).
 */
#include "simd/kernels.h"
#include <immintrin.h>

/* The formulas of ref/g711.c for positive codes, as constant expressions: the tables below are made by the compiler. */
#define ULAW_SEGMENT(code) ((~(code) >> 4) & 7)
#define ULAW_MAGNITUDE(code) (((((~(code)&15) << 1) + 33) << ULAW_SEGMENT(code)) - 33) << 2
#define ALAW_SEGMENT(code) ((((code) ^ 0x55) >> 4) & 7)
#define ALAW_STEP(code) ((((code) ^ 0x55) & 15) << 1)
#define ALAW_MAGNITUDE(code)                                                                                           \
    (ALAW_SEGMENT(code) ? ((ALAW_STEP(code) + 33) << ALAW_SEGMENT(code)) >> 1 : ALAW_STEP(code) + 1) << 3

#define LOW(law, code) ((law(code)) & 255)
#define HIGH(law, code) ((law(code)) >> 8)
#define ROW4(half, law, i) half(law, i), half(law, (i) + 1), half(law, (i) + 2), half(law, (i) + 3)
#define ROW16(half, law, i)                                                                                            \
    ROW4(half, law, i), ROW4(half, law, (i) + 4), ROW4(half, law, (i) + 8), ROW4(half, law, (i) + 12)
#define ROW64(half, law, i)                                                                                            \
    ROW16(half, law, i), ROW16(half, law, (i) + 16), ROW16(half, law, (i) + 32), ROW16(half, law, (i) + 48)
#define ROW128(half, law) ROW64(half, law, 0), ROW64(half, law, 64)

struct magnitudes {
    uint8_t low[128], high[128];
};

static const struct magnitudes ulaw __attribute__((aligned(64))) = {
    {ROW128(LOW, ULAW_MAGNITUDE)},
    {ROW128(HIGH, ULAW_MAGNITUDE)},
};
static const struct magnitudes alaw __attribute__((aligned(64))) = {
    {ROW128(LOW, ALAW_MAGNITUDE)},
    {ROW128(HIGH, ALAW_MAGNITUDE)},
};

/* Number of significant bits of the index: the segment for a magnitude's high byte. */
#define BITS(unused, i) ((i) == 0 ? 0 : 32 - __builtin_clz((i) | !(i)))
static const uint8_t segments[128] __attribute__((aligned(64))) = {ROW128(BITS, )};

struct table128 {
    __m512i first, second;
};

static inline struct table128 table128(const uint8_t *bytes)
{
    return (struct table128){_mm512_load_si512(bytes), _mm512_load_si512(bytes + 64)};
}

static inline __m512i table128_get(struct table128 table, __m512i index)
{
    return _mm512_permutex2var_epi8(table.first, index, table.second);
}

/* Signed sample: the magnitude negated where the sign word is all ones. */
static inline __m512i with_sign(__m512i magnitude, __m512i sign)
{
    return _mm512_sub_epi16(_mm512_xor_si512(magnitude, sign), sign);
}

/* 64 codes to two vectors of 32 samples. Top bit set is positive in both laws. */
static inline void expand64(__m512i code, struct table128 lows, struct table128 highs, __m512i *first, __m512i *second)
{
    /* unpack works within 128-bit lanes: this order makes its two results come out in sample order */
    code = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 4, 1, 5, 2, 6, 3, 7), code);
    __m512i low = table128_get(lows, code), high = table128_get(highs, code);
    __m512i sign = _mm512_movm_epi8(~_mm512_movepi8_mask(code));
    *first = with_sign(_mm512_unpacklo_epi8(low, high), _mm512_unpacklo_epi8(sign, sign));
    *second = with_sign(_mm512_unpackhi_epi8(low, high), _mm512_unpackhi_epi8(sign, sign));
}

static inline void expand(const struct magnitudes *law, const uint8_t *in, int16_t *out, size_t n)
{
    const struct table128 lows = table128(law->low), highs = table128(law->high);
    __m512i first, second;
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        expand64(_mm512_loadu_si512(in + i), lows, highs, &first, &second);
        _mm512_storeu_si512(out + i, first);
        _mm512_storeu_si512(out + i + 32, second);
    }
    if (i < n) {
        __m256i last = _mm256_loadu_si256((const __m256i *)(in + i));
        expand64(_mm512_castsi256_si512(last), lows, highs, &first, &second);
        _mm512_storeu_si512(out + i, first);
    }
}

void ulaw_decode_avx512(const uint8_t *in, int16_t *out, size_t n)
{
    expand(&ulaw, in, out, n);
}

void alaw_decode_avx512(const uint8_t *in, int16_t *out, size_t n)
{
    expand(&alaw, in, out, n);
}

/* Truth tables of vpternlog over (a, b, c). */
enum {
    SELECT = 0xca,          /* a ? b : c */
    SELECT_INVERTED = 0x35, /* ~(a ? b : c) */
    XOR_MASKED = 0x78,      /* a ^ (b & c) */
};

/* 32 samples to codes in the low bytes of words; the high bytes are left over. */
static inline __m512i ulaw_code32(__m512i x, struct table128 segment_of)
{
    const __m512i step_bits = _mm512_set1_epi16(15), sign_bit = _mm512_set1_epi16(0x80);
    __m512i sign = _mm512_srai_epi16(x, 15);
    /* bias of 33 at 16 bits; saturation is the clip at 8191 */
    __m512i biased = _mm512_adds_epi16(_mm512_xor_si512(x, sign), _mm512_set1_epi16(132));
    __m512i segment = table128_get(segment_of, _mm512_srli_epi16(biased, 8));
    __m512i step = _mm512_srlv_epi16(_mm512_srli_epi16(biased, 3), segment);
    __m512i code = _mm512_ternarylogic_epi32(step_bits, step, _mm512_slli_epi16(segment, 4), SELECT_INVERTED);
    return _mm512_ternarylogic_epi32(code, sign, sign_bit, XOR_MASKED);
}

static inline __m512i alaw_code32(__m512i x, struct table128 segment_of)
{
    const __m512i step_bits = _mm512_set1_epi16(15), sign_bit = _mm512_set1_epi16(0x80);
    __m512i sign = _mm512_srai_epi16(x, 15);
    __m512i magnitude = _mm512_xor_si512(x, sign);
    __m512i segment = table128_get(segment_of, _mm512_srli_epi16(magnitude, 8));
    __m512i shift = _mm512_subs_epu16(segment, _mm512_set1_epi16(1)); /* segments 0 and 1 are one straight line */
    __m512i step = _mm512_srlv_epi16(_mm512_srli_epi16(magnitude, 4), shift);
    __m512i code = _mm512_ternarylogic_epi32(step_bits, step, _mm512_slli_epi16(segment, 4), SELECT);
    code = _mm512_ternarylogic_epi32(code, sign, sign_bit, XOR_MASKED);
    return _mm512_xor_si512(code, _mm512_set1_epi16(0xd5));
}

typedef __m512i (*code32_fn)(__m512i x, struct table128 segment_of);

/* code32 is one of the two functions above; after inlining there is no call. */
static inline __attribute__((always_inline)) void compress(code32_fn code32, const int16_t *in, uint8_t *out, size_t n)
{
    const struct table128 segment_of = table128(segments);
    size_t i = 0;
    for (; i + 64 <= n; i += 64) {
        __m256i first = _mm512_cvtepi16_epi8(code32(_mm512_loadu_si512(in + i), segment_of));
        __m256i second = _mm512_cvtepi16_epi8(code32(_mm512_loadu_si512(in + i + 32), segment_of));
        _mm512_storeu_si512(out + i, _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1));
    }
    if (i < n)
        _mm256_storeu_si256((__m256i *)(out + i), _mm512_cvtepi16_epi8(code32(_mm512_loadu_si512(in + i), segment_of)));
}

void ulaw_encode_avx512(const int16_t *in, uint8_t *out, size_t n)
{
    compress(ulaw_code32, in, out, n);
}

void alaw_encode_avx512(const int16_t *in, uint8_t *out, size_t n)
{
    compress(alaw_code32, in, out, n);
}
