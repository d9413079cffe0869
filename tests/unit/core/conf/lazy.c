/*
 * Lazy decoding: who cannot be heard is not decoded, and nobody hears the difference. A room of Opus legs, where one
 * place is to be had, and one L16 leg that listens: what it is sent is the mix, sample by sample. The start of a word
 * is compared with the same room where everybody is decoded, and there with the packet before the word lost, which is
 * what every decoder has to live with.
 */
#include "tests/test_desk.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

enum {
    LEGS = 6,
    EAR = 5,     /* listens, in L16 */
    FRAME = 320, /* what the ear hears */
    SPOKEN_MAX = 960,
    TX_MAX = 64,
    EXT = 3,
    QUIET_TICKS = 50,
    WORDS = 5,
    WORD_TICKS = 10 /* from its start on: a fifth of a second */
};

struct hall {
    struct desk desk;
    struct conf *conf;
    struct leg *legs[LEGS];
    void *encoders[LEGS];
    uint32_t rate_hz; /* of the Opus legs */
    uint32_t n_sent[LEGS];
    uint16_t seq[LEGS];
    uint32_t noise[LEGS];
    uint8_t bufs[LEGS][PACKET_STRIDE_BYTES] ALIGNED_LINE;
    int16_t heard[FRAME];
    struct rtp rtp; /* of the packet that was heard */
    uint64_t now_ns;
};

static struct leg *leg_enter(struct hall *h, unsigned i, bool levels)
{
    struct leg_cfg cfg = desk_leg(i == EAR ? CODEC_L16 : CODEC_OPUS, i == EAR ? 16000 : h->rate_hz, i + 1);
    cfg.fmt.complexity = 5;
    cfg.ext_level_rx = levels && i != EAR ? EXT : 0;
    cfg.ext_levels_tx = i == EAR ? EXT : 0;
    cfg.tx_on = i == EAR;
    return desk_seat(&h->desk, h->conf, &cfg, i);
}

static struct hall *hall_open(unsigned talkers, bool lazy, bool levels, uint32_t rate_hz, uint32_t bitrate_bps)
{
    struct hall *h = mem_get(sizeof *h);
    assert_non_null(h);
    h->rate_hz = rate_hz;
    desk_open(&h->desk, 0);
    h->desk.tools.leg.lazy = lazy;
    struct conf_cfg conf = {.legs_max = LEGS, .talkers = talkers};
    assert_int_equal(conf_build(&h->conf, &conf), 0);
    for (uint32_t i = 0; i < LEGS; i++) {
        h->legs[i] = leg_enter(h, i, levels);
        h->noise[i] = i * 977 + 5;
        if (i != EAR) {
            struct codec_cfg fmt = {.rate_hz = rate_hz, .bitrate_bps = bitrate_bps, .complexity = bitrate_bps ? 5 : 1};
            h->encoders[i] = mem_get(codec_get(CODEC_OPUS)->encoder_size());
            assert_int_equal(codec_get(CODEC_OPUS)->encoder_init(h->encoders[i], &fmt), 0);
        }
    }
    return h;
}

/* Every packet that came had its turn, and none is left in the pool. */
static void hall_close(struct hall *h)
{
    for (unsigned i = 0; i < LEGS; i++) {
        struct leg *leg = h->legs[i];
        desk_leave(leg);
        uint64_t dropped = 0;
        for (unsigned d = 0; d < DROPS; d++) {
            dropped += leg->stats.drops[d];
        }
        assert_int_equal(leg->stats.rx_packets, leg->stats.decoded + leg->stats.undecoded + dropped);
        leg_free(leg);
        mem_put(h->encoders[i]);
    }
    conf_free(h->conf);
    desk_close(&h->desk);
    mem_put(h);
}

/* What a leg sends in this tick. */
struct says {
    double voice, noise; /* amplitudes */
    double hz;
    int claim; /* level in its header instead of the true one; -1: the true one */
    bool lost;
};

static void packet_in(struct hall *h, unsigned i, const struct says *s)
{
    int16_t pcm[SPOKEN_MAX] ALIGNED_LINE;
    uint8_t payload[1500], *buf = h->bufs[i];
    unsigned frame = h->rate_hz / 1000 * TICK_MS;
    for (unsigned k = 0; k < frame; k++) {
        double t = (double)(h->n_sent[i] * frame + k) / h->rate_hz, sum = 0;
        for (unsigned n = 1; n <= 12 && s->voice > 0; n++) {
            sum += sin(2 * M_PI * s->hz * n * t + n) / n;
        }
        h->noise[i] = h->noise[i] * 1664525u + 1013904223u;
        pcm[k] = (int16_t)lrint(s->voice * sum + s->noise * ((double)(h->noise[i] >> 8) / (1 << 23) - 1));
    }
    int bytes = codec_get(CODEC_OPUS)->encode(h->encoders[i], simd_pick(SIMD_ALL), pcm, frame, payload, 1400);
    uint64_t squares;
    simd_pick(SIMD_ALL)->level(pcm, frame, &squares);
    uint8_t level = s->claim < 0 ? level_dbov(squares, frame) : (uint8_t)s->claim;
    size_t head = rtp_write(buf, 96, false, h->seq[i]++, h->n_sent[i]++ * 960, 100 + i, NULL, 0);
    if (h->legs[i]->cfg.ext_level_rx) {
        head = rtp_write_ext(buf, head, EXT, &level, 1);
    }
    memcpy(buf + head, payload, (size_t)bytes);
    if (!s->lost) {
        leg_rx_rtp(h->legs[i], buf, (int32_t)head + bytes, NULL, h->now_ns);
    }
}

static void tick(struct hall *h)
{
    h->desk.box.n = 0;
    tick_alone(h->conf, &h->desk.tools);
    h->now_ns += TICK_NS;
    assert_int_equal(h->desk.box.n, 1);
    assert_int_equal(rtp_parse(h->desk.box.packets[0].buf, h->desk.box.packets[0].bytes, &h->rtp), DROP_NONE);
    assert_int_equal(h->rtp.bytes, 2 * FRAME);
    for (unsigned k = 0; k < FRAME; k++) {
        h->heard[k] = (int16_t)load_be16(h->rtp.payload + 2 * k);
    }
}

static const struct says quiet = {.noise = 40, .claim = -1};
static const struct says murmur = {.voice = 200, .noise = 40, .hz = 130, .claim = -1};

/* Everybody but leg `but` says that. */
static void others_in(struct hall *h, unsigned but, const struct says *says)
{
    for (unsigned i = 0; i < EAR; i++) {
        if (i != but) {
            packet_in(h, i, says);
        }
    }
}

static void room_run(struct hall *h, const struct says *says, unsigned ticks)
{
    for (unsigned t = 0; t < ticks; t++) {
        others_in(h, EAR, says);
        tick(h);
    }
}

/* ---- the start of a word ---- */

struct scene {
    const char *name;
    bool levels; /* in the headers */
    uint32_t rate_hz, bitrate_bps;
    const struct says *before; /* what everybody says when nobody speaks up */
};

/* What the ear hears of each word in its first frames. */
struct word_run {
    int16_t pcm[WORDS][WORD_TICKS][FRAME];
    uint64_t undecoded;
};

static void words_hear(struct word_run *run, const struct scene *scene, bool lazy, bool lost_before)
{
    struct hall *h = hall_open(1, lazy, scene->levels, scene->rate_hz, scene->bitrate_bps);
    for (unsigned word = 0; word < WORDS; word++) {
        room_run(h, scene->before, QUIET_TICKS - 1);
        unsigned who = 1 + word % 4;
        struct says before = *scene->before;
        struct says says = {.voice = 2500 + 100 * word, .noise = 40, .hz = 95 + 9 * word, .claim = -1};
        before.lost = lost_before;
        packet_in(h, who, &before);
        others_in(h, who, scene->before);
        tick(h);
        for (unsigned t = 0; t < WORD_TICKS; t++) {
            packet_in(h, who, &says);
            others_in(h, who, scene->before);
            tick(h);
            memcpy(run->pcm[word][t], h->heard, sizeof h->heard);
        }
    }
    run->undecoded = count_get(&h->desk.stats.undecoded);
    hall_close(h);
}

/* Signal to difference of one frame of all words, in dB. */
static double snr_db(const struct word_run *truth, const struct word_run *run, unsigned t)
{
    double signal = 0, error = 1e-9;
    for (unsigned word = 0; word < WORDS; word++) {
        for (unsigned k = 0; k < FRAME; k++) {
            double x = truth->pcm[word][t][k], e = run->pcm[word][t][k] - x;
            signal += x * x;
            error += e * e;
        }
    }
    return 10 * log10(signal / error);
}

static void word_start(void **state)
{
    static const struct scene scenes[] = {
        {"SILK, by the packets", false, 16000, 0, &quiet},
        {"SILK, by levels", true, 16000, 0, &quiet},
        {"SILK, by levels, all murmur", true, 16000, 0, &murmur},
        {"hybrid, by the packets", false, 48000, 0, &quiet},
        {"hybrid, by levels, all murmur", true, 48000, 0, &murmur},
        {"CELT, by levels", true, 48000, 128000, &quiet},
        {"CELT, by levels, all murmur", true, 48000, 128000, &murmur},
    };
    struct word_run *truth = mem_get(sizeof *truth), *lazy = mem_get(sizeof *lazy), *lossy = mem_get(sizeof *lossy);
    assert_true(truth && lazy && lossy);
    for (unsigned i = 0; i < ARRAY_LEN(scenes); i++) {
        words_hear(truth, &scenes[i], false, false);
        words_hear(lossy, &scenes[i], false, true);
        words_hear(lazy, &scenes[i], true, false);
        assert_int_equal(truth->undecoded, 0);
        assert_true(lazy->undecoded > WORDS * QUIET_TICKS * 2);
        print_message("%s: %lu undecoded; dB of the first frames, lazy/after a lost packet:", scenes[i].name,
                      lazy->undecoded);
        for (unsigned t = 0; t < WORD_TICKS; t++) {
            double lazy_db = snr_db(truth, lazy, t), lossy_db = snr_db(truth, lossy, t);
            print_message(" %.0f/%.0f", lazy_db, lossy_db);
            assert_true(lazy_db >= lossy_db);
        }
        print_message("\n");
    }
    mem_put(truth);
    mem_put(lazy);
    mem_put(lossy);
}

/* ---- who is decoded ---- */

static bool is_heard(const struct hall *h, unsigned i)
{
    return leg_is_mixed(h->legs[i]);
}

static double heard_rms(const struct hall *h)
{
    double sum = 0;
    for (unsigned k = 0; k < FRAME; k++) {
        sum += (double)h->heard[k] * h->heard[k];
    }
    return sqrt(sum / FRAME);
}

/* Whoever holds a place is decoded, the others are looked at now and then. Where all are heard, all are decoded. */
static void only_who_is_heard(void **state)
{
    struct hall *h = hall_open(1, true, false, 16000, 0);
    room_run(h, &quiet, 200);
    uint64_t decoded = count_get(&h->desk.stats.decoded), undecoded = count_get(&h->desk.stats.undecoded);
    uint64_t warmed = count_get(&h->desk.stats.warmed);
    room_run(h, &quiet, 1000);
    decoded = count_get(&h->desk.stats.decoded) - decoded;
    warmed = count_get(&h->desk.stats.warmed) - warmed;
    undecoded = count_get(&h->desk.stats.undecoded) - undecoded;
    assert_int_equal(decoded + undecoded, 5000);
    assert_in_range(decoded, 1000 + 4 * 1000 / 256 - 4, 1100);
    assert_in_range(warmed, 1, decoded - 1000 + 4); /* one packet a look */
    hall_close(h);
    h = hall_open(0, true, false, 16000, 0);
    room_run(h, &quiet, 50);
    assert_int_equal(count_get(&h->desk.stats.undecoded), 0);
    hall_close(h);
}

/* Somebody muted is not decoded, voice or not, and is heard at once when he is no longer. */
static void muted_is_passed(void **state)
{
    struct hall *h = hall_open(1, true, false, 16000, 0);
    struct says says = {.voice = 3000, .noise = 40, .hz = 120, .claim = -1};
    h->legs[2]->rx.muted = true;
    for (unsigned t = 0; t < 60; t++) {
        packet_in(h, 2, &says);
        others_in(h, 2, &quiet);
        tick(h);
        assert_false(is_heard(h, 2));
    }
    assert_in_range(h->legs[2]->stats.undecoded, 55, 60);
    h->legs[2]->rx.muted = false;
    packet_in(h, 2, &says);
    others_in(h, 2, &quiet);
    tick(h);
    assert_true(is_heard(h, 2));
    assert_true(heard_rms(h) > 500);
    hall_close(h);
}

/* A steady roar is no voice to its encoder, but it is loud: it takes its place among the quiet within a probe's time.
 */
static void loud_without_voice(void **state)
{
    struct hall *h = hall_open(1, true, false, 16000, 0);
    struct says roar = {.noise = 6000, .claim = -1};
    room_run(h, &quiet, 50);
    for (unsigned t = 0; t < 400; t++) {
        packet_in(h, 3, &roar);
        others_in(h, 3, &quiet);
        tick(h);
    }
    assert_true(is_heard(h, 3));
    assert_true(heard_rms(h) > 300);
    hall_close(h);
}

/* Lost packets and packets that come two at a time, while nobody listens: nothing is left over, the delay comes down.
 */
static void gaps(void **state)
{
    struct hall *h = hall_open(1, true, false, 16000, 0);
    struct says lost = quiet;
    lost.lost = true;
    room_run(h, &quiet, 50);
    for (unsigned t = 0; t < 300; t++) {
        for (unsigned i = 0; i < EAR; i++) {
            packet_in(h, i, (t * 5 + i) % 7 ? &quiet : &lost);
        }
        tick(h);
    }
    assert_true(count_get(&h->desk.stats.undecoded) > 500);
    for (unsigned i = 0; i < 3; i++) {
        packet_in(h, 2, &quiet); /* a burst: from now on three packets wait */
        jbuf_settle(&h->legs[2]->jbuf);
    }
    room_run(h, &quiet, 1);
    assert_true(jbuf_backlog_ts(&h->legs[2]->jbuf) >= 3 * 960);
    room_run(h, &quiet, 600);
    assert_true(jbuf_backlog_ts(&h->legs[2]->jbuf) <= 960);
    hall_close(h);
}

/* ---- levels ---- */

/* One that claims to be loud and is silent is looked at and never heard; soon it is not believed at all. */
static void a_lie_holds_no_place(void **state)
{
    struct hall *h = hall_open(1, true, true, 16000, 0);
    struct says lie = {.claim = 0}, says = {.voice = 2000, .noise = 40, .hz = 120, .claim = -1};
    for (unsigned t = 0; t < 200; t++) {
        packet_in(h, 1, &lie);
        packet_in(h, 0, t < 100 ? &quiet : &says);
        for (unsigned i = 2; i < EAR; i++) {
            packet_in(h, i, &quiet);
        }
        tick(h);
        assert_false(is_heard(h, 1));
        assert_true(t < 103 || is_heard(h, 0));
    }
    assert_int_equal(count_get(&h->desk.stats.level_lies), 1);
    assert_true(h->legs[1]->talk.claims_void);
    assert_true(h->legs[1]->stats.undecoded > 100);
    packet_in(h, 1, &says); /* what it says is heard all the same */
    hall_close(h);
}

/* One that claims silence is not decoded while others are louder by what they claim. */
static void a_silent_claim_is_believed(void **state)
{
    struct hall *h = hall_open(1, true, true, 16000, 0);
    struct says meek = {.voice = 3000, .noise = 40, .hz = 120, .claim = 127};
    for (unsigned t = 0; t < 100; t++) {
        packet_in(h, 1, &meek);
        others_in(h, 1, &quiet);
        tick(h);
        assert_false(is_heard(h, 1));
    }
    assert_in_range(h->legs[1]->stats.undecoded, 95, 100);
    assert_int_equal(count_get(&h->desk.stats.level_lies), 0);
    hall_close(h);
}

/* What goes out names the level of each contributor as it was mixed, in the order of the sources. */
static void levels_out(void **state)
{
    struct hall *h = hall_open(3, true, true, 16000, 0);
    struct says loud[EAR];
    for (unsigned i = 0; i < EAR; i++) {
        loud[i] = (struct says){.voice = i < 3 ? 4000 >> i : 0, .noise = 40, .hz = 100 + 17 * i, .claim = -1};
    }
    for (unsigned t = 0; t < 60; t++) {
        for (unsigned i = 0; i < EAR; i++) {
            packet_in(h, i, &loud[i]);
        }
        tick(h);
        size_t n = 0;
        const uint8_t *dbov = rtp_ext_find(&h->rtp, EXT, &n);
        const uint8_t *wire = h->desk.box.packets[0].buf;
        assert_int_equal(n, wire[0] & 15);
        assert_true(t < 10 || n == 3);
        for (unsigned k = 0; k < n; k++) {
            unsigned who = load_be32(wire + RTP_HEADER_BYTES + 4 * k) - 100;
            assert_true(who < EAR && is_heard(h, who));
            assert_int_equal(dbov[k], h->legs[who]->talk.level_dbov);
        }
    }
    hall_close(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(word_start),
        cmocka_unit_test(only_who_is_heard),
        cmocka_unit_test(muted_is_passed),
        cmocka_unit_test(loud_without_voice),
        cmocka_unit_test(gaps),
        cmocka_unit_test(a_lie_holds_no_place),
        cmocka_unit_test(levels_out),
        cmocka_unit_test(a_silent_claim_is_believed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
