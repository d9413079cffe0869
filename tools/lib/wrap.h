/* Breaks a paragraph into lines at its blanks, for --help and comments. */
#ifndef TOOLS_LIB_WRAP_H
#define TOOLS_LIB_WRAP_H

#include <stdio.h>

/** Writes lines of at most width columns, each with the prefix. A word longer than that has a line of its own. */
void wrap(FILE *out, const char *prefix, const char *text, size_t width);

#endif
