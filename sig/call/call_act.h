/*
 * What the cells of a call's table do, call_act.c. An action answers its request in every case; 0: yes, the call goes
 * where the cell says; negative: no.
 */
#ifndef SIG_CALL_CALL_ACT_H
#define SIG_CALL_CALL_ACT_H

#include "sig/call/call.h"

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

/** 200 to an INVITE; body NULL: the answer has been given before. @return 0 | negative errno: the peer got 500 */
int call_say_ok(struct call *call, struct txn *txn, uint32_t cseq, bool supports_timer, const struct sdp_out *body);
/** The first offer: takes what a leg needs, builds and lends it; the answer is in body. @return 0 | negative: refused
 */
int call_first_answer(struct call *call, const struct call_input *in, struct sdp_out *body);
/** A new offer in a session: the leg follows, the answer is in body. @return 0 | negative: refused, all as it was */
int call_renegotiate(struct call *call, const struct call_input *in, struct sdp_out *body);
/** The 183 was never acknowledged. */
void call_prack_lost(struct call *call);

/** A call in the state FRESH, in no conference's roster and no hash yet. @return NULL: no memory */
struct call *call_make(struct env *env, struct room *room, const struct identity *who);
/** The one end of every call, however far it has come: whatever of it runs stops, whatever it holds goes back.
 * @pre no worker has a leg of it, no transaction names it. */
void call_free(struct call *call);

/** The one way through the table. @return its state */
enum call_state call_event(struct call *call, enum call_event event, const struct call_input *in);

/** Turns what transactions and the dialog report into events of the call: its owner.ops (call_hear.c). */
extern const struct owner_ops call_owner_ops;

/** What our side brings to a description. @return 0 | -EIO: no randomness, so no keys */
int call_local(const struct call *call, struct offer_local *local);
/** Takes the answer to our offer: leg built, or changed. @return 0 | negative: nothing that it asks for can be done */
int call_take_answer(struct call *call, const struct sip_msg *msg);

/** Leaves the conference: leg back, name off the roster. */
void call_leave(struct call *call);
/** No ACK is waited for any more. */
void call_invite_let_go(struct call *call);

#endif
