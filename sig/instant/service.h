/*
 * What an operator writes of a user's service, as JSON: {"target":"group or user","priority":5,"preempt":false,
 * "emergency":false,"request":true}, and what an application asks for. A profile's text comes by HTTP and lies in the
 * store. A wrapper of jansson.
 */
#ifndef SIG_INSTANT_SERVICE_H
#define SIG_INSTANT_SERVICE_H

#include "core/base/base.h"

#include <stddef.h>

#define SERVICE_TARGET_MAX 128

struct service_profile {
    char target[SERVICE_TARGET_MAX]; /* whom a push reaches: a group's name, or a user */
    uint8_t priority;                /* 1..255 */
    bool may_request;                /* else it only listens */
    bool may_preempt;                /* of those with a lower priority */
    bool may_emergency;
};

/**
 * Reads it. Only the target must be there.
 *
 * @param why  a sentence's half, when it is refused
 * @return 0 | -EINVAL
 */
int service_profile_read(struct service_profile *profile, const char *text, size_t n, const char **why);

/* What an application asks for: {"from":"alice","to":["g1"],"priority":5,"emergency":false}. */
struct activation_wish {
    char from[SERVICE_TARGET_MAX]; /* a user, or one of its identifications: the part before the @ */
    char to[SERVICE_TARGET_MAX];   /* "": whom its service reaches */
    uint8_t priority;
    bool has_priority, is_emergency;
};

/** Reads it. Only from must be there. @return 0 | -EINVAL, *why says what is wrong */
int activation_wish_read(struct activation_wish *wish, const char *text, size_t n, const char **why);

#endif
