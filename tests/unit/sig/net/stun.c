/*
 * STUN on the SIP port. Method: the sample requests and responses of RFC 5769 (2.1-2.3), their integrity taken off, and
 * the ways to be malformed. C67, A49.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/net/stun.h"

/* RFC 5769 2.1, with SOFTWARE alone of its attributes */
static const uint8_t request[] = {0x00, 0x01, 0x00, 0x14, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                                  0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e,
                                  0x20, 0x74, 0x65, 0x73, 0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74};

/* RFC 5769 2.2 and 2.3: the addresses of the sample responses, 192.0.2.1:32853 and 2001:db8:...:32853 */
static void test_mapped(void **state)
{
    static const uint8_t v4[] = {0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43};
    static const uint8_t v6[] = {0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa,
                                 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9};
    uint8_t answer[STUN_ANSWER_MAX];
    struct addr source;
    assert_int_equal(addr_parse(&source, "192.0.2.1", 32853), 0);
    assert_true(stun_is(request, sizeof request));
    assert_int_equal(stun_answer(request, sizeof request, &source, answer), 32);
    assert_memory_equal(answer, "\x01\x01\x00\x0c", 4);
    assert_memory_equal(answer + 4, request + 4, 16);
    assert_memory_equal(answer + 20, v4, sizeof v4);
    assert_int_equal(addr_parse(&source, "2001:db8:1234:5678:11:2233:4455:6677", 32853), 0);
    assert_int_equal(stun_answer(request, sizeof request, &source, answer), 44);
    assert_memory_equal(answer + 20, v6, sizeof v6);
}

static void test_unknown_attribute(void **state)
{
    uint8_t bytes[sizeof request], answer[STUN_ANSWER_MAX];
    struct addr source;
    assert_int_equal(addr_parse(&source, "192.0.2.1", 32853), 0);
    memcpy(bytes, request, sizeof bytes);
    bytes[20] = 0x00; /* 0x0022: must be understood */
    assert_int_equal(stun_answer(bytes, sizeof bytes, &source, answer), 36);
    assert_memory_equal(answer, "\x01\x11\x00\x10", 4);
    assert_memory_equal(answer + 20, "\x00\x09\x00\x04\x00\x00\x04\x14\x00\x0a\x00\x02\x00\x22\x00\x00", 16);
}

static void test_malformed(void **state)
{
    uint8_t bytes[sizeof request], answer[STUN_ANSWER_MAX];
    struct addr source;
    assert_int_equal(addr_parse(&source, "192.0.2.1", 32853), 0);
    for (size_t n = 0; n < sizeof request; n++) {
        assert_int_equal(stun_answer(request, n, &source, answer), 0); /* shorter than it says */
    }
    static const struct {
        uint8_t at, value;
    } changes[] = {{0, 0x40}, {0, 0x01}, {1, 0x11}, {1, 0x02}, {3, 0x15}, {3, 0x10}, {4, 0x20}, {23, 0x11}, {22, 0xff}};
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        memcpy(bytes, request, sizeof bytes);
        bytes[changes[i].at] = changes[i].value;
        assert_int_equal(stun_answer(bytes, sizeof bytes, &source, answer), 0);
    }
    assert_false(stun_is("OPTIONS sip:x SIP/2.0\r\n", 23));
    assert_false(stun_is("\r\n\r\n", 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mapped),
        cmocka_unit_test(test_unknown_attribute),
        cmocka_unit_test(test_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
