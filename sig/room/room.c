/* Conferences. */
#include "sig/room/room.h"
#include "sig/room/event_id.h"

#include "core/conf/conf.h"
#include "core/ctl.h"
#include "sig/base/hash.h"
#include "sig/room/annex.h"
#include "sig/room/lobby.h"
#include "sig/room/roster.h"
#include "sig/room/unacked.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* --- Slots -------------------------------------------------------------------------------------------------------- */

/* @return a slot that no living conference has | -ENOSPC */
static int slot_take(struct env *env)
{
    if (env->n_free == 0) {
        return -ENOSPC;
    }
    uint32_t slot = env->free_slots[env->free_at];
    env->free_at = (env->free_at + 1) % env->cfg.conferences_max;
    env->n_free--;
    return (int)slot;
}

static void slot_give(struct env *env, uint32_t slot)
{
    env->slots[slot] = NULL;
    env->free_slots[(env->free_at + env->n_free) % env->cfg.conferences_max] = slot;
    env->n_free++;
}

void room_slots_fill(struct env *env)
{
    env->n_free = 0;
    env->free_at = 0;
    for (uint32_t i = 0; i < env->cfg.conferences_max; i++) {
        if (!env->slots[i]) {
            env->free_slots[env->n_free++] = i;
        }
    }
}

/* --- Store -------------------------------------------------------------------------------------------------------- */

static void room_save(struct room *room)
{
    if (room->annc.clip || room->floor.is_on) {
        return; /* of one call: nobody can return to it; a channel is made anew by those that come */
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
    bool full = room->env->store && store_put(room->env->store, &req) != 0;
    if (full != room->save_due) {
        room->env->n_due += full ? 1 : -1u;
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
    room_end(TIMER_OWNER(timer, struct room, idle), ENDING_CONFERENCE);
}

static void on_life(struct timer *timer, uint64_t now_ns)
{
    room_end(TIMER_OWNER(timer, struct room, life), ENDING_CONFERENCE);
}

static void on_hold_end(struct timer *timer, uint64_t now_ns)
{
    struct room *room = TIMER_OWNER(timer, struct room, hold_end);
    place_release(room->env->place, &room->hold); /* from now on it binds late, like any other */
    unacked_give(room->env, &room->unacked);
}

static uint64_t ms_of(uint64_t seconds)
{
    return seconds * 1000;
}

/* Puts a room whose id is complete into its slot. */
static void room_begin(struct room *room, uint64_t now_s)
{
    struct env *env = room->env;

    room->state = ROOM_ISSUED;
    room->worker = -1;
    timer_init(&room->idle, on_idle);
    timer_init(&room->life, on_life);
    timer_init(&room->hold_end, on_hold_end);
    env->slots[room->id.slot] = room;
    room->next = env->rooms;
    room->link = &env->rooms;
    if (room->next) {
        room->next->link = &room->next;
    }
    env->rooms = room;
    timer_start(env->wheel, &room->idle, ms_of(env->cfg.unused_s));
    uint64_t life_s = MIN(room->id.expires_s - now_s, (uint64_t)env->cfg.life_s); /* more: the clock was set back */
    if (!room->floor.is_on) {
        timer_start(env->wheel, &room->life, ms_of(life_s));
    }
    count_add(&env->stats.confs, 1);
}

/* As a rule two talk at once at most: one, and the next who begins before the first has ended. */
static uint32_t voices_us(uint32_t n, uint32_t dearest_us)
{
    return MIN(n, 2) * dearest_us;
}

/* floor: of a channel, which holds nothing beforehand; NULL: a conference */
static int issue(struct env *env, struct place_cost cost, const struct floor_policy *floor, struct room **out)
{
    uint64_t now_s = env->world.wall_s(env->world.ctx);
    struct room *room = calloc(1, sizeof *room);
    int slot = -1, err = -ENOMEM;

    if (!room) {
        return -ENOMEM;
    }
    slot = slot_take(env);
    if (slot < 0) {
        err = slot;
        goto out;
    }
    room->env = env;
    room->created_s = now_s;
    if (floor) {
        room->floor = (struct room_floor){.is_on = true, .policy = *floor};
    }
    room->id = (struct uri_token){
        .node = env->cfg.node, .slot = (uint32_t)slot, .expires_s = (uint32_t)(now_s + env->cfg.life_s)};
    err = env->world.random(env->world.ctx, room->id.random, sizeof room->id.random);
    if (err || (err = uri_token_write(room->token, &room->id, env->secret)) != 0) {
        goto out;
    }
    cost.cpu_us += voices_us(env->cfg.reserve_legs, cost.voice_us) / MAX(env->cfg.reserve_legs, 1);
    if (env->cfg.reservation && !floor &&
        (err = place_hold(env->place, &room->hold, env->cfg.reserve_legs, cost)) != 0) {
        goto out;
    }
    room_begin(room, now_s);
    if (room->hold.active) {
        timer_start(env->wheel, &room->hold_end, ms_of(env->cfg.reserve_s));
    }
    count_add(&env->stats.confs_made, 1);
    *out = room;
    return 0;
out:
    if (slot >= 0) {
        slot_give(env, (uint32_t)slot);
    }
    free(room);
    return err;
}

int room_issue(struct env *env, struct place_cost cost, struct room **room)
{
    return issue(env, cost, NULL, room);
}

int room_channel(struct env *env, const struct floor_policy *policy, struct room **room)
{
    return issue(env, (struct place_cost){0}, policy, room);
}

int room_restore(struct env *env, const struct store_conf *conf)
{
    uint64_t now_s = env->world.wall_s(env->world.ctx);
    struct uri_token id;

    if (uri_token_read(&id, conf->token, URI_TOKEN_CHARS, env->secret) != 0 || id.node != env->cfg.node ||
        id.expires_s <= now_s || id.slot >= env->cfg.conferences_max || env->slots[id.slot]) {
        return -ENOENT;
    }
    struct room *room = calloc(1, sizeof *room);
    if (!room) {
        return -ENOMEM;
    }
    room->env = env;
    room->id = id;
    room->created_s = conf->created_s;
    memcpy(room->token, conf->token, sizeof room->token);
    if (conf->creator_is_user) {
        snprintf(room->creator, sizeof room->creator, "%s", conf->creator);
    } else if (conf->creator[0]) {
        room->creator_uri = strdup(conf->creator);
    }
    room_begin(room, now_s);
    if (conf->name[0] && !room_named(env, conf->name)) {
        return room_name_set(room, conf->name);
    }
    return 0;
}

int room_find(struct env *env, const char *user, struct room **out)
{
    struct uri_token id;

    if (uri_token_read(&id, user, strlen(user), env->secret) != 0 || id.node != env->cfg.node) {
        return -ENOENT;
    }
    struct room *room = id.slot < env->cfg.conferences_max ? env->slots[id.slot] : NULL;
    if (!room || memcmp(&room->id.random, &id.random, sizeof id.random) != 0) {
        return -ESTALE; /* ours by its MAC, and not alive: it has been */
    }
    *out = room;
    return 0;
}

/* ---- names ---- */

static struct room **bucket_of(const struct env *env, const char *name)
{
    return (struct room **)&env->named[hash_text(hash_seed(env->secret), name) % ENV_NAMES];
}

const char *room_name_of(const char *user)
{
    static const char mark[] = "conf=";
    const char *name = user + sizeof mark - 1;
    if (strncasecmp(user, mark, sizeof mark - 1) != 0) {
        return NULL;
    }
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~");
    return n > 0 && n < ENV_USER_MAX && name[n] == '\0' ? name : NULL;
}

struct room *room_named(const struct env *env, const char *name)
{
    struct room *room = *bucket_of(env, name);
    while (room && strcmp(room->name, name) != 0) {
        room = room->name_next;
    }
    return room;
}

int room_name_set(struct room *room, const char *name)
{
    struct room **bucket = bucket_of(room->env, name);
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

/* Its floor goes to the worker, now or when there is room in the ring. */
static void floor_put(struct room *room)
{
    struct ctl_req req = {.op = CTL_CONF_FLOOR, .conf = room->conf};
    req.floor.mode = FLOOR_MODE_HALF;
    req.floor.sleeps = true;
    req.floor.policy = room->floor.policy;
    bool full = room->floor.is_on && room->state == ROOM_OPEN &&
                ctl_put(place_worker(room->env->place, room->worker), &req) != 0;
    if (full != room->floor_due) {
        room->floor_due = full;
        room->env->n_due += full ? 1 : -1u;
    }
}

int room_open(struct room *room, struct place_cost cost)
{
    struct env *env = room->env;

    if (room->state == ROOM_OPEN) {
        return 0;
    }
    must(room->state == ROOM_ISSUED);
    int worker = place_choose(env->place, &room->hold, cost);
    if (worker < 0) {
        return worker;
    }
    struct conf_cfg cfg = {.id = event_id(EVENT_ROOM, room),
                           .legs_max = env->cfg.legs_max,
                           .talkers = env->cfg.talkers,
                           .silent_s = ANNEX_SILENT_S,
                           .has_floor = room->floor.is_on};
    struct ctl_req req = {.op = CTL_CONF_OPEN};
    int err = conf_build(&req.conf, &cfg);
    if (err) {
        return err;
    }
    if (ctl_put(place_worker(env->place, worker), &req) != 0) {
        conf_free(req.conf);
        return -EBUSY;
    }
    room->conf = req.conf;
    room->worker = worker;
    room->state = ROOM_OPEN;
    unacked_give(env, &room->unacked);
    floor_put(room);
    room_save(room);
    log_line(env->log, LOG_INFO, "%s %.*s opens on worker %d", room->floor.is_on ? "channel" : "conference",
             ENV_LABEL_CHARS, room->token, worker);
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
    place_voices_set(room->env->place, room->worker, &room->voices_us, voices_us(room->n_voices, room->voice_us));
}

int room_join(struct room *room, struct member *member)
{
    if (room->state == ROOM_ENDED) {
        return -ESTALE;
    }
    const struct store_policy *policy = policy_of(room->env, room);
    if (policy && policy->is_locked) {
        return -EACCES;
    }
    if (room->n_roster >= policy_legs_max(room->env, room)) {
        return -EUSERS;
    }
    must(!member->link);
    member->next = room->roster;
    member->link = &room->roster;
    if (member->next) {
        member->next->link = &member->next;
    }
    room->roster = member;
    room->n_roster++;
    timer_stop(room->env->wheel, &room->idle);
    return 0;
}

bool room_is_creator(const struct room *room, const struct member *member, const struct identity *who)
{
    if (member ? member->is_waiting : who->owes_pin) {
        return false;
    }
    if (who->user[0]) {
        return strcmp(who->user, room->creator) == 0;
    }
    /* Without authentication it is the participant with the From that asked for it, by its own dialog. */
    return member && member->entity && room->creator_uri && strcmp(member->entity, room->creator_uri) == 0;
}

/* The creator has been in it, goes, and has no other call in it: after a Replaces from another phone it has. */
static bool creator_is_gone(const struct room *room, const struct member *gone)
{
    bool is_gone = room->env->cfg.creator_ends && gone->changed != 0 && room_is_creator(room, gone, &gone->who);
    for (const struct member *member = room->roster; member && is_gone; member = member->next) {
        is_gone = !room_is_creator(room, member, &member->who);
    }
    return is_gone;
}

void room_leave(struct room *room, struct member *member)
{
    if (!member->link) {
        return;
    }
    *member->link = member->next;
    if (member->next) {
        member->next->link = member->link;
    }
    member->next = NULL;
    member->link = NULL;
    room->n_roster--;
    roster_left(room, member);
    if (room->state != ROOM_ENDED && creator_is_gone(room, member)) {
        timer_start(room->env->wheel, &room->life, 1); /* not at once: a caller may be walking through the roster */
    }
    if (room->n_roster == 0 && room->state != ROOM_ENDED) {
        /* A caller whose INVITE failed has not used the URI: it keeps its first time limit. */
        uint32_t wait_s = room->state == ROOM_OPEN ? room->env->cfg.linger_s : room->env->cfg.unused_s;
        timer_start(room->env->wheel, &room->idle, ms_of(wait_s));
    }
}

void room_end(struct room *room, enum ending why)
{
    struct env *env = room->env;

    if (room->state == ROOM_ENDED) {
        return;
    }
    if (room->state == ROOM_OPEN || why != ENDING_STOP) { /* a stop has nothing to say of what nobody has called */
        log_line(env->log, LOG_INFO, "conference %.*s ends: %u participants, %s", ENV_LABEL_CHARS, room->token,
                 room->n_roster, ending_text(why));
    }
    room->state = ROOM_ENDED;
    room->is_kept = why == ENDING_STOP;
    unacked_give(env, &room->unacked);
    slot_give(env, room->id.slot);
    name_leave(room);
    timer_stop(env->wheel, &room->idle);
    timer_stop(env->wheel, &room->life);
    timer_stop(env->wheel, &room->hold_end);
    place_release(env->place, &room->hold);
    if (!room->is_kept) {
        room_save(room);
    }
    room->n_calls++; /* keeps it alive while its calls leave */
    while (room->roster) {
        struct member *member = room->roster;
        member->ops->end(member, why);
    }
    room->n_calls--;
    roster_end(room);
    while (room->refers) { /* each has its last word when the call that it asked for has come to something */
        sub_move(room->refers, &env->ending);
    }
    if (room->conf) {
        room->close_due = true;
        env->n_due++;
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
    struct env *env = room->env;
    timer_stop(env->wheel, &room->idle);
    timer_stop(env->wheel, &room->life);
    timer_stop(env->wheel, &room->hold_end);
    place_release(env->place, &room->hold);
    unacked_give(env, &room->unacked);
    name_leave(room);
    roster_abandon(room);
    while (room->refers) {
        sub_forget(room->refers);
    }
    annex_abandon(room);
    lobby_abandon(room);
    must(!env->cfg.strict || !timer_wheel_has(env->wheel, room, sizeof *room));
    *room->link = room->next;
    if (room->next) {
        room->next->link = room->link;
    }
    count_add(&env->stats.confs, (uint64_t)-1);
    free(room->creator_uri);
    free(room->name);
    free(room);
}

void room_reap(struct env *env)
{
    while (env->dead_rooms) {
        struct room *room = env->dead_rooms;
        env->dead_rooms = room->next_dead;
        room_free(room);
    }
}

void room_settle(struct room *room)
{
    struct env *env = room->env;

    if (room->save_due) {
        room_save(room);
    }
    if (room->floor_due) {
        floor_put(room);
    }
    bool relays = annex_settle(room);
    lobby_settle(room);
    if (room->close_due && room->n_drops_due == 0 && !relays) { /* the worker wants it empty: drops go first */
        struct ctl_req req = {.op = CTL_CONF_CLOSE, .conf = room->conf};
        if (ctl_put(place_worker(env->place, room->worker), &req) == 0) {
            room->close_due = false;
            env->n_due--;
        }
    }
    bool whole = !room->conf && !room->annexes && !room->annex_sources && !room->lobbies;
    if (room->state == ROOM_ENDED && whole && room->n_calls == 0 && !room->save_due && !room->is_dead) {
        room->is_dead = true;
        room->next_dead = env->dead_rooms;
        env->dead_rooms = room;
    }
}
