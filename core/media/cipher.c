/* libnettle's wrapper. Its AES and its SHA-1 pick the processor's own instructions when the program starts. */
#include "core/media/cipher.h"

#include <string.h>

#include <nettle/aes.h>
#include <nettle/ctr.h>
#include <nettle/sha1.h>

static_assert(sizeof(struct aes256_ctx) == sizeof((struct cipher_ctr){0}.keys), "libnettle's round keys");
static_assert(SHA1_BLOCK_SIZE == CIPHER_HASH_BYTES && SHA1_DIGEST_SIZE == CIPHER_MAC_BYTES, "SHA-1");
static_assert(_SHA1_DIGEST_LENGTH == sizeof((struct cipher_mac){0}.now) / sizeof(uint32_t), "SHA-1's state");

/* ---- AES in counter mode ---- */

size_t cipher_ctr_bytes(size_t key_bytes)
{
    size_t keys = key_bytes == AES128_KEY_SIZE ? sizeof(struct aes128_ctx) : sizeof(struct aes256_ctx);
    return offsetof(struct cipher_ctr, keys) + keys;
}

void cipher_ctr_init(struct cipher_ctr *c, const uint8_t *key, size_t key_bytes)
{
    must(key_bytes == AES128_KEY_SIZE || key_bytes == AES256_KEY_SIZE);
    c->key_bytes = (uint32_t)key_bytes;
    if (key_bytes == AES128_KEY_SIZE) {
        aes128_set_encrypt_key((struct aes128_ctx *)c->keys, key);
    } else {
        aes256_set_encrypt_key((struct aes256_ctx *)c->keys, key);
    }
}

void cipher_ctr_run(struct cipher_ctr *c, uint8_t *buf, size_t bytes)
{
    nettle_cipher_func *aes =
        c->key_bytes == AES128_KEY_SIZE ? (nettle_cipher_func *)aes128_encrypt : (nettle_cipher_func *)aes256_encrypt;
    ctr_crypt(c->keys, aes, sizeof c->counter, c->counter, bytes, buf, buf);
}

/* ---- HMAC-SHA1 ---- */

static void key_take(uint32_t *state, const uint8_t *key, size_t key_bytes, uint8_t pad)
{
    uint8_t block[CIPHER_HASH_BYTES];
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] = (i < key_bytes ? key[i] : 0) ^ pad;
    }
    struct sha1_ctx fresh;
    sha1_init(&fresh);
    memcpy(state, fresh.state, sizeof fresh.state);
    nettle_sha1_compress(state, block);
    explicit_bzero(block, sizeof block);
}

void cipher_mac_init(struct cipher_mac *m, const uint8_t *key, size_t key_bytes)
{
    must(key_bytes <= CIPHER_MAC_KEY_BYTES);
    key_take(m->inner, key, key_bytes, 0x36);
    key_take(m->outer, key, key_bytes, 0x5c);
    cipher_mac_begin(m);
}

void cipher_mac_begin(struct cipher_mac *m)
{
    memcpy(m->now, m->inner, sizeof m->now);
    m->bytes = 0;
}

void cipher_mac_add(struct cipher_mac *m, const uint8_t *bytes, size_t n)
{
    size_t at = m->bytes % CIPHER_HASH_BYTES;
    m->bytes += (uint32_t)n;
    if (at && at + n >= CIPHER_HASH_BYTES) {
        size_t taken = CIPHER_HASH_BYTES - at;
        memcpy(m->rest + at, bytes, taken);
        nettle_sha1_compress(m->now, m->rest);
        bytes += taken;
        n -= taken;
        at = 0;
    }
    for (; n >= CIPHER_HASH_BYTES; n -= CIPHER_HASH_BYTES, bytes += CIPHER_HASH_BYTES) {
        nettle_sha1_compress(m->now, bytes); /* where it lies */
    }
    memcpy(m->rest + at, bytes, n);
}

/* SHA-1's last block or two: `at` bytes are in rest, total ones have been hashed with them. */
static void hash_end(uint32_t *state, uint8_t *rest, size_t at, uint64_t total)
{
    rest[at++] = 0x80;
    memset(rest + at, 0, CIPHER_HASH_BYTES - at);
    if (at > CIPHER_HASH_BYTES - 8) {
        nettle_sha1_compress(state, rest);
        memset(rest, 0, CIPHER_HASH_BYTES);
    }
    store_be32(rest + CIPHER_HASH_BYTES - 8, (uint32_t)(8 * total >> 32));
    store_be32(rest + CIPHER_HASH_BYTES - 4, (uint32_t)(8 * total));
    nettle_sha1_compress(state, rest);
}

static void words_write(uint8_t *out, const uint32_t *state)
{
    for (unsigned i = 0; i < CIPHER_MAC_BYTES / 4; i++) {
        store_be32(out + 4 * i, state[i]);
    }
}

void cipher_mac_end(struct cipher_mac *m, uint8_t *out, size_t n)
{
    must(n <= CIPHER_MAC_BYTES);
    hash_end(m->now, m->rest, m->bytes % CIPHER_HASH_BYTES, CIPHER_HASH_BYTES + (uint64_t)m->bytes);
    words_write(m->rest, m->now);
    memcpy(m->now, m->outer, sizeof m->now);
    hash_end(m->now, m->rest, CIPHER_MAC_BYTES, CIPHER_HASH_BYTES + CIPHER_MAC_BYTES);
    uint8_t mac[CIPHER_MAC_BYTES];
    words_write(mac, m->now);
    memcpy(out, mac, n);
}
