/*
 * Factory, focus and calls. Method: whole SIP messages go into the real transaction layer on a virtual clock; what it
 * sends is read as text; the workers are rings whose other end this test plays, so it sees every request and decides
 * when a leg comes back. The last test draws thousands of messages and events from a seed, in any order, and demands that
 * nothing is left when all is over (protocol.md A39).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/ctl.h"
#include "sig/call.h"
#include "sig/focus.h"
#include "sig/room.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SENT_MAX 64
#define TEXT_MAX 8192
#define DOMAIN "127.0.0.1:5060"
#define SDP_HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
#define SDP_PCMU SDP_HEAD "m=audio 7000 RTP/AVP 0\r\n"
#define SDP_PCMA SDP_HEAD "m=audio 7000 RTP/AVP 8\r\n"
#define SDP_HOLD SDP_HEAD "m=audio 7000 RTP/AVP 0\r\na=inactive\r\n"
#define SDP_SAVP SDP_HEAD "m=audio 7000 RTP/SAVP 0\r\n"

struct world {
    struct timer_wheel wheel;
    struct place *place;
    struct store *store;
    struct focus *focus;
    struct txns *txns;
    struct ctl ctl;
    uint64_t now_ns, wall_s, seed;
    char sent[SENT_MAX][TEXT_MAX]; /* a ring: the last ones */
    unsigned n_sent;
    struct ctl_req reqs[64]; /* what the worker was asked since the last look */
    unsigned n_reqs;
    struct leg *legs[256]; /* dropped or swapped out, not yet given back */
    unsigned n_legs;
    struct conf *confs[256];
    unsigned n_confs;
};

static int world_send(void *ctx, struct flow *flow, const char *text, size_t n)
{
    struct world *w = ctx;
    assert_true(n < TEXT_MAX);
    memcpy(w->sent[w->n_sent % SENT_MAX], text, n);
    w->sent[w->n_sent % SENT_MAX][n] = '\0';
    w->n_sent++;
    return 0;
}

static uint64_t draw(struct world *w)
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

static void world_draw(void *ctx, void *bytes, size_t n) { world_random(ctx, bytes, n); }

static void world_sent_by(void *ctx, const struct flow *flow, char *text, size_t size) { snprintf(text, size, DOMAIN); }

static uint64_t world_wall_s(void *ctx) { return ((struct world *)ctx)->wall_s; }

static struct world *world_open(struct focus_cfg cfg, uint32_t budget_us, const char *store)
{
    struct world *w = calloc(1, sizeof *w);
    struct place_cfg place = {.n_workers = 1, .port_min = 46300, .port_max = 46499, .budget_us = budget_us};
    struct txn_config txn_cfg = {.allow = focus_methods(), .source_rate = 1000000};
    struct txn_world txn_world = {w, world_send, world_draw, world_sent_by, NULL};
    struct focus_world focus_world = {w, world_random, world_wall_s};

    w->now_ns = NS_PER_S;
    w->wall_s = 1700000000;
    w->seed = 88172645463325252ull;
    timer_wheel_init(&w->wheel, w->now_ns);
    assert_int_equal(ctl_build(&w->ctl), 0);
    place.workers[0] = &w->ctl;
    assert_int_equal(addr_parse(&place.host, "127.0.0.1", 0), 0);
    assert_int_equal(place_build(&w->place, &place), 0);
    assert_int_equal(store_open(&w->store, store ? store : "memory"), 0);

    snprintf(cfg.domain, sizeof cfg.domain, DOMAIN);
    snprintf(cfg.hosts[cfg.n_hosts++], FOCUS_HOST_MAX, "127.0.0.1");
    snprintf(cfg.factory_user, sizeof cfg.factory_user, "conferences");
    snprintf(cfg.server, sizeof cfg.server, "mixminus");
    cfg.policy.family = AF_INET;
    cfg.policy.opus_complexity = 5;
    assert_int_equal(offer_policy_read(&cfg.policy, "PCMA,PCMU", 16000), 0);
    cfg.conferences_max = cfg.conferences_max ? cfg.conferences_max : 16;
    cfg.legs_max = cfg.legs_max ? cfg.legs_max : 8;
    cfg.talkers = 3;
    cfg.quiet_s = 30;
    cfg.reserve_s = 30;
    cfg.reserve_legs = 3;
    cfg.unused_s = 60;
    cfg.life_s = cfg.life_s ? cfg.life_s : 3600;
    cfg.linger_s = 5;
    cfg.strict = true;
    assert_int_equal(sip_init(), 0);
    assert_int_equal(focus_build(&w->focus, &cfg, &focus_world, &w->wheel, w->place, w->store, NULL), 0);
    struct txn_user user = focus_user(w->focus);
    assert_int_equal(txns_build(&w->txns, &txn_cfg, &txn_world, &user, &w->wheel), 0);
    focus_attach(w->focus, w->txns);
    return w;
}

/* What the worker would do at the start of a beat: takes all requests; what is to come back waits for world_give. */
static void world_work(struct world *w)
{
    struct ctl_req req;
    w->n_reqs = 0;
    while (ring_get(&w->ctl.requests, &req)) {
        if (w->n_reqs < ARRAY_LEN(w->reqs)) {
            w->reqs[w->n_reqs++] = req;
        }
        if (req.op == CTL_LEG_DROP || req.op == CTL_LEG_SWAP) {
            assert_true(w->n_legs < ARRAY_LEN(w->legs));
            w->legs[w->n_legs++] = req.op == CTL_LEG_DROP ? req.leg : req.old;
        } else if (req.op == CTL_CONF_CLOSE) {
            assert_true(w->n_confs < ARRAY_LEN(w->confs));
            w->confs[w->n_confs++] = req.conf;
        }
    }
}

static void world_give(struct world *w)
{
    for (unsigned i = 0; i < w->n_legs; i++) {
        struct ctl_ev ev = {.event = EV_LEG_GONE, .leg = w->legs[i]};
        assert_true(ring_put(&w->ctl.events, &ev));
    }
    for (unsigned i = 0; i < w->n_confs; i++) {
        struct ctl_ev ev = {.event = EV_CONF_GONE, .conf = w->confs[i]};
        assert_true(ring_put(&w->ctl.events, &ev));
    }
    w->n_legs = w->n_confs = 0;
    focus_beat(w->focus);
}

static void world_run(struct world *w, uint64_t ms)
{
    for (uint64_t end_ns = w->now_ns + ms * NS_PER_MS; w->now_ns < end_ns;) {
        w->now_ns += 50 * NS_PER_MS;
        w->wall_s = 1700000000 + w->now_ns / NS_PER_S;
        timer_run(&w->wheel, w->now_ns);
        focus_beat(w->focus);
    }
}

static void world_check_empty(struct world *w)
{
    struct place_load load;
    place_load(w->place, &load);
    assert_int_equal(load.cpu_used_us, 0);
    assert_int_equal(load.pairs_used + load.pairs_held, 0);
    assert_int_equal(count_get(&w->focus->stats.calls), 0);
    assert_int_equal(count_get(&w->focus->stats.legs), 0);
    assert_int_equal(count_get(&w->focus->stats.impossible), 0);
    assert_int_equal(w->focus->n_due, 0);
    assert_true(focus_is_idle(w->focus));
}

static void world_close(struct world *w)
{
    focus_stop(w->focus);
    for (unsigned i = 0; i < 100 && !focus_is_idle(w->focus); i++) {
        world_work(w);
        world_give(w);
        world_run(w, 1000);
    }
    world_check_empty(w);
    txns_free(w->txns);
    focus_free(w->focus);
    place_free(w->place);
    store_close(w->store);
    ctl_free(&w->ctl);
    free(w);
}

/* --- A phone ------------------------------------------------------------------------------------------------------- */

struct phone {
    struct world *w;
    unsigned number, cseq, branch;
    char target[256]; /* Request-URI of the INVITE, then the Contact of the 200 */
    char to_tag[64];
    const char *extra; /* header lines */
    const char *type;
};

static const char *last(const struct world *w) { return w->n_sent ? w->sent[(w->n_sent - 1) % SENT_MAX] : ""; }

static int status_of(const char *text) { return strncmp(text, "SIP/2.0 ", 8) == 0 ? atoi(text + 8) : 0; }

static bool header(const char *text, const char *name, char *value, size_t size)
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

static struct phone phone_of(struct world *w, unsigned number, const char *user)
{
    struct phone p = {.w = w, .number = number};
    snprintf(p.target, sizeof p.target, "sip:%s@" DOMAIN, user);
    return p;
}

/* Sends a request; CSeq 0: the phone's next. @return status of what was sent last after it, 0: nothing was sent */
static int phone_send(struct phone *p, const char *method, unsigned cseq, const char *body)
{
    char text[TEXT_MAX], to[128] = "";
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    unsigned before = p->w->n_sent;

    assert_int_equal(addr_parse(&flow.remote, "192.0.2.9", 5060), 0);
    if (p->to_tag[0]) {
        snprintf(to, sizeof to, ";tag=%s", p->to_tag);
    }
    if (cseq == 0) {
        cseq = ++p->cseq;
    }
    p->branch++;
    int n = snprintf(text, sizeof text,
                     "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK-%u-%u;rport\r\n"
                     "From: \"Phone\" <sip:p%u@192.0.2.9>;tag=f%u\r\nTo: <sip:x@" DOMAIN ">%s\r\nCall-ID: c%u@192.0.2.9\r\n"
                     "CSeq: %u %s\r\nMax-Forwards: 70\r\nContact: <sip:p%u@192.0.2.9:5060>\r\n%s",
                     method, p->target, p->number, p->branch, p->number, p->number, to, p->number, cseq, method,
                     p->number, p->extra ? p->extra : "");
    if (body) {
        n += snprintf(text + n, sizeof text - (size_t)n, "Content-Type: %s\r\n",
                      p->type ? p->type : "application/sdp");
    }
    n += snprintf(text + n, sizeof text - (size_t)n, "Content-Length: %zu\r\n\r\n%s", body ? strlen(body) : 0,
                  body ? body : "");
    txns_rx(p->w->txns, &flow, text, (size_t)n, p->w->now_ns);
    return p->w->n_sent == before ? 0 : status_of(last(p->w));
}

/* INVITE; keeps the dialog of a 200. */
static int phone_invite(struct phone *p, const char *body)
{
    char value[512];
    int status = phone_send(p, "INVITE", 0, body);
    if (status == 200) {
        assert_true(header(last(p->w), "To", value, sizeof value));
        const char *tag = strstr(value, ";tag=");
        assert_non_null(tag);
        snprintf(p->to_tag, sizeof p->to_tag, "%s", tag + 5);
        assert_true(header(last(p->w), "Contact", value, sizeof value));
        assert_non_null(strstr(value, ";isfocus"));
        snprintf(p->target, sizeof p->target, "%.*s", (int)strcspn(value + 1, ">"), value + 1);
    }
    return status;
}

static int phone_ack(struct phone *p, const char *body) { return phone_send(p, "ACK", p->cseq, body); }

/* A factory call by redirect: the user part of the conference. */
static void issue(struct world *w, unsigned number, char user[URI_TOKEN_CHARS + 1])
{
    struct phone p = phone_of(w, number, "conferences");
    char contact[512];
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 302);
    assert_true(header(last(w), "Contact", contact, sizeof contact));
    assert_int_equal(strncmp(contact, "<sip:", 5), 0);
    memcpy(user, contact + 5, URI_TOKEN_CHARS);
    user[URI_TOKEN_CHARS] = 0;
    assert_int_equal(strncmp(contact + 5 + URI_TOKEN_CHARS, "@" DOMAIN ">;expires=60", 25), 0);
    header(last(w), "To", contact, sizeof contact);
    snprintf(p.to_tag, sizeof p.to_tag, "%s", strstr(contact, ";tag=") + 5);
    /* The ACK of a non-2xx carries the INVITE's branch: absorbed by the transaction. */
    p.branch--;
    assert_int_equal(phone_ack(&p, NULL), 0);
}

/* A phone in a conference of its own. */
static struct phone join(struct world *w, unsigned number, const char *user, const char *body)
{
    struct phone p = phone_of(w, number, user);
    assert_int_equal(phone_invite(&p, body), 200);
    phone_ack(&p, NULL);
    return p;
}

static unsigned count_sent(const struct world *w, const char *start)
{
    unsigned n = 0;
    for (unsigned i = w->n_sent > SENT_MAX ? w->n_sent - SENT_MAX : 0; i < w->n_sent; i++) {
        n += strncmp(w->sent[i % SENT_MAX], start, strlen(start)) == 0;
    }
    return n;
}

/* Answers the BYE that was sent last. */
static void answer_bye(struct world *w, const char *bye, int status)
{
    char text[TEXT_MAX], via[512], from[512], to[512], id[256], cseq[64];
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    assert_int_equal(addr_parse(&flow.remote, "192.0.2.9", 5060), 0);
    assert_int_equal(strncmp(bye, "BYE ", 4), 0);
    assert_true(header(bye, "Via", via, sizeof via) && header(bye, "From", from, sizeof from) &&
                header(bye, "To", to, sizeof to) && header(bye, "Call-ID", id, sizeof id) &&
                header(bye, "CSeq", cseq, sizeof cseq));
    int n = snprintf(text, sizeof text,
                     "SIP/2.0 %d x\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContent-Length: 0\r\n\r\n",
                     status, via, from, to, id, cseq);
    txns_rx(w->txns, &flow, text, (size_t)n, w->now_ns);
}

/* --- Tests --------------------------------------------------------------------------------------------------------- */

static void test_redirect_flow(void **state)
{
    struct world *w = world_open((struct focus_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1], value[512];

    issue(w, 1, user);
    assert_int_equal(count_get(&w->focus->stats.calls), 0); /* a redirect keeps no dialog */
    world_work(w);
    assert_int_equal(w->n_reqs, 0); /* late binding: nothing until somebody calls */

    struct phone a = phone_of(w, 2, user);
    assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
    const char *ok = last(w);
    assert_true(header(ok, "Allow", value, sizeof value));
    assert_string_equal(value, "INVITE, ACK, BYE, CANCEL, OPTIONS");
    assert_true(header(ok, "Supported", value, sizeof value));
    assert_true(header(ok, "Accept", value, sizeof value));
    assert_non_null(strstr(ok, "m=audio 463"));
    world_work(w);
    assert_int_equal(w->n_reqs, 2);
    assert_int_equal(w->reqs[0].op, CTL_CONF_OPEN);
    assert_int_equal(w->reqs[1].op, CTL_LEG_ADD);
    assert_ptr_equal(w->reqs[1].conf, w->reqs[0].conf);
    const struct leg_cfg *cfg = leg_cfg_of(w->reqs[1].leg);
    assert_int_equal(cfg->codec->id, CODEC_PCMU);
    assert_int_equal(cfg->quiet_s, 30);
    assert_int_equal(addr_port(&cfg->remote_rtp), 7000);
    assert_true(addr_is_set(&cfg->latch_host)); /* no proxy between */
    assert_int_equal(phone_ack(&a, NULL), 0);

    struct phone b = join(w, 3, user, SDP_PCMU);
    world_work(w);
    assert_int_equal(w->n_reqs, 1); /* the conference is there already */

    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200);
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 481);
    world_work(w);
    assert_int_equal(w->reqs[0].op, CTL_LEG_DROP);
    world_give(w);
    assert_int_equal(phone_send(&b, "BYE", 0, NULL), 200);
    world_work(w);
    world_give(w);
    assert_int_equal(count_get(&w->focus->stats.calls), 0);

    /* Lingers, in case somebody comes back; then the URI dies with the conference. */
    struct phone c = join(w, 4, user, SDP_PCMU);
    world_run(w, 20000);
    assert_int_equal(phone_send(&c, "BYE", 0, NULL), 200);
    world_run(w, 6000);
    world_work(w);
    assert_int_equal(w->reqs[w->n_reqs - 1].op, CTL_CONF_CLOSE);
    world_give(w);
    assert_int_equal(count_get(&w->focus->stats.confs), 0);
    struct phone d = phone_of(w, 5, user);
    assert_int_equal(phone_invite(&d, SDP_PCMU), 410);
    world_close(w);
}

static void test_direct_flow(void **state)
{
    struct world *w = world_open((struct focus_cfg){0}, 0, NULL);
    struct phone a = phone_of(w, 1, "x");
    snprintf(a.target, sizeof a.target, "sip:mmtel@conf-factory.ims.mnc001.mcc262.3gppnetwork.org");
    assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
    phone_ack(&a, NULL);
    assert_int_equal(strncmp(a.target, "sip:", 4), 0);
    assert_int_equal(strlen(a.target), 4 + URI_TOKEN_CHARS + 1 + strlen(DOMAIN));
    struct phone b = phone_of(w, 2, "x");
    memcpy(b.target, a.target, sizeof b.target);
    assert_int_equal(phone_invite(&b, SDP_PCMU), 200); /* its Contact is the conference */
    phone_ack(&b, NULL);
    assert_int_equal(count_get(&w->focus->stats.confs), 1);
    world_close(w);

    w = world_open((struct focus_cfg){.factory_mode = FOCUS_DIRECT}, 0, NULL);
    a = phone_of(w, 1, "conferences");
    assert_int_equal(phone_invite(&a, SDP_SAVP), 488);
    assert_int_equal(count_get(&w->focus->stats.confs), 0); /* nothing is made for what does not fit */
    assert_int_equal(phone_invite(&a, SDP_PCMA), 200);
    world_close(w);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *uri, *extra, *type, *body;
        int status;
        const char *name, *value;
    } cases[] = {
        {"sip:nobody@127.0.0.1", NULL, NULL, SDP_PCMU, 404, NULL, NULL},
        {"sip:127.0.0.1", NULL, NULL, SDP_PCMU, 404, NULL, NULL},
        {"sip:conferences@198.51.100.1", NULL, NULL, SDP_PCMU, 404, NULL, NULL},
        {"sip:mmtel@127.0.0.1", NULL, NULL, SDP_PCMU, 404, NULL, NULL},
        {"sips:conferences@127.0.0.1", NULL, NULL, SDP_PCMU, 416, NULL, NULL},
        {"tel:+15551234", NULL, NULL, SDP_PCMU, 416, NULL, NULL},
        {"sip:conferences@127.0.0.1", "Require: 100rel, foo\r\n", NULL, SDP_PCMU, 420, "Unsupported", "100rel, foo"},
        {"sip:conferences@127.0.0.1", "Accept: text/html\r\n", NULL, SDP_PCMU, 406, "Accept", "application/sdp"},
        {"sip:conferences@127.0.0.1", NULL, "text/plain", "hi", 415, "Accept", "application/sdp"},
        {"sip:conferences@127.0.0.1", "Content-Encoding: gzip\r\n", NULL, SDP_PCMU, 415, "Accept-Encoding", "identity"},
        {"sip:conferences@127.0.0.1", NULL, NULL, "v=9\r\n", 400, NULL, NULL},
        {"sip:conferences@127.0.0.1", NULL, NULL, SDP_SAVP, 488, "Warning",
         "302 127.0.0.1:5060 \"Incompatible transport protocol\""},
        {"sip:conferences@127.0.0.1", NULL, NULL, SDP_HEAD "m=audio 1 RTP/AVP 9\r\n", 488, "Warning",
         "305 127.0.0.1:5060 \"Incompatible media format\""},
        {"sip:conferences@127.0.0.1", "Contact: <sip:two@192.0.2.9>\r\n", NULL, SDP_PCMU, 400, NULL, NULL},
    };
    struct world *w = world_open((struct focus_cfg){0}, 0, NULL);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct phone p = phone_of(w, 100 + i, "x");
        char value[512];
        snprintf(p.target, sizeof p.target, "%s", cases[i].uri);
        p.extra = cases[i].extra;
        p.type = cases[i].type;
        int status = phone_send(&p, "INVITE", 0, cases[i].body);
        if (status != cases[i].status) {
            print_error("case %u: %s\n", i, last(w));
        }
        assert_int_equal(status, cases[i].status);
        if (cases[i].name) {
            assert_true(header(last(w), cases[i].name, value, sizeof value));
            assert_string_equal(value, cases[i].value);
        }
        assert_true(header(last(w), "To", value, sizeof value) && strstr(value, ";tag="));
    }
    assert_int_equal(count_get(&w->focus->stats.confs_made), 0);

    /* Optional bodies may be ignored (RFC 5621 8.3): then it is an INVITE without an offer. */
    struct phone p = phone_of(w, 200, "conferences");
    p.type = "text/plain";
    p.extra = "Content-Disposition: render;handling=optional\r\n";
    assert_int_equal(phone_send(&p, "INVITE", 0, "hi"), 302);
    /* A token that we have never signed is no different from any other unknown user. */
    char user[URI_TOKEN_CHARS + 1];
    issue(w, 201, user);
    user[20] = user[20] == 'a' ? 'b' : 'a';
    p = phone_of(w, 202, user);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 404);
    /* Methods */
    p = phone_of(w, 203, "conferences");
    assert_int_equal(phone_send(&p, "SUBSCRIBE", 0, NULL), 405);
    p = phone_of(w, 204, "conferences");
    assert_int_equal(phone_send(&p, "DANCE", 0, NULL), 501);
    p = phone_of(w, 205, "conferences");
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 481);
    world_close(w);
}

static void test_offerless(void **state)
{
    struct world *w = world_open((struct focus_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];

    issue(w, 1, user);
    struct phone a = phone_of(w, 2, user);
    assert_int_equal(phone_invite(&a, NULL), 200);
    assert_non_null(strstr(last(w), "a=rtpmap:8 PCMA/8000"));
    world_work(w);
    assert_int_equal(w->n_reqs, 1); /* the conference; the leg waits for the answer */
    assert_int_equal(phone_send(&a, "INVITE", 0, SDP_PCMU), 491);
    a.cseq--;
    phone_ack(&a, SDP_PCMU);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_ADD);
    assert_int_equal(leg_cfg_of(w->reqs[0].leg)->codec->id, CODEC_PCMU);

    /* No answer, or one that does not fit: BYE. */
    static const char *const bodies[] = {NULL, SDP_SAVP, "nonsense", SDP_HEAD};
    for (unsigned i = 0; i < ARRAY_LEN(bodies); i++) {
        struct phone b = phone_of(w, 10 + i, user);
        assert_int_equal(phone_invite(&b, NULL), 200);
        phone_ack(&b, bodies[i]);
        assert_int_equal(strncmp(last(w), "BYE ", 4), 0);
        answer_bye(w, last(w), 200);
        world_work(w);
        assert_int_equal(w->n_reqs, 0);
    }
    assert_int_equal(count_get(&w->focus->stats.calls), 1);
    assert_int_equal(count_get(&w->focus->stats.ended[FOCUS_END_ANSWER]), 4);
    world_close(w);
}

static void test_reinvite(void **state)
{
    struct world *w = world_open((struct focus_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];

    issue(w, 1, user);
    struct phone a = join(w, 2, user, SDP_PCMU);
    world_work(w);
    struct leg *first = w->reqs[1].leg;

    assert_int_equal(phone_invite(&a, SDP_HOLD), 200);
    assert_non_null(strstr(last(w), "a=inactive"));
    phone_ack(&a, NULL);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SET);
    assert_int_equal(w->reqs[0].set.what, SET_DIRECTION);
    assert_false(w->reqs[0].set.rx_on || w->reqs[0].set.tx_on);

    assert_int_equal(phone_invite(&a, SDP_HEAD "m=audio 7008 RTP/AVP 0\r\n"), 200);
    phone_ack(&a, NULL);
    world_work(w);
    assert_int_equal(w->reqs[0].set.what, SET_DIRECTION | SET_REMOTE);
    assert_int_equal(addr_port(&w->reqs[0].set.remote_rtp), 7008);
    assert_true(w->reqs[0].set.rx_on && w->reqs[0].set.tx_on);

    assert_int_equal(phone_invite(&a, SDP_PCMA), 200); /* another codec: another leg, same sockets */
    phone_ack(&a, NULL);
    world_work(w);
    assert_int_equal(w->n_reqs, 1);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SWAP);
    assert_ptr_equal(w->reqs[0].old, first);
    assert_int_equal(leg_cfg_of(w->reqs[0].leg)->rtp_fd, leg_cfg_of(first)->rtp_fd);
    assert_int_equal(leg_cfg_of(w->reqs[0].leg)->pt_rx, 8);
    world_give(w);

    assert_int_equal(phone_invite(&a, SDP_SAVP), 488); /* refused: everything stays */
    world_work(w);
    assert_int_equal(w->n_reqs, 0);

    assert_int_equal(phone_invite(&a, NULL), 200); /* our offer again */
    assert_int_equal(phone_send(&a, "INVITE", 0, SDP_PCMU), 491);
    a.cseq--;
    phone_ack(&a, SDP_PCMU);
    world_work(w);
    assert_int_equal(w->reqs[0].op, CTL_LEG_SWAP);

    /* RTCP moves onto the RTP port: not a swap. */
    assert_int_equal(phone_invite(&a, SDP_PCMU "a=rtcp-mux\r\n"), 200);
    phone_ack(&a, NULL);
    world_work(w);
    assert_int_equal(w->n_reqs, 2);
    assert_int_equal(w->reqs[0].op, CTL_LEG_DROP);
    assert_int_equal(w->reqs[1].op, CTL_LEG_ADD);
    world_give(w);

    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200);
    world_close(w);
}

static void test_ack_lost(void **state)
{
    struct world *w = world_open((struct focus_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];

    issue(w, 1, user);
    struct phone a = phone_of(w, 2, user);
    assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
    unsigned before = w->n_sent;
    world_run(w, 31000);
    unsigned repeats = w->n_sent - before;
    assert_true(repeats >= 9 && repeats <= 11); /* T1, 2*T1, 4*T1, then each T2 (RFC 3261 13.3.1.4) */
    assert_int_equal(status_of(last(w)), 200);
    world_run(w, 2000);
    assert_int_equal(strncmp(last(w), "BYE sip:p2@192.0.2.9:5060 SIP/2.0\r\n", 35), 0);
    world_work(w);
    assert_int_equal(w->reqs[w->n_reqs - 1].op, CTL_LEG_DROP);
    world_give(w);
    answer_bye(w, last(w), 481); /* a peer that has forgotten is as good as one that agrees */
    assert_int_equal(count_get(&w->focus->stats.calls), 0);
    world_close(w);
}

static void test_retransmission_and_dialog(void **state)
{
    struct world *w = world_open((struct focus_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1], value[256];

    issue(w, 1, user);
    struct phone a = phone_of(w, 2, user);
    assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
    struct phone again = a; /* the same INVITE, before and after the ACK */
    again.to_tag[0] = '\0';
    snprintf(again.target, sizeof again.target, "sip:%s@" DOMAIN, user);
    again.branch--;
    assert_int_equal(phone_send(&again, "INVITE", 1, SDP_PCMU), 0); /* absorbed: the 200 repeats by its own timer */
    phone_ack(&a, NULL);
    again.branch = 0;
    phone_send(&again, "INVITE", 1, SDP_PCMU);
    assert_int_equal(count_get(&w->focus->stats.calls_made), 1);

    struct phone b = a; /* hijackers: each of the three ids wrong */
    b.branch = 1000;
    snprintf(b.to_tag, sizeof b.to_tag, "0123456789abcdef");
    assert_int_equal(phone_send(&b, "BYE", 50, NULL), 481);
    b = a;
    b.branch = 2000;
    b.number = 77;
    assert_int_equal(phone_send(&b, "BYE", 50, NULL), 481);
    b = a;
    b.branch = 3000;
    b.to_tag[0] = '\0';
    assert_int_equal(phone_send(&b, "BYE", 50, NULL), 481);
    assert_int_equal(count_get(&w->focus->stats.calls), 1);

    a.cseq = 10;
    assert_int_equal(phone_send(&a, "OPTIONS", 0, NULL), 200);
    assert_true(header(last(w), "Contact", value, sizeof value) && strstr(value, "isfocus"));
    assert_int_equal(phone_invite(&a, SDP_PCMU), 200);
    phone_ack(&a, NULL);
    assert_int_equal(phone_send(&a, "INVITE", 5, SDP_PCMU), 500);
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200);
    world_close(w);
}

static void test_quiet(void **state)
{
    struct world *w = world_open((struct focus_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];

    issue(w, 1, user);
    struct phone a = join(w, 2, user, SDP_PCMU), b = join(w, 3, user, SDP_PCMU), c = phone_of(w, 4, user);
    assert_int_equal(phone_invite(&b, SDP_HOLD), 200);
    phone_ack(&b, NULL);
    assert_int_equal(phone_invite(&c, SDP_PCMU), 200); /* its ACK is late */
    unsigned byes = count_sent(w, "BYE ");
    for (struct call *call = w->focus->calls; call; call = call->next) {
        struct ctl_ev ev = {.event = EV_QUIET, .id = (uint64_t)(uintptr_t)call};
        assert_true(ring_put(&w->ctl.events, &ev));
    }
    focus_beat(w->focus);
    assert_int_equal(count_sent(w, "BYE ") - byes, 1); /* a; b is held, c may not get a BYE before its ACK */
    answer_bye(w, last(w), 200);
    phone_ack(&c, NULL);
    assert_int_equal(count_sent(w, "BYE ") - byes, 2);
    assert_int_equal(phone_send(&c, "BYE", 0, NULL), 200); /* BYEs cross */
    answer_bye(w, w->sent[(w->n_sent - 2) % SENT_MAX], 481);
    world_work(w);
    world_give(w);
    assert_int_equal(count_get(&w->focus->stats.calls), 1);
    assert_int_equal(count_get(&w->focus->stats.ended[FOCUS_END_QUIET]), 2);
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 481);
    world_close(w);
}

static void test_full(void **state)
{
    char user[URI_TOKEN_CHARS + 1], value[64];
    struct world *w = world_open((struct focus_cfg){.legs_max = 2}, 0, NULL);
    issue(w, 1, user);
    join(w, 2, user, SDP_PCMU);
    join(w, 3, user, SDP_PCMU);
    struct phone c = phone_of(w, 4, user);
    assert_int_equal(phone_invite(&c, SDP_PCMU), 486);
    assert_int_equal(phone_send(&c, "OPTIONS", 0, NULL), 486); /* mirrors */
    world_close(w);

    uint32_t cost = place_cost_of(CODEC_PCMU, 8000, 20).cpu_us;
    w = world_open((struct focus_cfg){0}, cost * 2, NULL);
    issue(w, 1, user);
    join(w, 2, user, SDP_PCMU);
    join(w, 3, user, SDP_PCMU);
    c = phone_of(w, 4, user);
    assert_int_equal(phone_invite(&c, SDP_PCMU), 503);
    assert_true(header(last(w), "Retry-After", value, sizeof value));
    assert_int_equal(count_get(&w->focus->stats.refused[FOCUS_CPU]), 1);
    world_close(w);

    /* Worker's ring full: nothing is lent, nothing is lost. */
    w = world_open((struct focus_cfg){0}, 0, NULL);
    issue(w, 1, user);
    struct phone a = join(w, 2, user, SDP_PCMU);
    world_work(w);
    struct ctl_req filler = {.op = CTL_LEG_SET};
    while (ctl_put(&w->ctl, &filler) == 0) {
    }
    c = phone_of(w, 4, user);
    assert_int_equal(phone_invite(&c, SDP_PCMU), 503);
    assert_int_equal(phone_invite(&a, SDP_PCMA), 503); /* a change is refused, the call goes on */
    assert_int_equal(phone_send(&a, "BYE", 0, NULL), 200); /* an end is not refused: the drop waits */
    assert_int_equal(w->focus->n_due, 1);
    world_work(w);
    focus_beat(w->focus);
    assert_int_equal(w->focus->n_due, 0);
    world_work(w);
    assert_int_equal(w->reqs[0].op, CTL_LEG_DROP);
    world_give(w);
    assert_int_equal(count_get(&w->focus->stats.calls), 0);
    world_close(w);

    w = world_open((struct focus_cfg){.conferences_max = 1}, 0, NULL);
    issue(w, 1, user);
    c = phone_of(w, 2, "conferences");
    assert_int_equal(phone_send(&c, "INVITE", 0, SDP_PCMU), 503);
    world_close(w);
}

static void test_options(void **state)
{
    struct world *w = world_open((struct focus_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1], value[256];
    static const char *const users[] = {"conferences", "nobody"};
    static const int statuses[] = {200, 404};

    for (unsigned i = 0; i < 2; i++) {
        struct phone p = phone_of(w, i + 1, users[i]);
        assert_int_equal(phone_send(&p, "OPTIONS", 0, NULL), statuses[i]);
    }
    struct phone p = phone_of(w, 9, "x");
    snprintf(p.target, sizeof p.target, "sip:127.0.0.1");
    assert_int_equal(phone_send(&p, "OPTIONS", 0, NULL), 200);
    assert_true(header(last(w), "Allow", value, sizeof value) && header(last(w), "Accept", value, sizeof value));
    issue(w, 10, user);
    p = phone_of(w, 11, user);
    assert_int_equal(phone_send(&p, "OPTIONS", 0, NULL), 200);
    assert_true(header(last(w), "Contact", value, sizeof value) && strstr(value, ";isfocus"));
    world_close(w);
}

static void test_time_limits(void **state)
{
    struct world *w = world_open((struct focus_cfg){.life_s = 120}, 0, NULL);
    char unused[URI_TOKEN_CHARS + 1], used[URI_TOKEN_CHARS + 1];

    issue(w, 1, unused);
    issue(w, 2, used);
    assert_string_not_equal(unused, used);
    join(w, 3, used, SDP_PCMU);
    world_run(w, 61000);
    struct phone p = phone_of(w, 4, unused);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 410);
    assert_int_equal(count_sent(w, "BYE "), 0);
    world_run(w, 60000);
    assert_int_equal(count_sent(w, "BYE p"), 0);
    assert_true(count_sent(w, "BYE ") >= 1); /* no conference lives for ever */
    p = phone_of(w, 5, used);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 410);
    world_close(w);
}

static void test_reservation(void **state)
{
    uint32_t cost = place_cost_of(CODEC_PCMU, 8000, 20).cpu_us;
    struct world *w = world_open((struct focus_cfg){.reservation = true}, cost * 4, NULL);
    char user[URI_TOKEN_CHARS + 1];
    struct place_load load;

    issue(w, 1, user);
    place_load(w->place, &load);
    assert_int_equal(load.pairs_held, 3);
    struct phone p = phone_of(w, 2, "conferences");
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 503); /* no room for three more */
    for (unsigned i = 0; i < 3; i++) {
        join(w, 10 + i, user, SDP_PCMU);
    }
    place_load(w->place, &load);
    assert_int_equal(load.pairs_held, 0);
    assert_int_equal(load.pairs_used, 3);
    world_close(w);

    w = world_open((struct focus_cfg){.reservation = true}, cost * 4, NULL);
    issue(w, 1, user);
    world_run(w, 31000); /* the hold ends, the URI is still good */
    place_load(w->place, &load);
    assert_int_equal(load.pairs_held + load.cpu_used_us, 0);
    join(w, 2, user, SDP_PCMU);
    world_close(w);
}

static void test_restart(void **state)
{
    char path[] = "/tmp/mixminus-call-XXXXXX", spec[64], command[128];
    char good[URI_TOKEN_CHARS + 1], over[URI_TOKEN_CHARS + 1], next[URI_TOKEN_CHARS + 1];
    assert_non_null(mkdtemp(path));
    snprintf(spec, sizeof spec, "sqlite:%s/s.db", path);

    struct world *w = world_open((struct focus_cfg){0}, 0, spec);
    issue(w, 1, over);
    struct phone p = join(w, 2, over, SDP_PCMU);
    assert_int_equal(phone_send(&p, "BYE", 0, NULL), 200);
    world_run(w, 6000);
    world_work(w);
    world_give(w);
    issue(w, 3, good);
    world_close(w);

    w = world_open((struct focus_cfg){0}, 0, spec);
    p = phone_of(w, 1, over);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 410);
    issue(w, 2, next);
    assert_string_not_equal(next, good);
    assert_memory_equal(next, good, 4);      /* same node */
    assert_memory_not_equal(next, good, 8);  /* not the slot of one that lives */
    join(w, 3, good, SDP_PCMU);
    world_close(w);
    snprintf(command, sizeof command, "rm -rf %s", path);
    assert_int_equal(system(command), 0);
}

static void test_stop(void **state)
{
    struct world *w = world_open((struct focus_cfg){0}, 0, NULL);
    char user[URI_TOKEN_CHARS + 1];

    issue(w, 1, user);
    for (unsigned i = 0; i < 5; i++) {
        join(w, 2 + i, user, SDP_PCMU);
    }
    focus_stop(w->focus);
    assert_int_equal(count_sent(w, "BYE "), 5);
    struct phone p = phone_of(w, 20, "conferences");
    assert_int_equal(phone_send(&p, "INVITE", 0, SDP_PCMU), 503);
    world_close(w);
}

/* Anything in any order, from a printed seed. */
static void test_any_order(void **state)
{
    static const char *const bodies[] = {SDP_PCMU, SDP_PCMA, SDP_HOLD, SDP_SAVP, NULL, "nonsense",
                                         SDP_PCMU "a=rtcp-mux\r\n"};
    for (uint64_t seed = 1; seed <= 30; seed++) {
        struct world *w = world_open((struct focus_cfg){.reservation = seed % 2, .legs_max = 4}, 100000, NULL);
        struct phone phones[12];
        char users[4][URI_TOKEN_CHARS + 1] = {""};
        unsigned number = 1000;
        struct focus_stats *s = &w->focus->stats;

        w->seed = seed * 0x9e3779b97f4a7c15ull;
        for (unsigned i = 0; i < ARRAY_LEN(phones); i++) {
            phones[i] = phone_of(w, number++, "conferences");
        }
        for (unsigned step = 0; step < 1500; step++) {
            struct phone *p = &phones[draw(w) % ARRAY_LEN(phones)];
            const char *body = bodies[draw(w) % ARRAY_LEN(bodies)];
            char contact[512];
            switch (draw(w) % 12) {
            case 0: { /* a new call */
                char *user = users[draw(w) % ARRAY_LEN(users)];
                *p = phone_of(w, number++, *user ? user : "conferences");
                phone_invite(p, body);
                break;
            }
            case 1: {
                struct phone f = phone_of(w, number++, "conferences");
                if (phone_send(&f, "INVITE", 0, SDP_PCMU) == 302 && header(last(w), "Contact", contact, sizeof contact)) {
                    memcpy(users[draw(w) % ARRAY_LEN(users)], contact + 5, URI_TOKEN_CHARS);
                }
                break;
            }
            case 2:
            case 3:
                phone_ack(p, body);
                break;
            case 4:
                phone_invite(p, body);
                break;
            case 5:
                phone_send(p, "BYE", 0, NULL);
                break;
            case 6:
                if (strncmp(last(w), "BYE ", 4) == 0) {
                    answer_bye(w, last(w), draw(w) % 2 ? 200 : 481);
                }
                break;
            case 7:
                world_work(w);
                break;
            case 8:
                world_give(w);
                break;
            case 9:
                world_run(w, draw(w) % 3000);
                break;
            case 10: /* no RTP on a leg that the worker still has */
                for (struct call *call = w->focus->calls; call; call = call->next) {
                    if (call->leg && draw(w) % 4 == 0) {
                        struct ctl_ev ev = {.event = EV_QUIET, .id = (uint64_t)(uintptr_t)call};
                        ring_put(&w->ctl.events, &ev);
                    }
                }
                focus_beat(w->focus);
                break;
            default:
                phone_send(p, draw(w) % 2 ? "OPTIONS" : "CANCEL", p->cseq, NULL);
            }
            if (draw(w) % 500 == 0) { /* the ring fills up */
                struct ctl_req filler = {.op = CTL_LEG_SET};
                while (ctl_put(&w->ctl, &filler) == 0) {
                }
            }
            if (w->n_legs > 200 || w->n_confs > 200) {
                world_give(w);
            }
        }
        assert_true(count_get(&s->calls_made) > 20);
        world_close(w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_redirect_flow),
        cmocka_unit_test(test_direct_flow),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_offerless),
        cmocka_unit_test(test_reinvite),
        cmocka_unit_test(test_ack_lost),
        cmocka_unit_test(test_retransmission_and_dialog),
        cmocka_unit_test(test_quiet),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_time_limits),
        cmocka_unit_test(test_reservation),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
