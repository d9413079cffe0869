/*
 * What a leg needs besides itself to be heard and to be sent to: a decoder, room for decoded audio, filters for other
 * rates, what concealment remembers; and an encoder. A leg brings its own, but for the bare legs of push-to-talk, of
 * which thousands are idle for each that speaks: these borrow a kit from their worker while they have the floor, and
 * their conference borrows an encoder a kind of listeners while it ticks. All kits are of one size, that of the largest
 * codec, and become memory when they are used first. Worker, hot but for the two at the top.
 */
#ifndef CORE_CONF_KIT_H
#define CORE_CONF_KIT_H

#include "core/base/mem.h"
#include "core/conf/leg_run.h"

struct kit {
    struct kit *next;
};

struct kits {
    struct kit *rx;
    struct encoder *encoders;
    uint32_t n_rx, n_encoders; /* free */
    struct worker_stats *stats;
};

/** Bytes of arena for so many legs that are heard and so many kinds of listeners. */
size_t kits_bytes(uint32_t n_rx, uint32_t n_encoders);
COLD void kits_build(struct kits *kits, struct arena *arena, uint32_t n_rx, uint32_t n_encoders,
                     struct worker_stats *stats);

/** Bytes of the parts that a leg of that codec and rate needs to be heard. With base not NULL, line-aligned, they are
 * set to lie there, zeroed by the caller. */
size_t leg_parts_place(struct leg *leg, const struct codec *codec, uint32_t rate_hz, uint8_t *base);

/** Has it what it needs to be heard? */
static inline bool leg_has_parts(const struct leg *leg)
{
    return leg->fifo != NULL;
}

/** A bare leg is about to be heard; a leg that is none has its own. @return false: no kit is left, counted */
bool kit_take(struct kits *kits, struct leg *leg);
/** It is heard no more. */
void kit_give(struct kits *kits, struct leg *leg);
static inline bool kits_are_left(const struct kits *kits, const struct leg *leg)
{
    return !leg->cfg.ptt.is_bare || kits->rx;
}

/** An encoder in the first state of that leg's. @return NULL: none is left, counted */
struct encoder *kit_encoder_take(struct kits *kits, const struct leg *leg);
void kit_encoder_give(struct kits *kits, struct encoder *encoder);

#endif
