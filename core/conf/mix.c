/*
 * The mix of a conference's tick: one sum, N-1 for those in it, one encode per group of listeners (encode.c). A
 * conference has as many buses as talkers plus one, not as many as legs. Worker, hot: no heap, no lock, no clock.
 */
#include "core/conf/encode.h"
#include "core/conf/encoders.h"

#include <string.h>

enum {
    APART_TICKS_MIN = 10,  /* 200 ms after its own voice left, a talker may share again ... */
    APART_TICKS_MAX = 100, /* ... and after 2 s it does, quiet frame or not */
    QUIET_DBOV = 50        /* a frame so quiet hides the change of encoder */
};

/* The bus of one rate this tick. */
struct bus {
    unsigned i_rate;
    size_t n;           /* samples of a frame */
    uint8_t level_dbov; /* of what listeners hear */
};

/* Resamples a contributor's row to the other rates at which legs listen. A pause in its use means a fresh filter. */
static void row_resample(struct leg *leg, const struct conf *conf, const struct leg_tools *tools)
{
    for (unsigned r = 0; r < RATES; r++) {
        if (r == leg->i_rate || !conf->plan.rate_used[r]) {
            continue;
        }
        if (leg->resampled.tick[r] + 1 != conf->tick) {
            memset(leg->resampled.fir[r], 0, resample_state_bytes(leg->cfg.fmt.rate_hz, rate_hz_at(r)));
        }
        leg->resampled.tick[r] = conf->tick;
        leg->resampled.row[r] = rows_take(tools->rows, rate_hz_at(r));
        resample_frame(tools->simd, leg->resampled.fir[r], leg->cfg.fmt.rate_hz, rate_hz_at(r), leg->rx.row,
                       leg->resampled.row[r]);
    }
}

/* Is this contributor served on this bus, with the sum of the others? */
static bool hears_minus(const struct leg *leg, const struct conf *conf, const struct bus *bus)
{
    return conf->n_mixed > 1 && leg->i_rate == bus->i_rate && leg->tx.on && !leg->tx.deaf;
}

/* Lists this rate's rows, first those of the contributors that are served here. @return how many those are */
static uint32_t bus_rows(const struct bus *bus, const struct conf *conf, int16_t **rows)
{
    uint32_t n_own = 0, n_other = conf->n_mixed;
    for (uint32_t i = 0; i < conf->n_mixed; i++) {
        struct leg *leg = conf->mixed[i];
        uint32_t at = hears_minus(leg, conf, bus) ? n_own++ : --n_other;
        rows[at] = leg->i_rate == bus->i_rate ? leg->rx.row : leg->resampled.row[bus->i_rate];
    }
    return n_own;
}

/* What listeners hear; what a talker hears takes the place of its row. Softly limited if it could go over the knee. */
static void bus_mix(struct bus *bus, struct conf *conf, const struct mix_tools *t)
{
    const struct simd *simd = t->leg.simd;
    int16_t **rows = t->heard;
    uint32_t n_own = bus_rows(bus, conf, rows);
    int32_t peaks = 0;
    for (uint32_t i = 0; i < conf->n_mixed; i++) {
        peaks = MIN(peaks + conf->mixed[i]->rx.peak, INT32_MAX / 2);
    }
    /* Resampling may overshoot a little: an eighth of headroom keeps the test on the safe side. */
    if (peaks + peaks / 8 <= SIMD_KNEE) {
        simd->mix_n1(rows, conf->n_mixed, n_own, bus->n, t->listen);
    } else {
        simd->mix_sum_split((const int16_t *const *)rows, conf->n_mixed, bus->n, t->s1, t->s2);
        simd->limit_soft(t->s1, t->s2, NULL, t->listen, bus->n);
        for (uint32_t i = 0; i < n_own; i++) {
            simd->limit_soft(t->s1, t->s2, rows[i], rows[i], bus->n);
        }
    }
    uint64_t squares = 0;
    bool any = conf->n_mixed && simd->level(t->listen, bus->n, &squares);
    bus->level_dbov = any ? level_dbov(squares, bus->n) : LEVEL_SILENT;
}

/*
 * Its voice has been out of what a leg hears for long enough: it shares what serves its group. For codecs with state;
 * talkers have encoders of their own by now.
 */
static void encoder_choose(struct conf *conf, struct group *group, struct leg *leg, const struct bus *bus)
{
    if (leg_is_mixed(leg)) {
        leg->enc.apart_ticks = 0;
        return;
    }
    if (leg->enc.share != SHARE_APART) {
        return;
    }
    leg->enc.apart_ticks++;
    bool may = bus->level_dbov >= QUIET_DBOV || !leg->tx.on || encoders_scarce(conf, leg);
    bool now = leg->cfg.relay; /* its listeners are still to come */
    if (now || leg->enc.apart_ticks >= (may ? APART_TICKS_MIN : APART_TICKS_MAX)) {
        encoder_share(conf, group, leg);
    }
}

/* One leg that encodes for itself: a talker hears N-1, one that talked a moment ago what listeners hear. */
static void leg_serve(struct conf *conf, struct group *group, const struct bus *bus, const struct mix_tools *t,
                      struct leg *leg)
{
    uint32_t n_others = leg->tx.deaf ? 0 : conf->n_mixed - leg_is_mixed(leg);
    if (leg->cfg.codec->has_state && !leg->enc.held) { /* bare, and of one kind too many */
        leg_tx_hold(leg);
        return;
    }
    const int16_t *pcm = !n_others ? t->silence : leg_is_mixed(leg) ? leg->rx.row : t->listen;
    encode_run(&(struct encode_job){.conf = conf, .group = group, .leg = leg}, t, leg, pcm, bus->n);
}

static void group_hold(const struct group *group, struct leg **legs)
{
    for (uint32_t i = 0; i < group->count; i++) {
        if (legs[i]->tx.on && !serves_alone(group, legs[i])) {
            leg_tx_hold(legs[i]);
        }
    }
}

/* Serves all legs of a group. Listeners come last: the shared encoder is not copied once it has this tick's frame. */
static void group_serve(struct conf *conf, struct group *group, const struct bus *bus, const struct mix_tools *t)
{
    struct leg **legs = conf->plan.legs + group->first;
    bool has_state = legs[0]->cfg.codec->has_state;
    uint32_t n_shared = 0;
    for (uint32_t i = 0; i < group->count; i++) {
        struct leg *leg = legs[i];
        fetch_ahead(group, legs, i, true);
        if (leg->i_rate != bus->i_rate) {
            continue; /* a solo group has all kinds in it */
        }
        if (has_state) {
            encoder_choose(conf, group, leg, bus);
        }
        if (!leg->tx.on) {
            leg_tx_hold(leg);
            continue;
        }
        if (serves_alone(group, leg)) {
            leg_serve(conf, group, bus, t, leg);
        } else {
            n_shared++;
        }
    }
    if (!n_shared) {
        return;
    }
    struct leg *shared = has_state ? group->shared : legs[0];
    if (!shared) { /* bare legs, and no encoder left to be borrowed */
        group_hold(group, legs);
        return;
    }
    count_add(&t->leg.stats->encode_shared, n_shared - 1);
    const int16_t *pcm = conf->n_mixed && !legs[0]->tx.deaf ? t->listen : t->silence;
    encode_run(&(struct encode_job){.conf = conf, .group = group}, t, shared, pcm, bus->n);
}

void conf_mix(struct conf *conf, const struct mix_tools *t)
{
    struct plan *plan = &conf->plan;
    for (uint32_t i = 0; i < MIN(plan->n_legs, (uint32_t)FETCH_AHEAD); i++) {
        leg_fetch_tx(plan->legs[i]);
    }
    if (conf->cfg.annex) {
        select_speakers(conf, &t->leg);
        encoders_tick(conf);
        plan_refresh(conf);
        annex_send(conf, t);
        return;
    }
    select_talkers(conf, &t->leg);
    encoders_tick(conf);
    plan_refresh(conf); /* the legs that encode alone may have changed */
    for (uint32_t i = 0; i < conf->n_mixed; i++) {
        row_resample(conf->mixed[i], conf, &t->leg);
    }
    for (unsigned r = 0; r < RATES; r++) {
        if (!plan->rate_used[r]) {
            continue;
        }
        struct bus bus = {.i_rate = r, .n = rate_frame_samples(rate_hz_at(r)), .level_dbov = LEVEL_SILENT};
        if (plan->n_legs > 1) { /* a single participant has nothing to hear: skip the mix */
            bus_mix(&bus, conf, t);
        }
        for (uint32_t g = 0; g < plan->n_groups; g++) {
            if (plan->groups[g].solo || plan->legs[plan->groups[g].first]->i_rate == r) {
                group_serve(conf, &plan->groups[g], &bus, t);
            }
        }
    }
}
