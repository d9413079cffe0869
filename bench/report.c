/*
 * mixminus-bench report: a page of tables and plots from the JSON lines of the other benches. The page says how to
 * repeat it.
 */
#include "bench/report.h"
#include "bench/bench.h"
#include "bench/json.h"
#include "bench/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LINE = 16384, FILES_MAX = 64 };

/* ---- records ---- */

static void record_read(struct record *r, char *line)
{
    *r = (struct record){.line = line};
    json_text(line, "bench", r->bench, sizeof r->bench);
    json_text(line, "peer", r->peer, sizeof r->peer);
    json_text(line, "codec", r->codec, sizeof r->codec);
    bool kernels = strcmp(r->bench, "kernels") == 0, pump = strcmp(r->bench, "pump") == 0;
    json_text(line, kernels ? "kernel" : pump ? "design" : "case", r->name, sizeof r->name);
    if (kernels) {
        json_text(line, "isa", r->isa, sizeof r->isa);
    }
    r->room = json_value(line, kernels ? "rows" : "room", 0);
    r->legs = json_value(line, kernels ? "samples" : "legs", 0);
    r->talkers = json_value(line, "talkers", 0);
}

static bool is_same_shape(const struct record *a, const struct record *b)
{
    return strcmp(a->bench, b->bench) == 0 && strcmp(a->codec, b->codec) == 0 && strcmp(a->name, b->name) == 0 &&
           strcmp(a->isa, b->isa) == 0 && a->room == b->room && a->legs == b->legs;
}

static void record_add(struct records *records, char *line)
{
    struct record r;
    record_read(&r, line);
    for (unsigned i = 0; i < records->n; i++) {
        struct record *old = &records->all[i];
        if (is_same_shape(old, &r) && strcmp(old->peer, r.peer) == 0 && old->talkers == r.talkers) {
            free(old->line);
            *old = r;
            return;
        }
    }
    if (records->n == records->max) {
        records->max = records->max ? 2 * records->max : 256;
        records->all = realloc(records->all, records->max * sizeof *records->all);
        must(records->all);
    }
    records->all[records->n++] = r;
}

static void records_read(struct records *records, FILE *f)
{
    static char text[LINE];
    while (fgets(text, sizeof text, f)) {
        if (text[0] == '{' && strstr(text, "\"bench\":")) {
            char *line = strdup(text);
            must(line);
            record_add(records, line);
        }
    }
}

const struct record *record_find(const struct records *records, const struct record *like, const char *peer,
                                 double talkers)
{
    for (unsigned i = 0; i < records->n; i++) {
        const struct record *r = &records->all[i];
        if (is_same_shape(r, like) && strcmp(r->peer, peer ? peer : like->peer) == 0 && r->talkers == talkers) {
            return r;
        }
    }
    return NULL;
}

bool record_is_first(const struct records *records, unsigned i)
{
    for (unsigned k = 0; k < i; k++) {
        if (is_same_shape(&records->all[k], &records->all[i]) && records->all[k].talkers == records->all[i].talkers) {
            return false;
        }
    }
    return true;
}

/* ---- cells ---- */

/* One cell: the figure, or a dash. */
static void cell(FILE *page, const struct record *r, const char *name, const char *format)
{
    double value;
    fputs(" ", page);
    if (r && json_number(r->line, name, &value)) {
        char text[64];
        snprintf(text, sizeof text, format, value);
        fputs(text, page);
    } else {
        fputs("-", page);
    }
    fputs(" |", page);
}

static double figure(const struct record *r, const char *name)
{
    return r ? json_value(r->line, name, 0) : 0;
}

static void cell_ratio(FILE *page, double a, double b)
{
    if (a > 0 && b > 0) {
        fprintf(page, " %.2f |", a / b);
    } else {
        fputs(" - |", page);
    }
}

/* In 10^5, and how many of them the machine misses by itself. */
static void cell_late(FILE *page, const struct record *r)
{
    double ticks = figure(r, "ticks"), naps = figure(r, "naps");
    if (ticks > 0) {
        fprintf(page, " %.1f", 1e5 * figure(r, "ticks_late") / ticks);
    } else {
        fputs(" -", page);
    }
    if (naps > 0) {
        fprintf(page, " (%.1f)", 1e5 * figure(r, "naps_late") / naps);
    }
    fputs(" |", page);
}

static bool is_of(const struct record *r, const char *bench)
{
    return strcmp(r->bench, bench) == 0;
}

static bool has_any(const struct records *records, const char *bench)
{
    for (unsigned i = 0; i < records->n; i++) {
        if (is_of(&records->all[i], bench)) {
            return true;
        }
    }
    return false;
}

/* ---- tables ---- */

static void machine_write(const struct records *records, FILE *page)
{
    char cpu[64] = "", isa[64] = "", linux_version[64] = "", commit[64] = "";
    for (unsigned i = 0; i < records->n; i++) {
        const char *line = records->all[i].line;
        json_text(line, "cpu", cpu, sizeof cpu);
        json_text(line, "commit", commit, sizeof commit);
        if (json_text(line, "linux", linux_version, sizeof linux_version)[0]) {
            json_text(line, "isa", isa, sizeof isa);
            break;
        }
    }
    fprintf(page,
            "Measured at commit %s on one machine: %s, %s, Linux %s. Compare ratios, which are taken in the same\n"
            "rounds; absolute figures are the machine's.\n\n",
            commit, cpu, *isa ? isa : "SIMD as told", *linux_version ? linux_version : "unknown");
}

/* A table, a row a record of one bench: the cells of a row begin and end with a bar. */
struct table {
    const char *bench, *about, *titles;
    bool (*row_write)(const struct records *records, unsigned i, FILE *page); /* false: no row of its own */
    void (*end_write)(const struct records *records, FILE *page);             /* what stands below, or NULL */
};

static const char capacity_us[] = "us_per_participant_s";

static bool capacity_row(const struct records *records, unsigned i, FILE *page)
{
    const char *us = capacity_us;
    const struct record *r = &records->all[i];
    if (r->name[0] || !record_is_first(records, i)) {
        return false;
    }
    const struct record *own = record_find(records, r, "mixminus", r->talkers);
    const struct record *janus = record_find(records, r, "janus", r->talkers);
    fprintf(page, "| %s | %.0f | %.0f | %.0f |", r->codec, r->room, r->legs, r->talkers);
    cell(page, record_find(records, r, "reflector", r->talkers), us, "%.0f");
    cell(page, record_find(records, r, "echo", r->talkers), us, "%.0f");
    cell(page, own, us, "%.0f");
    cell(page, own, "ratio_to_reflector", "%.2f");
    cell(page, own, "ratio_to_echo", "%.2f");
    cell(page, janus, us, "%.0f");
    cell_ratio(page, figure(janus, us), figure(own, us));
    cell(page, own, "delay_ms_p50", "%.1f");
    cell(page, own, "delay_ms_p99", "%.1f");
    cell(page, own, "encodes_per_leg_frame", "%.3f");
    cell_late(page, own);
    return true;
}

/* What README shows of the whole server: one row a codec, and the shapes that people ask for. */
static const struct {
    const char *codec;
    double room, legs;
} short_shapes[] = {{"pcmu", 5, 200},       {"pcmu", 5, 2000}, {"pcmu", 1000, 1000},
                    {"pcmu+srtp", 5, 1000}, {"g722", 5, 1000}, {"opus16", 100, 100}};

static bool capacity_short_row(const struct records *records, unsigned i, FILE *page)
{
    const struct record *r = &records->all[i];
    bool is_shown = false;
    for (size_t k = 0; k < ARRAY_LEN(short_shapes); k++) {
        is_shown |= strcmp(r->codec, short_shapes[k].codec) == 0 && r->room == short_shapes[k].room &&
                    r->legs == short_shapes[k].legs && r->talkers == 3;
    }
    if (!is_shown || r->name[0] || !record_is_first(records, i)) {
        return false;
    }
    const struct record *own = record_find(records, r, "mixminus", r->talkers);
    const struct record *janus = record_find(records, r, "janus", r->talkers);
    fprintf(page, "| %s | %.0f | %.0f |", r->codec, r->room, r->legs);
    cell(page, own, capacity_us, "%.0f");
    cell(page, own, "ratio_to_reflector", "%.2f");
    cell_ratio(page, figure(janus, capacity_us), figure(own, capacity_us));
    cell(page, own, "delay_ms_p50", "%.1f");
    cell(page, own, "delay_ms_p99", "%.1f");
    return true;
}

static void capacity_end(const struct records *records, FILE *page)
{
    for (unsigned i = 0; i < records->n; i++) {
        const struct record *r = &records->all[i];
        if (is_of(r, "capacity") && strcmp(r->name, "most_legs") == 0 && figure(r, "kb_per_leg") > 0) { /* a ladder */
            fprintf(page,
                    "Most legs tried that one worker core held (loss < 0.1 %%, no gap over 60 ms): **%.0f**, %s, "
                    "rooms of %.0f. Resident memory grows by %.1f KiB a leg, with what a worker reserves for it.\n",
                    figure(r, "legs_held"), r->codec, r->room, figure(r, "kb_per_leg"));
        }
    }
    fprintf(page, "\n");
}

static bool latency_row(const struct records *records, unsigned i, FILE *page)
{
    const struct record *r = &records->all[i];
    fprintf(page, "| %s | %.0f, %.0f | %.0f |", r->peer, r->legs, r->room, r->talkers);
    cell(page, r, "delay_ms_p50", "%.1f");
    cell(page, r, "delay_ms_p90", "%.1f");
    cell(page, r, "delay_ms_p99", "%.1f");
    cell(page, r, "delay_ms_p999", "%.1f");
    return true;
}

static bool churn_row(const struct records *records, unsigned i, FILE *page)
{
    const struct record *r = &records->all[i];
    fprintf(page, "| %s |", r->name);
    cell(page, r, "offered", "%.0f");
    cell(page, r, "up", "%.0f");
    fprintf(page, " %.0f / %.0f / %.0f | %.0f, %.0f |", figure(r, "joined"), figure(r, "left"), figure(r, "failed"),
            figure(r, "unavailable_503"), figure(r, "with_retry_after"));
    cell(page, r, "lost", "%.0f");
    cell(page, r, "loss", "%.5f");
    cell(page, r, "gaps_over_60ms", "%.0f");
    cell_late(page, r);
    cell(page, r, "delay_ms_p50", "%.1f");
    cell(page, r, "delay_ms_p99", "%.1f");
    cell(page, r, "rss_kb_per_min", "%.0f");
    return true;
}

/* One row a codec and room: its talkers side by side. */
static bool mixer_row(const struct records *records, unsigned i, FILE *page)
{
    static const char us[] = "us_per_participant_s";
    const struct record *r = &records->all[i];
    for (unsigned k = 0; k < i; k++) {
        if (is_same_shape(&records->all[k], r)) {
            return false;
        }
    }
    const struct record *one = record_find(records, r, NULL, 1), *three = record_find(records, r, NULL, 3);
    fprintf(page, "| %s | %.0f | %.0f |", r->codec, r->room, r->legs);
    cell(page, one, us, "%.1f");
    cell(page, three, us, "%.1f");
    cell(page, record_find(records, r, NULL, r->room), us, "%.1f");
    cell(page, three, "encodes_per_leg_frame", "%.3f");
    cell(page, one, "alone_ratio", "%.2f");
    cell(page, three, "alone_ratio", "%.2f");
    cell(page, three, "all_decoded_ratio", "%.2f");
    cell(page, three, "drops", "%.0f");
    return true;
}

static bool pump_row(const struct records *records, unsigned i, FILE *page)
{
    const struct record *r = &records->all[i];
    fprintf(page, "| %s | %.0f | %.0f |", r->name, r->room, r->legs);
    cell(page, r, "us_per_participant_s", "%.0f");
    cell(page, r, "ratio_to_reflector", "%.2f");
    cell(page, r, "delay_ms_p50", "%.1f");
    cell(page, r, "delay_ms_p99", "%.1f");
    return true;
}

static void kernel_gates(const struct record *r, FILE *page)
{
    cell(page, r, "ratio", "%.1f");
    cell(page, figure(r, "gate") > 0 ? r : NULL, "gate", "%.0f");
    cell(page, figure(r, "bound_factor") > 0 ? r : NULL, "bound_factor", "%.1f");
}

static bool kernels_row(const struct records *records, unsigned i, FILE *page)
{
    const struct record *r = &records->all[i];
    fprintf(page, "| %s | %.0f x %.0f | %s |", r->name, r->legs, r->room, r->isa);
    cell(page, r, "ns", "%.1f");
    kernel_gates(r, page);
    return true;
}

static const struct table capacity = {
    .bench = "capacity",
    .about =
        "### The whole server\n\nCPU (user and system, microseconds per participant-second) of SIP, control and one "
        "worker core; talkers 3 a room unless said.",
    .titles = "codec | rooms of | legs | talkers | reflector | echo | mixminus | x reflector | x echo | Janus | "
              "Janus / mixminus | p50 ms | p99 ms | encodes per leg and frame | late ticks in 10^5",
    .row_write = capacity_row,
    .end_write = capacity_end,
};
static const struct table latency = {
    .bench = "latency",
    .about = "### Added delay\n\nMilliseconds between a talker's packet and the packet in which a listener gets it, "
             "after some seconds of speech.",
    .titles = "server | legs, rooms of | talkers | p50 | p90 | p99 | p99.9",
    .row_write = latency_row,
};
static const struct table churn = {
    .bench = "churn",
    .about = "### Joins, leaves, overload",
    .titles =
        "case | offered | up | joined / left / failed | 503, with Retry-After | lost | worst loss | gaps > 60 ms | "
        "late ticks in 10^5 (the machine's own) | p50 ms | p99 ms | RSS kB per min",
    .row_write = churn_row,
};
static const struct table mixer = {
    .bench = "mixer",
    .about = "### The engine without a network\n\nMicroseconds per participant-second: packet in, everybody decoded, "
             "mixed, encoded, packet out. *Alone*: the cost with an encode for every leg, in the same rounds. With "
             "*-lazy* and *-levels* (in the headers) only those who may be heard are decoded, and it is compared with "
             "everybody decoded.",
    .titles = "codec | rooms of | legs | 1 talker | 3 talkers | all talk | encodes per leg and frame (3) | "
              "alone / shared (1) | (3) | all decoded / lazy (3) | drops",
    .row_write = mixer_row,
};
static const struct table pump = {
    .bench = "pump",
    .about = "### The media path alone\n\nA worker with raw legs, no signalling.",
    .titles = "design | rooms of | legs | us per participant-second | x reflector | p50 ms | p99 ms",
    .row_write = pump_row,
};
static const struct table kernels = {
    .bench = "kernels",
    .about =
        "### Kernels\n\nAgainst the scalar code (-O2, no vectoriser) in the same rounds, and against the least that "
        "L1 or the multipliers would take.",
    .titles = "kernel | samples x rows | isa | ns | x scalar | gate | x bound",
    .row_write = kernels_row,
};
static const struct table capacity_short = {
    .bench = "capacity",
    .about = "CPU of the whole server in microseconds per participant-second, three talkers a room, against a bare\n"
             "reflector that sends every packet back unmixed, and Janus; delay of a voice through the server.",
    .titles = "codec | rooms of | legs | us per participant-second | x reflector | Janus / mixminus | p50 ms | p99 ms",
    .row_write = capacity_short_row,
};

static void table_write(const struct table *table, const struct records *records, FILE *page)
{
    fprintf(page, "%s\n\n| %s |\n|", table->about, table->titles);
    for (const char *bar = table->titles; bar; bar = strchr(bar + 1, '|')) {
        fputs(" --- |", page);
    }
    fputs("\n", page);
    for (unsigned i = 0; i < records->n; i++) {
        if (is_of(&records->all[i], table->bench) && table->row_write(records, i, page)) {
            fputs("\n", page);
        }
    }
    fputs("\n", page);
    if (table->end_write) {
        table->end_write(records, page);
    }
}

static void page_write(const struct records *records, FILE *page, const struct table *const *tables, size_t n)
{
    machine_write(records, page);
    for (size_t i = 0; i < n; i++) {
        if (has_any(records, tables[i]->bench)) {
            table_write(tables[i], records, page);
        }
    }
}

static const char repeat[] =
    "`tools/speed` repeats all of it in about half an hour, on two CPUs and on loopback, and writes it here; "
    "`build/bin/mixminus-bench BENCH --help` tells the shapes of one bench. Janus is measured where its package is "
    "installed.\n";

/* ---- README ---- */

static const char mark_begin[] = "<!-- speed: written by mixminus-bench report --readme -->\n";
static const char mark_end[] = "<!-- /speed -->\n";

static char *file_read(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t n = 0;
    if (f) {
        ssize_t got = getdelim(&text, &n, '\0', f);
        fclose(f);
        if (got < 0) {
            free(text);
            return NULL;
        }
    }
    return text;
}

/* Puts six rows between the two marks of a file. @return exit status */
static int readme_write(const struct records *records, const char *path, const char *folder)
{
    static const struct table *const tables[] = {&capacity_short};
    char *text = file_read(path), *begin = text ? strstr(text, mark_begin) : NULL;
    char *end = begin ? strstr(begin, mark_end) : NULL;
    FILE *page = end ? fopen(path, "w") : NULL;
    if (!page) {
        fprintf(stderr, "mixminus-bench: %s cannot be written, or has no lines %s and %s\n", path, mark_begin,
                mark_end);
        free(text);
        return 1;
    }
    fwrite(text, 1, (size_t)(begin - text) + strlen(mark_begin), page);
    page_write(records, page, tables, ARRAY_LEN(tables));
    fprintf(page,
            "All shapes, joins and overload, the engine without a network and every kernel, with plots:\n"
            "[%s/report.md](%s/report.md). `tools/speed` repeats all of it in about half an hour.\n",
            folder, folder);
    fputs(end, page);
    fclose(page);
    free(text);
    return 0;
}

/* ---- command ---- */

/* Reads the files, or standard input if there are none. @return false: said why */
static bool files_read(struct records *records, char *const *files, unsigned n)
{
    if (!n) {
        records_read(records, stdin);
    }
    for (unsigned i = 0; i < n; i++) {
        FILE *f = fopen(files[i], "r");
        if (!f) {
            fprintf(stderr, "mixminus-bench: cannot read %s: %s\n", files[i], strerror(errno));
            return false;
        }
        records_read(records, f);
        fclose(f);
    }
    if (!records->n) {
        fprintf(stderr, "mixminus-bench: no JSON line of a bench in there\n");
    }
    return records->n > 0;
}

static int report_run(const struct records *records, const char *folder)
{
    char path[512];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "mixminus-bench: cannot make %s: %s\n", folder, strerror(errno));
        return 1;
    }
    snprintf(path, sizeof path, "%s/report.md", folder);
    FILE *page = fopen(path, "w");
    if (!page) {
        fprintf(stderr, "mixminus-bench: cannot write %s: %s\n", path, strerror(errno));
        return 1;
    }
    static const struct table *const tables[] = {&capacity, &latency, &churn, &mixer, &pump, &kernels};
    fprintf(page, "## Performance\n\n");
    page_write(records, page, tables, ARRAY_LEN(tables));
    if (plots_draw(records, folder, page) != 0) {
        fprintf(stderr, "mixminus-bench: gnuplot is not installed: tables without plots\n");
    }
    fprintf(page, "### To repeat it\n\n%s", repeat);
    fclose(page);
    printf("%s\n", path);
    return 0;
}

int bench_report(int argc, char **argv)
{
    char out[400] = "report", readme[400] = "", *files[FILES_MAX], *flags[FILES_MAX] = {argv[0]};
    unsigned n_files = 0;
    int n_flags = 1;
    const struct option_line lines[] = {
        OPTION_TEXT("out", out, "folder for report.md and the plots"),
        OPTION_TEXT("readme", readme, "also writes the short form between the two marks of this file"),
        {0},
    };
    for (int i = 1; i < argc && i < FILES_MAX; i++) {
        if (strncmp(argv[i], "--", 2) == 0) {
            flags[n_flags++] = argv[i];
        } else {
            files[n_files++] = argv[i];
        }
    }
    int status =
        options_read(n_flags, flags, "tables and plots from JSON lines: of the FILEs, or standard input", lines);
    if (status >= 0) {
        return status;
    }
    struct records records = {0};
    status = files_read(&records, files, n_files) ? report_run(&records, out) : 1;
    if (status == 0 && readme[0]) {
        status = readme_write(&records, readme, out);
    }
    for (unsigned i = 0; i < records.n; i++) {
        free(records.all[i].line);
    }
    free(records.all);
    return status;
}
