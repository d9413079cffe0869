/*
 * Reading an INVITE, first or in a dialog: does its body make sense, and does its offer fit. Refuses by itself.
 */
#ifndef SIG_CALL_INVITE_H
#define SIG_CALL_INVITE_H

#include "sig/room/env.h"
#include "sig/sip/uri_list.h"

/* What a session of push-to-talk may do at the floor of its channel. */
struct call_ptt {
    bool is_on;
    struct floor_line ours;             /* floor control as we offer it, or answer */
    struct floor_rights rights;         /* priority_max: before the terminal's own */
    char identity[PTT_URI_MAX];         /* what the others are told has the floor */
    char identification[AUTH_USER_MAX]; /* by which the user has the service */
    void *session;                      /* of instant/ */
};

struct invite {
    bool is_priority; /* a trusted peer says so (RFC 4412): let in beyond the budgets */
    bool offerless;   /* no offer: ours goes into the 200 */
    struct sdp sdp;
    struct offer_pick pick;     /* points into sdp */
    struct place_cost cost;     /* of the leg; offerless: of our first codec */
    const struct call_ptt *ptt; /* it begins a session of push-to-talk; NULL: none */
};

/**
 * Reads it.
 *
 * @param invite  the caller's memory; valid as long as msg
 * @return        0 | -EPROTO: refused, txn has had its final response
 */
int invite_read(struct env *env, struct txn *txn, const struct sip_msg *msg, struct invite *invite);

/** Takes the offer's floor control as well, where it has one and its address is no socket of ours. */
void invite_floor_pick(struct env *env, struct invite *invite, const struct floor_line *ours);

/** Is it a priority call (RFC 4412) of a trusted peer? */
bool invite_has_priority(const struct env *env, const struct sip_msg *msg);

/**
 * The SDP of a message, if it has one: type, encoding and disposition checked.
 *
 * @return 0 | -ENODATA no body | -ENOTSUP a body that we must understand and do not | -EBADMSG, -E2BIG as sdp_parse
 */
int invite_sdp(const struct sip_msg *msg, struct sdp *sdp);

/** The list of URIs that it brings (RFC 5366); n 0: none. @return 0 | -EBADMSG, -E2BIG as uri_list_read */
int invite_list(const struct sip_msg *msg, struct uri_list *list);

#endif
