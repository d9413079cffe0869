/*
 * A flow: where a SIP message came from, and so where its answer goes; or where a request is to go. A value, copied
 * freely. A connection inside it is a slot number with a generation, so a flow whose connection has died is noticed
 * and never reaches the stranger that got the slot next. Leaf header.
 */
#ifndef SIG_BASE_FLOW_H
#define SIG_BASE_FLOW_H

#include "core/base/addr.h"

enum flow_transport { FLOW_UDP, FLOW_TCP, FLOW_TLS, FLOW_WS, FLOW_WSS, FLOW_TRANSPORTS };

#define FLOW_NO_CONN UINT32_MAX

struct flow {
    uint8_t transport;   /* enum flow_transport */
    uint8_t listener;    /* index of the local listener; its address is what we say in Via and Contact */
    uint32_t conn;       /* streams: slot of the connection, FLOW_NO_CONN: none yet, open one when sending */
    uint32_t generation; /* of that slot */
    struct addr remote;
};

/** A flow to a peer that has no connection yet. */
static inline struct flow flow_to(enum flow_transport transport, uint8_t listener, const struct addr *remote)
{
    return (struct flow){
        .transport = (uint8_t)transport, .listener = listener, .conn = FLOW_NO_CONN, .remote = *remote};
}

/** TCP and what runs over it: no retransmissions below the transaction user. WS and WSS too (RFC 7118 5). */
static inline bool flow_is_reliable(const struct flow *flow)
{
    return flow->transport != FLOW_UDP;
}

/** "UDP", "TCP", "TLS", "WS", "WSS" as Via spells it. */
static inline const char *flow_transport_name(unsigned transport)
{
    static const char *const names[FLOW_TRANSPORTS] = {"UDP", "TCP", "TLS", "WS", "WSS"};
    return transport < FLOW_TRANSPORTS ? names[transport] : "?";
}

/** What a Contact says of it: ";transport=tcp", ";transport=tls", "". */
static inline const char *flow_uri_param(const struct flow *flow)
{
    return flow->transport == FLOW_TCP ? ";transport=tcp" : flow->transport == FLOW_TLS ? ";transport=tls" : "";
}

/** Did b come over the very path of a? Streams: the same connection; UDP: the same remote address and port. */
static inline bool flow_same(const struct flow *a, const struct flow *b)
{
    if (a->transport != b->transport) {
        return false;
    }
    if (flow_is_reliable(a)) {
        return a->conn == b->conn && a->generation == b->generation;
    }
    return addr_same(&a->remote, &b->remote);
}

#endif
