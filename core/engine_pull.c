/*
 * The pull: one datagram a leg and tick, a second one now and then, more where more waits. What arrives is borrowed
 * from the receive buffers until its tick is over; when they run out, it moves to the pool.
 */
#include "core/engine_priv.h"

#include <string.h>

enum {
    RTCP_READ_TICKS = 48, /* how often a leg's RTCP socket is asked: reports come every 5 s */
    FETCH_AHEAD = 6,      /* packets */
    LEGS_AHEAD = 4        /* to be asked */
};

/* Reports tell the round trip only if one knows when they came, not when they were read. */
static uint64_t report_ns(const struct engine *e, const struct io_rx *rx)
{
    bool is_recent = rx->at_ns <= e->now_ns && e->now_ns - rx->at_ns <= (RTCP_READ_TICKS + CATCHUP_TICKS_MAX) * TICK_NS;
    return is_recent ? rx->at_ns : e->now_ns;
}

static void session_heard(struct engine *e, const struct pull *pull, bool is_control)
{
    struct leg *leg = pull->leg;
    if (pull->hit && !(leg->ptt->seat.holds && !is_control)) {
        ptt_woken(leg, pull->rtcp, is_control, e->now_ns);
    }
    ptt_leg_heard(e, leg);
}

static void pull_deliver(struct engine *e, const struct pull *pull, const struct io_rx *rx)
{
    struct leg *leg = pull->leg;
    if (pull->hit) {
        *pull->hit = rx->bytes >= 0;
    }
    if (rx->bytes < 0) {
        if (rx->bytes == IO_NONE && !pull->rtcp && leg->socket == SOCKET_CONNECTED) {
            leg->socket = SOCKET_CLEAN;
        }
        return;
    }
    count_add(&e->cfg.stats->rx_packets, 1);
    count_add(&e->cfg.stats->rx_bytes, (uint64_t)rx->bytes);
    const struct addr *from = rx->want_from ? &rx->from : NULL;
    if (pull->rtcp) {
        leg_rx_rtcp(leg, rx->buf, rx->bytes, from, report_ns(e, rx));
        if (leg->ptt) {
            session_heard(e, pull, true);
        }
        return;
    }
    leg->rx.reads_hit++;
    if (leg_rx_early(leg, rx->bytes, from, rx->at_ns)) {
        return;
    }
    if (leg->ptt) {
        leg->ptt->arrived_ns = rx->at_ns;
    }
    bool is_control = leg->ptt && rtp_is_rtcp(rx->buf, (size_t)rx->bytes);
    bool known = leg_rx_rtp(leg, rx->buf, rx->bytes, from, e->now_ns);
    leg_fetch_frame(leg);
    if (leg->ptt) {
        session_heard(e, pull, is_control);
    }
    if (known && rx->at_ns && leg_has_floor(leg)) {
        leg_arrival(leg, rx->at_ns, e->now_ns);
    }
    if (leg->moved) {
        count_add(&e->cfg.stats->sources_moved, 1);
        engine_disconnect(e, leg);
    }
    if (leg->socket == SOCKET_OPEN && leg_may_connect(leg, e->now_ns)) {
        bool connected = e->cfg.io->ops->connect(e->cfg.io, leg->slot_rtp, &leg->from.at) == 0;
        leg->socket = connected ? SOCKET_CONNECTED : SOCKET_OPEN;
        count_add(&e->cfg.stats->connects_failed, !connected); /* it goes without, and dearer */
    }
}

static void pull_run(struct engine *e)
{
    if (!e->n_rx) {
        return;
    }
    stage_mark(&e->watch, STAGE_PULL);
    e->cfg.io->ops->rx(e->cfg.io, e->rx, e->n_rx);
    stage_mark(&e->watch, STAGE_RECEIVE);
    for (uint32_t i = 0; i < e->n_rx; i++) {
        if (i + FETCH_AHEAD < e->n_rx) {
            leg_fetch_rx(e->pulls[i + FETCH_AHEAD].leg);
        }
        pull_deliver(e, &e->pulls[i], &e->rx[i]);
    }
    e->n_rx = 0;
}

/* Every borrowed packet moves to the pool: the buffers are free again. */
static void pull_settle(struct engine *e)
{
    pull_run(e);
    for (uint32_t i = 0; i < e->n_batch; i++) {
        struct leg *leg = e->batch[i];
        leg->stats.drops[DROP_POOL] += jbuf_settle(&leg->jbuf);
    }
    e->n_rx_used = 0;
}

static void pull_add(struct engine *e, struct leg *leg, bool rtcp, bool *hit)
{
    if (e->n_rx_used == RX_SLOTS) {
        pull_settle(e);
    }
    e->pulls[e->n_rx] = (struct pull){.leg = leg, .rtcp = rtcp, .hit = hit};
    e->rx[e->n_rx] = (struct io_rx){
        .slot = rtcp ? leg->slot_rtcp : leg->slot_rtp,
        .want_from = rtcp || leg->socket != SOCKET_CLEAN,
        .want_at = rtcp || leg_asks_arrival(leg, leg->conf->tick) || leg_reads_all(leg) || leg_is_young(leg, e->now_ns),
        .buf = e->rx_bufs + (size_t)e->n_rx_used * PACKET_STRIDE_BYTES,
    };
    e->n_rx++;
    e->n_rx_used++;
}

static void leg_pull(struct engine *e, struct leg *leg, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        pull_add(e, leg, false, NULL);
        leg->rx.reads_asked++;
    }
}

static unsigned reads_more(const struct leg *leg)
{
    if (!leg_reads_all(leg)) {
        return leg_reads_more(leg);
    }
    return leg->rx.reads_asked && leg->rx.reads_hit == leg->rx.reads_asked && leg->rx.reads_asked < JBUF_SLOTS
               ? PTT_READS
               : 0;
}

void engine_pull(struct engine *e, unsigned skipped)
{
    e->n_rx_used = 0;
    for (uint32_t i = 0; i < e->n_batch; i++) {
        struct leg *leg = e->batch[i];
        uint32_t tick = leg->conf->tick;
        if (i + LEGS_AHEAD < e->n_batch) {
            leg_fetch(e->batch[i + LEGS_AHEAD]);
        }
        leg->rx.reads_asked = leg->rx.reads_hit = 0;
        if (leg->socket == SOCKET_NONE) {
            continue;
        }
        if (leg_is_read(leg, tick)) {
            leg_pull(e, leg, leg_reads_all(leg) ? PTT_READS : leg_reads(leg, tick, skipped));
        }
        bool is_watched = leg->ptt && leg->ptt->watches[1];
        if (leg->cfg.rtcp_fd >= 0 && !is_watched && (tick + leg->beat_index) % RTCP_READ_TICKS == 0) {
            pull_add(e, leg, true, NULL);
        }
    }
    pull_run(e);
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < e->n_batch; i++) {
            unsigned n = reads_more(e->batch[i]);
            leg_pull(e, e->batch[i], n);
            more |= n > 0;
        }
        pull_run(e);
    }
    for (uint32_t i = 0; skipped && i < e->n_batch; i++) {
        leg_skip(e->batch[i], skipped);
    }
}

/* ---- between ticks ---- */

enum { WATCHED_READS = 32 /* of two datagrams of one socket, before others have their turn */ };

/* Reads watched sockets, all of them twice, then those that had as much, until each is empty or has had its share. */
static void slots_read(struct engine *e, const uint32_t *slots, size_t n)
{
    bool hits[BATCH_LEGS_MAX];
    e->n_batch = 0;
    e->n_rx_used = 0;
    for (size_t i = 0; i < n; i++) {
        struct leg *leg = e->by_pair[slots[i] / 2];
        hits[i] = leg && leg->ptt && leg->socket != SOCKET_NONE; /* it may have gone since */
        if (hits[i]) {
            e->batch[e->n_batch++] = leg;
        }
    }
    bool any = e->n_batch > 0;
    for (unsigned round = 0; any && round < WATCHED_READS; round++) {
        for (size_t i = 0; i < n; i++) {
            for (unsigned k = 0; k < 2 && hits[i]; k++) { /* one is usual: the second finds that it was the last */
                pull_add(e, e->by_pair[slots[i] / 2], slots[i] % 2, &hits[i]);
            }
        }
        pull_run(e);
        any = false;
        for (size_t i = 0; i < n; i++) {
            any |= hits[i];
        }
    }
    pull_settle(e);
    for (size_t i = 0; i < n; i++) {
        if (hits[i]) {
            e->again[e->n_again++] = slots[i];
        }
    }
}

void engine_watched(struct engine *e)
{
    uint32_t slots[BATCH_LEGS_MAX];
    size_t n = e->n_again;
    memcpy(slots, e->again, n * sizeof *slots);
    e->n_again = 0;
    n += e->cfg.io->ops->ready(e->cfg.io, slots + n, ARRAY_LEN(slots) - n);
    while (n) {
        count_add(&e->cfg.stats->wakes, n);
        slots_read(e, slots, n);
        size_t room = ARRAY_LEN(slots) - e->n_again;
        n = room ? e->cfg.io->ops->ready(e->cfg.io, slots, room) : 0;
    }
    engine_flush(&e->box);
}
