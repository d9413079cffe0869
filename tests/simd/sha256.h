/* SHA-256, for test vectors that are published as sums. @source FIPS 180-4 */
#ifndef TESTS_SIMD_SHA256_H
#define TESTS_SIMD_SHA256_H

#include <stddef.h>
#include <stdint.h>

/** The sum of a buffer, as 64 hexadecimal digits and a NUL. */
void sha256_hex(const void *data, size_t bytes, char hex[65]);

#endif
