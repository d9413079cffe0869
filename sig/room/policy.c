/* Policies of conferences. See policy.h. */
#include "sig/room/policy.h"

#include "sig/base/hash.h"
#include "sig/room/env.h"
#include "sig/room/room.h"

#include <stdlib.h>
#include <string.h>

struct policy {
    struct policy *next;
    struct store_policy wish;
    bool is_told; /* in the telling that goes on */
};

static struct policy **find(const struct env *env, const char *key)
{
    struct policy **link = (struct policy **)&env->policies.buckets[hash_text(0, key) % POLICY_BUCKETS];
    while (*link && strcmp((*link)->wish.key, key) != 0) {
        link = &(*link)->next;
    }
    return link;
}

int policy_ask(struct env *env)
{
    struct store_req req = {.op = STORE_POLICIES};
    return store_put(env->store, &req);
}

static void take_one(struct env *env, const struct store_policy *wish)
{
    struct policy **link = find(env, wish->key);
    if (!*link && !(*link = calloc(1, sizeof **link))) {
        log_line(env->log, LOG_ERROR, "no memory for the policy of a conference");
        return;
    }
    (*link)->wish = *wish;
    (*link)->is_told = true;
}

/* Those that the telling has named stay, and are unnamed for the next one. */
static void sweep(struct env *env, bool keeps_told)
{
    for (size_t i = 0; i < POLICY_BUCKETS; i++) {
        for (struct policy **link = &env->policies.buckets[i]; *link;) {
            struct policy *policy = *link;
            if (keeps_told && policy->is_told) {
                policy->is_told = false;
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
    return policy ? &policy->wish : NULL;
}

uint32_t policy_legs_max(const struct env *env, const struct room *room)
{
    const struct store_policy *wish = policy_of(env, room);
    return wish && wish->legs_max != 0 ? MIN(wish->legs_max, env->cfg.legs_max) : env->cfg.legs_max;
}
