/*
 * Resampling on NEON (aarch64): 16 outputs at a time in four accumulators, one tap a step. The structured loads and
 * stores (ld2, ld3, st2, st3) do the interleaving; factor 6 is three pairs.
 */
#include "simd/kernels.h"
#include <arm_neon.h>
#include <string.h>

enum { HISTORY = FIR_TAPS - 1, STEP = 16 };

struct window {
    int16_t samples[HISTORY + FIR_LOW_MAX];
};

struct sums {
    int32x4_t a, b, c, d;
};

/* 16 samples in order. */
struct samples16 {
    int16x8_t a, b;
};

static inline struct sums sums_zero(void)
{
    const int32x4_t zero = vdupq_n_s32(0);
    return (struct sums){zero, zero, zero, zero};
}

static inline struct sums convolve(struct sums sums, const int16_t *window, const int16_t *coef)
{
    for (size_t j = 0; j < FIR_TAPS; j++) {
        int16x8_t x = vld1q_s16(window + j), y = vld1q_s16(window + j + 8);
        sums.a = vmlal_n_s16(sums.a, vget_low_s16(x), coef[j]);
        sums.b = vmlal_high_n_s16(sums.b, x, coef[j]);
        sums.c = vmlal_n_s16(sums.c, vget_low_s16(y), coef[j]);
        sums.d = vmlal_high_n_s16(sums.d, y, coef[j]);
    }
    return sums;
}

/* Rounded shift by 14, saturated: vqrshrn does both in one. */
static inline struct samples16 sums_finish(struct sums sums)
{
    return (struct samples16){vqrshrn_high_n_s32(vqrshrn_n_s32(sums.a, 14), sums.b, 14),
                              vqrshrn_high_n_s32(vqrshrn_n_s32(sums.c, 14), sums.d, 14)};
}

/* Words of two vectors as pairs: a0 b0 a1 b1 ... */
static inline uint32x4_t pair_low(int16x8_t a, int16x8_t b)
{
    return vreinterpretq_u32_s16(vzip1q_s16(a, b));
}

static inline uint32x4_t pair_high(int16x8_t a, int16x8_t b)
{
    return vreinterpretq_u32_s16(vzip2q_s16(a, b));
}

static inline void store6(int16_t *out, const int16x8_t *q)
{
    uint32x4x3_t low = {{pair_low(q[0], q[1]), pair_low(q[2], q[3]), pair_low(q[4], q[5])}};
    uint32x4x3_t high = {{pair_high(q[0], q[1]), pair_high(q[2], q[3]), pair_high(q[4], q[5])}};
    vst3q_u32((uint32_t *)out, low);
    vst3q_u32((uint32_t *)(out + 24), high);
}

static inline void store_interleaved(int16_t *out, const struct samples16 *q, size_t factor)
{
    if (factor == 2) {
        vst2q_s16(out, (int16x8x2_t){{q[0].a, q[1].a}});
        vst2q_s16(out + 16, (int16x8x2_t){{q[0].b, q[1].b}});
    } else if (factor == 3) {
        vst3q_s16(out, (int16x8x3_t){{q[0].a, q[1].a, q[2].a}});
        vst3q_s16(out + 24, (int16x8x3_t){{q[0].b, q[1].b, q[2].b}});
    } else {
        store6(out, (int16x8_t[]){q[0].a, q[1].a, q[2].a, q[3].a, q[4].a, q[5].a});
        store6(out + 48, (int16x8_t[]){q[0].b, q[1].b, q[2].b, q[3].b, q[4].b, q[5].b});
    }
}

void fir_up_neon(const struct fir_bank *bank, struct fir_state *state, const int16_t *in, int16_t *out, size_t n_low)
{
    struct window window;
    size_t factor = (size_t)bank->factor;
    memcpy(window.samples, state->hist[0], HISTORY * sizeof(int16_t));
    memcpy(window.samples + HISTORY, in, n_low * sizeof(int16_t));
    for (size_t i = 0; i < n_low; i += STEP) {
        struct samples16 q[FIR_FACTOR_MAX];
        for (size_t p = 0; p < factor; p++)
            q[p] = sums_finish(convolve(sums_zero(), window.samples + i, bank->up[p]));
        store_interleaved(out + factor * i, q, factor);
    }
    memcpy(state->hist[0], window.samples + n_low, HISTORY * sizeof(int16_t));
}

/* 8 samples of each of 6 streams. */
static inline void split6(const int16_t *in, int16x8_t *q)
{
    uint32x4x3_t low = vld3q_u32((const uint32_t *)in), high = vld3q_u32((const uint32_t *)(in + 24));
    for (size_t i = 0; i < 3; i++) {
        int16x8_t x = vreinterpretq_s16_u32(low.val[i]), y = vreinterpretq_s16_u32(high.val[i]);
        q[2 * i] = vuzp1q_s16(x, y);
        q[2 * i + 1] = vuzp2q_s16(x, y);
    }
}

static inline void split8(const int16_t *in, int16x8_t *q, size_t factor)
{
    if (factor == 2) {
        int16x8x2_t v = vld2q_s16(in);
        memcpy(q, &v, sizeof(v));
    } else if (factor == 3) {
        int16x8x3_t v = vld3q_s16(in);
        memcpy(q, &v, sizeof(v));
    } else {
        split6(in, q);
    }
}

void fir_down_neon(const struct fir_bank *bank, struct fir_state *state, const int16_t *in, int16_t *out, size_t n_low)
{
    struct window windows[FIR_FACTOR_MAX];
    size_t factor = (size_t)bank->factor;
    for (size_t m = 0; m < factor; m++)
        memcpy(windows[m].samples, state->hist[m], HISTORY * sizeof(int16_t));
    for (size_t i = 0; i < n_low; i += 8) {
        int16x8_t q[FIR_FACTOR_MAX];
        split8(in + factor * i, q, factor);
        for (size_t m = 0; m < factor; m++)
            vst1q_s16(windows[m].samples + HISTORY + i, q[m]);
    }
    for (size_t i = 0; i < n_low; i += STEP) {
        struct sums sums = sums_zero();
        for (size_t m = 0; m < factor; m++)
            sums = convolve(sums, windows[m].samples + i, bank->down[m]);
        struct samples16 y = sums_finish(sums);
        vst1q_s16(out + i, y.a);
        vst1q_s16(out + i + 8, y.b);
    }
    for (size_t m = 0; m < factor; m++)
        memcpy(state->hist[m], windows[m].samples + n_low, HISTORY * sizeof(int16_t));
}
