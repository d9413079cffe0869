/*
 * Mixing on AVX2. Two rows are interleaved and multiplied by ones with pmaddwd, which adds a pair of samples into int32
 * in one instruction. The accumulators stay in "unpack order" (low and high half of each 128-bit lane apart): packing
 * them back restores the sample order by itself, so nothing is ever permuted.
 *
 * Small conferences go column by column, accumulators in registers over all rows. Once the rows no longer fit in the
 * caches next to the core that order defeats the prefetcher (each row is another page), so large ones go row by row, a
 * few rows at a time, with the accumulators in L1.
 */
#include "simd/kernels.h"
#include <immintrin.h>

/* Half of a 1 MiB L2: above this many bytes of rows the row passes win (mixminus-bench kernels --only=mix). */
enum { COLUMN_BYTES_MAX = 512 * 1024 };

static inline __m256i load(const int16_t *p)
{
    return _mm256_load_si256((const __m256i *)p);
}

static inline void store(int16_t *p, __m256i v)
{
    _mm256_store_si256((__m256i *)p, v);
}

/* 16 samples as int32, in unpack order: samples 0-3 and 8-11 in low, 4-7 and 12-15 in high. */
struct sum16 {
    __m256i low, high;
};

static inline struct sum16 sum16_add(struct sum16 sum, __m256i a, __m256i b)
{
    const __m256i ones = _mm256_set1_epi16(1);
    sum.low = _mm256_add_epi32(sum.low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), ones));
    sum.high = _mm256_add_epi32(sum.high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), ones));
    return sum;
}

/* s1 = sat16(sum), s2 = sat16(sum - s1), both in sample order. */
static inline void sum16_split(struct sum16 sum, __m256i *s1, __m256i *s2)
{
    __m256i first = _mm256_packs_epi32(sum.low, sum.high);
    __m256i low = _mm256_srai_epi32(_mm256_unpacklo_epi16(first, first), 16);
    __m256i high = _mm256_srai_epi32(_mm256_unpackhi_epi16(first, first), 16);
    *s1 = first;
    *s2 = _mm256_packs_epi32(_mm256_sub_epi32(sum.low, low), _mm256_sub_epi32(sum.high, high));
}

/* sum - own, saturated: for every int16 own it is adds(subs(s1, own), s2). */
static inline __m256i minus(__m256i s1, __m256i s2, __m256i own)
{
    return _mm256_adds_epi16(_mm256_subs_epi16(s1, own), s2);
}

/* One block of SIMD_BLOCK samples over all rows; a row without a partner goes first. */
static inline void sum_column(const int16_t *const *rows, size_t n_rows, size_t at, struct sum16 *a, struct sum16 *b)
{
    const __m256i zero = _mm256_setzero_si256();
    struct sum16 first = {zero, zero}, second = first;
    size_t i = n_rows % 2;
    if (i) {
        first = sum16_add(first, load(rows[0] + at), zero);
        second = sum16_add(second, load(rows[0] + at + 16), zero);
    }
    for (; i < n_rows; i += 2) {
        const int16_t *x = rows[i] + at, *y = rows[i + 1] + at;
        first = sum16_add(first, load(x), load(y));
        second = sum16_add(second, load(x + 16), load(y + 16));
    }
    *a = first;
    *b = second;
}

/* Adds 8 rows (or fewer: a missing one is NULL and counts as silence) to the accumulators. */
static void sum_rows8(const int16_t *const *rows, size_t n_rows, size_t n, struct sum16 *sums)
{
    static const int16_t silence[SIMD_SAMPLES_MAX] __attribute__((aligned(64)));
    const int16_t *row[8];
    for (size_t i = 0; i < 8; i++)
        row[i] = i < n_rows ? rows[i] : silence;
    for (size_t at = 0; at < n; at += 16) {
        struct sum16 sum = sums[at / 16];
        for (size_t i = 0; i < 8; i += 2)
            sum = sum16_add(sum, load(row[i] + at), load(row[i + 1] + at));
        sums[at / 16] = sum;
    }
}

static void sum_split_by_rows(const int16_t *const *rows, size_t n_rows, size_t n, int16_t *s1, int16_t *s2)
{
    struct sum16 sums[SIMD_SAMPLES_MAX / 16];
    const struct sum16 none = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (size_t i = 0; i < n / 16; i++)
        sums[i] = none;
    for (size_t i = 0; i < n_rows; i += 8)
        sum_rows8(rows + i, n_rows - i, n, sums);
    for (size_t at = 0; at < n; at += 16) {
        __m256i first, second;
        sum16_split(sums[at / 16], &first, &second);
        store(s1 + at, first);
        store(s2 + at, second);
    }
}

void mix_sum_split_avx2(const int16_t *const *rows, size_t n_rows, size_t n, int16_t *s1, int16_t *s2)
{
    if (n_rows * n * sizeof(int16_t) > COLUMN_BYTES_MAX) {
        sum_split_by_rows(rows, n_rows, n, s1, s2);
        return;
    }
    for (size_t at = 0; at < n; at += SIMD_BLOCK) {
        struct sum16 a, b;
        __m256i a1, a2, b1, b2;
        sum_column(rows, n_rows, at, &a, &b);
        sum16_split(a, &a1, &a2);
        sum16_split(b, &b1, &b2);
        store(s1 + at, a1);
        store(s1 + at + 16, b1);
        store(s2 + at, a2);
        store(s2 + at + 16, b2);
    }
}

/* A large conference: the sum row by row, then N-1 row by row; the planes of the sum stay in L1. */
static void n1_by_rows(int16_t *const *rows, size_t n_rows, size_t n_own, size_t n, int16_t *bus)
{
    int16_t s2[SIMD_SAMPLES_MAX] __attribute__((aligned(64)));
    sum_split_by_rows((const int16_t *const *)rows, n_rows, n, bus, s2); /* s1 is the bus */
    for (size_t i = 0; i < n_own; i++) {
        for (size_t at = 0; at < n; at += SIMD_BLOCK) {
            int16_t *own = rows[i] + at;
            store(own, minus(load(bus + at), load(s2 + at), load(own)));
            store(own + 16, minus(load(bus + at + 16), load(s2 + at + 16), load(own + 16)));
        }
    }
}

void mix_n1_avx2(int16_t *const *rows, size_t n_rows, size_t n_own, size_t n, int16_t *bus)
{
    if (n_rows * n * sizeof(int16_t) > COLUMN_BYTES_MAX) {
        n1_by_rows(rows, n_rows, n_own, n, bus);
        return;
    }
    for (size_t at = 0; at < n; at += SIMD_BLOCK) {
        struct sum16 a, b;
        __m256i a1, a2, b1, b2;
        sum_column((const int16_t *const *)rows, n_rows, at, &a, &b);
        sum16_split(a, &a1, &a2);
        sum16_split(b, &b1, &b2);
        store(bus + at, a1);
        store(bus + at + 16, b1);
        for (size_t i = 0; i < n_own; i++) {
            int16_t *own = rows[i] + at;
            store(own, minus(a1, a2, load(own)));
            store(own + 16, minus(b1, b2, load(own + 16)));
        }
    }
}

/* Does any of 32 samples, saturated, lie beyond the knee? -32768 keeps magnitude 0x8000: compared as unsigned. */
static inline int any_over_knee(__m256i x, __m256i y)
{
    __m256i magnitude = _mm256_max_epu16(_mm256_abs_epi16(x), _mm256_abs_epi16(y));
    __m256i over = _mm256_subs_epu16(magnitude, _mm256_set1_epi16(SIMD_KNEE));
    return !_mm256_testz_si256(over, over);
}

/* The knee of simd.h for the magnitudes of 8 values; the operations and their order are those of ref/mix.c. */
static inline __m256i knee(__m256i y)
{
    const __m256 threshold = _mm256_set1_ps(SIMD_KNEE), room = _mm256_set1_ps(SIMD_KNEE_ROOM);
    const __m256 square = _mm256_set1_ps((float)SIMD_KNEE_ROOM * SIMD_KNEE_ROOM);
    const __m256 base = _mm256_set1_ps(SIMD_KNEE - SIMD_KNEE_ROOM);
    __m256 magnitude = _mm256_cvtepi32_ps(_mm256_abs_epi32(y));
    __m256 under = _mm256_min_ps(magnitude, threshold), above = _mm256_max_ps(magnitude, threshold);
    __m256 limited = _mm256_sub_ps(_mm256_add_ps(under, room), _mm256_div_ps(square, _mm256_sub_ps(above, base)));
    return _mm256_cvtps_epi32(limited);
}

/* Both halves limited, with the signs of the saturated samples. */
static inline __m256i sum16_limit(struct sum16 y, __m256i saturated)
{
    return _mm256_sign_epi16(_mm256_packs_epi32(knee(y.low), knee(y.high)), saturated);
}

/* y = s1 + s2 - own of 16 samples, in unpack order; own NULL counts as silence. */
static inline struct sum16 limiter_sum(const int16_t *s1, const int16_t *s2, const int16_t *own)
{
    const __m256i ones = _mm256_set1_epi16(1), minus_one = _mm256_set1_epi32(0xffff); /* words -1, 0 */
    __m256i a = load(s1), b = load(s2);
    __m256i low = _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), ones);
    __m256i high = _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), ones);
    if (own) {
        __m256i x = load(own);
        low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(x, x), minus_one));
        high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(x, x), minus_one));
    }
    return (struct sum16){low, high};
}

/* Most blocks of speech stay below the knee, where the limiter is the identity: those skip the floats. */
void limit_soft_avx2(const int16_t *s1, const int16_t *s2, const int16_t *own, int16_t *out, size_t n)
{
    for (size_t at = 0; at < n; at += SIMD_BLOCK) {
        struct sum16 x = limiter_sum(s1 + at, s2 + at, own ? own + at : NULL);
        struct sum16 y = limiter_sum(s1 + at + 16, s2 + at + 16, own ? own + at + 16 : NULL);
        __m256i x_saturated = _mm256_packs_epi32(x.low, x.high), y_saturated = _mm256_packs_epi32(y.low, y.high);
        if (any_over_knee(x_saturated, y_saturated)) {
            x_saturated = sum16_limit(x, x_saturated);
            y_saturated = sum16_limit(y, y_saturated);
        }
        store(out + at, x_saturated);
        store(out + at + 16, y_saturated);
    }
}
