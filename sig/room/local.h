/*
 * What is this host, and what is this server: addresses of the interfaces, and the sockets that are open. Decides where
 * media may not go to, and which two addresses are one caller's. Signalling thread only.
 */
#ifndef SIG_ROOM_LOCAL_H
#define SIG_ROOM_LOCAL_H

#include "core/base/addr.h"

#define LOCAL_ADDRS_MAX 64
#define LOCAL_FRESH_MS 10000 /* interfaces are read again when what is known is older, and somebody asks */

struct env;

/* Zero: not read yet. */
struct local {
    struct addr addrs[LOCAL_ADDRS_MAX], broadcasts[LOCAL_ADDRS_MAX];
    unsigned n_addrs, n_broadcasts;
    uint64_t read_ms;
    bool is_read;
};

/** Has an interface of this host that address? The port is not looked at. */
bool local_has(struct env *env, const struct addr *addr);

/**
 * Another name of a caller's host. While media has a loopback address, every address of this machine is the caller's
 * own: a phone that names 192.0.2.1 sends to 127.0.0.1 from 127.0.0.1. Two hosts in 127/8 stay two.
 *
 * @param alias  unset if it has none
 */
void local_alias(struct env *env, const struct addr *host, struct addr *alias);

/**
 * May media be sent there? Not to a socket of ours that is open now, media or SIP, by whatever name it is reached;
 * not to broadcast, multicast or 0/8. Another program's port on this host is a phone, whatever its number.
 *
 * @return 0 | -EADDRNOTAVAIL
 */
int local_check(struct env *env, const struct addr *rtp, const struct addr *rtcp);

/** Would what is sent there reach a socket for media that we have, or could have? */
bool local_reaches_media(struct env *env, const struct addr *addr);

#endif
