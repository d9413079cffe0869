/* A transport address by value, IPv4 or IPv6. Leaf header, any thread. */
#ifndef CORE_BASE_ADDR_H
#define CORE_BASE_ADDR_H

#include "core/base/base.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

struct addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

#define ADDR_TEXT_MAX 64 /* "[v6]:port" with its terminator */

static inline bool addr_is_set(const struct addr *a)
{
    return a->sa.sa_family != AF_UNSPEC;
}

static inline socklen_t addr_len(const struct addr *a)
{
    return a->sa.sa_family == AF_INET6 ? sizeof a->v6 : sizeof a->v4;
}

/** Port in host order. */
static inline uint16_t addr_port(const struct addr *a)
{
    return ntohs(a->sa.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

static inline void addr_set_port(struct addr *a, uint16_t port)
{
    if (a->sa.sa_family == AF_INET6) {
        a->v6.sin6_port = htons(port);
    } else {
        a->v4.sin_port = htons(port);
    }
}

static inline bool addr_same_host(const struct addr *a, const struct addr *b)
{
    if (a->sa.sa_family != b->sa.sa_family) {
        return false;
    }
    if (a->sa.sa_family == AF_INET6) {
        return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr) == 0;
    }
    return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
}

static inline bool addr_same(const struct addr *a, const struct addr *b)
{
    return addr_same_host(a, b) && addr_port(a) == addr_port(b);
}

/** Parses "1.2.3.4" or "::1" (no brackets) with a port. @return 0 | -EINVAL */
int addr_parse(struct addr *a, const char *host, uint16_t port);

/** ::ffff:192.0.2.1 is 192.0.2.1 to the system that sends: as IPv4; others stay what they are. */
struct addr addr_unmapped(const struct addr *a);

/** Writes "1.2.3.4:5060" or "[::1]:5060"; returns text. */
const char *addr_text(const struct addr *a, char text[ADDR_TEXT_MAX]);

/** Writes the host alone, without brackets; returns text. */
const char *addr_host_text(const struct addr *a, char text[ADDR_TEXT_MAX]);

/** True for 0.0.0.0 and ::, the old way to say hold. */
bool addr_is_any(const struct addr *a);

/** True for 127.0.0.0/8 and ::1, also when mapped into IPv6. */
bool addr_is_loopback(const struct addr *a);

/** True for 169.254.0.0/16 and fe80::/10: of one link, and nothing without its name. */
bool addr_is_link_local(const struct addr *a);

#endif
