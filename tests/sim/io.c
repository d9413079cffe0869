/* The simulated network behind core/io.h. */
#include "tests/sim/sim.h"

#include "core/base/mem.h"

#include <errno.h>

uint64_t chance_draw(struct chance *c)
{
    uint64_t z = c->state += 0x9E3779B97F4A7C15ull; /* splitmix64 */
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

uint32_t chance_below(struct chance *c, uint32_t n)
{
    return n ? (uint32_t)(chance_draw(c) % n) : 0;
}

bool chance_of(struct chance *c, uint32_t per_mille)
{
    return chance_below(c, 1000) < per_mille;
}

static struct sim_io *sim_of(struct io *io)
{
    return (struct sim_io *)io;
}

static struct sim_socket *socket_at(struct io *io, uint32_t slot)
{
    struct sim_io *s = sim_of(io);
    must(slot < s->n_slots && s->fd_by_slot[slot] >= 0);
    return &s->sockets[s->fd_by_slot[slot]];
}

static int sim_open(struct io *io, uint32_t slot, int fd)
{
    struct sim_io *s = sim_of(io);
    must(fd >= 0 && (uint32_t)fd < s->n_sockets && s->fd_by_slot[slot] < 0 && !s->sockets[fd].open);
    if (s->refuses && s->refuses(s)) {
        return -EMFILE;
    }
    s->fd_by_slot[slot] = fd;
    s->sockets[fd].open = true;
    return 0;
}

static int sim_connect(struct io *io, uint32_t slot, const struct addr *peer)
{
    struct sim_socket *k = socket_at(io, slot);
    k->connected = true;
    k->peer = *peer;
    return 0;
}

static void sim_disconnect(struct io *io, uint32_t slot)
{
    socket_at(io, slot)->connected = false;
}

static void sim_close(struct io *io, uint32_t slot)
{
    struct sim_socket *k = socket_at(io, slot);
    k->open = k->watched = false;
    if (!k->keeps) {
        k->connected = false;
        k->n_queued = 0;
    }
    sim_of(io)->fd_by_slot[slot] = -1;
}

static void sim_rx(struct io *io, struct io_rx *rx, size_t n)
{
    struct sim_io *s = sim_of(io);
    for (size_t i = 0; i < n; i++) {
        struct sim_socket *k = socket_at(io, rx[i].slot);
        rx[i].bytes = IO_NONE;
        if (!k->n_queued || k->queue[0].at_ns > s->now_ns) {
            continue;
        }
        const struct datagram *d = &k->queue[0];
        memcpy(rx[i].buf, d->data, d->bytes);
        rx[i].bytes = d->bytes;
        rx[i].from = d->from;
        rx[i].at_ns = rx[i].want_at ? d->at_ns : 0;
        memmove(k->queue, k->queue + 1, --k->n_queued * sizeof *k->queue);
    }
}

static void sim_tx(struct io *io, const struct io_tx *tx, size_t n)
{
    struct sim_io *s = sim_of(io);
    for (size_t i = 0; i < n; i++) {
        struct sim_socket *k = socket_at(io, tx[i].slot);
        must(k->connected || tx[i].to);
        s->n_tx++;
        if (s->route) {
            s->route(s, (uint32_t)s->fd_by_slot[tx[i].slot], tx[i].to ? tx[i].to : &k->peer, tx[i].buf, tx[i].bytes);
        } else {
            s->deliver(k->owner, k->rtcp, k->connected ? &k->peer : tx[i].to, tx[i].buf, tx[i].bytes, s->now_ns);
        }
    }
}

static void sim_watch(struct io *io, uint32_t slot, bool on)
{
    struct sim_socket *k = socket_at(io, slot);
    k->watched = on;
    for (uint32_t i = 0; i < k->n_queued; i++) {
        k->queue[i].told = false;
    }
}

/* @return when the first datagram comes that has not been told of */
static uint64_t socket_wakes(const struct sim_socket *k)
{
    for (uint32_t i = 0; k->watched && i < k->n_queued; i++) {
        if (!k->queue[i].told) {
            return k->queue[i].at_ns;
        }
    }
    return UINT64_MAX;
}

uint64_t sim_wakes(const struct sim_io *s)
{
    uint64_t at_ns = UINT64_MAX;
    for (uint32_t i = 0; i < s->n_sockets; i++) {
        at_ns = MIN(at_ns, socket_wakes(&s->sockets[i]));
    }
    return at_ns;
}

static size_t sim_ready(struct io *io, uint32_t *slots, size_t max)
{
    struct sim_io *s = sim_of(io);
    size_t n = 0;
    for (uint32_t slot = 0; slot < s->n_slots && n < max; slot++) {
        struct sim_socket *k = s->fd_by_slot[slot] >= 0 ? &s->sockets[s->fd_by_slot[slot]] : NULL;
        if (k && socket_wakes(k) <= s->now_ns) {
            for (uint32_t i = 0; i < k->n_queued; i++) {
                k->queue[i].told |= k->queue[i].at_ns <= s->now_ns;
            }
            slots[n++] = slot;
        }
    }
    return n;
}

static uint64_t sim_wait(struct io *io, uint64_t deadline_ns)
{
    return sim_of(io)->now_ns = deadline_ns;
}

static void sim_no_free(struct io *io) {}

static const struct io_ops sim_ops = {
    .open = sim_open,
    .connect = sim_connect,
    .disconnect = sim_disconnect,
    .close = sim_close,
    .rx = sim_rx,
    .tx = sim_tx,
    .watch = sim_watch,
    .ready = sim_ready,
    .wait = sim_wait,
    .free = sim_no_free,
};

static int slots_build(struct sim_io *s, uint32_t n_slots)
{
    s->io.ops = &sim_ops;
    s->n_slots = n_slots;
    s->fd_by_slot = mem_get(n_slots * sizeof *s->fd_by_slot);
    for (uint32_t i = 0; s->fd_by_slot && i < n_slots; i++) {
        s->fd_by_slot[i] = -1;
    }
    return s->fd_by_slot ? 0 : -ENOMEM;
}

int sim_io_share(struct sim_io *s, const struct sim_io *other, uint32_t n_slots)
{
    *s = (struct sim_io){
        .sockets = other->sockets, .n_sockets = other->n_sockets, .shares = true, .deliver = other->deliver};
    return slots_build(s, n_slots);
}

void sim_socket_close(struct sim_io *s, uint32_t fd)
{
    struct sim_socket *k = &s->sockets[fd];
    k->n_queued = 0;
    k->connected = k->keeps = false;
}

int sim_io_build(struct sim_io *s, uint32_t n_sockets, uint32_t n_slots)
{
    memset(s, 0, sizeof *s);
    s->n_sockets = n_sockets;
    s->sockets = mem_get(n_sockets * sizeof *s->sockets);
    if (!s->sockets || slots_build(s, n_slots) != 0) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < n_sockets; i++) {
        s->sockets[i].queue = mem_get(SIM_QUEUE * sizeof(struct datagram));
        must(s->sockets[i].queue);
    }
    return 0;
}

void sim_io_free(struct sim_io *s)
{
    for (uint32_t i = 0; !s->shares && i < s->n_sockets; i++) {
        mem_put(s->sockets[i].queue);
    }
    mem_put(s->shares ? NULL : s->sockets);
    mem_put(s->fd_by_slot);
}

void sim_send(struct sim_io *s, uint32_t fd, const struct addr *from, const uint8_t *buf, size_t bytes, uint64_t at_ns)
{
    struct sim_socket *k = &s->sockets[fd];
    must(bytes <= SIM_DATAGRAM);
    bool kernel_refuses = k->connected && !addr_same(&k->peer, from);
    if ((!k->open && !k->keeps) || kernel_refuses) {
        return;
    }
    if (k->n_queued == SIM_QUEUE) {
        s->n_overflow++;
        return;
    }
    uint32_t at = k->n_queued;
    while (at > 0 && k->queue[at - 1].at_ns > at_ns) {
        at--;
    }
    memmove(k->queue + at + 1, k->queue + at, (k->n_queued - at) * sizeof *k->queue);
    k->queue[at] = (struct datagram){.at_ns = at_ns, .from = *from, .bytes = (uint16_t)bytes};
    memcpy(k->queue[at].data, buf, bytes);
    k->n_queued++;
}
