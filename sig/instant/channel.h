/*
 * Channels: conferences with a floor, in which the sessions of a group stay. A channel is made by the first session
 * that comes, and goes some time after the last one. Two users whose sessions name each other share one.
 * Signalling thread only.
 */
#ifndef SIG_INSTANT_CHANNEL_H
#define SIG_INSTANT_CHANNEL_H

#include "sig/room/room.h"

#define CHANNEL_NAME_MAX (2 * AUTH_USER_MAX + 4)

/** The name of the channel that a session of that user belongs to. target: a group, or a user ("sip:bob@x", "bob") */
void channel_name(char name[CHANNEL_NAME_MAX], const char *user, const char *target, bool is_group);

/** Finds it by its name, or makes it. @return 0 | as room_channel */
int channel_get(struct env *env, const char *name, const struct floor_policy *policy, struct room **room);

/** What a page shows of a channel's name; NULL: that conference is none. */
const char *channel_name_of(const struct room *room);

#endif
