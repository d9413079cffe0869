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

#define API_BODY_MAX 65536 /* of a request */

/* A request of a page that takes more than a look. */
struct api_request {
    const char *method; /* one of the page's */
    const char *rest;   /* what stands behind the page's path, escapes undone; "": nothing */
    const char *type;   /* of the body, without parameters; "": none */
    const char *body;   /* terminated; may hold NUL */
    size_t n_body;
};

/* Why a request is refused (RFC 9457): type "urn:mixminus:problem:WORD". Texts of ours, static. */
struct api_problem {
    const char *word, *title, *hint;
};

struct api_page {
    const char *path, *type; /* "/metrics", its Content-Type; a path that ends in "/" has all that is below it */
    bool is_open;            /* probes: without a token too */
    enum token_scope scope;
    /** Writes the page. On the thread of HTTP: reads what may be read from any thread. @return HTTP status */
    unsigned (*write)(FILE *out, void *arg);
    void *arg;
    /** Instead of write, for more methods than GET and HEAD. @return HTTP status; from 400 on *problem says why, and
     * what is in out are further members of it, without braces */
    unsigned (*serve)(FILE *out, void *arg, const struct api_request *request, struct api_problem *problem);
    const char *methods;     /* of serve: "GET, HEAD, PUT, DELETE" */
    enum token_scope writes; /* what its other methods than GET and HEAD need */
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
 * Listens, and starts a thread for each way in. A method that a page does not have gets 405, an unknown path 404 with
 * the list of pages, a missing or wrong token 401, one of another scope 403, a body beyond the limit 413. A page of the
 * web changes nothing: what has an Origin gets 403.
 *
 * @return 0 | -EADDRINUSE | -EADDRNOTAVAIL | -EPERM not loopback, and no tokens or no TLS | -EKEYREJECTED certificate
 * or key | other negative errno
 */
int api_start(struct api **api, const struct api_cfg *cfg);

/** Ends it, and removes the Unix socket. NULL is fine. */
void api_stop(struct api *api);

#endif
