/* Readers of the options of media, workers and operation. A reader refuses with the second half of a sentence: what is
 * right. */
#include "tools/config/options_priv.h"

#include "tools/config/placement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

int option_refuse(char *why, size_t size, const char *words)
{
    snprintf(why, size, "%s", words);
    return -EINVAL;
}

/* @return 0 | -EINVAL, and says the range */
int option_number(uint64_t *out, const char *text, uint64_t min, uint64_t max, char *why, size_t size)
{
    uint64_t value = 0;
    size_t n = strlen(text);

    for (size_t i = 0; i < n && n <= 18; i++) {
        if (text[i] < '0' || text[i] > '9') {
            n = 0;
        }
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (n == 0 || n > 18 || value < min || value > max) {
        snprintf(why, size, "give a whole number from %llu to %llu", (unsigned long long)min, (unsigned long long)max);
        return -EINVAL;
    }
    *out = value;
    return 0;
}

int option_host(struct addr *addr, const char *text, size_t n, uint16_t port)
{
    char host[ADDR_TEXT_MAX];
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof host) {
        return -EINVAL;
    }
    memcpy(host, text, n);
    host[n] = '\0';
    return addr_parse(addr, host, port);
}

/* "192.0.2.5!203.0.113.5" */
static int interface_read(struct config *config, char *value, char *why, size_t size)
{
    struct addr host, probe;
    struct place_cfg *place = &config->sig.place;
    char *advertised = strchr(value, '!');
    if (advertised) {
        *advertised++ = '\0';
    }
    if (option_host(&host, value, strlen(value), 0) != 0 || addr_is_any(&host)) {
        return option_refuse(why, size, "write the address of one interface, such as 192.0.2.5: SDP must name it");
    }
    if (advertised &&
        (option_host(&probe, advertised, strlen(advertised), 0) != 0 || probe.sa.sa_family != host.sa.sa_family)) {
        return option_refuse(
            why, size,
            "write an address, not a name, and of the same family, after the !, such as 10.0.0.5!203.0.113.5");
    }
    bool is_second = addr_is_set(&place->host);
    if (is_second && (addr_is_set(&place->host_other) || place->host.sa.sa_family == host.sa.sa_family)) {
        return option_refuse(why, size, "give one address of each family, IPv4 and IPv6: media has one each");
    }
    *(is_second ? &place->host_other : &place->host) = host;
    if (advertised) {
        addr_host_text(&probe, is_second ? config->sig.focus.advertised_other : config->sig.focus.advertised);
    }
    return 0;
}

OPTION(read_interface)
{
    char value[256], *save = NULL;

    if (strlen(text) >= sizeof value) {
        return option_refuse(why, size, "write IP or IP!ADVERTISED");
    }
    strcpy(value, text); /* empty: options_check takes the listeners' */
    for (char *one = strtok_r(value, ",", &save); one; one = strtok_r(NULL, ",", &save)) {
        int err = interface_read(config, one, why, size);
        if (err) {
            return err;
        }
    }
    return 0;
}

OPTION(read_workers)
{
    uint64_t value;
    if (strcmp(text, "auto") == 0) {
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        config->n_workers = cpus > 2 ? (unsigned)MIN(cpus - 1, PLACE_WORKERS_MAX) : 1;
        return 0;
    }
    if (option_number(&value, text, 1, PLACE_WORKERS_MAX, why, size) != 0) {
        return -EINVAL;
    }
    config->n_workers = (unsigned)value;
    return 0;
}

int options_cpus(int *cpus, size_t max, const char *text)
{
    size_t n = 0;
    char ignored[64], one[32];

    while (*text) {
        size_t length = strcspn(text, ",");
        uint64_t from, to;
        if (length == 0 || length >= sizeof one) {
            return -EINVAL;
        }
        memcpy(one, text, length);
        one[length] = '\0';
        text += length + (text[length] == ',');
        char *dash = strchr(one, '-');
        if (dash) {
            *dash = '\0';
        }
        if (option_number(&from, one, 0, 1023, ignored, sizeof ignored) != 0 ||
            option_number(&to, dash ? dash + 1 : one, from, 1023, ignored, sizeof ignored) != 0 ||
            n + (to - from) >= max) {
            return -EINVAL;
        }
        for (uint64_t cpu = from; cpu <= to; cpu++) {
            cpus[n++] = (int)cpu;
        }
    }
    return (int)n;
}

OPTION(read_worker_cpus)
{
    config->placement_is_auto = strcmp(text, "auto") == 0;
    if (config->placement_is_auto) {
        return 0;
    }
    int n = options_cpus(config->worker_cpus, CONFIG_CPUS_MAX, text);
    if (n < 0) {
        return option_refuse(why, size, "write auto, or CPU numbers and ranges, such as 2-7,9");
    }
    config->n_worker_cpus = (unsigned)n;
    return 0;
}

OPTION(read_control_cpus)
{
    int n = options_cpus(config->sig.cpus, SIG_CPUS_MAX, text);
    if (n < 0) {
        return option_refuse(why, size, "write CPU numbers and ranges, such as 0-1");
    }
    config->sig.n_cpus = (unsigned)n;
    return 0;
}

OPTION(read_numa)
{
    uint64_t node;
    if (strcmp(text, "auto") == 0 || strcmp(text, "off") == 0) {
        config->numa = text[0] == 'a' ? PLACEMENT_NUMA_AUTO : PLACEMENT_NUMA_OFF;
        return 0;
    }
    if (option_number(&node, text, 0, 1023, why, size) != 0) {
        return option_refuse(why, size, "write auto, off or the number of a node");
    }
    config->numa = (int)node;
    return 0;
}

OPTION(read_http_listen)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (*text == '\0') {
        return 0;
    }
    if (!colon || option_number(&port, colon + 1, 1, 65535, why, size) != 0 ||
        option_host(&config->http, text, (size_t)(colon - text), (uint16_t)port) != 0) {
        return option_refuse(why, size, "write IP:PORT with an address, not a name, such as 127.0.0.1:8080");
    }
    return 0;
}

static int path_take(char *to, size_t n_to, const char *text, char *why, size_t size)
{
    if (strlen(text) >= n_to) {
        return option_refuse(why, size, "write a shorter path");
    }
    strcpy(to, text);
    return 0;
}

OPTION(read_http_tokens)
{
    return path_take(config->http_tokens, sizeof config->http_tokens, text, why, size);
}

OPTION(read_http_tls_cert)
{
    return path_take(config->http_cert, sizeof config->http_cert, text, why, size);
}

OPTION(read_http_tls_key)
{
    return path_take(config->http_key, sizeof config->http_key, text, why, size);
}

/* Empty: options_check puts it beside the store. */
OPTION(read_control_socket)
{
    return path_take(config->control_socket, sizeof config->control_socket, text, why, size);
}

/* With other, options_check takes the priority back. */
OPTION(read_scheduling)
{
    if (strcmp(text, "other") == 0) {
        config->scheduling_is_fifo = false;
    } else if (strcmp(text, "fifo") == 0 || strcmp(text, "auto") == 0) {
        config->scheduling_is_fifo = true;
    } else {
        return option_refuse(why, size, "write auto, fifo or other");
    }
    config->scheduling_is_asked = text[0] == 'f';
    return 0;
}

OPTION(read_simd)
{
    config->simd_mask = simd_mask_of(text);
    return config->simd_mask ? 0 : option_refuse(why, size, "write auto, ref, avx2, avx512 or neon");
}

OPTION(read_io)
{
    config->io_is_explicit = source != CONFIG_DEFAULT;
    if (strcmp(text, "uring") == 0) {
        config->io = CONFIG_IO_URING;
    } else if (strcmp(text, "syscall") == 0) {
        config->io = CONFIG_IO_SYSCALL;
    } else {
        return option_refuse(why, size, "write uring or syscall");
    }
    return 0;
}

static int on_or_off(bool *value, const char *text, char *why, size_t size)
{
    *value = strcmp(text, "on") == 0;
    return *value || strcmp(text, "off") == 0 ? 0 : option_refuse(why, size, "write on or off");
}

OPTION(read_reserve)
{
    return on_or_off(&config->sig.focus.reservation, text, why, size);
}

OPTION(read_lazy_decode)
{
    return on_or_off(&config->lazy_decode, text, why, size);
}

/* Before codecs in the table: they are read with it. */
OPTION(read_opus_rate)
{
    if (strcmp(text, "16000") != 0 && strcmp(text, "48000") != 0) {
        return option_refuse(why, size, "write 16000 or 48000");
    }
    config->opus_rate_hz = (uint32_t)atoi(text);
    return 0;
}

OPTION(read_codecs)
{
    if (offer_policy_read(&config->sig.focus.policy, text, config->opus_rate_hz) != 0) {
        return option_refuse(why, size,
                             "list each at most once, best first, of opus, G722, PCMU, PCMA, L16/8000, L16/16000, "
                             "L16/48000");
    }
    return 0;
}

OPTION(read_srtp)
{
    static const char *const words[] = {
        [OFFER_SRTP_OPTIONAL] = "optional", [OFFER_SRTP_REQUIRED] = "required", [OFFER_SRTP_OFF] = "off"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(text, words[i]) == 0) {
            config->sig.focus.policy.srtp = (enum offer_srtp)i;
            return 0;
        }
    }
    return option_refuse(why, size, "write optional, required or off");
}

OPTION(read_cpu_budget)
{
    uint64_t percent;
    if (option_number(&percent, text, 0, 100, why, size) != 0) {
        return -EINVAL;
    }
    config->sig.place.budget_us = (uint32_t)percent * 10000;
    return 0;
}

OPTION(read_bandwidth)
{
    uint64_t mbit;
    if (option_number(&mbit, text, 0, 1000000, why, size) != 0) {
        return -EINVAL;
    }
    config->sig.place.bandwidth_kbps = mbit * 1000;
    return 0;
}

OPTION(read_store)
{
    if (*text && strcmp(text, "memory") != 0 && (strncmp(text, "sqlite:", 7) != 0 || text[7] == '\0')) {
        return option_refuse(why, size, "write memory or sqlite:PATH");
    }
    if (strlen(text) >= sizeof config->sig.store) {
        return option_refuse(why, size, "the path is too long; choose a shorter one");
    }
    strcpy(config->sig.store, text);
    return 0;
}

OPTION(read_log_level)
{
    config->sig.log.level = log_level_of(text);
    return config->sig.log.level < LOG_LEVELS ? 0 : option_refuse(why, size, "write error, warn, info or debug");
}
