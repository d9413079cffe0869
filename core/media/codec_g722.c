/*
 * G.722 at 64 kbit/s: 16 kHz audio, two samples a byte. Its RTP clock is 8000 Hz all the same, one tick a byte, for a
 * mistake in RFC 1890 that everybody has kept. States are flat, so encode groups may copy them. Concealment is plc.h's.
 * @source ITU-T G.722, RFC 3551 4.5.2
 */
#include "core/media/codec.h"
#include "core/media/codecs.h"

#include <errno.h>

enum { RATE_HZ = 16000, SAMPLES_PER_BYTE = 2, CHUNK = 32, PAYLOAD_BYTES_MAX = PACKET_BYTES_MAX - 12 };

static_assert(PAYLOAD_BYTES_MAX * SAMPLES_PER_BYTE <= PACKET_SAMPLES_MAX, "any packet's audio has its room");

static size_t state_size(void)
{
    return sizeof(struct g722_state);
}

static int state_init(void *state, const struct codec_cfg *cfg)
{
    if (cfg->rate_hz != RATE_HZ) {
        return -EINVAL;
    }
    g722_init(state);
    return 0;
}

static int encode(void *encoder, const struct simd *simd, const int16_t *pcm, size_t n, uint8_t *payload, size_t cap)
{
    must(n / SAMPLES_PER_BYTE <= cap && n % SIMD_BLOCK == 0);
    struct g722_state *state = encoder;
    simd->g722_encode(&state, &pcm, &payload, 1, n);
    return (int)(n / SAMPLES_PER_BYTE);
}

static int packet_samples(const struct codec_cfg *cfg, const uint8_t *payload, size_t bytes)
{
    return bytes && bytes <= PAYLOAD_BYTES_MAX ? (int)bytes * SAMPLES_PER_BYTE : -EBADMSG;
}

static int decode(void *decoder, const struct simd *simd, const uint8_t *payload, size_t bytes, int16_t *pcm)
{
    int n = packet_samples(NULL, payload, bytes);
    struct g722_state *state = decoder;
    if (n > 0) {
        simd->g722_decode(&state, &payload, &pcm, 1, bytes);
    }
    return n;
}

/* A chunk of states with their type. @return how many */
static size_t states_take(struct g722_state *typed[CHUNK], void *const *states, size_t n)
{
    for (size_t i = 0; i < MIN(n, CHUNK); i++) {
        typed[i] = states[i];
    }
    return MIN(n, CHUNK);
}

static int encode_many(void *const *encoders, const struct simd *simd, const int16_t *const *pcm, size_t n,
                       uint8_t *const *payloads, size_t n_channels)
{
    struct g722_state *states[CHUNK];
    must(n && n <= LANE_SAMPLES_MAX && n % SIMD_BLOCK == 0);
    for (size_t i = 0, taken; i < n_channels; i += taken) {
        taken = states_take(states, encoders + i, n_channels - i);
        simd->g722_encode(states, pcm + i, payloads + i, taken, n);
    }
    return (int)(n / SAMPLES_PER_BYTE);
}

static int decode_many(void *const *decoders, const struct simd *simd, const uint8_t *const *payloads, size_t bytes,
                       int16_t *const *pcm, size_t n_channels)
{
    struct g722_state *states[CHUNK];
    int n = packet_samples(NULL, payloads[0], bytes);
    must(n > 0);
    for (size_t i = 0, taken; i < n_channels; i += taken) {
        taken = states_take(states, decoders + i, n_channels - i);
        simd->g722_decode(states, payloads + i, pcm + i, taken, bytes);
    }
    return n;
}

const struct codec codec_g722 = {
    .id = CODEC_G722,
    .name = "G722",
    .static_pt = 9,
    .wire_channels = 1,
    .wire_clock_hz = 8000,
    .pcm_rate_hz = RATE_HZ,
    .has_state = true,
    .encoder_size = state_size,
    .decoder_size = state_size,
    .encoder_init = state_init,
    .decoder_init = state_init,
    .encode = encode,
    .decode = decode,
    .encode_many = encode_many,
    .decode_many = decode_many,
    .samples = packet_samples,
};
