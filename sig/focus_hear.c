/* What the focus hears: which resource a request means, and whose transaction a message belongs to. */
#include "sig/focus.h"

#include "sig/annc.h"
#include "sig/call.h"
#include "sig/factory.h"
#include "sig/guests.h"
#include "sig/refer.h"
#include "sig/replaces.h"
#include "sig/room.h"
#include "sig/roster.h"
#include "sig/sub.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool focus_has_host(const struct focus *f, const char *host)
{
    char text[ADDR_TEXT_MAX];
    struct addr literal;
    if (addr_parse(&literal, host, 0) == 0) { /* one address has many spellings */
        reach_unmap(&literal);
        host = addr_host_text(&literal, text);
    }
    for (unsigned i = 0; i < f->cfg.n_hosts; i++) {
        if (strcmp(f->cfg.hosts[i], host) == 0) {
            return true;
        }
    }
    return false;
}

static bool host_is_ours(const struct focus *f, const char *host)
{
    struct addr literal;
    return focus_has_host(f, host) || (f->cfg.any_literal_host && addr_parse(&literal, host, 0) == 0);
}

/* Which resource a Request-URI names. @return what; FOCUS_NOBODY: *refusal says why */
static enum focus_target target_of(struct focus *f, const struct sip_msg *msg, enum focus_mode *mode,
                                   struct room **room, enum focus_refusal *refusal)
{
    const struct sip_uri *uri = &msg->uri;
    bool is_safe = msg->flow.transport == FLOW_TLS && strcmp(uri->scheme, "sips") == 0;
    if (strcmp(uri->scheme, "sip") != 0 && !is_safe) {
        *refusal = FOCUS_SCHEME; /* sips: not without TLS (RFC 3261 26.2.2) */
        return FOCUS_NOBODY;
    }
    const char *user = uri->user ? uri->user : "";
    bool factory = factory_is(f, user, uri->host, mode);
    if (!host_is_ours(f, uri->host) && !(factory && strcmp(user, "mmtel") == 0)) {
        *refusal = FOCUS_HOST;
        return FOCUS_NOBODY;
    }
    if (factory) {
        return FOCUS_FACTORY;
    }
    if (*user == '\0') {
        return FOCUS_SERVER;
    }
    const char *name = f->cfg.netann ? room_name_of(user) : NULL;
    if (name) {
        *room = room_named(f, name);
        return *room ? FOCUS_CONFERENCE : FOCUS_NAMED;
    }
    enum focus_target service = f->cfg.netann ? annc_target(user, refusal) : FOCUS_SERVER;
    if (service != FOCUS_SERVER) {
        return service;
    }
    int err = room_find(f, user, room);
    if (!err && (*room)->annc.clip) {
        err = -ENOENT; /* no conference */
    }
    if (err) {
        *refusal = err == -ESTALE ? FOCUS_ENDED : FOCUS_USER;
        return FOCUS_NOBODY;
    }
    return FOCUS_CONFERENCE;
}

static bool is_supported(const struct focus *f, const char *option, size_t n)
{
    static const char *const ours[] = {"100rel", "precondition",      "replaces", "norefersub",
                                       "timer",  "resource-priority", FOCUS_LISTS};
    size_t n_ours = ARRAY_LEN(ours) - !f->cfg.reach.is_on;
    for (size_t i = 0; i < n_ours; i++) {
        if (strlen(ours[i]) == n && strncasecmp(option, ours[i], n) == 0) {
            return true;
        }
    }
    return false;
}

/* RFC 3261 8.2.2.3. @return true: refused */
static bool requires_more(struct focus *f, struct txn *txn, const struct sip_msg *msg)
{
    char list[256];
    const char *element;
    size_t at = 0, n;

    for (unsigned i = 0; (n = sip_list(msg, "Require", i, &element)) > 0; i++) {
        if (is_supported(f, element, n)) {
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
    focus_refuse_with(f, txn, FOCUS_EXTENSION, "Unsupported", list);
    return true;
}

const char *focus_host(const struct focus *f, const struct flow *flow, char text[FOCUS_HOST_MAX + 32])
{
    if (f->cfg.domain_is_ours && f->world.sent_by) {
        f->world.sent_by(f->world.ctx, flow, text, FOCUS_HOST_MAX);
    } else {
        snprintf(text, FOCUS_HOST_MAX, "%s", f->cfg.domain);
    }
    return strcat(text, flow_uri_param(flow));
}

/* RFC 3261 11.2: what an INVITE would get. */
void focus_options(struct focus *f, struct txn *txn, enum focus_target target, const struct room *room)
{
    char host[FOCUS_HOST_MAX + 32];

    if (target == FOCUS_NAMED || target == FOCUS_ANNC) {
        target = FOCUS_SERVER; /* an INVITE would make it */
    }
    if (target == FOCUS_CONFERENCE && room->n_roster >= policy_legs_max(f, room)) {
        focus_refuse(f, txn, FOCUS_LEGS);
        return;
    }
    struct sip_out *out = txn_response(txn, 200, NULL);
    if (target == FOCUS_CONFERENCE) {
        sip_addf(out, "Contact", "<sip:%s@%s>;isfocus", room->token, focus_host(f, txn_flow(txn), host));
    } else {
        sip_addf(out, "Contact", "<sip:%s%s%s>", target == FOCUS_FACTORY ? f->cfg.factory_user : "",
                 target == FOCUS_FACTORY ? "@" : "", focus_host(f, txn_flow(txn), host));
    }
    focus_add_abilities(f, out);
    txn_respond(txn, out);
}

static void conference_invite(struct focus *f, struct txn *txn, const struct sip_msg *msg, struct room *room,
                              const struct identity *who)
{
    struct invite invite;
    struct uri_list list;
    struct call *old;

    if (f->stopping) {
        focus_refuse(f, txn, FOCUS_STOPPING);
    } else if (replaces_find(f, txn, msg, room, who, &old) == 0 && invite_read(f, txn, msg, &invite) == 0 &&
               guests_read(f, txn, msg, room, who, &list) == 0 &&
               call_begin(f, room, txn, msg, &invite, who, old) == 0) {
        guests_call(room, &list);
    }
}

/* A call without a proxy between speaks from the host that it came from. Another may be the same phone in another
 * network (RFC 3261 12.2, 14), or somebody who has read the dialog's ids on the way. Where people have names it has to
 * prove that it is the one; where they have none the ids are all that there is. Behind proxies any of them may speak.
 */
static bool is_stranger(const struct focus *f, const struct dialog *d, const struct sip_msg *msg)
{
    return f->auth && d->is_callers && d->direct && !addr_same_host(&d->flow.remote, &msg->flow.remote) &&
           !trust_has(&f->cfg.trusted, &msg->flow.remote);
}

/* Whose dialog it is. @return "": nobody knows */
static const char *user_of(const struct dialog *d)
{
    const struct call *call = call_of_owner(d->owner);
    return call ? call->who.user : sub_user(d->owner);
}

/* @param who  it has proved itself to be; NULL: it has not been asked */
static void dialog_request_in(struct focus *f, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    struct dialog *d = dialog_find(&f->dialogs, msg);

    if (!d) {
        focus_refuse(f, txn, FOCUS_DIALOG);
    } else if (!who && is_stranger(f, d, msg)) {
        gate_enter(f, txn, msg);
    } else if (who && (who->user[0] == '\0' || strcmp(who->user, user_of(d)) != 0)) {
        focus_refuse(f, txn, FOCUS_SOURCE);
    } else if (msg->cseq < d->cseq_rx) { /* RFC 3261 12.2.2 */
        focus_refuse(f, txn, FOCUS_CSEQ);
    } else if (!d->owner->ops->request) {
        focus_refuse(f, txn, FOCUS_METHOD);
    } else {
        d->cseq_rx = msg->cseq;
        d->owner->ops->request(d->owner, txn, msg);
    }
}

void focus_serve(struct focus *f, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    enum focus_mode mode = FOCUS_REDIRECT;
    enum focus_refusal refusal = FOCUS_USER;
    struct room *room = NULL;

    if (msg->to.tag) {
        dialog_request_in(f, txn, msg, who);
        return;
    }
    enum focus_target target = target_of(f, msg, &mode, &room, &refusal);
    if (target == FOCUS_NOBODY) {
        focus_refuse(f, txn, refusal);
    } else if (msg->method == SIP_SUBSCRIBE && target == FOCUS_CONFERENCE) {
        roster_subscribe(room, NULL, txn, msg, who);
    } else if (msg->method == SIP_REFER && target == FOCUS_CONFERENCE) {
        refer_take(room, NULL, txn, msg, who);
    } else if (msg->method != SIP_INVITE) {
        focus_refuse(f, txn, FOCUS_METHOD);
    } else if (target != FOCUS_CONFERENCE && sip_header(msg, "Replaces", 0)) {
        focus_refuse(f, txn, FOCUS_DIALOG); /* nobody is there to be replaced */
    } else if (target == FOCUS_FACTORY) {
        factory_invite(f, txn, msg, mode, who, NULL);
    } else if (target == FOCUS_NAMED) {
        factory_invite(f, txn, msg, FOCUS_DIRECT, who, room_name_of(msg->uri.user));
    } else if (target == FOCUS_ANNC) {
        annc_invite(f, txn, msg, who);
    } else if (target == FOCUS_CONFERENCE) {
        conference_invite(f, txn, msg, room, who);
    } else {
        focus_refuse(f, txn, FOCUS_USER);
    }
}

/* A call that a conference has made, and that somebody led back to us: who calls is a conference of ours. */
static bool is_our_own(const struct focus *f, const struct sip_msg *msg)
{
    struct uri_token token;
    const char *user = msg->from.uri.user;
    return user && uri_token_read(&token, user, strlen(user), f->secret) == 0;
}

static void on_request(void *ctx, struct txn *txn, const struct sip_msg *msg)
{
    struct focus *f = ctx;
    enum focus_mode mode = FOCUS_REDIRECT;
    enum focus_refusal refusal = FOCUS_USER;
    struct room *room = NULL;
    const uint32_t in_dialogs =
        sip_bit(SIP_BYE) | sip_bit(SIP_NOTIFY) | sip_bit(SIP_UPDATE) | sip_bit(SIP_PRACK) | sip_bit(SIP_INFO);

    if (requires_more(f, txn, msg)) {
        return;
    }
    if (msg->to.tag) {
        dialog_request_in(f, txn, msg, NULL);
        return;
    }
    if ((sip_bit(msg->method) & in_dialogs) != 0) {
        focus_refuse(f, txn, FOCUS_DIALOG);
        return;
    }
    if (msg->method == SIP_INVITE && is_our_own(f, msg)) {
        focus_refuse(f, txn, FOCUS_LOOP);
        return;
    }
    enum focus_target target = target_of(f, msg, &mode, &room, &refusal);
    if (f->stopping) {
        focus_refuse(f, txn, FOCUS_STOPPING); /* whatever it is about may be here again after a restart */
    } else if (target == FOCUS_NOBODY) {
        focus_refuse(f, txn, refusal);
    } else if (msg->method == SIP_OPTIONS) {
        focus_options(f, txn, target, room);
    } else if (target == FOCUS_SERVER || !gate_is_shut(f, target == FOCUS_FACTORY)) {
        focus_serve(f, txn, msg, &(struct identity){.user = ""});
    } else {
        gate_enter(f, txn, msg);
    }
}

static void on_ack(void *ctx, const struct sip_msg *msg)
{
    struct focus *f = ctx;
    struct dialog *d = dialog_find(&f->dialogs, msg);
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

/* Who was sent on to his conference, or has answered our challenge, is halfway in; priority calls never wait. */
static bool may_wait(void *ctx, const struct sip_msg *msg, bool is_far)
{
    struct focus *f = ctx;
    enum focus_mode mode;
    bool begins = msg->method == SIP_INVITE || msg->method == SIP_SUBSCRIBE || msg->method == SIP_REFER;
    bool is_halfway = !factory_is(f, msg->uri.user ? msg->uri.user : "", msg->uri.host, &mode) ||
                      sip_header(msg, "Authorization", 0) != NULL;
    return begins && (is_far || !is_halfway) && !invite_has_priority(f, msg);
}

static void on_refused(void *ctx, const struct sip_msg *msg, enum refuse refuse, int status)
{
    struct focus *f = ctx;
    if (f->log) {
        complain_refused(&f->complaints, f->log, FOCUS_REFUSALS + refuse, f->wheel->now_ms, status, refuse_text(refuse),
                         "", msg);
    }
}

struct txn_user focus_user(struct focus *focus)
{
    return (struct txn_user){focus,      on_request, on_ack,  on_cancel, on_response,
                             on_timeout, on_error,   on_gone, may_wait,  on_refused};
}
