/*
 * Plain system calls back end: the same two passes, one recv and one send per packet. The fallback where io_uring is
 * refused, about a tenth dearer.
 */
#include "core/base/mem.h"
#include "core/base/stats.h"
#include "core/io.h"
#include "core/io_socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

struct plain {
    struct io io;
    struct worker_stats *stats;
    int *fds;      /* by slot */
    bool *watched; /* by slot */
    uint32_t n_slots, n_watched;
    int epoll_fd;
    struct io_clock clock;
};

enum { READY_MAX = 64 };

static struct plain *plain_of(struct io *io)
{
    return (struct plain *)io;
}

static int plain_open(struct io *io, uint32_t slot, int fd)
{
    must(slot < plain_of(io)->n_slots);
    plain_of(io)->fds[slot] = fd;
    io_socket_timestamps(fd);
    return 0;
}

/* Edge-triggered: what has been told of is read until nothing is left. */
static void plain_watch(struct io *io, uint32_t slot, bool on)
{
    struct plain *p = plain_of(io);
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.u32 = slot};
    if (p->watched[slot] == on) {
        return;
    }
    if (on) {
        io_socket_narrow(p->fds[slot]);
    }
    if (epoll_ctl(p->epoll_fd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, p->fds[slot], &event) != 0) {
        count_add(&p->stats->watches_failed, 1);
        return;
    }
    p->watched[slot] = on;
    p->n_watched += on ? 1 : -1u;
}

static size_t plain_ready(struct io *io, uint32_t *slots, size_t max)
{
    struct plain *p = plain_of(io);
    struct epoll_event events[READY_MAX];
    int n = p->n_watched ? epoll_wait(p->epoll_fd, events, (int)MIN(max, (size_t)READY_MAX), 0) : 0;
    for (int i = 0; i < n; i++) {
        slots[i] = events[i].data.u32;
    }
    return (size_t)MAX(n, 0);
}

static void plain_close(struct io *io, uint32_t slot)
{
    plain_watch(io, slot, false);
    plain_of(io)->fds[slot] = -1;
}

static int plain_connect(struct io *io, uint32_t slot, const struct addr *peer)
{
    return io_socket_connect(plain_of(io)->fds[slot], peer);
}

static void plain_disconnect(struct io *io, uint32_t slot)
{
    io_socket_disconnect(plain_of(io)->fds[slot]);
}

static ssize_t one_with_more(struct plain *p, struct io_rx *rx)
{
    uint8_t control[IO_CONTROL_BYTES] __attribute__((aligned(8)));
    struct iovec part = {rx->buf, PACKET_BYTES_MAX};
    struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
    if (rx->want_from) {
        memset(&rx->from, 0, sizeof rx->from);
        header.msg_name = &rx->from;
        header.msg_namelen = sizeof rx->from;
    }
    if (rx->want_at) {
        header.msg_control = control;
        header.msg_controllen = sizeof control;
    }
    ssize_t bytes = recvmsg(p->fds[rx->slot], &header, MSG_DONTWAIT | MSG_TRUNC);
    rx->at_ns = rx->want_at && bytes >= 0 ? io_arrival(&p->clock, &header) : 0;
    return bytes;
}

static void plain_rx(struct io *io, struct io_rx *rx, size_t n)
{
    struct plain *p = plain_of(io);
    for (size_t i = 0; i < n; i++) {
        ssize_t bytes;
        rx[i].at_ns = 0;
        if (rx[i].want_from || rx[i].want_at) {
            bytes = one_with_more(p, &rx[i]);
        } else {
            bytes = recv(p->fds[rx[i].slot], rx[i].buf, PACKET_BYTES_MAX, MSG_DONTWAIT | MSG_TRUNC);
        }
        rx[i].bytes = bytes >= 0 ? (int32_t)MIN(bytes, PACKET_BYTES_MAX + 1) : io_count_rx_error(p->stats, errno);
    }
}

static void plain_tx(struct io *io, const struct io_tx *tx, size_t n)
{
    struct plain *p = plain_of(io);
    for (size_t i = 0; i < n; i++) {
        int fd = p->fds[tx[i].slot];
        ssize_t sent = tx[i].to ? sendto(fd, tx[i].buf, tx[i].bytes, MSG_DONTWAIT, &tx[i].to->sa, addr_len(tx[i].to))
                                : send(fd, tx[i].buf, tx[i].bytes, MSG_DONTWAIT);
        if (sent < 0) {
            io_count_tx_error(p->stats, errno);
        }
    }
}

static uint64_t plain_wait(struct io *io, uint64_t deadline_ns)
{
    struct plain *p = plain_of(io);
    uint64_t now_ns = p->n_watched ? io_socket_now() : 0;
    if (!p->n_watched) {
        io_socket_sleep(deadline_ns);
    } else if (deadline_ns > now_ns) {
        struct pollfd any = {.fd = p->epoll_fd, .events = POLLIN};
        uint64_t left_ns = deadline_ns - now_ns;
        struct timespec t = {.tv_sec = (time_t)(left_ns / NS_PER_S), .tv_nsec = (long)(left_ns % NS_PER_S)};
        ppoll(&any, 1, &t, NULL); /* interrupted: a beat too early does no harm */
    }
    return io_clock_now(&p->clock);
}

static void plain_free(struct io *io)
{
    close(plain_of(io)->epoll_fd);
    mem_put(plain_of(io)->watched);
    mem_put(plain_of(io)->fds);
    mem_put(plain_of(io));
}

static const struct io_ops plain_ops = {
    .open = plain_open,
    .connect = plain_connect,
    .disconnect = plain_disconnect,
    .close = plain_close,
    .rx = plain_rx,
    .tx = plain_tx,
    .watch = plain_watch,
    .ready = plain_ready,
    .wait = plain_wait,
    .free = plain_free,
};

int syscall_build(struct io **io, uint32_t n_slots, struct worker_stats *stats)
{
    struct plain *p = mem_get(sizeof *p);
    if (!p) {
        return -ENOMEM;
    }
    *p = (struct plain){.io.ops = &plain_ops, .stats = stats, .n_slots = n_slots};
    p->fds = mem_get(n_slots * sizeof *p->fds);
    p->watched = mem_get(n_slots * sizeof *p->watched);
    p->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    int err = !p->fds || !p->watched ? -ENOMEM : p->epoll_fd < 0 ? -errno : 0;
    if (err) {
        if (p->epoll_fd >= 0) {
            close(p->epoll_fd);
        }
        mem_put(p->watched);
        mem_put(p->fds);
        mem_put(p);
        return err;
    }
    *io = &p->io;
    return 0;
}
