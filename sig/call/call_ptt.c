/* A call that is a session of push-to-talk: what its leg is told of its floor, and what the floor says of it. */
#include "sig/call/call.h"

#include "core/conf/leg.h"
#include "core/ctl.h"

#include <errno.h>
#include <string.h>

/* What its terminal wants is within what its profile allows. */
static struct floor_rights rights_of(const struct call *call, const struct offer_media *media)
{
    struct floor_rights rights = call->ptt.rights;
    if (media->floor.is_there) {
        rights.priority_max = MIN(rights.priority_max, media->floor.priority);
        rights.queues = media->floor.queueing;
    }
    rights.priority = MIN(rights.priority, rights.priority_max);
    return rights;
}

void call_ptt_apply(const struct call *call, const struct offer_media *media, struct leg_cfg *cfg)
{
    if (!call->ptt.is_on) {
        return;
    }
    cfg->ptt.is_on = true;
    cfg->ptt.speaks_floor = media->floor.is_there;
    cfg->ptt.fill = !media->floor.is_there;
    cfg->ptt.rights = rights_of(call, media);
    if (media->floor.is_there) {
        cfg->ptt.remote = cfg->remote_rtcp;
    }
    memcpy(cfg->ptt.identity, call->ptt.identity, sizeof cfg->ptt.identity);
}

void call_ptt_changed(struct call *call)
{
    const struct env_ptt *ptt = &call->env->ptt;
    if (call->ptt.is_on && ptt->changed) {
        ptt->changed(ptt->ctx, call);
    }
}

void call_ptt_floor(struct call *call, enum floor_event what, uint32_t value)
{
    const struct env_ptt *ptt = &call->env->ptt;
    if (call->ptt.is_on && ptt->floor) {
        ptt->floor(ptt->ctx, call, what, value);
    }
}

void call_ptt_alive(struct call *call, bool is_alive)
{
    const struct env_ptt *ptt = &call->env->ptt;
    if (call->ptt.is_on && ptt->alive) {
        ptt->alive(ptt->ctx, call, is_alive);
    }
}

static int put(struct call *call, struct ctl_req *req)
{
    if (!call->ptt.is_on || !call->leg || call->dropped) {
        return -ENOTCONN;
    }
    req->conf = call_conf(call);
    req->leg = call->leg;
    return ctl_put(place_worker(call->env->place, call->place.worker), req) == 0 ? 0 : -EBUSY;
}

int call_ptt_ask(struct call *call, const struct floor_wish *wish)
{
    return put(call, &(struct ctl_req){.op = CTL_FLOOR, .wish = *wish});
}

int call_ptt_rights(struct call *call, const struct floor_rights *rights)
{
    struct ctl_req req = {.op = CTL_LEG_SET, .set = {.what = SET_FLOOR}};
    call->ptt.rights = *rights;
    req.set.rights = rights_of(call, &call->media);
    return put(call, &req);
}
