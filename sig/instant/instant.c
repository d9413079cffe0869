/* The instant service. See instant.h. */
#include "sig/instant/instant.h"

#include "sig/room/room.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct instant {
    struct env *env;
    struct provisions *provisions;
    struct sessions *sessions;
};

int instant_build(struct instant **out, struct env *env, const struct floor_policy *policy,
                  const struct sessions_user *user)
{
    struct instant *instant = calloc(1, sizeof *instant);
    if (!instant) {
        return -ENOMEM;
    }
    instant->env = env;
    int err = provisions_build(&instant->provisions, env->secret);
    if (!err) {
        err = sessions_build(&instant->sessions, env, instant->provisions, policy, user);
    }
    if (err) {
        instant_free(instant);
        return err;
    }
    env->ptt.refer = activation_on_refer;
    *out = instant;
    return 0;
}

void instant_free(struct instant *instant)
{
    if (instant) {
        sessions_free(instant->sessions);
        provisions_free(instant->provisions);
        free(instant);
    }
}

static bool is_service(const char *user)
{
    return user && strcmp(user, PROVISION_SERVICE) == 0;
}

bool instant_wants(const struct instant *instant, const struct sip_msg *msg)
{
    return msg->method == SIP_INVITE && is_service(msg->uri.user);
}

void instant_take(struct instant *instant, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    session_invite(instant->sessions, txn, msg, who);
}

void instant_store_reply(struct instant *instant, const struct store_reply *reply)
{
    const struct store_doc *doc = &reply->doc;
    if (reply->answer == STORE_DOC_IS && doc->kind == STORE_DOC_SERVICES &&
        provisions_put(instant->provisions, doc->owner, doc->name, doc->body) != 0) {
        log_line(instant->env->log, LOG_ERROR, "service %s of %s in the store cannot be read", doc->name, doc->owner);
    }
}

static int store_doc(const struct instant *instant, const char *account, const char *name, const char *text, size_t n)
{
    struct store_req req = {.op = text ? STORE_DOC_PUT : STORE_DOC_DROP, .doc = {.kind = STORE_DOC_SERVICES}};
    snprintf(req.doc.owner, sizeof req.doc.owner, "%s", account);
    snprintf(req.doc.name, sizeof req.doc.name, "%s", name);
    req.doc.body = text ? strndup(text, n) : NULL;
    if (text && !req.doc.body) {
        return -ENOMEM;
    }
    int err = instant->env->store ? store_put(instant->env->store, &req) : -EAGAIN;
    if (err) {
        free(req.doc.body);
    }
    return err;
}

int instant_service_put(struct instant *instant, const char *account, const char *name, const char *text, size_t n,
                        const char **why)
{
    char service[PROVISION_SERVICE_MAX], identification[AUTH_USER_MAX], key[PROVISION_SERVICE_MAX + AUTH_USER_MAX];
    struct service_profile profile;

    *why = "its name is SERVICE/IDENTIFICATION";
    if (strlen(account) >= AUTH_USER_MAX || !provision_name_split(name, service, identification)) {
        return -EINVAL;
    }
    if (!is_service(service)) {
        *why = "there is no such service";
        return -ENOENT;
    }
    snprintf(key, sizeof key, "%s/%s", service, identification);
    if (!text && !provisions_find(instant->provisions, account, service, identification)) {
        *why = "the user has not that service";
        return -ENOENT;
    }
    int err = text ? service_profile_read(&profile, text, n, why) : 0;
    err = err ? err : store_doc(instant, account, key, text, n);
    if (err) {
        return err;
    }
    char *body = text ? strndup(text, n) : NULL;
    err = text && !body ? -ENOMEM : provisions_put(instant->provisions, account, key, body);
    free(body);
    struct session *session = session_find(instant->sessions, account, identification);
    if (!err && session) {
        session_profile_set(session, text ? &profile : NULL);
    }
    return err;
}

struct sessions *instant_sessions(const struct instant *instant)
{
    return instant->sessions;
}

const struct session_stats *instant_stats(const struct instant *instant)
{
    return sessions_stats(instant->sessions);
}
