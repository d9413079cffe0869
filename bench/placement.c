/*
 * mixminus-bench placement: does pinning help here? The same load with threads wherever the kernel puts them and with
 * --worker-cpus=auto, in turn, in the same minutes; then one sentence of advice. The load runs on this machine, too,
 * on one CPU: what it takes from the server it takes from both.
 */
#include "bench/bench.h"
#include "bench/json.h"
#include "bench/match.h"
#include "bench/options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Less than this is noise between two runs of the same. */
#define NOISE 0.04

struct settings {
    struct stand stand;
    unsigned legs, room, seconds, settle, rounds, workers;
    bool quick, words;
};

static const char *const names[] = {[PIN_NONE] = "unpinned", [PIN_AUTO] = "pinned"};

struct series {
    double us[BENCH_ROUNDS_MAX], p50[BENCH_ROUNDS_MAX], p99[BENCH_ROUNDS_MAX];
    double ticks, ticks_late, lost;
    unsigned n;
};

static void series_add(struct series *s, const struct match_result *r)
{
    s->us[s->n] = r->us;
    s->p50[s->n] = json_value(r->load, "delay_ms_p50", 0);
    s->p99[s->n++] = json_value(r->load, "delay_ms_p99", 0);
    s->ticks += r->ticks;
    s->ticks_late += r->ticks_late;
    s->lost += json_value(r->load, "lost", 0);
}

static void series_print(const struct settings *o, struct series *s, enum pin pin)
{
    bench_json_begin("placement");
    printf(",\"placement\":\"%s\",\"codec\":\"pcmu\",\"room\":%u,\"legs\":%u,\"workers\":%u,\"rounds\":%u,"
           "\"us_per_participant_s\":%.1f,\"delay_ms_p50\":%.1f,\"delay_ms_p99\":%.1f,\"ticks\":%.0f,"
           "\"ticks_late\":%.0f,\"lost\":%.0f}\n",
           names[pin], o->room, o->legs, o->workers, s->n, bench_median(s->us, s->n), bench_median(s->p50, s->n),
           bench_median(s->p99, s->n), s->ticks, s->ticks_late, s->lost);
    fflush(stdout);
}

static void words_print(struct series *s, enum pin pin)
{
    printf("%-9s %6.1f us of CPU per participant and second, delay %.1f / %.1f ms (median / p99), %.0f of %.0f ticks "
           "late, %.0f packets lost\n",
           names[pin], bench_median(s->us, s->n), bench_median(s->p50, s->n), bench_median(s->p99, s->n), s->ticks_late,
           s->ticks, s->lost);
}

/* Late ticks are what people hear; CPU is what the operator pays. */
static void advise(struct series *none, struct series *pinned)
{
    double cpu = bench_median(pinned->us, pinned->n) / bench_median(none->us, none->n);
    double late_none = none->ticks_late / (none->ticks + 1), late_pinned = pinned->ticks_late / (pinned->ticks + 1);
    bool is_later = late_pinned > late_none * 1.5 + 1e-4, is_earlier = late_none > late_pinned * 1.5 + 1e-4;
    if (is_later) {
        printf("advice: leave it unpinned here: pinned, more ticks were late (something else wants those CPUs)\n");
    } else if (is_earlier) {
        printf("advice: pin (--worker-cpus=auto): fewer ticks were late, at %.2f x the CPU\n", cpu);
    } else if (cpu < 1 - NOISE) {
        printf("advice: pin (--worker-cpus=auto): %.2f x the CPU, and no more ticks late\n", cpu);
    } else if (cpu > 1 + NOISE) {
        printf("advice: leave it unpinned here: pinned costs %.2f x the CPU and gains nothing\n", cpu);
    } else {
        printf("advice: it makes no difference here (%.2f x the CPU): leave it unpinned\n", cpu);
    }
}

static int run(const struct settings *o)
{
    static struct series series[PINS];
    static struct match_result result;
    for (unsigned round = 0; round < o->rounds; round++) {
        for (enum pin pin = PIN_NONE; pin <= PIN_AUTO; pin++) {
            struct match m = {.peer = PEER_MIXMINUS,
                              .codec = "pcmu",
                              .legs = o->legs,
                              .room = o->room,
                              .talkers = 3,
                              .seconds = o->seconds,
                              .settle = o->settle,
                              .workers = o->workers,
                              .pin = pin};
            if (match_run(&o->stand, &m, &result) == 0) {
                series_add(&series[pin], &result);
            }
        }
    }
    if (!series[PIN_NONE].n || !series[PIN_AUTO].n) {
        return 1;
    }
    for (enum pin pin = PIN_NONE; pin <= PIN_AUTO; pin++) {
        if (o->words) {
            words_print(&series[pin], pin);
        } else {
            series_print(o, &series[pin], pin);
        }
    }
    if (o->words) {
        advise(&series[PIN_NONE], &series[PIN_AUTO]);
    }
    return 0;
}

int bench_placement(int argc, char **argv)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    struct settings o = {.stand = STAND_DEFAULT,
                         .legs = 500,
                         .room = 5,
                         .seconds = 5,
                         .settle = 2,
                         .rounds = 3,
                         .workers = cpus > 2 ? (unsigned)cpus - 1 : 1};
    const struct option_line lines[] = {
        OPTION_COUNT("legs", o.legs, "the load"),
        OPTION_COUNT("room", o.room, "legs in a room"),
        OPTION_COUNT("workers", o.workers, "of the server"),
        OPTION_COUNT("seconds", o.seconds, "measured in each match"),
        OPTION_COUNT("settle", o.settle, "of speech before them"),
        OPTION_COUNT("rounds", o.rounds, "of both ways"),
        OPTION_SWITCH("words", o.words, "sentences and advice in the place of JSON"),
        OPTION_SWITCH("quick", o.quick, "a few legs for seconds: whether it works, not how fast"),
        STAND_OPTIONS(o.stand),
        {0},
    };
    int status = options_read(argc, argv, "whether pinned threads serve better here", lines);
    if (status >= 0) {
        return status;
    }
    if (o.quick) {
        o.legs = 20;
        o.seconds = 2;
        o.settle = 0;
        o.rounds = 1;
    }
    if (o.legs < o.room || o.rounds > BENCH_ROUNDS_MAX) {
        fprintf(stderr, "mixminus-bench placement: give at least --room legs, and at most %d rounds\n",
                BENCH_ROUNDS_MAX);
        return 2;
    }
    o.legs = o.legs / o.room * o.room;
    if (stand_open(&o.stand)) {
        return 1;
    }
    status = run(&o);
    stand_close(&o.stand);
    return status;
}
