/*
 * Measuring: pinning, calibration, interleaved rounds, medians. Only ratios of things measured in the same rounds are
 * worth quoting on a shared machine, so every measurement takes all its subjects at once.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include "core/base/base.h"

enum { BENCH_SUBJECTS_MAX = 8, BENCH_ROUNDS_MAX = 101 };

/** Does the work `times` times; the loop is inside, so that a call of a few nanoseconds can be measured. */
typedef void (*bench_loop)(void *context, size_t times);

struct bench_subject {
    bench_loop loop;
    void *context;
};

/** One subject's result. */
struct bench_result {
    double ns;    /* thread CPU time of one turn, median over the rounds */
    double ratio; /* subject 0's time over this one's, median over the rounds */
};

/**
 * Measures all subjects interleaved: 0, 1, 2, ..., 0, 1, 2, ... Each is warmed up and calibrated to about burst_us
 * first.
 *
 * @param n_rounds  1 to BENCH_ROUNDS_MAX
 * @param n_bursts  in each round, of which the fastest counts: more than 1 for work that is the same every time, where
 *                  anything that slows it down comes from elsewhere
 * @param results   [n_subjects]
 */
void bench_run(const struct bench_subject *subjects, size_t n_subjects, unsigned n_rounds, unsigned n_bursts,
               unsigned burst_us, struct bench_result *results);

/** Keeps this thread on one CPU; returns false if the system refuses. */
bool bench_pin(int cpu);

/** Core clock now, in GHz, from a chain of multiplies (three cycles each on the CPUs we know). */
double bench_clock_ghz(void);

/** The CPU's name as the system tells it, JSON-safe; "unknown" if it does not. */
const char *bench_cpu_model(char *buffer, size_t bytes);

/** Commit this was configured from. */
const char *bench_commit(void);

/** Wall time that never goes back. */
uint64_t bench_now_ns(void);

/** The median; sorts the values. */
double bench_median(double *values, unsigned n);

/** Begins a case's JSON line on standard output: bench, commit, CPU, SIMD level, Linux version. The caller goes on
 * with ",\"name\":value" and ends it with "}\n". */
void bench_json_begin(const char *bench);

/** Page aligned memory or abort; never freed by a bench before it ends. */
void *bench_memory(size_t bytes);

/** The benches: argv[0] is the sub-command. Exit status. */
int bench_kernels(int argc, char **argv);
int bench_capacity(int argc, char **argv);
int bench_churn(int argc, char **argv);
int bench_latency(int argc, char **argv);
int bench_mixer(int argc, char **argv);
int bench_placement(int argc, char **argv);
int bench_presence(int argc, char **argv);
int bench_ptt(int argc, char **argv);
int bench_pump(int argc, char **argv);
int bench_report(int argc, char **argv);

#endif
