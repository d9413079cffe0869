/* RTP header and sender state. See rtp.h. */
#include "core/media/rtp.h"

#include <string.h>

enum {
    EXT_ONE_BYTE = 0xBEDE,  /* RFC 8285 4.2 */
    EXT_TWO_BYTES = 0x1000, /* 4.3; the last four bits are free */
    EXT_STOP = 15           /* 4.2: whatever follows is not to be read */
};

enum { MAX_DROPOUT = 3000, MAX_MISORDER = 100, RESTART_IN_ORDER = 2 };

enum drop rtp_parse(const uint8_t *buf, size_t bytes, struct rtp *rtp)
{
    if (bytes < RTP_HEADER_BYTES) {
        return DROP_SHORT;
    }
    if (buf[0] >> 6 != 2) {
        return DROP_VERSION;
    }
    size_t head = RTP_HEADER_BYTES + 4u * (buf[0] & 15);
    if (head > bytes) {
        return DROP_SHORT;
    }
    const uint8_t *ext = NULL;
    size_t ext_bytes = 0;
    uint16_t ext_profile = 0;
    if (buf[0] & 0x10) {
        if (head + 4 > bytes) {
            return DROP_EXTENSION;
        }
        ext = buf + head + 4;
        ext_profile = load_be16(buf + head);
        ext_bytes = 4u * load_be16(buf + head + 2);
        head += 4 + ext_bytes;
        if (head > bytes) {
            return DROP_EXTENSION;
        }
    }
    size_t tail = 0;
    if (buf[0] & 0x20) {
        tail = buf[bytes - 1];
        if (tail == 0 || tail > bytes - head) {
            return DROP_PADDING;
        }
    }
    *rtp = (struct rtp){
        .payload = buf + head,
        .ext = ext,
        .ext_profile = ext_profile,
        .ext_bytes = (uint16_t)ext_bytes, /* less than the packet's */
        .ts = load_be32(buf + 4),
        .ssrc = load_be32(buf + 8),
        .seq = load_be16(buf + 2),
        .bytes = (uint16_t)(bytes - head - tail),
        .pt = buf[1] & 0x7f,
        .marker = buf[1] >> 7,
    };
    return DROP_NONE;
}

const uint8_t *rtp_ext_find(const struct rtp *rtp, uint8_t id, size_t *bytes)
{
    bool short_form = rtp->ext_profile == EXT_ONE_BYTE;
    if (id == 0 || (!short_form && (rtp->ext_profile & 0xfff0) != EXT_TWO_BYTES)) {
        return NULL;
    }
    for (size_t at = 0; at < rtp->ext_bytes;) {
        uint8_t found = rtp->ext[at++];
        size_t n = 0;
        if (found == 0) {
            continue; /* padding */
        }
        if (short_form) {
            n = (found & 15) + 1u;
            found >>= 4;
        } else if (at == rtp->ext_bytes) {
            return NULL;
        } else {
            n = rtp->ext[at++];
        }
        bool stop = short_form && (found == 0 || found == EXT_STOP);
        if (stop || n > rtp->ext_bytes - at) {
            return NULL;
        }
        if (found == id) {
            *bytes = n;
            return rtp->ext + at;
        }
        at += n;
    }
    return NULL;
}

size_t rtp_write_ext(uint8_t *buf, size_t head, uint8_t id, const uint8_t *bytes, size_t n)
{
    must(id >= 1 && id < EXT_STOP && n >= 1 && n <= RTP_CSRC_MAX);
    size_t words = (1 + n + 3) / 4;
    uint8_t *ext = buf + head;
    buf[0] |= 0x10;
    store_be16(ext, EXT_ONE_BYTE);
    store_be16(ext + 2, (uint16_t)words);
    memset(ext + 4, 0, 4 * words);
    ext[4] = (uint8_t)(id << 4 | (n - 1));
    memcpy(ext + 5, bytes, n);
    return head + 4 + 4 * words;
}

size_t rtp_write(uint8_t *buf, uint8_t pt, bool marker, uint16_t seq, uint32_t ts, uint32_t ssrc, const uint32_t *csrc,
                 size_t n_csrc)
{
    buf[0] = (uint8_t)(0x80 | n_csrc);
    buf[1] = (uint8_t)(marker << 7 | pt);
    store_be16(buf + 2, seq);
    store_be32(buf + 4, ts);
    store_be32(buf + 8, ssrc);
    for (size_t i = 0; i < n_csrc; i++) {
        store_be32(buf + RTP_HEADER_BYTES + 4 * i, csrc[i]);
    }
    return RTP_HEADER_BYTES + 4 * n_csrc;
}

static void source_begin(struct rtp_source *s, const struct rtp *rtp, uint32_t arrival_ts)
{
    *s = (struct rtp_source){
        .known = true,
        .ssrc = rtp->ssrc,
        .max_seq = rtp->seq,
        .base_seq = rtp->seq,
        .received = 1,
        .transit_ts = arrival_ts - rtp->ts,
    };
}

/* A stranger, or the known sender far off: believed once it has followed itself in order. */
static enum rtp_arrival source_candidate(struct rtp_source *s, const struct rtp *rtp, uint32_t arrival_ts)
{
    bool follows = s->candidates && rtp->ssrc == s->candidate_ssrc && rtp->seq == (uint16_t)(s->candidate_seq + 1);
    s->candidates = follows ? s->candidates + 1 : 1;
    s->candidate_ssrc = rtp->ssrc;
    s->candidate_seq = rtp->seq;
    if (s->candidates < RESTART_IN_ORDER) {
        return RTP_REFUSE;
    }
    source_begin(s, rtp, arrival_ts);
    return RTP_RESTART;
}

enum rtp_arrival rtp_source_take(struct rtp_source *s, const struct rtp *rtp, uint32_t arrival_ts)
{
    if (!s->known) {
        source_begin(s, rtp, arrival_ts);
        return RTP_RESTART;
    }
    uint16_t ahead = (uint16_t)(rtp->seq - s->max_seq);
    bool near = ahead < MAX_DROPOUT || ahead > (uint16_t)(65536 - MAX_MISORDER);
    if (rtp->ssrc != s->ssrc || !near) {
        return source_candidate(s, rtp, arrival_ts);
    }
    s->candidates = 0;
    if (ahead < MAX_DROPOUT) {
        if (rtp->seq < s->max_seq) {
            s->cycles += 65536;
        }
        s->max_seq = rtp->seq;
    }
    s->received++;
    uint32_t transit_ts = arrival_ts - rtp->ts;
    int32_t d = (int32_t)(transit_ts - s->transit_ts);
    s->transit_ts = transit_ts;
    uint32_t distance = d < 0 ? 0u - (uint32_t)d : (uint32_t)d;
    s->jitter_q4 += distance - ((s->jitter_q4 + 8) >> 4);
    return RTP_TAKE;
}

static uint32_t source_expected(const struct rtp_source *s)
{
    return s->known ? rtp_source_highest(s) - s->base_seq + 1 : 0;
}

uint32_t rtp_source_lost(const struct rtp_source *s)
{
    uint32_t expected = source_expected(s);
    return expected > s->received ? expected - s->received : 0;
}

uint8_t rtp_source_fraction(struct rtp_source *s)
{
    uint32_t expected = source_expected(s);
    uint32_t expected_now = expected - s->expected_prior;
    uint32_t received_now = s->received - s->received_prior;
    s->expected_prior = expected;
    s->received_prior = s->received;
    if (expected_now == 0 || received_now >= expected_now) {
        return 0;
    }
    return (uint8_t)(((uint64_t)(expected_now - received_now) << 8) / expected_now);
}
