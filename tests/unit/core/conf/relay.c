/*
 * The broadcast of frames: what goes in comes out, what has been overwritten is missed and said to be, and a reader on
 * another thread never gets half of one frame and half of another (run it under TSan).
 */
#include "core/conf/relay.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <string.h>

enum { N_FRAMES = 200000, BYTES = 163 /* no whole number of words */ };

/* Everything in a frame follows from its position. */
static void frame_make(struct relay_frame *frame, uint32_t position)
{
    *frame = (struct relay_frame){
        .due_ns = position * 20000000ull,
        .position = position,
        .bytes = position % 7 ? BYTES + position % 3 : 0,
        .to_beat_dbov = (uint8_t)position,
        .who.n = position % (RTP_CSRC_MAX + 1),
    };
    for (size_t i = 0; i < frame->who.n; i++) {
        frame->who.csrc[i] = position + (uint32_t)i;
        frame->who.dbov[i] = (uint8_t)(position ^ i);
    }
    memset(frame->payload, (int)(position & 255), sizeof frame->payload);
}

static bool frame_is(const struct relay_frame *got, uint32_t position)
{
    struct relay_frame made;
    frame_make(&made, position);
    return got->due_ns == made.due_ns && got->position == position && got->bytes == made.bytes &&
           got->to_beat_dbov == made.to_beat_dbov && got->who.n == made.who.n &&
           memcmp(got->who.csrc, made.who.csrc, made.who.n * sizeof made.who.csrc[0]) == 0 &&
           memcmp(got->who.dbov, made.who.dbov, made.who.n) == 0 && memcmp(got->payload, made.payload, made.bytes) == 0;
}

static void put(struct relay *relay, uint32_t position)
{
    struct relay_frame frame;
    frame_make(&frame, position);
    relay_put(relay, &frame, frame.payload);
}

static void kept_and_missed(void **state)
{
    struct relay *relay;
    struct relay_frame got;
    uint32_t head;
    assert_int_equal(relay_build(&relay), 0);
    assert_false(relay_head(relay, &head));
    assert_false(relay_get(relay, 0, &got));
    uint32_t first = UINT32_MAX - 3; /* positions wrap */
    for (uint32_t i = 0; i < 20; i++) {
        put(relay, first + i);
        assert_true(relay_head(relay, &head));
        assert_int_equal(head, first + i + 1);
        for (uint32_t back = 0; back <= RELAY_FRAMES; back++) {
            bool there = back < RELAY_FRAMES && back <= i;
            assert_int_equal(relay_get(relay, first + i - back, &got), there);
            assert_true(!there || frame_is(&got, first + i - back));
        }
        assert_false(relay_get(relay, first + i + 1, &got));
    }
    put(relay, first + 25); /* ticks that never ran */
    assert_false(relay_get(relay, first + 24, &got));
    assert_true(relay_get(relay, first + 25, &got) && frame_is(&got, first + 25));
    relay_free(relay);
}

static void largest(void **state)
{
    struct relay *relay;
    struct relay_frame frame = {.bytes = RELAY_PAYLOAD_MAX}, got;
    for (size_t i = 0; i < sizeof frame.payload; i++) {
        frame.payload[i] = (uint8_t)(i * 31);
    }
    assert_int_equal(relay_build(&relay), 0);
    relay_put(relay, &frame, frame.payload);
    assert_true(relay_get(relay, 0, &got));
    assert_int_equal(got.bytes, RELAY_PAYLOAD_MAX);
    assert_memory_equal(got.payload, frame.payload, RELAY_PAYLOAD_MAX);
    relay_free(relay);
}

static void *writer(void *arg)
{
    for (uint32_t position = 0; position < N_FRAMES; position++) {
        put(arg, position);
    }
    return NULL;
}

static void two_threads(void **state)
{
    struct relay *relay;
    struct relay_frame got;
    pthread_t thread;
    uint32_t next = 0, n_got = 0;
    assert_int_equal(relay_build(&relay), 0);
    pthread_create(&thread, NULL, writer, relay);
    while (next < N_FRAMES) {
        uint32_t head;
        if (!relay_head(relay, &head) || head == next) {
            continue;
        }
        next = head - next > RELAY_FRAMES ? head - RELAY_FRAMES : next;
        for (; next != head; next++) {
            if (relay_get(relay, next, &got)) {
                assert_true(frame_is(&got, next));
                n_got++;
            }
        }
    }
    pthread_join(thread, NULL);
    assert_true(n_got > 0);
    relay_free(relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kept_and_missed), cmocka_unit_test(largest),
                                       cmocka_unit_test(two_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
