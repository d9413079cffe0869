/*
 * A terminal's side of floor control (TS 24.380 6.2.4): asks for the floor, gives it back, and follows what the server
 * says. A function of messages and time: what is to be sent goes out by say.
 *
 * One thread.
 */
#ifndef TOOLS_UA_UA_FLOOR_H
#define TOOLS_UA_UA_FLOOR_H

#include "core/media/app.h"

#define UA_FLOOR_REPEAT_MS 1000 /* T100 release, T101 request, T104 queue position */
#define UA_FLOOR_TIMES 3        /* so often each is sent in all */

enum ua_floor_state {
    UA_FLOOR_NONE,      /* no permission */
    UA_FLOOR_ASKING,    /* a request is out */
    UA_FLOOR_QUEUED,    /* it waits */
    UA_FLOOR_HOLDS,     /* may speak */
    UA_FLOOR_RELEASING, /* a release is out */
};

/* What has happened. */
enum ua_floor_event {
    UA_FLOOR_GRANTED,  /* value: seconds */
    UA_FLOOR_TAKEN,    /* who has it; value: 1, may ask for it */
    UA_FLOOR_IDLE,
    UA_FLOOR_DENIED,   /* value: cause */
    UA_FLOOR_REVOKED,  /* value: cause */
    UA_FLOOR_POSITION, /* value: place in the queue */
    UA_FLOOR_CONNECTED, UA_FLOOR_DISCONNECTED, /* call control; who: the group or the session */
    UA_FLOOR_LOST,     /* the server does not answer */
};

struct ua_floor_user {
    void *ctx;
    void (*say)(void *ctx, const struct app_msg *msg);
    void (*event)(void *ctx, enum ua_floor_event event, uint32_t value, struct app_text who);
};

struct ua_floor {
    struct ua_floor_user user;
    uint32_t ssrc;
    enum ua_floor_state state;
    uint8_t priority;    /* of the request; 0: none is named */
    uint16_t indicator;
    uint64_t again_ms;   /* UINT64_MAX: nothing is repeated */
    unsigned n_sent;
    bool has_seq;
    uint16_t seq;        /* of the last Taken or Idle */
};

void ua_floor_init(struct ua_floor *floor, const struct ua_floor_user *user, uint32_t ssrc);

/** Asks for the floor; again while it has it or waits: nothing. */
void ua_floor_push(struct ua_floor *floor, uint8_t priority, uint16_t indicator, uint64_t now_ms);
/** Gives it back, or the request. */
void ua_floor_release(struct ua_floor *floor, uint64_t now_ms);
/** Asks where in the queue it is. */
void ua_floor_where(struct ua_floor *floor);

/** A message of the server. */
void ua_floor_take(struct ua_floor *floor, const struct app_msg *msg, uint64_t now_ms);
/** Repeats what is due. */
void ua_floor_step(struct ua_floor *floor, uint64_t now_ms);

static inline bool ua_floor_may_speak(const struct ua_floor *floor)
{
    return floor->state == UA_FLOOR_HOLDS;
}

#endif
