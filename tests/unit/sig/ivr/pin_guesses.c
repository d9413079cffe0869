/* Guessing PINs (attack A14), and dialogues that are drawn out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/ivr/pin.h"
#include "sig/ivr/prompts.h"
#include "tests/unit/sig/ivr/pin_help.h"

/* A14: wrong PINs slow down where they come from, more each time, and bar nobody else: neither from the account nor
 * from the conference. Calls made beside one another wait one after the other. */
static void test_guesses_slow_down(void **state)
{
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    uint64_t last_s = 0;
    from_host = "192.0.2.66";
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(come_in(w, &p), 200);
        for (unsigned k = 0; k < 3 && w->env->calls && w->env->calls->state == CALL_UP; k++) {
            uint64_t began_ns = w->now_ns, n = pin_tries(w->env->calls);
            type(w, "0#");
            while (w->env->calls->state == CALL_UP && pin_tries(w->env->calls) == n) {
                world_run(w, 100);
            }
            uint64_t took_s = (w->now_ns - began_ns) / NS_PER_S;
            assert_true(i == 0 ? took_s == 0 : took_s >= last_s);
            last_s = took_s;
        }
        assert_int_equal(strncmp(last(w), "BYE", 3), 0);
        answer_bye(w, last(w), 200);
        world_work(w);
        world_give(w);
    }
    assert_true(last_s >= 16);
    for (unsigned i = 0; i < 4 && come_in(w, &p) == 200; i++) { /* until a verdict would come too late */
        type(w, "0#");
        assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
        world_work(w);
        world_give(w);
    }
    assert_int_equal(come_in(w, &p), 403);
    w->wall_s -= 7200; /* A36: a clock that is set is no hour that passes */
    assert_int_equal(come_in(w, &p), 403);
    w->wall_s += 2 * 7200;
    assert_int_equal(come_in(w, &p), 403);
    from_host = NULL;
    assert_int_equal(come_in(w, &p), 200); /* the same account, from elsewhere */
    type(w, "4711#");
    assert_false(w->env->calls->member.is_waiting);
    from_host = "192.0.2.66";
    world_run(w, 2 * 3700 * 1000ull);
    assert_int_equal(come_in(w, &p), 200);
    type(w, "4711#");
    assert_false(w->env->calls->member.is_waiting);
    from_host = NULL;
    world_close(w);
}

/* A dialogue ends, whatever is keyed in: its ports are needed. */
static void test_total(void **state)
{
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(come_in(w, &p), 200);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(w->env->calls->state, CALL_UP);
        world_run(w, 23000);
        type(w, "*");
    }
    world_run(w, 6000);
    assert_int_equal(strncmp(last(w), "BYE", 3), 0);
    answer_bye(w, last(w), 200);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guesses_slow_down),
        cmocka_unit_test(test_total),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
