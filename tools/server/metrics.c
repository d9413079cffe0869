/*
 * Metrics: one table, from which the page for Prometheus and tools/doc/metrics.md are written. Names end in their unit,
 * counters in _total; every one has its HELP.
 */
#include "tools/server/metrics.h"

#include "sig/base/log_writer.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

enum { HEALTH_LOOK_US = 60000 /* three beats of a worker at least */ };

#define U(x) (unsigned long long)(x)

struct metric {
    const char *family; /* heading before it, NULL: it belongs to the one above */
    const char *name, *type, *labels, *help;
    void (*put)(FILE *out, const struct metric *m, const struct figures_source *s);
    size_t at;     /* of its counter in the struct that put reads */
    size_t sum_at; /* histograms: of the sum, in ns */
};

/* Where a metric has its counter: at, sum_at. */
#define WORKER(field) offsetof(struct worker_stats, field), 0
#define FOCUS(field) offsetof(struct env_stats, field), 0
#define TXN(field) offsetof(struct txn_stats, field), 0
#define NET(field) offsetof(struct net_stats, field), 0
#define REGISTRAR(field) offsetof(struct registrar_stats, field), 0
#define PRESENCE(field) offsetof(struct presence_stats, field), 0
#define SESSION(field) offsetof(struct session_stats, field), 0
#define LOAD(field) offsetof(struct sig_load, field), 0
#define HISTOGRAM(field, sum) offsetof(struct worker_stats, field), offsetof(struct worker_stats, sum)
#define SEVERAL 0, 0

static const counter *counter_at(const void *stats, size_t at)
{
    return (const counter *)((const char *)stats + at);
}

static void put_number(FILE *out, const struct metric *m, double value)
{
    fprintf(out, "%s %.17g\n", m->name, value);
}

static void put_count(FILE *out, const struct metric *m, const void *stats)
{
    put_number(out, m, (double)count_get(counter_at(stats, m->at)));
}

static void put_reason(FILE *out, const struct metric *m, const char *reason, uint64_t n)
{
    fprintf(out, "%s{reason=\"%s\"} %llu\n", m->name, reason, U(n));
}

/* ---- workers ---- */

static void put_worker(FILE *out, const struct metric *m, const struct figures_source *s)
{
    for (unsigned w = 0; w < s->n_workers; w++) {
        fprintf(out, "%s{worker=\"%u\"} %llu\n", m->name, w, U(count_get(counter_at(s->workers[w]->stats, m->at))));
    }
}

static void put_histogram(FILE *out, const struct metric *m, const struct figures_source *s)
{
    for (unsigned w = 0; w < s->n_workers; w++) {
        const struct worker_stats *stats = s->workers[w]->stats;
        uint64_t below = 0;
        double edge_s = 8e-6;
        for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++, edge_s *= 2) {
            below += count_get(counter_at(stats, m->at) + i);
            fprintf(out, "%s_bucket{worker=\"%u\",le=\"%g\"} %llu\n", m->name, w, edge_s, U(below));
        }
        below += count_get(counter_at(stats, m->at) + HISTOGRAM_BUCKETS - 1);
        fprintf(out, "%s_bucket{worker=\"%u\",le=\"+Inf\"} %llu\n", m->name, w, U(below));
        fprintf(out, "%s_sum{worker=\"%u\"} %.9f\n", m->name, w, (double)count_get(counter_at(stats, m->sum_at)) / 1e9);
        fprintf(out, "%s_count{worker=\"%u\"} %llu\n", m->name, w, U(below));
    }
}

static void put_stages(FILE *out, const struct metric *m, const struct figures_source *s)
{
    for (unsigned w = 0; w < s->n_workers; w++) {
        for (unsigned i = 0; i < STAGES; i++) {
            fprintf(out, "%s{worker=\"%u\",stage=\"%s\"} %.9f\n", m->name, w, stage_name((enum stage)i),
                    (double)count_get(&s->workers[w]->stats->stage_ns[i]) / 1e9);
        }
    }
}

static void put_drops(FILE *out, const struct metric *m, const struct figures_source *s)
{
    for (unsigned i = 1; i < DROPS; i++) {
        uint64_t n = 0;
        for (unsigned w = 0; w < s->n_workers; w++) {
            n += count_get(&s->workers[w]->stats->drops[i]);
        }
        put_reason(out, m, drop_name((enum drop)i), n);
    }
}

/* ---- signalling ---- */

static void put_focus(FILE *out, const struct metric *m, const struct figures_source *s)
{
    put_count(out, m, sig_figures(s->sig).focus);
}

static void put_txn(FILE *out, const struct metric *m, const struct figures_source *s)
{
    put_count(out, m, sig_figures(s->sig).txn);
}

static void put_net(FILE *out, const struct metric *m, const struct figures_source *s)
{
    put_count(out, m, sig_figures(s->sig).net);
}

/* A server without a registrar shows zeros: a metric that comes and goes confuses its collector. */
static void put_registrar(FILE *out, const struct metric *m, const struct figures_source *s)
{
    static const struct registrar_stats none;
    const struct registrar_stats *stats = sig_figures(s->sig).registrar;
    put_count(out, m, stats ? stats : &none);
}

static void put_presence(FILE *out, const struct metric *m, const struct figures_source *s)
{
    static const struct presence_stats none;
    const struct presence_stats *stats = sig_figures(s->sig).presence;
    put_count(out, m, stats ? stats : &none);
}

static void put_session(FILE *out, const struct metric *m, const struct figures_source *s)
{
    static const struct session_stats none;
    const struct session_stats *stats = sig_figures(s->sig).sessions;
    put_count(out, m, stats ? stats : &none);
}

static void put_load(FILE *out, const struct metric *m, const struct figures_source *s)
{
    put_count(out, m, sig_figures(s->sig).load);
}

static void put_rejected(FILE *out, const struct metric *m, const struct figures_source *s)
{
    const struct env_stats *stats = sig_figures(s->sig).focus;
    for (unsigned i = 0; i < REFUSALS; i++) {
        put_reason(out, m, refusal_name((enum refusal)i), count_get(&stats->refused[i]));
    }
}

static void put_endings(FILE *out, const struct metric *m, const struct figures_source *s)
{
    const struct env_stats *stats = sig_figures(s->sig).focus;
    for (unsigned i = 0; i < ENDINGS; i++) {
        put_reason(out, m, ending_name((enum ending)i), count_get(&stats->ended[i]));
    }
}

static void put_refused(FILE *out, const struct metric *m, const struct figures_source *s)
{
    const struct txn_stats *stats = sig_figures(s->sig).txn;
    for (unsigned i = 1; i < REFUSES; i++) {
        put_reason(out, m, refuse_name((enum refuse)i), count_get(&stats->refused[i]));
    }
}

static void put_transactions(FILE *out, const struct metric *m, const struct figures_source *s)
{
    const struct txn_stats *stats = sig_figures(s->sig).txn;
    put_number(out, m, (double)(count_get(&stats->txns_server) + count_get(&stats->txns_client)));
}

static void put_cpu_promised(FILE *out, const struct metric *m, const struct figures_source *s)
{
    const struct sig_load *load = sig_figures(s->sig).load;
    double budget_us = (double)count_get(&load->cpu_budget_us);
    put_number(out, m, budget_us > 0 ? (double)count_get(&load->cpu_used_us) / budget_us : 0);
}

static void put_bandwidth(FILE *out, const struct metric *m, const struct figures_source *s)
{
    put_number(out, m, (double)count_get(&sig_figures(s->sig).load->kbps_used) * 1000);
}

static void put_pairs_used(FILE *out, const struct metric *m, const struct figures_source *s)
{
    const struct sig_load *load = sig_figures(s->sig).load;
    put_number(out, m, (double)(count_get(&load->pairs_used) + count_get(&load->pairs_held)));
}

/* ---- process ---- */

static void put_build(FILE *out, const struct metric *m, const struct figures_source *s)
{
    fprintf(out, "%s{version=\"%s\",commit=\"%s\",simd=\"%s\"} 1\n", m->name, s->version, s->commit, s->simd);
}

static void put_uptime(FILE *out, const struct metric *m, const struct figures_source *s)
{
    put_number(out, m, figures_uptime_s(s));
}

static void put_log_dropped(FILE *out, const struct metric *m, const struct figures_source *s)
{
    put_number(out, m, s->log && s->log->writer ? (double)count_get(log_writer_dropped(s->log->writer)) : 0);
}

static void put_cpu_time(FILE *out, const struct metric *m, const struct figures_source *s)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    put_number(out, m,
               (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                   (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

static void put_memory(FILE *out, const struct metric *m, const struct figures_source *s)
{
    put_number(out, m, (double)figures_rss_kb() * 1024);
}

/* ---- the table ---- */

static const struct metric metrics[] = {
    {"Workers", "mixminus_worker_legs", "gauge", "worker", "Participants on a worker.", put_worker, WORKER(legs)},
    {NULL, "mixminus_worker_conferences", "gauge", "worker", "Conferences on a worker.", put_worker, WORKER(confs)},
    {NULL, "mixminus_legs_failed_total", "counter", "worker", "Participants whose sockets could not be used.",
     put_worker, WORKER(legs_failed)},
    {NULL, "mixminus_worker_busy_nanoseconds_total", "counter", "worker", "Time that a worker did not sleep.",
     put_worker, WORKER(busy_ns)},
    {NULL, "mixminus_ticks_total", "counter", "worker", "Frames of conferences that were mixed.", put_worker,
     WORKER(ticks)},
    {NULL, "mixminus_tick_late_total", "counter", "worker", "Of these, begun over 5 ms after their phase.", put_worker,
     WORKER(ticks_late)},
    {NULL, "mixminus_tick_skipped_total", "counter", "worker", "Frames given up after a stall of over 100 ms.",
     put_worker, WORKER(ticks_skipped)},
    {NULL, "mixminus_rtp_rx_packets_total", "counter", "worker", "Datagrams read, RTP and RTCP.", put_worker,
     WORKER(rx_packets)},
    {NULL, "mixminus_rtp_rx_bytes_total", "counter", "worker", "Payload of UDP received.", put_worker,
     WORKER(rx_bytes)},
    {NULL, "mixminus_rtp_rx_failed_total", "counter", "worker", "Reads that the kernel did not take.", put_worker,
     WORKER(rx_failed)},
    {NULL, "mixminus_rtp_connects_failed_total", "counter", "worker",
     "Times that a socket could not be connected to its peer.", put_worker, WORKER(connects_failed)},
    {NULL, "mixminus_rtp_tx_packets_total", "counter", "worker", "Datagrams sent, RTP and RTCP.", put_worker,
     WORKER(tx_packets)},
    {NULL, "mixminus_rtp_tx_bytes_total", "counter", "worker", "Payload of UDP sent.", put_worker, WORKER(tx_bytes)},
    {NULL, "mixminus_decodes_total", "counter", "worker", "Packets that were decoded.", put_worker, WORKER(decoded)},
    {NULL, "mixminus_undecoded_total", "counter", "worker",
     "Packets of participants that could not be heard, so not decoded.", put_worker, WORKER(undecoded)},
    {NULL, "mixminus_warm_up_decodes_total", "counter", "worker", "Of these, decoded later to warm a decoder up.",
     put_worker, WORKER(warmed)},
    {NULL, "mixminus_level_lies_total", "counter", "worker", "Streams whose header's levels proved false.", put_worker,
     WORKER(level_lies)},
    {NULL, "mixminus_plc_frames_total", "counter", "worker", "Stretches of audio made up for lost packets.", put_worker,
     WORKER(concealed)},
    {NULL, "mixminus_encodes_total", "counter", "worker", "Frames that were encoded.", put_worker, WORKER(encoded)},
    {NULL, "mixminus_encodes_shared_total", "counter", "worker",
     "Frames sent to a participant that were encoded once for several.", put_worker, WORKER(encode_shared)},
    {NULL, "mixminus_moves_total", "counter", "worker",
     "Participants that came from another worker of their conference.", put_worker, WORKER(moves)},
    {NULL, "mixminus_rtp_sources_moved_total", "counter", "worker",
     "Participants whose RTP came from another address than before.", put_worker, WORKER(sources_moved)},
    {NULL, "mixminus_unheard_legs_total", "counter", "worker",
     "Participants none of whose packets could be used for seconds.", put_worker, WORKER(unheard)},
    {NULL, "mixminus_annex_packets_total", "counter", "worker",
     "Packets sent to participants whose conference is mixed by another worker.", put_worker, WORKER(annex_packets)},
    {NULL, "mixminus_annex_frames_lapped_total", "counter", "worker",
     "Frames of such a conference that a worker came too late for.", put_worker, WORKER(annex_lapped)},
    {NULL, "mixminus_blended_ticks_total", "counter", "worker",
     "Ticks that played more than a tick to bring a delay down.", put_worker, WORKER(blended)},
    {NULL, "mixminus_events_retried_total", "counter", "worker",
     "Events that waited for room on their way to signalling.", put_worker, WORKER(events_lost)},
    {NULL, "mixminus_tick_seconds", "histogram", "worker", "How long a worker's turn took.", put_histogram,
     HISTOGRAM(beat_ns, busy_ns)},
    {NULL, "mixminus_tick_late_seconds", "histogram", "worker", "How late after its phase a turn began.", put_histogram,
     HISTOGRAM(late_ns, late_sum_ns)},
    {NULL, "mixminus_stage_seconds_total", "counter", "worker, stage",
     "Time of each stage of the mix, from a sample of the ticks.", put_stages, SEVERAL},
    {NULL, "mixminus_rtp_dropped_total", "counter", "reason", "Packets that were not used, by reason.", put_drops,
     SEVERAL},
    {"Conferences and calls", "mixminus_conferences", "gauge", "", "Conferences alive.", put_focus, FOCUS(confs)},
    {NULL, "mixminus_conferences_total", "counter", "", "Conferences made.", put_focus, FOCUS(confs_made)},
    {NULL, "mixminus_legs", "gauge", "", "Calls alive.", put_focus, FOCUS(calls)},
    {NULL, "mixminus_legs_total", "counter", "", "Calls made.", put_focus, FOCUS(calls_made)},
    {NULL, "mixminus_lobbies", "gauge", "",
     "Calls that hear announcements apart from their conference, a worker's conference each.", put_focus,
     FOCUS(lobbies)},
    {NULL, "mixminus_announcements_total", "counter", "", "Announcements that were called for.", put_focus,
     FOCUS(announcements)},
    {NULL, "mixminus_factory_redirects_total", "counter", "", "Factory requests answered with a fresh conference URI.",
     put_focus, FOCUS(redirects)},
    {NULL, "mixminus_moves_refused_total", "counter", "",
     "Participants that spoke in an annex and found no place at the owner.", put_focus, FOCUS(moves_refused)},
    {NULL, "mixminus_half_calls", "gauge", "", "Calls not acknowledged yet, and conferences that hold room uncalled.",
     put_focus, FOCUS(half_calls)},
    {NULL, "mixminus_dialled_total", "counter", "", "Calls that conferences have made.", put_focus, FOCUS(dials)},
    {NULL, "mixminus_dialled_answered_total", "counter", "", "Of these, answered ones.", put_focus,
     FOCUS(dials_answered)},
    {NULL, "mixminus_dialled_refused_total", "counter", "", "Of these, refused and unreachable ones.", put_focus,
     FOCUS(dials_refused)},
    {NULL, "mixminus_store_errors_total", "counter", "", "Operations that the store failed.", put_focus,
     FOCUS(store_errors)},
    {NULL, "mixminus_rejected_total", "counter", "reason", "Requests that the focus refused.", put_rejected, SEVERAL},
    {NULL, "mixminus_leg_release_total", "counter", "reason", "Calls that ended, by cause.", put_endings, SEVERAL},
    {"Registrations and presence", "mixminus_registered_phones", "gauge", "", "Phones that are registered.",
     put_registrar, REGISTRAR(registered)},
    {NULL, "mixminus_registrations_total", "counter", "", "Registrations made or refreshed.", put_registrar,
     REGISTRAR(refreshed)},
    {NULL, "mixminus_registrations_expired_total", "counter", "", "Registrations that were not refreshed in time.",
     put_registrar, REGISTRAR(expired)},
    {NULL, "mixminus_registrations_ended_total", "counter", "", "Registrations that their phones have ended.",
     put_registrar, REGISTRAR(ended)},
    {NULL, "mixminus_presence_publications", "gauge", "", "Presence documents that phones have published.",
     put_presence, PRESENCE(publications)},
    {NULL, "mixminus_presence_published_total", "counter", "", "PUBLISH requests taken.", put_presence,
     PRESENCE(published)},
    {NULL, "mixminus_presence_tags_refused_total", "counter", "",
     "PUBLISH requests with a tag that is not there (any more): late, or replayed.", put_presence,
     PRESENCE(refused_tags)},
    {NULL, "mixminus_presence_watchers", "gauge", "", "Subscriptions to one user.", put_presence, PRESENCE(watchers)},
    {NULL, "mixminus_presence_lists", "gauge", "", "Subscriptions to lists of users.", put_presence, PRESENCE(lists)},
    {NULL, "mixminus_presence_changes_total", "counter", "", "Changes of a user that watchers may see.", put_presence,
     PRESENCE(changes)},
    {"Push-to-talk", "mixminus_ptt_sessions", "gauge", "", "Sessions that stand.", put_session, SESSION(sessions)},
    {NULL, "mixminus_ptt_sessions_begun_total", "counter", "", "Sessions begun.", put_session, SESSION(begun)},
    {NULL, "mixminus_ptt_sessions_lost_total", "counter", "",
     "Sessions ended because their terminal could not be reached for half a minute.", put_session, SESSION(lost)},
    {NULL, "mixminus_ptt_sessions_replaced_total", "counter", "",
     "Sessions replaced by a later one of the same identification.", put_session, SESSION(replaced)},
    {NULL, "mixminus_ptt_grants_total", "counter", "", "Grants of the floor.", put_session, SESSION(grants)},
    {NULL, "mixminus_ptt_denials_total", "counter", "", "Requests for the floor that were denied.", put_session,
     SESSION(denials)},
    {NULL, "mixminus_ptt_revocations_total", "counter", "",
     "Floors taken back: pre-empted, held for too long, without the right.", put_session, SESSION(revocations)},
    {"SIP", "mixminus_sip_rx_messages_total", "counter", "", "SIP messages received.", put_txn, TXN(rx_messages)},
    {NULL, "mixminus_sip_rx_retransmits_total", "counter", "", "Of these, repeated ones.", put_txn,
     TXN(rx_retransmissions)},
    {NULL, "mixminus_sip_tx_retransmits_total", "counter", "", "SIP messages sent again.", put_txn,
     TXN(tx_retransmissions)},
    {NULL, "mixminus_sip_tx_cut_total", "counter", "",
     "Answers by UDP that were shortened: their requests were shorter.", put_txn, TXN(tx_cut)},
    {NULL, "mixminus_sip_tx_unproven_total", "counter", "",
     "Answers by UDP sent again, unasked, to an address that has never answered.", put_txn, TXN(tx_unproven)},
    {NULL, "mixminus_sip_tx_withheld_total", "counter", "",
     "Answers by UDP not sent: their requests were too short for any.", put_txn, TXN(tx_withheld)},
    {NULL, "mixminus_sip_no_memory_total", "counter", "",
     "SIP requests and answers that could not be made for want of memory.", put_txn, TXN(no_memory)},
    {NULL, "mixminus_sip_timeouts_total", "counter", "", "Transactions that were never answered.", put_txn,
     TXN(timeouts)},
    {NULL, "mixminus_sip_transactions", "gauge", "", "Transactions alive.", put_transactions, SEVERAL},
    {NULL, "mixminus_sip_connections", "gauge", "", "TCP connections.", put_net, NET(conns)},
    {NULL, "mixminus_sip_stun_total", "counter", "", "STUN keep-alives on the SIP port that were answered.", put_net,
     NET(stun)},
    {NULL, "mixminus_sip_stun_dropped_total", "counter", "",
     "Malformed ones, and those beyond ten a second of one source.", put_net, NET(stun_dropped)},
    {NULL, "mixminus_sip_refused_total", "counter", "reason", "SIP messages that were refused or dropped.", put_refused,
     SEVERAL},
    {"Admission", "mixminus_cpu_promised_ratio", "gauge", "",
     "CPU promised to calls and held, of what may be promised; 0: no limit.", put_cpu_promised, SEVERAL},
    {NULL, "mixminus_bandwidth_promised_bits_per_second", "gauge", "", "Bandwidth promised to calls.", put_bandwidth,
     SEVERAL},
    {NULL, "mixminus_port_pairs", "gauge", "", "Pairs of RTP ports.", put_load, LOAD(pairs)},
    {NULL, "mixminus_port_pairs_used", "gauge", "", "Pairs in use or held.", put_pairs_used, SEVERAL},
    {"Process", "mixminus_build_info", "gauge", "version, commit, simd",
     "Version, commit and instruction set; always 1.", put_build, SEVERAL},
    {NULL, "mixminus_uptime_seconds", "gauge", "", "Since the start.", put_uptime, SEVERAL},
    {NULL, "mixminus_log_lines_dropped_total", "counter", "", "Lines of the log that nothing read in time.",
     put_log_dropped, SEVERAL},
    {NULL, "process_cpu_seconds_total", "counter", "", "User and system time.", put_cpu_time, SEVERAL},
    {NULL, "process_resident_memory_bytes", "gauge", "", "Resident memory.", put_memory, SEVERAL},
};

unsigned metrics_write(FILE *out, void *arg)
{
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
        const struct metric *m = &metrics[i];
        fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", m->name, m->help, m->name, m->type);
        m->put(out, m, arg);
    }
    return 200;
}

/* ---- for people ---- */

static void put_heading(FILE *out, const char *heading, const char *about)
{
    fprintf(out, "\n## %s\n\n%s\n\n| reason | answer | meaning |\n| --- | --- | --- |\n", heading, about);
}

static void put_meaning(FILE *out, const char *name, int status, const char *text)
{
    char answer[16] = "none";
    if (status) {
        snprintf(answer, sizeof answer, "%d", status);
    }
    fprintf(out, "| `%s` | %s | %s |\n", name, answer, text);
}

static const char *const stage_texts[] = {
#define X(name, word, text) text,
    STAGE_LIST(X)
#undef X
};

static void put_meanings(FILE *out)
{
    put_heading(out, "Reasons of mixminus_rejected_total",
                "Requests that reached a conference, the factory or a call.");
    for (unsigned i = 0; i < REFUSALS; i++) {
        put_meaning(out, refusal_name((enum refusal)i), refusal_status((enum refusal)i), refusal_text((enum refusal)i));
    }
    put_heading(out, "Reasons of mixminus_sip_refused_total",
                "Messages that did not: malformed ones, repeated ones, and those beyond a limit.");
    for (unsigned i = 1; i < REFUSES; i++) {
        put_meaning(out, refuse_name((enum refuse)i), refuse_status((enum refuse)i), refuse_text((enum refuse)i));
    }
    fprintf(out, "\n## Reasons of mixminus_leg_release_total\n\n| reason | meaning |\n| --- | --- |\n");
    for (unsigned i = 0; i < ENDINGS; i++) {
        fprintf(out, "| `%s` | %s |\n", ending_name((enum ending)i), ending_text((enum ending)i));
    }
    fprintf(out, "\n## Reasons of mixminus_rtp_dropped_total\n\n| reason | meaning |\n| --- | --- |\n");
    for (unsigned i = 1; i < DROPS; i++) {
        fprintf(out, "| `%s` | %s |\n", drop_name((enum drop)i), drop_text((enum drop)i));
    }
    fprintf(out, "\n## Stages of mixminus_stage_seconds_total\n\n| stage | meaning |\n| --- | --- |\n");
    for (unsigned i = 0; i < STAGES; i++) {
        fprintf(out, "| `%s` | %s |\n", stage_name((enum stage)i), stage_texts[i]);
    }
}

void metrics_markdown(FILE *out)
{
    fprintf(out, "# Metrics\n\nWritten by `mixminusd --help-metrics`; do not edit. `--http-listen=IP:PORT` serves them "
                 "on `/metrics`\nfor Prometheus. No label names a caller or a conference.\n");
    for (size_t i = 0; i < ARRAY_LEN(metrics); i++) {
        const struct metric *m = &metrics[i];
        if (m->family) {
            fprintf(out, "\n## %s\n\n| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n", m->family);
        }
        fprintf(out, "| `%s` | %s | %s | %s |\n", m->name, m->type, m->labels, m->help);
    }
    put_meanings(out);
}

/* ---- the other pages ---- */

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

unsigned metrics_ready(FILE *out, void *arg)
{
    const struct figures_source *s = arg;
    bool is_ready = sig_is_ready(s->sig);
    fprintf(out, is_ready ? "ok\n" : "takes no new conferences: it is stopping, or stands still\n");
    return is_ready ? 200 : 503;
}
