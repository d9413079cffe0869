/*
 * HTTP for operators and their collectors. Wraps libmicrohttpd, whose thread writes each page when it is asked for; no
 * other thread waits for it. Two ways in: a TCP address, which is loopback or wants tokens and TLS, and a Unix socket,
 * whose peers are known by their user.
 *
 * Errors are problem details (RFC 9457) with a stable type "urn:mixminus:problem:WORD" and a hint that says what to do.
 */
#ifndef SIG_HTTP_API_H
#define SIG_HTTP_API_H

#include "core/base/addr.h"
#include "sig/http/tokens.h"

#include <stdio.h>

#define API_PATH_MAX 108    /* of a Unix socket: what the kernel takes */
#define API_FAILURES_MAX 10 /* wrong tokens of one source in a minute: more get 429 */

struct api_page {
    const char *path, *type; /* "/metrics", its Content-Type */
    bool is_open;            /* probes: without a token too */
    enum token_scope scope;
    /** Writes the page. On the thread of HTTP: reads what may be read from any thread. @return HTTP status */
    unsigned (*write)(FILE *out, void *arg);
    void *arg;
};

struct api_cfg {
    struct addr listen;             /* unset: no TCP */
    const char *unix_path;          /* NULL: no Unix socket; replaced if it is a dead server's */
    const char *tls_cert, *tls_key; /* PEM texts, NULL: no TLS; outlive the api */
    const struct tokens *tokens;    /* NULL: none asked for, on loopback only; outlive the api */
    const struct api_page *pages;   /* [n_pages] outlive the api */
    unsigned n_pages;
};

struct api;

/**
 * Listens, and starts a thread for each way in. Anything but GET and HEAD gets 405, an unknown path 404 with the list
 * of pages, a missing or wrong token 401, one of another scope 403.
 *
 * @return 0 | -EADDRINUSE | -EADDRNOTAVAIL | -EPERM not loopback, and no tokens or no TLS | -EKEYREJECTED certificate
 * or key | other negative errno
 */
int api_start(struct api **api, const struct api_cfg *cfg);

/** Ends it, and removes the Unix socket. NULL is fine. */
void api_stop(struct api *api);

#endif
