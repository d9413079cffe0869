/*
 * A call: one participant's signalling, from its INVITE until its leg has come back. The state machine is a table
 * (call.c); what it does to the media is call_media.c. A call lives as long as a worker may still name it.
 */
#ifndef SIG_CALL_CALL_H
#define SIG_CALL_CALL_H

#include "sig/call/early.h"
#include "sig/call/invite.h"
#include "sig/call/refresh.h"
#include "sig/call/script.h"
#include "sig/room/env.h"
#include "sig/txn/dialog.h"

struct dial;
struct lobby;
struct leg;
struct room;

enum { CALL_CHARGINGS = 2 }; /* P-Charging-Vector, P-Charging-Function-Addresses (RFC 7315 4.5, 4.6) */

enum call_state {
    CALL_FRESH,    /* INVITE in hand, or to be sent */
    CALL_DIALLING, /* our INVITE is out */
    CALL_RINGING,  /* a provisional response to it has come */
    CALL_EARLY,    /* 183 with our answer sent: the peer's resources are waited for */
    CALL_ANSWERED, /* 200 with our answer sent, ACK to come */
    CALL_OFFERED,  /* 200 with our offer sent, the answer comes in the ACK */
    CALL_UP,
    CALL_REOFFERED,  /* our re-INVITE is out */
    CALL_LEAVING,    /* is to end, but BYE must wait for the ACK (RFC 3261 15) */
    CALL_CANCELLING, /* CANCEL sent for our INVITE, or to be sent */
    CALL_ENDING,     /* BYE sent */
    CALL_OVER,       /* no dialog any more; may still wait for its leg */
    CALL_STATES
};

enum call_event {
    CALL_EV_OFFER,   /* INVITE or re-INVITE with an offer that fits */
    CALL_EV_WAITING, /* INVITE with an offer that fits, whose preconditions are not met */
    CALL_EV_PRACK,
    CALL_EV_PRACK_LOST,
    CALL_EV_CANCEL,
    CALL_EV_OFFERLESS, /* INVITE or re-INVITE without an offer */
    CALL_EV_UPDATE,    /* UPDATE with an offer that fits, or without one */
    CALL_EV_REOFFER,   /* we have something to offer anew */
    CALL_EV_DIAL,      /* somebody is to be called */
    CALL_EV_RINGING,   /* 1xx to our INVITE */
    CALL_EV_REDIRECT,  /* 3xx to it, and the way is open */
    CALL_EV_REANSWER,  /* 2xx to our INVITE or re-INVITE */
    CALL_EV_REFUSED,   /* any other final response to it */
    CALL_EV_ACK,
    CALL_EV_ACK_LOST, /* 64*T1 without */
    CALL_EV_BYE,
    CALL_EV_BYE_DONE, /* our BYE is answered, or never will be */
    CALL_EV_QUIET,    /* no RTP */
    CALL_EV_END,      /* conference over, or server going down */
    CALL_EVENTS
};

struct call {
    struct owner owner; /* of its transactions and its dialog */
    struct env *env;
    struct room *room;
    struct member member;      /* of the room */
    struct call *next, **link; /* all of the server */
    enum call_state state;
    bool is_dead; /* over, with everything back: call_reap frees it */
    struct call *next_dead;
    enum ending why;

    struct dialog dialog;
    char *charging[CALL_CHARGINGS]; /* what a trusted peer sent of them, call_charging_add */
    uint64_t replaces;              /* id of the call that ends when this one is answered; 0: none (RFC 3891) */
    uint32_t invite_cseq;           /* of the last INVITE that we answered */
    struct txn *invite;             /* the last INVITE, while its ACK may come */
    struct txn *bye;                /* ours */
    struct txn *reinvite;           /* ours */
    uint32_t reinvite_cseq;
    struct refresh refresh;
    struct early early;
    const struct script *script; /* what it goes through in its lobby; NULL: nothing, or no more */
    void *script_state;          /* the script's own, freed when it stops */
    bool script_is_up;

    struct dial *dial; /* the calling side of a call of ours, else NULL */

    struct offer_session session;
    struct offer_media media;
    bool has_media;
    struct call_ptt ptt;
    bool is_held;      /* the peer has put us on hold: it hears us no more, as it once did */
    uint64_t codec_ms; /* when the peer last made us change the codec; 0: never */
    struct place_leg place;
    uint32_t voice_us;                 /* what its voice adds to its conference's, as counted */
    bool in_lobby;                     /* its leg is not for the conference yet */
    struct lobby *lobby;               /* where it is then */
    struct annex *annex;               /* where its leg is, or is on its way to; NULL: the owner */
    struct annex_source *annex_source; /* what it hears there */
    bool moving;                       /* its leg is on its way from one worker to another */
    bool enter_due;                    /* it has arrived, but the ring is full */
    bool silent;                       /* silent for long */
    struct leg *leg;                   /* lent, the one that runs; NULL: none */
    unsigned n_lent;                   /* legs that have not come back */
    bool dropped;                      /* no leg may be added any more */
    bool drop_due;                     /* CTL_LEG_DROP waits for the ring */

    /* call_source.c */
    bool is_open;      /* acknowledged: media may be sent */
    bool open_due;     /* its leg does not know it yet: the ring was full */
    bool loops;        /* what it names as its media address has become a port of ours: to end */
    struct addr latch; /* as the leg knows it */
    uint32_t tx_ssrc;  /* of our stream to it; 0: none yet */
    struct call *ssrc_next;
};

/**
 * Begins a call into a room with an INVITE that was read, and answers it.
 *
 * @param old  the call that it replaces once it is answered; NULL: none
 * @return 0 | -EPROTO: refused, and answered so; the call is over
 */
int call_begin(struct env *env, struct room *room, struct txn *txn, const struct sip_msg *msg,
               const struct invite *invite, const struct identity *who, const struct call *old);

/** Our Contact, as its peer must call it: the conference, or the session of push-to-talk. text: ROOM_CONTACT_MAX */
void call_contact_text(const struct call *call, char *text, size_t size);

/** Gives back what the network charges by, in an answer or a request of ours within the call's dialog. */
void call_charging_add(const struct call *call, struct sip_out *out);
/** To a request of ours in its dialog: what ims.h says, with the charging of the peer's network if it gave any. */
void call_ims_add(const struct call *call, struct sip_out *out);

/** Says something of it at info: what, then text, which may be long or foreign but is escaped; with its conference,
 * source and Call-ID. */
void call_log(const struct call *call, const char *what, const char *text);

/** The call that owns a transaction or dialog, or is a member. @return NULL: it is of another kind */
struct call *call_of_owner(struct owner *owner);
struct call *call_of_member(struct member *member);

/** Ends it from our side. */
void call_end(struct call *call, enum ending why);

/** Sends a re-INVITE with what we said last: a refresh. @return 0 | -EBUSY not now | negative errno */
int call_reinvite(struct call *call);

/** No RTP for the configured time. */
void call_quiet(struct call *call);

/** Its stream has this SSRC. */
void call_ssrc(struct call *call, uint32_t ssrc);

/** Does what waited. A call that is over and has everything back is dead: call_reap frees it. */
void call_settle(struct call *call);

/** Frees what is dead. Once a beat, when nobody holds a pointer. */
void call_reap(struct env *env);

/** Frees it whatever it waits for: the end of the program. Legs that have not come back are lost. */
void call_abandon(struct call *call);

/* --- Media, call_media.c ------------------------------------------------------------------------------------------ */

/** Takes CPU, bandwidth and ports; family: of the ports, 0: that of its signalling, or the first that there is.
 * @return 0 | negative errno, see refusal_of */
int call_media_take(struct call *call, struct place_cost cost, int family);

/** Builds the leg of call->media and lends it. @return 0 | -EBUSY ring full | -EINVAL | -ENOMEM | -EIO */
int call_media_start(struct call *call);

/** After our first offer: a leg that only receives, from the signalling's host, whatever of the offer comes. Where that
 * is not possible what comes before the answer is lost. */
void call_media_expect(struct call *call);

/** Makes the running leg what media says: direction and address in place, else a new leg instead of it.
 * @return as call_media_start, and as place_leg_reprice; on failure nothing has changed */
int call_media_change(struct call *call, const struct offer_media *wanted);

/** The peer sends another codec of its answer: the leg changes to that, both ways, at most once a second. Else, and
 * where there is no room for it, the peer is not heard for the moment, and the worker says so again. */
void call_media_codec(struct call *call, uint8_t pt);

/** What a leg costs, with the lobby in which the call is. */
struct place_cost call_media_cost(const struct call *call, struct place_cost cost);

/** It costs something else now, and so do its conference's voices. @return as place_leg_reprice */
int call_media_reprice(struct call *call, struct place_cost cost);

/** From the lobby into the conference. @return 0 | -EAGAIN, -EBUSY, -ENOMEM: it is in the lobby still */
int call_media_let_in(struct call *call);

/** Takes the leg back; safe at any time, any number of times. */
void call_media_drop(struct call *call);

/** A leg has come back. */
void call_media_gone(struct call *call, struct leg *leg);

/* --- Where media comes from and goes to, call_source.c ------------------------------------------------------------ */

struct call_hosts {
    struct addr latch, alias; /* as in leg_cfg */
};

/** Beside rtp, the address in its SDP: where its media may come from. */
void call_source_hosts(struct call *call, const struct addr *rtp, struct call_hosts *hosts);
/** Where reports go: to nobody else than the audio. */
struct addr call_remote_rtcp(const struct offer_media *media);
/** ACK, PRACK or UPDATE has come: what is sent to the call reaches it. Again is fine. */
void call_media_open(struct call *call);
/** A refresh of the session has succeeded. */
void call_media_alive(struct call *call);
/** SSRC of our stream to it; 0: none any more. */
void call_tx_ssrc_set(struct call *call, uint32_t ssrc);
/** Is the SSRC of its stream one of our streams'? Then it is not heard from now on. */
bool call_ssrc_is_ours(struct call *call, uint32_t ssrc);
/** A port pair of ours has been opened: a call that names it as its own media address ends at the next beat. */
void call_port_opened(struct env *env, uint16_t port);
/** None of its packets can be used. */
void call_unheard(struct call *call, enum drop drop, const struct addr *from);
/** Its worker cannot use its sockets: it ends. */
void call_failed(struct call *call, int error);
/** Before it is freed. */
void call_source_forget(struct call *call);

/** The conference that its leg is in. */
struct conf *call_conf(const struct call *call);

/* --- In a channel of push-to-talk, call_ptt.c --------------------------------------------------------------------- */

/** Into a leg's configuration: its seat at the floor. */
void call_ptt_apply(const struct call *call, const struct offer_media *media, struct leg_cfg *cfg);
/** It is up, or over. */
void call_ptt_changed(struct call *call);
/** Events of its leg: the floor says something of it; its terminal is silent, or is back. */
void call_ptt_floor(struct call *call, enum floor_event what, uint32_t value);
void call_ptt_alive(struct call *call, bool is_alive);
/** Asks at its floor on its behalf. @return 0 | -ENOTCONN it has no leg, or is no session | -EBUSY ring full */
int call_ptt_ask(struct call *call, const struct floor_wish *wish);
/** Its rights at the floor change. @return as call_ptt_ask */
int call_ptt_rights(struct call *call, const struct floor_rights *rights);

/* --- Between an annex and its owner, call_move.c ------------------------------------------------------------------ */

/** It would be heard if it were not in an annex: it moves to the owner. */
void call_speaks(struct call *call);

/** It has been silent for long, or is no more: it may make room at the owner. */
void call_silent(struct call *call, bool is_silent);

/** The leg of a call that is moving has come back: on with it. Also when the ring was full. */
void call_move_on(struct call *call);

/** A call that is moving is dropped: its leg, which may be here already, goes nowhere any more. */
void call_move_end(struct call *call);

#endif
