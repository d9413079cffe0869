/*
 * The frame of the kernel checks: rows, seed, guarded memory, reports. See check.h.
 */
#include "tests/simd/check.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { FAILURES_SHOWN = 20, CANARY = 0xc5, SKIPPED = 77 };

static const struct {
    const char *name;
    unsigned bit;
} isas[] = {
    {"ref", SIMD_REF},
#if defined(__x86_64__)
    {"avx2", SIMD_AVX2},
    {"avx512", SIMD_AVX512},
#elif defined(__aarch64__)
    {"neon", SIMD_NEON},
#endif
};

static bool parse(int argc, char **argv, uint64_t *seed, const char **isa)
{
    for (int i = 1; i < argc; i++) {
        char *end = NULL;
        if (strncmp(argv[i], "--seed=", 7) == 0) {
            *seed = strtoull(argv[i] + 7, &end, 0);
            if (end == argv[i] + 7 || *end != '\0')
                return false;
        } else if (strncmp(argv[i], "--isa=", 6) == 0 && simd_mask_of(argv[i] + 6) != 0) {
            *isa = argv[i] + 6;
        } else {
            return false;
        }
    }
    return true;
}

static unsigned run_row(const struct simd *row, uint64_t seed, const char *family, const check_fn *tests,
                        size_t n_tests)
{
    struct check check = {.random_state = seed, .row = row};
    for (size_t i = 0; i < n_tests; i++)
        tests[i](&check);
    printf("simd.%s %s: %s\n", family, row->name, check.failures ? "FAILED" : "ok");
    return check.failures;
}

int check_main(int argc, char **argv, const char *family, const check_fn *tests, size_t n_tests)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t seed = (uint64_t)now.tv_sec * 1000003u ^ (uint64_t)now.tv_nsec;
    const char *isa = "auto";
    if (!parse(argc, argv, &seed, &isa)) {
        fprintf(stderr, "usage: %s [--seed=N] [--isa=ref|avx2|avx512|neon]\n", argv[0]);
        return 2;
    }
    printf("seed=%llu\n", (unsigned long long)seed);
    unsigned failures = 0, n_rows = 0;
    for (size_t i = 0; i < ARRAY_LEN(isas); i++) {
        if (strcmp(isa, "auto") != 0 && strcmp(isa, isas[i].name) != 0)
            continue;
        if (!(simd_supported() & isas[i].bit)) {
            printf("simd.%s %s: not on this CPU, not checked\n", family, isas[i].name);
            continue;
        }
        failures += run_row(simd_pick(isas[i].bit), seed, family, tests, n_tests);
        n_rows++;
    }
    return n_rows == 0 ? SKIPPED : failures != 0;
}

static void report(struct check *check, const char *format, va_list arguments)
{
    if (check->failures++ >= FAILURES_SHOWN)
        return;
    printf("FAIL %s: ", check->row->name);
    vprintf(format, arguments);
    printf("\n");
}

void check_fail(struct check *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(check, format, arguments);
    va_end(arguments);
}

void check_pcm(struct check *check, const int16_t *expected, const int16_t *got, size_t n, const char *format, ...)
{
    if (memcmp(expected, got, n * sizeof(*got)) == 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    report(check, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < n; i++) {
        if (expected[i] != got[i]) {
            if (check->failures <= FAILURES_SHOWN)
                printf("  [%zu]: expected %d, got %d\n", i, expected[i], got[i]);
            return;
        }
    }
}

void check_bytes(struct check *check, const uint8_t *expected, const uint8_t *got, size_t n, const char *format, ...)
{
    if (memcmp(expected, got, n) == 0)
        return;
    va_list arguments;
    va_start(arguments, format);
    report(check, format, arguments);
    va_end(arguments);
    for (size_t i = 0; i < n; i++) {
        if (expected[i] != got[i]) {
            if (check->failures <= FAILURES_SHOWN)
                printf("  [%zu]: expected 0x%02x, got 0x%02x\n", i, expected[i], got[i]);
            return;
        }
    }
}

uint64_t check_random(struct check *check)
{
    uint64_t z = check->random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int64_t check_random_in(struct check *check, int64_t low, int64_t high)
{
    return low + (int64_t)(check_random(check) % (uint64_t)(high - low + 1));
}

static int16_t sample(struct check *check, enum pcm_kind kind, size_t i)
{
    static const int16_t edges[] = {INT16_MIN, -8, INT16_MAX - 15};
    switch (kind) {
    case PCM_ONE:
        return 1;
    case PCM_MINUS_ONE:
        return -1;
    case PCM_MAX:
        return INT16_MAX;
    case PCM_MIN:
        return INT16_MIN;
    case PCM_ALTERNATING:
        return i % 2 ? INT16_MIN : INT16_MAX;
    case PCM_RAMP:
        return (int16_t)((int)(i * 32 % 65536) - 32768);
    case PCM_EDGES:
        return (int16_t)(edges[check_random(check) % 3] + (int)(check_random(check) % 16));
    case PCM_QUIET:
        return (int16_t)(check_random(check) % 1024) - 512;
    case PCM_LOUD:
        return (int16_t)(uint16_t)check_random(check);
    case PCM_ZERO:
    case PCM_KINDS:
        break;
    }
    return 0;
}

void pcm_fill(struct check *check, enum pcm_kind kind, int16_t *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pcm[i] = sample(check, kind, i);
}

void pcm_draw(struct check *check, int16_t *pcm, size_t n)
{
    uint64_t draw = check_random(check) % (2 * PCM_KINDS);
    pcm_fill(check, draw < PCM_KINDS ? (enum pcm_kind)draw : PCM_LOUD, pcm, n);
}

int16_t clamp16(int64_t x)
{
    return (int16_t)(x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x);
}

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static _Noreturn void no_memory(void)
{
    fprintf(stderr, "no memory for the check\n");
    abort();
}

void room_init(struct room *room, size_t bytes_max)
{
    size_t page = page_bytes();
    size_t inner = (bytes_max + page - 1) / page * page;
    uint8_t *map = mmap(NULL, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map + page, inner, PROT_READ | PROT_WRITE) != 0)
        no_memory();
    *room = (struct room){.first = map + page, .last = map + page + inner, .copy = malloc(inner)};
    if (!room->copy)
        no_memory();
}

void room_fini(struct room *room)
{
    size_t page = page_bytes();
    munmap(room->first - page, (size_t)(room->last - room->first) + 2 * page);
    free(room->copy);
}

void *room_lay(struct room *room, size_t data_bytes, enum room_side side)
{
    memset(room->first, CANARY, (size_t)(room->last - room->first));
    room->data = side == ROOM_START ? room->first : room->last - data_bytes;
    room->data_bytes = data_bytes;
    return room->data;
}

void room_remember(struct room *room)
{
    memcpy(room->copy, room->first, (size_t)(room->last - room->first));
}

bool room_same(const struct room *room)
{
    return memcmp(room->copy, room->first, (size_t)(room->last - room->first)) == 0;
}

bool room_canaries(const struct room *room)
{
    for (const uint8_t *p = room->first; p < room->last; p++)
        if (*p != CANARY && (p < room->data || p >= room->data + room->data_bytes))
            return false;
    return true;
}
