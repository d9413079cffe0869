/* The only file that includes spandsp. */
#include "bench/spandsp.h"
#include <spandsp.h>

static g722_encode_state_t *encoder_of(size_t channel)
{
    static g722_encode_state_t *encoders[32];
    if (!encoders[channel])
        encoders[channel] = g722_encode_init(NULL, 64000, 0);
    return encoders[channel];
}

static g722_decode_state_t *decoder_of(size_t channel)
{
    static g722_decode_state_t *decoders[32];
    if (!decoders[channel])
        decoders[channel] = g722_decode_init(NULL, 64000, 0);
    return decoders[channel];
}

void g722_encode_spandsp(struct g722_state *const *states, const int16_t *const *pcm, uint8_t *const *out,
                         size_t n_channels, size_t n)
{
    for (size_t i = 0; i < n_channels; i++)
        g722_encode(encoder_of(i), out[i], pcm[i], (int)n);
}

void g722_decode_spandsp(struct g722_state *const *states, const uint8_t *const *in, int16_t *const *out,
                         size_t n_channels, size_t n_bytes)
{
    for (size_t i = 0; i < n_channels; i++)
        g722_decode(decoder_of(i), out[i], in[i], (int)n_bytes);
}
