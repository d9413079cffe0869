/* Users and groups over HTTP. See users.h. */
#include "sig/http/users.h"

#include "sig/pres/auth_policy.h"
#include "sig/sip/uri_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 200, NO_CONTENT = 204, BAD = 400, NOT_FOUND = 404, METHOD = 405, TOO_LARGE = 413, TYPE = 415, BUSY = 503 };

/* A request on its way. What it writes goes to out, which nobody else holds meanwhile. */
struct asking {
    const struct users_door *door;
    const struct api_request *request;
    FILE *out;
    struct api_problem *problem;
    unsigned status;
    enum store_doc_kind kind;
    char name[AUTH_USER_MAX]; /* of a user, or a group; "": the list of all */
    uint32_t at;              /* of the list: the next bucket */
    bool is_begun, is_listed;
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
        return refuse(a, BAD, "body", "the body is not what belongs here", why ? why : "send the JSON of the manual");
    case -E2BIG:
        return refuse(a, TOO_LARGE, "size", "too many entries", "256 rules, 500 members, 64 in an XML list");
    case -ENOENT:
        return refuse(a, NOT_FOUND, "none", "there is none", "PUT makes one");
    default:
        return refuse(a, BUSY, "busy", "it cannot be kept now", "try again in a second; look at the log");
    }
}

/* ---- on signalling's thread ---- */

static void user_put(void *ctx, const struct presentity *p)
{
    struct asking *a = ctx;
    const char *identifications[PRESENTITY_SESSIONS_MAX];
    char own[ENV_USER_URI_MAX], node[16];
    const struct env *env = p->all->env;
    unsigned n = 0;
    if (p->n_phones == 0 && !p->publications && !p->sessions && !p->rules && !p->buddies) {
        return; /* a name that somebody watches, and no more */
    }
    for (const struct presentity_session *s = p->sessions; s && n < PRESENTITY_SESSIONS_MAX; s = s->next) {
        identifications[n++] = s->identification;
    }
    if (n == 0) {
        identifications[n++] = env_user_uri(env, p->user, own);
    }
    snprintf(node, sizeof node, "node%u", env->cfg.node);
    char *line = profile_user_write(p->user, identifications, n, presence_status_name(presentity_status(p)), node);
    if (line) {
        fprintf(a->out, "%s%s", a->is_listed ? "," : "", line);
        a->is_listed = true;
    }
    free(line);
}

static bool users_list(struct asking *a, const struct presence *presence)
{
    if (!a->is_begun) {
        a->is_begun = true;
        fprintf(a->out, "{\"users\":[");
    }
    bool is_over = !presence_users(presence, &a->at, USERS_TURN_BUCKETS, user_put, a);
    if (is_over) {
        fprintf(a->out, "]}\n");
    }
    return is_over;
}

/* Names of groups need no escape: see name_is_fine. */
static void group_put(void *ctx, const char *name, unsigned n_members)
{
    struct asking *a = ctx;
    fprintf(a->out, "%s{\"name\":\"%s\",\"members\":%u}", a->is_listed ? "," : "", name, n_members);
    a->is_listed = true;
}

static void document_get(struct asking *a, const struct presence *presence)
{
    char *text = presence_document_get(presence, a->kind, a->name);
    if (text) {
        fprintf(a->out, "%s\n", text);
    } else {
        refuse_err(a, -ENOENT, NULL);
    }
    free(text);
}

static void document_put(struct asking *a, struct presence *presence)
{
    static struct uri_list list; /* one thread */
    const struct api_request *q = a->request;
    const char *why = NULL;
    int err;
    if (strcmp(q->type, "application/json") == 0) {
        err = presence_document_put(presence, a->kind, a->name, q->body, q->n_body, &why);
    } else if (strcmp(q->type, "application/resource-lists+xml") == 0 && a->kind != STORE_DOC_RULES) {
        why = "the body is no list of RFC 4826";
        err = uri_list_read(&list, q->body, q->n_body);
        err = err == -EBADMSG ? -EINVAL : err;
        err = err ? err : presence_members_put(presence, a->kind, a->name, list.uris, list.n, &why);
    } else if (strcmp(q->type, AUTH_POLICY_TYPE) == 0 && a->kind == STORE_DOC_RULES) {
        err = presence_policy_put(presence, a->name, q->body, q->n_body, &why);
    } else {
        refuse(a, TYPE, "type", "the body is of another type", "send application/json, with that Content-Type");
        return;
    }
    if (err) {
        refuse_err(a, err, why);
    } else {
        a->status = NO_CONTENT;
    }
}

static bool turn(void *arg)
{
    struct asking *a = arg;
    struct presence *presence = a->door->presence(a->door->ctx);
    const char *method = a->request->method;
    a->status = OK;
    if (!presence) {
        refuse(a, NOT_FOUND, "presence", "this server has no users", "start it with --registrar=on");
    } else if (a->name[0] == '\0' && a->kind == STORE_DOC_GROUP) {
        fprintf(a->out, "{\"groups\":[");
        presence_groups(presence, group_put, a);
        fprintf(a->out, "]}\n");
    } else if (a->name[0] == '\0') {
        return users_list(a, presence);
    } else if (strcmp(method, "PUT") == 0) {
        document_put(a, presence);
    } else if (strcmp(method, "DELETE") == 0) {
        int err = presence_document_drop(presence, a->kind, a->name);
        a->status = NO_CONTENT;
        if (err) {
            refuse_err(a, err, NULL);
        }
    } else {
        document_get(a, presence);
    }
    return true;
}

/* ---- on the thread of HTTP ---- */

static bool is_look(const struct api_request *request)
{
    return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

static unsigned ask(struct asking *a)
{
    if (a->name[0] == '\0' && !is_look(a->request)) {
        return refuse(a, METHOD, "method", "the list of all can only be read", "name a user or a group behind it");
    }
    if (a->door->run(a->door->ctx, turn, a) != 0) {
        return refuse(a, BUSY, "busy", "signalling does not answer", "look at /livez");
    }
    return a->status;
}

/* The user part of a SIP URI, without anything that would have to be escaped. */
static bool name_is_fine(const char *name, size_t n)
{
    return n > 0 && n < AUTH_USER_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~") == n;
}

unsigned users_serve(FILE *out, const struct users_door *door, const struct api_request *request,
                     struct api_problem *problem)
{
    struct asking a = {.door = door, .request = request, .out = out, .problem = problem, .kind = STORE_DOC_RULES};
    const char *rest = request->rest, *slash = strrchr(rest, '/');
    if (*rest == '\0') {
        return ask(&a);
    }
    bool is_rules = slash && strcmp(slash, "/rules") == 0, is_buddies = slash && strcmp(slash, "/buddies") == 0;
    size_t n = slash ? (size_t)(slash - rest) : 0;
    if ((!is_rules && !is_buddies) || n == 0 || n >= sizeof a.name || memchr(rest, '/', n)) {
        return refuse(&a, NOT_FOUND, "path", "no such page",
                      "there is /v1/users/USER/rules and /v1/users/USER/buddies");
    }
    memcpy(a.name, rest, n);
    a.kind = is_rules ? STORE_DOC_RULES : STORE_DOC_BUDDIES;
    return ask(&a);
}

unsigned groups_serve(FILE *out, const struct users_door *door, const struct api_request *request,
                      struct api_problem *problem)
{
    struct asking a = {.door = door, .request = request, .out = out, .problem = problem, .kind = STORE_DOC_GROUP};
    size_t n = strlen(request->rest);
    if (n > 0 && !name_is_fine(request->rest, n)) {
        return refuse(&a, BAD, "name", "no name for a group", "write letters, digits and -_.~, up to 127");
    }
    memcpy(a.name, request->rest, n);
    return ask(&a);
}
