/*
 * The instant service: the door of this room. Takes INVITEs to a service ("sip:ptt@domain"), and the documents that say
 * who has it; tells the presence server of sessions. Signalling thread only; stats: any.
 */
#ifndef SIG_INSTANT_INSTANT_H
#define SIG_INSTANT_INSTANT_H

#include "sig/instant/activation.h"
#include "sig/instant/setup.h"

struct instant;

/** Makes it. env: outlives it. policy: of every channel's floor. The presence server asks the store for documents, all
 * hear them. @return 0 | -ENOMEM */
int instant_build(struct instant **instant, struct env *env, const struct floor_policy *policy,
                  const struct sessions_user *user);
void instant_free(struct instant *instant);

/* As focus_beside has them. */
bool instant_wants(const struct instant *instant, const struct sip_msg *msg);
void instant_take(struct instant *instant, struct txn *txn, const struct sip_msg *msg, const struct identity *who);
void instant_store_reply(struct instant *instant, const struct store_reply *reply);

/**
 * Sets a user's service, or takes it away (text NULL); a session that stands follows.
 *
 * @param name  "SERVICE/IDENTIFICATION"
 * @param why   a sentence's half, when it is refused
 * @return 0 | -EINVAL | -ENOENT no such service, or nothing to take away | -ENOMEM | -EAGAIN the store takes nothing
 * now
 */
int instant_service_put(struct instant *instant, const char *account, const char *name, const char *text, size_t n,
                        const char **why);

struct sessions *instant_sessions(const struct instant *instant);
const struct session_stats *instant_stats(const struct instant *instant);

#endif
