/*
 * Words, on the control side only: the media side counts. One line an event, control characters escaped so that nothing
 * a peer sends can forge a line or move a terminal's cursor. No secret is ever handed to it: no URI token in full, no
 * key.
 */
#ifndef SIG_BASE_LOG_H
#define SIG_BASE_LOG_H

#include "core/base/base.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG, LOG_LEVELS };

struct log_writer;

struct log {
    enum log_level level;      /* more than this is not said */
    int fd;                    /* -1: silent */
    struct log_writer *writer; /* to that descriptor: lines never wait for it; NULL: each is written at once */
};

/** "error", "warn", "info", "debug"; @return LOG_LEVELS if the word is unknown */
enum log_level log_level_of(const char *word);
const char *log_level_name(enum log_level level);

/** Writes one line: time, level, text. Longer than a line of 1 KB is cut. log NULL: silent. @thread control */
void log_line(const struct log *log, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * Copies foreign bytes as printable text: control characters, quotes' backslash and bytes above 0x7e become \xHH.
 * @return out, always terminated; cut when cap is too small
 */
const char *log_escape(char *out, size_t cap, const char *in, size_t n);

#endif
