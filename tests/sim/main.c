/*
 * sim: runs worlds from seeds. Prints seed, scenario and kernel row of each failure first, so that any can be replayed:
 *   sim --scenario=churn --seed=4711 --isa=avx2
 * --digests prints a hash of what each world sent: the same lines before and after a change that is to change nothing.
 */
#include "tests/sim/sim.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static bool prints_digests;

static unsigned one(const char *scenario, uint64_t seed, const struct simd *simd, uint64_t *digest)
{
    struct options o = {.seed = seed, .scenario = scenario, .simd = simd, .trace = getenv("SIM_TRACE")};
    unsigned n = strcmp(scenario, "hall") == 0   ? hall_run(&o, digest)
                 : strcmp(scenario, "talk") == 0 ? talk_run(&o, digest)
                 : strcmp(scenario, "kinds") == 0 ? talk_run(&o, digest)
                 : strcmp(scenario, "day") == 0   ? day_run(&o, digest)
                                                 : world_run(&o, digest);
    if (prints_digests) {
        printf("%s %lu %s %016lx\n", scenario, seed, simd->name, *digest);
    }
    if (n) {
        printf("FAILED: --scenario=%s --seed=%lu --isa=%s: %u violations\n", scenario, seed, simd->name, n);
    }
    return n > 0;
}

/* The same seed under every kernel row of this CPU must send the same packets, byte for byte. */
static unsigned every_isa(const char *scenario, uint64_t seed)
{
    uint64_t reference = 0, digest;
    unsigned failed = one(scenario, seed, simd_pick(SIMD_REF), &reference);
    for (unsigned bit = SIMD_AVX2; bit <= SIMD_NEON; bit *= 2) {
        const struct simd *simd = simd_pick(bit);
        if (simd->bit != bit) {
            continue;
        }
        failed += one(scenario, seed, simd, &digest);
        if (digest != reference) {
            printf("FAILED: --scenario=%s --seed=%lu: %s sends other packets than ref\n", scenario, seed, simd->name);
            failed++;
        }
    }
    return failed > 0;
}

static unsigned run(const char *scenario, uint64_t seed, const struct simd *simd)
{
    uint64_t digest;
    if (strcmp(scenario, "isa") == 0) {
        static const char *const all[] = {"exact", "churn", "faults", "codecs", "hall"};
        return every_isa(all[seed % ARRAY_LEN(all)], seed);
    }
    return one(scenario, seed, simd, &digest);
}

/* Lines of "scenario seed". */
static unsigned run_file(const char *path, const struct simd *simd, unsigned *n_run)
{
    FILE *f = fopen(path, "r");
    if (!f) {
        fprintf(stderr, "sim: cannot read %s\n", path);
        exit(2);
    }
    char line[256], scenario[32];
    unsigned failed = 0;
    unsigned long seed;
    while (fgets(line, sizeof line, f)) {
        if (line[0] != '#' && sscanf(line, "%31s %lu", scenario, &seed) == 2) {
            failed += run(scenario, seed, simd);
            ++*n_run;
        }
    }
    fclose(f);
    return failed;
}

int main(int argc, char **argv)
{
    static const struct option flags[] = {
        {"scenario", required_argument, NULL, 's'},
        {"seed", required_argument, NULL, 'S'},
        {"runs", required_argument, NULL, 'r'},
        {"isa", required_argument, NULL, 'i'},
        {"seeds", required_argument, NULL, 'f'},
        {"digests", no_argument, NULL, 'd'},
        {0},
    };
    must(seal_start() == 0);
    const char *scenario = "exact", *file = NULL;
    uint64_t seed = (uint64_t)time(NULL);
    unsigned runs = 1, n_run = 0, failed = 0, mask = SIMD_ALL;
    for (int c; (c = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
        switch (c) {
        case 's':
            scenario = optarg;
            break;
        case 'S':
            seed = strtoull(optarg, NULL, 0);
            break;
        case 'r':
            runs = (unsigned)atoi(optarg);
            break;
        case 'i':
            mask = simd_mask_of(optarg);
            break;
        case 'f':
            file = optarg;
            break;
        case 'd':
            prints_digests = true;
            break;
        default:
            return 2;
        }
    }
    const struct simd *simd = simd_pick(mask);
    printf("scenario=%s seed=%lu runs=%u isa=%s\n", file ? file : scenario, seed, runs, simd->name);
    if (file) {
        failed = run_file(file, simd, &n_run);
    } else {
        for (; n_run < runs; n_run++) {
            failed += run(scenario, seed + n_run, simd);
        }
    }
    printf("%u worlds, %u failed\n", n_run, failed);
    return failed ? 1 : 0;
}
