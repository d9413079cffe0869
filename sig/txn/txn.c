/*
 * The layer as a whole: what comes in, start and end. Table and records are txn_table.c; server and client sides have
 * their own files.
 */
#include "sig/txn/txn_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SPENT_BATCH 16 /* requests freed with one message: thousands may have ended in one turn of the timers */

/* ---- what comes in ---- */

/* After these nobody knows where the next message of a stream begins. */
static bool breaks_stream(enum refuse refuse)
{
    return refuse == REFUSE_EMPTY || refuse == REFUSE_FIRST_LINE || refuse == REFUSE_TOO_LARGE ||
           refuse == REFUSE_NUL || refuse == REFUSE_LINE_END || refuse == REFUSE_CONTENT_LENGTH ||
           refuse == REFUSE_NO_CONTENT_LENGTH || refuse == REFUSE_HEADERS || refuse == REFUSE_STATUS;
}

int txns_rx(struct txns *txns, const struct flow *flow, const char *bytes, size_t n_bytes, uint64_t now_ns)
{
    txns->now_ms = now_ns / NS_PER_MS;
    txn_limit_turn(txns, now_ns);
    for (unsigned i = 0; i < SPENT_BATCH && txns->n_spent > 0; i++) {
        sip_free(txns->spent[--txns->n_spent]);
    }
    count_add(&txns->stats.rx_messages, 1);
    if (n_bytes <= 4 && memcmp(bytes, "\r\n\r\n", n_bytes) == 0) {
        count_add(&txns->stats.rx_absorbed, 1); /* keepalive of RFC 5626 and of older habits */
        return 0;
    }
    struct sip_msg *msg;
    enum refuse refuse = sip_parse(bytes, n_bytes, flow, &msg);
    if (msg == NULL) {
        count_add(&txns->stats.refused[refuse], 1);
        return 0;
    }
    if (refuse != REFUSE_NONE) {
        txn_refuse(txns, msg, refuse, "");
    } else if (msg->is_request) {
        count_add(&txns->stats.rx_requests[msg->method], 1);
        txn_server_rx(txns, &msg);
    } else {
        count_add(&txns->stats.rx_statuses[msg->status], 1);
        txn_client_rx(txns, msg);
    }
    sip_free(msg);
    return breaks_stream(refuse) ? -EBADMSG : 0;
}

void txns_flow_gone(struct txns *txns, const struct flow *flow, int err)
{
    struct txn *next;
    for (struct txn *txn = txns->on_conn[flow->conn % TXN_CONN_LISTS]; txn != NULL; txn = next) {
        next = txn->next_on_conn;
        if (flow_same(&txn->flow, flow)) {
            txn_client_broken(txn, err);
        }
    }
}

/* ---- the layer's own life ---- */

int txns_build(struct txns **txns, const struct txn_config *cfg, const struct txn_world *world,
               const struct txn_user *user, struct timer_wheel *wheel)
{
    *txns = NULL;
    if (world->send == NULL || world->random == NULL || world->sent_by == NULL || user->on_request == NULL ||
        user->on_ack == NULL || user->on_cancel == NULL || user->on_response == NULL || user->on_timeout == NULL ||
        user->on_error == NULL || user->on_gone == NULL ||
        (cfg->server != NULL && (strlen(cfg->server) > 100 || strpbrk(cfg->server, "\r\n") != NULL))) {
        return -EINVAL;
    }
    int err = sip_init();
    struct txns *made = calloc(1, sizeof *made);
    if (err != 0 || made == NULL) {
        free(made);
        return -ENOMEM;
    }
    made->cfg = *cfg;
    made->cfg.max_txns = cfg->max_txns == 0 ? 32768 : cfg->max_txns;
    made->cfg.source_rate = cfg->source_rate == 0 ? 1000 : cfg->source_rate;
    made->cfg.source_burst = cfg->source_burst == 0 ? 2 * made->cfg.source_rate : cfg->source_burst;
    made->cfg.allow = cfg->allow == 0 ? (1u << SIP_METHODS) - 2 : cfg->allow | sip_bit(SIP_ACK) | sip_bit(SIP_CANCEL);
    snprintf(made->server, sizeof made->server, "%s", cfg->server == NULL ? "" : cfg->server);
    made->cfg.server = NULL;
    made->world = *world;
    made->user = *user;
    made->wheel = wheel;
    made->server_side = (struct txn_side){txn_server_life, txn_server_again};
    made->client_side = (struct txn_side){txn_client_life, txn_client_again};
    made->now_ms = wheel->now_ms;
    made->total = (struct txn_source){.tokens_milli = cfg->total_rate * 1000ull, .last_ms = made->now_ms};
    made->n_slots = 256;
    while (made->n_slots < made->cfg.max_txns && made->n_slots < 1u << 22) {
        made->n_slots *= 2;
    }
    world->random(world->ctx, made->secret, sizeof made->secret);
    made->by_key = calloc(made->n_slots, sizeof *made->by_key);
    made->by_merge = calloc(made->n_slots, sizeof *made->by_merge);
    made->sources = calloc(TXN_SOURCES, sizeof *made->sources);
    if (made->by_key == NULL || made->by_merge == NULL || made->sources == NULL) {
        txns_free(made);
        return -ENOMEM;
    }
    *txns = made;
    return 0;
}

void txns_free(struct txns *txns)
{
    if (txns == NULL) {
        return;
    }
    while (txns->all != NULL) {
        txn_free(txns->all);
    }
    while (txns->n_spent > 0) {
        sip_free(txns->spent[--txns->n_spent]);
    }
    free(txns->spent);
    free(txns->by_key);
    free(txns->by_merge);
    free(txns->sources);
    free(txns);
}

const struct txn_stats *txns_stats(const struct txns *txns)
{
    return &txns->stats;
}
