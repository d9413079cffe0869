/*
 * Transactions on a clock of their own: every timer of RFC 3261 17 and RFC 6026 at its millisecond, every way a message
 * can fail to be new, and the attacks that aim at transactions (A5, A6, A7, A11). No socket, no real time. Row 8.
 */
#include "tests/unit/sig/sip/sip_help.h"

#include <errno.h>

#define CLIENT "192.0.2.7"

/* A request by its parts; the same arguments give the same octets. */
static const char *request(const char *method, const char *branch, unsigned cseq, const char *cseq_method,
                           const char *to_tag)
{
    static char text[1024];
    snprintf(text, sizeof text,
             "%s sip:room@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP " CLIENT ":5062;branch=%s;rport\r\n"
             "From: <sip:a@h>;tag=ft\r\nTo: <sip:room@h>%s%s\r\nCall-ID: call@h\r\nCSeq: %u %s\r\n"
             "Contact: <sip:a@" CLIENT ":5062>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
             method, branch, to_tag[0] != 0 ? ";tag=" : "", to_tag, cseq, cseq_method);
    return text;
}

static const char *invite(void)
{
    return request("INVITE", "z9hG4bKi", 1, "INVITE", "");
}

/* A response to the request that went out last, with that To tag. */
static const char *response_to(const char *sent, int status, const char *to_tag)
{
    static char text[WORLD_TEXT_MAX];
    const char *via = strstr(sent, "Via: "), *from = strstr(sent, "From: "), *cseq = strstr(sent, "CSeq: ");
    const char *call_id = strstr(sent, "Call-ID: ");
    snprintf(text, sizeof text,
             "SIP/2.0 %d X\r\n%.*s\r\n%.*s\r\nTo: <sip:peer@h>;tag=%s\r\n%.*s\r\n%.*s\r\n"
             "Content-Length: 0\r\n\r\n",
             status, (int)strcspn(via, "\r"), via, (int)strcspn(from, "\r"), from, to_tag, (int)strcspn(call_id, "\r"),
             call_id, (int)strcspn(cseq, "\r"), cseq);
    return text;
}

static struct sip_out *ours(enum sip_method method, const char *padding)
{
    struct sip_request make = {.method = method,
                               .target = "sip:peer@" CLIENT,
                               .from = "<sip:room@h>;tag=us",
                               .to = "<sip:peer@h>",
                               .call_id = "ours@h",
                               .cseq = 1};
    struct sip_out *out = sip_request_make(&make);
    if (padding != NULL) {
        sip_add(out, "Subject", padding);
    }
    return out;
}

/* ---- server ---- */

/* C6, C13. */
static void invite_gets_100_after_200_ms(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    world_rx(w, &udp, invite());
    assert_int_equal(w->n_requests, 1);
    world_wait(w, 199);
    assert_int_equal(w->n_sent, 0);
    world_wait(w, 1);
    assert_int_equal(world_sent_status(w), 100);
    assert_null(strstr(world_sent(w, 0), "To: <sip:room@h>;tag"));
    txn_reply(w->txn, 180, NULL);
    world_wait(w, 1000);
    assert_int_equal(w->n_sent, 2);
    world_rx(w, &udp, invite()); /* a retransmission gets the last 1xx again */
    assert_int_equal(w->n_sent, 3);
    assert_int_equal(world_sent_status(w), 180);
    assert_int_equal(w->n_requests, 1);
    world_free(w);
}

static void impatient_invite_gets_100_at_once(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    world_rx(w, &udp, invite());
    world_rx(w, &udp, invite());
    assert_int_equal(world_sent_status(w), 100);
    world_free(w);
}

static void timers_g_h_i_of_a_refused_invite(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    w->answer = 486;
    world_rx(w, &udp, invite());
    assert_int_equal(world_sent_status(w), 486);
    static const unsigned gaps_ms[] = {500, 1000, 2000, 4000, 4000}; /* G */
    for (unsigned i = 0; i < ARRAY_LEN(gaps_ms); i++) {
        world_wait(w, gaps_ms[i] - 1);
        assert_int_equal(w->n_sent, 1 + i);
        world_wait(w, 1);
        assert_int_equal(w->n_sent, 2 + i);
    }
    char tag[64] = "";
    sscanf(strstr(world_sent(w, 0), "To: <sip:room@h>;tag="), "To: <sip:room@h>;tag=%63[0-9a-f]", tag);
    assert_int_equal(strlen(tag), 16);
    world_rx(w, &udp, request("ACK", "z9hG4bKi", 1, "ACK", tag));
    assert_int_equal(w->n_acks, 0); /* absorbed */
    world_wait(w, 4999);
    assert_int_equal(w->n_sent, 6);
    assert_int_equal(w->n_gone, 0);
    world_wait(w, 1);
    world_wait(w, 1);
    assert_int_equal(w->n_gone, 1); /* I */
    world_rx(w, &udp, request("INVITE", "z9hG4bKj", 2, "INVITE", ""));
    world_wait(w, 31999);
    assert_int_equal(w->n_gone, 1);
    world_wait(w, 2);
    assert_int_equal(w->n_gone, 2); /* H: never acknowledged */
    world_free(w);
}

/* C15. */
static void accepted_state_and_the_2xx(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    w->answer = 200;
    world_rx(w, &udp, invite());
    struct txn *txn = w->txn;
    assert_int_equal(world_sent_status(w), 200);
    world_rx(w, &udp, invite());
    assert_int_equal(w->n_requests, 1); /* RFC 6026: the same leg */
    assert_int_equal(w->n_sent, 1);
    world_wait(w, 500);
    assert_int_equal(w->n_sent, 2);
    world_wait(w, 1000);
    assert_int_equal(w->n_sent, 3);
    w->is_user_acking = true;
    world_rx(w, &udp, request("ACK", "z9hG4bKack", 1, "ACK", txn_local_tag(txn)));
    assert_int_equal(w->n_acks, 1);
    world_wait(w, 30000);
    assert_int_equal(w->n_sent, 3);
    world_rx(w, &udp, invite());
    assert_int_equal(w->n_requests, 1);
    world_wait(w, 1000);
    assert_int_equal(w->n_gone, 1); /* L */
    assert_int_equal(w->n_timeouts, 0);
    world_free(w);
}

static void unacknowledged_2xx_is_told(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow tcp = help_flow(FLOW_TCP, CLIENT, 40000);
    w->answer = 200;
    world_rx(w, &tcp, invite());
    world_wait(w, 31999);
    assert_int_equal(w->n_timeouts, 0);
    assert_int_equal(w->n_sent, 1 + 10); /* 0.5 1.5 3.5 7.5 11.5 15.5 19.5 23.5 27.5 31.5 s, on TCP too (13.3.1.4) */
    world_wait(w, 1);
    assert_int_equal(w->n_timeouts, 1);
    world_wait(w, 1);
    assert_int_equal(w->n_gone, 1);
    world_free(w);
}

static void other_requests_j_and_silence(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062), tcp = help_flow(FLOW_TCP, CLIENT, 40000);
    w->answer = 200;
    world_rx(w, &udp, request("OPTIONS", "z9hG4bKo", 1, "OPTIONS", ""));
    for (unsigned i = 0; i < 5; i++) {
        world_rx(w, &udp, request("OPTIONS", "z9hG4bKo", 1, "OPTIONS", ""));
    }
    assert_int_equal(w->n_requests, 1);
    assert_int_equal(w->n_sent, 6);
    world_wait(w, 32001);
    assert_int_equal(w->n_gone, 1); /* J */
    world_rx(w, &tcp, request("OPTIONS", "z9hG4bKp", 2, "OPTIONS", ""));
    world_wait(w, 2);
    assert_int_equal(w->n_gone, 2); /* J is 0 on TCP */
    w->answer = 0;
    world_rx(w, &udp, request("OPTIONS", "z9hG4bKq", 3, "OPTIONS", ""));
    unsigned n_sent = w->n_sent;
    assert_int_equal(txn_reply(w->txn, 180, NULL), -EINVAL); /* RFC 4320: no 1xx but 100 */
    world_wait(w, 32000);
    assert_int_equal(w->n_sent, n_sent); /* no late 408 either */
    assert_int_equal(w->n_timeouts, 1);
    world_free(w);
}

/* C19. */
static void cancel_answers_both(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062), stranger = help_flow(FLOW_UDP, "203.0.113.66", 5062);
    world_rx(w, &udp, request("CANCEL", "z9hG4bKi", 1, "CANCEL", ""));
    assert_int_equal(world_sent_status(w), 481);
    world_rx(w, &udp, invite());
    txn_reply(w->txn, 180, NULL);
    char tag[SIP_TAG_BYTES];
    strcpy(tag, txn_local_tag(w->txn));
    world_rx(w, &stranger, request("CANCEL", "z9hG4bKi", 1, "CANCEL", ""));
    assert_int_equal(world_sent_status(w), 481); /* A11: forged */
    assert_int_equal(w->n_cancels, 0);
    world_rx(w, &udp, request("CANCEL", "z9hG4bKi", 1, "CANCEL", ""));
    assert_int_equal(w->n_cancels, 1);
    assert_int_equal(world_sent_status(w), 487);
    assert_non_null(strstr(world_sent(w, 0), tag));
    assert_non_null(strstr(world_sent(w, 1), "SIP/2.0 200 "));
    assert_non_null(strstr(world_sent(w, 1), "CSeq: 1 CANCEL"));
    assert_non_null(strstr(world_sent(w, 1), tag));
    world_rx(w, &udp, request("CANCEL", "z9hG4bKi", 1, "CANCEL", "")); /* again: the same answer, nobody told */
    assert_int_equal(w->n_cancels, 1);
    assert_int_equal(world_sent_status(w), 200);
    world_free(w);
}

static void cancel_after_the_final_changes_nothing(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    w->answer = 200;
    world_rx(w, &udp, invite());
    world_rx(w, &udp, request("CANCEL", "z9hG4bKi", 1, "CANCEL", ""));
    assert_int_equal(world_sent_status(w), 200);
    assert_non_null(strstr(world_sent(w, 0), "CSeq: 1 CANCEL"));
    assert_int_equal(w->n_cancels, 0);
    world_free(w);
}

/* C3. */
static void merged_request_is_482(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062), other = help_flow(FLOW_UDP, "192.0.2.8", 5060);
    w->answer = 200;
    world_rx(w, &udp, invite());
    world_rx(w, &other, request("INVITE", "z9hG4bKother", 1, "INVITE", ""));
    assert_int_equal(world_sent_status(w), 482);
    assert_int_equal(w->n_requests, 1);
    world_rx(w, &udp, request("INVITE", "z9hG4bKnext", 2, "INVITE", "")); /* the next CSeq is another request */
    assert_int_equal(w->n_requests, 2);
    world_rx(w, &udp, request("INVITE", "z9hG4bKindialog", 1, "INVITE", "tt"));
    assert_int_equal(w->n_requests, 3);
    world_wait(w, 40000);
    world_rx(w, &other, request("INVITE", "z9hG4bKother2", 1, "INVITE", ""));
    assert_int_equal(w->n_requests, 4); /* the first is no longer alive */
    world_free(w);
}

/* RFC 3261 8.2.2.2 is about ongoing transactions: one that is refused, and whose ACK is here, goes on no more. A proxy
 * that follows our redirect (16.7 step 4), or tries a second target, comes back with the same ids by another branch. */
static void refused_request_by_another_branch_is_new(void **state)
{
    static const int statuses[] = {302, 404, 488};
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct world *w = world_make(&(struct txn_config){0});
        struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
        w->answer = statuses[i];
        world_rx(w, &udp, invite());
        assert_int_equal(w->n_requests, 1);
        world_rx(w, &udp, request("INVITE", "z9hG4bKearly", 1, "INVITE", ""));
        assert_int_equal(world_sent_status(w), 482); /* its ACK is still to come */
        world_rx(w, &udp, request("ACK", "z9hG4bKi", 1, "ACK", "tt"));
        world_rx(w, &udp, request("INVITE", "z9hG4bKfollows", 1, "INVITE", ""));
        assert_int_equal(world_sent_status(w), statuses[i]);
        assert_int_equal(w->n_requests, 2);
        world_rx(w, &udp, request("SUBSCRIBE", "z9hG4bKs1", 2, "SUBSCRIBE", "")); /* no ACK is to come */
        world_rx(w, &udp, request("SUBSCRIBE", "z9hG4bKs2", 2, "SUBSCRIBE", ""));
        assert_int_equal(w->n_requests, 4);
        world_free(w);
    }
}

/* A5: a source that has never answered may be forged. It is sent no 100, its refusal once, and nothing unasked but the
 * 2xx to INVITE (RFC 3261 13.3.1.4), eleven times at most. An ACK with our tag shows that somebody reads there. */
static void unproven_sources_are_sent_little(void **state)
{
    struct world *w = world_make(&(struct txn_config){.answer_percent = 120});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    char ack[64];
    world_rx(w, &udp, request("INVITE", "z9hG4bKslow", 1, "INVITE", ""));
    world_wait(w, 300);
    world_rx(w, &udp, request("INVITE", "z9hG4bKslow", 1, "INVITE", ""));
    assert_int_equal(w->n_sent, 0); /* the user thinks */
    txn_reply(w->txn, 404, NULL);
    world_wait(w, 40000);
    assert_int_equal(w->n_sent, 1);
    w->answer = 200;
    world_rx(w, &udp, request("INVITE", "z9hG4bK2xx", 2, "INVITE", ""));
    world_wait(w, 40000);
    assert_int_equal(w->n_sent, 1 + 11);
    assert_int_equal(count_get(&txns_stats(w->txns)->tx_unproven), 10);
    w->answer = 404;
    world_rx(w, &udp, request("INVITE", "z9hG4bKi", 3, "INVITE", ""));
    world_rx(w, &udp, request("ACK", "z9hG4bKi", 3, "ACK", "guess"));
    assert_false(txns_is_proven(w->txns, &udp));
    world_rx(w, &udp, request("INVITE", "z9hG4bKj", 4, "INVITE", ""));
    const char *tag = "";
    for (const char *p = world_sent(w, 0); (p = strstr(p, ";tag=")) != NULL; p++) {
        tag = p + 5; /* the last one: of To */
    }
    snprintf(ack, sizeof ack, "%.16s", tag);
    world_rx(w, &udp, request("ACK", "z9hG4bKj", 4, "ACK", ack));
    assert_true(txns_is_proven(w->txns, &udp));
    w->answer = 0;
    world_rx(w, &udp, request("INVITE", "z9hG4bKk", 5, "INVITE", ""));
    world_wait(w, 200);
    assert_int_equal(world_sent_status(w), 100);
    world_free(w);
}

/* C1. */
static void methods_unknown_501_unserved_405(void **state)
{
    struct world *w =
        world_make(&(struct txn_config){.allow = sip_bit(SIP_INVITE) | sip_bit(SIP_BYE), .server = "s/1"});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    world_rx(w, &udp, request("FROB", "z9hG4bKf", 1, "FROB", ""));
    assert_int_equal(world_sent_status(w), 501);
    assert_non_null(strstr(world_sent(w, 0), "Server: s/1\r\n"));
    world_rx(w, &udp, request("PUBLISH", "z9hG4bKp", 1, "PUBLISH", ""));
    assert_int_equal(world_sent_status(w), 405);
    assert_non_null(strstr(world_sent(w, 0), "Allow: INVITE, ACK, BYE, CANCEL\r\n"));
    char first[WORLD_TEXT_MAX];
    strcpy(first, world_sent(w, 0));
    world_rx(w, &udp, request("PUBLISH", "z9hG4bKp", 1, "PUBLISH", ""));
    assert_string_equal(world_sent(w, 0), first); /* stateless, and the same tag (8.2.7) */
    world_rx(w, &udp, request("invite", "z9hG4bKl", 1, "invite", ""));
    assert_int_equal(world_sent_status(w), 501); /* methods have a case */
    assert_int_equal(w->n_requests, 0);
    assert_int_equal(world_refused(w), 4);
    world_free(w);
}

/* C7. */
static void malformed_is_answered_or_dropped(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062), tcp = help_flow(FLOW_TCP, CLIENT, 40000);
    world_rx(w, &udp, request("OPTIONS", "z9hG4bKx", 1, "INVITE", ""));
    assert_int_equal(world_sent_status(w), 400);
    world_rx(w, &udp, request("ACK", "z9hG4bKx", 1, "INVITE", ""));
    assert_int_equal(w->n_sent, 1); /* an ACK is never answered */
    world_rx(w, &udp, "junk junk junk junk\r\n\r\n");
    world_rx(w, &udp, "\r\n\r\n");
    assert_int_equal(w->n_sent, 1);
    assert_int_equal(world_rx(w, &tcp, "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bKa\r\n\r\n"),
                     -EBADMSG); /* no Content-Length */
    assert_int_equal(world_sent_status(w), 400);
    static char large[20000];
    memset(large, 'x', sizeof large);
    memcpy(large, invite(), strlen(invite()) - 4);
    txns_rx(w->txns, &udp, large, sizeof large, w->now_ns);
    assert_int_equal(world_sent_status(w), 513);
    world_free(w);
}

/* RFC 3261 17.2.3: peers without the magic cookie. C23. */
static void rfc2543_matching(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    static const char *const branches[] = {"1", "z9hG4bK"}; /* a cookie with nothing behind it is none */
    for (unsigned i = 0; i < ARRAY_LEN(branches); i++) {
        w->answer = 486;
        world_rx(w, &udp, request("INVITE", branches[i], 10 + i, "INVITE", ""));
        world_rx(w, &udp, request("INVITE", branches[i], 10 + i, "INVITE", ""));
        assert_int_equal(w->n_requests, 1 + i);
        world_rx(w, &udp, request("ACK", branches[i], 10 + i, "ACK", txn_local_tag(w->txn)));
        assert_int_equal(w->n_acks, 0);
    }
    world_wait(w, 6000);
    assert_int_equal(w->n_gone, 2);
    world_free(w);
}

/* C24, C25. */
static void a5_answers_go_to_the_source(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, "198.51.100.9", 40000); /* Via says 192.0.2.7:5062 */
    w->answer = 200;
    world_rx(w, &udp, request("OPTIONS", "z9hG4bKo", 1, "OPTIONS", ""));
    assert_true(addr_same(&w->sent_to[0].remote, &udp.remote));
    assert_non_null(strstr(world_sent(w, 0), ";received=198.51.100.9;rport=40000"));
    assert_true(strlen(world_sent(w, 0)) * 10 <= strlen(request("OPTIONS", "z9hG4bKo", 1, "OPTIONS", "")) * 12);
    world_rx(w, &udp, request("FROB", "z9hG4bKo", 1, "FROB", ""));
    assert_true(addr_same(&w->sent_to[1].remote, &udp.remote));
    assert_true(strlen(world_sent(w, 0)) * 10 <= strlen(request("FROB", "z9hG4bKo", 1, "FROB", "")) * 12);
    world_free(w);
}

/* A6, A8: a flood ends in 503, memory is bounded, and the place comes back. */
static void floods_are_bounded(void **state)
{
    struct world *w = world_make(&(struct txn_config){.max_txns = 100, .source_rate = 1000000});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    char branch[32];
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(branch, sizeof branch, "z9hG4bK%u", i);
        world_rx(w, &udp, request("INVITE", branch, i, "INVITE", ""));
    }
    assert_int_equal(w->n_requests, 100);
    assert_int_equal(world_sent_status(w), 503);
    assert_non_null(strstr(world_sent(w, 0), "Retry-After: "));
    assert_int_equal(count_get(&txns_stats(w->txns)->refused[REFUSE_OVERLOAD]), 9900);
    for (unsigned i = 0; i < 20; i++) { /* who is in has the last places */
        snprintf(branch, sizeof branch, "z9hG4bKin%u", i);
        world_rx(w, &udp, request("BYE", branch, i, "BYE", "in"));
    }
    assert_int_equal(w->n_requests, 112);
    assert_int_equal(count_get(&txns_stats(w->txns)->txns_server), 112);
    world_wait(w, TXN_PENDING_MAX_MS + 40000);
    world_wait(w, TXN_LIFE_MS + 1);
    assert_int_equal(w->n_gone, 112);
    assert_int_equal(count_get(&txns_stats(w->txns)->txns_server), 0);
    world_free(w);
}

/* A6: full turns one after the other: what begins anew gets 503 at the price of a parse, all else is served, and the
 * first turn that is not full ends it. */
static void who_is_behind_sends_away_what_begins(void **state)
{
    struct world *w = world_make(&(struct txn_config){.source_rate = 1000000, .turn_messages = 10});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    char branch[32];
    unsigned n = 0;
    for (unsigned turn = 0; turn <= TXN_FULL_TURNS_FAR; turn++) {
        unsigned served = w->n_requests;
        for (unsigned i = 0; i < 10; i++) {
            snprintf(branch, sizeof branch, "z9hG4bK%u", ++n);
            const char *method = i == 0 || i == 1 ? "SUBSCRIBE" : "INVITE";
            world_rx(w, &udp, request(method, branch, n, method, i == 0 ? "dialog" : ""));
        }
        assert_int_equal(w->n_requests - served, turn < TXN_FULL_TURNS ? 10 : turn < TXN_FULL_TURNS_FAR ? 2 : 1);
        assert_true(turn < TXN_FULL_TURNS || strstr(world_sent(w, 0), "\r\nRetry-After: ") != NULL);
        world_wait(w, 1);
    }
    assert_int_equal(count_get(&txns_stats(w->txns)->refused[REFUSE_BEHIND]),
                     8 * (TXN_FULL_TURNS_FAR - TXN_FULL_TURNS) + 9);
    assert_int_equal(world_sent_status(w), 503);
    unsigned served = w->n_requests;
    world_rx(w, &udp, request("SUBSCRIBE", "z9hG4bKs", ++n, "SUBSCRIBE", "dialog"));
    world_wait(w, 1); /* that turn was not full */
    world_rx(w, &udp, request("INVITE", "z9hG4bKl", ++n, "INVITE", ""));
    assert_int_equal(w->n_requests - served, 2);
    world_free(w);
}

/* Whole turns with pauses between them are no queue. */
static void bursts_with_pauses_are_served(void **state)
{
    struct world *w = world_make(&(struct txn_config){.source_rate = 1000000, .turn_messages = 10});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    char branch[32];
    for (unsigned i = 0; i < 10 * 2 * TXN_FULL_TURNS; i++) {
        snprintf(branch, sizeof branch, "z9hG4bK%u", i);
        world_rx(w, &udp, request("INVITE", branch, i, "INVITE", ""));
        if (i % 10 == 9) {
            world_wait(w, TXN_TURN_GAP_MS);
        }
    }
    assert_int_equal(w->n_requests, 10 * 2 * TXN_FULL_TURNS);
    world_free(w);
}

static void one_source_cannot_starve_the_others(void **state)
{
    struct world *w = world_make(&(struct txn_config){.source_rate = 10, .source_burst = 20});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062), other = help_flow(FLOW_UDP, "192.0.2.8", 5060);
    char branch[32];
    for (unsigned i = 0; i < 100; i++) {
        snprintf(branch, sizeof branch, "z9hG4bK%u", i);
        world_rx(w, &udp, request("OPTIONS", branch, i, "OPTIONS", ""));
    }
    assert_int_equal(w->n_requests, 20);
    assert_int_equal(world_sent_status(w), 503);
    world_rx(w, &other, request("OPTIONS", "z9hG4bKo", 1000, "OPTIONS", ""));
    assert_int_equal(w->n_requests, 21);
    world_wait(w, 1000);
    for (unsigned i = 100; i < 200; i++) {
        snprintf(branch, sizeof branch, "z9hG4bK%u", i);
        world_rx(w, &udp, request("OPTIONS", branch, i, "OPTIONS", ""));
    }
    assert_int_equal(w->n_requests, 31);
    world_free(w);
}

static void a7_retransmit_storm(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    w->answer = 200;
    for (unsigned i = 0; i < 10000; i++) {
        world_rx(w, &udp, invite());
    }
    assert_int_equal(w->n_requests, 1);
    assert_int_equal(w->n_sent, 1);
    const struct txn_stats *stats = txns_stats(w->txns);
    assert_int_equal(count_get(&stats->txns_made), 1);
    assert_int_equal(count_get(&stats->rx_messages),
                     count_get(&stats->rx_delivered) + count_get(&stats->rx_absorbed) + world_refused(w));
    world_free(w);
}

static void failed_answer_becomes_500(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5062);
    world_rx(w, &udp, invite());
    struct sip_out *out = txn_response(w->txn, 200, NULL);
    sip_add(out, "Subject", "a\r\nb");
    assert_int_equal(txn_respond(w->txn, out), -EINVAL);
    assert_int_equal(world_sent_status(w), 500);
    assert_int_equal(txn_reply(w->txn, 200, NULL), -EALREADY);
    world_free(w);
}

/* ---- client ---- */

static struct txn *ask(struct world *w, enum sip_method method, const struct flow *flow)
{
    struct txn *txn;
    assert_int_equal(txn_request(w->txns, ours(method, NULL), flow, w, &txn), 0);
    assert_ptr_equal(txn_tag(txn), w);
    return txn;
}

static void timers_a_and_b(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5060);
    ask(w, SIP_INVITE, &udp);
    static const unsigned at_ms[] = {500, 1500, 3500, 7500, 15500, 31500};
    unsigned now_ms = 0;
    for (unsigned i = 0; i < ARRAY_LEN(at_ms); i++) {
        world_wait(w, at_ms[i] - now_ms - 1);
        assert_int_equal(w->n_sent, 1 + i);
        world_wait(w, 1);
        assert_int_equal(w->n_sent, 2 + i);
        now_ms = at_ms[i];
    }
    world_wait(w, 500);
    assert_int_equal(w->n_timeouts, 1);
    world_wait(w, 1);
    assert_int_equal(w->n_gone, 1);
    world_free(w);
}

static void timers_e_f_k(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5060);
    ask(w, SIP_BYE, &udp);
    world_wait(w, 31999);
    assert_int_equal(w->n_sent, 11); /* 0 .5 1.5 3.5 7.5 11.5 ... 31.5 */
    world_wait(w, 1);
    assert_int_equal(w->n_timeouts, 1);
    ask(w, SIP_BYE, &udp);
    world_rx(w, &udp, response_to(world_sent(w, 0), 200, "p"));
    assert_int_equal(w->status, 200);
    world_rx(w, &udp, response_to(world_sent(w, 0), 200, "p"));
    assert_int_equal(w->n_responses, 1);
    world_wait(w, 4999);
    assert_int_equal(w->n_gone, 1);
    world_wait(w, 2);
    assert_int_equal(w->n_gone, 2); /* K */
    world_free(w);
}

static void refused_invite_of_ours_is_acked(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5060);
    ask(w, SIP_INVITE, &udp);
    char sent[WORLD_TEXT_MAX];
    strcpy(sent, world_sent(w, 0));
    world_rx(w, &udp, response_to(sent, 180, "p"));
    world_wait(w, 20000);
    assert_int_equal(w->n_sent, 1); /* A has stopped */
    world_rx(w, &udp, response_to(sent, 486, "p"));
    assert_int_equal(w->status, 486);
    assert_int_equal(strncmp(world_sent(w, 0), "ACK sip:peer@" CLIENT " SIP/2.0\r\n", 32), 0);
    assert_non_null(strstr(world_sent(w, 0), "To: <sip:peer@h>;tag=p\r\n"));
    assert_non_null(strstr(world_sent(w, 0), "CSeq: 1 ACK\r\n"));
    char *branch = strstr(sent, "branch=");
    assert_non_null(branch);
    branch[7 + 31] = 0;
    assert_non_null(strstr(world_sent(w, 0), branch));
    assert_int_equal(w->n_sent, 2);
    world_free(w);
}

/* C16. */
static void forked_2xx_all_come_through(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5060);
    ask(w, SIP_INVITE, &udp);
    char sent[WORLD_TEXT_MAX];
    strcpy(sent, world_sent(w, 0));
    world_rx(w, &udp, response_to(sent, 200, "one"));
    world_rx(w, &udp, response_to(sent, 200, "two"));
    world_rx(w, &udp, response_to(sent, 180, "three"));
    world_rx(w, &udp, response_to(sent, 200, "one"));
    assert_int_equal(w->n_responses, 3);
    struct flow flow = udp;
    assert_int_equal(txn_send(w->txns, ours(SIP_ACK, NULL), &flow), 0);
    assert_non_null(strstr(world_sent(w, 0), "ACK sip:peer@"));
    assert_null(strstr(world_sent(w, 0), strstr(sent, "z9hG4bK")));
    world_wait(w, 31999);
    assert_int_equal(w->n_gone, 0);
    world_wait(w, 2);
    assert_int_equal(w->n_gone, 1); /* M */
    world_free(w);
}

static void a11_forged_responses_are_ignored(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5060), port = help_flow(FLOW_UDP, CLIENT, 5061);
    struct flow stranger = help_flow(FLOW_UDP, "203.0.113.66", 5060);
    ask(w, SIP_INVITE, &udp);
    const char *response = response_to(world_sent(w, 0), 200, "p");
    world_rx(w, &stranger, response);
    world_rx(w, &port, response);
    assert_int_equal(w->n_responses, 0);
    assert_int_equal(count_get(&txns_stats(w->txns)->refused[REFUSE_FORGED_RESPONSE]), 2);
    world_rx(w, &udp,
             "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKguess\r\nFrom: <sip:a@h>;tag=1\r\n"
             "To: <sip:b@h>;tag=2\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n");
    assert_int_equal(count_get(&txns_stats(w->txns)->refused[REFUSE_STRAY_RESPONSE]), 1);
    world_rx(w, &udp, response_to(world_sent(w, 0), 200, "p"));
    assert_int_equal(w->n_responses, 1);
    struct flow tcp = flow_to(FLOW_TCP, 0, &udp.remote), same = help_flow(FLOW_TCP, CLIENT, 5060);
    ask(w, SIP_BYE, &tcp);
    same.conn = 78; /* another connection of the same peer */
    world_rx(w, &same, response_to(world_sent(w, 0), 200, "p"));
    assert_int_equal(w->n_responses, 1);
    same.conn = 77;
    world_rx(w, &same, response_to(world_sent(w, 0), 200, "p"));
    assert_int_equal(w->n_responses, 2);
    world_free(w);
}

static void our_cancel_waits_for_a_1xx(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5060);
    struct txn *txn = ask(w, SIP_INVITE, &udp);
    char sent[WORLD_TEXT_MAX];
    strcpy(sent, world_sent(w, 0));
    assert_int_equal(txn_cancel(txn), 0);
    assert_int_equal(w->n_sent, 1);
    world_rx(w, &udp, response_to(sent, 180, "p"));
    assert_int_equal(w->n_sent, 2);
    assert_int_equal(strncmp(world_sent(w, 0), "CANCEL ", 7), 0);
    assert_int_equal(txn_cancel(txn), -EALREADY);
    world_rx(w, &udp, response_to(world_sent(w, 0), 200, "p"));
    assert_int_equal(w->n_responses, 1); /* the answer to the CANCEL is nobody's business */
    world_wait(w, 31999);
    assert_int_equal(w->n_timeouts, 0);
    world_wait(w, 1);
    assert_int_equal(w->n_timeouts, 1); /* no 487 ever came */
    world_free(w);
}

/* C26. */
static void large_requests_go_by_tcp(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5060);
    static char padding[1300];
    memset(padding, 'p', sizeof padding - 1);
    struct txn *txn;
    assert_int_equal(txn_request(w->txns, ours(SIP_INVITE, padding), &udp, NULL, &txn), 0);
    assert_non_null(strstr(world_sent(w, 0), "Via: SIP/2.0/TCP 192.0.2.1:5060;branch="));
    assert_int_equal(w->sent_to[0].transport, FLOW_TCP);
    struct flow dead = w->sent_to[0];
    txns_flow_gone(w->txns, &dead, -ECONNREFUSED); /* nobody listens there: UDP after all */
    assert_int_equal(w->n_sent, 2);
    assert_non_null(strstr(world_sent(w, 0), "Via: SIP/2.0/UDP 192.0.2.1:5060;branch="));
    assert_true(addr_same(&w->sent_to[1].remote, &udp.remote));
    world_rx(w, &udp, response_to(world_sent(w, 0), 200, "p"));
    assert_int_equal(w->status, 200);
    world_free(w);
}

static void errors_of_sending_are_told_later(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5060);
    w->send_err = -ENETUNREACH;
    ask(w, SIP_BYE, &udp);
    assert_int_equal(w->n_errors, 0);
    world_wait(w, 1);
    assert_int_equal(w->n_errors, 1);
    w->send_err = 0;
    struct flow tcp = flow_to(FLOW_TCP, 0, &udp.remote);
    ask(w, SIP_BYE, &tcp);
    struct flow dead = w->sent_to[0];
    txns_flow_gone(w->txns, &dead, -ECONNRESET);
    world_wait(w, 1);
    assert_int_equal(w->n_errors, 2);
    world_wait(w, 1);
    assert_int_equal(w->n_gone, 2);
    assert_int_equal(txn_request(w->txns, NULL, &udp, NULL, &w->txn), -ENOMEM);
    world_free(w);
}

/* A full socket buffer has lost a datagram, as the way may: the next one goes in its turn. A stream's is the end of it.
 */
static void full_buffers_are_losses(void **state)
{
    struct world *w = world_make(&(struct txn_config){0});
    struct flow udp = help_flow(FLOW_UDP, CLIENT, 5060), tcp = flow_to(FLOW_TCP, 0, &udp.remote);
    w->send_err = -ENOBUFS;
    ask(w, SIP_BYE, &udp);
    world_wait(w, 499);
    w->send_err = 0;
    world_wait(w, 1);
    assert_int_equal(w->n_errors, 0);
    assert_int_equal(strncmp(world_sent(w, 0), "BYE ", 4), 0);
    w->send_err = -ENOBUFS; /* once more, of one that is sent again */
    world_wait(w, 1000);
    w->send_err = 0;
    world_wait(w, 2000);
    world_rx(w, &udp, response_to(world_sent(w, 0), 200, "p"));
    assert_int_equal(w->status, 200);
    w->send_err = -ENOBUFS;
    ask(w, SIP_BYE, &tcp);
    world_wait(w, 1);
    assert_int_equal(w->n_errors, 1);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invite_gets_100_after_200_ms),
        cmocka_unit_test(impatient_invite_gets_100_at_once),
        cmocka_unit_test(timers_g_h_i_of_a_refused_invite),
        cmocka_unit_test(accepted_state_and_the_2xx),
        cmocka_unit_test(unacknowledged_2xx_is_told),
        cmocka_unit_test(other_requests_j_and_silence),
        cmocka_unit_test(cancel_answers_both),
        cmocka_unit_test(cancel_after_the_final_changes_nothing),
        cmocka_unit_test(merged_request_is_482),
        cmocka_unit_test(refused_request_by_another_branch_is_new),
        cmocka_unit_test(unproven_sources_are_sent_little),
        cmocka_unit_test(methods_unknown_501_unserved_405),
        cmocka_unit_test(malformed_is_answered_or_dropped),
        cmocka_unit_test(rfc2543_matching),
        cmocka_unit_test(a5_answers_go_to_the_source),
        cmocka_unit_test(floods_are_bounded),
        cmocka_unit_test(who_is_behind_sends_away_what_begins),
        cmocka_unit_test(bursts_with_pauses_are_served),
        cmocka_unit_test(one_source_cannot_starve_the_others),
        cmocka_unit_test(a7_retransmit_storm),
        cmocka_unit_test(failed_answer_becomes_500),
        cmocka_unit_test(timers_a_and_b),
        cmocka_unit_test(timers_e_f_k),
        cmocka_unit_test(refused_invite_of_ours_is_acked),
        cmocka_unit_test(forked_2xx_all_come_through),
        cmocka_unit_test(a11_forged_responses_are_ignored),
        cmocka_unit_test(our_cancel_waits_for_a_1xx),
        cmocka_unit_test(large_requests_go_by_tcp),
        cmocka_unit_test(errors_of_sending_are_told_later),
        cmocka_unit_test(full_buffers_are_losses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
