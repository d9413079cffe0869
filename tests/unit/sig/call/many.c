/*
 * Many dialogs: what a request costs must not grow with how many are live, and what calls leave behind must not grow
 * with how many there were. Method: two worlds, one with a hundred dialogs and one with many, are asked the same in
 * turns, so that a busy machine slows both; the ratio of the medians counts.
 *
 * As a test with few, so that it is quick: unit_many 20000 100000 is the whole of it (dialogs, calls for the leak).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/call_world.h"

#include <malloc.h>
#include <time.h>
#include <unistd.h>

#define FEW 100
#define ROOM 5
#define BATCH 100
#define ROUNDS 31
#define REMEMBERED_MS (TXN_LIFE_MS + 2000) /* after which no transaction is left */

static unsigned many = 1500, calls_leak = 3000;
static double ratio_max = 2; /* as a test: the machine is busy */

struct crowd {
    struct world *w;
    struct phone *phones;
    unsigned n, next_number, i_phone;
    double us[ROUNDS];
};

/* The worker gives back at once what it is to give back. */
static void work(struct world *w)
{
    struct ctl_req req;
    struct ctl_ev ev;
    while (ring_get(&w->ctl.requests, &req)) {
        switch (req.op) {
        case CTL_LEG_ADD:
            leg_set_annex_source(req.leg, NULL);
            break;
        case CTL_LEG_DROP:
            ev = (struct ctl_ev){.event = EV_LEG_GONE, .leg = req.leg};
            must(ring_put(&w->ctl.events, &ev));
            break;
        case CTL_CONF_CLOSE:
            ev = (struct ctl_ev){.event = EV_CONF_GONE, .conf = req.conf};
            must(ring_put(&w->ctl.events, &ev));
            break;
        default:
            break;
        }
        focus_beat(w->focus);
    }
}

static struct phone join(struct crowd *c, const char *user)
{
    struct phone p = phone_of(c->w, c->next_number++, user);
    assert_int_equal(phone_invite(&p, SDP_PCMU), 200);
    phone_ack(&p, NULL);
    work(c->w);
    return p;
}

static void leave(struct phone *p)
{
    assert_int_equal(phone_send(p, "BYE", 0, NULL), 200);
    work(p->w);
}

/* No RTP comes here, and a crowd has more sockets than a process may have. */
static void sockets_close(struct call *newest)
{
    close(newest->place.rtp_fd);
    close(newest->place.rtcp_fd);
    newest->place.rtp_fd = newest->place.rtcp_fd = -1;
}

static struct crowd crowd_make(unsigned n, uint16_t port)
{
    struct place_cfg place = {.n_workers = 1, .port_min = port, .port_max = (uint16_t)(port + 2 * n + 2 * BATCH)};
    struct env_cfg cfg = {.conferences_max = 2 * n, .life_s = 1000000};
    struct crowd c = {.w = world_open_on(place, cfg, NULL), .phones = calloc(n, sizeof *c.phones), .n = n};
    char user[URI_TOKEN_CHARS + 1] = "";
    must(c.phones);
    for (unsigned i = 0; i < n; i++) {
        if (i % ROOM == 0) {
            world_issue(c.w, c.next_number++, user);
        }
        c.phones[i] = join(&c, user);
        sockets_close(c.w->env->calls);
        c.w->now_ns += 2 * NS_PER_MS;
        timer_run(&c.w->wheel, c.w->now_ns);
    }
    world_run(c.w, REMEMBERED_MS);
    assert_int_equal(count_get(&c.w->env->stats.calls), n);
    return c;
}

static void crowd_free(struct crowd *c)
{
    for (unsigned i = 0; i < c->n; i++) {
        leave(&c->phones[i]);
        if (i % ROOM == 0) {
            world_run(c->w, 100);
        }
    }
    world_run(c->w, 60000);
    world_close(c->w);
    free(c->phones);
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* what others take is not ours */
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* In dialogs all over the crowd. */
static void ask_options(struct crowd *c)
{
    c->i_phone = (c->i_phone + 7919) % c->n;
    assert_int_equal(phone_send(&c->phones[c->i_phone], "OPTIONS", 0, NULL), 200);
}

/* Into somebody's conference, and out again. */
static void come_and_go(struct crowd *c)
{
    char user[URI_TOKEN_CHARS + 1];
    c->i_phone = (c->i_phone + 7919) % c->n;
    snprintf(user, sizeof user, "%.*s", URI_TOKEN_CHARS, c->phones[c->i_phone].target + 4);
    struct phone p = join(c, user);
    leave(&p);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double ratio(struct crowd *few, struct crowd *crowd, const char *what, void (*ask)(struct crowd *))
{
    struct crowd *both[] = {few, crowd};
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (unsigned k = 0; k < ARRAY_LEN(both); k++) {
            double begin = now_us();
            for (unsigned i = 0; i < BATCH; i++) {
                ask(both[k]);
            }
            both[k]->us[round] = (now_us() - begin) / BATCH;
            world_run(both[k]->w, REMEMBERED_MS);
        }
    }
    qsort(few->us, ROUNDS, sizeof *few->us, by_size);
    qsort(crowd->us, ROUNDS, sizeof *crowd->us, by_size);
    double r = crowd->us[ROUNDS / 2] / few->us[ROUNDS / 2];
    print_message("%s: %.1f us with %u dialogs, %.1f us with %u: %.2f\n", what, few->us[ROUNDS / 2], few->n,
                  crowd->us[ROUNDS / 2], crowd->n, r);
    return r;
}

static void cost_does_not_grow_with_dialogs(void **state)
{
    struct crowd few = crowd_make(FEW, 14000), crowd = crowd_make(many, 15000);
    double in_dialog = ratio(&few, &crowd, "OPTIONS in a dialog", ask_options);
    double join_leave = ratio(&few, &crowd, "INVITE, ACK, BYE", come_and_go);
    crowd_free(&few);
    crowd_free(&crowd);
    assert_true(in_dialog <= ratio_max);
    assert_true(join_leave <= ratio_max);
}

static double rss_kb(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    must(f && fscanf(f, "%*u %lu", &pages) == 1);
    fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1024;
}

/* From the factory to BYE, time going on; then until all is forgotten. */
static void calls_make(struct crowd *c, unsigned n)
{
    char user[URI_TOKEN_CHARS + 1];
    for (unsigned i = 0; i < n; i++) {
        world_issue(c->w, c->next_number++, user);
        struct phone p = join(c, user);
        leave(&p);
        world_run(c->w, 50);
    }
    world_run(c->w, 60000);
}

/* A39. */
static void calls_leave_nothing_behind(void **state)
{
    struct crowd c = crowd_make(FEW, 14000);
    calls_make(&c, calls_leak / 10 + 1000); /* as many are remembered at a time as ever will be */
    double base_kb = rss_kb();
    size_t base = mallinfo2().uordblks;
    calls_make(&c, calls_leak);
    double end_kb = rss_kb();
    size_t end = mallinfo2().uordblks;
    print_message("%u calls: RSS %.0f KB, then %.0f KB; heap in use %zu, then %zu octets\n", calls_leak, base_kb,
                  end_kb, base, end);
    crowd_free(&c);
    assert_true(end <= base + base / 100); /* 0 under a sanitizer, which finds leaks itself */
#ifndef __SANITIZE_ADDRESS__
    assert_true(end_kb <= base_kb * 1.01);
#endif
}

/* SIP remembers a call for 32 s after its BYE: in little more than the texts of its answers. */
static void what_is_remembered_is_small(void **state)
{
    struct crowd c = crowd_make(FEW, 14000);
    size_t base = 0;
    for (unsigned i = 0; i < 2 * FEW; i++) {
        base = i == FEW ? mallinfo2().uordblks : base; /* the requests of the crowd are gone by then */
        come_and_go(&c);
    }
    size_t octets = (mallinfo2().uordblks - base) / FEW;
    print_message("a call that is over: %zu octets\n", octets);
    crowd_free(&c);
    assert_true(octets <= 4000);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        many = (unsigned)atoi(argv[1]);
        calls_leak = (unsigned)atoi(argv[2]);
        ratio_max = 1.3;
        must(many >= FEW && many <= 24000);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cost_does_not_grow_with_dialogs),
        cmocka_unit_test(calls_leave_nothing_behind),
        cmocka_unit_test(what_is_remembered_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
