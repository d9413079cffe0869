/* The table of transactions, and a record's life. */
#include "sig/txn/txn_priv.h"

#include <errno.h>
#include <stdlib.h>

/* ---- the table ---- */

static struct txn **slot_of(struct txn **table, const struct txns *txns, const struct txn_key *key)
{
    return &table[key->half[0] & (txns->n_slots - 1)];
}

struct txn *txn_find(const struct txns *txns, const struct txn_key *key)
{
    struct txn *txn = *slot_of(txns->by_key, txns, key);
    while (txn != NULL && !txn_key_same(&txn->key, key)) {
        txn = txn->next_by_key;
    }
    return txn;
}

struct txn *txn_find_merged(const struct txns *txns, const struct txn_key *merge)
{
    struct txn *txn = *slot_of(txns->by_merge, txns, merge);
    while (txn != NULL && !txn_key_same(&txn->merge, merge)) {
        txn = txn->next_by_merge;
    }
    return txn;
}

void txn_set_merge(struct txn *txn, const struct txn_key *merge)
{
    struct txn **slot = slot_of(txn->txns->by_merge, txn->txns, merge);
    txn->merge = *merge;
    txn->is_merged = true;
    txn->next_by_merge = *slot;
    *slot = txn;
}

void txn_unset_merge(struct txn *txn)
{
    if (txn->is_merged) {
        struct txn **at = slot_of(txn->txns->by_merge, txn->txns, &txn->merge);
        while (*at != txn) {
            at = &(*at)->next_by_merge;
        }
        *at = txn->next_by_merge;
        txn->is_merged = false;
    }
}

static void table_remove(struct txn *txn)
{
    struct txn **at = slot_of(txn->txns->by_key, txn->txns, &txn->key);
    while (*at != txn) {
        at = &(*at)->next_by_key;
    }
    *at = txn->next_by_key;
    txn_unset_merge(txn);
}

/* ---- a record's life ---- */

static bool is_server_kind(enum txn_kind kind)
{
    return kind == TXN_SERVER_INVITE || kind == TXN_SERVER_OTHER;
}

static void off_conn(struct txn *txn)
{
    if (txn->link_on_conn != NULL) {
        *txn->link_on_conn = txn->next_on_conn;
        if (txn->next_on_conn != NULL) {
            txn->next_on_conn->link_on_conn = txn->link_on_conn;
        }
        txn->link_on_conn = NULL;
    }
}

void txn_on_conn(struct txn *txn)
{
    off_conn(txn);
    if (flow_is_reliable(&txn->flow) && txn->flow.conn != FLOW_NO_CONN) {
        struct txn **head = &txn->txns->on_conn[txn->flow.conn % TXN_CONN_LISTS];
        txn->next_on_conn = *head;
        txn->link_on_conn = head;
        if (*head != NULL) {
            (*head)->link_on_conn = &txn->next_on_conn;
        }
        *head = txn;
    }
}

void txn_free(struct txn *txn)
{
    struct txns *txns = txn->txns;
    if (txn->is_seen) {
        txns->user.on_gone(txns->user.ctx, txn);
    }
    timer_stop(txns->wheel, &txn->life);
    timer_stop(txns->wheel, &txn->again);
    off_conn(txn);
    *txn->link = txn->next;
    if (txn->next != NULL) {
        txn->next->link = txn->link;
    }
    count_add(is_server_kind(txn->kind) ? &txns->stats.txns_server : &txns->stats.txns_client, (uint64_t)-1);
    txns->n_live--;
    sip_free(txn->msg);
    free(txn->text);
    free(txn);
}

static const struct txn_side *side_of(const struct txn *txn)
{
    return is_server_kind(txn->kind) ? &txn->txns->server_side : &txn->txns->client_side;
}

static void on_life(struct timer *timer, uint64_t now_ns)
{
    struct txn *txn = TIMER_OWNER(timer, struct txn, life);
    txn->txns->now_ms = now_ns / NS_PER_MS;
    if (txn->state == TXN_GONE) {
        txn_free(txn);
    } else {
        side_of(txn)->life(txn);
    }
}

static void on_again(struct timer *timer, uint64_t now_ns)
{
    struct txn *txn = TIMER_OWNER(timer, struct txn, again);
    txn->txns->now_ms = now_ns / NS_PER_MS;
    side_of(txn)->again(txn);
}

struct txn *txn_make(struct txns *txns, enum txn_kind kind, enum sip_method method, const struct flow *flow,
                     const struct txn_key *key)
{
    struct txn *txn = calloc(1, sizeof *txn);
    if (txn == NULL) {
        count_add(&txns->stats.no_memory, 1);
        return NULL;
    }
    txn->txns = txns;
    txn->kind = kind;
    txn->method = method;
    txn->flow = *flow;
    txn->key = *key;
    timer_init(&txn->life, on_life);
    timer_init(&txn->again, on_again);
    struct txn **slot = slot_of(txns->by_key, txns, key);
    txn->next_by_key = *slot;
    *slot = txn;
    txn->next = txns->all;
    txn->link = &txns->all;
    if (txns->all != NULL) {
        txns->all->link = &txn->next;
    }
    txns->all = txn;
    txns->n_live++;
    count_add(is_server_kind(kind) ? &txns->stats.txns_server : &txns->stats.txns_client, 1);
    count_add(&txns->stats.txns_made, 1);
    return txn;
}

void txn_end(struct txn *txn)
{
    if (txn->state != TXN_GONE) {
        table_remove(txn);
        txn->state = TXN_GONE;
        timer_stop(txn->txns->wheel, &txn->again);
        timer_start(txn->txns->wheel, &txn->life, 0);
    }
}

void txn_keep_text(struct txn *txn, char *text, size_t n)
{
    free(txn->text);
    txn->text = text;
    txn->n_text = n;
}

int txn_send_kept(struct txn *txn)
{
    struct txns *txns = txn->txns;
    if (txn->text == NULL) {
        return -ENOENT;
    }
    int err = txns->world.send(txns->world.ctx, &txn->flow, txn->text, txn->n_text);
    if (err != 0) {
        count_add(&txns->stats.send_errors, 1);
    }
    return err;
}

void txn_spend(struct txn *txn)
{
    struct txns *txns = txn->txns;
    if (txn->msg == NULL) {
        return;
    }
    if (txns->n_spent == txns->max_spent) {
        unsigned max = txns->max_spent * 2 + 16;
        struct sip_msg **grown = realloc(txns->spent, max * sizeof *grown);
        if (grown == NULL) {
            count_add(&txns->stats.no_memory, 1);
            return; /* kept until the transaction ends */
        }
        txns->spent = grown;
        txns->max_spent = max;
    }
    txns->spent[txns->n_spent++] = txn->msg;
    txn->msg = NULL;
}

/* ---- what a user may ask ---- */

void *txn_tag(const struct txn *txn)
{
    return txn->tag;
}

void txn_set_tag(struct txn *txn, void *tag)
{
    txn->tag = tag;
}

enum sip_method txn_method(const struct txn *txn)
{
    return txn->method;
}

bool txn_is_server(const struct txn *txn)
{
    return is_server_kind(txn->kind);
}

bool txn_is_over(const struct txn *txn)
{
    return txn->is_over || txn->state == TXN_GONE;
}

const struct flow *txn_flow(const struct txn *txn)
{
    return &txn->flow;
}

const struct sip_msg *txn_msg(const struct txn *txn)
{
    return txn->msg;
}

const char *txn_local_tag(const struct txn *txn)
{
    return txn->local_tag;
}
