/* The texts of the drop list. */
#include "core/base/stats.h"

const char *drop_name(enum drop drop)
{
    static const char *const names[DROPS] = {
#define X(name, text) #name,
        DROP_LIST(X)
#undef X
    };
    return names[drop];
}

const char *drop_text(enum drop drop)
{
    static const char *const texts[DROPS] = {
#define X(name, text) text,
        DROP_LIST(X)
#undef X
    };
    return texts[drop];
}
