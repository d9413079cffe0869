/* Paragraphs. See wrap.h. */
#include "tools/lib/wrap.h"

#include <string.h>

void wrap(FILE *out, const char *prefix, const char *text, size_t width)
{
    size_t column = 0;
    while (*text) {
        size_t n = strcspn(text, " ");
        if (column > 0 && column + 1 + n > width) {
            fputc('\n', out);
            column = 0;
        }
        fputs(column ? " " : prefix, out);
        column += column ? 1 : strlen(prefix);
        column += fwrite(text, 1, n, out);
        text += n + (text[n] == ' ');
    }
    fputc('\n', out);
}
