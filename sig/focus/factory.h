/*
 * The factory (RFC 4579 3.2 and 5.4, TS 24.147 5.3.2.3.1): an INVITE to the well-known URI makes a conference. Two
 * dialects: redirect answers 302 with the fresh conference URI and keeps no dialog; direct answers 200 as the focus.
 */
#ifndef SIG_FOCUS_FACTORY_H
#define SIG_FOCUS_FACTORY_H

#include "sig/room/env.h"

/** Is this user at this host the factory, and in which dialect? @return true: *mode is set */
bool factory_is(const struct env *env, const char *user, const char *host, enum factory_mode *mode);

/** Answers an INVITE to the factory. name: what the conference shall be found by too, NULL: by its URI only */
void factory_invite(struct env *env, struct txn *txn, const struct sip_msg *msg, enum factory_mode mode,
                    const struct identity *who, const char *name);

#endif
