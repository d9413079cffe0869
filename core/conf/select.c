/*
 * The loudest K are heard, with hysteresis: a voice enters at once, stays 300 ms beyond its last sound, and is
 * displaced only by one that is 3 dB louder. K = 0: every leg with sound is heard. Levels fall slowly (one dB a
 * tick), so a pause between syllables costs no place.
 *
 * Levels are those that the senders claim in their headers, as far as what is decoded bears them out, else those of
 * what is decoded. A leg that was not decoded stands here with its claim, or with what was measured last. That can win
 * it a look, never a place: it is decoded first. Worker, hot; O(legs).
 */
#include "core/conf/ptt.h"

enum {
    HOLD_TICKS = 15,
    LOUDER_DB = 3,
    FALL_DB = 1,
    LOOKS_MAX = 4,     /* at undecoded legs, beyond one a place */
    NOTIFY_TICKS = 25, /* how often signalling is notified of a leg of an annex that speaks, until it is moved */
    SPOKE_TICKS = 25   /* after its last sound a voice is said to talk for half a second */
};

static unsigned level_of(const struct leg *leg)
{
    if (!leg_is_audible(leg)) {
        return LEVEL_SILENT;
    }
    const struct leg_talk *talk = &leg->talk;
    bool claims = talk->voice != VOICE_CLAIMED && talk->claim_dbov != LEVEL_UNKNOWN;
    return claims ? MAX(talk->level_dbov - MIN(talk->level_dbov, CLAIM_OVER_DB), talk->claim_dbov) : talk->level_dbov;
}

static void score_update(struct leg *leg)
{
    struct leg_talk *talk = &leg->talk;
    unsigned fallen = talk->score_dbov + FALL_DB;
    talk->score_dbov = (uint8_t)MIN(MIN(level_of(leg), fallen), LEVEL_SILENT);
    talk->silent_ticks = leg_is_audible(leg) ? 0 : (uint8_t)MIN(talk->silent_ticks + 1, HOLD_TICKS);
}

static void talkers_expire(struct conf *conf)
{
    for (uint32_t i = 0; i < conf->n_talkers;) {
        struct leg *leg = conf->talkers[i];
        if (leg->talk.silent_ticks >= HOLD_TICKS || leg->rx.muted) {
            leg->talk.place = PLACE_OUT;
            conf->talkers[i] = conf->talkers[--conf->n_talkers];
        } else {
            i++;
        }
    }
}

static struct leg *loudest_outside(const struct conf *conf)
{
    struct leg *best = NULL;
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *leg = conf->plan.legs[i];
        if (leg_is_audible(leg) && leg->talk.place == PLACE_OUT &&
            (!best || leg->talk.score_dbov < best->talk.score_dbov)) {
            best = leg;
        }
    }
    return best;
}

static uint32_t quietest_inside(const struct conf *conf)
{
    uint32_t i_quietest = 0;
    for (uint32_t i = 1; i < conf->n_talkers; i++) {
        if (conf->talkers[i]->talk.score_dbov > conf->talkers[i_quietest]->talk.score_dbov) {
            i_quietest = i;
        }
    }
    return i_quietest;
}

static void talkers_compete(struct conf *conf, const struct leg_tools *tools)
{
    for (uint32_t round = 0; round < 2 * conf->cfg.talkers + LOOKS_MAX; round++) {
        struct leg *loudest = loudest_outside(conf);
        if (!loudest) {
            return;
        }
        bool full = conf->n_talkers == conf->cfg.talkers;
        uint32_t i = full ? quietest_inside(conf) : 0;
        if (full && loudest->talk.score_dbov + LOUDER_DB > conf->talkers[i]->talk.score_dbov) {
            return;
        }
        if (loudest->talk.voice == VOICE_CLAIMED) {
            leg_hear(loudest, tools);
            loudest->talk.score_dbov = (uint8_t)level_of(loudest);
            continue;
        }
        if (full) {
            conf->talkers[i]->talk.place = PLACE_OUT;
            conf->talkers[i] = conf->talkers[--conf->n_talkers];
        }
        loudest->talk.place = PLACE_IN;
        conf->talkers[conf->n_talkers++] = loudest;
    }
}

/* Counts the packets of this tick that stay undecoded. */
static void undecoded_count(struct leg *leg, const struct leg_tools *tools)
{
    leg->stats.undecoded += leg->talk.n_passed;
    count_add(&tools->stats->undecoded, leg->talk.n_passed);
    leg->talk.n_passed = 0;
}

/* Would it win a place in the owner's conference, on another worker? */
static bool would_win(const struct leg *leg, const struct conf *conf)
{
    bool place = conf->to_beat_dbov == LEVEL_UNKNOWN;
    return leg_is_audible(leg) && (place || leg->talk.score_dbov + LOUDER_DB <= conf->to_beat_dbov);
}

void select_speakers(struct conf *conf, const struct leg_tools *tools)
{
    unsigned n_looks = 0;
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *leg = conf->plan.legs[i];
        score_update(leg);
        leg->annex.notify_ticks -= leg->annex.notify_ticks > 0;
        if (leg->talk.voice == VOICE_CLAIMED && would_win(leg, conf) && n_looks++ < LOOKS_MAX) {
            leg_hear(leg, tools);
            leg->talk.score_dbov = (uint8_t)level_of(leg);
        }
        if (leg->talk.n_passed) {
            undecoded_count(leg, tools);
        }
        if (leg->talk.voice == VOICE_SOUNDS && !leg->annex.notify_ticks && would_win(leg, conf)) {
            leg->annex.notify_ticks = NOTIFY_TICKS;
            leg->pending.speaks = true;
        }
    }
}

/* Whose voice is in the sum: those with sound that have a place. */
static void mixed_gather(struct conf *conf, const struct leg_tools *tools)
{
    const struct plan *plan = &conf->plan;
    conf->n_mixed = 0;
    for (uint32_t i = 0; i < plan->n_legs; i++) {
        struct leg *leg = plan->legs[i];
        if (leg->talk.n_passed) {
            undecoded_count(leg, tools);
        }
        if (leg->talk.voice == VOICE_SOUNDS && leg->talk.place != PLACE_OUT) {
            must(conf->n_mixed < conf->mixed_max);
            conf->mixed[conf->n_mixed++] = leg;
            leg->talk.voice = VOICE_MIXED;
            leg->talk.spoke_ticks = SPOKE_TICKS;
        } else {
            leg->talk.spoke_ticks -= leg->talk.spoke_ticks > 0;
        }
    }
}

void select_talkers(struct conf *conf, const struct leg_tools *tools)
{
    const struct plan *plan = &conf->plan;
    uint32_t n_outside = 0;
    if (conf_is_half(conf)) { /* the floor has chosen already */
        mixed_gather(conf, tools);
        return;
    }
    for (uint32_t i = 0; i < plan->n_legs; i++) {
        struct leg *leg = plan->legs[i];
        score_update(leg);
        n_outside += leg_is_audible(leg) && leg->talk.place == PLACE_OUT;
    }
    if (conf->cfg.talkers) {
        talkers_expire(conf);
        if (n_outside) {
            talkers_compete(conf, tools);
        }
    }
    mixed_gather(conf, tools);
    if (conf->n_relays) {
        bool full = conf->cfg.talkers && conf->n_talkers == conf->cfg.talkers;
        conf->to_beat_dbov = full ? conf->talkers[quietest_inside(conf)]->talk.score_dbov : LEVEL_UNKNOWN;
    }
}
