/*
 * The table of options of mixminusd: names, values, defaults, words, families. Flags, keys of the file, environment
 * variables, --help, the man page, tools/doc/flags.md and tools/examples/mixminus.ini all come from here; a default
 * stands nowhere else.
 */
#include "tools/config/options_priv.h"

#include <errno.h>

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
READ_NUMBER(read_session, sig.focus.session_s, 0, 86400)
READ_NUMBER(read_transactions, sig.txn.max_txns, 16, 10000000)
READ_NUMBER(read_dial_rate, sig.focus.dial_rate, 1, 10000)
READ_NUMBER(read_source_rate, sig.txn.source_rate, 1, 10000000)
READ_NUMBER(read_source_conns, sig.net.max_conns_per_source, 1, 1000000)
READ_NUMBER(read_unacked, sig.focus.half_calls_max, 0, 1000000)
READ_NUMBER(read_port_min, sig.place.port_min, 1, 65534)
READ_NUMBER(read_port_max, sig.place.port_max, 2, 65535)
READ_NUMBER(read_rtp_timeout, sig.focus.quiet_s, 0, 65535)
READ_NUMBER(read_complexity, sig.focus.policy.opus_complexity, 0, 10)
READ_NUMBER(read_talkers, sig.focus.talkers, 0, TALKERS_MAX)
READ_NUMBER(read_ptt_t1, sig.ptt.t1_s, 1, 6)
READ_NUMBER(read_ptt_t2, sig.ptt.t2_s, 1, 3600)
READ_NUMBER(read_ptt_t3, sig.ptt.t3_s, 0, 60)
READ_NUMBER(read_ptt_t4, sig.ptt.t4_s, 1, 86400)
READ_NUMBER(read_ptt_queue, sig.ptt.queue, 0, 255)
READ_NUMBER(read_conference_legs, sig.focus.legs_max, 1, CONF_LEGS_MAX)
READ_NUMBER(read_conferences, sig.focus.conferences_max, 1, URI_SLOTS_MAX)
READ_NUMBER(read_unused, sig.focus.unused_s, 1, 86400)
READ_NUMBER(read_linger, sig.focus.linger_s, 0, 86400)
READ_NUMBER(read_life, sig.focus.life_s, 60, 4000000) /* within a timer's 49 days */
READ_NUMBER(read_reserve_s, sig.focus.reserve_s, 1, 3600)
READ_NUMBER(read_reserve_legs, sig.focus.reserve_legs, 1, 1000)
READ_NUMBER(read_priority, fifo_priority, 1, 99)
READ_NUMBER(read_worker_legs, worker_legs_max, 1, 65535)
READ_NUMBER(read_stats_interval, stats_interval_s, 0, 86400)

enum { ONE, LIST };

const struct option options[] = {
    {"SIP", "sip-listen", "udp|tcp|tls:IP:PORT[!HOST]", "udp:127.0.0.1:5060,tcp:127.0.0.1:5060", "",
     "address that SIP is served on; repeatable; HOST stands in Via and Contact instead of the address", LIST,
     read_sip_listen, NULL},
    {NULL, "domain", "HOST[:PORT][,HOST...]", "", "the first --sip-listen",
     "host of the conference URIs; further names are accepted as the server's own", LIST, read_domain, NULL},
    {NULL, "node", "N", "0", "", "number of this node, 0 to 65535; the first four characters of its URIs", ONE,
     read_node, NULL},
    {NULL, "sip-session-expires-s", "SECONDS", "1800", "",
     "session timer (RFC 4028) with phones that support it and name no interval; 0: only if the phone asks for one",
     ONE, read_session, "session-expires"},
    {NULL, "sip-transactions-max", "N", "65536", "", "SIP transactions alive at the same time", ONE, read_transactions,
     "transactions-max"},

    {"TLS", "tls-cert", "FILE", "", "none", "certificate chain of the tls listeners, PEM; SIGHUP reads it again", ONE,
     read_tls_cert, NULL},
    {NULL, "tls-key", "FILE", "", "the --tls-cert", "private key of --tls-cert, PEM", ONE, read_tls_key, NULL},
    {NULL, "tls-ca", "FILE", "", "the system's", "certificates that may have signed those of peers, PEM", ONE,
     read_tls_ca, NULL},
    {NULL, "tls-verify", "off|peer", "off", "", "peer: require and verify client certificates", ONE, read_tls_verify,
     NULL},

    {"Factory", "factory", "USER", "conferences", "", "user part of the well-known URI that makes conferences", ONE,
     read_factory, NULL},
    {NULL, "factory-mode", "redirect|focus", "redirect", "",
     "answer of the factory: 302 with a fresh conference URI, or 200 as the focus itself (TS 24.147)", ONE,
     read_factory_mode, NULL},
    {NULL, "factory-allocate", "after-auth|before-auth", "after-auth", "",
     "before-auth: the factory makes a conference without a challenge, joining it is challenged", ONE, read_allocate,
     "allocate"},

    {"Authentication", "auth", "off|digest", "off", "",
     "digest: callers of the factory and of conferences are challenged; mixminusctl user keeps the accounts", ONE,
     read_auth, NULL},
    {NULL, "auth-realm", "REALM", "", "host of --domain",
     "realm of digest authentication; passwords are bound to it: after a change every account needs a new password",
     ONE, read_realm, "realm"},
    {NULL, "auth-digests", "SHA-256,MD5|SHA-256|MD5", "SHA-256,MD5", "",
     "algorithms of the challenges; MD5 alone is for phones that look at the first challenge only", LIST, read_digests,
     "digests"},
    {NULL, "auth-pin", "off|also|instead", "off", "",
     "PIN by keypad, with --auth=digest; also: after the credentials, for accounts that have one; instead: without "
     "credentials",
     ONE, read_pin, "pin"},
    {NULL, "auth-trusted", "CIDR[,CIDR...]", "", "none",
     "proxies whose P-Asserted-Identity is believed; that of others is ignored", LIST, read_trusted, "trusted"},

    {"Dial-out and REFER", "refer", "participants|creator|off", "participants", "",
     "whose REFER may have the conference call others; removing others is for its creator only", ONE, read_refer, NULL},
    {NULL, "dial-out", "off|any|LIST", "off", "",
     "destinations that the server may call for participants: domains (with their subdomains), and networks of literal "
     "addresses; any: all that --dial-proxy reaches, but private addresses that are not listed",
     LIST, read_dial_out, NULL},
    {NULL, "dial-proxy", "udp|tcp|tls:IP:PORT", "", "none",
     "next hop of these calls, whatever their URI says; without it only listed addresses can be called", ONE,
     read_dial_proxy, "outbound-proxy"},
    {NULL, "dial-user", "USER@REALM", "", "none", "user of these calls when the proxy challenges them for that realm",
     ONE, read_dial_user, "dial-out-user"},
    {NULL, "dial-password-file", "FILE", "", "none", "password of --dial-user, the first line of this file", ONE,
     read_dial_password, "dial-out-password-file"},
    {NULL, "dial-rate", "N", "30", "", "calls a minute that one participant may ask for, after the first 20", ONE,
     read_dial_rate, NULL},

    {"Limits of one source address", "source-rate", "N", "1000", "", "new SIP requests a second", ONE, read_source_rate,
     NULL},
    {NULL, "source-connections", "N", "64", "",
     "open TCP and TLS connections; more for a proxy or a NAT in front of many phones", ONE, read_source_conns, NULL},
    {NULL, "source-unacked", "N", "1000", "",
     "calls without ACK, and conferences with a reservation that nobody has joined; 0: no limit", ONE, read_unacked,
     "half-calls"},

    {"RTP", "rtp-interface", "IP[!ADVERTISED]", "", "address of the first --sip-listen of each family",
     "address that RTP is sent from and received on, one IPv4 and one IPv6 address at most; ADVERTISED stands in SDP, "
     "for a 1:1 NAT",
     LIST, read_interface, "interface"},
    {NULL, "rtp-port-min", "PORT", "16384", "", "first RTP port", ONE, read_port_min, "port-min"},
    {NULL, "rtp-port-max", "PORT", "32767", "", "last RTP port; a call takes two", ONE, read_port_max, "port-max"},
    {NULL, "rtp-timeout-s", "SECONDS", "120", "", "end a call after so long without received RTP; 0: never", ONE,
     read_rtp_timeout, "quiet-s"},
    {NULL, "rtp-bandwidth", "MBIT", "0", "",
     "bandwidth that may be promised to all media, both directions added; 0: no limit", ONE, read_bandwidth,
     "bandwidth"},
    {NULL, "srtp", "optional|required|off", "optional", "",
     "SRTP by a=crypto (SDES); optional: keys are answered with keys, also those of RTP/AVP (RFC 8643), and RTP/SAVP "
     "is "
     "never answered with RTP/AVP; required: offers without keys are refused; the keys are as safe as the signalling "
     "that carries them",
     ONE, read_srtp, NULL},
    {NULL, "hold-music", "mute|mix", "mute", "",
     "mute: a participant that puts the conference on hold is muted until it resumes; mix: its music on hold is heard "
     "by all",
     ONE, read_hold_music, NULL},

    {"Codecs", "opus-rate", "16000|48000", "16000", "", "sampling rate of Opus participants, in Hz", ONE,
     read_opus_rate, NULL},
    {NULL, "opus-complexity", "0..10", "5", "", "effort of the Opus encoder", ONE, read_complexity, NULL},
    {NULL, "opus-lazy-decode", "on|off", "on", "",
     "on: an Opus participant that cannot be among the loudest is not decoded; one that claims silence in its packets' "
     "headers (RFC 6464) is then not heard. off: all are decoded",
     ONE, read_lazy_decode, "lazy-decode"},
    /* After opus-rate, with which it is read. */
    {NULL, "codecs", "LIST", "opus,L16/16000,G722,PCMA,PCMU,L16/8000,L16/48000", "", "accepted codecs, best first",
     LIST, read_codecs, NULL},

    {"Conferences", "talkers", "K", "3", "", "the loudest K are heard; 0: all", ONE, read_talkers, NULL},
    {NULL, "conference-legs-max", "N", "500", "", "participants of one conference", ONE, read_conference_legs, NULL},
    /* The next and conference-unused-s: one source at its source-rate cannot take all of them. */
    {NULL, "conference-max", "N", "65536", "", "conferences at the same time", ONE, read_conferences,
     "conferences-max"},
    {NULL, "conference-unused-s", "SECONDS", "60", "", "lifetime of a conference URI that nobody has joined", ONE,
     read_unused, "unused-s"},
    {NULL, "conference-linger-s", "SECONDS", "10", "", "lifetime of a conference that all have left", ONE, read_linger,
     "linger-s"},
    {NULL, "conference-life-s", "SECONDS", "86400", "", "longest lifetime of a conference", ONE, read_life, "life-s"},
    {NULL, "conference-creator-leaves", "stay|end", "stay", "",
     "stay: the others stay in a conference that its creator leaves; end: it ends for all", ONE, read_creator_leaves,
     "creator-leaves"},
    {NULL, "reserve", "on|off", "off", "",
     "on: a fresh conference URI reserves CPU, ports and bandwidth; off: they are found when somebody joins", ONE,
     read_reserve, "reservation"},
    {NULL, "reserve-s", "SECONDS", "30", "", "duration of the reservation", ONE, read_reserve_s, NULL},
    {NULL, "reserve-legs", "N", "3", "", "participants that the reservation is for", ONE, read_reserve_legs, NULL},

    {"Announcements", "netann", "on|off", "off", "",
     "on: sip:conf=NAME@host joins the conference of that name, and makes it; sip:annc@host;play=file:///NAME.wav "
     "plays a recording of --prompts (RFC 4240); names can be guessed: for application servers behind --auth or a "
     "firewall",
     ONE, read_netann, NULL},
    {NULL, "prompts", "DIR", "", "share/mixminus/prompts beside the folder of the program",
     "folder of announcements, WAV files of any rate; the PIN dialogue plays pin-enter.wav, pin-wrong.wav and "
     "pin-right.wav, and beeps for those that are missing",
     ONE, read_prompts, NULL},

    {"Workers and CPUs", "workers", "N|auto", "auto", "", "media threads; auto: one for each CPU but one", ONE,
     read_workers, NULL},
    {NULL, "worker-cpus", "LIST|auto", "", "not pinned",
     "CPUs that workers are pinned to, in turn, such as 2-7,9; auto: chosen as --dry-run-placement shows", LIST,
     read_worker_cpus, NULL},
    {NULL, "worker-numa", "auto|off|NODE", "auto", "",
     "CPUs that --worker-cpus=auto chooses from; auto: the media interface's node if it is large enough, off: all, "
     "NODE: this node's",
     ONE, read_numa, "numa"},
    {NULL, "worker-scheduling", "auto|fifo|other", "auto", "",
     "scheduling class of workers; auto: SCHED_FIFO where the system permits it", ONE, read_scheduling, "scheduling"},
    {NULL, "worker-priority", "1..99", "10", "", "priority of workers with SCHED_FIFO", ONE, read_priority, "priority"},
    {NULL, "worker-legs-max", "N", "4096", "", "participants that a worker has memory for", ONE, read_worker_legs,
     NULL},
    {NULL, "worker-cpu-budget", "PERCENT", "70", "", "share of a worker's CPU that may be promised; 0: no limit", ONE,
     read_cpu_budget, "cpu-budget"},
    {NULL, "control-cpus", "LIST", "", "any", "CPUs for signalling", LIST, read_control_cpus, NULL},
    {NULL, "simd", "auto|ref|avx2|avx512|neon", "auto", "", "instruction set of the kernels", ONE, read_simd, NULL},
    {NULL, "io", "uring|syscall", "uring", "",
     "packet I/O; the default falls back to system calls where io_uring is "
     "refused",
     ONE, read_io, NULL},

    {"Operation", "store", "memory|sqlite:PATH", "", "SQLite in the state directory",
     "store of conference URIs, their secret and the accounts; memory: all are lost at the end of the process", ONE,
     read_store, NULL},
    {NULL, "log-level", "error|warn|info|debug", "info", "", "least severity of a log line, on standard error", ONE,
     read_log_level, NULL},
    {NULL, "stats-interval-s", "SECONDS", "0", "", "interval of a line of JSON figures on standard output; 0: none",
     ONE, read_stats_interval, NULL},

    {"Users", "registrar", "on|off", "on", "",
     "serves users: REGISTER, and REFER may name them where --dial-out lets calls out; presence; push-to-talk "
     "(sip:ptt@DOMAIN); off: 405",
     ONE, read_registrar, NULL},
    {NULL, "presence-default", "polite|confirm|allow|block", "polite", "",
     "what a watcher is shown of users whose rules do not name it: polite, a document that says closed; confirm, "
     "nothing until they decide; allow, everything; block, 403, also for users that do not exist",
     ONE, read_presence_default, NULL},
    {NULL, "service-route", "URI", "", "none",
     "Service-Route of the registrar's answers (RFC 3608): the proxy that phones send their requests through", ONE,
     read_service_route, NULL},
    {"Push-to-talk", "ptt-t1-s", "SECONDS", "4", "", "the floor is free when its holder has sent no media for so long",
     ONE, read_ptt_t1, NULL},
    {NULL, "ptt-provision", "server|terminal", "server", "",
     "which side begins a session: the server calls terminals that subscribe to sip:ptt@DOMAIN; or they call. A "
     "terminal "
     "that calls is served in any case",
     ONE, read_ptt_provision, NULL},
    {NULL, "ptt-t2-s", "SECONDS", "30", "", "longest time that one may hold the floor", ONE, read_ptt_t2, NULL},
    {NULL, "ptt-t3-s", "SECONDS", "3", "", "grace of a holder whose floor is taken back; 0: it is cut at once", ONE,
     read_ptt_t3, NULL},
    {NULL, "ptt-t4-s", "SECONDS", "30", "", "a channel counts as inactive when nobody has spoken or asked for so long",
     ONE, read_ptt_t4, NULL},
    {NULL, "ptt-queue", "N", "16", "", "requests for the floor that may wait in a channel; 0: none", ONE,
     read_ptt_queue, NULL},

    {"HTTP and control", "http-listen", "IP:PORT", "", "none",
     "address of /metrics (Prometheus), /livez, /readyz, /v1/conferences, /v1/users and /v1/groups (JSON); free on "
     "loopback, any other "
     "address "
     "needs --http-tokens and --http-tls-cert",
     ONE, read_http_listen, NULL},
    {NULL, "http-tokens", "FILE", "", "none",
     "bearer tokens that --http-listen asks for, as mixminusctl token add writes them; /livez and /readyz need none",
     ONE, read_http_tokens, NULL},
    {NULL, "http-tls-cert", "FILE", "", "none",
     "PEM certificate of --http-listen, with its chain; needs --http-tls-key", ONE, read_http_tls_cert, NULL},
    {NULL, "http-tls-key", "FILE", "", "none", "PEM private key of --http-tls-cert", ONE, read_http_tls_key, NULL},
    {NULL, "control-socket", "PATH|off", "", "beside the SQLite store",
     "Unix socket of mixminusctl, for the server's user and group: the same pages without a token", ONE,
     read_control_socket, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL, ONE, NULL, NULL},
};

const struct option_action option_actions[] = {
    {"check-config", "check everything and end: 0 fine, 2 not", CONFIG_CHECK},
    {"dump-config", "print every option, its value and where it came from", CONFIG_DUMP},
    {"dry-run-placement", "print which CPUs --worker-cpus=auto would choose, why, and what could be better, and end",
     CONFIG_PLACEMENT},
    {"version", "print version, build, SIMD level and whether io_uring works here", CONFIG_VERSION},
    {"help", "print this; -h does it as well", CONFIG_HELP},
    {"help-markdown", "print the options as a page in Markdown", CONFIG_HELP_MARKDOWN},
    {"help-metrics", "print the metrics as a page in Markdown", CONFIG_HELP_METRICS},
    {"help-man", "print the manual page, mixminusd(8), in roff", CONFIG_HELP_MAN},
    {"help-ini", "print a --config file with every option and its default as a comment", CONFIG_HELP_INI},
    {NULL, NULL, CONFIG_RUN},
};
