/* See leg_rig.h. */
#include "tests/leg_rig.h"

#include <string.h>

void rig_open(struct rig *r, uint8_t shape)
{
    static const uint32_t rates[] = {8000, 16000, 48000, 16000};
    r->peer = NULL;
    desk_open(&r->desk, LANES_MAX);
    r->desk.tools.leg.lazy = shape & 16;
    struct conf_cfg conf = {.legs_max = 2, .talkers = shape & 16 ? 1 : 0};
    must(conf_build(&r->conf, &conf) == 0);
    for (unsigned i = 0; i < 2; i++) {
        struct leg_cfg cfg = desk_leg(i ? CODEC_PCMU : shape % CODECS, 8000, 5);
        cfg.id = i;
        cfg.rtcp_fd = 1;
        cfg.pt_event_rx = 101;
        cfg.pt_cn_rx = 13;
        cfg.ext_level_rx = shape & 32 ? 3 : 0;
        cfg.ext_levels_tx = shape & 32 ? 4 : 0;
        cfg.rtcp_mux = shape & 64;
        cfg.fmt.rate_hz = cfg.codec->pcm_rate_hz ? cfg.codec->pcm_rate_hz : rates[shape / 4 % 4];
        if (shape & 128 && i == 0) {
            cfg.seal.suite = SEAL_AES_CM_128_HMAC_SHA1_80; /* equal keys both ways */
        }
        addr_parse(&cfg.remote_rtp, "192.0.2.1", 1000);
        addr_parse(&cfg.remote_rtcp, "192.0.2.1", 1001);
        r->legs[i] = desk_seat(&r->desk, r->conf, &cfg, i);
    }
    struct seal_keys keys = {.suite = SEAL_AES_CM_128_HMAC_SHA1_80};
    must(!(shape & 128) || seal_build(&r->peer, &keys, 7) == 0);
}

void rig_close(struct rig *r)
{
    for (unsigned i = 0; i < 2; i++) {
        desk_leave(r->legs[i]);
        leg_free(r->legs[i]);
    }
    conf_free(r->conf);
    seal_free(r->peer);
    desk_close(&r->desk);
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
        leg->socket = leg_may_connect(leg, now_ns) ? SOCKET_CONNECTED : SOCKET_OPEN;
    }
}

void rig_tick(struct rig *r, uint64_t now_ns, bool bye)
{
    tick_alone(r->conf, &r->desk.tools);
    leg_rtcp(r->legs[0], &r->desk.box, now_ns, 0, bye);
    r->desk.box.n = 0;
}
