/* Reasons for refusals. See refusal.h. */
#include "sig/txn/refusal.h"

#include <errno.h>

static const struct {
    const char *name, *text;
    int status;
} refusals[REFUSALS] = {
#define X(name, status, text) {#name, text, status},
    REFUSAL_LIST(X)
#undef X
};

const char *refusal_name(enum refusal refusal)
{
    return refusals[refusal].name;
}

const char *refusal_text(enum refusal refusal)
{
    return refusals[refusal].text;
}

int refusal_status(enum refusal refusal)
{
    return refusals[refusal].status;
}

enum refusal refusal_of(int err)
{
    switch (err) {
    case -EAGAIN:
        return REFUSAL_CPU;
    case -ENOBUFS:
        return REFUSAL_BANDWIDTH;
    case -EADDRINUSE:
        return REFUSAL_PORTS;
    case -EMFILE:
    case -ENFILE:
        return REFUSAL_FDS;
    case -EBUSY:
        return REFUSAL_WORKER;
    case -ENOSPC:
        return REFUSAL_CONFS;
    case -EDQUOT:
        return REFUSAL_HALF_CALLS;
    case -EPERM:
        return REFUSAL_PIN_BARRED;
    case -EACCES:
        return REFUSAL_LOCKED;
    case -EUSERS:
        return REFUSAL_LEGS;
    case -ESTALE:
        return REFUSAL_ENDED;
    case -ENOMEM:
        return REFUSAL_MEMORY;
    default:
        return REFUSAL_FAULT;
    }
}
