/*
 * How late this machine itself is: a thread of high priority on the server's CPU that does nothing but wake every 2 ms
 * and look how late it is. What it misses by as much as a late tick, no server could have kept. It takes CPU time, and
 * more than its own: what the kernel does for the packets of a long burst is charged to the thread that it interrupts.
 */
#ifndef BENCH_NOISE_H
#define BENCH_NOISE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct noise {
    pthread_t thread;
    int cpu;
    bool running;
    atomic_bool stop;
    uint64_t naps, late; /* those over 5 ms late; valid after noise_end */
};

/** Begins to watch a CPU; where threads or priorities are refused it sees nothing, or what any thread sees. */
void noise_begin(struct noise *noise, int cpu);
void noise_end(struct noise *noise);

#endif
