/*
 * Every call to the system fails once: nothing aborts, nothing is lost for ever, a counter has moved, and
 * no call gets what is another's. Method: the linker puts these functions before the system's (CMakeLists.txt); a real
 * engine with real sockets on a clock of the test's own, two phones that check all they are sent.
 */
#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/engine.h"
#include "core/media/rtp.h"
#include "core/worker.h"
#include "sig/place/place.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct io_uring;
struct io_uring_params;

/* ---- the calls ---- */

enum call {
    NO_CALL,
    ALLOC,
    MMAP,
    SOCKET,
    BIND,
    CONNECT,
    RECV,
    RECVMSG,
    SEND,
    SENDTO,
    RING,
    FILES,
    FILE_SET,
    SUBMIT,
    SUBMIT_RX
};

static struct {
    enum call call;
    int error;
    unsigned nth, seen;
    bool hit;
} fault;

static bool fails(enum call call)
{
    bool now = fault.call == call && ++fault.seen == fault.nth;
    fault.hit |= now;
    errno = now ? fault.error : errno;
    return now;
}

static void fault_set(enum call call, unsigned nth, int error)
{
    memset(&fault, 0, sizeof fault);
    fault.call = call;
    fault.nth = nth;
    fault.error = error;
}

#define WRAP(call, type, name, parameters, arguments, refused)                                                         \
    type __real_##name parameters;                                                                                     \
    type __wrap_##name parameters;                                                                                     \
    type __wrap_##name parameters                                                                                      \
    {                                                                                                                  \
        return fails(call) ? (refused) : __real_##name arguments;                                                      \
    }

WRAP(ALLOC, void *, aligned_alloc, (size_t align, size_t n), (align, n), NULL)
WRAP(MMAP, void *, mmap, (void *at, size_t n, int prot, int flags, int fd, off_t off), (at, n, prot, flags, fd, off),
     MAP_FAILED)
WRAP(SOCKET, int, socket, (int family, int type, int protocol), (family, type, protocol), -1)
WRAP(BIND, int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1)
WRAP(CONNECT, int, connect, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1)
WRAP(RECV, ssize_t, recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags), -1)
WRAP(RECVMSG, ssize_t, recvmsg, (int fd, struct msghdr *m, int flags), (fd, m, flags), -1)
WRAP(SEND, ssize_t, send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags), -1)
WRAP(SENDTO, ssize_t, sendto, (int fd, const void *p, size_t n, int flags, const struct sockaddr *a, socklen_t n_a),
     (fd, p, n, flags, a, n_a), -1)
WRAP(RING, int, io_uring_queue_init_params, (unsigned n, struct io_uring *r, struct io_uring_params *p), (n, r, p),
     -fault.error)
WRAP(FILES, int, io_uring_register_files_sparse, (struct io_uring * r, unsigned n), (r, n), -fault.error)
WRAP(FILE_SET, int, io_uring_register_files_update, (struct io_uring * r, unsigned off, const int *fds, unsigned n),
     (r, off, fds, n), -fault.error)
WRAP(SUBMIT, int, io_uring_submit, (struct io_uring * r), (r), -fault.error)
WRAP(SUBMIT_RX, int, io_uring_submit_and_get_events, (struct io_uring * r), (r), -fault.error)
WRAP(SUBMIT_RX, int, io_uring_submit_and_wait, (struct io_uring * r, unsigned n), (r, n), -fault.error)

/* ---- the scene ---- */

enum { ENDS = 2, SPEAKS_MS = 600 };

struct end {
    int leg_fd, phone_fd;
    struct addr leg_addr, phone_addr;
    struct leg *leg;
    uint16_t seq, heard_seq;
    unsigned n_heard;
};

struct scene {
    struct io *io;
    struct ctl ctl;
    struct worker_stats stats;
    struct engine *engine;
    struct conf *conf;
    struct end ends[ENDS];
    uint64_t now_ns;
    unsigned n_failed, n_gone, n_confs_gone;
};

static int udp_open(struct addr *a)
{
    int fd = __real_socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    socklen_t n = sizeof *a;
    addr_parse(a, "127.0.0.1", 0);
    assert_int_equal(__real_bind(fd, &a->sa, sizeof a->v4), 0);
    assert_int_equal(getsockname(fd, &a->sa, &n), 0);
    return fd;
}

static void end_open(struct scene *s, unsigned i)
{
    struct end *e = &s->ends[i];
    e->leg_fd = udp_open(&e->leg_addr);
    e->phone_fd = udp_open(&e->phone_addr);
    struct leg_cfg cfg = {.id = i,
                          .rtp_fd = e->leg_fd,
                          .rtcp_fd = -1,
                          .remote_rtp = e->phone_addr,
                          .codec = codec_get(CODEC_PCMU),
                          .fmt.rate_hz = 8000,
                          .pt_event_rx = PT_NONE,
                          .pt_cn_rx = PT_NONE,
                          .rx_on = true,
                          .tx_on = true,
                          .ssrc = 100 + i,
                          .cname = "x"};
    assert_int_equal(leg_build(&e->leg, &cfg), 0);
    assert_int_equal(ctl_put(&s->ctl, &(struct ctl_req){.op = CTL_LEG_ADD, .conf = s->conf, .leg = e->leg}), 0);
}

static void phone_speaks(struct end *e, unsigned i)
{
    uint8_t buf[172];
    rtp_write(buf, 0, false, e->seq, e->seq * 160u, 7 + i, NULL, 0);
    memset(buf + 12, 0x20 + i, 160);
    e->seq++;
    __real_sendto(e->phone_fd, buf, sizeof buf, 0, &e->leg_addr.sa, sizeof e->leg_addr.v4);
}

/* Nothing twice, nothing of the other's, nothing that is no RTP. */
static void phone_listens(struct end *e, unsigned i)
{
    uint8_t buf[1500];
    ssize_t n;
    while ((n = __real_recv(e->phone_fd, buf, sizeof buf, 0)) > 0) {
        struct rtp rtp;
        if ((buf[1] & 0x7f) >= 72) {
            continue; /* RTCP BYE, on its way out */
        }
        assert_int_equal(rtp_parse(buf, (size_t)n, &rtp), DROP_NONE);
        assert_int_equal(rtp.ssrc, 100 + i);
        assert_true(e->n_heard == 0 || (int16_t)(rtp.seq - e->heard_seq) > 0);
        e->heard_seq = rtp.seq;
        e->n_heard++;
    }
}

static void events_take(struct scene *s)
{
    struct ctl_ev ev;
    while (ctl_take(&s->ctl, &ev)) {
        s->n_failed += ev.event == EV_FAILED;
        if (ev.event == EV_LEG_GONE) {
            s->n_gone++;
            leg_free(ev.leg);
        } else if (ev.event == EV_CONF_GONE) {
            s->n_confs_gone++;
            conf_free(ev.conf);
        }
    }
}

static void run(struct scene *s, unsigned ms, bool speak)
{
    for (unsigned k = 0; k < ms; k++, s->now_ns += NS_PER_MS) {
        for (unsigned i = 0; i < ENDS && speak && k % TICK_MS == 0; i++) {
            phone_speaks(&s->ends[i], i);
        }
        engine_beat(s->engine, s->now_ns);
        for (unsigned i = 0; i < ENDS; i++) {
            phone_listens(&s->ends[i], i);
        }
        events_take(s);
    }
}

/* @return false: this kernel has no such I/O */
static bool scene_open(struct scene *s, enum worker_io io)
{
    memset(s, 0, sizeof *s);
    s->now_ns = NS_PER_S;
    int err = io == WORKER_IO_URING ? uring_build(&s->io, 16, &s->stats) : syscall_build(&s->io, 16, &s->stats);
    if (err) {
        return false;
    }
    assert_int_equal(ctl_build(&s->ctl), 0);
    struct engine_cfg cfg = {
        .ctl = &s->ctl, .io = s->io, .stats = &s->stats, .simd = simd_pick(SIMD_ALL), .legs_max = 8};
    assert_int_equal(engine_build(&s->engine, &cfg), 0);
    assert_int_equal(conf_build(&s->conf, &(struct conf_cfg){.legs_max = 4}), 0);
    assert_int_equal(ctl_put(&s->ctl, &(struct ctl_req){.op = CTL_CONF_OPEN, .conf = s->conf}), 0);
    return true;
}

static void scene_close(struct scene *s)
{
    for (unsigned i = 0; i < ENDS; i++) {
        assert_int_equal(ctl_put(&s->ctl, &(struct ctl_req){.op = CTL_LEG_DROP, .leg = s->ends[i].leg}), 0);
    }
    assert_int_equal(ctl_put(&s->ctl, &(struct ctl_req){.op = CTL_CONF_CLOSE, .conf = s->conf}), 0);
    run(s, 100, false);
    assert_int_equal(s->n_gone, ENDS);
    assert_int_equal(s->n_confs_gone, 1);
    assert_int_equal(engine_held_packets(s->engine), 0);
    assert_int_equal(count_get(&s->stats.legs), 0);
    for (unsigned i = 0; i < ENDS; i++) {
        close(s->ends[i].leg_fd);
        close(s->ends[i].phone_fd);
    }
    engine_free(s->engine);
    s->io->ops->free(s->io);
    ctl_free(&s->ctl);
}

static uint64_t counted(const struct worker_stats *stats)
{
    return count_get(&stats->rx_failed) + count_get(&stats->connects_failed) + count_get(&stats->legs_failed) +
           count_get(&stats->drops[DROP_TX_OTHER]) + count_get(&stats->drops[DROP_TX_FULL]) +
           count_get(&stats->drops[DROP_TX_UNREACHABLE]);
}

/* The call fails the nth time; afterwards both hear each other. is_counted: not if it is simply tried again. */
static void story(enum worker_io io, enum call call, unsigned nth, int error, bool is_counted)
{
    struct scene s;
    if (!scene_open(&s, io)) {
        skip();
    }
    fault_set(call, nth, error);
    for (unsigned i = 0; i < ENDS; i++) {
        end_open(&s, i);
    }
    run(&s, 3 * TICK_MS, false); /* sent to before anything is heard: not connected */
    run(&s, SPEAKS_MS, true);
    if (!fault.hit) {
        fail_msg("call %u was made %u times only", call, fault.seen);
    }
    fault_set(NO_CALL, 0, 0);
    for (unsigned i = 0; i < ENDS; i++) {
        s.ends[i].n_heard = 0;
    }
    run(&s, SPEAKS_MS, true);
    for (unsigned i = 0; i < ENDS && !s.n_failed; i++) {
        assert_in_range(s.ends[i].n_heard, SPEAKS_MS / TICK_MS - 1, SPEAKS_MS / TICK_MS + 1);
    }
    if (is_counted != (counted(&s.stats) > 0)) {
        fail_msg("call %u, the %uth time: %lu counted", call, nth, (unsigned long)counted(&s.stats));
    }
    assert_int_equal(s.n_failed, call == FILE_SET);
    scene_close(&s);
}

static void reads_and_sends_fail(void **state)
{
    static const enum call calls[] = {RECV, RECVMSG, SEND, SENDTO};
    for (unsigned i = 0; i < ARRAY_LEN(calls); i++) {
        for (unsigned nth = 1; nth <= 3; nth++) {
            story(WORKER_IO_SYSCALL, calls[i], nth, ENOMEM, true);
        }
        story(WORKER_IO_SYSCALL, calls[i], 2, ECONNREFUSED, true);
    }
    story(WORKER_IO_SYSCALL, CONNECT, 1, EAGAIN, true);
    story(WORKER_IO_SYSCALL, CONNECT, 2, EAGAIN, true);
}

/* What was not taken is nobody's later (phone_listens). */
static void submits_fail(void **state)
{
    for (unsigned nth = 1; nth <= 5; nth++) {
        story(WORKER_IO_URING, SUBMIT, nth, ENOMEM, true);
        story(WORKER_IO_URING, SUBMIT, nth, EAGAIN, false);
        story(WORKER_IO_URING, SUBMIT_RX, nth, ENOMEM, true);
        story(WORKER_IO_URING, SUBMIT_RX, nth, EINTR, false);
    }
}

/* A socket that the worker cannot use: the leg is silent, signalling is told, the other goes on. */
static void sockets_are_refused(void **state)
{
    story(WORKER_IO_URING, FILE_SET, 1, ENOMEM, true);
    story(WORKER_IO_URING, FILE_SET, 2, ENOMEM, true);
}

static void rings_are_refused(void **state)
{
    static const struct {
        enum call call;
        int error;
    } cases[] = {{RING, EINVAL}, {RING, EPERM},   {RING, ENOSYS}, {RING, EMFILE},
                 {RING, ENOMEM}, {FILES, ENOMEM}, {FILES, EMFILE}};
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct worker_cfg cfg = {.cpu = -1, .io = WORKER_IO_URING, .simd = simd_pick(SIMD_ALL), .legs_max = 16};
        struct worker *w;
        struct worker_stats stats = {0};
        struct io *io;
        fault_set(NO_CALL, 0, 0);
        if (uring_build(&io, 4, &stats) != 0) {
            skip();
        }
        io->ops->free(io);
        fault_set(cases[i].call, 1, cases[i].error);
        assert_int_equal(worker_start(&w, &cfg), -cases[i].error);
        cfg.may_fall_back = true; /* A8 */
        fault_set(cases[i].call, 1, cases[i].error);
        assert_int_equal(worker_start(&w, &cfg), 0);
        assert_int_equal(worker_io_error(w), -cases[i].error);
        worker_stop(w);
    }
}

/* The n-th piece of memory is not there, for every n. */
static void memory_ends(void **state)
{
    static const enum call calls[] = {ALLOC, MMAP};
    static const enum worker_io ios[] = {WORKER_IO_SYSCALL, WORKER_IO_URING};
    for (unsigned i = 0; i < 2 * ARRAY_LEN(calls); i++) {
        int err = -ENOMEM;
        unsigned nth = 0;
        while (err) {
            struct worker_cfg cfg = {.cpu = -1, .io = ios[i / 2], .simd = simd_pick(SIMD_ALL), .legs_max = 16};
            struct worker *w;
            fault_set(calls[i % 2], ++nth, ENOMEM);
            err = worker_start(&w, &cfg);
            if (err == -EPERM || err == -ENOSYS) {
                skip();
            }
            assert_true(err == 0 || err == -ENOMEM);
            if (!err) {
                assert_false(fault.hit && calls[i % 2] == ALLOC);
                worker_stop(w);
            }
        }
        assert_true(nth > 1);
    }
    for (unsigned nth = 1, err = 1; err; nth++) {
        struct leg_cfg cfg = {.rtcp_fd = -1, .codec = codec_get(CODEC_OPUS), .fmt = {.rate_hz = 48000}};
        struct leg *leg;
        fault_set(ALLOC, nth, ENOMEM);
        err = (unsigned)leg_build(&leg, &cfg);
        if (!err) {
            leg_free(leg);
        }
    }
    struct conf *conf;
    fault_set(ALLOC, 1, ENOMEM);
    assert_int_equal(conf_build(&conf, &(struct conf_cfg){.legs_max = 4}), -ENOMEM);
    fault_set(NO_CALL, 0, 0);
}

static void ports_are_refused(void **state)
{
    static struct ctl ctl;
    static const struct {
        enum call call;
        int error, expected;
    } cases[] = {
        {SOCKET, EMFILE, -EMFILE}, {SOCKET, ENOBUFS, -ENOBUFS}, {BIND, ENOMEM, -ENOMEM}, {BIND, EADDRINUSE, 0}};
    struct place_cfg cfg = {.n_workers = 1, .workers[0] = &ctl, .port_min = 46900, .port_max = 46979};
    struct place_cost cost = {.cpu_us = 1, .kbps = 1};
    struct place *place;
    assert_int_equal(addr_parse(&cfg.host, "127.0.0.1", 0), 0);
    assert_int_equal(place_build(&place, &cfg), 0);
    for (unsigned i = 0; i < 2 * ARRAY_LEN(cases); i++) { /* of RTP's socket, then of RTCP's */
        struct place_leg leg = {0};
        struct place_load load;
        fault_set(cases[i / 2].call, 1 + i % 2, cases[i / 2].error);
        assert_int_equal(place_leg_take(place, 0, NULL, cost, &leg), cases[i / 2].expected);
        place_leg_give(place, &leg);
        place_load(place, &load);
        assert_int_equal(load.pairs_used + load.legs + load.cpu_used_us, 0);
    }
    fault_set(NO_CALL, 0, 0);
    int fd = dup(0);
    struct place_leg leg = {0};
    assert_int_equal(place_leg_take(place, 0, NULL, cost, &leg), 0);
    assert_int_equal(leg.rtp_fd, fd + 1); /* none was left open */
    place_leg_give(place, &leg);
    close(fd);
    place_free(place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_and_sends_fail), cmocka_unit_test(submits_fail), cmocka_unit_test(sockets_are_refused),
        cmocka_unit_test(rings_are_refused),    cmocka_unit_test(memory_ends),  cmocka_unit_test(ports_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
