/*
 * What one source address may hold at a time, in a table of fixed size by a keyed hash: two sources that share a place
 * share its limit, and nobody can aim at another's. An IPv6 source is its /64.
 */
#ifndef SIG_BASE_QUOTA_H
#define SIG_BASE_QUOTA_H

#include "core/base/addr.h"

#define QUOTA_PLACES 4096

struct quota {
    uint32_t n[QUOTA_PLACES];
};

/* What is held of a source's limit. Zero: nothing. */
struct quota_hold {
    uint32_t place; /* + 1 */
};

/** Takes one more, of at most max for each source. secret: of KEYS_SECRET_BYTES. @return 0 | -EDQUOT */
int quota_take(struct quota *quota, const uint8_t *secret, uint32_t max, struct quota_hold *hold,
               const struct addr *source);
/** Gives it back. Twice is fine. */
void quota_give(struct quota *quota, struct quota_hold *hold);

#endif
