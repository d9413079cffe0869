/*
 * Flags of the benches: a table of names and of where their values go, from which --help is written too. Lists are
 * words between commas.
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include "core/base/base.h"

#define OPTION_WORD 24

enum option_kind { OPTION_IS_TEXT, OPTION_IS_INT, OPTION_IS_COUNT, OPTION_IS_SWITCH };

struct option_line {
    const char *name;
    enum option_kind kind;
    void *value; /* char[bytes], int, unsigned or bool */
    size_t bytes;
    const char *help;
};

#define OPTION_TEXT(name, field, help)                                                                                 \
    {                                                                                                                  \
        name, OPTION_IS_TEXT, field, sizeof(field), help                                                               \
    }
#define OPTION_INT(name, field, help)                                                                                  \
    {                                                                                                                  \
        name, OPTION_IS_INT, &(field), 0, help                                                                         \
    }
#define OPTION_COUNT(name, field, help)                                                                                \
    {                                                                                                                  \
        name, OPTION_IS_COUNT, &(field), 0, help                                                                       \
    } /* 1 and more */
#define OPTION_SWITCH(name, field, help)                                                                               \
    {                                                                                                                  \
        name, OPTION_IS_SWITCH, &(field), 0, help                                                                      \
    }

/** Reads the flags of the bench argv[0]. @return -1: go on, else the exit status */
int options_read(int argc, char **argv, const char *about, const struct option_line *lines);

/** Splits a list at its commas; words that are too long are cut. @return how many, at most max */
unsigned option_list(const char *text, char (*words)[OPTION_WORD], unsigned max);

/** The same, as numbers; what is none is 0. */
unsigned option_numbers(const char *text, unsigned *numbers, unsigned max);

#endif
