/* A call's leg: built here, lent to a worker, taken back. */
#include "sig/call/call.h"

#include "core/conf/leg.h"
#include "core/conf/leg_source.h"
#include "core/ctl.h"
#include "sig/room/annex.h"
#include "sig/room/event_id.h"
#include "sig/room/lobby.h"
#include "sig/room/room.h"

#include <errno.h>
#include <string.h>

/* In a lobby it has its own mix and encode, and what is played there. */
struct place_cost call_media_cost(const struct call *call, struct place_cost cost)
{
    if (call->ptt.is_on) {
        return place_cost_asleep(cost);
    }
    if (call->in_lobby) {
        cost.cpu_us = 2 * cost.cpu_us + cost.voice_us;
        cost.voice_us = 0;
    }
    return cost;
}

/* After its leg has got another cost, or is given back. */
static void voice_count(struct call *call)
{
    uint32_t us = call->place.active ? call->place.cost.voice_us : 0;
    if (us != call->voice_us) {
        room_voice_change(call->room, call->voice_us, us);
        call->voice_us = us;
    }
}

static void place_give(struct call *call)
{
    place_leg_give(call->env->place, &call->place);
    voice_count(call);
}

int call_media_reprice(struct call *call, struct place_cost cost)
{
    int err = place_leg_reprice(call->env->place, &call->place, cost);
    if (!err) {
        voice_count(call);
    }
    return err;
}

int call_media_take(struct call *call, struct place_cost leg_cost, int family)
{
    struct place *place = call->env->place;
    struct room *room = call->room;
    struct place_cost cost = call_media_cost(call, leg_cost), first = cost;
    call->place.family = family ? family : call->dialog.flow.remote.sa.sa_family;
    if (!room->hold.active) { /* it was held with the rest */
        first.cpu_us += room_voice_more(room, cost.voice_us);
    }
    int err = room_open(room, first);
    if (!err) {
        err = place_leg_take(place, room->worker, &room->hold, first, &call->place);
    }
    if (err == -EAGAIN && room->state == ROOM_OPEN && !room->floor.is_on) { /* a floor is of one worker */
        int worker = place_choose_beside(place, room->worker, cost);
        err = worker < 0 ? worker : place_leg_take(place, worker, NULL, cost, &call->place);
    }
    if (!err) {
        must(call_media_reprice(call, cost) == 0); /* it is no more */
        call_port_opened(call->env, call->place.port);
    }
    return err;
}

struct conf *call_conf(const struct call *call)
{
    return call->lobby ? call->lobby->conf : call->annex ? call->annex->conf : call->room->conf;
}

static struct ctl *worker_of(const struct call *call)
{
    return place_worker(call->env->place, call->place.worker);
}

struct addr call_remote_rtcp(const struct offer_media *media)
{
    bool same = addr_same_host(&media->remote_rtp, &media->remote_rtcp);
    return same ? media->remote_rtcp : (struct addr){.sa.sa_family = AF_UNSPEC};
}

/* Does its stream go on in another leg? Then its SSRC does. As seal_take_over. */
static bool goes_on(const struct call *call, const struct offer_media *media)
{
    const struct seal_keys *a = &call->media.seal, *b = &media->seal;
    return call->leg && a->suite == b->suite && memcmp(a->tx, b->tx, sizeof a->tx) == 0;
}

/* An address that has been sent to for nothing is not sent to again because the sockets change. */
static bool is_suspect(const struct call *call, const struct offer_media *media)
{
    bool is_proved = call->leg && count_get(&leg_view_of(call->leg)->phase) == SOURCE_PROVED;
    return call->tx_ssrc && !(is_proved && addr_same(&media->remote_rtp, &call->media.remote_rtp));
}

/* On hold, what comes is music that the others did not ask for, and takes a talker's place. */
static bool is_muted(const struct call *call)
{
    return call->is_held && !call->env->cfg.hold_music_is_mixed;
}

/* @return 0 | -EINVAL | -ENOMEM | -EIO */
static int leg_make(struct call *call, const struct offer_media *media, struct annex_source *source, struct leg **leg)
{
    struct env *env = call->env;
    struct call_hosts hosts;
    struct leg_cfg cfg = {.id = event_id(EVENT_CALL, call), .annex_source = source ? source->relay : NULL};
    struct {
        uint32_t ssrc, ts0;
        uint16_t seq0;
    } draw;

    offer_media_apply(media, &cfg);
    int err = env->world.random(env->world.ctx, &draw, sizeof draw);
    if (err) {
        return err;
    }
    cfg.rtp_fd = call->place.rtp_fd;
    cfg.rtcp_fd = media->rtcp_mux ? -1 : call->place.rtcp_fd;
    cfg.ssrc = goes_on(call, media) ? call->tx_ssrc : draw.ssrc;
    cfg.ts0 = draw.ts0;
    cfg.seq0 = draw.seq0 & 0x7fff; /* RFC 3711 3.3.1: no rollover while the peer's first packets may be lost */
    cfg.quiet_s = env->cfg.quiet_s;
    cfg.muted = is_muted(call);
    call_source_hosts(call, &media->remote_rtp, &hosts);
    cfg.remote_rtcp = call_remote_rtcp(media);
    cfg.latch_host = hosts.latch;
    cfg.alias_host = hosts.alias;
    cfg.is_shut = !call->is_open;
    cfg.no_grace = is_suspect(call, media);
    call_ptt_apply(call, media, &cfg);
    memcpy(cfg.cname, env->cfg.cname, sizeof cfg.cname);
    err = leg_build(leg, &cfg);
    keys_wipe(&cfg.seal, sizeof cfg.seal);
    return err;
}

/* Its new leg goes to the worker, with that request. @return 0 | -EBUSY ring full: the leg is gone, all else as before
 */
static int lend(struct call *call, const struct ctl_req *req, struct annex_source *source)
{
    uint32_t ssrc = leg_cfg_of(req->leg)->ssrc;
    if (ctl_put(worker_of(call), req) != 0) {
        leg_free(req->leg);
        return -EBUSY;
    }
    call->leg = req->leg;
    call->annex_source = source;
    call->n_lent++;
    count_add(&call->env->stats.legs, 1);
    call_tx_ssrc_set(call, ssrc);
    return 0;
}

/* Its leg is named there for the last time. */
static void conf_leave(struct call *call)
{
    struct lobby *lobby = call->lobby;
    annex_put(call->annex);
    call->annex = NULL;
    call->lobby = NULL;
    lobby_leave(lobby);
}

/* What a leg in the conference needs where the call has its place. @return 0 | as annex_get and annex_source_get; all
 * as before
 */
static int beside_get(struct call *call, const struct offer_media *media, struct annex **annex,
                      struct annex_source **source)
{
    *annex = NULL;
    *source = NULL;
    if (call->place.worker == call->room->worker) {
        return 0;
    }
    int err = annex_get(call->room, call->place.worker, annex);
    err = err ? err : annex_source_get(call->room, media, source);
    if (err) {
        annex_put(*annex);
    }
    return err;
}

static int put_add(struct call *call, const struct offer_media *media)
{
    struct ctl_req req = {.op = CTL_LEG_ADD};
    struct annex_source *source = NULL;
    int err = call->in_lobby ? lobby_open(&call->lobby, call->room, &call->member, call->place.worker)
                             : beside_get(call, media, &call->annex, &source);

    if (err) {
        call->annex = NULL;
        return err;
    }
    err = leg_make(call, media, source, &req.leg);
    req.conf = call_conf(call);
    err = err ? err : lend(call, &req, source);
    if (err) {
        annex_source_put(source);
        conf_leave(call);
    }
    return err;
}

int call_media_let_in(struct call *call)
{
    struct ctl_req req = {.op = CTL_LEG_TRANSFER, .leg = call->leg};
    struct annex *annex;
    struct annex_source *source;

    if (!call->leg) { /* our offer has no answer yet */
        call->in_lobby = false;
        return 0;
    }
    int err = beside_get(call, &call->media, &annex, &source);
    if (err) {
        return err;
    }
    req.conf = annex ? annex->conf : call->room->conf;
    req.annex_source = source ? source->relay : NULL;
    if (ctl_put(worker_of(call), &req) != 0) {
        annex_source_put(source);
        annex_put(annex);
        return -EBUSY;
    }
    conf_leave(call);
    call->annex = annex;
    call->annex_source = source;
    call->in_lobby = false;
    must(call_media_reprice(call, place_cost_media(&call->media)) == 0); /* it is less */
    return 0;
}

int call_media_start(struct call *call)
{
    must(!call->leg && call->place.active && !call->dropped);
    return put_add(call, &call->media);
}

void call_media_expect(struct call *call)
{
    bool is_near = call->dialog.direct && call->dialog.flow.remote.sa.sa_family == call->place.family;
    must(!call->leg && !call->has_media);
    if (is_near && offer_expected(&call->session, &call->env->cfg.policy, &call->media)) {
        call_media_start(call);
    }
}

/* Direction and address only: the leg stays. */
static int put_set(struct call *call, const struct offer_media *media, bool was_held)
{
    struct ctl_req req = {.op = CTL_LEG_SET, .conf = call_conf(call), .leg = call->leg};
    struct call_hosts hosts;
    req.set.what = SET_DIRECTION | (was_held != call->is_held ? SET_MUTE : 0);
    req.set.muted = is_muted(call);
    req.set.rx_on = media->rx_on;
    req.set.tx_on = media->tx_on;
    if (addr_is_set(&media->remote_rtp) && (!addr_same(&media->remote_rtp, &call->media.remote_rtp) ||
                                            !addr_same(&media->remote_rtcp, &call->media.remote_rtcp))) {
        req.set.what |= SET_REMOTE;
        req.set.remote_rtp = media->remote_rtp;
        req.set.remote_rtcp = call_remote_rtcp(media);
        req.set.remote_floor = media->floor.is_there ? req.set.remote_rtcp : (struct addr){.sa.sa_family = AF_UNSPEC};
        call_source_hosts(call, &media->remote_rtp, &hosts);
        req.set.latch_host = hosts.latch;
        req.set.alias_host = hosts.alias;
    }
    return ctl_put(worker_of(call), &req) == 0 ? 0 : -EBUSY;
}

/* Another leg in the place of the running one. */
static int put_swap(struct call *call, const struct offer_media *media)
{
    struct ctl_req req = {.op = CTL_LEG_SWAP, .conf = call_conf(call), .old = call->leg};
    struct annex_source *source = NULL;
    int err = call->annex ? annex_source_get(call->room, media, &source) : 0;

    err = err ? err : leg_make(call, media, source, &req.leg);
    err = err ? err : lend(call, &req, source);
    if (err) {
        annex_source_put(source);
    }
    return err;
}

int call_media_change(struct call *call, const struct offer_media *wanted)
{
    struct place_cost old = call->place.cost;
    struct place_cost cost = call_media_cost(call, place_cost_media(wanted));
    struct offer_media media = *wanted;
    bool was_held = call->is_held;

    if (!addr_is_set(&media.remote_rtp)) { /* hold by 0.0.0.0: the leg keeps what it knows for the resume */
        media.remote_rtp = call->media.remote_rtp;
        media.remote_rtcp = call->media.remote_rtcp;
    }
    int err = call_media_reprice(call, cost);
    if (err) {
        return err;
    }
    call->is_held = !media.tx_on && (call->media.tx_on || was_held);
    err = offer_media_same_leg(&media, &call->media) ? put_set(call, &media, was_held) : put_swap(call, &media);
    if (err) {
        call->is_held = was_held;
        must(call_media_reprice(call, old) == 0);
        return err;
    }
    call->media = media;
    return 0;
}

void call_media_codec(struct call *call, uint8_t pt)
{
    int i_voice = offer_voice_of(&call->media, pt);
    uint64_t now_ms = call->env->wheel->now_ms;
    bool is_soon = call->codec_ms && now_ms - call->codec_ms < 1000;
    if (i_voice < 0 || is_soon || !call->leg || call->moving || call->dropped) {
        return;
    }
    struct offer_media media = call->media;
    offer_media_turn(&media, (unsigned)i_voice);
    if (call_media_change(call, &media) == 0) {
        call->codec_ms = now_ms;
        log_line(call->env->log, LOG_DEBUG, "call %llu: speaks %s now", (unsigned long long)call->member.id,
                 media.codec->name);
    }
}

void call_media_drop(struct call *call)
{
    call->dropped = true;
    if (call->moving) {
        call_move_end(call);
        if (call->n_lent == 0) {
            place_give(call);
        }
        return;
    }
    if (!call->leg) {
        if (call->n_lent == 0) {
            place_give(call);
        }
        conf_leave(call);
        return;
    }
    struct ctl_req req = {.op = CTL_LEG_DROP, .conf = call_conf(call), .leg = call->leg};
    bool full = ctl_put(worker_of(call), &req) != 0;
    if (!full) {
        call->leg = NULL;
        conf_leave(call);
    }
    if (full != call->drop_due) {
        call->drop_due = full;
        call->room->n_drops_due += full ? 1 : -1u;
        call->env->n_due += full ? 1 : -1u;
    }
}

void call_media_gone(struct call *call, struct leg *leg)
{
    must(call->n_lent > 0);
    call->n_lent--;
    count_add(&call->env->stats.legs, (uint64_t)-1);
    if (call->moving && leg == call->leg) {
        call_move_on(call);
    } else {
        annex_source_put(annex_source_find(call->room, leg_cfg_of(leg)->annex_source));
        leg_free(leg);
    }
    if (call->n_lent == 0 && call->dropped) {
        place_give(call);
    }
    call_settle(call);
}
