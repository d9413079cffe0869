/* The INI file. */
#include "tools/config/config_file.h"

#include <errno.h>
#include <ini.h>
#include <string.h>
#include <sys/stat.h>

struct reader {
    config_key_fn key;
    void *arg;
    char *why;
    FILE *file;
    unsigned line; /* the one that was read last, from 1 */
    bool failed, is_long;
};

static int on_ini(void *arg, const char *section, const char *name, const char *value)
{
    struct reader *r = arg;
    if (!r->failed) { /* the library may go on after a failure: the first one is told */
        r->failed = r->key(r->arg, r->line, name, value, r->why) != 0;
    }
    return !r->failed;
}

/* Counts the lines, as the library does not tell of them. */
static char *on_line(char *text, int size, void *arg)
{
    struct reader *r = arg;
    char *got = fgets(text, size, r->file);
    if (got) {
        r->line++;
        r->is_long |= strlen(text) + 1 == (size_t)size && text[size - 2] != '\n';
    }
    return r->is_long ? NULL : got;
}

/* @return NULL: and why says why */
static FILE *file_open(const char *path, char *why)
{
    struct stat st;
    FILE *file = fopen(path, "re");
    if (file && fstat(fileno(file), &st) == 0 && S_ISDIR(st.st_mode)) {
        fclose(file);
        file = NULL;
        errno = EISDIR;
    }
    if (!file) {
        snprintf(why, CONFIG_TEXT_MAX, "--config=%.500s cannot be read (%s); give the path of a readable file", path,
                 strerror(errno));
    }
    return file;
}

int config_file_read(const char *path, config_key_fn key, void *arg, char *why)
{
    struct reader r = {.key = key, .arg = arg, .why = why, .file = file_open(path, why)};
    if (!r.file) {
        return -EINVAL;
    }
    int line = ini_parse_stream(on_line, &r, on_ini, &r);
    fclose(r.file);
    if (r.failed) {
        return -EINVAL;
    }
    if (r.is_long) {
        snprintf(why, CONFIG_TEXT_MAX, "%.500s, line %u: the line is too long; repeat the key for a list", path,
                 r.line);
        return -EINVAL;
    }
    if (line != 0) {
        snprintf(why, CONFIG_TEXT_MAX, "%.500s, line %d: not \"key = value\"; write one option a line", path, line);
        return -EINVAL;
    }
    return 0;
}
