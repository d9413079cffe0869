/* A conference is built, joined and left. Its tick is mix.c, its plan graph.c. */
#include "core/conf/conf_run.h"
#include "core/conf/encoders.h"
#include "core/conf/ptt.h"

#include "core/base/mem.h"

#include <errno.h>
#include <string.h>

int conf_build(struct conf **out, const struct conf_cfg *cfg)
{
    if (cfg->legs_max < 1 || cfg->legs_max > CONF_LEGS_MAX || cfg->talkers > TALKERS_MAX ||
        (cfg->has_floor && cfg->annex)) {
        return -EINVAL;
    }
    uint32_t voices_max = cfg->talkers ? MIN(cfg->talkers, cfg->legs_max) : cfg->legs_max;
    uint32_t mixed_max = MAX(voices_max, (uint32_t)(cfg->has_floor ? FLOOR_HOLDERS_MAX : 0)) + CONF_CLIPS_MAX;
    size_t legs_max = (size_t)cfg->legs_max + CONF_RELAYS_MAX + CONF_CLIPS_MAX;
    size_t bytes = sizeof(struct conf) + (cfg->talkers + mixed_max + legs_max) * sizeof(struct leg *);
    struct conf *conf = mem_get(bytes + (cfg->has_floor ? sizeof *conf->ptt : 0));
    if (!conf) {
        return -ENOMEM;
    }
    conf->cfg = *cfg;
    conf->talkers = (struct leg **)(conf + 1);
    conf->mixed = conf->talkers + cfg->talkers;
    conf->mixed_max = mixed_max;
    conf->plan.legs = conf->mixed + mixed_max;
    conf->ptt = cfg->has_floor ? (struct conf_ptt *)((uint8_t *)conf + bytes) : NULL;
    *out = conf;
    return 0;
}

static void encoders_free(struct encoder *encoder)
{
    for (struct encoder *next; encoder; encoder = next) {
        next = encoder->next;
        encoder_free(encoder);
    }
}

void conf_free(struct conf *conf)
{
    must(!conf || conf->plan.n_legs == 0);
    if (conf) {
        for (unsigned id = 0; id < CODECS; id++) {
            encoders_free(conf->encoders[id].spare);
        }
        encoders_free(conf->surplus);
    }
    mem_put(conf);
}

const struct conf_cfg *conf_cfg_of(const struct conf *conf)
{
    return &conf->cfg;
}

/* As if it came new, for what only this conference knows of it. */
static void marks_forget(struct leg *leg, const struct conf *conf)
{
    leg->talk.place = leg->plays ? PLACE_OWN : conf->cfg.talkers ? PLACE_OUT : PLACE_FREE;
    leg->talk.voice = MIN(leg->talk.voice, VOICE_SOUNDS);
    leg->annex.silent = false;
    leg->annex.notify_ticks = leg->annex.silent_periods = 0;
    leg->pending.speaks = leg->pending.silent = false;
    for (unsigned r = 0; r < RATES; r++) {
        leg->resampled.tick[r] = conf->tick - 1; /* not the tick before the next */
    }
}

void conf_leg_add(struct conf *conf, struct leg *leg)
{
    struct plan *plan = &conf->plan;
    bool relay = leg->cfg.relay, clip = leg->plays;
    uint32_t n_legs = plan->n_legs - conf->n_relays - conf->n_clips;
    must(relay  ? conf->n_relays < CONF_RELAYS_MAX
         : clip ? conf->n_clips < CONF_CLIPS_MAX && !conf->cfg.annex
                : n_legs < conf->cfg.legs_max);
    must(!leg->cfg.annex_source == !conf->cfg.annex);
    must(leg->enc.held || !leg->cfg.codec->has_state || conf->cfg.annex || leg->cfg.ptt.is_bare); /* leg_equip */
    plan->legs[plan->n_legs++] = leg;
    if (relay) { /* first of all: others wait for its frames */
        plan->legs[plan->n_legs - 1] = plan->legs[0];
        plan->legs[0] = leg;
        conf->n_relays++;
    }
    conf->n_clips += clip;
    leg->enc.share = clip ? SHARE_NEVER : SHARE_NEW;
    leg->conf = conf;
    marks_forget(leg, conf);
    conf->changed = true;
}

void conf_leg_drop(struct conf *conf, struct leg *leg)
{
    encoders_leave(conf, leg);
    leg->enc.share = SHARE_NEW;
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
    conf->n_relays -= leg->cfg.relay != NULL;
    conf->n_clips -= leg->plays;
    leg->conf = NULL;
    conf->changed = true;
}

void conf_leg_transfer(struct conf *conf, struct leg *leg, struct relay *annex_source)
{
    must(!leg->conf->cfg.annex);
    encoders_part(leg->conf, leg);
    conf_leg_drop(leg->conf, leg);
    leg->cfg.annex_source = annex_source;
    leg->annex.synced = false;
    conf_leg_add(conf, leg);
}
