/* Concealment: a tone goes on in phase, fades to nothing in 60 ms, and comes back without a click. */
#include "core/base/mem.h"
#include "core/media/plc.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TAU 6.28318530717958647692

static void tone(int16_t *pcm, size_t n, uint32_t rate_hz, double hz, size_t at)
{
    for (size_t i = 0; i < n; i++) {
        pcm[i] = (int16_t)lrint(8000 * sin(TAU * hz * (double)(at + i) / rate_hz));
    }
}

static void tone_goes_on_and_fades(void **state)
{
    static const uint32_t rates[] = {8000, 16000, 48000};
    for (unsigned k = 0; k < 3; k++) {
        uint32_t rate_hz = rates[k];
        size_t n = rate_hz / 50, at = 0;
        int16_t *history = mem_get(plc_history_bytes(rate_hz)), pcm[960], wanted[960];
        struct plc plc;
        plc_init(&plc, rate_hz, history);
        for (unsigned i = 0; i < 11; i++, at += n) { /* the history begins in the middle of its ring */
            tone(pcm, n, rate_hz, 205.0, at);
            plc_good(&plc, pcm, n);
        }
        assert_true(plc_conceal(&plc, pcm, n));
        tone(wanted, n, rate_hz, 205.0, at);
        for (size_t i = 0; i < n / 2; i++) { /* full level for 10 ms */
            assert_in_range(abs(pcm[i] - wanted[i]), 0, 800);
        }
        assert_true(plc_conceal(&plc, pcm, n));
        assert_true(plc_conceal(&plc, pcm, n));
        assert_false(plc_conceal(&plc, pcm, n));
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(pcm[i], 0);
        }
        tone(pcm, n, rate_hz, 205.0, at);
        plc_good(&plc, pcm, n);
        assert_in_range(abs(pcm[0]), 0, 400); /* fades in from silence */
        mem_put(history);
    }
}

static void nothing_known_is_silence(void **state)
{
    int16_t *history = mem_get(plc_history_bytes(8000)), pcm[160];
    struct plc plc;
    plc_init(&plc, 8000, history);
    plc_conceal(&plc, pcm, 160);
    for (size_t i = 0; i < 160; i++) {
        assert_int_equal(pcm[i], 0);
    }
    mem_put(history);
}

/* However long it lasted, it is remembered as the silence before what follows. */
static void long_silence_is_like_a_short_one(void **state)
{
    int16_t made[2][160], pcm[160];
    for (unsigned k = 0; k < 2; k++) {
        int16_t *history = mem_get(plc_history_bytes(8000));
        struct plc plc;
        plc_init(&plc, 8000, history);
        tone(pcm, 160, 8000, 700.0, 0);
        plc_good(&plc, pcm, 160);
        for (unsigned i = 0; i < (k ? 50 : 3); i++) {
            memset(pcm, 0, sizeof pcm);
            plc_good(&plc, pcm, 160);
        }
        tone(pcm, 160, 8000, 205.0, 0);
        plc_good(&plc, pcm, 160);
        plc_conceal(&plc, made[k], 160);
        mem_put(history);
    }
    assert_true(made[0][10] != 0);
    assert_memory_equal(made[0], made[1], sizeof made[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tone_goes_on_and_fades),
                                       cmocka_unit_test(nothing_known_is_silence),
                                       cmocka_unit_test(long_silence_is_like_a_short_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
