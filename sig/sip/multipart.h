/*
 * Bodies of several parts (RFC 2046 5.1, RFC 5621), by a splitter of our own: bounded, without copies. Parts that are
 * themselves of several parts are split in turn, so that a body becomes one flat list of leaves. A subtype that is not
 * known is read as mixed (RFC 2046 5.1.3); of alternatives one is enough, which each of them tells by its group.
 */
#ifndef SIG_SIP_MULTIPART_H
#define SIG_SIP_MULTIPART_H

#include "core/base/base.h"

#include <stddef.h>

#define MULTIPART_PARTS_MAX 16
#define MULTIPART_LINES_MAX 16 /* header lines of one part */
#define MULTIPART_DEPTH_MAX 4  /* parts within parts; what is deeper is one part of a type that nobody understands */
#define MULTIPART_BOUNDARY_MAX 70
#define MULTIPART_WORD_MAX 96

struct multipart_part {
    char type[MULTIPART_WORD_MAX];        /* lower case "application/sdp"; "text/plain" if none */
    char disposition[MULTIPART_WORD_MAX]; /* lower case "session"; "" if none */
    bool is_optional;                     /* ;handling=optional: may be ignored (RFC 5621 8.3) */
    bool is_encoded;                      /* a transfer or content encoding that would have to be undone */
    unsigned group;                       /* of alternatives, of which one is enough (RFC 2046 5.1.4); 0: none */
    const char *body;                     /* in the text that was split */
    size_t n_body;
};

struct multipart {
    struct multipart_part parts[MULTIPART_PARTS_MAX];
    unsigned n, n_groups;
};

/** Is a body of this type (lower case) of several parts? */
bool multipart_is(const char *type);

/**
 * Splits a body.
 *
 * @param type    of its Content-Type, lower case, and its parameters: ";boundary=x"
 * @return        0 | -EBADMSG no boundary, a part without an end, no part | -E2BIG more parts or lines than the limits
 * @cost          O(n_body * MULTIPART_DEPTH_MAX), no heap
 */
int multipart_split(struct multipart *parts, const char *type, const char *params, const char *body, size_t n_body);

/** First part of that type; of alternatives the last, which its sender likes best. @return NULL: none */
const struct multipart_part *multipart_find(const struct multipart *parts, const char *type);

#endif
