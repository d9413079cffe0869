/*
 * Bodies of several parts (RFC 2046 5.1, RFC 5621), by a splitter of our own: bounded, in one pass, without copies. A
 * part that is itself of several parts is one part of a type that nobody understands.
 */
#ifndef SIG_MULTIPART_H
#define SIG_MULTIPART_H

#include "core/base/base.h"

#include <stddef.h>

#define MULTIPART_PARTS_MAX 16
#define MULTIPART_LINES_MAX 16 /* header lines of one part */
#define MULTIPART_BOUNDARY_MAX 70
#define MULTIPART_WORD_MAX 96

struct multipart_part {
    char type[MULTIPART_WORD_MAX];        /* lower case "application/sdp"; "text/plain" if none */
    char disposition[MULTIPART_WORD_MAX]; /* lower case "session"; "" if none */
    bool is_optional;                     /* ;handling=optional: may be ignored (RFC 5621 8.3) */
    bool is_encoded;                      /* a transfer or content encoding that would have to be undone */
    const char *body;                     /* in the text that was split */
    size_t n_body;
};

struct multipart {
    struct multipart_part parts[MULTIPART_PARTS_MAX];
    unsigned n;
};

/**
 * Splits a body.
 *
 * @param params  of its Content-Type: ";boundary=x"
 * @return        0 | -EBADMSG no boundary, a part without an end, no part | -E2BIG more parts or lines than the limits
 */
int multipart_split(struct multipart *parts, const char *params, const char *body, size_t n_body);

/** First part of that type. @return NULL: none */
const struct multipart_part *multipart_find(const struct multipart *parts, const char *type);

#endif
