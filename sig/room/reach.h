/*
 * Decides which destinations this server may call, and by which way (attacks: toll fraud, loops, requests sent on
 * behalf of strangers). A URI from a request never decides where our request goes: a literal address is called directly
 * only when it is listed, everything else goes through the one outbound proxy, or is refused. No name is ever looked
 * up.
 */
#ifndef SIG_ROOM_REACH_H
#define SIG_ROOM_REACH_H

#include "sig/base/flow.h"
#include "sig/base/trust.h"
#include "sig/sip/sip.h"

#define REACH_DOMAINS_MAX 32
#define REACH_HOST_MAX 128
#define REACH_TARGET_MAX (SIP_URI_BYTES_MAX + 16)
#define REACH_PORTS_MAX 16
#define REACH_ROUTE_MAX 512

struct env;

struct reach {
    bool is_on;                                      /* else no destination is called */
    bool is_any;                                     /* all that the proxy reaches, but private addresses */
    char domains[REACH_DOMAINS_MAX][REACH_HOST_MAX]; /* lower case; with what is below them */
    unsigned n_domains;
    struct trust nets;                   /* literal addresses that may be called */
    struct flow proxy;                   /* remote unset: none */
    int listener_v4, listener_v6;        /* UDP, for those that are called straight; -1: none */
    uint16_t own_ports[REACH_PORTS_MAX]; /* at our own addresses these are us */
    unsigned n_own_ports;
};

struct reach_way {
    char target[REACH_TARGET_MAX]; /* Request-URI: scheme, user, host, port and no parameter that steers */
    char route[REACH_ROUTE_MAX];   /* route set, "<sip:...;lr>, <...>"; "": none */
    struct flow flow;
    bool by_proxy;
};

/** Reads "off", "any" or a list of domains and networks. @return 0 | -EINVAL | -ENOSPC */
int reach_read(struct reach *reach, const char *text);

/**
 * Finds the way to a URI.
 *
 * @param from_host  host that has redirected us here: what no list names must be on the same one; NULL: first try
 * @return 0 | -EACCES not by policy | -ENOENT a user of ours without a phone | -ELOOP it is us | -EPROTONOSUPPORT a
 * scheme that cannot be called
 */
int reach_find(const struct env *env, const struct sip_uri *uri, const char *from_host, struct reach_way *way);

/** May this address be called without having been listed? Not what is private, local, shared, or many. */
bool reach_is_public(const struct addr *host);

#endif
