/* See local.h. */
#include "sig/local.h"

#include "sig/call.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>

/* ::ffff:192.0.2.1 is 192.0.2.1. */
static struct addr unmapped(const struct addr *a)
{
    struct addr v4 = {.v4 = {.sin_family = AF_INET}};
    if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
        return *a;
    }
    memcpy(&v4.v4.sin_addr, a->v6.sin6_addr.s6_addr + 12, sizeof v4.v4.sin_addr);
    v4.v4.sin_port = a->v6.sin6_port;
    return v4;
}

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
static const struct local *interfaces(struct focus *f)
{
    struct local *l = &f->local;
    struct ifaddrs *all;
    bool is_fresh = l->is_read && f->wheel->now_ms - l->read_ms < LOCAL_FRESH_MS;
    if (is_fresh || getifaddrs(&all) != 0) {
        return l;
    }
    *l = (struct local){.read_ms = f->wheel->now_ms, .is_read = true};
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

bool local_has(struct focus *f, const struct addr *a)
{
    const struct local *l = interfaces(f);
    return is_among(l->addrs, l->n_addrs, a);
}

void local_alias(struct focus *f, const struct addr *host, struct addr *alias)
{
    struct addr loopback;
    int family = host->sa.sa_family;
    memset(alias, 0, sizeof *alias);
    addr_parse(&loopback, family == AF_INET6 ? "::1" : "127.0.0.1", 0);
    if (!addr_is_set(host) || !addr_is_loopback(place_host(f->place, family))) {
        return;
    }
    if (!addr_is_loopback(host)) {
        *alias = local_has(f, host) ? loopback : *alias;
        return;
    }
    const struct local *l = interfaces(f);
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
static bool reaches(struct focus *f, const struct addr *bound, const struct addr *a)
{
    return addr_same_host(bound, a) || (addr_is_any(bound) && (addr_is_loopback(a) || local_has(f, a)));
}

/* Our media's name outside, behind a 1:1 NAT. */
static bool is_advertised(const struct focus *f, const struct addr *a)
{
    return addr_same_host(&f->media_host, a) || addr_same_host(&f->media_host_other, a);
}

static bool reaches_media(struct focus *f, const struct addr *a)
{
    return reaches(f, place_host(f->place, a->sa.sa_family), a) || is_advertised(f, a);
}

static bool is_own_socket(struct focus *f, const struct addr *a)
{
    if (place_is_open(f->place, addr_port(a)) && reaches_media(f, a)) {
        return true;
    }
    for (unsigned i = 0; i < f->cfg.n_sockets; i++) {
        const struct addr *socket = &f->cfg.sockets[i];
        if (addr_port(socket) == addr_port(a) && (reaches(f, socket, a) || is_advertised(f, a))) {
            return true;
        }
    }
    return false;
}

/* No host has it. */
static bool is_nowhere(struct focus *f, const struct addr *a)
{
    if (a->sa.sa_family == AF_INET6) {
        return IN6_IS_ADDR_MULTICAST(&a->v6.sin6_addr);
    }
    uint32_t host = ntohl(a->v4.sin_addr.s_addr);
    const struct local *l = interfaces(f);
    return host >> 24 == 0 || IN_MULTICAST(host) || host == INADDR_BROADCAST ||
           is_among(l->broadcasts, l->n_broadcasts, a);
}

int local_check(struct focus *f, const struct addr *rtp, const struct addr *rtcp)
{
    const struct addr *both[] = {rtp, rtcp};
    for (unsigned i = 0; i < ARRAY_LEN(both); i++) {
        struct addr a = unmapped(both[i]);
        if (!addr_is_set(&a)) {
            continue; /* held, or no RTCP */
        }
        if (is_nowhere(f, &a) || is_own_socket(f, &a)) {
            return -EADDRNOTAVAIL;
        }
        if (reaches_media(f, &a)) {
            place_name_port(f->place, addr_port(&a)); /* it may become ours */
        }
    }
    return 0;
}

void local_port_opened(struct focus *f, uint16_t port)
{
    if (!place_port_is_named(f->place, port)) {
        return;
    }
    for (struct call *call = f->calls; call; call = call->next) {
        struct addr rtp = unmapped(&call->media.remote_rtp), rtcp = unmapped(&call->media.remote_rtcp);
        bool is_rtp = addr_port(&rtp) / 2 == port / 2 && reaches_media(f, &rtp);
        bool is_rtcp = addr_port(&rtcp) / 2 == port / 2 && reaches_media(f, &rtcp);
        if (call->has_media && (is_rtp || is_rtcp)) {
            call_loops(call);
        }
    }
}
