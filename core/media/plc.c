/* Pitch repetition for lost packets. See plc.h. */
#include "core/media/plc.h"

#include <math.h>
#include <string.h>

enum {
    HOLD_8K = 80,   /* 10 ms at full level */
    FADE_8K = 400,  /* then 50 ms down to nothing */
    RETURN_8K = 32, /* 4 ms blend back */
    HISTORY_8K = PLC_PITCH_MAX_8K + PLC_WINDOW_8K + PLC_PITCH_MAX_8K,
    HISTORY_MAX = HISTORY_8K * (RATE_MAX_HZ / 8000)
};

size_t plc_history_bytes(uint32_t rate_hz)
{
    return sizeof(int16_t) * HISTORY_8K * (rate_hz / 8000);
}

void plc_init(struct plc *p, uint32_t rate_hz, int16_t *history)
{
    uint32_t n_history = (uint32_t)(plc_history_bytes(rate_hz) / sizeof(int16_t));
    *p = (struct plc){
        .history = history,
        .n_history = n_history,
        .n_silent = n_history,
        .factor = rate_hz / 8000,
    };
}

static bool is_silent(const int16_t *pcm, size_t n)
{
    return n && pcm[0] == 0 && memcmp(pcm, pcm + 1, (n - 1) * sizeof *pcm) == 0;
}

static void remember(struct plc *p, const int16_t *pcm, size_t n)
{
    bool silent = is_silent(pcm, n);
    if (silent && p->n_silent >= p->n_history) {
        return; /* who is muted has nothing but zeros there already */
    }
    p->n_silent = silent ? p->n_silent + (uint32_t)n : 0;
    size_t kept = MIN(n, (size_t)p->n_history), first = MIN(kept, (size_t)(p->n_history - p->oldest));
    pcm += n - kept;
    memcpy(p->history + p->oldest, pcm, first * sizeof *pcm);
    memcpy(p->history, pcm + first, (kept - first) * sizeof *pcm);
    p->oldest = (p->oldest + (uint32_t)kept) % p->n_history;
}

/* The oldest sample first. */
static void straighten(struct plc *p)
{
    int16_t begin[HISTORY_MAX];
    must(p->oldest < p->n_history && p->n_history <= HISTORY_MAX);
    size_t n_end = p->n_history - p->oldest;
    memcpy(begin, p->history, p->oldest * sizeof *begin);
    memmove(p->history, p->history + p->oldest, n_end * sizeof *begin);
    memcpy(p->history + n_end, begin, p->oldest * sizeof *begin);
    p->oldest = 0;
}

/* Likeness of the last window with what was lag earlier, looking at every step-th sample; normalised, 0..1. */
static float likeness(const int16_t *end, uint32_t window, uint32_t lag, uint32_t step)
{
    float cross = 0, energy = 1;
    for (uint32_t i = 1; i <= window; i += step) {
        float now = end[-(int32_t)i], then = end[-(int32_t)(i + lag)];
        cross += now * then;
        energy += then * then;
    }
    return cross <= 0 ? 0 : cross / sqrtf(energy);
}

static uint32_t pitch_find(const struct plc *p)
{
    const int16_t *end = p->history + p->n_history;
    uint32_t f = p->factor, window = PLC_WINDOW_8K * f;
    uint32_t best = PLC_PITCH_MAX_8K * f;
    float best_like = 0;
    for (uint32_t lag = PLC_PITCH_MIN_8K * f; lag <= PLC_PITCH_MAX_8K * f; lag += f) {
        float like = likeness(end, window, lag, f);
        if (like > best_like) { /* twice the pitch does no harm: two periods are repeated instead of one */
            best_like = like;
            best = lag;
        }
    }
    uint32_t coarse = best;
    for (uint32_t lag = coarse - f + 1; f > 1 && lag < coarse + f; lag++) {
        float like = likeness(end, window, lag, 1);
        if (lag == coarse - f + 1 || like > best_like) {
            best_like = like;
            best = lag;
        }
    }
    return MIN(best, PLC_PITCH_MAX_8K * f);
}

/* Makes the last period loop without a click: its end is blended into what preceded its beginning. */
static void period_close(struct plc *p)
{
    int16_t *end = p->history + p->n_history;
    uint32_t blend = p->pitch / 4;
    for (uint32_t i = 0; i < blend; i++) {
        float w = (float)(i + 1) / (float)(blend + 1);
        int16_t *tail = end - blend + i;
        *tail = (int16_t)lrintf((float)*tail * (1 - w) + (float)tail[-(int32_t)p->pitch] * w);
    }
}

static float gain_at(const struct plc *p, uint32_t made)
{
    uint32_t hold = HOLD_8K * p->factor, fade = FADE_8K * p->factor;
    if (made < hold) {
        return 1;
    }
    return made >= hold + fade ? 0 : 1 - (float)(made - hold) / (float)fade;
}

/* The made-up signal goes on for n samples. */
static void repeat(struct plc *p, int16_t *pcm, size_t n)
{
    const int16_t *period = p->history + p->n_history - p->pitch;
    for (size_t i = 0; i < n; i++) {
        pcm[i] = (int16_t)lrintf((float)period[p->at] * gain_at(p, p->made_samples));
        p->at = p->at + 1 == p->pitch ? 0 : p->at + 1;
        p->made_samples++;
    }
}

bool plc_conceal(struct plc *p, int16_t *pcm, size_t n)
{
    uint32_t silent_from = (HOLD_8K + FADE_8K) * p->factor;
    if (p->made_samples >= silent_from) {
        memset(pcm, 0, n * sizeof *pcm);
        return false;
    }
    if (p->made_samples == 0) {
        straighten(p);
        p->pitch = pitch_find(p);
        p->at = 0;
        period_close(p);
    }
    repeat(p, pcm, n);
    return true;
}

void plc_good(struct plc *p, int16_t *pcm, size_t n)
{
    if (p->made_samples) {
        int16_t made[RETURN_8K * (RATE_MAX_HZ / 8000)];
        uint32_t blend = (uint32_t)MIN((size_t)RETURN_8K * p->factor, n);
        if (p->pitch) {
            repeat(p, made, blend);
        } else {
            memset(made, 0, sizeof made);
        }
        for (uint32_t i = 0; i < blend; i++) {
            float w = (float)(i + 1) / (float)(blend + 1);
            pcm[i] = (int16_t)lrintf((float)made[i] * (1 - w) + (float)pcm[i] * w);
        }
        p->made_samples = 0;
    }
    remember(p, pcm, n);
}

void plc_pause(struct plc *p)
{
    memset(p->history, 0, p->n_history * sizeof *p->history);
    p->n_silent = p->n_history;
    p->made_samples = 0;
}
