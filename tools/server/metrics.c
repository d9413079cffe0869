/* Metrics. Names end in their unit, counters in _total; every one has its HELP. */
#include "tools/server/metrics.h"

#include "sig/base/log_writer.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { HEALTH_LOOK_US = 60000 /* three beats of a worker at least */ };

#define U(x) (unsigned long long)(x)

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP mixminus_%s %s\n# TYPE mixminus_%s %s\n", name, help, name, type);
}

static void one(FILE *out, const char *name, const char *type, const char *help, double value)
{
    head(out, name, type, help);
    fprintf(out, "mixminus_%s %.17g\n", name, value);
}

/* ---- workers ---- */

struct row {
    const char *name, *type, *help;
    size_t at; /* of the counter in struct worker_stats */
};

#define ROW(field) offsetof(struct worker_stats, field)

static const struct row rows[] = {
    {"worker_legs", "gauge", "Participants on a worker.", ROW(legs)},
    {"worker_conferences", "gauge", "Conferences on a worker.", ROW(confs)},
    {"worker_busy_nanoseconds_total", "counter", "Time that a worker did not sleep.", ROW(busy_ns)},
    {"ticks_total", "counter", "Frames of conferences that were mixed.", ROW(ticks)},
    {"tick_late_total", "counter", "Of these, begun over 5 ms after their phase.", ROW(ticks_late)},
    {"tick_skipped_total", "counter", "Frames given up after a stall of over 100 ms.", ROW(ticks_skipped)},
    {"rtp_rx_packets_total", "counter", "Datagrams read, RTP and RTCP.", ROW(rx_packets)},
    {"rtp_rx_failed_total", "counter", "Reads that the kernel did not take.", ROW(rx_failed)},
    {"rtp_connects_failed_total", "counter", "Times that a socket could not be connected to its peer.",
     ROW(connects_failed)},
    {"legs_failed_total", "counter", "Participants whose sockets could not be used.", ROW(legs_failed)},
    {"rtp_rx_bytes_total", "counter", "Their payload of UDP.", ROW(rx_bytes)},
    {"rtp_tx_packets_total", "counter", "Datagrams sent, RTP and RTCP.", ROW(tx_packets)},
    {"rtp_tx_bytes_total", "counter", "Their payload of UDP.", ROW(tx_bytes)},
    {"decodes_total", "counter", "Packets that were decoded.", ROW(decoded)},
    {"undecoded_total", "counter", "Packets of participants that could not be heard, so not decoded.", ROW(undecoded)},
    {"warm_up_decodes_total", "counter", "Of these, decoded later to warm a decoder up.", ROW(warmed)},
    {"level_lies_total", "counter", "Streams whose header's levels proved false.", ROW(level_lies)},
    {"plc_frames_total", "counter", "Stretches of audio made up for lost packets.", ROW(concealed)},
    {"encodes_total", "counter", "Frames that were encoded.", ROW(encoded)},
    {"encodes_shared_total", "counter", "Frames sent to a participant that were encoded once for several.",
     ROW(encode_shared)},
    {"moves_total", "counter", "Participants that came from another worker of their conference.", ROW(moves)},
    {"rtp_sources_moved_total", "counter", "Participants whose RTP came from another address than before.",
     ROW(sources_moved)},
    {"unheard_legs_total", "counter", "Participants none of whose packets could be used for seconds.", ROW(unheard)},
    {"annex_packets_total", "counter", "Packets sent to participants whose conference is mixed by another worker.",
     ROW(fed)},
    {"annex_frames_lapped_total", "counter", "Frames of such a conference that a worker came too late for.",
     ROW(feed_lapped)},
    {"blended_ticks_total", "counter", "Ticks that played more than a tick to bring a delay down.", ROW(blended)},
    {"events_retried_total", "counter", "Events that waited for room on their way to signalling.", ROW(events_lost)},
};

static const counter *counter_at(const struct worker_stats *stats, size_t at)
{
    return (const counter *)((const char *)stats + at);
}

static void put_rows(FILE *out, const struct figures_source *s)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        head(out, rows[i].name, rows[i].type, rows[i].help);
        for (unsigned w = 0; w < s->n_workers; w++) {
            fprintf(out, "mixminus_%s{worker=\"%u\"} %llu\n", rows[i].name, w,
                    U(count_get(counter_at(s->workers[w]->stats, rows[i].at))));
        }
    }
}

static void put_histogram(FILE *out, const struct figures_source *s, const char *name, const char *help, size_t at,
                          size_t sum_at)
{
    head(out, name, "histogram", help);
    for (unsigned w = 0; w < s->n_workers; w++) {
        const struct worker_stats *stats = s->workers[w]->stats;
        uint64_t below = 0;
        double edge_s = 8e-6;
        for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++, edge_s *= 2) {
            below += count_get(counter_at(stats, at) + i);
            fprintf(out, "mixminus_%s_bucket{worker=\"%u\",le=\"%g\"} %llu\n", name, w, edge_s, U(below));
        }
        below += count_get(counter_at(stats, at) + HISTOGRAM_BUCKETS - 1);
        fprintf(out, "mixminus_%s_bucket{worker=\"%u\",le=\"+Inf\"} %llu\n", name, w, U(below));
        fprintf(out, "mixminus_%s_sum{worker=\"%u\"} %.9f\n", name, w,
                (double)count_get(counter_at(stats, sum_at)) / 1e9);
        fprintf(out, "mixminus_%s_count{worker=\"%u\"} %llu\n", name, w, U(below));
    }
}

static void put_stages(FILE *out, const struct figures_source *s)
{
    head(out, "stage_seconds_total", "counter", "Time of each stage of the mix, from a sample of the ticks.");
    for (unsigned w = 0; w < s->n_workers; w++) {
        for (unsigned i = 0; i < STAGES; i++) {
            fprintf(out, "mixminus_stage_seconds_total{worker=\"%u\",stage=\"%s\"} %.9f\n", w,
                    stage_name((enum stage)i), (double)count_get(&s->workers[w]->stats->stage_ns[i]) / 1e9);
        }
    }
    head(out, "rtp_dropped_total", "counter", "Packets that were not used, by reason.");
    for (unsigned i = 1; i < DROPS; i++) {
        uint64_t n = 0;
        for (unsigned w = 0; w < s->n_workers; w++) {
            n += count_get(&s->workers[w]->stats->drops[i]);
        }
        fprintf(out, "mixminus_rtp_dropped_total{reason=\"%s\"} %llu\n", drop_name((enum drop)i), U(n));
    }
}

/* ---- signalling ---- */

static void put_reasons(FILE *out, const char *name, const char *help, unsigned first, unsigned n,
                        const char *(*word)(unsigned), const counter *values)
{
    head(out, name, "counter", help);
    for (unsigned i = first; i < n; i++) {
        fprintf(out, "mixminus_%s{reason=\"%s\"} %llu\n", name, word(i), U(count_get(&values[i])));
    }
}

static const char *refusal_word(unsigned i)
{
    return refusal_name((enum refusal)i);
}
static const char *ending_word(unsigned i)
{
    return ending_name((enum ending)i);
}
static const char *refuse_word(unsigned i)
{
    return refuse_name((enum refuse)i);
}

static void put_signalling(FILE *out, const struct sig_figures *f)
{
    one(out, "conferences", "gauge", "Conferences alive.", (double)count_get(&f->focus->confs));
    one(out, "conferences_total", "counter", "Conferences made.", (double)count_get(&f->focus->confs_made));
    one(out, "legs", "gauge", "Calls alive.", (double)count_get(&f->focus->calls));
    one(out, "legs_total", "counter", "Calls made.", (double)count_get(&f->focus->calls_made));
    one(out, "lobbies", "gauge",
        "Calls that hear announcements apart from their conference, a worker's conference each.",
        (double)count_get(&f->focus->lobbies));
    one(out, "announcements_total", "counter", "Announcements that were called for.",
        (double)count_get(&f->focus->announcements));
    one(out, "factory_redirects_total", "counter", "Factory requests answered with a fresh conference URI.",
        (double)count_get(&f->focus->redirects));
    one(out, "moves_refused_total", "counter", "Participants that spoke in an annex and found no place at the owner.",
        (double)count_get(&f->focus->moves_refused));
    one(out, "half_calls", "gauge", "Calls not acknowledged yet, and conferences that hold room uncalled.",
        (double)count_get(&f->focus->half_calls));
    one(out, "dialled_total", "counter", "Calls that conferences have made.", (double)count_get(&f->focus->dials));
    one(out, "dialled_answered_total", "counter", "Of these, answered ones.",
        (double)count_get(&f->focus->dials_answered));
    one(out, "dialled_refused_total", "counter", "Of these, refused and unreachable ones.",
        (double)count_get(&f->focus->dials_refused));
    one(out, "store_errors_total", "counter", "Operations that the store failed.",
        (double)count_get(&f->focus->store_errors));
    put_reasons(out, "rejected_total", "Requests that the focus refused.", 0, REFUSALS, refusal_word,
                f->focus->refused);
    put_reasons(out, "leg_release_total", "Calls that ended, by cause.", 0, ENDINGS, ending_word,
                f->focus->ended);
    one(out, "sip_rx_messages_total", "counter", "SIP messages received.", (double)count_get(&f->txn->rx_messages));
    one(out, "sip_rx_retransmits_total", "counter", "Of these, repeated ones.",
        (double)count_get(&f->txn->rx_retransmissions));
    one(out, "sip_tx_retransmits_total", "counter", "SIP messages sent again.",
        (double)count_get(&f->txn->tx_retransmissions));
    one(out, "sip_tx_cut_total", "counter", "Answers by UDP that were shortened: their requests were shorter.",
        (double)count_get(&f->txn->tx_cut));
    one(out, "sip_tx_unproven_total", "counter",
        "Answers by UDP sent again, unasked, to an address that has never answered.",
        (double)count_get(&f->txn->tx_unproven));
    one(out, "sip_tx_withheld_total", "counter", "Answers by UDP not sent: their requests were too short for any.",
        (double)count_get(&f->txn->tx_withheld));
    one(out, "sip_no_memory_total", "counter", "SIP requests and answers that could not be made for want of memory.",
        (double)count_get(&f->txn->no_memory));
    one(out, "sip_timeouts_total", "counter", "Transactions that were never answered.",
        (double)count_get(&f->txn->timeouts));
    one(out, "sip_transactions", "gauge", "Transactions alive.",
        (double)(count_get(&f->txn->txns_server) + count_get(&f->txn->txns_client)));
    one(out, "sip_connections", "gauge", "TCP connections.", (double)count_get(&f->net->conns));
    put_reasons(out, "sip_refused_total", "SIP messages that were refused or dropped.", 1, REFUSES, refuse_word,
                f->txn->refused);
}

static void put_load(FILE *out, const struct sig_load *load)
{
    one(out, "cpu_promised_ratio", "gauge", "CPU promised to calls and held, of what may be promised; 0: no limit.",
        count_get(&load->cpu_budget_us)
            ? (double)count_get(&load->cpu_used_us) / (double)count_get(&load->cpu_budget_us)
            : 0);
    one(out, "bandwidth_promised_bits_per_second", "gauge", "Bandwidth promised to calls.",
        (double)count_get(&load->kbps_used) * 1000);
    one(out, "port_pairs", "gauge", "Pairs of RTP ports.", (double)count_get(&load->pairs));
    one(out, "port_pairs_used", "gauge", "Pairs in use or held.",
        (double)(count_get(&load->pairs_used) + count_get(&load->pairs_held)));
}

/* ---- pages ---- */

unsigned metrics_write(FILE *out, void *arg)
{
    const struct figures_source *s = arg;
    struct sig_figures f = sig_figures(s->sig);
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    head(out, "build_info", "gauge", "What runs here.");
    fprintf(out, "mixminus_build_info{version=\"%s\",commit=\"%s\",simd=\"%s\"} 1\n", s->version, s->commit, s->simd);
    one(out, "uptime_seconds", "gauge", "Since the start.", figures_uptime_s(s));
    put_rows(out, s);
    put_histogram(out, s, "tick_seconds", "How long a worker's turn took.", ROW(beat_ns), ROW(busy_ns));
    put_histogram(out, s, "tick_late_seconds", "How late after its phase a turn began.", ROW(late_ns),
                  ROW(late_sum_ns));
    put_stages(out, s);
    put_signalling(out, &f);
    put_load(out, f.load);
    head(out, "log_lines_dropped_total", "counter", "Lines of the log that nothing read in time.");
    fprintf(out, "mixminus_log_lines_dropped_total %llu\n",
            U(s->log && s->log->writer ? count_get(log_writer_dropped(s->log->writer)) : 0));
    fprintf(out,
            "# HELP process_cpu_seconds_total User and system time.\n# TYPE process_cpu_seconds_total counter\n"
            "process_cpu_seconds_total %.6f\n",
            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    fprintf(out,
            "# HELP process_resident_memory_bytes Resident memory.\n# TYPE process_resident_memory_bytes gauge\n"
            "process_resident_memory_bytes %llu\n",
            U(figures_rss_kb()) * 1024);
    return 200;
}

unsigned metrics_conferences(FILE *out, void *arg)
{
    const struct figures_source *s = arg;
    char *text = sig_conferences(s->sig);
    fprintf(out, "%s\n", text ? text : "{\"error\":\"signalling does not answer\"}");
    bool is_there = text != NULL;
    free(text);
    return is_there ? 200 : 503;
}

unsigned metrics_health(FILE *out, void *arg)
{
    const struct figures_source *s = arg;
    uint64_t beats[PLACE_WORKERS_MAX];
    for (unsigned w = 0; w < s->n_workers; w++) {
        beats[w] = count_get(&s->workers[w]->stats->beats);
    }
    usleep(HEALTH_LOOK_US);
    for (unsigned w = 0; w < s->n_workers; w++) {
        if (count_get(&s->workers[w]->stats->beats) == beats[w]) {
            fprintf(out, "worker %u stands still\n", w);
            return 503;
        }
    }
    if (sig_is_still(s->sig)) {
        fprintf(out, "signalling stands still\n");
        return 503;
    }
    fprintf(out, "ok\n");
    return 200;
}
