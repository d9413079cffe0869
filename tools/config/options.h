/* The table of options: names, words, defaults, and how each value is read. */
#ifndef TOOLS_CONFIG_OPTIONS_H
#define TOOLS_CONFIG_OPTIONS_H

#include "tools/config/config.h"

#define OPTIONS_MAX 96

struct option {
    const char *family; /* heading before it in every list, NULL: it belongs to the one above */
    const char *name, *value, *fallback, *fallback_words, *help;
    bool is_list; /* may be repeated; values are joined by commas */
    /** @return 0 | -EINVAL, and why: the rest of a sentence that names the fix */
    int (*read)(struct config *config, const char *text, enum config_source source, char *why, size_t size);
    const char *old_name; /* of the last release: accepted with a warning; NULL: none */
};

extern const struct option options[]; /* ends with name NULL */

/* What the program can be asked for besides serving. */
struct option_action {
    const char *name, *help;
    enum config_action action;
};

extern const struct option_action option_actions[]; /* ends with name NULL */

/** What only all options together can tell. @return 0 | -EINVAL */
int options_check(struct config *config, char why[CONFIG_TEXT_MAX]);

/** Makes the state directory that the default store lives in, if it is used. @return 0 | negative errno */
int options_state_make(const struct config *config);

/** Reads "0,2-5" into cpus. @return count | -EINVAL */
int options_cpus(int *cpus, size_t max, const char *text);

#endif
