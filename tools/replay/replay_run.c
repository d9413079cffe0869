/* Streams, legs and the clock of a replay. See replay.h. */
#include "core/conf/conf.h"
#include "core/engine.h"
#include "core/media/rtp.h"
#include "tools/lib/wav.h"
#include "tools/replay/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define BEFORE_NS NS_PER_S           /* the engine has run so long when the first packet comes */
#define AFTER_NS (500 * NS_PER_MS)   /* and runs on so long after the last */
#define SSRC_OURS 0x10000000u

struct stream {
    struct addr from, to;
    uint32_t ssrc;
    uint32_t n_of_pt[128];
    const struct pcap_packet **packets;
    size_t n_packets, cap;
    struct leg_cfg cfg;
    struct leg *leg;
};

struct replay {
    const struct replay_cfg *cfg;
    const struct simd *simd;
    struct pcap pcap;
    struct stream *streams;
    unsigned n_streams, n_legs, n_unknown, n_short;
    struct replay_io io;
    struct ctl ctl;
    struct worker_stats stats;
    struct engine *engine;
    struct conf *conf;
};

/* ---- streams ---- */

static struct stream *stream_of(struct replay *r, const struct pcap_packet *p, uint32_t ssrc)
{
    for (unsigned i = 0; i < r->n_streams; i++) {
        struct stream *s = &r->streams[i];
        if (s->ssrc == ssrc && addr_same(&s->from, &p->from) && addr_same(&s->to, &p->to)) {
            return s;
        }
    }
    if (r->n_streams == REPLAY_LEGS_MAX) {
        return NULL;
    }
    struct stream *s = &r->streams[r->n_streams++];
    *s = (struct stream){ .from = p->from, .to = p->to, .ssrc = ssrc };
    return s;
}

/* Sorts the capture's packets by stream. What is not RTP is passed over. @return 0 | -ENOMEM */
static int streams_find(struct replay *r)
{
    for (size_t i = 0; i < r->pcap.n_packets; i++) {
        const struct pcap_packet *p = &r->pcap.packets[i];
        struct rtp rtp;
        if (rtp_is_rtcp(p->data, p->bytes) || rtp_parse(p->data, p->bytes, &rtp) != DROP_NONE) {
            continue;
        }
        struct stream *s = stream_of(r, p, rtp.ssrc);
        if (!s) {
            continue;
        }
        if (s->n_packets == s->cap) {
            s->cap = s->cap ? 2 * s->cap : 256;
            const struct pcap_packet **more = realloc(s->packets, s->cap * sizeof *more);
            if (!more) {
                return -ENOMEM;
            }
            s->packets = more;
        }
        s->packets[s->n_packets++] = p;
        s->n_of_pt[rtp.pt]++;
    }
    return 0;
}

static const struct replay_codec *codec_of_pt(const struct replay_cfg *cfg, unsigned pt)
{
    for (unsigned i = 0; i < cfg->n_codecs; i++) {
        if (cfg->codecs[i].pt == pt) {
            return &cfg->codecs[i];
        }
    }
    return NULL;
}

/* The leg's configuration: the voice codec that most of its packets have. @return false: none that we know */
static bool stream_configure(const struct replay_cfg *cfg, struct stream *s, unsigned i_leg)
{
    const struct replay_codec *voice = NULL;
    struct leg_cfg *leg = &s->cfg;
    *leg = (struct leg_cfg){
        .id = i_leg,
        .rtp_fd = (int)i_leg,
        .rtcp_fd = -1,
        .rtcp_mux = true,
        .remote_rtp = s->from,
        .pt_event_rx = PT_NONE,
        .pt_cn_rx = PT_NONE,
        .ptime_tx_ms = TICK_MS,
        .rx_on = true,
        .tx_on = true,
        .ssrc = SSRC_OURS + i_leg,
        .cname = "replay",
    };
    for (unsigned pt = 0; pt < ARRAY_LEN(s->n_of_pt); pt++) {
        const struct replay_codec *c = s->n_of_pt[pt] ? codec_of_pt(cfg, pt) : NULL;
        if (c && c->is_event) {
            leg->pt_event_rx = c->pt;
        } else if (c && c->is_noise) {
            leg->pt_cn_rx = c->pt;
        } else if (c && (!voice || s->n_of_pt[pt] > s->n_of_pt[voice->pt])) {
            voice = c;
        }
    }
    if (!voice) {
        return false;
    }
    leg->codec = codec_get(voice->id);
    leg->fmt = (struct codec_cfg){ .rate_hz = voice->rate_hz, .complexity = 5 };
    leg->pt_rx = leg->pt_tx = voice->pt;
    return true;
}

/* Moves what can be replayed to the front. */
static void streams_choose(struct replay *r)
{
    for (unsigned i = 0; i < r->n_streams; i++) {
        struct stream *s = &r->streams[i];
        bool is_short = s->n_packets < REPLAY_PACKETS_MIN;
        if (is_short || !stream_configure(r->cfg, s, r->n_legs)) {
            r->n_short += is_short;
            r->n_unknown += !is_short;
            continue;
        }
        struct stream chosen = *s;
        *s = r->streams[r->n_legs];
        r->streams[r->n_legs++] = chosen;
    }
}

/* ---- the engine ---- */

static int engine_open(struct replay *r)
{
    int err = replay_io_build(&r->io, r->n_legs, 2 * r->n_legs, r->simd);
    if (!err) {
        err = ctl_build(&r->ctl);
    }
    struct engine_cfg cfg = {
        .ctl = &r->ctl, .io = &r->io.io, .stats = &r->stats, .simd = r->simd, .legs_max = r->n_legs
    };
    struct conf_cfg conf = { .id = 1, .legs_max = r->n_legs, .talkers = r->cfg->talkers };
    if (!err) {
        err = engine_build(&r->engine, &cfg);
    }
    if (!err) {
        err = conf_build(&r->conf, &conf);
    }
    if (!err) {
        err = ctl_put(&r->ctl, &(struct ctl_req){ .op = CTL_CONF_OPEN, .conf = r->conf });
    }
    for (unsigned i = 0; i < r->n_legs && !err; i++) {
        struct stream *s = &r->streams[i];
        err = leg_build(&s->leg, &s->cfg);
        if (!err) {
            err = replay_io_leg(&r->io, i, s->packets, s->n_packets, &s->cfg);
        }
        if (!err) {
            err = ctl_put(&r->ctl, &(struct ctl_req){ .op = CTL_LEG_ADD, .conf = r->conf, .leg = s->leg });
        }
    }
    return err;
}

/* Runs until then; @return the time it has come to. */
static uint64_t engine_run(struct replay *r, uint64_t now_ns, uint64_t until_ns)
{
    struct ctl_ev ev;
    while (now_ns < until_ns) {
        r->io.now_ns = now_ns;
        uint64_t next_ns = engine_beat(r->engine, now_ns);
        while (ctl_take(&r->ctl, &ev)) {
            if (ev.event == EV_DTMF) {
                printf("leg %-3llu key %c, %u ms\n", (unsigned long long)ev.id, (char)ev.value, ev.duration_ms);
            }
        }
        now_ns = MAX(next_ns, now_ns + 1);
    }
    return now_ns;
}

static void engine_close(struct replay *r, uint64_t now_ns)
{
    for (unsigned i = 0; i < r->n_legs; i++) {
        ctl_put(&r->ctl, &(struct ctl_req){ .op = CTL_LEG_DROP, .conf = r->conf, .leg = r->streams[i].leg });
    }
    ctl_put(&r->ctl, &(struct ctl_req){ .op = CTL_CONF_CLOSE, .conf = r->conf });
    engine_run(r, now_ns, now_ns + 10 * TICK_NS); /* all comes back; the legs are ours again */
}

/* ---- the figures ---- */

static void leg_print(const struct replay *r, unsigned i)
{
    const struct stream *s = &r->streams[i];
    const struct leg_stats *st = leg_stats_of(s->leg);
    char from[ADDR_TEXT_MAX], to[ADDR_TEXT_MAX];
    printf("leg %-3u %s -> %s, SSRC %08x, %s\n", i, addr_text(&s->from, from), addr_text(&s->to, to), s->ssrc,
           s->cfg.codec->name);
    printf("        %zu packets, %llu lost, jitter %.1f ms, %llu decoded, %llu made up, delay up to %u ms\n",
           s->n_packets, (unsigned long long)st->rx_lost,
           1e3 * st->rx_jitter_ts / codec_clock_hz(s->cfg.codec, &s->cfg.fmt), (unsigned long long)st->decoded,
           (unsigned long long)st->concealed, st->delay_ms_max);
    for (int d = DROP_NONE + 1; d < DROPS; d++) {
        if (st->drops[d]) {
            printf("        %llu refused: %s\n", (unsigned long long)st->drops[d], drop_text((enum drop)d));
        }
    }
}

static int leg_write(const struct replay *r, unsigned i)
{
    char path[600];
    size_t n;
    const int16_t *pcm = replay_io_heard(&r->io, i, &n);
    snprintf(path, sizeof path, "%s/leg%u.wav", r->cfg->out, i);
    int err = n ? wav_write(path, pcm, n, r->streams[i].cfg.fmt.rate_hz) : 0;
    if (err) {
        fprintf(stderr, "mixminus-replay: %s cannot be written\n", path);
    }
    return err;
}

static int legs_replay(struct replay *r)
{
    uint64_t first_ns = UINT64_MAX, last_ns = 0;
    for (unsigned i = 0; i < r->n_legs; i++) {
        const struct stream *s = &r->streams[i];
        first_ns = MIN(first_ns, s->packets[0]->at_ns);
        last_ns = MAX(last_ns, s->packets[s->n_packets - 1]->at_ns);
    }
    /* Times of the capture on the engine's clock: from a second after its beginning. */
    for (size_t i = 0; i < r->pcap.n_packets; i++) {
        uint64_t at_ns = r->pcap.packets[i].at_ns;
        r->pcap.packets[i].at_ns = BEFORE_NS + (at_ns > first_ns ? at_ns - first_ns : 0);
    }
    int err = engine_open(r);
    if (err) {
        fprintf(stderr, "mixminus-replay: cannot build the engine: %s\n", strerror(-err));
        return 1;
    }
    engine_close(r, engine_run(r, TICK_NS, BEFORE_NS + last_ns - first_ns + AFTER_NS));
    for (unsigned i = 0; i < r->n_legs; i++) {
        leg_print(r, i);
        err |= leg_write(r, i);
    }
    printf("%u legs in one conference, %.1f s; what each would have heard is in %s/\n", r->n_legs,
           (double)(last_ns - first_ns) / 1e9, r->cfg->out);
    return err ? 1 : 0;
}

static void replay_close(struct replay *r)
{
    for (unsigned i = 0; r->streams && i < r->n_streams; i++) {
        free(r->streams[i].packets);
        if (r->streams[i].leg) {
            leg_free(r->streams[i].leg);
        }
    }
    if (r->conf) {
        conf_free(r->conf);
    }
    engine_free(r->engine);
    ctl_free(&r->ctl);
    replay_io_free(&r->io);
    pcap_free(&r->pcap);
    free(r->streams);
    free(r);
}

int replay_run(const struct replay_cfg *cfg)
{
    struct replay *r = calloc(1, sizeof *r);
    int code = 1;
    if (!r) {
        return 1;
    }
    r->cfg = cfg;
    r->simd = simd_pick(cfg->simd_mask);
    r->streams = calloc(REPLAY_LEGS_MAX, sizeof *r->streams);
    int err = r->streams ? pcap_read(&r->pcap, cfg->capture) : -ENOMEM;
    if (err) {
        fprintf(stderr, "mixminus-replay: %s: %s\n", cfg->capture,
                err == -EBADMSG   ? "not a capture in the classic libpcap format"
                : err == -ENOTSUP ? "a link type that is not read here"
                                  : strerror(-err));
        goto out;
    }
    if (mkdir(cfg->out, 0755) != 0 && errno != EEXIST) {
        fprintf(stderr, "mixminus-replay: %s: %s\n", cfg->out, strerror(errno));
        goto out;
    }
    err = streams_find(r);
    streams_choose(r);
    printf("%zu UDP packets, %zu other; %u RTP streams, %u of unknown payload types (--codec=PT:NAME), %u too short\n",
           r->pcap.n_packets, r->pcap.n_skipped, r->n_legs, r->n_unknown, r->n_short);
    if (err || !r->n_legs) {
        fprintf(stderr, "mixminus-replay: nothing to replay\n");
        goto out;
    }
    code = legs_replay(r);
out:
    replay_close(r);
    return code;
}
