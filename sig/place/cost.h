/* What one leg costs: CPU time by its codec, and its bit rate. @source mixminus-bench, rounded up by a third */
#ifndef SIG_PLACE_COST_H
#define SIG_PLACE_COST_H

#include "sig/sdp/offer.h"

/* What one leg needs. */
struct place_cost {
    uint32_t cpu_us;   /* per second */
    uint32_t voice_us; /* more, while it talks; counted by its conference (place_voices_set) */
    uint32_t kbps;     /* both directions, with RTP, UDP and IP headers */
    bool is_priority;  /* let in beyond the budgets, as long as there is memory and a port */
};

/** Of a leg with this codec at this packet time; complexity: of Opus. */
struct place_cost place_cost_of(enum codec_id codec, uint32_t rate_hz, unsigned ptime_ms, unsigned complexity);

/** The same leg with SRTP: 0.7 us a packet pair, rounded up by a third. */
struct place_cost place_cost_sealed(struct place_cost plain, unsigned ptime_ms, unsigned mki_bytes);

/** The same leg in a session of push-to-talk, which is silent but for a moment now and then. */
struct place_cost place_cost_asleep(struct place_cost awake);

/** Of a leg with what was agreed on. */
struct place_cost place_cost_media(const struct offer_media *media);

/** Of a leg of which nothing is agreed: as our first codec. */
struct place_cost place_cost_first(const struct offer_policy *policy);

#endif
