/* The store's thread: takes requests in batches, one transaction each, and hands them to a back end. */
#include "sig/store/store.h"

#include "core/base/ring.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RING_REQUESTS 4096
#define RING_REPLIES 1024
#define BATCH 512

struct store {
    const struct store_ops *ops;
    void *state;
    struct ring requests, replies;
    pthread_t thread;
    bool tells_policies; /* they were asked for: changes are told */
    time_t looked_s;     /* for changes, when last; by the monotonic clock */
    sem_t work;          /* posted with each request, so that an answer takes no beat */
    _Atomic bool stop;
};

static void nap(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
    nanosleep(&t, NULL);
}

/* A reply may wait: the reader drains its ring each beat. Given up only when the program ends. */
static void reply_put(void *arg, const struct store_reply *reply)
{
    struct store *store = arg;
    bool is_put;
    while (!(is_put = ring_put(&store->replies, reply)) && !atomic_load(&store->stop)) {
        nap(NS_PER_MS);
    }
    if (!is_put && reply->answer == STORE_DOC_IS) {
        free(reply->doc.body);
    }
}

static void fail(struct store *store, const struct store_req *req, int err)
{
    struct store_reply reply = {.answer = STORE_FAILED, .op = req->op, .err = err, .cookie = req->cookie};
    reply_put(store, &reply);
}

/* @return requests handled */
static unsigned batch_run(struct store *store)
{
    struct store_req req;
    unsigned n = 0;
    int err = 0;

    if (!ring_get(&store->requests, &req)) {
        return 0;
    }
    err = store->ops->begin(store->state);
    do {
        store->tells_policies |= req.op == STORE_POLICIES;
        int failed = err ? err : store->ops->handle(store->state, &req, reply_put, store);
        if (failed) {
            fail(store, &req, failed);
        }
        if (req.op == STORE_DOC_PUT) {
            free(req.doc.body);
        }
    } while (++n < BATCH && ring_get(&store->requests, &req));
    if (!err && (err = store->ops->commit(store->state)) != 0) {
        fail(store, &req, err);
    }
    return n;
}

/* Once a second: has an operator written anything? */
static void changes_look(struct store *store)
{
    static const struct store_req req = {.op = STORE_POLICIES};
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!store->tells_policies || !store->ops->changed || now.tv_sec == store->looked_s) {
        return;
    }
    store->looked_s = now.tv_sec;
    if (store->ops->changed(store->state)) {
        int err = store->ops->handle(store->state, &req, reply_put, store);
        if (err) {
            fail(store, &req, err);
        }
    }
}

static void wait_for_work(struct store *store)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec++;
    sem_timedwait(&store->work, &until); /* a clock that jumps costs a second at most, and only when idle */
}

static void *thread_main(void *arg)
{
    struct store *store = arg;
    for (;;) {
        bool stop = atomic_load(&store->stop); /* before the batch: what was put before it is written */
        changes_look(store);
        if (batch_run(store) == 0) {
            if (stop) {
                return NULL;
            }
            wait_for_work(store);
        }
    }
}

/* @param path  out: what stands behind the kind  @return NULL: there is no such kind */
static const struct store_ops *kind_of(const char *spec, const char **path)
{
    static const struct {
        const char *prefix;
        const struct store_ops *ops;
    } kinds[] = {{"memory", &store_mem_ops}, {"sqlite:", &store_sqlite_ops}};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        size_t n = strlen(kinds[i].prefix);
        if (strncmp(spec, kinds[i].prefix, n) == 0 && (spec[n - 1] == ':' || spec[n] == '\0')) {
            *path = spec + n;
            return kinds[i].ops;
        }
    }
    return NULL;
}

int store_probe(const char *spec)
{
    const char *path;
    const struct store_ops *ops = kind_of(spec, &path);
    return ops ? ops->probe(path) : -EINVAL;
}

const char *store_why(int err)
{
    switch (err) {
    case -EINVAL:
        return "there is no such kind; give --store=sqlite:PATH or --store=memory";
    case -EBADMSG:
        return "the file is damaged or belongs to another program; move it away or restore it, or give another --store";
    case -ENOENT:
        return "its folder does not exist; make it, or give another --store";
    case -EACCES:
        return "this user may not write it; change its owner, or give another --store";
    case -ENOSPC:
        return "the disk is full; make room, or give another --store";
    case -EBUSY:
        return "another program holds it; stop that, or give another --store";
    case -ENOMEM:
        return "there is no memory; stop something";
    default:
        return "the disk does not read or write it; look at the kernel's log, or give another --store";
    }
}

int store_open(struct store **out, const char *spec)
{
    const char *path;
    struct store *store = calloc(1, sizeof *store);

    if (!store) {
        return -ENOMEM;
    }
    store->ops = kind_of(spec, &path);
    int err = store->ops ? store->ops->open(&store->state, path) : -EINVAL;
    if (err) {
        goto out;
    }
    sem_init(&store->work, 0, 0);
    if ((err = ring_build(&store->requests, RING_REQUESTS, sizeof(struct store_req))) != 0 ||
        (err = ring_build(&store->replies, RING_REPLIES, sizeof(struct store_reply))) != 0 ||
        (err = -pthread_create(&store->thread, NULL, thread_main, store)) != 0) {
        goto out_state;
    }
    pthread_setname_np(store->thread, "store");
    *out = store;
    return 0;
out_state:
    ring_free(&store->requests);
    ring_free(&store->replies);
    store->ops->close(store->state);
out:
    free(store);
    return err;
}

void store_close(struct store *store)
{
    if (!store) {
        return;
    }
    atomic_store(&store->stop, true);
    sem_post(&store->work);
    pthread_join(store->thread, NULL);
    struct store_reply reply;
    while (store_take(store, &reply)) { /* that nobody waits for any more */
        if (reply.answer == STORE_DOC_IS) {
            free(reply.doc.body);
        }
    }
    ring_free(&store->requests);
    ring_free(&store->replies);
    store->ops->close(store->state);
    sem_destroy(&store->work);
    free(store);
}

int store_put(struct store *store, const struct store_req *req)
{
    if (!ring_put(&store->requests, req)) {
        return -EAGAIN;
    }
    sem_post(&store->work);
    return 0;
}

bool store_take(struct store *store, struct store_reply *reply)
{
    return ring_get(&store->replies, reply);
}

const char *store_policy_subject(char text[AUTH_USER_MAX], const char *key)
{
    snprintf(text, AUTH_USER_MAX, "conf:%s", key);
    return text;
}

int store_pin_mac(uint8_t mac[KEYS_MAC_BYTES], const uint8_t secret[KEYS_SECRET_BYTES], const char *user,
                  const char *pin)
{
    char text[AUTH_USER_MAX + 80];
    int n = snprintf(text, sizeof text, "pin:%s:%s", user, pin);
    int err = n < 0 || (size_t)n >= sizeof text ? -EIO : keys_mac(mac, secret, text, (size_t)n);
    keys_wipe(text, sizeof text);
    return err;
}
