/* Anything in any order: thousands of messages and events drawn from a seed, and nothing is left when all is over
 * (attack A39). Method: as call.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_world.h"

/* A request of ours, of those that were sent last, gets any answer, from anybody it may have reached. */
static void answer_any(struct world *w)
{
    static const int statuses[] = {100, 180, 183, 200, 200, 200, 302, 401, 481, 486, 487, 491, 500, 503};
    static const char *const tags[] = {"", "t1", "t1", "t1", "t2", "t3"};
    static const char *const extras[] = {"Contact: <sip:bob@192.0.2.50>\r\n", "Contact: <sip:carol@192.0.2.51>\r\n", "",
                                         "Contact: <tel:+1900>, <sip:b@192.0.2.9:22>;q=0.3\r\n"};
    static const char *const bodies[] = {SDP_PCMU, SDP_PCMA, SDP_HOLD, SDP_SAVP, NULL, "nonsense"};
    const char *request = draw(w) % 3 ? world_request(w, "INVITE ") : world_sent(w, draw(w) % 16);
    if (*request && status_of(request) == 0 && strncmp(request, "ACK ", 4) != 0) {
        world_reply(w, request, statuses[draw(w) % ARRAY_LEN(statuses)], tags[draw(w) % ARRAY_LEN(tags)],
                    extras[draw(w) % ARRAY_LEN(extras)], bodies[draw(w) % ARRAY_LEN(bodies)]);
    }
}

/* REFER of all kinds, watching it, and calls that want the place of another. */
static void refer_any(struct world *w, struct phone *p, const struct phone *other)
{
    static const char *const extras[] = {
        "Refer-To: <sip:bob@192.0.2.50>\r\n", "Refer-To: <sip:bob@192.0.2.50>\r\nRefer-Sub: false\r\n",
        "Refer-To: <sip:carol@192.0.2.51?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc>\r\n",
        "Refer-To: <sip:bob@192.0.2.50;method=BYE>\r\n", "Refer-To: <sip:bob@192.0.2.50>\r\nExpires: 0\r\n"};
    char extra[256];
    p->extra = extra;
    switch (draw(w) % 8) {
    case 0: /* himself */
        snprintf(extra, sizeof extra, "Refer-To: <sip:p%u@192.0.2.9;method=BYE>\r\n", p->number);
        phone_send(p, "REFER", 0, NULL);
        break;
    case 1:
        snprintf(extra, sizeof extra, "Event: refer;id=%u\r\nExpires: %u\r\n", p->cseq, (unsigned)(draw(w) % 2) * 60);
        phone_send(p, "SUBSCRIBE", 0, NULL);
        break;
    case 2:
        snprintf(extra, sizeof extra, "Event: conference\r\n");
        phone_send(p, "SUBSCRIBE", 0, NULL);
        break;
    case 3: {
        struct phone late = phone_of(w, other->number + 100000, "conferences");
        snprintf(late.target, sizeof late.target, "%s", other->target);
        snprintf(extra, sizeof extra, "Replaces: c%u@192.0.2.9;to-tag=%s;from-tag=f%u\r\n", other->number,
                 other->to_tag, other->number);
        late.extra = extra;
        if (phone_invite(&late, SDP_PCMU) == 200) {
            *p = late;
        }
        break;
    }
    default:
        snprintf(extra, sizeof extra, "%s", extras[draw(w) % ARRAY_LEN(extras)]);
        phone_send(p, "REFER", 0, NULL);
    }
    p->extra = NULL;
}

/* The connection of something that was sent breaks. */
static void break_any(struct world *w)
{
    unsigned i = (unsigned)(draw(w) % SENT_MAX);
    if (w->sent[i][0]) {
        txns_flow_gone(w->txns, &w->flows[i], -ECONNRESET);
    }
}

/* A conference ends in the midst of it all, or one of its calls does. */
static void end_any(struct world *w)
{
    struct room *room = w->env->rooms;
    if (room && draw(w) % 4 == 0) {
        room_end(room, ENDING_CONFERENCE);
    } else if (room && room->roster) {
        room->roster->ops->end(room->roster, ENDING_REMOVED);
    }
}

/* Who calls in any order, and the conferences they know. */
struct crowd {
    struct phone phones[12];
    char users[4][URI_TOKEN_CHARS + 1];
    unsigned number;
};

/* One of them does something, or the worker does, or time passes. */
static void any_step(struct world *w, struct crowd *crowd)
{
    static const char *const bodies[] = {
        SDP_PCMU, SDP_PCMA, SDP_HOLD, SDP_SAVP, NULL, "nonsense", SDP_PCMU "a=rtcp-mux\r\n"};
    struct phone *p = &crowd->phones[draw(w) % ARRAY_LEN(crowd->phones)];
    char contact[512];
    const char *body = bodies[draw(w) % ARRAY_LEN(bodies)];
    switch (draw(w) % 18) {
    case 0: { /* a new call */
        char *user = crowd->users[draw(w) % ARRAY_LEN(crowd->users)];
        *p = phone_of(w, crowd->number++, *user ? user : "conferences");
        phone_invite(p, body);
        break;
    }
    case 1: {
        struct phone f = phone_of(w, crowd->number++, "conferences");
        if (phone_send(&f, "INVITE", 0, SDP_PCMU) == 302 && header(last(w), "Contact", contact, sizeof contact)) {
            memcpy(crowd->users[draw(w) % ARRAY_LEN(crowd->users)], contact + 5, URI_TOKEN_CHARS);
        }
        break;
    }
    case 2:
    case 3:
        phone_ack(p, body);
        break;
    case 4:
        phone_invite(p, body);
        break;
    case 5:
        phone_send(p, "BYE", 0, NULL);
        break;
    case 6:
        if (strncmp(last(w), "BYE ", 4) == 0) {
            answer_bye(w, last(w), draw(w) % 2 ? 200 : 481);
        }
        break;
    case 7:
        world_work(w);
        break;
    case 8:
        world_give(w);
        break;
    case 9:
        world_run(w, draw(w) % 3000);
        break;
    case 10: /* no RTP on a leg that the worker still has */
        for (struct call *call = w->env->calls; call; call = call->next) {
            if (call->leg && draw(w) % 4 == 0) {
                struct ctl_ev ev = {.event = EV_QUIET, .id = event_id(EVENT_CALL, call)};
                ring_put(&w->ctl.events, &ev);
            }
        }
        focus_beat(w->focus);
        break;
    case 11:
    case 12:
        refer_any(w, p, &crowd->phones[draw(w) % ARRAY_LEN(crowd->phones)]);
        break;
    case 13:
    case 14:
    case 15:
        answer_any(w);
        break;
    case 16:
        if (draw(w) % 8 == 0) {
            end_any(w);
        } else if (draw(w) % 4 == 0) {
            break_any(w);
        }
        break;
    default:
        phone_send(p, draw(w) % 2 ? "OPTIONS" : "CANCEL", p->cseq, NULL);
    }
}

/* Anything in any order, from a printed seed. */
static void test_any_order(void **state)
{
    uint64_t n_made = 0, n_dialled = 0, n_answered = 0, n_replaced = 0;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct env_cfg cfg = {.reservation = seed % 2, .legs_max = 4, .dial_rate = 10000};
        assert_int_equal(reach_read(&cfg.reach, "192.0.2.0/24"), 0);
        struct world *w = world_open(cfg, 100000, NULL);
        struct crowd crowd = {.number = 1000};
        struct env_stats *s = &w->env->stats;

        w->seed = seed * 0x9e3779b97f4a7c15ull;
        for (unsigned i = 0; i < ARRAY_LEN(crowd.phones); i++) {
            crowd.phones[i] = phone_of(w, crowd.number++, "conferences");
        }
        for (unsigned step = 0; step < 1500; step++) {
            any_step(w, &crowd);
            if (draw(w) % 500 == 0) { /* the ring fills up */
                struct ctl_req filler = {.op = CTL_LEG_SET};
                while (ctl_put(&w->ctl, &filler) == 0) {
                }
            }
            if (w->n_legs > 200 || w->n_confs > 200) {
                world_give(w);
            }
        }
        n_made += count_get(&s->calls_made);
        n_dialled += count_get(&s->dials);
        n_answered += count_get(&s->dials_answered);
        n_replaced += count_get(&s->ended[ENDING_REPLACED]);
        world_close(w);
    }
    assert_true(n_made > 1000 && n_dialled > 100 && n_answered > 10 && n_replaced > 10); /* else it has tried nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
