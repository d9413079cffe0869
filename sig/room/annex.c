/* Annexes and feeds. See annex.h. */
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

/* May a leg of this media be served with what the feed's leg is? */
static bool feed_fits(const struct feed *feed, const struct offer_media *media)
{
    return !feed->dropped && feed->codec == media->codec && feed->fmt.rate_hz == media->fmt.rate_hz &&
           (!media->codec->has_state || codec_same_encoder(&feed->fmt, &media->fmt));
}

/* Builds relay and leg, and lends the leg to the owner. @return 0 | -ENOMEM | -EBUSY, all as before */
static int feed_begin(struct feed *feed)
{
    struct room *room = feed->room;
    struct leg_cfg cfg = {.id = event_id(EVENT_FEED, feed), .rtp_fd = -1, .rtcp_fd = -1, .tx_on = true};
    struct ctl_req req = {.op = CTL_LEG_ADD, .conf = room->conf};
    int err = relay_build(&feed->relay);

    cfg.codec = feed->codec;
    cfg.fmt = feed->fmt;
    cfg.relay = feed->relay;
    err = err ? err : leg_build(&feed->leg, &cfg);
    req.leg = feed->leg;
    if (!err && ctl_put(place_worker(room->env->place, room->worker), &req) != 0) {
        leg_free(feed->leg);
        err = -EBUSY;
    }
    if (err) {
        relay_free(feed->relay);
    }
    return err;
}

static int feed_make(struct room *room, const struct offer_media *media, struct feed **out)
{
    struct place *place = room->env->place;
    struct feed *feed = calloc(1, sizeof *feed);

    if (!feed) {
        return -ENOMEM;
    }
    *feed = (struct feed){.room = room, .next = room->feeds, .codec = media->codec, .fmt = media->fmt};
    struct place_cost cost = place_cost_media(media);
    feed->cpu_us = cost.cpu_us + cost.voice_us; /* one encode at most */
    int err = place_relay_take(place, room->worker, feed->cpu_us);
    if (err) {
        free(feed);
        return err;
    }
    err = feed_begin(feed);
    if (err) {
        place_relay_give(place, room->worker, feed->cpu_us);
        free(feed);
        return err;
    }
    room->feeds = feed;
    *out = feed;
    return 0;
}

int feed_get(struct room *room, const struct offer_media *media, struct feed **out)
{
    unsigned n = 0;
    int err = 0;
    struct feed *feed = room->feeds;

    while (feed && !feed_fits(feed, media)) {
        n++;
        feed = feed->next;
    }
    if (!feed && n == CONF_RELAYS_MAX) {
        return -EAGAIN;
    }
    if (!feed && (err = feed_make(room, media, &feed)) != 0) {
        return err;
    }
    due_set(room, &feed->drop_due, false);
    feed->n_legs++;
    *out = feed;
    return 0;
}

static void feed_drop(struct feed *feed)
{
    struct room *room = feed->room;
    struct ctl_req req = {.op = CTL_LEG_DROP, .conf = room->conf, .leg = feed->leg};
    feed->dropped = ctl_put(place_worker(room->env->place, room->worker), &req) == 0;
    due_set(room, &feed->drop_due, !feed->dropped);
}

void feed_put(struct feed *feed)
{
    if (feed) {
        must(feed->n_legs > 0);
        feed->n_legs--;
        if (feed->n_legs == 0) {
            feed_drop(feed);
        }
    }
}

struct feed *feed_find(const struct room *room, const struct relay *relay)
{
    struct feed *feed = relay ? room->feeds : NULL;
    while (feed && feed->relay != relay) {
        feed = feed->next;
    }
    return feed;
}

static void feed_free(struct feed *feed)
{
    relay_free(feed->relay);
    free(feed);
}

void feed_gone(struct feed *feed, struct leg *leg)
{
    struct room *room = feed->room;
    struct feed **link = &room->feeds;

    while (*link != feed) {
        link = &(*link)->next;
    }
    *link = feed->next;
    leg_free(leg);
    place_relay_give(room->env->place, room->worker, feed->cpu_us);
    feed_free(feed);
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
    for (struct feed *feed = room->feeds; feed; feed = feed->next) {
        if (feed->drop_due) {
            feed_drop(feed);
        }
        relays |= !feed->dropped;
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
    while (room->feeds) {
        struct feed *feed = room->feeds;
        room->feeds = feed->next;
        feed_free(feed);
    }
}
