/* Writing XML. See xml.h. */
#include "sig/base/xml.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void put_n(struct xml *x, const char *text, size_t n)
{
    if (x->full || n >= x->size - x->n) {
        x->full = true;
        return;
    }
    memcpy(x->text + x->n, text, n);
    x->n += n;
    x->text[x->n] = '\0';
}

void xml_back(struct xml *x, size_t mark)
{
    x->n = mark;
    x->text[mark] = '\0';
    x->full = false;
}

void xml_put(struct xml *x, const char *markup)
{
    put_n(x, markup, strlen(markup));
}

void xml_putf(struct xml *x, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    must(n >= 0 && (size_t)n < sizeof text);
    put_n(x, text, (size_t)n);
}

/* Length of the character at p in UTF-8 (RFC 3629), 0: none that XML takes */
static size_t char_bytes(const unsigned char *p)
{
    if (p[0] < 0x80) {
        return p[0] >= 0x20 || p[0] == '\t' ? p[0] != 0x7f : 0;
    }
    size_t n = p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : 0;
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool is_overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool is_beyond = p[0] == 0xf4 && p[1] >= 0x90, is_surrogate = p[0] == 0xed && p[1] >= 0xa0;
    bool is_not_char = p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe; /* U+FFFE, U+FFFF */
    return is_overlong || is_beyond || is_surrogate || is_not_char ? 0 : n;
}

void xml_text(struct xml *x, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        size_t n = char_bytes(p);
        const char *escape = *p == '&'    ? "&amp;"
                             : *p == '<'  ? "&lt;"
                             : *p == '>'  ? "&gt;"
                             : *p == '"'  ? "&quot;"
                             : *p == '\'' ? "&apos;"
                             : n == 0     ? "?"
                                          : NULL;
        if (escape) {
            xml_put(x, escape);
        } else {
            put_n(x, (const char *)p, n);
        }
        p += n ? n : 1;
    }
}

void xml_element(struct xml *x, const char *name, const char *text)
{
    if (text && *text) {
        xml_putf(x, "<%s>", name);
        xml_text(x, text);
        xml_putf(x, "</%s>", name);
    }
}
