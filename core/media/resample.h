/*
 * Between the bus rates 8, 16 and 48 kHz: which polyphase bank and which direction. The state is the caller's, the
 * arithmetic is a kernel. Worker, hot.
 */
#ifndef CORE_MEDIA_RESAMPLE_H
#define CORE_MEDIA_RESAMPLE_H

#include "core/base/limits.h"
#include "simd/simd.h"

/* A rate's place in arrays by rate. */
static inline unsigned rate_index(uint32_t rate_hz)
{
    return rate_hz == 8000 ? 0 : rate_hz == 16000 ? 1 : 2;
}
static inline uint32_t rate_hz_at(unsigned i)
{
    return i == 0 ? 8000 : i == 1 ? 16000 : 48000;
}
static inline size_t rate_frame_samples(uint32_t rate_hz)
{
    return rate_hz / 1000 * TICK_MS;
}

/** Memory of a state from one rate to another, line-aligned: a history upwards, one for each stream downwards. */
static inline size_t resample_state_bytes(uint32_t from_hz, uint32_t to_hz)
{
    return (to_hz > from_hz ? 1 : from_hz / to_hz) * sizeof((struct fir_state *)0)->hist[0];
}

/**
 * One frame from one rate to another.
 *
 * @param state  resample_state_bytes(from_hz, to_hz) of it, aligned; all zero at the start of a stream
 * @param in     [rate_frame_samples(from_hz)] aligned
 * @param out    [rate_frame_samples(to_hz)] aligned; written
 * @pre          from_hz != to_hz, both bus rates
 */
static inline void resample_frame(const struct simd *simd, struct fir_state *state, uint32_t from_hz, uint32_t to_hz,
                                  const int16_t *in, int16_t *out)
{
    if (to_hz > from_hz) {
        simd->fir_up(fir_bank((int)(to_hz / from_hz)), state, in, out, rate_frame_samples(from_hz));
    } else {
        simd->fir_down(fir_bank((int)(from_hz / to_hz)), state, in, out, rate_frame_samples(to_hz));
    }
}

#endif
