/*
 * Who is where, who talks and how each one's packets fare, as JSON for operators' programs. Written on signalling's
 * thread when somebody asks; conference URIs are named by their first characters only, since knowing one is being let
 * in.
 */
#ifndef SIG_STATUS_H
#define SIG_STATUS_H

#include "sig/focus.h"

/**
 * {"conferences":[{"name":...,"state":...,"participants":[...]}]}
 *
 * @return text, to be freed by free | NULL: no memory
 * @thread signalling
 */
char *status_conferences(const struct focus *focus);

#endif
