/* The INI file. */
#include "tools/config_file.h"

#include <errno.h>
#include <ini.h>
#include <string.h>

struct reader {
    config_key_fn key;
    void *arg;
    char *why;
    bool failed;
};

static int on_ini(void *arg, const char *section, const char *name, const char *value)
{
    struct reader *r = arg;
    if (!r->failed) { /* the library may go on after a failure: the first one is told */
        r->failed = r->key(r->arg, name, value, r->why) != 0;
    }
    return !r->failed;
}

int config_file_read(const char *path, config_key_fn key, void *arg, char *why)
{
    struct reader r = {key, arg, why, false};
    int line = ini_parse(path, on_ini, &r);

    if (r.failed) {
        return -EINVAL;
    }
    if (line == 0) {
        return 0;
    }
    if (line > 0) {
        snprintf(why, CONFIG_TEXT_MAX, "%.500s, line %d: not \"key = value\"; write one option a line", path, line);
    } else {
        snprintf(why, CONFIG_TEXT_MAX, "--config=%.500s cannot be read (%s); give the path of a readable file", path,
                 strerror(errno));
    }
    return -EINVAL;
}
