/* Sessions that the server sets up. See setup.h. */
#include "sig/instant/setup.h"

#include "sig/call/dial.h"
#include "sig/instant/channel.h"
#include "sig/room/room.h"

#include <stdio.h>
#include <string.h>

/* Is it being called already? */
static bool is_under_way(const struct room *room, const struct provision *p)
{
    for (struct member *m = room->roster; m; m = m->next) {
        const struct call *call = call_of_member(m);
        if (call && call->dial && strcmp(call->ptt.identification, p->identification) == 0 &&
            strcmp(m->who.user, p->account) == 0) {
            return true;
        }
    }
    return false;
}

/* A terminal that cannot be reached now is called when it registers. */
static void terminal_call(struct sessions *sessions, const struct provision *p)
{
    struct env *env = sessions_env(sessions);
    struct call_ptt ptt;
    struct dial_plan plan = {.host = env->cfg.domain, .ptt = &ptt, .account = p->account};
    struct room *room;
    struct call *call;
    if (!env->locate.find || env->locate.find(env->locate.ctx, p->account, &plan.way) != 0 ||
        session_channel(sessions, p, &room) != 0 || is_under_way(room, p)) {
        return;
    }
    session_ptt(&ptt, env, p->identification, &p->profile);
    plan.entity = ptt.identity;
    plan.display = p->identification;
    int err = dial_begin(room, &plan, &call);
    if (err) {
        env_refuse(env, NULL, refusal_of(err)); /* counted */
    }
}

enum refusal setup_begin(struct sessions *sessions, const char *account, const char *service,
                         const char *identification, bool calls)
{
    struct provision *p = provisions_of(sessions_provisions(sessions), account, service, identification);
    if (!p) {
        return REFUSAL_SERVICE;
    }
    p->is_subscribed = true;
    p->is_called = calls;
    if (calls && !session_find(sessions, p->account, p->identification)) {
        terminal_call(sessions, p);
    }
    return REFUSALS;
}

void setup_end(struct sessions *sessions, const char *account, const char *service, const char *identification)
{
    struct provision *p = provisions_of(sessions_provisions(sessions), account, service, identification);
    struct session *session = p ? session_find(sessions, p->account, p->identification) : NULL;
    if (p) {
        p->is_subscribed = false;
    }
    if (session && session->call->dial) {
        call_end(session->call, ENDING_REMOVED); /* one that the terminal has begun is the terminal's */
    }
}

static void again(void *ctx, struct provision *p)
{
    struct sessions *sessions = ctx;
    if (p->is_subscribed && p->is_called && !session_find(sessions, p->account, p->identification)) {
        terminal_call(sessions, p);
    }
}

void setup_registered(struct sessions *sessions, const char *account)
{
    provisions_each(sessions_provisions(sessions), account, sessions, again);
}
