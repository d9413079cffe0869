/*
 * A ring of frames under sequence locks. A frame is stamped with its position, and with nothing while it is written; a
 * reader that finds the same stamp before and after it has copied a frame has copied one frame. All of it is words that
 * are stored to release and loaded to acquire what came before: whoever has seen a newer word sees at least the stamp
 * that was taken away before it. On x86 these are plain moves.
 */
#include "core/conf/relay.h"

#include "core/base/mem.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

typedef _Atomic uint64_t word;

#define PAYLOAD_WORDS (RELAY_PAYLOAD_MAX / sizeof(word))
static_assert(RELAY_PAYLOAD_MAX % sizeof(word) == 0, "whole words");

struct slot {
    ALIGNED_LINE word stamp; /* position + 1; 0: nothing, or being written */
    word due_ns, sizes;      /* sizes: bytes, contributors, level to beat, from the lowest bit */
    word who[RTP_CSRC_MAX];  /* source below, level above */
    word payload[PAYLOAD_WORDS];
};

struct relay {
    ALIGNED_LINE word head; /* 1 << 32 | position after the newest; 0: none yet */
    struct slot slots[RELAY_FRAMES];
};

static uint64_t get(const word *w)
{
    return atomic_load_explicit((word *)w, memory_order_acquire);
}

static void put(word *w, uint64_t value)
{
    atomic_store_explicit(w, value, memory_order_release);
}

int relay_build(struct relay **relay)
{
    *relay = mem_get(sizeof **relay);
    return *relay ? 0 : -ENOMEM;
}

void relay_free(struct relay *relay)
{
    mem_put(relay);
}

void relay_put(struct relay *relay, const struct relay_frame *frame, const uint8_t *payload)
{
    struct slot *slot = &relay->slots[frame->position % RELAY_FRAMES];
    must(frame->bytes <= RELAY_PAYLOAD_MAX && frame->who.n <= RTP_CSRC_MAX);
    put(&slot->stamp, 0);
    put(&slot->due_ns, frame->due_ns);
    put(&slot->sizes, frame->bytes | (uint64_t)frame->who.n << 32 | (uint64_t)frame->to_beat_dbov << 40);
    for (size_t i = 0; i < frame->who.n; i++) {
        put(&slot->who[i], frame->who.csrc[i] | (uint64_t)frame->who.dbov[i] << 32);
    }
    for (size_t at = 0; at < frame->bytes; at += sizeof(word)) {
        uint64_t value = 0;
        memcpy(&value, payload + at, MIN(sizeof value, frame->bytes - at));
        put(&slot->payload[at / sizeof(word)], value);
    }
    put(&slot->stamp, (uint64_t)frame->position + 1);
    put(&relay->head, 1ull << 32 | (uint32_t)(frame->position + 1));
}

bool relay_head(const struct relay *relay, uint32_t *head)
{
    uint64_t value = get(&relay->head);
    *head = (uint32_t)value;
    return value != 0;
}

bool relay_get(const struct relay *relay, uint32_t position, struct relay_frame *frame)
{
    const struct slot *slot = &relay->slots[position % RELAY_FRAMES];
    if (get(&slot->stamp) != (uint64_t)position + 1) {
        return false;
    }
    uint64_t sizes = get(&slot->sizes);
    frame->due_ns = get(&slot->due_ns);
    frame->position = position;
    frame->bytes = MIN((uint32_t)sizes, (uint32_t)RELAY_PAYLOAD_MAX); /* the stamp tells later whether it is true */
    frame->who.n = MIN((size_t)(sizes >> 32 & 255), (size_t)RTP_CSRC_MAX);
    frame->to_beat_dbov = (uint8_t)(sizes >> 40);
    for (size_t i = 0; i < frame->who.n; i++) {
        uint64_t who = get(&slot->who[i]);
        frame->who.csrc[i] = (uint32_t)who;
        frame->who.dbov[i] = (uint8_t)(who >> 32);
    }
    for (size_t at = 0; at < frame->bytes; at += sizeof(word)) {
        uint64_t value = get(&slot->payload[at / sizeof(word)]);
        memcpy(frame->payload + at, &value, sizeof value);
    }
    return get(&slot->stamp) == (uint64_t)position + 1;
}
