/* The doctor's checks. See doctor.h. */
#include "tools/ctl/doctor.h"

#include "core/io.h"
#include "core/media/seal.h"
#include "simd/simd.h"
#include "tools/config/host_check.h"
#include "tools/config/placement.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MS_OF_A_STALL = 300, DATAGRAM_COST = 768 /* what the kernel charges for a small one */ };

/* @return 1: not well */
static unsigned say(FILE *out, bool is_well, const char *what, const char *words)
{
    fprintf(out, "%-5s %s: %s\n", is_well ? "ok" : "look", what, words);
    return !is_well;
}

static long file_number(const char *path, unsigned i, long missing)
{
    FILE *f = fopen(path, "r");
    long value = missing;
    for (unsigned k = 0; f && k <= i; k++) {
        if (fscanf(f, "%ld", &value) != 1) {
            value = missing;
        }
    }
    if (f) {
        fclose(f);
    }
    return value;
}

static unsigned check_uring(FILE *out)
{
    static struct worker_stats stats;
    struct io *io = NULL;
    char words[256];
    int err = uring_build(&io, 4, &stats);
    if (!err) {
        io->ops->free(io);
        return say(out, true, "io_uring", "works");
    }
    snprintf(words, sizeof words,
             "refused (%s): plain system calls are used, at about a tenth more CPU; see "
             "/proc/sys/kernel/io_uring_disabled, or the container's seccomp profile",
             strerror(-err));
    return say(out, false, "io_uring", words);
}

static void *take_fifo(void *error)
{
    struct sched_param p = {.sched_priority = 1};
    *(int *)error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &p);
    return NULL;
}

static unsigned check_fifo(FILE *out)
{
    pthread_t thread;
    int err = EAGAIN;
    if (pthread_create(&thread, NULL, take_fifo, &err) == 0) {
        pthread_join(thread, NULL);
    }
    return say(out, err == 0, "SCHED_FIFO",
               err == 0 ? "granted" : "refused: others on this machine can delay the media; grant CAP_SYS_NICE");
}

static unsigned check_files(FILE *out, const struct config *c)
{
    struct rlimit limit = {0, 0};
    char words[256];
    unsigned long pairs = (unsigned long)(c->sig.place.port_max - c->sig.place.port_min + 1) / 2;
    getrlimit(RLIMIT_NOFILE, &limit);
    bool is_well = limit.rlim_max == RLIM_INFINITY || limit.rlim_max >= 2 * pairs + 512;
    if (is_well) {
        snprintf(words, sizeof words, "enough for the %lu calls that the RTP ports are for", pairs);
    } else {
        snprintf(words, sizeof words, "%lu are allowed, %lu calls need %lu: raise it (ulimit -n, LimitNOFILE=)",
                 (unsigned long)limit.rlim_max, pairs, 2 * pairs + 512);
    }
    return say(out, is_well, "file descriptors", words);
}

static unsigned check_ports(FILE *out, const struct config *c)
{
    const char *path = "/proc/sys/net/ipv4/ip_local_port_range";
    long low = file_number(path, 0, 0), high = file_number(path, 1, 0);
    char words[256];
    bool is_well = low == 0 || c->sig.place.port_max < low || c->sig.place.port_min > high;
    if (is_well) {
        snprintf(words, sizeof words, "%u-%u, apart from those that the system gives away", c->sig.place.port_min,
                 c->sig.place.port_max);
    } else {
        snprintf(words, sizeof words,
                 "%u-%u lie in %ld-%ld, which the system gives to anybody: move them, or set "
                 "net.ipv4.ip_local_reserved_ports",
                 c->sig.place.port_min, c->sig.place.port_max, low, high);
    }
    return say(out, is_well, "RTP ports", words);
}

static unsigned check_buffers(FILE *out)
{
    long bytes = file_number("/proc/sys/net/core/rmem_default", 0, 0);
    long need = MS_OF_A_STALL / TICK_MS * 2 * DATAGRAM_COST;
    char words[256];
    snprintf(words, sizeof words,
             bytes >= need ? "%ld bytes a socket hold the packets of a stall"
                           : "%ld bytes a socket: set net.core.rmem_default to 212992, or a stall loses packets",
             bytes);
    return say(out, bytes >= need, "receive buffers", words);
}

static unsigned check_build(FILE *out)
{
    const char *simd = simd_pick(SIMD_ALL)->name;
    bool is_fast = strcmp(simd, "ref") != 0;
    char words[128];
    snprintf(words, sizeof words, "%s%s", simd,
             is_fast ? "" : ": this CPU has no vectors that we know; everything costs several times more");
    unsigned n = say(out, is_fast, "SIMD", words);
    return n + say(out, seal_is_fast(), "SRTP",
                   seal_is_fast() ? "libsrtp2 with OpenSSL"
                                  : "packaged libsrtp2, AES-GCM three times dearer: run tools/setup and build again");
}

static void say_fault(void *out, const char *sentence)
{
    say(out, false, "configuration", sentence);
}

static unsigned check_config(FILE *out, const struct config *c)
{
    unsigned n = host_check(c, say_fault, out);
    if (n == 0) {
        say(out, true, "configuration", "all that it names is there");
    }
    return n;
}

unsigned doctor_check(FILE *out, const struct config *c)
{
    unsigned n = check_build(out);
    n += check_config(out, c);
    n += check_uring(out);
    n += check_fifo(out);
    n += check_files(out, c);
    n += check_ports(out, c);
    return n + check_buffers(out);
}
