/* Destinations that may be called. See reach.h. */
#include "sig/room/reach.h"

#include "sig/room/env.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- addresses ---- */

bool reach_is_public(const struct addr *host)
{
    static const struct {
        uint32_t net;
        unsigned bits;
    } no[] = {{0x00000000, 8},  {0x0a000000, 8},  {0x64400000, 10}, {0x7f000000, 8}, {0xa9fe0000, 16}, {0xac100000, 12},
              {0xc0000000, 24}, {0xc0a80000, 16}, {0xc6120000, 15}, {0xe0000000, 3}}; /* RFC 6890, multicast, reserved,
                                                                                         broadcast */
    if (host->sa.sa_family == AF_INET6) {
        const uint8_t *b = host->v6.sin6_addr.s6_addr;
        bool is_tunnel = (b[0] == 0x20 && b[1] == 0x02) || (b[0] == 0x20 && b[1] == 0x01 && b[2] == 0 && b[3] == 0);
        return (b[0] & 0xe0) == 0x20 && !is_tunnel; /* global unicast, with no IPv4 address hidden in it */
    }
    uint32_t ip = ntohl(host->v4.sin_addr.s_addr);
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        if ((ip ^ no[i].net) >> (32 - no[i].bits) == 0) {
            return false;
        }
    }
    return true;
}

/* ---- reading the list ---- */

static int domain_add(struct reach *reach, const char *name)
{
    if (reach->n_domains == REACH_DOMAINS_MAX) {
        return -ENOSPC;
    }
    size_t n = strlen(name);
    if (n == 0 || n >= REACH_HOST_MAX || !isalpha((unsigned char)name[0]) ||
        name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] != '\0') {
        return -EINVAL;
    }
    char *to = reach->domains[reach->n_domains++];
    for (size_t i = 0; i <= n; i++) {
        to[i] = (char)tolower((unsigned char)name[i]);
    }
    return 0;
}

int reach_read(struct reach *reach, const char *text)
{
    reach->is_on = reach->is_any = false;
    reach->n_domains = reach->nets.n = 0;
    if (strcmp(text, "off") == 0) {
        return 0;
    }
    while (*text) {
        char one[REACH_HOST_MAX];
        size_t n = strcspn(text, ",");
        if (n == 0 || n >= sizeof one) {
            return -EINVAL;
        }
        memcpy(one, text, n);
        one[n] = '\0';
        int err = 0;
        if (strcmp(one, "any") == 0) {
            reach->is_any = true;
        } else {
            err = trust_add(&reach->nets, one);
            err = err == -EINVAL ? domain_add(reach, one) : err;
        }
        if (err) {
            return err;
        }
        reach->is_on = true;
        text += n + (text[n] == ',');
    }
    return reach->is_on ? 0 : -EINVAL;
}

/* ---- the decision ---- */

static bool domain_has(const struct reach *reach, const char *host)
{
    size_t n_host = strlen(host);
    for (unsigned i = 0; i < reach->n_domains; i++) {
        size_t n = strlen(reach->domains[i]);
        if (n_host >= n && strcmp(host + n_host - n, reach->domains[i]) == 0 &&
            (n_host == n || host[n_host - n - 1] == '.')) {
            return true;
        }
    }
    return false;
}

/* A name that can only be a name: "127.1" and "0x7f.1" are addresses to some resolvers (RFC 3261 25.1: toplabel). */
static bool is_name(const char *host)
{
    size_t n = strlen(host);
    n -= n > 0 && host[n - 1] == '.';
    size_t at = n;
    while (at > 0 && host[at - 1] != '.') {
        at--;
    }
    bool is_local = n - at == 9 && strncmp(host + at, "localhost", 9) == 0;
    return n > at && isalpha((unsigned char)host[at]) && !is_local;
}

/* A conference that calls itself, or the factory, would never end. What is ours in disguise is caught when it comes
 * back: by the From of our own calls. */
static bool is_own(const struct env *env, const struct sip_uri *uri, bool is_literal)
{
    struct uri_token token;
    uint16_t port = uri->port ? uri->port : SIP_PORT;
    if (uri->user && uri_token_read(&token, uri->user, strlen(uri->user), env->secret) == 0) {
        return true;
    }
    if (uri->user && strcmp(uri->user, "mmtel") == 0 && strncmp(uri->host, "conf-factory.", 13) == 0) {
        return true;
    }
    if (!env_has_host(env, uri->host)) {
        return false;
    }
    for (unsigned i = 0; is_literal && i < env->cfg.reach.n_own_ports; i++) {
        if (env->cfg.reach.own_ports[i] == port) {
            return true;
        }
    }
    return !is_literal;
}

static bool has_factory_name(const struct env *env, const struct sip_uri *uri)
{
    return strcmp(uri->user, env->cfg.factory_user) == 0;
}

/* A name at this domain that may be a registered user's: no conference, no service of ours. */
static bool is_user(const struct env *env, const struct sip_uri *uri)
{
    struct uri_token token;
    return env->locate.find && uri->user && *uri->user && env_has_host(env, uri->host) &&
           uri_token_read(&token, uri->user, strlen(uri->user), env->secret) != 0;
}

static int tel_find(const struct reach *reach, const struct sip_uri *uri, const char *from_host, struct reach_way *way)
{
    if (!reach->is_any || !addr_is_set(&reach->proxy.remote) || from_host) {
        return -EACCES;
    }
    snprintf(way->target, sizeof way->target, "%s", uri->text);
    return 0;
}

/* The Request-URI: what names somebody, without what would steer the request. */
static void target_write(const struct sip_uri *uri, struct reach_way *way)
{
    char value[REACH_TARGET_MAX];
    const char *user = strchr(uri->text, ':') + 1, *at = strchr(user, '@'), *host = at ? at + 1 : user;
    size_t n_user = at ? strcspn(user, ":@") : 0;
    int n = snprintf(way->target, sizeof way->target, "sip:%.*s%s%.*s", (int)n_user, user, at ? "@" : "",
                     (int)strcspn(host, ";?"), host);
    if (sip_param(uri->params, "user", value, sizeof value) && strcasecmp(value, "phone") == 0) {
        n += snprintf(way->target + n, sizeof way->target - (size_t)n, ";user=phone");
    }
    if (sip_param(uri->params, "gr", value, sizeof value) && *value && strcspn(value, "\";?") == strlen(value) &&
        (size_t)n + strlen(value) + 5 < sizeof way->target) {
        snprintf(way->target + n, sizeof way->target - (size_t)n, ";gr=%s",
                 value); /* RFC 5627: one of the user's phones */
    }
}

int reach_find(const struct env *env, const struct sip_uri *uri, const char *from_host, struct reach_way *way)
{
    const struct reach *reach = &env->cfg.reach;
    bool has_proxy = addr_is_set(&reach->proxy.remote);
    struct addr literal;
    if (!reach->is_on) {
        return -EACCES;
    }
    way->by_proxy = has_proxy;
    way->flow = reach->proxy;
    way->route[0] = '\0';
    if (strcmp(uri->scheme, "tel") == 0) {
        return tel_find(reach, uri, from_host, way);
    }
    if (strcmp(uri->scheme, "sip") != 0) {
        return -EPROTONOSUPPORT;
    }
    bool is_literal = addr_parse(&literal, uri->host, uri->port ? uri->port : SIP_PORT) == 0;
    if (is_own(env, uri, is_literal)) {
        int err = is_user(env, uri) ? env->locate.find(env->locate.ctx, uri->user, way) : -ELOOP;
        return err == -ENOENT && has_factory_name(env, uri) ? -ELOOP : err;
    }
    if (is_literal) {
        literal = addr_unmapped(&literal);
    }
    bool is_listed = is_literal ? trust_has(&reach->nets, &literal) : domain_has(reach, uri->host);
    bool is_fine = is_literal ? reach_is_public(&literal) : is_name(uri->host);
    bool is_near = !from_host || strcmp(from_host, uri->host) == 0;
    if (!is_listed && !(reach->is_any && is_fine && is_near)) {
        return -EACCES;
    }
    target_write(uri, way);
    if (has_proxy) {
        return 0;
    }
    int listener = !is_literal ? -1 : literal.sa.sa_family == AF_INET6 ? reach->listener_v6 : reach->listener_v4;
    if (!is_listed || listener < 0) {
        return -EACCES;
    }
    way->flow = flow_to(FLOW_UDP, (uint8_t)listener, &literal);
    return 0;
}
