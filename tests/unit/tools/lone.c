/*
 * The URI in the words of a MESSAGE. Method: a table of words and what is found in them, each copied to memory of its
 * own size so that a sanitizer sees a step beyond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tools/ua/ua.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void test_uri_in_words(void **state)
{
    static const struct {
        const char *words, *uri; /* uri NULL: none */
    } cases[] = {
        {"sip:a@b", "sip:a@b"},
        {"Come to the conference: <sip:x2@192.0.2.1:5060>.\r\n", "sip:x2@192.0.2.1:5060"},
        {"Join (sip:x@h;transport=tcp), please", "sip:x@h;transport=tcp"},
        {"SIP:x@[2001:db8::1]", "SIP:x@[2001:db8::1]"},
        {"sip: is a scheme; sip:a@b is a URI!", "sip:a@b"},
        {"gossip:a@b", NULL},
        {"gossip:a@b sip:c@d?", "sip:c@d"},
        {"\"sip:a@b\"", "sip:a@b"},
        {"sip:a@b\x1b[2J", "sip:a@b"},
        {"sip:a\x80@b", "sip:a"},
        {"sip:", NULL},
        {"sip:.", NULL},
        {"sips:a@b", NULL},
        {"", NULL},
        {"sip:0123456789012345678901234567890123456789", NULL}, /* does not fit */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char uri[40];
        size_t n = strlen(cases[i].words);
        char *words = malloc(n ? n : 1);
        assert_non_null(words);
        memcpy(words, cases[i].words, n);
        int err = ua_message_uri(words, n, uri, sizeof uri);
        free(words);
        assert_int_equal(err, cases[i].uri ? 0 : -ENOENT);
        if (cases[i].uri) {
            assert_string_equal(uri, cases[i].uri);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uri_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
