/* Pushes by signalling. See activation.h. */
#include "sig/instant/activation.h"

#include "sig/instant/channel.h"
#include "sig/room/room.h"

#include <string.h>

/* The user part of a target. */
static void user_of(char user[AUTH_USER_MAX], const char *target)
{
    const char *colon = strchr(target, ':'), *text = colon ? colon + 1 : target;
    size_t n = MIN(strcspn(text, "@;"), (size_t)(AUTH_USER_MAX - 1));
    memcpy(user, text, n);
    user[n] = '\0';
}

/* Does its service reach that? It reaches the one target of its profile. */
static bool reaches(const struct session *session, const char *target)
{
    char asked[AUTH_USER_MAX], own[AUTH_USER_MAX];
    if (!target) {
        return true;
    }
    user_of(asked, target);
    user_of(own, session->target);
    return strcmp(asked, own) == 0;
}

const char *activation_why(const struct session *session, const char *user)
{
    const struct sessions_user *up = sessions_user(session->all);
    const struct session *other = session_of_user(session->all, user);
    if (up->is_dnd && up->is_dnd(up->ctx, user)) {
        return "dnd";
    }
    return !other ? "offline" : other->status == SESSION_UNREACHABLE ? "unreachable" : NULL;
}

static bool is_own(const struct session *session, const char *user)
{
    return strcmp(user, session->account) == 0;
}

void activation_unavailable(const struct session *session, void *ctx,
                            void (*each)(void *ctx, const char *user, const char *why))
{
    const struct sessions_user *up = sessions_user(session->all);
    char user[AUTH_USER_MAX];
    const struct members *members = up->members ? up->members(up->ctx, session->target) : NULL;
    for (unsigned i = 0; members && i < members->n; i++) {
        user_of(user, members->uris[i]);
        const char *why = is_own(session, user) ? NULL : activation_why(session, user);
        if (why) {
            each(ctx, user, why);
        }
    }
    if (!members) {
        user_of(user, session->target);
        const char *why = activation_why(session, user);
        if (why) {
            each(ctx, user, why);
        }
    }
}

/* Somebody of the channel, another user than its own. */
static bool is_anybody_there(const struct session *session)
{
    for (struct member *m = session->call->room->roster; m; m = m->next) {
        if (!is_own(session, m->who.user) && !activation_why(session, m->who.user)) {
            return true;
        }
    }
    return false;
}

/* A single other party that does not want to be disturbed. */
static bool is_declined(const struct session *session)
{
    const struct sessions_user *up = sessions_user(session->all);
    char user[AUTH_USER_MAX];
    user_of(user, session->target);
    return !(up->members && up->members(up->ctx, session->target)) && up->is_dnd && up->is_dnd(up->ctx, user);
}

enum activation_verdict activation_begin(struct session *session, const struct activation_request *request)
{
    struct floor_wish wish = {.what = FLOOR_ASK_REQUEST, .priority = request->priority, .tier = request->tier};
    if (!reaches(session, request->target)) {
        return ACTIVATION_TARGET;
    }
    if (!session->call->ptt.rights.may_request) {
        return ACTIVATION_RIGHT;
    }
    if (!is_anybody_there(session)) {
        return is_declined(session) ? ACTIVATION_DND : ACTIVATION_NOBODY;
    }
    if (call_ptt_ask(session->call, &wish) != 0) {
        return ACTIVATION_BUSY;
    }
    session_activation_begin(session);
    return ACTIVATION_ASKED;
}

void activation_end(struct session *session)
{
    struct floor_wish wish = {.what = FLOOR_ASK_RELEASE};
    call_ptt_ask(session->call, &wish); /* a full ring, or a call that ends: T1 or its end gives the floor back */
    session->activation = (struct activation){0};
}

struct session *activation_find(const struct sessions *sessions, uint64_t id)
{
    struct session *session = sessions_first(sessions);
    while (session && session->activation.id != id) {
        session = session->next;
    }
    return id ? session : NULL;
}

enum refusal activation_on_refer(void *ctx, struct call *call, const struct sip_uri *to, bool is_release)
{
    static const enum refusal refusals[] = {
        [ACTIVATION_ASKED] = REFUSALS,          [ACTIVATION_NOBODY] = REFUSAL_PTT_NOBODY,
        [ACTIVATION_DND] = REFUSAL_PTT_DND,     [ACTIVATION_TARGET] = REFUSAL_PTT_TARGET,
        [ACTIVATION_RIGHT] = REFUSAL_PTT_RIGHT, [ACTIVATION_BUSY] = REFUSAL_WORKER};
    struct session *session = call->ptt.session;
    if (!session) {
        return REFUSAL_DIALOG;
    }
    if (is_release) {
        activation_end(session);
        return REFUSALS;
    }
    struct activation_request request = {.target = to->user, .priority = FLOOR_PRIORITY_OWN};
    return to->user ? refusals[activation_begin(session, &request)] : REFUSAL_PTT_TARGET;
}
