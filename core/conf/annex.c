/*
 * Annexes: conferences whose legs hear what another worker mixes and encodes (relay.h). Each tick the legs of a source
 * are sent the frames that they have not been sent, usually one; what time it is in their streams, the frames'
 * positions say. The owner may be a little late with a frame: then the annex asks for it again until it is there. And
 * the way of a leg between the two. Worker, hot.
 */
#include "core/conf/encode.h"

/* One frame for one leg. */
static void leg_send_frame(struct leg *leg, const struct relay_frame *frame, const struct mix_tools *t)
{
    uint32_t missing = frame->position - leg->annex.next;
    if (missing) {
        leg_tx_break(leg);
        leg->tx.ts += missing * leg->frame_ts;
    }
    leg->annex.next = frame->position + 1;
    if (!leg->tx.on) {
        leg_tx_hold(leg);
    } else if (leg->tx.deaf) {
        static const struct contributors nobody;
        const uint8_t *silence;
        size_t bytes = leg_silence(leg, t, &silence);
        leg_tx(leg, t->box, silence, bytes, &nobody);
    } else {
        leg_tx(leg, t->box, frame->payload, frame->bytes, &frame->who);
        count_add(&t->leg.stats->annex_packets, 1);
    }
}

/* How many frames of its source a leg has not been sent. A new one begins with the newest. */
static uint32_t leg_behind(struct leg *leg, uint32_t head)
{
    if (!leg->annex.synced) {
        leg->annex.synced = true;
        leg->annex.next = head - 1;
    }
    return (uint32_t)MAX((int32_t)(head - leg->annex.next), 0);
}

/* The oldest of so many frames that is still there. */
static uint32_t first_frame(uint32_t head, uint32_t behind, const struct mix_tools *t)
{
    if (behind > RELAY_FRAMES) {
        count_add(&t->leg.stats->annex_lapped, behind - RELAY_FRAMES);
        behind = RELAY_FRAMES;
    }
    return head - behind;
}

/* Has what the owner's last tick before this one made been sent? */
static bool is_synced(const struct conf *conf, const struct annex_synced *synced)
{
    return synced->due_ns + TICK_NS > conf->due_ns;
}

/* All legs of one annex source. */
static void group_send(struct conf *conf, uint32_t g, const struct mix_tools *t)
{
    const struct group *group = &conf->plan.groups[g];
    struct annex_synced *synced = &conf->plan.synced[g];
    struct leg **legs = conf->plan.legs + group->first;
    const struct relay *relay = legs[0]->cfg.annex_source;
    struct relay_frame frame;
    uint32_t head, behind = 1; /* the newest is looked at, wanted or not */
    if (!relay_head(relay, &head) || (synced->due_ns && head == synced->head)) {
        return;
    }
    for (uint32_t i = 0; i < group->count; i++) {
        behind = MAX(behind, leg_behind(legs[i], head));
    }
    for (uint32_t position = first_frame(head, behind, t); position != head; position++) {
        if (!relay_get(relay, position, &frame)) {
            continue; /* a tick that never ran, or one overwritten meanwhile */
        }
        synced->due_ns = conf->owner_due_ns = frame.due_ns;
        conf->to_beat_dbov = frame.to_beat_dbov;
        for (uint32_t i = 0; i < group->count; i++) {
            if (i + FETCH_AHEAD < group->count) {
                leg_fetch_tx(legs[i + FETCH_AHEAD]);
            }
            if ((int32_t)(position - legs[i]->annex.next) >= 0) {
                leg_send_frame(legs[i], &frame, t);
            }
        }
    }
    synced->head = head;
}

bool annex_is_synced(const struct conf *conf)
{
    bool all = true;
    for (uint32_t g = 0; g < conf->plan.n_groups; g++) {
        all &= is_synced(conf, &conf->plan.synced[g]);
    }
    return all;
}

bool annex_send(struct conf *conf, const struct mix_tools *t)
{
    for (uint32_t g = 0; g < conf->plan.n_groups; g++) {
        must(!conf->plan.groups[g].solo);
        group_send(conf, g, t);
    }
    return annex_is_synced(conf);
}

unsigned annex_slot(const struct conf *conf)
{
    return conf->owner_due_ns ? (unsigned)(conf->owner_due_ns % TICK_NS / SLOT_NS + 1) % SLOTS_PER_TICK : conf->i_slot;
}

/* ---- from one worker to another ---- */

/* What its annex source still has for it. */
static void leg_send_rest(struct leg *leg, const struct mix_tools *t)
{
    struct relay_frame frame;
    uint32_t head;
    if (!leg->cfg.annex_source || !relay_head(leg->cfg.annex_source, &head)) {
        return;
    }
    for (uint32_t position = first_frame(head, leg_behind(leg, head), t); position != head; position++) {
        if (relay_get(leg->cfg.annex_source, position, &frame)) {
            leg_send_frame(leg, &frame, t);
        }
    }
}

void conf_leg_leave(struct conf *conf, struct leg *leg, const struct mix_tools *t)
{
    if (conf->cfg.annex) {
        leg_send_rest(leg, t);
    } else {
        leg->annex.synced = true;
        leg->annex.next = conf->position + 1;
    }
    conf_leg_drop(conf, leg);
}

void conf_leg_enter(struct conf *conf, struct leg *leg, const struct mix_tools *t)
{
    bool follows = leg->annex.synced && !conf->cfg.annex;
    if (follows) {
        leg_send_rest(leg, t);
        leg->tx.ts += (conf->position + 1 - leg->annex.next) * leg->frame_ts;
    }
    if (!conf->cfg.annex) {
        leg->cfg.annex_source = NULL;
        leg->annex.synced = false;
    }
    conf_leg_add(conf, leg);
    if (follows) {
        conf_leg_follow(conf, leg);
    }
}
