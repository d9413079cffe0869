/*
 * Level and gain, the specification: energy and peak of a frame, and a linear gain ramp with the rounding of a Q15
 * multiply (x * g + 0x4000) >> 15.
 */
#include "simd/kernels.h"

int level_ref(const int16_t *in, size_t n, uint64_t *sum_squares)
{
    uint64_t sum = 0;
    int peak = 0;
    for (size_t i = 0; i < n; i++) {
        int magnitude = in[i] < 0 ? -in[i] : in[i];
        sum += (uint32_t)(magnitude * magnitude);
        peak = magnitude > peak ? magnitude : peak;
    }
    *sum_squares = sum;
    return peak > INT16_MAX ? INT16_MAX : peak;
}

void gain_ramp_ref(int16_t *pcm, size_t n, int32_t g0_q31, int32_t dg_q31)
{
    int64_t gain_q31 = g0_q31; /* one step beyond the last sample may leave int32 */
    for (size_t i = 0; i < n; i++) {
        int32_t gain_q15 = (int32_t)(gain_q31 >> 16);
        pcm[i] = (int16_t)((pcm[i] * gain_q15 + 0x4000) >> 15);
        gain_q31 += dg_q31;
    }
}
