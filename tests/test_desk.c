/* See desk.h. */
#include "tests/test_desk.h"

enum { POOL_SMALL = 512, POOL_LARGE = 64, TX_MAX = 128, LEGS_MAX = 256 };

static void box_empty(struct outbox *box)
{
    box->n = 0;
}

void desk_open(struct desk *desk, uint32_t n_lanes)
{
    struct arena *a = &desk->arena;
    size_t frame = FRAME_SAMPLES_MAX * sizeof(int16_t), box_bytes = TX_MAX * PACKET_STRIDE_BYTES;
    size_t bytes = pool_arena_bytes(POOL_SMALL, POOL_LARGE) + box_bytes;
    bytes += silence_cache_arena_bytes() + sizeof(struct lanes);
    *desk = (struct desk){0};
    size_t rows_bytes = LEGS_MAX * ROWS_LEG_SAMPLES * sizeof(int16_t);
    must(arena_build(a, bytes + rows_bytes + (1u << 18)) == 0);
    pool_init(&desk->pool, a, POOL_SMALL, POOL_LARGE);
    desk->box = (struct outbox){.packets = arena_take(a, TX_MAX * sizeof(struct io_tx)),
                                .bufs = arena_take(a, box_bytes),
                                .max = TX_MAX,
                                .flush = box_empty};
    desk->tools = (struct mix_tools){
        .leg = {.simd = simd_pick(SIMD_ALL),
                .rows = &desk->rows,
                .scratch = arena_take(a, PACKET_SAMPLES_MAX * 2),
                .stats = &desk->stats},
        .box = &desk->box,
        .s1 = arena_take(a, frame),
        .s2 = arena_take(a, frame),
        .listen = arena_take(a, frame),
        .silence = arena_take(a, frame),
        .payload = arena_take(a, PAYLOAD_CAP),
        .silence_cache = silence_cache_build(a),
    };
    desk->rows = (struct rows){.base = arena_take(a, rows_bytes), .max = rows_bytes / sizeof(int16_t)};
    desk->tools.heard = arena_take(a, LEGS_MAX * sizeof(int16_t *));
    if (n_lanes) {
        desk->tools.leg.lanes = arena_take(a, sizeof(struct lanes));
        lanes_init(desk->tools.leg.lanes, n_lanes);
    }
}

void desk_close(struct desk *desk)
{
    must(pool_out(&desk->pool) == 0);
    arena_free(&desk->arena);
}

struct leg_cfg desk_leg(enum codec_id codec, uint32_t rate_hz, uint32_t ssrc)
{
    struct leg_cfg cfg = {.rtcp_fd = -1,
                          .codec = codec_get(codec),
                          .fmt.rate_hz = rate_hz,
                          .pt_rx = 96,
                          .pt_tx = 96,
                          .pt_event_rx = PT_NONE,
                          .pt_cn_rx = PT_NONE,
                          .rx_on = true,
                          .tx_on = true,
                          .ssrc = ssrc,
                          .cname = "x"};
    addr_parse(&cfg.remote_rtp, "192.0.2.1", (uint16_t)(1000 + ssrc));
    return cfg;
}

struct leg *desk_seat(struct desk *desk, struct conf *conf, const struct leg_cfg *cfg, unsigned i)
{
    struct leg *leg;
    must(leg_build(&leg, cfg) == 0);
    leg_attach(leg, &desk->pool, 2 * i, 2 * i + 1, 0);
    leg->socket = SOCKET_OPEN;
    conf_leg_add(conf, leg);
    return leg;
}

void desk_leave(struct leg *leg)
{
    conf_leg_drop(leg->conf, leg);
    leg_detach(leg);
}
