/* Heap and arena, for COLD code; blocks for foreign libraries. */
#include "core/base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static size_t round_line(size_t bytes)
{
    return (bytes + LINE_BYTES - 1) & ~(size_t)(LINE_BYTES - 1);
}

void *mem_get(size_t bytes)
{
    size_t rounded = round_line(MAX(bytes, (size_t)1));
    void *p = aligned_alloc(LINE_BYTES, rounded);
    if (p) {
        memset(p, 0, rounded);
    }
    return p;
}

void mem_put(void *p)
{
    free(p);
}

/* Stands before a block's bytes, 16 of them so that these are aligned as malloc's. */
struct block {
    struct block *next; /* in a store */
    uint32_t class;     /* MEM_BLOCK_CLASSES or more: too large for a store, a piece of heap even with one in use */
    uint32_t cut;       /* from a store */
};
static_assert(sizeof(struct block) == 16, "alignment of what follows");

/* Of heap; blocks follow. */
struct mem_piece {
    struct mem_piece *next;
    uint64_t align;
};
static_assert(sizeof(struct mem_piece) == 16, "alignment of what follows");

#define CLASS_BYTES(class) (((size_t)(class) + 1) * MEM_BLOCK_STEP)

static _Thread_local struct mem_store *store_in_use;

static size_t class_of(size_t bytes)
{
    return bytes ? (bytes - 1) / MEM_BLOCK_STEP : 0;
}

static struct block *heap_block(size_t bytes)
{
    struct block *b = malloc(sizeof *b + bytes);
    if (b) {
        *b = (struct block){.class = MEM_BLOCK_CLASSES};
    }
    return b;
}

static int piece_add(struct mem_store *store)
{
    struct mem_piece *piece = mem_get(sizeof *piece + store->piece_bytes);
    if (!piece) {
        return -ENOMEM;
    }
    piece->next = store->pieces;
    store->pieces = piece;
    store->next = (uint8_t *)(piece + 1);
    store->end = store->next + store->piece_bytes;
    return 0;
}

int mem_store_open(struct mem_store *store, size_t piece_bytes)
{
    *store = (struct mem_store){.piece_bytes = MAX(piece_bytes, sizeof(struct block) + MEM_BLOCK_MAX)};
    return piece_add(store);
}

/* A new block of an open store. */
static struct block *store_cut(struct mem_store *store, size_t class)
{
    size_t bytes = sizeof(struct block) + CLASS_BYTES(class);
    if (bytes > (size_t)(store->end - store->next) && piece_add(store) != 0) {
        return NULL;
    }
    struct block *b = (struct block *)store->next;
    store->next += bytes;
    *b = (struct block){.class = (uint32_t) class, .cut = 1};
    return b;
}

static void store_put(struct mem_store *store, struct block *b)
{
    uint8_t *end = (uint8_t *)(b + 1) + CLASS_BYTES(b->class);
    if (store->piece_bytes && end == store->next) {
        store->next = (uint8_t *)b; /* it was the last one: as if it had never been */
        return;
    }
    b->next = store->free[b->class];
    store->free[b->class] = b;
}

int mem_store_add(struct mem_store *store, size_t bytes)
{
    must(store->piece_bytes && class_of(bytes) < MEM_BLOCK_CLASSES);
    struct block *b = store_cut(store, class_of(bytes));
    if (!b) {
        return -ENOMEM;
    }
    b->next = store->free[b->class];
    store->free[b->class] = b;
    return 0;
}

void mem_store_seal(struct mem_store *store)
{
    store->piece_bytes = 0;
}

void mem_store_close(struct mem_store *store)
{
    for (struct mem_piece *p = store->pieces, *next; p; p = next) {
        next = p->next;
        mem_put(p);
    }
    *store = (struct mem_store){0};
}

struct mem_store *mem_store_use(struct mem_store *store)
{
    struct mem_store *before = store_in_use;
    store_in_use = store;
    return before;
}

void *mem_block_get(size_t bytes)
{
    struct mem_store *store = store_in_use;
    size_t class = class_of(bytes);
    struct block *b = NULL;
    if (!store || (store->piece_bytes && class >= MEM_BLOCK_CLASSES)) {
        b = heap_block(bytes);
    } else if (store->piece_bytes) {
        b = store_cut(store, class);
    } else {
        for (; !b && class < MEM_BLOCK_CLASSES; class ++) {
            b = store->free[class];
        }
        if (b) {
            store->free[b->class] = b->next;
        }
    }
    return b ? b + 1 : NULL;
}

void mem_block_put(void *block)
{
    struct block *b = block ? (struct block *)block - 1 : NULL;
    if (b && b->cut) {
        must(store_in_use);
        store_put(store_in_use, b);
    } else {
        free(b);
    }
}

static int arena_map(struct arena *a, size_t size_bytes, int advice)
{
    void *base = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return -ENOMEM;
    }
    madvise(base, size_bytes, advice);
    *a = (struct arena){.base = base, .size_bytes = size_bytes, .state = ARENA_OPEN};
    return 0;
}

int arena_build(struct arena *a, size_t size_bytes)
{
    int err = arena_map(a, size_bytes, MADV_HUGEPAGE);
    if (!err) {
        memset(a->base, 0, size_bytes);
    }
    return err;
}

int arena_build_sparse(struct arena *a, size_t size_bytes)
{
    return arena_map(a, size_bytes, MADV_NOHUGEPAGE);
}

void *arena_take(struct arena *a, size_t bytes)
{
    must(a->state == ARENA_OPEN);
    size_t rounded = round_line(bytes);
    must(rounded <= a->size_bytes - a->used_bytes);
    void *p = a->base + a->used_bytes;
    a->used_bytes += rounded;
    return p;
}

void arena_seal(struct arena *a)
{
    must(a->state == ARENA_OPEN);
    a->state = ARENA_SEALED;
}

void arena_free(struct arena *a)
{
    a->state = ARENA_CLOSING;
    if (a->base) {
        munmap(a->base, a->size_bytes);
        a->base = NULL;
    }
}
