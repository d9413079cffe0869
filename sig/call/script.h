/*
 * What a caller goes through in a lobby before the conference, or instead of it: a PIN dialogue (pin.h), an
 * announcement (annc.h). A call has one script or none; the script hears of what concerns it, and ends with the call.
 * Signalling thread only.
 */
#ifndef SIG_CALL_SCRIPT_H
#define SIG_CALL_SCRIPT_H

struct call;

/* Any of them may end the call but stop; NULL: nothing is done. */
struct script {
    void (*up)(struct call *call);                /* the call is up: once */
    void (*key)(struct call *call, char key);     /* of the keypad */
    void (*played)(struct call *call);            /* what was played to it is over */
    void (*stop)(struct call *call, void *state); /* stops its timers, wipes its secrets; the state is freed after it */
};

/** The call's script from now on; one that it has is stopped. state: the script's own, by malloc; NULL: none */
void script_begin(struct call *call, const struct script *script, void *state);
/** The call has none any more; nothing happens if it has none. */
void script_stop(struct call *call);

/* What the call tells its script. Each may end the call. */
void script_up(struct call *call);
void script_key(struct call *call, char key);
void script_played(struct call *call);

#endif
