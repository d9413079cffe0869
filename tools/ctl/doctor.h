/* What an operator should know of a machine before the server is blamed. */
#ifndef TOOLS_CTL_DOCTOR_H
#define TOOLS_CTL_DOCTOR_H

#include "tools/config/config.h"

/** Prints one line a check: what is, and where it is not well, what to do. @return how many are not well */
unsigned doctor_check(FILE *out, const struct config *config);

#endif
