/* Sound files by libsndfile. See wav.h. */
#include "tools/wav.h"

#include <errno.h>
#include <sndfile.h>
#include <stdlib.h>

enum { CHANNELS_MAX = 8 };

static int frames_read(SNDFILE *file, const SF_INFO *info, int16_t *pcm)
{
    short frame[CHANNELS_MAX];
    for (sf_count_t i = 0; i < info->frames; i++) {
        if (sf_readf_short(file, frame, 1) != 1) {
            return -EBADMSG;
        }
        int sum = 0;
        for (int c = 0; c < info->channels; c++) {
            sum += frame[c];
        }
        pcm[i] = (int16_t)(sum / info->channels);
    }
    return 0;
}

int wav_read(const char *path, int16_t **pcm, size_t *n, uint32_t *rate_hz)
{
    SF_INFO info = { 0 };
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
    SF_INFO info = { .samplerate = (int)rate_hz, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16 };
    SNDFILE *file = sf_open(path, SFM_WRITE, &info);
    if (!file) {
        return -EIO;
    }
    sf_count_t written = sf_writef_short(file, pcm, (sf_count_t)n);
    int bad = sf_close(file);
    return written == (sf_count_t)n && !bad ? 0 : -EIO;
}
