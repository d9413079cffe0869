/*
 * What the cells of a call's table do, call_act.c. An action answers its request in every case; 0: yes, the call goes
 * where the cell says; negative: no.
 */
#ifndef SIG_CALL_ACT_H
#define SIG_CALL_ACT_H

#include "sig/call.h"

struct call_input {
    struct txn *txn;
    const struct sip_msg *msg;
    const struct invite *invite;
};

typedef int (*call_action)(struct call *call, const struct call_input *in); /* 0: yes | negative: no */

int act_answer(struct call *call, const struct call_input *in);
int act_offer(struct call *call, const struct call_input *in);
int act_reanswer(struct call *call, const struct call_input *in);
int act_update(struct call *call, const struct call_input *in);
int act_reoffer(struct call *call, const struct call_input *in);
int act_reoffer_send(struct call *call, const struct call_input *in);
int act_bye(struct call *call, const struct call_input *in);
int act_answered(struct call *call, const struct call_input *in);
int act_reanswered(struct call *call, const struct call_input *in);
int act_lost(struct call *call, const struct call_input *in);
int act_hung_up(struct call *call, const struct call_input *in);
int act_crossed(struct call *call, const struct call_input *in);
int act_leave_first(struct call *call, const struct call_input *in);
int act_quiet(struct call *call, const struct call_input *in);
int act_pending(struct call *call, const struct call_input *in);
int act_update_pending(struct call *call, const struct call_input *in);
int act_not_now(struct call *call, const struct call_input *in);
int act_gone(struct call *call, const struct call_input *in);
int act_nothing(struct call *call, const struct call_input *in);

/** Leaves the conference: leg back, name off the roster. */
void call_leave(struct call *call);
/** No ACK is waited for any more. */
void call_invite_let_go(struct call *call);

#endif
