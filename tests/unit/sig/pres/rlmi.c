/*
 * Lists (RFC 4662): whole first, then what has changed, exactly as the rules let the watcher see it (rows 113 and 114);
 * groups for their members alone; services; what does not fit comes later.
 */
#include "tests/unit/sig/pres/pres_help.h"

#include "sig/sip/multipart.h"

#define LIST                                                                                                           \
    "Event: presence\r\nSupported: eventlist\r\nAccept: application/pidf+xml, application/rlmi+xml, "                  \
    "multipart/related\r\n"
#define ALICE "sip:alice@127.0.0.1"

static void put(enum store_doc_kind kind, const char *name, const char *text)
{
    const char *why = "";
    int err = presence_document_put(presence, kind, name, text, strlen(text), &why);
    if (err) {
        fail_msg("%s: %d %s", text, err, why);
    }
}

/* The parts of a NOTIFY, by our own splitter: the list first. @return how many documents */
static unsigned parts_of(const char *notify, char *list, size_t size, char docs[][2048], unsigned max)
{
    struct multipart parts;
    char type[512];
    assert_true(header(notify, "Content-Type", type, sizeof type));
    assert_int_equal(strncmp(type, "multipart/related;type=\"application/rlmi+xml\";", 46), 0);
    const char *body = pres_body(notify);
    assert_int_equal(multipart_split(&parts, "multipart/related", strchr(type, ';'), body, strlen(body)), 0);
    assert_string_equal(parts.parts[0].type, "application/rlmi+xml");
    snprintf(list, size, "%.*s", (int)parts.parts[0].n_body, parts.parts[0].body);
    assert_true(parts.n - 1 <= max);
    for (unsigned i = 1; i < parts.n; i++) {
        assert_string_equal(parts.parts[i].type, "application/pidf+xml");
        snprintf(docs[i - 1], 2048, "%.*s", (int)parts.parts[i].n_body, parts.parts[i].body);
    }
    return parts.n - 1;
}

static bool says(const char *doc, const char *user, const char *basic)
{
    char entity[64], text[64];
    snprintf(entity, sizeof entity, "entity=\"sip:%s@", user);
    snprintf(text, sizeof text, "<basic>%s</basic>", basic);
    return strstr(doc, entity) && strstr(doc, text);
}

/* C65. */
static void test_buddies(void **state)
{
    struct world *w = pres_open(RULE_POLITE, NULL);
    char list[4096], docs[8][2048], value[256];
    unsigned seen = w->n_sent;
    put(STORE_DOC_BUDDIES, "alice",
        "{\"members\":[\"sip:bob@127.0.0.1\",\"carol@127.0.0.1\",\"sip:bob@127.0.0.1:5060\",\"sip:dave@example.org\"]"
        "}");
    put(STORE_DOC_RULES, "bob", "{\"rules\":[{\"who\":\"sip:alice@127.0.0.1\",\"action\":\"allow\"}]}");
    assert_int_equal(pres_publish(w, NULL, 3600, PIDF(OPEN_TUPLE)), 200);
    presence_phones(presence, "carol", 1); /* there, and not for alice */
    assert_int_equal(pres_subscribe(w, ALICE, "<sip:buddies@127.0.0.1>", "b0", "Event: presence\r\n"), 421);
    assert_string_equal(pres_value(w, "Require"), "eventlist");
    assert_int_equal(pres_subscribe(w, ALICE, "<sip:buddies@127.0.0.1>", "b1", LIST "Expires: 600\r\n"), 200);
    assert_string_equal(pres_value(w, "Require"), "eventlist");
    const char *notify = pres_notified(w, &seen);
    assert_true(header(notify, "Require", value, sizeof value));
    assert_int_equal(parts_of(notify, list, sizeof list, docs, 8), 2);
    assert_non_null(strstr(list,
                           "uri=\"sip:buddies@127.0.0.1:5060\" version=\"0\" fullState=\"true\">"
                           "<resource uri=\"sip:bob@127.0.0.1:5060\"><instance id=\"1\" state=\"active\" cid=\""));
    assert_non_null(strstr(list, "<resource uri=\"sip:dave@example.org\"/></list>"));
    assert_true(says(docs[0], "bob", "open") && says(docs[1], "carol", "closed"));
    world_run(w, 6000);
    presence_phones(presence, "carol", 0);
    presence_phones(presence, "carol", 1);
    assert_string_equal(pres_notified(w, &seen), ""); /* not hers to know */
    put(STORE_DOC_RULES, "carol", "{\"rules\":[{\"who\":\"127.0.0.1\",\"action\":\"allow\"}]}");
    notify = pres_notified(w, &seen);
    assert_int_equal(parts_of(notify, list, sizeof list, docs, 8), 1);
    assert_non_null(strstr(list, "version=\"1\" fullState=\"false\""));
    assert_null(strstr(list, "bob@"));
    assert_true(says(docs[0], "carol", "open"));
    world_run(w, 6000);
    put(STORE_DOC_BUDDIES, "alice", "{\"members\":[\"sip:carol@127.0.0.1\"]}"); /* others: the whole again */
    notify = pres_notified(w, &seen);
    assert_int_equal(parts_of(notify, list, sizeof list, docs, 8), 1);
    assert_non_null(strstr(list, "version=\"2\" fullState=\"true\""));
    presence_document_drop(presence, STORE_DOC_BUDDIES, "alice");
    presence_document_drop(presence, STORE_DOC_RULES, "bob");
    presence_document_drop(presence, STORE_DOC_RULES, "carol");
    presence_phones(presence, "carol", 0);
    pres_close(w);
}

/* A list that the SUBSCRIBE brings (RFC 5367), as a stock softphone does: its URIs as they came. */
static void test_given(void **state)
{
    static const char body[] =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<resource-lists "
        "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
        "xmlns=\"urn:ietf:params:xml:ns:resource-lists\">\n <list>\n  <entry "
        "uri=\"sip:bob@127.0.0.1:5060;x=1\"/>\n  <entry uri=\"sip:dave@example.org\"/>\n </list>\n"
        "</resource-lists>\n";
    static const char type[] = "application/resource-lists+xml", own[] = LIST "Require: recipient-list-subscribe\r\n";
    struct world *w = pres_open(RULE_ALLOW, NULL);
    char list[4096], docs[8][2048];
    unsigned seen = w->n_sent;
    put(STORE_DOC_BUDDIES, "alice", "{\"members\":[\"sip:carol@127.0.0.1\"]}");
    assert_int_equal(pres_send(w, "SUBSCRIBE", ALICE, "<sip:buddies@127.0.0.1>", "o1", 1, own, type, body), 200);
    assert_int_equal(parts_of(pres_notified(w, &seen), list, sizeof list, docs, 8), 1);
    assert_non_null(strstr(list, "<resource uri=\"sip:bob@127.0.0.1:5060;x=1\"><instance"));
    assert_non_null(strstr(list, "<resource uri=\"sip:dave@example.org\"/></list>"));
    assert_true(says(docs[0], "bob", "closed"));
    world_run(w, 6000);
    assert_int_equal(pres_publish(w, NULL, 3600, PIDF(OPEN_TUPLE)), 200);
    assert_int_equal(parts_of(pres_notified(w, &seen), list, sizeof list, docs, 8), 1);
    assert_true(says(docs[0], "bob", "open"));
    world_run(w, 6000);
    put(STORE_DOC_BUDDIES, "alice", "{\"members\":[]}"); /* another list */
    assert_string_equal(pres_notified(w, &seen), "");
    assert_int_equal(pres_send(w, "SUBSCRIBE", ALICE, "<sip:buddies@127.0.0.1>", "o2", 1, own, type, "<x/>"), 400);
    assert_int_equal(pres_send(w, "SUBSCRIBE", ALICE, "<sip:buddies@127.0.0.1>", "o3", 1, own, NULL, NULL), 400);
    presence_document_drop(presence, STORE_DOC_BUDDIES, "alice");
    pres_close(w);
}

/* A47. A group is a list for its members; for others its name is nobody's. One level: a group on it is a user. */
static void test_group(void **state)
{
    struct world *w = pres_open(RULE_ALLOW, NULL);
    char list[4096], docs[8][2048];
    unsigned seen = w->n_sent;
    put(STORE_DOC_GROUP, "g1", "{\"members\":[\"sip:alice@127.0.0.1\",\"sip:bob@127.0.0.1\",\"sip:g2@127.0.0.1\"]}");
    put(STORE_DOC_GROUP, "g2", "{\"members\":[\"sip:alice@127.0.0.1\",\"sip:carol@127.0.0.1\"]}");
    assert_int_equal(presence_group(presence, "g1")->n, 3);
    assert_int_equal(pres_subscribe(w, ALICE, "<sip:g1@127.0.0.1>", "g1", LIST), 200);
    assert_int_equal(parts_of(pres_notified(w, &seen), list, sizeof list, docs, 8), 3);
    assert_null(strstr(list, "carol"));
    assert_int_equal(pres_subscribe(w, "sip:eve@127.0.0.1", "<sip:g1@127.0.0.1>", "g2", LIST), 200);
    const char *notify = pres_notified(w, &seen);
    assert_null(strstr(notify, "bob"));
    assert_non_null(
        strstr(pres_body(notify), "entity=\"sip:g1@127.0.0.1:5060\"><tuple id=\"user\"><status><basic>closed"));
    assert_int_equal(presence_document_drop(presence, STORE_DOC_GROUP, "g1"), 0);
    assert_int_equal(presence_document_drop(presence, STORE_DOC_GROUP, "g1"), -ENOENT);
    assert_int_equal(presence_document_drop(presence, STORE_DOC_GROUP, "g2"), 0);
    world_run(w, 6000);
    assert_int_equal(parts_of(pres_notified(w, &seen), list, sizeof list, docs, 8), 0); /* it is empty now */
    pres_close(w);
}

static unsigned n_begun, n_ended;

static enum refusal service_begin(void *ctx, const char *user, const char *service, const char *identification)
{
    assert_string_equal(user, "alice");
    assert_string_equal(service, "ptt");
    assert_string_equal(identification, ALICE);
    n_begun++;
    return n_begun == 2 ? REFUSAL_PRESENCE_RULE : REFUSALS;
}

static void service_end(void *ctx, const char *user, const char *service, const char *identification)
{
    n_ended++;
}

/* A service: which buddies are provisioned, those alone whose rules allow it; the subscription provisions. */
static void test_service(void **state)
{
    struct world *w = pres_open(RULE_POLITE, NULL);
    char list[4096], docs[8][2048];
    unsigned seen = w->n_sent;
    n_begun = n_ended = 0;
    presence_service_user(presence, &(struct rlmi_service_user){NULL, service_begin, service_end});
    put(STORE_DOC_BUDDIES, "alice",
        "{\"members\":[\"sip:bob@127.0.0.1\",\"sip:carol@127.0.0.1\",\"sip:dan@127.0.0.1\"]}");
    put(STORE_DOC_RULES, "bob", "{\"rules\":[{\"who\":\"sip:alice@127.0.0.1\",\"action\":\"allow\"}]}");
    put(STORE_DOC_RULES, "dan", "{\"rules\":[{\"who\":\"sip:alice@127.0.0.1\",\"action\":\"allow\"}]}");
    presence_session(presence, "bob", "ptt", "sip:bob@127.0.0.1", PRESENCE_SESSION_IDLE);
    presence_session(presence, "carol", "ptt", "sip:carol@127.0.0.1", PRESENCE_SESSION_IDLE);
    presence_phones(presence, "dan", 1); /* registered, not provisioned */
    assert_int_equal(pres_subscribe(w, ALICE, "<sip:ptt@127.0.0.1>", "p1", LIST "Expires: 600\r\n"), 200);
    assert_int_equal(n_begun, 1);
    assert_int_equal(parts_of(pres_notified(w, &seen), list, sizeof list, docs, 8), 3);
    assert_true(says(docs[0], "bob", "open") && strstr(docs[0], "<tuple id=\"ptt\">"));
    assert_true(says(docs[1], "carol", "closed") && says(docs[2], "dan", "closed"));
    world_run(w, 1100);
    presence_session(presence, "bob", "ptt", "sip:bob@127.0.0.1", PRESENCE_SESSION_UNREACHABLE);
    presence_session(presence, "dan", "ptt", "sip:dan@127.0.0.1", PRESENCE_SESSION_IDLE);
    assert_int_equal(parts_of(pres_notified(w, &seen), list, sizeof list, docs, 8), 1);
    assert_true(says(docs[0], "bob", "closed"));
    world_run(w, 1100); /* a second, not five */
    assert_int_equal(parts_of(pres_notified(w, &seen), list, sizeof list, docs, 8), 1);
    assert_true(says(docs[0], "dan", "open"));
    assert_int_equal(pres_subscribe(w, ALICE, "<sip:ptt@127.0.0.1>", "p2", LIST), 403); /* not entitled */
    assert_int_equal(pres_subscribe(w, ALICE, "<sip:ptt@127.0.0.1>", "p3", LIST "Expires: 30\r\n"), 423);
    assert_int_equal(n_begun, 3);
    assert_int_equal(n_ended, 1);
    /* Without lists: whether it is provisioned itself. */
    seen = w->n_sent;
    assert_int_equal(pres_subscribe(w, ALICE, "<sip:ptt@127.0.0.1>", "p4", "Event: presence\r\nExpires: 600\r\n"), 200);
    assert_non_null(
        strstr(pres_notified(w, &seen), "entity=\"sip:ptt@127.0.0.1:5060\"><tuple id=\"ptt\"><status><basic>closed"));
    world_run(w, 1100);
    presence_session(presence, "alice", "ptt", ALICE, PRESENCE_SESSION_IDLE);
    assert_non_null(strstr(pres_notified(w, &seen), "<basic>open"));
    world_run(w, 700000);
    pres_notified(w, &seen);
    assert_int_equal(n_ended, 3); /* expiry ends it */
    static const char *const users[] = {"alice", "bob", "carol", "dan"};
    for (unsigned i = 0; i < ARRAY_LEN(users); i++) {
        char id[64];
        snprintf(id, sizeof id, "sip:%s@127.0.0.1", users[i]);
        presence_session(presence, users[i], "ptt", id, PRESENCE_SESSION_NONE);
        presence_phones(presence, users[i], 0);
        presence_document_drop(presence, STORE_DOC_RULES, users[i]);
    }
    presence_document_drop(presence, STORE_DOC_BUDDIES, "alice");
    pres_close(w);
}

/* 500 members: all are named at once, their documents come in several NOTIFYs; each of them once. */
static void test_large(void **state)
{
    static char text[65536], got[PROFILE_MEMBERS_MAX];
    struct world *w = pres_open(RULE_ALLOW, NULL);
    const char *why;
    int n = sprintf(text, "{\"members\":[\"sip:alice@127.0.0.1\"");
    for (unsigned i = 1; i < PROFILE_MEMBERS_MAX; i++) {
        n += sprintf(text + n, ",\"sip:user%03u@127.0.0.1\"", i);
    }
    strcpy(text + n, "]}");
    put(STORE_DOC_GROUP, "all", text);
    strcpy(text + n, ",\"sip:one.more@127.0.0.1\"]}");
    assert_int_equal(presence_document_put(presence, STORE_DOC_GROUP, "all", text, strlen(text), &why), -E2BIG);
    unsigned seen = w->n_sent, n_notifies = 0;
    assert_int_equal(pres_subscribe(w, ALICE, "<sip:all@127.0.0.1>", "l1", LIST "Expires: 600\r\n"), 200);
    for (const char *notify; *(notify = pres_notified(w, &seen)); n_notifies++) {
        unsigned n_resources = 0;
        for (const char *p = notify; (p = strstr(p, "<resource ")) != NULL; p++) {
            n_resources++;
        }
        assert_true(n_notifies > 0 || n_resources == PROFILE_MEMBERS_MAX);
        for (const char *p = notify; (p = strstr(p, " entity=\"sip:user")) != NULL; p++) {
            got[atoi(p + 17)]++;
        }
        assert_non_null(strstr(notify, n_notifies ? "fullState=\"false\"" : "fullState=\"true\""));
        world_run(w, 5500);
    }
    for (unsigned i = 0; i < w->n_sent; i++) { /* too long for a datagram (RFC 3261 18.1.1) */
        if (strncmp(w->sent[i], "NOTIFY ", 7) == 0) {
            assert_int_equal(w->flows[i].transport, FLOW_TCP);
        }
    }
    assert_in_range(n_notifies, 3, 8);
    for (unsigned i = 1; i < PROFILE_MEMBERS_MAX; i++) {
        if (got[i] != 1) {
            fail_msg("user%03u: %d", i, got[i]);
        }
    }
    presence_document_drop(presence, STORE_DOC_GROUP, "all");
    pres_close(w);
}

static void test_documents(void **state)
{
    static const struct {
        enum store_doc_kind kind;
        const char *text;
        int err;
    } cases[] = {
        {STORE_DOC_RULES, "", -EINVAL},
        {STORE_DOC_RULES, "[]", -EINVAL},
        {STORE_DOC_RULES, "{\"rules\":{}}", -EINVAL},
        {STORE_DOC_RULES, "{\"rules\":[1]}", -EINVAL},
        {STORE_DOC_RULES, "{\"rules\":[],\"more\":1}", -EINVAL},
        {STORE_DOC_RULES, "{\"rules\":[{\"who\":\"sip:b@x\"}]}", -EINVAL},
        {STORE_DOC_RULES, "{\"rules\":[{\"who\":\"sip:b@x\",\"action\":\"hide\"}]}", -EINVAL},
        {STORE_DOC_RULES, "{\"rules\":[{\"who\":\"sip:x\",\"action\":\"allow\"}]}", -EINVAL},
        {STORE_DOC_RULES, "{\"rules\":[{\"who\":\"a b\",\"action\":\"allow\"}]}", -EINVAL},
        {STORE_DOC_RULES, "{\"rules\":[],\"rules\":[]}", -EINVAL},
        {STORE_DOC_RULES, "{\"rules\":[{\"who\":\"x\",\"action\":\"allow\"}]}", 0},
        {STORE_DOC_BUDDIES, "{\"members\":[\"x\"]}", -EINVAL}, /* a domain is no member */
        {STORE_DOC_BUDDIES, "{\"members\":[\"tel:1\"]}", -EINVAL},
        {STORE_DOC_BUDDIES, "{\"members\":[]}", 0},
    };
    struct world *w = pres_open(RULE_ALLOW, NULL);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        const char *why = NULL;
        int err = presence_document_put(presence, cases[i].kind, "bob", cases[i].text, strlen(cases[i].text), &why);
        if (err != cases[i].err || (err && !why)) {
            fail_msg("%s: %d", cases[i].text, err);
        }
    }
    presence_document_drop(presence, STORE_DOC_RULES, "bob");
    presence_document_drop(presence, STORE_DOC_BUDDIES, "bob");
    pres_close(w);
}

static int policy(const char *inside)
{
    char text[4096];
    const char *why = "";
    snprintf(
        text, sizeof text,
        "<cr:ruleset xmlns:cr=\"urn:ietf:params:xml:ns:common-policy\" xmlns=\"urn:ietf:params:xml:ns:pres-rules\">"
        "%s</cr:ruleset>",
        inside);
    int err = presence_policy_put(presence, "bob", text, strlen(text), &why);
    assert_true(err == 0 || *why);
    return err;
}

#define POLICY(conditions, handling)                                                                                   \
    "<cr:rule id=\"a\"><cr:conditions>" conditions "</cr:conditions><cr:actions><sub-handling>" handling               \
    "</sub-handling></cr:actions><cr:transformations/></cr:rule>"
#define ONE(uri) "<cr:identity><cr:one id=\"" uri "\"/></cr:identity>"

/* Rules of RFC 5025: the most permissive of those that name somebody counts; what cannot be said is refused. */
static void test_policy(void **state)
{
    static const char *const refused[] = {
        POLICY("", "allow"),
        POLICY("<cr:identity><cr:many/></cr:identity>", "allow"),
        POLICY("<cr:identity><cr:many domain=\"x\"><cr:except id=\"sip:a@x\"/></cr:many></cr:identity>", "allow"),
        POLICY(ONE("sip:a@x") "<cr:sphere value=\"work\"/>", "allow"),
        POLICY("<cr:validity><cr:from>2024</cr:from></cr:validity>" ONE("sip:a@x"), "allow"),
        POLICY(ONE("sip:a@x"), "everything"),
        POLICY(ONE("no uri"), "allow"),
        "<cr:rule id=\"a\"></cr:rule>",
        "<cr:rule",
    };
    struct world *w = pres_open(RULE_CONFIRM, NULL);
    for (unsigned i = 0; i < ARRAY_LEN(refused); i++) {
        if (policy(refused[i]) != -EINVAL) {
            fail_msg("%s", refused[i]);
        }
    }
    assert_int_equal(
        policy(POLICY(ONE("sip:eve@127.0.0.1"), "block")
                   POLICY("<cr:identity><cr:many domain=\"example.org\"/></cr:identity>", "polite-block")
                       POLICY(ONE("sip:carol@127.0.0.1"), " confirm ")
                           POLICY("<cr:identity><cr:one id=\"sip:alice@127.0.0.1\"/><cr:one id=\"sip:eve@127.0.0.1\"/>"
                                  "</cr:identity>",
                                  "allow")),
        0);
    char *text = presence_document_get(presence, STORE_DOC_RULES, "bob");
    assert_string_equal(text, "{\"rules\":[{\"who\":\"alice@127.0.0.1\",\"action\":\"allow\"},"
                              "{\"who\":\"eve@127.0.0.1\",\"action\":\"allow\"},"
                              "{\"who\":\"example.org\",\"action\":\"polite\"},"
                              "{\"who\":\"carol@127.0.0.1\",\"action\":\"confirm\"},"
                              "{\"who\":\"eve@127.0.0.1\",\"action\":\"block\"}]}");
    free(text);
    presence_document_drop(presence, STORE_DOC_RULES, "bob");
    pres_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buddies), cmocka_unit_test(test_group),     cmocka_unit_test(test_service),
        cmocka_unit_test(test_large),   cmocka_unit_test(test_documents), cmocka_unit_test(test_policy),
        cmocka_unit_test(test_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
