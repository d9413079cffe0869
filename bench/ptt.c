/*
 * mixminus-bench ptt: the floor of a worker, on loopback sockets: one worker thread, and this thread as all terminals.
 *
 *   grant        from a Request's sending to its Granted; alone, and beside legs of other conferences that tick
 *   first        from a Request's sending to the first RTP at a listener, where RTP is sent from the push on
 *   rate         grants a second over all channels
 *   idle         CPU of sessions that do nothing but keep alive, their memory, and a grant beside them
 *   taken        from a Request's sending to the last Taken in one large channel
 *
 * Terminals share one socket: which session a message is for, its SSRC says.
 */
#include "bench/bench.h"
#include "bench/options.h"
#include "core/base/mem.h"
#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/media/app.h"
#include "core/media/rtp.h"
#include "core/worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, WINDOW = 400, FRAME = 160, GIVE_UP_MS = 1000, TICKING_ROOM = 5, SAMPLES_MAX = 100000 };
#define SSRC_LEG 0x10000000u
#define SSRC_TERMINAL 0x20000000u

struct settings {
    unsigned channels, members, sessions, large, ticking, pushes, seconds, cpu, client_cpu;
    bool quick, syscall, fifo;
};

struct session {
    int fd;
    struct addr at; /* of its leg */
    struct leg *leg;
    struct conf *conf;
    uint16_t seq;
    uint32_t ts;
};

struct stand {
    const struct settings *o;
    struct worker *worker;
    struct ctl *ctl;
    int client, sink; /* the terminals', and that of the legs that tick */
    struct addr client_addr, sink_addr;
    struct session *sessions;
    unsigned n_sessions, n_confs;
    struct conf **confs;
    /* what has come */
    void (*heard)(struct stand *s, unsigned i, const struct app_msg *msg); /* msg NULL: RTP */
    const struct conf *pushed;
    uint64_t granted_ns, rtp_ns, last_taken_ns;
    unsigned n_granted, n_taken, n_idle, n_open;
    bool *is_open; /* by channel: a push of it is on its way */
};

/* ---- sockets ---- */

static int socket_open(struct addr *at, int rcvbuf)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t bytes = sizeof *at;
    memset(at, 0, sizeof *at);
    at->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd < 0 || bind(fd, &at->sa, sizeof at->v4) != 0 || getsockname(fd, &at->sa, &bytes) != 0) {
        fprintf(stderr, "mixminus-bench: no socket: %s\n", strerror(errno));
        exit(1);
    }
    if (rcvbuf && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcvbuf, sizeof rcvbuf) != 0) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
    }
    return fd;
}

static void datagram_take(struct stand *s, const uint8_t *buf, size_t n)
{
    struct app_msg msg;
    size_t used;
    if (app_is(buf, n)) {
        unsigned i = load_be32(buf + 4) - SSRC_LEG;
        if (i < s->n_sessions && app_parse(buf, n, &msg, &used) == DROP_NONE) {
            s->heard(s, i, &msg);
        }
    } else if (n > RTP_HEADER_BYTES && !rtp_is_rtcp(buf, n)) {
        unsigned i = load_be32(buf + 8) - SSRC_LEG;
        if (i < s->n_sessions) {
            s->heard(s, i, NULL);
        }
    }
}

/* Takes what has come. @return how much */
static unsigned take(struct stand *s)
{
    static uint8_t bufs[BATCH][256];
    static struct iovec parts[BATCH];
    struct mmsghdr all[BATCH];
    memset(all, 0, sizeof all);
    for (unsigned i = 0; i < BATCH; i++) {
        parts[i] = (struct iovec){bufs[i], sizeof bufs[i]};
        all[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int n = recvmmsg(s->client, all, BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n; i++) {
        datagram_take(s, bufs[i], all[i].msg_len);
    }
    return (unsigned)MAX(n, 0);
}

static void say(struct stand *s, unsigned i, enum app_floor subtype)
{
    struct app_msg msg = {.name = APP_MCPT, .subtype = (uint8_t)subtype, .ssrc = SSRC_TERMINAL + i};
    uint8_t buf[64];
    size_t n = app_write(buf, &msg);
    sendto(s->client, buf, n, 0, &s->sessions[i].at.sa, sizeof s->sessions[i].at.v4);
}

static void say_rtp(struct stand *s, unsigned i, int from)
{
    struct session *at = &s->sessions[i];
    uint8_t buf[RTP_HEADER_BYTES + FRAME];
    size_t n = rtp_write(buf, 0, false, at->seq++, at->ts, SSRC_TERMINAL + i, NULL, 0);
    at->ts += FRAME;
    memset(buf + n, 0x12, FRAME); /* loud */
    sendto(from, buf, n + FRAME, 0, &at->at.sa, sizeof at->at.v4);
}

static void say_alive(struct stand *s, unsigned i, int from)
{
    uint8_t rr[8] = {0x80, 201, 0, 1};
    store_be32(rr + 4, SSRC_TERMINAL + i);
    sendto(from, rr, sizeof rr, 0, &s->sessions[i].at.sa, sizeof s->sessions[i].at.v4);
}

/* ---- the worker's side ---- */

static void put(struct stand *s, const struct ctl_req *req)
{
    while (ctl_put(s->ctl, req) != 0) {
        usleep(1000);
    }
}

static void events_drain(struct stand *s)
{
    struct ctl_ev ev;
    while (ctl_take(s->ctl, &ev)) {
    }
}

static struct conf *conf_add(struct stand *s, unsigned legs_max, bool has_floor)
{
    struct conf_cfg cfg = {.id = s->n_confs, .legs_max = legs_max, .talkers = 3, .has_floor = has_floor};
    struct conf *conf;
    must(conf_build(&conf, &cfg) == 0);
    s->confs[s->n_confs++] = conf;
    put(s, &(struct ctl_req){.op = CTL_CONF_OPEN, .conf = conf});
    if (has_floor) {
        struct ctl_req req = {.op = CTL_CONF_FLOOR, .conf = conf};
        req.floor.mode = FLOOR_MODE_HALF;
        req.floor.sleeps = true;
        req.floor.policy = (struct floor_policy)FLOOR_DEFAULTS;
        req.floor.policy.drain_ms = 200;
        put(s, &req);
    }
    return conf;
}

static void session_add(struct stand *s, struct conf *conf, bool is_ptt)
{
    unsigned i = s->n_sessions++;
    struct session *at = &s->sessions[i];
    at->fd = socket_open(&at->at, 0);
    at->conf = conf;
    struct leg_cfg cfg = {.id = i,
                          .codec = codec_get(CODEC_PCMU),
                          .fmt.rate_hz = 8000,
                          .ssrc = SSRC_LEG + i,
                          .rtp_fd = at->fd,
                          .rtcp_fd = -1,
                          .rtcp_mux = true,
                          .remote_rtp = is_ptt ? s->client_addr : s->sink_addr,
                          .pt_event_rx = PT_NONE,
                          .pt_cn_rx = PT_NONE,
                          .rx_on = true,
                          .tx_on = true,
                          .cname = "bench"};
    cfg.ptt.is_on = cfg.ptt.is_bare = cfg.ptt.speaks_floor = is_ptt;
    cfg.ptt.rights = (struct floor_rights){.priority = 5, .priority_max = 5, .may_request = true, .is_available = true};
    snprintf(cfg.ptt.identity, sizeof cfg.ptt.identity, "sip:user%u@example.org", i);
    must(leg_build(&at->leg, &cfg) == 0);
    put(s, &(struct ctl_req){.op = CTL_LEG_ADD, .leg = at->leg, .conf = conf});
}

static void nothing(struct stand *s, unsigned i, const struct app_msg *msg) {}

/* Lets it settle: what comes meanwhile is thrown away. */
static void settle(struct stand *s, unsigned ms)
{
    s->heard = nothing;
    for (uint64_t end_ns = bench_now_ns() + ms * NS_PER_MS; bench_now_ns() < end_ns;) {
        events_drain(s);
        if (!take(s)) {
            usleep(500);
        }
    }
}

/* Channels of so many, asleep; every terminal has shown where it is. */
static void stand_open(struct stand *s, const struct settings *o, unsigned channels, unsigned members, unsigned ticking)
{
    unsigned n = channels * members + ticking;
    memset(s, 0, sizeof *s);
    s->o = o;
    s->client = socket_open(&s->client_addr, 64 << 20);
    s->sink = socket_open(&s->sink_addr, 0);
    s->sessions = mem_get(n * sizeof *s->sessions);
    s->confs = mem_get((channels + ticking / TICKING_ROOM + 1) * sizeof(struct conf *));
    must(s->sessions && s->confs);
    struct worker_cfg cfg = {.cpu = (int)o->cpu,
                             .fifo_priority = o->fifo ? 1 : 0,
                             .io = o->syscall ? WORKER_IO_SYSCALL : WORKER_IO_URING,
                             .simd = simd_pick(SIMD_ALL),
                             .legs_max = MAX(ticking, 256u),
                             .asleep_max = channels * members,
                             .kits_max = 64,
                             .lazy_decode = true};
    int err = worker_start(&s->worker, &cfg);
    if (err) {
        fprintf(stderr, "mixminus-bench: no worker: %s\n", strerror(-err));
        exit(err == -EMFILE || err == -ENOSYS || err == -EPERM ? 77 : 1);
    }
    s->ctl = worker_ctl(s->worker);
    for (unsigned c = 0; c < channels; c++) {
        struct conf *conf = conf_add(s, members, true);
        for (unsigned m = 0; m < members; m++) {
            session_add(s, conf, true);
        }
    }
    for (unsigned t = 0; t < ticking; t += TICKING_ROOM) {
        struct conf *conf = conf_add(s, TICKING_ROOM, false);
        for (unsigned m = 0; m < TICKING_ROOM; m++) {
            session_add(s, conf, false);
        }
    }
    settle(s, 200);
    for (unsigned i = 0; i < s->n_sessions; i++) {
        say_alive(s, i, i < channels * members ? s->client : s->sink);
        if (i % BATCH == 0) {
            settle(s, 1);
        }
    }
    settle(s, 300);
}

static void stand_close(struct stand *s)
{
    for (unsigned i = 0; i < s->n_sessions; i++) {
        put(s, &(struct ctl_req){.op = CTL_LEG_DROP, .leg = s->sessions[i].leg});
    }
    for (unsigned i = 0; i < s->n_confs; i++) {
        put(s, &(struct ctl_req){.op = CTL_CONF_CLOSE, .conf = s->confs[i]});
    }
    struct ctl_ev ev;
    for (unsigned n_gone = 0; n_gone < s->n_sessions + s->n_confs;) {
        if (!ctl_take(s->ctl, &ev)) {
            usleep(1000);
            continue;
        }
        n_gone += ev.event == EV_LEG_GONE || ev.event == EV_CONF_GONE;
        if (ev.event == EV_LEG_GONE) {
            leg_free(ev.leg);
        } else if (ev.event == EV_CONF_GONE) {
            conf_free(ev.conf);
        } else if (ev.event == EV_ENCODER) {
            encoder_free(ev.encoder);
        }
    }
    worker_stop(s->worker);
    for (unsigned i = 0; i < s->n_sessions; i++) {
        close(s->sessions[i].fd);
    }
    close(s->client);
    close(s->sink);
    mem_put(s->sessions);
    mem_put(s->confs);
}

/* ---- grant, first ---- */

static void push_heard(struct stand *s, unsigned i, const struct app_msg *msg)
{
    uint64_t now_ns = bench_now_ns();
    if (s->sessions[i].conf != s->pushed) {
        return; /* Idle of an earlier push is repeated */
    }
    if (!msg) {
        s->rtp_ns = s->rtp_ns ? s->rtp_ns : now_ns;
    } else if (msg->subtype == APP_FLOOR_GRANTED) {
        s->granted_ns = s->granted_ns ? s->granted_ns : now_ns;
    } else if (msg->subtype == APP_FLOOR_TAKEN) {
        s->n_taken++;
        s->last_taken_ns = now_ns;
    } else if (msg->subtype == APP_FLOOR_IDLE) {
        s->n_idle++;
    }
}

/* The talkers of the legs that tick: one of each room sends. */
static void ticking_run(struct stand *s, unsigned first, uint64_t *next_ns)
{
    if (first < s->n_sessions && bench_now_ns() >= *next_ns) {
        for (unsigned i = first; i < s->n_sessions; i += TICKING_ROOM) {
            say_rtp(s, i, s->sink);
        }
        *next_ns += TICK_NS;
    }
}

/* One push. @return false: no answer. With rtp it speaks until somebody has heard it. */
static bool push(struct stand *s, unsigned i, unsigned members, unsigned first_ticking, bool rtp, double *us)
{
    uint64_t begin_ns = bench_now_ns(), next_rtp_ns = begin_ns, ticking_ns = begin_ns + TICK_NS;
    s->heard = push_heard;
    s->pushed = s->sessions[i].conf;
    s->granted_ns = s->rtp_ns = 0;
    s->n_taken = s->n_idle = 0;
    say(s, i, APP_FLOOR_REQUEST);
    while (!(rtp ? s->rtp_ns : s->granted_ns) && bench_now_ns() - begin_ns < GIVE_UP_MS * NS_PER_MS) {
        if (rtp && bench_now_ns() >= next_rtp_ns) {
            say_rtp(s, i, s->client);
            next_rtp_ns += TICK_NS;
        }
        ticking_run(s, first_ticking, &ticking_ns);
        take(s);
    }
    uint64_t end_ns = rtp ? s->rtp_ns : s->granted_ns;
    *us = (double)(end_ns - begin_ns) / 1e3;
    s->n_idle = 0;
    say(s, i, APP_FLOOR_RELEASE);
    uint64_t release_ns = bench_now_ns();
    while (s->n_idle < members && bench_now_ns() - release_ns < GIVE_UP_MS * NS_PER_MS) {
        ticking_run(s, first_ticking, &ticking_ns);
        take(s);
    }
    events_drain(s);
    return end_ns != 0;
}

static int double_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double at(const double *sorted, unsigned n, double share)
{
    return n ? sorted[MIN((unsigned)(share * n), n - 1)] : 0;
}

static void pushes_run(struct stand *s, const char *name, unsigned members, unsigned first_ticking, bool rtp)
{
    static double us[SAMPLES_MAX];
    unsigned n = 0, n_lost = 0, n_channels = first_ticking / members;
    uint64_t ticking_ns = bench_now_ns();
    for (unsigned k = 0; k < s->o->pushes; k++) {
        unsigned i = k % n_channels * members + k / n_channels % members;
        uint64_t pause_ns = bench_now_ns() + (uint64_t)(rand() % 3000) * NS_PER_US; /* at any phase of the worker's */
        while (bench_now_ns() < pause_ns) {
            ticking_run(s, first_ticking, &ticking_ns);
        }
        bool answered = push(s, i, members, first_ticking, rtp, &us[n]);
        n += answered;
        n_lost += !answered;
    }
    qsort(us, n, sizeof *us, double_order);
    bench_json_begin("ptt");
    printf(",\"case\":\"%s\",\"channels\":%u,\"members\":%u,\"ticking\":%u,\"pushes\":%u,\"unanswered\":%u,"
           "\"ms_p50\":%.3f,\"ms_p90\":%.3f,\"ms_p99\":%.3f,\"ms_max\":%.3f}\n",
           name, n_channels, members, s->n_sessions - first_ticking, n, n_lost, at(us, n, 0.5) / 1e3,
           at(us, n, 0.9) / 1e3, at(us, n, 0.99) / 1e3, at(us, n, 1) / 1e3);
    fflush(stdout);
}

/* ---- rate ---- */

/* Each channel's next push follows the Idle of the one before: heard by all, told by the first member. */
static void rate_heard(struct stand *s, unsigned i, const struct app_msg *msg)
{
    if (msg && msg->subtype == APP_FLOOR_GRANTED) {
        s->n_granted++;
        say(s, i, APP_FLOOR_RELEASE);
    } else if (msg && msg->subtype == APP_FLOOR_IDLE && i % s->o->members == 0) {
        s->n_open -= s->is_open[i / s->o->members]; /* Idle is repeated */
        s->is_open[i / s->o->members] = false;
    }
}

static double cpu_s(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void rate_run(struct stand *s)
{
    unsigned next = 0, members = s->o->members;
    s->heard = rate_heard;
    s->n_granted = s->n_open = 0;
    s->is_open = mem_get(s->o->channels);
    must(s->is_open);
    double worker_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s(CLOCK_THREAD_CPUTIME_ID);
    uint64_t begin_ns = bench_now_ns(), end_ns = begin_ns + s->o->seconds * NS_PER_S;
    while (bench_now_ns() < end_ns) {
        for (; s->n_open < MIN((unsigned)WINDOW, s->o->channels / 2); next = (next + 1) % s->o->channels) {
            if (!s->is_open[next]) {
                say(s, next * members + next % members, APP_FLOOR_REQUEST);
                s->is_open[next] = true;
                s->n_open++;
            }
        }
        take(s);
        events_drain(s);
    }
    double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
    worker_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s(CLOCK_THREAD_CPUTIME_ID) - worker_s;
    bench_json_begin("ptt");
    printf(",\"case\":\"rate\",\"channels\":%u,\"members\":%u,\"grants_per_s\":%.0f,\"worker_share\":%.2f,"
           "\"us_per_grant\":%.1f}\n",
           s->o->channels, members, s->n_granted / seconds, worker_s / seconds, worker_s * 1e6 / MAX(s->n_granted, 1u));
    fflush(stdout);
    settle(s, 500);
    mem_put(s->is_open);
}

/* ---- idle ---- */

static void idle_run(const struct settings *o)
{
    static struct stand s;
    size_t heap = mallinfo2().uordblks + mallinfo2().hblkhd;
    unsigned members = o->members, channels = o->sessions / members;
    stand_open(&s, o, channels, members, 0);
    size_t each = (mallinfo2().uordblks + mallinfo2().hblkhd - heap) / s.n_sessions;
    settle(&s, o->quick ? 2000 : 9000); /* the first keep-alives and the last Idle are over */
    double worker_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s(CLOCK_THREAD_CPUTIME_ID);
    uint64_t n_ticks = count_get(&s.ctl->stats->ticks), n_rx = count_get(&s.ctl->stats->rx_packets);
    uint64_t begin_ns = bench_now_ns(), end_ns = begin_ns + o->seconds * NS_PER_S;
    uint64_t step_ns = 25 * NS_PER_S / s.n_sessions, next_ns = begin_ns;
    unsigned i = 0;
    s.heard = nothing;
    while (bench_now_ns() < end_ns) {
        while (next_ns <= bench_now_ns()) {
            say_alive(&s, i++ % s.n_sessions, s.client);
            next_ns += step_ns;
        }
        events_drain(&s);
        while (take(&s)) {
        }
        usleep(1000);
    }
    double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
    worker_s = cpu_s(CLOCK_PROCESS_CPUTIME_ID) - cpu_s(CLOCK_THREAD_CPUTIME_ID) - worker_s;
    bench_json_begin("ptt");
    printf(",\"case\":\"idle\",\"sessions\":%u,\"members\":%u,\"cpu_percent\":%.2f,\"rx_per_s\":%.0f,\"ticks\":%lu,"
           "\"bytes_each\":%zu,\"asleep\":%lu}\n",
           s.n_sessions, members, 100 * worker_s / seconds,
           (double)(count_get(&s.ctl->stats->rx_packets) - n_rx) / seconds, count_get(&s.ctl->stats->ticks) - n_ticks,
           each, count_get(&s.ctl->stats->asleep));
    fflush(stdout);
    pushes_run(&s, "grant_beside_idle", members, s.n_sessions, false);
    stand_close(&s);
}

/* ---- taken ---- */

static void taken_run(const struct settings *o)
{
    static struct stand s;
    static double us[BENCH_ROUNDS_MAX];
    enum { ROUNDS = 21 };
    unsigned n = 0, n_missing = 0;
    stand_open(&s, o, 1, o->large, 0);
    for (unsigned k = 0; k < ROUNDS; k++) {
        s.heard = push_heard;
        s.pushed = s.sessions[0].conf;
        s.n_taken = s.n_idle = 0;
        uint64_t begin_ns = bench_now_ns();
        say(&s, k, APP_FLOOR_REQUEST);
        while (s.n_taken < o->large - 1 && bench_now_ns() - begin_ns < GIVE_UP_MS * NS_PER_MS) {
            take(&s);
        }
        n_missing += o->large - 1 - s.n_taken;
        us[n++] = (double)(s.last_taken_ns - begin_ns) / 1e3;
        say(&s, k, APP_FLOOR_RELEASE);
        settle(&s, 200);
    }
    double worst = 0;
    for (unsigned i = 0; i < n; i++) {
        worst = MAX(worst, us[i]);
    }
    bench_json_begin("ptt");
    printf(",\"case\":\"taken\",\"members\":%u,\"missing\":%u,\"ms_p50\":%.2f,\"ms_max\":%.2f}\n", o->large, n_missing,
           bench_median(us, n) / 1e3, worst / 1e3);
    fflush(stdout);
    stand_close(&s);
}

int bench_ptt(int argc, char **argv)
{
    static struct stand s;
    struct settings o = {.channels = 1000,
                         .members = 5,
                         .sessions = 10000,
                         .large = 4000,
                         .ticking = 1000,
                         .pushes = 2000,
                         .seconds = 10,
                         .client_cpu = 1};
    const struct option_line lines[] = {
        OPTION_COUNT("channels", o.channels, "of the grants"),
        OPTION_COUNT("members", o.members, "of each channel"),
        OPTION_COUNT("sessions", o.sessions, "that are idle"),
        OPTION_COUNT("large", o.large, "members of the large channel, 32 or more"),
        OPTION_COUNT("ticking", o.ticking, "legs of other conferences beside the grants"),
        OPTION_COUNT("pushes", o.pushes, "of each case that measures them, up to 100000"),
        OPTION_COUNT("seconds", o.seconds, "of rate and of idle"),
        OPTION_INT("cpu", o.cpu, "of the worker"),
        OPTION_INT("client-cpu", o.client_cpu, "of the terminals"),
        OPTION_SWITCH("fifo", o.fifo, "SCHED_FIFO for the worker, as the server has it"),
        OPTION_SWITCH("syscall", o.syscall, "system calls instead of io_uring"),
        OPTION_SWITCH("quick", o.quick, "few of all for a second: whether it works, not how well"),
        {0},
    };
    int status = options_read(argc, argv, "the floor of push-to-talk: grants, idle sessions, a large channel", lines);
    if (status >= 0) {
        return status;
    }
    if (o.quick) {
        o.channels = MIN(o.channels, 20u);
        o.sessions = MIN(o.sessions, 200u);
        o.large = MIN(o.large, 100u);
        o.ticking = MIN(o.ticking, 20u);
        o.pushes = MIN(o.pushes, 40u);
        o.seconds = 1;
    }
    if (o.pushes > SAMPLES_MAX || o.members < 2 || o.sessions < o.members || o.large < 32 || o.channels < 2) {
        fprintf(stderr, "mixminus-bench: --members from 2, --sessions fill a channel, --large from 32\n");
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    bench_pin((int)o.client_cpu);
    stand_open(&s, &o, o.channels, o.members, 0);
    pushes_run(&s, "grant", o.members, s.n_sessions, false);
    pushes_run(&s, "first", o.members, s.n_sessions, true);
    rate_run(&s);
    stand_close(&s);
    stand_open(&s, &o, o.channels, o.members, o.ticking / TICKING_ROOM * TICKING_ROOM);
    pushes_run(&s, "grant", o.members, o.channels * o.members, false);
    pushes_run(&s, "first", o.members, o.channels * o.members, true);
    stand_close(&s);
    taken_run(&o);
    idle_run(&o);
    return 0;
}
