#include "sig/base/timer.h"

#include <string.h>

/*
 * Level 0 holds what is due within 256 ms, one slot a millisecond; level n what is due within 256^(n+1) ms, one slot
 * for 256^n ms. When the time comes to the start of a slot of a higher level, its timers are put anew and fall lower.
 */

#define SLOT_BITS 8
static_assert(1 << SLOT_BITS == TIMER_SLOTS, "one octet of the time per level");

static unsigned slot_at(uint64_t ms, unsigned level)
{
    return (unsigned)(ms >> (SLOT_BITS * level)) & (TIMER_SLOTS - 1);
}

static void wheel_link(struct timer_wheel *wheel, struct timer *timer)
{
    uint64_t ahead_ms = timer->due_ms - wheel->now_ms;
    unsigned level = 0;
    while (level + 1 < TIMER_LEVELS && ahead_ms >> (SLOT_BITS * (level + 1)) != 0) {
        level++;
    }
    unsigned slot = slot_at(timer->due_ms, level);
    struct timer **head = &wheel->slots[level][slot];
    timer->next = *head;
    timer->link = head;
    if (timer->next != NULL) {
        timer->next->link = &timer->next;
    }
    *head = timer;
    wheel->busy[level][slot / 64] |= 1ull << slot % 64;
}

static void wheel_unlink(struct timer_wheel *wheel, struct timer *timer)
{
    *timer->link = timer->next;
    if (timer->next != NULL) {
        timer->next->link = timer->link;
    } else if (timer->link >= &wheel->slots[0][0] && timer->link <= &wheel->slots[TIMER_LEVELS - 1][TIMER_SLOTS - 1]) {
        size_t at = (size_t)(timer->link - &wheel->slots[0][0]); /* the last of its slot */
        wheel->busy[at / TIMER_SLOTS][at % TIMER_SLOTS / 64] &= ~(1ull << at % 64);
    }
    timer->link = NULL;
    timer->next = NULL;
}

/* Takes all timers of a slot; they stay a proper list, so that a callback may stop any of them. */
static void slot_take(struct timer_wheel *wheel, unsigned level, unsigned slot)
{
    wheel->firing = wheel->slots[level][slot];
    wheel->slots[level][slot] = NULL;
    wheel->busy[level][slot / 64] &= ~(1ull << slot % 64);
    if (wheel->firing != NULL) {
        wheel->firing->link = &wheel->firing;
    }
}

void timer_wheel_init(struct timer_wheel *wheel, uint64_t now_ns)
{
    memset(wheel, 0, sizeof *wheel);
    wheel->now_ms = now_ns / NS_PER_MS;
}

void timer_start(struct timer_wheel *wheel, struct timer *timer, uint64_t delay_ms)
{
    timer_stop(wheel, timer);
    timer->due_ms = wheel->now_ms + CLAMP(delay_ms, 1, UINT32_MAX - 1);
    wheel_link(wheel, timer);
    wheel->n_running++;
}

void timer_stop(struct timer_wheel *wheel, struct timer *timer)
{
    if (timer->link != NULL) {
        wheel_unlink(wheel, timer);
        wheel->n_running--;
    }
}

static bool list_has(const struct timer *timer, const char *from, size_t n_bytes)
{
    while (timer != NULL && ((const char *)timer < from || (const char *)timer >= from + n_bytes)) {
        timer = timer->next;
    }
    return timer != NULL;
}

bool timer_wheel_has(const struct timer_wheel *wheel, const void *memory, size_t n_bytes)
{
    bool has = list_has(wheel->firing, memory, n_bytes);
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        for (unsigned slot = 0; slot < TIMER_SLOTS; slot++) {
            has |= list_has(wheel->slots[level][slot], memory, n_bytes);
        }
    }
    return has;
}

/* First busy slot of a level behind the given one, TIMER_SLOTS if none; *wrapped: there are busy ones at or before it.
 */
static unsigned slot_after(const struct timer_wheel *wheel, unsigned level, unsigned slot, bool *wrapped)
{
    unsigned found = TIMER_SLOTS;
    *wrapped = false;
    for (unsigned word = 0; word < TIMER_SLOTS / 64; word++) {
        uint64_t bits = wheel->busy[level][word];
        uint64_t before = word < slot / 64 ? ~0ull : word > slot / 64 ? 0 : ~0ull >> (63 - slot % 64);
        *wrapped |= (bits & before) != 0;
        bits &= ~before;
        if (bits != 0 && found == TIMER_SLOTS) {
            found = word * 64 + (unsigned)__builtin_ctzll(bits);
        }
    }
    return found;
}

/* The next millisecond at which something has to be fired or moved. */
static uint64_t wheel_next_ms(const struct timer_wheel *wheel)
{
    if (wheel->n_running == 0) {
        return UINT64_MAX;
    }
    for (unsigned level = 0; level < TIMER_LEVELS; level++) {
        unsigned shift = SLOT_BITS * level;
        bool wrapped;
        unsigned slot = slot_after(wheel, level, slot_at(wheel->now_ms, level), &wrapped);
        if (slot < TIMER_SLOTS) {
            return ((wheel->now_ms >> shift & ~(uint64_t)(TIMER_SLOTS - 1)) | slot) << shift;
        }
        if (wrapped) {
            return ((wheel->now_ms >> (shift + SLOT_BITS)) + 1) << (shift + SLOT_BITS);
        }
    }
    return wheel->now_ms + 1; /* in the slots being emptied right now */
}

unsigned timer_run(struct timer_wheel *wheel, uint64_t now_ns)
{
    uint64_t target_ms = now_ns / NS_PER_MS;
    unsigned n_fired = 0;
    struct timer *timer;
    while (wheel->now_ms < target_ms) {
        uint64_t next_ms = wheel_next_ms(wheel);
        if (next_ms > target_ms) {
            wheel->now_ms = target_ms;
            break;
        }
        wheel->now_ms = next_ms;
        for (unsigned level = TIMER_LEVELS - 1; level > 0; level--) {
            if ((next_ms & ((1ull << (SLOT_BITS * level)) - 1)) != 0) {
                continue;
            }
            slot_take(wheel, level, slot_at(next_ms, level));
            while ((timer = wheel->firing) != NULL) {
                wheel_unlink(wheel, timer);
                wheel_link(wheel, timer);
            }
        }
        slot_take(wheel, 0, slot_at(next_ms, 0));
        while ((timer = wheel->firing) != NULL) {
            wheel_unlink(wheel, timer);
            wheel->n_running--;
            n_fired++;
            timer->fn(timer, now_ns);
        }
    }
    return n_fired;
}

uint64_t timer_next_ns(const struct timer_wheel *wheel)
{
    uint64_t next_ms = wheel_next_ms(wheel);
    return next_ms == UINT64_MAX ? UINT64_MAX : next_ms * NS_PER_MS;
}
