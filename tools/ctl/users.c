/* Users of a running server, by its control socket. See users.h. */
#include "tools/ctl/users.h"

#include "tools/config/config.h"
#include "tools/ctl/store_cli.h"
#include "tools/lib/http_get.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FLAGS_MAX = 64, PATH_BYTES = 640 };

/* One call of a word. */
struct asked {
    const char *method;    /* "GET", "PUT", "DELETE" */
    char path[PATH_BYTES]; /* of the page */
    char *body;            /* NULL: none */
    size_t n_body;
};

static int complain_usage(const char *word)
{
    static const struct {
        const char *word, *usage;
    } usages[] = {
        {"group", "group set NAME URI ..., group show NAME, group drop NAME or group list"},
        {"buddies", "buddies set USER URI ..., buddies show USER or buddies drop USER"},
        {"rules", "rules set USER WHO=ACTION ..., rules show USER or rules drop USER; WHO is a SIP URI or a domain, "
                  "ACTION allow, polite, confirm or block"},
        {"presence", "presence list"},
        {"service", "service set USER IDENTIFICATION TARGET [priority=N] [request=no] [preempt=yes] [emergency=yes] or "
                    "service drop USER IDENTIFICATION"},
        {"session", "session list"},
        {"channel", "channel list"},
    };
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(usages) && strcmp(usages[i].word, word) != 0) {
        i++;
    }
    fprintf(stderr, "mixminusctl: write %s\n", usages[i].usage);
    return 2;
}

/* The name as a path has it. @return false: too long */
static bool path_make(struct asked *a, const char *before, const char *name, const char *after)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";
    size_t n = (size_t)snprintf(a->path, sizeof a->path, "%s", before);
    for (; *name && n + 8 < sizeof a->path; name++) {
        n += (size_t)sprintf(a->path + n, strchr(plain, *name) ? "%c" : "%%%02X", (unsigned char)*name);
    }
    return !*name && (size_t)snprintf(a->path + n, sizeof a->path - n, "%s", after) < sizeof a->path - n;
}

/* Text in quotes; what JSON would need an escape for is in no URI. @return false */
static bool quoted_put(FILE *out, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '"' || text[i] == '\\' || (unsigned char)text[i] < ' ') {
            fprintf(stderr, "mixminusctl: %s is no URI\n", text);
            return false;
        }
    }
    fprintf(out, "\"%.*s\"", (int)n, text);
    return true;
}

/* @return false: one of the words is none, and has complained */
static bool body_make(struct asked *a, bool is_rules, int n, char **words)
{
    FILE *out = open_memstream(&a->body, &a->n_body);
    bool is_fine = out != NULL;
    if (out) {
        fprintf(out, is_rules ? "{\"rules\":[" : "{\"members\":[");
        for (int i = 0; i < n && is_fine; i++) {
            char *equals = is_rules ? strrchr(words[i], '=') : NULL;
            size_t n_who = equals ? (size_t)(equals - words[i]) : strlen(words[i]);
            fprintf(out, "%s%s", i ? "," : "", is_rules ? "{\"who\":" : "");
            is_fine = (!is_rules || equals) && quoted_put(out, words[i], n_who);
            if (is_fine && is_rules) {
                fprintf(out, ",\"action\":");
                is_fine = quoted_put(out, equals + 1, strlen(equals + 1));
                fprintf(out, "}");
            }
        }
        fprintf(out, "]}");
        is_fine = fclose(out) == 0 && is_fine;
    }
    return is_fine;
}

/* "priority=5" and the like as members of the body. @return false: one is none, and has complained */
static bool settings_put(FILE *out, int n, char **words)
{
    for (int i = 0; i < n; i++) {
        const char *equals = strchr(words[i], '='), *value = equals ? equals + 1 : "";
        bool is_yes = strcmp(value, "yes") == 0, is_no = strcmp(value, "no") == 0;
        bool is_number = *value && value[strspn(value, "0123456789")] == '\0';
        if (!equals || equals == words[i] || (!is_yes && !is_no && !is_number)) {
            fprintf(stderr, "mixminusctl: %s is no setting; write NAME=yes, NAME=no or NAME=NUMBER\n", words[i]);
            return false;
        }
        fprintf(out, ",\"%.*s\":%s", (int)(equals - words[i]), words[i], is_yes ? "true" : is_no ? "false" : value);
    }
    return true;
}

/* service set USER IDENTIFICATION TARGET ..., service drop USER IDENTIFICATION */
static int service_make(struct asked *a, int n, char **words)
{
    bool is_set = n >= 4 && strcmp(words[0], "set") == 0, is_drop = n == 3 && strcmp(words[0], "drop") == 0;
    struct asked end = {.method = ""};
    if ((!is_set && !is_drop) || !path_make(a, "/v1/users/", words[1], "/services/ptt/") ||
        !path_make(&end, a->path, words[2], "")) {
        return complain_usage("service");
    }
    strcpy(a->path, end.path);
    a->method = is_set ? "PUT" : "DELETE";
    FILE *out = is_set ? open_memstream(&a->body, &a->n_body) : NULL;
    bool is_fine = !is_set || out;
    if (out) {
        fprintf(out, "{\"target\":");
        is_fine = quoted_put(out, words[3], strlen(words[3])) && settings_put(out, n - 4, words + 4);
        fprintf(out, "}");
        is_fine = fclose(out) == 0 && is_fine;
    }
    return is_fine ? 0 : 2;
}

/* @param words  behind the program's word: verb, name, what is set */
static int asked_make(struct asked *a, const char *word, int n, char **words)
{
    bool is_group = strcmp(word, "group") == 0, is_rules = strcmp(word, "rules") == 0;
    const char *verb = n > 0 ? words[0] : "";
    *a = (struct asked){.method = "GET"};
    if (strcmp(word, "service") == 0) {
        return service_make(a, n, words);
    }
    if (strcmp(word, "session") == 0 || strcmp(word, "channel") == 0) {
        snprintf(a->path, sizeof a->path, "/v1/%ss", word);
        return n == 1 && strcmp(verb, "list") == 0 ? 0 : complain_usage(word);
    }
    if (strcmp(verb, "list") == 0 && n == 1 && (is_group || strcmp(word, "presence") == 0)) {
        snprintf(a->path, sizeof a->path, is_group ? "/v1/groups" : "/v1/users");
        return 0;
    }
    bool is_set = strcmp(verb, "set") == 0, is_drop = strcmp(verb, "drop") == 0;
    if (strcmp(word, "presence") == 0 || n < 2 || (!is_set && n > 2) ||
        (!is_set && !is_drop && strcmp(verb, "show") != 0) ||
        !path_make(a, is_group ? "/v1/groups/" : "/v1/users/", words[1],
                   is_group   ? ""
                   : is_rules ? "/rules"
                              : "/buddies")) {
        return complain_usage(word);
    }
    a->method = is_set ? "PUT" : is_drop ? "DELETE" : "GET";
    if (is_set && !body_make(a, is_rules, n - 2, words + 2)) {
        return complain_usage(word);
    }
    return 0;
}

/* What the server says: its answer, or why it refuses. @return exit status */
static int ask(const struct config *config, const struct asked *a)
{
    char why[HTTP_WHY_MAX], *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (!out) {
        return store_cli_complain("no memory");
    }
    int status = http_ask_unix(config->control_socket, a->method, a->path, a->body, out, why);
    if (fclose(out) != 0) {
        free(text);
        return store_cli_complain("no memory");
    }
    if (status == -ECONNREFUSED) {
        fprintf(stderr, "mixminusctl: no server at %s; start mixminusd, or give its --store or --control-socket\n",
                config->control_socket);
        status = 3;
    } else if (status < 0) {
        store_cli_complain(why);
        status = 3;
    } else {
        fprintf(status < 300 ? stdout : stderr, "%s", text);
        status = status < 300 ? 0 : 1;
    }
    free(text);
    return status;
}

int users_run(int argc, char **argv)
{
    static struct config config;
    char *flags[FLAGS_MAX] = {argv[0]}, **words = argv + 1;
    int n_flags = 1, n_words = 0;
    struct asked a;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--", 2) == 0 && n_flags + 1 < FLAGS_MAX) {
            flags[n_flags++] = argv[i];
        } else {
            words[n_words++] = argv[i];
        }
    }
    int status = asked_make(&a, argv[0], n_words, words);
    status = status ? status : store_cli_config(&config, n_flags, flags, argv[0]);
    if (status == 0 && config.control_socket[0] == '\0') {
        store_cli_complain("a server without a store in a file has no control socket; give --control-socket=PATH");
        status = 2;
    }
    if (status == 0) {
        status = ask(&config, &a);
    }
    free(a.body);
    return status;
}
