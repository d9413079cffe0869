/* Heap and arena, for COLD code. */
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
