/*
 * The presence server: the door of this room. Takes PUBLISH, SUBSCRIBE to presence and to watchers, and the operators'
 * documents; is told by the registrar of phones and by push-to-talk of its sessions. Documents survive a restart in the
 * store; publications and subscriptions do not, phones make them again.
 *
 * Signalling thread only; stats: any.
 */
#ifndef SIG_PRES_PRESENCE_H
#define SIG_PRES_PRESENCE_H

#include "sig/pres/presentity.h"
#include "sig/pres/rlmi.h"

struct presence;

/** Makes it, and asks the store for its documents. env: outlives it. @param fallback  for watchers that no rule names
 * @return 0 | -ENOMEM */
int presence_build(struct presence **presence, struct env *env, enum rule_action fallback);
void presence_free(struct presence *presence);

/* As focus_beside has them. */
bool presence_wants(const struct presence *presence, const struct sip_msg *msg);
void presence_take(struct presence *presence, struct txn *txn, const struct sip_msg *msg, const struct identity *who);
void presence_store_reply(struct presence *presence, const struct store_reply *reply);

/** A user has so many registered phones now. @return 0 | -ENOMEM */
int presence_phones(struct presence *presence, const char *user, unsigned n);

/** A session of push-to-talk has begun, changed, or is over. talking and listening are told to operators only: a push
 * costs no SIP message. @return 0 | -ENOMEM | -ENOSPC too many of this user */
int presence_session(struct presence *presence, const char *user, const char *service, const char *identification,
                     enum presence_session state);
/** Is called, beside others, when what may be seen of a user changes. Before the first request. */
void presence_hook(struct presence *presence, const struct presentity_hook *hook);
/** What subscriptions to a service provision. */
void presence_service_user(struct presence *presence, const struct rlmi_service_user *user);

/** Its table of users. */
const struct presentities *presence_table(const struct presence *presence);
/** Of an unknown user: offline. */
enum presence_status presence_status(const struct presence *presence, const char *user);
/** "user@host" members of a group. @return NULL: there is none of that name */
const struct members *presence_group(const struct presence *presence, const char *name);

/**
 * Sets a document of an operator: of kind RULES and BUDDIES a user's, GROUP by its name. JSON as profile.h has it.
 *
 * @param why  a sentence's half, when it is refused
 * @return 0 | -EINVAL | -E2BIG | -ENOMEM | -EAGAIN the store takes nothing now
 */
int presence_document_put(struct presence *presence, enum store_doc_kind kind, const char *name, const char *text,
                          size_t n, const char **why);
/** The same for members, by their URIs. */
int presence_members_put(struct presence *presence, enum store_doc_kind kind, const char *name, const char *const *uris,
                         unsigned n, const char **why);
/** The same for rules of another form (auth_policy.h). */
int presence_policy_put(struct presence *presence, const char *user, const char *text, size_t n, const char **why);
/** @return 0 | -ENOENT | -EAGAIN */
int presence_document_drop(struct presence *presence, enum store_doc_kind kind, const char *name);
/** @return text by malloc | NULL: there is none, or no memory */
char *presence_document_get(const struct presence *presence, enum store_doc_kind kind, const char *name);

/** Calls back for the users of so many buckets of the table, from *at on. @return false: there are no more */
bool presence_users(const struct presence *presence, uint32_t *at, unsigned n_buckets,
                    void (*each)(void *ctx, const struct presentity *p), void *ctx);
/** Calls back for each group. */
void presence_groups(const struct presence *presence, void (*each)(void *ctx, const char *name, unsigned n_members),
                     void *ctx);

const struct presence_stats *presence_stats(const struct presence *presence);

#endif
