#include "sig/sip/refuse.h"

static const struct {
    const char *name, *phrase, *text;
    int status;
} refusals[REFUSES] = {
#define X(name, status, phrase, text) {#name, phrase, text, status},
    REFUSE_LIST(X)
#undef X
};

const char *refuse_name(enum refuse refuse)
{
    return refuse < REFUSES ? refusals[refuse].name : "?";
}

const char *refuse_text(enum refuse refuse)
{
    return refuse < REFUSES ? refusals[refuse].text : "?";
}

int refuse_status(enum refuse refuse)
{
    return refuse < REFUSES ? refusals[refuse].status : 0;
}

const char *refuse_phrase(enum refuse refuse)
{
    return refuse < REFUSES ? refusals[refuse].phrase : "";
}
