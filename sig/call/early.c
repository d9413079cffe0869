/* The time before the 200. See early.h. */
#include "sig/call/early.h"

#include "sig/call/call_act.h"
#include "sig/room/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void on_repeat(struct timer *timer, uint64_t now_ns)
{
    struct call *call = TIMER_OWNER(timer, struct call, early.repeat);
    struct early *e = &call->early;
    e->waited_ms += e->wait_ms;
    if (e->waited_ms >= TXN_LIFE_MS) {
        call_prack_lost(call);
        return;
    }
    txn_resend(e->invite);
    e->wait_ms = MIN(2 * e->wait_ms, TXN_LIFE_MS - e->waited_ms); /* RFC 3262 3: T1, 2*T1, ... without T2 */
    timer_start(call->env->wheel, &e->repeat, e->wait_ms);
}

void early_init(struct call *call)
{
    timer_init(&call->early.repeat, on_repeat);
}

void early_stop(struct call *call)
{
    struct early *e = &call->early;
    timer_stop(call->env->wheel, &e->repeat);
    if (e->invite) {
        txn_set_tag(e->invite, NULL);
        e->invite = NULL;
    }
}

/* A final response to the open INVITE, other than 200. */
static void refuse_open(struct call *call, int status)
{
    struct txn *invite = call->early.invite;
    early_stop(call);
    txn_reply(invite, status, NULL);
}

int act_wait(struct call *call, const struct call_input *in)
{
    char text[OFFER_BODY_MAX + 256], contact[ROOM_CONTACT_MAX];
    struct sdp_out body = {text, 0, sizeof text, false};
    struct early *e = &call->early;
    bool reliable = sip_has(in->msg, "Supported", "100rel") || sip_has(in->msg, "Require", "100rel");
    if (!reliable) {
        env_refuse(call->env, in->txn, REFUSAL_EXTENSION_NEEDED);
        return -EPROTO;
    }
    int err = call_first_answer(call, in, &body);
    if (err) {
        return err;
    }
    call->env->world.random(call->env->world.ctx, &e->rseq, sizeof e->rseq);
    e->rseq = 1 + e->rseq % 0x7ffffffe; /* 1 to 2^31 - 1, RFC 3262 3 */
    e->cseq = in->msg->cseq;
    e->supports_timer = sip_has(in->msg, "Supported", "timer");
    e->session_s = call->refresh.wanted_s;
    e->refresh_by_us = call->refresh.wanted_by_us;
    struct sip_out *out = txn_response(in->txn, 183, NULL);
    call_contact_text(call, contact, sizeof contact);
    sip_add(out, "Contact", contact);
    sip_add(out, "Require", "100rel, precondition");
    sip_addf(out, "RSeq", "%u", e->rseq);
    env_add_abilities(call->env, out);
    call_charging_add(call, out);
    sip_body(out, "application/sdp", body.p, body.n);
    e->invite = in->txn;
    txn_set_tag(in->txn, &call->owner);
    err = txn_respond(in->txn, out);
    if (err) {
        env_refuse(call->env, in->txn, REFUSAL_MEMORY);
        early_stop(call);
        return err;
    }
    e->wait_ms = TXN_T1_MS;
    timer_start(call->env->wheel, &e->repeat, e->wait_ms);
    return 0;
}

/* The 200, when both the PRACK and the resources are there. @return 0: sent | -EAGAIN: not yet */
static int answer_try(struct call *call)
{
    struct early *e = &call->early;
    if (!e->is_acknowledged || !e->is_met) {
        return -EAGAIN;
    }
    struct txn *invite = e->invite;
    early_stop(call);
    call->refresh.wanted_s = e->session_s; /* RFC 4028 9: of the request that is answered */
    call->refresh.wanted_by_us = e->refresh_by_us;
    return call_say_ok(call, invite, e->cseq, e->supports_timer, NULL);
}

/* RAck: <RSeq> <CSeq> <method>, RFC 3262 7.2 */
static bool is_ours(const struct early *e, const struct sip_msg *msg)
{
    const char *value = sip_header(msg, "RAck", 0);
    char *end, *end2;
    if (!value || *value < '0' || *value > '9') {
        return false;
    }
    unsigned long rseq = strtoul(value, &end, 10);
    if (end == value || *end != ' ' || end[1] < '0' || end[1] > '9') {
        return false;
    }
    unsigned long cseq = strtoul(end + 1, &end2, 10);
    return rseq == e->rseq && cseq == e->cseq && strcmp(end2, " INVITE") == 0;
}

int act_prack_stray(struct call *call, const struct call_input *in)
{
    env_refuse(call->env, in->txn, REFUSAL_DIALOG);
    return 0;
}

int act_prack(struct call *call, const struct call_input *in)
{
    char text[OFFER_BODY_MAX + 256];
    struct sdp_out body = {text, 0, sizeof text, false};
    struct early *e = &call->early;
    if (e->is_acknowledged || !is_ours(e, in->msg)) {
        act_prack_stray(call, in);
        return -EAGAIN;
    }
    if (in->invite && call_renegotiate(call, in, &body) != 0) {
        return -EAGAIN; /* refused: the 183 is repeated until a PRACK that can be taken comes */
    }
    e->is_met |= in->invite && !offer_waits(&in->invite->pick);
    e->is_acknowledged = true;
    call_media_open(call);
    timer_stop(call->env->wheel, &e->repeat);
    struct sip_out *out = txn_response(in->txn, 200, NULL);
    if (in->invite) {
        sip_body(out, "application/sdp", body.p, body.n);
    }
    txn_respond(in->txn, out);
    return answer_try(call);
}

int act_early_update(struct call *call, const struct call_input *in)
{
    if (!call->early.is_acknowledged && in->invite) {
        env_refuse(call->env, in->txn, REFUSAL_OPEN); /* RFC 3311 5.2: our answer has not been acknowledged */
        return -EAGAIN;
    }
    call_media_open(call);
    if (act_update(call, in) == 0 && in->invite) {
        call->early.is_met = !offer_waits(&in->invite->pick);
    }
    return answer_try(call);
}

int act_cancelled(struct call *call, const struct call_input *in)
{
    call->why = ENDING_CANCELLED;
    refuse_open(call, 487);
    return 0;
}

int act_early_bye(struct call *call, const struct call_input *in)
{
    txn_reply(in->txn, 200, NULL);
    return act_cancelled(call, in);
}

int act_early_end(struct call *call, const struct call_input *in)
{
    refuse_open(call, 480);
    return 0;
}

int act_prack_lost(struct call *call, const struct call_input *in)
{
    struct txn *invite = call->early.invite;
    early_stop(call);
    call->why = ENDING_ACK_LOST;
    env_refuse(call->env, invite, REFUSAL_PRACK_LOST);
    return 0;
}

int act_open(struct call *call, const struct call_input *in)
{
    env_refuse(call->env, in->txn, REFUSAL_OPEN);
    return 0;
}
