/* Prompts: what is found by which name, and at which rate; beeps where nothing is recorded. */
#include "core/conf/clip.h"
#include "sig/ivr/prompts.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_names(void **state)
{
    static const struct {
        const char *name;
        bool fine;
    } cases[] = {
        {"pin-enter.wav", true}, {"a.wav", true},    {"A_1.b.wav", true}, {".wav", false},
        {".a.wav", false},       {"", false},        {"a", false},        {"a.mp3", false},
        {"../a.wav", false},     {"a/b.wav", false}, {"a b.wav", false},  {"a.WAV", false},
        {"a\nb.wav", false},     {"%2e.wav", false},
    };
    char name[PROMPT_NAME_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(prompts_name_is_fine(cases[i].name), cases[i].fine);
    }
    memset(name, 'a', sizeof name);
    strcpy(name + PROMPT_NAME_MAX - 4, ".wav"); /* PROMPT_NAME_MAX characters: one too many */
    assert_false(prompts_name_is_fine(name));
    assert_true(prompts_name_is_fine(name + 1));
}

static void test_add(void **state)
{
    static int16_t pcm[8000];
    struct prompts *p;
    char name[32];
    assert_null(prompts_clip(NULL, PROMPT_PIN_ENTER));
    assert_int_equal(prompts_build(&p), 0);
    assert_int_equal(prompts_beeps(p), PROMPTS);
    assert_null(prompts_find(p, "pin-enter.wav")); /* a beep is nobody's announcement */
    for (unsigned i = 0; i < PROMPTS; i++) {
        const struct clip *beep = prompts_clip(p, (enum prompt)i);
        assert_non_null(beep);
        for (unsigned k = 0; k < i; k++) {
            assert_ptr_not_equal(beep, prompts_clip(p, (enum prompt)k));
        }
    }
    assert_int_equal(prompts_add(p, "pin-enter.wav", pcm, 8000, 8000), 0);
    assert_int_equal(prompts_add(p, "pin-enter.wav", pcm, 8000, 8000), -EEXIST);
    assert_int_equal(prompts_add(p, "../x.wav", pcm, 8000, 8000), -EINVAL);
    assert_int_equal(prompts_add(p, "x.wav", pcm, 0, 8000), -EINVAL);
    assert_int_equal(prompts_add(p, "x.wav", pcm, (size_t)PROMPT_SECONDS_MAX * 8000, 8000), -EFBIG);
    assert_int_equal(prompts_add(p, "x.wav", pcm, 8000, 100000000), -EINVAL);
    assert_int_equal(prompts_beeps(p), PROMPTS - 1);
    assert_ptr_equal(prompts_clip(p, PROMPT_PIN_ENTER), prompts_find(p, "pin-enter.wav"));
    for (unsigned i = 1; i < PROMPTS_MAX; i++) {
        snprintf(name, sizeof name, "%u.wav", i);
        assert_int_equal(prompts_add(p, name, pcm, 10, 8000), 0);
    }
    assert_int_equal(prompts_add(p, "x.wav", pcm, 10, 8000), -ENOSPC);
    prompts_free(p);
}

/* A tone keeps its length, its pitch and its level, whatever the rate of its file. */
static void test_rates(void **state)
{
    static const struct {
        uint32_t from_hz, to_hz;
    } cases[] = {{8000, 8000},   {16000, 16000}, {48000, 48000}, {11025, 16000},
                 {22050, 16000}, {44100, 48000}, {96000, 48000}, {24000, 16000}};
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        uint32_t from = cases[c].from_hz, to = cases[c].to_hz;
        struct prompts *p;
        int16_t *pcm = calloc(from, sizeof *pcm), *got = calloc(2 * to, sizeof *got);
        for (uint32_t i = 0; i < from; i++) {
            pcm[i] = (int16_t)lrint(10000 * sin(2 * M_PI * 1000 * i / from));
        }
        assert_int_equal(prompts_build(&p), 0);
        assert_int_equal(prompts_add(p, "tone.wav", pcm, from, from), 0);
        const struct clip *clip = prompts_find(p, "tone.wav");
        assert_int_equal(clip_rate_hz(clip), to);
        assert_int_equal(clip_samples(clip), to);
        struct clip_play play = {.clip = clip, .times = 1};
        assert_int_equal(clip_run(&play, got, 2 * to), to);
        double worst = 0;
        for (uint32_t i = to / 100; i < to - to / 100; i++) { /* its very ends ring */
            worst = MAX(worst, fabs(got[i] - 10000 * sin(2 * M_PI * 1000 * i / to)));
        }
        assert_true(worst < 100); /* 40 dB below the tone */
        prompts_free(p);
        free(pcm);
        free(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_add),
                                       cmocka_unit_test(test_rates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
