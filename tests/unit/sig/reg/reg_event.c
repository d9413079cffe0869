/*
 * The registration event package (RFC 3680): the owner sees its phones come, stay and go; nobody else does. Method: the
 * world of call_world.h with a registrar beside the focus.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/reg/registrar.h"
#include "tests/unit/call_world.h"

static struct registrar *registrar;

static bool wants(void *ctx, const struct sip_msg *msg)
{
    return registrar_wants(msg);
}

static void take(void *ctx, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    registrar_take(ctx, txn, msg, who);
}

static struct world *open_it(void)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    assert_int_equal(registrar_build(&registrar, w->env, ""), 0);
    assert_int_equal(focus_beside_add(w->focus, &(struct focus_beside){registrar, wants, take, NULL}), 0);
    return w;
}

static unsigned n_sent;

/* A request of bob, or of whom. @return status */
static int ask(struct world *w, const char *method, const char *whom, const char *uri, const char *lines)
{
    char text[2048];
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    unsigned before = w->n_sent;
    assert_int_equal(addr_parse(&flow.remote, "192.0.2.50", 5062), 0);
    n_sent++;
    int n = snprintf(text, sizeof text,
                     "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.50:5062;branch=z9hG4bKe%u\r\nMax-Forwards: 70\r\n"
                     "From: <sip:%s@127.0.0.1>;tag=1\r\nTo: <sip:bob@127.0.0.1>\r\nCall-ID: e%s%s\r\nCSeq: %u %s\r\n%s"
                     "Content-Length: 0\r\n\r\n",
                     method, uri, n_sent, whom, method, whom, n_sent, method, lines);
    txns_rx(w->txns, &flow, text, (size_t)n, w->now_ns);
    for (unsigned i = before; i < w->n_sent; i++) {
        if (status_of(w->sent[i % SENT_MAX])) {
            return status_of(w->sent[i % SENT_MAX]);
        }
    }
    return 0;
}

#define WATCH "Event: reg\r\nContact: <sip:bob@192.0.2.50:5062>\r\n"

/* The NOTIFY that was sent last, answered; NULL: none since *seen. */
static const char *notified(struct world *w, unsigned *seen)
{
    static char text[TEXT_MAX];
    const char *found = NULL;
    for (unsigned i = *seen; i < w->n_sent; i++) {
        if (strncmp(w->sent[i % SENT_MAX], "NOTIFY ", 7) == 0) {
            strcpy(text, w->sent[i % SENT_MAX]);
            found = text;
        }
    }
    if (found) {
        char copy[TEXT_MAX];
        strcpy(copy, text);
        world_reply(w, copy, 200, "", "", NULL);
    }
    *seen = w->n_sent;
    return found;
}

/* C66. */
static void test_story(void **state)
{
    struct world *w = open_it();
    unsigned seen = w->n_sent;
    assert_int_equal(ask(w, "SUBSCRIBE", "bob", "sip:bob@127.0.0.1", WATCH "Expires: 6000\r\n"), 200);
    const char *doc = notified(w, &seen);
    assert_non_null(strstr(doc, "\r\nEvent: reg\r\n"));
    assert_non_null(strstr(doc, "version=\"0\" state=\"full\"><registration aor=\"sip:bob@127.0.0.1:5060\" id=\""));
    assert_non_null(strstr(doc, "state=\"init\"></registration></reginfo>"));
    world_run(w, 6000);
    assert_int_equal(
        ask(w, "REGISTER", "bob", "sip:127.0.0.1", "Contact: <sip:bob@192.0.2.50:5062>;q=0.5\r\nExpires: 60\r\n"), 200);
    doc = notified(w, &seen);
    assert_non_null(strstr(doc, "version=\"1\""));
    assert_non_null(strstr(doc, "state=\"active\"><contact id=\"c"));
    assert_non_null(
        strstr(doc, "state=\"active\" event=\"registered\" expires=\"60\" q=\"0.500\" callid=\"eREGISTERbob\""));
    assert_non_null(strstr(doc, "<uri>sip:bob@192.0.2.50:5062</uri>"));
    world_run(w, 30000);
    assert_int_equal(
        ask(w, "REGISTER", "bob", "sip:127.0.0.1", "Contact: <sip:bob@192.0.2.50:5062>\r\nExpires: 60\r\n"), 200);
    assert_non_null(strstr(notified(w, &seen), "event=\"refreshed\""));
    world_run(w, 61000); /* it is not refreshed again */
    doc = notified(w, &seen);
    assert_non_null(strstr(doc, "id=\"r") && strstr(doc, "state=\"terminated\"><contact") ? doc : NULL);
    assert_non_null(strstr(doc, "state=\"terminated\" event=\"expired\""));
    assert_int_equal(ask(w, "REGISTER", "bob", "sip:127.0.0.1", "Contact: <sip:bob@192.0.2.50:5062>\r\n"), 200);
    world_run(w, 6000);
    assert_non_null(notified(w, &seen));
    assert_int_equal(ask(w, "REGISTER", "bob", "sip:127.0.0.1", "Contact: *\r\nExpires: 0\r\n"), 200);
    world_run(w, 6000);
    doc = notified(w, &seen);
    assert_non_null(strstr(doc, "state=\"init\"></registration>"));
    world_run(w, 6010000);
    assert_int_equal(count_get(&w->env->stats.subs), 0);
    focus_beside_drop(w->focus, registrar);
    registrar_free(registrar);
    world_close(w);
}

/* Contacts of quotes alone, each six times as long in XML: the document is whole all the same. */
static void test_longest(void **state)
{
    struct world *w = open_it();
    unsigned seen = w->n_sent;
    char lines[1024], user[480];
    assert_int_equal(ask(w, "SUBSCRIBE", "bob", "sip:bob@127.0.0.1", WATCH "Expires: 600\r\n"), 200);
    notified(w, &seen);
    memset(user, '\'', sizeof user - 1);
    user[sizeof user - 1] = '\0';
    for (unsigned i = 0; i < BINDINGS_OF_USER_MAX; i++) {
        snprintf(lines, sizeof lines, "Contact: <sip:%u%s@192.0.2.50>;expires=60\r\n", i, user);
        assert_int_equal(ask(w, "REGISTER", "bob", "sip:127.0.0.1", lines), 200);
    }
    world_run(w, 6000);
    const char *doc = notified(w, &seen);
    assert_non_null(doc);
    assert_non_null(strstr(doc, "</registration></reginfo>"));
    assert_non_null(strstr(doc, "sip:7&apos;&apos;"));
    focus_beside_drop(w->focus, registrar);
    registrar_free(registrar);
    world_close(w);
}

static void test_refused(void **state)
{
    struct world *w = open_it();
    assert_int_equal(ask(w, "SUBSCRIBE", "alice", "sip:bob@127.0.0.1", WATCH), 403);
    assert_int_equal(ask(w, "SUBSCRIBE", "alice", "sip:nobody@127.0.0.1", WATCH), 403);
    assert_int_equal(ask(w, "SUBSCRIBE", "bob", "sip:bob@127.0.0.1", WATCH "Accept: application/pidf+xml\r\n"), 406);
    assert_int_equal(ask(w, "SUBSCRIBE", "bob", "sip:bob@127.0.0.1", WATCH "Expires: 59\r\n"), 423);
    assert_int_equal(trust_add(&w->env->cfg.trusted, "192.0.2.50"), 0);
    assert_int_equal(ask(w, "SUBSCRIBE", "proxy", "sip:bob@127.0.0.1", WATCH "Expires: 60\r\n"), 200);
    world_run(w, 33000); /* nobody answers its NOTIFY */
    assert_int_equal(count_get(&w->env->stats.subs), 0);
    assert_int_equal(ask(w, "SUBSCRIBE", "bob", "sip:bob@127.0.0.1", WATCH), 200);
    focus_beside_drop(w->focus, registrar);
    registrar_free(registrar); /* with one that is there */
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
