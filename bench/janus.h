/*
 * Janus AudioBridge as a peer: the installed package, its configuration in a temporary folder, bound to 127.0.0.1, its
 * participants plain RTP, told by its HTTP API.
 */
#ifndef BENCH_JANUS_H
#define BENCH_JANUS_H

#include "bench/match.h"

bool janus_is_there(void);

/** Starts it. @return pid | negative errno */
pid_t janus_start(const struct stand *stand);

/** Makes the rooms, lets all legs join, writes the port of each into a file, one a line. @return 0 | negative errno */
int janus_fill(const struct stand *stand, const struct match *match, const char *path);

#endif
