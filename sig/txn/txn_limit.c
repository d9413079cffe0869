/*
 * How fast new server transactions may come: one token bucket per source address, in a table of fixed size, and one for
 * all. A flood from forged addresses only wears out the table: an address that falls out of it starts with a full
 * bucket, so nobody honest is hurt, and the bucket for all and max_txns hold.
 *
 * And whether we are behind. Below the limits more may come than there is time for; if all of it were taken in turn,
 * each request would wait longer than its sender does, be sent again, and hardly any call would get all its messages
 * served. Turns of the loop that are full one after the other say that a queue stands; until one is not, new requests
 * are refused at the price of a parse, and those of calls that are in get through.
 */
#include "sig/txn/txn_priv.h"

static bool bucket_take(struct txn_source *bucket, uint64_t now_ms, uint32_t rate, uint64_t burst)
{
    bucket->tokens_milli = MIN(bucket->tokens_milli + (now_ms - bucket->last_ms) * rate, burst * 1000);
    bucket->last_ms = now_ms;
    if (bucket->tokens_milli < 1000) {
        return false;
    }
    bucket->tokens_milli -= 1000;
    return true;
}

static struct txn_source *find(const struct txns *txns, const struct addr *source)
{
    uint64_t name = txn_key_address(txns, source).half[0];
    struct txn_source *set = &txns->sources[name % (TXN_SOURCES / 4) * 4];
    for (unsigned i = 0; i < 4; i++) {
        if (set[i].source == name) {
            return &set[i];
        }
    }
    return NULL;
}

static struct txn_source *bucket_of(struct txns *txns, const struct addr *source)
{
    uint64_t name = txn_key_address(txns, source).half[0];
    struct txn_source *set = &txns->sources[name % (TXN_SOURCES / 4) * 4], *oldest = set;
    struct txn_source *found = find(txns, source);
    if (found != NULL) {
        return found;
    }
    for (unsigned i = 0; i < 4;
         i++) { /* a forged flood replaces its own entries before those of addresses that have answered */
        bool is_worse = set[i].has_answered < oldest->has_answered ||
                        (set[i].has_answered == oldest->has_answered && set[i].last_ms < oldest->last_ms);
        oldest = is_worse ? &set[i] : oldest;
    }
    *oldest =
        (struct txn_source){.source = name, .tokens_milli = txns->cfg.source_burst * 1000ull, .last_ms = txns->now_ms};
    return oldest;
}

void txn_source_proven(struct txns *txns, const struct addr *source)
{
    struct txn_source *bucket = bucket_of(txns, source);
    bucket->has_answered = true;
}

bool txns_is_proven(const struct txns *txns, const struct flow *flow)
{
    bool is_limited = txns->cfg.answer_percent != 0 && flow->transport == FLOW_UDP &&
                      !(txns->world.is_trusted != NULL && txns->world.is_trusted(txns->world.ctx, &flow->remote));
    const struct txn_source *bucket = is_limited ? find(txns, &flow->remote) : NULL;
    return !is_limited || (bucket != NULL && bucket->has_answered);
}

bool txn_source_exceeds(struct txns *txns, const struct addr *source)
{
    struct txn_source *bucket = bucket_of(txns, source);
    bool may = bucket->has_answered || bucket->longer_ms == 0 || txns->now_ms - bucket->longer_ms >= TXN_LONGER_MS;
    if (may) {
        bucket->longer_ms = MAX(txns->now_ms, 1u);
    }
    return may;
}

void txn_limit_turn(struct txns *txns, uint64_t now_ns)
{
    if (now_ns != txns->turn_ns) {
        bool was_full = txns->cfg.turn_messages != 0 && txns->n_turn >= txns->cfg.turn_messages;
        bool is_next = now_ns - txns->turn_ns < TXN_TURN_GAP_MS * NS_PER_MS;
        txns->n_full = was_full && is_next ? txns->n_full + 1 : 0;
        txns->n_turn = 0;
        txns->turn_ns = now_ns;
    }
    txns->n_turn++;
}

bool txn_limit_waits(const struct txns *txns, const struct sip_msg *msg)
{
    return txns->n_full >= TXN_FULL_TURNS && msg->to.tag == NULL && txns->user.may_wait != NULL &&
           txns->user.may_wait(txns->user.ctx, msg, txns->n_full >= TXN_FULL_TURNS_FAR);
}

/* The last places are for calls that are in, and for those that may never wait. */
static uint32_t max_live(const struct txns *txns, const struct sip_msg *msg)
{
    bool is_first = msg->to.tag != NULL || (msg->method == SIP_INVITE && txns->user.may_wait != NULL &&
                                            !txns->user.may_wait(txns->user.ctx, msg, true));
    return txns->cfg.max_txns + (is_first ? txns->cfg.max_txns / 8 : 0);
}

bool txn_limit_take(struct txns *txns, const struct sip_msg *msg, enum refuse *refuse)
{
    const struct addr *source = &msg->flow.remote;
    if (txns->n_live >= txns->cfg.max_txns && txns->n_live >= max_live(txns, msg)) {
        *refuse = REFUSE_OVERLOAD;
        return false;
    }
    bool is_trusted = txns->world.is_trusted != NULL && txns->world.is_trusted(txns->world.ctx, source);
    if (!is_trusted &&
        !bucket_take(bucket_of(txns, source), txns->now_ms, txns->cfg.source_rate, txns->cfg.source_burst)) {
        *refuse = REFUSE_RATE_SOURCE;
        return false;
    }
    if (txns->cfg.total_rate != 0 &&
        !bucket_take(&txns->total, txns->now_ms, txns->cfg.total_rate, txns->cfg.total_rate)) {
        *refuse = REFUSE_RATE_TOTAL;
        return false;
    }
    return true;
}
