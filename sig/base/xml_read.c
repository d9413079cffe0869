/* Reading XML. See xml_read.h. */
#include "sig/base/xml_read.h"

#include <errno.h>
#include <string.h>

#include <libxml/parser.h>

struct reading {
    const struct xml_reader *reader;
    xmlParserCtxtPtr parser;
    unsigned depth;
    int err;
};

struct attributes {
    const xmlChar **all; /* five pointers each: name, prefix, namespace, value, its end */
    int n;
};

/* ---- before the library ---- */

/* Length of the character at p in UTF-8, 0: none. Overlong ones are the library's to refuse. */
static size_t char_bytes(const unsigned char *p, size_t left)
{
    size_t n = p[0] < 0x80                   ? p[0] != 0
               : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
               : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
               : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++) {
        if (n > left || (p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return n;
}

static bool is_utf8(const char *text, size_t n)
{
    size_t step;
    for (size_t i = 0; i < n; i += step) {
        step = char_bytes((const unsigned char *)text + i, n - i);
        if (step == 0) {
            return false;
        }
    }
    return true;
}

/* Behind the next end; NULL: there is none. */
static const char *skip_past(const char *p, const char *end, const char *text)
{
    const char *found = memmem(p, (size_t)(end - p), text, strlen(text));
    return found ? found + strlen(text) : NULL;
}

/* Comments, instructions and sections are no tags, whatever is in them. @return behind it | NULL: it has no end, or is
 * a declaration of a DTD */
static const char *other_skip(const char *p, const char *end)
{
    static const char *const others[][2] = {{"<!--", "-->"}, {"<?", "?>"}, {"<![CDATA[", "]]>"}};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        size_t n = strlen(others[i][0]);
        if ((size_t)(end - p) >= n && memcmp(p, others[i][0], n) == 0) {
            return skip_past(p + n, end, others[i][1]);
        }
    }
    return NULL;
}

/* @return behind the tag | NULL: it has no end, or too many attributes */
static const char *tag_skip(const char *p, const char *end)
{
    unsigned n_attributes = 0;
    while (p && p < end && *p != '>') {
        if (*p == '"' || *p == '\'') {
            const char *close = memchr(p + 1, *p, (size_t)(end - p - 1));
            n_attributes++;
            p = close && n_attributes <= XML_READ_ATTRIBUTES_MAX ? close + 1 : NULL;
        } else {
            p++;
        }
    }
    return p && p < end ? p + 1 : NULL;
}

/* The library compares each attribute of an element with each: few of them. Linear. @return false: more, or a DTD, or
 * not well formed */
static bool has_few_attributes(const char *text, size_t n)
{
    const char *end = text + n, *p = text;
    while (p && (p = memchr(p, '<', (size_t)(end - p))) != NULL) {
        bool is_other = end - p >= 2 && (p[1] == '!' || p[1] == '?');
        p = is_other ? other_skip(p, end) : tag_skip(p, end);
        if (!p) {
            return false;
        }
    }
    return true;
}

/* ---- the library's calls ---- */

static void stop(struct reading *r, int err)
{
    if (!r->err) {
        r->err = err;
    }
    xmlStopParser(r->parser);
}

static void on_dtd(void *ctx, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    stop(ctx, -EBADMSG);
}

static void on_open(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *space, int n_spaces,
                    const xmlChar **spaces, int n_attributes, int n_defaulted, const xmlChar **attributes)
{
    struct reading *r = ctx;
    const struct attributes all = {attributes, n_attributes};
    if (r->err) {
        return;
    }
    if (++r->depth > XML_READ_DEPTH_MAX) {
        stop(r, -E2BIG);
        return;
    }
    r->reader->open(r->reader->ctx, space ? (const char *)space : "", (const char *)name, &all);
}

static void on_close(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *space)
{
    struct reading *r = ctx;
    if (!r->err) {
        r->depth--;
        r->reader->close(r->reader->ctx, (const char *)name);
    }
}

static void on_text(void *ctx, const xmlChar *text, int n)
{
    struct reading *r = ctx;
    if (!r->err) {
        r->reader->text(r->reader->ctx, (const char *)text, (size_t)n);
    }
}

bool xml_attribute(const void *attributes, const char *name, char *value, size_t size)
{
    const struct attributes *all = attributes;
    for (int i = 0; i < all->n; i++) {
        const xmlChar **a = &all->all[5 * i];
        if (strcmp((const char *)a[0], name) == 0 && !a[1]) {
            size_t n = MIN((size_t)(a[4] - a[3]), size - 1);
            memcpy(value, a[3], n);
            value[n] = '\0';
            return true;
        }
    }
    return false;
}

int xml_read(const char *text, size_t n, const struct xml_reader *reader)
{
    struct reading r = {.reader = reader};
    xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC,
                         .internalSubset = on_dtd,
                         .startElementNs = on_open,
                         .endElementNs = on_close,
                         .characters = on_text,
                         .cdataBlock = on_text};
    if (n > XML_READ_BYTES_MAX) {
        return -E2BIG;
    }
    if (n == 0 || !is_utf8(text, n) || !has_few_attributes(text, n)) {
        return -EBADMSG;
    }
    xmlInitParser();
    r.parser = xmlCreatePushParserCtxt(&sax, &r, NULL, 0, NULL);
    if (!r.parser) {
        return -ENOMEM;
    }
    xmlCtxtUseOptions(r.parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_IGNORE_ENC);
    int code = xmlParseChunk(r.parser, text, (int)n, 1);
    bool is_whole = r.parser->wellFormed && r.parser->nsWellFormed;
    xmlFreeParserCtxt(r.parser);
    if (r.err) {
        return r.err;
    }
    return code == XML_ERR_NO_MEMORY ? -ENOMEM : code == 0 && is_whole && r.depth == 0 ? 0 : -EBADMSG;
}
