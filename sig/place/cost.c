/* What a leg costs. See cost.h. */
#include "sig/place/cost.h"

#define HEADERS_BYTES 40 /* RTP 12, UDP 8, IPv4 20 */
/* A second of G.722, both ways, in rooms of 2 to 100 with 600 to 1000 legs: 20 to 55 us with AVX-512, the mix with it.
 * AVX2 has half as many lanes, which costs up to 25 us more; and a third for lanes that stay empty. */
#define G722_US 100

/* A second of a voice in Opus: a decode a tick (20 us, 23 at 48 kHz) and an encode (93 and 111 us at complexity 5, a
 * third more with redundancy). libopus 1.3.1 has five sorts of effort. */
static uint32_t opus_voice_us(uint32_t rate_hz, unsigned complexity)
{
    bool is_wide = rate_hz > 16000;
    uint32_t percent = complexity <= 1   ? 45
                       : complexity <= 3 ? 85
                       : complexity <= 5 ? 100
                       : complexity <= 7 ? 160
                                         : 220;
    return (is_wide ? 1300 : 1100) + (is_wide ? 7700 : 6400) * percent / 100;
}

struct place_cost place_cost_of(enum codec_id codec, uint32_t rate_hz, unsigned ptime_ms, unsigned complexity)
{
    /* One packet each way 3.5 us with its share of the tick. An Opus listener is hardly decoded and shares an encode.
     */
    unsigned packets = 1000 / (ptime_ms ? ptime_ms : 20);
    uint32_t codec_us = codec == CODEC_OPUS   ? (rate_hz > 16000 ? 400 : 250)
                        : codec == CODEC_G722 ? G722_US
                                              : rate_hz / 400;
    uint32_t payload_bits = codec == CODEC_OPUS  ? (rate_hz > 16000 ? 32000 : 24000)
                            : codec == CODEC_L16 ? rate_hz * 16
                                                 : 64000; /* G.711 and G.722 */
    uint32_t bits = payload_bits + packets * HEADERS_BYTES * 8;
    uint32_t voice_us = codec == CODEC_OPUS ? opus_voice_us(rate_hz, complexity) : 0;
    return (struct place_cost){
        .cpu_us = packets * 7 / 2 + codec_us, .voice_us = voice_us, .kbps = 2 * ((bits + 999) / 1000)};
}

struct place_cost place_cost_sealed(struct place_cost plain, unsigned ptime_ms, unsigned mki_bytes)
{
    unsigned packets = 1000 / (ptime_ms ? ptime_ms : 20);
    plain.cpu_us += packets;
    plain.kbps += 2 * ((packets * (SEAL_RTP_BYTES + mki_bytes) * 8 + 999) / 1000);
    return plain;
}

struct place_cost place_cost_asleep(struct place_cost awake)
{
    enum { SHARE = 16 }; /* so many sessions for one that is heard or listens all the time */
    return (struct place_cost){
        .cpu_us = awake.cpu_us / SHARE, .kbps = awake.kbps / SHARE, .is_priority = awake.is_priority};
}

struct place_cost place_cost_media(const struct offer_media *media)
{
    struct place_cost cost =
        place_cost_of(media->codec->id, media->fmt.rate_hz, media->ptime_tx_ms, media->fmt.complexity);
    unsigned mki_bytes = MAX(media->seal.mki_rx.bytes, media->seal.mki_tx.bytes);
    return media->seal.suite == SEAL_NONE ? cost : place_cost_sealed(cost, media->ptime_tx_ms, mki_bytes);
}

struct place_cost place_cost_first(const struct offer_policy *policy)
{
    const struct offer_codec *c = &policy->codecs[0];
    return place_cost_of(c->id, c->rate_hz, 20, policy->opus_complexity);
}
