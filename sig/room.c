/* Conferences. */
#include "sig/room.h"

#include "core/conf/conf.h"
#include "core/ctl.h"
#include "sig/annex.h"
#include "sig/call.h"
#include "sig/hash.h"
#include "sig/ims.h"
#include "sig/lobby.h"
#include "sig/refer.h"
#include "sig/roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- Slots -------------------------------------------------------------------------------------------------------- */

/* @return a slot that no living conference has | -ENOSPC */
static int slot_take(struct focus *f)
{
    if (f->n_free == 0) {
        return -ENOSPC;
    }
    uint32_t slot = f->free_slots[f->free_at];
    f->free_at = (f->free_at + 1) % f->cfg.conferences_max;
    f->n_free--;
    return (int)slot;
}

static void slot_give(struct focus *f, uint32_t slot)
{
    f->slots[slot] = NULL;
    f->free_slots[(f->free_at + f->n_free) % f->cfg.conferences_max] = slot;
    f->n_free++;
}

void room_slots_fill(struct focus *f)
{
    f->n_free = 0;
    f->free_at = 0;
    for (uint32_t i = 0; i < f->cfg.conferences_max; i++) {
        if (!f->slots[i]) {
            f->free_slots[f->n_free++] = i;
        }
    }
}

/* --- Store -------------------------------------------------------------------------------------------------------- */

static void room_save(struct room *room)
{
    if (room->annc.clip) {
        return; /* of one call: nobody can come back to it */
    }
    struct store_req req = {.op = room->state == ROOM_ENDED && !room->is_kept ? STORE_DROP : STORE_PUT};
    memcpy(req.conf.token, room->token, sizeof req.conf.token);
    req.conf.created_s = room->created_s;
    req.conf.expires_s = room->id.expires_s;
    req.conf.state = room->state == ROOM_OPEN ? STORE_ACTIVE : STORE_ISSUED;
    req.conf.reserved = room->hold.active;
    req.conf.creator_is_user = room->creator[0] != '\0';
    const char *creator = room->creator[0] ? room->creator : room->creator_uri ? room->creator_uri : "";
    if (strlen(creator) < sizeof req.conf.creator) { /* part of a URI is another's */
        strcpy(req.conf.creator, creator);
    }
    snprintf(req.conf.name, sizeof req.conf.name, "%s", room->name ? room->name : "");
    bool full = room->focus->store && store_put(room->focus->store, &req) != 0;
    if (full != room->save_due) {
        room->focus->n_due += full ? 1 : -1u;
        room->save_due = full;
    }
}

void room_promise(struct room *room)
{
    room_save(room);
}

/* --- Life --------------------------------------------------------------------------------------------------------- */

static void on_idle(struct timer *timer, uint64_t now_ns)
{
    room_end(TIMER_OWNER(timer, struct room, idle), FOCUS_END_CONFERENCE);
}

static void on_life(struct timer *timer, uint64_t now_ns)
{
    room_end(TIMER_OWNER(timer, struct room, life), FOCUS_END_CONFERENCE);
}

static void on_hold_end(struct timer *timer, uint64_t now_ns)
{
    struct room *room = TIMER_OWNER(timer, struct room, hold_end);
    place_release(room->focus->place, &room->hold); /* from now on it binds late, like any other */
    half_give(room->focus, &room->half);
}

static uint64_t ms_of(uint64_t seconds)
{
    return seconds * 1000;
}

/* Puts a room whose id is complete into its slot. */
static void room_begin(struct room *room, uint64_t now_s)
{
    struct focus *f = room->focus;

    room->state = ROOM_ISSUED;
    room->worker = -1;
    timer_init(&room->idle, on_idle);
    timer_init(&room->life, on_life);
    timer_init(&room->hold_end, on_hold_end);
    f->slots[room->id.slot] = room;
    room->next = f->rooms;
    room->link = &f->rooms;
    if (room->next) {
        room->next->link = &room->next;
    }
    f->rooms = room;
    timer_start(f->wheel, &room->idle, ms_of(f->cfg.unused_s));
    uint64_t life_s = MIN(room->id.expires_s - now_s, (uint64_t)f->cfg.life_s); /* more: the clock was set back */
    timer_start(f->wheel, &room->life, ms_of(life_s));
    count_add(&f->stats.confs, 1);
}

/* As many talk at once as a rule: one, and the next who begins before he has ended. */
static uint32_t voices_us(uint32_t n, uint32_t dearest_us)
{
    return MIN(n, 2) * dearest_us;
}

int room_issue(struct focus *f, struct place_cost cost, struct room **out)
{
    uint64_t now_s = f->world.wall_s(f->world.ctx);
    struct room *room = calloc(1, sizeof *room);
    int slot = -1, err = -ENOMEM;

    if (!room) {
        return -ENOMEM;
    }
    slot = slot_take(f);
    if (slot < 0) {
        err = slot;
        goto out;
    }
    room->focus = f;
    room->created_s = now_s;
    room->id =
        (struct uri_token){.node = f->cfg.node, .slot = (uint32_t)slot, .expires_s = (uint32_t)(now_s + f->cfg.life_s)};
    err = f->world.random(f->world.ctx, room->id.random, sizeof room->id.random);
    if (err || (err = uri_token_write(room->token, &room->id, f->secret)) != 0) {
        goto out;
    }
    cost.cpu_us += voices_us(f->cfg.reserve_legs, cost.voice_us) / MAX(f->cfg.reserve_legs, 1);
    if (f->cfg.reservation && (err = place_hold(f->place, &room->hold, f->cfg.reserve_legs, cost)) != 0) {
        goto out;
    }
    room_begin(room, now_s);
    if (room->hold.active) {
        timer_start(f->wheel, &room->hold_end, ms_of(f->cfg.reserve_s));
    }
    count_add(&f->stats.confs_made, 1);
    *out = room;
    return 0;
out:
    if (slot >= 0) {
        slot_give(f, (uint32_t)slot);
    }
    free(room);
    return err;
}

int room_restore(struct focus *f, const struct store_conf *conf)
{
    uint64_t now_s = f->world.wall_s(f->world.ctx);
    struct uri_token id;

    if (uri_token_read(&id, conf->token, URI_TOKEN_CHARS, f->secret) != 0 || id.node != f->cfg.node ||
        id.expires_s <= now_s || id.slot >= f->cfg.conferences_max || f->slots[id.slot]) {
        return -ENOENT;
    }
    struct room *room = calloc(1, sizeof *room);
    if (!room) {
        return -ENOMEM;
    }
    room->focus = f;
    room->id = id;
    room->created_s = conf->created_s;
    memcpy(room->token, conf->token, sizeof room->token);
    if (conf->creator_is_user) {
        snprintf(room->creator, sizeof room->creator, "%s", conf->creator);
    } else if (conf->creator[0]) {
        room->creator_uri = strdup(conf->creator);
    }
    room_begin(room, now_s);
    if (conf->name[0] && !room_named(f, conf->name)) {
        return room_name_set(room, conf->name);
    }
    return 0;
}

int room_find(struct focus *f, const char *user, struct room **out)
{
    struct uri_token id;

    if (uri_token_read(&id, user, strlen(user), f->secret) != 0 || id.node != f->cfg.node) {
        return -ENOENT;
    }
    struct room *room = id.slot < f->cfg.conferences_max ? f->slots[id.slot] : NULL;
    if (!room || memcmp(&room->id.random, &id.random, sizeof id.random) != 0) {
        return -ESTALE; /* ours by its MAC, and not alive: it has been */
    }
    *out = room;
    return 0;
}

/* ---- names ---- */

static struct room **bucket_of(const struct focus *f, const char *name)
{
    return (struct room **)&f->named[hash_text(hash_seed(f->secret), name) % FOCUS_NAMES];
}

const char *room_name_of(const char *user)
{
    static const char mark[] = "conf=";
    const char *name = user + sizeof mark - 1;
    if (strncasecmp(user, mark, sizeof mark - 1) != 0) {
        return NULL;
    }
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~");
    return n > 0 && n < FOCUS_USER_MAX && name[n] == '\0' ? name : NULL;
}

struct room *room_named(const struct focus *f, const char *name)
{
    struct room *room = *bucket_of(f, name);
    while (room && strcmp(room->name, name) != 0) {
        room = room->name_next;
    }
    return room;
}

int room_name_set(struct room *room, const char *name)
{
    struct room **bucket = bucket_of(room->focus, name);
    must(!room->name);
    room->name = strdup(name);
    if (!room->name) {
        return -ENOMEM;
    }
    room->name_next = *bucket;
    room->name_link = bucket;
    if (room->name_next) {
        room->name_next->name_link = &room->name_next;
    }
    *bucket = room;
    return 0;
}

static void name_leave(struct room *room)
{
    if (room->name_link) {
        *room->name_link = room->name_next;
        if (room->name_next) {
            room->name_next->name_link = room->name_link;
        }
        room->name_link = NULL;
    }
}

int room_open(struct room *room, struct place_cost cost)
{
    struct focus *f = room->focus;

    if (room->state == ROOM_OPEN) {
        return 0;
    }
    must(room->state == ROOM_ISSUED);
    int worker = place_choose(f->place, &room->hold, cost);
    if (worker < 0) {
        return worker;
    }
    struct conf_cfg cfg = {.id = (uint64_t)(uintptr_t)room,
                           .legs_max = f->cfg.legs_max,
                           .talkers = f->cfg.talkers,
                           .hushed_s = ANNEX_HUSHED_S};
    struct ctl_req req = {.op = CTL_CONF_OPEN};
    int err = conf_build(&req.conf, &cfg);
    if (err) {
        return err;
    }
    if (ctl_put(place_worker(f->place, worker), &req) != 0) {
        conf_free(req.conf);
        return -EBUSY;
    }
    room->conf = req.conf;
    room->worker = worker;
    room->state = ROOM_OPEN;
    half_give(f, &room->half);
    room_save(room);
    log_line(f->log, LOG_INFO, "conference %.*s opens on worker %d", ROOM_NAME_CHARS, room->token, worker);
    return 0;
}

uint32_t room_voice_more(const struct room *room, uint32_t us)
{
    return us ? voices_us(room->n_voices + 1, MAX(room->voice_us, us)) - room->voices_us : 0;
}

void room_voice_change(struct room *room, uint32_t was_us, uint32_t is_us)
{
    room->n_voices += (is_us > 0) - (was_us > 0);
    room->voice_us = MAX(room->voice_us, is_us);
    place_voices_set(room->focus->place, room->worker, &room->voices_us, voices_us(room->n_voices, room->voice_us));
}

int room_join(struct room *room, struct call *call)
{
    if (room->state == ROOM_ENDED) {
        return -ESTALE;
    }
    const struct store_policy *wish = policy_of(room->focus, room);
    if (wish && wish->is_locked) {
        return -EACCES;
    }
    if (room->n_roster >= policy_legs_max(room->focus, room)) {
        return -EUSERS;
    }
    must(!call->room_link);
    call->room_next = room->roster;
    call->room_link = &room->roster;
    if (call->room_next) {
        call->room_next->room_link = &call->room_next;
    }
    room->roster = call;
    room->n_roster++;
    timer_stop(room->focus->wheel, &room->idle);
    return 0;
}

bool room_is_creator(const struct room *room, const struct call *call, const struct identity *who)
{
    if (call ? call->pin.is_due : who->owes_pin) {
        return false;
    }
    if (who->user[0]) {
        return strcmp(who->user, room->creator) == 0;
    }
    /* Nobody has to say who he is: then it is the one with the name that asked for it, by his call's own dialog. */
    return call && call->entity && room->creator_uri && strcmp(call->entity, room->creator_uri) == 0;
}

/* Its creator has been in it, goes, and is in it by no other call: a Replaces from another phone is none. */
static bool creator_is_gone(const struct room *room, const struct call *gone)
{
    bool is_gone = room->focus->cfg.creator_ends && gone->changed != 0 && room_is_creator(room, gone, &gone->who);
    for (const struct call *call = room->roster; call && is_gone; call = call->room_next) {
        is_gone = !room_is_creator(room, call, &call->who);
    }
    return is_gone;
}

void room_leave(struct room *room, struct call *call)
{
    if (!call->room_link) {
        return;
    }
    *call->room_link = call->room_next;
    if (call->room_next) {
        call->room_next->room_link = call->room_link;
    }
    call->room_next = NULL;
    call->room_link = NULL;
    room->n_roster--;
    roster_left(call);
    if (room->state != ROOM_ENDED && creator_is_gone(room, call)) {
        timer_start(room->focus->wheel, &room->life, 1); /* whoever walks through the roster now may go on */
    }
    if (room->n_roster == 0 && room->state != ROOM_ENDED) {
        /* A caller whose INVITE failed has not used the URI: it keeps its first time limit. */
        uint32_t wait_s = room->state == ROOM_OPEN ? room->focus->cfg.linger_s : room->focus->cfg.unused_s;
        timer_start(room->focus->wheel, &room->idle, ms_of(wait_s));
    }
}

void room_end(struct room *room, enum focus_ending why)
{
    struct focus *f = room->focus;

    if (room->state == ROOM_ENDED) {
        return;
    }
    if (room->state == ROOM_OPEN || why != FOCUS_END_STOP) { /* a stop has nothing to say of what nobody has called */
        log_line(f->log, LOG_INFO, "conference %.*s ends: %u participants, %s", ROOM_NAME_CHARS, room->token,
                 room->n_roster, focus_ending_text(why));
    }
    room->state = ROOM_ENDED;
    room->is_kept = why == FOCUS_END_STOP;
    half_give(f, &room->half);
    slot_give(f, room->id.slot);
    name_leave(room);
    timer_stop(f->wheel, &room->idle);
    timer_stop(f->wheel, &room->life);
    timer_stop(f->wheel, &room->hold_end);
    place_release(f->place, &room->hold);
    if (!room->is_kept) {
        room_save(room);
    }
    room->n_calls++; /* keeps it alive while its calls leave */
    while (room->roster) {
        struct call *call = room->roster;
        call_end(call, why);
    }
    room->n_calls--;
    roster_end(room);
    refer_end(room);
    if (room->conf) {
        room->close_due = true;
        f->n_due++;
    }
    room_settle(room);
}

void room_conf_gone(struct room *room, struct conf *conf)
{
    if (conf == room->conf) {
        room->conf = NULL;
    } else if (!lobby_gone(room, conf)) {
        annex_gone(room, conf);
    }
    conf_free(conf);
    room_settle(room);
}

/* The one end of every conference. */
void room_free(struct room *room)
{
    struct focus *f = room->focus;
    timer_stop(f->wheel, &room->idle);
    timer_stop(f->wheel, &room->life);
    timer_stop(f->wheel, &room->hold_end);
    place_release(f->place, &room->hold);
    half_give(f, &room->half);
    name_leave(room);
    roster_abandon(room);
    refer_abandon(room);
    annex_abandon(room);
    lobby_abandon(room);
    must(!f->cfg.strict || !timer_wheel_has(f->wheel, room, sizeof *room));
    *room->link = room->next;
    if (room->next) {
        room->next->link = room->link;
    }
    count_add(&f->stats.confs, (uint64_t)-1);
    free(room->creator_uri);
    free(room->name);
    free(room);
}

void room_settle(struct room *room)
{
    struct focus *f = room->focus;

    if (room->save_due) {
        room_save(room);
    }
    bool relays = annex_settle(room);
    lobby_settle(room);
    if (room->close_due && room->n_drops_due == 0 && !relays) { /* the worker wants it empty: drops go first */
        struct ctl_req req = {.op = CTL_CONF_CLOSE, .conf = room->conf};
        if (ctl_put(place_worker(f->place, room->worker), &req) == 0) {
            room->close_due = false;
            f->n_due--;
        }
    }
    bool whole = !room->conf && !room->annexes && !room->feeds && !room->lobbies;
    if (room->state == ROOM_ENDED && whole && room->n_calls == 0 && !room->save_due) {
        room_free(room);
    }
}

void room_contact_text(const struct room *room, const struct flow *flow, char *text, size_t size)
{
    char host[FOCUS_HOST_MAX + 32];
    snprintf(text, size, "<sip:%s@%s>%s%s", room->token, focus_host(room->focus, flow, host),
             room->annc.clip ? "" : ";isfocus", ims_has(room->focus, flow) ? IMS_ICSI_TAG : "");
}
