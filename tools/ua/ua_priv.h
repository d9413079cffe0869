/* What the two halves of the user agent share: ua.c (loop, what comes) and ua_call.c (dialogs, what goes). */
#ifndef TOOLS_UA_UA_PRIV_H
#define TOOLS_UA_UA_PRIV_H

#include "sig/net/net.h"
#include "sig/txn/txn.h"
#include "tools/ua/ua.h"

enum { UA_LISTENER_UDP, UA_LISTENER_TCP, UA_LISTENERS };

struct ua {
    struct ua_cfg cfg;
    struct ua_user user;
    struct tls_context *tls;
    struct net *net;
    struct txns *txns;
    struct ua_call *calls;
    unsigned n_calls;
    char user_name[64];
    struct {
        char target[UA_TEXT_MAX]; /* "": never */
        char call_id[SIP_TAG_BYTES], tag[SIP_TAG_BYTES];
        char auth[2048];          /* Authorization, "": none */
        uint32_t expires_s, cseq;
        unsigned n_answers;
    } registration;
};

enum ua_state {
    UA_S_DIALLING, /* INVITE or REFER of ours is out */
    UA_S_RINGING,  /* INVITE of the peer waits for ua_answer */
    UA_S_UP,
    UA_S_ENDING,   /* BYE or CANCEL is out */
    UA_S_OVER,     /* told; waits for its transactions to go */
};

struct ua_call {
    struct ua *ua;
    struct ua_call *next, **link;
    void *tag;
    enum ua_state state;
    bool is_subscription; /* made by a REFER outside a dialog, or by a SUBSCRIBE */
    bool no_ack, no_redirect, hangup_wanted, has_refer;
    uint64_t begin_ns;

    char call_id[SIP_ID_BYTES_MAX + 1], local_tag[SIP_ID_BYTES_MAX + 1], remote_tag[SIP_ID_BYTES_MAX + 1];
    char *local, *remote; /* From and To values of our requests */
    char *target;
    char **routes;
    unsigned n_routes;
    struct flow flow;
    uint32_t cseq_tx, cseq_rx, cseq_invite, cseq_refer;
    struct txn *txn_in;  /* the peer's INVITE or re-INVITE that is open */
    struct txn *txn_out; /* our INVITE or re-INVITE */
    struct txn *txn_acking; /* our 200 that waits for its ACK */
    unsigned n_txns;

    char *body; /* of the INVITE, for redirects */
    size_t n_body;
    char *referred_by;
    char *ack_body; /* answer that goes with the ACK of an offerless INVITE */
    size_t n_ack_body;
    bool acked;     /* an ACK has been sent for cseq_invite */
    char *auth;          /* Authorization of the INVITE and its ACK; NULL: none */
    unsigned n_answers;  /* to challenges of this target: a peer that asks for ever is left */
    char *tried[UA_REDIRECTS_MAX + 1];
    unsigned n_tried;
};

struct ua_call *ua_call_make(struct ua *ua, void *tag);
/** The dialog that a request belongs to. @return NULL: none */
struct ua_call *ua_call_find(struct ua *ua, const struct sip_msg *msg);
/** Fills the dialog from a request of the peer that makes it. @return 0 | -ENOMEM | -EINVAL */
int ua_call_accept(struct ua_call *call, struct txn *txn, const struct sip_msg *msg);
/** Tells UA_ENDED once, and frees it when nothing refers to it any more. */
void ua_call_over(struct ua_call *call, int status, const char *text, bool by_us, const struct sip_msg *msg);
void ua_call_settle(struct ua_call *call);
void ua_call_free(struct ua_call *call);
void ua_tell(struct ua_call *call, enum ua_event_kind kind, int status, const char *text, const struct sip_msg *msg);

/** A response to one of our requests in this dialog. */
void ua_call_response(struct ua_call *call, struct txn *txn, const struct sip_msg *msg);
/** No response will come. */
void ua_call_failed(struct ua_call *call, struct txn *txn, int status, const char *text);

/** A final response to our REGISTER; msg NULL: none has come. @return true: it was a challenge, and is answered */
bool ua_register_answered(struct ua *ua, const struct sip_msg *msg);

/** Where a URI is to be sent to. @return 0 | -EINVAL | -EHOSTUNREACH */
int ua_flow_to(struct ua *ua, const char *uri, bool in_dialog, struct flow *flow);
/** Contact, User-Agent, Allow. */
void ua_add_self(struct ua *ua, struct sip_out *out, const struct flow *flow);

#endif
