/* A call's leg: built here, lent to a worker, taken back. */
#include "sig/call.h"

#include "core/conf/leg.h"
#include "core/ctl.h"
#include "sig/annex.h"
#include "sig/room.h"

#include <errno.h>
#include <string.h>

int call_media_take(struct call *call, struct place_cost cost)
{
    struct place *place = call->focus->place;
    struct room *room = call->room;
    int err = room_open(room, cost);
    if (!err) {
        err = place_leg_take(place, room->worker, &room->hold, cost, &call->place);
    }
    if (err != -EAGAIN || room->state != ROOM_OPEN) {
        return err;
    }
    int worker = place_choose_beside(place, room->worker, cost);
    return worker < 0 ? worker : place_leg_take(place, worker, NULL, cost, &call->place);
}

struct conf *call_conf(const struct call *call)
{
    return call->annex ? call->annex->conf : call->room->conf;
}

static struct ctl *worker_of(const struct call *call)
{
    return place_worker(call->focus->place, call->place.worker);
}

/* @return 0 | -EINVAL | -ENOMEM | -EIO */
static int leg_make(struct call *call, const struct offer_media *media, struct feed *feed, struct leg **leg)
{
    struct focus *f = call->focus;
    struct leg_cfg cfg = {.id = (uint64_t)(uintptr_t)call, .feed = feed ? feed->relay : NULL};
    struct {
        uint32_t ssrc, ts0;
        uint16_t seq0;
    } draw;

    offer_media_apply(media, &cfg);
    int err = f->world.random(f->world.ctx, &draw, sizeof draw);
    if (err) {
        return err;
    }
    cfg.rtp_fd = call->place.rtp_fd;
    cfg.rtcp_fd = media->rtcp_mux ? -1 : call->place.rtcp_fd;
    cfg.ssrc = draw.ssrc;
    cfg.ts0 = draw.ts0;
    cfg.seq0 = draw.seq0 & 0x7fff; /* RFC 3711 3.3.1: no rollover while the peer's first packets may be lost */
    cfg.quiet_s = f->cfg.quiet_s;
    if (call->dialog.direct && call->dialog.flow.remote.sa.sa_family == f->cfg.policy.family) {
        cfg.latch_host = call->dialog.flow.remote;
    }
    memcpy(cfg.cname, f->cfg.cname, sizeof cfg.cname);
    err = leg_build(leg, &cfg);
    keys_wipe(&cfg.seal, sizeof cfg.seal);
    return err;
}

static void lent(struct call *call, struct leg *leg, struct feed *feed)
{
    call->leg = leg;
    call->feed = feed;
    call->n_lent++;
    count_add(&call->focus->stats.legs, 1);
}

/* Mutes and deafens the leg, or takes both back. */
static int put_shut(struct call *call, bool is_shut)
{
    struct ctl_req req = {.op = CTL_LEG_SET, .conf = call_conf(call), .leg = call->leg};
    req.set.what = SET_MUTE | SET_DEAF;
    req.set.muted = req.set.deaf = is_shut;
    return ctl_put(worker_of(call), &req) == 0 ? 0 : -EBUSY;
}

/* Who owes a PIN neither hears nor is heard. If the worker cannot be told, the leg goes; the PIN's time ends the call.
 */
static int shut_if_due(struct call *call)
{
    if (!call->pin.is_due || put_shut(call, true) == 0) {
        return 0;
    }
    call_media_drop(call);
    return -EBUSY;
}

static int put_add(struct call *call, const struct offer_media *media)
{
    struct ctl_req req = {.op = CTL_LEG_ADD};
    struct feed *feed = NULL;
    int err = 0;

    if (call->place.worker != call->room->worker) {
        err = annex_get(call->room, call->place.worker, &call->annex);
        err = err ? err : feed_get(call->room, media, &feed);
    }
    err = err ? err : leg_make(call, media, feed, &req.leg);
    req.conf = call_conf(call);
    if (!err && ctl_put(worker_of(call), &req) != 0) {
        leg_free(req.leg);
        err = -EBUSY;
    }
    if (err) {
        feed_put(feed);
        annex_put(call->annex);
        call->annex = NULL;
        return err;
    }
    lent(call, req.leg, feed);
    return shut_if_due(call);
}

void call_media_let_in(struct call *call)
{
    if (call->leg && put_shut(call, false) != 0) {
        call_end(call, FOCUS_END_FAULT); /* the worker takes nothing: better gone than there without a voice */
    }
}

int call_media_start(struct call *call)
{
    must(!call->leg && call->place.active && !call->dropped);
    return put_add(call, &call->media);
}

/* Direction and address only: the leg stays. */
static int put_set(struct call *call, const struct offer_media *media)
{
    struct ctl_req req = {.op = CTL_LEG_SET, .conf = call_conf(call), .leg = call->leg};
    req.set.what = SET_DIRECTION;
    req.set.rx_on = media->rx_on;
    req.set.tx_on = media->tx_on;
    if (addr_is_set(&media->remote_rtp) && (!addr_same(&media->remote_rtp, &call->media.remote_rtp) ||
                                            !addr_same(&media->remote_rtcp, &call->media.remote_rtcp))) {
        req.set.what |= SET_REMOTE;
        req.set.remote_rtp = media->remote_rtp;
        req.set.remote_rtcp = media->remote_rtcp;
        if (call->dialog.direct && call->dialog.flow.remote.sa.sa_family == call->focus->cfg.policy.family) {
            req.set.latch_host = call->dialog.flow.remote;
        }
    }
    return ctl_put(worker_of(call), &req) == 0 ? 0 : -EBUSY;
}

/* Another leg in the place of the running one. With the same sockets it is a swap; when RTCP joins or leaves the RTP
 * socket the old leg must have left them first: then it is a drop and an add, and SSRC and sequence begin anew. */
static int put_swap(struct call *call, const struct offer_media *media)
{
    struct ctl_req req = {.op = CTL_LEG_SWAP, .conf = call_conf(call), .old = call->leg};
    struct feed *feed = NULL;
    int err = call->annex ? feed_get(call->room, media, &feed) : 0;

    err = err ? err : leg_make(call, media, feed, &req.leg);
    if (!err && media->rtcp_mux != call->media.rtcp_mux) {
        struct ctl_req drop = {.op = CTL_LEG_DROP, .conf = call_conf(call), .leg = call->leg};
        if (ctl_put(worker_of(call), &drop) == 0) {
            call->leg = NULL; /* if the add fails now, the caller sees that there is no leg and ends the call */
            req.op = CTL_LEG_ADD;
            req.old = NULL;
        } else {
            leg_free(req.leg);
            err = -EBUSY;
        }
    }
    if (!err && ctl_put(worker_of(call), &req) != 0) {
        leg_free(req.leg);
        err = -EBUSY;
    }
    if (err) {
        feed_put(feed);
        return err;
    }
    lent(call, req.leg, feed);
    return shut_if_due(call);
}

int call_media_change(struct call *call, const struct offer_media *wanted)
{
    struct place_cost old = call->place.cost;
    struct place_cost cost = invite_cost(wanted);
    struct offer_media media = *wanted;

    if (!addr_is_set(&media.remote_rtp)) { /* hold by 0.0.0.0: the leg keeps what it knows for the resume */
        media.remote_rtp = call->media.remote_rtp;
        media.remote_rtcp = call->media.remote_rtcp;
    }
    int err = place_leg_reprice(call->focus->place, &call->place, cost);
    if (err) {
        return err;
    }
    err = offer_media_same_leg(&media, &call->media) ? put_set(call, &media) : put_swap(call, &media);
    if (err) {
        must(place_leg_reprice(call->focus->place, &call->place, old) == 0);
        return err;
    }
    call->media = media;
    return 0;
}

void call_media_drop(struct call *call)
{
    call->dropped = true;
    if (call->moving) {
        call_move_end(call);
        if (call->n_lent == 0) {
            place_leg_give(call->focus->place, &call->place);
        }
        return;
    }
    if (!call->leg) {
        if (call->n_lent == 0) {
            place_leg_give(call->focus->place, &call->place);
        }
        annex_put(call->annex);
        call->annex = NULL;
        return;
    }
    struct ctl_req req = {.op = CTL_LEG_DROP, .conf = call_conf(call), .leg = call->leg};
    bool full = ctl_put(worker_of(call), &req) != 0;
    if (!full) {
        call->leg = NULL; /* named for the last time */
        annex_put(call->annex);
        call->annex = NULL;
    }
    if (full != call->drop_due) {
        call->drop_due = full;
        call->room->n_drops_due += full ? 1 : -1u;
        call->focus->n_due += full ? 1 : -1u;
    }
}

void call_media_gone(struct call *call, struct leg *leg)
{
    must(call->n_lent > 0);
    call->n_lent--;
    count_add(&call->focus->stats.legs, (uint64_t)-1);
    if (call->moving && leg == call->leg) {
        call_move_on(call);
    } else {
        feed_put(feed_find(call->room, leg_cfg_of(leg)->feed));
        leg_free(leg);
    }
    if (call->n_lent == 0 && call->dropped) {
        place_leg_give(call->focus->place, &call->place);
    }
    call_settle(call);
}
