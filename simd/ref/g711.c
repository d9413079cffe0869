/*
 * G.711, the specification: the segment formulas of ITU-T G.711 tables 1 and 2, with the sign and magnitude conventions
 * of the ITU-T software tool library (G.191 g711.c): magnitudes are one's complement, u-law works on 14 bits with a
 * bias of 33 and clips at 8191, A-law on 13 bits; both are left aligned in 16-bit samples.
 */
#include "simd/kernels.h"

/* Position of the highest set bit; x > 0. */
static int log2_floor(unsigned x)
{
    return 31 - __builtin_clz(x);
}

static int16_t ulaw_expand(uint8_t code)
{
    uint8_t u = (uint8_t)~code; /* u-law sends all bits inverted */
    int segment = (u >> 4) & 7;
    int step = u & 15;
    int magnitude = ((((step << 1) + 33) << segment) - 33) << 2;
    return (int16_t)(u & 0x80 ? -magnitude : magnitude);
}

static int16_t alaw_expand(uint8_t code)
{
    uint8_t a = code ^ 0x55; /* A-law sends the even bits inverted */
    int segment = (a >> 4) & 7;
    int step = a & 15;
    int magnitude = segment ? ((step << 1) + 33) << (segment - 1) : (step << 1) + 1;
    return (int16_t)(a & 0x80 ? magnitude << 3 : -(magnitude << 3));
}

static uint8_t ulaw_compress(int16_t x)
{
    unsigned magnitude = (unsigned)(x < 0 ? ~x : x) >> 2;
    unsigned biased = magnitude + 33 > 8191 ? 8191 : magnitude + 33;
    int segment = log2_floor(biased) - 5;
    unsigned code = (unsigned)segment << 4 | ((biased >> (segment + 1)) & 15);
    return (uint8_t)(~code & (x < 0 ? 0x7f : 0xff));
}

static uint8_t alaw_compress(int16_t x)
{
    unsigned magnitude = (unsigned)(x < 0 ? ~x : x) >> 4;
    unsigned code = magnitude; /* the two lowest segments are one straight line */
    if (magnitude > 31) {
        int shift = log2_floor(magnitude) - 4;
        code = (unsigned)(shift + 1) << 4 | ((magnitude >> shift) & 15);
    }
    return (uint8_t)((code | (x < 0 ? 0 : 0x80)) ^ 0x55);
}

void ulaw_decode_ref(const uint8_t *in, int16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = ulaw_expand(in[i]);
}

void alaw_decode_ref(const uint8_t *in, int16_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = alaw_expand(in[i]);
}

void ulaw_encode_ref(const int16_t *in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = ulaw_compress(in[i]);
}

void alaw_encode_ref(const int16_t *in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = alaw_compress(in[i]);
}
