/*
 * Subscriptions that peers have to us (RFC 6665): a dialog of their own, or one more usage of a call's dialog (a REFER
 * within it). What they are about is a package's affair: roster.c (RFC 4575), refer.c (RFC 3515), sig/pres (RFC 3856).
 *
 * One NOTIFY at a time is under way, never two within the package's interval; the next one reports what happens in
 * between. To an address that has never answered there is one at a time, however many subscriptions it has. A peer that
 * answers 481, or not at all, has no subscription any more. Signalling thread only.
 */
#ifndef SIG_TXN_SUB_H
#define SIG_TXN_SUB_H

#include "sig/base/keys.h"
#include "sig/base/quota.h"
#include "sig/base/timer.h"
#include "sig/sip/auth.h"
#include "sig/txn/dialog.h"
#include "sig/txn/refusal.h"

#define SUB_SPREAD_MS 1000

struct sub;

/* What subscriptions need of their surroundings; outlives them. */
struct sub_env {
    struct txns *txns;
    struct timer_wheel *wheel;
    struct dialogs *dialogs;
    const uint8_t *secret; /* KEYS_SECRET_BYTES */
    const char *server;    /* Server and User-Agent headers, "": none */
    counter *subs;         /* gauge */
    counter *notifies;
    struct quota unproven; /* NOTIFYs under way to addresses that have never answered: one each */
    bool strict;           /* tests: what a subscription leaves behind aborts */
    void *ctx;
    /* Answers a refusal, as env_refuse_with. */
    void (*refuse)(void *ctx, struct txn *txn, enum refusal refusal, const char *name, const char *value);
    /* Adds to a NOTIFY what its peer's network expects. */
    void (*adorn)(void *ctx, const struct dialog *dialog, const char *contact, struct sip_out *out);
};

struct sub_package {
    const char *event;      /* "conference" */
    bool is_refer;          /* its ids are ours (RFC 3515 2.4.6) */
    uint32_t interval_ms;   /* at least so long between two NOTIFYs; 0: as fast as they are answered */
    uint32_t spread_ms;     /* many subscribers are notified of one change over so long; 0: SUB_SPREAD_MS */
    uint32_t expires_s;     /* when the peer names none */
    uint32_t expires_min_s; /* less gets 423, but 0 */
    uint32_t expires_max_s; /* more is cut */
    /** Adds the body of the next NOTIFY. is_first: whole state is due, too after a refresh. If there is more than fits
     * it sets is_due: another one follows. */
    void (*body)(struct sub *sub, struct sip_out *out, bool is_first);
    /** The sub dies with this call. */
    void (*gone)(struct sub *sub);
    /** Has nobody decided yet whether it may be served (Subscription-State: pending)? NULL: it may. */
    bool (*is_pending)(const struct sub *sub);
    /** Adds what the package's answers and NOTIFYs carry besides. NULL: nothing. */
    void (*adorn)(const struct sub *sub, struct sip_out *out);
};

/* Embedded in nothing: made by sub_make, known to its package by arg. */
struct sub {
    struct owner owner; /* of its NOTIFYs, and of its dialog if it has one of its own */
    struct sub_env *env;
    struct sub *next, **link; /* of the list that its maker gave */
    const struct sub_package *package;
    void *arg;
    char who[AUTH_USER_MAX]; /* the name that it counts for */
    struct dialog own;       /* with hash_link NULL: another's is used */
    struct dialog *dialog;
    char *contact; /* ours, of answers and NOTIFYs */
    char id[16];   /* ";id=" of the Event header, "": none */
    struct txn *notify;
    struct quota_hold unproven; /* its NOTIFY goes to an address that has never answered */
    struct timer expiry, wait;
    uint64_t notified_ns, expires_ns;
    bool is_broken;        /* a NOTIFY could not even be made: goes when nobody looks */
    bool has_waited;       /* its turn has come */
    bool is_due, is_whole; /* a NOTIFY is due; with the whole state */
    const char *ended;     /* reason of Subscription-State: terminated, NULL: active */
};

/**
 * Accepts a SUBSCRIBE or REFER: answers with status, and the first NOTIFY follows at once.
 *
 * @param list     head of the list it joins
 * @param shared   the dialog it came in; NULL: it makes one
 * @param contact  of the answer and the NOTIFYs, "<...>"
 * @param out      written; NULL on failure
 * @return 0 | -EPROTO refused (423, 500), and answered so
 */
int sub_accept(struct sub_env *env, const struct sub_package *package, struct sub **list, struct dialog *shared,
               struct txn *txn, const struct sip_msg *msg, int status, const char *contact, void *arg, const char *who,
               struct sub **out);

/** The id parameter of a request's Event header, in characters that we send. @return id, "": none */
const char *sub_event_id(const struct sip_msg *msg, char id[16]);

/** A SUBSCRIBE for a subscription that is there: refresh, or end with Expires: 0. Answers it. */
void sub_refresh(struct sub *sub, struct txn *txn, const struct sip_msg *msg);

/** Sends a NOTIFY as soon as it may go: something has changed. */
void sub_notify(struct sub *sub);

/** Ends it with a last NOTIFY: "noresource", "timeout", "deactivated" ... The sub may be gone after it. */
void sub_end(struct sub *sub, const char *reason);

/** Moves it to another list: its maker goes before it does. */
void sub_move(struct sub *sub, struct sub **list);

/** The user of the subscription that owns a dialog or a transaction. @return "": no subscription does, or unknown */
const char *sub_user(const struct owner *owner);

/** A dialog is over: those of a list that ride on it are forgotten. */
void sub_dialog_gone(struct sub *list, const struct dialog *dialog);

/** Forgets it without a word: its dialog is over. */
void sub_forget(struct sub *sub);

#endif
