/*
 * A leg's way towards the mixer: datagrams are checked and buffered, and each tick one frame of PCM comes out. Worker,
 * hot; every refusal has a reason and a counter.
 */
#include "core/conf/leg_run.h"

#include <string.h>

enum {
    EXTRA_READ_TICKS = 8, /* every so often one read more than needed, so that a queue left by a stall is noticed */
    READS_MORE = 4,
    READS_MAX = JBUF_SLOTS,
    FADE_TICKS = 3 /* concealed in a row before a codec's own concealment is trusted to be silent */
};

/* Decoded audio that waits, in RTP ticks. */
static uint32_t leg_fifo_ts(const struct leg *leg)
{
    return leg->n_fifo * leg->frame_ts / (uint32_t)rate_frame_samples(leg->cfg.fmt.rate_hz);
}

/* Packets in a tick: two while their length is unknown or is 10 ms. */
static unsigned reads_usual(const struct leg *leg)
{
    return leg->starting || leg->jbuf.packet_ts < leg->frame_ts ? 2 : 1;
}

unsigned leg_reads(const struct leg *leg, uint32_t tick, unsigned skipped)
{
    unsigned usual = reads_usual(leg);
    bool look = leg->surplus_due || leg->jbuf.credit || (tick + leg->beat_index) % EXTRA_READ_TICKS == 0;
    return MIN(usual + look + skipped, READS_MAX);
}

/* More than is usual was there, or what was there is less than a tick: the socket may hold the rest. */
unsigned leg_reads_more(const struct leg *leg)
{
    if (!leg->reads_hit || leg->reads_hit < leg->reads_asked || leg->reads_asked >= READS_MAX) {
        return 0;
    }
    if (leg->reads_asked > reads_usual(leg)) {
        return READS_MORE;
    }
    return jbuf_backlog_ts(&leg->jbuf) + leg_fifo_ts(leg) < leg->frame_ts;
}

/* Could this be the peer? Once connected only itself, even if a packet has waited there since before the connect. */
static bool source_possible(const struct leg *leg, const struct addr *from)
{
    if (!from || addr_same(from, &leg->cfg.remote_rtp)) {
        return true;
    }
    return !leg->connected && !leg->latch_wanted && addr_is_set(&leg->cfg.latch_host) &&
           addr_same_host(from, &leg->cfg.latch_host);
}

/* It is. A packet from its signalling's host teaches where it really sends from. */
static void source_learn(struct leg *leg, const struct addr *from)
{
    if (from && !leg->connected) {
        leg->cfg.remote_rtp = *from;
        leg->latch_wanted = true;
    }
}

static void event_take(struct leg *leg, const struct rtp *rtp)
{
    struct dtmf_digit digit;
    enum drop drop = dtmf_take(&leg->dtmf, rtp->ts, rtp->payload, rtp->bytes, &digit);
    if (drop) {
        leg_drop(leg, drop);
    }
    struct leg_news *news = &leg->news;
    if (digit.digit && news->n_digits < NEWS_DIGITS) {
        news->digits[news->n_digits].digit = digit.digit;
        news->digits[news->n_digits].ms = digit.duration_ts / (leg->frame_ts / TICK_MS);
        news->n_digits++;
    }
}

static void stream_restart(struct leg *leg)
{
    leg->stats.drops[DROP_SKIPPED] += jbuf_reset(&leg->jbuf);
    leg->n_fifo = 0;
    leg->starting = leg->paused = true;
    must(leg->cfg.codec->decoder_init(leg->decoder, &leg->cfg.fmt) == 0);
}

/* After header and source: accounting, then audio, event or comfort noise. */
static enum drop rtp_take(struct leg *leg, struct rtp *rtp, uint64_t now_ns)
{
    bool audio = rtp->pt == leg->cfg.pt_rx;
    bool event = rtp->pt == leg->cfg.pt_event_rx, noise = rtp->pt == leg->cfg.pt_cn_rx;
    if (!audio && !event && !noise) {
        return DROP_PAYLOAD_TYPE;
    }
    uint64_t arrival_ts = now_ns / 1000 * (leg->frame_ts / TICK_MS) / 1000;
    enum rtp_arrival arrival = rtp_source_take(&leg->source, rtp, (uint32_t)arrival_ts);
    if (arrival == RTP_REFUSE) {
        return DROP_SSRC;
    }
    if (arrival == RTP_RESTART) {
        stream_restart(leg);
    }
    leg->quiet_ticks = 0;
    if (!leg->rx_on) {
        return DROP_HELD;
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
    };
    return jbuf_put(&leg->jbuf, &packet, leg->stats.drops);
}

bool leg_rx_rtp(struct leg *leg, uint8_t *buf, int32_t bytes, const struct addr *from, uint64_t now_ns)
{
    struct rtp rtp;
    size_t n = (size_t)bytes;
    bool known = false;
    leg->stats.rx_packets++;
    leg->stats.rx_bytes += n;
    enum drop drop = n > PACKET_BYTES_MAX ? DROP_TRUNCATED : DROP_NONE;
    if (!drop && leg->cfg.rtcp_mux && rtp_is_rtcp(buf, n)) {
        leg_rx_rtcp(leg, buf, bytes, from, now_ns);
        return false;
    }
    if (!drop && !source_possible(leg, from)) {
        drop = DROP_SOURCE;
    }
    if (!drop && leg->seal) {
        drop = seal_open_rtp(leg->seal, buf, &n); /* before anything is learnt from it */
    }
    if (!drop) {
        drop = rtp_parse(buf, n, &rtp);
    }
    if (!drop) {
        source_learn(leg, from);
        drop = rtp_take(leg, &rtp, now_ns);
        known = drop != DROP_PAYLOAD_TYPE && drop != DROP_SSRC;
    }
    if (drop) {
        leg_drop(leg, drop);
    }
    return known;
}

/* What the peer says of our stream; its echo of our last SR gives the round trip. @source RFC 3550 6.4.1 */
static void block_take(struct leg *leg, const struct rtcp_block *b, uint64_t now_ns)
{
    leg->stats.peer_lost = (uint32_t)MAX(b->lost, 0);
    leg->stats.peer_jitter_ts = b->jitter_ts;
    uint64_t held_ns = (uint64_t)b->dlsr * NS_PER_S / 65536, since_ns = now_ns - leg->sent_at_ns;
    if (b->lsr && b->lsr == leg->sent_lsr && since_ns >= held_ns) {
        leg->stats.rtt_us = (uint32_t)MIN((since_ns - held_ns) / NS_PER_US, UINT32_MAX);
    }
}

/*
 * A later arrival than thought is believed at once, an earlier one little by little: the phase is that of the late
 * ones. Far off, it is another phase altogether.
 */
void leg_arrival(struct leg *leg, uint64_t at_ns, uint64_t now_ns)
{
    uint32_t phase_ns = (uint32_t)(at_ns % TICK_NS);
    int32_t later_ns = (int32_t)((phase_ns + TICK_NS - leg->arrival_ns) % TICK_NS);
    int32_t half_ns = (int32_t)(TICK_NS / 2);
    later_ns = later_ns > half_ns ? later_ns - (int32_t)TICK_NS : later_ns;
    if (!leg->arrival_known || later_ns > 0 || later_ns < -half_ns / 2) {
        leg->arrival_ns = phase_ns;
    } else {
        leg->arrival_ns = (uint32_t)((leg->arrival_ns + TICK_NS + later_ns / 32) % TICK_NS);
    }
    leg->arrival_known = true;
    uint64_t margin_ns = MIN(now_ns - MIN(at_ns, now_ns), TICK_NS);
    jbuf_margin(&leg->jbuf, (uint32_t)(margin_ns * leg->frame_ts / TICK_NS));
}

void leg_rx_rtcp(struct leg *leg, uint8_t *buf, int32_t bytes, const struct addr *from, uint64_t now_ns)
{
    struct rtcp_heard heard;
    bool stranger = from && !addr_same_host(from, &leg->cfg.remote_rtp) && !addr_same_host(from, &leg->cfg.latch_host);
    size_t n = (size_t)bytes;
    enum drop drop = n > PACKET_BYTES_MAX ? DROP_TRUNCATED : DROP_NONE;
    if (!drop && stranger) {
        drop = DROP_SOURCE;
    }
    if (!drop && leg->seal) {
        drop = seal_open_rtcp(leg->seal, buf, &n);
    }
    if (!drop) {
        drop = rtcp_parse(buf, n, leg->cfg.ssrc, &heard);
    }
    if (!drop && heard.bye && (!leg->source.known || heard.bye_ssrc != leg->source.ssrc)) {
        heard.bye = false;
        drop = DROP_RTCP_SOURCE;
    }
    if (drop) {
        leg_drop(leg, drop);
        if (drop != DROP_RTCP_SOURCE) {
            return;
        }
    }
    leg->news.bye |= heard.bye;
    if (heard.sr) {
        leg->sr_lsr = heard.sr_ntp_middle;
        leg->sr_at_ns = now_ns;
    }
    if (heard.has_block) {
        block_take(leg, &heard.block, now_ns);
    }
}

static void decoded_count(struct leg *leg, const struct leg_tools *tools)
{
    leg->stats.decoded++;
    count_add(&tools->stats->decoded, 1);
}

/* Decodes a packet into pcm (room for the longest). @return samples, 0: refused and counted */
static size_t packet_decode(struct leg *leg, const struct leg_tools *tools, const struct jbuf_packet *p, int16_t *pcm)
{
    int n = leg->cfg.codec->decode(leg->decoder, tools->simd, p->payload, p->bytes, pcm);
    if (n < 0) {
        leg_drop(leg, DROP_DECODE);
        return 0;
    }
    decoded_count(leg, tools);
    return (size_t)n;
}

/* The sender said that it is silent: nothing is missing. */
static void pause_begin(struct leg *leg)
{
    leg->paused = true;
    leg->stats.pauses++;
    if (!leg->cfg.codec->conceal) {
        plc_pause(&leg->plc);
    }
}

/* Makes up n samples. */
static void conceal(struct leg *leg, const struct leg_tools *tools, int16_t *pcm, size_t n)
{
    const struct codec *codec = leg->cfg.codec;
    if (leg->paused) {
        memset(pcm, 0, n * sizeof *pcm);
        return;
    }
    leg->made_up = true;
    leg->stats.concealed++;
    count_add(&tools->stats->concealed, 1);
    if (!codec->conceal) {
        leg->paused = !plc_conceal(&leg->plc, pcm, n);
        return;
    }
    const struct jbuf_packet *next = jbuf_peek(&leg->jbuf);
    int made = codec->conceal(leg->decoder, next ? next->payload : NULL, next ? next->bytes : 0, pcm, n);
    size_t n_made = made > 0 ? MIN((size_t)made, n) : 0;
    memset(pcm + n_made, 0, (n - n_made) * sizeof *pcm);
    leg->paused = leg->jbuf.credit > FADE_TICKS;
}

static void fifo_add(struct leg *leg, const int16_t *pcm, size_t n)
{
    size_t room = FIFO_FRAMES * rate_frame_samples(leg->cfg.fmt.rate_hz) - leg->n_fifo;
    size_t kept = MIN(n, room);
    memcpy(leg->fifo + leg->n_fifo, pcm, kept * sizeof *pcm);
    leg->n_fifo += (uint32_t)kept;
}

/* The longest a lost packet may stand for: two would be a pause. */
static size_t lost_samples(const struct leg *leg, size_t frame)
{
    size_t n = (size_t)leg->jbuf.packet_ts * frame / leg->frame_ts;
    n = (n + 15) / 16 * 16; /* libopus conceals in steps of 2.5 ms */
    return CLAMP(n, frame / 8, 6 * frame);
}

/* One step of what the jitter buffer says. @return false: nothing more to get in this tick */
static bool fifo_fill(struct leg *leg, const struct leg_tools *tools, size_t frame)
{
    struct jbuf_packet p;
    size_t n = 0;
    switch (jbuf_get(&leg->jbuf, &p)) {
    case JBUF_EMPTY:
        n = frame - leg->n_fifo;
        conceal(leg, tools, tools->scratch, n);
        fifo_add(leg, tools->scratch, n);
        return false;
    case JBUF_LOST:
        n = lost_samples(leg, frame);
        conceal(leg, tools, tools->scratch, n);
        break;
    case JBUF_PACKET:
        if (p.bytes) {
            leg->paused = false;
            n = packet_decode(leg, tools, &p, tools->scratch);
        } else {
            pause_begin(leg);
        }
        jbuf_done(&leg->jbuf, &p);
        break;
    }
    fifo_add(leg, tools->scratch, n);
    return true;
}

static void gain_apply(struct leg *leg, const struct simd *simd, size_t n)
{
    int32_t from = leg->gain_q12, to = leg->gain_set_q12;
    if (from == GAIN_UNITY_Q12 && to == GAIN_UNITY_Q12) {
        return;
    }
    leg->gain_q12 = to;
    if (from < GAIN_UNITY_Q12 && to < GAIN_UNITY_Q12) {
        simd->gain_ramp(leg->row, n, from << 19, (int32_t)((int64_t)(to - from) * (1 << 19) / (int64_t)n));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int32_t gain = from + (to - from) * (int32_t)i / (int32_t)n;
        int32_t y = (leg->row[i] * gain + GAIN_UNITY_Q12 / 2) >> 12;
        leg->row[i] = (int16_t)CLAMP(y, -32768, 32767);
    }
}

/* A stream begins when it can fill a tick: half of one, then a made-up half, would be a click. */
static bool still_starting(struct leg *leg)
{
    const struct jbuf_packet *head = leg->starting ? jbuf_peek(&leg->jbuf) : NULL;
    if (head) {
        leg->starting = head->duration_ts && head->duration_ts * leg->jbuf.n_held < leg->frame_ts;
    }
    return leg->starting;
}

/* The usual case: one packet is one tick. */
static bool is_direct(const struct leg *leg)
{
    const struct jbuf_packet *head = jbuf_peek(&leg->jbuf);
    return !leg->n_fifo && head && head->duration_ts == leg->frame_ts && !leg->jbuf.surplus_ts;
}

static void row_fill(struct leg *leg, size_t n, size_t frame)
{
    if (n < frame) {
        memset(leg->row + n, 0, (frame - n) * sizeof *leg->row);
    }
}

/* Without a detour. */
static void frame_direct(struct leg *leg, const struct leg_tools *tools, size_t frame)
{
    struct jbuf_packet p;
    must(jbuf_get(&leg->jbuf, &p) == JBUF_PACKET);
    leg->paused = false;
    row_fill(leg, packet_decode(leg, tools, &p, leg->row), frame);
    jbuf_done(&leg->jbuf, &p);
}

/* The same, but the decode waits for company. */
static void frame_wait(struct leg *leg, const struct leg_tools *tools)
{
    struct decode_lanes *d = &tools->lanes->decode;
    codec_decode_many_fn run = leg->cfg.codec->decode_many;
    size_t bytes = jbuf_peek(&leg->jbuf)->bytes;
    if (d->n && (d->run != run || d->bytes != bytes)) {
        legs_decode(tools);
    }
    struct decode_job *job = &d->jobs[d->n];
    must(jbuf_get(&leg->jbuf, &job->packet) == JBUF_PACKET);
    leg->paused = false;
    job->leg = leg;
    d->run = run;
    d->bytes = bytes;
    d->decoders[d->n] = leg->decoder;
    d->payloads[d->n] = job->packet.payload;
    d->rows[d->n] = leg->row;
    if (++d->n == tools->lanes->max) {
        legs_decode(tools);
    }
}

/* The long way: packets of any length through the fifo; more than a tick of audio while the delay comes down. */
static void frame_gather(struct leg *leg, const struct leg_tools *tools, size_t frame)
{
    size_t extra = (size_t)jbuf_blend_due(&leg->jbuf) * frame / leg->frame_ts;
    while (leg->n_fifo < frame && fifo_fill(leg, tools, frame)) {
    }
    while (extra && leg->n_fifo < frame + extra && jbuf_peek(&leg->jbuf)) {
        fifo_fill(leg, tools, frame);
    }
    size_t used = frame;
    memcpy(leg->row, leg->fifo, frame * sizeof *leg->row);
    if (extra && leg->n_fifo >= frame + extra) {
        const int16_t *ahead = leg->fifo + extra;
        for (size_t i = 0; i < frame; i++) {
            int32_t mixed = leg->row[i] * (int32_t)(frame - i) + ahead[i] * (int32_t)i;
            leg->row[i] = (int16_t)(mixed / (int32_t)frame);
        }
        used += extra;
        count_add(&tools->stats->blended, 1);
    }
    leg->n_fifo -= (uint32_t)used;
    memmove(leg->fifo, leg->fifo + used, leg->n_fifo * sizeof *leg->fifo);
}

/* Level of the row, for the choice of talkers; a pause needs no look. */
static void row_measure(struct leg *leg, const struct simd *simd, size_t frame, bool pause)
{
    uint64_t squares = 0;
    leg->peak = 0;
    if (!pause) {
        gain_apply(leg, simd, frame);
        leg->peak = simd->level(leg->row, frame, &squares);
    }
    leg->level_dbov = leg->peak ? level_dbov(squares, frame) : LEVEL_SILENT;
    leg->stats.level_dbov = leg->level_dbov;
    leg->audible = leg->peak && !leg->muted;
}

/* The row is there: concealment remembers it, its level is taken. */
static void frame_end(struct leg *leg, const struct leg_tools *tools, size_t frame, bool pause)
{
    if (!leg->cfg.codec->conceal && !leg->made_up && !pause) {
        plc_good(&leg->plc, leg->row, frame);
    }
    row_measure(leg, tools->simd, frame, pause);
}

void leg_frame(struct leg *leg, const struct leg_tools *tools)
{
    size_t frame = rate_frame_samples(leg->cfg.fmt.rate_hz);
    bool paused_before = leg->paused && !leg->n_fifo;
    leg->made_up = false;
    if (still_starting(leg)) {
        leg->peak = 0;
        leg->level_dbov = LEVEL_SILENT;
        leg->audible = false;
        return;
    }
    if (leg->surplus_due) {
        leg->surplus_due = false;
        jbuf_surplus(&leg->jbuf);
    }
    if (!is_direct(leg)) {
        frame_gather(leg, tools, frame);
    } else if (tools->lanes && leg->cfg.codec->decode_many) {
        frame_wait(leg, tools);
        return;
    } else {
        frame_direct(leg, tools, frame);
    }
    frame_end(leg, tools, frame, paused_before && leg->paused);
}

void legs_decode(const struct leg_tools *tools)
{
    struct decode_lanes *d = tools->lanes ? &tools->lanes->decode : NULL;
    if (!d || !d->n) {
        return;
    }
    size_t n_samples = (size_t)d->run(d->decoders, tools->simd, d->payloads, d->bytes, d->rows, d->n);
    for (uint32_t i = 0; i < d->n; i++) {
        struct leg *leg = d->jobs[i].leg;
        size_t frame = rate_frame_samples(leg->cfg.fmt.rate_hz);
        must(n_samples <= frame);
        decoded_count(leg, tools);
        jbuf_done(&leg->jbuf, &d->jobs[i].packet);
        row_fill(leg, n_samples, frame);
        frame_end(leg, tools, frame, false); /* there was a packet: no pause */
    }
    d->n = 0;
}

void leg_settle(struct leg *leg)
{
    struct jbuf *j = &leg->jbuf;
    uint32_t fifo_ts = leg_fifo_ts(leg);
    jbuf_tick(j, fifo_ts);
    if (j->n_held) {
        leg->stats.drops[DROP_POOL] += jbuf_settle(j);
    }
    leg->stats.delay_ms_now = (jbuf_backlog_ts(j) + fifo_ts) * TICK_MS / leg->frame_ts;
    leg->stats.delay_ms_max = MAX(leg->stats.delay_ms_max, leg->stats.delay_ms_now);
    if (leg->cfg.quiet_s && leg->rx_on && ++leg->quiet_ticks == leg->cfg.quiet_s * (1000u / TICK_MS)) {
        leg->news.quiet = true;
    }
}

void leg_skip(struct leg *leg, unsigned ticks)
{
    leg->stats.drops[DROP_SKIPPED] += jbuf_skip(&leg->jbuf, ticks);
    leg->ts += ticks * leg->frame_ts;
}

void leg_tell_drops(struct leg *leg, struct worker_stats *sums)
{
    for (unsigned d = DROP_NONE + 1; d < DROPS; d++) {
        if (leg->stats.drops[d] != leg->drops_told[d]) {
            count_add(&sums->drops[d], leg->stats.drops[d] - leg->drops_told[d]);
            leg->drops_told[d] = leg->stats.drops[d];
        }
    }
}
