/*
 * A dialog (RFC 3261 12): its three ids, its route set, and where its requests go. Of a call, or of a subscription. One
 * hash over all of a focus, keyed by our own random tags, so that nobody can pile them up. Signalling thread only.
 */
#ifndef SIG_TXN_DIALOG_H
#define SIG_TXN_DIALOG_H

#include "sig/txn/owner.h"

#define DIALOG_BUCKETS 16384 /* power of two */

struct dialogs {
    struct dialog *buckets[DIALOG_BUCKETS];
};

/* Strings are owned. */
struct dialog {
    struct owner *owner;
    struct dialog *hash_next, **hash_link; /* hash_link NULL: nobody finds it */
    char *call_id, *remote_tag;
    char *local, *remote; /* whole values with their tags, as our requests say From and To */
    char *target;         /* remote target: URI without <> */
    char **routes;
    unsigned n_routes;
    char local_tag[SIP_TAG_BYTES];
    uint32_t cseq_rx, cseq_tx;
    struct flow flow;  /* by which the peer's last target refresh came, or our INVITE went */
    unsigned n_usages; /* subscriptions that are one more usage of it */
    bool is_callers;   /* the peer has begun it */
    bool direct;       /* no proxy between: its signalling's source may be its media's, too */
};

/** The called side of it: from a request that makes a dialog. @return 0 | -ENOMEM; dialog_free in any case */
int dialog_answer(struct dialog *dialog, struct owner *owner, const struct txn *txn, const struct sip_msg *msg);

/**
 * The calling side, before its first request: ids of our own, no remote tag yet.
 *
 * @param local   "<sip:token@domain>", without tag
 * @param remote  "<sip:bob@there>", target: the URI in it
 */
int dialog_ask(struct dialog *dialog, struct owner *owner, struct txns *txns, const char *local, const char *remote,
               const char *target, const struct flow *flow);

/** Sets the route set of a dialog that has none, before its first request: values by commas. @return 0 | -EINVAL |
 * -ENOMEM */
int dialog_route(struct dialog *dialog, const char *route);

/** The calling side's ids once more: for the dialog with another peer that answers the same request. @return 0 |
 * -ENOMEM; dialog_free in any case */
int dialog_copy(struct dialog *dialog, const struct dialog *asked);

/** The calling side, when a response with a To tag has come: remote tag, target, route set (reversed, 12.1.2).
 * @return 0 | -EINVAL no tag, or no Contact | -ENOMEM: unchanged */
int dialog_settle(struct dialog *dialog, const struct sip_msg *response);

/** Leaves the hash, frees the strings. Twice is fine. */
void dialog_free(struct dialog *dialog);

/** Makes it known to dialog_find, or unknown; leaving twice is fine. */
void dialog_enter(struct dialogs *dialogs, struct dialog *dialog);
void dialog_leave(struct dialog *dialog);

/** The dialog that a request belongs to, by all three ids. @return NULL: none */
struct dialog *dialog_find(const struct dialogs *dialogs, const struct sip_msg *msg);

/** By its ids as Replaces names them: to-tag is ours, from-tag the peer's (RFC 3891 3). @return NULL: none */
struct dialog *dialog_find_ids(const struct dialogs *dialogs, const char *call_id, const char *local_tag,
                               const char *remote_tag);

/** A target refresh: the peer's new Contact and flow (12.2.2). */
void dialog_refresh(struct dialog *dialog, const struct sip_msg *msg);

/** A request within it, with the next CSeq; add what is yours and send it by dialog_send. */
struct sip_out *dialog_request(struct dialog *dialog, enum sip_method method);

/** @param owner  of the transaction: the dialog's, or that of another usage of it  @return as txn_request; out is taken
 */
int dialog_send(struct dialog *dialog, struct txns *txns, struct sip_out *out, struct owner *owner, struct txn **txn);

/** The ACK of a 2xx to our INVITE, which had that CSeq; body NULL: none. @return as txn_send */
int dialog_ack(struct dialog *dialog, struct txns *txns, uint32_t cseq, const void *body, size_t n_bytes);

#endif
