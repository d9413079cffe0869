/* jemalloc's wrapper. See trim.h. */
#include "tools/server/trim.h"

#ifdef MIXMINUS_JEMALLOC
#include <jemalloc/jemalloc.h>

#define TEXT_OF(x) #x
#define PURGE(arena) "arena." TEXT_OF(arena) ".purge"

void trim(void)
{
    mallctl(PURGE(MALLCTL_ARENAS_ALL), NULL, NULL, NULL, 0);
}
#else
#include <malloc.h>

void trim(void)
{
    malloc_trim(0);
}
#endif
