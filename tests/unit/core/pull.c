/*
 * What the engine asks of a leg's sockets, and when. Method: a real engine with one leg and an I/O back end of the
 * test's own, whose peer sends a packet every 20 ms at a phase of its own and answers reports after a known time.
 */
#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/engine.h"
#include "core/media/rtcp.h"
#include "core/media/rtp.h"
#include "tests/test_desk.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

enum { SSRC = 9, PEER_SSRC = 7, FRAME = 160, PHASE_NS = 7000000, WAY_NS = 43000000 };

struct rig {
    struct io io;
    struct ctl ctl;
    struct worker_stats stats;
    struct engine *engine;
    struct conf *conf;
    struct leg *leg;
    uint64_t now_ns, sent; /* packets of the peer that have been read */
    uint64_t answer_ns;    /* when the peer's report arrives; 0: none on its way */
    uint32_t lsr;
    unsigned n_rtp, n_rtcp, n_at, n_empty;
    int64_t wobble_ns; /* of every other packet */
    bool is_connected, is_silent, refuses_rtcp;
    unsigned n_disconnects;
    unsigned n_left;     /* packets of another port of the peer's, that wait in the socket ... */
    uint64_t left_at_ns; /* ... since then */
    int fds[2];          /* open: RTP's, RTCP's, and 100; 0: none */
};

static struct rig *rig_of(struct io *io)
{
    return (struct rig *)(void *)((char *)io - offsetof(struct rig, io));
}

static int io_open(struct io *io, uint32_t slot, int fd)
{
    struct rig *r = rig_of(io);
    if (slot % 2 && r->refuses_rtcp) {
        return -EMFILE;
    }
    assert_int_equal(r->fds[slot % 2], 0);
    r->fds[slot % 2] = 100 + fd;
    return 0;
}
static void io_close(struct io *io, uint32_t slot)
{
    assert_int_not_equal(rig_of(io)->fds[slot % 2], 0);
    rig_of(io)->fds[slot % 2] = 0;
}
static int io_connect(struct io *io, uint32_t slot, const struct addr *peer)
{
    rig_of(io)->is_connected = true;
    return 0;
}
static void io_disconnect(struct io *io, uint32_t slot)
{
    rig_of(io)->is_connected = false;
    rig_of(io)->n_disconnects++;
}

static void rtp_read(struct rig *r, struct io_rx *rx)
{
    if (r->n_left) {
        unsigned i = 100 - r->n_left--;
        size_t n = rtp_write(rx->buf, 96, false, (uint16_t)i, i * FRAME, PEER_SSRC + 1, NULL, 0);
        memset(rx->buf + n, 0x12, FRAME);
        rx->bytes = (int32_t)n + FRAME;
        rx->at_ns = rx->want_at ? r->left_at_ns : 0;
        addr_set_port(&rx->from, 4000);
        return;
    }
    uint64_t at_ns = NS_PER_S + r->sent * TICK_NS + PHASE_NS + (uint64_t)(r->sent % 2 ? r->wobble_ns : 0);
    r->n_rtp++;
    if (at_ns > r->now_ns || r->is_silent) {
        r->n_empty++;
        return;
    }
    size_t head = rtp_write(rx->buf, 96, false, (uint16_t)r->sent, (uint32_t)r->sent * FRAME, PEER_SSRC, NULL, 0);
    memset(rx->buf + head, 0x12, FRAME); /* loud */
    rx->bytes = (int32_t)head + FRAME;
    rx->at_ns = rx->want_at ? at_ns : 0;
    r->n_at += rx->want_at;
    r->sent++;
}

static void rtcp_read(struct rig *r, struct io_rx *rx)
{
    r->n_rtcp++;
    if (!r->answer_ns || r->answer_ns > r->now_ns) {
        return;
    }
    struct rtcp_report report = {.ssrc = PEER_SSRC, .has_block = true, .cname = "peer"};
    report.block = (struct rtcp_block){.ssrc = SSRC, .lsr = r->lsr};
    rx->bytes = (int32_t)rtcp_write(rx->buf, &report);
    rx->at_ns = rx->want_at ? r->answer_ns : 0;
    r->answer_ns = 0;
}

static void io_rx(struct io *io, struct io_rx *rx, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rx[i].bytes = IO_NONE;
        rx[i].at_ns = 0;
        addr_parse(&rx[i].from, "192.0.2.1", (uint16_t)(1000 + SSRC));
        if (rx[i].slot % 2) {
            rtcp_read(rig_of(io), &rx[i]);
        } else {
            rtp_read(rig_of(io), &rx[i]);
        }
    }
}

/* The peer answers a report at once; there and back take a known time. */
static void io_tx(struct io *io, const struct io_tx *tx, size_t n)
{
    struct rig *r = rig_of(io);
    for (size_t i = 0; i < n; i++) {
        struct rtcp_heard heard;
        assert_true(tx[i].to || r->is_connected); /* the kernel would not know where to */
        if (tx[i].slot % 2) {
            assert_int_equal(rtcp_parse(tx[i].buf, tx[i].bytes, SSRC, &heard), DROP_NONE);
            r->lsr = heard.sr_ntp_middle;
            r->answer_ns = heard.sr ? r->now_ns + WAY_NS : 0;
        }
    }
}

static const struct io_ops ops = {
    .open = io_open, .close = io_close, .connect = io_connect, .disconnect = io_disconnect, .rx = io_rx, .tx = io_tx};

static void run(struct rig *r, unsigned ticks)
{
    r->n_rtp = r->n_rtcp = r->n_at = r->n_empty = 0;
    for (uint64_t end_ns = r->now_ns + ticks * TICK_NS; r->now_ns < end_ns; r->now_ns += NS_PER_MS) {
        engine_beat(r->engine, r->now_ns);
    }
}

static void rig_open(struct rig *r)
{
    memset(r, 0, sizeof *r);
    r->io.ops = &ops;
    r->now_ns = NS_PER_S;
    assert_int_equal(ctl_build(&r->ctl), 0);
    struct engine_cfg cfg = {
        .ctl = &r->ctl, .io = &r->io, .stats = &r->stats, .simd = simd_pick(SIMD_ALL), .legs_max = 1};
    assert_int_equal(engine_build(&r->engine, &cfg), 0);
    assert_int_equal(conf_build(&r->conf, &(struct conf_cfg){.legs_max = 1, .talkers = 1}), 0);
    struct leg_cfg leg = desk_leg(CODEC_PCMU, 8000, SSRC);
    leg.rtcp_fd = 1;
    addr_parse(&leg.remote_rtcp, "192.0.2.1", (uint16_t)(1001 + SSRC));
    assert_int_equal(leg_build(&r->leg, &leg), 0);
    ctl_put(&r->ctl, &(struct ctl_req){.op = CTL_CONF_OPEN, .conf = r->conf});
    ctl_put(&r->ctl, &(struct ctl_req){.op = CTL_LEG_ADD, .conf = r->conf, .leg = r->leg});
}

static void rig_close(struct rig *r)
{
    struct ctl_ev ev;
    ctl_put(&r->ctl, &(struct ctl_req){.op = CTL_LEG_DROP, .leg = r->leg});
    ctl_put(&r->ctl, &(struct ctl_req){.op = CTL_CONF_CLOSE, .conf = r->conf});
    run(r, 2);
    while (ctl_take(&r->ctl, &ev)) {
    }
    leg_free(r->leg);
    conf_free(r->conf);
    engine_free(r->engine);
    ctl_free(&r->ctl);
}

/* The round trip is that of the network, however seldom the socket is asked. */
static void round_trip(void **state)
{
    struct rig r;
    rig_open(&r);
    run(&r, 15 * 50);
    uint64_t rtt_us = count_get(&leg_view_of(r.leg)->rtt_us);
    assert_in_range(rtt_us, WAY_NS / NS_PER_US - 100, WAY_NS / NS_PER_US + 100);
    assert_in_range(r.n_rtcp, 10, 20); /* in 15 s */
    rig_close(&r);
}

/* One read a tick and few that find nothing. A steady talker's arrival is soon asked for seldom, an unsteady one's as
 * often as at first. */
static void arrival(void **state)
{
    struct rig r;
    rig_open(&r);
    run(&r, 50);
    assert_in_range(r.n_at, 10, 14);
    run(&r, 100);
    run(&r, 160);
    assert_in_range(r.n_at, 9, 11);
    assert_in_range(r.n_rtp, 160, 160 + 160 / 16 + 1);
    assert_in_range(r.n_empty, 1, 11);
    r.wobble_ns = 5 * (int64_t)NS_PER_MS;
    run(&r, 100);
    run(&r, 160);
    assert_in_range(r.n_at, 39, 41);
    r.wobble_ns = 0; /* the late ones are forgotten little by little */
    run(&r, 400);
    run(&r, 160);
    assert_in_range(r.n_at, 9, 11);
    rig_close(&r);
}

/* The socket of a peer that falls silent is open to its host's other ports again; the packet that goes to it in the
 * same tick is sent before that, while it needs no address. */
static void silence(void **state)
{
    struct rig r;
    rig_open(&r);
    run(&r, 100);
    assert_true(r.is_connected);
    r.is_silent = true;
    run(&r, 100);
    assert_false(r.is_connected);
    assert_int_equal(r.n_disconnects, 1);
    rig_close(&r);
}

/* What waits in the socket from before the leg was is from the peer's host, and not for it: it was sent to the call
 * that had the ports before. What comes after that may be the peer itself, behind a NAT. */
static void left_over(void **state)
{
    for (unsigned is_new = 0; is_new < 2; is_new++) {
        struct rig r;
        rig_open(&r);
        r.is_silent = true;
        engine_beat(r.engine, r.now_ns);
        r.n_left = 50;
        r.left_at_ns = is_new ? r.now_ns + NS_PER_MS : r.now_ns - NS_PER_MS;
        run(&r, 10);
        assert_int_equal(r.n_left, 0);
        assert_int_equal(count_get(&r.stats.decoded) > 0, is_new);
        rig_close(&r);
    }
}

/* Another leg in its place, with RTCP on the RTP socket or on its own. */
static void swap(struct rig *r, bool mux)
{
    struct leg_cfg cfg = desk_leg(CODEC_PCMU, 8000, SSRC);
    struct ctl_ev ev;
    struct ctl_req req = {.op = CTL_LEG_SWAP, .old = r->leg};
    cfg.rtcp_fd = mux ? -1 : 1;
    cfg.rtcp_mux = mux;
    assert_int_equal(leg_build(&req.leg, &cfg), 0);
    ctl_put(&r->ctl, &req);
    run(r, 2);
    while (ctl_take(&r->ctl, &ev) && ev.event != EV_LEG_GONE) {
    }
    assert_ptr_equal(ev.leg, r->leg);
    leg_free(r->leg);
    r->leg = req.leg;
}

/* RTCP moves onto the RTP socket and away from it, and what RTP has stays: the stream goes on. */
static void rtcp_moves(void **state)
{
    struct rig r;
    struct ctl_ev ev;
    rig_open(&r);
    run(&r, 50);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t before = count_get(&r.stats.rx_packets);
        swap(&r, i % 2 == 0);
        assert_int_equal(r.fds[1] != 0, i % 2);
        assert_int_not_equal(r.fds[0], 0);
        assert_true(r.is_connected);
        run(&r, 20);
        assert_in_range(count_get(&r.stats.rx_packets) - before, 20, 24);
    }
    swap(&r, true);
    r.refuses_rtcp = true;
    swap(&r, false); /* neither heard nor sent to, and told of */
    assert_int_equal(r.fds[0] + r.fds[1], 0);
    run(&r, 2);
    assert_true(ctl_take(&r.ctl, &ev));
    assert_int_equal(ev.event, EV_FAILED);
    assert_int_equal((int)ev.value, EMFILE);
    assert_int_equal(count_get(&r.stats.legs), 1);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(arrival),
                                       cmocka_unit_test(silence), cmocka_unit_test(rtcp_moves),
                                       cmocka_unit_test(left_over)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
