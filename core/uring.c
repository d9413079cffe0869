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
#include <string.h>
#include <time.h>

enum {
    SQ_ENTRIES = 4096,
    SUBMITS_MAX = 64 /* of one batch: the kernel takes less than all when it is short of memory */
};
#define TX_MARK (1ull << 32) /* user_data of sends; receives carry their index, and their batch above it */
#define BATCH_SHIFT 33

struct uring {
    struct io io;
    struct io_uring ring;
    struct worker_stats *stats;
    int *fds; /* by slot: connect() needs the descriptor itself */
    uint32_t n_slots;
    uint32_t batch;         /* number of the receives' batch: one that is given up may complete later */
    struct msghdr *headers; /* [IO_BATCH] for those that want or give an address, or want the time */
    struct iovec *parts;
    uint8_t *controls; /* [IO_BATCH][IO_CONTROL_BYTES] */
    struct io_clock clock;
};

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

static void uring_close(struct io *io, uint32_t slot)
{
    struct uring *u = uring_of(io);
    int none = -1;
    io_uring_register_files_update(&u->ring, slot, &none, 1);
    u->fds[slot] = -1;
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
    sqe->user_data = (uint64_t)u->batch << BATCH_SHIFT | i;
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
        if (cqe->user_data & TX_MARK) {
            if (cqe->res < 0) {
                io_count_tx_error(u->stats, -cqe->res);
            }
        } else if (rx && cqe->user_data >> BATCH_SHIFT == u->batch) {
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
        io_uring_prep_nop(sqe);
        sqe->flags = IOSQE_CQE_SKIP_SUCCESS;
        sqe->user_data = TX_MARK;
    }
    return left;
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
        sqe->user_data = TX_MARK | i;
    }
    uint32_t done = 0, left = submit(u, NULL, &done); /* UDP sends complete inline: the buffers are free after it */
    if (left) {
        count_add(&u->stats->drops[DROP_TX_OTHER], left);
    }
}

static uint64_t uring_wait(struct io *io, uint64_t deadline_ns)
{
    io_socket_sleep(deadline_ns);
    return io_clock_now(&uring_of(io)->clock);
}

static void uring_free(struct io *io)
{
    struct uring *u = uring_of(io);
    io_uring_queue_exit(&u->ring);
    mem_put(u->fds);
    mem_put(u->headers);
    mem_put(u->parts);
    mem_put(u->controls);
    mem_put(u);
}

static const struct io_ops uring_ops = {
    .open = uring_open,
    .connect = uring_connect,
    .disconnect = uring_disconnect,
    .close = uring_close,
    .rx = uring_rx,
    .tx = uring_tx,
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
    int err = u->fds && u->headers && u->parts && u->controls ? ring_setup(u) : -ENOMEM;
    if (err) {
        mem_put(u->fds);
        mem_put(u->headers);
        mem_put(u->parts);
        mem_put(u->controls);
        mem_put(u);
        return err;
    }
    *io = &u->io;
    return 0;
}
