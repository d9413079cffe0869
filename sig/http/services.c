/* The instant service over HTTP. See services.h. */
#include "sig/http/services.h"

#include "sig/instant/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MARK "/services/"

enum {
    OK = 200,
    CREATED = 201,
    ACCEPTED = 202,
    NO_CONTENT = 204,
    BAD = 400,
    NOT_FOUND = 404,
    METHOD = 405,
    CONFLICT = 409,
    TYPE = 415,
    BUSY = 503
};

enum { TURN_SESSIONS = 512 }; /* that one turn looks through */

/* A request on its way. What it writes goes to out, which nobody else holds meanwhile. */
struct asking {
    const struct services_door *door;
    const struct api_request *request;
    FILE *out;
    struct api_problem *problem;
    unsigned status;
    bool is_begun, is_listed;
    uint64_t after;                  /* of a list: the last session that was written */
    char user[AUTH_USER_MAX];        /* of a service */
    const char *name;                /* "SERVICE/IDENTIFICATION", of it */
    struct activation_wish wish;     /* of an activation */
    struct activation_request asked; /* the same, as the session takes it */
    uint64_t id;                     /* of an activation */
};

static unsigned refuse(struct asking *a, unsigned status, const char *word, const char *title, const char *hint)
{
    *a->problem = (struct api_problem){word, title, hint};
    return a->status = status;
}

static unsigned refuse_err(struct asking *a, int err, const char *why)
{
    switch (err) {
    case -EINVAL:
        return refuse(a, BAD, "body", "the body is not what belongs here", why);
    case -ENOENT:
        return refuse(a, NOT_FOUND, "none", "there is none", why);
    default:
        return refuse(a, BUSY, "busy", "it cannot be kept now", "try again in a second; look at the log");
    }
}

static unsigned ask(struct asking *a, bool (*turn)(void *arg))
{
    if (a->door->run(a->door->ctx, turn, a) != 0) {
        return refuse(a, BUSY, "busy", "signalling does not answer", "look at /livez");
    }
    return a->status;
}

/* @return NULL: there is none, and it is refused */
static struct instant *instant_of(struct asking *a)
{
    struct instant *instant = a->door->instant(a->door->ctx);
    if (!instant) {
        refuse(a, NOT_FOUND, "instant", "this server has no instant service", "start it with --registrar=on");
    }
    return instant;
}

/* ---- a user's service ---- */

bool services_are(const char *rest)
{
    return strstr(rest, MARK) != NULL;
}

static bool user_turn(void *arg)
{
    struct asking *a = arg;
    const struct api_request *q = a->request;
    struct instant *instant = instant_of(a);
    const char *why = NULL;
    if (instant) {
        bool is_put = strcmp(q->method, "PUT") == 0;
        int err = instant_service_put(instant, a->user, a->name, is_put ? q->body : NULL, q->n_body, &why);
        a->status = NO_CONTENT;
        if (err) {
            refuse_err(a, err, why);
        }
    }
    return true;
}

unsigned services_user_serve(FILE *out, const struct services_door *door, const struct api_request *request,
                             struct api_problem *problem)
{
    struct asking a = {.door = door, .request = request, .out = out, .problem = problem};
    const char *mark = strstr(request->rest, MARK);
    size_t n = (size_t)(mark - request->rest);
    bool is_put = strcmp(request->method, "PUT") == 0;
    if (n == 0 || n >= sizeof a.user) {
        return refuse(&a, NOT_FOUND, "path", "no such page", "there is /v1/users/USER/services/SERVICE/IDENTIFICATION");
    }
    if (!is_put && strcmp(request->method, "DELETE") != 0) {
        return refuse(&a, METHOD, "method", "a service is set or taken away", "look at /v1/sessions for those in use");
    }
    if (is_put && strcmp(request->type, "application/json") != 0) {
        return refuse(&a, TYPE, "type", "the body is of another type", "send application/json, with that Content-Type");
    }
    memcpy(a.user, request->rest, n);
    a.name = mark + sizeof MARK - 1;
    return ask(&a, user_turn);
}

/* ---- lists ---- */

static bool services_turn(void *arg)
{
    struct asking *a = arg;
    a->status = OK;
    if (instant_of(a)) {
        fprintf(a->out,
                "{\"services\":[{\"id\":\"" PROVISION_SERVICE "\",\"uri\":\"sip:" PROVISION_SERVICE "@%s\","
                "\"kind\":\"instant-voice\",\"mode\":\"half\"}]}\n",
                a->door->env(a->door->ctx)->cfg.domain);
    }
    return true;
}

unsigned services_serve(FILE *out, const struct services_door *door, const struct api_request *request,
                        struct api_problem *problem)
{
    return ask(&(struct asking){.door = door, .request = request, .out = out, .problem = problem}, services_turn);
}

/* Names need no escape: see provision_name_split, service_profile_read. */
static void session_put(struct asking *a, const struct session *s)
{
    const char *channel = channel_name_of(s->call->room);
    fprintf(a->out,
            "%s{\"id\":\"%llu\",\"user\":\"%s\",\"identification\":\"%s\",\"service\":\"" PROVISION_SERVICE
            "\",\"status\":\"%s\",\"channel\":\"%s\"}",
            a->is_listed ? "," : "", (unsigned long long)s->id, s->account, s->identification,
            session_status_name(s->status), channel ? channel : "");
    a->is_listed = true;
}

/* The newest are first in the list, and ids grow: a turn goes on behind the last one that was written. */
static bool sessions_turn(void *arg)
{
    struct asking *a = arg;
    struct instant *instant = instant_of(a);
    unsigned n = 0;
    if (!instant) {
        return true;
    }
    if (!a->is_begun) {
        a->is_begun = true;
        a->status = OK;
        a->after = UINT64_MAX;
        fprintf(a->out, "{\"sessions\":[");
    }
    struct session *s = sessions_first(instant_sessions(instant));
    for (; s && n < TURN_SESSIONS; s = s->next) {
        if (s->id < a->after) {
            session_put(a, s);
            a->after = s->id;
            n++;
        }
    }
    if (!s) {
        fprintf(a->out, "]}\n");
    }
    return !s;
}

unsigned services_sessions_serve(FILE *out, const struct services_door *door, const struct api_request *request,
                                 struct api_problem *problem)
{
    return ask(&(struct asking){.door = door, .request = request, .out = out, .problem = problem}, sessions_turn);
}

static void channel_put(struct asking *a, const struct room *room)
{
    const char *holder = NULL;
    for (const struct member *m = room->roster; m; m = m->next) {
        const struct call *call = call_of_member((struct member *)m);
        const struct session *s = call ? call->ptt.session : NULL;
        holder = s && s->status == SESSION_TALKS ? s->identification : holder;
    }
    fprintf(a->out, "%s{\"name\":\"%s\",\"members\":%u,\"floor\":\"%s\",\"holder\":", a->is_listed ? "," : "",
            channel_name_of(room), room->n_roster, holder ? "taken" : "idle");
    fprintf(a->out, holder ? "\"%s\"}" : "null}", holder);
    a->is_listed = true;
}

static bool channels_turn(void *arg)
{
    struct asking *a = arg;
    const struct env *env = a->door->env(a->door->ctx);
    if (!instant_of(a)) {
        return true;
    }
    a->status = OK;
    fprintf(a->out, "{\"channels\":[");
    for (const struct room *room = env->rooms; room; room = room->next) {
        if (room->state == ROOM_OPEN && channel_name_of(room)) {
            channel_put(a, room);
        }
    }
    fprintf(a->out, "]}\n");
    return true;
}

unsigned services_channels_serve(FILE *out, const struct services_door *door, const struct api_request *request,
                                 struct api_problem *problem)
{
    return ask(&(struct asking){.door = door, .request = request, .out = out, .problem = problem}, channels_turn);
}

/* ---- activations ---- */

static void unavailable_put(void *ctx, const char *user, const char *why)
{
    struct asking *a = ctx;
    fprintf(a->out, "%s{\"user\":\"%s\",\"why\":\"%s\"}", a->is_listed ? "," : "\"unavailable\":[", user, why);
    a->is_listed = true;
}

static void refuse_verdict(struct asking *a, const struct session *session, enum activation_verdict verdict)
{
    switch (verdict) {
    case ACTIVATION_NOBODY:
    case ACTIVATION_DND:
        activation_unavailable(session, a, unavailable_put);
        fputs(a->is_listed ? "]" : "\"unavailable\":[]", a->out);
        refuse(a, CONFLICT, "unavailable", "nobody of the channel can be reached", "see unavailable for each and why");
        break;
    case ACTIVATION_TARGET:
        refuse(a, CONFLICT, "target", "the service of that session does not reach that target",
               "set the target by PUT /v1/users/USER/services/ptt/IDENTIFICATION");
        break;
    case ACTIVATION_RIGHT:
        refuse(a, CONFLICT, "right", "that session may only listen", "set request in its service");
        break;
    default:
        refuse_err(a, -EAGAIN, NULL);
        break;
    }
}

static struct session *session_named(const struct sessions *all, const char *from)
{
    struct session *session = session_find(all, from, from);
    return session ? session : session_of_user(all, from);
}

/* Begun in the first turn; then until the floor has said what comes of it. */
static bool activate_turn(void *arg)
{
    struct asking *a = arg;
    struct instant *instant = instant_of(a);
    if (!instant) {
        return true;
    }
    const struct sessions *all = instant_sessions(instant);
    struct session *s = a->id ? activation_find(all, a->id) : session_named(all, a->wish.from);
    if (!a->id && !s) {
        refuse(a, NOT_FOUND, "session", "that user has no session", "look at /v1/sessions");
        return true;
    }
    if (!a->id) {
        enum activation_verdict verdict = activation_begin(s, &a->asked);
        if (verdict != ACTIVATION_ASKED) {
            refuse_verdict(a, s, verdict);
            return true;
        }
        a->id = s->activation.id;
        return false;
    }
    if (!s) {
        refuse(a, CONFLICT, "over", "the session or its push is over", "look at /v1/sessions");
        return true;
    }
    switch (s->activation.state) {
    case ACTIVATION_WAITS:
        return false;
    case ACTIVATION_GRANTED:
        a->status = CREATED;
        fprintf(a->out, "{\"id\":\"%llu\",\"state\":\"granted\"}\n", (unsigned long long)a->id);
        return true;
    case ACTIVATION_QUEUED:
        a->status = ACCEPTED;
        fprintf(a->out, "{\"id\":\"%llu\",\"state\":\"queued\",\"position\":%u}\n", (unsigned long long)a->id,
                s->activation.value);
        return true;
    case ACTIVATION_DENIED:
        fprintf(a->out, "\"cause\":%u", s->activation.value);
        refuse(a, CONFLICT, "denied", "the floor is denied", "see cause (TS 24.380 8.2.3.4)");
        s->activation = (struct activation){0};
        return true;
    }
    return true;
}

static bool release_turn(void *arg)
{
    struct asking *a = arg;
    struct instant *instant = instant_of(a);
    struct session *s = instant ? activation_find(instant_sessions(instant), a->id) : NULL;
    if (s) {
        activation_end(s);
        a->status = NO_CONTENT;
    } else if (instant) {
        refuse_err(a, -ENOENT, "it is over, or never was");
    }
    return true;
}

static bool activations_turn(void *arg)
{
    static const char *const states[] = {"waiting", "granted", "queued", "denied"};
    struct asking *a = arg;
    struct instant *instant = instant_of(a);
    if (!instant) {
        return true;
    }
    a->status = OK;
    fprintf(a->out, "{\"activations\":[");
    for (const struct session *s = sessions_first(instant_sessions(instant)); s; s = s->next) {
        if (s->activation.id) {
            fprintf(a->out, "%s{\"id\":\"%llu\",\"from\":\"%s\",\"state\":\"%s\"}", a->is_listed ? "," : "",
                    (unsigned long long)s->activation.id, s->identification, states[s->activation.state]);
            a->is_listed = true;
        }
    }
    fprintf(a->out, "]}\n");
    return true;
}

static unsigned activate(struct asking *a)
{
    const struct api_request *q = a->request;
    const char *why;
    if (strcmp(q->type, "application/json") != 0) {
        return refuse(a, TYPE, "type", "the body is of another type", "send application/json, with that Content-Type");
    }
    if (activation_wish_read(&a->wish, q->body, q->n_body, &why) != 0) {
        return refuse_err(a, -EINVAL, why);
    }
    a->asked = (struct activation_request){
        .target = a->wish.to[0] ? a->wish.to : NULL,
        .priority = a->wish.has_priority ? a->wish.priority : FLOOR_PRIORITY_OWN,
        .tier = a->wish.is_emergency ? FLOOR_TIER_EMERGENCY : FLOOR_TIER_NORMAL,
    };
    return ask(a, activate_turn);
}

unsigned services_activations_serve(FILE *out, const struct services_door *door, const struct api_request *request,
                                    struct api_problem *problem)
{
    struct asking a = {.door = door, .request = request, .out = out, .problem = problem};
    bool is_one = request->rest[0] != '\0';
    char *end;
    if (!is_one && strcmp(request->method, "POST") == 0) {
        return activate(&a);
    }
    if (is_one && strcmp(request->method, "DELETE") == 0) {
        a.id = strtoull(request->rest, &end, 10);
        return *end ? refuse_err(&a, -ENOENT, "an id is a number") : ask(&a, release_turn);
    }
    if (!is_one && (strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0)) {
        return ask(&a, activations_turn);
    }
    return refuse(&a, METHOD, "method", "not here", "POST /v1/activations, DELETE /v1/activations/ID");
}
