/*
 * The registrar (RFC 3261 10.3): keeps where the users of this domain are. REGISTER comes here once its sender is
 * known. All contacts of a request are taken, or none. Requests to a user go down the flow that its phone registered
 * by, with the Path that it came with (RFC 3327), and never where a Contact merely points to. Outbound (RFC 5626):
 * instance and reg-id name a phone, whatever its contact is. Bindings survive a restart in the store.
 *
 * Signalling thread only.
 */
#ifndef SIG_REG_REGISTRAR_H
#define SIG_REG_REGISTRAR_H

#include "sig/reg/bindings.h"
#include "sig/room/env.h"

#define REGISTRAR_HOOKS_MAX 4
#define REGISTRAR_EXPIRES_S 3600 /* when a phone names none */
#define REGISTRAR_EXPIRES_MIN_S 60
#define REGISTRAR_EXPIRES_MAX_S 7200
#define REGISTRAR_FLOW_TIMER_S 120 /* RFC 5626 4.4.1: a phone sends a keep-alive as often */

struct registrar;

/* Readable from any thread. */
struct registrar_stats {
    counter registered; /* gauge: bindings */
    counter refreshed, expired, ended;
};

/** Makes it, and asks the store for its bindings. env: outlives it. @return 0 | -ENOMEM */
int registrar_build(struct registrar **registrar, struct env *env, const char *service_route);
void registrar_free(struct registrar *registrar);

/** Calls changed, beside others, when a user's phones have: with how many there are now. Before the first request. */
void registrar_on_change(struct registrar *registrar, void *ctx,
                         void (*changed)(void *ctx, const char *user, unsigned n_phones));

/** Is it a REGISTER of this domain, or a SUBSCRIBE to registrations (reg_event.h)? */
bool registrar_wants(const struct sip_msg *msg);

/** Answers it. who: user "": without authentication, then it is its From */
void registrar_take(struct registrar *registrar, struct txn *txn, const struct sip_msg *msg,
                    const struct identity *who);

/** A reply to STORE_BINDINGS, STORE_BINDING_PUT or _DROP. */
void registrar_reply(struct registrar *registrar, const struct store_reply *reply);

/** Finds the way to a user's phone: of the highest q the one that registered last. @return 0 | -ENOENT unknown, or
 * without a phone that can be reached */
int registrar_find(struct registrar *registrar, const char *user, struct reach_way *way);

const struct registrar_stats *registrar_stats(const struct registrar *registrar);
const struct bindings *registrar_bindings(const struct registrar *registrar);

#endif
