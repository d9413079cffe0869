/*
 * The conference event package (RFC 4575): notifies watchers of the participants. A watcher gets the whole state first,
 * then what has changed: at most one document in five seconds, each with the next version. A participant that asked for
 * privacy (RFC 3323, RFC 3325) appears without a name.
 *
 * Watchers are participants, and the creator of the conference. Without authentication (--auth=off) a participant is
 * known by its From URI, from the host that it calls from.
 */
#ifndef SIG_ROOM_ROSTER_H
#define SIG_ROOM_ROSTER_H

#include "sig/room/room.h"

#define ROSTER_BODY_MAX 49152
#define ROSTER_SUBS_MAX 4 /* subscriptions of one participant */

/** Fills in the names under which a participant appears: once, when its call begins.
 * @return 0 | -ENOMEM */
int roster_name(struct env *env, struct member *member, const struct sip_msg *msg);

/** Does it ask for privacy (RFC 3323, RFC 3325)? */
bool roster_is_private(const struct sip_msg *msg);

/** The same for a participant that we call. @return 0 | -ENOMEM */
int roster_name_dialled(struct env *env, struct member *member, const char *entity, const char *display);

/** May the requester see the roster, and bring others in? self: the member in whose dialog it asks, NULL: none */
bool roster_knows(const struct room *room, const struct member *self, const struct sip_msg *msg,
                  const struct identity *who);

/** Notifies the watchers: a participant has come, has changed or goes. */
void roster_changed(struct room *room, struct member *member);
void roster_left(struct room *room, struct member *member);

/** SUBSCRIBE to a conference. self, shared: the member in whose dialog it came, and that dialog; NULL: none. Answers
 * it. */
void roster_subscribe(struct room *room, const struct member *self, struct dialog *shared, struct txn *txn,
                      const struct sip_msg *msg, const struct identity *who);

/** Ends all subscriptions: the conference is over. */
void roster_end(struct room *room);
/** Forgets all subscriptions without a NOTIFY: the program ends. */
void roster_abandon(struct room *room);
/** Forgets the subscriptions that use a dialog: it is over. */
void roster_dialog_gone(struct room *room, const struct dialog *dialog);

#endif
