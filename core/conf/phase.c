/*
 * The packets of a steady sender arrive at a constant phase of the 20 ms, so a conference's tick follows its talkers: a
 * voice then waits a millisecond for the tick instead of ten. A slot at a time, with hysteresis, so that what is sent
 * never has a gap more than a slot longer. Worker, now and then.
 */
#include "core/conf/conf_run.h"

enum {
    MARGIN_NS = 1300 * NS_PER_US, /* between the latest arrival and the tick: what a network and a scheduler wobble, and
                                     a little more than the jitter buffer's edge */
    GAIN_NS = 1500 * NS_PER_US    /* less is not worth a move */
};

/* How long a packet of this leg waits for a tick in that slot. */
static uint32_t wait_ns(const struct leg *leg, unsigned slot)
{
    uint64_t ready_ns = leg->arrival_ns + MARGIN_NS;
    return (uint32_t)((slot * SLOT_NS + 2 * TICK_NS - ready_ns) % TICK_NS + MARGIN_NS);
}

static uint64_t talkers_wait_ns(const struct conf *conf, unsigned slot)
{
    uint64_t sum_ns = 0;
    for (uint32_t i = 0; i < conf->n_mixed; i++) {
        sum_ns += conf->mixed[i]->arrival_known ? wait_ns(conf->mixed[i], slot) : 0;
    }
    return sum_ns;
}

/* Does a talker's arrival lie between the two slots, going backwards from one to the other? It would be missed once. */
static bool crosses_backwards(const struct conf *conf, unsigned from, unsigned to)
{
    uint64_t way_ns = (from + SLOTS_PER_TICK - to) % SLOTS_PER_TICK * SLOT_NS;
    for (uint32_t i = 0; i < conf->n_mixed; i++) {
        uint64_t behind_ns = (from * SLOT_NS + TICK_NS - conf->mixed[i]->arrival_ns) % TICK_NS;
        if (conf->mixed[i]->arrival_known && behind_ns < way_ns + MARGIN_NS) {
            return true;
        }
    }
    return false;
}

unsigned phase_step(const struct conf *conf, unsigned n_slots)
{
    if (conf->n_mixed == 0 || conf->n_mixed > TALKERS_MAX) {
        return conf->i_slot;
    }
    uint64_t now_ns = talkers_wait_ns(conf, conf->i_slot), best_ns = UINT64_MAX;
    unsigned i_best = 0, i_now = 0;
    for (unsigned i = 0; i < n_slots; i++) {
        unsigned slot = i * SLOTS_PER_TICK / n_slots;
        uint64_t ns = talkers_wait_ns(conf, slot);
        i_now = slot <= conf->i_slot ? i : i_now;
        if (ns < best_ns) {
            best_ns = ns;
            i_best = i;
        }
    }
    if (best_ns + GAIN_NS * conf->n_mixed > now_ns) {
        return conf->i_slot;
    }
    unsigned later = (i_best + n_slots - i_now) % n_slots, earlier = n_slots - later;
    unsigned i_back = (i_now + n_slots - 1) % n_slots, i_on = (i_now + 1) % n_slots;
    unsigned best = i_best * SLOTS_PER_TICK / n_slots;
    bool back = earlier < later && !crosses_backwards(conf, conf->i_slot, best);
    return (back ? i_back : i_on) * SLOTS_PER_TICK / n_slots;
}
