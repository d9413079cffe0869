/*
 * The focus (RFC 4353, RFC 4579): owns the conferences of this node and their calls, takes every SIP request that the
 * transaction layer lets through and every event of the workers, and decides who answers: factory, conference, call. A
 * function of messages, events and time: it opens no socket, reads no clock and draws no random number itself.
 *
 *     focus.c    which resource a request means; events of the workers; start and end
 *     room.c     conferences: issue, open, end
 *     factory.c  INVITE to the well-known URI
 *     invite.c   reading an INVITE: body, offer, what it asks for; refusing it
 *     call.c     one participant's signalling, a table-driven state machine; call_media.c its leg
 *     refer.c    bringing others in, and removing them; dial.c calls them, reach.c says whether it may
 *     annex.c    what a conference has on other workers, when one is too small; call_move.c who moves between them
 *     lobby.c    where a call hears prompts and nobody hears it; prompts.c what is said there
 *     annc.c     announcements that are called for
 *
 * Signalling thread only.
 */
#ifndef SIG_FOCUS_H
#define SIG_FOCUS_H

#include "sig/complain.h"
#include "sig/dialog.h"
#include "sig/gate.h"
#include "sig/half.h"
#include "sig/late.h"
#include "sig/local.h"
#include "sig/log.h"
#include "sig/offer.h"
#include "sig/pin.h"
#include "sig/place.h"
#include "sig/policy.h"
#include "sig/prompts.h"
#include "sig/reach.h"
#include "sig/store.h"
#include "sig/trust.h"
#include "sig/txn.h"
#include "sig/uri.h"

#define FOCUS_HOSTS_MAX 32
#define FOCUS_HOST_MAX 128
#define FOCUS_LISTS "recipient-list-invite" /* RFC 5366: while anybody may be called */
#define FOCUS_TYPES "application/sdp, multipart/mixed"
#define FOCUS_USER_MAX 64
#define FOCUS_EVENTS_BATCH 1024 /* of one worker in one beat */
#define FOCUS_BEAT_NS (5 * NS_PER_MS)
#define FOCUS_CALM_NS (50 * NS_PER_MS) /* while the worker tells nothing: a look costs as much as three packets */

#define FOCUS_NAMES 4096
#define FOCUS_SSRCS 4096 /* buckets */
#define FOCUS_SOCKETS_MAX 16
#define FOCUS_DIAL_RATES 1024 /* of those who have others called: buckets, by hash */

enum focus_refer { FOCUS_REFER_PARTICIPANTS, FOCUS_REFER_CREATOR, FOCUS_REFER_OFF }; /* who may REFER to a conference */

enum focus_mode { FOCUS_REDIRECT, FOCUS_DIRECT }; /* what the factory answers: 302, or 200 as the focus itself */

struct focus_cfg {
    uint16_t node;               /* in every conference URI */
    char domain[FOCUS_HOST_MAX]; /* host[:port] of our URIs */
    bool domain_is_ours;         /* nobody gave it: a peer on another listener gets that one's address in its stead */
    struct addr sockets[FOCUS_SOCKETS_MAX]; /* for SIP, as they are bound: no media goes there */
    unsigned n_sockets;
    char hosts[FOCUS_HOSTS_MAX][FOCUS_HOST_MAX]; /* what a Request-URI may name us by, lower case, no port, no [] */
    unsigned n_hosts;
    bool any_literal_host; /* a listener is bound to every address: any literal is ours */
    char factory_user[FOCUS_USER_MAX];
    enum focus_mode factory_mode;
    struct offer_policy policy;
    char advertised[ADDR_TEXT_MAX];       /* media address in our SDP, literal; "": the interface's own */
    char advertised_other[ADDR_TEXT_MAX]; /* the same of the other family's interface */
    uint32_t conferences_max;             /* up to URI_SLOTS_MAX */
    uint32_t legs_max;                    /* of one conference */
    uint32_t talkers;
    uint32_t session_s; /* session timer with peers that know it and name none; 0: none */
    uint16_t quiet_s;   /* a call without RTP for so long ends; 0: never */
    bool reservation;
    uint32_t reserve_s, reserve_legs; /* how long and for how many legs a fresh conference holds room */
    uint32_t unused_s;                /* a conference URI that nobody has called dies after it */
    uint32_t half_calls_max;          /* of one source address, see half.h; 0: any number */
    uint32_t life_s;                  /* no conference lives longer */
    uint32_t linger_s;                /* after the last participant has left */
    char realm[AUTH_REALM_MAX];       /* of digest authentication; "": nobody is asked who he is */
    unsigned digests;                 /* as auth_cfg.algorithms */
    enum pin_policy pin;
    bool allocate_before_auth;     /* the factory answers anybody; who joins is asked all the same */
    const struct prompts *prompts; /* what is said to callers; outlives the workers. NULL: nothing */
    struct trust trusted;          /* peers whose P-Asserted-Identity is believed */
    bool netann;                   /* sip:conf=NAME@host, sip:annc@host (RFC 4240) */
    enum focus_refer refer;
    bool creator_ends;        /* a conference ends when its creator leaves it */
    bool hold_music_is_mixed; /* else who puts us on hold is muted: what comes then is music */
    struct reach reach;       /* whom we may call */
    uint32_t dial_rate;       /* calls a minute that one may ask for */
    char dial_user[AUTH_USER_MAX], dial_realm[AUTH_REALM_MAX]; /* who we are to the outbound proxy; "": nobody */
    char dial_password[AUTH_USER_MAX];
    char cname[CNAME_MAX]; /* RTCP */
    char server[64];       /* Server header, "": none */
    bool strict;           /* tests: a cell of the call's table that cannot be reached aborts */
};

/* Why a request was refused: name, status, text for people. Each is counted. */
#define FOCUS_REFUSAL_LIST(X)                                                                                          \
    X(SCHEME, 416, "URI scheme that is not served")                                                                    \
    X(HOST, 404, "host that is not ours")                                                                              \
    X(USER, 404, "neither the factory nor a conference")                                                               \
    X(ENDED, 410, "conference that is over or has expired")                                                            \
    X(ANNOUNCEMENT, 404, "announcement that is not there")                                                             \
    X(REPEAT, 400, "announcement so many times")                                                                       \
    X(VOICEXML, 501, "dialog in VoiceXML, which is not spoken here")                                                   \
    X(EXTENSION, 420, "required extension that is not supported")                                                      \
    X(CREDENTIALS, 403, "wrong user or password, or an account that is blocked")                                       \
    X(CREDENTIALS_MALFORMED, 400, "credentials that are malformed, or of another request")                             \
    X(ENTITLEMENT, 403, "subscription that does not include conferences")                                              \
    X(STORE, 503, "account store does not answer")                                                                     \
    X(WATCH, 403, "roster asked for by somebody who is not there")                                                     \
    X(WATCHES, 480, "as many subscriptions as one participant may have")                                               \
    X(EVENT, 489, "event package that nobody here notifies of")                                                        \
    X(INTERVAL, 423, "subscription shorter than the shortest")                                                         \
    X(SESSION_SHORT, 422, "session timer shorter than the shortest")                                                   \
    X(SESSION_BAD, 400, "session timer that is no number")                                                             \
    X(PRECONDITION, 580, "reservation from end to end demanded")                                                       \
    X(EXTENSION_NEEDED, 421, "preconditions without reliable provisional responses")                                   \
    X(OPEN, 500, "an earlier INVITE is still open")                                                                    \
    X(PRACK_LOST, 504, "provisional response was never acknowledged")                                                  \
    X(PACKAGE, 469, "INFO of a package that nobody here has")                                                          \
    X(PIN_BARRED, 403, "too many wrong PINs from that address: later")                                                 \
    X(REFER_TO, 400, "REFER without one Refer-To that can be read")                                                    \
    X(REFER_METHOD, 403, "REFER to do what nobody is asked to do here")                                                \
    X(REFERRAL, 403, "REFER from somebody who may not")                                                                \
    X(REACH, 403, "REFER to somebody whom this server may not call")                                                   \
    X(PARTICIPANT, 404, "REFER to remove somebody who is not there")                                                   \
    X(DIAL_RATE, 480, "more calls asked for than may be made")                                                         \
    X(LIST, 400, "list of URIs that cannot be read")                                                                   \
    X(LIST_LONG, 413, "list of more URIs than the limit")                                                              \
    X(LOOP, 482, "a call of our own that has come back")                                                               \
    X(REPLACES, 400, "Replaces that cannot be read")                                                                   \
    X(REPLACES_EARLY, 486, "Replaces of what has been answered")                                                       \
    X(REPLACES_OVER, 603, "Replaces of a call that is over")                                                           \
    X(REPLACES_RIGHT, 403, "Replaces of somebody else's call")                                                         \
    X(CONTACT, 400, "INVITE without one usable Contact")                                                               \
    X(ACCEPT, 406, "peer takes no SDP")                                                                                \
    X(BODY_TYPE, 415, "body that is not SDP")                                                                          \
    X(BODY, 400, "malformed SDP")                                                                                      \
    X(BODY_LIMIT, 488, "SDP beyond the limits")                                                                        \
    X(MEDIA, 488, "no stream, transport or codec that fits")                                                           \
    X(MEDIA_ADDRESS, 488, "media address that is a socket of ours, or no host's")                                      \
    X(DIALOG, 481, "no such dialog")                                                                                   \
    X(SOURCE, 403, "request in a dialog from another host, and by another user")                                       \
    X(CSEQ, 500, "CSeq lower than the last one")                                                                       \
    X(PENDING, 491, "our own offer has no answer yet")                                                                 \
    X(MOVING, 491, "media that is on its way from one worker to another")                                              \
    X(LOCKED, 403, "conference that nobody more gets into")                                                            \
    X(LEGS, 486, "conference has as many participants as it may have")                                                 \
    X(HALF_CALLS, 503, "as many half calls of one source as there may be")                                             \
    X(CONFS, 503, "as many conferences as there may be")                                                               \
    X(CPU, 503, "CPU budget spent")                                                                                    \
    X(BANDWIDTH, 503, "bandwidth spent")                                                                               \
    X(PORTS, 503, "no RTP port left")                                                                                  \
    X(FDS, 503, "no file descriptor left")                                                                             \
    X(WORKER, 503, "worker's message ring full")                                                                       \
    X(MEMORY, 500, "no memory")                                                                                        \
    X(FAULT, 500, "a fault of our own")                                                                                \
    X(STOPPING, 503, "server is going down")                                                                           \
    X(METHOD, 405, "method that makes no sense here")

enum focus_refusal {
#define X(name, status, text) FOCUS_##name,
    FOCUS_REFUSAL_LIST(X)
#undef X
        FOCUS_REFUSALS
};

const char *focus_refusal_name(enum focus_refusal refusal);
const char *focus_refusal_text(enum focus_refusal refusal);
int focus_refusal_status(enum focus_refusal refusal);

/* Why a call ended. */
#define FOCUS_ENDING_LIST(X)                                                                                           \
    X(PEER, "participant hung up")                                                                                     \
    X(QUIET, "no RTP")                                                                                                 \
    X(SESSION, "session was not refreshed")                                                                            \
    X(CANCELLED, "cancelled before it was answered")                                                                   \
    X(PIN, "PIN was wrong, or never came")                                                                             \
    X(ACK_LOST, "answer was never acknowledged")                                                                       \
    X(ANSWER, "no usable answer to our offer")                                                                         \
    X(DECLINED, "was called, and declined")                                                                            \
    X(NO_ANSWER, "was called, and did not answer")                                                                     \
    X(PLAYED, "announcement is over")                                                                                  \
    X(REMOVED, "removed from the conference")                                                                          \
    X(REPLACED, "another call took its place")                                                                         \
    X(LOOP, "its media address is one of ours")                                                                        \
    X(CONFERENCE, "conference is over")                                                                                \
    X(STOP, "server is going down")                                                                                    \
    X(FAULT, "a fault of our own")

enum focus_ending {
#define X(name, text) FOCUS_END_##name,
    FOCUS_ENDING_LIST(X)
#undef X
        FOCUS_ENDINGS
};

const char *focus_ending_name(enum focus_ending ending);
const char *focus_ending_text(enum focus_ending ending);

/* Readable from any thread. */
struct focus_stats {
    counter calls, confs, legs, subs, lobbies; /* gauges; legs: lent to workers */
    counter half_calls;                        /* gauge */
    counter notifies;
    counter dials, dials_answered, dials_refused; /* calls of ours */
    counter calls_made, confs_made, redirects, challenges;
    counter refused[FOCUS_REFUSALS];
    counter ended[FOCUS_ENDINGS];
    counter pins_wrong, announcements;
    counter moves_in, moves_out, moves_refused; /* between annexes and owners */
    counter events_dtmf, impossible, store_errors;
};

/* What it asks of the world. */
struct focus_world {
    void *ctx;
    int (*random)(void *ctx, void *bytes, size_t n_bytes); /* @return 0 | -EIO: nothing may be issued */
    uint64_t (*wall_s)(void *ctx);                         /* Unix time */
    /* host[:port] by which a peer on that flow reaches us, as txn_world.sent_by; NULL: the domain */
    void (*sent_by)(void *ctx, const struct flow *flow, char *text, size_t size);
};

struct call;
struct room;

struct focus {
    struct focus_cfg cfg;
    struct focus_world world;
    struct txns *txns;
    struct timer_wheel *wheel;
    struct place *place;
    struct store *store;
    const struct log *log;
    struct focus_stats stats;
    uint8_t secret[KEYS_SECRET_BYTES];
    struct pin_failures pin_failures;
    struct auth *auth;  /* NULL: nobody is asked */
    struct sub *ending; /* subscriptions whose subject is over, and whose last NOTIFY waits */
    struct complaints complaints;
    struct halves halves;
    struct halves unread; /* NOTIFYs under way to addresses that have never answered: one each */
    struct policies policies;
    struct gate *gates, **gates_end; /* requests that wait for an account, oldest first, as the store answers */
    uint64_t last_cookie;
    uint64_t began_s, began_ms;               /* by the wall clock, and by that of the timers */
    uint64_t complained_s;                    /* when the log was last told of the store */
    struct addr media_host, media_host_other; /* as our SDP names the interface of each family; other unset: none */
    bool stopping;
    uint64_t last_id; /* for log lines */
    struct focus_dial_rate {
        uint64_t since_ms;
        uint32_t n_left;
    } dial_rates[FOCUS_DIAL_RATES];

    struct room **slots;  /* [conferences_max], by the slot in the token */
    uint32_t *free_slots; /* ring of the free ones: the longest free is taken next */
    uint32_t free_at, n_free;
    struct room *named[FOCUS_NAMES]; /* by hash of their names */
    struct room *rooms;
    struct call *calls;
    struct call *tx_ssrcs[FOCUS_SSRCS]; /* by the SSRC of our stream to them */
    struct local local;
    struct late late;
    struct dialogs dialogs;
    unsigned n_due; /* calls and rooms that wait for space in a ring */
};

/**
 * Makes it, and takes the secret and the living conferences out of the store.
 *
 * @param place, store, log, wheel  outlive it; store NULL: nothing is kept, and the secret is drawn
 * @return 0 | -EINVAL | -ENOMEM | -ETIMEDOUT, -EIO ...: the store
 */
int focus_build(struct focus **focus, const struct focus_cfg *cfg, const struct focus_world *world,
                struct timer_wheel *wheel, struct place *place, struct store *store, const struct log *log);

/** Frees it. @pre focus_is_idle, or the workers have stopped: what is still lent then is abandoned */
void focus_free(struct focus *focus);

/** Callbacks for txns_build; then hand it the layer that was made. */
struct txn_user focus_user(struct focus *focus);
void focus_attach(struct focus *focus, struct txns *txns);

/** Methods it serves, as a set of sip_bit. */
uint32_t focus_methods(void);

/** Takes the workers' events and what waited for a ring. Timers are the wheel's. @return when it wants to be called
 * again at the latest, in ns from now */
uint64_t focus_beat(struct focus *focus);

/** Ends every conference of this run: BYE to all, legs back. Their URIs stay in the store, and are good again after a
 * restart; until then INVITEs get 503. */
void focus_stop(struct focus *focus);

/** No call, nothing lent. */
bool focus_is_idle(const struct focus *focus);

/* --- For its parts ------------------------------------------------------------------------------------------------ */

/* FOCUS_NAMED: a conference of an application's choice of name, which an INVITE makes. FOCUS_ANNC: plays something. */
enum focus_target { FOCUS_NOBODY, FOCUS_SERVER, FOCUS_FACTORY, FOCUS_NAMED, FOCUS_ANNC, FOCUS_CONFERENCE };

/** Counts and answers a refusal with what belongs to its status: Retry-After, Accept, Allow ... txn NULL: counts only.
 */
void focus_refuse(struct focus *focus, struct txn *txn, enum focus_refusal refusal);

/** The same with a header of its own, e.g. Warning or Unsupported. */
void focus_refuse_with(struct focus *focus, struct txn *txn, enum focus_refusal refusal, const char *name,
                       const char *value);

/** Serves an authorised request: outside of any dialog, or within one of the caller's. */
void focus_serve(struct focus *focus, struct txn *txn, const struct sip_msg *msg, const struct identity *who);

/** "host[:port];transport=tls": what stands behind the @ of our URIs for a peer on that flow. @return text */
const char *focus_host(const struct focus *focus, const struct flow *flow, char text[FOCUS_HOST_MAX + 32]);

/** Unix time as it was at the start, and what has passed since: a clock that somebody sets makes it no jump. For
 * whatever must not begin anew, or never end, because of it. */
uint64_t focus_steady_s(const struct focus *focus);

/** Is it one of the names and addresses that we go by, in any spelling? */
bool focus_has_host(const struct focus *focus, const char *host);

/** Answers OPTIONS as an INVITE would be answered there. room: of a conference, else NULL. */
void focus_options(struct focus *focus, struct txn *txn, enum focus_target target, const struct room *room);

/** Allow, Supported, Accept, Server. */
void focus_add_abilities(const struct focus *focus, struct sip_out *out);

/** What a negative errno of placement, building or the ring means for the caller. */
enum focus_refusal focus_refusal_of(int err);

#endif
