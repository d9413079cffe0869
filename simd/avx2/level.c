/*
 * Level and gain on AVX2. Squares are added two by two with pmaddwd, which reaches 2^31 for a pair of -32768: such a
 * sum is read as unsigned, and no two of them may be added in 32 bits. So the low word of all sums is kept modulo 2^32
 * and the high halves are counted beside it; both together give the exact total.
 */
#include "simd/kernels.h"
#include <immintrin.h>

static inline __m256i load(const int16_t *p)
{
    return _mm256_load_si256((const __m256i *)p);
}

static inline uint32_t add_lanes(__m256i v)
{
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(1, 0, 3, 2)));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, _MM_SHUFFLE(2, 3, 0, 1)));
    return (uint32_t)_mm_cvtsi128_si32(sum);
}

/* Largest of 16 unsigned words; minpos finds the smallest, so the words are inverted. */
static inline int largest_u16(__m256i v)
{
    __m128i max = _mm_max_epu16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    __m128i smallest = _mm_minpos_epu16(_mm_xor_si128(max, _mm_set1_epi16(-1)));
    return (uint16_t)~_mm_cvtsi128_si32(smallest);
}

/*
 * total = 2^16 * sum(q >> 16) + sum(q & 0xffff) for the pair sums q. The second term is wrapped - 2^16 * sum(q >> 16)
 * modulo 2^32, and it is exact since SIMD_SAMPLES_MAX / 2 terms of 16 bits need no more than 26.
 */
static inline uint64_t join(uint32_t wrapped, uint32_t high_halves)
{
    return ((uint64_t)high_halves << 16) + (uint32_t)(wrapped - (high_halves << 16));
}

int level_avx2(const int16_t *in, size_t n, uint64_t *sum_squares)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i wrapped_a = zero, wrapped_b = zero, high_a = zero, high_b = zero, peak_a = zero, peak_b = zero;
    for (size_t i = 0; i < n; i += 32) {
        __m256i x = load(in + i), y = load(in + i + 16);
        __m256i squares_x = _mm256_madd_epi16(x, x), squares_y = _mm256_madd_epi16(y, y);
        wrapped_a = _mm256_add_epi32(wrapped_a, squares_x);
        wrapped_b = _mm256_add_epi32(wrapped_b, squares_y);
        high_a = _mm256_add_epi32(high_a, _mm256_srli_epi32(squares_x, 16));
        high_b = _mm256_add_epi32(high_b, _mm256_srli_epi32(squares_y, 16));
        peak_a = _mm256_max_epu16(peak_a, _mm256_abs_epi16(x));
        peak_b = _mm256_max_epu16(peak_b, _mm256_abs_epi16(y));
    }
    *sum_squares = join(add_lanes(_mm256_add_epi32(wrapped_a, wrapped_b)), add_lanes(_mm256_add_epi32(high_a, high_b)));
    int peak = largest_u16(_mm256_max_epu16(peak_a, peak_b));
    return peak > INT16_MAX ? INT16_MAX : peak;
}

/*
 * Even and odd samples' gains run in two accumulators. The odd gain's Q15 part already lies in the upper word, the even
 * one's is shifted into the lower: one blend gives 16 gains in order.
 */
void gain_ramp_avx2(int16_t *pcm, size_t n, int32_t g0_q31, int32_t dg_q31)
{
    const __m256i step = _mm256_set1_epi32((int32_t)(16u * (uint32_t)dg_q31));
    const __m256i even_index = _mm256_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14);
    const __m256i dg = _mm256_set1_epi32(dg_q31);
    __m256i even = _mm256_add_epi32(_mm256_set1_epi32(g0_q31), _mm256_mullo_epi32(even_index, dg));
    __m256i odd = _mm256_add_epi32(even, dg);
    for (size_t i = 0; i < n; i += 16) {
        __m256i gain = _mm256_blend_epi16(_mm256_srli_epi32(even, 16), odd, 0xaa);
        _mm256_store_si256((__m256i *)(pcm + i), _mm256_mulhrs_epi16(load(pcm + i), gain));
        even = _mm256_add_epi32(even, step);
        odd = _mm256_add_epi32(odd, step);
    }
}
