/*
 * Policies that the operator sets for conferences (mixminusctl conf): a PIN, a limit of participants, a lock. Kept in
 * the store by name or token, read at the start and whenever they change, and held here whether the conference lives or
 * not. Signalling thread only.
 */
#ifndef SIG_ROOM_POLICY_H
#define SIG_ROOM_POLICY_H

#include "sig/store/store.h"

#define POLICY_BUCKETS 1024

struct env;
struct room;

struct policy;

struct policies {
    struct policy *buckets[POLICY_BUCKETS];
};

/** Asks the store for them; what it says goes to policy_take. @return 0 | -EAGAIN its ring is full */
int policy_ask(struct env *env);

/** A reply to STORE_POLICIES. */
void policy_take(struct env *env, const struct store_reply *reply);
void policy_free(struct env *env);

/** The policy of a conference. @return NULL: none; good until the next policy_take */
const struct store_policy *policy_of(const struct env *env, const struct room *room);

/** How many participants it may have. */
uint32_t policy_legs_max(const struct env *env, const struct room *room);

#endif
