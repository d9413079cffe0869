/* See json.h. */
#include "bench/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *behind(const char *line, const char *name)
{
    char key[64];
    snprintf(key, sizeof key, "\"%s\"", name);
    const char *at = strstr(line, key);
    if (!at) {
        return NULL;
    }
    at += strlen(key);
    at += strspn(at, " \t\r\n:");
    return at;
}

bool json_number(const char *line, const char *name, double *value)
{
    const char *at = behind(line, name);
    char *end = NULL;
    double number = at ? strtod(at, &end) : 0;
    if (!at || end == at) {
        return false;
    }
    *value = number;
    return true;
}

double json_value(const char *line, const char *name, double missing)
{
    double value = missing;
    json_number(line, name, &value);
    return value;
}

const char *json_text(const char *line, const char *name, char *text, size_t bytes)
{
    const char *at = behind(line, name);
    size_t n = at && *at == '"' ? strcspn(at + 1, "\"") : 0;
    snprintf(text, bytes, "%.*s", (int)MIN(n, bytes - 1), n ? at + 1 : "");
    return text;
}

unsigned json_array(const char *line, const char *name, double *values, unsigned max)
{
    const char *at = behind(line, name);
    unsigned n = 0;
    if (!at || *at != '[') {
        return 0;
    }
    for (at++; n < max && *at && *at != ']'; n++) {
        char *end;
        values[n] = strtod(at, &end);
        if (end == at) {
            break;
        }
        at = end + strspn(end, ", \t\r\n");
    }
    return n;
}
