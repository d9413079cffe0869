/*
 * Packet memory of one worker for what has to wait longer than the beat that brought it: two sizes of blocks, a free
 * list each. In a clean network nothing is ever put here. Taken from the arena at start; a dry pool is DROP_POOL.
 */
#ifndef CORE_MEDIA_POOL_H
#define CORE_MEDIA_POOL_H

#include "core/base/limits.h"
#include "core/base/mem.h"

#define POOL_SMALL_BYTES 256

struct pool_list {
    uint8_t *base;
    uint32_t *free; /* stack of block numbers */
    uint32_t n_free, n_blocks;
    size_t block_bytes;
};

struct pool {
    struct pool_list small, large;
};

/** Bytes of arena that pool_init will take. */
size_t pool_arena_bytes(uint32_t n_small, uint32_t n_large);
COLD void pool_init(struct pool *p, struct arena *arena, uint32_t n_small, uint32_t n_large);

/** A block of at least bytes (<= PACKET_BYTES_MAX), NULL when dry. */
uint8_t *pool_take(struct pool *p, size_t bytes);
void pool_give(struct pool *p, uint8_t *block);

/** Blocks that are out: the simulator's sum. */
uint32_t pool_out(const struct pool *p);

#endif
