/* Prompts. See prompts.h. */
#include "sig/ivr/prompts.h"

#include "core/conf/clip.h"
#include "sig/ivr/rates.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BEEP_HZ = 16000, BEEP_PARTS = 3, BEEP_LEVEL = 6000, EDGE = BEEP_HZ / 200 };

struct prompts {
    struct clip *beeps[PROMPTS];
    struct recording {
        char name[PROMPT_NAME_MAX];
        struct clip *clip;
    } recordings[PROMPTS_MAX];
    unsigned n;
};

static const char *const files[PROMPTS] = {
#define X(name, file) file,
    PROMPT_LIST(X)
#undef X
};

/* Which is which can be heard: one long, two low ones, three that rise. 0 Hz: a pause. */
static const struct beep {
    unsigned hz, ms;
} beeps[PROMPTS][BEEP_PARTS] = {
    [PROMPT_PIN_ENTER] = {{800, 400}},
    [PROMPT_PIN_WRONG] = {{350, 200}, {0, 100}, {350, 200}},
    [PROMPT_PIN_RIGHT] = {{600, 100}, {900, 100}, {1200, 100}},
};

/* ---- beeps ---- */

static int beep_make(struct clip **clip, const struct beep parts[BEEP_PARTS])
{
    int16_t pcm[BEEP_HZ]; /* a second, of which less is used */
    size_t n = 0;
    for (unsigned p = 0; p < BEEP_PARTS; p++) {
        size_t n_part = parts[p].ms * BEEP_HZ / 1000;
        for (size_t i = 0; i < n_part; i++) {
            size_t to_edge = MIN(i, n_part - 1 - i); /* no click */
            double level = BEEP_LEVEL * (double)MIN(to_edge, (size_t)EDGE) / EDGE;
            pcm[n++] = (int16_t)lrint(level * sin(2 * M_PI * parts[p].hz * (double)i / BEEP_HZ));
        }
    }
    return clip_build(clip, pcm, n, BEEP_HZ);
}

int prompts_build(struct prompts **out)
{
    struct prompts *p = calloc(1, sizeof *p);
    if (!p) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < PROMPTS; i++) {
        int err = beep_make(&p->beeps[i], beeps[i]);
        if (err) {
            prompts_free(p);
            return err;
        }
    }
    *out = p;
    return 0;
}

void prompts_free(struct prompts *p)
{
    if (!p) {
        return;
    }
    for (unsigned i = 0; i < PROMPTS; i++) {
        clip_free(p->beeps[i]);
    }
    for (unsigned i = 0; i < p->n; i++) {
        clip_free(p->recordings[i].clip);
    }
    free(p);
}

/* ---- rates ---- */

static uint32_t rate_for(uint32_t rate_hz)
{
    bool fits = rate_hz == 8000 || rate_hz == 16000 || rate_hz == 48000;
    return fits ? rate_hz : rate_hz >= 32000 ? 48000 : 16000;
}

static int clip_at_bus_rate(struct clip **clip, const int16_t *pcm, size_t n, uint32_t from_hz)
{
    uint32_t to_hz = rate_for(from_hz);
    if (to_hz == from_hz) {
        return clip_build(clip, pcm, n, from_hz);
    }
    int16_t *to;
    size_t n_to;
    int err = rates_convert(pcm, n, from_hz, &to, &n_to, to_hz);
    err = err ? err : clip_build(clip, to, n_to, to_hz);
    free(to);
    return err;
}

/* ---- recordings ---- */

bool prompts_name_is_fine(const char *name)
{
    size_t n = strlen(name), n_fine = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
    return n > 4 && n < PROMPT_NAME_MAX && n_fine == n && name[0] != '.' && strcmp(name + n - 4, ".wav") == 0;
}

int prompts_add(struct prompts *p, const char *name, const int16_t *pcm, size_t n, uint32_t rate_hz)
{
    if (!prompts_name_is_fine(name) || n == 0 || rate_hz < 1000) {
        return -EINVAL;
    }
    if (n / rate_hz >= PROMPT_SECONDS_MAX) {
        return -EFBIG;
    }
    if (prompts_find(p, name)) {
        return -EEXIST;
    }
    if (p->n == PROMPTS_MAX) {
        return -ENOSPC;
    }
    struct recording *recording = &p->recordings[p->n];
    int err = clip_at_bus_rate(&recording->clip, pcm, n, rate_hz);
    if (err) {
        return err;
    }
    strcpy(recording->name, name);
    p->n++;
    return 0;
}

unsigned prompts_beeps(const struct prompts *p)
{
    unsigned n = 0;
    for (unsigned i = 0; i < PROMPTS; i++) {
        n += !prompts_find(p, files[i]);
    }
    return n;
}

const struct clip *prompts_clip(const struct prompts *p, enum prompt prompt)
{
    const struct clip *clip = p ? prompts_find(p, files[prompt]) : NULL;
    return p && !clip ? p->beeps[prompt] : clip;
}

const struct clip *prompts_find(const struct prompts *p, const char *name)
{
    for (unsigned i = 0; i < p->n; i++) {
        if (strcmp(p->recordings[i].name, name) == 0) {
            return p->recordings[i].clip;
        }
    }
    return NULL;
}
