/*
 * Prototypes of every kernel of every ISA, for the files that define them and for the table in simd.c. The list is
 * written once, as a macro, so that a kernel cannot be forgotten for one ISA. Private to simd/, its tests and its
 * bench: everybody else is handed a struct simd.
 */
#ifndef SIMD_KERNELS_H
#define SIMD_KERNELS_H

#include "simd/simd.h"

#define SIMD_DECLARE(isa)                                                                                              \
    void mix_n1_##isa(int16_t *const *rows, size_t n_rows, size_t n_own, size_t n, int16_t *bus);                      \
    void mix_sum_split_##isa(const int16_t *const *rows, size_t n_rows, size_t n, int16_t *s1, int16_t *s2);           \
    void limit_soft_##isa(const int16_t *s1, const int16_t *s2, const int16_t *own, int16_t *out, size_t n);           \
    void ulaw_decode_##isa(const uint8_t *in, int16_t *out, size_t n);                                                 \
    void alaw_decode_##isa(const uint8_t *in, int16_t *out, size_t n);                                                 \
    void ulaw_encode_##isa(const int16_t *in, uint8_t *out, size_t n);                                                 \
    void alaw_encode_##isa(const int16_t *in, uint8_t *out, size_t n);                                                 \
    int level_##isa(const int16_t *in, size_t n, uint64_t *sum_squares);                                               \
    void gain_ramp_##isa(int16_t *pcm, size_t n, int32_t g0_q31, int32_t dg_q31);                                      \
    void fir_up_##isa(const struct fir_bank *bank, struct fir_state *state, const int16_t *in, int16_t *out,           \
                      size_t n_low);                                                                                   \
    void fir_down_##isa(const struct fir_bank *bank, struct fir_state *state, const int16_t *in, int16_t *out,         \
                        size_t n_low);                                                                                 \
    void g722_encode_##isa(struct g722_state *const *states, const int16_t *const *pcm, uint8_t *const *out,           \
                           size_t n_channels, size_t n);                                                               \
    void g722_decode_##isa(struct g722_state *const *states, const uint8_t *const *in, int16_t *const *out,            \
                           size_t n_channels, size_t n_bytes);

SIMD_DECLARE(ref)
SIMD_DECLARE(avx2)
SIMD_DECLARE(avx512)
SIMD_DECLARE(neon)

#endif
