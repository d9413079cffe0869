/*
 * Requests as short as a phone can make them: compact names, no body, no padding, by UDP, from an address that nobody
 * has answered from. Each is answered by what it means; no phone is told 400 since our answer would be too long for its
 * request (A5). Clauses C8, C14 to C17 hold for it as for others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_world.h"

struct short_phone {
    struct world *w;
    const char *host;
    char uri[256], to_tag[64];
    unsigned cseq;
};

/* @return status of the last answer */
static int ask(struct short_phone *p, const char *method, const char *extra, const char *body)
{
    char text[TEXT_MAX];
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    unsigned before = p->w->n_sent;
    bool is_ack = strcmp(method, "ACK") == 0;
    must(addr_parse(&flow.remote, p->host, 5060) == 0);
    p->cseq += !is_ack;
    int n =
        snprintf(text, sizeof text,
                 "%s %s SIP/2.0\r\nv:SIP/2.0/UDP %s;branch=z9hG4bK%s%u\r\nf:<sip:p@h>;tag=%s\r\nt:<sip:c@h>%s%s\r\n"
                 "i:%s\r\nCSeq:%u %s\r\n%sm:<sip:p@%s>\r\n%s\r\n%s",
                 method, p->uri, p->host, is_ack ? "a" : "", p->cseq, p->host, p->to_tag[0] ? ";tag=" : "", p->to_tag,
                 p->host, p->cseq, method, extra, p->host, body ? "c:application/sdp\r\n" : "", body ? body : "");
    txns_rx(p->w->txns, &flow, text, (size_t)n, p->w->now_ns);
    for (unsigned i = before; i < p->w->n_sent; i++) {
        p->w->i_answer = status_of(p->w->sent[i % SENT_MAX]) ? i : p->w->i_answer;
    }
    return p->w->n_sent == before ? 0 : status_of(world_answer(p->w));
}

static struct short_phone phone(struct world *w, unsigned i, const char *user)
{
    static char hosts[64][16];
    must(i < ARRAY_LEN(hosts));
    snprintf(hosts[i], sizeof hosts[i], "192.0.2.%u", 20 + i);
    struct short_phone p = {.w = w, .host = hosts[i]};
    snprintf(p.uri, sizeof p.uri, "sip:%s@" DOMAIN, user);
    return p;
}

static void keep_tag(struct short_phone *p)
{
    char value[256];
    must(header(world_answer(p->w), "To", value, sizeof value) || header(world_answer(p->w), "t", value, sizeof value));
    snprintf(p->to_tag, sizeof p->to_tag, "%s", strstr(value, ";tag=") + 5);
}

/* Whoever asks for the first time. */
static void test_strangers(void **state)
{
    static const struct {
        const char *method, *user, *extra; /* user "": a conference that is there */
        int open, closed;                  /* without names, and where people have names */
        const char *has;                   /* the closed one's */
    } cases[] = {
        {"INVITE", "conferences", "", 302, 401, "WWW-Authenticate"},
        {"INVITE", "", "", 200, 401, "WWW-Authenticate"},
        {"INVITE", "nobody", "", 404, 404, NULL},
        {"INVITE", "conferences", "Require:a,b\r\n", 420, 420, NULL},
        {"INVITE", "", "x:9\r\n", 422, 401, "WWW-Authenticate"},
        {"OPTIONS", "conferences", "", 200, 200, NULL},
        {"OPTIONS", "", "", 200, 200, NULL},
        {"OPTIONS", "nobody", "", 404, 404, NULL},
        {"BYE", "conferences", "", 481, 481, NULL},
        {"UPDATE", "conferences", "", 481, 481, NULL},
        {"PRACK", "conferences", "", 481, 481, NULL},
        {"SUBSCRIBE", "", "o:conference\r\n", 403, 401, "WWW-Authenticate"},
        {"REFER", "", "r:<tel:1>\r\n", 403, 401, "WWW-Authenticate"},
        {"MESSAGE", "conferences", "", 405, 405, NULL},
    };
    for (int is_closed = 0; is_closed < 2; is_closed++) {
        struct env_cfg cfg = {.legs_max = 64, .conferences_max = 64};
        snprintf(cfg.realm, sizeof cfg.realm, "%s", is_closed ? "ims.example" : "");
        struct world *w = world_open(cfg, 0, "memory");
        struct room *room;
        for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
            char value[512];
            assert_int_equal(room_issue(w->env, (struct place_cost){0}, &room), 0);
            struct short_phone p = phone(w, i, cases[i].user[0] ? cases[i].user : room->token);
            int status = ask(&p, cases[i].method, cases[i].extra, NULL);
            if (status != (is_closed ? cases[i].closed : cases[i].open)) {
                fail_msg("%s %s%s: %d", cases[i].method, cases[i].user, cases[i].extra, status);
            }
            if (is_closed && cases[i].has) {
                assert_true(header(world_answer(w), cases[i].has, value, sizeof value));
            }
        }
        world_close(w);
    }
}

/* Whoever is in, from the first request to the last. */
static void test_a_call(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    struct short_phone p = phone(w, 0, "conferences");
    char value[512];
    assert_int_equal(ask(&p, "INVITE", "", NULL), 302);
    assert_true(header(world_answer(w), "m", value, sizeof value) ||
                header(world_answer(w), "Contact", value, sizeof value));
    snprintf(p.uri, sizeof p.uri, "%.*s", (int)strcspn(strchr(value, '<') + 1, ">"), strchr(value, '<') + 1);
    assert_int_equal(ask(&p, "INVITE", "", NULL), 200);
    keep_tag(&p);
    ask(&p, "ACK", "", SDP_PCMU);
    world_work(w);
    assert_int_equal(w->env->calls->state, CALL_UP);
    assert_int_equal(ask(&p, "OPTIONS", "", NULL), 200);
    assert_int_equal(ask(&p, "INVITE", "", NULL), 200);
    ask(&p, "ACK", "", SDP_PCMU);
    assert_int_equal(ask(&p, "INVITE", "", SDP_PCMU), 200);
    ask(&p, "ACK", "", NULL);
    assert_int_equal(ask(&p, "UPDATE", "", NULL), 200);
    assert_int_equal(ask(&p, "UPDATE", "", SDP_PCMU), 200);
    assert_int_equal(ask(&p, "SUBSCRIBE", "o:conference\r\n", NULL), 200);
    assert_int_equal(ask(&p, "INFO", "", NULL), 200);
    assert_int_equal(ask(&p, "BYE", "", NULL), 200);
    assert_int_equal(ask(&p, "BYE", "", NULL), 481);
    world_work(w);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_strangers), cmocka_unit_test(test_a_call)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
