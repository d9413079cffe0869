/* Policies of conferences. See policy.h. */
#include "sig/policy.h"

#include "sig/focus.h"
#include "sig/hash.h"
#include "sig/room.h"

#include <stdlib.h>
#include <string.h>

struct policy {
    struct policy *next;
    struct store_policy wish;
    bool is_told; /* in the telling that goes on */
};

static struct policy **find(const struct focus *f, const char *key)
{
    struct policy **link = (struct policy **)&f->policies.buckets[hash_text(0, key) % POLICY_BUCKETS];
    while (*link && strcmp((*link)->wish.key, key) != 0) {
        link = &(*link)->next;
    }
    return link;
}

int policy_ask(struct focus *f)
{
    struct store_req req = {.op = STORE_POLICIES};
    return store_put(f->store, &req);
}

static void take_one(struct focus *f, const struct store_policy *wish)
{
    struct policy **link = find(f, wish->key);
    if (!*link && !(*link = calloc(1, sizeof **link))) {
        log_line(f->log, LOG_ERROR, "no memory for the policy of a conference");
        return;
    }
    (*link)->wish = *wish;
    (*link)->is_told = true;
}

/* Those that the telling has named stay, and are unnamed for the next one. */
static void sweep(struct focus *f, bool keeps_told)
{
    for (size_t i = 0; i < POLICY_BUCKETS; i++) {
        for (struct policy **link = &f->policies.buckets[i]; *link;) {
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

void policy_take(struct focus *f, const struct store_reply *reply)
{
    if (reply->answer == STORE_POLICY_IS) {
        take_one(f, &reply->policy);
    } else if (reply->answer == STORE_DONE) {
        sweep(f, true);
    }
}

void policy_free(struct focus *f)
{
    sweep(f, false);
}

const struct store_policy *policy_of(const struct focus *f, const struct room *room)
{
    const struct policy *policy = *find(f, room->token);
    if (!policy && room->name) {
        policy = *find(f, room->name);
    }
    return policy ? &policy->wish : NULL;
}

uint32_t policy_legs_max(const struct focus *f, const struct room *room)
{
    const struct store_policy *wish = policy_of(f, room);
    return wish && wish->legs_max != 0 ? MIN(wish->legs_max, f->cfg.legs_max) : f->cfg.legs_max;
}
