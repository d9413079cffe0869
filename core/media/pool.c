/* Packet memory of one worker. See pool.h. */
#include "core/media/pool.h"

static size_t list_bytes(uint32_t n, size_t block_bytes)
{
    return n * (block_bytes + sizeof(uint32_t)) + 2 * LINE_BYTES;
}

size_t pool_arena_bytes(uint32_t n_small, uint32_t n_large)
{
    return list_bytes(n_small, POOL_SMALL_BYTES) + list_bytes(n_large, PACKET_STRIDE_BYTES);
}

static void list_init(struct pool_list *l, struct arena *arena, uint32_t n, size_t block_bytes)
{
    l->base = arena_take(arena, n * block_bytes);
    l->free = arena_take(arena, n * sizeof *l->free);
    l->block_bytes = block_bytes;
    l->n_blocks = n;
    l->n_free = n;
    for (uint32_t i = 0; i < n; i++) {
        l->free[i] = n - 1 - i;
    }
}

void pool_init(struct pool *p, struct arena *arena, uint32_t n_small, uint32_t n_large)
{
    list_init(&p->small, arena, n_small, POOL_SMALL_BYTES);
    list_init(&p->large, arena, n_large, PACKET_STRIDE_BYTES);
}

uint8_t *pool_take(struct pool *p, size_t bytes)
{
    struct pool_list *l = bytes <= POOL_SMALL_BYTES ? &p->small : &p->large;
    must(bytes <= l->block_bytes);
    return l->n_free ? l->base + (size_t)l->free[--l->n_free] * l->block_bytes : NULL;
}

void pool_give(struct pool *p, uint8_t *block)
{
    bool small = block >= p->small.base && block < p->small.base + (size_t)p->small.n_blocks * POOL_SMALL_BYTES;
    struct pool_list *l = small ? &p->small : &p->large;
    must(l->n_free < l->n_blocks);
    l->free[l->n_free++] = (uint32_t)((size_t)(block - l->base) / l->block_bytes);
}

uint32_t pool_out(const struct pool *p)
{
    return p->small.n_blocks - p->small.n_free + p->large.n_blocks - p->large.n_free;
}
