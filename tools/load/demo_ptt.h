/* The end of the demo: push-to-talk. See demo_ptt.c. */
#ifndef TOOLS_LOAD_DEMO_PTT_H
#define TOOLS_LOAD_DEMO_PTT_H

#include "core/base/addr.h"

#define DEMO_PTT_WHY_MAX 256

/**
 * Three terminals begin their sessions; one pushes, a second waits and follows. Prints who had the floor, who heard
 * whom, and from a push to the voice.
 *
 * @param sip      where the server listens
 * @param control  its control socket
 * @param why      what has gone wrong, when the demo fails
 * @return 0: all as it must be | 1
 */
int demo_ptt(const struct addr *sip, const char *control, char why[DEMO_PTT_WHY_MAX]);

#endif
