/* The user agent's loop, and the requests that come. See ua.h. */
#include "tools/ua/ua_priv.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#define UA_ALLOW                                                                                                       \
    (1u << SIP_INVITE | 1u << SIP_ACK | 1u << SIP_BYE | 1u << SIP_CANCEL | 1u << SIP_OPTIONS | 1u << SIP_REFER |       \
     1u << SIP_NOTIFY | 1u << SIP_MESSAGE)

void ua_tell(struct ua_call *call, enum ua_event_kind kind, int status, const char *text, const struct sip_msg *msg)
{
    bool has_body = msg && msg->body_bytes > 0 && strcmp(msg->content_type, "application/sdp") == 0;
    struct ua_event event = {
        .kind = kind,
        .status = status,
        .text = text ? text : "",
        .body = has_body ? msg->body : NULL,
        .n_body = has_body ? msg->body_bytes : 0,
        .msg = msg,
    };
    call->ua->user.on_event(call->ua->user.ctx, call, &event);
}

void ua_add_self(struct ua *ua, struct sip_out *out, const struct flow *flow)
{
    char where[128], allow[256];
    net_sent_by(ua->net, flow, where, sizeof where);
    sip_addf(out, "Contact", "<sip:%s@%s%s>", ua->user_name, where,
             flow_uri_param(flow));
    sip_add(out, "User-Agent", "mixminus-ua");
    sip_add(out, "Allow", sip_methods_text(UA_ALLOW, allow));
}

static int host_resolve(const char *host, uint16_t port, struct addr *addr)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM }, *found = NULL;
    if (addr_parse(addr, host, port) == 0) {
        return 0;
    }
    if (getaddrinfo(host, NULL, &hints, &found) != 0 || !found) {
        return -EHOSTUNREACH;
    }
    memset(addr, 0, sizeof *addr);
    memcpy(addr, found->ai_addr, MIN((size_t)found->ai_addrlen, sizeof *addr));
    addr_set_port(addr, port);
    freeaddrinfo(found);
    return 0;
}

int ua_flow_to(struct ua *ua, const char *uri, bool in_dialog, struct flow *flow)
{
    char memory[3 * SIP_URI_BYTES_MAX + 16], transport[16];
    struct sip_addr to;
    struct addr remote = ua->cfg.proxy;
    uint8_t kind = ua->cfg.transport;
    if (sip_addr_parse(&to, uri, strlen(uri), memory, sizeof memory) != 0 || strcmp(to.uri.scheme, "sip") != 0) {
        return -EINVAL;
    }
    if (in_dialog || !addr_is_set(&remote)) {
        int err = host_resolve(to.uri.host, to.uri.port ? to.uri.port : SIP_PORT, &remote);
        if (err) {
            return err;
        }
    }
    if (sip_param(to.uri.params, "transport", transport, sizeof transport)) {
        kind = scan_same(transport, "tcp") ? FLOW_TCP : scan_same(transport, "tls") ? FLOW_TLS : FLOW_UDP;
    }
    *flow = flow_to(kind, kind == FLOW_UDP ? UA_LISTENER_UDP : UA_LISTENER_TCP, &remote);
    return 0;
}

/* ---- requests that come ---- */

/* What made no dialog: no memory, or no Contact to call back. */
static void refuse_and_forget(struct ua_call *call, struct txn *txn)
{
    txn_reply(txn, call ? 400 : 500, NULL);
    if (call) {
        ua_forget(call);
    }
}

/* REFER, in a dialog or making one. @source RFC 3515 2.4.2 */
static void refer_take(struct ua *ua, struct ua_call *call, struct txn *txn, const struct sip_msg *msg)
{
    char memory[3 * SIP_URI_BYTES_MAX + 16], text[SIP_URI_BYTES_MAX + 1];
    const char *value = sip_header(msg, "Refer-To", 0);
    struct sip_addr to;
    if (!value || sip_header(msg, "Refer-To", 1) || strlen(value) > SIP_URI_BYTES_MAX ||
        sip_addr_parse(&to, value, strlen(value), memory, sizeof memory) != 0) {
        txn_reply(txn, 400, "Bad Refer-To");
        return;
    }
    snprintf(text, sizeof text, "%s", to.uri.text);
    if (!call) {
        call = ua_call_make(ua, NULL);
        if (!call || ua_call_accept(call, txn, msg) != 0) {
            refuse_and_forget(call, txn);
            return;
        }
        call->is_subscription = true;
        call->state = UA_S_UP;
    }
    call->has_refer = true;
    call->cseq_refer = msg->cseq;
    struct sip_out *out = txn_response(txn, 202, NULL);
    ua_add_self(ua, out, &msg->flow);
    txn_respond(txn, out);
    ua_notify(call, 100, "Trying", false); /* RFC 3515 2.4.4: at once */
    ua_tell(call, UA_REFERRED, 0, text, NULL);
}

static void invite_take(struct ua *ua, struct txn *txn, const struct sip_msg *msg)
{
    struct ua_call *call = ua_call_make(ua, NULL);
    if (!call || ua_call_accept(call, txn, msg) != 0) {
        refuse_and_forget(call, txn);
        return;
    }
    call->state = UA_S_RINGING;
    call->txn_in = txn;
    call->n_txns++;
    txn_set_tag(txn, call);
    ua_tell(call, UA_INCOMING, 0, msg->from.uri.text, msg);
}

static void reinvite_take(struct ua_call *call, struct txn *txn, const struct sip_msg *msg)
{
    if (call->txn_in || call->txn_out || call->state != UA_S_UP) {
        txn_reply(txn, call->state == UA_S_UP ? 491 : 481, NULL);
        return;
    }
    call->txn_in = txn;
    call->n_txns++;
    txn_set_tag(txn, call);
    ua_tell(call, UA_CHANGE, 0, NULL, msg);
}

/* "SIP/2.0 200 OK" in the body of a NOTIFY, which has no NUL of its own. */
static void notify_take(struct ua_call *call, struct txn *txn, const struct sip_msg *msg)
{
    char line[UA_TEXT_MAX], reason[UA_TEXT_MAX] = "";
    const char *state = sip_header(msg, "Subscription-State", 0);
    int status = 0;
    snprintf(line, sizeof line, "%.*s", (int)MIN(msg->body_bytes, sizeof line - 1), msg->body ? msg->body : "");
    sscanf(line, "SIP/2.0 %d %255[^\r\n]", &status, reason);
    bool is_last = state && strncasecmp(state, "terminated", 10) == 0;
    txn_reply(txn, 200, NULL);
    struct ua_event event = { .kind = UA_NOTIFY, .status = status, .text = reason, .is_last = is_last };
    event.body = msg->body;
    event.n_body = msg->body_bytes;
    event.msg = msg;
    call->ua->user.on_event(call->ua->user.ctx, call, &event);
    if (is_last && call->is_subscription) {
        ua_call_over(call, status, reason, false, NULL);
    }
}

static void options_take(struct ua *ua, struct txn *txn, const struct sip_msg *msg)
{
    struct sip_out *out = txn_response(txn, 200, NULL);
    ua_add_self(ua, out, &msg->flow);
    sip_add(out, "Accept", "application/sdp");
    txn_respond(txn, out);
}

/* @source RFC 3428 7: 200 says that it is here, and makes no dialog */
static void message_take(struct ua *ua, struct txn *txn, const struct sip_msg *msg)
{
    if (strcmp(msg->content_type, "text/plain") != 0) {
        struct sip_out *out = txn_response(txn, 415, NULL);
        sip_add(out, "Accept", "text/plain");
        txn_respond(txn, out);
        return;
    }
    txn_reply(txn, 200, NULL);
    struct ua_event event = {
        .kind = UA_MESSAGE, .text = msg->from.uri.text, .body = msg->body, .n_body = msg->body_bytes, .msg = msg
    };
    ua->user.on_event(ua->user.ctx, NULL, &event);
}

static void dialog_request(struct ua_call *call, struct txn *txn, const struct sip_msg *msg)
{
    if (msg->cseq < call->cseq_rx) {
        txn_reply(txn, 500, NULL);
        return;
    }
    call->cseq_rx = msg->cseq;
    switch (msg->method) {
    case SIP_INVITE:
        reinvite_take(call, txn, msg);
        break;
    case SIP_BYE:
        txn_reply(txn, 200, NULL);
        if (call->txn_in) {
            txn_reply(call->txn_in, 487, NULL);
        }
        ua_call_over(call, 0, "they hung up", false, NULL);
        break;
    case SIP_REFER:
        refer_take(call->ua, call, txn, msg);
        break;
    case SIP_NOTIFY:
        notify_take(call, txn, msg);
        break;
    case SIP_OPTIONS:
        options_take(call->ua, txn, msg);
        break;
    default:
        txn_reply(txn, 405, NULL);
    }
}

static void on_request(void *ctx, struct txn *txn, const struct sip_msg *msg)
{
    struct ua *ua = ctx;
    struct ua_call *call = ua_call_find(ua, msg);
    if (call) {
        dialog_request(call, txn, msg);
    } else if (msg->to.tag) {
        txn_reply(txn, 481, NULL);
    } else if (msg->method == SIP_INVITE) {
        invite_take(ua, txn, msg);
    } else if (msg->method == SIP_REFER) {
        refer_take(ua, NULL, txn, msg);
    } else if (msg->method == SIP_OPTIONS) {
        options_take(ua, txn, msg);
    } else if (msg->method == SIP_MESSAGE) {
        message_take(ua, txn, msg);
    } else {
        txn_reply(txn, 481, NULL);
    }
}

static void on_ack(void *ctx, const struct sip_msg *msg)
{
    struct ua_call *call = ua_call_find(ctx, msg);
    if (call && call->txn_acking) {
        txn_acked(call->txn_acking);
        call->txn_acking = NULL;
        ua_tell(call, UA_ACKED, 0, NULL, msg);
    }
}

static void on_cancel(void *ctx, struct txn *invite)
{
    struct ua_call *call = txn_tag(invite);
    txn_reply(invite, 487, NULL);
    if (call) {
        call->txn_in = NULL;
        if (call->state == UA_S_RINGING) {
            ua_call_over(call, 487, "they cancelled", false, NULL);
        }
    }
}

/* ---- answers that come ---- */

/* A transaction of OPTIONS, MESSAGE or REGISTER carries the program's tag, all others their call. */
static bool is_lone(const struct txn *txn)
{
    enum sip_method method = txn_method(txn);
    return method == SIP_OPTIONS || method == SIP_MESSAGE || method == SIP_REGISTER;
}

static void lone_tell(struct ua *ua, struct txn *txn, int status, const struct sip_msg *msg)
{
    enum sip_method method = txn_method(txn);
    if (method == SIP_REGISTER && ua_register_answered(ua, msg)) {
        return;
    }
    struct ua_event event = {
        .kind = method == SIP_OPTIONS ? UA_OPTIONS : method == SIP_REGISTER ? UA_REGISTERED : UA_SENT, .status = status,
        .text = msg ? msg->reason : "", .tag = txn_tag(txn), .msg = msg,
    };
    ua->user.on_event(ua->user.ctx, NULL, &event);
}

static void on_response(void *ctx, struct txn *txn, const struct sip_msg *msg)
{
    if (!is_lone(txn)) {
        ua_call_response(txn_tag(txn), txn, msg);
    } else if (msg->status >= 200) {
        lone_tell(ctx, txn, msg->status, msg);
    }
}

static void failed(struct ua *ua, struct txn *txn, int status, const char *text)
{
    struct ua_call *call = txn_tag(txn);
    if (txn_is_server(txn)) {
        if (call && call->txn_acking == txn) {
            call->txn_acking = NULL;
            ua_hangup(call); /* RFC 3261 13.3.1.4: our 200 was never acknowledged */
        }
    } else if (is_lone(txn)) {
        lone_tell(ua, txn, status, NULL);
    } else {
        ua_call_failed(call, txn, status, text);
    }
}

static void on_timeout(void *ctx, struct txn *txn) { failed(ctx, txn, 408, "no answer"); }

static void on_error(void *ctx, struct txn *txn, int err) { failed(ctx, txn, 503, strerror(-err)); }

static void on_gone(void *ctx, struct txn *txn)
{
    struct ua_call *call = is_lone(txn) ? NULL : txn_tag(txn);
    if (!call) {
        return;
    }
    struct txn **held[] = { &call->txn_in, &call->txn_out, &call->txn_acking };
    for (unsigned i = 0; i < ARRAY_LEN(held); i++) {
        if (*held[i] == txn) {
            *held[i] = NULL;
        }
    }
    must(call->n_txns > 0);
    call->n_txns--;
    ua_call_settle(call);
}

/* ---- the world ---- */

static int on_message(void *ctx, const struct flow *flow, const char *bytes, size_t n_bytes, uint64_t now_ns)
{
    return txns_rx(((struct ua *)ctx)->txns, flow, bytes, n_bytes, now_ns);
}

static void on_closed(void *ctx, const struct flow *flow, int err)
{
    txns_flow_gone(((struct ua *)ctx)->txns, flow, err);
}

static uint64_t on_beat(void *ctx, uint64_t now_ns) { return UINT64_MAX; }

static int world_send(void *ctx, struct flow *flow, const char *text, size_t n_bytes)
{
    return net_send(((struct ua *)ctx)->net, flow, text, n_bytes);
}

static void world_random(void *ctx, void *bytes, size_t n_bytes) { net_random(bytes, n_bytes); }

static void world_sent_by(void *ctx, const struct flow *flow, char *text, size_t size)
{
    net_sent_by(((struct ua *)ctx)->net, flow, text, size);
}

int ua_build(struct ua **out, const struct ua_cfg *cfg, const struct ua_user *user)
{
    unsigned failed_listener;
    struct ua *ua = calloc(1, sizeof *ua);
    if (!ua) {
        return -ENOMEM;
    }
    ua->cfg = *cfg;
    ua->user = *user;
    snprintf(ua->user_name, sizeof ua->user_name, "%s", cfg->user ? cfg->user : "ua");
    struct net_config net_cfg = { .n_listeners = UA_LISTENERS };
    net_cfg.listeners[UA_LISTENER_UDP] = (struct net_listener){ .transport = FLOW_UDP, .addr = cfg->local };
    net_cfg.listeners[UA_LISTENER_TCP] = (struct net_listener){ .transport = FLOW_TCP, .addr = cfg->local };
    struct net_user net_user = { ua, on_message, on_closed, on_beat };
    struct txn_config txn_cfg = {
        .max_txns = MAX(cfg->calls_max * 4, 1024u), .allow = UA_ALLOW, .source_rate = 100000, .server = "mixminus-ua"
    };
    struct txn_world world = { ua, world_send, world_random, world_sent_by, NULL };
    struct txn_user txn_user = { ua,         on_request, on_ack,  on_cancel, on_response,
                                 on_timeout, on_error,   on_gone, NULL,      NULL };
    char why[TLS_WHY_MAX];
    int err = sip_init();
    if (!err) {
        err = tls_context_build(&ua->tls, &cfg->tls, why);
        net_cfg.tls = ua->tls;
    }
    if (!err) {
        err = net_build(&ua->net, &net_cfg, &net_user, &failed_listener);
    }
    if (!err) {
        err = txns_build(&ua->txns, &txn_cfg, &world, &txn_user, net_timers(ua->net));
    }
    if (err) {
        ua_free(ua);
        return err;
    }
    *out = ua;
    return 0;
}

static void nobody(void *ctx, struct ua_call *call, const struct ua_event *event) {}

void ua_free(struct ua *ua)
{
    if (!ua) {
        return;
    }
    ua->user.on_event = nobody;
    for (struct ua_call *call = ua->calls; call; call = call->next) {
        call->state = UA_S_UP; /* none is freed while the transactions go */
    }
    txns_free(ua->txns);
    while (ua->calls) {
        ua_call_free(ua->calls);
    }
    net_free(ua->net);
    tls_context_free(ua->tls);
    free(ua);
}

int ua_step(struct ua *ua, unsigned wait_ms) { return net_step(ua->net, wait_ms); }

uint64_t ua_now_ns(const struct ua *ua) { return net_now_ns(ua->net); }

unsigned ua_n_calls(const struct ua *ua) { return ua->n_calls; }

const char *ua_where(const struct ua *ua, char text[ADDR_TEXT_MAX])
{
    return addr_text(net_local(ua->net, ua->cfg.transport == FLOW_UDP ? UA_LISTENER_UDP : UA_LISTENER_TCP), text);
}
