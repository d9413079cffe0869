/* Quotas of source addresses. See quota.h. */
#include "sig/base/quota.h"

#include "sig/base/hash.h"

#include <errno.h>
#include <string.h>

static uint32_t place_of(const uint8_t *secret, const struct addr *source)
{
    char host[ADDR_TEXT_MAX];
    struct addr net = *source;
    if (net.sa.sa_family == AF_INET6) {
        memset(&net.v6.sin6_addr.s6_addr[8], 0, 8); /* a host with one address has the /64 around it */
    }
    return hash_text(hash_seed(secret), addr_host_text(&net, host)) % QUOTA_PLACES;
}

int quota_take(struct quota *quota, const uint8_t *secret, uint32_t max, struct quota_hold *hold,
               const struct addr *source)
{
    uint32_t place = place_of(secret, source);
    must(hold->place == 0);
    if (quota->n[place] >= max) {
        return -EDQUOT;
    }
    quota->n[place]++;
    hold->place = place + 1;
    return 0;
}

void quota_give(struct quota *quota, struct quota_hold *hold)
{
    if (hold->place != 0) {
        must(quota->n[hold->place - 1] > 0);
        quota->n[hold->place - 1]--;
        hold->place = 0;
    }
}
