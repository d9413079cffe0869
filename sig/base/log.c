/* Log lines. Formats into one buffer and hands it on with one call, so lines of several threads do not mix. */
#include "sig/base/log.h"

#include "sig/base/log_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static const char *const level_names[LOG_LEVELS] = {"error", "warn", "info", "debug"};

enum log_level log_level_of(const char *word)
{
    for (int i = 0; i < LOG_LEVELS; i++) {
        if (strcmp(word, level_names[i]) == 0) {
            return (enum log_level)i;
        }
    }
    return LOG_LEVELS;
}

const char *log_level_name(enum log_level level)
{
    return level < LOG_LEVELS ? level_names[level] : "none";
}

const char *log_escape(char *out, size_t cap, const char *in, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    size_t at = 0;

    must(cap > 0);
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)in[i];
        if (c >= 0x20 && c < 0x7f && c != '\\') {
            if (at + 1 >= cap) {
                break;
            }
            out[at++] = (char)c;
        } else {
            if (at + 4 >= cap) {
                break;
            }
            out[at++] = '\\';
            out[at++] = 'x';
            out[at++] = hex[c >> 4];
            out[at++] = hex[c & 15];
        }
    }
    out[at] = '\0';
    return out;
}

void log_line(const struct log *log, enum log_level level, const char *format, ...)
{
    if (!log || log->fd < 0 || level > log->level) {
        return;
    }
    char text[LINE_MAX_BYTES], line[LINE_MAX_BYTES + 64];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0) {
        return;
    }
    struct timespec now;
    struct tm tm;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    int at = snprintf(line, sizeof line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %-5s ", tm.tm_year + 1900, tm.tm_mon + 1,
                      tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000, level_names[level]);
    /* The second guard against forged lines: a caller that forgot log_escape cannot write more than one line. */
    for (const char *p = text; *p && at < (int)sizeof line - 1; p++) {
        line[at++] = (uint8_t)*p < 0x20 || *p == 0x7f ? '?' : *p;
    }
    line[at++] = '\n';
    if (log->writer) {
        log_writer_put(log->writer, line, (size_t)at);
        return;
    }
    ssize_t done = write(log->fd, line, (size_t)at);
    (void)done; /* nowhere to complain to */
}
