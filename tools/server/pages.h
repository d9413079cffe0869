/* The HTTP pages of the server: which there are, who may read them, and on which ways in. */
#ifndef TOOLS_SERVER_PAGES_H
#define TOOLS_SERVER_PAGES_H

#include "tools/config/config.h"
#include "tools/server/figures.h"

#define PAGES_N 14

struct pages {
    struct api *api; /* NULL: nothing is served */
    struct tokens *tokens;
    char *cert, *key;
    struct api_page list[PAGES_N];
};

/** Serves the pages as configured. @return 0 | 1: said why in the log. source, config outlive it */
int pages_start(struct pages *pages, const struct config *config, struct figures_source *source, const struct log *log);
/** Ends them. Twice is fine. */
void pages_stop(struct pages *pages);

#endif
