/*
 * The media engine of one worker: a function of packets, control messages and time. It opens no socket, reads no clock
 * and draws no random number; the worker thread is one caller of it, the simulator another.
 */
#ifndef CORE_ENGINE_H
#define CORE_ENGINE_H

#include "core/base/mem.h"
#include "core/ctl.h"
#include "core/io.h"
#include "simd/simd.h"

struct engine;

struct engine_cfg {
    struct ctl *ctl; /* its rings; outlive the engine */
    struct io *io;   /* with 2 * (legs_max + asleep_max) slots; outlives the engine */
    struct worker_stats *stats;
    const struct simd *simd;
    uint32_t legs_max;
    uint32_t kits_max;   /* so many bare legs may be heard at a time, and so many kinds of listeners be sent to */
    uint32_t asleep_max; /* legs beside them, of conferences that sleep: they have sockets, and no packets */
    uint32_t batch_legs; /* pulled at once, 0: as many as is usual; a larger conference comes in parts. Tests choose */
    bool lazy_decode;    /* a leg that cannot be among the loudest is not decoded, where its packets tell */
    uint64_t wall_offset_ns;
    uint64_t (*clock)(void); /* for stage_ns only; NULL: not measured */
};

/** Takes all memory it will ever need and seals it. @return 0 | -ENOMEM  @thread control or the worker, before the beat
 */
COLD int engine_build(struct engine **engine, const struct engine_cfg *cfg);
COLD void engine_free(struct engine *engine);
/** What engine_build takes at once. */
COLD size_t engine_bytes(uint32_t legs_max, uint32_t asleep_max);

/**
 * One turn: applies at most CTL_BATCH requests, then runs every conference whose phase has come.
 *
 * @return when to call again, at the latest: the next phase, or a tick from now when there is none
 */
uint64_t engine_beat(struct engine *engine, uint64_t now_ns);

/** Packets held in the pool: what the simulator adds up. */
uint32_t engine_held_packets(const struct engine *engine);

#endif
