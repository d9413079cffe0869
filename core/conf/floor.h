/*
 * Floor control of one conference (TS 24.380 6.3.4, 6.3.5): who may speak. A function of messages, RTP and time: what
 * is to be sent goes out by floor_user.say, what signalling may want to know by floor_user.event. Seats are the
 * caller's memory, one for each leg with a floor port; a list of them and a sorted queue are all that a floor keeps, so
 * nothing is allocated. Worker, hot.
 *
 * States: idle; taken, with one holder (two with dual floor); pending, where the holder has been revoked and its grace
 * runs. Time is in ms of the caller's clock and never goes back.
 */
#ifndef CORE_CONF_FLOOR_H
#define CORE_CONF_FLOOR_H

#include "core/base/ptt.h"
#include "core/media/app.h"

#define FLOOR_SAME_ANSWER_MS 200 /* a repeated request gets the same answer once in so long */
#define FLOOR_STRANGER_MS 1000   /* RTP of a leg without the floor for so long is answered by Revoke */
#define FLOOR_STRANGER_GAP_MS                                                                                          \
    300 /* after a longer gap it begins anew: several pushes that were refused are no stream */
#define FLOOR_HOLDERS_MAX 2
#define FLOOR_NEVER UINT64_MAX

struct floor;
struct floor_seat;

enum floor_state { FLOOR_IDLE, FLOOR_TAKEN, FLOOR_PENDING };

/* A request, as its rights let it be. */
struct floor_ask {
    enum floor_tier tier;
    uint8_t priority;
    bool preempts;
    uint64_t order; /* of arrival */
    uint64_t at_ms;
};

struct floor_seat {
    struct floor *floor;
    struct floor_seat *next, **link;   /* all of the floor */
    struct floor_seat *ahead, *behind; /* in the queue: ahead is nearer to the floor */
    struct floor_rights rights;
    uint32_t ssrc;
    struct app_text identity; /* "sip:alice@x": outlives the seat */
    bool holds, waits;        /* both: it was revoked, and has asked again */
    struct floor_ask held, asked;
    /* of its holding */
    uint64_t t1_at, t2_at, t20_at;
    uint64_t drain_at; /* it has released, and what has arrived is played until then at most */
    uint8_t n_granted;
    bool has_spoken;
    /* answers */
    uint8_t answered;     /* subtype */
    uint16_t answered_as; /* cause or position */
    uint64_t answered_ms;
    uint64_t stranger_ms, stranger_last_ms, stranger_revoked_ms; /* RTP without the floor: since, last; answered */
    uint64_t later_until_ms;                                     /* T9 */
};

struct floor_user {
    void *ctx;
    void (*say)(void *ctx, struct floor_seat *to, const struct app_msg *msg);
    void (*event)(void *ctx, enum floor_event event, struct floor_seat *seat, uint32_t value); /* seat NULL: of none */
    bool (*is_ready)(void *ctx, struct floor_seat *seat); /* could it be heard? Else Deny 6; NULL: always */
};

struct floor {
    struct floor_policy policy;
    struct floor_user user;
    struct floor_stats *stats;
    uint32_t ssrc; /* ours */
    enum floor_state state;
    struct floor_seat *seats;
    uint32_t n_seats;
    struct floor_seat *holders[FLOOR_HOLDERS_MAX]; /* [1]: of a dual floor */
    struct floor_seat *first, *last;               /* queue */
    uint32_t n_queue;
    uint64_t n_asked; /* order of arrival */
    uint16_t seq;     /* of Taken and Idle */
    uint16_t revoke_cause;
    uint64_t t3_at, t4_at, t7_at, t8_at;
    uint8_t n_idle;
};

/** Begins idle, and says nothing: nobody is there. policy, stats: outlive it or not as they are copied, or not. */
void floor_init(struct floor *floor, const struct floor_policy *policy, const struct floor_user *user,
                struct floor_stats *stats, uint32_t ssrc, uint64_t now_ms);

/** Its rules change; what runs goes on by the old ones. */
void floor_policy_set(struct floor *floor, const struct floor_policy *policy);
/** Everybody's: nobody holds or waits, nothing runs, and nothing is said, until floor_open says Idle. */
void floor_close(struct floor *floor);
void floor_open(struct floor *floor, uint64_t now_ms);

/** A leg comes; a late one is told what is (Taken or Idle). @pre seat is zero but for rights, ssrc and identity */
void floor_join(struct floor *floor, struct floor_seat *seat, uint64_t now_ms);
/** It goes: its request and its holding end. Twice is fine. */
void floor_leave(struct floor_seat *seat, uint64_t now_ms);
/** Another seat takes its place, with rights, SSRC and identity of its own: it holds and waits as from did. */
void floor_move(struct floor_seat *to, struct floor_seat *from);
/** Its rights change: a holder that may no longer speak is revoked. */
void floor_rights_set(struct floor_seat *seat, const struct floor_rights *rights, uint64_t now_ms);

/** A message of a leg. Whose it is, its socket says: nothing in it is believed. */
void floor_take(struct floor_seat *seat, const struct app_msg *msg, uint64_t now_ms);

/** Signalling asks or releases on a leg's behalf: REFER, HTTP, a phone without floor control. */
void floor_request(struct floor_seat *seat, uint8_t priority, enum floor_tier tier, uint64_t now_ms);
void floor_release(struct floor_seat *seat, uint64_t now_ms);
/** Signalling takes the floor away, with the grace of T3; what waits is refused. */
void floor_revoke(struct floor_seat *seat, uint16_t cause, uint64_t now_ms);
/** It has released, and all that has arrived is played: drain_ms need not be over. */
void floor_drained(struct floor_seat *seat, uint64_t now_ms);

/** RTP of a leg has come. @return may it be heard? */
bool floor_heard(struct floor_seat *seat, uint64_t now_ms);

/** Runs the timers. @return when to call again at the latest; FLOOR_NEVER: nothing runs */
uint64_t floor_run(struct floor *floor, uint64_t now_ms);

/** Place in the queue, from 1; 254: not in it (TS 24.380 8.2.3.5). */
uint8_t floor_position(const struct floor_seat *seat);

/** It has released, and is heard to its end. */
static inline bool floor_drains(const struct floor_seat *seat)
{
    return seat->holds && seat->drain_at != FLOOR_NEVER;
}

static inline bool floor_may_speak(const struct floor_seat *seat)
{
    return seat->holds;
}

#endif
