/*
 * Mixing on NEON (aarch64). Widening adds take int16 straight into int32 accumulators, in sample order. Small
 * conferences go column by column with the accumulators in registers; large ones row by row, as on the other ISAs.
 */
#include "simd/kernels.h"
#include <arm_neon.h>

enum { COLUMN_BYTES_MAX = 512 * 1024 };

struct sum16 {
    int32x4_t a, b, c, d;
};

static inline struct sum16 sum16_zero(void)
{
    const int32x4_t zero = vdupq_n_s32(0);
    return (struct sum16){zero, zero, zero, zero};
}

static inline struct sum16 sum16_add(struct sum16 sum, const int16_t *p)
{
    int16x8_t x = vld1q_s16(p), y = vld1q_s16(p + 8);
    sum.a = vaddw_s16(sum.a, vget_low_s16(x));
    sum.b = vaddw_high_s16(sum.b, x);
    sum.c = vaddw_s16(sum.c, vget_low_s16(y));
    sum.d = vaddw_high_s16(sum.d, y);
    return sum;
}

/* s1 = sat16(sum), s2 = sat16(sum - s1) for 8 samples. */
static inline int16x8_t split_first(int32x4_t a, int32x4_t b)
{
    return vqmovn_high_s32(vqmovn_s32(a), b);
}

static inline int16x8_t split_second(int32x4_t a, int32x4_t b, int16x8_t first)
{
    return vqmovn_high_s32(vqmovn_s32(vsubw_s16(a, vget_low_s16(first))), vsubw_high_s16(b, first));
}

static inline void sum16_store(struct sum16 sum, int16_t *s1, int16_t *s2)
{
    int16x8_t x = split_first(sum.a, sum.b), y = split_first(sum.c, sum.d);
    vst1q_s16(s1, x);
    vst1q_s16(s1 + 8, y);
    vst1q_s16(s2, split_second(sum.a, sum.b, x));
    vst1q_s16(s2 + 8, split_second(sum.c, sum.d, y));
}

/* sum - own, saturated: for every int16 own it is adds(subs(s1, own), s2). */
static inline int16x8_t minus(int16x8_t s1, int16x8_t s2, int16x8_t own)
{
    return vqaddq_s16(vqsubq_s16(s1, own), s2);
}

static void sum_split_by_rows(const int16_t *const *rows, size_t n_rows, size_t n, int16_t *s1, int16_t *s2)
{
    struct sum16 sums[SIMD_SAMPLES_MAX / 16];
    for (size_t i = 0; i < n / 16; i++)
        sums[i] = sum16_zero();
    for (size_t i_row = 0; i_row < n_rows; i_row += 4) {
        size_t n_now = n_rows - i_row < 4 ? n_rows - i_row : 4;
        for (size_t at = 0; at < n; at += 16) {
            struct sum16 sum = sums[at / 16];
            for (size_t i = 0; i < n_now; i++)
                sum = sum16_add(sum, rows[i_row + i] + at);
            sums[at / 16] = sum;
        }
    }
    for (size_t at = 0; at < n; at += 16)
        sum16_store(sums[at / 16], s1 + at, s2 + at);
}

void mix_sum_split_neon(const int16_t *const *rows, size_t n_rows, size_t n, int16_t *s1, int16_t *s2)
{
    if (n_rows * n * sizeof(int16_t) > COLUMN_BYTES_MAX) {
        sum_split_by_rows(rows, n_rows, n, s1, s2);
        return;
    }
    for (size_t at = 0; at < n; at += SIMD_BLOCK) {
        struct sum16 first = sum16_zero(), second = first;
        for (size_t i = 0; i < n_rows; i++) {
            first = sum16_add(first, rows[i] + at);
            second = sum16_add(second, rows[i] + at + 16);
        }
        sum16_store(first, s1 + at, s2 + at);
        sum16_store(second, s1 + at + 16, s2 + at + 16);
    }
}

void mix_n1_neon(int16_t *const *rows, size_t n_rows, size_t n_own, size_t n, int16_t *bus)
{
    int16_t s2[SIMD_SAMPLES_MAX] __attribute__((aligned(64)));
    mix_sum_split_neon((const int16_t *const *)rows, n_rows, n, bus, s2); /* s1 is the bus */
    for (size_t i = 0; i < n_own; i++)
        for (size_t at = 0; at < n; at += 8)
            vst1q_s16(rows[i] + at, minus(vld1q_s16(bus + at), vld1q_s16(s2 + at), vld1q_s16(rows[i] + at)));
}

/* The knee of simd.h for 4 values; the operations and their order are those of ref/mix.c. */
static inline int32x4_t knee(int32x4_t y)
{
    const float32x4_t threshold = vdupq_n_f32(SIMD_KNEE), room = vdupq_n_f32(SIMD_KNEE_ROOM);
    const float32x4_t square = vdupq_n_f32((float)SIMD_KNEE_ROOM * SIMD_KNEE_ROOM);
    const float32x4_t base = vdupq_n_f32(SIMD_KNEE - SIMD_KNEE_ROOM);
    float32x4_t magnitude = vcvtq_f32_s32(vabsq_s32(y));
    float32x4_t under = vminq_f32(magnitude, threshold), above = vmaxq_f32(magnitude, threshold);
    float32x4_t limited = vsubq_f32(vaddq_f32(under, room), vdivq_f32(square, vsubq_f32(above, base)));
    int32x4_t rounded = vcvtnq_s32_f32(limited);
    return vbslq_s32(vcltzq_s32(y), vnegq_s32(rounded), rounded);
}

void limit_soft_neon(const int16_t *s1, const int16_t *s2, const int16_t *own, int16_t *out, size_t n)
{
    for (size_t at = 0; at < n; at += 8) {
        int16x8_t a = vld1q_s16(s1 + at), b = vld1q_s16(s2 + at);
        int32x4_t low = vaddl_s16(vget_low_s16(a), vget_low_s16(b)), high = vaddl_high_s16(a, b);
        if (own) {
            int16x8_t x = vld1q_s16(own + at);
            low = vsubw_s16(low, vget_low_s16(x));
            high = vsubw_high_s16(high, x);
        }
        vst1q_s16(out + at, vqmovn_high_s32(vqmovn_s32(knee(low)), knee(high)));
    }
}
