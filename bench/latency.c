/*
 * mixminus-bench latency: what the server adds to the delay of a voice, at a given load, with one talker and with three
 * in each room, after some seconds of speech; beside Janus in the same rounds. A talker's packets carry the time of
 * their sending; what a listener gets tells how old it is. Delays of all rounds are pooled by percentile (their
 * median).
 */
#include "bench/bench.h"
#include "bench/json.h"
#include "bench/match.h"
#include "bench/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 8, STEPS = 101 };

struct settings {
    struct stand stand;
    char talkers[96], peers[96];
    unsigned legs, room, seconds, settle, rounds, janus_legs;
    bool quick;
};

static const char *const marks[] = {"delay_ms_p50", "delay_ms_p90", "delay_ms_p99", "delay_ms_p999"};

/* One peer's rounds of a case. */
struct series {
    double at[ARRAY_LEN(marks)][BENCH_ROUNDS_MAX], steps[STEPS][BENCH_ROUNDS_MAX];
    unsigned n, legs;
    double checked, missing, lost, late_sends, us[BENCH_ROUNDS_MAX];
};

static void series_add(struct series *s, const struct match *m, const struct match_result *r)
{
    double steps[STEPS] = {0};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        s->at[i][s->n] = json_value(r->load, marks[i], 0);
    }
    json_array(r->load, "delay_ms_percentiles", steps, STEPS);
    for (unsigned i = 0; i < STEPS; i++) {
        s->steps[i][s->n] = steps[i];
    }
    s->us[s->n++] = r->us;
    s->legs = m->legs;
    s->checked += json_value(r->load, "checked", 0);
    s->missing += json_value(r->load, "other_missing", 0) + json_value(r->load, "made_up", 0);
    s->lost += json_value(r->load, "lost", 0);
    s->late_sends += r->late_sends;
}

static void series_print(const struct settings *o, struct series *s, enum peer peer, unsigned talkers)
{
    bench_json_begin("latency");
    printf(",\"peer\":\"%s\",\"codec\":\"pcmu\",\"room\":%u,\"legs\":%u,\"talkers\":%u,\"settle_s\":%u,\"rounds\":%u",
           peer_name(peer), o->room, s->legs, talkers, o->settle, s->n);
    for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
        printf(",\"%s\":%.1f", marks[i], bench_median(s->at[i], s->n));
    }
    printf(",\"us_per_participant_s\":%.1f,\"checked\":%.0f,\"missing\":%.0f,\"lost\":%.0f,\"late_sends\":%.0f,"
           "\"delay_ms_percentiles\":[",
           bench_median(s->us, s->n), s->checked, s->missing, s->lost, s->late_sends);
    for (unsigned i = 0; i < STEPS; i++) {
        printf("%s%.4g", i ? "," : "", bench_median(s->steps[i], s->n));
    }
    printf("]}\n");
    fflush(stdout);
}

static void case_run(const struct settings *o, unsigned talkers, const enum peer *peers, unsigned n_peers)
{
    static struct series series[PEERS];
    static struct match_result result;
    memset(series, 0, sizeof series);
    for (unsigned round = 0; round < o->rounds; round++) {
        for (unsigned i = 0; i < n_peers; i++) {
            struct match m = {.peer = peers[i],
                              .codec = "pcmu",
                              .room = o->room,
                              .talkers = talkers,
                              .seconds = o->seconds,
                              .settle = o->settle};
            m.legs = (m.peer == PEER_JANUS ? MIN(o->legs, o->janus_legs) : o->legs) / o->room * o->room;
            if (match_run(&o->stand, &m, &result) == 0) {
                series_add(&series[m.peer], &m, &result);
            }
        }
    }
    for (unsigned i = 0; i < n_peers; i++) {
        if (series[peers[i]].n) {
            series_print(o, &series[peers[i]], peers[i], talkers);
        }
    }
}

int bench_latency(int argc, char **argv)
{
    struct settings o = {.stand = STAND_DEFAULT,
                         .talkers = "1,3",
                         .peers = "mixminus,janus",
                         .legs = 1000,
                         .room = 5,
                         .seconds = 6,
                         .settle = 5,
                         .rounds = 2,
                         .janus_legs = 200};
    const struct option_line lines[] = {
        OPTION_COUNT("legs", o.legs, "the load"),
        OPTION_COUNT("room", o.room, "legs in a room"),
        OPTION_TEXT("talkers", o.talkers, "of each room, up to 8"),
        OPTION_TEXT("peers", o.peers, "servers that are measured"),
        OPTION_COUNT("seconds", o.seconds, "measured in each match, 2 or more"),
        OPTION_COUNT("settle", o.settle, "of speech before them"),
        OPTION_COUNT("rounds", o.rounds, "how often each match is played"),
        OPTION_COUNT("janus-legs", o.janus_legs, "no more than so many for Janus"),
        OPTION_SWITCH("quick", o.quick, "a few legs for seconds: whether it works, not how fast"),
        STAND_OPTIONS(o.stand),
        {0},
    };
    unsigned talkers[LIST_MAX];
    enum peer peers[PEERS];
    int status = options_read(argc, argv, "what the server adds to the delay of a voice, beside peers", lines);
    if (status >= 0) {
        return status;
    }
    if (o.quick) {
        o.rounds = o.settle = 1;
        o.seconds = 2;
        o.legs = MIN(o.legs, 20u);
    }
    unsigned n_peers = peers_read(o.peers, peers), n_talkers = option_numbers(o.talkers, talkers, LIST_MAX);
    bool fits = n_peers && o.room >= 2 && o.legs >= o.room && o.rounds <= BENCH_ROUNDS_MAX && o.seconds >= 2;
    for (unsigned i = 0; i < n_talkers; i++) {
        fits &= talkers[i] >= 1 && talkers[i] <= MIN(o.room, 8u);
    }
    if (!fits) {
        fprintf(stderr,
                "mixminus-bench: rooms of 2 or more that --legs fill, --talkers up to 8 and no more than --room, "
                "--seconds from 2\n");
        return 2;
    }
    status = stand_begin(&o.stand);
    for (unsigned i = 0; i < n_talkers && status < 0; i++) {
        case_run(&o, talkers[i], peers, n_peers);
    }
    if (status < 0) {
        stand_close(&o.stand);
    }
    return MAX(status, 0);
}
