/* Flags of the client programs. See args.h. */
#include "tools/lib/args.h"

#include "tools/lib/man.h"
#include "tools/lib/wrap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

enum { HELP_COLUMN = 34, HELP_WIDTH = 110 };

static const char *program_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void help_print(const char *program, const struct arg *table, const struct args_about *about)
{
    printf("%s: %s\n", program, about->brief);
    wrap(stdout, "", about->text, HELP_WIDTH);
    printf("Exit code: %s\n\nUsage: %s [--flag=value ...]\n\n", about->exits, program);
    for (const struct arg *a = table; a->name; a++) {
        int n = printf("  --%s%s%s", a->name, a->value ? "=" : "", a->value ? a->value : "");
        if (n >= HELP_COLUMN) {
            printf("\n");
            n = 0;
        }
        printf("%*s%s", HELP_COLUMN - n, "", a->help);
        printf(a->fallback ? " (default: %s)\n" : "\n", a->fallback);
    }
    printf("  --help%*sthis page; --help-man: the manual page\n", HELP_COLUMN - 8, "");
}

static void man_print(const char *program, const struct arg *table, const struct args_about *about)
{
    man_begin(stdout, program, 1, about->brief, "[--FLAG=VALUE ...]");
    man_text(stdout, about->text);
    man_section(stdout, "OPTIONS");
    for (const struct arg *a = table; a->name; a++) {
        man_flag(stdout, a->name, a->value, a->help, a->fallback);
    }
    man_section(stdout, "EXIT STATUS");
    man_text(stdout, about->exits);
    man_end(stdout, "mixminusd(8), mixminusctl(1)");
}

static const struct arg *arg_find(const struct arg *table, const char *name, size_t n)
{
    for (const struct arg *a = table; a->name; a++) {
        if (strlen(a->name) == n && strncmp(a->name, name, n) == 0) {
            return a;
        }
    }
    return NULL;
}

int args_read(int argc, char **argv, const struct arg *table, const struct args_about *about, arg_fn take, void *ctx)
{
    const char *program = program_name(argv[0]);
    for (const struct arg *a = table; a->name; a++) {
        must(!a->fallback || take(ctx, (unsigned)(a - table), a->fallback) == 0);
    }
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i];
        if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) {
            help_print(program, table, about);
            return 1;
        }
        if (strcmp(text, "--help-man") == 0) {
            man_print(program, table, about);
            return 1;
        }
        size_t n = strncmp(text, "--", 2) == 0 ? strcspn(text + 2, "=") : 0;
        const struct arg *a = n ? arg_find(table, text + 2, n) : NULL;
        if (!a) {
            fprintf(stderr, "%s: %s is no flag; see %s --help\n", program, text, program);
            return -EINVAL;
        }
        const char *value = text[2 + n] == '=' ? text + 3 + n : NULL;
        if (!a->value != !value) {
            fprintf(stderr, "%s: --%s %s\n", program, a->name,
                    a->value ? "needs a value behind '='" : "takes no value");
            return -EINVAL;
        }
        if (take(ctx, (unsigned)(a - table), value ? value : "") != 0) {
            fprintf(stderr, "%s: --%s=%s is not understood; write --%s=%s, such as --%s=%s\n", program, a->name,
                    value ? value : "", a->name, a->value ? a->value : "", a->name, a->example ? a->example : "");
            return -EINVAL;
        }
    }
    return 0;
}

int args_number(const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
    char *end;
    if (*text < '0' || *text > '9') {
        return -EINVAL;
    }
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || *end || n < min || n > max) {
        return -EINVAL;
    }
    *number = n;
    return 0;
}

int args_u32(const char *text, uint32_t min, uint32_t max, uint32_t *number)
{
    uint64_t n;
    if (args_number(text, min, max, &n) != 0) {
        return -EINVAL;
    }
    *number = (uint32_t)n;
    return 0;
}

int args_srtp(const char *text, enum offer_srtp *srtp, enum seal_suite *only)
{
    *srtp = OFFER_SRTP_REQUIRED;
    *only = SEAL_NONE;
    if (strcasecmp(text, "any") == 0) {
        return 0;
    }
    for (enum seal_suite suite = SEAL_NONE + 1; suite < SEAL_SUITES; suite++) {
        if (strcasecmp(text, seal_suite_name(suite)) == 0) {
            *only = suite;
            return 0;
        }
    }
    return -EINVAL;
}

int args_transport(const char *text, uint8_t *transport)
{
    static const char *const words[] = {[FLOW_UDP] = "udp", [FLOW_TCP] = "tcp", [FLOW_TLS] = "tls"};
    for (uint8_t i = FLOW_UDP; i <= FLOW_TLS; i++) {
        if (strcmp(text, words[i]) == 0) {
            *transport = i;
            return 0;
        }
    }
    return -EINVAL;
}

int args_addr(const char *text, struct addr *addr)
{
    char host[ADDR_TEXT_MAX];
    const char *colon = strrchr(text, ':');
    uint64_t port;
    if (!colon || args_number(colon + 1, 1, 65535, &port) != 0) {
        return -EINVAL;
    }
    size_t n = (size_t)(colon - text);
    if (n > 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    if (n == 0 || n >= sizeof host) {
        return -EINVAL;
    }
    memcpy(host, text, n);
    host[n] = '\0';
    return addr_parse(addr, host, (uint16_t)port);
}
