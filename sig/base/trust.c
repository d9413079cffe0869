/* Networks by prefix. See trust.h. */
#include "sig/base/trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t *bytes_of(const struct addr *a, unsigned *bits)
{
    bool is_v4 = a->sa.sa_family == AF_INET;
    *bits = is_v4 ? 32 : 128;
    return is_v4 ? (const uint8_t *)&a->v4.sin_addr : (const uint8_t *)&a->v6.sin6_addr;
}

int trust_add(struct trust *trust, const char *text)
{
    char host[ADDR_TEXT_MAX], *end = NULL;
    size_t n = strcspn(text, "/");
    unsigned most;
    if (trust->n == TRUST_MAX) {
        return -ENOSPC;
    }
    if (n == 0 || n >= sizeof host) {
        return -EINVAL;
    }
    memcpy(host, text, n);
    host[n] = '\0';
    if (addr_parse(&trust->nets[trust->n].net, host, 0) != 0) {
        return -EINVAL;
    }
    bytes_of(&trust->nets[trust->n].net, &most);
    unsigned long bits = most;
    if (text[n] == '/') {
        bits = strtoul(text + n + 1, &end, 10);
        if (text[n + 1] < '0' || text[n + 1] > '9' || *end != '\0' || bits > most) {
            return -EINVAL;
        }
    }
    trust->nets[trust->n++].bits = (unsigned)bits;
    return 0;
}

static bool net_has(const struct addr *net, unsigned bits, const struct addr *host)
{
    unsigned most, i = bits / 8;
    const uint8_t *a = bytes_of(net, &most), *b = bytes_of(host, &most);
    return net->sa.sa_family == host->sa.sa_family && memcmp(a, b, i) == 0 &&
           (bits % 8 == 0 || (a[i] ^ b[i]) >> (8 - bits % 8) == 0);
}

bool trust_has(const struct trust *trust, const struct addr *host)
{
    for (unsigned i = 0; i < trust->n; i++) {
        if (net_has(&trust->nets[i].net, trust->nets[i].bits, host)) {
            return true;
        }
    }
    return false;
}
