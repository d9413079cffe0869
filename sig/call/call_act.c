/* What the cells of a call's table do. See call_act.h. */
#include "sig/call/call_act.h"

#include "sig/room/room.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* --- Saying ------------------------------------------------------------------------------------------------------- */

/* The INVITE whose ACK we wait for is this one now; what an earlier one still repeats is stopped. */
static void invite_hold(struct call *call, struct txn *txn, uint32_t cseq)
{
    if (call->invite && call->invite != txn) {
        txn_let_go(call->invite);
        txn_set_tag(call->invite, NULL);
    }
    call->invite = txn;
    call->invite_cseq = cseq;
    txn_set_tag(txn, &call->owner);
}

void call_invite_let_go(struct call *call)
{
    if (call->invite) {
        txn_let_go(call->invite); /* repeating it makes no sense any more */
        txn_set_tag(call->invite, NULL);
        call->invite = NULL;
    }
}

int call_say_ok(struct call *call, struct txn *txn, uint32_t cseq, bool supports_timer, const struct sdp_out *body)
{
    char contact[ROOM_CONTACT_MAX];
    struct sip_out *out = txn_response(txn, 200, NULL);

    call_contact_text(call, contact, sizeof contact);
    sip_add(out, "Contact", contact);
    env_add_abilities(call->env, out);
    refresh_settle(call, out, supports_timer);
    call_charging_add(call, out);
    if (body) {
        sip_body(out, "application/sdp", body->p, body->n);
    }
    invite_hold(call, txn, cseq);
    int err = txn_respond(txn, out);
    if (err) {
        txn_set_tag(txn, NULL);
        call->invite = NULL;
    }
    return err;
}

static int say_ok(struct call *call, const struct call_input *in, const struct sdp_out *body)
{
    return call_say_ok(call, in->txn, in->msg->cseq, sip_has(in->msg, "Supported", "timer"), body);
}

/* --- Actions ------------------------------------------------------------------------------------------------------ */

/* Leaves the conference: leg back, name off the roster. */
void call_leave(struct call *call)
{
    call_media_drop(call);
    room_leave(call->room, &call->member); /* tells the watchers */
}

static int refuse(struct call *call, const struct call_input *in, int err)
{
    env_refuse(call->env, in->txn, refusal_of(err));
    return err;
}

int call_local(const struct call *call, struct offer_local *local)
{
    struct env *env = call->env;
    bool is_other = env->cfg.policy.family_other && call->place.family == env->cfg.policy.family_other;
    local->rtp = is_other ? env->media_host_other : env->media_host;
    addr_set_port(&local->rtp, call->place.port);
    return env->world.random(env->world.ctx, local->fresh, sizeof local->fresh);
}

int call_first_answer(struct call *call, const struct call_input *in, struct sdp_out *body)
{
    int err = call_media_take(call, in->invite->cost, in->invite->pick.family);
    if (err) {
        return refuse(call, in, err);
    }
    struct offer_local local;
    err = call_local(call, &local);
    if (!err) {
        err = offer_answer(&call->session, &in->invite->pick, &in->invite->sdp, &local, body);
    }
    if (!err) {
        call->media = offer_settled(&call->session, &in->invite->pick);
        call->has_media = true;
        err = call_media_start(call);
    }
    return err ? refuse(call, in, err) : 0;
}

/* First INVITE with an offer: everything is taken, built and lent, then 200. */
int act_answer(struct call *call, const struct call_input *in)
{
    char text[OFFER_BODY_MAX + 256];
    struct sdp_out body = {text, 0, sizeof text, false};
    int err = call_first_answer(call, in, &body);
    return err ? err : say_ok(call, in, &body);
}

/* First INVITE without an offer: ours in the 200; what comes before its answer is heard where it can be. */
int act_offer(struct call *call, const struct call_input *in)
{
    char text[OFFER_BODY_MAX + 256];
    struct sdp_out body = {text, 0, sizeof text, false};

    struct offer_local local;
    int err = call_media_take(call, in->invite->cost, 0);
    if (!err) {
        err = call_local(call, &local);
    }
    if (!err) {
        err = offer_write(&call->session, &call->env->cfg.policy, &local, true, true, &body);
    }
    err = err ? refuse(call, in, err) : say_ok(call, in, &body);
    if (!err) {
        call_media_expect(call);
    }
    return err;
}

int call_renegotiate(struct call *call, const struct call_input *in, struct sdp_out *body)
{
    struct offer_local local;
    struct offer_session session = call->session; /* a refusal leaves everything as it was */

    if (call->moving) { /* for some ten milliseconds */
        env_refuse(call->env, in->txn, REFUSAL_MOVING);
        return -EBUSY;
    }
    if (call->media.seal.suite != SEAL_NONE && in->invite->pick.sdes.suite == SEAL_NONE) {
        env_refuse(call->env, in->txn, REFUSAL_MEDIA); /* once secure, never plain again */
        return -EPROTO;
    }
    if (in->invite->pick.family && in->invite->pick.family != call->place.family) {
        env_refuse(call->env, in->txn, REFUSAL_MEDIA); /* its sockets are of the other family */
        return -EPROTO;
    }
    struct flow flow = call->dialog.flow;
    int err = call_local(call, &local);
    if (!err) {
        err = offer_answer(&session, &in->invite->pick, &in->invite->sdp, &local, body);
    }
    if (!err) {
        struct offer_media media = offer_settled(&session, &in->invite->pick);
        call->dialog.flow = in->msg->flow; /* its media may come from where its signalling comes from now */
        err = call_media_change(call, &media);
    }
    if (err) {
        call->dialog.flow = flow;
        return refuse(call, in, err);
    }
    call->session = session;
    if (in->msg->method != SIP_PRACK) { /* no target refresh: RFC 3261 12.2, RFC 3262 */
        dialog_refresh(&call->dialog, in->msg);
    }
    return 0;
}

int act_reanswer(struct call *call, const struct call_input *in)
{
    char text[OFFER_BODY_MAX + 256];
    struct sdp_out body = {text, 0, sizeof text, false};
    int err = call_renegotiate(call, in, &body);
    if (!err) {
        say_ok(call, in, &body); /* fails only for want of memory: then the peer has a 500 and keeps the session, as
                                    we do */
    }
    return err;
}

/* RFC 3311 5.2: its answer is in the 200 itself, and there is no ACK. Without an offer it refreshes target and timer.
 */
int act_update(struct call *call, const struct call_input *in)
{
    char text[OFFER_BODY_MAX + 256], contact[ROOM_CONTACT_MAX];
    struct sdp_out body = {text, 0, sizeof text, false};
    bool supports = sip_has(in->msg, "Supported", "timer");
    int err = in->invite ? call_renegotiate(call, in, &body) : 0;
    if (err) {
        return err;
    }
    dialog_refresh(&call->dialog, in->msg);
    struct sip_out *out = txn_response(in->txn, 200, NULL);
    call_contact_text(call, contact, sizeof contact);
    sip_add(out, "Contact", contact);
    env_add_abilities(call->env, out);
    refresh_settle(call, out, supports);
    if (in->invite) {
        sip_body(out, "application/sdp", body.p, body.n);
    }
    txn_respond(in->txn, out); /* as above */
    return 0;
}

int act_reoffer(struct call *call, const struct call_input *in)
{
    char text[OFFER_BODY_MAX + 256];
    struct sdp_out body = {text, 0, sizeof text, false};
    struct offer_local local;

    if (call->moving) {
        env_refuse(call->env, in->txn, REFUSAL_MOVING);
        return -EBUSY;
    }
    int err = call_local(call, &local);
    if (!err) {
        err = offer_write(&call->session, &call->env->cfg.policy, &local, true, true, &body);
    }
    if (err) {
        return refuse(call, in, err);
    }
    dialog_refresh(&call->dialog, in->msg);
    return say_ok(call, in, &body);
}

/* Our own re-INVITE: all our codecs again, with the payload types and keys that the session has. */
int act_reoffer_send(struct call *call, const struct call_input *in)
{
    char text[OFFER_BODY_MAX + 256], contact[ROOM_CONTACT_MAX];
    struct sdp_out body = {text, 0, sizeof text, false};
    struct offer_local local;
    int err = call->moving ? -EBUSY : call_local(call, &local);
    if (!err) {
        err = offer_write(&call->session, &call->env->cfg.policy, &local, call->media.rx_on, call->media.tx_on, &body);
    }
    if (err) {
        return err;
    }
    struct sip_out *out = dialog_request(&call->dialog, SIP_INVITE);
    call_contact_text(call, contact, sizeof contact);
    sip_add(out, "Contact", contact);
    env_add_abilities(call->env, out);
    call_ims_add(call, out);
    if (call->refresh.interval_s) {
        sip_addf(out, "Session-Expires", "%u;refresher=uac", call->refresh.interval_s);
    }
    sip_body(out, "application/sdp", body.p, body.n);
    call->reinvite_cseq = call->dialog.cseq_tx;
    err = dialog_send(&call->dialog, call->env->txns, out, &call->owner, &call->reinvite);
    call->reinvite = err ? NULL : call->reinvite;
    return err;
}

static int bye_send(struct call *call)
{
    struct sip_out *out = dialog_request(&call->dialog, SIP_BYE);

    call_ims_add(call, out);
    sip_addf(out, "Reason", "SIP;cause=200;text=\"%s\"", ending_text(call->why));
    if (call->env->cfg.server[0]) {
        sip_add(out, "User-Agent", call->env->cfg.server);
    }
    return dialog_send(&call->dialog, call->env->txns, out, &call->owner, &call->bye);
}

/* RFC 3261 13.3.1.4: from our side the dialog ends by BYE, once the ACK is here or will never be. */
int act_bye(struct call *call, const struct call_input *in)
{
    call_leave(call);
    call_invite_let_go(call);
    if (bye_send(call) != 0) {
        call->bye = NULL;
        return -EIO; /* no memory for a transaction: over, the peer will notice by itself */
    }
    return 0;
}

int call_take_answer(struct call *call, const struct sip_msg *msg)
{
    struct sdp sdp;
    struct offer_media media;

    int err = invite_sdp(msg, &sdp);
    if (!err) {
        err = offer_accept(&call->session, &call->env->cfg.policy, &sdp, &media);
    }
    if (!err) {
        err = local_check(call->env, &media.remote_rtp, &media.remote_rtcp);
    }
    if (err) {
        return err;
    }
    if (call->leg) {
        if (call->has_media || call->codec_ms) { /* else what it speaks is a guess of ours */
            offer_media_keep_voice(&media, &call->media);
        }
        call->has_media = true;
        return call_media_change(call, &media);
    }
    struct place_cost cost = call_media_cost(call, place_cost_media(&media));
    err = call_media_reprice(call, cost);
    if (!err) {
        call->media = media;
        call->has_media = true;
        err = call_media_start(call);
    }
    return err;
}

/* 2xx to our re-INVITE. */
int act_reanswered(struct call *call, const struct call_input *in)
{
    dialog_ack(&call->dialog, call->env->txns, call->reinvite_cseq, NULL, 0);
    int err = call_take_answer(call, in->msg);
    if (err) {
        call->why = ENDING_ANSWER;
        act_bye(call, in);
    }
    return err;
}

/* The ACK with the answer to our offer. No answer, or none that can be used: BYE (RFC 3261 13.2.1, 14.2). */
int act_answered(struct call *call, const struct call_input *in)
{
    int err = call_take_answer(call, in->msg);
    if (err) {
        call_log(call, "has no usable answer to our offer: ", strerror(-err));
        call->why = ENDING_ANSWER;
        act_bye(call, in);
    }
    return err;
}

int act_lost(struct call *call, const struct call_input *in)
{
    call->why = ENDING_ACK_LOST;
    return act_bye(call, in);
}

/* The peer's BYE, RFC 3261 15.1.2. */
int act_hung_up(struct call *call, const struct call_input *in)
{
    call->why = ENDING_PEER;
    txn_reply(in->txn, 200, NULL);
    call_leave(call);
    call_invite_let_go(call);
    return 0;
}

/* BYEs that cross. */
int act_crossed(struct call *call, const struct call_input *in)
{
    txn_reply(in->txn, 200, NULL);
    return 0;
}

int act_leave_first(struct call *call, const struct call_input *in)
{
    call_leave(call);
    return 0;
}

int act_quiet(struct call *call, const struct call_input *in)
{
    call->why = ENDING_QUIET;
    return call->state == CALL_UP || call->state == CALL_REOFFERED ? act_bye(call, in) : act_leave_first(call, in);
}

int act_pending(struct call *call, const struct call_input *in)
{
    env_refuse(call->env, in->txn, REFUSAL_PENDING);
    return 0;
}

/* Without an offer there is no glare. */
int act_update_pending(struct call *call, const struct call_input *in)
{
    return in->invite ? act_pending(call, in) : act_update(call, in);
}

int act_not_now(struct call *call, const struct call_input *in)
{
    return -EBUSY;
}

int act_gone(struct call *call, const struct call_input *in)
{
    env_refuse(call->env, in->txn, REFUSAL_DIALOG);
    return 0;
}

int act_nothing(struct call *call, const struct call_input *in)
{
    return 0;
}
