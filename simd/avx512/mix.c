/*
 * Mixing on AVX-512 (F, BW, VL, VNNI). Two rows are interleaved and multiplied by ones with vpdpwssd, which adds a pair
 * of samples to the int32 accumulators in one instruction. The accumulators stay in "unpack order" (low and high half
 * of each 128-bit lane apart): packing them back restores the sample order by itself.
 *
 * Small conferences go column by column, accumulators in registers over all rows. Once the rows no longer fit in the
 * caches next to the core that order defeats the prefetcher (each row is another page), so large ones go row by row, a
 * few rows at a time, with the accumulators in L1.
 */
#include "simd/kernels.h"
#include <immintrin.h>

/* Half of a 1 MiB L2: above this many bytes of rows the row passes win (mixminus-bench kernels --only=mix). */
enum { COLUMN_BYTES_MAX = 512 * 1024 };

static inline __m512i load(const int16_t *p)
{
    return _mm512_load_si512(p);
}

static inline void store(int16_t *p, __m512i v)
{
    _mm512_store_si512(p, v);
}

/* 32 samples as int32, in unpack order: the first four of each eight in low, the others in high. */
struct sum32 {
    __m512i low, high;
};

static inline struct sum32 sum32_zero(void)
{
    return (struct sum32){_mm512_setzero_si512(), _mm512_setzero_si512()};
}

static inline struct sum32 sum32_add(struct sum32 sum, __m512i a, __m512i b)
{
    const __m512i ones = _mm512_set1_epi16(1);
    sum.low = _mm512_dpwssd_epi32(sum.low, _mm512_unpacklo_epi16(a, b), ones);
    sum.high = _mm512_dpwssd_epi32(sum.high, _mm512_unpackhi_epi16(a, b), ones);
    return sum;
}

static inline struct sum32 sum32_join(struct sum32 a, struct sum32 b)
{
    return (struct sum32){_mm512_add_epi32(a.low, b.low), _mm512_add_epi32(a.high, b.high)};
}

/* s1 = sat16(sum), s2 = sat16(sum - s1), both in sample order. */
static inline void sum32_split(struct sum32 sum, __m512i *s1, __m512i *s2)
{
    const __m512i minus_one = _mm512_set1_epi32(0xffff); /* words -1, 0 */
    __m512i first = _mm512_packs_epi32(sum.low, sum.high);
    *s1 = first;
    *s2 = _mm512_packs_epi32(_mm512_dpwssd_epi32(sum.low, _mm512_unpacklo_epi16(first, first), minus_one),
                             _mm512_dpwssd_epi32(sum.high, _mm512_unpackhi_epi16(first, first), minus_one));
}

/* sum - own, saturated: for every int16 own it is adds(subs(s1, own), s2). */
static inline __m512i minus(__m512i s1, __m512i s2, __m512i own)
{
    return _mm512_adds_epi16(_mm512_subs_epi16(s1, own), s2);
}

/*
 * Two blocks of SIMD_BLOCK samples over all rows: four chains of vpdpwssd hide its latency. A row without a partner
 * goes first.
 */
static inline void sum_column64(const int16_t *const *rows, size_t n_rows, size_t at, struct sum32 *a, struct sum32 *b)
{
    struct sum32 first = sum32_zero(), second = first;
    size_t i = n_rows % 2;
    if (i) {
        first = sum32_add(first, load(rows[0] + at), _mm512_setzero_si512());
        second = sum32_add(second, load(rows[0] + at + 32), _mm512_setzero_si512());
    }
    for (; i < n_rows; i += 2) {
        const int16_t *x = rows[i] + at, *y = rows[i + 1] + at;
        first = sum32_add(first, load(x), load(y));
        second = sum32_add(second, load(x + 32), load(y + 32));
    }
    *a = first;
    *b = second;
}

/* One block, for the end of a row: here four rows a turn give the four chains. */
static inline struct sum32 sum_column32(const int16_t *const *rows, size_t n_rows, size_t at)
{
    struct sum32 first = sum32_zero(), second = first;
    size_t i = 0;
    for (; i + 4 <= n_rows; i += 4) {
        first = sum32_add(first, load(rows[i] + at), load(rows[i + 1] + at));
        second = sum32_add(second, load(rows[i + 2] + at), load(rows[i + 3] + at));
    }
    for (; i < n_rows; i++)
        first = sum32_add(first, load(rows[i] + at), _mm512_setzero_si512());
    return sum32_join(first, second);
}

/* Adds 8 rows (or fewer: a missing one counts as silence) to the accumulators. */
static void sum_rows8(const int16_t *const *rows, size_t n_rows, size_t n, struct sum32 *sums)
{
    static const int16_t silence[SIMD_SAMPLES_MAX] __attribute__((aligned(64)));
    const int16_t *row[8];
    for (size_t i = 0; i < 8; i++)
        row[i] = i < n_rows ? rows[i] : silence;
    for (size_t at = 0; at < n; at += 32) {
        struct sum32 first = sums[at / 32], second = sum32_zero();
        first = sum32_add(first, load(row[0] + at), load(row[1] + at));
        second = sum32_add(second, load(row[2] + at), load(row[3] + at));
        first = sum32_add(first, load(row[4] + at), load(row[5] + at));
        second = sum32_add(second, load(row[6] + at), load(row[7] + at));
        sums[at / 32] = sum32_join(first, second);
    }
}

static void sum_split_by_rows(const int16_t *const *rows, size_t n_rows, size_t n, int16_t *s1, int16_t *s2)
{
    struct sum32 sums[SIMD_SAMPLES_MAX / 32];
    for (size_t i = 0; i < n / 32; i++)
        sums[i] = sum32_zero();
    for (size_t i = 0; i < n_rows; i += 8)
        sum_rows8(rows + i, n_rows - i, n, sums);
    for (size_t at = 0; at < n; at += 32) {
        __m512i first, second;
        sum32_split(sums[at / 32], &first, &second);
        store(s1 + at, first);
        store(s2 + at, second);
    }
}

void mix_sum_split_avx512(const int16_t *const *rows, size_t n_rows, size_t n, int16_t *s1, int16_t *s2)
{
    if (n_rows * n * sizeof(int16_t) > COLUMN_BYTES_MAX) {
        sum_split_by_rows(rows, n_rows, n, s1, s2);
        return;
    }
    __m512i first, second;
    size_t at = 0;
    for (; at + 64 <= n; at += 64) {
        struct sum32 a, b;
        sum_column64(rows, n_rows, at, &a, &b);
        sum32_split(a, &first, &second);
        store(s1 + at, first);
        store(s2 + at, second);
        sum32_split(b, &first, &second);
        store(s1 + at + 32, first);
        store(s2 + at + 32, second);
    }
    if (at < n) {
        sum32_split(sum_column32(rows, n_rows, at), &first, &second);
        store(s1 + at, first);
        store(s2 + at, second);
    }
}

/* A large conference: the sum row by row, then N-1 row by row; the planes of the sum stay in L1. */
static void n1_by_rows(int16_t *const *rows, size_t n_rows, size_t n_own, size_t n, int16_t *bus)
{
    int16_t s2[SIMD_SAMPLES_MAX] __attribute__((aligned(64)));
    sum_split_by_rows((const int16_t *const *)rows, n_rows, n, bus, s2); /* s1 is the bus */
    for (size_t i = 0; i < n_own; i++)
        for (size_t at = 0; at < n; at += 32)
            store(rows[i] + at, minus(load(bus + at), load(s2 + at), load(rows[i] + at)));
}

void mix_n1_avx512(int16_t *const *rows, size_t n_rows, size_t n_own, size_t n, int16_t *bus)
{
    if (n_rows * n * sizeof(int16_t) > COLUMN_BYTES_MAX) {
        n1_by_rows(rows, n_rows, n_own, n, bus);
        return;
    }
    const int16_t *const *in = (const int16_t *const *)rows;
    __m512i a1, a2, b1, b2;
    size_t at = 0;
    for (; at + 64 <= n; at += 64) {
        struct sum32 a, b;
        sum_column64(in, n_rows, at, &a, &b);
        sum32_split(a, &a1, &a2);
        sum32_split(b, &b1, &b2);
        store(bus + at, a1);
        store(bus + at + 32, b1);
        for (size_t i = 0; i < n_own; i++) {
            int16_t *own = rows[i] + at;
            store(own, minus(a1, a2, load(own)));
            store(own + 32, minus(b1, b2, load(own + 32)));
        }
    }
    if (at < n) {
        sum32_split(sum_column32(in, n_rows, at), &a1, &a2);
        store(bus + at, a1);
        for (size_t i = 0; i < n_own; i++)
            store(rows[i] + at, minus(a1, a2, load(rows[i] + at)));
    }
}

/* Does any of 32 samples, saturated, lie beyond the knee? -32768 keeps magnitude 0x8000: compared as unsigned. */
static inline int any_over_knee(__m512i saturated)
{
    return _mm512_cmpgt_epu16_mask(_mm512_abs_epi16(saturated), _mm512_set1_epi16(SIMD_KNEE)) != 0;
}

enum { COPY_SIGN = 0xf8 }; /* vpternlog truth table: a | (b & c) */

/* The knee of simd.h for 16 values; the operations and their order are those of ref/mix.c. */
static inline __m512i knee(__m512i y)
{
    const __m512 threshold = _mm512_set1_ps(SIMD_KNEE), room = _mm512_set1_ps(SIMD_KNEE_ROOM);
    const __m512 square = _mm512_set1_ps((float)SIMD_KNEE_ROOM * SIMD_KNEE_ROOM);
    const __m512 base = _mm512_set1_ps(SIMD_KNEE - SIMD_KNEE_ROOM);
    const __m512i sign_bit = _mm512_set1_epi32(INT32_MIN);
    __m512 value = _mm512_cvtepi32_ps(y);
    __m512 magnitude = _mm512_abs_ps(value);
    __m512 under = _mm512_min_ps(magnitude, threshold), above = _mm512_max_ps(magnitude, threshold);
    __m512 limited = _mm512_sub_ps(_mm512_add_ps(under, room), _mm512_div_ps(square, _mm512_sub_ps(above, base)));
    __m512i with_sign =
        _mm512_ternarylogic_epi32(_mm512_castps_si512(limited), _mm512_castps_si512(value), sign_bit, COPY_SIGN);
    return _mm512_cvtps_epi32(_mm512_castsi512_ps(with_sign));
}

/* Most blocks of speech stay below the knee, where the limiter is the identity: those skip the floats. */
void limit_soft_avx512(const int16_t *s1, const int16_t *s2, const int16_t *own, int16_t *out, size_t n)
{
    const __m512i ones = _mm512_set1_epi16(1), minus_one = _mm512_set1_epi32(0xffff); /* words -1, 0 */
    for (size_t at = 0; at < n; at += 32) {
        __m512i a = load(s1 + at), b = load(s2 + at);
        __m512i low = _mm512_madd_epi16(_mm512_unpacklo_epi16(a, b), ones);
        __m512i high = _mm512_madd_epi16(_mm512_unpackhi_epi16(a, b), ones);
        if (own) {
            __m512i x = load(own + at);
            low = _mm512_dpwssd_epi32(low, _mm512_unpacklo_epi16(x, x), minus_one);
            high = _mm512_dpwssd_epi32(high, _mm512_unpackhi_epi16(x, x), minus_one);
        }
        __m512i saturated = _mm512_packs_epi32(low, high);
        if (any_over_knee(saturated))
            saturated = _mm512_packs_epi32(knee(low), knee(high));
        store(out + at, saturated);
    }
}
