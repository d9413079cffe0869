/* See late.h. */
#include "sig/place/late.h"

#include "core/ctl.h"

enum { LATE_PERCENT = 1 /* of the ticks: fewer nobody hears */ };

static void worker_look(struct late_worker *w, unsigned i, const struct worker_stats *stats, const struct log *log,
                        uint64_t now_ms)
{
    uint64_t ticks = count_get(&stats->ticks) - w->ticks, late = count_get(&stats->ticks_late) - w->late;
    uint64_t skipped = count_get(&stats->ticks_skipped) - w->skipped;
    w->ticks += ticks;
    w->late += late;
    w->skipped += skipped;
    bool is_bad = skipped > 0 || late * 100 > ticks * LATE_PERCENT;
    if (!is_bad || (w->has_said && now_ms - w->said_ms < LATE_SAY_MS)) {
        return;
    }
    w->has_said = true;
    w->said_ms = now_ms;
    log_line(
        log, LOG_WARN,
        "worker %u: of %llu ticks in %u s %llu began over 5 ms late, and %llu were skipped: callers hear gaps; give "
        "it a CPU of its own (--worker-cpus), or fewer calls (--worker-cpu-budget)",
        i, (unsigned long long)(ticks + skipped), LATE_LOOK_MS / 1000, (unsigned long long)late,
        (unsigned long long)skipped);
}

void late_look(struct late *late, const struct place *place, const struct log *log, uint64_t now_ms)
{
    if (now_ms - late->looked_ms < LATE_LOOK_MS) {
        return;
    }
    late->looked_ms = now_ms;
    for (unsigned i = 0; i < place_n_workers(place); i++) {
        const struct worker_stats *stats = place_worker(place, (int)i)->stats;
        if (stats) {
            worker_look(&late->workers[i], i, stats, log, now_ms);
        }
    }
}
