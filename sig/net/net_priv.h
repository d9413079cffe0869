/* What the files of net share: the loop, its sockets and connections. */
#ifndef SIG_NET_NET_PRIV_H
#define SIG_NET_NET_PRIV_H

#include "sig/net/net.h"
#include "sig/sip/scan.h"

#include <sys/epoll.h>

#define NET_BATCH 16        /* datagrams of one system call */
#define NET_DATAGRAM 65536  /* 64 KB receive (RFC 3261 18.1.1) */
#define NET_HOST_LISTS 1024 /* connections by remote host */
#define NET_EVENTS 256      /* of one turn */
#define NET_DRAIN_MS 2000   /* how long a refused peer may go on sending before we close for good */
#define NET_STREAM_BYTES (SCAN_STREAM_BYTES_MAX + 4)

#define NET_STUN_SOURCES 4096 /* places of sources, by hash */
#define NET_STUN_A_SECOND 10  /* answers to one place: one in 15 s is a keep-alive */

enum net_kind { NET_LISTENER, NET_CONN, NET_STOP, NET_WAKE };

struct net_conn {
    struct net *net;
    int fd; /* -1: slot is free */
    uint32_t slot, generation;
    uint8_t listener, transport;
    struct tls *tls;       /* NULL: plain */
    bool is_shaking_hands; /* TLS is not ready yet */
    uint8_t tls_waits;     /* enum tls_state: what TLS waits for, beside what we do */
    bool is_outbound, is_connecting, is_dying;
    bool has_spoken;   /* a whole message has come */
    bool is_half_ping; /* one line end has come that was part of no message */
    bool is_draining;  /* answered for the last time: discard what comes until the peer closes */
    int err;           /* why it dies */
    struct addr remote;
    struct timer idle, slow;
    char *rx;
    size_t n_rx, rx_size, n_seen, n_frame;
    char *tx;
    size_t tx_at, n_tx, tx_size;
    uint32_t events; /* what epoll is asked for */
    struct net_conn *next_free, *next_dying;
    struct net_conn *next_by_host, **link_by_host;
};

struct net {
    struct net_config cfg;
    struct net_user user;
    int epoll_fd, stop_fd, wake_fd, spare_fd;
    bool is_stopped;
    uint64_t now_ns, beat_ns; /* beat_ns: when on_beat wants to be called */
    struct timer_wheel wheel;
    int fds[NET_LISTENERS_MAX];
    struct addr locals[NET_LISTENERS_MAX];
    struct net_conn *conns; /* cfg.max_conns slots */
    struct net_conn *free, *dying;
    struct net_conn *by_host[NET_HOST_LISTS];
    char (*datagrams)[NET_DATAGRAM];
    struct {
        uint32_t second, n;
    } stun[NET_STUN_SOURCES];
    uint32_t stun_seed;
    struct net_stats stats;
};

/* net_conn.c */
int net_conns_build(struct net *net);
void net_conns_free(struct net *net);
void net_accept(struct net *net, unsigned listener);
void net_conn_event(struct net *net, uint32_t slot, uint32_t events);
/** Closes what has died in this turn and tells the user. */
void net_conns_bury(struct net *net);
int net_conn_send(struct net *net, struct flow *flow, const char *bytes, size_t n_bytes);

#endif
