/* Admission and ports. Everything is a sum that goes up when taken and down when given. */
#include "sig/place/place.h"

#include <errno.h>
#include <limits.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DSCP_EF (46 << 2)  /* RFC 3246: voice */
#define PORT_TRIES_MAX 256 /* of one leg: others' ports are passed by; the next leg goes on from there */

struct seat {
    struct ctl *ctl;
    uint64_t used_us; /* taken and held */
    uint32_t legs;    /* taken and held */
    uint32_t relays;
};

struct place {
    struct place_cfg cfg;
    struct seat seats[PLACE_WORKERS_MAX];
    uint64_t kbps_used; /* taken and held */
    uint32_t n_pairs, pairs_used, pairs_held, i_pair;
    uint16_t first_port;
    int fd_max;                   /* legs take no descriptor from this number on */
    struct place_sockets sockets; /* in use */
    uint8_t *pair_state;          /* PAIR_* */
};

enum { PAIR_BUSY = 1, PAIR_NAMED = 2 };

/* The system gives the lowest free number: legs stop before the last ones, which connections and the store need. */
static int fds_for_legs(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > INT_MAX) {
        return INT_MAX;
    }
    return (int)(limit.rlim_cur - MIN(limit.rlim_cur / 8, (rlim_t)PLACE_FDS_KEPT));
}

/* The system's sockets, as place_sockets. */
static int udp_open(void *ctx, const struct addr *local)
{
    const struct place *p = ctx;
    int family = local->sa.sa_family, tos = DSCP_EF, on = 1;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return -errno;
    }
    if (fd >= p->fd_max) {
        close(fd);
        return -EMFILE;
    }
    if (family == AF_INET6) {
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
        setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos); /* refused: the packets go unmarked */
    } else {
        setsockopt(fd, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
    }
    if (bind(fd, &local->sa, addr_len(local)) != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

static void udp_close(void *ctx, int fd)
{
    close(fd);
}

int place_build(struct place **out, const struct place_cfg *cfg)
{
    uint32_t first = ((uint32_t)cfg->port_min + 1) & ~1u;
    uint32_t n_pairs = cfg->port_max > first ? (cfg->port_max + 1 - first) / 2 : 0;

    if (cfg->n_workers == 0 || cfg->n_workers > PLACE_WORKERS_MAX || n_pairs == 0 || cfg->port_min == 0) {
        return -EINVAL;
    }
    struct place *p = calloc(1, sizeof *p);
    if (!p) {
        return -ENOMEM;
    }
    p->cfg = *cfg;
    p->first_port = (uint16_t)first;
    p->n_pairs = n_pairs;
    p->fd_max = fds_for_legs();
    p->sockets = cfg->sockets ? *cfg->sockets : (struct place_sockets){p, udp_open, udp_close};
    p->i_pair = cfg->first % n_pairs;
    p->pair_state = calloc(n_pairs, 1);
    if (!p->pair_state) {
        free(p);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < cfg->n_workers; i++) {
        p->seats[i].ctl = cfg->workers[i];
    }
    *out = p;
    return 0;
}

void place_free(struct place *p)
{
    if (p) {
        free(p->pair_state);
        free(p);
    }
}

/* --- CPU and bandwidth -------------------------------------------------------------------------------------------- */

static bool cpu_fits(const struct place *p, const struct seat *seat, uint64_t cpu_us, bool is_priority)
{
    return is_priority || p->cfg.budget_us == 0 || seat->used_us + cpu_us <= p->cfg.budget_us;
}

/* The reserve is only for priority calls, and with may_fill. It is a quarter of a worker at most. */
static bool seat_fits(const struct place *p, const struct seat *seat, struct place_cost cost, uint32_t n_legs,
                      bool may_fill)
{
    uint32_t reserve = may_fill || cost.is_priority ? 0 : p->cfg.reserve_legs;
    uint64_t reserve_us = MIN((uint64_t)reserve * cost.cpu_us, p->cfg.budget_us / 4);

    reserve = MIN(reserve, p->cfg.worker_legs_max / 4);
    if (p->cfg.worker_legs_max && seat->legs + n_legs + reserve > p->cfg.worker_legs_max) {
        return false;
    }
    return cpu_fits(p, seat, (uint64_t)cost.cpu_us * n_legs + reserve_us, cost.is_priority);
}

static bool kbps_fit(const struct place *p, uint64_t kbps)
{
    return p->cfg.bandwidth_kbps == 0 || p->kbps_used + kbps <= p->cfg.bandwidth_kbps;
}

/* @return the worker with the least promised that still has room for so much, none of it beside | -EAGAIN */
static int least_loaded(const struct place *p, struct place_cost cost, uint32_t n_legs, int beside)
{
    int best = -EAGAIN;
    for (unsigned i = 0; i < p->cfg.n_workers; i++) {
        const struct seat *seat = &p->seats[i];
        bool fits = (int)i != beside && seat_fits(p, seat, cost, n_legs, false);
        if (fits && (best < 0 || seat->used_us < p->seats[best].used_us)) {
            best = (int)i;
        }
    }
    return best;
}

int place_hold(struct place *p, struct place_hold *hold, uint32_t n_legs, struct place_cost cost)
{
    must(!hold->active);
    if (!kbps_fit(p, (uint64_t)cost.kbps * n_legs)) {
        return -ENOBUFS;
    }
    if (p->pairs_used + p->pairs_held + n_legs > p->n_pairs) {
        return -EADDRINUSE;
    }
    int worker = least_loaded(p, cost, n_legs, -1);
    if (worker < 0) {
        return worker;
    }
    p->seats[worker].used_us += (uint64_t)cost.cpu_us * n_legs;
    p->seats[worker].legs += n_legs;
    p->kbps_used += (uint64_t)cost.kbps * n_legs;
    p->pairs_held += n_legs;
    *hold = (struct place_hold){.active = true, .worker = worker, .n_legs = n_legs, .cost = cost};
    return 0;
}

static void hold_shrink(struct place *p, struct place_hold *hold, uint32_t n_legs)
{
    must(hold->n_legs >= n_legs);
    p->seats[hold->worker].used_us -= (uint64_t)hold->cost.cpu_us * n_legs;
    p->seats[hold->worker].legs -= n_legs;
    p->kbps_used -= (uint64_t)hold->cost.kbps * n_legs;
    p->pairs_held -= n_legs;
    hold->n_legs -= n_legs;
}

static void hold_grow(struct place *p, struct place_hold *hold)
{
    p->seats[hold->worker].used_us += hold->cost.cpu_us;
    p->seats[hold->worker].legs++;
    p->kbps_used += hold->cost.kbps;
    p->pairs_held++;
    hold->n_legs++;
}

void place_release(struct place *p, struct place_hold *hold)
{
    if (hold->active) {
        hold_shrink(p, hold, hold->n_legs);
        hold->active = false;
    }
}

int place_choose(struct place *p, const struct place_hold *hold, struct place_cost cost)
{
    return hold && hold->active ? hold->worker : least_loaded(p, cost, 1, -1);
}

int place_choose_beside(struct place *p, int worker, struct place_cost cost)
{
    return least_loaded(p, cost, 1, worker);
}

int place_relay_take(struct place *p, int worker, uint32_t cpu_us)
{
    struct seat *seat = &p->seats[worker];
    if (seat->relays == WORKER_RELAYS_MAX) {
        return -EAGAIN;
    }
    seat->used_us += cpu_us;
    seat->relays++;
    return 0;
}

void place_relay_give(struct place *p, int worker, uint32_t cpu_us)
{
    must(p->seats[worker].relays > 0);
    p->seats[worker].used_us -= cpu_us;
    p->seats[worker].relays--;
}

void place_voices_set(struct place *p, int worker, uint32_t *held_us, uint32_t us)
{
    p->seats[worker].used_us += us;
    p->seats[worker].used_us -= *held_us;
    *held_us = us;
}

int place_leg_move(struct place *p, struct place_leg *leg, int worker, bool may_fill)
{
    struct seat *seat = &p->seats[worker];

    must(leg->active && leg->worker != worker);
    if (!seat_fits(p, seat, leg->cost, 1, may_fill)) {
        return -EAGAIN;
    }
    seat->used_us += leg->cost.cpu_us;
    seat->legs++;
    p->seats[leg->worker].used_us -= leg->cost.cpu_us;
    p->seats[leg->worker].legs--;
    leg->worker = worker;
    return 0;
}

bool place_is_tight(const struct place *p, int worker, struct place_cost cost)
{
    cost.is_priority = false;
    return !seat_fits(p, &p->seats[worker], cost, 0, false);
}

/* --- Ports -------------------------------------------------------------------------------------------------------- */

/* @return 0 | -EADDRINUSE: try the next pair | other: give up */
static int pair_open(const struct place *p, uint16_t port, struct place_leg *leg)
{
    const struct place_sockets *sockets = &p->sockets;
    struct addr local = *place_host(p, leg->family);
    addr_set_port(&local, port);
    int rtp = sockets->open(sockets->ctx, &local);
    if (rtp < 0) {
        return rtp;
    }
    addr_set_port(&local, (uint16_t)(port + 1));
    int rtcp = sockets->open(sockets->ctx, &local);
    if (rtcp < 0) {
        sockets->close(sockets->ctx, rtp);
        return rtcp;
    }
    leg->family = local.sa.sa_family;
    leg->rtp_fd = rtp;
    leg->rtcp_fd = rtcp;
    leg->port = port;
    return 0;
}

/* Goes round the range, so that a port that was given back rests as long as possible: late packets of the call before
 * do not meet the next one. */
static int pair_take(struct place *p, struct place_leg *leg)
{
    if (p->pairs_used + p->pairs_held >= p->n_pairs) {
        return -EADDRINUSE;
    }
    for (unsigned n = 0, tries = 0; n < p->n_pairs && tries < PORT_TRIES_MAX; n++) {
        uint32_t i = p->i_pair;
        p->i_pair = (p->i_pair + 1) % p->n_pairs;
        if (p->pair_state[i] & PAIR_BUSY) {
            continue;
        }
        tries++;
        int err = pair_open(p, (uint16_t)(p->first_port + 2 * i), leg);
        if (err == 0) {
            p->pair_state[i] |= PAIR_BUSY;
            p->pairs_used++;
            return 0;
        }
        if (err != -EADDRINUSE && err != -EACCES) {
            return err;
        }
    }
    return -EADDRINUSE;
}

/* --- Legs --------------------------------------------------------------------------------------------------------- */

int place_leg_take(struct place *p, int worker, struct place_hold *hold, struct place_cost cost, struct place_leg *leg)
{
    struct seat *seat = &p->seats[worker];
    bool held = hold && hold->active && hold->worker == worker && hold->n_legs > 0;
    int err;

    must(worker >= 0 && (unsigned)worker < p->cfg.n_workers);
    if (held) {
        hold_shrink(p, hold, 1); /* its share is free now for this leg, and for nobody else: one thread */
    }
    if (!seat_fits(p, seat, cost, 1, held)) {
        err = -EAGAIN;
    } else if (!cost.is_priority && !kbps_fit(p, cost.kbps)) {
        err = -ENOBUFS;
    } else {
        err = pair_take(p, leg);
    }
    if (err) {
        if (held) {
            hold_grow(p, hold);
        }
        return err;
    }
    seat->used_us += cost.cpu_us;
    seat->legs++;
    p->kbps_used += cost.kbps;
    leg->worker = worker;
    leg->cost = cost;
    leg->active = true;
    return 0;
}

int place_leg_reprice(struct place *p, struct place_leg *leg, struct place_cost cost)
{
    struct seat *seat = &p->seats[leg->worker];

    must(leg->active);
    cost.is_priority |= leg->cost.is_priority; /* once let in, it stays so */
    if (cost.cpu_us > leg->cost.cpu_us && !cpu_fits(p, seat, cost.cpu_us - leg->cost.cpu_us, cost.is_priority)) {
        return -EAGAIN;
    }
    if (cost.kbps > leg->cost.kbps && !cost.is_priority && !kbps_fit(p, cost.kbps - leg->cost.kbps)) {
        return -ENOBUFS;
    }
    seat->used_us += cost.cpu_us;
    seat->used_us -= leg->cost.cpu_us;
    p->kbps_used += cost.kbps;
    p->kbps_used -= leg->cost.kbps;
    leg->cost = cost;
    return 0;
}

void place_leg_give(struct place *p, struct place_leg *leg)
{
    if (!leg->active) {
        return;
    }
    struct seat *seat = &p->seats[leg->worker];
    uint32_t i_pair = (uint32_t)(leg->port - p->first_port) / 2;

    must(p->pair_state[i_pair] & PAIR_BUSY);
    p->sockets.close(p->sockets.ctx, leg->rtp_fd);
    p->sockets.close(p->sockets.ctx, leg->rtcp_fd);
    p->pair_state[i_pair] &= (uint8_t)~PAIR_BUSY;
    p->pairs_used--;
    seat->used_us -= leg->cost.cpu_us;
    seat->legs--;
    p->kbps_used -= leg->cost.kbps;
    leg->active = false;
}

/* @return its pair's state | NULL: no port of ours */
static uint8_t *pair_of(const struct place *p, uint16_t port)
{
    uint32_t i = port < p->first_port ? p->n_pairs : (uint32_t)(port - p->first_port) / 2;
    return i < p->n_pairs ? &p->pair_state[i] : NULL;
}

bool place_is_open(const struct place *p, uint16_t port)
{
    const uint8_t *pair = pair_of(p, port);
    return pair && *pair & PAIR_BUSY;
}

void place_name_port(struct place *p, uint16_t port)
{
    uint8_t *pair = pair_of(p, port);
    if (pair) {
        *pair |= PAIR_NAMED;
    }
}

bool place_port_is_named(struct place *p, uint16_t port)
{
    uint8_t *pair = pair_of(p, port);
    bool is_named = pair && *pair & PAIR_NAMED;
    if (is_named) {
        *pair &= (uint8_t)~PAIR_NAMED;
    }
    return is_named;
}

struct ctl *place_worker(const struct place *p, int worker)
{
    return p->seats[worker].ctl;
}

unsigned place_n_workers(const struct place *p)
{
    return p->cfg.n_workers;
}

const struct addr *place_host(const struct place *p, int family)
{
    bool is_other = addr_is_set(&p->cfg.host_other) && p->cfg.host_other.sa.sa_family == family;
    return is_other ? &p->cfg.host_other : &p->cfg.host;
}

void place_load(const struct place *p, struct place_load *load)
{
    *load = (struct place_load){.cpu_budget_us = (uint64_t)p->cfg.budget_us * p->cfg.n_workers,
                                .kbps_used = p->kbps_used,
                                .kbps_max = p->cfg.bandwidth_kbps,
                                .pairs_used = p->pairs_used,
                                .pairs_held = p->pairs_held,
                                .pairs = p->n_pairs};
    for (unsigned i = 0; i < p->cfg.n_workers; i++) {
        load->cpu_used_us += p->seats[i].used_us;
        load->legs += p->seats[i].legs;
    }
}
