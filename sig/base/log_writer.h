/*
 * Writes lines to a descriptor from a thread of its own, so that a terminal that is stopped, a pipe that nobody reads
 * or a disk that stalls holds up no thread that logs. Between them lies a bounded ring: when it is full, lines are
 * dropped and counted, and the count is written as soon as there is room.
 */
#ifndef SIG_BASE_LOG_WRITER_H
#define SIG_BASE_LOG_WRITER_H

#include "core/base/stats.h"

#define LOG_WRITER_BYTES (256 * 1024) /* some two thousand lines */

struct log_writer;

/** @param fd  stays the caller's, and open until log_writer_stop  @return 0 | -ENOMEM | -EAGAIN no thread */
int log_writer_start(struct log_writer **writer, int fd);

/** Takes whole lines, or drops them all and counts them as one. Never waits for the descriptor. @thread control */
void log_writer_put(struct log_writer *writer, const char *text, size_t n);

/** Lines dropped so far. @thread any */
const counter *log_writer_dropped(const struct log_writer *writer);

/** Writes what waits, for half a second at most, and ends the thread. A thread that the kernel holds in a write is left
 * behind with its memory. NULL is fine. */
void log_writer_stop(struct log_writer *writer);

#endif
