/*
 * mixminusd: the server. Reads the configuration, starts workers and signalling, says what listens where, waits for
 * signals, ends in order. Exit: 0 ended as asked, 1 could not start, 2 bad configuration.
 */
#include "core/io.h"
#include "core/media/seal.h"
#include "core/worker.h"
#include "sig/base/log_writer.h"
#include "tools/config/config.h"
#include "tools/config/host_check.h"
#include "tools/config/options.h"
#include "tools/config/placement.h"
#include "tools/server/figures.h"
#include "tools/server/metrics.h"
#include "tools/server/notify.h"
#include "tools/server/pages.h"
#include "tools/server/prompts_read.h"
#include "tools/server/trim.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define IDLE_CHECK_S 10
#define FDS_BESIDE_MEDIA 512 /* rings, listeners, store, connections */

struct server {
    struct config config;
    struct log log;
    struct log_writer *words, *figures_out; /* to standard error, and to standard output */
    struct worker *workers[PLACE_WORKERS_MAX];
    struct ctl *ctls[PLACE_WORKERS_MAX];
    unsigned n_workers;
    const struct simd *simd;
    struct prompts *prompts;
    struct sig *sig;
    struct figures_source figures;
    struct pages pages;
    bool was_busy;
};

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* A ring as the workers have them. @return 0 | negative errno */
static int uring_probe(void)
{
    static struct worker_stats stats;
    struct io *io = NULL;
    int err = uring_build(&io, 4, &stats);
    if (!err) {
        io->ops->free(io);
    }
    return err;
}

static void print_version(FILE *out)
{
    int uring = uring_probe();
    fprintf(out, "mixminusd %s\ncommit %s, build %s, %s\nSIMD %s\nio_uring %s\n", MIXMINUS_VERSION,
            *MIXMINUS_COMMIT ? MIXMINUS_COMMIT : "unknown", MIXMINUS_BUILD, __VERSION__, simd_pick(SIMD_ALL)->name,
            uring == 0 ? "works" : strerror(-uring));
}

/* Every call holds two sockets. */
static void raise_fd_limit(struct server *s)
{
    struct rlimit limit;
    const struct place_cfg *place = &s->config.sig.place;
    unsigned long pairs = (unsigned long)(place->port_max - place->port_min + 1) / 2;
    unsigned long legs = MIN(pairs, (unsigned long)s->config.worker_legs_max * s->config.n_workers);

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur < 2 * legs + FDS_BESIDE_MEDIA) {
        unsigned long fit = limit.rlim_cur > FDS_BESIDE_MEDIA ? (limit.rlim_cur - FDS_BESIDE_MEDIA) / 2 : 0;
        log_line(&s->log, LOG_WARN,
                 "file descriptor limit %lu allows about %lu of the %lu calls that the ports are for; "
                 "raise it to %lu (ulimit -n, LimitNOFILE=)",
                 (unsigned long)limit.rlim_cur, fit, legs, 2 * legs + FDS_BESIDE_MEDIA);
    }
}

/* --- Placement ---------------------------------------------------------------------------------------------------- */

static struct placement placement;
static struct placement_host placement_host;

/* @return 0 | 1: said why */
static int placement_make(const struct config *c)
{
    int err = placement_here(&placement, &placement_host, &c->sig.place.host, c->n_workers, c->numa);
    if (err) {
        fprintf(stderr, "mixminusd: %s\n", placement_why(err));
    }
    return err ? 1 : 0;
}

static int place_print(const struct config *c)
{
    int status = placement_make(c);
    if (status == 0) {
        placement_print(stdout, &placement, &placement_host);
    }
    return status;
}

/* Takes what was chosen into the configuration. What the operator gave for signalling stands. */
static int place_apply(struct config *c)
{
    int status = placement_make(c);
    if (status != 0 || placement.workers[0] < 0) {
        return status;
    }
    c->n_worker_cpus = MIN(placement.n_workers, (unsigned)CONFIG_CPUS_MAX);
    memcpy(c->worker_cpus, placement.workers, c->n_worker_cpus * sizeof c->worker_cpus[0]);
    if (c->sig.n_cpus == 0) {
        c->sig.n_cpus = MIN(placement.n_control, (unsigned)SIG_CPUS_MAX);
        memcpy(c->sig.cpus, placement.control, c->sig.n_cpus * sizeof c->sig.cpus[0]);
    }
    return 0;
}

/* --- Workers ------------------------------------------------------------------------------------------------------ */

static void workers_stop(struct server *s)
{
    while (s->n_workers > 0) {
        worker_stop(s->workers[--s->n_workers]);
    }
}

/* Why io_uring does not work here, and what would help. @return text */
static const char *uring_refusal(int err, char *text, size_t size)
{
    const char *help = "no usual reason";
    switch (-err) {
    case EINVAL:
        help = "it needs Linux 6.1";
        break;
    case EMFILE:
    case ENFILE:
        help = "raise the limit of open files, ulimit -n";
        break;
    case ENOMEM:
        help = "raise the limit of locked memory, ulimit -l";
        break;
    case ENOSYS:
        help = "this kernel has none, or a container hides it";
        break;
    case EPERM:
    case EACCES:
        help = "see /proc/sys/kernel/io_uring_disabled, or the container's seccomp profile";
        break;
    }
    snprintf(text, size, "io_uring cannot be used here (%s): %s", strerror(-err), help);
    return text;
}

static int worker_begin(struct server *s, unsigned i, enum worker_io io)
{
    const struct config *c = &s->config;
    struct worker_cfg cfg = {
        .index = (int)i,
        .cpu = c->n_worker_cpus ? c->worker_cpus[i % c->n_worker_cpus] : -1,
        .fifo_priority = c->fifo_priority,
        .io = io,
        .may_fall_back = !c->io_is_explicit,
        .simd = s->simd,
        .legs_max = c->worker_legs_max,
        .lazy_decode = c->lazy_decode,
        .wall_offset_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC),
    };
    int err = worker_start(&s->workers[i], &cfg);
    if (err) {
        return err;
    }
    s->ctls[i] = worker_ctl(s->workers[i]);
    s->n_workers++;
    if (worker_io_error(s->workers[i]) && s->config.io == CONFIG_IO_URING) {
        char why[160];
        s->config.io = CONFIG_IO_SYSCALL; /* said once */
        log_line(&s->log, LOG_WARN, "%s; plain system calls are used, at about a tenth more CPU",
                 uring_refusal(worker_io_error(s->workers[i]), why, sizeof why));
    }
    if (i == 0 && c->scheduling_is_asked && worker_fifo_error(s->workers[i])) {
        log_line(&s->log, LOG_WARN,
                 "SCHED_FIFO was refused (%s): workers run like any other thread; grant CAP_SYS_NICE or "
                 "give --worker-scheduling=other",
                 strerror(-worker_fifo_error(s->workers[i])));
    }
    return 0;
}

/* @return 0 | 1: said why */
static int workers_start(struct server *s)
{
    struct config *c = &s->config;
    enum worker_io io = c->io == CONFIG_IO_URING ? WORKER_IO_URING : WORKER_IO_SYSCALL;
    char why[160];
    int err = 0;

    for (unsigned i = 0; i < c->n_workers && !err; i++) {
        err = worker_begin(s, i, io);
        if (err == -ENODEV && c->n_worker_cpus) {
            log_line(&s->log, LOG_ERROR,
                     "worker %u cannot run on CPU %d; give --worker-cpus=LIST of CPUs that this process "
                     "may use",
                     i, c->worker_cpus[i % c->n_worker_cpus]);
        } else if (err && c->io_is_explicit && io == WORKER_IO_URING && err != -ENOMEM) {
            log_line(&s->log, LOG_ERROR, "worker %u: %s; leave out --io=uring or give --io=syscall", i,
                     uring_refusal(err, why, sizeof why));
        } else if (err == -EMFILE || err == -ENFILE) {
            log_line(&s->log, LOG_ERROR, "worker %u: no file descriptor is left; raise the limit, ulimit -n", i);
        } else if (err) {
            log_line(&s->log, LOG_ERROR, "worker %u cannot start (%s); lower --workers or --worker-legs-max", i,
                     strerror(-err));
        }
    }
    return err ? 1 : 0;
}

/* --- Signalling --------------------------------------------------------------------------------------------------- */

static void say_failure(struct server *s, int err, const struct sig_failure *failure)
{
    const struct net_listener *l = &s->config.sig.net.listeners[failure->listener];
    char text[ADDR_TEXT_MAX];
    const char *transport = sig_transport_name(l->transport);

    switch (failure->part) {
    case SIG_PART_TLS:
        log_line(&s->log, LOG_ERROR, "%s", failure->why);
        break;
    case SIG_PART_NET:
        if (err == -EADDRINUSE) {
            log_line(&s->log, LOG_ERROR, "%s:%s is in use by another program; stop it, or give another --sip-listen",
                     transport, addr_text(&l->addr, text));
        } else if (err == -EADDRNOTAVAIL) {
            log_line(&s->log, LOG_ERROR, "%s:%s is no address of this host; give one in --sip-listen", transport,
                     addr_text(&l->addr, text));
        } else {
            log_line(&s->log, LOG_ERROR, "cannot listen on %s:%s (%s); give another --sip-listen", transport,
                     addr_text(&l->addr, text), strerror(-err));
        }
        break;
    case SIG_PART_LOCK:
        log_line(&s->log, LOG_ERROR,
                 "the store %s is in use by process %d, and serves one server at a time; stop that, or give another "
                 "--store",
                 s->config.sig.store, failure->holder);
        break;
    case SIG_PART_STORE:
    case SIG_PART_FOCUS:
        log_line(&s->log, LOG_ERROR, "the store %s cannot be used: %s", s->config.sig.store, store_why(err));
        break;
    default:
        log_line(&s->log, LOG_ERROR, "signalling cannot start: %s", strerror(-err));
    }
}

/* @return 0 | 1: said why */
static int prompts_start(struct server *s)
{
    int err = prompts_read(&s->prompts, s->config.prompts, &s->log);
    if (err) {
        log_line(&s->log, LOG_ERROR, "the announcements in %s cannot be read (%s); give another --prompts",
                 s->config.prompts, strerror(-err));
    }
    s->config.sig.focus.prompts = s->prompts;
    return err ? 1 : 0;
}

static int signalling_start(struct server *s)
{
    struct sig_cfg cfg = s->config.sig;
    struct sig_failure failure;

    for (unsigned i = 0; i < s->n_workers; i++) {
        cfg.place.workers[i] = s->ctls[i];
    }
    int err = sig_start(&s->sig, &cfg, &failure);
    if (err) {
        say_failure(s, err, &failure);
        return 1;
    }
    return 0;
}

static void say_hello(const struct server *s)
{
    const struct config *c = &s->config;
    char text[1024], one[ADDR_TEXT_MAX + 8];
    size_t at = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < c->sig.net.n_listeners && at < sizeof text; i++) {
        int n = snprintf(text + at, sizeof text - at, "%s%s", i ? ", " : "", sig_listener_text(s->sig, i, one));
        at += n > 0 ? (size_t)n : 0;
    }
    log_line(&s->log, LOG_INFO, "mixminusd %s serves SIP on %s", MIXMINUS_VERSION, text);
    log_line(&s->log, LOG_INFO, "dial sip:%s@%s for a conference (%s)", c->sig.focus.factory_user, sig_domain(s->sig),
             c->sig.focus.factory_mode == FACTORY_REDIRECT ? "302 to its URI" : "200 as its focus");
    log_line(&s->log, LOG_INFO, "media on %s ports %u-%u; %u worker%s, SIMD %s, I/O by %s",
             addr_host_text(&c->sig.place.host, one), c->sig.place.port_min, c->sig.place.port_max, s->n_workers,
             s->n_workers == 1 ? "" : "s", s->simd->name, c->io == CONFIG_IO_URING ? "io_uring" : "system calls");
    log_line(&s->log, LOG_INFO, "store %s", c->sig.store);
    if (addr_is_set(&c->http)) {
        log_line(&s->log, LOG_INFO, "figures on %s://%s/metrics", c->http_cert[0] ? "https" : "http",
                 addr_text(&c->http, one));
    }
}

/* --- Life --------------------------------------------------------------------------------------------------------- */

static void signals_block(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGUSR1);
    sigaddset(set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* After a flood the allocator keeps memory that is not needed: gives it back once all is quiet. Not while calls run:
 * it holds the allocator's locks for some milliseconds. */
static void trim_when_idle(struct server *s)
{
    struct sig_figures f = sig_figures(s->sig);
    bool idle = count_get(&f.focus->calls) + count_get(&f.txn->txns_server) + count_get(&f.txn->txns_client) == 0;

    if (idle && s->was_busy) {
        trim();
    }
    s->was_busy = !idle;
}

/* By way of a writer: standard output may be a pipe that nobody reads, and SIGTERM is heeded all the same. */
static void figures_print(struct server *s, void (*print)(FILE *out, const struct figures_source *source))
{
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (out) {
        print(out, &s->figures);
        if (fclose(out) == 0) {
            log_writer_put(s->figures_out, text, n);
        }
        free(text);
    }
}

/* Until SIGTERM or SIGINT. */
static void wait_for_end(struct server *s, const sigset_t *set)
{
    uint64_t interval_ns = s->config.stats_interval_s * NS_PER_S;
    uint64_t next_ns = clock_ns(CLOCK_MONOTONIC) + interval_ns;

    for (;;) {
        struct timespec wait = {IDLE_CHECK_S, 0};
        uint64_t now_ns = clock_ns(CLOCK_MONOTONIC), left_ns = next_ns > now_ns ? next_ns - now_ns : 0;
        if (interval_ns && left_ns < IDLE_CHECK_S * NS_PER_S) {
            wait = (struct timespec){(time_t)(left_ns / NS_PER_S), (long)(left_ns % NS_PER_S)};
        }
        int got = sigtimedwait(set, NULL, &wait);
        if (got == SIGTERM || got == SIGINT) {
            log_line(&s->log, LOG_INFO, "%s: every call gets its BYE", got == SIGTERM ? "SIGTERM" : "SIGINT");
            return;
        }
        if (got == SIGHUP) {
            sig_reload(s->sig);
        }
        if (got == SIGUSR1) {
            figures_print(s, figures_text);
        }
        if (interval_ns && clock_ns(CLOCK_MONOTONIC) >= next_ns) {
            figures_print(s, figures_json);
            next_ns += interval_ns;
        }
        if (got < 0) {
            trim_when_idle(s);
        }
    }
}

static void say_fault(void *arg, const char *sentence)
{
    const struct log *log = arg;
    log_line(log, LOG_ERROR, "%s", sentence);
}

static void print_fault(void *arg, const char *sentence)
{
    fprintf(arg, "mixminusd: %s\n", sentence);
}

static void say_warning(void *arg, const char *sentence)
{
    const struct log *log = arg;
    log_line(log, LOG_WARN, "%s", sentence);
}

/* @return the exit status */
static int config_check(const struct config *config)
{
    unsigned n = host_check(config, print_fault, stderr);
    if (n == 0) {
        printf("the configuration is fine\n");
    }
    return n ? 2 : 0;
}

/* What looks at the configuration and does not serve. @return the exit status */
static int look(const struct config *config, const struct config_texts *texts, enum config_action action)
{
    if (action == CONFIG_CHECK) {
        return config_check(config);
    }
    if (action == CONFIG_PLACEMENT) {
        return place_print(config);
    }
    config_dump(stdout, texts);
    return 0;
}

static int serve(struct server *s, const struct config_texts *texts)
{
    sigset_t set;
    int status;

    signals_block(&set); /* before any thread: all inherit it */
    if (log_writer_start(&s->words, STDERR_FILENO) != 0 || log_writer_start(&s->figures_out, STDOUT_FILENO) != 0) {
        fprintf(stderr, "mixminusd: no thread can be started for the log; raise the limit of processes (ulimit -u)\n");
        return 1;
    }
    s->config.sig.log.writer = s->words;
    s->log = s->config.sig.log;
    config_old_names(texts, say_warning, &s->log);
    s->simd = simd_pick(s->config.simd_mask);
    int err = options_state_make(&s->config);
    if (err) {
        log_line(&s->log, LOG_ERROR,
                 "the state directory %s cannot be used (%s); give --store=sqlite:PATH or --store=memory",
                 s->config.state_directory, strerror(-err));
        return 1;
    }
    if (host_check(&s->config, say_fault, &s->log) != 0) {
        return 1;
    }
    if (!seal_is_fast()) {
        log_line(&s->log, LOG_WARN, "packaged libsrtp2: AES-GCM costs three times more: run tools/setup, build again");
    }
    raise_fd_limit(s);
    status = s->config.placement_is_auto ? place_apply(&s->config) : 0;
    if (status == 0) {
        status = prompts_start(s);
    }
    if (status == 0) {
        status = workers_start(s);
    }
    if (status == 0) {
        status = signalling_start(s);
    }
    if (status == 0) {
        s->figures =
            (struct figures_source){s->sig,           s->ctls,         s->n_workers,  clock_ns(CLOCK_MONOTONIC),
                                    MIXMINUS_VERSION, MIXMINUS_COMMIT, s->simd->name, &s->log};
        status = pages_start(&s->pages, &s->config, &s->figures, &s->log);
        if (status == 0) {
            say_hello(s);
            notify("READY=1");
            wait_for_end(s, &set);
            notify("STOPPING=1");
        }
        if (status == 0 && s->config.stats_interval_s) {
            figures_print(s, figures_json);
        }
        pages_stop(&s->pages);
        sig_stop(s->sig);
    }
    workers_stop(s);
    prompts_free(s->prompts); /* no leg plays them any more */
    return status;
}

static void print_page(enum config_action action)
{
    static void (*const pages[])(FILE * out) = {[CONFIG_VERSION] = print_version,
                                                [CONFIG_HELP] = config_help,
                                                [CONFIG_HELP_MARKDOWN] = config_help_markdown,
                                                [CONFIG_HELP_METRICS] = metrics_markdown,
                                                [CONFIG_HELP_MAN] = config_help_man,
                                                [CONFIG_HELP_INI] = config_help_ini};
    pages[action](stdout);
}

int main(int argc, char **argv)
{
    static struct server server; /* some hundred KB: too much for a stack, and there is one */
    struct config_texts *texts = NULL;
    enum config_action action;
    char why[CONFIG_TEXT_MAX] = "";
    int status = 0;

    must(seal_start() == 0);
    if (config_read(&server.config, argc, argv, environ, &action, &texts, why) != 0) {
        fprintf(stderr, "mixminusd: %s\n", why);
        status = 2;
    } else if (action >= CONFIG_VERSION) {
        print_page(action);
    } else if (action == CONFIG_RUN) {
        status = serve(&server, texts);
        log_writer_stop(server.words); /* the last words */
        log_writer_stop(server.figures_out);
    } else {
        config_old_names(texts, print_fault, stderr);
        status = look(&server.config, texts, action);
    }
    config_texts_free(texts);
    return status;
}
