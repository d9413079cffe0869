/*
 * Conferences stand in SLOTS_PER_TICK slots of 1 ms; a slot's schedule is absolute and never reset by a late beat. A
 * new conference goes where the load is least; later it follows the packets of its talkers (phase.c).
 */
#include "core/engine_priv.h"

#define BEHIND_NS (1300 * NS_PER_US) /* as in phase.c: what a network and a scheduler wobble */
enum { PHASE_SLOTS_MIN = 10 /* even a small load has so many to choose from */ };

/* @return the next time that slot's phase comes, on the schedule that all slots share */
static uint64_t slot_phase(unsigned slot, uint64_t now_ns)
{
    uint64_t due_ns = now_ns / TICK_NS * TICK_NS + slot * SLOT_NS;
    return due_ns > now_ns ? due_ns : due_ns + TICK_NS;
}

static void slot_join(struct engine *e, struct conf *conf)
{
    unsigned slot = conf->i_slot;
    conf->parked = false;
    conf->next = e->slots[slot];
    if (!conf->next) {
        e->slot_due_ns[slot] = slot_phase(slot, e->now_ns);
    }
    e->slots[slot] = conf;
}

static void list_remove(struct conf **link, const struct conf *conf)
{
    while (*link != conf) {
        link = &(*link)->next;
    }
    *link = conf->next;
}

/* Picks, among as many slots as there is work for, evenly apart, the one with the fewest legs. */
static unsigned slot_pick(const struct engine *e)
{
    unsigned n = CLAMP(e->n_legs / SLOT_LEGS_MIN, 1u, (unsigned)SLOTS_PER_TICK), best = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned slot = i * SLOTS_PER_TICK / n;
        uint32_t load = e->slot_legs[slot] + e->slot_confs[slot];
        best = load < e->slot_legs[best] + e->slot_confs[best] ? slot : best;
    }
    return best;
}

void slot_enter(struct engine *e, struct conf *conf)
{
    conf->i_slot = slot_pick(e);
    slot_join(e, conf);
    e->slot_confs[conf->i_slot]++;
}

void slot_enter_behind(struct engine *e, struct conf *conf, uint64_t at_ns)
{
    conf->i_slot = (unsigned)((at_ns + BEHIND_NS) % TICK_NS / SLOT_NS + 1) % SLOTS_PER_TICK;
    slot_join(e, conf);
    e->slot_confs[conf->i_slot]++;
}

void slot_leave(struct engine *e, const struct conf *conf)
{
    list_remove(conf->parked ? &e->parked : &e->slots[conf->i_slot], conf);
    e->slot_confs[conf->i_slot]--;
}

void slot_legs_add(struct engine *e, const struct conf *conf, uint32_t n)
{
    if (!conf_is_asleep(conf)) {
        e->slot_legs[conf->i_slot] += n;
        e->n_legs += n;
    }
}

static unsigned phase_slots(const struct engine *e)
{
    return CLAMP(e->n_legs / SLOT_LEGS_MIN, (unsigned)PHASE_SLOTS_MIN, (unsigned)SLOTS_PER_TICK);
}

/*
 * Moves a conference to another slot, after its tick. An earlier slot's next turn is a little less than a tick away: it
 * joins at once. A later slot's next turn comes too soon, it would tick twice: it waits until that one is over.
 */
static void conf_move(struct engine *e, struct conf *conf, unsigned slot)
{
    unsigned later = (slot + SLOTS_PER_TICK - conf->i_slot) % SLOTS_PER_TICK;
    uint64_t ticked_ns = e->slot_due_ns[conf->i_slot] - TICK_NS;
    bool is_later = later < SLOTS_PER_TICK / 2;
    if (is_later) {
        phase_moved_later(conf, slot);
    }
    list_remove(&e->slots[conf->i_slot], conf);
    e->slot_confs[conf->i_slot]--;
    e->slot_legs[conf->i_slot] -= conf->plan.n_legs;
    conf->i_slot = slot;
    e->slot_confs[slot]++;
    e->slot_legs[slot] += conf->plan.n_legs;
    conf->parked = true;
    conf->join_ns = is_later ? ticked_ns + later * SLOT_NS + SLOT_NS / 2 : 0;
    conf->next = e->parked;
    e->parked = conf;
}

void slot_follow(struct engine *e, unsigned slot)
{
    for (struct conf *conf = e->slots[slot], *next; conf; conf = next) {
        next = conf->next;
        if (conf->tick % PHASE_EVERY_TICKS == 0) {
            unsigned step = conf->cfg.annex ? annex_slot(conf) : phase_step(conf, phase_slots(e));
            if (step != slot) {
                conf_move(e, conf, step);
            }
        }
    }
}

uint64_t slots_join(struct engine *e)
{
    uint64_t next_ns = UINT64_MAX;
    struct conf *parked = e->parked;
    e->parked = NULL;
    for (struct conf *conf = parked, *next; conf; conf = next) {
        next = conf->next;
        if (conf->join_ns <= e->now_ns) {
            slot_join(e, conf);
        } else {
            conf->next = e->parked;
            e->parked = conf;
            next_ns = MIN(next_ns, conf->join_ns);
        }
    }
    return next_ns;
}
