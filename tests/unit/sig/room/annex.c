/*
 * A conference on several workers, as signalling sees it. Method: the world of call_world.h with two or three small
 * workers, whose side the test plays: it sees who is put where, says who speaks and who is silent, and decides when a
 * leg comes back. The workers themselves insist that nothing is named where it is not, that a conference is empty when
 * it closes, and that no relay goes while somebody hears it. The last test does all of it in any order, from a seed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_world.h"

enum { LEGS_MAX = 8, RESERVE = 2, NEWCOMERS = LEGS_MAX - RESERVE };

static struct world *small_world(unsigned n_workers)
{
    struct place_cfg place = {.n_workers = n_workers, .worker_legs_max = LEGS_MAX, .reserve_legs = RESERVE};
    return world_open_on(place, (struct env_cfg){.factory_mode = FACTORY_DIRECT, .legs_max = 100}, NULL);
}

/* A phone in the conference with that user part; "conferences": in a new one, whose user part is left in user. */
static struct phone join(struct world *w, unsigned number, char user[64], int status)
{
    struct phone p = phone_of(w, number, user);
    assert_int_equal(phone_invite(&p, SDP_PCMU), status);
    if (status == 200) {
        phone_ack(&p, NULL);
        assert_int_equal(sscanf(p.target, "sip:%63[^@]", user), 1);
    }
    return p;
}

/* n phones in one conference, the first at [0]; the workers have taken them in. */
static void fill(struct world *w, struct phone *phones, unsigned n)
{
    char user[64] = "conferences";
    for (unsigned i = 0; i < n; i++) {
        phones[i] = join(w, 1 + i, user, 200);
    }
    world_work(w);
}

/* The call of a phone: the newest is first in the list. */
static struct call *call_of(const struct world *w, unsigned number)
{
    char id[64];
    snprintf(id, sizeof id, "c%u@192.0.2.9", number);
    for (struct call *call = w->env->calls; call; call = call->next) {
        if (strcmp(call->dialog.call_id, id) == 0) {
            return call;
        }
    }
    fail_msg("no call of phone %u", number);
    return NULL;
}

static void event(struct world *w, const struct call *call, enum ctl_event what, uint32_t value)
{
    struct ctl_ev ev = {.event = what, .id = event_id(EVENT_CALL, call), .value = value};
    const struct has *has = world_has(w, call->leg);
    assert_non_null(has);
    assert_true(ring_put(&world_ctl(w, has->worker)->events, &ev));
    focus_beat(w->focus);
}

static unsigned legs_at(const struct world *w, unsigned worker, bool relays)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->n_has; i++) {
        n += w->has[i].worker == worker && (leg_cfg_of(w->has[i].leg)->relay != NULL) == relays;
    }
    return n;
}

/* What is on its way arrives. */
static void travel(struct world *w)
{
    world_work(w);
    world_give(w);
    world_work(w);
}

static void test_second_worker(void **state)
{
    struct world *w = small_world(2);
    struct phone phones[2 * NEWCOMERS];
    char user[64];

    fill(w, phones, NEWCOMERS);
    assert_int_equal(legs_at(w, 0, false), NEWCOMERS);
    const struct room *room = w->env->rooms;
    assert_null(room->annexes);

    snprintf(user, sizeof user, "%s", room->token);
    phones[NEWCOMERS] = join(w, 1 + NEWCOMERS, user, 200);
    world_work(w);
    assert_int_equal(w->n_reqs, 3); /* relay's leg; annex, leg */
    assert_int_equal(w->reqs[0].op, CTL_LEG_ADD);
    const struct leg_cfg *relay = leg_cfg_of(w->reqs[0].leg);
    assert_non_null(relay->relay);
    assert_int_equal(relay->rtp_fd, -1);
    assert_int_equal(relay->codec->id, CODEC_PCMU);
    assert_ptr_equal(w->reqs[0].conf, room->conf);
    assert_int_equal(w->reqs[1].op, CTL_CONF_OPEN);
    assert_true(conf_cfg_of(w->reqs[1].conf)->annex);
    assert_int_equal(w->reqs[2].op, CTL_LEG_ADD);
    assert_ptr_equal(w->reqs[2].conf, w->reqs[1].conf);
    assert_ptr_equal(leg_cfg_of(w->reqs[2].leg)->annex_source, relay->relay);

    for (unsigned i = NEWCOMERS + 1; i < 2 * NEWCOMERS; i++) {
        phones[i] = join(w, 1 + i, user, 200);
    }
    world_work(w);
    assert_int_equal(w->n_reqs, NEWCOMERS - 1); /* into the same annex, with the same source */
    assert_int_equal(legs_at(w, 1, false), NEWCOMERS);
    join(w, 99, user, 503); /* both are full */

    /* The last one leaves the annex: it closes, and then the relay goes. */
    for (unsigned i = NEWCOMERS; i < 2 * NEWCOMERS; i++) {
        assert_int_equal(phone_send(&phones[i], "BYE", 0, NULL), 200);
    }
    world_work(w);
    assert_int_equal(w->reqs[w->n_reqs - 1].op, CTL_CONF_CLOSE);
    assert_int_equal(legs_at(w, 0, true), 1);
    travel(w);
    travel(w);
    assert_int_equal(legs_at(w, 0, true), 0);
    assert_null(room->annexes);
    assert_null(room->annex_sources);
    world_close(w);
}

static void test_speaks(void **state)
{
    struct world *w = small_world(2);
    struct phone phones[NEWCOMERS + 3];
    fill(w, phones, NEWCOMERS + 3);
    const struct room *room = w->env->rooms;
    struct call *call = call_of(w, NEWCOMERS + 1);
    struct leg *leg = call->leg;
    uint16_t port = call->place.port;

    assert_int_equal(call->place.worker, 1);
    event(w, call, EV_SPEAKS, 0);
    event(w, call, EV_SPEAKS, 0); /* is on its way already */
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_MOVE);
    assert_ptr_equal(w->reqs[0].leg, leg);
    assert_int_equal(phone_send(&phones[NEWCOMERS], "INVITE", 0, SDP_HOLD), 491); /* not now */
    world_give(w);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_ADD);
    assert_ptr_equal(w->reqs[0].leg, leg);
    assert_ptr_equal(w->reqs[0].conf, room->conf);
    assert_int_equal(call->place.worker, 0);
    assert_int_equal(call->place.port, port);
    assert_int_equal(phone_send(&phones[NEWCOMERS], "INVITE", 0, SDP_HOLD), 200); /* now it may change */
    phone_ack(&phones[NEWCOMERS], NULL);

    /* The reserve is spent, by him and one more: the next one waits until somebody is silent. */
    event(w, call_of(w, NEWCOMERS + 2), EV_SPEAKS, 0);
    travel(w);
    struct call *next = call_of(w, NEWCOMERS + 3);
    event(w, next, EV_SPEAKS, 0);
    world_work(w);
    assert_int_equal(w->n_reqs, 0);
    assert_int_equal(count_get(&w->env->stats.moves_refused), 1);
    struct call *silent = call_of(w, 3);
    event(w, silent, EV_SILENT, 1);
    travel(w);
    assert_int_equal(silent->place.worker, 1);
    assert_ptr_equal(world_has(w, silent->leg)->conf, room->annexes->conf);
    event(w, next, EV_SPEAKS, 0);
    travel(w);
    assert_int_equal(next->place.worker, 0);

    /* Somebody was silent, and is no more: he stays, whoever asks. */
    event(w, call_of(w, 4), EV_SILENT, 1);
    travel(w);
    assert_int_equal(call_of(w, 4)->place.worker, 1); /* the reserve was still in use */
    struct call *fifth = call_of(w, 5);
    fifth->silent = false;
    event(w, fifth, EV_SILENT, 0);
    travel(w);
    assert_int_equal(fifth->place.worker, 0);
    world_close(w);
}

static void test_hangs_up_on_the_way(void **state)
{
    struct world *w = small_world(2);
    struct phone phones[NEWCOMERS + 2];
    fill(w, phones, NEWCOMERS + 2);
    struct call *call = call_of(w, NEWCOMERS + 1), *other = call_of(w, NEWCOMERS + 2);

    event(w, call, EV_SPEAKS, 0);
    assert_int_equal(phone_send(&phones[NEWCOMERS], "BYE", 0, NULL), 200);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_MOVE);
    world_give(w);
    world_work(w);
    assert_int_equal(w->n_reqs, 0); /* nobody goes anywhere */

    /* The same with the owner's ring full when the leg comes. */
    event(w, other, EV_SPEAKS, 0);
    world_work(w);
    struct ctl_req filler = {.op = CTL_LEG_SET};
    while (ctl_put(&w->ctl, &filler) == 0) {
    }
    world_give(w);
    assert_true(other->enter_due);
    assert_int_equal(phone_send(&phones[NEWCOMERS + 1], "BYE", 0, NULL), 200);
    world_work(w);
    travel(w);
    assert_int_equal(legs_at(w, 0, false), NEWCOMERS);
    assert_int_equal(legs_at(w, 0, true), 0);
    assert_int_equal(w->n_has, NEWCOMERS);
    world_close(w);
}

static void test_other_codec(void **state)
{
    struct world *w = small_world(2);
    struct phone phones[NEWCOMERS + 2];
    fill(w, phones, NEWCOMERS + 2);
    const struct room *room = w->env->rooms;
    struct phone *p = &phones[NEWCOMERS];

    assert_int_equal(phone_send(p, "INVITE", 0, SDP_HOLD), 200);
    phone_ack(p, NULL);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SET);

    assert_int_equal(phone_send(p, "INVITE", 0, SDP_PCMA), 200);
    phone_ack(p, NULL);
    world_work(w);
    assert_int_equal(w->n_reqs, 2);
    assert_int_equal(w->reqs[0].op, CTL_LEG_ADD);
    assert_int_equal(leg_cfg_of(w->reqs[0].leg)->codec->id, CODEC_PCMA);
    assert_int_equal(w->reqs[1].op, CTL_LEG_SWAP);
    assert_ptr_equal(leg_cfg_of(w->reqs[1].leg)->annex_source, leg_cfg_of(w->reqs[0].leg)->relay);
    assert_false(leg_cfg_of(w->reqs[1].leg)->muted); /* no more */
    assert_int_equal(legs_at(w, 0, true), 2);
    world_give(w);

    /* Back again: what only he heard is not broadcast any more. */
    assert_int_equal(phone_send(p, "INVITE", 0, SDP_PCMU), 200);
    phone_ack(p, NULL);
    travel(w);
    travel(w);
    assert_int_equal(legs_at(w, 0, true), 1);
    assert_non_null(room->annex_sources);
    assert_null(room->annex_sources->next);
    world_close(w);
}

static void test_any_order(void **state)
{
    static const char *const bodies[] = {SDP_PCMU, SDP_PCMA, SDP_HOLD, NULL};
    uint64_t n_calls = 0, n_in = 0, n_out = 0;

    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct world *w = small_world(2 + seed % 2);
        struct phone phones[24];
        char users[2][64] = {"conferences", "conferences"};
        unsigned number = 1000;

        w->seed = seed * 0x9e3779b97f4a7c15ull;
        for (unsigned i = 0; i < ARRAY_LEN(phones); i++) {
            phones[i] = phone_of(w, number++, "conferences");
        }
        for (unsigned step = 0; step < 1500; step++) {
            struct phone *p = &phones[draw(w) % ARRAY_LEN(phones)];
            const char *body = bodies[draw(w) % ARRAY_LEN(bodies)];
            char *user = users[draw(w) % 2];
            unsigned what = draw(w) % 16;
            if (what < 4 && !p->to_tag[0]) {
                *p = phone_of(w, number++, user);
                int status = phone_invite(p, body);
                if (status == 200) {
                    sscanf(p->target, "sip:%63[^@]", user);
                } else if (status == 410) {
                    strcpy(user, "conferences");
                }
            } else if (what < 6) {
                phone_ack(p, body);
            } else if (what == 6) {
                phone_invite(p, body);
            } else if (what == 7) {
                phone_send(p, "BYE", 0, NULL);
                p->to_tag[0] = '\0';
            } else if (what < 10) {
                world_work(w);
            } else if (what < 12) {
                world_give(w);
            } else if (what == 12) {
                world_run(w, draw(w) % 300);
            } else {
                struct has *has = w->n_has ? &w->has[draw(w) % w->n_has] : NULL;
                if (has && !leg_cfg_of(has->leg)->relay) {
                    struct ctl_ev ev = {.event = conf_cfg_of(has->conf)->annex ? EV_SPEAKS : EV_SILENT,
                                        .id = leg_cfg_of(has->leg)->id,
                                        .value = draw(w) % 8 > 0};
                    ring_put(&world_ctl(w, has->worker)->events, &ev);
                    focus_beat(w->focus);
                }
            }
            if (draw(w) % 400 == 0) { /* a ring fills up */
                struct ctl_req filler = {.op = CTL_LEG_SET};
                while (ctl_put(world_ctl(w, (unsigned)(draw(w) % w->n_workers)), &filler) == 0) {
                }
            }
            if (draw(w) % 600 == 0 && w->env->rooms) {
                room_end(w->env->rooms, ENDING_CONFERENCE);
            }
            if (w->n_legs > 200 || w->n_confs > 200) {
                world_give(w);
            }
        }
        n_calls += count_get(&w->env->stats.calls_made);
        n_in += count_get(&w->env->stats.moves_in);
        n_out += count_get(&w->env->stats.moves_out);
        world_close(w);
    }
    assert_true(n_calls > 1000 && n_in > 300 && n_out > 300); /* else nothing has been tried */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_worker),       cmocka_unit_test(test_speaks),
        cmocka_unit_test(test_hangs_up_on_the_way), cmocka_unit_test(test_other_codec),
        cmocka_unit_test(test_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
