/*
 * mixminus-bench capacity: the whole server (SIP, control, one worker core) under load. CPU per participant-second and
 * how many legs one worker core holds, beside the bare reflector, the naive echo server and Janus in the same rounds.
 * The reflector and the echo server get the same packets without rooms; Janus gets as many legs as it can bear.
 */
#include "bench/bench.h"
#include "bench/json.h"
#include "bench/match.h"
#include "bench/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 16 };

struct settings {
    struct stand stand;
    char legs[96], rooms[96], codecs[96], peers[96];
    unsigned talkers, seconds, settle, rounds, janus_legs;
    bool quick;
};

/* What a shape comes to, over all numbers of legs: the most that are held, and memory at the fewest and the most. */
struct outcome {
    unsigned most, fewest_legs, most_legs;
    double fewest_kb, most_kb;
};

/* One peer's rounds of a case. */
struct series {
    double us[BENCH_ROUNDS_MAX], ratio[BENCH_ROUNDS_MAX], to_echo[BENCH_ROUNDS_MAX], p50[BENCH_ROUNDS_MAX],
        p99[BENCH_ROUNDS_MAX], loss[BENCH_ROUNDS_MAX];
    unsigned n, n_held;
    double gaps_over_60ms, late_sends, ticks, ticks_late, frames, encoded, rss_kb;
};

static void series_add(struct series *s, const struct match *m, const struct match_result *r, double floor, double echo)
{
    s->us[s->n] = r->us;
    s->ratio[s->n] = floor > 0 ? r->us / floor : 0;
    s->to_echo[s->n] = echo > 0 ? r->us / echo : 0;
    s->p50[s->n] = json_value(r->load, "delay_ms_p50", 0);
    s->p99[s->n] = json_value(r->load, "delay_ms_p99", 0);
    s->loss[s->n] = r->loss;
    s->n++;
    s->n_held += r->held;
    s->gaps_over_60ms += r->gaps_over_60ms;
    s->late_sends += r->late_sends;
    s->ticks += r->ticks;
    s->ticks_late += r->ticks_late;
    s->rss_kb = MAX(s->rss_kb, r->rss_end_kb);
    s->encoded += r->encoded;
    s->frames += r->encoded + r->encode_shared;
}

static void series_print(struct series *s, const struct match *m)
{
    bench_json_begin("capacity");
    printf(",\"peer\":\"%s\",\"codec\":\"%s\",\"room\":%u,\"legs\":%u,\"talkers\":%u,\"us_per_participant_s\":%.1f,"
           "\"held\":%s,\"rounds\":%u,\"rounds_held\":%u,\"loss\":%.6f,\"gaps_over_60ms\":%.0f,\"late_sends\":%.0f",
           peer_name(m->peer), m->codec, m->room, m->legs, m->talkers, bench_median(s->us, s->n),
           2 * s->n_held > s->n ? "true" : "false", s->n, s->n_held, bench_median(s->loss, s->n), s->gaps_over_60ms,
           s->late_sends);
    if (s->ratio[0] > 0) {
        printf(",\"ratio_to_reflector\":%.3f", bench_median(s->ratio, s->n));
    }
    if (s->to_echo[0] > 0) {
        printf(",\"ratio_to_echo\":%.3f", bench_median(s->to_echo, s->n));
    }
    if (s->p99[0] > 0) {
        printf(",\"delay_ms_p50\":%.1f,\"delay_ms_p99\":%.1f", bench_median(s->p50, s->n), bench_median(s->p99, s->n));
    }
    if (s->ticks > 0) {
        printf(",\"ticks\":%.0f,\"ticks_late\":%.0f,\"encodes_per_leg_frame\":%.4f,"
               "\"rss_kb\":%.0f",
               s->ticks, s->ticks_late, s->frames > 0 ? s->encoded / s->frames : 0, s->rss_kb);
    }
    printf("}\n");
    fflush(stdout);
}

/* A new leg has an encoder of its own for up to two seconds where the codec has state; and our Opus to a listener is
 * protected until three of its reports in a row show no loss, 23 s at the most. */
static unsigned settle_of(const struct settings *o, const char *codec, enum peer peer)
{
    bool has_state = strncmp(codec, "pcm", 3) != 0 && strncmp(codec, "l16", 3) != 0;
    bool is_protected = peer == PEER_MIXMINUS && strncmp(codec, "opus", 4) == 0;
    return o->settle ? o->settle : is_protected ? 24 : has_state ? 3 : 1;
}

/* One number of legs, all peers in turn, round after round. */
static void case_run(const struct settings *o, const struct match *shape, const enum peer *peers, unsigned n_peers,
                     struct outcome *outcome)
{
    static struct series series[PEERS];
    static struct match_result result;
    struct match m = *shape;
    memset(series, 0, sizeof series);
    for (unsigned round = 0; round < o->rounds; round++) {
        double us[PEERS] = {0};
        for (unsigned i = 0; i < n_peers; i++) {
            m.peer = peers[i];
            m.settle = settle_of(o, m.codec, m.peer);
            if ((m.peer == PEER_JANUS && m.legs > o->janus_legs) || match_run(&o->stand, &m, &result) != 0) {
                continue;
            }
            us[m.peer] = result.us;
            series_add(&series[m.peer], &m, &result, us[PEER_REFLECTOR], us[PEER_ECHO]);
        }
    }
    for (unsigned i = 0; i < n_peers; i++) {
        m.peer = peers[i];
        if (series[m.peer].n) {
            series_print(&series[m.peer], &m);
        }
    }
    const struct series *own = &series[PEER_MIXMINUS];
    if (own->n && 2 * own->n_held > own->n) {
        outcome->most = MAX(outcome->most, m.legs);
    }
    if (own->rss_kb > 0 && (!outcome->fewest_legs || m.legs < outcome->fewest_legs)) {
        outcome->fewest_legs = m.legs;
        outcome->fewest_kb = own->rss_kb;
    }
    if (own->rss_kb > 0 && m.legs > outcome->most_legs) {
        outcome->most_legs = m.legs;
        outcome->most_kb = own->rss_kb;
    }
}

static void shape_run(const struct settings *o, const char *codec, unsigned room, const enum peer *peers, unsigned n)
{
    unsigned legs[LIST_MAX], n_legs = option_numbers(o->legs, legs, LIST_MAX);
    struct outcome outcome = {.most = 0};
    for (unsigned i = 0; i < n_legs; i++) {
        struct match m = {.codec = codec, .room = room, .seconds = o->seconds};
        m.legs = legs[i] / room * room;
        m.talkers = MIN(o->talkers, room);
        if (m.legs && o->stand.port + 2 * m.legs < 32768) {
            case_run(o, &m, peers, n, &outcome);
        } else {
            fprintf(stderr, "mixminus-bench: %u legs in rooms of %u do not fit between the ports: left out\n", legs[i],
                    room);
        }
    }
    if (!outcome.most_legs) {
        return;
    }
    bench_json_begin("capacity");
    printf(",\"case\":\"most_legs\",\"peer\":\"mixminus\",\"codec\":\"%s\",\"room\":%u,\"talkers\":%u,\"legs_held\":%u",
           codec, room, MIN(o->talkers, room), outcome.most);
    if (outcome.most_legs > outcome.fewest_legs) {
        printf(",\"kb_per_leg\":%.1f",
               (outcome.most_kb - outcome.fewest_kb) / (outcome.most_legs - outcome.fewest_legs));
    }
    printf("}\n");
    fflush(stdout);
}

int bench_capacity(int argc, char **argv)
{
    struct settings o = {.stand = STAND_DEFAULT,
                         .legs = "200,1000,4000",
                         .rooms = "5",
                         .codecs = "pcmu",
                         .peers = "reflector,echo,mixminus,janus",
                         .talkers = 3,
                         .seconds = 3,
                         .rounds = 2,
                         .janus_legs = 400};
    const struct option_line lines[] = {
        OPTION_TEXT("legs", o.legs, "how many"),
        OPTION_TEXT("rooms", o.rooms, "legs in a room"),
        OPTION_TEXT("codecs", o.codecs,
                    "of pcmu, pcma, g722, l16, opus16, opus48, mixed; behind it +srtp, or +decoded: everybody"),
        OPTION_TEXT("peers", o.peers, "servers that are measured"),
        OPTION_INT("talkers", o.talkers, "of each room, 0 to 8"),
        OPTION_COUNT("seconds", o.seconds, "measured in each match, 2 or more"),
        OPTION_COUNT("settle", o.settle,
                     "seconds before them; by codec 1, G.722 3: encoders find together, Opus 24: until it is not "
                     "protected any more"),
        OPTION_COUNT("rounds", o.rounds, "how often each match is played"),
        OPTION_COUNT("janus-legs", o.janus_legs, "no more than so many for Janus"),
        OPTION_SWITCH("quick", o.quick, "a few legs for seconds: whether it works, not how fast"),
        STAND_OPTIONS(o.stand),
        {0},
    };
    char codecs[LIST_MAX][OPTION_WORD];
    unsigned rooms[LIST_MAX];
    enum peer peers[PEERS];
    int status = options_read(argc, argv, "CPU of the whole server and how many legs it holds, beside peers", lines);
    if (status >= 0) {
        return status;
    }
    if (o.quick) {
        o.rounds = 1;
        o.seconds = 2;
        snprintf(o.legs, sizeof o.legs, "20");
    }
    unsigned n_peers = peers_read(o.peers, peers), n_codecs = option_list(o.codecs, codecs, LIST_MAX);
    unsigned n_rooms = option_numbers(o.rooms, rooms, LIST_MAX);
    if (!n_peers || o.talkers > 8 || o.rounds > BENCH_ROUNDS_MAX || o.seconds < 2) {
        fprintf(stderr, "mixminus-bench: --talkers goes up to 8, --rounds up to %d, --seconds from 2\n",
                BENCH_ROUNDS_MAX);
        return 2;
    }
    status = stand_begin(&o.stand);
    for (unsigned c = 0; c < n_codecs && status < 0; c++) {
        for (unsigned r = 0; r < n_rooms; r++) {
            shape_run(&o, codecs[c], MAX(rooms[r], 1u), peers, n_peers);
        }
    }
    if (status < 0) {
        stand_close(&o.stand);
    }
    return MAX(status, 0);
}
