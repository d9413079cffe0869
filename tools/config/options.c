/* What each option means. A reader refuses with the second half of a sentence: what is right. */
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

/* One reader per number: where it goes, and its range. */
#define READ_NUMBER(name, field, min, max)                                                                             \
    OPTION_STATIC(name)                                                                                                \
    {                                                                                                                  \
        uint64_t value;                                                                                                \
        if (option_number(&value, text, min, max, why, size) != 0) {                                                   \
            return -EINVAL;                                                                                            \
        }                                                                                                              \
        config->field = (__typeof__(config->field))value;                                                              \
        return 0;                                                                                                      \
    }

READ_NUMBER(read_node, sig.focus.node, 0, 65535)
READ_NUMBER(read_port_min, sig.place.port_min, 1, 65534)
READ_NUMBER(read_port_max, sig.place.port_max, 2, 65535)
READ_NUMBER(read_priority, fifo_priority, 1, 99)
READ_NUMBER(read_talkers, sig.focus.talkers, 0, TALKERS_MAX)
READ_NUMBER(read_conference_legs, sig.focus.legs_max, 1, CONF_LEGS_MAX)
READ_NUMBER(read_conferences, sig.focus.conferences_max, 1, URI_SLOTS_MAX)
READ_NUMBER(read_worker_legs, worker_legs_max, 1, 65535)
READ_NUMBER(read_session, sig.focus.session_s, 0, 86400)
READ_NUMBER(read_dial_rate, sig.focus.dial_rate, 1, 10000)
READ_NUMBER(read_quiet, sig.focus.quiet_s, 0, 65535)
READ_NUMBER(read_reserve_s, sig.focus.reserve_s, 1, 3600)
READ_NUMBER(read_reserve_legs, sig.focus.reserve_legs, 1, 1000)
READ_NUMBER(read_linger, sig.focus.linger_s, 0, 86400)
READ_NUMBER(read_unused, sig.focus.unused_s, 1, 86400)
READ_NUMBER(read_life, sig.focus.life_s, 60, 4000000) /* within a timer's 49 days */
READ_NUMBER(read_complexity, sig.focus.policy.opus_complexity, 0, 10)
READ_NUMBER(read_half_calls, sig.focus.half_calls_max, 0, 1000000)
READ_NUMBER(read_source_conns, sig.net.max_conns_per_source, 1, 1000000)
READ_NUMBER(read_source_rate, sig.txn.source_rate, 1, 10000000)
READ_NUMBER(read_transactions, sig.txn.max_txns, 16, 10000000)
READ_NUMBER(read_stats_interval, stats_interval_s, 0, 86400)

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

OPTION_STATIC(read_interface)
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

OPTION_STATIC(read_workers)
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

OPTION_STATIC(read_worker_cpus)
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

OPTION_STATIC(read_control_cpus)
{
    int n = options_cpus(config->sig.cpus, SIG_CPUS_MAX, text);
    if (n < 0) {
        return option_refuse(why, size, "write CPU numbers and ranges, such as 0-1");
    }
    config->sig.n_cpus = (unsigned)n;
    return 0;
}

OPTION_STATIC(read_numa)
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

OPTION_STATIC(read_http_listen)
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

/* With other, options_check takes the priority back. */
OPTION_STATIC(read_scheduling)
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

OPTION_STATIC(read_simd)
{
    config->simd_mask = simd_mask_of(text);
    return config->simd_mask ? 0 : option_refuse(why, size, "write auto, ref, avx2, avx512 or neon");
}

OPTION_STATIC(read_io)
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

OPTION_STATIC(read_reservation)
{
    return on_or_off(&config->sig.focus.reservation, text, why, size);
}

OPTION_STATIC(read_lazy_decode)
{
    return on_or_off(&config->lazy_decode, text, why, size);
}

/* Before codecs in the table: they are read with it. */
OPTION_STATIC(read_opus_rate)
{
    if (strcmp(text, "16000") != 0 && strcmp(text, "48000") != 0) {
        return option_refuse(why, size, "write 16000 or 48000");
    }
    config->opus_rate_hz = (uint32_t)atoi(text);
    return 0;
}

OPTION_STATIC(read_codecs)
{
    if (offer_policy_read(&config->sig.focus.policy, text, config->opus_rate_hz) != 0) {
        return option_refuse(why, size,
                             "list each at most once, best first, of opus, G722, PCMU, PCMA, L16/8000, L16/16000, "
                             "L16/48000");
    }
    return 0;
}

OPTION_STATIC(read_srtp)
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

OPTION_STATIC(read_cpu_budget)
{
    uint64_t percent;
    if (option_number(&percent, text, 0, 100, why, size) != 0) {
        return -EINVAL;
    }
    config->sig.place.budget_us = (uint32_t)percent * 10000;
    return 0;
}

OPTION_STATIC(read_bandwidth)
{
    uint64_t mbit;
    if (option_number(&mbit, text, 0, 1000000, why, size) != 0) {
        return -EINVAL;
    }
    config->sig.place.bandwidth_kbps = mbit * 1000;
    return 0;
}

OPTION_STATIC(read_store)
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

OPTION_STATIC(read_log_level)
{
    config->sig.log.level = log_level_of(text);
    return config->sig.log.level < LOG_LEVELS ? 0 : option_refuse(why, size, "write error, warn, info or debug");
}

const struct option options[] = {
    {"SIP", "sip-listen", "udp|tcp|tls:IP:PORT[!HOST]", "udp:127.0.0.1:5060,tcp:127.0.0.1:5060", "",
     "where SIP is served; repeatable; HOST is what Via and Contact say instead of the address", true, read_sip_listen},
    {NULL, "domain", "HOST[:PORT][,HOST...]", "", "the first --sip-listen",
     "host of the conference URIs; further names are ours as well", true, read_domain},
    {NULL, "factory", "USER", "conferences", "", "user part of the well-known URI that makes conferences", false,
     read_factory},
    {NULL, "factory-mode", "redirect|focus", "redirect", "",
     "answer to it: 302 with a fresh conference URI, or 200 as the focus itself (TS 24.147)", false, read_factory_mode},
    {NULL, "netann", "on|off", "off", "",
     "on: sip:conf=NAME@host joins the conference of that name, and makes it; sip:annc@host;play=file:///NAME.wav "
     "plays a recording of --prompts (RFC 4240); names can be guessed: for application servers behind --auth or a "
     "firewall",
     false, read_netann},
    {NULL, "node", "N", "0", "", "number of this node, 0 to 65535; the first four characters of its URIs", false,
     read_node},
    {NULL, "tls-cert", "FILE", "", "none", "certificate chain for tls listeners, PEM; SIGHUP reads it again", false,
     read_tls_cert},
    {NULL, "tls-key", "FILE", "", "the --tls-cert", "its key, PEM", false, read_tls_key},
    {NULL, "tls-ca", "FILE", "", "the system's", "who may have signed peers' certificates, PEM", false, read_tls_ca},
    {NULL, "tls-verify", "off|peer", "off", "", "peer: who connects by TLS must prove himself by a certificate", false,
     read_tls_verify},
    {NULL, "auth", "off|digest", "off", "",
     "digest: who calls the factory or a conference must be known; accounts are made by mixminusctl user", false,
     read_auth},
    {NULL, "realm", "REALM", "", "host of --domain",
     "of digest authentication; passwords are bound to it: with another one every account needs a new password", false,
     read_realm},
    {NULL, "digests", "SHA-256,MD5|SHA-256|MD5", "SHA-256,MD5", "",
     "what credentials may be made with; MD5 alone is for phones that look at the first challenge only", true,
     read_digests},
    {NULL, "allocate", "after-auth|before-auth", "after-auth", "",
     "before-auth: the factory makes a conference for anybody, and who joins it must be known", false, read_allocate},
    {NULL, "pin", "off|also|instead", "off", "",
     "PIN by keypad, with --auth=digest: after the credentials of whoever has one, or instead of any", false, read_pin},
    {NULL, "prompts", "DIR", "", "share/prompts beside the folder of the program",
     "announcements, WAV files of any rate; who owes a PIN hears pin-enter.wav, pin-wrong.wav and pin-right.wav, or "
     "beeps where there are none",
     false, read_prompts},
    {NULL, "trusted", "CIDR[,CIDR...]", "", "nobody",
     "proxies that vouch for their callers: their P-Asserted-Identity is believed, others' is ignored", true,
     read_trusted},
    {NULL, "refer", "participants|creator|off", "participants", "",
     "who may have others called, or removed, by REFER to the conference; removing is for its creator, and for oneself",
     false, read_refer},
    {NULL, "dial-out", "off|any|LIST", "off", "",
     "whom the server calls on behalf of participants: domains (with all below them), and networks of literal "
     "addresses; any: whoever the outbound proxy reaches, but private addresses that are not listed",
     true, read_dial_out},
    {NULL, "outbound-proxy", "udp|tcp|tls:IP:PORT", "", "none",
     "where these calls are sent, whatever their URI says; without it only listed addresses can be called", false,
     read_outbound_proxy},
    {NULL, "dial-out-user", "USER@REALM", "", "nobody",
     "who these calls are by when the outbound proxy challenges them for that realm", false, read_dial_user},
    {NULL, "dial-out-password-file", "FILE", "", "none", "its password, the file's first line", false,
     read_dial_password},
    {NULL, "dial-rate", "N", "30", "", "calls a minute that one participant may ask for, beyond the first 20", false,
     read_dial_rate},
    {NULL, "session-expires", "SECONDS", "1800", "",
     "session timer (RFC 4028) with phones that know it and name none; 0: only where it is asked for", false,
     read_session},
    {NULL, "source-rate", "N", "1000", "", "new requests a second that one source address may make", false,
     read_source_rate},
    {NULL, "source-connections", "N", "64", "",
     "connections for SIP by TCP and TLS that one source address may have open: more behind a proxy or a NAT for many",
     false, read_source_conns},
    {NULL, "half-calls", "N", "1000", "",
     "calls not acknowledged yet, and conferences that hold room and are not called yet, of one source address; 0: any "
     "number",
     false, read_half_calls},
    {NULL, "transactions-max", "N", "65536", "", "SIP transactions alive at the same time", false, read_transactions},

    {"Media", "interface", "IP[!ADVERTISED]", "", "address of the first --sip-listen of each family",
     "where RTP is sent and received, one IPv4 and one IPv6 address at most; ADVERTISED is what SDP says, for a 1:1 "
     "NAT",
     true, read_interface},
    {NULL, "port-min", "PORT", "16384", "", "first RTP port", false, read_port_min},
    {NULL, "port-max", "PORT", "32767", "", "last RTP port; a call takes two", false, read_port_max},
    {NULL, "opus-rate", "16000|48000", "16000", "", "sampling rate of Opus participants", false, read_opus_rate},
    {NULL, "opus-complexity", "0..10", "5", "", "effort of the Opus encoder", false, read_complexity},
    {NULL, "codecs", "LIST", "opus,L16/16000,G722,PCMA,PCMU,L16/8000,L16/48000", "", "what is accepted, best first",
     true, read_codecs},
    {NULL, "srtp", "optional|required|off", "optional", "",
     "SRTP by a=crypto (SDES): optional answers keys with keys, also those of RTP/AVP (RFC 8643), and never RTP/SAVP "
     "with RTP/AVP; required refuses what has no keys; the keys are as safe as the signalling that carries them",
     false, read_srtp},
    {NULL, "hold-music", "mute|mix", "mute", "",
     "a participant that puts the conference on hold is muted until it resumes; mix: its music on hold is heard by all",
     false, read_hold_music},
    {NULL, "quiet-s", "SECONDS", "120", "", "a call without RTP for so long ends; 0: never", false, read_quiet},

    {"Conferences", "talkers", "K", "3", "", "the loudest K are heard; 0: everybody", false, read_talkers},
    {NULL, "lazy-decode", "on|off", "on", "",
     "on: an Opus participant who cannot be among the loudest is not decoded; who claims silence in his packets' "
     "headers (RFC 6464) is then not heard. off: everybody is decoded",
     false, read_lazy_decode},
    {NULL, "conference-legs-max", "N", "500", "", "participants of one conference", false, read_conference_legs},
    /* The next and unused-s: one source at its source-rate cannot take all of them. */
    {NULL, "conferences-max", "N", "65536", "", "conferences at the same time", false, read_conferences},
    {NULL, "reservation", "on|off", "off", "",
     "on: a fresh conference URI holds CPU, ports and bandwidth; off: they are found when somebody calls", false,
     read_reservation},
    {NULL, "reserve-s", "SECONDS", "30", "", "how long it holds them", false, read_reserve_s},
    {NULL, "reserve-legs", "N", "3", "", "for how many participants", false, read_reserve_legs},
    {NULL, "unused-s", "SECONDS", "60", "", "a conference URI that nobody calls dies after it", false, read_unused},
    {NULL, "creator-leaves", "stay|end", "stay", "",
     "what becomes of a conference that its creator leaves: the others stay, or it ends for all", false,
     read_creator_leaves},
    {NULL, "linger-s", "SECONDS", "10", "", "a conference that all have left ends after it", false, read_linger},
    {NULL, "life-s", "SECONDS", "86400", "", "no conference lives longer", false, read_life},

    {"Load", "workers", "N|auto", "auto", "", "media threads; auto: one for each CPU but one", false, read_workers},
    {NULL, "worker-cpus", "LIST|auto", "", "not pinned",
     "CPUs that workers are pinned to, in turn, such as 2-7,9; auto: chosen as --dry-run-placement shows", true,
     read_worker_cpus},
    {NULL, "control-cpus", "LIST", "", "any", "CPUs for signalling", true, read_control_cpus},
    {NULL, "numa", "auto|off|NODE", "auto", "",
     "what --worker-cpus=auto keeps to: the media interface's node if it is large enough, all, or this one", false,
     read_numa},
    {NULL, "scheduling", "auto|fifo|other", "auto", "",
     "scheduling class of workers; auto: SCHED_FIFO where the system permits it", false, read_scheduling},
    {NULL, "priority", "1..99", "10", "", "their priority with SCHED_FIFO", false, read_priority},
    {NULL, "simd", "auto|ref|avx2|avx512|neon", "auto", "", "instruction set of the kernels", false, read_simd},
    {NULL, "io", "uring|syscall", "uring", "", "packet I/O; by default io_uring, or system calls where it is refused",
     false, read_io},
    {NULL, "worker-legs-max", "N", "4096", "", "participants that a worker has memory for", false, read_worker_legs},
    {NULL, "cpu-budget", "PERCENT", "70", "", "share of a worker's CPU that may be promised; 0: no limit", false,
     read_cpu_budget},
    {NULL, "bandwidth", "MBIT", "0", "", "of all media, both directions added; 0: no limit", false, read_bandwidth},

    {"Operation", "store", "memory|sqlite:PATH", "", "SQLite in the state directory",
     "where conference URIs and their secret survive a restart", false, read_store},
    {NULL, "log-level", "error|warn|info|debug", "info", "", "what is said on standard error", false, read_log_level},
    {NULL, "http-listen", "IP:PORT", "", "none",
     "where /metrics (Prometheus), /healthz and /v1/conferences (JSON) are served; unprotected: keep it on loopback or "
     "a management network",
     false, read_http_listen},
    {NULL, "stats-interval-s", "SECONDS", "0", "", "a line of JSON figures on standard output so often; 0: never",
     false, read_stats_interval},
    {NULL, NULL, NULL, NULL, NULL, NULL, false, NULL},
};
