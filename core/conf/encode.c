/* Encodes frames and sends the payloads to their legs. See encode.h. */
#include "core/conf/encode.h"

#include <string.h>

/* Encodes with this leg's encoder, or takes the shared silence. @return bytes of *payload */
static size_t encode(const struct mix_tools *t, struct leg *leg, bool protect, const int16_t *pcm, size_t n,
                     const uint8_t **payload)
{
    if (t->silence_cache && pcm == t->silence) {
        bool encoded;
        const struct silence_stream *stream = silence_take(t->silence_cache, leg, t->leg.simd, pcm, n, &encoded);
        if (stream) {
            count_add(encoded ? &t->leg.stats->encoded : &t->leg.stats->encode_shared, 1);
            *payload = stream->payload;
            return stream->bytes;
        }
    } else if (t->silence_cache) {
        silence_end(t->silence_cache, leg);
    }
    const struct codec *codec = leg->cfg.codec;
    if (codec->protect) {
        codec->protect(leg->enc.held->state, protect); /* each time: states are copied to and fro */
    }
    size_t cap = codec->id == CODEC_OPUS ? RTP_PAYLOAD_MAX : PAYLOAD_CAP;
    int bytes = codec->encode(leg->enc.held ? leg->enc.held->state : NULL, t->leg.simd, pcm, n, t->payload, cap);
    must(bytes >= 0);
    count_add(&t->leg.stats->encoded, 1);
    *payload = t->payload;
    return (size_t)bytes;
}

size_t leg_silence(struct leg *leg, const struct mix_tools *t, const uint8_t **payload)
{
    if (leg->cfg.codec->has_state) {
        return 0;
    }
    return encode(t, leg, false, t->silence, rate_frame_samples(leg->cfg.fmt.rate_hz), payload);
}

enum { STATE_BYTES_MAX = 1024 };

size_t leg_silence_alone(struct leg *leg, const struct mix_tools *t, const uint8_t **payload)
{
    static const uint8_t opus[] = {0xf8, 0xff, 0xfe}; /* 20 ms of nothing (RFC 6716 3.1: CELT, full band, mono) */
    const struct codec *codec = leg->cfg.codec;
    if (codec->id == CODEC_OPUS) {
        *payload = opus;
        return sizeof opus;
    }
    uint8_t state[STATE_BYTES_MAX] ALIGNED_LINE;
    must(!codec->has_state || codec->encoder_size() <= sizeof state);
    must(!codec->has_state || codec->encoder_init(state, &leg->cfg.fmt) == 0);
    int bytes = codec->encode(state, t->leg.simd, t->silence, rate_frame_samples(leg->cfg.fmt.rate_hz), t->payload,
                              PAYLOAD_CAP);
    must(bytes >= 0);
    *payload = t->payload;
    return (size_t)bytes;
}

/* Lists the contributing sources of what a leg hears, with the levels of their rows. */
static void contributors_list(struct contributors *who, const struct conf *conf, const struct leg *self)
{
    who->n = 0;
    for (uint32_t i = 0; i < conf->n_mixed && who->n < RTP_CSRC_MAX; i++) {
        const struct leg *leg = conf->mixed[i];
        if (leg != self && !leg->plays) {
            who->csrc[who->n] = leg->rx.source.ssrc;
            who->dbov[who->n++] = leg->talk.level_dbov;
        }
    }
}

/* Puts a payload into the relay for which the leg encodes. The frame is large: it stays off the other stacks. */
static __attribute__((noinline)) void relay_send(const struct conf *conf, const struct leg *leg, const uint8_t *payload,
                                                 size_t bytes, const struct contributors *who)
{
    struct relay_frame frame;
    frame.due_ns = conf->due_ns;
    frame.position = conf->position;
    frame.bytes = (uint32_t)bytes;
    frame.to_beat_dbov = conf->to_beat_dbov;
    frame.who = *who;
    relay_put(leg->cfg.relay, &frame, payload);
}

static void payload_send(const struct conf *conf, struct leg *leg, const struct mix_tools *t, const uint8_t *payload,
                         size_t bytes, const struct contributors *who)
{
    if (leg->cfg.relay) {
        relay_send(conf, leg, payload, bytes, who);
    } else {
        leg_tx(leg, t->box, payload, bytes, who);
    }
}

/* Sends a payload to the legs it was encoded for. */
static void job_send(const struct encode_job *job, const struct mix_tools *t, const uint8_t *payload, size_t bytes)
{
    struct leg **legs = job->conf->plan.legs + job->group->first;
    const struct leg *first = job->leg ? job->leg : legs[0];
    struct contributors who = {.n = 0};
    if (!first->tx.deaf) {
        contributors_list(&who, job->conf, job->leg);
    }
    if (job->leg) {
        payload_send(job->conf, job->leg, t, payload, bytes, &who);
        return;
    }
    for (uint32_t i = 0; i < job->group->count; i++) {
        fetch_ahead(job->group, legs, i, false);
        if (legs[i]->tx.on && !serves_alone(job->group, legs[i])) {
            payload_send(job->conf, legs[i], t, payload, bytes, &who);
        }
    }
}

void confs_encode(const struct mix_tools *t)
{
    struct encode_lanes *e = t->leg.lanes ? &t->leg.lanes->encode : NULL;
    if (!e || !e->n) {
        return;
    }
    stage_mark(t->watch, STAGE_MIX);
    int bytes = e->run(e->encoders, t->leg.simd, e->frames, e->n_samples, e->payloads, e->n);
    must(bytes > 0 && bytes <= LANE_PAYLOAD_MAX);
    count_add(&t->leg.stats->encoded, e->n);
    stage_mark(t->watch, STAGE_ENCODE);
    for (uint32_t i = 0; i < e->n; i++) {
        job_send(&e->jobs[i], t, e->payloads[i], (size_t)bytes);
    }
    stage_mark(t->watch, STAGE_SEAL);
    e->n = 0;
}

/* The encode waits for company, with a copy of its PCM. */
static void job_wait(const struct encode_job *job, const struct mix_tools *t, const struct leg *leg, const int16_t *pcm,
                     size_t n)
{
    struct encode_lanes *e = &t->leg.lanes->encode;
    codec_encode_many_fn run = leg->cfg.codec->encode_many;
    must(n <= LANE_SAMPLES_MAX);
    if (e->n && (e->run != run || e->n_samples != n)) {
        confs_encode(t);
    }
    memcpy(e->pcm[e->n], pcm, n * sizeof *pcm);
    e->run = run;
    e->n_samples = n;
    e->encoders[e->n] = leg->enc.held->state;
    e->jobs[e->n] = *job;
    if (++e->n == t->leg.lanes->max) {
        confs_encode(t);
    }
}

void encode_run(const struct encode_job *job, const struct mix_tools *t, struct leg *leg, const int16_t *pcm, size_t n)
{
    if (t->leg.lanes && leg->cfg.codec->encode_many) {
        job_wait(job, t, leg, pcm, n);
    } else {
        const uint8_t *payload;
        stage_mark(t->watch, STAGE_MIX);
        bool protect = job->leg ? leg->enc.protected : job->group->protects;
        size_t bytes = encode(t, leg, protect, pcm, n, &payload);
        stage_mark(t->watch, STAGE_ENCODE);
        job_send(job, t, payload, bytes);
        stage_mark(t->watch, STAGE_SEAL);
    }
}
