/* What is seen of a leg from outside its worker. */
#include "core/conf/leg_run.h"

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
    for (unsigned d = DROP_NONE + 1; d < DROPS; d++) {
        dropped += stats->drops[d];
    }
    count_set(&view->talks, leg->spoke_ticks > 0);
    count_set(&view->level_dbov, stats->level_dbov);
    count_set(&view->delay_ms, stats->delay_ms_now);
    count_set(&view->rx_packets, stats->rx_packets);
    count_set(&view->rx_lost, rtp_source_lost(&leg->source));
    count_set(&view->rx_jitter_us, us_of(leg, leg->source.jitter_q4 >> 4));
    count_set(&view->rx_concealed, stats->concealed);
    count_set(&view->rx_dropped, dropped);
    count_set(&view->tx_packets, stats->tx_packets);
    count_set(&view->peer_lost, stats->peer_lost);
    count_set(&view->peer_jitter_us, us_of(leg, stats->peer_jitter_ts));
    count_set(&view->rtt_us, stats->rtt_us);
}

const struct leg_view *leg_view_of(const struct leg *leg)
{
    return &leg->view;
}
