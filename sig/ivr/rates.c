/* Sampling rates. See rates.h. */
#include "sig/ivr/rates.h"

#include <errno.h>
#include <limits.h>
#include <samplerate.h>
#include <stdlib.h>

int rates_convert(const int16_t *from, size_t n_from, uint32_t from_hz, int16_t **to, size_t *n_to, uint32_t to_hz)
{
    size_t n = (size_t)((uint64_t)n_from * to_hz / from_hz);
    *to = NULL;
    *n_to = 0;
    if (n_from > INT_MAX || n > INT_MAX) {
        return -ENOMEM;
    }
    if (n == 0) {
        return 0;
    }
    float *in = malloc(n_from * sizeof *in), *out = calloc(n, sizeof *out); /* what the filter holds back is silence */
    int16_t *pcm = malloc(n * sizeof *pcm);
    int err = -ENOMEM;
    if (in && out && pcm) {
        SRC_DATA work = {.data_in = in,
                         .input_frames = (long)n_from,
                         .data_out = out,
                         .output_frames = (long)n,
                         .src_ratio = (double)to_hz / from_hz};
        src_short_to_float_array(from, in, (int)n_from);
        err = src_simple(&work, SRC_SINC_FASTEST, 1) == 0 ? 0 : -EINVAL;
        src_float_to_short_array(out, pcm, (int)n);
    }
    free(in);
    free(out);
    if (err) {
        free(pcm);
        return err;
    }
    *to = pcm;
    *n_to = n;
    return 0;
}
