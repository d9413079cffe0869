/* A conference is built, joined and left. Its tick is mix.c, its plan graph.c. */
#include "core/conf/conf_run.h"

#include "core/base/mem.h"

#include <errno.h>
#include <string.h>

int conf_build(struct conf **out, const struct conf_cfg *cfg)
{
    if (cfg->legs_max < 1 || cfg->legs_max > CONF_LEGS_MAX || cfg->talkers > TALKERS_MAX) {
        return -EINVAL;
    }
    uint32_t mixed_max = cfg->talkers ? MIN(cfg->talkers, cfg->legs_max) : cfg->legs_max;
    struct conf *conf = mem_get(sizeof *conf + (cfg->legs_max + 2 * (size_t)mixed_max) * sizeof(struct leg *));
    if (!conf) {
        return -ENOMEM;
    }
    conf->cfg = *cfg;
    conf->plan.legs = (struct leg **)(conf + 1);
    conf->mixed = conf->plan.legs + cfg->legs_max;
    conf->mixed_max = mixed_max;
    conf->rows = (int16_t **)(conf->mixed + mixed_max);
    *out = conf;
    return 0;
}

void conf_free(struct conf *conf)
{
    must(!conf || conf->plan.n_legs == 0);
    mem_put(conf);
}

const struct conf_cfg *conf_cfg_of(const struct conf *conf)
{
    return &conf->cfg;
}

void conf_leg_add(struct conf *conf, struct leg *leg)
{
    must(conf->plan.n_legs < conf->cfg.legs_max);
    conf->plan.legs[conf->plan.n_legs++] = leg;
    leg->conf = conf;
    leg->contested = conf->cfg.talkers > 0;
    conf->changed = true;
}

static void encoder_copy(struct leg *to, const struct leg *from)
{
    memcpy(to->encoder, from->encoder, from->cfg.codec->encoder_size());
    to->at_rest = from->at_rest;
    to->silent_frames = from->silent_frames;
}

/* Somebody else of leg's group who shares: the one who holds the state, or anyone. */
static struct leg *sharer_find(const struct conf *conf, const struct leg *leg, bool holder)
{
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *other = conf->plan.legs[i];
        if (other != leg && !other->own_encoder && other->holds_shared == holder && leg_same_group(other, leg)) {
            return other;
        }
    }
    return NULL;
}

void conf_leg_apart(struct conf *conf, struct leg *leg)
{
    if (!leg->cfg.codec->has_state || leg->own_encoder) {
        return;
    }
    struct leg *other = sharer_find(conf, leg, !leg->holds_shared);
    if (!leg->holds_shared) {
        must(other);
        encoder_copy(leg, other);
    } else if (other) {
        encoder_copy(other, leg);
        other->holds_shared = true;
    }
    leg->holds_shared = false;
    leg->own_encoder = true;
    leg->apart_ticks = 0;
}

void conf_leg_drop(struct conf *conf, struct leg *leg)
{
    conf_leg_apart(conf, leg);
    for (uint32_t i = 0; i < conf->n_talkers; i++) {
        if (conf->talkers[i] == leg) {
            conf->talkers[i] = conf->talkers[--conf->n_talkers];
            break;
        }
    }
    struct plan *plan = &conf->plan;
    for (uint32_t i = 0; i < plan->n_legs; i++) {
        if (plan->legs[i] == leg) {
            plan->legs[i] = plan->legs[--plan->n_legs];
            break;
        }
    }
    leg->conf = NULL;
    conf->changed = true;
}
