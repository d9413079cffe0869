/* The report's plots: data and commands written to gnuplot, one process a plot. See report.h. */
#include "bench/json.h"
#include "bench/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PERCENTILES = 101, WORDS_MAX = 48 };

static const char us[] = "us_per_participant_s";

static bool gnuplot_is_there(void)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        char name[512];
        size_t n = strcspn(path, ":");
        snprintf(name, sizeof name, "%.*s/gnuplot", (int)n, path);
        if (access(name, X_OK) == 0) {
            return true;
        }
        path += n + (path[n] == ':');
    }
    return false;
}

static FILE *plot_open(const char *folder, const char *file, const char *title)
{
    FILE *plot = popen("gnuplot", "w");
    if (plot) {
        fprintf(plot, "set terminal svg size 900,540 background 'white' font 'sans,12'\nset output '%s/%s'\n", folder,
                file);
        fprintf(plot, "set title \"%s\"\nset grid ytics\nset key below\n", title);
    }
    return plot;
}

static void plot_close(FILE *plot, FILE *page, const char *file, const char *title)
{
    if (pclose(plot) == 0) {
        fprintf(page, "![%s](%s)\n\n", title, file);
    }
}

/* Distinct words, or numbers, in the order in which they come. */
struct words {
    char text[WORDS_MAX][RECORD_WORD];
    unsigned n;
};

static void word_add(struct words *w, const char *text)
{
    for (unsigned i = 0; i < w->n; i++) {
        if (strcmp(w->text[i], text) == 0) {
            return;
        }
    }
    if (w->n < WORDS_MAX) {
        snprintf(w->text[w->n++], RECORD_WORD, "%s", text);
    }
}

static void number_add(struct words *w, double number)
{
    char text[RECORD_WORD];
    snprintf(text, sizeof text, "%.0f", number);
    word_add(w, text);
}

static bool is_of(const struct record *r, const char *bench)
{
    return strcmp(r->bench, bench) == 0;
}

/* ---- CPU by codec and room: the mixer's cases with three talkers ---- */

static double mixer_us(const struct records *records, const char *codec, double room)
{
    for (unsigned i = 0; i < records->n; i++) {
        const struct record *r = &records->all[i];
        if (is_of(r, "mixer") && r->talkers == 3 && r->room == room && strcmp(r->codec, codec) == 0) {
            return json_value(r->line, us, 0);
        }
    }
    return 0;
}

static void cpu_draw(const struct records *records, const char *folder, FILE *page)
{
    static const char title[] = "Engine: CPU per participant-second by codec and room, three talkers";
    struct words codecs = {.n = 0}, rooms = {.n = 0};
    for (unsigned i = 0; i < records->n; i++) {
        const struct record *r = &records->all[i];
        if (is_of(r, "mixer") && r->talkers == 3) {
            word_add(&codecs, r->codec);
            number_add(&rooms, r->room);
        }
    }
    FILE *plot = codecs.n ? plot_open(folder, "cpu.svg", title) : NULL;
    if (!plot) {
        return;
    }
    fprintf(plot, "$data << EOD\n");
    for (unsigned r = 0; r < rooms.n; r++) {
        fprintf(plot, "\"rooms of %s\"", rooms.text[r]);
        for (unsigned c = 0; c < codecs.n; c++) {
            double value = mixer_us(records, codecs.text[c], strtod(rooms.text[r], NULL));
            if (value > 0) {
                fprintf(plot, " %g", value);
            } else {
                fprintf(plot, " NaN");
            }
        }
        fprintf(plot, "\n");
    }
    fprintf(plot, "EOD\nset style data histograms\nset style histogram clustered gap 1\nset style fill solid 0.8\n"
                  "set logscale y\nset ylabel 'us per participant-second'\nset xtics rotate by -20\nplot ");
    for (unsigned c = 0; c < codecs.n; c++) {
        fprintf(plot, "%s$data using %u%s title '%s'", c ? ", " : "", c + 2, c ? "" : ":xtic(1)", codecs.text[c]);
    }
    fprintf(plot, "\n");
    plot_close(plot, page, "cpu.svg", title);
}

/* ---- delay ---- */

static void delay_draw(const struct records *records, const char *folder, FILE *page)
{
    static const char title[] = "Added delay: share of packets within";
    static double ms[PERCENTILES];
    FILE *plot = NULL;
    unsigned n = 0;
    for (unsigned i = 0; i < records->n; i++) {
        const struct record *r = &records->all[i];
        unsigned steps = is_of(r, "latency") ? json_array(r->line, "delay_ms_percentiles", ms, PERCENTILES) : 0;
        if (!steps || (!plot && !(plot = plot_open(folder, "delay.svg", title)))) {
            continue;
        }
        fprintf(plot, "$d%u << EOD\n", n++);
        for (unsigned k = 0; k < steps; k++) {
            fprintf(plot, "%g %u\n", ms[k], k);
        }
        fprintf(plot, "EOD\n");
    }
    if (!plot) {
        return;
    }
    fprintf(plot, "set logscale x\nset xlabel 'ms'\nset ylabel '%% of packets'\nset grid xtics\nplot ");
    for (unsigned i = 0, k = 0; i < records->n; i++) {
        const struct record *r = &records->all[i];
        if (is_of(r, "latency") && json_array(r->line, "delay_ms_percentiles", ms, PERCENTILES)) {
            fprintf(plot, "%s$d%u using 1:2 with steps linewidth 2 title '%s, %.0f talker%s, %.0f legs'", k ? ", " : "",
                    k, r->peer, r->talkers, r->talkers == 1 ? "" : "s", r->legs);
            k++;
        }
    }
    fprintf(plot, "\n");
    plot_close(plot, page, "delay.svg", title);
}

/* ---- cost against the number of legs: a line for each peer, codec and room ---- */

static bool is_line_of(const struct record *r, const struct record *like)
{
    return is_of(r, "capacity") && !r->name[0] && strcmp(r->peer, like->peer) == 0 &&
           strcmp(r->codec, like->codec) == 0 && r->room == like->room && r->talkers == like->talkers;
}

static bool is_first_of_line(const struct records *records, unsigned i)
{
    const struct record *r = &records->all[i];
    if (!is_line_of(r, r)) {
        return false;
    }
    for (unsigned k = 0; k < i; k++) {
        if (is_line_of(&records->all[k], r)) {
            return false;
        }
    }
    return true;
}

static void legs_draw(const struct records *records, const char *folder, FILE *page)
{
    static const char title[] = "Whole server: CPU per participant-second against the number of legs";
    FILE *plot = NULL;
    for (unsigned i = 0, n = 0; i < records->n; i++) {
        if (!is_first_of_line(records, i) || (!plot && !(plot = plot_open(folder, "legs.svg", title)))) {
            continue;
        }
        fprintf(plot, "$d%u << EOD\n", n++);
        for (unsigned k = i; k < records->n; k++) {
            if (is_line_of(&records->all[k], &records->all[i])) {
                fprintf(plot, "%g %g\n", records->all[k].legs, json_value(records->all[k].line, us, 0));
            }
        }
        fprintf(plot, "EOD\n");
    }
    if (!plot) {
        return;
    }
    fprintf(plot, "set logscale xy\nset xlabel 'legs'\nset ylabel 'us per participant-second'\nplot ");
    for (unsigned i = 0, n = 0; i < records->n; i++) {
        const struct record *r = &records->all[i];
        if (is_first_of_line(records, i)) {
            fprintf(plot, "%s$d%u using 1:2 smooth unique with linespoints linewidth 2 title '%s, %s, rooms of %.0f'",
                    n ? ", " : "", n, r->peer, r->codec, r->room);
            n++;
        }
    }
    fprintf(plot, "\n");
    plot_close(plot, page, "legs.svg", title);
}

/* ---- kernels: how much faster than scalar, and how far from the bound, for the largest shape of each ---- */

const struct record *kernel_largest(const struct records *records, const char *kernel, const char *isa)
{
    const struct record *best = NULL;
    for (unsigned i = 0; i < records->n; i++) {
        const struct record *r = &records->all[i];
        bool fits = is_of(r, "kernels") && strcmp(r->name, kernel) == 0 && strcmp(r->isa, isa) == 0;
        if (fits && (!best || r->legs * r->room >= best->legs * best->room)) {
            best = r;
        }
    }
    return best;
}

static void figure_put(FILE *plot, const struct record *r, const char *name)
{
    double value = r ? json_value(r->line, name, 0) : 0;
    if (value > 0) {
        fprintf(plot, " %g", value);
    } else {
        fprintf(plot, " NaN");
    }
}

static void kernels_draw(const struct records *records, const char *folder, FILE *page)
{
    static const char title[] = "Kernels: times faster than scalar, and times the L1 or multiplier bound";
    struct words kernels = {.n = 0}, isas = {.n = 0};
    for (unsigned i = 0; i < records->n; i++) {
        if (is_of(&records->all[i], "kernels")) {
            word_add(&kernels, records->all[i].name);
            word_add(&isas, records->all[i].isa);
        }
    }
    FILE *plot = kernels.n ? plot_open(folder, "kernels.svg", title) : NULL;
    if (!plot) {
        return;
    }
    fprintf(plot, "$data << EOD\n");
    for (unsigned k = 0; k < kernels.n; k++) {
        fprintf(plot, "\"%s\"", kernels.text[k]);
        for (unsigned i = 0; i < isas.n; i++) {
            const struct record *r = kernel_largest(records, kernels.text[k], isas.text[i]);
            figure_put(plot, r, "ratio");
            figure_put(plot, r, "bound_factor");
        }
        fprintf(plot, "\n");
    }
    fprintf(plot, "EOD\nset style data histograms\nset style histogram clustered gap 1\nset style fill solid 0.8\n"
                  "set logscale y\nset xtics rotate by -40 noenhanced\nplot ");
    for (unsigned i = 0; i < isas.n; i++) {
        fprintf(plot, "%s$data using %u%s title '%s, x scalar', $data using %u title '%s, x bound'", i ? ", " : "",
                2 * i + 2, i ? "" : ":xtic(1)", isas.text[i], 2 * i + 3, isas.text[i]);
    }
    fprintf(plot, "\n");
    plot_close(plot, page, "kernels.svg", title);
}

int plots_draw(const struct records *records, const char *folder, FILE *page)
{
    if (!gnuplot_is_there()) {
        return -ENOENT;
    }
    fprintf(page, "### Plots\n\n");
    fflush(page);
    cpu_draw(records, folder, page);
    delay_draw(records, folder, page);
    legs_draw(records, folder, page);
    kernels_draw(records, folder, page);
    return 0;
}
