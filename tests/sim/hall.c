/*
 * The simulated hall: one conference on several engines, its owner and annexes, side by side on one virtual clock, with
 * the part of signalling between them: who speaks in an annex is moved to the owner, who is silent is moved out now and
 * then. The oracle of sim.h; besides it every stream goes on through every move, without a gap of more than a tick, and
 * words are counted: what of a word's start is lost by the move.
 */
#include "tests/sim/sim.h"

#include "core/base/mem.h"
#include "core/conf/relay.h"
#include "core/media/rtp.h"
#include "tests/nomalloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ENGINES_MAX = 3,
    GUESTS_MAX = 40,
    ANNEX_SOURCES_MAX = 8,
    BITS = 14,
    SETTLE_MS = 1500,
    WORD_TICKS = 25,
    WORD_LOST_MAX_MS = 60,
    LATE_MAX_MS = 9, /* that engines are up to 4 ms late makes a gap so much longer; a move, by a tick at most */
    BEAT_MS = 5,     /* signalling's */
    VIOLATIONS_SHOWN = 12
};

struct guest {
    struct hall *hall;
    unsigned index, bit; /* bit >= BITS: never says anything */
    bool joined, leaving, moving, talking, muted, deaf;
    bool paused;     /* deaf in an annex with a codec whose silence takes an encoder: nothing is sent */
    unsigned at, to; /* engines */
    struct leg *leg;
    struct leg_cfg cfg;
    struct addr addr;
    struct seal *seal;
    uint64_t send_ns;
    uint16_t seq;
    uint32_t ts, ssrc;
    bool heard_any;
    uint16_t heard_seq;
    uint32_t heard_ts;
    uint64_t heard_ns, n_heard, n_oracle;
};

struct site {
    struct sim_io io;
    struct ctl ctl;
    struct worker_stats stats;
    struct engine *engine;
    struct conf *conf;
    uint64_t next_ns, n_made_up;
};

struct annex_source {
    const struct codec *codec;
    uint32_t rate_hz;
    struct relay *relay;
    struct leg *leg;
};

struct hall {
    const struct options *options;
    struct chance chance;
    struct site sites[ENGINES_MAX];
    unsigned n_sites, n_guests, talkers, n_annex_sources;
    bool codecs; /* of all kinds: then nobody knows what is to be heard */
    struct annex_source annex_sources[ANNEX_SOURCES_MAX];
    struct guest guests[GUESTS_MAX];
    uint64_t now_ns, sig_ns, changed_ns, made_up_ns, stalled_ns, digest;
    unsigned n_violations, n_moves, n_gone_confs;
    const struct guest *word_by; /* whose frames are counted */
    struct guest *word_at;
    unsigned word_ticks, word_lost_max, word_lost_sum, n_words;
};

__attribute__((format(printf, 2, 3))) static void violated(struct hall *h, const char *format, ...)
{
    if (h->n_violations++ < VIOLATIONS_SHOWN) {
        va_list args;
        va_start(args, format);
        printf("  %9.3f ms: ", (double)h->now_ns / 1e6);
        vprintf(format, args);
        printf("\n");
        va_end(args);
    }
}

/* ---- oracle ---- */

static uint32_t expected_set(const struct hall *h, const struct guest *g)
{
    uint32_t set = 0;
    unsigned n = 0;
    for (int bit = BITS - 1; bit >= 0 && !g->deaf; bit--) {
        for (unsigned i = 0; i < h->n_guests; i++) {
            const struct guest *q = &h->guests[i];
            bool sounds = q->bit == (unsigned)bit && q->joined && !q->leaving && q->talking && !q->muted;
            if (sounds && (!h->talkers || n < h->talkers)) {
                n++;
                set |= q == g ? 0 : 1u << bit;
            }
        }
    }
    return set;
}

static void samples_check(struct hall *h, struct guest *g, const uint8_t *payload, size_t bytes)
{
    bool pure = h->now_ns > h->made_up_ns + NS_PER_S / 2;
    bool settled = pure && h->now_ns - h->changed_ns > SETTLE_MS * NS_PER_MS;
    uint32_t expected = expected_set(h, g);
    for (size_t i = 0; i + 1 < bytes; i += 2) {
        uint32_t set = load_be16(payload + i);
        if (pure && g->bit < BITS && (set & 1u << g->bit)) {
            violated(h, "guest %u hears himself: set %04x", g->index, set);
            return;
        }
        if (settled && set != expected) {
            violated(h, "guest %u at %u hears %04x instead of %04x", g->index, g->at, set, expected);
            return;
        }
    }
    g->n_oracle += settled;
    if (h->word_at == g && bytes > 1) {
        h->word_ticks += load_be16(payload + bytes / 4 * 2) >> h->word_by->bit & 1;
    }
}

static void continuity_check(struct hall *h, struct guest *g, const struct rtp *rtp, uint32_t samples_ts)
{
    uint32_t second_ts = codec_clock_hz(g->cfg.codec, &g->cfg.fmt);
    uint64_t gap_max_ns = MAX(samples_ts * NS_PER_S / second_ts, TICK_NS) + TICK_NS + LATE_MAX_MS * NS_PER_MS;
    bool paused = g->paused, stalled = h->stalled_ns && h->now_ns < h->stalled_ns + NS_PER_S;
    if (g->heard_any) {
        uint32_t step = rtp->ts - g->heard_ts;
        uint64_t gap_ns = h->now_ns - g->heard_ns;
        if (rtp->seq != (uint16_t)(g->heard_seq + 1)) {
            violated(h, "guest %u: sequence %u after %u", g->index, rtp->seq, g->heard_seq);
        }
        if (stalled || paused ? step == 0 || (step > second_ts && !paused) : step != samples_ts) {
            violated(h, "guest %u: timestamp step %u instead of %u", g->index, step, samples_ts);
        }
        if (!stalled && !paused && gap_ns > gap_max_ns) {
            violated(h, "guest %u: nothing for %.1f ms", g->index, (double)gap_ns / 1e6);
        }
    }
    g->heard_any = true;
    g->paused = g->deaf && g->paused;
    g->heard_seq = rtp->seq;
    g->heard_ts = rtp->ts;
    g->heard_ns = h->now_ns;
    g->n_heard++;
}

static void heard(void *owner, bool rtcp, const struct addr *to, const uint8_t *wire, size_t bytes, uint64_t now_ns)
{
    struct guest *g = owner;
    struct hall *h = g->hall;
    struct rtp rtp;
    uint8_t buf[PACKET_STRIDE_BYTES] ALIGNED_LINE;
    memcpy(buf, wire, bytes);
    for (size_t i = 0; i < bytes; i++) {
        h->digest = (h->digest ^ wire[i]) * 0x100000001B3ull; /* FNV-1a */
    }
    if (g->seal && seal_open_rtp(g->seal, buf, &bytes) != DROP_NONE) {
        violated(h, "guest %u got a packet that does not open", g->index);
        return;
    }
    if (rtp_parse(buf, bytes, &rtp) != DROP_NONE || rtp.pt != g->cfg.pt_tx || rtp.ssrc != g->cfg.ssrc) {
        violated(h, "guest %u got a packet that is not for him", g->index);
        return;
    }
    int samples = g->cfg.codec->samples(&g->cfg.fmt, rtp.payload, rtp.bytes);
    if (samples <= 0) {
        violated(h, "guest %u got an undecodable payload of %u bytes", g->index, rtp.bytes);
        return;
    }
    for (unsigned s = 0; s < h->n_sites; s++) {
        struct site *site = &h->sites[s];
        uint64_t n_made_up = count_get(&site->stats.concealed) + count_get(&site->stats.blended);
        h->made_up_ns = n_made_up != site->n_made_up ? now_ns : h->made_up_ns;
        site->n_made_up = n_made_up;
    }
    uint32_t clock = codec_clock_hz(g->cfg.codec, &g->cfg.fmt);
    continuity_check(h, g, &rtp, (uint32_t)samples * (clock / 1000) / (g->cfg.fmt.rate_hz / 1000));
    if (!h->codecs) {
        samples_check(h, g, rtp.payload, rtp.bytes);
    }
}

/* ---- guests ---- */

static void guest_init(struct hall *h, unsigned i)
{
    struct guest *g = &h->guests[i];
    struct chance *c = &h->chance;
    *g = (struct guest){.hall = h, .index = i, .bit = i};
    addr_parse(&g->addr, "192.0.2.1", (uint16_t)(10000 + 2 * i));
    g->cfg = (struct leg_cfg){
        .id = i,
        .rtp_fd = (int)i,
        .rtcp_fd = -1,
        .remote_rtp = g->addr,
        .codec = codec_get(CODEC_L16),
        .fmt.rate_hz = 8000,
        .pt_rx = 96,
        .pt_tx = 97,
        .pt_event_rx = PT_NONE,
        .pt_cn_rx = PT_NONE,
        .rx_on = true,
        .tx_on = true,
        .ssrc = (uint32_t)chance_draw(c),
        .ts0 = (uint32_t)chance_draw(c),
        .seq0 = (uint16_t)chance_draw(c),
        .cname = "sim@example",
    };
    if (h->codecs) {
        g->cfg.codec = codec_get(chance_below(c, CODECS));
        g->cfg.fmt.rate_hz = g->cfg.codec->pcm_rate_hz ? g->cfg.codec->pcm_rate_hz : chance_of(c, 500) ? 8000 : 16000;
    } else {
        static const uint8_t ptimes[] = {10, 20, 40};
        g->cfg.ptime_tx_ms = chance_of(c, 300) ? ptimes[chance_below(c, 3)] : 20;
    }
    if (chance_of(c, 300)) {
        g->cfg.seal.suite = 1 + chance_below(c, SEAL_SUITES - 1);
        for (unsigned k = 0; k < SEAL_KEY_BYTES_MAX; k++) {
            g->cfg.seal.rx[k] = (uint8_t)chance_draw(c);
            g->cfg.seal.tx[k] = (uint8_t)chance_draw(c);
        }
    }
    g->ssrc = (uint32_t)chance_draw(c);
    g->seq = (uint16_t)chance_draw(c);
    g->ts = (uint32_t)chance_draw(c);
    h->sites[0].io.sockets[i].owner = g;
}

static void request(struct hall *h, unsigned site, const struct ctl_req *req)
{
    must(ctl_put(&h->sites[site].ctl, req) == 0);
}

/* What a guest's kind hears; the owner begins to broadcast it when it is first asked for. */
static struct relay *annex_source_for(struct hall *h, const struct guest *g)
{
    for (unsigned i = 0; i < h->n_annex_sources; i++) {
        if (h->annex_sources[i].codec == g->cfg.codec && h->annex_sources[i].rate_hz == g->cfg.fmt.rate_hz) {
            return h->annex_sources[i].relay;
        }
    }
    must(h->n_annex_sources < ANNEX_SOURCES_MAX);
    struct annex_source *source = &h->annex_sources[h->n_annex_sources++];
    *source = (struct annex_source){.codec = g->cfg.codec, .rate_hz = g->cfg.fmt.rate_hz};
    must(relay_build(&source->relay) == 0);
    struct leg_cfg cfg = {.id = GUESTS_MAX + h->n_annex_sources, .rtp_fd = -1, .rtcp_fd = -1, .tx_on = true};
    cfg.codec = source->codec;
    cfg.fmt = g->cfg.fmt;
    cfg.relay = source->relay;
    must(leg_build(&source->leg, &cfg) == 0);
    request(h, 0, &(struct ctl_req){.op = CTL_LEG_ADD, .leg = source->leg, .conf = h->sites[0].conf});
    return source->relay;
}

static void guest_enter(struct hall *h, struct guest *g, unsigned at)
{
    g->at = at;
    if (at) {
        leg_set_annex_source(g->leg, annex_source_for(h, g));
    } else {
        must(leg_equip(g->leg) == 0);
    }
    request(h, at, &(struct ctl_req){.op = CTL_LEG_ADD, .leg = g->leg, .conf = h->sites[at].conf});
}

static void guest_join(struct hall *h, struct guest *g, unsigned at)
{
    must(leg_build(&g->leg, &g->cfg) == 0);
    struct seal_keys keys = {.suite = g->cfg.seal.suite};
    memcpy(keys.rx, g->cfg.seal.tx, sizeof keys.rx);
    memcpy(keys.tx, g->cfg.seal.rx, sizeof keys.tx);
    seal_free(g->seal);
    g->seal = NULL;
    must(keys.suite == SEAL_NONE || seal_build(&g->seal, &keys, g->ssrc) == 0);
    h->sites[0].io.sockets[g->index].keeps = true;
    guest_enter(h, g, at);
    g->joined = true;
    g->heard_any = g->muted = g->deaf = false;
    g->n_heard = 0;
    g->send_ns = h->now_ns + chance_below(&h->chance, 20000) * NS_PER_US;
    h->changed_ns = h->now_ns;
}

static void guest_leave(struct hall *h, struct guest *g)
{
    g->leaving = true;
    g->talking = false;
    h->changed_ns = h->now_ns;
    if (!g->moving) { /* else its leg is on the way, and is not sent on */
        request(h, g->at, &(struct ctl_req){.op = CTL_LEG_DROP, .leg = g->leg});
    }
}

static void guest_move(struct hall *h, struct guest *g, unsigned to)
{
    if (!g->joined || g->leaving || g->moving || g->at == to) {
        return;
    }
    g->moving = true;
    g->to = to;
    if (to) {
        annex_source_for(h, g); /* it must not miss what is sent while the leg is on its way */
    }
    h->n_moves++;
    request(h, g->at, &(struct ctl_req){.op = CTL_LEG_MOVE, .leg = g->leg});
}

static void guest_send(struct hall *h, struct guest *g)
{
    uint8_t buf[SIM_DATAGRAM] ALIGNED_LINE;
    size_t head = rtp_write(buf, g->cfg.pt_rx, false, g->seq, g->ts, g->ssrc, NULL, 0);
    size_t n = g->cfg.fmt.rate_hz / 50;
    bool sounds = g->talking && g->bit < BITS;
    if (g->cfg.codec->id == CODEC_L16) {
        for (size_t i = 0; i < n; i++) {
            store_be16(buf + head + 2 * i, sounds ? (uint16_t)(1u << g->bit) : 0);
        }
        n *= 2;
    } else if (g->cfg.codec->id == CODEC_OPUS) {
        n = 40;
        buf[head] = 9 << 3;
        for (size_t i = 1; i < n; i++) {
            buf[head + i] = sounds ? (uint8_t)chance_draw(&h->chance) : 0;
        }
    } else {
        n = g->cfg.codec->id == CODEC_G722 ? n / 2 : n;
        for (size_t i = 0; i < n; i++) {
            buf[head + i] = sounds ? (uint8_t)(chance_draw(&h->chance) & 0xbf) : 0xff;
        }
    }
    size_t bytes = g->seal ? seal_rtp(g->seal, buf, head + n) : head + n;
    g->seq++;
    g->ts += codec_clock_hz(g->cfg.codec, &g->cfg.fmt) / 50;
    sim_send(&h->sites[0].io, g->index, &g->addr, buf, bytes, h->now_ns);
    g->send_ns += TICK_NS;
}

/* ---- signalling ---- */

static void leg_gone(struct hall *h, struct leg *leg)
{
    const struct leg_cfg *cfg = leg_cfg_of(leg);
    if (cfg->relay) {
        leg_free(leg);
        return;
    }
    struct guest *g = &h->guests[cfg->id];
    if (g->moving && !g->leaving) {
        g->moving = false;
        guest_enter(h, g, g->to);
        return;
    }
    const struct leg_stats *s = leg_stats_of(leg);
    uint64_t dropped = 0;
    for (unsigned d = DROP_NONE + 1; d < DROPS; d++) {
        dropped += s->drops[d];
    }
    if (s->rx_packets != s->decoded + s->undecoded + s->pauses + dropped || s->tx_packets != g->n_heard) {
        violated(h, "guest %u: %lu packets in, %lu decoded, %lu undecoded, %lu dropped; %lu out, %lu heard", g->index,
                 s->rx_packets, s->decoded, s->undecoded, dropped, s->tx_packets, g->n_heard);
    }
    leg_free(leg);
    sim_socket_close(&h->sites[0].io, g->index);
    g->joined = g->leaving = g->moving = false;
}

static void event_take(struct hall *h, unsigned site, const struct ctl_ev *ev)
{
    switch (ev->event) {
    case EV_LEG_GONE:
        leg_gone(h, ev->leg);
        break;
    case EV_CONF_GONE:
        conf_free(ev->conf);
        h->n_gone_confs++;
        break;
    case EV_ENCODER:
        encoder_free(ev->encoder);
        break;
    case EV_SPEAKS:
        if (h->guests[ev->id].at != site || site == 0) {
            break; /* has been moved meanwhile */
        }
        guest_move(h, &h->guests[ev->id], 0);
        h->changed_ns = h->now_ns;
        break;
    case EV_SILENT:
        if (ev->value && site == 0 && h->guests[ev->id].at == 0 && chance_of(&h->chance, 700)) {
            guest_move(h, &h->guests[ev->id], 1 + chance_below(&h->chance, h->n_sites - 1));
        }
        break;
    default:
        break;
    }
}

static void signal_run(struct hall *h)
{
    struct ctl_ev ev;
    for (unsigned s = 0; s < h->n_sites; s++) {
        while (ctl_take(&h->sites[s].ctl, &ev)) {
            event_take(h, s, &ev);
        }
    }
    h->sig_ns = h->now_ns + BEAT_MS * NS_PER_MS;
}

/* ---- the run ---- */

static void hall_until(struct hall *h, uint64_t end_ns)
{
    while (h->now_ns < end_ns) {
        uint64_t next_ns = MIN(end_ns, h->sig_ns);
        for (unsigned s = 0; s < h->n_sites; s++) {
            next_ns = MIN(next_ns, h->sites[s].next_ns);
        }
        for (unsigned i = 0; i < h->n_guests; i++) {
            next_ns = h->guests[i].joined ? MIN(next_ns, h->guests[i].send_ns) : next_ns;
        }
        h->now_ns = MAX(next_ns, h->now_ns);
        for (unsigned i = 0; i < h->n_guests; i++) {
            if (h->guests[i].joined && h->guests[i].send_ns <= h->now_ns) {
                guest_send(h, &h->guests[i]);
            }
        }
        for (unsigned s = 0; s < h->n_sites; s++) {
            struct site *site = &h->sites[s];
            site->io.now_ns = h->now_ns;
            if (site->next_ns <= h->now_ns) {
                nomalloc_begin();
                uint64_t due_ns = engine_beat(site->engine, h->now_ns);
                nomalloc_end();
                uint64_t late_us = s ? chance_below(&h->chance, 200) : chance_below(&h->chance, 4000);
                site->next_ns = MAX(due_ns + late_us * NS_PER_US, h->now_ns + 1);
            }
        }
        if (h->sig_ns <= h->now_ns) {
            signal_run(h);
        }
    }
}

static void hall_change(struct hall *h)
{
    struct guest *g = &h->guests[chance_below(&h->chance, h->n_guests)];
    unsigned what = chance_below(&h->chance, 8);
    if (!g->joined) {
        guest_join(h, g, chance_below(&h->chance, h->n_sites));
    } else if (!g->leaving && what == 0) {
        guest_leave(h, g);
    } else if (!g->leaving && what == 1) {
        guest_move(h, g, chance_below(&h->chance, h->n_sites)); /* a talker in an annex comes back by himself */
        h->changed_ns = h->now_ns;
    } else if (!g->leaving && !g->moving && what < 4) {
        struct ctl_req req = {.op = CTL_LEG_SET, .leg = g->leg, .set = {.what = what == 2 ? SET_MUTE : SET_DEAF}};
        g->muted = req.set.muted = what == 2 ? !g->muted : g->muted;
        g->deaf = req.set.deaf = what == 3 ? !g->deaf : g->deaf;
        g->paused |= g->deaf && g->cfg.codec->has_state;
        request(h, g->at, &req);
        h->changed_ns = h->now_ns;
    } else if (!g->leaving && g->bit < BITS) {
        g->talking = !g->talking;
        h->changed_ns = h->now_ns;
    }
}

static void churn_run(struct hall *h)
{
    for (unsigned i = 0; i < 60; i++) {
        hall_change(h);
        uint32_t pause_ms = chance_of(&h->chance, 200) ? SETTLE_MS + 1500 : chance_below(&h->chance, 60);
        hall_until(h, h->now_ns + pause_ms * NS_PER_MS);
    }
    hall_until(h, h->now_ns + (SETTLE_MS + 1500) * NS_PER_MS);
}

/* Worker threads stand still for a while, also longer than what a relay keeps. */
static void stall_run(struct hall *h)
{
    for (unsigned i = 0; i < 4; i++) {
        struct site *site = &h->sites[chance_below(&h->chance, h->n_sites)];
        h->stalled_ns = h->changed_ns = h->now_ns + (30 + chance_below(&h->chance, 300)) * NS_PER_MS;
        site->next_ns = h->stalled_ns;
        hall_until(h, h->stalled_ns + 4 * NS_PER_S);
        h->changed_ns = h->now_ns;
    }
    hall_until(h, h->now_ns + (SETTLE_MS + 500) * NS_PER_MS);
}

static struct guest *guest_at(struct hall *h, unsigned site, bool can_talk)
{
    for (unsigned i = 0; i < h->n_guests; i++) {
        struct guest *g = &h->guests[i];
        if (g->joined && !g->leaving && !g->moving && (g->at > 0) == (site > 0) && (g->bit < BITS) == can_talk) {
            return g;
        }
    }
    return NULL;
}

/* Somebody in an annex says one word: how much of it does a listener of the owner's miss? */
static void words_run(struct hall *h)
{
    for (unsigned i = 0; i < h->n_guests; i++) {
        struct guest *g = &h->guests[i];
        struct ctl_req req = {.op = CTL_LEG_SET, .leg = g->leg, .set = {.what = SET_MUTE | SET_DEAF}};
        g->talking = g->muted = g->deaf = false;
        if (g->joined && !g->leaving && !g->moving) {
            request(h, g->at, &req);
        }
    }
    h->changed_ns = h->now_ns;
    hall_until(h, h->now_ns + 4 * NS_PER_S);
    for (unsigned i = 0; i < 10; i++) {
        struct guest *talker = guest_at(h, 1, true), *listener = NULL;
        for (unsigned k = BITS; k < h->n_guests && !listener; k++) {
            struct guest *g = &h->guests[k];
            listener = g->joined && !g->leaving && (g->cfg.ptime_tx_ms == 20) ? g : NULL;
        }
        if (!talker || !listener) {
            return;
        }
        hall_until(h, talker->send_ns + NS_PER_MS);
        h->word_by = talker;
        h->word_at = listener;
        h->word_ticks = 0;
        talker->talking = true;
        h->changed_ns = h->now_ns;
        hall_until(h, h->now_ns + WORD_TICKS * TICK_NS);
        talker->talking = false;
        h->changed_ns = h->now_ns;
        hall_until(h, h->now_ns + 4 * NS_PER_S); /* is silent and moved out again, perhaps */
        h->word_at = NULL;
        unsigned lost = WORD_TICKS - MIN(h->word_ticks, (unsigned)WORD_TICKS);
        h->word_lost_max = MAX(h->word_lost_max, lost);
        h->word_lost_sum += lost;
        h->n_words++;
    }
    if (h->word_lost_max * TICK_MS > WORD_LOST_MAX_MS) {
        violated(h, "%u ms of a word's start lost by a move", h->word_lost_max * TICK_MS);
    }
}

static void site_open(struct hall *h, unsigned s)
{
    struct site *site = &h->sites[s];
    if (s == 0) {
        must(sim_io_build(&site->io, GUESTS_MAX, 2 * (GUESTS_MAX + ANNEX_SOURCES_MAX)) == 0);
        site->io.deliver = heard;
    } else {
        must(sim_io_share(&site->io, &h->sites[0].io, 2 * (GUESTS_MAX + ANNEX_SOURCES_MAX)) == 0);
    }
    must(ctl_build(&site->ctl) == 0);
    struct engine_cfg cfg = {
        .ctl = &site->ctl,
        .io = &site->io.io,
        .stats = &site->stats,
        .simd = h->options->simd,
        .legs_max = GUESTS_MAX + ANNEX_SOURCES_MAX,
        .lazy_decode = true,
        .batch_legs = h->options->seed % 3 ? 0 : 1 + h->options->seed / 3 % 8,
    };
    must(engine_build(&site->engine, &cfg) == 0);
    site->next_ns = h->now_ns;
    struct conf_cfg conf = {.id = s, .legs_max = GUESTS_MAX, .talkers = h->talkers, .silent_s = 2, .annex = s > 0};
    must(conf_build(&site->conf, &conf) == 0);
    request(h, s, &(struct ctl_req){.op = CTL_CONF_OPEN, .conf = site->conf});
}

static void hall_open(struct hall *h, const struct options *o)
{
    struct chance *c = &h->chance;
    h->options = o;
    c->state = o->seed;
    h->digest = 0xcbf29ce484222325ull;
    h->now_ns = NS_PER_S + chance_below(c, 20000) * NS_PER_US;
    h->codecs = chance_of(c, 250);
    h->talkers = chance_of(c, 500) ? 0 : 1 + chance_below(c, 4);
    h->n_sites = 2 + chance_below(c, ENGINES_MAX - 1);
    h->n_guests = BITS + chance_below(c, GUESTS_MAX - BITS + 1);
    for (unsigned s = 0; s < h->n_sites; s++) {
        site_open(h, s);
    }
    for (unsigned i = 0; i < h->n_guests; i++) {
        guest_init(h, i);
        guest_join(h, &h->guests[i], chance_below(c, h->n_sites));
        h->guests[i].talking = h->guests[i].bit < BITS && chance_of(c, 300);
    }
}

static void hall_close(struct hall *h)
{
    for (unsigned i = 0; i < h->n_guests; i++) {
        if (h->guests[i].joined && !h->guests[i].leaving) {
            guest_leave(h, &h->guests[i]);
        }
    }
    hall_until(h, h->now_ns + 200 * NS_PER_MS);
    for (unsigned i = 0; i < h->n_annex_sources; i++) {
        request(h, 0, &(struct ctl_req){.op = CTL_LEG_DROP, .leg = h->annex_sources[i].leg});
    }
    for (unsigned s = 0; s < h->n_sites; s++) {
        request(h, s, &(struct ctl_req){.op = CTL_CONF_CLOSE, .conf = h->sites[s].conf});
    }
    hall_until(h, h->now_ns + 100 * NS_PER_MS);
    if (h->n_gone_confs != h->n_sites) {
        violated(h, "%u of %u conferences came back", h->n_gone_confs, h->n_sites);
    }
    for (unsigned s = h->n_sites; s-- > 0;) {
        struct site *site = &h->sites[s];
        if (engine_held_packets(site->engine) || count_get(&site->stats.legs)) {
            violated(h, "%u packets, %lu legs left", engine_held_packets(site->engine), count_get(&site->stats.legs));
        }
        engine_free(site->engine);
        ctl_free(&site->ctl);
        sim_io_free(&site->io);
    }
    for (unsigned i = 0; i < h->n_annex_sources; i++) {
        relay_free(h->annex_sources[i].relay);
    }
    for (unsigned i = 0; i < h->n_guests; i++) {
        seal_free(h->guests[i].seal);
    }
}

unsigned hall_run(const struct options *o, uint64_t *digest)
{
    struct hall *h = mem_get(sizeof *h);
    must(h);
    hall_open(h, o);
    hall_until(h, h->now_ns + 3 * NS_PER_S);
    churn_run(h);
    if (!h->codecs && !h->talkers) {
        words_run(h);
    }
    stall_run(h);
    uint64_t n_oracle = 0;
    for (unsigned i = 0; i < h->n_guests; i++) {
        n_oracle += h->guests[i].n_oracle;
    }
    if (!h->codecs && n_oracle == 0) {
        violated(h, "the oracle never looked");
    }
    if (h->n_moves == 0) {
        violated(h, "nobody moved");
    }
    if (o->trace) {
        printf("  %u moves; of %u words %u ms lost, at most %u of one\n", h->n_moves, h->n_words,
               h->word_lost_sum * TICK_MS, h->word_lost_max * TICK_MS);
    }
    hall_close(h);
    unsigned n = h->n_violations;
    *digest = h->digest;
    mem_put(h);
    return n;
}
