/*
 * The layer as a whole: the table, the records' lives, what comes in and how it is refused. Server and client sides
 * have their own files.
 */
#include "sig/txn_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SPENT_BATCH 16 /* requests freed with one message: thousands may have ended in one turn of the timers */

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

static void txn_free(struct txn *txn)
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

static void on_life(struct timer *timer, uint64_t now_ns)
{
    struct txn *txn = TIMER_OWNER(timer, struct txn, life);
    txn->txns->now_ms = now_ns / NS_PER_MS;
    if (txn->state == TXN_GONE) {
        txn_free(txn);
    } else if (is_server_kind(txn->kind)) {
        txn_server_life(txn);
    } else {
        txn_client_life(txn);
    }
}

static void on_again(struct timer *timer, uint64_t now_ns)
{
    struct txn *txn = TIMER_OWNER(timer, struct txn, again);
    txn->txns->now_ms = now_ns / NS_PER_MS;
    if (is_server_kind(txn->kind)) {
        txn_server_again(txn);
    } else {
        txn_client_again(txn);
    }
}

struct txn *txn_make(struct txns *txns, enum txn_kind kind, enum sip_method method, const struct flow *flow,
                     const struct txn_key *key)
{
    struct txn *txn = calloc(1, sizeof *txn);
    if (txn == NULL) {
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
            return; /* kept until the transaction ends */
        }
        txns->spent = grown;
        txns->max_spent = max;
    }
    txns->spent[txns->n_spent++] = txn->msg;
    txn->msg = NULL;
}

/* ---- what comes in ---- */

/* After these nobody knows where the next message of a stream begins. */
static bool breaks_stream(enum refuse refuse)
{
    return refuse == REFUSE_EMPTY || refuse == REFUSE_FIRST_LINE || refuse == REFUSE_TOO_LARGE ||
           refuse == REFUSE_NUL || refuse == REFUSE_LINE_END || refuse == REFUSE_CONTENT_LENGTH ||
           refuse == REFUSE_NO_CONTENT_LENGTH || refuse == REFUSE_HEADERS || refuse == REFUSE_STATUS;
}

void txn_refuse(struct txns *txns, const struct sip_msg *msg, enum refuse refuse, const char *extra)
{
    count_add(&txns->stats.refused[refuse], 1);
    int status = refuse_status(refuse);
    const struct scan *scan = &msg->scan;
    if (status == 0 || scan->kind != SCAN_REQUEST || scan->method == NULL || strcmp(scan->method, "ACK") == 0) {
        return;
    }
    if (txns->user.on_refused != NULL) {
        txns->user.on_refused(txns->user.ctx, msg, refuse, status);
    }
    char text[8192], lines[256], tag[SIP_TAG_BYTES];
    txn_key_tag(txns, scan, tag);
    int n_lines = snprintf(lines, sizeof lines, "%s%s%s%s", extra, txns->server[0] != 0 ? "Server: " : "", txns->server,
                           txns->server[0] != 0 ? "\r\n" : "");
    must(n_lines >= 0 && (size_t)n_lines < sizeof lines);
    size_t n = sip_stateless(scan, &msg->flow, status, refuse_phrase(refuse), tag, lines, text, sizeof text);
    if (n > 0 && txn_cut_applies(txns, msg, status)) {
        n = txn_cut(txns, msg, tag, &status, text, n);
    }
    if (n > 0) {
        struct flow flow = msg->flow;
        count_add(&txns->stats.tx_statuses[status], 1);
        if (txns->world.send(txns->world.ctx, &flow, text, n) != 0) {
            count_add(&txns->stats.send_errors, 1);
        }
    }
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

void txns_draw(struct txns *txns, char tag[SIP_TAG_BYTES])
{
    uint8_t bytes[(SIP_TAG_BYTES - 1) / 2];
    txns->world.random(txns->world.ctx, bytes, sizeof bytes);
    txn_hex(bytes, sizeof bytes, tag);
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
