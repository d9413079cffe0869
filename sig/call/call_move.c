/*
 * Between an annex and its owner. A leg is taken from one worker, comes back here and is lent to the other, with all
 * its state: a matter of some ten milliseconds, in which the call's media is not changed. A participant that speaks in
 * an annex moves to the owner: its worker keeps a reserve for that. When the reserve is used up, one that has been
 * silent for long moves out.
 */
#include "sig/call/call.h"
#include "sig/room/annex.h"

#include "core/conf/leg.h"
#include "core/ctl.h"

#include <errno.h>

enum {
    MOVING_MAX = 8 /* calls of one room at a time: a crowd that is noisy, but not talking, comes little by little */
};

static bool may_move(const struct call *call)
{
    return (call->state == CALL_UP || call->state == CALL_ANSWERED) && call->leg && !call->moving && !call->dropped &&
           !call->member.is_waiting && call->room->n_moving < MOVING_MAX;
}

/* Asks for the leg. @return 0 | -EBUSY ring full: nothing has happened */
static int take_out(struct call *call, int worker)
{
    struct ctl_req req = {.op = CTL_LEG_MOVE, .conf = call_conf(call), .leg = call->leg};
    if (ctl_put(place_worker(call->env->place, worker), &req) != 0) {
        return -EBUSY;
    }
    call->moving = true;
    call->silent = false;
    call->room->n_moving++;
    return 0;
}

/* From the owner to wherever there is room. @return 0 | -EAGAIN, -EBUSY, -ENOMEM: it stays */
static int move_out(struct call *call)
{
    struct place *place = call->env->place;
    struct annex *annex = NULL;
    struct annex_source *source = NULL;
    int owner = call->room->worker, worker = place_choose_beside(place, owner, call->place.cost);
    if (worker < 0) {
        return worker;
    }
    /* The annex source first: it must not miss what is sent while the leg is on its way. */
    int err = annex_source_get(call->room, &call->media, &source);
    err = err ? err : annex_get(call->room, worker, &annex);
    err = err ? err : place_leg_move(place, &call->place, worker, false);
    err = err ? err : take_out(call, owner);
    if (err) {
        if (call->place.worker == worker) {
            must(place_leg_move(place, &call->place, owner, true) == 0);
        }
        annex_put(annex);
        annex_source_put(source);
        return err;
    }
    call->annex = annex;
    call->annex_source = source;
    count_add(&call->env->stats.moves_out, 1);
    return 0;
}

/* A participant that has long been silent gives its place at the owner. */
static void relieve(struct room *room, struct place_cost cost)
{
    if (!place_is_tight(room->env->place, room->worker, cost)) {
        return;
    }
    for (struct member *member = room->roster; member; member = member->next) {
        struct call *call = call_of_member(member);
        if (call && call->silent && !call->annex && may_move(call)) {
            move_out(call);
            return;
        }
    }
}

void call_speaks(struct call *call)
{
    struct place *place = call->env->place;
    struct annex *annex = call->annex;
    struct room *room = call->room;

    if (!annex || !may_move(call)) {
        return;
    }
    int from = annex->worker;
    int err = place_leg_move(place, &call->place, room->worker, true);
    if (!err && take_out(call, from) != 0) {
        err = -EBUSY;
        must(place_leg_move(place, &call->place, from, true) == 0);
    }
    if (err) {
        count_add(&call->env->stats.moves_refused, 1);
    } else {
        call->annex = NULL;
        annex_put(annex);
        count_add(&call->env->stats.moves_in, 1);
    }
    relieve(room, call->place.cost);
}

void call_silent(struct call *call, bool is_silent)
{
    call->silent = is_silent && !call->annex;
    if (call->silent) {
        relieve(call->room, call->place.cost);
    }
}

static void enter_due_set(struct call *call, bool due)
{
    if (due != call->enter_due) {
        call->enter_due = due;
        call->env->n_due += due ? 1 : -1u;
    }
}

static void moved(struct call *call)
{
    enter_due_set(call, false);
    call->moving = false;
    call->room->n_moving--;
}

/* Its leg is here, and stays. */
static void stop_here(struct call *call)
{
    moved(call);
    leg_free(call->leg);
    call->leg = NULL;
    annex_source_put(call->annex_source);
    annex_put(call->annex);
    call->annex_source = NULL;
    call->annex = NULL;
}

void call_move_on(struct call *call)
{
    struct ctl_req req = {.op = CTL_LEG_ADD, .conf = call_conf(call), .leg = call->leg};
    struct annex_source *source = call->annex_source;

    if (call->dropped) {
        stop_here(call);
        return;
    }
    if (call->annex) {
        leg_set_annex_source(call->leg, source->relay);
    }
    /* An encoder it has left where it comes from. No memory for one: like a full ring, tried again. */
    bool full = (!call->annex && leg_equip(call->leg) != 0) ||
                ctl_put(place_worker(call->env->place, call->place.worker), &req) != 0;
    enter_due_set(call, full);
    if (full) {
        return;
    }
    moved(call);
    call->n_lent++;
    count_add(&call->env->stats.legs, 1);
    if (!call->annex) {
        call->annex_source = NULL;
        annex_source_put(source); /* what the leg has not been sent of it, the owner sends first */
    }
}

void call_move_end(struct call *call)
{
    if (call->enter_due) {
        stop_here(call);
    }
}
