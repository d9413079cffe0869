/*
 * RTP on the wire: header reader and writer, and what is known of one sender (sequence, loss, jitter). Worker, hot.
 * Reads foreign bytes: every length is checked, nothing is trusted.
 */
#ifndef CORE_MEDIA_RTP_H
#define CORE_MEDIA_RTP_H

#include "core/base/limits.h"
#include "core/base/stats.h"

#define RTP_HEADER_BYTES 12
#define RTP_CSRC_MAX 15

struct rtp {
    const uint8_t *payload;
    const uint8_t *ext; /* data of the header extension */
    uint32_t ts, ssrc;
    uint16_t seq, bytes; /* of the payload, padding taken off */
    uint16_t ext_profile, ext_bytes;
    uint8_t pt;
    bool marker;
};

/** Reads a header. payload points into buf. @return DROP_NONE | SHORT, VERSION, EXTENSION, PADDING  @source RFC
 * 3550 5.1 */
enum drop rtp_parse(const uint8_t *buf, size_t bytes, struct rtp *rtp);

/** On a port shared by RTP and RTCP: is this RTCP? @source RFC 5761 section 4 */
static inline bool rtp_is_rtcp(const uint8_t *buf, size_t bytes)
{
    return bytes >= 2 && (buf[1] & 0x7f) >= 64 && (buf[1] & 0x7f) <= 95;
}

/**
 * Finds an element of a header extension, in its one-byte or two-byte form. What is malformed ends the search.
 *
 * @param id     1..14 in either form, up to 255 in the two-byte form
 * @param bytes  of its data; written when found
 * @return its data | NULL  @source RFC 8285 4.2, 4.3
 */
const uint8_t *rtp_ext_find(const struct rtp *rtp, uint8_t id, size_t *bytes);

/** Writes a header with n_csrc <= RTP_CSRC_MAX contributing sources. @return its length */
size_t rtp_write(uint8_t *buf, uint8_t pt, bool marker, uint16_t seq, uint32_t ts, uint32_t ssrc, const uint32_t *csrc,
                 size_t n_csrc);

/**
 * Puts an extension with one element behind a header that has none: a level of one stream (RFC 6464), or of every
 * contributing source in the order of the header (RFC 6465).
 *
 * @param head   length of the header
 * @param id     1..14
 * @param bytes  [n] levels, 1 <= n <= RTP_CSRC_MAX
 * @return length of both  @source RFC 8285 4.2
 */
size_t rtp_write_ext(uint8_t *buf, size_t head, uint8_t id, const uint8_t *bytes, size_t n);

/* One sender as its receiver sees it. Zero is a valid fresh state. @source RFC 3550 A.1, A.3, A.8 */
struct rtp_source {
    bool known;
    uint8_t candidates; /* packets in a row of a sender that would take over */
    uint16_t max_seq;
    uint16_t candidate_seq;
    uint32_t ssrc, candidate_ssrc;
    uint32_t cycles; /* sequence wraps << 16 */
    uint32_t base_seq;
    uint32_t received;
    uint32_t received_prior, expected_prior; /* at the last report */
    uint32_t transit_ts;
    uint32_t jitter_q4; /* jitter * 16 */
};

enum rtp_arrival { RTP_TAKE, RTP_RESTART, RTP_REFUSE };

/**
 * Accounts for one packet.
 *
 * A packet of another SSRC, or far off in sequence, is refused until the next one follows it in order: then the sender
 * has restarted and the caller must forget what it buffered. The very first packet is believed.
 *
 * @param arrival_ts  time of arrival in RTP ticks: the tick at which it was pulled, so jitter is as coarse as that
 * @return RTP_TAKE | RTP_RESTART (taken, as the first of a new stream) | RTP_REFUSE (DROP_SSRC)
 */
enum rtp_arrival rtp_source_take(struct rtp_source *s, const struct rtp *rtp, uint32_t arrival_ts);

/** Packets expected minus received since the start; never below 0. */
uint32_t rtp_source_lost(const struct rtp_source *s);

/** Loss fraction (of 256) since the last call; what a report block carries. */
uint8_t rtp_source_fraction(struct rtp_source *s);

static inline uint32_t rtp_source_highest(const struct rtp_source *s)
{
    return s->cycles + s->max_seq;
}

#endif
