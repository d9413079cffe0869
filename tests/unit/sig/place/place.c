/*
 * Placement. Method: small budgets, real sockets on loopback; what was taken and given back must add up to nothing.
 * Rows 7, 10 and 29.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/ctl.h"
#include "sig/place/place.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT 46200

static struct ctl ctls[2];

static struct place *make(struct place_cfg cfg)
{
    struct place *place;
    cfg.n_workers = cfg.n_workers ? cfg.n_workers : 2;
    cfg.workers[0] = &ctls[0];
    cfg.workers[1] = &ctls[1];
    assert_int_equal(addr_parse(&cfg.host, "127.0.0.1", 0), 0);
    if (cfg.port_min == 0) {
        cfg.port_min = PORT;
        cfg.port_max = PORT + 19;
    }
    assert_int_equal(place_build(&place, &cfg), 0);
    return place;
}

static void empty(struct place *place)
{
    struct place_load load;
    place_load(place, &load);
    assert_int_equal(load.cpu_used_us, 0);
    assert_int_equal(load.kbps_used, 0);
    assert_int_equal(load.pairs_used + load.pairs_held, 0);
    assert_int_equal(load.legs, 0);
    place_free(place);
}

static const struct place_cost one = {.cpu_us = 100, .kbps = 64};

static void test_least_loaded(void **state)
{
    struct place *p = make((struct place_cfg){.budget_us = 350});
    struct place_leg legs[6] = {{0}};
    unsigned per_worker[2] = {0};

    for (unsigned i = 0; i < 6; i++) {
        int w = place_choose(p, NULL, one);
        assert_true(w >= 0);
        per_worker[w]++;
        assert_int_equal(place_leg_take(p, w, NULL, one, &legs[i]), 0);
        assert_int_equal(legs[i].port % 2, 0);
    }
    assert_int_equal(per_worker[0], 3);
    assert_int_equal(place_choose(p, NULL, one), -EAGAIN);
    struct place_leg more = {0};
    assert_int_equal(place_leg_take(p, 0, NULL, one, &more), -EAGAIN);
    assert_int_equal(place_leg_reprice(p, &legs[0], (struct place_cost){.cpu_us = 151, .kbps = 64}), -EAGAIN);
    assert_int_equal(place_leg_reprice(p, &legs[0], (struct place_cost){.cpu_us = 150, .kbps = 64}), 0);
    for (unsigned i = 0; i < 6; i++) {
        place_leg_give(p, &legs[i]);
        place_leg_give(p, &legs[i]);
    }
    empty(p);
}

/* Legs leave descriptors to connections, the store and the log. */
static void test_descriptors_left(void **state)
{
    struct rlimit limit, low;
    struct place_leg legs[32] = {{0}};
    unsigned n = 0;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    low = limit;
    low.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    struct place *p = make((struct place_cfg){.port_min = PORT, .port_max = PORT + 99});
    while (n < ARRAY_LEN(legs) && place_leg_take(p, 0, NULL, (struct place_cost){0}, &legs[n]) == 0) {
        n++;
    }
    assert_in_range(n, 16, 28);
    assert_int_equal(place_leg_take(p, 0, NULL, (struct place_cost){0}, &legs[n]), -EMFILE);
    for (unsigned i = 0; i < 7; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        assert_in_range(fd, 0, 63);
        place_leg_give(p, &legs[--n]); /* room for it, and for another pair */
        assert_int_equal(place_leg_take(p, 0, NULL, (struct place_cost){0}, &legs[n]), 0);
        n++;
        close(fd);
    }
    while (n > 0) {
        place_leg_give(p, &legs[--n]);
    }
    empty(p);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_ports(void **state)
{
    struct place *p = make((struct place_cfg){.port_min = PORT + 1, .port_max = PORT + 8}); /* pairs at 2, 4, 6 */
    struct place_leg legs[3] = {{0}}, more = {0};
    struct sockaddr_in taken = {
        .sin_family = AF_INET, .sin_port = htons(PORT + 4), .sin_addr.s_addr = htonl(0x7f000001)};

    int other = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(other, (struct sockaddr *)&taken, sizeof taken), 0);
    assert_int_equal(place_leg_take(p, 0, NULL, one, &legs[0]), 0);
    assert_int_equal(legs[0].port, PORT + 2);
    assert_int_equal(place_leg_take(p, 0, NULL, one, &legs[1]), 0);
    assert_int_equal(legs[1].port, PORT + 6); /* somebody has 4 */
    assert_int_equal(place_leg_take(p, 0, NULL, one, &more), -EADDRINUSE);
    close(other);
    assert_int_equal(place_leg_take(p, 0, NULL, one, &legs[2]), 0);
    assert_int_equal(legs[2].port, PORT + 4);
    assert_int_equal(place_leg_take(p, 0, NULL, one, &more), -EADDRINUSE);

    struct sockaddr_in local;
    socklen_t n = sizeof local;
    assert_int_equal(getsockname(legs[2].rtcp_fd, (struct sockaddr *)&local, &n), 0);
    assert_int_equal(ntohs(local.sin_port), PORT + 5);
    for (unsigned i = 0; i < 3; i++) {
        place_leg_give(p, &legs[i]);
    }
    /* The longest unused comes first: a late packet does not meet the next call. */
    assert_int_equal(place_leg_take(p, 0, NULL, one, &legs[0]), 0);
    assert_int_equal(legs[0].port, PORT + 6);
    place_leg_give(p, &legs[0]);
    empty(p);
}

/* Sockets of somebody else's making. */
struct drawer {
    int next, n_open, fails_at; /* fails_at: the one that cannot be opened */
    uint16_t ports[8];
};

static int drawer_open(void *ctx, const struct addr *local)
{
    struct drawer *d = ctx;
    if (d->next == d->fails_at) {
        d->fails_at = 0;
        return -EADDRINUSE;
    }
    d->n_open++;
    d->ports[d->next % 8] = addr_port(local);
    return 1000 + d->next++;
}

static void drawer_close(void *ctx, int fd)
{
    struct drawer *d = ctx;
    assert_in_range(fd, 1000, 1000 + d->next - 1);
    d->n_open--;
}

static void test_other_sockets(void **state)
{
    struct drawer d = {.fails_at = 3};
    struct place_sockets sockets = {&d, drawer_open, drawer_close};
    struct place *p = make((struct place_cfg){.sockets = &sockets});
    struct place_leg legs[2] = {{0}};
    assert_int_equal(place_leg_take(p, 0, NULL, one, &legs[0]), 0);
    assert_int_equal(legs[0].rtp_fd, 1000);
    assert_int_equal(legs[0].rtcp_fd, 1001);
    assert_int_equal(d.ports[0], legs[0].port);
    assert_int_equal(d.ports[1], legs[0].port + 1);
    assert_int_equal(place_leg_take(p, 0, NULL, one, &legs[1]), 0); /* its first pair was half another's */
    assert_int_equal(legs[1].port, legs[0].port + 4);
    assert_int_equal(d.n_open, 4);
    place_leg_give(p, &legs[0]);
    place_leg_give(p, &legs[1]);
    assert_int_equal(d.n_open, 0);
    empty(p);
}

static void test_hold(void **state)
{
    struct place *p = make((struct place_cfg){.budget_us = 400, .bandwidth_kbps = 64 * 6});
    struct place_hold hold = {0}, second = {0}, third = {0};
    struct place_leg legs[4] = {{0}};

    assert_int_equal(place_hold(p, &hold, 3, one), 0);
    assert_int_equal(place_hold(p, &second, 3, one), 0);
    assert_int_not_equal(hold.worker, second.worker);
    assert_int_equal(place_hold(p, &third, 1, one), -ENOBUFS);
    assert_int_equal(place_choose(p, &hold, one), hold.worker);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(place_leg_take(p, hold.worker, &hold, one, &legs[i]), 0);
    }
    assert_int_equal(hold.n_legs, 0);
    assert_int_equal(place_leg_take(p, hold.worker, &hold, one, &legs[3]), -ENOBUFS);
    place_release(p, &second);
    place_release(p, &second);
    assert_int_equal(place_leg_take(p, hold.worker, &hold, one, &legs[3]), 0);
    for (unsigned i = 0; i < 4; i++) {
        place_leg_give(p, &legs[i]);
    }
    place_release(p, &hold);
    empty(p);
}

/* A leg dearer than what was held for it is refused, and the hold is whole again. */
static void test_hold_too_small(void **state)
{
    struct place *p = make((struct place_cfg){.budget_us = 250, .n_workers = 1});
    struct place_hold hold = {0};
    struct place_leg leg = {0};

    assert_int_equal(place_hold(p, &hold, 2, one), 0);
    assert_int_equal(place_leg_take(p, 0, &hold, (struct place_cost){.cpu_us = 200, .kbps = 64}, &leg), -EAGAIN);
    assert_int_equal(hold.n_legs, 2);
    assert_int_equal(place_leg_take(p, 0, &hold, (struct place_cost){.cpu_us = 150, .kbps = 64}, &leg), 0);
    place_leg_give(p, &leg);
    place_release(p, &hold);
    empty(p);
}

static void test_held_ports(void **state)
{
    struct place *p = make((struct place_cfg){.port_min = PORT, .port_max = PORT + 5});
    struct place_hold hold = {0}, more = {0};
    struct place_leg leg = {0}, other = {0};

    assert_int_equal(place_hold(p, &hold, 2, one), 0);
    assert_int_equal(place_hold(p, &more, 2, one), -EADDRINUSE);
    assert_int_equal(place_leg_take(p, 0, NULL, one, &leg), 0);
    assert_int_equal(place_leg_take(p, 0, NULL, one, &other), -EADDRINUSE); /* two are promised */
    place_leg_give(p, &leg);
    place_release(p, &hold);
    empty(p);
}

static void test_worker_memory(void **state)
{
    struct place *p = make((struct place_cfg){.worker_legs_max = 1});
    struct place_leg a = {0}, b = {0};
    assert_int_equal(place_leg_take(p, place_choose(p, NULL, one), NULL, one, &a), 0);
    assert_int_equal(place_leg_take(p, place_choose(p, NULL, one), NULL, one, &b), 0);
    assert_int_equal(place_choose(p, NULL, one), -EAGAIN);
    place_leg_give(p, &a);
    place_leg_give(p, &b);
    empty(p);
}

static void test_bad_cfg(void **state)
{
    struct place *p;
    struct place_cfg cfg = {.n_workers = 1, .port_min = 5001, .port_max = 5002};
    assert_int_equal(place_build(&p, &cfg), -EINVAL); /* 5002 has no partner */
    cfg.port_max = 5003;
    assert_int_equal(place_build(&p, &cfg), 0);
    place_free(p);
    cfg.n_workers = 0;
    assert_int_equal(place_build(&p, &cfg), -EINVAL);
    cfg = (struct place_cfg){.n_workers = 1, .port_min = 65534, .port_max = 65535};
    assert_int_equal(place_build(&p, &cfg), 0);
    place_free(p);
}

static void test_costs(void **state)
{
    struct place_cost g711 = place_cost_of(CODEC_PCMU, 8000, 20, 5);
    struct place_cost opus = place_cost_of(CODEC_OPUS, 16000, 20, 5), full = place_cost_of(CODEC_OPUS, 48000, 20, 5);
    assert_int_equal(g711.kbps, 160); /* 80 kbit/s each way with headers: what every G.711 planner knows */
    assert_true(g711.cpu_us < opus.cpu_us && opus.cpu_us < full.cpu_us);
    assert_true(g711.voice_us == 0 && 4 * opus.cpu_us < opus.voice_us && opus.voice_us < full.voice_us);
    assert_true(place_cost_of(CODEC_PCMU, 8000, 10, 5).cpu_us > g711.cpu_us);
    struct place_cost easy = place_cost_of(CODEC_OPUS, 16000, 20, 0), hard = place_cost_of(CODEC_OPUS, 16000, 20, 10);
    assert_true(easy.cpu_us == opus.cpu_us && hard.cpu_us == opus.cpu_us); /* who listens shares an encode */
    assert_true(easy.voice_us < opus.voice_us && hard.voice_us > 3 * opus.voice_us / 2);
}

/* Newcomers leave the reserve alone, those who move in may fill it; relays have room of their own. */
static void test_reserve(void **state)
{
    struct place *p = make((struct place_cfg){.worker_legs_max = 8, .reserve_legs = 20, .budget_us = 1000});
    struct place_leg legs[12] = {{0}}, more = {0};

    for (unsigned i = 0; i < 6; i++) {
        assert_false(place_is_tight(p, 0, one));
        assert_int_equal(place_leg_take(p, 0, NULL, one, &legs[i]), 0);
    }
    assert_int_equal(place_leg_take(p, 0, NULL, one, &more), -EAGAIN); /* a quarter is kept at most */
    assert_int_equal(place_choose(p, NULL, one), 1);
    assert_int_equal(place_choose_beside(p, 1, one), -EAGAIN);
    assert_int_equal(place_choose_beside(p, 0, one), 1);
    assert_int_equal(place_leg_take(p, 1, NULL, one, &legs[6]), 0);
    assert_int_equal(place_leg_take(p, 1, NULL, one, &legs[7]), 0);
    assert_int_equal(place_leg_move(p, &legs[6], 0, false), -EAGAIN);
    assert_int_equal(legs[6].worker, 1);
    assert_int_equal(place_leg_move(p, &legs[6], 0, true), 0);
    assert_int_equal(legs[6].worker, 0);
    assert_true(place_is_tight(p, 0, one));
    assert_int_equal(place_leg_move(p, &legs[7], 0, true), 0);
    assert_int_equal(place_leg_take(p, 1, NULL, one, &legs[8]), 0);
    assert_int_equal(place_leg_move(p, &legs[8], 0, true), -EAGAIN); /* no memory for a ninth */
    for (unsigned i = 0; i < WORKER_RELAYS_MAX; i++) {
        assert_int_equal(place_relay_take(p, 0, 100), 0); /* legs or none, budget or not */
    }
    assert_int_equal(place_relay_take(p, 0, 100), -EAGAIN);
    assert_int_equal(place_leg_move(p, &legs[0], 1, false), 0);
    for (unsigned i = 0; i < WORKER_RELAYS_MAX; i++) {
        place_relay_give(p, 0, 100);
    }
    for (unsigned i = 0; i < 9; i++) {
        place_leg_give(p, &legs[i]);
    }
    empty(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_loaded),   cmocka_unit_test(test_descriptors_left),
        cmocka_unit_test(test_ports),          cmocka_unit_test(test_hold),
        cmocka_unit_test(test_hold_too_small), cmocka_unit_test(test_held_ports),
        cmocka_unit_test(test_worker_memory),  cmocka_unit_test(test_bad_cfg),
        cmocka_unit_test(test_costs),          cmocka_unit_test(test_reserve),
        cmocka_unit_test(test_other_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
