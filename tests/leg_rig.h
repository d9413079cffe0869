/* One leg of a conference of two without an engine around it: for feeding it foreign bytes. */
#ifndef TESTS_LEG_RIG_H
#define TESTS_LEG_RIG_H

#include "tests/test_desk.h"

struct rig {
    struct desk desk;
    struct conf *conf;
    struct leg *legs[2];
    struct seal *peer; /* seals what comes to a leg with SRTP */
    uint8_t sealed[PACKET_STRIDE_BYTES] ALIGNED_LINE;
};

/** shape chooses codec (bits 0-1), rate (2-3), lazy decoding (4), levels in headers (5), rtcp-mux (6) and SRTP (7) of
 * legs[0]; legs[1] is PCMU. Aborts without memory. With SRTP seal_start must have been called. */
void rig_open(struct rig *r, uint8_t shape);
/** Everything comes back; must() the pool's sum is 0. legs' statistics are gone with them. */
void rig_close(struct rig *r);
/** What the engine does with one datagram, 4-byte aligned: bit 0 of what: RTCP; bit 1: from a stranger; bit 4: sealed
 * with the right key first, if the leg has SRTP. */
void rig_datagram(struct rig *r, uint8_t what, uint8_t *buf, size_t bytes, uint64_t now_ns);
/** One tick, with a report (bye in it, if so). */
void rig_tick(struct rig *r, uint64_t now_ns, bool bye);

#endif
