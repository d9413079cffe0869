/* How many of something each name has: exact, for names that strangers choose. Signalling thread only. */
#ifndef SIG_PRES_TALLY_H
#define SIG_PRES_TALLY_H

#include "core/base/base.h"

#define TALLY_BUCKETS 16384

struct tally_entry {
    struct tally_entry *next, **link;
    uint32_t n;
    char name[];
};

struct tally {
    struct tally_entry *buckets[TALLY_BUCKETS];
};

/** One more for a name, of at most max. @param secret  KEYS_SECRET_BYTES @return NULL: it has so many, or no memory */
struct tally_entry *tally_take(struct tally *tally, const uint8_t *secret, const char *name, uint32_t max);
/** Gives one back; the entry may be gone after it. */
void tally_give(struct tally_entry *entry);

#endif
