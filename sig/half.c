/* Half calls. See half.h. */
#include "sig/half.h"

#include "sig/focus.h"
#include "sig/hash.h"

#include <errno.h>
#include <string.h>

static uint32_t place_of(const struct focus *f, const struct addr *source)
{
    char host[ADDR_TEXT_MAX];
    struct addr net = *source;
    if (net.sa.sa_family == AF_INET6) {
        memset(&net.v6.sin6_addr.s6_addr[8], 0, 8); /* who has one address has the /64 around it */
    }
    return hash_text(hash_seed(f->secret), addr_host_text(&net, host)) % HALF_PLACES;
}

int half_take(struct focus *f, struct half *half, const struct addr *source)
{
    must(half->place == 0);
    if (f->cfg.half_calls_max == 0 || trust_has(&f->cfg.trusted, source)) {
        return 0;
    }
    uint32_t place = place_of(f, source);
    if (f->halves.n[place] >= f->cfg.half_calls_max) {
        return -EDQUOT;
    }
    f->halves.n[place]++;
    count_add(&f->stats.half_calls, 1);
    half->place = place + 1;
    return 0;
}

void half_give(struct focus *f, struct half *half)
{
    if (half->place != 0) {
        must(f->halves.n[half->place - 1] > 0);
        f->halves.n[half->place - 1]--;
        count_add(&f->stats.half_calls, (uint64_t)-1);
        half->place = 0;
    }
}
