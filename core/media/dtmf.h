/* RFC 4733 telephone events towards us: one digit reported once, at its end, or when that is lost. Worker; reads
 * foreign bytes. */
#ifndef CORE_MEDIA_DTMF_H
#define CORE_MEDIA_DTMF_H

#include "core/base/stats.h"

/* What is known of the event that is being keyed. Zero is a valid fresh state. */
struct dtmf {
    bool open;
    uint32_t ts;        /* the event's RTP timestamp, the same in all its packets */
    uint32_t closed_ts; /* of the last one reported: its end comes three times */
    bool any_closed;
    uint8_t event;
    uint16_t duration_ts;
};

struct dtmf_digit {
    char digit; /* 0-9 * # A-D; 0: none yet */
    uint16_t duration_ts;
};

/** Takes one event packet. @return DROP_NONE | DROP_DTMF_SHORT  @source RFC 4733 2.3, 2.5.1 */
enum drop dtmf_take(struct dtmf *d, uint32_t ts, const uint8_t *payload, size_t bytes, struct dtmf_digit *digit);

/** The open event, if there is one, ends without its end: nothing has come of it for three packet times. What comes of
 * it later is passed over. @source RFC 4733 2.5.2.2 */
void dtmf_end(struct dtmf *d, struct dtmf_digit *digit);

#endif
