/* The table of codecs. See codec.h. */
#include "core/media/codec.h"
#include "core/media/codecs.h"

#include <strings.h>

static const struct codec *const table[CODECS] = {
    [CODEC_PCMU] = &codec_pcmu,
    [CODEC_PCMA] = &codec_pcma,
    [CODEC_G722] = &codec_g722,
    [CODEC_L16] = &codec_l16,
    [CODEC_OPUS] = &codec_opus,
};

const struct codec *codec_get(enum codec_id id)
{
    must(id < CODECS);
    return table[id];
}

const struct codec *codec_by_rtpmap(const char *name, uint32_t clock_hz, unsigned channels)
{
    for (unsigned i = 0; i < CODECS; i++) {
        const struct codec *c = table[i];
        bool clock_fits = c->wire_clock_hz ? clock_hz == c->wire_clock_hz || clock_hz == c->pcm_rate_hz
                                           : clock_hz == 8000 || clock_hz == 16000 || clock_hz == 48000;
        if (strcasecmp(name, c->name) == 0 && clock_fits && MAX(channels, 1u) <= c->wire_channels) {
            return c;
        }
    }
    return NULL;
}

const struct codec *codec_by_pt(uint8_t pt)
{
    for (unsigned i = 0; i < CODECS; i++) {
        if (table[i]->static_pt != PT_NONE && table[i]->static_pt == pt) {
            return table[i];
        }
    }
    return NULL;
}
