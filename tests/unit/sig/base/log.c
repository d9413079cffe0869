/*
 * Log lines. Method: into a pipe, read back; nothing a peer can send makes a second line or reaches a terminal raw.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/base/log.h"
#include "sig/base/log_writer.h"
#include "sig/sip/complain.h"

#include <string.h>
#include <unistd.h>

/* A19. */
static void test_escape(void **state)
{
    static const struct {
        const char *in;
        size_t n;
        const char *out;
    } cases[] = {
        {"plain", 5, "plain"},
        {"a\r\nb", 4, "a\\x0d\\x0ab"},
        {"\x1b[2J", 4, "\\x1b[2J"},
        {"a\\x", 3, "a\\x5cx"},
        {"\0", 1, "\\x00"},
        {"\x7f\xff", 2, "\\x7f\\xff"},
        {"", 0, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[64];
        assert_string_equal(log_escape(out, sizeof out, cases[i].in, cases[i].n), cases[i].out);
    }
    char small[5];
    assert_string_equal(log_escape(small, sizeof small, "abcdefgh", 8), "abcd");
    assert_string_equal(log_escape(small, sizeof small, "a\r", 2), "a"); /* half an escape is none */
}

static void test_line(void **state)
{
    int fds[2];
    char text[4096];
    assert_int_equal(pipe(fds), 0);
    struct log log = {.level = LOG_INFO, .fd = fds[1]};

    log_line(&log, LOG_DEBUG, "not said");
    log_line(NULL, LOG_ERROR, "to nobody");
    log_line(&log, LOG_INFO, "from %s", "evil\r\nerror forged \x1b[31m");
    char big[3000];
    memset(big, 'x', sizeof big);
    log_line(&log, LOG_WARN, "%.*s", (int)sizeof big, big);
    ssize_t n = read(fds[0], text, sizeof text - 1);
    assert_true(n > 0);
    text[n] = '\0';
    assert_non_null(strstr(text, "info  from evil??error forged ?[31m\n"));
    assert_non_null(strstr(text, "warn  xxx"));
    unsigned lines = 0;
    for (ssize_t i = 0; i < n; i++) {
        lines += text[i] == '\n';
    }
    assert_int_equal(lines, 2);
    assert_int_equal(text[n - 1], '\n');
    close(fds[0]);
    close(fds[1]);
}

/* One line each for what is refused, folded where there are many; who is behind it is in it, and the token is not. */
static void test_refused(void **state)
{
    static const char text[] =
        "INVITE sip:caaaaaaa0123456789@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n"
        "From: \"x\" <sip:alice@192.0.2.9>;tag=1\r\nTo: <sip:c@127.0.0.1>\r\nCall-ID: 4711@h\r\n"
        "CSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n";
    static struct complaints complaints;
    static char said[65536];
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    struct sip_msg *msg;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct log log = {.level = LOG_INFO, .fd = fds[1]};
    assert_int_equal(sip_init(), 0);
    assert_int_equal(addr_parse(&flow.remote, "192.0.2.9", 5062), 0);
    assert_int_equal(sip_parse(text, sizeof text - 1, &flow, &msg), REFUSE_NONE);
    for (unsigned i = 0; i < 1000; i++) {
        complain_refused(&complaints, &log, 7, 5000, 403, "no", "caaaaaaa", msg);
    }
    complain_refused(&complaints, &log, 8, 5000, 404, "another reason", "", msg);
    complain_refused(&complaints, &log, 7, 5000 + COMPLAIN_MS, 403, "no", "caaaaaaa", msg);
    ssize_t n = read(fds[0], said, sizeof said - 1);
    assert_true(n > 0);
    said[n] = '\0';
    unsigned lines = 0;
    for (ssize_t i = 0; i < n; i++) {
        lines += said[i] == '\n';
    }
    assert_int_equal(lines, COMPLAIN_LINES + 2);
    assert_non_null(strstr(said,
                           "refused 403: no: INVITE of 192.0.2.9:5062, From \"x\" <sip:alice@192.0.2.9>;tag=1, Call-ID "
                           "4711@h, conference caaaaaaa\n"));
    assert_non_null(strstr(said, "995 more like it"));
    assert_null(strstr(said, "caaaaaaa0123"));
    sip_free(msg);
    close(fds[0]);
    close(fds[1]);
}

static void test_levels(void **state)
{
    assert_int_equal(log_level_of("warn"), LOG_WARN);
    assert_int_equal(log_level_of("loud"), LOG_LEVELS);
    assert_string_equal(log_level_name(LOG_DEBUG), "debug");
}

/* A43: a reader that does not read: logging is not held up, lines are dropped whole and counted, and that is said as
 * soon as the reader goes on. */
static void test_nobody_reads(void **state)
{
    enum { LINES = 20000, LINE_BYTES_ABOUT = 60 };
    static char text[LINES * 2 * LINE_BYTES_ABOUT];
    struct log_writer *writer;
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(log_writer_start(&writer, fds[1]), 0);
    struct log log = {.level = LOG_INFO, .fd = fds[1], .writer = writer};
    for (unsigned i = 0; i < LINES; i++) {
        log_line(&log, LOG_INFO, "line %u of a log that nobody reads", i);
    }
    uint64_t dropped = count_get(log_writer_dropped(writer));
    assert_true(dropped > 0 && dropped < LINES);
    size_t n = 0;
    unsigned lines = 0, told = 0;
    while (lines + dropped < LINES + told || !told) { /* what was put waits in the pipe and in the ring */
        ssize_t got = read(fds[0], text + n, sizeof text - n - 1);
        assert_true(got > 0);
        n += (size_t)got;
        text[n] = '\0';
        lines = told = 0;
        for (const char *p = text; (p = strchr(p, '\n')); p++) {
            lines++;
        }
        for (const char *p = text; (p = strstr(p, " lines of the log were dropped here")); p++) {
            told++;
        }
    }
    assert_int_equal(lines + dropped, LINES + told);
    log_writer_stop(writer);
    close(fds[0]);
    close(fds[1]);
}

/* It ends although nobody reads, and what waits is given up. */
static void test_end_unread(void **state)
{
    struct log_writer *writer;
    static char line[LOG_WRITER_BYTES / 2];
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(log_writer_start(&writer, fds[1]), 0);
    memset(line, 'x', sizeof line);
    log_writer_put(writer, line, sizeof line);
    log_writer_stop(writer);
    close(fds[0]);
    close(fds[1]);
}

/* What waits is written before the end. */
static void test_end(void **state)
{
    struct log_writer *writer;
    char text[64];
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(log_writer_start(&writer, fds[1]), 0);
    log_writer_put(writer, "the last words\n", 15);
    log_writer_stop(writer);
    assert_int_equal(read(fds[0], text, sizeof text), 15);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape),       cmocka_unit_test(test_line),       cmocka_unit_test(test_levels),
        cmocka_unit_test(test_nobody_reads), cmocka_unit_test(test_end_unread), cmocka_unit_test(test_end),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
