/*
 * G.722 at 64 kbit/s (mode 1), the specification: ITU-T G.722 clauses 5 (quadrature mirror filters) and 6 (the two
 * ADPCM codecs), sub-block by sub-block under the recommendation's names, with 16-bit saturating arithmetic as in the
 * ITU-T software tool library (G.191 g722), limits behind the transmit filter included.
 */
#include "simd/g722_tables.h"
#include "simd/kernels.h"
#include <string.h>

static int16_t sat16(int32_t x)
{
    return (int16_t)(x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x);
}

static int16_t clamp(int32_t x, int32_t low, int32_t high)
{
    return (int16_t)(x < low ? low : x > high ? high : x);
}

/* Fractional product, rounded down. */
static int16_t mult(int16_t a, int16_t b)
{
    return sat16(((int32_t)a * b) >> 15);
}

static int16_t limit(int32_t x)
{
    return clamp(x, -16384, 16383);
}

/* One branch of the QMF: 12 taps over every second word of the history, forwards or backwards. */
static int32_t branch(const int16_t *samples, int first_tap, int step)
{
    int32_t sum = 0;
    for (int i = 0; i < G722_TAPS; i++)
        sum += samples[2 * i] * g722_qmf[first_tap + i * step];
    return sum;
}

/* Appends two words to the history and gives the sums of both branches. */
static void qmf(int16_t history[22], int16_t even, int16_t odd, int32_t *even_sum, int32_t *odd_sum)
{
    int16_t window[24];
    memcpy(window, history, 22 * sizeof(*window));
    window[22] = even;
    window[23] = odd;
    memcpy(history, window + 2, 22 * sizeof(*window));
    *even_sum = branch(window, 0, 1);
    *odd_sum = branch(window + 1, G722_TAPS - 1, -1);
}

/* One's complement magnitude, as the quantisers compare it. */
static int16_t magnitude(int16_t e)
{
    return (int16_t)(e < 0 ? ~e : e);
}

/* QUANTL. Positive codes count down from 61, negative ones from 31, but for the two innermost: 63 and 62. */
static int quantl(int16_t e, int16_t det)
{
    int mil = 1;
    while (mil < 30 && magnitude(e) >= mult((int16_t)(g722_q6[mil] << 3), det))
        mil++;
    return e >= 0 ? 62 - mil : mil < 3 ? 64 - mil : 34 - mil;
}

/* QUANTH. */
static int quanth(int16_t e, int16_t det)
{
    int outer = magnitude(e) >= mult((int16_t)(g722_q2 << 3), det);
    return (e < 0 ? 0 : 2) + (outer ? 0 : 1);
}

/* LOGSCL, LOGSCH, SCALEL, SCALEH: the scale factor for the next sample. */
static void scale(struct g722_band *q, int16_t increment, int nb_max, int shift)
{
    q->nb = clamp(mult(q->nb, 32512) + increment, 0, nb_max);
    int mantissa = g722_ilb[(q->nb >> 6) & 31], right = shift - (q->nb >> 11);
    q->det = (int16_t)((right < 0 ? mantissa << -right : mantissa >> right) << 2);
}

/* UPPOL2 and UPPOL1: the poles, from the signs of the last three partial reconstructions. */
static void adapt_poles(struct g722_band *q, int16_t p0)
{
    int same1 = (p0 < 0) == (q->p[0] < 0), same2 = (p0 < 0) == (q->p[1] < 0);
    int16_t a1_x4 = sat16(4 * q->a[0]);
    int32_t turn = sat16(same1 ? -a1_x4 : a1_x4) >> 7;
    q->a[1] = clamp(turn + (same2 ? 128 : -128) + mult(q->a[1], 32512), -G722_POLE2_MAX, G722_POLE2_MAX);
    int16_t edge = (int16_t)(G722_POLES_SUM_MAX - q->a[1]);
    q->a[0] = clamp((same1 ? 192 : -192) + mult(q->a[0], 32640), -edge, edge);
}

/* UPZERO, DELAYA, FILTEZ: the zeros, from the signs of the differences; then their share of the prediction. */
static void adapt_zeros(struct g722_band *q, int16_t d0)
{
    for (int i = 0; i < 6; i++) {
        int step = d0 == 0 ? 0 : (d0 < 0) == (q->d[i] < 0) ? 128 : -128;
        q->b[i] = sat16(step + mult(q->b[i], 32640));
    }
    memmove(q->d + 1, q->d, 5 * sizeof(*q->d));
    q->d[0] = d0;
    q->sz = 0;
    for (int i = 5; i >= 0; i--)
        q->sz = sat16(q->sz + mult(sat16(2 * q->d[i]), q->b[i]));
}

/* Block 4: the predictor takes a quantised difference and gives the next prediction. */
static void predict(struct g722_band *q, int16_t d0)
{
    int16_t r0 = sat16(q->s + d0);  /* RECONS */
    int16_t p0 = sat16(q->sz + d0); /* PARREC */
    adapt_zeros(q, d0);
    adapt_poles(q, p0);
    int16_t sp = sat16(mult(q->a[0], sat16(2 * r0)) + mult(q->a[1], sat16(2 * q->r))); /* FILTEP */
    q->r = r0;
    q->p[1] = q->p[0];
    q->p[0] = p0;
    q->s = sat16(sp + q->sz); /* PREDIC */
}

/* What coder and decoder do alike with a code of the lower sub-band: only its upper four bits count. */
static void low_follow(struct g722_band *q, int code)
{
    int16_t d0 = mult(q->det, g722_qm4[code >> 2]);
    scale(q, g722_wl[code >> 2], G722_NBL_MAX, G722_SHIFT_LOW);
    predict(q, d0);
}

static void high_follow(struct g722_band *q, int code)
{
    int16_t d0 = mult(q->det, g722_qm2[code]);
    scale(q, g722_wh[code], G722_NBH_MAX, G722_SHIFT_HIGH);
    predict(q, d0);
}

static uint8_t encode_pair(struct g722_state *state, int16_t first, int16_t second)
{
    int32_t even, odd;
    qmf(state->history, first, second, &even, &odd);
    int low = quantl(sat16(limit((odd + even) >> 14) - state->low.s), state->low.det);
    int high = quanth(sat16(limit((odd - even) >> 14) - state->high.s), state->high.det);
    low_follow(&state->low, low);
    high_follow(&state->high, high);
    return (uint8_t)(high << 6 | low);
}

static void decode_pair(struct g722_state *state, uint8_t byte, int16_t out[2])
{
    int low = byte & 63, high = byte >> 6;
    int16_t rl = limit(sat16(state->low.s + mult(state->low.det, g722_qm6[low])));
    int16_t rh = limit(sat16(state->high.s + mult(state->high.det, g722_qm2[high])));
    low_follow(&state->low, low);
    high_follow(&state->high, high);
    int32_t even, odd;
    qmf(state->history, (int16_t)(rl + rh), (int16_t)(rl - rh), &even, &odd);
    out[0] = sat16(odd >> 11);
    out[1] = sat16(even >> 11);
}

void g722_encode_ref(struct g722_state *const *states, const int16_t *const *pcm, uint8_t *const *out,
                     size_t n_channels, size_t n)
{
    for (size_t channel = 0; channel < n_channels; channel++)
        for (size_t i = 0; i < n / 2; i++)
            out[channel][i] = encode_pair(states[channel], pcm[channel][2 * i], pcm[channel][2 * i + 1]);
}

void g722_decode_ref(struct g722_state *const *states, const uint8_t *const *in, int16_t *const *out, size_t n_channels,
                     size_t n_bytes)
{
    for (size_t channel = 0; channel < n_channels; channel++)
        for (size_t i = 0; i < n_bytes; i++)
            decode_pair(states[channel], in[channel][i], out[channel] + 2 * i);
}
