/*
 * The conference event package: who is told what, when, and by which version (RFC 4575, RFC 6665; attack A21).
 * Documents are read by a reader of our own that knows well-formed from not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/base/xml.h"
#include "sig/room/roster.h"
#include "tests/unit/call_world.h"

static const char *body_of(const char *text)
{
    const char *blank = strstr(text, "\r\n\r\n");
    return blank ? blank + 4 : "";
}

/* Tags are opened and closed in order, nothing but markup of our own has angle brackets. */
static void well_formed(const char *text)
{
    char stack[32][64];
    unsigned depth = 0, n = 0;
    const char *p = strstr(text, "?>");
    assert_non_null(p);
    for (p += 2; (p = strchr(p, '<')) != NULL; n++) {
        const char *end = strchr(p, '>');
        assert_non_null(end);
        size_t name = strcspn(p + 1, " />");
        if (p[1] == '/') {
            name = strcspn(p + 2, ">");
            assert_true(depth > 0);
            depth--;
            assert_int_equal(strlen(stack[depth]), name);
            assert_int_equal(strncmp(stack[depth], p + 2, name), 0);
        } else if (end[-1] != '/') {
            assert_true(depth < 32 && name < 64);
            snprintf(stack[depth++], 64, "%.*s", (int)name, p + 1);
        }
        p = end;
    }
    assert_int_equal(depth, 0);
    assert_true(n > 4);
}

/* The SUBSCRIBE of a phone in a dialog of its own; keeps that dialog. @return status */
static int subscribe(struct phone *p, int expires_s)
{
    static char extra[128];
    char value[512];
    unsigned before = p->w->n_sent;
    snprintf(extra, sizeof extra, "Event: conference\r\nExpires: %d\r\n", expires_s);
    p->extra = extra;
    phone_send(p, "SUBSCRIBE", 0, NULL);
    const char *ok = p->w->sent[before % SENT_MAX];
    if (status_of(ok) == 200 && header(ok, "To", value, sizeof value) && strstr(value, ";tag=")) {
        snprintf(p->to_tag, sizeof p->to_tag, "%s", strstr(value, ";tag=") + 5);
    }
    return status_of(ok);
}

/* The NOTIFY that was sent last; answers it. */
static const char *notified(struct world *w, const char *state)
{
    static char text[TEXT_MAX];
    char value[128];
    strcpy(text, last(w));
    assert_int_equal(strncmp(text, "NOTIFY ", 7), 0);
    assert_true(header(text, "Event", value, sizeof value));
    assert_int_equal(strncmp(value, "conference", 10), 0);
    assert_true(header(text, "Subscription-State", value, sizeof value));
    assert_int_equal(strncmp(value, state, strlen(state)), 0);
    world_reply(w, text, 200, "", "", NULL);
    return body_of(text);
}

/* Whole state first, then changes, at most one document in five seconds, versions that rise by one. C47, C61. */
static void test_story(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    struct phone a = world_join(w, 2, user, SDP_PCMU), watch = phone_of(w, 2, user);
    watch.branch = 1000;
    (void)a;
    watch.cseq = 100;
    assert_int_equal(subscribe(&watch, 600), 200);
    const char *doc = notified(w, "active;expires=600");
    well_formed(doc);
    assert_non_null(strstr(doc, "state=\"full\" version=\"1\""));
    assert_non_null(strstr(doc, "<user-count>1</user-count>"));
    assert_non_null(strstr(doc, "entity=\"sip:p2@192.0.2.9\""));
    assert_non_null(strstr(doc, "<display-text>Phone</display-text>"));
    assert_non_null(strstr(doc, "<joining-method>dialed-in</joining-method>"));
    assert_non_null(strstr(doc, "<status>sendrecv</status>"));

    world_run(w, 1000);
    unsigned before;
    struct phone b = world_join(w, 3, user, SDP_PCMU), c = world_join(w, 4, user, SDP_PCMU);
    assert_int_equal(count_sent(w, "NOTIFY "), 1); /* not yet */
    world_run(w, 3000);
    assert_int_equal(count_sent(w, "NOTIFY "), 1);
    world_run(w, 1500);
    assert_int_equal(count_sent(w, "NOTIFY "), 2); /* both at once */
    doc = notified(w, "active");
    well_formed(doc);
    assert_non_null(strstr(doc, "state=\"partial\" version=\"2\""));
    assert_non_null(strstr(doc, "sip:p3@") && strstr(doc, "sip:p4@") ? doc : NULL);
    assert_null(strstr(doc, "sip:p2@")); /* has not changed */
    assert_non_null(strstr(doc, "<user-count>3</user-count>"));

    assert_int_equal(phone_send(&b, "BYE", 0, NULL), 200);
    world_run(w, 6000);
    doc = notified(w, "active");
    assert_non_null(strstr(doc, "version=\"3\""));
    assert_non_null(strstr(doc, "<user entity=\"sip:p3@192.0.2.9\" state=\"deleted\"/>"));

    assert_int_equal(phone_send(&c, "INVITE", 0, SDP_HOLD), 200);
    phone_ack(&c, NULL);
    world_run(w, 6000);
    assert_non_null(strstr(notified(w, "active"), "<status>inactive</status>"));

    struct ctl_ev ev = {.event = EV_SSRC, .id = event_id(EVENT_CALL, w->env->calls), .value = 3000000001u};
    for (unsigned i = 0; i < 2; i++) { /* told twice, it has changed once */
        assert_true(ring_put(&w->ctl.events, &ev));
        world_run(w, 6000);
    }
    assert_non_null(strstr(notified(w, "active"), "<src-id>3000000001</src-id>"));

    before = (unsigned)count_get(&w->env->stats.notifies); /* a refresh gets the whole state again */
    world_run(w, 6000);
    assert_int_equal(count_get(&w->env->stats.notifies), before);
    assert_int_equal(subscribe(&watch, 300), 200);
    doc = notified(w, "active;expires=300");
    assert_non_null(strstr(doc, "state=\"full\" version=\"6\""));
    assert_null(strstr(doc, "p3@"));

    world_run(w, 6000);
    assert_int_equal(subscribe(&watch, 0), 200);
    notified(w, "terminated;reason=timeout");
    assert_int_equal(count_get(&w->env->stats.subs), 0);
    world_close(w);
}

/* C20, C49. */
static void test_ends(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    world_join(w, 2, user, SDP_PCMU);
    struct phone watch = phone_of(w, 2, user);
    watch.branch = 1000;
    watch.cseq = 100;
    assert_int_equal(subscribe(&watch, 60), 200);
    notified(w, "active");
    world_run(w, 61000); /* it runs out */
    assert_int_equal(strncmp(last(w), "NOTIFY", 6), 0);
    notified(w, "terminated;reason=timeout");
    assert_int_equal(count_get(&w->env->stats.subs), 0);

    watch = phone_of(w, 2, user); /* 481: he knows nothing of it */
    watch.branch = 2000;
    watch.cseq = 200;
    assert_int_equal(subscribe(&watch, 600), 200);
    world_reply(w, last(w), 481, "", "", NULL);
    assert_int_equal(count_get(&w->env->stats.subs), 0);

    watch = phone_of(w, 2, user); /* 503 with Retry-After is about this one only */
    watch.branch = 3000;
    watch.cseq = 300;
    assert_int_equal(subscribe(&watch, 600), 200);
    world_reply(w, last(w), 503, "", "Retry-After: 1\r\n", NULL);
    assert_int_equal(count_get(&w->env->stats.subs), 1);

    struct phone dead = phone_of(w, 2, user); /* A21: a dead watcher is forgotten after 64*T1 */
    dead.branch = 4000;
    dead.cseq = 400;
    assert_int_equal(subscribe(&dead, 600), 200);
    world_run(w, 33000);
    assert_int_equal(count_get(&w->env->stats.subs), 1);

    /* The conference ends: one last word, also to who has not answered yet. */
    world_join(w, 5, user, SDP_PCMU);
    world_run(w, 10000);
    assert_int_equal(strncmp(last(w), "NOTIFY", 6), 0);
    char open[TEXT_MAX];
    strcpy(open, last(w));
    struct room *room = w->env->rooms;
    room_end(room, ENDING_CONFERENCE);
    world_reply(w, open, 200, "", "", NULL);
    bool told = false;
    for (unsigned i = 0; i < 8; i++) {
        char value[128] = "";
        header(world_sent(w, i), "Subscription-State", value, sizeof value);
        told |= strcmp(value, "terminated;reason=noresource") == 0;
    }
    assert_true(told);
    assert_int_equal(count_get(&w->env->stats.subs), 0);
    world_close(w);
}

/* C48. */
static void test_who_may(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1], value[128];
    world_issue(w, 1, user);
    struct phone a = world_join(w, 2, user, SDP_PCMU), p = phone_of(w, 3, user);
    assert_int_equal(subscribe(&p, 600), 403); /* not there */
    p = phone_of(w, 2, user);
    p.branch = 1000;
    p.cseq = 100;
    assert_int_equal(subscribe(&p, 30), 423);
    assert_true(header(last(w), "Min-Expires", value, sizeof value));
    assert_string_equal(value, "60");
    p.extra = "Event: presence\r\n";
    assert_int_equal(phone_send(&p, "SUBSCRIBE", 0, NULL), 489);
    assert_true(header(last(w), "Allow-Events", value, sizeof value));
    p.extra = NULL;
    assert_int_equal(phone_send(&p, "SUBSCRIBE", 0, NULL), 489);
    p.extra = "Event: conference\r\nAccept: text/plain\r\n";
    assert_int_equal(phone_send(&p, "SUBSCRIBE", 0, NULL), 406);
    p = phone_of(w, 9, "conferences");
    p.extra = "Event: conference\r\n";
    assert_int_equal(phone_send(&p, "SUBSCRIBE", 0, NULL), 405);

    /* In the call's own dialog, and it ends with the call. */
    a.extra = "Event: conference;id=7\r\nExpires: 600\r\n";
    phone_send(&a, "SUBSCRIBE", 0, NULL);
    assert_true(header(last(w), "Event", value, sizeof value));
    assert_string_equal(value, "conference;id=7");
    notified(w, "active");
    assert_int_equal(count_get(&w->env->stats.subs), 1);
    a.extra = NULL;
    phone_send(&a, "BYE", 0, NULL);
    assert_int_equal(count_get(&w->env->stats.subs), 0);
    world_close(w);
}

/* Privacy, and names that would be markup. A19. */
static void test_names(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    struct phone hidden = phone_of(w, 3, user);
    hidden.extra = "Privacy: id\r\n";
    assert_int_equal(phone_invite(&hidden, SDP_PCMU), 200);
    world_join(w, 2, user, SDP_PCMU);
    w->env->calls->member.display =
        (free(w->env->calls->member.display), strdup("<b>&\"'\x01\xff\xc3\xa9\xed\xa0\x80"));
    struct phone watch = phone_of(w, 2, user);
    watch.branch = 1000;
    watch.cseq = 100;
    assert_int_equal(subscribe(&watch, 600), 200);
    const char *doc = notified(w, "active");
    well_formed(doc);
    assert_null(strstr(doc, "p3@"));
    assert_non_null(strstr(doc, "@anonymous.invalid"));
    assert_non_null(strstr(doc, "<display-text>&lt;b&gt;&amp;&quot;&apos;?"
                                "?\xc3\xa9?"
                                "?"
                                "?</display-text>"));
    world_close(w);
}

/* A21: two hundred come and go a second, a watcher hears of it every five seconds, and memory does not grow. */
static void test_flap(void **state)
{
    struct world *w = world_open((struct env_cfg){.legs_max = 100}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    world_join(w, 2, user, SDP_PCMU);
    struct phone watch = phone_of(w, 2, user);
    watch.branch = 1000;
    watch.cseq = 100;
    assert_int_equal(subscribe(&watch, 6000), 200);
    notified(w, "active");
    uint64_t before = count_get(&w->env->stats.notifies);
    for (unsigned i = 0; i < 2000; i++) {
        struct phone p = world_join(w, 1000 + i, user, SDP_PCMU);
        phone_send(&p, "BYE", 0, NULL);
        world_work(w);
        world_give(w);
        if (i % 10 == 9) {
            world_run(w, 50);
            if (strncmp(last(w), "NOTIFY", 6) == 0) {
                well_formed(notified(w, "active"));
            }
        }
    }
    uint64_t n = count_get(&w->env->stats.notifies) - before;
    assert_true(n >= 1 && n <= 3); /* ten seconds */
    world_close(w);
}

/* A21: a thousand watch; a change is told to all within the rule, and never to many at one time. */
static void test_thousand(void **state)
{
    enum { WATCHERS = 1000 };
    struct env_cfg cfg = {.legs_max = 100};
    assert_int_equal(trust_add(&cfg.trusted, "192.0.2.9/32"), 0); /* a proxy, for many */
    struct world *w = world_open(cfg, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    world_join(w, 2, user, SDP_PCMU);
    for (unsigned i = 0; i < WATCHERS; i++) {
        struct phone watch = phone_of(w, 2, user);
        watch.branch = 1000 + i;
        watch.cseq = 100 + i;
        assert_int_equal(subscribe(&watch, 6000), 200);
        notified(w, "active");
    }
    assert_int_equal(count_get(&w->env->stats.subs), WATCHERS);
    world_run(w, 6000);
    uint64_t before = count_get(&w->env->stats.notifies), most = 0;
    world_join(w, 3, user, SDP_PCMU);
    for (unsigned turn = 0; turn < 24; turn++) { /* 1.2 s, 50 ms a turn */
        uint64_t n = count_get(&w->env->stats.notifies);
        unsigned sent = w->n_sent;
        world_run(w, 50);
        for (; sent < w->n_sent && w->n_sent - sent < SENT_MAX; sent++) {
            if (strncmp(w->sent[sent % SENT_MAX], "NOTIFY", 6) == 0) {
                world_reply(w, w->sent[sent % SENT_MAX], 200, "", "", NULL);
            }
        }
        most = MAX(most, count_get(&w->env->stats.notifies) - n);
    }
    assert_int_equal(count_get(&w->env->stats.notifies) - before, WATCHERS);
    assert_true(most <= 100); /* a twentieth of a second's share, twice */
    world_close(w);
}

/* A21: whoever writes a participant's From somewhere else is nobody; a participant has a few subscriptions, and no
 * more.
 */
static void test_few_each(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    struct phone call = world_join(w, 2, user, SDP_PCMU), mine = phone_of(w, 2, user);
    for (unsigned i = 0; i < 20; i++) {
        struct phone forged = phone_of(w, 2, user);
        forged.host = "192.0.2.77";
        forged.branch = forged.cseq = 1000 + i;
        assert_int_equal(subscribe(&forged, 600), 403);
    }
    assert_int_equal(count_sent(w, "NOTIFY "), 0);
    for (unsigned i = 0; i < 20; i++) {
        mine = phone_of(w, 2, user);
        mine.branch = mine.cseq = 2000 + i;
        assert_int_equal(subscribe(&mine, 600), i < ROSTER_SUBS_MAX ? 200 : 480);
    }
    for (unsigned i = 0; i < 20; i++) { /* in the call's own dialog they are told apart by id */
        char extra[64];
        snprintf(extra, sizeof extra, "Event: conference;id=%u\r\n", i);
        call.extra = extra;
        assert_int_equal(phone_send(&call, "SUBSCRIBE", 0, NULL), i < ROSTER_SUBS_MAX ? 200 : 480);
    }
    assert_int_equal(count_get(&w->env->stats.subs), 2 * ROSTER_SUBS_MAX);
    call.extra = "Event: conference;id=1\r\nExpires: 0\r\n";
    assert_int_equal(phone_send(&call, "SUBSCRIBE", 0, NULL), 200);
    world_close(w);
}

/* RFC 6665 4.2.1.2: a refresh is followed by a NOTIFY at once; 8.2.1: a subscription is found by its id, too. C50. */
static void test_refresh(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    world_join(w, 2, user, SDP_PCMU);
    struct phone p = phone_of(w, 2, user);
    p.branch = p.cseq = 100;
    assert_int_equal(subscribe(&p, 600), 200);
    notified(w, "active");
    for (unsigned i = 0; i < 3; i++) {
        uint64_t before = count_get(&w->env->stats.notifies);
        assert_int_equal(subscribe(&p, 600), 200);
        assert_int_equal(count_get(&w->env->stats.notifies), before + 1);
        assert_non_null(strstr(notified(w, "active"), "state=\"full\""));
    }
    p.extra = "Event: conference;id=7\r\n";
    assert_int_equal(phone_send(&p, "SUBSCRIBE", 0, NULL), 481);
    p.extra = "Event: presence\r\n";
    assert_int_equal(phone_send(&p, "SUBSCRIBE", 0, NULL), 481);
    world_close(w);
}

/* A21: where nobody has ever answered one NOTIFY is under way, whatever was subscribed from there. */
static void test_unread(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    for (unsigned i = 0; i < 3; i++) { /* three who are called by name from an address that is yet to answer */
        struct phone p = phone_of(w, 2 + i, user);
        p.host = "192.0.2.66";
        assert_int_equal(phone_invite(&p, SDP_PCMU), 200);
        p = phone_of(w, 2 + i, user);
        p.host = "192.0.2.66";
        p.branch = p.cseq = 100;
        assert_int_equal(subscribe(&p, 600), 200);
    }
    assert_int_equal(count_sent(w, "NOTIFY "), 1);
    char *sent = strdup(world_request(w, "NOTIFY "));
    world_reply(w, sent, 200, "", "", NULL);
    world_run(w, 1000); /* somebody is there: the others follow */
    assert_int_equal(count_get(&w->env->stats.notifies), 3);
    free(sent);
    world_close(w);
}

/* A5: the 200 to a SUBSCRIBE whose source may be forged is at most 1.2 times as long, however short that is. */
static void test_short_subscribe(void **state)
{
    enum { TRIES = 6 };
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    char user[URI_TOKEN_CHARS + 1], text[1024];
    world_issue(w, 1, user);
    struct phone p = phone_of(w, 2, user);
    p.host = "192.0.2.66";
    assert_int_equal(phone_invite(&p, SDP_PCMU), 200); /* without its ACK */
    must(addr_parse(&flow.remote, p.host, 5060) == 0);
    for (unsigned i = 0; i < TRIES; i++) {
        unsigned before = w->n_sent;
        int n = snprintf(text, sizeof text,
                         "SUBSCRIBE sip:%s@" DOMAIN " SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bKs%u\r\n"
                         "f:<sip:p2@192.0.2.9>;tag=s\r\nt:<sip:c@h>\r\ni:s%u\r\nCSeq:1 SUBSCRIBE\r\nm:<sip:p@h>\r\n"
                         "o:conference\r\nExpires:0\r\n%s\r\n",
                         user, i, i, i % 2 ? "User-Agent: one who says a little more\r\n" : "");
        txns_rx(w->txns, &flow, text, (size_t)n, w->now_ns);
        const char *answer = w->sent[before % SENT_MAX];
        assert_int_equal(status_of(answer), 200);
        assert_in_range(strlen(answer), 0, (size_t)n * 12 / 10);
    }
    world_close(w);
}

static void test_xml(void **state)
{
    char text[16];
    struct xml x = {.text = text, .size = sizeof text};
    xml_put(&x, "<a>");
    size_t mark = xml_mark(&x);
    xml_text(&x, "0123456789");
    assert_false(x.full);
    xml_put(&x, "</a>");
    assert_true(x.full);
    xml_back(&x, mark);
    xml_put(&x, "</a>");
    assert_string_equal(text, "<a></a>");
    assert_false(x.full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),           cmocka_unit_test(test_ends),    cmocka_unit_test(test_who_may),
        cmocka_unit_test(test_names),           cmocka_unit_test(test_flap),    cmocka_unit_test(test_thousand),
        cmocka_unit_test(test_few_each),        cmocka_unit_test(test_refresh), cmocka_unit_test(test_unread),
        cmocka_unit_test(test_short_subscribe), cmocka_unit_test(test_xml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
