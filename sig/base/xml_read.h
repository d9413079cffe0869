/*
 * XML that strangers wrote, read in one pass: libxml2's wrapper. Bounded before the library sees a byte: UTF-8 alone,
 * no DTD (so no entities but the five), few attributes an element, few levels. Nothing is fetched from anywhere, no
 * tree is built: the reader is called back.
 */
#ifndef SIG_BASE_XML_READ_H
#define SIG_BASE_XML_READ_H

#include "core/base/base.h"

#include <stddef.h>

#define XML_READ_BYTES_MAX 65536
#define XML_READ_DEPTH_MAX 16
#define XML_READ_ATTRIBUTES_MAX 16 /* of an element, with its namespaces */

struct xml_reader {
    void *ctx;
    /** An element begins. space: its namespace, "": none; attributes: for xml_attribute. */
    void (*open)(void *ctx, const char *space, const char *name, const void *attributes);
    void (*close)(void *ctx, const char *name);
    /** Text of the element that is open, perhaps a part of it; not terminated. */
    void (*text)(void *ctx, const char *text, size_t n);
};

/** @return 0 | -EBADMSG not well formed, another character set, a DTD, too many attributes | -E2BIG too large or deep |
 * -ENOMEM */
int xml_read(const char *text, size_t n, const struct xml_reader *reader);

/** Value of an attribute without a namespace of its own. @return false: it is not there; value is cut to size */
bool xml_attribute(const void *attributes, const char *name, char *value, size_t size);

#endif
