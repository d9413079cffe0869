/* A leg's way towards the participant: RTP packets of any ptime from one tick's payload, and RTCP reports. Worker, hot.
 */
#include "core/conf/leg_run.h"

#include <string.h>

enum { RTCP_INTERVAL_S = 5 };
#define NTP_UNIX_S 2208988800ull /* 1900 to 1970 */

/* One packet out. */
static void packet_send(struct leg *leg, struct outbox *box, const uint8_t *payload, size_t bytes, uint32_t ts,
                        const struct contributors *who)
{
    uint8_t *buf = outbox_room(box);
    size_t head = rtp_write(buf, leg->cfg.pt_tx, leg->tx.marker, leg->tx.seq, ts, leg->cfg.ssrc, who->csrc, who->n);
    if (leg->cfg.ext_levels_tx && who->n) {
        head = rtp_write_ext(buf, head, leg->cfg.ext_levels_tx, who->dbov, who->n);
    }
    memcpy(buf + head, payload, bytes);
    size_t n = leg->seal ? seal_rtp(leg->seal, buf, head + bytes) : head + bytes;
    leg->tx.marker = false;
    leg->tx.seq++;
    if (!n) {
        leg_drop(leg, DROP_TX_SEAL);
        return;
    }
    outbox_add(box, leg->slot_rtp, n, leg_is_connected(leg) ? NULL : &leg->from.at);
    leg->stats.tx_packets++;
    leg->stats.tx_bytes += n;
    leg->tx.octets += bytes;
}

/* Several ticks make a packet. It carries the contributors of its last tick. */
static void packet_gather(struct leg *leg, struct outbox *box, const uint8_t *payload, size_t bytes,
                          const struct contributors *who)
{
    memcpy(leg->gathered + leg->tx.gathered_bytes, payload, bytes);
    leg->tx.gathered_bytes += (uint16_t)bytes;
    if (++leg->tx.n_gathered < leg->tx.packet_ticks) {
        return;
    }
    uint32_t begin_ts = leg->tx.ts - (leg->tx.packet_ticks - 1u) * leg->frame_ts;
    packet_send(leg, box, leg->gathered, leg->tx.gathered_bytes, begin_ts, who);
    leg->tx.n_gathered = 0;
    leg->tx.gathered_bytes = 0;
}

void leg_tx(struct leg *leg, struct outbox *box, const uint8_t *payload, size_t bytes, const struct contributors *who)
{
    bool can = leg->tx.on && leg->from.may_send && leg->socket != SOCKET_NONE;
    if (!can || bytes == 0) {
        if (leg->tx.on && bytes && leg->socket != SOCKET_NONE) {
            leg_drop(leg, leg->from.phase == SOURCE_SHUT ? DROP_TX_SHUT : DROP_TX_UNPROVED);
        }
        leg_tx_break(leg);
    } else if (leg->tx.packet_ticks == 1) {
        packet_send(leg, box, payload, bytes, leg->tx.ts, who);
    } else if (leg->tx.packet_ticks == 0) {
        packet_send(leg, box, payload, bytes / 2, leg->tx.ts, who);
        packet_send(leg, box, payload + bytes / 2, bytes / 2, leg->tx.ts + leg->frame_ts / 2, who);
    } else {
        packet_gather(leg, box, payload, bytes, who);
    }
    leg->tx.ts += leg->frame_ts;
}

static struct rtcp_block block_of(struct leg *leg, uint64_t now_ns)
{
    const struct rtp_source *s = &leg->rx.source;
    uint64_t since_sr_ns = leg->rtcp.sr_lsr ? now_ns - leg->rtcp.sr_at_ns : 0;
    return (struct rtcp_block){
        .ssrc = s->ssrc,
        .fraction_lost = rtp_source_fraction(&leg->rx.source),
        .lost = (int32_t)rtp_source_lost(s),
        .highest_seq = rtp_source_highest(s),
        .jitter_ts = s->jitter_q4 >> 4,
        .lsr = leg->rtcp.sr_lsr,
        .dlsr = (uint32_t)(since_sr_ns * 65536 / NS_PER_S),
    };
}

static uint64_t ntp_of(uint64_t wall_ns)
{
    uint64_t s = wall_ns / NS_PER_S + NTP_UNIX_S, ns = wall_ns % NS_PER_S;
    return s << 32 | (ns << 32) / NS_PER_S;
}

void leg_rtcp(struct leg *leg, struct outbox *box, uint64_t now_ns, uint64_t wall_offset_ns, bool bye)
{
    const struct addr *to = leg->cfg.rtcp_mux ? &leg->from.at : &leg->cfg.remote_rtcp;
    bool socket = leg->socket != SOCKET_NONE && (leg->cfg.rtcp_mux || leg->cfg.rtcp_fd >= 0);
    if (!socket || !leg->from.may_send || addr_port(to) == 0 || (now_ns < leg->rtcp_due_ns && !bye)) {
        return;
    }
    /* RFC 3550 6.3.1: between half and one and a half of the interval, so that reports never march in step. */
    leg->rtcp.draw = leg->rtcp.draw * 1664525u + 1013904223u;
    leg->rtcp_due_ns = now_ns + RTCP_INTERVAL_S * (NS_PER_S / 2 + leg->rtcp.draw % 1000000000u);
    struct rtcp_report report = {
        .ssrc = leg->cfg.ssrc,
        .sender = leg->stats.tx_packets > 0,
        .ntp = ntp_of(now_ns + wall_offset_ns),
        .rtp_ts = leg->tx.ts,
        .packets = (uint32_t)leg->stats.tx_packets,
        .octets = (uint32_t)leg->tx.octets,
        .has_block = leg->rx.source.known,
        .cname = leg->cfg.cname,
        .bye = bye,
    };
    if (report.has_block) {
        report.block = block_of(leg, now_ns);
    }
    leg->rtcp.sent_lsr = report.sender ? (uint32_t)(report.ntp >> 16) : 0;
    leg->rtcp.sent_at_ns = now_ns;
    uint8_t *buf = outbox_room(box);
    size_t bytes = rtcp_write(buf, &report);
    bytes = leg->seal ? seal_rtcp(leg->seal, buf, bytes) : bytes;
    if (!bytes) {
        leg_drop(leg, DROP_TX_SEAL);
        return;
    }
    bool mux = leg->cfg.rtcp_mux;
    outbox_add(box, mux ? leg->slot_rtp : leg->slot_rtcp, bytes, mux && leg_is_connected(leg) ? NULL : to);
}
