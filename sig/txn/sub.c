/* Subscriptions. See sub.h. */
#include "sig/txn/sub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void refuse(struct sub_env *env, struct txn *txn, enum refusal refusal)
{
    env->refuse(env->ctx, txn, refusal, NULL, NULL);
}

static void list_enter(struct sub *sub, struct sub **list)
{
    sub->next = *list;
    sub->link = list;
    if (sub->next) {
        sub->next->link = &sub->next;
    }
    *list = sub;
}

static void list_leave(struct sub *sub)
{
    *sub->link = sub->next;
    if (sub->next) {
        sub->next->link = sub->link;
    }
}

void sub_move(struct sub *sub, struct sub **list)
{
    list_leave(sub);
    list_enter(sub, list);
}

static void sub_unmake(struct sub *sub)
{
    dialog_free(&sub->own);
    free(sub->contact);
    free(sub);
}

static void sub_free(struct sub *sub)
{
    struct sub_env *env = sub->env;
    sub->package->gone(sub);
    timer_stop(env->wheel, &sub->expiry);
    timer_stop(env->wheel, &sub->wait);
    if (sub->notify) {
        txn_set_tag(sub->notify, NULL);
    }
    quota_give(&env->unproven, &sub->unproven);
    must(!env->strict || !timer_wheel_has(env->wheel, sub, sizeof *sub));
    list_leave(sub);
    sub->dialog->n_usages -= sub->dialog != &sub->own;
    count_add(env->subs, (uint64_t)-1);
    sub_unmake(sub);
}

void sub_forget(struct sub *sub)
{
    sub_free(sub);
}

void sub_dialog_gone(struct sub *list, const struct dialog *dialog)
{
    for (struct sub *sub = list, *next; sub; sub = next) {
        next = sub->next;
        if (sub->dialog == dialog) {
            sub_free(sub);
        }
    }
}

/* ---- notifying ---- */

enum { SPREAD_FROM = 32, UNREAD_WAIT_MS = 500 };

static uint64_t now_ns(const struct sub *sub)
{
    return sub->env->wheel->now_ms * NS_PER_MS;
}

static void state_add(const struct sub *sub, struct sip_out *out)
{
    if (sub->ended) {
        sip_addf(out, "Subscription-State", "terminated;reason=%s", sub->ended);
    } else {
        uint64_t now = now_ns(sub), left_ns = sub->expires_ns > now ? sub->expires_ns - now : 0;
        bool is_pending = sub->package->is_pending && sub->package->is_pending(sub);
        sip_addf(out, "Subscription-State", "%s;expires=%llu", is_pending ? "pending" : "active",
                 (unsigned long long)(left_ns / NS_PER_S));
    }
}

/* The one that was under way is answered, or never will be. */
static void notify_over(struct sub *sub)
{
    sub->notify = NULL;
    quota_give(&sub->env->unproven, &sub->unproven);
}

/* Sends one now. The last one of a subscription ends it, whether it could be sent or not. */
static void notify_send(struct sub *sub)
{
    struct sip_out *out = dialog_request(sub->dialog, SIP_NOTIFY);
    bool is_last = sub->ended != NULL;
    sip_addf(out, "Event", "%s%s%s", sub->package->event, sub->id[0] ? ";id=" : "", sub->id);
    state_add(sub, out);
    sip_add(out, "Contact", sub->contact);
    sub->env->adorn(sub->env->ctx, sub->dialog, sub->contact, out);
    if (sub->env->server[0]) {
        sip_add(out, "User-Agent", sub->env->server);
    }
    if (sub->package->adorn) {
        sub->package->adorn(sub, out);
    }
    bool is_whole = sub->is_whole;
    sub->is_due = sub->is_whole = false;
    sub->package->body(sub, out, is_whole);
    sub->notified_ns = now_ns(sub);
    int err = dialog_send(sub->dialog, sub->env->txns, out, &sub->owner, &sub->notify);
    if (err) {
        notify_over(sub);
    }
    count_add(sub->env->notifies, !err);
    if (is_last) {
        sub_free(sub);
    } else if (err) {
        sub->is_broken = true;
        timer_start(sub->env->wheel, &sub->wait, 1);
    }
}

/* A thousand watchers of the same change are notified one after the other, or signalling would stand still for as long
 * as a thousand documents take. Few watchers do not wait. */
static uint64_t spread_ms(const struct sub *sub)
{
    uint32_t most_ms = sub->package->spread_ms ? sub->package->spread_ms : SUB_SPREAD_MS;
    uint64_t n = MIN(count_get(sub->env->subs), (uint64_t)most_ms);
    return n < SPREAD_FROM || sub->package->interval_ms == 0 ? 0 : strtoul(sub->dialog->local_tag + 8, NULL, 16) % n;
}

/* The address may be forged: one NOTIFY at a time goes there. */
static bool may_send(struct sub *sub)
{
    struct sub_env *env = sub->env;
    const struct flow *flow = &sub->dialog->flow;
    return txns_is_proven(env->txns, flow) ||
           quota_take(&env->unproven, env->secret, 1, &sub->unproven, &flow->remote) == 0;
}

/* The last one waits for the answer to the one before, too: they must not overtake each other; but for no interval. */
static void notify_try(struct sub *sub)
{
    uint64_t next_ns = sub->notified_ns + sub->package->interval_ms * NS_PER_MS, now = now_ns(sub);
    if (!sub->is_due || sub->notify || sub->is_broken) {
        return;
    }
    if (sub->notified_ns != 0 && !sub->ended && !sub->has_waited) {
        uint64_t wait_ms = spread_ms(sub) + (next_ns > now ? (next_ns - now + NS_PER_MS - 1) / NS_PER_MS : 0);
        if (wait_ms > 0) {
            if (!timer_is_running(&sub->wait)) {
                timer_start(sub->env->wheel, &sub->wait, wait_ms);
            }
            return;
        }
    }
    timer_stop(sub->env->wheel, &sub->wait);
    if (!may_send(sub)) {
        timer_start(sub->env->wheel, &sub->wait, UNREAD_WAIT_MS);
        return;
    }
    sub->has_waited = false;
    notify_send(sub);
}

void sub_notify(struct sub *sub)
{
    sub->is_due = true;
    notify_try(sub);
}

void sub_end(struct sub *sub, const char *reason)
{
    if (sub->ended) {
        return;
    }
    sub->ended = reason;
    timer_stop(sub->env->wheel, &sub->expiry);
    sub_notify(sub);
}

static void on_expiry(struct timer *timer, uint64_t at_ns)
{
    sub_end(TIMER_OWNER(timer, struct sub, expiry), "timeout");
}

static void on_wait(struct timer *timer, uint64_t at_ns)
{
    struct sub *sub = TIMER_OWNER(timer, struct sub, wait);
    if (sub->is_broken) {
        sub_free(sub);
    } else {
        sub->has_waited = true;
        notify_try(sub);
    }
}

/* ---- what the peer says ---- */

static struct sub *sub_of(struct owner *owner)
{
    return OWNER_OF(owner, struct sub, owner);
}

/* RFC 6665 4.2.2: any failure that is not about this one NOTIFY ends it. */
static void on_response(struct owner *owner, struct txn *txn, const struct sip_msg *msg)
{
    struct sub *sub = sub_of(owner);
    if (msg->status < 200) {
        return;
    }
    txn_set_tag(txn, NULL);
    notify_over(sub);
    if (msg->status >= 300 && !sip_header(msg, "Retry-After", 0)) {
        sub_free(sub);
        return;
    }
    notify_try(sub);
}

static void on_timeout(struct owner *owner, struct txn *txn)
{
    struct sub *sub = sub_of(owner);
    txn_set_tag(txn, NULL);
    notify_over(sub);
    sub_free(sub);
}

static void on_error(struct owner *owner, struct txn *txn, int err)
{
    on_timeout(owner, txn);
}

static void on_gone(struct owner *owner, struct txn *txn)
{
    notify_over(sub_of(owner));
}

/* RFC 6665 8.2.1: the package and the id tell subscriptions apart. A REFER's has an id that its peer may leave out. */
static bool is_about(const struct sub *sub, const struct sip_msg *msg)
{
    const char *event = sip_header(msg, "Event", 0);
    char id[16];
    size_t n = event ? strcspn(event, "; \t") : 0;
    return n == strlen(sub->package->event) && strncasecmp(event, sub->package->event, n) == 0 &&
           (strcmp(sub_event_id(msg, id), sub->id) == 0 || sub->package->is_refer);
}

/* In a dialog of its own. */
static void on_request(struct owner *owner, struct txn *txn, const struct sip_msg *msg)
{
    struct sub *sub = sub_of(owner);
    if (msg->method == SIP_SUBSCRIBE && !is_about(sub, msg)) {
        refuse(sub->env, txn, REFUSAL_DIALOG); /* one in this dialog, and it is another */
    } else if (msg->method == SIP_SUBSCRIBE) {
        sub_refresh(sub, txn, msg);
    } else if (msg->method == SIP_NOTIFY) {
        refuse(sub->env, txn, REFUSAL_DIALOG); /* we have subscribed to nothing: RFC 6665 4.1.3 */
    } else {
        sub->env->refuse(sub->env->ctx, txn, REFUSAL_METHOD, "Allow", "SUBSCRIBE");
    }
}

static const struct owner_ops sub_owner_ops = {
    .request = on_request, .response = on_response, .timeout = on_timeout, .error = on_error, .gone = on_gone};

const char *sub_user(const struct owner *owner)
{
    return owner->ops == &sub_owner_ops ? OWNER_OF(owner, struct sub, owner)->who : "";
}

/* @return seconds | -ERANGE too short, and refused with 423 */
static int64_t expires_of(struct sub_env *env, const struct sub_package *package, struct txn *txn,
                          const struct sip_msg *msg)
{
    int64_t wanted = msg->expires_s < 0 ? package->expires_s : msg->expires_s;
    if (wanted > 0 && wanted < package->expires_min_s) {
        char value[16];
        snprintf(value, sizeof value, "%u", package->expires_min_s);
        env->refuse(env->ctx, txn, REFUSAL_INTERVAL, "Min-Expires", value);
        return -ERANGE;
    }
    return MIN(wanted, (int64_t)package->expires_max_s);
}

/* @return 0 | negative errno: it has got another answer, for want of memory, or since a forged source got too much */
static int answer(struct sub *sub, struct txn *txn, int status, int64_t expires_s)
{
    struct sip_out *out = txn_response(txn, status, NULL);
    sip_add(out, "Contact", sub->contact);
    sip_addf(out, "Expires", "%lld", (long long)expires_s);
    if (sub->package->adorn) {
        sub->package->adorn(sub, out);
    }
    if (sub->env->server[0]) {
        sip_add(out, "Server", sub->env->server);
    }
    return txn_respond(txn, out);
}

static void expiry_set(struct sub *sub, int64_t expires_s)
{
    sub->expires_ns = now_ns(sub) + (uint64_t)expires_s * NS_PER_S;
    timer_start(sub->env->wheel, &sub->expiry, (uint64_t)expires_s * 1000);
}

const char *sub_event_id(const struct sip_msg *msg, char id[16])
{
    const char *event = sip_header(msg, "Event", 0), *params = event ? strchr(event, ';') : NULL;
    if (!params || !sip_param(params, "id", id, 16)) {
        id[0] = '\0';
    }
    for (char *p = id; *p; p++) {
        *p = (char)(*p <= ' ' || *p == ';' || *p == ',' || *p == '"' || *p >= 0x7f ? '_' : *p);
    }
    return id;
}

/* Event's id parameter, given back as it came. A REFER has none: several in one dialog are told apart by their CSeq
 * (RFC 3515 2.4.6). */
static void id_read(struct sub *sub, const struct sip_msg *msg)
{
    if (msg->method == SIP_REFER) {
        if (sub->dialog != &sub->own) {
            snprintf(sub->id, sizeof sub->id, "%u", msg->cseq);
        }
        return;
    }
    sub_event_id(msg, sub->id);
}

/* Makes one that nobody knows yet. @return NULL without memory */
static struct sub *sub_make(struct sub_env *env, const struct sub_package *package, struct dialog *shared,
                            struct txn *txn, const struct sip_msg *msg, const char *contact, const char *who)
{
    struct sub *sub = calloc(1, sizeof *sub);
    if (!sub) {
        return NULL;
    }
    sub->owner.ops = &sub_owner_ops;
    sub->env = env;
    sub->package = package;
    sub->dialog = shared ? shared : &sub->own;
    snprintf(sub->who, sizeof sub->who, "%s", who);
    timer_init(&sub->expiry, on_expiry);
    timer_init(&sub->wait, on_wait);
    id_read(sub, msg);
    sub->contact = strdup(contact);
    if (!sub->contact || (!shared && dialog_answer(&sub->own, &sub->owner, txn, msg) != 0)) {
        sub_unmake(sub);
        return NULL;
    }
    return sub;
}

int sub_accept(struct sub_env *env, const struct sub_package *package, struct sub **list, struct dialog *shared,
               struct txn *txn, const struct sip_msg *msg, int status, const char *contact, void *arg, const char *who,
               struct sub **out)
{
    *out = NULL;
    int64_t expires_s = expires_of(env, package, txn, msg);
    if (expires_s < 0) {
        return -EPROTO;
    }
    if (!shared && (msg->n_contacts != 1 || msg->contact_is_star)) {
        refuse(env, txn, REFUSAL_CONTACT);
        return -EPROTO;
    }
    struct sub *sub = sub_make(env, package, shared, txn, msg, contact, who);
    if (!sub) {
        refuse(env, txn, REFUSAL_MEMORY);
        return -EPROTO;
    }
    sub->arg = arg;
    if (answer(sub, txn, status, expires_s) != 0) {
        sub_unmake(sub);
        return -EPROTO;
    }
    list_enter(sub, list);
    if (shared) {
        shared->n_usages++;
    } else {
        dialog_enter(env->dialogs, &sub->own);
    }
    count_add(env->subs, 1);
    sub->is_whole = true;
    *out = sub;
    if (expires_s == 0) {
        *out = NULL;
        sub_end(sub, "timeout"); /* a poll: the state once (RFC 6665 4.4.3) */
    } else {
        expiry_set(sub, expires_s);
        sub->is_due = true;
        notify_try(sub);
    }
    return 0;
}

void sub_refresh(struct sub *sub, struct txn *txn, const struct sip_msg *msg)
{
    int64_t expires_s = expires_of(sub->env, sub->package, txn, msg);
    if (expires_s < 0) {
        return;
    }
    dialog_refresh(sub->dialog, msg);
    answer(sub, txn, 200, expires_s);
    sub->is_whole = true;
    if (expires_s == 0) {
        sub_end(sub, "timeout");
    } else {
        expiry_set(sub, expires_s);
        sub->has_waited = true; /* RFC 6665 4.2.1.2: at once, whatever the interval is */
        sub_notify(sub);
    }
}
