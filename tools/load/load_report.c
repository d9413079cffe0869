/* What came of it: a table for people, a line of JSON for programs. See load.h. */
#include "tools/load/load.h"

#include "tools/ua/ua_tone.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DELAY_STEPS 101 /* percentiles 0, 1, ..., 100 */

struct delay {
    double p50_ms, p90_ms, p99_ms, p999_ms;
    double at_ms[DELAY_STEPS];
    bool any;
};

double load_cpu_s(uint32_t pid)
{
    clockid_t clock;
    struct timespec t;
    if (!pid || clock_getcpuclockid((pid_t)pid, &clock) != 0 || clock_gettime(clock, &t) != 0) {
        return -1;
    }
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The delay that a share of the packets stays within. */
static double delay_within(const uint32_t *buckets, uint64_t total, double share)
{
    uint64_t seen = 0;
    unsigned i = 0;
    for (; i + 1 < LOAD_DELAY_BUCKETS; i++) {
        seen += buckets[i];
        if (seen && (double)seen >= share * (double)total) {
            break;
        }
    }
    return (i + 0.5) / 10;
}

static struct delay delay_of(const uint32_t *buckets)
{
    uint64_t total = 0;
    struct delay d = { 0 };
    for (unsigned i = 0; i < LOAD_DELAY_BUCKETS; i++) {
        total += buckets[i];
    }
    d.any = total > 0;
    if (d.any) {
        d.p50_ms = delay_within(buckets, total, 0.5);
        d.p90_ms = delay_within(buckets, total, 0.9);
        d.p99_ms = delay_within(buckets, total, 0.99);
        d.p999_ms = delay_within(buckets, total, 0.999);
        for (unsigned i = 0; i < DELAY_STEPS; i++) {
            d.at_ms[i] = delay_within(buckets, total, i / 100.0);
        }
    }
    return d;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double percentile(double *values, unsigned n, unsigned percent)
{
    if (!n) {
        return 0;
    }
    qsort(values, n, sizeof *values, compare_doubles);
    return values[MIN(n * percent / 100, n - 1)];
}

static bool is_right(const struct load *load)
{
    const struct load_heard *h = &load->heard;
    uint64_t flaws = h->other_missing + h->made_up;
    return load->n_up == load->cfg->calls && h->checked > 0 && h->own_heard == 0 &&
           flaws * 1000 <= h->checked * load->cfg->tolerate && h->lost == 0 && h->listened == load->cfg->calls &&
           load->n_failed == 0 && load->watch.n_up == load->cfg->watchers &&
           load->brief.n_failed == load->brief.n_unavailable;
}

static double cpu_us(const struct load *load)
{
    return load->server_cpu_s < 0 ? -1 : load->server_cpu_s * 1e6 / load->n_up / load->cfg->seconds;
}

/* Begun too late by the server's own word, during the measurement. @return negative: unknown */
static double late_ticks(const struct load *load)
{
    bool is_known = load->server_begin.late_ticks >= 0 && load->server_end.late_ticks >= 0;
    return is_known ? load->server_end.late_ticks - load->server_begin.late_ticks : -1;
}

static void json_print(struct load *load)
{
    const struct load_cfg *cfg = load->cfg;
    const struct load_heard *h = &load->heard;
    struct delay d = delay_of(h->delay_100us), after = delay_of(h->delay_after_100us);
    const struct {
        const char *name;
        bool there;
        double value;
    } figures[] = {
        { "calls", true, cfg->calls },
        { "up", true, load->n_up },
        { "failed", true, load->n_failed },
        { "unavailable", true, load->n_unavailable },
        { "retry_after", true, load->n_retry_after },
        { "rooms_of", true, cfg->room },
        { "talkers", true, cfg->talkers },
        { "seconds", true, cfg->seconds },
        { "sent", true, (double)h->sent },
        { "received", true, (double)h->received },
        { "lost", true, (double)h->lost },
        { "gaps_over_40ms", true, (double)h->gaps_over_40ms },
        { "gaps_over_60ms", true, (double)h->gaps_over_60ms },
        { "checked", true, (double)h->checked },
        { "listened", true, (double)h->listened },
        { "own_heard", true, (double)h->own_heard },
        { "other_missing", true, (double)h->other_missing },
        { "made_up", true, (double)h->made_up },
        { "late_sends", true, (double)h->late_sends },
        { "delay_ms_p50", d.any, d.p50_ms },
        { "delay_ms_p90", d.any, d.p90_ms },
        { "delay_ms_p99", d.any, d.p99_ms },
        { "delay_ms_p999", d.any, d.p999_ms },
        { "stall_ms", cfg->stall_ms > 0, cfg->stall_ms },
        { "delay_after_stall_ms_p50", after.any, after.p50_ms },
        { "delay_after_stall_ms_p99", after.any, after.p99_ms },
        { "setup_ms_p50", load->n_setup > 0, percentile(load->setup_ms, load->n_setup, 50) },
        { "setup_ms_p99", load->n_setup > 0, percentile(load->setup_ms, load->n_setup, 99) },
        { "join_ms_p50", load->n_join > 0, percentile(load->join_ms, load->n_join, 50) },
        { "join_ms_p99", load->n_join > 0, percentile(load->join_ms, load->n_join, 99) },
        { "churn_joined", cfg->churn > 0, load->churn.n_joined },
        { "churn_left", cfg->churn > 0, load->churn.n_left },
        { "churn_failed", cfg->churn > 0, load->churn.n_failed },
        { "short_tried", cfg->short_calls > 0, load->brief.n_tried },
        { "short_complete", cfg->short_calls > 0, load->brief.n_complete },
        { "short_failed", cfg->short_calls > 0, load->brief.n_failed },
        { "short_unavailable", cfg->short_calls > 0, load->brief.n_unavailable },
        { "short_retry_after", cfg->short_calls > 0, load->brief.n_retry_after },
        { "short_setup_ms_p50", load->brief.n_setup > 0, percentile(load->brief.setup_ms, load->brief.n_setup, 50) },
        { "short_setup_ms_p99", load->brief.n_setup > 0, percentile(load->brief.setup_ms, load->brief.n_setup, 99) },
        { "watchers", cfg->watchers > 0, load->watch.n_up },
        { "watchers_failed", cfg->watchers > 0, load->watch.n_failed },
        { "notifies", cfg->watchers > 0, (double)load->watch.n_notified },
        { "notify_bytes", cfg->watchers > 0, (double)load->watch.n_bytes },
        { "notifies_most", cfg->watchers > 0, (double)load->watch.most },
        { "notify_shortest_s", load->watch.shortest_s >= 0, load->watch.shortest_s },
        { "server_rss_kb_begin", load->server_begin.rss_kb >= 0, load->server_begin.rss_kb },
        { "server_rss_kb_end", load->server_end.rss_kb >= 0, load->server_end.rss_kb },
        { "server_late_ticks", late_ticks(load) >= 0, late_ticks(load) },
        { "begin_time", true, load->measure_time },
        { "end_time", true, load->measure_end_time },
        { "server_cpu_us_per_participant_s", cpu_us(load) >= 0, cpu_us(load) },
    };
    printf("{\"program\":\"mixminus-load\",\"codec\":\"%s\"", cfg->codec);
    for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
        if (figures[i].there) {
            printf(",\"%s\":%.12g", figures[i].name, figures[i].value);
        }
    }
    for (unsigned i = 0; i < DELAY_STEPS && d.any; i++) {
        printf("%s%.4g%s", i ? "," : ",\"delay_ms_percentiles\":[", d.at_ms[i], i + 1 < DELAY_STEPS ? "" : "]");
    }
    printf(",\"right\":%s}\n", is_right(load) ? "true" : "false");
}

static void calls_print(struct load *load)
{
    const struct load_cfg *cfg = load->cfg;
    printf("calls         %u of %u up, %u failed; %u rooms of %u, %u of them talking, %s\n", load->n_up, cfg->calls,
           load->n_failed, load->n_rooms, cfg->room, cfg->talkers, cfg->codec);
    if (load->n_setup) {
        printf("set-up        %.1f ms median, %.1f ms p99: INVITE to the factory, 302, INVITE, 200\n",
               percentile(load->setup_ms, load->n_setup, 50), percentile(load->setup_ms, load->n_setup, 99));
    }
    if (load->n_join) {
        printf("join          %.1f ms median, %.1f ms p99: INVITE to the conference, 200\n",
               percentile(load->join_ms, load->n_join, 50), percentile(load->join_ms, load->n_join, 99));
    }
}

static void media_print(struct load *load)
{
    const struct load_cfg *cfg = load->cfg;
    const struct load_heard *h = &load->heard;
    struct delay d = delay_of(h->delay_100us), after = delay_of(h->delay_after_100us);
    printf("packets       %.0f sent, %.0f received in %u s, %.0f lost; %.0f gaps over 40 ms, %.0f over 60 ms\n",
           (double)h->sent, (double)h->received, cfg->seconds, (double)h->lost, (double)h->gaps_over_40ms,
           (double)h->gaps_over_60ms);
    printf("%s           %.0f checks at %.0f ears: own voice heard %.0f times,\n"
           "              another's missing %.0f times, made up for a late packet %.0f times\n",
           cfg->raw ? "own" : "N-1", (double)h->checked, (double)h->listened, (double)h->own_heard,
           (double)h->other_missing, (double)h->made_up);
    if (!load->marks && h->checked) {
        printf("levels        own voice %.0f dB at most, others off by %+.2f dB at most\n", h->own_worst_db,
               h->other_worst_db);
    }
    if (d.any) {
        printf("added delay   %.1f ms median, %.1f ms p90, %.1f ms p99, %.1f ms p99.9\n", d.p50_ms, d.p90_ms, d.p99_ms,
               d.p999_ms);
    }
    if (after.any) {
        printf("after stall   %.1f ms median, %.1f ms p99, %d s after a stall of %u ms\n", after.p50_ms, after.p99_ms,
               LOAD_STALL_REST_S, cfg->stall_ms);
    }
    if (cfg->churn) {
        printf("meanwhile     %u others joined, %u left, %u failed to\n", load->churn.n_joined, load->churn.n_left,
               load->churn.n_failed);
    }
    if (cfg->short_calls) {
        const struct load_short *s = &load->brief;
        printf("short calls   %u tried, %u complete: %.0f a second; %u failed, %u of them by 503, %u told to return\n",
               s->n_tried, s->n_complete, (double)s->n_complete / cfg->seconds, s->n_failed, s->n_unavailable,
               s->n_retry_after);
        printf("              %.1f ms median, %.1f ms p99: from INVITE to the factory to the conference's 200\n",
               percentile(s->setup_ms, s->n_setup, 50), percentile(s->setup_ms, s->n_setup, 99));
    }
    if (cfg->watchers) {
        const struct load_watch *w = &load->watch;
        printf("watchers      %u of %u, %u failed; %.0f NOTIFYs, %.1f a second, %.1f KB each; to one of them %.0f at\n"
               "              most, the shortest time between two %.2f s\n",
               w->n_up, cfg->watchers, w->n_failed, (double)w->n_notified, (double)w->n_notified / cfg->seconds,
               w->n_notified ? (double)w->n_bytes / 1024 / (double)w->n_notified : 0, (double)w->most, w->shortest_s);
    }
    if (load->server_end.rss_kb >= 0) {
        printf("server memory %.1f MB before, %.1f MB after\n", load->server_begin.rss_kb / 1024,
               load->server_end.rss_kb / 1024);
    }
    if (late_ticks(load) >= 0) {
        printf("server ticks  %.0f late\n", late_ticks(load));
    }
    if (cpu_us(load) >= 0) {
        printf("server CPU    %.1f us per participant and second\n", cpu_us(load));
    }
    if (h->late_sends) {
        printf("note          this program was over 1 ms late %.0f times: a busy machine\n", (double)h->late_sends);
    }
}

int load_report(struct load *load)
{
    if (load->cfg->json) {
        json_print(load);
    } else {
        calls_print(load);
        media_print(load);
    }
    if (load->failure[0]) {
        fprintf(stderr, "mixminus-load: %s\n", load->failure);
    }
    if (load->watch.failure[0]) {
        fprintf(stderr, "mixminus-load: %s\n", load->watch.failure);
    }
    if (load->brief.failure[0]) {
        fprintf(stderr, "mixminus-load: %s\n", load->brief.failure);
    }
    if (!load->cfg->json) {
        printf("%s\n", is_right(load) ? "right" : "WRONG");
    }
    return is_right(load) ? 0 : 1;
}
