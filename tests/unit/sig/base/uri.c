/*
 * Conference URI tokens. Method: written, read back, and every single bit of them flipped; base32 against RFC 4648 10.
 * Rows 7, 17, 28 and 31.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/base/keys.h"
#include "sig/base/uri.h"

#include <errno.h>
#include <string.h>

static const uint8_t secret[KEYS_SECRET_BYTES] = "thirty-two bytes of test secret";

static struct uri_token token_of(uint32_t slot)
{
    struct uri_token t = {.node = 0xbeef, .slot = slot, .expires_s = 2000000000};
    assert_int_equal(keys_random(t.random, sizeof t.random), 0);
    return t;
}

static void test_base32(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {{"", ""},
                 {"f", "my"},
                 {"fo", "mzxq"},
                 {"foo", "mzxw6"},
                 {"foob", "mzxw6yq"},
                 {"fooba", "mzxw6ytb"},
                 {"foobar", "mzxw6ytboi"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[32];
        uint8_t bytes[8] = {0};
        size_t n = strlen(cases[i].in);
        uri_base32_write(text, (const uint8_t *)cases[i].in, n);
        assert_string_equal(text, cases[i].out);
        assert_int_equal(uri_base32_read(bytes, n, text, strlen(text)), 0);
        assert_memory_equal(bytes, cases[i].in, n);
    }
    uint8_t one;
    assert_int_equal(uri_base32_read(&one, 1, "mz", 2), -EBADMSG); /* spare bits must be zero: one text per value */
    assert_int_equal(uri_base32_read(&one, 1, "m1", 2), -EBADMSG);
    assert_int_equal(uri_base32_read(&one, 1, "m", 1), -EBADMSG);
}

static void test_round_trip(void **state)
{
    static const uint32_t slots[] = {0, 1, 4095, 4096, 123456, URI_SLOTS_MAX - 1};
    for (size_t i = 0; i < ARRAY_LEN(slots); i++) {
        struct uri_token in = token_of(slots[i]), out;
        char text[URI_TOKEN_CHARS + 1];
        assert_int_equal(uri_token_write(text, &in, secret), 0);
        assert_int_equal(strlen(text), URI_TOKEN_CHARS);
        assert_int_equal(uri_token_read(&out, text, strlen(text), secret), 0);
        assert_int_equal(out.node, in.node);
        assert_int_equal(out.slot, in.slot);
        assert_int_equal(out.expires_s, in.expires_s);
        assert_memory_equal(out.random, in.random, sizeof in.random);
        for (char *p = text; *p;
             p++) { /* hosts are, users are not case-insensitive; people's address books are careless */
            *p = *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p;
        }
        assert_int_equal(uri_token_read(&out, text, strlen(text), secret), 0);
    }
}

/* The pre-set pattern: all URIs of a node begin with the same four characters, those of another with others. */
static void test_node_is_prefix(void **state)
{
    char a[URI_TOKEN_CHARS + 1], b[URI_TOKEN_CHARS + 1], c[URI_TOKEN_CHARS + 1];
    struct uri_token t = token_of(1), u = token_of(99999), v = token_of(1);
    v.node++;
    assert_int_equal(uri_token_write(a, &t, secret), 0);
    assert_int_equal(uri_token_write(b, &u, secret), 0);
    assert_int_equal(uri_token_write(c, &v, secret), 0);
    assert_memory_equal(a, b, 4);
    assert_memory_not_equal(a, c, 4);
}

/* C41. */
static void test_forgery(void **state)
{
    struct uri_token in = token_of(7), out;
    uint8_t bytes[URI_TOKEN_BYTES], other[KEYS_SECRET_BYTES];
    char text[URI_TOKEN_CHARS + 1], forged[URI_TOKEN_CHARS + 1];

    assert_int_equal(uri_token_write(text, &in, secret), 0);
    assert_int_equal(uri_base32_read(bytes, sizeof bytes, text, URI_TOKEN_CHARS), 0);
    for (unsigned bit = 0; bit < URI_TOKEN_BYTES * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        uri_base32_write(forged, bytes, sizeof bytes);
        assert_int_equal(uri_token_read(&out, forged, URI_TOKEN_CHARS, secret), -ENOENT);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    memcpy(other, secret, sizeof other);
    other[0] ^= 1;
    assert_int_equal(uri_token_read(&out, text, URI_TOKEN_CHARS, other), -ENOENT);
    assert_int_equal(uri_token_read(&out, text, URI_TOKEN_CHARS - 1, secret), -ENOENT);
    assert_int_equal(uri_token_read(&out, "conferences", 11, secret), -ENOENT);
    text[10] = '!';
    assert_int_equal(uri_token_read(&out, text, URI_TOKEN_CHARS, secret), -ENOENT);
}

/* RFC 4231 test case 2: the digest is the one it claims to be. */
static void test_mac(void **state)
{
    uint8_t key[KEYS_SECRET_BYTES] = "Jefe", mac[KEYS_MAC_BYTES]; /* zero padding is what HMAC does to short keys */
    static const uint8_t want[4] = {0x5b, 0xdc, 0xc1, 0x46};
    assert_int_equal(keys_mac(mac, key, "what do ya want for nothing?", 28), 0);
    assert_memory_equal(mac, want, sizeof want);
    assert_true(keys_equal("abc", "abc", 3));
    assert_false(keys_equal("abc", "abd", 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base32),  cmocka_unit_test(test_round_trip), cmocka_unit_test(test_node_is_prefix),
        cmocka_unit_test(test_forgery), cmocka_unit_test(test_mac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
