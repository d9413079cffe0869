/*
 * Announcements on demand (RFC 4240 3): INVITE sip:annc@host;play=file:///NAME.wav;repeat=N plays a recording out of
 * the folder of prompts and hangs up. Nothing is fetched and no path is followed: a name is looked up among what was
 * read at the start. The call is in a lobby all its life, in a room that nobody else can call.
 */
#ifndef SIG_IVR_ANNC_H
#define SIG_IVR_ANNC_H

#include "sig/call/script.h"
#include "sig/room/room.h"

struct call;

#define ANNC_REPEAT_MAX 1000

/** Is a user part the announcement service of RFC 4240? */
bool annc_is(const char *user);

/** Reads the parameters of such a URI. @return 0 | -ENOENT no such recording, or no way to name one | -EINVAL repeat */
int annc_read(struct annc *annc, const struct prompts *prompts, const struct sip_uri *uri);

/** Answers an INVITE to it. */
void annc_invite(struct env *env, struct txn *txn, const struct sip_msg *msg, const struct identity *who);

/** Of a call that is there to hear one: plays it, and ends the call after it. */
extern const struct script annc_script;

#endif
