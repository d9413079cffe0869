/*
 * Mixing, the specification: sum every row in int32, subtract the listener's own row, saturate once and last. Written
 * from the formulas in simd.h, for reading; the other folders must give the same bits.
 */
#include "simd/kernels.h"

static int16_t sat16(int32_t x)
{
    return (int16_t)(x > INT16_MAX ? INT16_MAX : x < INT16_MIN ? INT16_MIN : x);
}

/* Row by row rather than column by column: each row is read as it lies in memory. */
static void sum_rows(const int16_t *const *rows, size_t n_rows, size_t n, int32_t *sum)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = 0;
    for (size_t i_row = 0; i_row < n_rows; i_row++) {
        const int16_t *row = rows[i_row];
        for (size_t i = 0; i < n; i++)
            sum[i] += row[i];
    }
}

void mix_n1_ref(int16_t *const *rows, size_t n_rows, size_t n_own, size_t n, int16_t *bus)
{
    int32_t sum[SIMD_SAMPLES_MAX];
    sum_rows((const int16_t *const *)rows, n_rows, n, sum);
    for (size_t i = 0; i < n; i++)
        bus[i] = sat16(sum[i]);
    for (size_t i_row = 0; i_row < n_own; i_row++) {
        int16_t *row = rows[i_row];
        for (size_t i = 0; i < n; i++)
            row[i] = sat16(sum[i] - row[i]);
    }
}

void mix_sum_split_ref(const int16_t *const *rows, size_t n_rows, size_t n, int16_t *s1, int16_t *s2)
{
    int32_t sum[SIMD_SAMPLES_MAX];
    sum_rows(rows, n_rows, n, sum);
    for (size_t i = 0; i < n; i++) {
        s1[i] = sat16(sum[i]);
        s2[i] = sat16(sum[i] - s1[i]);
    }
}

/* Nearest even without libm: adding 1.5 * 2^23 leaves a float no bits below the unit. Right for |x| < 2^22. */
static int32_t round_even(float x)
{
    const float push = 12582912.0f;
    return (int32_t)((x + push) - push);
}

/*
 * T + R - R*R/(d+R), which is T + d*R/(d+R), has value T and slope 1 at the knee (d = 0) and runs towards T + R = 32767
 * without reaching it. Every operation below is one IEEE float32 operation, in this order on every ISA; d + R is exact,
 * and below the knee, where d is 0, the quotient is exactly R: y passes through.
 */
static int16_t knee(int32_t y)
{
    const float threshold = SIMD_KNEE, room = SIMD_KNEE_ROOM, square = (float)SIMD_KNEE_ROOM * SIMD_KNEE_ROOM;
    float magnitude = (float)(y < 0 ? -y : y);
    float under = magnitude < threshold ? magnitude : threshold;
    float above = magnitude > threshold ? magnitude : threshold;
    float limited = (under + room) - square / (above - (threshold - room));
    int32_t rounded = round_even(limited);
    return (int16_t)(y < 0 ? -rounded : rounded);
}

void limit_soft_ref(const int16_t *s1, const int16_t *s2, const int16_t *own, int16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = knee(s1[i] + s2[i] - (own ? own[i] : 0));
}
