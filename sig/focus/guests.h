/*
 * A list of URIs to be called, in the INVITE that makes or joins a conference (RFC 5366): each is called as if by a
 * REFER without a subscription.
 */
#ifndef SIG_FOCUS_GUESTS_H
#define SIG_FOCUS_GUESTS_H

#include "sig/room/env.h"
#include "sig/sip/uri_list.h"

/**
 * Reads the list of an INVITE, and whether it may be.
 *
 * @param room  NULL: one that is about to be made
 * @param list  n 0: the INVITE has none
 * @return      0 | -EPROTO: refused, and answered so
 */
int guests_read(struct env *env, struct txn *txn, const struct sip_msg *msg, struct room *room,
                const struct identity *who, struct uri_list *list);

/** Calls them. */
void guests_call(struct room *room, const struct uri_list *list);

#endif
