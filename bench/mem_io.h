/*
 * An I/O back end of memory: every leg's next packet is always there on its 20 ms of the virtual clock, and what is
 * sent is counted and forgotten. What the engine costs without a network.
 */
#ifndef BENCH_MEM_IO_H
#define BENCH_MEM_IO_H

#include "core/io.h"

#define MEM_LOOP 25 /* frames after which a voice repeats: half a second */
#define MEM_PAYLOAD_MAX 700

/* What is said: payloads of 20 ms, over and over. */
struct mem_voice {
    uint16_t bytes[MEM_LOOP];
    uint8_t payload[MEM_LOOP][MEM_PAYLOAD_MAX];
    uint8_t level_dbov[MEM_LOOP];
};

/* One leg's sender. */
struct mem_feed {
    const struct mem_voice *voice;
    struct addr peer;
    uint64_t next_ns; /* when its next packet is there */
    uint32_t frame, ts, clock;
    uint8_t pt, ext_level; /* ext_level: id of its level in the header (RFC 6464); 0: says nothing of it */
};

struct mem_io {
    struct io io;
    uint64_t now_ns;
    struct mem_feed *feeds; /* [n_feeds]; a socket's descriptor is its index */
    uint32_t *feed_of_slot; /* [n_slots] */
    uint32_t n_feeds, n_slots;
    uint64_t n_tx;
};

/** Makes it ready: no feed says anything before its voice is set. */
void mem_io_build(struct mem_io *io, uint32_t n_feeds, uint32_t n_slots);
void mem_io_free(struct mem_io *io);

#endif
