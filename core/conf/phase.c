/*
 * The packets of a steady sender arrive at a constant phase of the 20 ms, so a conference's tick follows its talkers: a
 * voice then waits a millisecond or two for the tick instead of ten. A leg weighs by how much it has talked in the last
 * seconds, so that a dialogue does not pull the tick to and fro. It moves a slot at a time, with hysteresis, so that
 * what is sent never has a gap more than a slot longer. Worker, now and then.
 */
#include "core/conf/conf_run.h"

enum {
    MARGIN_NS = 1300 * NS_PER_US, /* between the latest arrival and the tick: what a network and a scheduler wobble, and
                                     a little more than the jitter buffer's edge */
    GAIN_NS = 1500 * NS_PER_US,   /* less is not worth a move */
    WEIGHT_MAX = 25               /* five seconds of talk, and as long to be forgotten */
};

/* From one phase forward to another. */
static uint64_t way_ns(uint64_t from_ns, uint64_t to_ns) { return (to_ns + TICK_NS - from_ns % TICK_NS) % TICK_NS; }

/* Sums up how long the packets of the talkers wait for a tick in each slot, weighted. */
static void talkers_wait(const struct conf *conf, uint64_t wait_ns[SLOTS_PER_TICK])
{
    for (unsigned slot = 0; slot < SLOTS_PER_TICK; slot++) {
        wait_ns[slot] = 0;
    }
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        const struct leg_phase *phase = &conf->plan.legs[i]->phase;
        if (!phase->weight || !phase->known) {
            continue;
        }
        for (unsigned slot = 0; slot < SLOTS_PER_TICK; slot++) {
            wait_ns[slot] += phase->weight * (way_ns(phase->arrival_ns + MARGIN_NS, slot * SLOT_NS) + MARGIN_NS);
        }
    }
}

/* @return the sum of all weights */
static uint32_t weights_update(struct conf *conf)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *leg = conf->plan.legs[i];
        if (leg_is_mixed(leg)) {
            leg->phase.weight += leg->phase.weight < WEIGHT_MAX;
        } else {
            leg->phase.weight -= leg->phase.weight > 0;
        }
        sum += leg->phase.weight;
    }
    return sum;
}

/* Would a talker's packet be missed once on the way back from one slot to an earlier one? */
static bool crosses_backwards(const struct conf *conf, unsigned from, unsigned to)
{
    uint64_t back_ns = way_ns(to * SLOT_NS, from * SLOT_NS);
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        const struct leg_phase *phase = &conf->plan.legs[i]->phase;
        bool speaks = phase->weight && phase->known;
        if (speaks && way_ns(phase->arrival_ns, from * SLOT_NS) < back_ns + MARGIN_NS) {
            return true;
        }
    }
    return false;
}

unsigned phase_step(struct conf *conf, unsigned n_slots)
{
    uint32_t weight = weights_update(conf);
    if (weight == 0) {
        return conf->i_slot;
    }
    uint64_t wait_ns[SLOTS_PER_TICK], best_ns = UINT64_MAX;
    talkers_wait(conf, wait_ns);
    unsigned i_best = 0, i_now = 0;
    for (unsigned i = 0; i < n_slots; i++) {
        unsigned slot = i * SLOTS_PER_TICK / n_slots;
        i_now = slot <= conf->i_slot ? i : i_now;
        if (wait_ns[slot] < best_ns) {
            best_ns = wait_ns[slot];
            i_best = i;
        }
    }
    if (best_ns + (uint64_t)GAIN_NS * weight > wait_ns[conf->i_slot]) {
        return conf->i_slot;
    }
    unsigned later = (i_best + n_slots - i_now) % n_slots, earlier = n_slots - later;
    unsigned i_back = (i_now + n_slots - 1) % n_slots, i_on = (i_now + 1) % n_slots;
    unsigned best = i_best * SLOTS_PER_TICK / n_slots;
    bool back = earlier < later && !crosses_backwards(conf, conf->i_slot, best);
    return (back ? i_back : i_on) * SLOTS_PER_TICK / n_slots;
}

void phase_moved_later(struct conf *conf, unsigned slot)
{
    uint64_t moved_ns = way_ns(conf->i_slot * SLOT_NS, slot * SLOT_NS);
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg_phase *phase = &conf->plan.legs[i]->phase;
        phase->surplus_due = phase->known && way_ns(phase->arrival_ns, slot * SLOT_NS) < moved_ns;
    }
}
