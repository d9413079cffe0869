/* libmicrohttpd's wrapper. See api.h. */
#include "sig/api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <microhttpd.h>

enum { CONNECTIONS_MAX = 64, PEER_CONNECTIONS_MAX = 16, TIMEOUT_S = 10, CONNECTION_BYTES = 16 * 1024, BACKLOG = 64 };

struct api {
    struct MHD_Daemon *daemon;
    const struct api_page *pages;
    unsigned n_pages;
};

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
    const struct api *api = arg;
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
    unsigned status = page ? page->write(out, page->arg) : refuse(api, out, is_get);
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
    api->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL, 0, NULL, NULL, on_request, api,
                                   MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                                   MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)PEER_CONNECTIONS_MAX,
                                   MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S,
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
