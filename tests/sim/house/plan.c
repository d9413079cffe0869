/* What a seed draws: the server's settings, the phones, the faults. Swarm: each fault is there or not, weak or strong,
 * and so is each kind of act, so that a run is of a few things that meet each other often. */
#include "tests/sim/house/house.h"

#include <string.h>

enum {
    PORTS_FROM = 20000,
    LIFE_S = 300 /* a call on hold whose phone is gone lasts as long as its conference */
};

/* 0, or 1 .. max: there in share per mille of all runs. */
static uint32_t at_times(struct chance *c, uint32_t share, uint32_t max)
{
    return chance_of(c, share) ? 1 + chance_below(c, max) : 0;
}

static uint32_t between(struct chance *c, uint32_t least, uint32_t most)
{
    return least + chance_below(c, most - least + 1);
}

static void weights_draw(struct plan *p, struct chance *c)
{
    static const uint8_t usual[ACTS] = {
        [ACT_TALK] = 10, [ACT_HOLD] = 4,   [ACT_UPDATE] = 2, [ACT_SWAP] = 2,    [ACT_BARE] = 1,  [ACT_KEYS] = 3,
        [ACT_REFER] = 5, [ACT_REMOVE] = 1, [ACT_WATCH] = 2,  [ACT_OPTIONS] = 1, [ACT_STRAY] = 1, [ACT_BYE] = 3,
        [ACT_CRASH] = 1, [ACT_CREATE] = 4, [ACT_JOIN] = 10,  [ACT_ANNC] = 1,    [ACT_WAIT] = 3,
    };
    for (unsigned i = 0; i < ACTS; i++) {
        uint32_t kind = chance_below(c, 4);
        p->weights[i] = (uint8_t)(kind == 0 ? 0 : kind == 1 ? usual[i] * 3 : usual[i]);
    }
    p->weights[ACT_CREATE] = (uint8_t)MAX(p->weights[ACT_CREATE], 2);
    p->weights[ACT_JOIN] = (uint8_t)MAX(p->weights[ACT_JOIN], 6);
    p->weights[ACT_TALK] = (uint8_t)MAX(p->weights[ACT_TALK], 4);
}

static void server_draw(struct plan *p, struct chance *c)
{
    struct env_cfg *env = &p->env;
    static const uint32_t rings[] = {2, 4, 8, 16};
    bool tiny = chance_of(c, 250);
    p->n_workers = 1 + chance_below(c, WORKERS_MAX);
    p->ring_requests = tiny ? rings[chance_below(c, 4)] : RING_USUAL;
    p->ring_events = tiny && chance_of(c, 700) ? rings[chance_below(c, 4)] : RING_USUAL;
    p->place = (struct place_cfg){
        .n_workers = p->n_workers,
        .worker_legs_max = chance_of(c, 500) ? between(c, 3, 8) : 2 * PHONES_MAX,
        .reserve_legs = chance_below(c, 3),
        .budget_us = chance_of(c, 200) ? between(c, 600, 3000) : 0,
        .bandwidth_kbps = chance_of(c, 100) ? between(c, 900, 4000) : 0,
        .port_min = PORTS_FROM,
        .port_max = (uint16_t)(PORTS_FROM + 2 * (chance_of(c, 150) ? between(c, 4, 12) : PAIRS_MAX - 4) - 1),
        .first = chance_below(c, 100),
    };
    env->conferences_max = chance_of(c, 150) ? between(c, 1, 4) : 48;
    env->legs_max = chance_of(c, 200) ? between(c, 2, 7) : 2 * PHONES_MAX;
    env->talkers = chance_of(c, 300) ? between(c, 1, 4) : 0;
    env->session_s = chance_of(c, 300) ? 90 : 0;
    env->quiet_s = (uint16_t)between(c, 4, 12);
    env->reservation = chance_of(c, 300);
    env->reserve_s = between(c, 2, 10);
    env->reserve_legs = between(c, 1, 4);
    env->unused_s = between(c, 5, 20);
    env->life_s = chance_of(c, 200) ? between(c, 5, 30) : LIFE_S;
    env->linger_s = between(c, 1, 5);
    env->half_calls_max = chance_of(c, 150) ? 1 + chance_below(c, 3) : 100;
    env->factory_mode = chance_of(c, 300) ? FACTORY_DIRECT : FACTORY_REDIRECT;
    env->netann = chance_of(c, 600);
    env->refer = chance_of(c, 750) ? REFER_PARTICIPANTS : chance_of(c, 700) ? REFER_CREATOR : REFER_OFF;
    env->creator_ends = chance_of(c, 150);
    env->hold_music_is_mixed = chance_of(c, 200);
    env->dial_rate = 600;
    p->txns = (struct txn_config){.source_rate = chance_of(c, 70) ? between(c, 3, 12) : 1000,
                                  .max_txns = chance_of(c, 100) ? between(c, 8, 40) : 2048,
                                  .turn_messages = chance_of(c, 100) ? between(c, 1, 3) : 48,
                                  .answer_percent = TXN_ANSWER_PERCENT};
    p->has_pin = at_times(c, 600, 900);
    p->operator_acts = at_times(c, 300, 60);
}

/* One conference larger than a worker, whose participants talk in turns. */
static void crowd_draw(struct plan *p, struct chance *c)
{
    p->n_phones = between(c, 7, PHONES_MAX);
    p->n_workers = p->place.n_workers = between(c, 2, WORKERS_MAX);
    p->place.worker_legs_max = between(c, 3, 6);
    p->place.budget_us = 0;
    p->place.bandwidth_kbps = 0;
    p->place.port_max = PORTS_FROM + 2 * (PAIRS_MAX - 4) - 1;
    p->env.legs_max = 2 * PHONES_MAX;
    p->env.reservation = false;
    p->env.life_s = LIFE_S;
    p->weights[ACT_TALK] = 30;
    p->weights[ACT_JOIN] = 30;
    p->weights[ACT_CREATE] = 1;
}

static void faults_draw(struct plan *p, struct chance *c)
{
    if (chance_of(c, 250)) {
        return; /* none: then everything has to come out right at once */
    }
    p->has_faults = true;
    p->sip_loss = at_times(c, 500, chance_of(c, 200) ? 400 : 120);
    bool is_limited = p->txns.max_txns < 100 || p->txns.source_rate < 100;
    p->sip_duplicate = is_limited ? 0 : at_times(c, 350, 200); /* one may be refused, and its twin taken */
    p->sip_late = at_times(c, 400, 200);
    p->sip_late_ms = between(c, 30, 900);
    p->send_fails = at_times(c, 150, 60);
    if (chance_of(c, 350)) {
        p->rtp = (struct faults){.loss_per_mille = at_times(c, 600, 200),
                                 .duplicate_per_mille = at_times(c, 400, 100),
                                 .corrupt_per_mille = at_times(c, 200, 60),
                                 .stranger_per_mille = at_times(c, 300, 100),
                                 .jitter_us = at_times(c, 600, 60000)};
    }
    p->control_stalls = at_times(c, 300, 40);
    p->worker_stalls = at_times(c, 300, 40);
    p->clock_jumps = at_times(c, 300, 60);
    p->sockets_fail = at_times(c, 200, 150);
    p->opens_fail = at_times(c, 150, 80);
}

void plan_draw(struct plan *p, uint64_t seed, struct chance *c)
{
    c->state = seed * 0x9E3779B97F4A7C15ull + 1;
    memset(p, 0, sizeof *p);
    p->n_phones = between(c, 3, PHONES_MAX);
    p->n_rounds = between(c, 1, 3);
    p->chaos_ms = between(c, 2000, 10000);
    p->think_ms = between(c, 100, 1500);
    if (chance_of(c, 40)) { /* long enough for a session timer, and for a silence that makes room */
        p->n_phones = between(c, 3, 5);
        p->n_rounds = 1;
        p->chaos_ms = 75000;
        p->think_ms = 6000;
    }
    server_draw(p, c);
    weights_draw(p, c);
    if (chance_of(c, 150)) {
        crowd_draw(p, c);
    }
    faults_draw(p, c);
    p->by_tcp = at_times(c, 400, 700);
    p->no_tcp = at_times(c, 300, 500);
    p->by_info = at_times(c, 600, 900);
    p->says_pcmu = at_times(c, 500, 900);
    p->wrong_pins = at_times(c, 600, 500);
    p->careless = at_times(c, 400, 500);
    p->ends_by_stop = chance_of(c, 400);
}
