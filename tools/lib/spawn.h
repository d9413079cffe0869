/* A server as a child process: started on free loopback ports, ended at the end. For the demo. */
#ifndef TOOLS_LIB_SPAWN_H
#define TOOLS_LIB_SPAWN_H

#include "core/base/addr.h"

#include <sys/types.h>

#define SPAWN_FLAGS_MAX 16
#define SPAWN_FLAG_BYTES 128

struct spawn {
    pid_t pid;
    struct addr sip; /* where it was told to listen */
};

/**
 * Starts the server with a free SIP port and a free range of RTP ports on 127.0.0.1.
 *
 * @param flags  [n_flags] further flags
 * @param log    file that its words go to
 * @return 0 | negative errno; whether it answers is another question
 */
int spawn_start(struct spawn *spawn, const char *program, const char *const *flags, unsigned n_flags, const char *log);

/** Still running? */
bool spawn_is_alive(struct spawn *spawn);

/** SIGTERM, and waits; after five seconds SIGKILL. @return its exit code, -1: killed by a signal */
int spawn_stop(struct spawn *spawn);

#endif
