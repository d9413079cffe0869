/* Half calls. See half.h. */
#include "sig/half.h"

#include "sig/call.h"
#include "sig/hash.h"
#include "sig/room.h"

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

bool half_fills(const struct half *half, const struct room *room)
{
    uint32_t n = 0, max = 1 + policy_legs_max(room->focus, room) / HALF_ROOM_SHARE;
    if (half->place == 0) {
        return false;
    }
    for (const struct call *call = room->roster; call; call = call->room_next) {
        n += call->half.place == half->place;
    }
    return n >= max;
}

int half_take_in(struct focus *f, struct halves *halves, uint32_t max, struct half *half, const struct addr *source)
{
    uint32_t place = place_of(f, source);
    must(half->place == 0);
    if (halves->n[place] >= max) {
        return -EDQUOT;
    }
    halves->n[place]++;
    half->place = place + 1;
    return 0;
}

void half_give_in(struct halves *halves, struct half *half)
{
    if (half->place != 0) {
        must(halves->n[half->place - 1] > 0);
        halves->n[half->place - 1]--;
        half->place = 0;
    }
}

int half_take(struct focus *f, struct half *half, const struct addr *source)
{
    if (trust_has(&f->cfg.trusted, source)) {
        return 0;
    }
    int err = half_take_in(f, &f->halves, f->cfg.half_calls_max ? f->cfg.half_calls_max : UINT32_MAX, half, source);
    count_add(&f->stats.half_calls, !err);
    return err;
}

void half_give(struct focus *f, struct half *half)
{
    count_add(&f->stats.half_calls, half->place ? (uint64_t)-1 : 0);
    half_give_in(&f->halves, half);
}
