/* The pages over HTTP: what a collector gets, and what those get who want something else. */
#include "sig/http/api.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static struct addr where;
static char unix_path[64];
static struct api *api;

static unsigned page_write(FILE *out, void *arg)
{
    fprintf(out, "%s\n", (const char *)arg);
    return strcmp(arg, "ill") == 0 ? 503 : 200;
}

/* Says what it was asked, or refuses a word. */
static unsigned page_serve(FILE *out, void *arg, const struct api_request *request, struct api_problem *problem)
{
    if (strcmp(request->rest, "none") == 0) {
        *problem = (struct api_problem){"none", "there is none", "make one"};
        fprintf(out, "\"names\":[\"a\"]"); /* one more member of the problem */
        return 404;
    }
    fprintf(out, "%s %s (%s) %zu %s", request->method, request->rest, request->type, request->n_body, request->body);
    return strcmp(request->method, "PUT") == 0 ? 201 : 200;
}

static const struct api_page pages[] = {
    {.path = "/metrics",
     .type = "text/plain; version=0.0.4",
     .scope = TOKEN_METRICS,
     .write = page_write,
     .arg = (void *)"figures 1"},
    {.path = "/healthz", .type = "text/plain", .is_open = true, .write = page_write, .arg = (void *)"ill"},
    {.path = "/v1/conferences",
     .type = "application/json",
     .scope = TOKEN_READ,
     .write = page_write,
     .arg = (void *)"{}"},
    {.path = "/v1/things/",
     .type = "text/plain",
     .scope = TOKEN_READ,
     .serve = page_serve,
     .methods = "GET, HEAD, PUT, DELETE",
     .writes = TOKEN_ADMIN}};

static struct api_cfg cfg_of(struct addr listen)
{
    return (struct api_cfg){.listen = listen, .pages = pages, .n_pages = ARRAY_LEN(pages)};
}

/* Sends these bytes, reads until the end. @return text, static */
static const char *ask_at(const struct sockaddr *sa, socklen_t n_sa, const char *request)
{
    static char text[65536];
    size_t n = 0;
    ssize_t got;
    int fd = socket(sa->sa_family, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, sa, n_sa), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    shutdown(fd, SHUT_WR);
    while ((got = recv(fd, text + n, sizeof text - 1 - n, 0)) > 0) {
        n += (size_t)got;
    }
    close(fd);
    text[n] = '\0';
    return text;
}

static const char *ask(const char *request)
{
    return ask_at(&where.sa, addr_len(&where), request);
}

/* A35. */
static void test_pages(void **state)
{
    const char *text = ask("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(text, "HTTP/1.1 200"));
    assert_non_null(strstr(text, "Content-Type: text/plain; version=0.0.4"));
    assert_non_null(strstr(text, "\r\n\r\nfigures 1\n"));
    text = ask("HEAD /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(text, "Content-Length: 10"));
    assert_null(strstr(text, "figures 1"));
    text = ask("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(text, "HTTP/1.1 503"));
}

static void test_refusals(void **state)
{
    const char *text = ask("GET /secret HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    assert_non_null(strstr(text, "HTTP/1.1 404"));
    assert_non_null(strstr(text, "Content-Type: application/problem+json"));
    assert_non_null(strstr(text, "\"type\":\"urn:mixminus:problem:path\""));
    assert_non_null(strstr(text, "there is /metrics /healthz"));
    text = ask("POST /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
    assert_non_null(strstr(text, "HTTP/1.1 405"));
    assert_non_null(strstr(text, "Allow: GET, HEAD"));
    text = ask("\x16\x03\x01 nothing of HTTP\r\n\r\n");
    assert_null(strstr(text, "figures"));
    assert_true(*text == '\0' || strstr(text, "HTTP/1.1 400"));
    static char endless[40000];
    memset(endless, 'a', sizeof endless - 1);
    memcpy(endless, "GET /", 5);
    text = ask(endless);
    assert_true(strstr(text, "HTTP/1.1 414") || strstr(text, "HTTP/1.1 431") || strstr(text, "HTTP/1.1 413"));
    test_pages(state); /* and it lives */
}

#define AT "Host: 127.0.0.1\r\nConnection: close\r\n"

/* Pages that take more than a look: what is below their path, a body, their own refusals; nothing from a page of the
 * web (A44). */
static void test_served(void **state)
{
    static char large[API_BODY_MAX + 512];
    const char *text = ask("GET /v1/things/a%20b/c HTTP/1.1\r\n" AT "\r\n");
    assert_non_null(strstr(text, "HTTP/1.1 200"));
    assert_non_null(strstr(text, "GET a b/c () 0 "));
    text = ask("PUT /v1/things/x HTTP/1.1\r\n" AT
               "Content-Type: application/json; charset=utf-8\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
    assert_non_null(strstr(text, "HTTP/1.1 201"));
    assert_non_null(strstr(text, "PUT x (application/json) 7 {\"a\":1}"));
    text = ask("GET /v1/things/none HTTP/1.1\r\n" AT "\r\n");
    assert_non_null(strstr(text, "HTTP/1.1 404"));
    assert_non_null(strstr(text, "\"type\":\"urn:mixminus:problem:none\",\"title\":\"there is none\",\"status\":404,"
                                 "\"hint\":\"make one\",\"names\":[\"a\"]}\n"));
    assert_non_null(
        strstr(ask("GET /v1/things/ HTTP/1.1\r\n" AT "\r\n"), "HTTP/1.1 404")); /* the tree is none of its leaves */
    text = ask("POST /v1/things/x HTTP/1.1\r\n" AT "Content-Length: 0\r\n\r\n");
    assert_non_null(strstr(text, "HTTP/1.1 405"));
    assert_non_null(strstr(text, "Allow: GET, HEAD, PUT, DELETE"));
    text = ask("PUT /v1/things/x HTTP/1.1\r\n" AT "Origin: http://127.0.0.1\r\nContent-Length: 0\r\n\r\n");
    assert_non_null(strstr(text, "HTTP/1.1 403"));
    assert_non_null(strstr(text, "problem:origin"));
    int n = sprintf(large, "PUT /v1/things/x HTTP/1.1\r\n" AT "Content-Length: %d\r\n\r\n", API_BODY_MAX);
    memset(large + n, 'x', API_BODY_MAX);
    assert_non_null(strstr(ask(large), "("
                                       ") 65536 xxx"));
    n = sprintf(large, "PUT /v1/things/x HTTP/1.1\r\n" AT "Content-Length: %d\r\n\r\n", API_BODY_MAX + 1);
    memset(large + n, 'x', API_BODY_MAX + 1);
    large[n + API_BODY_MAX + 1] = '\0';
    text = ask(large);
    assert_non_null(strstr(text, "HTTP/1.1 413"));
    assert_non_null(strstr(text, "problem:size"));
}

/* A44: a page of the web that leads its own name here is not answered; this machine's programs are. */
static void test_hosts(void **state)
{
    static const struct {
        const char *host;
        bool is_ours;
    } cases[] = {{"127.0.0.1:8080", true}, {"localhost", true},       {"LOCALHOST:1", true},
                 {"[::1]:8080", true},     {"127.9.9.9", true},       {"evil.example:8080", false},
                 {"192.0.2.1", false},     {"localhost.evil", false}, {"[2001:db8::1]", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char request[128];
        snprintf(request, sizeof request, "GET /metrics HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
                 cases[i].host);
        const char *text = ask(request);
        assert_non_null(strstr(text, cases[i].is_ours ? "HTTP/1.1 200" : "HTTP/1.1 421"));
        assert_int_equal(strstr(text, "figures 1") != NULL, cases[i].is_ours);
    }
}

/* A44: sockets that send a little, then nothing: a probe is answered all the same, at once. */
static void test_slow(void **state)
{
    enum { SLOW = 300 };
    int fds[SLOW];
    for (unsigned i = 0; i < SLOW; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(connect(fds[i], &where.sa, addr_len(&where)), 0);
        assert_int_equal(send(fds[i], "GET /", 5, MSG_NOSIGNAL), 5);
        if (i % 50 == 0 || i == SLOW - 1) {
            test_pages(state);
        }
    }
    for (unsigned i = 0; i < SLOW; i++) {
        close(fds[i]);
    }
}

/* The Unix socket needs no token: its peers are known by their user. It goes with the server, and a dead one's is
 * replaced. */
static void test_unix(void **state)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct stat info;
    strcpy(name.sun_path, unix_path);
    const char *text = ask_at((struct sockaddr *)&name, sizeof name, "GET /v1/conferences HTTP/1.0\r\n\r\n");
    assert_non_null(strstr(text, " 200 "));
    assert_int_equal(stat(unix_path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0660);
    struct api_cfg cfg = {.unix_path = unix_path, .pages = pages, .n_pages = ARRAY_LEN(pages)};
    struct api *second = NULL;
    assert_int_equal(api_start(&second, &cfg), -EADDRINUSE); /* it lives */
    char dead[80];
    snprintf(dead, sizeof dead, "%s.dead", unix_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(name.sun_path, dead);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    close(fd);
    cfg.unix_path = dead;
    assert_int_equal(api_start(&second, &cfg), 0);
    api_stop(second);
    assert_int_equal(access(dead, F_OK), -1);
}

static void tokens_with(struct tokens **tokens, const char *scopes, char text[TOKEN_TEXT_MAX])
{
    char path[] = "/tmp/mixminus-tokens-XXXXXX", line[TOKEN_LINE_MAX], why[TOKENS_WHY_MAX] = "";
    int fd = mkstemp(path);
    assert_int_equal(token_make(text, line, scopes, 0), 0);
    dprintf(fd, "# made by a test\n\n%s # one\n", line);
    close(fd);
    assert_int_equal(tokens_load(tokens, path, why), 0);
    assert_int_equal(tokens_count(*tokens), 1);
    unlink(path);
}

static int status_with(struct addr at, const char *path, const char *token)
{
    char request[256];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s%s%sConnection: close\r\n\r\n", path,
             token ? "Authorization: Bearer " : "", token ? token : "", token ? "\r\n" : "");
    const char *text = ask_at(&at.sa, addr_len(&at), request);
    return strlen(text) > 12 ? atoi(text + 9) : 0;
}

/* A44: tokens, and scopes; ten wrong ones a minute of one source, and no more. */
static void test_tokens(void **state)
{
    struct tokens *tokens;
    struct addr at = where;
    char text[TOKEN_TEXT_MAX], wrong[TOKEN_TEXT_MAX];
    struct api *own = NULL;
    tokens_with(&tokens, "metrics", text);
    addr_set_port(&at, 0);
    int err = -EADDRINUSE;
    for (unsigned i = 0; i < 100 && err == -EADDRINUSE; i++) {
        addr_set_port(&at, (uint16_t)(addr_port(&where) + 3 + i * 7));
        struct api_cfg cfg = cfg_of(at);
        cfg.tokens = tokens;
        err = api_start(&own, &cfg);
    }
    assert_int_equal(err, 0);
    assert_int_equal(status_with(at, "/metrics", NULL), 401);
    assert_int_equal(status_with(at, "/metrics", text), 200);
    assert_int_equal(status_with(at, "/v1/conferences", text), 403);
    assert_int_equal(status_with(at, "/healthz", NULL), 503); /* a probe: its page says so */
    strcpy(wrong, text);
    wrong[20] = wrong[20] == 'a' ? 'b' : 'a';
    assert_int_equal(status_with(at, "/metrics", wrong), 401);
    assert_int_equal(status_with(at, "/metrics", "mm_"), 401);
    for (unsigned i = 0; i < API_FAILURES_MAX; i++) {
        status_with(at, "/metrics", wrong);
    }
    assert_int_equal(status_with(at, "/metrics", wrong), 429);
    assert_int_equal(status_with(at, "/metrics", text), 429); /* it cannot be tried out meanwhile, either */
    assert_int_equal(status_with(at, "/healthz", NULL), 503);
    api_stop(own);
    tokens_free(tokens);
}

static void test_token_files(void **state)
{
    static const char good[] = "01234567 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef ";
    static const struct {
        const char *tail, *says; /* NULL: fine */
    } cases[] = {{"read", NULL},
                 {"read,node 1900000000 # until then", NULL},
                 {"read 12h", "Unix time"},
                 {"reader", "scopes"},
                 {"", "a token has"},
                 {"read 1900000000 more", "a token has"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char path[] = "/tmp/mixminus-tokens-XXXXXX", why[TOKENS_WHY_MAX] = "";
        struct tokens *tokens = NULL;
        int fd = mkstemp(path);
        dprintf(fd, "# one\n%s%s\n", good, cases[i].tail);
        close(fd);
        int err = tokens_load(&tokens, path, why);
        assert_int_equal(err == 0, cases[i].says == NULL);
        assert_true(!cases[i].says || (strstr(why, cases[i].says) && strstr(why, ":2: ")));
        tokens_free(tokens);
        chmod(path, 0666);
        assert_int_equal(tokens_load(&tokens, path, why), -EACCES);
        unlink(path);
    }
    char why[TOKENS_WHY_MAX], text[TOKEN_TEXT_MAX], line[TOKEN_LINE_MAX];
    struct tokens *tokens;
    assert_int_equal(tokens_load(&tokens, "/nonexistent", why), -ENOENT);
    assert_int_equal(token_make(text, line, "everything", 0), -EINVAL);
}

/* One that has expired; scopes hold what stands below them. */
static void test_token_scopes(void **state)
{
    char path[] = "/tmp/mixminus-tokens-XXXXXX", why[TOKENS_WHY_MAX];
    char admin[TOKEN_TEXT_MAX], node[TOKEN_TEXT_MAX], old[TOKEN_TEXT_MAX], line[TOKEN_LINE_MAX], header[128];
    struct tokens *tokens;
    int fd = mkstemp(path);
    token_make(admin, line, "admin", 0);
    dprintf(fd, "%s\n", line);
    token_make(node, line, "node", 0);
    dprintf(fd, "%s\n", line);
    token_make(old, line, "read", 1000);
    dprintf(fd, "%s\n", line);
    close(fd);
    assert_int_equal(tokens_load(&tokens, path, why), 0);
    unlink(path);
    snprintf(header, sizeof header, "bearer  %s", admin);
    assert_int_equal(tokens_check(tokens, header, TOKEN_METRICS, 5), TOKEN_RIGHT);
    assert_int_equal(tokens_check(tokens, header, TOKEN_ADMIN, 5), TOKEN_RIGHT);
    assert_int_equal(tokens_check(tokens, header, TOKEN_NODE, 5), TOKEN_NARROW);
    snprintf(header, sizeof header, "Bearer %s", node);
    assert_int_equal(tokens_check(tokens, header, TOKEN_METRICS, 5), TOKEN_NARROW);
    assert_int_equal(tokens_check(tokens, header, TOKEN_NODE, 5), TOKEN_RIGHT);
    snprintf(header, sizeof header, "Bearer %s", old);
    assert_int_equal(tokens_check(tokens, header, TOKEN_READ, 999), TOKEN_RIGHT);
    assert_int_equal(tokens_check(tokens, header, TOKEN_READ, 1000), TOKEN_WRONG);
    assert_int_equal(tokens_check(tokens, "Basic YTpi", TOKEN_READ, 5), TOKEN_MISSING);
    assert_int_equal(tokens_check(tokens, NULL, TOKEN_READ, 5), TOKEN_MISSING);
    tokens_free(tokens);
}

static void test_refused_starts(void **state)
{
    struct api *second = NULL;
    struct addr foreign;
    struct api_cfg cfg = cfg_of(where);
    assert_int_equal(api_start(&second, &cfg), -EADDRINUSE);
    addr_parse(&foreign, "198.51.100.1", 8080);
    cfg = cfg_of(foreign);
    assert_int_equal(api_start(&second, &cfg), -EPERM); /* neither tokens nor TLS */
    char text[TOKEN_TEXT_MAX];
    struct tokens *tokens;
    tokens_with(&tokens, "read", text);
    cfg.tokens = tokens;
    assert_int_equal(api_start(&second, &cfg), -EPERM);
    cfg.tls_cert = cfg.tls_key = "no certificate";
    assert_int_equal(api_start(&second, &cfg), -EADDRNOTAVAIL);
    addr_parse(&foreign, "127.0.0.1", 0);
    cfg.listen = foreign;
    assert_int_equal(api_start(&second, &cfg), -EKEYREJECTED);
    tokens_free(tokens);
    assert_null(second);
    api_stop(NULL);
}

static int begin(void **state)
{
    int err = -EADDRINUSE;
    for (unsigned i = 0; i < 100 && err == -EADDRINUSE; i++) {
        addr_parse(&where, "127.0.0.1", (uint16_t)(10000 + (unsigned)getpid() % 5000 + i * 7));
        struct api_cfg cfg = cfg_of(where);
        snprintf(unix_path, sizeof unix_path, "/tmp/mixminus-api-%d.sock", (int)getpid());
        cfg.unix_path = unix_path;
        err = api_start(&api, &cfg);
    }
    return err;
}

static int end(void **state)
{
    api_stop(api);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),        cmocka_unit_test(test_served), cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_hosts),        cmocka_unit_test(test_slow),   cmocka_unit_test(test_refused_starts),
        cmocka_unit_test(test_unix),         cmocka_unit_test(test_tokens), cmocka_unit_test(test_token_files),
        cmocka_unit_test(test_token_scopes),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
