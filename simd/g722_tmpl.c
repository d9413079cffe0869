/*
 * G.722 in lanes: the algorithm of ref/g722.c, one 16-bit lane per channel. Not compiled by itself: each ISA's g722.c
 * first says what a vec is and what can be done with it, then includes this. What the ISA gives:
 *
 *   CHANNELS_MIN           from so many channels on a batch is faster than one channel after the other; at least 1
 *   LANES, vec             that many int16; + - & | ^ ~ and >> (arithmetic) work on it as on numbers
 *   mask                   result of at_least(a, b), equal(a, b); used by choose(m, yes, no) and add_where(m, a, b)
 *   choose_negative(x, yes, no)  by the sign of x
 *   adds, subs             saturating; least, most: minimum and maximum
 *   mul15(a, b)            a*b >> 15; never both -32768
 *   HIGH_SHIFT, mul_high(a, b)   a*b >> (14 + HIGH_SHIFT): for factors small enough to be shifted beforehand
 *   LEVEL_SHIFT, mul_level(a, b) a*b >> (12 + LEVEL_SHIFT), a unsigned below 2^15 >> (3 - LEVEL_SHIFT)
 *   leak8(a), leak7(a)     a*32640 >> 15, a*32512 >> 15
 *   shift_right(a, n)      a below 2^13, n 0 to 13
 *   table8, table16, table32     _make(int16 [n]) and _get(table, index); table8 takes 0 to 3 only
 *   inverse6_make, inverse6_get  table g722_qm6 by the six-bit code
 *   taps, weights, sums    two neighbours in time, their two coefficients, and 32-bit sums: taps_make(older, newer),
 *                          taps_newer(taps), weights_make(older, newer), sums_add(sums, taps, weights), sums_plus,
 *                          sums_minus, sums_narrow(sums, shift)
 *   transpose(rows)        LANES x LANES, in place
 */
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

typedef uint16_t uvec __attribute__((vector_size(2 * LANES)));

enum { STATE_WORDS = sizeof(struct g722_state) / 2, PAST = G722_TAPS - 1, STEPS = 16 };

struct lanes_band {
    vec s, sz, r, p[2], a[2], nb, det, b[6], d[6]; /* as struct g722_band; d is scaled for the products, see below */
};

/* The same words as in struct g722_state, a vector of channels each. */
union lanes {
    vec words[STATE_WORDS];
    struct {
        struct lanes_band low, high;
        vec history[2 * PAST];
    };
};

_Static_assert(STATE_WORDS % LANES == 0, "states are transposed by squares");
_Static_assert(sizeof(struct g722_state) == 2 * STATE_WORDS && sizeof(union lanes) == STATE_WORDS * sizeof(vec),
               "words line up");

/*
 * Differences d only ever come as 2*d in products, so lanes keep them shifted: a difference is at most 16384 times the
 * quantiser's largest output, 10228 in the lower sub-band and 3704 in the upper, which leaves room to spare.
 */
enum { LOW_SHIFT = 1 };

INLINE vec set(int x)
{
    return (vec){0} + (int16_t)x;
}

INLINE vec load(const void *from)
{
    vec x;
    memcpy(&x, from, sizeof(x));
    return x;
}

INLINE void store(void *to, vec x)
{
    memcpy(to, &x, sizeof(x));
}

INLINE vec shift_left(vec x, int n)
{
    return (vec)((uvec)x << n);
}

INLINE vec clamp(vec x, vec low, vec high)
{
    return most(least(x, high), low);
}

INLINE vec limit(vec x)
{
    return clamp(x, set(-16384), set(16383));
}

/* ---- states in and out; idle lanes work on a copy of the last channel and are not written back ---- */

static void lanes_load(union lanes *lanes, struct g722_state *const *states, size_t n)
{
    for (size_t word = 0; word < STATE_WORDS; word += LANES) {
        for (size_t lane = 0; lane < LANES; lane++)
            lanes->words[word + lane] = load((const int16_t *)states[lane < n ? lane : n - 1] + word);
        transpose(lanes->words + word);
    }
    for (size_t i = 0; i < 6; i++) {
        lanes->low.d[i] = shift_left(lanes->low.d[i], LOW_SHIFT);
        lanes->high.d[i] = shift_left(lanes->high.d[i], HIGH_SHIFT);
    }
}

static void lanes_store(union lanes *lanes, struct g722_state *const *states, size_t n)
{
    for (size_t i = 0; i < 6; i++) {
        lanes->low.d[i] = lanes->low.d[i] >> LOW_SHIFT;
        lanes->high.d[i] = lanes->high.d[i] >> HIGH_SHIFT;
    }
    for (size_t word = 0; word < STATE_WORDS; word += LANES) {
        transpose(lanes->words + word);
        for (size_t lane = 0; lane < n; lane++)
            store((int16_t *)states[lane] + word, lanes->words[word + lane]);
    }
}

/* ---- quadrature mirror filters, clause 5 ---- */

/* Neighbours in time lie in one taps, so a branch is 6 products of pairs. The newest are at [n - 1]. */
struct qmf {
    struct taps even[PAST + STEPS], odd[PAST + STEPS];
    vec even_last, odd_last;
    size_t n;
};

INLINE void qmf_push(struct qmf *qmf, vec even, vec odd)
{
    if (qmf->n == PAST + STEPS) {
        memcpy(qmf->even, qmf->even + STEPS, PAST * sizeof(*qmf->even));
        memcpy(qmf->odd, qmf->odd + STEPS, PAST * sizeof(*qmf->odd));
        qmf->n = PAST;
    }
    qmf->even[qmf->n] = taps_make(qmf->even_last, even);
    qmf->odd[qmf->n] = taps_make(qmf->odd_last, odd);
    qmf->even_last = even;
    qmf->odd_last = odd;
    qmf->n++;
}

/* One branch: newest is &even[n - 1] or &odd[n - 1]. */
INLINE struct sums branch(const struct taps *newest, const weights coefficients[G722_TAPS / 2])
{
    const struct taps *oldest = newest - (G722_TAPS - 2);
    struct sums sums = {0};
#pragma GCC unroll 6
    for (size_t i = 0; i < G722_TAPS / 2; i++)
        sums = sums_add(sums, oldest[2 * i], coefficients[i]);
    return sums;
}

static void qmf_load(struct qmf *qmf, const vec history[2 * PAST])
{
    qmf->n = 0;
    qmf->even_last = qmf->odd_last = set(0); /* older than any tap reaches */
    for (size_t i = 0; i < PAST; i++)
        qmf_push(qmf, history[2 * i], history[2 * i + 1]);
}

static void qmf_store(const struct qmf *qmf, vec history[2 * PAST])
{
    for (size_t i = 0; i < PAST; i++) {
        history[2 * i] = taps_newer(qmf->even[qmf->n - PAST + i]);
        history[2 * i + 1] = taps_newer(qmf->odd[qmf->n - PAST + i]);
    }
}

/* ---- the two ADPCM codecs, clause 6 ---- */

struct tables {
    table8 level_second[3], high_inverse, high_log;
    table16 level_third, low_inverse, low_log;
    table32 mantissa;
    inverse6 low_inverse6;
    weights qmf_even[G722_TAPS / 2], qmf_odd[G722_TAPS / 2];
};

static struct tables tables_make(void)
{
    struct tables t;
    int16_t words[32] = {0};
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < 4; i++)
            words[i] = (int16_t)(g722_q6[8 * i + 2 * (k + 1)] << LEVEL_SHIFT);
        t.level_second[k] = table8_make(words);
    }
    for (size_t i = 0; i < 16; i++)
        words[i] = (int16_t)(g722_q6[2 * i + 1] << LEVEL_SHIFT);
    t.level_third = table16_make(words);
    for (size_t i = 0; i < 4; i++)
        words[i] = (int16_t)(g722_qm2[i] * (1 << (HIGH_SHIFT - 1)));
    t.high_inverse = table8_make(words);
    memcpy(words, g722_wh, sizeof(g722_wh));
    t.high_log = table8_make(words);
    t.low_inverse = table16_make(g722_qm4);
    t.low_log = table16_make(g722_wl);
    for (size_t i = 0; i < 32; i++)
        words[i] = (int16_t)(2 * g722_ilb[i]);
    t.mantissa = table32_make(words);
    t.low_inverse6 = inverse6_make();
    for (size_t i = 0; i < G722_TAPS / 2; i++) {
        t.qmf_even[i] = weights_make(g722_qmf[2 * i], g722_qmf[2 * i + 1]);
        t.qmf_odd[i] = weights_make(g722_qmf[PAST - 2 * i], g722_qmf[PAST - 2 * i - 1]);
    }
    return t;
}

INLINE vec reaches(vec magnitude, vec levels, vec det, vec step)
{
    return add_where(at_least(magnitude, mul_level(levels, det)), set(0), step);
}

/*
 * QUANTL: how many of the 29 rising levels the magnitude reaches. First which of 8, 16, 24, then which of the next 2,
 * 4, 6, then the one between: three dependent steps, where halving takes five.
 */
INLINE vec quantl(vec e, vec det, const struct tables *t)
{
    const vec one = set(1);
    vec magnitude = e ^ (e >> 15);
    vec first = reaches(magnitude, set((int16_t)(g722_q6[8] << LEVEL_SHIFT)), det, one) +
                reaches(magnitude, set((int16_t)(g722_q6[16] << LEVEL_SHIFT)), det, one) +
                reaches(magnitude, set((int16_t)(g722_q6[24] << LEVEL_SHIFT)), det, one);
    vec second = shift_left(first, 2) + reaches(magnitude, table8_get(t->level_second[0], first), det, one) +
                 reaches(magnitude, table8_get(t->level_second[1], first), det, one) +
                 reaches(magnitude, table8_get(t->level_second[2], first), det, one);
    vec count = shift_left(second, 1) + reaches(magnitude, table16_get(t->level_third, second), det, one);
    count = least(count, set(29)); /* levels 30 and 31 are none */
    vec negative = choose(at_least(count, set(2)), set(33), set(63)) - count;
    return choose_negative(e, negative, set(61) - count);
}

/* QUANTH. */
INLINE vec quanth(vec e, vec det)
{
    mask outer = at_least(e ^ (e >> 15), mul_level(set(g722_q2 << LEVEL_SHIFT), det));
    return choose(outer, set(0), set(1)) + choose_negative(e, set(0), set(2));
}

/* LOGSCL, LOGSCH, SCALEL, SCALEH. The table holds twice the mantissa, so that the shift never turns left. */
INLINE void scale(struct lanes_band *q, vec increment, int nb_max, int shift, const struct tables *t)
{
    q->nb = clamp(leak7(q->nb) + increment, set(0), set(nb_max));
    vec mantissa_x2 = table32_get(t->mantissa, (q->nb >> 6) & set(31));
    q->det = shift_left(shift_right(mantissa_x2, set(shift + 1) - (q->nb >> 11)), 2);
}

/* UPPOL2 and UPPOL1. */
INLINE void adapt_poles(struct lanes_band *q, vec p0)
{
    vec differ1 = p0 ^ q->p[0], differ2 = p0 ^ q->p[1]; /* negative where the signs differ */
    vec a1_x2 = adds(q->a[0], q->a[0]), a1_x4 = adds(a1_x2, a1_x2);
    vec turn = choose_negative(differ1, a1_x4, subs(set(0), a1_x4)) >> 7;
    vec a2 = turn + choose_negative(differ2, set(-128), set(128)) + leak7(q->a[1]);
    q->a[1] = clamp(a2, set(-G722_POLE2_MAX), set(G722_POLE2_MAX));
    vec edge = set(G722_POLES_SUM_MAX) - q->a[1];
    q->a[0] = clamp(choose_negative(differ1, set(-192), set(192)) + leak8(q->a[0]), set(0) - edge, edge);
}

/* UPZERO, DELAYA, FILTEZ in one go, the oldest difference first; high is known when compiled. d0 unshifted. */
INLINE void adapt_zeros(struct lanes_band *q, vec d0, bool high)
{
    const vec zero = set(0);
    vec up = choose(equal(d0, zero), zero, set(128)), down = zero - up;
    vec newest = shift_left(d0, high ? HIGH_SHIFT : LOW_SHIFT), sz = zero;
#pragma GCC unroll 6
    for (size_t i = 6; i-- > 0;) {
        vec b = adds(choose_negative(d0 ^ q->d[i], down, up), leak8(q->b[i]));
        vec d = i > 0 ? q->d[i - 1] : newest;
        sz = adds(sz, high ? mul_high(d, b) : mul15(d, b));
        q->b[i] = b;
        q->d[i] = d;
    }
    q->sz = sz;
}

/* Block 4. */
INLINE void predict(struct lanes_band *q, vec d0, bool high)
{
    vec r0 = adds(q->s, d0), p0 = adds(q->sz, d0);
    adapt_zeros(q, d0, high);
    adapt_poles(q, p0);
    vec sp = adds(mul15(q->a[0], adds(r0, r0)), mul_high(shift_left(q->a[1], HIGH_SHIFT - 1), adds(q->r, q->r)));
    q->r = r0;
    q->p[1] = q->p[0];
    q->p[0] = p0;
    q->s = adds(sp, q->sz);
}

INLINE void low_follow(struct lanes_band *q, vec code, const struct tables *t)
{
    vec quarter = code >> 2;
    vec d0 = mul15(q->det, table16_get(t->low_inverse, quarter));
    scale(q, table16_get(t->low_log, quarter), G722_NBL_MAX, G722_SHIFT_LOW, t);
    predict(q, d0, false);
}

INLINE vec high_inverse(const struct lanes_band *q, vec code, const struct tables *t)
{
    return mul_high(q->det, table8_get(t->high_inverse, code));
}

INLINE void high_follow(struct lanes_band *q, vec code, vec d0, const struct tables *t)
{
    scale(q, table8_get(t->high_log, code), G722_NBH_MAX, G722_SHIFT_HIGH, t);
    predict(q, d0, true);
}

INLINE vec encode_pair(struct lanes_band *low, struct lanes_band *high, struct qmf *qmf, const struct tables *t,
                       vec first, vec second)
{
    qmf_push(qmf, first, second);
    struct sums even = branch(&qmf->even[qmf->n - 1], t->qmf_even), odd = branch(&qmf->odd[qmf->n - 1], t->qmf_odd);
    vec xl = limit(sums_narrow(sums_plus(odd, even), 14)), xh = limit(sums_narrow(sums_minus(odd, even), 14));
    vec il = quantl(subs(xl, low->s), low->det, t), ih = quanth(subs(xh, high->s), high->det);
    low_follow(low, il, t);
    high_follow(high, ih, high_inverse(high, ih, t), t);
    return shift_left(ih, 6) | il;
}

INLINE void decode_pair(struct lanes_band *low, struct lanes_band *high, struct qmf *qmf, const struct tables *t,
                        vec code, vec out[2])
{
    vec il = code & set(63), ih = code >> 6;
    vec rl = limit(adds(low->s, mul15(low->det, inverse6_get(t->low_inverse6, il))));
    vec d0 = high_inverse(high, ih, t);
    vec rh = limit(adds(high->s, d0));
    low_follow(low, il, t);
    high_follow(high, ih, d0, t);
    qmf_push(qmf, rl + rh, rl - rh);
    out[0] = sums_narrow(branch(&qmf->odd[qmf->n - 1], t->qmf_odd), 11);
    out[1] = sums_narrow(branch(&qmf->even[qmf->n - 1], t->qmf_even), 11);
}

/* ---- rows of a square: one channel's memory each, transposed to or from one moment each ---- */

static void rows_load(vec rows[LANES], const void *const *from, size_t n_channels, size_t at, size_t bytes)
{
    for (size_t lane = 0; lane < LANES; lane++) {
        const uint8_t *row = (const uint8_t *)from[lane < n_channels ? lane : n_channels - 1] + at;
        if (bytes == sizeof(vec)) {
            rows[lane] = load(row);
        } else {
            rows[lane] = set(0);
            memcpy(&rows[lane], row, bytes); /* may not read beyond a packet */
        }
    }
    transpose(rows);
}

static void rows_store(vec rows[LANES], void *const *to, size_t n_channels, size_t at, size_t bytes)
{
    transpose(rows);
    for (size_t lane = 0; lane < n_channels; lane++) {
        uint8_t *row = (uint8_t *)to[lane] + at;
        if (bytes == sizeof(vec))
            store(row, rows[lane]);
        else
            memcpy(row, &rows[lane], bytes);
    }
}

/* Two codes of a channel share a word, so a square of codes stands for four squares of samples. */
static void encode_batch(struct g722_state *const *states, const int16_t *const *pcm, uint8_t *const *out,
                         size_t n_channels, size_t n)
{
    const struct tables t = tables_make();
    union lanes lanes;
    struct qmf qmf;
    vec samples[LANES], codes[LANES];
    size_t n_words = 0;
    lanes_load(&lanes, states, n_channels);
    qmf_load(&qmf, lanes.history);
    struct lanes_band low = lanes.low, high = lanes.high; /* by themselves, so that they may live in registers */
    for (size_t at = 0; at < n; at += LANES) {
        rows_load(samples, (const void *const *)pcm, n_channels, 2 * at, sizeof(vec));
        for (size_t i = 0; i < LANES; i += 4) {
            vec first = encode_pair(&low, &high, &qmf, &t, samples[i], samples[i + 1]);
            vec second = encode_pair(&low, &high, &qmf, &t, samples[i + 2], samples[i + 3]);
            codes[n_words++] = shift_left(second, 8) | first;
        }
        if (n_words == LANES || at + LANES == n) {
            rows_store(codes, (void *const *)out, n_channels, (at + LANES) / 2 - 2 * n_words, 2 * n_words);
            n_words = 0;
        }
    }
    qmf_store(&qmf, lanes.history);
    lanes.low = low;
    lanes.high = high;
    lanes_store(&lanes, states, n_channels);
}

static void decode_batch(struct g722_state *const *states, const uint8_t *const *in, int16_t *const *out,
                         size_t n_channels, size_t n_bytes)
{
    const struct tables t = tables_make();
    union lanes lanes;
    struct qmf qmf;
    vec samples[LANES], codes[LANES];
    size_t n_samples = 0;
    lanes_load(&lanes, states, n_channels);
    qmf_load(&qmf, lanes.history);
    struct lanes_band low = lanes.low, high = lanes.high; /* by themselves, so that they may live in registers */
    for (size_t at = 0; at < n_bytes; at++) {
        size_t in_square = at % sizeof(vec), left = n_bytes - at;
        if (in_square == 0)
            rows_load(codes, (const void *const *)in, n_channels, at, left < sizeof(vec) ? left : sizeof(vec));
        vec *word = &codes[in_square / 2];
        decode_pair(&low, &high, &qmf, &t, *word & set(255), samples + n_samples);
        *word = (vec)((uvec)*word >> 8);
        n_samples += 2;
        if (n_samples == LANES || left == 1) {
            rows_store(samples, (void *const *)out, n_channels, 4 * (at + 1) - 2 * n_samples, 2 * n_samples);
            n_samples = 0;
        }
    }
    qmf_store(&qmf, lanes.history);
    lanes.low = low;
    lanes.high = high;
    lanes_store(&lanes, states, n_channels);
}

INLINE size_t batch_of(size_t n_channels)
{
    return n_channels < LANES ? n_channels : LANES;
}

/* Batches of CHANNELS_MIN channels at least, what is left by the reference. */
INLINE void encode_all(struct g722_state *const *states, const int16_t *const *pcm, uint8_t *const *out,
                       size_t n_channels, size_t n)
{
    size_t done = 0;
    for (size_t batch; (batch = batch_of(n_channels - done)) >= CHANNELS_MIN; done += batch)
        encode_batch(states + done, pcm + done, out + done, batch, n);
    g722_encode_ref(states + done, pcm + done, out + done, n_channels - done, n);
}

INLINE void decode_all(struct g722_state *const *states, const uint8_t *const *in, int16_t *const *out,
                       size_t n_channels, size_t n_bytes)
{
    size_t done = 0;
    for (size_t batch; (batch = batch_of(n_channels - done)) >= CHANNELS_MIN; done += batch)
        decode_batch(states + done, in + done, out + done, batch, n_bytes);
    g722_decode_ref(states + done, in + done, out + done, n_channels - done, n_bytes);
}
