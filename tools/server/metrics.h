/* The server's figures as a page for Prometheus: per worker where a worker is the writer; no label names a caller. */
#ifndef TOOLS_SERVER_METRICS_H
#define TOOLS_SERVER_METRICS_H

#include "tools/server/figures.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/** @param source  struct figures_source  @return 200 */
unsigned metrics_write(FILE *out, void *source);

/** The table of metrics, and of the reasons that are their labels, for people. */
void metrics_markdown(FILE *out);

/** Conferences and participants as JSON. @return 200, or 503: signalling does not answer */
unsigned metrics_conferences(FILE *out, void *source);

/** Does every worker beat? Takes a moment to see. @return 200, or 503 with the worker that stands still */
unsigned metrics_health(FILE *out, void *source);
/** Writes whether new conferences are taken. @return 200 | 503 */
unsigned metrics_ready(FILE *out, void *arg);

#endif
