/* Signalling's thread: puts the parts together and runs them. */
#include "sig/sig.h"

#include "sig/http/services.h"
#include "sig/http/status.h"
#include "sig/http/users.h"

#include <errno.h>
#include <ifaddrs.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define STOP_BYE_NS (2 * NS_PER_S) /* for peers to answer BYE */
#define ASK_WAIT_S 2
#define PAGE_NS NS_PER_S /* lifetime of a page that was written for one request */
#define GATHER_PAUSE_NS NS_PER_MS
#define STOP_LEGS_NS (5 * NS_PER_S) /* for workers to give legs back: they take one beat */

/* What another thread has called on signalling's. It belongs to that thread, or if that has given up to signalling. */
enum job_state { JOB_WAITS, JOB_TURNS, JOB_DONE, JOB_ABANDONED };

struct job {
    bool (*turn)(void *arg);
    void *arg;
    _Atomic int state; /* enum job_state */
    sem_t done;
};

struct sig {
    struct sig_cfg cfg;
    struct log log;
    struct net *net;
    struct tls_context *tls; /* NULL: no listener wants it */
    pthread_mutex_t asking;  /* one at a time; of page and paged_ns */
    char *page;              /* what sig_conferences gave last, and when */
    uint64_t paged_ns;
    _Atomic bool asked;
    struct status *gathering;        /* signalling's own */
    _Atomic(struct status *) answer; /* of sig_conferences; answered says when it is there */
    sem_t answered;
    pthread_mutex_t running;      /* one caller of sig_run at a time */
    _Atomic(struct job *) wanted; /* what it has put there */
    struct job *job;              /* signalling's own: what it has taken, and not finished */
    _Atomic bool reload;          /* of the certificate, asked for from another thread */
    struct store *store;
    int store_lock; /* -1: none */
    struct place *place;
    struct focus *focus;
    struct registrar *registrar; /* NULL: nobody registers here */
    struct presence *presence;   /* as well */
    struct instant *instant;     /* as well */
    struct txns *txns;
    struct sig_load load;
    pthread_t thread;
};

/* --- The world ---------------------------------------------------------------------------------------------------- */

static int on_message(void *ctx, const struct flow *flow, const char *bytes, size_t n_bytes, uint64_t now_ns)
{
    return txns_rx(((struct sig *)ctx)->txns, flow, bytes, n_bytes, now_ns);
}

static void on_closed(void *ctx, const struct flow *flow, int err)
{
    txns_flow_gone(((struct sig *)ctx)->txns, flow, err);
}

static void publish(struct sig *sig)
{
    struct place_load now;
    struct sig_load *load = &sig->load;

    place_load(sig->place, &now);
    const struct {
        counter *to;
        uint64_t value;
    } all[] = {{&load->cpu_used_us, now.cpu_used_us},
               {&load->cpu_budget_us, now.cpu_budget_us},
               {&load->kbps_used, now.kbps_used},
               {&load->kbps_max, now.kbps_max},
               {&load->pairs_used, now.pairs_used},
               {&load->pairs_held, now.pairs_held},
               {&load->pairs, now.pairs},
               {&load->is_stopping, focus_env(sig->focus)->stopping},
               {&load->legs, now.legs}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        atomic_store_explicit(all[i].to, all[i].value, memory_order_relaxed);
    }
}

static void tls_reload(struct sig *sig)
{
    char why[TLS_WHY_MAX];
    if (!sig->tls) {
        return;
    }
    if (tls_context_reload(sig->tls, why) == 0) {
        log_line(&sig->log, LOG_INFO, "certificate read again");
    } else {
        log_line(&sig->log, LOG_ERROR, "the old certificate stays: %s", why);
    }
}

static void job_free(struct job *job)
{
    if (job) {
        sem_destroy(&job->done);
        free(job);
    }
}

/* One turn of what another thread has called. @return true: more are to come */
static bool job_turn(struct sig *sig)
{
    int state = JOB_WAITS;
    if (!sig->job) {
        sig->job = atomic_exchange(&sig->wanted, NULL);
    }
    struct job *job = sig->job;
    if (!job) {
        return false;
    }
    if (!atomic_compare_exchange_strong(&job->state, &state, JOB_TURNS)) {
        job_free(job); /* abandoned */
        sig->job = NULL;
        return true;
    }
    bool is_done = job->turn(job->arg);
    atomic_store(&job->state, is_done ? JOB_DONE : JOB_WAITS);
    if (is_done) {
        sig->job = NULL;
        sem_post(&job->done); /* it may be gone after it */
    }
    return true;
}

static uint64_t on_beat(void *ctx, uint64_t now_ns)
{
    struct sig *sig = ctx;
    uint64_t next_ns = focus_beat(sig->focus);
    if (atomic_exchange_explicit(&sig->asked, false, memory_order_acquire) && !sig->gathering) {
        sig->gathering = status_begin();
    }
    if (sig->gathering && status_gather(sig->gathering, focus_env(sig->focus))) {
        status_free(atomic_exchange(&sig->answer, sig->gathering));
        sig->gathering = NULL;
        sem_post(&sig->answered);
    }
    if (atomic_exchange_explicit(&sig->reload, false, memory_order_acquire)) {
        tls_reload(sig);
    }
    bool has_job = job_turn(sig);
    publish(sig);
    count_set(&sig->load.beat_ns, now_ns);
    return sig->gathering || has_job ? MIN(next_ns, GATHER_PAUSE_NS) : next_ns;
}

static int txn_send_to(void *ctx, struct flow *flow, const char *text, size_t n_bytes)
{
    return net_send(((struct sig *)ctx)->net, flow, text, n_bytes);
}

static void txn_random(void *ctx, void *bytes, size_t n_bytes)
{
    net_random(bytes, n_bytes);
}

static void txn_sent_by(void *ctx, const struct flow *flow, char *text, size_t size)
{
    net_sent_by(((struct sig *)ctx)->net, flow, text, size);
}

/* Proxies stand for thousands of phones: the limit per source is for strangers. */
static bool txn_is_trusted(void *ctx, const struct addr *source)
{
    return trust_has(&((struct sig *)ctx)->cfg.focus.trusted, source);
}

static int focus_random(void *ctx, void *bytes, size_t n_bytes)
{
    return keys_random(bytes, n_bytes);
}

static uint64_t focus_wall_s(void *ctx)
{
    return (uint64_t)time(NULL);
}

/* --- Start -------------------------------------------------------------------------------------------------------- */

static bool hosts_have(const struct env_cfg *cfg, const char *host)
{
    for (unsigned i = 0; i < cfg->n_hosts; i++) {
        if (strcmp(cfg->hosts[i], host) == 0) {
            return true;
        }
    }
    return false;
}

static void host_add(struct env_cfg *cfg, const char *host)
{
    if (cfg->n_hosts < ENV_HOSTS_MAX && *host) {
        char *to = cfg->hosts[cfg->n_hosts++];
        snprintf(to, ENV_HOST_MAX, "%s", host);
        for (; *to; to++) {
            *to = *to >= 'A' && *to <= 'Z' ? (char)(*to + 'a' - 'A') : *to;
        }
    }
}

/* A listener on every address has all of this host's: a conference must not call itself by one of them. */
static void hosts_add_local(struct env_cfg *cfg)
{
    char text[ADDR_TEXT_MAX];
    struct ifaddrs *all = NULL;
    if (getifaddrs(&all) != 0) {
        return;
    }
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        struct addr addr = {0};
        int family = one->ifa_addr ? one->ifa_addr->sa_family : AF_UNSPEC;
        if (family == AF_INET || family == AF_INET6) {
            memcpy(&addr, one->ifa_addr, family == AF_INET ? sizeof addr.v4 : sizeof addr.v6);
            if (!hosts_have(cfg, addr_host_text(&addr, text))) {
                host_add(cfg, text);
            }
        }
    }
    freeifaddrs(all);
}

/* Every name that a Request-URI may call us by: the domain, and what we listen on. */
static void hosts_fill(struct sig *sig)
{
    struct env_cfg *cfg = &sig->cfg.focus;
    char text[ADDR_TEXT_MAX], host[ENV_HOST_MAX];

    if (cfg->domain[0] == '\0') {
        cfg->domain_is_ours = true;
        struct flow flow = {.listener = 0, .conn = FLOW_NO_CONN, .transport = sig->cfg.net.listeners[0].transport};
        net_sent_by(sig->net, &flow, cfg->domain, sizeof cfg->domain);
    }
    snprintf(host, sizeof host, "%s", cfg->domain);
    if (host[0] == '[') {
        memmove(host, host + 1, strlen(host));
        host[strcspn(host, "]")] = '\0';
    } else {
        host[strcspn(host, ":")] = '\0';
    }
    host_add(cfg, host);
    for (unsigned i = 0; i < sig->cfg.net.n_listeners; i++) {
        const struct addr *local = net_local(sig->net, i);
        if (addr_is_any(local)) {
            cfg->any_literal_host = true;
            hosts_add_local(cfg);
        } else {
            host_add(cfg, addr_host_text(local, text));
            if (strncmp(text, "127.", 4) == 0 || strcmp(text, "::1") == 0) {
                host_add(cfg, "localhost");
            }
        }
        host_add(cfg, sig->cfg.net.listeners[i].advertised);
    }
}

/* Which sockets calls of ours leave by, and by which ports we would be calling ourselves. */
static int reach_fill(struct sig *sig)
{
    struct reach *reach = &sig->cfg.focus.reach;
    reach->listener_v4 = net_listener_for(sig->net, FLOW_UDP, AF_INET);
    reach->listener_v6 = net_listener_for(sig->net, FLOW_UDP, AF_INET6);
    for (unsigned i = 0; i < sig->cfg.net.n_listeners; i++) {
        reach->own_ports[reach->n_own_ports++] = addr_port(net_local(sig->net, i));
        sig->cfg.focus.sockets[sig->cfg.focus.n_sockets++] = *net_local(sig->net, i);
    }
    if (addr_is_set(&reach->proxy.remote)) {
        int listener =
            net_listener_for(sig->net, (enum flow_transport)reach->proxy.transport, reach->proxy.remote.sa.sa_family);
        if (listener < 0) {
            return listener;
        }
        reach->proxy.listener = (uint8_t)listener;
    }
    return 0;
}

static void *thread_main(void *arg)
{
    struct sig *sig = arg;

    must(net_run(sig->net) == 0); /* epoll on its own descriptors: a failure is ours */
    /* net_stop was called: the orderly end, still on the signalling thread. */
    uint64_t begin_ns = net_now_ns(sig->net);
    focus_stop(sig->focus);
    for (;;) {
        uint64_t waited_ns = net_now_ns(sig->net) - begin_ns;
        bool lent = count_get(&focus_env(sig->focus)->stats.legs) > 0;
        if (focus_is_idle(sig->focus) || waited_ns > STOP_LEGS_NS || (!lent && waited_ns > STOP_BYE_NS)) {
            return NULL;
        }
        if (net_step(sig->net, 5) != 0) {
            return NULL;
        }
    }
}

static int thread_start(struct sig *sig)
{
    pthread_attr_t attr;
    cpu_set_t set;
    sigset_t all, old;

    pthread_attr_init(&attr);
    if (sig->cfg.n_cpus) {
        CPU_ZERO(&set);
        for (unsigned i = 0; i < sig->cfg.n_cpus; i++) {
            CPU_SET((size_t)sig->cfg.cpus[i], &set);
        }
        pthread_attr_setaffinity_np(&attr, sizeof set, &set);
    }
    sigfillset(&all); /* signals are for the program's first thread */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = -pthread_create(&sig->thread, &attr, thread_main, sig);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    if (!err) {
        pthread_setname_np(sig->thread, "sip");
    }
    return err;
}

/* Operators' programs make passwords of the realm that this server asks for. */
static void realm_tell(struct sig *sig)
{
    struct store_req req = {.op = STORE_REALM_PUT};
    if (sig->cfg.focus.realm[0]) {
        snprintf(req.realm, sizeof req.realm, "%s", sig->cfg.focus.realm);
        store_put(sig->store, &req); /* its failure is logged like any other of the store's */
    }
}

static void sig_free(struct sig *sig)
{
    txns_free(sig->txns);
    instant_free(sig->instant);
    presence_free(sig->presence);
    registrar_free(sig->registrar);
    focus_free(sig->focus);
    place_free(sig->place);
    store_close(sig->store);
    if (sig->store_lock >= 0) {
        close(sig->store_lock);
    }
    if (sig->net) {
        net_free(sig->net);
    }
    tls_context_free(sig->tls);
    status_free(atomic_load(&sig->answer));
    status_free(sig->gathering);
    job_free(sig->job); /* nobody waits for them: HTTP has ended before */
    job_free(atomic_load(&sig->wanted));
    free(sig->page);
    sem_destroy(&sig->answered);
    pthread_mutex_destroy(&sig->asking);
    pthread_mutex_destroy(&sig->running);
    free(sig);
}

static bool is_register(void *ctx, const struct sip_msg *msg)
{
    return registrar_wants(msg);
}

static void on_register(void *ctx, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    registrar_take(ctx, txn, msg, who);
}

static void on_store_reply(void *ctx, const struct store_reply *reply)
{
    registrar_reply(ctx, reply);
}

static int find_user(void *ctx, const char *user, struct reach_way *way)
{
    return registrar_find(ctx, user, way);
}

static int registrar_start(struct sig *sig)
{
    struct env *env = focus_env(sig->focus);
    int err = registrar_build(&sig->registrar, env, sig->cfg.service_route);
    if (!err) {
        err = focus_beside_add(sig->focus,
                               &(struct focus_beside){sig->registrar, is_register, on_register, on_store_reply});
        env->locate = (struct env_locate){sig->registrar, find_user};
    }
    return err;
}

static bool presence_has(void *ctx, const struct sip_msg *msg)
{
    return presence_wants(ctx, msg);
}

static void on_presence(void *ctx, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    presence_take(ctx, txn, msg, who);
}

static void on_document(void *ctx, const struct store_reply *reply)
{
    presence_store_reply(ctx, reply);
}

static void on_phones(void *ctx, const char *user, unsigned n_phones)
{
    presence_phones(ctx, user, n_phones); /* without memory it is offline until it registers again */
}

static int presence_start(struct sig *sig)
{
    int err = presence_build(&sig->presence, focus_env(sig->focus), sig->cfg.presence_default);
    if (!err) {
        registrar_on_change(sig->registrar, sig->presence, on_phones);
        err =
            focus_beside_add(sig->focus, &(struct focus_beside){sig->presence, presence_has, on_presence, on_document});
    }
    return err;
}

static bool instant_has(void *ctx, const struct sip_msg *msg)
{
    return instant_wants(ctx, msg);
}

static void on_instant(void *ctx, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    instant_take(ctx, txn, msg, who);
}

static void on_service(void *ctx, const struct store_reply *reply)
{
    instant_store_reply(ctx, reply);
}

static const struct members *group_members(void *ctx, const char *name)
{
    return presence_group(ctx, name);
}

static bool is_dnd(void *ctx, const char *user)
{
    return presence_status(ctx, user) == PRESENCE_DND;
}

static void on_session(void *ctx, const struct session *session, bool is_over)
{
    static const enum presence_session states[SESSION_STATUSES] = {[SESSION_READY] = PRESENCE_SESSION_IDLE,
                                                                   [SESSION_TALKS] = PRESENCE_SESSION_TALKING,
                                                                   [SESSION_UNREACHABLE] =
                                                                       PRESENCE_SESSION_UNREACHABLE};
    char uri[AUTH_USER_MAX + ENV_HOST_MAX + 8];
    snprintf(uri, sizeof uri, "sip:%s@%s", session->identification, session->call->env->cfg.domain);
    presence_session(ctx, session->account, PROVISION_SERVICE, uri,
                     is_over ? PRESENCE_SESSION_NONE : states[session->status]); /* without memory it is not seen */
}

static enum refusal on_subscribed(void *ctx, const char *user, const char *service, const char *identification)
{
    struct sig *sig = ctx;
    return setup_begin(instant_sessions(sig->instant), user, service, identification, !sig->cfg.ptt.terminal_calls);
}

static void on_unsubscribed(void *ctx, const char *user, const char *service, const char *identification)
{
    setup_end(instant_sessions(((struct sig *)ctx)->instant), user, service, identification);
}

static void on_phone_there(void *ctx, const char *user, unsigned n_phones)
{
    if (n_phones) {
        setup_registered(instant_sessions(ctx), user);
    }
}

/* Who does not want to be disturbed counts as nobody to talk to. */
static void on_presence_changed(void *ctx, struct presentity *p, bool with_rules)
{
    session_available(instant_sessions(ctx), p->user, !presentity_is_dnd(p));
}

static int instant_start(struct sig *sig)
{
    struct sessions_user user = {sig->presence, group_members, is_dnd, on_session};
    const struct sig_cfg *cfg = &sig->cfg;
    struct floor_policy policy = FLOOR_DEFAULTS;
    policy.t1_ms = cfg->ptt.t1_s * 1000;
    policy.t2_ms = cfg->ptt.t2_s * 1000;
    policy.t3_ms = cfg->ptt.t3_s * 1000;
    policy.t4_ms = cfg->ptt.t4_s * 1000;
    policy.queue_max = (uint8_t)cfg->ptt.queue;
    int err = instant_build(&sig->instant, focus_env(sig->focus), &policy, &user);
    if (!err) {
        registrar_on_change(sig->registrar, sig->instant, on_phone_there);
        presence_hook(sig->presence, &(struct presentity_hook){sig->instant, on_presence_changed});
        presence_service_user(sig->presence, &(struct rlmi_service_user){sig, on_subscribed, on_unsubscribed});
        err = focus_beside_add(sig->focus, &(struct focus_beside){sig->instant, instant_has, on_instant, on_service});
    }
    return err;
}

int sig_start(struct sig **out, const struct sig_cfg *cfg, struct sig_failure *failure)
{
    struct sig *sig = calloc(1, sizeof *sig);
    int err;

    *failure = (struct sig_failure){0};
    if (!sig || (err = sip_init()) != 0) {
        free(sig);
        return -ENOMEM;
    }
    sig->cfg = *cfg;
    sig->log = cfg->log;
    sig->store_lock = -1;
    pthread_mutex_init(&sig->asking, NULL);
    pthread_mutex_init(&sig->running, NULL);
    sem_init(&sig->answered, 0, 0);
    struct net_user net_user = {sig, on_message, on_closed, on_beat};
    struct txn_world txn_world = {sig, txn_send_to, txn_random, txn_sent_by, txn_is_trusted};
    struct env_world env_world = {sig, focus_random, focus_wall_s, txn_sent_by};

    failure->part = SIG_PART_TLS;
    if (cfg->tls.cert[0] && (err = tls_context_build(&sig->tls, &cfg->tls, failure->why)) != 0) {
        goto out;
    }
    sig->cfg.net.tls = sig->tls;
    failure->part = SIG_PART_NET;
    if ((err = net_build(&sig->net, &sig->cfg.net, &net_user, &failure->listener)) != 0) {
        goto out;
    }
    hosts_fill(sig);
    failure->part = SIG_PART_PLACE;
    if ((err = reach_fill(sig)) != 0) {
        goto out;
    }
    net_random(&sig->cfg.place.first, sizeof sig->cfg.place.first);
    if ((err = place_build(&sig->place, &sig->cfg.place)) != 0) {
        goto out;
    }
    failure->part = SIG_PART_LOCK;
    if ((err = store_lock(&sig->store_lock, cfg->store, &failure->holder)) != 0) {
        failure->part = err == -EBUSY ? SIG_PART_LOCK : SIG_PART_STORE;
        goto out;
    }
    failure->part = SIG_PART_STORE;
    if ((err = store_open(&sig->store, cfg->store)) != 0) {
        goto out;
    }
    failure->part = SIG_PART_FOCUS;
    err =
        focus_build(&sig->focus, &sig->cfg.focus, &env_world, net_timers(sig->net), sig->place, sig->store, &sig->log);
    if (err) {
        goto out;
    }
    sig->cfg.txn.allow = env_methods() | (cfg->is_registrar ? sip_bit(SIP_REGISTER) | sip_bit(SIP_PUBLISH) : 0);
    sig->cfg.txn.turn_messages = NET_TURN_FULL;
    sig->cfg.txn.answer_percent = TXN_ANSWER_PERCENT;
    struct txn_user user = focus_user(sig->focus);
    if ((err = txns_build(&sig->txns, &sig->cfg.txn, &txn_world, &user, net_timers(sig->net))) != 0) {
        goto out;
    }
    focus_attach(sig->focus, sig->txns);
    if (cfg->is_registrar &&
        ((err = registrar_start(sig)) != 0 || (err = presence_start(sig)) != 0 || (err = instant_start(sig)) != 0)) {
        goto out;
    }
    realm_tell(sig);
    publish(sig);
    failure->part = SIG_PART_THREAD;
    if ((err = thread_start(sig)) != 0) {
        goto out;
    }
    failure->part = SIG_PART_NONE;
    *out = sig;
    return 0;
out:
    sig_free(sig);
    return err;
}

void sig_stop(struct sig *sig)
{
    if (!sig) {
        return;
    }
    net_stop(sig->net);
    pthread_join(sig->thread, NULL);
    sig_free(sig);
}

static uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

bool sig_is_still(const struct sig *sig)
{
    uint64_t beat_ns = count_get(&sig->load.beat_ns), now_ns = clock_ns();
    return beat_ns != 0 && now_ns > beat_ns + ASK_WAIT_S * NS_PER_S;
}

/* Asks signalling and waits. @return NULL: it did not answer */
static char *page_ask(struct sig *sig)
{
    struct timespec until;
    while (sem_trywait(&sig->answered) == 0) { /* an answer that came too late for the request before */
    }
    status_free(atomic_exchange(&sig->answer, NULL));
    atomic_store_explicit(&sig->asked, true, memory_order_release);
    net_wake(sig->net);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ASK_WAIT_S;
    while (sem_timedwait(&sig->answered, &until) != 0 && errno == EINTR) {
    }
    struct status *status = atomic_exchange(&sig->answer, NULL);
    char *text = status ? status_write(status) : NULL;
    status_free(status);
    return text;
}

/* It has not been done in time. @return 0 it was, meanwhile | -ETIMEDOUT: it belongs to signalling now, or to nobody */
static int job_abandon(struct sig *sig, struct job *job)
{
    int state = JOB_WAITS;
    if (atomic_exchange(&sig->wanted, NULL) == job) {
        job_free(job); /* signalling has never seen it */
        return -ETIMEDOUT;
    }
    if (atomic_compare_exchange_strong(&job->state, &state, JOB_ABANDONED)) {
        return -ETIMEDOUT;
    }
    while (sem_wait(&job->done) != 0) { /* it is at it, or just done: a turn is short */
    }
    job_free(job);
    return 0;
}

int sig_run(struct sig *sig, bool (*turn)(void *arg), void *arg)
{
    struct timespec until;
    struct job *job = sig_is_still(sig) ? NULL : calloc(1, sizeof *job);
    int err = 0;
    if (!job) {
        return -ETIMEDOUT;
    }
    job->turn = turn;
    job->arg = arg;
    sem_init(&job->done, 0, 0);
    pthread_mutex_lock(&sig->running);
    atomic_store(&sig->wanted, job);
    net_wake(sig->net);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ASK_WAIT_S;
    while ((err = sem_timedwait(&job->done, &until)) != 0 && errno == EINTR) {
    }
    if (err) {
        err = job_abandon(sig, job);
    } else {
        job_free(job);
    }
    pthread_mutex_unlock(&sig->running);
    return err;
}

static int door_run(void *ctx, bool (*turn)(void *arg), void *arg)
{
    return sig_run(ctx, turn, arg);
}

static struct presence *door_presence(void *ctx)
{
    return ((struct sig *)ctx)->presence;
}

static struct instant *door_instant(void *ctx)
{
    return ((struct sig *)ctx)->instant;
}

static const struct env *door_env(void *ctx)
{
    return focus_env(((struct sig *)ctx)->focus);
}

unsigned sig_services(FILE *out, struct sig *sig, enum sig_page page, const struct api_request *request,
                      struct api_problem *problem)
{
    static unsigned (*const serve[])(FILE * out, const struct services_door *door, const struct api_request *request,
                                     struct api_problem *problem) = {
        [SIG_PAGE_SERVICES] = services_serve,
        [SIG_PAGE_SESSIONS] = services_sessions_serve,
        [SIG_PAGE_CHANNELS] = services_channels_serve,
        [SIG_PAGE_ACTIVATIONS] = services_activations_serve,
    };
    return serve[page](out, &(struct services_door){sig, door_run, door_instant, door_env}, request, problem);
}

unsigned sig_users(FILE *out, struct sig *sig, const struct api_request *request, struct api_problem *problem)
{
    if (services_are(request->rest)) {
        return services_user_serve(out, &(struct services_door){sig, door_run, door_instant, door_env}, request,
                                   problem);
    }
    return users_serve(out, &(struct users_door){sig, door_run, door_presence}, request, problem);
}

unsigned sig_groups(FILE *out, struct sig *sig, const struct api_request *request, struct api_problem *problem)
{
    return groups_serve(out, &(struct users_door){sig, door_run, door_presence}, request, problem);
}

bool sig_is_ready(const struct sig *sig)
{
    return !sig_is_still(sig) && count_get(&sig->load.is_stopping) == 0;
}

char *sig_conferences(struct sig *sig)
{
    if (sig_is_still(sig)) {
        return NULL;
    }
    pthread_mutex_lock(&sig->asking);
    uint64_t now_ns = clock_ns();
    if (!sig->page || now_ns > sig->paged_ns + PAGE_NS) {
        free(sig->page);
        sig->page = page_ask(sig);
        sig->paged_ns = now_ns;
    }
    char *text = sig->page ? strdup(sig->page) : NULL;
    pthread_mutex_unlock(&sig->asking);
    return text;
}

void sig_reload(struct sig *sig)
{
    atomic_store_explicit(&sig->reload, true, memory_order_release);
}

struct sig_figures sig_figures(const struct sig *sig)
{
    return (struct sig_figures){&focus_env(sig->focus)->stats,
                                txns_stats(sig->txns),
                                net_stats(sig->net),
                                &sig->load,
                                sig->registrar ? registrar_stats(sig->registrar) : NULL,
                                sig->presence ? presence_stats(sig->presence) : NULL,
                                sig->instant ? instant_stats(sig->instant) : NULL};
}

const char *sig_transport_name(uint8_t transport)
{
    static const char *const names[] = {[FLOW_UDP] = "udp", [FLOW_TCP] = "tcp", [FLOW_TLS] = "tls"};
    return transport <= FLOW_TLS ? names[transport] : "?";
}

const char *sig_listener_text(const struct sig *sig, unsigned i, char text[ADDR_TEXT_MAX + 8])
{
    char address[ADDR_TEXT_MAX];
    snprintf(text, ADDR_TEXT_MAX + 8, "%s:%s", sig_transport_name(sig->cfg.net.listeners[i].transport),
             addr_text(net_local(sig->net, i), address));
    return text;
}

const char *sig_domain(const struct sig *sig)
{
    return sig->cfg.focus.domain;
}
