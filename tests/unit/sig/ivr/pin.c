/* PINs by keypad: row 66, and attack A14. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/ivr/pin.h"
#include "sig/ivr/prompts.h"
#include "sig/room/lobby.h"
#include "tests/unit/sig/ivr/pin_help.h"

/* Who owes a PIN learns nothing of who is there, brings nobody and removes nobody. */
static void test_owing(void **state)
{
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(reach_read(&w->env->cfg.reach, "192.0.2.0/24"), 0);
    assert_int_equal(come_in(w, &p), 200);
    for (unsigned right = 0; right < 2; right++) {
        p.extra = "Event: conference\r\nExpires: 0\r\n";
        assert_int_equal(phone_send(&p, "SUBSCRIBE", 0, NULL), right ? 200 : 403);
        p.extra = "Refer-To: <sip:bob@192.0.2.50>\r\n";
        assert_int_equal(phone_send(&p, "REFER", 0, NULL), right ? 202 : 403);
        p.extra = "Refer-To: <sip:p7@192.0.2.9;method=BYE>\r\n";
        assert_int_equal(phone_send(&p, "REFER", 0, NULL), right ? 202 : 403);
        assert_int_equal(count_sent(w, "INVITE "), right);
        type(w, "4711#");
    }
    world_close(w);
}

static void test_right(void **state)
{
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(come_in(w, &p), 200);
    world_work(w);
    struct call *call = w->env->calls;
    assert_int_equal(w->n_reqs, 3); /* conference, lobby, leg */
    assert_ptr_equal(w->reqs[0].conf, call->room->conf);
    assert_int_equal(w->reqs[1].op, CTL_CONF_OPEN);
    assert_int_equal(w->reqs[2].op, CTL_LEG_ADD);
    assert_ptr_equal(w->reqs[2].conf, w->reqs[1].conf);
    event(w, (struct ctl_ev){.event = EV_SSRC, .id = event_id(EVENT_CALL, call), .value = 9});
    assert_int_equal(call->member.changed, 0); /* on no roster yet */
    type(w, "99*4711#");
    world_work(w);
    assert_int_equal(w->n_reqs, 2);
    assert_int_equal(w->reqs[0].op, CTL_LEG_TRANSFER);
    assert_ptr_equal(w->reqs[0].leg, call->leg);
    assert_ptr_equal(w->reqs[0].conf, call->room->conf);
    assert_int_equal(w->reqs[1].op, CTL_CONF_CLOSE);
    assert_true(call->member.changed > 0);
    assert_false(w->env->calls->member.is_waiting);
    type(w, "1#1#1#1#"); /* from now on keys are keys */
    assert_int_equal(w->env->calls->state, CALL_UP);
    world_run(w, 60000);
    assert_int_equal(w->env->calls->state, CALL_UP);
    world_close(w);
}

/* A36. */
static void test_three_tries(void **state)
{
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(come_in(w, &p), 200);
    type(w, "0000#1111#");
    assert_int_equal(w->env->calls->state, CALL_UP);
    type(w, "123456789012"); /* as long as a PIN can be */
    assert_int_equal(strncmp(last(w), "BYE", 3), 0);
    answer_bye(w, last(w), 200);
    assert_int_equal(count_get(&w->env->stats.ended[ENDING_PIN]), 1);
    world_work(w);
    world_give(w);
    world_close(w);
}

static void test_silence(void **state)
{
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(come_in(w, &p), 200);
    world_run(w, 29000);
    type(w, "4");
    world_run(w, 29000);
    assert_int_equal(w->env->calls->state, CALL_UP);
    world_run(w, 2000);
    assert_int_equal(strncmp(last(w), "BYE", 3), 0);
    answer_bye(w, last(w), 200);
    world_close(w);
}

/* A hold or a new codec in between lets nobody in. */
static void test_codec_change(void **state)
{
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(come_in(w, &p), 200);
    world_work(w);
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMA), 200);
    phone_ack(&p, NULL);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SWAP);
    const struct call *call = w->env->calls;
    assert_ptr_equal(world_has(w, call->leg)->conf, call->lobby->conf);
    phone_send(&p, "INVITE", 0, SDP_HOLD);
    phone_ack(&p, NULL);
    type(w, "4711#");
    world_work(w);
    assert_ptr_equal(world_has(w, call->leg)->conf, call->room->conf);
    world_close(w);
}

/* What the worker has been asked to play since the last look. @return NULL: nothing */
static const struct clip *playing(struct world *w)
{
    const struct clip *clip = NULL;
    world_work(w);
    for (unsigned i = 0; i < w->n_reqs; i++) {
        clip = w->reqs[i].op == CTL_LEG_ADD ? leg_cfg_of(w->reqs[i].leg)->clip : clip;
    }
    return clip;
}

static void played(struct world *w)
{
    const struct lobby *lobby = w->env->calls->lobby;
    event(w, (struct ctl_ev){.event = EV_PLAYED, .id = event_id(EVENT_LOBBY, lobby), .leg = lobby->player});
}

/* The prompts in their order; a key ends them; the end of one that has been dropped means nothing. */
static void test_prompts(void **state)
{
    struct prompts *prompts;
    struct phone p;
    assert_int_equal(prompts_build(&prompts), 0);
    struct world *w = open_on((struct place_cfg){.n_workers = 1}, PIN_INSTEAD, prompts);
    assert_int_equal(come_in(w, &p), 200);
    const struct call *call = w->env->calls;
    assert_ptr_equal(playing(w), prompts_clip(prompts, PROMPT_PIN_ENTER));
    struct ctl_ev stale = {.event = EV_PLAYED, .id = event_id(EVENT_LOBBY, call->lobby), .leg = call->lobby->player};
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_HOLD), 200); /* once is enough */
    phone_ack(&p, NULL);
    assert_null(playing(w));
    type(w, "0");
    assert_null(playing(w));
    assert_int_equal(w->reqs[0].op, CTL_LEG_DROP);
    type(w, "#");
    assert_ptr_equal(playing(w), prompts_clip(prompts, PROMPT_PIN_WRONG));
    event(w, stale);
    assert_null(playing(w));
    played(w);
    assert_ptr_equal(playing(w), prompts_clip(prompts, PROMPT_PIN_ENTER));
    world_give(w);
    type(w, "4711#");
    assert_ptr_equal(playing(w), prompts_clip(prompts, PROMPT_PIN_RIGHT));
    assert_ptr_equal(world_has(w, call->leg)->conf, call->lobby->conf);
    type(w, "1#2#3#"); /* he is right: nothing that he keys counts any more */
    assert_true(call->member.is_waiting);
    played(w);
    assert_false(call->member.is_waiting);
    world_work(w);
    assert_ptr_equal(world_has(w, call->leg)->conf, call->room->conf);
    world_give(w);
    assert_null(call->room->lobbies);
    assert_int_equal(count_get(&w->env->stats.lobbies), 0);
    world_close(w);
    prompts_free(prompts);
}

/* Who hangs up, or is thrown out, in the midst of a prompt; thanks without an end. */
static void test_prompt_ends(void **state)
{
    struct prompts *prompts;
    struct phone p;
    assert_int_equal(prompts_build(&prompts), 0);
    struct world *w = open_on((struct place_cfg){.n_workers = 1}, PIN_INSTEAD, prompts);
    assert_int_equal(come_in(w, &p), 200);
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
    world_work(w);
    world_give(w);
    assert_int_equal(come_in(w, &p), 200);
    world_run(w, 31000);
    assert_int_equal(strncmp(last(w), "BYE", 3), 0);
    answer_bye(w, last(w), 200);
    world_work(w);
    world_give(w);
    assert_int_equal(count_get(&w->env->stats.lobbies), 0);
    assert_int_equal(come_in(w, &p), 200);
    type(w, "4711#");
    assert_true(w->env->calls->member.is_waiting);
    world_run(w, 31000);
    assert_false(w->env->calls->member.is_waiting);
    world_close(w);
    prompts_free(prompts);
}

/* A lobby costs as much as a leg while it is there, and no leg of the worker. */
static void test_cost(void **state)
{
    struct place_load owing, in;
    struct phone p;
    struct world *w = open_on((struct place_cfg){.n_workers = 1, .worker_legs_max = 1}, PIN_INSTEAD, NULL);
    assert_int_equal(come_in(w, &p), 200);
    place_load(w->place, &owing);
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMA), 200);
    phone_ack(&p, NULL);
    place_load(w->place, &in);
    assert_int_equal(in.cpu_used_us, owing.cpu_used_us);
    type(w, "4711#");
    place_load(w->place, &in);
    assert_int_equal(2 * in.cpu_used_us, owing.cpu_used_us);
    assert_int_equal(in.legs, 1);
    world_close(w);
}

/* The place is on another worker than the conference: the lobby too, and from there it goes into the annex. */
static void test_beside(void **state)
{
    struct place_cfg place = {.n_workers = 2, .worker_legs_max = 1};
    struct world *w = open_on(place, PIN_INSTEAD, NULL);
    struct phone first, second;
    assert_int_equal(come_in(w, &first), 200);
    type(w, "4711#");
    world_work(w);
    const struct room *room = w->env->rooms;
    assert_int_equal(come_to(w, &second, room->token, ""), 200);
    const struct call *call = w->env->calls;
    world_work(w);
    assert_null(room->annexes); /* nor is it needed yet */
    assert_int_equal(world_has(w, call->leg)->worker, 1);
    assert_ptr_equal(world_has(w, call->leg)->conf, call->lobby->conf);
    type(w, "4711#");
    world_work(w);
    assert_non_null(room->annexes);
    assert_ptr_equal(world_has(w, call->leg)->conf, room->annexes->conf);
    assert_ptr_equal(leg_cfg_of(call->leg)->annex_source, room->annex_sources->relay);
    world_give(w);
    assert_null(room->lobbies);
    assert_int_equal(phone_send(&second, "BYE", 0, NULL), 200);
    world_close(w);
}

/* What a caller with a PIN has called for is played once it is right, and not where others are. */
static void test_announcement(void **state)
{
    static int16_t pcm[800];
    struct prompts *prompts;
    struct phone p;
    assert_int_equal(prompts_build(&prompts), 0);
    assert_int_equal(prompts_add(prompts, "hello.wav", pcm, ARRAY_LEN(pcm), 8000), 0);
    struct world *w = open_on((struct place_cfg){.n_workers = 1}, PIN_INSTEAD, prompts);
    w->env->cfg.netann = true;
    assert_int_equal(come_to(w, &p, "annc", ";play=file:///hello.wav"), 200);
    const struct call *call = w->env->calls;
    assert_ptr_equal(playing(w), prompts_clip(prompts, PROMPT_PIN_ENTER));
    type(w, "4711#");
    assert_ptr_equal(playing(w), prompts_clip(prompts, PROMPT_PIN_RIGHT));
    played(w);
    assert_ptr_equal(playing(w), prompts_find(prompts, "hello.wav"));
    assert_ptr_equal(world_has(w, call->leg)->conf, call->lobby->conf);
    played(w);
    assert_int_equal(strncmp(last(w), "BYE", 3), 0);
    answer_bye(w, last(w), 200);
    world_close(w);
    prompts_free(prompts);
}

/* The ring is full when the call is over: what is left of the lobby waits, and goes later. */
static void test_full_ring(void **state)
{
    struct prompts *prompts;
    struct phone p;
    assert_int_equal(prompts_build(&prompts), 0);
    struct world *w = open_on((struct place_cfg){.n_workers = 1}, PIN_INSTEAD, prompts);
    assert_int_equal(come_in(w, &p), 200);
    world_work(w);
    struct ctl_req nothing = {.op = CTL_LEG_SET};
    while (ctl_put(&w->ctl, &nothing) == 0) {
    }
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
    assert_true(w->env->n_due > 0);
    struct ctl_req taken;
    assert_true(ring_get(&w->ctl.requests, &taken)); /* room for one after the other */
    focus_beat(w->focus);
    assert_true(w->env->n_due > 0);
    for (unsigned i = 0; i < 4; i++) {
        world_work(w);
        world_give(w);
        world_run(w, 100);
    }
    assert_int_equal(w->env->n_due, 0);
    assert_int_equal(count_get(&w->env->stats.lobbies), 0);
    world_close(w);
    prompts_free(prompts);
}

/* also: the credentials first, then the PIN. */
static void test_also(void **state)
{
    struct world *w = open_with(PIN_ALSO);
    struct phone p = phone_of(w, 7, "conferences");
    unsigned before = w->n_sent;
    phone_send(&p, "INVITE", 0, SDP_PCMU);
    assert_int_equal(await(w, before), 401);
    world_close(w);
}

/* The same keys by INFO. */
static void test_info(void **state)
{
    static const struct {
        const char *type, *body;
        int status;
    } cases[] = {
        {"application/dtmf-relay", "Signal=4\r\nDuration=160\r\n", 200},
        {"application/dtmf-relay", "Duration=160\r\nsignal= 7\r\n", 200},
        {"application/dtmf", "1", 200},
        {"application/dtmf", "1\r\n", 200},
        {"application/dtmf-relay", "Signal=#", 200},
        {"application/dtmf-relay", "Signal=10\r\nDuration=160\r\n", 200}, /* by number: *, #, A to D */
        {"application/dtmf-relay", "Signal=15\r\n", 200},
        {"application/dtmf", "11", 200},
        {"application/dtmf-relay", "Signal=16\r\n", 415},
        {"application/dtmf-relay", "Signal=05\r\n", 415},
        {"application/dtmf-relay", "Signal=100\r\n", 415},
        {"application/dtmf-relay", "Signal=\r\n", 415},
        {"application/dtmf-relay", "Signa", 415},
        {"application/dtmf-relay", "\r\n\r\n\r\n", 415},
        {"application/dtmf", "flash", 415},
        {"text/plain", "1", 415},
    };
    struct world *w = open_with(PIN_INSTEAD);
    struct phone p;
    assert_int_equal(come_in(w, &p), 200);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        p.type = cases[i].type;
        assert_int_equal(phone_send(&p, "INFO", 0, cases[i].body), cases[i].status);
        if (i == 4) {
            assert_false(w->env->calls->member.is_waiting); /* 4, 7, 1, 1, # */
        }
    }
    assert_int_equal(phone_send(&p, "INFO", 0, NULL), 200); /* a keepalive */
    p.extra = "Info-Package: foo\r\n";
    assert_int_equal(phone_send(&p, "INFO", 0, NULL), 469);
    world_close(w);
}

enum { CALLERS = 6, STEPS = 1000, SEEDS = 40 };

static void accounts_put(struct world *w)
{
    for (unsigned i = 1; i <= CALLERS; i++) {
        struct store_req req = {.op = STORE_ACCOUNT_PUT};
        snprintf(req.account.user, sizeof req.account.user, "p%u", i);
        req.account.is_entitled = req.account.has_pin = true;
        assert_int_equal(store_pin_mac(req.account.pin, w->env->secret, req.account.user, "4711"), 0);
        assert_int_equal(store_put(w->store, &req), 0);
    }
}

/* INVITE by From alone; whatever is answered. */
static void try_to_come(struct world *w, struct phone *p, unsigned number, const char *user, const char *params,
                        unsigned cseq)
{
    char to[256];
    *p = phone_of(w, number, user);
    strcat(p->target, params);
    p->branch = p->cseq = cseq;
    unsigned before = w->n_sent;
    phone_send(p, "INVITE", 0, draw(w) % 4 ? SDP_PCMU : NULL);
    if (await(w, before) == 200 && header(last(w), "To", to, sizeof to)) {
        snprintf(p->to_tag, sizeof p->to_tag, "%s", strstr(to, ";tag=") + 5);
    }
}

/* From the worker that has it: a key, or the end of a clip. */
static void leg_says(struct world *w, const struct has *has, const char *keys)
{
    const struct leg_cfg *cfg = leg_cfg_of(has->leg);
    struct ctl_ev ev = {.event = EV_PLAYED, .id = cfg->id, .leg = has->leg};
    if (cfg->clip) {
        must(ring_put(&world_ctl(w, has->worker)->events, &ev));
    } else if (!cfg->relay) {
        for (; *keys; keys++) {
            ev = (struct ctl_ev){.event = EV_DTMF, .id = cfg->id, .value = (uint32_t)*keys};
            must(ring_put(&world_ctl(w, has->worker)->events, &ev));
        }
    }
    focus_beat(w->focus);
}

/* The ring of a worker has so much room, until it works. */
static void ring_fill(struct ctl *ctl, uint64_t n_room)
{
    struct ctl_req nothing = {.op = CTL_LEG_SET}, taken;
    while (ctl_put(ctl, &nothing) == 0) {
    }
    for (uint64_t i = 0; i < n_room && ring_get(&ctl->requests, &taken); i++) {
        must(taken.op == CTL_LEG_SET && !taken.leg);
    }
}

static void step(struct world *w, struct phone *phones, unsigned cseq)
{
    static const char *const keys[] = {"4711#", "4711#", "4711#", "1#", "4", "*", "#"};
    static const char *const bodies[] = {SDP_PCMU, SDP_PCMA, SDP_HOLD};
    unsigned i = (unsigned)(draw(w) % CALLERS);
    struct phone *p = &phones[i];
    switch (draw(w) % 16) {
    case 0:
        try_to_come(w, p, i + 1, "conf=a", "", cseq);
        break;
    case 1:
        try_to_come(w, p, i + 1, "annc", ";play=file:///hello.wav", cseq);
        break;
    case 2:
    case 3:
        phone_ack(p, SDP_PCMU);
        break;
    case 4:
    case 5:
    case 6:
    case 12:
    case 13:
        if (w->n_has) {
            leg_says(w, &w->has[draw(w) % w->n_has], keys[draw(w) % ARRAY_LEN(keys)]);
        }
        break;
    case 7:
        world_work(w);
        break;
    case 8:
    case 14:
    case 15:
        world_work(w);
        world_give(w);
        break;
    case 9:
        phone_send(p, draw(w) % 2 ? "BYE" : "UPDATE", 0, NULL);
        break;
    case 10:
        phone_send(p, "INVITE", 0, bodies[draw(w) % ARRAY_LEN(bodies)]);
        break;
    default:
        if (draw(w) % 3) {
            world_run(w, draw(w) % 4 ? 100 : 12000);
        } else {
            world_work(w); /* what is taken out again must be ours */
            ring_fill(world_ctl(w, (unsigned)(draw(w) % 2)), draw(w) % 3);
        }
    }
}

/* Callers come, key, hang up and change their media; prompts end, rings are full, legs come back late: in any order.
 * The workers insist on theirs, and at the end nothing is left. A39. */
static void test_any_order(void **state)
{
    static int16_t pcm[800];
    struct prompts *prompts;
    uint64_t n_in = 0, n_played = 0;
    assert_int_equal(prompts_build(&prompts), 0);
    assert_int_equal(prompts_add(prompts, "hello.wav", pcm, ARRAY_LEN(pcm), 8000), 0);
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        struct phone phones[CALLERS];
        struct world *w = open_on((struct place_cfg){.n_workers = 2, .worker_legs_max = 5}, PIN_INSTEAD, prompts);
        w->env->cfg.netann = true;
        w->seed = seed * 0x9e3779b97f4a7c15ull;
        accounts_put(w);
        for (unsigned i = 0; i < CALLERS; i++) {
            phones[i] = phone_of(w, i + 1, "nobody");
        }
        for (unsigned s = 0; s < STEPS; s++) {
            step(w, phones, (s + 1) * 100);
            for (const struct call *call = w->env->calls; call; call = call->next) {
                bool in = call->leg && !call->in_lobby;
                assert_false(in && (call->member.is_waiting || call->lobby || call->room->annc.clip));
                n_in += in;
            }
        }
        n_played += count_get(&w->env->stats.ended[ENDING_PLAYED]);
        world_close(w);
    }
    assert_true(n_in > SEEDS && n_played > SEEDS / 2); /* it was worth it */
    prompts_free(prompts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_owing),        cmocka_unit_test(test_right),        cmocka_unit_test(test_three_tries),
        cmocka_unit_test(test_silence),      cmocka_unit_test(test_codec_change), cmocka_unit_test(test_also),
        cmocka_unit_test(test_info),         cmocka_unit_test(test_prompts),      cmocka_unit_test(test_prompt_ends),
        cmocka_unit_test(test_cost),         cmocka_unit_test(test_beside),       cmocka_unit_test(test_full_ring),
        cmocka_unit_test(test_announcement), cmocka_unit_test(test_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
