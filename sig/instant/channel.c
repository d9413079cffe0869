/* Channels. See channel.h. */
#include "sig/instant/channel.h"

#include <stdio.h>
#include <string.h>

#define MARK ":" /* no conference of an application's choice of name (RFC 4240) begins so */

void channel_name(char name[CHANNEL_NAME_MAX], const char *user, const char *target, bool is_group)
{
    const char *colon = strchr(target, ':');
    const char *text = colon ? colon + 1 : target;
    int n = (int)MIN(strcspn(text, "@;"), (size_t)(AUTH_USER_MAX - 1));
    char other[AUTH_USER_MAX];
    snprintf(other, sizeof other, "%.*s", n, text);
    if (is_group) {
        snprintf(name, CHANNEL_NAME_MAX, MARK "%s", other);
    } else { /* the same for both, whoever is first */
        bool is_first = strcmp(user, other) < 0;
        snprintf(name, CHANNEL_NAME_MAX, MARK "%s+%s", is_first ? user : other, is_first ? other : user);
    }
}

int channel_get(struct env *env, const char *name, const struct floor_policy *policy, struct room **out)
{
    struct room *room = room_named(env, name);
    if (room) {
        *out = room;
        return 0;
    }
    int err = room_channel(env, policy, &room);
    if (err) {
        return err;
    }
    err = room_name_set(room, name);
    if (err) {
        room_end(room, ENDING_FAULT);
        return err;
    }
    *out = room;
    return 0;
}

const char *channel_name_of(const struct room *room)
{
    return room->floor.is_on && room->name ? room->name + strlen(MARK) : NULL;
}
