/*
 * Authenticates and authorises the sender of a request outside of any dialog, or of one in a dialog from a new address,
 * before it is served. Digest (auth.h), or the P-Asserted-Identity of a trusted peer (RFC 3325); the account says in
 * the same look-up whether its owner is entitled to conferencing. The store answers a moment later: the request waits
 * here, and may be cancelled.
 *
 * One answer for an unknown user and a wrong password. ACK and CANCEL never come here.
 */
#ifndef SIG_FOCUS_GATE_H
#define SIG_FOCUS_GATE_H

#include "sig/room/env.h"

struct focus;

/** Does a request to this resource have to pass? */
bool gate_is_shut(const struct focus *focus, bool is_factory);

/* Serves a request that may. */
typedef void (*gate_pass)(struct focus *focus, struct txn *txn, const struct sip_msg *msg, const struct identity *who);

/** Asks, waits, refuses; hands on to pass what may. */
void gate_enter(struct focus *focus, struct txn *txn, const struct sip_msg *msg, gate_pass pass);

/** What the store says about an account. */
void gate_account(struct focus *focus, const struct store_reply *reply);

/** The store is gone, or the program ends: everything that waits is forgotten. */
void gate_close(struct focus *focus);

#endif
