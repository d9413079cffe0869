/*
 * Silence, encoded once for a whole worker. An encoder that has had nothing but digital silence for a while (of a sole
 * talker, whose N-1 is empty; of listeners in a room without a talker) stops encoding: its legs are sent the packets
 * of a stream that all such encoders of the same settings share. When there is something to say again, the encoder goes
 * on with a copy of that stream's state, so that the decoder at the other end, which has followed the stream, notices
 * neither change. Codecs whose encoders have state and work alone (Opus). One worker's; hot but for the two at the top.
 */
#ifndef CORE_CONF_SILENCE_H
#define CORE_CONF_SILENCE_H

#include "core/base/mem.h"
#include "core/media/codec.h"

#define SILENCE_STREAMS 8 /* settings that differ; a leg that finds no place encodes for itself */

struct leg;

struct silence_stream {
    const struct codec *codec; /* NULL: never used */
    struct codec_cfg fmt;
    uint64_t tick; /* payload is this tick's */
    void *encoder;
    size_t bytes; /* 0: nothing is sent (DTX) */
    uint8_t payload[PACKET_BYTES_MAX];
};

struct silence_cache {
    uint64_t tick;
    struct silence_stream streams[SILENCE_STREAMS];
};

/** Bytes of arena that silence_cache_build will take. */
size_t silence_cache_arena_bytes(void);
COLD struct silence_cache *silence_cache_build(struct arena *arena);

/**
 * This tick's silence, if that leg's encoder may be at rest: it is counted how long it has had silence to encode.
 *
 * @param silence  [n] zeros
 * @param encoded  a frame was encoded for it: the stream's first user of this tick pays
 * @return NULL: encode it
 */
const struct silence_stream *silence_take(struct silence_cache *cache, struct leg *leg, const struct simd *simd,
                                          const int16_t *silence, size_t n, bool *encoded);

/** That leg's encoder has a frame to encode that is not silence: it goes on where the stream is. */
void silence_end(struct silence_cache *cache, struct leg *leg);

#endif
