/* What is seen of a leg from outside its worker. */
#include "core/conf/leg_run.h"

enum {
    UNHEARD_LOOKS = 10,   /* of 320 ms each */
    UNHEARD_PACKETS = 4,  /* in each: a stream, not a keep-alive now and then */
    HELD_QUIET_TIMES = 10 /* so much longer may the peer be silent that wants nothing from us */
};

/* RTP ticks of the leg's audio in microseconds. */
static uint64_t us_of(const struct leg *leg, uint32_t ts)
{
    return (uint64_t)ts * (TICK_NS / NS_PER_US) / leg->frame_ts;
}

void leg_show(struct leg *leg)
{
    struct leg_view *view = &leg->view;
    const struct leg_stats *stats = &leg->stats;
    uint64_t dropped = 0;
    for (unsigned d = DROP_NONE + 1; d < DROP_TX_FULL; d++) {
        dropped += stats->drops[d];
    }
    count_set(&view->talks, leg->talk.spoke_ticks > 0);
    count_set(&view->level_dbov, stats->level_dbov);
    count_set(&view->delay_ms, stats->delay_ms_now);
    count_set(&view->rx_packets, stats->rx_packets);
    count_set(&view->rx_lost, rtp_source_lost(&leg->rx.source));
    count_set(&view->rx_jitter_us, us_of(leg, leg->rx.source.jitter_q4 >> 4));
    count_set(&view->rx_concealed, stats->concealed);
    count_set(&view->rx_dropped, dropped);
    count_set(&view->last_drop, stats->last_drop);
    count_set(&view->is_unheard, leg->watch.unheard_looks == UNHEARD_LOOKS);
    count_set(&view->phase, leg->from.phase);
    count_set(&view->tx_packets, stats->tx_packets);
    count_set(&view->peer_lost, stats->peer_lost);
    count_set(&view->peer_jitter_us, us_of(leg, stats->peer_jitter_ts));
    count_set(&view->rtt_us, stats->rtt_us);
}

const struct leg_view *leg_view_of(const struct leg *leg)
{
    return &leg->view;
}

/* What was refused of what came to the RTP port, and was not meant to be of no use. */
static uint64_t refused(const struct leg_stats *stats)
{
    uint64_t n = 0;
    for (unsigned d = DROP_NONE + 1; d < DROP_RTCP_SHORT; d++) {
        n += d == DROP_HELD || d == DROP_FLOOR || d == DROP_KEEPALIVE ? 0 : stats->drops[d];
    }
    return n;
}

/* Notifies signalling when packets come and for seconds not one of them can be used. */
static void unheard_look(struct leg *leg, struct worker_stats *sums)
{
    struct leg_watch *watch = &leg->watch;
    uint64_t n_refused = refused(&leg->stats), n = n_refused - watch->drops_seen;
    uint64_t n_rx = leg->stats.rx_packets - watch->rx_seen;
    watch->drops_seen = n_refused;
    watch->rx_seen = leg->stats.rx_packets;
    if (n_rx < UNHEARD_PACKETS && watch->unheard_looks == UNHEARD_LOOKS) {
        return; /* it stays so until something is heard */
    }
    if (n_rx < UNHEARD_PACKETS || n < n_rx || !leg->rx.on) {
        watch->unheard_looks = 0;
        return;
    }
    watch->unheard_looks += watch->unheard_looks < UNHEARD_LOOKS;
    if (watch->unheard_looks == UNHEARD_LOOKS && !leg->notify.unheard) {
        leg->notify.unheard = leg->pending.unheard = true;
        count_add(&sums->unheard, 1);
    }
}

void leg_look(struct leg *leg, struct worker_stats *sums, uint64_t now_ns)
{
    uint32_t now_ms = (uint32_t)(now_ns / NS_PER_MS);
    uint32_t limit_ms = leg->ptt ? 0 : leg->cfg.quiet_s * 1000u * (leg->tx.on ? 1 : HELD_QUIET_TIMES);
    source_look(&leg->from, now_ms);
    bool is_quiet = limit_ms && leg->rx.on && source_quiet_ms(&leg->from, now_ms) >= limit_ms;
    leg->pending.quiet |= is_quiet && !leg->notify.quiet;
    leg->notify.quiet = is_quiet;
    unheard_look(leg, sums);
}
