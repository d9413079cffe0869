/* What a conference needs of its worker, without one: memory, an outbox, tools. For tests that tick it themselves. */
#ifndef TESTS_TEST_DESK_H
#define TESTS_TEST_DESK_H

#include "core/base/mem.h"
#include "core/conf/tick.h"

struct desk {
    struct arena arena;
    struct pool pool;
    struct outbox box; /* thrown away when full; give it another flush to look at it */
    struct worker_stats stats;
    struct rows rows;
    struct mix_tools tools;
};

/** n_lanes: G.722 in so many, 0: each leg by itself. Aborts without memory. */
void desk_open(struct desk *desk, uint32_t n_lanes);
/** must() that the pool has everything back. */
void desk_close(struct desk *desk);

/** The usual leg: both ways, no RTCP, no telephone events, from 192.0.2.1. Room for changes before desk_seat. */
struct leg_cfg desk_leg(enum codec_id codec, uint32_t rate_hz, uint32_t ssrc);
/** Builds it, and there it sits. i: its place among the sockets. */
struct leg *desk_seat(struct desk *desk, struct conf *conf, const struct leg_cfg *cfg, unsigned i);
/** It leaves its conference; its figures can still be read until leg_free. */
void desk_leave(struct leg *leg);

#endif
