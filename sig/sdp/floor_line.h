/*
 * The stream of floor control in a description (TS 24.380 14): "m=application PORT udp MCPTT", and its parameters in
 * "a=fmtp:MCPTT". Pure: no socket, no heap, no clock.
 */
#ifndef SIG_SDP_FLOOR_LINE_H
#define SIG_SDP_FLOOR_LINE_H

#include "sig/sdp/sdp.h"

#define FLOOR_LINE_FORMAT "MCPTT"

struct floor_line {
    bool is_there;
    bool queueing;         /* mc_queueing: a request may be queued */
    bool granted;          /* mc_granted: the description may grant the floor */
    bool implicit_request; /* mc_implicit_request: the description is a request itself */
    uint8_t priority;      /* mc_priority; 0: none named */
};

/** Finds the first such stream that is not off. @return its place in sdp->media | -ENOENT */
int floor_line_find(const struct sdp *sdp);

/** Is it such a stream, on or off? */
bool floor_line_is(const struct sdp_media *media);

/** Reads its parameters. What is unknown, or no number of 1..255, is as if it were not there. */
void floor_line_read(struct floor_line *line, const struct sdp_media *media);

/** What both sides can do: the answer to an offer. */
struct floor_line floor_line_meet(const struct floor_line *ours, const struct floor_line *theirs);

/** Writes the stream with its parameters. port 0: it is off, and has none. */
void floor_line_put(struct sdp_out *out, const struct floor_line *line, uint16_t port);

#endif
