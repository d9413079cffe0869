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
 * Small blocks for a foreign library that takes an allocator without a context (libsrtp2). A thread may have a store in
 * use: then blocks come from it and go back to it, and never from or to the heap, so a worker can call such a library.
 * While a store is open it cuts new blocks from a piece of heap, in a row as they are asked for: what is used together
 * lies together. Without one a block is a plain piece of heap. Which store a thread uses is the one variable of the
 * program that is neither constant nor handed in: these allocators know nobody to hand it to.
 */
#define MEM_BLOCK_STEP 32 /* sizes are its multiples */
#define MEM_BLOCK_MAX 512
#define MEM_BLOCK_CLASSES (MEM_BLOCK_MAX / MEM_BLOCK_STEP)

struct mem_piece;

struct mem_store {
    void *free[MEM_BLOCK_CLASSES];
    struct mem_piece *pieces; /* all its heap */
    uint8_t *next, *end;      /* what is left of the newest */
    size_t piece_bytes;       /* of the next one; 0: sealed, nothing more is cut */
};

/** Begins a store, open and without blocks. @param piece_bytes  they will take together; more costs another piece
 * @return 0 | -ENOMEM */
COLD int mem_store_open(struct mem_store *store, size_t piece_bytes);
/** Cuts a block of at least bytes (at most MEM_BLOCK_MAX) for later. @pre open  @return 0 | -ENOMEM */
COLD int mem_store_add(struct mem_store *store, size_t bytes);
/** From now on it gives what it has got, and no heap is touched. */
COLD void mem_store_seal(struct mem_store *store);
/** Gives its heap back. @pre nobody has a block of it any more, or uses it */
COLD void mem_store_close(struct mem_store *store);
/** This thread's blocks come from here from now on; NULL: from the heap. @return the one before  @thread any, hot */
struct mem_store *mem_store_use(struct mem_store *store);

/** @return 16-byte aligned, not zeroed; NULL: none, or none in the store in use  @thread any, hot with a store */
void *mem_block_get(size_t bytes);
/** To the store in use, which it came from. NULL is fine. @thread any, hot with a store */
void mem_block_put(void *block);

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
/**
 * The same without touching it: a page becomes memory when it is written first. For what is seldom needed whole, and
 * whose use settles: then there are no more faults.
 */
COLD int arena_build_sparse(struct arena *a, size_t size_bytes);
/** Takes zeroed, line-aligned memory; must() not run dry: sizes are sums from limits.h. */
COLD void *arena_take(struct arena *a, size_t bytes);
COLD void arena_seal(struct arena *a);
COLD void arena_free(struct arena *a);

#endif
