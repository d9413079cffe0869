/* See local.h. */
#include "sig/room/local.h"

#include "sig/room/env.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>

static void addr_add(struct addr *list, unsigned *n, const struct sockaddr *sa)
{
    if (*n < LOCAL_ADDRS_MAX && sa && (sa->sa_family == AF_INET || sa->sa_family == AF_INET6)) {
        struct addr *to = &list[(*n)++];
        memset(to, 0, sizeof *to);
        memcpy(to, sa, sa->sa_family == AF_INET ? sizeof to->v4 : sizeof to->v6);
    }
}

static bool is_among(const struct addr *list, unsigned n, const struct addr *a)
{
    for (unsigned i = 0; i < n; i++) {
        if (addr_same_host(&list[i], a)) {
            return true;
        }
    }
    return false;
}

/* What cannot be read stays as it was known. */
static const struct local *interfaces(struct env *env)
{
    struct local *l = &env->local;
    struct ifaddrs *all;
    bool is_fresh = l->is_read && env->wheel->now_ms - l->read_ms < LOCAL_FRESH_MS;
    if (is_fresh || getifaddrs(&all) != 0) {
        return l;
    }
    *l = (struct local){.read_ms = env->wheel->now_ms, .is_read = true};
    for (const struct ifaddrs *i = all; i; i = i->ifa_next) {
        addr_add(l->addrs, &l->n_addrs, i->ifa_addr);
        if (i->ifa_flags & IFF_BROADCAST) {
            addr_add(l->broadcasts, &l->n_broadcasts, i->ifa_broadaddr);
        }
    }
    freeifaddrs(all);
    for (unsigned i = 0; i < l->n_broadcasts;) { /* an interface without one has its own address there */
        bool is_own = is_among(l->addrs, l->n_addrs, &l->broadcasts[i]);
        l->broadcasts[i] = is_own ? l->broadcasts[--l->n_broadcasts] : l->broadcasts[i];
        i += !is_own;
    }
    return l;
}

bool local_has(struct env *env, const struct addr *a)
{
    const struct local *l = interfaces(env);
    return is_among(l->addrs, l->n_addrs, a);
}

void local_alias(struct env *env, const struct addr *host, struct addr *alias)
{
    struct addr loopback;
    int family = host->sa.sa_family;
    memset(alias, 0, sizeof *alias);
    addr_parse(&loopback, family == AF_INET6 ? "::1" : "127.0.0.1", 0);
    if (!addr_is_set(host) || !addr_is_loopback(place_host(env->place, family))) {
        return;
    }
    if (!addr_is_loopback(host)) {
        *alias = local_has(env, host) ? loopback : *alias;
        return;
    }
    const struct local *l = interfaces(env);
    for (unsigned i = 0; i < l->n_addrs && addr_same_host(host, &loopback); i++) {
        const struct addr *a = &l->addrs[i];
        bool is_link = family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a->v6.sin6_addr);
        if (a->sa.sa_family == family && !addr_is_loopback(a) && !is_link) {
            *alias = *a;
            return;
        }
    }
}

/* Does what is sent to that host reach a socket that is bound to this one? */
static bool reaches(struct env *env, const struct addr *bound, const struct addr *a)
{
    return addr_same_host(bound, a) || (addr_is_any(bound) && (addr_is_loopback(a) || local_has(env, a)));
}

/* Our media's name outside, behind a 1:1 NAT. */
static bool is_advertised(const struct env *env, const struct addr *a)
{
    return addr_same_host(&env->media_host, a) || addr_same_host(&env->media_host_other, a);
}

bool local_reaches_media(struct env *env, const struct addr *a)
{
    return reaches(env, place_host(env->place, a->sa.sa_family), a) || is_advertised(env, a);
}

static bool is_own_socket(struct env *env, const struct addr *a)
{
    if (place_is_open(env->place, addr_port(a)) && local_reaches_media(env, a)) {
        return true;
    }
    for (unsigned i = 0; i < env->cfg.n_sockets; i++) {
        const struct addr *socket = &env->cfg.sockets[i];
        if (addr_port(socket) == addr_port(a) && (reaches(env, socket, a) || is_advertised(env, a))) {
            return true;
        }
    }
    return false;
}

/* No host has it. */
static bool is_nowhere(struct env *env, const struct addr *a)
{
    if (a->sa.sa_family == AF_INET6) {
        return IN6_IS_ADDR_MULTICAST(&a->v6.sin6_addr);
    }
    uint32_t host = ntohl(a->v4.sin_addr.s_addr);
    const struct local *l = interfaces(env);
    return host >> 24 == 0 || IN_MULTICAST(host) || host == INADDR_BROADCAST ||
           is_among(l->broadcasts, l->n_broadcasts, a);
}

int local_check(struct env *env, const struct addr *rtp, const struct addr *rtcp)
{
    const struct addr *both[] = {rtp, rtcp};
    for (unsigned i = 0; i < ARRAY_LEN(both); i++) {
        struct addr a = addr_unmapped(both[i]);
        if (!addr_is_set(&a)) {
            continue; /* held, or no RTCP */
        }
        if (is_nowhere(env, &a) || is_own_socket(env, &a)) {
            return -EADDRNOTAVAIL;
        }
        if (local_reaches_media(env, &a)) {
            place_name_port(env->place, addr_port(&a)); /* it may become ours */
        }
    }
    return 0;
}
