/*
 * Presence authorisation documents (RFC 5025, RFC 4745), as XCAP clients keep them, made into rules. Of several rules
 * that name a watcher the most permissive counts there, so the result is in that order. What rules of ours cannot say
 * (times, spheres, exceptions, what of a document is shown) is refused rather than left out: nobody is shown more.
 */
#ifndef SIG_PRES_AUTH_POLICY_H
#define SIG_PRES_AUTH_POLICY_H

#include "sig/pres/profile.h"

#define AUTH_POLICY_TYPE "application/auth-policy+xml"

/** As rules_read. @return 0 | -EINVAL, *why says what is wrong | -E2BIG | -ENOMEM */
int auth_policy_read(struct rules **rules, const char *text, size_t n, const struct profile_namer *namer,
                     const char **why);

#endif
