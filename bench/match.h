/*
 * One server, one load, one measurement: starts a peer on the server's CPU and mixminus-load on the client's, hands
 * back what the load says, and what the server says of itself. Everything on 127.0.0.1, bounded in time.
 */
#ifndef BENCH_MATCH_H
#define BENCH_MATCH_H

#include "core/base/base.h"

#include <sys/types.h>

enum peer {
    PEER_REFLECTOR, /* what the packets alone cost: pump_floor.c */
    PEER_MIXMINUS,
    PEER_ECHO,  /* the naive way, and without mixing: echo.c */
    PEER_JANUS, /* AudioBridge of the installed package: janus.c */
    PEERS
};

const char *peer_name(enum peer peer);

#define STAND_TEXT 256

/* Where matches are run. */
struct stand {
    int server_cpu, client_cpu;
    unsigned sip_port, http_port, port, client_port; /* the first of each */
    char bin[STAND_TEXT], dir[STAND_TEXT];           /* our programs; a folder for this run's files */
};

/* Where mixminus' threads may run. */
enum pin {
    PIN_STAND, /* one worker on the stand's server CPU, signalling on the client's */
    PIN_NONE,
    PIN_AUTO, /* --worker-cpus=auto */
    PINS
};

struct match {
    enum peer peer;
    const char *codec; /* pcmu, pcma, g722, l16, opus16, opus48, mixed; behind it "+srtp": by SRTP, the product only;
                          "+decoded": also who cannot be heard is decoded */
    unsigned legs, room, talkers, seconds, settle, churn;
    bool watch_noise; /* how late is the machine itself? Not where CPU is compared: see noise.h */
    enum pin pin;
    unsigned workers;  /* mixminus, 0: one */
    unsigned legs_max; /* mixminus: how many it shall take; 0: all */
};

#define STAND_DEFAULT                                                                                                  \
    {                                                                                                                  \
        .server_cpu = 1, .client_cpu = 0, .sip_port = 7060, .http_port = 7088, .port = 17000, .client_port = 9000      \
    }

/* Lines of a bench's options. */
#define STAND_OPTIONS(stand)                                                                                           \
    OPTION_INT("server-cpu", (stand).server_cpu, "of the media"),                                                      \
        OPTION_INT("client-cpu", (stand).client_cpu, "of the load, and of signalling"),                                \
        OPTION_COUNT("sip-port", (stand).sip_port, "of the server's SIP"),                                             \
        OPTION_COUNT("http-port", (stand).http_port, "of Janus"),                                                      \
        OPTION_COUNT("port", (stand).port, "the server's first RTP port"),                                             \
        OPTION_COUNT("client-port", (stand).client_port, "the first of 32 of the load")

#define MATCH_LINE 4096

struct match_result {
    double us;   /* CPU per participant-second */
    double loss; /* share of packets */
    double gaps_over_60ms, late_sends, up;
    bool held;              /* all up, loss < 0.1 %, no gap over 60 ms */
    char load[MATCH_LINE];  /* the line of mixminus-load */
    double naps, naps_late; /* of a thread that only sleeps: the machine's own late ticks */
    bool has_server;        /* mixminusd's own figures over the measurement: */
    double ticks, ticks_late, encoded, encode_shared, rss_end_kb;
    bool has_rss;          /* enough lines for: */
    double rss_kb_per_min; /* slope over the second half */
};

/** Looks for the programs, makes the folder. @return 0 | negative errno, said why */
int stand_open(struct stand *stand);
void stand_close(struct stand *stand);
/** Opens it for a bench. @return -1: go on, else the exit status: 77 without io_uring, 1: said why */
int stand_begin(struct stand *stand);
/** Reads a list of peers and leaves out those that are not installed, which it says. @return how many, 0: wrong word */
unsigned peers_read(const char *list, enum peer peers[PEERS]);
/** Can this system do io_uring? The reflector needs it. */
bool stand_has_uring(void);
/** Is it installed? */
bool peer_is_there(enum peer peer);

/** @return 0 | -ENOTSUP: the peer cannot do that | negative errno: the server did not start, or the load said nothing;
 * said why */
int match_run(const struct stand *stand, const struct match *match, struct match_result *result);

/** Starts a program pinned to a CPU (-1: any), its output into files of the folder. @return pid | negative errno */
pid_t stand_spawn(const struct stand *stand, const char *const *argv, int cpu, bool fifo, const char *out);
/** SIGTERM; after five seconds SIGKILL. */
void stand_end(pid_t pid);

/** A server that sends every packet back: epoll, recvfrom, sendto. Never returns. */
void echo_serve(unsigned legs, const int *fds);

#endif
