/*
 * Requests as phones, proxies and gateways in the field write them, through the whole of signalling: a header that
 * decides nothing may be odd, a body may have parts in any of the forms of MIME. Method: each form in an INVITE of its
 * own, and its status.
 */
#include "tests/unit/unit.h"

#include "tests/unit/call_world.h"

static const struct env_cfg direct = {.factory_mode = FACTORY_DIRECT};

/* An INVITE in which From, Contact and more are as given; "" for the plain ones. @return status */
static int invite_as(struct world *w, const char *from, const char *to, const char *contact, const char *more)
{
    static unsigned number;
    char text[TEXT_MAX];
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    unsigned before = w->n_sent;
    must(addr_parse(&flow.remote, "192.0.2.9", 5060) == 0);
    number++;
    int n = snprintf(text, sizeof text,
                     "INVITE sip:conferences@" DOMAIN " SIP/2.0\r\n"
                     "Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK-l%u\r\nMax-Forwards: 70\r\n"
                     "From: %s;tag=f%u\r\nTo: %s\r\nCall-ID: l%u@192.0.2.9\r\nCSeq: 1 INVITE\r\nContact: %s\r\n%s"
                     "Content-Type: application/sdp\r\nContent-Length: %zu\r\n\r\n%s",
                     number, *from ? from : "<sip:p@192.0.2.9>", number, *to ? to : "<sip:conferences@" DOMAIN ">",
                     number, *contact ? contact : "<sip:p@192.0.2.9:5060>", more, strlen(SDP_PCMU), SDP_PCMU);
    txns_rx(w->txns, &flow, text, (size_t)n, w->now_ns);
    return w->n_sent == before ? 0 : status_of(last(w));
}

static void headers_that_nobody_needs(void **state)
{
    static const char *const headers[] = {
        "Date: Sun, 29 Nov 2026 10:00:00 UTC\r\n",
        "Date: Sun, 29 Nov 2026 10:00:00 +0000\r\n",
        "Date: 2026-11-29T10:00:00Z\r\n",
        "Date:\r\n",
        "Date: x\r\nDate: y\r\n",
        "Expires: Sun, 29 Nov 2026 10:00:00 GMT\r\n",
        "Expires:\r\n",
        "Expires: -1\r\n",
        "Subject: a\r\nSubject: b\r\n",
        "Min-Expires: 1\r\nMin-Expires: 2\r\n",
    };
    struct world *w = world_open(direct, 0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
        assert_int_equal(invite_as(w, "", "", "", headers[i]), 200);
        world_run(w, 40000);
        world_work(w);
        world_give(w);
    }
    world_close(w);
}

static void names_of_people(void **state)
{
    static const char *const names[] = {"Doe, John <sip:p@192.0.2.9>",    "John (home) <sip:p@192.0.2.9>",
                                        "Sales/EMEA <sip:p@192.0.2.9>",   "J\xc3\xb6rg <sip:p@192.0.2.9>",
                                        "\xe6\x9d\x8e <sip:p@192.0.2.9>", "\"Doe, <John>\" <sip:p@192.0.2.9>",
                                        "[x] @ {y} = ? <sip:p@192.0.2.9>"};
    struct world *w = world_open(direct, 0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(invite_as(w, names[i], "", "", ""), 200);
        assert_non_null(strstr(last(w), names[i])); /* and it comes back as it was */
        assert_int_equal(invite_as(w, "", names[i], "", ""), 200);
        world_run(w, 40000);
        world_work(w);
        world_give(w);
    }
    static const char *const contacts[] = {"<sip:p@192.0.2.9:5060>;", "<sip:p@192.0.2.9:5060>;expires=60 ; ;",
                                           "J\xc3\xb6rg (x) <sip:p@192.0.2.9:5060>",
                                           "sip:p@192.0.2.9:5060;expires=60;"};
    for (size_t i = 0; i < ARRAY_LEN(contacts); i++) {
        assert_int_equal(invite_as(w, "", "", contacts[i], ""), 200);
        world_run(w, 40000); /* no ACK: the BYE finds its way */
        assert_int_equal(strncmp(last(w), "BYE sip:p@192.0.2.9:5060 ", 25), 0);
        world_work(w);
        world_give(w);
    }
    /* What would be read in two ways stays refused. */
    static const char *const bad[] = {"a\"b <sip:p@192.0.2.9>", "\"a <sip:p@192.0.2.9>", "a > <sip:p@192.0.2.9>"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(invite_as(w, bad[i], "", "", ""), 400);
    }
    world_close(w);
}

/* 422 asks for a larger one for ever where 400 names the fault: RFC 4028 6, RFC 3261 21.4.1. */
static void session_timer_that_is_no_number(void **state)
{
    struct world *w = world_open(direct, 0, NULL);
    assert_int_equal(invite_as(w, "", "", "", "Session-Expires: 1800.5\r\nSupported: timer\r\n"), 400);
    assert_int_equal(invite_as(w, "", "", "", "Session-Expires:\r\nSupported: timer\r\n"), 400);
    assert_int_equal(invite_as(w, "", "", "", "Session-Expires: 30\r\nSupported: timer\r\n"), 422);
    world_close(w);
}

#define PIDF "<?xml version=\"1.0\"?><presence entity=\"pres:a@b\"/>"
#define PART(mark, head, body) "--" mark "\r\n" head "\r\n\r\n" body "\r\n"
#define PART_SDP(mark) PART(mark, "Content-Type: application/sdp", SDP_PCMU)
#define END(mark) "--" mark "--\r\n"

static void bodies_of_parts(void **state)
{
    static const struct {
        const char *type, *body;
        int status;
    } cases[] = {
        {"multipart/mixed;boundary=b1", PART_SDP("b1") END("b1"), 200},
        {"multipart/related;boundary=b1;type=\"application/sdp\"", PART_SDP("b1") END("b1"), 200},
        {"multipart/related;boundary=b1",
         PART_SDP("b1")
             PART("b1", "Content-Type: application/pidf+xml\r\nContent-Disposition: render;handling=optional", PIDF)
                 END("b1"),
         200},
        {"multipart/alternative;boundary=b1", PART("b1", "Content-Type: text/plain", "hello") PART_SDP("b1") END("b1"),
         200},
        {"Multipart/X-Any; boundary=\"b1\"", PART_SDP("b1") END("b1"), 200},
        {"multipart/mixed;boundary=b0",
         PART("b0", "Content-Type: multipart/mixed;boundary=b1", PART_SDP("b1") END("b1")) END("b0"), 200},
        {"multipart/mixed;boundary=b0",
         PART("b0", "Content-Type: multipart/alternative;\r\n\tboundary=b1",
              PART("b1", "Content-Type: text/html", "x") PART_SDP("b1") END("b1")) END("b0"),
         200},
        {"multipart/alternative;boundary=b0",
         PART("b0", "Content-Type: multipart/related;boundary=b1",
              PART_SDP("b1") PART("b1", "Content-Type: application/pidf+xml", PIDF) END("b1")) END("b0"),
         200},
        {"multipart/mixed;boundary=b1",
         PART_SDP("b1") PART("b1",
                             "Content-Type: application/isup;version=x\r\n"
                             "Content-Disposition: signal;\r\n handling=optional",
                             "\x01") END("b1"),
         200},
        {"multipart/mixed;boundary=b0",
         PART_SDP("b0")
             PART("b0", "Content-Type: multipart/mixed;boundary=b1\r\nContent-Disposition: x;handling=optional",
                  PART("b1", "Content-Type: text/html", "x") END("b1")) END("b0"),
         200},
        {"multipart/mixed;boundary=b1",
         PART_SDP("b1") PART("b1", "Content-Type: application/isup\r\nContent-Disposition: signal;handling=required",
                             "x") END("b1"),
         415},
        {"multipart/mixed;boundary=b0",
         PART_SDP("b0") PART("b0", "Content-Type: multipart/alternative;boundary=b1",
                             PART("b1", "Content-Type: text/html", "x") END("b1")) END("b0"),
         415},
        {"multipart/mixed;boundary=b0", PART_SDP("b0") PART("b0", "Content-Type: multipart/mixed", "x") END("b0"), 400},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world *w = world_open(direct, 0, NULL);
        struct phone p = phone_of(w, 1, "conferences");
        char value[256];
        p.type = cases[i].type;
        int status = phone_invite(&p, cases[i].body);
        if (status != cases[i].status) {
            fail_msg("case %zu: %d", i, status);
        }
        assert_true(status == 400 ||
                    (header(last(w), "Accept", value, sizeof value) && strstr(value, "multipart/mixed")));
        world_close(w);
    }
}

/* Parts within parts without end: those too deep are of a type that nobody understands. */
static void bodies_too_deep(void **state)
{
    struct world *w = world_open(direct, 0, NULL);
    struct phone p = phone_of(w, 1, "conferences");
    char body[4096] = SDP_PCMU, outer[4096];
    for (unsigned i = 9; i > 0; i--) {
        snprintf(outer, sizeof outer, "--b%u\r\nContent-Type: %s%u\r\n\r\n%.3500s\r\n--b%u--", i,
                 i == 9 ? "application/sdp;x=" : "multipart/mixed;boundary=b", i + 1, body, i);
        strcpy(body, outer);
    }
    p.type = "multipart/mixed;boundary=b1";
    assert_int_equal(phone_invite(&p, body), 415);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_that_nobody_needs),
        cmocka_unit_test(names_of_people),
        cmocka_unit_test(bodies_of_parts),
        cmocka_unit_test(bodies_too_deep),
        cmocka_unit_test(session_timer_that_is_no_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
