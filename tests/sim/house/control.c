/* Signalling as sig.c puts it together, on the world's clock. A turn of its loop: timers, what has come, the beat. It
 * is late at times, and stands still now and then. */
#include "tests/sim/house/house.h"

#include "core/conf/clip.h"
#include "sig/ivr/prompts.h"
#include "sig/room/policy.h"
#include "sig/store/store.h"

#include <string.h>
#include <unistd.h>

static int draw_bytes(void *ctx, void *bytes, size_t n)
{
    struct house *h = ctx;
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)(chance_draw(&h->chance) >> 24);
    }
    return 0;
}

static void draw_for_txns(void *ctx, void *bytes, size_t n)
{
    draw_bytes(ctx, bytes, n);
}

static void sent_by(void *ctx, const struct flow *flow, char *text, size_t size)
{
    snprintf(text, size, SERVER);
}

static uint64_t wall_s(void *ctx)
{
    const struct house *h = ctx;
    return h->wall_s + h->now_ns / NS_PER_S;
}

/* A constant: what is heard of it says which it is. */
static void prompt_add(struct house *h, const char *name, int16_t value)
{
    int16_t pcm[8 * PROMPT_MS];
    for (unsigned i = 0; i < ARRAY_LEN(pcm); i++) {
        pcm[i] = value;
    }
    must(prompts_add(h->prompts, name, pcm, ARRAY_LEN(pcm), 8000) == 0);
}

static void prompts_open(struct house *h)
{
    must(prompts_build(&h->prompts) == 0);
    prompt_add(h, "pin-enter.wav", PROMPT_ENTER);
    prompt_add(h, "pin-wrong.wav", PROMPT_WRONG);
    prompt_add(h, "pin-right.wav", PROMPT_RIGHT);
    prompt_add(h, "hello.wav", PROMPT_ANNC);
}

static void env_fill(struct house *h, struct env_cfg *cfg)
{
    snprintf(cfg->domain, sizeof cfg->domain, SERVER);
    snprintf(cfg->hosts[cfg->n_hosts++], ENV_HOST_MAX, SERVER_HOST);
    snprintf(cfg->factory_user, sizeof cfg->factory_user, "conferences");
    snprintf(cfg->server, sizeof cfg->server, "mixminus");
    snprintf(cfg->cname, sizeof cfg->cname, "house@example");
    cfg->policy.family = AF_INET;
    must(offer_policy_read(&cfg->policy, "L16/8000,PCMU", 16000) == 0);
    must(reach_read(&cfg->reach, "192.0.2.0/24") == 0);
    cfg->reach.own_ports[cfg->reach.n_own_ports++] = 5060;
    cfg->prompts = h->prompts;
    cfg->strict = true;
}

void control_open(struct house *h)
{
    struct env_cfg env_cfg = h->plan.env;
    struct place_cfg place = h->plan.place;
    struct txn_config txn_cfg = h->plan.txns;
    struct txn_world txn_world = {h, net_send, draw_for_txns, sent_by, NULL};
    struct env_world env_world = {h, draw_bytes, wall_s, sent_by};
    txn_cfg.allow = env_methods();
    h->log = (struct log){.level = LOG_DEBUG, .fd = h->options->trace ? STDOUT_FILENO : -1};
    h->wall_s = 1700000000;
    timer_wheel_init(&h->wheel, h->now_ns);
    prompts_open(h);
    env_fill(h, &env_cfg);
    must(addr_parse(&place.host, SERVER_HOST, 0) == 0);
    place.sockets = &h->sockets;
    for (unsigned i = 0; i < h->plan.n_workers; i++) {
        place.workers[i] = &h->sites[i].ctl;
    }
    must(place_build(&h->place, &place) == 0);
    must(focus_build(&h->focus, &env_cfg, &env_world, &h->wheel, h->place, NULL, &h->log) == 0);
    h->env = focus_env(h->focus);
    struct txn_user user = focus_user(h->focus);
    must(txns_build(&h->txns, &txn_cfg, &txn_world, &user, &h->wheel) == 0);
    focus_attach(h->focus, h->txns);
    h->control_ns = h->now_ns;
}

void control_policy(struct house *h, const struct meeting *m)
{
    struct store_reply reply = {.answer = STORE_POLICY_IS, .op = STORE_POLICIES};
    struct store_policy *policy = &reply.policy;
    char subject[AUTH_USER_MAX];
    snprintf(policy->key, sizeof policy->key, "%s", m->token);
    policy->is_locked = m->is_locked;
    policy->has_pin = m->has_pin;
    store_policy_subject(subject, policy->key);
    must(store_pin_mac(policy->pin, h->env->secret, subject, m->pin) == 0);
    policy_take(h->env, &reply);
}

uint64_t control_next_ns(const struct house *h)
{
    uint64_t next_ns = MIN(h->control_ns, timer_next_ns(&h->wheel));
    return MAX(MIN(next_ns, net_next_ns(h, true)), h->control_held_ns);
}

static void moves_look(struct house *h)
{
    uint64_t n = count_get(&h->env->stats.moves_refused);
    if (n != h->n_refused) {
        h->n_refused = n;
        h->refused_ns = h->now_ns;
    }
}

void control_run(struct house *h)
{
    timer_run(&h->wheel, h->now_ns);
    net_deliver(h, true);
    h->control_ns = h->now_ns + focus_beat(h->focus);
    moves_look(h);
    workers_wake(h);
    h->control_held_ns = h->now_ns + house_draw_ns(h, 1);
    if (!h->is_calm && chance_of(&h->chance, h->plan.control_stalls) && chance_of(&h->chance, 200)) {
        h->control_held_ns = h->now_ns + house_draw_ns(h, 1500);
        bool may_wait = h->plan.ring_requests < RING_USUAL; /* a drop that found the ring full, too */
        h->stalled_ns = may_wait ? MAX(h->stalled_ns, h->control_held_ns) : h->stalled_ns;
        house_say(h, "signalling stands still until %.3f", (double)h->control_held_ns / 1e9);
    }
}

void control_close(struct house *h)
{
    txns_free(h->txns);
    focus_free(h->focus);
    place_free(h->place);
    prompts_free(h->prompts);
}
