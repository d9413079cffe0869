/*
 * The only door to the cryptographic library: random bytes, keyed digests, comparison in constant time. No state.
 */
#ifndef SIG_BASE_KEYS_H
#define SIG_BASE_KEYS_H

#include "core/base/base.h"

#define KEYS_MAC_BYTES 32
#define KEYS_SECRET_BYTES 32

/** Fills out with bytes of the kernel-seeded generator. @return 0 | -EIO: there is no randomness, nothing may be issued
 */
int keys_random(void *out, size_t bytes);

/** HMAC-SHA-256 (RFC 2104, FIPS 180-4). @return 0 | -EIO */
int keys_mac(uint8_t mac[KEYS_MAC_BYTES], const uint8_t secret[KEYS_SECRET_BYTES], const void *text, size_t bytes);

enum keys_digest { KEYS_SHA256, KEYS_MD5 };
#define KEYS_DIGEST_CHARS 64 /* of the longest, in hexadecimal */

/** Digest of a text as lower case hexadecimal. MD5 is for digest authentication alone. @return 0 | -EIO */
int keys_digest(enum keys_digest digest, const void *text, size_t bytes, char hex[KEYS_DIGEST_CHARS + 1]);

/** Compares in a time that depends on bytes only. */
bool keys_equal(const void *a, const void *b, size_t bytes);

/** Overwrites a secret so that the compiler cannot leave it out. */
void keys_wipe(void *secret, size_t bytes);

#endif
