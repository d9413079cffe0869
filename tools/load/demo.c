/*
 * The demo. Each caller first says its tone alone for a moment: from its onset at the others' ears comes the added
 * delay. Then all speak together for some seconds: from one second of that come the levels. See demo.h.
 */
#include "tools/load/demo.h"

#include "core/io_socket.h"
#include "tools/lib/spawn.h"
#include "tools/load/demo_ptt.h"
#include "tools/lib/wav.h"
#include "tools/ua/ua_leg.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CALLERS = 8, ROOMS = 2, RECORD_S = 20, LOOP_US = 500, START_TRIES = 50 };

#define SAID_DBFS (-20.0)
#define SETTLE_NS (600 * NS_PER_MS) /* codecs and jitter buffers are warm */
#define ALONE_NS (100 * NS_PER_MS)  /* of a turn alone */
#define APART_NS (250 * NS_PER_MS)  /* between their beginnings */
#define TOGETHER_NS (2500 * NS_PER_MS)
#define WINDOW_BEFORE_END_NS (300 * NS_PER_MS)
#define PATIENCE_NS (8 * NS_PER_S)
#define OWN_MAX_DB (-40.0)
/* libopus itself, given two other tones, leaves up to -28 dB where a third would be, and bends levels by 0.8 dB. */
#define OWN_MAX_OPUS_DB (-25.0)
#define ONSET_DIVISOR 4 /* an onset is where the sound passes a quarter of its peak */

/* No sum, difference or multiple of these frequencies is another: what distortion there is passes for nobody. */
static const struct {
    const char *name, *codec;
    double hz;
    int room;
} people[CALLERS] = {
    {"Alice", "PCMU", 410, 0}, {"Bob", "PCMA", 610, 0},   {"Carol", "opus", 1010, 0}, {"Dave", "L16/16000", 1490, 0},
    {"Erin", "PCMU", 2210, 0}, {"Frank", "PCMU", 430, 1}, {"Grace", "PCMU", 1010, 1}, {"Heidi", "PCMU", 1730, 1},
};

struct demo {
    const struct demo_cfg *cfg;
    struct spawn server;
    struct ua *ua;
    struct ua_leg legs[CALLERS];
    bool up[CALLERS], ended[CALLERS];
    char rooms[ROOMS][SIP_URI_BYTES_MAX];
    double setup_ms[ROOMS];
    unsigned n_redirects;
    bool answered; /* OPTIONS */
    char trouble[256];
};

static unsigned caller_of(const struct demo *d, const struct ua_leg *leg)
{
    return (unsigned)(leg - d->legs);
}

static void trouble(struct demo *d, const char *what, const char *why)
{
    if (!d->trouble[0]) {
        snprintf(d->trouble, sizeof d->trouble, "%s: %s", what, why);
    }
}

static void on_event(void *ctx, struct ua_call *call, const struct ua_event *event)
{
    struct demo *d = ctx;
    struct ua_leg *leg = call ? ua_call_tag(call) : NULL;
    unsigned who = leg ? caller_of(d, leg) : 0;
    switch (event->kind) {
    case UA_OPTIONS:
        d->answered |= event->status == 200;
        break;
    case UA_REDIRECT:
        d->n_redirects++;
        break;
    case UA_UP:
        if (ua_leg_accept(leg, event->body, event->n_body) != 0) {
            trouble(d, people[who].name, "the server's answer cannot be used");
        }
        if (!d->rooms[people[who].room][0]) {
            snprintf(d->rooms[people[who].room], SIP_URI_BYTES_MAX, "%s", ua_call_target(call));
            d->setup_ms[people[who].room] = (double)(io_socket_now() - ua_call_begin_ns(call)) / 1e6;
        }
        d->up[who] = true;
        break;
    case UA_ENDED:
        leg->call = NULL;
        d->ended[who] = true;
        if (!event->by_us) {
            trouble(d, people[who].name, event->text);
        }
        break;
    default:
        break;
    }
}

static void world_step(struct demo *d)
{
    uint64_t now_ns = io_socket_now();
    ua_step(d->ua, 0);
    for (unsigned i = 0; i < CALLERS; i++) {
        media_step(d->legs[i].media, io_socket_now());
    }
    io_socket_sleep(now_ns + LOOP_US * NS_PER_US);
}

static void world_run(struct demo *d, uint64_t until_ns)
{
    while (io_socket_now() < until_ns && !d->trouble[0]) {
        world_step(d);
    }
}

static int server_await(struct demo *d)
{
    char uri[ADDR_TEXT_MAX + 8], text[ADDR_TEXT_MAX];
    snprintf(uri, sizeof uri, "sip:%s", addr_text(&d->server.sip, text));
    for (int i = 0; i < START_TRIES && !d->answered && spawn_is_alive(&d->server); i++) {
        ua_options(d->ua, uri, NULL);
        uint64_t until_ns = io_socket_now() + 100 * NS_PER_MS;
        while (!d->answered && io_socket_now() < until_ns) {
            world_step(d);
        }
    }
    return d->answered ? 0 : -ECONNREFUSED;
}

static void callers_dial(struct demo *d, const char *factory)
{
    bool dialled[CALLERS] = {false};
    uint64_t give_up_ns = io_socket_now() + PATIENCE_NS;
    for (unsigned n_up = 0; n_up < CALLERS && !d->trouble[0];) {
        n_up = 0;
        for (unsigned i = 0; i < CALLERS; i++) {
            int room = people[i].room;
            bool is_first = i == 0 || people[i - 1].room != room;
            if (!dialled[i] && (is_first || d->rooms[room][0])) {
                struct ua_dial dial = {.target = is_first ? factory : d->rooms[room], .user = people[i].name};
                dialled[i] = true;
                if (ua_leg_dial(&d->legs[i], d->ua, dial) != 0) {
                    trouble(d, people[i].name, "cannot dial");
                }
            }
            n_up += d->up[i];
        }
        world_step(d);
        if (io_socket_now() > give_up_ns) {
            trouble(d, "calls", "not all were answered within 8 s");
        }
    }
}

/* @return when the window of the levels ends */
static uint64_t turns_set(struct demo *d)
{
    uint64_t begin_ns = io_socket_now() + SETTLE_NS, together_ns = begin_ns + CALLERS * APART_NS;
    for (unsigned i = 0; i < CALLERS; i++) {
        media_turn(d->legs[i].media, begin_ns + i * APART_NS, begin_ns + i * APART_NS + ALONE_NS);
        media_turn(d->legs[i].media, together_ns, together_ns + TOGETHER_NS + NS_PER_S);
    }
    return together_ns + TOGETHER_NS - WINDOW_BEFORE_END_NS;
}

/* ---- judging ---- */

/* The last second that had come by then. @return false: there is none */
static bool window_at(const struct media_heard *heard, uint64_t end_ns, const int16_t **pcm)
{
    size_t end = 0;
    for (size_t i = 0; i < heard->n_packets && heard->packets[i].at_ns <= end_ns; i++) {
        end = heard->packets[i].at + heard->packets[i].n;
    }
    if (end < heard->rate_hz) {
        return false;
    }
    *pcm = heard->pcm + end - heard->rate_hz;
    return true;
}

/* From the packet in which talker's turn alone began, to the moment that its sound was in listener's hands. @return ms,
 * negative: never heard */
static double onset_delay_ms(const struct demo *d, unsigned listener, unsigned talker)
{
    struct media_heard heard = media_heard(d->legs[listener].media);
    uint64_t sent_ns = media_turn_sent_ns(d->legs[talker].media, 0);
    int threshold = (int)(32767 * pow(10, SAID_DBFS / 20)) / ONSET_DIVISOR;
    for (size_t i = 0; i < heard.n_packets; i++) {
        const struct media_packet *p = &heard.packets[i];
        if (p->at_ns < sent_ns || p->at_ns > sent_ns + APART_NS) {
            continue;
        }
        for (size_t k = 0; k < p->n; k++) {
            if (abs(heard.pcm[p->at + k]) > threshold) {
                return (double)(p->at_ns - sent_ns) / 1e6 + 1e3 * (double)k / heard.rate_hz;
            }
        }
    }
    return -1;
}

static bool is_opus(unsigned caller)
{
    return strcmp(people[caller].codec, "opus") == 0;
}

static double tolerance_db(unsigned listener, unsigned talker)
{
    return is_opus(listener) || is_opus(talker) ? 3.0 : 1.0;
}

static double own_max_db(unsigned listener)
{
    return is_opus(listener) ? OWN_MAX_OPUS_DB : OWN_MAX_DB;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* One line of the table. @return wrong cells in it */
static unsigned listener_print(struct demo *d, unsigned listener, uint64_t end_ns)
{
    struct media_heard heard = media_heard(d->legs[listener].media);
    const int16_t *pcm;
    double delays_ms[CALLERS];
    unsigned n_delays = 0, n_wrong = 0;
    printf("  %-6s %-9s", people[listener].name, people[listener].codec);
    if (!window_at(&heard, end_ns, &pcm)) {
        printf(" heard too little\n");
        return 1;
    }
    for (unsigned t = 0; t < CALLERS; t++) {
        if (people[t].room != people[listener].room) {
            continue;
        }
        double db = tone_level(pcm, heard.rate_hz, heard.rate_hz, people[t].hz) - SAID_DBFS;
        bool own = t == listener, right = own ? db <= own_max_db(t) : fabs(db) <= tolerance_db(listener, t);
        char cell[16];
        snprintf(cell, sizeof cell, own ? "[%.0f]" : "%+.1f", db);
        printf(" %6s%s", cell, right ? " " : "!");
        n_wrong += !right;
        double delay_ms = own ? -1 : onset_delay_ms(d, listener, t);
        if (delay_ms >= 0) {
            delays_ms[n_delays++] = delay_ms;
        }
    }
    qsort(delays_ms, n_delays, sizeof *delays_ms, compare_doubles);
    if (n_delays) {
        printf("  %5.1f ms\n", delays_ms[n_delays / 2]);
    } else {
        printf("  %8s\n", "-");
    }
    return n_wrong;
}

static unsigned room_print(struct demo *d, int room, uint64_t end_ns)
{
    unsigned n_wrong = 0;
    printf("\nConference %d, made in %.1f ms (INVITE to the factory, 302, INVITE, 200)\n", room + 1, d->setup_ms[room]);
    printf("  %-6s %-9s", "hears", "codec");
    for (unsigned t = 0; t < CALLERS; t++) {
        if (people[t].room == room) {
            printf(" %6s ", people[t].name);
        }
    }
    printf("  added delay\n");
    for (unsigned i = 0; i < CALLERS; i++) {
        n_wrong += people[i].room == room ? listener_print(d, i, end_ns) : 0;
    }
    return n_wrong;
}

static unsigned recordings_write(struct demo *d)
{
    unsigned n = 0;
    for (unsigned i = 0; i < CALLERS; i++) {
        char path[512];
        struct media_heard heard = media_heard(d->legs[i].media);
        snprintf(path, sizeof path, "%s/%s.wav", d->cfg->out, people[i].name);
        n += heard.n && wav_write(path, heard.pcm, heard.n, heard.rate_hz) == 0;
    }
    return n;
}

static int verdict(struct demo *d, uint64_t end_ns)
{
    unsigned n_wrong = 0;
    uint64_t n_lost = 0;
    printf(
        "Each row is one caller's ear, each column a voice: +0.0 is as loud as it was said, [ ] is the caller's\n"
        "own voice, which must be gone (%.0f dB or less; Opus, which bends sums of tones, %.0f). \"!\" marks what is\n"
        "wrong.\n",
        OWN_MAX_DB, OWN_MAX_OPUS_DB);
    for (int room = 0; room < ROOMS; room++) {
        n_wrong += room_print(d, room, end_ns);
    }
    for (unsigned i = 0; i < CALLERS; i++) {
        n_lost += media_stats(d->legs[i].media)->rx_lost;
    }
    unsigned n_files = recordings_write(d);
    printf("\nWhat each caller heard is in %s/ (%u WAV files), the server's log in %s/mixminusd.log.\n", d->cfg->out,
           n_files, d->cfg->out);
    if (n_wrong || n_lost || n_files != CALLERS) {
        printf("WRONG: %u of the levels are not as they must be, %llu packets were lost.\n", n_wrong,
               (unsigned long long)n_lost);
        return 1;
    }
    printf("Right: everybody hears everybody else and nobody himself (N-1), no packet was lost.\n");
    return 0;
}

/* ---- the whole ---- */

static int callers_open(struct demo *d)
{
    struct ua_cfg cfg = {.user = "demo", .transport = FLOW_UDP};
    struct ua_user user = {d, on_event};
    addr_parse(&cfg.local, "127.0.0.1", 0);
    int err = ua_build(&d->ua, &cfg, &user);
    for (unsigned i = 0; i < CALLERS && !err; i++) {
        struct media_cfg media = {
            .local = cfg.local,
            .simd = simd_pick(SIMD_ALL),
            .record_s = RECORD_S,
            .tone = {.hz = people[i].hz, .dbfs = SAID_DBFS},
        };
        err = ua_leg_open(&d->legs[i], people[i].codec, 20, &media);
    }
    return err;
}

static int calls_run(struct demo *d)
{
    char factory[ADDR_TEXT_MAX + 32], text[ADDR_TEXT_MAX];
    snprintf(factory, sizeof factory, "sip:conferences@%s", addr_text(&d->server.sip, text));
    printf("%d callers dial %s; the first of each conference follows the 302.\n", CALLERS, factory);
    callers_dial(d, factory);
    uint64_t end_ns = turns_set(d);
    world_run(d, end_ns + 2 * WINDOW_BEFORE_END_NS);
    for (unsigned i = 0; i < CALLERS; i++) {
        if (d->legs[i].call) {
            ua_hangup(d->legs[i].call);
        }
    }
    uint64_t until_ns = io_socket_now() + NS_PER_S;
    while (ua_n_calls(d->ua) > 0 && io_socket_now() < until_ns) {
        world_step(d);
    }
    if (!d->trouble[0] && d->n_redirects != ROOMS) {
        trouble(d, "factory", "did not redirect the first callers");
    }
    return d->trouble[0] ? 1 : verdict(d, end_ns);
}

static int out_make(const char *path)
{
    char parent[512];
    snprintf(parent, sizeof parent, "%s", path);
    for (char *slash = strchr(parent + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        mkdir(parent, 0755);
        *slash = '/';
    }
    return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -errno;
}

int demo_run(const struct demo_cfg *cfg)
{
    /* More speak here than the usual three loudest. Opus codes several sines at once truly only in its full band: at
     * 16 kHz its model of a voice bends their levels by more than what is to be shown. */
    char control[SPAWN_FLAG_BYTES];
    const char *const flags[] = {"--talkers=0", "--opus-rate=48000", control};
    struct demo *d = calloc(1, sizeof *d);
    char log[512];
    int code = 1;
    if (!d) {
        return 1;
    }
    d->cfg = cfg;
    snprintf(log, sizeof log, "%s/mixminusd.log", cfg->out);
    /* Not in cfg->out: such a path has 108 octets at most. */
    snprintf(control, sizeof control, "--control-socket=/tmp/mixminus-demo.%ld", (long)getpid());
    int err = out_make(cfg->out);
    if (err) {
        trouble(d, cfg->out, strerror(-err));
        goto out;
    }
    err = callers_open(d);
    if (err) {
        trouble(d, "sockets on 127.0.0.1", strerror(-err));
        goto out;
    }
    err = spawn_start(&d->server, cfg->server, flags, ARRAY_LEN(flags), log);
    if (err || server_await(d) != 0) {
        trouble(d, cfg->server, err ? strerror(-err) : "does not answer OPTIONS; see mixminusd.log beside the WAVs");
        goto out;
    }
    code = calls_run(d);
    if (code == 0) {
        code = demo_ptt(&d->server.sip, strchr(control, '=') + 1, d->trouble);
    }
out:
    if (d->trouble[0]) {
        fprintf(stderr, "mixminus-load: the demo failed: %s\n", d->trouble);
        code = 1;
    }
    spawn_stop(&d->server);
    for (unsigned i = 0; i < CALLERS; i++) {
        ua_leg_close(&d->legs[i]);
    }
    ua_free(d->ua);
    free(d);
    return code;
}
