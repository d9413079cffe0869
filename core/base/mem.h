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
