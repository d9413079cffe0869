/* Scripts of calls. See script.h. */
#include "sig/call/script.h"

#include "sig/call/call.h"

#include <stdlib.h>

void script_stop(struct call *call)
{
    const struct script *script = call->script;
    void *state = call->script_state;
    call->script = NULL;
    call->script_state = NULL;
    if (script && script->stop) {
        script->stop(call, state);
    }
    free(state);
}

void script_begin(struct call *call, const struct script *script, void *state)
{
    script_stop(call);
    call->script = script;
    call->script_state = state;
    call->script_is_up = false;
}

void script_up(struct call *call)
{
    if (call->script && !call->script_is_up) {
        call->script_is_up = true;
        call->script->up(call);
    }
}

void script_key(struct call *call, char key)
{
    if (call->script && call->script->key) {
        call->script->key(call, key);
    }
}

void script_played(struct call *call)
{
    if (call->script && call->script->played) {
        call->script->played(call);
    }
}
