/*
 * Answers to offers of ours that name several codecs, or number them anew (RFC 3264 5.1, 6.1, 7). Method: offers
 * answered as phones do it, and what each payload type means then; and through the whole of signalling, what a worker
 * that hears another codec brings about.
 */
#include "tests/unit/unit.h"

#include "sig/sdp/offer.h"

#include "tests/unit/call_world.h"

/* Our offer of these codecs, answered by these lines. @return of offer_accept */
static int answered(const char *codecs, const char *lines, struct offer_media *media, struct sdp *offer)
{
    static char text[OFFER_BODY_MAX + 256];
    struct offer_policy policy = {.family = AF_INET, .opus_complexity = 5};
    struct offer_session s;
    struct offer_local local;
    struct sdp sdp;
    char answer[1024];
    struct sdp_out out = {text, 0, sizeof text, false};
    assert_int_equal(offer_policy_read(&policy, codecs, 16000), 0);
    assert_int_equal(addr_parse(&local.rtp, "198.51.100.7", 40000), 0);
    offer_session_init(&s, 7);
    assert_int_equal(offer_write(&s, &policy, &local, true, true, &out), 0);
    assert_int_equal(sdp_parse(offer, text, out.n), 0);
    snprintf(answer, sizeof answer, SDP_HEAD "%s", lines);
    assert_int_equal(sdp_parse(&sdp, answer, strlen(answer)), 0);
    return offer_accept(&s, &policy, &sdp, media);
}

static uint8_t offered(const struct sdp *offer, const char *name, uint32_t clock_hz)
{
    for (unsigned i = 0; i < offer->n_formats; i++) {
        if (strcasecmp(offer->formats[i].name, name) == 0 && offer->formats[i].clock_hz == clock_hz) {
            return offer->formats[i].pt;
        }
    }
    return PT_NONE;
}

/* Many know events by 101 alone. */
static void events_are_101(void **state)
{
    struct offer_media media;
    struct sdp offer;
    answered("opus,G722,PCMA,PCMU,L16/8000,L16/16000", "m=audio 7000 RTP/AVP 0\r\n", &media, &offer);
    assert_int_equal(offered(&offer, "telephone-event", 8000), 101);
    assert_int_equal(offered(&offer, "telephone-event", 48000), 110);
    assert_int_equal(offered(&offer, "opus", 48000), 111);
    uint64_t seen[2] = {0};
    for (unsigned i = 0; i < offer.n_formats; i++) {
        uint8_t pt = offer.formats[i].pt;
        assert_false(seen[pt / 64] >> pt % 64 & 1);
        seen[pt / 64] |= 1ull << pt % 64;
    }
}

static void each_may_come(void **state)
{
    struct offer_media media;
    struct sdp offer;
    assert_int_equal(answered("opus,PCMA,PCMU",
                              "m=audio 7000 RTP/AVP 8 0 96 101 110\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 "
                              "telephone-event/8000\r\na=rtpmap:110 telephone-event/48000\r\na=ptime:40\r\n",
                              &media, &offer),
                     0);
    assert_int_equal(media.codec->id, CODEC_PCMA);
    assert_true(media.pt_rx == 8 && media.pt_tx == 8 && media.pt_event_rx == 101 && media.ptime_tx_ms == 40);
    assert_true(pt_set_has(&media.pts_other, 0) && pt_set_has(&media.pts_other, 111));
    assert_true(pt_set_has(&media.pts_other, 96)); /* by the number of its answer as well */
    assert_true(pt_set_has(&media.pts_event, 101) && pt_set_has(&media.pts_event, 110));
    assert_false(pt_set_has(&media.pts_other, 8) || pt_set_has(&media.pts_other, 9));
    assert_int_equal(offer_voice_of(&media, 8), -ENOENT);
    assert_int_equal(offer_voice_of(&media, 13), -ENOENT);

    struct offer_media first = media;
    offer_media_turn(&media, (unsigned)offer_voice_of(&media, 96));
    assert_int_equal(media.codec->id, CODEC_OPUS);
    assert_true(media.pt_rx == 111 && media.pt_tx == 96 && media.pt_event_rx == 110 && media.ptime_tx_ms == 20);
    assert_true(pt_set_has(&media.pts_rx, 96) && pt_set_has(&media.pts_rx, 111));
    assert_true(pt_set_has(&media.pts_other, 8) && pt_set_has(&media.pts_other, 0));
    assert_false(pt_set_has(&media.pts_other, 96));
    assert_false(offer_media_same_leg(&first, &media));
    struct leg_cfg cfg = {0};
    offer_media_apply(&media, &cfg);
    assert_true(pt_set_has(&cfg.pts_rx, 96) && pt_set_has(&cfg.pts_event, 101) && pt_set_has(&cfg.pts_other, 0));
    offer_media_turn(&media, (unsigned)offer_voice_of(&media, 8));
    assert_true(offer_media_same_leg(&first, &media));

    /* The same answer once more: what is spoken stays. */
    offer_media_turn(&media, (unsigned)offer_voice_of(&media, 0));
    struct offer_media again = first;
    offer_media_keep_voice(&again, &media);
    assert_true(offer_media_same_leg(&again, &media));
}

/* What an answer numbers anew counts by both numbers; where one stands for two things the answer is right. */
static void numbers_of_the_answer(void **state)
{
    struct offer_media media;
    struct sdp offer;
    assert_int_equal(answered("opus,PCMA",
                              "m=audio 7000 RTP/AVP 107 8 96\r\na=rtpmap:107 opus/48000/2\r\n"
                              "a=rtpmap:96 telephone-event/8000\r\n",
                              &media, &offer),
                     0);
    assert_true(pt_set_has(&media.pts_rx, 107) && pt_set_has(&media.pts_rx, 111));
    assert_true(pt_set_has(&media.pts_event, 96) && pt_set_has(&media.pts_event, 101));
    assert_int_equal(media.pt_event_rx, 101);
    assert_true(pt_set_has(&media.pts_other, 8));

    answered("opus,PCMA",
             "m=audio 7000 RTP/AVP 101 8 111\r\na=rtpmap:101 opus/48000/2\r\na=rtpmap:111 "
             "telephone-event/8000\r\n",
             &media, &offer);
    assert_true(pt_set_has(&media.pts_rx, 101) && pt_set_has(&media.pts_event, 111));
    assert_false(pt_set_has(&media.pts_rx, 111) || pt_set_has(&media.pts_event, 101));
    /* None that RTCP on the same port could be taken for: RFC 5761 4. */
    answered("PCMA,PCMU", "m=audio 7000 RTP/AVP 8 72\r\na=rtpmap:72 telephone-event/8000\r\na=rtcp-mux\r\n", &media,
             &offer);
    assert_true(!media.rtcp_mux || !pt_set_has(&media.pts_event, 72));
}

/* ---- through the whole of signalling ---- */

static void worker_hears(struct world *w, struct call *call, uint8_t pt)
{
    struct ctl_ev ev = {.event = EV_CODEC, .id = event_id(EVENT_CALL, call), .value = pt};
    must(ring_put(&w->ctl.events, &ev));
    focus_beat(w->focus);
    world_work(w);
}

static struct call *offerless(struct world *w, struct phone *p, const char *answer)
{
    *p = phone_of(w, 1, "conferences");
    assert_int_equal(phone_invite(p, NULL), 200);
    phone_ack(p, answer);
    world_work(w);
    assert_int_equal(w->env->calls->state, CALL_UP);
    return w->env->calls;
}

static void the_leg_changes(void **state)
{
    struct world *w = world_open((struct env_cfg){.factory_mode = FACTORY_DIRECT}, 0, NULL);
    struct phone p;
    struct call *call = offerless(w, &p, SDP_HEAD "m=audio 7000 RTP/AVP 8 0\r\n");
    assert_int_equal(call->media.codec->id, CODEC_PCMA);
    worker_hears(w, call, 0);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SWAP);
    assert_int_equal(leg_cfg_of(w->reqs[0].leg)->codec->id, CODEC_PCMU);
    assert_int_equal(leg_cfg_of(w->reqs[0].leg)->pt_tx, 0); /* both ways */
    world_give(w);
    worker_hears(w, call, 0); /* nothing to do any more */
    assert_int_equal(w->n_reqs, 0);
    worker_hears(w, call, 8); /* not twice a second */
    assert_int_equal(w->n_reqs, 0);
    world_run(w, 1100);
    worker_hears(w, call, 8);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(leg_cfg_of(w->reqs[0].leg)->codec->id, CODEC_PCMA);
    world_give(w);
    worker_hears(w, call, 3); /* of no answer */
    worker_hears(w, call, 255);
    assert_int_equal(w->n_reqs, 0);
    /* After an offer of the peer we have chosen one, and there is no other. */
    world_run(w, 1100);
    assert_int_equal(phone_invite(&p, SDP_HEAD "m=audio 7000 RTP/AVP 8 0\r\n"), 200);
    phone_ack(&p, NULL);
    world_work(w);
    world_give(w);
    worker_hears(w, call, 0);
    assert_int_equal(w->n_reqs, 0);
    world_close(w);
}

/* Our offer again, answered as before: the codec that is spoken stays, whatever the answer names first. */
static void the_same_answer_again(void **state)
{
    struct world *w = world_open((struct env_cfg){.factory_mode = FACTORY_DIRECT}, 0, NULL);
    struct phone p;
    struct call *call = offerless(w, &p, SDP_HEAD "m=audio 7000 RTP/AVP 8 0\r\n");
    worker_hears(w, call, 0);
    world_give(w);
    assert_int_equal(phone_invite(&p, NULL), 200);
    phone_ack(&p, SDP_HEAD "m=audio 7000 RTP/AVP 8 0\r\n");
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SET);
    assert_int_equal(call->media.codec->id, CODEC_PCMU);
    world_close(w);
}

/* ---- music on hold ---- */

#define LINE(direction) SDP_HEAD "m=audio 7000 RTP/AVP 0\r\na=" direction "\r\n"

/* One who puts the conference on hold is not heard until it resumes, unless that is wished; one who only ever sent is.
 */
static void music_on_hold(void **state)
{
    for (unsigned mix = 0; mix < 2; mix++) {
        struct env_cfg cfg = {.factory_mode = FACTORY_DIRECT, .hold_music_is_mixed = mix};
        struct world *w = world_open(cfg, 0, NULL);
        static const struct {
            const char *offer;
            bool is_muted, is_swap;
        } steps[] = {{LINE("sendrecv"), false, false},
                     {LINE("sendonly"), true, false},
                     {LINE("inactive"), true, false},
                     {LINE("sendonly"), true, false},
                     {SDP_HEAD "m=audio 7000 RTP/AVP 8\r\na=sendonly\r\n", true, true}, /* another codec for it */
                     {LINE("recvonly"), false, true},
                     {SDP_HEAD "m=audio 7000 RTP/AVP 8\r\na=sendonly\r\n", true, true},
                     {SDP_HEAD "m=audio 7000 RTP/AVP 8\r\n", false, false},
                     {SDP_HEAD "m=audio 7000 RTP/AVP 8\r\nc=IN IP4 0.0.0.0\r\n", true, false}};
        struct phone p = phone_of(w, 1, "conferences");
        bool muted = false;
        for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
            assert_int_equal(phone_invite(&p, steps[i].offer), 200);
            phone_ack(&p, NULL);
            world_work(w);
            bool swapped = false;
            for (unsigned k = 0; k < w->n_reqs; k++) {
                bool sets = w->reqs[k].op == CTL_LEG_SET && (w->reqs[k].set.what & SET_MUTE);
                muted = sets ? w->reqs[k].set.muted : muted;
                swapped |= w->reqs[k].op == CTL_LEG_SWAP;
                muted = w->reqs[k].op == CTL_LEG_SWAP ? leg_cfg_of(w->reqs[k].leg)->muted : muted;
                assert_false(sets && swapped); /* what it is goes with the leg: all or nothing */
            }
            assert_int_equal(muted, steps[i].is_muted && !mix);
            assert_int_equal(swapped, steps[i].is_swap);
            world_give(w);
        }
        p = phone_of(w, 2, "conferences");
        assert_int_equal(phone_invite(&p, LINE("sendonly")), 200);
        phone_ack(&p, NULL);
        assert_int_equal(phone_invite(&p, LINE("inactive")), 200);
        phone_ack(&p, NULL);
        assert_int_equal(phone_invite(&p, LINE("sendonly")), 200);
        phone_ack(&p, NULL);
        world_work(w);
        for (unsigned k = 0; k < w->n_reqs; k++) {
            assert_false(w->reqs[k].op == CTL_LEG_SET && (w->reqs[k].set.what & SET_MUTE) && w->reqs[k].set.muted);
        }
        world_close(w);
    }
}

/* ---- before the answer ---- */

/* RFC 3264 5.1: who offers must be ready for all of it. The leg only receives, and believes the signalling's host. */
static void heard_before_the_answer(void **state)
{
    struct world *w = world_open((struct env_cfg){.factory_mode = FACTORY_DIRECT}, 0, NULL);
    struct phone p = phone_of(w, 1, "conferences");
    assert_int_equal(phone_invite(&p, NULL), 200);
    struct call *call = w->env->calls;
    world_work(w);
    assert_int_equal(w->reqs[w->n_reqs - 1].op, CTL_LEG_ADD);
    const struct leg_cfg *cfg = leg_cfg_of(call->leg);
    assert_true(cfg->rx_on && !cfg->tx_on && !addr_is_set(&cfg->remote_rtp));
    struct addr phone;
    assert_int_equal(addr_parse(&phone, "192.0.2.9", 0), 0);
    assert_true(addr_same_host(&cfg->latch_host, &phone));
    assert_int_equal(cfg->codec->id, CODEC_PCMA);
    worker_hears(w, call, 0);
    assert_int_equal(leg_cfg_of(call->leg)->codec->id, CODEC_PCMU);
    assert_false(leg_cfg_of(call->leg)->tx_on);
    world_give(w);
    phone_ack(&p, SDP_HEAD "m=audio 7000 RTP/AVP 8 0\r\n"); /* it speaks PCMU already */
    world_work(w);
    cfg = leg_cfg_of(call->leg);
    assert_true(cfg->codec->id == CODEC_PCMU && cfg->tx_on && addr_port(&cfg->remote_rtp) == 7000);
    assert_int_equal(call->state, CALL_UP);
    world_give(w);
    world_close(w);
}

/* What the answer says counts where nothing has come; no answer, or no use for it: everything is given back. */
static void ways_after_the_offer(void **state)
{
    static const char *const answers[] = {
        SDP_PCMU, SDP_PCMA, SDP_PCMU "a=rtcp-mux\r\n", SDP_HEAD "m=audio 0 RTP/AVP 0\r\n", NULL, ""};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        struct world *w = world_open((struct env_cfg){.factory_mode = FACTORY_DIRECT}, 0, NULL);
        struct phone p = phone_of(w, 1, "conferences");
        assert_int_equal(phone_invite(&p, NULL), 200);
        world_work(w);
        struct call *call = w->env->calls;
        if (answers[i] && !*answers[i]) {
            world_run(w, 40000); /* no ACK */
        } else {
            phone_ack(&p, answers[i]);
        }
        if (i < 3) {
            assert_int_equal(call->state, CALL_UP);
            assert_int_equal(leg_cfg_of(call->leg)->codec->id, i == 1 ? CODEC_PCMA : CODEC_PCMU);
            assert_true(leg_cfg_of(call->leg)->tx_on);
        } else {
            assert_true(count_sent(w, "BYE ") > 0);
        }
        world_work(w);
        world_give(w);
        world_close(w);
    }
}

/* With keys nothing can be understood before the answer brings the peer's. */
static void not_with_keys(void **state)
{
    struct env_cfg cfg = {.factory_mode = FACTORY_DIRECT, .policy = {.srtp = OFFER_SRTP_REQUIRED}};
    struct world *w = world_open(cfg, 0, NULL);
    struct phone p = phone_of(w, 1, "conferences");
    assert_int_equal(phone_invite(&p, NULL), 200);
    assert_null(w->env->calls->leg);
    world_close(w);
}

/* A call that ends while the word is under way. */
static void too_late(void **state)
{
    struct world *w = world_open((struct env_cfg){.factory_mode = FACTORY_DIRECT}, 0, NULL);
    struct phone p;
    struct call *call = offerless(w, &p, SDP_HEAD "m=audio 7000 RTP/AVP 8 0\r\n");
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
    worker_hears(w, call, 0);
    for (unsigned i = 0; i < w->n_reqs; i++) {
        assert_int_not_equal(w->reqs[i].op, CTL_LEG_SWAP);
    }
    world_give(w);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_101),          cmocka_unit_test(each_may_come),
        cmocka_unit_test(numbers_of_the_answer),   cmocka_unit_test(the_leg_changes),
        cmocka_unit_test(the_same_answer_again),   cmocka_unit_test(too_late),
        cmocka_unit_test(heard_before_the_answer), cmocka_unit_test(ways_after_the_offer),
        cmocka_unit_test(not_with_keys),           cmocka_unit_test(music_on_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
