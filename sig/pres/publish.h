/*
 * PUBLISH (RFC 3903): phones say what their users do. Each 200 carries a new tag, and a request with a tag that was
 * used fails: a replayed one changes nothing. Packages: presence, and poc-settings (RFC 4354). Signalling thread only.
 */
#ifndef SIG_PRES_PUBLISH_H
#define SIG_PRES_PUBLISH_H

#include "sig/pres/presentity.h"

#define PUBLISH_EXPIRES_S 3600 /* when a phone names none */
#define PUBLISH_EXPIRES_MIN_S 60
#define PUBLISH_EXPIRES_MAX_S 7200

/** Answers one of a sender that is known, or need not be (--auth=off). */
void publish_take(struct presentities *all, struct txn *txn, const struct sip_msg *msg, const struct identity *who);

#endif
