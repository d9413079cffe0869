/*
 * A leg's way towards the mixer, its second half: each tick one frame of PCM comes out of what leg_rx.c has buffered.
 * Worker, hot.
 */
#include "core/conf/leg_run.h"

#include <string.h>

enum {
    FADE_TICKS = 3,    /* concealed in a row before a codec's own concealment is trusted to be silent */
    IDLE_TICKS = 5,    /* so long without voice: what was measured last is the noise around it */
    PROBE_TICKS = 256, /* that is measured again every 5 s */
    PROBE_WARM = 1,    /* packets, for a look at what has no voice */
    EVENT_TICKS = 10,  /* no packet of a telephone-event for three times 60 ms: its end is lost */
    LIE_TICKS = 10     /* a header that claims too much for so long is wrong */
};

static void decoded_count(struct leg *leg, const struct leg_tools *tools)
{
    leg->stats.decoded++;
    count_add(&tools->stats->decoded, 1);
}

/* Decodes a packet into pcm (room for the longest). @return samples, 0: refused and counted */
static size_t packet_decode(struct leg *leg, const struct leg_tools *tools, const struct jbuf_packet *p, int16_t *pcm)
{
    int n = leg->cfg.codec->decode(leg->rx.decoder, tools->simd, p->payload, p->bytes, pcm);
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
    leg->rx.stream = STREAM_PAUSES;
    leg->stats.pauses++;
    if (!leg->cfg.codec->conceal) {
        plc_pause(&leg->rx.plc);
    }
}

/* Makes up n samples. */
static void conceal(struct leg *leg, const struct leg_tools *tools, int16_t *pcm, size_t n)
{
    const struct codec *codec = leg->cfg.codec;
    if (leg->rx.stream != STREAM_RUNS) {
        memset(pcm, 0, n * sizeof *pcm);
        return;
    }
    leg->rx.made_up = true;
    leg->stats.concealed++;
    count_add(&tools->stats->concealed, 1);
    if (!codec->conceal) {
        leg->rx.stream = plc_conceal(&leg->rx.plc, pcm, n) ? STREAM_RUNS : STREAM_PAUSES;
        return;
    }
    const struct jbuf_packet *next = jbuf_peek(&leg->jbuf);
    int made = codec->conceal(leg->rx.decoder, next ? next->payload : NULL, next ? next->bytes : 0, pcm, n);
    size_t n_made = made > 0 ? MIN((size_t)made, n) : 0;
    memset(pcm + n_made, 0, (n - n_made) * sizeof *pcm);
    leg->rx.stream = leg->jbuf.credit > FADE_TICKS ? STREAM_PAUSES : STREAM_RUNS;
}

static void fifo_add(struct leg *leg, const int16_t *pcm, size_t n)
{
    size_t room = FIFO_FRAMES * rate_frame_samples(leg->cfg.fmt.rate_hz) - leg->rx.n_fifo;
    size_t kept = MIN(n, room);
    memcpy(leg->fifo + leg->rx.n_fifo, pcm, kept * sizeof *pcm);
    leg->rx.n_fifo += (uint32_t)kept;
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
        n = frame - leg->rx.n_fifo;
        conceal(leg, tools, tools->scratch, n);
        fifo_add(leg, tools->scratch, n);
        return false;
    case JBUF_LOST:
        n = lost_samples(leg, frame);
        conceal(leg, tools, tools->scratch, n);
        break;
    case JBUF_PACKET:
        if (p.bytes) {
            leg->rx.stream = STREAM_RUNS;
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
    int32_t from = leg->rx.gain_q12, to = leg->rx.gain_set_q12;
    if (from == GAIN_UNITY_Q12 && to == GAIN_UNITY_Q12) {
        return;
    }
    leg->rx.gain_q12 = to;
    if (from < GAIN_UNITY_Q12 && to < GAIN_UNITY_Q12) {
        simd->gain_ramp(leg->rx.row, n, from << 19, (int32_t)((int64_t)(to - from) * (1 << 19) / (int64_t)n));
        return;
    }
    for (size_t i = 0; i < n; i++) {
        int32_t gain = from + (to - from) * (int32_t)i / (int32_t)n;
        int32_t y = (leg->rx.row[i] * gain + GAIN_UNITY_Q12 / 2) >> 12;
        leg->rx.row[i] = (int16_t)CLAMP(y, -32768, 32767);
    }
}

/* A stream begins when it can fill a tick: half of one, then a made-up half, would be a click. */
static bool still_starting(struct leg *leg)
{
    if (leg->rx.stream != STREAM_STARTS) {
        return false;
    }
    const struct jbuf_packet *head = jbuf_peek(&leg->jbuf);
    if (!head || (head->duration_ts && head->duration_ts * leg->jbuf.n_held < leg->frame_ts)) {
        return true;
    }
    leg->rx.stream = STREAM_PAUSES; /* until the packet is taken */
    return false;
}

/* The usual case: one packet is one tick. */
static bool is_direct(const struct leg *leg)
{
    const struct jbuf_packet *head = jbuf_peek(&leg->jbuf);
    return !leg->rx.n_fifo && head && head->duration_ts == leg->frame_ts && !leg->jbuf.surplus_ts;
}

static void row_fill(struct leg *leg, size_t n, size_t frame)
{
    if (n < frame) {
        memset(leg->rx.row + n, 0, (frame - n) * sizeof *leg->rx.row);
    }
}

/* Without a detour. */
static void frame_direct(struct leg *leg, const struct leg_tools *tools, size_t frame)
{
    struct jbuf_packet p;
    must(jbuf_get(&leg->jbuf, &p) == JBUF_PACKET);
    leg->rx.stream = STREAM_RUNS;
    row_fill(leg, packet_decode(leg, tools, &p, leg->rx.row), frame);
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
    leg->rx.stream = STREAM_RUNS;
    job->leg = leg;
    d->run = run;
    d->bytes = bytes;
    d->decoders[d->n] = leg->rx.decoder;
    d->payloads[d->n] = job->packet.payload;
    d->rows[d->n] = leg->rx.row;
    if (++d->n == tools->lanes->max) {
        legs_decode(tools);
    }
}

/* The long way: packets of any length through the fifo; more than a tick of audio while the delay comes down. */
static void frame_gather(struct leg *leg, const struct leg_tools *tools, size_t frame)
{
    size_t extra = (size_t)jbuf_blend_due(&leg->jbuf) * frame / leg->frame_ts;
    while (leg->rx.n_fifo < frame && fifo_fill(leg, tools, frame)) {
    }
    while (extra && leg->rx.n_fifo < frame + extra && jbuf_peek(&leg->jbuf)) {
        fifo_fill(leg, tools, frame);
    }
    size_t used = frame;
    memcpy(leg->rx.row, leg->fifo, frame * sizeof *leg->rx.row);
    if (extra && leg->rx.n_fifo >= frame + extra) {
        const int16_t *ahead = leg->fifo + extra;
        for (size_t i = 0; i < frame; i++) {
            int32_t mixed = leg->rx.row[i] * (int32_t)(frame - i) + ahead[i] * (int32_t)i;
            leg->rx.row[i] = (int16_t)(mixed / (int32_t)frame);
        }
        used += extra;
        count_add(&tools->stats->blended, 1);
    }
    leg->rx.n_fifo -= (uint32_t)used;
    memmove(leg->fifo, leg->fifo + used, leg->rx.n_fifo * sizeof *leg->fifo);
}

/* Decodes the kept packets first to end-1 for the decoder's state alone. */
static void decoder_warm(struct leg *leg, const struct leg_tools *tools, unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++) {
        const struct jbuf_packet *p = &leg->jbuf.past[i];
        leg->cfg.codec->decode(leg->rx.decoder, tools->simd, p->payload, p->bytes, tools->scratch);
        count_add(&tools->stats->warmed, 1);
    }
}

/*
 * Can this tick's packet be left undecoded, unless its level wins it a place? Not where all are heard or its own level
 * would be changed; and only the usual case, a packet a tick. A gap changes nothing.
 */
static bool may_pass(struct leg *leg, const struct leg_tools *tools, bool passed_before)
{
    const struct codec *codec = leg->cfg.codec;
    const struct jbuf *j = &leg->jbuf;
    const struct jbuf_packet *head = jbuf_peek(j);
    if (!tools->lazy || !codec->is_idle || leg->talk.place == PLACE_FREE || leg->talk.place == PLACE_OWN) {
        return false;
    }
    struct leg_talk *talk = &leg->talk;
    bool own_level = leg->rx.gain_q12 == GAIN_UNITY_Q12 && leg->rx.gain_set_q12 == GAIN_UNITY_Q12;
    talk->claim_dbov = head && own_level && !talk->claims_void ? head->claim_dbov : LEVEL_UNKNOWN;
    if (leg->rx.muted) {
        talk->idle_ticks = 0; /* nothing measured meanwhile would be of use afterwards */
    } else if (head && talk->claim_dbov == LEVEL_UNKNOWN) {
        bool idle = head->bytes && codec->is_idle(head->payload, head->bytes);
        talk->idle_ticks = idle ? (uint8_t)MIN(talk->idle_ticks + 1, IDLE_TICKS) : 0;
    }
    bool plain = !leg->rx.n_fifo && j->packet_ts == leg->frame_ts && (!head || head->duration_ts == leg->frame_ts);
    if (!plain || talk->place == PLACE_IN || !(own_level || leg->rx.muted)) {
        return false;
    }
    if (!head) {
        return passed_before;
    }
    bool probe = ++talk->probe_ticks % PROBE_TICKS == 0;
    return leg->rx.muted || talk->claim_dbov != LEVEL_UNKNOWN || (talk->idle_ticks == IDLE_TICKS && !probe);
}

/* Takes a packet without decoding it. @return false: there is none */
static bool packet_pass(struct leg *leg)
{
    struct jbuf_packet p;
    if (jbuf_get(&leg->jbuf, &p) != JBUF_PACKET) {
        return false;
    }
    jbuf_keep(&leg->jbuf, &p);
    leg->talk.n_passed++;
    leg->rx.stream = STREAM_RUNS;
    return true;
}

/* Takes this tick's packet without a decode. Delay comes down at once: it is not heard. */
static void frame_pass(struct leg *leg)
{
    struct leg_talk *talk = &leg->talk;
    bool any = packet_pass(leg);
    const struct jbuf_packet *next = jbuf_peek(&leg->jbuf);
    bool surplus = leg->jbuf.surplus_ts >= leg->frame_ts && next && next->duration_ts == leg->frame_ts;
    if (any && surplus && jbuf_blend_due(&leg->jbuf)) {
        packet_pass(leg);
    }
    leg->rx.peak = 0;
    talk->level_dbov = talk->claim_dbov != LEVEL_UNKNOWN ? talk->claim_dbov : talk->level_dbov;
    leg->stats.level_dbov = talk->level_dbov;
    talk->voice = any && !leg->rx.muted && talk->level_dbov < LEVEL_SILENT ? VOICE_CLAIMED : VOICE_PASSED;
}

/* Level of the row, for the choice of talkers; a pause needs no look. */
static void row_measure(struct leg *leg, const struct simd *simd, size_t frame, bool pause)
{
    uint64_t squares = 0;
    leg->rx.peak = 0;
    if (!pause) {
        gain_apply(leg, simd, frame);
        leg->rx.peak = simd->level(leg->rx.row, frame, &squares);
        leg->rx.peak = leg->rx.peak > leg->cfg.codec->rest_peak ? leg->rx.peak : 0;
    }
    leg->talk.level_dbov = leg->rx.peak ? level_dbov(squares, frame) : LEVEL_SILENT;
    leg->stats.level_dbov = leg->talk.level_dbov;
    leg->talk.voice = leg->rx.peak && !leg->rx.muted ? VOICE_SOUNDS : VOICE_NONE;
}

/* The row is there: concealment remembers it, its level is taken. */
static void frame_end(struct leg *leg, const struct leg_tools *tools, size_t frame, bool pause)
{
    if (!leg->cfg.codec->conceal && !leg->rx.made_up && !pause) {
        plc_good(&leg->rx.plc, leg->rx.row, frame);
    }
    row_measure(leg, tools->simd, frame, pause);
}

/* Without a stream. */
static void frame_play(struct leg *leg, const struct leg_tools *tools, size_t frame)
{
    bool was_over = leg->play.is_over;
    size_t n = clip_run(&leg->play, leg->rx.row, frame);
    row_fill(leg, n, frame);
    row_measure(leg, tools->simd, frame, n == 0);
    leg->pending.played |= leg->play.is_over && !was_over;
}

/*
 * Ignores the levels of a sender whose header goes on claiming what is not there. A header that claims silence while
 * there is sound is not caught, since its packets are not decoded: the sender is not heard.
 */
static void claim_check(struct leg *leg, const struct leg_tools *tools)
{
    struct leg_talk *talk = &leg->talk;
    bool lie = talk->claim_dbov != LEVEL_UNKNOWN && talk->level_dbov > talk->claim_dbov + CLAIM_OVER_DB;
    talk->lie_ticks = lie ? talk->lie_ticks + 1 : 0;
    if (talk->lie_ticks == LIE_TICKS) {
        talk->claims_void = true;
        count_add(&tools->stats->level_lies, 1);
    }
}

void leg_hear(struct leg *leg, const struct leg_tools *tools)
{
    size_t frame = rate_frame_samples(leg->cfg.fmt.rate_hz);
    struct jbuf *j = &leg->jbuf;
    must(leg->talk.voice == VOICE_CLAIMED); /* it has kept its row */
    if (!j->n_past) {                       /* the pool was dry */
        leg->talk.voice = VOICE_NONE;
        return;
    }
    decoder_warm(leg, tools, 0, j->n_past - 1u);
    row_fill(leg, packet_decode(leg, tools, &j->past[j->n_past - 1], leg->rx.row), frame);
    jbuf_forget(j);
    leg->talk.n_passed--;
    frame_end(leg, tools, frame, false);
    claim_check(leg, tools);
}

void leg_frame_unheard(struct leg *leg)
{
    leg->rx.made_up = false;
    leg->rx.peak = 0;
    leg->talk.voice = VOICE_NONE;
    leg->talk.claim_dbov = LEVEL_UNKNOWN;
}

void leg_frame(struct leg *leg, const struct leg_tools *tools)
{
    size_t frame = rate_frame_samples(leg->cfg.fmt.rate_hz);
    bool paused_before = leg->rx.stream != STREAM_RUNS && !leg->rx.n_fifo;
    bool passed_before = leg->talk.voice == VOICE_PASSED || leg->talk.voice == VOICE_CLAIMED;
    leg->rx.made_up = false;
    leg->talk.voice = VOICE_NONE;
    leg->talk.claim_dbov = LEVEL_UNKNOWN;
    leg->rx.row = rows_take(tools->rows, leg->cfg.fmt.rate_hz);
    if (leg->plays) {
        frame_play(leg, tools, frame);
        return;
    }
    if (still_starting(leg)) {
        leg->rx.peak = 0;
        leg->talk.level_dbov = LEVEL_SILENT;
        return;
    }
    if (leg->phase.surplus_due) {
        leg->phase.surplus_due = false;
        jbuf_surplus(&leg->jbuf);
    }
    if (may_pass(leg, tools, passed_before)) {
        frame_pass(leg);
        return;
    }
    if (leg->jbuf.n_past) {
        unsigned n = leg->jbuf.n_past, n_warm = leg->talk.idle_ticks == IDLE_TICKS ? MIN(n, (unsigned)PROBE_WARM) : n;
        decoder_warm(leg, tools, n - n_warm, n);
        jbuf_forget(&leg->jbuf);
    }
    if (!is_direct(leg)) {
        frame_gather(leg, tools, frame);
    } else if (tools->lanes && leg->cfg.codec->decode_many) {
        frame_wait(leg, tools);
        return;
    } else {
        frame_direct(leg, tools, frame);
    }
    frame_end(leg, tools, frame, paused_before && leg->rx.stream != STREAM_RUNS);
    claim_check(leg, tools);
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

void leg_settle_unheard(struct leg *leg)
{
    leg->stats.drops[DROP_POOL] += jbuf_settle(&leg->jbuf);
}

void leg_settle(struct leg *leg)
{
    struct jbuf *j = &leg->jbuf;
    uint32_t fifo_ts = leg_fifo_ts(leg);
    jbuf_tick(j, fifo_ts);
    if (j->n_held || j->n_past) {
        leg->stats.drops[DROP_POOL] += jbuf_settle(j);
    }
    leg->stats.delay_ms_now = (jbuf_backlog_ts(j) + fifo_ts) * TICK_MS / leg->frame_ts;
    leg->stats.delay_ms_max = MAX(leg->stats.delay_ms_max, leg->stats.delay_ms_now);
    if (leg->rx.event_ticks && ++leg->rx.event_ticks > EVENT_TICKS) {
        leg_event_end(leg);
    }
}

void leg_skip(struct leg *leg, unsigned ticks)
{
    leg->stats.drops[DROP_SKIPPED] += jbuf_skip(&leg->jbuf, ticks);
    leg->tx.ts += leg->cfg.annex_source ? 0 : ticks * leg->frame_ts; /* its annex source sets the time */
}

void leg_count_drops(struct leg *leg, struct worker_stats *sums)
{
    for (unsigned d = DROP_NONE + 1; d < DROPS; d++) {
        if (leg->stats.drops[d] != leg->watch.drops_counted[d]) {
            count_add(&sums->drops[d], leg->stats.drops[d] - leg->watch.drops_counted[d]);
            leg->watch.drops_counted[d] = leg->stats.drops[d];
        }
    }
}
