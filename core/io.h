/*
 * The seam to the network: what an engine needs of it, and nothing more. io_uring, plain system calls and the simulator
 * implement it. Pull, not woken by RTP: packets wait in the socket until the engine asks. Only the few sockets that it
 * watches wake it: those of sessions of push-to-talk.
 *
 * A socket has a slot, a small number that the engine chose; the back end may keep a table by slot. One thread.
 */
#ifndef CORE_IO_H
#define CORE_IO_H

#include "core/base/addr.h"
#include "core/base/limits.h"
#include "core/media/outbox.h" /* struct io_tx */

#define IO_NONE (-1)   /* rx: nothing there */
#define IO_FAILED (-2) /* rx: the kernel could not be asked, something may be there */

struct io_rx {
    uint32_t slot;
    bool want_from;   /* fill from; not needed on a connected socket */
    bool want_at;     /* fill at_ns */
    uint8_t *buf;     /* PACKET_BYTES_MAX bytes */
    int32_t bytes;    /* out: length, 0 too | IO_NONE | IO_FAILED | PACKET_BYTES_MAX + 1: was longer, cut */
    struct addr from; /* out, with want_from */
    uint64_t at_ns;   /* out, with want_at: when it arrived, CLOCK_MONOTONIC; 0: unknown */
};

struct io {
    const struct io_ops *ops;
};

struct io_ops {
    /** Puts an open, bound, non-blocking UDP socket into a free slot. @return 0 | negative errno  cold */
    int (*open)(struct io *io, uint32_t slot, int fd);
    /** Believes only this peer from now on; the kernel refuses all others. @return 0 | negative errno */
    int (*connect)(struct io *io, uint32_t slot, const struct addr *peer);
    /** Takes the belief back: unconnected again. */
    void (*disconnect)(struct io *io, uint32_t slot);
    /** Empties the slot. Leaves the descriptor open: it is signalling's. */
    void (*close)(struct io *io, uint32_t slot);
    /** For each of n <= IO_BATCH requests reads at most one datagram that is already there. Never waits. */
    void (*rx)(struct io *io, struct io_rx *rx, size_t n);
    /** Sends n <= IO_BATCH datagrams; when it returns the buffers are free. A refused one is counted, not retried. */
    void (*tx)(struct io *io, const struct io_tx *tx, size_t n);
    /**
     * From now on a datagram in that socket ends a wait, and ready tells of it; one that is there already does so too.
     * Its receive buffer becomes small: what comes while nobody asks is old when somebody does. Off: as any other.
     */
    void (*watch)(struct io *io, uint32_t slot, bool on);
    /**
     * Takes slots of watched sockets in which something has arrived since they were taken last. Each is to be read
     * until nothing is left: of what is left nothing more is told. One with nothing in it may be among them.
     * @return how many, at most max
     */
    size_t (*ready)(struct io *io, uint32_t *slots, size_t max);
    /** Sleeps until deadline_ns (CLOCK_MONOTONIC; past: returns at once), or a watched socket is ready. @return now */
    uint64_t (*wait)(struct io *io, uint64_t deadline_ns);
    void (*free)(struct io *io);
};

struct worker_stats;

/** io_uring back end for slots 0..n_slots-1. @return 0 | -ENOSYS, -EPERM (refused by the kernel or a container) | ...
 */
COLD int uring_build(struct io **io, uint32_t n_slots, struct worker_stats *stats);
/** recv/send back end: the fallback, about a tenth dearer. */
COLD int syscall_build(struct io **io, uint32_t n_slots, struct worker_stats *stats);

#endif
