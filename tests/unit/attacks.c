/*
 * Attacks on calls that no other test names, played on the virtual clock of call_world.h: dialogs taken over by guesses
 * (A10), and half calls that would use up what calls need (A33).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_world.h"

static struct phone join(struct world *w, unsigned number, const char *user)
{
    struct phone p = phone_of(w, number, user);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 200);
    phone_ack(&p, NULL);
    world_work(w);
    return p;
}

/* A10: Call-ID, From and everything but one tag is right. The dialog does not notice. */
static void test_guessed_dialogs(void **state)
{
    static const char *const methods[] = {"BYE", "INVITE", "UPDATE", "REFER", "INFO", "PRACK"};
    struct world *w = world_open((struct focus_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    struct phone a = join(w, 2, user), b = join(w, 3, user);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        const char *body = strcmp(methods[i], "INVITE") == 0 ? SDP_HOLD : NULL;
        struct phone guess = a; /* another's tag, one that differs in its last digit */
        snprintf(guess.to_tag, sizeof guess.to_tag, "%s", b.to_tag);
        guess.branch = 1000 + (unsigned)i;
        assert_int_equal(phone_send(&guess, methods[i], 100, body), 481);
        snprintf(guess.to_tag, sizeof guess.to_tag, "%s", a.to_tag);
        char *digit = &guess.to_tag[strlen(guess.to_tag) - 1];
        *digit = *digit == '0' ? '1' : '0';
        assert_int_equal(phone_send(&guess, methods[i], 100, body), 481);
        guess = a; /* the caller's own number in another's place: Call-ID and From tag of a third */
        guess.number = 77;
        assert_int_equal(phone_send(&guess, methods[i], 100, body), 481);
    }
    struct phone none = a; /* no tag at all: no dialog is meant */
    none.to_tag[0] = '\0';
    none.branch = 2000;
    assert_int_equal(phone_send(&none, "BYE", 100, NULL), 481);
    world_work(w);
    assert_int_equal(w->n_reqs, 0); /* no worker has heard of any of it */
    assert_int_equal(count_get(&w->focus->stats.calls), 2);
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200); /* its CSeq was never used up */
    assert_int_equal(phone_send(&b, "BYE", 0, NULL), 200);
    world_close(w);
}

/* A33: URIs are asked for and never called: no port is taken, their number is bounded, and time gives them back. */
static void test_half_calls(void **state)
{
    struct world *w = world_open((struct focus_cfg){.conferences_max = 50}, 0, NULL);
    unsigned n_redirected = 0, n_refused = 0, number = 1;
    for (unsigned i = 0; i < 5000; i++) {
        struct phone p = phone_of(w, number++, "conferences");
        int status = phone_send(&p, "INVITE", 0, SDP_PCMU);
        n_redirected += status == 302;
        n_refused += status == 503 && strstr(last(w), "\r\nRetry-After: ") != NULL;
    }
    struct place_load load;
    place_load(w->place, &load);
    assert_int_equal(n_redirected, 50);
    assert_int_equal(n_refused, 4950);
    assert_int_equal(load.pairs_used + load.pairs_held, 0);
    world_run(w, 120000);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, number++, user);
    struct phone p = join(w, number++, user);
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guessed_dialogs),
        cmocka_unit_test(test_half_calls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
