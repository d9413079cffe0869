/* Which encoder serves whom. See encoders.h. */
#include "core/conf/encoders.h"

#include "core/conf/conf_run.h"

#include <string.h>

static struct encoders *encoders_of(struct conf *conf, const struct leg *leg)
{
    return &conf->encoders[leg->cfg.codec->id];
}

static void spare_put(struct conf *conf, struct leg *leg)
{
    struct encoders *all = encoders_of(conf, leg);
    leg->encoder->next = all->spare;
    all->spare = leg->encoder;
    all->n_spare++;
    leg->encoder = NULL;
    leg->at_rest = false;
    leg->silent_frames = 0;
}

static struct encoder *spare_take(struct encoders *all)
{
    struct encoder *encoder = all->spare;
    must(encoder);
    all->spare = encoder->next;
    all->n_spare--;
    return encoder;
}

/* Somebody else of leg's group who shares: the one who holds the encoder, or anyone. */
static struct leg *sharer_find(const struct conf *conf, const struct leg *leg, bool holder)
{
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *other = conf->plan.legs[i];
        if (other != leg && !other->own_encoder && other->holds_shared == holder && leg_same_group(other, leg)) {
            return other;
        }
    }
    return NULL;
}

/* Of those with an encoder to themselves who do not talk. Who is on hold does not even hear the change. */
static struct leg *longest_apart(const struct conf *conf, const struct codec *codec)
{
    struct leg *longest = NULL;
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *leg = conf->plan.legs[i];
        if (leg->cfg.codec != codec || !leg->grouped || !leg->own_encoder || leg_is_mixed(leg)) {
            continue;
        }
        bool longer =
            !longest || (leg->tx_on ? longest->tx_on && leg->apart_ticks > longest->apart_ticks : longest->tx_on);
        longest = longer ? leg : longest;
    }
    return longest;
}

/* One more spare encoder: the leg longest apart shares. Who has no group to share with becomes its first. */
static void spare_make(struct conf *conf, const struct codec *codec)
{
    for (;;) {
        struct leg *leg = longest_apart(conf, codec);
        must(leg);
        leg->own_encoder = false;
        if (sharer_find(conf, leg, true)) {
            spare_put(conf, leg);
            return;
        }
        leg->holds_shared = true;
        conf->changed = true;
    }
}

/* An encoder for a leg that has none, in the state of another's. */
static void encoder_copy(struct conf *conf, struct leg *to, const struct leg *from)
{
    const struct codec *codec = to->cfg.codec;
    struct encoders *all = encoders_of(conf, to);
    if (!all->spare) {
        spare_make(conf, codec);
    }
    to->encoder = spare_take(all);
    memcpy(to->encoder->state, from->encoder->state, codec->encoder_size());
    to->at_rest = from->at_rest;
    to->silent_frames = from->silent_frames;
}

void conf_leg_apart(struct conf *conf, struct leg *leg)
{
    if (!leg->cfg.codec->has_state || leg->own_encoder) {
        return;
    }
    struct leg *other = sharer_find(conf, leg, !leg->holds_shared);
    if (!leg->holds_shared) {
        must(other);
        encoder_copy(conf, leg, other);
    } else {
        if (other) {
            encoder_copy(conf, other, leg);
            other->holds_shared = true;
        }
        leg->holds_shared = false;
        conf->changed = true;
    }
    leg->own_encoder = true;
    leg->apart_ticks = 0;
}

void conf_leg_follow(struct conf *conf, struct leg *leg)
{
    if (!leg->cfg.codec->has_state || !sharer_find(conf, leg, true)) {
        return;
    }
    leg->grouped = true;
    encoders_enter(conf, leg);
    spare_put(conf, leg);
    leg->own_encoder = false;
}

void encoders_limit(struct conf *conf)
{
    uint32_t n_groups[CODECS] = {0};
    for (uint32_t g = 0; g < conf->plan.n_groups; g++) {
        const struct group *group = &conf->plan.groups[g];
        n_groups[conf->plan.legs[group->first]->cfg.codec->id] += !group->solo;
    }
    for (unsigned id = 0; id < CODECS; id++) {
        struct encoders *all = &conf->encoders[id];
        /* One for every talker and every group; as many again for the deaf, and for who talked a moment ago. */
        uint32_t enough = conf->cfg.talkers ? 2 * (conf->cfg.talkers + n_groups[id]) : all->n_legs;
        all->max = MIN(all->n_legs, enough);
    }
}

void encoders_enter(struct conf *conf, struct leg *leg)
{
    struct encoders *all = encoders_of(conf, leg);
    if (!leg->cfg.codec->has_state) {
        return;
    }
    all->n += leg->encoder != NULL;
    conf->encodes |= leg->encoder != NULL;
    all->n_legs += !conf->cfg.annex;
    if (conf->cfg.annex && leg->encoder) {
        spare_put(conf, leg);
    }
}

void encoders_leave(struct conf *conf, struct leg *leg)
{
    if (!leg->cfg.codec->has_state || !leg->grouped || conf->cfg.annex) {
        return;
    }
    struct leg *heir = leg->holds_shared ? sharer_find(conf, leg, false) : NULL;
    if (heir) {
        heir->encoder = leg->encoder;
        heir->at_rest = leg->at_rest;
        heir->silent_frames = leg->silent_frames;
        heir->holds_shared = true;
        leg->encoder = NULL;
    } else if (leg->encoder) {
        spare_put(conf, leg);
    }
    leg->holds_shared = false;
    leg->own_encoder = true;
    encoders_of(conf, leg)->n_legs--;
}

void encoders_part(struct conf *conf, struct leg *leg)
{
    conf_leg_apart(conf, leg);
    if (!leg->cfg.codec->has_state || !leg->grouped || conf->cfg.annex) {
        return;
    }
    struct encoders *all = encoders_of(conf, leg);
    must(all->n_legs == 1);
    all->n--;
    all->n_legs--;
    leg->grouped = false; /* encoders_leave has nothing left to do */
}

static void surplus_find(struct conf *conf)
{
    conf->encodes = false;
    for (unsigned id = 0; id < CODECS; id++) {
        struct encoders *all = &conf->encoders[id];
        for (; all->n > all->max && all->spare; all->n--) {
            struct encoder *encoder = spare_take(all);
            encoder->next = conf->surplus;
            conf->surplus = encoder;
        }
        conf->encodes |= all->n > 0;
    }
}

void encoders_tick(struct conf *conf)
{
    for (uint32_t i = 0; i < conf->n_mixed; i++) {
        if (conf->mixed[i]->tx_on) {
            conf_leg_apart(conf, conf->mixed[i]);
        }
    }
    if (conf->encodes) {
        surplus_find(conf);
    }
}

bool encoders_scarce(const struct conf *conf, const struct leg *leg)
{
    const struct encoders *all = &conf->encoders[leg->cfg.codec->id];
    return all->n - all->n_spare > all->max;
}

void encoder_share(struct conf *conf, struct group *group, struct leg *leg)
{
    leg->own_encoder = false;
    if (group->shared) {
        spare_put(conf, leg);
    } else {
        group->shared = leg;
        leg->holds_shared = true;
    }
}
