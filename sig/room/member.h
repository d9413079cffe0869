/*
 * A member of a conference: what the conference, its roster and its watchers know of a participant. A call
 * embeds one, as it embeds the owner of its transactions; any other kind of participant embeds one too.
 * Signalling thread only.
 */
#ifndef SIG_ROOM_MEMBER_H
#define SIG_ROOM_MEMBER_H

#include "sig/base/quota.h"
#include "sig/room/identity.h"

#include <stddef.h>

struct leg_view;
struct member;
struct room;

/* Why a member's call ended. */
#define ENDING_LIST(X)                                                                                                 \
    X(PEER, "participant hung up")                                                                                     \
    X(QUIET, "no RTP received")                                                                                        \
    X(SESSION, "session was not refreshed")                                                                            \
    X(CANCELLED, "cancelled before it was answered")                                                                   \
    X(PIN, "PIN was wrong or missing")                                                                                 \
    X(ACK_LOST, "answer was never acknowledged")                                                                       \
    X(ANSWER, "no usable answer to our offer")                                                                         \
    X(DECLINED, "called party declined")                                                                               \
    X(NO_ANSWER, "called party did not answer")                                                                        \
    X(PLAYED, "announcement is over")                                                                                  \
    X(REMOVED, "removed from the conference")                                                                          \
    X(REPLACED, "replaced by another call")                                                                            \
    X(LOOP, "its media address is one of ours")                                                                        \
    X(CONFERENCE, "conference is over")                                                                                \
    X(STOP, "server is stopping")                                                                                      \
    X(FAULT, "internal error")

enum ending {
#define X(name, text) ENDING_##name,
    ENDING_LIST(X)
#undef X
        ENDINGS
};

const char *ending_name(enum ending ending);
const char *ending_text(enum ending ending);

enum member_status { MEMBER_CONNECTED, MEMBER_DIALLED, MEMBER_ALERTED }; /* RFC 4575 5.7.2 */

/* How a member is at the moment. Strings and view live as long as nothing is done to it. */
struct member_state {
    enum member_status status;
    bool rx_on, tx_on;           /* towards the mixer, towards the member */
    const char *codec, *srtp;    /* "": none */
    const struct addr *source;   /* of its signalling */
    const struct leg_view *view; /* how its media fares; NULL: no leg */
};

struct member_ops {
    /** Ends it from our side. */
    void (*end)(struct member *member, enum ending why);
    void (*look)(const struct member *member, struct member_state *state);
};

struct member {
    const struct member_ops *ops;
    struct room *room;
    struct member *next, **link; /* roster; link NULL: not in it */
    uint64_t id;                 /* for log lines and endpoints */
    struct identity who;
    char *entity, *display;     /* as the roster shows it */
    uint64_t joined_s, changed; /* Unix time; room->changes when it changed last, 0: watchers do not know it */
    bool is_dialled;            /* we have called it */
    bool is_waiting;            /* it owes a PIN: it is in a lobby, and watchers do not know it yet */
    uint32_t ssrc;              /* of its stream, as it stands in the CSRC lists of the mix; 0: not known yet */
    struct quota_hold unacked;  /* until it is acknowledged */
};

/** The struct around a member. */
#define MEMBER_OF(pointer, type, field) ((type *)((char *)(pointer)-offsetof(type, field)))

/** Frees its names. @pre in no roster */
void member_clear(struct member *member);

#endif
