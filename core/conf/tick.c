/* The order of a tick. See tick.h. */
#include "core/conf/tick.h"

#include "core/conf/encode.h"
#include "core/conf/ptt.h"

void tick_begin(struct conf *conf, uint64_t due_ns, unsigned skipped)
{
    plan_refresh(conf);
    conf->tick++;
    conf->position += 1 + skipped;
    conf->due_ns = due_ns;
}

/* Makes the frames of n legs of the plan. A row that nothing will look at is given back. */
static void frames(struct conf *conf, uint32_t first, uint32_t n, const struct mix_tools *t)
{
    struct rows *rows = t->leg.rows;
    for (uint32_t i = first; i < first + n; i++) {
        struct leg *leg = conf->plan.legs[i];
        size_t before = rows->used;
        if (!leg_has_floor(leg)) {
            leg_frame_unheard(leg);
            continue;
        }
        leg_frame(leg, &t->leg);
        if (!leg_is_audible(leg) && !conf->plan.in_lanes) {
            rows->used = before;
        }
    }
}

/* Jitter buffers adapt, borrowed packets are kept: after the decode of the same legs. */
static void settle(struct conf *conf, uint32_t first, uint32_t n)
{
    for (uint32_t i = first; i < first + n; i++) {
        struct leg *leg = conf->plan.legs[i];
        if (leg_has_floor(leg)) {
            leg_settle(leg);
        } else {
            leg_settle_unheard(leg);
        }
    }
}

static void finish(struct conf *conf, const struct mix_tools *t)
{
    if (t->finish) {
        t->finish(t->owner, conf);
    }
    stage_mark(t->watch, STAGE_SETTLE);
}

void tick_run(struct conf *first, const struct conf *end, const struct mix_tools *t)
{
    struct rows *rows = t->leg.rows;
    for (struct conf *conf = first; conf != end; conf = conf->next) {
        size_t before = rows->used;
        frames(conf, 0, conf->plan.n_legs, t);
        stage_mark(t->watch, STAGE_DECODE);
        if (!conf->plan.in_lanes) {
            conf_mix(conf, t);
            rows->used = before;
            stage_mark(t->watch, STAGE_MIX);
            settle(conf, 0, conf->plan.n_legs);
            finish(conf, t);
        }
    }
    legs_decode(&t->leg);
    stage_mark(t->watch, STAGE_DECODE);
    for (struct conf *conf = first; conf != end; conf = conf->next) {
        if (conf->plan.in_lanes) {
            conf_mix(conf, t);
        }
    }
    stage_mark(t->watch, STAGE_MIX);
    confs_encode(t);
    for (struct conf *conf = first; conf != end; conf = conf->next) {
        if (conf->plan.in_lanes) {
            settle(conf, 0, conf->plan.n_legs);
            finish(conf, t);
        }
    }
}

void tick_part(struct conf *conf, uint32_t first, uint32_t n, const struct mix_tools *t)
{
    frames(conf, first, n, t);
    legs_decode(&t->leg);
    stage_mark(t->watch, STAGE_DECODE);
    settle(conf, first, n);
    stage_mark(t->watch, STAGE_SETTLE);
    if (first + n == conf->plan.n_legs) {
        conf_mix(conf, t);
        stage_mark(t->watch, STAGE_MIX);
        confs_encode(t);
        finish(conf, t);
    }
}

void tick_alone(struct conf *conf, const struct mix_tools *t)
{
    tick_begin(conf, 0, 0);
    t->leg.rows->used = 0;
    tick_run(conf, conf->next, t);
}
