/* The table of codecs, and each one's round trip: lengths, rates, refusals, state that can be copied. */
#include "core/base/mem.h"
#include "core/media/codec.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void found_by_name(void **state)
{
    assert_int_equal(codec_by_rtpmap("pcmu", 8000, 0)->id, CODEC_PCMU);
    assert_int_equal(codec_by_rtpmap("OPUS", 48000, 2)->id, CODEC_OPUS);
    assert_int_equal(codec_by_rtpmap("L16", 16000, 1)->id, CODEC_L16);
    assert_int_equal(codec_by_rtpmap("opus", 48000, 1)->id, CODEC_OPUS); /* its packets tell their channels */
    assert_null(codec_by_rtpmap("L16", 44100, 1));
    assert_null(codec_by_rtpmap("PCMU", 16000, 1));
    assert_null(codec_by_rtpmap("G729", 8000, 1));
    assert_int_equal(codec_by_pt(0)->id, CODEC_PCMU);
    assert_int_equal(codec_by_pt(8)->id, CODEC_PCMA);
    assert_int_equal(codec_by_pt(9)->id, CODEC_G722);
    assert_int_equal(codec_by_rtpmap("g722", 8000, 1)->id, CODEC_G722);
    assert_int_equal(codec_by_rtpmap("G722", 16000, 1)->id, CODEC_G722); /* by what it samples at: some phones */
    assert_null(codec_by_rtpmap("opus", 48000, 3));
    assert_null(codec_by_pt(96));
    assert_null(codec_by_pt(PT_NONE));
}

static void *state_make(size_t (*size)(void))
{
    return mem_get(size ? size() : 1);
}

static void tone(int16_t *pcm, size_t n, uint32_t rate_hz, size_t at)
{
    for (size_t i = 0; i < n; i++) {
        pcm[i] = (int16_t)lrint(6000 * sin(6.2831853 * 440 * (double)(at + i) / rate_hz));
    }
}

static double energy(const int16_t *pcm, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)pcm[i] * pcm[i];
    }
    return sum;
}

/* Every codec at every rate: a tone keeps its level within 1.5 dB, once it runs. C53. */
static void round_trip(void **state)
{
    static const uint32_t rates[] = {8000, 16000, 48000};
    static int16_t pcm[PACKET_SAMPLES_MAX] __attribute__((aligned(64))),
        back[PACKET_SAMPLES_MAX] __attribute__((aligned(64)));
    const struct simd *simd = simd_pick(SIMD_ALL);
    for (unsigned id = 0; id < CODECS; id++) {
        for (unsigned k = 0; k < 3; k++) {
            const struct codec *c = codec_get(id);
            struct codec_cfg cfg = {.rate_hz = rates[k], .complexity = 5};
            void *encoder = state_make(c->encoder_size), *decoder = state_make(c->decoder_size);
            bool fits = !c->pcm_rate_hz || c->pcm_rate_hz == rates[k];
            assert_int_equal(c->encoder_init(encoder, &cfg) == 0, fits);
            if (fits) {
                assert_int_equal(c->decoder_init(decoder, &cfg), 0);
                size_t n = rates[k] / 50;
                double in = 0, out = 0;
                for (unsigned i = 0; i < 50; i++) {
                    uint8_t payload[4000];
                    tone(pcm, n, rates[k], i * n);
                    int bytes = c->encode(encoder, simd, pcm, n, payload, sizeof payload);
                    assert_true(bytes > 0);
                    assert_int_equal(c->samples(&cfg, payload, (size_t)MIN(bytes, 1400)) > 0, 1);
                    if (bytes <= PACKET_BYTES_MAX - 12) {
                        assert_int_equal(c->decode(decoder, simd, payload, (size_t)bytes, back), n);
                        in += i >= 10 ? energy(pcm, n) : 0;
                        out += i >= 10 ? energy(back, n) : 0;
                    }
                }
                if (in > 0) {
                    assert_true(fabs(10 * log10(out / in)) < 1.5);
                }
            }
            mem_put(encoder);
            mem_put(decoder);
        }
    }
}

/* Any length, not only whole kernel blocks; reads nothing beyond the packet (ASan watches the heap copy). */
static void odd_lengths(void **state)
{
    static int16_t pcm[PACKET_SAMPLES_MAX] __attribute__((aligned(64)));
    const struct simd *simd = simd_pick(SIMD_ALL);
    for (unsigned id = CODEC_PCMU; id <= CODEC_L16; id++) {
        const struct codec *c = codec_get(id);
        struct codec_cfg cfg = {.rate_hz = c->pcm_rate_hz ? c->pcm_rate_hz : 16000};
        void *decoder = state_make(c->decoder_size);
        assert_int_equal(c->decoder_init(decoder, &cfg), 0);
        for (size_t bytes = 0; bytes < 400; bytes++) {
            uint8_t *payload = malloc(bytes ? bytes : 1);
            memset(payload, 0x55, bytes ? bytes : 1);
            bool good = bytes > 0 && (id != CODEC_L16 || bytes % 2 == 0);
            size_t samples = id == CODEC_L16 ? bytes / 2 : id == CODEC_G722 ? 2 * bytes : bytes;
            assert_int_equal(c->decode(decoder, simd, payload, bytes, pcm), good ? (int)samples : -EBADMSG);
            assert_int_equal(c->samples(&cfg, payload, bytes), good ? (int)samples : -EBADMSG);
            free(payload);
        }
        assert_int_equal(c->samples(&cfg, NULL, PACKET_BYTES_MAX), -EBADMSG);
        mem_put(decoder);
    }
}

/* Timestamps count bytes of G.722, not samples: 160 in 20 ms. */
static void g722_clock(void **state)
{
    const struct codec *c = codec_get(CODEC_G722);
    struct codec_cfg cfg = {.rate_hz = 16000};
    assert_int_equal(codec_clock_hz(c, &cfg), 8000);
    assert_int_equal(c->samples(&cfg, NULL, 160), 320);
}

/* The promise that encode groups stand on: a copied state goes on bit for bit. */
static void states_copy(void **state)
{
    static int16_t pcm[960] __attribute__((aligned(64)));
    const struct simd *simd = simd_pick(SIMD_ALL);
    struct codec_cfg cfg = {.rate_hz = 16000, .complexity = 5, .fec = true};
    for (unsigned id = 0; id < CODECS; id++) {
        const struct codec *c = codec_get(id);
        if (!c->has_state) {
            continue;
        }
        void *one = state_make(c->encoder_size), *two = state_make(c->encoder_size);
        uint8_t a[1500], b[1500];
        assert_int_equal(c->encoder_init(one, &cfg), 0);
        for (unsigned i = 0; i < 60; i++) {
            tone(pcm, 320, 16000, i * 320);
            int n_a = c->encode(one, simd, pcm, 320, a, sizeof a);
            if (i > 30) {
                int n_b = c->encode(two, simd, pcm, 320, b, sizeof b);
                assert_int_equal(n_a, n_b);
                assert_memory_equal(a, b, (size_t)n_a);
            }
            if (i == 30) {
                memcpy(two, one, c->encoder_size());
            }
        }
        mem_put(one);
        mem_put(two);
    }
}

/* What the packet says of voice. RFC 6716 3.1: configuration, stereo and count of frames; 4.2.3: the bits of SILK.
 * C54. */
static void opus_idle_bits(void **state)
{
    static const struct {
        uint8_t bytes[12];
        size_t n;
        bool idle;
    } cases[] = {
        {{9 << 3, 0x7f, 1, 2}, 4, true}, /* SILK, 20 ms: one bit */
        {{9 << 3, 0x80, 1, 2}, 4, false},
        {{8 << 3, 0x80, 1, 2}, 4, false}, /* 10 ms: one */
        {{10 << 3, 0x3f, 1, 2}, 4, true}, /* 40 ms: two */
        {{10 << 3, 0x40, 1, 2}, 4, false},
        {{11 << 3, 0x1f, 1, 2}, 4, true}, /* 60 ms: three */
        {{11 << 3, 0x20, 1, 2}, 4, false},
        {{9 << 3 | 4, 0x40, 1, 2}, 4, true}, /* stereo: the middle's LBRR between the two */
        {{9 << 3 | 4, 0x20, 1, 2}, 4, false},
        {{11 << 3 | 4, 0x10, 1, 2}, 4, true},
        {{11 << 3 | 4, 0x02, 1, 2}, 4, false},
        {{9 << 3 | 1, 0x00, 1, 0x80, 2}, 5, false}, /* two frames, the second active */
        {{9 << 3 | 1, 0x00, 1, 0x00, 2}, 5, true},
        {{15 << 3, 0x7f, 1, 2}, 4, true}, /* hybrid, 20 ms */
        {{15 << 3, 0x80, 1, 2}, 4, false},
        {{9 << 3}, 1, true},           /* DTX: nothing but the TOC */
        {{31 << 3, 0xff, 1}, 3, true}, /* CELT: by size */
        {{31 << 3, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 10, false},
    };
    const struct codec *c = codec_get(CODEC_OPUS);
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(c->is_idle(cases[i].bytes, cases[i].n), cases[i].idle);
    }
}

/* Its own encoder: a quiet room is idle, a voice that begins is not, at once; SILK alone and hybrid. */
static void opus_idle_encoded(void **state)
{
    static int16_t pcm[960] __attribute__((aligned(64)));
    const struct codec *c = codec_get(CODEC_OPUS);
    for (unsigned rate_hz = 16000; rate_hz <= 48000; rate_hz *= 3) {
        struct codec_cfg cfg = {.rate_hz = rate_hz, .complexity = 5, .fec = true};
        size_t n = rate_hz / 50;
        void *encoder = state_make(c->encoder_size);
        uint8_t payload[1500];
        assert_int_equal(c->encoder_init(encoder, &cfg), 0);
        uint32_t noise = 1;
        for (unsigned i = 0; i < 110; i++) {
            tone(pcm, n, rate_hz, i * (unsigned)n);
            for (unsigned k = 0; k < n; k++) {
                noise = noise * 1664525u + 1013904223u;
                pcm[k] = (int16_t)((i < 100 ? 0 : pcm[k]) + (int16_t)(noise >> 26) - 32);
            }
            int bytes = c->encode(encoder, simd_pick(SIMD_ALL), pcm, n, payload, sizeof payload);
            assert_true(bytes > 0);
            if (i >= 20 && i != 100) { /* the first frame of a voice may still be taken for noise */
                assert_int_equal(c->is_idle(payload, (size_t)bytes), i < 100);
            }
        }
        mem_put(encoder);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(found_by_name),    cmocka_unit_test(round_trip),
                                       cmocka_unit_test(odd_lengths),      cmocka_unit_test(g722_clock),
                                       cmocka_unit_test(states_copy),      cmocka_unit_test(opus_idle_bits),
                                       cmocka_unit_test(opus_idle_encoded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
