/* What signalling says to a leg of the peer's addresses and of its life, and what the leg says of them. The rule is
 * core/conf/leg_source.h. */
#include "sig/call/call.h"

#include "core/conf/leg.h"
#include "core/ctl.h"

#include <string.h>

static void due_set(struct call *call, bool *due, bool on)
{
    if (*due != on) {
        *due = on;
        call->env->n_due += on ? 1 : -1u;
    }
}

void call_source_forget(struct call *call)
{
    due_set(call, &call->open_due, false);
    due_set(call, &call->loops, false);
    call_tx_ssrc_set(call, 0);
}

void call_source_hosts(struct call *call, const struct addr *rtp, struct call_hosts *hosts)
{
    memset(hosts, 0, sizeof *hosts);
    if (call->dialog.direct && call->dialog.flow.remote.sa.sa_family == call->place.family) {
        hosts->latch = call->dialog.flow.remote;
    }
    local_alias(call->env, rtp, &hosts->alias);
    call->latch = hosts->latch;
}

static int set_put(struct call *call, struct ctl_req *req)
{
    req->op = CTL_LEG_SET;
    req->conf = call_conf(call);
    req->leg = call->leg;
    return ctl_put(place_worker(call->env->place, call->place.worker), req);
}

void call_media_open(struct call *call)
{
    struct ctl_req req = {.set = {.what = SET_OPEN}};
    bool had = call->is_open;
    call->is_open = true;
    if (!call->leg || (had && !call->open_due)) {
        due_set(call, &call->open_due, false);
        return;
    }
    due_set(call, &call->open_due, call->moving || set_put(call, &req) != 0);
}

void call_media_alive(struct call *call)
{
    struct ctl_req req = {.set = {.what = SET_ALIVE}};
    struct call_hosts hosts;
    if (!call->leg || !call->is_open || call->moving) {
        return;
    }
    struct addr latch = call->latch;
    call_source_hosts(call, &call->media.remote_rtp, &hosts);
    if (addr_is_set(&call->media.remote_rtp) && addr_is_set(&hosts.latch) && !addr_same_host(&hosts.latch, &latch)) {
        req.set.what |= SET_REMOTE; /* it has gone to another network: its media may come from there now */
        req.set.remote_rtp = call->media.remote_rtp;
        req.set.remote_rtcp = call_remote_rtcp(&call->media);
        req.set.latch_host = hosts.latch;
        req.set.alias_host = hosts.alias;
    }
    set_put(call, &req); /* a full ring: the next one will do */
}

/* --- Streams of our own that come round --------------------------------------------------------------------------- */

static struct call **ssrc_slot(struct env *env, uint32_t ssrc)
{
    return &env->tx_ssrcs[ssrc % ENV_SSRCS];
}

void call_tx_ssrc_set(struct call *call, uint32_t ssrc)
{
    struct env *env = call->env;
    for (struct call **link = ssrc_slot(env, call->tx_ssrc); call->tx_ssrc && *link; link = &(*link)->ssrc_next) {
        if (*link == call) {
            *link = call->ssrc_next;
            break;
        }
    }
    call->tx_ssrc = ssrc;
    if (ssrc) {
        call->ssrc_next = *ssrc_slot(env, ssrc);
        *ssrc_slot(env, ssrc) = call;
    }
}

bool call_ssrc_is_ours(struct call *call, uint32_t ssrc)
{
    struct ctl_req req = {.set = {.what = SET_REFUSED_SSRC, .refused_ssrc = ssrc}};
    const struct call *of = *ssrc_slot(call->env, ssrc);
    while (of && of->tx_ssrc != ssrc) {
        of = of->ssrc_next;
    }
    if (!of) {
        return false;
    }
    if (call->leg && !call->moving && set_put(call, &req) == 0) {
        log_line(call->env->log, LOG_WARN, "call %llu: what is sent to call %llu comes back by it, and is not heard",
                 (unsigned long long)call->member.id, (unsigned long long)of->member.id);
    }
    return true;
}

void call_port_opened(struct env *env, uint16_t port)
{
    if (!place_port_is_named(env->place, port)) {
        return;
    }
    for (struct call *call = env->calls; call; call = call->next) {
        struct addr rtp = addr_unmapped(&call->media.remote_rtp), rtcp = addr_unmapped(&call->media.remote_rtcp);
        bool is_rtp = addr_port(&rtp) / 2 == port / 2 && local_reaches_media(env, &rtp);
        bool is_rtcp = addr_port(&rtcp) / 2 == port / 2 && local_reaches_media(env, &rtcp);
        if (call->has_media && (is_rtp || is_rtcp)) {
            due_set(call, &call->loops, true);
        }
    }
}

/* --- Packets that cannot be used ---------------------------------------------------------------------------------- */

static const char *advice(enum drop drop)
{
    switch (drop) {
    case DROP_SOURCE:
        return "it, or the NAT or proxy before it, must name in SDP the host that it sends from";
    case DROP_PROBATION:
        return "another stream comes from the port that it is known by";
    case DROP_AUTH:
        return "it must use the SRTP key of its own SDP";
    case DROP_PAYLOAD_TYPE:
        return "it must send the payload types that were agreed on";
    default:
        return "capture its packets to see why";
    }
}

void call_unheard(struct call *call, enum drop drop, const struct addr *from)
{
    char source[ADDR_TEXT_MAX], said[ADDR_TEXT_MAX];
    log_line(call->env->log, LOG_WARN,
             "call %llu: no RTP heard for 3 s: packets come from %s, its SDP said %s; dropped as %s (%s); %s",
             (unsigned long long)call->member.id, addr_text(from, source), addr_text(&call->media.remote_rtp, said),
             drop_name(drop), drop_text(drop), advice(drop));
}

void call_failed(struct call *call, int error)
{
    log_line(call->env->log, LOG_ERROR, "call %llu: its sockets cannot be used: %s",
             (unsigned long long)call->member.id, strerror(error));
    call_end(call, ENDING_FAULT);
}
