/*
 * Limits, for each source address, what is unacknowledged: calls that have their answer and not its ACK, and
 * conferences that hold ports and that nobody has joined yet (--reserve=on). Each keeps from others what they may
 * need, and costs its source one packet. A URI that holds nothing is not counted: in overload many are left behind by
 * honest callers, and their next calls must not be refused for it. Signalling thread only.
 */
#ifndef SIG_ROOM_UNACKED_H
#define SIG_ROOM_UNACKED_H

#include "sig/base/quota.h"

#define UNACKED_ROOM_SHARE 4 /* one source may have a quarter of a conference's places unacknowledged */

struct env;
struct room;

/** Counts one more. Trusted peers are not counted: they carry the calls of many. @return 0 | -EDQUOT */
int unacked_take(struct env *env, struct quota_hold *hold, const struct addr *source);

/** Has its source so many of them in this conference already that others would be shut out? */
bool unacked_fills(const struct quota_hold *hold, const struct room *room);

/** It is acknowledged, or over. Twice is fine. */
void unacked_give(struct env *env, struct quota_hold *hold);

#endif
