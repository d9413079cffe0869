/* What is said and how it is judged: marks and tones. See load.h. */
#include "tools/load/load.h"

#include "tools/ua/ua_tone.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum { OPUS_RATE_HZ = 16000, MARK_DIGITS = 8, MARK_DIGIT_VALUES = 16, WARM_FRAMES = 10 };

/* A digit of a mark is one sample: sign and one of eight sizes, further apart than A-law's coarsest step. */
#define MARK_LOW 3000
#define MARK_STEP 1500
#define MARK_SILENCE_MAX 64 /* A-law has no zero: each talker's silence adds 8 */

/* What a leg's own tone may be, and others may be off by. Opus at 24 kbit/s models a voice: several sines at once come
 * out bent, and the dirt of that is not the own voice, which would stand at 0 dB. */
#define OWN_MAX_DB (-40.0)
#define OWN_MAX_OPUS_DB (-25.0)
#define OTHER_WITHIN_DB 1.0
#define OTHER_WITHIN_OPUS_DB 3.0

/* A mark is who (3 bits) and when (29 bits of microseconds). What is older than half a second is no mark. */
#define MARK_WHO_SHIFT 29
#define MARK_TIME ((1u << MARK_WHO_SHIFT) - 1)
#define MARK_LIFE_US 500000
enum { EAR_TRIES = 3 };
static_assert(LOAD_TALKERS_MAX <= 8, "three bits tell who");

/* As ua_tone.h wants them; no sum, difference or multiple of them is another. */
static const double tones_hz[LOAD_TALKERS_MAX] = { 440, 780, 1340, 2060, 2710, 3140, 610, 1690 };

static int16_t digit_pcm(unsigned digit)
{
    int size = MARK_LOW + (int)(digit & 7) * MARK_STEP;
    return (int16_t)(digit & 8 ? -size : size);
}

/* @return the digit, -1: none of ours */
static int digit_of(int16_t pcm)
{
    int size = abs(pcm) - MARK_LOW + MARK_STEP / 2;
    if (size < 0 || size >= MARK_STEP * MARK_DIGIT_VALUES / 2) {
        return -1;
    }
    return size / MARK_STEP | (pcm < 0 ? 8 : 0);
}

static int codec_open(struct load_codec *c, const char *name)
{
    int err = offer_policy_read(&c->policy, name, OPUS_RATE_HZ);
    if (err) {
        return err;
    }
    c->policy.family = AF_INET;
    c->policy.opus_complexity = 5;
    c->codec = codec_get(c->policy.codecs[0].id);
    c->fmt = (struct codec_cfg){ .rate_hz = c->policy.codecs[0].rate_hz, .complexity = 5, .bitrate_bps = 24000 };
    c->samples = c->fmt.rate_hz / 1000 * TICK_MS;
    c->clock = codec_clock_hz(c->codec, &c->fmt) / 1000 * TICK_MS;
    c->voices = calloc(LOAD_TALKERS_MAX + 1, sizeof *c->voices);
    return c->voices ? 0 : -ENOMEM;
}

/* Encodes the loops: one to warm the encoder up, one to keep. */
static int voices_make(struct load *load, struct load_codec *c)
{
    int16_t pcm[FRAME_SAMPLES_MAX] ALIGNED_LINE;
    uint8_t payload[PACKET_STRIDE_BYTES] ALIGNED_LINE;
    void *encoder = calloc(1, c->codec->encoder_size ? c->codec->encoder_size() : 1);
    int err = encoder ? 0 : -ENOMEM;
    for (unsigned voice = 0; voice <= LOAD_TALKERS_MAX && !err; voice++) {
        struct tone tone = { .hz = voice < load->cfg->talkers && !load->marks ? tones_hz[voice] : 0,
                             .dbfs = LOAD_TONE_DBFS };
        err = c->codec->encoder_init ? c->codec->encoder_init(encoder, &c->fmt) : 0;
        for (unsigned i = 0; i < 2 * LOAD_LOOP && !err; i++) {
            tone_make(&tone, c->fmt.rate_hz, pcm, c->samples);
            int n = c->codec->encode(encoder, load->simd, pcm, c->samples, payload, PACKET_BYTES_MAX);
            if (n < 0 || n > LOAD_PAYLOAD_MAX) {
                err = -E2BIG;
                break;
            }
            uint64_t squares;
            load->simd->level(pcm, c->samples, &squares);
            c->level_dbov[voice][i % LOAD_LOOP] = level_dbov(squares, c->samples);
            c->bytes[voice][i % LOAD_LOOP] = (uint16_t)n;
            memcpy(c->voices[voice][i % LOAD_LOOP], payload, (size_t)n);
        }
    }
    free(encoder);
    return err;
}

int load_voice_open(struct load *load)
{
    static const struct {
        const char *name, *codecs[LOAD_CODECS];
    } choices[] = { { "pcmu", { "PCMU" } },
                    { "pcma", { "PCMA" } },
                    { "g722", { "G722" } },
                    { "l16", { "L16/16000" } },
                    { "opus", { "opus" } },
                    { "mixed", { "PCMU", "PCMA", "opus", "L16/16000" } } };
    for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
        if (!scan_same(choices[i].name, load->cfg->codec)) {
            continue;
        }
        for (; load->n_codecs < LOAD_CODECS && choices[i].codecs[load->n_codecs]; load->n_codecs++) {
            int err = codec_open(&load->codecs[load->n_codecs], choices[i].codecs[load->n_codecs]);
            if (err) {
                return err;
            }
            load->codecs[load->n_codecs].policy.levels = load->cfg->levels ? OFFER_LEVELS_TALKER : OFFER_LEVELS_OFF;
            load->codecs[load->n_codecs].policy.srtp = load->cfg->srtp;
            load->codecs[load->n_codecs].policy.srtp_only = load->cfg->srtp_only;
        }
        load->marks = load->n_codecs == 1 && !load->codecs[0].codec->has_state; /* a mark survives PCM only */
        load->heard.own_worst_db = TONE_SILENT_DB;
        for (unsigned k = 0; k < load->n_codecs; k++) {
            int err = voices_make(load, &load->codecs[k]);
            if (err) {
                return err;
            }
        }
        return 0;
    }
    return -EINVAL;
}

void load_voice_close(struct load *load)
{
    for (unsigned i = 0; i < load->n_codecs; i++) {
        free(load->codecs[i].voices);
    }
}

/* ---- marks ---- */

static unsigned stretch_samples(const struct load *load, const struct load_codec *c)
{
    return c->samples / MAX(load->cfg->talkers, 1u) / MARK_DIGITS * MARK_DIGITS;
}

/* Fills the talker's stretch with the mark, over and over: loud enough to be a voice. */
static size_t mark_write(struct load *load, struct load_leg *leg, uint32_t mark, uint8_t *dbov)
{
    int16_t pcm[FRAME_SAMPLES_MAX] ALIGNED_LINE = { 0 };
    const struct load_codec *c = leg->codec;
    unsigned n = stretch_samples(load, c);
    for (unsigned i = 0; i < n; i++) {
        pcm[leg->member * n + i] = digit_pcm(mark >> 4 * (i % MARK_DIGITS) & 15);
    }
    uint64_t squares;
    load->simd->level(pcm, c->samples, &squares);
    *dbov = level_dbov(squares, c->samples);
    return (size_t)c->codec->encode(NULL, load->simd, pcm, c->samples, leg->payload, sizeof leg->payload);
}

/* @return true: a mark of that talker; age_us says how old */
static bool mark_read(const int16_t *pcm, unsigned talker, uint64_t now_ns, uint32_t *age_us)
{
    uint32_t mark = 0;
    for (unsigned i = 0; i < MARK_DIGITS; i++) {
        int digit = digit_of(pcm[i]);
        if (digit < 0) {
            return false;
        }
        mark |= (uint32_t)digit << 4 * i;
    }
    *age_us = ((uint32_t)(now_ns / 1000) - mark) & MARK_TIME;
    return mark >> MARK_WHO_SHIFT == talker && *age_us < MARK_LIFE_US;
}

static bool is_silent(const int16_t *pcm, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (abs(pcm[i]) > MARK_SILENCE_MAX) {
            return false;
        }
    }
    return true;
}

static void marks_hear(struct load *load, struct load_leg *leg, const int16_t *pcm, uint64_t now_ns)
{
    struct load_heard *h = &load->heard;
    unsigned n = stretch_samples(load, leg->codec);
    for (unsigned t = 0; t < load->cfg->talkers; t++) {
        uint32_t age_us;
        bool own = leg->member == t;
        bool reflects = load->cfg->raw && !load->cfg->legs_at[0]; /* then only the own voice comes back */
        if (reflects ? !own : load->cfg->room < 2) {
            continue;
        }
        if (load->legs[leg->room * load->cfg->room + t].state != LOAD_UP) {
            continue; /* was not let in */
        }
        bool there = mark_read(pcm + t * n, t, now_ns, &age_us);
        h->checked++;
        if (own && !reflects) {
            /* Sound that is no mark is what the server made up for somebody's late packet. */
            h->own_heard += there;
            h->made_up += !there && !is_silent(pcm + t * n, n);
        } else if (!there) {
            h->other_missing += is_silent(pcm + t * n, n);
            h->made_up += !is_silent(pcm + t * n, n);
        } else {
            uint32_t bucket = MIN(age_us / 100, LOAD_DELAY_BUCKETS - 1u);
            (load->after_stall ? h->delay_after_100us : h->delay_100us)[bucket]++;
        }
    }
    h->listened += !leg->ear.is_done;
    leg->ear.is_done = true;
}

/* ---- tones ---- */

/* @return how many tones are not as they must be; told: into the figures */
static unsigned ear_judge(struct load *load, struct load_leg *leg, bool told)
{
    struct load_heard *h = &load->heard;
    const struct load_codec *c = leg->codec;
    size_t n = (size_t)LOAD_LOOP * c->samples;
    bool opus = load->n_codecs > 1 || c->codec->id == CODEC_OPUS;
    unsigned n_wrong = 0;
    for (unsigned t = 0; t < load->cfg->talkers; t++) {
        bool own = leg->member == t;
        double db = tone_level(leg->ear.pcm, n, c->fmt.rate_hz, tones_hz[t]) - LOAD_TONE_DBFS;
        double limit_db = own ? (opus ? OWN_MAX_OPUS_DB : OWN_MAX_DB) : opus ? OTHER_WITHIN_OPUS_DB : OTHER_WITHIN_DB;
        bool wrong = own ? db > limit_db : fabs(db) > limit_db;
        n_wrong += wrong;
        if (!told) {
            continue;
        }
        h->checked++;
        if (own) {
            h->own_heard += wrong;
            h->own_worst_db = MAX(h->own_worst_db, db);
        } else {
            h->other_missing += wrong;
            h->other_worst_db = fabs(db) > fabs(h->other_worst_db) ? db : h->other_worst_db;
        }
    }
    h->listened += told;
    return n_wrong;
}

/* Legs are listened to in turn over the whole window, so that decoding never bunches up. */
static bool is_ear_due(const struct load *load, const struct load_leg *leg, uint64_t now_ns)
{
    uint64_t span_ns = (load->measure_end_ns - load->measure_ns) / 3; /* time enough to listen again */
    uint64_t i_leg = (uint64_t)(leg - load->legs);
    return load->measuring && now_ns >= load->measure_ns + span_ns * i_leg / load->cfg->calls;
}

static void ear_begin(struct load_leg *leg)
{
    const struct load_codec *c = leg->codec;
    leg->ear.pcm = calloc((size_t)LOAD_LOOP * c->samples, sizeof *leg->ear.pcm);
    leg->ear.decoder = calloc(1, c->codec->decoder_size ? c->codec->decoder_size() : 1);
    must(leg->ear.pcm && leg->ear.decoder);
    if (c->codec->decoder_init) {
        c->codec->decoder_init(leg->ear.decoder, &c->fmt);
    }
}

static void tones_hear(struct load *load, struct load_leg *leg, const int16_t *pcm)
{
    struct load_ear *ear = &leg->ear;
    if (ear->n_frames >= WARM_FRAMES) {
        memcpy(ear->pcm + (size_t)(ear->n_frames - WARM_FRAMES) * leg->codec->samples, pcm,
               leg->codec->samples * sizeof *pcm);
    }
    if (++ear->n_frames == WARM_FRAMES + LOAD_LOOP) {
        ear->n_tries++;
        if (ear->n_tries < EAR_TRIES && ear_judge(load, leg, false) > 0) {
            ear->n_frames = WARM_FRAMES; /* a late packet does that; what is truly wrong is wrong again */
            return;
        }
        ear_judge(load, leg, true);
        free(ear->pcm);
        free(ear->decoder);
        *ear = (struct load_ear){ .is_done = true };
    }
}

/* ---- both ---- */

size_t load_voice_say(struct load *load, struct load_leg *leg, uint64_t now_ns, const uint8_t **payload, uint8_t *dbov)
{
    const struct load_codec *c = leg->codec;
    bool talks = leg->member < load->cfg->talkers;
    if (load->marks && talks) {
        *payload = leg->payload;
        return mark_write(load, leg, ((uint32_t)(now_ns / 1000) & MARK_TIME) | leg->member << MARK_WHO_SHIFT, dbov);
    }
    unsigned voice = talks ? leg->member : LOAD_TALKERS_MAX, i = leg->n_tx % LOAD_LOOP;
    *payload = c->voices[voice][i];
    *dbov = c->level_dbov[voice][i];
    return c->bytes[voice][i];
}

void load_voice_hear(struct load *load, struct load_leg *leg, const struct rtp *rtp, uint64_t now_ns)
{
    int16_t pcm[PACKET_SAMPLES_MAX] ALIGNED_LINE;
    const struct load_codec *c = leg->codec;
    if (!load->marks) {
        if (leg->ear.is_done || !is_ear_due(load, leg, now_ns)) {
            return;
        }
        if (!leg->ear.pcm) {
            ear_begin(leg);
        }
    }
    int n = c->codec->decode(leg->ear.decoder, load->simd, rtp->payload, rtp->bytes, pcm);
    if (n != (int)c->samples) {
        load->heard.other_missing++;
    } else if (load->marks) {
        marks_hear(load, leg, pcm, now_ns);
    } else {
        tones_hear(load, leg, pcm);
    }
}
