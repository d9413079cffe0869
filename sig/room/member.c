/* Members of conferences. See member.h. */
#include "sig/room/member.h"

#include <stdlib.h>

static const struct {
    const char *name, *text;
} endings[ENDINGS] = {
#define X(name, text) {#name, text},
    ENDING_LIST(X)
#undef X
};

const char *ending_name(enum ending ending)
{
    return endings[ending].name;
}

const char *ending_text(enum ending ending)
{
    return endings[ending].text;
}

void member_clear(struct member *member)
{
    must(!member->link);
    free(member->entity);
    free(member->display);
    member->entity = member->display = NULL;
}
