/*
 * The row of baselines, with G.711 by tables: 256 entries to expand, 16 384 and 8192 to compress (the low two bits of a
 * sample do not matter to u-law, the low three not to A-law's 13 bits; negative samples lie below the middle).
 */
#include "bench/scalar.h"

static struct {
    int16_t ulaw_expand[256], alaw_expand[256];
    uint8_t ulaw_compress[16384], alaw_compress[8192];
} tables;

static void ulaw_decode_table(const uint8_t *in, int16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = tables.ulaw_expand[in[i]];
}

static void alaw_decode_table(const uint8_t *in, int16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = tables.alaw_expand[in[i]];
}

static void ulaw_encode_table(const int16_t *in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = tables.ulaw_compress[(in[i] >> 2) + 8192];
}

static void alaw_encode_table(const int16_t *in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = tables.alaw_compress[(in[i] >> 3) + 4096];
}

static void tables_make(void)
{
    for (int i = 0; i < 256; i++) {
        uint8_t code = (uint8_t)i;
        ulaw_decode_scalar(&code, &tables.ulaw_expand[i], 1);
        alaw_decode_scalar(&code, &tables.alaw_expand[i], 1);
    }
    for (int i = 0; i < 16384; i++) {
        int16_t sample = (int16_t)((i - 8192) * 4);
        ulaw_encode_scalar(&sample, &tables.ulaw_compress[i], 1);
    }
    for (int i = 0; i < 8192; i++) {
        int16_t sample = (int16_t)((i - 4096) * 8);
        alaw_encode_scalar(&sample, &tables.alaw_compress[i], 1);
    }
}

const struct simd *scalar_row(void)
{
    static const struct simd row = {
        .name = "scalar",
        .mix_n1 = mix_n1_scalar,
        .mix_sum_split = mix_sum_split_scalar,
        .limit_soft = limit_soft_scalar,
        .ulaw_decode = ulaw_decode_table,
        .alaw_decode = alaw_decode_table,
        .ulaw_encode = ulaw_encode_table,
        .alaw_encode = alaw_encode_table,
        .level = level_scalar,
        .gain_ramp = gain_ramp_scalar,
        .fir_up = fir_up_scalar,
        .fir_down = fir_down_scalar,
        .g722_encode = g722_encode_scalar,
        .g722_decode = g722_decode_scalar,
    };
    if (tables.alaw_expand[0] == 0)
        tables_make();
    return &row;
}
