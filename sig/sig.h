/*
 * Signalling as a whole: one thread with the network loop, the transaction layer and the focus on it, and the store's
 * thread beside. The program hands over the workers' rings and gets figures.
 */
#ifndef SIG_SIG_H
#define SIG_SIG_H

#include "sig/focus/focus.h"
#include "sig/http/api.h"
#include "sig/instant/instant.h"
#include "sig/net/net.h"
#include "sig/pres/presence.h"
#include "sig/reg/registrar.h"

#define SIG_STORE_MAX 512
#define SIG_CPUS_MAX 256

/* All settings, by value. */
struct sig_cfg {
    struct net_config net; /* its tls is filled in */
    struct tls_cfg tls;    /* cert "": none */
    struct txn_config txn;
    struct env_cfg focus; /* domain "": the first listener's address; hosts: what is ours beside domain and listeners */
    struct place_cfg place;
    bool is_registrar;                 /* presence server and instant service too */
    enum rule_action presence_default; /* what watchers get that no rule names */
    struct {
        uint32_t t1_s, t2_s, t3_s, t4_s; /* timers of the floor (TS 24.380 11.1) */
        uint32_t queue;                  /* requests that may wait */
        bool terminal_calls;             /* terminals begin sessions; else those that subscribe are called */
    } ptt;
    char service_route[STORE_URI_MAX]; /* of the registrar's answers (RFC 3608), "": none */
    struct log log;
    char store[SIG_STORE_MAX]; /* as store_open */
    int cpus[SIG_CPUS_MAX];    /* the thread may run on */
    unsigned n_cpus;           /* 0: wherever */
};

/* What failed at the start, so that the operator gets one sentence. */
enum sig_part {
    SIG_PART_NONE,
    SIG_PART_TLS,
    SIG_PART_NET,
    SIG_PART_STORE,
    SIG_PART_LOCK, /* of the store: another server has it */
    SIG_PART_PLACE,
    SIG_PART_FOCUS,
    SIG_PART_THREAD
};

struct sig_failure {
    enum sig_part part;
    unsigned listener;     /* SIG_PART_NET */
    char why[TLS_WHY_MAX]; /* SIG_PART_TLS */
    int holder;            /* SIG_PART_LOCK: that process, 0: unknown */
};

/* Of the placement, as of the last beat. */
struct sig_load {
    counter cpu_used_us, cpu_budget_us, kbps_used, kbps_max, pairs_used, pairs_held, pairs, legs;
    counter is_stopping; /* takes no more conferences */
    counter beat_ns;     /* CLOCK_MONOTONIC of signalling's last turn, which comes 20 times a second at least */
};

/* Figures, readable from any thread while signalling runs. */
struct sig_figures {
    const struct env_stats *focus;
    const struct txn_stats *txn;
    const struct net_stats *net;
    const struct sig_load *load;
    const struct registrar_stats *registrar; /* NULL: nobody registers here */
    const struct presence_stats *presence;   /* NULL: as well */
    const struct session_stats *sessions;    /* NULL: as well */
};

struct sig;

/**
 * Opens the listeners and the store, and starts the thread.
 *
 * @return 0 | negative errno, and *failure says of what; nothing is left behind
 */
int sig_start(struct sig **sig, const struct sig_cfg *cfg, struct sig_failure *failure);

/** Ends it in order: BYE to every call, every leg back from the workers (which must still run), then returns. Waits no
 * longer than a few seconds for peers that do not answer. */
void sig_stop(struct sig *sig);

/**
 * Conferences and participants as JSON, at most a second old. Signalling gathers them between its other work.
 *
 * @return text, to be freed by free | NULL: signalling did not answer within two seconds
 * @thread any but signalling's
 */
char *sig_conferences(struct sig *sig);

/**
 * Calls a function on signalling's thread, a turn of it at a time, until it says that it is done; waits for that.
 *
 * @return 0 | -ETIMEDOUT signalling has not answered within two seconds: the function is not called any more
 * @thread any but signalling's
 */
int sig_run(struct sig *sig, bool (*turn)(void *arg), void *arg);

/* Users and groups over HTTP, as api_page.serve. @thread any but signalling's */
unsigned sig_users(FILE *out, struct sig *sig, const struct api_request *request, struct api_problem *problem);
unsigned sig_groups(FILE *out, struct sig *sig, const struct api_request *request, struct api_problem *problem);

/* Pages of the instant service, as api_page.serve. @thread any but signalling's */
enum sig_page { SIG_PAGE_SERVICES, SIG_PAGE_SESSIONS, SIG_PAGE_CHANNELS, SIG_PAGE_ACTIVATIONS };
unsigned sig_services(FILE *out, struct sig *sig, enum sig_page page, const struct api_request *request,
                      struct api_problem *problem);

/** Does it take new conferences? Not while it stops. @thread any */
bool sig_is_ready(const struct sig *sig);

/** Has signalling's thread taken no turn for two seconds? @thread any */
bool sig_is_still(const struct sig *sig);

/** Reads the certificate again, within a beat; a bad one changes nothing and is logged. @thread any */
void sig_reload(struct sig *sig);

/** "udp", "tcp", "tls" */
const char *sig_transport_name(uint8_t transport);

struct sig_figures sig_figures(const struct sig *sig);

/** "udp:127.0.0.1:5060" of a listener as it was bound. @return text */
const char *sig_listener_text(const struct sig *sig, unsigned i, char text[ADDR_TEXT_MAX + 8]);

/** host[:port] of its URIs. */
const char *sig_domain(const struct sig *sig);

#endif
