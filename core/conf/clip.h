/*
 * Sound that is kept: an announcement, a tone. Signalling builds a clip, any number of legs play it (leg_cfg), and
 * signalling frees it when none of them is lent any more; meanwhile nobody writes to it.
 */
#ifndef CORE_CONF_CLIP_H
#define CORE_CONF_CLIP_H

#include "core/base/base.h"

struct clip;

/**
 * Copies mono PCM.
 *
 * @param rate_hz  8000, 16000 or 48000: the rate of the legs that will play it
 * @return 0 | -EINVAL another rate, or nothing to play | -ENOMEM
 * @thread control; cold
 */
COLD int clip_build(struct clip **clip, const int16_t *pcm, size_t n_samples, uint32_t rate_hz);
COLD void clip_free(struct clip *clip);

uint32_t clip_rate_hz(const struct clip *clip);
size_t clip_samples(const struct clip *clip);

/* How far somebody has come with a clip. */
struct clip_play {
    const struct clip *clip;
    size_t at;
    uint32_t times; /* still to be played, with this one; 0: for ever */
    bool is_over;
};

/** Plays the next n samples, from the end on into the beginning where it is repeated. @return how many there were,
 * fewer than n: the end  @thread worker; hot */
size_t clip_run(struct clip_play *play, int16_t *pcm, size_t n);

#endif
