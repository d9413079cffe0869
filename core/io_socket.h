/* What both socket back ends share: connecting, counting a refused send, the clock and the sleep. */
#ifndef CORE_IO_SOCKET_H
#define CORE_IO_SOCKET_H

#include "core/base/addr.h"
#include "core/base/stats.h"
#include "core/io.h"

struct msghdr;

/* Room for what the kernel tells beside a datagram: when it arrived. */
#define IO_CONTROL_BYTES 64

/*
 * Arrival times come on CLOCK_REALTIME, which may be set: how far it is from CLOCK_MONOTONIC is looked up anew about
 * once a second, while the worker is about to sleep anyway.
 */
struct io_clock {
    uint64_t wall_offset_ns, looked_up_ns;
};

/** Asks the kernel to note when datagrams arrive. A refusal only means that at_ns stays 0. */
void io_socket_timestamps(int fd);
/** A socket that is watched: room for less than a second of audio. */
void io_socket_narrow(int fd);
/** After a sleep: now, and the offset if it is old. */
uint64_t io_clock_now(struct io_clock *clock);
/** When the datagram of a recvmsg arrived, on CLOCK_MONOTONIC; 0: unknown. */
uint64_t io_arrival(const struct io_clock *clock, struct msghdr *header);
int io_socket_connect(int fd, const struct addr *peer);
void io_socket_disconnect(int fd);
/** A read that brought nothing. @return IO_NONE | IO_FAILED, counted */
int io_count_rx_error(struct worker_stats *stats, int error);
void io_count_tx_error(struct worker_stats *stats, int error);
uint64_t io_socket_now(void);
void io_socket_sleep(uint64_t deadline_ns);

#endif
