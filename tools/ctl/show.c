/* What a running server says, and tokens. See show.h. */
#include "tools/ctl/show.h"

#include "sig/http/tokens.h"
#include "tools/config/config.h"
#include "tools/ctl/store_cli.h"
#include "tools/lib/http_get.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct {
    const char *word, *path;
} shown[] = {
    {"conferences", "/v1/conferences"},
    {"metrics", "/metrics"},
    {"live", "/livez"},
    {"ready", "/readyz"},
};

int show_run(int argc, char **argv)
{
    static struct config config;
    char why[HTTP_WHY_MAX];
    const char *path = NULL;
    for (size_t i = 0; i < ARRAY_LEN(shown) && argc >= 2; i++) {
        path = strcmp(argv[1], shown[i].word) == 0 ? shown[i].path : path;
    }
    if (!path) {
        store_cli_complain("show conferences, metrics, live or ready");
        return 2;
    }
    argv[1] = argv[0];
    if (store_cli_config(&config, argc - 1, argv + 1, "show") != 0) {
        return 2;
    }
    if (config.control_socket[0] == '\0') {
        store_cli_complain("a server without a store in a file has no control socket; give --control-socket=PATH");
        return 2;
    }
    int status = http_get_unix(config.control_socket, path, stdout, why);
    if (status == -ECONNREFUSED) {
        fprintf(stderr, "mixminusctl: no server at %s; start mixminusd, or give its --store or --control-socket\n",
                config.control_socket);
        return 3;
    }
    if (status < 0) {
        store_cli_complain(why);
        return 3;
    }
    return status == 200 ? 0 : 1;
}

/* Appends to the file; a new one is for its owner and group. @return 0 | 1, and has complained */
static int line_append(const char *path, const char *line, const char *scopes)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0 || dprintf(fd, "%s\n", line) < 0) {
        int err = errno;
        fprintf(stderr, "mixminusctl: cannot write %s (%s)\n", path, strerror(err));
        if (fd >= 0) {
            close(fd);
        }
        return 1;
    }
    close(fd);
    fprintf(stderr, "mixminusctl: a token for %s is in %s; what follows is shown once\n", scopes, path);
    return 0;
}

int token_run(int argc, char **argv)
{
    char text[TOKEN_TEXT_MAX], line[TOKEN_LINE_MAX];
    const char *scopes = "read";
    unsigned long days = 0;
    char *end;
    if (argc < 3 || strcmp(argv[1], "add") != 0 || argv[2][0] == '-') {
        store_cli_complain("token add FILE [--scope=metrics|read|operate|admin|node] [--days=N]");
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        if (strncmp(argv[i], "--scope=", 8) == 0) {
            scopes = argv[i] + 8;
        } else if (strncmp(argv[i], "--days=", 7) == 0 && (days = strtoul(argv[i] + 7, &end, 10)) > 0 && !*end) {
            continue;
        } else {
            fprintf(stderr, "mixminusctl: %s means nothing here; give --scope=SCOPES or --days=N\n", argv[i]);
            return 2;
        }
    }
    uint64_t expires_s = days ? (uint64_t)time(NULL) + days * 86400 : 0;
    int err = token_make(text, line, scopes, expires_s);
    if (err == -EINVAL) {
        fprintf(stderr, "mixminusctl: --scope=%s is none; there are metrics, read, operate, admin and node\n", scopes);
        return 2;
    }
    if (err) {
        return store_cli_complain("there is no randomness");
    }
    if (line_append(argv[2], line, scopes) != 0) {
        return 1;
    }
    printf("%s\n", text);
    return 0;
}
