/*
 * Who hears whom, compiled to a flat plan: legs that may share an encode stand beside each other. Runs on the worker
 * when the conference has changed, never on an unchanged tick; takes no heap.
 */
#include "core/conf/conf_run.h"

#include <string.h>

/* The group a leg belongs to; a new kind opens a new one, the last one takes whatever is left over. */
static uint32_t group_of(struct plan *plan, struct leg *const *kinds, const struct leg *leg)
{
    for (uint32_t g = 0; g < plan->n_groups; g++) {
        if (!plan->groups[g].solo && leg_same_group(kinds[g], leg)) {
            return g;
        }
    }
    if (plan->n_groups == GROUPS_MAX) {
        return GROUPS_MAX - 1;
    }
    plan->groups[plan->n_groups] = (struct group){.solo = plan->n_groups == GROUPS_MAX - 1};
    return plan->n_groups++;
}

/* Who shares was settled before the kinds changed (conf_leg_apart): a group has at most one holder. */
static void group_enter(struct group *group, struct leg *leg)
{
    if (leg->holds_shared) {
        must(!group->shared && !group->solo);
        group->shared = leg;
    }
}

void graph_compile(struct conf *conf)
{
    struct plan *plan = &conf->plan;
    struct leg *kinds[GROUPS_MAX], **ends[GROUPS_MAX]; /* first and last of the list of each group's legs */
    plan->n_groups = 0;
    memset(plan->rate_used, 0, sizeof plan->rate_used);
    plan->in_lanes = false;
    for (uint32_t i = 0; i < plan->n_legs; i++) {
        struct leg *leg = plan->legs[i];
        uint32_t before = plan->n_groups, g = group_of(plan, kinds, leg);
        if (plan->n_groups > before) {
            ends[g] = &kinds[g];
        }
        *ends[g] = leg;
        ends[g] = &leg->next;
        plan->groups[g].count++;
        group_enter(&plan->groups[g], leg);
        plan->rate_used[leg->i_rate] = true;
        plan->in_lanes |= leg->cfg.codec->encode_many || leg->cfg.codec->decode_many;
    }
    uint32_t at = 0;
    for (uint32_t g = 0; g < plan->n_groups; g++) {
        plan->groups[g].first = at;
        plan->fed[g] = (struct fed){0};
        *ends[g] = NULL;
        for (struct leg *leg = kinds[g], *next; leg; leg = next) {
            next = leg->next;
            leg->next = NULL;
            plan->legs[at++] = leg;
        }
    }
    conf->changed = false;
}
