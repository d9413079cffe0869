/*
 * Many legs in one batch send what each would have sent alone (lanes.h). Goal: not a byte of any packet, and no count,
 * depends on how many lanes there are, or whether there are any. Method: the same rooms of G.722 and PCMU legs, with
 * loss, 40 ms packets both ways, legs that talk in turns, go deaf and leave, run with 64, 7 and 1 lanes and with none;
 * each leg's packets make a digest. The kernels are counted, so that the batches are seen to be batches.
 */
#include "tests/test_desk.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

enum { CONFS = 24, ROOM = 5, LEGS = CONFS * ROOM, TICKS = 400, VOICES = 6, LOOP = 25, FRAME = 320 };

/* What one run leaves behind. */
struct outcome {
    uint64_t digest[LEGS], tx_packets[LEGS], decoded[LEGS], concealed[LEGS];
    uint64_t encoded, encode_shared;
    uint64_t calls, channels; /* of both kernels */
};

struct hall {
    struct desk desk;
    struct conf *confs[CONFS];
    struct leg *legs[LEGS];
    uint16_t seq[LEGS];
    uint32_t draws;
    uint8_t bufs[LEGS][PACKET_STRIDE_BYTES];
    struct outcome *out;
};

static uint8_t voices[VOICES][LOOP][FRAME / 2];

/* ---- counted kernels: the best row's, and how many channels they were given ---- */

static uint64_t n_calls, n_channels;

static void encode_counted(struct g722_state *const *states, const int16_t *const *pcm, uint8_t *const *out,
                           size_t channels, size_t n)
{
    n_calls++;
    n_channels += channels;
    simd_pick(SIMD_ALL)->g722_encode(states, pcm, out, channels, n);
}

static void decode_counted(struct g722_state *const *states, const uint8_t *const *in, int16_t *const *out,
                           size_t channels, size_t n_bytes)
{
    n_calls++;
    n_channels += channels;
    simd_pick(SIMD_ALL)->g722_decode(states, in, out, channels, n_bytes);
}

/* ---- rooms ---- */

static void voices_make(void)
{
    int16_t pcm[FRAME] ALIGNED_LINE;
    const struct codec *codec = codec_get(CODEC_G722);
    for (unsigned v = 0; v < VOICES; v++) {
        struct g722_state state;
        g722_init(&state);
        for (unsigned k = 0; k < LOOP * FRAME; k++) {
            pcm[k % FRAME] = (int16_t)lrint(6000 * sin(6.2831853 * (200 + 170 * v) * k / 16000) * sin(k / 5000.0));
            if (k % FRAME == FRAME - 1) {
                codec->encode(&state, simd_pick(SIMD_ALL), pcm, FRAME, voices[v][k / FRAME], FRAME / 2);
            }
        }
    }
}

static void box_empty(struct outbox *box)
{
    struct hall *h = box->owner;
    for (uint32_t i = 0; i < box->n; i++) {
        uint64_t *digest = &h->out->digest[box->packets[i].slot / 2];
        for (uint32_t k = 0; k < box->packets[i].bytes; k++) {
            *digest = (*digest ^ box->packets[i].buf[k]) * 1099511628211ull;
        }
    }
    box->n = 0;
}

static bool is_pcmu(unsigned i)
{
    return i % 7 == 4;
}

static void leg_enter(struct hall *h, unsigned i)
{
    struct leg_cfg cfg = desk_leg(is_pcmu(i) ? CODEC_PCMU : CODEC_G722, is_pcmu(i) ? 8000 : 16000, i + 1);
    cfg.ptime_tx_ms = i % 9 == 2 ? 40 : 20;
    cfg.tx_on = i % 17 != 3;
    h->legs[i] = desk_seat(&h->desk, h->confs[i / ROOM], &cfg, i);
}

static void leg_leave(struct hall *h, unsigned i)
{
    struct leg *leg = h->legs[i];
    if (leg) {
        desk_leave(leg);
        h->out->tx_packets[i] = leg->stats.tx_packets;
        h->out->decoded[i] = leg->stats.decoded;
        h->out->concealed[i] = leg->stats.concealed;
        leg_free(leg);
        h->legs[i] = NULL;
    }
}

static void hall_open(struct hall *h, uint32_t n_lanes, const struct simd *simd)
{
    desk_open(&h->desk, n_lanes);
    h->desk.tools.leg.simd = simd;
    h->desk.box.flush = box_empty;
    h->desk.box.owner = h;
    for (unsigned c = 0; c < CONFS; c++) {
        struct conf_cfg cfg = {.id = c, .legs_max = ROOM, .talkers = c % 2 ? 2 : 0};
        assert_int_equal(conf_build(&h->confs[c], &cfg), 0);
        if (c) {
            h->confs[c - 1]->next = h->confs[c];
        }
    }
    for (unsigned i = 0; i < LEGS; i++) {
        leg_enter(h, i);
    }
}

static void hall_close(struct hall *h)
{
    for (unsigned i = 0; i < LEGS; i++) {
        leg_leave(h, i);
    }
    for (unsigned c = 0; c < CONFS; c++) {
        conf_free(h->confs[c]);
    }
    desk_close(&h->desk);
}

/* What leg i's peer sends in a tick: it talks every eighth spell of 0.6 s; some send 40 ms at a time, some get lost. */
static void peer_sends(struct hall *h, unsigned i, unsigned t)
{
    uint8_t payload[FRAME];
    bool talks = (t / 30 + i) % 8 == 0, is_long = i % 10 == 7;
    h->draws = h->draws * 1664525u + 1013904223u;
    if (!h->legs[i] || !talks || (is_long && t % 2)) {
        return;
    }
    size_t bytes = is_long ? FRAME : FRAME / 2;
    memcpy(payload, voices[i % VOICES][t % LOOP], FRAME / 2);
    memcpy(payload + FRAME / 2, voices[i % VOICES][(t + 1) % LOOP], FRAME / 2);
    size_t head = rtp_write(h->bufs[i], 96, t % 30 == 0, h->seq[i]++, t * 160, 100 + i, NULL, 0);
    memcpy(h->bufs[i] + head, payload, bytes);
    if (h->draws >> 24 > 10) {
        leg_rx_rtp(h->legs[i], h->bufs[i], (int32_t)(head + bytes), NULL, t * TICK_NS);
    }
}

/* Between two ticks: some go deaf, some leave, some are put on hold or called back. */
static void members_change(struct hall *h, unsigned t)
{
    for (unsigned i = 0; i < LEGS; i++) {
        struct leg *leg = h->legs[i];
        if (leg && t == 100 + i % 8 && i % 11 == 5) {
            conf_leg_apart(leg->conf, leg);
            leg->tx.deaf = true;
            leg->conf->changed = true;
        }
        if (t == 130 + i % 32 && i % 13 == 6) {
            leg_leave(h, i);
        } else if (leg && t == 200 && i % 17 == 3) {
            leg->tx.on = true;
        }
    }
}

static void tick(struct hall *h, unsigned t)
{
    members_change(h, t);
    h->desk.rows.used = 0;
    for (unsigned c = 0; c < CONFS; c++) {
        tick_begin(h->confs[c], 0, 0);
    }
    for (unsigned i = 0; i < LEGS; i++) {
        peer_sends(h, i, t);
    }
    tick_run(h->confs[0], NULL, &h->desk.tools);
    box_empty(&h->desk.box);
}

static struct outcome *hall_run(uint32_t n_lanes)
{
    struct simd counted = *simd_pick(SIMD_ALL);
    struct hall *h = mem_get(sizeof *h);
    struct outcome *out = mem_get(sizeof *out);
    counted.g722_encode = encode_counted;
    counted.g722_decode = decode_counted;
    n_calls = n_channels = 0;
    h->out = out;
    hall_open(h, n_lanes, &counted);
    for (unsigned t = 0; t < TICKS; t++) {
        tick(h, t);
    }
    out->encoded = count_get(&h->desk.stats.encoded);
    out->encode_shared = count_get(&h->desk.stats.encode_shared);
    out->calls = n_calls;
    out->channels = n_channels;
    hall_close(h);
    mem_put(h);
    return out;
}

static void the_same_in_any_company(void **state)
{
    static const uint32_t lanes[] = {0, 7, LANES_MAX};
    voices_make();
    struct outcome *alone = hall_run(1);
    assert_int_equal(alone->calls, alone->channels);
    assert_true(alone->encode_shared > 1000);
    for (unsigned k = 0; k < ARRAY_LEN(lanes); k++) {
        struct outcome *many = hall_run(lanes[k]);
        for (unsigned i = 0; i < LEGS; i++) {
            assert_true(i % 17 == 3 || alone->tx_packets[i] > 50);
            assert_int_equal(many->digest[i], alone->digest[i]);
            assert_int_equal(many->tx_packets[i], alone->tx_packets[i]);
            assert_int_equal(many->decoded[i], alone->decoded[i]);
            assert_int_equal(many->concealed[i], alone->concealed[i]);
        }
        assert_int_equal(many->encoded, alone->encoded);
        assert_int_equal(many->encode_shared, alone->encode_shared);
        assert_int_equal(many->channels, alone->channels);
        assert_true(lanes[k] < 7 || many->calls < many->channels / 5);
        assert_true(lanes[k] < LANES_MAX || many->calls < many->channels / 15);
        mem_put(many);
    }
    mem_put(alone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_in_any_company)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
