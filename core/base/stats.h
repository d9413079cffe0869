/*
 * What is counted: the reasons to refuse a packet (one list, one text each) and the counters of a worker. A counter has
 * one writer; readers on other threads may see it a moment late, never torn. Leaf header.
 */
#ifndef CORE_BASE_STATS_H
#define CORE_BASE_STATS_H

#include "core/base/base.h"

#include <stdatomic.h>

/* name, text for people */
#define DROP_LIST(X)                                                                                                   \
    X(NONE, "kept")                                                                                                    \
    X(SHORT, "shorter than its header says")                                                                           \
    X(VERSION, "not RTP version 2")                                                                                    \
    X(PADDING, "padding longer than the packet")                                                                       \
    X(EXTENSION, "header extension longer than the packet")                                                            \
    X(PAYLOAD_TYPE, "payload type that was not negotiated")                                                            \
    X(SOURCE, "from an address that is not the peer's")                                                                \
    X(PROBATION, "from another port of the peer's host, which has not proved itself yet")                              \
    X(KEEPALIVE, "empty datagram or STUN: a sign of life without audio")                                               \
    X(SSRC, "new SSRC that has not proved itself yet")                                                                 \
    X(OWN_SSRC, "SSRC of a stream of our own: what we sent has come back")                                             \
    X(DUPLICATE, "same sequence number twice")                                                                         \
    X(LATE, "arrived after its turn to be played")                                                                     \
    X(POOL, "no packet memory left")                                                                                   \
    X(SKIPPED, "discarded to bring the delay down")                                                                    \
    X(DECODE, "refused by the codec")                                                                                  \
    X(HELD, "media while the leg is held")                                                                             \
    X(FLOOR, "push-to-talk: media of a participant that has not the floor")                                            \
    X(TRUNCATED, "longer than an Ethernet frame")                                                                      \
    X(AUTH, "SRTP: authentication tag is wrong")                                                                       \
    X(REPLAY, "SRTP: seen before, or too old to tell")                                                                 \
    X(MKI, "SRTP: names no master key, or another than was agreed")                                                    \
    X(SEAL, "SRTP: cannot be opened: too short, or from one SSRC too many")                                            \
    X(RTCP_SHORT, "RTCP: shorter than its header says")                                                                \
    X(RTCP_VERSION, "RTCP: not version 2")                                                                             \
    X(RTCP_FIRST, "RTCP: compound does not begin with SR or RR")                                                       \
    X(RTCP_SOURCE, "RTCP: BYE or report of somebody else")                                                             \
    X(APP_SHORT, "push-to-talk message shorter than its header says")                                                  \
    X(APP_NAME, "RTCP APP of another name than MCPT or MCPC")                                                          \
    X(APP_SUBTYPE, "push-to-talk message of a kind that is not spoken")                                                \
    X(APP_FIELD, "push-to-talk message with a field that does not fit, or stands twice")                               \
    X(APP_TEXT, "push-to-talk message with a control character in a text or URI")                                      \
    X(DTMF_SHORT, "telephone-event shorter than four bytes")                                                           \
    X(DTMF_FULL, "more digits within a tick than can be told")                                                         \
    X(CODEC_PENDING, "of another codec that was agreed on, to which the leg is about to change")                       \
    X(TX_FULL, "send refused by the kernel, buffer full")                                                              \
    X(TX_UNREACHABLE, "send refused, peer's port unreachable")                                                         \
    X(TX_SEAL, "SRTP: cannot be sealed, the key is used up")                                                           \
    X(TX_OTHER, "send refused for another reason")                                                                     \
    X(TX_SHUT, "not sent: the call is not acknowledged")                                                               \
    X(TX_UNPROVED, "not sent: no sign of life has come from there")

enum drop {
#define X(name, text) DROP_##name,
    DROP_LIST(X)
#undef X
        DROPS
};

/** "SHORT", "VERSION", ... for metrics, and the sentence for people. */
const char *drop_name(enum drop drop);
const char *drop_text(enum drop drop);

/* A counter with one writer. */
typedef _Atomic uint64_t counter;

static inline void count_add(counter *c, uint64_t n)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}
static inline void count_set(counter *c, uint64_t n)
{
    atomic_store_explicit(c, n, memory_order_relaxed);
}
static inline uint64_t count_get(const counter *c)
{
    return atomic_load_explicit((counter *)c, memory_order_relaxed);
}

/* What a worker's time goes to. name, text for people */
#define STAGE_LIST(X)                                                                                                  \
    X(RECEIVE, "receive", "reading sockets")                                                                           \
    X(PULL, "pull", "choosing what to read, opening SRTP, into the jitter buffers")                                    \
    X(DECODE, "decode", "out of the jitter buffers, decoding, levels")                                                 \
    X(MIX, "mix", "choosing talkers, summing, N-1")                                                                    \
    X(ENCODE, "encode", "encoding")                                                                                    \
    X(SEAL, "seal", "headers and SRTP of what is sent")                                                                \
    X(SETTLE, "settle", "jitter buffers adapt, RTCP, events")                                                          \
    X(SEND, "send", "writing sockets")

enum stage {
#define X(name, word, text) STAGE_##name,
    STAGE_LIST(X)
#undef X
        STAGES
};

/** "pull", "decode", ... */
const char *stage_name(enum stage stage);

/*
 * Measures stages of every so many-th slot's tick, so that reading the clock costs nothing that could be seen. The
 * number is a prime above the number of slots: in time every slot has its turn.
 */
#define STAGE_EVERY_SLOTS 23

/* Lateness and length of beats, in buckets of powers of two from 8 us: <8, <16, ... <1 s, more. */
#define HISTOGRAM_BUCKETS 19

static inline unsigned histogram_bucket(uint64_t ns)
{
    unsigned b = 0;
    for (uint64_t edge_ns = 8000; b + 1 < HISTOGRAM_BUCKETS && ns >= edge_ns; edge_ns *= 2) {
        b++;
    }
    return b;
}

/* Of floor control. */
struct floor_stats {
    counter requests, granted, denied, revoked, queued; /* revoked: by pre-emption, by time, by signalling */
    counter repeats;                                    /* the same answer again within a moment: not sent */
    counter clamped;                                    /* requests that asked for more than their right */
    counter ignored;                                    /* messages that mean nothing here */
    counter strangers;                                  /* RTP packets of legs without the floor */
};

/* Written by the worker only. */
struct worker_stats {
    counter beats, busy_ns;                   /* turns of the loop, and the time they took */
    counter ticks, ticks_late, ticks_skipped; /* frames of conferences; begun over 5 ms late; given up after a stall */
    counter confs, legs;                      /* gauges */
    counter rx_packets, rx_bytes, tx_packets, tx_bytes;
    counter drops[DROPS];
    counter decoded, concealed, encoded, encode_shared; /* frames */
    counter undecoded, warmed;                          /* packets played to nobody; later decoded only as a warm-up */
    counter level_lies;                                 /* streams whose header's levels are believed no more */
    counter blended;                                    /* ticks that played more than a tick to bring a delay down */
    counter annex_packets, annex_lapped;                /* packets of annexes; frames that came round too late */
    counter moves;                                      /* legs that came from another worker */
    counter sources_moved;                              /* legs whose media comes from another address than before */
    counter unheard;                                    /* legs none of whose packets could be used for seconds */
    counter rx_failed;                                  /* reads that the kernel did not take */
    counter connects_failed;                            /* sockets that the kernel would not connect */
    counter watches_failed;                             /* sockets that the kernel would not watch */
    counter kits_missing;                               /* bare legs that found no decoder or encoder */
    counter wakes;                                      /* watched sockets that were read */
    counter asleep;                                     /* gauge: conferences that do not tick */
    counter legs_failed;                                /* legs whose sockets could not be opened on the worker */
    counter events_lost;                                /* event ring full, retried */
    counter beat_ns[HISTOGRAM_BUCKETS], late_ns[HISTOGRAM_BUCKETS];
    counter late_sum_ns;
    struct floor_stats floor;
    counter stage_ns[STAGES]; /* measured in one of STAGE_EVERY_SLOTS, and counted for all of them */
};

/* A stop watch for stages. The clock comes from outside; without one nothing is measured. */
struct stage_watch {
    uint64_t (*clock)(void); /* CLOCK_MONOTONIC ns, NULL: none */
    struct worker_stats *stats;
    uint64_t last_ns;
    unsigned turn;
    bool is_on;
};

/** A slot's tick begins. */
static inline void stage_begin(struct stage_watch *w)
{
    w->turn = (w->turn + 1) % STAGE_EVERY_SLOTS;
    w->is_on = w->clock && w->turn == 0;
    if (w->is_on) {
        w->last_ns = w->clock();
    }
}

/** All since the last mark was this stage. NULL: nobody measures. */
static inline void stage_mark(struct stage_watch *w, enum stage stage)
{
    if (w && w->is_on) {
        uint64_t now_ns = w->clock();
        count_add(&w->stats->stage_ns[stage], (now_ns - w->last_ns) * STAGE_EVERY_SLOTS);
        w->last_ns = now_ns;
    }
}

#endif
