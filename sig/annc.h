/*
 * Announcements on demand (RFC 4240 3): INVITE sip:annc@host;play=file:///NAME.wav;repeat=N plays a recording out of
 * the folder of prompts and hangs up. Nothing is fetched and no path is followed: a name is looked up among what was
 * read at the start. The call is in a lobby all its life, in a room that nobody else can call.
 */
#ifndef SIG_ANNC_H
#define SIG_ANNC_H

#include "sig/focus.h"

struct call;

#define ANNC_REPEAT_MAX 1000

/* What a URI asks for. */
struct annc {
    const struct clip *clip;
    uint32_t times; /* 0: for ever */
};

/** Which of RFC 4240's services does a user part name? FOCUS_NOBODY: none that is there, and *refusal says why;
 * FOCUS_SERVER: it is no name of such a service. */
enum focus_target annc_target(const char *user, enum focus_refusal *refusal);

/** Reads the parameters of such a URI. @return 0 | -ENOENT no such recording, or no way to name one | -EINVAL repeat */
int annc_read(struct annc *annc, const struct prompts *prompts, const struct sip_uri *uri);

/** Answers an INVITE to it. */
void annc_invite(struct focus *focus, struct txn *txn, const struct sip_msg *msg, const struct identity *who);

/** Of a call that is there to hear one: plays it, and ends the call after it. */
extern const struct script annc_script;

#endif
