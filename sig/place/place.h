/*
 * Where a conference runs and whether there is room for it: workers, RTP ports and bandwidth. A leg costs CPU time by
 * its codec, one port pair and its bit rate, and a conference the encodes of as many as talk at once as a rule, however
 * many listen; a worker has a CPU budget. What is promised is counted before it is used,
 * so a call that was let in is never the one that makes another late. Signalling thread only.
 */
#ifndef SIG_PLACE_PLACE_H
#define SIG_PLACE_PLACE_H

#include "core/base/addr.h"
#include "sig/place/cost.h"

#define PLACE_WORKERS_MAX 256
#define PLACE_FDS_KEPT 1024 /* file descriptors that legs leave to signalling; an eighth where there are few */

struct ctl;
struct place;

/* Where a leg's sockets come from. */
struct place_sockets {
    void *ctx;
    /** Opens one for UDP: bound, non-blocking. @return descriptor | -EADDRINUSE, -EACCES: another port may do |
     * another negative errno: none will */
    int (*open)(void *ctx, const struct addr *local);
    void (*close)(void *ctx, int fd);
};

struct place_cfg {
    unsigned n_workers;
    struct ctl *workers[PLACE_WORKERS_MAX];
    uint32_t budget_us;          /* CPU time of one worker that may be promised, us per second; 0: no limit */
    uint32_t worker_legs_max;    /* what a worker has memory for */
    uint32_t reserve_legs;       /* of one worker, kept from newcomers for participants that move there to speak */
    uint64_t bandwidth_kbps;     /* of all legs, both directions added; 0: no limit */
    struct addr host;            /* interface the sockets are bound to; port ignored */
    struct addr host_other;      /* the same of the other family, unset: there is none */
    uint16_t port_min, port_max; /* RTP takes even ports, RTCP the next; both ends included */
    uint32_t first;              /* random: which pair is taken first, so that after a restart nobody calls by the port
                                    that a caller of before still sends to */
    const struct place_sockets *sockets; /* NULL: the system's. Copied; its ctx outlives the place */
};

/* Room kept for a conference that has not begun. All zero: nothing is held. */
struct place_hold {
    bool active;
    int worker;
    uint32_t n_legs; /* still held, each at cost */
    struct place_cost cost;
};

/* What one leg has got. */
struct place_leg {
    bool active;
    int worker;
    struct place_cost cost;
    int family;          /* AF_INET, AF_INET6 as asked for before it is taken; 0, or one that is not there: host's */
    int rtp_fd, rtcp_fd; /* bound, non-blocking, not connected */
    uint16_t port;       /* of RTP; RTCP is the next */
};

/** @return 0 | -EINVAL no worker, or no whole port pair in the range | -ENOMEM */
int place_build(struct place **place, const struct place_cfg *cfg);
void place_free(struct place *place);

/**
 * Keeps room for n_legs on the least loaded worker: CPU, bandwidth and port pairs.
 *
 * @return 0 | -EAGAIN no CPU left | -ENOBUFS no bandwidth left | -EADDRINUSE no ports left
 */
int place_hold(struct place *place, struct place_hold *hold, uint32_t n_legs, struct place_cost cost);

/** Lets go what is still held; nothing happens if nothing is. */
void place_release(struct place *place, struct place_hold *hold);

/** Takes what a relay's leg needs on that worker, beyond the CPU budget if need be: those it serves have been let in.
 * @return 0 | -EAGAIN as many as there may be */
int place_relay_take(struct place *place, int worker, uint32_t cpu_us);
void place_relay_give(struct place *place, int worker, uint32_t cpu_us);

/**
 * What the voices of a conference cost on its worker, beyond the CPU budget if need be: its legs have been let in.
 *
 * @param held_us  what was counted until now, then us
 */
void place_voices_set(struct place *place, int worker, uint32_t *held_us, uint32_t us);

/** The least loaded worker besides that one for a leg of this cost. @return index | -EAGAIN */
int place_choose_beside(struct place *place, int worker, struct place_cost cost);

/** Moves a leg to another worker; may_fill: into the reserve. @return 0 | -EAGAIN: it stays where it is */
int place_leg_move(struct place *place, struct place_leg *leg, int worker, bool may_fill);

/** Is some of the reserve of that worker in use? */
bool place_is_tight(const struct place *place, int worker, struct place_cost cost);

/** The worker for a new conference whose first leg costs this: the held one, else the least loaded. @return index |
 * -EAGAIN */
int place_choose(struct place *place, const struct place_hold *hold, struct place_cost cost);

/**
 * Takes everything one leg needs on that worker, out of the hold as long as it lasts. Ports that somebody else uses are
 * skipped.
 *
 * @return 0 | -EAGAIN | -ENOBUFS | -EADDRINUSE as above | -EMFILE no file descriptors left
 */
int place_leg_take(struct place *place, int worker, struct place_hold *hold, struct place_cost cost,
                   struct place_leg *leg);

/** Changes what a leg costs. @return 0 | -EAGAIN, -ENOBUFS: not possible, the old cost stays */
int place_leg_reprice(struct place *place, struct place_leg *leg, struct place_cost cost);

/** Closes the sockets and gives everything back. Only when no worker has the leg any more. Twice is fine. */
void place_leg_give(struct place *place, struct place_leg *leg);

/** Is that port one of a leg's, now? */
bool place_is_open(const struct place *place, uint16_t port);
/** Somebody else says that it has that port of this host. */
void place_name_port(struct place *place, uint16_t port);
/** Has somebody said so of one of this pair? Once. */
bool place_port_is_named(struct place *place, uint16_t port);

struct ctl *place_worker(const struct place *place, int worker);
unsigned place_n_workers(const struct place *place);
/** What sockets of that family are bound to: place_cfg's host, or host_other. */
const struct addr *place_host(const struct place *place, int family);

/* Figures. */
struct place_load {
    uint64_t cpu_used_us, cpu_budget_us; /* 0: no limit */
    uint64_t kbps_used, kbps_max;
    uint32_t pairs_used, pairs_held, pairs;
    uint32_t legs;
};
void place_load(const struct place *place, struct place_load *load);

#endif
