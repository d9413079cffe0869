/* What happens, as lines: the last ones are printed when an oracle sees something wrong, all of them with --trace. */
#include "tests/sim/house/house.h"

#include <stdarg.h>
#include <string.h>

enum { VIOLATIONS_SHOWN = 6 };

static void event_print(const struct house *h, uint64_t i)
{
    printf("  %10.4f  %s\n", (double)h->event_ns[i % EVENTS_KEPT] / 1e9, h->events[i % EVENTS_KEPT]);
}

void house_say(struct house *h, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(h->events[h->n_events % EVENTS_KEPT], EVENT_BYTES, format, args);
    va_end(args);
    h->event_ns[h->n_events % EVENTS_KEPT] = h->now_ns;
    if (h->options->trace) {
        event_print(h, h->n_events);
    }
    h->n_events++;
}

void house_events_print(const struct house *h)
{
    printf("the last of %lu events:\n", (unsigned long)h->n_events);
    for (uint64_t i = h->n_events > EVENTS_KEPT ? h->n_events - EVENTS_KEPT : 0; i < h->n_events; i++) {
        event_print(h, i);
    }
}

void house_last_words(const struct house *h, const char *what)
{
    printf("seed %lu, %.4f s: %s\n", (unsigned long)h->options->seed, (double)h->now_ns / 1e9, what);
    house_events_print(h);
    fflush(stdout);
}

void violated(struct house *h, const char *format, ...)
{
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (h->n_violations == 0) {
        hooks_found(what);
        if (h->options->trace) {
            printf("seed %lu, %.4f s: %s\n", (unsigned long)h->options->seed, (double)h->now_ns / 1e9, what);
        } else {
            house_last_words(h, what);
        }
    } else if (h->n_violations < VIOLATIONS_SHOWN) {
        printf("seed %lu, %.4f s: %s\n", (unsigned long)h->options->seed, (double)h->now_ns / 1e9, what);
    }
    h->n_violations++;
    fflush(stdout);
}

void digest_add(struct house *h, const void *p, size_t n)
{
    const uint8_t *bytes = p;
    for (size_t i = 0; i < n; i++) {
        h->digest = (h->digest ^ bytes[i]) * 0x100000001B3ull; /* FNV-1a */
    }
}
