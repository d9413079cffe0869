/* Clips. See clip.h. */
#include "core/conf/clip.h"

#include "core/base/mem.h"

#include <errno.h>
#include <string.h>

struct clip {
    uint32_t rate_hz;
    size_t n;
    int16_t pcm[];
};

int clip_build(struct clip **out, const int16_t *pcm, size_t n, uint32_t rate_hz)
{
    if (n == 0 || (rate_hz != 8000 && rate_hz != 16000 && rate_hz != 48000)) {
        return -EINVAL;
    }
    struct clip *clip = mem_get(sizeof *clip + n * sizeof *pcm);
    if (!clip) {
        return -ENOMEM;
    }
    clip->rate_hz = rate_hz;
    clip->n = n;
    memcpy(clip->pcm, pcm, n * sizeof *pcm);
    *out = clip;
    return 0;
}

void clip_free(struct clip *clip)
{
    mem_put(clip);
}

uint32_t clip_rate_hz(const struct clip *clip)
{
    return clip->rate_hz;
}

size_t clip_samples(const struct clip *clip)
{
    return clip->n;
}

size_t clip_run(struct clip_play *play, int16_t *pcm, size_t n)
{
    const struct clip *clip = play->clip;
    size_t done = 0;
    while (done < n && !play->is_over) {
        size_t step = MIN(n - done, clip->n - play->at);
        memcpy(pcm + done, clip->pcm + play->at, step * sizeof *pcm);
        done += step;
        play->at += step;
        if (play->at == clip->n) {
            play->at = 0;
            play->is_over = play->times == 1;
            play->times -= play->times > 1;
        }
    }
    return done;
}
