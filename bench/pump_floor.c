/*
 * The bare reflector: what the same packets cost without a mixer. The cheapest socket design known: one tick
 * of 20 ms, nothing armed, connected sockets, one RECV and one SEND per leg in batches, every eighth tick a second
 * RECV.
 */
#include "bench/pump.h"

#include "core/base/mem.h"
#include "core/base/stats.h"
#include "core/io.h"

#include <stdio.h>
#include <stdlib.h>

enum { CHUNK = 512 };

struct floor {
    struct io *io;
    struct io_rx rx[CHUNK];
    struct io_tx tx[CHUNK];
    uint8_t *bufs;
    unsigned n_rx;
};

static void chunk_reflect(struct floor *f)
{
    unsigned n_tx = 0;
    f->io->ops->rx(f->io, f->rx, f->n_rx);
    for (unsigned i = 0; i < f->n_rx; i++) {
        if (f->rx[i].bytes > 0) {
            f->tx[n_tx++] =
                (struct io_tx){.slot = f->rx[i].slot, .buf = f->rx[i].buf, .bytes = (uint32_t)f->rx[i].bytes};
        }
    }
    f->io->ops->tx(f->io, f->tx, n_tx);
    f->n_rx = 0;
}

static void leg_ask(struct floor *f, unsigned slot)
{
    if (f->n_rx == CHUNK) {
        chunk_reflect(f);
    }
    f->rx[f->n_rx] = (struct io_rx){.slot = slot, .buf = f->bufs + (size_t)f->n_rx * PACKET_STRIDE_BYTES};
    f->n_rx++;
}

void pump_reflect(const struct pump_shape *shape, const int *fds)
{
    static struct worker_stats stats;
    struct floor *f = mem_get(sizeof *f);
    f->bufs = mem_get(CHUNK * PACKET_STRIDE_BYTES);
    int err = uring_build(&f->io, shape->legs, &stats);
    if (err) {
        fprintf(stderr, "mixminus-bench: the reflector needs io_uring, which the system refuses (%d)\n", err);
        exit(1);
    }
    for (unsigned i = 0; i < shape->legs; i++) {
        struct addr peer;
        addr_parse(&peer, "127.0.0.1", pump_client_port(shape, i));
        must(f->io->ops->open(f->io, i, fds[i]) == 0 && f->io->ops->connect(f->io, i, &peer) == 0);
    }
    uint64_t due_ns = f->io->ops->wait(f->io, 0);
    for (unsigned tick = 0;; tick++) {
        for (unsigned i = 0; i < shape->legs; i++) {
            leg_ask(f, i);
            if ((tick + i) % 8 == 0) {
                leg_ask(f, i);
            }
        }
        chunk_reflect(f);
        due_ns += TICK_NS;
        f->io->ops->wait(f->io, due_ns);
    }
}
