/*
 * Receiver reports, as every phone sends them: without, a server cannot know that the way here is clean, and protects
 * what it sends for ever. The server's own reports are not read. See load.h.
 */
#include "tools/load/load.h"

#include "core/media/rtcp.h"

enum { REPORT_FRAMES = 5 * 1000 / TICK_MS }; /* RFC 3550 6.2: every five seconds, between half and one and a half */

static void report_plan(struct load_leg *leg)
{
    leg->report_draw = leg->report_draw * 1664525u + 1013904223u;
    leg->report_at = leg->n_tx + REPORT_FRAMES / 2 + (leg->report_draw >> 8) % REPORT_FRAMES;
}

void load_rtcp_begin(struct load_leg *leg, uint32_t ssrc)
{
    leg->rx_any = false;
    leg->n_rx = 0;
    leg->n_missed = 0;
    leg->report_draw = ssrc;
    report_plan(leg);
}

static struct rtcp_block block_of(struct load_leg *leg)
{
    uint32_t n_expected = (uint16_t)(leg->rx_seq - leg->told_seq);
    uint32_t n_missed = n_expected - MIN(leg->n_rx, n_expected);
    leg->n_missed += (int32_t)n_missed;
    leg->told_seq = leg->rx_seq;
    leg->n_rx = 0;
    return (struct rtcp_block){
        .ssrc = leg->rx_ssrc,
        .fraction_lost = (uint8_t)(n_expected ? MIN(n_missed * 256 / n_expected, 255u) : 0),
        .lost = leg->n_missed,
        .highest_seq = leg->rx_seq,
    };
}

void load_rtcp_send(struct load_leg *leg, uint32_t ssrc, int fd)
{
    uint8_t buf[RTCP_PACKET_MAX + SEAL_RTCP_BYTES + SEAL_MKI_MAX] ALIGNED_LINE;
    if (leg->n_tx < leg->report_at || !leg->rx_any) {
        return;
    }
    report_plan(leg);
    struct rtcp_report report = { .ssrc = ssrc, .has_block = true, .block = block_of(leg), .cname = "mixminus-load" };
    size_t bytes = rtcp_write(buf, &report);
    bytes = leg->seal ? seal_rtcp(leg->seal, buf, bytes) : bytes;
    struct sockaddr_in to = leg->to;
    to.sin_port = htons((uint16_t)(ntohs(to.sin_port) + 1));
    sendto(fd, buf, bytes, 0, (struct sockaddr *)&to, sizeof to); /* lost as any other datagram */
}
