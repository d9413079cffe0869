/*
 * The beat: control first, then each phase that is due: pull, mix, send. See engine.h.
 *
 * Conferences stand in SLOTS_PER_TICK slots of 1 ms; a slot's schedule is absolute and never reset by a late beat.
 * After a short stall the missed ticks run back to back, after a long one they are skipped and the legs give up that
 * audio.
 */
#include "core/engine.h"

#include "core/conf/conf_run.h"

#include <errno.h>
#include <string.h>

enum {
    RX_SLOTS = 512, /* packets of one pull: they and their legs stay in the second-level cache until mixed */
    TX_SLOTS = 512,
    RTCP_EVERY_TICKS = 16, /* how often a leg's RTCP socket is asked, and its drops are added up */
    ARRIVAL_EVERY_TICKS = 4, /* how often a talker's arrival time is asked for */
    PHASE_SLOTS_MIN = 10,    /* even a small load has so many to choose from */
    LATE_NS = 5 * NS_PER_MS
};

struct pull {
    struct leg *leg;
    bool rtcp;
};

struct engine {
    struct engine_cfg cfg;
    struct arena arena;
    struct pool pool;
    struct outbox box;
    struct mix_tools tools;

    struct conf *slots[SLOTS_PER_TICK];
    struct conf *parked;          /* conferences between two slots */
    uint64_t slot_due_ns[SLOTS_PER_TICK];
    uint32_t slot_legs[SLOTS_PER_TICK], slot_confs[SLOTS_PER_TICK];
    uint32_t n_legs, n_confs;

    uint32_t *free_slots; /* pairs of sockets: stack of pair numbers */
    uint32_t n_free_slots;

    struct io_rx *rx;   /* [RX_SLOTS] one pull being gathered */
    struct pull *pulls; /* [RX_SLOTS] whose each is */
    uint8_t *rx_bufs;   /* [RX_SLOTS][PACKET_STRIDE_BYTES] */
    uint32_t n_rx;      /* gathered */
    uint32_t n_rx_used; /* buffers that hold borrowed packets */

    struct leg *gone; /* to hand back when the event ring has room */
    struct conf *gone_confs;
    uint64_t now_ns;
};

/* ---- build ---- */

static void box_flush(struct outbox *box)
{
    struct engine *e = box->owner;
    if (!box->n) {
        return;
    }
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < box->n; i++) {
        bytes += box->packets[i].bytes;
    }
    count_add(&e->cfg.stats->tx_packets, box->n);
    count_add(&e->cfg.stats->tx_bytes, bytes);
    e->cfg.io->ops->tx(e->cfg.io, box->packets, box->n);
    box->n = 0;
}

static uint32_t pool_small(uint32_t legs_max)
{
    return 16 * legs_max + 1024;
}
static uint32_t pool_large(uint32_t legs_max)
{
    return legs_max + 512;
}

static size_t arena_bytes(uint32_t legs_max)
{
    size_t scratch = 5 * FRAME_SAMPLES_MAX * sizeof(int16_t) + PACKET_SAMPLES_MAX * sizeof(int16_t) + PAYLOAD_CAP;
    size_t rx = RX_SLOTS * (sizeof(struct io_rx) + sizeof(struct pull) + PACKET_STRIDE_BYTES);
    size_t tx = TX_SLOTS * (sizeof(struct io_tx) + PACKET_STRIDE_BYTES);
    size_t slots = legs_max * sizeof(uint32_t), lanes = sizeof(struct lanes);
    size_t pools = pool_arena_bytes(pool_small(legs_max), pool_large(legs_max));
    return scratch + rx + tx + slots + lanes + pools + 32 * LINE_BYTES;
}

static void engine_carve(struct engine *e)
{
    struct arena *a = &e->arena;
    size_t frame_bytes = FRAME_SAMPLES_MAX * sizeof(int16_t);
    e->tools = (struct mix_tools){
        .leg =
            {
                .simd = e->cfg.simd,
                .scratch = arena_take(a, PACKET_SAMPLES_MAX * sizeof(int16_t)),
                .stats = e->cfg.stats,
                .lanes = arena_take(a, sizeof(struct lanes)),
            },
        .box = &e->box,
        .s1 = arena_take(a, frame_bytes),
        .s2 = arena_take(a, frame_bytes),
        .listen = arena_take(a, frame_bytes),
        .own = arena_take(a, frame_bytes),
        .silence = arena_take(a, frame_bytes),
        .payload = arena_take(a, PAYLOAD_CAP),
    };
    lanes_init(e->tools.leg.lanes, LANES_MAX);
    e->box = (struct outbox){
        .packets = arena_take(a, TX_SLOTS * sizeof(struct io_tx)),
        .bufs = arena_take(a, TX_SLOTS * PACKET_STRIDE_BYTES),
        .max = TX_SLOTS,
        .flush = box_flush,
        .owner = e,
    };
    e->rx = arena_take(a, RX_SLOTS * sizeof *e->rx);
    e->pulls = arena_take(a, RX_SLOTS * sizeof *e->pulls);
    e->rx_bufs = arena_take(a, RX_SLOTS * PACKET_STRIDE_BYTES);
    e->free_slots = arena_take(a, e->cfg.legs_max * sizeof *e->free_slots);
    e->n_free_slots = e->cfg.legs_max;
    for (uint32_t i = 0; i < e->cfg.legs_max; i++) {
        e->free_slots[i] = e->cfg.legs_max - 1 - i;
    }
    pool_init(&e->pool, a, pool_small(e->cfg.legs_max), pool_large(e->cfg.legs_max));
    arena_seal(a);
}

int engine_build(struct engine **out, const struct engine_cfg *cfg)
{
    struct engine *e = mem_get(sizeof *e);
    if (!e) {
        return -ENOMEM;
    }
    e->cfg = *cfg;
    int err = arena_build(&e->arena, arena_bytes(cfg->legs_max));
    if (err) {
        mem_put(e);
        return err;
    }
    engine_carve(e);
    *out = e;
    return 0;
}

void engine_free(struct engine *e)
{
    if (e) {
        arena_free(&e->arena);
        mem_put(e);
    }
}

uint32_t engine_held_packets(const struct engine *e)
{
    return pool_out(&e->pool);
}

/* ---- news for signalling ---- */

/* A message that does not fit now is kept by its object and tried again on the next beat. */
static bool event_put(struct engine *e, const struct ctl_ev *ev)
{
    bool put = ring_put(&e->cfg.ctl->events, ev);
    if (!put) {
        count_add(&e->cfg.stats->events_lost, 1);
    }
    return put;
}

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
    while (e->gone_confs) {
        struct conf *conf = e->gone_confs, *next = conf->next;
        struct ctl_ev ev = {.event = EV_CONF_GONE, .id = conf->cfg.id, .conf = conf};
        if (!event_put(e, &ev)) {
            return;
        }
        e->gone_confs = next;
    }
}

static void news_post(struct engine *e, struct leg *leg)
{
    struct leg_news *news = &leg->news;
    unsigned n_put = 0;
    for (bool put = true; put && n_put < news->n_digits; n_put += put) {
        struct ctl_ev digit = {.event = EV_DTMF, .id = leg->cfg.id};
        digit.value = (uint32_t)(unsigned char)news->digits[n_put].digit;
        digit.duration_ms = news->digits[n_put].ms;
        put = event_put(e, &digit);
    }
    news->n_digits -= n_put;
    memmove(news->digits, news->digits + n_put, news->n_digits * sizeof news->digits[0]);
    if (news->quiet) {
        struct ctl_ev quiet = {.event = EV_QUIET, .id = leg->cfg.id};
        news->quiet = !event_put(e, &quiet);
    }
    if (news->bye) {
        struct ctl_ev bye = {.event = EV_RTCP_BYE, .id = leg->cfg.id};
        news->bye = !event_put(e, &bye);
    }
}

/* ---- control ---- */

/* A slot for a new conference: among as many as there is work for, evenly apart, the one with the fewest legs. */
static unsigned slot_pick(const struct engine *e)
{
    unsigned n = CLAMP(e->n_legs / SLOT_LEGS_MIN, 1u, (unsigned)SLOTS_PER_TICK), best = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned slot = i * SLOTS_PER_TICK / n;
        uint32_t load = e->slot_legs[slot] + e->slot_confs[slot];
        best = load < e->slot_legs[best] + e->slot_confs[best] ? slot : best;
    }
    return best;
}

/* The next time that slot's phase comes, on the schedule that all slots share. */
static uint64_t slot_phase(unsigned slot, uint64_t now_ns)
{
    uint64_t due_ns = now_ns / TICK_NS * TICK_NS + slot * SLOT_NS;
    return due_ns > now_ns ? due_ns : due_ns + TICK_NS;
}

/* Enters its slot's list. */
static void slot_join(struct engine *e, struct conf *conf)
{
    unsigned slot = conf->i_slot;
    conf->parked = false;
    conf->next = e->slots[slot];
    if (!conf->next) {
        e->slot_due_ns[slot] = slot_phase(slot, e->now_ns);
    }
    e->slots[slot] = conf;
}

static void list_remove(struct conf **link, const struct conf *conf)
{
    while (*link != conf) {
        link = &(*link)->next;
    }
    *link = conf->next;
}

static void conf_open(struct engine *e, struct conf *conf)
{
    unsigned slot = slot_pick(e);
    conf->i_slot = slot;
    slot_join(e, conf);
    e->slot_confs[slot]++;
    e->n_confs++;
    count_add(&e->cfg.stats->confs, 1);
}

static void conf_close(struct engine *e, struct conf *conf)
{
    must(conf->plan.n_legs == 0);
    list_remove(conf->parked ? &e->parked : &e->slots[conf->i_slot], conf);
    e->slot_confs[conf->i_slot]--;
    e->n_confs--;
    count_add(&e->cfg.stats->confs, (uint64_t)-1);
    conf->next = e->gone_confs;
    e->gone_confs = conf;
}

static void leg_hand_back(struct engine *e, struct leg *leg)
{
    leg_tell_drops(leg, e->cfg.stats);
    leg->next = e->gone;
    e->gone = leg;
}

static void leg_add(struct engine *e, struct leg *leg, struct conf *conf)
{
    must(e->n_free_slots);
    uint32_t pair = e->free_slots[--e->n_free_slots];
    struct io *io = e->cfg.io;
    leg_attach(leg, &e->pool, 2 * pair, 2 * pair + 1, e->now_ns);
    must(io->ops->open(io, leg->slot_rtp, leg->cfg.rtp_fd) == 0);
    if (leg->cfg.rtcp_fd >= 0) {
        must(io->ops->open(io, leg->slot_rtcp, leg->cfg.rtcp_fd) == 0);
    }
    conf_leg_add(conf, leg);
    e->n_legs++;
    e->slot_legs[conf->i_slot]++;
    count_add(&e->cfg.stats->legs, 1);
}

static void leg_drop_from(struct engine *e, struct leg *leg)
{
    struct io *io = e->cfg.io;
    leg_rtcp(leg, &e->box, e->now_ns, e->cfg.wall_offset_ns, true);
    box_flush(&e->box); /* the packet may point at the leg's address */
    e->slot_legs[leg->conf->i_slot]--;
    conf_leg_drop(leg->conf, leg);
    leg_detach(leg);
    io->ops->close(io, leg->slot_rtp);
    if (leg->cfg.rtcp_fd >= 0) {
        io->ops->close(io, leg->slot_rtcp);
    }
    e->free_slots[e->n_free_slots++] = leg->slot_rtp / 2;
    e->n_legs--;
    count_add(&e->cfg.stats->legs, (uint64_t)-1);
    leg_hand_back(e, leg);
}

static void leg_swap(struct engine *e, struct leg *leg, struct leg *old)
{
    struct io *io = e->cfg.io;
    struct conf *conf = old->conf;
    bool was_connected = old->connected;
    conf_leg_drop(conf, old);
    leg_detach(old);
    leg_tell_drops(old, e->cfg.stats); /* once: leg inherits the counts */
    leg_take_over(leg, old);
    if (was_connected && !leg->connected) {
        io->ops->disconnect(io, leg->slot_rtp);
    }
    conf_leg_add(conf, leg);
    leg_hand_back(e, old);
}

static void leg_set(struct engine *e, struct leg *leg, const struct ctl_req *req)
{
    unsigned what = req->set.what;
    if (what & SET_DIRECTION) {
        leg->rx_on = req->set.rx_on;
        leg->tx_on = req->set.tx_on;
        leg->quiet_ticks = 0;
        if (!leg->rx_on) {
            leg->stats.drops[DROP_HELD] += jbuf_reset(&leg->jbuf);
            leg->paused = leg->starting = true;
        }
    }
    if (what & SET_MUTE) {
        leg->muted = req->set.muted;
    }
    if ((what & SET_DEAF) && leg->deaf != req->set.deaf) {
        conf_leg_apart(leg->conf, leg);
        leg->deaf = req->set.deaf;
        leg->conf->changed = true;
    }
    if (what & SET_GAIN) {
        leg->gain_set_q12 = req->set.gain_q12;
    }
    if (what & SET_REMOTE) {
        e->cfg.io->ops->disconnect(e->cfg.io, leg->slot_rtp);
        leg->connected = leg->latch_wanted = leg->queue_clean = false;
        leg->cfg.remote_rtp = req->set.remote_rtp;
        leg->cfg.remote_rtcp = req->set.remote_rtcp;
        leg->cfg.latch_host = req->set.latch_host;
    }
}

static void ctl_apply(struct engine *e)
{
    struct ctl_req req;
    for (unsigned i = 0; i < CTL_BATCH && ring_get(&e->cfg.ctl->requests, &req); i++) {
        switch (req.op) {
        case CTL_CONF_OPEN:
            conf_open(e, req.conf);
            break;
        case CTL_CONF_CLOSE:
            conf_close(e, req.conf);
            break;
        case CTL_LEG_ADD:
            leg_add(e, req.leg, req.conf);
            break;
        case CTL_LEG_SWAP:
            leg_swap(e, req.leg, req.old);
            break;
        case CTL_LEG_SET:
            leg_set(e, req.leg, &req);
            break;
        case CTL_LEG_DROP:
            leg_drop_from(e, req.leg);
            break;
        }
    }
}

/* ---- pull ---- */

static void pull_deliver(struct engine *e, const struct pull *pull, const struct io_rx *rx)
{
    struct leg *leg = pull->leg;
    if (rx->bytes == IO_NONE) {
        leg->queue_clean |= !pull->rtcp && leg->connected;
        return;
    }
    count_add(&e->cfg.stats->rx_packets, 1);
    count_add(&e->cfg.stats->rx_bytes, (uint64_t)rx->bytes);
    const struct addr *from = rx->want_from ? &rx->from : NULL;
    if (pull->rtcp) {
        leg_rx_rtcp(leg, rx->buf, rx->bytes, from, e->now_ns);
        return;
    }
    leg->reads_hit++;
    bool known = leg_rx_rtp(leg, rx->buf, rx->bytes, from, e->now_ns);
    if (known && rx->at_ns) {
        leg_arrival(leg, rx->at_ns, e->now_ns);
    }
    if (leg->latch_wanted) {
        leg->latch_wanted = leg->queue_clean = false;
        leg->connected = e->cfg.io->ops->connect(e->cfg.io, leg->slot_rtp, &leg->cfg.remote_rtp) == 0;
    }
}

static void pull_run(struct engine *e)
{
    if (!e->n_rx) {
        return;
    }
    e->cfg.io->ops->rx(e->cfg.io, e->rx, e->n_rx);
    for (uint32_t i = 0; i < e->n_rx; i++) {
        pull_deliver(e, &e->pulls[i], &e->rx[i]);
    }
    e->n_rx = 0;
}

/* Every borrowed packet of these conferences moves to the pool: the buffers are free again. */
static void pull_settle(struct engine *e, struct conf *first, const struct conf *end)
{
    pull_run(e);
    for (struct conf *conf = first; conf != end; conf = conf->next) {
        for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
            struct leg *leg = conf->plan.legs[i];
            leg->stats.drops[DROP_POOL] += jbuf_settle(&leg->jbuf);
        }
    }
    e->n_rx_used = 0;
}

static void pull_add(struct engine *e, struct leg *leg, bool rtcp)
{
    must(e->n_rx_used < RX_SLOTS);
    e->pulls[e->n_rx] = (struct pull){.leg = leg, .rtcp = rtcp};
    e->rx[e->n_rx] = (struct io_rx){
        .slot = rtcp ? leg->slot_rtcp : leg->slot_rtp,
        .want_from = rtcp || !leg->queue_clean,
        .want_at = !rtcp && leg->in_mix && (leg->conf->tick + leg->beat_index) % ARRIVAL_EVERY_TICKS == 0,
        .buf = e->rx_bufs + (size_t)e->n_rx_used * PACKET_STRIDE_BYTES,
    };
    e->n_rx++;
    e->n_rx_used++;
}

static void leg_pull(struct engine *e, struct leg *leg, unsigned n, struct conf *first, const struct conf *end)
{
    for (unsigned i = 0; i < n; i++) {
        if (e->n_rx_used == RX_SLOTS) {
            pull_settle(e, first, end);
        }
        pull_add(e, leg, false);
        leg->reads_asked++;
    }
}

/* Conferences [first, end) of a slot: read every leg once or twice, then those that have more. */
static void confs_pull(struct engine *e, struct conf *first, const struct conf *end, unsigned skipped)
{
    for (struct conf *conf = first; conf != end; conf = conf->next) {
        for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
            struct leg *leg = conf->plan.legs[i];
            leg->reads_asked = leg->reads_hit = 0;
            leg_pull(e, leg, leg_reads(leg, conf->tick, skipped), first, end);
            bool rtcp_turn = (conf->tick + leg->beat_index) % RTCP_EVERY_TICKS == 0;
            if (rtcp_turn && leg->cfg.rtcp_fd >= 0) {
                if (e->n_rx_used == RX_SLOTS) {
                    pull_settle(e, first, end);
                }
                pull_add(e, leg, true);
            }
        }
    }
    pull_run(e);
    for (bool more = true; more;) {
        more = false;
        for (struct conf *conf = first; conf != end; conf = conf->next) {
            for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
                unsigned n = leg_reads_more(conf->plan.legs[i]);
                leg_pull(e, conf->plan.legs[i], n, first, end);
                more |= n > 0;
            }
        }
        pull_run(e);
    }
}

/* ---- tick ---- */

static void conf_housekeep(struct engine *e, struct conf *conf)
{
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *leg = conf->plan.legs[i];
        if (leg->news.n_digits || leg->news.quiet || leg->news.bye) {
            news_post(e, leg);
        }
        if ((conf->tick + leg->beat_index) % RTCP_EVERY_TICKS == 0) {
            leg_tell_drops(leg, e->cfg.stats);
        }
        if (e->now_ns >= leg->rtcp_due_ns) {
            leg_rtcp(leg, &e->box, e->now_ns, e->cfg.wall_offset_ns, false);
        }
    }
}

/* As many conferences as fit one pull, at least one. @return the first beyond them */
static struct conf *confs_gather(struct conf *first)
{
    uint32_t n = 0;
    struct conf *conf = first;
    while (conf && (conf == first || n + conf->plan.n_legs <= RX_SLOTS / 2)) {
        n += conf->plan.n_legs;
        conf = conf->next;
    }
    return conf;
}

static void conf_finish(struct engine *e, struct conf *conf)
{
    conf_settle(conf);
    conf_housekeep(e, conf);
    count_add(&e->cfg.stats->ticks, 1);
}

/*
 * One tick of each of these conferences. Those with codecs that work in lanes go through it stage by stage, together;
 * any other one at a time, which keeps it in the first-level cache.
 */
static void confs_tick(struct engine *e, struct conf *first, const struct conf *end, unsigned skipped)
{
    for (struct conf *conf = first; conf != end; conf = conf->next) {
        for (uint32_t i = 0; skipped && i < conf->plan.n_legs; i++) {
            leg_skip(conf->plan.legs[i], skipped);
        }
        conf_frames(conf, &e->tools);
        if (!conf->plan.in_lanes) {
            conf_mix(conf, &e->tools);
            conf_finish(e, conf);
        }
    }
    legs_decode(&e->tools.leg);
    for (struct conf *conf = first; conf != end; conf = conf->next) {
        if (conf->plan.in_lanes) {
            conf_mix(conf, &e->tools);
        }
    }
    confs_encode(&e->tools);
    for (struct conf *conf = first; conf != end; conf = conf->next) {
        if (conf->plan.in_lanes) {
            conf_finish(e, conf);
        }
    }
}

static void slot_tick(struct engine *e, unsigned slot, unsigned skipped)
{
    for (struct conf *first = e->slots[slot]; first;) {
        struct conf *end = confs_gather(first);
        confs_pull(e, first, end, skipped);
        confs_tick(e, first, end, skipped);
        box_flush(&e->box);
        e->n_rx_used = 0;
        first = end;
    }
}

/* ---- phase ---- */

static unsigned phase_slots(const struct engine *e)
{
    return CLAMP(e->n_legs / SLOT_LEGS_MIN, (unsigned)PHASE_SLOTS_MIN, (unsigned)SLOTS_PER_TICK);
}

/*
 * Moves a conference to another slot, after its tick. An earlier slot's next turn is a little less than a tick away: it
 * joins at once. A later slot's next turn comes too soon, it would tick twice: it waits until that one is over.
 */
static void conf_move(struct engine *e, struct conf *conf, unsigned slot)
{
    unsigned later = (slot + SLOTS_PER_TICK - conf->i_slot) % SLOTS_PER_TICK;
    uint64_t ticked_ns = e->slot_due_ns[conf->i_slot] - TICK_NS;
    bool is_later = later < SLOTS_PER_TICK / 2;
    if (is_later) {
        phase_moved_later(conf, slot);
    }
    list_remove(&e->slots[conf->i_slot], conf);
    e->slot_confs[conf->i_slot]--;
    e->slot_legs[conf->i_slot] -= conf->plan.n_legs;
    conf->i_slot = slot;
    e->slot_confs[slot]++;
    e->slot_legs[slot] += conf->plan.n_legs;
    conf->parked = true;
    conf->join_ns = is_later ? ticked_ns + later * SLOT_NS + SLOT_NS / 2 : 0;
    conf->next = e->parked;
    e->parked = conf;
}

/* Conferences of a slot that has just ticked follow their talkers, each in its turn. */
static void slot_follow(struct engine *e, unsigned slot)
{
    for (struct conf *conf = e->slots[slot], *next; conf; conf = next) {
        next = conf->next;
        if (conf->tick % PHASE_EVERY_TICKS == 0) {
            unsigned step = phase_step(conf, phase_slots(e));
            if (step != slot) {
                conf_move(e, conf, step);
            }
        }
    }
}

/* @return when the next one may join */
static uint64_t parked_join(struct engine *e)
{
    uint64_t next_ns = UINT64_MAX;
    struct conf *parked = e->parked;
    e->parked = NULL;
    for (struct conf *conf = parked, *next; conf; conf = next) {
        next = conf->next;
        if (conf->join_ns <= e->now_ns) {
            slot_join(e, conf);
        } else {
            conf->next = e->parked;
            e->parked = conf;
            next_ns = MIN(next_ns, conf->join_ns);
        }
    }
    return next_ns;
}

static void slot_run(struct engine *e, unsigned slot)
{
    uint64_t late_ns = e->now_ns - e->slot_due_ns[slot];
    uint64_t missed = late_ns / TICK_NS;
    unsigned skipped = missed > CATCHUP_TICKS_MAX ? (unsigned)MIN(missed, 60 * 50u) : 0;
    count_add(&e->cfg.stats->late_ns[histogram_bucket(late_ns)], 1);
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

uint64_t engine_beat(struct engine *e, uint64_t now_ns)
{
    e->now_ns = now_ns;
    gone_flush(e);
    ctl_apply(e);
    gone_flush(e);
    for (unsigned slot = 0; slot < SLOTS_PER_TICK; slot++) {
        if (e->slots[slot] && e->slot_due_ns[slot] <= now_ns) {
            slot_run(e, slot);
        }
    }
    uint64_t next_ns = MIN(now_ns + TICK_NS, parked_join(e));
    for (unsigned slot = 0; slot < SLOTS_PER_TICK; slot++) {
        next_ns = e->slots[slot] ? MIN(next_ns, e->slot_due_ns[slot]) : next_ns;
    }
    count_add(&e->cfg.stats->beats, 1);
    return next_ns;
}
