/* The focus: which resource a request means, the events of the workers, start and end. */
#include "sig/focus.h"

#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/ctl.h"
#include "sig/annc.h"
#include "sig/annex.h"
#include "sig/call.h"
#include "sig/factory.h"
#include "sig/guests.h"
#include "sig/lobby.h"
#include "sig/refer.h"
#include "sig/replaces.h"
#include "sig/room.h"
#include "sig/roster.h"
#include "sig/sub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define LISTS "recipient-list-invite" /* RFC 5366: while anybody may be called */
#define LOAD_WAIT_MS 10000

/* --- Requests ----------------------------------------------------------------------------------------------------- */

bool focus_has_host(const struct focus *f, const char *host)
{
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
    static const char *const ours[] = {"100rel", "precondition", "replaces", "norefersub", "timer", LISTS};
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

    if (f->stopping) {
        focus_refuse(f, txn, FOCUS_STOPPING);
        return;
    }
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

void focus_serve(struct focus *f, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    enum focus_mode mode = FOCUS_REDIRECT;
    enum focus_refusal refusal = FOCUS_USER;
    struct room *room = NULL;
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

/* Who called without a proxy between speaks from the host that he called from. Another who has read the dialog's ids on
 * the way is not him, and may neither end the call nor draw its media to himself. Behind proxies any of them may speak.
 */
static bool is_stranger(const struct focus *f, const struct dialog *d, const struct sip_msg *msg)
{
    return d->is_callers && d->direct && !addr_same_host(&d->flow.remote, &msg->flow.remote) &&
           !trust_has(&f->cfg.trusted, &msg->flow.remote);
}

static void dialog_request_in(struct focus *f, struct txn *txn, const struct sip_msg *msg)
{
    struct dialog *d = dialog_find(&f->dialogs, msg);

    if (!d) {
        focus_refuse(f, txn, FOCUS_DIALOG);
    } else if (is_stranger(f, d, msg)) {
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

    if (requires_more(f, txn, msg)) {
        return;
    }
    if (msg->to.tag) {
        dialog_request_in(f, txn, msg);
        return;
    }
    if (msg->method == SIP_BYE || msg->method == SIP_NOTIFY) {
        focus_refuse(f, txn, FOCUS_DIALOG);
        return;
    }
    if (msg->method == SIP_INVITE && is_our_own(f, msg)) {
        focus_refuse(f, txn, FOCUS_LOOP);
        return;
    }
    enum focus_target target = target_of(f, msg, &mode, &room, &refusal);
    if (target == FOCUS_NOBODY) {
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

struct txn_user focus_user(struct focus *focus)
{
    return (struct txn_user){focus,      on_request, on_ack,  on_cancel, on_response,
                             on_timeout, on_error,   on_gone, may_wait};
}

void focus_attach(struct focus *focus, struct txns *txns)
{
    focus->txns = txns;
}

uint64_t focus_steady_s(const struct focus *f)
{
    return f->began_s + (f->wheel->now_ms - f->began_ms) / 1000;
}

/* --- Workers ------------------------------------------------------------------------------------------------------ */

static void leg_gone(struct leg *leg)
{
    void *owner = (void *)(uintptr_t)leg_cfg_of(leg)->id;
    if (leg_cfg_of(leg)->relay) {
        feed_gone(owner, leg);
    } else if (leg_cfg_of(leg)->clip) {
        lobby_player_gone(owner, leg);
    } else {
        call_media_gone(owner, leg);
    }
}

static void clip_over(const struct lobby *lobby, const struct leg *player)
{
    struct call *call = lobby_played(lobby, player);
    if (call && call->announced) {
        annc_played(call);
    } else if (call) {
        pin_played(call);
    }
}

static void take_event(struct focus *f, const struct ctl_ev *ev)
{
    switch (ev->event) {
    case EV_LEG_GONE:
        leg_gone(ev->leg);
        break;
    case EV_CONF_GONE:
        room_conf_gone((struct room *)(uintptr_t)conf_cfg_of(ev->conf)->id, ev->conf);
        break;
    case EV_ENCODER:
        encoder_free(ev->encoder);
        break;
    case EV_QUIET:
        call_quiet((struct call *)(uintptr_t)ev->id);
        break;
    case EV_DTMF:
        count_add(&f->stats.events_dtmf, 1); /* digits may be a PIN: they are not logged */
        pin_key((struct call *)(uintptr_t)ev->id, (char)ev->value);
        break;
    case EV_RTCP_BYE:
        break; /* not authenticated: the call ends by SIP, or by silence */
    case EV_PLAYED:
        clip_over((struct lobby *)(uintptr_t)ev->id, ev->leg);
        break;
    case EV_SPEAKS:
        call_speaks((struct call *)(uintptr_t)ev->id);
        break;
    case EV_HUSHED:
        call_hushed((struct call *)(uintptr_t)ev->id, ev->value);
        break;
    case EV_SSRC:
        call_ssrc((struct call *)(uintptr_t)ev->id, ev->value);
        break;
    }
}

static void settle_due(struct focus *f)
{
    for (struct call *call = f->calls, *next; call && f->n_due; call = next) {
        next = call->next;
        if (call->drop_due || call->enter_due) {
            call_settle(call);
        }
    }
    for (struct room *room = f->rooms, *next; room && f->n_due; room = next) {
        next = room->next;
        if (room->close_due || room->save_due || room->annexes || room->feeds || room->lobbies) {
            room_settle(room);
        }
    }
}

/* A full disk fails each write: said once a minute, the counter has them all. */
static void store_complain(struct focus *f, int err)
{
    uint64_t now_s = f->world.wall_s(f->world.ctx);
    if (now_s - f->complained_s >= 60) { /* also when the clock was set back */
        f->complained_s = now_s;
        log_line(f->log, LOG_ERROR, "store: %s; conferences live on in memory", strerror(-err));
    }
}

uint64_t focus_beat(struct focus *f)
{
    struct ctl_ev ev;
    struct store_reply reply;
    unsigned n_events = 0;

    for (unsigned w = 0; w < place_n_workers(f->place); w++) {
        for (unsigned n = 0; n < FOCUS_EVENTS_BATCH && ctl_take(place_worker(f->place, (int)w), &ev); n++, n_events++) {
            take_event(f, &ev);
        }
    }
    if (f->n_due) {
        settle_due(f);
    }
    while (f->store && store_take(f->store, &reply)) {
        if (reply.op == STORE_ACCOUNT) {
            gate_account(f, &reply);
        } else if (reply.op == STORE_POLICIES) {
            policy_take(f, &reply);
        }
        if (reply.answer == STORE_FAILED) {
            count_add(&f->stats.store_errors, 1);
            store_complain(f, reply.err);
        }
    }
    bool may_move = place_n_workers(f->place) > 1; /* who begins to speak in an annex waits for us */
    if (n_events || f->n_due || f->gates || (f->calls && may_move)) {
        return FOCUS_BEAT_NS;
    }
    return f->calls || f->rooms ? FOCUS_CALM_NS : NS_PER_S;
}

/* --- Start and end ------------------------------------------------------------------------------------------------ */

/* Waits for the store, once, before the first request is taken. */
static int load(struct focus *f)
{
    struct store_req req = {.op = STORE_LOAD, .now_s = f->world.wall_s(f->world.ctx)};
    struct store_reply reply;
    struct timespec nap = {0, NS_PER_MS};
    unsigned n = 0;

    if (!f->store) {
        return f->world.random(f->world.ctx, f->secret, sizeof f->secret);
    }
    int err = store_put(f->store, &req);
    unsigned ms = 0;
    while (!err && ms < LOAD_WAIT_MS) {
        if (!store_take(f->store, &reply)) {
            nanosleep(&nap, NULL);
            ms++;
            continue;
        }
        if (reply.answer == STORE_SECRET) {
            memcpy(f->secret, reply.secret, sizeof f->secret);
        } else if (reply.answer == STORE_CONF) {
            n += room_restore(f, &reply.conf) == 0;
        } else if (reply.answer == STORE_FAILED) {
            err = reply.err;
        } else if (reply.op == STORE_LOAD) {
            err = policy_ask(f);
        } else {
            policy_take(f, &reply);
            if (reply.answer == STORE_DONE) {
                break;
            }
        }
    }
    if (n && !err) {
        log_line(f->log, LOG_INFO, "%u conference URIs of an earlier run are still good", n);
    }
    return err ? err : ms < LOAD_WAIT_MS ? 0 : -ETIMEDOUT;
}

/* The nonces' key comes from the store's secret, so that a restart makes nobody's credentials stale. */
static int auth_start(struct focus *f)
{
    static const char label[] = "digest nonces";
    struct auth_cfg cfg = {.algorithms = f->cfg.digests};

    if (f->cfg.realm[0] == '\0') {
        return 0;
    }
    snprintf(cfg.realm, sizeof cfg.realm, "%s", f->cfg.realm);
    int err = keys_mac(cfg.key, f->secret, label, sizeof label);
    if (!err) {
        err = auth_build(&f->auth, &cfg);
    }
    keys_wipe(&cfg, sizeof cfg);
    return err;
}

int focus_build(struct focus **out, const struct focus_cfg *cfg, const struct focus_world *world,
                struct timer_wheel *wheel, struct place *place, struct store *store, const struct log *log)
{
    struct focus *f = calloc(1, sizeof *f);
    int err = -EINVAL;

    if (!f) {
        return -ENOMEM;
    }
    f->cfg = *cfg;
    f->world = *world;
    f->wheel = wheel;
    f->place = place;
    f->store = store;
    f->log = log;
    if (cfg->conferences_max == 0 || cfg->conferences_max > URI_SLOTS_MAX || cfg->policy.n_codecs == 0) {
        goto out;
    }
    f->media_host = *place_host(place);
    if (cfg->advertised[0] && (err = addr_parse(&f->media_host, cfg->advertised, 0)) != 0) {
        goto out;
    }
    f->began_s = world->wall_s(world->ctx);
    f->began_ms = wheel->now_ms;
    f->slots = calloc(cfg->conferences_max, sizeof *f->slots);
    f->free_slots = calloc(cfg->conferences_max, sizeof *f->free_slots);
    err = -ENOMEM;
    if (!f->slots || !f->free_slots) {
        goto out;
    }
    err = load(f);
    if (err) {
        goto out;
    }
    room_slots_fill(f);
    err = auth_start(f);
    if (err) {
        goto out;
    }
    *out = f;
    return 0;
out:
    focus_free(f);
    return err;
}

void focus_stop(struct focus *f)
{
    f->stopping = true;
    for (struct room *room = f->rooms, *next; room; room = next) {
        next = room->next;
        if (room->state == ROOM_OPEN) {
            room_end(room, FOCUS_END_STOP);
        } else {
            place_release(f->place, &room->hold); /* its URI is still good, after a restart */
        }
    }
}

bool focus_is_idle(const struct focus *f)
{
    for (const struct room *room = f->rooms; room; room = room->next) {
        if (room->conf || room->annexes || room->feeds || room->lobbies || room->save_due) {
            return false;
        }
    }
    return f->calls == NULL;
}

void focus_free(struct focus *f)
{
    if (!f) {
        return;
    }
    while (f->calls) {
        call_abandon(f->calls);
    }
    while (f->rooms) { /* issued ones live on in the store */
        struct room *room = f->rooms;
        f->rooms = room->next;
        timer_stop(f->wheel, &room->idle);
        timer_stop(f->wheel, &room->life);
        timer_stop(f->wheel, &room->hold_end);
        roster_abandon(room);
        refer_abandon(room);
        free(room->creator_uri);
        free(room->name);
        annex_abandon(room);
        lobby_abandon(room);
        free(room);
    }
    gate_close(f);
    while (f->ending) {
        sub_forget(f->ending);
    }
    auth_free(f->auth);
    policy_free(f);
    keys_wipe(f->secret, sizeof f->secret);
    free(f->slots);
    free(f->free_slots);
    free(f);
}
