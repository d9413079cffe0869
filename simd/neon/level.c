/*
 * Level and gain on NEON (aarch64). Squares widen to 32 bits and are added pairwise into 64, so nothing can overflow.
 */
#include "simd/kernels.h"
#include <arm_neon.h>

int level_neon(const int16_t *in, size_t n, uint64_t *sum_squares)
{
    uint64x2_t low = vdupq_n_u64(0), high = low;
    uint16x8_t peak = vdupq_n_u16(0);
    for (size_t i = 0; i < n; i += 8) {
        int16x8_t x = vld1q_s16(in + i);
        low = vpadalq_u32(low, vreinterpretq_u32_s32(vmull_s16(vget_low_s16(x), vget_low_s16(x))));
        high = vpadalq_u32(high, vreinterpretq_u32_s32(vmull_high_s16(x, x)));
        peak = vmaxq_u16(peak, vreinterpretq_u16_s16(vabsq_s16(x)));
    }
    *sum_squares = vaddvq_u64(vaddq_u64(low, high));
    int largest = vmaxvq_u16(peak);
    return largest > INT16_MAX ? INT16_MAX : largest;
}

/* vqrdmulh is the rounded Q15 multiply; it saturates only for -1 times -1, and gains are not negative. */
void gain_ramp_neon(int16_t *pcm, size_t n, int32_t g0_q31, int32_t dg_q31)
{
    static const int32_t index[4] = {0, 1, 2, 3};
    const int32x4_t four = vdupq_n_s32((int32_t)(4u * (uint32_t)dg_q31)), eight = vaddq_s32(four, four);
    int32x4_t low = vmlaq_s32(vdupq_n_s32(g0_q31), vld1q_s32(index), vdupq_n_s32(dg_q31));
    int32x4_t high = vaddq_s32(low, four);
    for (size_t i = 0; i < n; i += 8) {
        int16x8_t gain = vshrn_high_n_s32(vshrn_n_s32(low, 16), high, 16);
        vst1q_s16(pcm + i, vqrdmulhq_s16(vld1q_s16(pcm + i), gain));
        low = vaddq_s32(low, eight);
        high = vaddq_s32(high, eight);
    }
}
