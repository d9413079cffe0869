/*
 * A SIP user agent for client programs: any number of calls on one socket loop (sig/net, sig/txn). Non-blocking: the
 * program calls ua_step and gets events. It knows dialogs, redirects, ACK, REFER and its NOTIFYs; descriptions of media
 * pass through as text, and no RTP comes near it (ua_media.h).
 *
 * One thread.
 */
#ifndef TOOLS_UA_UA_H
#define TOOLS_UA_UA_H

#include "core/base/addr.h"
#include "sig/net/tls.h"
#include "sig/sip/sip.h"

#define UA_REDIRECTS_MAX 5
#define UA_ANSWERS_MAX 3 /* to challenges, for one target */
#define UA_TEXT_MAX 512

struct ua;
struct ua_call; /* a dialog, or the attempt at one: a call, or a subscription, of our own or of a REFER */

enum ua_event_kind {
    UA_REDIRECT,   /* 3xx to our INVITE, followed by itself; text: where to now */
    UA_UP,         /* 200 to our INVITE; body: the answer, or the offer if ours had none: ua_ack it */
    UA_CHANGED,    /* final response to our re-INVITE: status; 2xx: body as in UA_UP */
    UA_INCOMING,   /* INVITE to us: ua_answer it; body: the offer, or none; text: From URI */
    UA_CHANGE,     /* re-INVITE to us: ua_answer it */
    UA_ACKED,      /* ACK of our 200; body: the answer if our 200 had the offer */
    UA_REFERRED,   /* REFER to us, accepted with 202 and NOTIFY 100; text: Refer-To URI. Say more by ua_notify */
    UA_REFER_DONE, /* final response to our REFER: status */
    UA_SUBSCRIBED, /* final response to our SUBSCRIBE: status */
    UA_NOTIFY,     /* of our REFER: status and text of the sipfrag; of our SUBSCRIBE: status 0, body: the document;
                      is_last: nothing will follow */
    UA_OPTIONS,    /* final response to our OPTIONS: status; call NULL, tag as given */
    UA_SENT,       /* final response to our MESSAGE: status; call NULL, tag as given */
    UA_REGISTERED, /* final response to our REGISTER, once a challenge is answered: status; call NULL */
    UA_MESSAGE,    /* MESSAGE to us, accepted with 200; body: its words; text: From URI; call NULL */
    UA_ENDED,      /* it is over; status of the final response, 0: BYE; text says why. Forget the pointer */
};

struct ua_event {
    enum ua_event_kind kind;
    int status;
    const char *text;
    const char *body; /* NULL: none */
    size_t n_body;
    bool is_last, by_us;
    void *tag;                 /* UA_OPTIONS, UA_SENT */
    const struct sip_msg *msg; /* what came, NULL if nothing did */
};

struct ua_user {
    void *ctx;
    /** Everything in event lives during the call. May call anything of this page but ua_free and ua_step. */
    void (*on_event)(void *ctx, struct ua_call *call, const struct ua_event *event);
};

struct ua_cfg {
    struct addr local;      /* port 0: the kernel picks */
    struct tls_cfg tls;     /* for FLOW_TLS; verify and ca, no certificate of our own */
    uint8_t transport;      /* FLOW_UDP, FLOW_TCP or FLOW_TLS: of requests whose URI names none */
    struct addr proxy;      /* set: requests outside dialogs go there, whatever their URI says */
    const char *user;       /* of our From and Contact: "alice" */
    const char *auth_user, *auth_password; /* answer challenges, outlive the agent; NULL: a challenge ends the call */
    const char *auth_realm; /* the only realm that credentials are given to; NULL: any */
    const char *priority;   /* Resource-Priority of our INVITEs, outlives the agent; NULL: none */
    uint32_t calls_max;     /* sizes the transaction layer; 0: few */
};

/** @return 0 | -ENOMEM | what bind says */
int ua_build(struct ua **ua, const struct ua_cfg *cfg, const struct ua_user *user);
/** Frees it and all calls; no event is told. */
void ua_free(struct ua *ua);

/** Takes what has come, runs timers; waits at most wait_ms for something. @return 0 | negative errno */
int ua_step(struct ua *ua, unsigned wait_ms);

/** "127.0.0.1:5070", of the transport that it calls by. */
const char *ua_where(const struct ua *ua, char text[ADDR_TEXT_MAX]);
uint64_t ua_now_ns(const struct ua *ua);
/** Calls that are not over. */
unsigned ua_n_calls(const struct ua *ua);

struct ua_dial {
    const char *target;      /* URI */
    const char *user;        /* of From; NULL: that of the agent */
    const char *body;        /* the offer; NULL: none, the 200 will have one */
    size_t n_body;
    const char *referred_by; /* NULL: none */
    bool no_ack;             /* never acknowledge: a test of the other side */
    bool no_redirect;        /* 3xx ends it */
    void *tag;
};

/** INVITE. @return 0 | -EINVAL: target cannot be read | -EHOSTUNREACH: cannot be resolved | -ENOMEM | -EAGAIN */
int ua_dial(struct ua *ua, const struct ua_dial *dial, struct ua_call **call);

/** Answers the open INVITE or re-INVITE of the peer. @return 0 | -ENOENT none is open | as txn_respond */
int ua_answer(struct ua_call *call, int status, const char *body, size_t n_body);

/** ACK with the answer to the offer of a 200. @return 0 | negative errno */
int ua_ack(struct ua_call *call, const char *body, size_t n_body);

/** re-INVITE; body NULL: without an offer. @return 0 | -EBUSY one is open | negative errno */
int ua_reinvite(struct ua_call *call, const char *body, size_t n_body);

/** Ends it: BYE, or CANCEL while it is not answered, or 603. UA_ENDED follows. */
void ua_hangup(struct ua_call *call);

/** Forgets a dialog without a word: a test of the other side. UA_ENDED does not follow. */
void ua_forget(struct ua_call *call);

/** REFER outside a dialog: asks target to call refer_to. Ends with the last NOTIFY. @return as ua_dial */
int ua_refer(struct ua *ua, const char *target, const char *refer_to, void *tag, struct ua_call **call);

/** REFER within a call: asks the conference it is in to call refer_to, or with ";method=BYE" in it to remove them.
 * @return 0 | negative errno */
int ua_bring(struct ua_call *call, const char *refer_to);

/** SUBSCRIBE outside a dialog. Ends with the last NOTIFY; it is not refreshed. Challenges are not answered. @return as
 * ua_dial */
int ua_subscribe(struct ua *ua, const char *target, const char *event, const char *accept, uint32_t expires_s,
                 void *tag, struct ua_call **call);

/** NOTIFY with a sipfrag for the REFER that came by this call. is_last ends the subscription. @return 0 | -ENOENT */
int ua_notify(struct ua_call *call, int status, const char *reason, bool is_last);

/** OPTIONS outside a dialog. @return as ua_dial */
int ua_options(struct ua *ua, const char *target, void *tag);

/**
 * REGISTER of our user at that server ("sip:HOST[:PORT]"), for so long; again: refreshes it, 0 ends it. A challenge is
 * answered with the agent's credentials. @return as ua_dial
 */
int ua_register(struct ua *ua, const char *registrar, uint32_t expires_s);

/** MESSAGE outside a dialog with these words as text/plain. @return as ua_dial  @source RFC 3428 4 */
int ua_message(struct ua *ua, const char *target, const char *words, void *tag);

/** The first sip URI in the words of a MESSAGE, without what a sentence hangs onto it. It has no blank and no control
 * character. @return 0 | -ENOENT none that fits */
int ua_message_uri(const char *words, size_t n, char *uri, size_t size);

void *ua_call_tag(const struct ua_call *call);
void ua_call_set_tag(struct ua_call *call, void *tag);
/** The peer's Contact: for a call to a conference its URI. "" before the 200. */
const char *ua_call_target(const struct ua_call *call);
bool ua_call_is_up(const struct ua_call *call);
/** When our INVITE was first sent. */
uint64_t ua_call_begin_ns(const struct ua_call *call);

#endif
