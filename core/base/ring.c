/* The SPSC ring's build and its two verbs. */
#include "core/base/ring.h"
#include "core/base/mem.h"

#include <errno.h>
#include <string.h>

int ring_build(struct ring *r, uint32_t n_slots, uint32_t slot_bytes)
{
    must(n_slots && (n_slots & (n_slots - 1)) == 0);
    memset(r, 0, sizeof *r);
    r->slots = mem_get((size_t)n_slots * slot_bytes);
    r->n_slots = n_slots;
    r->slot_bytes = slot_bytes;
    return r->slots ? 0 : -ENOMEM;
}

void ring_free(struct ring *r)
{
    mem_put(r->slots);
    r->slots = NULL;
}

static uint8_t *slot_at(struct ring *r, uint32_t index)
{
    return r->slots + (size_t)(index & (r->n_slots - 1)) * r->slot_bytes;
}

bool ring_put(struct ring *r, const void *message)
{
    uint32_t tail = atomic_load_explicit(&r->put.tail, memory_order_relaxed);
    if (tail - r->put.head_seen == r->n_slots) {
        r->put.head_seen = atomic_load_explicit(&r->get.head, memory_order_acquire);
        if (tail - r->put.head_seen == r->n_slots) {
            return false;
        }
    }
    memcpy(slot_at(r, tail), message, r->slot_bytes);
    atomic_store_explicit(&r->put.tail, tail + 1, memory_order_release);
    return true;
}

bool ring_get(struct ring *r, void *message)
{
    uint32_t head = atomic_load_explicit(&r->get.head, memory_order_relaxed);
    if (head == r->get.tail_seen) {
        r->get.tail_seen = atomic_load_explicit(&r->put.tail, memory_order_acquire);
        if (head == r->get.tail_seen) {
            return false;
        }
    }
    memcpy(message, slot_at(r, head), r->slot_bytes);
    atomic_store_explicit(&r->get.head, head + 1, memory_order_release);
    return true;
}
