/*
 * Reading a list of URIs, application/resource-lists+xml (RFC 4826, RFC 5363), by a small reader of our own: elements
 * and attributes, no DTD, no entities but the five and numbers, nothing from elsewhere, in one pass.
 */
#ifndef SIG_SIP_URI_LIST_H
#define SIG_SIP_URI_LIST_H

#include "core/base/base.h"

#include <stddef.h>

#define URI_LIST_MAX 64
#define URI_LIST_BYTES 16384 /* all URIs together */

struct uri_list {
    const char *uris[URI_LIST_MAX]; /* each once; in memory */
    unsigned n;
    char memory[URI_LIST_BYTES];
};

/** @return 0 | -EBADMSG not well formed, not a list, a DTD | -E2BIG more than the limits */
int uri_list_read(struct uri_list *list, const char *text, size_t n);

#endif
