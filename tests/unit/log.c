/*
 * Log lines. Method: into a pipe, read back; nothing a peer can send makes a second line or reaches a terminal raw.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/log.h"

#include <string.h>
#include <unistd.h>

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

static void test_levels(void **state)
{
    assert_int_equal(log_level_of("warn"), LOG_WARN);
    assert_int_equal(log_level_of("loud"), LOG_LEVELS);
    assert_string_equal(log_level_name(LOG_DEBUG), "debug");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escape),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
