/*
 * Registered phones (RFC 3261 10.3, RFC 5626): for each user the contacts that requests to it go to. A table by keyed
 * hash; one timer a binding. Signalling thread only.
 */
#ifndef SIG_REG_BINDINGS_H
#define SIG_REG_BINDINGS_H

#include "sig/base/flow.h"
#include "sig/base/timer.h"
#include "sig/store/store.h"

#define BINDINGS_BUCKETS 65536 /* power of two */
#define BINDINGS_OF_USER_MAX 8

struct bindings;

struct binding {
    struct bindings *all;
    struct binding *next, **link; /* of its bucket */
    struct flow flow;             /* it came by; after a restart a stream has no connection: it must register again */
    bool has_flow;
    bool is_refreshed; /* it was there before its last REGISTER */
    uint16_t q_thousandths;
    uint32_t cseq;
    uint64_t expires_s;                                /* Unix time */
    uint64_t order;                                    /* of the last refresh: the newest is called first */
    struct timer expiry;                               /* ends it */
    const char *user, *key, *contact, *path, *call_id; /* as in store_binding, in text */
    char text[];
};

struct bindings_user {
    void *ctx;
    void (*ended)(void *ctx, const struct binding *binding); /* it has expired; it is freed after this */
};

/** @param secret  KEYS_SECRET_BYTES, outlives it @return 0 | -ENOMEM */
int bindings_build(struct bindings **bindings, struct timer_wheel *wheel, const uint8_t *secret,
                   const struct bindings_user *user);
/** Frees all; the store keeps them. */
void bindings_free(struct bindings *bindings);

/** All users' together. */
uint32_t bindings_count(const struct bindings *bindings);

/** The one of a user with that key. @return NULL: none */
struct binding *bindings_find(const struct bindings *bindings, const char *user, const char *key);

/** The bindings of a user, one after the other. @param after  NULL: the first @return NULL: no more */
struct binding *bindings_next(const struct bindings *bindings, const char *user, const struct binding *after);

/** Adds one, or renews the one with its key. expires in expires_ms from now. @return 0 | -ENOMEM */
int bindings_put(struct bindings *bindings, const struct store_binding *kept, const struct flow *flow,
                 uint64_t expires_ms);

/** As the store keeps it. */
void bindings_write(const struct binding *binding, struct store_binding *kept);

/** Takes one out and frees it, without a word to ended. */
void bindings_drop(struct binding *binding);

#endif
