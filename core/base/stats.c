/* The texts of the lists. */
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

const char *stage_name(enum stage stage)
{
    static const char *const names[STAGES] = {
#define X(name, word, text) word,
        STAGE_LIST(X)
#undef X
    };
    return names[stage];
}
