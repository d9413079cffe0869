/*
 * A leg with SRTP (attacks A25, A27). Goal: nothing but the peer's own packets changes anything in a leg, whatever
 * address it comes from; and what the leg sends the peer can open, before and after a change of codec. Method: one leg
 * of a conference of two (leg_rig.h), the peer's own SRTP beside it.
 */
#include "tests/leg_rig.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>

/* A shape is SRTP (128) and, modulo CODECS, the codec. */
enum { SHAPE = 128 + (CODEC_PCMU + CODECS - 128 % CODECS) % CODECS, WHAT_RTCP = 1, WHAT_SEALED = 16 };

static uint64_t seed = 88172645463325252ull;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

struct talk {
    struct rig rig;
    uint64_t now_ns;
    uint16_t seq;
};

static struct talk *talk_open(void)
{
    struct talk *t = mem_get(sizeof *t);
    rig_open(&t->rig, SHAPE);
    t->now_ns = NS_PER_S;
    t->seq = 65000;
    return t;
}

static void talk_close(struct talk *t)
{
    rig_close(&t->rig);
    mem_put(t);
}

static size_t packet_make(uint8_t *buf, uint16_t seq, uint32_t ssrc)
{
    size_t n = rtp_write(buf, 96, false, seq, seq * 160u, ssrc, NULL, 0);
    memset(buf + n, 0x55, 160);
    return n + 160;
}

/* One packet of the peer and one tick. */
static void talk_on(struct talk *t)
{
    _Alignas(4) uint8_t buf[PACKET_STRIDE_BYTES];
    rig_datagram(&t->rig, WHAT_SEALED, buf, packet_make(buf, t->seq++, 7), t->now_ns);
    rig_tick(&t->rig, t->now_ns += TICK_NS, false);
}

static uint64_t refused(const struct leg *leg)
{
    return leg->stats.drops[DROP_AUTH] + leg->stats.drops[DROP_REPLAY] + leg->stats.drops[DROP_SEAL];
}

static void forged_packets_change_nothing(void **state)
{
    struct talk *t = talk_open();
    struct leg *leg = t->rig.legs[0];
    for (unsigned i = 0; i < 700; i++) { /* over the rollover, too */
        talk_on(t);
    }
    assert_int_equal(leg->stats.decoded, 700);
    struct rtp_source source = leg->rx.source;
    struct jbuf jbuf = leg->jbuf;
    for (unsigned i = 0; i < 100000; i++) {
        _Alignas(4) uint8_t buf[PACKET_STRIDE_BYTES];
        uint16_t seq = draw() % 2 ? (uint16_t)(t->seq + draw() % 4) : (uint16_t)draw();
        size_t n = packet_make(buf, seq, draw() % 2 ? 7 : (uint32_t)draw());
        n += 10;
        for (unsigned k = 0; k < 10; k++) {
            buf[n - 1 - k] = (uint8_t)draw();
        }
        rig_datagram(&t->rig, draw() % 8 == 0 ? WHAT_RTCP : 0, buf, draw() % 16 ? n : draw() % n, t->now_ns);
    }
    assert_int_equal(refused(leg) + leg->stats.drops[DROP_KEEPALIVE], 100000); /* empty ones hold no audio */
    assert_memory_equal(&source, &leg->rx.source, sizeof source);
    assert_memory_equal(&jbuf, &leg->jbuf, sizeof jbuf);
    assert_false(leg->pending.bye);
    for (unsigned i = 0; i < 100; i++) {
        talk_on(t);
    }
    assert_int_equal(leg->stats.decoded, 800);
    assert_int_equal(leg->stats.concealed, 0);
    talk_close(t);
}

/* C56, A24. */
static void only_the_peer_teaches_its_address(void **state)
{
    struct rig *r = mem_get(sizeof *r);
    rig_open(r, SHAPE);
    struct leg *leg = r->legs[0];
    _Alignas(4) uint8_t buf[PACKET_STRIDE_BYTES];
    struct addr elsewhere;
    addr_parse(&elsewhere, "198.51.100.1", 4242);
    leg->from.latch = elsewhere;
    for (uint16_t i = 0; i < 3 * SOURCE_TRIALS; i++) { /* plain RTP */
        size_t n = packet_make(buf, i, 7);
        assert_false(leg_rx_rtp(leg, buf, (int32_t)n, &elsewhere, NS_PER_S));
    }
    assert_false(leg->moved);
    assert_false(leg->rx.source.known);
    for (uint16_t i = 1; i <= SOURCE_TRIALS; i++) {
        assert_false(leg->moved);
        size_t n = seal_rtp(r->peer, buf, packet_make(buf, i, 7));
        assert_int_equal(leg_rx_rtp(leg, buf, (int32_t)n, &elsewhere, NS_PER_S), i == SOURCE_TRIALS);
    }
    assert_true(leg->moved);
    assert_true(addr_same(&leg->from.at, &elsewhere));
    assert_int_equal(leg->stats.drops[DROP_PROBATION], SOURCE_TRIALS - 1);
    jbuf_settle(&leg->jbuf);
    rig_close(r);
    mem_put(r);
}

/* C51. */
static void a_peer_may_restart(void **state)
{
    struct talk *t = talk_open();
    struct leg *leg = t->rig.legs[0];
    struct seal_keys keys = {.suite = SEAL_AES_CM_128_HMAC_SHA1_80};
    talk_on(t);
    struct seal *again;
    assert_int_equal(seal_build(&again, &keys, 0xbeef), 0);
    for (uint16_t seq = 100; seq < 110; seq++) {
        _Alignas(4) uint8_t buf[PACKET_STRIDE_BYTES];
        size_t n = seal_rtp(again, buf, packet_make(buf, seq, 0xbeef));
        rig_datagram(&t->rig, 0, buf, n, t->now_ns);
        rig_tick(&t->rig, t->now_ns += TICK_NS, false);
    }
    assert_int_equal(leg->rx.source.ssrc, 0xbeef);
    assert_int_equal(refused(leg), 0);
    assert_int_equal(leg->stats.drops[DROP_SSRC], 1); /* its first is on probation as any stranger's */
    seal_free(again);
    talk_close(t);
}

/* What the leg sends in one tick. */
static size_t sent(struct talk *t, uint8_t *buf)
{
    tick_alone(t->rig.conf, &t->rig.desk.tools);
    for (uint32_t i = 0; i < t->rig.desk.box.n; i++) {
        const struct io_tx *tx = &t->rig.desk.box.packets[i];
        if (tx->slot == t->rig.legs[0]->slot_rtp) {
            memcpy(buf, tx->buf, tx->bytes);
            t->rig.desk.box.n = 0;
            return tx->bytes;
        }
    }
    return 0;
}

static void leg_swap(struct talk *t, const struct seal_keys *keys, uint32_t ssrc)
{
    struct rig *r = &t->rig;
    struct leg *old = r->legs[0];
    struct leg_cfg cfg = *leg_cfg_of(old);
    cfg.seal = *keys;
    cfg.ssrc = ssrc;
    cfg.seq0 = 1;
    must(leg_build(&r->legs[0], &cfg) == 0);
    conf_leg_drop(r->conf, old);
    leg_detach(old);
    leg_take_over(r->legs[0], old, t->now_ns);
    conf_leg_add(r->conf, r->legs[0]);
    leg_free(old);
}

static void swapped_legs_go_on(void **state)
{
    struct talk *t = talk_open();
    struct seal_keys keys = {.suite = SEAL_AES_CM_128_HMAC_SHA1_80};
    _Alignas(4) uint8_t buf[PACKET_STRIDE_BYTES];
    struct rtp rtp;
    uint16_t seq = 0;
    for (unsigned i = 0; i < 40; i++) {
        talk_on(t);
        size_t n = sent(t, buf);
        assert_int_equal(seal_open_rtp(t->rig.peer, buf, &n), DROP_NONE);
        assert_int_equal(rtp_parse(buf, n, &rtp), DROP_NONE);
        assert_int_equal(rtp.ssrc, 5);
        if (i) {
            assert_int_equal(rtp.seq, (uint16_t)(seq + 2)); /* talk_on sent one */
        }
        seq = rtp.seq;
        if (i % 10 == 9) {
            leg_swap(t, &keys, 6); /* same keys: the SSRC stays */
        }
    }
    assert_int_equal(refused(t->rig.legs[0]), 0);
    /* A new key of ours: a new stream. */
    keys.tx[0] = 1;
    leg_swap(t, &keys, 6);
    talk_on(t);
    size_t n = sent(t, buf);
    assert_int_equal(seal_open_rtp(t->rig.peer, buf, &n), DROP_AUTH);
    memcpy(keys.rx, keys.tx, sizeof keys.rx);
    struct seal *renewed;
    assert_int_equal(seal_build(&renewed, &keys, 7), 0);
    n = sent(t, buf);
    assert_int_equal(seal_open_rtp(renewed, buf, &n), DROP_NONE);
    assert_int_equal(rtp_parse(buf, n, &rtp), DROP_NONE);
    assert_int_equal(rtp.ssrc, 6);
    assert_true(rtp.seq < 10);
    assert_int_equal(refused(t->rig.legs[0]), 0); /* the peer's key is still the same */
    seal_free(renewed);
    talk_close(t);
}

static void keys_are_kept_in_one_place(void **state)
{
    struct leg_cfg cfg = {.codec = codec_get(CODEC_PCMU), .rtcp_fd = -1};
    cfg.fmt.rate_hz = 8000;
    cfg.seal.suite = SEAL_AEAD_AES_256_GCM;
    memset(cfg.seal.rx, 0xa5, sizeof cfg.seal.rx);
    struct leg *leg;
    assert_int_equal(leg_build(&leg, &cfg), 0);
    struct seal_keys none = {0};
    assert_memory_equal(&leg_cfg_of(leg)->seal, &none, sizeof none);
    leg_free(leg);
    cfg.seal.suite = SEAL_SUITES;
    assert_int_not_equal(leg_build(&leg, &cfg), 0);
}

/* ---- plain RTP: what a payload type may mean ---- */

enum { PCMU_SHAPE = 0 };

static enum drop dropped_of(struct leg *leg, uint64_t before[DROPS])
{
    enum drop drop = DROP_NONE;
    for (enum drop d = DROP_NONE + 1; d < DROPS; d++) {
        drop = leg->stats.drops[d] != before[d] ? d : drop;
        before[d] = leg->stats.drops[d];
    }
    return drop;
}

/* One packet of that payload type. @return why it was refused */
static enum drop packet(struct rig *r, uint8_t pt, const uint8_t *payload, size_t bytes, uint32_t ts, uint64_t now_ns)
{
    static uint16_t seq;
    static uint64_t drops[DROPS];
    _Alignas(4) uint8_t buf[PACKET_STRIDE_BYTES];
    memcpy(drops, r->legs[0]->stats.drops, sizeof drops);
    size_t n = rtp_write(buf, pt, false, seq++, ts, 7, NULL, 0);
    memcpy(buf + n, payload, bytes);
    rig_datagram(r, 0, buf, n + bytes, now_ns);
    jbuf_settle(&r->legs[0]->jbuf); /* it may wait for longer than buf is there */
    return dropped_of(r->legs[0], drops);
}

/* Held in the midst of a loss, or of a packet of 60 ms: nothing said before is heard after the resume. */
static void a_hold_keeps_nothing(void **state)
{
    uint8_t loud[480], silence[480];
    memset(loud, 0x12, sizeof loud);
    memset(silence, 0xff, sizeof silence);
    for (unsigned n = 160; n <= 480; n += 320) {
        struct rig *r = mem_get(sizeof *r);
        uint64_t now_ns = NS_PER_S;
        uint32_t ts = 0;
        rig_open(r, PCMU_SHAPE);
        struct leg *leg = r->legs[0];
        for (unsigned i = 0; i < 60; i++, now_ns += TICK_NS) {
            if (i * 160 % n == 0) {
                packet(r, leg->cfg.pt_rx, loud, n, ts, now_ns);
                ts += n;
            }
            rig_tick(r, now_ns, false);
        }
        packet(r, leg->cfg.pt_rx, loud, n, ts, now_ns);
        for (unsigned i = 0; i < (n == 160 ? 3 : 1); i++) { /* made up, or the first third */
            rig_tick(r, now_ns += TICK_NS, false);
        }
        assert_true(leg->rx.made_up == (n == 160));
        leg->rx.on = false;
        leg_hold(leg);
        rig_tick(r, now_ns += TICK_NS, false);
        leg->rx.on = true;
        for (unsigned i = 0; i < 12; i++, now_ns += TICK_NS) {
            if (i * 160 % n == 0) {
                packet(r, leg->cfg.pt_rx, silence, n, ts += n, now_ns);
            }
            rig_tick(r, now_ns, false);
            assert_int_equal(leg->rx.peak, 0);
        }
        rig_close(r);
        mem_put(r);
    }
}

static enum drop event(struct rig *r, uint8_t pt, uint8_t key, bool end, uint32_t ts, uint64_t now_ns)
{
    uint8_t payload[4] = {key, (uint8_t)(end ? 0x8a : 0x0a), 1, 0};
    return packet(r, pt, payload, sizeof payload, ts, now_ns);
}

/* RFC 3264 6.1 and 7: numbers of the answer count beside those of the offer; another codec asks for another leg. */
static void payload_types_of_an_answer(void **state)
{
    struct rig *r = mem_get(sizeof *r);
    uint8_t silence[160];
    memset(silence, 0xff, sizeof silence);
    rig_open(r, PCMU_SHAPE);
    struct leg *leg = r->legs[0];
    uint8_t pt = leg->cfg.pt_rx;
    uint64_t now_ns = NS_PER_S;
    pt_set_add(&leg->cfg.pts_rx, 127);
    pt_set_add(&leg->cfg.pts_event, 64);
    pt_set_add(&leg->cfg.pts_other, 8);
    pt_set_add(&leg->cfg.pts_other, 111);
    assert_int_equal(packet(r, pt, silence, 160, 160, now_ns), DROP_NONE);
    assert_int_equal(packet(r, 127, silence, 160, 320, now_ns), DROP_NONE);
    assert_int_equal(event(r, 64, 5, true, 480, now_ns), DROP_NONE);
    assert_int_equal(leg->pending.n_digits, 1);
    assert_int_equal(packet(r, 63, silence, 160, 640, now_ns), DROP_PAYLOAD_TYPE);
    assert_false(leg->pending.codec);
    struct rtp_source source = leg->rx.source;
    assert_int_equal(packet(r, 111, silence, 160, 640, now_ns), DROP_CODEC_PENDING);
    assert_true(leg->pending.codec && leg->notify.codec_pt == 111);
    assert_memory_equal(&source, &leg->rx.source, sizeof source); /* its clock may be another */
    /* It is said again after a while, not with every packet. */
    leg->pending.codec = false;
    assert_int_equal(packet(r, 8, silence, 160, 640, now_ns + 20 * NS_PER_MS), DROP_CODEC_PENDING);
    assert_false(leg->pending.codec);
    assert_int_equal(packet(r, 8, silence, 160, 640, now_ns + 300 * NS_PER_MS), DROP_CODEC_PENDING);
    assert_true(leg->pending.codec && leg->notify.codec_pt == 8);
    rig_tick(r, now_ns, false);
    rig_close(r);
    mem_put(r);
}

/* RFC 4733 2.5.2.2, and what is keyed in over a change of codec. */
static void keys_without_end(void **state)
{
    struct talk *t = mem_get(sizeof *t);
    struct rig *r = &t->rig;
    uint64_t now_ns = NS_PER_S;
    rig_open(r, PCMU_SHAPE);
    for (unsigned key = 1; key <= 3; key++) {
        for (unsigned i = 0; i < 5; i++, now_ns += 3 * TICK_NS) { /* of 60 ms */
            event(r, 101, (uint8_t)key, false, 1000 * key, now_ns);
            for (unsigned k = 0; k < 3; k++) {
                rig_tick(r, now_ns, false);
            }
        }
    }
    assert_int_equal(r->legs[0]->pending.n_digits, 2); /* with the next one */
    for (unsigned i = 0; i < 12; i++) {
        rig_tick(r, now_ns += TICK_NS, false);
    }
    assert_int_equal(r->legs[0]->pending.n_digits, 3);
    assert_int_equal(r->legs[0]->notify.digits[2].digit, '3');
    event(r, 101, 3, true, 3000, now_ns); /* late */
    assert_int_equal(r->legs[0]->pending.n_digits, 3);
    /* The ends of a key lie before and behind a swap. */
    event(r, 101, 9, true, 9000, now_ns);
    leg_swap(t, &(struct seal_keys){0}, 5);
    assert_int_equal(r->legs[0]->pending.n_digits, 4); /* told by nobody yet, and not lost */
    assert_true(r->legs[0]->notify.digits[0].digit == '1' && r->legs[0]->notify.digits[3].digit == '9');
    event(r, 101, 9, true, 9000, now_ns);
    assert_int_equal(r->legs[0]->pending.n_digits, 4);
    event(r, 101, 10, false, 10000, now_ns);
    leg_swap(t, &(struct seal_keys){0}, 5);
    for (unsigned i = 0; i < 12; i++) {
        rig_tick(r, now_ns += TICK_NS, false);
    }
    assert_int_equal(r->legs[0]->pending.n_digits, 5);
    assert_int_equal(r->legs[0]->notify.digits[4].digit, '*');
    /* More than can be told are counted. */
    for (unsigned i = 0; i < 2 * DIGITS_MAX; i++) {
        event(r, 101, 1, true, 20000 + 1000 * i, now_ns);
    }
    assert_int_equal(r->legs[0]->pending.n_digits, DIGITS_MAX);
    assert_int_equal(r->legs[0]->stats.drops[DROP_DTMF_FULL], 5 + DIGITS_MAX);
    rig_close(r);
    mem_put(t);
}

/* Redundancy is for those who lose packets: who never says what it loses has it for ten seconds, not for ever. */
static void no_reports_no_redundancy(void **state)
{
    struct rig *r = mem_get(sizeof *r);
    rig_open(r, PCMU_SHAPE);
    struct leg *leg = r->legs[0];
    leg->cfg.fmt.fec = true;
    assert_true(leg_is_protected(leg));
    leg->stats.tx_packets = 499;
    assert_true(leg_is_protected(leg));
    leg->stats.tx_packets = 500;
    assert_false(leg_is_protected(leg));
    leg->rtcp.reported = true; /* of a loss: the reports decide from now on */
    assert_true(leg_is_protected(leg));
    rig_close(r);
    mem_put(r);
}

/* RFC 3550 6.3.1: every 5 s on average, between half and one and a half of that, and nobody in step with others.
 * C52. */
static void reports_are_drawn(void **state)
{
    enum { STEP_NS = 20 * NS_PER_MS, RUN_S = 1000 };
    struct rig rig;
    uint64_t last_ns[2] = {0}, n[2] = {0}, together = 0;
    rig_open(&rig, 0);
    rig.legs[1]->rtcp.draw = 77;
    for (uint64_t now_ns = NS_PER_S; now_ns < RUN_S * (uint64_t)NS_PER_S; now_ns += STEP_NS) {
        bool sent[2];
        for (unsigned i = 0; i < 2; i++) {
            rig.desk.box.n = 0;
            leg_rtcp(rig.legs[i], &rig.desk.box, now_ns, 0, false);
            sent[i] = rig.desk.box.n == 1;
            if (sent[i] && n[i]++ > 0) {
                assert_in_range(now_ns - last_ns[i], 2500 * NS_PER_MS, 7500 * NS_PER_MS + STEP_NS);
            }
            last_ns[i] = sent[i] ? now_ns : last_ns[i];
        }
        together += sent[0] && sent[1];
    }
    assert_in_range(n[0], RUN_S / 5 - 15, RUN_S / 5 + 15);
    assert_in_range(n[1], RUN_S / 5 - 15, RUN_S / 5 + 15);
    assert_in_range(together, 0, 10);
    rig.desk.box.n = 0;
    rig_close(&rig);
}

/* A bare leg is little more than itself, whatever its codec. */
static void bare(void **state)
{
    static const enum codec_id ids[] = {CODEC_PCMU, CODEC_G722, CODEC_OPUS};
    struct leg *leg;
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
        struct leg_cfg cfg = desk_leg(ids[i], ids[i] == CODEC_PCMU ? 8000 : ids[i] == CODEC_G722 ? 16000 : 48000, 7);
        cfg.ptt.is_on = cfg.ptt.is_bare = true;
        assert_int_equal(leg_build(&leg, &cfg), 0);
        assert_in_range(malloc_usable_size(leg), sizeof(struct leg), 9 * 1024);
        assert_null(leg->enc.held);
        leg_free(leg);
        cfg.ptt.is_on = false; /* nobody would lend it anything */
        assert_int_equal(leg_build(&leg, &cfg), -EINVAL);
    }
}

int main(void)
{
    if (seal_start() != 0) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forged_packets_change_nothing),
        cmocka_unit_test(only_the_peer_teaches_its_address),
        cmocka_unit_test(a_peer_may_restart),
        cmocka_unit_test(swapped_legs_go_on),
        cmocka_unit_test(keys_are_kept_in_one_place),
        cmocka_unit_test(payload_types_of_an_answer),
        cmocka_unit_test(keys_without_end),
        cmocka_unit_test(a_hold_keeps_nothing),
        cmocka_unit_test(no_reports_no_redundancy),
        cmocka_unit_test(reports_are_drawn),
        cmocka_unit_test(bare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
