/* What the two halves of offer/answer share: offer.c (writing) and offer_read.c (reading). */
#ifndef SIG_SDP_OFFER_PRIV_H
#define SIG_SDP_OFFER_PRIV_H

#include "sig/sdp/offer.h"

/* Kinds of payload types beside the codecs of the policy: places in struct offer_session's pt. */
enum { KIND_EVENT_8 = OFFER_CODECS_MAX, KIND_EVENT_48, KIND_CN };

/** RTP clock of a codec of the policy. */
uint32_t offer_clock_hz(const struct offer_codec *c);

/** Packet time of what we send: the peer's preference where we can, within its maximum (0: none) and one packet. */
uint8_t offer_ptime(const struct offer_codec *c, uint16_t preferred_ms, uint16_t max_ms);

#endif
