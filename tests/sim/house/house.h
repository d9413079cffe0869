/*
 * The simulated house: real signalling (transactions, focus, rooms, calls, scripts) and real engines, together, between
 * them rings of any size; model phones that speak SIP as text and send RTP; one virtual clock, one seed. No packet
 * touches the kernel: sig/place takes its sockets from here, the engines' io is tests/sim/io.c.
 *
 * Oracles. Phone k says the constant sample 2^k and nobody else in the house does, prompts have two bits of their own:
 * each sample that comes back is the set of the phones that are heard, also of those in another conference. Besides,
 * every dialog ends, nothing is left at the end, no phone is heard or named before its PIN, on hold or after the end,
 * each key is reported once, no conference URI is issued twice.
 *
 * A world has rounds of chaos, in which faults come from the seed, and of calm, in which they stop, all phones come to
 * rest and what is heard must be exact.
 */
#ifndef TESTS_SIM_HOUSE_HOUSE_H
#define TESTS_SIM_HOUSE_HOUSE_H

#include "core/ctl.h"
#include "sig/focus/focus.h"
#include "tests/sim/house/phone.h"
#include "tests/sim/sim.h"

#include <stdio.h>

enum {
    PHONES_MAX = 12, /* a bit each; two more are the prompts' */
    WORKERS_MAX = 3,
    ROOMS_MAX = 512,
    PAIRS_MAX = 40, /* of ports */
    RING_USUAL = 256,

    GRACE_MS = 1000,     /* after a change, in which the old and the new may be heard */
    SETTLE_MS = 1500,    /* after the last one, what is heard is exact */
    PURE_MS = 500,       /* so long after made-up audio a sample is no set */
    QUIET_MS = 4600,     /* without a message all requests in dialogs have come or been answered: T2 and a little */
    CALM_MAX_MS = 80000, /* a 200 that comes too late is repeated for 32 s, and its BYE for as long */
};

#define SERVER_HOST "198.51.100.1"
#define SERVER SERVER_HOST ":5060"
#define VOICES 0x0fffu      /* bits of phones in a sample */
#define PROMPT_BITS 0x3000u /* those of prompts: which is heard */
#define PROMPT_ENTER 0x1000
#define PROMPT_WRONG 0x2000
#define PROMPT_RIGHT 0x3000
#define PROMPT_ANNC 0x1000
#define PROMPT_MS 400

/* ---- what a seed draws: plan.c ---- */

/* What a phone does next, while it is in a conference and while it is in none. */
#define ACT_LIST(X)                                                                                                    \
    X(TALK)   /* begins or ends to talk */                                                                             \
    X(HOLD)   /* another direction, by re-INVITE */                                                                    \
    X(UPDATE) /* the same, by UPDATE */                                                                                \
    X(SWAP)   /* another payload type, codec or RTCP port, by re-INVITE */                                             \
    X(BARE)   /* re-INVITE without an offer */                                                                         \
    X(KEYS)                                                                                                            \
    X(REFER)                                                                                                           \
    X(REMOVE)                                                                                                          \
    X(WATCH)                                                                                                           \
    X(OPTIONS)                                                                                                         \
    X(STRAY) /* sends to a port that is another's */                                                                   \
    X(BYE)                                                                                                             \
    X(CRASH)                                                                                                           \
    X(CREATE)                                                                                                          \
    X(JOIN)                                                                                                            \
    X(ANNC)                                                                                                            \
    X(WAIT) /* for somebody to have it called */

enum act {
#define X(name) ACT_##name,
    ACT_LIST(X)
#undef X
        ACTS
};

struct plan {
    unsigned n_workers, n_phones, n_rounds, chaos_ms;
    uint32_t ring_requests, ring_events;
    struct place_cfg place; /* limits only */
    struct env_cfg env;     /* the same */
    struct txn_config txns;
    uint8_t weights[ACTS];
    unsigned think_ms;
    /* per mille of messages, or of chances in chaos */
    uint32_t sip_loss, sip_duplicate, sip_late, sip_late_ms, send_fails;
    struct faults rtp;
    uint32_t control_stalls, worker_stalls, clock_jumps, sockets_fail, opens_fail, operator_acts;
    uint32_t has_pin, by_tcp, no_tcp, by_info, says_pcmu, wrong_pins, careless; /* of phones and conferences */
    bool ends_by_stop, has_faults;
};

void plan_draw(struct plan *plan, uint64_t seed, struct chance *chance);

/* A conference that was issued. */
struct meeting {
    char token[URI_TOKEN_CHARS + 1], by[ID_MAX]; /* by: Call-ID of what it was issued to */
    bool is_told, has_pin, is_locked;
    char pin[8];
    uint32_t let_in;     /* phones that have been in it, or may have been */
    uint64_t changed_ns; /* its phones, and which of them talk */
};

/* ---- the world ---- */

struct site {
    struct sim_io io;
    struct house *house;
    struct ctl ctl;
    struct worker_stats stats;
    struct engine *engine;
    uint64_t next_ns, n_made_up, busy_ns; /* busy: when it last had something to do */
};

/* How often. */
struct did {
    uint64_t sessions, up, calls_out, keys, pins, moves, holds, exact, refused, issued;
};

#define EVENTS_KEPT 40
#define EVENT_BYTES 160

struct packet; /* net.c */

struct house {
    const struct options *options;
    struct plan plan;
    struct chance chance;
    uint64_t now_ns, wall_s;  /* wall_s: what the wall clock says at now_ns 0 */
    bool is_calm, is_at_rest; /* at rest: and what was under way has come to its end */

    struct timer_wheel wheel;
    struct place_sockets sockets;
    struct place *place;
    struct prompts *prompts;
    struct focus *focus;
    struct env *env;
    struct txns *txns;
    struct log log;
    uint64_t control_ns, control_held_ns; /* next turn of signalling; not before */
    uint64_t acts_ns;                     /* of the operator and of time */

    struct site sites[WORKERS_MAX];
    uint16_t port_of[2 * PAIRS_MAX]; /* by descriptor; 0: closed */
    uint64_t made_up_ns, stalled_ns, refused_ns;
    uint64_t n_refused;

    struct packet *flying;
    uint64_t sip_ns; /* last message */

    struct phone phones[PHONES_MAX];
    struct meeting meetings[ROOMS_MAX];
    unsigned n_meetings;

    char events[EVENTS_KEPT][EVENT_BYTES];
    uint64_t event_ns[EVENTS_KEPT];
    uint64_t n_events;
    unsigned n_violations;
    uint64_t digest;
    struct did did;
};

/** Runs one. @return number of violations; *digest is a hash of all that was sent */
unsigned house_run(const struct options *options, uint64_t *digest);
/** Time passes. */
void house_until(struct house *h, uint64_t end_ns);
/** 0 .. ms, in nanoseconds. */
uint64_t house_draw_ns(struct house *h, uint32_t ms);

/* trace.c */
__attribute__((format(printf, 2, 3))) void house_say(struct house *h, const char *format, ...);
/** An oracle has seen something wrong. */
__attribute__((format(printf, 2, 3))) void violated(struct house *h, const char *format, ...);
/** What a dying process says. */
void house_last_words(const struct house *h, const char *what);
void house_events_print(const struct house *h);
void digest_add(struct house *h, const void *p, size_t n);

/* net.c: SIP between phones and signalling */
int net_send(void *ctx, struct flow *flow, const char *text, size_t n);
void net_from_phone(struct phone *p, bool by_tcp, const char *text, size_t n);
/** The phone's connection breaks. */
void net_break(struct phone *p, int err);
/** To phones what is due; to signalling, if is_control. */
void net_deliver(struct house *h, bool is_control);
/** @return when something is due at a phone, or at signalling */
uint64_t net_next_ns(const struct house *h, bool is_control);
void net_free(struct house *h);

/* control.c: signalling */
void control_open(struct house *h);
void control_run(struct house *h);
uint64_t control_next_ns(const struct house *h);
void control_close(struct house *h);
/** The operator's wishes of a conference, as they stand in its meeting. */
void control_policy(struct house *h, const struct meeting *m);

/* workers.c */
void workers_open(struct house *h);
void workers_run(struct house *h);
uint64_t workers_next_ns(const struct house *h);
/** Has one made up audio, which no phone has sent? For a while a sample is no set then. */
void workers_look(struct house *h);
/** A ring may have something for them. */
void workers_wake(struct house *h);
void workers_close(struct house *h);

/* ear.c: what comes out of the engines */
void ear_route(struct sim_io *io, uint32_t fd, const struct addr *to, const uint8_t *packet, size_t bytes);
/** At the end of a calm: everybody hears something. */
void ear_check(struct house *h);

/* books.c: URIs, keys, rosters, and that nothing is left */
/** It may be in its conference from now on. */
void books_let_in(struct session *s);
/** A message of the server's. */
void books_sent(struct house *h, const char *text);
/** A key is reported of the call with that Call-ID, of the phone whose tag that is. */
void books_key(struct house *h, const char *call_id, const char *tag, char key);
struct meeting *books_meeting(struct house *h, const char *token);
void books_calm(struct house *h);
void books_end(struct house *h);

/* hooks.c: what the linker puts before functions of the product, and the faults that are planted there */
void hooks_begin(struct house *h, const char *plant);
/** An oracle has seen something, for the first time in this world: which may be what a planted fault looks like. */
void hooks_found(const char *what);

/* A fault that can be planted, and a word of what finds it. */
struct plant {
    const char *name, *is_found_by;
};
extern const struct plant hooks_plants[];

/* What a process tells its parent. */
struct report {
    uint64_t seed; /* that runs, or was the last */
    unsigned n_failed;
    char found[256];
    uint64_t digest;
    struct did did;
};
extern struct report *hooks_report;

#endif
