/*
 * SIP transactions, both sides: RFC 3261 17 with RFC 6026 (Accepted), RFC 4320, and RFC 2543 matching for old peers.
 * The layer is a function of messages and time: it gets bytes with the flow they came by and the time, and gives out
 * sends, timers and calls of the transaction user; it opens no socket, reads no clock and draws no random number.
 *
 * What it does alone, without troubling the user: malformed messages answered (400, 416, 505, 513) or dropped, unknown
 * (501) and unserved (405) methods, retransmissions, 100 after 200 ms, ACK of a non-2xx, 200 to a CANCEL (481 if it
 * fits nothing), merged requests (482), overload (503 + Retry-After), strays and forgeries. Every refusal is counted.
 *
 * Memory is bounded: at most max_txns records; the request is kept until its final response is given, the text of the
 * last response as long as it may have to be sent again. One thread.
 *
 * The life of a server transaction as its user sees it:
 *   on_request(txn, msg) -> any number of txn_respond with 1xx -> one with a final status
 *     -> INVITE and 2xx: the layer repeats it T1..T2 until txn_acked(txn); on_timeout(txn) when 64*T1 pass without
 *     -> on_gone(txn): forget the pointer
 * The life of a client transaction:
 *   txn_request -> on_response(txn, msg) any number of times (several 2xx of a forked INVITE too)
 *     -> or on_timeout(txn) (take it as 408), or on_error(txn, err) (take it as 503)
 *     -> on_gone(txn)
 * Callbacks may call anything of this layer; a transaction named in a callback lives until its on_gone.
 */
#ifndef SIG_TXN_TXN_H
#define SIG_TXN_TXN_H

#include "sig/base/timer.h"
#include "sig/sip/sip.h"

#define TXN_T1_MS 500
#define TXN_T2_MS 4000
#define TXN_T4_MS 5000
#define TXN_LIFE_MS (64 * TXN_T1_MS) /* timers B, F, H, J, L, M */
#define TXN_TRYING_MS 200            /* 100 when the user is silent (RFC 3261 17.2.1) */
#define TXN_PENDING_MAX_MS 600000    /* an INVITE that its user has forgotten: 408, and on_timeout */
#define TXN_UDP_REQUEST_MAX 1300     /* larger requests go by TCP (RFC 3261 18.1.1) */
#define TXN_RETRY_AFTER_S 5
#define TXN_ANSWER_PERCENT 120 /* for answer_percent: a forged source makes no amplifier of us */
#define TXN_LONGER_MS 1000     /* so often an address that has never answered is sent more than that */
#define TXN_FULL_TURNS 8       /* one after the other: we are behind. What one hiccup leaves is taken in fewer */
#define TXN_FULL_TURNS_FAR 64  /* and refusing what is new has not helped */
#define TXN_TURN_GAP_MS 100    /* a turn after so long has nothing to do with those before */

struct txn;  /* one transaction */
struct txns; /* all of them */

/** The transaction user. Every pointer must be set but the last two. */
struct txn_user {
    void *ctx;
    /** A new request, any method of cfg.allow but ACK and CANCEL. msg lives until the next message comes in after the
     * final response was given. */
    void (*on_request)(void *ctx, struct txn *txn, const struct sip_msg *msg);
    /** ACK of a 2xx: find the dialog, then txn_acked. msg lives during the call. */
    void (*on_ack)(void *ctx, const struct sip_msg *msg);
    /** CANCEL for an INVITE that has no final response yet; it has been answered with 200. Give the INVITE its 487. */
    void (*on_cancel)(void *ctx, struct txn *invite);
    /** A response to a request of ours, in the order of arrival. msg lives during the call. 100 too. */
    void (*on_response)(void *ctx, struct txn *txn, const struct sip_msg *msg);
    /** Client: no final response in 64*T1. Server: a 2xx that was never acknowledged (send BYE), or the user forgot. */
    void (*on_timeout)(void *ctx, struct txn *txn);
    /** Client: the request could not be sent, or its connection broke; err is a negative errno. */
    void (*on_error)(void *ctx, struct txn *txn, int err);
    /** The pointer dies with this call. Once for each transaction that the user has seen. */
    void (*on_gone)(void *ctx, struct txn *txn);
    /** More comes than can be served: may this request, which has no To tag, be refused by 503 with next to no work?
     * is_far: not even callers that are halfway in can all be served. NULL: none may. */
    bool (*may_wait)(void *ctx, const struct sip_msg *msg, bool is_far);
    /** The layer has refused a request by itself, with this status; msg as far as it could be read. For the log. NULL:
     * nobody wants to know. */
    void (*on_refused)(void *ctx, const struct sip_msg *msg, enum refuse refuse, int status);
};

/** What the layer asks of the world. Sockets in production, a list in tests. */
struct txn_world {
    void *ctx;
    /** Sends; may open a connection and then fills flow->conn and generation. @return 0 | negative errno */
    int (*send)(void *ctx, struct flow *flow, const char *text, size_t n_bytes);
    /** Fills with random octets that nobody can guess. */
    void (*random)(void *ctx, void *bytes, size_t n_bytes);
    /** Writes what Via shall say of us on that flow: "192.0.2.1:5060", "[2001:db8::1]:5060". */
    void (*sent_by)(void *ctx, const struct flow *flow, char *text, size_t size);
    /** Is this source spared the per-source limit (a trusted proxy)? NULL: nobody is. */
    bool (*is_trusted)(void *ctx, const struct addr *source);
};

struct txn_config {
    uint32_t max_txns;       /* live ones, both sides, and an eighth more for calls that are in; 0: 32768 */
    uint32_t source_rate;    /* new server transactions per second and source address; 0: 1000 */
    uint32_t source_burst;   /* 0: twice the rate */
    uint32_t total_rate;     /* of all sources together; 0: no limit */
    uint32_t answer_percent; /* how long an answer by UDP may be that everybody gets, of the request; 0: no limit */
    uint32_t turn_messages;  /* a turn (one now_ns) with so many is full: more may wait; 0: none ever is */
    uint32_t allow;          /* methods served, sip_bit; 0: all known */
    const char *server;      /* value of Server in stateless answers; NULL: none. Copied */
};

/* Counters, readable from any thread. */
struct txn_stats {
    counter rx_messages;  /* = rx_delivered + rx_absorbed + sum of refused */
    counter rx_delivered; /* given to the user: requests, ACK of 2xx, responses, CANCEL that fits */
    counter rx_absorbed;  /* retransmissions, ACK of non-2xx, keepalives, late responses of a known transaction */
    counter refused[REFUSES];
    counter rx_requests[SIP_METHODS], tx_requests[SIP_METHODS];
    counter rx_statuses[700], tx_statuses[700];
    counter rx_retransmissions, tx_retransmissions;
    counter timeouts, send_errors;
    counter no_memory;                /* requests and answers that could not be made for want of it */
    counter txns_server, txns_client; /* gauges: alive now */
    counter txns_made;
    counter tx_cut, tx_withheld; /* answers by UDP that were too long for their request */
    counter tx_unproven; /* answers sent again, unasked, to a source that has never answered: a 2xx to INVITE at most
                            ten times, a reliable 1xx six times */
};

/**
 * Makes the layer.
 *
 * @param wheel  shared with the user's own timers; the caller runs it
 * @return       0 | -ENOMEM | -EINVAL
 */
int txns_build(struct txns **txns, const struct txn_config *cfg, const struct txn_world *world,
               const struct txn_user *user, struct timer_wheel *wheel);
/** Frees everything; on_gone is called for each transaction that is left. NULL is fine. */
void txns_free(struct txns *txns);

/**
 * Takes one whole message from the wire: scan, parse, match, deliver.
 *
 * @param now_ns  time of this turn, for which timer_run has been called before
 * @return        0 | -EBADMSG: on a stream, close the connection once what was sent has left (it cannot be trusted)
 */
int txns_rx(struct txns *txns, const struct flow *flow, const char *bytes, size_t n_bytes, uint64_t now_ns);

/** A connection has died: client transactions on it fail with err. */
void txns_flow_gone(struct txns *txns, const struct flow *flow, int err);

const struct txn_stats *txns_stats(const struct txns *txns);

/* ---- server side ---- */

/** A response to the request of txn with the local tag of the transaction. @pre no final response given yet */
struct sip_out *txn_response(struct txn *txn, int status, const char *reason);

/**
 * Sends it. A final response ends the life of txn_msg(txn); after a 2xx to INVITE more 2xx are not possible, the layer
 * repeats it until txn_acked.
 *
 * @return 0 | -EINVAL, -ENOMEM: nothing sent (500 was sent instead if the response was final) | -EALREADY: has had its
 *         final response | -EMSGSIZE: 400 was sent instead of a 2xx, which is too long for its request and its source
 * @owner  out: taken in every case
 */
int txn_respond(struct txn *txn, struct sip_out *out);

/** As txn_respond, but what is sent is repeated only when the request is: a stranger's source may be forged, and nobody
 * shall be sent more often than was asked in its name (RFC 3261 26.3.2.4). @pre final, no 2xx */
int txn_respond_once(struct txn *txn, struct sip_out *out);

/** txn_respond(txn, txn_response(txn, status, reason)). */
int txn_reply(struct txn *txn, int status, const char *reason);

/** Sends the last response again: reliable 1xx of RFC 3262. @return 0 | -ENOENT: none given yet */
int txn_resend(struct txn *txn);

/** The ACK of the 2xx has come, with the tag that was in it: the layer stops repeating it. */
void txn_acked(struct txn *txn);
/** Nobody waits for the ACK of the 2xx any more: the layer stops repeating it. */
void txn_let_go(struct txn *txn);

/* ---- client side ---- */

/**
 * Sends a request and starts its transaction. Puts Via with a new branch on top; goes by TCP when the text is longer
 * than TXN_UDP_REQUEST_MAX (back to UDP if nobody listens there).
 *
 * @param out   from sip_request_make, any method but ACK and CANCEL; taken in every case
 * @param flow  where to; a flow that a message came by, or flow_to
 * @param tag   the user's own pointer, txn_tag
 * @param txn   the new transaction; no callback before this returns
 * @return      0 | -EAGAIN: max_txns are alive, and it is no BYE | -EINVAL, -ENOMEM, -EMSGSIZE: the message failed
 *              (an error of sending comes by on_error)
 */
int txn_request(struct txns *txns, struct sip_out *out, const struct flow *flow, void *tag, struct txn **txn);

/** Cancels an INVITE of ours: at once if a provisional response has come, else when it does; if a final one comes
 * first, never (RFC 3261 9.1). The INVITE ends by on_response (487 or what crossed) or on_timeout.
 * @return 0 | -EALREADY */
int txn_cancel(struct txn *invite);

/** Sends a request that nobody answers: the ACK of a 2xx. New branch. out is taken. @return 0 | negative errno */
int txn_send(struct txns *txns, struct sip_out *out, const struct flow *flow);

/* ---- both ---- */

/** Has the flow's address shown that what is sent there is read, or does that not matter (a stream, a trusted
 * peer)? Until then its source may be forged. */
bool txns_is_proven(const struct txns *txns, const struct flow *flow);

void *txn_tag(const struct txn *txn);
void txn_set_tag(struct txn *txn, void *tag);
enum sip_method txn_method(const struct txn *txn);
bool txn_is_server(const struct txn *txn);
/** Has a final response been given (server) or come (client)? */
bool txn_is_over(const struct txn *txn);
const struct flow *txn_flow(const struct txn *txn);
/** Server: the request; NULL once the final response has been given. Client: NULL. */
const struct sip_msg *txn_msg(const struct txn *txn);
/** Server: the To tag of our responses, also the local tag of the dialog they make. Client: "". */
const char *txn_local_tag(const struct txn *txn);

/** Draws a tag or a Call-ID part: 16 hexadecimal digits. */
void txns_draw(struct txns *txns, char tag[SIP_TAG_BYTES]);

#endif
