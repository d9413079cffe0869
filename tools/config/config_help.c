/* What the program says of its options: --help and its kin. */
#include "tools/config/config.h"

#include "tools/config/options.h"

static const char config_flag[] = "config=FILE";
static const char config_words[] =
    "read options from this INI file, one \"key = value\" a line; sections are for the eye only";

static const char *fallback_text(const struct option *o)
{
    return *o->fallback ? o->fallback : o->fallback_words;
}

void config_help(FILE *out)
{
    fprintf(out, "mixminusd: conference server, SIP focus and N-1 mixer.\n\n"
                 "Without any flag it serves sip:conferences@127.0.0.1:5060 on loopback.\n"
                 "Every option is also a key of the --config file and an environment variable (sip-listen:\n"
                 "MIXMINUS_SIP_LISTEN). A flag beats the environment, that beats the file, that beats the default.\n");
    for (const struct option *o = options; o->name; o++) {
        if (o->family) {
            fprintf(out, "\n%s\n", o->family);
        }
        fprintf(out, "  --%s=%s\n      %s (default: %s)\n", o->name, o->value, o->help, fallback_text(o));
    }
    fprintf(out, "\nThe program\n  --%s\n      %s\n", config_flag, config_words);
    for (const struct option_action *a = option_actions; a->name; a++) {
        fprintf(out, "  --%s\n      %s\n", a->name, a->help);
    }
}

/* ---- Markdown ---- */

static void put_cell(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

void config_help_markdown(FILE *out)
{
    fprintf(out, "| flag | meaning | default |\n| --- | --- | --- |\n");
    for (const struct option *o = options; o->name; o++) {
        fprintf(out, "| `--%s=", o->name);
        put_cell(out, o->value);
        fprintf(out, "` | ");
        put_cell(out, o->help);
        fprintf(out, *o->fallback ? " | `%s` |\n" : " | %s |\n", fallback_text(o));
    }
    fprintf(out, "| `--%s` | %s | |\n", config_flag, config_words);
    for (const struct option_action *a = option_actions; a->name; a++) {
        fprintf(out, "| `--%s` | %s | |\n", a->name, a->help);
    }
}
