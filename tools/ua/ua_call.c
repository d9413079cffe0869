/* The user agent's dialogs, and the requests that go. See ua.h. */
#include "tools/ua/ua_priv.h"

#include "sig/sip/auth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- life ---- */

struct ua_call *ua_call_make(struct ua *ua, void *tag)
{
    struct ua_call *call = calloc(1, sizeof *call);
    if (call) {
        call->ua = ua;
        call->tag = tag;
        call->next = ua->calls;
        call->link = &ua->calls;
        if (call->next) {
            call->next->link = &call->next;
        }
        ua->calls = call;
        ua->n_calls++;
    }
    return call;
}

void ua_call_free(struct ua_call *call)
{
    *call->link = call->next;
    if (call->next) {
        call->next->link = call->link;
    }
    for (unsigned i = 0; i < call->n_routes; i++) {
        free(call->routes[i]);
    }
    for (unsigned i = 0; i < call->n_tried; i++) {
        free(call->tried[i]);
    }
    free(call->routes);
    free(call->local);
    free(call->remote);
    free(call->target);
    free(call->body);
    free(call->referred_by);
    free(call->auth);
    free(call->ack_body);
    free(call);
}

void ua_call_settle(struct ua_call *call)
{
    if (call->state == UA_S_OVER && call->n_txns == 0) { /* an INVITE of ours lives on for 32 s: RFC 6026 7.2 */
        ua_call_free(call);
    }
}

void ua_call_over(struct ua_call *call, int status, const char *text, bool by_us, const struct sip_msg *msg)
{
    if (call->state == UA_S_OVER) {
        return;
    }
    call->state = UA_S_OVER;
    call->ua->n_calls--;
    if (call->txn_acking) {
        txn_acked(call->txn_acking);
    }
    struct ua_event event = { .kind = UA_ENDED, .status = status, .text = text, .by_us = by_us, .msg = msg };
    call->n_txns++; /* held while it is told */
    call->ua->user.on_event(call->ua->user.ctx, call, &event);
    call->n_txns--;
    ua_call_settle(call);
}

void ua_forget(struct ua_call *call)
{
    if (call->state != UA_S_OVER) {
        call->state = UA_S_OVER;
        call->ua->n_calls--;
        ua_call_settle(call);
    }
}

struct ua_call *ua_call_find(struct ua *ua, const struct sip_msg *msg)
{
    for (struct ua_call *c = ua->calls; msg->to.tag && c; c = c->next) {
        if (c->state != UA_S_OVER && strcmp(c->local_tag, msg->to.tag) == 0 && strcmp(c->call_id, msg->call_id) == 0 &&
            (c->remote_tag[0] == '\0' || strcmp(c->remote_tag, msg->from.tag ? msg->from.tag : "") == 0)) {
            return c;
        }
    }
    return NULL;
}

static int text_set(char **to, const char *text, size_t n)
{
    char *copy = text ? strndup(text, n) : NULL;
    if (text && !copy) {
        return -ENOMEM;
    }
    free(*to);
    *to = copy;
    return 0;
}

int ua_call_accept(struct ua_call *call, struct txn *txn, const struct sip_msg *msg)
{
    const char *from = sip_header(msg, "From", 0), *to = sip_header(msg, "To", 0);
    if (!from || !to || msg->n_contacts != 1) {
        return -EINVAL;
    }
    snprintf(call->call_id, sizeof call->call_id, "%s", msg->call_id);
    snprintf(call->local_tag, sizeof call->local_tag, "%s", txn_local_tag(txn));
    snprintf(call->remote_tag, sizeof call->remote_tag, "%s", msg->from.tag ? msg->from.tag : "");
    call->routes = calloc(msg->n_record_routes + 1, sizeof *call->routes);
    if (!call->routes || asprintf(&call->local, "%s;tag=%s", to, call->local_tag) < 0 ||
        text_set(&call->remote, from, strlen(from)) != 0 ||
        text_set(&call->target, msg->contacts[0].addr.uri.text, strlen(msg->contacts[0].addr.uri.text)) != 0) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < msg->n_record_routes; i++) {
        call->routes[call->n_routes++] = strdup(msg->record_routes[i]);
    }
    call->flow = msg->flow;
    call->cseq_rx = msg->cseq;
    return 0;
}

/* ---- sending ---- */

/* A request of the dialog, without its own headers. */
static struct sip_out *request_make(struct ua_call *call, enum sip_method method, uint32_t cseq)
{
    struct sip_request request = {
        .method = method,
        .target = call->target,
        .routes = (const char *const *)call->routes,
        .n_routes = call->n_routes,
        .from = call->local,
        .to = call->remote,
        .call_id = call->call_id,
        .cseq = cseq,
    };
    return sip_request_make(&request);
}

/* Next hop of the dialog. Connections are kept; by UDP it is what the route set or the target says. */
static struct flow next_hop(struct ua_call *call)
{
    struct flow flow;
    if (flow_is_reliable(&call->flow) ||
        ua_flow_to(call->ua, call->n_routes ? call->routes[0] : call->target, true, &flow) != 0) {
        return call->flow;
    }
    return flow;
}

static int request_send(struct ua_call *call, struct sip_out *out, struct txn **txn)
{
    struct flow flow = next_hop(call);
    int err = txn_request(call->ua->txns, out, &flow, call, txn);
    call->n_txns += err == 0;
    return err;
}

static int invite_send(struct ua_call *call, const struct flow *flow)
{
    struct sip_out *out = request_make(call, SIP_INVITE, ++call->cseq_tx);
    ua_add_self(call->ua, out, flow);
    if (call->referred_by) {
        sip_add(out, "Referred-By", call->referred_by);
    }
    if (call->auth) {
        sip_add(out, "Authorization", call->auth);
    }
    if (call->ua->cfg.priority) {
        sip_add(out, "Resource-Priority", call->ua->cfg.priority);
    }
    if (call->body) {
        sip_body(out, "application/sdp", call->body, call->n_body);
    }
    call->cseq_invite = call->cseq_tx;
    call->acked = false;
    int err = txn_request(call->ua->txns, out, flow, call, &call->txn_out);
    if (!err) {
        call->flow = *txn_flow(call->txn_out);
        call->n_txns++;
    }
    return err;
}

/* The names of a dialog that we begin. */
static int dialog_begin(struct ua_call *call, const char *target, const char *user, const struct flow *flow)
{
    char where[128];
    net_sent_by(call->ua->net, flow, where, sizeof where);
    txns_draw(call->ua->txns, call->local_tag);
    txns_draw(call->ua->txns, call->call_id);
    if (asprintf(&call->local, "<sip:%s@%s>;tag=%s", user ? user : call->ua->user_name, where, call->local_tag) < 0 ||
        asprintf(&call->remote, "<%s>", target) < 0 || text_set(&call->target, target, strlen(target)) != 0) {
        return -ENOMEM;
    }
    call->flow = *flow;
    call->begin_ns = net_now_ns(call->ua->net);
    call->tried[call->n_tried++] = strdup(target);
    return 0;
}

int ua_dial(struct ua *ua, const struct ua_dial *dial, struct ua_call **out)
{
    struct flow flow;
    int err = ua_flow_to(ua, dial->target, false, &flow);
    struct ua_call *call = err ? NULL : ua_call_make(ua, dial->tag);
    *out = NULL;
    if (!call) {
        return err ? err : -ENOMEM;
    }
    call->no_ack = dial->no_ack;
    call->no_redirect = dial->no_redirect;
    call->n_body = dial->n_body;
    err = dialog_begin(call, dial->target, dial->user, &flow);
    if (!err) {
        err = text_set(&call->body, dial->body, dial->n_body);
    }
    if (!err && dial->referred_by) {
        err = text_set(&call->referred_by, dial->referred_by, strlen(dial->referred_by));
    }
    if (!err) {
        err = invite_send(call, &flow);
    }
    if (err) {
        ua_forget(call);
        return err;
    }
    *out = call;
    return 0;
}

static int ack_send(struct ua_call *call)
{
    struct sip_out *out = request_make(call, SIP_ACK, call->cseq_invite);
    struct flow flow = next_hop(call);
    if (call->auth) {
        sip_add(out, "Authorization", call->auth); /* RFC 3261 22.1 */
    }
    if (call->ack_body) {
        sip_body(out, "application/sdp", call->ack_body, call->n_ack_body);
    }
    call->acked = true;
    return txn_send(call->ua->txns, out, &flow);
}

int ua_ack(struct ua_call *call, const char *body, size_t n_body)
{
    int err = text_set(&call->ack_body, body, n_body);
    call->n_ack_body = n_body;
    return err ? err : ack_send(call);
}

int ua_reinvite(struct ua_call *call, const char *body, size_t n_body)
{
    if (call->txn_out || call->txn_in || call->state != UA_S_UP) {
        return -EBUSY;
    }
    int err = text_set(&call->body, body, n_body);
    struct flow flow = next_hop(call);
    call->n_body = n_body;
    return err ? err : invite_send(call, &flow);
}

int ua_answer(struct ua_call *call, int status, const char *body, size_t n_body)
{
    struct txn *txn = call->txn_in;
    if (!txn) {
        return -ENOENT;
    }
    struct sip_out *out = txn_response(txn, status, NULL);
    if (status >= 200) {
        call->txn_in = NULL;
    }
    if (status >= 200 && status < 300) {
        ua_add_self(call->ua, out, txn_flow(txn));
        sip_body(out, "application/sdp", body, n_body);
        call->state = UA_S_UP;
        call->txn_acking = txn;
    }
    int err = txn_respond(txn, out);
    if (status >= 300 && call->state == UA_S_RINGING) {
        ua_call_over(call, status, "we refused", true, NULL);
    }
    return err;
}

static void bye_send(struct ua_call *call)
{
    struct txn *txn;
    call->state = UA_S_ENDING;
    if (request_send(call, request_make(call, SIP_BYE, ++call->cseq_tx), &txn) != 0) {
        ua_call_over(call, 0, "BYE could not be sent", true, NULL);
    }
}

void ua_hangup(struct ua_call *call)
{
    switch (call->state) {
    case UA_S_DIALLING:
        call->hangup_wanted = true; /* a 200 that crosses is acknowledged and ended */
        if (!call->txn_out || txn_method(call->txn_out) != SIP_INVITE || txn_cancel(call->txn_out) != 0) {
            ua_call_over(call, 0, "given up", true, NULL);
        }
        break;
    case UA_S_RINGING:
        ua_answer(call, 603, NULL, 0);
        break;
    case UA_S_UP:
        if (call->is_subscription) {
            ua_call_over(call, 0, "given up", true, NULL);
        } else {
            bye_send(call);
        }
        break;
    default:
        break;
    }
}

/* ---- REFER ---- */

/* A subscription to be, and the request that shall make it. @return 0 | as ua_dial, and there is neither */
static int subscription_begin(struct ua *ua, enum sip_method method, const char *target, void *tag,
                              struct ua_call **out, struct sip_out **request)
{
    struct flow flow;
    int err = ua_flow_to(ua, target, false, &flow);
    struct ua_call *call = err ? NULL : ua_call_make(ua, tag);
    *out = NULL;
    if (!call) {
        return err ? err : -ENOMEM;
    }
    call->is_subscription = true;
    err = dialog_begin(call, target, NULL, &flow);
    if (err) {
        ua_forget(call);
        return err;
    }
    *request = request_make(call, method, ++call->cseq_tx);
    ua_add_self(ua, *request, &flow);
    *out = call;
    return 0;
}

static int subscription_send(struct ua_call **call, struct sip_out *request)
{
    struct txn *txn;
    int err = txn_request((*call)->ua->txns, request, &(*call)->flow, *call, &txn);
    if (err) {
        ua_forget(*call);
        *call = NULL;
        return err;
    }
    (*call)->n_txns++;
    return 0;
}

int ua_refer(struct ua *ua, const char *target, const char *refer_to, void *tag, struct ua_call **call)
{
    struct sip_out *request;
    char where[ADDR_TEXT_MAX];
    int err = subscription_begin(ua, SIP_REFER, target, tag, call, &request);
    if (err) {
        return err;
    }
    sip_addf(request, "Refer-To", "<%s>", refer_to);
    sip_addf(request, "Referred-By", "<sip:%s@%s>", ua->user_name, ua_where(ua, where));
    return subscription_send(call, request);
}

int ua_subscribe(struct ua *ua, const char *target, const char *event, const char *accept, uint32_t expires_s,
                 void *tag, struct ua_call **call)
{
    struct sip_out *request;
    int err = subscription_begin(ua, SIP_SUBSCRIBE, target, tag, call, &request);
    if (err) {
        return err;
    }
    sip_add(request, "Event", event);
    sip_add(request, "Accept", accept);
    sip_addf(request, "Expires", "%u", expires_s);
    return subscription_send(call, request);
}

int ua_bring(struct ua_call *call, const char *refer_to)
{
    struct txn *txn;
    char where[ADDR_TEXT_MAX];
    struct sip_out *out = request_make(call, SIP_REFER, ++call->cseq_tx);
    ua_add_self(call->ua, out, &call->flow);
    sip_addf(out, "Refer-To", "<%s>", refer_to);
    sip_addf(out, "Referred-By", "<sip:%s@%s>", call->ua->user_name, ua_where(call->ua, where));
    return request_send(call, out, &txn);
}

int ua_notify(struct ua_call *call, int status, const char *reason, bool is_last)
{
    struct txn *txn;
    char body[UA_TEXT_MAX];
    if (!call->has_refer || call->state == UA_S_OVER) {
        return -ENOENT;
    }
    struct sip_out *out = request_make(call, SIP_NOTIFY, ++call->cseq_tx);
    int n = snprintf(body, sizeof body, "SIP/2.0 %d %.*s\r\n", status, 200, reason);
    ua_add_self(call->ua, out, &call->flow);
    sip_addf(out, "Event", "refer;id=%u", call->cseq_refer);
    sip_add(out, "Subscription-State", is_last ? "terminated;reason=noresource" : "active;expires=60");
    sip_body(out, "message/sipfrag;version=2.0", body, (size_t)n);
    call->has_refer = !is_last;
    int err = request_send(call, out, &txn);
    if (is_last && call->is_subscription) {
        ua_call_over(call, status, "refer done", true, NULL);
    }
    return err;
}

/* ---- responses ---- */

/* The first Contact that we can call and have not called yet. @return 0 | -ELOOP | -EHOSTUNREACH: none */
static int redirect_follow(struct ua_call *call, const struct sip_msg *msg)
{
    if (call->n_tried > UA_REDIRECTS_MAX) {
        return -ELOOP;
    }
    for (unsigned i = 0; i < msg->n_contacts; i++) {
        const char *uri = msg->contacts[i].addr.uri.text;
        bool is_known = false;
        struct flow flow;
        for (unsigned k = 0; k < call->n_tried; k++) {
            is_known |= strcmp(call->tried[k], uri) == 0;
        }
        if (is_known || ua_flow_to(call->ua, uri, false, &flow) != 0 ||
            text_set(&call->target, uri, strlen(uri)) != 0) {
            continue;
        }
        call->tried[call->n_tried++] = strdup(uri);
        free(call->auth); /* another one's challenge, another answer */
        call->auth = NULL;
        call->n_answers = 0;
        ua_tell(call, UA_REDIRECT, msg->status, uri, msg);
        return call->state == UA_S_DIALLING ? invite_send(call, &flow) : 0;
    }
    return -EHOSTUNREACH;
}

/* RFC 3261 12.1.2: the dialog from the 2xx. */
static int dialog_take(struct ua_call *call, const struct sip_msg *msg)
{
    const char *to = sip_header(msg, "To", 0);
    snprintf(call->remote_tag, sizeof call->remote_tag, "%s", msg->to.tag ? msg->to.tag : "");
    if (!to || text_set(&call->remote, to, strlen(to)) != 0) {
        return -ENOMEM;
    }
    if (msg->n_contacts == 1) {
        const char *uri = msg->contacts[0].addr.uri.text;
        if (text_set(&call->target, uri, strlen(uri)) != 0) {
            return -ENOMEM;
        }
    }
    if (!call->routes && msg->n_record_routes) {
        call->routes = calloc(msg->n_record_routes, sizeof *call->routes);
        for (unsigned i = msg->n_record_routes; call->routes && i-- > 0;) {
            call->routes[call->n_routes++] = strdup(msg->record_routes[i]); /* backwards: we are the calling side */
        }
    }
    call->flow = msg->flow;
    return 0;
}

static void invite_answered(struct ua_call *call, const struct sip_msg *msg)
{
    bool is_again = call->acked, is_first = call->state == UA_S_DIALLING;
    if (call->no_ack && call->state == UA_S_UP) {
        return;
    }
    if (is_again) {
        ack_send(call); /* ours was lost */
        return;
    }
    dialog_take(call, msg);
    if (call->body && !call->no_ack) {
        free(call->ack_body);
        call->ack_body = NULL;
        ack_send(call);
    }
    call->txn_out = NULL;
    call->state = UA_S_UP;
    if (call->hangup_wanted) {
        if (!call->body) {
            ack_send(call);
        }
        bye_send(call);
        return;
    }
    ua_tell(call, is_first ? UA_UP : UA_CHANGED, msg->status, msg->reason, msg);
}

/* 401 or 407: the same INVITE with our credentials. @return 0 | -EPERM none for that realm, or asked too often | ... */
static int challenge_answer(struct ua_call *call, const struct sip_msg *msg)
{
    const struct ua_cfg *cfg = &call->ua->cfg;
    char value[2048];
    struct flow flow;
    if (!cfg->auth_user || !cfg->auth_password || call->n_answers++ >= UA_ANSWERS_MAX) {
        return -EPERM;
    }
    int err = auth_answer(msg, cfg->auth_realm ? cfg->auth_realm : "", cfg->auth_user, cfg->auth_password, SIP_INVITE,
                          call->target, 1, value, sizeof value);
    err = err ? err : ua_flow_to(call->ua, call->target, false, &flow);
    if (err || text_set(&call->auth, value, strlen(value)) != 0) {
        return err ? err : -ENOMEM;
    }
    return invite_send(call, &flow);
}

static void invite_response(struct ua_call *call, const struct sip_msg *msg)
{
    bool is_change = call->state != UA_S_DIALLING;
    if (msg->status < 200 || msg->cseq != call->cseq_invite) {
        return;
    }
    if (msg->status < 300) {
        invite_answered(call, msg);
        return;
    }
    call->txn_out = NULL;
    if (is_change) {
        ua_tell(call, UA_CHANGED, msg->status, msg->reason, msg);
        return;
    }
    if ((msg->status == 401 || msg->status == 407) && !call->hangup_wanted && challenge_answer(call, msg) == 0) {
        return;
    }
    if (msg->status < 400 && !call->no_redirect && !call->hangup_wanted) {
        int err = redirect_follow(call, msg);
        if (err) {
            ua_call_over(call, msg->status, err == -ELOOP ? "too many redirects" : "redirected to nowhere", false, msg);
        }
        return;
    }
    ua_call_over(call, msg->status, msg->reason, call->hangup_wanted, msg);
}

void ua_call_response(struct ua_call *call, struct txn *txn, const struct sip_msg *msg)
{
    enum sip_method method = txn_method(txn);
    if (call->state == UA_S_OVER) {
        return;
    }
    if (method == SIP_INVITE) {
        invite_response(call, msg);
    } else if (msg->status < 200) {
        return;
    } else if (method == SIP_BYE) {
        ua_call_over(call, msg->status, "we hung up", true, msg);
    } else if (method == SIP_REFER || method == SIP_SUBSCRIBE) {
        if (msg->status < 300 && call->is_subscription) {
            dialog_take(call, msg);
            call->state = UA_S_UP;
        }
        ua_tell(call, method == SIP_REFER ? UA_REFER_DONE : UA_SUBSCRIBED, msg->status, msg->reason, msg);
        if (msg->status >= 300 && call->is_subscription) {
            ua_call_over(call, msg->status, msg->reason, false, msg);
        }
    }
}

void ua_call_failed(struct ua_call *call, struct txn *txn, int status, const char *text)
{
    enum sip_method method = txn_method(txn);
    if (call->state == UA_S_OVER || method == SIP_NOTIFY) {
        return;
    }
    if (method == SIP_INVITE && call->state == UA_S_UP) {
        call->txn_out = NULL;
        ua_tell(call, UA_CHANGED, status, text, NULL);
        return;
    }
    ua_call_over(call, status, text, method == SIP_BYE, NULL);
}

/* ---- asking ---- */

void *ua_call_tag(const struct ua_call *call) { return call->tag; }

void ua_call_set_tag(struct ua_call *call, void *tag) { call->tag = tag; }

const char *ua_call_target(const struct ua_call *call) { return call->target ? call->target : ""; }

bool ua_call_is_up(const struct ua_call *call) { return call->state == UA_S_UP; }

uint64_t ua_call_begin_ns(const struct ua_call *call) { return call->begin_ns; }
