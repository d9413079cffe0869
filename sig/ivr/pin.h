/*
 * A PIN by keypad (RFC 4733 events, or INFO with application/dtmf-relay), also or instead of digest: a caller who owes
 * one is in a lobby (lobby.h), where prompts ask for it, and not on the roster, until it is right. Three tries, and so
 * much time in all. Wrong PINs slow down where they come from: the verdict on the next one from that source waits twice
 * as long each time, one after the other, however many calls it makes. Neither a conference nor an account is barred by
 * what strangers key in; beyond a few it takes a second or two more. Digits are never logged.
 */
#ifndef SIG_IVR_PIN_H
#define SIG_IVR_PIN_H

#include "sig/room/env.h"

#define PIN_DIGITS_MAX 12
#define PIN_TRIES 3
#define PIN_WAIT_S 30       /* without a digit: the call ends */
#define PIN_TOTAL_S 120     /* the whole dialogue */
#define PIN_FREE 3          /* wrong ones of a source that cost it no time; then 2 s, 4 s, 8 s ... */
#define PIN_SLOW_MAX_S 3600 /* so long at most */
#define PIN_CROWD 20        /* wrong ones of all sources about one PIN: from then on each verdict on it takes */
#define PIN_CROWD_MS 2000   /* so long */
#define PIN_WINDOW_S 3600   /* without a wrong one: forgotten */
#define PIN_SLOTS 4096

struct call;

/* Wrong PINs, by a hash of where they come from, or of what they are about: two that share a place share their luck. */
struct pin_failures {
    struct {
        uint32_t n;
        uint64_t last_s;
        uint64_t next_ms; /* the next verdict is not before */
    } slots[PIN_SLOTS];
};

/** Would a PIN from the source of this request be judged too late to be of use? */
bool pin_is_barred(const struct env *env, const struct sip_msg *msg);

/** Begins the dialogue, as the call's script, if its caller owes a PIN, or the conference has one, or both: its own
 * comes first. '#' ends a PIN, '*' begins it anew. policy: of the conference, NULL: none. @return 0 | -ENOMEM */
int pin_begin(struct call *call, const struct store_policy *policy);

/** Number of wrong PINs whose verdict the caller has heard. 0 also: it owes none. */
unsigned pin_tries(const struct call *call);

#endif
