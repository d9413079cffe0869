/* Address text, and what kind of address one is. Any thread, no state. */
#include "core/base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

int addr_parse(struct addr *a, const char *host, uint16_t port)
{
    memset(a, 0, sizeof *a);
    if (inet_pton(AF_INET, host, &a->v4.sin_addr) == 1) {
        a->v4.sin_family = AF_INET;
        a->v4.sin_port = htons(port);
        return 0;
    }
    if (inet_pton(AF_INET6, host, &a->v6.sin6_addr) == 1) {
        a->v6.sin6_family = AF_INET6;
        a->v6.sin6_port = htons(port);
        return 0;
    }
    return -EINVAL;
}

const char *addr_host_text(const struct addr *a, char text[ADDR_TEXT_MAX])
{
    const void *host = a->sa.sa_family == AF_INET6 ? (const void *)&a->v6.sin6_addr : (const void *)&a->v4.sin_addr;
    if (!addr_is_set(a) || !inet_ntop(a->sa.sa_family, host, text, ADDR_TEXT_MAX)) {
        strcpy(text, "none");
    }
    return text;
}

const char *addr_text(const struct addr *a, char text[ADDR_TEXT_MAX])
{
    char host[ADDR_TEXT_MAX];
    addr_host_text(a, host);
    const char *shape = a->sa.sa_family == AF_INET6 ? "[%.45s]:%u" : "%.45s:%u";
    snprintf(text, ADDR_TEXT_MAX, shape, host, addr_is_set(a) ? addr_port(a) : 0);
    return text;
}

struct addr addr_unmapped(const struct addr *a)
{
    struct addr v4 = {.v4 = {.sin_family = AF_INET}};
    if (a->sa.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
        return *a;
    }
    memcpy(&v4.v4.sin_addr, a->v6.sin6_addr.s6_addr + 12, sizeof v4.v4.sin_addr);
    v4.v4.sin_port = a->v6.sin6_port;
    return v4;
}

bool addr_is_link_local(const struct addr *a)
{
    if (a->sa.sa_family == AF_INET6) {
        return IN6_IS_ADDR_LINKLOCAL(&a->v6.sin6_addr);
    }
    return a->sa.sa_family == AF_INET && ntohl(a->v4.sin_addr.s_addr) >> 16 == 0xa9fe;
}

bool addr_is_any(const struct addr *a)
{
    static const struct in6_addr any6 = IN6ADDR_ANY_INIT;
    if (a->sa.sa_family == AF_INET6) {
        return memcmp(&a->v6.sin6_addr, &any6, sizeof any6) == 0;
    }
    return a->sa.sa_family == AF_INET && a->v4.sin_addr.s_addr == INADDR_ANY;
}

bool addr_is_loopback(const struct addr *a)
{
    if (a->sa.sa_family == AF_INET6) {
        const struct in6_addr *v6 = &a->v6.sin6_addr;
        return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == IN_LOOPBACKNET);
    }
    return a->sa.sa_family == AF_INET && ntohl(a->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}
