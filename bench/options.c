/* Flags of the benches. See options.h. */
#include "bench/options.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The value that stands before any flag is read. */
static void put_default(FILE *to, const struct option_line *l)
{
    if (l->kind == OPTION_IS_TEXT && *(const char *)l->value) {
        fprintf(to, " (default: %s)", (const char *)l->value);
    } else if (l->kind == OPTION_IS_INT || (l->kind == OPTION_IS_COUNT && *(const int *)l->value)) {
        fprintf(to, " (default: %d)", *(const int *)l->value);
    }
    fputc('\n', to);
}

static void help(FILE *to, const char *bench, const char *about, const struct option_line *lines)
{
    static const char *const values[] = {"=TEXT", "=N", "=N", ""};
    fprintf(to, "usage: mixminus-bench %s [OPTION...]\n\n%s\n\n", bench, about);
    for (const struct option_line *l = lines; l->name; l++) {
        fprintf(to, "  --%s%-*s %s", l->name, (int)(20 - MIN(strlen(l->name), (size_t)14)), values[l->kind], l->help);
        put_default(to, l);
    }
}

/* @return false: not understood */
static bool value_read(const struct option_line *l, const char *text)
{
    if (l->kind == OPTION_IS_SWITCH) {
        *(bool *)l->value = true;
        return !text;
    }
    if (!text || !*text) {
        return false;
    }
    if (l->kind == OPTION_IS_TEXT) {
        return (size_t)snprintf(l->value, l->bytes, "%s", text) < l->bytes;
    }
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || value < (l->kind == OPTION_IS_COUNT) || value > INT_MAX) {
        return false;
    }
    *(int *)l->value = (int)value;
    return true;
}

static const struct option_line *line_of(const struct option_line *lines, const char *flag)
{
    for (const struct option_line *l = lines; l->name; l++) {
        size_t n = strlen(l->name);
        if (strncmp(flag, l->name, n) == 0 && (flag[n] == '=' || flag[n] == '\0')) {
            return l;
        }
    }
    return NULL;
}

int options_read(int argc, char **argv, const char *about, const struct option_line *lines)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) { /* before any flag is read: the defaults still stand */
            help(stdout, argv[0], about, lines);
            return 0;
        }
    }
    for (int i = 1; i < argc; i++) {
        const struct option_line *l = strncmp(argv[i], "--", 2) == 0 ? line_of(lines, argv[i] + 2) : NULL;
        const char *equals = l ? strchr(argv[i], '=') : NULL;
        if (!l || !value_read(l, equals ? equals + 1 : NULL)) {
            fprintf(stderr, "mixminus-bench: '%s' is not understood; mixminus-bench %s --help tells the options\n",
                    argv[i], argv[0]);
            return 2;
        }
    }
    return -1;
}

unsigned option_list(const char *text, char (*words)[OPTION_WORD], unsigned max)
{
    unsigned n = 0;
    while (*text && n < max) {
        size_t length = strcspn(text, ",");
        if (length) {
            snprintf(words[n++], OPTION_WORD, "%.*s", (int)length, text);
        }
        text += length + (text[length] == ',');
    }
    return n;
}

unsigned option_numbers(const char *text, unsigned *numbers, unsigned max)
{
    char words[64][OPTION_WORD];
    unsigned n = option_list(text, words, MIN(max, 64u));
    for (unsigned i = 0; i < n; i++) {
        numbers[i] = (unsigned)strtoul(words[i], NULL, 10);
    }
    return n;
}
