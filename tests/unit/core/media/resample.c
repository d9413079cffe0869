/*
 * Between the bus rates: a state of no more than resample_state_bytes does what a whole one does, in every column that
 * this CPU has, and what stands behind it is left alone.
 */
#include "core/media/resample.h"
#include "tests/unit/unit.h"

#include <string.h>

enum { FRAMES = 5, GUARD = 0x5a };

static void test_short_states(void **state)
{
    static const unsigned columns[] = {SIMD_REF, SIMD_AVX2, SIMD_AVX512, SIMD_NEON};
    for (size_t k = 0; k < ARRAY_LEN(columns) * RATES * RATES; k++) {
        unsigned column = columns[k / (RATES * RATES)], from = (unsigned)(k / RATES % RATES),
                 to = (unsigned)(k % RATES);
        if (from == to || (column & ~simd_supported())) {
            continue;
        }
        const struct simd *simd = simd_pick(column);
        union {
            struct fir_state state;
            uint8_t bytes[sizeof(struct fir_state)];
        } whole, part;
        size_t bytes = resample_state_bytes(rate_hz_at(from), rate_hz_at(to));
        assert_true(bytes <= sizeof part && bytes % LINE_BYTES == 0);
        memset(&whole, 0, sizeof whole);
        memset(&part, GUARD, sizeof part);
        memset(&part, 0, bytes);
        for (unsigned f = 0; f < FRAMES; f++) {
            int16_t in[FRAME_SAMPLES_MAX] ALIGNED_LINE, a[FRAME_SAMPLES_MAX] ALIGNED_LINE,
                b[FRAME_SAMPLES_MAX] ALIGNED_LINE;
            for (size_t i = 0; i < FRAME_SAMPLES_MAX; i++) {
                in[i] = (int16_t)(i * 7919 + f * 104729);
            }
            resample_frame(simd, &whole.state, rate_hz_at(from), rate_hz_at(to), in, a);
            resample_frame(simd, &part.state, rate_hz_at(from), rate_hz_at(to), in, b);
            assert_memory_equal(a, b, rate_frame_samples(rate_hz_at(to)) * sizeof *a);
        }
        assert_memory_equal(whole.bytes, part.bytes, bytes);
        for (size_t i = bytes; i < sizeof part; i++) {
            assert_int_equal(part.bytes[i], GUARD);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_short_states)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
