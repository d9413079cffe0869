/*
 * A leg's way towards the mixer, its first half: datagrams are checked and buffered; leg_frame.c makes PCM of them.
 * Worker, hot; every refusal has a reason and a counter.
 */
#include "core/conf/ptt.h"

enum {
    EXTRA_READ_TICKS = 16, /* every so often one read more than needed, so that a queue left by a stall is noticed */
    READS_MORE = 4,
    READS_MAX = JBUF_SLOTS,
    CLEAN_REPORTS = 3,   /* of the peer, some 15 s: then its way here is taken to be without loss */
    BLIND_PACKETS = 500, /* some 10 s: a phone without a report by then sends none; no redundancy is spent on it */
    LOSS_SHARE_MIN = 3,  /* of 256, RFC 3550 6.4.1: less is no use for redundancy */
    ARRIVAL_TICKS = 4,   /* how often a talker's arrival time is asked for ... */
    ARRIVAL_STEADY_TICKS = 16,
    ARRIVALS_STEADY = 25,  /* ... after so many that were ... */
    STEADY_NS = NS_PER_MS, /* ... so near to what was thought */
    YOUNG_NS = NS_PER_S,   /* a socket is emptied within a few ticks */
    CODEC_NOTIFY_MS = 200, /* between two events of one codec: the first may have come to nothing */
    STUN_HEADER_BYTES = 20,
    STUN_COOKIE = 0x2112A442
};

/* Packets in a tick: two while their length is unknown or is 10 ms. */
static unsigned reads_usual(const struct leg *leg)
{
    return leg->rx.stream == STREAM_STARTS || leg->jbuf.packet_ts < leg->frame_ts ? 2 : 1;
}

unsigned leg_reads(const struct leg *leg, uint32_t tick, unsigned skipped)
{
    unsigned usual = reads_usual(leg);
    bool look = leg->phase.surplus_due || leg->jbuf.credit || (tick + leg->beat_index) % EXTRA_READ_TICKS == 0;
    return MIN(usual + look + skipped, READS_MAX);
}

/* More than is usual was there, or what was there is less than a tick: the socket may hold the rest. */
unsigned leg_reads_more(const struct leg *leg)
{
    const struct leg_rx *rx = &leg->rx;
    if (!rx->reads_hit || rx->reads_hit < rx->reads_asked || rx->reads_asked >= READS_MAX) {
        return 0;
    }
    if (rx->reads_asked > reads_usual(leg)) {
        return READS_MORE;
    }
    return jbuf_backlog_ts(&leg->jbuf) + leg_fifo_ts(leg) < leg->frame_ts;
}

/* No audio, but a sign of life: an empty datagram, or STUN (RFC 6263 4.1, 4.3; RFC 8489 5). */
static bool is_keepalive(const uint8_t *buf, size_t n)
{
    return n == 0 || (n >= STUN_HEADER_BYTES && buf[0] < 4 && load_be32(buf + 4) == STUN_COOKIE);
}

/* One of our own, come back: its own, or one that signalling knows. */
static bool is_own_ssrc(const struct leg *leg, uint32_t ssrc)
{
    bool is_known = leg->rx.source.known && ssrc == leg->rx.source.ssrc;
    return ssrc == leg->cfg.ssrc || (!is_known && leg->refused_ssrc && ssrc == leg->refused_ssrc);
}

/* It is RTP, and opens: is it the peer's? */
static enum drop source_take(struct leg *leg, const struct rtp *rtp, enum source_kind kind, const struct addr *from,
                             uint32_t now_ms)
{
    if (is_own_ssrc(leg, rtp->ssrc)) {
        return DROP_OWN_SSRC;
    }
    if (kind != SOURCE_KIN) {
        leg->moved |= source_heard(&leg->from, from, now_ms);
        return DROP_NONE;
    }
    uint32_t known_ssrc = leg->rx.source.known ? leg->rx.source.ssrc : 0;
    if (!source_try(&leg->from, from, rtp->ssrc, rtp->seq, known_ssrc, now_ms)) {
        return DROP_PROBATION;
    }
    leg->moved = true;
    return DROP_NONE;
}

static void digit_pend(struct leg *leg, const struct dtmf_digit *digit)
{
    struct leg_pending *pending = &leg->pending;
    if (!digit->digit) {
        return;
    }
    if (pending->n_digits == DIGITS_MAX) {
        leg_drop(leg, DROP_DTMF_FULL);
        return;
    }
    uint32_t ms = digit->duration_ts / (leg->frame_ts / TICK_MS);
    leg->notify.digits[pending->n_digits++] = (struct leg_digit){.digit = digit->digit, .ms = ms};
}

static void event_take(struct leg *leg, const struct rtp *rtp)
{
    struct dtmf_digit digit;
    enum drop drop = dtmf_take(&leg->dtmf, rtp->ts, rtp->payload, rtp->bytes, &digit);
    if (drop) {
        leg_drop(leg, drop);
    }
    digit_pend(leg, &digit);
    leg->rx.event_ticks = leg->dtmf.open;
}

void leg_event_end(struct leg *leg)
{
    struct dtmf_digit digit;
    dtmf_end(&leg->dtmf, &digit);
    digit_pend(leg, &digit);
    leg->rx.event_ticks = 0;
}

/* What the sender says of its level. */
static uint8_t claim_of(const struct leg *leg, const struct rtp *rtp)
{
    size_t n = 0;
    const uint8_t *level = rtp_ext_find(rtp, leg->cfg.ext_level_rx, &n);
    return level && n ? level[0] & LEVEL_SILENT : LEVEL_UNKNOWN; /* RFC 6464 3: the other bit is its opinion on voice */
}

static void stream_restart(struct leg *leg)
{
    leg->stats.drops[DROP_SKIPPED] += jbuf_reset(&leg->jbuf);
    leg->rx.n_fifo = 0;
    leg->talk.claims_void = false;
    leg->talk.lie_ticks = leg->talk.idle_ticks = 0;
    leg->rx.stream = STREAM_STARTS;
    must(!leg_has_parts(leg) || leg->cfg.codec->decoder_init(leg->rx.decoder, &leg->cfg.fmt) == 0);
}

void leg_hold(struct leg *leg)
{
    leg->stats.drops[DROP_HELD] += jbuf_reset(&leg->jbuf);
    leg->rx.n_fifo = 0;
    leg->rx.stream = STREAM_STARTS;
    if (leg->rx.plc.history) {
        plc_pause(&leg->rx.plc);
    }
}

enum means { MEANS_AUDIO, MEANS_EVENT, MEANS_NOISE, MEANS_OTHER, MEANS_NOTHING };

/* What a payload type means. Most are the leg's own; the sets are of peers that number anew, or change codecs. */
static enum means means_of(const struct leg *leg, uint8_t pt)
{
    const struct leg_cfg *cfg = &leg->cfg;
    if (pt == cfg->pt_rx || pt == cfg->pt_event_rx || pt == cfg->pt_cn_rx) {
        return pt == cfg->pt_rx ? MEANS_AUDIO : pt == cfg->pt_event_rx ? MEANS_EVENT : MEANS_NOISE;
    }
    return pt_set_has(&cfg->pts_rx, pt)      ? MEANS_AUDIO
           : pt_set_has(&cfg->pts_event, pt) ? MEANS_EVENT
           : pt_set_has(&cfg->pts_other, pt) ? MEANS_OTHER
                                             : MEANS_NOTHING;
}

/* Asks signalling for a leg with that codec. */
static enum drop other_codec(struct leg *leg, uint8_t pt, uint64_t now_ns)
{
    if (now_ns - leg->notify.codec_at_ns >= CODEC_NOTIFY_MS * NS_PER_MS || !leg->notify.codec_at_ns) {
        leg->notify.codec_at_ns = now_ns;
        leg->pending.codec = true;
        leg->notify.codec_pt = pt;
    }
    return DROP_CODEC_PENDING;
}

/* After header and source: accounting, then audio, event or comfort noise. */
static enum drop rtp_take(struct leg *leg, struct rtp *rtp, uint64_t now_ns)
{
    enum means means = means_of(leg, rtp->pt);
    if (means >= MEANS_OTHER) {
        return means == MEANS_OTHER ? other_codec(leg, rtp->pt, now_ns) : DROP_PAYLOAD_TYPE;
    }
    bool audio = means == MEANS_AUDIO, event = means == MEANS_EVENT;
    uint64_t arrival_ts = now_ns / 1000 * (leg->frame_ts / TICK_MS) / 1000;
    enum rtp_arrival arrival = rtp_source_take(&leg->rx.source, rtp, (uint32_t)arrival_ts);
    if (arrival == RTP_REFUSE) {
        return DROP_SSRC;
    }
    if (arrival == RTP_RESTART) {
        stream_restart(leg);
    }
    if (!leg->rx.on) {
        return DROP_HELD;
    }
    bool keeps;
    enum drop floor = ptt_heard(leg, &keeps, now_ns);
    if (floor || (keeps && !audio)) {
        return DROP_FLOOR;
    }
    if (event) {
        event_take(leg, rtp);
    }
    size_t frame = rate_frame_samples(leg->cfg.fmt.rate_hz);
    int n = audio && rtp->bytes ? leg->cfg.codec->samples(&leg->cfg.fmt, rtp->payload, rtp->bytes) : 0;
    if (n < 0) {
        return DROP_DECODE;
    }
    /* An event or noise packet has a sequence number but no audio: it goes in empty and says "pause". */
    struct jbuf_packet packet = {
        .payload = rtp->payload,
        .ts = rtp->ts,
        .seq = rtp->seq,
        .duration_ts = (uint32_t)((size_t)n * leg->frame_ts / frame),
        .bytes = audio ? rtp->bytes : 0,
        .marker = rtp->marker,
        .claim_dbov = claim_of(leg, rtp),
    };
    enum drop drop = jbuf_put(&leg->jbuf, &packet, leg->stats.drops);
    if (keeps) {
        ptt_preroll(leg, now_ns);
    }
    return drop;
}

/* What the peer says of our stream; its echo of our last SR gives the round trip. @source RFC 3550 6.4.1 */
static void block_take(struct leg *leg, const struct rtcp_block *b, uint64_t at_ns)
{
    bool is_clean = b->fraction_lost < LOSS_SHARE_MIN;
    leg->rtcp.reported = true;
    leg->rtcp.clean_reports = is_clean ? (uint8_t)MIN(leg->rtcp.clean_reports + 1, CLEAN_REPORTS) : 0;
    leg->stats.peer_lost = (uint32_t)MAX(b->lost, 0);
    leg->stats.peer_jitter_ts = b->jitter_ts;
    uint64_t held_ns = (uint64_t)b->dlsr * NS_PER_S / 65536, since_ns = at_ns - MIN(leg->rtcp.sent_at_ns, at_ns);
    if (b->lsr && b->lsr == leg->rtcp.sent_lsr && since_ns >= held_ns) {
        leg->stats.rtt_us = (uint32_t)MIN((since_ns - held_ns) / NS_PER_US, UINT32_MAX);
    }
}

/* on_rtp: of the RTP socket */
static void rtcp_take(struct leg *leg, uint8_t *buf, int32_t bytes, const struct addr *from, bool on_rtp,
                      uint64_t at_ns)
{
    struct rtcp_heard heard;
    bool is_sealed = leg->ptt && leg->seal; /* from anywhere: what opens proves itself */
    bool stranger = from && !is_sealed && !source_is_host(&leg->from, from);
    size_t n = (size_t)bytes;
    enum drop drop = n > PACKET_BYTES_MAX ? DROP_TRUNCATED : stranger ? DROP_SOURCE : DROP_NONE;
    if (!drop && is_keepalive(buf, n)) {
        source_alive(&leg->from, from ? from : &leg->from.at, (uint32_t)(at_ns / NS_PER_MS));
        drop = DROP_KEEPALIVE;
    }
    if (!drop && leg->seal) {
        drop = seal_open_rtcp(leg->seal, buf, &n);
    }
    if (!drop && leg->ptt && ptt_is(buf, n)) {
        drop = ptt_source(leg, from, (uint32_t)(at_ns / NS_PER_MS));
        if (!drop) {
            ptt_rx(leg, buf, n, from, on_rtp, at_ns);
            return;
        }
    }
    if (!drop) {
        drop = rtcp_parse(buf, n, leg->cfg.ssrc, &heard);
    }
    if (!drop) {
        source_alive(&leg->from, from ? from : &leg->from.at, (uint32_t)(at_ns / NS_PER_MS));
    }
    if (!drop && heard.bye && (!leg->rx.source.known || heard.bye_ssrc != leg->rx.source.ssrc)) {
        heard.bye = false;
        drop = DROP_RTCP_SOURCE;
    }
    if (drop) {
        leg_drop(leg, drop);
        if (drop != DROP_RTCP_SOURCE) {
            return;
        }
    }
    leg->pending.bye |= heard.bye;
    if (heard.sr) {
        leg->rtcp.sr_lsr = heard.sr_ntp_middle;
        leg->rtcp.sr_at_ns = at_ns;
    }
    if (heard.has_block) {
        block_take(leg, &heard.block, at_ns);
    }
}

/* Keep-alives of a session's own RTP port show where it is, long before it speaks. @return it is another one now */
static bool port_learn(struct leg *leg, enum source_kind kind, const struct addr *from, uint32_t now_ms)
{
    bool lives = leg->from.is_heard && now_ms - leg->from.heard_ms < PTT_FORGERY_MS;
    return (kind != SOURCE_KIN || !lives) && leg->from.phase != SOURCE_SHUT && source_heard(&leg->from, from, now_ms);
}

bool leg_is_young(const struct leg *leg, uint64_t now_ns)
{
    return !leg->from.is_heard && now_ns - leg->began_ns < YOUNG_NS;
}

bool leg_rx_early(struct leg *leg, int32_t bytes, const struct addr *from, uint64_t at_ns)
{
    if (leg->from.is_heard || !from || !at_ns || at_ns >= leg->began_ns ||
        source_kind_of(&leg->from, from) != SOURCE_KIN) {
        return false;
    }
    leg->stats.rx_packets++;
    leg->stats.rx_bytes += (uint64_t)bytes;
    leg_drop(leg, DROP_PROBATION);
    leg->notify.dropped_from = *from;
    return true;
}

bool leg_rx_rtp(struct leg *leg, uint8_t *buf, int32_t bytes, const struct addr *from, uint64_t now_ns)
{
    struct rtp rtp;
    size_t n = (size_t)bytes;
    bool known = false;
    uint32_t now_ms = (uint32_t)(now_ns / NS_PER_MS);
    enum source_kind kind = from ? source_kind_of(&leg->from, from) : SOURCE_AT;
    leg->stats.rx_packets++;
    leg->stats.rx_bytes += n;
    enum drop drop = n > PACKET_BYTES_MAX ? DROP_TRUNCATED : kind == SOURCE_STRANGER ? DROP_SOURCE : DROP_NONE;
    if (!drop && (leg->cfg.rtcp_mux || leg->ptt) && rtp_is_rtcp(buf, n)) {
        rtcp_take(leg, buf, bytes, from, true, now_ns);
        return false;
    }
    if (!drop && is_keepalive(buf, n)) {
        source_alive(&leg->from, from ? from : &leg->from.at, now_ms);
        leg->moved |= leg->ptt && port_learn(leg, kind, from, now_ms);
        drop = DROP_KEEPALIVE;
    }
    if (!drop && leg->seal) {
        drop = seal_open_rtp(leg->seal, buf, &n); /* before anything is learnt from it */
    }
    if (!drop) {
        drop = rtp_parse(buf, n, &rtp);
    }
    if (!drop) {
        drop = source_take(leg, &rtp, kind, from, now_ms);
    }
    if (!drop) {
        drop = rtp_take(leg, &rtp, now_ns);
        known = drop != DROP_PAYLOAD_TYPE && drop != DROP_SSRC && drop != DROP_CODEC_PENDING;
    }
    if (drop) {
        leg_drop(leg, drop);
        leg->notify.dropped_from = from ? *from : leg->from.at;
    }
    return known;
}

bool leg_is_protected(const struct leg *leg)
{
    bool is_blind = !leg->rtcp.reported && leg->stats.tx_packets >= BLIND_PACKETS;
    return leg->cfg.fmt.fec && leg->rtcp.clean_reports < CLEAN_REPORTS && !is_blind;
}

bool leg_asks_arrival(const struct leg *leg, uint32_t tick)
{
    unsigned every = leg->phase.steady < ARRIVALS_STEADY ? ARRIVAL_TICKS : ARRIVAL_STEADY_TICKS;
    return leg_is_mixed(leg) && (tick + leg->beat_index) % every == 0;
}

/*
 * A later arrival than thought is believed at once, an earlier one little by little: the phase is that of the late
 * ones. Far off, it is another phase altogether.
 */
void leg_arrival(struct leg *leg, uint64_t at_ns, uint64_t now_ns)
{
    struct leg_phase *phase = &leg->phase;
    uint32_t arrival_ns = (uint32_t)(at_ns % TICK_NS);
    int32_t later_ns = (int32_t)((arrival_ns + TICK_NS - phase->arrival_ns) % TICK_NS);
    int32_t half_ns = (int32_t)(TICK_NS / 2);
    later_ns = later_ns > half_ns ? later_ns - (int32_t)TICK_NS : later_ns;
    uint64_t margin_ns = MIN(now_ns - MIN(at_ns, now_ns), TICK_NS);
    bool is_near = phase->known && later_ns < STEADY_NS && later_ns > -STEADY_NS;
    bool is_early = margin_ns > STEADY_NS; /* if not, the jitter buffer wants to know exactly */
    phase->steady = (uint8_t)(is_near && is_early ? MIN(phase->steady + 1, ARRIVALS_STEADY) : phase->steady / 2);
    if (!phase->known || later_ns > 0 || later_ns < -half_ns / 2) {
        phase->arrival_ns = arrival_ns;
    } else {
        phase->arrival_ns = (uint32_t)((phase->arrival_ns + TICK_NS + later_ns / 32) % TICK_NS);
    }
    phase->known = true;
    jbuf_margin(&leg->jbuf, (uint32_t)(margin_ns * leg->frame_ts / TICK_NS));
}

void leg_rx_rtcp(struct leg *leg, uint8_t *buf, int32_t bytes, const struct addr *from, uint64_t at_ns)
{
    rtcp_take(leg, buf, bytes, from, false, at_ns);
}
