/*
 * G.722 in 8 lanes of NEON (aarch64), one channel each: what g722_tmpl.c asks for. sqdmulh is the fractional product
 * itself, tbl looks bytes up in up to 64.
 */
#include "simd/g722_tables.h"
#include "simd/kernels.h"
#include <arm_neon.h>
#include <stdbool.h>

enum { CHANNELS_MIN = 2, LANES = 8, HIGH_SHIFT = 1, LEVEL_SHIFT = 3 };

typedef int16x8_t vec;
typedef uint16x8_t mask;

static inline mask at_least(vec a, vec b)
{
    return vcgeq_s16(a, b);
}

static inline mask equal(vec a, vec b)
{
    return vceqq_s16(a, b);
}

static inline vec choose(mask m, vec yes, vec no)
{
    return vbslq_s16(m, yes, no);
}

static inline vec choose_negative(vec x, vec yes, vec no)
{
    return vbslq_s16(vcltzq_s16(x), yes, no);
}

static inline vec add_where(mask m, vec a, vec b)
{
    return vaddq_s16(a, vandq_s16(vreinterpretq_s16_u16(m), b));
}

static inline vec adds(vec a, vec b)
{
    return vqaddq_s16(a, b);
}

static inline vec subs(vec a, vec b)
{
    return vqsubq_s16(a, b);
}

static inline vec least(vec a, vec b)
{
    return vminq_s16(a, b);
}

static inline vec most(vec a, vec b)
{
    return vmaxq_s16(a, b);
}

static inline vec mul15(vec a, vec b)
{
    return vqdmulhq_s16(a, b);
}

#define mul_high mul15
#define mul_level mul15

static inline vec leak8(vec a)
{
    return mul15(a, vdupq_n_s16(32640));
}

static inline vec leak7(vec a)
{
    return mul15(a, vdupq_n_s16(32512));
}

static inline vec shift_right(vec a, vec n)
{
    return vshlq_s16(a, vnegq_s16(n));
}

typedef uint8x16_t table8;
typedef uint8x16x2_t table16;
typedef uint8x16x4_t table32;
typedef struct {
    table32 first, second;
} inverse6;

static inline table8 table8_make(const int16_t words[8])
{
    return vreinterpretq_u8_s16(vld1q_s16(words));
}

static inline table16 table16_make(const int16_t words[16])
{
    return (table16){{table8_make(words), table8_make(words + 8)}};
}

static inline table32 table32_make(const int16_t words[32])
{
    return (table32){{table8_make(words), table8_make(words + 8), table8_make(words + 16), table8_make(words + 24)}};
}

static inline inverse6 inverse6_make(void)
{
    return (inverse6){table32_make(g722_qm6), table32_make(g722_qm6 + 32)};
}

/* The bytes of word i are 2i and 2i + 1. */
static inline uint8x16_t bytes_of(vec index)
{
    return vreinterpretq_u8_s16(vmlaq_n_s16(vdupq_n_s16(0x0100), index, 0x0202));
}

static inline vec table8_get(table8 table, vec index)
{
    return vreinterpretq_s16_u8(vqtbl1q_u8(table, bytes_of(index)));
}

static inline vec table16_get(table16 table, vec index)
{
    return vreinterpretq_s16_u8(vqtbl2q_u8(table, bytes_of(index)));
}

static inline vec table32_get(table32 table, vec index)
{
    return vreinterpretq_s16_u8(vqtbl4q_u8(table, bytes_of(index)));
}

/* A byte beyond the table gives 0 at first, and leaves what is there at second. */
static inline vec inverse6_get(inverse6 table, vec code)
{
    uint8x16_t bytes = bytes_of(code);
    uint8x16_t first = vqtbl4q_u8(table.first, bytes);
    return vreinterpretq_s16_u8(vqtbx4q_u8(first, table.second, vsubq_u8(bytes, vdupq_n_u8(64))));
}

struct taps {
    vec older, newer;
};

struct sums {
    int32x4_t low, high;
};

static inline struct taps taps_make(vec older, vec newer)
{
    return (struct taps){older, newer};
}

static inline vec taps_newer(struct taps taps)
{
    return taps.newer;
}

typedef struct {
    int16_t older, newer;
} weights;

static inline weights weights_make(int16_t older, int16_t newer)
{
    return (weights){older, newer};
}

static inline struct sums sums_add(struct sums sums, struct taps taps, weights w)
{
    sums.low = vmlal_n_s16(sums.low, vget_low_s16(taps.older), w.older);
    sums.low = vmlal_n_s16(sums.low, vget_low_s16(taps.newer), w.newer);
    sums.high = vmlal_high_n_s16(sums.high, taps.older, w.older);
    sums.high = vmlal_high_n_s16(sums.high, taps.newer, w.newer);
    return sums;
}

static inline struct sums sums_plus(struct sums a, struct sums b)
{
    return (struct sums){vaddq_s32(a.low, b.low), vaddq_s32(a.high, b.high)};
}

static inline struct sums sums_minus(struct sums a, struct sums b)
{
    return (struct sums){vsubq_s32(a.low, b.low), vsubq_s32(a.high, b.high)};
}

static inline vec sums_narrow(struct sums sums, int shift)
{
    const int32x4_t right = vdupq_n_s32(-shift);
    return vqmovn_high_s32(vqmovn_s32(vshlq_s32(sums.low, right)), vshlq_s32(sums.high, right));
}

static inline vec zip32(vec a, vec b, bool high)
{
    int32x4_t x = vreinterpretq_s32_s16(a), y = vreinterpretq_s32_s16(b);
    return vreinterpretq_s16_s32(high ? vzip2q_s32(x, y) : vzip1q_s32(x, y));
}

static inline vec zip64(vec a, vec b, bool high)
{
    int64x2_t x = vreinterpretq_s64_s16(a), y = vreinterpretq_s64_s16(b);
    return vreinterpretq_s16_s64(high ? vzip2q_s64(x, y) : vzip1q_s64(x, y));
}

static void transpose(vec rows[LANES])
{
    vec pairs[8], fours[8];
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        pairs[2 * i] = vzip1q_s16(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = vzip2q_s16(rows[2 * i], rows[2 * i + 1]);
    }
#pragma GCC unroll 2
    for (size_t i = 0; i < 2; i++) {
#pragma GCC unroll 2
        for (size_t half = 0; half < 2; half++) {
            fours[4 * i + 2 * half] = zip32(pairs[4 * i + half], pairs[4 * i + 2 + half], false);
            fours[4 * i + 2 * half + 1] = zip32(pairs[4 * i + half], pairs[4 * i + 2 + half], true);
        }
    }
#pragma GCC unroll 4
    for (size_t i = 0; i < 4; i++) {
        rows[2 * i] = zip64(fours[i], fours[4 + i], false);
        rows[2 * i + 1] = zip64(fours[i], fours[4 + i], true);
    }
}

#include "simd/g722_tmpl.c"

void g722_encode_neon(struct g722_state *const *states, const int16_t *const *pcm, uint8_t *const *out,
                      size_t n_channels, size_t n)
{
    encode_all(states, pcm, out, n_channels, n);
}

void g722_decode_neon(struct g722_state *const *states, const uint8_t *const *in, int16_t *const *out,
                      size_t n_channels, size_t n_bytes)
{
    decode_all(states, in, out, n_channels, n_bytes);
}
