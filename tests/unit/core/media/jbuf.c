/*
 * The jitter buffer alone, driven as a leg drives it: packets of 20 ms that arrive by a schedule, one get a tick. No
 * delay on a clean network; a disturbance grows it, is bounded, and is gone some seconds later; loss costs no time.
 */
#include "core/media/jbuf.h"
#include "tests/unit/unit.h"

#include <string.h>

#define FRAME 160u

struct rig {
    struct arena arena;
    struct pool pool;
    struct jbuf jbuf;
    uint64_t drops[DROPS];
    uint16_t seq;
    uint32_t ts;
    unsigned n_played, n_empty, n_lost;
    uint16_t last_seq;
    uint8_t payload[160];
};

static void rig_open(struct rig *r)
{
    memset(r, 0, sizeof *r);
    assert_int_equal(arena_build(&r->arena, pool_arena_bytes(256, 16) + 4096), 0);
    pool_init(&r->pool, &r->arena, 256, 16);
    jbuf_init(&r->jbuf, FRAME, 25 * FRAME);
    jbuf_attach(&r->jbuf, &r->pool);
    r->seq = 65500; /* wraps soon */
}

static void rig_close(struct rig *r)
{
    jbuf_reset(&r->jbuf);
    assert_int_equal(pool_out(&r->pool), 0);
    arena_free(&r->arena);
}

static enum drop put(struct rig *r, uint16_t seq, uint32_t ts)
{
    struct jbuf_packet p = {.payload = r->payload, .duration_ts = FRAME, .bytes = 160, .seq = seq, .ts = ts};
    return jbuf_put(&r->jbuf, &p, r->drops);
}

static void arrive(struct rig *r, unsigned n)
{
    for (unsigned i = 0; i < n; i++, r->ts += FRAME) {
        assert_int_equal(put(r, r->seq++, r->ts), DROP_NONE);
    }
}

static void lose(struct rig *r)
{
    r->seq++;
    r->ts += FRAME;
}

/* One tick: a frame, and another one while the delay comes down. */
static void tick(struct rig *r)
{
    struct jbuf_packet p;
    unsigned wanted = 1 + (jbuf_blend_due(&r->jbuf) >= FRAME);
    while (wanted--) {
        switch (jbuf_get(&r->jbuf, &p)) {
        case JBUF_PACKET:
            r->n_played++;
            r->last_seq = p.seq;
            jbuf_done(&r->jbuf, &p);
            break;
        case JBUF_LOST:
            r->n_lost++;
            break;
        case JBUF_EMPTY:
            r->n_empty++;
            break;
        }
    }
    jbuf_tick(&r->jbuf, 0);
    assert_int_equal(jbuf_settle(&r->jbuf), 0);
}

static void clean_adds_no_delay(void **state)
{
    struct rig r;
    rig_open(&r);
    for (unsigned i = 0; i < 1000; i++) {
        arrive(&r, 1);
        tick(&r);
        assert_int_equal(jbuf_backlog_ts(&r.jbuf), 0);
        assert_int_equal(pool_out(&r.pool), 0); /* nothing was copied */
    }
    assert_int_equal(r.n_played, 1000);
    rig_close(&r);
}

static void loss_costs_no_time(void **state)
{
    struct rig r;
    rig_open(&r);
    for (unsigned i = 0; i < 1000; i++) {
        if (i % 10 == 9) {
            lose(&r);
        } else {
            arrive(&r, 1);
        }
        tick(&r);
    }
    assert_int_equal(r.n_played, 900);
    assert_int_equal(r.n_played + r.n_empty + r.n_lost, 1000);
    assert_int_equal(jbuf_backlog_ts(&r.jbuf), 0);
    rig_close(&r);
}

static void stall_comes_down(void **state)
{
    struct rig r;
    rig_open(&r);
    for (unsigned i = 0; i < 100; i++) {
        arrive(&r, 1);
        tick(&r);
    }
    for (unsigned i = 0; i < 15; i++) {
        tick(&r);
    }
    arrive(&r, 15);
    uint32_t most_ts = 0;
    unsigned ticks = 0;
    do {
        arrive(&r, 1);
        tick(&r);
        most_ts = jbuf_backlog_ts(&r.jbuf) > most_ts ? jbuf_backlog_ts(&r.jbuf) : most_ts;
    } while (jbuf_backlog_ts(&r.jbuf) > 0 && ++ticks < 1000);
    assert_int_equal(most_ts, 15 * FRAME);
    assert_in_range(ticks, 1, 200); /* 4 s */
    rig_close(&r);
}

/* A tick finds nothing, the next one two packets. @return ticks until nothing waits any more */
static unsigned late_once(struct rig *r)
{
    unsigned ticks = 0;
    tick(r);
    arrive(r, 1);
    do {
        arrive(r, 1);
        tick(r);
        ticks++;
    } while (jbuf_backlog_ts(&r->jbuf) > 0 && ticks < 1000);
    return ticks;
}

/* Now and then is no reason for delay, nor thrice in a row; more often is. */
static void late_now_and_then(void **state)
{
    struct rig r;
    rig_open(&r);
    for (unsigned i = 0; i < 10; i++) {
        assert_in_range(late_once(&r), 2, 3);
        for (unsigned k = 0; k < 220; k++) {
            arrive(&r, 1);
            tick(&r);
        }
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_in_range(late_once(&r), 2, 3);
    }
    assert_in_range(late_once(&r), 40, 1000);
    assert_int_equal(r.n_lost, 0);
    rig_close(&r);
}

static void bounded(void **state)
{
    struct rig r;
    rig_open(&r);
    arrive(&r, 1);
    tick(&r);
    arrive(&r, 60);
    assert_true(jbuf_backlog_ts(&r.jbuf) <= 25 * FRAME);
    assert_int_equal(r.drops[DROP_SKIPPED], 35);
    rig_close(&r);
}

static void late_duplicate_and_far(void **state)
{
    struct rig r;
    rig_open(&r);
    arrive(&r, 3);
    tick(&r);
    assert_int_equal(put(&r, r.last_seq, 0), DROP_LATE);
    assert_int_equal(put(&r, (uint16_t)(r.seq - 1), 0), DROP_DUPLICATE);
    r.seq = (uint16_t)(r.seq + 5000); /* the network was away */
    arrive(&r, 1);
    tick(&r);
    assert_int_equal(r.last_seq, (uint16_t)(r.seq - 1));
    rig_close(&r);
}

static void reordered_in_time(void **state)
{
    struct rig r;
    rig_open(&r);
    arrive(&r, 1);
    tick(&r);
    put(&r, (uint16_t)(r.seq + 1), r.ts + FRAME);
    put(&r, r.seq, r.ts);
    tick(&r);
    assert_int_equal(r.last_seq, r.seq);
    tick(&r);
    assert_int_equal(r.last_seq, (uint16_t)(r.seq + 1));
    assert_int_equal(r.n_lost + r.n_empty, 0);
    rig_close(&r);
}

/* A sender 0.5 % fast fills the buffer; one 0.5 % slow empties it: neither may run away. */
static void drift(void **state)
{
    for (int fast = 0; fast < 2; fast++) {
        struct rig r;
        rig_open(&r);
        uint32_t most_ts = 0;
        for (unsigned i = 1; i < 20000; i++) {
            arrive(&r, i % 200 ? 1 : fast ? 2 : 0);
            tick(&r);
            most_ts = jbuf_backlog_ts(&r.jbuf) > most_ts ? jbuf_backlog_ts(&r.jbuf) : most_ts;
        }
        assert_in_range(most_ts, 0, 3 * FRAME);
        rig_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clean_adds_no_delay),
        cmocka_unit_test(loss_costs_no_time),
        cmocka_unit_test(stall_comes_down),
        cmocka_unit_test(late_now_and_then),
        cmocka_unit_test(bounded),
        cmocka_unit_test(late_duplicate_and_far),
        cmocka_unit_test(reordered_in_time),
        cmocka_unit_test(drift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
