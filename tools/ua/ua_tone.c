/* Tones. See ua_tone.h. */
#include "tools/ua/ua_tone.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define SCAN_FROM_HZ 50
#define SCAN_TO_HZ 3800
#define KNOWN_WITHIN_HZ 30.0

void tone_make(struct tone *tone, uint32_t rate_hz, int16_t *pcm, size_t n)
{
    double peak = tone->hz > 0 ? 32767.0 * pow(10, tone->dbfs / 20) : 0;
    for (size_t i = 0; i < n; i++) {
        /* The phase is taken within one second, which every whole frequency divides: no error grows with time. */
        double turns = (double)((tone->at + i) % rate_hz) * tone->hz / rate_hz;
        pcm[i] = (int16_t)lrint(peak * sin(2 * M_PI * turns));
    }
    tone->at += n;
}

static double block_level(const int16_t *pcm, size_t n, uint32_t rate_hz, double hz)
{
    double step = 2 * cos(2 * M_PI * hz / rate_hz), s1 = 0, s2 = 0; /* Goertzel */
    for (size_t i = 0; i < n; i++) {
        double s0 = pcm[i] + step * s1 - s2;
        s2 = s1;
        s1 = s0;
    }
    double power = s1 * s1 + s2 * s2 - step * s1 * s2;
    double peak = n && power > 0 ? 2 * sqrt(power) / (double)n : 0;
    return peak > 0.0 ? MAX(20 * log10(peak / 32767), TONE_SILENT_DB) : TONE_SILENT_DB;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double tone_level(const int16_t *pcm, size_t n, uint32_t rate_hz, double hz)
{
    double levels[TONE_BLOCKS_MAX];
    size_t block = rate_hz / TONE_STEP_HZ, n_blocks = MIN(n / block, (size_t)TONE_BLOCKS_MAX);
    for (size_t i = 0; i < n_blocks; i++) {
        levels[i] = block_level(pcm + i * block, block, rate_hz, hz);
    }
    qsort(levels, n_blocks, sizeof *levels, compare_doubles);
    return n_blocks ? levels[n_blocks / 2] : TONE_SILENT_DB;
}

double tone_stranger(const int16_t *pcm, size_t n, uint32_t rate_hz, const double *known, size_t n_known, double *hz)
{
    double worst_db = TONE_SILENT_DB;
    *hz = 0;
    for (int f = SCAN_FROM_HZ; f <= SCAN_TO_HZ && (uint32_t)f * 2 < rate_hz; f += TONE_STEP_HZ) {
        bool is_known = false;
        for (size_t k = 0; k < n_known; k++) {
            is_known |= fabs(known[k] - f) < KNOWN_WITHIN_HZ;
        }
        double db = is_known ? TONE_SILENT_DB : tone_level(pcm, n, rate_hz, f);
        if (db > worst_db) {
            worst_db = db;
            *hz = f;
        }
    }
    return worst_db;
}

int tone_read(const char *text, double *hz, double *dbfs)
{
    char *end;
    double f = strtod(text, &end), db = *dbfs;
    if (end == text || f < 1 || f > 20000) {
        return -EINVAL;
    }
    if (*end == ':') {
        text = end + 1;
        db = strtod(text, &end);
        if (end == text || db > 0 || db < -90) {
            return -EINVAL;
        }
    }
    if (*end) {
        return -EINVAL;
    }
    *hz = f;
    *dbfs = db;
    return 0;
}
