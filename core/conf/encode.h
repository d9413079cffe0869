/*
 * From a frame of PCM to the legs it is for: with an encoder of theirs, with the silence that a whole worker shares
 * (silence.h), or, for codecs that take many channels at once, together with frames of other conferences, which wait in
 * the lanes (lanes.h). mix.c says what is mixed for which leg; annex.c sends what another worker has encoded, and only
 * silence of its own. Worker, hot.
 */
#ifndef CORE_CONF_ENCODE_H
#define CORE_CONF_ENCODE_H

#include "core/conf/conf_run.h"

enum { FETCH_AHEAD = 2 /* legs */ };

/** One frame of n samples, with leg's encoder, for the legs of the job: sent at once, or by confs_encode. */
void encode_run(const struct encode_job *job, const struct mix_tools *t, struct leg *leg, const int16_t *pcm, size_t n);

/** Encodes and sends what waits: before any of those conferences changes, copies an encoder or ticks again. */
void confs_encode(const struct mix_tools *tools);

/** A tick of silence for one leg. @return bytes of *payload; 0: a pause, there is no encoder in an annex that could */
size_t leg_silence(struct leg *leg, const struct mix_tools *tools, const uint8_t **payload);

/** The same for a leg whose conference does not tick, whatever its codec: encoded by itself, with a state of its own.
 */
size_t leg_silence_alone(struct leg *leg, const struct mix_tools *tools, const uint8_t **payload);

/** Is this leg of a group encoded for by itself in this tick? The group's encode serves the others. */
static inline bool serves_alone(const struct group *group, const struct leg *leg)
{
    return group->solo ||
           (leg->cfg.codec->has_state ? leg->enc.share <= SHARE_APART : leg_is_mixed(leg) && !leg->tx.deaf);
}

/** Fetches the leg of a group that comes soon after leg i, if it is one that is served like this. */
FETCH void fetch_ahead(const struct group *group, struct leg *const *legs, uint32_t i, bool alone)
{
    if (i + FETCH_AHEAD < group->count && serves_alone(group, legs[i + FETCH_AHEAD]) == alone) {
        leg_fetch_tx(legs[i + FETCH_AHEAD]);
    }
}

#endif
