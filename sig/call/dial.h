/*
 * Calling out (RFC 4579 5.5): the conference INVITEs somebody, on behalf of a participant. The INVITE's states are of
 * the call's table (call.c); what is particular to the calling side is here: the offer, redirects within policy, forked
 * answers, CANCEL, and notifying the requester. A challenge is answered only where the outbound proxy asks for the
 * realm that we have credentials of: a called party must not learn from them.
 */
#ifndef SIG_CALL_DIAL_H
#define SIG_CALL_DIAL_H

#include "sig/call/call.h"
#include "sig/room/reach.h"

#define DIAL_PENDING_MAX 16 /* of one conference: calls that nobody has answered yet */
#define DIAL_TARGETS_MAX 5  /* of one call: RFC 3261 8.1.3.4 within bounds */
#define DIAL_ANSWERS_MAX 2  /* to challenges of one call: the first, and one that the nonce was stale */
#define DIAL_SURPLUS_MAX 8  /* forked answers of one call that get their BYE */
#define DIAL_RING_MS 180000 /* how long it may ring */
#define DIAL_BURST 20       /* calls that one requester may ask for at once, before its rate holds */
#define DIAL_ROOM_FACTOR 4  /* all participants of a conference together: so many times the rate of one */

/* Reports progress to the REFERer: 180 when it rings, then a final status, once. */
typedef void (*dial_progress)(void *arg, int status, const char *reason);

struct dial_plan {
    struct reach_way way;
    const char *host;             /* of the URI, lower case */
    const char *entity, *display; /* as the roster shall show it */
    const char *replaces;         /* value of Replaces, NULL: none */
    const char *referred_by;      /* value of Referred-By, NULL: none */
    dial_progress progress;
    void *arg;
    const struct call_ptt *ptt; /* it is to be a session of push-to-talk, answered at once; NULL: none */
    const char *account;        /* of the user, with ptt */
};

/* The calling side of a call. Strings are owned. */
struct dial {
    struct call *call;
    struct txn *txn; /* our INVITE, as long as answers to it may come */
    uint32_t cseq;
    bool by_proxy, is_pending, is_accepted;
    bool is_challenged; /* the next INVITE is the same once more, with credentials */
    unsigned n_answers;
    char *auth;         /* value of its Authorization, or of */
    bool auth_is_proxy; /* Proxy-Authorization */
    char *replaces, *referred_by;
    char *tried[DIAL_TARGETS_MAX];
    unsigned n_tried, n_surplus;
    char host[REACH_HOST_MAX]; /* of the first target, as a redirect is judged by it */
    struct reach_way next;     /* where a redirect leads */
    struct timer ring;
    bool has_rung;
    dial_progress progress; /* NULL: notified, or not wanted */
    void *arg;
};

/**
 * May n calls be asked for: by the limits of the conference and of the requester? Counts them.
 *
 * @param room  NULL: one that is about to be made
 * @param who, msg  the requester: its identity, or its address
 * @return 0 | -EBUSY too many unanswered | -EDQUOT too many a minute
 */
int dial_admit(struct env *env, const struct room *room, const struct identity *who, const struct sip_msg *msg,
               unsigned n);

/** Calls. @return 0 | negative errno as call_begin's refusals: nothing is left, nobody is notified */
int dial_begin(struct room *room, const struct dial_plan *plan, struct call **call);

/** The requester does not want to be notified any more. */
void dial_forget(struct call *call);

/* --- For call.c --------------------------------------------------------------------------------------------------- */

/** A response to our INVITE, or that there will be none (msg NULL). */
void dial_answered(struct call *call, int status, const struct sip_msg *msg);
/** Our INVITE's transaction is gone. */
void dial_gone(struct call *call);
/** The call is over: stops its timers and notifies the requester. */
void dial_over(struct call *call);
void dial_free(struct call *call);
/** Nothing can come any more. */
bool dial_is_done(const struct call *call);

/* Actions, as in call_act.h. */
int act_dial(struct call *call, const struct call_input *in);          /* INVITE */
int act_dial_up(struct call *call, const struct call_input *in);       /* 2xx: ACK, leg; or BYE */
int act_dial_redirect(struct call *call, const struct call_input *in); /* INVITE again, to dial->next */
int act_dial_end(struct call *call, const struct call_input *in);      /* CANCEL */
int act_dial_crossed(struct call *call, const struct call_input *in);  /* 2xx crosses CANCEL: ACK and BYE */

#endif
