/* Starting, loading and reading a peer. See match.h. */
#include "bench/bench.h"
#include "bench/janus.h"
#include "bench/json.h"
#include "bench/match.h"
#include "bench/noise.h"
#include "bench/options.h"
#include "bench/pump.h"

#include "core/base/stats.h"
#include "core/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FLAGS_MAX = 32, FLAG_BYTES = 320, JOIN_RATE = 1000, PATIENCE_S = 60, RSS_LINES = 600, RSS_LINES_MIN = 8 };
static const double loss_max = 0.001;

const char *peer_name(enum peer peer)
{
    static const char *const names[PEERS] = {"reflector", "mixminus", "echo", "janus"};
    return names[peer];
}

bool peer_is_there(enum peer peer)
{
    return peer != PEER_JANUS || janus_is_there();
}

unsigned peers_read(const char *list, enum peer peers[PEERS])
{
    char words[PEERS][OPTION_WORD];
    unsigned n_words = option_list(list, words, PEERS), n = 0;
    for (unsigned i = 0; i < n_words; i++) {
        enum peer p = 0;
        while (p < PEERS && strcmp(words[i], peer_name(p)) != 0) {
            p++;
        }
        if (p == PEERS) {
            fprintf(stderr, "mixminus-bench: there is no peer %s; there are reflector, mixminus, echo and janus\n",
                    words[i]);
            return 0;
        }
        if (!peer_is_there(p)) {
            fprintf(stderr, "mixminus-bench: %s is not installed (package janus): left out\n", peer_name(p));
            continue;
        }
        peers[n++] = p;
    }
    return n;
}

int stand_begin(struct stand *stand)
{
    if (!stand_has_uring()) {
        fprintf(stderr, "mixminus-bench: io_uring is refused here, and the reflector needs it: skipped\n");
        return 77;
    }
    return stand_open(stand) ? 1 : -1;
}

bool stand_has_uring(void)
{
    static struct worker_stats stats;
    struct io *io = NULL;
    int err = uring_build(&io, 4, &stats);
    if (!err) {
        io->ops->free(io);
    }
    return err == 0;
}

/* ---- processes ---- */

pid_t stand_spawn(const struct stand *stand, const char *const *argv, int cpu, bool fifo, const char *out)
{
    char path[STAND_TEXT + 40];
    snprintf(path, sizeof path, "%s/%s", stand->dir, out);
    pid_t pid = fork();
    if (pid != 0) {
        return pid > 0 ? pid : -errno;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* nothing is left behind by a bench that is interrupted */
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    strcat(path, ".err");
    int log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (cpu >= 0) {
        bench_pin(cpu);
    }
    struct sched_param p = {.sched_priority = 1};
    if (fifo) {
        sched_setscheduler(0, SCHED_FIFO, &p); /* refused: noisier, for all peers alike */
    }
    if (fd >= 0 && log >= 0 && dup2(fd, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0) {
        execv(argv[0], (char *const *)argv);
    }
    _exit(127);
}

/* @return true: it is over */
static bool child_await(pid_t pid, double seconds)
{
    for (uint64_t until_ns = bench_now_ns() + (uint64_t)(seconds * 1e9);; usleep(5000)) {
        if (waitpid(pid, NULL, WNOHANG) != 0) {
            return true;
        }
        if (bench_now_ns() > until_ns) {
            return false;
        }
    }
}

void stand_end(pid_t pid)
{
    kill(pid, SIGTERM);
    if (!child_await(pid, 5)) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
}

/* Flags of a program to be started. */
struct flags {
    char text[FLAGS_MAX][FLAG_BYTES];
    const char *argv[FLAGS_MAX + 1];
    unsigned n;
};

static void flag_add(struct flags *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void flag_add(struct flags *f, const char *format, ...)
{
    va_list list;
    must(f->n < FLAGS_MAX);
    va_start(list, format);
    vsnprintf(f->text[f->n], FLAG_BYTES, format, list);
    va_end(list);
    f->argv[f->n] = f->text[f->n];
    f->argv[++f->n] = NULL;
}

/* ---- stand ---- */

int stand_open(struct stand *stand)
{
    ssize_t n = readlink("/proc/self/exe", stand->bin, sizeof stand->bin - 1);
    stand->bin[MAX(n, 0)] = '\0';
    char *slash = strrchr(stand->bin, '/'), path[STAND_TEXT + 32];
    if (slash) {
        *slash = '\0';
    }
    static const char *const needed[] = {"mixminusd", "mixminus-load"};
    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        snprintf(path, sizeof path, "%s/%s", stand->bin, needed[i]);
        if (access(path, X_OK) != 0) {
            fprintf(stderr, "mixminus-bench: %s is not beside this program; build all of it\n", needed[i]);
            return -ENOENT;
        }
    }
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    const char *base = getenv("TMPDIR");
    snprintf(stand->dir, sizeof stand->dir, "%s/mixminus-bench-XXXXXX", base && *base ? base : "/tmp");
    if (!mkdtemp(stand->dir)) {
        fprintf(stderr, "mixminus-bench: cannot make a folder for its files: %s; set TMPDIR\n", strerror(errno));
        return -errno;
    }
    return 0;
}

static void folder_empty(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char name[STAND_TEXT + 300];
        snprintf(name, sizeof name, "%s/%s", path, e->d_name);
        if (e->d_name[0] != '.') {
            unlink(name);
        }
    }
    if (dir) {
        closedir(dir);
    }
    rmdir(path);
}

void stand_close(struct stand *stand)
{
    char path[STAND_TEXT + 16];
    snprintf(path, sizeof path, "%s/janus", stand->dir);
    folder_empty(path);
    folder_empty(stand->dir);
}

/* A ring that has just died releases its sockets a moment later: waits until the ports are free again. */
static bool ports_await(const struct stand *s, unsigned legs)
{
    unsigned ports[4 + 2 * PUMP_CLIENTS] = {s->sip_port, s->port, s->port + legs, s->port + 2 * legs - 2};
    for (unsigned i = 0; i < 2 * PUMP_CLIENTS; i++) { /* of RTP, and of RTCP */
        ports[4 + i] = s->client_port + i;
    }
    for (unsigned tries = 0; tries < 1000; tries++, usleep(10000)) {
        unsigned n_free = 0;
        for (size_t i = 0; i < ARRAY_LEN(ports); i++) {
            int fd = pump_socket((uint16_t)ports[i], 0);
            n_free += fd >= 0;
            if (fd >= 0) {
                close(fd);
            }
        }
        if (n_free == ARRAY_LEN(ports)) {
            return true;
        }
    }
    return false;
}

/* ---- servers ---- */

/* Reflector and echo: this program, forked. */
static pid_t plain_start(const struct stand *stand, const struct match *m)
{
    pid_t pid = fork();
    if (pid != 0) {
        return pid > 0 ? pid : -errno;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* nothing is left behind by a bench that is interrupted */
    struct pump_shape shape = {.legs = m->legs, .client_port = (uint16_t)stand->client_port};
    int *fds = calloc(m->legs, sizeof *fds);
    for (unsigned i = 0; i < m->legs; i++) {
        fds[i] = pump_socket((uint16_t)(stand->port + 2 * i), 0);
        if (fds[i] < 0) {
            fprintf(stderr, "mixminus-bench: port %u is taken: choose another with --port\n", stand->port + 2 * i);
            _exit(1);
        }
    }
    bench_pin(stand->server_cpu);
    struct sched_param p = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_FIFO, &p);
    if (m->peer == PEER_REFLECTOR) {
        pump_reflect(&shape, fds);
    }
    echo_serve(m->legs, fds);
    _exit(1);
}

static pid_t mixminus_start(const struct stand *s, const struct match *m)
{
    struct flags f = {.n = 0};
    unsigned legs = m->legs_max ? m->legs_max : m->legs + 2 * m->churn + 16;
    flag_add(&f, "%s/mixminusd", s->bin);
    flag_add(&f, "--sip-listen=udp:127.0.0.1:%u", s->sip_port);
    flag_add(&f, "--rtp-port-min=%u", s->port);
    flag_add(&f, "--rtp-port-max=%u", MIN(s->port + 4 * m->legs + 8 * m->churn + 1000, 32767u));
    flag_add(&f, "--workers=%u", MAX(m->workers, 1u));
    if (m->pin == PIN_STAND) {
        flag_add(&f, "--worker-cpus=%d", s->server_cpu);
        flag_add(&f, "--control-cpus=%d", s->client_cpu);
    } else if (m->pin == PIN_AUTO) {
        flag_add(&f, "--worker-cpus=auto");
    }
    flag_add(&f, "--worker-legs-max=%u", legs);
    flag_add(&f, "--conference-legs-max=%u", MIN(m->room + 2 * m->churn + 16, 8192u));
    flag_add(&f, "--worker-cpu-budget=0");
    flag_add(&f, "--talkers=%u", MAX(m->talkers, 3u));
    flag_add(&f, "--opus-rate=%u", strncmp(m->codec, "opus48", 6) == 0 ? 48000u : 16000u);
    flag_add(&f, "--opus-lazy-decode=%s", strstr(m->codec, "+decoded") ? "off" : "on");
    flag_add(&f, "--store=memory");
    flag_add(&f, "--source-rate=1000000");
    flag_add(&f, "--stats-interval-s=1");
    flag_add(&f, "--log-level=error");
    return stand_spawn(s, f.argv, -1, false, "server");
}

/* @return true: it listens. On loopback a datagram to nobody is refused at once; to bind the port in order to see would
 * be to take it. */
static bool mixminus_await(const struct stand *s, pid_t pid)
{
    static const char keep_alive[] = "\r\n\r\n"; /* RFC 5626 4.4.1 */
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)s->sip_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool listens = false, ended = fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0;
    for (unsigned tries = 0; tries < 500 && !listens && !ended; tries++) {
        int refused = 0;
        socklen_t n = sizeof refused;
        send(fd, keep_alive, sizeof keep_alive - 1, MSG_DONTWAIT);
        usleep(10000);
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &refused, &n);
        listens = refused == 0;
        ended = waitpid(pid, NULL, WNOHANG) != 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    return listens && !ended;
}

static pid_t server_start(const struct stand *s, const struct match *m, const char *ports)
{
    pid_t pid = m->peer == PEER_MIXMINUS ? mixminus_start(s, m)
                : m->peer == PEER_JANUS  ? janus_start(s)
                                         : plain_start(s, m);
    if (pid < 0) {
        return pid;
    }
    if (m->peer == PEER_MIXMINUS && !mixminus_await(s, pid)) {
        stand_end(pid);
        return -ECHILD;
    }
    int err = m->peer == PEER_JANUS ? janus_fill(s, m, ports) : 0;
    if (err) {
        stand_end(pid);
        return err;
    }
    usleep(m->peer == PEER_MIXMINUS ? 0 : 200000);
    return pid;
}

/* ---- load ---- */

static bool is_srtp(const char *codec)
{
    return strstr(codec, "+srtp") != NULL;
}

static int load_codec_bytes(const char *codec)
{
    return (int)(strncmp(codec, "opus", 4) == 0 ? 4 : strcspn(codec, "+"));
}

static int load_run(const struct stand *s, const struct match *m, pid_t server, const char *ports)
{
    struct flags f = {.n = 0};
    flag_add(&f, "%s/mixminus-load", s->bin);
    if (m->peer == PEER_MIXMINUS) {
        flag_add(&f, "--server=127.0.0.1:%u", s->sip_port);
        flag_add(&f, "--rate=%d", JOIN_RATE);
    } else if (m->peer == PEER_JANUS) {
        flag_add(&f, "--legs-at=%s", ports);
    } else {
        flag_add(&f, "--raw=127.0.0.1:%u:%u", s->port, m->legs);
    }
    if (m->peer == PEER_MIXMINUS || m->peer == PEER_JANUS) {
        flag_add(&f, "--calls=%u", m->legs);
        flag_add(&f, "--rooms-of=%u", m->room);
        flag_add(&f, "--talkers=%u", m->talkers);
    }
    if (m->churn) {
        flag_add(&f, "--churn=%u", m->churn);
    }
    if (is_srtp(m->codec) && m->peer == PEER_MIXMINUS) {
        flag_add(&f, "--srtp=AES_CM_128_HMAC_SHA1_80");
    }
    flag_add(&f, "--codec=%.*s", load_codec_bytes(m->codec), m->codec);
    flag_add(&f, "--rtp-port=%u", s->client_port);
    flag_add(&f, "--settle=%u", m->settle);
    flag_add(&f, "--seconds=%u", m->seconds);
    flag_add(&f, "--server-pid=%d", (int)server);
    flag_add(&f, "--json");
    pid_t pid = stand_spawn(s, f.argv, s->client_cpu, true, "load");
    if (pid < 0) {
        return pid;
    }
    if (!child_await(pid, m->legs / (double)JOIN_RATE + m->settle + m->seconds + PATIENCE_S)) {
        stand_end(pid);
        return -ETIMEDOUT;
    }
    return 0;
}

/* The last line of a file that has this word in it. */
static bool line_read(const struct stand *s, const char *name, const char *word, char *line, size_t bytes)
{
    char path[STAND_TEXT + 32];
    static char text[MATCH_LINE];
    bool found = false;
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    FILE *f = fopen(path, "r");
    while (f && fgets(text, sizeof text, f)) {
        if (strstr(text, word)) {
            found = true;
            snprintf(line, bytes, "%.*s", (int)strcspn(text, "\n"), text);
        }
    }
    if (f) {
        fclose(f);
    }
    return found;
}

/* Of the line that lies best through the points. */
static double slope(const double *x, const double *y, unsigned n)
{
    double mean_x = 0, mean_y = 0, xx = 0, xy = 0;
    for (unsigned i = 0; i < n; i++) {
        mean_x += x[i] / n;
        mean_y += y[i] / n;
    }
    for (unsigned i = 0; i < n; i++) {
        xx += (x[i] - mean_x) * (x[i] - mean_x);
        xy += (x[i] - mean_x) * (y[i] - mean_y);
    }
    return xx > 0 ? xy / xx : 0;
}

/* What mixminusd told of itself once a second: from the first line within the measurement to the last. */
static void server_read(const struct stand *s, struct match_result *r)
{
    char path[STAND_TEXT + 32];
    static char first[8192], last[8192], text[8192];
    double times[RSS_LINES], rss_kb[RSS_LINES];
    unsigned n = 0;
    double begin = json_value(r->load, "begin_time", 0), end = json_value(r->load, "end_time", 0);
    snprintf(path, sizeof path, "%s/server", s->dir);
    FILE *f = fopen(path, "r");
    first[0] = last[0] = '\0';
    while (f && fgets(text, sizeof text, f)) {
        double at = json_value(text, "time", 0);
        if (at < begin || at > end) {
            continue;
        }
        if (!first[0]) {
            strcpy(first, text);
        }
        strcpy(last, text);
        if (n < RSS_LINES) {
            times[n] = json_value(text, "uptime_s", 0);
            rss_kb[n++] = json_value(text, "rss_kb", 0);
        }
    }
    if (f) {
        fclose(f);
    }
    r->has_server = first[0] && strcmp(first, last) != 0;
    if (r->has_server) {
        r->ticks = json_value(last, "ticks", 0) - json_value(first, "ticks", 0);
        r->ticks_late = json_value(last, "ticks_late", 0) - json_value(first, "ticks_late", 0);
        r->encoded = json_value(last, "encoded", 0) - json_value(first, "encoded", 0);
        r->encode_shared = json_value(last, "encode_shared", 0) - json_value(first, "encode_shared", 0);
        r->rss_end_kb = json_value(last, "rss_kb", 0);
        r->has_rss = n >= RSS_LINES_MIN;
        r->rss_kb_per_min = slope(times + n / 2, rss_kb + n / 2, n - n / 2) * 60;
    }
}

static int result_read(const struct stand *s, const struct match *m, struct match_result *r)
{
    if (!line_read(s, "load", "\"program\"", r->load, sizeof r->load)) {
        return -ENODATA;
    }
    double received = json_value(r->load, "received", 0), lost = json_value(r->load, "lost", 0);
    r->up = json_value(r->load, "up", 0);
    r->us = json_value(r->load, "server_cpu_us_per_participant_s", 0);
    r->loss = received + lost > 0 ? lost / (received + lost) : 1;
    /* What never came leaves no gap behind it: half a per cent below what should have come is loss as well. */
    double due = r->up * m->seconds * 50;
    r->loss = MAX(r->loss, due > 0 && received < due * 0.995 ? 1 - received / due : 0);
    r->gaps_over_60ms = json_value(r->load, "gaps_over_60ms", 0);
    r->late_sends = json_value(r->load, "late_sends", 0);
    r->held = r->up == m->legs && r->loss < loss_max && r->gaps_over_60ms == 0;
    if (m->peer == PEER_MIXMINUS) {
        server_read(s, r);
    }
    return 0;
}

static int match_try(const struct stand *s, const struct match *m, struct match_result *r)
{
    char ports[STAND_TEXT + 16];
    snprintf(ports, sizeof ports, "%s/ports", s->dir);
    if (!ports_await(s, m->legs)) {
        fprintf(stderr, "mixminus-bench: ports are taken: choose others with --port, --client-port and --sip-port\n");
        return -EADDRINUSE;
    }
    pid_t server = server_start(s, m, ports);
    if (server < 0) {
        fprintf(stderr, "mixminus-bench: %s does not start\n", peer_name(m->peer));
        return server;
    }
    struct noise noise = {.running = false};
    if (m->watch_noise) {
        noise_begin(&noise, s->server_cpu);
    }
    int err = load_run(s, m, server, ports);
    noise_end(&noise);
    stand_end(server);
    r->naps = (double)noise.naps;
    r->naps_late = (double)noise.late;
    err = err ? err : result_read(s, m, r);
    if (err) {
        char why[256] = "";
        line_read(s, "load.err", "mixminus", why, sizeof why);
        fprintf(stderr, "mixminus-bench: the load on %s came to nothing (%s). %s\n", peer_name(m->peer), strerror(-err),
                why);
    }
    return err;
}

int match_run(const struct stand *s, const struct match *m, struct match_result *r)
{
    memset(r, 0, sizeof *r);
    if (m->peer == PEER_JANUS && is_srtp(m->codec)) {
        return -ENOTSUP; /* plain RTP only */
    }
    int err = match_try(s, m, r);
    return err ? match_try(s, m, r) : 0; /* a busy machine, or a port that is still held: once more */
}
