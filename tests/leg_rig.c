/* See leg_rig.h. */
#include "tests/leg_rig.h"

#include <string.h>

static void box_empty(struct outbox *box)
{
    box->n = 0;
}

void rig_open(struct rig *r, uint8_t shape)
{
    static const uint32_t rates[] = {8000, 16000, 48000, 16000};
    struct arena *a = &r->arena;
    must(arena_build(a, pool_arena_bytes(64, 16) + 64 * PACKET_STRIDE_BYTES + sizeof(struct lanes) + (1u << 17)) == 0);
    pool_init(&r->pool, a, 64, 16);
    r->box = (struct outbox){.packets = arena_take(a, 16 * sizeof(struct io_tx)),
                             .bufs = arena_take(a, 16 * PACKET_STRIDE_BYTES),
                             .max = 16,
                             .flush = box_empty};
    size_t frame = FRAME_SAMPLES_MAX * sizeof(int16_t);
    r->tools = (struct mix_tools){
        .leg = {.simd = simd_pick(SIMD_ALL), .scratch = arena_take(a, PACKET_SAMPLES_MAX * 2), .stats = &r->stats},
        .box = &r->box,
        .s1 = arena_take(a, frame),
        .s2 = arena_take(a, frame),
        .listen = arena_take(a, frame),
        .silence = arena_take(a, frame),
        .payload = arena_take(a, PAYLOAD_CAP),
    };
    r->tools.leg.lanes = arena_take(a, sizeof(struct lanes));
    lanes_init(r->tools.leg.lanes, LANES_MAX);
    r->tools.leg.lazy = shape & 16;
    struct conf_cfg conf = {.legs_max = 2, .talkers = shape & 16 ? 1 : 0};
    must(conf_build(&r->conf, &conf) == 0);
    for (unsigned i = 0; i < 2; i++) {
        struct leg_cfg cfg = {.id = i,
                              .rtcp_fd = 1,
                              .codec = codec_get(i ? CODEC_PCMU : shape % CODECS),
                              .pt_rx = 96,
                              .pt_tx = 96,
                              .pt_event_rx = 101,
                              .pt_cn_rx = 13,
                              .ext_level_rx = shape & 32 ? 3 : 0,
                              .ext_levels_tx = shape & 32 ? 4 : 0,
                              .rx_on = true,
                              .tx_on = true,
                              .ssrc = 5,
                              .cname = "f",
                              .rtcp_mux = shape & 64};
        cfg.fmt.rate_hz = cfg.codec->pcm_rate_hz ? cfg.codec->pcm_rate_hz : rates[shape / 4 % 4];
        if (shape & 128 && i == 0) {
            cfg.seal.suite = SEAL_AES_CM_128_HMAC_SHA1_80; /* equal keys both ways */
        }
        addr_parse(&cfg.remote_rtp, "192.0.2.1", 1000);
        addr_parse(&cfg.remote_rtcp, "192.0.2.1", 1001);
        must(leg_build(&r->legs[i], &cfg) == 0);
        leg_attach(r->legs[i], &r->pool, 2 * i, 2 * i + 1, 0);
        conf_leg_add(r->conf, r->legs[i]);
    }
    struct seal_keys keys = {.suite = SEAL_AES_CM_128_HMAC_SHA1_80};
    must(!(shape & 128) || seal_build(&r->peer, &keys, 7) == 0);
}

void rig_close(struct rig *r)
{
    for (unsigned i = 0; i < 2; i++) {
        conf_leg_drop(r->conf, r->legs[i]);
        leg_detach(r->legs[i]);
        leg_free(r->legs[i]);
    }
    must(pool_out(&r->pool) == 0);
    conf_free(r->conf);
    seal_free(r->peer);
    arena_free(&r->arena);
}

/* As the peer would send it: with its SSRC, sealed. @return false: that cannot be sealed */
static bool datagram_seal(struct rig *r, bool rtcp, const uint8_t *buf, size_t *bytes)
{
    size_t at = rtcp ? 4 : 8;
    if (*bytes > PACKET_BYTES_MAX || *bytes < at + 4) {
        return false;
    }
    memcpy(r->sealed, buf, *bytes);
    store_be32(r->sealed + at, 7);
    *bytes = rtcp ? seal_rtcp(r->peer, r->sealed, *bytes) : seal_rtp(r->peer, r->sealed, *bytes);
    return *bytes > 0;
}

/* The engine's part of one pull: a datagram arrives; what teaches the address connects the socket. */
void rig_datagram(struct rig *r, uint8_t what, uint8_t *buf, size_t bytes, uint64_t now_ns)
{
    struct addr peer, stranger;
    addr_parse(&peer, "192.0.2.1", what & 1 ? 1001 : 1000);
    addr_parse(&stranger, "198.51.100.1", 9);
    const struct addr *from = what & 2 ? &stranger : &peer;
    struct leg *leg = r->legs[0];
    size_t n = bytes;
    if (what & 16 && r->peer && datagram_seal(r, what & 1, buf, &n)) {
        buf = r->sealed;
        bytes = n;
    }
    if (what & 1) {
        leg_rx_rtcp(leg, buf, (int32_t)bytes, from, now_ns);
    } else {
        leg_rx_rtp(leg, buf, (int32_t)bytes, from, now_ns);
        leg->connected |= leg->latch_wanted;
    }
}

void rig_tick(struct rig *r, uint64_t now_ns, bool bye)
{
    conf_tick(r->conf, &r->tools);
    leg_rtcp(r->legs[0], &r->box, now_ns, 0, bye);
    box_empty(&r->box);
}
