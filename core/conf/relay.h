/*
 * What the listeners of a large conference hear, from the worker that mixes and encodes it to those that only send it:
 * the frames of one kind of listener, broadcast. One writer, any number of readers, nobody waits for anybody: the last
 * few frames are kept, and a reader that comes too late for one is told so. Signalling builds it, and frees it when
 * nobody has it any more.
 */
#ifndef CORE_CONF_RELAY_H
#define CORE_CONF_RELAY_H

#include "core/media/rtp.h"

#define RELAY_FRAMES 8                            /* how late a reader may be, in ticks */
#define RELAY_PAYLOAD_MAX (FRAME_SAMPLES_MAX * 2) /* a tick of 48 kHz L16; two packets then */
static_assert(RELAY_PAYLOAD_MAX >= RTP_PAYLOAD_MAX, "anything that fits one packet");

struct relay;

/* Whose voices are in a payload, and how loud each was in it. */
struct contributors {
    uint32_t csrc[RTP_CSRC_MAX];
    uint8_t dbov[RTP_CSRC_MAX];
    size_t n;
};

/* One tick. */
struct relay_frame {
    uint64_t due_ns;      /* when the tick was due that made it, on the schedule that all workers share */
    uint32_t position;    /* of the tick in its conference */
    uint32_t bytes;       /* of the payload; 0: nothing is sent (DTX) */
    uint8_t to_beat_dbov; /* the quietest voice of those who have all the places; LEVEL_UNKNOWN: there is a place */
    struct contributors who;
    uint8_t payload[RELAY_PAYLOAD_MAX] __attribute__((aligned(8)));
};

/** @return 0 | -ENOMEM  @thread control; cold */
COLD int relay_build(struct relay **relay);
COLD void relay_free(struct relay *relay);

/** Broadcasts a frame, of which only payload is not looked at. Positions rise. @thread the one writer; hot */
void relay_put(struct relay *relay, const struct relay_frame *frame, const uint8_t *payload);

/** @return false: nothing yet; else *head is the position after the newest frame  @thread any; hot */
bool relay_head(const struct relay *relay, uint32_t *head);

/** Copies the frame of that position. @return false: never made, or made and overwritten  @thread any; hot */
bool relay_get(const struct relay *relay, uint32_t position, struct relay_frame *frame);

#endif
