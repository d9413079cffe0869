/*
 * AES in counter mode and HMAC-SHA1. Goal: they are what RFC 3686 and RFC 2202 say, for every length and however the
 * message is cut. Method: the vectors of both; then random keys, lengths and cuts against OpenSSL.
 */
#include "core/media/cipher.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { ROOM = 1600, ROUNDS = 3000 };

static uint64_t seed = 88172645463325252ull;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static void draw_bytes(uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        out[i] = (uint8_t)draw();
    }
}

static size_t hex(const char *text, uint8_t *out)
{
    size_t n = 0;
    for (unsigned byte; sscanf(text + 2 * n, "%2x", &byte) == 1; n++) {
        out[n] = (uint8_t)byte;
    }
    return n;
}

/* RFC 3686 6: key, nonce with initialisation vector, plain text, sealed text. */
static void rfc3686(void **state)
{
    static const char *const vectors[][4] = {
        {"AE6852F8121067CC4BF7A5765577F39E", "000000300000000000000000", "53696E676C6520626C6F636B206D7367",
         "E4095D4FB7A7B3792D6175A3261311B8"},
        {"7E24067817FAE0D743D6CE1F32539163", "006CB6DBC0543B59DA48D90B",
         "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
         "5104A106168A72D9790D41EE8EDAD388EB2E1EFC46DA57C8FCE630DF9141BE28"},
        {"7691BE035E5020A8AC6E618529F9A0DC", "00E0017B27777F3F4A1786F0",
         "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20212223",
         "C1CF48A89F2FFDD9CF4652E9EFDB72D74540A42BDE6D7836D59A5CEAAEF3105325B2072F"},
        {"776BEFF2851DB06F4C8A0542C8696F6C6A81AF1EEC96B4D37FC1D689E6C1C104", "00000060DB5672C97AA8F0B2",
         "53696E676C6520626C6F636B206D7367", "145AD01DBF824EC7560863DC71E3E0C0"},
        {"F6D66D6BD52D59BB0796365879EFF886C66DD51A5B6A99744B50590C87A23884", "00FAAC24C1585EF15A43D875",
         "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F",
         "F05E231B3894612C49EE000B804EB2A9B8306B508F839D6A5530831D9344AF1C"},
        {"FF7A617CE69148E4F1726E2F43581DE2AA62D9F805532EDFF1EED687FB54153D", "001CC5B751A51D70A1C11148",
         "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20212223",
         "EB6C52821D0BBBF7CE7594462ACA4FAAB407DF866569FD07F48CC0B583D6071F1EC0E6B8"},
    };
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        uint8_t key[32], text[64], sealed[64];
        struct cipher_ctr c = {.counter = {[15] = 1}}; /* RFC 3686 4: the first block is number one */
        size_t key_bytes = hex(vectors[i][0], key);
        assert_int_equal(hex(vectors[i][1], c.counter), 12);
        size_t n = hex(vectors[i][2], text);
        assert_int_equal(hex(vectors[i][3], sealed), n);
        cipher_ctr_init(&c, key, key_bytes);
        cipher_ctr_run(&c, text, n);
        assert_memory_equal(text, sealed, n);
    }
}

static void ctr_against_openssl(void **state)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t key[32], ours[ROOM], theirs[ROOM];
        size_t key_bytes = round % 2 ? 16 : 32, n = round < 200 ? round : draw() % ROOM;
        _Alignas(16) uint8_t place[sizeof(struct cipher_ctr)]; /* not a byte beyond what the key asks for */
        struct cipher_ctr *c = (struct cipher_ctr *)place;
        memset(place, 0xa5, sizeof place);
        draw_bytes(key, sizeof key);
        draw_bytes(c->counter, sizeof c->counter);
        memset(c->counter + 8, round % 3 ? 0x11 : 0xff, 8); /* a carry through many bytes */
        draw_bytes(ours, n);
        memcpy(theirs, ours, n);
        const EVP_CIPHER *aes = key_bytes == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr();
        int written;
        assert_int_equal(EVP_EncryptInit_ex(ctx, aes, NULL, key, c->counter), 1);
        assert_int_equal(EVP_EncryptUpdate(ctx, theirs, &written, theirs, (int)n), 1);
        cipher_ctr_init(c, key, key_bytes);
        cipher_ctr_run(c, ours, n);
        assert_memory_equal(ours, theirs, n);
        for (size_t i = cipher_ctr_bytes(key_bytes); i < sizeof place; i++) {
            assert_int_equal(place[i], 0xa5);
        }
    }
    EVP_CIPHER_CTX_free(ctx);
}

/* RFC 2202 3. */
static void rfc2202(void **state)
{
    static const struct {
        const char *key, *data, *mac;
    } vectors[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265", "b617318655057264e28bc0b6fb378c8ef146be00"},
        {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
         "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
         "125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
    };
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        uint8_t key[64], data[64], want[20], got[20];
        struct cipher_mac m;
        cipher_mac_init(&m, key, hex(vectors[i].key, key));
        cipher_mac_begin(&m);
        cipher_mac_add(&m, data, hex(vectors[i].data, data));
        cipher_mac_end(&m, got, sizeof got);
        assert_int_equal(hex(vectors[i].mac, want), sizeof want);
        assert_memory_equal(got, want, sizeof want);
    }
}

static void mac_against_openssl(void **state)
{
    struct cipher_mac m;
    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t key[CIPHER_MAC_KEY_BYTES], message[ROOM], want[20], got[21];
        size_t n = round < 300 ? round : draw() % ROOM, n_tag = draw() % 21;
        size_t key_bytes = 1 + draw() % CIPHER_MAC_KEY_BYTES;
        draw_bytes(key, sizeof key);
        draw_bytes(message, n);
        assert_non_null(HMAC(EVP_sha1(), key, (int)key_bytes, message, n, want, NULL));
        cipher_mac_init(&m, key, key_bytes);
        for (unsigned again = 0; again < 2; again++) { /* one key, many messages; the second without a cut */
            cipher_mac_begin(&m);
            for (size_t at = 0, cut; at < n; at += cut) {
                size_t some = draw() % 150;
                cut = again ? n : MIN(some, n - at);
                cipher_mac_add(&m, message + at, cut);
            }
            memset(got, 0x5a, sizeof got);
            cipher_mac_end(&m, got, n_tag);
            assert_memory_equal(got, want, n_tag);
            assert_int_equal(got[n_tag], 0x5a);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3686),
        cmocka_unit_test(ctr_against_openssl),
        cmocka_unit_test(rfc2202),
        cmocka_unit_test(mac_against_openssl),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
