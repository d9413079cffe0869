/*
 * Announcements that are called for (RFC 4240 3): what may be named and what not, and a call's life from the first
 * sample to our BYE. Method: the world of call_world.h; the test plays the worker, and says when a clip is over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/conf/clip.h"
#include "sig/ivr/prompts.h"
#include "sig/room/lobby.h"
#include "tests/unit/call_world.h"

static struct prompts *prompts_make(void)
{
    static int16_t pcm[800];
    struct prompts *prompts;
    assert_int_equal(prompts_build(&prompts), 0);
    assert_int_equal(prompts_add(prompts, "hello.wav", pcm, ARRAY_LEN(pcm), 8000), 0);
    return prompts;
}

static struct world *open_with(const struct prompts *prompts)
{
    return world_open((struct env_cfg){.netann = true, .prompts = prompts}, 0, NULL);
}

/* A phone that will call user@host with these parameters. */
static struct phone caller(struct world *w, unsigned number, const char *user, const char *params)
{
    struct phone p = phone_of(w, number, user);
    strncat(p.target, params, sizeof p.target - strlen(p.target) - 1);
    return p;
}

/* INVITE, 200, ACK. The Contact is none of a focus. */
static void get_through(struct phone *p)
{
    char value[512];
    assert_int_equal(phone_send(p, "INVITE", 0, SDP_PCMU), 200);
    assert_true(header(world_answer(p->w), "To", value, sizeof value));
    snprintf(p->to_tag, sizeof p->to_tag, "%s", strstr(value, ";tag=") + 5);
    assert_true(header(world_answer(p->w), "Contact", value, sizeof value));
    assert_null(strstr(value, "isfocus"));
    snprintf(p->target, sizeof p->target, "%.*s", (int)strcspn(value + 1, ">"), value + 1);
    phone_ack(p, NULL);
}

/* The leg that plays, among what the worker was asked. @return NULL: none */
static const struct leg_cfg *player(struct world *w)
{
    const struct leg_cfg *cfg = NULL;
    world_work(w);
    for (unsigned i = 0; i < w->n_reqs; i++) {
        bool plays = w->reqs[i].op == CTL_LEG_ADD && leg_cfg_of(w->reqs[i].leg)->clip;
        cfg = plays ? leg_cfg_of(w->reqs[i].leg) : cfg;
    }
    return cfg;
}

static void played(struct world *w)
{
    const struct lobby *lobby = w->env->calls->lobby;
    struct ctl_ev ev = {.event = EV_PLAYED, .id = event_id(EVENT_LOBBY, lobby), .leg = lobby->player};
    assert_true(ring_put(&w->ctl.events, &ev));
    focus_beat(w->focus);
}

static void test_life(void **state)
{
    struct prompts *prompts = prompts_make();
    struct world *w = open_with(prompts);
    struct phone p = caller(w, 1, "annc", ";play=file:///hello.wav;repeat=3");
    get_through(&p);
    const struct leg_cfg *cfg = player(w);
    assert_non_null(cfg);
    assert_ptr_equal(cfg->clip, prompts_find(prompts, "hello.wav"));
    assert_int_equal(cfg->clip_times, 3);
    struct call *call = w->env->calls;
    assert_ptr_equal(world_has(w, call->leg)->conf, call->lobby->conf);
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_HOLD), 200); /* it does not begin anew */
    phone_ack(&p, NULL);
    assert_null(player(w));
    /* Nobody can be brought to it, and nobody can come. */
    struct phone other = caller(w, 2, call->room->token, "");
    assert_int_equal(phone_send(&other, "INVITE", 0, SDP_PCMU), 404);
    p.extra = "Event: conference\r\n";
    assert_int_equal(phone_send(&p, "SUBSCRIBE", 0, NULL), 405);
    p.extra = "Refer-To: <sip:bob@192.0.2.50>\r\n";
    assert_int_equal(phone_send(&p, "REFER", 0, NULL), 405);
    p.extra = NULL;
    played(w);
    assert_int_equal(strncmp(last(w), "BYE", 3), 0);
    answer_bye(w, last(w), 200);
    world_work(w);
    world_give(w);
    assert_int_equal(count_get(&w->env->stats.confs), 0);
    assert_int_equal(count_get(&w->env->stats.ended[ENDING_PLAYED]), 1);
    assert_int_equal(count_get(&w->env->stats.announcements), 1);
    /* Who hangs up leaves nothing behind either, whatever may linger elsewhere. */
    p = caller(w, 3, "ANNC", ";play=file:///hello.wav;repeat=forever");
    get_through(&p);
    assert_int_equal(player(w)->clip_times, 0);
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
    world_work(w);
    world_give(w);
    assert_int_equal(count_get(&w->env->stats.confs), 0);
    world_close(w);
    prompts_free(prompts);
}

/* Without an offer it begins when the answer is here. */
static void test_offerless(void **state)
{
    struct prompts *prompts = prompts_make();
    struct world *w = open_with(prompts);
    struct phone p = caller(w, 1, "annc", ";play=file:///hello.wav");
    char value[512];
    assert_int_equal(phone_send(&p, "INVITE", 0, NULL), 200);
    assert_true(header(world_answer(w), "To", value, sizeof value));
    snprintf(p.to_tag, sizeof p.to_tag, "%s", strstr(value, ";tag=") + 5);
    assert_null(player(w));
    phone_ack(&p, SDP_PCMU);
    assert_int_equal(player(w)->clip_times, 1);
    world_close(w);
    prompts_free(prompts);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *user, *params;
        int status;
    } cases[] = {
        {"annc", "", 404},
        {"annc", ";play=", 404},
        {"annc", ";play=hello.wav", 404},
        {"annc", ";play=file:///", 404},
        {"annc", ";play=file:///hello", 404},
        {"annc", ";play=file:///Hello.wav", 404},
        {"annc", ";play=file:///pin-enter.wav", 404}, /* a beep is no recording */
        {"annc", ";play=file:///../hello.wav", 404},
        {"annc", ";play=file:///./hello.wav", 404},
        {"annc", ";play=file:////hello.wav", 404},
        {"annc", ";play=file:///%68ello.wav", 404},
        {"annc", ";play=file:///hello.wav%00", 404},
        {"annc", ";play=file://192.0.2.1/hello.wav", 404},
        {"annc", ";play=http://192.0.2.1/hello.wav", 404},
        {"annc", ";play=file:///etc/passwd", 404},
        {"annc", ";play=file:///aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.wav",
         404},
        {"annc", ";play=file:///hello.wav;repeat=0", 400},
        {"annc", ";play=file:///hello.wav;repeat=1001", 400},
        {"annc", ";play=file:///hello.wav;repeat=-1", 400},
        {"annc", ";play=file:///hello.wav;repeat=99999999999999999999", 400},
        {"annc", ";play=file:///hello.wav;repeat", 400},
        {"dialog", ";voicexml=http://192.0.2.1/x.vxml", 501},
        {"announce", "", 404},
    };
    struct prompts *prompts = prompts_make();
    struct world *w = open_with(prompts);
    char value[256];
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct phone p = caller(w, 10 + i, cases[i].user, cases[i].params);
        assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), cases[i].status);
        assert_int_equal(header(world_answer(w), "Warning", value, sizeof value), cases[i].status == 501);
    }
    struct phone savp = caller(w, 1, "annc", ";play=file:///hello.wav");
    assert_int_equal(phone_send(&savp, "INVITE", 0, SDP_SAVP), 488);
    assert_int_equal(phone_send(&savp, "OPTIONS", 0, NULL), 200);
    assert_int_equal(count_get(&w->env->stats.confs), 0);
    world_close(w);

    w = world_open((struct env_cfg){.prompts = prompts}, 0, NULL); /* not switched on */
    struct phone p = caller(w, 1, "annc", ";play=file:///hello.wav");
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 404);
    world_close(w);
    w = open_with(NULL);
    p = caller(w, 1, "annc", ";play=file:///hello.wav");
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 404);
    world_close(w);
    prompts_free(prompts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_life), cmocka_unit_test(test_offerless),
                                       cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
