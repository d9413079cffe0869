/*
 * G.711. Goal: every code and every sample, on every ISA, equals the ITU-T software tool library. Method: an oracle
 * written here from the recommendation in another form than the kernels use (loops over segment limits, step by step as
 * the library computes), compared over all 256 codes and all 65 536 samples; then all lengths against unmapped pages,
 * with the byte side at odd addresses, since payloads lie where the packet puts them.
 */
#include "tests/simd/check.h"

enum { SAMPLES_ALL = 65536, CODES_ALL = 256, ODD = 13 };

/* Recommendation G.711, tables 1a and 2a: where the segments begin, and how wide their 16 steps are. */
static const int alaw_starts[8] = {0, 32, 64, 128, 256, 512, 1024, 2048};
static const int alaw_widths[8] = {2, 2, 4, 8, 16, 32, 64, 128};
static const int ulaw_starts[8] = {-1, 31, 95, 223, 479, 991, 2015, 4063};
static const int ulaw_widths[8] = {2, 4, 8, 16, 32, 64, 128, 256};

/* A code's value is the middle of its step; 13 bits of A-law and 14 of u-law are left aligned in 16. */
static int16_t oracle_alaw_expand(int code)
{
    int bits = code ^ 0x55, segment = (bits & 0x70) >> 4, step = bits & 15;
    int value = alaw_starts[segment] + step * alaw_widths[segment] + alaw_widths[segment] / 2;
    return (int16_t)(bits & 0x80 ? 8 * value : -8 * value);
}

static int16_t oracle_ulaw_expand(int code)
{
    int bits = ~code & 0xff, segment = (bits & 0x70) >> 4, step = bits & 15;
    int value = ulaw_starts[segment] + step * ulaw_widths[segment] + ulaw_widths[segment] / 2;
    return (int16_t)(bits & 0x80 ? -4 * value : 4 * value);
}

static uint8_t oracle_alaw_compress(int16_t x)
{
    int value = x < 0 ? (~x) >> 4 : x >> 4; /* one's complement, 12 bits */
    if (value > 15) {
        int exponent = 1;
        while (value > 31) {
            value >>= 1;
            exponent++;
        }
        value = value - 16 + (exponent << 4);
    }
    return (uint8_t)((x >= 0 ? value | 0x80 : value) ^ 0x55);
}

static uint8_t oracle_ulaw_compress(int16_t x)
{
    int value = (x < 0 ? (~x) >> 2 : x >> 2) + 33;
    if (value > 0x1fff)
        value = 0x1fff;
    int segment = 1;
    for (int rest = value >> 6; rest != 0; rest >>= 1)
        segment++;
    int code = (8 - segment) << 4 | (15 - ((value >> segment) & 15));
    return (uint8_t)(x >= 0 ? code | 0x80 : code);
}

struct law {
    const char *name;
    g711_decode_fn decode;
    g711_encode_fn encode;
    int16_t (*expand)(int code);
    uint8_t (*compress)(int16_t x);
};

static void laws_of(const struct simd *row, struct law laws[2])
{
    laws[0] = (struct law){"ulaw", row->ulaw_decode, row->ulaw_encode, oracle_ulaw_expand, oracle_ulaw_compress};
    laws[1] = (struct law){"alaw", row->alaw_decode, row->alaw_encode, oracle_alaw_expand, oracle_alaw_compress};
}

/* The printed ends of the tables, so that the oracle itself stands on the recommendation. */
static void test_oracle(struct check *check)
{
    if (oracle_ulaw_expand(0x80) != 4 * 8031 || oracle_ulaw_expand(0x00) != -4 * 8031 || oracle_ulaw_expand(0xff) != 0)
        check_fail(check, "ulaw oracle: outermost value is not 8031, or zero not 0");
    if (oracle_alaw_expand(0xaa) != 8 * 4032 || oracle_alaw_expand(0x2a) != -8 * 4032 || oracle_alaw_expand(0xd5) != 8)
        check_fail(check, "alaw oracle: outermost value is not 4032, or the first not 1");
}

static void test_all_codes(struct check *check)
{
    static uint8_t codes[CODES_ALL];
    static int16_t expected[CODES_ALL], got[CODES_ALL] __attribute__((aligned(64)));
    struct law laws[2];
    laws_of(check->row, laws);
    for (size_t i_law = 0; i_law < 2; i_law++) {
        for (int i = 0; i < CODES_ALL; i++) {
            codes[i] = (uint8_t)i;
            expected[i] = laws[i_law].expand(i);
        }
        laws[i_law].decode(codes, got, CODES_ALL);
        check_pcm(check, expected, got, CODES_ALL, "%s decode, all codes", laws[i_law].name);
    }
}

static void test_all_samples(struct check *check)
{
    static int16_t samples[SAMPLES_ALL] __attribute__((aligned(64)));
    static uint8_t expected[SAMPLES_ALL], got[SAMPLES_ALL];
    struct law laws[2];
    laws_of(check->row, laws);
    for (size_t i_law = 0; i_law < 2; i_law++) {
        for (int i = 0; i < SAMPLES_ALL; i++) {
            samples[i] = (int16_t)(i - 32768);
            expected[i] = laws[i_law].compress(samples[i]);
        }
        for (size_t at = 0; at < SAMPLES_ALL; at += SIMD_SAMPLES_MAX)
            laws[i_law].encode(samples + at, got + at, SIMD_SAMPLES_MAX);
        check_bytes(check, expected, got, SAMPLES_ALL, "%s encode, all samples from -32768", laws[i_law].name);
    }
}

/* Decoding then coding gives the code back, except for the second zero of u-law. */
static void test_round_trip(struct check *check)
{
    static uint8_t codes[CODES_ALL], again[CODES_ALL];
    static int16_t pcm[CODES_ALL] __attribute__((aligned(64)));
    struct law laws[2];
    laws_of(check->row, laws);
    for (size_t i_law = 0; i_law < 2; i_law++) {
        for (int i = 0; i < CODES_ALL; i++)
            codes[i] = (uint8_t)i;
        if (i_law == 0)
            codes[0x7f] = 0xff;
        laws[i_law].decode(codes, pcm, CODES_ALL);
        laws[i_law].encode(pcm, again, CODES_ALL);
        check_bytes(check, codes, again, CODES_ALL, "%s round trip", laws[i_law].name);
    }
}

static void decode_at(struct check *check, const struct law *law, struct room *in_room, struct room *out_room, size_t n,
                      enum room_side side)
{
    size_t odd = side == ROOM_START ? ODD : 0; /* at the end, n bytes touch the page; at the start, an odd address */
    uint8_t *in = (uint8_t *)room_lay(in_room, n + odd, side) + odd;
    int16_t expected[SIMD_SAMPLES_MAX], *out = room_lay(out_room, n * sizeof(*out), side);
    for (size_t i = 0; i < n; i++) {
        in[i] = (uint8_t)check_random(check);
        expected[i] = law->expand(in[i]);
    }
    room_remember(in_room);
    law->decode(in, out, n);
    check_pcm(check, expected, out, n, "%s decode n=%zu", law->name, n);
    if (!room_same(in_room) || !room_canaries(out_room))
        check_fail(check, "%s decode n=%zu wrote where it must not", law->name, n);
}

static void encode_at(struct check *check, const struct law *law, struct room *in_room, struct room *out_room, size_t n,
                      enum room_side side)
{
    size_t odd = side == ROOM_START ? ODD : 0;
    int16_t *in = room_lay(in_room, n * sizeof(*in), side);
    uint8_t expected[SIMD_SAMPLES_MAX], *out = (uint8_t *)room_lay(out_room, n + odd, side) + odd;
    out_room->data += odd;
    out_room->data_bytes -= odd;
    pcm_draw(check, in, n);
    for (size_t i = 0; i < n; i++)
        expected[i] = law->compress(in[i]);
    room_remember(in_room);
    law->encode(in, out, n);
    check_bytes(check, expected, out, n, "%s encode n=%zu", law->name, n);
    if (!room_same(in_room) || !room_canaries(out_room))
        check_fail(check, "%s encode n=%zu wrote where it must not", law->name, n);
}

static void test_shapes(struct check *check)
{
    struct room bytes, pcm;
    struct law laws[2];
    laws_of(check->row, laws);
    room_init(&bytes, SIMD_SAMPLES_MAX + ODD);
    room_init(&pcm, SIMD_SAMPLES_MAX * sizeof(int16_t));
    for (size_t i_law = 0; i_law < 2; i_law++) {
        FOR_EACH_N(n)
        {
            for (enum room_side side = ROOM_START; side <= ROOM_END; side++) {
                decode_at(check, &laws[i_law], &bytes, &pcm, n, side);
                encode_at(check, &laws[i_law], &pcm, &bytes, n, side);
            }
        }
    }
    room_fini(&bytes);
    room_fini(&pcm);
}

int main(int argc, char **argv)
{
    static const check_fn tests[] = {test_oracle, test_all_codes, test_all_samples, test_round_trip, test_shapes};
    return check_main(argc, argv, "g711", tests, ARRAY_LEN(tests));
}
