/* The workers: engines whose beats are late now and then, rings of any size, and the sockets that sig/place gives to
 * legs, which are sim_io's. */
#include "tests/sim/house/house.h"

#include "core/base/mem.h"
#include "tests/nomalloc.h"

#include <errno.h>
#include <string.h>

enum {
    RELAYS = 40, /* legs of feeds, and prompts' */
    STALL_MAX_MS = 400,
    IDLE_MS = 1000, /* without a conference or a request: it need not be looked at until there is one */
};

/* ---- sockets ---- */

static int socket_open(void *ctx, const struct addr *local)
{
    struct house *h = ctx;
    if (!h->is_calm && chance_of(&h->chance, h->plan.sockets_fail)) {
        return chance_of(&h->chance, 500) ? -EADDRINUSE : -EMFILE;
    }
    for (unsigned fd = 0; fd < ARRAY_LEN(h->port_of); fd++) {
        if (!h->port_of[fd]) {
            h->port_of[fd] = addr_port(local);
            h->sites[0].io.sockets[fd].keeps = true;
            return (int)fd;
        }
    }
    return -EMFILE;
}

static void socket_close(void *ctx, int fd)
{
    struct house *h = ctx;
    must(h->port_of[fd] && !h->sites[0].io.sockets[fd].open); /* no engine has it */
    h->port_of[fd] = 0;
    sim_socket_close(&h->sites[0].io, (uint32_t)fd);
}

static bool open_fails(struct sim_io *io)
{
    struct house *h = io->world;
    return !h->is_calm && chance_of(&h->chance, h->plan.opens_fail);
}

/* ---- engines ---- */

static void site_open(struct house *h, unsigned i)
{
    struct site *site = &h->sites[i];
    uint32_t legs_max = h->plan.place.worker_legs_max + RELAYS;
    site->house = h;
    if (i == 0) {
        must(sim_io_build(&site->io, ARRAY_LEN(h->port_of), 2 * legs_max) == 0);
    } else {
        must(sim_io_share(&site->io, &h->sites[0].io, 2 * legs_max) == 0);
    }
    site->io.world = h;
    site->io.route = ear_route;
    site->io.refuses = open_fails;
    must(ring_build(&site->ctl.requests, h->plan.ring_requests, sizeof(struct ctl_req)) == 0);
    must(ring_build(&site->ctl.events, h->plan.ring_events, sizeof(struct ctl_ev)) == 0);
    site->ctl.stats = &site->stats;
    struct engine_cfg cfg = {
        .ctl = &site->ctl,
        .io = &site->io.io,
        .stats = &site->stats,
        .simd = h->options->simd,
        .legs_max = legs_max,
        .lazy_decode = true,
    };
    must(engine_build(&site->engine, &cfg) == 0);
    site->next_ns = h->now_ns + house_draw_ns(h, 20);
}

void workers_open(struct house *h)
{
    h->sockets = (struct place_sockets){h, socket_open, socket_close};
    for (unsigned i = 0; i < h->plan.n_workers; i++) {
        site_open(h, i);
    }
}

uint64_t workers_next_ns(const struct house *h)
{
    uint64_t next_ns = UINT64_MAX;
    for (unsigned i = 0; i < h->plan.n_workers; i++) {
        next_ns = MIN(next_ns, h->sites[i].next_ns);
    }
    return next_ns;
}

/* An annex is sent what another worker has made up. */
void workers_look(struct house *h)
{
    for (unsigned i = 0; i < h->plan.n_workers; i++) {
        struct site *site = &h->sites[i];
        uint64_t n = count_get(&site->stats.concealed) + count_get(&site->stats.blended);
        if (n != site->n_made_up) {
            site->n_made_up = n;
            h->made_up_ns = h->now_ns;
        }
    }
}

static bool has_requests(const struct site *site)
{
    const struct ring *r = &site->ctl.requests;
    return atomic_load_explicit(&r->put.tail, memory_order_relaxed) !=
           atomic_load_explicit(&r->get.head, memory_order_relaxed);
}

void workers_wake(struct house *h)
{
    for (unsigned i = 0; i < h->plan.n_workers; i++) {
        struct site *site = &h->sites[i];
        if (site->next_ns == UINT64_MAX && has_requests(site)) {
            site->next_ns = h->now_ns + house_draw_ns(h, TICK_MS);
        }
    }
}

static void site_beat(struct house *h, struct site *site)
{
    site->io.now_ns = h->now_ns;
    nomalloc_begin();
    uint64_t due_ns = engine_beat(site->engine, h->now_ns);
    nomalloc_end();
    site->next_ns = MAX(due_ns + chance_below(&h->chance, 200) * NS_PER_US, h->now_ns + 1);
    if (count_get(&site->stats.confs) || has_requests(site)) {
        site->busy_ns = h->now_ns;
    } else if (h->now_ns > site->busy_ns + IDLE_MS * NS_PER_MS) {
        site->next_ns = UINT64_MAX;
    }
    if (!h->is_calm && chance_of(&h->chance, h->plan.worker_stalls) && chance_of(&h->chance, 50)) {
        site->next_ns = h->now_ns + house_draw_ns(h, STALL_MAX_MS);
        h->stalled_ns = MAX(h->stalled_ns, site->next_ns);
        house_say(h, "worker %u stands still until %.3f", (unsigned)(site - h->sites), (double)site->next_ns / 1e9);
    }
}

void workers_run(struct house *h)
{
    for (unsigned i = 0; i < h->plan.n_workers; i++) {
        if (h->sites[i].next_ns <= h->now_ns) {
            site_beat(h, &h->sites[i]);
        }
    }
}

void workers_close(struct house *h)
{
    for (unsigned i = h->plan.n_workers; i-- > 0;) {
        struct site *site = &h->sites[i];
        engine_free(site->engine);
        ctl_free(&site->ctl);
        sim_io_free(&site->io);
    }
}
