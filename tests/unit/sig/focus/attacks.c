/*
 * Attacks on calls that no other test names, played on the virtual clock of call_world.h: dialogs taken over by guesses
 * (A10), more of everything than can be served (A6, A8), half calls that would use up what calls need (A33), and
 * answers that are longer than what asked for them (A5).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sig/room/unacked.h"
#include "sig/txn/txn_priv.h"
#include "tests/unit/call_world.h"

static struct phone join(struct world *w, unsigned number, const char *user)
{
    struct phone p = phone_of(w, number, user);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 200);
    phone_ack(&p, NULL);
    world_work(w);
    return p;
}

/* A10: Call-ID, From and everything but one tag is right. The dialog does not notice. C12. */
static void test_guessed_dialogs(void **state)
{
    static const char *const methods[] = {"BYE", "INVITE", "UPDATE", "REFER", "INFO", "PRACK"};
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    struct phone a = join(w, 2, user), b = join(w, 3, user);
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        const char *body = strcmp(methods[i], "INVITE") == 0 ? SDP_HOLD : NULL;
        struct phone guess = a; /* another's tag, one that differs in its last digit */
        snprintf(guess.to_tag, sizeof guess.to_tag, "%s", b.to_tag);
        guess.branch = 1000 + (unsigned)i;
        assert_int_equal(phone_send(&guess, methods[i], 100, body), 481);
        snprintf(guess.to_tag, sizeof guess.to_tag, "%s", a.to_tag);
        char *digit = &guess.to_tag[strlen(guess.to_tag) - 1];
        *digit = *digit == '0' ? '1' : '0';
        assert_int_equal(phone_send(&guess, methods[i], 100, body), 481);
        guess = a; /* the caller's own number in another's place: Call-ID and From tag of a third */
        guess.number = 77;
        assert_int_equal(phone_send(&guess, methods[i], 100, body), 481);
    }
    struct phone none = a; /* no tag at all: no dialog is meant */
    none.to_tag[0] = '\0';
    none.branch = 2000;
    assert_int_equal(phone_send(&none, "BYE", 100, NULL), 481);
    world_work(w);
    assert_int_equal(w->n_reqs, 0); /* no worker has heard of any of it */
    assert_int_equal(count_get(&w->env->stats.calls), 2);
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200); /* its CSeq was never used up */
    assert_int_equal(phone_send(&b, "BYE", 0, NULL), 200);
    world_close(w);
}

/* Where nobody has a name the three ids are all there is: who has them and another address has gone to another network.
 * Where people have names unit.gate shows that it is asked to prove itself. */
static void test_another_network(void **state)
{
    struct world *w = world_open((struct env_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, 1, user);
    struct phone a = join(w, 2, user), b = join(w, 3, user);
    a.host = "192.0.2.66";
    assert_int_equal(phone_send(&a, "INVITE", 0, SDP_HEAD "c=IN IP4 192.0.2.66\r\nm=audio 7002 RTP/AVP 0\r\n"), 200);
    phone_ack(&a, NULL);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SET);
    struct addr there;
    assert_int_equal(addr_parse(&there, "192.0.2.66", 5060), 0);
    assert_true(addr_same_host(&w->reqs[0].set.latch_host, &there)); /* it may be heard from there */
    b.host = "192.0.2.67";
    assert_int_equal(phone_send(&b, "BYE", 0, NULL), 200);
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200);
    world_close(w);
}

/* Turns of the loop, one after the other, that bring more than can be served in one. */
static void be_behind(struct world *w, unsigned n_turns)
{
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    must(addr_parse(&flow.remote, "192.0.2.200", 5060) == 0);
    for (unsigned turn = 0; turn <= n_turns; turn++) {
        w->now_ns += 5 * NS_PER_MS;
        timer_run(&w->wheel, w->now_ns);
        for (unsigned i = 0; i < (turn < n_turns ? WORLD_TURN_FULL : 1); i++) {
            txns_rx(w->txns, &flow, "\r\n\r\n", 4, w->now_ns);
        }
    }
}

static int ask(struct world *w, const char *method, const char *user, const char *host, const char *extra)
{
    struct phone p = phone_of(w, 1000 + w->n_sent, user);
    p.host = host;
    p.extra = extra;
    return phone_send(&p, method, 0, strcmp(method, "INVITE") == 0 ? SDP_PCMU : NULL);
}

/* Overload: who begins anew waits first, then who is halfway in; who is in, and who has priority from a peer that may
 * say so, never. C22. */
static void test_overload(void **state)
{
    static const char *const proxy = "192.0.2.10", *const stranger = "192.0.2.11";
    static const char wps[] = "Resource-Priority: wps.0\r\n", q735[] = "Resource-Priority: q735.1, ets.0\r\n";
    struct env_cfg cfg = {.legs_max = 64, .conferences_max = 64};
    char user[URI_TOKEN_CHARS + 1];
    assert_int_equal(trust_add(&cfg.trusted, "192.0.2.10/32"), 0);
    struct world *w = world_open(cfg, 0, NULL);
    const struct txn_stats *stats = txns_stats(w->txns);
    world_issue(w, 1, user);
    struct phone in = join(w, 2, user);

    be_behind(w, TXN_FULL_TURNS - 1); /* a hiccup */
    assert_int_equal(ask(w, "INVITE", "conferences", stranger, NULL), 302);
    be_behind(w, TXN_FULL_TURNS);
    assert_int_equal(ask(w, "INVITE", "conferences", stranger, NULL), 503);
    assert_non_null(strstr(last(w), "\r\nRetry-After: "));
    assert_int_equal(ask(w, "INVITE", "conferences", proxy, NULL), 503);
    assert_int_equal(ask(w, "INVITE", "conferences", stranger, wps), 503); /* anybody could say so */
    assert_int_equal(count_get(&stats->refused[REFUSE_BEHIND]), 3);
    assert_int_equal(ask(w, "INVITE", "conferences", proxy, wps), 302);
    assert_int_equal(ask(w, "INVITE", "conferences", proxy, q735), 302);
    assert_int_equal(ask(w, "INVITE", "conferences", stranger, "Authorization: Digest realm=\"x\"\r\n"), 302);
    assert_int_equal(ask(w, "INVITE", user, stranger, NULL), 200);
    assert_int_equal(ask(w, "OPTIONS", "conferences", stranger, NULL), 200);

    be_behind(w, TXN_FULL_TURNS_FAR);
    assert_int_equal(ask(w, "INVITE", user, stranger, NULL), 503);
    assert_int_equal(ask(w, "SUBSCRIBE", user, stranger, "Event: conference\r\n"), 503);
    assert_int_equal(ask(w, "REFER", user, stranger, "Refer-To: <sip:x@192.0.2.9>\r\n"), 503);
    assert_int_equal(ask(w, "INVITE", user, proxy, wps), 200);
    assert_int_equal(ask(w, "INVITE", "conferences", proxy, wps), 302);
    assert_int_equal(phone_send(&in, "INVITE", 0, SDP_HOLD), 200); /* who is in does not feel it */
    phone_ack(&in, NULL);

    for (unsigned i = 0; i < 16; i++) {
        assert_int_equal(ask(w, "OPTIONS", user, stranger, NULL), 200);
    }
    w->txns->cfg.max_txns = w->txns->n_live; /* no place is left but the last eighth */
    assert_int_equal(ask(w, "INVITE", user, proxy, NULL), 503);
    assert_int_equal(ask(w, "OPTIONS", user, stranger, NULL), 503);
    assert_int_equal(ask(w, "INVITE", user, proxy, wps), 200);
    assert_int_equal(phone_send(&in, "INVITE", 0, SDP_PCMU), 200);
    phone_ack(&in, NULL);
    w->txns->cfg.max_txns = 32768;

    be_behind(w, 0); /* one turn that is not full */
    assert_int_equal(ask(w, "INVITE", "conferences", stranger, NULL), 302);
    assert_int_equal(count_get(&stats->refused[REFUSE_BEHIND]), 7);
    assert_int_equal(count_get(&stats->refused[REFUSE_OVERLOAD]), 1);
    assert_int_equal(phone_send(&in, "BYE", 0, NULL), 200);
    world_close(w);
}

/* A33: URIs are asked for and never called: no port is taken, their number is bounded, and time gives them back. */
static void test_half_calls(void **state)
{
    struct world *w = world_open((struct env_cfg){.conferences_max = 50}, 0, NULL);
    unsigned n_redirected = 0, n_refused = 0, number = 1;
    for (unsigned i = 0; i < 5000; i++) {
        struct phone p = phone_of(w, number++, "conferences");
        int status = phone_send(&p, "INVITE", 0, SDP_PCMU);
        n_redirected += status == 302;
        n_refused += status == 503 && strstr(last(w), "\r\nRetry-After: ") != NULL;
    }
    struct place_load load;
    place_load(w->place, &load);
    assert_int_equal(n_redirected, 50);
    assert_int_equal(n_refused, 4950);
    assert_int_equal(load.pairs_used + load.pairs_held, 0);
    world_run(w, 120000);
    char user[URI_TOKEN_CHARS + 1];
    world_issue(w, number++, user);
    struct phone p = join(w, number++, user);
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
    world_close(w);
}

/* A33: calls that are answered and never acknowledged, and reserved URIs that are never called, take no more than their
 * source's share; others are served, and time gives it back. */
static void test_half_calls_of_one_source(void **state)
{
    struct world *w =
        world_open((struct env_cfg){.half_calls_max = 10, .legs_max = 64, .conferences_max = 64}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    unsigned n_answered = 0, n_refused = 0, number = 100;
    struct place_load load;
    world_issue(w, 1, user);
    struct phone honest = join(w, 2, user);
    assert_int_equal(count_get(&w->env->stats.half_calls), 0); /* called, and acknowledged: whole */
    for (unsigned i = 0; i < 200; i++) {
        struct phone p = phone_of(w, number++, user);
        int status = phone_invite(&p, SDP_PCMU);
        n_answered += status == 200;
        n_refused += status == 503 && strstr(world_answer(w), "\r\nRetry-After: ") != NULL;
    }
    place_load(w->place, &load);
    assert_int_equal(n_answered, 10);
    assert_int_equal(n_refused, 190);
    assert_int_equal(load.pairs_used, 11);
    assert_int_equal(count_get(&w->env->stats.half_calls), 10);
    assert_int_equal(count_get(&w->env->stats.refused[REFUSAL_HALF_CALLS]), 190);
    struct phone other = phone_of(w, number++, user);
    other.host = "192.0.2.10";
    assert_int_equal(phone_invite(&other, SDP_PCMU), 200);
    phone_ack(&other, NULL);
    world_run(w, 40000); /* BYE to whoever has not acknowledged */
    assert_int_equal(count_get(&w->env->stats.half_calls), 0);
    for (unsigned i = 0; i < 30; i++) { /* URIs that hold nothing are no half calls */
        struct phone p = phone_of(w, number++, "conferences");
        assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 302);
    }
    struct phone late = join(w, number++, user);
    assert_int_equal(phone_send(&late, "BYE", 0, NULL), 200);
    assert_int_equal(phone_send(&honest, "BYE", 0, NULL), 200); /* it has been in all the time */
    world_close(w);

    w = world_open((struct env_cfg){.half_calls_max = 10, .conferences_max = 64, .reservation = true}, 0, NULL);
    for (unsigned i = 0; i < 30; i++) {
        struct phone p = phone_of(w, number++, "conferences");
        assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), i < 10 ? 302 : 503);
    }
    other = phone_of(w, number++, "conferences");
    other.host = "192.0.2.10";
    assert_int_equal(phone_send(&other, "INVITE", 0, SDP_PCMU), 302);
    world_run(w, 31000); /* they hold room no longer */
    assert_int_equal(count_get(&w->env->stats.half_calls), 0);
    world_close(w);
}

/* Half calls into one conference: their source has a share of it, and whoever made it gets in. */
static void test_half_calls_of_one_conference(void **state)
{
    struct world *w = world_open((struct env_cfg){.legs_max = 16, .half_calls_max = 1000}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];
    unsigned n_answered = 0;
    world_issue(w, 1, user);
    for (unsigned i = 0; i < 40; i++) {
        struct phone p = phone_of(w, 100 + i, user);
        p.host = "192.0.2.66";
        n_answered += phone_invite(&p, SDP_PCMU) == 200;
    }
    assert_int_equal(n_answered, 1 + 16 / UNACKED_ROOM_SHARE);
    for (unsigned i = 0; i < 8; i++) { /* one after the other, acknowledged, as many as come */
        join(w, 2 + i, user);
    }
    world_close(w);
}

/* What a stranger at 192.0.2.9 sends, and all octets that are sent to him for it within a minute. */
static size_t octets_for(struct world *w, const char *text, size_t n)
{
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    unsigned before = w->n_sent;
    size_t sum = 0;
    must(addr_parse(&flow.remote, "192.0.2.9", 5060) == 0);
    txns_rx(w->txns, &flow, text, n, w->now_ns);
    world_run(w, 60000);
    must(w->n_sent - before < SENT_MAX);
    for (unsigned i = 0; i < w->n_sent - before; i++) {
        sum += strlen(world_sent(w, i));
    }
    return sum;
}

/* What the shortest requests cannot make room for: a challenge or a conference's URI; a tag and their true source. */
enum { LONGER_MAX = 300, TAG_MAX = 40 };

static bool is_longer(const char *answer)
{
    return status_of(answer) == 401 || status_of(answer) == 302;
}

/* A5: whatever a stranger asks, and however he pads it, he is sent at most 1.2 times as much, but for a challenge a
 * second and a redirect; who asks as phones do is sent all. C10. */
static void test_amplification(void **state)
{
    enum { PADS = 1400, PAD_STEP = 14 };
    static const struct {
        const char *line, *extra; /* %s: a conference */
        int status;               /* when it is long enough */
        const char *all;          /* what the longest is sent */
    } cases[] = {
        {"OPTIONS sip:" DOMAIN, "", 200, "\r\nAllow: "},
        {"OPTIONS sip:conferences@" DOMAIN, "", 200, "\r\nSupported: "},
        {"INVITE sip:conferences@" DOMAIN, "", 401, "algorithm=MD5"},
        {"INVITE sip:%s@" DOMAIN, "", 401, "algorithm=MD5"},
        {"SUBSCRIBE sip:%s@" DOMAIN, "Event: conference\r\n", 401, "algorithm=SHA-256"},
        {"REFER sip:%s@" DOMAIN, "Refer-To: <tel:1>\r\n", 401, "algorithm=SHA-256"},
        {"INVITE sip:nobody@" DOMAIN, "", 404, "\r\nServer: "},
        {"INVITE sip:x@elsewhere.example", "", 404, "\r\nServer: "},
        {"INVITE tel:+15551234", "", 416, "\r\nContent-Length: "},
        {"INVITE sip:conferences@" DOMAIN, "Require: a, b, c, d\r\n", 420, "\r\nUnsupported: "},
        {"BYE sip:conferences@" DOMAIN, "", 481, "\r\nServer: "},
        {"MESSAGE sip:conferences@" DOMAIN, "", 405, "\r\nAllow: "},
        {"SNAFU sip:conferences@" DOMAIN, "", 501, "\r\nContent-Length: "},
        {"INVITE sip:conferences@" DOMAIN, "Max-Forwards: x\r\n", 400, "\r\nContent-Length: "},
    };
    struct world *w = world_open((struct env_cfg){.realm = "ims.example"}, 0, "memory");
    char line[256], text[TEXT_MAX], pad[PADS + 1];
    double worst = 0;
    unsigned n_longer = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n_method = strcspn(cases[i].line, " ");
        for (unsigned n_pad = 0; n_pad <= PADS; n_pad += PAD_STEP) {
            struct room *room;
            assert_int_equal(room_issue(w->env, (struct place_cost){0}, &room), 0); /* it lives for a minute */
            snprintf(line, sizeof line, cases[i].line, room->token);
            memset(pad, 'x', n_pad);
            pad[n_pad] = '\0';
            int n = snprintf(text, sizeof text,
                             "%s SIP/2.0\r\nv:SIP/2.0/UDP h;rport;branch=z9hG4bK%zu-%u\r\nf:<sip:a@b>;tag=1\r\n"
                             "t:<sip:b@c>\r\ni:%zu-%u\r\nCSeq:1 %.*s\r\n%s\r\n%s",
                             line, i, n_pad, i, n_pad, (int)n_method, line, cases[i].extra, pad);
            size_t n_sent = octets_for(w, text, (size_t)n);
            size_t n_max = (size_t)n * 12 / 10;
            worst = MAX(worst, (double)n_sent / n);
            n_longer += n_sent > n_max;
            assert_in_range(n_sent, 0,
                            (size_t)n + (is_longer(last(w)) ? LONGER_MAX
                                         : n > 200          ? (size_t)n / 5
                                                            : TAG_MAX));
        }
        assert_int_equal(status_of(last(w)), cases[i].status);
        assert_non_null(strstr(last(w), cases[i].all));
    }
    print_message("at most %.3f octets for one, more than 1.2 for %u requests\n", worst, n_longer);
    assert_true(count_get(&txns_stats(w->txns)->tx_cut) > 0);
    world_close(w);
}

/* Thousands a second in one's name: one a second of what is too long for them, the others are a 400 within the limit.
 */
static void test_longer_once_a_second(void **state)
{
    enum { SECONDS = 3, RATE = 20 };
    struct world *w = world_open((struct env_cfg){.realm = "ims.example"}, 0, "memory");
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    unsigned n_challenges = 0;
    must(addr_parse(&flow.remote, "192.0.2.9", 5060) == 0);
    for (unsigned i = 0; i < SECONDS * RATE; i++) {
        char text[1024];
        int n = snprintf(text, sizeof text,
                         "INVITE sip:conferences@" DOMAIN " SIP/2.0\r\nv:SIP/2.0/UDP h;branch=z9hG4bK%u\r\n"
                         "f:<sip:p@h>;tag=1\r\nt:<sip:c@h>\r\ni:%u\r\nCSeq:1 INVITE\r\nm:<sip:p@h>\r\n\r\n",
                         i, i);
        txns_rx(w->txns, &flow, text, (size_t)n, w->now_ns);
        n_challenges += status_of(last(w)) == 401;
        assert_true(status_of(last(w)) == 401 || (size_t)n * 12 / 10 >= strlen(last(w)));
        world_run(w, 1000 / RATE);
    }
    assert_int_equal(n_challenges, SECONDS);
    assert_int_equal(w->n_sent, SECONDS * RATE);
    world_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_guessed_dialogs),
        cmocka_unit_test(test_another_network),
        cmocka_unit_test(test_overload),
        cmocka_unit_test(test_half_calls),
        cmocka_unit_test(test_half_calls_of_one_source),
        cmocka_unit_test(test_half_calls_of_one_conference),
        cmocka_unit_test(test_amplification),
        cmocka_unit_test(test_longer_once_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
