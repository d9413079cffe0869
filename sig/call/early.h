/*
 * The time before the 200: an INVITE whose preconditions are not met gets a reliable 183 with our answer (RFC 3262, RFC
 * 3312), which is repeated until its PRACK comes; the 200 follows when the peer's UPDATE says that its resources are
 * there.
 */
#ifndef SIG_CALL_EARLY_H
#define SIG_CALL_EARLY_H

#include "sig/base/timer.h"
#include "sig/txn/txn.h"

struct call;
struct call_input;

struct early {
    struct txn *invite; /* the open INVITE; NULL: none */
    uint32_t rseq, cseq;
    bool is_acknowledged, is_met, supports_timer;
    uint32_t session_s; /* the session timer that the INVITE asked for: what an UPDATE asks for holds for its own 200 */
    bool refresh_by_us;
    uint64_t wait_ms, waited_ms; /* until the 183 is repeated; since it was first sent */
    struct timer repeat;
};

void early_init(struct call *call);
/** No 183 is repeated any more, and no INVITE is open. */
void early_stop(struct call *call);

/* Actions of the call's table, as in call_act.h. */
int act_wait(struct call *call, const struct call_input *in);         /* 183 */
int act_prack(struct call *call, const struct call_input *in);        /* yes: the 200 has been sent */
int act_early_update(struct call *call, const struct call_input *in); /* the same */
int act_cancelled(struct call *call, const struct call_input *in);    /* 487 */
int act_early_bye(struct call *call, const struct call_input *in);    /* 200, and 487 */
int act_early_end(struct call *call, const struct call_input *in);    /* 480 */
int act_prack_lost(struct call *call, const struct call_input *in);   /* 504 */
int act_open(struct call *call, const struct call_input *in);         /* another INVITE: 500 */
int act_prack_stray(struct call *call, const struct call_input *in);  /* 481 */

#endif
