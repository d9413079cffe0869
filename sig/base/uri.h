/*
 * Conference URIs: sip:<token>@<domain>. The token is base32 over 35 bytes:
 *
 *     4 bits version (1) | 16 bits node | 20 bits slot | 32 bits expiry (Unix seconds) | 112 random bits | 96 bits MAC
 *
 * so its first 4 characters name the node (a proxy routes by that prefix), the next 4 the conference's slot in the
 * node, and nobody but the holder of the secret can make one that verifies. No two living conferences share a slot, no
 * two at all share their random bits. Pure but for the secret and the random bytes that the caller hands in.
 */
#ifndef SIG_BASE_URI_H
#define SIG_BASE_URI_H

#include "core/base/base.h"
#include "sig/base/keys.h"

#define URI_TOKEN_CHARS 56
#define URI_TOKEN_BYTES 35
#define URI_RANDOM_BYTES 14 /* 112 bits; RFC 4579 3.2 wants it unguessable; 96 would do */
#define URI_SLOTS_MAX (1u << 20)

struct uri_token {
    uint16_t node;
    uint32_t slot;      /* below URI_SLOTS_MAX */
    uint32_t expires_s; /* Unix time */
    uint8_t random[URI_RANDOM_BYTES];
};

/** Writes the 56 characters and a terminator. @return 0 | -EIO from the digest */
int uri_token_write(char text[URI_TOKEN_CHARS + 1], const struct uri_token *token,
                    const uint8_t secret[KEYS_SECRET_BYTES]);

/**
 * Reads and verifies a user part. The case of letters does not count.
 *
 * @return 0 | -ENOENT: not one of our tokens, or forged: the two are not told apart
 */
int uri_token_read(struct uri_token *token, const char *user, size_t n, const uint8_t secret[KEYS_SECRET_BYTES]);

/** Base32 of RFC 4648 in lower case, no padding. out holds (bytes * 8 + 4) / 5 + 1 characters. */
void uri_base32_write(char *out, const uint8_t *in, size_t bytes);

/** The reverse, for a whole number of bytes. @return 0 | -EBADMSG */
int uri_base32_read(uint8_t *out, size_t bytes, const char *in, size_t chars);

#endif
