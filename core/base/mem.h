/*
 * The only door of core/ to the heap, for COLD code; and the arena that a worker takes everything from before it is
 * sealed. Memory comes zeroed and aligned to a cache line.
 */
#ifndef CORE_BASE_MEM_H
#define CORE_BASE_MEM_H

#include "core/base/base.h"

/** Zeroed, 64-byte aligned memory, NULL when there is none. @thread any but a worker's beat */
COLD void *mem_get(size_t bytes);
/** Gives it back; NULL is fine. */
COLD void mem_put(void *p);

/*
 * Small blocks for foreign libraries that take an allocator without a context (OpenSSL, libsrtp2). A thread may have a
 * store in use: then blocks come from it and go back to it, and never from or to the heap, so a worker can call such a
 * library. Without one a block is a plain piece of heap. Which store a thread uses is the one variable of the program
 * that is neither constant nor handed in: these allocators know nobody to hand it to.
 */
#define MEM_BLOCK_STEP 32 /* sizes are its multiples: close, so that a leg's blocks touch few cache lines */
#define MEM_BLOCK_MAX 1024
#define MEM_BLOCK_CLASSES (MEM_BLOCK_MAX / MEM_BLOCK_STEP)

struct mem_store {
    void *free[MEM_BLOCK_CLASSES];
};

/** Puts n blocks of at least bytes (at most MEM_BLOCK_MAX) into a store. @return 0 | -ENOMEM, some may be in */
COLD int mem_store_fill(struct mem_store *store, size_t bytes, unsigned n);
/** Gives all its blocks to the heap. */
COLD void mem_store_drain(struct mem_store *store);
/** This thread's blocks come from here from now on; NULL: from the heap. @return the one before  @thread any, hot */
struct mem_store *mem_store_use(struct mem_store *store);

/** @return 16-byte aligned, not zeroed; NULL: none, or none in the store in use  @thread any, hot with a store */
void *mem_block_get(size_t bytes);
/** NULL is fine. @thread any, hot with a store */
void mem_block_put(void *block);
/** As realloc. @thread any, hot with a store */
void *mem_block_resize(void *block, size_t bytes);

/* An arena moves forward only: open -> sealed -> closing. Taking from a sealed arena is a bug and aborts. */
enum arena_state { ARENA_OPEN, ARENA_SEALED, ARENA_CLOSING };

struct arena {
    uint8_t *base;
    size_t size_bytes, used_bytes;
    enum arena_state state;
};

/** Reserves size_bytes (huge pages advised, touched now so that no page fault happens on the beat). @return 0 | -ENOMEM
 */
COLD int arena_build(struct arena *a, size_t size_bytes);
/** Takes zeroed, line-aligned memory; must() not run dry: sizes are sums from limits.h. */
COLD void *arena_take(struct arena *a, size_t bytes);
COLD void arena_seal(struct arena *a);
COLD void arena_free(struct arena *a);

#endif
