/*
 * A list of URIs with the INVITE (RFC 5366): the splitter of bodies, the reader of lists, and what comes of them. Bombs
 * of both kinds (attacks A3, A4, A17, A34).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/sip/multipart.h"
#include "sig/sip/uri_list.h"
#include "tests/unit/call_world.h"

#define LIST(entries)                                                                                                  \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<resource-lists xmlns=\"urn:ietf:params:xml:ns:resource-lists\" "   \
    "xmlns:cp=\"urn:ietf:params:xml:ns:copycontrol\">\r\n<list>\r\n" entries "</list>\r\n</resource-lists>\r\n"
#define ENTRY(uri) "<entry uri=\"" uri "\" cp:copyControl=\"to\"/>\r\n"
#define PART_SDP "--b1\r\nContent-Type: application/sdp\r\n\r\n" SDP_PCMU "\r\n"
#define PART_LIST(entries)                                                                                             \
    "--b1\r\nContent-Type: application/resource-lists+xml\r\nContent-Disposition: recipient-list\r\n\r\n" LIST(        \
        entries) "\r\n"
#define PART_END "--b1--\r\n"

static int split(struct multipart *m, const char *boundary, const char *text)
{
    char *exact = malloc(strlen(text) + 1); /* one octet too far is seen */
    memcpy(exact, text, strlen(text));
    int err = multipart_split(m, "multipart/mixed", boundary, exact, strlen(text));
    free(exact);
    return err;
}

/* C5. */
static void test_split(void **state)
{
    static const char text[] =
        "preamble\r\n--x y\r\nContent-Type: Application/SDP; a=b\r\n\r\nv=0\r\n\r\n--x y \r\n"
        "Content-Disposition: Render ; handling=Optional\r\nContent-Transfer-Encoding: base64\r\n"
        "\r\n\r\n--x y\r\n\r\n--x y--\r\nepilogue";
    struct multipart m;
    assert_int_equal(multipart_split(&m, "multipart/mixed", ";boundary=\"x y\"", text, sizeof text - 1), 0);
    assert_int_equal(m.n, 3);
    assert_string_equal(m.parts[0].type, "application/sdp");
    assert_int_equal(m.parts[0].n_body, 5);
    assert_memory_equal(m.parts[0].body, "v=0\r\n", 5);
    assert_string_equal(m.parts[1].type, "text/plain");
    assert_string_equal(m.parts[1].disposition, "render");
    assert_true(m.parts[1].is_optional && m.parts[1].is_encoded);
    assert_int_equal(m.parts[1].n_body, 0);
    assert_int_equal(m.parts[2].n_body, 0);
    assert_ptr_equal(multipart_find(&m, "application/sdp"), &m.parts[0]);
    assert_null(multipart_find(&m, "text/html"));

    static const char *const bad[] = {"",
                                      "--b",
                                      "--b\r\n",
                                      "--b--",
                                      "x--b\r\n\r\n--b--",
                                      "--b\r\nA: b\r\n",
                                      "--b\r\n\r\nx",
                                      "--bb\r\n\r\n--bb--",
                                      "--b\r\n\r\n\r\n--bx"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(split(&m, ";boundary=b", bad[i]), -EBADMSG);
    }
    assert_int_equal(split(&m, "", "--b\r\n\r\n\r\n--b--"), -EBADMSG);
    assert_int_equal(split(&m, ";boundary=\"\"", "--\r\n\r\n\r\n----"), -EBADMSG);

    char many[64 * 1024];
    size_t n = 0;
    for (unsigned i = 0; i < 1000; i++) {
        n += (size_t)snprintf(many + n, sizeof many - n, "--b\r\n\r\nx\r\n");
    }
    assert_int_equal(split(&m, ";boundary=b", many), -E2BIG);
    n = (size_t)snprintf(many, sizeof many, "--b\r\n");
    for (unsigned i = 0; i < 1000; i++) { /* the same line over and over */
        n += (size_t)snprintf(many + n, sizeof many - n, "Content-Type: application/sdp\r\n");
    }
    snprintf(many + n, sizeof many - n, "\r\nx\r\n--b--");
    assert_int_equal(split(&m, ";boundary=b", many), -E2BIG);
}

static int read_list(struct uri_list *list, const char *text)
{
    char *exact = malloc(strlen(text) + 1);
    memcpy(exact, text, strlen(text));
    int err = uri_list_read(list, exact, strlen(text));
    free(exact);
    return err;
}

static void test_list(void **state)
{
    static struct uri_list list;
    assert_int_equal(
        read_list(&list, LIST(ENTRY("sip:bob@h") "<!-- <entry uri='sip:no@h'/> -->" ENTRY("SIP:BOB@H")
                                  ENTRY("sip:c&#64;h?a=b&amp;c=&#x64;") "<entry uri='sip:d@h'>"
                                                                        "<display-name>D</display-name></entry>")),
        0);
    assert_int_equal(list.n, 3);
    assert_string_equal(list.uris[0], "sip:bob@h");
    assert_string_equal(list.uris[1], "sip:c@h?a=b&c=d");
    assert_string_equal(list.uris[2], "sip:d@h");
    assert_int_equal(
        read_list(&list, "<rl:resource-lists><rl:list><rl:entry uri='sip:e@h'/></rl:list></rl:resource-lists>"), 0);
    assert_int_equal(list.n, 1);

    static const char *const bad[] = {
        "",
        "text",
        "<list/>",
        "<resource-lists>",
        "<resource-lists></list>",
        "<resource-lists/><resource-lists/>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]><resource-lists/>",
        "<resource-lists><![CDATA[x]]></resource-lists>",
        "<resource-lists><?php x?></resource-lists>",
        "<resource-lists><entry uri=sip:x/></resource-lists>",
        "<resource-lists><entry uri=\"sip:x/></resource-lists>",
        "<resource-lists><entry uri=\"&lol;\"/></resource-lists>",
        "<resource-lists><entry uri=\"a&#10;b\"/></resource-lists>",
        "<resource-lists><entry uri=\"a&#x\"/></resource-lists>",
        "<resource-lists><entry uri=\"a\nb\"/></resource-lists>",
        "<resource-lists><entry uri=\"<\"/></resource-lists>",
        "<resource-lists><!-- x",
        "<?xml ",
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (read_list(&list, bad[i]) != -EBADMSG) {
            fail_msg("%s", bad[i]);
        }
    }
    static char many[64 * 1024];
    size_t n = (size_t)snprintf(many, sizeof many, "<resource-lists>");
    for (unsigned i = 0; i < 1000; i++) {
        n += (size_t)snprintf(many + n, sizeof many - n, "<entry uri='sip:u%u@h'/>", i);
    }
    snprintf(many + n, sizeof many - n, "</resource-lists>");
    assert_int_equal(read_list(&list, many), -E2BIG);
    n = (size_t)snprintf(many, sizeof many, "<resource-lists>");
    for (unsigned i = 0; i < 1000; i++) {
        n += (size_t)snprintf(many + n, sizeof many - n, "<list>");
    }
    assert_int_equal(read_list(&list, many), -E2BIG);
    n = (size_t)snprintf(many, sizeof many, "<resource-lists");
    for (unsigned i = 0; i < 1000; i++) {
        n += (size_t)snprintf(many + n, sizeof many - n, " a%u='b'", i);
    }
    assert_int_equal(read_list(&list, many), -E2BIG);
}

static struct env_cfg cfg_of(const char *list)
{
    struct env_cfg cfg = {.factory_mode = FACTORY_DIRECT, .legs_max = 50};
    assert_int_equal(reach_read(&cfg.reach, list), 0);
    return cfg;
}

/* One INVITE makes the conference and calls two; the third is not admitted, the first is named twice. */
static void test_create(void **state)
{
    struct world *w = world_open(cfg_of("192.0.2.0/24"), 0, NULL);
    struct phone a = phone_of(w, 1, "conferences");
    a.type = "multipart/mixed;boundary=b1";
    a.extra = "Require: recipient-list-invite\r\n";
    assert_int_equal(phone_invite(&a, PART_SDP PART_LIST(ENTRY("sip:bob@192.0.2.50") ENTRY("sip:carol@192.0.2.51")
                                                             ENTRY("sip:bob@192.0.2.50") ENTRY("sip:x@10.0.0.1")
                                                                 ENTRY("nonsense")) PART_END),
                     200);
    a.extra = NULL;
    a.type = NULL;
    phone_ack(&a, NULL);
    assert_int_equal(count_sent(w, "INVITE "), 2);
    assert_int_equal(count_sent(w, "INVITE sip:bob@192.0.2.50 "), 1);
    assert_int_equal(count_sent(w, "INVITE sip:carol@192.0.2.51 "), 1);
    assert_int_equal(count_sent(w, "NOTIFY "), 0);
    assert_int_equal(count_get(&w->env->stats.refused[REFUSAL_REACH]), 2);
    world_reply(w, world_request(w, "INVITE sip:bob@"), 200, "b", "Contact: <sip:bob@192.0.2.50>\r\n", SDP_PCMU);
    world_reply(w, world_request(w, "INVITE sip:carol@"), 603, "c", "", NULL);
    assert_int_equal(count_get(&w->env->stats.legs), 2);
    assert_int_equal(w->env->rooms->n_roster, 2);
    world_close(w);
}

static void test_refusals(void **state)
{
    static char long_list[8192], many[8192];
    size_t n = (size_t)snprintf(many, sizeof many,
                                "%s--b1\r\nContent-Type: application/resource-lists+xml\r\n\r\n"
                                "<resource-lists>",
                                PART_SDP);
    for (unsigned i = 0; i < 17; i++) { /* one more than may be unanswered */
        n += (size_t)snprintf(many + n, sizeof many - n, "<entry uri='sip:u%u@192.0.2.50'/>", i);
    }
    snprintf(many + n, sizeof many - n, "</resource-lists>\r\n" PART_END);
    n = (size_t)snprintf(long_list, sizeof long_list,
                         "%s--b1\r\nContent-Type: application/resource-lists+xml\r\n\r\n"
                         "<resource-lists>",
                         PART_SDP);
    for (unsigned i = 0; i < 70; i++) {
        n += (size_t)snprintf(long_list + n, sizeof long_list - n, "<entry uri='sip:u%u@192.0.2.50'/>", i);
    }
    snprintf(long_list + n, sizeof long_list - n, "</resource-lists>\r\n" PART_END);
    const struct {
        const char *list, *extra, *body;
        enum refer_policy refer;
        int status;
    } rows[] = {
        {"off", "Require: recipient-list-invite\r\n", PART_SDP PART_LIST(ENTRY("sip:b@192.0.2.50")) PART_END, 0, 420},
        {"off", NULL, PART_SDP PART_LIST(ENTRY("sip:b@192.0.2.50")) PART_END, 0, 415},
        {"off", NULL, PART_SDP PART_END, 0, 200}, /* several parts, and nothing new in them */
        {"off", NULL, PART_SDP "--b1\r\nContent-Type: text/html\r\n\r\nhi\r\n" PART_END, 0, 415},
        {"off", NULL,
         PART_SDP
         "--b1\r\nContent-Type: text/html\r\nContent-Disposition: render;handling=optional\r\n\r\nhi\r\n" PART_END,
         0, 200},
        {"off", NULL, "--b1\r\nContent-Type: application/sdp\r\n\r\n", 0, 400},
        {"192.0.2.0/24", NULL, PART_SDP PART_LIST(ENTRY("sip:b@192.0.2.50")) PART_END, REFER_OFF, 403},
        {"192.0.2.0/24", NULL, PART_SDP PART_LIST(ENTRY("sip:b@192.0.2.50")) PART_END, REFER_CREATOR, 200},
        {"192.0.2.0/24", NULL, PART_SDP PART_LIST("<entry uri=x/>") PART_END, 0, 400},
        {"192.0.2.0/24", NULL, PART_SDP PART_LIST("<!DOCTYPE x>") PART_END, 0, 400},
        {"192.0.2.0/24", NULL, many, 0, 480},
        {"192.0.2.0/24", NULL, long_list, 0, 413},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct env_cfg cfg = cfg_of(rows[i].list);
        cfg.refer = rows[i].refer;
        struct world *w = world_open(cfg, 0, NULL);
        struct phone a = phone_of(w, 1, "conferences");
        a.type = "multipart/mixed;boundary=b1";
        a.extra = rows[i].extra;
        int status = phone_invite(&a, rows[i].body);
        if (status != rows[i].status) {
            fail_msg("row %zu: %d", i, status);
        }
        assert_int_equal(count_get(&w->env->stats.confs), status == 200);
        assert_int_equal(count_sent(w, "INVITE "), strcmp(rows[i].list, "off") != 0 && status == 200);
        world_close(w);
    }
}

/* After a redirect the list comes once more, to the conference itself; there without an offer. C9. */
static void test_redirected(void **state)
{
    struct env_cfg cfg = cfg_of("192.0.2.0/24");
    cfg.factory_mode = FACTORY_REDIRECT;
    struct world *w = world_open(cfg, 0, NULL);
    struct phone a = phone_of(w, 1, "conferences");
    char contact[512];
    a.type = "multipart/mixed;boundary=b1";
    a.extra = "Require: recipient-list-invite\r\n";
    assert_int_equal(phone_send(&a, "INVITE", 0, PART_SDP PART_LIST(ENTRY("sip:bob@192.0.2.50")) PART_END), 302);
    assert_int_equal(count_sent(w, "INVITE "), 0);
    assert_true(header(last(w), "Contact", contact, sizeof contact));
    snprintf(a.target, sizeof a.target, "%.*s", (int)strcspn(contact + 1, ">"), contact + 1);
    a.type = "application/resource-lists+xml";
    assert_int_equal(phone_invite(&a, LIST(ENTRY("sip:bob@192.0.2.50"))), 200);
    assert_non_null(strstr(world_answer(w), "m=audio")); /* our offer */
    assert_int_equal(count_sent(w, "INVITE sip:bob@192.0.2.50 "), 1);
    a.type = a.extra = NULL;
    phone_ack(&a, SDP_PCMU);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),    cmocka_unit_test(test_list),       cmocka_unit_test(test_create),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_redirected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
