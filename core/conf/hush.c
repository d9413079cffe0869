/* The shared silence. See hush.h. */
#include "core/conf/hush.h"

#include "core/conf/leg_run.h"

#include <string.h>

enum {
    HUSH_FRAMES = 25,       /* so long has an encoder had silence before it rests: what it said has died away */
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

size_t hush_arena_bytes(void)
{
    return sizeof(struct hush) + HUSH_STREAMS * (encoder_bytes() + LINE_BYTES) + LINE_BYTES;
}

struct hush *hush_build(struct arena *arena)
{
    struct hush *hush = arena_take(arena, sizeof *hush);
    size_t bytes = encoder_bytes();
    for (unsigned i = 0; i < HUSH_STREAMS; i++) {
        hush->streams[i].encoder = arena_take(arena, bytes);
    }
    return hush;
}

static struct hush_stream *stream_find(struct hush *hush, const struct leg *leg)
{
    for (unsigned i = 0; i < HUSH_STREAMS; i++) {
        struct hush_stream *s = &hush->streams[i];
        if (s->codec == leg->cfg.codec && codec_same_encoder(&s->fmt, &leg->cfg.fmt)) {
            return s;
        }
    }
    return NULL;
}

/* A new stream goes on where this leg's encoder is: at rest. @return NULL: no place */
static struct hush_stream *stream_begin(struct hush *hush, const struct leg *leg)
{
    for (unsigned i = 0; i < HUSH_STREAMS; i++) {
        struct hush_stream *s = &hush->streams[i];
        if (!s->codec || hush->tick > s->tick + STREAM_IDLE_TICKS) {
            s->codec = leg->cfg.codec;
            s->fmt = leg->cfg.fmt;
            memcpy(s->encoder, leg->enc.held->state, s->codec->encoder_size());
            s->tick = hush->tick - 1;
            return s;
        }
    }
    return NULL;
}

const struct hush_stream *hush_take(struct hush *hush, struct leg *leg, const struct simd *simd, const int16_t *silence,
                                    size_t n, bool *encoded)
{
    *encoded = false;
    if (!can_rest(leg->cfg.codec)) {
        return NULL;
    }
    if (leg->enc.silent_frames < HUSH_FRAMES) {
        leg->enc.silent_frames++;
        return NULL;
    }
    struct hush_stream *s = stream_find(hush, leg);
    s = s ? s : stream_begin(hush, leg);
    leg->enc.at_rest = s;
    if (s && s->tick != hush->tick) {
        int bytes = s->codec->encode(s->encoder, simd, silence, n, s->payload, RTP_PAYLOAD_MAX);
        must(bytes >= 0);
        s->bytes = (size_t)bytes;
        s->tick = hush->tick;
        *encoded = true;
    }
    return s;
}

void hush_end(struct hush *hush, struct leg *leg)
{
    const struct hush_stream *s = leg->enc.at_rest ? stream_find(hush, leg) : NULL;
    if (s) {
        memcpy(leg->enc.held->state, s->encoder, s->codec->encoder_size());
    }
    leg->enc.at_rest = false;
    leg->enc.silent_frames = 0;
}
