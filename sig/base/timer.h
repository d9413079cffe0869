/*
 * Timers of the signalling thread: a hierarchical wheel of milliseconds. A timer is embedded in what it belongs to;
 * start and stop are O(1); the wheel reads no clock, it is told the time. One thread.
 *
 * A timer never fires before its time, and fires in the first timer_run whose now is at or past it. Timers that are due
 * in the same millisecond fire in no promised order; those of an earlier one fire first.
 */
#ifndef SIG_BASE_TIMER_H
#define SIG_BASE_TIMER_H

#include "core/base/base.h"

struct timer;

/** Called when the timer is due, with the time given to timer_run. The timer is stopped by then: it may be started
 * again, and what it is embedded in may be freed. */
typedef void (*timer_fn)(struct timer *timer, uint64_t now_ns);

struct timer {
    struct timer *next;
    struct timer **link; /* what points at this one; NULL: not running */
    uint64_t due_ms;
    timer_fn fn;
};

#define TIMER_SLOTS 256
#define TIMER_LEVELS 4 /* 2^32 ms = 49 days; longer times are cut to that */

struct timer_wheel {
    uint64_t now_ms; /* all timers due at or before it have fired */
    uint32_t n_running;
    uint64_t busy[TIMER_LEVELS][TIMER_SLOTS / 64]; /* which slots hold timers */
    struct timer *slots[TIMER_LEVELS][TIMER_SLOTS];
    struct timer *firing; /* taken out of their slot, and not yet fired or put anew */
};

/** Gets from the embedded timer to what it is embedded in. */
#define TIMER_OWNER(timer, type, member) ((type *)(void *)((char *)(timer)-offsetof(type, member)))

/** An empty wheel that stands at now_ns. */
void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns);

/** A timer that is not running. Zeroed memory with fn set is as good. */
static inline void timer_init(struct timer *timer, timer_fn fn)
{
    *timer = (struct timer){.fn = fn};
}

/** Starts it, or starts it anew: fires delay_ms after the time of the wheel (that of the last timer_run), rounded up to
 * a millisecond. 0 fires in the next run that sees a later millisecond. */
void timer_start(struct timer_wheel *wheel, struct timer *timer, uint64_t delay_ms);

/** Stops it; nothing happens if it is not running. */
void timer_stop(struct timer_wheel *wheel, struct timer *timer);

static inline bool timer_is_running(const struct timer *timer)
{
    return timer->link != NULL;
}

/** How many run. What has ended has none in it: a test that is over looks here. */
static inline uint32_t timer_wheel_count(const struct timer_wheel *wheel)
{
    return wheel->n_running;
}

/** Does a timer run that lies in this memory, which is about to be freed? Looks at all of them: for tests. */
bool timer_wheel_has(const struct timer_wheel *wheel, const void *memory, size_t n_bytes);

/** Fires all that is due at now_ns. @return how many fired */
unsigned timer_run(struct timer_wheel *wheel, uint64_t now_ns);

/** When to run next: never later than the first timer, perhaps earlier (a turn of the wheel). UINT64_MAX: no timer. */
uint64_t timer_next_ns(const struct timer_wheel *wheel);

#endif
