/*
 * One encode for all who hear the same, and nobody's decoder notices: a listener that begins to talk goes on with the
 * shared encoder's state, so its stream is, byte for byte, what one encoder of its own would have sent from the start.
 * C talks in L16, A and B listen in Opus. While A talks it hears C still: its stream must not differ from a reference
 * encoder that encodes C's samples alone.
 *
 * The same for silence that a whole worker shares: A talks alone and hears nothing. As long as the shared stream is the
 * one that its own encoder began, not a byte differs; where it is another's, what A's peer decodes must not click.
 */
#include "tests/test_desk.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEGS = 3, C = 0, A = 1, B = 2, FRAME = 320, TX_MAX = 64 };

struct hall {
    struct desk desk;
    struct conf *conf;
    struct leg *legs[LEGS];
    uint16_t seq[LEGS];
    uint64_t now_ns;
    uint32_t noise;
};

static void hall_open(struct hall *h, bool fec)
{
    memset(h, 0, sizeof *h);
    desk_open(&h->desk, 0);
    struct conf_cfg conf = {.legs_max = LEGS};
    assert_int_equal(conf_build(&h->conf, &conf), 0);
    for (uint32_t i = 0; i < LEGS; i++) {
        struct leg_cfg cfg = desk_leg(i == C ? CODEC_L16 : CODEC_OPUS, 16000, i + 1);
        cfg.fmt.complexity = 2;
        cfg.fmt.fec = fec;
        h->legs[i] = desk_seat(&h->desk, h->conf, &cfg, i);
    }
}

static void hall_close(struct hall *h)
{
    for (unsigned i = 0; i < LEGS; i++) {
        if (h->legs[i]) {
            desk_leave(h->legs[i]);
            leg_free(h->legs[i]);
        }
    }
    conf_free(h->conf);
    desk_close(&h->desk);
}

/* What C says in a tick: noise under a tone, quiet enough for no limiter. */
static void c_says(struct hall *h, int16_t *pcm)
{
    for (unsigned i = 0; i < FRAME; i++) {
        h->noise = h->noise * 1664525u + 1013904223u;
        double tone = 3000 * sin(6.2831853 * 300 * (double)(h->seq[C] * FRAME + i) / 16000);
        pcm[i] = (int16_t)(lrint(tone) + (int16_t)(h->noise >> 22));
    }
}

static void arrives(struct hall *h, unsigned i, const uint8_t *payload, size_t bytes, uint8_t *buf)
{
    size_t head = rtp_write(buf, 96, false, h->seq[i], h->seq[i] * h->legs[i]->frame_ts, 100 + i, NULL, 0);
    memcpy(buf + head, payload, bytes);
    h->seq[i]++;
    leg_rx_rtp(h->legs[i], buf, (int32_t)(head + bytes), NULL, h->now_ns);
}

static void tick(struct hall *h)
{
    h->desk.box.n = 0;
    h->desk.tools.silence_cache->tick = h->now_ns / TICK_NS;
    tick_alone(h->conf, &h->desk.tools);
    h->now_ns += TICK_NS;
}

/* The payload that leg i was sent in this tick. */
static size_t sent_to(const struct hall *h, unsigned i, const uint8_t **payload)
{
    for (uint32_t k = 0; k < h->desk.box.n; k++) {
        struct rtp rtp;
        if (h->desk.box.packets[k].slot == 2 * i) {
            assert_int_equal(rtp_parse(h->desk.box.packets[k].buf, h->desk.box.packets[k].bytes, &rtp), DROP_NONE);
            *payload = rtp.payload;
            return rtp.bytes;
        }
    }
    return 0;
}

struct reference {
    void *encoder;
    uint8_t payload[1500];
    int bytes;
};

static void reference_open(struct reference *r, const struct leg *like)
{
    r->encoder = mem_get(like->cfg.codec->encoder_size());
    assert_int_equal(like->cfg.codec->encoder_init(r->encoder, &like->cfg.fmt), 0);
}

static void reference_encode(struct reference *r, const struct hall *h, const int16_t *pcm)
{
    r->bytes =
        codec_get(CODEC_OPUS)->encode(r->encoder, h->desk.tools.leg.simd, pcm, FRAME, r->payload, sizeof r->payload);
}

static void is_as_reference(const struct hall *h, unsigned i, const struct reference *r)
{
    const uint8_t *payload;
    assert_int_equal(sent_to(h, i, &payload), r->bytes);
    assert_memory_equal(payload, r->payload, (size_t)r->bytes);
}

/* A says: an Opus tone of its own. */
static size_t a_says(struct hall *h, void *encoder, uint8_t *payload)
{
    int16_t pcm[FRAME] __attribute__((aligned(64)));
    for (unsigned i = 0; i < FRAME; i++) {
        pcm[i] = (int16_t)lrint(4000 * sin(6.2831853 * 800 * (double)(h->seq[A] * FRAME + i) / 16000));
    }
    return (size_t)h->legs[A]->cfg.codec->encode(encoder, h->desk.tools.leg.simd, pcm, FRAME, payload, 1500);
}

static void listener_begins_to_talk(void **state)
{
    struct hall h;
    struct reference r;
    int16_t pcm[FRAME] __attribute__((aligned(64)));
    uint8_t l16[2 * FRAME], said[1500], bufs[2][PACKET_STRIDE_BYTES];
    hall_open(&h, false);
    reference_open(&r, h.legs[A]);
    void *voice = mem_get(h.legs[A]->cfg.codec->encoder_size());
    h.legs[A]->cfg.codec->encoder_init(voice, &h.legs[A]->cfg.fmt);
    unsigned n_shared = 0;
    for (unsigned t = 0; t < 300; t++) {
        bool a_talks = t >= 200;
        c_says(&h, pcm);
        for (unsigned i = 0; i < FRAME; i++) {
            store_be16(l16 + 2 * i, (uint16_t)pcm[i]);
        }
        arrives(&h, C, l16, sizeof l16, bufs[0]);
        if (a_talks) {
            arrives(&h, A, said, a_says(&h, voice, said), bufs[1]);
        }
        uint64_t encoded_before = count_get(&h.desk.stats.encoded);
        tick(&h);
        reference_encode(&r, &h, pcm);
        is_as_reference(&h, A, &r);
        if (!a_talks) {
            is_as_reference(&h, B, &r);
            n_shared += h.legs[A]->enc.share > SHARE_APART && h.legs[B]->enc.share > SHARE_APART;
            bool one_encode =
                count_get(&h.desk.stats.encoded) - encoded_before == 2; /* C's own leg, and one for both */
            assert_true(h.legs[A]->enc.share <= SHARE_APART || h.legs[B]->enc.share <= SHARE_APART || one_encode);
        } else {
            assert_true(h.legs[A]->enc.share <= SHARE_APART);
        }
    }
    assert_in_range(n_shared, 50, 200);
    mem_put(r.encoder);
    mem_put(voice);
    hall_close(&h);
}

/* Whose memory holds the shared state leaves: the heir goes on with it. */
static void holder_leaves(void **state)
{
    struct hall h;
    struct reference r;
    int16_t pcm[FRAME] __attribute__((aligned(64)));
    uint8_t l16[2 * FRAME], buf[PACKET_STRIDE_BYTES];
    hall_open(&h, false);
    reference_open(&r, h.legs[A]);
    for (unsigned t = 0; t < 250; t++) {
        c_says(&h, pcm);
        for (unsigned i = 0; i < FRAME; i++) {
            store_be16(l16 + 2 * i, (uint16_t)pcm[i]);
        }
        arrives(&h, C, l16, sizeof l16, buf);
        if (t == 200) {
            unsigned holder = h.legs[A]->enc.share == SHARE_HOLDS ? A : B;
            assert_int_equal(h.legs[holder]->enc.share, SHARE_HOLDS);
            conf_leg_drop(h.conf, h.legs[holder]);
            leg_detach(h.legs[holder]);
            leg_free(h.legs[holder]);
            h.legs[holder] = NULL;
        }
        tick(&h);
        reference_encode(&r, &h, pcm);
        is_as_reference(&h, h.legs[B] ? B : A, &r);
    }
    mem_put(r.encoder);
    hall_close(&h);
}

/* One tick of a hall in which A and C talk or do not; C's samples, or zeros, in pcm. @return frames encoded in it */
static uint64_t hall_tick(struct hall *h, bool c_talks, void *voice_of_a, int16_t *pcm)
{
    uint8_t l16[2 * FRAME], said[1500], bufs[2][PACKET_STRIDE_BYTES];
    memset(pcm, 0, FRAME * sizeof *pcm);
    if (c_talks) {
        c_says(h, pcm);
    }
    for (unsigned i = 0; i < FRAME; i++) {
        store_be16(l16 + 2 * i, (uint16_t)pcm[i]);
    }
    arrives(h, C, l16, sizeof l16, bufs[0]);
    if (voice_of_a) {
        arrives(h, A, said, a_says(h, voice_of_a, said), bufs[1]);
    }
    uint64_t before = count_get(&h->desk.stats.encoded);
    tick(h);
    return count_get(&h->desk.stats.encoded) - before;
}

static void *voice_open(const struct hall *h)
{
    void *voice = mem_get(h->legs[A]->cfg.codec->encoder_size());
    assert_int_equal(h->legs[A]->cfg.codec->encoder_init(voice, &h->legs[A]->cfg.fmt), 0);
    return voice;
}

/* A talks alone, then C joins in, then A listens: one stream, byte for byte. */
static void sole_talker_hears_silence(void **state)
{
    struct hall h;
    struct reference r;
    int16_t pcm[FRAME] __attribute__((aligned(64)));
    unsigned n_rest = 0;
    hall_open(&h, false);
    reference_open(&r, h.legs[A]);
    void *voice = voice_open(&h);
    for (unsigned t = 0; t < 400; t++) {
        bool a_talks = t >= 20 && t < 300;
        hall_tick(&h, t >= 200, a_talks ? voice : NULL, pcm);
        reference_encode(&r, &h, pcm);
        is_as_reference(&h, A, &r);
        n_rest += h.legs[A]->enc.at_rest;
        assert_false(h.legs[A]->enc.at_rest && t >= 200);
    }
    assert_in_range(n_rest, 100, 190);
    mem_put(r.encoder);
    mem_put(voice);
    hall_close(&h);
}

struct ear {
    void *decoder;
    int16_t last;
    int step, peak; /* largest step between two samples, largest sample */
};

static void ear_open(struct ear *e, const struct leg *like)
{
    *e = (struct ear){.decoder = mem_get(like->cfg.codec->decoder_size())};
    assert_int_equal(like->cfg.codec->decoder_init(e->decoder, &like->cfg.fmt), 0);
}

static void ear_hear(struct ear *e, const uint8_t *payload, size_t bytes)
{
    static int16_t pcm[PACKET_SAMPLES_MAX] __attribute__((aligned(64)));
    assert_int_equal(codec_get(CODEC_OPUS)->decode(e->decoder, simd_pick(SIMD_ALL), payload, bytes, pcm), FRAME);
    for (unsigned i = 0; i < FRAME; i++) {
        e->step = MAX(e->step, abs(pcm[i] - e->last));
        e->peak = MAX(e->peak, abs(pcm[i]));
        e->last = pcm[i];
    }
}

/*
 * Two rooms share a silence that the first began. In the second A has just heard C: it goes over to the stream of an
 * encoder that never heard anything, and comes back from it. Its peer hears what it hears with an encoder of its own.
 */
static void silence_of_another_room(void **state)
{
    enum { C_ENDS = 100, A_BEGINS = 110, RESTS = 150, C_AGAIN = 300, END = 350 };
    struct hall first, h;
    struct reference r;
    struct ear shared, own;
    int16_t pcm[FRAME] __attribute__((aligned(64)));
    hall_open(&first, false);
    hall_open(&h, false);
    h.desk.tools.silence_cache = first.desk.tools.silence_cache;
    reference_open(&r, h.legs[A]);
    ear_open(&shared, h.legs[A]);
    ear_open(&own, h.legs[A]);
    void *voice_first = voice_open(&first), *voice = voice_open(&h);
    for (unsigned t = 0; t < END; t++) {
        uint64_t encoded_first = hall_tick(&first, false, t >= 20 ? voice_first : NULL, pcm);
        uint64_t encoded = hall_tick(&h, t < C_ENDS || t >= C_AGAIN, t >= A_BEGINS ? voice : NULL, pcm);
        reference_encode(&r, &h, pcm);
        const uint8_t *payload;
        size_t bytes = sent_to(&h, A, &payload);
        assert_true(bytes > 0);
        if (t == C_ENDS || t == RESTS || t == C_AGAIN) {
            own.step = own.peak = shared.step = shared.peak = 0;
        }
        ear_hear(&shared, payload, bytes);
        ear_hear(&own, r.payload, (size_t)r.bytes);
        if (t >= RESTS && t < C_AGAIN) {
            assert_true(h.legs[A]->enc.at_rest && first.legs[A]->enc.at_rest);
            assert_int_equal(encoded_first, 3); /* for B, for C, and the silence */
            assert_int_equal(encoded, 2);
            assert_in_range(shared.peak, 0, own.peak + 1);
        }
        if (t + 1 == RESTS || t + 1 == C_AGAIN || t + 1 == END) {
            assert_in_range(shared.step, 0, own.step + own.step / 4 + 1);
        }
    }
    mem_put(r.encoder);
    mem_put(shared.decoder);
    mem_put(own.decoder);
    mem_put(voice_first);
    mem_put(voice);
    hall_close(&first);
    hall_close(&h);
}

/* What Opus makes of digital silence is not always zero; it is no voice, and takes nobody's place. */
static void encoded_silence_is_silence(void **state)
{
    struct hall h;
    uint8_t said[1500], buf[PACKET_STRIDE_BYTES] ALIGNED_LINE;
    int16_t pcm[FRAME] ALIGNED_LINE = {0};
    hall_open(&h, false);
    void *voice = voice_open(&h);
    unsigned n_not_zero = 0;
    for (unsigned t = 0; t < 200; t++) {
        bool talks = t < 50;
        size_t bytes = talks
                           ? a_says(&h, voice, said)
                           : (size_t)h.legs[A]->cfg.codec->encode(voice, h.desk.tools.leg.simd, pcm, FRAME, said, 1500);
        arrives(&h, A, said, bytes, buf);
        tick(&h);
        if (talks ? t > 5 : t > 70) {
            assert_int_equal(leg_is_mixed(h.legs[A]), talks);
        }
        for (unsigned i = 0; t > 70 && i < FRAME; i++) {
            n_not_zero += h.legs[A]->rx.row[i] != 0;
        }
    }
    assert_true(n_not_zero > 0); /* else it was not put to the test */
    mem_put(voice);
    hall_close(&h);
}

/* The peer of a leg reports that it misses this share of what it was sent, so many times. */
static void reports(struct hall *h, unsigned i, uint8_t fraction_lost, unsigned times)
{
    uint8_t buf[RTCP_PACKET_MAX] ALIGNED_LINE;
    for (unsigned k = 0; k < times; k++) {
        struct rtcp_report report = {.ssrc = 100 + i, .has_block = true, .cname = "peer"};
        report.block = (struct rtcp_block){.ssrc = h->legs[i]->cfg.ssrc, .fraction_lost = fraction_lost};
        size_t n = rtcp_write(buf, &report);
        leg_rx_rtcp(h->legs[i], buf, (int32_t)n, NULL, h->now_ns);
        conf_leg_look(h->conf, h->legs[i]);
    }
}

/* C says syllables. Do any of leg i's packets bring a second copy of the one before (RFC 6716 4.2.4)? */
static bool is_redundant(struct hall *h, unsigned i)
{
    enum { SILK_CONFIGS = 12, LBRR = 0x40 };
    int16_t pcm[FRAME] ALIGNED_LINE;
    bool any = false;
    for (unsigned t = 0; t < 100; t++) {
        const uint8_t *payload;
        hall_tick(h, t % 16 < 8, NULL, pcm);
        size_t bytes = sent_to(h, i, &payload);
        assert_true(bytes > 2 && payload[0] >> 3 < SILK_CONFIGS);
        any |= t >= 2 && payload[1] & LBRR; /* the first brings what was encoded before */
    }
    return any;
}

/* Whoever asks for redundancy gets it until its reports show that it is of no use to anybody who hears the same.
 * C54. */
static void redundancy_where_packets_are_lost(void **state)
{
    struct hall h;
    hall_open(&h, true);
    assert_true(is_redundant(&h, A));
    reports(&h, A, 0, 3);
    assert_true(is_redundant(&h, A)); /* B does not tell */
    reports(&h, B, 2, 3);
    assert_false(is_redundant(&h, A));
    assert_false(is_redundant(&h, B));
    reports(&h, B, 20, 1);
    assert_true(is_redundant(&h, A));
    assert_true(is_redundant(&h, B));
    reports(&h, B, 0, 2);
    assert_true(is_redundant(&h, B));
    reports(&h, B, 0, 1);
    assert_false(is_redundant(&h, B));
    hall_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listener_begins_to_talk),    cmocka_unit_test(holder_leaves),
        cmocka_unit_test(sole_talker_hears_silence),  cmocka_unit_test(silence_of_another_room),
        cmocka_unit_test(encoded_silence_is_silence), cmocka_unit_test(redundancy_where_packets_are_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
