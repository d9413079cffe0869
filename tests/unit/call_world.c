/* See call_world.h. */
#include "tests/unit/call_world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int world_send(void *ctx, struct flow *flow, const char *text, size_t n)
{
    struct world *w = ctx;
    must(n < TEXT_MAX);
    memcpy(w->sent[w->n_sent % SENT_MAX], text, n);
    w->sent[w->n_sent % SENT_MAX][n] = '\0';
    w->flows[w->n_sent % SENT_MAX] = *flow;
    w->n_sent++;
    return 0;
}

uint64_t draw(struct world *w)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    return w->seed ^= w->seed << 17;
}

static int world_random(void *ctx, void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)(draw(ctx) >> 24);
    }
    return 0;
}

static void world_draw(void *ctx, void *bytes, size_t n)
{
    world_random(ctx, bytes, n);
}

static void world_sent_by(void *ctx, const struct flow *flow, char *text, size_t size)
{
    snprintf(text, size, DOMAIN);
}

uint64_t world_wall_s(void *ctx)
{
    const struct world *w = ctx;
    return w->wall_s + w->now_ns / NS_PER_S;
}

struct ctl *world_ctl(struct world *w, unsigned worker)
{
    return worker ? &w->others[worker - 1] : &w->ctl;
}

struct world *world_open_at(struct place_cfg place, struct env_cfg cfg, const char *store, uint64_t wall_s)
{
    struct world *w = calloc(1, sizeof *w);
    struct txn_config txn_cfg = {.allow = env_methods() | sip_bit(SIP_REGISTER) | sip_bit(SIP_PUBLISH),
                                 .source_rate = 1000000,
                                 .turn_messages = WORLD_TURN_FULL,
                                 .answer_percent = TXN_ANSWER_PERCENT};
    struct txn_world txn_world = {w, world_send, world_draw, world_sent_by, NULL};
    struct env_world env_world = {w, world_random, world_wall_s, world_sent_by};

    w->now_ns = NS_PER_S;
    w->wall_s = wall_s;
    w->seed = 88172645463325252ull;
    timer_wheel_init(&w->wheel, w->now_ns);
    if (place.port_min == 0) {
        place.port_min = 46300;
        place.port_max = 46499;
    }
    w->n_workers = place.n_workers;
    for (unsigned i = 0; i < w->n_workers; i++) {
        must(ctl_build(world_ctl(w, i)) == 0);
        place.workers[i] = world_ctl(w, i);
    }
    must(addr_parse(&place.host, "127.0.0.1", 0) == 0);
    must(place_build(&w->place, &place) == 0);
    must(!store || store_open(&w->store, store) == 0);

    snprintf(cfg.domain, sizeof cfg.domain, DOMAIN);
    snprintf(cfg.hosts[cfg.n_hosts++], ENV_HOST_MAX, "127.0.0.1");
    snprintf(cfg.factory_user, sizeof cfg.factory_user, "conferences");
    snprintf(cfg.server, sizeof cfg.server, "mixminus");
    cfg.policy.family = AF_INET;
    cfg.policy.opus_complexity = 5;
    must(offer_policy_read(&cfg.policy, "PCMA,PCMU", 16000) == 0);
    cfg.conferences_max = cfg.conferences_max ? cfg.conferences_max : 16;
    cfg.legs_max = cfg.legs_max ? cfg.legs_max : 8;
    cfg.talkers = 3;
    cfg.quiet_s = 30;
    cfg.reserve_s = 30;
    cfg.reserve_legs = 3;
    cfg.unused_s = 60;
    cfg.life_s = cfg.life_s ? cfg.life_s : 3600;
    cfg.linger_s = 5;
    cfg.dial_rate = cfg.dial_rate ? cfg.dial_rate : 30;
    cfg.strict = true;
    must(sip_init() == 0);
    must(focus_build(&w->focus, &cfg, &env_world, &w->wheel, w->place, w->store, NULL) == 0);
    w->env = focus_env(w->focus);
    struct txn_user user = focus_user(w->focus);
    must(txns_build(&w->txns, &txn_cfg, &txn_world, &user, &w->wheel) == 0);
    focus_attach(w->focus, w->txns);
    return w;
}

struct world *world_open_on(struct place_cfg place, struct env_cfg cfg, const char *store)
{
    return world_open_at(place, cfg, store, WALL_S);
}

struct world *world_open(struct env_cfg cfg, uint32_t budget_us, const char *store)
{
    return world_open_on((struct place_cfg){.n_workers = 1, .budget_us = budget_us}, cfg, store);
}

struct has *world_has(struct world *w, const struct leg *leg)
{
    for (unsigned i = 0; i < w->n_has; i++) {
        if (w->has[i].leg == leg) {
            return &w->has[i];
        }
    }
    return NULL;
}

static void worker_adds(struct world *w, unsigned worker, const struct ctl_req *req, struct conf *conf)
{
    bool annex = conf_cfg_of(conf)->annex;
    must(w->n_has < ARRAY_LEN(w->has) && !world_has(w, req->leg));
    must(!annex || (leg_cfg_of(req->leg)->annex_source && !leg_cfg_of(req->leg)->relay));
    if (!annex) {
        leg_set_annex_source(req->leg, NULL); /* it has been sent all that was there */
    }
    w->has[w->n_has++] = (struct has){req->leg, conf, worker};
}

static void worker_takes_out(struct world *w, unsigned worker, struct leg *leg)
{
    struct has *has = world_has(w, leg);
    const struct relay *relay = leg_cfg_of(leg)->relay;
    must(has && has->worker == worker && w->n_legs < ARRAY_LEN(w->legs));
    *has = w->has[--w->n_has];
    for (unsigned i = 0; relay && i < w->n_has; i++) {
        must(leg_cfg_of(w->has[i].leg)->annex_source != relay); /* somebody still hears it */
    }
    for (unsigned i = 0; relay && i < w->n_legs; i++) {
        must(leg_cfg_of(w->legs[i])->annex_source != relay);
    }
    w->legs[w->n_legs] = leg;
    w->leg_from[w->n_legs++] = worker;
}

void worker_does(struct world *w, unsigned worker, const struct ctl_req *req)
{
    struct has *has;
    switch (req->op) {
    case CTL_LEG_ADD:
        worker_adds(w, worker, req, req->conf);
        break;
    case CTL_LEG_SWAP:
        has = world_has(w, req->old);
        must(has && has->worker == worker);
        struct conf *conf = has->conf;
        worker_takes_out(w, worker, req->old);
        worker_adds(w, worker, req, conf);
        break;
    case CTL_LEG_TRANSFER:
        has = world_has(w, req->leg);
        must(has && has->worker == worker && !conf_cfg_of(has->conf)->annex);
        *has = w->has[--w->n_has];
        leg_set_annex_source(req->leg, req->annex_source);
        worker_adds(w, worker, req, req->conf);
        break;
    case CTL_LEG_SET:
        must(!req->leg || (world_has(w, req->leg) && world_has(w, req->leg)->worker == worker));
        break;
    case CTL_LEG_MOVE:
    case CTL_LEG_DROP:
        worker_takes_out(w, worker, req->leg);
        break;
    case CTL_CONF_CLOSE:
        must(w->n_confs < ARRAY_LEN(w->confs));
        for (unsigned i = 0; i < w->n_has; i++) {
            must(w->has[i].conf != req->conf);
        }
        w->confs[w->n_confs] = req->conf;
        w->conf_from[w->n_confs++] = worker;
        break;
    default:
        break;
    }
}

void world_work(struct world *w)
{
    struct ctl_req req;
    w->n_reqs = 0;
    for (unsigned i = 0; i < w->n_workers; i++) {
        while (ring_get(&world_ctl(w, i)->requests, &req)) {
            bool is_sign = req.op == CTL_LEG_SET && !(req.set.what & ~(unsigned)(SET_OPEN | SET_ALIVE));
            w->n_opened += is_sign && req.set.what & SET_OPEN;
            w->n_alive += is_sign && req.set.what & SET_ALIVE;
            if (w->n_reqs < ARRAY_LEN(w->reqs) && !is_sign) {
                w->reqs[w->n_reqs++] = req;
            }
            worker_does(w, i, &req);
        }
    }
}

void world_give(struct world *w)
{
    for (unsigned i = 0; i < w->n_legs; i++) {
        struct ctl_ev ev = {.event = EV_LEG_GONE, .leg = w->legs[i]};
        must(ring_put(&world_ctl(w, w->leg_from[i])->events, &ev));
    }
    for (unsigned i = 0; i < w->n_confs; i++) {
        struct ctl_ev ev = {.event = EV_CONF_GONE, .conf = w->confs[i]};
        must(ring_put(&world_ctl(w, w->conf_from[i])->events, &ev));
    }
    w->n_legs = w->n_confs = 0;
    focus_beat(w->focus);
}

void world_run(struct world *w, uint64_t ms)
{
    for (uint64_t end_ns = w->now_ns + ms * NS_PER_MS; w->now_ns < end_ns;) {
        w->now_ns += 50 * NS_PER_MS;
        timer_run(&w->wheel, w->now_ns);
        focus_beat(w->focus);
    }
}

void world_check_empty(struct world *w)
{
    const struct env_stats *stats = &w->env->stats;
    struct place_load load;
    place_load(w->place, &load);
    must(load.cpu_used_us == 0 && load.kbps_used == 0);
    must(load.pairs_used + load.pairs_held == 0 && load.legs == 0);
    must(count_get(&stats->calls) == 0);
    must(count_get(&stats->legs) == 0);
    must(count_get(&stats->lobbies) == 0);
    must(count_get(&stats->half_calls) == 0);
    must(count_get(&stats->impossible) == 0);
    must(w->env->n_due == 0);
    must(focus_is_idle(w->focus));
}

void world_run_out(struct world *w)
{
    for (unsigned i = 0; i < WORLD_LONGEST_S && timer_wheel_count(&w->wheel) > 0; i++) {
        world_work(w);
        w->now_ns += NS_PER_S;
        timer_run(&w->wheel, w->now_ns);
        world_give(w);
    }
    focus_reap(w->focus); /* where nothing had to run out, no beat has come since the last one ended */
    must(timer_wheel_count(&w->wheel) == 0);
    must(count_get(&txns_stats(w->txns)->txns_server) == 0 && count_get(&txns_stats(w->txns)->txns_client) == 0);
    must(count_get(&w->env->stats.subs) == 0 && count_get(&w->env->stats.confs) == 0);
    must(!w->env->rooms && !w->env->ending);
}

void world_close(struct world *w)
{
    focus_stop(w->focus);
    for (unsigned i = 0; i < 100 && !focus_is_idle(w->focus); i++) {
        world_work(w);
        world_give(w);
        world_run(w, 1000);
    }
    world_run_out(w);
    world_check_empty(w);
    txns_free(w->txns);
    focus_free(w->focus);
    place_free(w->place);
    store_close(w->store);
    for (unsigned i = 0; i < w->n_workers; i++) {
        ctl_free(world_ctl(w, i));
    }
    free(w);
}

/* --- A phone ------------------------------------------------------------------------------------------------------ */

const char *last(const struct world *w)
{
    return w->n_sent ? w->sent[(w->n_sent - 1) % SENT_MAX] : "";
}

int status_of(const char *text)
{
    return strncmp(text, "SIP/2.0 ", 8) == 0 ? atoi(text + 8) : 0;
}

bool header(const char *text, const char *name, char *value, size_t size)
{
    size_t n = strlen(name);
    for (const char *p = strstr(text, "\r\n"); p && p[2] != '\r'; p = strstr(p + 2, "\r\n")) {
        if (strncasecmp(p + 2, name, n) == 0 && p[2 + n] == ':') {
            const char *v = p + 2 + n + 1 + (p[3 + n] == ' ');
            snprintf(value, size, "%.*s", (int)strcspn(v, "\r"), v);
            return true;
        }
    }
    return false;
}

struct phone phone_of(struct world *w, unsigned number, const char *user)
{
    struct phone p = {.w = w, .number = number};
    snprintf(p.target, sizeof p.target, "sip:%s@" DOMAIN, user);
    return p;
}

const char *world_answer(const struct world *w)
{
    return w->sent[w->i_answer % SENT_MAX];
}

int phone_send(struct phone *p, const char *method, unsigned cseq, const char *body)
{
    char text[TEXT_MAX], to[128] = "";
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    unsigned before = p->w->n_sent;

    must(addr_parse(&flow.remote, p->host ? p->host : "192.0.2.9", 5060) == 0);
    if (p->to_tag[0]) {
        snprintf(to, sizeof to, ";tag=%s", p->to_tag);
    }
    if (cseq == 0) {
        cseq = ++p->cseq;
    }
    p->branch++;
    int n =
        snprintf(text, sizeof text,
                 "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK-%u-%u;rport\r\n"
                 "From: \"Phone\" <sip:p%u@192.0.2.9>;tag=f%u\r\nTo: <sip:x@" DOMAIN ">%s\r\nCall-ID: c%u@192.0.2.9\r\n"
                 "CSeq: %u %s\r\nMax-Forwards: 70\r\n%s",
                 method, p->target, p->number, p->branch, p->number, p->number, to, p->number, cseq, method,
                 p->extra ? p->extra : "");
    if (!p->no_contact) {
        n += snprintf(text + n, sizeof text - (size_t)n, "Contact: <sip:p%u@192.0.2.9:5060>\r\n", p->number);
    }
    if (body) {
        n += snprintf(text + n, sizeof text - (size_t)n, "Content-Type: %s\r\n", p->type ? p->type : "application/sdp");
    }
    n += snprintf(text + n, sizeof text - (size_t)n, "Content-Length: %zu\r\n\r\n%s", body ? strlen(body) : 0,
                  body ? body : "");
    txns_rx(p->w->txns, &flow, text, (size_t)n, p->w->now_ns);
    focus_reap(p->w->focus);
    for (unsigned i = before; i < p->w->n_sent; i++) {
        p->w->i_answer = status_of(p->w->sent[i % SENT_MAX]) ? i : p->w->i_answer;
    }
    return p->w->n_sent == before ? 0 : status_of(world_answer(p->w));
}

int phone_invite(struct phone *p, const char *body)
{
    char value[512];
    int status = phone_send(p, "INVITE", 0, body);
    if (status == 200) {
        must(header(world_answer(p->w), "To", value, sizeof value));
        const char *tag = strstr(value, ";tag=");
        must(tag);
        snprintf(p->to_tag, sizeof p->to_tag, "%s", tag + 5);
        must(header(world_answer(p->w), "Contact", value, sizeof value));
        must(strstr(value, ";isfocus") || strstr(value, "<sip:ptt-"));
        snprintf(p->target, sizeof p->target, "%.*s", (int)strcspn(value + 1, ">"), value + 1);
    }
    return status;
}

int phone_ack(struct phone *p, const char *body)
{
    return phone_send(p, "ACK", p->cseq, body);
}

unsigned count_sent(const struct world *w, const char *start)
{
    unsigned n = 0;
    for (unsigned i = w->n_sent > SENT_MAX ? w->n_sent - SENT_MAX : 0; i < w->n_sent; i++) {
        n += strncmp(w->sent[i % SENT_MAX], start, strlen(start)) == 0;
    }
    return n;
}

const char *world_sent(const struct world *w, unsigned i)
{
    return w->n_sent > i ? w->sent[(w->n_sent - 1 - i) % SENT_MAX] : "";
}

const char *world_request(const struct world *w, const char *start)
{
    for (unsigned i = 0; i < MIN(w->n_sent, (unsigned)SENT_MAX); i++) {
        if (strncmp(world_sent(w, i), start, strlen(start)) == 0) {
            return world_sent(w, i);
        }
    }
    return "";
}

void world_reply(struct world *w, const char *request, int status, const char *tag, const char *extra, const char *body)
{
    char text[TEXT_MAX], via[512], from[512], to[512], id[256], cseq[64];
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    must(header(request, "Via", via, sizeof via) && header(request, "From", from, sizeof from) &&
         header(request, "To", to, sizeof to) && header(request, "Call-ID", id, sizeof id) &&
         header(request, "CSeq", cseq, sizeof cseq));
    for (unsigned i = 0; i < SENT_MAX; i++) {
        flow = strcmp(w->sent[i], request) == 0 ? w->flows[i] : flow; /* it may be a copy */
    }
    int n = snprintf(text, sizeof text,
                     "SIP/2.0 %d x\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\nCSeq: %s\r\n%s%s"
                     "Content-Length: %zu\r\n\r\n%s",
                     status, via, from, to, *tag && !strstr(to, ";tag=") ? ";tag=" : "", strstr(to, ";tag=") ? "" : tag,
                     id, cseq, extra, body ? "Content-Type: application/sdp\r\n" : "", body ? strlen(body) : 0,
                     body ? body : "");
    txns_rx(w->txns, &flow, text, (size_t)n, w->now_ns);
    focus_reap(w->focus);
}

void answer_bye(struct world *w, const char *bye, int status)
{
    must(strncmp(bye, "BYE ", 4) == 0);
    world_reply(w, bye, status, "", "", NULL);
}

void world_issue(struct world *w, unsigned number, char user[URI_TOKEN_CHARS + 1])
{
    struct phone p = phone_of(w, number, "conferences");
    char value[512];
    must(phone_send(&p, "INVITE", 0, SDP_PCMU) == 302);
    must(header(last(w), "Contact", value, sizeof value) && strncmp(value, "<sip:", 5) == 0);
    snprintf(user, URI_TOKEN_CHARS + 1, "%.*s", URI_TOKEN_CHARS, value + 5);
    must(header(last(w), "To", value, sizeof value));
    snprintf(p.to_tag, sizeof p.to_tag, "%s", strstr(value, ";tag=") + 5);
    p.branch--; /* the ACK of a non-2xx carries the INVITE's branch: absorbed by the transaction */
    must(phone_ack(&p, NULL) == 0);
}

struct phone world_join(struct world *w, unsigned number, const char *user, const char *body)
{
    struct phone p = phone_of(w, number, user);
    must(phone_invite(&p, body) == 200);
    phone_ack(&p, NULL);
    return p;
}
