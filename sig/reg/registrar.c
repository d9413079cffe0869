/* The registrar. See registrar.h. */
#include "sig/reg/registrar.h"

#include "sig/reg/reg_event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct registrar {
    struct env *env;
    struct bindings *bindings;
    struct reg_events *events;
    char service_route[STORE_URI_MAX]; /* "": none */
    struct registrar_stats stats;
    struct {
        void *ctx;
        void (*changed)(void *ctx, const char *user, unsigned n_phones);
    } hooks[REGISTRAR_HOOKS_MAX];
    unsigned n_hooks;
};

/* One Contact of a request, judged. */
struct wanted {
    struct store_binding binding;
    uint32_t expires_s; /* 0: to end */
};

/* A whole request, judged before anything changes. */
struct request {
    const struct sip_msg *msg;
    char user[AUTH_USER_MAX], path[STORE_URI_MAX];
    bool is_direct;    /* no proxy between */
    bool has_outbound; /* its flow will be used as RFC 5626 has it */
    unsigned n;
    struct wanted wanted[SIP_CONTACTS_MAX];
};

/* --- Keeping ------------------------------------------------------------------------------------------------------ */

static void kept(struct registrar *r, enum store_op op, const struct store_binding *binding)
{
    struct store_req req = {.op = op, .binding = *binding};
    if (r->env->store && store_put(r->env->store, &req) != 0) {
        count_add(&r->env->stats.store_errors, 1); /* a full ring: the phone registers again within the hour */
    }
    count_set(&r->stats.registered, bindings_count(r->bindings));
}

/* but: one that is about to go; NULL: none */
static void tell(struct registrar *r, const char *user, const struct binding *but)
{
    unsigned n = 0;
    for (const struct binding *b = bindings_next(r->bindings, user, NULL); b; b = bindings_next(r->bindings, user, b)) {
        n += b != but;
    }
    reg_events_changed(r->events, user, but);
    for (unsigned i = 0; i < r->n_hooks; i++) {
        r->hooks[i].changed(r->hooks[i].ctx, user, n);
    }
}

void registrar_on_change(struct registrar *r, void *ctx,
                         void (*changed)(void *ctx, const char *user, unsigned n_phones))
{
    must(r->n_hooks < REGISTRAR_HOOKS_MAX);
    r->hooks[r->n_hooks].ctx = ctx;
    r->hooks[r->n_hooks++].changed = changed;
}

static void on_ended(void *ctx, const struct binding *b)
{
    struct registrar *r = ctx;
    struct store_binding binding;
    bindings_write(b, &binding);
    kept(r, STORE_BINDING_DROP, &binding);
    count_add(&r->stats.expired, 1);
    count_set(&r->stats.registered, bindings_count(r->bindings) - 1); /* it is freed after this */
    tell(r, b->user, b);
}

int registrar_build(struct registrar **out, struct env *env, const char *service_route)
{
    struct registrar *r = calloc(1, sizeof *r);
    if (!r) {
        return -ENOMEM;
    }
    r->env = env;
    snprintf(r->service_route, sizeof r->service_route, "%s", service_route);
    int err = bindings_build(&r->bindings, env->wheel, env->secret, &(struct bindings_user){r, on_ended});
    if (!err) {
        err = reg_events_build(&r->events, env, r->bindings);
    }
    if (err) {
        registrar_free(r);
        return err;
    }
    struct store_req req = {.op = STORE_BINDINGS, .now_s = env->world.wall_s(env->world.ctx)};
    if (env->store) {
        store_put(env->store, &req); /* a ring that has just been made has room */
    }
    *out = r;
    return 0;
}

void registrar_free(struct registrar *r)
{
    if (r) {
        reg_events_free(r->events);
        bindings_free(r->bindings);
        free(r);
    }
}

const struct registrar_stats *registrar_stats(const struct registrar *r)
{
    return &r->stats;
}

const struct bindings *registrar_bindings(const struct registrar *r)
{
    return r->bindings;
}

/* "192.0.2.1:5060", "[2001:db8::1]:5060". @return 0 | -EINVAL */
static int source_read(struct addr *addr, const char *text)
{
    char host[ADDR_TEXT_MAX];
    const char *colon = strrchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : 0;
    bool is_v6 = text[0] == '[' && n > 2;
    if (n == 0 || n >= sizeof host) {
        return -EINVAL;
    }
    snprintf(host, sizeof host, "%.*s", (int)(is_v6 ? n - 2 : n), text + is_v6);
    return addr_parse(addr, host, (uint16_t)atoi(colon + 1));
}

void registrar_reply(struct registrar *r, const struct store_reply *reply)
{
    const struct store_binding *b = &reply->binding;
    uint64_t now_s = r->env->world.wall_s(r->env->world.ctx);
    struct addr remote;
    if (reply->answer != STORE_BINDING_IS || b->expires_s <= now_s || bindings_find(r->bindings, b->user, b->key)) {
        return; /* it has registered since */
    }
    bool has_flow = source_read(&remote, b->source) == 0 && b->transport < FLOW_TRANSPORTS;
    struct flow flow = has_flow ? flow_to((enum flow_transport)b->transport, b->listener, &remote) : (struct flow){0};
    uint64_t left_s = MIN(b->expires_s - now_s, (uint64_t)REGISTRAR_EXPIRES_MAX_S);
    bool is_stream = has_flow && flow_is_reliable(&flow); /* its connection has gone with the process before */
    bindings_put(r->bindings, b, has_flow && !is_stream ? &flow : NULL, left_s * 1000);
    tell(r, b->user, NULL);
    count_set(&r->stats.registered, bindings_count(r->bindings));
}

/* --- Judging a request -------------------------------------------------------------------------------------------- */

/* Path values as one route set. @return false: too long to be kept */
static bool path_read(struct request *q)
{
    const char *element;
    size_t at = 0, n;
    for (unsigned i = 0; (n = sip_list(q->msg, "Path", i, &element)) > 0; i++) {
        int put = snprintf(q->path + at, sizeof q->path - at, "%s%.*s", at ? ", " : "", (int)n, element);
        if (put < 0 || (size_t)put >= sizeof q->path - at) {
            return false;
        }
        at += (size_t)put;
    }
    return true;
}

/* RFC 5626 6: outbound works with the phone itself, or behind an edge proxy that says so in its Path. */
static enum refusal outbound_judge(struct request *q, bool has_reg_id)
{
    char flag[8], memory[3 * STORE_URI_MAX + 16];
    struct sip_addr edge;
    const char *element;
    size_t n = sip_list(q->msg, "Path", 0, &element);
    bool has_edge = n > 0 && n < STORE_URI_MAX && sip_addr_parse(&edge, element, n, memory, sizeof memory) == 0 &&
                    sip_param(edge.uri.params, "ob", flag, sizeof flag);
    if (!has_reg_id || !sip_has(q->msg, "Supported", "outbound")) {
        return REFUSALS;
    }
    if (!q->is_direct && !has_edge) {
        return REFUSAL_REGISTER_FLOW;
    }
    q->has_outbound = true;
    return REFUSALS;
}

/* @return REFUSALS: fine */
static enum refusal contact_judge(struct request *q, const struct sip_contact *c)
{
    struct wanted *w = &q->wanted[q->n];
    struct store_binding *b = &w->binding;
    char instance[192] = "", reg_id[16] = "";
    const char *text = c->addr.uri.text;
    if (strcmp(c->addr.uri.scheme, "sip") != 0 && strcmp(c->addr.uri.scheme, "sips") != 0) {
        return REFUSAL_REGISTER_CONTACT;
    }
    if (strlen(text) >= sizeof b->contact || strlen(q->msg->call_id) >= sizeof b->call_id) {
        return REFUSAL_REGISTER_CONTACT;
    }
    int64_t expires_s = c->expires_s >= 0        ? c->expires_s
                        : q->msg->expires_s >= 0 ? q->msg->expires_s
                                                 : REGISTRAR_EXPIRES_S;
    if (expires_s > 0 && expires_s < REGISTRAR_EXPIRES_MIN_S) {
        return REFUSAL_INTERVAL;
    }
    bool has_instance = sip_param(c->addr.params, "+sip.instance", instance, sizeof instance) && *instance;
    bool has_reg_id = has_instance && sip_param(c->addr.params, "reg-id", reg_id, sizeof reg_id) && *reg_id;
    enum refusal refusal = outbound_judge(q, has_reg_id);
    if (refusal != REFUSALS) {
        return refusal;
    }
    w->expires_s = (uint32_t)MIN(expires_s, (int64_t)REGISTRAR_EXPIRES_MAX_S);
    strcpy(b->user, q->user);
    strcpy(b->contact, text);
    strcpy(b->path, q->path);
    strcpy(b->call_id, q->msg->call_id);
    if (has_reg_id && q->has_outbound) {
        snprintf(b->key, sizeof b->key, "%s#%s", instance, reg_id);
    } else {
        strcpy(b->key, text);
    }
    b->cseq = q->msg->cseq;
    b->q_thousandths = (uint16_t)c->q_thousandths;
    q->n++;
    return REFUSALS;
}

static bool is_old(const struct binding *b, const struct sip_msg *msg)
{
    return strcmp(b->call_id, msg->call_id) == 0 && msg->cseq <= b->cseq;
}

/* "*" ends all: each becomes one that is to end. */
static enum refusal star_judge(struct registrar *r, struct request *q)
{
    if (q->msg->n_contacts > 1 || q->msg->expires_s != 0) {
        return REFUSAL_REGISTER_STAR;
    }
    for (const struct binding *b = bindings_next(r->bindings, q->user, NULL); b && q->n < SIP_CONTACTS_MAX;
         b = bindings_next(r->bindings, q->user, b)) {
        bindings_write(b, &q->wanted[q->n].binding);
        q->wanted[q->n++].expires_s = 0;
    }
    return REFUSALS;
}

/* How many the user would have, and whether any comes too late. */
static enum refusal change_judge(struct registrar *r, const struct request *q)
{
    unsigned n = 0;
    for (const struct binding *b = bindings_next(r->bindings, q->user, NULL); b;
         b = bindings_next(r->bindings, q->user, b)) {
        n++;
    }
    for (unsigned i = 0; i < q->n; i++) {
        const struct binding *b = bindings_find(r->bindings, q->user, q->wanted[i].binding.key);
        if (b && is_old(b, q->msg)) {
            return REFUSAL_REGISTER_OLD;
        }
        n += !b && q->wanted[i].expires_s > 0;
    }
    return n > BINDINGS_OF_USER_MAX ? REFUSAL_REGISTER_MANY : REFUSALS;
}

/* The checks of RFC 3261 10.3, in their order. */
static enum refusal judge(struct registrar *r, struct request *q, const struct identity *who)
{
    const struct sip_msg *msg = q->msg;
    const char *to = msg->to.uri.user ? msg->to.uri.user : "";
    if (!env_has_host(r->env, msg->to.uri.host) || *to == '\0' || strlen(to) >= sizeof q->user) {
        return REFUSAL_USER;
    }
    if (!env_is_user(r->env, msg, who, to)) {
        return REFUSAL_REGISTER_OTHER;
    }
    strcpy(q->user, to);
    if (!path_read(q)) {
        return REFUSAL_REGISTER_CONTACT;
    }
    enum refusal refusal = msg->contact_is_star ? star_judge(r, q) : REFUSALS;
    for (unsigned i = 0; i < msg->n_contacts && !msg->contact_is_star && refusal == REFUSALS; i++) {
        refusal = contact_judge(q, &msg->contacts[i]);
    }
    return refusal == REFUSALS ? change_judge(r, q) : refusal;
}

/* --- Taking it ---------------------------------------------------------------------------------------------------- */

static int take_one(struct registrar *r, const struct request *q, const struct wanted *w)
{
    struct store_binding binding = w->binding;
    struct binding *b = bindings_find(r->bindings, q->user, binding.key);
    if (w->expires_s == 0) {
        if (b) {
            bindings_drop(b);
            kept(r, STORE_BINDING_DROP, &binding);
            count_add(&r->stats.ended, 1);
        }
        return 0;
    }
    const struct flow *flow = &q->msg->flow;
    binding.transport = flow->transport;
    binding.listener = flow->listener;
    binding.expires_s = r->env->world.wall_s(r->env->world.ctx) + w->expires_s;
    addr_text(&flow->remote, binding.source);
    int err = bindings_put(r->bindings, &binding, flow, w->expires_s * 1000ull);
    if (!err) {
        kept(r, STORE_BINDING_PUT, &binding);
        count_add(&r->stats.refreshed, 1);
    }
    return err;
}

static void answer(const struct registrar *r, const struct request *q, struct txn *txn)
{
    struct env *env = r->env;
    uint64_t now_s = env->world.wall_s(env->world.ctx);
    struct sip_out *out = txn_response(txn, 200, NULL);
    for (const struct binding *b = bindings_next(r->bindings, q->user, NULL); b;
         b = bindings_next(r->bindings, q->user, b)) {
        const char *hash = strrchr(b->key, '#');
        uint64_t left_s = b->expires_s > now_s ? b->expires_s - now_s : 0;
        bool is_instance = strncmp(b->key, "<urn:", 5) == 0 && hash;
        sip_addf(out, "Contact", "<%s>;expires=%llu%s%.*s%s%s", b->contact, (unsigned long long)left_s,
                 is_instance ? ";+sip.instance=\"" : "", is_instance ? (int)(hash - b->key) : 0, b->key,
                 is_instance ? "\";reg-id=" : "", is_instance ? hash + 1 : "");
    }
    if (q->path[0]) {
        sip_add(out, "Path", q->path);
    }
    if (r->service_route[0]) {
        sip_add(out, "Service-Route", r->service_route);
    }
    if (q->has_outbound) {
        sip_add(out, "Require", "outbound");
        sip_addf(out, "Flow-Timer", "%d", REGISTRAR_FLOW_TIMER_S);
    }
    sip_add(out, "Supported", "path, outbound");
    if (env->cfg.server[0]) {
        sip_add(out, "Server", env->cfg.server);
    }
    txn_respond(txn, out);
}

bool registrar_wants(const struct sip_msg *msg)
{
    bool is_register = msg->method == SIP_REGISTER && (!msg->uri.user || *msg->uri.user == '\0');
    return is_register || reg_events_wants(msg);
}

void registrar_take(struct registrar *r, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    if (msg->method == SIP_SUBSCRIBE) {
        reg_events_take(r->events, txn, msg, who);
        return;
    }
    static struct request q; /* large: cleared as far as it is used */
    char min[16];
    q = (struct request){.msg = msg, .is_direct = msg->n_vias == 1};
    enum refusal refusal = judge(r, &q, who);
    if (refusal == REFUSAL_INTERVAL) {
        snprintf(min, sizeof min, "%d", REGISTRAR_EXPIRES_MIN_S);
        env_refuse_with(r->env, txn, refusal, "Min-Expires", min);
        return;
    }
    for (unsigned i = 0; i < q.n && refusal == REFUSALS; i++) {
        refusal = take_one(r, &q, &q.wanted[i]) != 0 ? REFUSAL_MEMORY : REFUSALS;
    }
    if (refusal != REFUSALS) {
        env_refuse(r->env, txn, refusal);
        return;
    }
    answer(r, &q, txn);
    if (q.n > 0) {
        tell(r, q.user, NULL);
    }
}

/* --- The way to a user -------------------------------------------------------------------------------------------- */

int registrar_find(struct registrar *r, const char *user, struct reach_way *way)
{
    const struct binding *best = NULL;
    for (const struct binding *b = bindings_next(r->bindings, user, NULL); b; b = bindings_next(r->bindings, user, b)) {
        bool is_better = !best || b->q_thousandths > best->q_thousandths ||
                         (b->q_thousandths == best->q_thousandths && b->order > best->order);
        best = b->has_flow && is_better ? b : best;
    }
    if (!best) {
        return -ENOENT;
    }
    snprintf(way->target, sizeof way->target, "%s", best->contact);
    snprintf(way->route, sizeof way->route, "%s", best->path);
    way->flow = best->flow;
    way->by_proxy = best->path[0] != '\0';
    return 0;
}
