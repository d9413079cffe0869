/*
 * Sessions of push-to-talk: who gets one, which channel it is in, what its leg and its floor are told, and that every
 * one ends with its call. Method: the world of call_world.h with the instant service beside the focus.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/instant/channel.h"
#include "sig/instant/instant.h"
#include "tests/unit/call_world.h"

#define FLOOR "a=rtcp-mux\r\nm=application 7000 udp MCPTT\r\na=fmtp:MCPTT mc_queueing;mc_priority=4\r\n"
#define SDP_PTT SDP_PCMU FLOOR

static struct instant *instant;
static struct {
    char identification[AUTH_USER_MAX];
    enum session_status status;
    bool is_over;
    unsigned n;
} told;

static bool wants(void *ctx, const struct sip_msg *msg)
{
    return instant_wants(ctx, msg);
}

static void take(void *ctx, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    instant_take(ctx, txn, msg, who);
}

static void store_reply(void *ctx, const struct store_reply *reply)
{
    instant_store_reply(ctx, reply);
}

static struct members *group;
static const char *dnd; /* that user does not want to be disturbed; NULL: nobody */

static const struct members *members_of(void *ctx, const char *name)
{
    return name[0] == 'g' ? group : NULL;
}

static bool is_dnd(void *ctx, const char *user)
{
    return dnd && strcmp(dnd, user) == 0;
}

static void on_session(void *ctx, const struct session *session, bool is_over)
{
    snprintf(told.identification, sizeof told.identification, "%s", session->identification);
    told.status = session->status;
    told.is_over = is_over;
    told.n++;
}

static void service_put(const char *account, const char *identification, const char *text)
{
    char name[128];
    const char *why;
    snprintf(name, sizeof name, "ptt/%s", identification);
    int err = instant_service_put(instant, account, name, text, text ? strlen(text) : 0, &why);
    if (err) {
        fail_msg("%s: %d, %s", name, err, why);
    }
}

static struct world *open_with(struct env_cfg cfg)
{
    struct sessions_user user = {NULL, members_of, is_dnd, on_session};
    group = calloc(1, sizeof *group + 2 * sizeof group->uris[0]);
    must(group);
    group->n = 2;
    group->uris[0] = "sip:p1@x";
    group->uris[1] = "sip:p2@x";
    dnd = NULL;
    static const struct floor_policy policy = FLOOR_DEFAULTS;
    cfg.factory_mode = FACTORY_DIRECT;
    struct world *w = world_open(cfg, 0, "memory");
    memset(&told, 0, sizeof told);
    assert_int_equal(instant_build(&instant, w->env, &policy, &user), 0);
    assert_int_equal(focus_beside_add(w->focus, &(struct focus_beside){instant, wants, take, store_reply}), 0);
    service_put("p1", "p1", "{\"target\":\"g1\",\"priority\":5}");
    service_put("p2", "p2", "{\"target\":\"g1\",\"priority\":9,\"preempt\":true,\"emergency\":true}");
    service_put("p3", "sip:p3@192.0.2.9", "{\"target\":\"sip:p4@127.0.0.1\",\"request\":false}");
    service_put("p4", "p4", "{\"target\":\"p3\"}");
    return w;
}

static void close_it(struct world *w)
{
    world_run_out(w);
    world_work(w);
    world_give(w);
    assert_null(sessions_first(instant_sessions(instant)));
    world_check_empty(w);
    focus_beside_drop(w->focus, instant);
    instant_free(instant);
    free(group);
    world_close(w);
}

/* INVITE and ACK to the service. @return status */
static int provision(struct phone *p, const char *body)
{
    int status = phone_invite(p, body);
    if (status == 200) {
        phone_ack(p, NULL);
    }
    return status;
}

static const struct ctl_req *asked(const struct world *w, enum ctl_op op)
{
    for (unsigned i = w->n_reqs; i > 0; i--) {
        if (w->reqs[i - 1].op == op) {
            return &w->reqs[i - 1];
        }
    }
    return NULL;
}

static void floor_says(struct world *w, const struct session *s, enum floor_event what, uint32_t value)
{
    struct ctl_ev ev = {
        .event = EV_FLOOR, .id = event_id(EVENT_CALL, s->call), .leg = s->call->leg, .floor = what, .value = value};
    must(ring_put(&w->ctl.events, &ev));
    focus_beat(w->focus);
}

/* Row 98 without its subscription, 103, 104, 106. */
static void only_who_has_the_service(void **state)
{
    struct world *w = open_with((struct env_cfg){0});
    struct phone stranger = phone_of(w, 9, "ptt"), alice = phone_of(w, 1, "ptt");
    assert_int_equal(provision(&stranger, SDP_PTT), 403);
    assert_int_equal(count_get(&w->env->stats.refused[REFUSAL_SERVICE]), 1);
    assert_int_equal(provision(&alice, SDP_PTT), 200);
    const char *answer = world_answer(w);
    assert_non_null(strstr(answer, "Contact: <sip:ptt-")); /* the session's own, no conference's */
    assert_null(strstr(answer, "isfocus"));
    assert_non_null(strstr(answer, " udp MCPTT\r\na=fmtp:MCPTT mc_queueing;mc_priority=4\r\n"));
    assert_string_equal(told.identification, "p1");
    assert_true(told.n == 1 && !told.is_over && told.status == SESSION_READY);

    /* The worker gets a floor, then a leg with a seat at it. */
    world_work(w);
    const struct ctl_req *floor = asked(w, CTL_CONF_FLOOR), *add = asked(w, CTL_LEG_ADD);
    assert_true(floor && add && floor < add && floor->conf == add->conf);
    assert_true(floor->floor.mode == FLOOR_MODE_HALF && floor->floor.sleeps);
    const struct leg_cfg *cfg = leg_cfg_of(add->leg);
    assert_true(cfg->ptt.is_on && cfg->ptt.speaks_floor && !cfg->ptt.fill && cfg->rtcp_mux);
    assert_string_equal(cfg->ptt.identity, "sip:p1@" DOMAIN);
    assert_int_equal(cfg->ptt.rights.priority_max, 4); /* the lower of profile and terminal */
    assert_true(cfg->ptt.rights.may_request && cfg->ptt.rights.queues && !cfg->ptt.rights.may_preempt);

    phone_send(&alice, "BYE", 0, NULL);
    assert_true(told.is_over);
    world_work(w);
    world_give(w);
    close_it(w);
}

/* A stock phone has no floor control: signalling asks for it. */
static void a_phone_without_floor_control(void **state)
{
    struct world *w = open_with((struct env_cfg){0});
    struct phone bob = phone_of(w, 2, "ptt");
    assert_int_equal(provision(&bob, SDP_PCMU), 200);
    assert_null(strstr(world_answer(w), "MCPTT"));
    world_work(w);
    const struct leg_cfg *cfg = leg_cfg_of(asked(w, CTL_LEG_ADD)->leg);
    assert_true(cfg->ptt.is_on && !cfg->ptt.speaks_floor && cfg->ptt.fill);
    assert_int_equal(cfg->ptt.rights.priority_max, 9);
    assert_true(cfg->ptt.rights.may_preempt && cfg->ptt.rights.may_emergency);
    struct session *s = session_find(instant_sessions(instant), "p2", "p2");
    struct floor_wish wish = {.what = FLOOR_ASK_REQUEST, .priority = FLOOR_PRIORITY_OWN};
    assert_int_equal(call_ptt_ask(s->call, &wish), 0);
    world_work(w);
    assert_ptr_equal(asked(w, CTL_FLOOR)->leg, s->call->leg);
    phone_send(&bob, "BYE", 0, NULL);
    world_work(w);
    world_give(w);
    close_it(w);
}

/* Members of a group share a channel, and two users that name each other. */
static void channels(void **state)
{
    struct world *w = open_with((struct env_cfg){0});
    struct phone phones[] = {phone_of(w, 1, "ptt"), phone_of(w, 2, "ptt"), phone_of(w, 3, "ptt"),
                             phone_of(w, 4, "ptt")};
    struct session *s[4];
    for (unsigned i = 0; i < 4; i++) {
        char user[8];
        snprintf(user, sizeof user, "p%u", i + 1);
        assert_int_equal(provision(&phones[i], SDP_PTT), 200);
        s[i] = session_find(instant_sessions(instant), user, user);
        assert_non_null(s[i]);
        world_work(w);
    }
    assert_ptr_equal(s[0]->call->room, s[1]->call->room);
    assert_ptr_equal(s[2]->call->room, s[3]->call->room);
    assert_ptr_not_equal(s[0]->call->room, s[2]->call->room);
    assert_string_equal(channel_name_of(s[0]->call->room), "g1");
    assert_string_equal(channel_name_of(s[2]->call->room), "p3+p4");

    /* A push costs no SIP message (row 120), and is seen in the status. */
    unsigned n_sent = w->n_sent;
    floor_says(w, s[0], FLOOR_EV_GRANTED, 1);
    assert_int_equal(s[0]->status, SESSION_TALKS);
    floor_says(w, s[1], FLOOR_EV_DENIED, 1);
    floor_says(w, s[0], FLOOR_EV_RELEASED, 0);
    assert_int_equal(s[0]->status, SESSION_READY);
    assert_int_equal(w->n_sent, n_sent);
    assert_int_equal(count_get(&instant_stats(instant)->grants), 1);
    assert_int_equal(count_get(&instant_stats(instant)->denials), 1);

    /* A profile that changes reaches the worker; one that is gone ends the session. */
    service_put("p1", "p1", "{\"target\":\"g1\",\"priority\":2,\"request\":false}");
    world_work(w);
    const struct ctl_req *set = asked(w, CTL_LEG_SET);
    assert_true(set && set->leg == s[0]->call->leg && set->set.what == SET_FLOOR);
    assert_true(!set->set.rights.may_request && set->set.rights.priority_max == 2);
    service_put("p2", "p2", NULL);
    assert_int_equal(s[1]->call->state, CALL_ENDING);
    answer_bye(w, world_request(w, "BYE "), 200);
    assert_null(session_find(instant_sessions(instant), "p2", "p2"));
    for (unsigned i = 0; i < 4; i++) {
        if (i != 1) {
            phone_send(&phones[i], "BYE", 0, NULL);
        }
    }
    world_work(w);
    world_give(w);
    close_it(w);
}

/* A terminal that has been restarted: its old session ends. */
static void a_second_session_replaces_the_first(void **state)
{
    struct world *w = open_with((struct env_cfg){0});
    struct phone before = phone_of(w, 1, "ptt"), after = phone_of(w, 1, "ptt");
    assert_int_equal(provision(&before, SDP_PTT), 200);
    struct session *old = session_find(instant_sessions(instant), "p1", "p1");
    uint64_t old_id = old->id;
    world_run(w, 40000); /* the first INVITE is forgotten: this one is not its second way here */
    assert_int_equal(provision(&after, SDP_PTT), 200);
    world_work(w);
    answer_bye(w, world_request(w, "BYE "), 200);
    struct session *s = session_find(instant_sessions(instant), "p1", "p1");
    assert_true(s && s->id != old_id);
    assert_null(s->hash_next);
    assert_int_equal(count_get(&instant_stats(instant)->replaced), 1);
    phone_send(&after, "BYE", 0, NULL);
    world_work(w);
    world_give(w);
    close_it(w);
}

/* Three keep-alives lost: unreachable, and half a minute later its session ends, unless it is back. */
static void an_unreachable_terminal(void **state)
{
    for (unsigned is_back = 0; is_back < 2; is_back++) {
        struct world *w = open_with((struct env_cfg){0});
        struct phone alice = phone_of(w, 1, "ptt");
        assert_int_equal(provision(&alice, SDP_PTT), 200);
        struct session *s = session_find(instant_sessions(instant), "p1", "p1");
        struct ctl_ev ev = {.event = EV_ALIVE, .id = event_id(EVENT_CALL, s->call), .value = 0};
        must(ring_put(&w->ctl.events, &ev));
        focus_beat(w->focus);
        assert_int_equal(s->status, SESSION_UNREACHABLE);
        world_run(w, SESSION_GONE_MS / 2);
        if (is_back) {
            ev.value = 1;
            must(ring_put(&w->ctl.events, &ev));
            focus_beat(w->focus);
            assert_int_equal(s->status, SESSION_READY);
        }
        world_run(w, SESSION_GONE_MS);
        assert_int_equal(count_get(&instant_stats(instant)->lost), !is_back);
        if (is_back) {
            assert_int_equal(s->call->state, CALL_UP);
            phone_send(&alice, "BYE", 0, NULL);
        } else {
            answer_bye(w, world_request(w, "BYE "), 200);
        }
        world_work(w);
        world_give(w);
        close_it(w);
    }
}

static int refer(struct phone *p, const char *to, const char *more)
{
    char lines[256];
    snprintf(lines, sizeof lines, "Refer-To: <%s>\r\n%s", to, more);
    p->extra = lines;
    int status = phone_send(p, "REFER", 0, NULL);
    p->extra = NULL;
    return status;
}

/* Rows 79, 80, 119: a phone without floor control pushes by REFER; whether anybody is there is decided first. */
static void pushes_by_refer(void **state)
{
    struct world *w = open_with((struct env_cfg){0});
    struct phone alice = phone_of(w, 1, "ptt"), bob = phone_of(w, 2, "ptt"), carol = phone_of(w, 3, "ptt"),
                 dave = phone_of(w, 4, "ptt");
    assert_int_equal(provision(&alice, SDP_PCMU), 200);
    assert_int_equal(refer(&alice, "sip:g1@127.0.0.1", "Refer-Sub: false\r\n"), 480); /* nobody is there */
    assert_int_equal(provision(&bob, SDP_PTT), 200);
    assert_int_equal(refer(&alice, "sip:g2@127.0.0.1", "Refer-Sub: false\r\n"), 403); /* not its channel */
    world_work(w);
    assert_null(asked(w, CTL_FLOOR));
    assert_int_equal(refer(&alice, "sip:g1@127.0.0.1", "Refer-Sub: false\r\n"), 202);
    world_work(w);
    struct session *s = session_find(instant_sessions(instant), "p1", "p1");
    const struct ctl_req *ask = asked(w, CTL_FLOOR);
    assert_true(ask && ask->leg == s->call->leg && ask->wish.what == FLOOR_ASK_REQUEST);
    assert_true(s->activation.id && s->activation.state == ACTIVATION_WAITS);
    assert_ptr_equal(activation_find(instant_sessions(instant), s->activation.id), s);
    floor_says(w, s, FLOOR_EV_QUEUED, 1);
    assert_int_equal(s->activation.state, ACTIVATION_QUEUED);
    floor_says(w, s, FLOOR_EV_GRANTED, 900);
    assert_int_equal(s->activation.state, ACTIVATION_GRANTED);
    assert_int_equal(refer(&alice, "sip:g1@127.0.0.1;method=BYE", ""), 202);
    world_work(w);
    assert_int_equal(asked(w, CTL_FLOOR)->wish.what, FLOOR_ASK_RELEASE);
    assert_null(activation_find(instant_sessions(instant), 1));
    assert_int_equal(s->call->state, CALL_UP); /* row 123: the session stands */

    /* A private channel: the other party is away, does not want to be disturbed, is there. */
    assert_int_equal(provision(&dave, SDP_PTT), 200);
    assert_int_equal(refer(&dave, "sip:p3@127.0.0.1", ""), 480);
    assert_string_equal(activation_why(session_find(instant_sessions(instant), "p4", "p4"), "p3"), "offline");
    dnd = "p3";
    assert_int_equal(refer(&dave, "sip:p3@127.0.0.1", ""), 603);
    assert_int_equal(provision(&carol, SDP_PTT), 200);
    assert_int_equal(refer(&dave, "sip:p3@127.0.0.1", ""), 603);
    dnd = NULL;
    assert_int_equal(refer(&dave, "sip:p3@127.0.0.1", ""), 202);
    assert_int_equal(refer(&carol, "sip:p4@127.0.0.1", ""), 403); /* may only listen */
    struct phone *all[] = {&alice, &bob, &carol, &dave};
    for (unsigned i = 0; i < ARRAY_LEN(all); i++) {
        phone_send(all[i], "BYE", 0, NULL);
    }
    world_work(w);
    world_give(w);
    close_it(w);
}

static int find_phone(void *ctx, const char *user, struct reach_way *way)
{
    *way = (struct reach_way){.flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN}};
    snprintf(way->target, sizeof way->target, "sip:%s@192.0.2.77:5062", user);
    return *(bool *)ctx ? addr_parse(&way->flow.remote, "192.0.2.77", 5062) : -ENOENT;
}

/* Rows 98, 105, 108: a subscription has the terminal called; its end ends the session; a phone that is back is called.
 */
static void the_server_calls(void **state)
{
    struct world *w = open_with((struct env_cfg){0});
    struct sessions *all = instant_sessions(instant);
    bool is_there = false;
    w->env->locate = (struct env_locate){&is_there, find_phone};
    assert_int_equal(setup_begin(all, "p9", "ptt", "sip:p9@192.0.2.9", true), REFUSAL_SERVICE);
    assert_int_equal(setup_begin(all, "p1", "fax", "p1", true), REFUSAL_SERVICE);
    assert_int_equal(setup_begin(all, "p1", "ptt", "sip:p1@192.0.2.9", true), REFUSALS);
    assert_int_equal(count_sent(w, "INVITE "), 0); /* not registered yet */
    is_there = true;
    setup_registered(all, "p1");
    setup_registered(all, "p1"); /* it rings already */
    assert_int_equal(count_sent(w, "INVITE "), 1);
    const char *invite = world_request(w, "INVITE ");
    assert_non_null(strstr(invite, "INVITE sip:p1@192.0.2.77:5062 "));
    assert_non_null(strstr(invite, "Answer-Mode: Auto\r\n"));
    assert_non_null(strstr(invite, "P-Called-Party-ID: <sip:p1@" DOMAIN ">\r\n"));
    assert_non_null(strstr(invite, "To: <sip:p1@" DOMAIN ">\r\n"));
    assert_non_null(strstr(invite, "From: <sip:ptt@" DOMAIN ">;tag="));
    assert_non_null(strstr(invite, " udp MCPTT\r\na=fmtp:MCPTT mc_queueing;mc_priority=5\r\n"));
    world_reply(w, invite, 200, "x1", "Contact: <sip:p1@192.0.2.77:5062>\r\n",
                "v=0\r\no=- 1 1 IN IP4 192.0.2.77\r\ns=-\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\nm=audio 7000 RTP/AVP 0\r\n"
                "a=rtcp-mux\r\nm=application 7000 udp MCPTT\r\n");
    struct session *s = session_find(all, "p1", "p1");
    assert_true(s && s->call->state == CALL_UP);
    world_work(w);
    assert_true(leg_cfg_of(asked(w, CTL_LEG_ADD)->leg)->ptt.speaks_floor);
    setup_registered(all, "p1"); /* it has one */
    assert_int_equal(count_sent(w, "INVITE "), 1);
    setup_end(all, "p1", "ptt", "sip:p1@192.0.2.9");
    assert_int_equal(s->call->state, CALL_ENDING);
    answer_bye(w, world_request(w, "BYE "), 200);
    world_work(w);
    world_give(w);
    setup_registered(all, "p1"); /* no subscription any more */
    assert_int_equal(count_sent(w, "INVITE "), 1);
    w->env->locate.find = NULL;
    close_it(w);
}

static void profiles_that_are_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "[]",
                                        "{}",
                                        "{\"target\":\"\"}",
                                        "{\"target\":5}",
                                        "{\"target\":\"g1\",\"priority\":0}",
                                        "{\"target\":\"g1\",\"priority\":256}",
                                        "{\"target\":\"g1\",\"request\":1}",
                                        "{\"target\":\"g1\",\"later\":1}",
                                        "{\"target\":\"a b\"}",
                                        "{\"target\":\"g1\",\"target\":\"g2\"}"};
    struct world *w = open_with((struct env_cfg){0});
    const char *why;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        why = NULL;
        assert_int_equal(instant_service_put(instant, "p9", "ptt/p9", texts[i], strlen(texts[i]), &why), -EINVAL);
        assert_non_null(why);
    }
    static const char good[] = "{\"target\":\"g1\"}";
    static const char *const names[] = {"ptt", "ptt/", "/p9", "", "ptt/sip:"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_int_equal(instant_service_put(instant, "p9", names[i], good, strlen(good), &why), -EINVAL);
    }
    assert_int_equal(instant_service_put(instant, "p9", "fax/p9", good, strlen(good), &why), -ENOENT);
    assert_int_equal(instant_service_put(instant, "p9", "ptt/p9", NULL, 0, &why), -ENOENT);
    close_it(w);
}

/* Another offer in the session keeps its floor control; one that is taken over by another address is not believed. */
static void offers_that_come_later(void **state)
{
    struct world *w = open_with((struct env_cfg){0});
    struct phone alice = phone_of(w, 1, "ptt");
    assert_int_equal(provision(&alice, SDP_PTT), 200);
    world_work(w);
    assert_int_equal(phone_invite(&alice, SDP_HEAD "m=audio 7000 RTP/AVP 8\r\n" FLOOR), 200);
    assert_non_null(strstr(world_answer(w), " udp MCPTT\r\n"));
    phone_ack(&alice, NULL);
    world_work(w);
    const struct ctl_req *swap = asked(w, CTL_LEG_SWAP);
    assert_true(swap && leg_cfg_of(swap->leg)->ptt.speaks_floor);
    world_give(w);
    phone_send(&alice, "BYE", 0, NULL);
    world_work(w);
    world_give(w);
    close_it(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_has_the_service),
        cmocka_unit_test(a_phone_without_floor_control),
        cmocka_unit_test(channels),
        cmocka_unit_test(a_second_session_replaces_the_first),
        cmocka_unit_test(an_unreachable_terminal),
        cmocka_unit_test(pushes_by_refer),
        cmocka_unit_test(the_server_calls),
        cmocka_unit_test(profiles_that_are_refused),
        cmocka_unit_test(offers_that_come_later),
    };
    must(sip_init() == 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
