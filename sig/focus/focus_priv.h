/* The focus from inside: what it keeps to itself, and which resource a request means. */
#ifndef SIG_FOCUS_FOCUS_PRIV_H
#define SIG_FOCUS_FOCUS_PRIV_H

#include "sig/focus/focus.h"
#include "sig/focus/gate.h"
#include "sig/ivr/pin.h"
#include "sig/place/late.h"
#include "sig/sip/auth.h"

#define FOCUS_EVENTS_BATCH 1024 /* of one worker in one beat */
#define FOCUS_BEAT_NS (5 * NS_PER_MS)
#define FOCUS_CALM_NS (50 * NS_PER_MS) /* while the worker tells nothing: a look costs as much as three packets */

struct focus {
    struct env env;
    struct auth *auth;               /* NULL: nobody is asked */
    struct gate *gates, **gates_end; /* requests that wait for an account, oldest first, as the store answers */
    uint64_t last_cookie;
    uint64_t complained_s; /* when the store was last logged as failing */
    struct late late;
    struct pin_failures pin_failures;
    struct focus_beside besides[FOCUS_BESIDE_MAX];
    unsigned n_besides;
};

/* TARGET_NAMED: a conference of an application's choice of name, which an INVITE makes. TARGET_ANNC: plays something.
 * TARGET_BESIDE: of a room beside the focus. */
enum target_kind {
    TARGET_NOBODY,
    TARGET_SERVER,
    TARGET_FACTORY,
    TARGET_NAMED,
    TARGET_ANNC,
    TARGET_CONFERENCE,
    TARGET_BESIDE
};

/* What a Request-URI names. */
struct target {
    enum target_kind kind;
    enum factory_mode mode;            /* TARGET_FACTORY */
    struct room *room;                 /* TARGET_CONFERENCE, else NULL */
    enum refusal refusal;              /* TARGET_NOBODY: why */
    const struct focus_beside *beside; /* TARGET_BESIDE */
};

/** The room beside the focus that wants a request. @return NULL: none does */
const struct focus_beside *focus_beside_of(const struct focus *focus, const struct sip_msg *msg);
/** Hands them a reply of the store. A document's body is freed after it. */
void focus_beside_replies(struct focus *focus, const struct store_reply *reply);

/** Answers OPTIONS as an INVITE would be answered there. */
void focus_options(struct env *env, struct txn *txn, const struct target *target);

/** As env_upper. */
const char *focus_label(struct env *env, const struct sip_msg *msg, char label[ENV_LABEL_CHARS + 1]);
/** As env_upper: SUBSCRIBE, REFER and OPTIONS in a call's dialog. */
void focus_in_dialog(struct call *call, struct txn *txn, const struct sip_msg *msg);

#endif
