/*
 * Foreign bytes on the media path: a sequence of datagrams, some from strangers, some RTCP, to one leg of a conference
 * that ticks between them: header, source, jitter buffer, every codec's decoder, events, reports. The first octet chooses
 * codec, rate and mux; then each datagram is two octets (what, length) and its bytes.
 */
#include "core/conf/conf_run.h"
#include "core/base/mem.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

struct rig {
    struct arena arena;
    struct pool pool;
    struct outbox box;
    struct worker_stats stats;
    struct mix_tools tools;
    struct conf *conf;
    struct leg *legs[2];
};

static void box_empty(struct outbox *box) { box->n = 0; }

static void rig_open(struct rig *r, uint8_t shape)
{
    static const uint32_t rates[] = { 8000, 16000, 48000, 16000 };
    struct arena *a = &r->arena;
    must(arena_build(a, pool_arena_bytes(64, 16) + 64 * PACKET_STRIDE_BYTES + (1u << 17)) == 0);
    pool_init(&r->pool, a, 64, 16);
    r->box = (struct outbox){ .packets = arena_take(a, 16 * sizeof(struct io_tx)),
                              .bufs = arena_take(a, 16 * PACKET_STRIDE_BYTES), .max = 16, .flush = box_empty };
    size_t frame = FRAME_SAMPLES_MAX * sizeof(int16_t);
    r->tools = (struct mix_tools){
        .leg = { .simd = simd_pick(SIMD_ALL), .scratch = arena_take(a, PACKET_SAMPLES_MAX * 2), .stats = &r->stats },
        .box = &r->box, .s1 = arena_take(a, frame), .s2 = arena_take(a, frame), .listen = arena_take(a, frame),
        .own = arena_take(a, frame), .silence = arena_take(a, frame), .payload = arena_take(a, PAYLOAD_CAP),
    };
    struct conf_cfg conf = { .legs_max = 2 };
    must(conf_build(&r->conf, &conf) == 0);
    for (unsigned i = 0; i < 2; i++) {
        struct leg_cfg cfg = { .id = i, .rtcp_fd = 1, .codec = codec_get(i ? CODEC_PCMU : shape % CODECS), .pt_rx = 96,
                               .pt_tx = 96, .pt_event_rx = 101, .pt_cn_rx = 13, .rx_on = true, .tx_on = true, .ssrc = 5,
                               .cname = "f", .rtcp_mux = shape & 64 };
        bool g711 = cfg.codec->wire_clock_hz == 8000;
        cfg.fmt.rate_hz = g711 ? 8000 : rates[shape / 4 % 4];
        addr_parse(&cfg.remote_rtp, "192.0.2.1", 1000);
        addr_parse(&cfg.remote_rtcp, "192.0.2.1", 1001);
        must(leg_build(&r->legs[i], &cfg) == 0);
        leg_attach(r->legs[i], &r->pool, 2 * i, 2 * i + 1, 0);
        conf_leg_add(r->conf, r->legs[i]);
    }
}

static void rig_close(struct rig *r)
{
    for (unsigned i = 0; i < 2; i++) {
        conf_leg_drop(r->conf, r->legs[i]);
        leg_detach(r->legs[i]);
        leg_free(r->legs[i]);
    }
    must(pool_out(&r->pool) == 0);
    conf_free(r->conf);
    arena_free(&r->arena);
}

/* The engine's part of one pull: a datagram arrives; what teaches the address connects the socket. */
static void datagram(struct rig *r, uint8_t what, const uint8_t *buf, size_t n, uint64_t now_ns)
{
    struct addr peer, stranger;
    addr_parse(&peer, "192.0.2.1", what & 1 ? 1001 : 1000);
    addr_parse(&stranger, "198.51.100.1", 9);
    const struct addr *from = what & 2 ? &stranger : &peer;
    struct leg *leg = r->legs[0];
    if (what & 1) {
        leg_rx_rtcp(leg, buf, (int32_t)n, from, now_ns);
    } else {
        leg_rx_rtp(leg, buf, (int32_t)n, from, now_ns);
        leg->connected |= leg->latch_wanted;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct rig *r = mem_get(sizeof *r);
    uint8_t *packets = mem_get(n_bytes);
    uint64_t now_ns = NS_PER_S;
    must(r && packets);
    memcpy(packets, bytes, n_bytes);
    rig_open(r, n_bytes ? bytes[0] : 0);
    for (size_t at = 1; at + 2 <= n_bytes;) {
        uint8_t what = packets[at];
        size_t n = MIN((size_t)packets[at + 1], n_bytes - at - 2);
        uint8_t *one = mem_get(n); /* its own block, so that a read past its end is seen */
        memcpy(one, packets + at + 2, n);
        at += 2 + n;
        if (n) {
            datagram(r, what, one, n, now_ns);
        }
        for (unsigned i = 0; i < 2; i++) {
            jbuf_settle(&r->legs[i]->jbuf); /* one is freed before the tick */
        }
        mem_put(one);
        if (what & 4) {
            conf_tick(r->conf, &r->tools);
            leg_rtcp(r->legs[0], &r->box, now_ns += 20 * NS_PER_MS, 0, what & 8);
            box_empty(&r->box);
        }
    }
    rig_close(r);
    mem_put(packets);
    mem_put(r);
    return 0;
}
