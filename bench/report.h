/* The benches' JSON lines as records: the last line of each case counts. For tables (report.c) and plots (plot.c). */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "core/base/base.h"

#include <stdio.h>

#define RECORD_WORD 24

/* What a case is known by; where a bench has no such thing: "" or 0. */
struct record {
    char *line;
    char bench[RECORD_WORD], peer[RECORD_WORD], codec[RECORD_WORD];
    char name[RECORD_WORD];     /* case, design or kernel */
    char isa[RECORD_WORD];      /* kernels only */
    double room, legs, talkers; /* kernels: rows, samples, 0 */
};

struct records {
    struct record *all;
    unsigned n, max;
};

/** The record like this one but of another peer (NULL: the same) and number of talkers. @return NULL: none */
const struct record *record_find(const struct records *records, const struct record *like, const char *peer,
                                 double talkers);

/** The largest shape of a kernel on an instruction set. @return NULL: none */
const struct record *kernel_largest(const struct records *records, const char *kernel, const char *isa);

/** Is it the first with its shape (codec, room, legs, talkers) in this bench? */
bool record_is_first(const struct records *records, unsigned i);

/** Draws what there is data for as SVG into a folder, and names it in the page. @return 0 | -ENOENT: no gnuplot */
int plots_draw(const struct records *records, const char *folder, FILE *page);

#endif
