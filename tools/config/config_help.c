/* What the program says of its options: --help, and the pages that are written from the same table. */
#include "tools/config/config.h"

#include "tools/config/options.h"
#include "tools/lib/man.h"
#include "tools/lib/wrap.h"

static const char config_flag[] = "config", config_value[] = "FILE";
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
    fprintf(out, "\nThe program\n  --%s=%s\n      %s\n", config_flag, config_value, config_words);
    for (const struct option_action *a = option_actions; a->name; a++) {
        fprintf(out, "  --%s\n      %s\n", a->name, a->help);
    }
}

/* ---- tools/doc/flags.md ---- */

static void put_cell(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '|') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static void put_old_names(FILE *out)
{
    fprintf(out, "\n## Names of the last release\n\nStill accepted in this one, as flags, keys and environment "
                 "variables, each with a warning that names the\nnew one.\n\n| was | is |\n| --- | --- |\n");
    for (const struct option *o = options; o->name; o++) {
        if (o->old_name) {
            fprintf(out, "| `--%s` | `--%s` |\n", o->old_name, o->name);
        }
    }
}

void config_help_markdown(FILE *out)
{
    fprintf(
        out,
        "# Flags of mixminusd\n\nWritten by `mixminusd --help-markdown`; do not edit. Each flag is also a key of the "
        "INI file (`--config=FILE`) and\nan environment variable: `--sip-listen` is the key `sip-listen` and the "
        "variable `MIXMINUS_SIP_LISTEN`. A flag beats\nthe environment, that beats the file, that beats the "
        "default. `--dump-config` prints every value and where it came from;\n`--check-config` checks them all "
        "and names the fix. A list may also be given as the same flag several times.\n");
    for (const struct option *o = options; o->name; o++) {
        if (o->family) {
            fprintf(out, "\n## %s\n\n| flag | meaning | default |\n| --- | --- | --- |\n", o->family);
        }
        fprintf(out, "| `--%s=", o->name);
        put_cell(out, o->value);
        fprintf(out, "` | ");
        put_cell(out, o->help);
        fprintf(out, *o->fallback ? " | `%s` |\n" : " | %s |\n", fallback_text(o));
    }
    fprintf(out, "\n## The program\n\n| flag | meaning |\n| --- | --- |\n| `--%s=%s` | %s |\n", config_flag,
            config_value, config_words);
    for (const struct option_action *a = option_actions; a->name; a++) {
        fprintf(out, "| `--%s` | %s |\n", a->name, a->help);
    }
    put_old_names(out);
}

/* ---- mixminusd(8) ---- */

void config_help_man(FILE *out)
{
    man_begin(out, "mixminusd", 8, "conference server, SIP focus and N-1 mixer", "[--FLAG=VALUE ...]");
    man_text(out,
             "Serves conferences by SIP: a phone calls sip:conferences@HOST, gets a 302 with a fresh conference URI, "
             "calls that and brings others along; each hears the mix of all the others. Without any flag it serves "
             "sip:conferences@127.0.0.1:5060 on loopback.\n"
             "Every option is also a key of the --config file and an environment variable (sip-listen: "
             "MIXMINUS_SIP_LISTEN). A flag beats the environment, that beats the file, that beats the default.");
    man_section(out, "OPTIONS");
    for (const struct option *o = options; o->name; o++) {
        if (o->family) {
            man_subsection(out, o->family);
        }
        man_flag(out, o->name, o->value, o->help, fallback_text(o));
    }
    man_subsection(out, "The program");
    man_flag(out, config_flag, config_value, config_words, NULL);
    for (const struct option_action *a = option_actions; a->name; a++) {
        man_flag(out, a->name, NULL, a->help, NULL);
    }
    man_section(out, "SIGNALS");
    man_entry(out, "SIGTERM, SIGINT",
              "end every call with a BYE and stop; conference URIs survive in the store. Calls that come meanwhile get "
              "503 with Retry-After.");
    man_entry(out, "SIGHUP", "reads --tls-cert, --tls-key and --tls-ca again, for connections that come after it.");
    man_entry(out, "SIGUSR1", "prints all counters on standard output, each dropped packet under its reason.");
    man_section(out, "FILES");
    man_entry(out, "mixminus.ini", "a --config file; the example has every option with its default.");
    man_entry(out, "mixminus.db",
              "the default store, in $STATE_DIRECTORY, else $XDG_STATE_HOME/mixminus, /var/lib/mixminus as root, or "
              "~/.local/state/mixminus.");
    man_section(out, "EXIT STATUS");
    man_text(out, "0: ended as asked; 1: could not start; 2: bad configuration.");
    man_end(out, "mixminusctl(1), mixminus-ua(1), mixminus-load(1)");
}

/* ---- mixminus.ini ---- */

static void put_comment(FILE *out, const char *text)
{
    wrap(out, "; ", text, 100);
}

void config_help_ini(FILE *out)
{
    put_comment(out, "mixminus.ini: every option of mixminusd with its default, written by mixminusd --help-ini.");
    put_comment(out, "Take the semicolon from a line and change its value; mixminusd --config=FILE --check-config "
                     "checks the file. A key without a value keeps its default, which the line above it names. "
                     "Sections are for the eye only.");
    for (const struct option *o = options; o->name; o++) {
        char text[CONFIG_TEXT_MAX];
        if (o->family) {
            fprintf(out, "\n[%s]\n", o->family);
        }
        fputc('\n', out);
        put_comment(out, o->help);
        snprintf(text, sizeof text, *o->fallback ? "values: %s" : "values: %s; default: %s", o->value,
                 o->fallback_words);
        put_comment(out, text);
        fprintf(out, *o->fallback ? ";%s = %s\n" : ";%s =\n", o->name, o->fallback);
    }
}
