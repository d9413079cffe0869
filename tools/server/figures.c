/* Figures. */
#include "tools/server/figures.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Sums of all workers; the same names as in core/base/stats.h. */
#define SUM_LIST(X)                                                                                                    \
    X(beats)                                                                                                           \
    X(busy_ns)                                                                                                         \
    X(ticks)                                                                                                           \
    X(ticks_late) X(ticks_skipped) X(confs) X(legs) X(rx_packets) X(rx_bytes) X(tx_packets) X(tx_bytes) X(late_sum_ns) \
        X(decoded) X(undecoded) X(warmed) X(level_lies) X(concealed) X(blended) X(encoded) X(encode_shared)            \
            X(annex_packets) X(annex_lapped) X(moves) X(events_lost)

struct sums {
#define X(name) uint64_t name;
    SUM_LIST(X)
#undef X
    uint64_t drops[DROPS], beat_ns[HISTOGRAM_BUCKETS], late_ns[HISTOGRAM_BUCKETS], stage_ns[STAGES];
};

static struct sums sum(const struct figures_source *source)
{
    struct sums s;
    memset(&s, 0, sizeof s);
    for (unsigned w = 0; w < source->n_workers; w++) {
        const struct worker_stats *stats = source->workers[w]->stats;
#define X(name) s.name += count_get(&stats->name);
        SUM_LIST(X)
#undef X
        for (unsigned i = 0; i < DROPS; i++) {
            s.drops[i] += count_get(&stats->drops[i]);
        }
        for (unsigned i = 0; i < STAGES; i++) {
            s.stage_ns[i] += count_get(&stats->stage_ns[i]);
        }
        for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
            s.beat_ns[i] += count_get(&stats->beat_ns[i]);
            s.late_ns[i] += count_get(&stats->late_ns[i]);
        }
    }
    return s;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

double figures_uptime_s(const struct figures_source *source)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)((uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec - source->start_ns) / 1e9;
}

unsigned long figures_rss_kb(void)
{
    unsigned long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f) {
        if (fscanf(f, "%*u %lu", &pages) != 1) {
            pages = 0;
        }
        fclose(f);
    }
    return pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024;
}

#define U(x) (unsigned long long)(x)

static void put_array(FILE *out, const char *name, const uint64_t *values, unsigned n)
{
    fprintf(out, ",\"%s\":[", name);
    for (unsigned i = 0; i < n; i++) {
        fprintf(out, "%s%llu", i ? "," : "", U(values[i]));
    }
    fputc(']', out);
}

static void put_signalling(FILE *out, const struct sig_figures *f)
{
    fprintf(out,
            ",\"calls\":%llu,\"conferences\":%llu,\"legs_lent\":%llu,\"calls_made\":%llu,\"conferences_made\":%llu,"
            "\"redirects\":%llu,\"dialled\":%llu,\"dialled_answered\":%llu,\"dialled_refused\":%llu,\"dtmf\":%llu,"
            "\"store_errors\":%llu",
            U(count_get(&f->focus->calls)), U(count_get(&f->focus->confs)), U(count_get(&f->focus->legs)),
            U(count_get(&f->focus->calls_made)), U(count_get(&f->focus->confs_made)),
            U(count_get(&f->focus->redirects)), U(count_get(&f->focus->dials)), U(count_get(&f->focus->dials_answered)),
            U(count_get(&f->focus->dials_refused)), U(count_get(&f->focus->events_dtmf)),
            U(count_get(&f->focus->store_errors)));
    fprintf(out, ",\"refused\":{");
    for (unsigned i = 0; i < REFUSALS; i++) {
        fprintf(out, "%s\"%s\":%llu", i ? "," : "", refusal_name((enum refusal)i),
                U(count_get(&f->focus->refused[i])));
    }
    fprintf(out, "},\"ended\":{");
    for (unsigned i = 0; i < ENDINGS; i++) {
        fprintf(out, "%s\"%s\":%llu", i ? "," : "", ending_name((enum ending)i),
                U(count_get(&f->focus->ended[i])));
    }
    fprintf(out,
            "},\"sip\":{\"rx_messages\":%llu,\"rx_delivered\":%llu,\"rx_absorbed\":%llu,\"rx_retransmissions\":%llu,"
            "\"tx_retransmissions\":%llu,\"timeouts\":%llu,\"txns\":%llu",
            U(count_get(&f->txn->rx_messages)), U(count_get(&f->txn->rx_delivered)), U(count_get(&f->txn->rx_absorbed)),
            U(count_get(&f->txn->rx_retransmissions)), U(count_get(&f->txn->tx_retransmissions)),
            U(count_get(&f->txn->timeouts)), U(count_get(&f->txn->txns_server) + count_get(&f->txn->txns_client)));
    fprintf(out, ",\"conns\":%llu,\"refused\":{", U(count_get(&f->net->conns)));
    for (unsigned i = 1; i < REFUSES; i++) {
        fprintf(out, "%s\"%s\":%llu", i > 1 ? "," : "", refuse_name((enum refuse)i), U(count_get(&f->txn->refused[i])));
    }
    fprintf(out,
            "}},\"admission\":{\"cpu_used_us\":%llu,\"cpu_budget_us\":%llu,\"kbps_used\":%llu,\"kbps_max\":%llu,"
            "\"pairs_used\":%llu,\"pairs_held\":%llu,\"pairs\":%llu,\"legs\":%llu}",
            U(count_get(&f->load->cpu_used_us)), U(count_get(&f->load->cpu_budget_us)),
            U(count_get(&f->load->kbps_used)), U(count_get(&f->load->kbps_max)), U(count_get(&f->load->pairs_used)),
            U(count_get(&f->load->pairs_held)), U(count_get(&f->load->pairs)), U(count_get(&f->load->legs)));
}

void figures_json(FILE *out, const struct figures_source *source)
{
    struct sums s = sum(source);
    struct sig_figures f = sig_figures(source->sig);
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    fprintf(out,
            "{\"time\":%lld,\"uptime_s\":%.3f,\"cpu_user_s\":%.3f,\"cpu_system_s\":%.3f,\"rss_kb\":%lu,\"workers\":%u",
            (long long)time(NULL), figures_uptime_s(source), seconds(usage.ru_utime), seconds(usage.ru_stime),
            figures_rss_kb(), source->n_workers);
#define X(name) fprintf(out, ",\"%s\":%llu", #name, U(s.name));
    SUM_LIST(X)
#undef X
    fprintf(out, ",\"drops\":{");
    for (unsigned i = 1; i < DROPS; i++) {
        fprintf(out, "%s\"%s\":%llu", i > 1 ? "," : "", drop_name((enum drop)i), U(s.drops[i]));
    }
    fputc('}', out);
    put_array(out, "beat_ns", s.beat_ns, HISTOGRAM_BUCKETS);
    put_array(out, "late_ns", s.late_ns, HISTOGRAM_BUCKETS);
    fprintf(out, ",\"stage_ns\":{");
    for (unsigned i = 0; i < STAGES; i++) {
        fprintf(out, "%s\"%s\":%llu", i ? "," : "", stage_name((enum stage)i), U(s.stage_ns[i]));
    }
    fputc('}', out);
    put_signalling(out, &f);
    fprintf(out, "}\n");
    fflush(out);
}

static void put_reason(FILE *out, const char *what, const char *text, uint64_t n)
{
    if (n) {
        fprintf(out, "  %-10s %12llu  %s\n", what, U(n), text);
    }
}

/* A bucket's upper edge doubles from 8 us on. */
static void put_histogram(FILE *out, const char *what, const uint64_t *buckets)
{
    fprintf(out, "%s:", what);
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        if (buckets[i]) {
            fprintf(out, " %s%lluus %llu",
                    i + 1 < HISTOGRAM_BUCKETS ? "<" : ">=", 8ull << (i + 1 < HISTOGRAM_BUCKETS ? i : i - 1),
                    U(buckets[i]));
        }
    }
    fputc('\n', out);
}

void figures_text(FILE *out, const struct figures_source *source)
{
    struct sums s = sum(source);
    struct sig_figures f = sig_figures(source->sig);
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    fprintf(out, "up %.0f s, CPU %.1f s user %.1f s system, %lu kB resident\n", figures_uptime_s(source),
            seconds(usage.ru_utime), seconds(usage.ru_stime), figures_rss_kb());
    fprintf(out, "calls %llu now, %llu made; conferences %llu now, %llu made, %llu by redirect\n",
            U(count_get(&f.focus->calls)), U(count_get(&f.focus->calls_made)), U(count_get(&f.focus->confs)),
            U(count_get(&f.focus->confs_made)), U(count_get(&f.focus->redirects)));
    fprintf(out,
            "media: %llu legs in %llu conferences; packets in %llu, out %llu; frames decoded %llu, concealed %llu, "
            "encoded %llu, shared %llu\n",
            U(s.legs), U(s.confs), U(s.rx_packets), U(s.tx_packets), U(s.decoded), U(s.concealed), U(s.encoded),
            U(s.encode_shared));
    fprintf(out, "ticks %llu, late %llu, skipped %llu; promised CPU %llu of %llu us/s, port pairs %llu of %llu\n",
            U(s.ticks), U(s.ticks_late), U(s.ticks_skipped), U(count_get(&f.load->cpu_used_us)),
            U(count_get(&f.load->cpu_budget_us)), U(count_get(&f.load->pairs_used) + count_get(&f.load->pairs_held)),
            U(count_get(&f.load->pairs)));
    fprintf(out, "time of workers:");
    for (unsigned i = 0; i < STAGES; i++) {
        fprintf(out, " %s %.1f s", stage_name((enum stage)i), (double)s.stage_ns[i] / 1e9);
    }
    fputc('\n', out);
    put_histogram(out, "beat", s.beat_ns);
    put_histogram(out, "late", s.late_ns);
    for (unsigned i = 1; i < DROPS; i++) {
        put_reason(out, "dropped", drop_text((enum drop)i), s.drops[i]);
    }
    for (unsigned i = 0; i < REFUSALS; i++) {
        put_reason(out, "refused", refusal_text((enum refusal)i), count_get(&f.focus->refused[i]));
    }
    for (unsigned i = 1; i < REFUSES; i++) {
        put_reason(out, "refused", refuse_text((enum refuse)i), count_get(&f.txn->refused[i]));
    }
    for (unsigned i = 0; i < ENDINGS; i++) {
        put_reason(out, "ended", ending_text((enum ending)i), count_get(&f.focus->ended[i]));
    }
    fflush(out);
}
