/* Shared by uring.c and syscall.c. See io_socket.h. */
#include "core/io_socket.h"

#include <errno.h>
#include <time.h>

void io_socket_timestamps(int fd)
{
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

void io_socket_narrow(int fd)
{
    int bytes = 16384;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

uint64_t io_clock_now(struct io_clock *clock)
{
    uint64_t now_ns = io_socket_now();
    if (now_ns - clock->looked_up_ns > NS_PER_S) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        clock->wall_offset_ns = (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec - now_ns;
        clock->looked_up_ns = now_ns;
    }
    return now_ns;
}

uint64_t io_arrival(const struct io_clock *clock, struct msghdr *header)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec t;
            memcpy(&t, CMSG_DATA(c), sizeof t);
            return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec - clock->wall_offset_ns;
        }
    }
    return 0;
}

int io_socket_connect(int fd, const struct addr *peer)
{
    return connect(fd, &peer->sa, addr_len(peer)) ? -errno : 0;
}

void io_socket_disconnect(int fd)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    connect(fd, &none, sizeof none);
}

int io_count_rx_error(struct worker_stats *stats, int error)
{
    if (error == EAGAIN) {
        return IO_NONE;
    }
    if (error == ECONNREFUSED) { /* of something that was sent before */
        count_add(&stats->drops[DROP_TX_UNREACHABLE], 1);
    } else {
        count_add(&stats->rx_failed, 1);
    }
    return IO_FAILED;
}

void io_count_tx_error(struct worker_stats *stats, int error)
{
    enum drop drop = error == EAGAIN || error == ENOBUFS ? DROP_TX_FULL
                     : error == ECONNREFUSED             ? DROP_TX_UNREACHABLE
                                                         : DROP_TX_OTHER;
    count_add(&stats->drops[drop], 1);
}

uint64_t io_socket_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

void io_socket_sleep(uint64_t deadline_ns)
{
    struct timespec t = {.tv_sec = (time_t)(deadline_ns / NS_PER_S), .tv_nsec = (long)(deadline_ns % NS_PER_S)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) {
    }
}
