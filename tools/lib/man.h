/*
 * Writes manual pages (roff, macro package man) from the tables that --help is written from. Knows no program.
 */
#ifndef TOOLS_LIB_MAN_H
#define TOOLS_LIB_MAN_H

#include <stdio.h>

/** The head of a page, its NAME, and SYNOPSIS with these words behind the name. */
void man_begin(FILE *out, const char *name, unsigned section, const char *brief, const char *synopsis);

void man_section(FILE *out, const char *title);
void man_subsection(FILE *out, const char *title);
/** A paragraph; a line end in the text begins the next one. */
void man_text(FILE *out, const char *text);
/** One entry of a list: "--name=VALUE", words, default. @param value, fallback  NULL: none */
void man_flag(FILE *out, const char *name, const char *value, const char *help, const char *fallback);
/** One entry of a list: a term, and words about it. */
void man_entry(FILE *out, const char *term, const char *words);
/** SEE ALSO: "mixminusd(8), ..." */
void man_end(FILE *out, const char *see);

#endif
