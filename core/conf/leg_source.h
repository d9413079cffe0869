/*
 * Where a leg's media may come from, and where it may go: the one rule. Addresses, sequence numbers and milliseconds
 * in, verdicts out. Worker, hot: no heap, no clock.
 *
 * From: the address that the peer's SDP names, at any time and at once (RFC 3264 5.1). Another port of its host, or
 * of the host that the signalling comes from when no proxy is between: only after probation, that is, when the
 * present source has been silent for a while and SOURCE_TRIALS packets of one SSRC have come in order; a NAT that
 * maps a call anew is followed so (RFC 7362 4). Never before the call is acknowledged, and not what has come before
 * the leg was: the host may have sent it to the call that had its ports before. Other hosts never. While a learnt
 * source is connected, the kernel keeps even the SDP's address away, for 1.5 s at most (source_may_connect).
 *
 * To: the present source. Nothing before the call is acknowledged; then for SOURCE_GRACE_MS, until a sign of life
 * comes from there; without one nothing more until it does. An address that the SDP moves to begins anew, with what
 * is left of SOURCE_GRACE_SUM_MS for the whole leg: nobody can be flooded by a call that names an address of
 * another.
 *
 * Life: whatever is accepted from an acceptable source, RTP of any payload type, RTCP, STUN, empty datagrams.
 */
#ifndef CORE_CONF_LEG_SOURCE_H
#define CORE_CONF_LEG_SOURCE_H

#include "core/base/addr.h"

enum {
    SOURCE_TRIALS = 10,            /* packets in order: five strays are none */
    SOURCE_SILENT_MS = 500,        /* the present source, before another takes its place ... */
    SOURCE_SILENT_OTHER_MS = 1500, /* ... with another SSRC than the stream that was heard */
    SOURCE_TRIAL_HOLD_MS = 200,    /* a trial that goes on is not disturbed by another source */
    SOURCE_GRACE_MS = 4600,        /* looked at every 320 ms: 5 s at most */
    SOURCE_GRACE_SUM_MS = 20000
};

/* May we send there? */
enum source_phase {
    SOURCE_SHUT,   /* the call is not acknowledged */
    SOURCE_GRACE,  /* it is; no sign of life yet */
    SOURCE_SPENT,  /* there was none */
    SOURCE_PROVED, /* there was one */
};

/* Whose a datagram is, by its source address. */
enum source_kind {
    SOURCE_STRANGER,
    SOURCE_KIN,  /* another port of the peer's host: probation */
    SOURCE_SAID, /* the address in the SDP, which is not the present source */
    SOURCE_AT,   /* the present source */
};

struct leg_source {
    /* what every tick looks at */
    uint32_t heard_ms; /* RTP from the present source */
    bool may_send;     /* GRACE or PROVED */
    uint8_t phase;     /* enum source_phase */
    bool is_heard;     /* RTP has come from it since it is the present source */
    bool is_learnt;    /* it is not what the SDP says */

    /* the rest */
    struct addr at;    /* the present source, and where we send to */
    struct addr said;  /* in the SDP; its port 0: unset */
    struct addr latch; /* the host that the signalling comes from; unset: none */
    struct addr alias; /* another name of the SDP's host, on this machine (sig/room/local.h); unset: none */
    uint32_t life_ms;  /* last sign of life, of whatever kind */
    uint32_t grace_from_ms, grace_left_ms;
    struct addr trial;
    uint32_t trial_ms, trial_ssrc;
    uint16_t trial_seq;
    uint8_t n_trials;
};

#define SOURCE_TICK_BYTES offsetof(struct leg_source, at)

/* What signalling says of the peer's addresses. */
struct source_hosts {
    struct addr said, latch, alias;
};

/** The leg begins. shut: the call is not acknowledged; grace_ms: as much of SOURCE_GRACE_SUM_MS as it has. */
void source_begin(struct leg_source *s, const struct source_hosts *hosts, bool shut, uint32_t grace_ms,
                  uint32_t now_ms);
/** The call is acknowledged. Again is fine. */
void source_open(struct leg_source *s, uint32_t now_ms);
/** A new description: what it says wins. The same address as before, or the present source's, changes nothing. */
void source_say(struct leg_source *s, const struct source_hosts *hosts, uint32_t now_ms);

/** Whose is a datagram from there? */
enum source_kind source_kind_of(const struct leg_source *s, const struct addr *from);
/** Is this host the peer's? For RTCP, whose port is not learnt. */
bool source_is_host(const struct leg_source *s, const struct addr *from);

/** RTP that parses, and opens, has come from SOURCE_AT (from NULL: the kernel vouches) or SOURCE_SAID.
 * @return true: the present source is another one now */
bool source_heard(struct leg_source *s, const struct addr *from, uint32_t now_ms);
/** The same from SOURCE_KIN. known_ssrc: of the stream that is heard; 0: none.
 * @return true: it is the present source now, and the packet is the leg's; false: on probation */
bool source_try(struct leg_source *s, const struct addr *from, uint32_t ssrc, uint16_t seq, uint32_t known_ssrc,
                uint32_t now_ms);
/** Another sign of life from the peer's host: RTCP, STUN, an empty datagram; or signalling says so (from NULL). It
 * proves the present source if it comes from that host. */
void source_alive(struct leg_source *s, const struct addr *from, uint32_t now_ms);

/** Now and then: the grace ends. */
void source_look(struct leg_source *s, uint32_t now_ms);
/** Milliseconds without a sign of life. */
uint32_t source_quiet_ms(const struct leg_source *s, uint32_t now_ms);
/**
 * May the kernel be told to let nobody else in? Not while the present source is silent, and of a learnt one not all the
 * time: then nobody would see that the SDP's address sends, or that a NAT has mapped the call anew.
 */
bool source_may_connect(const struct leg_source *s, uint32_t turn, uint32_t now_ms);

#endif
