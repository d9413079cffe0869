/* What must() does when it fails. Any thread, no state. */
#include "core/base/base.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void must_fail(const char *what, const char *file, int line)
{
    fprintf(stderr, "mixminus: bug: must(%s) failed at %s:%d\n", what, file, line);
    abort();
}
