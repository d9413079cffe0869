/* Reads what our own programs print: flat lines of JSON. No parser: finds a name and reads what is behind it. */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include "core/base/base.h"

/** The number behind the first "name":. @return false: none */
bool json_number(const char *line, const char *name, double *value);
/** The same, missing where there is none. */
double json_value(const char *line, const char *name, double missing);
/** The string behind "name":, cut to bytes; nothing escaped is unescaped. "" where there is none. @return text */
const char *json_text(const char *line, const char *name, char *text, size_t bytes);
/** The numbers of the array behind "name":. @return how many, at most max */
unsigned json_array(const char *line, const char *name, double *values, unsigned max);

#endif
