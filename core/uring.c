/*
 * io_uring back end: the only file that includes liburing. Pull design: nothing is armed on an RTP socket; a
 * batch of RECVs with MSG_DONTWAIT completes inline, a batch of SENDs posts completions only for errors. The ring is
 * SINGLE_ISSUER: built, used and freed by the worker's own thread.
 */
#include "core/base/mem.h"
#include "core/base/stats.h"
#include "core/io.h"
#include "core/io_socket.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <string.h>
#include <time.h>

enum {
    SQ_ENTRIES = 4096,
    SUBMITS_MAX = 64 /* of one batch: the kernel takes less than all when it is short of memory */
};
/* user_data: its kind in the two highest bits. Receives carry their index and the number of their batch, watches their
 * slot and how often that has been watched: what belongs to an earlier batch or watch is told by it. */
#define KIND_SHIFT 62
#define NUMBER_SHIFT 32
#define NUMBER_MASK 0x3fffffffu
enum kind { KIND_RX, KIND_TX, KIND_WATCH, KIND_NONE };

struct uring {
    struct io io;
    struct io_uring ring;
    struct worker_stats *stats;
    int *fds; /* by slot: connect() needs the descriptor itself */
    uint32_t n_slots;
    uint32_t batch;        /* number of the receives' batch: one that is given up may complete later */
    struct watch *watches; /* by slot */
    uint32_t *ready;       /* [n_slots] watched, and something has arrived */
    uint32_t n_ready, n_watched, n_unarmed;
    struct msghdr *headers; /* [IO_BATCH] for those that want or give an address, or want the time */
    struct iovec *parts;
    uint8_t *controls; /* [IO_BATCH][IO_CONTROL_BYTES] */
    struct io_clock clock;
};

struct watch {
    uint32_t number;
    bool is_on, is_armed, is_ready;
};

static uint64_t data_of(enum kind kind, uint32_t number, uint32_t index)
{
    return (uint64_t)kind << KIND_SHIFT | (uint64_t)(number & NUMBER_MASK) << NUMBER_SHIFT | index;
}

static uint32_t number_of(uint64_t data)
{
    return (uint32_t)(data >> NUMBER_SHIFT) & NUMBER_MASK;
}

static struct uring *uring_of(struct io *io)
{
    return (struct uring *)io;
}

static int uring_open(struct io *io, uint32_t slot, int fd)
{
    struct uring *u = uring_of(io);
    must(slot < u->n_slots);
    int n = io_uring_register_files_update(&u->ring, slot, &fd, 1);
    if (n < 0) {
        return n;
    }
    u->fds[slot] = fd;
    io_socket_timestamps(fd);
    return 0;
}

static int uring_connect(struct io *io, uint32_t slot, const struct addr *peer)
{
    return io_socket_connect(uring_of(io)->fds[slot], peer);
}

static void uring_disconnect(struct io *io, uint32_t slot)
{
    io_socket_disconnect(uring_of(io)->fds[slot]);
}

static struct io_uring_sqe *sqe_next(struct uring *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);
    must(sqe); /* two batches fit the queue: this one, and what the kernel did not take of the one before */
    return sqe;
}

static void rx_prepare(struct uring *u, struct io_rx *rx, uint32_t i)
{
    struct io_uring_sqe *sqe = sqe_next(u);
    rx->bytes = IO_FAILED;
    rx->at_ns = 0;
    if (rx->want_from || rx->want_at) {
        u->parts[i] = (struct iovec){rx->buf, PACKET_BYTES_MAX};
        u->headers[i] = (struct msghdr){.msg_iov = &u->parts[i], .msg_iovlen = 1};
        if (rx->want_from) {
            memset(&rx->from, 0, sizeof rx->from);
            u->headers[i].msg_name = &rx->from;
            u->headers[i].msg_namelen = sizeof rx->from;
        }
        if (rx->want_at) {
            u->headers[i].msg_control = u->controls + (size_t)i * IO_CONTROL_BYTES;
            u->headers[i].msg_controllen = IO_CONTROL_BYTES;
        }
        io_uring_prep_recvmsg(sqe, (int)rx->slot, &u->headers[i], MSG_DONTWAIT | MSG_TRUNC);
    } else {
        io_uring_prep_recv(sqe, (int)rx->slot, rx->buf, PACKET_BYTES_MAX, MSG_DONTWAIT | MSG_TRUNC);
    }
    sqe->flags |= IOSQE_FIXED_FILE;
    sqe->user_data = data_of(KIND_RX, u->batch, i);
}

static void slot_ready(struct uring *u, uint32_t slot)
{
    struct watch *w = &u->watches[slot];
    if (!w->is_ready) {
        w->is_ready = true;
        u->ready[u->n_ready++] = slot;
    }
}

/* Something has arrived in a watched socket, or the kernel has given the watch up. */
static void watch_take(struct uring *u, const struct io_uring_cqe *cqe)
{
    uint32_t slot = (uint32_t)cqe->user_data;
    struct watch *w = &u->watches[slot];
    if (!w->is_on || (w->number & NUMBER_MASK) != number_of(cqe->user_data)) {
        return;
    }
    slot_ready(u, slot);
    if (!(cqe->flags & IORING_CQE_F_MORE)) {
        u->n_unarmed += w->is_armed;
        w->is_armed = false;
    }
}

/* Takes all completions there are: receives into rx, refused sends into counters. */
static uint32_t completions_take(struct uring *u, struct io_rx *rx)
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;
    uint32_t n_rx = 0;
    io_uring_for_each_cqe(&u->ring, head, cqe)
    {
        n++;
        enum kind kind = (enum kind)(cqe->user_data >> KIND_SHIFT);
        if (kind == KIND_WATCH) {
            watch_take(u, cqe);
        } else if (kind == KIND_TX) {
            if (cqe->res < 0) {
                io_count_tx_error(u->stats, -cqe->res);
            }
        } else if (kind == KIND_RX && rx && number_of(cqe->user_data) == (u->batch & NUMBER_MASK)) {
            uint32_t i = (uint32_t)cqe->user_data;
            struct io_rx *one = &rx[i];
            one->bytes = cqe->res >= 0 ? MIN(cqe->res, PACKET_BYTES_MAX + 1) /* 0: an empty datagram */
                                       : io_count_rx_error(u->stats, -cqe->res);
            one->at_ns = one->want_at && cqe->res >= 0 ? io_arrival(&u->clock, &u->headers[i]) : 0;
            n_rx++;
        }
    }
    io_uring_cq_advance(&u->ring, n);
    return n_rx;
}

static bool is_passing(int err)
{
    return err == -EINTR || err == -EAGAIN || err == -EBUSY;
}

/* A watch that the kernel did not take is armed again before the next wait. */
static void watch_lost(struct uring *u, uint64_t user_data)
{
    struct watch *w = &u->watches[(uint32_t)user_data < u->n_slots ? (uint32_t)user_data : 0];
    bool is_watch = user_data >> KIND_SHIFT == KIND_WATCH && (w->number & NUMBER_MASK) == number_of(user_data);
    if (is_watch && w->is_on && w->is_armed) {
        w->is_armed = false;
        u->n_unarmed++;
    }
}

/*
 * Submits what has been prepared. What the kernel does not take becomes nothing: left as it is, the next submit would
 * send old entries from buffers that hold somebody else's packets by then.
 *
 * @return how many were not taken
 */
static uint32_t submit(struct uring *u, struct io_rx *rx, uint32_t *done)
{
    struct io_uring_sq *sq = &u->ring.sq;
    int err = 0;
    for (unsigned i = 0; i < SUBMITS_MAX && io_uring_sq_ready(&u->ring) && (err >= 0 || is_passing(err)); i++) {
        err = rx ? io_uring_submit_and_get_events(&u->ring) : io_uring_submit(&u->ring);
        *done += completions_take(u, rx); /* a full completion queue is EBUSY */
    }
    uint32_t left = io_uring_sq_ready(&u->ring);
    for (uint32_t i = 0; i < left; i++) {
        struct io_uring_sqe *sqe = &sq->sqes[(*sq->khead + i) & sq->ring_mask];
        watch_lost(u, sqe->user_data);
        io_uring_prep_nop(sqe);
        sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
        sqe->user_data = data_of(KIND_NONE, 0, 0);
    }
    return left;
}

/* ---- watches ---- */

enum { WATCHES_AT_ONCE = 256 /* wait for a submit of their own, so that the others' batches find room */ };

static void watches_submit(struct uring *u)
{
    uint32_t done = 0;
    if (io_uring_sq_ready(&u->ring)) {
        submit(u, NULL, &done);
    }
}

static struct io_uring_sqe *watch_sqe(struct uring *u)
{
    if (io_uring_sq_ready(&u->ring) >= WATCHES_AT_ONCE) {
        watches_submit(u);
    }
    return sqe_next(u);
}

static void watch_arm(struct uring *u, uint32_t slot)
{
    struct watch *w = &u->watches[slot];
    struct io_uring_sqe *sqe = watch_sqe(u);
    io_uring_prep_poll_multishot(sqe, (int)slot, POLLIN);
    sqe->flags |= IOSQE_FIXED_FILE;
    sqe->user_data = data_of(KIND_WATCH, w->number, slot);
    w->is_armed = true;
}

static void watches_rearm(struct uring *u)
{
    for (uint32_t slot = 0; slot < u->n_slots && u->n_unarmed; slot++) {
        struct watch *w = &u->watches[slot];
        if (w->is_on && !w->is_armed) {
            u->n_unarmed--;
            watch_arm(u, slot);
        }
    }
}

static void uring_watch(struct io *io, uint32_t slot, bool on)
{
    struct uring *u = uring_of(io);
    struct watch *w = &u->watches[slot];
    if (w->is_on == on) {
        return;
    }
    w->is_on = on;
    u->n_watched += on ? 1 : -1u;
    if (on) {
        io_socket_narrow(u->fds[slot]);
        w->number++;
        watch_arm(u, slot);
        return;
    }
    if (!w->is_armed) {
        u->n_unarmed--;
        return;
    }
    struct io_uring_sqe *sqe = watch_sqe(u);
    io_uring_prep_poll_remove(sqe, data_of(KIND_WATCH, w->number, slot));
    sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
    sqe->user_data = data_of(KIND_NONE, 0, 0);
    w->is_armed = false;
}

static void uring_close(struct io *io, uint32_t slot)
{
    struct uring *u = uring_of(io);
    int none = -1;
    if (u->watches[slot].is_on) { /* what is armed holds the file, until its end has been taken */
        uring_watch(io, slot, false);
        watches_submit(u);
        io_uring_get_events(&u->ring);
        completions_take(u, NULL);
    }
    io_uring_register_files_update(&u->ring, slot, &none, 1);
    u->fds[slot] = -1;
}

static size_t uring_ready(struct io *io, uint32_t *slots, size_t max)
{
    struct uring *u = uring_of(io);
    size_t n = 0;
    while (n < max && u->n_ready) {
        uint32_t slot = u->ready[--u->n_ready];
        u->watches[slot].is_ready = false;
        if (u->watches[slot].is_on) {
            slots[n++] = slot;
        }
    }
    return n;
}

static void uring_rx(struct io *io, struct io_rx *rx, size_t n)
{
    struct uring *u = uring_of(io);
    must(n <= IO_BATCH);
    for (uint32_t i = 0; i < n; i++) {
        rx_prepare(u, &rx[i], i);
    }
    /* DONTWAIT receives complete while they are submitted; the loop is for a kernel that defers one. What is not there
     * then is as good as nothing: the packets wait in the socket. */
    uint32_t done = 0, left = submit(u, rx, &done);
    for (unsigned i = 0; i < SUBMITS_MAX && done + left < n && !left; i++) {
        int err = io_uring_submit_and_wait(&u->ring, 1);
        done += completions_take(u, rx);
        if (err < 0 && !is_passing(err)) {
            break;
        }
    }
    if (done < n) {
        count_add(&u->stats->rx_failed, n - done);
    }
    u->batch++;
}

static void uring_tx(struct io *io, const struct io_tx *tx, size_t n)
{
    struct uring *u = uring_of(io);
    must(n <= IO_BATCH);
    for (uint32_t i = 0; i < n; i++) {
        struct io_uring_sqe *sqe = sqe_next(u);
        if (tx[i].to) {
            u->parts[i] = (struct iovec){(void *)tx[i].buf, tx[i].bytes};
            u->headers[i] = (struct msghdr){.msg_iov = &u->parts[i],
                                            .msg_iovlen = 1,
                                            .msg_name = (void *)tx[i].to,
                                            .msg_namelen = addr_len(tx[i].to)};
            io_uring_prep_sendmsg(sqe, (int)tx[i].slot, &u->headers[i], MSG_DONTWAIT);
        } else {
            io_uring_prep_send(sqe, (int)tx[i].slot, tx[i].buf, tx[i].bytes, MSG_DONTWAIT);
        }
        sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
        sqe->user_data = data_of(KIND_TX, 0, i);
    }
    uint32_t done = 0, left = submit(u, NULL, &done); /* UDP sends complete inline: the buffers are free after it */
    if (left) {
        count_add(&u->stats->drops[DROP_TX_OTHER], left);
    }
}

enum { WAITS_MAX = 64, EVENTS_AT_ONCE = 16 /* the kernel runs at least so many of what it has put off */ };

/* As long as many come at a time, more wait. */
static void events_take(struct uring *u)
{
    for (uint32_t before = 0; u->n_ready >= before + EVENTS_AT_ONCE && before < u->n_slots;) {
        before = u->n_ready;
        io_uring_get_events(&u->ring);
        completions_take(u, NULL);
    }
}

static uint64_t uring_wait(struct io *io, uint64_t deadline_ns)
{
    struct uring *u = uring_of(io);
    if (!u->n_watched) {
        io_socket_sleep(deadline_ns);
        return io_clock_now(&u->clock);
    }
    watches_rearm(u);
    watches_submit(u);
    for (unsigned i = 0; i < WAITS_MAX && !u->n_ready; i++) {
        uint64_t now_ns = io_socket_now(), left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;
        struct __kernel_timespec t = {.tv_sec = (int64_t)(left_ns / NS_PER_S),
                                      .tv_nsec = (int64_t)(left_ns % NS_PER_S)};
        struct io_uring_cqe *cqe;
        if (!left_ns) {
            io_uring_get_events(&u->ring);
            completions_take(u, NULL);
            break;
        }
        io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, &t, NULL);
        completions_take(u, NULL);
    }
    events_take(u);
    return io_clock_now(&u->clock);
}

static void memory_put(struct uring *u)
{
    mem_put(u->fds);
    mem_put(u->headers);
    mem_put(u->parts);
    mem_put(u->controls);
    mem_put(u->watches);
    mem_put(u->ready);
    mem_put(u);
}

static void uring_free(struct io *io)
{
    struct uring *u = uring_of(io);
    io_uring_queue_exit(&u->ring);
    memory_put(u);
}

static const struct io_ops uring_ops = {
    .open = uring_open,
    .connect = uring_connect,
    .disconnect = uring_disconnect,
    .close = uring_close,
    .rx = uring_rx,
    .tx = uring_tx,
    .watch = uring_watch,
    .ready = uring_ready,
    .wait = uring_wait,
    .free = uring_free,
};

static int ring_setup(struct uring *u)
{
    struct io_uring_params p = {
        .flags =
            IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
        .cq_entries = 2 * SQ_ENTRIES,
    };
    int err = io_uring_queue_init_params(SQ_ENTRIES, &u->ring, &p);
    if (err) {
        return err;
    }
    io_uring_register_ring_fd(&u->ring);
    err = io_uring_register_files_sparse(&u->ring, u->n_slots);
    if (err) {
        io_uring_queue_exit(&u->ring);
    }
    return err;
}

int uring_build(struct io **io, uint32_t n_slots, struct worker_stats *stats)
{
    struct uring *u = mem_get(sizeof *u);
    if (!u) {
        return -ENOMEM;
    }
    u->io.ops = &uring_ops;
    u->stats = stats;
    u->n_slots = n_slots;
    u->fds = mem_get(n_slots * sizeof *u->fds);
    u->headers = mem_get(IO_BATCH * sizeof *u->headers);
    u->parts = mem_get(IO_BATCH * sizeof *u->parts);
    u->controls = mem_get(IO_BATCH * IO_CONTROL_BYTES);
    u->watches = mem_get(n_slots * sizeof *u->watches);
    u->ready = mem_get(n_slots * sizeof *u->ready);
    bool is_whole = u->fds && u->headers && u->parts && u->controls && u->watches && u->ready;
    int err = is_whole ? ring_setup(u) : -ENOMEM;
    if (err) {
        memory_put(u);
        return err;
    }
    *io = &u->io;
    return 0;
}
