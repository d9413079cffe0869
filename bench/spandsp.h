/* G.722 by spandsp, for comparison. Only there if the library is (BENCH_SPANDSP). */
#ifndef BENCH_SPANDSP_H
#define BENCH_SPANDSP_H

#include "simd/simd.h"

/** Like our kernels, but for the states: spandsp has its own, one per channel. At most 32 channels; not thread-safe. */
void g722_encode_spandsp(struct g722_state *const *states, const int16_t *const *pcm, uint8_t *const *out,
                         size_t n_channels, size_t n);
void g722_decode_spandsp(struct g722_state *const *states, const uint8_t *const *in, int16_t *const *out,
                         size_t n_channels, size_t n_bytes);

#endif
