/*
 * Pushes that signalling makes on a session's behalf, for terminals without floor control: by REFER in the session, by
 * HTTP. Whether somebody is there to be spoken to is decided first, then the floor is asked for; what it says comes a
 * moment later. Signalling thread only.
 */
#ifndef SIG_INSTANT_ACTIVATION_H
#define SIG_INSTANT_ACTIVATION_H

#include "sig/instant/session.h"

enum activation_verdict {
    ACTIVATION_ASKED,  /* the floor has been asked: the session's activation says what comes of it */
    ACTIVATION_NOBODY, /* nobody of the channel can be reached */
    ACTIVATION_DND,    /* the other party does not want to be disturbed */
    ACTIVATION_TARGET, /* the session's service does not reach that target */
    ACTIVATION_RIGHT,  /* the session may only listen */
    ACTIVATION_BUSY    /* the worker takes nothing now */
};

struct activation_request {
    const char *target; /* a group or a user; NULL: that of its service */
    uint16_t priority;  /* FLOOR_PRIORITY_OWN: that of its profile */
    enum floor_tier tier;
};

enum activation_verdict activation_begin(struct session *session, const struct activation_request *request);
/** Lets go of the key; again: nothing. */
void activation_end(struct session *session);

/** By its id. @return NULL: it is over, or never was */
struct session *activation_find(const struct sessions *sessions, uint64_t id);

/** Why a member of the session's channel cannot be spoken to. @return "offline", "unreachable", "dnd" | NULL: it can */
const char *activation_why(const struct session *session, const char *user);

/** Calls back for those that a push of that session is meant to reach, and cannot. */
void activation_unavailable(const struct session *session, void *ctx,
                            void (*each)(void *ctx, const char *user, const char *why));

/** Hook of env_ptt: REFER in a session. @return REFUSALS: it is done */
enum refusal activation_on_refer(void *ctx, struct call *call, const struct sip_uri *to, bool is_release);

#endif
