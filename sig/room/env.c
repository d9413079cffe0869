/* What signalling says of itself: names, abilities, refusals. See env.h. */
#include "sig/room/env.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define RETRY_AFTER_S 5

bool env_has_host(const struct env *env, const char *host)
{
    char text[ADDR_TEXT_MAX];
    struct addr literal;
    if (addr_parse(&literal, host, 0) == 0) { /* one address has many spellings */
        literal = addr_unmapped(&literal);
        host = addr_host_text(&literal, text);
    }
    for (unsigned i = 0; i < env->cfg.n_hosts; i++) {
        if (strcmp(env->cfg.hosts[i], host) == 0) {
            return true;
        }
    }
    return false;
}

const char *env_host(const struct env *env, const struct flow *flow, char text[ENV_HOST_MAX + 32])
{
    if (env->cfg.domain_is_ours && env->world.sent_by) {
        env->world.sent_by(env->world.ctx, flow, text, ENV_HOST_MAX);
    } else {
        snprintf(text, ENV_HOST_MAX, "%s", env->cfg.domain);
    }
    return strcat(text, flow_uri_param(flow));
}

/* @return behind "sip:" and the user with its escapes (RFC 3261 25.1) */
static char *user_put(char *at, const char *user)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.!~*'()&=+$,;?/";
    static_assert(5 + 3 * AUTH_USER_MAX + 1 + ENV_HOST_MAX + 32 + 2 <= ENV_USER_URI_MAX, "the longest URI");
    at = stpcpy(at, "sip:");
    for (size_t i = 0; user[i] && i < AUTH_USER_MAX; i++) {
        at += sprintf(at, strchr(plain, user[i]) ? "%c" : "%%%02X", (unsigned char)user[i]);
    }
    return at;
}

const char *env_user_uri(const struct env *env, const char *user, char text[ENV_USER_URI_MAX])
{
    sprintf(user_put(text, user), "@%s", env->cfg.domain);
    return text;
}

const char *env_user_contact(const struct env *env, const char *user, const struct flow *flow,
                             char text[ENV_USER_URI_MAX])
{
    char host[ENV_HOST_MAX + 32];
    text[0] = '<';
    sprintf(user_put(text + 1, user), "@%s>", env_host(env, flow, host));
    return text;
}

bool env_is_user(const struct env *env, const struct sip_msg *msg, const struct identity *who, const char *user)
{
    bool has_from = msg->from.uri.user && env_has_host(env, msg->from.uri.host);
    const char *name = who->user[0] ? who->user : has_from ? msg->from.uri.user : "";
    bool is_elsewhere = who->is_asserted && who->host[0] && !env_has_host(env, who->host);
    return !is_elsewhere && *user && strlen(user) < AUTH_USER_MAX && strcmp(name, user) == 0;
}

uint64_t env_steady_s(const struct env *env)
{
    return env->began_s + (env->wheel->now_ms - env->began_ms) / 1000;
}

uint32_t env_methods(void)
{
    return sip_bit(SIP_INVITE) | sip_bit(SIP_ACK) | sip_bit(SIP_BYE) | sip_bit(SIP_CANCEL) | sip_bit(SIP_OPTIONS) |
           sip_bit(SIP_SUBSCRIBE) | sip_bit(SIP_UPDATE) | sip_bit(SIP_PRACK) | sip_bit(SIP_INFO) | sip_bit(SIP_REFER) |
           sip_bit(SIP_NOTIFY);
}

void env_add_abilities(const struct env *env, struct sip_out *out)
{
    char allow[256];
    sip_add(out, "Allow", sip_methods_text(env_methods(), allow));
    sip_addf(out, "Supported", "100rel, precondition, replaces, norefersub, timer, resource-priority%s%s",
             env->cfg.reach.is_on ? ", " ENV_LISTS : "", /* OPTIONS must carry it, RFC 3261 11.2 */
             env->has_presence ? ", " ENV_EVENT_LISTS ", " ENV_OWN_LISTS : "");
    sip_addf(out, "Allow-Events", "conference, refer%s", env->has_presence ? ", " ENV_PRESENCE_EVENTS : "");
    sip_add(out, "Accept", ENV_TYPES);
    if (env->cfg.server[0]) {
        sip_add(out, "Server", env->cfg.server);
    }
}

static void complain(struct env *env, const struct txn *txn, enum refusal refusal)
{
    static_assert(REFUSALS + (int)REFUSES <= COMPLAIN_PIN, "a place for each reason");
    char label[ENV_LABEL_CHARS + 1];
    const struct sip_msg *msg = txn_msg(txn);
    if (msg && env->log) {
        complain_refused(&env->complaints, env->log, refusal, env->wheel->now_ms, refusal_status(refusal),
                         refusal_text(refusal), env->upper->label(env, msg, label), msg);
    }
}

void env_refuse_with(struct env *env, struct txn *txn, enum refusal refusal, const char *name, const char *value)
{
    char allow[256];

    count_add(&env->stats.refused[refusal], 1);
    if (!txn) {
        return;
    }
    int status = refusal_status(refusal);
    complain(env, txn, refusal);
    struct sip_out *out = txn_response(txn, status, NULL);
    if (name) {
        sip_add(out, name, value);
    }
    if (status == 503 || refusal == REFUSAL_MEMORY) {
        sip_addf(out, "Retry-After", "%d", RETRY_AFTER_S);
    } else if ((status == 415 || status == 406) && !name) {
        sip_add(out, "Accept", ENV_TYPES);
        sip_add(out, "Accept-Encoding", "identity");
    } else if (refusal == REFUSAL_OPEN) {
        uint8_t seconds = 0;
        env->world.random(env->world.ctx, &seconds, sizeof seconds);
        sip_addf(out, "Retry-After", "%u", seconds % 11); /* RFC 3261 14.2 */
    } else if (refusal == REFUSAL_VOICEXML) {
        sip_addf(out, "Warning", "399 mixminus \"%s\"", refusal_text(refusal));
    } else if (refusal == REFUSAL_EXTENSION_NEEDED) {
        sip_add(out, "Require", "100rel");
    } else if (status == 405 && !name) {
        /* RFC 3261 21.4.6: what is taken there. A resource that refuses SUBSCRIBE refuses REFER as well. */
        uint32_t pair = sip_bit(SIP_SUBSCRIBE) | sip_bit(SIP_REFER), bit = sip_bit(txn_method(txn));
        sip_add(out, "Allow", sip_methods_text(env_methods() & ~(bit & pair ? pair : bit), allow));
    }
    if (env->cfg.server[0]) {
        sip_add(out, "Server", env->cfg.server);
    }
    txn_respond(txn, out);
}

void env_refuse(struct env *env, struct txn *txn, enum refusal refusal)
{
    env_refuse_with(env, txn, refusal, NULL, NULL);
}
