/*
 * Every kernel on every ISA of this CPU, as a ratio to the scalar baseline measured in the same rounds (the fastest of
 * a few turns each, then the median of the rounds), beside the gate that the ratio must hold and beside the least that
 * memory (or the multipliers) would take.
 *
 * Bounds: bytes loaded and stored over the widths of the L1 data path, or multiplies over the multipliers' width, at
 * the clock measured at the start. The widths are those of a core with a full 512-bit data path; a core that splits
 * 512-bit operations in two shows larger factors. Rows that do not fit in L2 have no bound here.
 */
#include "bench/bench.h"
#include "bench/scalar.h"
#include "bench/spandsp.h"
#include "simd/simd.h"
#include <getopt.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 1000, CHANNELS_MAX = 32, SAMPLES_MAX = 1920, L2_BYTES = 1024 * 1024 };

/* A gate missed by less than this share is the machine's noise, not a regression. */
static const double noise = 0.15;

/* What one case works on; each subject of a case has its own, with its own row of kernels. */
struct work {
    const struct simd *row;
    size_t n, n_rows; /* samples per row (low-rate ones for the resamplers), rows */
    const int16_t *const *rows;
    int16_t *const *outs;
    int16_t *pcm, *s1, *s2, *own, *loud;
    uint8_t *bytes;
    const struct fir_bank *bank;
    struct fir_state *state;
    struct g722_state *const *channels;
    uint8_t *const *payloads;
    uint64_t sink;
};

/* Keeps the compiler from merging the turns of a loop. */
static inline void fence(void)
{
    __asm__ volatile("" ::: "memory");
}

/* In place, so on rows of zeros: they stay what they are. No kernel looks at values here. */
static void loop_n1(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->mix_n1(w->outs, w->n_rows, w->n_rows, w->n, w->pcm);
}

static void loop_split(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->mix_sum_split(w->rows, w->n_rows, w->n, w->s1, w->s2);
}

/* Loud: every sample beyond the knee. Quiet: none, as nearly all of speech. */
static void loop_limit_loud(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->limit_soft(w->loud, w->loud, w->own, w->pcm, w->n);
}

static void loop_limit_quiet(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->limit_soft(w->own, w->own, w->own, w->pcm, w->n);
}

static void loop_ulaw_decode(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->ulaw_decode(w->bytes, w->pcm, w->n);
}

static void loop_alaw_decode(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->alaw_decode(w->bytes, w->pcm, w->n);
}

static void loop_ulaw_encode(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->ulaw_encode(w->own, w->bytes, w->n);
}

static void loop_alaw_encode(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->alaw_encode(w->own, w->bytes, w->n);
}

static void loop_level(void *context, size_t times)
{
    struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->level(w->own, w->n, &w->sink);
}

static void loop_ramp(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->gain_ramp(w->pcm, w->n, 1 << 30, 1 << 16);
}

static void loop_fir_up(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->fir_up(w->bank, w->state, w->own, w->pcm, w->n);
}

static void loop_fir_down(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->fir_down(w->bank, w->state, w->own, w->pcm, w->n);
}

static void loop_g722_encode(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->g722_encode(w->channels, w->rows, w->payloads, w->n_rows, w->n);
}

static void loop_g722_decode(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        w->row->g722_decode(w->channels, (const uint8_t *const *)w->payloads, w->outs, w->n_rows, w->n / 2);
}

#ifdef BENCH_SPANDSP
static void loop_spandsp_encode(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        g722_encode_spandsp(w->channels, w->rows, w->payloads, w->n_rows, w->n);
}

static void loop_spandsp_decode(void *context, size_t times)
{
    const struct work *w = context;
    for (size_t turn = 0; turn < times; turn++, fence())
        g722_decode_spandsp(w->channels, (const uint8_t *const *)w->payloads, w->outs, w->n_rows, w->n / 2);
}
#endif

/* Bytes or multiplies per sample and row, for the bound. */
struct cost {
    double load_bytes, store_bytes, macs;
};

static const struct cost mix_cost = {4, 2, 0}, sum_cost = {2, 0, 0}, limit_cost = {6, 2, 0}, decode_cost = {1, 2, 0};
static const struct cost encode_cost = {2, 1, 0}, level_cost = {2, 0, 0}, ramp_cost = {2, 2, 0};
static const struct cost no_bound = {0, 0, 0}; /* G.722: neither memory nor multiplies */
static const struct cost up2 = {0, 0, 96}, up3 = {0, 0, 144}, up6 = {0, 0, 288}; /* both directions */

/*
 * The gates are goals set once; gate 0: shown, not judged. The mix's are 18 (AVX2) and 25 (AVX-512) while its rows are
 * in the caches next to the core, 11 and 12 beyond. For G.722 the rows are channels, 32 fill all lanes; its goals were
 * set against spandsp, which is measured where its library is installed.
 */
static const struct bench_case {
    const char *kernel;
    size_t n, n_rows;
    int factor;
    bench_loop loop, baseline;
    const struct cost *cost;
    double gate_avx2, gate_avx512;
} cases[] = {
    {"ulaw_decode", 160, 1, 0, loop_ulaw_decode, loop_ulaw_decode, &decode_cost, 0, 0},
    {"ulaw_decode", 320, 1, 0, loop_ulaw_decode, loop_ulaw_decode, &decode_cost, 6, 14},
    {"alaw_decode", 160, 1, 0, loop_alaw_decode, loop_alaw_decode, &decode_cost, 0, 0},
    {"alaw_decode", 320, 1, 0, loop_alaw_decode, loop_alaw_decode, &decode_cost, 6, 14},
    {"ulaw_encode", 160, 1, 0, loop_ulaw_encode, loop_ulaw_encode, &encode_cost, 0, 0},
    {"ulaw_encode", 320, 1, 0, loop_ulaw_encode, loop_ulaw_encode, &encode_cost, 4, 9},
    {"alaw_encode", 160, 1, 0, loop_alaw_encode, loop_alaw_encode, &encode_cost, 0, 0},
    {"alaw_encode", 320, 1, 0, loop_alaw_encode, loop_alaw_encode, &encode_cost, 4, 9},
    {"mix_n1", 160, 3, 0, loop_n1, loop_n1, &mix_cost, 18, 25},
    {"mix_n1", 160, 10, 0, loop_n1, loop_n1, &mix_cost, 18, 25},
    {"mix_n1", 160, 100, 0, loop_n1, loop_n1, &mix_cost, 18, 25},
    {"mix_n1", 320, 3, 0, loop_n1, loop_n1, &mix_cost, 18, 25},
    {"mix_n1", 320, 10, 0, loop_n1, loop_n1, &mix_cost, 18, 25},
    {"mix_n1", 320, 100, 0, loop_n1, loop_n1, &mix_cost, 18, 25},
    {"mix_n1", 960, 3, 0, loop_n1, loop_n1, &mix_cost, 18, 25},
    {"mix_n1", 960, 10, 0, loop_n1, loop_n1, &mix_cost, 18, 25},
    {"mix_n1", 960, 100, 0, loop_n1, loop_n1, &mix_cost, 18, 25},
    {"mix_n1", 960, 500, 0, loop_n1, loop_n1, &mix_cost, 11, 12},
    {"mix_n1", 960, 1000, 0, loop_n1, loop_n1, &mix_cost, 11, 12},
    {"sum_split", 320, 3, 0, loop_split, loop_split, &sum_cost, 0, 0},
    {"sum_split", 320, 100, 0, loop_split, loop_split, &sum_cost, 0, 0},
    {"limit loud", 320, 1, 0, loop_limit_loud, loop_limit_loud, &limit_cost, 8, 14},
    {"limit quiet", 320, 1, 0, loop_limit_quiet, loop_limit_quiet, &limit_cost, 8, 14},
    {"level", 160, 1, 0, loop_level, loop_level, &level_cost, 0, 0},
    {"level", 320, 1, 0, loop_level, loop_level, &level_cost, 20, 32},
    {"gain_ramp", 160, 1, 0, loop_ramp, loop_ramp, &ramp_cost, 0, 0},
    {"gain_ramp", 320, 1, 0, loop_ramp, loop_ramp, &ramp_cost, 11, 18},
    {"fir_up x2", 160, 1, 2, loop_fir_up, loop_fir_up, &up2, 10, 10},
    {"fir_down x2", 160, 1, 2, loop_fir_down, loop_fir_down, &up2, 10, 10},
    {"fir_up x3", 320, 1, 3, loop_fir_up, loop_fir_up, &up3, 10, 10},
    {"fir_down x3", 320, 1, 3, loop_fir_down, loop_fir_down, &up3, 10, 10},
    {"fir_up x6", 160, 1, 6, loop_fir_up, loop_fir_up, &up6, 10, 10},
    {"fir_down x6", 160, 1, 6, loop_fir_down, loop_fir_down, &up6, 10, 10},
    {"g722_encode", 320, 32, 0, loop_g722_encode, loop_g722_encode, &no_bound, 18, 34},
    {"g722_encode", 320, 1, 0, loop_g722_encode, loop_g722_encode, &no_bound, 0, 0},
    {"g722_encode", 320, 2, 0, loop_g722_encode, loop_g722_encode, &no_bound, 0, 0},
    {"g722_decode", 320, 32, 0, loop_g722_decode, loop_g722_decode, &no_bound, 20, 40},
    {"g722_decode", 320, 1, 0, loop_g722_decode, loop_g722_decode, &no_bound, 0, 0},
    {"g722_decode", 320, 2, 0, loop_g722_decode, loop_g722_decode, &no_bound, 0, 0},
#ifdef BENCH_SPANDSP
    {"g722_enc/span", 320, 32, 0, loop_g722_encode, loop_spandsp_encode, &no_bound, 14, 28},
    {"g722_dec/span", 320, 32, 0, loop_g722_decode, loop_spandsp_decode, &no_bound, 7, 33},
#endif
};

/* Widths of the bound, per cycle. */
static const struct width {
    unsigned bit;
    double load_bytes, store_bytes, macs;
} widths[] = {
    {SIMD_AVX2, 64, 64, 32},
    {SIMD_AVX512, 128, 64, 64},
    {SIMD_NEON, 48, 32, 16},
};

struct options {
    int cpu, n_rounds; /* negative: not a number that we take */
    unsigned mask, n_bursts, burst_us;
    const char *only;
    bool json, table, check;
};

/* Where all cases take their memory from. */
struct arena {
    int16_t *rows_memory, *outs_memory;
    const int16_t *rows[ROWS_MAX];
    int16_t *outs[ROWS_MAX];
    int16_t *pcm, *s1, *s2, *own, *loud;
    uint8_t *bytes;
    struct fir_state *state;
    struct g722_state channel_memory[CHANNELS_MAX], *channels[CHANNELS_MAX];
    uint8_t payload_memory[CHANNELS_MAX][192], *payloads[CHANNELS_MAX];
};

/* A row pitch of whole lines, and never a multiple of 1024: page-pitched rows would all fall into one set of L1. */
static size_t pitch_samples(size_t n)
{
    size_t bytes = (2 * n + 63) / 64 * 64;
    return (bytes % 1024 == 0 ? bytes + 64 : bytes) / 2;
}

static void arena_init(struct arena *arena)
{
    size_t rows_bytes = ROWS_MAX * 2 * pitch_samples(960), row_bytes = 2 * SAMPLES_MAX;
    arena->rows_memory = bench_memory(rows_bytes);
    arena->outs_memory = bench_memory(rows_bytes);
    arena->pcm = bench_memory(row_bytes);
    arena->s1 = bench_memory(row_bytes);
    arena->s2 = bench_memory(row_bytes);
    arena->own = bench_memory(row_bytes);
    arena->loud = bench_memory(row_bytes);
    arena->bytes = bench_memory(row_bytes);
    arena->state = bench_memory(sizeof(*arena->state));
    for (size_t i = 0; i < rows_bytes / 2; i++)
        arena->rows_memory[i] = (int16_t)(6000 * sin((double)i * 0.071) + (double)(i * 2654435761u >> 20 & 1023));
    for (size_t i = 0; i < SAMPLES_MAX; i++) {
        arena->own[i] = arena->rows_memory[i];
        arena->loud[i] = (int16_t)(25000 + 5000 * sin((double)i * 0.05));
        arena->bytes[i] = (uint8_t)(i * 37);
    }
    for (size_t i = 0; i < CHANNELS_MAX; i++) {
        g722_init(&arena->channel_memory[i]);
        memcpy(arena->payload_memory[i], arena->bytes + 7 * i, sizeof(arena->payload_memory[i]));
        arena->channels[i] = &arena->channel_memory[i];
        arena->payloads[i] = arena->payload_memory[i];
    }
}

static void arena_rows(struct arena *arena, size_t n)
{
    for (size_t i = 0; i < ROWS_MAX; i++) {
        arena->rows[i] = arena->rows_memory + i * pitch_samples(n);
        arena->outs[i] = arena->outs_memory + i * pitch_samples(n);
        memset(arena->outs[i], 0, n * sizeof(int16_t));
    }
}

static struct work work_for(struct arena *arena, const struct bench_case *c, const struct simd *row)
{
    return (struct work){
        .row = row,
        .n = c->n,
        .n_rows = c->n_rows,
        .rows = arena->rows,
        .outs = arena->outs,
        .pcm = arena->pcm,
        .s1 = arena->s1,
        .s2 = arena->s2,
        .own = arena->own,
        .loud = arena->loud,
        .bytes = arena->bytes,
        .bank = fir_bank(c->factor),
        .state = arena->state,
        .channels = arena->channels,
        .payloads = arena->payloads,
    };
}

/* Least possible time, 0 if unknown. */
static double bound_ns(const struct bench_case *c, unsigned bit, double ghz)
{
    double samples = (double)(c->n * c->n_rows);
    if (4 * samples > L2_BYTES)
        return 0;
    for (size_t i = 0; i < ARRAY_LEN(widths); i++) {
        if (widths[i].bit != bit)
            continue;
        double cycles = fmax(c->cost->load_bytes / widths[i].load_bytes, c->cost->store_bytes / widths[i].store_bytes);
        return samples * fmax(cycles, c->cost->macs / widths[i].macs) / ghz;
    }
    return 0;
}

struct outcome {
    const struct bench_case *c;
    const char *isa;
    double ns, baseline_ns, ratio, bound_ns, gate;
};

enum verdict { PASS, NOISE, FAIL, UNGATED };

static enum verdict judge(const struct outcome *o)
{
    if (o->gate == 0)
        return UNGATED;
    if (o->ratio >= o->gate)
        return PASS;
    return o->ratio >= o->gate * (1 - noise) ? NOISE : FAIL;
}

static const char *verdict_word(enum verdict verdict)
{
    static const char *const words[] = {"pass", "near", "FAIL", "-"};
    return words[verdict];
}

static void print_json(const struct outcome *o, const char *cpu_model, double ghz)
{
    printf("{\"bench\":\"kernels\",\"commit\":\"%s\",\"cpu\":\"%s\",\"ghz\":%.2f,\"isa\":\"%s\",\"kernel\":\"%s\","
           "\"samples\":%zu,\"rows\":%zu,\"ns\":%.2f,\"scalar_ns\":%.2f,\"ratio\":%.2f,\"bound_ns\":%.2f,"
           "\"bound_factor\":%.2f,\"gate\":%.0f,\"verdict\":\"%s\"}\n",
           bench_commit(), cpu_model, ghz, o->isa, o->c->kernel, o->c->n, o->c->n_rows, o->ns, o->baseline_ns, o->ratio,
           o->bound_ns, o->bound_ns > 0 ? o->ns / o->bound_ns : 0, o->gate, verdict_word(judge(o)));
    fflush(stdout);
}

static void print_table_head(const char *cpu_model, double ghz)
{
    printf("%s, %.2f GHz, commit %s; ns per call, ratio to scalar -O2 -fno-tree-vectorize\n", cpu_model, ghz,
           bench_commit());
    printf("%-13s %5s %5s  %-7s %11s %11s %8s %6s %7s  %s\n", "kernel", "n", "rows", "isa", "scalar ns", "ns", "ratio",
           "gate", "x bound", "verdict");
}

static void print_table_row(const struct outcome *o)
{
    printf("%-13s %5zu %5zu  %-7s %11.1f %11.2f %7.1fx", o->c->kernel, o->c->n, o->c->n_rows, o->isa, o->baseline_ns,
           o->ns, o->ratio);
    if (o->gate > 0)
        printf(" %5.0fx", o->gate);
    else
        printf(" %6s", "-");
    if (o->bound_ns > 0)
        printf(" %7.1f", o->ns / o->bound_ns);
    else
        printf(" %7s", "-");
    printf("  %s\n", verdict_word(judge(o)));
}

static double gate_of(const struct bench_case *c, unsigned bit)
{
    return bit == SIMD_AVX2 ? c->gate_avx2 : bit == SIMD_AVX512 ? c->gate_avx512 : 0;
}

/* One case: the baseline and all ISAs in the same rounds. Returns how many outcomes were written. */
static size_t run_case(const struct options *options, struct arena *arena, const struct bench_case *c, double ghz,
                       struct outcome *outcomes)
{
    static const unsigned bits[] = {SIMD_AVX2, SIMD_AVX512, SIMD_NEON};
    struct work works[BENCH_SUBJECTS_MAX] = {work_for(arena, c, scalar_row())};
    struct bench_subject subjects[BENCH_SUBJECTS_MAX] = {{c->baseline, &works[0]}};
    struct bench_result results[BENCH_SUBJECTS_MAX];
    size_t n_subjects = 1;
    arena_rows(arena, c->n);
    for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
        if (!(bits[i] & options->mask & simd_supported()))
            continue;
        works[n_subjects] = work_for(arena, c, simd_pick(bits[i]));
        subjects[n_subjects] = (struct bench_subject){c->loop, &works[n_subjects]};
        n_subjects++;
    }
    bench_run(subjects, n_subjects, (unsigned)options->n_rounds, options->n_bursts, options->burst_us, results);
    for (size_t i = 1; i < n_subjects; i++) {
        const struct simd *row = works[i].row;
        outcomes[i - 1] = (struct outcome){c,
                                           row->name,
                                           results[i].ns,
                                           results[0].ns,
                                           results[i].ratio,
                                           bound_ns(c, row->bit, ghz),
                                           gate_of(c, row->bit)};
    }
    return n_subjects - 1;
}

static void help(FILE *to)
{
    fprintf(to, "usage: mixminus-bench kernels [OPTION...]\n\n"
                "  --isa=NAME     auto, avx2, avx512 or neon: measure this one only (auto: all that the CPU has)\n"
                "  --only=TEXT    only kernels whose name contains TEXT\n"
                "  --cpu=N        run on this CPU (default 0)\n"
                "  --rounds=N     rounds to take the median of (default 15, at most 101)\n"
                "  --json         one JSON line per case\n"
                "  --table        the table for people (default, unless --json)\n"
                "  --check        exit 1 if a gate is missed by more than 15 %%\n"
                "  --quick        whether it works, not how fast\n");
}

/* A whole number in [0, most], or -1. */
static int number(const char *text, long most)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    return end == text || *end != '\0' || value < 0 || value > most ? -1 : (int)value;
}

/* Returns -1 to go on, else the exit status. */
static int parse(int argc, char **argv, struct options *options)
{
    static const struct option flags[] = {
        {"isa", required_argument, NULL, 'i'},
        {"only", required_argument, NULL, 'o'},
        {"cpu", required_argument, NULL, 'c'},
        {"rounds", required_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},
        {"table", no_argument, NULL, 't'},
        {"check", no_argument, NULL, 'k'},
        {"quick", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    for (int flag; (flag = getopt_long(argc, argv, "", flags, NULL)) != -1;) {
        switch (flag) {
        case 'i':
            options->mask = simd_mask_of(optarg);
            break;
        case 'o':
            options->only = optarg;
            break;
        case 'c':
            options->cpu = number(optarg, CPU_SETSIZE - 1);
            break;
        case 'r':
            options->n_rounds = number(optarg, BENCH_ROUNDS_MAX);
            break;
        case 'j':
            options->json = true;
            break;
        case 't':
            options->table = true;
            break;
        case 'k':
            options->check = true;
            break;
        case 'q':
            options->n_rounds = 1;
            options->n_bursts = 1;
            options->burst_us = 50;
            break;
        case 'h':
            help(stdout);
            return 0;
        default:
            help(stderr);
            return 2;
        }
    }
    if (options->mask == 0 || options->cpu < 0 || options->n_rounds < 1 || optind < argc) {
        help(stderr);
        return 2;
    }
    options->table |= !options->json;
    return -1;
}

int bench_kernels(int argc, char **argv)
{
    struct options options = {.mask = SIMD_ALL, .n_rounds = 15, .n_bursts = 3, .burst_us = 200, .only = ""};
    int status = parse(argc, argv, &options);
    if (status >= 0)
        return status;
    if (!bench_pin(options.cpu))
        fprintf(stderr, "mixminus-bench: cannot stay on CPU %d; the figures will be noisier.\n", options.cpu);

    static struct outcome outcomes[ARRAY_LEN(cases) * 3];
    static struct arena arena;
    char cpu_model[128];
    size_t n_outcomes = 0, n_failed = 0;
    arena_init(&arena);
    bench_cpu_model(cpu_model, sizeof(cpu_model));
    double ghz = bench_clock_ghz();
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (!strstr(cases[i].kernel, options.only))
            continue;
        size_t n_new = run_case(&options, &arena, &cases[i], ghz, outcomes + n_outcomes);
        for (size_t k = 0; options.json && k < n_new; k++)
            print_json(&outcomes[n_outcomes + k], cpu_model, ghz);
        n_outcomes += n_new;
    }
    if (options.table)
        print_table_head(cpu_model, ghz);
    for (size_t i = 0; i < n_outcomes; i++) {
        if (options.table)
            print_table_row(&outcomes[i]);
        n_failed += judge(&outcomes[i]) == FAIL;
    }
    return options.check && n_failed > 0;
}
