/*
 * What each leg hears, compiled to a flat plan: legs that may share an encode stand beside each other. Runs on the
 * worker when the conference has changed, never on an unchanged tick; takes no heap.
 */
#include "core/conf/conf_run.h"
#include "core/conf/encoders.h"

#include <string.h>

static bool kind_known(const struct plan *plan, const struct leg *leg)
{
    for (uint32_t i = 0; i < plan->n_legs; i++) {
        if (plan->legs[i]->enc.share >= SHARE_APART && leg_same_group(plan->legs[i], leg)) {
            return true;
        }
    }
    return false;
}

/*
 * The group a leg belongs to; a new kind opens a new one. Of a new leg that is decided for good: if its kind is one too
 * many it never shares, and a leg that may share finds room whatever becomes of the others.
 *
 * @param n_room  for so many new kinds; one may be counted twice
 */
static uint32_t group_of(struct plan *plan, struct leg *const *kinds, uint32_t *n_room, struct leg *leg)
{
    for (uint32_t g = 0; g < plan->n_groups; g++) {
        bool never = leg->enc.share == SHARE_NEVER;
        if (plan->groups[g].solo ? never : !never && leg_same_group(kinds[g], leg)) {
            return g;
        }
    }
    bool is_new = leg->enc.share == SHARE_NEW;
    if (is_new && !*n_room && !kind_known(plan, leg)) {
        leg->enc.share = SHARE_NEVER;
        return group_of(plan, kinds, n_room, leg);
    }
    *n_room -= is_new && *n_room;
    must(plan->n_groups < GROUPS_MAX);
    plan->groups[plan->n_groups] = (struct group){.solo = leg->enc.share == SHARE_NEVER};
    return plan->n_groups++;
}

static uint32_t shared_groups(const struct plan *plan)
{
    uint32_t n = 0;
    for (uint32_t g = 0; g < plan->n_groups; g++) {
        n += !plan->groups[g].solo;
    }
    return n;
}

/* Which legs share was settled before the kinds changed (conf_leg_apart): a group has at most one holder. */
static void group_enter(struct conf *conf, struct group *group, struct leg *leg)
{
    if (leg->enc.share == SHARE_NEW) {
        leg->enc.share = leg->cfg.ptt.is_bare && leg->cfg.codec->has_state ? SHARE_USES : SHARE_APART;
        encoders_enter(conf, leg);
    }
    if (leg->enc.share == SHARE_HOLDS) {
        must(!group->shared && !group->solo);
        group->shared = leg;
    }
}

void conf_leg_look(struct conf *conf, const struct leg *leg)
{
    conf->changed |= leg_is_protected(leg) != leg->enc.protected;
}

void graph_compile(struct conf *conf)
{
    struct plan *plan = &conf->plan;
    struct leg *kinds[GROUPS_MAX], **ends[GROUPS_MAX]; /* first and last of the list of each group's legs */
    /* In an annex each annex source has room. */
    uint32_t n_room = conf->cfg.annex ? GROUPS_MAX : KINDS_MAX - MIN(shared_groups(plan), (uint32_t)KINDS_MAX);
    plan->n_groups = 0;
    memset(plan->rate_used, 0, sizeof plan->rate_used);
    plan->in_lanes = false;
    for (uint32_t i = 0; i < plan->n_legs; i++) {
        struct leg *leg = plan->legs[i];
        uint32_t before = plan->n_groups, g = group_of(plan, kinds, &n_room, leg);
        if (plan->n_groups > before) {
            ends[g] = &kinds[g];
        }
        *ends[g] = leg;
        ends[g] = &leg->next;
        plan->groups[g].count++;
        leg->enc.protected = leg_is_protected(leg);
        plan->groups[g].protects |= leg->enc.protected;
        group_enter(conf, &plan->groups[g], leg);
        plan->rate_used[leg->i_rate] |= !leg->plays;
        plan->in_lanes |= leg->cfg.codec->encode_many || leg->cfg.codec->decode_many;
    }
    uint32_t at = 0;
    for (uint32_t g = 0; g < plan->n_groups; g++) {
        plan->groups[g].first = at;
        plan->synced[g] = (struct annex_synced){0};
        *ends[g] = NULL;
        for (struct leg *leg = kinds[g], *next; leg; leg = next) {
            next = leg->next;
            leg->next = NULL;
            plan->legs[at++] = leg;
        }
    }
    encoders_borrow(conf);
    encoders_limit(conf);
    conf->changed = false;
}
