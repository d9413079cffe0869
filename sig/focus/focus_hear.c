/* What comes in: the resource that a request names, and the owner of the transaction that a message belongs to. */
#include "sig/focus/focus_priv.h"

#include "sig/call/call.h"
#include "sig/focus/factory.h"
#include "sig/focus/guests.h"
#include "sig/focus/refer.h"
#include "sig/focus/replaces.h"
#include "sig/ivr/annc.h"
#include "sig/room/room.h"
#include "sig/room/roster.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static bool host_is_ours(const struct env *env, const char *host)
{
    struct addr literal;
    return env_has_host(env, host) || (env->cfg.any_literal_host && addr_parse(&literal, host, 0) == 0);
}

static struct target nobody(enum refusal refusal)
{
    return (struct target){.kind = TARGET_NOBODY, .refusal = refusal};
}

/* Finds the resource that a request outside of any dialog names. */
static struct target target_of(struct focus *f, const struct sip_msg *msg)
{
    struct env *env = &f->env;
    struct target target = {.kind = TARGET_CONFERENCE, .mode = FACTORY_REDIRECT};
    const struct sip_uri *uri = &msg->uri;
    bool is_safe = msg->flow.transport == FLOW_TLS && strcmp(uri->scheme, "sips") == 0;
    if (strcmp(uri->scheme, "sip") != 0 && !is_safe) {
        return nobody(REFUSAL_SCHEME); /* sips: not without TLS (RFC 3261 26.2.2) */
    }
    const char *user = uri->user ? uri->user : "";
    bool is_factory = factory_is(env, user, uri->host, &target.mode);
    if (!host_is_ours(env, uri->host) && !(is_factory && strcmp(user, "mmtel") == 0)) {
        return nobody(REFUSAL_HOST);
    }
    if (is_factory) {
        target.kind = TARGET_FACTORY;
        return target;
    }
    if (*user == '\0') {
        target.beside = focus_beside_of(f, msg);
        target.kind = target.beside ? TARGET_BESIDE : TARGET_SERVER;
        return target;
    }
    const char *name = env->cfg.netann ? room_name_of(user) : NULL;
    if (name) {
        target.room = room_named(env, name);
        target.kind = target.room ? TARGET_CONFERENCE : TARGET_NAMED;
        return target;
    }
    if (env->cfg.netann && annc_is(user)) {
        target.kind = TARGET_ANNC;
        return target;
    }
    if (env->cfg.netann && strcasecmp(user, "dialog") == 0) {
        return nobody(REFUSAL_VOICEXML); /* RFC 4240 4 */
    }
    int err = room_find(env, user, &target.room);
    if (!err && target.room->annc.clip) {
        err = -ENOENT; /* no conference */
    }
    if (err == -ENOENT) { /* no resource of the focus: perhaps a user */
        target.room = NULL;
        target.beside = focus_beside_of(f, msg);
        target.kind = TARGET_BESIDE;
        return target.beside ? target : nobody(REFUSAL_USER);
    }
    return err ? nobody(REFUSAL_ENDED) : target;
}

static bool is_option(const char *ours, const char *option, size_t n)
{
    return strlen(ours) == n && strncasecmp(ours, option, n) == 0;
}

static bool is_supported(const struct env *env, const char *option, size_t n)
{
    static const char *const ours[] = {"100rel", "precondition",      "replaces", "norefersub",
                                       "timer",  "resource-priority", ENV_LISTS};
    size_t n_ours = ARRAY_LEN(ours) - !env->cfg.reach.is_on;
    for (size_t i = 0; i < n_ours; i++) {
        if (is_option(ours[i], option, n)) {
            return true;
        }
    }
    return env->has_presence && (is_option(ENV_EVENT_LISTS, option, n) || is_option(ENV_OWN_LISTS, option, n));
}

/* RFC 3261 8.2.2.3. @return true: refused */
static bool requires_more(struct env *env, struct txn *txn, const struct sip_msg *msg)
{
    char list[256];
    const char *element;
    size_t at = 0, n;

    for (unsigned i = 0; (n = sip_list(msg, "Require", i, &element)) > 0; i++) {
        if (is_supported(env, element, n)) {
            continue;
        }
        int put = snprintf(list + at, sizeof list - at, "%s%.*s", at ? ", " : "", (int)n, element);
        if (put < 0 || (size_t)put >= sizeof list - at) {
            break;
        }
        at += (size_t)put;
    }
    if (at == 0) {
        return false;
    }
    list[at] = '\0';
    env_refuse_with(env, txn, REFUSAL_EXTENSION, "Unsupported", list);
    return true;
}

/* RFC 3261 11.2: what an INVITE would get. */
void focus_options(struct env *env, struct txn *txn, const struct target *target)
{
    char host[ENV_HOST_MAX + 32];
    const struct room *room = target->room;

    if (room && room->n_roster >= policy_legs_max(env, room)) {
        env_refuse(env, txn, REFUSAL_LEGS);
        return;
    }
    struct sip_out *out = txn_response(txn, 200, NULL);
    env_host(env, txn_flow(txn), host);
    if (room) {
        sip_addf(out, "Contact", "<sip:%s@%s>;isfocus", room->token, host);
    } else if (target->kind == TARGET_FACTORY) {
        sip_addf(out, "Contact", "<sip:%s@%s>", env->cfg.factory_user, host);
    } else {
        sip_addf(out, "Contact", "<sip:%s>", host); /* what an INVITE would make */
    }
    env_add_abilities(env, out);
    txn_respond(txn, out);
}

const char *focus_label(struct env *env, const struct sip_msg *msg, char label[ENV_LABEL_CHARS + 1])
{
    const struct dialog *dialog = dialog_find(&env->dialogs, msg);
    const struct call *call = dialog ? call_of_owner(dialog->owner) : NULL;
    struct room *room = call ? call->room : NULL;
    int err = room ? 0 : msg->uri.user ? room_find(env, msg->uri.user, &room) : -ENOENT;
    const char *token = err == 0 ? room->token : err == -ESTALE ? msg->uri.user : "";
    snprintf(label, ENV_LABEL_CHARS + 1, "%.*s", ENV_LABEL_CHARS, token);
    return label;
}

/* An announcement has no roster, and nobody to be brought together. */
void focus_in_dialog(struct call *call, struct txn *txn, const struct sip_msg *msg)
{
    const struct target target = {.kind = TARGET_CONFERENCE, .room = call->room};
    if (msg->method == SIP_OPTIONS) {
        focus_options(call->env, txn, &target);
    } else if (call->room->annc.clip) {
        env_refuse(call->env, txn, REFUSAL_METHOD);
    } else if (msg->method == SIP_REFER) {
        refer_take(call->room, call, txn, msg, &call->member.who);
    } else if (!refer_subscribe(call, txn, msg)) {
        roster_subscribe(call->room, &call->member, &call->dialog, txn, msg, &call->member.who);
    }
}

static void conference_invite(struct env *env, struct txn *txn, const struct sip_msg *msg, struct room *room,
                              const struct identity *who)
{
    struct invite invite;
    struct uri_list list;
    struct call *old;

    if (env->stopping) {
        env_refuse(env, txn, REFUSAL_STOPPING);
    } else if (replaces_find(env, txn, msg, room, who, &old) == 0 && invite_read(env, txn, msg, &invite) == 0 &&
               guests_read(env, txn, msg, room, who, &list) == 0 &&
               call_begin(env, room, txn, msg, &invite, who, old) == 0) {
        guests_call(room, &list);
    }
}

/* Without a proxy between, a call's requests come from the host that began it. Another host may be the same phone in
 * another network (RFC 3261 12.2, 14), or an attacker that has read the dialog's ids on the way. With authentication it
 * must prove its identity; without, the ids are all that there is. Behind proxies any proxy may send.
 */
static bool is_stranger(const struct focus *f, const struct dialog *d, const struct sip_msg *msg)
{
    return f->auth && d->is_callers && d->direct && !addr_same_host(&d->flow.remote, &msg->flow.remote) &&
           !trust_has(&f->env.cfg.trusted, &msg->flow.remote);
}

/* The user of a dialog. @return "": unknown */
static const char *user_of(const struct dialog *d)
{
    const struct call *call = call_of_owner(d->owner);
    return call ? call->member.who.user : sub_user(d->owner);
}

static void serve(struct focus *f, struct txn *txn, const struct sip_msg *msg, const struct identity *who);

/* @param who  the proven sender; NULL: not authenticated */
static void dialog_request_in(struct focus *f, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    struct dialog *d = dialog_find(&f->env.dialogs, msg);

    if (!d) {
        env_refuse(&f->env, txn, REFUSAL_DIALOG);
    } else if (!who && is_stranger(f, d, msg)) {
        gate_enter(f, txn, msg, serve);
    } else if (who && (who->user[0] == '\0' || strcmp(who->user, user_of(d)) != 0)) {
        env_refuse(&f->env, txn, REFUSAL_SOURCE);
    } else if (msg->cseq < d->cseq_rx) { /* RFC 3261 12.2.2 */
        env_refuse(&f->env, txn, REFUSAL_CSEQ);
    } else if (!d->owner->ops->request) {
        env_refuse(&f->env, txn, REFUSAL_METHOD);
    } else {
        d->cseq_rx = msg->cseq;
        d->owner->ops->request(d->owner, txn, msg);
    }
}

/* An authorised request outside of any dialog. */
static void serve_target(struct focus *f, struct txn *txn, const struct sip_msg *msg, struct target target,
                         const struct identity *who)
{
    struct env *env = &f->env;

    if (target.kind == TARGET_NOBODY) {
        env_refuse(env, txn, target.refusal);
    } else if (msg->method == SIP_SUBSCRIBE && target.room) {
        roster_subscribe(target.room, NULL, NULL, txn, msg, who);
    } else if (msg->method == SIP_REFER && target.room) {
        refer_take(target.room, NULL, txn, msg, who);
    } else if (target.kind == TARGET_BESIDE) {
        target.beside->take(target.beside->ctx, txn, msg, who);
    } else if (msg->method != SIP_INVITE) {
        env_refuse(env, txn, REFUSAL_METHOD);
    } else if (!target.room && sip_header(msg, "Replaces", 0)) {
        env_refuse(env, txn, REFUSAL_DIALOG); /* there is no call to be replaced */
    } else if (target.kind == TARGET_FACTORY) {
        factory_invite(env, txn, msg, target.mode, who, NULL);
    } else if (target.kind == TARGET_NAMED) {
        factory_invite(env, txn, msg, FACTORY_DIRECT, who, room_name_of(msg->uri.user));
    } else if (target.kind == TARGET_ANNC) {
        annc_invite(env, txn, msg, who);
    } else if (target.room) {
        conference_invite(env, txn, msg, target.room, who);
    } else {
        env_refuse(env, txn, REFUSAL_USER);
    }
}

/* What the gate has let through, a moment after it came. */
static void serve(struct focus *f, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    if (msg->to.tag) {
        dialog_request_in(f, txn, msg, who);
    } else {
        serve_target(f, txn, msg, target_of(f, msg), who);
    }
}

/* A call that a conference of ours has made, and that was led back to us: its From is a conference of ours. */
static bool is_our_own(const struct env *env, const struct sip_msg *msg)
{
    struct uri_token token;
    const char *user = msg->from.uri.user;
    return user && uri_token_read(&token, user, strlen(user), env->secret) == 0;
}

static void on_request(void *ctx, struct txn *txn, const struct sip_msg *msg)
{
    struct focus *f = ctx;
    struct env *env = &f->env;
    const uint32_t in_dialogs =
        sip_bit(SIP_BYE) | sip_bit(SIP_NOTIFY) | sip_bit(SIP_UPDATE) | sip_bit(SIP_PRACK) | sip_bit(SIP_INFO);

    if (requires_more(&f->env, txn, msg)) {
        return;
    }
    if (msg->to.tag) {
        dialog_request_in(f, txn, msg, NULL);
        return;
    }
    if ((sip_bit(msg->method) & in_dialogs) != 0) {
        env_refuse(&f->env, txn, REFUSAL_DIALOG);
        return;
    }
    if (msg->method == SIP_INVITE && is_our_own(&f->env, msg)) {
        env_refuse(&f->env, txn, REFUSAL_LOOP);
        return;
    }
    struct target target = target_of(f, msg);
    if (env->stopping) {
        env_refuse(env, txn, REFUSAL_STOPPING); /* whatever it is about may be here again after a restart */
    } else if (target.kind == TARGET_NOBODY) {
        env_refuse(env, txn, target.refusal);
    } else if (msg->method == SIP_OPTIONS) {
        focus_options(env, txn, &target);
    } else if (target.kind == TARGET_SERVER || !gate_is_shut(f, target.kind == TARGET_FACTORY)) {
        serve_target(f, txn, msg, target, &(struct identity){.user = ""});
    } else {
        gate_enter(f, txn, msg, serve);
    }
}

static void on_ack(void *ctx, const struct sip_msg *msg)
{
    struct focus *f = ctx;
    struct dialog *d = dialog_find(&f->env.dialogs, msg);
    if (d && d->owner->ops->ack && !is_stranger(f, d, msg)) {
        d->owner->ops->ack(d->owner, msg);
    }
}

/* The layer keeps the To tag. */
static void on_cancel(void *ctx, struct txn *invite)
{
    struct owner *owner = txn_tag(invite);
    if (owner && owner->ops->cancel) {
        owner->ops->cancel(owner, invite);
    } else {
        txn_reply(invite, 487, NULL);
    }
}

static void on_response(void *ctx, struct txn *txn, const struct sip_msg *msg)
{
    struct owner *owner = txn_tag(txn);
    if (owner && owner->ops->response) {
        owner->ops->response(owner, txn, msg);
    }
}

static void on_timeout(void *ctx, struct txn *txn)
{
    struct owner *owner = txn_tag(txn);
    if (owner && owner->ops->timeout) {
        owner->ops->timeout(owner, txn);
    }
}

static void on_error(void *ctx, struct txn *txn, int err)
{
    struct owner *owner = txn_tag(txn);
    if (owner && owner->ops->error) {
        owner->ops->error(owner, txn, err);
    }
}

static void on_gone(void *ctx, struct txn *txn)
{
    struct owner *owner = txn_tag(txn);
    if (owner && owner->ops->gone) {
        owner->ops->gone(owner, txn);
    }
}

/* A caller that follows our 302, or has answered our challenge, is halfway in; priority calls never wait. */
static bool may_wait(void *ctx, const struct sip_msg *msg, bool is_far)
{
    const struct env *env = &((const struct focus *)ctx)->env;
    enum factory_mode mode;
    bool begins = msg->method == SIP_INVITE || msg->method == SIP_SUBSCRIBE || msg->method == SIP_REFER;
    bool is_halfway = !factory_is(env, msg->uri.user ? msg->uri.user : "", msg->uri.host, &mode) ||
                      sip_header(msg, "Authorization", 0) != NULL;
    return begins && (is_far || !is_halfway) && !invite_has_priority(env, msg);
}

static void on_refused(void *ctx, const struct sip_msg *msg, enum refuse refuse, int status)
{
    struct env *env = &((struct focus *)ctx)->env;
    if (env->log) {
        complain_refused(&env->complaints, env->log, REFUSALS + refuse, env->wheel->now_ms, status, refuse_text(refuse),
                         "", msg);
    }
}

struct txn_user focus_user(struct focus *focus)
{
    return (struct txn_user){focus,      on_request, on_ack,  on_cancel, on_response,
                             on_timeout, on_error,   on_gone, may_wait,  on_refused};
}
