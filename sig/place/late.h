/*
 * Logs workers that do not keep their pace: once a minute while it lasts. The figures are the workers' own.
 * Signalling thread only.
 */
#ifndef SIG_PLACE_LATE_H
#define SIG_PLACE_LATE_H

#include "sig/base/log.h"
#include "sig/place/place.h"

#define LATE_LOOK_MS 10000
#define LATE_SAY_MS 60000

/* Zero: nothing seen yet. */
struct late {
    uint64_t looked_ms;
    struct late_worker {
        uint64_t ticks, late, skipped; /* as of the last look */
        uint64_t said_ms;
        bool has_said;
    } workers[PLACE_WORKERS_MAX];
};

/** Looks, if it is time to. To be called every second or so. */
void late_look(struct late *late, const struct place *place, const struct log *log, uint64_t now_ms);

#endif
