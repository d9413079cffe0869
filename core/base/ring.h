/*
 * The only concurrent structure: a single-producer single-consumer ring of fixed-size messages. Each side owns one
 * cache line and keeps a copy of the other's index, so a put or get in the usual case touches no shared line but the
 * message. No waiting: full and empty are ordinary results. Values are copied; what they point at changes owner with
 * them.
 */
#ifndef CORE_BASE_RING_H
#define CORE_BASE_RING_H

#include "core/base/base.h"

#include <stdatomic.h>

struct ring {
    ALIGNED_LINE struct {
        _Atomic uint32_t tail; /* next to write */
        uint32_t head_seen;
    } put;
    ALIGNED_LINE struct {
        _Atomic uint32_t head; /* next to read */
        uint32_t tail_seen;
    } get;
    ALIGNED_LINE uint8_t *slots;
    uint32_t n_slots; /* power of two */
    uint32_t slot_bytes;
};

/** Makes a ring of n_slots (power of two) messages. @return 0 | -ENOMEM  @thread control; cold */
int ring_build(struct ring *r, uint32_t n_slots, uint32_t slot_bytes);
void ring_free(struct ring *r);

/** Copies one message in. @return false: full, nothing happened  @thread the one producer */
bool ring_put(struct ring *r, const void *message);

/** Copies the oldest message out. @return false: empty  @thread the one consumer */
bool ring_get(struct ring *r, void *message);

#endif
