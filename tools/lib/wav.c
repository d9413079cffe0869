/* Sound files by libsndfile. See wav.h. */
#include "tools/lib/wav.h"

#include "core/base/base.h"

#include <errno.h>
#include <sndfile.h>
#include <stdlib.h>

enum { CHANNELS_MAX = 8, BLOCK_FRAMES = 1024 };

/* A block at a time: libsndfile makes a system call of each read, however small. */
static int frames_read(SNDFILE *file, const SF_INFO *info, int16_t *pcm)
{
    short block[BLOCK_FRAMES * CHANNELS_MAX];
    sf_count_t n;
    for (sf_count_t at = 0; at < info->frames; at += n) {
        n = sf_readf_short(file, block, MIN(info->frames - at, (sf_count_t)BLOCK_FRAMES));
        if (n <= 0) {
            return -EBADMSG;
        }
        for (sf_count_t i = 0; i < n; i++) {
            int sum = 0;
            for (int c = 0; c < info->channels; c++) {
                sum += block[i * info->channels + c];
            }
            pcm[at + i] = (int16_t)(sum / info->channels);
        }
    }
    return 0;
}

int wav_read(const char *path, int16_t **pcm, size_t *n, uint32_t *rate_hz)
{
    SF_INFO info = {0};
    SNDFILE *file = sf_open(path, SFM_READ, &info);
    int err = -ENOENT;
    *pcm = NULL;
    if (!file) {
        return sf_error(NULL) == SF_ERR_SYSTEM ? -ENOENT : -EBADMSG;
    }
    err = -EBADMSG;
    if (info.channels < 1 || info.channels > CHANNELS_MAX || info.samplerate < 1 || info.frames < 1 ||
        info.frames / info.samplerate > WAV_SECONDS_MAX) {
        goto out;
    }
    err = -ENOMEM;
    *pcm = malloc((size_t)info.frames * sizeof **pcm);
    if (!*pcm) {
        goto out;
    }
    *n = (size_t)info.frames;
    *rate_hz = (uint32_t)info.samplerate;
    err = frames_read(file, &info, *pcm);
    if (err) {
        free(*pcm);
        *pcm = NULL;
    }
out:
    sf_close(file);
    return err;
}

int wav_write(const char *path, const int16_t *pcm, size_t n, uint32_t rate_hz)
{
    SF_INFO info = {.samplerate = (int)rate_hz, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    if (!file) {
        return -EIO;
    }
    sf_count_t written = sf_writef_short(file, pcm, (sf_count_t)n);
    int bad = sf_close(file);
    return written == (sf_count_t)n && !bad ? 0 : -EIO;
}
