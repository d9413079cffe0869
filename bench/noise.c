/* How late the machine is. See noise.h. */
#include "bench/bench.h"
#include "bench/noise.h"

#include "core/base/limits.h"

#include <sched.h>
#include <time.h>

enum { EVERY_NS = 2 * NS_PER_MS, LATE_NS = 5 * NS_PER_MS, PRIORITY = 50 };

static void *watch(void *arg)
{
    struct noise *noise = arg;
    struct sched_param p = {.sched_priority = PRIORITY};
    bench_pin(noise->cpu);
    sched_setscheduler(0, SCHED_FIFO, &p);
    for (uint64_t due_ns = bench_now_ns(); !atomic_load(&noise->stop); due_ns += EVERY_NS) {
        struct timespec due = {.tv_sec = (time_t)(due_ns / NS_PER_S), .tv_nsec = (long)(due_ns % NS_PER_S)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        noise->naps++;
        noise->late += bench_now_ns() > due_ns + LATE_NS;
    }
    return NULL;
}

void noise_begin(struct noise *noise, int cpu)
{
    noise->cpu = cpu;
    noise->naps = noise->late = 0;
    atomic_store(&noise->stop, false);
    noise->running = pthread_create(&noise->thread, NULL, watch, noise) == 0;
}

void noise_end(struct noise *noise)
{
    atomic_store(&noise->stop, true);
    if (noise->running) {
        pthread_join(noise->thread, NULL);
    }
    noise->running = false;
}
