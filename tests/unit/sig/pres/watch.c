/*
 * Watchers (RFC 3856, 3857, 3858): what each gets by the rules, that a refused one cannot tell from what it gets
 * whether anybody is there (row 78), when NOTIFYs go, the limits, and who sees the watchers.
 */
#include "tests/unit/sig/pres/pres_help.h"

#define SUB "Event: presence\r\nAccept: application/pidf+xml\r\nExpires: 600\r\n"
#define ALICE "sip:alice@127.0.0.1"
#define BOB "<sip:bob@127.0.0.1>"

static void rules(const char *text)
{
    const char *why = "";
    int err = presence_document_put(presence, STORE_DOC_RULES, "bob", text, strlen(text), &why);
    if (err) {
        fail_msg("%s: %s", text, why);
    }
}

static bool shows(const char *notify, const char *basic)
{
    char text[64];
    snprintf(text, sizeof text, "<basic>%s</basic>", basic);
    return strstr(pres_body(notify), text) != NULL;
}

static const char *state_of(const char *notify)
{
    static char value[128];
    return header(notify, "Subscription-State", value, sizeof value) ? value : "";
}

/* C64. At once; then one in five seconds, but the first change after a quiet interval at once, too. Row 111. */
static void test_story(void **state)
{
    struct world *w = pres_open(RULE_ALLOW, NULL);
    unsigned seen = w->n_sent;
    char etag[64], value[256];
    assert_int_equal(pres_subscribe(w, ALICE, BOB, "s1", SUB), 200);
    assert_string_equal(pres_value(w, "Expires"), "600");
    const char *notify = pres_notified(w, &seen);
    assert_true(shows(notify, "closed"));
    assert_string_equal(state_of(notify), "active;expires=600");
    assert_true(header(notify, "Event", value, sizeof value));
    assert_string_equal(value, "presence");
    assert_true(header(notify, "Content-Type", value, sizeof value));
    assert_string_equal(value, "application/pidf+xml");
    world_run(w, 6000);
    assert_int_equal(pres_publish(w, NULL, 600, PIDF(OPEN_TUPLE)), 200);
    strcpy(etag, pres_value(w, "SIP-ETag"));
    assert_true(shows(pres_notified(w, &seen), "open")); /* at once */
    assert_int_equal(pres_publish(w, etag, 600, NULL), 200);
    strcpy(etag, pres_value(w, "SIP-ETag"));
    world_run(w, 10000);
    assert_string_equal(pres_notified(w, &seen), ""); /* a refresh is no news */
    assert_int_equal(pres_publish(w, etag, 600, PIDF(OPEN_TUPLE BUSY)), 200);
    strcpy(etag, pres_value(w, "SIP-ETag"));
    notify = pres_notified(w, &seen);
    assert_true(shows(notify, "open") && strstr(notify, "<rpid:busy/>"));
    assert_int_equal(pres_publish(w, etag, 600, PIDF(OPEN_TUPLE)), 200);
    strcpy(etag, pres_value(w, "SIP-ETag"));
    assert_int_equal(pres_publish(w, etag, 600, PIDF(CLOSED_TUPLE)), 200);
    assert_string_equal(pres_notified(w, &seen), "");
    world_run(w, 4000);
    assert_string_equal(pres_notified(w, &seen), "");
    world_run(w, 1500);
    assert_true(shows(pres_notified(w, &seen), "closed")); /* both in one */
    presence_session(presence, "bob", "ptt", "sip:bob@127.0.0.1", PRESENCE_SESSION_IDLE);
    world_run(w, 6000);
    assert_true(strstr(pres_notified(w, &seen), "<tuple id=\"ptt\"><status><basic>open</basic>") != NULL);
    presence_session(presence, "bob", "ptt", "sip:bob@127.0.0.1", PRESENCE_SESSION_TALKING);
    presence_session(presence, "bob", "ptt", "sip:bob@127.0.0.1", PRESENCE_SESSION_LISTENING);
    world_run(w, 6000);
    assert_string_equal(pres_notified(w, &seen), ""); /* a push costs no SIP message (9.9) */
    presence_session(presence, "bob", "ptt", "sip:bob@127.0.0.1", PRESENCE_SESSION_NONE);
    pres_notified(w, &seen);
    world_run(w, 700000);
    assert_string_equal(state_of(pres_notified(w, &seen)), "terminated;reason=timeout");
    pres_close(w);
}

/* The whole of what a stranger is sent about somebody: status and NOTIFY, without what differs by chance. */
static void stranger_sees(struct world *w, const char *to, const char *call, char *out)
{
    unsigned seen = w->n_sent;
    int status = pres_subscribe(w, "sip:eve@127.0.0.1", to, call, SUB);
    int n = sprintf(out, "%d ", status);
    const char *notify = pres_notified(w, &seen);
    sprintf(out + n, "%s\n%s", state_of(notify), pres_body(notify));
    char *name = strstr(out, "sip:"), *at = name ? strchr(name, '@') : NULL; /* of the presentity itself */
    if (at) {
        memmove(name, at, strlen(at) + 1);
    }
}

/* Unknown, away, and there but not for her: the same. Row 78. A45. */
static void test_spy(void **state)
{
    static const struct {
        enum rule_action fallback;
        const char *rules;
        const char *expected;
    } cases[] = {
        {RULE_POLITE, "{\"rules\":[]}", "200 active"},
        {RULE_POLITE, "{\"rules\":[{\"who\":\"sip:eve@127.0.0.1\",\"action\":\"block\"}]}", "200 active"},
        {RULE_ALLOW, "{\"rules\":[{\"who\":\"sip:eve@127.0.0.1\",\"action\":\"block\"}]}", "200 active"},
        {RULE_ALLOW, "{\"rules\":[{\"who\":\"127.0.0.1\",\"action\":\"polite\"}]}", "200 active"},
        {RULE_BLOCK, "{\"rules\":[]}", "403"},
        {RULE_BLOCK, "{\"rules\":[{\"who\":\"sip:eve@127.0.0.1\",\"action\":\"block\"}]}", "403"},
        {RULE_CONFIRM, "{\"rules\":[]}", "200 pending"},
    };
    char there[2048], away[2048], unknown[2048];
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct world *w = pres_open(cases[i].fallback, NULL);
        stranger_sees(w, BOB, "s1", away);
        rules(cases[i].rules);
        assert_int_equal(pres_publish(w, NULL, 600, PIDF(OPEN_TUPLE "<note>here</note>")), 200);
        presence_session(presence, "bob", "ptt", "sip:bob@127.0.0.1", PRESENCE_SESSION_IDLE);
        unsigned seen = w->n_sent;
        world_run(w, 10000);
        const char *late = pres_notified(w, &seen); /* the rule may close what was open by default, but shows nothing */
        assert_true(!shows(late, "open") && !strstr(late, "here"));
        stranger_sees(w, BOB, "s2", there);
        stranger_sees(w, "<sip:nobody@127.0.0.1>", "s3", unknown);
        assert_string_equal(there, unknown);
        assert_string_equal(there, away);
        assert_int_equal(strncmp(there, cases[i].expected, strlen(cases[i].expected)), 0);
        rules("{\"rules\":[{\"who\":\"sip:alice@127.0.0.1\",\"action\":\"allow\"}]}");
        seen = w->n_sent;
        assert_int_equal(pres_subscribe(w, ALICE, BOB, "s4", SUB), 200);
        assert_true(shows(pres_notified(w, &seen), "open"));
        presence_session(presence, "bob", "ptt", "sip:bob@127.0.0.1", PRESENCE_SESSION_NONE);
        presence_document_drop(presence, STORE_DOC_RULES, "bob");
        pres_close(w);
    }
}

/* A rule that changes is followed: allowed, closed again, and refused where nobody is shown. */
static void test_rules_change(void **state)
{
    struct world *w = pres_open(RULE_CONFIRM, NULL);
    unsigned seen = w->n_sent;
    assert_int_equal(pres_publish(w, NULL, 3600, PIDF(OPEN_TUPLE)), 200);
    assert_int_equal(pres_subscribe(w, ALICE, BOB, "s1", SUB), 200);
    const char *notify = pres_notified(w, &seen);
    assert_string_equal(state_of(notify), "pending;expires=600");
    assert_string_equal(pres_body(notify), "");
    world_run(w, 6000);
    rules("{\"rules\":[{\"who\":\"alice@127.0.0.1\",\"action\":\"allow\"}]}");
    notify = pres_notified(w, &seen);
    assert_int_equal(strncmp(state_of(notify), "active;", 7), 0);
    assert_true(shows(notify, "open"));
    world_run(w, 6000);
    rules("{\"rules\":[{\"who\":\"alice@127.0.0.1\",\"action\":\"block\"}]}");
    notify = pres_notified(w, &seen);
    assert_int_equal(strncmp(state_of(notify), "active;", 7), 0);
    assert_true(shows(notify, "closed"));
    presence_document_drop(presence, STORE_DOC_RULES, "bob");
    pres_close(w);

    w = pres_open(RULE_BLOCK, NULL);
    rules("{\"rules\":[{\"who\":\"alice@127.0.0.1\",\"action\":\"allow\"}]}");
    assert_int_equal(pres_publish(w, NULL, 3600, PIDF(OPEN_TUPLE)), 200);
    seen = w->n_sent;
    assert_int_equal(pres_subscribe(w, ALICE, BOB, "s1", SUB), 200);
    assert_true(shows(pres_notified(w, &seen), "open"));
    rules("{\"rules\":[]}");
    notify = pres_notified(w, &seen);
    assert_string_equal(state_of(notify), "terminated;reason=rejected");
    assert_true(shows(notify, "closed"));
    presence_document_drop(presence, STORE_DOC_RULES, "bob");
    pres_close(w);
}

/* In its dialog: a refresh brings the document again, another event is another subscription's, an end is the last. */
static void test_refresh(void **state)
{
    struct world *w = pres_open(RULE_ALLOW, NULL);
    char to[1024], value[256];
    unsigned seen = w->n_sent;
    assert_int_equal(pres_subscribe(w, ALICE, BOB, "s1", SUB), 200);
    snprintf(to, sizeof to, "%s", pres_value(w, "To"));
    pres_notified(w, &seen);
    world_run(w, 500000);
    assert_int_equal(pres_send(w, "SUBSCRIBE", ALICE, to, "s1", 2, SUB, NULL, NULL), 200);
    const char *notify = pres_notified(w, &seen);
    assert_string_equal(state_of(notify), "active;expires=600");
    assert_true(shows(notify, "closed"));
    assert_int_equal(pres_send(w, "SUBSCRIBE", ALICE, to, "s1", 3, "Event: presence.winfo\r\n", NULL, NULL), 481);
    assert_int_equal(pres_send(w, "SUBSCRIBE", ALICE, to, "s1", 4, "Event: presence\r\nExpires: 30\r\n", NULL, NULL),
                     423);
    assert_int_equal(pres_send(w, "PUBLISH", ALICE, to, "s1", 5, "Event: presence\r\n", NULL, NULL), 405);
    world_run(w, 500000);
    assert_int_equal(count_get(&presence_stats(presence)->watchers), 1);
    assert_int_equal(pres_send(w, "SUBSCRIBE", ALICE, to, "s1", 6, "Event: presence\r\nExpires: 0\r\n", NULL, NULL),
                     200);
    notify = pres_notified(w, &seen);
    assert_string_equal(state_of(notify), "terminated;reason=timeout");
    assert_true(header(notify, "CSeq", value, sizeof value));
    assert_int_equal(count_get(&presence_stats(presence)->watchers), 0);
    assert_int_equal(pres_send(w, "SUBSCRIBE", ALICE, to, "s1", 7, SUB, NULL, NULL), 481);
    pres_close(w);
}

/* The longest that there is: a user and a note of quotes alone, all activities, all services. */
static void test_longest(void **state)
{
    struct world *w = pres_open(RULE_ALLOW, NULL);
    char user[AUTH_USER_MAX], from[256], to[300], text[4096], note[PIDF_NOTE_MAX + 8];
    static const char *const services[] = {"a", "b", "c", "d", "e"};
    static const char *const words[] = {
#define X(name, word) word,
        PIDF_ACTIVITY_LIST(X)
#undef X
    };
    memset(user, '\'', sizeof user - 1);
    user[sizeof user - 1] = '\0';
    memset(note, '\'', sizeof note - 1);
    note[sizeof note - 1] = '\0';
    snprintf(from, sizeof from, "sip:%s@127.0.0.1", user);
    snprintf(to, sizeof to, "<%s>", from);
    int n = snprintf(
        text, sizeof text,
        "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:r=\"urn:ietf:params:xml:ns:pidf:rpid\">" OPEN_TUPLE
        "<note>%s</note><r:activities>",
        note);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (i == PIDF_BUSY) {
            continue; /* its services would be closed, and have no contact */
        }
        n += snprintf(text + n, sizeof text - (size_t)n, "<r:%s/>", words[i]);
    }
    snprintf(text + n, sizeof text - (size_t)n, "</r:activities></presence>");
    assert_int_equal(
        pres_send(w, "PUBLISH", from, to, "l1", 1, "Event: presence\r\nExpires: 600\r\n", "application/pidf+xml", text),
        200);
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        assert_int_equal(presence_session(presence, user, services[i], from, PRESENCE_SESSION_IDLE), 0);
    }
    unsigned seen = w->n_sent;
    assert_int_equal(pres_subscribe(w, ALICE, to, "l2", SUB), 200);
    const char *notify = pres_notified(w, &seen);
    assert_true(strlen(pres_body(notify)) > 6000);
    assert_non_null(strstr(notify, "</presence>"));
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        presence_session(presence, user, services[i], from, PRESENCE_SESSION_NONE);
    }
    pres_close(w);
}

static void test_refused(void **state)
{
    static const struct {
        const char *lines;
        int status;
    } cases[] = {
        {"Event: presence\r\nAccept: application/cpim-pidf+xml\r\n", 406},
        {"Event: presence\r\nExpires: 59\r\n", 423},
        {"Event: presence.winfo\r\n", 403}, /* another's */
        {"Event: presence.winfo\r\nAccept: text/plain\r\n", 406},
        {"Event: dialog\r\n", 404}, /* none of ours: no such conference */
    };
    struct world *w = pres_open(RULE_POLITE, NULL);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        char call[16];
        snprintf(call, sizeof call, "r%u", i);
        int status = pres_subscribe(w, ALICE, BOB, call, cases[i].lines);
        if (status != cases[i].status) {
            fail_msg("%s: %d", cases[i].lines, status);
        }
    }
    unsigned seen = w->n_sent;
    assert_int_equal(pres_subscribe(w, ALICE, BOB, "poll", "Event: presence\r\nExpires: 0\r\n"), 200);
    assert_string_equal(state_of(pres_notified(w, &seen)), "terminated;reason=timeout"); /* a poll */
    assert_int_equal(count_get(&presence_stats(presence)->watchers), 0);
    pres_close(w);
}

/* A47. 64 a watcher; a watcher that answers 481, or not at all, is forgotten. */
static void test_limits(void **state)
{
    struct world *w = pres_open(RULE_POLITE, NULL);
    unsigned seen = w->n_sent;
    for (unsigned i = 0; i <= WATCH_OF_WATCHER_MAX; i++) {
        char to[64], call[16];
        snprintf(to, sizeof to, "<sip:u%u@127.0.0.1>", i);
        snprintf(call, sizeof call, "l%u", i);
        assert_int_equal(pres_subscribe(w, ALICE, to, call, SUB), i < WATCH_OF_WATCHER_MAX ? 200 : 480);
        if (i < WATCH_OF_WATCHER_MAX) {
            pres_notified(w, &seen);
        }
        seen = w->n_sent;
    }
    assert_int_equal(pres_subscribe(w, "sip:carol@127.0.0.1", BOB, "c1", SUB), 200); /* another has her own */
    pres_notified(w, &seen);
    assert_int_equal(count_get(&presence_stats(presence)->watchers), WATCH_OF_WATCHER_MAX + 1);
    world_run(w, 700000); /* nobody answers the last NOTIFYs */
    assert_int_equal(count_get(&presence_stats(presence)->watchers), 0);
    seen = w->n_sent;
    for (unsigned i = 0; i <= WATCH_OF_USER_MAX; i++) { /* so many may watch one user */
        char from[64], call[16];
        snprintf(from, sizeof from, "sip:w%u@127.0.0.1", i);
        snprintf(call, sizeof call, "m%u", i);
        assert_int_equal(pres_subscribe(w, from, BOB, call, SUB), i < WATCH_OF_USER_MAX ? 200 : 480);
        pres_notified(w, &seen);
        world_run(w, 50);
    }
    world_run(w, 700000);
    assert_int_equal(count_get(&presence_stats(presence)->watchers), 0);
    seen = w->n_sent;
    assert_int_equal(pres_subscribe(w, ALICE, BOB, "d1", SUB), 200);
    char notify[TEXT_MAX];
    strcpy(notify, last(w));
    world_reply(w, notify, 481, "", "", NULL);
    assert_int_equal(count_get(&presence_stats(presence)->watchers), 0);
    assert_int_equal(pres_subscribe(w, ALICE, BOB, "d2", SUB), 200);
    world_run(w, 33000);
    assert_int_equal(count_get(&presence_stats(presence)->watchers), 0);
    pres_close(w);
}

/* The owner sees who watches, as they come, are decided about, and go. */
static void test_winfo(void **state)
{
    struct world *w = pres_open(RULE_CONFIRM, NULL);
    unsigned seen = w->n_sent;
    assert_int_equal(pres_subscribe(w, "sip:bob@127.0.0.1", BOB, "w1", "Event: presence.winfo\r\nExpires: 600\r\n"),
                     200);
    const char *notify = pres_notified(w, &seen);
    assert_non_null(strstr(notify, "version=\"0\" state=\"full\"><watcher-list resource=\"sip:bob@127.0.0.1:5060\" "
                                   "package=\"presence\"></watcher-list>"));
    world_run(w, 6000);
    assert_int_equal(pres_subscribe(w, ALICE, BOB, "s1", SUB), 200);
    notify = pres_notified(w, &seen);
    assert_non_null(strstr(notify, "version=\"1\""));
    assert_non_null(strstr(notify, "status=\"pending\" event=\"subscribe\" duration-subscribed=\"0\" "
                                   "expiration=\"600\">sip:alice@127.0.0.1</watcher>"));
    world_run(w, 6000);
    rules("{\"rules\":[{\"who\":\"alice@127.0.0.1\",\"action\":\"allow\"}]}");
    world_run(w, 100);
    notify = NULL;
    for (unsigned i = seen; i < w->n_sent; i++) {
        notify = strstr(w->sent[i % SENT_MAX], "watcherinfo") ? w->sent[i % SENT_MAX] : notify;
    }
    assert_non_null(notify);
    assert_non_null(strstr(notify, "status=\"active\""));
    pres_notified(w, &seen);
    assert_int_equal(pres_subscribe(w, "sip:bob@127.0.0.1", "<sip:bob@127.0.0.1>", "s2", SUB), 200); /* himself */
    world_run(w, 6000);
    notify = pres_notified(w, &seen);
    assert_non_null(strstr(notify, "alice@") && strstr(notify, "bob@127.0.0.1</watcher>") ? notify : NULL);
    presence_document_drop(presence, STORE_DOC_RULES, "bob");
    pres_close(w);
}

/* Documents are there again after a restart, before anybody is shown anything. */
static void test_restart(void **state)
{
    char path[] = "/tmp/mixminus-pres-XXXXXX", store[64];
    int fd = mkstemp(path);
    close(fd);
    unlink(path);
    snprintf(store, sizeof store, "sqlite:%s", path);
    struct world *w = pres_open(RULE_ALLOW, store);
    for (unsigned i = 0; i < 1000 && pres_subscribe(w, ALICE, BOB, "s0", "Event: presence\r\nExpires: 0\r\n") == 503;
         i++) {
        usleep(1000);
        world_run(w, 50);
    }
    rules("{\"rules\":[{\"who\":\"sip:alice@127.0.0.1\",\"action\":\"block\"}]}");
    world_run(w, 40000);
    pres_leave(w);
    world_close(w);
    w = pres_open(RULE_ALLOW, store);
    assert_int_equal(pres_publish(w, NULL, 600, PIDF(OPEN_TUPLE)), 503); /* not all rules are there yet */
    unsigned seen = 0;
    int status = 503;
    for (unsigned i = 0; i < 2000 && status == 503; i++) {
        usleep(1000);
        world_run(w, 50);
        seen = w->n_sent;
        char call[16];
        snprintf(call, sizeof call, "a%u", i);
        status = pres_subscribe(w, ALICE, BOB, call, SUB);
    }
    assert_int_equal(status, 200);
    assert_true(shows(pres_notified(w, &seen), "closed"));
    world_run(w, 6000);
    assert_int_equal(pres_publish(w, NULL, 600, PIDF(OPEN_TUPLE)), 200);
    world_run(w, 6000);
    assert_string_equal(pres_notified(w, &seen), "");
    char *text = presence_document_get(presence, STORE_DOC_RULES, "bob");
    assert_string_equal(text, "{\"rules\":[{\"who\":\"alice@127.0.0.1\",\"action\":\"block\"}]}");
    free(text);
    world_run(w, (WATCH_EXPIRES_MAX_S + 40) * 1000ull);
    pres_leave(w);
    world_close(w);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),   cmocka_unit_test(test_spy),     cmocka_unit_test(test_rules_change),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_limits),  cmocka_unit_test(test_winfo),
        cmocka_unit_test(test_restart), cmocka_unit_test(test_refresh), cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
