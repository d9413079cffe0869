/*
 * What is known of a user: publications (RFC 3903) with their tags, phones, sessions of push-to-talk, and the status
 * that they make together. Row 77, and A46: a replay.
 */
#include "tests/unit/sig/pres/pres_help.h"

/* C63. */
static void test_publish(void **state)
{
    struct world *w = pres_open(RULE_POLITE, NULL);
    char etag[64], old[64];
    assert_int_equal(pres_publish(w, NULL, 600, PIDF(OPEN_TUPLE)), 200);
    assert_string_equal(pres_value(w, "Expires"), "600");
    strcpy(old, pres_value(w, "SIP-ETag"));
    assert_int_equal(strlen(old), 16);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_REGISTERED);
    assert_int_equal(pres_publish(w, old, 600, NULL), 200); /* refresh: a new tag */
    strcpy(etag, pres_value(w, "SIP-ETag"));
    assert_string_not_equal(etag, old);
    assert_int_equal(pres_publish(w, old, 600, NULL), 412); /* the same again changes nothing */
    assert_int_equal(pres_publish(w, old, 0, NULL), 412);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_REGISTERED);
    assert_int_equal(pres_publish(w, etag, 600, PIDF(CLOSED_TUPLE)), 200); /* modify */
    strcpy(etag, pres_value(w, "SIP-ETag"));
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_OFFLINE);
    assert_int_equal(pres_publish(w, etag, 99999, PIDF(OPEN_TUPLE BUSY)), 200);
    assert_string_equal(pres_value(w, "Expires"), "7200");
    strcpy(etag, pres_value(w, "SIP-ETag"));
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_DND);
    assert_int_equal(pres_publish(w, etag, 0, NULL), 200); /* remove */
    assert_int_equal(strlen(pres_value(w, "SIP-ETag")), 16);
    assert_int_equal(count_get(&presence_stats(presence)->publications), 0);
    assert_int_equal(pres_publish(w, etag, 600, NULL), 412);
    assert_int_equal(count_get(&presence_stats(presence)->refused_tags), 3);
    assert_int_equal(pres_publish(w, NULL, 0, PIDF(OPEN_TUPLE)), 200); /* nothing comes of it */
    assert_int_equal(count_get(&presence_stats(presence)->publications), 0);
    assert_int_equal(pres_publish(w, NULL, 60, PIDF(OPEN_TUPLE)), 200);
    world_run(w, 61000);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_OFFLINE);
    pres_close(w);
}

static void test_refused(void **state)
{
    static const struct {
        const char *from, *lines, *type, *body;
        int status;
        const char *name, *value; /* a header of the answer */
    } cases[] = {
        {"bob", "", "application/pidf+xml", PIDF(""), 489, "Allow-Events", "presence, poc-settings"},
        {"bob", "Event: dialog\r\n", "application/pidf+xml", PIDF(""), 489, NULL, NULL},
        {"alice", "Event: presence\r\n", "application/pidf+xml", PIDF(""), 403, NULL, NULL},
        {"bob", "Event: presence\r\nExpires: 59\r\n", "application/pidf+xml", PIDF(""), 423, "Min-Expires", "60"},
        {"bob", "Event: presence\r\n", NULL, NULL, 400, NULL, NULL},
        {"bob", "Event: presence\r\n", "application/pidf+xml", "<presence/>", 400, NULL, NULL},
        {"bob", "Event: presence\r\n", "application/pidf+xml", "<!DOCTYPE a>" PIDF(""), 400, NULL, NULL},
        {"bob", "Event: presence\r\n", "text/plain", "open", 415, "Accept", "application/pidf+xml"},
        {"bob", "Event: poc-settings\r\n", "application/pidf+xml", PIDF(""), 415, "Accept",
         "application/poc-settings+xml"},
        {"bob", "Event: presence\r\nSIP-If-Match: a, b\r\n", NULL, NULL, 400, NULL, NULL},
        {"bob", "Event: presence\r\nSIP-If-Match: a\r\nSIP-If-Match: b\r\n", NULL, NULL, 400, NULL, NULL},
        {"bob", "Event: presence\r\nSIP-If-Match: a\r\n", NULL, NULL, 412, NULL, NULL},
        {"bob",
         "Event: presence\r\nSIP-If-Match: "
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n",
         NULL, NULL, 412, NULL, NULL},
    };
    struct world *w = pres_open(RULE_POLITE, NULL);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        char from[64], call[16];
        snprintf(from, sizeof from, "sip:%s@127.0.0.1", cases[i].from);
        snprintf(call, sizeof call, "r%u", i);
        int status =
            pres_send(w, "PUBLISH", from, "<sip:bob@127.0.0.1>", call, 1, cases[i].lines, cases[i].type, cases[i].body);
        if (status != cases[i].status) {
            fail_msg("%u: %d", i, status);
        }
        assert_true(!cases[i].name || strcmp(pres_value(w, cases[i].name), cases[i].value) == 0);
    }
    assert_int_equal(count_get(&presence_stats(presence)->publications), 0);
    assert_int_equal(pres_send(w, "PUBLISH", "sip:bob@127.0.0.1", "<sip:bob@127.0.0.1>", "enc", 1,
                               "Event: presence\r\nContent-Encoding: deflate\r\n", "application/pidf+xml", PIDF("")),
                     415);
    assert_string_equal(pres_value(w, "Accept-Encoding"), "identity");
    pres_close(w);
}

/* A48. A user of the same name elsewhere is somebody else. */
static void test_elsewhere(void **state)
{
    struct world *w = pres_open(RULE_POLITE, NULL);
    assert_int_equal(pres_send(w, "PUBLISH", "sip:bob@example.org", "<sip:bob@127.0.0.1>", "e1", 1,
                               "Event: presence\r\n", "application/pidf+xml", PIDF(OPEN_TUPLE)),
                     403);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_OFFLINE);
    pres_close(w);
}

/* Of several publications open beats closed; do not disturb beats open for the service, by either package. */
static void test_composed(void **state)
{
    struct world *w = pres_open(RULE_POLITE, NULL);
    struct pidf_view view;
    char etag[64];
    assert_int_equal(presence_session(presence, "bob", "ptt", "sip:bob@127.0.0.1", PRESENCE_SESSION_IDLE), 0);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_PROVISIONED);
    assert_int_equal(pres_publish(w, NULL, 600, PIDF(CLOSED_TUPLE)), 200);
    strcpy(etag, pres_value(w, "SIP-ETag"));
    presentity_view(presentity_find(presence_table(presence), "bob"), &view);
    assert_false(view.is_open); /* its phone says so */
    assert_true(view.n_services == 1 && view.services[0].is_open);
    assert_int_equal(pres_publish(w, NULL, 600, PIDF(OPEN_TUPLE)), 200);
    presentity_view(presentity_find(presence_table(presence), "bob"), &view);
    assert_true(view.is_open && view.services[0].is_open);
    assert_int_equal(pres_publish(w, etag, 600, PIDF(BUSY)), 200);
    strcpy(etag, pres_value(w, "SIP-ETag"));
    presentity_view(presentity_find(presence_table(presence), "bob"), &view);
    assert_true(view.is_open && !view.services[0].is_open);
    assert_int_equal(view.activities, 1u << PIDF_BUSY);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_DND);
    assert_int_equal(pres_publish(w, etag, 0, NULL), 200);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_PROVISIONED);
    static const char barred[] = "<poc-settings xmlns=\"urn:oma:params:xml:ns:poc:poc-settings\"><entity id=\"a\">"
                                 "<isb-settings><incoming-session-barring active=\"true\"/></isb-settings></entity>"
                                 "</poc-settings>";
    assert_int_equal(pres_send(w, "PUBLISH", "sip:bob@127.0.0.1", "<sip:bob@127.0.0.1>", "s1", 1,
                               "Event: poc-settings\r\nExpires: 600\r\n", "application/poc-settings+xml", barred),
                     200);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_DND);
    presence_session(presence, "bob", "ptt", "sip:bob@127.0.0.1", PRESENCE_SESSION_NONE);
    pres_close(w);
}

/* A phone that starts anew again and again: the ninth publication takes the place of the one that expires first. */
static void test_many(void **state)
{
    struct world *w = pres_open(RULE_POLITE, NULL);
    char first[64], second[64];
    assert_int_equal(pres_publish(w, NULL, 600, PIDF(OPEN_TUPLE)), 200);
    snprintf(first, sizeof first, "%.60s", pres_value(w, "SIP-ETag"));
    assert_int_equal(pres_publish(w, NULL, 300, PIDF(OPEN_TUPLE)), 200);
    snprintf(second, sizeof second, "%.60s", pres_value(w, "SIP-ETag"));
    for (unsigned i = 2; i <= PRESENTITY_PUBLICATIONS_MAX; i++) {
        assert_int_equal(pres_publish(w, NULL, 3600, PIDF(CLOSED_TUPLE)), 200);
    }
    assert_int_equal(count_get(&presence_stats(presence)->publications), PRESENTITY_PUBLICATIONS_MAX);
    assert_int_equal(pres_publish(w, second, 600, NULL), 412);
    assert_int_equal(pres_publish(w, first, 600, NULL), 200);
    pres_close(w);
}

/* Each status, and each edge from one to the next. Row 77. */
static void test_status(void **state)
{
    static const char bob[] = "sip:bob@127.0.0.1", second[] = "sip:bob.2@127.0.0.1";
    static const struct {
        int phones; /* -1: as before */
        const char *identification;
        enum presence_session session;
        enum presence_status status;
    } steps[] = {
        {0, NULL, 0, PRESENCE_OFFLINE},
        {1, NULL, 0, PRESENCE_REGISTERED},
        {-1, bob, PRESENCE_SESSION_IDLE, PRESENCE_PROVISIONED},
        {-1, bob, PRESENCE_SESSION_TALKING, PRESENCE_TALKING},
        {-1, bob, PRESENCE_SESSION_LISTENING, PRESENCE_LISTENING},
        {-1, second, PRESENCE_SESSION_TALKING, PRESENCE_TALKING}, /* any of them */
        {-1, second, PRESENCE_SESSION_UNREACHABLE, PRESENCE_LISTENING},
        {-1, bob, PRESENCE_SESSION_UNREACHABLE, PRESENCE_UNREACHABLE},
        {-1, second, PRESENCE_SESSION_NONE, PRESENCE_UNREACHABLE},
        {-1, bob, PRESENCE_SESSION_IDLE, PRESENCE_PROVISIONED}, /* it is back */
        {-1, bob, PRESENCE_SESSION_NONE, PRESENCE_REGISTERED},
        {-1, bob, PRESENCE_SESSION_NONE, PRESENCE_REGISTERED}, /* twice is fine */
        {0, NULL, 0, PRESENCE_OFFLINE},
    };
    struct world *w = pres_open(RULE_POLITE, NULL);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_OFFLINE);
    for (unsigned i = 0; i < ARRAY_LEN(steps); i++) {
        if (steps[i].phones >= 0) {
            assert_int_equal(presence_phones(presence, "bob", (unsigned)steps[i].phones), 0);
        }
        if (steps[i].identification) {
            assert_int_equal(presence_session(presence, "bob", "ptt", steps[i].identification, steps[i].session), 0);
        }
        if (presence_status(presence, "bob") != steps[i].status) {
            fail_msg("%u: %s", i, presence_status_name(presence_status(presence, "bob")));
        }
    }
    /* A publication outlives the registration: do not disturb holds when it is back (9.11). */
    assert_int_equal(pres_publish(w, NULL, 600, PIDF(BUSY)), 200);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_OFFLINE);
    presence_phones(presence, "bob", 1);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_DND);
    presence_phones(presence, "bob", 0);
    presence_phones(presence, "bob", 1);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_DND);
    world_run(w, 601000);
    assert_int_equal(presence_status(presence, "bob"), PRESENCE_REGISTERED);
    presence_phones(presence, "bob", 0);
    world_run(w, 2000);
    assert_null(presentity_find(presence_table(presence), "bob")); /* nothing hangs on it any more */
    for (unsigned i = 0; i <= PRESENTITY_SESSIONS_MAX; i++) {
        char id[32];
        snprintf(id, sizeof id, "sip:b%u@127.0.0.1", i);
        assert_int_equal(presence_session(presence, "bob", "ptt", id, PRESENCE_SESSION_IDLE),
                         i < PRESENTITY_SESSIONS_MAX ? 0 : -ENOSPC);
    }
    pres_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_publish),  cmocka_unit_test(test_refused), cmocka_unit_test(test_elsewhere),
        cmocka_unit_test(test_composed), cmocka_unit_test(test_status),  cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
