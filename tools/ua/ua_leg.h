/*
 * A client call and its media together: descriptions in and out by sig/offer, what they settle into the media. A leg
 * outlives its call: a codec change or a second call goes on with the same socket.
 */
#ifndef TOOLS_UA_UA_LEG_H
#define TOOLS_UA_UA_LEG_H

#include "sig/sdp/offer.h"
#include "tools/ua/ua.h"
#include "tools/ua/ua_media.h"

struct ua_leg {
    struct media *media;
    struct ua_call *call; /* NULL: none */
    struct offer_policy policy;
    struct offer_session session;
    struct addr host;
    uint32_t ptime_ms; /* asked for */
    struct floor_line floor; /* is_there: descriptions have floor control, too */
};

/**
 * Opens the media and begins a session.
 *
 * @param codecs  as in --codec: "PCMU", "opus,PCMA", "L16/16000"; "l16" means L16/16000
 * @return 0 | -EINVAL codecs | -ENOMEM | what bind says
 */
int ua_leg_open(struct ua_leg *leg, const char *codecs, uint32_t ptime_ms, const struct media_cfg *media);
void ua_leg_close(struct ua_leg *leg);

/** Insists on SRTP from now on, by this suite; SEAL_NONE: by any. */
void ua_leg_srtp(struct ua_leg *leg, enum seal_suite only);

/** Tells its level in the headers from now on, and asks to be told those of whom it hears. */
void ua_leg_levels(struct ua_leg *leg);

/** Its descriptions have a stream of floor control from now on: before the first one. */
void ua_leg_floor(struct ua_leg *leg, const struct floor_line *ours);

/** Other codecs for the descriptions to come. @return 0 | -EINVAL */
int ua_leg_codecs(struct ua_leg *leg, const char *codecs);

/** Writes an offer. @return its length, 0: it does not fit */
size_t ua_leg_offer(struct ua_leg *leg, bool rx_on, bool tx_on, char *text, size_t size);

/** Reads an offer, settles the media, writes the answer. @return its length, 0: nothing fits (488) */
size_t ua_leg_answer(struct ua_leg *leg, const char *offer, size_t n_offer, char *text, size_t size);

/** Reads the answer to our offer and settles the media. @return 0 | negative errno */
int ua_leg_accept(struct ua_leg *leg, const char *answer, size_t n_answer);

/** Calls target with an offer; dial's body is filled in. @return as ua_dial */
int ua_leg_dial(struct ua_leg *leg, struct ua *ua, struct ua_dial dial);

#endif
