/* Packets out of memory. See mem_io.h. */
#include "bench/mem_io.h"

#include "core/base/mem.h"
#include "core/media/rtp.h"

static struct mem_io *mem_of(struct io *io)
{
    return (struct mem_io *)io;
}

static int mem_open(struct io *io, uint32_t slot, int fd)
{
    must(slot < mem_of(io)->n_slots && (uint32_t)fd < mem_of(io)->n_feeds);
    mem_of(io)->feed_of_slot[slot] = (uint32_t)fd;
    return 0;
}

static int mem_connect(struct io *io, uint32_t slot, const struct addr *peer)
{
    return 0;
}

static void mem_forget(struct io *io, uint32_t slot) {}

static void mem_rx(struct io *io, struct io_rx *rx, size_t n)
{
    struct mem_io *m = mem_of(io);
    for (size_t i = 0; i < n; i++) {
        struct mem_feed *f = &m->feeds[m->feed_of_slot[rx[i].slot]];
        rx[i].bytes = IO_NONE;
        if (!f->voice || f->next_ns > m->now_ns) {
            continue;
        }
        unsigned at = f->frame % MEM_LOOP;
        uint32_t ssrc = (uint32_t)(f - m->feeds) + 1;
        size_t head = rtp_write(rx[i].buf, f->pt, f->frame == 0, (uint16_t)f->frame, f->ts, ssrc, NULL, 0);
        if (f->ext_level) {
            head = rtp_write_ext(rx[i].buf, head, f->ext_level, &f->voice->level_dbov[at], 1);
        }
        memcpy(rx[i].buf + head, f->voice->payload[at], f->voice->bytes[at]);
        rx[i].bytes = (int32_t)(head + f->voice->bytes[at]);
        rx[i].from = f->peer;
        rx[i].at_ns = rx[i].want_at ? f->next_ns : 0;
        f->frame++;
        f->ts += f->clock;
        f->next_ns += TICK_NS;
    }
}

static void mem_tx(struct io *io, const struct io_tx *tx, size_t n)
{
    mem_of(io)->n_tx += n;
}

static uint64_t mem_wait(struct io *io, uint64_t deadline_ns)
{
    return mem_of(io)->now_ns = deadline_ns;
}

static void mem_no_free(struct io *io) {}

static const struct io_ops mem_ops = {
    .open = mem_open,
    .connect = mem_connect,
    .disconnect = mem_forget,
    .close = mem_forget,
    .rx = mem_rx,
    .tx = mem_tx,
    .wait = mem_wait,
    .free = mem_no_free,
};

void mem_io_build(struct mem_io *m, uint32_t n_feeds, uint32_t n_slots)
{
    *m = (struct mem_io){.io.ops = &mem_ops, .now_ns = NS_PER_S, .n_feeds = n_feeds, .n_slots = n_slots};
    m->feeds = mem_get(n_feeds * sizeof *m->feeds);
    m->feed_of_slot = mem_get(n_slots * sizeof *m->feed_of_slot);
    must(m->feeds && m->feed_of_slot);
}

void mem_io_free(struct mem_io *m)
{
    mem_put(m->feeds);
    mem_put(m->feed_of_slot);
}
