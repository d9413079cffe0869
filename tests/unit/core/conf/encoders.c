/*
 * A conference's encoders: fewer than its legs, and nobody waits for one. A hall of many Opus legs is driven tick by
 * tick, with talkers that change all the time, legs that come, leave, go on hold or deaf. After each tick the encoders
 * are counted, and everybody who should has got exactly one packet. Where only one voice is in what a leg hears, its
 * packets are those of one encoder of its own, byte for byte, also while it talks with an encoder that was another's.
 * At the end nothing is left over (the sanitizer's leak check).
 */
#include "tests/test_desk.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

enum { LEGS_MAX = 64, FRAME = 320, TX_MAX = 128, LOOP = 50, TALKERS = 3 };

struct hall {
    struct desk desk;
    struct conf *conf;
    struct leg *legs[LEGS_MAX];
    unsigned n_legs; /* places in legs, some empty */
    uint16_t seq[LEGS_MAX], seq_next[LEGS_MAX];
    bool talks[LEGS_MAX], sent_before[LEGS_MAX];
    unsigned n_returned; /* encoders */
    uint64_t now_ns;
    uint32_t draws;
};

/* What anybody says: a loop of speech-like noise, encoded once. */
static struct {
    int16_t pcm[LOOP][FRAME];
    uint8_t opus[LOOP][1500];
    int bytes[LOOP];
} voice;

static uint32_t draw(struct hall *h, uint32_t below)
{
    h->draws = h->draws * 1664525u + 1013904223u;
    return (h->draws >> 8) % below;
}

static struct codec_cfg fmt_of(uint32_t bitrate_bps)
{
    return (struct codec_cfg){.rate_hz = 16000, .bitrate_bps = bitrate_bps};
}

static void voice_make(void)
{
    const struct codec *codec = codec_get(CODEC_OPUS);
    struct codec_cfg fmt = fmt_of(0);
    void *encoder = mem_get(codec->encoder_size());
    uint32_t noise = 1;
    int32_t low = 0;
    assert_int_equal(codec->encoder_init(encoder, &fmt), 0);
    for (unsigned f = 0; f < LOOP; f++) {
        for (unsigned i = 0; i < FRAME; i++) {
            noise = noise * 1664525u + 1013904223u;
            low += ((int16_t)(noise >> 16) / 2 - low) / 4;
            voice.pcm[f][i] = (int16_t)low;
        }
        voice.bytes[f] = codec->encode(encoder, simd_pick(SIMD_ALL), voice.pcm[f], FRAME, voice.opus[f], 1500);
        assert_true(voice.bytes[f] > 0);
    }
    mem_put(encoder);
}

static void hall_open(struct hall *h, uint32_t talkers)
{
    memset(h, 0, sizeof *h);
    desk_open(&h->desk, 0);
    struct conf_cfg conf = {.legs_max = LEGS_MAX, .talkers = talkers};
    assert_int_equal(conf_build(&h->conf, &conf), 0);
    h->draws = 7;
}

static void leg_enter(struct hall *h, unsigned i, enum codec_id id, struct codec_cfg fmt)
{
    struct leg_cfg cfg = desk_leg(id, fmt.rate_hz, i + 1);
    cfg.fmt = fmt;
    h->legs[i] = desk_seat(&h->desk, h->conf, &cfg, i);
    h->n_legs = MAX(h->n_legs, i + 1);
    h->talks[i] = h->sent_before[i] = false;
    h->seq[i] = 0;
}

static void leg_leave(struct hall *h, unsigned i)
{
    desk_leave(h->legs[i]);
    leg_free(h->legs[i]);
    h->legs[i] = NULL;
}

static void hall_close(struct hall *h)
{
    for (unsigned i = 0; i < h->n_legs; i++) {
        if (h->legs[i]) {
            leg_leave(h, i);
        }
    }
    conf_free(h->conf);
    desk_close(&h->desk);
}

/* As signalling asks for it between two ticks. */
static void leg_set_deaf(struct hall *h, unsigned i, bool deaf)
{
    conf_leg_apart(h->conf, h->legs[i]);
    h->legs[i]->tx.deaf = deaf;
    h->conf->changed = true;
}

static void everybody_got_one(struct hall *h)
{
    unsigned n_got[LEGS_MAX] = {0};
    for (uint32_t k = 0; k < h->desk.box.n; k++) {
        struct rtp rtp;
        unsigned i = h->desk.box.packets[k].slot / 2;
        assert_int_equal(rtp_parse(h->desk.box.packets[k].buf, h->desk.box.packets[k].bytes, &rtp), DROP_NONE);
        assert_true(!h->sent_before[i] || rtp.seq == h->seq_next[i]);
        h->seq_next[i] = (uint16_t)(rtp.seq + 1);
        h->sent_before[i] = true;
        n_got[i]++;
    }
    for (unsigned i = 0; i < h->n_legs; i++) {
        assert_int_equal(n_got[i], h->legs[i] && h->legs[i]->tx.on);
    }
}

static void encoders_add_up(const struct hall *h, enum codec_id id)
{
    const struct encoders *all = &h->conf->encoders[id];
    uint32_t n_held = 0, n_spare = 0, n_legs = 0;
    for (unsigned i = 0; i < h->n_legs; i++) {
        const struct leg *leg = h->legs[i];
        if (!leg || leg->cfg.codec->id != id) {
            continue;
        }
        assert_int_equal(leg->enc.held != NULL, leg->enc.share != SHARE_USES);
        assert_false(leg_is_mixed(leg) && leg->tx.on && leg->enc.share > SHARE_APART);
        n_held += leg->enc.share >= SHARE_APART && leg->enc.held;
        n_legs += leg->enc.share >= SHARE_APART;
    }
    for (const struct encoder *e = all->spare; e; e = e->next) {
        n_spare++;
    }
    assert_int_equal(all->n_spare, n_spare);
    assert_int_equal(all->n, n_held + n_spare);
    assert_int_equal(all->n_legs, n_legs);
    uint32_t n_needed = h->conf->cfg.talkers;
    for (uint32_t g = 0; g < h->conf->plan.n_groups; g++) {
        n_needed += !h->conf->plan.groups[g].solo;
    }
    assert_true(all->n >= (h->conf->cfg.talkers ? MIN(n_legs, n_needed) : n_legs));
}

/* One tick, in which those who talk send frame f of the voice; all who talk are Opus legs. */
static void tick(struct hall *h, unsigned f)
{
    static uint8_t bufs[LEGS_MAX][PACKET_STRIDE_BYTES];
    for (unsigned i = 0; i < h->n_legs; i++) {
        if (h->legs[i] && h->talks[i]) {
            size_t head = rtp_write(bufs[i], 96, false, h->seq[i], h->seq[i] * 960u, 1000 + i, NULL, 0);
            memcpy(bufs[i] + head, voice.opus[f % LOOP], (size_t)voice.bytes[f % LOOP]);
            h->seq[i]++;
            leg_rx_rtp(h->legs[i], bufs[i], (int32_t)(head + (size_t)voice.bytes[f % LOOP]), NULL, h->now_ns);
        }
    }
    h->desk.box.n = 0;
    h->desk.tools.silence_cache->tick = h->now_ns / TICK_NS;
    tick_alone(h->conf, &h->desk.tools);
    h->now_ns += TICK_NS;
    everybody_got_one(h);
    encoders_add_up(h, CODEC_OPUS);
    for (struct encoder *e; (e = h->conf->surplus);) {
        h->conf->surplus = e->next;
        encoder_free(e);
        h->n_returned++;
    }
}

/* A hall of listeners needs few: the rest is back a second after they came; and after they left, fewer still. */
static void listeners_give_theirs_back(void **state)
{
    struct hall h;
    hall_open(&h, TALKERS);
    for (unsigned i = 0; i < 40; i++) {
        leg_enter(&h, i, CODEC_OPUS, fmt_of(0));
    }
    h.talks[0] = h.talks[1] = true;
    for (unsigned t = 0; t < 50; t++) {
        tick(&h, t);
    }
    assert_int_equal(h.conf->encoders[CODEC_OPUS].n, 2 * (TALKERS + 1));
    assert_int_equal(h.n_returned, 40 - 2 * (TALKERS + 1));
    for (unsigned i = 2; i < 40; i++) {
        leg_leave(&h, i);
    }
    tick(&h, 50);
    assert_int_equal(h.conf->encoders[CODEC_OPUS].n, 2);
    hall_close(&h);
}

/* Everybody may be heard: everybody may need one at once. */
static void all_talkers_keep_theirs(void **state)
{
    struct hall h;
    hall_open(&h, 0);
    for (unsigned i = 0; i < 12; i++) {
        leg_enter(&h, i, CODEC_OPUS, fmt_of(0));
    }
    for (unsigned t = 0; t < 150; t++) {
        for (unsigned i = 0; i < 12; i++) {
            h.talks[i] = t == 0 || t >= 140;
        }
        tick(&h, t);
        assert_int_equal(h.conf->encoders[CODEC_OPUS].n, 12);
    }
    assert_int_equal(h.n_returned, 0);
    hall_close(&h);
}

static const uint8_t *payload_of(const struct hall *h, unsigned i, size_t *bytes)
{
    for (uint32_t k = 0; k < h->desk.box.n; k++) {
        struct rtp rtp;
        if (h->desk.box.packets[k].slot == 2 * i) {
            assert_int_equal(rtp_parse(h->desk.box.packets[k].buf, h->desk.box.packets[k].bytes, &rtp), DROP_NONE);
            *bytes = rtp.bytes;
            return rtp.payload;
        }
    }
    fail_msg("nothing sent to %u", i);
    return NULL;
}

/*
 * Leg 0 talks all the time, and nobody else until the others have long shared one encoder. Then leg 5 talks as well,
 * with a spare encoder, and hears leg 0 still.
 */
static void a_talkers_encoder_was_anothers(void **state)
{
    enum { BEGIN = 150, END = 200 };
    struct hall h;
    const struct codec *codec = codec_get(CODEC_OPUS);
    struct codec_cfg fmt = fmt_of(0);
    void *reference = mem_get(codec->encoder_size()), *ear = mem_get(codec->decoder_size());
    assert_int_equal(codec->encoder_init(reference, &fmt), 0);
    assert_int_equal(codec->decoder_init(ear, &fmt), 0);
    hall_open(&h, TALKERS);
    for (unsigned i = 0; i < 20; i++) {
        leg_enter(&h, i, CODEC_OPUS, fmt);
    }
    h.talks[0] = true;
    for (unsigned t = 0; t < END; t++) {
        uint8_t expected[1500];
        static int16_t heard[PACKET_SAMPLES_MAX] ALIGNED_LINE;
        size_t bytes;
        h.talks[5] = t >= BEGIN;
        tick(&h, t);
        int n = codec->decode(ear, h.desk.tools.leg.simd, voice.opus[t % LOOP], (size_t)voice.bytes[t % LOOP], heard);
        assert_int_equal(n, FRAME);
        n = codec->encode(reference, h.desk.tools.leg.simd, heard, FRAME, expected, sizeof expected);
        const uint8_t *payload = payload_of(&h, 5, &bytes);
        assert_int_equal(bytes, n);
        assert_memory_equal(payload, expected, bytes);
        if (t == BEGIN - 1) {
            assert_null(h.legs[5]->enc.held);
            assert_int_equal(h.n_returned, 20 - 2 * (TALKERS + 1));
        }
        assert_true(t < BEGIN || leg_is_mixed(h.legs[5]));
    }
    mem_put(reference);
    mem_put(ear);
    hall_close(&h);
}

/* A leg that a relay has served so far shares from its first tick, and may leave before that. */
static void followers_share_at_once(void **state)
{
    struct hall h;
    hall_open(&h, TALKERS);
    for (unsigned i = 0; i < 20; i++) {
        leg_enter(&h, i, CODEC_OPUS, fmt_of(0));
    }
    for (unsigned t = 0; t < 20; t++) {
        tick(&h, t);
    }
    for (unsigned i = 20; i < 30; i++) {
        leg_enter(&h, i, CODEC_OPUS, fmt_of(0));
        conf_leg_follow(h.conf, h.legs[i]);
        assert_null(h.legs[i]->enc.held);
    }
    leg_leave(&h, 25);
    h.talks[26] = true;
    for (unsigned t = 0; t < 20; t++) {
        tick(&h, t);
        assert_true(t == 0 || h.legs[26]->enc.share <= SHARE_APART);
        assert_true(h.legs[27]->enc.share > SHARE_APART);
    }
    assert_int_equal(h.conf->encoders[CODEC_OPUS].n, 2 * (TALKERS + 1));
    hall_close(&h);
}

static void rush(struct hall *h, unsigned t)
{
    for (unsigned i = 0; i < h->n_legs; i++) {
        h->talks[i] = draw(h, 1000) < 30 ? !h->talks[i] : h->talks[i];
        if (h->legs[i] && draw(h, 1000) < 20) {
            h->legs[i]->tx.on = !h->legs[i]->tx.on;
        }
        if (h->legs[i] && draw(h, 1000) < 10) {
            leg_set_deaf(h, i, !h->legs[i]->tx.deaf);
        }
        if (h->legs[i] && draw(h, 1000) < 10) {
            leg_leave(h, i);
        } else if (!h->legs[i] && draw(h, 1000) < 50) {
            leg_enter(h, i, CODEC_OPUS, fmt_of(24000 + 1000 * (i % 3)));
        }
    }
    tick(h, t);
}

/* Everything changes all the time, and now and then all of it at once. */
static void a_rush(void **state)
{
    struct hall h;
    hall_open(&h, TALKERS);
    for (unsigned i = 0; i < 40; i++) {
        leg_enter(&h, i, CODEC_OPUS, fmt_of(24000 + 1000 * (i % 3)));
    }
    for (unsigned t = 0; t < 1500; t++) {
        bool all_deaf = t % 200 == 150, none_deaf = t % 200 == 170;
        for (unsigned i = 0; i < h.n_legs && (all_deaf || none_deaf); i++) {
            if (h.legs[i] && h.legs[i]->tx.deaf != all_deaf) {
                leg_set_deaf(&h, i, all_deaf);
            }
        }
        rush(&h, t);
    }
    assert_true(h.n_returned > 100);
    hall_close(&h);
}

/* More kinds of legs than may share: those over encode for themselves, whoever leaves, also when some go deaf. */
static void more_kinds_than_groups(void **state)
{
    struct hall h;
    hall_open(&h, TALKERS);
    for (unsigned i = 0; i < LEGS_MAX; i++) {
        leg_enter(&h, i, CODEC_OPUS, fmt_of(12000 + 500 * (i % 48)));
    }
    h.talks[0] = true;
    for (unsigned t = 0; t < 110; t++) {
        tick(&h, t);
    }
    unsigned n_shared = 0, n_solo = 0;
    for (unsigned i = 0; i < LEGS_MAX; i++) {
        n_shared += h.legs[i]->enc.share == SHARE_HOLDS;
        n_solo += h.legs[i]->enc.share == SHARE_NEVER;
    }
    assert_int_equal(n_solo, LEGS_MAX - 2 * KINDS_MAX); /* two legs of each of the first 16 kinds */
    assert_int_equal(n_shared, KINDS_MAX);
    for (unsigned t = 0; t < 40; t++) {
        if (t < 20) {
            leg_leave(&h, 2 * t);
        } else {
            leg_set_deaf(&h, 2 * t - 39, true);
        }
        tick(&h, t);
    }
    hall_close(&h);
}

static int setup(void **state)
{
    voice_make();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listeners_give_theirs_back),
        cmocka_unit_test(all_talkers_keep_theirs),
        cmocka_unit_test(a_talkers_encoder_was_anothers),
        cmocka_unit_test(followers_share_at_once),
        cmocka_unit_test(a_rush),
        cmocka_unit_test(more_kinds_than_groups),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
