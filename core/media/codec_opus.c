/*
 * Opus by libopus: the only file that includes it. States are flat and live in the caller's memory, so that a listener
 * that starts to talk takes the shared encoder's state along by memcpy (opus.h: "can be freely copied"). We decode and
 * encode at the leg's PCM rate, mono; the RTP clock is 48 kHz whatever happens inside. @source RFC 6716, RFC 7587
 */
#include "core/media/codec.h"
#include "core/media/codecs.h"

#include <errno.h>
#include <opus/opus.h>

enum {
    EXPECTED_LOSS_PERCENT = 10,
    TOC_ONLY_BYTES = 2,
    FRAMES_MAX = 48,     /* in a packet, RFC 6716 3.2.5 */
    CONFIG_CELT = 16,    /* the first configuration without SILK, RFC 6716 table 2 */
    CELT_IDLE_BYTES = 8, /* so little holds no voice */
};

static int rate_fits(uint32_t rate_hz)
{
    return rate_hz == 8000 || rate_hz == 16000 || rate_hz == 48000;
}

static opus_int32 bandwidth_for(const struct codec_cfg *cfg)
{
    uint32_t hz = cfg->max_playback_hz ? MIN(cfg->max_playback_hz, cfg->rate_hz) : cfg->rate_hz;
    return hz <= 8000    ? OPUS_BANDWIDTH_NARROWBAND
           : hz <= 12000 ? OPUS_BANDWIDTH_MEDIUMBAND
           : hz <= 16000 ? OPUS_BANDWIDTH_WIDEBAND
           : hz <= 24000 ? OPUS_BANDWIDTH_SUPERWIDEBAND
                         : OPUS_BANDWIDTH_FULLBAND;
}

/* The redundancy is bits that the voice itself could use, and a third of the encoder's time. */
static void protect(void *encoder, bool on)
{
    opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(on ? EXPECTED_LOSS_PERCENT : 0));
}

static int encoder_init(void *encoder, const struct codec_cfg *cfg)
{
    if (!rate_fits(cfg->rate_hz) ||
        opus_encoder_init(encoder, (opus_int32)cfg->rate_hz, 1, OPUS_APPLICATION_VOIP) != OPUS_OK) {
        return -EINVAL;
    }
    uint32_t usual_bps = cfg->rate_hz == 48000 ? 32000 : 24000;
    uint32_t bitrate_bps = cfg->bitrate_bps ? CLAMP(cfg->bitrate_bps, 6000u, 128000u) : usual_bps;
    opus_encoder_ctl(encoder, OPUS_SET_BITRATE((opus_int32)bitrate_bps));
    opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY(cfg->complexity));
    opus_encoder_ctl(encoder, OPUS_SET_MAX_BANDWIDTH(bandwidth_for(cfg)));
    opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
    opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(cfg->fec));
    protect(encoder, cfg->fec);
    opus_encoder_ctl(encoder, OPUS_SET_DTX(cfg->dtx));
    opus_encoder_ctl(encoder, OPUS_SET_VBR(!cfg->cbr));
    return 0;
}

static int decoder_init(void *decoder, const struct codec_cfg *cfg)
{
    bool ok = rate_fits(cfg->rate_hz) && opus_decoder_init(decoder, (opus_int32)cfg->rate_hz, 1) == OPUS_OK;
    return ok ? 0 : -EINVAL;
}

static int encode(void *encoder, const struct simd *simd, const int16_t *pcm, size_t n, uint8_t *payload, size_t cap)
{
    int bytes = opus_encode(encoder, pcm, (int)n, payload, (opus_int32)cap);
    must(bytes > 0);
    return bytes <= TOC_ONLY_BYTES ? 0 : bytes;
}

static int packet_samples(const struct codec_cfg *cfg, const uint8_t *payload, size_t bytes)
{
    if (bytes == 0 || bytes > PACKET_BYTES_MAX) {
        return -EBADMSG;
    }
    int n = opus_packet_get_nb_samples(payload, (opus_int32)bytes, (opus_int32)cfg->rate_hz);
    return n > 0 ? n : -EBADMSG;
}

/*
 * Frames of SILK begin with a voice activity bit for each 20 ms, or for the 10 ms that it has: equally likely symbols,
 * which the range coder writes as they are, most significant bit first. In stereo the side channel's follow after the
 * middle's and its LBRR flag. Hybrid frames are 10 or 20 ms. @source RFC 6716 4.2.3, 4.1.3.3
 */
static uint8_t activity_mask(uint8_t toc)
{
    static const uint8_t silk_bits[] = {1, 1, 2, 3}; /* 10, 20, 40, 60 ms */
    unsigned config = toc >> 3, n = config < 12 ? silk_bits[config & 3] : 1;
    unsigned mid = 0xff00u >> n & 0xff;
    return (uint8_t)(toc & 4 ? mid | mid >> (n + 1) : mid);
}

static bool is_idle(const uint8_t *payload, size_t bytes)
{
    const unsigned char *frames[FRAMES_MAX];
    opus_int16 sizes[FRAMES_MAX];
    unsigned char toc;
    int n = opus_packet_parse(payload, (opus_int32)bytes, &toc, frames, sizes, NULL);
    bool celt = n > 0 && toc >> 3 >= CONFIG_CELT;
    for (int i = 0; i < n; i++) {
        bool active = celt ? sizes[i] > CELT_IDLE_BYTES : sizes[i] > 1 && frames[i][0] & activity_mask(toc);
        if (active) {
            return false;
        }
    }
    return n > 0;
}

static int decode(void *decoder, const struct simd *simd, const uint8_t *payload, size_t bytes, int16_t *pcm)
{
    int n = bytes ? opus_decode(decoder, payload, (opus_int32)bytes, pcm, PACKET_SAMPLES_MAX, 0) : -1;
    return n > 0 ? n : -EBADMSG;
}

static int conceal(void *decoder, const uint8_t *next, size_t next_bytes, int16_t *pcm, size_t n)
{
    int made = -1;
    if (next && next_bytes) {
        made = opus_decode(decoder, next, (opus_int32)next_bytes, pcm, (int)n, 1);
    }
    if (made <= 0) {
        made = opus_decode(decoder, NULL, 0, pcm, (int)n, 0);
    }
    return made > 0 ? made : -EBADMSG;
}

static size_t encoder_size(void)
{
    return (size_t)opus_encoder_get_size(1);
}
static size_t decoder_size(void)
{
    return (size_t)opus_decoder_get_size(1);
}

const struct codec codec_opus = {
    .id = CODEC_OPUS,
    .name = "opus",
    .static_pt = PT_NONE,
    .wire_channels = 2,
    .wire_clock_hz = 48000,
    .rest_peak = 1,
    .has_state = true,
    .encoder_size = encoder_size,
    .decoder_size = decoder_size,
    .encoder_init = encoder_init,
    .decoder_init = decoder_init,
    .encode = encode,
    .protect = protect,
    .decode = decode,
    .samples = packet_samples,
    .is_idle = is_idle,
    .conceal = conceal,
};
