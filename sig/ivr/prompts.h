/*
 * What the server says to callers, as clips by their file names. Made at the start, before signalling runs, and freed
 * after the last worker has stopped; in between nobody changes them. For what it has to say itself, and has no
 * recording of, there are beeps.
 */
#ifndef SIG_IVR_PROMPTS_H
#define SIG_IVR_PROMPTS_H

#include "core/base/base.h"

#define PROMPTS_MAX 256
#define PROMPT_NAME_MAX 64
#define PROMPT_SECONDS_MAX 600

struct clip;
struct prompts;

/* Those it says itself. */
#define PROMPT_LIST(X)                                                                                                 \
    X(PIN_ENTER, "pin-enter.wav")                                                                                      \
    X(PIN_WRONG, "pin-wrong.wav")                                                                                      \
    X(PIN_RIGHT, "pin-right.wav")

enum prompt {
#define X(name, file) PROMPT_##name,
    PROMPT_LIST(X)
#undef X
        PROMPTS
};

/** With nothing but the beeps. @return 0 | -ENOMEM */
int prompts_build(struct prompts **prompts);
void prompts_free(struct prompts *prompts);

/** May a file be called so? Letters, digits, "._-", not beginning with a dot, ".wav" at the end. */
bool prompts_name_is_fine(const char *name);

/**
 * Keeps a recording, in the place of the beep of that name. Rates that no bus has are brought to one that it has.
 *
 * @return 0 | -EINVAL name, nothing in it, or a rate beyond all measure | -EFBIG longer than PROMPT_SECONDS_MAX |
 * -ENOSPC PROMPTS_MAX are there | -EEXIST | -ENOMEM
 */
int prompts_add(struct prompts *prompts, const char *name, const int16_t *pcm, size_t n_samples, uint32_t rate_hz);

/** How many of those that it says itself are still beeps? */
unsigned prompts_beeps(const struct prompts *prompts);

/** The one to be said. @return NULL: prompts is NULL: nothing is said */
const struct clip *prompts_clip(const struct prompts *prompts, enum prompt prompt);

/** A recording by its name. @return NULL: there is none */
const struct clip *prompts_find(const struct prompts *prompts, const char *name);

#endif
