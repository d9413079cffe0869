/* Collects texts by precedence: defaults, file, environment, flags. Their table is option_table.c. */
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
        unsigned line;                  /* of the file */
        bool old_names[CONFIG_SOURCES]; /* given there by its old name */
        unsigned old_line;              /* of the file */
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

static bool name_is(const char *name, const char *text, size_t n)
{
    return name && strlen(name) == n && strncmp(name, text, n) == 0;
}

/* By its name or its old name. @return index | -ENOENT */
static int option_find(const char *name, size_t n)
{
    for (int i = 0; options[i].name; i++) {
        if (name_is(options[i].name, name, n) || name_is(options[i].old_name, name, n)) {
            return i;
        }
    }
    return -ENOENT;
}

/* Remembers that a source gives an option by its old name. */
static void note_name(struct config_texts *texts, int i, enum config_source source, const char *name, size_t n)
{
    struct config_text *v = &texts->values[i];
    if (!v->old_names[source] && name_is(options[i].old_name, name, n)) {
        v->old_names[source] = true;
        v->old_line = source == CONFIG_FILE ? v->line : v->old_line;
    }
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
        const char *const names[] = {options[i].name, options[i].old_name};
        for (size_t k = 0; k < ARRAY_LEN(names) && names[k]; k++) {
            unsigned d = distance(part, strlen(part), names[k]);
            bool like = 2 * d < strlen(part) || (strlen(part) > 3 && strstr(names[k], part));
            if (like && d < least) {
                least = d;
                best = options[i].name;
            }
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
    note_name(texts, i, CONFIG_FILE, name, strlen(name));
    return take(texts, i, CONFIG_FILE, value, why);
}

static char environment_letter(char c)
{
    return (char)(c == '-' ? '_' : toupper((unsigned char)c));
}

/* MIXMINUS_SIP_LISTEN for sip-listen. @return to */
static const char *environment_name(char to[64], const char *name)
{
    size_t n = strlen(ENVIRONMENT_PREFIX);
    strcpy(to, ENVIRONMENT_PREFIX);
    for (; *name && n < 63; name++) {
        to[n++] = environment_letter(*name);
    }
    to[n] = '\0';
    return to;
}

/* The value of name in an entry such as MIXMINUS_SIP_LISTEN=... @return false: it is another name's */
static bool environment_is(const char *entry, const char *name, const char **value)
{
    if (strncmp(entry, ENVIRONMENT_PREFIX, sizeof ENVIRONMENT_PREFIX - 1) != 0) {
        return false;
    }
    entry += sizeof ENVIRONMENT_PREFIX - 1;
    for (; *name; name++, entry++) {
        if (*entry != environment_letter(*name)) {
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
    char meant[64];
    snprintf(why, CONFIG_TEXT_MAX, "the environment has %.*s, which is no option; %s%s",
             (int)MIN(strcspn(entry, "="), 80u), entry, like ? "did you mean " : "unset it",
             like ? environment_name(meant, like) : "");
    return -EINVAL;
}

static int read_environment(struct config_texts *texts, char **environment, char *why)
{
    const char *value;
    for (; environment && *environment; environment++) {
        bool is_known = strncmp(*environment, ENVIRONMENT_PREFIX, sizeof ENVIRONMENT_PREFIX - 1) != 0 ||
                        environment_is(*environment, "config", &value);
        for (int i = 0; options[i].name && !is_known; i++) {
            const char *old = options[i].old_name;
            bool is_old = old && environment_is(*environment, old, &value);
            if (is_old || environment_is(*environment, options[i].name, &value)) {
                is_known = true;
                texts->values[i].old_names[CONFIG_ENVIRONMENT] |= is_old;
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

/* @return false: it asks for nothing of its own */
static bool read_action(const char *arg, enum config_action *action)
{
    const char *name = strcmp(arg, "-h") == 0 ? "help" : strncmp(arg, "--", 2) == 0 ? arg + 2 : "";
    for (const struct option_action *a = option_actions; a->name; a++) {
        if (strcmp(a->name, name) == 0) {
            *action = a->action;
            return true;
        }
    }
    return false;
}

static int read_flags(struct config_texts *texts, int argc, char **argv, enum config_action *action, char *why)
{
    for (int a = 1; a < argc; a++) {
        const char *arg = argv[a];
        if (read_action(arg, action) || strncmp(arg, "--config=", 9) == 0) {
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
        note_name(texts, i, CONFIG_FLAG, arg + 2, n - 2);
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
    if (*action >= CONFIG_VERSION) {
        return 0;
    }
    return check(config, texts, why);
}

void config_texts_free(struct config_texts *texts)
{
    free(texts);
}

static void say_old_name(const struct config_texts *texts, int i, enum config_source source, config_say_fn say,
                         void *arg)
{
    static const char ends[] = "; the old name ends with the next release";
    const char *name = options[i].name, *old = options[i].old_name;
    char text[CONFIG_TEXT_MAX], was[64], is[64];
    switch (source) {
    case CONFIG_FILE:
        snprintf(text, sizeof text, "%.300s, line %u: the key %s is now %s%s", texts->file, texts->values[i].old_line,
                 old, name, ends);
        break;
    case CONFIG_ENVIRONMENT:
        snprintf(text, sizeof text, "the environment's %s is now %s%s", environment_name(was, old),
                 environment_name(is, name), ends);
        break;
    default:
        snprintf(text, sizeof text, "--%s is now --%s%s", old, name, ends);
    }
    say(arg, text);
}

void config_old_names(const struct config_texts *texts, config_say_fn say, void *arg)
{
    for (int i = 0; options[i].name; i++) {
        for (enum config_source source = CONFIG_FILE; source < CONFIG_SOURCES; source++) {
            if (texts->values[i].old_names[source]) {
                say_old_name(texts, i, source, say, arg);
            }
        }
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
