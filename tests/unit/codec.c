/* The table of codecs, and each one's round trip: lengths, rates, refusals, state that can be copied. */
#include "core/media/codec.h"
#include "core/base/mem.h"
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
    assert_null(codec_by_rtpmap("opus", 48000, 1)); /* RFC 7587 7: always /2 */
    assert_null(codec_by_rtpmap("L16", 44100, 1));
    assert_null(codec_by_rtpmap("PCMU", 16000, 1));
    assert_null(codec_by_rtpmap("G729", 8000, 1));
    assert_int_equal(codec_by_pt(0)->id, CODEC_PCMU);
    assert_int_equal(codec_by_pt(8)->id, CODEC_PCMA);
    assert_int_equal(codec_by_pt(9)->id, CODEC_G722);
    assert_int_equal(codec_by_rtpmap("g722", 8000, 1)->id, CODEC_G722);
    assert_null(codec_by_rtpmap("G722", 16000, 1)); /* RFC 3551 4.5.2: 8000, though it is sampled at 16000 */
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

/* Every codec at every rate: a tone keeps its level within 1.5 dB, once it runs. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(found_by_name), cmocka_unit_test(round_trip),
                                       cmocka_unit_test(odd_lengths), cmocka_unit_test(g722_clock),
                                       cmocka_unit_test(states_copy)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
