/* PCMU and PCMA: stateless, one byte a sample. @source ITU-T G.711, RFC 3551 4.5.14 */
#include "core/media/codec.h"
#include "core/media/codecs.h"

#include <errno.h>
#include <string.h>

static int no_state(void *state, const struct codec_cfg *cfg) { return cfg->rate_hz == 8000 ? 0 : -EINVAL; }

static int g711_samples(const struct codec_cfg *cfg, const uint8_t *payload, size_t bytes)
{
    return bytes && bytes <= PACKET_BYTES_MAX - 12 ? (int)bytes : -EBADMSG;
}

/*
 * The kernels work on whole blocks; a packet of another length is finished through a padded block. in may be read only
 * to its end, since it is a packet.
 */
static int decode_any(g711_decode_fn decode, const uint8_t *payload, size_t bytes, int16_t *pcm)
{
    if (bytes == 0 || bytes > PACKET_BYTES_MAX - 12) {
        return -EBADMSG;
    }
    size_t whole = bytes & ~(size_t)(SIMD_BLOCK - 1), rest = bytes - whole;
    if (whole) {
        decode(payload, pcm, whole);
    }
    if (rest) {
        uint8_t block[SIMD_BLOCK] = { 0 };
        int16_t samples[SIMD_BLOCK] __attribute__((aligned(64)));
        memcpy(block, payload + whole, rest);
        decode(block, samples, SIMD_BLOCK);
        memcpy(pcm + whole, samples, rest * sizeof *pcm);
    }
    return (int)bytes;
}

static int pcmu_encode(void *state, const struct simd *simd, const int16_t *pcm, size_t n, uint8_t *payload, size_t cap)
{
    must(n <= cap && n % SIMD_BLOCK == 0);
    simd->ulaw_encode(pcm, payload, n);
    return (int)n;
}

static int pcma_encode(void *state, const struct simd *simd, const int16_t *pcm, size_t n, uint8_t *payload, size_t cap)
{
    must(n <= cap && n % SIMD_BLOCK == 0);
    simd->alaw_encode(pcm, payload, n);
    return (int)n;
}

static int pcmu_decode(void *state, const struct simd *simd, const uint8_t *payload, size_t bytes, int16_t *pcm)
{
    return decode_any(simd->ulaw_decode, payload, bytes, pcm);
}

static int pcma_decode(void *state, const struct simd *simd, const uint8_t *payload, size_t bytes, int16_t *pcm)
{
    return decode_any(simd->alaw_decode, payload, bytes, pcm);
}

const struct codec codec_pcmu = {
    .id = CODEC_PCMU,
    .name = "PCMU",
    .static_pt = 0,
    .wire_channels = 1,
    .wire_clock_hz = 8000,
    .pcm_rate_hz = 8000,
    .encoder_init = no_state,
    .decoder_init = no_state,
    .encode = pcmu_encode,
    .decode = pcmu_decode,
    .samples = g711_samples,
};

const struct codec codec_pcma = {
    .id = CODEC_PCMA,
    .name = "PCMA",
    .static_pt = 8,
    .wire_channels = 1,
    .wire_clock_hz = 8000,
    .pcm_rate_hz = 8000,
    .encoder_init = no_state,
    .decoder_init = no_state,
    .encode = pcma_encode,
    .decode = pcma_decode,
    .samples = g711_samples,
};
