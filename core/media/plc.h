/*
 * Concealment for codecs without their own (G.711, L16): repeats the last pitch period, fades to silence within 60 ms,
 * and blends back into the stream when it returns. In the manner of G.711 Appendix I, but without its 3.75 ms delay:
 * the blend takes place at the start of the made-up audio instead of the end of the good. Worker; scalar, since it runs
 * only for lost packets. History is kept by the caller's good frames.
 */
#ifndef CORE_MEDIA_PLC_H
#define CORE_MEDIA_PLC_H

#include "core/base/limits.h"

#define PLC_PITCH_MIN_8K 20  /* 400 Hz */
#define PLC_PITCH_MAX_8K 120 /* 66 Hz */
#define PLC_WINDOW_8K 160    /* compared for pitch: 20 ms */

struct plc {
    int16_t *history; /* [n_history], a ring; straight while a loss goes on */
    uint32_t n_history;
    uint32_t oldest;       /* where it begins, and where the next sample goes */
    uint32_t n_silent;     /* so many of the newest are zero, n_history and more: all */
    uint32_t factor;       /* rate / 8000 */
    uint32_t pitch;        /* samples */
    uint32_t at;           /* into the period */
    uint32_t made_samples; /* since the loss began; 0: none going on */
};

/** Bytes of history at a rate. */
size_t plc_history_bytes(uint32_t rate_hz);

/** @param history  zeroed memory of plc_history_bytes; stays the caller's */
COLD void plc_init(struct plc *p, uint32_t rate_hz, int16_t *history);

/** A good frame passes: remembered; its start is blended with what was made up before, if anything was. */
void plc_good(struct plc *p, int16_t *pcm, size_t n);

/** Makes up n samples. @return false: silence by now (over 60 ms), pcm is zero */
bool plc_conceal(struct plc *p, int16_t *pcm, size_t n);

/** A pause of the sender: nothing to repeat any more. */
void plc_pause(struct plc *p);

#endif
