/* REFER to the focus. See refer.h. */
#include "sig/focus/refer.h"

#include "sig/call/dial.h"
#include "sig/focus/replaces.h"
#include "sig/room/room.h"
#include "sig/room/roster.h"
#include "sig/txn/sub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PARSE_BYTES (3 * SIP_URI_BYTES_MAX + 16)

/* What became of one: a sub's arg. */
struct refer {
    struct sub *sub;
    struct call *call; /* the call that was asked for; NULL: none, or its outcome has been notified */
    int status;
    const char *reason;
};

/* What a REFER asks for, read. */
struct referral {
    char memory[PARSE_BYTES];
    struct sip_addr to;
    bool is_bye, is_silent;
    char replaces[REPLACES_TEXT_MAX]; /* "": none */
    const char *referred_by;          /* NULL: none, or none that can be read */
};

/* ---- the subscription ---- */

static void body(struct sub *sub, struct sip_out *out, bool is_first)
{
    const struct refer *r = sub->arg;
    char text[128];
    int n = snprintf(text, sizeof text, "SIP/2.0 %d %s\r\n", r->status, r->reason);
    sip_body(out, "message/sipfrag;version=2.0", text, (size_t)n);
}

static void gone(struct sub *sub)
{
    struct refer *r = sub->arg;
    if (r->call) {
        dial_forget(r->call);
    }
    free(r);
}

static const struct sub_package package = {.event = "refer",
                                           .is_refer = true,
                                           .expires_s = 300,
                                           .expires_min_s = 0,
                                           .expires_max_s = 300,
                                           .body = body,
                                           .gone = gone};

/* A final status is the last word: the refer is gone after it, or goes by itself. */
static void progress(void *arg, int status, const char *reason)
{
    struct refer *r = arg;
    r->status = status;
    r->reason = reason;
    if (status < 200) {
        sub_notify(r->sub);
        return;
    }
    r->call = NULL;
    sub_end(r->sub, "noresource");
}

bool refer_subscribe(struct call *call, struct txn *txn, const struct sip_msg *msg)
{
    const char *event = sip_header(msg, "Event", 0), *params = event ? strchr(event, ';') : NULL;
    char id[sizeof((struct sub *)0)->id] = "";
    if (!event || strcspn(event, "; \t") != 5 || strncasecmp(event, "refer", 5) != 0) {
        return false;
    }
    if (params) {
        sip_param(params, "id", id, sizeof id);
    }
    for (struct sub *sub = call->room->refers; sub; sub = sub->next) {
        if (sub->dialog == &call->dialog && strcmp(sub->id, id) == 0) {
            sub_refresh(sub, txn, msg);
            return true;
        }
    }
    env_refuse(call->env, txn, REFUSAL_DIALOG); /* only a REFER makes one: RFC 3515 2.4.4 */
    return true;
}

/* ---- reading ---- */

/* "a=b&Replaces=c": the value of one header of a URI, its escapes written away. @return false: there is none */
static bool uri_header(const char *headers, const char *name, char *value, size_t size)
{
    size_t n_name = strlen(name);
    for (const char *p = headers; *p; p += strcspn(p, "&"), p += *p == '&') {
        if (strncasecmp(p, name, n_name) == 0 && p[n_name] == '=') {
            p += n_name + 1;
            snprintf(value, size, "%.*s", (int)strcspn(p, "&"), p);
            sip_unescape(value);
            return true;
        }
    }
    return false;
}

/* @return REFUSALS: fine */
static enum refusal referral_read(struct referral *referral, const struct sip_msg *msg)
{
    const char *text = sip_header(msg, "Refer-To", 0), *silent = sip_header(msg, "Refer-Sub", 0);
    const char *by = sip_header(msg, "Referred-By", 0);
    char method[16] = "", value[SIP_URI_BYTES_MAX], memory[PARSE_BYTES];
    struct replaces replaces;
    struct sip_addr referrer;
    memset(referral, 0, sizeof *referral);
    if (!text || sip_header(msg, "Refer-To", 1) || strlen(text) > SIP_URI_BYTES_MAX ||
        sip_addr_parse(&referral->to, text, strlen(text), referral->memory, sizeof referral->memory) != 0) {
        return REFUSAL_REFER_TO; /* RFC 3515 2.4.2 */
    }
    if (sip_param(referral->to.uri.params, "method", method, sizeof method) && strcmp(method, "INVITE") != 0) {
        if (strcmp(method, "BYE") != 0) {
            return REFUSAL_REFER_METHOD;
        }
        referral->is_bye = true;
    }
    const char *headers = referral->to.uri.headers ? referral->to.uri.headers : "";
    if (uri_header(headers, "Replaces", value, sizeof value)) {
        if (replaces_read(&replaces, value) != 0) {
            return REFUSAL_REPLACES;
        }
        replaces_text(&replaces, referral->replaces, sizeof referral->replaces);
    }
    referral->is_silent = silent && strncasecmp(silent, "false", 5) == 0;
    if (by && strlen(by) <= SIP_URI_BYTES_MAX &&
        sip_addr_parse(&referrer, by, strlen(by), memory, sizeof memory) == 0) {
        referral->referred_by = by;
    }
    return REFUSALS;
}

/* ---- permission ---- */

static bool may_refer(const struct room *room, const struct call *call, const struct sip_msg *msg,
                      const struct identity *who)
{
    switch (room->env->cfg.refer) {
    case REFER_PARTICIPANTS:
        return roster_knows(room, call ? &call->member : NULL, msg, who);
    case REFER_CREATOR:
        return room_is_creator(room, call ? &call->member : NULL, who);
    case REFER_OFF:
        break;
    }
    return false;
}

bool refer_may_bring(const struct env *env, const struct room *room, const struct identity *who)
{
    bool is_own = !room || room_is_creator(room, NULL, who);
    return !who->owes_pin && (env->cfg.refer == REFER_PARTICIPANTS || (env->cfg.refer == REFER_CREATOR && is_own));
}

/* ---- removing ---- */

/* The same user at the same host; ports, parameters and headers do not make another one. */
static bool is_named(const struct env *env, const struct member *member, const struct sip_uri *uri)
{
    char memory[PARSE_BYTES], endpoint[32];
    struct sip_uri is;
    const char *user = uri->user ? uri->user : "";
    snprintf(endpoint, sizeof endpoint, "call-%llu", (unsigned long long)member->id);
    if (strcmp(user, endpoint) == 0 && env_has_host(env, uri->host)) {
        return true;
    }
    return member->entity && sip_uri_parse(&is, member->entity, strlen(member->entity), memory, sizeof memory) == 0 &&
           strcmp(is.user ? is.user : "", user) == 0 && strcmp(is.host, uri->host) == 0;
}

static struct member *named_next(const struct room *room, struct member *member, const struct sip_uri *uri)
{
    while (member && !is_named(room->env, member, uri)) {
        member = member->next;
    }
    return member;
}

/* The creator removes anybody; another removes itself, where the URI names it alone. @return REFUSALS: it may */
static enum refusal may_remove(const struct room *room, const struct call *call, const struct identity *who,
                               const struct sip_uri *uri)
{
    const struct member *self = call ? &call->member : NULL;
    bool is_any = room_is_creator(room, self, who);
    struct member *first = named_next(room, room->roster, uri);
    if (!first && is_any) {
        return REFUSAL_PARTICIPANT;
    }
    bool is_self = first && first == self && !self->is_waiting && !named_next(room, first->next, uri);
    return is_any || is_self ? REFUSALS : REFUSAL_REFERRAL;
}

static void remove_all(struct room *room, const struct sip_uri *uri)
{
    for (struct member *member = named_next(room, room->roster, uri), *next; member; member = next) {
        next = named_next(room, member->next, uri);
        member->ops->end(member, ENDING_REMOVED);
    }
}

/* ---- taking ---- */

/* 202, and the subscription if one is wanted. @return 0 | -EPROTO: refused, and answered so */
static int accept_it(struct room *room, struct call *call, struct txn *txn, const struct sip_msg *msg,
                     const struct identity *who, bool is_silent, struct refer **out)
{
    char contact[ROOM_CONTACT_MAX];
    *out = NULL;
    if (call) {
        call_contact_text(call, contact, sizeof contact);
    } else {
        room_contact_text(room, &msg->flow, contact, sizeof contact);
    }
    if (is_silent) {
        struct sip_out *ok = txn_response(txn, 202, NULL);
        sip_add(ok, "Refer-Sub", "false");
        sip_add(ok, "Contact", contact);
        return txn_respond(txn, ok) == 0 ? 0 : -EPROTO;
    }
    struct refer *r = calloc(1, sizeof *r);
    if (!r) {
        env_refuse(room->env, txn, REFUSAL_MEMORY);
        return -EPROTO;
    }
    struct sub *sub;
    *r = (struct refer){.status = 100, .reason = "Trying"};
    if (sub_accept(&room->env->subs, &package, &room->refers, call ? &call->dialog : NULL, txn, msg, 202, contact, r,
                   who->user, &sub) != 0) {
        free(r);
        return -EPROTO;
    }
    if (sub) { /* else Expires: 0 has ended it */
        r->sub = sub;
        *out = r;
    }
    return 0;
}

static void call_out(struct room *room, struct call *call, struct txn *txn, const struct sip_msg *msg,
                     const struct identity *who, const struct referral *referral, const struct reach_way *way)
{
    struct dial_plan plan = {.way = *way,
                             .host = referral->to.uri.host,
                             .entity = way->target,
                             .display = referral->to.display,
                             .replaces = referral->replaces[0] ? referral->replaces : NULL,
                             .referred_by = referral->referred_by};
    struct refer *r;
    struct call *called;
    if (accept_it(room, call, txn, msg, who, referral->is_silent, &r) != 0) {
        return;
    }
    if (r) {
        plan.progress = progress;
        plan.arg = r;
    }
    int err = dial_begin(room, &plan, &called);
    if (err) {
        env_refuse(room->env, NULL, refusal_of(err)); /* counted */
    }
    if (err && r) {
        progress(r, err == -EUSERS ? 486 : 503, sip_reason(err == -EUSERS ? 486 : 503));
    } else if (r) {
        r->call = called;
    }
}

static void take_out(struct room *room, struct call *call, struct txn *txn, const struct sip_msg *msg,
                     const struct identity *who, const struct referral *referral)
{
    struct refer *r;
    if (accept_it(room, call, txn, msg, who, referral->is_silent, &r) != 0) {
        return;
    }
    if (r) {
        progress(r, 200, "OK");
    }
    remove_all(room, &referral->to.uri); /* last: one of them may be call */
}

/* In a session of push-to-talk: the key is pressed, or let go of. What the floor says of it comes by the floor. */
static void push(struct room *room, struct call *call, struct txn *txn, const struct sip_msg *msg,
                 const struct identity *who, const struct referral *referral)
{
    const struct env_ptt *ptt = &room->env->ptt;
    struct refer *r;
    enum refusal refusal =
        ptt->refer ? ptt->refer(ptt->ctx, call, &referral->to.uri, referral->is_bye) : REFUSAL_METHOD;
    if (refusal != REFUSALS) {
        env_refuse(room->env, txn, refusal);
    } else if (accept_it(room, call, txn, msg, who, referral->is_silent, &r) == 0 && r) {
        progress(r, 200, "OK");
    }
}

/* @return REFUSALS: fine */
static enum refusal may_call(struct room *room, const struct sip_msg *msg, const struct identity *who,
                             const struct referral *referral, struct reach_way *way)
{
    switch (reach_find(room->env, &referral->to.uri, NULL, way)) {
    case 0:
        break;
    case -EPROTONOSUPPORT:
        return REFUSAL_SCHEME;
    case -ENOENT:
        return REFUSAL_REGISTERED;
    default:
        return REFUSAL_REACH;
    }
    const struct store_policy *policy = policy_of(room->env, room);
    if (policy && policy->is_locked) {
        return REFUSAL_LOCKED;
    }
    if (room->n_roster >= policy_legs_max(room->env, room)) {
        return REFUSAL_LEGS;
    }
    return dial_admit(room->env, room, who, msg, 1) == 0 ? REFUSALS : REFUSAL_DIAL_RATE;
}

void refer_take(struct room *room, struct call *call, struct txn *txn, const struct sip_msg *msg,
                const struct identity *who)
{
    struct env *env = room->env;
    struct referral referral;
    struct reach_way way;
    enum refusal refusal = REFUSALS;
    if (env->stopping) {
        refusal = REFUSAL_STOPPING;
    } else if (room->state == ROOM_ENDED || (call && !call->member.link)) {
        refusal = REFUSAL_ENDED;
    } else if ((refusal = referral_read(&referral, msg)) != REFUSALS) {
        /* it says why */
    } else if (call && call->ptt.is_on) {
        push(room, call, txn, msg, who, &referral);
        return;
    } else if (!may_refer(room, call, msg, who)) {
        refusal = REFUSAL_REFERRAL;
    } else if (referral.is_bye) {
        refusal = may_remove(room, call, who, &referral.to.uri);
    } else {
        refusal = may_call(room, msg, who, &referral, &way);
    }
    if (refusal != REFUSALS) {
        env_refuse(env, txn, refusal);
    } else if (referral.is_bye) {
        take_out(room, call, txn, msg, who, &referral);
    } else {
        call_out(room, call, txn, msg, who, &referral, &way);
    }
}
