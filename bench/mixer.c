/*
 * mixminus-bench mixer: the engine without a network. Rooms over an I/O back end of memory, on a virtual clock: CPU of
 * a leg's tick (both directions: packet in, decode, mix, encode, packet out), how many encodes that took, and in the
 * same rounds the same rooms with sharing forbidden: an encode for every leg, as the peers do. Lazy decoding, without
 * and with levels in the packets' headers, is compared with the same rooms where everybody is decoded.
 */
#include "bench/bench.h"
#include "bench/mem_io.h"
#include "bench/options.h"

#include "core/base/mem.h"
#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/engine.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    VOICES = 8,
    QUIET_TICKS = 25, /* nobody speaks yet: encoders find together */
    VOICED_TICKS = 15,
    MIXED = 5,
    LEGS_PLAIN = 600, /* small rooms are as many as make about so many legs */
    LEGS_OPUS = 100,
    OPUS_ROOM_MAX = 200,
    LIST_MAX = 16
};

/* One way to speak, with its voices made ready. */
struct tongue {
    const char *name;
    enum codec_id id;
    uint32_t rate_hz;
    uint8_t pt;
    struct codec_cfg fmt;
    struct mem_voice voices[VOICES + 1]; /* the last is a quiet room */
};

static struct tongue tongues[MIXED] = {
    {.name = "pcmu", .id = CODEC_PCMU, .rate_hz = 8000, .pt = 0},
    {.name = "opus16", .id = CODEC_OPUS, .rate_hz = 16000, .pt = 111},
    {.name = "g722", .id = CODEC_G722, .rate_hz = 16000, .pt = 9},
    {.name = "l16", .id = CODEC_L16, .rate_hz = 16000, .pt = 96},
    {.name = "opus48", .id = CODEC_OPUS, .rate_hz = 48000, .pt = 111},
};

/* How the engine decodes; appended to the name of a case. */
enum manner { EAGER, LAZY, LEVELS, MANNERS };

static const char *const manner_names[MANNERS] = {"", "-lazy", "-levels"};

struct shape {
    const char *codec;
    enum manner manner;
    unsigned room, rooms, talkers; /* talkers 0: all */
};

struct settings {
    char codecs[128], rooms[96], talkers[96];
    int cpu;
    unsigned legs, rounds, seconds;
    bool quick;
};

/* One engine with its rooms. */
struct hall {
    struct mem_io io;
    struct ctl ctl;
    struct worker_stats stats;
    struct engine *engine;
    struct codec *codecs; /* [n_legs] one of its own for every leg: nobody shares. NULL: they may */
    struct conf **confs;
    struct leg **legs;
    unsigned n_confs, n_legs;
    uint64_t now_ns, end_ns, ticks;
};

/* ---- voices ---- */

static int16_t voice_pcm(unsigned voice, double t)
{
    if (voice == VOICES) {
        return (int16_t)(rand() % 17 - 8);
    }
    double hz = 110 + 23 * voice, sum = 0;
    for (unsigned h = 1; h <= 12; h++) {
        sum += sin(2 * M_PI * hz * h * t + h) / h;
    }
    return (int16_t)(3000 * sum * (0.55 - 0.45 * cos(2 * M_PI * 4 * t)) + rand() % 65 - 32);
}

static void tongue_voice(struct tongue *t, const struct codec *codec, void *encoder, unsigned voice)
{
    int16_t pcm[FRAME_SAMPLES_MAX] ALIGNED_LINE = {0};
    uint8_t payload[PACKET_STRIDE_BYTES] ALIGNED_LINE;
    size_t n = t->rate_hz / 1000 * TICK_MS, at = 0;
    must(!codec->encoder_init || codec->encoder_init(encoder, &t->fmt) == 0);
    for (unsigned frame = 0; frame < 2 * MEM_LOOP; frame++) { /* one loop to warm the encoder up, one to keep */
        for (size_t i = 0; i < n; i++, at++) {
            pcm[i] = voice_pcm(voice, (double)at / t->rate_hz);
        }
        int bytes = codec->encode(encoder, simd_pick(SIMD_ALL), pcm, n, payload, PACKET_BYTES_MAX);
        must(bytes > 0 && bytes <= MEM_PAYLOAD_MAX);
        t->voices[voice].bytes[frame % MEM_LOOP] = (uint16_t)bytes;
        memcpy(t->voices[voice].payload[frame % MEM_LOOP], payload, (size_t)bytes);
        uint64_t squares;
        simd_pick(SIMD_ALL)->level(pcm, n, &squares);
        t->voices[voice].level_dbov[frame % MEM_LOOP] = level_dbov(squares, n);
    }
}

static void tongues_open(void)
{
    for (unsigned i = 0; i < MIXED; i++) {
        struct tongue *t = &tongues[i];
        const struct codec *codec = codec_get(t->id);
        t->fmt = (struct codec_cfg){.rate_hz = t->rate_hz, .complexity = 5};
        void *encoder = codec->encoder_size ? mem_get(codec->encoder_size()) : NULL;
        for (unsigned voice = 0; voice <= VOICES; voice++) {
            tongue_voice(t, codec, encoder, voice);
        }
        mem_put(encoder);
    }
}

static const struct tongue *tongue_of(const char *codec, unsigned member)
{
    size_t n = strcspn(codec, "-");
    for (unsigned i = 0; i < MIXED; i++) {
        if (strlen(tongues[i].name) == n && strncmp(tongues[i].name, codec, n) == 0) {
            return &tongues[i];
        }
    }
    return &tongues[member % MIXED];
}

/* @return MANNERS: none that is known */
static enum manner manner_of(const char *codec)
{
    const char *name = codec + strcspn(codec, "-");
    enum manner m = EAGER;
    while (m < MANNERS && strcmp(manner_names[m], name) != 0) {
        m++;
    }
    return m;
}

/* ---- hall ---- */

static void hall_run(struct hall *h, uint64_t ticks)
{
    h->end_ns += ticks * TICK_NS;
    h->ticks += ticks;
    while (h->now_ns < h->end_ns) {
        h->io.now_ns = h->now_ns;
        h->now_ns = MIN(engine_beat(h->engine, h->now_ns), h->end_ns);
    }
}

static void hall_put(struct hall *h, const struct ctl_req *req)
{
    while (ctl_put(&h->ctl, req)) {
        hall_run(h, 1);
    }
}

static void leg_enter(struct hall *h, const struct shape *s, unsigned i)
{
    const struct tongue *t = tongue_of(s->codec, i % s->room);
    const struct codec *codec = codec_get(t->id);
    struct leg_cfg c = {
        .id = i,
        .rtp_fd = (int)i,
        .rtcp_fd = -1,
        .codec = codec,
        .fmt = t->fmt,
        .pt_rx = t->pt,
        .pt_tx = t->pt,
        .ext_level_rx = s->manner == LEVELS,
        .pt_event_rx = PT_NONE,
        .pt_cn_rx = PT_NONE,
        .rx_on = true,
        .tx_on = true,
        .ssrc = UINT32_MAX - i, /* the feeds have theirs from 1 on */
        .cname = "bench",
    };
    if (h->codecs) {
        h->codecs[i] = *codec;
        c.codec = &h->codecs[i];
    }
    must(addr_parse(&c.remote_rtp, "127.0.0.1", (uint16_t)(1024 + i)) == 0);
    must(leg_build(&h->legs[i], &c) == 0);
    h->io.feeds[i] = (struct mem_feed){
        .voice = &t->voices[VOICES],
        .peer = c.remote_rtp,
        .next_ns = h->now_ns + i * 7919u % 100 * 200 * NS_PER_US,
        .clock = codec_clock_hz(codec, &t->fmt) / 1000 * TICK_MS,
        .pt = t->pt,
        .ext_level = c.ext_level_rx,
    };
    hall_put(h, &(struct ctl_req){.op = CTL_LEG_ADD, .leg = h->legs[i], .conf = h->confs[i / s->room]});
}

/* alone: an encode for every leg; lazy: not everybody is decoded. */
static void hall_open(struct hall *h, const struct shape *s, bool alone, bool lazy)
{
    *h = (struct hall){.n_confs = s->rooms, .n_legs = s->room * s->rooms};
    mem_io_build(&h->io, h->n_legs, 2 * h->n_legs);
    h->now_ns = h->end_ns = h->io.now_ns;
    h->confs = mem_get(h->n_confs * sizeof *h->confs);
    h->legs = mem_get(h->n_legs * sizeof *h->legs);
    h->codecs = alone ? mem_get(h->n_legs * sizeof *h->codecs) : NULL;
    must(h->confs && h->legs && (h->codecs || !alone) && ctl_build(&h->ctl) == 0);
    struct engine_cfg cfg = {
        .ctl = &h->ctl,
        .io = &h->io.io,
        .stats = &h->stats,
        .simd = simd_pick(SIMD_ALL),
        .legs_max = h->n_legs,
        .lazy_decode = lazy,
    };
    must(engine_build(&h->engine, &cfg) == 0);
    for (unsigned i = 0; i < h->n_confs; i++) {
        struct conf_cfg c = {.id = i, .legs_max = s->room, .talkers = s->talkers};
        must(conf_build(&h->confs[i], &c) == 0);
        hall_put(h, &(struct ctl_req){.op = CTL_CONF_OPEN, .conf = h->confs[i]});
    }
    for (unsigned i = 0; i < h->n_legs; i++) {
        leg_enter(h, s, i);
        if (i % CTL_BATCH == CTL_BATCH - 1) {
            hall_run(h, 1); /* no leg talks before all are there */
        }
    }
    hall_run(h, QUIET_TICKS);
    for (unsigned i = 0; i < h->n_legs; i++) {
        unsigned member = i % s->room, talkers = s->talkers ? s->talkers : s->room;
        const struct tongue *t = tongue_of(s->codec, member);
        h->io.feeds[i].voice = &t->voices[member < talkers ? member % VOICES : VOICES];
    }
    hall_run(h, VOICED_TICKS);
}

static void events_drain(struct hall *h)
{
    struct ctl_ev ev;
    while (ctl_take(&h->ctl, &ev)) {
        if (ev.event == EV_LEG_GONE) {
            leg_free(ev.leg);
        } else if (ev.event == EV_ENCODER) {
            encoder_free(ev.encoder);
        } else if (ev.event == EV_CONF_GONE) {
            conf_free(ev.conf);
        }
    }
}

static void hall_close(struct hall *h)
{
    for (unsigned i = 0; i < h->n_legs; i++) {
        hall_put(h, &(struct ctl_req){.op = CTL_LEG_DROP, .leg = h->legs[i]});
        if (i % CTL_BATCH == 0) {
            hall_run(h, 1);
            events_drain(h);
        }
    }
    for (unsigned i = 0; i < h->n_confs; i++) {
        hall_put(h, &(struct ctl_req){.op = CTL_CONF_CLOSE, .conf = h->confs[i]});
    }
    while (count_get(&h->stats.confs) + count_get(&h->stats.legs)) {
        hall_run(h, 1);
        events_drain(h);
    }
    hall_run(h, 1);
    events_drain(h);
    engine_free(h->engine);
    ctl_free(&h->ctl);
    mem_io_free(&h->io);
    mem_put(h->confs);
    mem_put(h->legs);
    mem_put(h->codecs);
}

/* ---- measuring ---- */

static void loop_hall(void *context, size_t times)
{
    hall_run(context, times);
}

/* Packets that were refused: 0, or the engine has no room for this shape. */
static uint64_t hall_drops(const struct hall *h)
{
    uint64_t sum = 0;
    for (unsigned i = 1; i < DROPS; i++) {
        sum += count_get(&h->stats.drops[i]);
    }
    return sum;
}

static void shape_measure(const struct settings *o, const struct shape *s)
{
    static struct hall shared, alone;
    struct bench_subject subjects[] = {{loop_hall, &shared}, {loop_hall, &alone}};
    struct bench_result results[2];
    double encoded[2], shared_frames;
    hall_open(&shared, s, false, false);
    hall_open(&alone, s, true, false);
    uint64_t before[] = {count_get(&shared.stats.encoded), count_get(&alone.stats.encoded)};
    uint64_t shared_before = count_get(&shared.stats.encode_shared), ticks_before[] = {shared.ticks, alone.ticks};
    bench_run(subjects, 2, o->rounds, 1, o->quick ? 5000 : 20000, results);
    double legs = shared.n_legs, frames = (double)(shared.ticks - ticks_before[0]) * legs;
    encoded[0] = (double)(count_get(&shared.stats.encoded) - before[0]) / frames;
    shared_frames = (double)(count_get(&shared.stats.encode_shared) - shared_before) / frames;
    encoded[1] =
        (double)(count_get(&alone.stats.encoded) - before[1]) / ((double)(alone.ticks - ticks_before[1]) * legs);
    bench_json_begin("mixer");
    printf(",\"codec\":\"%s\",\"room\":%u,\"rooms\":%u,\"legs\":%.0f,\"talkers\":%u,\"all_talk\":%s,"
           "\"ns_per_leg_tick\":%.0f,\"us_per_participant_s\":%.1f,\"encodes_per_leg_frame\":%.4f,"
           "\"shared_per_leg_frame\":%.4f,\"alone_ns_per_leg_tick\":%.0f,\"alone_encodes_per_leg_frame\":%.4f,"
           "\"alone_ratio\":%.2f,\"drops\":%llu,\"rounds\":%u}\n",
           s->codec, s->room, s->rooms, legs, s->talkers ? s->talkers : s->room, s->talkers ? "false" : "true",
           results[0].ns / legs, results[0].ns / legs * 0.05, encoded[0], shared_frames, results[1].ns / legs,
           encoded[1], 1 / results[1].ratio, (unsigned long long)hall_drops(&shared), o->rounds);
    fflush(stdout);
    hall_close(&shared);
    hall_close(&alone);
}

static void lazy_measure(const struct settings *o, const struct shape *s)
{
    static struct hall lazy, eager;
    struct bench_subject subjects[] = {{loop_hall, &lazy}, {loop_hall, &eager}};
    struct bench_result results[2];
    hall_open(&lazy, s, false, true);
    hall_open(&eager, s, false, false);
    uint64_t ticks = lazy.ticks, decoded = count_get(&lazy.stats.decoded), warmed = count_get(&lazy.stats.warmed);
    bench_run(subjects, 2, o->rounds, 1, o->quick ? 5000 : 20000, results);
    double legs = lazy.n_legs, frames = (double)(lazy.ticks - ticks) * legs;
    bench_json_begin("mixer");
    printf(",\"codec\":\"%s\",\"room\":%u,\"rooms\":%u,\"legs\":%.0f,\"talkers\":%u,\"all_talk\":false,"
           "\"ns_per_leg_tick\":%.0f,\"us_per_participant_s\":%.1f,\"decodes_per_leg_frame\":%.4f,"
           "\"warm_ups_per_leg_frame\":%.4f,\"all_decoded_us_per_participant_s\":%.1f,\"all_decoded_ratio\":%.2f,"
           "\"drops\":%llu,\"rounds\":%u}\n",
           s->codec, s->room, s->rooms, legs, s->talkers, results[0].ns / legs, results[0].ns / legs * 0.05,
           (double)(count_get(&lazy.stats.decoded) - decoded) / frames,
           (double)(count_get(&lazy.stats.warmed) - warmed) / frames, results[1].ns / legs * 0.05, 1 / results[1].ratio,
           (unsigned long long)hall_drops(&lazy), o->rounds);
    fflush(stdout);
    hall_close(&lazy);
    hall_close(&eager);
}

static bool is_opus(const char *codec)
{
    return strncmp(codec, "opus", 4) == 0 || strcmp(codec, "mixed") == 0;
}

/* A shape that the list implies; large ones of Opus take minutes and must be asked for. */
static void shape_take(const struct settings *o, const char *codec, unsigned room, const char *talkers, bool asked)
{
    struct shape s = {.codec = codec, .room = room, .manner = manner_of(codec)};
    unsigned about = o->legs ? o->legs : is_opus(codec) ? LEGS_OPUS : LEGS_PLAIN;
    s.talkers = strcmp(talkers, "all") == 0 ? 0 : (unsigned)strtoul(talkers, NULL, 10);
    s.rooms = o->quick ? 1 : MAX(about / room, 1u);
    if (s.talkers >= room || s.talkers > TALKERS_MAX || (!asked && is_opus(codec) && room > OPUS_ROOM_MAX)) {
        return;
    }
    if (s.manner == EAGER) {
        shape_measure(o, &s);
    } else if (s.talkers) { /* where all are heard, all are decoded */
        lazy_measure(o, &s);
    }
}

static int mixer_run(const struct settings *o)
{
    char codecs[LIST_MAX][OPTION_WORD], rooms[LIST_MAX][OPTION_WORD], talkers[LIST_MAX][OPTION_WORD];
    bool asked = o->rooms[0] != '\0';
    unsigned n_codecs = option_list(o->codecs, codecs, LIST_MAX),
             n_talkers = option_list(o->talkers, talkers, LIST_MAX);
    const char *all_rooms = o->quick ? "5,100" : "3,5,10,100,200,1000,4000";
    unsigned n_rooms = option_list(asked ? o->rooms : all_rooms, rooms, LIST_MAX);
    uint64_t until_ns = bench_now_ns() + o->seconds * NS_PER_S;
    for (unsigned c = 0; c < n_codecs; c++) {
        for (unsigned r = 0; r < n_rooms; r++) {
            for (unsigned t = 0; t < n_talkers; t++) {
                unsigned room = (unsigned)strtoul(rooms[r], NULL, 10);
                if (room < 1 || room > CONF_LEGS_MAX) {
                    fprintf(stderr, "mixminus-bench: a room has 1 to %d legs\n", CONF_LEGS_MAX);
                    return 2;
                }
                if (bench_now_ns() > until_ns) {
                    fprintf(stderr,
                            "mixminus-bench: --seconds is over; the cases from %s, rooms of %u on are left out\n",
                            codecs[c], room);
                    return 0;
                }
                shape_take(o, codecs[c], room, talkers[t], asked);
            }
        }
    }
    return 0;
}

static bool codecs_are_known(const char *list)
{
    char words[LIST_MAX][OPTION_WORD];
    unsigned n = option_list(list, words, LIST_MAX);
    for (unsigned i = 0; i < n; i++) {
        const struct tongue *t = tongue_of(words[i], 0);
        enum manner manner = manner_of(words[i]);
        bool known = strncmp(t->name, words[i], strlen(t->name)) == 0 && manner < MANNERS &&
                     (manner == EAGER || t->id == CODEC_OPUS);
        if (!known && strcmp(words[i], "mixed") != 0) {
            return false;
        }
    }
    return n > 0;
}

int bench_mixer(int argc, char **argv)
{
    struct settings o = {.codecs = "", .talkers = "1,3,all", .cpu = 1, .rounds = 3, .seconds = 170};
    const struct option_line lines[] = {
        OPTION_TEXT("codecs", o.codecs,
                    "of pcmu, g722, l16, opus16, opus48, each Opus with -lazy or -levels, and mixed"),
        OPTION_TEXT("rooms", o.rooms, "legs in a room; by codec 3,5,10,100,200,1000,4000, Opus up to 200"),
        OPTION_TEXT("talkers", o.talkers, "who speaks and is heard in each"),
        OPTION_COUNT("legs", o.legs, "about so many, as rooms of each size; 600, with Opus 100"),
        OPTION_INT("cpu", o.cpu, "to run on"),
        OPTION_COUNT("rounds", o.rounds, "to take the median of"),
        OPTION_COUNT("seconds", o.seconds, "no new case after so long"),
        OPTION_SWITCH("quick", o.quick, "a few cases in seconds: whether it works, not how fast"),
        {0},
    };
    int status = options_read(argc, argv, "the engine without a network; JSON lines", lines);
    if (status >= 0) {
        return status;
    }
    if (o.quick) {
        o.rounds = 1;
        o.seconds = MIN(o.seconds, 15u);
    }
    if (!o.codecs[0]) {
        snprintf(o.codecs, sizeof o.codecs, "%s",
                 o.quick ? "pcmu,opus16,opus16-lazy,opus16-levels,mixed"
                         : "pcmu,g722,l16,opus16,opus16-lazy,opus16-levels,opus48,opus48-lazy,mixed");
    }
    if (!codecs_are_known(o.codecs) || o.rounds > BENCH_ROUNDS_MAX) {
        fprintf(stderr,
                "mixminus-bench: --codecs takes pcmu, g722, l16, opus16, opus48 (-lazy, -levels) and mixed; --rounds "
                "up to %d\n",
                BENCH_ROUNDS_MAX);
        return 2;
    }
    bench_pin(o.cpu);
    tongues_open();
    return mixer_run(&o);
}
