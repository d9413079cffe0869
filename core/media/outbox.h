/*
 * The packets that one beat sends: written in place, handed to the I/O back end in batches. Whoever owns the box says
 * how it is emptied; a full one empties itself. Worker, hot.
 */
#ifndef CORE_MEDIA_OUTBOX_H
#define CORE_MEDIA_OUTBOX_H

#include "core/base/addr.h"
#include "core/base/limits.h"

struct io_tx {
    uint32_t slot; /* the socket's, see core/io.h */
    uint32_t bytes;
    const uint8_t *buf;
    const struct addr *to; /* NULL: the socket is connected. Else it must stay valid until the box is emptied */
};

struct outbox {
    struct io_tx *packets; /* [max] */
    uint8_t *bufs;         /* [max][PACKET_STRIDE_BYTES] */
    uint32_t n, max;
    void (*flush)(struct outbox *box); /* sends packets[0..n) and sets n to 0 */
    void *owner;
};

/** Room for one packet of PACKET_BYTES_MAX; empties a full box first. */
static inline uint8_t *outbox_room(struct outbox *box)
{
    if (box->n == box->max) {
        box->flush(box);
    }
    return box->bufs + (size_t)box->n * PACKET_STRIDE_BYTES;
}

/** Queues what was written into the room. */
static inline void outbox_add(struct outbox *box, uint32_t slot, size_t bytes, const struct addr *to)
{
    must(box->n < box->max && bytes <= PACKET_BYTES_MAX);
    const uint8_t *buf = box->bufs + (size_t)box->n * PACKET_STRIDE_BYTES;
    box->packets[box->n++] = (struct io_tx){.slot = slot, .bytes = (uint32_t)bytes, .buf = buf, .to = to};
}

#endif
