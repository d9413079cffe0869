/*
 * The registration event package (RFC 3680): shows a user its own registrations, and a trusted peer those of any user.
 * A watcher gets all of them each time; one that has just expired once more, as terminated. Signalling thread only.
 */
#ifndef SIG_REG_REG_EVENT_H
#define SIG_REG_REG_EVENT_H

#include "sig/reg/bindings.h"
#include "sig/room/env.h"

#define REG_EVENT_INTERVAL_MS 5000 /* RFC 3680 4.10 */
#define REG_EVENT_OF_USER_MAX 64
#define REG_EVENT_BODY_MAX 49152

struct reg_events;

/** @return 0 | -ENOMEM */
int reg_events_build(struct reg_events **events, struct env *env, const struct bindings *bindings);
/** Forgets all subscriptions without a word. */
void reg_events_free(struct reg_events *events);

bool reg_events_wants(const struct sip_msg *msg);
/** SUBSCRIBE to the registrations of the Request-URI's user. Answers it. */
void reg_events_take(struct reg_events *events, struct txn *txn, const struct sip_msg *msg, const struct identity *who);

/** A user's registrations have changed. but: the one that is about to go; NULL: none */
void reg_events_changed(struct reg_events *events, const char *user, const struct binding *but);

#endif
