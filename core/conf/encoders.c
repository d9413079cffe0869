/* Which encoder serves which leg. See encoders.h. */
#include "core/conf/encoders.h"

#include "core/conf/conf_run.h"
#include "core/conf/kit.h"

#include <string.h>

static struct encoders *encoders_of(struct conf *conf, const struct leg *leg)
{
    return &conf->encoders[leg->cfg.codec->id];
}

static void spare_put(struct conf *conf, struct leg *leg)
{
    struct encoders *all = encoders_of(conf, leg);
    leg->enc.held->next = all->spare;
    all->spare = leg->enc.held;
    all->n_spare++;
    leg->enc.held = NULL;
    leg->enc.at_rest = false;
    leg->enc.silent_frames = 0;
}

static struct encoder *spare_take(struct encoders *all)
{
    struct encoder *encoder = all->spare;
    must(encoder);
    all->spare = encoder->next;
    all->n_spare--;
    return encoder;
}

/* @return another leg of leg's group that shares in this way | NULL */
static struct leg *sharer_find(const struct conf *conf, const struct leg *leg, enum share share)
{
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *other = conf->plan.legs[i];
        if (other != leg && other->enc.share == share && leg_same_group(other, leg)) {
            return other;
        }
    }
    return NULL;
}

/* @return of those apart that do not talk, the leg that is so for longest; one on hold first: it hears no change */
static struct leg *longest_apart(const struct conf *conf, const struct codec *codec)
{
    struct leg *longest = NULL;
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *leg = conf->plan.legs[i];
        if (leg->cfg.codec != codec || leg->enc.share != SHARE_APART || leg_is_mixed(leg)) {
            continue;
        }
        bool longer = !longest ||
                      (leg->tx.on ? longest->tx.on && leg->enc.apart_ticks > longest->enc.apart_ticks : longest->tx.on);
        longest = longer ? leg : longest;
    }
    return longest;
}

/* Makes one more spare encoder: the leg longest apart shares. One whose group has no encoder yet becomes its holder. */
static void spare_make(struct conf *conf, const struct codec *codec)
{
    for (;;) {
        struct leg *leg = longest_apart(conf, codec);
        must(leg);
        if (sharer_find(conf, leg, SHARE_HOLDS)) {
            leg->enc.share = SHARE_USES;
            spare_put(conf, leg);
            return;
        }
        leg->enc.share = SHARE_HOLDS;
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
    to->enc.held = spare_take(all);
    memcpy(to->enc.held->state, from->enc.held->state, codec->encoder_size());
    to->enc.at_rest = from->enc.at_rest;
    to->enc.silent_frames = from->enc.silent_frames;
}

/* It needs its encoder no more: another of its group goes on with it, or it is spare. */
static void encoder_bequeath(struct conf *conf, struct leg *leg)
{
    struct leg *heir = leg->enc.share == SHARE_HOLDS ? sharer_find(conf, leg, SHARE_USES) : NULL;
    if (heir) {
        heir->enc.held = leg->enc.held;
        heir->enc.at_rest = leg->enc.at_rest;
        heir->enc.silent_frames = leg->enc.silent_frames;
        heir->enc.share = SHARE_HOLDS;
        leg->enc.held = NULL;
    } else if (leg->enc.held) {
        spare_put(conf, leg);
    }
}

static void borrow(struct conf *conf, struct leg *leg)
{
    leg->enc.held = kit_encoder_take(conf->kits, leg);
    if (leg->enc.held) {
        leg->enc.at_rest = false;
        leg->enc.silent_frames = 0;
        encoders_of(conf, leg)->n++;
        conf->encodes = true;
    }
}

/* @return a leg of the group that waits for an encoder to share | NULL */
static struct leg *user_find(const struct conf *conf, const struct group *group)
{
    for (uint32_t i = group->first; i < group->first + group->count; i++) {
        struct leg *leg = conf->plan.legs[i];
        if (leg->cfg.codec->has_state && leg->enc.share == SHARE_USES) {
            return leg;
        }
    }
    return NULL;
}

void encoders_borrow(struct conf *conf)
{
    for (uint32_t g = 0; conf->kits && g < conf->plan.n_groups; g++) {
        struct group *group = &conf->plan.groups[g];
        struct leg *leg = group->shared || group->solo ? NULL : user_find(conf, group);
        if (leg) {
            borrow(conf, leg);
            leg->enc.share = leg->enc.held ? SHARE_HOLDS : SHARE_USES;
            group->shared = leg->enc.held ? leg : NULL;
        }
    }
}

/*
 * Where legs are bare there may be no encoder for one that leaves its group: none is spare, and none is left to borrow.
 * @return false: it cannot have one of its own
 */
static bool may_part(struct conf *conf, const struct leg *leg)
{
    struct encoders *all = encoders_of(conf, leg);
    if (!conf->kits || leg->enc.share <= SHARE_APART || !leg->cfg.codec->has_state) {
        return true;
    }
    bool is_served = leg->enc.share == SHARE_HOLDS || sharer_find(conf, leg, SHARE_HOLDS);
    if (!is_served || all->spare) {
        return is_served;
    }
    struct encoder *encoder = kit_encoder_take(conf->kits, leg);
    if (encoder) {
        encoder->next = all->spare;
        all->spare = encoder;
        all->n++;
        all->n_spare++;
    }
    return encoder != NULL;
}

void encoders_return(struct conf *conf, struct kits *kits)
{
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *leg = conf->plan.legs[i];
        if (leg->enc.held && leg->enc.held->is_kit) {
            spare_put(conf, leg);
            leg->enc.share = SHARE_USES;
            conf->changed = true;
        }
    }
    for (unsigned id = 0; id < CODECS; id++) {
        struct encoders *all = &conf->encoders[id];
        for (struct encoder **link = &all->spare; *link;) {
            struct encoder *encoder = *link;
            if (!encoder->is_kit) {
                link = &encoder->next;
                continue;
            }
            *link = encoder->next;
            all->n--;
            all->n_spare--;
            kit_encoder_give(kits, encoder);
        }
    }
}

void conf_leg_apart(struct conf *conf, struct leg *leg)
{
    if (!leg->cfg.codec->has_state || leg->enc.share <= SHARE_APART) {
        return;
    }
    if (!may_part(conf, leg)) { /* it is served again when its new kind has an encoder */
        encoder_bequeath(conf, leg);
        leg->enc.share = SHARE_USES;
        conf->changed = true;
        return;
    }
    if (leg->enc.share == SHARE_USES) {
        const struct leg *holder = sharer_find(conf, leg, SHARE_HOLDS);
        must(holder);
        encoder_copy(conf, leg, holder);
    } else {
        struct leg *heir = sharer_find(conf, leg, SHARE_USES);
        if (heir) {
            encoder_copy(conf, heir, leg);
            heir->enc.share = SHARE_HOLDS;
        }
        conf->changed = true;
    }
    leg->enc.share = SHARE_APART;
    leg->enc.apart_ticks = 0;
}

void conf_leg_follow(struct conf *conf, struct leg *leg)
{
    if (!leg->cfg.codec->has_state || !sharer_find(conf, leg, SHARE_HOLDS)) {
        return;
    }
    encoders_enter(conf, leg);
    spare_put(conf, leg);
    leg->enc.share = SHARE_USES;
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
        /* One for every talker and every group; as many again for the deaf, and for those that talked a moment ago. */
        uint32_t enough = conf->cfg.talkers ? 2 * (conf->cfg.talkers + n_groups[id]) : all->n_legs;
        all->max = conf->kits ? UINT32_MAX : MIN(all->n_legs, enough); /* what is borrowed goes back by itself */
    }
}

void encoders_enter(struct conf *conf, struct leg *leg)
{
    struct encoders *all = encoders_of(conf, leg);
    if (!leg->cfg.codec->has_state) {
        return;
    }
    all->n += leg->enc.held != NULL;
    conf->encodes |= leg->enc.held != NULL;
    all->n_legs += !conf->cfg.annex;
    if (conf->cfg.annex && leg->enc.held) {
        spare_put(conf, leg);
    }
}

void encoders_leave(struct conf *conf, struct leg *leg)
{
    if (!leg->cfg.codec->has_state || leg->enc.share < SHARE_APART || conf->cfg.annex) {
        return;
    }
    encoder_bequeath(conf, leg);
    encoders_of(conf, leg)->n_legs--;
}

void encoders_part(struct conf *conf, struct leg *leg)
{
    if (leg->cfg.ptt.is_bare) {
        encoders_leave(conf, leg);
        leg->enc.share = SHARE_NEW;
        return;
    }
    conf_leg_apart(conf, leg);
    if (!leg->cfg.codec->has_state || leg->enc.share != SHARE_APART || conf->cfg.annex) {
        return;
    }
    struct encoders *all = encoders_of(conf, leg);
    must(all->n_legs == 1);
    all->n--;
    all->n_legs--;
    leg->enc.share = SHARE_NEW; /* encoders_leave has nothing left to do */
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
        struct leg *leg = conf->mixed[i];
        leg->tx.on = leg->tx.on && may_part(conf, leg); /* else it would hear itself */
        if (leg->tx.on) {
            conf_leg_apart(conf, leg);
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
    if (group->shared) {
        leg->enc.share = SHARE_USES;
        spare_put(conf, leg);
    } else {
        leg->enc.share = SHARE_HOLDS;
        group->shared = leg;
    }
}
