/*
 * The conference event package (RFC 4575): who is there, to those who may know. A watcher gets the whole state first,
 * then what has changed: at most one document in five seconds, each with the next version. Who asked for privacy (RFC
 * 3323, RFC 3325) is told of without a name.
 *
 * Watchers are participants, and the one who made the conference; when nobody has to say who he is (--auth=off), a
 * participant is known by its From URI, from the host that it calls from.
 */
#ifndef SIG_ROOM_ROSTER_H
#define SIG_ROOM_ROSTER_H

#include "sig/room/room.h"

#define ROSTER_BODY_MAX 49152
#define ROSTER_SUBS_MAX 4 /* subscriptions of one participant */

/** What a participant is told of as: filled once, when its call begins. */
void roster_name(struct env *env, struct member *member, const struct sip_msg *msg);

/** The same for one whom we call. @return 0 | -ENOMEM */
int roster_name_dialled(struct env *env, struct member *member, const char *entity, const char *display);

/** May the one who asks know who is there, and bring others? self: the member in whose dialog it asks, NULL: none */
bool roster_knows(const struct room *room, const struct member *self, const struct sip_msg *msg,
                  const struct identity *who);

/** A participant has come, has changed or goes: watchers are told. */
void roster_changed(struct room *room, struct member *member);
void roster_left(struct room *room, struct member *member);

/** SUBSCRIBE to a conference. self, shared: the member in whose dialog it came, and that dialog; NULL: none. Answers
 * it. */
void roster_subscribe(struct room *room, const struct member *self, struct dialog *shared, struct txn *txn,
                      const struct sip_msg *msg, const struct identity *who);

/** The conference is over: a last word to everybody. */
void roster_end(struct room *room);
/** The program is: without a word. */
void roster_abandon(struct room *room);
/** A dialog is over, and with it what rode on it. */
void roster_dialog_gone(struct room *room, const struct dialog *dialog);

#endif
