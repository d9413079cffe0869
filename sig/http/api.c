/* libmicrohttpd's wrapper. See api.h. */
#include "sig/http/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <microhttpd.h>

enum {
    CONNECTIONS_MAX = 64,
    CLOSING_MAX = 64, /* that were closed for others, until the library sees it */
    TIMEOUT_S = 10,
    CONNECTION_BYTES = 16 * 1024,
    BACKLOG = 64
};

/*
 * A connection. When all places are taken a newcomer gets that of the connection that has done nothing for longest:
 * slow or idle ones, however many, keep nobody's probe out.
 */
struct place {
    int fd;        /* -1: free */
    uint64_t turn; /* of its last request, or its begin: the lowest has waited longest */
};

struct api {
    struct MHD_Daemon *daemon;
    const struct api_page *pages;
    unsigned n_pages;
    bool is_local; /* listens on loopback: only names of loopback are heard */
    struct place places[CONNECTIONS_MAX];
    uint64_t turns;
};

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct api *api = arg;
    struct place *place = *context, *oldest = &api->places[0];
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        place->fd = place->fd == fd ? -1 : place->fd; /* it may be another's by now */
        return;
    }
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        struct place *p = &api->places[i];
        oldest = p->fd < 0 || (oldest->fd >= 0 && p->turn < oldest->turn) ? p : oldest;
    }
    if (oldest->fd >= 0) {
        shutdown(oldest->fd, SHUT_RDWR); /* the library closes it */
    }
    oldest->fd = fd;
    oldest->turn = ++api->turns;
    *context = oldest;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, char *text,
                              size_t n)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    }
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/*
 * On loopback a page is for programs of this machine. A web page in a browser there may ask for it too, by a name of
 * its own that leads here: the name tells.
 */
static bool host_is_ours(const struct api *api, struct MHD_Connection *connection)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
    char name[ADDR_TEXT_MAX];
    struct addr addr;
    if (!api->is_local || !host) {
        return true;
    }
    bool is_v6 = host[0] == '[';
    size_t n = is_v6 ? strcspn(host + 1, "]") : strcspn(host, ":");
    if (n >= sizeof name) {
        return false;
    }
    snprintf(name, sizeof name, "%.*s", (int)n, host + is_v6);
    return strcasecmp(name, "localhost") == 0 || (addr_parse(&addr, name, 0) == 0 && addr_is_loopback(&addr));
}

static unsigned refuse(const struct api *api, FILE *out, bool is_get)
{
    fprintf(out, is_get ? "no such page; there is" : "pages can only be read, by GET:");
    for (unsigned i = 0; i < api->n_pages; i++) {
        fprintf(out, " %s", api->pages[i].path);
    }
    fputc('\n', out);
    return is_get ? MHD_HTTP_NOT_FOUND : MHD_HTTP_METHOD_NOT_ALLOWED;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *n_upload, void **seen)
{
    static char headers_are_in; /* only its address matters */
    struct api *api = arg;
    struct place *place = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    if (*seen == NULL || *n_upload > 0) {
        *seen = &headers_are_in;
        *n_upload = 0; /* a body is read away */
        return MHD_YES;
    }
    const struct api_page *page = NULL;
    bool is_get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    for (unsigned i = 0; i < api->n_pages && is_get; i++) {
        page = strcmp(api->pages[i].path, url) == 0 ? &api->pages[i] : page;
    }
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out) {
        return MHD_NO;
    }
    unsigned status = MHD_HTTP_FORBIDDEN;
    if (!host_is_ours(api, connection)) {
        page = NULL;
        fprintf(out, "this page is for localhost; ask by 127.0.0.1, [::1] or localhost\n");
    } else {
        status = page ? page->write(out, page->arg) : refuse(api, out, is_get);
    }
    place->turn = ++api->turns;
    if (fclose(out) != 0) {
        free(text);
        return MHD_NO;
    }
    return answer(connection, status, page ? page->type : "text/plain; charset=utf-8", text, n);
}

/* Our own socket, so that a refusal has its errno. */
static int listen_on(const struct addr *a)
{
    int on = 1, fd = socket(a->sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &a->sa, addr_len(a)) != 0 || listen(fd, BACKLOG) != 0) {
        int err = -errno;
        close(fd);
        return err;
    }
    return fd;
}

int api_start(struct api **out, const struct addr *listen, const struct api_page *pages, unsigned n)
{
    struct api *api = calloc(1, sizeof *api);
    if (!api) {
        return -ENOMEM;
    }
    int fd = listen_on(listen);
    if (fd < 0) {
        free(api);
        return fd;
    }
    api->pages = pages;
    api->n_pages = n;
    api->is_local = addr_is_loopback(listen);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        api->places[i].fd = -1;
    }
    api->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL, 0, NULL, NULL, on_request, api,
                                   MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                                   (unsigned)(CONNECTIONS_MAX + CLOSING_MAX), MHD_OPTION_NOTIFY_CONNECTION,
                                   on_connection, api, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
                                   MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES, MHD_OPTION_END);
    if (!api->daemon) {
        close(fd);
        free(api);
        return -EIO;
    }
    *out = api;
    return 0;
}

void api_stop(struct api *api)
{
    if (api) {
        MHD_stop_daemon(api->daemon); /* closes the socket, too */
        free(api);
    }
}
