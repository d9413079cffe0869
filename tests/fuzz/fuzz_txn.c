/*
 * A sequence of messages to one transaction layer, with a user that answers at random, and time that passes between
 * them. The input is a list of steps: an octet that says what, octets that say how, and for raw messages the text up to
 * the record separator. Made messages draw from few names, so that they hit each other: retransmissions, merges, ACK,
 * CANCEL, forged and late responses.
 */
#include "sig/txn/txn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

#define SENT_BYTES 2048
#define HELD_MAX 8
#define STEPS_MAX 400

struct fuzz {
    const uint8_t *at, *end;
    struct timer_wheel wheel;
    struct txns *txns;
    uint64_t now_ns;
    uint8_t draw;
    char sent[SENT_BYTES]; /* the last request of ours */
    struct flow sent_to;
    struct txn *held[HELD_MAX]; /* server transactions to be answered later, client ones to be cancelled */
    unsigned n_seen, n_gone, n_depth;
};

static uint8_t next(struct fuzz *f)
{
    return f->at < f->end ? *f->at++ : 0;
}

static int fuzz_send(void *ctx, struct flow *flow, const char *text, size_t n)
{
    struct fuzz *f = ctx;
    if (f->draw % 16 == 15) {
        return -111;
    }
    if (flow->transport != FLOW_UDP && flow->conn == FLOW_NO_CONN) {
        flow->conn = 3;
        flow->generation = 1;
    }
    if (n < SENT_BYTES && strncmp(text, "SIP/", 4) != 0) {
        memcpy(f->sent, text, n);
        f->sent[n] = 0;
        f->sent_to = *flow;
    }
    return 0;
}

static void fuzz_random(void *ctx, void *bytes, size_t n)
{
    struct fuzz *f = ctx;
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)(f->n_seen * 31 + i + f->draw++);
    }
}

static void fuzz_sent_by(void *ctx, const struct flow *flow, char *text, size_t size)
{
    snprintf(text, size, "[2001:db8::1]:5060");
}

static void hold(struct fuzz *f, struct txn *txn)
{
    f->n_seen++;
    f->held[f->n_seen % HELD_MAX] = txn;
}

static void reply(struct txn *txn, uint8_t draw)
{
    static const int statuses[] = {100, 180, 183, 200, 200, 302, 404, 486, 500, 603};
    struct sip_out *out = txn_response(txn, statuses[draw % ARRAY_LEN(statuses)], NULL);
    if (draw % 3 == 0) {
        sip_add(out, "Contact", "<sip:x@h>;isfocus");
    }
    if (draw % 17 == 0) {
        sip_add(out, "Subject", "a\r\nb");
    }
    txn_respond(txn, out);
}

static void on_request(void *ctx, struct txn *txn, const struct sip_msg *msg)
{
    struct fuzz *f = ctx;
    must(txn_is_server(txn) && txn_msg(txn) == msg);
    hold(f, txn);
    for (uint8_t n = f->draw % 4; n > 0; n--) {
        reply(txn, (uint8_t)(f->draw + n));
    }
    must(msg->call_id[0] != 0); /* still there, whatever was answered */
}

static void on_ack(void *ctx, const struct sip_msg *msg)
{
    struct fuzz *f = ctx;
    struct txn *txn = f->held[f->n_seen % HELD_MAX];
    if (txn != NULL && txn_is_server(txn)) {
        txn_acked(txn);
    }
}

static void on_cancel(void *ctx, struct txn *invite)
{
    if (((struct fuzz *)ctx)->draw % 2 == 0) {
        txn_reply(invite, 487, NULL);
    }
}

static void ask(struct fuzz *f, enum sip_method method, const struct flow *flow, bool is_large)
{
    static char padding[1400];
    memset(padding, 'p', sizeof padding - 1);
    struct sip_request request = {.method = method,
                                  .target = "sip:peer@h",
                                  .from = "<sip:us@h>;tag=1",
                                  .to = "<sip:peer@h>",
                                  .call_id = "ours",
                                  .cseq = 1};
    struct sip_out *out = sip_request_make(&request);
    if (is_large) {
        sip_add(out, "Subject", padding);
    }
    struct txn *txn;
    if (method == SIP_ACK) {
        txn_send(f->txns, out, flow);
    } else if (txn_request(f->txns, out, flow, f, &txn) == 0) {
        hold(f, txn);
    }
}

static void on_response(void *ctx, struct txn *txn, const struct sip_msg *msg)
{
    struct fuzz *f = ctx;
    if (msg->status < 300 && msg->method == SIP_INVITE && msg->status >= 200) {
        ask(f, SIP_ACK, txn_flow(txn), false);
    }
    if (f->n_depth < 3 && f->draw % 5 == 0) {
        f->n_depth++;
        ask(f, SIP_BYE, txn_flow(txn), false);
    }
}

static void on_timeout(void *ctx, struct txn *txn)
{
    struct fuzz *f = ctx;
    if (f->draw % 2 == 0 && f->n_depth < 3) {
        f->n_depth++;
        ask(f, SIP_BYE, txn_flow(txn), false);
    }
}

static void on_error(void *ctx, struct txn *txn, int err)
{
    must(err < 0);
}

static void on_gone(void *ctx, struct txn *txn)
{
    struct fuzz *f = ctx;
    f->n_gone++;
    for (unsigned i = 0; i < HELD_MAX; i++) {
        f->held[i] = f->held[i] == txn ? NULL : f->held[i];
    }
}

static struct flow some_flow(uint8_t draw)
{
    static const char *const hosts[] = {"192.0.2.7", "192.0.2.8", "2001:db8::7", "192.0.2.7"};
    struct addr remote;
    must(addr_parse(&remote, hosts[draw & 3], (draw & 4) != 0 ? 5062 : 5060) == 0);
    struct flow flow = flow_to((draw & 8) != 0 ? FLOW_TCP : FLOW_UDP, 0, &remote);
    if (flow.transport == FLOW_TCP) {
        flow.conn = (draw & 16) != 0 ? 3 : 4;
        flow.generation = 1;
    }
    return flow;
}

static void rx_request(struct fuzz *f)
{
    static const char *const methods[] = {"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INVITE", "REFER", "FROB"};
    static const char *const branches[] = {"z9hG4bKa", "z9hG4bKb", "z9hG4bKc", "z9hG4bK", "old", "z9hG4bKd"};
    uint8_t a = next(f), b = next(f);
    const char *method = methods[a & 7];
    struct flow flow = some_flow(b);
    char text[1024];
    int n = snprintf(
        text, sizeof text,
        "%s sip:room@h SIP/2.0\r\nVia: SIP/2.0/UDP h%u;branch=%s\r\nFrom: <sip:a@h>;tag=%u\r\nTo: <sip:b@h>%s\r\n"
        "Call-ID: c%u\r\nCSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
        method, b >> 7, branches[(a >> 3) % ARRAY_LEN(branches)], a >> 7, (b & 64) != 0 ? ";tag=x" : "", b >> 5 & 1,
        (a >> 6 & 1) + 1, method);
    txns_rx(f->txns, &flow, text, (size_t)n, f->now_ns);
}

static void rx_response(struct fuzz *f)
{
    uint8_t a = next(f), b = next(f);
    const char *via = strstr(f->sent, "Via: "), *cseq = strstr(f->sent, "CSeq: ");
    if (via == NULL || cseq == NULL) {
        return;
    }
    char text[2 * SENT_BYTES];
    int n = snprintf(
        text, sizeof text,
        "SIP/2.0 %d X\r\n%.*s\r\nFrom: <sip:us@h>;tag=1\r\nTo: <sip:peer@h>;tag=%u\r\nCall-ID: ours\r\n%.*s\r\n"
        "Content-Length: 0\r\n\r\n",
        100 + a * 2, (int)strcspn(via, "\r"), via, b & 3, (int)strcspn(cseq, "\r"), cseq);
    struct flow flow = (b & 64) != 0 ? some_flow(b) : f->sent_to;
    txns_rx(f->txns, &flow, text, (size_t)n, f->now_ns);
}

static void rx_raw(struct fuzz *f)
{
    struct flow flow = some_flow(next(f));
    const uint8_t *stop = memchr(f->at, 0x1e, (size_t)(f->end - f->at));
    size_t n = (size_t)((stop == NULL ? f->end : stop) - f->at);
    char *exact = malloc(n == 0 ? 1 : n);
    memcpy(exact, f->at, n);
    f->at += n + (stop != NULL);
    txns_rx(f->txns, &flow, exact, n, f->now_ns);
    free(exact);
}

static void step(struct fuzz *f)
{
    uint8_t what = next(f);
    struct flow flow = some_flow(what);
    struct txn *txn = f->held[what >> 5];
    f->draw = (uint8_t)(f->draw + what * 7);
    switch (what % 9) {
    case 0:
    case 1:
        rx_request(f);
        break;
    case 2:
        rx_response(f);
        break;
    case 3:
        rx_raw(f);
        break;
    case 4:
        f->now_ns += (uint64_t)next(f) * next(f) * NS_PER_MS;
        timer_run(&f->wheel, f->now_ns);
        break;
    case 5:
        if (txn != NULL && txn_is_server(txn)) {
            reply(txn, next(f));
        }
        break;
    case 6:
        ask(f, (what & 32) != 0 ? SIP_INVITE : SIP_OPTIONS, &flow, (what & 64) != 0);
        break;
    case 7:
        if (txn != NULL && !txn_is_server(txn) && txn_method(txn) == SIP_INVITE) {
            txn_cancel(txn);
        } else if (txn != NULL && txn_is_server(txn)) {
            txn_resend(txn);
        }
        break;
    default:
        flow = some_flow((uint8_t)(what | 8));
        txns_flow_gone(f->txns, &flow, -104);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct fuzz *f = calloc(1, sizeof *f);
    f->at = bytes;
    f->end = bytes + n_bytes;
    f->now_ns = 1000 * NS_PER_S;
    timer_wheel_init(&f->wheel, f->now_ns);
    struct txn_world world = {f, fuzz_send, fuzz_random, fuzz_sent_by, NULL};
    struct txn_user user = {f, on_request, on_ack, on_cancel, on_response, on_timeout, on_error, on_gone, NULL, NULL};
    struct txn_config cfg = {.max_txns = 1 + next(f) % 64, .source_rate = 50};
    must(txns_build(&f->txns, &cfg, &world, &user, &f->wheel) == 0);
    for (unsigned i = 0; i < STEPS_MAX && f->at < f->end; i++) {
        step(f);
    }
    const struct txn_stats *stats = txns_stats(f->txns);
    uint64_t n = count_get(&stats->rx_delivered) + count_get(&stats->rx_absorbed);
    for (unsigned i = 0; i < REFUSES; i++) {
        n += count_get(&stats->refused[i]);
    }
    must(n == count_get(&stats->rx_messages));
    f->n_depth = 100;
    for (unsigned i = 0; i < 4; i++) { /* when nothing more comes, everything ends */
        f->now_ns += (TXN_PENDING_MAX_MS + TXN_LIFE_MS) * NS_PER_MS;
        timer_run(&f->wheel, f->now_ns);
    }
    must(f->n_gone == f->n_seen);
    must(count_get(&stats->txns_server) == 0 && count_get(&stats->txns_client) == 0);
    must(f->wheel.n_running == 0);
    txns_free(f->txns);
    free(f);
    return 0;
}
