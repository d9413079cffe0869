/* The demo: a server of its own, eight callers in two conferences, and a table of who hears whom. */
#ifndef TOOLS_LOAD_DEMO_H
#define TOOLS_LOAD_DEMO_H

struct demo_cfg {
    const char *server; /* path of mixminusd */
    const char *out;    /* directory for what was heard */
};

/** Runs it, about eight seconds. @return exit code: 0: every N-1 is right | 1: it is not, or something failed */
int demo_run(const struct demo_cfg *cfg);

#endif
