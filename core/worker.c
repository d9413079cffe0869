/*
 * The worker thread: builds ring and engine where they will run, pins itself, then beats. The only file of core/ that
 * knows threads.
 */
#include "core/worker.h"

#include "core/base/mem.h"
#include "core/engine.h"
#include "core/io_socket.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

struct worker {
    struct worker_cfg cfg;
    struct ctl ctl;
    struct worker_stats stats;
    struct io *io;
    struct engine *engine;
    pthread_t thread;
    sem_t started;
    int error, fifo_error, io_error;
    _Atomic bool stop;
};

static int pin(int cpu)
{
    if (cpu < 0) {
        return 0;
    }
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set) ? -ENODEV : 0;
}

static int worker_open(struct worker *w)
{
    int err = pin(w->cfg.cpu);
    if (err) {
        return err;
    }
    if (w->cfg.fifo_priority) {
        struct sched_param p = {.sched_priority = w->cfg.fifo_priority};
        w->fifo_error = -pthread_setschedparam(pthread_self(), SCHED_FIFO, &p);
    }
    uint32_t legs_max = w->cfg.legs_max + WORKER_RELAYS_MAX, n_slots = 2 * (legs_max + w->cfg.asleep_max);
    if (w->cfg.io == WORKER_IO_URING) {
        err = w->io_error = uring_build(&w->io, n_slots, &w->stats);
    }
    if (w->cfg.io == WORKER_IO_SYSCALL || (err && w->cfg.may_fall_back)) {
        err = syscall_build(&w->io, n_slots, &w->stats);
    }
    if (err) {
        return err;
    }
    struct engine_cfg cfg = {
        .ctl = &w->ctl,
        .io = w->io,
        .stats = &w->stats,
        .simd = w->cfg.simd,
        .legs_max = legs_max,
        .asleep_max = w->cfg.asleep_max,
        .kits_max = w->cfg.kits_max,
        .lazy_decode = w->cfg.lazy_decode,
        .wall_offset_ns = w->cfg.wall_offset_ns,
        .clock = io_socket_now,
    };
    return engine_build(&w->engine, &cfg);
}

static void worker_close(struct worker *w)
{
    engine_free(w->engine);
    if (w->io) {
        w->io->ops->free(w->io);
    }
}

static void worker_run(struct worker *w)
{
    uint64_t now_ns = w->io->ops->wait(w->io, 0);
    while (!atomic_load_explicit(&w->stop, memory_order_acquire)) {
        uint64_t next_ns = engine_beat(w->engine, now_ns);
        uint64_t spent_ns = io_socket_now() - now_ns;
        count_add(&w->stats.busy_ns, spent_ns);
        count_add(&w->stats.beat_ns[histogram_bucket(spent_ns)], 1);
        now_ns = w->io->ops->wait(w->io, next_ns);
    }
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    char name[16];
    snprintf(name, sizeof name, "mixer/%d", w->cfg.index);
    pthread_setname_np(pthread_self(), name);
    w->error = worker_open(w);
    int error = w->error;
    sem_post(&w->started);
    if (!error) {
        worker_run(w);
    }
    return NULL; /* what it built is freed by its starter: a worker's thread gives nothing back to the heap */
}

int worker_start(struct worker **out, const struct worker_cfg *cfg)
{
    struct worker *w = mem_get(sizeof *w);
    if (!w) {
        return -ENOMEM;
    }
    w->cfg = *cfg;
    int err = ctl_build(&w->ctl);
    if (err) {
        goto out;
    }
    w->ctl.stats = &w->stats;
    sem_init(&w->started, 0, 0);
    err = -pthread_create(&w->thread, NULL, worker_main, w);
    if (err) {
        goto out;
    }
    while (sem_wait(&w->started)) {
    }
    err = w->error;
    if (err) {
        pthread_join(w->thread, NULL);
        worker_close(w);
    }
out:
    if (err) {
        ctl_free(&w->ctl);
        mem_put(w);
        return err;
    }
    *out = w;
    return 0;
}

size_t worker_bytes(uint32_t legs_max, uint32_t asleep_max)
{
    return engine_bytes(legs_max + WORKER_RELAYS_MAX, asleep_max) +
           CTL_RING * (sizeof(struct ctl_req) + sizeof(struct ctl_ev));
}

struct ctl *worker_ctl(struct worker *w)
{
    return &w->ctl;
}

int worker_io_error(const struct worker *w)
{
    return w->io_error;
}

int worker_fifo_error(const struct worker *w)
{
    return w->fifo_error;
}

void worker_stop(struct worker *w)
{
    atomic_store_explicit(&w->stop, true, memory_order_release);
    pthread_join(w->thread, NULL);
    worker_close(w);
    sem_destroy(&w->started);
    ctl_free(&w->ctl);
    mem_put(w);
}
