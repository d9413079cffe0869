/*
 * Half calls: calls that have their answer and not its ACK, and conferences that hold ports and are called by nobody
 * yet (--reservation=on). Each keeps from others what they may need, and costs who makes it one packet. So the
 * number of them is limited for each source address. A URI that holds nothing is none: in overload many are left behind
 * by honest callers, whose next ones must not be refused for it. Signalling thread only.
 *
 * Counted in a table of fixed size by a keyed hash: two sources that share a place share its limit, and nobody can aim
 * at another's.
 */
#ifndef SIG_HALF_H
#define SIG_HALF_H

#include "core/base/addr.h"

#define HALF_PLACES 4096
#define HALF_ROOM_SHARE 4 /* of a conference's places one source has so much at most in half calls: a quarter */

struct focus;

struct halves {
    uint32_t n[HALF_PLACES];
};

/* What a half call holds of its source's limit. Zero: nothing. */
struct half {
    uint32_t place; /* + 1 */
};

struct room;

/** One more in a table, of at most so many for each source. @return 0 | -EDQUOT */
int half_take_in(struct focus *focus, struct halves *halves, uint32_t max, struct half *half,
                 const struct addr *source);
void half_give_in(struct halves *halves, struct half *half);

/** Counts one more half call. Trusted peers, who speak for many, are not counted. @return 0 | -EDQUOT: as many as there
 * may be */
int half_take(struct focus *focus, struct half *half, const struct addr *source);

/** Has its source so many half calls in this conference already that others would be shut out? */
bool half_fills(const struct half *half, const struct room *room);

/** It is whole, or over. Twice is fine. */
void half_give(struct focus *focus, struct half *half);

#endif
