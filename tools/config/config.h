/*
 * The configuration of mixminusd: one table of options, each a flag, a key of the INI file and an environment variable.
 * Flag beats environment beats file beats default. The table makes --help, --dump-config and the lists in README.
 */
#ifndef TOOLS_CONFIG_CONFIG_H
#define TOOLS_CONFIG_CONFIG_H

#include "sig/http/api.h"
#include "sig/sig.h"

#include <stdio.h>

#define CONFIG_TEXT_MAX 1024
#define CONFIG_CPUS_MAX 256

enum config_source { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG, CONFIG_SOURCES };

enum config_io { CONFIG_IO_URING, CONFIG_IO_SYSCALL };

/* The settings, read and checked. What signalling needs is in sig as it is; workers' pages are added by the program. */
struct config {
    struct sig_cfg sig;
    unsigned n_workers;
    int worker_cpus[CONFIG_CPUS_MAX];
    unsigned n_worker_cpus; /* 0: not pinned */
    bool placement_is_auto; /* worker_cpus, and sig.cpus if none are given, are to be chosen */
    int numa;               /* enum of placement.h, or a node */
    int fifo_priority;      /* 0: SCHED_OTHER */
    unsigned simd_mask;
    enum config_io io;
    bool io_is_explicit; /* asked for, so a refusal is an error */
    uint32_t worker_legs_max;
    bool lazy_decode;
    uint32_t stats_interval_s;
    struct addr http; /* where figures are served; unset: nowhere */
    char http_tokens[TLS_PATH_MAX], http_cert[TLS_PATH_MAX], http_key[TLS_PATH_MAX]; /* "": none */
    char control_socket[API_PATH_MAX];                                               /* "": none */
    bool control_socket_is_given;             /* so that it cannot be made is an error */
    char state_directory[SIG_STORE_MAX - 64]; /* of the default store, "": another one was given */
    char prompts[TLS_PATH_MAX];               /* folder of announcements, "": the one that the build makes */
    uint32_t opus_rate_hz;
    bool auth_is_digest;
    bool realm_is_given;                          /* by --auth-realm, not derived from the domain */
    bool scheduling_is_fifo, scheduling_is_asked; /* asked: a refusal is worth a warning */
};

enum config_action {
    CONFIG_RUN,
    CONFIG_CHECK,
    CONFIG_DUMP,
    CONFIG_PLACEMENT,
    CONFIG_VERSION, /* this and the rest need no configuration: none is checked */
    CONFIG_HELP,
    CONFIG_HELP_MARKDOWN,
    CONFIG_HELP_METRICS,
    CONFIG_HELP_MAN,
    CONFIG_HELP_INI,
};

/* Texts before they are checked, and where each came from. Opaque. */
struct config_texts;

/**
 * Reads flags, environment and file, and checks everything.
 *
 * @param environment  as environ
 * @param action       what the flags ask for
 * @param texts        for config_dump; free with config_texts_free, also after a failure
 * @param why          one sentence that names the fix, when it fails
 * @return             0 | -EINVAL
 */
int config_read(struct config *config, int argc, char **argv, char **environment, enum config_action *action,
                struct config_texts **texts, char why[CONFIG_TEXT_MAX]);

void config_texts_free(struct config_texts *texts);

typedef void (*config_say_fn)(void *arg, const char *sentence);

/** Says one sentence for each option that was given by its old name. */
void config_old_names(const struct config_texts *texts, config_say_fn say, void *arg);

/* The options: for a terminal, as tools/doc/flags.md, as mixminusd(8), as tools/examples/mixminus.ini. */
void config_help(FILE *out);
void config_help_markdown(FILE *out);
void config_help_man(FILE *out);
void config_help_ini(FILE *out);
/** Each key with its value and where it came from. */
void config_dump(FILE *out, const struct config_texts *texts);

#endif
