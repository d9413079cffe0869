/*
 * Push-to-talk in a conference: a floor (floor.h) whose seats stand beside the legs. Messages of floor control come in
 * by a leg's sockets and their answers go out by its outbox in the same beat; only what the holder of the floor says is
 * decoded and mixed. What others send is kept undecoded for a moment, in case the floor is about to be theirs.
 *
 * A conference is asleep while nobody has the floor: it stands in no slot, and its legs are not asked for packets
 * (engine_ptt.c wakes it). Memory comes with conf_build and leg_build. Worker, hot.
 */
#ifndef CORE_CONF_PTT_H
#define CORE_CONF_PTT_H

#include "core/conf/conf_run.h"
#include "core/conf/floor.h"
#include "core/conf/kit.h"

enum {
    PTT_PREROLL_MS = 100,      /* so much older than the grant may be what is played */
    PTT_READ_TICKS = 5,        /* how often the socket of a leg without the floor is asked while its conference ticks */
    PTT_READS = 8,             /* at once, and again while there is more */
    PTT_FLOOD_RTP = 5,         /* datagrams without the floor may wake the worker ... */
    PTT_FLOOD_CONTROL = 100,   /* of floor control, or what looks like it */
    PTT_FLOOD_MS = 1000,       /* ... in so long */
    PTT_LATE_MS = 2 * TICK_MS, /* after a Release: what comes later is not of that burst */
    PTT_ALIVE_MIN_MS = 15000,  /* keep-alives come no more often than this ... */
    PTT_ALIVE_MS = 25000,      /* ... and no less often than this; three missing: its terminal is lost */
    PTT_LOST_MS = 3 * PTT_ALIVE_MS,
    PTT_ANSWER_MS = 10000, /* a keep-alive is answered no more often */
    PTT_FILL_MS = 10000,   /* so often has a phone that expects RTP some, while nobody speaks */
    PTT_FORGERY_MS =
        2 * PTT_ALIVE_MS /* so long silent, floor control has moved to another port; before, it is forged */
};

/* What the engine is told. */
struct ptt_user {
    void *owner;
    struct outbox *box;
    struct worker_stats *stats;
    struct kits *kits;
    void (*event)(void *owner, struct conf *conf, struct leg *leg, enum floor_event what, uint32_t value);
};

/* One that signalling has not been sent. */
struct ptt_event {
    bool is_pending;
    enum floor_event what;
    uint32_t value;
};

/* Of a conference. */
struct conf_ptt {
    struct floor floor;
    struct ptt_user user;
    bool sleeps; /* while nobody has the floor */
    bool is_asleep;
    bool is_live;           /* in the engine's list: its timers run, or it is about to fall asleep */
    bool has_pending;       /* events, of its own or its legs' */
    struct ptt_event event; /* of its own */
    struct conf *next_live;
    struct conf *next_timed, **link_timed; /* in the engine's wheel; link NULL: it is not */
    uint64_t now_ns;                       /* of what the floor does at the moment */
    uint64_t due_ms;                       /* floor_run */
    uint64_t slept_ns;                     /* since */
};

/* Of a leg. */
struct leg_ptt {
    struct floor_seat seat;
    struct leg *leg;
    /* where its floor control is */
    struct addr at;
    uint32_t at_ms;  /* when it came from there last */
    bool is_known;   /* it has */
    bool is_on_rtp;  /* by the RTP socket */
    bool reads_all;  /* its socket may hold more than is usual: the next pull empties it */
    bool watches[2]; /* its RTP socket wakes the worker, its RTCP socket does */
    struct ptt_flood {
        bool is_on;               /* it is too much to wake up for */
        uint8_t n_rtp, n_control; /* datagrams that have, since from_ns */
        uint64_t from_ns;
    } floods[2];         /* of either socket */
    uint64_t arrived_ns; /* the datagram in hand; 0: not known */
    uint64_t heard_ns;   /* RTP of it came last */
    uint64_t granted_ns;
    struct ptt_message *messages; /* the first is on its way */
    struct ptt_event event;
    /* the engine's timer */
    struct leg *next;
    struct leg **link; /* NULL: none runs */
    uint64_t due_ns, message_due_ns, alive_due_ns;
    uint64_t alive_ns;       /* our last keep-alive */
    bool is_lost, told_lost; /* its terminal is silent; signalling knows */
};

static inline bool conf_is_half(const struct conf *conf)
{
    return conf->floor_mode == FLOOR_MODE_HALF;
}

static inline bool conf_is_asleep(const struct conf *conf)
{
    return conf->ptt && conf->ptt->is_asleep;
}

/** May it be heard, as far as a floor is concerned? One without a seat has no say where there is one, but for clips; a
 * bare one has none where there is no floor. */
static inline bool leg_has_floor(const struct leg *leg)
{
    bool holds = !conf_is_half(leg->conf) || leg->plays || (leg->ptt && leg->ptt->seat.holds);
    return holds && leg_has_parts(leg);
}

/** Does the pull ask its RTP socket in this tick? */
static inline bool leg_is_read(const struct leg *leg, uint32_t tick)
{
    bool is_due = (tick + leg->beat_index) % PTT_READ_TICKS == 0;
    return leg_has_floor(leg) || (leg->ptt && leg->ptt->seat.holds) || (is_due && !(leg->ptt && leg->ptt->watches[0]));
}

/** Which of its sockets are to be watched: [0] RTP's, [1] RTCP's. */
void ptt_watches(const struct leg *leg, bool wants[2]);
/**
 * A datagram has woken the worker: too often? Then its socket is not watched any more: until a burst begins; or, if
 * floor control comes by it, for PTT_FLOOD_MS.
 */
void ptt_woken(struct leg *leg, bool by_rtcp, bool is_control, uint64_t now_ns);
/** Sockets that have been left alone for long enough are watched again. @return when to ask again; UINT64_MAX: never */
uint64_t ptt_floods_end(struct leg *leg, uint64_t now_ns);

/** Shall the pull ask until nothing is left? */
static inline bool leg_reads_all(const struct leg *leg)
{
    return conf_is_half(leg->conf) && leg->ptt && (!leg->ptt->seat.holds || leg->ptt->reads_all);
}

/** A conference with a floor comes to its worker, as one without. */
COLD void ptt_open(struct conf *conf, const struct ptt_user *user, uint64_t now_ns);
/** What signalling wishes. */
void ptt_set(struct conf *conf, enum floor_mode mode, bool sleeps, const struct floor_policy *policy, uint64_t now_ns);

/** A leg is in its conference, or is about to leave it: its seat is taken, or given up. */
void ptt_enter(struct leg *leg, uint64_t now_ns);
void ptt_leave(struct leg *leg, uint64_t now_ns);
/** leg takes the place of old in its conference: what old held or waited for is its. */
void ptt_take_over(struct leg *leg, struct leg *old, uint64_t now_ns);
void ptt_rights_set(struct leg *leg, const struct floor_rights *rights, uint64_t now_ns);
void ptt_wish(struct leg *leg, const struct floor_wish *wish, uint64_t now_ns);
/** Signalling has set the direction of its media, or who is to be heard has changed: what follows from both. */
void ptt_tx_set(struct leg *leg);
/** Its floor control is somewhere else now. */
void ptt_remote_set(struct leg *leg, const struct addr *remote);

/** Is that datagram floor control or its keep-alive, and not a report? */
static inline bool ptt_is(const uint8_t *buf, size_t n)
{
    return app_is(buf, n) || (n == 8 && buf[0] == 0x80 && buf[1] == 201);
}

/**
 * May floor control come from there? With SRTP from anywhere, as what opens proves itself; else from where it came
 * before, from another port of that host only when that has been silent for long.
 * @return DROP_NONE | DROP_SOURCE
 */
enum drop ptt_source(const struct leg *leg, const struct addr *from, uint32_t now_ms);

/** One such datagram, whose source is fine and which is open: its messages take effect. from: NULL when connected. */
void ptt_rx(struct leg *leg, const uint8_t *buf, size_t n, const struct addr *from, bool on_rtp, uint64_t now_ns);

/** One more for its terminal, after those that wait. */
void ptt_message_add(struct leg *leg, struct ptt_message *message);
/** Sends the first of its messages if that is due: again at message_due_ns. @return true: that one is over */
bool ptt_message_run(struct leg *leg, struct outbox *box, uint64_t now_ns, enum ptt_outcome *outcome);

/** Sends a keep-alive: by floor control's socket, and by RTP's if that is another. The next is due by itself. */
void ptt_alive_send(struct leg *leg, struct outbox *box, uint64_t now_ns);

/**
 * RTP of a leg has come. @return DROP_NONE: it is heard; DROP_FLOOR: it is not
 * @param keeps  written: it is not heard yet, but may be in a moment: ptt_preroll follows
 */
enum drop ptt_heard(struct leg *leg, bool *keeps, uint64_t now_ns);
/** What waits in the jitter buffer of a leg without the floor, and is too old to be heard, goes: after that packet, and
 * now and then. */
void ptt_preroll(struct leg *leg, uint64_t now_ns);

/** A tick is over: a holder that has released and has been played to its end has the floor no more. */
void ptt_tick_end(struct conf *conf, uint64_t now_ns);
/** Is there no reason to tick, and is there one? Between the two it goes on as it is. */
bool ptt_may_sleep(const struct conf *conf);
bool ptt_must_tick(const struct conf *conf);
/** When the holder's packets come: its conference ticks just behind them. */
uint64_t ptt_arrival_ns(const struct conf *conf, uint64_t now_ns);
/** Runs the timers. @return false: nothing runs, and nothing is due */
bool ptt_run(struct conf *conf, uint64_t now_ns);

/** It has slept, and ticks from due_ns on: every stream goes on where it would be by then, with a new talk spurt. */
void ptt_wake(struct conf *conf, uint64_t due_ns);

#endif
