/*
 * Sessions of push-to-talk: a user, by one of its identifications, in the channel of its service. A session begins with
 * the terminal's INVITE to the service (TS 24.379 8), once that is acknowledged, and ends with its call. A second one
 * of the same identification replaces the first: the terminal has been restarted. Signalling thread only.
 */
#ifndef SIG_INSTANT_SESSION_H
#define SIG_INSTANT_SESSION_H

#include "sig/call/call.h"
#include "sig/instant/provision.h"
#include "sig/pres/profile.h"

#define SESSION_GONE_MS 30000 /* so long its terminal may be unreachable before its session ends */

enum session_status {
    SESSION_READY,       /* provisioned, nobody speaks */
    SESSION_TALKS,       /* has the floor */
    SESSION_UNREACHABLE, /* three keep-alives are not answered */
    SESSION_STATUSES
};

struct sessions;

/* A push that signalling has made for it (activation.h). */
enum activation_state { ACTIVATION_WAITS, ACTIVATION_GRANTED, ACTIVATION_QUEUED, ACTIVATION_DENIED };

struct activation {
    uint64_t id; /* 0: none */
    enum activation_state state;
    uint32_t value; /* place in the queue, or cause */
};

struct session {
    struct sessions *all;
    struct session *next, **link;           /* all */
    struct session *hash_next, **hash_link; /* by account and identification */
    uint64_t id;
    struct call *call;
    char account[AUTH_USER_MAX], identification[AUTH_USER_MAX];
    char target[SERVICE_TARGET_MAX]; /* of its profile */
    enum session_status status;
    struct activation activation;
    struct timer gone;
};

/* Readable from any thread. */
struct session_stats {
    counter sessions; /* gauge */
    counter begun, lost, replaced;
    counter grants, denials, revocations;
};

/* What sessions need of the presence server. NULL each: there is none. */
struct sessions_user {
    void *ctx;
    /** Members of the group of that name. @return NULL: there is none, so it is a user */
    const struct members *(*members)(void *ctx, const char *name);
    /** Does that user want not to be disturbed? */
    bool (*is_dnd)(void *ctx, const char *user);
    /** A session has begun, has changed, or is over. */
    void (*session)(void *ctx, const struct session *session, bool is_over);
};

/** @return 0 | -ENOMEM */
int sessions_build(struct sessions **sessions, struct env *env, struct provisions *provisions,
                   const struct floor_policy *policy, const struct sessions_user *user);
const struct sessions_user *sessions_user(const struct sessions *sessions);
/** Forgets them: calls that are still there have no session any more. */
void sessions_free(struct sessions *sessions);

struct env *sessions_env(const struct sessions *sessions);
struct provisions *sessions_provisions(const struct sessions *sessions);
/** The channel of who has that service: found, or made. @return 0 | as channel_get */
int session_channel(struct sessions *sessions, const struct provision *provision, struct room **room);
/** What a call is told that becomes a session of that profile. */
void session_ptt(struct call_ptt *ptt, const struct env *env, const char *identification,
                 const struct service_profile *profile);

/** INVITE to a service. Answers it. */
void session_invite(struct sessions *sessions, struct txn *txn, const struct sip_msg *msg, const struct identity *who);

/** @return NULL: there is none */
struct session *session_find(const struct sessions *sessions, const char *account, const char *identification);
/** The first of a user's. @return NULL: it has none */
struct session *session_of_user(const struct sessions *sessions, const char *account);
struct session *sessions_first(const struct sessions *sessions);
const char *session_status_name(enum session_status status);

/** A user wants to be disturbed, or not: its sessions count as somebody to talk to, or as nobody (Deny 3). */
void session_available(struct sessions *sessions, const char *account, bool is_available);

/** The floor has been asked on its behalf. */
void session_activation_begin(struct session *session);

/** Its profile has changed, or is gone (NULL: the session ends). */
void session_profile_set(struct session *session, const struct service_profile *profile);

const struct session_stats *sessions_stats(const struct sessions *sessions);

/* Hooks of env_ptt; ctx: the sessions. */
void session_on_floor(void *ctx, struct call *call, enum floor_event what, uint32_t value);
void session_on_alive(void *ctx, struct call *call, bool is_alive);
void session_on_changed(void *ctx, struct call *call);

#endif
