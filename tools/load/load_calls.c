/* Calls: the first of each room dials the factory, the others what it was sent to. See load.h. */
#include "tools/load/load.h"

#include "core/io_socket.h"
#include "sig/net/net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void fail(struct load *load, struct load_leg *leg, const char *why, int status)
{
    if (load_is_churner(load, leg)) {
        load->churn.n_failed++;
        leg->state = LOAD_OVER;
        return;
    }
    load->n_failed++;
    leg->state = LOAD_OVER;
    if (leg->member == 0) {
        load->rooms[leg->room].failed = true;
    }
    if (!load->failure[0]) {
        snprintf(load->failure, sizeof load->failure, "call %u: %d %s", (unsigned)(leg - load->legs), status, why);
    }
}

int load_call_media(struct load *load, struct load_leg *leg, const struct ua_event *event)
{
    struct sdp sdp;
    struct offer_media media;
    int err = event->body ? sdp_parse(&sdp, event->body, event->n_body) : -ENOENT;
    if (!err) {
        err = offer_accept(&leg->session, &leg->codec->policy, &sdp, &media);
    }
    if (err || !addr_is_set(&media.remote_rtp) || media.remote_rtp.sa.sa_family != AF_INET) {
        return err ? err : -EAFNOSUPPORT;
    }
    return load_rtp_begin(load, leg, &media);
}

static void call_up(struct load *load, struct load_leg *leg, const struct ua_event *event)
{
    double took_ms = (double)(io_socket_now() - leg->begin_ns) / 1e6;
    if (load_call_media(load, leg, event) != 0) {
        fail(load, leg, "answer without usable media", event->status);
        ua_hangup(leg->call);
        return;
    }
    load->n_up++;
    if (leg->member == 0) {
        load->setup_ms[load->n_setup++] = took_ms;
        load->rooms[leg->room].uri = strdup(ua_call_target(leg->call));
    } else {
        load->join_ms[load->n_join++] = took_ms;
    }
}

static void on_event(void *ctx, struct ua_call *call, const struct ua_event *event)
{
    struct load *load = ctx;
    void *tag = call ? ua_call_tag(call) : NULL;
    struct load_leg *leg = tag;
    if (!leg) {
        return;
    }
    if (load_is_short(load, tag)) {
        load_short_event(load, call, event);
        return;
    }
    if (load_is_watcher(load, tag)) {
        load_watch_event(load, call, event);
        return;
    }
    if (load_is_churner(load, leg)) {
        load_churn_event(load, leg, call, event);
        return;
    }
    switch (event->kind) {
    case UA_UP:
        leg->call = call;
        call_up(load, leg, event);
        break;
    case UA_ENDED:
        leg->call = NULL;
        load->n_over++;
        if (!event->by_us && leg->state != LOAD_OVER) {
            load->n_unavailable += event->status == 503;
            load->n_retry_after += event->status == 503 && event->msg && sip_header(event->msg, "Retry-After", 0);
            fail(load, leg, event->text, event->status);
        }
        leg->state = LOAD_OVER;
        break;
    default:
        break;
    }
}

int load_calls_open(struct load *load)
{
    /* SIP remembers each transaction for 32 s: those of all who came and went in that time, and some more. */
    unsigned remembered = (load->cfg->churn + 2 * load->cfg->short_calls) * MIN(load->cfg->seconds, 40u);
    struct ua_cfg cfg = {
        .transport = load->cfg->transport, .user = "load",
        .calls_max = load->n_legs + remembered + 8 * load->cfg->watchers
    };
    struct ua_user user = { load, on_event };
    cfg.proxy = load->cfg->server;
    if (load->cfg->auth_user[0]) {
        cfg.auth_user = load->cfg->auth_user;
        cfg.auth_password = load->cfg->auth_password;
    }
    addr_parse(&cfg.local, "127.0.0.1", 0);
    load->setup_ms = calloc(load->cfg->calls, sizeof *load->setup_ms);
    load->join_ms = calloc(load->cfg->calls, sizeof *load->join_ms);
    return load->setup_ms && load->join_ms ? ua_build(&load->ua, &cfg, &user) : -ENOMEM;
}

void load_call_dial(struct load *load, struct load_leg *leg, const char *target)
{
    char body[OFFER_BODY_MAX], factory[ADDR_TEXT_MAX + 80], text[ADDR_TEXT_MAX];
    struct sdp_out out = { body, 0, sizeof body, false };
    struct offer_local local;
    uint64_t random;
    net_random(&random, sizeof random);
    net_random(local.fresh, sizeof local.fresh);
    offer_session_init(&leg->session, random);
    addr_parse(&local.rtp, "127.0.0.1", load_rtp_port(load, leg));
    snprintf(factory, sizeof factory, "sip:%s@%s", load->cfg->factory, addr_text(&load->cfg->server, text));
    int err = offer_write(&leg->session, &leg->codec->policy, &local, true, true, &out);
    struct ua_dial dial = {
        .target = target ? target : factory, .body = body, .n_body = out.n, .tag = leg
    };
    leg->state = LOAD_DIALLING;
    leg->begin_ns = io_socket_now();
    if (!err) {
        err = ua_dial(load->ua, &dial, &leg->call);
    }
    if (err) {
        fail(load, leg, strerror(-err), 0);
    }
}

/* First callers go first; the others in their order, as far as their room has its URI. */
static struct load_leg *leg_next(struct load *load)
{
    unsigned room = load->cfg->room, calls = load->cfg->calls;
    if (load->next_first < calls) {
        struct load_leg *leg = &load->legs[load->next_first];
        load->next_first += room;
        return leg;
    }
    while (load->next_member < calls) {
        struct load_leg *leg = &load->legs[load->next_member];
        if (leg->member != 0 && load->rooms[leg->room].failed) {
            fail(load, leg, "its room has no URI", 0);
        } else if (leg->member != 0) {
            if (!load->rooms[leg->room].uri) {
                return NULL;
            }
            load->next_member++;
            return leg;
        }
        load->next_member++;
    }
    return NULL;
}

void load_calls_step(struct load *load, uint64_t now_ns)
{
    if (load->dial_from_ns == 0) {
        load->dial_from_ns = now_ns;
    }
    uint64_t due = (now_ns - load->dial_from_ns) * load->cfg->rate / NS_PER_S + 1;
    while (load->n_dialled < due) {
        struct load_leg *leg = leg_next(load);
        if (!leg) {
            break;
        }
        load->n_dialled++;
        load_call_dial(load, leg, leg->member == 0 ? NULL : load->rooms[leg->room].uri);
    }
}

void load_calls_end(struct load *load)
{
    for (unsigned i = 0; i < load->n_legs; i++) {
        if (load->legs[i].call) {
            ua_hangup(load->legs[i].call);
        }
    }
}
