/*
 * The codecs: one explicit table, one file per codec. A codec works on PCM at the leg's rate in memory that its caller
 * holds, so states can be copied (a listener that starts to talk takes the shared encoder's state along).
 * Built and freed on the control side, run on a worker. Encode, decode and conceal take no heap.
 */
#ifndef CORE_MEDIA_CODEC_H
#define CORE_MEDIA_CODEC_H

#include "core/base/limits.h"
#include "simd/simd.h"

enum codec_id { CODEC_PCMU, CODEC_PCMA, CODEC_G722, CODEC_L16, CODEC_OPUS, CODECS };

#define PT_NONE 255 /* "not negotiated" */

/* Payload types, 0..127. Zero is the empty set. */
struct pt_set {
    uint64_t bits[2];
};

static inline bool pt_set_has(const struct pt_set *set, uint8_t pt)
{
    return pt < 128 && (set->bits[pt / 64] >> pt % 64 & 1);
}

static inline void pt_set_add(struct pt_set *set, uint8_t pt)
{
    set->bits[pt / 64 & 1] |= 1ull << pt % 64;
}

/* What offer/answer settled, a value. Zero plus rate_hz is a usable default for every codec. */
struct codec_cfg {
    uint32_t rate_hz; /* PCM rate of the leg: 8000, 16000 or 48000. pcm_rate_hz if the codec has one; L16: its clock */
    /* Opus, RFC 7587 6.1; what the peer asked of our sender */
    uint32_t bitrate_bps;        /* 0: 24000 at 16 kHz, 32000 at 48 kHz; from maxaveragebitrate */
    uint32_t max_playback_hz;    /* 0: 48000 */
    uint8_t complexity;          /* 0..10 */
    bool stereo;                 /* peer likes to receive stereo: we may still send mono, and do */
    bool sprop_stereo;           /* peer will probably send stereo: decoded to mono */
    bool fec, dtx, cbr;          /* useinbandfec, usedtx, cbr */
};

/**
 * One frame of n samples (padded rows, n <= LANE_SAMPLES_MAX) of each of n_channels encoders. No state may be given
 * twice. @return payload bytes of each, more than 0 and at most LANE_PAYLOAD_MAX
 */
typedef int (*codec_encode_many_fn)(void *const *encoders, const struct simd *simd, const int16_t *const *pcm, size_t n,
                                    uint8_t *const *payloads, size_t n_channels);

/**
 * One packet of so many bytes, which samples() accepts, for each of n_channels decoders. No state may be given twice.
 * @return samples of each, more than 0: nothing is refused here
 */
typedef int (*codec_decode_many_fn)(void *const *decoders, const struct simd *simd, const uint8_t *const *payloads,
                                    size_t bytes, int16_t *const *pcm, size_t n_channels);

struct codec {
    enum codec_id id;
    const char *name;         /* as in a=rtpmap, case-insensitive */
    uint8_t static_pt;        /* RFC 3551 table 4, PT_NONE: dynamic only */
    uint8_t wire_channels;    /* in a=rtpmap: 1, Opus always 2 */
    uint32_t wire_clock_hz;   /* RTP clock: 8000 (G.722 too), Opus always 48000, 0: equal to rate_hz (L16) */
    uint32_t pcm_rate_hz;     /* the one rate_hz that it works at; 0: any (L16, Opus) */
    int rest_peak;            /* what is left of silence after encoding and decoding it; no more is no sound */
    bool has_state;           /* encoder state matters: groups share by copying it */

    /** Bytes of a state; NULL: there is none. A state is flat and may be copied. */
    size_t (*encoder_size)(void);
    size_t (*decoder_size)(void);

    /** Writes a fresh state into memory of that size. @return 0 | -EINVAL: cfg does not fit the codec */
    int (*encoder_init)(void *encoder, const struct codec_cfg *cfg);
    int (*decoder_init)(void *decoder, const struct codec_cfg *cfg);

    /** Encodes one frame of n samples (padded row). @return payload bytes; 0: DTX, send nothing; negative: bug */
    int (*encode)(void *encoder, const struct simd *simd, const int16_t *pcm, size_t n, uint8_t *payload, size_t cap);

    /** Shall packets help out for lost ones before them, where its cfg allows that? Costs nothing; NULL: never do. */
    void (*protect)(void *encoder, bool on);

    /** Decodes a packet into pcm (room for PACKET_SAMPLES_MAX). @return samples | -EBADMSG, counted as DROP_DECODE */
    int (*decode)(void *decoder, const struct simd *simd, const uint8_t *payload, size_t bytes, int16_t *pcm);

    /** The same for many legs at once, bit for bit, where that costs less; NULL: it does not. */
    codec_encode_many_fn encode_many;
    codec_decode_many_fn decode_many;

    /** Samples that a packet decodes to, without decoding it. @return samples | -EBADMSG */
    int (*samples)(const struct codec_cfg *cfg, const uint8_t *payload, size_t bytes);

    /**
     * True when the sender's own encoder found no voice in this packet, which samples() accepts. NULL: the codec's
     * packets do not tell, or decoding costs as little as asking.
     */
    bool (*is_idle)(const uint8_t *payload, size_t bytes);

    /**
     * Makes up n samples for a lost packet; next (may be NULL) is the packet after it, whose in-band FEC may hold the
     * lost one. NULL: the codec has no concealment of its own and plc.h serves. @return samples | negative
     */
    int (*conceal)(void *decoder, const uint8_t *next, size_t next_bytes, int16_t *pcm, size_t n);
};

/** The table's entry. */
const struct codec *codec_get(enum codec_id id);

/**
 * Finds a codec by its rtpmap: name (any case), clock and channels (0: left out, means 1).
 * L16 is known at 8000, 16000 and 48000 Hz mono; others are unknown. Phones write more than the RFCs allow: Opus may
 * have fewer channels than RFC 7587 7 wants (its packets tell themselves, RFC 6716 3.1), and G.722 the rate that it
 * samples at instead of its RTP clock (RFC 3551 4.5.2). @return NULL if there is none
 */
const struct codec *codec_by_rtpmap(const char *name, uint32_t clock_hz, unsigned channels);

/** Finds a codec by its static payload type. @return NULL if dynamic or unknown */
const struct codec *codec_by_pt(uint8_t pt);

/** Do encoders of the same codec send the same for the same PCM, so that they can share one? */
static inline bool codec_same_encoder(const struct codec_cfg *x, const struct codec_cfg *y)
{
    return x->rate_hz == y->rate_hz && x->bitrate_bps == y->bitrate_bps && x->max_playback_hz == y->max_playback_hz &&
           x->complexity == y->complexity && x->fec == y->fec && x->dtx == y->dtx && x->cbr == y->cbr;
}

/** RTP clock of a configured codec. */
static inline uint32_t codec_clock_hz(const struct codec *c, const struct codec_cfg *cfg)
{
    return c->wire_clock_hz ? c->wire_clock_hz : cfg->rate_hz;
}

#endif
