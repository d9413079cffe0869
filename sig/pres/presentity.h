/*
 * The users whose presence is known or asked for, and what is known of each: registered phones, what they have
 * published, the sessions of push-to-talk; the rules that show it. Composed into one view; what shows it hooks in
 * and is called when the view changes.
 *
 * A presentity lives as long as anything hangs on it. Signalling thread only.
 */
#ifndef SIG_PRES_PRESENTITY_H
#define SIG_PRES_PRESENTITY_H

#include "sig/pres/pidf.h"
#include "sig/pres/profile.h"
#include "sig/room/env.h"

#define PRESENTITY_BUCKETS 65536
#define PRESENTITY_PUBLICATIONS_MAX 8
#define PRESENTITY_SESSIONS_MAX 16
#define PRESENTITY_HOOKS_MAX 4

enum presence_status {
    PRESENCE_OFFLINE,
    PRESENCE_REGISTERED,
    PRESENCE_PROVISIONED,
    PRESENCE_TALKING,
    PRESENCE_LISTENING,
    PRESENCE_DND,
    PRESENCE_UNREACHABLE
};

/* One provisioned session of push-to-talk. */
enum presence_session {
    PRESENCE_SESSION_NONE, /* it is over */
    PRESENCE_SESSION_IDLE,
    PRESENCE_SESSION_TALKING,
    PRESENCE_SESSION_LISTENING,
    PRESENCE_SESSION_UNREACHABLE /* its keep-alives are lost */
};

/* Readable from any thread. */
struct presence_stats {
    counter publications, watchers, lists; /* gauges */
    counter published, refused_tags;       /* PUBLISHes taken, and those with an unknown tag */
    counter changes;                       /* of what a watcher may see */
};

struct presentity;
struct presentities;

struct publication {
    struct presentity *of;
    struct publication *next;
    char etag[SIP_TAG_BYTES];
    bool is_settings; /* poc-settings */
    struct pidf pidf;
    struct timer expiry;
};

struct presentity_session {
    struct presentity_session *next;
    enum presence_session state;
    char service[PIDF_SERVICE_MAX];
    char identification[]; /* URI */
};

struct presentity {
    struct presentities *all;
    struct presentity *next, **link; /* of its bucket */
    struct presentity *next_suspect;
    bool is_suspect; /* perhaps nothing hangs on it any more */
    struct publication *publications;
    struct presentity_session *sessions;
    unsigned n_publications, n_sessions, n_phones;
    uint64_t shown; /* hash of the view that was told of last */
    struct rules *rules;
    struct members *buddies;
    /* Of those that show it. */
    struct sub *watchers, *winfos;
    unsigned n_watchers;
    struct list_link *links; /* lists that it is on */
    char user[];
};

struct presentity_hook {
    void *ctx;
    /** What may be seen of it has changed; with_rules: the rules have, which decide for each watcher. */
    void (*changed)(void *ctx, struct presentity *p, bool with_rules);
};

struct presentities {
    struct env *env;
    enum rule_action fallback; /* for watchers that no rule names */
    bool is_closing;           /* nothing is told any more */
    char host[ENV_HOST_MAX];   /* of this domain, as names have it */
    struct presence_stats stats;
    struct presentity_hook hooks[PRESENTITY_HOOKS_MAX];
    unsigned n_hooks;
    struct presentity *suspects;
    struct timer sweep;
    struct presentity *buckets[PRESENTITY_BUCKETS];
};

/** @return 0 | -ENOMEM */
int presentities_build(struct presentities **all, struct env *env, enum rule_action fallback);
/** @pre nothing hangs on any of them but publications, sessions, rules and buddies */
void presentities_free(struct presentities *all);
void presentities_hook(struct presentities *all, const struct presentity_hook *hook);

/** @return NULL: nothing is known of that user */
struct presentity *presentity_find(const struct presentities *all, const char *user);
/** The same, made if it is not there; a caller that hangs nothing on it calls presentity_look. @return NULL: no memory
 */
struct presentity *presentity_get(struct presentities *all, const char *user);
/** Something has left it: frees it, later, if nothing hangs on it then. */
void presentity_look(struct presentity *p);

/** "user@host" of a URI, in the form that rules are compared in: this domain by one name, hosts in lower case, no
 * ports. A host alone: of a domain. @return false: it is none */
bool presence_name(const struct presentities *all, const char *text, char out[PROFILE_URI_MAX]);
struct profile_namer presence_namer(const struct presentities *all);
/** The user of this domain that a name is of. @return NULL: of another domain */
const char *presence_own_user(const struct presentities *all, const char *name, char user[AUTH_USER_MAX]);
/** The name of a request's sender: its account, what a trusted peer asserts, or without authentication its From. */
bool presence_sender(const struct presentities *all, const struct sip_msg *msg, const struct identity *who,
                     char out[PROFILE_URI_MAX]);
/** The event package of a request. @return text, cut at its parameters; "": none */
const char *presence_event(const struct sip_msg *msg, char text[32]);
/** Does the Accept of a request, if there is one, take this type? */
bool presence_accepts(const struct sip_msg *msg, const char *type);

enum presence_status presentity_status(const struct presentity *p);
const char *presence_status_name(enum presence_status status);
bool presentity_is_dnd(const struct presentity *p);
/** What an allowed watcher sees. p NULL: of somebody unknown */
void presentity_view(const struct presentity *p, struct pidf_view *view);
/** Has it a live session of a service, and does not bar calls? */
bool presentity_serves(const struct presentity *p, const char *service);
/** What a watcher gets; BLOCK only where nobody unknown is shown either. p NULL: of somebody unknown */
enum rule_action presentity_judge(const struct presentities *all, const struct presentity *p, const char *user,
                                  const char *watcher);

void presentity_phones(struct presentity *p, unsigned n);
/** @return 0 | -ENOMEM | -ENOSPC too many sessions */
int presentity_session(struct presentity *p, const char *service, const char *identification,
                       enum presence_session state);
/** Takes them over; NULL: none. */
void presentity_rules(struct presentity *p, struct rules *rules);

/** A phone that starts anew leaves its last one behind: of too many the one that would expire first makes room, and is
 * told 412 if it is missed. @return NULL: no memory */
struct publication *publication_add(struct presentity *p, bool is_settings);
struct publication *publication_find(const struct presentity *p, const char *etag, bool is_settings);
/** It has been made or refreshed: a new tag, and a new expiry. */
void publication_renew(struct publication *pub, uint32_t expires_s);
void publication_drop(struct publication *pub);
/** Tells the hooks if what may be seen has changed. */
void presentity_settle(struct presentity *p);

#endif
