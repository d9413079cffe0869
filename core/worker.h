/*
 * A worker: one thread, one engine, one I/O back end. tools/ starts it and hands its ctl to signalling.
 */
#ifndef CORE_WORKER_H
#define CORE_WORKER_H

#include "core/ctl.h"
#include "simd/simd.h"

enum worker_io { WORKER_IO_URING, WORKER_IO_SYSCALL };

struct worker_cfg {
    int index;         /* for its name: mixer/0 */
    int cpu;           /* pinned to; -1: not pinned */
    int fifo_priority; /* SCHED_FIFO 1..99; 0: SCHED_OTHER */
    enum worker_io io;
    bool may_fall_back; /* to system calls, whatever io_uring is refused for */
    const struct simd *simd;
    uint32_t legs_max;       /* sizes everything that is allocated at start; besides, WORKER_RELAYS_MAX relays' legs */
    uint32_t kits_max;       /* as in engine_cfg */
    uint32_t asleep_max;     /* sessions of push-to-talk beside them whose conferences sleep, as in engine_cfg */
    bool lazy_decode;        /* as in engine_cfg */
    uint64_t wall_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC, for RTCP's NTP time */
};

struct worker;

/**
 * Starts a worker: its thread builds the ring (a SINGLE_ISSUER ring belongs to its thread), pins itself, seals its
 * memory.
 *
 * @return 0 | -ENODEV: cpu not usable | -ENOMEM | without may_fall_back: what io_uring is refused for (-ENOSYS, -EPERM:
 *         by the kernel or a container; -EINVAL: a kernel before 6.1; -EMFILE; ...)
 * @thread control; returns when the worker runs or has failed, nothing half started
 */
int worker_start(struct worker **worker, const struct worker_cfg *cfg);

/** Memory that a worker takes at its start. @param legs_max, asleep_max  as in its cfg */
size_t worker_bytes(uint32_t legs_max, uint32_t asleep_max);

/** Its page. Valid until worker_stop. */
struct ctl *worker_ctl(struct worker *worker);

/** 0, or why io_uring was refused (negative errno): the worker fell back. */
int worker_io_error(const struct worker *worker);

/** 0, or why SCHED_FIFO was not granted (negative errno): the worker runs all the same, the caller warns. */
int worker_fifo_error(const struct worker *worker);

/** Ends the thread and frees it. Conferences and legs still lent are abandoned to the caller: ask for them first. */
void worker_stop(struct worker *worker);

#endif
