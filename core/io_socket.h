/* What both socket back ends share: connecting, counting a refused send, the clock and the sleep. */
#ifndef CORE_IO_SOCKET_H
#define CORE_IO_SOCKET_H

#include "core/base/addr.h"
#include "core/base/stats.h"

int io_socket_connect(int fd, const struct addr *peer);
void io_socket_disconnect(int fd);
void io_count_tx_error(struct worker_stats *stats, int error);
uint64_t io_socket_now(void);
void io_socket_sleep(uint64_t deadline_ns);

#endif
