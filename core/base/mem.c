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
    uint32_t class, bytes;
};
static_assert(sizeof(struct block) == 16, "alignment of what follows");

#define CLASS_BYTES(class) (((size_t)(class) + 1) * MEM_BLOCK_STEP)

static _Thread_local struct mem_store *store_in_use;

/* MEM_BLOCK_CLASSES or more: too large for a store. */
static size_t class_of(size_t bytes)
{
    return bytes ? (bytes - 1) / MEM_BLOCK_STEP : 0;
}

static struct block *block_make(size_t bytes)
{
    size_t class = class_of(bytes);
    size_t room = class < MEM_BLOCK_CLASSES ? CLASS_BYTES(class) : bytes;
    struct block *b = room > UINT32_MAX ? NULL : malloc(sizeof *b + room);
    if (b) {
        *b = (struct block){.class = (uint32_t) class, .bytes = (uint32_t)room};
    }
    return b;
}

static void store_put(struct mem_store *store, struct block *b)
{
    b->next = store->free[b->class];
    store->free[b->class] = b;
}

int mem_store_fill(struct mem_store *store, size_t bytes, unsigned n)
{
    must(class_of(bytes) < MEM_BLOCK_CLASSES);
    for (; n; n--) {
        struct block *b = block_make(bytes);
        if (!b) {
            return -ENOMEM;
        }
        store_put(store, b);
    }
    return 0;
}

void mem_store_drain(struct mem_store *store)
{
    for (unsigned class = 0; class < MEM_BLOCK_CLASSES; class ++) {
        for (struct block *b = store->free[class], *next; b; b = next) {
            next = b->next;
            free(b);
        }
        store->free[class] = NULL;
    }
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
    if (!store) {
        struct block *b = block_make(bytes);
        return b ? b + 1 : NULL;
    }
    for (size_t class = class_of(bytes); class < MEM_BLOCK_CLASSES; class ++) {
        struct block *b = store->free[class];
        if (b) {
            store->free[class] = b->next;
            return b + 1;
        }
    }
    return NULL;
}

void mem_block_put(void *block)
{
    struct block *b = block ? (struct block *)block - 1 : NULL;
    if (b && store_in_use && b->class < MEM_BLOCK_CLASSES) {
        store_put(store_in_use, b);
    } else {
        free(b);
    }
}

void *mem_block_resize(void *block, size_t bytes)
{
    size_t had = block ? ((struct block *)block - 1)->bytes : 0;
    if (bytes && bytes <= had) {
        return block;
    }
    void *other = bytes ? mem_block_get(bytes) : NULL;
    if (other && had) {
        memcpy(other, block, had);
    }
    if (other || !bytes) {
        mem_block_put(block);
    }
    return other;
}

int arena_build(struct arena *a, size_t size_bytes)
{
    void *base = mmap(NULL, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        return -ENOMEM;
    }
    madvise(base, size_bytes, MADV_HUGEPAGE);
    memset(base, 0, size_bytes);
    *a = (struct arena){.base = base, .size_bytes = size_bytes, .state = ARENA_OPEN};
    return 0;
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
