/*
 * Resampling on AVX-512 (BW, VNNI). A window read as int32 lanes holds the sample pairs (0,1) (2,3) ...; vpdpwssd with
 * a pair of taps advances the outputs at even places by two taps, and the same read one sample later those at odd
 * places. So no window is ever rearranged, and each broadcast pair of taps serves 32 outputs. Filters run two or three
 * side by side, each in two chains, which hides the latency of vpdpwssd.
 */
#include "simd/kernels.h"
#include <immintrin.h>
#include <string.h>

enum { HISTORY = FIR_TAPS - 1, STEP = 32 };

/* A window begins HISTORY samples before the aligned place where the frame's samples start. */
struct window {
    int16_t before[64], frame[FIR_LOW_MAX];
} __attribute__((aligned(64)));

static inline const int16_t *window_at(const struct window *window, size_t i)
{
    return window->before + 64 - HISTORY + i;
}

static inline void history_load(struct window *window, const int16_t *history)
{
    memcpy(window->before + 64 - HISTORY, history, HISTORY * sizeof(int16_t));
}

static inline void history_save(const struct window *window, int16_t *history, size_t n)
{
    memcpy(history, window_at(window, n), HISTORY * sizeof(int16_t));
}

/* Sums for 32 outputs: 16 at even places, 16 at odd ones. */
struct sums {
    __m512i even, odd;
};

static inline struct sums sums_zero(void)
{
    return (struct sums){_mm512_setzero_si512(), _mm512_setzero_si512()};
}

static inline struct sums sums_add(struct sums a, struct sums b)
{
    return (struct sums){_mm512_add_epi32(a.even, b.even), _mm512_add_epi32(a.odd, b.odd)};
}

/* Two taps' worth. */
static inline struct sums sums_step(struct sums sums, const int16_t *window, const int16_t *taps)
{
    int32_t pair;
    memcpy(&pair, taps, sizeof(pair));
    __m512i both = _mm512_set1_epi32(pair);
    sums.even = _mm512_dpwssd_epi32(sums.even, _mm512_loadu_si512(window), both);
    sums.odd = _mm512_dpwssd_epi32(sums.odd, _mm512_loadu_si512(window + 1), both);
    return sums;
}

/* Rounds, saturates and brings the 32 outputs in order. */
static inline __m512i sums_finish(struct sums sums)
{
    const __m512i half = _mm512_set1_epi32(8192);
    const __m512i zip = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    __m512i even = _mm512_srai_epi32(_mm512_add_epi32(sums.even, half), 14);
    __m512i odd = _mm512_srai_epi32(_mm512_add_epi32(sums.odd, half), 14);
    return _mm512_shuffle_epi8(_mm512_packs_epi32(even, odd), zip);
}

static inline void convolve2(const int16_t *w0, const int16_t *w1, const int16_t (*coef)[FIR_TAPS], struct sums *a,
                             struct sums *b)
{
    struct sums s0 = sums_zero(), s1 = s0, t0 = s0, t1 = s0;
    for (size_t j = 0; j < FIR_TAPS; j += 4) {
        s0 = sums_step(s0, w0 + j, coef[0] + j);
        s1 = sums_step(s1, w1 + j, coef[1] + j);
        t0 = sums_step(t0, w0 + j + 2, coef[0] + j + 2);
        t1 = sums_step(t1, w1 + j + 2, coef[1] + j + 2);
    }
    *a = sums_add(s0, t0);
    *b = sums_add(s1, t1);
}

static inline void convolve3(const int16_t *w0, const int16_t *w1, const int16_t *w2, const int16_t (*coef)[FIR_TAPS],
                             struct sums *a, struct sums *b, struct sums *c)
{
    struct sums s0 = sums_zero(), s1 = s0, s2 = s0, t0 = s0, t1 = s0, t2 = s0;
    for (size_t j = 0; j < FIR_TAPS; j += 4) {
        s0 = sums_step(s0, w0 + j, coef[0] + j);
        s1 = sums_step(s1, w1 + j, coef[1] + j);
        s2 = sums_step(s2, w2 + j, coef[2] + j);
        t0 = sums_step(t0, w0 + j + 2, coef[0] + j + 2);
        t1 = sums_step(t1, w1 + j + 2, coef[1] + j + 2);
        t2 = sums_step(t2, w2 + j + 2, coef[2] + j + 2);
    }
    *a = sums_add(s0, t0);
    *b = sums_add(s1, t1);
    *c = sums_add(s2, t2);
}

/* 32 outputs of three phases starting at coef, in order. */
static inline void phases3(const int16_t *window, const int16_t (*coef)[FIR_TAPS], __m512i *q)
{
    struct sums a, b, c;
    convolve3(window, window, window, coef, &a, &b, &c);
    q[0] = sums_finish(a);
    q[1] = sums_finish(b);
    q[2] = sums_finish(c);
}

/*
 * Index tables for the two-source permutes, made by the compiler. ZIPn: place k of an n-fold interleaving comes from
 * source k % n, element k / n; sources beyond the second come in by a masked permute with the same index. PICKn:
 * element i of stream m lies at place n*i + m of n vectors; a place beyond the second vector likewise.
 */
#define ROW4(f, a, i) f(a, i), f(a, (i) + 1), f(a, (i) + 2), f(a, (i) + 3)
#define ROW16(f, a, i) ROW4(f, a, i), ROW4(f, a, (i) + 4), ROW4(f, a, (i) + 8), ROW4(f, a, (i) + 12)
#define ROW32(f, a, i) ROW16(f, a, i), ROW16(f, a, (i) + 16)
#define ZIP2(unused, k) ((k) % 2) * 32 + (k) / 2
#define ZIP3(unused, k) ((k) % 3 == 1) * 32 + (k) / 3
#define ZIP3_PAIRS(unused, k) ((k) % 3 == 1) * 16 + (k) / 3
#define PICK2(m, i) 2 * (i) + (m)
#define PICK3(m, i) 3 * (i) + (m)

typedef int16_t words32[32] __attribute__((aligned(64)));
typedef int32_t pairs16[16] __attribute__((aligned(64)));

static const words32 zip2[2] = {{ROW32(ZIP2, , 0)}, {ROW32(ZIP2, , 32)}};
static const words32 zip3[3] = {{ROW32(ZIP3, , 0)}, {ROW32(ZIP3, , 32)}, {ROW32(ZIP3, , 64)}};
static const pairs16 zip3_pairs[3] = {{ROW16(ZIP3_PAIRS, , 0)}, {ROW16(ZIP3_PAIRS, , 16)}, {ROW16(ZIP3_PAIRS, , 32)}};
static const words32 pick2[2] = {{ROW32(PICK2, 0, 0)}, {ROW32(PICK2, 1, 0)}};
static const words32 pick3[3] = {{ROW32(PICK3, 0, 0)}, {ROW32(PICK3, 1, 0)}, {ROW32(PICK3, 2, 0)}};
static const pairs16 pick3_pairs[3] = {{ROW16(PICK3, 0, 0)}, {ROW16(PICK3, 1, 0)}, {ROW16(PICK3, 2, 0)}};

/* Where the third source stands: places k with k % 3 == 2 in zip3, and 3*i + m >= two vectors in pick3. */
static const __mmask32 zip3_third[3] = {0x24924924, 0x49249249, 0x92492492};
static const __mmask16 zip3_pairs_third[3] = {0x4924, 0x2492, 0x9249};
static const __mmask32 pick3_third[3] = {0xffc00000, 0xffe00000, 0xffe00000};
static const __mmask16 pick3_pairs_third[3] = {0xf800, 0xf800, 0xfc00};

static inline __m512i choose2(__m512i a, __m512i b, const int16_t *index)
{
    return _mm512_permutex2var_epi16(a, _mm512_load_si512(index), b);
}

static inline __m512i choose3(__m512i a, __m512i b, __m512i c, const int16_t *index, __mmask32 third)
{
    __m512i place = _mm512_load_si512(index);
    return _mm512_mask_permutexvar_epi16(_mm512_permutex2var_epi16(a, place, b), third, place, c);
}

static inline __m512i choose3_pairs(__m512i a, __m512i b, __m512i c, const int32_t *index, __mmask16 third)
{
    __m512i place = _mm512_load_si512(index);
    return _mm512_mask_permutexvar_epi32(_mm512_permutex2var_epi32(a, place, b), third, place, c);
}

/* a0 b0 a1 b1 ... */
static inline void store_interleaved2(int16_t *out, __m512i a, __m512i b)
{
    _mm512_storeu_si512(out, choose2(a, b, zip2[0]));
    _mm512_storeu_si512(out + 32, choose2(a, b, zip2[1]));
}

static inline void store_interleaved3(int16_t *out, const __m512i *q)
{
    for (size_t v = 0; v < 3; v++)
        _mm512_storeu_si512(out + 32 * v, choose3(q[0], q[1], q[2], zip3[v], zip3_third[v]));
}

/* First pairs, then triples of pairs; each half of the pairs gives three vectors. */
static inline void store_interleaved6(int16_t *out, const __m512i *q)
{
    for (size_t half = 0; half < 2; half++) {
        __m512i ab = choose2(q[0], q[1], zip2[half]);
        __m512i cd = choose2(q[2], q[3], zip2[half]);
        __m512i ef = choose2(q[4], q[5], zip2[half]);
        for (size_t v = 0; v < 3; v++)
            _mm512_storeu_si512(out + 96 * half + 32 * v,
                                choose3_pairs(ab, cd, ef, zip3_pairs[v], zip3_pairs_third[v]));
    }
}

void fir_up_avx512(const struct fir_bank *bank, struct fir_state *state, const int16_t *in, int16_t *out, size_t n_low)
{
    struct window window;
    history_load(&window, state->hist[0]);
    memcpy(window.frame, in, n_low * sizeof(*in));
    for (size_t i = 0; i < n_low; i += STEP) {
        const int16_t *w = window_at(&window, i);
        if (bank->factor == 2) {
            struct sums a, b;
            convolve2(w, w, bank->up, &a, &b);
            store_interleaved2(out + 2 * i, sums_finish(a), sums_finish(b));
        } else if (bank->factor == 3) {
            __m512i q[3];
            phases3(w, bank->up, q);
            store_interleaved3(out + 3 * i, q);
        } else {
            __m512i q[6];
            phases3(w, bank->up, q);
            phases3(w, bank->up + 3, q + 3);
            store_interleaved6(out + 6 * i, q);
        }
    }
    history_save(&window, state->hist[0], n_low);
}

static inline void split2(const int16_t *in, __m512i *q)
{
    __m512i x = _mm512_loadu_si512(in), y = _mm512_loadu_si512(in + 32);
    for (size_t m = 0; m < 2; m++)
        q[m] = choose2(x, y, pick2[m]);
}

static inline void split3(const int16_t *in, __m512i *q)
{
    __m512i x = _mm512_loadu_si512(in), y = _mm512_loadu_si512(in + 32), z = _mm512_loadu_si512(in + 64);
    for (size_t m = 0; m < 3; m++)
        q[m] = choose3(x, y, z, pick3[m], pick3_third[m]);
}

static inline void split3_pairs(const int16_t *in, __m512i *q)
{
    __m512i x = _mm512_loadu_si512(in), y = _mm512_loadu_si512(in + 32), z = _mm512_loadu_si512(in + 64);
    for (size_t m = 0; m < 3; m++)
        q[m] = choose3_pairs(x, y, z, pick3_pairs[m], pick3_pairs_third[m]);
}

static inline void split6(const int16_t *in, __m512i *q)
{
    __m512i first[3], second[3];
    split3_pairs(in, first);
    split3_pairs(in + 96, second);
    for (size_t i = 0; i < 3; i++) {
        q[2 * i] = choose2(first[i], second[i], pick2[0]);
        q[2 * i + 1] = choose2(first[i], second[i], pick2[1]);
    }
}

static inline void windows_fill(struct window *windows, size_t factor, const int16_t *in, size_t n_low)
{
    for (size_t i = 0; i < n_low; i += STEP) {
        __m512i q[FIR_FACTOR_MAX];
        if (factor == 2)
            split2(in + 2 * i, q);
        else if (factor == 3)
            split3(in + 3 * i, q);
        else
            split6(in + 6 * i, q);
        for (size_t m = 0; m < factor; m++)
            _mm512_store_si512(windows[m].frame + i, q[m]);
    }
}

static inline struct sums streams3(const struct window *windows, size_t i, const int16_t (*coef)[FIR_TAPS])
{
    struct sums a, b, c;
    convolve3(window_at(&windows[0], i), window_at(&windows[1], i), window_at(&windows[2], i), coef, &a, &b, &c);
    return sums_add(sums_add(a, b), c);
}

void fir_down_avx512(const struct fir_bank *bank, struct fir_state *state, const int16_t *in, int16_t *out,
                     size_t n_low)
{
    struct window windows[FIR_FACTOR_MAX];
    size_t factor = (size_t)bank->factor;
    for (size_t m = 0; m < factor; m++)
        history_load(&windows[m], state->hist[m]);
    windows_fill(windows, factor, in, n_low);
    for (size_t i = 0; i < n_low; i += STEP) {
        struct sums sums;
        if (factor == 2) {
            struct sums other;
            convolve2(window_at(&windows[0], i), window_at(&windows[1], i), bank->down, &sums, &other);
            sums = sums_add(sums, other);
        } else {
            sums = streams3(windows, i, bank->down);
            if (factor == 6)
                sums = sums_add(sums, streams3(windows + 3, i, bank->down + 3));
        }
        _mm512_store_si512(out + i, sums_finish(sums));
    }
    for (size_t m = 0; m < factor; m++)
        history_save(&windows[m], state->hist[m], n_low);
}
