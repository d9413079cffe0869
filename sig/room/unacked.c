/* Unacknowledged calls. See unacked.h. */
#include "sig/room/unacked.h"

#include "sig/room/room.h"

bool unacked_fills(const struct quota_hold *hold, const struct room *room)
{
    uint32_t n = 0, max = 1 + policy_legs_max(room->env, room) / UNACKED_ROOM_SHARE;
    if (hold->place == 0) {
        return false;
    }
    for (const struct member *member = room->roster; member; member = member->next) {
        n += member->unacked.place == hold->place;
    }
    return n >= max;
}

int unacked_take(struct env *env, struct quota_hold *hold, const struct addr *source)
{
    if (trust_has(&env->cfg.trusted, source)) {
        return 0;
    }
    uint32_t max = env->cfg.half_calls_max ? env->cfg.half_calls_max : UINT32_MAX;
    int err = quota_take(&env->unacked, env->secret, max, hold, source);
    count_add(&env->stats.half_calls, !err);
    return err;
}

void unacked_give(struct env *env, struct quota_hold *hold)
{
    count_add(&env->stats.half_calls, hold->place ? (uint64_t)-1 : 0);
    quota_give(&env->unacked, hold);
}
