/*
 * What every part of signalling takes from its surroundings: settings, the wheel, the transactions, placement, store,
 * log, figures, and the lists of conferences and calls. The focus makes one, and hands it down. A function of messages,
 * events and time: nothing here opens a socket, reads a clock or draws a random number itself; struct env_world does.
 *
 * Signalling thread only.
 */
#ifndef SIG_ROOM_ENV_H
#define SIG_ROOM_ENV_H

#include "core/base/ptt.h"
#include "sig/base/log.h"
#include "sig/base/quota.h"
#include "sig/base/trust.h"
#include "sig/base/uri.h"
#include "sig/place/place.h"
#include "sig/room/identity.h"
#include "sig/room/local.h"
#include "sig/room/member.h"
#include "sig/room/policy.h"
#include "sig/room/reach.h"
#include "sig/sdp/offer.h"
#include "sig/sip/complain.h"
#include "sig/store/store.h"
#include "sig/txn/dialog.h"
#include "sig/txn/refusal.h"
#include "sig/txn/sub.h"
#include "sig/txn/txn.h"

#define ENV_HOSTS_MAX 32
#define ENV_HOST_MAX 128
#define ENV_LISTS "recipient-list-invite"        /* RFC 5366: while anybody may be called */
#define ENV_EVENT_LISTS "eventlist"              /* RFC 4662: while presence is served */
#define ENV_OWN_LISTS "recipient-list-subscribe" /* RFC 5367: as well */
#define ENV_PRESENCE_EVENTS "presence, presence.winfo, poc-settings, reg"
#define ENV_TYPES "application/sdp, multipart/mixed"
#define ENV_USER_MAX 64
#define ENV_USER_URI_MAX 640 /* "sip:user@host", the user with its escapes */
#define ENV_NAMES 4096
#define ENV_SSRCS 4096 /* buckets */
#define ENV_SOCKETS_MAX 16
#define ENV_DIAL_RATES 1024 /* token buckets of requesters, by hash */
/* What may be said of a conference in a log line: the part of its token that is no secret. */
#define ENV_LABEL_CHARS 8

struct call;
struct pin_failures;
struct prompts;
struct room;

enum refer_policy { REFER_PARTICIPANTS, REFER_CREATOR, REFER_OFF }; /* from whom a conference takes REFER */

enum factory_mode { FACTORY_REDIRECT, FACTORY_DIRECT }; /* what the factory answers: 302, or 200 as the focus itself */

enum pin_policy {
    PIN_OFF,
    PIN_ALSO,   /* after digest, a user with a PIN keys it in */
    PIN_INSTEAD /* without credentials the From is the user, once its PIN is right */
};

struct env_cfg {
    uint16_t node;             /* in every conference URI */
    char domain[ENV_HOST_MAX]; /* host[:port] of our URIs */
    bool domain_is_ours;       /* not configured: a peer on another listener gets that listener's address instead */
    struct addr sockets[ENV_SOCKETS_MAX]; /* for SIP, as they are bound: no media goes there */
    unsigned n_sockets;
    char hosts[ENV_HOSTS_MAX][ENV_HOST_MAX]; /* what a Request-URI may name us by, lower case, no port, no [] */
    unsigned n_hosts;
    bool any_literal_host; /* a listener is bound to every address: any literal is ours */
    char factory_user[ENV_USER_MAX];
    enum factory_mode factory_mode;
    struct offer_policy policy;
    char advertised[ADDR_TEXT_MAX];       /* media address in our SDP, literal; "": the interface's own */
    char advertised_other[ADDR_TEXT_MAX]; /* the same of the other family's interface */
    uint32_t conferences_max;             /* up to URI_SLOTS_MAX */
    uint32_t legs_max;                    /* of one conference */
    uint32_t talkers;
    uint32_t session_s; /* session timer with peers that know it and name none; 0: none */
    uint16_t quiet_s;   /* end a call after so long without received RTP; 0: never */
    bool reservation;
    uint32_t reserve_s, reserve_legs; /* how long and for how many legs a fresh conference holds room */
    uint32_t unused_s;                /* lifetime of a conference URI that nobody has joined */
    uint32_t half_calls_max;          /* unacknowledged calls of one source address, see unacked.h; 0: any number */
    uint32_t life_s;                  /* no conference lives longer */
    uint32_t linger_s;                /* after the last participant has left */
    char realm[AUTH_REALM_MAX];       /* of digest authentication; "": no authentication */
    unsigned digests;                 /* as auth_cfg.algorithms */
    enum pin_policy pin;
    bool allocate_before_auth;     /* the factory needs no authentication; joining does */
    const struct prompts *prompts; /* recordings for callers; outlives the workers. NULL: none */
    struct trust trusted;          /* peers whose P-Asserted-Identity is believed */
    bool netann;                   /* sip:conf=NAME@host, sip:annc@host (RFC 4240) */
    enum refer_policy refer;
    bool creator_ends;        /* a conference ends when its creator leaves it */
    bool hold_music_is_mixed; /* else a participant that puts us on hold is muted: what comes then is music */
    struct reach reach;       /* destinations that we may call */
    uint32_t dial_rate;       /* calls a minute for one requester */
    char dial_user[AUTH_USER_MAX], dial_realm[AUTH_REALM_MAX]; /* our credentials at the outbound proxy; "": none */
    char dial_password[AUTH_USER_MAX];
    char cname[CNAME_MAX]; /* RTCP */
    char server[64];       /* Server header, "": none */
    bool strict;           /* tests: a cell of the call's table that cannot be reached aborts */
};

/* Readable from any thread. */
struct env_stats {
    counter calls, confs, legs, subs, lobbies; /* gauges; legs: lent to workers */
    counter half_calls;                        /* gauge */
    counter notifies;
    counter dials, dials_answered, dials_refused; /* calls of ours */
    counter calls_made, confs_made, redirects, challenges;
    counter refused[REFUSALS];
    counter ended[ENDINGS];
    counter pins_wrong, announcements;
    counter moves_in, moves_out, moves_refused; /* between annexes and owners */
    counter events_dtmf, impossible, store_errors;
};

/* What it asks of the world. */
struct env_world {
    void *ctx;
    int (*random)(void *ctx, void *bytes, size_t n_bytes); /* @return 0 | -EIO: nothing may be issued */
    uint64_t (*wall_s)(void *ctx);                         /* Unix time */
    /* host[:port] by which a peer on that flow reaches us, as txn_world.sent_by; NULL: the domain */
    void (*sent_by)(void *ctx, const struct flow *flow, char *text, size_t size);
};

/* What calls need of the rooms above them. */
struct env_upper {
    /** Would a PIN from the source of this request be judged too late to be of use? */
    bool (*is_barred)(const struct env *env, const struct sip_msg *msg);
    /** Gives a new call its script, if it needs one before its conference or instead of it. policy: of the conference,
     * NULL: none. @return 0 | -ENOMEM */
    int (*script)(struct call *call, const struct store_policy *policy);
    /** Answers a request in a call's dialog that is not about the call itself: SUBSCRIBE, REFER, OPTIONS. */
    void (*request)(struct call *call, struct txn *txn, const struct sip_msg *msg);
    /** What logs call the conference that a request is about. @return label; "": none */
    const char *(*label)(struct env *env, const struct sip_msg *msg, char label[ENV_LABEL_CHARS + 1]);
};

/* Where the registered users of this domain are. */
struct env_locate {
    void *ctx;
    /** @return 0 | -ENOENT unknown, or without a phone that can be reached */
    int (*find)(void *ctx, const char *user, struct reach_way *way);
};

/* What push-to-talk wants to know of its calls, and of the floors that they are at. */
struct env_ptt {
    void *ctx;
    unsigned n_sessions; /* while there are any, workers are listened to more often */
    /** Its floor says something of it. */
    void (*floor)(void *ctx, struct call *call, enum floor_event what, uint32_t value);
    /** Its terminal has not answered three keep-alives, or is back. */
    void (*alive)(void *ctx, struct call *call, bool is_alive);
    /** It is up, or over. */
    void (*changed)(void *ctx, struct call *call);
    /** REFER in its dialog: somebody pushes, or lets go of the key (method=BYE). @return REFUSALS: it is done */
    enum refusal (*refer)(void *ctx, struct call *call, const struct sip_uri *to, bool is_release);
};

struct env {
    struct env_cfg cfg;
    struct env_world world;
    const struct env_upper *upper;
    struct env_ptt ptt;       /* floor NULL: there is none */
    struct env_locate locate; /* find NULL: nobody registers here */
    struct txns *txns;
    struct timer_wheel *wheel;
    struct place *place;
    struct store *store;
    const struct log *log;
    struct env_stats stats;
    uint8_t secret[KEYS_SECRET_BYTES];
    uint64_t began_s, began_ms;               /* by the wall clock, and by that of the timers */
    struct addr media_host, media_host_other; /* as our SDP names the interface of each family; other unset: none */
    bool has_presence;                        /* served beside the focus */
    bool stopping;
    uint64_t last_id; /* for log lines */

    struct dialogs dialogs;
    struct sub_env subs;
    struct sub *ending; /* subscriptions whose subject is over, and whose last NOTIFY waits */
    struct complaints complaints;
    struct quota unacked;
    struct policies policies;
    struct local local;
    struct pin_failures *pin_failures;
    struct dial_rate_bucket {
        uint64_t since_ms;
        uint32_t n_left;
    } dial_rates[ENV_DIAL_RATES];

    struct room **slots;  /* [conferences_max], by the slot in the token */
    uint32_t *free_slots; /* ring of the free ones: the longest free is taken next */
    uint32_t free_at, n_free;
    struct room *named[ENV_NAMES]; /* by hash of their names */
    struct room *rooms;
    struct call *calls;
    struct room *dead_rooms; /* over, with everything back: freed once a beat */
    struct call *dead_calls;
    struct call *tx_ssrcs[ENV_SSRCS]; /* by the SSRC of our stream to them */
    unsigned n_due;                   /* calls and rooms that wait for space in a ring */
};

/** Counts and answers a refusal with what belongs to its status: Retry-After, Accept, Allow ... txn NULL: counts only.
 */
void env_refuse(struct env *env, struct txn *txn, enum refusal refusal);

/** The same with a header of its own, e.g. Warning or Unsupported. */
void env_refuse_with(struct env *env, struct txn *txn, enum refusal refusal, const char *name, const char *value);

/** Methods that are served, as a set of sip_bit. */
uint32_t env_methods(void);

/** Adds Allow, Supported, Accept, Server. */
void env_add_abilities(const struct env *env, struct sip_out *out);

/** "host[:port];transport=tls": what stands behind the @ of our URIs for a peer on that flow. @return text */
const char *env_host(const struct env *env, const struct flow *flow, char text[ENV_HOST_MAX + 32]);

/** The URI of a user of this domain. @return text */
const char *env_user_uri(const struct env *env, const char *user, char text[ENV_USER_URI_MAX]);
/** A Contact of ours for a peer on that flow, with that user: "<sip:user@host>". @return text */
const char *env_user_contact(const struct env *env, const char *user, const struct flow *flow,
                             char text[ENV_USER_URI_MAX]);

/** Is the sender this user of our domain: proven, asserted by a trusted peer, or without authentication by its From? */
bool env_is_user(const struct env *env, const struct sip_msg *msg, const struct identity *who, const char *user);

/** Is it one of the names and addresses that we go by, in any spelling? */
bool env_has_host(const struct env *env, const char *host);

/** Unix time at the start plus the time since: it does not jump when the clock is set. For what must not restart, or
 * last for ever, because of such a jump. */
uint64_t env_steady_s(const struct env *env);

#endif
