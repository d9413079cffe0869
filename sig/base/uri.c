/* Tokens of conference URIs. */
#include "sig/base/uri.h"

#include <errno.h>
#include <string.h>

#define VERSION 1
#define SIGNED_BYTES (URI_TOKEN_BYTES - MAC_BYTES)
#define MAC_BYTES 12
static_assert(SIGNED_BYTES == 5 + 4 + URI_RANDOM_BYTES, "version, node, slot, expiry, random");
static_assert(URI_TOKEN_BYTES * 8 == URI_TOKEN_CHARS * 5, "no spare bits: one text per token");

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

void uri_base32_write(char *out, const uint8_t *in, size_t bytes)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;

    for (size_t i = 0; i < bytes; i++) {
        bits = bits << 8 | in[i];
        for (n_bits += 8; n_bits >= 5; n_bits -= 5) {
            *out++ = alphabet[bits >> (n_bits - 5) & 31];
        }
    }
    if (n_bits > 0) {
        *out++ = alphabet[bits << (5 - n_bits) & 31];
    }
    *out = '\0';
}

static int digit_of(char c)
{
    if (c >= 'a' && c <= 'z') {
        return c - 'a';
    }
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

int uri_base32_read(uint8_t *out, size_t bytes, const char *in, size_t chars)
{
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t at = 0;

    if (chars != (bytes * 8 + 4) / 5) {
        return -EBADMSG;
    }
    for (size_t i = 0; i < chars; i++) {
        int digit = digit_of(in[i]);
        if (digit < 0) {
            return -EBADMSG;
        }
        bits = bits << 5 | (uint32_t)digit;
        n_bits += 5;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[at++] = (uint8_t)(bits >> n_bits);
        }
    }
    return at == bytes && (bits & ((1u << n_bits) - 1)) == 0 ? 0 : -EBADMSG;
}

int uri_token_write(char text[URI_TOKEN_CHARS + 1], const struct uri_token *token,
                    const uint8_t secret[KEYS_SECRET_BYTES])
{
    uint8_t bytes[URI_TOKEN_BYTES], mac[KEYS_MAC_BYTES];

    must(token->slot < URI_SLOTS_MAX);
    store_be32(bytes, (uint32_t)VERSION << 28 | (uint32_t)token->node << 12 | token->slot >> 8);
    bytes[4] = (uint8_t)token->slot;
    store_be32(bytes + 5, token->expires_s);
    memcpy(bytes + 9, token->random, URI_RANDOM_BYTES);
    int err = keys_mac(mac, secret, bytes, SIGNED_BYTES);
    if (err) {
        return err;
    }
    memcpy(bytes + SIGNED_BYTES, mac, MAC_BYTES);
    uri_base32_write(text, bytes, sizeof bytes);
    return 0;
}

int uri_token_read(struct uri_token *token, const char *user, size_t n, const uint8_t secret[KEYS_SECRET_BYTES])
{
    uint8_t bytes[URI_TOKEN_BYTES], mac[KEYS_MAC_BYTES];

    if (n != URI_TOKEN_CHARS || uri_base32_read(bytes, sizeof bytes, user, n) != 0 ||
        keys_mac(mac, secret, bytes, SIGNED_BYTES) != 0 || !keys_equal(mac, bytes + SIGNED_BYTES, MAC_BYTES)) {
        return -ENOENT;
    }
    uint32_t head = load_be32(bytes);
    if (head >> 28 != VERSION) {
        return -ENOENT;
    }
    token->node = (uint16_t)(head >> 12);
    token->slot = (head & 0xfff) << 8 | bytes[4];
    token->expires_s = load_be32(bytes + 5);
    memcpy(token->random, bytes + 9, URI_RANDOM_BYTES);
    return 0;
}
