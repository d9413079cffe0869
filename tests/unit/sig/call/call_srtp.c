/*
 * Calls with SRTP, through the whole of signalling (call_world.h): what the worker is asked for, what stays over a
 * re-INVITE, and that a secure call never becomes a plain one.
 */
#include "core/media/rtp.h"
#include "tests/unit/unit.h"

#include "tests/unit/call_world.h"

#define LINE_A "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
#define LINE_B "a=crypto:2 AES_CM_128_HMAC_SHA1_80 inline:QVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\n"
#define SECURE(more) SDP_SAVP more

static struct phone called(struct world *w, struct leg **leg)
{
    struct phone p = phone_of(w, 1, "conferences");
    assert_int_equal(phone_invite(&p, SECURE(LINE_A)), 200);
    phone_ack(&p, NULL);
    world_work(w);
    assert_int_equal(w->n_reqs, 2);
    assert_int_equal(w->reqs[1].op, CTL_LEG_ADD);
    *leg = w->reqs[1].leg;
    return p;
}

/* Our a=crypto value in what was sent last. */
static struct sdes said(const struct world *w)
{
    struct sdes sdes;
    const char *line = strstr(last(w), "a=crypto:");
    assert_non_null(line);
    assert_int_equal(sdes_read(&sdes, (struct sdp_text){line + 9, strcspn(line, "\r") - 9}), 0);
    return sdes;
}

static struct env_cfg direct(void)
{
    return (struct env_cfg){.factory_mode = FACTORY_DIRECT};
}

/* C58. */
static void answered(void **state)
{
    struct world *w = world_open(direct(), 0, NULL);
    struct leg *leg;
    called(w, &leg);
    assert_non_null(strstr(last(w), "RTP/SAVP"));
    assert_true(leg_cfg_of(leg)->seq0 < 0x8000);
    world_close(w);
}

static void the_same_keys_again(void **state)
{
    struct world *w = world_open(direct(), 0, NULL);
    struct leg *leg;
    struct phone p = called(w, &leg);
    struct sdes before = said(w);
    assert_int_equal(phone_invite(&p, SECURE(LINE_A "a=inactive\r\n")), 200);
    phone_ack(&p, NULL);
    struct sdes after = said(w);
    assert_memory_equal(&before, &after, sizeof before);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SET);
    /* Another codec: another leg, the same keys. */
    assert_int_equal(phone_invite(&p, SDP_HEAD "m=audio 7000 RTP/SAVP 8\r\n" LINE_A), 200);
    phone_ack(&p, NULL);
    after = said(w);
    assert_memory_equal(&before, &after, sizeof before);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SWAP);
    assert_false(leg_cfg_of(w->reqs[0].leg)->muted); /* and no hold */
    world_give(w);
    /* Our own offer has them, too. */
    assert_int_equal(phone_invite(&p, NULL), 200);
    after = said(w);
    assert_memory_equal(before.key, after.key, sizeof before.key);
    phone_ack(&p, SECURE(LINE_A));
    world_work(w);
    world_give(w);
    world_close(w);
}

static void other_keys(void **state)
{
    struct world *w = world_open(direct(), 0, NULL);
    struct leg *leg;
    struct phone p = called(w, &leg);
    struct sdes before = said(w);
    assert_int_equal(phone_invite(&p, SECURE(LINE_B)), 200);
    phone_ack(&p, NULL);
    struct sdes after = said(w);
    assert_int_equal(after.tag, 2);
    assert_memory_not_equal(before.key, after.key, 30);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SWAP);
    assert_ptr_equal(w->reqs[0].old, leg);
    world_give(w);
    world_close(w);
}

/* C59. */
static void never_plain_again(void **state)
{
    struct world *w = world_open(direct(), 0, NULL);
    struct leg *leg;
    struct phone p = called(w, &leg);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 488);
    assert_int_equal(phone_invite(&p, SDP_SAVP), 488);
    world_work(w);
    assert_int_equal(w->n_reqs, 0);
    assert_int_equal(phone_invite(&p, SECURE(LINE_A)), 200); /* and the call goes on */
    phone_ack(&p, NULL);
    /* An answer that is plain ends it. */
    assert_int_equal(phone_invite(&p, NULL), 200);
    phone_ack(&p, SDP_PCMU);
    assert_int_equal(strncmp(last(w), "BYE ", 4), 0);
    answer_bye(w, last(w), 200);
    world_close(w);
}

static void plain_may_become_secure(void **state)
{
    struct world *w = world_open(direct(), 0, NULL);
    struct phone p = phone_of(w, 1, "conferences");
    assert_int_equal(phone_invite(&p, SDP_PCMU), 200);
    phone_ack(&p, NULL);
    world_work(w);
    assert_int_equal(phone_invite(&p, SECURE(LINE_A)), 200);
    phone_ack(&p, NULL);
    world_work(w);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SWAP);
    world_give(w);
    world_close(w);
}

static void policies(void **state)
{
    struct env_cfg cfg = direct();
    cfg.policy.srtp = OFFER_SRTP_REQUIRED;
    struct world *w = world_open(cfg, 0, NULL);
    struct phone p = phone_of(w, 1, "conferences"), q = phone_of(w, 2, "conferences");
    assert_int_equal(phone_invite(&p, SDP_PCMU), 488);
    assert_int_equal(phone_invite(&q, NULL), 200);
    assert_non_null(strstr(last(w), "RTP/SAVP"));
    struct sdes ours = said(w);
    assert_int_equal(ours.tag, 1);
    phone_ack(&q, SECURE(LINE_B));
    world_work(w);
    assert_int_equal(w->reqs[1].op, CTL_LEG_ADD);
    world_close(w);

    cfg.policy.srtp = OFFER_SRTP_OFF;
    w = world_open(cfg, 0, NULL);
    p = phone_of(w, 1, "conferences");
    assert_int_equal(phone_invite(&p, SECURE(LINE_A)), 488);
    world_close(w);
}

int main(void)
{
    if (seal_start() != 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answered),          cmocka_unit_test(the_same_keys_again),     cmocka_unit_test(other_keys),
        cmocka_unit_test(never_plain_again), cmocka_unit_test(plain_may_become_secure), cmocka_unit_test(policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
