/*
 * Tones, and the ear that tells them apart: synthesis of a sine, and the level of one frequency in a stretch of PCM.
 * The stretch is heard in blocks of 100 ms, which hold whole periods of every multiple of 10 Hz, so such tones do not
 * leak into each other's measurement; and the middle one of the blocks' levels counts, so that a single late packet,
 * which would break the phase of a longer block, spoils but one of them. 0 dBFS is a sine that peaks at 32767.
 */
#ifndef TOOLS_UA_UA_TONE_H
#define TOOLS_UA_UA_TONE_H

#include "core/base/base.h"

#define TONE_SILENT_DB (-120.0)
#define TONE_STEP_HZ 10
#define TONE_BLOCKS_MAX 64

struct tone {
    double hz, dbfs;
    uint64_t at; /* samples made so far: the phase */
};

/** Writes n samples of the tone at that rate and moves on. hz 0: silence. */
void tone_make(struct tone *tone, uint32_t rate_hz, int16_t *pcm, size_t n);

/** Level of one frequency, a multiple of TONE_STEP_HZ, over at least 100 ms: dBFS, never below TONE_SILENT_DB. */
double tone_level(const int16_t *pcm, size_t n, uint32_t rate_hz, double hz);

/**
 * The strongest frequency that is in no list.
 *
 * @param known    [n_known] Hz; these and what is nearer than 30 Hz are passed over, since codecs smear
 * @param hz       out: where
 * @return         its level, dBFS
 * @cost           O(400 n): a scan from 50 Hz to 3800 Hz
 */
double tone_stranger(const int16_t *pcm, size_t n, uint32_t rate_hz, const double *known, size_t n_known, double *hz);

/** Reads "440" or "440:-20"; dbfs is left alone when not given. @return 0 | -EINVAL */
int tone_read(const char *text, double *hz, double *dbfs);

#endif
