/*
 * A call: one participant's signalling, from its INVITE until its leg has come back. The state machine is a table
 * (call.c); what it does to the media is call_media.c. A call lives as long as a worker may still name it.
 */
#ifndef SIG_CALL_H
#define SIG_CALL_H

#include "sig/focus.h"
#include "sig/invite.h"

struct leg;
struct room;

enum call_state {
    CALL_FRESH,    /* INVITE in hand */
    CALL_ANSWERED, /* 200 with our answer sent, ACK to come */
    CALL_OFFERED,  /* 200 with our offer sent, the answer comes in the ACK */
    CALL_UP,
    CALL_LEAVING, /* is to end, but BYE must wait for the ACK (RFC 3261 15) */
    CALL_ENDING,  /* BYE sent */
    CALL_OVER,    /* no dialog any more; may still wait for its leg */
    CALL_STATES
};

enum call_event {
    CALL_EV_OFFER, /* INVITE or re-INVITE with an offer that fits */
    CALL_EV_BARE,  /* INVITE or re-INVITE without an offer */
    CALL_EV_ACK,
    CALL_EV_ACK_LOST, /* 64*T1 without */
    CALL_EV_BYE,
    CALL_EV_BYE_DONE, /* our BYE is answered, or never will be */
    CALL_EV_QUIET,    /* no RTP */
    CALL_EV_END,      /* conference over, or server going down */
    CALL_EVENTS
};

struct call {
    struct focus *focus;
    struct room *room;
    struct call *next, **link;           /* all of the focus */
    struct call *room_next, **room_link; /* roster; room_link NULL: not in it */
    struct call *hash_next, **hash_link; /* dialogs; hash_link NULL: not in it */
    enum call_state state;
    enum focus_ending why;
    uint64_t id; /* for log lines */

    /* The dialog, RFC 3261 12. Strings are owned. */
    char *call_id, *remote_tag, *local, *remote, *target;
    char **routes;
    unsigned n_routes;
    char local_tag[SIP_TAG_BYTES];
    uint32_t cseq_rx, cseq_tx, invite_cseq;
    struct flow flow;
    bool direct;        /* no proxy between: its signalling's source may be its media's, too */
    struct txn *invite; /* the last INVITE, while its ACK may come */
    struct txn *bye;    /* ours */

    struct offer_session session;
    struct offer_media media;
    bool has_media;
    struct place_leg place;
    struct leg *leg; /* lent, the one that runs; NULL: none */
    unsigned n_lent; /* legs that have not come back */
    bool dropped;    /* no leg may be added any more */
    bool drop_due;   /* CTL_LEG_DROP waits for the ring */
    uint32_t ssrc;
};

/**
 * Begins a call into a room with an INVITE that was read, and answers it.
 *
 * @return 0 | -EPROTO: refused, and answered so; the call is gone
 */
int call_begin(struct focus *focus, struct room *room, struct txn *txn, const struct sip_msg *msg,
               const struct invite *invite);

/** The call whose dialog a request belongs to, by all three ids. @return NULL: none */
struct call *call_find(struct focus *focus, const struct sip_msg *msg);

/** A request within its dialog, any method but ACK. */
void call_request(struct call *call, struct txn *txn, const struct sip_msg *msg);

/** The ACK of a 2xx. */
void call_ack(struct call *call, const struct sip_msg *msg);

/** Ends it from our side. The call may be gone after it. */
void call_end(struct call *call, enum focus_ending why);

/** No RTP for the configured time. */
void call_quiet(struct call *call);

/* What the transaction layer says about its transactions. */
void call_txn_timeout(struct call *call, struct txn *txn);
void call_txn_final(struct call *call, struct txn *txn);
void call_txn_gone(struct call *call, struct txn *txn);

/** Does what waited, and frees a call that is over and has everything back. call may be gone after it. */
void call_settle(struct call *call);

/** Frees it whatever it waits for: the end of the program. Legs that have not come back are lost. */
void call_abandon(struct call *call);

/* --- Dialog, call_dialog.c ---------------------------------------------------------------------------------------- */

/** Copies what the dialog is made of out of the INVITE. @return 0 | -ENOMEM; call_dialog_free in any case */
int call_dialog_make(struct call *call, struct txn *txn, const struct sip_msg *msg);
void call_dialog_free(struct call *call);
/** Makes it known to call_find, or unknown; leaving twice is fine. */
void call_dialog_enter(struct call *call);
void call_dialog_leave(struct call *call);
/** "<sip:token@domain>;isfocus", as the peer must call it on its transport. */
void call_contact_text(const struct call *call, char *text, size_t size);
/** Sends BYE; call->bye is its transaction. @return 0 | as txn_request */
int call_bye_send(struct call *call, enum focus_ending why);

/* --- Media, call_media.c ------------------------------------------------------------------------------------------ */

/** Takes CPU, bandwidth and ports. @return 0 | negative errno, see focus_refusal_of */
int call_media_take(struct call *call, struct place_cost cost);

/** Builds the leg of call->media and lends it. @return 0 | -EBUSY ring full | -EINVAL | -ENOMEM | -EIO */
int call_media_start(struct call *call);

/** Makes the running leg what media says: direction and address in place, else a new leg instead of it.
 * @return as call_media_start, and as place_leg_reprice; on failure nothing has changed, unless call->leg is NULL: then
 * the leg is lost and the call must end */
int call_media_change(struct call *call, const struct offer_media *wanted);

/** Takes the leg back; safe at any time, any number of times. */
void call_media_drop(struct call *call);

/** A leg has come back. call may be gone after it. */
void call_media_gone(struct call *call, struct leg *leg);

#endif
