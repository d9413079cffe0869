/*
 * mixminus-bench churn: what standing calls notice of calls that come and go, and of calls that find no room.
 *
 *   quiet     the load alone
 *   churn     the same load, and joins and leaves meanwhile: late ticks, packets lost, and memory in its second half,
 *             when SIP forgets as much as it must remember (32 s)
 *   overload  more calls than the server takes: the rest must get 503 with Retry-After, those admitted keep quality
 */
#include "bench/bench.h"
#include "bench/json.h"
#include "bench/match.h"
#include "bench/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum scene { SCENE_QUIET, SCENE_CHURN, SCENE_OVERLOAD, SCENES };
static const char *const scene_names[SCENES] = {"quiet", "churn", "overload"};

struct settings {
    struct stand stand;
    unsigned legs, room, talkers, seconds, rounds, churn, churn_seconds, offered_percent;
    bool quick;
};

/* What all rounds of a scene come to. */
struct sums {
    unsigned n;
    bool has_rss;
    double us[BENCH_ROUNDS_MAX], p50[BENCH_ROUNDS_MAX], p99[BENCH_ROUNDS_MAX], rss_kb_per_min[BENCH_ROUNDS_MAX];
    double up, lost, received, gaps, ticks, ticks_late, naps, naps_late, late_sends, joined, left, failed, unavailable,
        retry_after;
    double rss_end_kb, loss_worst;
};

static void sums_add(struct sums *s, const struct match_result *r)
{
    s->us[s->n] = r->us;
    s->p50[s->n] = json_value(r->load, "delay_ms_p50", 0);
    s->p99[s->n] = json_value(r->load, "delay_ms_p99", 0);
    s->has_rss = r->has_rss;
    s->rss_kb_per_min[s->n] = r->rss_kb_per_min;
    s->n++;
    s->up += r->up;
    s->lost += json_value(r->load, "lost", 0);
    s->received += json_value(r->load, "received", 0);
    s->loss_worst = MAX(s->loss_worst, r->loss);
    s->gaps += r->gaps_over_60ms;
    s->ticks += r->ticks;
    s->ticks_late += r->ticks_late;
    s->naps += r->naps;
    s->naps_late += r->naps_late;
    s->late_sends += r->late_sends;
    s->joined += json_value(r->load, "churn_joined", 0);
    s->left += json_value(r->load, "churn_left", 0);
    s->failed += json_value(r->load, "churn_failed", 0);
    s->unavailable += json_value(r->load, "unavailable", 0);
    s->retry_after += json_value(r->load, "retry_after", 0);
    s->rss_end_kb = r->rss_end_kb;
}

static void sums_print(const struct settings *o, enum scene scene, unsigned offered, struct sums *s)
{
    bench_json_begin("churn");
    printf(",\"case\":\"%s\",\"codec\":\"pcmu\",\"room\":%u,\"talkers\":%u,\"offered\":%u,\"up\":%.0f,\"rounds\":%u,"
           "\"us_per_participant_s\":%.1f,\"delay_ms_p50\":%.1f,\"delay_ms_p99\":%.1f,\"lost\":%.0f,\"received\":%.0f,"
           "\"loss\":%.6f,\"gaps_over_60ms\":%.0f,\"ticks\":%.0f,\"ticks_late\":%.0f,\"naps\":%.0f,\"naps_late\":%.0f,"
           "\"late_sends\":%.0f,"
           "\"rss_kb\":%.0f",
           scene_names[scene], o->room, o->talkers, offered, s->up / s->n, s->n, bench_median(s->us, s->n),
           bench_median(s->p50, s->n), bench_median(s->p99, s->n), s->lost, s->received, s->loss_worst, s->gaps,
           s->ticks, s->ticks_late, s->naps, s->naps_late, s->late_sends, s->rss_end_kb);
    if (s->has_rss) {
        printf(",\"rss_kb_per_min\":%.0f", bench_median(s->rss_kb_per_min, s->n));
    }
    if (scene == SCENE_CHURN) {
        printf(",\"churn_per_s\":%u,\"joined\":%.0f,\"left\":%.0f,\"failed\":%.0f", o->churn, s->joined, s->left,
               s->failed);
    }
    if (scene == SCENE_OVERLOAD) {
        printf(",\"capacity\":%u,\"unavailable_503\":%.0f,\"with_retry_after\":%.0f", o->legs, s->unavailable / s->n,
               s->retry_after / s->n);
    }
    printf("}\n");
    fflush(stdout);
}

static struct match scene_match(const struct settings *o, enum scene scene)
{
    struct match m = {.peer = PEER_MIXMINUS,
                      .watch_noise = true,
                      .codec = "pcmu",
                      .legs = o->legs,
                      .room = o->room,
                      .talkers = o->talkers,
                      .seconds = o->seconds,
                      .settle = 2};
    if (scene == SCENE_CHURN) {
        m.churn = o->churn;
        m.seconds = o->churn_seconds;
    } else if (scene == SCENE_OVERLOAD) {
        m.legs_max = o->legs;
        m.legs = o->legs * o->offered_percent / 100 / o->room * o->room;
    }
    return m;
}

static int scenes_run(const struct settings *o)
{
    static struct sums sums[SCENES];
    static struct match_result result;
    for (unsigned round = 0; round < o->rounds; round++) {
        for (enum scene scene = 0; scene < SCENES; scene++) {
            struct match m = scene_match(o, scene);
            if (match_run(&o->stand, &m, &result) == 0) {
                sums_add(&sums[scene], &result);
            }
        }
    }
    bool any = false;
    for (enum scene scene = 0; scene < SCENES; scene++) {
        if (sums[scene].n) {
            sums_print(o, scene, scene_match(o, scene).legs, &sums[scene]);
            any = true;
        }
    }
    return any ? 0 : 1;
}

int bench_churn(int argc, char **argv)
{
    struct settings o = {.stand = STAND_DEFAULT,
                         .legs = 1000,
                         .room = 5,
                         .talkers = 3,
                         .seconds = 12,
                         .rounds = 1,
                         .churn = 200,
                         .churn_seconds = 160,
                         .offered_percent = 120};
    const struct option_line lines[] = {
        OPTION_COUNT("legs", o.legs, "the load, and the server's capacity in the overload"),
        OPTION_COUNT("room", o.room, "legs in a room"),
        OPTION_COUNT("talkers", o.talkers, "of each room, up to 8"),
        OPTION_COUNT("churn", o.churn, "joins, and as many leaves, a second"),
        OPTION_COUNT("churn-seconds", o.churn_seconds,
                     "of it: SIP remembers for 32 s, most of memory settles in another 30"),
        OPTION_COUNT("offered", o.offered_percent, "per cent of capacity offered in the overload"),
        OPTION_COUNT("seconds", o.seconds, "measured in each match, 3 or more; the joins and leaves last longer"),
        OPTION_COUNT("rounds", o.rounds, "how often each match is played"),
        OPTION_SWITCH("quick", o.quick, "a few legs for seconds: whether it works, not how well"),
        STAND_OPTIONS(o.stand),
        {0},
    };
    int status = options_read(argc, argv, "joins and leaves at a load, and more calls than the server takes", lines);
    if (status >= 0) {
        return status;
    }
    if (o.quick) {
        o.rounds = 1;
        o.seconds = o.churn_seconds = 3;
        o.churn = MIN(o.churn, 20u);
        o.legs = MIN(o.legs, 50u);
    }
    if (o.legs < o.room || o.talkers > MIN(o.room, 8u) || o.rounds > BENCH_ROUNDS_MAX || o.seconds < 3 ||
        o.churn_seconds < 3) {
        fprintf(stderr, "mixminus-bench: --legs fill a --room at least, --talkers go up to 8 and to --room, --seconds "
                        "and --churn-seconds from 3\n");
        return 2;
    }
    status = stand_begin(&o.stand);
    if (status < 0) {
        status = scenes_run(&o);
        stand_close(&o.stand);
    }
    return status;
}
