/* The rule of leg_source.h. */
#include "core/conf/leg_source.h"

#include "core/base/limits.h"

enum {
    ORDER_MAX = 16, /* a trial may lose so many packets in a row */
    LOOK_SHIFT = 9, /* 512 ms ... */
    LOOK_EVERY = 4  /* ... of so many such the socket of a learnt source is open to every sender */
};

static void phase_set(struct leg_source *s, enum source_phase phase)
{
    s->phase = (uint8_t)phase;
    s->may_send = phase == SOURCE_GRACE || phase == SOURCE_PROVED;
}

static void grace_begin(struct leg_source *s, uint32_t now_ms)
{
    s->grace_from_ms = now_ms;
    phase_set(s, s->grace_left_ms ? SOURCE_GRACE : SOURCE_SPENT);
}

/* What is left of the sum. */
static void grace_end(struct leg_source *s, uint32_t now_ms)
{
    if (s->phase == SOURCE_GRACE) {
        s->grace_left_ms -= MIN(s->grace_left_ms, now_ms - s->grace_from_ms);
    }
}

static void proved(struct leg_source *s, uint32_t now_ms)
{
    if (s->phase == SOURCE_GRACE || s->phase == SOURCE_SPENT) {
        grace_end(s, now_ms);
        phase_set(s, SOURCE_PROVED);
    }
}

static void move(struct leg_source *s, const struct addr *at)
{
    s->at = *at;
    s->is_heard = false;
    s->n_trials = 0;
}

void source_begin(struct leg_source *s, const struct source_hosts *hosts, bool shut, uint32_t grace_ms, uint32_t now_ms)
{
    *s = (struct leg_source){.heard_ms = now_ms,
                             .at = hosts->said,
                             .said = hosts->said,
                             .latch = hosts->latch,
                             .alias = hosts->alias,
                             .life_ms = now_ms,
                             .grace_left_ms = grace_ms};
    if (!shut) {
        grace_begin(s, now_ms);
    }
}

void source_open(struct leg_source *s, uint32_t now_ms)
{
    if (s->phase == SOURCE_SHUT) {
        grace_begin(s, now_ms);
    }
}

void source_say(struct leg_source *s, const struct source_hosts *hosts, uint32_t now_ms)
{
    bool same = addr_same(&s->said, &hosts->said);
    s->latch = hosts->latch;
    s->alias = hosts->alias;
    s->said = hosts->said;
    if (same) {
        return;
    }
    if (addr_same(&s->at, &hosts->said)) {
        s->is_learnt = false;
        return;
    }
    grace_end(s, now_ms);
    move(s, &hosts->said);
    s->is_learnt = false;
    if (s->phase != SOURCE_SHUT) {
        grace_begin(s, now_ms);
    }
}

enum source_kind source_kind_of(const struct leg_source *s, const struct addr *from)
{
    if (addr_same(from, &s->at)) {
        return SOURCE_AT;
    }
    bool alias = addr_is_set(&s->alias) && addr_same_host(from, &s->alias);
    if (addr_same(from, &s->said) || (alias && addr_port(from) == addr_port(&s->said))) {
        return SOURCE_SAID;
    }
    return alias || source_is_host(s, from) ? SOURCE_KIN : SOURCE_STRANGER;
}

bool source_is_host(const struct leg_source *s, const struct addr *from)
{
    return addr_same_host(from, &s->at) || addr_same_host(from, &s->said) ||
           (addr_is_set(&s->latch) && addr_same_host(from, &s->latch)) ||
           (addr_is_set(&s->alias) && addr_same_host(from, &s->alias));
}

bool source_heard(struct leg_source *s, const struct addr *from, uint32_t now_ms)
{
    bool moves = from && !addr_same(from, &s->at);
    if (moves) {
        grace_end(s, now_ms);
        move(s, from);
        s->is_learnt = false;
    }
    s->heard_ms = now_ms;
    s->is_heard = true;
    if (s->phase != SOURCE_PROVED) {
        proved(s, now_ms);
    }
    return moves;
}

bool source_try(struct leg_source *s, const struct addr *from, uint32_t ssrc, uint16_t seq, uint32_t known_ssrc,
                uint32_t now_ms)
{
    bool goes_on = s->n_trials && addr_same(from, &s->trial) && ssrc == s->trial_ssrc;
    uint16_t ahead = (uint16_t)(seq - s->trial_seq);
    bool is_shut = s->phase == SOURCE_SHUT && addr_port(&s->said); /* before an answer to our offer: to be heard only */
    if (is_shut || (!goes_on && s->n_trials && now_ms - s->trial_ms < SOURCE_TRIAL_HOLD_MS)) {
        return false;
    }
    bool in_order = goes_on && ahead > 0 && ahead <= ORDER_MAX;
    s->n_trials = in_order ? (uint8_t)MIN(s->n_trials + 1, SOURCE_TRIALS) : 1;
    s->trial = *from;
    s->trial_ssrc = ssrc;
    s->trial_seq = seq;
    s->trial_ms = now_ms;
    uint32_t wait_ms = !s->is_heard ? 0 : ssrc == known_ssrc ? SOURCE_SILENT_MS : SOURCE_SILENT_OTHER_MS;
    if (s->n_trials < SOURCE_TRIALS || now_ms - s->heard_ms < wait_ms) {
        return false;
    }
    source_heard(s, from, now_ms);
    s->is_learnt = true;
    return true;
}

void source_alive(struct leg_source *s, const struct addr *from, uint32_t now_ms)
{
    s->life_ms = now_ms;
    if (from && addr_same_host(from, &s->at)) {
        proved(s, now_ms);
    }
}

void source_look(struct leg_source *s, uint32_t now_ms)
{
    uint32_t grace_ms = MIN(s->grace_left_ms, (uint32_t)SOURCE_GRACE_MS);
    if (s->phase == SOURCE_GRACE && now_ms - s->grace_from_ms >= grace_ms) {
        grace_end(s, now_ms);
        phase_set(s, SOURCE_SPENT);
    }
}

uint32_t source_quiet_ms(const struct leg_source *s, uint32_t now_ms)
{
    return MIN(now_ms - s->life_ms, now_ms - s->heard_ms);
}

bool source_may_connect(const struct leg_source *s, uint32_t turn, uint32_t now_ms)
{
    if (s->phase == SOURCE_SHUT || !s->is_heard || now_ms - s->heard_ms >= SOURCE_SILENT_MS) {
        return false;
    }
    return !s->is_learnt || ((now_ms >> LOOK_SHIFT) + turn) % LOOK_EVERY != 0;
}
