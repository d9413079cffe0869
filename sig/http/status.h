/*
 * Conferences, participants, talkers and the quality of each one's media, as JSON for operators' programs. Gathered on
 * signalling's thread in turns, so that no page holds up SIP, and written out on the thread that asked. Conference URIs
 * are named by their first characters only, since knowing one is being let in.
 */
#ifndef SIG_HTTP_STATUS_H
#define SIG_HTTP_STATUS_H

#include "sig/room/env.h"

struct status;

#define STATUS_TURN 200 /* participants that one turn gathers, and the rest of their conference */

/** An empty page. @return NULL: no memory */
struct status *status_begin(void);

/** Gathers the next conferences. One that begins or ends meanwhile may be in it or not. @return true: all are in it
 * @thread signalling */
bool status_gather(struct status *status, const struct env *env);

/**
 * {"conferences":[{"name":...,"state":...,"participants":[...]}]}
 *
 * @return text, to be freed by free | NULL: no memory
 * @thread any
 */
char *status_write(const struct status *status);

/** NULL is fine. @thread any */
void status_free(struct status *status);

#endif
