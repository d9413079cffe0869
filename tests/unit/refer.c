/*
 * REFER to the focus and what it makes: calls to others with redirects, forks, CANCEL and time limits; removal;
 * Replaces both ways; limits (rows 54 and 55; attacks A13, A15-A17, A38). The world plays both the phones that ask and
 * those that are called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/dial.h"
#include "tests/unit/call_world.h"

#define BOB_CONTACT "Contact: <sip:bob@192.0.2.50:5060>\r\n"

static struct focus_cfg cfg_of(const char *list)
{
    struct focus_cfg cfg = {.n_hosts = 0};
    assert_int_equal(reach_read(&cfg.reach, list), 0);
    cfg.reach.own_ports[0] = 5060;
    cfg.reach.n_own_ports = 1;
    return cfg;
}

/* REFER with these header lines, in the phone's call or outside of any. @return status */
static int refer(struct phone *p, const char *extra)
{
    p->extra = extra;
    int status = phone_send(p, "REFER", 0, NULL);
    p->extra = NULL;
    return status;
}

static int refer_to(struct phone *p, const char *uri)
{
    static char extra[1024];
    snprintf(extra, sizeof extra, "Refer-To: <%s>\r\n", uri);
    return refer(p, extra);
}

/* The NOTIFY that was sent last says this; it is answered. */
static void notified(struct world *w, const char *fragment, const char *state)
{
    char text[TEXT_MAX], value[256];
    const char *notify = world_request(w, "NOTIFY ");
    snprintf(text, sizeof text, "%s", notify);
    assert_true(*text);
    assert_true(header(text, "Content-Type", value, sizeof value));
    assert_string_equal(value, "message/sipfrag;version=2.0");
    assert_true(header(text, "Subscription-State", value, sizeof value));
    assert_int_equal(strncmp(value, state, strlen(state)), 0);
    assert_non_null(strstr(text, "\r\n\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n") + 4, fragment);
    world_reply(w, notify, 200, "", "", NULL);
}

static const char *invite_of(struct world *w)
{
    const char *invite = world_request(w, "INVITE ");
    assert_true(*invite);
    return invite;
}

static void is_header(const char *text, const char *name, const char *wanted)
{
    char value[1024];
    assert_true(header(text, name, value, sizeof value));
    assert_string_equal(value, wanted);
}

/* What a world with one conference and its maker looks like. */
static struct world *world_with(struct focus_cfg cfg, char user[URI_TOKEN_CHARS + 1], struct phone *a)
{
    struct world *w = world_open(cfg, 0, NULL);
    world_issue(w, 2, user);
    *a = phone_of(w, 2, user); /* who has asked the factory */
    a->branch = 100;
    a->cseq = 1;
    assert_int_equal(phone_invite(a, SDP_PCMU), 200);
    phone_ack(a, NULL);
    world_work(w);
    return w;
}

/* The whole ladder of row 54: 202, NOTIFY 100, INVITE, 180, 200, ACK, NOTIFY 200. */
static void test_dial_out(void **state)
{
    char user[URI_TOKEN_CHARS + 1], value[512], wanted[512];
    struct phone a;
    struct world *w = world_with(cfg_of("192.0.2.0/24"), user, &a);
    assert_int_equal(
        refer(&a, "Refer-To: \"Bob\" <sip:bob@192.0.2.50;x-obr=10.0.0.1>\r\nReferred-By: <sip:p2@192.0.2.9>\r\n"), 202);
    assert_int_equal(count_sent(w, "INVITE "), 1);
    const char *invite = invite_of(w);
    assert_int_equal(strncmp(invite, "INVITE sip:bob@192.0.2.50 SIP/2.0\r\n", 34), 0);
    snprintf(wanted, sizeof wanted, "<sip:%s@" DOMAIN ">;isfocus", user);
    is_header(invite, "Contact", wanted);
    assert_true(header(invite, "From", value, sizeof value));
    assert_int_equal(strncmp(value, wanted, strlen(wanted) - 8), 0);
    is_header(invite, "To", "<sip:bob@192.0.2.50>");
    is_header(invite, "Referred-By", "<sip:p2@192.0.2.9>");
    is_header(invite, "Supported", "replaces, timer"); /* no 100rel: provisional responses need no PRACK */
    assert_non_null(strstr(invite, "m=audio 463"));
    is_header(world_request(w, "NOTIFY "), "Event", "refer;id=3");
    notified(w, "SIP/2.0 100 Trying\r\n", "active");

    world_reply(w, invite, 180, "b1", BOB_CONTACT, NULL);
    notified(w, "SIP/2.0 180 Ringing\r\n", "active");
    assert_int_equal(count_get(&w->focus->stats.legs), 1); /* a's: nothing runs before the answer */
    world_reply(w, invite, 200, "b1", BOB_CONTACT "Session-Expires: 600;refresher=uac\r\n", SDP_PCMU);
    assert_int_equal(strncmp(world_request(w, "ACK "), "ACK sip:bob@192.0.2.50:5060 SIP/2.0\r\n", 37), 0);
    notified(w, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource");
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_ADD);
    assert_int_equal(count_get(&w->focus->stats.legs), 2);
    assert_int_equal(count_get(&w->focus->stats.subs), 0);
    assert_int_equal(count_get(&w->focus->stats.dials_answered), 1);

    unsigned acks = count_sent(w, "ACK ");
    world_reply(w, invite, 200, "b1", BOB_CONTACT, SDP_PCMU); /* our ACK was lost */
    assert_int_equal(count_sent(w, "ACK "), acks + 1);
    assert_int_equal(count_get(&w->focus->stats.legs), 2);

    world_run(w, 301000); /* he refreshes nothing: it is for us to do */
    assert_true(*world_request(w, "INVITE sip:bob@192.0.2.50:5060"));
    world_close(w);
}

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
        assert_int_equal(count_get(&w->focus->stats.calls), 1);
        world_run(w, 3000);
    }
    assert_int_equal(count_get(&w->focus->stats.dials_refused), ARRAY_LEN(statuses));
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    world_run(w, 33000); /* nobody answers at all */
    notified(w, "SIP/2.0 408 Request Timeout\r\n", "terminated;reason=noresource");
    assert_int_equal(count_get(&w->focus->stats.calls), 1);

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
    struct focus_cfg cfg = cfg_of("any");
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
    assert_int_equal(count_get(&w->focus->stats.legs), 2);
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
    assert_int_equal(count_get(&w->focus->stats.legs), 2); /* the first one talks on */

    /* The first hangs up; a third answers after that. */
    struct call *called = w->focus->calls;
    assert_true(called->is_ours);
    call_end(called, FOCUS_END_REMOVED);
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
    assert_int_equal(count_get(&w->focus->stats.calls), 1);
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
    assert_int_equal(count_get(&w->focus->stats.calls), 1);

    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    invite = invite_of(w);
    world_reply(w, invite, 180, "b", BOB_CONTACT, NULL);
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50;method=BYE"), 202);
    assert_int_equal(count_sent(w, "CANCEL "), 2);
    world_reply(w, invite, 200, "b", BOB_CONTACT, SDP_PCMU);
    assert_int_equal(count_sent(w, "ACK sip:bob@192.0.2.50:5060 "), 1);
    world_reply(w, world_request(w, "BYE sip:bob@192.0.2.50:5060 "), 200, "", "", NULL);
    assert_int_equal(count_get(&w->focus->stats.legs), 1);

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
    assert_int_equal(count_get(&w->focus->stats.calls), 1);

    /* The conference ends. */
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 202);
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    invite = invite_of(w);
    world_reply(w, invite, 180, "b", BOB_CONTACT, NULL);
    notified(w, "SIP/2.0 180 Ringing\r\n", "active");
    room_end(w->focus->rooms, FOCUS_END_CONFERENCE);
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
        struct focus_cfg cfg = cfg_of("192.0.2.0/24");
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

static void test_refusals(void **state)
{
    static const struct {
        const char *extra;
        int status;
    } rows[] = {
        {"", 400},
        {"Refer-To: <sip:a@192.0.2.50>\r\nRefer-To: <sip:b@192.0.2.50>\r\n", 400},
        {"Refer-To: <sip:a@192.0.2.50>\r\nr: <sip:b@192.0.2.50>\r\n", 400},
        {"Refer-To: <sip:a@192.0.2.50>, <sip:b@192.0.2.50>\r\n", 400},
        {"Refer-To: nonsense\r\n", 400},
        {"Refer-To: <sip:a@192.0.2.50;method=SUBSCRIBE>\r\n", 403},
        {"Refer-To: <http://192.0.2.50/>\r\n", 416},
        {"Refer-To: <tel:+19005551234>\r\n", 403},
        {"Refer-To: <sip:a@127.0.0.1:22>\r\n", 403},
        {"Refer-To: <sip:conferences@127.0.0.1>\r\n", 403},
        {"Refer-To: <sip:a@192.0.2.50?Replaces=nonsense>\r\n", 400},
        {"Refer-To: <sip:a@192.0.2.50>\r\nRequire: norefersub, multiple-refer\r\n", 420},
    };
    char user[URI_TOKEN_CHARS + 1];
    struct phone a;
    struct world *w = world_with(cfg_of("192.0.2.0/24"), user, &a);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        int status = refer(&a, rows[i].extra);
        if (status != rows[i].status) {
            fail_msg("%s: %d", rows[i].extra, status);
        }
    }
    struct phone stranger = phone_of(w, 99, user);
    assert_int_equal(refer_to(&stranger, "sip:bob@192.0.2.50"), 403);
    struct phone nowhere = phone_of(w, 98, "conferences");
    assert_int_equal(refer_to(&nowhere, "sip:bob@192.0.2.50"), 405);
    assert_int_equal(phone_send(&nowhere, "NOTIFY", 0, NULL), 481);
    assert_int_equal(phone_send(&a, "NOTIFY", 0, NULL), 481);
    assert_int_equal(count_sent(w, "INVITE "), 0);
    world_close(w);

    static const enum focus_refer policies[] = {FOCUS_REFER_OFF, FOCUS_REFER_CREATOR};
    for (unsigned i = 0; i < 2; i++) {
        struct focus_cfg cfg = cfg_of("192.0.2.0/24");
        cfg.refer = policies[i];
        w = world_with(cfg, user, &a);
        struct phone b = world_join(w, 3, user, SDP_PCMU);
        assert_int_equal(refer_to(&b, "sip:bob@192.0.2.50"), 403);
        assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), i == 0 ? 403 : 202);
        world_close(w);
    }
    w = world_with(cfg_of("off"), user, &a);
    assert_int_equal(refer_to(&a, "sip:bob@192.0.2.50"), 403);
    world_close(w);
}

/* RFC 4488, and outside of a dialog; the second of one dialog has an id of its own. */
static void test_subscriptions(void **state)
{
    char user[URI_TOKEN_CHARS + 1], value[256];
    struct phone a;
    struct world *w = world_with(cfg_of("192.0.2.0/24"), user, &a);
    assert_int_equal(refer(&a, "Refer-To: <sip:bob@192.0.2.50>\r\nRefer-Sub: false\r\nRequire: norefersub\r\n"), 202);
    is_header(world_answer(w), "Refer-Sub", "false");
    assert_int_equal(count_sent(w, "NOTIFY "), 0);
    assert_int_equal(count_sent(w, "INVITE "), 1);
    world_reply(w, invite_of(w), 486, "b", "", NULL);
    assert_int_equal(count_sent(w, "NOTIFY "), 0);

    struct phone out = phone_of(w, 2, user); /* the same user, no dialog */
    out.branch = 500;
    out.cseq = 70;
    assert_int_equal(refer_to(&out, "sip:carol@192.0.2.51"), 202);
    is_header(world_request(w, "NOTIFY "), "Event", "refer");
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    assert_int_equal(refer_to(&a, "sip:dan@192.0.2.52"), 202);
    const char *dan = invite_of(w);
    assert_true(header(world_request(w, "NOTIFY "), "Event", value, sizeof value));
    assert_int_equal(strncmp(value, "refer;id=", 9), 0);
    assert_int_equal(refer_to(&a, "sip:eve@192.0.2.53"), 202);
    is_header(world_request(w, "NOTIFY "), "Event", "refer;id=5");
    world_reply(w, dan, 486, "d", "", NULL); /* the 100 has not been answered yet: the 486 waits for that */
    assert_int_equal(count_sent(w, "NOTIFY "), 3);

    /* It may be ended by who asked, and what is not there cannot be made so. */
    a.extra = "Event: refer;id=5\r\nExpires: 0\r\n";
    assert_int_equal(phone_send(&a, "SUBSCRIBE", 0, NULL), 200);
    a.extra = "Event: refer;id=77\r\n";
    assert_int_equal(phone_send(&a, "SUBSCRIBE", 0, NULL), 481);
    a.extra = NULL;

    /* The call goes, and with it what rode on it; the one outside of it stays. */
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200);
    assert_int_equal(count_get(&w->focus->stats.subs), 1);
    world_close(w);
}

static void test_removal(void **state)
{
    char user[URI_TOKEN_CHARS + 1], uri[128];
    struct phone a;
    struct world *w = world_with(cfg_of("off"), user, &a); /* a has made it */
    struct phone b = world_join(w, 3, user, SDP_PCMU), c = world_join(w, 4, user, SDP_PCMU);
    assert_int_equal(refer_to(&b, "sip:p4@192.0.2.9;method=BYE"), 403);
    assert_int_equal(refer_to(&b, "sip:nobody@192.0.2.9;method=BYE"), 403); /* he learns nothing */
    assert_int_equal(refer_to(&a, "sip:nobody@192.0.2.9;method=BYE"), 404);
    struct phone out = phone_of(w, 2, user); /* a From alone is nobody's right */
    out.branch = 500;
    assert_int_equal(refer_to(&out, "sip:p4@192.0.2.9;method=BYE"), 403);
    assert_int_equal(count_sent(w, "BYE "), 0);

    assert_int_equal(refer_to(&b, "sip:p3@192.0.2.9;method=BYE"), 202); /* himself */
    notified(w, "SIP/2.0 100 Trying\r\n", "active");
    assert_int_equal(count_sent(w, "BYE sip:p3@"), 1);
    notified(w, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource");
    answer_bye(w, world_request(w, "BYE sip:p3@"), 200);
    assert_int_equal(refer_to(&a, "sip:p4@192.0.2.9:5099;method=BYE"), 202);
    assert_int_equal(count_sent(w, "BYE sip:p4@"), 1);
    answer_bye(w, world_request(w, "BYE sip:p4@"), 200);
    assert_int_equal(phone_send(&c, "BYE", 0, NULL), 481);

    struct phone d = world_join(w, 5, user, SDP_PCMU); /* by the roster's name of his call */
    (void)d;
    snprintf(uri, sizeof uri, "sip:call-%llu@127.0.0.1;method=BYE", (unsigned long long)w->focus->calls->id);
    assert_int_equal(refer_to(&a, uri), 202);
    assert_int_equal(count_sent(w, "BYE sip:p5@"), 1);
    assert_int_equal(count_get(&w->focus->stats.ended[FOCUS_END_REMOVED]), 2);
    world_close(w);
}

/* A17: as many at once, and a minute, as one may; as many unanswered as a conference may have. */
static void test_limits(void **state)
{
    char user[URI_TOKEN_CHARS + 1], uri[64];
    struct phone a;
    struct focus_cfg cfg = cfg_of("192.0.2.0/24");
    cfg.legs_max = 100;
    struct world *w = world_with(cfg, user, &a);
    unsigned n = 0;
    for (unsigned i = 0; i < 40; i++) {
        snprintf(uri, sizeof uri, "sip:b%u@192.0.2.50", i);
        n += refer_to(&a, uri) == 202;
        world_reply(w, world_request(w, "NOTIFY "), 200, "", "", NULL);
    }
    assert_int_equal(n, 16);
    for (unsigned i = 0; i < 16; i++) { /* they decline: the next ones may be called, to the end of his share */
        struct call *call = w->focus->calls;
        while (call && call->state != CALL_DIALLING) {
            call = call->next;
        }
        call_end(call, FOCUS_END_REMOVED);
    }
    for (unsigned i = 0; i < 40; i++) {
        n += refer_to(&a, "sip:b@192.0.2.50") == 202;
        world_reply(w, world_request(w, "NOTIFY "), 200, "", "", NULL);
    }
    assert_int_equal(n, 20);
    assert_true(count_get(&w->focus->stats.refused[FOCUS_DIAL_RATE]) == 24 + 36);
    world_run(w, 2100); /* 30 a minute */
    assert_int_equal(refer_to(&a, "sip:b@192.0.2.50"), 202);
    assert_int_equal(refer_to(&a, "sip:b@192.0.2.50"), 480);
    world_close(w);

    /* Many participants, each within his rate: the conference has one of its own. */
    w = world_with(cfg, user, &a);
    n = 0;
    for (unsigned i = 0; i < 10 * DIAL_BURST; i++) {
        struct identity who = {.user = ""};
        snprintf(who.user, sizeof who.user, "user-%u", i / 10);
        n += dial_admit(w->focus, w->focus->rooms, &who, NULL, 1) == 0;
    }
    assert_int_equal(n, DIAL_BURST * DIAL_ROOM_FACTOR);
    world_close(w);

    cfg.legs_max = 2; /* who is being called has his place */
    w = world_with(cfg, user, &a);
    assert_int_equal(refer_to(&a, "sip:b@192.0.2.50"), 202);
    assert_int_equal(refer_to(&a, "sip:c@192.0.2.50"), 486);
    struct phone b = phone_of(w, 3, user);
    assert_int_equal(phone_invite(&b, SDP_PCMU), 486);
    world_close(w);
}

/* RFC 3891 3, and the pull-in of IR.92: Refer-To with Replaces. */
static void test_replaces(void **state)
{
    char user[URI_TOKEN_CHARS + 1], other[URI_TOKEN_CHARS + 1], extra[512], value[256];
    struct phone a;
    struct world *w = world_with(cfg_of("192.0.2.0/24"), user, &a);
    static const struct {
        const char *format;
        int status;
    } rows[] = {
        {"Replaces: c2@192.0.2.9;to-tag=%s;from-tag=f3\r\n", 481},
        {"Replaces: c3@192.0.2.9;to-tag=%s;from-tag=f2\r\n", 481},
        {"Replaces: c2@192.0.2.9;to-tag=%sx;from-tag=f2\r\n", 481},
        {"Replaces: c2@192.0.2.9;to-tag=%s\r\n", 400},
        {"Replaces: c2@192.0.2.9;to-tag=%s;from-tag=f2;early-only\r\n", 486},
        {"Replaces: c2@192.0.2.9;to-tag=%s;from-tag=f2\r\nReplaces: x;to-tag=1;from-tag=2\r\n", 400},
        {"Replaces: c2@192.0.2.9;to-tag=%s;from-tag=f2\r\nJoin: x;to-tag=1;from-tag=2\r\n", 400},
        {"Require: replaces\r\nReplaces: c2@192.0.2.9;to-tag=%s;from-tag=f2\r\n", 200},
    };
    struct phone b = phone_of(w, 3, user);
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        b = phone_of(w, 3 + i, user);
        snprintf(extra, sizeof extra, rows[i].format, a.to_tag);
        b.extra = extra;
        int status = phone_invite(&b, SDP_PCMU);
        if (status != rows[i].status) {
            fail_msg("%s: %d", extra, status);
        }
    }
    b.extra = NULL;
    phone_ack(&b, NULL);
    assert_int_equal(count_sent(w, "BYE sip:p2@"), 1); /* the old one goes, the new one is there */
    assert_int_equal(w->focus->rooms->n_roster, 1);
    struct phone late = phone_of(w, 30, user); /* twice */
    snprintf(extra, sizeof extra, "Replaces: c2@192.0.2.9;to-tag=%s;from-tag=f2\r\n", a.to_tag);
    late.extra = extra;
    assert_int_equal(phone_invite(&late, SDP_PCMU), 603);
    world_issue(w, 40, other); /* by another conference's URI, and by the factory's */
    snprintf(extra, sizeof extra, "Replaces: c%u@192.0.2.9;to-tag=%s;from-tag=f%u\r\n", b.number, b.to_tag, b.number);
    struct phone wrong = phone_of(w, 41, other);
    wrong.extra = extra;
    assert_int_equal(phone_invite(&wrong, SDP_PCMU), 481);
    wrong = phone_of(w, 42, "conferences");
    wrong.extra = extra;
    assert_int_equal(phone_invite(&wrong, SDP_PCMU), 481);

    assert_int_equal(refer_to(&b, "sip:bob@192.0.2.50?Replaces=abc%40h%3Bto-tag%3Dt1%3Bfrom-tag%3Df1&Subject=x"), 202);
    const char *invite = invite_of(w);
    is_header(invite, "Replaces", "abc@h;to-tag=t1;from-tag=f1");
    is_header(invite, "Require", "replaces");
    assert_false(header(invite, "Subject", value, sizeof value)); /* no other header of a stranger's making */
    assert_int_equal(refer_to(&b, "sip:bob@192.0.2.50?Replaces=a%0d%0aX%3Ay%3Bto-tag%3Dt1%3Bfrom-tag%3Df1"),
                     400); /* A19 */
    world_close(w);
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
    assert_int_equal(count_get(&w->focus->stats.refused[FOCUS_LOOP]), 1);
    world_close(w);
}

/* The roster tells of those who are called, and a watcher whose own call ends is forgotten though its last word waits.
 */
static void test_roster(void **state)
{
    char user[URI_TOKEN_CHARS + 1];
    struct phone a;
    struct world *w = world_with(cfg_of("192.0.2.0/24"), user, &a);
    a.extra = "Event: conference\r\n";
    assert_int_equal(phone_send(&a, "SUBSCRIBE", 0, NULL), 200);
    a.extra = NULL;
    world_reply(w, world_request(w, "NOTIFY "), 200, "", "", NULL);
    assert_int_equal(refer(&a, "Refer-To: \"Bob B\" <sip:bob@192.0.2.50>\r\nRefer-Sub: false\r\n"), 202);
    world_run(w, 5100);
    const char *doc = world_request(w, "NOTIFY ");
    assert_non_null(strstr(doc, "entity=\"sip:bob@192.0.2.50\""));
    assert_non_null(strstr(doc, "<display-text>Bob B</display-text>"));
    assert_non_null(strstr(doc, "<status>dialing-out</status>"));
    assert_non_null(strstr(doc, "<joining-method>dialed-out</joining-method>"));
    world_reply(w, doc, 200, "", "", NULL);
    world_reply(w, invite_of(w), 180, "b", BOB_CONTACT, NULL);
    world_run(w, 5100);
    doc = world_request(w, "NOTIFY ");
    assert_non_null(strstr(doc, "<status>alerting</status>"));
    world_reply(w, doc, 200, "", "", NULL);
    world_reply(w, invite_of(w), 200, "b", BOB_CONTACT, SDP_PCMU);
    world_run(w, 5100);
    doc = world_request(w, "NOTIFY ");
    assert_non_null(strstr(doc, "<status>connected</status>"));
    assert_non_null(strstr(doc, "<status>sendrecv</status>"));

    room_end(w->focus->rooms, FOCUS_END_CONFERENCE); /* that NOTIFY is not answered yet: the last word waits */
    assert_int_equal(count_get(&w->focus->stats.subs), 1);
    world_reply(w, world_request(w, "BYE sip:p2@"), 200, "", "", NULL);
    assert_int_equal(count_get(&w->focus->stats.subs), 0);
    world_reply(w, doc, 200, "", "", NULL);
    world_close(w);
}

/* RFC 4240: the name is the application's; whoever comes first makes it, and it may be made again. */
static void test_netann(void **state)
{
    struct world *w = world_open((struct focus_cfg){.netann = true}, 0, NULL);
    struct phone a = phone_of(w, 1, "conf=abc-1"), b = phone_of(w, 2, "CONF=abc-1"), c = phone_of(w, 3, "conf=abc-2");
    assert_int_equal(phone_send(&c, "OPTIONS", 0, NULL), 200);
    assert_int_equal(phone_send(&c, "SUBSCRIBE", 0, NULL), 405); /* nobody has made it */
    assert_int_equal(phone_invite(&a, SDP_SAVP), 488);
    assert_int_equal(count_get(&w->focus->stats.confs), 0);
    assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
    phone_ack(&a, NULL);
    assert_int_equal(phone_invite(&b, SDP_PCMU), 200);
    phone_ack(&b, NULL);
    assert_int_equal(count_get(&w->focus->stats.confs), 1);
    assert_int_equal(w->focus->rooms->n_roster, 2);
    assert_int_equal(phone_invite(&c, SDP_PCMU), 200);
    phone_ack(&c, NULL);
    assert_int_equal(count_get(&w->focus->stats.confs), 2);
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200);
    assert_int_equal(phone_send(&b, "BYE", 0, NULL), 200);
    world_run(w, 6000);
    world_work(w);
    world_give(w);
    assert_int_equal(count_get(&w->focus->stats.confs), 1);
    b = phone_of(w, 9, "conf=abc-1");
    assert_int_equal(phone_invite(&b, SDP_PCMU), 200);
    phone_ack(&b, NULL);
    static const char *const bad[] = {"conf=", "conf=a%20b", "conf=%00", "conf=a;b", "conf"};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct phone p = phone_of(w, 20 + i, bad[i]);
        assert_int_equal(phone_invite(&p, SDP_PCMU), 404);
    }
    world_close(w);
    w = world_open((struct focus_cfg){.netann = false}, 0, NULL);
    a = phone_of(w, 1, "conf=abc");
    assert_int_equal(phone_invite(&a, SDP_PCMU), 404);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dial_out),      cmocka_unit_test(test_failures), cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_redirect),      cmocka_unit_test(test_forks),    cmocka_unit_test(test_own_network),
        cmocka_unit_test(test_cancel),        cmocka_unit_test(test_refusals), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_subscriptions), cmocka_unit_test(test_removal),  cmocka_unit_test(test_replaces),
        cmocka_unit_test(test_loop),          cmocka_unit_test(test_roster),   cmocka_unit_test(test_netann),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
