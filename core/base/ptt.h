/*
 * Push-to-talk in values, as signalling and a worker exchange them: the rules of a floor, the rights of a leg, what is
 * asked and what has come of it. Floor control itself is core/conf/floor.h. Leaf header.
 */
#ifndef CORE_BASE_PTT_H
#define CORE_BASE_PTT_H

#include "core/base/base.h"

#define PTT_URI_MAX 128 /* an identity, a group, a session, with its terminator */

/* Who may be heard in a conference. */
enum floor_mode {
    FLOOR_MODE_NONE, /* no floor: the loudest, as in any conference; messages of floor control are ignored */
    FLOOR_MODE_HALF, /* the holder of the floor, nobody else */
    FLOOR_MODE_FULL  /* as NONE, of a conference whose floor is kept: the way back to HALF takes one tick */
} ONE_BYTE;

/* What the standard calls T1 and so on (TS 24.380 11.1); 0: as FLOOR_DEFAULTS, where nothing else is said. */
struct floor_policy {
    uint32_t t1_ms; /* end of media: the holder has sent no RTP for so long */
    uint32_t t2_ms; /* stop talking: so long one may hold the floor, from its first RTP on */
    uint32_t t3_ms; /* grace after a Revoke; 0: none */
    uint32_t t3_emergency_ms;
    uint32_t t4_ms;    /* inactivity: nobody has spoken or asked for so long */
    uint32_t t7_ms;    /* Idle again: then twice as long, three times */
    uint32_t t8_ms;    /* Revoke again */
    uint32_t t20_ms;   /* Granted again, until RTP comes */
    uint32_t t9_ms;    /* after a stop by T2: Deny 4 for so long; 0: none */
    uint32_t drain_ms; /* after a Release what has arrived is played, for so long at most; 0: Idle at once */
    uint8_t c20;       /* Granted so many times in all */
    uint8_t queue_max; /* 0: nobody waits but for what is urgent */
    bool is_dual;      /* a request that may pre-empt gets the floor beside the holder */
    bool is_broadcast;
};

#define FLOOR_DEFAULTS                                                                                                 \
    {                                                                                                                  \
        .t1_ms = 4000, .t2_ms = 30000, .t3_ms = 3000, .t3_emergency_ms = 200, .t4_ms = 30000, .t7_ms = 1000,           \
        .t8_ms = 1000, .t20_ms = 1000, .c20 = 3, .queue_max = 16                                                       \
    }

enum floor_tier { FLOOR_TIER_NORMAL, FLOOR_TIER_PERIL, FLOOR_TIER_EMERGENCY };

/* What a leg may do at the floor. */
struct floor_rights {
    uint8_t priority;     /* of a request that names none; a higher one is cut to priority_max */
    uint8_t priority_max; /* the lower of mc_priority and the profile's */
    bool may_request;     /* else Deny 5 */
    bool may_preempt;     /* of those with a lower priority */
    bool may_emergency;   /* else the indicator is cleared */
    bool queues;          /* queueing was negotiated */
    bool is_available;    /* counts as somebody to talk to */
};

/* What signalling asks on a leg's behalf. */
enum floor_ask_kind { FLOOR_ASK_REQUEST, FLOOR_ASK_RELEASE, FLOOR_ASK_REVOKE };

#define FLOOR_PRIORITY_OWN 256 /* that of its rights */

struct floor_wish {
    enum floor_ask_kind what;
    uint16_t priority;    /* of a request: 0..255, FLOOR_PRIORITY_OWN */
    enum floor_tier tier; /* of a request */
    uint16_t cause;       /* of a revoke (TS 24.380 8.2.3.4): 3 no permission, 4 pre-empted, ... */
};

/* What happens at a floor, and the value that says more. */
enum floor_event {
    FLOOR_EV_GRANTED,  /* value: ms from request to grant */
    FLOOR_EV_RELEASED, /* it has the floor no more: given back, its media has ended, its grace is over */
    FLOOR_EV_REVOKED,  /* value: cause; its grace begins */
    FLOOR_EV_DENIED,   /* value: cause */
    FLOOR_EV_QUEUED,   /* value: position */
    FLOOR_EV_IDLE,
    FLOOR_EV_INACTIVE /* T4: once */
};

/* Call control towards a terminal (TS 24.380 8.3, "MCPC"). */
enum ptt_call { PTT_CONNECT, PTT_DISCONNECT };
enum ptt_session { PTT_SESSION_NONE = 0, PTT_SESSION_PRIVATE = 1, PTT_SESSION_PREARRANGED = 3, PTT_SESSION_CHAT = 4 };

/*
 * One message of it, lent until EV_APP brings it back: it is sent, and sent again until it is acknowledged. Texts have
 * neither blanks nor control characters; empty: the field is left out.
 */
struct ptt_message {
    struct ptt_message *next; /* of the same leg: one after the other */
    uint64_t id;              /* signalling's own name for it */
    enum ptt_call call;
    enum ptt_session session_type;
    uint8_t audio_line, floor_line; /* media descriptions, from 1; 0: the field is left out */
    char session[PTT_URI_MAX], group[PTT_URI_MAX], inviting_user[PTT_URI_MAX];
    /* the worker's */
    uint8_t n_sent;
    bool is_answered;
    uint16_t reason; /* 0: accepted */
};

/* What has become of it. */
enum ptt_outcome {
    PTT_ACKED,
    PTT_REFUSED, /* the terminal says no: busy, or not accepted */
    PTT_LOST,    /* not acknowledged, or the leg is gone, or its terminal speaks no floor control */
};

#endif
