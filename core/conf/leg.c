/* A leg is built, lent and freed: the cold half. The beat's half is leg_rx.c, leg_frame.c and leg_tx.c. */
#include "core/conf/kit.h"
#include "core/conf/leg_run.h"
#include "core/conf/ptt.h"

#include "core/base/mem.h"

#include <errno.h>
#include <string.h>

/* One allocation holds everything; its parts are line-aligned. A first pass with base NULL adds up the size. */
struct carve {
    uint8_t *base;
    size_t at;
};

static void *carve_take(struct carve *c, size_t bytes)
{
    void *p = c->base ? c->base + c->at : NULL;
    c->at += (bytes + LINE_BYTES - 1) & ~(size_t)(LINE_BYTES - 1);
    return p;
}

static void leg_carve(struct leg *leg, const struct leg_cfg *cfg, uint8_t packet_ticks, struct carve *c)
{
    size_t parts_bytes = cfg->ptt.is_bare ? 0 : leg_parts_place(NULL, cfg->codec, cfg->fmt.rate_hz, NULL);
    uint8_t *parts = carve_take(c, parts_bytes);
    uint8_t *gathered = carve_take(c, packet_ticks > 1 ? RTP_PAYLOAD_MAX : 0);
    struct leg_ptt *ptt = carve_take(c, cfg->ptt.is_on ? sizeof *ptt : 0);
    if (!leg) {
        return;
    }
    leg->gathered = gathered;
    leg->ptt = cfg->ptt.is_on ? ptt : NULL;
    if (!cfg->ptt.is_bare) {
        leg_parts_place(leg, cfg->codec, cfg->fmt.rate_hz, parts);
    }
}

/* Ticks per packet: 0 means two packets a tick (10 ms). */
static int packet_ticks_for(const struct leg_cfg *cfg, uint8_t *ticks)
{
    unsigned ptime_ms = cfg->ptime_tx_ms ? cfg->ptime_tx_ms : TICK_MS;
    bool linear = cfg->codec->id == CODEC_L16;
    size_t tick_bytes = rate_frame_samples(cfg->fmt.rate_hz) * (linear ? 2 : 1);
    size_t room = RTP_PAYLOAD_MAX - cfg->seal.mki_tx.bytes;
    if (linear && tick_bytes > room) {
        ptime_ms = 10; /* 20 ms of 48 kHz do not fit an Ethernet frame */
    }
    if (cfg->codec->id == CODEC_OPUS) {
        ptime_ms = TICK_MS;
    }
    if (ptime_ms != 10 && ptime_ms != 20 && ptime_ms != 40 && ptime_ms != 60) {
        return -EINVAL;
    }
    *ticks = (uint8_t)(ptime_ms / TICK_MS);
    while (*ticks > 1 && *ticks * tick_bytes > room) {
        --*ticks;
    }
    return 0;
}

int leg_equip(struct leg *leg)
{
    const struct codec *codec = leg->cfg.codec;
    if (!codec->has_state || leg->enc.held || leg->cfg.ptt.is_bare) {
        return 0;
    }
    struct encoder *encoder = mem_get(sizeof *encoder + codec->encoder_size());
    if (!encoder) {
        return -ENOMEM;
    }
    int err = codec->encoder_init(encoder->state, &leg->cfg.fmt);
    if (err) {
        encoder_free(encoder);
        return err;
    }
    leg->enc.held = encoder;
    return 0;
}

void encoder_free(struct encoder *encoder)
{
    mem_put(encoder);
}

/* A bare leg's decoder and encoder are made on a worker, where nothing may fail. */
static int settings_try(const struct leg_cfg *cfg)
{
    const struct codec *codec = cfg->codec;
    size_t n_decoder = codec->decoder_size ? codec->decoder_size() : 0;
    size_t n_encoder = codec->has_state ? codec->encoder_size() : 0;
    void *state = mem_get(MAX(MAX(n_decoder, n_encoder), 1u));
    int err = !state ? -ENOMEM : codec->decoder_init(state, &cfg->fmt);
    err = err || !codec->has_state ? err : codec->encoder_init(state, &cfg->fmt);
    mem_put(state);
    return err;
}

int leg_build(struct leg **out, const struct leg_cfg *cfg)
{
    if (!cfg->codec || (cfg->fmt.rate_hz != 8000 && cfg->fmt.rate_hz != 16000 && cfg->fmt.rate_hz != 48000)) {
        return -EINVAL;
    }
    if (cfg->clip && (clip_rate_hz(cfg->clip) != cfg->fmt.rate_hz || cfg->rtp_fd >= 0 || cfg->tx_on)) {
        return -EINVAL;
    }
    if (cfg->ptt.is_bare && !cfg->ptt.is_on) {
        return -EINVAL;
    }
    uint8_t packet_ticks;
    int err = packet_ticks_for(cfg, &packet_ticks);
    if (err) {
        return err;
    }
    struct carve sum = {0};
    carve_take(&sum, sizeof(struct leg));
    leg_carve(NULL, cfg, packet_ticks, &sum);
    /* Never a multiple of the page: rows of many legs would share a few sets of the cache. */
    size_t bytes = sum.at % 4096 < LINE_BYTES ? sum.at + LINE_BYTES : sum.at;
    struct carve take = {.base = mem_get(bytes)};
    if (!take.base) {
        return -ENOMEM;
    }
    struct leg *leg = carve_take(&take, sizeof *leg);
    leg_carve(leg, cfg, packet_ticks, &take);
    leg->cfg = *cfg;
    leg->cfg.seal = (struct seal_keys){0}; /* kept in one place, and overwritten there */
    err = cfg->ptt.is_bare ? settings_try(cfg) : cfg->codec->decoder_init(leg->rx.decoder, &cfg->fmt);
    if (!err) {
        err = leg_equip(leg);
    }
    if (!err && cfg->seal.suite != SEAL_NONE) {
        err = seal_build(&leg->seal, &cfg->seal, cfg->ssrc);
    }
    if (err) {
        leg_free(leg);
        return err;
    }
    leg->rx.on = cfg->rx_on;
    leg->tx.on = leg->tx.is_set = cfg->tx_on;
    leg->rx.muted = cfg->muted;
    leg->tx.marker = true;
    leg->tx.packet_ticks = packet_ticks;
    leg->plays = cfg->clip;
    leg->play = (struct clip_play){.clip = cfg->clip, .times = cfg->clip_times};
    leg->i_rate = (uint8_t)rate_index(cfg->fmt.rate_hz);
    leg->tx.seq = cfg->seq0;
    leg->tx.ts = cfg->ts0;
    leg->frame_ts = codec_clock_hz(cfg->codec, &cfg->fmt) / 1000 * TICK_MS;
    leg->rx.gain_q12 = leg->rx.gain_set_q12 = GAIN_UNITY_Q12;
    leg->talk.level_dbov = leg->talk.score_dbov = leg->stats.level_dbov = LEVEL_SILENT;
    count_set(&leg->view.level_dbov, LEVEL_SILENT);
    leg->rtcp.draw = cfg->ssrc | 1;
    jbuf_init(&leg->jbuf, leg->frame_ts, leg->frame_ts / TICK_MS * JBUF_DEPTH_MAX_MS);
    if (leg->ptt) {
        leg->ptt->leg = leg;
        ptt_remote_set(leg, &cfg->ptt.remote);
    }
    *out = leg;
    return 0;
}

void leg_free(struct leg *leg)
{
    if (leg) {
        encoder_free(leg->enc.held);
        seal_free(leg->seal);
    }
    mem_put(leg);
}

void leg_set_annex_source(struct leg *leg, struct relay *annex_source)
{
    leg->cfg.annex_source = annex_source;
}

const struct leg_cfg *leg_cfg_of(const struct leg *leg)
{
    return &leg->cfg;
}

const struct leg_stats *leg_stats_of(const struct leg *leg)
{
    return &leg->stats;
}

static struct source_hosts hosts_of(const struct leg_cfg *cfg)
{
    return (struct source_hosts){.said = cfg->remote_rtp, .latch = cfg->latch_host, .alias = cfg->alias_host};
}

void leg_attach(struct leg *leg, struct pool *pool, uint32_t slot_rtp, uint32_t slot_rtcp, uint64_t now_ns)
{
    leg->slot_rtp = slot_rtp;
    leg->slot_rtcp = slot_rtcp;
    leg->beat_index = slot_rtp / 2;
    leg->talk.probe_ticks = (uint8_t)leg->beat_index;
    if (!leg->rtcp_due_ns) {
        leg->rtcp_due_ns = now_ns + NS_PER_S; /* RFC 3550 6.2: the first report after half the interval or less */
        leg->began_ns = now_ns;
        struct source_hosts hosts = hosts_of(&leg->cfg);
        source_begin(&leg->from, &hosts, leg->cfg.is_shut, leg->cfg.no_grace ? 0 : SOURCE_GRACE_SUM_MS,
                     (uint32_t)(now_ns / NS_PER_MS));
    }
    jbuf_attach(&leg->jbuf, pool);
}

void leg_detach(struct leg *leg)
{
    leg->stats.drops[DROP_SKIPPED] += jbuf_reset(&leg->jbuf);
    leg->stats.rx_lost = rtp_source_lost(&leg->rx.source);
    leg->stats.rx_jitter_ts = leg->rx.source.jitter_q4 >> 4;
}

void leg_remote_set(struct leg *leg, const struct source_hosts *hosts, const struct addr *rtcp, uint64_t now_ns)
{
    struct addr at = leg->from.at;
    source_say(&leg->from, hosts, (uint32_t)(now_ns / NS_PER_MS));
    leg->cfg.remote_rtcp = *rtcp;
    leg->moved |= !addr_same(&at, &leg->from.at);
    leg->watch.unheard_looks = 0;
    leg->notify.unheard = false;
}

void leg_take_over(struct leg *leg, struct leg *old, uint64_t now_ns)
{
    struct source_hosts hosts = hosts_of(&leg->cfg);
    struct addr rtcp = leg->cfg.remote_rtcp;
    leg_attach(leg, old->jbuf.pool, old->slot_rtp, old->slot_rtcp, now_ns);
    leg->rtcp_due_ns = old->rtcp_due_ns;
    leg->began_ns = old->began_ns;
    if (seal_take_over(leg->seal, old->seal)) {
        leg->cfg.ssrc = old->cfg.ssrc;
        leg->tx.seq = old->tx.seq;
        leg->tx.ts = old->tx.ts;
    }
    leg->annex.synced = old->annex.synced;
    leg->annex.next = old->annex.next;
    leg->tx.octets = old->tx.octets;
    leg->rx.source = old->rx.source;
    leg->refused_ssrc = old->refused_ssrc;
    leg->notify.ssrc = old->notify.ssrc;
    leg->rx.event_ticks = old->rx.event_ticks;
    leg->dtmf = old->dtmf; /* the end of a key that was told is not another one */
    leg->pending = old->pending;
    leg->pending.codec = false;
    memcpy(leg->notify.digits, old->notify.digits, sizeof leg->notify.digits);
    leg->annex.silent = old->annex.silent;
    leg->annex.silent_periods = old->annex.silent_periods;
    leg->stats = old->stats;
    memcpy(leg->watch.drops_counted, old->watch.drops_counted, sizeof leg->watch.drops_counted);
    leg->rtcp.clean_reports = old->rtcp.clean_reports;
    leg->rtcp.reported = old->rtcp.reported;
    leg->tx.deaf = old->tx.deaf;
    leg->rx.gain_q12 = old->rx.gain_q12;
    leg->rx.gain_set_q12 = old->rx.gain_set_q12;
    leg->socket = old->socket;
    leg->moved = old->moved;
    leg->notify.error = old->notify.error;
    leg->pending.failed = old->pending.failed;
    leg->from = old->from;
    leg->watch.rx_seen = old->watch.rx_seen;
    leg->watch.drops_seen = old->watch.drops_seen;
    leg_remote_set(leg, &hosts, &rtcp, now_ns);
    leg->notify.unheard = old->notify.unheard;
}

bool leg_same_group(const struct leg *a, const struct leg *b)
{
    return a->cfg.codec == b->cfg.codec && a->i_rate == b->i_rate && a->tx.deaf == b->tx.deaf &&
           a->cfg.annex_source == b->cfg.annex_source &&
           (!a->cfg.codec->has_state || codec_same_encoder(&a->cfg.fmt, &b->cfg.fmt));
}
