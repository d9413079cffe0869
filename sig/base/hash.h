/* A hash of text for tables: FNV-1a. seed: something that strangers do not know, where they choose the text; else 0. */
#ifndef SIG_BASE_HASH_H
#define SIG_BASE_HASH_H

#include "core/base/base.h"

static inline uint32_t hash_text(uint32_t seed, const char *text)
{
    uint32_t h = 0x811c9dc5u ^ seed;
    for (; *text; text++) {
        h = (h ^ (uint8_t)*text) * 0x01000193u;
    }
    return h;
}

/** A seed out of random octets. */
static inline uint32_t hash_seed(const uint8_t secret[4])
{
    return (uint32_t)secret[0] | (uint32_t)secret[1] << 8 | (uint32_t)secret[2] << 16 | (uint32_t)secret[3] << 24;
}

#endif
