/*
 * Clips in a conference, and the way from one conference to another on the same worker. Method: a real engine with an
 * I/O back end of the test's own; phones speak L16 at 16 kHz with constant samples, so that what comes back is the sum
 * of who is heard, and a clip's samples can be told in it one by one. No beat takes from the heap.
 */
#include "core/conf/clip.h"
#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/conf/relay.h"
#include "core/engine.h"
#include "core/media/rtp.h"
#include "tests/nomalloc.h"
#include "tests/test_desk.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

enum { PHONES = 3, RATE = 16000, FRAME = RATE / 1000 * TICK_MS, HEARD_MAX = 400 * FRAME, CLIP_ID = 77 };

struct phone {
    struct leg *leg;
    int16_t says; /* constant, 0: sends nothing */
    uint16_t seq_tx;
    /* what has come */
    int16_t heard[HEARD_MAX];
    size_t n_heard;
    unsigned n_packets;
    uint16_t seq;
    uint32_t ts;
};

struct rig {
    struct io io;
    struct ctl ctl;
    struct worker_stats stats;
    struct engine *engine;
    struct conf *conf;
    struct phone phones[PHONES];
    uint64_t now_ns;
    unsigned n_played, n_gone, n_open, n_asked[PHONES];
    struct leg *played;
};

/* ---- I/O: slot 2k is the RTP socket of the leg that came as number k, which is phone k ---- */

static struct rig *rig_of(struct io *io)
{
    return (struct rig *)(void *)((char *)io - offsetof(struct rig, io));
}

static int io_open(struct io *io, uint32_t slot, int fd)
{
    rig_of(io)->n_open++;
    return 0;
}
static void io_close(struct io *io, uint32_t slot)
{
    rig_of(io)->n_open--;
}
static int io_connect(struct io *io, uint32_t slot, const struct addr *peer)
{
    return 0;
}
static void io_disconnect(struct io *io, uint32_t slot) {}

/* One packet a tick of who speaks. */
static void io_rx(struct io *io, struct io_rx *rx, size_t n)
{
    struct rig *r = rig_of(io);
    for (size_t i = 0; i < n; i++) {
        struct phone *p = &r->phones[rx[i].slot / 2];
        rx[i].bytes = IO_NONE;
        rx[i].at_ns = 0;
        if (!p->says || rx[i].slot % 2 || r->n_asked[p - r->phones]++) {
            continue;
        }
        size_t at = rtp_write(rx[i].buf, 96, false, p->seq_tx, (uint32_t)p->seq_tx * FRAME, 7, NULL, 0);
        p->seq_tx++;
        for (unsigned s = 0; s < FRAME; s++, at += 2) {
            store_be16(rx[i].buf + at, (uint16_t)p->says);
        }
        rx[i].bytes = (int32_t)at;
        addr_parse(&rx[i].from, "192.0.2.1", 1000);
    }
}

static void io_tx(struct io *io, const struct io_tx *tx, size_t n)
{
    struct rig *r = rig_of(io);
    for (size_t i = 0; i < n; i++) {
        struct phone *p = &r->phones[tx[i].slot / 2];
        struct rtp rtp;
        assert_int_equal(tx[i].slot % 2, 0);
        assert_int_equal(rtp_parse(tx[i].buf, tx[i].bytes, &rtp), DROP_NONE);
        assert_true(p->n_packets == 0 || rtp.seq == (uint16_t)(p->seq + 1));
        assert_true(p->n_packets == 0 || rtp.ts - p->ts == FRAME || rtp.ts - p->ts == 960); /* Opus: 48 kHz */
        p->seq = rtp.seq;
        p->ts = rtp.ts;
        p->n_packets++;
        for (size_t s = 0; s + 1 < rtp.bytes && p->n_heard < HEARD_MAX; s += 2) {
            p->heard[p->n_heard++] = (int16_t)load_be16(rtp.payload + s);
        }
    }
}

static const struct io_ops ops = {
    .open = io_open, .close = io_close, .connect = io_connect, .disconnect = io_disconnect, .rx = io_rx, .tx = io_tx};

/* ---- rig ---- */

static void put(struct rig *r, struct ctl_req req)
{
    assert_int_equal(ctl_put(&r->ctl, &req), 0);
}

static struct conf *conf_make(struct rig *r, struct conf_cfg cfg)
{
    struct conf *conf;
    cfg.legs_max = cfg.legs_max ? cfg.legs_max : 4;
    assert_int_equal(conf_build(&conf, &cfg), 0);
    put(r, (struct ctl_req){.op = CTL_CONF_OPEN, .conf = conf});
    return conf;
}

static void events_take(struct rig *r)
{
    struct ctl_ev ev;
    while (ctl_take(&r->ctl, &ev)) {
        if (ev.event == EV_PLAYED) {
            assert_int_equal(ev.id, CLIP_ID);
            r->n_played++;
            r->played = ev.leg;
        } else if (ev.event == EV_LEG_GONE) {
            r->n_gone++;
            leg_free(ev.leg);
        } else if (ev.event == EV_CONF_GONE) {
            conf_free(ev.conf);
        } else if (ev.event == EV_ENCODER) {
            encoder_free(ev.encoder);
        }
    }
}

static void run(struct rig *r, unsigned ticks)
{
    for (uint64_t end_ns = r->now_ns + ticks * TICK_NS; r->now_ns < end_ns; r->now_ns += NS_PER_MS) {
        if (r->now_ns % TICK_NS == 0) {
            memset(r->n_asked, 0, sizeof r->n_asked);
        }
        nomalloc_begin();
        engine_beat(r->engine, r->now_ns);
        nomalloc_end();
        events_take(r);
    }
}

static void rig_open(struct rig *r, uint32_t talkers)
{
    memset(r, 0, sizeof *r);
    r->io.ops = &ops;
    r->now_ns = NS_PER_S;
    assert_int_equal(ctl_build(&r->ctl), 0);
    struct engine_cfg cfg = {
        .ctl = &r->ctl, .io = &r->io, .stats = &r->stats, .simd = simd_pick(SIMD_ALL), .legs_max = PHONES};
    assert_int_equal(engine_build(&r->engine, &cfg), 0);
    r->conf = conf_make(r, (struct conf_cfg){.talkers = talkers});
}

static void phone_enter(struct rig *r, unsigned i, struct conf *conf, enum codec_id codec)
{
    struct leg_cfg cfg = desk_leg(codec, RATE, i + 1);
    cfg.id = i;
    addr_parse(&cfg.remote_rtp, "192.0.2.1", 1000); /* the back end says so of whatever comes */
    assert_int_equal(leg_build(&r->phones[i].leg, &cfg), 0);
    put(r, (struct ctl_req){.op = CTL_LEG_ADD, .conf = conf, .leg = r->phones[i].leg});
}

static struct leg *clip_enter(struct rig *r, struct conf *conf, const struct clip *clip, uint32_t times)
{
    struct leg *leg;
    struct leg_cfg cfg = {.id = CLIP_ID,
                          .rtp_fd = -1,
                          .rtcp_fd = -1,
                          .codec = codec_get(CODEC_L16),
                          .fmt.rate_hz = clip_rate_hz(clip),
                          .clip = clip,
                          .clip_times = times};
    assert_int_equal(leg_build(&leg, &cfg), 0);
    put(r, (struct ctl_req){.op = CTL_LEG_ADD, .conf = conf, .leg = leg});
    return leg;
}

static void drop(struct rig *r, struct leg *leg)
{
    put(r, (struct ctl_req){.op = CTL_LEG_DROP, .leg = leg});
}

static void rig_close(struct rig *r)
{
    for (unsigned i = 0; i < PHONES; i++) {
        if (r->phones[i].leg) {
            drop(r, r->phones[i].leg);
        }
    }
    put(r, (struct ctl_req){.op = CTL_CONF_CLOSE, .conf = r->conf});
    run(r, 2);
    assert_int_equal(r->n_open, 0);
    assert_int_equal(count_get(&r->stats.confs), 0);
    assert_int_equal(count_get(&r->stats.legs), 0);
    engine_free(r->engine);
    ctl_free(&r->ctl);
}

static int16_t ramp_at(size_t i)
{
    return (int16_t)(1 + i % 1000);
}

static struct clip *ramp(size_t n, uint32_t rate_hz)
{
    int16_t pcm[4 * FRAME];
    struct clip *clip;
    assert_true(n <= 4 * FRAME);
    for (size_t i = 0; i < n; i++) {
        pcm[i] = ramp_at(i);
    }
    assert_int_equal(clip_build(&clip, pcm, n, rate_hz), 0);
    return clip;
}

/* Where in what was heard something begins that is not that constant. @return n_heard: nowhere */
static size_t first_other(const struct phone *p, int16_t constant)
{
    size_t i = 0;
    while (i < p->n_heard && p->heard[i] == constant) {
        i++;
    }
    return i;
}

/* ---- tests ---- */

static void test_build(void **state)
{
    static const int16_t pcm[3] = {1, 2, 3};
    struct clip *clip;
    assert_int_equal(clip_build(&clip, pcm, 3, 44100), -EINVAL);
    assert_int_equal(clip_build(&clip, pcm, 0, 8000), -EINVAL);
    assert_int_equal(clip_build(&clip, pcm, 3, 48000), 0);
    assert_int_equal(clip_samples(clip), 3);
    struct clip_play play = {.clip = clip, .times = 3};
    int16_t got[10];
    assert_int_equal(clip_run(&play, got, 4), 4);
    assert_false(play.is_over);
    assert_int_equal(clip_run(&play, got + 4, 6), 5);
    assert_true(play.is_over);
    for (unsigned i = 0; i < 9; i++) {
        assert_int_equal(got[i], 1 + i % 3);
    }
    assert_int_equal(clip_run(&play, got, 4), 0);
    struct leg *leg;
    struct leg_cfg cfg = {.rtp_fd = -1, .codec = codec_get(CODEC_L16), .fmt.rate_hz = 16000, .clip = clip};
    assert_int_equal(leg_build(&leg, &cfg), -EINVAL); /* another rate */
    clip_free(clip);
}

/* Beside one who talks, where only one place is; twice, without a seam; then silence, and one event. */
static void test_exact(void **state)
{
    static struct rig r;
    struct clip *clip = ramp(700, RATE);
    rig_open(&r, 1);
    phone_enter(&r, 0, r.conf, CODEC_L16);
    phone_enter(&r, 1, r.conf, CODEC_L16);
    r.phones[0].says = 3000;
    run(&r, 20);
    r.phones[0].n_heard = r.phones[1].n_heard = 0;
    struct leg *player = clip_enter(&r, r.conf, clip, 2);
    run(&r, 10);
    for (unsigned p = 0; p < 2; p++) {
        const struct phone *phone = &r.phones[p];
        int16_t base = p == 0 ? 0 : 3000; /* who talks hears the clip alone */
        size_t at = first_other(phone, base);
        assert_true(at + 1400 < phone->n_heard);
        for (size_t i = 0; i < phone->n_heard - at; i++) {
            assert_int_equal(phone->heard[at + i], base + (i < 1400 ? ramp_at(i % 700) : 0));
        }
    }
    run(&r, 50);
    assert_int_equal(r.n_played, 1);
    assert_ptr_equal(r.played, player);
    drop(&r, player);
    rig_close(&r);
    clip_free(clip);
}

/* A clip for ever, in the midst of which it is dropped; and all that may play at once, although the worker has not a
 * slot left. */
static void test_drop(void **state)
{
    static struct rig r;
    struct clip *clip = ramp(100, RATE);
    struct leg *players[CONF_CLIPS_MAX];
    rig_open(&r, 1);
    for (unsigned i = 0; i < PHONES; i++) {
        phone_enter(&r, i, r.conf, CODEC_L16);
    }
    for (unsigned i = 0; i < CONF_CLIPS_MAX; i++) {
        players[i] = clip_enter(&r, r.conf, clip, 0);
    }
    run(&r, 20);
    const struct phone *p = &r.phones[2];
    assert_int_equal(p->heard[p->n_heard - 1] % CONF_CLIPS_MAX, 0);
    assert_true(p->heard[p->n_heard - 1] > 0);
    assert_int_equal(count_get(&r.stats.legs), PHONES); /* a clip is nobody */
    for (unsigned i = 0; i < CONF_CLIPS_MAX; i++) {
        drop(&r, players[i]);
    }
    run(&r, 2);
    assert_int_equal(r.n_gone, CONF_CLIPS_MAX);
    assert_int_equal(r.n_played, 0);
    assert_int_equal(p->heard[p->n_heard - 1], 0);
    rig_close(&r);
    clip_free(clip);
}

/* Who listens at another rate hears it as well; a muted one is not heard, and ends all the same. */
static void test_rates(void **state)
{
    static struct rig r;
    struct clip *clip = ramp(4 * FRAME, 8000);
    rig_open(&r, 3);
    phone_enter(&r, 0, r.conf, CODEC_L16);
    struct leg *player = clip_enter(&r, r.conf, clip, 1);
    run(&r, 4);
    size_t at = first_other(&r.phones[0], 0);
    assert_true(at < r.phones[0].n_heard);
    run(&r, 10);
    assert_int_equal(r.n_played, 1);
    drop(&r, player);
    player = clip_enter(&r, r.conf, clip, 1);
    put(&r, (struct ctl_req){.op = CTL_LEG_SET, .leg = player, .set = {.what = SET_MUTE, .muted = true}});
    run(&r, 2);
    r.phones[0].n_heard = 0;
    run(&r, 10);
    assert_int_equal(first_other(&r.phones[0], 0), r.phones[0].n_heard);
    assert_int_equal(r.n_played, 2);
    drop(&r, player);
    rig_close(&r);
    clip_free(clip);
}

/* From a lobby with a clip into the conference: nobody there hears anything before, nobody hears the clip, and the
 * stream goes on (io_tx insists on it). */
static void transfer(enum codec_id codec, bool into_annex)
{
    static struct rig r;
    struct clip *clip = ramp(100, RATE);
    struct relay *relay = NULL;
    struct leg *feed = NULL;
    rig_open(&r, 3);
    struct conf *lobby = conf_make(&r, (struct conf_cfg){.legs_max = 1}), *annex = NULL;
    phone_enter(&r, 0, r.conf, CODEC_L16);
    phone_enter(&r, 1, lobby, codec);
    struct leg *player = clip_enter(&r, lobby, clip, 0);
    if (into_annex) {
        struct leg_cfg cfg = {
            .rtp_fd = -1, .rtcp_fd = -1, .codec = codec_get(codec), .fmt.rate_hz = RATE, .tx_on = true};
        annex = conf_make(&r, (struct conf_cfg){.annex = true, .talkers = 3});
        assert_int_equal(relay_build(&relay), 0);
        cfg.relay = relay;
        assert_int_equal(leg_build(&feed, &cfg), 0);
        put(&r, (struct ctl_req){.op = CTL_LEG_ADD, .conf = r.conf, .leg = feed});
    }
    r.phones[0].says = 3000;
    r.phones[1].says = codec == CODEC_L16 ? 500 : 0;
    run(&r, 60); /* long enough for its encoder to be its group's */
    assert_int_equal(first_other(&r.phones[0], 0), r.phones[0].n_heard);
    const struct phone *p = &r.phones[1];
    if (codec == CODEC_L16) {
        assert_true(p->heard[p->n_heard - 1] > 0 && p->heard[p->n_heard - 1] <= 100);
    }
    put(&r, (struct ctl_req){.op = CTL_LEG_TRANSFER,
                             .conf = into_annex ? annex : r.conf,
                             .leg = r.phones[1].leg,
                             .annex_source = relay});
    drop(&r, player);
    put(&r, (struct ctl_req){.op = CTL_CONF_CLOSE, .conf = lobby});
    unsigned n_before = p->n_packets;
    run(&r, 60);
    assert_in_range(p->n_packets - n_before, 58, 61);
    if (codec == CODEC_L16) {
        assert_int_equal(p->heard[p->n_heard - 1], 3000);
        assert_int_equal(r.phones[0].heard[r.phones[0].n_heard - 1], into_annex ? 0 : 500);
    }
    drop(&r, r.phones[1].leg);
    r.phones[1].leg = NULL;
    if (into_annex) {
        drop(&r, feed);
        put(&r, (struct ctl_req){.op = CTL_CONF_CLOSE, .conf = annex});
    }
    rig_close(&r);
    relay_free(relay);
    clip_free(clip);
}

static void test_transfer(void **state)
{
    transfer(CODEC_L16, false);
    transfer(CODEC_OPUS, false);
    transfer(CODEC_L16, true);
    transfer(CODEC_OPUS, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_build), cmocka_unit_test(test_exact),
                                       cmocka_unit_test(test_drop), cmocka_unit_test(test_rates),
                                       cmocka_unit_test(test_transfer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
