/*
 * The call's state machine. The table is the whole of it: states down, events across; a cell names an action, the state
 * after it, and the state if the action says no. An empty cell cannot be reached: it aborts in tests and is counted in
 * production.
 */
#include "sig/call/call_act.h"

#include "core/conf/leg.h"
#include "core/conf/leg_source.h"
#include "sig/call/dial.h"
#include "sig/room/ims.h"
#include "sig/room/room.h"
#include "sig/room/roster.h"
#include "sig/room/unacked.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct cell {
    call_action action;
    enum call_state yes, no;
};

#define STAY(s)                                                                                                        \
    {                                                                                                                  \
        act_nothing, CALL_##s, CALL_##s                                                                                \
    }
#define GO(env, y, n)                                                                                                  \
    {                                                                                                                  \
        env, CALL_##y, CALL_##n                                                                                        \
    }

static const struct cell table[CALL_STATES][CALL_EVENTS] =
    {
        [CALL_FRESH] =
            {
                [CALL_EV_OFFER] = GO(act_answer, ANSWERED, OVER),
                [CALL_EV_WAITING] = GO(act_wait, EARLY, OVER),
                [CALL_EV_OFFERLESS] = GO(act_offer, OFFERED, OVER),
                [CALL_EV_DIAL] = GO(act_dial, DIALLING, OVER),
            },
        [CALL_DIALLING] =
            {
                [CALL_EV_RINGING] = GO(act_nothing, RINGING, RINGING),
                [CALL_EV_REDIRECT] = GO(act_dial_redirect, DIALLING, OVER),
                [CALL_EV_REANSWER] = GO(act_dial_up, UP, ENDING),
                [CALL_EV_REFUSED] = GO(act_nothing, OVER, OVER),
                [CALL_EV_END] = GO(act_dial_end, CANCELLING, CANCELLING),
            },
        [CALL_RINGING] =
            {
                [CALL_EV_RINGING] = STAY(RINGING),
                [CALL_EV_REDIRECT] = GO(act_dial_redirect, DIALLING, OVER),
                [CALL_EV_REANSWER] = GO(act_dial_up, UP, ENDING),
                [CALL_EV_REFUSED] = GO(act_nothing, OVER, OVER),
                [CALL_EV_END] = GO(act_dial_end, CANCELLING, CANCELLING),
            },
        [CALL_EARLY] =
            {
                [CALL_EV_OFFER] = GO(act_open, EARLY, EARLY),
                [CALL_EV_OFFERLESS] = GO(act_open, EARLY, EARLY),
                [CALL_EV_PRACK] = GO(act_prack, ANSWERED, EARLY),
                [CALL_EV_UPDATE] = GO(act_early_update, ANSWERED, EARLY),
                [CALL_EV_PRACK_LOST] = GO(act_prack_lost, OVER, OVER),
                [CALL_EV_ACK_LOST] = GO(act_cancelled, OVER, OVER), /* nobody has gone on with it */
                [CALL_EV_CANCEL] = GO(act_cancelled, OVER, OVER),
                [CALL_EV_BYE] = GO(act_early_bye, OVER, OVER),
                [CALL_EV_REOFFER] = GO(act_not_now, EARLY, EARLY),
                [CALL_EV_ACK] = STAY(EARLY),
                [CALL_EV_QUIET] = STAY(EARLY),
                [CALL_EV_END] = GO(act_early_end, OVER, OVER),
            },
        [CALL_ANSWERED] =
            {
                [CALL_EV_OFFER] = GO(act_reanswer, ANSWERED, ANSWERED), /* its ACK may have been lost */
                [CALL_EV_OFFERLESS] = GO(act_reoffer, OFFERED, ANSWERED),
                [CALL_EV_UPDATE] = GO(act_update, ANSWERED, ANSWERED),
                [CALL_EV_REOFFER] = GO(act_not_now, ANSWERED, ANSWERED),
                [CALL_EV_ACK] = GO(act_nothing, UP, UP),
                [CALL_EV_ACK_LOST] = GO(act_lost, ENDING, OVER),
                [CALL_EV_BYE] = GO(act_hung_up, OVER, OVER),
                [CALL_EV_QUIET] = GO(act_quiet, LEAVING, LEAVING),
                [CALL_EV_END] = GO(act_leave_first, LEAVING, LEAVING),
            },
        [CALL_OFFERED] =
            {
                [CALL_EV_OFFER] = GO(act_pending, OFFERED, OFFERED),
                [CALL_EV_OFFERLESS] = GO(act_pending, OFFERED, OFFERED),
                [CALL_EV_UPDATE] = GO(act_update_pending, OFFERED, OFFERED),
                [CALL_EV_REOFFER] = GO(act_not_now, OFFERED, OFFERED),
                [CALL_EV_ACK] = GO(act_answered, UP, ENDING),
                [CALL_EV_ACK_LOST] = GO(act_lost, ENDING, OVER),
                [CALL_EV_BYE] = GO(act_hung_up, OVER, OVER),
                [CALL_EV_QUIET] = GO(act_quiet, LEAVING, LEAVING),
                [CALL_EV_END] = GO(act_leave_first, LEAVING, LEAVING),
            },
        [CALL_UP] =
            {
                [CALL_EV_OFFER] = GO(act_reanswer, ANSWERED, UP),
                [CALL_EV_OFFERLESS] = GO(act_reoffer, OFFERED, UP),
                [CALL_EV_UPDATE] = GO(act_update, UP, UP),
                [CALL_EV_REOFFER] = GO(act_reoffer_send, REOFFERED, UP),
                [CALL_EV_ACK] = STAY(UP),
                [CALL_EV_BYE] = GO(act_hung_up, OVER, OVER),
                [CALL_EV_QUIET] = GO(act_quiet, ENDING, OVER),
                [CALL_EV_END] = GO(act_bye, ENDING, OVER),
            },
        [CALL_REOFFERED] =
            {
                [CALL_EV_OFFER] = GO(act_pending, REOFFERED, REOFFERED),
                [CALL_EV_OFFERLESS] = GO(act_pending, REOFFERED, REOFFERED),
                [CALL_EV_UPDATE] = GO(act_update_pending, REOFFERED, REOFFERED),
                [CALL_EV_REOFFER] = GO(act_not_now, REOFFERED, REOFFERED),
                [CALL_EV_REANSWER] = GO(act_reanswered, UP, ENDING),
                [CALL_EV_REFUSED] = GO(act_nothing, UP, UP),
                [CALL_EV_ACK] = STAY(REOFFERED),
                [CALL_EV_BYE] = GO(act_hung_up, OVER, OVER),
                [CALL_EV_QUIET] = GO(act_quiet, ENDING, OVER),
                [CALL_EV_END] = GO(act_bye, ENDING, OVER),
            },
        [CALL_LEAVING] =
            {
                [CALL_EV_OFFER] = GO(act_gone, LEAVING, LEAVING),
                [CALL_EV_OFFERLESS] = GO(act_gone, LEAVING, LEAVING),
                [CALL_EV_UPDATE] = GO(act_gone, LEAVING, LEAVING),
                [CALL_EV_REOFFER] = GO(act_not_now, LEAVING, LEAVING),
                [CALL_EV_ACK] = GO(act_bye, ENDING, OVER),
                [CALL_EV_ACK_LOST] = GO(act_bye, ENDING, OVER),
                [CALL_EV_BYE] = GO(act_hung_up, OVER, OVER),
                [CALL_EV_QUIET] = STAY(LEAVING),
                [CALL_EV_END] = STAY(LEAVING),
            },
        [CALL_CANCELLING] =
            {
                [CALL_EV_RINGING] = STAY(CANCELLING),
                [CALL_EV_REANSWER] = GO(act_dial_crossed, ENDING, ENDING),
                [CALL_EV_REFUSED] = GO(act_nothing, OVER, OVER),
                [CALL_EV_END] = STAY(CANCELLING),
            },
        [CALL_ENDING] =
            {
                [CALL_EV_OFFER] = GO(act_gone, ENDING, ENDING),
                [CALL_EV_OFFERLESS] = GO(act_gone, ENDING, ENDING),
                [CALL_EV_UPDATE] = GO(act_gone, ENDING, ENDING),
                [CALL_EV_REOFFER] = GO(act_not_now, ENDING, ENDING),
                [CALL_EV_REFUSED] = STAY(ENDING),
                [CALL_EV_ACK] = STAY(ENDING),
                [CALL_EV_BYE] = GO(act_crossed, ENDING, ENDING),
                [CALL_EV_BYE_DONE] = GO(act_nothing, OVER, OVER),
                [CALL_EV_QUIET] = STAY(ENDING),
                [CALL_EV_END] = STAY(ENDING),
            },
        [CALL_OVER] =
            {
                [CALL_EV_BYE_DONE] = STAY(OVER),
                [CALL_EV_QUIET] = STAY(OVER),
                [CALL_EV_END] = STAY(OVER),
            },
};

/* --- Running it --------------------------------------------------------------------------------------------------- */

void call_log(const struct call *call, const char *what, const char *text)
{
    char id[128], source[ADDR_TEXT_MAX];
    const char *call_id = call->dialog.call_id ? call->dialog.call_id : "";
    log_line(call->env->log, LOG_INFO, "call %llu %s%s; conference %.*s, %s, Call-ID %s",
             (unsigned long long)call->member.id, what, text, ENV_LABEL_CHARS, call->room->token,
             addr_text(&call->dialog.flow.remote, source), log_escape(id, sizeof id, call_id, strlen(call_id)));
}

/* No dialog any more: nobody may find it, no transaction may name it. */
static void over(struct call *call, enum call_state was)
{
    struct env *env = call->env;

    call_leave(call);
    refresh_stop(call);
    early_stop(call);
    script_stop(call);
    if (call->reinvite) {
        txn_set_tag(call->reinvite, NULL);
        call->reinvite = NULL;
    }
    if (call->dialog.n_usages) {
        roster_dialog_gone(call->room, &call->dialog);
    }
    dialog_leave(&call->dialog);
    call_invite_let_go(call);
    dial_over(call);
    if (call->bye) {
        txn_set_tag(call->bye, NULL);
        call->bye = NULL;
    }
    if (was != CALL_FRESH) {
        count_add(&env->stats.ended[call->why], 1);
        call_log(call, "ends: ", ending_text(call->why));
        if (call->room->annc.clip) {
            room_end(call->room, call->why); /* it was for this call alone */
        }
    }
    call_ptt_changed(call);
}

/* RFC 3891 3: the 2xx is sent, the one before it gets its BYE. */
static void replaced_end(struct call *call)
{
    struct member *old = call->room->roster;
    while (old && old->id != call->replaces) {
        old = old->next;
    }
    call->replaces = 0;
    if (old) {
        old->ops->end(old, ENDING_REPLACED);
    }
}

enum call_state call_event(struct call *call, enum call_event event, const struct call_input *in)
{
    const struct cell *cell = &table[call->state][event];
    enum call_state was = call->state;

    if (!cell->action) {
        must(!call->env->cfg.strict);
        count_add(&call->env->stats.impossible, 1);
        return was;
    }
    int err = cell->action(call, in);
    call->state = err ? cell->no : cell->yes;
    if (call->state == CALL_ENDING && !call->bye) {
        call->state = CALL_OVER; /* BYE could not even be sent */
    }
    if (call->state == CALL_EARLY && !call->early.invite) {
        call->why = ENDING_FAULT;
        call->state = CALL_OVER; /* its 200 could not be made, and the peer has a 500 */
    }
    if (call->state == CALL_OVER && was != CALL_OVER) {
        over(call, was);
    }
    if (call->state == CALL_UP) {
        call_media_open(call);
    }
    if (call->state >= CALL_UP) {
        unacked_give(call->env, &call->member.unacked);
    }
    bool needs_leg = call->state == CALL_UP || call->state == CALL_ANSWERED || call->state == CALL_REOFFERED;
    must(!call->env->cfg.strict || !needs_leg || call->leg);
    enum call_state now = call->state;
    bool is_news = now == CALL_ANSWERED || now == CALL_UP || now == CALL_DIALLING || now == CALL_RINGING;
    if (is_news && was != now) {
        roster_changed(call->room, &call->member); /* came, is held, is back; is called, is alerted */
    }
    if (now == CALL_UP && was != now) {
        script_up(call);
        call_ptt_changed(call);
    }
    if (call->replaces && (now == CALL_ANSWERED || now == CALL_OFFERED)) {
        replaced_end(call);
    }
    call_settle(call);
    return now;
}

static const char *const charging_names[CALL_CHARGINGS] = {"P-Charging-Vector", "P-Charging-Function-Addresses"};

/* From strangers they mean nothing (attack A18). */
static int charging_take(struct call *call, const struct sip_msg *msg)
{
    for (unsigned i = 0; i < CALL_CHARGINGS && trust_has(&call->env->cfg.trusted, &msg->flow.remote); i++) {
        const char *value = sip_header(msg, charging_names[i], 0);
        call->charging[i] = value ? strdup(value) : NULL;
        if (value && !call->charging[i]) {
            return -ENOMEM;
        }
    }
    return 0;
}

void call_contact_text(const struct call *call, char *text, size_t size)
{
    char host[ENV_HOST_MAX + 32];
    if (call->ptt.is_on) { /* nobody learns of the channel's URI, which others could call */
        snprintf(text, size, "<sip:ptt-%s@%s>", call->dialog.local_tag, env_host(call->env, &call->dialog.flow, host));
    } else {
        room_contact_text(call->room, &call->dialog.flow, text, size);
    }
}

void call_charging_add(const struct call *call, struct sip_out *out)
{
    for (unsigned i = 0; i < CALL_CHARGINGS; i++) {
        if (call->charging[i]) {
            sip_add(out, charging_names[i], call->charging[i]);
        }
    }
}

void call_ims_add(const struct call *call, struct sip_out *out)
{
    char contact[ROOM_CONTACT_MAX];
    call_contact_text(call, contact, sizeof contact);
    ims_add(call->env, &call->dialog, contact, call->charging[0], out);
    if (call->charging[1] && ims_has(call->env, &call->dialog.flow)) {
        sip_add(out, charging_names[1], call->charging[1]);
    }
}

/* --- As a member of its conference -------------------------------------------------------------------------------- */

static const struct member_ops member_ops;

struct call *call_of_member(struct member *member)
{
    return member->ops == &member_ops ? MEMBER_OF(member, struct call, member) : NULL;
}

static void member_end(struct member *member, enum ending why)
{
    call_end(MEMBER_OF(member, struct call, member), why);
}

static void member_look(const struct member *member, struct member_state *state)
{
    const struct call *call = MEMBER_OF(member, const struct call, member);
    *state = (struct member_state){
        .status = call->state == CALL_DIALLING  ? MEMBER_DIALLED
                  : call->state == CALL_RINGING ? MEMBER_ALERTED
                                                : MEMBER_CONNECTED,
        .rx_on = call->has_media && call->media.rx_on,
        .tx_on = call->has_media && call->media.tx_on,
        .codec = call->has_media ? call->media.codec->name : "",
        .srtp = call->has_media ? seal_suite_name(call->media.seal.suite) : "",
        .source = &call->dialog.flow.remote,
        .view = call->leg ? leg_view_of(call->leg) : NULL,
    };
}

static const struct member_ops member_ops = {.end = member_end, .look = member_look};

struct call *call_make(struct env *env, struct room *room, const struct identity *who)
{
    struct call *call = calloc(1, sizeof *call);
    if (!call) {
        return NULL;
    }
    call->owner.ops = &call_owner_ops;
    call->member.ops = &member_ops;
    call->env = env;
    call->room = room;
    refresh_init(call);
    early_init(call);
    call->member.who = *who;
    room->n_calls++;
    call->member.id = ++env->last_id;
    call->why = ENDING_FAULT;
    call->next = env->calls;
    call->link = &env->calls;
    if (call->next) {
        call->next->link = &call->next;
    }
    env->calls = call;
    count_add(&env->stats.calls, 1);
    return call;
}

void call_free(struct call *call)
{
    struct env *env = call->env;
    struct room *room = call->room;

    must(call->n_lent == 0 && !call->invite && !call->bye);
    room_leave(room, &call->member);
    script_stop(call);
    refresh_stop(call);
    early_stop(call);
    dial_over(call);
    unacked_give(env, &call->member.unacked);
    call_source_forget(call);
    *call->link = call->next;
    if (call->next) {
        call->next->link = call->link;
    }
    dial_free(call);
    dialog_free(&call->dialog);
    must(!env->cfg.strict || !timer_wheel_has(env->wheel, call, sizeof *call));
    member_clear(&call->member);
    for (unsigned i = 0; i < CALL_CHARGINGS; i++) {
        free(call->charging[i]);
    }
    keys_wipe(call, sizeof *call); /* SRTP keys */
    free(call);
    count_add(&env->stats.calls, (uint64_t)-1);
    room->n_calls--;
    room_settle(room);
}

int call_begin(struct env *env, struct room *room, struct txn *txn, const struct sip_msg *msg,
               const struct invite *invite, const struct identity *who, const struct call *old)
{
    struct call_input in = {.txn = txn, .msg = msg, .invite = invite};
    struct call *call = call_make(env, room, who);
    char from[128];
    uint64_t random;

    if (!call) {
        env_refuse(env, txn, REFUSAL_MEMORY);
        return -EPROTO;
    }
    const struct store_policy *policy = policy_of(env, room);
    bool owes_pin = who->owes_pin || (policy && policy->has_pin);
    int err = owes_pin && env->upper->is_barred(env, msg) ? -EPERM
                                                          : unacked_take(env, &call->member.unacked, &msg->flow.remote);
    if (!err) {
        err = env->world.random(env->world.ctx, &random, sizeof random);
    }
    if (!err) {
        err = dialog_answer(&call->dialog, &call->owner, txn, msg);
    }
    if (!err) {
        err = charging_take(call, msg);
    }
    if (!err) {
        err = roster_name(env, &call->member, msg);
    }
    if (!err) {
        err = unacked_fills(&call->member.unacked, room) ? -EDQUOT : room_join(room, &call->member);
    }
    if (err) {
        env_refuse(env, txn, refusal_of(err));
        call_free(call);
        return -EPROTO;
    }
    if (env->upper->script(call, policy) != 0) {
        env_refuse(env, txn, REFUSAL_MEMORY);
        call_free(call);
        return -EPROTO;
    }
    call->in_lobby = call->script != NULL;
    if (refresh_read(call, txn, msg) != 0) {
        call_free(call);
        return -EPROTO;
    }
    offer_session_init(&call->session, random);
    if (invite->ptt) {
        call->ptt = *invite->ptt;
        offer_session_floor(&call->session, &call->ptt.ours);
    }
    call->invite_cseq = msg->cseq;
    call->replaces = old ? old->member.id : 0;
    dialog_enter(&env->dialogs, &call->dialog);
    call_log(call, "from ", log_escape(from, sizeof from, msg->from.uri.text, strlen(msg->from.uri.text)));
    enum call_event event = invite->offerless            ? CALL_EV_OFFERLESS
                            : offer_waits(&invite->pick) ? CALL_EV_WAITING
                                                         : CALL_EV_OFFER;
    if (call_event(call, event, &in) == CALL_OVER) {
        return -EPROTO;
    }
    count_add(&env->stats.calls_made, 1);
    return 0;
}

void call_end(struct call *call, enum ending why)
{
    if (call->state < CALL_LEAVING) {
        call->why = why;
    }
    call_event(call, CALL_EV_END, &(struct call_input){0});
}

int call_reinvite(struct call *call)
{
    return call_event(call, CALL_EV_REOFFER, &(struct call_input){0}) == CALL_REOFFERED ? 0 : -EBUSY;
}

void call_prack_lost(struct call *call)
{
    call_event(call, CALL_EV_PRACK_LOST, &(struct call_input){0});
}

void call_quiet(struct call *call)
{
    if (call->media.rx_on) { /* a held call is silent by agreement */
        call_event(call, CALL_EV_QUIET, &(struct call_input){0});
    }
}

void call_ssrc(struct call *call, uint32_t ssrc)
{
    bool is_new = ssrc != call->member.ssrc; /* the same once more after a re-INVITE with new sockets */
    call->member.ssrc = ssrc;
    if (is_new && (call->state == CALL_ANSWERED || call->state == CALL_UP)) {
        roster_changed(call->room, &call->member);
    }
}

void call_abandon(struct call *call)
{
    enum call_state was = call->state;
    call->why = ENDING_STOP;
    call->state = CALL_OVER;
    if (call->dial) {
        dial_forget(call);
    }
    call->leg = NULL;
    call->lobby = NULL;
    call->annex = NULL;
    call->annex_source = NULL;
    call->moving = call->enter_due = false;
    call->n_lent = 0;
    over(call, was);
    call_free(call);
}

void call_settle(struct call *call)
{
    if (call->drop_due) {
        call_media_drop(call);
    }
    if (call->enter_due) {
        call_move_on(call);
    }
    if (call->state == CALL_OVER && call->n_lent == 0 && !call->drop_due && !call->invite && !call->bye &&
        dial_is_done(call) && !call->is_dead) {
        call->is_dead = true;
        call->next_dead = call->env->dead_calls;
        call->env->dead_calls = call;
    }
}

void call_reap(struct env *env)
{
    while (env->dead_calls) {
        struct call *call = env->dead_calls;
        env->dead_calls = call->next_dead;
        call_free(call);
    }
}
