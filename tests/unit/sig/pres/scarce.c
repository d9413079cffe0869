/*
 * No memory, anywhere: one script of all that presence and registrations do is played again and again, each time with
 * the next allocation failing, until a run has none left to fail. Nothing aborts, and when all has expired nothing is
 * left: no subscription, publication, user nor timer, and under AddressSanitizer no leak.
 */
#include "tests/unit/sig/pres/pres_help.h"

#include "sig/reg/registrar.h"

#define SUB "Event: presence\r\nExpires: 600\r\n"
#define LIST SUB "Supported: eventlist\r\n"
#define ALICE "sip:alice@127.0.0.1"

static bool is_armed;
static uint64_t n_asked, fails_at, span = 1; /* which fail: so many from that on */
static unsigned n_failed;

static bool fails(void)
{
    bool fails = is_armed && n_asked >= fails_at && n_asked - fails_at < span;
    n_asked += is_armed;
    n_failed += fails;
    return fails;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *text);

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

static struct registrar *registrar;

static bool reg_wants(void *ctx, const struct sip_msg *msg)
{
    return registrar_wants(msg);
}

static void reg_take(void *ctx, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    registrar_take(ctx, txn, msg, who);
}

static void on_phones(void *ctx, const char *user, unsigned n)
{
    presence_phones(presence, user, n);
}

static void put(enum store_doc_kind kind, const char *name, const char *text)
{
    const char *why;
    presence_document_put(presence, kind, name, text, strlen(text), &why);
}

static void breathe(struct world *w, unsigned *seen)
{
    pres_notified(w, seen);
    world_run(w, 6000);
    pres_notified(w, seen);
}

/* Answers may be anything, or none. */
static void play(struct world *w)
{
    unsigned seen = w->n_sent;
    char etag[64];
    put(STORE_DOC_BUDDIES, "alice", "{\"members\":[\"sip:bob@127.0.0.1\",\"sip:carol@127.0.0.1\",\"sip:d@x.org\"]}");
    put(STORE_DOC_RULES, "bob", "{\"rules\":[{\"who\":\"sip:alice@127.0.0.1\",\"action\":\"allow\"}]}");
    put(STORE_DOC_GROUP, "crew", "{\"members\":[\"sip:alice@127.0.0.1\",\"sip:bob@127.0.0.1\"]}");
    pres_send(w, "REGISTER", "sip:bob@127.0.0.1", "<sip:127.0.0.1>", "r", 1, "Expires: 600\r\n", NULL, NULL);
    pres_send(w, "SUBSCRIBE", "sip:bob@127.0.0.1", "<sip:bob@127.0.0.1>", "e", 1, "Event: reg\r\nExpires: 600\r\n",
              NULL, NULL);
    pres_publish(w, NULL, 600, PIDF(OPEN_TUPLE));
    snprintf(etag, sizeof etag, "%.60s", pres_value(w, "SIP-ETag"));
    pres_subscribe(w, ALICE, "<sip:bob@127.0.0.1>", "s1", SUB);
    pres_subscribe(w, "sip:bob@127.0.0.1", "<sip:bob@127.0.0.1>", "s2", "Event: presence.winfo\r\nExpires: 600\r\n");
    pres_subscribe(w, ALICE, "<sip:buddies@127.0.0.1>", "s3", LIST);
    pres_subscribe(w, ALICE, "<sip:crew@127.0.0.1>", "s4", LIST);
    pres_send(w, "SUBSCRIBE", ALICE, "<sip:buddies@127.0.0.1>", "s7", 1, LIST, "application/resource-lists+xml",
              "<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\"><list><entry "
              "uri=\"sip:bob@127.0.0.1\"/></list></resource-lists>");
    pres_subscribe(w, ALICE, "<sip:ptt@127.0.0.1>", "s5", LIST);
    pres_subscribe(w, ALICE, "<sip:ptt@127.0.0.1>", "s6", SUB);
    breathe(w, &seen);
    presence_session(presence, "bob", "ptt", "sip:bob@127.0.0.1", PRESENCE_SESSION_IDLE);
    presence_session(presence, "alice", "ptt", ALICE, PRESENCE_SESSION_IDLE);
    pres_publish(w, *etag ? etag : NULL, 600, PIDF(OPEN_TUPLE BUSY));
    breathe(w, &seen);
    put(STORE_DOC_RULES, "carol", "{\"rules\":[{\"who\":\"127.0.0.1\",\"action\":\"allow\"}]}");
    put(STORE_DOC_GROUP, "crew", "{\"members\":[\"sip:alice@127.0.0.1\",\"sip:carol@127.0.0.1\"]}");
    put(STORE_DOC_BUDDIES, "alice", "{\"members\":[\"sip:carol@127.0.0.1\"]}");
    pres_send(w, "REGISTER", "sip:bob@127.0.0.1", "<sip:127.0.0.1>", "r", 2, "Expires: 0\r\n", NULL, NULL);
    breathe(w, &seen);
}

static void forget(void)
{
    static const char *const users[] = {"alice", "bob", "carol"};
    for (unsigned i = 0; i < ARRAY_LEN(users); i++) {
        char id[64];
        snprintf(id, sizeof id, "sip:%s@127.0.0.1", users[i]);
        presence_session(presence, users[i], "ptt", id, PRESENCE_SESSION_NONE);
        presence_document_drop(presence, STORE_DOC_RULES, users[i]);
        presence_document_drop(presence, STORE_DOC_BUDDIES, users[i]);
    }
    presence_document_drop(presence, STORE_DOC_GROUP, "crew");
}

static void must_be_bare(void *ctx, const struct presentity *p)
{
    fail_msg("%s is left", p->user);
}

/* @return false: none was left to fail */
static bool run(uint64_t at)
{
    uint32_t bucket = 0;
    fails_at = at;
    n_asked = n_failed = 0;
    struct world *w = pres_open(RULE_CONFIRM, NULL);
    assert_int_equal(registrar_build(&registrar, w->env, ""), 0);
    registrar_on_change(registrar, NULL, on_phones);
    assert_int_equal(focus_beside_add(w->focus, &(struct focus_beside){registrar, reg_wants, reg_take, NULL}), 0);
    is_armed = true;
    play(w);
    is_armed = false;
    forget();
    world_run(w, 1400 * 1000);
    while (presence_users(presence, &bucket, 4096, must_be_bare, NULL)) {
    }
    assert_int_equal(count_get(&w->env->stats.subs), 0);
    assert_int_equal(bindings_count(registrar_bindings(registrar)), 0);
    focus_beside_drop(w->focus, registrar);
    registrar_free(registrar);
    pres_leave(w);
    world_close(w);
    return n_failed > 0;
}

static void test_each(void **state)
{
    uint64_t at = 0;
    span = 1;
    while (run(at)) {
        at++;
    }
    assert_in_range(at, 200, 100000); /* so many there are */
}

/* A while without any. */
static void test_spans(void **state)
{
    span = 40;
    for (uint64_t at = 0; run(at); at += 37) {
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
