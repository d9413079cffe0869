/*
 * The call's state machine, and what its cells do. The table is the whole of it: states down, events across; a cell
 * names an action, the state after it, and the state if the action says no. An empty cell cannot be reached: it aborts
 * in tests and is counted in production.
 */
#include "sig/call.h"

#include "sig/room.h"
#include "sig/roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct input {
    struct txn *txn;
    const struct sip_msg *msg;
    const struct invite *invite;
};

typedef int (*action_fn)(struct call *call, const struct input *in); /* 0: yes | negative: no */

struct cell {
    action_fn action;
    enum call_state yes, no;
};

static void call_free(struct call *call)
{
    struct focus *f = call->focus;
    struct room *room = call->room;

    must(call->n_lent == 0 && !call->invite && !call->bye && !call->room_link);
    *call->link = call->next;
    if (call->next) {
        call->next->link = call->link;
    }
    dialog_free(&call->dialog);
    free(call->entity);
    free(call->display);
    keys_wipe(call, sizeof *call); /* SRTP keys */
    free(call);
    count_add(&f->stats.calls, (uint64_t)-1);
    room->n_calls--;
    room_settle(room);
}

/* --- Saying ------------------------------------------------------------------------------------------------------- */

/* The INVITE whose ACK we wait for is this one now; what an earlier one still repeats is stopped. */
static void invite_hold(struct call *call, struct txn *txn, uint32_t cseq)
{
    if (call->invite && call->invite != txn) {
        txn_acked(call->invite);
        txn_set_tag(call->invite, NULL);
    }
    call->invite = txn;
    call->invite_cseq = cseq;
    txn_set_tag(txn, &call->owner);
}

static void invite_let_go(struct call *call)
{
    if (call->invite) {
        txn_acked(call->invite); /* repeating it makes no sense any more */
        txn_set_tag(call->invite, NULL);
        call->invite = NULL;
    }
}

/* 200 to an INVITE. @return 0 | negative errno: the peer got 500 */
static int say_ok(struct call *call, const struct input *in, const struct sdp_out *body)
{
    char contact[URI_TOKEN_CHARS + FOCUS_HOST_MAX + 64];
    struct sip_out *out = txn_response(in->txn, 200, NULL);
    uint32_t cseq = in->msg->cseq; /* the message ends with the response */

    room_contact_text(call->room, &call->dialog.flow, contact, sizeof contact);
    sip_add(out, "Contact", contact);
    focus_add_abilities(call->focus, out);
    sip_body(out, "application/sdp", body->p, body->n);
    invite_hold(call, in->txn, cseq);
    int err = txn_respond(in->txn, out);
    if (err) {
        txn_set_tag(in->txn, NULL);
        call->invite = NULL;
    }
    return err;
}

/* --- Actions ------------------------------------------------------------------------------------------------------ */

/* Leaves the conference: leg back, name off the roster. */
static void leave(struct call *call)
{
    call_media_drop(call);
    room_leave(call->room, call); /* tells the watchers */
}

static int refuse(struct call *call, const struct input *in, int err)
{
    focus_refuse(call->focus, in->txn, focus_refusal_of(err));
    return err;
}

/* @return 0 | -EIO: no randomness, so no keys */
static int local_of(const struct call *call, struct offer_local *local)
{
    struct focus *f = call->focus;
    local->rtp = f->media_host;
    addr_set_port(&local->rtp, call->place.port);
    return f->world.random(f->world.ctx, local->fresh, sizeof local->fresh);
}

/* First INVITE with an offer: everything is taken, built and lent, then 200. */
static int answer(struct call *call, const struct input *in)
{
    char text[OFFER_BODY_MAX + 256];
    struct sdp_out body = {text, 0, sizeof text, false};

    int err = call_media_take(call, in->invite->cost);
    if (err) {
        return refuse(call, in, err);
    }
    struct offer_local local;
    err = local_of(call, &local);
    if (!err) {
        err = offer_answer(&call->session, &in->invite->pick, &in->invite->sdp, &local, &body);
    }
    if (!err) {
        call->media = offer_settled(&call->session, &in->invite->pick);
        call->has_media = true;
        err = call_media_start(call);
    }
    if (err) {
        return refuse(call, in, err);
    }
    return say_ok(call, in, &body);
}

/* First INVITE without an offer: ours in the 200; the leg is built when its answer is here. */
static int offer(struct call *call, const struct input *in)
{
    char text[OFFER_BODY_MAX + 256];
    struct sdp_out body = {text, 0, sizeof text, false};

    struct offer_local local;
    int err = call_media_take(call, in->invite->cost);
    if (!err) {
        err = local_of(call, &local);
    }
    if (!err) {
        err = offer_write(&call->session, &call->focus->cfg.policy, &local, true, true, &body);
    }
    return err ? refuse(call, in, err) : say_ok(call, in, &body);
}

static int reanswer(struct call *call, const struct input *in)
{
    char text[OFFER_BODY_MAX + 256];
    struct sdp_out body = {text, 0, sizeof text, false};
    struct offer_local local;
    struct offer_session session = call->session; /* a refusal leaves everything as it was */

    if (call->media.seal.suite != SEAL_NONE && in->invite->pick.sdes.suite == SEAL_NONE) {
        focus_refuse(call->focus, in->txn, FOCUS_MEDIA); /* once secure, never plain again */
        return -EPROTO;
    }
    int err = local_of(call, &local);
    if (!err) {
        err = offer_answer(&session, &in->invite->pick, &in->invite->sdp, &local, &body);
    }
    if (!err) {
        struct offer_media media = offer_settled(&session, &in->invite->pick);
        err = call_media_change(call, &media);
    }
    if (err) {
        return refuse(call, in, err);
    }
    call->session = session;
    dialog_refresh(&call->dialog, in->msg);
    say_ok(call, in,
           &body); /* fails only for want of memory: then the peer has a 500 and keeps the session, as we do */
    return 0;
}

static int reoffer(struct call *call, const struct input *in)
{
    char text[OFFER_BODY_MAX + 256];
    struct sdp_out body = {text, 0, sizeof text, false};
    struct offer_local local;

    int err = local_of(call, &local);
    if (!err) {
        err = offer_write(&call->session, &call->focus->cfg.policy, &local, true, true, &body);
    }
    if (err) {
        return refuse(call, in, err);
    }
    dialog_refresh(&call->dialog, in->msg);
    return say_ok(call, in, &body);
}

static int bye_send(struct call *call)
{
    struct sip_out *out = dialog_request(&call->dialog, SIP_BYE);

    sip_addf(out, "Reason", "SIP;cause=200;text=\"%s\"", focus_ending_text(call->why));
    if (call->focus->cfg.server[0]) {
        sip_add(out, "User-Agent", call->focus->cfg.server);
    }
    return dialog_send(&call->dialog, call->focus->txns, out, &call->owner, &call->bye);
}

/* RFC 3261 13.3.1.4: from our side the dialog ends by BYE, once the ACK is here or will never be. */
static int bye(struct call *call, const struct input *in)
{
    leave(call);
    invite_let_go(call);
    if (bye_send(call) != 0) {
        call->bye = NULL;
        return -EIO; /* no memory for a transaction: over, the peer will notice by itself */
    }
    return 0;
}

/* @return 0 | negative: nothing that the answer asks for can be done */
static int take_answer(struct call *call, const struct sip_msg *msg)
{
    struct sdp sdp;
    struct offer_media media;

    int err = invite_sdp(msg, &sdp);
    if (!err) {
        err = offer_accept(&call->session, &call->focus->cfg.policy, &sdp, &media);
    }
    if (err) {
        return err;
    }
    if (call->leg) {
        return call_media_change(call, &media);
    }
    struct place_cost cost = invite_cost(&media);
    err = place_leg_reprice(call->focus->place, &call->place, cost);
    if (!err) {
        call->media = media;
        call->has_media = true;
        err = call_media_start(call);
    }
    return err;
}

/* The ACK with the answer to our offer. No answer, or none that can be used: BYE (RFC 3261 13.2.1, 14.2). */
static int answered(struct call *call, const struct input *in)
{
    int err = take_answer(call, in->msg);
    if (err) {
        log_line(call->focus->log, LOG_INFO, "call %llu: no usable answer to our offer: %s",
                 (unsigned long long)call->id, strerror(-err));
        call->why = FOCUS_END_ANSWER;
        bye(call, in);
    }
    return err;
}

static int lost(struct call *call, const struct input *in)
{
    call->why = FOCUS_END_ACK_LOST;
    return bye(call, in);
}

/* The peer's BYE, RFC 3261 15.1.2. */
static int hung_up(struct call *call, const struct input *in)
{
    call->why = FOCUS_END_PEER;
    txn_reply(in->txn, 200, NULL);
    leave(call);
    invite_let_go(call);
    return 0;
}

/* BYEs that cross. */
static int crossed(struct call *call, const struct input *in)
{
    txn_reply(in->txn, 200, NULL);
    return 0;
}

static int leave_first(struct call *call, const struct input *in)
{
    leave(call);
    return 0;
}

/* A held call is silent by agreement. */
static int quiet(struct call *call, const struct input *in)
{
    if (!call->media.rx_on) {
        return -EAGAIN;
    }
    call->why = FOCUS_END_QUIET;
    return call->state == CALL_UP ? bye(call, in) : leave_first(call, in);
}

static int pending(struct call *call, const struct input *in)
{
    focus_refuse(call->focus, in->txn, FOCUS_PENDING);
    return 0;
}

static int gone(struct call *call, const struct input *in)
{
    focus_refuse(call->focus, in->txn, FOCUS_DIALOG);
    return 0;
}

static int nothing(struct call *call, const struct input *in)
{
    return 0;
}

#define STAY(s)                                                                                                        \
    {                                                                                                                  \
        nothing, CALL_##s, CALL_##s                                                                                    \
    }
#define GO(f, y, n)                                                                                                    \
    {                                                                                                                  \
        f, CALL_##y, CALL_##n                                                                                          \
    }

static const struct cell table[CALL_STATES][CALL_EVENTS] =
    {
        [CALL_FRESH] =
            {
                [CALL_EV_OFFER] = GO(answer, ANSWERED, OVER),
                [CALL_EV_BARE] = GO(offer, OFFERED, OVER),
            },
        [CALL_ANSWERED] =
            {
                [CALL_EV_OFFER] = GO(reanswer, ANSWERED, ANSWERED), /* its ACK may have been lost */
                [CALL_EV_BARE] = GO(reoffer, OFFERED, ANSWERED),
                [CALL_EV_ACK] = GO(nothing, UP, UP),
                [CALL_EV_ACK_LOST] = GO(lost, ENDING, OVER),
                [CALL_EV_BYE] = GO(hung_up, OVER, OVER),
                [CALL_EV_QUIET] = GO(quiet, LEAVING, ANSWERED),
                [CALL_EV_END] = GO(leave_first, LEAVING, LEAVING),
            },
        [CALL_OFFERED] =
            {
                [CALL_EV_OFFER] = GO(pending, OFFERED, OFFERED),
                [CALL_EV_BARE] = GO(pending, OFFERED, OFFERED),
                [CALL_EV_ACK] = GO(answered, UP, ENDING),
                [CALL_EV_ACK_LOST] = GO(lost, ENDING, OVER),
                [CALL_EV_BYE] = GO(hung_up, OVER, OVER),
                [CALL_EV_QUIET] = GO(quiet, LEAVING, OFFERED),
                [CALL_EV_END] = GO(leave_first, LEAVING, LEAVING),
            },
        [CALL_UP] =
            {
                [CALL_EV_OFFER] = GO(reanswer, ANSWERED, UP),
                [CALL_EV_BARE] = GO(reoffer, OFFERED, UP),
                [CALL_EV_ACK] = STAY(UP),
                [CALL_EV_BYE] = GO(hung_up, OVER, OVER),
                [CALL_EV_QUIET] = GO(quiet, ENDING, UP),
                [CALL_EV_END] = GO(bye, ENDING, OVER),
            },
        [CALL_LEAVING] =
            {
                [CALL_EV_OFFER] = GO(gone, LEAVING, LEAVING),
                [CALL_EV_BARE] = GO(gone, LEAVING, LEAVING),
                [CALL_EV_ACK] = GO(bye, ENDING, OVER),
                [CALL_EV_ACK_LOST] = GO(bye, ENDING, OVER),
                [CALL_EV_BYE] = GO(hung_up, OVER, OVER),
                [CALL_EV_QUIET] = STAY(LEAVING),
                [CALL_EV_END] = STAY(LEAVING),
            },
        [CALL_ENDING] =
            {
                [CALL_EV_OFFER] = GO(gone, ENDING, ENDING),
                [CALL_EV_BARE] = GO(gone, ENDING, ENDING),
                [CALL_EV_ACK] = STAY(ENDING),
                [CALL_EV_BYE] = GO(crossed, ENDING, ENDING),
                [CALL_EV_BYE_DONE] = GO(nothing, OVER, OVER),
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

/* No dialog any more: nobody may find it, no transaction may name it. */
static void over(struct call *call, enum call_state was)
{
    struct focus *f = call->focus;

    leave(call);
    roster_dialog_gone(call->room, &call->dialog);
    dialog_leave(&call->dialog);
    invite_let_go(call);
    if (call->bye) {
        txn_set_tag(call->bye, NULL);
        call->bye = NULL;
    }
    if (was != CALL_FRESH) {
        count_add(&f->stats.ended[call->why], 1);
        log_line(f->log, LOG_INFO, "call %llu ends: %s", (unsigned long long)call->id, focus_ending_text(call->why));
    }
}

/* The one way through the table. The call may be gone when it returns. @return its state, CALL_OVER if it is gone */
static enum call_state call_event(struct call *call, enum call_event event, const struct input *in)
{
    const struct cell *cell = &table[call->state][event];
    enum call_state was = call->state;

    if (!cell->action) {
        must(!call->focus->cfg.strict);
        count_add(&call->focus->stats.impossible, 1);
        return was;
    }
    int err = cell->action(call, in);
    call->state = err ? cell->no : cell->yes;
    if (call->state == CALL_ENDING && !call->bye) {
        call->state = CALL_OVER; /* BYE could not even be sent */
    }
    if (call->state == CALL_OVER && was != CALL_OVER) {
        over(call, was);
    }
    if ((call->state == CALL_UP || call->state == CALL_ANSWERED) && !call->leg) {
        call->why = FOCUS_END_FAULT; /* a change of media went half way */
        return call_event(call, CALL_EV_END, in);
    }
    enum call_state now = call->state;
    if (now == CALL_ANSWERED || now == CALL_UP) {
        if (was != now) {
            roster_changed(call); /* came, is held, is back */
        }
    }
    call_settle(call);
    return now;
}

static void reinvite(struct call *call, struct txn *txn, const struct sip_msg *msg)
{
    struct invite invite;
    struct input in = {.txn = txn, .msg = msg, .invite = &invite};

    if (invite_read(call->focus, txn, msg, &invite) == 0) { /* else the session goes on as it was */
        call_event(call, invite.bare ? CALL_EV_BARE : CALL_EV_OFFER, &in);
    }
}

static struct call *call_of(struct owner *owner)
{
    return OWNER_OF(owner, struct call, owner);
}

static void on_request(struct owner *owner, struct txn *txn, const struct sip_msg *msg)
{
    struct call *call = call_of(owner);

    switch (msg->method) {
    case SIP_INVITE:
        reinvite(call, txn, msg);
        break;
    case SIP_BYE:
        call_event(call, CALL_EV_BYE, &(struct input){.txn = txn, .msg = msg});
        break;
    case SIP_SUBSCRIBE:
        roster_subscribe(call->room, &call->dialog, txn, msg, &call->who);
        break;
    case SIP_OPTIONS:
        focus_options(call->focus, txn, FOCUS_CONFERENCE, call->room);
        break;
    default:
        focus_refuse(call->focus, txn, FOCUS_METHOD);
    }
}

static void on_ack(struct owner *owner, const struct sip_msg *msg)
{
    struct call *call = call_of(owner);

    if (msg->cseq == call->invite_cseq) { /* else of an earlier INVITE: it has been let go */
        if (call->invite) {
            txn_acked(call->invite);
        }
        call_event(call, CALL_EV_ACK, &(struct input){.msg = msg});
    }
}

static void on_final(struct call *call, struct txn *txn)
{
    if (txn == call->bye) {
        call_event(call, CALL_EV_BYE_DONE, &(struct input){0});
    }
}

static void on_response(struct owner *owner, struct txn *txn, const struct sip_msg *msg)
{
    if (msg->status >= 200) {
        on_final(call_of(owner), txn);
    }
}

/* A BYE that cannot be sent is as good as answered. */
static void on_error(struct owner *owner, struct txn *txn, int err)
{
    on_final(call_of(owner), txn);
}

static void on_timeout(struct owner *owner, struct txn *txn)
{
    struct call *call = call_of(owner);

    if (txn == call->invite) {
        call_event(call, CALL_EV_ACK_LOST, &(struct input){0});
    } else {
        on_final(call, txn);
    }
}

static void on_gone(struct owner *owner, struct txn *txn)
{
    struct call *call = call_of(owner);

    if (txn == call->invite) {
        call->invite = NULL;
    }
    if (txn == call->bye) {
        call->bye = NULL;
        call_event(call, CALL_EV_BYE_DONE, &(struct input){0});
    } else {
        call_settle(call);
    }
}

static const struct owner_ops call_owner_ops = {.request = on_request,
                                                .ack = on_ack,
                                                .response = on_response,
                                                .timeout = on_timeout,
                                                .error = on_error,
                                                .gone = on_gone};

int call_begin(struct focus *focus, struct room *room, struct txn *txn, const struct sip_msg *msg,
               const struct invite *invite, const struct identity *who)
{
    struct input in = {.txn = txn, .msg = msg, .invite = invite};
    struct call *call = calloc(1, sizeof *call);
    char from[128];
    uint64_t random;

    if (!call) {
        focus_refuse(focus, txn, FOCUS_MEMORY);
        return -EPROTO;
    }
    call->owner.ops = &call_owner_ops;
    call->focus = focus;
    call->room = room;
    call->who = *who;
    room->n_calls++;
    call->id = ++focus->last_id;
    call->why = FOCUS_END_FAULT;
    call->next = focus->calls;
    call->link = &focus->calls;
    if (call->next) {
        call->next->link = &call->next;
    }
    focus->calls = call;
    count_add(&focus->stats.calls, 1);

    int err = focus->world.random(focus->world.ctx, &random, sizeof random);
    if (!err) {
        err = dialog_answer(&call->dialog, &call->owner, txn, msg);
    }
    if (!err) {
        roster_name(call, msg);
        err = room_join(room, call);
    }
    if (err) {
        focus_refuse(focus, txn, focus_refusal_of(err));
        call_free(call);
        return -EPROTO;
    }
    offer_session_init(&call->session, random);
    call->invite_cseq = msg->cseq;
    dialog_enter(&focus->dialogs, &call->dialog);
    log_line(focus->log, LOG_INFO, "call %llu from %s into conference %.*s", (unsigned long long)call->id,
             log_escape(from, sizeof from, msg->from.uri.text, strlen(msg->from.uri.text)), ROOM_NAME_CHARS,
             room->token);
    if (call_event(call, invite->bare ? CALL_EV_BARE : CALL_EV_OFFER, &in) == CALL_OVER) {
        return -EPROTO;
    }
    count_add(&focus->stats.calls_made, 1);
    return 0;
}

void call_end(struct call *call, enum focus_ending why)
{
    if (call->state < CALL_LEAVING) {
        call->why = why;
    }
    call_event(call, CALL_EV_END, &(struct input){0});
}

void call_quiet(struct call *call)
{
    call_event(call, CALL_EV_QUIET, &(struct input){0});
}

void call_ssrc(struct call *call, uint32_t ssrc)
{
    bool is_new = ssrc != call->ssrc; /* the same once more after a re-INVITE with new sockets */
    call->ssrc = ssrc;
    if (is_new && (call->state == CALL_ANSWERED || call->state == CALL_UP)) {
        roster_changed(call);
    }
}

void call_abandon(struct call *call)
{
    enum call_state was = call->state;
    call->why = FOCUS_END_STOP;
    call->state = CALL_OVER;
    call->leg = NULL;
    call->n_lent = 0;
    over(call, was);
    call_free(call);
}

void call_settle(struct call *call)
{
    if (call->drop_due) {
        call_media_drop(call);
    }
    if (call->state == CALL_OVER && call->n_lent == 0 && !call->drop_due && !call->invite && !call->bye) {
        call_free(call);
    }
}
