/*
 * Floor control: each cell of the standard's table (TS 24.380 6.3.4, 6.3.5), and crowds in any order from a seed with
 * two oracles that know nothing of its code: one holder at any instant, and each request answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/conf/floor.h"

#include <stdlib.h>
#include <string.h>

enum { SEATS = 8, KEPT = 4 };

struct terminal {
    struct floor_seat seat;
    struct app_msg got[KEPT]; /* the last ones, newest first */
    unsigned n_got;
};

struct scene {
    struct floor floor;
    struct floor_stats stats;
    struct terminal t[SEATS];
    unsigned n_events[FLOOR_EV_INACTIVE + 1];
    uint64_t now_ms;
};

static void on_send(void *ctx, struct floor_seat *to, const struct app_msg *msg)
{
    struct terminal *t = (struct terminal *)to;
    uint8_t wire[APP_PACKET_MAX];
    struct app_msg back;
    size_t used, n = app_write(wire, msg);
    assert_int_equal(app_parse(wire, n, &back, &used), DROP_NONE); /* all that is said can be read */
    memmove(&t->got[1], &t->got[0], sizeof t->got - sizeof t->got[0]);
    t->got[0] = *msg;
    t->n_got++;
}

static void on_event(void *ctx, enum floor_event what, struct floor_seat *seat, uint32_t value)
{
    ((struct scene *)ctx)->n_events[what]++;
}

static const struct floor_rights usual = {
    .priority = 5, .priority_max = 10, .may_request = true, .queues = true, .is_available = true};

static void open_with(struct scene *s, struct floor_policy policy, unsigned n)
{
    static const char *const names[SEATS] = {"sip:a@x", "sip:b@x", "sip:c@x", "sip:d@x",
                                             "sip:e@x", "sip:f@x", "sip:g@x", "sip:h@x"};
    memset(s, 0, sizeof *s);
    s->now_ms = 1000;
    struct floor_user user = {.ctx = s, .say = on_send, .event = on_event};
    floor_init(&s->floor, &policy, &user, &s->stats, 0xf00, s->now_ms);
    for (unsigned i = 0; i < n; i++) {
        s->t[i].seat.rights = usual;
        s->t[i].seat.ssrc = 100 + i;
        s->t[i].seat.identity = (struct app_text){names[i], 7};
        floor_join(&s->floor, &s->t[i].seat, s->now_ms);
        s->t[i].n_got = 0;
    }
}

static struct floor_policy policy_usual(void)
{
    return (struct floor_policy)FLOOR_DEFAULTS;
}

static void say(struct scene *s, unsigned i, enum app_floor subtype)
{
    struct app_msg msg = {.name = APP_MCPT, .subtype = (uint8_t)subtype, .ssrc = s->t[i].seat.ssrc};
    floor_take(&s->t[i].seat, &msg, s->now_ms);
}

static void ask_as(struct scene *s, unsigned i, uint8_t priority, uint16_t indicator)
{
    struct app_msg msg = {.subtype = APP_FLOOR_REQUEST, .has = 1u << APP_PRIORITY | 1u << APP_INDICATOR};
    msg.floor.priority = priority;
    msg.floor.indicator = indicator;
    floor_take(&s->t[i].seat, &msg, s->now_ms);
}

static void pass(struct scene *s, uint64_t ms)
{
    for (uint64_t end_ms = s->now_ms + ms; s->now_ms < end_ms;) {
        s->now_ms += MIN(end_ms - s->now_ms, 20u);
        floor_run(&s->floor, s->now_ms);
    }
}

static const struct app_msg *got(struct scene *s, unsigned i, enum app_floor subtype)
{
    if (s->t[i].n_got == 0 || s->t[i].got[0].subtype != subtype) {
        fail_msg("terminal %u: last of %u is %u, not %u", i, s->t[i].n_got, s->t[i].got[0].subtype, subtype);
    }
    return &s->t[i].got[0];
}

static void test_push(void **state)
{
    struct scene s;
    open_with(&s, policy_usual(), 3);
    say(&s, 0, APP_FLOOR_REQUEST);
    const struct app_msg *msg = got(&s, 0, APP_FLOOR_GRANTED);
    assert_int_equal(msg->floor.duration_s, 30);
    assert_int_equal(msg->floor.granted_ssrc, 100);
    assert_int_equal(msg->floor.priority, 5);
    for (unsigned i = 1; i < 3; i++) {
        msg = got(&s, i, APP_FLOOR_TAKEN);
        assert_int_equal(msg->floor.granted_ssrc, 100);
        assert_int_equal(msg->floor.permission, 1);
        assert_memory_equal(msg->floor.granted_party.text, "sip:a@x", 7);
    }
    assert_true(floor_heard(&s.t[0].seat, s.now_ms));
    assert_false(floor_heard(&s.t[1].seat, s.now_ms));
    say(&s, 0, APP_FLOOR_RELEASE);
    for (unsigned i = 0; i < 3; i++) {
        got(&s, i, APP_FLOOR_IDLE);
    }
    assert_false(floor_heard(&s.t[0].seat, s.now_ms));
    assert_int_equal(s.n_events[FLOOR_EV_GRANTED], 1);
    assert_int_equal(s.n_events[FLOOR_EV_RELEASED], 1);
}

static void test_denied(void **state)
{
    struct scene s;
    struct floor_policy policy = policy_usual();
    policy.queue_max = 1;
    open_with(&s, policy, 5);
    s.t[1].seat.rights.may_request = false;
    say(&s, 1, APP_FLOOR_REQUEST);
    assert_int_equal(got(&s, 1, APP_FLOOR_DENY)->floor.cause, APP_DENY_LISTEN);
    for (unsigned i = 1; i < 5; i++) {
        s.t[i].seat.rights.is_available = false;
    }
    say(&s, 0, APP_FLOOR_REQUEST);
    assert_int_equal(got(&s, 0, APP_FLOOR_DENY)->floor.cause, APP_DENY_ALONE);
    s.t[1].seat.rights.is_available = true;
    say(&s, 0, APP_FLOOR_REQUEST);
    got(&s, 0, APP_FLOOR_GRANTED);
    assert_int_equal(s.t[1].got[0].floor.permission, 0);
    s.t[2].seat.rights.queues = false;
    say(&s, 2, APP_FLOOR_REQUEST);
    assert_int_equal(got(&s, 2, APP_FLOOR_DENY)->floor.cause, APP_DENY_TAKEN);
    say(&s, 3, APP_FLOOR_REQUEST);
    assert_int_equal(got(&s, 3, APP_FLOOR_QUEUE_INFO)->floor.queue_position, 1);
    say(&s, 4, APP_FLOOR_REQUEST);
    assert_int_equal(got(&s, 4, APP_FLOOR_DENY)->floor.cause, APP_DENY_FULL);
}

/* Priority, then arrival; the next has the floor without Idle between; who leaves the queue leaves it. */
static void test_queue(void **state)
{
    struct scene s;
    open_with(&s, policy_usual(), 6);
    say(&s, 0, APP_FLOOR_REQUEST);
    ask_as(&s, 1, 3, 0x8000);
    ask_as(&s, 2, 7, 0x8000);
    ask_as(&s, 3, 7, 0x8000);
    ask_as(&s, 4, 200, 0x8000); /* more than it may: 10 */
    assert_int_equal(count_get(&s.stats.clamped), 1);
    const struct app_msg *msg = got(&s, 4, APP_FLOOR_QUEUE_INFO);
    assert_int_equal(msg->floor.queue_position, 1);
    assert_int_equal(msg->floor.queue_priority, 10);
    pass(&s, 300);
    say(&s, 1, APP_FLOOR_QUEUE_REQUEST);
    assert_int_equal(got(&s, 1, APP_FLOOR_QUEUE_INFO)->floor.queue_position, 4);
    say(&s, 5, APP_FLOOR_QUEUE_REQUEST);
    assert_int_equal(got(&s, 5, APP_FLOOR_QUEUE_INFO)->floor.queue_position, 254);
    say(&s, 2, APP_FLOOR_RELEASE);
    assert_int_equal(floor_position(&s.t[3].seat), 2);
    static const unsigned order[] = {4, 3, 1};
    unsigned holder = 0;
    for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
        unsigned n_before = s.t[5].n_got;
        say(&s, holder, APP_FLOOR_RELEASE);
        holder = order[i];
        got(&s, holder, APP_FLOOR_GRANTED);
        assert_int_equal(s.t[5].n_got, n_before + 1);
        got(&s, 5, APP_FLOOR_TAKEN);
    }
    say(&s, holder, APP_FLOOR_RELEASE);
    got(&s, 5, APP_FLOOR_IDLE);
}

static void test_preempted(void **state)
{
    struct scene s;
    open_with(&s, policy_usual(), 4);
    s.t[1].seat.rights.may_preempt = true;
    s.t[2].seat.rights.may_emergency = true;
    say(&s, 0, APP_FLOOR_REQUEST);
    floor_heard(&s.t[0].seat, s.now_ms);
    ask_as(&s, 3, 9, 0x8000);
    ask_as(&s, 1, 5, 0x8000); /* not higher: waits like any */
    assert_int_equal(floor_position(&s.t[1].seat), 2);
    say(&s, 1, APP_FLOOR_RELEASE);
    ask_as(&s, 1, 6, 0x8000);
    assert_int_equal(floor_position(&s.t[1].seat), 1);
    assert_int_equal(got(&s, 0, APP_FLOOR_REVOKE)->floor.cause, APP_REVOKE_PREEMPTED);
    assert_true(floor_heard(&s.t[0].seat, s.now_ms)); /* its grace */
    pass(&s, 1100);
    assert_int_equal(count_get(&s.stats.revoked), 1);
    assert_int_equal(s.t[0].got[1].subtype, APP_FLOOR_REVOKE); /* once more, T8 */
    say(&s, 0, APP_FLOOR_RELEASE);
    got(&s, 1, APP_FLOOR_GRANTED);
    /* An emergency: a shorter grace, the indicator shows it; who has no right to one gets none. */
    ask_as(&s, 0, 10, APP_EMERGENCY);
    assert_int_equal(floor_position(&s.t[0].seat), 1);
    assert_false(s.floor.state == FLOOR_PENDING);
    ask_as(&s, 2, 1, APP_EMERGENCY);
    got(&s, 1, APP_FLOOR_REVOKE);
    pass(&s, 220);
    assert_int_equal(got(&s, 2, APP_FLOOR_GRANTED)->floor.indicator & APP_EMERGENCY, APP_EMERGENCY);
    assert_int_equal(got(&s, 3, APP_FLOOR_TAKEN)->floor.indicator & APP_EMERGENCY, APP_EMERGENCY);
}

static void test_time(void **state)
{
    struct scene s;
    open_with(&s, policy_usual(), 3);
    say(&s, 0, APP_FLOOR_REQUEST); /* and no RTP: Granted twice more, then T1 */
    pass(&s, 2500);
    assert_int_equal(s.t[0].n_got, 3);
    pass(&s, 2000);
    got(&s, 0, APP_FLOOR_IDLE);
    assert_int_equal(s.n_events[FLOOR_EV_RELEASED], 1);
    unsigned n_idle = s.t[1].n_got;
    pass(&s, 20000); /* Idle after 1, 2, 4, 8 s, and then no more */
    assert_int_equal(s.t[1].n_got, n_idle + 4);
    assert_int_equal(s.n_events[FLOOR_EV_INACTIVE], 0);
    pass(&s, 20000);
    assert_int_equal(s.n_events[FLOOR_EV_INACTIVE], 1);
    pass(&s, 100000);
    assert_int_equal(s.n_events[FLOOR_EV_INACTIVE], 1);
    assert_true(floor_run(&s.floor, s.now_ms) == FLOOR_NEVER);
    /* Talks on and on: T2, T3; a request meanwhile is queued, and the holder's own waits behind it. */
    say(&s, 0, APP_FLOOR_REQUEST);
    say(&s, 1, APP_FLOOR_REQUEST);
    for (unsigned i = 0; i < 1490; i++) { /* a little less than 30 s */
        floor_heard(&s.t[0].seat, s.now_ms);
        pass(&s, 20);
    }
    assert_int_equal(s.floor.state, FLOOR_TAKEN);
    say(&s, 0, APP_FLOOR_REQUEST);
    assert_true(got(&s, 0, APP_FLOOR_GRANTED)->floor.duration_s <= 1);
    for (unsigned i = 0; i < 60; i++) {
        floor_heard(&s.t[0].seat, s.now_ms);
        pass(&s, 20);
    }
    assert_int_equal(s.floor.state, FLOOR_PENDING);
    assert_int_equal(s.t[0].got[0].floor.cause, APP_REVOKE_LONG);
    say(&s, 0, APP_FLOOR_REQUEST);
    assert_int_equal(got(&s, 0, APP_FLOOR_QUEUE_INFO)->floor.queue_position, 2);
    for (unsigned i = 0; i < 160; i++) {
        floor_heard(&s.t[0].seat, s.now_ms);
        pass(&s, 20);
    }
    assert_true(s.t[1].seat.holds);
    assert_int_equal(floor_position(&s.t[0].seat), 1);
    say(&s, 1, APP_FLOOR_RELEASE);
    got(&s, 0, APP_FLOOR_GRANTED);
}

/* RTP without the floor is not heard; after a second of it Revoke 3, once in T8. */
static void test_stranger(void **state)
{
    struct scene s;
    open_with(&s, policy_usual(), 3);
    for (unsigned i = 0; i < 150; i++) { /* 3 s */
        assert_false(floor_heard(&s.t[2].seat, s.now_ms));
        s.now_ms += 20;
    }
    assert_int_equal(s.t[2].n_got, 2);
    assert_int_equal(got(&s, 2, APP_FLOOR_REVOKE)->floor.cause, APP_REVOKE_RIGHT);
    assert_int_equal(count_get(&s.stats.strangers), 150);
}

/* Each push once more: no new grant, and no flood of answers. */
static void test_repeats(void **state)
{
    struct scene s;
    open_with(&s, policy_usual(), 3);
    for (unsigned i = 0; i < 50; i++) { /* a second, 50/s */
        say(&s, 0, APP_FLOOR_REQUEST);
        say(&s, 1, APP_FLOOR_REQUEST);
        floor_heard(&s.t[0].seat, s.now_ms);
        pass(&s, 20);
    }
    assert_int_equal(count_get(&s.stats.granted), 1);
    assert_true(s.t[0].n_got <= 6 && s.t[1].n_got <= 7);
    assert_true(count_get(&s.stats.repeats) > 80);
}

static void test_late_and_gone(void **state)
{
    struct scene s;
    open_with(&s, policy_usual(), 3);
    say(&s, 0, APP_FLOOR_REQUEST);
    say(&s, 1, APP_FLOOR_REQUEST);
    struct terminal *late = &s.t[3];
    late->seat.rights = usual;
    floor_join(&s.floor, &late->seat, s.now_ms);
    assert_int_equal(got(&s, 3, APP_FLOOR_TAKEN)->floor.granted_ssrc, 100);
    floor_leave(&s.t[0].seat, s.now_ms); /* the holder's phone is gone */
    floor_leave(&s.t[0].seat, s.now_ms);
    got(&s, 1, APP_FLOOR_GRANTED);
    assert_int_equal(s.floor.n_seats, 3);
    struct floor_rights rights = usual;
    rights.may_request = false;
    floor_rights_set(&s.t[1].seat, &rights, s.now_ms);
    assert_int_equal(got(&s, 1, APP_FLOOR_REVOKE)->floor.cause, APP_REVOKE_RIGHT);
    floor_leave(&s.t[1].seat, s.now_ms);
    got(&s, 2, APP_FLOOR_IDLE);
}

static void test_dual(void **state)
{
    struct scene s;
    struct floor_policy policy = policy_usual();
    policy.is_dual = true;
    open_with(&s, policy, 4);
    s.t[1].seat.rights.may_emergency = true;
    say(&s, 0, APP_FLOOR_REQUEST);
    ask_as(&s, 1, 1, APP_EMERGENCY);
    assert_true(got(&s, 1, APP_FLOOR_GRANTED)->floor.indicator & APP_DUAL);
    assert_true(floor_heard(&s.t[0].seat, s.now_ms) && floor_heard(&s.t[1].seat, s.now_ms));
    got(&s, 0, APP_FLOOR_TAKEN);
    say(&s, 2, APP_FLOOR_REQUEST);
    say(&s, 0, APP_FLOOR_RELEASE);
    assert_true(s.t[1].seat.holds && s.floor.holders[0] == &s.t[1].seat && !s.floor.holders[1]);
    say(&s, 1, APP_FLOOR_RELEASE);
    got(&s, 2, APP_FLOOR_GRANTED);
}

/* --- Crowds ------------------------------------------------------------------------------------------------------- */

static uint64_t draw(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    return *seed ^= *seed << 17;
}

static unsigned holders(const struct scene *s)
{
    unsigned n = 0;
    for (unsigned i = 0; i < SEATS; i++) {
        n += s->t[i].seat.floor && s->t[i].seat.holds;
    }
    return n;
}

static void crowd(uint64_t seed)
{
    struct scene s;
    struct floor_policy policy = policy_usual();
    uint64_t held_since[SEATS] = {0};
    policy.queue_max = draw(&seed) % 4;
    open_with(&s, policy, SEATS);
    for (unsigned i = 0; i < SEATS; i++) {
        s.t[i].seat.rights.may_preempt = draw(&seed) % 4 == 0;
        s.t[i].seat.rights.may_emergency = draw(&seed) % 4 == 0;
        s.t[i].seat.rights.queues = draw(&seed) % 4 != 0;
    }
    for (unsigned step = 0; step < 600; step++) {
        unsigned i = draw(&seed) % SEATS, n_before = s.t[i].n_got;
        struct floor_seat *seat = &s.t[i].seat;
        uint64_t n_repeats = count_get(&s.stats.repeats);
        switch (seat->floor ? draw(&seed) % 8 : 8) {
        case 0:
        case 1:
        case 2:
            ask_as(&s, i, (uint8_t)(draw(&seed) % 12), draw(&seed) % 6 ? 0x8000 : APP_EMERGENCY);
            /* answered once; or the same answer was given a moment ago; granted beside Queue Info at most */
            assert_true(s.t[i].n_got > n_before || count_get(&s.stats.repeats) > n_repeats);
            assert_true(s.t[i].n_got <= n_before + 1);
            break;
        case 3:
            say(&s, i, APP_FLOOR_RELEASE);
            break;
        case 4:
        case 5:
            for (unsigned k = 0; k < 20; k++) {
                bool may = seat->holds;
                assert_int_equal(floor_heard(seat, s.now_ms), may);
                pass(&s, 20);
            }
            break;
        case 6:
            pass(&s, draw(&seed) % 3000);
            break;
        case 7:
            floor_leave(seat, s.now_ms);
            break;
        default:
            *seat = (struct floor_seat){.rights = usual, .ssrc = 100 + i, .identity = {"sip:z@x", 7}};
            floor_join(&s.floor, seat, s.now_ms);
            break;
        }
        assert_true(holders(&s) == (s.floor.state != FLOOR_IDLE));
        assert_true(s.floor.n_queue <= SEATS);
        for (unsigned k = 0; k < SEATS;
             k++) { /* nobody holds longer than it may: first RTP within T1, then T2 and T3 */
            bool holds = s.t[k].seat.floor && s.t[k].seat.holds;
            held_since[k] = !holds ? 0 : held_since[k] ? held_since[k] : s.now_ms;
            assert_true(!holds || s.now_ms - held_since[k] <= 4000 + 30000 + 3000 + 3100);
        }
    }
    /* Nobody asks any more, and nobody speaks: all who wait have their turn, then it is idle. */
    pass(&s, SEATS * 5000 + 40000);
    assert_int_equal(s.floor.state, FLOOR_IDLE);
    assert_int_equal(s.floor.n_queue, 0);
}

/* After a Release what has arrived is played: until the caller says that it has been, or for drain_ms; a holder that
 * has said nothing has nothing to be played. */
static void test_drain(void **state)
{
    struct scene s;
    struct floor_policy policy = policy_usual();
    policy.drain_ms = 200;
    open_with(&s, policy, 3);
    say(&s, 0, APP_FLOOR_REQUEST);
    say(&s, 0, APP_FLOOR_RELEASE);
    got(&s, 1, APP_FLOOR_IDLE);
    for (unsigned round = 0; round < 2; round++) {
        say(&s, 0, APP_FLOOR_REQUEST);
        floor_heard(&s.t[0].seat, s.now_ms);
        say(&s, 0, APP_FLOOR_RELEASE);
        assert_true(floor_drains(&s.t[0].seat));
        pass(&s, 100);
        say(&s, 0, APP_FLOOR_RELEASE); /* once more: no later for that */
        got(&s, 1, APP_FLOOR_TAKEN);
        if (round) {
            pass(&s, 100);
        } else {
            floor_drained(&s.t[0].seat, s.now_ms);
        }
        got(&s, 1, APP_FLOOR_IDLE);
        assert_false(s.t[0].seat.holds);
        pass(&s, 300);
    }
    say(&s, 0, APP_FLOOR_REQUEST);
    floor_heard(&s.t[0].seat, s.now_ms);
    say(&s, 1, APP_FLOOR_REQUEST);
    say(&s, 0, APP_FLOOR_RELEASE);
    say(&s, 0, APP_FLOOR_REQUEST); /* it begins anew, behind those that wait */
    got(&s, 1, APP_FLOOR_GRANTED);
    assert_int_equal(s.t[0].got[1].subtype, APP_FLOOR_TAKEN);
    got(&s, 0, APP_FLOOR_QUEUE_INFO);
    assert_int_equal(s.n_events[FLOOR_EV_RELEASED], 4);
}

static void test_revoked(void **state)
{
    struct scene s;
    open_with(&s, policy_usual(), 3);
    say(&s, 0, APP_FLOOR_REQUEST);
    say(&s, 1, APP_FLOOR_REQUEST);
    floor_revoke(&s.t[1].seat, APP_REVOKE_RIGHT, s.now_ms);
    assert_int_equal(got(&s, 1, APP_FLOOR_DENY)->floor.cause, 255);
    floor_revoke(&s.t[0].seat, APP_REVOKE_RIGHT, s.now_ms);
    assert_int_equal(got(&s, 0, APP_FLOOR_REVOKE)->floor.cause, APP_REVOKE_RIGHT);
    floor_revoke(&s.t[2].seat, APP_REVOKE_RIGHT, s.now_ms); /* it has nothing */
    pass(&s, 3100);
    got(&s, 0, APP_FLOOR_IDLE);
    assert_int_equal(s.n_events[FLOOR_EV_REVOKED], 1);
}

/* Another seat in the place of one that holds, waits, or does neither: the floor goes on with it. */
static void test_moved(void **state)
{
    struct scene s;
    open_with(&s, policy_usual(), 4);
    say(&s, 0, APP_FLOOR_REQUEST);
    say(&s, 1, APP_FLOOR_REQUEST);
    say(&s, 2, APP_FLOOR_REQUEST);
    for (unsigned i = 0; i < 4; i++) {
        struct terminal *to = &s.t[4 + i];
        to->seat.rights = usual;
        to->seat.ssrc = 200 + i;
        floor_move(&to->seat, &s.t[i].seat);
        assert_null(s.t[i].seat.floor);
        assert_int_equal(to->seat.ssrc, 200 + i);
    }
    assert_int_equal(floor_position(&s.t[6].seat), 2);
    say(&s, 4, APP_FLOOR_RELEASE);
    assert_int_equal(got(&s, 5, APP_FLOOR_GRANTED)->floor.granted_ssrc, 201);
    got(&s, 7, APP_FLOOR_TAKEN);
    floor_leave(&s.t[5].seat, s.now_ms);
    got(&s, 6, APP_FLOOR_GRANTED);
    say(&s, 6, APP_FLOOR_RELEASE);
    got(&s, 7, APP_FLOOR_IDLE);
}

/* A floor that nobody needs any more: holder and queue are gone, nothing runs, nothing is said. */
static void test_closed(void **state)
{
    struct scene s;
    open_with(&s, policy_usual(), 3);
    say(&s, 0, APP_FLOOR_REQUEST);
    say(&s, 1, APP_FLOOR_REQUEST);
    unsigned n_got = s.t[2].n_got;
    floor_close(&s.floor);
    assert_false(s.t[0].seat.holds);
    assert_false(s.t[1].seat.waits);
    assert_int_equal(s.n_events[FLOOR_EV_RELEASED], 1);
    assert_true(floor_run(&s.floor, s.now_ms) == FLOOR_NEVER);
    assert_int_equal(s.t[2].n_got, n_got);
    floor_open(&s.floor, s.now_ms);
    got(&s, 2, APP_FLOOR_IDLE);
    say(&s, 1, APP_FLOOR_REQUEST);
    got(&s, 1, APP_FLOOR_GRANTED);
}

static void test_crowds(void **state)
{
    const char *only = getenv("SEED");
    for (uint64_t seed = only ? strtoull(only, NULL, 10) : 1; seed <= (only ? strtoull(only, NULL, 10) : 400); seed++) {
        crowd(seed * 0x9e3779b97f4a7c15ull);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_push),      cmocka_unit_test(test_denied),        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_preempted), cmocka_unit_test(test_time),          cmocka_unit_test(test_stranger),
        cmocka_unit_test(test_repeats),   cmocka_unit_test(test_late_and_gone), cmocka_unit_test(test_dual),
        cmocka_unit_test(test_drain),     cmocka_unit_test(test_revoked),       cmocka_unit_test(test_moved),
        cmocka_unit_test(test_closed),    cmocka_unit_test(test_crowds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
