/* Manual pages. See man.h. */
#include "tools/lib/man.h"

#include <ctype.h>

/* Letters that roff reads as its own are escaped; a line that begins with a control character is made text. */
static void put(FILE *out, const char *text)
{
    if (*text == '.' || *text == '\'') {
        fputs("\\&", out);
    }
    for (; *text; text++) {
        switch (*text) {
        case '\\':
            fputs("\\e", out);
            break;
        case '-':
            fputs("\\-", out);
            break;
        case '~':
            fputs("\\(ti", out);
            break;
        case '^':
            fputs("\\(ha", out);
            break;
        case '\'':
            fputs("\\(aq", out);
            break;
        default:
            fputc(*text, out);
        }
    }
}

static void put_upper(FILE *out, const char *text)
{
    for (; *text; text++) {
        fputc(toupper((unsigned char)*text), out);
    }
}

void man_begin(FILE *out, const char *name, unsigned section, const char *brief, const char *synopsis)
{
    fprintf(out, ".TH ");
    put_upper(out, name);
    fprintf(out, " %u \"\" mixminus \"mixminus manual\"\n.SH NAME\n", section);
    put(out, name);
    fprintf(out, " \\- ");
    put(out, brief);
    fprintf(out, "\n.SH SYNOPSIS\n.B ");
    put(out, name);
    fputc('\n', out);
    man_text(out, synopsis);
    man_section(out, "DESCRIPTION");
}

void man_section(FILE *out, const char *title)
{
    fprintf(out, ".SH ");
    put_upper(out, title);
    fputc('\n', out);
}

void man_subsection(FILE *out, const char *title)
{
    fprintf(out, ".SS ");
    put(out, title);
    fputc('\n', out);
}

void man_text(FILE *out, const char *text)
{
    char line[2048];
    while (*text) {
        size_t n = 0;
        for (; *text && *text != '\n'; text++) {
            if (n + 1 < sizeof line) {
                line[n++] = *text;
            }
        }
        line[n] = '\0';
        put(out, line);
        fputc('\n', out);
        if (*text == '\n' && *++text) {
            fputs(".PP\n", out);
        }
    }
}

void man_flag(FILE *out, const char *name, const char *value, const char *help, const char *fallback)
{
    fprintf(out, ".TP\n\\fB\\-\\-");
    put(out, name);
    fprintf(out, "\\fR");
    if (value) {
        fprintf(out, "=\\fI");
        put(out, value);
        fprintf(out, "\\fR");
    }
    fputc('\n', out);
    put(out, help);
    if (fallback) {
        put(out, " (default: ");
        put(out, fallback);
        fputc(')', out);
    }
    fputc('\n', out);
}

void man_entry(FILE *out, const char *term, const char *words)
{
    fprintf(out, ".TP\n\\fB");
    put(out, term);
    fprintf(out, "\\fR\n");
    man_text(out, words);
}

void man_end(FILE *out, const char *see)
{
    man_section(out, "SEE ALSO");
    man_text(out, see);
}
