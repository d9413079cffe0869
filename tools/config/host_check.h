/*
 * What a configuration needs of this host, looked at before anything is started: addresses, certificates, store,
 * folders, CPUs, memory. --check-config, the server's start and the doctor ask the same questions.
 */
#ifndef TOOLS_CONFIG_HOST_CHECK_H
#define TOOLS_CONFIG_HOST_CHECK_H

#include "tools/config/config.h"

/** Takes one sentence that names the option and the fix. */
typedef void (*host_say_fn)(void *arg, const char *sentence);

/** Changes nothing on the host. A store or a port that another program uses is no fault here: it may be the server that
 * is asked about. @return faults, each of which was said */
unsigned host_check(const struct config *config, host_say_fn say, void *arg);

#endif
