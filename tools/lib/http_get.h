/* Pages over HTTP from a server of this machine. Wraps libcurl. */
#ifndef TOOLS_LIB_HTTP_GET_H
#define TOOLS_LIB_HTTP_GET_H

#include "core/base/base.h"

#include <stdio.h>

#define HTTP_WHY_MAX 256

/**
 * Gets a page by a Unix socket, and writes its body.
 *
 * @param path  "/metrics"
 * @return HTTP status | -ECONNREFUSED nothing listens there | -EIO, and why says it
 */
int http_get_unix(const char *socket, const char *path, FILE *out, char why[HTTP_WHY_MAX]);

/** The same with another method, "PUT" or "DELETE". body: JSON, NULL: none */
int http_ask_unix(const char *socket, const char *method, const char *path, const char *body, FILE *out,
                  char why[HTTP_WHY_MAX]);

#endif
