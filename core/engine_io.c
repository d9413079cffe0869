/* What the engine asks of its I/O besides the pull: sockets open and close, packets go; and events, to signalling. */
#include "core/engine_priv.h"

bool event_put(struct engine *e, const struct ctl_ev *ev)
{
    bool put = ring_put(&e->cfg.ctl->events, ev);
    if (!put) {
        count_add(&e->cfg.stats->events_lost, 1);
    }
    return put;
}

void events_post(struct engine *e, struct leg *leg)
{
    struct leg_pending *pending = &leg->pending;
    unsigned n_put = 0;
    for (bool put = true; put && n_put < pending->n_digits; n_put += put) {
        struct ctl_ev digit = {.event = EV_DTMF, .id = leg->cfg.id};
        digit.value = (uint32_t)(unsigned char)leg->notify.digits[n_put].digit;
        digit.duration_ms = leg->notify.digits[n_put].ms;
        put = event_put(e, &digit);
    }
    pending->n_digits -= (uint8_t)n_put;
    memmove(leg->notify.digits, leg->notify.digits + n_put, pending->n_digits * sizeof leg->notify.digits[0]);
    if (pending->quiet) {
        struct ctl_ev quiet = {.event = EV_QUIET, .id = leg->cfg.id};
        pending->quiet = !event_put(e, &quiet);
    }
    if (pending->speaks) {
        struct ctl_ev speaks = {.event = EV_SPEAKS, .id = leg->cfg.id};
        pending->speaks = !event_put(e, &speaks);
        e->alert_until_ns = e->now_ns + TICK_NS;
    }
    if (pending->silent) {
        struct ctl_ev silent = {.event = EV_SILENT, .id = leg->cfg.id, .value = leg->annex.silent};
        pending->silent = !event_put(e, &silent);
    }
    if (pending->played) {
        struct ctl_ev played = {.event = EV_PLAYED, .id = leg->cfg.id, .leg = leg};
        pending->played = !event_put(e, &played);
    }
    if (pending->codec) {
        struct ctl_ev codec = {.event = EV_CODEC, .id = leg->cfg.id, .value = leg->notify.codec_pt};
        pending->codec = !event_put(e, &codec);
    }
    if (pending->failed) {
        struct ctl_ev failed = {.event = EV_FAILED, .id = leg->cfg.id, .value = (uint32_t)-leg->notify.error};
        pending->failed = !event_put(e, &failed);
    }
    if (pending->unheard) {
        struct ctl_ev unheard = {.event = EV_UNHEARD, .id = leg->cfg.id, .value = leg->stats.last_drop};
        unheard.from = leg->notify.dropped_from;
        pending->unheard = !event_put(e, &unheard);
    }
    if (pending->bye) {
        struct ctl_ev bye = {.event = EV_RTCP_BYE, .id = leg->cfg.id};
        pending->bye = !event_put(e, &bye);
    }
}

void engine_flush(struct outbox *box)
{
    struct engine *e = box->owner;
    if (!box->n) {
        return;
    }
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < box->n; i++) {
        bytes += box->packets[i].bytes;
    }
    count_add(&e->cfg.stats->tx_packets, box->n);
    count_add(&e->cfg.stats->tx_bytes, bytes);
    stage_mark(&e->watch, STAGE_SEAL); /* a full box is sent in the midst of it */
    e->cfg.io->ops->tx(e->cfg.io, box->packets, box->n);
    stage_mark(&e->watch, STAGE_SEND);
    box->n = 0;
}

static void sockets_refused(struct engine *e, struct leg *leg, int err)
{
    count_add(&e->cfg.stats->legs_failed, 1);
    leg->socket = SOCKET_NONE;
    leg->notify.error = err;
    leg->pending.failed = true;
}

/* Its RTP socket is open. @return 0 | negative errno: that is closed again */
static int rtcp_open(struct engine *e, const struct leg *leg)
{
    struct io *io = e->cfg.io;
    int err = leg->cfg.rtcp_fd < 0 ? 0 : io->ops->open(io, leg->slot_rtcp, leg->cfg.rtcp_fd);
    if (err) {
        io->ops->close(io, leg->slot_rtp);
    }
    return err;
}

void sockets_open(struct engine *e, struct leg *leg)
{
    if (leg->cfg.rtp_fd < 0) {
        return;
    }
    count_add(&e->cfg.stats->legs, 1);
    int err = e->cfg.io->ops->open(e->cfg.io, leg->slot_rtp, leg->cfg.rtp_fd);
    err = err ? err : rtcp_open(e, leg);
    if (err) {
        sockets_refused(e, leg, err);
    } else {
        leg->socket = MAX(leg->socket, SOCKET_OPEN); /* it may come connected from another worker */
    }
}

void sockets_follow(struct engine *e, struct leg *leg, const struct leg *old)
{
    bool had = old->cfg.rtcp_fd >= 0, has = leg->cfg.rtcp_fd >= 0;
    if (leg->socket == SOCKET_NONE || had == has) {
        return;
    }
    if (had) {
        e->cfg.io->ops->close(e->cfg.io, leg->slot_rtcp);
        return;
    }
    int err = rtcp_open(e, leg);
    if (err) {
        sockets_refused(e, leg, err);
    }
}

void sockets_close(struct engine *e, const struct leg *leg)
{
    struct io *io = e->cfg.io;
    if (leg->cfg.rtp_fd >= 0) {
        count_add(&e->cfg.stats->legs, (uint64_t)-1);
    }
    if (leg->socket != SOCKET_NONE) {
        io->ops->close(io, leg->slot_rtp);
        if (leg->cfg.rtcp_fd >= 0) {
            io->ops->close(io, leg->slot_rtcp);
        }
    }
}

void engine_disconnect(struct engine *e, struct leg *leg)
{
    if (leg_is_connected(leg)) {
        engine_flush(&e->box); /* what stands there for the connected socket names no address */
        e->cfg.io->ops->disconnect(e->cfg.io, leg->slot_rtp);
        leg->socket = SOCKET_OPEN;
    }
    leg->moved = false;
}
