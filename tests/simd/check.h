/*
 * The kernel check: runs one family's tests on every row of kernels that this CPU has. A plain program, since it also
 * runs under an emulator. It prints the seed first; the same seed draws the same data.
 */
#ifndef TESTS_SIMD_CHECK_H
#define TESTS_SIMD_CHECK_H

#include "simd/simd.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/** One run: what is drawn from the seed, what failed. */
struct check {
    uint64_t random_state;
    const struct simd *row; /* under test; ref itself is run too, against the oracles */
    unsigned failures;
};

typedef void (*check_fn)(struct check *check);

/**
 * main() of a family: parses --seed=N and --isa=NAME, runs each test on each row, says which ISAs this CPU lacks.
 *
 * @param tests  [n_tests] run in order on every row
 * @return       exit status: 0, 1 if anything failed, 2 usage, 77 if --isa names what this CPU has not
 */
int check_main(int argc, char **argv, const char *family, const check_fn *tests, size_t n_tests);

/** Counts a failure and prints it with the row's name. Prints the first few only. */
void check_fail(struct check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Compares and reports the first difference; the rest of the arguments say which case it was. */
void check_pcm(struct check *check, const int16_t *expected, const int16_t *got, size_t n, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void check_bytes(struct check *check, const uint8_t *expected, const uint8_t *got, size_t n, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/** 64 random bits of this run (splitmix64). */
uint64_t check_random(struct check *check);
/** Uniform enough in [low, high]. */
int64_t check_random_in(struct check *check, int64_t low, int64_t high);

/** The kinds of signal that find faults in saturating arithmetic. */
enum pcm_kind {
    PCM_ZERO,
    PCM_ONE,
    PCM_MINUS_ONE,
    PCM_MAX,
    PCM_MIN,
    PCM_ALTERNATING, /* max, min, max, ... */
    PCM_RAMP,
    PCM_EDGES, /* near zero and near both ends */
    PCM_QUIET, /* noise of 10 bits */
    PCM_LOUD,  /* noise of 16 bits */
    PCM_KINDS
};

void pcm_fill(struct check *check, enum pcm_kind kind, int16_t *pcm, size_t n);
/** A kind drawn at random, mostly noise. */
void pcm_draw(struct check *check, int16_t *pcm, size_t n);

/** Saturation in wide integers, for oracles. */
int16_t clamp16(int64_t x);

/**
 * Memory between two unmapped pages, so that a kernel that reads or writes beyond its row faults. Where the data does
 * not reach the page, canaries lie.
 */
struct room {
    uint8_t *first, *last; /* mapped bytes: [first, last) */
    uint8_t *data;
    size_t data_bytes;
    uint8_t *copy; /* of [first, last), by room_remember */
};

enum room_side { ROOM_START, ROOM_END };

void room_init(struct room *room, size_t bytes_max);
void room_fini(struct room *room);
/** Lays data_bytes against one of the unmapped pages, canaries all over. */
void *room_lay(struct room *room, size_t data_bytes, enum room_side side);
/** For inputs: remember everything now; room_same tells whether a byte has changed since. */
void room_remember(struct room *room);
bool room_same(const struct room *room);
/** For outputs: nothing outside the data was written. */
bool room_canaries(const struct room *room);

/** Every legal n: SIMD_BLOCK, 2*SIMD_BLOCK, ..., SIMD_SAMPLES_MAX. */
#define FOR_EACH_N(n) for (size_t n = SIMD_BLOCK; n <= SIMD_SAMPLES_MAX; n += SIMD_BLOCK)

#endif
