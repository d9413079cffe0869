/*
 * mixminus-bench presence: registrar and presence server without a network: signalling's own code, its store on disk,
 * messages as text in memory. The peers' share is left out where it can be made beforehand.
 *
 *   challenge  REGISTER without credentials, and its 401
 *   register   REGISTER with credentials (SHA-256) to its 200: account looked up, binding stored, presence told
 *   notify     one change of a user with many watchers: until the last NOTIFY has left, and each with its 200
 *   restore    bindings back from the store after a restart
 */
#include "sig/pres/presence.h"
#include "bench/bench.h"
#include "bench/options.h"
#include "core/ctl.h"
#include "sig/focus/focus.h"
#include "sig/reg/registrar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_BYTES = 2048, BATCH = 64, CHUNK = 500 /* users with a nonce at a time: the server forgets older ones */ };

struct message {
    size_t n;
    char text[TEXT_BYTES];
};

/* Signalling, and what it has sent. */
struct server {
    struct timer_wheel wheel;
    struct place *place;
    struct store *store;
    struct ctl ctl;
    struct focus *focus;
    struct txns *txns;
    struct registrar *registrar;
    struct presence *presence;
    uint64_t now_ns;
    struct message *sent; /* a ring of n_ring */
    unsigned n_ring, n_sent;
};

static int on_send(void *ctx, struct flow *flow, const char *text, size_t n)
{
    struct server *s = ctx;
    struct message *m = &s->sent[s->n_sent++ % s->n_ring];
    m->n = MIN(n, sizeof m->text - 1);
    memcpy(m->text, text, m->n);
    m->text[m->n] = '\0';
    return 0;
}

static void on_draw(void *ctx, void *bytes, size_t n)
{
    must(keys_random(bytes, n) == 0);
}

static int on_random(void *ctx, void *bytes, size_t n)
{
    return keys_random(bytes, n);
}

static void on_sent_by(void *ctx, const struct flow *flow, char *text, size_t size)
{
    snprintf(text, size, "127.0.0.1:5060");
}

static uint64_t on_wall_s(void *ctx)
{
    return (uint64_t)time(NULL);
}

static bool wants_register(void *ctx, const struct sip_msg *msg)
{
    return registrar_wants(msg);
}

static void take_register(void *ctx, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    registrar_take(ctx, txn, msg, who);
}

static void reply_register(void *ctx, const struct store_reply *reply)
{
    registrar_reply(ctx, reply);
}

static bool wants_presence(void *ctx, const struct sip_msg *msg)
{
    return presence_wants(ctx, msg);
}

static void take_presence(void *ctx, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    presence_take(ctx, txn, msg, who);
}

static void reply_presence(void *ctx, const struct store_reply *reply)
{
    presence_store_reply(ctx, reply);
}

static void on_phones(void *ctx, const char *user, unsigned n)
{
    presence_phones(ctx, user, n);
}

/* @param store  "sqlite:PATH"; realm "": nobody is asked */
static struct server *server_open(const char *store, const char *realm, unsigned n_ring)
{
    struct server *s = calloc(1, sizeof *s);
    struct txn_config txn_cfg = {.allow = env_methods() | sip_bit(SIP_REGISTER) | sip_bit(SIP_PUBLISH),
                                 .source_rate = 1000000000,
                                 .max_txns = 1 << 20};
    struct txn_world txn_world = {s, on_send, on_draw, on_sent_by, NULL};
    struct env_world env_world = {s, on_random, on_wall_s, on_sent_by};
    struct place_cfg place = {.n_workers = 1, .port_min = 46300, .port_max = 46499};
    static struct env_cfg cfg;
    cfg = (struct env_cfg){.conferences_max = 16, .legs_max = 8, .talkers = 3, .n_hosts = 1, .life_s = 3600};
    must(s != NULL);
    s->sent = calloc(n_ring, sizeof *s->sent);
    s->n_ring = n_ring;
    must(s->sent && ctl_build(&s->ctl) == 0);
    place.workers[0] = &s->ctl;
    must(addr_parse(&place.host, "127.0.0.1", 0) == 0);
    must(place_build(&s->place, &place) == 0);
    must(store_open(&s->store, store) == 0);
    snprintf(cfg.domain, sizeof cfg.domain, "127.0.0.1");
    snprintf(cfg.hosts[0], sizeof cfg.hosts[0], "127.0.0.1");
    snprintf(cfg.factory_user, sizeof cfg.factory_user, "conferences");
    snprintf(cfg.realm, sizeof cfg.realm, "%s", realm);
    cfg.policy.family = AF_INET;
    must(offer_policy_read(&cfg.policy, "PCMA,PCMU", 16000) == 0 && sip_init() == 0);
    s->now_ns = bench_now_ns();
    timer_wheel_init(&s->wheel, s->now_ns);
    must(focus_build(&s->focus, &cfg, &env_world, &s->wheel, s->place, s->store, NULL) == 0);
    struct txn_user user = focus_user(s->focus);
    must(txns_build(&s->txns, &txn_cfg, &txn_world, &user, &s->wheel) == 0);
    focus_attach(s->focus, s->txns);
    must(registrar_build(&s->registrar, focus_env(s->focus), "") == 0);
    must(presence_build(&s->presence, focus_env(s->focus), RULE_ALLOW) == 0);
    registrar_on_change(s->registrar, s->presence, on_phones);
    must(focus_beside_add(s->focus,
                          &(struct focus_beside){s->registrar, wants_register, take_register, reply_register}) == 0);
    must(focus_beside_add(s->focus,
                          &(struct focus_beside){s->presence, wants_presence, take_presence, reply_presence}) == 0);
    return s;
}

static void server_close(struct server *s)
{
    txns_free(s->txns);
    presence_free(s->presence);
    registrar_free(s->registrar);
    focus_free(s->focus);
    place_free(s->place);
    store_close(s->store);
    ctl_free(&s->ctl);
    free(s->sent);
    free(s);
}

static void beat(struct server *s)
{
    s->now_ns = bench_now_ns();
    timer_run(&s->wheel, s->now_ns);
    focus_beat(s->focus);
}

static void hear(struct server *s, unsigned number, const struct message *m)
{
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    char host[32];
    snprintf(host, sizeof host, "10.%u.%u.%u", number >> 16 & 255, number >> 8 & 255, number & 255);
    must(addr_parse(&flow.remote, host, 5060) == 0);
    txns_rx(s->txns, &flow, m->text, m->n, s->now_ns);
}

/* The value of a header, in the text that was sent. */
static void value_of(const char *text, const char *name, char *value, size_t size)
{
    char line[32];
    snprintf(line, sizeof line, "\r\n%s: ", name);
    const char *p = strstr(text, line);
    must(p != NULL);
    p += strlen(line);
    snprintf(value, size, "%.*s", (int)strcspn(p, "\r"), p);
}

/* ---- register ---- */

static void register_write(struct message *m, unsigned i, unsigned cseq, const char *authorization)
{
    m->n =
        (size_t)snprintf(m->text, sizeof m->text,
                         "REGISTER sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKr%u-%u;rport"
                         "\r\nMax-Forwards: 70\r\nFrom: <sip:user%u@127.0.0.1>;tag=t%u\r\nTo: <sip:user%u@127.0.0.1>"
                         "\r\nCall-ID: call-of-a-usual-length-%u@10.0.0.1\r\nCSeq: %u REGISTER\r\n"
                         "Contact: <sip:user%u@10.0.0.1:5060>;expires=3600\r\nUser-Agent: bench\r\n%s%s%s"
                         "Content-Length: 0\r\n\r\n",
                         i, cseq, i, i, i, i, cseq, i, *authorization ? "Authorization: " : "", authorization,
                         *authorization ? "\r\n" : "");
    must(m->n < sizeof m->text);
}

static void accounts_put(const char *store_spec, unsigned n)
{
    struct store *store;
    struct store_req req = {.op = STORE_ACCOUNT_PUT};
    must(store_open(&store, store_spec) == 0);
    for (unsigned i = 0; i < n; i++) {
        snprintf(req.account.user, sizeof req.account.user, "user%u", i);
        must(auth_secret_make(&req.account.secret, req.account.user, "bench", "secret") == 0);
        while (store_put(store, &req) != 0) {
            usleep(1000);
        }
    }
    store_close(store);
}

/* What an exchange takes. */
struct takes {
    double wall_s, cpu_s; /* cpu_s: of signalling's thread */
};

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Sends all, and takes the answers. first: number of the first user. */
static void exchange(struct server *s, const struct message *asked, unsigned first, unsigned n, struct takes *takes)
{
    unsigned begin = s->n_sent;
    uint64_t begin_ns = bench_now_ns();
    double begin_s = cpu_s();
    for (unsigned i = 0; i < n; i++) {
        hear(s, first + i, &asked[i]);
        if (i % BATCH == BATCH - 1 || i + 1 == n) {
            while (s->n_sent - begin < i + 1) {
                beat(s);
            }
        }
    }
    takes->wall_s += (double)(bench_now_ns() - begin_ns) / 1e9;
    takes->cpu_s += cpu_s() - begin_s;
}

/* Answers the challenges among what was sent last; each names its user. A nonce that the server has forgotten by then
 * is challenged again, as it is at many phones at once. @return how many were challenges; asked has as many */
static unsigned credentials_write(struct server *s, struct message *asked, unsigned n, unsigned cseq)
{
    unsigned begin = s->n_sent - n, n_asked = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct message *m = &s->sent[(begin + i) % s->n_ring];
        struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
        struct sip_msg *msg;
        char value[1024];
        must(addr_parse(&flow.remote, "127.0.0.1", 5060) == 0);
        must(sip_parse(m->text, m->n, &flow, &msg) == REFUSE_NONE && (msg->status == 401 || msg->status == 200));
        const char *user = msg->to.uri.user;
        if (msg->status == 401) {
            must(auth_answer(msg, "bench", user, "secret", SIP_REGISTER, "sip:127.0.0.1", 1, value, sizeof value) == 0);
            register_write(&asked[n_asked++], (unsigned)atoi(user + 4), cseq, value);
        }
        sip_free(msg);
    }
    return n_asked;
}

static void bench_register(const char *store, unsigned n, struct takes *challenges, struct takes *registers)
{
    static struct message asked[CHUNK];
    accounts_put(store, n);
    struct server *s = server_open(store, "bench", 2 * CHUNK);
    for (unsigned first = 0; first < n; first += CHUNK) {
        unsigned n_chunk = MIN(n - first, (unsigned)CHUNK), cseq = 2;
        for (unsigned i = 0; i < n_chunk; i++) {
            register_write(&asked[i], first + i, 1, "");
        }
        exchange(s, asked, first, n_chunk, challenges);
        while ((n_chunk = credentials_write(s, asked, n_chunk, cseq++)) > 0) {
            exchange(s, asked, first, n_chunk, registers);
        }
    }
    must(count_get(&registrar_stats(s->registrar)->registered) == n);
    server_close(s);
}

/* ---- restore ---- */

static double bench_restore(const char *store_spec, unsigned n)
{
    struct store *store;
    struct store_req req = {.op = STORE_BINDING_PUT};
    uint64_t now_s = (uint64_t)time(NULL);
    must(store_open(&store, store_spec) == 0);
    for (unsigned i = 0; i < n; i++) {
        struct store_binding *b = &req.binding;
        *b = (struct store_binding){.transport = FLOW_UDP, .q_thousandths = 1000, .cseq = 1, .expires_s = now_s + 3600};
        snprintf(b->user, sizeof b->user, "user%u", i);
        snprintf(b->key, sizeof b->key, "sip:user%u@10.0.0.1:5060", i);
        snprintf(b->contact, sizeof b->contact, "sip:user%u@10.0.0.1:5060", i);
        snprintf(b->call_id, sizeof b->call_id, "call-of-a-usual-length-%u@10.0.0.1", i);
        snprintf(b->source, sizeof b->source, "10.%u.%u.%u:5060", i >> 16 & 255, i >> 8 & 255, i & 255);
        while (store_put(store, &req) != 0) {
            usleep(1000);
        }
    }
    store_close(store);
    uint64_t begin_ns = bench_now_ns();
    struct server *s = server_open(store_spec, "", 16);
    while (count_get(&registrar_stats(s->registrar)->registered) < n) {
        beat(s);
        usleep(200);
    }
    double seconds = (double)(bench_now_ns() - begin_ns) / 1e9;
    server_close(s);
    return seconds;
}

/* ---- notify ---- */

static void answer_write(struct message *m, const char *notify)
{
    char via[256], from[256], to[256], id[128], cseq[64];
    value_of(notify, "Via", via, sizeof via);
    value_of(notify, "From", from, sizeof from);
    value_of(notify, "To", to, sizeof to);
    value_of(notify, "Call-ID", id, sizeof id);
    value_of(notify, "CSeq", cseq, sizeof cseq);
    m->n = (size_t)snprintf(m->text, sizeof m->text,
                            "SIP/2.0 200 OK\r\nVia: %s\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n"
                            "Content-Length: 0\r\n\r\n",
                            via, from, to, id, cseq);
}

/* Answers the NOTIFYs since *seen; each names its watcher, so that the answer comes from there. @return how many */
static unsigned notifies_answer(struct server *s, unsigned *seen, uint64_t *peers_ns)
{
    unsigned n = 0;
    for (; *seen < s->n_sent; (*seen)++) {
        const char *text = s->sent[*seen % s->n_ring].text;
        static struct message answer;
        unsigned number;
        if (sscanf(text, "NOTIFY sip:w%u@", &number) == 1) {
            uint64_t begin_ns = bench_now_ns();
            answer_write(&answer, text);
            *peers_ns += bench_now_ns() - begin_ns;
            hear(s, number, &answer);
            n++;
        }
    }
    return n;
}

static void watcher_add(struct server *s, unsigned i, unsigned *seen)
{
    static struct message m;
    uint64_t unused = 0;
    m.n = (size_t)snprintf(m.text, sizeof m.text,
                           "SUBSCRIBE sip:bob@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKs%u\r\n"
                           "Max-Forwards: 70\r\nFrom: <sip:w%u@127.0.0.1>;tag=t\r\nTo: <sip:bob@127.0.0.1>\r\n"
                           "Call-ID: s%u\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:w%u@10.0.0.1>\r\nEvent: presence\r\n"
                           "Expires: 3600\r\nContent-Length: 0\r\n\r\n",
                           i, i, i, i);
    hear(s, i, &m);
    notifies_answer(s, seen, &unused);
}

/* @param ms  written: until the last NOTIFY  @return microseconds of CPU for each with its 200 */
static double bench_notify(const char *store, unsigned n, double *ms)
{
    struct server *s = server_open(store, "", 4096 + 4 * n);
    struct timespec a, b;
    unsigned seen = 0, n_notified = 0;
    uint64_t peers_ns = 0, end_ns = bench_now_ns() + 100 * NS_PER_MS;
    while (bench_now_ns() < end_ns) {
        beat(s); /* the store says that it has no rules */
    }
    for (unsigned i = 0; i < n; i++) {
        watcher_add(s, i, &seen);
    }
    must(count_get(&presence_stats(s->presence)->watchers) == n);
    end_ns = bench_now_ns() + 5500 * NS_PER_MS; /* a quiet interval */
    while (bench_now_ns() < end_ns) {
        beat(s);
        usleep(1000);
        notifies_answer(s, &seen, &peers_ns);
    }
    seen = s->n_sent;
    peers_ns = 0;
    s->now_ns = bench_now_ns();
    timer_run(&s->wheel, s->now_ns);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
    uint64_t begin_ns = bench_now_ns(), last_ns = begin_ns;
    must(presence_phones(s->presence, "bob", 1) == 0);
    while (n_notified < n && bench_now_ns() < begin_ns + 10 * NS_PER_S) {
        beat(s);
        unsigned got = notifies_answer(s, &seen, &peers_ns);
        n_notified += got;
        last_ns = got ? bench_now_ns() : last_ns;
    }
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
    must(n_notified == n);
    *ms = (double)(last_ns - begin_ns) / 1e6;
    double used_us = (double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3;
    /* The loop turns without sleeping: what an empty beat costs is in it, and so an upper bound. */
    server_close(s);
    return (used_us - (double)peers_ns / 1e3) / n;
}

int bench_presence(int argc, char **argv)
{
    unsigned registers = 5000, bindings = 100000, watchers = 1000;
    char folder[] = "/tmp/mixminus-bench-XXXXXX", store[96], command[128];
    bool is_quick = false;
    struct takes challenges = {0}, registered = {0};
    double ms;
    const struct option_line lines[] = {OPTION_COUNT("registers", registers, "users that register"),
                                        OPTION_COUNT("bindings", bindings, "bindings in the store at a start"),
                                        OPTION_COUNT("watchers", watchers, "watchers of one user"),
                                        OPTION_SWITCH("quick", is_quick, "a hundredth of each"),
                                        {NULL, OPTION_IS_TEXT, NULL, 0, NULL}};
    int status = options_read(argc, argv, "registrar and presence server without a network", lines);
    if (status >= 0) {
        return status;
    }
    if (is_quick) {
        registers = 50, bindings = 1000, watchers = 10;
    }
    must(mkdtemp(folder) != NULL);
    snprintf(store, sizeof store, "sqlite:%s/register.db", folder);
    bench_register(store, registers, &challenges, &registered);
    bench_json_begin("presence");
    printf(
        ",\"case\":\"register\",\"n\":%u,\"challenges_per_s\":%.0f,\"challenge_cpu_us\":%.1f,\"registers_per_s\":%.0f,"
        "\"register_cpu_us\":%.1f}\n",
        registers, registers / challenges.wall_s, challenges.cpu_s * 1e6 / registers, registers / registered.wall_s,
        registered.cpu_s * 1e6 / registers);
    snprintf(store, sizeof store, "sqlite:%s/restore.db", folder);
    double seconds = bench_restore(store, bindings);
    bench_json_begin("presence");
    printf(",\"case\":\"restore\",\"n\":%u,\"seconds\":%.3f}\n", bindings, seconds);
    snprintf(store, sizeof store, "sqlite:%s/notify.db", folder);
    double us = bench_notify(store, watchers, &ms);
    bench_json_begin("presence");
    printf(",\"case\":\"notify\",\"n\":%u,\"last_ms\":%.1f,\"us_each\":%.1f}\n", watchers, ms, us);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 ? 0 : 1;
}
