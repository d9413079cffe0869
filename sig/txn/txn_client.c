/*
 * Client transactions: RFC 3261 17.1 with the Accepted state of RFC 6026 7.2. A response is believed only when its
 * branch is one of ours and it came back by the way the request went.
 */
#include "sig/txn/txn_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define VIA_LINE_MAX 256

static void again_start(struct txn *txn, uint32_t ms)
{
    txn->again_ms = ms;
    timer_start(txn->txns->wheel, &txn->again, ms);
}

/* The timer reports the error: never within the call that asked for the send. */
static void fail_later(struct txn *txn, int err)
{
    txn->err = err;
    timer_stop(txn->txns->wheel, &txn->again);
    timer_start(txn->txns->wheel, &txn->life, 0);
}

/* Writes our Via into the place of the one in text, if there is one. */
static int via_set(struct txn *txn)
{
    struct txns *txns = txn->txns;
    char sent_by[128], line[VIA_LINE_MAX];
    txns->world.sent_by(txns->world.ctx, &txn->flow, sent_by, sizeof sent_by);
    int n_line =
        snprintf(line, sizeof line, "Via: SIP/2.0/%s %s;branch=%s%s\r\n", flow_transport_name(txn->flow.transport),
                 sent_by, txn->branch, flow_is_reliable(&txn->flow) ? "" : ";rport");
    if (n_line < 0 || n_line >= VIA_LINE_MAX) {
        return -EINVAL;
    }
    size_t n_rest = txn->n_text - txn->via_at - txn->n_via;
    char *text = malloc(txn->via_at + (size_t)n_line + n_rest + 1);
    if (text == NULL) {
        count_add(&txns->stats.no_memory, 1);
        return -ENOMEM;
    }
    memcpy(text, txn->text, txn->via_at);
    memcpy(text + txn->via_at, line, (size_t)n_line);
    memcpy(text + txn->via_at + n_line, txn->text + txn->via_at + txn->n_via, n_rest);
    txn->n_via = (size_t)n_line;
    size_t n = txn->via_at + (size_t)n_line + n_rest;
    text[n] = 0;
    txn_keep_text(txn, text, n);
    return 0;
}

/* A datagram that the socket has no room for is lost like one that is lost on the way: it is sent again in its turn. */
static int send_kept(struct txn *txn)
{
    int err = txn_send_kept(txn);
    return err == -ENOBUFS && !flow_is_reliable(&txn->flow) ? 0 : err;
}

static void send_first(struct txn *txn)
{
    count_add(&txn->txns->stats.tx_requests[txn->method], 1);
    int err = send_kept(txn);
    txn_on_conn(txn);
    if (err != 0) {
        if (txn->went_large) {
            txn_client_broken(txn, err);
        } else {
            fail_later(txn, err);
        }
        return;
    }
    timer_start(txn->txns->wheel, &txn->life, TXN_LIFE_MS); /* B, F */
    if (!flow_is_reliable(&txn->flow)) {
        again_start(txn, TXN_T1_MS); /* A, E */
    }
}

static void draw_branch(struct txns *txns, char branch[SIP_BRANCH_BYTES])
{
    uint8_t bytes[12];
    txns->world.random(txns->world.ctx, bytes, sizeof bytes);
    memcpy(branch, "z9hG4bK", 7);
    txn_hex(bytes, sizeof bytes, branch + 7);
}

/* Turns out into a transaction that has not been sent. Takes out. */
static int client_make(struct txns *txns, struct sip_out *out, const struct flow *flow, struct txn **made)
{
    char *text, branch[SIP_BRANCH_BYTES];
    size_t n;
    enum sip_method method = sip_out_method(out);
    int err = sip_text(out, &text, &n);
    sip_out_free(out);
    if (err != 0) {
        count_add(&txns->stats.no_memory, err == -ENOMEM);
        return err;
    }
    draw_branch(txns, branch);
    struct txn_key key = txn_key_client(txns, branch, method);
    struct txn *txn = txn_make(txns, method == SIP_INVITE ? TXN_CLIENT_INVITE : TXN_CLIENT_OTHER, method, flow, &key);
    if (txn == NULL) {
        free(text);
        return -ENOMEM;
    }
    memcpy(txn->branch, branch, sizeof branch);
    txn_keep_text(txn, text, n);
    txn->via_at = (size_t)((char *)memmem(text, n, "\r\n", 2) + 2 - text);
    if (n + 96 > TXN_UDP_REQUEST_MAX && flow->transport == FLOW_UDP) {
        txn->went_large = true; /* RFC 3261 18.1.1; 96: about our Via */
        txn->flow = flow_to(FLOW_TCP, flow->listener, &flow->remote);
    }
    err = via_set(txn);
    if (err != 0) {
        txn_end(txn);
        return err;
    }
    *made = txn;
    return 0;
}

int txn_request(struct txns *txns, struct sip_out *out, const struct flow *flow, void *tag, struct txn **txn)
{
    *txn = NULL;
    enum sip_method method = sip_out_method(out);
    bool is_full = txns->n_live >= txns->cfg.max_txns && method != SIP_BYE; /* of BYE there are as many as dialogs */
    if (is_full || method == SIP_ACK || method == SIP_CANCEL) {
        sip_out_free(out);
        return method == SIP_ACK || method == SIP_CANCEL ? -EINVAL : -EAGAIN;
    }
    struct txn *made;
    int err = client_make(txns, out, flow, &made);
    if (err != 0) {
        return err;
    }
    made->tag = tag;
    made->is_seen = true;
    *txn = made;
    send_first(made);
    return 0;
}

int txn_send(struct txns *txns, struct sip_out *out, const struct flow *flow)
{
    struct txn *txn; /* only to write the text; nobody waits for an answer */
    int err = client_make(txns, out, flow, &txn);
    if (err != 0) {
        return err;
    }
    count_add(&txns->stats.tx_requests[txn->method], 1);
    if (txn->went_large) {
        txn->flow = *flow; /* an ACK follows its INVITE's way */
        err = via_set(txn);
    }
    err = err == 0 ? txn_send_kept(txn) : err;
    txn_end(txn);
    return err;
}

/* ---- CANCEL ---- */

static void cancel_send(struct txn *invite)
{
    struct txns *txns = invite->txns;
    invite->cancel = TXN_CANCEL_SENT;
    timer_start(txns->wheel, &invite->life, TXN_LIFE_MS); /* RFC 3261 9.1: no final response by then, it is over */
    struct txn_key key = txn_key_client(txns, invite->branch, SIP_CANCEL);
    char *text = malloc(invite->n_text + 64);
    count_add(&txns->stats.no_memory, text == NULL);
    size_t n = text == NULL ? 0 : sip_follow(invite->text, invite->n_text, SIP_CANCEL, NULL, text, invite->n_text + 64);
    struct txn *txn = n == 0 ? NULL : txn_make(txns, TXN_CLIENT_OTHER, SIP_CANCEL, &invite->flow, &key);
    if (txn == NULL) {
        free(text);
        return;
    }
    memcpy(txn->branch, invite->branch, sizeof txn->branch);
    txn_keep_text(txn, text, n);
    send_first(txn);
}

int txn_cancel(struct txn *invite)
{
    must(invite->kind == TXN_CLIENT_INVITE);
    if (invite->state == TXN_PROCEEDING && invite->cancel == TXN_CANCEL_NO) {
        cancel_send(invite);
        return 0;
    }
    if (invite->state == TXN_TRYING && invite->cancel == TXN_CANCEL_NO) {
        invite->cancel = TXN_CANCEL_WANTED;
        return 0;
    }
    return -EALREADY;
}

/* ---- timers ---- */

void txn_client_life(struct txn *txn)
{
    struct txns *txns = txn->txns;
    int err = txn->err;
    bool is_pending = txn->state == TXN_TRYING || txn->state == TXN_PROCEEDING;
    txn_end(txn);
    if (!is_pending) {
        return;
    }
    if (err == 0) {
        count_add(&txns->stats.timeouts, 1);
    }
    if (txn->is_seen && err != 0) {
        txns->user.on_error(txns->user.ctx, txn, err);
    } else if (txn->is_seen) {
        txns->user.on_timeout(txns->user.ctx, txn);
    }
}

void txn_client_again(struct txn *txn)
{
    count_add(&txn->txns->stats.tx_retransmissions, 1);
    int err = send_kept(txn);
    if (err != 0) {
        fail_later(txn, err);
    } else if (txn->kind == TXN_CLIENT_INVITE) {
        again_start(txn, txn->again_ms * 2); /* A; B comes before it gets large */
    } else {
        again_start(txn, txn->state == TXN_PROCEEDING ? TXN_T2_MS : MIN(txn->again_ms * 2, TXN_T2_MS)); /* E */
    }
}

void txn_client_broken(struct txn *txn, int err)
{
    if (txn->state != TXN_TRYING && txn->state != TXN_PROCEEDING) {
        return;
    }
    if (txn->went_large && txn->state == TXN_TRYING) {
        txn->went_large = false; /* nobody listens on TCP: RFC 3261 18.1.1 lets us try UDP after all */
        txn->flow = flow_to(FLOW_UDP, txn->flow.listener, &txn->flow.remote);
        err = via_set(txn);
        if (err == 0) {
            send_first(txn);
            return;
        }
    }
    fail_later(txn, err);
}

/* ---- responses ---- */

/* The ACK takes the place of the INVITE: that is never sent again from here on. */
static void ack_make(struct txn *txn, const struct sip_msg *msg)
{
    const char *to = scan_value(&msg->scan, SCAN_TO, 0);
    size_t size = txn->n_text + strlen(to) + 64;
    char *text = malloc(size);
    count_add(&txn->txns->stats.no_memory, text == NULL);
    size_t n = text == NULL ? 0 : sip_follow(txn->text, txn->n_text, SIP_ACK, to, text, size);
    if (n == 0) {
        free(text);
        text = NULL;
    }
    txn_keep_text(txn, text, n);
    count_add(&txn->txns->stats.tx_requests[SIP_ACK], 1);
}

static void final_came(struct txn *txn, const struct sip_msg *msg)
{
    struct timer_wheel *wheel = txn->txns->wheel;
    bool is_reliable = flow_is_reliable(&txn->flow);
    timer_stop(wheel, &txn->again);
    txn->is_over = true;
    if (txn->kind == TXN_CLIENT_OTHER) {
        txn->state = TXN_COMPLETED;
        timer_start(wheel, &txn->life, is_reliable ? 0 : TXN_T4_MS); /* K */
    } else if (msg->status < 300) {
        txn->state = TXN_ACCEPTED;
        timer_start(wheel, &txn->life, TXN_LIFE_MS); /* M */
    } else {
        txn->state = TXN_COMPLETED;
        timer_start(wheel, &txn->life, is_reliable ? 0 : TXN_LIFE_MS); /* D */
        ack_make(txn, msg);
        txn_send_kept(txn);
    }
}

/* @return true: the user is to see it */
static bool client_step(struct txn *txn, const struct sip_msg *msg)
{
    bool is_final = msg->status >= 200;
    switch (txn->state) {
    case TXN_TRYING:
    case TXN_PROCEEDING:
        if (is_final) {
            final_came(txn, msg);
            return true;
        }
        if (txn->state == TXN_TRYING && txn->kind == TXN_CLIENT_INVITE) {
            timer_stop(txn->txns->wheel, &txn->again);
            timer_start(txn->txns->wheel, &txn->life, TXN_PENDING_MAX_MS); /* B is over; how long it may ring is the
                                                                              user's to say */
        }
        txn->state = TXN_PROCEEDING;
        if (txn->cancel == TXN_CANCEL_WANTED) {
            cancel_send(txn);
        }
        return true;
    case TXN_ACCEPTED:
        return is_final && msg->status < 300; /* each fork's, and each again: the user acknowledges */
    case TXN_COMPLETED:
        if (is_final && txn->kind == TXN_CLIENT_INVITE && msg->status >= 300) {
            txn_send_kept(txn);
        }
        return false;
    case TXN_CONFIRMED:
    case TXN_GONE:
        break;
    }
    return false;
}

void txn_client_rx(struct txns *txns, const struct sip_msg *msg)
{
    struct txn_key key = txn_key_client(txns, msg->via.branch, msg->method);
    struct txn *txn = txn_find(txns, &key);
    if (txn == NULL) {
        count_add(&txns->stats.refused[REFUSE_STRAY_RESPONSE], 1);
        return;
    }
    if (!flow_same(&txn->flow, &msg->flow)) {
        count_add(&txns->stats.refused[REFUSE_FORGED_RESPONSE], 1);
        return;
    }
    txn_source_proven(txns, &msg->flow.remote); /* nobody else knows the branch */
    if (txn->err == 0 && client_step(txn, msg) && txn->is_seen) {
        count_add(&txns->stats.rx_delivered, 1);
        txns->user.on_response(txns->user.ctx, txn, msg);
    } else {
        count_add(&txns->stats.rx_absorbed, 1);
    }
}
