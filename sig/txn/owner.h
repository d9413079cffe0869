/*
 * The owner of a transaction or a dialog: a call, a subscription, a request that waits for authentication. It embeds a
 * struct owner; the tag of each of its transactions points at that. An operation that is NULL means nothing to it.
 */
#ifndef SIG_TXN_OWNER_H
#define SIG_TXN_OWNER_H

#include "sig/txn/txn.h"

#include <stddef.h>

struct owner;

struct owner_ops {
    /** A request within its dialog, any method but ACK and CANCEL. NULL: 405. */
    void (*request)(struct owner *owner, struct txn *txn, const struct sip_msg *msg);
    /** The ACK of a 2xx within its dialog. */
    void (*ack)(struct owner *owner, const struct sip_msg *msg);
    /** CANCEL for an INVITE of the peer; the owner gives it its 487, or leaves it. NULL: 487. */
    void (*cancel)(struct owner *owner, struct txn *invite);
    /** A response to a request of ours, 1xx too. */
    void (*response)(struct owner *owner, struct txn *txn, const struct sip_msg *msg);
    /** As txn_user.on_timeout and on_error: like a 408 and a 503 of the peer. */
    void (*timeout)(struct owner *owner, struct txn *txn);
    void (*error)(struct owner *owner, struct txn *txn, int err);
    /** The transaction's pointer dies with this call. The owner may be gone after it. */
    void (*gone)(struct owner *owner, struct txn *txn);
};

struct owner {
    const struct owner_ops *ops;
};

/** The struct around an owner. */
#define OWNER_OF(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
