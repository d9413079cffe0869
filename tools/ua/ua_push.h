/*
 * Push-to-talk of a scripted caller: presses and lets go of the key when the script says so, speaks only while it has
 * the floor, and keeps what the server has said of the floor to compare it with what was expected.
 *
 * One thread.
 */
#ifndef TOOLS_UA_UA_PUSH_H
#define TOOLS_UA_UA_PUSH_H

#include "tools/ua/ua_floor.h"
#include "tools/ua/ua_leg.h"

#define PUSH_TIMES_MAX 16
#define PUSH_EXPECTED_MAX 32
#define PUSH_WORD_MAX 64

struct push_cfg {
    bool is_on;      /* the call is a session of push-to-talk */
    bool is_urgent;  /* requests are for an emergency */
    uint8_t priority; /* of requests; 0: none is named */
    uint32_t push_ms[PUSH_TIMES_MAX], release_ms[PUSH_TIMES_MAX]; /* from joined */
    unsigned n_push, n_release;
    char expected[PUSH_EXPECTED_MAX][PUSH_WORD_MAX]; /* "granted", "taken=sip:alice@x", "denied=1" ..., in this order */
    unsigned n_expected;
};

struct push {
    const struct push_cfg *cfg;
    struct ua_leg *leg;
    void *ctx;
    void (*say)(void *ctx, const char *text);
    struct ua_floor floor;
    unsigned n_pushed, n_released;
    uint64_t pushed_ns;   /* the key was pressed last; 0: the answer has come */
    uint64_t asked_ns, granted_ns; /* when it was pressed last, and when the floor was had last; 0: never */
    double granted_ms;    /* between the two */
    unsigned position;    /* in the queue, last; 0: never */
    uint64_t alive_ms;    /* when a keep-alive went last; 0: never */
    unsigned n_met;       /* of the expected words */
};

/** Reads "S[,S...]". @return 0 | -EINVAL */
int push_times_read(const char *value, uint32_t *ms, unsigned *n);
/** Reads "granted,taken=sip:alice@x,idle". @return 0 | -EINVAL a word that never comes */
int push_expected_read(struct push_cfg *cfg, const char *value);

/** Makes the leg's session one of push-to-talk: before its first description. say: prints a line of the log. */
void push_open(struct push *push, const struct push_cfg *cfg, struct ua_leg *leg, void *ctx,
               void (*say)(void *ctx, const char *text));
/** What is due. joined_ms: since the call is up. */
void push_step(struct push *push, uint64_t joined_ms, uint64_t now_ns);
/** Have all expected words come in their order? Says which one is missing. */
bool push_judge(const struct push *push);

#endif
