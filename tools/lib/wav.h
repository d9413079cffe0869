/* Sound files: the only door to libsndfile. Whole files, 16 bit; control side, may block. */
#ifndef TOOLS_LIB_WAV_H
#define TOOLS_LIB_WAV_H

#include "core/base/base.h"

#define WAV_SECONDS_MAX 3600

/**
 * Reads a sound file; several channels become one by their mean.
 *
 * @owner  success: *pcm is the caller's, free(); failure: nothing
 * @return 0 | -ENOENT cannot be opened | -EBADMSG not a sound file, or longer than WAV_SECONDS_MAX | -ENOMEM
 */
int wav_read(const char *path, int16_t **pcm, size_t *n, uint32_t *rate_hz);

/** Writes a mono WAV. @return 0 | -EIO */
int wav_write(const char *path, const int16_t *pcm, size_t n, uint32_t rate_hz);

#endif
