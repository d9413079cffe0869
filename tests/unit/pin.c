/* PINs by keypad: row 66, and attack A14. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/call_world.h"

#define REALM "ims.example"

static struct world *open_with(enum pin_policy pin)
{
    struct focus_cfg cfg = {.pin = pin, .realm = REALM};
    struct world *w = world_open(cfg, 0, "memory");
    struct store_req req = {.op = STORE_ACCOUNT_PUT};
    strcpy(req.account.user, "p7"); /* as phone 7 says in From */
    req.account.is_entitled = req.account.has_pin = true;
    assert_int_equal(auth_secret_make(&req.account.secret, "p7", REALM, "sesame"), 0);
    assert_int_equal(store_pin_mac(req.account.pin, w->focus->secret, "p7", "4711"), 0);
    assert_int_equal(store_put(w->store, &req), 0);
    return w;
}

static int await(struct world *w, unsigned before)
{
    for (unsigned i = 0; i < 2000 && w->n_sent == before; i++) {
        usleep(1000);
        focus_beat(w->focus);
    }
    return w->n_sent == before ? 0 : status_of(last(w));
}

/* Phone 7, by From alone, into a conference that it has made. @return status */
static int come_in(struct world *w, struct phone *p)
{
    static unsigned branch;
    char contact[512], user[URI_TOKEN_CHARS + 1];
    *p = phone_of(w, 7, "conferences");
    p->branch = branch += 100;
    p->cseq = branch;
    unsigned before = w->n_sent;
    phone_send(p, "INVITE", 0, SDP_PCMU);
    int status = await(w, before);
    if (status != 302) {
        return status;
    }
    assert_true(header(last(w), "Contact", contact, sizeof contact));
    snprintf(user, sizeof user, "%.*s", URI_TOKEN_CHARS, contact + 5);
    *p = phone_of(w, 7, user);
    p->branch = branch += 100;
    p->cseq = branch;
    before = w->n_sent;
    phone_send(p, "INVITE", 0, SDP_PCMU);
    status = await(w, before);
    if (status == 200) {
        assert_true(header(last(w), "To", contact, sizeof contact));
        snprintf(p->to_tag, sizeof p->to_tag, "%s", strstr(contact, ";tag=") + 5);
        phone_ack(p, NULL);
    }
    return status;
}

static void type(struct world *w, const char *keys)
{
    for (; *keys; keys++) {
        struct ctl_ev ev = {.event = EV_DTMF, .value = (uint32_t)*keys};
        ev.id = (uint64_t)(uintptr_t)w->focus->calls;
        assert_true(ring_put(&w->ctl.events, &ev));
    }
    focus_beat(w->focus);
}

/* Who owes a PIN learns nothing of who is there, brings nobody and removes nobody. */
static void test_owing(void **state)
{
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(reach_read(&w->focus->cfg.reach, "192.0.2.0/24"), 0);
    assert_int_equal(come_in(w, &p), 200);
    for (unsigned right = 0; right < 2; right++) {
        p.extra = "Event: conference\r\nExpires: 0\r\n";
        assert_int_equal(phone_send(&p, "SUBSCRIBE", 0, NULL), right ? 200 : 403);
        p.extra = "Refer-To: <sip:bob@192.0.2.50>\r\n";
        assert_int_equal(phone_send(&p, "REFER", 0, NULL), right ? 202 : 403);
        p.extra = "Refer-To: <sip:p7@192.0.2.9;method=BYE>\r\n";
        assert_int_equal(phone_send(&p, "REFER", 0, NULL), right ? 202 : 403);
        assert_int_equal(count_sent(w, "INVITE "), right);
        type(w, "4711#");
    }
    world_close(w);
}

static void test_right(void **state)
{
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(come_in(w, &p), 200);
    world_work(w);
    assert_int_equal(w->n_reqs, 3); /* conference, leg, and in the same breath: */
    assert_int_equal(w->reqs[2].op, CTL_LEG_SET);
    assert_int_equal(w->reqs[2].set.what, SET_MUTE | SET_DEAF);
    assert_true(w->reqs[2].set.muted && w->reqs[2].set.deaf);
    assert_int_equal(w->focus->calls->changed, 0); /* on no roster yet */
    type(w, "99*4711#");
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_false(w->reqs[0].set.muted || w->reqs[0].set.deaf);
    assert_true(w->focus->calls->changed > 0);
    assert_false(w->focus->calls->pin.is_due);
    type(w, "1#1#1#1#"); /* from now on keys are keys */
    assert_int_equal(w->focus->calls->state, CALL_UP);
    world_run(w, 60000);
    assert_int_equal(w->focus->calls->state, CALL_UP);
    world_close(w);
}

static void test_three_tries(void **state)
{
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(come_in(w, &p), 200);
    type(w, "0000#1111#");
    assert_int_equal(w->focus->calls->state, CALL_UP);
    type(w, "123456789012"); /* as long as a PIN can be */
    assert_int_equal(strncmp(last(w), "BYE", 3), 0);
    answer_bye(w, last(w), 200);
    assert_int_equal(count_get(&w->focus->stats.ended[FOCUS_END_PIN]), 1);
    world_work(w);
    world_give(w);
    /* Nine within the hour: then nobody is asked, and the right one does not help. */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(come_in(w, &p), 200);
        type(w, "0#0#0#");
        answer_bye(w, last(w), 200);
        world_work(w);
        world_give(w);
    }
    assert_int_equal(come_in(w, &p), 403);
    world_run(w, 3700 * 1000ull);
    assert_int_equal(come_in(w, &p), 200);
    type(w, "4711#");
    assert_false(w->focus->calls->pin.is_due);
    world_close(w);
}

static void test_silence(void **state)
{
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(come_in(w, &p), 200);
    world_run(w, 29000);
    type(w, "4");
    world_run(w, 29000);
    assert_int_equal(w->focus->calls->state, CALL_UP);
    world_run(w, 2000);
    assert_int_equal(strncmp(last(w), "BYE", 3), 0);
    answer_bye(w, last(w), 200);
    world_close(w);
}

/* A hold or a new codec in between lets nobody in. */
static void test_codec_change(void **state)
{
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(come_in(w, &p), 200);
    world_work(w);
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMA), 200);
    phone_ack(&p, NULL);
    world_work(w);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SWAP);
    assert_int_equal(w->reqs[1].op, CTL_LEG_SET);
    assert_true(w->reqs[1].set.muted && w->reqs[1].set.deaf);
    assert_ptr_equal(w->reqs[1].leg, w->reqs[0].leg);
    world_close(w);
}

/* also: the credentials first, then the PIN. */
static void test_also(void **state)
{
    struct world *w = open_with(PIN_ALSO);
    struct phone p = phone_of(w, 7, "conferences");
    unsigned before = w->n_sent;
    phone_send(&p, "INVITE", 0, SDP_PCMU);
    assert_int_equal(await(w, before), 401);
    world_close(w);
}

/* The same keys by INFO. */
static void test_info(void **state)
{
    static const struct {
        const char *type, *body;
        int status;
    } cases[] = {
        {"application/dtmf-relay", "Signal=4\r\nDuration=160\r\n", 200},
        {"application/dtmf-relay", "Duration=160\r\nsignal= 7\r\n", 200},
        {"application/dtmf", "1", 200},
        {"application/dtmf", "1\r\n", 200},
        {"application/dtmf-relay", "Signal=#", 200},
        {"application/dtmf-relay", "Signal=12\r\n", 415},
        {"application/dtmf-relay", "Signal=\r\n", 415},
        {"application/dtmf-relay", "Signa", 415},
        {"application/dtmf-relay", "\r\n\r\n\r\n", 415},
        {"application/dtmf", "flash", 415},
        {"text/plain", "1", 415},
    };
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(come_in(w, &p), 200);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        p.type = cases[i].type;
        assert_int_equal(phone_send(&p, "INFO", 0, cases[i].body), cases[i].status);
        if (i == 4) {
            assert_false(w->focus->calls->pin.is_due); /* 4, 7, 1, 1, # */
        }
    }
    assert_int_equal(phone_send(&p, "INFO", 0, NULL), 200); /* a keepalive */
    p.extra = "Info-Package: foo\r\n";
    assert_int_equal(phone_send(&p, "INFO", 0, NULL), 469);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owing),   cmocka_unit_test(test_right),        cmocka_unit_test(test_three_tries),
        cmocka_unit_test(test_silence), cmocka_unit_test(test_codec_change), cmocka_unit_test(test_also),
        cmocka_unit_test(test_info),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
