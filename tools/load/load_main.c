/* mixminus-load: flags. See load.h. */
#include "tools/lib/args.h"
#include "tools/load/demo.h"
#include "tools/load/load.h"

#include <errno.h>
#include <stdio.h>

enum {
    ARG_SERVER,
    ARG_FACTORY,
    ARG_TRANSPORT,
    ARG_CALLS,
    ARG_ROOMS_OF,
    ARG_TALKERS,
    ARG_RATE,
    ARG_SECONDS,
    ARG_CODEC,
    ARG_SRTP,
    ARG_LEVELS,
    ARG_SERVER_PID,
    ARG_STALL,
    ARG_TOLERATE,
    ARG_RAW,
    ARG_LEGS_AT,
    ARG_RTP_PORT,
    ARG_SETTLE,
    ARG_CHURN,
    ARG_SHORT,
    ARG_WATCHERS,
    ARG_HTTP,
    ARG_AUTH,
    ARG_JSON,
    ARG_DEMO,
    ARG_OUT,
    ARGS
};

static const struct arg args[] = {
    [ARG_SERVER] = {"server", "HOST:PORT", "127.0.0.1:5060", "where the server listens; --demo: path of mixminusd"},
    [ARG_FACTORY] = {"factory", "USER", "conferences", "user part of the factory URI", "conferences"},
    [ARG_TRANSPORT] = {"transport", "udp|tcp|tls", "udp", "of SIP", "udp"},
    [ARG_CALLS] = {"calls", "N", "100", "how many", "10"},
    [ARG_ROOMS_OF] = {"rooms-of", "R", "5", "participants of each conference", "5"},
    [ARG_TALKERS] = {"talkers", "T", "3", "of each conference, at most 8, 0: all are silent", "3"},
    [ARG_RATE] = {"rate", "CALLS_PER_S", "50", "calls made in a second", "50"},
    [ARG_SECONDS] = {"seconds", "S", "10", "of measurement, when all are up", "10"},
    [ARG_CODEC] = {"codec", "pcmu|pcma|g722|l16|opus|mixed", "pcmu", "of all calls; mixed: in turn", "pcmu"},
    [ARG_SRTP] = {"srtp", "SUITE|any", "AES_CM_128_HMAC_SHA1_80", "insist on SRTP by this suite, or by any"},
    [ARG_LEVELS] = {"levels", NULL, NULL, "tell levels in the packets' headers (RFC 6464)"},
    [ARG_SERVER_PID] = {"server-pid", "PID", "4711", "measure the CPU time of this process"},
    [ARG_STALL] = {"stall-ms", "MS", "300", "send nothing for so long in the middle, then all of it at once"},
    [ARG_TOLERATE] = {"tolerate", "PER_MILLE", "5", "of checks may find a voice missing or made up: a busy machine",
                      "0"},
    [ARG_RAW] = {"raw", "HOST:PORT:LEGS", "127.0.0.1:20000:100",
                 "no SIP: RTP of so many legs to PORT, PORT+2, ..., which must come back"},
    [ARG_LEGS_AT] = {"legs-at", "FILE", "ports",
                     "no SIP: --calls legs of a mixer at 127.0.0.1 are there already, a port of it on each line"},
    [ARG_RTP_PORT] = {"rtp-port", "PORT", "19000", "the first of 32 ports; by default the system picks"},
    [ARG_SETTLE] = {"settle", "S", "5", "seconds of speech before the measurement", "1"},
    [ARG_CHURN] = {"churn", "N", "200", "joins and leaves a second of others during the measurement"},
    [ARG_SHORT] = {"short-calls", "N", "500", "calls a second from factory to BYE of others during the measurement"},
    [ARG_WATCHERS] = {"watchers", "N", "1000",
                      "others who subscribe to the conferences' rosters, of a server that has us --auth-trusted; "
                      "--transport=tcp for rooms of more than 40"},
    [ARG_HTTP] = {"http", "HOST:PORT", "127.0.0.1:8080", "the server's --http-listen: tell its late ticks"},
    [ARG_AUTH] = {"auth", "USER:PASSWORD", "alice:secret", "answer challenges as this user"},
    [ARG_JSON] = {"json", NULL, NULL, "one line of JSON instead of the table"},
    [ARG_DEMO] = {"demo", NULL, NULL, "start a server, let eight callers confer, show who hears whom"},
    [ARG_OUT] = {"out", "DIR", "build/demo", "--demo: for the recordings", "build/demo"},
    [ARGS] = {0},
};

static const struct args_about about = {
    "many callers for a conference server",
    "The first caller of each room dials the factory and follows the 302, the others dial the conference. "
    "Proves on the received audio that every caller hears all talkers except itself (N-1). A server mixes its "
    "loudest talkers only: give no more --talkers here than it has there.",
    "0: all right | 1: N-1 wrong, packets lost or calls failed | 2: bad flags",
};

static int raw_read(struct load_cfg *cfg, const char *value)
{
    char text[ADDR_TEXT_MAX];
    const char *colon = strrchr(value, ':');
    size_t n = colon ? (size_t)(colon - value) : sizeof text;
    if (n >= sizeof text || args_u32(colon + 1, 1, 30000, &cfg->calls) != 0) {
        return -EINVAL;
    }
    memcpy(text, value, n);
    text[n] = '\0';
    cfg->raw = true;
    cfg->room = cfg->talkers = 1;
    return args_addr(text, &cfg->server);
}

static int word_read(char *to, size_t size, const char *value)
{
    return *value && strlen(value) < size ? (strcpy(to, value), 0) : -EINVAL;
}

static int auth_user_read(struct load_cfg *cfg, const char *value)
{
    char user[sizeof cfg->auth_user];
    const char *colon = strchr(value, ':');
    size_t n = colon ? (size_t)(colon - value) : sizeof user;
    if (n >= sizeof user) {
        return -EINVAL;
    }
    memcpy(user, value, n);
    user[n] = '\0';
    int err = word_read(cfg->auth_user, sizeof cfg->auth_user, user);
    return err ? err : word_read(cfg->auth_password, sizeof cfg->auth_password, colon + 1);
}

static int codec_read(struct load_cfg *cfg, const char *value)
{
    static const char *const known[] = {"pcmu", "pcma", "g722", "l16", "opus", "mixed"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (scan_same(known[i], value)) {
            return word_read(cfg->codec, sizeof cfg->codec, known[i]);
        }
    }
    return -EINVAL;
}

static int take(void *ctx, unsigned i, const char *value)
{
    struct load_cfg *cfg = ctx;
    uint32_t port = 0;
    int err;
    switch (i) {
    case ARG_SERVER:
        return args_addr(value, &cfg->server) == 0 ? 0 : word_read(cfg->demo_server, sizeof cfg->demo_server, value);
    case ARG_FACTORY:
        return word_read(cfg->factory, sizeof cfg->factory, value);
    case ARG_TRANSPORT:
        return args_transport(value, &cfg->transport);
    case ARG_CALLS:
        return args_u32(value, 1, 30000, &cfg->calls);
    case ARG_ROOMS_OF:
        return args_u32(value, 1, 8192, &cfg->room);
    case ARG_TALKERS:
        return args_u32(value, 0, LOAD_TALKERS_MAX, &cfg->talkers);
    case ARG_RATE:
        return args_u32(value, 1, 100000, &cfg->rate);
    case ARG_SECONDS:
        return args_u32(value, 2, 86400, &cfg->seconds);
    case ARG_CODEC:
        return codec_read(cfg, value);
    case ARG_SRTP:
        return args_srtp(value, &cfg->srtp, &cfg->srtp_only);
    case ARG_LEVELS:
        cfg->levels = true;
        return 0;
    case ARG_SERVER_PID:
        return args_u32(value, 1, 1u << 30, &cfg->server_pid);
    case ARG_STALL:
        return args_u32(value, 20, 2000, &cfg->stall_ms);
    case ARG_TOLERATE:
        return args_u32(value, 0, 1000, &cfg->tolerate);
    case ARG_RAW:
        return raw_read(cfg, value);
    case ARG_LEGS_AT:
        cfg->raw = true;
        addr_parse(&cfg->server, "127.0.0.1", 0);
        return word_read(cfg->legs_at, sizeof cfg->legs_at, value);
    case ARG_RTP_PORT:
        err = args_u32(value, 1024, 65536 - 2 * LOAD_SOCKETS, &port);
        cfg->rtp_port = (uint16_t)port;
        return err;
    case ARG_SETTLE:
        return args_u32(value, 0, 3600, &cfg->settle);
    case ARG_CHURN:
        return args_u32(value, 1, 10000, &cfg->churn);
    case ARG_SHORT:
        return args_u32(value, 1, 20000, &cfg->short_calls);
    case ARG_WATCHERS:
        return args_u32(value, 1, 20000, &cfg->watchers);
    case ARG_HTTP:
        return args_addr(value, &cfg->http);
    case ARG_AUTH:
        return auth_user_read(cfg, value);
    case ARG_JSON:
        cfg->json = true;
        return 0;
    case ARG_DEMO:
        cfg->demo = true;
        return 0;
    default:
        return word_read(cfg->demo_out, sizeof cfg->demo_out, value);
    }
}

/* What only all flags together can tell. @return NULL: fine */
static const char *objection(const struct load_cfg *cfg)
{
    if (cfg->demo) {
        return cfg->demo_server[0] ? NULL : "--demo needs the path of the server; give --server=build/bin/mixminusd";
    }
    if (cfg->demo_server[0]) {
        return "--server is no HOST:PORT; write an address such as --server=127.0.0.1:5060";
    }
    if (!addr_is_set(&cfg->server)) {
        return "nobody to call; give --server=HOST:PORT";
    }
    if (cfg->server.sa.sa_family != AF_INET) {
        return "the server's address must be IPv4; give --server=127.0.0.1:5060";
    }
    if ((!cfg->raw || cfg->legs_at[0]) && (cfg->talkers > cfg->room || cfg->calls % cfg->room != 0)) {
        return "rooms must be full and hold their talkers; make --calls a multiple of --rooms-of, --talkers no larger";
    }
    if (cfg->srtp != OFFER_SRTP_OPTIONAL && cfg->raw) {
        return "keys come by SIP; leave out --srtp, or --raw and --legs-at";
    }
    if ((cfg->churn || cfg->short_calls || cfg->watchers) && (cfg->raw || cfg->stall_ms)) {
        return "--churn, --short-calls and --watchers need calls by SIP; leave out --raw, --legs-at and --stall-ms";
    }
    if (cfg->stall_ms && (cfg->seconds < 2 * LOAD_STALL_REST_S || cfg->raw || strcmp(cfg->codec, "opus") == 0 ||
                          strcmp(cfg->codec, "g722") == 0 || strcmp(cfg->codec, "mixed") == 0)) {
        return "a stall needs at least --seconds=10, SIP and a codec with marks: pcmu, pcma or l16";
    }
    return NULL;
}

int main(int argc, char **argv)
{
    struct load_cfg cfg = {.demo = false};
    must(seal_start() == 0);
    int err = args_read(argc, argv, args, &about, take, &cfg);
    if (err) {
        return err > 0 ? 0 : 2;
    }
    const char *why = objection(&cfg);
    if (why) {
        fprintf(stderr, "mixminus-load: %s\n", why);
        return 2;
    }
    if (cfg.demo) {
        return demo_run(&(struct demo_cfg){.server = cfg.demo_server, .out = cfg.demo_out});
    }
    return load_run(&cfg);
}
