/* The INI file, key by key. The only door to the library that reads it. */
#ifndef TOOLS_CONFIG_CONFIG_FILE_H
#define TOOLS_CONFIG_CONFIG_FILE_H

#include "tools/config/config.h"

/** @param line  of the file, from 1  @return 0 | -EINVAL: why says it */
typedef int (*config_key_fn)(void *arg, unsigned line, const char *name, const char *value, char *why);

/**
 * Reads a file; sections are for the eye only.
 *
 * @param why  CONFIG_TEXT_MAX bytes: one sentence that names the fix
 * @return     0 | -EINVAL
 */
int config_file_read(const char *path, config_key_fn key, void *arg, char *why);

#endif
