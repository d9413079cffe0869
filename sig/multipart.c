/* Bodies of several parts. See multipart.h. */
#include "sig/multipart.h"

#include "sig/sip.h"

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

/* One header line of a part, without its end. */
static void line_read(struct multipart_part *part, const char *line, size_t n)
{
    char text[512], handling[16];
    if (n >= sizeof text) {
        return; /* too long for what we look for */
    }
    memcpy(text, line, n);
    text[n] = '\0';
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
        word_read(part->type, value);
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

/* Header lines up to the empty one. @return 0, *at behind it | -EBADMSG | -E2BIG */
static int head_read(struct multipart_part *part, const char **at, const char *end)
{
    strcpy(part->type, "text/plain"); /* RFC 2046 5.1 */
    for (unsigned i = 0; i <= MULTIPART_LINES_MAX; i++) {
        const char *stop = memmem(*at, (size_t)(end - *at), "\r\n", 2);
        if (!stop) {
            return -EBADMSG;
        }
        size_t n = (size_t)(stop - *at);
        line_read(part, *at, n);
        *at = stop + 2;
        if (n == 0) {
            return 0;
        }
    }
    return -E2BIG;
}

int multipart_split(struct multipart *parts, const char *params, const char *body, size_t n_body)
{
    char boundary[MULTIPART_BOUNDARY_MAX + 2], mark[MULTIPART_BOUNDARY_MAX + 8];
    const char *end = body + n_body, *at;
    parts->n = 0;
    if (!sip_param(params, "boundary", boundary, sizeof boundary) || boundary[0] == '\0' ||
        strlen(boundary) > MULTIPART_BOUNDARY_MAX) {
        return -EBADMSG;
    }
    size_t n_mark = (size_t)snprintf(mark, sizeof mark, "\r\n--%s", boundary);
    bool begins = n_body >= n_mark - 2 && memcmp(body, mark + 2, n_mark - 2) == 0;
    at = begins ? body + n_mark - 2 : memmem(body, n_body, mark, n_mark);
    if (!at) {
        return -EBADMSG;
    }
    at += begins ? 0 : n_mark;
    while (!(end - at >= 2 && at[0] == '-' && at[1] == '-')) {
        while (at < end && (*at == ' ' || *at == '\t')) { /* padding behind the boundary */
            at++;
        }
        if (end - at < 2 || at[0] != '\r' || at[1] != '\n') {
            return -EBADMSG;
        }
        if (parts->n == MULTIPART_PARTS_MAX) {
            return -E2BIG;
        }
        struct multipart_part *part = &parts->parts[parts->n];
        *part = (struct multipart_part){.type = ""};
        at += 2;
        int err = head_read(part, &at, end);
        if (err) {
            return err;
        }
        at -= 2; /* a part of no octets: the empty line's end is the mark's */
        const char *stop = memmem(at, (size_t)(end - at), mark, n_mark);
        if (!stop) {
            return -EBADMSG;
        }
        part->body = stop == at ? at : at + 2;
        part->n_body = (size_t)(stop - part->body);
        parts->n++;
        at = stop + n_mark;
    }
    return parts->n ? 0 : -EBADMSG;
}

const struct multipart_part *multipart_find(const struct multipart *parts, const char *type)
{
    for (unsigned i = 0; i < parts->n; i++) {
        if (strcmp(parts->parts[i].type, type) == 0) {
            return &parts->parts[i];
        }
    }
    return NULL;
}
