/* Bodies of several parts. See multipart.h. */
#include "sig/sip/multipart.h"

#include "sig/sip/sip.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* "Application/SDP ; x=y" -> "application/sdp"; @return what stands behind it */
static const char *word_read(char word[MULTIPART_WORD_MAX], const char *value)
{
    size_t n = strcspn(value, "; \t");
    if (n >= MULTIPART_WORD_MAX) {
        n = 0; /* nothing that anybody knows */
    }
    for (size_t i = 0; i < n; i++) {
        word[i] = (char)tolower((unsigned char)value[i]);
    }
    word[n] = '\0';
    return value + strcspn(value, ";");
}

bool multipart_is(const char *type)
{
    return strncmp(type, "multipart/", 10) == 0;
}

/* A part that is being read. */
struct head {
    struct multipart_part part;
    char boundary[MULTIPART_BOUNDARY_MAX + 2]; /* "" unless it is itself of several parts */
};

/* One header line of a part, unfolded. */
static void line_read(struct head *head, char *text)
{
    struct multipart_part *part = &head->part;
    char handling[16];
    char *colon = strchr(text, ':');
    if (!colon) {
        return;
    }
    size_t n_name = (size_t)(colon - text);
    while (n_name > 0 && (text[n_name - 1] == ' ' || text[n_name - 1] == '\t')) {
        n_name--;
    }
    text[n_name] = '\0';
    const char *value = colon + 1 + strspn(colon + 1, " \t");
    if (strcasecmp(text, "Content-Type") == 0 || strcasecmp(text, "c") == 0) {
        sip_param(word_read(part->type, value), "boundary", head->boundary, sizeof head->boundary);
    } else if (strcasecmp(text, "Content-Disposition") == 0) {
        const char *params = word_read(part->disposition, value);
        part->is_optional =
            sip_param(params, "handling", handling, sizeof handling) && strcasecmp(handling, "optional") == 0;
    } else if (strcasecmp(text, "Content-Transfer-Encoding") == 0) {
        part->is_encoded |=
            strcasecmp(value, "binary") != 0 && strcasecmp(value, "8bit") != 0 && strcasecmp(value, "7bit") != 0;
    } else if (strcasecmp(text, "Content-Encoding") == 0 || strcasecmp(text, "e") == 0) {
        part->is_encoded |= strcasecmp(value, "identity") != 0;
    }
}

/* The line at *at with its folds (RFC 2045 3 by RFC 822 3.1.1) joined; what is too long for anything that we look for
 * is cut. @return false: it does not end */
static bool line_take(const char **at, const char *end, char *text, size_t size)
{
    size_t n = 0;
    bool is_folded;
    do {
        const char *stop = memmem(*at, (size_t)(end - *at), "\r\n", 2);
        if (!stop) {
            return false;
        }
        size_t more = MIN((size_t)(stop - *at), size - 1 - n);
        memcpy(text + n, *at, more);
        n += more;
        is_folded = n > 0 && end - stop > 2 && (stop[2] == ' ' || stop[2] == '\t');
        *at = stop + 2;
    } while (is_folded);
    text[n] = '\0';
    return true;
}

/* Header lines up to the empty one. @return 0, *at behind it | -EBADMSG | -E2BIG */
static int head_read(struct head *head, const char **at, const char *end)
{
    char line[512];
    strcpy(head->part.type, "text/plain"); /* RFC 2046 5.1 */
    for (unsigned i = 0; i <= MULTIPART_LINES_MAX; i++) {
        const char *begin = *at;
        if (!line_take(at, end, line, sizeof line)) {
            return -EBADMSG;
        }
        if (*at - begin == 2) {
            return 0;
        }
        line_read(head, line);
    }
    return -E2BIG;
}

/* What is true of all parts within one. */
struct within {
    unsigned depth, group;
    bool is_optional;
};

static int parts_read(struct multipart *parts, const char *boundary, const char *body, size_t n_body,
                      const struct within *within);

/* A leaf is listed; what is of several parts is split in turn. */
static int part_add(struct multipart *parts, struct head *head, const struct within *within)
{
    struct multipart_part *part = &head->part;
    part->is_optional |= within->is_optional;
    part->group = within->group;
    if (multipart_is(part->type) && !part->is_encoded && within->depth < MULTIPART_DEPTH_MAX) {
        bool alternative = strcmp(part->type, "multipart/alternative") == 0 && !within->group;
        struct within inner = {within->depth + 1, alternative ? ++parts->n_groups : within->group, part->is_optional};
        return parts_read(parts, head->boundary, part->body, part->n_body, &inner);
    }
    if (parts->n == MULTIPART_PARTS_MAX) {
        return -E2BIG;
    }
    parts->parts[parts->n++] = *part;
    return 0;
}

static int parts_read(struct multipart *parts, const char *boundary, const char *body, size_t n_body,
                      const struct within *within)
{
    char mark[MULTIPART_BOUNDARY_MAX + 8];
    const char *end = body + n_body, *at;
    unsigned n = 0;
    if (boundary[0] == '\0' || strlen(boundary) > MULTIPART_BOUNDARY_MAX) {
        return -EBADMSG;
    }
    size_t n_mark = (size_t)snprintf(mark, sizeof mark, "\r\n--%s", boundary);
    bool begins = n_body >= n_mark - 2 && memcmp(body, mark + 2, n_mark - 2) == 0;
    at = begins ? body + n_mark - 2 : memmem(body, n_body, mark, n_mark);
    if (!at) {
        return -EBADMSG;
    }
    at += begins ? 0 : n_mark;
    for (; !(end - at >= 2 && at[0] == '-' && at[1] == '-'); n++) {
        while (at < end && (*at == ' ' || *at == '\t')) { /* padding behind the boundary */
            at++;
        }
        if (end - at < 2 || at[0] != '\r' || at[1] != '\n') {
            return -EBADMSG;
        }
        struct head head = {.boundary = ""};
        at += 2;
        int err = n < MULTIPART_PARTS_MAX ? head_read(&head, &at, end) : -E2BIG;
        if (err) {
            return err;
        }
        at -= 2; /* a part of no octets: the empty line's end is the mark's */
        const char *stop = memmem(at, (size_t)(end - at), mark, n_mark);
        if (!stop) {
            return -EBADMSG;
        }
        head.part.body = stop == at ? at : at + 2;
        head.part.n_body = (size_t)(stop - head.part.body);
        err = part_add(parts, &head, within);
        if (err) {
            return err;
        }
        at = stop + n_mark;
    }
    return n ? 0 : -EBADMSG;
}

int multipart_split(struct multipart *parts, const char *type, const char *params, const char *body, size_t n_body)
{
    char boundary[MULTIPART_BOUNDARY_MAX + 2];
    bool alternative = strcmp(type, "multipart/alternative") == 0;
    struct within within = {.depth = 1, .group = alternative};
    parts->n = 0;
    parts->n_groups = alternative;
    return sip_param(params, "boundary", boundary, sizeof boundary) ? parts_read(parts, boundary, body, n_body, &within)
                                                                    : -EBADMSG;
}

const struct multipart_part *multipart_find(const struct multipart *parts, const char *type)
{
    const struct multipart_part *found = NULL;
    for (unsigned i = 0; i < parts->n; i++) {
        const struct multipart_part *part = &parts->parts[i];
        if (strcmp(part->type, type) == 0 && (!found || (found->group && found->group == part->group))) {
            found = part;
        }
    }
    return found;
}
