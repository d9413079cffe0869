/*
 * sim_house: runs worlds of signalling and engine together from seeds. Each failing one is printed with its time, what
 * the oracle saw and the last events, and can be run alone:
 *   sim_house --seed=4711 --trace
 * A child runs the worlds, so that one that aborts or crashes is a failing seed like any other, and the next ones run.
 */
#include "tests/sim/house/house.h"

#include "sig/sip/sip.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PLANTED_RUNS = 200 }; /* in so many a planted fault must be found */

struct run {
    const struct simd *simd;
    const char *plant;
    bool trace, twice, stops; /* stops: at the first that fails */
};

static unsigned one(const struct run *run, uint64_t seed, uint64_t *digest)
{
    struct options o = {.seed = seed, .scenario = run->plant, .simd = run->simd, .trace = run->trace};
    return house_run(&o, digest);
}

/* One seed, twice if it must be the same both times. @return true: it failed */
static bool seed_fails(const struct run *run, uint64_t seed)
{
    uint64_t digest = 0, again = 0;
    bool fails = one(run, seed, &digest) != 0;
    if (!fails && run->twice && (one(run, seed, &again) != 0 || again != digest)) {
        printf("seed %lu: not the same a second time\n", (unsigned long)seed);
        fails = true;
    }
    hooks_report->digest ^= digest;
    return fails;
}

static void failed_print(const struct run *run, uint64_t seed)
{
    printf("FAILED: sim_house --seed=%lu%s%s\n", (unsigned long)seed, run->plant ? " --plant=" : "",
           run->plant ? run->plant : "");
    fflush(stdout);
}

/* A world that has failed leaves its process as it is: the next seed has another. */
static void child(const struct run *run, const uint64_t *seeds, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        hooks_report->seed = i;
        if (seed_fails(run, seeds[i])) {
            _exit(1);
        }
    }
    exit(0);
}

/* @return how many failed */
static unsigned run_all(const struct run *run, const uint64_t *seeds, unsigned n)
{
    unsigned failed = 0;
    for (unsigned at = 0; at < n;) {
        int status;
        fflush(stdout);
        hooks_report->seed = 0;
        pid_t pid = fork();
        must(pid >= 0);
        if (pid == 0) {
            child(run, seeds + at, n - at);
        }
        must(waitpid(pid, &status, 0) == pid);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
            break;
        }
        if (WIFSIGNALED(status)) {
            printf("seed %lu: ended by signal %d\n", (unsigned long)seeds[at + hooks_report->seed], WTERMSIG(status));
        }
        failed_print(run, seeds[at + hooks_report->seed]);
        failed++;
        at += (unsigned)hooks_report->seed + 1;
        if (run->stops) {
            break;
        }
    }
    return failed;
}

static unsigned run_range(const struct run *run, uint64_t first, unsigned n)
{
    uint64_t *seeds = calloc(n, sizeof *seeds);
    must(seeds || n == 0);
    for (unsigned i = 0; i < n; i++) {
        seeds[i] = first + i;
    }
    unsigned failed = run_all(run, seeds, n);
    free(seeds);
    return failed;
}

static unsigned run_file(const struct run *run, const char *path, unsigned *n)
{
    uint64_t seeds[4096];
    char line[256];
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "sim_house: cannot read %s\n", path);
        exit(2);
    }
    while (*n < ARRAY_LEN(seeds) && fgets(line, sizeof line, f)) {
        if (line[0] >= '0' && line[0] <= '9') {
            seeds[(*n)++] = strtoull(line, NULL, 10);
        }
    }
    fclose(f);
    return run_all(run, seeds, *n);
}

/* One of the words that "|" parts. */
static bool is_found(const char *words, const char *what)
{
    char all[128], *save;
    snprintf(all, sizeof all, "%s", words);
    for (char *word = strtok_r(all, "|", &save); word; word = strtok_r(NULL, "|", &save)) {
        if (strstr(what, word)) {
            return true;
        }
    }
    return false;
}

/* Every planted fault must be found, and as what it is. @return how many were not */
static unsigned run_planted(struct run run)
{
    unsigned missed = 0;
    run.stops = true;
    for (unsigned i = 1; hooks_plants[i].name; i++) {
        run.plant = hooks_plants[i].name;
        hooks_report->found[0] = '\0';
        unsigned failed = run_range(&run, 1, PLANTED_RUNS);
        bool found = failed && is_found(hooks_plants[i].is_found_by, hooks_report->found);
        printf("planted %s: %s%s\n\n", run.plant, found ? "found: " : "NOT FOUND: ", hooks_report->found);
        missed += !found;
    }
    return missed;
}

static void did_print(unsigned n)
{
    const struct did *d = &hooks_report->did;
    printf(
        "%lu calls, %lu of them up, %lu by the server; %lu URIs issued, %lu refused by 503, %lu PINs passed, %lu keys, "
        "%lu moves, %lu holds; %lu frames heard exactly as they must be\n",
        (unsigned long)d->sessions, (unsigned long)d->up, (unsigned long)d->calls_out, (unsigned long)d->issued,
        (unsigned long)d->refused, (unsigned long)d->pins, (unsigned long)d->keys, (unsigned long)d->moves,
        (unsigned long)d->holds, (unsigned long)d->exact);
    bool any = d->up && d->calls_out && d->issued && d->refused && d->pins && d->keys && d->moves && d->holds;
    if (n >= 100 && (!any || d->exact < 100 * (uint64_t)n)) {
        printf("FAILED: something was never tried\n");
        exit(1);
    }
}

static uint64_t seed_draw(void)
{
    uint32_t seed = 0;
    must(getrandom(&seed, sizeof seed, 0) == sizeof seed);
    return (uint64_t)seed << 16;
}

int main(int argc, char **argv)
{
    static const struct option flags[] = {
        {"seed", required_argument, NULL, 'S'},
        {"runs", required_argument, NULL, 'r'},
        {"seeds", required_argument, NULL, 'f'},
        {"isa", required_argument, NULL, 'i'},
        {"plant", required_argument, NULL, 'p'},
        {"planted", no_argument, NULL, 'P'},
        {"trace", no_argument, NULL, 't'},
        {"twice", no_argument, NULL, '2'},
        {0},
    };
    struct run run = {.simd = simd_pick(SIMD_ALL)};
    const char *file = NULL;
    uint64_t seed = seed_draw(), digest;
    unsigned n = 1, failed;
    bool planted = false;
    for (int c; (c = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
        switch (c) {
        case 'S':
            seed = strtoull(optarg, NULL, 0);
            break;
        case 'r':
            n = (unsigned)atoi(optarg);
            break;
        case 'f':
            file = optarg;
            break;
        case 'i':
            run.simd = simd_pick(simd_mask_of(optarg));
            break;
        case 'p':
            run.plant = optarg;
            break;
        case 'P':
            planted = true;
            break;
        case 't':
            run.trace = true;
            break;
        case '2':
            run.twice = true;
            break;
        default:
            return 2;
        }
    }
    must(seal_start() == 0 && sip_init() == 0);
    hooks_report = mmap(NULL, sizeof *hooks_report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(hooks_report != MAP_FAILED);
    if (run.trace) {
        setvbuf(stdout, NULL, _IOLBF, 0);
        return one(&run, seed, &digest) ? 1 : 0;
    }
    if (planted) {
        return run_planted(run) ? 1 : 0;
    }
    if (file) {
        n = 0;
        failed = run_file(&run, file, &n);
    } else {
        printf("seed=%lu runs=%u isa=%s\n", (unsigned long)seed, n, run.simd->name);
        failed = run_range(&run, seed, n);
    }
    did_print(n);
    printf("%u worlds, %u failed, digest %016lx\n", n, failed, (unsigned long)hooks_report->digest);
    return failed ? 1 : 0;
}
