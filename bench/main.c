/*
 * mixminus-bench: one program, one sub-command a bench.
 */
#include "bench/bench.h"
#include "core/media/seal.h"
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name, *about;
    int (*run)(int argc, char **argv);
} benches[] = {
    {"capacity", "the whole server under load: CPU and how many legs, beside its peers", bench_capacity},
    {"churn", "joins and leaves at a load, and more calls than fit", bench_churn},
    {"kernels", "every SIMD kernel against the scalar code, with the gates", bench_kernels},
    {"latency", "what the server adds to a voice's delay, beside its peers", bench_latency},
    {"mixer", "the engine without a network, against one encode a leg", bench_mixer},
    {"placement", "pinned threads against unpinned ones, with advice", bench_placement},
    {"presence", "registrar and presence server, without a network", bench_presence},
    {"ptt", "the floor of push-to-talk: grants, idle sessions, a large channel", bench_ptt},
    {"pump", "the whole media path against a bare reflector", bench_pump},
    {"report", "tables and plots from the others' JSON lines", bench_report},
};

static void help(FILE *to)
{
    fprintf(to, "usage: mixminus-bench BENCH [OPTION...]\n\n");
    for (size_t i = 0; i < ARRAY_LEN(benches); i++)
        fprintf(to, "  %-10s %s\n", benches[i].name, benches[i].about);
    fprintf(to, "\nmixminus-bench BENCH --help tells the options.\n");
}

/* The manual page, in roff. */
static void help_man(void)
{
    printf(".TH MIXMINUS\\-BENCH 1 \"\" mixminus \"mixminus manual\"\n.SH NAME\nmixminus\\-bench \\- measures mixminus "
           "beside "
           "a bare reflector, an echo server and a peer\n.SH SYNOPSIS\n.B mixminus\\-bench\nBENCH [OPTION...]\n.SH "
           "DESCRIPTION\nEach bench prints JSON lines; mixminus\\-bench BENCH \\-\\-help lists its options.\n");
    for (size_t i = 0; i < ARRAY_LEN(benches); i++) {
        printf(".TP\n.B %s\n%s\n", benches[i].name, benches[i].about);
    }
    printf(".SH SEE ALSO\nmixminusd(8), mixminusctl(1)\n");
}

int main(int argc, char **argv)
{
    must(seal_start() == 0);
    if (argc < 2) {
        help(stderr);
        return 2;
    }
    if (strcmp(argv[1], "--help") == 0) {
        help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--help-man") == 0) {
        help_man();
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(benches); i++)
        if (strcmp(argv[1], benches[i].name) == 0)
            return benches[i].run(argc - 1, argv + 1);
    fprintf(stderr, "mixminus-bench: there is no bench called '%s'; --help lists them.\n", argv[1]);
    return 2;
}
