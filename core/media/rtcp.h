/*
 * RTCP on the wire: compound reports out (SR or RR, SDES CNAME, BYE), reports and BYE in. Worker; a few times a second
 * and leg at most. Reads foreign bytes.
 */
#ifndef CORE_MEDIA_RTCP_H
#define CORE_MEDIA_RTCP_H

#include "core/base/stats.h"

#define RTCP_PACKET_MAX 160 /* SR with one block 52, SDES with 64-byte CNAME 76, BYE 8, rounded up */

/* One report block, host order. @source RFC 3550 6.4.1 */
struct rtcp_block {
    uint32_t ssrc;
    uint8_t fraction_lost;
    int32_t lost; /* 24 bits signed on the wire */
    uint32_t highest_seq, jitter_ts, lsr, dlsr;
};

struct rtcp_report {
    uint32_t ssrc;
    bool sender;  /* SR, else RR */
    uint64_t ntp; /* 32.32 */
    uint32_t rtp_ts, packets, octets;
    bool has_block;
    struct rtcp_block block;
    const char *cname;
    bool bye;
};

/** Writes SR|RR + SDES [+ BYE]. @return length, at most RTCP_PACKET_MAX  @source RFC 3550 6.1: compound, SDES always */
size_t rtcp_write(uint8_t *buf, const struct rtcp_report *report);

/* What of a compound packet concerns one leg. */
struct rtcp_heard {
    bool sr, bye, has_block;
    uint32_t sr_ssrc, bye_ssrc;
    uint32_t sr_ntp_middle;  /* the middle 32 bits, for LSR */
    struct rtcp_block block; /* the one about own_ssrc */
};

/**
 * Reads a compound packet.
 *
 * @param own_ssrc  blocks about others are passed over
 * @return DROP_NONE | DROP_RTCP_SHORT, _VERSION, _FIRST; heard is then unwritten
 */
enum drop rtcp_parse(const uint8_t *buf, size_t bytes, uint32_t own_ssrc, struct rtcp_heard *heard);

#endif
