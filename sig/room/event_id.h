/*
 * What a worker names in its events: the object of signalling that a leg or a conference belongs to, with its kind. The
 * kind stands in the low bits, which every object from the heap has free; an event that names another kind than it must
 * is a bug of our own.
 */
#ifndef SIG_ROOM_EVENT_ID_H
#define SIG_ROOM_EVENT_ID_H

#include "core/base/base.h"

enum event_kind { EVENT_ROOM = 1, EVENT_CALL, EVENT_ANNEX_SOURCE, EVENT_LOBBY };

#define EVENT_KIND_MASK 7u

static inline uint64_t event_id(enum event_kind kind, const void *object)
{
    must(((uintptr_t)object & EVENT_KIND_MASK) == 0);
    return (uint64_t)(uintptr_t)object | kind;
}

static inline enum event_kind event_kind_of(uint64_t id)
{
    return (enum event_kind)(id & EVENT_KIND_MASK);
}

static inline void *event_object(enum event_kind kind, uint64_t id)
{
    must(event_kind_of(id) == kind);
    return (void *)(uintptr_t)(id & ~(uint64_t)EVENT_KIND_MASK);
}

#endif
