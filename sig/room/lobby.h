/*
 * A lobby: a conference for one member alone, on the worker where the member has its place, in which it hears what is
 * played to it and nobody hears it. From there its leg goes into the room's conference, or it ends there. It closes
 * when the call has left it, and belongs to the room until the worker has given it back. Signalling thread only.
 */
#ifndef SIG_ROOM_LOBBY_H
#define SIG_ROOM_LOBBY_H

#include "sig/room/room.h"

struct clip;
struct leg;

struct lobby {
    struct room *room;
    struct lobby *next;
    struct member *member; /* NULL: it has left */
    int worker;
    struct conf *conf;
    struct leg *player; /* plays, or has played; lent. NULL: none */
    unsigned n_players; /* lent that have not come back */
    bool closed;        /* CTL_CONF_CLOSE is put */
    bool close_due;     /* it waits for the ring */
};

/** One for a member whose place is on that worker. @return 0 | -EBUSY ring full | -ENOMEM */
int lobby_open(struct lobby **lobby, struct room *room, struct member *member, int worker);

/** Plays a clip so many times (0: for ever) in the place of what plays; clip outlives the workers. lobby NULL is fine.
 * @return 0 | -ENOENT no lobby or no clip | -EBUSY ring full | -ENOMEM: what plays goes on, or has stopped */
int lobby_play(struct lobby *lobby, const struct clip *clip, uint32_t times);

/** Plays nothing any more. NULL is fine. @return 0 | -EBUSY ring full: it plays on */
int lobby_silence(struct lobby *lobby);

/** The call has left: its leg is no longer named there. NULL is fine. */
void lobby_leave(struct lobby *lobby);

/** A clip is over. @return the member that hears it | NULL: the player was dropped meanwhile, or the member has left */
struct member *lobby_played(const struct lobby *lobby, const struct leg *player);

/** A leg that played has come back. */
void lobby_player_gone(struct lobby *lobby, struct leg *player);

/** A conf has come back; it is the caller's. @return false: it is no lobby's */
bool lobby_gone(struct room *room, const struct conf *conf);

/** Closes what waits for the ring. */
void lobby_settle(struct room *room);

/** The end of the program: what is lent is lost. */
void lobby_abandon(struct room *room);

#endif
