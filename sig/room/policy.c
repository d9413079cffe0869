/* Policies of conferences. See policy.h. */
#include "sig/room/policy.h"

#include "sig/base/hash.h"
#include "sig/room/env.h"
#include "sig/room/room.h"

#include <stdlib.h>
#include <string.h>

struct policy {
    struct policy *next;
    struct store_policy set;
    bool is_listed; /* in the list that is being read */
};

static struct policy **find(const struct env *env, const char *key)
{
    struct policy **link = (struct policy **)&env->policies.buckets[hash_text(0, key) % POLICY_BUCKETS];
    while (*link && strcmp((*link)->set.key, key) != 0) {
        link = &(*link)->next;
    }
    return link;
}

int policy_ask(struct env *env)
{
    struct store_req req = {.op = STORE_POLICIES};
    return store_put(env->store, &req);
}

static void take_one(struct env *env, const struct store_policy *set)
{
    struct policy **link = find(env, set->key);
    if (!*link && !(*link = calloc(1, sizeof **link))) {
        log_line(env->log, LOG_ERROR, "no memory for the policy of a conference");
        return;
    }
    (*link)->set = *set;
    (*link)->is_listed = true;
}

/* Policies that the list has named stay, and are unnamed for the next list. */
static void sweep(struct env *env, bool keeps_listed)
{
    for (size_t i = 0; i < POLICY_BUCKETS; i++) {
        for (struct policy **link = &env->policies.buckets[i]; *link;) {
            struct policy *policy = *link;
            if (keeps_listed && policy->is_listed) {
                policy->is_listed = false;
                link = &policy->next;
                continue;
            }
            *link = policy->next;
            keys_wipe(policy, sizeof *policy);
            free(policy);
        }
    }
}

void policy_take(struct env *env, const struct store_reply *reply)
{
    if (reply->answer == STORE_POLICY_IS) {
        take_one(env, &reply->policy);
    } else if (reply->answer == STORE_DONE) {
        sweep(env, true);
    }
}

void policy_free(struct env *env)
{
    sweep(env, false);
}

const struct store_policy *policy_of(const struct env *env, const struct room *room)
{
    const struct policy *policy = *find(env, room->token);
    if (!policy && room->name) {
        policy = *find(env, room->name);
    }
    return policy ? &policy->set : NULL;
}

uint32_t policy_legs_max(const struct env *env, const struct room *room)
{
    const struct store_policy *set = policy_of(env, room);
    return set && set->legs_max != 0 ? MIN(set->legs_max, env->cfg.legs_max) : env->cfg.legs_max;
}
