/*
 * Server transactions: RFC 3261 17.2 with the Accepted state of RFC 6026 7.1, and the duties around them: ACK, CANCEL,
 * merged requests, methods.
 */
#include "sig/txn/txn_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void delivered(struct txns *txns)
{
    count_add(&txns->stats.rx_delivered, 1);
}

static void absorbed(struct txns *txns)
{
    count_add(&txns->stats.rx_absorbed, 1);
}

static void again_start(struct txn *txn, uint32_t ms)
{
    txn->again_ms = ms;
    timer_start(txn->txns->wheel, &txn->again, ms);
}

static void resend(struct txn *txn)
{
    count_add(&txn->txns->stats.tx_retransmissions, 1);
    txn_send_kept(txn);
}

/* ---- timers ---- */

void txn_server_life(struct txn *txn)
{
    struct txns *txns = txn->txns;
    bool is_pending = txn->state == TXN_TRYING || txn->state == TXN_PROCEEDING;
    bool is_unacked = txn->state == TXN_ACCEPTED && !txn->is_acked;
    if (is_pending && txn->kind == TXN_SERVER_INVITE) {
        txn_reply(txn, 408, NULL); /* its user has forgotten it; H will end it */
    } else {
        txn_end(txn); /* a pending other one too: nobody waits for the answer any more (RFC 4320 4.2) */
    }
    if (is_pending || is_unacked) {
        count_add(&txns->stats.timeouts, 1);
        if (txn->is_seen) {
            txns->user.on_timeout(txns->user.ctx, txn);
        }
    } else if (txn->state == TXN_GONE && txn->kind == TXN_SERVER_INVITE && txn->is_over && !txn->is_acked) {
        count_add(&txns->stats.timeouts, 1); /* H: no ACK for a non-2xx */
    }
}

void txn_server_again(struct txn *txn)
{
    if (txn->state == TXN_TRYING && txn->kind == TXN_SERVER_INVITE) {
        txn_reply(txn, 100, NULL);
        return;
    }
    count_add(&txn->txns->stats.tx_unproven, !txns_is_proven(txn->txns, &txn->flow));
    resend(txn); /* G, or the 2xx of RFC 3261 13.3.1.4 */
    again_start(txn, MIN(txn->again_ms * 2, TXN_T2_MS));
}

/* ---- answers ---- */

struct sip_out *txn_response(struct txn *txn, int status, const char *reason)
{
    must(txn_is_server(txn));
    return txn->msg == NULL ? NULL : sip_response_make(txn->msg, status, reason, status == 100 ? NULL : txn->local_tag);
}

/* @param is_once  repeated only when the request is */
static void final_given(struct txn *txn, int status, bool is_once)
{
    struct timer_wheel *wheel = txn->txns->wheel;
    bool is_reliable = flow_is_reliable(&txn->flow);
    txn->is_over = true;
    txn_spend(txn);
    timer_stop(wheel, &txn->again);
    if (txn->kind == TXN_SERVER_OTHER) {
        txn->state = TXN_COMPLETED;
        if (status >= 300) {
            txn_unset_merge(txn);
        }
        timer_start(wheel, &txn->life, is_reliable ? 0 : TXN_LIFE_MS); /* J */
        return;
    }
    txn->state = status < 300 ? TXN_ACCEPTED : TXN_COMPLETED;
    timer_start(wheel, &txn->life, TXN_LIFE_MS); /* L, H */
    if (status < 300 || (!is_reliable && !is_once)) {
        again_start(txn, TXN_T1_MS);
    }
}

int txn_respond(struct txn *txn, struct sip_out *out)
{
    must(txn_is_server(txn));
    struct txns *txns = txn->txns;
    int status = sip_out_status(out);
    if (txn->is_over || txn->state == TXN_GONE) {
        sip_out_free(out);
        return -EALREADY;
    }
    if (out != NULL && (status < 100 || (status > 100 && status < 200 && txn->kind == TXN_SERVER_OTHER))) {
        sip_out_free(out); /* RFC 4320 4.1: no 1xx but 100 to a non-INVITE */
        return -EINVAL;
    }
    char *text;
    size_t n;
    int err = sip_text(out, &text, &n);
    sip_out_free(out);
    count_add(&txns->stats.no_memory, err == -ENOMEM);
    if (err != 0) {
        if ((status == 0 || status >= 200) && status != 500) {
            txn_reply(txn, 500, NULL);
        } else if (status == 500) {
            txn_end(txn); /* not even that: the peer will time out */
        }
        return err;
    }
    bool is_cut = txn_cut_applies(txns, txn->msg, status), is_success = status < 300;
    if (is_cut && (n = txn_cut(txns, txn->msg, txn->local_tag, &status, text, n)) == 0) {
        free(text);
        text = NULL;
    }
    txn_keep_text(txn, text, n);
    count_add(&txns->stats.tx_statuses[status], 1);
    if (status < 200) {
        txn->state = TXN_PROCEEDING;
        timer_stop(txns->wheel, &txn->again);
        timer_start(txns->wheel, &txn->life, txn->kind == TXN_SERVER_INVITE ? TXN_PENDING_MAX_MS : TXN_LIFE_MS);
    } else {
        /* A forged source is sent nothing that it has not asked for; one that is not asks again (RFC 3261 8.2.7). */
        final_given(txn, status, is_cut && !txns_is_proven(txns, &txn->flow));
    }
    if (text != NULL) {
        txn_send_kept(txn); /* an error is counted: the peer repeats its request, or is gone */
    }
    return is_success && status >= 300 ? -EMSGSIZE : 0;
}

int txn_respond_once(struct txn *txn, struct sip_out *out)
{
    int err = txn_respond(txn, out);
    must(txn->state != TXN_ACCEPTED);
    timer_stop(txn->txns->wheel, &txn->again);
    return err;
}

int txn_reply(struct txn *txn, int status, const char *reason)
{
    if (txn->is_over || txn->state == TXN_GONE) {
        return -EALREADY;
    }
    struct sip_out *out = txn_response(txn, status, reason);
    if (out == NULL && status == 500) {
        count_add(&txn->txns->stats.no_memory, 1);
        txn_end(txn);
        return -ENOMEM;
    }
    return txn_respond(txn, out);
}

int txn_resend(struct txn *txn)
{
    if (txn->text == NULL || txn->state == TXN_GONE) {
        return -ENOENT;
    }
    count_add(&txn->txns->stats.tx_unproven, !txns_is_proven(txn->txns, &txn->flow));
    resend(txn);
    return 0;
}

void txn_acked(struct txn *txn)
{
    txn_source_proven(txn->txns, &txn->flow.remote);
    txn_let_go(txn);
}

void txn_let_go(struct txn *txn)
{
    if (txn->state == TXN_ACCEPTED && !txn->is_acked) {
        txn->is_acked = true;
        timer_stop(txn->txns->wheel, &txn->again);
        txn_keep_text(txn, NULL, 0); /* L only absorbs from here on */
    }
}

/* ---- requests ---- */

static void rx_again(struct txn *txn)
{
    count_add(&txn->txns->stats.rx_retransmissions, 1);
    absorbed(txn->txns);
    if (txn->state == TXN_TRYING && txn->kind == TXN_SERVER_INVITE && txns_is_proven(txn->txns, &txn->flow)) {
        txn_reply(txn, 100, NULL); /* it is impatient: no need to wait the 200 ms */
    } else if (txn->state == TXN_PROCEEDING || txn->state == TXN_COMPLETED) {
        resend(txn);
    }
}

static void rx_ack(struct txns *txns, struct txn *txn, const struct sip_msg *msg)
{
    if (txn == NULL || txn->state == TXN_ACCEPTED) {
        delivered(txns);
        txns->user.on_ack(txns->user.ctx, msg);
        return;
    }
    absorbed(txns);
    if (txn->state == TXN_COMPLETED) {
        if (msg->to.tag != NULL && strcmp(msg->to.tag, txn->local_tag) == 0 &&
            addr_same_host(&msg->flow.remote, &txn->flow.remote)) {
            txn_source_proven(txns, &txn->flow.remote);
        }
        txn->state = TXN_CONFIRMED;
        txn->is_acked = true;
        txn_unset_merge(txn); /* a proxy that follows a redirect, or tries elsewhere, may come back with it (16.7) */
        timer_stop(txns->wheel, &txn->again);
        timer_start(txns->wheel, &txn->life, flow_is_reliable(&txn->flow) ? 0 : TXN_T4_MS); /* I */
        txn_keep_text(txn, NULL, 0);
    }
}

static void rx_cancel(struct txns *txns, struct sip_msg **msg, const struct txn_key *key)
{
    struct txn_key invite_key = txn_key_server(txns, *msg, SIP_INVITE);
    struct txn *invite = txn_find(txns, &invite_key);
    /* CANCEL comes hop by hop from the sender of the INVITE (RFC 3261 9.2): from another host it is forged. */
    if (invite == NULL || !addr_same_host(&invite->flow.remote, &(*msg)->flow.remote)) {
        txn_refuse(txns, *msg, REFUSE_CANCEL_UNMATCHED, "");
        return;
    }
    struct txn *txn = txn_make(txns, TXN_SERVER_OTHER, SIP_CANCEL, &(*msg)->flow, key);
    if (txn == NULL) {
        count_add(&txns->stats.refused[REFUSE_MEMORY], 1);
        return;
    }
    memcpy(txn->local_tag, invite->local_tag, sizeof txn->local_tag);
    txn->msg = *msg;
    *msg = NULL;
    timer_start(txns->wheel, &txn->life, TXN_LIFE_MS);
    txn_reply(txn, 200, NULL);
    delivered(txns);
    if (!invite->is_over) {
        txns->user.on_cancel(txns->user.ctx, invite);
    }
}

static void rx_new(struct txns *txns, struct sip_msg **msg, const struct txn_key *key, const struct txn_key *merge)
{
    bool is_invite = (*msg)->method == SIP_INVITE;
    struct txn *txn =
        txn_make(txns, is_invite ? TXN_SERVER_INVITE : TXN_SERVER_OTHER, (*msg)->method, &(*msg)->flow, key);
    if (txn == NULL) {
        txn_refuse(txns, *msg, REFUSE_MEMORY, "");
        return;
    }
    if ((*msg)->to.tag == NULL) {
        txn_set_merge(txn, merge);
        txns_draw(txns, txn->local_tag);
    } else {
        snprintf(txn->local_tag, sizeof txn->local_tag, "%s", (*msg)->to.tag); /* ours, if it is ours at all */
    }
    txn->msg = *msg;
    txn->is_seen = true;
    *msg = NULL;
    timer_start(txns->wheel, &txn->life, is_invite ? TXN_PENDING_MAX_MS : TXN_LIFE_MS);
    delivered(txns);
    txns->user.on_request(txns->user.ctx, txn, txn->msg);
    if (is_invite && txn->state == TXN_TRYING && txns_is_proven(txns, &txn->flow)) {
        again_start(txn, TXN_TRYING_MS);
    }
}

static void refuse_for_now(struct txns *txns, const struct sip_msg *msg, enum refuse refuse)
{
    char retry[64];
    snprintf(retry, sizeof retry, "Retry-After: %d\r\n", TXN_RETRY_AFTER_S);
    txn_refuse(txns, msg, refuse, retry);
}

void txn_server_rx(struct txns *txns, struct sip_msg **msg)
{
    enum sip_method method = (*msg)->method;
    struct txn_key key = txn_key_server(txns, *msg, method), merge = txn_key_merge(txns, *msg);
    struct txn *txn = txn_find(txns, &key);
    enum refuse refuse;
    if (method == SIP_ACK) {
        rx_ack(txns, txn, *msg);
    } else if (txn != NULL) {
        rx_again(txn);
    } else if (method == SIP_UNKNOWN) {
        txn_refuse(txns, *msg, REFUSE_METHOD_UNKNOWN, "");
    } else if ((txns->cfg.allow & sip_bit(method)) == 0) {
        char methods[256 - 16], allow[256], set[256];
        snprintf(methods, sizeof methods, "%s", sip_methods_text(txns->cfg.allow, set));
        snprintf(allow, sizeof allow, "Allow: %s\r\n", methods);
        txn_refuse(txns, *msg, REFUSE_METHOD_REFUSED, allow);
    } else if (method == SIP_CANCEL) {
        if (txns->n_live >= txns->cfg.max_txns + txns->cfg.max_txns / 8) {
            txn_refuse(txns, *msg, REFUSE_OVERLOAD, ""); /* a reserve, since a CANCEL makes room */
        } else {
            rx_cancel(txns, msg, &key);
        }
    } else if ((*msg)->to.tag == NULL && txn_find_merged(txns, &merge) != NULL) {
        txn_refuse(txns, *msg, REFUSE_MERGED, ""); /* RFC 3261 8.2.2.2 */
    } else if (txn_limit_waits(txns, *msg)) {
        refuse_for_now(txns, *msg, REFUSE_BEHIND);
    } else if (!txn_limit_take(txns, *msg, &refuse)) {
        refuse_for_now(txns, *msg, refuse);
    } else {
        rx_new(txns, msg, &key, &merge);
    }
}
