/* L16: big-endian linear samples, mono. @source RFC 3551 4.5.11 */
#include "core/media/codec.h"
#include "core/media/codecs.h"

#include <errno.h>

static int l16_init(void *state, const struct codec_cfg *cfg)
{
    return cfg->rate_hz == 8000 || cfg->rate_hz == 16000 || cfg->rate_hz == 48000 ? 0 : -EINVAL;
}

static int l16_encode(void *state, const struct simd *simd, const int16_t *pcm, size_t n, uint8_t *payload, size_t cap)
{
    must(2 * n <= cap);
    for (size_t i = 0; i < n; i++) {
        store_be16(payload + 2 * i, (uint16_t)pcm[i]);
    }
    return (int)(2 * n);
}

static int l16_samples(const struct codec_cfg *cfg, const uint8_t *payload, size_t bytes)
{
    return bytes && bytes % 2 == 0 && bytes <= PACKET_BYTES_MAX - 12 ? (int)(bytes / 2) : -EBADMSG;
}

static int l16_decode(void *state, const struct simd *simd, const uint8_t *payload, size_t bytes, int16_t *pcm)
{
    int n = l16_samples(NULL, payload, bytes);
    for (int i = 0; i < n; i++) {
        pcm[i] = (int16_t)load_be16(payload + 2 * i);
    }
    return n;
}

const struct codec codec_l16 = {
    .id = CODEC_L16,
    .name = "L16",
    .static_pt = PT_NONE, /* 10 and 11 are 44.1 kHz */
    .wire_channels = 1,
    .wire_clock_hz = 0,
    .encoder_init = l16_init,
    .decoder_init = l16_init,
    .encode = l16_encode,
    .decode = l16_decode,
    .samples = l16_samples,
};
