/*
 * The order of a tick, spelt in tick.c and nowhere else: begin, pull (the caller's), frames, decode, mix, encode,
 * settle. The engine and the tests call these; what a stage does is in leg_frame.c, mix.c and encode.c. Worker, hot.
 */
#ifndef CORE_CONF_TICK_H
#define CORE_CONF_TICK_H

#include "core/conf/conf_run.h"

/** Begins a conference's tick, before anything is pulled for it. due_ns: when it was due; skipped: so many ticks before
 * it never ran. */
void tick_begin(struct conf *conf, uint64_t due_ns, unsigned skipped);

/**
 * Runs one tick of first and those behind it, up to end, which have begun and been pulled for. Those with codecs that
 * work on many channels at once go through it stage by stage, together, so that these get many. Any other one goes
 * through it alone, which keeps it in the first-level cache.
 */
void tick_run(struct conf *first, const struct conf *end, const struct mix_tools *tools);

/**
 * Runs a part of the tick of a conference that is too large for one pull: of n legs of its plan from first on, which
 * have been pulled for. They settle at once, so that the next part's packets find room; the last part mixes.
 */
void tick_part(struct conf *conf, uint32_t first, uint32_t n, const struct mix_tools *tools);

/** Begins and runs a tick of one conference alone: for tests, which have no engine. */
void tick_alone(struct conf *conf, const struct mix_tools *tools);

#endif
