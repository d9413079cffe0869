/* RFC 4733 telephone events. See dtmf.h. */
#include "core/media/dtmf.h"

static const char keys[] = "0123456789*#ABCD";

void dtmf_end(struct dtmf *d, struct dtmf_digit *digit)
{
    digit->digit = 0;
    if (d->open) {
        digit->digit = keys[d->event];
        digit->duration_ts = d->duration_ts;
        d->closed_ts = d->ts;
        d->any_closed = true;
        d->open = false;
    }
}

enum drop dtmf_take(struct dtmf *d, uint32_t ts, const uint8_t *payload, size_t bytes, struct dtmf_digit *digit)
{
    digit->digit = 0;
    if (bytes < 4) {
        return DROP_DTMF_SHORT;
    }
    uint8_t event = payload[0];
    bool end = payload[1] & 0x80;
    uint16_t duration_ts = load_be16(payload + 2);
    if (event >= sizeof keys - 1 || (d->any_closed && ts == d->closed_ts)) {
        return DROP_NONE; /* hook flash and the like, or a repeated end */
    }
    if (ts != d->ts) {
        dtmf_end(d, digit); /* all three ends of the event before were lost: it ended all the same */
    }
    d->open = !end;
    d->ts = ts;
    d->event = event;
    d->duration_ts = duration_ts;
    if (end && !digit->digit) {
        digit->digit = keys[event];
        digit->duration_ts = duration_ts;
        d->closed_ts = ts;
        d->any_closed = true;
    } else if (end) {
        d->open = true; /* two digits at once: this one is reported by its next end or the next event */
    }
    return DROP_NONE;
}
