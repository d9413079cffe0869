/* Sessions of push-to-talk. See session.h. */
#include "sig/instant/session.h"

#include "sig/base/hash.h"
#include "sig/instant/channel.h"
#include "sig/room/room.h"
#include "sig/room/roster.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 16384 /* power of two */

struct sessions {
    struct env *env;
    struct provisions *provisions;
    struct sessions_user user;
    uint32_t seed;
    uint64_t last_id, last_activation;
    struct floor_policy policy;
    struct session *first;
    struct session *buckets[BUCKETS];
    struct session_stats stats;
};

/* --- All of them -------------------------------------------------------------------------------------------------- */

int sessions_build(struct sessions **out, struct env *env, struct provisions *provisions,
                   const struct floor_policy *policy, const struct sessions_user *user)
{
    struct sessions *all = calloc(1, sizeof *all);
    if (!all) {
        return -ENOMEM;
    }
    all->env = env;
    all->provisions = provisions;
    all->user = *user;
    all->seed = hash_seed(env->secret);
    all->policy = *policy;
    env->ptt = (struct env_ptt){
        .ctx = all, .floor = session_on_floor, .alive = session_on_alive, .changed = session_on_changed};
    *out = all;
    return 0;
}

struct env *sessions_env(const struct sessions *all)
{
    return all->env;
}

struct provisions *sessions_provisions(const struct sessions *all)
{
    return all->provisions;
}

const struct sessions_user *sessions_user(const struct sessions *all)
{
    return &all->user;
}

static void tell(const struct session *session, bool is_over)
{
    const struct sessions_user *user = &session->all->user;
    if (user->session) {
        user->session(user->ctx, session, is_over);
    }
}

static struct session **bucket_of(const struct sessions *all, const char *account)
{
    return (struct session **)&all->buckets[hash_text(all->seed, account) & (BUCKETS - 1)];
}

static void enter(struct session *session)
{
    struct sessions *all = session->all;
    struct session **bucket = bucket_of(all, session->account);
    session->next = all->first;
    session->link = &all->first;
    if (session->next) {
        session->next->link = &session->next;
    }
    all->first = session;
    session->hash_next = *bucket;
    session->hash_link = bucket;
    if (session->hash_next) {
        session->hash_next->hash_link = &session->hash_next;
    }
    *bucket = session;
    all->env->ptt.n_sessions++;
    count_add(&all->stats.sessions, 1);
}

/* The one end of every session. */
static void session_free(struct session *session)
{
    struct sessions *all = session->all;
    timer_stop(all->env->wheel, &session->gone);
    session->call->ptt.session = NULL;
    *session->link = session->next;
    if (session->next) {
        session->next->link = session->link;
    }
    *session->hash_link = session->hash_next;
    if (session->hash_next) {
        session->hash_next->hash_link = session->hash_link;
    }
    all->env->ptt.n_sessions--;
    count_add(&all->stats.sessions, (uint64_t)-1);
    free(session);
}

void sessions_free(struct sessions *all)
{
    if (!all) {
        return;
    }
    while (all->first) {
        session_free(all->first);
    }
    all->env->ptt = (struct env_ptt){0};
    free(all);
}

struct session *session_find(const struct sessions *all, const char *account, const char *identification)
{
    struct session *session = *bucket_of(all, account);
    while (session &&
           (strcmp(session->account, account) != 0 || strcmp(session->identification, identification) != 0)) {
        session = session->hash_next;
    }
    return session;
}

struct session *session_of_user(const struct sessions *all, const char *account)
{
    struct session *session = *bucket_of(all, account);
    while (session && strcmp(session->account, account) != 0) {
        session = session->hash_next;
    }
    return session;
}

struct session *sessions_first(const struct sessions *all)
{
    return all->first;
}

const struct session_stats *sessions_stats(const struct sessions *all)
{
    return &all->stats;
}

const char *session_status_name(enum session_status status)
{
    static const char *const names[SESSION_STATUSES] = {"provisioned", "talking", "unreachable"};
    return names[status];
}

static bool is_dnd(const struct session *session)
{
    const struct sessions_user *user = &session->all->user;
    return user->is_dnd && user->is_dnd(user->ctx, session->account);
}

/* Others are denied the floor where nobody is available (Deny 3): one that cannot be reached does not count. */
static void available_set(struct session *session, bool is_available)
{
    struct floor_rights rights = session->call->ptt.rights;
    if (rights.is_available != is_available) {
        rights.is_available = is_available;
        call_ptt_rights(session->call, &rights);
    }
}

/* --- Begin and end ------------------------------------------------------------------------------------------------ */

/* Its terminal has been unreachable for long: it will provision its session anew when it is back. */
static void on_gone(struct timer *timer, uint64_t now_ns)
{
    struct session *session = TIMER_OWNER(timer, struct session, gone);
    count_add(&session->all->stats.lost, 1);
    call_end(session->call, ENDING_QUIET);
}

static void session_begin(struct sessions *all, struct call *call)
{
    const char *account = call->member.who.user, *identification = call->ptt.identification;
    const struct provision *p = provisions_find(all->provisions, account, PROVISION_SERVICE, identification);
    struct session *old = session_find(all, account, identification);
    struct session *session = p ? calloc(1, sizeof *session) : NULL;
    if (!session) { /* no memory, or its profile has gone since its INVITE */
        call_end(call, p ? ENDING_FAULT : ENDING_REMOVED);
        return;
    }
    session->all = all;
    session->id = ++all->last_id;
    session->call = call;
    snprintf(session->account, sizeof session->account, "%s", account);
    snprintf(session->identification, sizeof session->identification, "%s", identification);
    strcpy(session->target, p->profile.target);
    timer_init(&session->gone, on_gone);
    call->ptt.session = session;
    enter(session);
    count_add(&all->stats.begun, 1);
    if (old) {
        count_add(&all->stats.replaced, 1);
        call_end(old->call, ENDING_REPLACED);
    }
    available_set(session, !is_dnd(session));
    tell(session, false);
}

void session_on_changed(void *ctx, struct call *call)
{
    struct sessions *all = ctx;
    struct session *session = call->ptt.session;
    if (call->state == CALL_UP && !session) {
        session_begin(all, call);
    } else if (call->state == CALL_OVER && session) {
        tell(session, true);
        session_free(session);
    }
}

void session_available(struct sessions *all, const char *account, bool is_available)
{
    for (struct session *s = *bucket_of(all, account); s; s = s->hash_next) {
        if (strcmp(s->account, account) == 0) {
            available_set(s, is_available && s->status != SESSION_UNREACHABLE);
        }
    }
}

/* --- What the worker says of it ----------------------------------------------------------------------------------- */

static void status_set(struct session *session, enum session_status status)
{
    if (session->status != status) {
        session->status = status;
        tell(session, false);
    }
}

void session_activation_begin(struct session *session)
{
    session->activation = (struct activation){.id = ++session->all->last_activation};
}

/* What has come of a push by signalling; a terminal's own is no affair of it. */
static void activation_set(struct session *session, enum activation_state state, uint32_t value)
{
    if (session->activation.id) {
        session->activation.state = state;
        session->activation.value = value;
    }
}

void session_on_floor(void *ctx, struct call *call, enum floor_event what, uint32_t value)
{
    struct sessions *all = ctx;
    struct session *session = call->ptt.session;
    if (!session) {
        return;
    }
    switch (what) {
    case FLOOR_EV_GRANTED:
        count_add(&all->stats.grants, 1);
        activation_set(session, ACTIVATION_GRANTED, 0);
        status_set(session, SESSION_TALKS);
        break;
    case FLOOR_EV_RELEASED:
        session->activation = (struct activation){0};
        status_set(session, SESSION_READY);
        break;
    case FLOOR_EV_DENIED:
        count_add(&all->stats.denials, 1);
        activation_set(session, ACTIVATION_DENIED, value);
        break;
    case FLOOR_EV_QUEUED:
        activation_set(session, ACTIVATION_QUEUED, value);
        break;
    case FLOOR_EV_REVOKED:
        count_add(&all->stats.revocations, 1);
        break;
    default:
        break;
    }
}

void session_on_alive(void *ctx, struct call *call, bool is_alive)
{
    struct session *session = call->ptt.session;
    if (!session) {
        return;
    }
    if (is_alive) {
        timer_stop(call->env->wheel, &session->gone);
        available_set(session, !is_dnd(session));
        status_set(session, SESSION_READY);
    } else {
        call_log(call, "is unreachable: three keep-alives are not answered", "");
        timer_start(call->env->wheel, &session->gone, SESSION_GONE_MS);
        available_set(session, false);
        status_set(session, SESSION_UNREACHABLE);
    }
}

/* --- INVITE ------------------------------------------------------------------------------------------------------- */

void session_ptt(struct call_ptt *ptt, const struct env *env, const char *identification,
                 const struct service_profile *profile)
{
    *ptt = (struct call_ptt){.is_on = true};
    ptt->ours = (struct floor_line){.is_there = true, .queueing = true, .priority = profile->priority};
    ptt->rights = (struct floor_rights){.priority = profile->priority,
                                        .priority_max = profile->priority,
                                        .may_request = profile->may_request,
                                        .may_preempt = profile->may_preempt,
                                        .may_emergency = profile->may_emergency,
                                        .is_available = true};
    int n = snprintf(ptt->identity, sizeof ptt->identity, "sip:%s@%s", identification, env->cfg.domain);
    if (n < 0 || (size_t)n >= sizeof ptt->identity) {
        ptt->identity[0] = '\0'; /* somebody: a piece of a URI is another's */
    }
    snprintf(ptt->identification, sizeof ptt->identification, "%s", identification);
}

static bool is_group(const struct sessions *all, const char *target)
{
    return !all->user.members || all->user.members(all->user.ctx, target);
}

int session_channel(struct sessions *all, const struct provision *p, struct room **room)
{
    char name[CHANNEL_NAME_MAX];
    channel_name(name, p->identification, p->profile.target, is_group(all, p->profile.target));
    return channel_get(all->env, name, &all->policy, room);
}

/* Without authentication a user is what its From says, here as in a conference. */
static const char *account_of(const struct sip_msg *msg, const struct identity *who)
{
    return who->user[0] ? who->user : msg->from.uri.user ? msg->from.uri.user : "";
}

void session_invite(struct sessions *all, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    struct env *env = all->env;
    struct identity account = *who;
    struct invite invite;
    struct call_ptt ptt;
    struct room *room;
    const char *identification = msg->from.uri.user ? msg->from.uri.user : "";

    snprintf(account.user, sizeof account.user, "%s", account_of(msg, who));
    const struct provision *p = provisions_find(all->provisions, account.user, msg->uri.user, identification);
    if (env->stopping || !p) {
        env_refuse(env, txn, env->stopping ? REFUSAL_STOPPING : REFUSAL_SERVICE);
        return;
    }
    if (invite_read(env, txn, msg, &invite) != 0) {
        return;
    }
    session_ptt(&ptt, env, p->identification, &p->profile);
    if (roster_is_private(msg)) {
        ptt.identity[0] = '\0';
    }
    invite_floor_pick(env, &invite, &ptt.ours);
    invite.ptt = &ptt;
    int err = session_channel(all, p, &room);
    if (err) {
        env_refuse(env, txn, refusal_of(err));
    } else {
        call_begin(env, room, txn, msg, &invite, &account, NULL);
    }
}

void session_profile_set(struct session *session, const struct service_profile *profile)
{
    struct floor_rights rights = session->call->ptt.rights;
    if (!profile) {
        call_end(session->call, ENDING_REMOVED);
        return;
    }
    strcpy(session->target, profile->target); /* its channel stays until its next session */
    rights.priority = rights.priority_max = profile->priority;
    rights.may_request = profile->may_request;
    rights.may_preempt = profile->may_preempt;
    rights.may_emergency = profile->may_emergency;
    call_ptt_rights(session->call, &rights); /* a full ring: its next session has them */
}
