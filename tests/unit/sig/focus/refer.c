/*
 * REFER to the focus and what it makes: a call to another; removal; Replaces both ways; limits (rows 54 and 55; attacks
 * A15 to A17). What calls of ours go through is in dial.c. The world plays both the phones that ask and
 * those that are called.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/room/room.h"
#include "tests/unit/sig/focus/refer_help.h"

/* The whole ladder of row 54: 202, NOTIFY 100, INVITE, 180, 200, ACK, NOTIFY 200. C42. */
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
    assert_int_equal(count_get(&w->env->stats.legs), 1); /* a's: nothing runs before the answer */
    world_reply(w, invite, 200, "b1", BOB_CONTACT "Session-Expires: 600;refresher=uac\r\n", SDP_PCMU);
    assert_int_equal(strncmp(world_request(w, "ACK "), "ACK sip:bob@192.0.2.50:5060 SIP/2.0\r\n", 37), 0);
    notified(w, "SIP/2.0 200 OK\r\n", "terminated;reason=noresource");
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_ADD);
    assert_int_equal(count_get(&w->env->stats.legs), 2);
    assert_int_equal(count_get(&w->env->stats.subs), 0);
    assert_int_equal(count_get(&w->env->stats.dials_answered), 1);

    unsigned acks = count_sent(w, "ACK ");
    world_reply(w, invite, 200, "b1", BOB_CONTACT, SDP_PCMU); /* our ACK was lost */
    assert_int_equal(count_sent(w, "ACK "), acks + 1);
    assert_int_equal(count_get(&w->env->stats.legs), 2);

    world_run(w, 301000); /* he refreshes nothing: it is for us to do */
    assert_true(*world_request(w, "INVITE sip:bob@192.0.2.50:5060"));
    world_close(w);
}

/* C4, C44. */
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

    static const enum refer_policy policies[] = {REFER_OFF, REFER_CREATOR};
    for (unsigned i = 0; i < 2; i++) {
        struct env_cfg cfg = cfg_of("192.0.2.0/24");
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

/* RFC 4488, and outside of a dialog; the second of one dialog has an id of its own. C45, C50. */
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
    assert_int_equal(count_get(&w->env->stats.subs), 1);
    world_close(w);
}

/* C46. */
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
    snprintf(uri, sizeof uri, "sip:call-%llu@127.0.0.1;method=BYE", (unsigned long long)w->env->calls->member.id);
    assert_int_equal(refer_to(&a, uri), 202);
    assert_int_equal(count_sent(w, "BYE sip:p5@"), 1);
    assert_int_equal(count_get(&w->env->stats.ended[ENDING_REMOVED]), 2);
    world_close(w);
}

/* A17: as many at once, and a minute, as one may; as many unanswered as a conference may have. */
static void test_limits(void **state)
{
    char user[URI_TOKEN_CHARS + 1], uri[64];
    struct phone a;
    struct env_cfg cfg = cfg_of("192.0.2.0/24");
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
        struct call *call = w->env->calls;
        while (call && call->state != CALL_DIALLING) {
            call = call->next;
        }
        call_end(call, ENDING_REMOVED);
    }
    for (unsigned i = 0; i < 40; i++) {
        n += refer_to(&a, "sip:b@192.0.2.50") == 202;
        world_reply(w, world_request(w, "NOTIFY "), 200, "", "", NULL);
    }
    assert_int_equal(n, 20);
    assert_true(count_get(&w->env->stats.refused[REFUSAL_DIAL_RATE]) == 24 + 36);
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
        n += dial_admit(w->env, w->env->rooms, &who, NULL, 1) == 0;
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

/* RFC 3891 3, and the pull-in of IR.92: Refer-To with Replaces. C62. */
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
    assert_int_equal(w->env->rooms->n_roster, 1);
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

    room_end(w->env->rooms, ENDING_CONFERENCE); /* that NOTIFY is not answered yet: the last word waits */
    assert_int_equal(count_get(&w->env->stats.subs), 1);
    world_reply(w, world_request(w, "BYE sip:p2@"), 200, "", "", NULL);
    assert_int_equal(count_get(&w->env->stats.subs), 0);
    world_reply(w, doc, 200, "", "", NULL);
    world_close(w);
}

/* RFC 4240: the name is the application's; whoever comes first makes it, and it may be made again. */
static void test_netann(void **state)
{
    struct world *w = world_open((struct env_cfg){.netann = true}, 0, NULL);
    struct phone a = phone_of(w, 1, "conf=abc-1"), b = phone_of(w, 2, "CONF=abc-1"), c = phone_of(w, 3, "conf=abc-2");
    assert_int_equal(phone_send(&c, "OPTIONS", 0, NULL), 200);
    assert_int_equal(phone_send(&c, "SUBSCRIBE", 0, NULL), 405); /* nobody has made it */
    assert_int_equal(phone_invite(&a, SDP_SAVP), 488);
    assert_int_equal(count_get(&w->env->stats.confs), 0);
    assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
    phone_ack(&a, NULL);
    assert_int_equal(phone_invite(&b, SDP_PCMU), 200);
    phone_ack(&b, NULL);
    assert_int_equal(count_get(&w->env->stats.confs), 1);
    assert_int_equal(w->env->rooms->n_roster, 2);
    assert_int_equal(phone_invite(&c, SDP_PCMU), 200);
    phone_ack(&c, NULL);
    assert_int_equal(count_get(&w->env->stats.confs), 2);
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200);
    assert_int_equal(phone_send(&b, "BYE", 0, NULL), 200);
    world_run(w, 6000);
    world_work(w);
    world_give(w);
    assert_int_equal(count_get(&w->env->stats.confs), 1);
    b = phone_of(w, 9, "conf=abc-1");
    assert_int_equal(phone_invite(&b, SDP_PCMU), 200);
    phone_ack(&b, NULL);
    static const char *const bad[] = {"conf=", "conf=a%20b", "conf=%00", "conf=a;b", "conf"};
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct phone p = phone_of(w, 20 + i, bad[i]);
        assert_int_equal(phone_invite(&p, SDP_PCMU), 404);
    }
    world_close(w);
    w = world_open((struct env_cfg){.netann = false}, 0, NULL);
    a = phone_of(w, 1, "conf=abc");
    assert_int_equal(phone_invite(&a, SDP_PCMU), 404);
    world_close(w);
}

/* --conference-creator-leaves: the others stay, or it ends for them, too. */
static void test_creator_leaves(void **state)
{
    for (unsigned ends = 0; ends < 2; ends++) {
        struct env_cfg cfg = cfg_of("192.0.2.0/24");
        char user[URI_TOKEN_CHARS + 1];
        struct phone a, b, c;
        cfg.creator_ends = ends;
        struct world *w = world_with(cfg, user, &a);
        b = world_join(w, 3, user, SDP_PCMU);
        c = phone_of(w, 2, user); /* its creator's other phone: the same name in a call of its own */
        c.host = "192.0.2.10";
        c.branch = 500;
        c.cseq = 200;
        c.extra = "i: other\r\n";
        c = world_join(w, 4, user, SDP_PCMU);
        assert_int_equal(phone_send(&c, "BYE", 0, NULL), 200);
        world_run(w, 100);
        assert_int_equal(count_sent(w, "BYE "), 0); /* one of the others has left */
        assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200);
        world_run(w, 100);
        assert_int_equal(count_sent(w, "BYE "), ends);
        if (ends) {
            answer_bye(w, world_request(w, "BYE "), 200);
        } else {
            assert_int_equal(phone_send(&b, "BYE", 0, NULL), 200);
        }
        world_work(w);
        world_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dial_out), cmocka_unit_test(test_refusals), cmocka_unit_test(test_subscriptions),
        cmocka_unit_test(test_removal),  cmocka_unit_test(test_limits),   cmocka_unit_test(test_replaces),
        cmocka_unit_test(test_roster),   cmocka_unit_test(test_netann),   cmocka_unit_test(test_creator_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
