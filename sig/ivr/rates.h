/* Sound at another sampling rate, as a whole and at leisure: what stands still and is read once. libsamplerate's only
 * door; in the media path rates are simd/'s business. */
#ifndef SIG_IVR_RATES_H
#define SIG_IVR_RATES_H

#include "core/base/base.h"

/**
 * @param from   [n_from] from_hz
 * @param to     out: [n_to] to_hz, of the same length in time; free() it. 0 samples: NULL
 * @return       0 | -EINVAL rates more than 256-fold apart | -ENOMEM
 * @thread       any; takes heap and time
 */
int rates_convert(const int16_t *from, size_t n_from, uint32_t from_hz, int16_t **to, size_t *n_to, uint32_t to_hz);

#endif
