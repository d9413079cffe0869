/*
 * mixminus-bench pump: CPU of the whole media path per participant-second, against the bare reflector in the same
 * rounds. Server and generator are processes of their own, pinned apart; a worker with raw legs, no signalling.
 */
#include "bench/bench.h"
#include "bench/options.h"
#include "bench/pump.h"

#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/worker.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum design { DESIGN_FLOOR, DESIGN_URING, DESIGN_SYSCALL, DESIGNS };
static const char *const design_names[DESIGNS] = {"reflector", "uring", "syscall"};

static int socket_or_die(uint16_t port)
{
    /* A ring that has just died releases its sockets a moment later. */
    for (int tries = 0; tries < 200; tries++) {
        int fd = pump_socket(port, 0);
        if (fd >= 0) {
            return fd;
        }
        usleep(10000);
    }
    fprintf(stderr, "mixminus-bench: port %u is taken: choose another with --port\n", port);
    exit(1);
}

static void mixer_begin(const struct pump_shape *s, enum worker_io io, const int *fds)
{
    struct worker_cfg cfg = {
        .cpu = s->server_cpu, .io = io, .simd = simd_pick(SIMD_ALL), .legs_max = s->legs, .fifo_priority = 1};
    struct worker *worker;
    int err = worker_start(&worker, &cfg);
    if (err) {
        fprintf(stderr, "mixminus-bench: the worker does not start (%d)\n", err);
        exit(1);
    }
    struct conf *conf = NULL;
    for (unsigned i = 0; i < s->legs; i++) {
        if (i % s->room == 0) {
            struct conf_cfg c = {.id = i, .legs_max = s->room, .talkers = s->talkers};
            conf_build(&conf, &c);
            while (ctl_put(worker_ctl(worker), &(struct ctl_req){.op = CTL_CONF_OPEN, .conf = conf})) {
                usleep(1000);
            }
        }
        struct leg_cfg c = {
            .id = i,
            .rtp_fd = fds[i],
            .rtcp_fd = socket_or_die((uint16_t)(s->server_port + 2 * i + 1)),
            .codec = codec_get(CODEC_PCMU),
            .fmt.rate_hz = 8000,
            .pt_rx = 0,
            .pt_tx = 0,
            .pt_event_rx = 101,
            .pt_cn_rx = 13,
            .rx_on = true,
            .tx_on = true,
            .ssrc = UINT32_MAX - i, /* the load has its own from 1 on */
            .cname = "bench",
            .seal = pump_keys(s, i),
        };
        addr_parse(&c.remote_rtp, "127.0.0.1", pump_client_port(s, i));
        struct leg *leg;
        leg_build(&leg, &c);
        while (ctl_put(worker_ctl(worker), &(struct ctl_req){.op = CTL_LEG_ADD, .leg = leg, .conf = conf})) {
            usleep(1000);
        }
        if (i % 200 == 199) {
            usleep(40000); /* phases are chosen by how many legs there are: as calls would come */
        }
    }
}

/* The server's process: opens everything, says that it is ready, works until it is killed. */
static void server_main(const struct pump_shape *s, enum design design, int ready_fd)
{
    int *fds = calloc(s->legs, sizeof *fds);
    for (unsigned i = 0; i < s->legs; i++) {
        fds[i] = socket_or_die((uint16_t)(s->server_port + 2 * i));
    }
    if (design == DESIGN_FLOOR) {
        bench_pin(s->server_cpu);
        struct sched_param p = {.sched_priority = 1};
        sched_setscheduler(0, SCHED_FIFO, &p);
    } else {
        mixer_begin(s, design == DESIGN_URING ? WORKER_IO_URING : WORKER_IO_SYSCALL, fds);
    }
    must(write(ready_fd, "r", 1) == 1);
    if (design == DESIGN_FLOOR) {
        pump_reflect(s, fds);
    }
    for (;;) {
        pause();
    }
}

/* One run of one design. @return false: the server did not come up */
static bool run_once(struct pump_shape shape, enum design design, struct pump_heard *heard)
{
    int ready[2];
    char byte;
    must(pipe(ready) == 0);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        close(ready[0]);
        server_main(&shape, design, ready[1]);
    }
    close(ready[1]);
    bool up = read(ready[0], &byte, 1) == 1;
    close(ready[0]);
    int err = 0;
    if (up) {
        shape.server_pid = pid;
        shape.mixes = design != DESIGN_FLOOR;
        shape.suite = shape.mixes ? shape.suite : SEAL_NONE;
        err = pump_generate(&shape, heard);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    if (err) {
        fprintf(stderr, "mixminus-bench: client port %u is taken: choose another with --client-port\n",
                shape.client_port);
    }
    return up && !err;
}

static double cost_us(const struct pump_shape *s, const struct pump_heard *h)
{
    return (double)h->server_cpu_ns / 1e3 / s->legs / s->seconds;
}

static double delay_ms(const struct pump_heard *h, double share)
{
    uint64_t total = 0, at = 0;
    for (unsigned i = 0; i < PUMP_DELAY_BUCKETS; i++) {
        total += h->delay_100us[i];
    }
    for (unsigned i = 0; i < PUMP_DELAY_BUCKETS; i++) {
        at += h->delay_100us[i];
        if (total && (double)at >= share * (double)total) {
            return (i + 1) / 10.0;
        }
    }
    return 0;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, unsigned n)
{
    qsort(values, n, sizeof *values, by_value);
    return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static void report(const struct pump_shape *s, enum design d, double us, double ratio, const struct pump_heard *h)
{
    char cpu[128];
    printf("{\"bench\":\"pump\",\"commit\":\"%s\",\"cpu\":\"%s\",\"isa\":\"%s\",\"design\":\"%s\",\"legs\":%u,"
           "\"room\":%u,\"talkers\":%u,\"srtp\":\"%s\",\"us_per_participant_s\":%.1f,\"ratio_to_reflector\":%.3f,"
           "\"sent\":%lu,"
           "\"received\":%lu,\"lost\":%lu,\"gaps_over_40ms\":%lu,\"gaps_over_60ms\":%lu,\"checked\":%lu,"
           "\"own_heard\":%lu,\"other_missing\":%lu,\"delay_ms_p50\":%.1f,\"delay_ms_p99\":%.1f,\"late_sends\":%lu}\n",
           bench_commit(), bench_cpu_model(cpu, sizeof cpu), simd_pick(SIMD_ALL)->name, design_names[d], s->legs,
           s->room, s->talkers, d == DESIGN_FLOOR ? "" : seal_suite_name(s->suite), us, ratio, h->sent, h->received,
           h->lost, h->gaps_over_40ms, h->gaps_over_60ms, h->checked, h->own_heard, h->other_missing, delay_ms(h, .5),
           delay_ms(h, .99), h->late_sends);
    fflush(stdout);
}

static int pump_run(const struct pump_shape *s, unsigned rounds, unsigned designs)
{
    static struct pump_heard sums[DESIGNS];
    double us[DESIGNS][BENCH_ROUNDS_MAX], ratios[DESIGNS][BENCH_ROUNDS_MAX];
    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned d = 0; d < DESIGNS; d++) {
            static struct pump_heard heard;
            if (!(designs & 1u << d)) {
                continue;
            }
            if (!run_once(*s, d, &heard)) {
                return 1;
            }
            us[d][round] = cost_us(s, &heard);
            ratios[d][round] = us[d][round] / us[DESIGN_FLOOR][round];
            uint64_t *sum = (uint64_t *)&sums[d], *one = (uint64_t *)&heard;
            for (unsigned i = 0; i < offsetof(struct pump_heard, delay_100us) / sizeof *sum; i++) {
                sum[i] += one[i];
            }
            for (unsigned i = 0; i < PUMP_DELAY_BUCKETS; i++) {
                sums[d].delay_100us[i] += heard.delay_100us[i];
            }
        }
    }
    for (unsigned d = 0; d < DESIGNS; d++) {
        if (designs & 1u << d) {
            report(s, d, median(us[d], rounds), median(ratios[d], rounds), &sums[d]);
        }
    }
    return 0;
}

/* @return SEAL_SUITES: there is none */
static enum seal_suite suite_named(const char *name)
{
    enum seal_suite suite = SEAL_NONE + 1;
    while (suite < SEAL_SUITES && strcmp(name, seal_suite_name(suite)) != 0) {
        suite++;
    }
    return suite;
}

int bench_pump(int argc, char **argv)
{
    struct pump_shape s = {
        .legs = 1000, .room = 5, .talkers = 3, .seconds = 4, .server_cpu = 1, .client_cpu = 0, .suite = SEAL_NONE};
    unsigned rounds = 3, port = 20000, client_port = 19000;
    char suite[48] = "";
    bool has_syscall = false;
    const struct option_line lines[] = {
        OPTION_COUNT("legs", s.legs, "the load"),
        OPTION_COUNT("room", s.room, "legs in a room"),
        OPTION_COUNT("talkers", s.talkers, "of them that speak, 1 to 10"),
        OPTION_COUNT("seconds", s.seconds, "measured in each run"),
        OPTION_COUNT("rounds", rounds, "how often each design is run"),
        OPTION_INT("server-cpu", s.server_cpu, "of the media"),
        OPTION_INT("client-cpu", s.client_cpu, "of the load"),
        OPTION_COUNT("port", port, "the server's first RTP port"),
        OPTION_COUNT("client-port", client_port, "the first one of the load"),
        OPTION_TEXT("srtp", suite, "SRTP with the mixer: AES_CM_128_HMAC_SHA1_80, AEAD_AES_128_GCM, ..."),
        OPTION_SWITCH("syscall", has_syscall, "also the back end without io_uring"),
        {0},
    };
    int status = options_read(
        argc, argv, "CPU of the media path per participant-second against the bare reflector, in interleaved rounds",
        lines);
    if (status >= 0) {
        return status;
    }
    s.server_port = (uint16_t)port;
    s.client_port = (uint16_t)client_port;
    s.suite = suite[0] ? suite_named(suite) : SEAL_NONE;
    if (s.suite == SEAL_SUITES) {
        fprintf(stderr, "mixminus-bench: no SRTP suite '%s'\n", suite);
        return 2;
    }
    unsigned designs = 1u << DESIGN_FLOOR | 1u << DESIGN_URING | (has_syscall ? 1u << DESIGN_SYSCALL : 0);
    bool fits = s.legs && s.room && s.legs % s.room == 0 && s.talkers >= 1 && s.talkers <= MIN(s.room, 10u) &&
                s.seconds && rounds && rounds <= BENCH_ROUNDS_MAX && port < 65536 && client_port < 65536 &&
                port + 2 * s.legs < 65536;
    if (!fits) {
        fprintf(stderr, "mixminus-bench: legs must be a multiple of room, talkers 1 to 10 and no more than room, and "
                        "port + 2 * legs below 65536\n");
        return 2;
    }
    bench_pin(s.client_cpu);
    struct sched_param p = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_FIFO, &p);
    return pump_run(&s, rounds, designs);
}
