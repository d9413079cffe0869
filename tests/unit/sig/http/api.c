/* The pages over HTTP: what a collector gets, and what those get who want something else. */
#include "sig/http/api.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct addr where;
static struct api *api;

static unsigned page_write(FILE *out, void *arg)
{
    fprintf(out, "%s\n", (const char *)arg);
    return strcmp(arg, "ill") == 0 ? 503 : 200;
}

static const struct api_page pages[] = {{"/metrics", "text/plain; version=0.0.4", page_write, (void *)"figures 1"},
                                        {"/healthz", "text/plain", page_write, (void *)"ill"}};

/* Sends these bytes, reads until the end. @return text, static */
static const char *ask(const char *request)
{
    static char text[65536];
    size_t n = 0;
    ssize_t got;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = 5};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    assert_int_equal(connect(fd, &where.sa, addr_len(&where)), 0);
    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    shutdown(fd, SHUT_WR);
    while ((got = recv(fd, text + n, sizeof text - 1 - n, 0)) > 0) {
        n += (size_t)got;
    }
    close(fd);
    text[n] = '\0';
    return text;
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
        assert_non_null(strstr(text, cases[i].is_ours ? "HTTP/1.1 200" : "HTTP/1.1 403"));
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

static void test_port_in_use(void **state)
{
    struct api *second = NULL;
    assert_int_equal(api_start(&second, &where, pages, ARRAY_LEN(pages)), -EADDRINUSE);
    struct addr foreign;
    addr_parse(&foreign, "198.51.100.1", 8080);
    assert_int_equal(api_start(&second, &foreign, pages, ARRAY_LEN(pages)), -EADDRNOTAVAIL);
    assert_null(second);
    api_stop(NULL);
}

static int begin(void **state)
{
    int err = -EADDRINUSE;
    for (unsigned i = 0; i < 100 && err == -EADDRINUSE; i++) {
        addr_parse(&where, "127.0.0.1", (uint16_t)(10000 + (unsigned)getpid() % 5000 + i * 7));
        err = api_start(&api, &where, pages, ARRAY_LEN(pages));
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
        cmocka_unit_test(test_pages), cmocka_unit_test(test_refusals),    cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_slow),  cmocka_unit_test(test_port_in_use),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
