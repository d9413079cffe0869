/*
 * A conference from the inside: its plan and one tick of it. Only core/conf and core/engine include this; all of it
 * runs on the worker that the conference is lent to, unless marked COLD.
 */
#ifndef CORE_CONF_CONF_RUN_H
#define CORE_CONF_CONF_RUN_H

#include "core/conf/conf.h"
#include "core/conf/leg_run.h"
#include "core/conf/silence.h"

#define GROUPS_MAX 34
static_assert(GROUPS_MAX > 2 * CONF_RELAYS_MAX + 1, "each source of an annex, for the deaf as well, has a group");
/* Of a kind some legs may be deaf: two groups each, and one for the legs of all other kinds. */
#define KINDS_MAX (GROUPS_MAX / 2 - 1)

/* Legs that may share an encode: same codec, settings and bus. Neighbours in plan.legs. */
struct group {
    uint32_t first, count;
    struct leg *shared; /* the leg that holds the group's encoder; NULL: none shares yet (or no state) */
    bool protects;      /* a leg in it loses packets, or sends no reports */
    bool solo;          /* of more kinds than KINDS_MAX: these encode each for itself */
};

/* How far a group of an annex has come with what its legs are sent. */
struct annex_synced {
    uint64_t due_ns; /* of the last frame that has been sent; 0: none */
    uint32_t head;   /* head of the annex source then */
};

/* What each leg hears, flat: compiled when it changes, only run on the tick. */
struct plan {
    struct leg **legs; /* [n_legs] by group */
    uint32_t n_legs, n_groups;
    bool rate_used[RATES]; /* a leg listens at this rate */
    bool in_lanes;         /* a leg's codec works on many channels at once: worth waiting for other conferences */
    struct group groups[GROUPS_MAX];
    struct annex_synced synced[GROUPS_MAX]; /* of an annex, by group */
};

/*
 * The encoders of one codec (encoders.h). However legs come, go and change, n >= MIN(n_legs, talkers + groups), which
 * is what they may hold at once: every leg brings one, and what is kept of them would do even if some of every kind
 * were deaf.
 */
struct encoders {
    struct encoder *spare;
    uint32_t n, n_spare; /* all, and those in the list */
    uint32_t n_legs;     /* that may share */
    uint32_t max;        /* more are surplus */
};

struct conf {
    /* First what every tick touches, as in a leg. */
    struct conf *next;  /* in its slot's list, in the list of those that move, or in the list to hand back */
    struct conf *ahead; /* its turn came a little later the last time: only to be fetched, it may be gone */
    unsigned i_slot;
    uint32_t tick;
    uint32_t position;    /* tick, and those that never ran */
    bool changed;         /* the plan must be compiled before the next tick */
    bool encodes;         /* keeps encoders */
    bool is_waiting;      /* of an annex: for this tick's frames; next_waiting is the next such */
    uint8_t to_beat_dbov; /* see relay.h; of an annex: as its owner says */
    uint64_t due_ns;      /* when this tick was due */
    uint32_t n_relays;    /* internal legs: their frames go to a relay */
    uint32_t n_clips;     /* internal legs that play a clip */
    uint32_t n_talkers, n_mixed;
    enum floor_mode floor_mode;
    struct kits *kits;       /* kit.h; of its worker, with a floor */
    struct conf_ptt *ptt;    /* ptt.h; NULL: built without a floor */
    struct leg **talkers;    /* [cfg.talkers] */
    struct leg **mixed;      /* [mixed_max] this tick's contributors */
    struct encoder *surplus; /* to hand back */
    struct conf_cfg cfg;
    struct plan plan;

    /* The rest. */
    bool parked; /* on its way to i_slot, which it joins at join_ns */
    uint64_t join_ns;
    uint64_t owner_due_ns; /* of an annex: of the newest frame; 0: none yet */
    struct conf *next_waiting;
    struct encoders encoders[CODECS];
    uint32_t mixed_max;
};

/* With the only group of most, and what stands behind the struct: pointers to the talkers and to the first legs. */
#define CONF_TICK_BYTES (offsetof(struct conf, plan.groups) + sizeof(struct group))
#define CONFS_AHEAD 4
#define CONF_POINTERS_BYTES (2 * LINE_BYTES)
static_assert(CONF_TICK_BYTES <= 3 * LINE_BYTES, "three lines of a conference a tick");

/** This conference's turn comes soon. */
FETCH void conf_fetch(const struct conf *conf)
{
    lines_fetch(conf, CONF_TICK_BYTES);
    lines_fetch(conf + 1, CONF_POINTERS_BYTES);
}

/* Scratch of a worker for one bus at a time; all aligned. */
struct mix_tools {
    struct leg_tools leg;
    struct outbox *box;
    struct stage_watch *watch;                      /* NULL: not measured */
    struct silence_cache *silence_cache;            /* NULL: each leg encodes its own silence */
    int16_t **heard;                                /* [legs_max + CONF_CLIPS_MAX] the rows of a bus */
    int16_t *s1, *s2;                               /* [FRAME_SAMPLES_MAX] the sum, split */
    int16_t *listen;                                /* [FRAME_SAMPLES_MAX] what listeners hear */
    int16_t *silence;                               /* [FRAME_SAMPLES_MAX] zeros */
    uint8_t *payload;                               /* [PACKET_STRIDE_BYTES * 2]: 20 ms of 48 kHz L16 are 1920 bytes */
    void (*finish)(void *owner, struct conf *conf); /* a conference's tick is over; NULL: no hook */
    void *owner;
};

#define PAYLOAD_CAP (2 * PACKET_STRIDE_BYTES)

/** Puts a leg in; it has its room since legs_max was checked. */
void conf_leg_add(struct conf *conf, struct leg *leg);
/** Takes a leg out: talkers and its group forget it. */
void conf_leg_drop(struct conf *conf, struct leg *leg);
/**
 * From now on a leg encodes for itself, with the state of the encoder that served it so far: its decoder notices
 * nothing. If it held its group's encoder, another member inherits a copy. Before it talks, or changes its kind.
 */
void conf_leg_apart(struct conf *conf, struct leg *leg);

/** What serves its group serves it as well, from the next tick on: it has, so far, by way of a relay. */
void conf_leg_follow(struct conf *conf, struct leg *leg);

/** Takes out a leg that is on its way to another worker, which can tell how far it has come in what is sent. */
void conf_leg_leave(struct conf *conf, struct leg *leg, const struct mix_tools *tools);
/** Puts a leg in, a new one or one that has left another worker: it misses nothing and gets nothing twice, as long as
 * it comes before the last frames of its annex source are gone. */
void conf_leg_enter(struct conf *conf, struct leg *leg, const struct mix_tools *tools);

/** Puts a leg into conf that is alone, but for clips, in another one of the same worker, not in an annex: sequence,
 * timestamp and encoder go on, what it hears changes from one tick to the next. annex_source: what it hears in conf, if
 * that is an annex. */
void conf_leg_transfer(struct conf *conf, struct leg *leg, struct relay *annex_source);

/** Compiles the plan from the legs in it. O(legs x kinds of legs). */
void graph_compile(struct conf *conf);

static inline void plan_refresh(struct conf *conf)
{
    if (conf->changed) {
        graph_compile(conf);
    }
}

/** Now and then: what its peer's reports say may make the plan old. */
void conf_leg_look(struct conf *conf, const struct leg *leg);

/** Chooses the voices that are heard: sets place and voice of every leg and fills mixed. A leg whose packet was not
 * decoded is decoded before it is chosen. */
void select_talkers(struct conf *conf, const struct leg_tools *tools);

/** In an annex: finds the voices that would be heard in the owner, and tells of them. */
void select_speakers(struct conf *conf, const struct leg_tools *tools);

/** Mixes N-1 and sends it; what can be encoded together with others' waits in the lanes until confs_encode. */
void conf_mix(struct conf *conf, const struct mix_tools *tools);

/** An annex sends what its legs' annex sources have. @return annex_is_synced */
bool annex_send(struct conf *conf, const struct mix_tools *tools);
/** @return false: this tick's frames are not all there yet */
bool annex_is_synced(const struct conf *conf);
/** Where an annex should tick: just after its owner. */
unsigned annex_slot(const struct conf *conf);

/**
 * Where a conference should tick: just after the packets of the legs that have talked lately. To be asked every
 * PHASE_EVERY_TICKS.
 *
 * @param n_slots  how many of SLOTS_PER_TICK are in use, evenly apart
 * @return one step on the way from i_slot to the best slot; i_slot itself when nothing is gained by a move
 */
unsigned phase_step(struct conf *conf, unsigned n_slots);

/** The conference moves to a slot later in the tick: legs whose packets arrive in between have one more waiting. */
void phase_moved_later(struct conf *conf, unsigned slot);

#define PHASE_EVERY_TICKS 10

#endif
