/*
 * Factory, focus and calls. Method: whole SIP messages go into the real transaction layer on a virtual clock; what it
 * sends is read as text; the workers are rings whose other end this test plays, so it sees every request and decides
 * when a leg comes back. What does not fit is in call_full.c, everything in any order in call_order.c. Rows 32 and 33.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_world.h"

/* --- Tests -------------------------------------------------------------------------------------------------------- */

/* C8, C41, A39. */
static void test_redirect_flow(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1], value[512];

    world_issue(w, 1, user);
    assert_int_equal(count_get(&w->env->stats.calls), 0); /* a redirect keeps no dialog */
    world_work(w);
    assert_int_equal(w->n_reqs, 0); /* late binding: nothing until somebody calls */

    struct phone a = phone_of(w, 2, user);
    assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
    const char *ok = last(w);
    assert_true(header(ok, "Allow", value, sizeof value));
    assert_string_equal(value, "INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER");
    assert_true(header(ok, "Supported", value, sizeof value));
    assert_true(header(ok, "Accept", value, sizeof value));
    assert_non_null(strstr(ok, "m=audio 463"));
    world_work(w);
    assert_int_equal(w->n_reqs, 2);
    assert_int_equal(w->reqs[0].op, CTL_CONF_OPEN);
    assert_int_equal(w->reqs[1].op, CTL_LEG_ADD);
    assert_ptr_equal(w->reqs[1].conf, w->reqs[0].conf);
    const struct leg_cfg *cfg = leg_cfg_of(w->reqs[1].leg);
    assert_int_equal(cfg->codec->id, CODEC_PCMU);
    assert_int_equal(cfg->quiet_s, 30);
    assert_int_equal(addr_port(&cfg->remote_rtp), 7000);
    assert_true(addr_is_set(&cfg->latch_host)); /* no proxy between */
    assert_int_equal(phone_ack(&a, NULL), 0);

    struct phone b = world_join(w, 3, user, SDP_PCMU);
    world_work(w);
    assert_int_equal(w->n_reqs, 1); /* the conference is there already */

    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200);
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 481);
    world_work(w);
    assert_int_equal(w->reqs[0].op, CTL_LEG_DROP);
    world_give(w);
    assert_int_equal(phone_send(&b, "BYE", 0, NULL), 200);
    world_work(w);
    world_give(w);
    assert_int_equal(count_get(&w->env->stats.calls), 0);

    /* Lingers, in case somebody comes back; then the URI dies with the conference. */
    struct phone c = world_join(w, 4, user, SDP_PCMU);
    world_run(w, 20000);
    assert_int_equal(phone_send(&c, "BYE", 0, NULL), 200);
    world_run(w, 6000);
    world_work(w);
    assert_int_equal(w->reqs[w->n_reqs - 1].op, CTL_CONF_CLOSE);
    world_give(w);
    assert_int_equal(count_get(&w->env->stats.confs), 0);
    struct phone d = phone_of(w, 5, user);
    assert_int_equal(phone_invite(&d, SDP_PCMU), 410);
    world_close(w);
}

/* C11, C42. */
static void test_direct_flow(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    struct phone a = phone_of(w, 1, "x");
    snprintf(a.target, sizeof a.target, "sip:mmtel@conf-factory.ims.mnc001.mcc262.3gppnetwork.org");
    assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
    phone_ack(&a, NULL);
    assert_int_equal(strncmp(a.target, "sip:", 4), 0);
    assert_int_equal(strlen(a.target), 4 + URI_TOKEN_CHARS + 1 + strlen(DOMAIN));
    struct phone b = phone_of(w, 2, "x");
    memcpy(b.target, a.target, sizeof b.target);
    assert_int_equal(phone_invite(&b, SDP_PCMU), 200); /* its Contact is the conference */
    phone_ack(&b, NULL);
    assert_int_equal(count_get(&w->env->stats.confs), 1);
    world_close(w);

    w = world_open((struct env_cfg){.factory_mode = FACTORY_DIRECT}, 0, NULL);
    a = phone_of(w, 1, "conferences");
    assert_int_equal(phone_invite(&a, SDP_SAVP), 488);
    assert_int_equal(count_get(&w->env->stats.confs), 0); /* nothing is made for what does not fit */
    assert_int_equal(phone_invite(&a, SDP_PCMA), 200);
    world_close(w);
}

/* C2, C4, C5, C22. */
static void test_refusals(void **state)
{
    static const struct {
        const char *uri, *extra, *type, *body;
        int status;
        const char *name, *value;
    } cases[] = {
        {"sip:nobody@127.0.0.1", NULL, NULL, SDP_PCMU, 404, NULL, NULL},
        {"sip:127.0.0.1", NULL, NULL, SDP_PCMU, 404, NULL, NULL},
        {"sip:conferences@198.51.100.1", NULL, NULL, SDP_PCMU, 404, NULL, NULL},
        {"sip:mmtel@127.0.0.1", NULL, NULL, SDP_PCMU, 404, NULL, NULL},
        {"sips:conferences@127.0.0.1", NULL, NULL, SDP_PCMU, 416, NULL, NULL},
        {"tel:+15551234", NULL, NULL, SDP_PCMU, 416, NULL, NULL},
        {"sip:conferences@127.0.0.1", "Require: bar, 100rel, foo\r\n", NULL, SDP_PCMU, 420, "Unsupported", "bar, foo"},
        {"sip:conferences@127.0.0.1", "Accept: text/html\r\n", NULL, SDP_PCMU, 406, "Accept",
         "application/sdp, multipart/mixed"},
        {"sip:conferences@127.0.0.1", NULL, "text/plain", "hi", 415, "Accept", "application/sdp, multipart/mixed"},
        {"sip:conferences@127.0.0.1", "Content-Encoding: gzip\r\n", NULL, SDP_PCMU, 415, "Accept-Encoding", "identity"},
        {"sip:conferences@127.0.0.1", NULL, NULL, "v=9\r\n", 400, NULL, NULL},
        {"sip:conferences@127.0.0.1", NULL, NULL, SDP_SAVP, 488, "Warning",
         "302 127.0.0.1:5060 \"Incompatible transport protocol\""},
        {"sip:conferences@127.0.0.1", NULL, NULL, SDP_HEAD "m=audio 1 RTP/AVP 9\r\n", 488, "Warning",
         "305 127.0.0.1:5060 \"Incompatible media format\""},
        {"sip:conferences@127.0.0.1", "Contact: <sip:two@192.0.2.9>\r\n", NULL, SDP_PCMU, 400, NULL, NULL},
    };
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct phone p = phone_of(w, 100 + i, "x");
        char value[512];
        snprintf(p.target, sizeof p.target, "%s", cases[i].uri);
        p.extra = cases[i].extra;
        p.type = cases[i].type;
        int status = phone_send(&p, "INVITE", 0, cases[i].body);
        if (status != cases[i].status) {
            print_error("case %u: %s\n", i, last(w));
        }
        assert_int_equal(status, cases[i].status);
        if (cases[i].name) {
            assert_true(header(last(w), cases[i].name, value, sizeof value));
            assert_string_equal(value, cases[i].value);
        }
        assert_true(header(last(w), "To", value, sizeof value) && strstr(value, ";tag="));
    }
    assert_int_equal(count_get(&w->env->stats.confs_made), 0);

    /* Optional bodies may be ignored (RFC 5621 8.3): then it is an INVITE without an offer. */
    struct phone p = phone_of(w, 200, "conferences");
    p.type = "text/plain";
    p.extra = "Content-Disposition: render;handling=optional\r\n";
    assert_int_equal(phone_send(&p, "INVITE", 0, "hi"), 302);
    /* A token that we have never signed is no different from any other unknown user. */
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 201, user);
    user[20] = user[20] == 'a' ? 'b' : 'a';
    p = phone_of(w, 202, user);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 404);
    /* Methods */
    p = phone_of(w, 203, "conferences");
    assert_int_equal(phone_send(&p, "SUBSCRIBE", 0, NULL), 405);
    p = phone_of(w, 204, "conferences");
    assert_int_equal(phone_send(&p, "DANCE", 0, NULL), 501);
    p = phone_of(w, 205, "conferences");
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 481);
    world_close(w);
}

/* C17. */
static void test_offerless(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];

    world_issue(w, 1, user);
    struct phone a = phone_of(w, 2, user);
    assert_int_equal(phone_invite(&a, NULL), 200);
    assert_non_null(strstr(last(w), "a=rtpmap:8 PCMA/8000"));
    world_work(w);
    assert_int_equal(w->n_reqs, 2); /* the conference, and a leg that only receives until the answer is here */
    assert_int_equal(w->reqs[1].op, CTL_LEG_ADD);
    assert_false(leg_cfg_of(w->reqs[1].leg)->tx_on);
    assert_int_equal(phone_send(&a, "INVITE", 0, SDP_PCMU), 491);
    a.cseq--;
    phone_ack(&a, SDP_PCMU);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SWAP);
    assert_int_equal(leg_cfg_of(w->reqs[0].leg)->codec->id, CODEC_PCMU);
    assert_true(leg_cfg_of(w->reqs[0].leg)->tx_on);
    world_give(w);

    /* No answer, or one that does not fit: BYE. */
    static const char *const bodies[] = {NULL, SDP_SAVP, "nonsense", SDP_HEAD};
    for (unsigned i = 0; i < ARRAY_LEN(bodies); i++) {
        struct phone b = phone_of(w, 10 + i, user);
        assert_int_equal(phone_invite(&b, NULL), 200);
        phone_ack(&b, bodies[i]);
        assert_int_equal(strncmp(last(w), "BYE ", 4), 0);
        answer_bye(w, last(w), 200);
        world_work(w);
        for (unsigned k = 0; k < w->n_reqs; k++) {
            assert_false(w->reqs[k].op == CTL_LEG_ADD && leg_cfg_of(w->reqs[k].leg)->tx_on);
        }
        world_give(w);
    }
    assert_int_equal(count_get(&w->env->stats.calls), 1);
    assert_int_equal(count_get(&w->env->stats.ended[ENDING_ANSWER]), 4);
    world_close(w);
}

/* C18. */
static void test_reinvite(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];

    world_issue(w, 1, user);
    struct phone a = world_join(w, 2, user, SDP_PCMU);
    world_work(w);
    struct leg *first = w->reqs[1].leg;

    assert_int_equal(phone_invite(&a, SDP_HOLD), 200);
    assert_non_null(strstr(last(w), "a=inactive"));
    phone_ack(&a, NULL);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SET);
    assert_int_equal(w->reqs[0].set.what, SET_DIRECTION | SET_MUTE);
    assert_false(w->reqs[0].set.rx_on || w->reqs[0].set.tx_on);

    assert_int_equal(phone_invite(&a, SDP_HEAD "m=audio 7008 RTP/AVP 0\r\n"), 200);
    phone_ack(&a, NULL);
    world_work(w);
    assert_int_equal(w->reqs[0].set.what, SET_DIRECTION | SET_MUTE | SET_REMOTE);
    assert_false(w->reqs[0].set.muted);
    assert_int_equal(addr_port(&w->reqs[0].set.remote_rtp), 7008);
    assert_true(w->reqs[0].set.rx_on && w->reqs[0].set.tx_on);

    assert_int_equal(phone_invite(&a, SDP_PCMA), 200); /* another codec: another leg, same sockets */
    phone_ack(&a, NULL);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SWAP);
    assert_ptr_equal(w->reqs[0].old, first);
    assert_int_equal(leg_cfg_of(w->reqs[0].leg)->rtp_fd, leg_cfg_of(first)->rtp_fd);
    assert_int_equal(leg_cfg_of(w->reqs[0].leg)->pt_rx, 8);
    world_give(w);

    assert_int_equal(phone_invite(&a, SDP_SAVP), 488); /* refused: everything stays */
    world_work(w);
    assert_int_equal(w->n_reqs, 0);

    assert_int_equal(phone_invite(&a, NULL), 200); /* our offer again */
    assert_int_equal(phone_send(&a, "INVITE", 0, SDP_PCMU), 491);
    a.cseq--;
    phone_ack(&a, SDP_PCMU);
    world_work(w);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SWAP);

    /* RTCP moves onto the RTP port, and away from it: the stream goes on. */
    for (unsigned i = 0; i < 2; i++) {
        world_give(w);
        assert_int_equal(phone_invite(&a, i ? SDP_PCMU : SDP_PCMU "a=rtcp-mux\r\n"), 200);
        phone_ack(&a, NULL);
        world_work(w);
        assert_int_equal(w->n_reqs, 1);
        assert_int_equal(w->reqs[0].op, CTL_LEG_SWAP);
        assert_int_equal(leg_cfg_of(w->reqs[0].leg)->rtcp_fd >= 0, i);
        assert_int_equal(leg_cfg_of(w->reqs[0].leg)->ssrc, leg_cfg_of(w->reqs[0].old)->ssrc);
    }
    world_give(w);

    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200);
    world_close(w);
}

/* C14. */
static void test_ack_lost(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];

    world_issue(w, 1, user);
    struct phone a = phone_of(w, 2, user);
    assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
    unsigned before = w->n_sent;
    world_run(w, 31000);
    unsigned repeats = w->n_sent - before;
    assert_true(repeats >= 9 && repeats <= 11); /* T1, 2*T1, 4*T1, then each T2 (RFC 3261 13.3.1.4) */
    assert_int_equal(status_of(last(w)), 200);
    world_run(w, 2000);
    assert_int_equal(strncmp(last(w), "BYE sip:p2@192.0.2.9:5060 SIP/2.0\r\n", 35), 0);
    world_work(w);
    assert_int_equal(w->reqs[w->n_reqs - 1].op, CTL_LEG_DROP);
    world_give(w);
    answer_bye(w, last(w), 481); /* a peer that has forgotten is as good as one that agrees */
    assert_int_equal(count_get(&w->env->stats.calls), 0);
    world_close(w);
}

/* C12, C20. */
static void test_retransmission_and_dialog(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1], value[256];

    world_issue(w, 1, user);
    struct phone a = phone_of(w, 2, user);
    assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
    struct phone again = a; /* the same INVITE, before and after the ACK */
    again.to_tag[0] = '\0';
    snprintf(again.target, sizeof again.target, "sip:%s@" DOMAIN, user);
    again.branch--;
    assert_int_equal(phone_send(&again, "INVITE", 1, SDP_PCMU), 0); /* absorbed: the 200 repeats by its own timer */
    phone_ack(&a, NULL);
    again.branch = 0;
    phone_send(&again, "INVITE", 1, SDP_PCMU);
    assert_int_equal(count_get(&w->env->stats.calls_made), 1);

    struct phone b = a; /* hijackers: each of the three ids wrong */
    b.branch = 1000;
    snprintf(b.to_tag, sizeof b.to_tag, "0123456789abcdef");
    assert_int_equal(phone_send(&b, "BYE", 50, NULL), 481);
    b = a;
    b.branch = 2000;
    b.number = 77;
    assert_int_equal(phone_send(&b, "BYE", 50, NULL), 481);
    b = a;
    b.branch = 3000;
    b.to_tag[0] = '\0';
    assert_int_equal(phone_send(&b, "BYE", 50, NULL), 481);
    assert_int_equal(count_get(&w->env->stats.calls), 1);

    a.cseq = 10;
    assert_int_equal(phone_send(&a, "OPTIONS", 0, NULL), 200);
    assert_true(header(last(w), "Contact", value, sizeof value) && strstr(value, "isfocus"));
    assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
    phone_ack(&a, NULL);
    assert_int_equal(phone_send(&a, "INVITE", 5, SDP_PCMU), 500);
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200);
    world_close(w);
}

static void test_quiet(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];

    world_issue(w, 1, user);
    struct phone a = world_join(w, 2, user, SDP_PCMU), b = world_join(w, 3, user, SDP_PCMU), c = phone_of(w, 4, user);
    assert_int_equal(phone_invite(&b, SDP_HOLD), 200);
    phone_ack(&b, NULL);
    assert_int_equal(phone_invite(&c, SDP_PCMU), 200); /* its ACK is late */
    unsigned byes = count_sent(w, "BYE ");
    for (struct call *call = w->env->calls; call; call = call->next) {
        struct ctl_ev ev = {.event = EV_QUIET, .id = event_id(EVENT_CALL, call)};
        assert_true(ring_put(&w->ctl.events, &ev));
    }
    focus_beat(w->focus);
    assert_int_equal(count_sent(w, "BYE ") - byes, 1); /* a; b is held, c may not get a BYE before its ACK */
    answer_bye(w, last(w), 200);
    phone_ack(&c, NULL);
    assert_int_equal(count_sent(w, "BYE ") - byes, 2);
    assert_int_equal(phone_send(&c, "BYE", 0, NULL), 200); /* BYEs cross */
    answer_bye(w, w->sent[(w->n_sent - 2) % SENT_MAX], 481);
    world_work(w);
    world_give(w);
    assert_int_equal(count_get(&w->env->stats.calls), 1);
    assert_int_equal(count_get(&w->env->stats.ended[ENDING_QUIET]), 2);
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 481);
    world_close(w);
}

/* An answer by UDP is hardly longer than its request: this is what phones say of themselves. */
#define LONG_ENOUGH                                                                                                    \
    "User-Agent: Phone 1.0\r\nAllow: INVITE, ACK, BYE, CANCEL, OPTIONS, REFER, NOTIFY, SUBSCRIBE, INFO, UPDATE\r\n"    \
    "Supported: replaces, timer, 100rel, norefersub, outbound, path\r\n"                                               \
    "Accept: application/sdp, application/dtmf-relay, message/sipfrag, application/conference-info+xml\r\n"

/* C21. */
static void test_options(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1], value[256];
    static const char *const users[] = {"conferences", "nobody"};
    static const int statuses[] = {200, 404};

    for (unsigned i = 0; i < 2; i++) {
        struct phone p = phone_of(w, i + 1, users[i]);
        assert_int_equal(phone_send(&p, "OPTIONS", 0, NULL), statuses[i]);
    }
    struct phone p = phone_of(w, 9, "x");
    snprintf(p.target, sizeof p.target, "sip:127.0.0.1");
    p.extra = LONG_ENOUGH;
    assert_int_equal(phone_send(&p, "OPTIONS", 0, NULL), 200);
    assert_true(header(last(w), "Allow", value, sizeof value) && header(last(w), "Accept", value, sizeof value));
    world_issue(w, 10, user);
    p = phone_of(w, 11, user);
    p.extra = LONG_ENOUGH;
    assert_int_equal(phone_send(&p, "OPTIONS", 0, NULL), 200);
    assert_true(header(last(w), "Contact", value, sizeof value) && strstr(value, ";isfocus"));
    world_close(w);
}

static void test_time_limits(void **state)
{
    struct world *w = world_open((struct env_cfg){.life_s = 120}, 0, NULL);
    char unused[URI_TOKEN_CHARS + 1], used[URI_TOKEN_CHARS + 1];

    world_issue(w, 1, unused);
    world_issue(w, 2, used);
    assert_string_not_equal(unused, used);
    world_join(w, 3, used, SDP_PCMU);
    world_run(w, 61000);
    struct phone p = phone_of(w, 4, unused);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 410);
    assert_int_equal(count_sent(w, "BYE "), 0);
    world_run(w, 60000);
    assert_int_equal(count_sent(w, "BYE p"), 0);
    assert_true(count_sent(w, "BYE ") >= 1); /* no conference lives for ever */
    p = phone_of(w, 5, used);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 410);
    world_close(w);
}

static void test_restart(void **state)
{
    char path[] = "/tmp/mixminus-call-XXXXXX", spec[64], command[128];
    char good[URI_TOKEN_CHARS + 1], over[URI_TOKEN_CHARS + 1], next[URI_TOKEN_CHARS + 1], talk[URI_TOKEN_CHARS + 1];
    assert_non_null(mkdtemp(path));
    snprintf(spec, sizeof spec, "sqlite:%s/s.db", path);

    struct world *w = world_open((struct env_cfg){0}, 0, spec);
    world_issue(w, 1, over);
    struct phone p = world_join(w, 2, over, SDP_PCMU);
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
    world_run(w, 6000);
    world_work(w);
    world_give(w);
    world_issue(w, 3, good);
    world_issue(w, 4, talk);
    world_join(w, 5, talk, SDP_PCMU); /* it is talked in until the server stops: planned is no worse than a crash */
    focus_stop(w->focus);
    p = phone_of(w, 6, talk);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 503); /* meanwhile */
    assert_non_null(strstr(last(w), "\r\nRetry-After: "));
    world_close(w);

    w = world_open((struct env_cfg){0}, 0, spec);
    p = phone_of(w, 1, over);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 410);
    world_issue(w, 2, next);
    assert_string_not_equal(next, good);
    assert_memory_equal(next, good, 4);     /* same node */
    assert_memory_not_equal(next, good, 8); /* not the slot of one that lives */
    world_join(w, 3, good, SDP_PCMU);
    world_join(w, 4, talk, SDP_PCMU);
    world_close(w);
    snprintf(command, sizeof command, "rm -rf %s", path);
    assert_int_equal(system(command), 0);
}

/* A36: the clock is set while URIs live: they live as long as they were to; and over a restart no longer than any. */
static void test_clock_set(void **state)
{
    enum { LIFE_S = 3600 };
    static const int64_t jumps_s[] = {7200, -7200, -20 * 365 * 86400ll, 20 * 365 * 86400ll};
    char path[] = "/tmp/mixminus-call-XXXXXX", spec[64], command[128], user[URI_TOKEN_CHARS + 1];
    struct place_cfg place = {.n_workers = 1};
    struct env_cfg cfg = {.life_s = LIFE_S};
    assert_non_null(mkdtemp(path));
    snprintf(spec, sizeof spec, "sqlite:%s/s.db", path);
    for (size_t i = 0; i < ARRAY_LEN(jumps_s); i++) {
        struct world *w = world_open(cfg, 0, spec);
        world_issue(w, 1, user);
        world_join(w, 2, user, SDP_PCMU);
        w->wall_s += (uint64_t)jumps_s[i];
        world_run(w, (LIFE_S - 60) * 1000);
        assert_int_equal(count_sent(w, "BYE "), 0); /* the running call has not felt it */
        world_join(w, 3, user, SDP_PCMU);
        world_run(w, 120 * 1000);
        assert_int_equal(count_get(&w->env->stats.ended[ENDING_CONFERENCE]), 2); /* nor given the URI longer life */
        world_issue(w, 4, user);
        uint64_t then_s = world_wall_s(w) + (uint64_t)jumps_s[i]; /* set once more */
        world_close(w);

        w = world_open_at(place, cfg, spec, then_s);
        struct phone p = phone_of(w, 5, user);
        assert_int_equal(phone_invite(&p, SDP_PCMU), jumps_s[i] > 0 ? 410 : 200);
        if (jumps_s[i] < 0) {
            phone_ack(&p, NULL);
            world_run(w, (LIFE_S + 60) * 1000);
            assert_int_equal(count_get(&w->env->stats.ended[ENDING_CONFERENCE]), 1);
        }
        world_close(w);
        snprintf(command, sizeof command, "rm -f %s/*", path);
        assert_int_equal(system(command), 0);
    }
    assert_int_equal(remove(path), 0);
}

/* RFC 3261 21.4.6: a 405 lists what is taken, so never what it refuses; what belongs to a dialog, and has none, is 481.
 */
static void test_allow_is_true(void **state)
{
    static const struct {
        const char *method;
        int status;
    } cases[] = {{"SUBSCRIBE", 405}, {"REFER", 405}, {"UPDATE", 481}, {"INFO", 481}, {"PRACK", 481}, {"BYE", 481}};
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char allow[256];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct phone p = phone_of(w, 10 + (unsigned)i, "conferences");
        p.extra = "Event: conference\r\nRefer-To: <sip:x@192.0.2.9>\r\n";
        assert_int_equal(phone_send(&p, cases[i].method, 0, NULL), cases[i].status);
        if (cases[i].status == 405) {
            assert_true(header(last(w), "Allow", allow, sizeof allow));
            assert_null(strstr(allow, cases[i].method));
            assert_non_null(strstr(allow, "INVITE"));
        }
    }
    struct phone p = phone_of(w, 30, "conferences"); /* B13: acted on, so supported */
    p.extra = "Require: resource-priority\r\nResource-Priority: wps.3\r\n";
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 302);
    world_close(w);
}

static void test_stop(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];

    world_issue(w, 1, user);
    for (unsigned i = 0; i < 5; i++) {
        world_join(w, 2 + i, user, SDP_PCMU);
    }
    focus_stop(w->focus);
    assert_int_equal(count_sent(w, "BYE "), 5);
    struct phone p = phone_of(w, 20, "conferences");
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 503);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redirect_flow),
        cmocka_unit_test(test_direct_flow),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_offerless),
        cmocka_unit_test(test_reinvite),
        cmocka_unit_test(test_ack_lost),
        cmocka_unit_test(test_retransmission_and_dialog),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_time_limits),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_clock_set),
        cmocka_unit_test(test_allow_is_true),
        cmocka_unit_test(test_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
