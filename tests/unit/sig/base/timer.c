/*
 * The wheel against a plain model: thousands of timers started, restarted and stopped at random, over all levels; each
 * must fire exactly at its millisecond, once. Then the edges: cascades, a long sleep, callbacks that touch the wheel.
 */
#include "tests/unit/sig/sip/sip_help.h"

#define N_TIMERS 2000

struct probe {
    struct timer timer;
    uint64_t due_ms; /* 0: must not fire */
    unsigned n_fired;
};

static void on_probe(struct timer *timer, uint64_t now_ns)
{
    struct probe *probe = TIMER_OWNER(timer, struct probe, timer);
    assert_int_equal(probe->due_ms, now_ns / NS_PER_MS);
    assert_false(timer_is_running(timer));
    probe->due_ms = 0;
    probe->n_fired++;
}

static void fires_when_due(void **state)
{
    static struct probe probes[N_TIMERS];
    uint64_t seed = 7, now_ms = 123456789;
    struct timer_wheel *wheel = malloc(sizeof *wheel);
    timer_wheel_init(wheel, now_ms * NS_PER_MS);
    for (unsigned i = 0; i < N_TIMERS; i++) {
        timer_init(&probes[i].timer, on_probe);
    }
    for (unsigned turn = 0; turn < 200000; turn++) {
        struct probe *probe = &probes[help_random(&seed) % N_TIMERS];
        uint64_t draw = help_random(&seed), range = 1ull << (1 + draw % 20);
        if (draw % 7 == 0) {
            timer_stop(wheel, &probe->timer);
            probe->due_ms = 0;
        } else {
            uint64_t delay_ms = 1 + help_random(&seed) % range;
            timer_start(wheel, &probe->timer, delay_ms);
            probe->due_ms = now_ms + delay_ms;
        }
        if (turn % 4 == 0) {
            /* never past the next one, so that each fires with its own time */
            uint64_t next_ns = timer_next_ns(wheel);
            now_ms = next_ns == UINT64_MAX ? now_ms + 1 : MIN(now_ms + 1 + draw % 50, next_ns / NS_PER_MS);
            timer_run(wheel, now_ms * NS_PER_MS);
        }
        if (turn % 1000 == 0) {
            for (unsigned i = 0; i < N_TIMERS; i++) {
                assert_true(probes[i].due_ms == 0 || probes[i].due_ms > now_ms);
                assert_int_equal(timer_is_running(&probes[i].timer), probes[i].due_ms != 0);
            }
        }
    }
    free(wheel);
}

static void on_count(struct timer *timer, uint64_t now_ns)
{
    TIMER_OWNER(timer, struct probe, timer)->n_fired++;
}

static void long_sleep_fires_all(void **state)
{
    static struct probe probes[3];
    struct timer_wheel *wheel = malloc(sizeof *wheel);
    timer_wheel_init(wheel, 0);
    uint64_t delays[3] = {255, 70000, 20000000};
    for (unsigned i = 0; i < 3; i++) {
        timer_init(&probes[i].timer, on_count);
        timer_start(wheel, &probes[i].timer, delays[i]);
    }
    assert_int_equal(timer_run(wheel, 69999 * NS_PER_MS), 1);
    assert_int_equal(timer_run(wheel, 70000 * NS_PER_MS), 1);
    assert_int_equal(timer_run(wheel, 19999999 * NS_PER_MS), 0);
    assert_int_equal(timer_run(wheel, 90000000 * NS_PER_MS), 1);
    assert_true(timer_next_ns(wheel) == UINT64_MAX);
    free(wheel);
}

static struct timer_wheel *shared;
static struct probe others[8];

static void on_stop_others(struct timer *timer, uint64_t now_ns)
{
    TIMER_OWNER(timer, struct probe, timer)->n_fired++;
    for (unsigned i = 0; i < 8; i++) {
        timer_stop(shared, &others[i].timer);
    }
    timer_start(shared, timer, 0);
}

static void callback_may_stop_and_start(void **state)
{
    shared = malloc(sizeof *shared);
    timer_wheel_init(shared, 0);
    for (unsigned i = 0; i < 8; i++) {
        timer_init(&others[i].timer, on_stop_others);
        timer_start(shared, &others[i].timer, 300);
    }
    assert_int_equal(timer_run(shared, 300 * NS_PER_MS), 1);
    assert_int_equal(shared->n_running, 1);
    assert_int_equal(timer_run(shared, 301 * NS_PER_MS), 1);
    free(shared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_when_due),
        cmocka_unit_test(long_sleep_fires_all),
        cmocka_unit_test(callback_may_stop_and_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
