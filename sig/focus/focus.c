/* The focus: the events of the workers, what time brings, start and end. */
#include "sig/focus/focus_priv.h"

#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/ctl.h"
#include "sig/call/call.h"
#include "sig/ivr/annc.h"
#include "sig/room/annex.h"
#include "sig/room/event_id.h"
#include "sig/room/ims.h"
#include "sig/room/lobby.h"
#include "sig/room/room.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define LOAD_WAIT_MS 10000

void focus_attach(struct focus *focus, struct txns *txns)
{
    focus->env.txns = focus->env.subs.txns = txns;
}

/* --- Workers ------------------------------------------------------------------------------------------------------ */

static void annex_source_leg_gone(struct annex_source *source, struct leg *leg)
{
    struct room *room = source->room;
    annex_source_gone(source, leg);
    room_settle(room);
}

static void leg_gone(struct leg *leg)
{
    uint64_t id = leg_cfg_of(leg)->id;
    if (event_kind_of(id) == EVENT_ANNEX_SOURCE) {
        annex_source_leg_gone(event_object(EVENT_ANNEX_SOURCE, id), leg);
    } else if (event_kind_of(id) == EVENT_LOBBY) {
        lobby_player_gone(event_object(EVENT_LOBBY, id), leg);
    } else {
        call_media_gone(event_object(EVENT_CALL, id), leg);
    }
}

static void clip_over(const struct lobby *lobby, const struct leg *player)
{
    struct member *member = lobby_played(lobby, player);
    if (member) {
        script_played(call_of_member(member));
    }
}

static void take_event(struct focus *f, const struct ctl_ev *ev)
{
    switch (ev->event) {
    case EV_LEG_GONE:
        leg_gone(ev->leg);
        break;
    case EV_CONF_GONE:
        room_conf_gone(event_object(EVENT_ROOM, conf_cfg_of(ev->conf)->id), ev->conf);
        break;
    case EV_ENCODER:
        encoder_free(ev->encoder);
        break;
    case EV_QUIET:
        call_quiet(event_object(EVENT_CALL, ev->id));
        break;
    case EV_DTMF:
        count_add(&f->env.stats.events_dtmf, 1); /* digits may be a PIN: they are not logged */
        script_key(event_object(EVENT_CALL, ev->id), (char)ev->value);
        break;
    case EV_RTCP_BYE:
        break; /* not authenticated: the call ends by SIP, or by silence */
    case EV_PLAYED:
        clip_over(event_object(EVENT_LOBBY, ev->id), ev->leg);
        break;
    case EV_SPEAKS:
        call_speaks(event_object(EVENT_CALL, ev->id));
        break;
    case EV_SILENT:
        call_silent(event_object(EVENT_CALL, ev->id), ev->value);
        break;
    case EV_CODEC:
        call_media_codec(event_object(EVENT_CALL, ev->id), (uint8_t)ev->value);
        break;
    case EV_SSRC:
        if (!call_ssrc_is_ours(event_object(EVENT_CALL, ev->id), ev->value)) {
            call_ssrc(event_object(EVENT_CALL, ev->id), ev->value);
        }
        break;
    case EV_FAILED:
        call_failed(event_object(EVENT_CALL, ev->id), (int)ev->value);
        break;
    case EV_UNHEARD:
        call_unheard(event_object(EVENT_CALL, ev->id), (enum drop)ev->value, &ev->from);
        break;
    case EV_FLOOR:
        if (event_kind_of(ev->id) == EVENT_CALL) { /* of the whole floor nothing more is to be done */
            call_ptt_floor(event_object(EVENT_CALL, ev->id), ev->floor, ev->value);
        }
        break;
    case EV_APP:
        free(ev->message);
        break;
    case EV_ALIVE:
        call_ptt_alive(event_object(EVENT_CALL, ev->id), ev->value != 0);
        break;
    }
}

static void settle_due(struct env *env)
{
    for (struct call *call = env->calls, *next; call && env->n_due; call = next) {
        next = call->next;
        if (call->open_due) {
            call_media_open(call);
        }
        if (call->loops) {
            call_end(call, ENDING_LOOP);
        } else if (call->drop_due || call->enter_due) {
            call_settle(call);
        }
    }
    for (struct room *room = env->rooms, *next; room && env->n_due; room = next) {
        next = room->next;
        if (room->close_due || room->save_due || room->annexes || room->annex_sources || room->lobbies) {
            room_settle(room);
        }
    }
}

/* A full disk fails each write: said once a minute, the counter has them all. */
static void store_complain(struct focus *f, int err)
{
    uint64_t now_s = f->env.world.wall_s(f->env.world.ctx);
    if (now_s - f->complained_s >= 60) { /* also when the clock was set back */
        f->complained_s = now_s;
        log_line(f->env.log, LOG_ERROR, "store: %s; conferences live on in memory", strerror(-err));
    }
}

void focus_reap(struct focus *f)
{
    call_reap(&f->env); /* before the rooms that they are in */
    room_reap(&f->env);
}

uint64_t focus_beat(struct focus *f)
{
    struct ctl_ev ev;
    struct store_reply reply;
    unsigned n_events = 0;

    for (unsigned w = 0; w < place_n_workers(f->env.place); w++) {
        for (unsigned n = 0; n < FOCUS_EVENTS_BATCH && ctl_take(place_worker(f->env.place, (int)w), &ev);
             n++, n_events++) {
            take_event(f, &ev);
        }
    }
    if (f->env.n_due) {
        settle_due(&f->env);
    }
    while (f->env.store && store_take(f->env.store, &reply)) {
        if (reply.op == STORE_ACCOUNT) {
            gate_account(f, &reply);
        } else if (reply.op == STORE_POLICIES) {
            policy_take(&f->env, &reply);
        } else {
            focus_beside_replies(f, &reply);
        }
        if (reply.answer == STORE_FAILED) {
            count_add(&f->env.stats.store_errors, 1);
            store_complain(f, reply.err);
        }
    }
    focus_reap(f);
    late_look(&f->late, f->env.place, f->env.log, f->env.wheel->now_ms);
    bool may_move = place_n_workers(f->env.place) > 1; /* a participant that begins to speak in an annex waits for it */
    if (n_events || f->env.n_due || f->gates || f->env.ptt.n_sessions || (f->env.calls && may_move)) {
        return FOCUS_BEAT_NS;
    }
    return f->env.calls || f->env.rooms ? FOCUS_CALM_NS : NS_PER_S;
}

/* --- Start and end ------------------------------------------------------------------------------------------------ */

/* Waits for the store, once, before the first request is taken. */
static int load(struct focus *f)
{
    struct store_req req = {.op = STORE_LOAD, .now_s = f->env.world.wall_s(f->env.world.ctx)};
    struct store_reply reply;
    struct timespec nap = {0, NS_PER_MS};
    unsigned n = 0;

    if (!f->env.store) {
        return f->env.world.random(f->env.world.ctx, f->env.secret, sizeof f->env.secret);
    }
    int err = store_put(f->env.store, &req);
    unsigned ms = 0;
    while (!err && ms < LOAD_WAIT_MS) {
        if (!store_take(f->env.store, &reply)) {
            nanosleep(&nap, NULL);
            ms++;
            continue;
        }
        if (reply.answer == STORE_SECRET) {
            memcpy(f->env.secret, reply.secret, sizeof f->env.secret);
        } else if (reply.answer == STORE_CONF) {
            n += room_restore(&f->env, &reply.conf) == 0;
        } else if (reply.answer == STORE_FAILED) {
            err = reply.err;
        } else if (reply.op == STORE_LOAD) {
            err = policy_ask(&f->env);
        } else {
            policy_take(&f->env, &reply);
            if (reply.answer == STORE_DONE) {
                break;
            }
        }
    }
    if (n && !err) {
        log_line(f->env.log, LOG_INFO, "%u conference URIs of an earlier run are still good", n);
    }
    return err ? err : ms < LOAD_WAIT_MS ? 0 : -ETIMEDOUT;
}

static bool is_ours(const void *ctx, const char *host)
{
    return env_has_host(ctx, host);
}

/* The nonces' key comes from the store's secret, so that a restart makes nobody's credentials stale. */
static int auth_start(struct focus *f)
{
    static const char label[] = "digest nonces";
    struct auth_cfg cfg = {.algorithms = f->env.cfg.digests, .is_ours = is_ours, .ctx = &f->env};

    if (f->env.cfg.realm[0] == '\0') {
        return 0;
    }
    snprintf(cfg.realm, sizeof cfg.realm, "%s", f->env.cfg.realm);
    int err = keys_mac(cfg.key, f->env.secret, label, sizeof label);
    if (!err) {
        err = auth_build(&f->auth, &cfg);
    }
    keys_wipe(&cfg, sizeof cfg);
    return err;
}

static void sub_refuse(void *ctx, struct txn *txn, enum refusal refusal, const char *name, const char *value)
{
    env_refuse_with(ctx, txn, refusal, name, value);
}

static void sub_adorn(void *ctx, const struct dialog *dialog, const char *contact, struct sip_out *out)
{
    ims_add(ctx, dialog, contact, NULL, out);
}

/* An announcement, or a PIN, or a PIN before an announcement. */
static int newcomer_script(struct call *call, const struct store_policy *policy)
{
    if (call->room->annc.clip) {
        script_begin(call, &annc_script, NULL);
    }
    return pin_begin(call, policy);
}

static const struct env_upper upper = {
    .is_barred = pin_is_barred, .script = newcomer_script, .request = focus_in_dialog, .label = focus_label};

static void env_init(struct focus *f)
{
    struct env *env = &f->env;
    env->upper = &upper;
    env->pin_failures = &f->pin_failures;
    env->subs = (struct sub_env){.wheel = env->wheel,
                                 .dialogs = &env->dialogs,
                                 .secret = env->secret,
                                 .server = env->cfg.server,
                                 .subs = &env->stats.subs,
                                 .notifies = &env->stats.notifies,
                                 .strict = env->cfg.strict,
                                 .ctx = env,
                                 .refuse = sub_refuse,
                                 .adorn = sub_adorn};
}

struct env *focus_env(struct focus *f)
{
    return &f->env;
}

int focus_build(struct focus **out, const struct env_cfg *cfg, const struct env_world *world, struct timer_wheel *wheel,
                struct place *place, struct store *store, const struct log *log)
{
    struct focus *f = calloc(1, sizeof *f);
    int err = -EINVAL;

    if (!f) {
        return -ENOMEM;
    }
    f->env.cfg = *cfg;
    f->env.world = *world;
    f->env.wheel = wheel;
    f->env.place = place;
    f->env.store = store;
    f->env.log = log;
    env_init(f);
    if (cfg->conferences_max == 0 || cfg->conferences_max > URI_SLOTS_MAX || cfg->policy.n_codecs == 0) {
        goto out;
    }
    f->env.media_host = *place_host(place, cfg->policy.family);
    if (cfg->advertised[0] && (err = addr_parse(&f->env.media_host, cfg->advertised, 0)) != 0) {
        goto out;
    }
    if (cfg->policy.family_other) {
        f->env.media_host_other = *place_host(place, cfg->policy.family_other);
    }
    if (cfg->advertised_other[0] && (err = addr_parse(&f->env.media_host_other, cfg->advertised_other, 0)) != 0) {
        goto out;
    }
    f->env.began_s = world->wall_s(world->ctx);
    f->env.began_ms = wheel->now_ms;
    f->env.slots = calloc(cfg->conferences_max, sizeof *f->env.slots);
    f->env.free_slots = calloc(cfg->conferences_max, sizeof *f->env.free_slots);
    err = -ENOMEM;
    if (!f->env.slots || !f->env.free_slots) {
        goto out;
    }
    err = load(f);
    if (err) {
        goto out;
    }
    room_slots_fill(&f->env);
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
    f->env.stopping = true;
    for (struct room *room = f->env.rooms, *next; room; room = next) {
        next = room->next;
        room_end(room, ENDING_STOP);
    }
}

bool focus_is_idle(const struct focus *f)
{
    for (const struct room *room = f->env.rooms; room; room = room->next) {
        if (room->conf || room->annexes || room->annex_sources || room->lobbies || room->save_due) {
            return false;
        }
    }
    return f->env.calls == NULL && f->gates == NULL;
}

void focus_free(struct focus *f)
{
    if (!f) {
        return;
    }
    focus_reap(f);
    while (f->env.calls) {
        call_abandon(f->env.calls);
    }
    while (f->env.rooms) { /* their URIs live on in the store */
        room_free(f->env.rooms);
    }
    gate_close(f);
    while (f->env.ending) {
        sub_forget(f->env.ending);
    }
    auth_free(f->auth);
    policy_free(&f->env);
    keys_wipe(f->env.secret, sizeof f->env.secret);
    free(f->env.slots);
    free(f->env.free_slots);
    free(f);
}
