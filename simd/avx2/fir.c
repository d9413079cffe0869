/*
 * Resampling on AVX2. A window read as int32 lanes holds the sample pairs (0,1) (2,3) ...; pmaddwd with a pair of taps
 * advances the outputs at even places by two taps, and the same read one sample later those at odd places. So no window
 * is ever rearranged, and each broadcast pair of taps serves 16 outputs. Three filters run side by side (two for factor
 * 2), which keeps the adders busy.
 */
#include "simd/kernels.h"
#include <immintrin.h>
#include <string.h>

enum { HISTORY = FIR_TAPS - 1, STEP = 16 };

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

static inline __m256i load(const int16_t *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline void store(int16_t *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

/* Two 128-bit halves from different places. */
static inline __m256i load_halves(const int16_t *low, const int16_t *high)
{
    __m256i v = _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)low));
    return _mm256_inserti128_si256(v, _mm_loadu_si128((const __m128i *)high), 1);
}

/* Sums for 16 outputs: 8 at even places, 8 at odd ones. */
struct sums {
    __m256i even, odd;
};

static inline struct sums sums_zero(void)
{
    return (struct sums){_mm256_setzero_si256(), _mm256_setzero_si256()};
}

static inline struct sums sums_add(struct sums a, struct sums b)
{
    return (struct sums){_mm256_add_epi32(a.even, b.even), _mm256_add_epi32(a.odd, b.odd)};
}

/* Two taps' worth. */
static inline struct sums sums_step(struct sums sums, const int16_t *window, const int16_t *taps)
{
    int32_t pair;
    memcpy(&pair, taps, sizeof(pair));
    __m256i both = _mm256_set1_epi32(pair);
    sums.even = _mm256_add_epi32(sums.even, _mm256_madd_epi16(load(window), both));
    sums.odd = _mm256_add_epi32(sums.odd, _mm256_madd_epi16(load(window + 1), both));
    return sums;
}

/* Rounds, saturates and brings the 16 outputs in order. */
static inline __m256i sums_finish(struct sums sums)
{
    const __m256i half = _mm256_set1_epi32(8192);
    const __m256i zip =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15));
    __m256i even = _mm256_srai_epi32(_mm256_add_epi32(sums.even, half), 14);
    __m256i odd = _mm256_srai_epi32(_mm256_add_epi32(sums.odd, half), 14);
    return _mm256_shuffle_epi8(_mm256_packs_epi32(even, odd), zip);
}

static inline void convolve2(const int16_t *w0, const int16_t *w1, const int16_t (*coef)[FIR_TAPS], struct sums *a,
                             struct sums *b)
{
    struct sums s0 = sums_zero(), s1 = s0;
    for (size_t j = 0; j < FIR_TAPS; j += 2) {
        s0 = sums_step(s0, w0 + j, coef[0] + j);
        s1 = sums_step(s1, w1 + j, coef[1] + j);
    }
    *a = s0;
    *b = s1;
}

static inline void convolve3(const int16_t *w0, const int16_t *w1, const int16_t *w2, const int16_t (*coef)[FIR_TAPS],
                             struct sums *a, struct sums *b, struct sums *c)
{
    struct sums s0 = sums_zero(), s1 = s0, s2 = s0;
    for (size_t j = 0; j < FIR_TAPS; j += 2) {
        s0 = sums_step(s0, w0 + j, coef[0] + j);
        s1 = sums_step(s1, w1 + j, coef[1] + j);
        s2 = sums_step(s2, w2 + j, coef[2] + j);
    }
    *a = s0;
    *b = s1;
    *c = s2;
}

/* 16 outputs of three phases starting at coef, in order. */
static inline void phases3(const int16_t *window, const int16_t (*coef)[FIR_TAPS], __m256i *q)
{
    struct sums a, b, c;
    convolve3(window, window, window, coef, &a, &b, &c);
    q[0] = sums_finish(a);
    q[1] = sums_finish(b);
    q[2] = sums_finish(c);
}

/* a0 b0 a1 b1 ... */
static inline void store_interleaved2(int16_t *out, __m256i a, __m256i b)
{
    __m256i low = _mm256_unpacklo_epi16(a, b), high = _mm256_unpackhi_epi16(a, b);
    store(out, _mm256_permute2x128_si256(low, high, 0x20));
    store(out + 16, _mm256_permute2x128_si256(low, high, 0x31));
}

/* Stores the low halves of three vectors to low, the high halves to high. */
static inline void store_halves3(int16_t *low, int16_t *high, __m256i a, __m256i b, __m256i c)
{
    store(low, _mm256_permute2x128_si256(a, b, 0x20));
    _mm_storeu_si128((__m128i *)(low + 16), _mm256_castsi256_si128(c));
    store(high, _mm256_permute2x128_si256(a, b, 0x31));
    _mm_storeu_si128((__m128i *)(high + 16), _mm256_extracti128_si256(c, 1));
}

#define NONE (char)0x80, (char)0x80
#define WORD(i) 2 * (i), 2 * (i) + 1
#define TABLE(...) _mm256_broadcastsi128_si256(_mm_setr_epi8(__VA_ARGS__))

static inline __m256i pick3(__m256i a, __m256i from_a, __m256i b, __m256i from_b, __m256i c, __m256i from_c)
{
    return _mm256_or_si256(_mm256_or_si256(_mm256_shuffle_epi8(a, from_a), _mm256_shuffle_epi8(b, from_b)),
                           _mm256_shuffle_epi8(c, from_c));
}

/* a0 b0 c0 a1 b1 c1 ...; each 128-bit half by itself, 24 words from 3 * 8. */
static inline void store_interleaved3(int16_t *out, __m256i a, __m256i b, __m256i c)
{
    const __m256i a_0 = TABLE(WORD(0), NONE, NONE, WORD(1), NONE, NONE, WORD(2), NONE);
    const __m256i b_0 = TABLE(NONE, WORD(0), NONE, NONE, WORD(1), NONE, NONE, WORD(2));
    const __m256i c_0 = TABLE(NONE, NONE, WORD(0), NONE, NONE, WORD(1), NONE, NONE);
    const __m256i a_1 = TABLE(NONE, WORD(3), NONE, NONE, WORD(4), NONE, NONE, WORD(5));
    const __m256i b_1 = TABLE(NONE, NONE, WORD(3), NONE, NONE, WORD(4), NONE, NONE);
    const __m256i c_1 = TABLE(WORD(2), NONE, NONE, WORD(3), NONE, NONE, WORD(4), NONE);
    const __m256i a_2 = TABLE(NONE, NONE, WORD(6), NONE, NONE, WORD(7), NONE, NONE);
    const __m256i b_2 = TABLE(WORD(5), NONE, NONE, WORD(6), NONE, NONE, WORD(7), NONE);
    const __m256i c_2 = TABLE(NONE, WORD(5), NONE, NONE, WORD(6), NONE, NONE, WORD(7));
    store_halves3(out, out + 24, pick3(a, a_0, b, b_0, c, c_0), pick3(a, a_1, b, b_1, c, c_1),
                  pick3(a, a_2, b, b_2, c, c_2));
}

/* The same for 32-bit units: each half 12 units from 3 * 4. */
static inline void store_interleaved3_pairs(int16_t *low, int16_t *high, __m256i a, __m256i b, __m256i c)
{
    /* _MM_SHUFFLE names units last to first; a unit that a blend then covers is written 0 */
    __m256i first = _mm256_blend_epi32(_mm256_shuffle_epi32(a, _MM_SHUFFLE(1, 0, 0, 0)),
                                       _mm256_shuffle_epi32(b, _MM_SHUFFLE(0, 0, 0, 0)), 0x22);
    first = _mm256_blend_epi32(first, _mm256_shuffle_epi32(c, _MM_SHUFFLE(0, 0, 0, 0)), 0x44);
    __m256i second = _mm256_blend_epi32(_mm256_shuffle_epi32(b, _MM_SHUFFLE(2, 0, 0, 1)),
                                        _mm256_shuffle_epi32(c, _MM_SHUFFLE(0, 0, 1, 0)), 0x22);
    second = _mm256_blend_epi32(second, a, 0x44);
    __m256i third = _mm256_blend_epi32(_mm256_shuffle_epi32(c, _MM_SHUFFLE(3, 0, 0, 2)),
                                       _mm256_shuffle_epi32(a, _MM_SHUFFLE(0, 0, 3, 0)), 0x22);
    third = _mm256_blend_epi32(third, _mm256_shuffle_epi32(b, _MM_SHUFFLE(0, 3, 0, 0)), 0x44);
    store_halves3(low, high, first, second, third);
}

/* a0 b0 ... f0 a1 b1 ...: first pairs, then triples of pairs. */
static inline void store_interleaved6(int16_t *out, const __m256i *q)
{
    store_interleaved3_pairs(out, out + 48, _mm256_unpacklo_epi16(q[0], q[1]), _mm256_unpacklo_epi16(q[2], q[3]),
                             _mm256_unpacklo_epi16(q[4], q[5]));
    store_interleaved3_pairs(out + 24, out + 72, _mm256_unpackhi_epi16(q[0], q[1]), _mm256_unpackhi_epi16(q[2], q[3]),
                             _mm256_unpackhi_epi16(q[4], q[5]));
}

void fir_up_avx2(const struct fir_bank *bank, struct fir_state *state, const int16_t *in, int16_t *out, size_t n_low)
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
            __m256i q[3];
            phases3(w, bank->up, q);
            store_interleaved3(out + 3 * i, q[0], q[1], q[2]);
        } else {
            __m256i q[6];
            phases3(w, bank->up, q);
            phases3(w, bank->up + 3, q + 3);
            store_interleaved6(out + 6 * i, q);
        }
    }
    history_save(&window, state->hist[0], n_low);
}

/* Words at even places of 32; at odd places when they are shifted down first. */
static inline __m256i low_words(__m256i x, __m256i y)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256i packed = _mm256_packus_epi32(_mm256_blend_epi16(x, zero, 0xaa), _mm256_blend_epi16(y, zero, 0xaa));
    return _mm256_permute4x64_epi64(packed, _MM_SHUFFLE(3, 1, 2, 0));
}

static inline __m256i high_words(__m256i x, __m256i y)
{
    __m256i packed = _mm256_packus_epi32(_mm256_srli_epi32(x, 16), _mm256_srli_epi32(y, 16));
    return _mm256_permute4x64_epi64(packed, _MM_SHUFFLE(3, 1, 2, 0));
}

static inline void split2(const int16_t *in, __m256i *q)
{
    __m256i x = load(in), y = load(in + 16);
    q[0] = low_words(x, y);
    q[1] = high_words(x, y);
}

static inline void split3(const int16_t *in, __m256i *q)
{
    const __m256i x_0 = TABLE(WORD(0), WORD(3), WORD(6), NONE, NONE, NONE, NONE, NONE);
    const __m256i y_0 = TABLE(NONE, NONE, NONE, WORD(1), WORD(4), WORD(7), NONE, NONE);
    const __m256i z_0 = TABLE(NONE, NONE, NONE, NONE, NONE, NONE, WORD(2), WORD(5));
    const __m256i x_1 = TABLE(WORD(1), WORD(4), WORD(7), NONE, NONE, NONE, NONE, NONE);
    const __m256i y_1 = TABLE(NONE, NONE, NONE, WORD(2), WORD(5), NONE, NONE, NONE);
    const __m256i z_1 = TABLE(NONE, NONE, NONE, NONE, NONE, WORD(0), WORD(3), WORD(6));
    const __m256i x_2 = TABLE(WORD(2), WORD(5), NONE, NONE, NONE, NONE, NONE, NONE);
    const __m256i y_2 = TABLE(NONE, NONE, WORD(0), WORD(3), WORD(6), NONE, NONE, NONE);
    const __m256i z_2 = TABLE(NONE, NONE, NONE, NONE, NONE, WORD(1), WORD(4), WORD(7));
    __m256i x = load_halves(in, in + 24), y = load_halves(in + 8, in + 32), z = load_halves(in + 16, in + 40);
    q[0] = pick3(x, x_0, y, y_0, z, z_0);
    q[1] = pick3(x, x_1, y, y_1, z, z_1);
    q[2] = pick3(x, x_2, y, y_2, z, z_2);
}

/* Every third 32-bit unit of 12, in each half: units 0 3 6 9, 1 4 7 10, 2 5 8 11. */
static inline void split3_pairs(const int16_t *low, const int16_t *high, __m256i *q)
{
    __m256i x = load_halves(low, high), y = load_halves(low + 8, high + 8), z = load_halves(low + 16, high + 16);
    __m256i mixed = _mm256_blend_epi32(x, y, 0x44); /* units 0 1 6 3 */
    mixed = _mm256_blend_epi32(mixed, z, 0x22);     /* units 0 9 6 3 */
    q[0] = _mm256_shuffle_epi32(mixed, _MM_SHUFFLE(1, 2, 3, 0));
    mixed = _mm256_blend_epi32(_mm256_blend_epi32(x, y, 0x99), z, 0x44); /* units 4 1 10 7 */
    q[1] = _mm256_shuffle_epi32(mixed, _MM_SHUFFLE(2, 3, 0, 1));
    mixed = _mm256_blend_epi32(_mm256_blend_epi32(x, y, 0x22), z, 0x99); /* units 8 5 2 11 */
    q[2] = _mm256_shuffle_epi32(mixed, _MM_SHUFFLE(3, 0, 1, 2));
}

static inline void split6(const int16_t *in, __m256i *q)
{
    __m256i first[3], second[3];
    split3_pairs(in, in + 24, first); /* halves in order: places 0-3 and 4-7 */
    split3_pairs(in + 48, in + 72, second);
    for (size_t i = 0; i < 3; i++) {
        q[2 * i] = low_words(first[i], second[i]);
        q[2 * i + 1] = high_words(first[i], second[i]);
    }
}

static inline void windows_fill(struct window *windows, size_t factor, const int16_t *in, size_t n_low)
{
    for (size_t i = 0; i < n_low; i += STEP) {
        __m256i q[FIR_FACTOR_MAX];
        if (factor == 2)
            split2(in + 2 * i, q);
        else if (factor == 3)
            split3(in + 3 * i, q);
        else
            split6(in + 6 * i, q);
        for (size_t m = 0; m < factor; m++)
            store(windows[m].frame + i, q[m]);
    }
}

static inline struct sums streams3(const struct window *windows, size_t i, const int16_t (*coef)[FIR_TAPS])
{
    struct sums a, b, c;
    convolve3(window_at(&windows[0], i), window_at(&windows[1], i), window_at(&windows[2], i), coef, &a, &b, &c);
    return sums_add(sums_add(a, b), c);
}

void fir_down_avx2(const struct fir_bank *bank, struct fir_state *state, const int16_t *in, int16_t *out, size_t n_low)
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
        store(out + i, sums_finish(sums));
    }
    for (size_t m = 0; m < factor; m++)
        history_save(&windows[m], state->hist[m], n_low);
}
