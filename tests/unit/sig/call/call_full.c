/* Calls for which there is no room: a full conference, worker, ring or server; what voices cost, and what is kept for
 * those who are to come. Method: as call.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_world.h"

static void test_full(void **state)
{
    char user[URI_TOKEN_CHARS + 1], value[64];
    struct world *w = world_open((struct env_cfg){.legs_max = 2}, 0, NULL);
    world_issue(w, 1, user);
    world_join(w, 2, user, SDP_PCMU);
    world_join(w, 3, user, SDP_PCMU);
    struct phone c = phone_of(w, 4, user);
    assert_int_equal(phone_invite(&c, SDP_PCMU), 486);
    assert_int_equal(phone_send(&c, "OPTIONS", 0, NULL), 486); /* mirrors */
    world_close(w);

    uint32_t cost = place_cost_of(CODEC_PCMU, 8000, 20, 0).cpu_us;
    w = world_open((struct env_cfg){0}, cost * 2, NULL);
    world_issue(w, 1, user);
    world_join(w, 2, user, SDP_PCMU);
    world_join(w, 3, user, SDP_PCMU);
    c = phone_of(w, 4, user);
    assert_int_equal(phone_invite(&c, SDP_PCMU), 503);
    assert_true(header(last(w), "Retry-After", value, sizeof value));
    assert_int_equal(count_get(&w->env->stats.refused[REFUSAL_CPU]), 1);
    world_close(w);

    /* Worker's ring full: nothing is lent, nothing is lost. */
    w = world_open((struct env_cfg){0}, 0, NULL);
    world_issue(w, 1, user);
    struct phone a = world_join(w, 2, user, SDP_PCMU);
    world_work(w);
    struct ctl_req filler = {.op = CTL_LEG_SET};
    while (ctl_put(&w->ctl, &filler) == 0) {
    }
    c = phone_of(w, 4, user);
    assert_int_equal(phone_invite(&c, SDP_PCMU), 503);
    assert_int_equal(phone_invite(&a, SDP_PCMA), 503);     /* a change is refused, the call goes on */
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200); /* an end is not refused: the drop waits */
    assert_int_equal(w->env->n_due, 1);
    world_work(w);
    focus_beat(w->focus);
    assert_int_equal(w->env->n_due, 0);
    world_work(w);
    assert_int_equal(w->reqs[0].op, CTL_LEG_DROP);
    world_give(w);
    assert_int_equal(count_get(&w->env->stats.calls), 0);
    world_close(w);

    w = world_open((struct env_cfg){.conferences_max = 1}, 0, NULL);
    world_issue(w, 1, user);
    c = phone_of(w, 2, "conferences");
    assert_int_equal(phone_send(&c, "INVITE", 0, SDP_PCMU), 503);
    world_close(w);
}

/* A hold that comes with another codec, into a ring with room for so many requests: all of it is done or nothing. */
static void test_hold_and_codec(void **state)
{
    for (unsigned room = 0; room < 3; room++) {
        struct env_cfg cfg = {.factory_mode = FACTORY_DIRECT};
        struct world *w = world_open(cfg, 0, NULL);
        struct phone a = phone_of(w, 1, "conferences");
        assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
        phone_ack(&a, NULL);
        world_work(w);
        struct call *call = w->env->calls;
        struct ctl_req filler = {.op = CTL_LEG_SET};
        uint32_t ssrc = call->tx_ssrc;
        for (unsigned i = 0; i + room < CTL_RING; i++) {
            assert_int_equal(ctl_put(&w->ctl, &filler), 0);
        }
        int status = phone_invite(&a, SDP_HEAD "m=audio 7000 RTP/AVP 8\r\na=sendonly\r\n");
        assert_int_equal(status, room ? 200 : 503);
        bool is_muted = false;
        for (struct ctl_req req; ring_get(&w->ctl.requests, &req);) {
            bool sets = req.op == CTL_LEG_SET && req.leg && req.set.what & SET_MUTE;
            is_muted = req.op == CTL_LEG_SWAP ? leg_cfg_of(req.leg)->muted : sets ? req.set.muted : is_muted;
            worker_does(w, 0, &req);
        }
        assert_int_equal(is_muted, status == 200);
        assert_int_equal(call->is_held, status == 200);
        assert_int_equal(call->tx_ssrc, ssrc);
        phone_ack(&a, NULL);
        world_give(w);
        assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200);
        world_close(w);
    }
}

#define SDP_OPUS                                                                                                       \
    "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 111\r\n"            \
    "a=rtpmap:111 opus/48000/2\r\n"

/* However many listen, a conference pays for two voices; the second caller is the first to make it dearer. */
static void test_voices(void **state)
{
    char user[URI_TOKEN_CHARS + 1];
    struct place_cost cost = place_cost_of(CODEC_OPUS, 16000, 20, 7);
    struct world *w = world_open((struct env_cfg){0}, 4 * cost.cpu_us + 2 * cost.voice_us, NULL);
    struct place_load load;
    struct phone phones[4];
    assert_int_equal(offer_policy_read(&w->env->cfg.policy, "opus,PCMU", 16000), 0);
    w->env->cfg.policy.opus_complexity = 7;
    world_issue(w, 1, user);
    for (unsigned i = 0; i < 4; i++) {
        phones[i] = world_join(w, 10 + i, user, SDP_OPUS);
        place_load(w->place, &load);
        assert_int_equal(load.cpu_used_us, (i + 1) * cost.cpu_us + MIN(i + 1, 2) * cost.voice_us);
    }
    struct phone late = phone_of(w, 20, user);
    assert_int_equal(phone_invite(&late, SDP_OPUS), 503);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(phone_send(&phones[i], "BYE", 0, NULL), 200);
        world_work(w);
        world_give(w);
        unsigned n_left = 3 - i;
        place_load(w->place, &load);
        assert_int_equal(load.cpu_used_us, n_left * cost.cpu_us + MIN(n_left, 2) * cost.voice_us);
    }
    world_issue(w, 2, user); /* one of PCMU beside it: a re-INVITE to Opus must fit, voice and all */
    struct phone plain = world_join(w, 30, user, SDP_PCMU);
    assert_int_equal(phone_send(&plain, "INVITE", 0, SDP_OPUS), 200);
    phone_ack(&plain, NULL);
    place_load(w->place, &load);
    assert_int_equal(load.cpu_used_us, cost.cpu_us + cost.voice_us);
    world_close(w);
}

static void test_reservation(void **state)
{
    uint32_t cost = place_cost_of(CODEC_PCMU, 8000, 20, 0).cpu_us;
    struct world *w = world_open((struct env_cfg){.reservation = true}, cost * 4, NULL);
    char user[URI_TOKEN_CHARS + 1];
    struct place_load load;

    world_issue(w, 1, user);
    place_load(w->place, &load);
    assert_int_equal(load.pairs_held, 3);
    struct phone p = phone_of(w, 2, "conferences");
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 503); /* no room for three more */
    for (unsigned i = 0; i < 3; i++) {
        world_join(w, 10 + i, user, SDP_PCMU);
    }
    place_load(w->place, &load);
    assert_int_equal(load.pairs_held, 0);
    assert_int_equal(load.pairs_used, 3);
    world_close(w);

    w = world_open((struct env_cfg){.reservation = true}, cost * 4, NULL);
    world_issue(w, 1, user);
    world_run(w, 31000); /* the hold ends, the URI is still good */
    place_load(w->place, &load);
    assert_int_equal(load.pairs_held + load.cpu_used_us, 0);
    world_join(w, 2, user, SDP_PCMU);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_full), cmocka_unit_test(test_voices),
                                       cmocka_unit_test(test_reservation), cmocka_unit_test(test_hold_and_codec)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
