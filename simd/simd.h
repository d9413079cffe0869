/*
 * The kernels' contracts, and the row of function pointers that an engine is handed. The scalar reference in simd/ref
 * is the specification; every other column equals it bit for bit, the float kernel (limit_soft) included, since all
 * columns do the same IEEE operations in the same order (-ffp-contract=off). Kernels touch no state but their arguments
 * and run on any thread.
 *
 * Common to all: PCM is int16; a row is 64-byte aligned; n is a multiple of SIMD_BLOCK and at most SIMD_SAMPLES_MAX,
 * and a row's memory covers n samples (n itself is padded by the caller: 160, 320, 640 and 960 are all multiples of
 * 32).
 */
#ifndef SIMD_SIMD_H
#define SIMD_SIMD_H

#include <stddef.h>
#include <stdint.h>

#define SIMD_BLOCK 32
#define SIMD_SAMPLES_MAX 2048
#define SIMD_ROWS_MAX 65535 /* 65535 * 32768 < 2^31: the int32 sum is exact */
#define SIMD_KNEE 24576     /* T: limit_soft is the identity up to here (-2.5 dBFS) */
#define SIMD_KNEE_ROOM 8191 /* R: what is left above it */

/**
 * N-1 in one pass, exact and saturated once: bus = sat16(sum of all rows), and the first n_own rows, those of who is
 * served here, become what each of them hears: rows[i] = sat16(sum of all rows - rows[i]).
 *
 * @param rows    [n_rows] pointers to [n] int16, aligned; no row twice; those from n_own on are only read
 * @param bus     [n] int16, aligned, written; may not alias a row
 * @source        our own: saturate once, last
 */
typedef void (*mix_n1_fn)(int16_t *const *rows, size_t n_rows, size_t n_own, size_t n, int16_t *bus);

/**
 * For a sum that the limiter must see whole: splits the sum S of all rows into two int16 planes, s1 = sat16(S) and
 * s2 = sat16(S - s1).
 *
 * @param rows    [n_rows] pointers to [n] int16, aligned; n_rows >= 0 (0 gives silence)
 * @param s1,s2   [n] int16, aligned, written; may not alias a row
 */
typedef void (*mix_sum_split_fn)(const int16_t *const *rows, size_t n_rows, size_t n, int16_t *s1, int16_t *s2);

/**
 * N-1 with a soft knee instead of the hard edge: y = s1 + s2 - own in int32 (own NULL: the whole sum), |y| <= SIMD_KNEE
 * unchanged, above it sign(y) * (T + R - R*R/(d+R)) with T = 24576, R = 8191, d = |y| - T in float32, rounded to
 * nearest even, so the result never leaves int16. out may alias own.
 */
typedef void (*limit_soft_fn)(const int16_t *s1, const int16_t *s2, const int16_t *own, int16_t *out, size_t n);

/** G.711 expand, code to 16-bit linear. in [n] bytes, no alignment needed; out aligned. @source ITU-T G.711 (STL) */
typedef void (*g711_decode_fn)(const uint8_t *in, int16_t *out, size_t n);

/** G.711 compress, equal to ITU-T STL g711.c for all 65536 inputs. in aligned; out [n] bytes, no alignment needed. */
typedef void (*g711_encode_fn)(const int16_t *in, uint8_t *out, size_t n);

/** Energy and peak in one pass: *sum_squares exact in 64 bits; returns the largest |x|, 32768 given as 32767. */
typedef int (*level_fn)(const int16_t *in, size_t n, uint64_t *sum_squares);

/**
 * Applies a linear gain ramp in place: sample i gets gain g0 + i*dg in Q31 (16 fractional guard bits below Q15):
 * x = mulhrs(x, (g0 + i*dg) >> 16), i.e. (x * g + 0x4000) >> 15 in Q15.
 *
 * @pre 0 <= g0 and g0 + n*dg < 2^31 over the whole frame (gain below 1; unity is 'do not call')
 */
typedef void (*gain_ramp_fn)(int16_t *pcm, size_t n, int32_t g0_q31, int32_t dg_q31);

#define FIR_TAPS 48      /* taps per low-rate phase */
#define FIR_FACTOR_MAX 6 /* 8 <-> 48 kHz */
#define FIR_LOW_MAX 320  /* low-rate samples per call */

/**
 * Coefficients for one factor, Q14, oldest sample of the window first. Constant data, made by simd/fir_bank.py.
 * Each up[phase] sums to 1; all down[stream] together sum to 1. No sum of magnitudes exceeds 4: int32 cannot overflow.
 */
struct fir_bank {
    int factor; /* 2, 3 or 6 */
    int16_t up[FIR_FACTOR_MAX][FIR_TAPS] __attribute__((aligned(64)));
    int16_t down[FIR_FACTOR_MAX][FIR_TAPS] __attribute__((aligned(64)));
};

/** The bank for factor 2, 3 or 6 (pass band to 0.425 fs of the low rate), NULL for others. Constant, any thread. */
const struct fir_bank *fir_bank(int factor);

/**
 * State of one resampler in one direction. Up: hist[0] holds the last FIR_TAPS-1 low-rate inputs. Down: hist[m] holds
 * those of polyphase stream m (inputs m, m + factor, ...). All zero is a valid fresh state; a copy continues alike.
 */
/* Upwards only the first history is used, downwards one for each of the factor's streams; memory may end there. */
struct fir_state {
    int16_t hist[FIR_FACTOR_MAX][64] __attribute__((aligned(64)));
};

/**
 * Polyphase resampling by an integer factor, int16 in and out, Q14 coefficients, int32 accumulation with rounding
 * (+8192) >> 14 and saturation. n_low counts low-rate samples (<= FIR_LOW_MAX, multiple of SIMD_BLOCK):
 * up reads n_low and writes n_low*factor; down reads n_low*factor and writes n_low. in and out aligned, may not alias.
 * Delay: FIR_TAPS/2 low-rate samples less half a high-rate sample (up), less a further factor-1 high-rate samples
 * (down).
 */
typedef void (*fir_fn)(const struct fir_bank *bank, struct fir_state *state, const int16_t *in, int16_t *out,
                       size_t n_low);

/* One sub-band's adaptive predictor and quantiser scale of G.722, in the recommendation's names; newest first. */
struct g722_band {
    int16_t s;    /* prediction of the next sample */
    int16_t sz;   /* share of the zeros in it */
    int16_t r;    /* last reconstructed sample (RLT, RH) */
    int16_t p[2]; /* last partial reconstructions; only their signs count */
    int16_t a[2]; /* poles */
    int16_t nb;   /* logarithmic scale factor */
    int16_t det;  /* linear scale factor */
    int16_t b[6]; /* zeros */
    int16_t d[6]; /* last quantised differences */
};

/**
 * An encoder or a decoder of G.722: 128 bytes, flat, a copy continues alike, on any ISA.
 *
 * @pre  made by g722_init and the kernels only: their arithmetic relies on the ranges that a codec can reach
 */
struct g722_state {
    struct g722_band low, high;
    int16_t history[22]; /* QMF, oldest first. Encoder: samples. Decoder: sum, difference of the sub-bands */
};

/** A fresh encoder or decoder. Any thread. */
static inline void g722_init(struct g722_state *state)
{
    *state = (struct g722_state){.low.det = 32, .high.det = 8};
}

/**
 * G.722 at 64 kbit/s for many channels at once, each with its own state: the lanes of a vector work on different
 * channels (32, 16 or 8 of them), and a batch takes no longer for being full, so give as many as there are. No state
 * and no output may be given twice.
 *
 * @param pcm   [n_channels] pointers to [n] int16 at 16 kHz, aligned; only read
 * @param out   [n_channels] pointers to [n/2] bytes, no alignment needed; written
 * @cost        a batch of lanes costs less than one channel in scalar code; up to 24 KB of stack
 * @source      ITU-T G.722 mode 1, bit-exact to the ITU-T software tool library
 */
typedef void (*g722_encode_fn)(struct g722_state *const *states, const int16_t *const *pcm, uint8_t *const *out,
                               size_t n_channels, size_t n);

/**
 * The way back, for packets of the same length.
 *
 * @param in    [n_channels] pointers to [n_bytes], no alignment needed; only read. n_bytes: any number, also odd
 * @param out   [n_channels] pointers to [2*n_bytes] int16 at 16 kHz, no alignment needed; written
 */
typedef void (*g722_decode_fn)(struct g722_state *const *states, const uint8_t *const *in, int16_t *const *out,
                               size_t n_channels, size_t n_bytes);

/** One ISA's kernels: the row that an engine is handed. Constant data. */
struct simd {
    const char *name; /* "ref", "avx2", "avx512", "neon" */
    unsigned bit;     /* SIMD_* of this row */
    mix_n1_fn mix_n1;
    mix_sum_split_fn mix_sum_split;
    limit_soft_fn limit_soft;
    g711_decode_fn ulaw_decode, alaw_decode;
    g711_encode_fn ulaw_encode, alaw_encode;
    level_fn level;
    gain_ramp_fn gain_ramp;
    fir_fn fir_up, fir_down;
    g722_encode_fn g722_encode;
    g722_decode_fn g722_decode;
};

enum { SIMD_REF = 1, SIMD_AVX2 = 2, SIMD_AVX512 = 4, SIMD_NEON = 8, SIMD_ALL = 15 };

/** The ISAs that this CPU (and its operating system) can run, as a mask; always has SIMD_REF. Any thread. */
unsigned simd_supported(void);

/** The best row that both the CPU and the mask allow; never NULL: SIMD_REF is always allowed. */
const struct simd *simd_pick(unsigned mask);

/** Mask for a flag value: "auto" or one of the names above; 0 if the word is unknown. "avx2" means avx2 or ref. */
unsigned simd_mask_of(const char *name);

/** Level of a frame in -dBov, 0 (full scale square) to 127 (digital silence). @source RFC 6464 section 3 */
uint8_t level_dbov(uint64_t sum_squares, size_t n);

#endif
