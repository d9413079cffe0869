/* Calling out. See dial.h. */
#include "sig/call/dial.h"

#include "sig/base/hash.h"
#include "sig/call/call_act.h"
#include "sig/call/invite.h"
#include "sig/room/ims.h"
#include "sig/room/room.h"
#include "sig/room/roster.h"
#include "sig/sip/auth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- limits ---- */

/* Takes n out of a bucket: of a requester, or of a conference. By hash: two that share a bucket share its rate, nobody
 * can make us keep more of them or aim at another's. @return false: as many are not in it */
static bool rate_take(struct env *env, const char *name, unsigned n, unsigned factor)
{
    struct dial_rate_bucket *rate = &env->dial_rates[hash_text(hash_seed(env->secret), name) % ENV_DIAL_RATES];
    uint64_t now_ms = env->wheel->now_ms, each_ms = MAX(60000 / (MAX(env->cfg.dial_rate, 1u) * factor), 1u);
    if (rate->since_ms == 0) {
        *rate = (struct dial_rate_bucket){.since_ms = now_ms, .n_left = DIAL_BURST * factor};
    }
    uint64_t n_more = (now_ms - rate->since_ms) / each_ms;
    rate->since_ms += n_more * each_ms;
    rate->n_left = (uint32_t)MIN(rate->n_left + n_more, (uint64_t)DIAL_BURST * factor);
    if (rate->n_left < n) {
        return false;
    }
    rate->n_left -= n;
    return true;
}

int dial_admit(struct env *env, const struct room *room, const struct identity *who, const struct sip_msg *msg,
               unsigned n)
{
    char where[ADDR_TEXT_MAX];
    if (n + (room ? room->n_dialling : 0) > DIAL_PENDING_MAX) {
        return -EBUSY;
    }
    if (!rate_take(env, who->user[0] ? who->user : addr_host_text(&msg->flow.remote, where), n, 1)) {
        return -EDQUOT;
    }
    return !room || rate_take(env, room->token, n, DIAL_ROOM_FACTOR) ? 0 : -EDQUOT;
}

/* ---- the call ---- */

/* @return 0 | -ENOMEM */
static int text_copy(char **to, const char *text)
{
    *to = text ? strdup(text) : NULL;
    return text && !*to ? -ENOMEM : 0;
}

static void notify(struct call *call, int status, const char *reason)
{
    struct dial *d = call->dial;
    dial_progress progress = d->progress;
    d->progress = NULL;
    if (progress) {
        progress(d->arg, status, reason);
    }
}

void dial_forget(struct call *call)
{
    call->dial->progress = NULL;
}

/* It is answered, or will not be: it no longer counts as pending. */
static void pending_end(struct call *call)
{
    struct dial *d = call->dial;
    timer_stop(call->env->wheel, &d->ring);
    if (d->is_pending) {
        d->is_pending = false;
        call->room->n_dialling--;
    }
}

static void on_ring(struct timer *timer, uint64_t now_ns)
{
    struct call *call = TIMER_OWNER(timer, struct dial, ring)->call;
    notify(call, 408, "Request Timeout");
    call_end(call, ENDING_NO_ANSWER);
}

static struct dial *dial_make(struct call *call, const struct dial_plan *plan)
{
    struct dial *d = calloc(1, sizeof *d);
    if (!d) {
        return NULL;
    }
    call->dial = d;
    d->call = call;
    d->by_proxy = plan->way.by_proxy;
    snprintf(d->host, sizeof d->host, "%s", plan->host);
    timer_init(&d->ring, on_ring);
    if (text_copy(&d->replaces, plan->replaces) != 0 || text_copy(&d->referred_by, plan->referred_by) != 0 ||
        text_copy(&d->tried[0], plan->way.target) != 0) {
        return NULL;
    }
    d->n_tried = 1;
    return d;
}

void dial_free(struct call *call)
{
    struct dial *d = call->dial;
    if (!d) {
        return;
    }
    must(!d->is_pending && !d->progress);
    for (unsigned i = 0; i < d->n_tried; i++) {
        free(d->tried[i]);
    }
    free(d->auth);
    free(d->replaces);
    free(d->referred_by);
    free(d);
    call->dial = NULL;
}

bool dial_is_done(const struct call *call)
{
    return !call->dial || !call->dial->txn;
}

void dial_over(struct call *call)
{
    struct dial *d = call->dial;
    if (!d) {
        return;
    }
    pending_end(call);
    notify(call, 487, "Request Terminated");
    /* An answer of another fork may come as long as the transaction lives, and wants its BYE (RFC 3261 13.2.2.4). */
    if (d->txn && (!d->is_accepted || call->env->stopping)) {
        txn_set_tag(d->txn, NULL);
        d->txn = NULL;
    }
}

void dial_gone(struct call *call)
{
    call->dial->txn = NULL;
}

int dial_begin(struct room *room, const struct dial_plan *plan, struct call **out)
{
    struct env *env = room->env;
    char from[URI_TOKEN_CHARS + ENV_HOST_MAX + 16], to[REACH_TARGET_MAX + 2], text[128];
    uint64_t random;
    int err = env->world.random(env->world.ctx, &random, sizeof random);
    struct identity who = {.user = ""};
    snprintf(who.user, sizeof who.user, "%s", plan->ptt ? plan->account : "");
    struct call *call = err ? NULL : call_make(env, room, &who);
    if (!call) {
        return err ? err : -ENOMEM;
    }
    call->member.is_dialled = true;
    if (plan->ptt) { /* the service calls, one of the user's identifications is called (TS 24.379 8) */
        call->ptt = *plan->ptt;
        snprintf(from, sizeof from, "<sip:ptt@%s>", env->cfg.domain);
        snprintf(to, sizeof to, "<sip:%s@%s>", call->ptt.identification, env->cfg.domain);
    } else {
        snprintf(from, sizeof from, "<sip:%s@%s>", room->token, env->cfg.domain);
        snprintf(to, sizeof to, "<%s>", plan->way.target);
    }
    err = dial_make(call, plan) ? 0 : -ENOMEM;
    if (!err) {
        err = dialog_ask(&call->dialog, &call->owner, env->txns, from, to, plan->way.target, &plan->way.flow);
    }
    if (!err && plan->way.route[0]) {
        err = dialog_route(&call->dialog, plan->way.route);
    }
    if (!err) {
        err = roster_name_dialled(env, &call->member, plan->entity, plan->display);
    }
    if (!err) {
        err = room_join(room, &call->member);
    }
    if (err) {
        call_free(call);
        return err;
    }
    offer_session_init(&call->session, random);
    if (call->ptt.is_on) {
        offer_session_floor(&call->session, &call->ptt.ours);
    }
    call->dial->is_pending = true;
    room->n_dialling++;
    call_log(call, "is made to ", log_escape(text, sizeof text, plan->entity, strlen(plan->entity)));
    if (call_event(call, CALL_EV_DIAL, &(struct call_input){0}) == CALL_OVER) {
        return -EIO; /* no CPU time, no port, no memory */
    }
    call->dial->progress = plan->progress;
    call->dial->arg = plan->arg;
    *out = call;
    count_add(&env->stats.dials, 1);
    return 0;
}

/* ---- requests ---- */

/* The INVITE, to the dialog's target by its flow: never where the URI says (next_hop of dialogs believes ports). */
static int invite_send(struct call *call)
{
    struct env *env = call->env;
    struct dial *d = call->dial;
    char text[OFFER_BODY_MAX + 256], contact[ROOM_CONTACT_MAX], allow[256];
    struct sdp_out body = {text, 0, sizeof text, false};
    struct offer_local local;
    int err = call_local(call, &local);
    if (!err) {
        err = offer_write(&call->session, &env->cfg.policy, &local, true, true, &body);
    }
    if (err) {
        return err;
    }
    struct sip_out *out = dialog_request(&call->dialog, SIP_INVITE);
    call_contact_text(call, contact, sizeof contact);
    sip_add(out, "Contact", contact);
    sip_add(out, "Allow", sip_methods_text(env_methods(), allow));
    sip_add(out, "Supported", "replaces, timer");
    sip_addf(out, "Expires", "%d", DIAL_RING_MS / 1000);
    ims_add(env, &call->dialog, contact, NULL, out);
    ims_add_service(env, &call->dialog, out);
    if (call->ptt.is_on) {
        sip_add(out, "Answer-Mode", "Auto"); /* RFC 5373 */
        sip_addf(out, "P-Called-Party-ID", "<sip:%s@%s>", call->ptt.identification, env->cfg.domain);
    }
    if (d->replaces) {
        sip_add(out, "Require", "replaces");
        sip_add(out, "Replaces", d->replaces);
    }
    if (d->referred_by) {
        sip_add(out, "Referred-By", d->referred_by);
    }
    if (d->auth) {
        sip_add(out, d->auth_is_proxy ? "Proxy-Authorization" : "Authorization", d->auth);
    }
    if (env->cfg.server[0]) {
        sip_add(out, "User-Agent", env->cfg.server);
    }
    sip_body(out, "application/sdp", body.p, body.n);
    d->cseq = call->dialog.cseq_tx;
    err = txn_request(env->txns, out, &call->dialog.flow, &call->owner, &d->txn);
    if (err) {
        d->txn = NULL;
    }
    return err;
}

int act_dial(struct call *call, const struct call_input *in)
{
    int err = call_media_take(call, place_cost_first(&call->env->cfg.policy), 0);
    if (!err) {
        err = invite_send(call);
    }
    if (!err) {
        timer_start(call->env->wheel, &call->dial->ring, DIAL_RING_MS);
    }
    return err;
}

int act_dial_end(struct call *call, const struct call_input *in)
{
    pending_end(call);
    notify(call, 487, "Request Terminated");
    if (call->dial->txn) {
        txn_cancel(call->dial->txn);
    }
    call_leave(call);
    return 0;
}

/* ---- answers ---- */

/* A dialog with the peer that has answered: its ACK has gone. @return 0 | negative errno: no dialog can be made of it
 */
static int settle(struct call *call, const struct sip_msg *msg)
{
    struct dial *d = call->dial;
    d->is_accepted = true;
    pending_end(call);
    int err = dialog_settle(&call->dialog, msg);
    if (err) {
        return err;
    }
    call->dialog.flow = msg->flow;
    call->dialog.direct &= !d->by_proxy;
    dialog_enter(&call->env->dialogs, &call->dialog);
    dialog_ack(&call->dialog, call->env->txns, d->cseq, NULL, 0);
    return 0;
}

int act_dial_up(struct call *call, const struct call_input *in)
{
    int err = settle(call, in->msg);
    if (err) {
        call->why = ENDING_ANSWER;
        notify(call, 502, "Bad Gateway");
        return err;
    }
    err = call_take_answer(call, in->msg);
    if (err) {
        call->why = ENDING_ANSWER;
        notify(call, 488, "Not Acceptable Here");
        act_bye(call, in);
        return err;
    }
    refresh_take(call, in->msg);
    call->member.joined_s = call->env->world.wall_s(call->env->world.ctx);
    count_add(&call->env->stats.dials_answered, 1);
    notify(call, 200, "OK");
    return 0;
}

int act_dial_crossed(struct call *call, const struct call_input *in)
{
    int err = settle(call, in->msg);
    return err ? err : act_bye(call, in);
}

/* Another phone of the same number has answered too: it is told at once that it comes too late. */
static void surplus_end(struct call *call, const struct sip_msg *msg)
{
    struct dial *d = call->dial;
    struct dialog fork = {.owner = NULL};
    struct txn *bye;
    if (++d->n_surplus > DIAL_SURPLUS_MAX) {
        return;
    }
    if (dialog_copy(&fork, &call->dialog) == 0 && dialog_settle(&fork, msg) == 0) {
        fork.flow = msg->flow;
        fork.cseq_tx = d->cseq;
        dialog_ack(&fork, call->env->txns, d->cseq, NULL, 0);
        dialog_send(&fork, call->env->txns, dialog_request(&fork, SIP_BYE), NULL, &bye);
    }
    dialog_free(&fork);
}

static bool was_tried(const struct dial *d, const char *target)
{
    for (unsigned i = 0; i < d->n_tried; i++) {
        if (strcmp(d->tried[i], target) == 0) {
            return true;
        }
    }
    return false;
}

/* RFC 3261 8.1.3.4, within policy: the best Contact that may be called and has not been. @return true: dial->next */
static bool redirect_pick(struct call *call, const struct sip_msg *msg)
{
    struct dial *d = call->dial;
    int best = -1;
    for (unsigned i = 0; d->n_tried < DIAL_TARGETS_MAX && !msg->contact_is_star && i < msg->n_contacts; i++) {
        const struct sip_contact *c = &msg->contacts[i];
        struct reach_way way;
        if (c->q_thousandths > best && reach_find(call->env, &c->addr.uri, d->host, &way) == 0 &&
            !was_tried(d, way.target)) {
            best = c->q_thousandths;
            d->next = way;
        }
    }
    return best >= 0;
}

/* 401 or 407 of the outbound proxy for the realm whose credentials we have. @return true: call once more */
static bool challenge_take(struct call *call, int status, const struct sip_msg *msg)
{
    const struct env_cfg *cfg = &call->env->cfg;
    struct dial *d = call->dial;
    char value[2048];
    bool may = (status == 401 || status == 407) && d->by_proxy && cfg->dial_user[0] && d->n_answers < DIAL_ANSWERS_MAX;
    if (!may || auth_answer(msg, cfg->dial_realm, cfg->dial_user, cfg->dial_password, SIP_INVITE, call->dialog.target,
                            1, value, sizeof value) != 0) {
        return false;
    }
    free(d->auth);
    d->auth = strdup(value);
    d->auth_is_proxy = status == 407;
    d->n_answers++;
    d->is_challenged = d->auth != NULL;
    return d->is_challenged;
}

/* Where a redirect leads. @return 0 | -ENOMEM */
static int target_take(struct call *call)
{
    struct dial *d = call->dial;
    char *tried = strdup(d->next.target), *target = strdup(d->next.target);
    if (!tried || !target) {
        free(tried);
        free(target);
        return -ENOMEM;
    }
    d->tried[d->n_tried++] = tried;
    free(call->dialog.target);
    call->dialog.target = target;
    call->dialog.flow = d->next.flow;
    d->by_proxy = d->next.by_proxy;
    free(d->auth); /* of another target */
    d->auth = NULL;
    return 0;
}

int act_dial_redirect(struct call *call, const struct call_input *in)
{
    struct dial *d = call->dial;
    int err = d->is_challenged ? 0 : target_take(call);
    d->is_challenged = false;
    if (err) {
        return err;
    }
    err = invite_send(call); /* same Call-ID and tag, next CSeq, new branch */
    if (err) {
        notify(call, 503, "Service Unavailable");
    }
    return err;
}

static void refused(struct call *call, int status, const struct sip_msg *msg)
{
    struct dial *d = call->dial;
    bool is_open = call->state == CALL_DIALLING || call->state == CALL_RINGING;
    if (d->is_accepted) {
        return; /* of another fork, by a proxy that lets it through */
    }
    txn_set_tag(d->txn, NULL);
    d->txn = NULL;
    if (is_open && msg && (status < 400 ? redirect_pick(call, msg) : challenge_take(call, status, msg))) {
        call_event(call, CALL_EV_REDIRECT, &(struct call_input){.msg = msg});
        return;
    }
    if (is_open) {
        call->why = msg ? ENDING_DECLINED : ENDING_NO_ANSWER;
        count_add(&call->env->stats.dials_refused, 1);
        notify(call, status, sip_reason(status));
    }
    call_event(call, CALL_EV_REFUSED, &(struct call_input){.msg = msg});
}

void dial_answered(struct call *call, int status, const struct sip_msg *msg)
{
    struct dial *d = call->dial;
    if (status >= 300) {
        refused(call, status, msg);
    } else if (status >= 200 && !d->is_accepted) {
        call_event(call, CALL_EV_REANSWER, &(struct call_input){.msg = msg});
    } else if (status >= 200 && msg->to.tag && strcmp(msg->to.tag, call->dialog.remote_tag) == 0) {
        dialog_ack(&call->dialog, call->env->txns, d->cseq, NULL, 0); /* repeated: our ACK was lost */
    } else if (status >= 200) {
        surplus_end(call, msg);
    } else if (status > 100 && !d->is_accepted) {
        if (d->progress && status == 180 && !d->has_rung) {
            d->has_rung = true;
            d->progress(d->arg, status, sip_reason(status));
        }
        call_event(call, CALL_EV_RINGING, &(struct call_input){.msg = msg});
    }
}
