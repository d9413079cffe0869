/*
 * What signalling says of where media may come from and go to (attacks A24, A42; core/conf/leg_source.h is the
 * rule itself). Method: a world of calls (call_world.h); what the worker is asked tells.
 */
#include "tests/unit/call_world.h"
#include "tests/unit/unit.h"

static struct world *open_with(unsigned n_sockets)
{
    struct env_cfg cfg = {.n_sockets = n_sockets, .session_s = 1800};
    if (n_sockets) {
        assert_int_equal(addr_parse(&cfg.sockets[0], "0.0.0.0", 5060), 0);
    }
    return world_open(cfg, 0, NULL);
}

/* What comes next is the answer to an offer of that address. */
static void offer_of(char body[512], const char *host, unsigned port, const char *more)
{
    snprintf(body, 512, "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/AVP 0\r\n%s", host,
             host, port, more);
}

static const struct leg_cfg *leg_asked(const struct world *w)
{
    for (unsigned i = 0; i < w->n_reqs; i++) {
        if (w->reqs[i].op == CTL_LEG_ADD || w->reqs[i].op == CTL_LEG_SWAP) {
            return leg_cfg_of(w->reqs[i].leg);
        }
    }
    fail();
    return NULL;
}

/* A24: shut until the ACK; opened once. */
static void an_acknowledged_call_is_open(void **state)
{
    struct world *w = open_with(0);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    struct phone p = phone_of(w, 2, user);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 200);
    world_work(w);
    assert_true(leg_asked(w)->is_shut);
    assert_false(leg_asked(w)->no_grace);
    assert_int_equal(w->n_opened, 0);
    phone_ack(&p, NULL);
    world_work(w);
    assert_int_equal(w->n_opened, 1);
    unsigned n_alive = w->n_alive;
    assert_int_equal(phone_send(&p, "UPDATE", 0, NULL), 200); /* B1: a refresh */
    world_work(w);
    assert_int_equal(w->n_alive, n_alive + 1);
    assert_int_equal(phone_invite(&p, SDP_PCMA), 200); /* another leg, the same stream */
    world_work(w);
    assert_false(leg_asked(w)->is_shut);
    phone_ack(&p, NULL);
    world_work(w);
    assert_int_equal(w->n_opened, 1);
    world_close(w);
}

/* The worker's ring is full when the ACK comes: it is told later. */
static void opening_waits_for_the_ring(void **state)
{
    struct world *w = open_with(0);
    char user[URI_TOKEN_CHARS + 1];
    struct ctl_req idle = {.op = CTL_LEG_SET};
    world_issue(w, 1, user);
    struct phone p = phone_of(w, 2, user);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 200);
    world_work(w);
    while (ctl_put(&w->ctl, &idle) == 0) {
    }
    phone_ack(&p, NULL);
    assert_int_equal(w->env->n_due, 1);
    world_work(w);
    assert_int_equal(w->n_opened, 0);
    world_run(w, 100);
    world_work(w);
    assert_int_equal(w->n_opened, 1);
    assert_int_equal(w->env->n_due, 0);
    world_close(w);
}

/* A42: sockets of ours and no host's addresses; any other port of this host is a phone. */
static void sockets_of_ours_are_refused(void **state)
{
    struct world *w = open_with(1);
    char user[URI_TOKEN_CHARS + 1], body[512], rtcp[64];
    world_issue(w, 1, user);
    world_join(w, 2, user, SDP_PCMU);
    unsigned port = w->env->calls->place.port;
    snprintf(rtcp, sizeof rtcp, "a=rtcp:%u IN IP4 127.0.0.1\r\n", port + 1);
    const struct {
        const char *host;
        unsigned port;
        const char *more;
        int status;
    } cases[] = {
        {"127.0.0.1", port, "", 488}, {"127.0.0.1", port + 1, "", 488},   {"192.0.2.9", 7000, rtcp, 488},
        {"127.0.0.1", 5060, "", 488}, /* SIP, on every address */
        {"127.0.0.7", 5060, "", 488}, {"255.255.255.255", 7000, "", 488}, {"224.0.1.2", 7000, "", 488},
        {"0.1.2.3", 7000, "", 488},   {"127.0.0.1", 46600, "", 200}, /* not ours: whoever has it is a phone */
        {"127.0.0.1", 7000, "", 200}, {"127.0.0.7", port, "", 200},
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct phone p = phone_of(w, 10 + i, user);
        offer_of(body, cases[i].host, cases[i].port, cases[i].more);
        int status = phone_invite(&p, body);
        if (status != cases[i].status) {
            fail_msg("%s:%u: %d", cases[i].host, cases[i].port, status);
        }
        if (status == 200) {
            phone_ack(&p, NULL);
            assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
        }
        world_work(w);
        world_give(w);
    }
    assert_int_equal(count_get(&w->env->stats.refused[REFUSAL_MEDIA_ADDRESS]), 7);
    struct phone p = world_join(w, 40, user, SDP_PCMU);
    offer_of(body, "127.0.0.1", port, "");
    assert_int_equal(phone_send(&p, "INVITE", 0, body), 488); /* nor later */
    world_close(w);
}

/* A42: a port that a call has named becomes ours. */
static void a_named_port_that_becomes_ours_ends_the_call(void **state)
{
    struct world *w = open_with(0);
    char user[URI_TOKEN_CHARS + 1], body[512];
    world_issue(w, 1, user);
    world_join(w, 2, user, SDP_PCMU);
    unsigned named = 0;
    for (unsigned i = 0, number = 3; i < 20 && w->env->calls->place.port != named; i++) {
        named = w->env->calls->place.port + 4u; /* the second next: its own is the next */
        offer_of(body, "127.0.0.1", named, "");
        world_join(w, number++, user, body);
        world_join(w, number++, user, SDP_PCMU); /* has another port where other programs have taken some: once more */
    }
    assert_int_equal(w->env->calls->place.port, named);
    world_run(w, 100);
    world_work(w);
    assert_int_equal(count_get(&w->env->stats.ended[ENDING_LOOP]), 0);
    assert_int_equal(count_sent(w, "BYE "), 1);
    answer_bye(w, world_request(w, "BYE "), 200);
    world_work(w);
    world_give(w);
    assert_int_equal(count_get(&w->env->stats.ended[ENDING_LOOP]), 1);
    world_close(w);
}

/* Our own streams' SSRCs, as somebody's: refused by the worker, and nothing of it is told of in the roster. */
static void our_own_ssrc_is_refused(void **state)
{
    struct world *w = open_with(0);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    world_join(w, 2, user, SDP_PCMU);
    world_join(w, 3, user, SDP_PCMU);
    world_work(w);
    struct call *call = w->env->calls, *other = call->next;
    assert_int_not_equal(call->tx_ssrc, 0);
    assert_int_not_equal(call->tx_ssrc, other->tx_ssrc);
    struct ctl_ev ev = {.event = EV_SSRC, .id = event_id(EVENT_CALL, call), .value = other->tx_ssrc};
    must(ring_put(&w->ctl.events, &ev));
    focus_beat(w->focus);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].set.what, SET_REFUSED_SSRC);
    assert_int_equal(w->reqs[0].set.refused_ssrc, other->tx_ssrc);
    assert_int_equal(call->member.ssrc, 0);
    ev.value = other->tx_ssrc + 1;
    must(ring_put(&w->ctl.events, &ev));
    focus_beat(w->focus);
    assert_int_equal(call->member.ssrc, ev.value);
    world_close(w);
}

/* A2: media on loopback, an address of this machine in the SDP. */
static void this_machine_has_other_names(void **state)
{
    struct world *w = open_with(0);
    struct addr host, alias;
    assert_int_equal(addr_parse(&host, "198.51.100.77", 0), 0);
    local_alias(w->env, &host, &alias);
    assert_false(addr_is_set(&alias));
    w->env->local.addrs[w->env->local.n_addrs++] = host;
    local_alias(w->env, &host, &alias);
    assert_true(addr_is_set(&alias) && ntohl(alias.v4.sin_addr.s_addr) == INADDR_LOOPBACK);
    assert_int_equal(addr_parse(&host, "127.0.0.9", 0), 0);
    local_alias(w->env, &host, &alias);
    assert_false(addr_is_set(&alias)); /* two hosts in 127/8 are two */
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_acknowledged_call_is_open), cmocka_unit_test(opening_waits_for_the_ring),
        cmocka_unit_test(sockets_of_ours_are_refused),  cmocka_unit_test(a_named_port_that_becomes_ours_ends_the_call),
        cmocka_unit_test(our_own_ssrc_is_refused),      cmocka_unit_test(this_machine_has_other_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
