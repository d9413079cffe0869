/*
 * Short calls while the others are measured: each dials the factory, answers what it is challenged with, follows the
 * 302, and hangs up when it is up. Nothing is sent to them and nothing they hear is looked at. See load.h.
 */
#include "tools/load/load.h"

#include "core/io_socket.h"
#include "sig/net/net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST_MAX 64 /* dialled in one turn: who is late dials less, not all at once */

struct load_short_call {
    uint64_t begin_ns;
    bool is_up;
};

/* One offer for all: port 9 of this machine, where nobody is. */
static int offer_make(struct load *load)
{
    struct load_short *s = &load->brief;
    struct sdp_out out = {s->offer, 0, sizeof s->offer, false};
    struct offer_session session;
    struct offer_local local;
    uint64_t random;
    net_random(&random, sizeof random);
    net_random(local.fresh, sizeof local.fresh);
    offer_session_init(&session, random);
    addr_parse(&local.rtp, "127.0.0.1", 9);
    int err = offer_write(&session, &load->codecs[0].policy, &local, true, true, &out);
    s->n_offer = out.n;
    return err;
}

int load_short_open(struct load *load)
{
    struct load_short *s = &load->brief;
    size_t n = (size_t)load->cfg->short_calls * load->cfg->seconds;
    if (n == 0) {
        return 0;
    }
    s->setup_ms = calloc(n, sizeof *s->setup_ms);
    s->calls = calloc(n, sizeof *s->calls);
    return s->setup_ms && s->calls ? offer_make(load) : -ENOMEM;
}

void load_short_close(struct load *load)
{
    free(load->brief.setup_ms);
    free(load->brief.calls);
}

/* ua_step tells of calls by their tag: that of a short one points into its array. */
bool load_is_short(const struct load *load, const void *tag)
{
    const char *first = (const char *)load->brief.calls, *at = tag;
    size_t n = (size_t)load->cfg->short_calls * load->cfg->seconds;
    return n > 0 && at >= first && at < first + n * sizeof *load->brief.calls;
}

void load_short_step(struct load *load, double since_s, uint64_t now_ns)
{
    struct load_short *s = &load->brief;
    char factory[ADDR_TEXT_MAX + 80], text[ADDR_TEXT_MAX];
    uint64_t due =
        MIN((uint64_t)(since_s * load->cfg->short_calls), (uint64_t)load->cfg->short_calls * load->cfg->seconds);
    snprintf(factory, sizeof factory, "sip:%s@%s", load->cfg->factory, addr_text(&load->cfg->server, text));
    for (unsigned n = 0; s->n_tried < due && n < BURST_MAX; n++) {
        struct load_short_call *mine = &s->calls[s->n_tried++];
        struct ua_dial dial = {.target = factory, .body = s->offer, .n_body = s->n_offer, .tag = mine};
        struct ua_call *call;
        mine->begin_ns = now_ns;
        s->n_failed += ua_dial(load->ua, &dial, &call) != 0;
    }
}

void load_short_event(struct load *load, struct ua_call *call, const struct ua_event *event)
{
    struct load_short *s = &load->brief;
    struct load_short_call *mine = ua_call_tag(call);
    if (event->kind == UA_UP) {
        mine->is_up = true;
        s->setup_ms[s->n_setup++] = (double)(io_socket_now() - mine->begin_ns) / 1e6;
        ua_hangup(call);
    } else if (event->kind == UA_ENDED && mine->is_up && event->by_us && event->status == 200) {
        s->n_complete++;
    } else if (event->kind == UA_ENDED) {
        bool is_busy = event->status == 503 && event->msg;
        s->n_failed++;
        s->n_unavailable += is_busy;
        s->n_retry_after += is_busy && sip_header(event->msg, "Retry-After", 0);
        if (!is_busy && !s->failure[0]) {
            snprintf(s->failure, sizeof s->failure, "short call: %d %s", event->status, event->text);
        }
    }
}
