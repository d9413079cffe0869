/* Looks at the host. See host_check.h. */
#include "tools/config/host_check.h"

#include "core/worker.h"
#include "simd/simd.h"
#include "tools/config/placement.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MB = 1024 * 1024 };

struct checker {
    const struct config *config;
    host_say_fn say;
    void *arg;
    unsigned n_faults;
};

static void fault(struct checker *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void fault(struct checker *c, const char *format, ...)
{
    char text[CONFIG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->say(c->arg, text);
    c->n_faults++;
}

/* ---- network ---- */

/* Binds a socket to it, on any port. @return 0 | negative errno */
static int address_try(const struct addr *address)
{
    struct addr a = *address;
    addr_set_port(&a, 0);
    int fd = socket(a.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -errno;
    }
    int err = bind(fd, &a.sa, addr_len(&a)) ? -errno : 0;
    close(fd);
    return err;
}

static void check_address(struct checker *c, const char *option, const struct addr *address)
{
    char text[ADDR_TEXT_MAX];
    int err = addr_is_set(address) ? address_try(address) : 0;
    if (err == -EADDRNOTAVAIL) {
        fault(c, "--%s: %s is no address of this host; give one that it has (ip address)", option,
              addr_host_text(address, text));
    } else if (err) {
        fault(c, "--%s: %s cannot be used (%s); give another address", option, addr_host_text(address, text),
              strerror(-err));
    }
}

static void check_network(struct checker *c)
{
    const struct sig_cfg *sig = &c->config->sig;
    for (unsigned i = 0; i < sig->net.n_listeners; i++) {
        check_address(c, "sip-listen", &sig->net.listeners[i].addr);
    }
    if (!addr_same_host(&sig->place.host, &sig->net.listeners[0].addr)) { /* else it has been said */
        check_address(c, "rtp-interface", &sig->place.host);
    }
    check_address(c, "rtp-interface", &sig->place.host_other);
    check_address(c, "http-listen", &c->config->http);
}

/* ---- files ---- */

static void check_files(struct checker *c)
{
    const struct config *config = c->config;
    char why[TLS_WHY_MAX];
    if (config->sig.tls.cert[0]) {
        struct tls_context *tls = NULL;
        if (tls_context_build(&tls, &config->sig.tls, why) != 0) {
            fault(c, "%s", why);
        }
        tls_context_free(tls);
    }
    struct tokens *tokens = NULL;
    char what[TOKENS_WHY_MAX];
    if (config->http_tokens[0] && tokens_load(&tokens, config->http_tokens, what) != 0) {
        fault(c, "--http-tokens: %s", what);
    }
    tokens_free(tokens);
    const char *const pem[] = {config->http_cert, config->http_key};
    for (size_t i = 0; i < ARRAY_LEN(pem); i++) {
        if (pem[i][0] && access(pem[i], R_OK) != 0) {
            fault(c, "--http-tls-%s=%s cannot be read (%s); give another", i ? "key" : "cert", pem[i], strerror(errno));
        }
    }
    int err = store_probe(config->sig.store);
    if (err) {
        fault(c, "the store %s cannot be used: %s", config->sig.store, store_why(err));
    }
    DIR *dir = config->prompts[0] ? opendir(config->prompts) : NULL;
    if (config->prompts[0] && !dir) {
        fault(c, "--prompts=%s cannot be read (%s); give another --prompts", config->prompts, strerror(errno));
    } else if (dir) {
        closedir(dir);
    }
}

/* ---- CPUs, memory ---- */

static void check_cpus(struct checker *c, const char *option, const int *cpus, unsigned n)
{
    cpu_set_t allowed;
    char text[256];
    int list[CONFIG_CPUS_MAX];
    unsigned n_list = 0;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return; /* more CPUs than a set holds: the start of the threads will tell */
    }
    for (int cpu = 0; cpu < CPU_SETSIZE && n_list < ARRAY_LEN(list); cpu++) {
        if (CPU_ISSET((size_t)cpu, &allowed)) {
            list[n_list++] = cpu;
        }
    }
    for (unsigned i = 0; i < n; i++) {
        if (cpus[i] < 0 || cpus[i] >= CPU_SETSIZE || !CPU_ISSET((size_t)cpus[i], &allowed)) {
            fault(c, "--%s: there is no CPU %d that this process may use; give some of %s", option, cpus[i],
                  placement_list(list, n_list, text, sizeof text));
            return;
        }
    }
}

/* From a file of lines "NAME: NUMBER", or of a number alone (name ""). @return 0: not there */
static uint64_t file_figure(const char *path, const char *name)
{
    char line[256];
    uint64_t value = 0;
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        size_t n = strlen(name);
        if (strncmp(line, name, n) == 0) {
            value = strtoull(line + n, NULL, 10);
            break;
        }
    }
    if (f) {
        fclose(f);
    }
    return value;
}

/* What this host, or the container, has left. @return bytes, UINT64_MAX: unknown */
static uint64_t memory_free(void)
{
    uint64_t host = file_figure("/proc/meminfo", "MemAvailable:") * 1024;
    uint64_t max = file_figure("/sys/fs/cgroup/memory.max", "");
    uint64_t used = file_figure("/sys/fs/cgroup/memory.current", "");
    uint64_t bytes = host ? host : UINT64_MAX;
    return max ? MIN(bytes, max - MIN(max, used)) : bytes;
}

static void check_memory(struct checker *c)
{
    const struct config *config = c->config;
    uint64_t needed = (uint64_t)config->n_workers * worker_bytes(config->worker_legs_max, 0), is_free = memory_free();
    if (needed > is_free) {
        fault(c,
              "--workers=%u with --worker-legs-max=%u needs %llu MB of memory, %llu MB are free; lower one of the two",
              config->n_workers, config->worker_legs_max, (unsigned long long)(needed / MB),
              (unsigned long long)(is_free / MB));
    }
}

static void check_machine(struct checker *c)
{
    const struct config *config = c->config;
    check_cpus(c, "worker-cpus", config->worker_cpus, config->n_worker_cpus);
    check_cpus(c, "control-cpus", config->sig.cpus, config->sig.n_cpus);
    if (config->numa >= 0) {
        char path[64];
        snprintf(path, sizeof path, "/sys/devices/system/node/node%d", config->numa);
        if (access(path, F_OK) != 0) {
            fault(c, "--worker-numa=%d: this machine has no such node; give --worker-numa=auto", config->numa);
        }
    }
    const struct simd *best = simd_pick(SIMD_ALL), *chosen = simd_pick(config->simd_mask);
    if (config->simd_mask != SIMD_ALL && (config->simd_mask & ~(chosen->bit | SIMD_REF))) {
        fault(c, "--simd: this CPU cannot do that, %s is the best that it has; give --simd=auto", best->name);
    }
    check_memory(c);
}

unsigned host_check(const struct config *config, host_say_fn say, void *arg)
{
    struct checker c = {config, say, arg, 0};
    check_network(&c);
    check_files(&c);
    check_machine(&c);
    return c.n_faults;
}
