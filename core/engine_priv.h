/* The engine from the inside, for its own files, the lowest first: engine_io.c (sockets, sending, events),
 * engine_slots.c (when a conference ticks), engine_floor.c (push-to-talk between ticks), engine_pull.c (receiving),
 * engine_ctl.c (requests), engine.c (build, tick, beat). */
#ifndef CORE_ENGINE_PRIV_H
#define CORE_ENGINE_PRIV_H

#include "core/engine.h"

#include "core/conf/ptt.h"

enum {
    RX_SLOTS = 512,        /* packets of one pull: they stay in the second-level cache until they are decoded */
    BATCH_LEGS_MAX = 256,  /* legs of one pull: each may have two packets */
    KEEP_EVERY_TICKS = 16, /* how often a leg's housekeeping is done */
    WHEEL_BUCKETS = 1024   /* a timer of a session may be so many steps ahead */
};
#define WHEEL_STEP_NS (32 * NS_PER_MS)

struct pull {
    struct leg *leg;
    bool rtcp;
    bool *hit; /* was there anything? NULL: nobody asks */
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
    struct arena kits_arena;
    struct kits kits;

    struct conf *slots[SLOTS_PER_TICK];
    struct conf *parked; /* conferences between two slots */
    uint64_t slot_due_ns[SLOTS_PER_TICK];
    uint32_t slot_legs[SLOTS_PER_TICK], slot_confs[SLOTS_PER_TICK];
    uint32_t n_legs, n_confs; /* legs: of conferences that tick */

    struct leg **by_pair; /* [pairs] the leg of a pair of sockets; NULL: free */
    uint32_t *free_slots; /* pairs of sockets: stack of pair numbers */
    uint32_t n_free_slots;

    struct leg *batch[BATCH_LEGS_MAX]; /* to be pulled now */
    uint32_t n_batch;
    struct io_rx *rx;   /* [RX_SLOTS] one pull being gathered */
    struct pull *pulls; /* [RX_SLOTS] the leg of each */
    uint8_t *rx_bufs;   /* [RX_SLOTS][PACKET_STRIDE_BYTES] */
    uint32_t n_rx;      /* gathered */
    uint32_t n_rx_used; /* buffers that hold borrowed packets */

    struct conf *waiting;    /* annexes that wait for their owner's frames */
    uint64_t alert_until_ns; /* a leg is about to be moved from here: not a tick late */

    struct conf *live;              /* whose floor's timers run */
    uint32_t n_watched;             /* sockets */
    uint32_t again[BATCH_LEGS_MAX]; /* slots of watched sockets that may hold more */
    uint32_t n_again;
    struct leg *wheel[WHEEL_BUCKETS];
    struct conf *conf_wheel[WHEEL_BUCKETS]; /* floors whose next timer is some time ahead */
    uint64_t wheel_ns;                      /* all before it is done */

    struct ptt_message *gone_messages;
    struct leg *gone; /* to hand back when the event ring has room */
    struct conf *gone_confs;
    struct encoder *gone_encoders;
    uint64_t now_ns;
};

/* ---- engine_io.c ---- */

/** A message that does not fit now is kept by its object and tried again on a later beat. @return false: no room */
bool event_put(struct engine *e, const struct ctl_ev *ev);

/** What its leg wants signalling to know, as far as there is room. */
void events_post(struct engine *e, struct leg *leg);
static inline bool leg_is_pending(const struct leg *leg)
{
    const struct leg_pending *p = &leg->pending;
    return p->n_digits || p->quiet || p->bye || p->speaks || p->silent || p->played || p->codec || p->unheard ||
           p->failed;
}

/** Sends what the box holds. */
void engine_flush(struct outbox *box);
/**
 * Opens a leg's sockets. A leg of a relay or a clip has none. One whose sockets the kernel refuses stays in its place,
 * silent, until signalling, which is told, takes it back.
 */
void sockets_open(struct engine *e, struct leg *leg);
/** leg has taken the place of old: RTCP moves onto the RTP socket, or away from it, as their configurations say. */
void sockets_follow(struct engine *e, struct leg *leg, const struct leg *old);
void sockets_close(struct engine *e, const struct leg *leg);
/** Its socket takes packets from everybody again; leg_source.h chooses. */
void engine_disconnect(struct engine *e, struct leg *leg);

/* ---- engine_slots.c ---- */

/** A new conference gets a slot. */
void slot_enter(struct engine *e, struct conf *conf);
/** One that wakes, or a new one: just behind packets that arrive at the phase of at_ns. */
void slot_enter_behind(struct engine *e, struct conf *conf, uint64_t at_ns);
void slot_leave(struct engine *e, const struct conf *conf);
/** So many more legs, or -n fewer: they are a load while their conference ticks. */
void slot_legs_add(struct engine *e, const struct conf *conf, uint32_t n);
/** Conferences of a slot that has just ticked follow their talkers, each in its turn. */
void slot_follow(struct engine *e, unsigned slot);
/** Conferences between two slots join theirs if it is time. @return when the next one may join */
uint64_t slots_join(struct engine *e);

/* ---- engine_floor.c ---- */

/** A conference has come: its floor, if it has one, speaks to this engine; or it goes. */
void ptt_conf_open(struct engine *e, struct conf *conf);
void ptt_conf_close(struct engine *e, struct conf *conf);
/** Something has happened at its floor: its timers are looked at in this beat. */
void ptt_live(struct engine *e, struct conf *conf);
/** A datagram of a session has been taken. */
void ptt_leg_heard(struct engine *e, struct leg *leg);
/** It is in its conference from now on: its timers run. */
void ptt_leg_begin(struct engine *e, struct leg *leg);
/** A message for its terminal. */
void ptt_leg_message(struct engine *e, struct leg *leg, struct ptt_message *message);
/** It goes: what waits for its terminal is lost. */
void ptt_leg_gone(struct engine *e, struct leg *leg);
/** Hands back messages. */
void ptt_gone_flush(struct engine *e);
/** Who has the floor, or whether its conference ticks, has changed: what of its sockets is watched follows. */
void ptt_watch(struct engine *e, struct leg *leg);
/** Timers of floors and sessions; conferences fall asleep and wake. @return when to come again at the latest */
uint64_t ptt_beat(struct engine *e);

/* ---- engine_pull.c ---- */

/**
 * Reads every leg of the batch once or twice, then those that have more.
 *
 * @param skipped  ticks that never ran: so many more packets may wait, and so much audio is given up
 */
void engine_pull(struct engine *e, unsigned skipped);
/** Reads watched sockets in which something has arrived, between ticks. */
void engine_watched(struct engine *e);

/* ---- engine_ctl.c ---- */

/** Applies at most CTL_BATCH requests. */
void engine_ctl(struct engine *e);

#endif
