/*
 * The pre-scan: each trap of libosip2 that has to be closed before it sees a message (L3, L7, L8, L9, L10, L11 of the
 * list in the protocol notes) is a test named for it; then framing on a stream, cut at every octet. Row 6.
 */
#include "tests/unit/sig/sip/sip_help.h"

#define HEAD                                                                                                           \
    "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1@h\r\n"         \
    "CSeq: 1 OPTIONS\r\n"
#define START "OPTIONS sip:b@h SIP/2.0\r\n"

static struct scan scan;
static char text[FILE_BYTES_MAX + SCAN_TEXT_EXTRA];

static enum refuse scan_bytes(const char *bytes, size_t n, bool stream)
{
    return scan_message(&scan, bytes, n, stream, text, sizeof text);
}

static enum refuse udp(const char *bytes)
{
    return scan_bytes(bytes, strlen(bytes), false);
}

static void takes_a_plain_request(void **state)
{
    assert_int_equal(udp(START HEAD "Content-Length: 3\r\n\r\nabcdef"), REFUSE_NONE);
    assert_string_equal(scan.method, "OPTIONS");
    assert_string_equal(scan.request_uri, "sip:b@h");
    assert_int_equal(scan.body_bytes, 3);
    assert_memory_equal(scan.body, "abc", 3);
    assert_string_equal(scan_value(&scan, SCAN_CALL_ID, 0), "1@h");
    assert_null(scan_value(&scan, SCAN_CONTACT, 0));
}

/* A20: folds, compact names and blanks around the colon come out one way. */
static void white_space_is_decided_once(void **state)
{
    assert_int_equal(udp(START "v :SIP/2.0/UDP h;branch=z9hG4bKa\r\nf\t: <sip:a@h>\r\n ;tag=1  \r\nt:<sip:b@h>\r\n"
                               "i:\r\n  1@h\r\nCSeq:\t1  OPTIONS \r\n\r\n"),
                     REFUSE_NONE);
    assert_string_equal(scan_value(&scan, SCAN_FROM, 0), "<sip:a@h> ;tag=1");
    assert_string_equal(scan_value(&scan, SCAN_CALL_ID, 0), "1@h");
    assert_string_equal(scan_value(&scan, SCAN_CSEQ, 0), "1  OPTIONS");
    assert_int_equal(udp(START HEAD "f: <sip:c@h>;tag=2\r\n\r\n"), REFUSE_TWICE); /* compact and long */
    assert_int_equal(udp(START HEAD "X: a\nY: b\r\n\r\n"), REFUSE_LINE_END);
    assert_int_equal(udp(START HEAD "X: a\rY: b\r\n\r\n"), REFUSE_LINE_END);
    assert_int_equal(udp(START HEAD "X: a\x1b[2J\r\n\r\n"), REFUSE_CONTROL);
    assert_int_equal(udp(START HEAD "no colon\r\n\r\n"), REFUSE_HEADER_NAME);
    assert_int_equal(udp(START HEAD "X: 1\r\n"), REFUSE_LINE_END);
}

/* A3. */
static void l3_lists_parameters_lines_are_limited(void **state)
{
    static char bytes[FILE_BYTES_MAX];
    size_t n = (size_t)sprintf(bytes, START HEAD "Contact: *");
    for (unsigned i = 0; i < 65; i++) {
        n += (size_t)sprintf(bytes + n, ",*");
    }
    sprintf(bytes + n, "\r\n\r\n");
    assert_int_equal(udp(bytes), REFUSE_COMMAS);
    n = (size_t)sprintf(bytes, START HEAD "Contact: <sip:a@h");
    for (unsigned i = 0; i < 65; i++) {
        n += (size_t)sprintf(bytes + n, ";a");
    }
    sprintf(bytes + n, ">\r\n\r\n");
    assert_int_equal(udp(bytes), REFUSE_PARAMETERS);
    n = (size_t)sprintf(bytes, "OPTIONS sip:b@h");
    for (unsigned i = 0; i < 65; i++) {
        n += (size_t)sprintf(bytes + n, ";a");
    }
    sprintf(bytes + n, " SIP/2.0\r\n" HEAD "\r\n");
    assert_int_equal(udp(bytes), REFUSE_PARAMETERS);
    n = (size_t)sprintf(bytes, START HEAD);
    for (unsigned i = 0; i < 124; i++) {
        n += (size_t)sprintf(bytes + n, "X-1: 1\r\n");
    }
    sprintf(bytes + n, "\r\n");
    assert_int_equal(udp(bytes), REFUSE_HEADERS);
    n = (size_t)sprintf(bytes, START HEAD);
    for (unsigned i = 0; i < 8; i++) { /* many lines of a list that each keep the limit */
        n += (size_t)sprintf(bytes + n,
                             "Accept: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n");
    }
    sprintf(bytes + n, "\r\n");
    assert_int_equal(udp(bytes), REFUSE_COMMAS);
}

static void size_is_limited_per_transport(void **state)
{
    static char bytes[FILE_BYTES_MAX];
    memset(bytes, 'x', sizeof bytes);
    size_t n = (size_t)sprintf(bytes, START HEAD "Content-Length: 16384\r\n\r\n");
    bytes[n] = 'x';
    assert_int_equal(scan_bytes(bytes, n + 16384, false), REFUSE_TOO_LARGE);
    assert_int_equal(scan_bytes(bytes, n + 16384, true), REFUSE_NONE);
    assert_string_equal(scan_value(&scan, SCAN_CALL_ID, 0), "1@h");
}

static void l7_content_length_is_digits(void **state)
{
    static const char *const bad[] = {"-1",  "-999", "+0", "2147483648", "4294967297", "18446744073709551616",
                                      "0x1", "1a",   "",   "1 2",        "1,1"};
    char bytes[1024];
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        sprintf(bytes, START HEAD "Content-Length: %s\r\n\r\nx", bad[i]);
        enum refuse refuse = udp(bytes);
        assert_true(refuse == REFUSE_CONTENT_LENGTH || refuse == REFUSE_TOO_LARGE);
        assert_int_not_equal(scan_bytes(bytes, strlen(bytes), true), REFUSE_NONE);
        size_t n_seen = 0, n_frame;
        assert_int_equal(scan_frame(bytes, strlen(bytes), &n_seen, &n_frame), SCAN_FRAME_BAD);
    }
    assert_int_equal(udp(START HEAD "Content-Length: 5\r\n\r\nabc"), REFUSE_CONTENT_LENGTH);
    assert_int_equal(udp(START HEAD "Content-Length: 3\r\nl: 3\r\n\r\nabc"), REFUSE_TWICE);
    const char *absent = START HEAD "\r\n";
    assert_int_equal(scan_bytes(absent, strlen(absent), true), REFUSE_NO_CONTENT_LENGTH);
}

static void l8_status_line_has_its_blanks(void **state)
{
    assert_int_equal(udp("SIP/2.0 200\r\n" HEAD "\r\n"), REFUSE_STATUS);
    assert_int_equal(udp("SIP/2.0 200 \r\n" HEAD "\r\n"), REFUSE_NONE);
    assert_int_equal(udp("SIP/2.0  200 OK\r\n" HEAD "\r\n"), REFUSE_STATUS);
}

static void l9_nul_is_refused(void **state)
{
    static const char bytes[] = START HEAD "X: a\0b\r\n\r\n";
    assert_int_equal(scan_bytes(bytes, sizeof bytes - 1, false), REFUSE_NUL);
    static const char name[] = START "X\0: a\r\n" HEAD "\r\n";
    assert_int_equal(scan_bytes(name, sizeof name - 1, false), REFUSE_NUL);
    static const char body[] = START HEAD "Content-Length: 3\r\n\r\na\0b";
    assert_int_equal(scan_bytes(body, sizeof body - 1, false), REFUSE_NONE); /* a body may hold anything */
}

/* C7. */
static void l10_version_and_single_headers(void **state)
{
    assert_int_equal(udp("OPTIONS sip:b@h SIP/7.0\r\n" HEAD "\r\n"), REFUSE_VERSION);
    assert_int_equal(udp("OPTIONS sip:b@h SIP/2.00\r\n" HEAD "\r\n"), REFUSE_VERSION);
    assert_int_equal(udp("OPTIONS sip:b@h sip/2.0\r\n" HEAD "\r\n"), REFUSE_NONE);
    assert_int_equal(udp("OPTIONS sip:b@h HTTP/1.1\r\n" HEAD "\r\n"), REFUSE_REQUEST_LINE);
    assert_int_equal(udp(START HEAD "Max-Forwards: 1\r\nMax-Forwards: 2\r\n\r\n"), REFUSE_TWICE);
}

static void l11_status_is_100_to_699(void **state)
{
    static const char *const bad[] = {"-200", "099", "99", "700", "999", "4294967301", "2000", "20"};
    char bytes[1024];
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        sprintf(bytes, "SIP/2.0 %s OK\r\n" HEAD "\r\n", bad[i]);
        assert_int_equal(udp(bytes), REFUSE_STATUS);
    }
}

/* A1. */
static void garbage_is_not_answered(void **state)
{
    assert_int_equal(udp(""), REFUSE_EMPTY);
    assert_int_equal(udp("\r\n\r\n\r\n"), REFUSE_EMPTY);
    assert_int_equal(udp("GET / HTTP/1.1 and so on"), REFUSE_FIRST_LINE);
    assert_int_equal(udp("<<<<<<<<<<<<<<<<<<<<<\r\n\r\n"), REFUSE_FIRST_LINE);
}

static void elements_of_a_list(void **state)
{
    const char *cursor = " \"a,b\\\",c\" <sip:x,y@h>;q=1 ,, second,\t third ";
    size_t n;
    const char *element = scan_element(&cursor, &n);
    assert_int_equal(n, strlen("\"a,b\\\",c\" <sip:x,y@h>;q=1"));
    element = scan_element(&cursor, &n);
    assert_memory_equal(element, "second", n);
    element = scan_element(&cursor, &n);
    assert_memory_equal(element, "third", n);
    assert_null(scan_element(&cursor, &n));
}

/* C27, A9. */
static void frames_whatever_the_pieces(void **state)
{
    const char *one = START HEAD "Content-Length : 4\r\n\r\nabcd";
    const char *two = START HEAD "l:\r\n 2\r\n\r\nxy";
    char both[2048];
    sprintf(both, "%s%s", one, two);
    size_t n_one = strlen(one), n_two = strlen(two);
    for (size_t cut = 1; cut <= n_one + n_two; cut++) {
        size_t n_seen = 0, n_frame = 0;
        enum scan_framing framing = scan_frame(both, cut, &n_seen, &n_frame);
        assert_int_equal(framing, cut < n_one ? SCAN_FRAME_MORE : SCAN_FRAME_DONE);
        assert_true(framing == SCAN_FRAME_MORE || n_frame == n_one);
    }
    size_t n_seen = 0, n_frame;
    for (size_t n = 1; n < n_two; n++) { /* octet by octet, with memory of what was seen */
        assert_int_equal(scan_frame(two, n, &n_seen, &n_frame), SCAN_FRAME_MORE);
    }
    assert_int_equal(scan_frame(two, n_two, &n_seen, &n_frame), SCAN_FRAME_DONE);
    assert_int_equal(scan_bytes(two, n_two, true), REFUSE_NONE);
    static char endless[SCAN_STREAM_BYTES_MAX];
    memset(endless, 'a', sizeof endless);
    n_seen = 0;
    assert_int_equal(scan_frame(endless, sizeof endless, &n_seen, &n_frame), SCAN_FRAME_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_plain_request),
        cmocka_unit_test(white_space_is_decided_once),
        cmocka_unit_test(l3_lists_parameters_lines_are_limited),
        cmocka_unit_test(size_is_limited_per_transport),
        cmocka_unit_test(l7_content_length_is_digits),
        cmocka_unit_test(l8_status_line_has_its_blanks),
        cmocka_unit_test(l9_nul_is_refused),
        cmocka_unit_test(l10_version_and_single_headers),
        cmocka_unit_test(l11_status_is_100_to_699),
        cmocka_unit_test(garbage_is_not_answered),
        cmocka_unit_test(elements_of_a_list),
        cmocka_unit_test(frames_whatever_the_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
