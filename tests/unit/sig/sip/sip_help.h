/* What the tests of the SIP stack share: files, a flow, thread time, and a world for the transaction layer that keeps
 * what is sent in a list and lives on a clock of its own. */
#ifndef TESTS_UNIT_SIG_SIP_SIP_HELP_H
#define TESTS_UNIT_SIG_SIP_SIP_HELP_H

#include "sig/txn/txn.h"

/* clang-format off: cmocka wants these before itself */
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
/* clang-format on */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef TEST_DATA
#define TEST_DATA "tests/data" /* the build names the folder */
#endif
#define FILE_BYTES_MAX 131072

static inline size_t help_file(const char *path, char *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t n = file == NULL ? 0 : fread(bytes, 1, size, file);
    if (file != NULL) {
        fclose(file);
    }
    return n;
}

static inline size_t help_rfc4475(const char *name, char *bytes, size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/rfc4475/%s.dat", TEST_DATA, name);
    return help_file(path, bytes, size);
}

static inline struct flow help_flow(enum flow_transport transport, const char *host, uint16_t port)
{
    struct addr remote;
    must(addr_parse(&remote, host, port) == 0);
    struct flow flow = flow_to(transport, 0, &remote);
    if (transport != FLOW_UDP) {
        flow.conn = port;
        flow.generation = 1;
    }
    return flow;
}

static inline uint64_t help_thread_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

static inline uint64_t help_random(uint64_t *state)
{
    *state += 0x9e3779b97f4a7c15ull; /* splitmix64 */
    uint64_t z = *state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

/* ---- the world of a transaction layer ---- */

#define WORLD_SENT_MAX 64
#define WORLD_TEXT_MAX 4096

struct world {
    struct timer_wheel wheel;
    struct txns *txns;
    uint64_t now_ns, seed;
    unsigned n_sent;
    char sent[WORLD_SENT_MAX][WORLD_TEXT_MAX]; /* the last ones, at n % WORLD_SENT_MAX */
    struct flow sent_to[WORLD_SENT_MAX];
    int send_err, send_err_tcp;
    /* what the user was told */
    unsigned n_requests, n_acks, n_cancels, n_responses, n_timeouts, n_errors, n_gone;
    struct txn *txn; /* of the last call */
    int status;      /* of the last response */
    int answer;      /* what on_request answers with, 0: nothing */
    bool is_user_acking;
};

static inline int world_send(void *ctx, struct flow *flow, const char *text, size_t n)
{
    struct world *w = ctx;
    int err = flow->transport == FLOW_TCP && w->send_err_tcp != 0 ? w->send_err_tcp : w->send_err;
    if (err != 0) {
        return err;
    }
    if (flow->transport != FLOW_UDP && flow->conn == FLOW_NO_CONN) {
        flow->conn = 77;
        flow->generation = 1;
    }
    unsigned at = w->n_sent++ % WORLD_SENT_MAX;
    snprintf(w->sent[at], WORLD_TEXT_MAX, "%.*s", (int)n, text);
    w->sent_to[at] = *flow;
    return 0;
}

static inline void world_random(void *ctx, void *bytes, size_t n)
{
    struct world *w = ctx;
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)help_random(&w->seed);
    }
}

static inline void world_sent_by(void *ctx, const struct flow *flow, char *text, size_t size)
{
    snprintf(text, size, "192.0.2.1:5060");
}

static inline void world_on_request(void *ctx, struct txn *txn, const struct sip_msg *msg)
{
    struct world *w = ctx;
    w->n_requests++;
    w->txn = txn;
    if (w->answer != 0) {
        struct sip_out *out = txn_response(txn, w->answer, NULL);
        sip_add(out, "Contact", "<sip:mixer@192.0.2.1>");
        txn_respond(txn, out);
    }
}

static inline void world_on_ack(void *ctx, const struct sip_msg *msg)
{
    struct world *w = ctx;
    w->n_acks++;
    if (w->is_user_acking && w->txn != NULL) {
        txn_acked(w->txn);
    }
}

static inline void world_on_cancel(void *ctx, struct txn *invite)
{
    struct world *w = ctx;
    w->n_cancels++;
    txn_reply(invite, 487, NULL);
}

static inline void world_on_response(void *ctx, struct txn *txn, const struct sip_msg *msg)
{
    struct world *w = ctx;
    w->n_responses++;
    w->status = msg->status;
    w->txn = txn;
}

static inline void world_on_timeout(void *ctx, struct txn *txn)
{
    ((struct world *)ctx)->n_timeouts++;
}

static inline void world_on_error(void *ctx, struct txn *txn, int err)
{
    ((struct world *)ctx)->n_errors++;
}

static inline void world_on_gone(void *ctx, struct txn *txn)
{
    struct world *w = ctx;
    w->n_gone++;
    if (w->txn == txn) {
        w->txn = NULL;
    }
}

/* INVITEs at once, all else later. */
static inline bool world_may_wait(void *ctx, const struct sip_msg *msg, bool is_far)
{
    return is_far || msg->method == SIP_INVITE;
}

static inline struct world *world_make(const struct txn_config *cfg)
{
    struct world *w = calloc(1, sizeof *w);
    must(w != NULL);
    w->now_ns = 1000 * NS_PER_S;
    w->seed = 1;
    timer_wheel_init(&w->wheel, w->now_ns);
    struct txn_world world = {w, world_send, world_random, world_sent_by, NULL};
    struct txn_user user = {w, world_on_request, world_on_ack, world_on_cancel, world_on_response,
                            world_on_timeout, world_on_error, world_on_gone, world_may_wait, NULL};
    must(txns_build(&w->txns, cfg, &world, &user, &w->wheel) == 0);
    return w;
}

static inline void world_free(struct world *w)
{
    txns_free(w->txns);
    free(w);
}

/* Lets time pass. */
static inline void world_wait(struct world *w, uint64_t ms)
{
    w->now_ns += ms * NS_PER_MS;
    timer_run(&w->wheel, w->now_ns);
}

static inline int world_rx(struct world *w, const struct flow *flow, const char *text)
{
    return txns_rx(w->txns, flow, text, strlen(text), w->now_ns);
}

/* The n-th last thing sent, 0: the last. */
static inline const char *world_sent(const struct world *w, unsigned back)
{
    return w->n_sent <= back ? "" : w->sent[(w->n_sent - 1 - back) % WORLD_SENT_MAX];
}

static inline int world_sent_status(const struct world *w)
{
    int status = 0;
    return sscanf(world_sent(w, 0), "SIP/2.0 %d", &status) == 1 ? status : 0;
}

static inline uint64_t world_refused(const struct world *w)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < REFUSES; i++) {
        sum += count_get(&txns_stats(w->txns)->refused[i]);
    }
    return sum;
}

#endif
