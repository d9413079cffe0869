/*
 * A PIN by keypad (RFC 4733 events, or INFO with application/dtmf-relay), also or instead of digest: a caller who owes
 * one is in a lobby (lobby.h), where prompts ask for it, and not on the roster, until it is right. Three tries; who
 * fails too often within an hour is not asked again. Digits are never logged.
 */
#ifndef SIG_PIN_H
#define SIG_PIN_H

#include "sig/gate.h"
#include "sig/prompts.h"
#include "sig/timer.h"

#define PIN_DIGITS_MAX 12
#define PIN_TRIES 3
#define PIN_WAIT_S 30  /* without a digit: the call ends */
#define PIN_FAILURES 9 /* of one user, or into one conference, within PIN_WINDOW_S */
#define PIN_WINDOW_S 3600
#define PIN_SLOTS 4096

struct call;
struct focus;

enum pin_policy {
    PIN_OFF,
    PIN_ALSO,   /* after digest, who has one enters it */
    PIN_INSTEAD /* who sends no credentials is who his From says, once his PIN is right */
};

struct pin {
    bool is_due, has_next;
    uint8_t mac[KEYS_MAC_BYTES], next_mac[KEYS_MAC_BYTES]; /* next: of the conference, after his own */
    char of[AUTH_USER_MAX], next_of[AUTH_USER_MAX];        /* whose it is */
    char digits[PIN_DIGITS_MAX + 1];
    unsigned n_digits, n_tries;
    bool is_right;    /* he is thanked, and comes in after it */
    enum prompt said; /* last */
    struct timer wait;
};

/* Wrong PINs, by a hash of whose and where: two that share a place share their luck. */
struct pin_failures {
    struct {
        uint32_t n;
        uint64_t since_s;
    } slots[PIN_SLOTS];
};

/** Has this name (a user, a conference's token) used up its tries? */
bool pin_is_barred(const struct focus *focus, const char *name);

/** The call owes its caller's PIN from now on: the dialogue is its script. '#' ends the PIN, '*' begins it anew. */
void pin_begin(struct call *call, const uint8_t mac[KEYS_MAC_BYTES]);
/** And that of the conference, after its caller's if it owes that as well. */
void pin_begin_room(struct call *call, const struct store_policy *wish);

/** The key that the body of an INFO names. @return 0: none */
char pin_info_key(const struct sip_msg *msg);

#endif
