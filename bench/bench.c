/*
 * The measuring tools of bench.h.
 */
#include "bench/bench.h"
#include "simd/simd.h"
#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double time_loop(const struct bench_subject *subject, size_t times)
{
    double start = now_ns();
    subject->loop(subject->context, times);
    return now_ns() - start;
}

/* Turns that fill a round. The doubling is the warm-up as well. */
static size_t calibrate(const struct bench_subject *subject, double round_ns)
{
    size_t times = 1;
    double spent = time_loop(subject, times);
    while (spent < round_ns / 2) {
        times *= 2;
        spent = time_loop(subject, times);
    }
    double fitting = (double)times * round_ns / spent;
    return fitting < 1 ? 1 : (size_t)fitting;
}

static int compare_double(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double bench_median(double *values, unsigned n)
{
    qsort(values, n, sizeof(*values), compare_double);
    return n == 0 ? 0 : n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

void bench_run(const struct bench_subject *subjects, size_t n_subjects, unsigned n_rounds, unsigned n_bursts,
               unsigned burst_us, struct bench_result *results)
{
    double ns[BENCH_SUBJECTS_MAX][BENCH_ROUNDS_MAX], ratio[BENCH_SUBJECTS_MAX][BENCH_ROUNDS_MAX];
    size_t times[BENCH_SUBJECTS_MAX];
    for (size_t i = 0; i < n_subjects; i++)
        times[i] = calibrate(&subjects[i], burst_us * 1e3);
    for (unsigned round = 0; round < n_rounds; round++) {
        for (unsigned burst = 0; burst < n_bursts; burst++) {
            for (size_t i = 0; i < n_subjects; i++) {
                double spent = time_loop(&subjects[i], times[i]) / (double)times[i];
                ns[i][round] = burst ? MIN(ns[i][round], spent) : spent;
            }
        }
        for (size_t i = 0; i < n_subjects; i++)
            ratio[i][round] = ns[0][round] / ns[i][round];
    }
    for (size_t i = 0; i < n_subjects; i++)
        results[i] = (struct bench_result){bench_median(ns[i], n_rounds), bench_median(ratio[i], n_rounds)};
}

bool bench_pin(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set) == 0;
}

static void multiply_chain(void *context, size_t times)
{
    uint64_t x = 3;
    for (size_t i = 0; i < times; i++) {
        for (size_t k = 0; k < 8; k++) {
            x *= 0x9e3779b97f4a7c15u;
            __asm__ volatile("" : "+r"(x)); /* keeps the chain a chain */
        }
    }
    *(uint64_t *)context = x;
}

double bench_clock_ghz(void)
{
    uint64_t sink;
    struct bench_subject subject = {multiply_chain, &sink};
    struct bench_result result;
    bench_run(&subject, 1, 5, 1, 1000, &result);
    return 8 * 3 / result.ns;
}

const char *bench_cpu_model(char *buffer, size_t bytes)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    snprintf(buffer, bytes, "unknown");
    if (!file)
        return buffer;
    char line[256];
    while (fgets(line, sizeof(line), file)) {
        const char *colon = strchr(line, ':');
        if (!colon || strncmp(line, "model name", 10) != 0)
            continue;
        size_t length = 0;
        for (const char *p = colon + 2; *p && *p != '\n' && length + 1 < bytes; p++)
            if (isprint((unsigned char)*p) && *p != '"' && *p != '\\')
                buffer[length++] = *p;
        buffer[length] = '\0';
        break;
    }
    fclose(file);
    return buffer;
}

const char *bench_commit(void)
{
    return MIXMINUS_COMMIT;
}

uint64_t bench_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void bench_json_begin(const char *bench)
{
    char cpu[128];
    struct utsname system;
    if (uname(&system) != 0)
        snprintf(system.release, sizeof(system.release), "unknown");
    system.release[strcspn(system.release, "-")] = '\0'; /* the version; what a distribution calls it says nothing */
    printf("{\"bench\":\"%s\",\"commit\":\"%s\",\"cpu\":\"%s\",\"isa\":\"%s\",\"linux\":\"%s\"", bench, bench_commit(),
           bench_cpu_model(cpu, sizeof(cpu)), simd_pick(SIMD_ALL)->name, system.release);
}

void *bench_memory(size_t bytes)
{
    size_t whole = (bytes + 4095) / 4096 * 4096;
    void *memory = aligned_alloc(4096, whole);
    if (!memory) {
        fprintf(stderr, "mixminus-bench: no memory for %zu bytes\n", whole);
        abort();
    }
    memset(memory, 0, whole);
    return memory;
}
