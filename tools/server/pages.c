/* Pages over HTTP. See pages.h. */
#include "tools/server/pages.h"

#include "sig/http/services.h"
#include "sig/http/users.h"
#include "tools/server/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX 262144

/* @return the file's text, by malloc | NULL: errno says why */
static char *file_read(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = file ? malloc(FILE_BYTES_MAX) : NULL;
    size_t n = text ? fread(text, 1, FILE_BYTES_MAX - 1, file) : 0;
    if (text) {
        text[n] = '\0';
    }
    if (file) {
        fclose(file);
    }
    return text;
}

static int files_read(struct pages *p, const struct config *config, const struct log *log)
{
    char why[TOKENS_WHY_MAX];
    if (config->http_tokens[0] && tokens_load(&p->tokens, config->http_tokens, why) != 0) {
        log_line(log, LOG_ERROR, "--http-tokens: %s", why);
        return 1;
    }
    const char *const paths[] = {config->http_cert, config->http_key};
    char **const texts[] = {&p->cert, &p->key};
    for (size_t i = 0; i < ARRAY_LEN(paths) && paths[0][0]; i++) {
        *texts[i] = file_read(paths[i]);
        if (!*texts[i]) {
            log_line(log, LOG_ERROR, "cannot read %s (%s); give another --http-tls-%s", paths[i], strerror(errno),
                     i ? "key" : "cert");
            return 1;
        }
    }
    return 0;
}

static void say(const struct config *config, const struct log *log, int err)
{
    char text[ADDR_TEXT_MAX];
    bool has_tcp = addr_is_set(&config->http);
    addr_text(&config->http, text);
    if (err == -EADDRINUSE) {
        log_line(log, LOG_ERROR, "%s is in use by another program; stop it, or give another --%s",
                 has_tcp ? text : config->control_socket, has_tcp ? "http-listen" : "control-socket");
    } else if (err == -EKEYREJECTED) {
        log_line(log, LOG_ERROR, "%s and %s are no certificate with its key; give others", config->http_cert,
                 config->http_key);
    } else {
        log_line(log, LOG_ERROR, "cannot serve HTTP on %s (%s); give another --http-listen", text, strerror(-err));
    }
}

static unsigned users(FILE *out, void *arg, const struct api_request *request, struct api_problem *problem)
{
    return sig_users(out, ((struct figures_source *)arg)->sig, request, problem);
}

static unsigned groups(FILE *out, void *arg, const struct api_request *request, struct api_problem *problem)
{
    return sig_groups(out, ((struct figures_source *)arg)->sig, request, problem);
}

#define INSTANT(name, page)                                                                                            \
    static unsigned name(FILE *out, void *arg, const struct api_request *request, struct api_problem *problem)         \
    {                                                                                                                  \
        return sig_services(out, ((struct figures_source *)arg)->sig, page, request, problem);                         \
    }

INSTANT(services, SIG_PAGE_SERVICES)
INSTANT(sessions, SIG_PAGE_SESSIONS)
INSTANT(channels, SIG_PAGE_CHANNELS)
INSTANT(activations, SIG_PAGE_ACTIVATIONS)

int pages_start(struct pages *p, const struct config *config, struct figures_source *source, const struct log *log)
{
    static const char text[] = "text/plain; charset=utf-8", json[] = "application/json", looks[] = "GET, HEAD";
    static const char acts[] = SERVICES_ACTIVATION_METHODS;
    const struct api_page list[PAGES_N] = {
        {.path = "/metrics", .type = METRICS_TYPE, .scope = TOKEN_METRICS, .write = metrics_write},
        {.path = "/livez", .type = text, .is_open = true, .write = metrics_health},
        {.path = "/readyz", .type = text, .is_open = true, .write = metrics_ready},
        {.path = "/healthz", .type = text, .is_open = true, .write = metrics_health}, /* /livez, as it was */
        {.path = "/v1/conferences", .type = json, .scope = TOKEN_READ, .write = metrics_conferences},
        {.path = "/v1/users", .type = json, .scope = TOKEN_READ, .serve = users, .methods = looks},
        {.path = "/v1/users/", .type = json, .scope = TOKEN_READ, .serve = users, .methods = USERS_METHODS},
        {.path = "/v1/groups", .type = json, .scope = TOKEN_READ, .serve = groups, .methods = looks},
        {.path = "/v1/groups/", .type = json, .scope = TOKEN_READ, .serve = groups, .methods = USERS_METHODS},
        {.path = "/v1/services", .type = json, .scope = TOKEN_READ, .serve = services, .methods = looks},
        {.path = "/v1/sessions", .type = json, .scope = TOKEN_READ, .serve = sessions, .methods = looks},
        {.path = "/v1/channels", .type = json, .scope = TOKEN_READ, .serve = channels, .methods = looks},
        {.path = "/v1/activations", .type = json, .scope = TOKEN_READ, .serve = activations, .methods = acts},
        {.path = "/v1/activations/", .type = json, .scope = TOKEN_READ, .serve = activations, .methods = acts},
    };
    *p = (struct pages){.api = NULL};
    memcpy(p->list, list, sizeof list);
    for (unsigned i = 0; i < PAGES_N; i++) {
        p->list[i].arg = source;
        p->list[i].writes = TOKEN_ADMIN;
    }
    bool has_socket = config->control_socket[0] != '\0';
    if (!addr_is_set(&config->http) && !has_socket) {
        return 0;
    }
    if (files_read(p, config, log) != 0) {
        return 1;
    }
    struct api_cfg cfg = {.listen = config->http,
                          .unix_path = has_socket ? config->control_socket : NULL,
                          .tls_cert = p->cert,
                          .tls_key = p->key,
                          .tokens = p->tokens,
                          .pages = p->list,
                          .n_pages = PAGES_N};
    int err = api_start(&p->api, &cfg);
    if (err && has_socket && !config->control_socket_is_given) { /* nobody has asked for it: without */
        cfg.unix_path = NULL;
        int again = addr_is_set(&config->http) ? api_start(&p->api, &cfg) : 0;
        if (!again) {
            log_line(log, LOG_WARN, "no control socket %s (%s): mixminusctl show will not reach this server",
                     config->control_socket, strerror(-err));
        }
        err = again;
    }
    if (err) {
        say(config, log, err);
    }
    return err ? 1 : 0;
}

void pages_stop(struct pages *p)
{
    api_stop(p->api);
    tokens_free(p->tokens);
    if (p->key) {
        explicit_bzero(p->key, strlen(p->key));
    }
    free(p->cert);
    free(p->key);
    *p = (struct pages){.api = NULL};
}
