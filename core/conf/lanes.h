/*
 * Work for codecs that take many channels at once (codec.h: encode_many, decode_many): what the conferences of a pull
 * have to decode, and later to encode, waits here until the lanes are full or nothing more can come. Every lane has the
 * same function and length: another kind sends on its way what waits. leg_frame.c fills and empties the decode side,
 * encode.c the encode side. Scratch of one worker; empty between beats.
 */
#ifndef CORE_CONF_LANES_H
#define CORE_CONF_LANES_H

#include "core/media/codec.h"
#include "core/media/jbuf.h"

struct conf;
struct group;
struct leg;

/* A leg's packet; given back after the decode. */
struct decode_job {
    struct leg *leg;
    struct jbuf_packet packet;
};

struct decode_lanes {
    codec_decode_many_fn run; /* of all that wait */
    size_t bytes;             /* of each packet */
    uint32_t n;
    void *decoders[LANES_MAX];
    const uint8_t *payloads[LANES_MAX];
    int16_t *rows[LANES_MAX];
    struct decode_job jobs[LANES_MAX];
};

/* The legs that get the payload: one that encodes for itself, or the listeners of a group. */
struct encode_job {
    const struct conf *conf;
    const struct group *group;
    struct leg *leg; /* NULL: the group's listeners */
};

struct encode_lanes {
    codec_encode_many_fn run; /* of all that wait */
    size_t n_samples;         /* of each frame */
    uint32_t n;
    void *encoders[LANES_MAX];
    const int16_t *frames[LANES_MAX]; /* into pcm */
    uint8_t *payloads[LANES_MAX];     /* into bytes */
    struct encode_job jobs[LANES_MAX];
    int16_t pcm[LANES_MAX][LANE_SAMPLES_MAX] ALIGNED_LINE;
    uint8_t bytes[LANES_MAX][LANE_PAYLOAD_MAX] ALIGNED_LINE;
};

struct lanes {
    uint32_t max; /* lanes in use, 1 to LANES_MAX; tests choose fewer */
    struct decode_lanes decode;
    struct encode_lanes encode;
};

/** Makes zeroed, line-aligned memory ready for use. @param max  1 to LANES_MAX: full means so many */
static inline void lanes_init(struct lanes *lanes, uint32_t max)
{
    must(max >= 1 && max <= LANES_MAX);
    lanes->max = max;
    lanes->decode.n = lanes->encode.n = 0;
    for (uint32_t i = 0; i < LANES_MAX; i++) {
        lanes->encode.frames[i] = lanes->encode.pcm[i];
        lanes->encode.payloads[i] = lanes->encode.bytes[i];
    }
}

#endif
