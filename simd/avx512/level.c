/*
 * Level and gain on AVX-512 (BW). Squares are added two by two with pmaddwd, which reaches 2^31 for a pair of -32768:
 * such a sum is read as unsigned, and no two of them may be added in 32 bits. So the low word of all sums is kept
 * modulo 2^32 and the high halves are counted beside it; both together give the exact total.
 */
#include "simd/kernels.h"
#include <immintrin.h>

/* Modulo 2^32. Not _mm512_reduce_add_epi32, whose last additions are of signed scalars, where wrapping is undefined. */
static inline uint32_t add_lanes(__m512i v)
{
    __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(1, 0, 3, 2)));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(2, 3, 0, 1)));
    return (uint32_t)_mm_cvtsi128_si32(sum);
}

/* Largest of 32 unsigned words; minpos finds the smallest, so the words are inverted. */
static inline int largest_u16(__m512i v)
{
    __m256i half = _mm256_max_epu16(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    __m128i max = _mm_max_epu16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    __m128i smallest = _mm_minpos_epu16(_mm_xor_si128(max, _mm_set1_epi16(-1)));
    return (uint16_t)~_mm_cvtsi128_si32(smallest);
}

/* See avx2/level.c: 2^16 * sum(q >> 16) + sum(q & 0xffff), the second from the wrapped sum. */
static inline uint64_t join(uint32_t wrapped, uint32_t high_halves)
{
    return ((uint64_t)high_halves << 16) + (uint32_t)(wrapped - (high_halves << 16));
}

int level_avx512(const int16_t *in, size_t n, uint64_t *sum_squares)
{
    __m512i wrapped = _mm512_setzero_si512(), high = wrapped, peak = wrapped;
    for (size_t i = 0; i < n; i += 32) {
        __m512i x = _mm512_load_si512(in + i);
        __m512i squares = _mm512_madd_epi16(x, x);
        wrapped = _mm512_add_epi32(wrapped, squares);
        high = _mm512_add_epi32(high, _mm512_srli_epi32(squares, 16));
        peak = _mm512_max_epu16(peak, _mm512_abs_epi16(x));
    }
    *sum_squares = join(add_lanes(wrapped), add_lanes(high));
    int largest = largest_u16(peak);
    return largest > INT16_MAX ? INT16_MAX : largest;
}

/* As in avx2/level.c: even gains shifted into the lower words, odd gains already lie in the upper ones. */
void gain_ramp_avx512(int16_t *pcm, size_t n, int32_t g0_q31, int32_t dg_q31)
{
    const __m512i step = _mm512_set1_epi32((int32_t)(32u * (uint32_t)dg_q31));
    const __m512i even_index = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i dg = _mm512_set1_epi32(dg_q31);
    __m512i even = _mm512_add_epi32(_mm512_set1_epi32(g0_q31), _mm512_mullo_epi32(even_index, dg));
    __m512i odd = _mm512_add_epi32(even, dg);
    for (size_t i = 0; i < n; i += 32) {
        __m512i gain = _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(even, 16), odd);
        _mm512_store_si512(pcm + i, _mm512_mulhrs_epi16(_mm512_load_si512(pcm + i), gain));
        even = _mm512_add_epi32(even, step);
        odd = _mm512_add_epi32(odd, step);
    }
}
