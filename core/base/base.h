/* The words everybody uses: must(), sizes, byte order. Leaf header, any thread, no state. */
#ifndef CORE_BASE_BASE_H
#define CORE_BASE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Programmer errors abort, in release too. Never on bytes from the network. */
#define must(condition) ((condition) ? (void)0 : must_fail(#condition, __FILE__, __LINE__))
_Noreturn void must_fail(const char *what, const char *file, int line);

/** Marks a function of the media folders that runs when something is built or torn down, never on the beat. */
#define COLD __attribute__((cold))

#define LINE_BYTES 64
#define ALIGNED_LINE __attribute__((aligned(LINE_BYTES)))
/* Of a function that only fetches cache lines: gcc takes it for one without effect, and drops calls of it. */
#define FETCH __attribute__((always_inline)) static inline
/* Of an enum: it takes one byte. */
#define ONE_BYTE __attribute__((packed))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define CLAMP(x, lo, hi) ((x) < (lo) ? (lo) : (x) > (hi) ? (hi) : (x))

#define NS_PER_US 1000ull
#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

static inline uint16_t load_be16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void store_be16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void store_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

#endif
