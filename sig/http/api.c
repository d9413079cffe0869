/* libmicrohttpd's wrapper. See api.h. */
#include "sig/http/api.h"

#include "sig/base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

enum {
    CONNECTIONS_MAX = 64,
    CLOSING_MAX = 64, /* that were closed for others, until the library sees it */
    TIMEOUT_S = 10,
    CONNECTION_BYTES = 16 * 1024,
    BACKLOG = 64,
    SOURCES = 256,
    MINUTE_S = 60
};

/*
 * A connection. When all places are taken a newcomer gets that of the connection that has done nothing for longest:
 * slow or idle ones, however many, keep no probe out.
 */
struct place {
    int fd;        /* -1: free */
    uint64_t turn; /* of its last request, or its begin: the lowest has waited longest */
};

/* Wrong tokens of a source, by hash: two that share a place share their luck for a minute. */
struct failures {
    uint64_t since_s;
    unsigned n;
};

/* One way in, with a thread of its own. */
struct way {
    struct api *api;
    struct MHD_Daemon *daemon; /* NULL: not there */
    bool is_unix;
    bool is_local; /* listens on loopback: only names of loopback are heard */
    struct place places[CONNECTIONS_MAX];
    uint64_t turns;
    struct failures failures[SOURCES];
};

struct api {
    struct api_cfg cfg;
    struct way tcp, local;
    char unix_path[API_PATH_MAX]; /* "": none */
};

/* --- Connections -------------------------------------------------------------------------------------------------- */

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct way *way = arg;
    struct place *place = *context, *oldest = &way->places[0];
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        place->fd = place->fd == fd ? -1 : place->fd; /* it may be another's by now */
        return;
    }
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        struct place *p = &way->places[i];
        oldest = p->fd < 0 || (oldest->fd >= 0 && p->turn < oldest->turn) ? p : oldest;
    }
    if (oldest->fd >= 0) {
        shutdown(oldest->fd, SHUT_RDWR); /* the library closes it */
    }
    oldest->fd = fd;
    oldest->turn = ++way->turns;
    *context = oldest;
}

static const char *header_of(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/*
 * On loopback a page is for programs of this machine. A web page in a browser there may ask for it too, by a name of
 * its own that leads here: the name tells.
 */
static bool host_is_ours(const struct way *way, struct MHD_Connection *connection)
{
    const char *host = header_of(connection, MHD_HTTP_HEADER_HOST);
    char name[ADDR_TEXT_MAX];
    struct addr addr;
    if (!way->is_local || !host) {
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

/* --- Tokens ------------------------------------------------------------------------------------------------------- */

static struct failures *failures_of(struct way *way, struct MHD_Connection *connection, uint64_t now_s)
{
    const struct sockaddr *sa = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    char host[ADDR_TEXT_MAX];
    struct addr addr = {0};
    memcpy(&addr, sa, sa->sa_family == AF_INET6 ? sizeof addr.v6 : sizeof addr.v4);
    struct failures *f = &way->failures[hash_text(0, addr_host_text(&addr, host)) % SOURCES];
    if (now_s - f->since_s >= MINUTE_S) {
        *f = (struct failures){.since_s = now_s};
    }
    return f;
}

/* @return 200: it may | 401, 403, 429 */
static unsigned judge(struct way *way, struct MHD_Connection *connection, const struct api_page *page, bool is_look)
{
    const struct tokens *tokens = way->api->cfg.tokens;
    struct timespec now;
    if (way->is_unix || !tokens || page->is_open) {
        return MHD_HTTP_OK;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    struct failures *failures = failures_of(way, connection, (uint64_t)now.tv_sec);
    if (failures->n >= API_FAILURES_MAX) {
        return MHD_HTTP_TOO_MANY_REQUESTS;
    }
    switch (tokens_check(tokens, header_of(connection, MHD_HTTP_HEADER_AUTHORIZATION),
                         is_look ? page->scope : page->writes, (uint64_t)now.tv_sec)) {
    case TOKEN_RIGHT:
        return MHD_HTTP_OK;
    case TOKEN_NARROW:
        return MHD_HTTP_FORBIDDEN;
    case TOKEN_WRONG:
        failures->n++;
        break;
    case TOKEN_MISSING:
        break;
    }
    return MHD_HTTP_UNAUTHORIZED;
}

/* --- Answers ------------------------------------------------------------------------------------------------------ */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, const char *methods,
                              char *text, size_t n)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(n, text, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, methods);
    } else if (status == MHD_HTTP_UNAUTHORIZED) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"mixminus\"");
    } else if (status == MHD_HTTP_TOO_MANY_REQUESTS) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "60");
    }
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

/* RFC 9457. The texts are ours: no character in them needs an escape. */
/* members: further ones, written as JSON; "": none. */
static void problem_write(const struct api *api, FILE *out, unsigned status, const struct api_problem *own,
                          const char *members)
{
    static const struct {
        unsigned status;
        struct api_problem problem;
    } problems[] = {
        {MHD_HTTP_UNAUTHORIZED,
         {"token", "a token is needed, or this one is wrong or expired",
          "send Authorization: Bearer TOKEN; mixminusctl token add makes one"}},
        {MHD_HTTP_FORBIDDEN,
         {"scope", "the token has another scope", "mixminusctl token add --scope= makes one that has"}},
        {MHD_HTTP_MISDIRECTED_REQUEST, {"host", "this page is for localhost", "ask by 127.0.0.1, [::1] or localhost"}},
        {MHD_HTTP_NOT_FOUND, {"path", "no such page", "there is"}},
        {MHD_HTTP_METHOD_NOT_ALLOWED, {"method", "the page has no such method", "Allow has those that it has"}},
        {MHD_HTTP_CONTENT_TOO_LARGE, {"size", "the body is too large", "send 64 KB at most"}},
        {MHD_HTTP_TOO_MANY_REQUESTS, {"rate", "too many wrong tokens from this address", "try again in a minute"}},
    };
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(problems) && problems[i].status != status) {
        i++;
    }
    const struct api_problem *p = own->word ? own : &problems[i].problem;
    fprintf(out, "{\"type\":\"urn:mixminus:problem:%s\",\"title\":\"%s\",\"status\":%u,\"hint\":\"%s", p->word,
            p->title, status, p->hint);
    for (unsigned k = 0; k < api->cfg.n_pages && status == MHD_HTTP_NOT_FOUND && !own->word; k++) {
        fprintf(out, " %s", api->cfg.pages[k].path);
    }
    fprintf(out, "\"%s%s}\n", members[0] ? "," : "", members);
}

/* @param rest  out: what stands behind its path */
static const struct api_page *page_find(const struct api *api, const char *url, const char **rest)
{
    for (unsigned i = 0; i < api->cfg.n_pages; i++) {
        const char *path = api->cfg.pages[i].path;
        size_t n = strlen(path);
        bool is_tree = n > 1 && path[n - 1] == '/';
        if (is_tree ? strncmp(path, url, n) == 0 && url[n] : strcmp(path, url) == 0) {
            *rest = url + n;
            return &api->cfg.pages[i];
        }
    }
    return NULL;
}

/* Is the method a word of "GET, HEAD, PUT"? */
static bool methods_have(const char *methods, const char *method)
{
    size_t n = strlen(method);
    for (const char *p = methods; *p; p += strcspn(p, ",") + (p[strcspn(p, ",")] == ',')) {
        p += strspn(p, " ");
        if (strcspn(p, ",") == n && strncmp(p, method, n) == 0) {
            return true;
        }
    }
    return false;
}

/* A request's body, as it comes. */
struct upload {
    size_t n, size;
    bool is_too_large;
    char *bytes;
};

static void upload_take(struct upload *u, const char *bytes, size_t n)
{
    if (u->is_too_large || u->n + n > API_BODY_MAX) {
        u->is_too_large = true;
        return;
    }
    if (u->n + n + 1 > u->size) {
        size_t size = MAX(u->n + n + 1, 2 * u->size);
        char *grown = realloc(u->bytes, size);
        u->is_too_large = !grown;
        if (!grown) {
            return;
        }
        u->bytes = grown;
        u->size = size;
    }
    memcpy(u->bytes + u->n, bytes, n);
    u->n += n;
    u->bytes[u->n] = '\0';
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **seen,
                         enum MHD_RequestTerminationCode code)
{
    struct upload *u = *seen;
    if (u) {
        free(u->bytes);
        free(u);
    }
    *seen = NULL;
}

/* The page has let it in. @return HTTP status */
static unsigned serve(struct MHD_Connection *connection, FILE *out, const struct api_page *page, const char *method,
                      const char *rest, const struct upload *u, struct api_problem *problem)
{
    char type[64] = "";
    const char *header = header_of(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
    if (!page->serve) {
        return page->write(out, page->arg);
    }
    if (header) {
        snprintf(type, sizeof type, "%.*s", (int)MIN(strcspn(header, "; \t"), sizeof type - 1), header);
    }
    const struct api_request request = {
        .method = method, .rest = rest, .type = type, .body = u->bytes ? u->bytes : "", .n_body = u->n};
    return page->serve(out, page->arg, &request, problem);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *bytes, size_t *n_bytes, void **seen)
{
    struct way *way = arg;
    struct place *place = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    struct upload *u = *seen;
    if (!u) {
        *seen = calloc(1, sizeof *u);
        return *seen ? MHD_YES : MHD_NO;
    }
    if (*n_bytes > 0) {
        upload_take(u, bytes, *n_bytes);
        *n_bytes = 0;
        return MHD_YES;
    }
    const char *rest = "", *methods;
    const struct api_page *page = page_find(way->api, url, &rest);
    bool is_look = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    struct api_problem problem = {NULL, NULL, NULL};
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out) {
        return MHD_NO;
    }
    methods = page && page->serve ? page->methods : "GET, HEAD";
    unsigned status = !host_is_ours(way, connection)   ? MHD_HTTP_MISDIRECTED_REQUEST
                      : !page && is_look               ? MHD_HTTP_NOT_FOUND
                      : !methods_have(methods, method) ? MHD_HTTP_METHOD_NOT_ALLOWED
                      : !page                          ? MHD_HTTP_NOT_FOUND
                                                       : judge(way, connection, page, is_look);
    if (status == MHD_HTTP_OK && !is_look && header_of(connection, MHD_HTTP_HEADER_ORIGIN)) {
        problem = (struct api_problem){"origin", "a page of the web may not change anything here",
                                       "ask by a program that sends no Origin"};
        status = MHD_HTTP_FORBIDDEN;
    }
    bool is_problem = status != MHD_HTTP_OK;
    if (!is_problem) {
        status = u->is_too_large ? MHD_HTTP_CONTENT_TOO_LARGE : serve(connection, out, page, method, rest, u, &problem);
        is_problem =
            u->is_too_large || problem.word; /* a page without serve writes its own words, whatever its status */
    }
    place->turn = ++way->turns;
    if (is_problem) {
        fflush(out); /* text and n are as written so far */
        char *members = text ? strndup(text, n) : NULL;
        rewind(out);
        problem_write(way->api, out, status, &problem, members ? members : "");
        free(members);
    }
    if (fclose(out) != 0) {
        free(text);
        return MHD_NO;
    }
    return answer(connection, status, is_problem ? "application/problem+json" : page->type, methods, text, n);
}

/* --- Start and end ------------------------------------------------------------------------------------------------ */

/* Our own socket, so that a refusal has its errno. */
static int listen_tcp(const struct addr *a)
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

/* A socket that nothing listens on was left by a server that was killed: it is in the way of the next one. */
static bool is_dead(const struct sockaddr_un *name)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool is_dead = fd >= 0 && connect(fd, (const struct sockaddr *)name, sizeof *name) != 0 && errno == ECONNREFUSED;
    if (fd >= 0) {
        close(fd);
    }
    return is_dead;
}

/* For the server's own user and group alone. */
static int listen_unix(const char *path)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof name.sun_path) {
        return -ENAMETOOLONG;
    }
    strcpy(name.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -errno;
    }
    if (is_dead(&name)) {
        unlink(path);
    }
    mode_t old = umask(0117);
    int err = bind(fd, (const struct sockaddr *)&name, sizeof name) != 0 ? -errno : 0;
    umask(old);
    if (!err && listen(fd, BACKLOG) != 0) {
        err = -errno;
        unlink(path);
    }
    if (err) {
        close(fd);
        return err;
    }
    return fd;
}

static int way_start(struct way *way, struct api *api, int fd, bool is_tls)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | (is_tls ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)api->cfg.tls_cert},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)api->cfg.tls_key},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)"NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"},
                                   {MHD_OPTION_END, 0, NULL}};
    static const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    if (fd < 0) {
        return fd;
    }
    way->api = api;
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        way->places[i].fd = -1;
    }
    way->daemon =
        MHD_start_daemon(flags, 0, NULL, NULL, on_request, way, MHD_OPTION_LISTEN_SOCKET, fd,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)(CONNECTIONS_MAX + CLOSING_MAX),
                         MHD_OPTION_NOTIFY_CONNECTION, on_connection, way, MHD_OPTION_NOTIFY_COMPLETED, on_completed,
                         way, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)CONNECTION_BYTES, MHD_OPTION_ARRAY, is_tls ? tls : plain, MHD_OPTION_END);
    if (!way->daemon) {
        close(fd);
        return is_tls ? -EKEYREJECTED : -EIO;
    }
    return 0;
}

int api_start(struct api **out, const struct api_cfg *cfg)
{
    bool is_tls = cfg->tls_cert && cfg->tls_key, has_tcp = addr_is_set(&cfg->listen);
    bool is_local = has_tcp && addr_is_loopback(&cfg->listen);
    if (has_tcp && !is_local && (!is_tls || !cfg->tokens)) {
        return -EPERM;
    }
    struct api *api = calloc(1, sizeof *api);
    if (!api) {
        return -ENOMEM;
    }
    api->cfg = *cfg;
    api->tcp.is_local = is_local;
    api->local.is_unix = true;
    int err = has_tcp ? way_start(&api->tcp, api, listen_tcp(&cfg->listen), is_tls) : 0;
    if (!err && cfg->unix_path) {
        int fd = listen_unix(cfg->unix_path);
        if (fd >= 0) {
            strcpy(api->unix_path, cfg->unix_path);
        }
        err = way_start(&api->local, api, fd, false);
    }
    if (err) {
        api_stop(api);
        return err;
    }
    *out = api;
    return 0;
}

static void way_stop(struct way *way)
{
    if (way->daemon) {
        MHD_stop_daemon(way->daemon); /* closes the socket, too */
    }
}

void api_stop(struct api *api)
{
    if (api) {
        way_stop(&api->tcp);
        way_stop(&api->local);
        if (api->unix_path[0]) {
            unlink(api->unix_path);
        }
        free(api);
    }
}
