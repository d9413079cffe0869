/*
 * G.711 on NEON (aarch64), 8 samples at a time. Lanes shift by their own counts here, so the segment formulas of
 * ref/g711.c carry over as they stand; the leading bit is found by vclz.
 */
#include "simd/kernels.h"
#include <arm_neon.h>

/* All ones in lanes where bit 7 of the code is set. */
static inline int16x8_t top_bit(uint8x8_t code)
{
    return vshrq_n_s16(vreinterpretq_s16_u16(vshll_n_u8(code, 8)), 15);
}

static inline int16x8_t segment_of(uint8x8_t code)
{
    return vreinterpretq_s16_u16(vmovl_u8(vand_u8(vshr_n_u8(code, 4), vdup_n_u8(7))));
}

static inline int16x8_t step_of(uint8x8_t code)
{
    return vreinterpretq_s16_u16(vshll_n_u8(vand_u8(code, vdup_n_u8(15)), 1));
}

/* -x where the mask is all ones. */
static inline int16x8_t negate_where(int16x8_t x, int16x8_t mask)
{
    return vsubq_s16(veorq_s16(x, mask), mask);
}

void ulaw_decode_neon(const uint8_t *in, int16_t *out, size_t n)
{
    const int16x8_t bias = vdupq_n_s16(33);
    for (size_t i = 0; i < n; i += 8) {
        uint8x8_t code = vmvn_u8(vld1_u8(in + i));
        int16x8_t biased = vshlq_s16(vaddq_s16(step_of(code), bias), segment_of(code));
        vst1q_s16(out + i, negate_where(vshlq_n_s16(vsubq_s16(biased, bias), 2), top_bit(code)));
    }
}

void alaw_decode_neon(const uint8_t *in, int16_t *out, size_t n)
{
    const int16x8_t zero = vdupq_n_s16(0), one = vdupq_n_s16(1), lead = vdupq_n_s16(32);
    for (size_t i = 0; i < n; i += 8) {
        uint8x8_t code = veor_u8(vld1_u8(in + i), vdup_n_u8(0x55));
        int16x8_t segment = segment_of(code);
        int16x8_t leading = vandq_s16(vreinterpretq_s16_u16(vcgtzq_s16(segment)), lead);
        int16x8_t mantissa = vaddq_s16(vorrq_s16(step_of(code), one), leading);
        int16x8_t magnitude = vshlq_s16(mantissa, vmaxq_s16(vsubq_s16(segment, one), zero));
        vst1q_s16(out + i, negate_where(vshlq_n_s16(magnitude, 3), vmvnq_s16(top_bit(code))));
    }
}

/* One's complement magnitude. */
static inline int16x8_t magnitude8(int16x8_t x)
{
    return veorq_s16(x, vshrq_n_s16(x, 15));
}

/* segment*16 + the four bits of value above 2^shift. */
static inline int16x8_t code8(int16x8_t value, int16x8_t segment, int16x8_t shift)
{
    int16x8_t step = vandq_s16(vshlq_s16(value, vnegq_s16(shift)), vdupq_n_s16(15));
    return vorrq_s16(step, vshlq_n_s16(segment, 4));
}

/* Low bytes, with bit 7 flipped where the sample is negative. */
static inline uint8x8_t codes_with_sign(int16x8_t code, int16x8_t x)
{
    int16x8_t sign = vandq_s16(vshrq_n_s16(x, 15), vdupq_n_s16(0x80));
    return vmovn_u16(vreinterpretq_u16_s16(veorq_s16(code, sign)));
}

void ulaw_encode_neon(const int16_t *in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        int16x8_t x = vld1q_s16(in + i);
        int16x8_t biased = vqaddq_s16(magnitude8(x), vdupq_n_s16(132)); /* 33 at 16 bits; saturation is the clip */
        int16x8_t segment = vsubq_s16(vdupq_n_s16(8), vclzq_s16(biased));
        int16x8_t code = code8(biased, segment, vaddq_s16(segment, vdupq_n_s16(3)));
        vst1_u8(out + i, codes_with_sign(veorq_s16(code, vdupq_n_s16(0xff)), x));
    }
}

void alaw_encode_neon(const int16_t *in, uint8_t *out, size_t n)
{
    const int16x8_t zero = vdupq_n_s16(0);
    for (size_t i = 0; i < n; i += 8) {
        int16x8_t x = vld1q_s16(in + i);
        int16x8_t magnitude = magnitude8(x);
        int16x8_t segment = vmaxq_s16(vsubq_s16(vdupq_n_s16(8), vclzq_s16(magnitude)), zero);
        int16x8_t shift = vaddq_s16(vmaxq_s16(segment, vdupq_n_s16(1)), vdupq_n_s16(3));
        vst1_u8(out + i, codes_with_sign(veorq_s16(code8(magnitude, segment, shift), vdupq_n_s16(0xd5)), x));
    }
}
