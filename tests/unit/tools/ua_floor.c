/*
 * A terminal's floor control against the server's own (core/conf/floor.h), over a line that loses, repeats and delays.
 * Method: the cells of TS 24.380 6.2.4 one by one, then crowds from seeds; once the line is good and nobody pushes,
 * terminals and server must agree on who has the floor, and each push has been answered or given up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/conf/floor.h"
#include "tools/ua/ua_floor.h"

#include <stdlib.h>
#include <string.h>

enum { TERMINALS = 5, LINE = 4096, SEEDS = 300 };

struct terminal {
    struct scene *scene;
    struct floor_seat seat;
    struct ua_floor floor;
    unsigned n_events[UA_FLOOR_LOST + 1];
    uint32_t value; /* of the last event */
};

/* A datagram on its way. */
struct datagram {
    uint64_t at_ms;
    unsigned i; /* terminal */
    bool is_up; /* towards the server */
    uint8_t bytes[APP_PACKET_MAX];
    size_t n;
};

struct scene {
    struct floor floor;
    struct floor_stats stats;
    struct terminal t[TERMINALS];
    struct datagram line[LINE];
    unsigned n_line;
    uint64_t now_ms, seed;
    unsigned loss_percent, delay_ms;
};

static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

static void put(struct scene *s, unsigned i, bool is_up, const struct app_msg *msg)
{
    unsigned n = draw(&s->seed) % 100 < s->loss_percent ? draw(&s->seed) % 2 * 2 : 1; /* none, or twice */
    for (unsigned k = 0; k < n; k++) {
        struct datagram *d = &s->line[s->n_line++];
        assert_true(s->n_line <= LINE);
        d->at_ms = s->now_ms + (s->delay_ms ? draw(&s->seed) % s->delay_ms : 0);
        d->i = i;
        d->is_up = is_up;
        d->n = app_write(d->bytes, msg);
    }
}

static void server_say(void *ctx, struct floor_seat *to, const struct app_msg *msg)
{
    struct scene *s = ctx;
    put(s, (unsigned)((struct terminal *)((char *)to - offsetof(struct terminal, seat)) - s->t), false, msg);
}

static void server_event(void *ctx, enum floor_event what, struct floor_seat *seat, uint32_t value)
{
}

static void terminal_say(void *ctx, const struct app_msg *msg)
{
    struct terminal *t = ctx;
    put(t->scene, (unsigned)(t - t->scene->t), true, msg);
}

static void terminal_event(void *ctx, enum ua_floor_event what, uint32_t value, struct app_text who)
{
    struct terminal *t = ctx;
    t->n_events[what]++;
    t->value = value;
}

static void open_with(struct scene *s, struct floor_policy policy, unsigned n)
{
    static const struct floor_rights usual = {
        .priority = 5, .priority_max = 10, .may_request = true, .queues = true, .is_available = true};
    static const char *const names[TERMINALS] = {"sip:a@x", "sip:b@x", "sip:c@x", "sip:d@x", "sip:e@x"};
    memset(s, 0, sizeof *s);
    s->now_ms = 1000;
    s->seed = 1;
    struct floor_user user = {.ctx = s, .say = server_say, .event = server_event};
    floor_init(&s->floor, &policy, &user, &s->stats, 0xf00, s->now_ms);
    for (unsigned i = 0; i < n; i++) {
        struct terminal *t = &s->t[i];
        t->scene = s;
        ua_floor_init(&t->floor, &(struct ua_floor_user){t, terminal_say, terminal_event}, 100 + i);
        t->seat.rights = usual;
        t->seat.ssrc = 100 + i;
        t->seat.identity = (struct app_text){names[i], 7};
        floor_join(&s->floor, &t->seat, s->now_ms);
    }
}

static void arrive(struct scene *s, const struct datagram *d)
{
    struct app_msg msg;
    size_t used;
    assert_int_equal(app_parse(d->bytes, d->n, &msg, &used), DROP_NONE);
    if (d->is_up) {
        floor_take(&s->t[d->i].seat, &msg, s->now_ms);
    } else {
        ua_floor_take(&s->t[d->i].floor, &msg, s->now_ms);
    }
}

static void line_run(struct scene *s)
{
    for (unsigned k = 0; k < s->n_line;) {
        struct datagram d = s->line[k];
        if (d.at_ms > s->now_ms) {
            k++;
            continue;
        }
        memmove(&s->line[k], &s->line[k + 1], (--s->n_line - k) * sizeof d);
        arrive(s, &d);
        k = 0; /* answers may have gone before it */
    }
}

/* Talks while it may. */
static void pass(struct scene *s, unsigned n, uint64_t ms)
{
    for (uint64_t end_ms = s->now_ms + ms; s->now_ms < end_ms;) {
        s->now_ms += 20;
        line_run(s);
        for (unsigned i = 0; i < n; i++) {
            ua_floor_step(&s->t[i].floor, s->now_ms);
            if (ua_floor_may_speak(&s->t[i].floor) && draw(&s->seed) % 100 >= s->loss_percent) {
                floor_heard(&s->t[i].seat, s->now_ms);
            }
        }
        floor_run(&s->floor, s->now_ms);
    }
}

static const struct floor_policy usual_policy = FLOOR_DEFAULTS;

static void push_and_release(void **state)
{
    struct scene s;
    open_with(&s, usual_policy, 3);
    pass(&s, 3, 100);
    ua_floor_push(&s.t[0].floor, 0, 0, s.now_ms);
    pass(&s, 3, 20);
    assert_true(ua_floor_may_speak(&s.t[0].floor));
    assert_int_equal(s.t[0].n_events[UA_FLOOR_GRANTED], 1);
    assert_int_equal(s.t[0].value, 30);
    assert_int_equal(s.t[1].n_events[UA_FLOOR_TAKEN], 1);
    assert_int_equal(s.t[1].value, 1);
    ua_floor_push(&s.t[0].floor, 0, 0, s.now_ms); /* it has it */
    pass(&s, 3, 3000);
    assert_int_equal(s.t[0].n_events[UA_FLOOR_GRANTED], 1);

    ua_floor_push(&s.t[1].floor, 0, 0, s.now_ms);
    pass(&s, 3, 40);
    assert_int_equal(s.t[1].floor.state, UA_FLOOR_QUEUED);
    assert_int_equal(s.t[1].value, 1);
    ua_floor_where(&s.t[1].floor);
    pass(&s, 3, 250);
    ua_floor_release(&s.t[0].floor, s.now_ms);
    pass(&s, 3, 40);
    assert_int_equal(s.t[0].floor.state, UA_FLOOR_NONE);
    assert_true(ua_floor_may_speak(&s.t[1].floor));
    ua_floor_release(&s.t[1].floor, s.now_ms);
    pass(&s, 3, 40);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(s.t[i].floor.state, UA_FLOOR_NONE);
        assert_true(s.t[i].n_events[UA_FLOOR_IDLE] > 0);
        assert_int_equal(s.t[i].n_events[UA_FLOOR_LOST], 0);
    }
}

static void denied_and_preempted(void **state)
{
    struct floor_policy policy = usual_policy;
    struct scene s;
    open_with(&s, policy, 3);
    s.t[1].seat.rights.queues = false;
    s.t[2].seat.rights.may_preempt = s.t[2].seat.rights.may_emergency = true;
    ua_floor_push(&s.t[0].floor, 0, 0, s.now_ms);
    pass(&s, 3, 20);
    ua_floor_push(&s.t[1].floor, 0, 0, s.now_ms);
    pass(&s, 3, 20);
    assert_int_equal(s.t[1].n_events[UA_FLOOR_DENIED], 1);
    assert_int_equal(s.t[1].value, APP_DENY_TAKEN);
    assert_int_equal(s.t[1].floor.state, UA_FLOOR_NONE);
    ua_floor_push(&s.t[2].floor, 10, APP_EMERGENCY, s.now_ms);
    pass(&s, 3, 20);
    assert_int_equal(s.t[0].n_events[UA_FLOOR_REVOKED], 1);
    pass(&s, 3, 40);
    assert_true(ua_floor_may_speak(&s.t[2].floor));
    assert_int_equal(s.t[0].floor.state, UA_FLOOR_NONE);
}

/* Nobody answers: three times, then it is given up. */
static void server_gone(void **state)
{
    struct scene s;
    open_with(&s, usual_policy, 1);
    s.line[0] = (struct datagram){0};
    ua_floor_push(&s.t[0].floor, 0, 0, s.now_ms);
    for (unsigned i = 0; i < 5; i++) {
        s.n_line = 0;
        s.now_ms += UA_FLOOR_REPEAT_MS;
        ua_floor_step(&s.t[0].floor, s.now_ms);
    }
    assert_int_equal(s.t[0].n_events[UA_FLOOR_LOST], 1);
    assert_int_equal(s.t[0].floor.state, UA_FLOOR_NONE);
}

static void connect_is_acknowledged(void **state)
{
    struct scene s;
    struct app_msg msg = {.name = APP_MCPC, .subtype = APP_CALL_CONNECT, .wants_ack = true, .has = 1u << APP_GROUP};
    msg.call.group = (struct app_text){"sip:g1@x", 8};
    open_with(&s, usual_policy, 1);
    s.n_line = 0;
    ua_floor_take(&s.t[0].floor, &msg, s.now_ms);
    assert_int_equal(s.t[0].n_events[UA_FLOOR_CONNECTED], 1);
    assert_int_equal(s.n_line, 1);
    static const uint8_t ack[] = {0x82, 0xcc, 0, 3, 0, 0, 0, 100, 'M', 'C', 'P', 'C', 6, 2, 0, 0};
    assert_int_equal(s.line[0].n, sizeof ack);
    assert_memory_equal(s.line[0].bytes, ack, sizeof ack);
}

static void crowd(uint64_t seed)
{
    struct floor_policy policy = usual_policy;
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    policy.queue_max = (uint8_t)(draw(&seed) % 4);
    policy.t2_ms = 4000;
    open_with(s, policy, TERMINALS);
    s->seed = seed;
    s->loss_percent = (unsigned)(draw(&seed) % 30);
    s->delay_ms = (unsigned)(draw(&seed) % 300);
    for (unsigned i = 0; i < TERMINALS; i++) {
        s->t[i].seat.rights.may_preempt = draw(&seed) % 4 == 0;
        s->t[i].seat.rights.queues = draw(&seed) % 4 != 0;
    }
    for (unsigned k = 0; k < 60; k++) {
        struct ua_floor *f = &s->t[draw(&seed) % TERMINALS].floor;
        if (draw(&seed) % 2) {
            ua_floor_push(f, (uint8_t)(draw(&seed) % 12), 0, s->now_ms);
        } else {
            ua_floor_release(f, s->now_ms);
        }
        pass(s, TERMINALS, draw(&seed) % 1500);
    }
    s->loss_percent = 0;
    for (unsigned i = 0; i < TERMINALS; i++) {
        ua_floor_release(&s->t[i].floor, s->now_ms);
    }
    pass(s, TERMINALS, 15000);
    for (unsigned i = 0; i < TERMINALS; i++) {
        if (s->t[i].floor.state != UA_FLOOR_NONE || s->t[i].seat.holds || s->t[i].seat.waits) {
            fail_msg("seed %llu: terminal %u is in state %u, holds %d, waits %d", (unsigned long long)seed, i,
                     s->t[i].floor.state, s->t[i].seat.holds, s->t[i].seat.waits);
        }
    }
    free(s);
}

static void crowds_agree_in_the_end(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        crowd(seed * 0x9e3779b97f4a7c15ull);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(push_and_release), cmocka_unit_test(denied_and_preempted),    cmocka_unit_test(server_gone),
        cmocka_unit_test(connect_is_acknowledged), cmocka_unit_test(crowds_agree_in_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
