/* The world: what happens next, rounds of chaos and calm, the end. See house.h. */
#include "tests/sim/house/house.h"

#include "core/base/mem.h"

#include <string.h>

enum {
    STEP_MS = 100,
    ACTS_MS = 100,        /* the operator and time act so often at most */
    RUN_OUT_MAX_S = 1000, /* longer than anything waits: an INVITE that nobody answers (TXN_PENDING_MAX_MS) */
    HANG_UP_S = 40,       /* BYE is sent for 32 s to a phone that is down */
};

uint64_t house_draw_ns(struct house *h, uint32_t ms)
{
    return chance_below(&h->chance, ms * 1000 + 1) * NS_PER_US;
}

/* ---- time ---- */

static void phone_run(struct phone *p)
{
    if (!p->is_down) {
        ua_run(p);
    }
    acts_run(p);
    uint64_t next_ns = p->is_down ? p->up_ns : MIN(ua_next_ns(p), p->house->is_calm ? UINT64_MAX : p->act_ns);
    next_ns = p->alert ? MIN(next_ns, p->alert_ns) : next_ns;
    next_ns = p->check_ns && !p->is_down ? MIN(next_ns, p->check_ns) : next_ns;
    for (unsigned i = 0; i < SESSIONS_MAX; i++) {
        voice_run(&p->sessions[i]);
        next_ns = MIN(next_ns, voice_next_ns(&p->sessions[i]));
    }
    p->next_ns = MAX(next_ns, p->house->now_ns + 1);
}

static uint64_t next_ns(const struct house *h, uint64_t end_ns)
{
    uint64_t next_ns = MIN(MIN(end_ns, h->acts_ns), MIN(workers_next_ns(h), control_next_ns(h)));
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        next_ns = MIN(next_ns, h->phones[i].next_ns);
    }
    return MIN(next_ns, net_next_ns(h, false));
}

void house_until(struct house *h, uint64_t end_ns)
{
    while (h->now_ns < end_ns) {
        h->now_ns = MAX(next_ns(h, end_ns), h->now_ns);
        net_deliver(h, false);
        for (unsigned i = 0; i < h->plan.n_phones; i++) {
            if (h->phones[i].next_ns <= h->now_ns) {
                phone_run(&h->phones[i]);
            }
        }
        workers_run(h);
        if (control_next_ns(h) <= h->now_ns) {
            control_run(h);
        }
        if (h->acts_ns <= h->now_ns) {
            acts_world(h);
            h->acts_ns = h->is_calm ? UINT64_MAX : h->now_ns + ACTS_MS * NS_PER_MS;
        }
    }
}

static void pass_ms(struct house *h, uint64_t ms)
{
    house_until(h, h->now_ns + ms * NS_PER_MS);
}

/* Everybody looks at the clock anew. */
static void calm_set(struct house *h, bool is_calm)
{
    house_say(h, is_calm ? "calm" : "chaos");
    h->is_calm = is_calm;
    h->is_at_rest = false;
    h->acts_ns = is_calm ? UINT64_MAX : h->now_ns;
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        h->phones[i].next_ns = h->now_ns;
        acts_think(&h->phones[i]);
    }
}

/* ---- calm ---- */

/* What a phone waits for. @return NULL: it is at rest */
static const char *unrest_of(const struct phone *p)
{
    const struct session *s = p->now;
    if (p->is_down) {
        return "is down";
    }
    if (ua_is_busy(p) || p->check_ns) {
        return "waits for an answer";
    }
    if (s->at == AT_UP && (s->gate == GATE_SHUT || s->purpose == FOR_ANNC)) {
        return s->purpose == FOR_ANNC ? "hears an announcement" : "owes a PIN";
    }
    bool rings_on = s->at == AT_ALERTED && p->alert_ns == UINT64_MAX;
    return s->at == AT_NOTHING || s->at == AT_UP || rings_on ? NULL : "is between two states";
}

static bool is_at_rest(const struct house *h)
{
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        if (unrest_of(&h->phones[i])) {
            return false;
        }
    }
    return h->now_ns > h->sip_ns + QUIET_MS * NS_PER_MS;
}

static void calm_run(struct house *h)
{
    uint64_t end_ns = h->now_ns + CALM_MAX_MS * NS_PER_MS;
    calm_set(h, true);
    while (!is_at_rest(h) && h->now_ns < end_ns) {
        pass_ms(h, STEP_MS);
    }
    for (unsigned i = 0; i < h->plan.n_phones && h->now_ns >= end_ns; i++) {
        const char *unrest = unrest_of(&h->phones[i]);
        if (unrest) {
            violated(h, "p%u %s, and comes to no rest", i, unrest);
        }
    }
    h->is_at_rest = true;
    pass_ms(h, SETTLE_MS + 800);
    ear_check(h);
    books_calm(h);
}

/* ---- the end ---- */

static void hang_up_all(struct house *h)
{
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        struct session *s = h->phones[i].now;
        if (s->at == AT_UP || s->at == AT_ANSWERED) {
            session_bye(s);
        }
        h->phones[i].next_ns = h->now_ns;
    }
}

/* A phone may be left alone: it repeats its 200 when the INVITE that it answers has just timed out. */
static bool is_left(const struct house *h)
{
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        if (h->phones[i].now->at != AT_NOTHING) {
            return true;
        }
    }
    return timer_wheel_count(&h->wheel) > 0 || h->flying || h->env->rooms || h->env->calls ||
           count_get(&h->env->stats.legs);
}

static void end_run(struct house *h)
{
    h->is_at_rest = false;
    if (h->plan.ends_by_stop) {
        house_say(h, "the server stops");
        focus_stop(h->focus);
        h->control_ns = h->now_ns;
        workers_wake(h);
        pass_ms(h, HANG_UP_S * 1000);
    }
    hang_up_all(h);
    for (unsigned i = 0; i < RUN_OUT_MAX_S && is_left(h); i++) {
        pass_ms(h, 1000);
    }
    pass_ms(h, 2000);
    books_end(h);
}

/* ---- the whole ---- */

static void open_all(struct house *h)
{
    h->digest = 0xcbf29ce484222325ull;
    h->now_ns = NS_PER_S + house_draw_ns(h, 20);
    h->acts_ns = h->now_ns;
    workers_open(h);
    control_open(h);
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        phone_init(h, i);
    }
}

static void close_all(struct house *h)
{
    h->did.moves = count_get(&h->env->stats.moves_in) + count_get(&h->env->stats.moves_out);
    control_close(h);
    workers_close(h);
    net_free(h);
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        phone_free(&h->phones[i]);
    }
}

unsigned house_run(const struct options *o, uint64_t *digest)
{
    struct house *h = mem_get(sizeof *h);
    must(h);
    h->options = o;
    hooks_begin(h, o->scenario);
    plan_draw(&h->plan, o->seed, &h->chance);
    open_all(h);
    for (unsigned i = 0; i < h->plan.n_rounds && !h->n_violations; i++) {
        calm_set(h, false);
        pass_ms(h, h->plan.chaos_ms);
        calm_run(h);
    }
    if (!h->n_violations) {
        end_run(h);
    }
    unsigned n = h->n_violations;
    *digest = h->digest;
    if (n == 0) {
        close_all(h); /* else what is left of it is as it was: the process ends */
    }
    if (hooks_report) {
        uint64_t *sum = (uint64_t *)&hooks_report->did;
        const uint64_t *did = (const uint64_t *)&h->did;
        for (unsigned i = 0; i < sizeof h->did / sizeof *did; i++) {
            sum[i] += did[i];
        }
    }
    hooks_begin(NULL, NULL);
    if (n == 0) {
        mem_put(h);
    }
    return n;
}
