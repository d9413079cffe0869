/*
 * What a conference has on other workers than its owner's. When that one has no room left, newcomers go to an annex: a
 * conference of listeners on another worker (core/conf/conf.h). An annex source is what one kind of them hears: a
 * relay, and the leg at the owner that broadcasts on it. Both are made when they are first asked for and go when nobody
 * has them any more; both may only go in this order: legs, annex or annex source, owner. Signalling thread only.
 */
#ifndef SIG_ROOM_ANNEX_H
#define SIG_ROOM_ANNEX_H

#include "sig/room/room.h"

struct leg;
struct relay;

#define ANNEX_SILENT_S 30 /* a participant silent for so long may be moved from the owner's worker */

struct annex {
    struct room *room;
    struct annex *next;
    int worker;
    struct conf *conf;
    unsigned n_calls; /* that have their leg here, or are on their way */
    bool closed;      /* CTL_CONF_CLOSE is put */
    bool close_due;   /* it waits for the ring */
};

struct annex_source {
    struct room *room;
    struct annex_source *next;
    const struct codec *codec;
    struct codec_cfg fmt;
    struct relay *relay;
    struct leg *leg; /* lent to the owner's worker */
    uint32_t cpu_us;
    unsigned n_legs; /* lent that hear it, or about to be */
    bool dropped;    /* CTL_LEG_DROP is put */
    bool drop_due;   /* it waits for the ring */
};

/** The annex of an open room on that worker, for one more call. @return 0 | -EBUSY ring full | -ENOMEM */
int annex_get(struct room *room, int worker, struct annex **annex);
/** A call has left it: its leg is no longer named there. NULL is fine. */
void annex_put(struct annex *annex);

/** What such a leg hears in an annex, for one more leg. @return 0 | -EAGAIN as many kinds as there may be |
 * -EBUSY ring full | -ENOMEM */
int annex_source_get(struct room *room, const struct offer_media *media, struct annex_source **source);
/** A leg that heard it has come back, or was never lent. NULL is fine. */
void annex_source_put(struct annex_source *source);
/** The one with that relay. NULL is fine. */
struct annex_source *annex_source_find(const struct room *room, const struct relay *relay);

/** Its leg has come back: room_settle is to follow. */
void annex_source_gone(struct annex_source *source, struct leg *leg);
/** An annex's conf has come back; it is the caller's. */
void annex_gone(struct room *room, const struct conf *conf);

/** Closes what nobody has any more, as far as the rings have room. @return the owner still has relays' legs */
bool annex_settle(struct room *room);

/** The end of the program: what is lent is lost. */
void annex_abandon(struct room *room);

#endif
