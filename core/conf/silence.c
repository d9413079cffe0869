/* The shared silence. See silence.h. */
#include "core/conf/silence.h"

#include "core/conf/leg_run.h"

#include <string.h>

enum {
    SILENCE_FRAMES = 25,    /* so long has an encoder had silence before it rests: what it said has died away */
    STREAM_IDLE_TICKS = 500 /* a stream that has not been used for so long makes room for one of other settings */
};

static bool can_rest(const struct codec *codec)
{
    return codec->has_state && !codec->encode_many;
}

/* The largest encoder that may rest. */
static size_t encoder_bytes(void)
{
    size_t most = 0;
    for (unsigned id = 0; id < CODECS; id++) {
        const struct codec *codec = codec_get(id);
        most = can_rest(codec) ? MAX(most, codec->encoder_size()) : most;
    }
    return most;
}

size_t silence_cache_arena_bytes(void)
{
    return sizeof(struct silence_cache) + SILENCE_STREAMS * (encoder_bytes() + LINE_BYTES) + LINE_BYTES;
}

struct silence_cache *silence_cache_build(struct arena *arena)
{
    struct silence_cache *cache = arena_take(arena, sizeof *cache);
    size_t bytes = encoder_bytes();
    for (unsigned i = 0; i < SILENCE_STREAMS; i++) {
        cache->streams[i].encoder = arena_take(arena, bytes);
    }
    return cache;
}

static struct silence_stream *stream_find(struct silence_cache *cache, const struct leg *leg)
{
    for (unsigned i = 0; i < SILENCE_STREAMS; i++) {
        struct silence_stream *s = &cache->streams[i];
        if (s->codec == leg->cfg.codec && codec_same_encoder(&s->fmt, &leg->cfg.fmt)) {
            return s;
        }
    }
    return NULL;
}

/* A new stream goes on where this leg's encoder is: at rest. @return NULL: no place */
static struct silence_stream *stream_begin(struct silence_cache *cache, const struct leg *leg)
{
    for (unsigned i = 0; i < SILENCE_STREAMS; i++) {
        struct silence_stream *s = &cache->streams[i];
        if (!s->codec || cache->tick > s->tick + STREAM_IDLE_TICKS) {
            s->codec = leg->cfg.codec;
            s->fmt = leg->cfg.fmt;
            memcpy(s->encoder, leg->enc.held->state, s->codec->encoder_size());
            s->tick = cache->tick - 1;
            return s;
        }
    }
    return NULL;
}

const struct silence_stream *silence_take(struct silence_cache *cache, struct leg *leg, const struct simd *simd,
                                          const int16_t *silence, size_t n, bool *encoded)
{
    *encoded = false;
    if (!can_rest(leg->cfg.codec)) {
        return NULL;
    }
    if (leg->enc.silent_frames < SILENCE_FRAMES) {
        leg->enc.silent_frames++;
        return NULL;
    }
    struct silence_stream *s = stream_find(cache, leg);
    s = s ? s : stream_begin(cache, leg);
    leg->enc.at_rest = s;
    if (s && s->tick != cache->tick) {
        int bytes = s->codec->encode(s->encoder, simd, silence, n, s->payload, RTP_PAYLOAD_MAX);
        must(bytes >= 0);
        s->bytes = (size_t)bytes;
        s->tick = cache->tick;
        *encoded = true;
    }
    return s;
}

void silence_end(struct silence_cache *cache, struct leg *leg)
{
    const struct silence_stream *s = leg->enc.at_rest ? stream_find(cache, leg) : NULL;
    if (s) {
        memcpy(leg->enc.held->state, s->encoder, s->codec->encoder_size());
    }
    leg->enc.at_rest = false;
    leg->enc.silent_frames = 0;
}
