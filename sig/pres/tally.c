/* Counts by name. See tally.h. */
#include "sig/pres/tally.h"

#include "sig/base/hash.h"

#include <stdlib.h>
#include <string.h>

struct tally_entry *tally_take(struct tally *tally, const uint8_t *secret, const char *name, uint32_t max)
{
    struct tally_entry **bucket = &tally->buckets[hash_text(hash_seed(secret), name) % TALLY_BUCKETS], *e = *bucket;
    while (e && strcmp(e->name, name) != 0) {
        e = e->next;
    }
    if (e) {
        return e->n < max && ++e->n ? e : NULL;
    }
    size_t n = strlen(name) + 1;
    e = calloc(1, sizeof *e + n);
    if (e) {
        memcpy(e->name, name, n);
        e->n = 1;
        e->next = *bucket;
        e->link = bucket;
        if (e->next) {
            e->next->link = &e->next;
        }
        *bucket = e;
    }
    return e;
}

void tally_give(struct tally_entry *e)
{
    if (--e->n == 0) {
        *e->link = e->next;
        if (e->next) {
            e->next->link = e->link;
        }
        free(e);
    }
}
