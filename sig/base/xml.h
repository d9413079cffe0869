/* XML written into a buffer of fixed size: escaped, well formed, or marked as full. Nothing is read here. */
#ifndef SIG_BASE_XML_H
#define SIG_BASE_XML_H

#include "core/base/base.h"

struct xml {
    char *text; /* terminated */
    size_t n, size;
    bool full; /* something did not fit: the text ends before it */
};

/** What is written since then can be taken back by xml_back, when it did not fit. */
static inline size_t xml_mark(const struct xml *xml)
{
    return xml->n;
}
void xml_back(struct xml *xml, size_t mark);

/** As it is: markup of ours. */
void xml_put(struct xml *xml, const char *markup);
void xml_putf(struct xml *xml, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Foreign text, for content or an attribute's value: markup escaped, what XML 1.0 forbids or is no UTF-8 becomes "?".
 */
void xml_text(struct xml *xml, const char *text);

/** <name>text</name>; text NULL or "": nothing. */
void xml_element(struct xml *xml, const char *name, const char *text);

#endif
