/* Annexes and their sources. See annex.h. */
#include "sig/room/annex.h"
#include "sig/room/event_id.h"

#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/conf/relay.h"
#include "core/ctl.h"

#include <errno.h>
#include <stdlib.h>

/* Something waits for a ring, or does no more: annex_settle tries again. */
static void due_set(struct room *room, bool *is_due, bool due)
{
    if (due != *is_due) {
        *is_due = due;
        room->env->n_due += due ? 1 : -1u;
    }
}

/* --- Annexes ------------------------------------------------------------------------------------------------------ */

static int annex_make(struct room *room, int worker, struct annex **out)
{
    struct env *env = room->env;
    struct conf_cfg cfg = {
        .id = event_id(EVENT_ROOM, room), .legs_max = env->cfg.legs_max, .talkers = env->cfg.talkers, .annex = true};
    struct ctl_req req = {.op = CTL_CONF_OPEN};
    struct annex *annex = calloc(1, sizeof *annex);

    if (!annex || conf_build(&req.conf, &cfg) != 0) {
        free(annex);
        return -ENOMEM;
    }
    if (ctl_put(place_worker(env->place, worker), &req) != 0) {
        conf_free(req.conf);
        free(annex);
        return -EBUSY;
    }
    *annex = (struct annex){.room = room, .next = room->annexes, .worker = worker, .conf = req.conf};
    room->annexes = annex;
    log_line(env->log, LOG_INFO, "conference %.*s has an annex on worker %d", ENV_LABEL_CHARS, room->token, worker);
    *out = annex;
    return 0;
}

int annex_get(struct room *room, int worker, struct annex **out)
{
    struct annex *annex = room->annexes;
    int err = 0;

    while (annex && (annex->worker != worker || annex->closed)) {
        annex = annex->next;
    }
    if (!annex && (err = annex_make(room, worker, &annex)) != 0) {
        return err;
    }
    due_set(room, &annex->close_due, false); /* somebody has it again */
    annex->n_calls++;
    *out = annex;
    return 0;
}

static void annex_close(struct annex *annex)
{
    struct env *env = annex->room->env;
    struct ctl_req req = {.op = CTL_CONF_CLOSE, .conf = annex->conf};
    annex->closed = ctl_put(place_worker(env->place, annex->worker), &req) == 0;
    due_set(annex->room, &annex->close_due, !annex->closed);
}

void annex_put(struct annex *annex)
{
    if (annex) {
        must(annex->n_calls > 0);
        annex->n_calls--;
        if (annex->n_calls == 0) {
            annex_close(annex);
        }
    }
}

void annex_gone(struct room *room, const struct conf *conf)
{
    struct annex **link = &room->annexes;
    while ((*link)->conf != conf) {
        link = &(*link)->next;
    }
    struct annex *annex = *link;
    *link = annex->next;
    free(annex);
}

/* --- Feeds -------------------------------------------------------------------------------------------------------- */

/* May a leg of this media be served with what the leg of the source is? */
static bool annex_source_fits(const struct annex_source *source, const struct offer_media *media)
{
    return !source->dropped && source->codec == media->codec && source->fmt.rate_hz == media->fmt.rate_hz &&
           (!media->codec->has_state || codec_same_encoder(&source->fmt, &media->fmt));
}

/* Builds relay and leg, and lends the leg to the owner. @return 0 | -ENOMEM | -EBUSY, all as before */
static int annex_source_begin(struct annex_source *source)
{
    struct room *room = source->room;
    struct leg_cfg cfg = {.id = event_id(EVENT_ANNEX_SOURCE, source), .rtp_fd = -1, .rtcp_fd = -1, .tx_on = true};
    struct ctl_req req = {.op = CTL_LEG_ADD, .conf = room->conf};
    int err = relay_build(&source->relay);

    cfg.codec = source->codec;
    cfg.fmt = source->fmt;
    cfg.relay = source->relay;
    err = err ? err : leg_build(&source->leg, &cfg);
    req.leg = source->leg;
    if (!err && ctl_put(place_worker(room->env->place, room->worker), &req) != 0) {
        leg_free(source->leg);
        err = -EBUSY;
    }
    if (err) {
        relay_free(source->relay);
    }
    return err;
}

static int annex_source_make(struct room *room, const struct offer_media *media, struct annex_source **out)
{
    struct place *place = room->env->place;
    struct annex_source *source = calloc(1, sizeof *source);

    if (!source) {
        return -ENOMEM;
    }
    *source =
        (struct annex_source){.room = room, .next = room->annex_sources, .codec = media->codec, .fmt = media->fmt};
    struct place_cost cost = place_cost_media(media);
    source->cpu_us = cost.cpu_us + cost.voice_us; /* one encode at most */
    int err = place_relay_take(place, room->worker, source->cpu_us);
    if (err) {
        free(source);
        return err;
    }
    err = annex_source_begin(source);
    if (err) {
        place_relay_give(place, room->worker, source->cpu_us);
        free(source);
        return err;
    }
    room->annex_sources = source;
    *out = source;
    return 0;
}

int annex_source_get(struct room *room, const struct offer_media *media, struct annex_source **out)
{
    unsigned n = 0;
    int err = 0;
    struct annex_source *source = room->annex_sources;

    while (source && !annex_source_fits(source, media)) {
        n++;
        source = source->next;
    }
    if (!source && n == CONF_RELAYS_MAX) {
        return -EAGAIN;
    }
    if (!source && (err = annex_source_make(room, media, &source)) != 0) {
        return err;
    }
    due_set(room, &source->drop_due, false);
    source->n_legs++;
    *out = source;
    return 0;
}

static void annex_source_drop(struct annex_source *source)
{
    struct room *room = source->room;
    struct ctl_req req = {.op = CTL_LEG_DROP, .conf = room->conf, .leg = source->leg};
    source->dropped = ctl_put(place_worker(room->env->place, room->worker), &req) == 0;
    due_set(room, &source->drop_due, !source->dropped);
}

void annex_source_put(struct annex_source *source)
{
    if (source) {
        must(source->n_legs > 0);
        source->n_legs--;
        if (source->n_legs == 0) {
            annex_source_drop(source);
        }
    }
}

struct annex_source *annex_source_find(const struct room *room, const struct relay *relay)
{
    struct annex_source *source = relay ? room->annex_sources : NULL;
    while (source && source->relay != relay) {
        source = source->next;
    }
    return source;
}

static void annex_source_free(struct annex_source *source)
{
    relay_free(source->relay);
    free(source);
}

void annex_source_gone(struct annex_source *source, struct leg *leg)
{
    struct room *room = source->room;
    struct annex_source **link = &room->annex_sources;

    while (*link != source) {
        link = &(*link)->next;
    }
    *link = source->next;
    leg_free(leg);
    place_relay_give(room->env->place, room->worker, source->cpu_us);
    annex_source_free(source);
}

/* --- Both --------------------------------------------------------------------------------------------------------- */

bool annex_settle(struct room *room)
{
    bool relays = false;

    for (struct annex *annex = room->annexes; annex; annex = annex->next) {
        if (annex->close_due) {
            annex_close(annex);
        }
    }
    for (struct annex_source *source = room->annex_sources; source; source = source->next) {
        if (source->drop_due) {
            annex_source_drop(source);
        }
        relays |= !source->dropped;
    }
    return relays;
}

void annex_abandon(struct room *room)
{
    while (room->annexes) {
        struct annex *annex = room->annexes;
        room->annexes = annex->next;
        free(annex);
    }
    while (room->annex_sources) {
        struct annex_source *source = room->annex_sources;
        room->annex_sources = source->next;
        annex_source_free(source);
    }
}
