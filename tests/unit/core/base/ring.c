/* The SPSC ring: full and empty are ordinary, order is kept, two threads (run it under TSan). Row 14. */
#include "core/base/ring.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sched.h>

enum { N_MESSAGES = 300000 };

struct message {
    uint64_t number, twice;
};

static void full_and_empty(void **state)
{
    struct ring r;
    struct message m = {0};
    assert_int_equal(ring_build(&r, 4, sizeof m), 0);
    for (unsigned round = 0; round < 10; round++) {
        assert_false(ring_get(&r, &m));
        for (m.number = 0; m.number < 4; m.number++) {
            assert_true(ring_put(&r, &m));
        }
        assert_false(ring_put(&r, &m));
        for (uint64_t i = 0; i < 4; i++) {
            assert_true(ring_get(&r, &m));
            assert_int_equal(m.number, i);
        }
    }
    ring_free(&r);
}

static void *producer(void *arg)
{
    struct message m;
    for (m.number = 0; m.number < N_MESSAGES; m.number++) {
        m.twice = 2 * m.number;
        while (!ring_put(arg, &m)) {
            sched_yield();
        }
    }
    return NULL;
}

static void two_threads(void **state)
{
    struct ring r;
    pthread_t thread;
    assert_int_equal(ring_build(&r, 64, sizeof(struct message)), 0);
    pthread_create(&thread, NULL, producer, &r);
    for (uint64_t i = 0; i < N_MESSAGES; i++) {
        struct message m;
        while (!ring_get(&r, &m)) {
            sched_yield();
        }
        assert_true(m.number == i && m.twice == 2 * i);
    }
    pthread_join(thread, NULL);
    ring_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(full_and_empty), cmocka_unit_test(two_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
