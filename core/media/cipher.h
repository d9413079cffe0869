/*
 * AES in counter mode and HMAC-SHA1, the two that RFC 3711 is made of, on libnettle: the state of each is one flat
 * value of a few cache lines, keys expanded, so that a thousand legs in turn cost little more than one. Worker, hot;
 * knows nothing of packets.
 */
#ifndef CORE_MEDIA_CIPHER_H
#define CORE_MEDIA_CIPHER_H

#include "core/base/base.h"

#define CIPHER_BLOCK_BYTES 16
#define CIPHER_MAC_BYTES 20     /* a whole HMAC-SHA1 */
#define CIPHER_MAC_KEY_BYTES 64 /* at most: longer ones would have to be hashed first */
#define CIPHER_HASH_BYTES 64    /* what SHA-1 takes at once */

struct cipher_ctr {
    uint8_t counter[CIPHER_BLOCK_BYTES]; /* the next block of key stream is its encryption; big-endian */
    uint32_t key_bytes;                  /* 16 or 32 */
    uint32_t keys[60];                   /* of each round; a 16-byte key has 44, and no memory is needed beyond them */
};

/** What a state with such a key takes. */
size_t cipher_ctr_bytes(size_t key_bytes);

/** @param key  16 or 32 bytes; counter stays as it is */
void cipher_ctr_init(struct cipher_ctr *c, const uint8_t *key, size_t key_bytes);

/** XORs key stream into buf, in place. What is left of the last block of key stream is given up. */
void cipher_ctr_run(struct cipher_ctr *c, uint8_t *buf, size_t bytes);

struct cipher_mac {
    uint32_t inner[5], outer[5]; /* SHA-1 after the key of each pass: RFC 2104 4 */
    uint32_t now[5];             /* after `bytes` of the message, but for those in rest */
    uint32_t bytes;
    uint8_t rest[CIPHER_HASH_BYTES];
};
static_assert(sizeof(struct cipher_mac) == 2 * LINE_BYTES, "few lines");

/** @pre key_bytes <= CIPHER_MAC_KEY_BYTES */
void cipher_mac_init(struct cipher_mac *m, const uint8_t *key, size_t key_bytes);
/** Begins a message. */
void cipher_mac_begin(struct cipher_mac *m);
/** Goes on with it. */
void cipher_mac_add(struct cipher_mac *m, const uint8_t *bytes, size_t n);
/** Ends it: the first n bytes of its HMAC. @pre n <= CIPHER_MAC_BYTES */
void cipher_mac_end(struct cipher_mac *m, uint8_t *out, size_t n);

#endif
