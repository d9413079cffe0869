/*
 * Calls of ours: failures and time limits, credentials, redirects, forks, CANCEL, what our own network is told, and a
 * call that comes back (row 54; attacks A13, A15, A38; clauses C9, C16, C32). Another phone's REFER makes them. The
 * world plays both the phones that ask and those that are called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/room/room.h"
#include "tests/unit/sig/focus/refer_help.h"

/* Early answers that come to nothing: each final status is told, once, and nothing is left. */
static void test_failures(void **state)
{
    static const int statuses[] = {401, 407, 422, 486, 491, 503, 603};
    char user[URI_TOKEN_CHARS + 1], wanted[64];
    struct phone a;
    struct world *w = world_with(cfg_of("192.0.2.0/24"), user, &a);
    for (unsigned i = 0; i < ARRAY_LEN(statuses); i++) {
        assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
        notified(w, "SIP/2.0 100 Trying\r\n", "active");
        unsigned invites = count_sent(w, "INVITE ");
        world_reply(w, invite_of(w), statuses[i], "b", "WWW-Authenticate: Digest realm=\"x\", nonce=\"y\"\r\n", NULL);
        assert_int_equal(count_sent(w, "INVITE "), invites); /* nobody has given us credentials: A13, A38 */
        snprintf(wanted, sizeof wanted, "SIP/2.0 %d %s\r\n", statuses[i], sip_reason(statuses[i]));
        notified(w, wanted, "terminated;reason=noresource");
        assert_int_equal(count_get(&w->env->stats.calls), 1);
        world_run(w, 3000);
    }
    assert_int_equal(count_get(&w->env->stats.dials_refused), ARRAY_LEN(statuses));
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    world_run(w, 33000); /* nobody answers at all */
    notified(w, "SIP/2.0 408 Request Timeout\r\n", "terminated;reason=noresource");
    assert_int_equal(count_get(&w->env->stats.calls), 1);

    /* An answer that nobody can use: ACK, BYE. */
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    world_reply(w, invite_of(w), 200, "b", BOB_CONTACT, NULL);
    assert_true(*world_request(w, "BYE sip:bob@192.0.2.50:5060"));
    notified(w, "SIP/2.0 488 Not Acceptable Here\r\n", "terminated;reason=noresource");
    world_close(w);
}

#define CHALLENGE(kind, realm, nonce)                                                                                  \
    kind "-Authenticate: Digest realm=\"" realm "\",nonce=\"" nonce "\",algorithm=MD5,qop=\"auth\"\r\n"

/* A13, A38: a challenge is answered where the outbound proxy asks for our realm, twice at most; nobody else learns
 * anything. */
static void test_credentials(void **state)
{
    char user[URI_TOKEN_CHARS + 1], value[1024], id[256], id2[256];
    struct env_cfg cfg = cfg_of("any");
    struct addr proxy;
    struct phone a;
    assert_int_equal(addr_parse(&proxy, "192.0.2.80", 5060), 0);
    cfg.reach.proxy = flow_to(FLOW_UDP, 0, &proxy);
    strcpy(cfg.dial_user, "mixer");
    strcpy(cfg.dial_realm, "ims.example");
    strcpy(cfg.dial_password, "sesame");
    struct world *w = world_with(cfg, user, &a);

    assert_int_equal(refer_to(&a, "sip:bob@far.example"), 202);
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    assert_false(header(invite_of(w), "Proxy-Authorization", value, sizeof value));
    assert_true(header(invite_of(w), "Call-ID", id, sizeof id));
    world_reply(w, invite_of(w), 407, "p1", CHALLENGE("Proxy", "ims.example", "n1"), NULL);
    assert_true(header(invite_of(w), "Proxy-Authorization", value, sizeof value));
    assert_non_null(strstr(value, "username=\"mixer\",realm=\"ims.example\",nonce=\"n1\",uri=\"sip:bob@far.example\""));
    assert_null(strstr(value, "sesame"));
    assert_true(header(invite_of(w), "Call-ID", id2, sizeof id2));
    assert_string_equal(id, id2);
    is_header(invite_of(w), "CSeq", "2 INVITE");
    world_reply(w, invite_of(w), 200, "b1", BOB_CONTACT, SDP_PCMU);
    notified(w, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource");
    world_work(w);

    assert_int_equal(refer_to(&a, "sip:carl@far.example"), 202); /* another realm */
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    world_reply(w, invite_of(w), 407, "p1", CHALLENGE("Proxy", "evil.example", "n1"), NULL);
    notified(w, "SIP/2.0 407 Proxy Authentication Required\r\n", "terminated;reason=noresource");

    assert_int_equal(refer_to(&a, "sip:dora@far.example"), 202); /* for ever */
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    unsigned before = count_sent(w, "INVITE ");
    for (unsigned i = 0; i < DIAL_ANSWERS_MAX; i++) {
        world_reply(w, invite_of(w), 401, "p1", CHALLENGE("WWW", "ims.example", "n2"), NULL);
        assert_true(header(invite_of(w), "Authorization", value, sizeof value));
    }
    world_reply(w, invite_of(w), 401, "p1", CHALLENGE("WWW", "ims.example", "n3"), NULL);
    assert_int_equal(count_sent(w, "INVITE ") - before, DIAL_ANSWERS_MAX);
    notified(w, "SIP/2.0 401 Unauthorized\r\n", "terminated;reason=noresource");
    world_close(w);

    memset(&cfg.reach.proxy, 0, sizeof cfg.reach.proxy); /* whom we call straight gets none */
    assert_int_equal(reach_read(&cfg.reach, "192.0.2.0/24"), 0);
    w = world_with(cfg, user, &a);
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    world_reply(w, invite_of(w), 401, "p1", CHALLENGE("WWW", "ims.example", "n1"), NULL);
    notified(w, "SIP/2.0 401 Unauthorized\r\n", "terminated;reason=noresource");
    world_close(w);
}

static void test_redirect(void **state)
{
    char user[URI_TOKEN_CHARS + 1], id[256], id2[256], from[512], from2[512], via[512], via2[512], extra[256];
    struct phone a;
    struct world *w = world_with(cfg_of("192.0.2.0/24"), user, &a);
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    const char *first = invite_of(w);
    assert_true(header(first, "Call-ID", id, sizeof id) && header(first, "From", from, sizeof from) &&
                header(first, "Via", via, sizeof via));
    is_header(first, "CSeq", "1 INVITE");
    /* The best that policy lets through. */
    world_reply(w, first, 302, "b",
                "Contact: <tel:+19005551234>;q=1.0, <sip:x@203.0.113.1>;q=0.9, <sip:bob@192.0.2.50>;q=0.8, "
                "<sip:bob@192.0.2.51:5070>;q=0.7, <sip:bob@192.0.2.52>;q=0.1\r\n",
                NULL);
    const char *second = invite_of(w);
    assert_int_equal(strncmp(second, "INVITE sip:bob@192.0.2.51:5070 SIP/2.0\r\n", 40), 0);
    is_header(second, "CSeq", "2 INVITE");
    assert_true(header(second, "Call-ID", id2, sizeof id2) && header(second, "From", from2, sizeof from2) &&
                header(second, "Via", via2, sizeof via2));
    assert_string_equal(id, id2);
    assert_string_equal(from, from2);
    assert_string_not_equal(via, via2);
    is_header(second, "To", "<sip:bob@192.0.2.50>");
    /* In a circle: that was tried. */
    world_reply(w, second, 302, "c", "Contact: <sip:bob@192.0.2.50>\r\n", NULL);
    assert_int_equal(count_sent(w, "INVITE "), 2);
    notified(w, "SIP/2.0 302 Moved Temporarily\r\n", "terminated;reason=noresource");

    /* For ever: five targets and no more (A38). */
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    for (unsigned i = 0; i < 10 && strncmp(last(w), "NOTIFY", 6) != 0; i++) {
        snprintf(extra, sizeof extra, "Contact: <sip:b%u@192.0.2.60>\r\n", i);
        world_reply(w, invite_of(w), 302, "b", extra, NULL);
    }
    assert_int_equal(count_sent(w, "INVITE "), 2 + 5);
    notified(w, "SIP/2.0 302 Moved Temporarily\r\n", "terminated;reason=noresource");

    /* And the one redirected to may answer. */
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    world_reply(w, invite_of(w), 302, "b", "Contact: <sip:bob@192.0.2.51>\r\n", NULL);
    world_reply(w, invite_of(w), 200, "c", "Contact: <sip:bob@192.0.2.51>\r\n", SDP_PCMU);
    notified(w, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource");
    assert_int_equal(count_get(&w->env->stats.legs), 2);
    world_close(w);
}

/* RFC 3261 13.2.2.4: each 2xx gets its ACK, and the surplus a BYE, also when the call is over already. */
static void test_forks(void **state)
{
    char user[URI_TOKEN_CHARS + 1], value[256];
    struct phone a;
    struct world *w = world_with(cfg_of("192.0.2.0/24"), user, &a);
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    const char *invite = invite_of(w);
    world_reply(w, invite, 183, "b1", BOB_CONTACT, NULL);
    world_reply(w, invite, 180, "b2", BOB_CONTACT, NULL);
    world_reply(w, invite, 200, "b1", BOB_CONTACT, SDP_PCMU);
    assert_int_equal(count_sent(w, "BYE "), 0);
    world_reply(w, invite, 200, "b2", "Contact: <sip:desk@192.0.2.51>\r\n", SDP_PCMU);
    assert_int_equal(count_sent(w, "ACK sip:desk@192.0.2.51 "), 1);
    const char *bye = world_request(w, "BYE sip:desk@192.0.2.51 ");
    assert_true(header(bye, "To", value, sizeof value));
    assert_non_null(strstr(value, ";tag=b2"));
    is_header(bye, "CSeq", "2 BYE");
    assert_int_equal(count_get(&w->env->stats.legs), 2); /* the first one talks on */

    /* The first hangs up; a third answers after that. */
    struct call *called = w->env->calls;
    assert_true(called->member.is_dialled);
    call_end(called, ENDING_REMOVED);
    bye = world_request(w, "BYE sip:bob@192.0.2.50:5060 ");
    world_reply(w, bye, 200, "", "", NULL);
    world_work(w);
    world_give(w);
    world_reply(w, invite, 200, "b3", "Contact: <sip:cell@192.0.2.52>\r\n", SDP_PCMU);
    assert_int_equal(count_sent(w, "ACK sip:cell@192.0.2.52 "), 1);
    assert_int_equal(count_sent(w, "BYE sip:cell@192.0.2.52 "), 1);
    for (unsigned i = 0; i < 20; i++) { /* one who makes up forks is let be */
        snprintf(value, sizeof value, "x%u", i);
        world_reply(w, invite, 200, value, "Contact: <sip:liar@192.0.2.53>\r\n", SDP_PCMU);
    }
    assert_true(count_sent(w, "BYE sip:liar@192.0.2.53 ") < 10);
    world_run(w, 40000);
    assert_int_equal(count_get(&w->env->stats.calls), 1);
    world_close(w);
}

/* CANCEL: not before a provisional response, and an answer that crosses it gets ACK and BYE. */
static void test_cancel(void **state)
{
    char user[URI_TOKEN_CHARS + 1];
    struct phone a;
    struct world *w = world_with(cfg_of("192.0.2.0/24"), user, &a);

    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    const char *invite = invite_of(w);
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50;method=BYE"), 202); /* the REFER is withdrawn */
    assert_int_equal(count_sent(w, "CANCEL "), 0);
    world_reply(w, invite, 180, "b", BOB_CONTACT, NULL);
    assert_int_equal(count_sent(w, "CANCEL sip:bob@192.0.2.50 "), 1);
    world_reply(w, invite, 487, "b", "", NULL);
    assert_int_equal(count_get(&w->env->stats.calls), 1);

    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    invite = invite_of(w);
    world_reply(w, invite, 180, "b", BOB_CONTACT, NULL);
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50;method=BYE"), 202);
    assert_int_equal(count_sent(w, "CANCEL "), 2);
    world_reply(w, invite, 200, "b", BOB_CONTACT, SDP_PCMU);
    assert_int_equal(count_sent(w, "ACK sip:bob@192.0.2.50:5060 "), 1);
    world_reply(w, world_request(w, "BYE sip:bob@192.0.2.50:5060 "), 200, "", "", NULL);
    assert_int_equal(count_get(&w->env->stats.legs), 1);

    /* It rings for ever. */
    world_run(w, 40000);
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    invite = invite_of(w);
    world_reply(w, invite, 180, "b", BOB_CONTACT, NULL);
    notified(w, "SIP/2.0 180 Ringing\r\n", "active");
    char id[256];
    assert_true(header(invite, "Call-ID", id, sizeof id));
    world_run(w, 181000);
    is_header(world_request(w, "CANCEL "), "Call-ID", id);
    notified(w, "SIP/2.0 408 Request Timeout\r\n", "terminated;reason=noresource");
    world_run(w, 33000); /* nor is the CANCEL answered */
    assert_int_equal(count_get(&w->env->stats.calls), 1);

    /* The conference ends. */
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    invite = invite_of(w);
    world_reply(w, invite, 180, "b", BOB_CONTACT, NULL);
    notified(w, "SIP/2.0 180 Ringing\r\n", "active");
    room_end(w->env->rooms, ENDING_CONFERENCE);
    assert_true(*world_request(w, "CANCEL sip:bob@192.0.2.50 "));
    notified(w, "SIP/2.0 487 Request Terminated\r\n", "terminated;reason=noresource");
    world_reply(w, invite, 487, "b", "", NULL);
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 410);
    world_close(w);
}

/* Towards its own network the focus speaks as an application server (TS 24.229 5.7.3); to others it says none of it. */
static void test_own_network(void **state)
{
    for (unsigned trusted = 0; trusted < 2; trusted++) {
        struct env_cfg cfg = cfg_of("192.0.2.0/24");
        char user[URI_TOKEN_CHARS + 1], value[512];
        struct phone a;
        assert_int_equal(trust_add(&cfg.trusted, trusted ? "192.0.2.50/32" : "192.0.2.51/32"), 0);
        struct world *w = world_with(cfg, user, &a);
        assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
        const char *invite = invite_of(w);
        assert_int_equal(header(invite, "P-Asserted-Identity", value, sizeof value), trusted);
        assert_true(!trusted || strstr(value, user));
        assert_int_equal(header(invite, "P-Charging-Vector", value, sizeof value), trusted);
        assert_int_equal(header(invite, "P-Asserted-Service", value, sizeof value), trusted);
        assert_int_equal(header(invite, "Accept-Contact", value, sizeof value), trusted);
        world_close(w);
    }
}

/* The requests of ours within a dialog: a NOTIFY, an UPDATE or a re-INVITE, the BYE. */
static void test_own_network_within(void **state)
{
    static const char *const starts[] = {"NOTIFY ", "UPDATE ", "BYE "};
    for (unsigned trusted = 0; trusted < 2; trusted++) {
        struct env_cfg cfg = cfg_of("192.0.2.0/24");
        char user[URI_TOKEN_CHARS + 1], value[512];
        struct phone a;
        assert_int_equal(trust_add(&cfg.trusted, trusted ? "192.0.2.9/32" : "192.0.2.51/32"), 0);
        struct world *w = world_open(cfg, 0, NULL);
        world_issue(w, 2, user);
        a = phone_of(w, 2, user);
        a.branch = 100;
        a.extra = "Supported: timer\r\nAllow: UPDATE\r\nSession-Expires: 90;refresher=uas\r\n"
                  "P-Charging-Vector: icid-value=theirs\r\n";
        assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
        assert_true(header(world_answer(w), "Contact", value, sizeof value));
        assert_int_equal(strstr(value, "+g.3gpp.icsi-ref=") != NULL, trusted);
        a.extra = NULL;
        phone_ack(&a, NULL);
        a.extra = "Event: conference\r\n";
        assert_int_equal(phone_send(&a, "SUBSCRIBE", 0, NULL), 200);
        world_reply(w, world_request(w, "NOTIFY "), 200, "", "", NULL);
        world_run(w, 46000);
        world_reply(w, world_request(w, "UPDATE "), 200, "", "Session-Expires: 90;refresher=uac\r\n", NULL);
        room_end(w->env->rooms, ENDING_CONFERENCE);
        for (size_t i = 0; i < ARRAY_LEN(starts); i++) {
            const char *request = world_request(w, starts[i]);
            assert_true(*request);
            assert_int_equal(header(request, "P-Asserted-Identity", value, sizeof value), trusted);
            assert_true(!trusted || strstr(value, user));
            assert_int_equal(header(request, "P-Charging-Vector", value, sizeof value), trusted);
            bool is_calls = starts[i][0] != 'N'; /* what its network gave with the INVITE */
            assert_true(!trusted || !is_calls || strcmp(value, "icid-value=theirs") == 0);
            assert_false(header(request, "P-Asserted-Service", value, sizeof value));
        }
        world_close(w);
    }
}

/* A call of ours that comes back, by a forwarding that nobody has foreseen. */
static void test_loop(void **state)
{
    char user[URI_TOKEN_CHARS + 1], text[TEXT_MAX];
    struct phone a;
    struct world *w = world_with(cfg_of("192.0.2.0/24"), user, &a);
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    assert_int_equal(addr_parse(&flow.remote, "192.0.2.50", 5060), 0);
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    const char *invite = invite_of(w), *rest = strstr(invite, "\r\n") + 2;
    int n = snprintf(text, sizeof text,
                     "INVITE sip:%s@" DOMAIN " SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.50;branch=z9hG4bKloop\r\n%s", user,
                     rest);
    txns_rx(w->txns, &flow, text, (size_t)n, w->now_ns);
    assert_int_equal(status_of(last(w)), 482);
    assert_int_equal(count_get(&w->env->stats.refused[REFUSAL_LOOP]), 1);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_redirect),
        cmocka_unit_test(test_forks),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_own_network),
        cmocka_unit_test(test_own_network_within),
        cmocka_unit_test(test_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
