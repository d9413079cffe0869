/*
 * REFER to the focus (RFC 3515, RFC 4579 5.5, 5.10): a participant has another party called into the conference, or its
 * call pulled in (Replaces), or removes it (method=BYE). NOTIFYs of the implicit subscription report the outcome,
 * unless the requester does not want them (RFC 4488).
 */
#ifndef SIG_FOCUS_REFER_H
#define SIG_FOCUS_REFER_H

#include "sig/call/call.h"

/** REFER to a conference. call: the participant in whose dialog it came, NULL: outside of any. Answers it. */
void refer_take(struct room *room, struct call *call, struct txn *txn, const struct sip_msg *msg,
                const struct identity *who);

/** May a caller have others called by its own INVITE? room: that it joins, NULL: one that it makes */
bool refer_may_bring(const struct env *env, const struct room *room, const struct identity *who);

/** SUBSCRIBE in a call's dialog that is about a REFER there. @return false: it is not */
bool refer_subscribe(struct call *call, struct txn *txn, const struct sip_msg *msg);

#endif
