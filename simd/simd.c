/*
 * Which kernel runs on which CPU: all rows side by side, and the choice of one. Also the level in -dBov, which needs no
 * vectors. Constant data only: the chosen row is handed to whoever mixes, so two engines in one process may differ.
 */
#include "simd/simd.h"
#include "simd/kernels.h"
#include <string.h>

/* clang-format off */
#define ROW(isa, isa_bit) { #isa, isa_bit,                                                                             \
    mix_n1_##isa, mix_sum_split_##isa, limit_soft_##isa,                                                               \
    ulaw_decode_##isa, alaw_decode_##isa, ulaw_encode_##isa, alaw_encode_##isa,                                        \
    level_##isa, gain_ramp_##isa, fir_up_##isa, fir_down_##isa, g722_encode_##isa, g722_decode_##isa }
/* clang-format on */

/* Worst first: simd_pick takes the last one that is allowed. Every ISA has every kernel; none falls back to ref. */
static const struct simd rows[] = {
    ROW(ref, SIMD_REF),
#if defined(__x86_64__)
    ROW(avx2, SIMD_AVX2),
    ROW(avx512, SIMD_AVX512),
#elif defined(__aarch64__)
    ROW(neon, SIMD_NEON),
#endif
};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

unsigned simd_supported(void)
{
    unsigned mask = SIMD_REF;
#if defined(__x86_64__)
    /* The builtin asks cpuid and, through xgetbv, whether the operating system saves the wide registers. */
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        mask |= SIMD_AVX2;
    /*
     * One level from Ice Lake and Zen 4 on: vpermi2b serves G.711, vpdpwssd the sums and the filters, vpshldw G.722's
     * products.
     */
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vbmi2") &&
        __builtin_cpu_supports("avx512vnni"))
        mask |= SIMD_AVX512;
#elif defined(__aarch64__)
    mask |= SIMD_NEON; /* part of the base architecture */
#endif
    return mask;
}

const struct simd *simd_pick(unsigned mask)
{
    unsigned allowed = simd_supported() & (mask | SIMD_REF);
    const struct simd *best = &rows[0];
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].bit & allowed)
            best = &rows[i];
    return best;
}

unsigned simd_mask_of(const char *name)
{
    static const struct {
        const char *name;
        unsigned mask;
    } words[] = {
        {"auto", SIMD_ALL},
        {"ref", SIMD_REF},
        {"avx2", SIMD_REF | SIMD_AVX2},
        {"avx512", SIMD_REF | SIMD_AVX512},
        {"neon", SIMD_REF | SIMD_NEON},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(words[i].name, name) == 0)
            return words[i].mask;
    return 0;
}

/*
 * 10*log10(x) in 1/256 dB: the exponent counts octaves of 3.0103 dB, the five bits below it index a table that holds
 * the middle of each 1/32 octave step, so the error stays below 0.07 dB.
 */
static int db_q8(uint64_t x)
{
    static const uint16_t mantissa_db_q8[32] = {
        17,  51,  84,  115, 146, 176, 206, 234, 262, 289, 315, 341, 367, 391, 415, 439,
        462, 485, 507, 529, 550, 571, 592, 612, 632, 652, 671, 690, 708, 726, 744, 762,
    };
    enum { OCTAVE_DB_Q16 = 197283 }; /* 10*log10(2) in 1/65536 dB */
    int exponent = 63 - __builtin_clzll(x);
    unsigned mantissa = (unsigned)((x << (63 - exponent)) >> 58) & 31;
    return ((exponent * OCTAVE_DB_Q16) >> 8) + mantissa_db_q8[mantissa];
}

uint8_t level_dbov(uint64_t sum_squares, size_t n)
{
    enum { FULL_SCALE_DB_Q8 = 23119 }; /* 10*log10(32768^2) */
    if (sum_squares == 0 || n == 0)
        return 127;
    int below_q8 = FULL_SCALE_DB_Q8 + db_q8(n) - db_q8(sum_squares);
    int below = (below_q8 + 128) >> 8;
    return (uint8_t)(below < 0 ? 0 : below > 127 ? 127 : below);
}
