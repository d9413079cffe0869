/*
 * Level and gain. Goal: the energy is exact at full scale, where 32-bit sums of squares overflow, and the ramp rounds
 * as a Q15 multiply does. Method: 64-bit oracles, every n, all kinds of signal, rows at unmapped pages; -dBov against
 * libm.
 */
#include "tests/simd/check.h"
#include <math.h>
#include <string.h>

static int level_oracle(const int16_t *pcm, size_t n, uint64_t *sum_squares)
{
    int64_t peak = 0;
    *sum_squares = 0;
    for (size_t i = 0; i < n; i++) {
        int64_t x = pcm[i], magnitude = x < 0 ? -x : x;
        *sum_squares += (uint64_t)(x * x);
        peak = magnitude > peak ? magnitude : peak;
    }
    return clamp16(peak);
}

static void level_at(struct check *check, struct room *room, size_t n, enum pcm_kind kind, enum room_side side)
{
    uint64_t expected = 0, got = 0;
    int16_t *pcm = room_lay(room, n * sizeof(*pcm), side);
    pcm_fill(check, kind, pcm, n);
    room_remember(room);
    int peak_expected = level_oracle(pcm, n, &expected), peak = check->row->level(pcm, n, &got);
    if (peak != peak_expected || got != expected)
        check_fail(check, "level n=%zu kind %d: peak %d for %d, sum %llu for %llu", n, kind, peak, peak_expected,
                   (unsigned long long)got, (unsigned long long)expected);
    if (!room_same(room))
        check_fail(check, "level wrote to its input, n=%zu", n);
}

static void test_level(struct check *check)
{
    struct room room;
    room_init(&room, SIMD_SAMPLES_MAX * sizeof(int16_t));
    FOR_EACH_N(n)
    for (enum pcm_kind kind = PCM_ZERO; kind < PCM_KINDS; kind++)
        level_at(check, &room, n, kind, (n / SIMD_BLOCK + kind) % 2 ? ROOM_START : ROOM_END);
    room_fini(&room);
}

/* A single loud sample at every place: no lane is forgotten. */
static void test_level_lanes(struct check *check)
{
    static int16_t pcm[320] __attribute__((aligned(64)));
    for (size_t i = 0; i < ARRAY_LEN(pcm); i++) {
        uint64_t sum = 0;
        memset(pcm, 0, sizeof(pcm));
        pcm[i] = INT16_MIN;
        if (check->row->level(pcm, ARRAY_LEN(pcm), &sum) != INT16_MAX || sum != 1u << 30)
            check_fail(check, "level misses the sample at %zu", i);
    }
}

/* RFC 6464: 0 is full scale, 127 the lowest and digital silence. Rounded, so half a dB and the table's step. */
static void test_dbov(struct check *check)
{
    static const size_t sizes[] = {1, 80, 160, 320, 960, SIMD_SAMPLES_MAX};
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        size_t n = sizes[k];
        int before = 127;
        uint64_t full = (uint64_t)n << 30;
        if (level_dbov(0, n) != 127 || level_dbov(full, n) != 0)
            check_fail(check, "dbov: silence is not 127 or full scale not 0, n=%zu", n);
        for (uint64_t sum = 1; sum <= full; sum += sum / 500 + 1) {
            int got = level_dbov(sum, n);
            double exact = fmin(127.0, -10.0 * log10((double)sum / (double)full));
            if (fabs(got - exact) > 0.65)
                check_fail(check, "dbov of %llu / %zu is %d, exactly %.2f", (unsigned long long)sum, n, got, exact);
            if (got > before)
                check_fail(check, "dbov rises at %llu / %zu", (unsigned long long)sum, n);
            before = got;
        }
    }
}

static void ramp_at(struct check *check, struct room *room, size_t n, int32_t g0, int32_t dg)
{
    int16_t expected[SIMD_SAMPLES_MAX];
    int16_t *pcm = room_lay(room, n * sizeof(*pcm), n / SIMD_BLOCK % 2 ? ROOM_START : ROOM_END);
    pcm_draw(check, pcm, n);
    for (size_t i = 0; i < n; i++) {
        int64_t gain = ((int64_t)g0 + (int64_t)i * dg) >> 16;
        expected[i] = (int16_t)((pcm[i] * gain + 0x4000) >> 15);
    }
    check->row->gain_ramp(pcm, n, g0, dg);
    check_pcm(check, expected, pcm, n, "gain ramp n=%zu g0=%d dg=%d", n, g0, dg);
    if (!room_canaries(room))
        check_fail(check, "gain ramp wrote beyond its row, n=%zu", n);
}

/* From any legal gain to any other, and the extremes: silent, nearly unity, all the way down and up. */
static void test_ramp(struct check *check)
{
    struct room room;
    room_init(&room, SIMD_SAMPLES_MAX * sizeof(int16_t));
    FOR_EACH_N(n)
    {
        int32_t last = INT32_MAX - INT32_MAX % (int32_t)n, step = last / (int32_t)n;
        ramp_at(check, &room, n, 0, 0);
        ramp_at(check, &room, n, INT32_MAX, 0);
        ramp_at(check, &room, n, last, -step);
        ramp_at(check, &room, n, 0, step);
        for (int round = 0; round < 8; round++) {
            int64_t from = check_random_in(check, 0, INT32_MAX), to = check_random_in(check, 0, INT32_MAX);
            ramp_at(check, &room, n, (int32_t)from, (int32_t)((to - from) / (int64_t)n));
        }
    }
    room_fini(&room);
}

int main(int argc, char **argv)
{
    static const check_fn tests[] = {test_level, test_level_lanes, test_dbov, test_ramp};
    return check_main(argc, argv, "level", tests, ARRAY_LEN(tests));
}
