/* The simulated world: phones, oracle, invariants. See sim.h. */
#include "tests/sim/sim.h"

#include "core/base/mem.h"
#include "core/media/rtp.h"
#include "tests/nomalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PHONES_MAX = 60,
    CONFS_MAX = 4,
    BITS = 14,        /* sum of 2^0..2^13 stays below the limiter's knee */
    SETTLE_MS = 1500, /* after a change: talker hold (300 ms) and whatever was concealed are over */
    DELAY_MAX_MS = 25,
    RECOVER_MS = 5000,
    VIOLATIONS_SHOWN = 12
};

enum kind { KIND_EXACT, KIND_CHURN, KIND_FAULTS, KIND_STALL, KIND_CODECS };

struct phone {
    struct world *world;
    unsigned index, i_conf, bit;
    uint32_t fd;
    bool joined, leaving, talking, muted, deaf;
    struct leg *leg;
    struct addr addr;
    struct leg_cfg cfg;
    unsigned ptime_ms;
    uint64_t send_ns; /* next packet leaves */
    uint16_t seq;
    uint32_t ts, ssrc;
    struct seal *seal; /* SRTP; NULL: plain RTP */
    /* what it hears */
    bool heard_any;
    uint64_t swapped_ns; /* packets may be of another length, or be missing (DTX), around then */
    uint16_t heard_seq;
    uint32_t heard_ts;
    uint64_t toggled_ns; /* its talking state changed on the wire */
    uint64_t n_heard, n_oracle;
};

struct world {
    const struct options *options;
    enum kind kind;
    struct chance chance;
    struct sim_io io;
    struct ctl ctl;
    struct worker_stats stats;
    struct engine *engine;
    struct conf *confs[CONFS_MAX];
    uint64_t changed_ns[CONFS_MAX]; /* last change of who hears whom */
    uint64_t n_made_up, made_up_ns; /* the engine concealed or blended: after a change of ptime, or of a phase */
    unsigned n_confs, n_phones, talkers;
    uint32_t rate_hz;
    struct phone phones[PHONES_MAX];
    struct faults faults;
    bool faults_on;
    uint64_t stall_from_ns, stall_until_ns; /* of the network */
    uint64_t now_ns, engine_ns;
    unsigned n_violations, n_gone_legs, n_gone_confs;
    uint64_t digest, delay_max_ns;
    bool measure_delay;
};

__attribute__((format(printf, 2, 3))) static void violated(struct world *w, const char *format, ...)
{
    if (w->n_violations++ < VIOLATIONS_SHOWN) {
        va_list args;
        va_start(args, format);
        printf("  %9.3f ms: ", (double)w->now_ns / 1e6);
        vprintf(format, args);
        printf("\n");
        va_end(args);
    }
}

static void digest_add(struct world *w, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        w->digest = (w->digest ^ p[i]) * 0x100000001B3ull; /* FNV-1a */
    }
}

/* ---- oracle ---- */

static bool sounds(const struct phone *p)
{
    return p->joined && !p->leaving && p->talking && !p->muted;
}

/* The set that p should hear: all who sound, or the loudest K of them (a higher bit is 6 dB louder), without itself. */
static uint32_t expected_set(const struct world *w, const struct phone *p)
{
    uint32_t set = 0;
    unsigned n = 0;
    for (int bit = BITS - 1; bit >= 0 && !p->deaf; bit--) {
        for (unsigned i = 0; i < w->n_phones; i++) {
            const struct phone *q = &w->phones[i];
            if (q->i_conf == p->i_conf && q->bit == (unsigned)bit && sounds(q) && (!w->talkers || n < w->talkers)) {
                n++;
                set |= q == p ? 0 : 1u << bit;
            }
        }
    }
    return set;
}

static void samples_check(struct world *w, struct phone *p, const uint8_t *payload, size_t bytes)
{
    bool settled = w->now_ns - w->changed_ns[p->i_conf] > SETTLE_MS * NS_PER_MS && !w->faults_on;
    uint32_t expected = expected_set(w, p);
    for (size_t i = 0; i + 1 < bytes; i += 2) {
        uint32_t set = load_be16(payload + i);
        /* Made-up audio of others may add up to anybody's bit. */
        bool pure = w->kind <= KIND_CHURN && w->now_ns > w->made_up_ns + NS_PER_S / 2;
        if (pure && (set & (1u << p->bit))) {
            violated(w, "phone %u hears itself: set %04x", p->index, set);
            return;
        }
        if (settled && set != expected) {
            violated(w, "phone %u (bit %u, conf %u) hears %04x instead of %04x", p->index, p->bit, p->i_conf, set,
                     expected);
            return;
        }
    }
    p->n_oracle += settled;
}

static void delay_measure(struct world *w, const uint8_t *payload, size_t bytes)
{
    /* Only phone 0 toggles while delay is measured: its bit appears or vanishes in what the others hear. */
    struct phone *talker = &w->phones[0];
    if (!w->measure_delay || !talker->toggled_ns || bytes < 2) {
        return;
    }
    uint32_t last = load_be16(payload + bytes - 2);
    bool on = last & (1u << talker->bit);
    if (on == talker->talking) {
        w->delay_max_ns = MAX(w->delay_max_ns, w->now_ns - talker->toggled_ns);
        talker->toggled_ns = 0;
    }
}

static void continuity_check(struct world *w, struct phone *p, const struct rtp *rtp, unsigned samples_ts)
{
    if (p->heard_any) {
        uint32_t step = rtp->ts - p->heard_ts;
        bool gap_allowed = w->kind == KIND_STALL || p->cfg.fmt.dtx;
        if (rtp->seq != (uint16_t)(p->heard_seq + 1)) {
            violated(w, "phone %u: sequence %u after %u", p->index, rtp->seq, p->heard_seq);
        }
        gap_allowed |= w->now_ns < p->swapped_ns + 3 * NS_PER_S;
        if (gap_allowed ? step == 0 || step > 3 * RATE_MAX_HZ : step != samples_ts) {
            violated(w, "phone %u: timestamp step %u instead of %u", p->index, step, samples_ts);
        }
    }
    p->heard_any = true;
    p->heard_seq = rtp->seq;
    p->heard_ts = rtp->ts;
    p->n_heard++;
}

static void heard(void *owner, bool rtcp, const struct addr *to, const uint8_t *wire, size_t bytes, uint64_t now_ns)
{
    struct phone *p = owner;
    struct world *w = p->world;
    struct rtp rtp;
    uint8_t buf[PACKET_STRIDE_BYTES] ALIGNED_LINE;
    digest_add(w, wire, bytes);
    memcpy(buf, wire, bytes);
    if (p->seal && seal_open_rtp(p->seal, buf, &bytes) != DROP_NONE) {
        violated(w, "phone %u got a packet that does not open", p->index);
        return;
    }
    uint64_t n_made_up = count_get(&w->stats.concealed) + count_get(&w->stats.blended);
    if (n_made_up != w->n_made_up) {
        w->n_made_up = n_made_up;
        w->made_up_ns = now_ns;
    }
    if (rtp_parse(buf, bytes, &rtp) != DROP_NONE) {
        violated(w, "phone %u got a malformed packet of %zu bytes", p->index, bytes);
        return;
    }
    if (rtp.pt != p->cfg.pt_tx || rtp.ssrc != p->cfg.ssrc) {
        violated(w, "phone %u got payload type %u, SSRC %08x", p->index, rtp.pt, rtp.ssrc);
    }
    size_t n_levels = 0;
    const uint8_t *levels = p->cfg.ext_levels_tx ? rtp_ext_find(&rtp, p->cfg.ext_levels_tx, &n_levels) : NULL;
    if (p->cfg.ext_levels_tx && n_levels != (buf[0] & 15u)) {
        violated(w, "phone %u: %zu levels of %u contributors", p->index, n_levels, buf[0] & 15u);
    }
    for (size_t i = 0; i < n_levels; i++) {
        if (levels[i] >= 127) {
            violated(w, "phone %u: contributor %zu is said to be silent", p->index, i);
        }
    }
    int samples = p->cfg.codec->samples(&p->cfg.fmt, rtp.payload, rtp.bytes);
    if (samples <= 0) {
        violated(w, "phone %u got an undecodable payload of %u bytes", p->index, rtp.bytes);
        return;
    }
    uint32_t clock = codec_clock_hz(p->cfg.codec, &p->cfg.fmt);
    continuity_check(w, p, &rtp, (unsigned)samples * (clock / 1000) / (p->cfg.fmt.rate_hz / 1000));
    if (w->kind != KIND_CODECS) {
        samples_check(w, p, rtp.payload, rtp.bytes);
        if (p != &w->phones[0] && p->i_conf == w->phones[0].i_conf) {
            delay_measure(w, rtp.payload, rtp.bytes);
        }
    }
}

/* ---- phones ---- */

static void codec_draw(struct world *w, struct phone *p)
{
    struct chance *c = &w->chance;
    struct leg_cfg *cfg = &p->cfg;
    if (w->kind != KIND_CODECS) {
        cfg->codec = codec_get(CODEC_L16);
        cfg->fmt.rate_hz = w->rate_hz;
    } else {
        cfg->codec = codec_get(chance_below(c, CODECS));
        static const uint32_t rates[] = {8000, 16000, 48000};
        cfg->fmt.rate_hz = cfg->codec->pcm_rate_hz ? cfg->codec->pcm_rate_hz : rates[chance_below(c, 3)];
        cfg->fmt.fec = chance_of(c, 500);
        cfg->fmt.dtx = cfg->codec->id == CODEC_OPUS && chance_of(c, 200);
        cfg->fmt.complexity = (uint8_t)chance_below(c, 3);
    }
    static const uint8_t ptimes[] = {20, 20, 10, 40, 60};
    p->ptime_ms = chance_of(c, 300) ? ptimes[chance_below(c, 5)] : 20;
    cfg->ptime_tx_ms = chance_of(c, 300) ? ptimes[chance_below(c, 5)] : 20;
    if (cfg->fmt.rate_hz == 48000 && cfg->codec->id == CODEC_L16) {
        p->ptime_ms = 10;
    }
    if (cfg->fmt.rate_hz == 16000 && cfg->codec->id == CODEC_L16) {
        p->ptime_ms = MIN(p->ptime_ms, 20u);
        cfg->ptime_tx_ms = MIN(cfg->ptime_tx_ms, (uint8_t)20);
    }
    if (cfg->codec->id == CODEC_OPUS) {
        p->ptime_ms = 20;
    }
    if (w->kind == KIND_STALL) {
        cfg->ptime_tx_ms = 20; /* gathering longer packets is delay of its own */
    }
}

/* Half of the phones of some worlds speak SRTP, each with keys of its own. They come from a seed beside the world's, so
 * that the other worlds stay what their seeds say. */
static void keys_draw(struct world *w, struct phone *p)
{
    struct chance c = {.state = w->options->seed * 64 + p->index + 1};
    if ((w->kind != KIND_CODECS && w->kind != KIND_FAULTS) || !chance_of(&c, 500)) {
        return;
    }
    struct seal_keys *keys = &p->cfg.seal;
    keys->suite = 1 + chance_below(&c, SEAL_SUITES - 1);
    for (unsigned i = 0; i < SEAL_KEY_BYTES_MAX; i++) {
        keys->rx[i] = (uint8_t)chance_draw(&c);
        keys->tx[i] = (uint8_t)chance_draw(&c);
    }
}

/* Half of the phones name levels in their headers, all of them or whatever comes to mind, and want to be told some. */
static void levels_draw(struct world *w, struct phone *p)
{
    struct chance c = {.state = w->options->seed * 64 + p->index + 4711};
    if (w->kind == KIND_CODECS) {
        p->cfg.ext_level_rx = chance_of(&c, 500) ? 1 + chance_below(&c, 14) : 0;
        p->cfg.ext_levels_tx = chance_of(&c, 500) ? 1 + chance_below(&c, 14) : 0;
    }
}

/* The other end of the leg's SRTP, fresh for each call. */
static void phone_seal(struct phone *p)
{
    struct seal_keys keys = {.suite = p->cfg.seal.suite};
    memcpy(keys.rx, p->cfg.seal.tx, sizeof keys.rx);
    memcpy(keys.tx, p->cfg.seal.rx, sizeof keys.tx);
    seal_free(p->seal);
    p->seal = NULL;
    must(keys.suite == SEAL_NONE || seal_build(&p->seal, &keys, p->ssrc) == 0);
}

static void phone_init(struct world *w, unsigned i)
{
    struct phone *p = &w->phones[i];
    struct chance *c = &w->chance;
    *p = (struct phone){.world = w, .index = i, .fd = 2 * i, .i_conf = i % w->n_confs, .bit = i / w->n_confs % BITS};
    addr_parse(&p->addr, "192.0.2.1", (uint16_t)(10000 + 2 * i));
    struct addr rtcp = p->addr;
    addr_set_port(&rtcp, (uint16_t)(10001 + 2 * i));
    p->cfg = (struct leg_cfg){
        .id = i,
        .rtp_fd = (int)p->fd,
        .rtcp_fd = -1,
        .remote_rtp = p->addr,
        .remote_rtcp = rtcp,
        .pt_rx = 96,
        .pt_tx = 97,
        .pt_event_rx = 101,
        .pt_cn_rx = 13,
        .rx_on = true,
        .tx_on = true,
        .ssrc = (uint32_t)chance_draw(c),
        .ts0 = (uint32_t)chance_draw(c),
        .seq0 = (uint16_t)chance_draw(c),
        .cname = "sim@example",
    };
    codec_draw(w, p);
    keys_draw(w, p);
    levels_draw(w, p);
    p->ssrc = (uint32_t)chance_draw(c);
    p->seq = (uint16_t)chance_draw(c);
    p->ts = (uint32_t)chance_draw(c);
    p->talking = chance_of(c, 700);
    w->io.sockets[p->fd].owner = p;
    w->io.sockets[p->fd + 1].owner = p;
    w->io.sockets[p->fd + 1].rtcp = true;
}

static void request(struct world *w, const struct ctl_req *req)
{
    must(ctl_put(&w->ctl, req) == 0);
}

static void phone_join(struct world *w, struct phone *p)
{
    p->cfg.muted = false;
    must(leg_build(&p->leg, &p->cfg) == 0);
    phone_seal(p);
    request(w, &(struct ctl_req){.op = CTL_LEG_ADD, .leg = p->leg, .conf = w->confs[p->i_conf]});
    p->joined = true;
    p->heard_any = false;
    p->send_ns = w->now_ns + chance_below(&w->chance, 20000) * NS_PER_US;
    w->changed_ns[p->i_conf] = w->now_ns;
}

static void phone_leave(struct world *w, struct phone *p)
{
    p->leaving = true;
    p->muted = p->deaf = false;
    request(w, &(struct ctl_req){.op = CTL_LEG_DROP, .leg = p->leg});
    w->changed_ns[p->i_conf] = w->now_ns;
}

/* re-INVITE: another codec or ptime on the same sockets. */
static void phone_swap(struct world *w, struct phone *p)
{
    struct leg *old = p->leg;
    p->cfg.fmt = (struct codec_cfg){ 0 };
    p->cfg.muted = p->muted;
    codec_draw(w, p);
    must(leg_build(&p->leg, &p->cfg) == 0);
    request(w, &(struct ctl_req){ .op = CTL_LEG_SWAP, .leg = p->leg, .old = old });
    p->swapped_ns = w->now_ns;
    w->changed_ns[p->i_conf] = w->now_ns;
}

static size_t payload_make(struct phone *p, uint8_t *payload)
{
    struct world *w = p->world;
    size_t n = p->cfg.fmt.rate_hz / 1000 * p->ptime_ms;
    if (w->kind != KIND_CODECS) {
        for (size_t i = 0; i < n; i++) {
            store_be16(payload + 2 * i, p->talking ? (uint16_t)(1u << p->bit) : 0);
        }
        return 2 * n;
    }
    /* Seeded noise shaped like nothing in particular: the invariants do not look into it. */
    if (p->cfg.codec->id == CODEC_OPUS) {
        static const uint8_t toc[] = {8 << 3, 9 << 3, 1 << 3, 19 << 3, 31 << 3};
        payload[0] = toc[chance_below(&w->chance, 5)];
        n = 20 + chance_below(&w->chance, 60);
        for (size_t i = 1; i < n; i++) {
            payload[i] = (uint8_t)chance_draw(&w->chance);
        }
        return n;
    }
    n = p->cfg.codec->id == CODEC_L16 ? 2 * n : p->cfg.codec->id == CODEC_G722 ? n / 2 : n;
    for (size_t i = 0; i < n; i++) {
        payload[i] = p->talking ? (uint8_t)(chance_draw(&w->chance) & 0xbf) : 0xff;
    }
    return n;
}

static void phone_send(struct world *w, struct phone *p)
{
    uint8_t buf[SIM_DATAGRAM] ALIGNED_LINE;
    size_t head = rtp_write(buf, p->cfg.pt_rx, false, p->seq, p->ts, p->ssrc, NULL, 0);
    if (p->cfg.ext_level_rx) {
        uint8_t level = p->talking ? p->index : (uint8_t)(p->seq * 7);
        head = rtp_write_ext(buf, head, p->cfg.ext_level_rx, &level, 1);
    }
    size_t bytes = head + payload_make(p, buf + head);
    must(bytes + SEAL_RTP_BYTES <= sizeof buf);
    bytes = p->seal ? seal_rtp(p->seal, buf, bytes) : bytes;
    uint32_t clock = codec_clock_hz(p->cfg.codec, &p->cfg.fmt);
    p->seq++;
    p->ts += clock / 1000 * p->ptime_ms;
    uint64_t at_ns = w->now_ns;
    struct chance *c = &w->chance;
    if (w->now_ns >= w->stall_from_ns && w->now_ns < w->stall_until_ns) {
        at_ns = w->stall_until_ns;
    }
    if (!w->faults_on) {
        sim_send(&w->io, p->fd, &p->addr, buf, bytes, at_ns);
        return;
    }
    at_ns += chance_below(c, w->faults.jitter_us + 1) * NS_PER_US;
    if (chance_of(c, w->faults.corrupt_per_mille)) {
        buf[chance_below(c, 12)] ^= (uint8_t)(1u << chance_below(c, 8));
        bytes -= chance_below(c, (uint32_t)bytes);
    }
    if (chance_of(c, w->faults.stranger_per_mille)) {
        struct addr stranger;
        addr_parse(&stranger, "198.51.100.7", 4000);
        sim_send(&w->io, p->fd, &stranger, buf, bytes, at_ns);
    }
    if (!chance_of(c, w->faults.loss_per_mille)) {
        sim_send(&w->io, p->fd, &p->addr, buf, bytes, at_ns);
    }
    if (chance_of(c, w->faults.duplicate_per_mille)) {
        sim_send(&w->io, p->fd, &p->addr, buf, bytes, at_ns + chance_below(c, 5000) * NS_PER_US);
    }
}

/* ---- events back ---- */

static void leg_account(struct world *w, struct phone *p, const struct leg *leg)
{
    const struct leg_stats *s = leg_stats_of(leg);
    uint64_t dropped = 0;
    for (unsigned d = DROP_NONE + 1; d < DROPS; d++) {
        dropped += s->drops[d];
    }
    if (s->rx_packets != s->decoded + s->undecoded + s->pauses + dropped) {
        violated(w, "phone %u: %lu packets in, but %lu decoded, %lu undecoded, %lu without audio and %lu dropped",
                 p->index, s->rx_packets, s->decoded, s->undecoded, s->pauses, dropped);
    }
    if (s->tx_packets != p->n_heard) {
        violated(w, "phone %u: %lu packets out, %lu heard", p->index, s->tx_packets, p->n_heard);
    }
    p->n_heard = 0;
}

static void events_take(struct world *w)
{
    struct ctl_ev ev;
    while (ctl_take(&w->ctl, &ev)) {
        if (ev.event == EV_LEG_GONE) {
            struct phone *p = &w->phones[ev.id];
            if (ev.leg != p->leg) { /* swapped: its successor has its counts */
                leg_free(ev.leg);
                continue;
            }
            leg_account(w, p, ev.leg);
            leg_free(ev.leg);
            p->leg = NULL;
            p->joined = p->leaving = false;
            w->n_gone_legs++;
        } else if (ev.event == EV_ENCODER) {
            encoder_free(ev.encoder);
        } else if (ev.event == EV_CONF_GONE) {
            conf_free(ev.conf);
            w->n_gone_confs++;
        }
    }
}

/* ---- the run ---- */

static void world_until(struct world *w, uint64_t end_ns)
{
    while (w->now_ns < end_ns) {
        uint64_t next_ns = MIN(end_ns, w->engine_ns);
        for (unsigned i = 0; i < w->n_phones; i++) {
            if (w->phones[i].joined && !w->phones[i].leaving) {
                next_ns = MIN(next_ns, w->phones[i].send_ns);
            }
        }
        w->now_ns = w->io.now_ns = MAX(next_ns, w->now_ns);
        for (unsigned i = 0; i < w->n_phones; i++) {
            struct phone *p = &w->phones[i];
            if (p->joined && !p->leaving && p->send_ns <= w->now_ns) {
                phone_send(w, p);
                p->send_ns += p->ptime_ms * NS_PER_MS;
            }
        }
        if (w->engine_ns <= w->now_ns) {
            nomalloc_begin();
            w->engine_ns = engine_beat(w->engine, w->now_ns);
            nomalloc_end();
            events_take(w);
        }
    }
}

/* One random change: somebody joins, leaves, is muted, goes deaf, begins or ends to talk. */
static void world_change(struct world *w)
{
    struct phone *p = &w->phones[chance_below(&w->chance, w->n_phones)];
    if (!p->joined) {
        phone_join(w, p);
        return;
    }
    if (p->leaving) {
        return;
    }
    struct ctl_req req = {.op = CTL_LEG_SET, .leg = p->leg};
    switch (chance_below(&w->chance, 5)) {
    case 0:
        phone_leave(w, p);
        return;
    case 1:
        p->muted = !p->muted;
        req.set.what = SET_MUTE;
        req.set.muted = p->muted;
        request(w, &req);
        break;
    case 2:
        p->deaf = !p->deaf;
        req.set.what = SET_DEAF;
        req.set.deaf = p->deaf;
        request(w, &req);
        break;
    case 3:
        phone_swap(w, p);
        return;
    default:
        p->talking = !p->talking;
        break;
    }
    w->changed_ns[p->i_conf] = w->now_ns;
}

static void settle_run(struct world *w)
{
    for (unsigned i = 0; i < w->n_confs; i++) {
        w->changed_ns[i] = w->now_ns;
    }
    world_until(w, w->now_ns + (SETTLE_MS + 1000) * NS_PER_MS);
}

static void churn_run(struct world *w)
{
    for (unsigned i = 0; i < 60; i++) {
        world_change(w);
        uint32_t pause_ms = chance_of(&w->chance, 150) ? SETTLE_MS + 500 : chance_below(&w->chance, 60);
        world_until(w, w->now_ns + pause_ms * NS_PER_MS);
    }
    settle_run(w);
}

/* Swarm: each fault is there or not, and strong or weak. */
static void faults_run(struct world *w)
{
    struct chance *c = &w->chance;
    w->faults = (struct faults){
        .loss_per_mille = chance_of(c, 500) ? chance_below(c, 200) : 0,
        .duplicate_per_mille = chance_of(c, 300) ? chance_below(c, 100) : 0,
        .corrupt_per_mille = chance_of(c, 300) ? chance_below(c, 100) : 0,
        .stranger_per_mille = chance_of(c, 300) ? chance_below(c, 200) : 0,
        .jitter_us = chance_of(c, 500) ? chance_below(c, 80000) : 0,
    };
    w->faults_on = true;
    for (unsigned i = 0; i < 30; i++) {
        if (chance_of(c, 300)) {
            world_change(w);
        }
        world_until(w, w->now_ns + chance_below(c, 200) * NS_PER_MS);
    }
    w->faults_on = false;
    settle_run(w);
}

static void stall_run(struct world *w)
{
    bool network = chance_of(&w->chance, 500);
    uint64_t stall_ns = (100 + chance_below(&w->chance, 300)) * NS_PER_MS;
    w->faults_on = true; /* the oracle looks away */
    uint64_t recover_ms = RECOVER_MS;
    if (chance_of(&w->chance, 500)) {
        /* On a network that has been bad the buffer is slower to believe, but not for long. */
        w->faults.jitter_us = 30000;
        world_until(w, w->now_ns + 5 * NS_PER_S);
        w->faults.jitter_us = 0;
        recover_ms = 3 * RECOVER_MS;
    }
    if (network) {
        w->stall_from_ns = w->now_ns;
        w->stall_until_ns = w->now_ns + stall_ns;
    } else {
        w->engine_ns = w->now_ns + stall_ns;
    }
    world_until(w, w->now_ns + recover_ms * NS_PER_MS);
    w->faults_on = false;
    settle_run(w);
    w->measure_delay = true;
    struct phone *talker = &w->phones[0];
    for (unsigned i = 0; i < 20 && w->n_phones > w->n_confs; i++) {
        world_until(w, talker->send_ns); /* just after a packet: the next one carries the change */
        talker->talking = !talker->talking;
        talker->toggled_ns = talker->send_ns;
        w->changed_ns[talker->i_conf] = w->now_ns;
        world_until(w, w->now_ns + (400 + chance_below(&w->chance, 40)) * NS_PER_MS);
        if (talker->toggled_ns) {
            violated(w, "a change of phone 0 was not heard within 400 ms");
        }
    }
    if (w->delay_max_ns > DELAY_MAX_MS * NS_PER_MS) {
        violated(w, "added delay %.1f ms after a %s stall of %.0f ms", (double)w->delay_max_ns / 1e6,
                 network ? "network" : "server", (double)stall_ns / 1e6);
    }
}

static void world_open(struct world *w, const struct options *o)
{
    w->options = o;
    w->chance.state = o->seed;
    w->digest = 0xcbf29ce484222325ull;
    w->now_ns = NS_PER_S + chance_below(&w->chance, 20000) * NS_PER_US;
    w->n_confs = 1 + chance_below(&w->chance, CONFS_MAX);
    w->n_phones = MIN(w->n_confs * (2 + chance_below(&w->chance, BITS - 1)), PHONES_MAX / w->n_confs * w->n_confs);
    /* The delay probe must be heard whoever else talks. */
    w->talkers = w->kind == KIND_STALL || chance_of(&w->chance, 500) ? 0 : 1 + chance_below(&w->chance, 4);
    w->rate_hz = chance_of(&w->chance, 500) ? 8000 : 16000;
    must(sim_io_build(&w->io, 2 * PHONES_MAX, 2 * PHONES_MAX) == 0);
    w->io.deliver = heard;
    must(ctl_build(&w->ctl) == 0);
    struct engine_cfg cfg = {
        .ctl = &w->ctl,
        .io = &w->io.io,
        .stats = &w->stats,
        .simd = o->simd,
        .legs_max = PHONES_MAX,
        .lazy_decode = true,
        .batch_legs = o->seed % 3 ? 0 : 1 + o->seed / 3 % 8, /* conferences in parts */
    };
    must(engine_build(&w->engine, &cfg) == 0);
    w->engine_ns = w->now_ns;
    for (unsigned i = 0; i < w->n_confs; i++) {
        struct conf_cfg conf = {.id = i, .legs_max = PHONES_MAX, .talkers = w->talkers};
        must(conf_build(&w->confs[i], &conf) == 0);
        request(w, &(struct ctl_req){.op = CTL_CONF_OPEN, .conf = w->confs[i]});
    }
    for (unsigned i = 0; i < w->n_phones; i++) {
        phone_init(w, i);
        phone_join(w, &w->phones[i]);
    }
    if (w->kind == KIND_STALL) {
        w->phones[0].talking = true;
    }
}

static void world_close(struct world *w)
{
    for (unsigned i = 0; i < w->n_phones; i++) {
        if (w->phones[i].joined && !w->phones[i].leaving) {
            phone_leave(w, &w->phones[i]);
        }
    }
    for (unsigned i = 0; i < w->n_confs; i++) {
        request(w, &(struct ctl_req){.op = CTL_CONF_CLOSE, .conf = w->confs[i]});
    }
    world_until(w, w->now_ns + 100 * NS_PER_MS);
    if (w->n_gone_confs != w->n_confs) {
        violated(w, "%u of %u conferences came back", w->n_gone_confs, w->n_confs);
    }
    if (engine_held_packets(w->engine)) {
        violated(w, "%u packets left in the pool", engine_held_packets(w->engine));
    }
    for (unsigned i = 0; i < w->n_phones; i++) {
        seal_free(w->phones[i].seal);
    }
    engine_free(w->engine);
    ctl_free(&w->ctl);
    sim_io_free(&w->io);
}

unsigned world_run(const struct options *o, uint64_t *digest)
{
    static const char *const names[] = {"exact", "churn", "faults", "stall", "codecs"};
    struct world *w = mem_get(sizeof *w);
    must(w);
    while (strcmp(names[w->kind], o->scenario)) {
        w->kind++;
        must(w->kind <= KIND_CODECS);
    }
    world_open(w, o);
    world_until(w, w->now_ns + 200 * NS_PER_MS);
    switch (w->kind) {
    case KIND_EXACT:
        settle_run(w);
        break;
    case KIND_CHURN:
    case KIND_CODECS:
        churn_run(w);
        break;
    case KIND_FAULTS:
        faults_run(w);
        break;
    case KIND_STALL:
        stall_run(w);
        break;
    }
    uint64_t n_oracle = 0;
    bool any_joined = false;
    for (unsigned i = 0; i < w->n_phones; i++) {
        n_oracle += w->phones[i].n_oracle;
        any_joined |= w->phones[i].joined;
    }
    if (w->kind != KIND_CODECS && any_joined && n_oracle == 0) {
        violated(w, "the oracle never looked");
    }
    world_close(w);
    unsigned n = w->n_violations;
    *digest = w->digest;
    mem_put(w);
    return n;
}
