/*
 * Polyphase resampling by 2, 3 or 6, the specification: direct sums over the window of the last FIR_TAPS low-rate
 * samples. Up: output phase p of input i is the window ending at i times bank->up[p]. Down: stream m (every factor-th
 * input, starting at m) times bank->down[m], summed over the streams. The window carries over in the state, so frames
 * may be of any length and join without a seam.
 */
#include "simd/kernels.h"
#include <string.h>

enum { HISTORY = FIR_TAPS - 1, WINDOW = HISTORY + FIR_LOW_MAX };

static int16_t round_q14(int32_t sum)
{
    int32_t y = (sum + 8192) >> 14;
    return (int16_t)(y > INT16_MAX ? INT16_MAX : y < INT16_MIN ? INT16_MIN : y);
}

static int32_t dot(const int16_t *window, const int16_t *coef)
{
    int32_t sum = 0;
    for (size_t j = 0; j < FIR_TAPS; j++)
        sum += window[j] * coef[j];
    return sum;
}

/* window = history, then every stride-th input from in; the last samples of it become the new history. */
static void window_fill(int16_t *window, int16_t *history, const int16_t *in, size_t stride, size_t n)
{
    memcpy(window, history, HISTORY * sizeof(*window));
    for (size_t i = 0; i < n; i++)
        window[HISTORY + i] = in[i * stride];
    memcpy(history, window + n, HISTORY * sizeof(*window));
}

void fir_up_ref(const struct fir_bank *bank, struct fir_state *state, const int16_t *in, int16_t *out, size_t n_low)
{
    int16_t window[WINDOW];
    size_t factor = (size_t)bank->factor;
    window_fill(window, state->hist[0], in, 1, n_low);
    for (size_t i = 0; i < n_low; i++)
        for (size_t p = 0; p < factor; p++)
            out[i * factor + p] = round_q14(dot(window + i, bank->up[p]));
}

void fir_down_ref(const struct fir_bank *bank, struct fir_state *state, const int16_t *in, int16_t *out, size_t n_low)
{
    int16_t window[WINDOW];
    int32_t sum[FIR_LOW_MAX] = {0};
    size_t factor = (size_t)bank->factor;
    for (size_t m = 0; m < factor; m++) {
        window_fill(window, state->hist[m], in + m, factor, n_low);
        for (size_t i = 0; i < n_low; i++)
            sum[i] += dot(window + i, bank->down[m]);
    }
    for (size_t i = 0; i < n_low; i++)
        out[i] = round_q14(sum[i]);
}
