/*
 * Transport of the signalling thread: one epoll loop over UDP and TCP sockets, IPv4 and IPv6. It frames messages and
 * hands them up, sends what it is given, runs the timers, and beats. Keep-alives (RFC 5626 3.5) it answers itself. The
 * clock is read once a turn. It knows nothing of SIP but where a message ends (scan_frame).
 *
 * One thread calls everything but net_stop and net_wake.
 */
#ifndef SIG_NET_NET_H
#define SIG_NET_NET_H

#include "sig/base/flow.h"
#include "sig/base/timer.h"
#include "sig/net/tls.h"

#include "core/base/stats.h"

#define NET_LISTENERS_MAX 16
#define NET_HOST_MAX 64

#define NET_TURN_FULL 48 /* messages: a turn that brings so many may have left others waiting */

struct net; /* opaque */

struct net_listener {
    uint8_t transport;             /* FLOW_UDP, FLOW_TCP or FLOW_TLS */
    struct addr addr;              /* port 0: the kernel picks one, net_local tells */
    char advertised[NET_HOST_MAX]; /* host for Via and Contact when it is not addr ("" : addr); IPv6 without [] */
};

struct net_config {
    unsigned n_listeners;
    struct net_listener listeners[NET_LISTENERS_MAX];
    uint32_t max_conns;            /* 0: 4096 */
    uint32_t max_conns_per_source; /* by address without port; 0: max_conns */
    uint32_t idle_ms;              /* a silent connection is closed after it; 0: 600000 */
    uint32_t message_ms;           /* a message must be complete this long after its first octet, and a connection's
                                      first after it was made; 0: 10000 */
    struct tls_context *tls;       /* of FLOW_TLS, both ways; NULL: none. Outlives the net */
    uint32_t queue_bytes_max;      /* unsent octets of one connection; beyond it is closed; 0: 262144 */
};

struct net_user {
    void *ctx;
    /** A whole message. bytes live during the call. @return 0 | negative: close the connection when all is sent */
    int (*on_message)(void *ctx, const struct flow *flow, const char *bytes, size_t n_bytes, uint64_t now_ns);
    /** A connection has died; err says why, a negative errno (-ECONNRESET, -ETIMEDOUT, -ECONNREFUSED ...). Never from
     * within net_send: at the end of the turn. */
    void (*on_closed)(void *ctx, const struct flow *flow, int err);
    /** Each turn of the loop, after timers and messages, which come in this order: a timer started by a message counts
     * from the time of the message. @return nanoseconds until it wants to be called again at the
     * latest; UINT64_MAX: not before something happens */
    uint64_t (*on_beat)(void *ctx, uint64_t now_ns);
};

struct net_stats {
    counter rx_datagrams, tx_datagrams, rx_bytes, tx_bytes;
    counter accepted, connected;           /* connections made, each way */
    counter refused_total, refused_source; /* accept beyond the limits */
    counter closed_idle, closed_slow, closed_queue, closed_framing, closed_peer;
    counter closed_tls; /* handshakes that failed, and connections that broke */
    counter conns;      /* gauge */
    counter tx_errors, keepalives;
    counter stun, stun_dropped; /* Binding requests answered; malformed, or more than one source may send */
};

/**
 * Opens all listeners.
 *
 * @param failed  index of the listener that could not be opened, for the sentence that the operator reads
 * @return        0 | negative errno of that listener (-EADDRINUSE, -EACCES, -EADDRNOTAVAIL ...) | -ENOMEM
 */
int net_build(struct net **net, const struct net_config *cfg, const struct net_user *user, unsigned *failed);
void net_free(struct net *net);

/** The wheel that the loop runs; ready after net_build. */
struct timer_wheel *net_timers(struct net *net);

/** Turns until net_stop. @return 0 | negative errno of epoll */
int net_run(struct net *net);
/** One turn, waiting at most wait_ms for something to happen. @return 0 | negative errno */
int net_step(struct net *net, unsigned wait_ms);
/** Makes net_run return. @thread any; safe in a signal handler */
void net_stop(struct net *net);

/** Makes the loop turn now. @thread any */
void net_wake(struct net *net);

/** CLOCK_MONOTONIC as of this turn. */
uint64_t net_now_ns(const struct net *net);

/**
 * Sends one message. Streams: to the connection of the flow, or if it has none, to an own connection to flow->remote
 * that is open or is opened now without waiting; the flow learns which. Never blocks.
 *
 * @return 0: given to the kernel or queued | -ENOTCONN: the flow's connection is gone | -ENOBUFS: queue or connections
 *         exhausted | other negative errno of the system
 */
int net_send(struct net *net, struct flow *flow, const char *bytes, size_t n_bytes);

/** Local address of a listener with the port that was bound, and how it is advertised: "host:port", "[v6]:port". */
const struct addr *net_local(const struct net *net, unsigned listener);
void net_sent_by(const struct net *net, const struct flow *flow, char *text, size_t size);
/** First listener of that transport and address family. @return index | -ENOENT */
int net_listener_for(const struct net *net, enum flow_transport transport, int family);

/** Random octets of the kernel. */
void net_random(void *bytes, size_t n_bytes);

const struct net_stats *net_stats(const struct net *net);

#endif
