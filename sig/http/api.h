/*
 * Pages over HTTP for operators and their collectors, read only. Wraps libmicrohttpd, whose one thread writes each page
 * when it is asked for; nobody else waits for it.
 */
#ifndef SIG_HTTP_API_H
#define SIG_HTTP_API_H

#include "core/base/addr.h"

#include <stdio.h>

struct api_page {
    const char *path, *type; /* "/metrics", its Content-Type */
    /** Writes the page. On the thread of HTTP: reads what may be read from any thread. @return HTTP status */
    unsigned (*write)(FILE *out, void *arg);
    void *arg;
};

struct api;

/**
 * Listens, and starts the thread. Anything but GET and HEAD gets 405, an unknown path 404 with the list of pages.
 *
 * @param pages  [n] outlive the api
 * @return 0 | -EADDRINUSE | -EADDRNOTAVAIL | other negative errno
 */
int api_start(struct api **api, const struct addr *listen, const struct api_page *pages, unsigned n);

/** Ends it. NULL is fine. */
void api_stop(struct api *api);

#endif
