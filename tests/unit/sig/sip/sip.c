/*
 * Reading and writing messages. The 49 messages of RFC 4475 have each the verdict that the stack gives; the traps of
 * libosip2 that the reader and writer close (L1, L6, L10, and the table of what it lacks) have tests named for them;
 * complexity bombs are bounded in thread CPU time. Row 6.
 */
#include "tests/unit/sig/sip/sip_help.h"

#include <errno.h>

#define HEAD                                                                                                           \
    "Via: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKa;rport\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n"              \
    "Call-ID: 1@h\r\n"
#define OPTIONS "OPTIONS sip:b@h SIP/2.0\r\n" HEAD "CSeq: 1 OPTIONS\r\n"

static struct sip_msg *msg;

static enum refuse parse_bytes(const char *bytes, size_t n, enum flow_transport transport)
{
    struct flow flow = help_flow(transport, "198.51.100.9", 40000);
    sip_free(msg);
    return sip_parse(bytes, n, &flow, &msg);
}

static enum refuse parse(const char *bytes)
{
    return parse_bytes(bytes, strlen(bytes), FLOW_UDP);
}

static char *write_text(struct sip_out *out)
{
    char *text;
    size_t n;
    assert_int_equal(sip_text(out, &text, &n), 0);
    assert_int_equal(strlen(text), n);
    sip_out_free(out);
    return text;
}

/* What the stack says to each; 0: kept, -1: dropped. What is kept and still wrong is the user's to answer: 420 bext01,
 * 415 invut, 488 sdp01. C7, A1. */
static void rfc4475_verdicts(void **state)
{
    static const struct {
        const char *name;
        int verdict;
    } messages[] = {
        /* 3.1.1 valid; intmeth holds NUL, which is refused everywhere */
        {"wsinv", 0},
        {"intmeth", 400},
        {"esc01", 0},
        {"escnull", 0},
        {"esc02", 0},
        {"lwsdisp", 0},
        {"longreq", 0},
        {"dblreq", 0},
        {"semiuri", 0},
        {"transports", 0},
        {"mpart01", 0},
        {"unreason", 0},
        {"noreason", 0},
        /* 3.1.2 invalid */
        {"badinv01", 400},
        {"clerr", 400},
        {"ncl", 400},
        {"scalar02", 400},
        {"scalarlg", -1},
        {"quotbal", 400},
        {"ltgtruri", 400},
        {"lwsruri", 400},
        {"lwsstart", 400},
        {"trws", 400},
        {"escruri", 400},
        {"baddate", 0} /* nobody here reads Date: 3.1.2.12 lets it pass */,
        {"regbadct", 400},
        {"badaspec", 400},
        {"baddn", 0} /* what stands before the < decides nothing: 3.1.2.15 lets it pass */,
        {"badvers", 505},
        {"mismatch01", 400},
        {"mismatch02", 400},
        {"bigcode", -1},
        /* 3.2 transaction layer, 3.3 application layer, 3.4 */
        {"badbranch", 0},
        {"insuf", 400},
        {"unkscm", 416},
        {"novelsc", 416},
        {"unksm2", 0},
        {"bext01", 0},
        {"invut", 0},
        {"regaut01", 0},
        {"multi01", 400},
        {"mcl01", 400},
        {"bcast", -1},
        {"zeromf", 0},
        {"cparam01", 0},
        {"cparam02", 0},
        {"regescrt", 0},
        {"sdp01", 0},
        {"inv2543", 0},
    };
    assert_int_equal(ARRAY_LEN(messages), 49);
    static char bytes[FILE_BYTES_MAX], answer[8192];
    for (unsigned i = 0; i < ARRAY_LEN(messages); i++) {
        size_t n = help_rfc4475(messages[i].name, bytes, sizeof bytes);
        assert_int_not_equal(n, 0);
        enum refuse refuse = parse_bytes(bytes, n, FLOW_UDP);
        int verdict = 0;
        if (refuse != REFUSE_NONE) {
            size_t n_answer = refuse_status(refuse) == 0 ? 0
                                                         : sip_stateless(&msg->scan, &msg->flow, refuse_status(refuse),
                                                                         "No", "tag", "", answer, sizeof answer);
            verdict = n_answer == 0 ? -1 : refuse_status(refuse);
        }
        if (verdict != messages[i].verdict) {
            fail_msg("%s: %s, %d instead of %d", messages[i].name, refuse_name(refuse), verdict, messages[i].verdict);
        }
    }
}

/* C2, C5. */
static void view_of_a_hard_request(void **state)
{
    assert_int_equal(parse("INVITE sips:al%69ce;x=1:pw@[2001:DB8::9]:5061;transport=tcp;lr SIP/2.0\r\n"
                           "Via: SIP/2.0/TCP Edge.Example.ORG:5062 ; branch = z9hG4bKx ;rport, SIP/2.0/UDP b\r\n"
                           "Via: SIP/2.0/UDP c\r\n"
                           "From: \"A \\\"quoted\\\" name\" <sip:a@h;p=1>;x=y ; tag=ft\r\nTo: sip:b@h;tag=tt\r\n"
                           "Call-ID: abc\r\nCSeq: 2147483647 INVITE\r\nMax-Forwards: 0\r\nExpires: 99999999999\r\n"
                           "m: <sip:a@1.2.3.4:5070;ob>;q=0.75;expires=60;+sip.instance=\"<urn:x,y>\", <sip:z@h>\r\n"
                           "Record-Route: <sip:p2;lr>,<sip:p1;lr>\r\nRecord-Route: <sip:p0;lr>\r\n"
                           "Supported: 100rel , timer\r\nk: norefersub\r\nAllow: INVITE, BYE,FOO\r\n"
                           "Content-Type: Application/SDP ;charset=x\r\nP-Asserted-Identity: <sip:id@h>, <tel:+1>\r\n"
                           "Content-Disposition: session;handling=OPTIONAL\r\nContent-Length: 4\r\n\r\nv=0\n"),
                     REFUSE_NONE);
    assert_string_equal(msg->uri.user, "alice;x=1");
    assert_string_equal(msg->uri.host, "2001:db8::9");
    assert_int_equal(msg->uri.port, 5061);
    char value[32];
    assert_true(sip_param(msg->uri.params, "Transport", value, sizeof value));
    assert_string_equal(value, "tcp");
    assert_true(sip_param(msg->uri.params, "lr", value, sizeof value));
    assert_int_equal(msg->n_vias, 3);
    assert_string_equal(msg->via.host, "edge.example.org");
    assert_string_equal(msg->via.branch, "z9hG4bKx");
    assert_true(msg->via.has_rport);
    assert_string_equal(msg->from.display, "A \"quoted\" name");
    assert_string_equal(msg->from.tag, "ft");
    assert_string_equal(msg->to.tag, "tt");
    assert_int_equal(msg->cseq, 2147483647);
    assert_int_equal(msg->max_forwards, 0);
    assert_true(msg->expires_s == UINT32_MAX);
    assert_int_equal(msg->n_contacts, 2);
    assert_int_equal(msg->contacts[0].q_thousandths, 750);
    assert_true(msg->contacts[0].expires_s == 60);
    assert_string_equal(msg->contacts[0].addr.uri.text, "sip:a@1.2.3.4:5070;ob");
    assert_true(sip_param(msg->contacts[0].addr.params, "+sip.instance", value, sizeof value));
    assert_string_equal(value, "<urn:x,y>");
    assert_int_equal(msg->n_record_routes, 3);
    assert_string_equal(msg->record_routes[2], "<sip:p0;lr>");
    assert_true(sip_has(msg, "Supported", "timer") && sip_has(msg, "k", "NOREFERSUB"));
    assert_false(sip_has(msg, "Supported", "time"));
    assert_int_equal(msg->allow, sip_bit(SIP_INVITE) | sip_bit(SIP_BYE));
    assert_string_equal(msg->content_type, "application/sdp");
    assert_true(msg->content_optional);
    assert_int_equal(msg->body_bytes, 4);
    const char *element;
    assert_int_equal(sip_list(msg, "p-asserted-identity", 1, &element), strlen("<tel:+1>"));
    assert_int_equal(sip_list(msg, "p-asserted-identity", 2, &element), 0);
}

/* L1: the multipart reader leaks; a body never gets there, so the leak checker has nothing to find. */
static void l1_multipart_never_reaches_the_library(void **state)
{
    static char bytes[60000];
    size_t n = (size_t)sprintf(bytes, "%s",
                               OPTIONS "MIME-Version: 1.0\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n--b\r\n");
    while (n < 14000) {
        n += (size_t)sprintf(bytes + n, "Content-Type: text/plain\r\n");
    }
    n += (size_t)sprintf(bytes + n, "\r\nx\r\n--b--\r\n");
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(parse_bytes(bytes, n, FLOW_UDP), REFUSE_NONE);
    }
    assert_true(msg->body_bytes > 13000);
}

/* C24, C25. */
static void l6_response_goes_by_what_is_true(void **state)
{
    assert_int_equal(parse("OPTIONS sip:b@h;x-obr=10.0.0.1;x-obp=22;maddr=6.6.6.6 SIP/2.0\r\n"
                           "Via: SIP/2.0/UDP evil.example;received=6.6.6.6;rport=53;maddr=6.6.6.6;branch=z9hG4bKq\r\n"
                           "From: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1@h\r\nCSeq: 1 OPTIONS\r\n\r\n"),
                     REFUSE_NONE);
    char *text = write_text(sip_response_make(msg, 200, NULL, "mine"));
    assert_non_null(strstr(text, "Via: SIP/2.0/UDP evil.example;maddr=6.6.6.6;branch=z9hG4bKq;received=198.51.100.9;"
                                 "rport=40000\r\n"));
    assert_null(strstr(text, "received=6"));
    assert_null(strstr(text, "rport=53"));
    free(text);
    char answer[2048];
    assert_true(sip_stateless(&msg->scan, &msg->flow, 400, "No", "t", "", answer, sizeof answer) > 0);
    assert_non_null(strstr(answer, ";received=198.51.100.9;rport=40000\r\n"));
    assert_null(strstr(answer, "received=6"));
}

/* A23. */
static void l10_numbers_and_ports(void **state)
{
    static const char *const bad[] = {"CSeq: abc OPTIONS",
                                      "CSeq: -1 OPTIONS",
                                      "CSeq: 36893488147419103232 OPTIONS",
                                      "CSeq: 2147483648 OPTIONS",
                                      "CSeq: 1",
                                      "CSeq: 1 INVITE",
                                      "CSeq: 1OPTIONS"};
    char bytes[2048];
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        sprintf(bytes, "OPTIONS sip:b@h SIP/2.0\r\n" HEAD "%s\r\n\r\n", bad[i]);
        enum refuse refuse = parse(bytes);
        assert_true(refuse == REFUSE_CSEQ || refuse == REFUSE_CSEQ_METHOD);
    }
    static const char *const headers[] = {
        "Max-Forwards: 256",        "Max-Forwards: -1",         "Max-Forwards: x",
        "Expires: 1\r\nExpires: 2", "Contact: <sip:a@h:70000>", "Contact: <sip:a@h:0>",
        "Contact: *, <sip:a@h>",    "Route: <sip:a b@h>",       "Record-Route: junk"};
    for (unsigned i = 0; i < ARRAY_LEN(headers); i++) {
        sprintf(bytes, OPTIONS "%s\r\n\r\n", headers[i]);
        assert_int_not_equal(parse(bytes), REFUSE_NONE);
    }
    static const char *const uris[] = {"sip:b@h:70000", "sip:b@h:0", "sip:b@h:",   "sip:b@",
                                       "sip:@h",        "sip:a@b@h", "sip:",       "sip:b@h?Subject=x",
                                       "b@h",           "<sip:b@h>", "sip:b@[::1", "sip:b@h_[x]"};
    for (unsigned i = 0; i < ARRAY_LEN(uris); i++) {
        sprintf(bytes, "OPTIONS %s SIP/2.0\r\n" HEAD "CSeq: 1 OPTIONS\r\n\r\n", uris[i]);
        assert_int_equal(parse(bytes), REFUSE_URI);
    }
    static const char *const vias[] = {"SIP/2.0/UDP h:70000", "SIP/2.0/UDP",
                                       "SIP/3.0/UDP h",       "UDP h",
                                       "SIP/2.0/UDP h h",     "SIP/2.0/UDP h;branch=\"z9hG4bKa, SIP/2.0/UDP b"};
    for (unsigned i = 0; i < ARRAY_LEN(vias); i++) {
        sprintf(bytes,
                "OPTIONS sip:b@h SIP/2.0\r\nVia: %s\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\n"
                "CSeq: 1 OPTIONS\r\n\r\n",
                vias[i]);
        assert_int_equal(parse(bytes), REFUSE_VIA);
    }
}

/* The dialog matcher of libosip2 dies on a From ";tag" without value (L4) and takes any To tag (L5): here a tag is
 * there with a value, or the message is refused. */
static void l4_tag_without_value_is_refused(void **state)
{
    static const char *const froms[] = {"<sip:a@h>;tag", "<sip:a@h>;tag=", "<sip:a@h>;tag=\"\"", "<sip:a@h>;tag=a b"};
    char bytes[1024];
    for (unsigned i = 0; i < ARRAY_LEN(froms); i++) {
        sprintf(bytes,
                "BYE sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: %s\r\nTo: <sip:b@h>\r\n"
                "Call-ID: 1@h\r\nCSeq: 1 BYE\r\n\r\n",
                froms[i]);
        assert_int_not_equal(parse(bytes), REFUSE_NONE);
    }
}

/* Table 1.1: unknown header names keep their case, URIs their escapes, a %00 never ends a string. */
/* Found by a million mutants: what the library reads without a tag it refuses with one. */
static void to_that_cannot_carry_a_tag(void **state)
{
    assert_int_equal(parse("OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa\r\n"
                           "From: <sip:a@h>;tag=1\r\nTo: sip:w\r\nCall-ID: 1@h\r\nCSeq: 1 OPTIONS\r\n\r\n"),
                     REFUSE_DISAGREE);
}

static void what_came_goes_out_unchanged(void **state)
{
    struct sip_request request = {.method = SIP_INVITE,
                                  .target = "sip:null-%00-%41@host;gr=urn:uuid:1%3B2?a=b",
                                  .from = "\"Room\" <sip:room@h>;tag=1",
                                  .to = "<sip:c@d>",
                                  .call_id = "x@y",
                                  .cseq = 7};
    struct sip_out *out = sip_request_make(&request);
    sip_add(out, "P-Asserted-Identity", "<sip:room@h>");
    sip_body(out, "application/sdp", "v=0\r\n", 5);
    char *text = write_text(out);
    static const char first[] = "INVITE sip:null-%00-%41@host;gr=urn:uuid:1%3B2?a=b SIP/2.0\r\n";
    assert_memory_equal(text, first, sizeof first - 1);
    assert_non_null(strstr(text, "\r\nP-Asserted-Identity: <sip:room@h>\r\n"));
    assert_non_null(strstr(text, "\r\nMax-Forwards: 70\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\nv=0\r\n");
    free(text);
    assert_int_equal(parse("OPTIONS sip:x%00y@h SIP/2.0\r\n" HEAD "CSeq: 1 OPTIONS\r\nP-Asserted-identity: a\r\n\r\n"),
                     REFUSE_NONE);
    assert_string_equal(msg->uri.user, "x%00y");
}

/* The serialiser begins with a buffer of fixed size. */
static void large_messages_are_written_whole(void **state)
{
    static char body[40000], value[6000];
    memset(body, 'b', sizeof body);
    memset(value, 'v', sizeof value - 1);
    body[7] = 0;
    struct sip_request request = {.method = SIP_MESSAGE,
                                  .target = "sip:c@d",
                                  .from = "<sip:a@b>;tag=1",
                                  .to = "<sip:c@d>",
                                  .call_id = "x",
                                  .cseq = 1};
    struct sip_out *out = sip_request_make(&request);
    for (unsigned i = 0; i < 3; i++) {
        sip_add(out, "Subject-X", value);
    }
    sip_body(out, "text/plain", body, sizeof body);
    char *text;
    size_t n;
    assert_int_equal(sip_text(out, &text, &n), 0);
    assert_true(n > sizeof body + 3 * (sizeof value - 1));
    assert_memory_equal(text + n - sizeof body, body, sizeof body);
    free(text);
    sip_out_free(out);
    out = sip_request_make(&request);
    for (unsigned i = 0; i < 5; i++) {
        sip_add(out, "Subject-X", value);
    }
    sip_body(out, "text/plain", body, sizeof body);
    assert_int_equal(sip_text(out, &text, &n), -EMSGSIZE);
    sip_out_free(out);
}

/* C11. */
static void strict_and_loose_routes(void **state)
{
    const char *loose[] = {"<sip:p1;lr>", "<sip:p2>"}, *strict[] = {"<sip:p1>", "<sip:p2;lr>"};
    struct sip_request request = {.method = SIP_BYE,
                                  .target = "sip:c@d",
                                  .routes = loose,
                                  .n_routes = 2,
                                  .from = "<sip:a@b>;tag=1",
                                  .to = "<sip:c@d>;tag=2",
                                  .call_id = "x",
                                  .cseq = 1};
    char *text = write_text(sip_request_make(&request));
    assert_non_null(strstr(text, "BYE sip:c@d SIP/2.0\r\nRoute: <sip:p1;lr>\r\nRoute: <sip:p2>\r\nMax-"));
    free(text);
    request.routes = strict;
    text = write_text(sip_request_make(&request));
    assert_non_null(strstr(text, "BYE sip:p1 SIP/2.0\r\nRoute: <sip:p2;lr>\r\nRoute: <sip:c@d>\r\nMax-"));
    free(text);
}

/* A19: nobody gets a line of his own into what we send. */
static void header_injection_fails(void **state)
{
    assert_int_equal(parse(OPTIONS "\r\n"), REFUSE_NONE);
    static const char *const bad[] = {"x\r\nEvil: 1", "x\nEvil: 1", "x\ry"};
    char *text;
    size_t n;
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct sip_out *out = sip_response_make(msg, 200, NULL, "t");
        sip_add(out, "Subject", bad[i]);
        assert_int_equal(sip_text(out, &text, &n), -EINVAL);
        sip_out_free(out);
        out = sip_response_make(msg, 200, bad[i], "t");
        assert_int_equal(sip_text(out, &text, &n), -EINVAL);
        sip_out_free(out);
        struct sip_request request = {.method = SIP_BYE, .target = bad[i], .from = "a", .to = "b", .call_id = "c"};
        out = sip_request_make(&request);
        assert_int_equal(sip_text(out, &text, &n), -EINVAL);
        sip_out_free(out);
    }
    assert_int_equal(sip_text(NULL, &text, &n), -ENOMEM);
}

/* C6. */
static void response_has_what_it_must(void **state)
{
    assert_int_equal(parse("INVITE sip:b@h SIP/2.0\r\n" HEAD "CSeq: 1 INVITE\r\nRecord-Route: <sip:p;lr>\r\n"
                           "Timestamp: 54.1\r\nMax-Forwards: 70\r\n\r\n"),
                     REFUSE_NONE);
    char *text = write_text(sip_response_make(msg, 100, NULL, NULL));
    assert_non_null(strstr(text, "SIP/2.0 100 Trying\r\n"));
    assert_non_null(strstr(text, "Timestamp: 54.1\r\n"));
    assert_non_null(strstr(text, "To: <sip:b@h>\r\n"));
    assert_null(strstr(text, "Record-Route"));
    free(text);
    text = write_text(sip_response_make(msg, 200, NULL, "mine"));
    assert_non_null(strstr(text, "Record-Route: <sip:p;lr>\r\n"));
    assert_non_null(strstr(text, "To: <sip:b@h>;tag=mine\r\n"));
    assert_null(strstr(text, "Timestamp"));
    free(text);
    text = write_text(sip_response_make(msg, 302, NULL, "mine"));
    assert_null(strstr(text, "Record-Route"));
    free(text);
}

/* C10. */
static void ack_and_cancel_repeat_the_invite(void **state)
{
    const char *invite =
        "INVITE sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP us;branch=z9hG4bKb\r\nRoute: <sip:p;lr>\r\n"
        "Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 5 INVITE\r\n"
        "Contact: <sip:us>\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n";
    char text[1024];
    assert_true(sip_follow(invite, strlen(invite), SIP_ACK, "<sip:c@d>;tag=9", text, sizeof text) > 0);
    assert_string_equal(text, "ACK sip:c@d SIP/2.0\r\nVia: SIP/2.0/UDP us;branch=z9hG4bKb\r\nRoute: <sip:p;lr>\r\n"
                              "Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=9\r\nCall-ID: x\r\n"
                              "CSeq: 5 ACK\r\nContent-Length: 0\r\n\r\n");
    assert_true(sip_follow(invite, strlen(invite), SIP_CANCEL, NULL, text, sizeof text) > 0);
    assert_non_null(strstr(text, "To: <sip:c@d>\r\n"));
    assert_non_null(strstr(text, "CSeq: 5 CANCEL\r\n"));
}

/* ---- complexity (A3, L3) ---- */

static uint64_t bomb_ns(const char *head, const char *piece, const char *tail, size_t size)
{
    static char bytes[FILE_BYTES_MAX];
    size_t n = (size_t)sprintf(bytes, "%s", head);
    while (n + strlen(piece) + strlen(tail) + 64 < size) {
        n += (size_t)sprintf(bytes + n, "%s", piece);
    }
    n += (size_t)sprintf(bytes + n, "%sContent-Length: 0\r\n\r\n", tail);
    uint64_t best_ns = UINT64_MAX;
    for (unsigned i = 0; i < 3; i++) { /* the machine may be busy: the best of three is the work itself */
        uint64_t start_ns = help_thread_ns();
        parse_bytes(bytes, n, FLOW_TCP);
        best_ns = MIN(best_ns, help_thread_ns() - start_ns);
    }
    return best_ns;
}

static void bombs_cost_little(void **state)
{
    static const char *const bombs[][3] = {
        {OPTIONS "Contact: *", ",*", "\r\n"},
        {OPTIONS "Accept: a", ",a", "\r\n"},
        {"OPTIONS sip:b@h", ";a", " SIP/2.0\r\n" HEAD "CSeq: 1 OPTIONS\r\n"},
        {"OPTIONS sip:b@h?a=b", "&a=b", " SIP/2.0\r\n" HEAD "CSeq: 1 OPTIONS\r\n"},
        {OPTIONS, "X-1: 1\r\n", ""},
        {OPTIONS, "Accept: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n", ""},
        {OPTIONS "Contact: <sip:a@h", ";a=b", ">\r\n"},
        {OPTIONS "Contact: ", "\"", "\r\n"},
        {OPTIONS "Contact: ", "<", "\r\n"},
        {OPTIONS "Contact: ", "\\", "\r\n"},
        {OPTIONS "Contact: \"", "\\\"", "\" <sip:a@h>\r\n"},
        {OPTIONS "Subject: ", " \r\n ", "\r\n"},
        {OPTIONS "Subject: ", "x", "\r\n"},
        {OPTIONS "Authorization: Digest ", "a=\"b\",", "\r\n"},
        {OPTIONS "Authorization: Digest ", "a", "\r\n"},
        {OPTIONS "Content-Type: a/b", ";a=\"b\"", "\r\n"},
        {OPTIONS "Contact: <sip:a@h>;q=", "%41", "\r\n"},
        {OPTIONS "Route: ", "<sip:a@h>,", "<sip:b@h>\r\n"},
        {OPTIONS "Call-Info: ", "<sip:a@h>;", "\r\n"},
        {"OPTIONS sip:", "%41", "@h SIP/2.0\r\n" HEAD "CSeq: 1 OPTIONS\r\n"},
        {"OPTIONS sip:b@h SIP/2.0\r\nVia: SIP/2.0/UDP h", ",SIP/2.0/UDP h", "\r\n" HEAD "CSeq: 1 OPTIONS\r\n"},
        {OPTIONS "Contact: <sip:a@h>", " ", "x\r\n"},
    };
    static const size_t sizes[] = {8192, 16384, 65536};
    uint64_t worst_ns = 0;
    unsigned worst = 0;
    for (unsigned i = 0; i < ARRAY_LEN(bombs); i++) {
        for (unsigned size = 0; size < ARRAY_LEN(sizes); size++) {
            uint64_t ns = UINT64_MAX; /* the best of three: a guest is charged for what its host does in between */
            for (unsigned take = 0; take < 3; take++) {
                ns = MIN(ns, bomb_ns(bombs[i][0], bombs[i][1], bombs[i][2], sizes[size]));
            }
            if (ns > worst_ns) {
                worst_ns = ns;
                worst = i;
            }
        }
    }
    print_message("worst bomb: %u, %llu us\n", worst, (unsigned long long)(worst_ns / 1000));
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && defined(__OPTIMIZE__) && !defined(__clang__)
    assert_true(worst_ns <= 5 * NS_PER_MS);
#endif
}

static void usual_cost(void **state)
{
    static char bytes[2048];
    size_t n = (size_t)sprintf(
        bytes, "INVITE sip:conferences@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKa;rport\r\n"
               "Via: SIP/2.0/UDP 192.0.2.8:5060;branch=z9hG4bKb\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKc\r\n"
               "Record-Route: <sip:p1.example.org;lr>, <sip:p2.example.org;lr>\r\nMax-Forwards: 67\r\n"
               "From: \"Alice\" <sip:alice@example.org>;tag=9fxced76sl\r\nTo: <sip:conferences@example.org>\r\n"
               "Call-ID: 3848276298220188511@192.0.2.7\r\nCSeq: 1 INVITE\r\nContact: <sip:alice@192.0.2.7:5062;ob>\r\n"
               "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, PRACK, UPDATE, REFER, NOTIFY\r\nSupported: 100rel, timer, "
               "norefersub\r\n"
               "User-Agent: test\r\nP-Asserted-Identity: <sip:alice@example.org>\r\nSession-Expires: 1800\r\n"
               "Content-Type: application/sdp\r\nContent-Length: 0\r\n\r\n");
    enum { N = 5000 };
    uint64_t start_ns = help_thread_ns();
    for (unsigned i = 0; i < N; i++) {
        assert_int_equal(parse_bytes(bytes, n, FLOW_UDP), REFUSE_NONE);
    }
    uint64_t parsed_ns = help_thread_ns();
    for (unsigned i = 0; i < N; i++) {
        struct sip_out *out = sip_response_make(msg, 200, NULL, "0123456789abcdef");
        sip_add(out, "Contact", "<sip:x@192.0.2.1>;isfocus");
        sip_body(out, "application/sdp", bytes, 400);
        free(write_text(out));
    }
    uint64_t written_ns = help_thread_ns();
    print_message("INVITE of %zu octets: parse %.1f us, response %.1f us\n", n,
                  (double)(parsed_ns - start_ns) / N / 1000, (double)(written_ns - parsed_ns) / N / 1000);
}

static int begin(void **state)
{
    return sip_init();
}

static int end(void **state)
{
    sip_free(msg);
    msg = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc4475_verdicts),
        cmocka_unit_test(view_of_a_hard_request),
        cmocka_unit_test(l1_multipart_never_reaches_the_library),
        cmocka_unit_test(l4_tag_without_value_is_refused),
        cmocka_unit_test(l6_response_goes_by_what_is_true),
        cmocka_unit_test(l10_numbers_and_ports),
        cmocka_unit_test(what_came_goes_out_unchanged),
        cmocka_unit_test(to_that_cannot_carry_a_tag),
        cmocka_unit_test(large_messages_are_written_whole),
        cmocka_unit_test(strict_and_loose_routes),
        cmocka_unit_test(header_injection_fails),
        cmocka_unit_test(response_has_what_it_must),
        cmocka_unit_test(ack_and_cancel_repeat_the_invite),
        cmocka_unit_test(bombs_cost_little),
        cmocka_unit_test(usual_cost),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
