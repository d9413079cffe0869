/*
 * Figures of a running server: sums of the workers' counters, signalling's, and the process' own. As one JSON line for
 * programs, as a table for people. Reads counters while they run: each is whole, all together are of about now.
 */
#ifndef TOOLS_SERVER_FIGURES_H
#define TOOLS_SERVER_FIGURES_H

#include "core/ctl.h"
#include "sig/sig.h"

#include <stdio.h>

struct figures_source {
    struct sig *sig;
    struct ctl *const *workers;
    unsigned n_workers;
    uint64_t start_ns; /* CLOCK_MONOTONIC */
    const char *version, *commit, *simd;
    const struct log *log;
};

/** One line: {"time":..., "uptime_s":..., "cpu_user_s":..., ..., "drops":{...}, "beat_ns":[...], ...} */
void figures_json(FILE *out, const struct figures_source *source);

/** Many lines; of the reasons to drop or refuse only those that happened, with their sentence. */
void figures_text(FILE *out, const struct figures_source *source);

/** Resident memory of this process now, not the peak. */
unsigned long figures_rss_kb(void);
/** Since start_ns. */
double figures_uptime_s(const struct figures_source *source);

#endif
