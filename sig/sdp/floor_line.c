/* Floor control in a description. */
#include "sig/sdp/floor_line.h"

#include <errno.h>

bool floor_line_is(const struct sdp_media *media)
{
    return sdp_text_is(media->kind, "application") && sdp_text_is(media->proto_text, "udp") &&
           sdp_text_is(media->format_text, FLOOR_LINE_FORMAT);
}

int floor_line_find(const struct sdp *sdp)
{
    for (unsigned i = 0; i < sdp->n_media; i++) {
        if (floor_line_is(&sdp->media[i]) && sdp->media[i].port != 0) {
            return (int)i;
        }
    }
    return -ENOENT;
}

void floor_line_read(struct floor_line *line, const struct sdp_media *media)
{
    struct sdp_text rest = media->floor_fmtp;
    *line = (struct floor_line){.is_there = true};
    while (rest.n > 0) {
        struct sdp_text value = sdp_split_take(&rest, ';'), padded = sdp_split_take(&value, '=');
        struct sdp_text name = sdp_word_take(&padded);
        if (sdp_text_is(name, "mc_queueing")) {
            line->queueing = true;
        } else if (sdp_text_is(name, "mc_granted")) {
            line->granted = true;
        } else if (sdp_text_is(name, "mc_implicit_request")) {
            line->implicit_request = true;
        } else if (sdp_text_is(name, "mc_priority")) {
            int64_t priority = sdp_number(sdp_word_take(&value), UINT8_MAX);
            line->priority = priority > 0 ? (uint8_t)priority : 0;
        }
    }
}

struct floor_line floor_line_meet(const struct floor_line *ours, const struct floor_line *theirs)
{
    struct floor_line line = {.is_there = ours->is_there && theirs->is_there,
                              .queueing = ours->queueing && theirs->queueing,
                              .granted = ours->granted && theirs->granted,
                              .implicit_request = ours->implicit_request && theirs->implicit_request};
    line.priority = theirs->priority ? MIN(ours->priority, theirs->priority) : ours->priority;
    return line;
}

void floor_line_put(struct sdp_out *out, const struct floor_line *line, uint16_t port)
{
    const char *mark = "a=fmtp:" FLOOR_LINE_FORMAT " ";
    sdp_put(out, "m=application %u udp " FLOOR_LINE_FORMAT "\r\n", port);
    if (port == 0) {
        return;
    }
    if (line->queueing) {
        sdp_put(out, "%smc_queueing", mark);
        mark = ";";
    }
    if (line->priority) {
        sdp_put(out, "%smc_priority=%u", mark, line->priority);
        mark = ";";
    }
    if (line->granted) {
        sdp_put(out, "%smc_granted", mark);
        mark = ";";
    }
    if (line->implicit_request) {
        sdp_put(out, "%smc_implicit_request", mark);
        mark = ";";
    }
    if (mark[0] == ';') {
        sdp_put(out, "\r\n");
    }
}
