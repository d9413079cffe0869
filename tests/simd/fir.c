/*
 * Resampling. Goal: every ISA gives the reference's bits across frames of any length, and the filters are what the
 * contract promises. Method: random and full-scale streams cut into random frames, state compared after each; a plain
 * convolution as oracle for the reference; sines for pass band, images and alias; a constant and an impulse for the
 * banks.
 */
#include "simd/kernels.h"
#include "tests/simd/check.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { HIGH_MAX = FIR_LOW_MAX * FIR_FACTOR_MAX, HISTORY = FIR_TAPS - 1 };

static const int factors[] = {2, 3, 6};

struct streams {
    struct room in, out;
};

static bool histories_equal(const struct fir_state *a, const struct fir_state *b, size_t n_streams)
{
    for (size_t m = 0; m < n_streams; m++)
        if (memcmp(a->hist[m], b->hist[m], HISTORY * sizeof(int16_t)) != 0)
            return false;
    return true;
}

/* Frames of random length through the kernel and the reference, each with its own state. */
static void stream_at(struct check *check, struct streams *streams, int factor, bool up)
{
    const struct fir_bank *bank = fir_bank(factor);
    struct fir_state state = {0}, expected_state = {0};
    int16_t expected[HIGH_MAX] __attribute__((aligned(64)));
    for (size_t frame = 0; frame < 40; frame++) {
        size_t n_low = SIMD_BLOCK * (size_t)check_random_in(check, 1, FIR_LOW_MAX / SIMD_BLOCK);
        size_t n_in = up ? n_low : n_low * (size_t)factor, n_out = up ? n_low * (size_t)factor : n_low;
        enum room_side side = frame % 2 ? ROOM_START : ROOM_END;
        int16_t *in = room_lay(&streams->in, n_in * sizeof(*in), side);
        int16_t *out = room_lay(&streams->out, n_out * sizeof(*out), side);
        pcm_draw(check, in, n_in);
        room_remember(&streams->in);
        (up ? check->row->fir_up : check->row->fir_down)(bank, &state, in, out, n_low);
        (up ? fir_up_ref : fir_down_ref)(bank, &expected_state, in, expected, n_low);
        check_pcm(check, expected, out, n_out, "fir %s x%d, frame %zu of %zu", up ? "up" : "down", factor, frame,
                  n_low);
        if (!histories_equal(&state, &expected_state, up ? 1 : (size_t)factor))
            check_fail(check, "fir %s x%d: another state after frame %zu", up ? "up" : "down", factor, frame);
        if (!room_same(&streams->in) || !room_canaries(&streams->out))
            check_fail(check, "fir %s x%d wrote where it must not, n_low=%zu", up ? "up" : "down", factor, n_low);
    }
}

static void test_streams(struct check *check)
{
    struct streams streams;
    room_init(&streams.in, HIGH_MAX * sizeof(int16_t));
    room_init(&streams.out, HIGH_MAX * sizeof(int16_t));
    for (size_t i = 0; i < ARRAY_LEN(factors); i++) {
        stream_at(check, &streams, factors[i], true);
        stream_at(check, &streams, factors[i], false);
    }
    room_fini(&streams.in);
    room_fini(&streams.out);
}

/* Runs a long stream in 20 ms frames of 16 kHz; n_low a multiple of FIR_LOW_MAX. */
static void run_long(struct check *check, int factor, bool up, const int16_t *in, int16_t *out, size_t n_low)
{
    struct fir_state state = {0};
    size_t in_step = up ? FIR_LOW_MAX : FIR_LOW_MAX * (size_t)factor;
    size_t out_step = up ? FIR_LOW_MAX * (size_t)factor : FIR_LOW_MAX;
    for (size_t at = 0; at < n_low / FIR_LOW_MAX; at++)
        (up ? check->row->fir_up : check->row->fir_down)(fir_bank(factor), &state, in + at * in_step,
                                                         out + at * out_step, FIR_LOW_MAX);
}

enum { N_FRAMES = 4, LONG_LOW = N_FRAMES * FIR_LOW_MAX, LONG_HIGH = LONG_LOW * FIR_FACTOR_MAX };

struct tone_buffers {
    int16_t low[LONG_LOW], high[LONG_HIGH];
};

static struct tone_buffers *buffers_build(void)
{
    struct tone_buffers *buffers = aligned_alloc(64, sizeof(*buffers));
    if (!buffers)
        abort();
    return buffers;
}

static void tone_fill(int16_t *pcm, size_t n, double cycles_per_sample, double amplitude)
{
    for (size_t i = 0; i < n; i++)
        pcm[i] = (int16_t)lrint(amplitude * sin(2 * M_PI * cycles_per_sample * (double)i));
}

/* Least-squares fit of one sine: its amplitude, and the rms of all the rest. */
static double tone_amplitude(const int16_t *pcm, size_t n, double cycles_per_sample, double *rest)
{
    double in_phase = 0, quadrature = 0, energy = 0;
    for (size_t i = 0; i < n; i++) {
        double angle = 2 * M_PI * cycles_per_sample * (double)i;
        in_phase += pcm[i] * cos(angle);
        quadrature += pcm[i] * sin(angle);
        energy += (double)pcm[i] * pcm[i];
    }
    double amplitude = 2 * hypot(in_phase, quadrature) / (double)n;
    double remaining = energy / (double)n - amplitude * amplitude / 2;
    *rest = sqrt(remaining > 0 ? remaining : 0);
    return amplitude;
}

static double rms(const int16_t *pcm, size_t n)
{
    double energy = 0;
    for (size_t i = 0; i < n; i++)
        energy += (double)pcm[i] * pcm[i];
    return sqrt(energy / (double)n);
}

static double decibel(double ratio)
{
    return 20 * log10(ratio > 1e-9 ? ratio : 1e-9);
}

/* fs in these tests is the low rate. Whole periods in the measured part, so that the fit is clean. */
static void test_pass_band(struct check *check)
{
    static const double places[] = {0.025, 0.1, 0.2, 0.3, 0.375, 0.4};
    const double amplitude = 20000;
    struct tone_buffers *buffers = buffers_build();
    for (size_t k = 0; k < ARRAY_LEN(factors) * ARRAY_LEN(places); k++) {
        int factor = factors[k / ARRAY_LEN(places)];
        double place = places[k % ARRAY_LEN(places)], rest = 0;
        size_t n_high = LONG_LOW * (size_t)factor, skip = FIR_LOW_MAX * (size_t)factor;

        tone_fill(buffers->low, LONG_LOW, place, amplitude);
        run_long(check, factor, true, buffers->low, buffers->high, LONG_LOW);
        double gain = tone_amplitude(buffers->high + skip, n_high - skip, place / factor, &rest) / amplitude;
        if (fabs(decibel(gain)) > 0.1)
            check_fail(check, "up x%d: %.2f dB at %.3f fs", factor, decibel(gain), place);
        if (decibel(rest * M_SQRT2 / amplitude) > -55)
            check_fail(check, "up x%d: images %.1f dB at %.3f fs", factor, decibel(rest * M_SQRT2 / amplitude), place);

        tone_fill(buffers->high, n_high, place / factor, amplitude);
        run_long(check, factor, false, buffers->high, buffers->low, LONG_LOW);
        gain = tone_amplitude(buffers->low + FIR_LOW_MAX, LONG_LOW - FIR_LOW_MAX, place, &rest) / amplitude;
        if (fabs(decibel(gain)) > 0.1)
            check_fail(check, "down x%d: %.2f dB at %.3f fs", factor, decibel(gain), place);
    }
    free(buffers);
}

/* A tone above the low rate's band must not come through: all that is left in the output is alias. */
static void test_alias(struct check *check)
{
    const double amplitude = 20000;
    struct tone_buffers *buffers = buffers_build();
    for (size_t k = 0; k < ARRAY_LEN(factors); k++) {
        int factor = factors[k];
        for (double place = 0.55; place < factor / 2.0; place += 0.05) {
            tone_fill(buffers->high, LONG_LOW * (size_t)factor, place / factor, amplitude);
            run_long(check, factor, false, buffers->high, buffers->low, LONG_LOW);
            double left = rms(buffers->low + FIR_LOW_MAX, LONG_LOW - FIR_LOW_MAX) * M_SQRT2 / amplitude;
            if (decibel(left) > -55)
                check_fail(check, "down x%d: alias %.1f dB from %.3f fs", factor, decibel(left), place);
        }
    }
    free(buffers);
}

/* Constants come through unchanged, even the extremes, and an impulse prints the bank. */
static void test_banks(struct check *check)
{
    static const int16_t constants[] = {0, 1, -1, 1000, -1000, INT16_MAX, INT16_MIN};
    struct tone_buffers *buffers = buffers_build();
    for (size_t k = 0; k < ARRAY_LEN(factors) * ARRAY_LEN(constants); k++) {
        size_t factor = (size_t)factors[k / ARRAY_LEN(constants)];
        int16_t constant = constants[k % ARRAY_LEN(constants)];
        for (size_t i = 0; i < LONG_LOW; i++)
            buffers->low[i] = constant;
        run_long(check, (int)factor, true, buffers->low, buffers->high, LONG_LOW);
        run_long(check, (int)factor, false, buffers->high, buffers->low, LONG_LOW);
        if (buffers->high[HISTORY * factor] != constant || buffers->high[LONG_LOW * factor - 1] != constant)
            check_fail(check, "up x%zu: constant %d comes out as %d", factor, constant,
                       buffers->high[HISTORY * factor]);
        if (buffers->low[LONG_LOW - 1] != constant)
            check_fail(check, "down x%zu: constant %d comes out as %d", factor, constant, buffers->low[LONG_LOW - 1]);
    }
    for (size_t k = 0; k < ARRAY_LEN(factors); k++) {
        const struct fir_bank *bank = fir_bank(factors[k]);
        size_t factor = (size_t)factors[k];
        memset(buffers->low, 0, sizeof(buffers->low));
        buffers->low[0] = 1 << 14;
        run_long(check, factors[k], true, buffers->low, buffers->high, LONG_LOW);
        for (size_t i = 0; i < FIR_TAPS; i++)
            for (size_t p = 0; p < factor; p++)
                if (buffers->high[i * factor + p] != bank->up[p][FIR_TAPS - 1 - i])
                    check_fail(check, "up x%zu: impulse response at %zu, phase %zu", factor, i, p);
    }
    free(buffers);
}

/* A state copied in the middle of a stream goes on with the same bits. */
static void test_copied_state(struct check *check)
{
    static int16_t in[HIGH_MAX] __attribute__((aligned(64)));
    static int16_t a[HIGH_MAX] __attribute__((aligned(64))), b[HIGH_MAX] __attribute__((aligned(64)));
    for (size_t k = 0; k < ARRAY_LEN(factors); k++) {
        const struct fir_bank *bank = fir_bank(factors[k]);
        struct fir_state state = {0};
        pcm_fill(check, PCM_LOUD, in, HIGH_MAX);
        check->row->fir_down(bank, &state, in, a, 160);
        struct fir_state copy = state;
        check->row->fir_down(bank, &state, in, a, 160);
        check->row->fir_down(bank, &copy, in, b, 160);
        check_pcm(check, a, b, 160, "down x%d from a copied state", factors[k]);
    }
}

int main(int argc, char **argv)
{
    static const check_fn tests[] = {test_streams, test_pass_band, test_alias, test_banks, test_copied_state};
    return check_main(argc, argv, "fir", tests, ARRAY_LEN(tests));
}
