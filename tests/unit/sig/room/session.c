/*
 * What keeps a session true: UPDATE (RFC 3311) and session timers (RFC 4028). Attacks A22 and A23.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_world.h"

static struct world *open_with(uint32_t session_s, char user[URI_TOKEN_CHARS + 1])
{
    struct world *w = world_open((struct env_cfg){.session_s = session_s}, 0, NULL);
    world_issue(w, 1, user);
    return w;
}

static struct phone join(struct world *w, const char *user, const char *extra)
{
    struct phone p = phone_of(w, 2, user);
    p.extra = extra;
    assert_int_equal(phone_invite(&p, SDP_PCMU), 200);
    return p;
}

static bool says(const struct world *w, const char *name, const char *wanted)
{
    char value[256] = "";
    return header(world_answer(w), name, value, sizeof value) ? strcmp(value, wanted) == 0 : wanted == NULL;
}

static void reply(struct world *w, const char *request, int status, const char *body)
{
    world_reply(w, request, status, "", "Contact: <sip:p2@192.0.2.9:5060>\r\n", body);
}

/* The last request of that method, NULL: none. */
static const char *request(struct world *w, const char *method)
{
    char start[32];
    snprintf(start, sizeof start, "%s ", method);
    const char *found = world_request(w, start);
    return *found ? found : NULL;
}

/* C40. */
static void test_settled(void **state)
{
    static const struct {
        uint32_t session_s;
        const char *extra;
        int status;
        const char *expires, *require;
    } cases[] = {
        {1800, NULL, 200, NULL, NULL},
        {1800, "Supported: timer\r\n", 200, "1800;refresher=uac", "timer"},
        {0, "Supported: timer\r\n", 200, NULL, NULL},
        {0, "Supported: timer\r\nSession-Expires: 600\r\n", 200, "600;refresher=uac", "timer"},
        {1800, "k: timer\r\nx: 600;refresher=uas\r\n", 200, "600;refresher=uas", "timer"},
        {1800, "Session-Expires: 600\r\n", 200, "600;refresher=uas", NULL}, /* a proxy put it there */
        {1800, "Supported: timer\r\nMin-SE: 3600\r\n", 200, "3600;refresher=uac", "timer"},
        {1800, "Supported: timer\r\nRequire: timer\r\nSession-Expires: 90\r\n", 200, "90;refresher=uac", "timer"},
        {1800, "Supported: timer\r\nSession-Expires: 89\r\n", 422, NULL, NULL},
        {1800, "Supported: timer\r\nSession-Expires: 1\r\n", 422, NULL, NULL},
        {1800, "Supported: timer\r\nSession-Expires: -1\r\n", 400, NULL, NULL},
        {1800, "Supported: timer\r\nSession-Expires: soon\r\n", 400, NULL, NULL},
        {1800, "Supported: timer\r\nSession-Expires: 4294967296\r\n", 200, "1073741824;refresher=uac", "timer"},
        {1800, "Supported: timer\r\nMin-SE: 4294967296\r\n", 200, "1073741824;refresher=uac", "timer"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char user[URI_TOKEN_CHARS + 1];
        struct world *w = open_with(cases[i].session_s, user);
        struct phone p = phone_of(w, 2, user);
        p.extra = cases[i].extra;
        int status = phone_invite(&p, SDP_PCMU);
        if (status != cases[i].status || !says(w, "Session-Expires", cases[i].expires) ||
            (status == 200 && !says(w, "Require", cases[i].require))) {
            print_error("case %zu: %s\n", i, world_answer(w));
            fail();
        }
        if (status == 422) {
            assert_true(says(w, "Min-SE", "90"));
            assert_int_equal(count_get(&w->env->stats.calls), 0);
        } else {
            phone_ack(&p, NULL);
        }
        world_close(w);
    }
}

/* The peer refreshes, by UPDATE or re-INVITE; when it does not, it has gone. */
static void test_peer_refreshes(void **state)
{
    char user[URI_TOKEN_CHARS + 1];
    struct world *w = open_with(0, user);
    struct phone p = join(w, user, "Supported: timer\r\nSession-Expires: 90\r\n");
    phone_ack(&p, NULL);
    world_run(w, 50000);
    assert_int_equal(phone_send(&p, "UPDATE", 0, NULL), 200);
    assert_true(says(w, "Session-Expires", "90;refresher=uac"));
    world_run(w, 50000);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 200);
    phone_ack(&p, NULL);
    world_run(w, 59000);
    assert_null(request(w, "BYE"));
    world_run(w, 2000); /* 90 - 30 s */
    assert_non_null(request(w, "BYE"));
    assert_int_equal(count_get(&w->env->stats.ended[ENDING_SESSION]), 0);
    answer_bye(w, request(w, "BYE"), 200);
    assert_int_equal(count_get(&w->env->stats.ended[ENDING_SESSION]), 1);
    world_close(w);
}

static void test_we_refresh_by_update(void **state)
{
    char user[URI_TOKEN_CHARS + 1], value[128];
    struct world *w = open_with(0, user);
    struct phone p =
        join(w, user, "Supported: timer\r\nSession-Expires: 120;refresher=uas\r\nAllow: INVITE, UPDATE\r\n");
    phone_ack(&p, NULL);
    world_run(w, 59000);
    assert_null(request(w, "UPDATE"));
    for (unsigned i = 0; i < 3; i++) {
        world_run(w, i ? 60000 : 2000);
        const char *update = request(w, "UPDATE");
        assert_non_null(update);
        assert_true(header(update, "Session-Expires", value, sizeof value));
        assert_string_equal(value, "120;refresher=uac");
        reply(w, update, 200, NULL);
    }
    assert_null(request(w, "BYE"));
    world_run(w, 60000);
    reply(w, request(w, "UPDATE"), 481, NULL); /* it knows nothing of us any more */
    assert_non_null(request(w, "BYE"));
    answer_bye(w, request(w, "BYE"), 481);
    assert_int_equal(count_get(&w->env->stats.ended[ENDING_SESSION]), 1);
    world_close(w);
}

/* C18. */
static void test_we_refresh_by_reinvite(void **state)
{
    char user[URI_TOKEN_CHARS + 1];
    struct world *w = open_with(0, user);
    struct phone p = join(w, user, "Supported: timer\r\nSession-Expires: 120;refresher=uas\r\nAllow: INVITE\r\n");
    phone_ack(&p, NULL);
    p.extra = NULL;
    world_run(w, 61000);
    assert_non_null(request(w, "INVITE"));
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_HOLD), 491); /* glare: RFC 3261 14.2 */
    reply(w, request(w, "INVITE"), 491, NULL);
    unsigned before = w->n_sent;
    world_run(w, 4000);
    assert_true(w->n_sent > before); /* again, after a while */
    reply(w, request(w, "INVITE"), 200, SDP_PCMU);
    assert_non_null(request(w, "ACK"));
    assert_int_equal(w->env->calls->state, CALL_UP);
    world_run(w, 61000);
    reply(w, request(w, "INVITE"), 200, SDP_HEAD "m=audio 7000 RTP/AVP 9\r\n"); /* an answer to nothing of ours */
    assert_non_null(request(w, "BYE"));
    answer_bye(w, request(w, "BYE"), 200);
    world_close(w);
}

/* C39. */
static void test_update(void **state)
{
    char user[URI_TOKEN_CHARS + 1];
    struct world *w = open_with(0, user);
    struct phone p = join(w, user, NULL);
    world_work(w);
    assert_int_equal(phone_send(&p, "UPDATE", 0, SDP_HOLD), 200); /* before the ACK: the answer has been given */
    assert_non_null(strstr(world_answer(w), "a=inactive"));
    phone_ack(&p, NULL);
    world_work(w);
    assert_int_equal(w->reqs[w->n_reqs - 1].op, CTL_LEG_SET);
    assert_int_equal(phone_send(&p, "UPDATE", 0, SDP_PCMA), 200);
    world_work(w);
    assert_int_equal(w->reqs[w->n_reqs - 1].op, CTL_LEG_SWAP);
    assert_int_equal(phone_send(&p, "UPDATE", 0, SDP_SAVP), 488); /* and the session goes on */
    assert_int_equal(phone_send(&p, "UPDATE", 0, NULL), 200);
    assert_null(strstr(world_answer(w), "m=audio"));
    assert_int_equal(phone_send(&p, "UPDATE", 1, NULL), 500); /* an old one */
    p.cseq = 50;
    assert_int_equal(phone_invite(&p, NULL), 200); /* our offer is out */
    assert_int_equal(phone_send(&p, "UPDATE", 0, SDP_HOLD), 491);
    assert_int_equal(phone_send(&p, "UPDATE", 0, NULL), 200);
    phone_send(&p, "ACK", 51, SDP_PCMA);
    assert_int_equal(w->env->calls->state, CALL_UP);
    struct phone stranger = p;
    stranger.number = 7;
    assert_int_equal(phone_send(&stranger, "UPDATE", 0, NULL), 481);
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
    assert_int_equal(phone_send(&p, "UPDATE", 0, NULL), 481);
    world_close(w);
}

/* A22: a storm changes nothing but the counters; the codec flips as often as it is asked to, one leg at a time.
 * A38. */
static void test_storm(void **state)
{
    char user[URI_TOKEN_CHARS + 1];
    struct world *w = open_with(0, user);
    struct phone p = join(w, user, NULL);
    phone_ack(&p, NULL);
    for (unsigned i = 0; i < 200; i++) {
        int status = phone_send(&p, "UPDATE", 0, i % 2 ? SDP_PCMU : SDP_PCMA);
        assert_true(status == 200 || status == 503);
        if (i % 20 == 19) {
            world_work(w);
            world_give(w);
            world_run(w, 50);
        }
    }
    assert_int_equal(count_get(&w->env->stats.calls), 1);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settled),
        cmocka_unit_test(test_peer_refreshes),
        cmocka_unit_test(test_we_refresh_by_update),
        cmocka_unit_test(test_we_refresh_by_reinvite),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
