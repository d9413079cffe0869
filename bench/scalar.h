/*
 * The scalar side of the ratios: simd/ref compiled once more, -O2 without the vectoriser, which is what a plain mixing
 * loop in a server compiles to; and G.711 by tables, since that is what everybody uses for it.
 */
#ifndef BENCH_SCALAR_H
#define BENCH_SCALAR_H

#include "simd/kernels.h"

SIMD_DECLARE(scalar)

/** The row of baselines. Makes its G.711 tables on the first call; not thread-safe. */
const struct simd *scalar_row(void);

#endif
