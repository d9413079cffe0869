/* What signalling asks of the engine: conferences open and close, legs come, change and go. See core/ctl.h. */
#include "core/engine_priv.h"

#include <string.h>

static void conf_open(struct engine *e, struct conf *conf)
{
    slot_enter(e, conf);
    ptt_conf_open(e, conf);
    e->n_confs++;
    count_add(&e->cfg.stats->confs, 1);
}

static void conf_close(struct engine *e, struct conf *conf)
{
    must(conf->plan.n_legs == 0);
    for (struct conf **link = &e->waiting; conf->is_waiting; link = &(*link)->next_waiting) {
        if (*link == conf) {
            *link = conf->next_waiting;
            conf->is_waiting = false;
            break;
        }
    }
    ptt_conf_close(e, conf);
    e->n_confs--;
    count_add(&e->cfg.stats->confs, (uint64_t)-1);
    conf->next = e->gone_confs;
    e->gone_confs = conf;
}

/* Its seat at the floor of the conference that it is in now. */
static void floor_enter(struct engine *e, struct leg *leg)
{
    ptt_enter(leg, e->now_ns);
    ptt_live(e, leg->conf);
    if (leg->ptt) {
        ptt_leg_begin(e, leg);
    }
}

static void floor_leave_conf(struct engine *e, struct leg *leg)
{
    ptt_leave(leg, e->now_ns);
    ptt_live(e, leg->conf);
}

static void floor_take_over(struct engine *e, struct leg *leg, struct leg *old)
{
    ptt_take_over(leg, old, e->now_ns);
    e->by_pair[leg->slot_rtp / 2] = leg;
    if (leg->ptt && old->ptt) { /* what was watched still is */
        memcpy(leg->ptt->watches, old->ptt->watches, sizeof leg->ptt->watches);
        memset(old->ptt->watches, 0, sizeof old->ptt->watches);
    }
    ptt_leg_gone(e, old);
    ptt_live(e, leg->conf);
    if (leg->ptt) {
        ptt_leg_begin(e, leg);
    }
}

static void leg_hand_back(struct engine *e, struct leg *leg)
{
    leg_count_drops(leg, e->cfg.stats);
    leg->next = e->gone;
    e->gone = leg;
}

static void leg_add(struct engine *e, struct leg *leg, struct conf *conf)
{
    must(e->n_free_slots || leg->plays);
    uint32_t pair = leg->plays ? 0 : e->free_slots[--e->n_free_slots];
    leg_attach(leg, &e->pool, 2 * pair, 2 * pair + 1, e->now_ns);
    e->by_pair[pair] = leg->plays ? e->by_pair[pair] : leg;
    sockets_open(e, leg);
    count_add(&e->cfg.stats->moves, leg->annex.synced);
    conf_leg_enter(conf, leg, &e->tools);
    floor_enter(e, leg);
    engine_flush(&e->box);
    slot_legs_add(e, conf, 1);
}

/* Its last packets go: with a report that it leaves, or what it has not been sent yet. */
static void leg_drop_from(struct engine *e, struct leg *leg, bool moves)
{
    slot_legs_add(e, leg->conf, -1u);
    floor_leave_conf(e, leg);
    if (moves) {
        conf_leg_leave(leg->conf, leg, &e->tools);
    } else {
        leg_rtcp(leg, &e->box, e->now_ns, e->cfg.wall_offset_ns, true);
        conf_leg_drop(leg->conf, leg);
    }
    engine_flush(&e->box); /* the packets may point at the leg's address */
    leg_detach(leg);
    ptt_leg_gone(e, leg);
    sockets_close(e, leg);
    if (!leg->plays) {
        e->by_pair[leg->slot_rtp / 2] = NULL;
        e->free_slots[e->n_free_slots++] = leg->slot_rtp / 2;
    }
    leg_hand_back(e, leg);
}

static void leg_transfer(struct engine *e, struct leg *leg, const struct ctl_req *req)
{
    slot_legs_add(e, leg->conf, -1u);
    floor_leave_conf(e, leg);
    conf_leg_transfer(req->conf, leg, req->annex_source);
    floor_enter(e, leg);
    slot_legs_add(e, req->conf, 1);
}

static void leg_swap(struct engine *e, struct leg *leg, struct leg *old)
{
    struct conf *conf = old->conf;
    engine_flush(&e->box); /* what stands there may point at old's addresses */
    conf_leg_drop(conf, old);
    leg_detach(old);
    leg_count_drops(old, e->cfg.stats); /* once: leg inherits the counts */
    leg_take_over(leg, old, e->now_ns);
    sockets_follow(e, leg, old);
    if (leg->moved) {
        engine_disconnect(e, leg);
    }
    conf_leg_add(conf, leg);
    floor_take_over(e, leg, old);
    leg_hand_back(e, old);
}

static void leg_set(struct engine *e, struct leg *leg, const struct ctl_req *req)
{
    unsigned what = req->set.what;
    if (what & SET_DIRECTION) {
        leg->rx.on = req->set.rx_on;
        leg->tx.is_set = req->set.tx_on;
        ptt_tx_set(leg);
        source_alive(&leg->from, NULL, (uint32_t)(e->now_ns / NS_PER_MS));
        if (!leg->rx.on) {
            leg_hold(leg);
        }
    }
    if (what & SET_MUTE) {
        leg->rx.muted = req->set.muted;
    }
    if ((what & SET_DEAF) && leg->tx.deaf != req->set.deaf) {
        conf_leg_apart(leg->conf, leg);
        leg->tx.deaf = req->set.deaf;
        leg->conf->changed = true;
    }
    if (what & SET_GAIN) {
        leg->rx.gain_set_q12 = req->set.gain_q12;
    }
    if (what & SET_REMOTE) {
        struct source_hosts hosts = {req->set.remote_rtp, req->set.latch_host, req->set.alias_host};
        leg_remote_set(leg, &hosts, &req->set.remote_rtcp, e->now_ns);
        if (leg->ptt) {
            ptt_remote_set(leg, &req->set.remote_floor);
            ptt_watch(e, leg);
        }
        if (leg->moved) {
            engine_disconnect(e, leg);
        }
    }
    if (what & SET_OPEN) {
        source_open(&leg->from, (uint32_t)(e->now_ns / NS_PER_MS));
    }
    if (what & SET_ALIVE) {
        source_alive(&leg->from, NULL, (uint32_t)(e->now_ns / NS_PER_MS));
    }
    if (what & SET_REFUSED_SSRC) {
        leg->refused_ssrc = req->set.refused_ssrc;
        leg->rx.source.known &= leg->rx.source.ssrc != leg->refused_ssrc;
    }
    if (what & SET_FLOOR) {
        ptt_rights_set(leg, &req->set.rights, e->now_ns);
        ptt_live(e, leg->conf);
    }
}

void engine_ctl(struct engine *e)
{
    struct ctl_req req;
    for (unsigned i = 0; i < CTL_BATCH && ring_get(&e->cfg.ctl->requests, &req); i++) {
        switch (req.op) {
        case CTL_CONF_OPEN:
            conf_open(e, req.conf);
            break;
        case CTL_CONF_CLOSE:
            conf_close(e, req.conf);
            break;
        case CTL_LEG_ADD:
            leg_add(e, req.leg, req.conf);
            break;
        case CTL_LEG_SWAP:
            leg_swap(e, req.leg, req.old);
            break;
        case CTL_LEG_SET:
            leg_set(e, req.leg, &req);
            break;
        case CTL_LEG_TRANSFER:
            leg_transfer(e, req.leg, &req);
            break;
        case CTL_LEG_MOVE:
        case CTL_LEG_DROP:
            leg_drop_from(e, req.leg, req.op == CTL_LEG_MOVE);
            break;
        case CTL_CONF_FLOOR:
            ptt_set(req.conf, req.floor.mode, req.floor.sleeps, &req.floor.policy, e->now_ns);
            ptt_live(e, req.conf);
            break;
        case CTL_FLOOR:
            ptt_wish(req.leg, &req.wish, e->now_ns);
            ptt_live(e, req.leg->conf);
            break;
        case CTL_LEG_APP:
            ptt_leg_message(e, req.leg, req.message);
            break;
        }
    }
}
