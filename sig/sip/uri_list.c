/* Reading a list of URIs. See uri_list.h. */
#include "sig/sip/uri_list.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX 16
#define ATTRIBUTES_MAX 16

struct word {
    const char *p;
    size_t n;
};

struct reader {
    const char *at, *end;
    struct word open[DEPTH_MAX];
    unsigned depth;
    bool has_root;
    size_t used; /* of the list's memory */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void blanks_skip(struct reader *r)
{
    while (r->at < r->end && is_blank(*r->at)) {
        r->at++;
    }
}

static bool takes(struct reader *r, const char *text)
{
    size_t n = strlen(text);
    if ((size_t)(r->end - r->at) < n || memcmp(r->at, text, n) != 0) {
        return false;
    }
    r->at += n;
    return true;
}

/* Behind the next text. @return false: there is none */
static bool skip_past(struct reader *r, const char *text)
{
    const char *found = memmem(r->at, (size_t)(r->end - r->at), text, strlen(text));
    r->at = found ? found + strlen(text) : r->end;
    return found != NULL;
}

static bool word_is(struct word word, const char *text)
{
    return word.n == strlen(text) && memcmp(word.p, text, word.n) == 0;
}

/* Without its namespace's prefix. */
static struct word local_of(struct word name)
{
    const char *colon = memchr(name.p, ':', name.n);
    return colon ? (struct word){colon + 1, name.n - (size_t)(colon + 1 - name.p)} : name;
}

static struct word name_take(struct reader *r)
{
    struct word name = {r->at, 0};
    while (r->at < r->end && !is_blank(*r->at) && !strchr("=/><\"'&", *r->at)) {
        r->at++;
    }
    name.n = (size_t)(r->at - name.p);
    return name;
}

/* "&amp;" -> '&'. @return characters taken, 0: not one that we know */
static size_t reference_read(struct word text, char *out)
{
    static const struct {
        const char *name;
        char is;
    } known[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    char number[12], *stop;
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        size_t n = strlen(known[i].name);
        if (text.n >= n && memcmp(text.p, known[i].name, n) == 0) {
            *out = known[i].is;
            return n;
        }
    }
    const char *semicolon = memchr(text.p, ';', MIN(text.n, sizeof number - 1));
    if (!semicolon || text.n < 4 || text.p[1] != '#') {
        return 0;
    }
    size_t n = (size_t)(semicolon - text.p);
    memcpy(number, text.p, n);
    number[n] = '\0';
    bool is_hex = number[2] == 'x';
    if (!strchr("0123456789abcdefABCDEF", number[2 + is_hex]) || number[2 + is_hex] == '\0') {
        return 0;
    }
    unsigned long code = strtoul(number + 2 + is_hex, &stop, is_hex ? 16 : 10);
    *out = (char)code;
    return *stop == '\0' && code >= 0x20 && code < 0x7f ? n + 1 : 0;
}

/* @return 0 | -EBADMSG | -E2BIG */
static int uri_add(struct reader *r, struct uri_list *list, struct word value)
{
    char *to = list->memory + r->used;
    size_t n = 0;
    while (value.n > 0) {
        size_t taken = 1;
        char c = *value.p;
        if (c == '&' && (taken = reference_read(value, &c)) == 0) {
            return -EBADMSG;
        }
        if ((unsigned char)c < 0x20 || r->used + n + 1 >= sizeof list->memory) {
            return (unsigned char)c < 0x20 ? -EBADMSG : -E2BIG;
        }
        to[n++] = c;
        value.p += taken;
        value.n -= taken;
    }
    to[n] = '\0';
    for (unsigned i = 0; i < list->n; i++) {
        if (strcasecmp(list->uris[i], to) == 0) {
            return 0; /* each is called once */
        }
    }
    if (list->n == URI_LIST_MAX) {
        return -E2BIG;
    }
    list->uris[list->n++] = to;
    r->used += n + 1;
    return 0;
}

/* name="value" ... up to the tag's end. @return 0, *is_empty: "/>" | -EBADMSG | -E2BIG */
static int attributes_read(struct reader *r, struct uri_list *list, bool is_entry, bool *is_empty)
{
    for (unsigned i = 0; i <= ATTRIBUTES_MAX; i++) {
        blanks_skip(r);
        *is_empty = takes(r, "/>");
        if (*is_empty || takes(r, ">")) {
            return 0;
        }
        struct word name = name_take(r);
        blanks_skip(r);
        if (name.n == 0 || !takes(r, "=")) {
            return -EBADMSG;
        }
        blanks_skip(r);
        const char *quote = r->at < r->end && (*r->at == '"' || *r->at == '\'') ? r->at : NULL;
        const char *stop = quote ? memchr(quote + 1, *quote, (size_t)(r->end - quote - 1)) : NULL;
        if (!stop || memchr(quote + 1, '<', (size_t)(stop - quote - 1))) {
            return -EBADMSG;
        }
        r->at = stop + 1;
        int err = is_entry && word_is(name, "uri")
                      ? uri_add(r, list, (struct word){quote + 1, (size_t)(stop - quote - 1)})
                      : 0;
        if (err) {
            return err;
        }
    }
    return -E2BIG;
}

/* Behind "<". */
static int tag_read(struct reader *r, struct uri_list *list)
{
    bool is_end = takes(r, "/"), is_empty = false;
    struct word name = name_take(r), is = local_of(name);
    if (name.n == 0) {
        return -EBADMSG;
    }
    if (is_end) {
        blanks_skip(r);
        bool fits =
            r->depth > 0 && r->open[r->depth - 1].n == name.n && memcmp(r->open[r->depth - 1].p, name.p, name.n) == 0;
        r->depth -= fits;
        return fits && takes(r, ">") ? 0 : -EBADMSG;
    }
    if (r->depth == 0 && (r->has_root || !word_is(is, "resource-lists"))) {
        return -EBADMSG;
    }
    r->has_root = true;
    int err = attributes_read(r, list, word_is(is, "entry"), &is_empty);
    if (err || is_empty) {
        return err;
    }
    if (r->depth == DEPTH_MAX) {
        return -E2BIG;
    }
    r->open[r->depth++] = name;
    return 0;
}

int uri_list_read(struct uri_list *list, const char *text, size_t n)
{
    struct reader r = {.at = text, .end = text + n};
    list->n = 0;
    takes(&r, "\xef\xbb\xbf");
    if (takes(&r, "<?xml") && !skip_past(&r, "?>")) {
        return -EBADMSG;
    }
    while (skip_past(&r, "<")) {
        int err;
        if (takes(&r, "!--")) {
            err = skip_past(&r, "-->") ? 0 : -EBADMSG;
        } else if (r.at < r.end && (*r.at == '!' || *r.at == '?')) {
            err = -EBADMSG; /* DTD, CDATA, instructions to somebody */
        } else {
            err = tag_read(&r, list);
        }
        if (err) {
            return err;
        }
    }
    return r.has_root && r.depth == 0 ? 0 : -EBADMSG;
}
