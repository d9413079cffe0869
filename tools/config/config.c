/* Collecting texts by precedence: defaults, file, environment, flags. What the texts mean is options.c. */
#include "tools/config/config.h"

#include "tools/config/config_file.h"
#include "tools/config/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENVIRONMENT_PREFIX "MIXMINUS_"

enum { ADVICE_MAX = 96 };

struct config_texts {
    struct config_text {
        char text[CONFIG_TEXT_MAX];
        enum config_source source;
        unsigned line; /* of the file */
    } values[OPTIONS_MAX];
    char file[CONFIG_TEXT_MAX];
};

static const char *const sources[] = {"default", "file", "environment", "flag"};

/* A value from a higher source replaces; a repeated one of the same source adds to a list. @return 0 | -EINVAL */
static int take(struct config_texts *texts, int i, enum config_source source, const char *value, char *why)
{
    struct config_text *to = &texts->values[i];
    size_t at = 0;

    if (options[i].is_list && to->source == source && source != CONFIG_DEFAULT) {
        at = strlen(to->text);
        if (at > 0 && at + 1 < sizeof to->text) {
            to->text[at++] = ',';
        }
    }
    if (strlen(value) >= sizeof to->text - at) {
        snprintf(why, CONFIG_TEXT_MAX, "--%s: the value is longer than %d characters; shorten it", options[i].name,
                 CONFIG_TEXT_MAX - 1);
        return -EINVAL;
    }
    memcpy(to->text + at, value, strlen(value) + 1);
    to->source = source;
    return 0;
}

static int option_find(const char *name, size_t n)
{
    for (int i = 0; options[i].name; i++) {
        if (strlen(options[i].name) == n && strncmp(options[i].name, name, n) == 0) {
            return i;
        }
    }
    return -ENOENT;
}

/* Letters to change, add or leave out to make b of a; both at most 40 letters. */
static unsigned distance(const char *a, size_t n_a, const char *b)
{
    unsigned row[48];
    size_t n_b = strlen(b);

    must(n_b < ARRAY_LEN(row));
    for (unsigned j = 0; j <= n_b; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= n_a; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n_b; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[n_b];
}

/* The option that a mistyped name, or a part of one, is meant for. @return NULL: less than half of it would be right */
static const char *option_like(const char *name, size_t n)
{
    char part[61];
    const char *best = NULL;
    unsigned least = UINT32_MAX;
    snprintf(part, sizeof part, "%.*s", (int)MIN(n, 60), name);
    for (int i = 0; options[i].name; i++) {
        unsigned d = distance(part, strlen(part), options[i].name);
        bool like = 2 * d < strlen(part) || (strlen(part) > 3 && strstr(options[i].name, part));
        if (like && d < least) {
            least = d;
            best = options[i].name;
        }
    }
    return best;
}

/* What to do about a name that there is not. */
static void advise(char advice[ADVICE_MAX], const char *name, size_t n, const char *prefix)
{
    const char *like = option_like(name, n);
    if (like) {
        snprintf(advice, ADVICE_MAX, "did you mean %s%s?", prefix, like);
    } else {
        snprintf(advice, ADVICE_MAX, "--help lists them");
    }
}

/* One key of the file. @return 0 | -EINVAL */
static int on_key(void *arg, unsigned line, const char *name, const char *value, char *why)
{
    struct config_texts *texts = arg;
    int i = option_find(name, strlen(name));

    if (i < 0) {
        char advice[ADVICE_MAX];
        advise(advice, name, strlen(name), "");
        snprintf(why, CONFIG_TEXT_MAX, "%.300s, line %u: there is no key \"%.60s\"; %s", texts->file, line, name,
                 advice);
        return -EINVAL;
    }
    texts->values[i].line = line;
    return take(texts, i, CONFIG_FILE, value, why);
}

/* MIXMINUS_SIP_LISTEN for sip-listen. */
static bool environment_is(const char *entry, const char *name, const char **value)
{
    if (strncmp(entry, ENVIRONMENT_PREFIX, sizeof ENVIRONMENT_PREFIX - 1) != 0) {
        return false;
    }
    entry += sizeof ENVIRONMENT_PREFIX - 1;
    for (; *name; name++, entry++) {
        char want = *name == '-' ? '_' : (char)(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name);
        if (*entry != want) {
            return false;
        }
    }
    if (*entry != '=') {
        return false;
    }
    *value = entry + 1;
    return true;
}

/* MIXMINUS_TALKRS. @return -EINVAL */
static int refuse_environment(const char *entry, char *why)
{
    char name[64];
    size_t n = 0;
    for (const char *p = entry + sizeof ENVIRONMENT_PREFIX - 1; *p && *p != '=' && n + 1 < sizeof name; p++) {
        name[n++] = (char)(*p == '_' ? '-' : tolower((unsigned char)*p));
    }
    const char *like = option_like(name, n);
    int at = snprintf(why, CONFIG_TEXT_MAX, "the environment has %.*s, which is no option; ",
                      (int)MIN(strcspn(entry, "="), 80u), entry);
    at += snprintf(why + at, CONFIG_TEXT_MAX - (size_t)at, like ? "did you mean " ENVIRONMENT_PREFIX : "unset it");
    for (; like && *like; like++) {
        why[at++] = (char)(*like == '-' ? '_' : toupper((unsigned char)*like));
        why[at] = '\0';
    }
    return -EINVAL;
}

static int read_environment(struct config_texts *texts, char **environment, char *why)
{
    const char *value;
    for (; environment && *environment; environment++) {
        bool is_known = strncmp(*environment, ENVIRONMENT_PREFIX, sizeof ENVIRONMENT_PREFIX - 1) != 0 ||
                        environment_is(*environment, "config", &value);
        for (int i = 0; options[i].name && !is_known; i++) {
            if (environment_is(*environment, options[i].name, &value)) {
                is_known = true;
                if (take(texts, i, CONFIG_ENVIRONMENT, value, why) != 0) {
                    return -EINVAL;
                }
            }
        }
        if (!is_known) {
            return refuse_environment(*environment, why);
        }
    }
    return 0;
}

static int read_flags(struct config_texts *texts, int argc, char **argv, enum config_action *action, char *why)
{
    static const struct {
        const char *flag;
        enum config_action action;
    } actions[] = {{"--help", CONFIG_HELP},
                   {"-h", CONFIG_HELP},
                   {"--help-markdown", CONFIG_HELP_MARKDOWN},
                   {"--version", CONFIG_VERSION},
                   {"--check-config", CONFIG_CHECK},
                   {"--dump-config", CONFIG_DUMP},
                   {"--dry-run-placement", CONFIG_PLACEMENT}};

    for (int a = 1; a < argc; a++) {
        const char *arg = argv[a];
        bool done = false;
        for (size_t k = 0; k < ARRAY_LEN(actions); k++) {
            if (strcmp(arg, actions[k].flag) == 0) {
                *action = actions[k].action;
                done = true;
            }
        }
        if (done || strncmp(arg, "--config=", 9) == 0) {
            continue;
        }
        const char *equals = strchr(arg, '=');
        size_t n = equals ? (size_t)(equals - arg) : strlen(arg);
        int i = strncmp(arg, "--", 2) == 0 ? option_find(arg + 2, n - 2) : -ENOENT;
        if (i < 0) {
            size_t n_dashes = strncmp(arg, "--", 2) == 0 ? 2 : 0;
            char advice[ADVICE_MAX];
            advise(advice, arg + n_dashes, n - n_dashes, "--");
            snprintf(why, CONFIG_TEXT_MAX, "there is no flag \"%.*s\"; %s", (int)MIN(n, 60), arg, advice);
            return -EINVAL;
        }
        if (!equals) {
            snprintf(why, CONFIG_TEXT_MAX, "--%s wants a value: --%s=%s", options[i].name, options[i].name,
                     options[i].value);
            return -EINVAL;
        }
        if (take(texts, i, CONFIG_FLAG, equals + 1, why) != 0) {
            return -EINVAL;
        }
    }
    return 0;
}

/* The file's own path comes by flag or environment only. */
static void find_file(struct config_texts *texts, int argc, char **argv, char **environment)
{
    const char *value;
    for (; environment && *environment; environment++) {
        if (environment_is(*environment, "config", &value)) {
            snprintf(texts->file, sizeof texts->file, "%s", value);
        }
    }
    for (int a = 1; a < argc; a++) {
        if (strncmp(argv[a], "--config=", 9) == 0) {
            snprintf(texts->file, sizeof texts->file, "%s", argv[a] + 9);
        }
    }
}

static int check(struct config *config, const struct config_texts *texts, char *why)
{
    for (int i = 0; options[i].name; i++) {
        char reason[CONFIG_TEXT_MAX / 2] = "";
        if (options[i].read(config, texts->values[i].text, texts->values[i].source, reason, sizeof reason) != 0) {
            char line[24] = "";
            if (texts->values[i].source == CONFIG_FILE) {
                snprintf(line, sizeof line, ", line %u", texts->values[i].line);
            }
            snprintf(why, CONFIG_TEXT_MAX, "--%s=%.200s (%s%s): %.500s", options[i].name, texts->values[i].text,
                     sources[texts->values[i].source], line, reason);
            return -EINVAL;
        }
    }
    return options_check(config, why);
}

int config_read(struct config *config, int argc, char **argv, char **environment, enum config_action *action,
                struct config_texts **out, char why[CONFIG_TEXT_MAX])
{
    struct config_texts *texts = calloc(1, sizeof *texts);

    *out = texts;
    *action = CONFIG_RUN;
    memset(config, 0, sizeof *config);
    if (!texts) {
        snprintf(why, CONFIG_TEXT_MAX, "no memory");
        return -EINVAL;
    }
    for (int i = 0; options[i].name; i++) {
        must(i < OPTIONS_MAX);
        if (take(texts, i, CONFIG_DEFAULT, options[i].fallback, why) != 0) {
            return -EINVAL;
        }
    }
    find_file(texts, argc, argv, environment);
    if ((texts->file[0] && config_file_read(texts->file, on_key, texts, why) != 0) ||
        read_environment(texts, environment, why) != 0 || read_flags(texts, argc, argv, action, why) != 0) {
        return -EINVAL;
    }
    if (*action == CONFIG_HELP || *action == CONFIG_HELP_MARKDOWN || *action == CONFIG_VERSION) {
        return 0;
    }
    return check(config, texts, why);
}

void config_texts_free(struct config_texts *texts)
{
    free(texts);
}

/* --- Words -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *flag, *help;
} others[] = {
    {"config=FILE", "read options from this INI file, one \"key = value\" a line; sections are for the eye only"},
    {"check-config", "check everything and end: 0 fine, 2 not"},
    {"dump-config", "print every option, its value and where it came from"},
    {"dry-run-placement", "print which CPUs --worker-cpus=auto would choose, why, and what could be better, and end"},
    {"version", "print version, build, SIMD level and whether io_uring works here"},
    {"help", "print this; -h does it as well"},
    {"help-markdown", "print the option list as a Markdown table"},
};

static const char *fallback_text(int i)
{
    return *options[i].fallback ? options[i].fallback : options[i].fallback_words;
}

void config_help(FILE *out)
{
    fprintf(out, "mixminusd: conference server, SIP focus and N-1 mixer.\n\n"
                 "Without any flag it serves sip:conferences@127.0.0.1:5060 on loopback.\n"
                 "Every option is also a key of the --config file and an environment variable (sip-listen:\n"
                 "MIXMINUS_SIP_LISTEN). A flag beats the environment, that beats the file, that beats the default.\n");
    for (int i = 0; options[i].name; i++) {
        if (options[i].group) {
            fprintf(out, "\n%s\n", options[i].group);
        }
        fprintf(out, "  --%s=%s\n      %s (default: %s)\n", options[i].name, options[i].value, options[i].help,
                fallback_text(i));
    }
    fprintf(out, "\nThe program\n");
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        fprintf(out, "  --%s\n      %s\n", others[i].flag, others[i].help);
    }
}

static void put_markdown(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

void config_help_markdown(FILE *out)
{
    fprintf(out, "| flag | meaning | default |\n| --- | --- | --- |\n");
    for (int i = 0; options[i].name; i++) {
        fprintf(out, "| `--%s=", options[i].name);
        put_markdown(out, options[i].value);
        fprintf(out, "` | ");
        put_markdown(out, options[i].help);
        fprintf(out, " | ");
        if (*options[i].fallback) {
            fprintf(out, "`%s`", options[i].fallback);
        } else {
            put_markdown(out, options[i].fallback_words);
        }
        fprintf(out, " |\n");
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        fprintf(out, "| `--%s` | %s | |\n", others[i].flag, others[i].help);
    }
}

void config_dump(FILE *out, const struct config_texts *texts)
{
    if (texts->file[0]) {
        fprintf(out, "; file: %s\n", texts->file);
    }
    for (int i = 0; options[i].name; i++) {
        const struct config_text *v = &texts->values[i];
        fprintf(out, "%s = %s", options[i].name, v->text);
        fprintf(out, "%*s ; %s%s%s\n", (int)MAX(1, 44 - (int)(strlen(options[i].name) + strlen(v->text))), "",
                sources[v->source], *v->text ? "" : ": ", *v->text ? "" : options[i].fallback_words);
    }
}
