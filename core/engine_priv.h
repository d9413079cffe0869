/* The engine from the inside, for its own files: engine.c (build, tick, phases), engine_ctl.c (requests),
 * engine_pull.c. */
#ifndef CORE_ENGINE_PRIV_H
#define CORE_ENGINE_PRIV_H

#include "core/engine.h"

#include "core/conf/conf_run.h"

enum {
    RX_SLOTS = 512,        /* packets of one pull: they stay in the second-level cache until they are decoded */
    BATCH_LEGS_MAX = 256,  /* legs of one pull: each may have two packets */
    KEEP_EVERY_TICKS = 16, /* how often a leg's housekeeping is done */
};

struct pull {
    struct leg *leg;
    bool rtcp;
};

struct engine {
    struct engine_cfg cfg;
    struct arena arena;
    struct pool pool;
    struct outbox box;
    struct arena rows_arena;
    struct rows rows;
    struct mix_tools tools;
    struct stage_watch watch;

    struct conf *slots[SLOTS_PER_TICK];
    struct conf *parked; /* conferences between two slots */
    uint64_t slot_due_ns[SLOTS_PER_TICK];
    uint32_t slot_legs[SLOTS_PER_TICK], slot_confs[SLOTS_PER_TICK];
    uint32_t n_legs, n_confs;

    uint32_t *free_slots; /* pairs of sockets: stack of pair numbers */
    uint32_t n_free_slots;

    struct leg *batch[BATCH_LEGS_MAX]; /* whose turn it is to be pulled */
    uint32_t n_batch;
    struct io_rx *rx;   /* [RX_SLOTS] one pull being gathered */
    struct pull *pulls; /* [RX_SLOTS] whose each is */
    uint8_t *rx_bufs;   /* [RX_SLOTS][PACKET_STRIDE_BYTES] */
    uint32_t n_rx;      /* gathered */
    uint32_t n_rx_used; /* buffers that hold borrowed packets */

    struct conf *hungry;     /* annexes that wait for their owner's frames */
    uint64_t alert_until_ns; /* a leg is about to be moved from here: not a tick late */

    struct leg *gone; /* to hand back when the event ring has room */
    struct conf *gone_confs;
    struct encoder *gone_encoders;
    uint64_t now_ns;
};

/** Sends what the box holds. */
void engine_flush(struct outbox *box);

/** Enters its slot's list; i_slot says which. */
void slot_join(struct engine *e, struct conf *conf);
/** Takes a conference out of a list that it is in. */
void list_remove(struct conf **link, const struct conf *conf);

/** Its socket takes from everybody again; leg_source.h chooses. */
void engine_disconnect(struct engine *e, struct leg *leg);

/** Applies at most CTL_BATCH requests. */
void engine_ctl(struct engine *e);

/**
 * Reads every leg of the batch once or twice, then those that have more.
 *
 * @param skipped  ticks that never ran: so many more packets may wait, and so much audio is given up
 */
void engine_pull(struct engine *e, unsigned skipped);

#endif
