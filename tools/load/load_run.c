/* The loop: one turn every 200 us sends one arrival phase's packets, takes what has come, and lets SIP go on. */
#include "tools/load/load.h"

#include "core/io_socket.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PATIENCE_NS (10 * NS_PER_S) /* for calls to be answered, beyond the time that dialling takes */
#define BYE_NS (3 * NS_PER_S)

struct clockwork {
    uint64_t begin_ns, turn; /* of the sending schedule */
    uint64_t late_allowed_until_ns;
};

static void turn_do(struct load *load, struct clockwork *clock, bool sends)
{
    uint64_t due_ns = clock->begin_ns + clock->turn * LOAD_SLOT_US * NS_PER_US;
    io_socket_sleep(due_ns);
    uint64_t now_ns = io_socket_now();
    load->heard.late_sends += load->measuring && sends && now_ns > due_ns + NS_PER_MS;
    if (sends) {
        load_rtp_send(load, (unsigned)(clock->turn % LOAD_SLOTS), now_ns);
        clock->turn++;
    }
    load_rtp_take(load);
    if (load->ua) {
        ua_step(load->ua, 0);
    }
}

static void turns_until(struct load *load, struct clockwork *clock, uint64_t until_ns)
{
    for (uint64_t now_ns; (now_ns = io_socket_now()) < until_ns;) {
        double since_s = (double)(now_ns - load->measure_ns) / 1e9;
        if (load->measuring && load->cfg->churn) {
            load_churn_step(load, since_s, now_ns);
        }
        if (load->measuring && load->cfg->short_calls) {
            load_short_step(load, since_s, now_ns);
        }
        turn_do(load, clock, true);
    }
}

/* Nothing leaves, but what comes is taken; the schedule then catches up in a burst. */
static void stall(struct load *load, uint64_t until_ns)
{
    while (io_socket_now() < until_ns) {
        load_rtp_take(load);
        ua_step(load->ua, 1);
    }
}

static double time_of_day(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(struct load *load, struct clockwork *clock)
{
    const struct load_cfg *cfg = load->cfg;
    load_server_look(load, &load->server_begin);
    double cpu_s = load_cpu_s(cfg->server_pid);
    load->measure_time = time_of_day();
    load->measure_ns = io_socket_now();
    load->measure_end_ns = load->measure_ns + cfg->seconds * NS_PER_S;
    load->measuring = true;
    if (cfg->stall_ms) {
        uint64_t stall_ns = load->measure_ns + (cfg->seconds - LOAD_STALL_REST_S - 1) * NS_PER_S / 2;
        turns_until(load, clock, stall_ns);
        load->measuring = false; /* what a stall does to the packets themselves is not the server's fault */
        stall(load, stall_ns + cfg->stall_ms * NS_PER_MS);
        turns_until(load, clock, stall_ns + cfg->stall_ms * NS_PER_MS + LOAD_STALL_REST_S * NS_PER_S);
        load->measuring = load->after_stall = true;
    }
    turns_until(load, clock, load->measure_end_ns);
    load->measuring = false;
    load->measure_end_time = time_of_day();
    double cpu_end_s = load_cpu_s(cfg->server_pid);
    load_server_look(load, &load->server_end);
    load->server_cpu_s = cpu_s >= 0 && cpu_end_s >= 0 ? cpu_end_s - cpu_s : -1;
}

static void calls_await(struct load *load, struct clockwork *clock)
{
    uint64_t give_up_ns = io_socket_now() + (uint64_t)load->cfg->calls * NS_PER_S / load->cfg->rate + PATIENCE_NS;
    while (load->n_up + load->n_failed < load->cfg->calls && io_socket_now() < give_up_ns) {
        load_calls_step(load, io_socket_now());
        turn_do(load, clock, true);
    }
    if (load->n_up + load->n_failed < load->cfg->calls && !load->failure[0]) {
        snprintf(load->failure, sizeof load->failure, "%u calls were never answered",
                 load->cfg->calls - load->n_up - load->n_failed);
    }
}

static void watchers_await(struct load *load, struct clockwork *clock)
{
    uint64_t give_up_ns = io_socket_now() + PATIENCE_NS;
    while (!load_watch_is_done(load) && io_socket_now() < give_up_ns) {
        load_watch_step(load);
        turn_do(load, clock, true);
    }
}

static void calls_end(struct load *load, struct clockwork *clock)
{
    uint64_t until_ns = io_socket_now() + BYE_NS;
    load_watch_end(load);
    load_calls_end(load);
    while (ua_n_calls(load->ua) > 0 && io_socket_now() < until_ns) {
        turn_do(load, clock, true);
    }
}

/* @return 0 | -EINVAL: the file of ports is too short, or none */
static int raw_begin(struct load *load)
{
    FILE *f = load->cfg->legs_at[0] ? fopen(load->cfg->legs_at, "r") : NULL;
    int err = load->cfg->legs_at[0] && !f ? -EINVAL : 0;
    for (unsigned i = 0; i < load->cfg->calls && !err; i++) {
        struct addr to = load->cfg->server;
        uint8_t static_pt = load->legs[i].codec->codec->static_pt;
        uint8_t pt = static_pt == PT_NONE ? LOAD_RAW_PT : static_pt;
        unsigned port = addr_port(&to) + 2 * i;
        if (f && (fscanf(f, "%u", &port) != 1 || port > 65535)) {
            err = -EINVAL;
            break;
        }
        addr_set_port(&to, (uint16_t)port);
        struct offer_media plain = { .remote_rtp = to, .pt_tx = pt };
        must(load_rtp_begin(load, &load->legs[i], &plain) == 0);
        load->n_up++;
    }
    if (f) {
        fclose(f);
    }
    return err;
}

static int load_open(struct load *load)
{
    const struct load_cfg *cfg = load->cfg;
    load->simd = simd_pick(SIMD_ALL);
    load->n_rooms = (cfg->calls + cfg->room - 1) / cfg->room;
    /* As many as are there at once, and as many again who are on their way in or out. */
    load->n_legs = cfg->calls + 2 * LOAD_CHURN_STAY_S * cfg->churn;
    load->legs = calloc(load->n_legs, sizeof *load->legs);
    load->rooms = calloc(load->n_rooms, sizeof *load->rooms);
    int err = load->legs && load->rooms ? load_voice_open(load) : -ENOMEM;
    if (!err) {
        err = load_rtp_open(load);
    }
    for (unsigned i = 0; i < load->n_legs && !err; i++) {
        struct load_leg *leg = &load->legs[i];
        leg->room = i / cfg->room;
        leg->member = i < cfg->calls ? i % cfg->room : LOAD_TALKERS_MAX;
        leg->codec = &load->codecs[i % load->n_codecs];
    }
    if (!err && !cfg->raw) {
        err = load_calls_open(load);
    }
    err = err ? err : load_watch_open(load);
    return err ? err : load_short_open(load);
}

static void load_close(struct load *load)
{
    ua_free(load->ua);
    for (unsigned i = 0; load->legs && i < load->n_legs; i++) {
        free(load->legs[i].ear.pcm);
        free(load->legs[i].ear.decoder);
    }
    for (unsigned i = 0; load->rooms && i < load->n_rooms; i++) {
        free(load->rooms[i].uri);
    }
    load_short_close(load);
    load_watch_close(load);
    load_rtp_close(load);
    load_voice_close(load);
    free(load->setup_ms);
    free(load->join_ms);
    free(load->legs);
    free(load->rooms);
    free(load);
}

/* A late generator looks like a bad network. Below the server's own workers; a refusal changes nothing. Not
 * with short calls: thousands of them would take the CPU from the signalling that they are to measure. */
static void keep_time(void)
{
    struct sched_param p = { .sched_priority = 1 };
    sched_setscheduler(0, SCHED_FIFO, &p);
}

int load_run(const struct load_cfg *cfg)
{
    if (!cfg->short_calls) {
        keep_time();
    }
    struct load *load = calloc(1, sizeof *load);
    if (!load) {
        return 1;
    }
    load->cfg = cfg;
    int code = 1, err = load_open(load);
    if (err) {
        fprintf(stderr, "mixminus-load: cannot start: %s\n", strerror(-err));
    } else {
        struct clockwork clock = { .begin_ns = io_socket_now() };
        if (cfg->raw) {
            err = raw_begin(load);
        } else {
            calls_await(load, &clock);
            watchers_await(load, &clock);
        }
        if (err) {
            fprintf(stderr, "mixminus-load: --legs-at must hold a port for each of the --calls\n");
        } else if (load->n_up) {
            turns_until(load, &clock, io_socket_now() + cfg->settle * NS_PER_S);
            measure(load, &clock);
        }
        if (!cfg->raw) {
            calls_end(load, &clock);
        }
        code = load_report(load);
    }
    load_close(load);
    return code;
}
