/*
 * G.711 on AVX2, 32 samples at a time.
 *
 * Expanding: a code is sign * ((2*step + 33) * 2^segment - 33). Both factors come from 16-entry byte tables (pshufb),
 * and pmaddubsw over the byte pairs (2^segment, 33) and +-(2*step + 33, -1) computes the whole formula at once.
 *
 * Compressing: a float's exponent and top four mantissa bits are, after a subtraction, the segment and step of G.711.
 * So the magnitude is converted to float and the bits are shifted down.
 */
#include "simd/kernels.h"
#include <immintrin.h>

static inline __m256i load(const void *p)
{
    return _mm256_loadu_si256((const __m256i *)p);
}

static inline void store(void *p, __m256i v)
{
    _mm256_storeu_si256((__m256i *)p, v);
}

static inline __m256i table16(__m128i table, __m256i index)
{
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), index);
}

/* unpacklo/hi work within 128-bit lanes: crossing the middle quarters first makes their results come out in order. */
static inline __m256i before_unpack(__m256i v)
{
    return _mm256_permute4x64_epi64(v, _MM_SHUFFLE(3, 1, 2, 0));
}

static inline __m256i after_pack(__m256i v)
{
    return _mm256_permute4x64_epi64(v, _MM_SHUFFLE(3, 1, 2, 0));
}

/*
 * For psignb: negative where the top bit is set, never zero. A set top bit means a positive sample, so the tables below
 * hold negative values.
 */
static inline __m256i sign_by_top_bit(__m256i code)
{
    return _mm256_or_si256(code, _mm256_set1_epi8(1));
}

static inline __m256i low_nibble(__m256i code)
{
    return _mm256_and_si256(code, _mm256_set1_epi8(15));
}

static inline __m256i high_nibble(__m256i code)
{
    return _mm256_and_si256(_mm256_srli_epi16(code, 4), _mm256_set1_epi8(15));
}

void ulaw_decode_avx2(const uint8_t *in, int16_t *out, size_t n)
{
    /* Codes are inverted, so both tables run downwards: -(2*step + 33), and 2^segment (128 as unsigned). */
    const __m128i mantissas =
        _mm_setr_epi8(-63, -61, -59, -57, -55, -53, -51, -49, -47, -45, -43, -41, -39, -37, -35, -33);
    const __m128i powers = _mm_setr_epi8(-128, 64, 32, 16, 8, 4, 2, 1, -128, 64, 32, 16, 8, 4, 2, 1);
    const __m256i bias = _mm256_set1_epi8(33), one = _mm256_set1_epi8(1);
    for (size_t i = 0; i < n; i += 32) {
        __m256i code = before_unpack(load(in + i));
        __m256i sign = sign_by_top_bit(code);
        __m256i mantissa = _mm256_sign_epi8(table16(mantissas, low_nibble(code)), sign);
        __m256i unbias = _mm256_sign_epi8(one, sign);
        __m256i power = table16(powers, high_nibble(code));
        __m256i low = _mm256_maddubs_epi16(_mm256_unpacklo_epi8(power, bias), _mm256_unpacklo_epi8(mantissa, unbias));
        __m256i high = _mm256_maddubs_epi16(_mm256_unpackhi_epi8(power, bias), _mm256_unpackhi_epi8(mantissa, unbias));
        store(out + i, _mm256_slli_epi16(low, 2));
        store(out + i + 16, _mm256_slli_epi16(high, 2));
    }
}

void alaw_decode_avx2(const uint8_t *in, int16_t *out, size_t n)
{
    /*
     * (2*step + 1) * power + 32 * offset; segment 0 has no offset, and segments 0 and 1 share the power. The even bits
     * of a code are inverted: entry i of each table belongs to step or segment i ^ 5.
     */
    const __m128i mantissas = _mm_setr_epi8(-11, -9, -15, -13, -3, -1, -7, -5, -27, -25, -31, -29, -19, -17, -23, -21);
    const __m128i powers = _mm_setr_epi8(16, 8, 64, 32, 1, 1, 4, 2, 16, 8, 64, 32, 1, 1, 4, 2);
    const __m128i offsets = _mm_setr_epi8(16, 8, 64, 32, 1, 0, 4, 2, 16, 8, 64, 32, 1, 0, 4, 2);
    const __m256i lead = _mm256_set1_epi8(-32);
    for (size_t i = 0; i < n; i += 32) {
        __m256i code = before_unpack(load(in + i));
        __m256i sign = sign_by_top_bit(code), segment = high_nibble(code);
        __m256i mantissa = _mm256_sign_epi8(table16(mantissas, low_nibble(code)), sign);
        __m256i leading = _mm256_sign_epi8(lead, sign);
        __m256i power = table16(powers, segment), offset = table16(offsets, segment);
        __m256i low =
            _mm256_maddubs_epi16(_mm256_unpacklo_epi8(power, offset), _mm256_unpacklo_epi8(mantissa, leading));
        __m256i high =
            _mm256_maddubs_epi16(_mm256_unpackhi_epi8(power, offset), _mm256_unpackhi_epi8(mantissa, leading));
        store(out + i, _mm256_slli_epi16(low, 3));
        store(out + i + 16, _mm256_slli_epi16(high, 3));
    }
}

/* One's complement magnitude: x or ~x, whichever is not negative. */
static inline __m256i magnitude16(__m256i x)
{
    return _mm256_xor_si256(x, _mm256_srai_epi16(x, 15));
}

/* Exponent and four mantissa bits of 16 magnitudes: exponent*16 + mantissa, with the float bias of 127. */
static inline __m256i float_code(__m256i magnitude)
{
    const __m256i zero = _mm256_setzero_si256();
    __m256 low = _mm256_cvtepi32_ps(_mm256_unpacklo_epi16(magnitude, zero));
    __m256 high = _mm256_cvtepi32_ps(_mm256_unpackhi_epi16(magnitude, zero));
    return _mm256_packs_epi32(_mm256_srli_epi32(_mm256_castps_si256(low), 19),
                              _mm256_srli_epi32(_mm256_castps_si256(high), 19));
}

/* Two vectors of 7-bit codes to bytes, with bit 7 flipped where the sample is negative. */
static inline __m256i pack_codes(__m256i a, __m256i b, __m256i x, __m256i y)
{
    __m256i negative = _mm256_and_si256(_mm256_packs_epi16(x, y), _mm256_set1_epi8(-128));
    return after_pack(_mm256_xor_si256(_mm256_packus_epi16(a, b), negative));
}

/* 0xff - code; 132 is the bias of 33 at 16 bits, whose highest bit (2^7) is segment 0; saturation is the clip. */
static inline __m256i ulaw_code16(__m256i x)
{
    const __m256i inverted_zero = _mm256_set1_epi16(((127 + 7) << 4) + 0xff);
    __m256i biased = _mm256_adds_epi16(magnitude16(x), _mm256_set1_epi16(132));
    return _mm256_sub_epi16(inverted_zero, float_code(biased));
}

/* Segments 0 and 1 are linear, magnitude/16; above them the float code is the larger. */
static inline __m256i alaw_code16(__m256i x)
{
    const __m256i zero_code = _mm256_set1_epi16((127 + 7) << 4);
    __m256i magnitude = magnitude16(x);
    __m256i linear = _mm256_min_epi16(_mm256_srli_epi16(magnitude, 4), _mm256_set1_epi16(31));
    __m256i code = _mm256_max_epi16(_mm256_sub_epi16(float_code(magnitude), zero_code), linear);
    return _mm256_xor_si256(code, _mm256_set1_epi16(0xd5));
}

void ulaw_encode_avx2(const int16_t *in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += 32) {
        __m256i x = load(in + i), y = load(in + i + 16);
        store(out + i, pack_codes(ulaw_code16(x), ulaw_code16(y), x, y));
    }
}

void alaw_encode_avx2(const int16_t *in, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i += 32) {
        __m256i x = load(in + i), y = load(in + i + 16);
        store(out + i, pack_codes(alaw_code16(x), alaw_code16(y), x, y));
    }
}
