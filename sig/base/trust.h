/* Networks by prefix: which peers are trusted to speak for others (RFC 3325), and spared limits. */
#ifndef SIG_BASE_TRUST_H
#define SIG_BASE_TRUST_H

#include "core/base/addr.h"

#define TRUST_MAX 32

struct trust {
    struct {
        struct addr net;
        unsigned bits;
    } nets[TRUST_MAX];
    unsigned n;
};

/** Adds "10.0.0.0/8", "2001:db8::/32" or one address. @return 0 | -EINVAL | -ENOSPC */
int trust_add(struct trust *trust, const char *text);

/** Is this host in one of them? */
bool trust_has(const struct trust *trust, const struct addr *host);

#endif
