/*
 * G.722. Goal: the reference is the recommendation's codec, and every ISA does as the reference does, states included.
 * Method: libg722's published vectors on every row, single and in a batch; then each row against the reference over
 * signals that reach the limits, states drawn from what a codec can reach, every batch size up to two full batches and
 * one channel, every length, and memory at unmapped pages. States are compared after every call: what is equal there
 * stays equal.
 */
#include "simd/kernels.h"
#include "tests/simd/check.h"
#include "tests/simd/sha256.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHANNELS_MAX = 2 * 32 + 1, FRAME = 320, VECTOR_BYTES_MAX = 256 * 1024, ODD = 13 };

/* ---- a row and the reference side by side ---- */

/* Channels of one codec direction, under test and reference. */
struct rig {
    struct g722_state got[CHANNELS_MAX], expected[CHANNELS_MAX];
    struct g722_state *got_states[CHANNELS_MAX], *expected_states[CHANNELS_MAX];
};

static void rig_init(struct rig *rig)
{
    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        g722_init(&rig->got[i]);
        g722_init(&rig->expected[i]);
        rig->got_states[i] = &rig->got[i];
        rig->expected_states[i] = &rig->expected[i];
    }
}

static int16_t draw(struct check *check, int low, int high)
{
    int64_t edge = check_random_in(check, 0, 7);
    return (int16_t)(edge == 0 ? low : edge == 1 ? high : check_random_in(check, low, high));
}

static int16_t *words_of(struct g722_state *state)
{
    return (int16_t *)state;
}

static void band_draw(struct check *check, struct g722_band *q, int nb_max, int d_max)
{
    q->nb = draw(check, 0, nb_max);
    q->det = (int16_t)(4 * draw(check, 2, 4096));
    q->a[1] = draw(check, -12288, 12288);
    q->a[0] = draw(check, q->a[1] - 15360, 15360 - q->a[1]);
    for (size_t i = 0; i < 6; i++) {
        q->b[i] = draw(check, INT16_MIN, INT16_MAX);
        q->d[i] = draw(check, -d_max, d_max);
    }
}

/* Within what g722_init and the kernels can lead to: the outermost differences are 16384 times the largest output. */
static void rig_draw(struct check *check, struct rig *rig, bool decoder)
{
    rig_init(rig);
    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        int16_t *words = words_of(&rig->got[i]);
        for (size_t word = 0; word < sizeof(rig->got[i]) / 2; word++)
            words[word] = draw(check, INT16_MIN, INT16_MAX);
        for (size_t k = 0; decoder && k < 11; k++) {
            int rl = draw(check, -16384, 16383), rh = draw(check, -16384, 16383);
            rig->got[i].history[2 * k] = (int16_t)(rl + rh);
            rig->got[i].history[2 * k + 1] = (int16_t)(rl - rh);
        }
        band_draw(check, &rig->got[i].low, 18432, 10228);
        band_draw(check, &rig->got[i].high, 22528, 3704);
        rig->expected[i] = rig->got[i];
    }
}

static void rig_compare(struct check *check, struct rig *rig, size_t n_channels, const char *what, size_t n)
{
    for (size_t i = 0; i < n_channels; i++)
        check_pcm(check, words_of(&rig->expected[i]), words_of(&rig->got[i]), sizeof(rig->got[i]) / 2,
                  "%s %zu: state of channel %zu of %zu", what, n, i, n_channels);
    for (size_t i = n_channels; i < CHANNELS_MAX; i++)
        if (memcmp(&rig->expected[i], &rig->got[i], sizeof(rig->got[i])) != 0)
            check_fail(check, "%s %zu: touches the state of channel %zu, beyond %zu", what, n, i, n_channels);
}

/* Audio of all channels, one row each. */
static int16_t pcm[CHANNELS_MAX][SIMD_SAMPLES_MAX] __attribute__((aligned(64)));
static int16_t pcm_got[CHANNELS_MAX][2 * SIMD_SAMPLES_MAX], pcm_expected[CHANNELS_MAX][2 * SIMD_SAMPLES_MAX];
static uint8_t codes_got[CHANNELS_MAX][SIMD_SAMPLES_MAX], codes_expected[CHANNELS_MAX][SIMD_SAMPLES_MAX];

static void encode_both(struct check *check, struct rig *rig, size_t n_channels, size_t n)
{
    const int16_t *rows[CHANNELS_MAX];
    uint8_t *got[CHANNELS_MAX], *expected[CHANNELS_MAX];
    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        rows[i] = pcm[i];
        got[i] = codes_got[i];
        expected[i] = codes_expected[i];
    }
    check->row->g722_encode(rig->got_states, rows, got, n_channels, n);
    g722_encode_ref(rig->expected_states, rows, expected, n_channels, n);
    for (size_t i = 0; i < n_channels; i++)
        check_bytes(check, expected[i], got[i], n / 2, "encode %zu: channel %zu of %zu", n, i, n_channels);
    rig_compare(check, rig, n_channels, "encode", n);
}

/* Decodes codes_expected. */
static void decode_both(struct check *check, struct rig *rig, size_t n_channels, size_t n_bytes)
{
    const uint8_t *rows[CHANNELS_MAX];
    int16_t *got[CHANNELS_MAX], *expected[CHANNELS_MAX];
    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        rows[i] = codes_expected[i];
        got[i] = pcm_got[i];
        expected[i] = pcm_expected[i];
    }
    check->row->g722_decode(rig->got_states, rows, got, n_channels, n_bytes);
    g722_decode_ref(rig->expected_states, rows, expected, n_channels, n_bytes);
    for (size_t i = 0; i < n_channels; i++)
        check_pcm(check, expected[i], got[i], 2 * n_bytes, "decode %zu: channel %zu of %zu", n_bytes, i, n_channels);
    rig_compare(check, rig, n_channels, "decode", n_bytes);
}

/* ---- signals ---- */

enum signal { SPEECH, NOISE, SQUARE, CLIPPED, CONSTANT, FAINT, SIGNALS };

/* A voice in outline: three harmonics that glide, in syllables. */
static double voice(size_t channel, size_t at)
{
    double t = (double)at / 16000, pitch = 110 + 7.0 * (double)channel + 15 * sin(9 * t), phase = 6.2831853 * pitch * t;
    double syllable = fmax(0, sin(6.2831853 * 3 * t + (double)channel));
    return 9000 * syllable * (sin(phase) + 0.6 * sin(4 * phase) + 0.3 * sin(19 * phase));
}

static void signal_fill(struct check *check, size_t channel, size_t at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double x = 0;
        switch ((enum signal)(channel % SIGNALS)) {
        case SPEECH:
            x = voice(channel, at + i);
            break;
        case NOISE:
            x = (double)check_random_in(check, INT16_MIN, INT16_MAX);
            break;
        case SQUARE:
            x = (at + i) / (10 + channel) % 2 ? INT16_MAX : INT16_MIN;
            break;
        case CLIPPED:
            x = 6 * voice(channel, at + i);
            break;
        case CONSTANT:
            x = channel % 2 ? 20000 : -20000;
            break;
        case FAINT:
        case SIGNALS:
            x = (double)check_random_in(check, -3, 3);
            break;
        }
        pcm[channel][i] = clamp16((int64_t)x);
    }
}

/* ---- tests ---- */

/* Encoder, decoder on what it made, and decoder on noise, over as long as it takes them to reach their limits. */
static void test_signals(struct check *check)
{
    enum { FRAMES = 40 };
    static struct rig encoders, decoders, noise_decoders;
    rig_init(&encoders);
    rig_init(&decoders);
    rig_init(&noise_decoders);
    for (size_t frame = 0; frame < FRAMES; frame++) {
        for (size_t i = 0; i < CHANNELS_MAX; i++)
            signal_fill(check, i, frame * FRAME, FRAME);
        encode_both(check, &encoders, CHANNELS_MAX, FRAME);
        decode_both(check, &decoders, CHANNELS_MAX, FRAME / 2);
        for (size_t i = 0; i < CHANNELS_MAX; i++)
            for (size_t k = 0; k < FRAME / 2; k++)
                codes_expected[i][k] = (uint8_t)check_random(check);
        decode_both(check, &noise_decoders, CHANNELS_MAX, FRAME / 2);
    }
}

/* Coefficients of the zeros drift to the end of their range on a one-sided input, step by step: one code for long. */
static void test_drift(struct check *check)
{
    static const uint8_t codes[] = {0x00, 0x20, 0x3f, 0x5f, 0x80, 0xa0, 0xc0, 0xff};
    static struct rig decoders;
    rig_init(&decoders);
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        memset(codes_expected[i], codes[i], SIMD_SAMPLES_MAX);
    for (size_t round = 0; round < 4; round++)
        decode_both(check, &decoders, ARRAY_LEN(codes), SIMD_SAMPLES_MAX);
}

/* Every batch size up to two full batches of the widest ISA and one channel, from any state. */
static void test_batches(struct check *check)
{
    enum { N = 96 };
    static struct rig rig;
    for (size_t n_channels = 0; n_channels <= CHANNELS_MAX; n_channels++) {
        for (size_t i = 0; i < CHANNELS_MAX; i++) {
            pcm_draw(check, pcm[i], N);
            for (size_t k = 0; k < N; k++)
                codes_expected[i][k] = (uint8_t)check_random(check);
        }
        rig_draw(check, &rig, true);
        decode_both(check, &rig, n_channels, N);
        rig_draw(check, &rig, false);
        encode_both(check, &rig, n_channels, N);
    }
}

/* Every legal length, the decoder's every number of bytes. */
static void test_lengths(struct check *check)
{
    enum { CHANNELS = 3, BYTES = 300 };
    static struct rig rig;
    rig_draw(check, &rig, false);
    FOR_EACH_N(n)
    {
        for (size_t i = 0; i < CHANNELS; i++)
            pcm_draw(check, pcm[i], n);
        encode_both(check, &rig, CHANNELS, n);
    }
    rig_draw(check, &rig, true);
    for (size_t n_bytes = 0; n_bytes <= BYTES; n_bytes++) {
        for (size_t i = 0; i < CHANNELS; i++)
            for (size_t k = 0; k < n_bytes; k++)
                codes_expected[i][k] = (uint8_t)check_random(check);
        decode_both(check, &rig, CHANNELS, n_bytes);
    }
}

struct rooms {
    struct room pcm[2], bytes[2], states[2];
};

/* Two channels: one's memory ends at an unmapped page, the other's begins at one. Odd addresses where bytes lie. */
static void rooms_run(struct check *check, struct rooms *rooms, size_t n, bool decode)
{
    static struct rig rig;
    int16_t *samples[2], expected[2][2 * SIMD_SAMPLES_MAX];
    uint8_t *bytes[2], codes[2][SIMD_SAMPLES_MAX];
    struct g722_state *states[2];
    size_t n_bytes = decode ? n : n / 2, n_samples = 2 * n_bytes;
    rig_draw(check, &rig, decode);
    for (size_t i = 0; i < 2; i++) {
        enum room_side side = i ? ROOM_START : ROOM_END;
        size_t odd = i ? ODD : 0;
        samples[i] = room_lay(&rooms->pcm[i], n_samples * sizeof(**samples), side);
        bytes[i] = (uint8_t *)room_lay(&rooms->bytes[i], n_bytes + odd, side) + odd;
        rooms->bytes[i].data += odd;
        rooms->bytes[i].data_bytes -= odd;
        states[i] = room_lay(&rooms->states[i], sizeof(**states), side);
        *states[i] = rig.got[i];
        if (decode)
            for (size_t k = 0; k < n_bytes; k++)
                bytes[i][k] = (uint8_t)check_random(check);
        else
            pcm_draw(check, samples[i], n_samples);
        room_remember(decode ? &rooms->bytes[i] : &rooms->pcm[i]);
    }
    if (decode) {
        check->row->g722_decode(states, (const uint8_t *const *)bytes, samples, 2, n);
        g722_decode_ref(rig.expected_states, (const uint8_t *const *)bytes, (int16_t *[]){expected[0], expected[1]}, 2,
                        n);
    } else {
        check->row->g722_encode(states, (const int16_t *const *)samples, bytes, 2, n);
        g722_encode_ref(rig.expected_states, (const int16_t *const *)samples, (uint8_t *[]){codes[0], codes[1]}, 2, n);
    }
    for (size_t i = 0; i < 2; i++) {
        if (decode)
            check_pcm(check, expected[i], samples[i], n_samples, "decode %zu in a room", n);
        else
            check_bytes(check, codes[i], bytes[i], n_bytes, "encode %zu in a room", n);
        check_pcm(check, words_of(&rig.expected[i]), words_of(states[i]), sizeof(**states) / 2, "state in a room, %zu",
                  n);
        const struct room *in = decode ? &rooms->bytes[i] : &rooms->pcm[i];
        const struct room *out = decode ? &rooms->pcm[i] : &rooms->bytes[i];
        if (!room_same(in) || !room_canaries(out) || !room_canaries(&rooms->states[i]))
            check_fail(check, "%s %zu wrote where it must not", decode ? "decode" : "encode", n);
    }
}

static void test_rooms(struct check *check)
{
    struct rooms rooms;
    for (size_t i = 0; i < 2; i++) {
        room_init(&rooms.pcm[i], 2 * SIMD_SAMPLES_MAX);
        room_init(&rooms.bytes[i], SIMD_SAMPLES_MAX + ODD);
        room_init(&rooms.states[i], sizeof(struct g722_state));
    }
    for (size_t n = SIMD_BLOCK; n <= 480; n += SIMD_BLOCK)
        rooms_run(check, &rooms, n, false);
    for (size_t n_bytes = 1; n_bytes <= 200; n_bytes++)
        rooms_run(check, &rooms, n_bytes, true);
    for (size_t i = 0; i < 2; i++) {
        room_fini(&rooms.pcm[i]);
        room_fini(&rooms.bytes[i]);
        room_fini(&rooms.states[i]);
    }
}

/* ---- published vectors ---- */

static size_t read_vector(const char *name, uint8_t *data)
{
    char path[512];
    snprintf(path, sizeof(path), TEST_DATA "/g722/%s", name);
    FILE *file = fopen(path, "rb");
    size_t bytes = file ? fread(data, 1, VECTOR_BYTES_MAX, file) : 0;
    if (file)
        fclose(file);
    return bytes;
}

static void check_sum(struct check *check, const void *data, size_t bytes, const char *name, const char *expected)
{
    char hex[65];
    sha256_hex(data, bytes, hex);
    if (strcmp(hex, expected) != 0)
        check_fail(check, "vector %s: SHA-256 is %s, not %s", name, hex, expected);
}

enum { VECTOR_CHANNELS = 3 }; /* one alone does not go through the lanes */

/* Decodes bytes on every channel and checks the sum of each, as 16-bit words in little-endian order, or big. */
static void vector_decode(struct check *check, const uint8_t *data, size_t bytes, size_t n_channels, bool big_endian,
                          const char *name, const char *expected)
{
    static int16_t out[VECTOR_CHANNELS][2 * VECTOR_BYTES_MAX / 4];
    struct g722_state states[VECTOR_CHANNELS];
    for (size_t i = 0; i < n_channels; i++)
        g722_init(&states[i]);
    for (size_t at = 0; at < bytes; at += FRAME / 2) {
        size_t n = bytes - at < FRAME / 2 ? bytes - at : FRAME / 2;
        check->row->g722_decode((struct g722_state *[]){&states[0], &states[1], &states[2]},
                                (const uint8_t *[]){data + at, data + at, data + at},
                                (int16_t *[]){out[0] + 2 * at, out[1] + 2 * at, out[2] + 2 * at}, n_channels, n);
    }
    for (size_t i = 0; i < n_channels; i++) {
        for (size_t k = 0; big_endian && k < 2 * bytes; k++)
            out[i][k] = (int16_t)((uint16_t)out[i][k] << 8 | (uint16_t)out[i][k] >> 8);
        check_sum(check, out[i], 4 * bytes, name, expected);
    }
}

static void vector_encode(struct check *check, const uint8_t *data, size_t bytes, size_t n_channels)
{
    static uint8_t out[VECTOR_CHANNELS][VECTOR_BYTES_MAX / 4];
    struct g722_state states[VECTOR_CHANNELS];
    for (size_t i = 0; i < n_channels; i++)
        g722_init(&states[i]);
    for (size_t at = 0; at < bytes / 2; at += FRAME) {
        for (size_t i = 0; i < FRAME; i++) { /* big-endian; zeros behind the end make the last frame whole */
            size_t k = 2 * (at + i);
            pcm[0][i] = k < bytes ? (int16_t)(data[k] << 8 | data[k + 1]) : 0;
        }
        check->row->g722_encode((struct g722_state *[]){&states[0], &states[1], &states[2]},
                                (const int16_t *[]){pcm[0], pcm[0], pcm[0]},
                                (uint8_t *[]){out[0] + at / 2, out[1] + at / 2, out[2] + at / 2}, n_channels, FRAME);
    }
    for (size_t i = 0; i < n_channels; i++)
        check_sum(check, out[i], bytes / 4, "pcminb.g722.out",
                  "fc0abeb220fc66fc7d5429758dff26b56bdc9e2d64ce701a5b2489ba3a2fb877");
    vector_decode(check, out[0], bytes / 4, n_channels, true, "pcminb.raw.16k.out",
                  "6f80f1635a58a9352b1a31357f6f3feea4459953df34d6d275167f4c3e8cc967");
}

static void test_vectors(struct check *check)
{
    static uint8_t data[VECTOR_BYTES_MAX];
    for (size_t n_channels = 1; n_channels <= VECTOR_CHANNELS; n_channels += 2) {
        size_t bytes = read_vector("pcminb.dat", data);
        vector_encode(check, data, bytes, n_channels);
        bytes = read_vector("test.g722", data);
        vector_decode(check, data, bytes, n_channels, false, "test.raw.16k.out",
                      "a886f22d37ecd356e1963072bc481ed2c5dd12539428188d9779d33a520f3ff8");
        bytes = read_vector("fullscale.g722", data);
        vector_decode(check, data, bytes, n_channels, false, "fullscale.raw.out",
                      "e70c92cd2068d112839db12bfaa787cc0ea9a809b64fbf62fd78b6041cd9fbcc");
    }
}

int main(int argc, char **argv)
{
    static const check_fn tests[] = {test_vectors, test_signals, test_drift, test_batches, test_lengths, test_rooms};
    return check_main(argc, argv, "g722", tests, ARRAY_LEN(tests));
}
