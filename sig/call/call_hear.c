/* Turns what transactions and the dialog report into events of the state machine. */
#include "sig/call/call_act.h"

#include "sig/call/dial.h"
#include "sig/room/room.h"
#include "sig/sip/keypad.h"

/* A session of push-to-talk keeps its floor control. */
static void floor_pick(const struct call *call, struct invite *invite)
{
    if (call->ptt.is_on) {
        invite_floor_pick(call->env, invite, &call->ptt.ours);
    }
}

static void reinvite(struct call *call, struct txn *txn, const struct sip_msg *msg)
{
    struct invite invite;
    struct call_input in = {.txn = txn, .msg = msg, .invite = &invite};

    /* If either refuses, the session goes on as it was. */
    if (refresh_read(call, txn, msg) == 0 && invite_read(call->env, txn, msg, &invite) == 0) {
        floor_pick(call, &invite);
        call_event(call, invite.offerless ? CALL_EV_OFFERLESS : CALL_EV_OFFER, &in);
    }
}

/* UPDATE and PRACK: with an offer or without one. */
static void offer_request(struct call *call, struct txn *txn, const struct sip_msg *msg, enum call_event event)
{
    struct invite invite;
    struct call_input in = {.txn = txn, .msg = msg};

    if (event == CALL_EV_UPDATE && refresh_read(call, txn, msg) != 0) {
        return;
    }
    if (msg->body_bytes > 0) {
        if (invite_read(call->env, txn, msg, &invite) != 0) {
            return;
        }
        floor_pick(call, &invite);
        in.invite = invite.offerless ? NULL : &invite;
    }
    call_event(call, event, &in);
}

/* Legacy keypads; packages of RFC 6086 are nobody's here. */
static void info_request(struct call *call, struct txn *txn, const struct sip_msg *msg)
{
    char key = keypad_read(msg);

    if (sip_header(msg, "Info-Package", 0)) {
        env_refuse_with(call->env, txn, REFUSAL_PACKAGE, "Recv-Info", "");
    } else if (msg->body_bytes > 0 && !key) {
        env_refuse(call->env, txn, REFUSAL_BODY_TYPE);
    } else {
        txn_reply(txn, 200, NULL);
        if (key) {
            count_add(&call->env->stats.events_dtmf, 1);
            script_key(call, key);
        }
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
        call_event(call, CALL_EV_BYE, &(struct call_input){.txn = txn, .msg = msg});
        break;
    case SIP_UPDATE:
        offer_request(call, txn, msg, CALL_EV_UPDATE);
        break;
    case SIP_INFO:
        info_request(call, txn, msg);
        break;
    case SIP_PRACK:
        if (call->state == CALL_EARLY) {
            offer_request(call, txn, msg, CALL_EV_PRACK);
        } else {
            act_prack_stray(call, &(struct call_input){.txn = txn, .msg = msg});
        }
        break;
    case SIP_SUBSCRIBE:
    case SIP_REFER:
    case SIP_OPTIONS:
        call->env->upper->request(call, txn, msg);
        break;
    case SIP_NOTIFY: /* we have subscribed to nothing: RFC 6665 4.1.3 */
        env_refuse(call->env, txn, REFUSAL_DIALOG);
        break;
    default:
        env_refuse(call->env, txn, REFUSAL_METHOD);
    }
}

static void on_ack(struct owner *owner, const struct sip_msg *msg)
{
    struct call *call = call_of(owner);

    if (msg->cseq == call->invite_cseq) { /* else of an earlier INVITE: it has been let go */
        if (call->invite) {
            txn_acked(call->invite);
        }
        call_event(call, CALL_EV_ACK, &(struct call_input){.msg = msg});
    }
}

/* The timer's view of it comes last: it may end the call. */
static void reinvite_answered(struct call *call, struct txn *txn, int status, const struct sip_msg *msg)
{
    if (status < 200) {
        return;
    }
    if (status < 300 && call->state != CALL_REOFFERED) {
        dialog_ack(&call->dialog, call->env->txns, call->reinvite_cseq, NULL, 0); /* repeated: our ACK was lost */
        return;
    }
    if (status >= 300) {
        txn_set_tag(txn, NULL);
        call->reinvite = NULL;
    }
    enum call_event event = status < 300 ? CALL_EV_REANSWER : CALL_EV_REFUSED;
    if (call_event(call, event, &(struct call_input){.msg = msg}) == CALL_UP) {
        refresh_answered(call, txn, status);
    }
}

static void on_final(struct call *call, struct txn *txn)
{
    if (txn == call->bye) {
        call_event(call, CALL_EV_BYE_DONE, &(struct call_input){0});
    }
}

static void on_response(struct owner *owner, struct txn *txn, const struct sip_msg *msg)
{
    struct call *call = call_of(owner);
    if (call->dial && txn == call->dial->txn) {
        dial_answered(call, msg->status, msg);
    } else if (txn == call->refresh.txn) {
        refresh_answered(call, txn, msg->status);
    } else if (txn == call->reinvite) {
        reinvite_answered(call, txn, msg->status, msg);
    } else if (msg->status >= 200) {
        on_final(call, txn);
    }
}

/* A BYE that cannot be sent is as good as answered. */
static void on_error(struct owner *owner, struct txn *txn, int err)
{
    struct call *call = call_of(owner);
    if (call->dial && txn == call->dial->txn) {
        dial_answered(call, 503, NULL);
    } else if (txn == call->refresh.txn) {
        refresh_answered(call, txn, 503);
    } else if (txn == call->reinvite) {
        reinvite_answered(call, txn, 503, NULL);
    } else {
        on_final(call, txn);
    }
}

static void on_timeout(struct owner *owner, struct txn *txn)
{
    struct call *call = call_of(owner);

    if (txn == call->invite || txn == call->early.invite) {
        call_event(call, CALL_EV_ACK_LOST, &(struct call_input){0});
    } else if (call->dial && txn == call->dial->txn) {
        dial_answered(call, 408, NULL);
    } else if (txn == call->refresh.txn) {
        refresh_answered(call, txn, 408);
    } else if (txn == call->reinvite) {
        reinvite_answered(call, txn, 408, NULL);
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
    if (txn == call->early.invite) {
        call->early.invite = NULL;
    }
    if (txn == call->refresh.txn) {
        call->refresh.txn = NULL;
    }
    if (call->dial && txn == call->dial->txn) {
        dial_gone(call);
    }
    if (txn == call->reinvite) {
        call->reinvite = NULL;
    }
    if (txn == call->bye) {
        call->bye = NULL;
        call_event(call, CALL_EV_BYE_DONE, &(struct call_input){0});
    } else {
        call_settle(call);
    }
}

/* Only what is still open can be cancelled. */
static void on_cancel(struct owner *owner, struct txn *invite)
{
    struct call *call = call_of(owner);

    if (invite == call->early.invite) {
        call_event(call, CALL_EV_CANCEL, &(struct call_input){0});
    }
}

const struct owner_ops call_owner_ops = {.request = on_request,
                                         .cancel = on_cancel,
                                         .ack = on_ack,
                                         .response = on_response,
                                         .timeout = on_timeout,
                                         .error = on_error,
                                         .gone = on_gone};

struct call *call_of_owner(struct owner *owner)
{
    return owner && owner->ops == &call_owner_ops ? call_of(owner) : NULL;
}
