/*
 * The beat: control first, then each slot that is due: pull, mix, send. See engine.h. After a short stall the missed
 * ticks run back to back, after a long one they are skipped and the legs give up that audio.
 */
#include "core/engine_priv.h"

#include "core/conf/tick.h"

#include <errno.h>
#include <string.h>

enum { TX_SLOTS = 512, LATE_NS = 5 * NS_PER_MS };

/* ---- build ---- */

static uint32_t pool_small(uint32_t legs_max)
{
    return (16 + JBUF_PAST) * legs_max + 1024;
}
/* A tick of 48 kHz L16 is two packets. */
static uint32_t pool_large(uint32_t legs_max)
{
    return 2 * legs_max + 512;
}

static size_t arena_bytes(uint32_t legs_max, uint32_t asleep_max)
{
    size_t scratch = 4 * FRAME_SAMPLES_MAX * sizeof(int16_t) + PACKET_SAMPLES_MAX * sizeof(int16_t) + PAYLOAD_CAP;
    size_t rx = RX_SLOTS * (sizeof(struct io_rx) + sizeof(struct pull) + PACKET_STRIDE_BYTES);
    size_t tx = TX_SLOTS * (sizeof(struct io_tx) + PACKET_STRIDE_BYTES);
    size_t lanes = sizeof(struct lanes);
    size_t slots = (legs_max + asleep_max) * (sizeof(uint32_t) + sizeof(struct leg *));
    size_t pools = pool_arena_bytes(pool_small(legs_max), pool_large(legs_max));
    return scratch + rx + tx + slots + lanes + pools + silence_cache_arena_bytes() + 32 * LINE_BYTES;
}

/* So many legs have rows at a time: those of a pull, or of a conference larger than that. */
static size_t row_legs(uint32_t legs_max)
{
    return MAX((size_t)BATCH_LEGS_MAX, (size_t)legs_max + CONF_CLIPS_MAX);
}

static size_t rows_arena_bytes(uint32_t legs_max)
{
    return row_legs(legs_max) * (ROWS_LEG_SAMPLES * sizeof(int16_t) + sizeof(int16_t *)) + LINE_BYTES;
}

static void conf_finish(void *engine, struct conf *conf);

static void engine_carve(struct engine *e)
{
    struct arena *a = &e->arena;
    size_t frame_bytes = FRAME_SAMPLES_MAX * sizeof(int16_t);
    e->tools = (struct mix_tools){
        .leg =
            {
                .simd = e->cfg.simd,
                .rows = &e->rows,
                .scratch = arena_take(a, PACKET_SAMPLES_MAX * sizeof(int16_t)),
                .stats = e->cfg.stats,
                .lazy = e->cfg.lazy_decode,
                .lanes = arena_take(a, sizeof(struct lanes)),
            },
        .box = &e->box,
        .watch = &e->watch,
        .silence_cache = silence_cache_build(a),
        .s1 = arena_take(a, frame_bytes),
        .s2 = arena_take(a, frame_bytes),
        .listen = arena_take(a, frame_bytes),
        .silence = arena_take(a, frame_bytes),
        .payload = arena_take(a, PAYLOAD_CAP),
        .finish = conf_finish,
        .owner = e,
    };
    lanes_init(e->tools.leg.lanes, LANES_MAX);
    e->watch = (struct stage_watch){.clock = e->cfg.clock, .stats = e->cfg.stats};
    e->box = (struct outbox){
        .packets = arena_take(a, TX_SLOTS * sizeof(struct io_tx)),
        .bufs = arena_take(a, TX_SLOTS * PACKET_STRIDE_BYTES),
        .max = TX_SLOTS,
        .flush = engine_flush,
        .owner = e,
    };
    e->rx = arena_take(a, RX_SLOTS * sizeof *e->rx);
    e->pulls = arena_take(a, RX_SLOTS * sizeof *e->pulls);
    e->rx_bufs = arena_take(a, RX_SLOTS * PACKET_STRIDE_BYTES);
    uint32_t n_pairs = e->cfg.legs_max + e->cfg.asleep_max;
    e->by_pair = arena_take(a, n_pairs * sizeof(struct leg *));
    e->free_slots = arena_take(a, n_pairs * sizeof *e->free_slots);
    e->n_free_slots = n_pairs;
    for (uint32_t i = 0; i < n_pairs; i++) {
        e->free_slots[i] = n_pairs - 1 - i;
    }
    pool_init(&e->pool, a, pool_small(e->cfg.legs_max), pool_large(e->cfg.legs_max));
    arena_seal(a);
    e->rows.max = ROWS_LEG_SAMPLES * row_legs(n_pairs);
    e->rows.base = arena_take(&e->rows_arena, e->rows.max * sizeof *e->rows.base);
    e->tools.heard = arena_take(&e->rows_arena, row_legs(n_pairs) * sizeof *e->tools.heard);
    arena_seal(&e->rows_arena);
    kits_build(&e->kits, &e->kits_arena, e->cfg.kits_max, e->cfg.kits_max, e->cfg.stats);
    arena_seal(&e->kits_arena);
}

int engine_build(struct engine **out, const struct engine_cfg *cfg)
{
    struct engine *e = mem_get(sizeof *e);
    if (!e) {
        return -ENOMEM;
    }
    e->cfg = *cfg;
    e->cfg.batch_legs = cfg->batch_legs ? MIN(cfg->batch_legs, (uint32_t)BATCH_LEGS_MAX) : BATCH_LEGS_MAX;
    int err = arena_build(&e->arena, arena_bytes(cfg->legs_max, cfg->asleep_max));
    if (!err) {
        err = arena_build_sparse(&e->rows_arena, rows_arena_bytes(cfg->legs_max + cfg->asleep_max));
    }
    if (!err) {
        err = arena_build_sparse(&e->kits_arena, kits_bytes(cfg->kits_max, cfg->kits_max));
    }
    if (err) {
        engine_free(e);
        return err;
    }
    engine_carve(e);
    *out = e;
    return 0;
}

size_t engine_bytes(uint32_t legs_max, uint32_t asleep_max)
{
    return sizeof(struct engine) + arena_bytes(legs_max, asleep_max);
}

void engine_free(struct engine *e)
{
    if (e) {
        arena_free(&e->kits_arena);
        arena_free(&e->rows_arena);
        arena_free(&e->arena);
        mem_put(e);
    }
}

uint32_t engine_held_packets(const struct engine *e)
{
    return pool_out(&e->pool);
}

/* ---- events for signalling ---- */

static void gone_flush(struct engine *e)
{
    while (e->gone) {
        struct leg *leg = e->gone, *next = leg->next;
        struct ctl_ev ev = {.event = EV_LEG_GONE, .id = leg->cfg.id, .leg = leg};
        if (!event_put(e, &ev)) {
            return;
        }
        e->gone = next;
    }
    while (e->gone_encoders) {
        struct encoder *encoder = e->gone_encoders, *next = encoder->next;
        struct ctl_ev ev = {.event = EV_ENCODER, .encoder = encoder};
        if (!event_put(e, &ev)) {
            return;
        }
        e->gone_encoders = next;
    }
    ptt_gone_flush(e);
    while (e->gone_confs) {
        struct conf *conf = e->gone_confs, *next = conf->next;
        struct ctl_ev ev = {.event = EV_CONF_GONE, .id = conf->cfg.id, .conf = conf};
        if (!event_put(e, &ev)) {
            return;
        }
        e->gone_confs = next;
    }
}

/* Not oftener than the rest of the housekeeping: of a peer that changes its SSRC all the time, signalling is notified
 * now and then. */
static void ssrc_post(struct engine *e, struct leg *leg)
{
    struct ctl_ev ev = {.event = EV_SSRC, .id = leg->cfg.id, .value = leg->rx.source.ssrc};
    if (leg->rx.source.known && leg->rx.source.ssrc != leg->notify.ssrc && event_put(e, &ev)) {
        leg->notify.ssrc = leg->rx.source.ssrc;
    }
}

/* Notifies signalling of long silence, only if the conference has annexes: a leg of one may need the place. */
static void silence_look(const struct conf *conf, struct leg *leg)
{
    unsigned periods = conf->cfg.silent_s * (1000u / TICK_MS) / KEEP_EVERY_TICKS;
    if (!periods || !conf->n_relays || leg->cfg.relay || leg->plays) {
        return;
    }
    bool spoke = leg_is_mixed(leg) || leg->talk.place == PLACE_IN || leg->phase.weight;
    leg->annex.silent_periods = spoke ? 0 : (uint16_t)MIN(leg->annex.silent_periods + 1u, periods);
    bool is_silent = leg->annex.silent_periods == periods;
    leg->pending.silent |= is_silent != leg->annex.silent;
    leg->annex.silent = is_silent;
}

/* ---- tick ---- */

static void leg_keep(struct engine *e, struct leg *leg)
{
    leg_look(leg, e->cfg.stats, e->now_ns);
    if (leg_is_connected(leg) && !leg_may_connect(leg, e->now_ns)) {
        engine_disconnect(e, leg);
    }
    leg_count_drops(leg, e->cfg.stats);
    leg_show(leg);
}

static void conf_housekeep(struct engine *e, struct conf *conf)
{
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *leg = conf->plan.legs[i];
        if (leg_is_pending(leg)) {
            events_post(e, leg);
        }
        if ((conf->tick + leg->beat_index) % KEEP_EVERY_TICKS == 0) {
            leg_keep(e, leg);
            conf_leg_look(conf, leg);
            ssrc_post(e, leg);
            silence_look(conf, leg);
        }
        if (e->now_ns >= leg->rtcp_due_ns) {
            leg_rtcp(leg, &e->box, e->now_ns, e->cfg.wall_offset_ns, false);
        }
    }
}

static void batch_add(struct engine *e, const struct conf *conf, uint32_t first, uint32_t n)
{
    memcpy(e->batch + e->n_batch, conf->plan.legs + first, n * sizeof *e->batch);
    e->n_batch += n;
}

/* Begins as many conferences as fit one batch, at least one. @return the first beyond them */
static struct conf *confs_gather(struct engine *e, struct conf *first, uint64_t due_ns, unsigned skipped)
{
    struct conf *conf = first, *trail[CONFS_AHEAD] = {NULL};
    unsigned n = 0;
    e->n_batch = 0;
    do {
        if (conf->ahead) {
            conf_fetch(conf->ahead);
        }
        struct conf **behind = &trail[n++ % CONFS_AHEAD];
        if (*behind) {
            (*behind)->ahead = conf;
        }
        *behind = conf;
        tick_begin(conf, due_ns, skipped);
        if (conf->plan.n_legs <= e->cfg.batch_legs) {
            batch_add(e, conf, 0, conf->plan.n_legs);
        }
        conf = conf->next;
    } while (conf && first->plan.n_legs <= e->cfg.batch_legs && e->n_batch + conf->plan.n_legs <= e->cfg.batch_legs);
    return conf;
}

static void conf_finish(void *engine, struct conf *conf)
{
    struct engine *e = engine;
    if (conf->cfg.annex && !conf->is_waiting && !annex_is_synced(conf)) {
        conf->is_waiting = true;
        conf->next_waiting = e->waiting;
        e->waiting = conf;
    }
    conf_housekeep(e, conf);
    if (conf->ptt) {
        ptt_tick_end(conf, e->now_ns);
        ptt_live(e, conf);
    }
    for (struct encoder *encoder; (encoder = conf->surplus);) {
        conf->surplus = encoder->next;
        encoder->next = e->gone_encoders;
        e->gone_encoders = encoder;
    }
    count_add(&e->cfg.stats->ticks, 1);
}

/* A conference larger than a batch: each part is decoded while its packets are still where they came in. */
static void conf_tick_in_parts(struct engine *e, struct conf *conf, unsigned skipped)
{
    for (uint32_t first = 0; first < conf->plan.n_legs; first += e->cfg.batch_legs) {
        uint32_t n = MIN(conf->plan.n_legs - first, e->cfg.batch_legs);
        e->n_batch = 0;
        batch_add(e, conf, first, n);
        engine_pull(e, skipped);
        stage_mark(&e->watch, STAGE_PULL);
        tick_part(conf, first, n, &e->tools);
    }
}

static void slot_tick(struct engine *e, unsigned slot, unsigned skipped)
{
    stage_begin(&e->watch);
    e->tools.silence_cache->tick = e->slot_due_ns[slot] / TICK_NS;
    for (struct conf *first = e->slots[slot]; first;) {
        struct conf *end = confs_gather(e, first, e->slot_due_ns[slot], skipped);
        e->rows.used = 0;
        if (first->plan.n_legs > e->cfg.batch_legs) {
            conf_tick_in_parts(e, first, skipped);
        } else {
            engine_pull(e, skipped);
            stage_mark(&e->watch, STAGE_PULL);
            tick_run(first, end, &e->tools);
        }
        engine_flush(&e->box);
        first = end;
    }
}

static void slot_run(struct engine *e, unsigned slot)
{
    uint64_t late_ns = e->now_ns - e->slot_due_ns[slot];
    uint64_t missed = late_ns / TICK_NS;
    unsigned skipped = missed > CATCHUP_TICKS_MAX ? (unsigned)MIN(missed, 60 * 50u) : 0;
    count_add(&e->cfg.stats->late_ns[histogram_bucket(late_ns)], 1);
    count_add(&e->cfg.stats->late_sum_ns, late_ns);
    if (late_ns > LATE_NS) {
        count_add(&e->cfg.stats->ticks_late, e->slot_confs[slot]);
    }
    if (skipped) {
        count_add(&e->cfg.stats->ticks_skipped, missed * e->slot_confs[slot]);
        e->slot_due_ns[slot] += missed * TICK_NS;
    }
    while (e->slot_due_ns[slot] <= e->now_ns) {
        slot_tick(e, slot, skipped);
        e->slot_due_ns[slot] += TICK_NS;
        skipped = 0;
    }
    if (missed == 0) {
        slot_follow(e, slot);
    }
}

/* Feeds the annexes whose owner was late. */
static void waiting_send(struct engine *e)
{
    stage_begin(&e->watch);
    struct conf *waiting = e->waiting;
    e->waiting = NULL;
    for (struct conf *conf = waiting, *next; conf; conf = next) {
        next = conf->next_waiting;
        conf->is_waiting = !conf->changed && !annex_send(conf, &e->tools);
        if (conf->is_waiting) {
            conf->next_waiting = e->waiting;
            e->waiting = conf;
        }
    }
    engine_flush(&e->box);
    stage_mark(&e->watch, STAGE_SEND);
}

uint64_t engine_beat(struct engine *e, uint64_t now_ns)
{
    e->now_ns = now_ns;
    e->wheel_ns = e->wheel_ns ? e->wheel_ns : now_ns / WHEEL_STEP_NS * WHEEL_STEP_NS;
    gone_flush(e);
    engine_ctl(e);
    gone_flush(e);
    if (e->waiting) {
        waiting_send(e);
    }
    if (e->n_watched) {
        engine_watched(e);
    }
    uint64_t floors_ns = ptt_beat(e);
    for (unsigned slot = 0; slot < SLOTS_PER_TICK; slot++) {
        if (e->slots[slot] && e->slot_due_ns[slot] <= now_ns) {
            slot_run(e, slot);
        }
    }
    bool is_waiting = e->waiting || e->n_again || now_ns < e->alert_until_ns;
    uint64_t next_ns = MIN(now_ns + (is_waiting ? SLOT_NS : TICK_NS), slots_join(e));
    next_ns = MIN(next_ns, floors_ns);
    for (unsigned slot = 0; slot < SLOTS_PER_TICK; slot++) {
        next_ns = e->slots[slot] ? MIN(next_ns, e->slot_due_ns[slot]) : next_ns;
    }
    count_add(&e->cfg.stats->beats, 1);
    return next_ns;
}
