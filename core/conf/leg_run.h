/*
 * A leg from the inside: what the mix and the engine do with it on the beat. Only core/conf and core/engine include
 * this; signalling sees leg.h. Everything here runs on the worker that the leg is lent to, unless marked COLD.
 */
#ifndef CORE_CONF_LEG_RUN_H
#define CORE_CONF_LEG_RUN_H

#include "core/conf/clip.h"
#include "core/conf/lanes.h"
#include "core/conf/leg.h"
#include "core/conf/leg_source.h"
#include "core/conf/relay.h"
#include "core/media/dtmf.h"
#include "core/media/jbuf.h"
#include "core/media/outbox.h"
#include "core/media/plc.h"
#include "core/media/resample.h"
#include "core/media/rtcp.h"
#include "core/media/rtp.h"

#define GAIN_UNITY_Q12 4096
#define LEVEL_SILENT 127
#define CLAIM_OVER_DB 6 /* what a codec may take off a level between its sender's measure and ours */
#define FIFO_FRAMES 8   /* a 120 ms packet behind almost two ticks' audio */

/*
 * The parts of a leg. Those that every tick touches stand first in struct leg, and in each of them what the pull looks
 * at stands first.
 */

/* Its RTP socket; each state is one more than the last. */
enum leg_socket {
    SOCKET_NONE,      /* of a relay or a clip, or it could not be opened */
    SOCKET_OPEN,      /* takes from every sender */
    SOCKET_CONNECTED, /* takes from the present source alone, but for what came before the connect */
    SOCKET_CLEAN      /* nothing of that is left: the kernel vouches for every packet */
} ONE_BYTE;

/* When its packets arrive, and how much that counts for when its conference ticks (phase.c). */
struct leg_phase {
    uint32_t arrival_ns; /* within the 20 ms of the schedule */
    bool known;
    bool surplus_due; /* its conference has just moved over its arrival: two packets wait for one tick */
    uint8_t steady;   /* so many in a row came when they were thought to */
    uint8_t weight;   /* how much it has talked lately */
};

/* What a leg gives to this tick's mix. From VOICE_CLAIMED on there is something to hear. */
enum voice {
    VOICE_NONE,    /* nothing, or it is muted */
    VOICE_PASSED,  /* likewise, and its packet was not decoded */
    VOICE_CLAIMED, /* not decoded; the level it is thought to have may win it a place: then it is decoded first */
    VOICE_SOUNDS,  /* its row has sound */
    VOICE_MIXED    /* and is in the sum */
} ONE_BYTE;

/* How it competes to be heard in its conference. */
enum place {
    PLACE_FREE, /* it need not: all are heard */
    PLACE_OUT,  /* it is not among the loudest */
    PLACE_IN,   /* it is */
    PLACE_OWN   /* it is a clip: always heard, and takes no place from the others */
} ONE_BYTE;

/* Whether it is heard, and whether its packets need to be decoded for that (select.c, leg_frame.c). */
struct leg_talk {
    enum voice voice;
    enum place place;
    uint8_t level_dbov, score_dbov; /* now; with a slow fall, what the loudest are chosen by */
    uint8_t silent_ticks;
    uint8_t spoke_ticks; /* until it has been silent for long enough to be said so */
    uint8_t claim_dbov;  /* level in this tick's header; LEVEL_UNKNOWN */
    bool claims_void;    /* its header's levels proved false */
    uint8_t lie_ticks;   /* in a row, of claims far above what was decoded */
    uint8_t idle_ticks;  /* packets in a row in which its encoder found no voice */
    uint8_t probe_ticks; /* ticks without a decode: now and then one is looked at */
    uint8_t n_passed;    /* packets that this tick took undecoded */
};

/* The peer's stream. */
enum stream {
    STREAM_STARTS, /* it has not filled a first tick yet: silence */
    STREAM_PAUSES, /* the sender said so (CN, event), or it is lost for so long: silence, no concealment */
    STREAM_RUNS
} ONE_BYTE;

/* Towards the mixer. */
struct leg_rx {
    enum stream stream;
    bool on; /* direction of the media */
    bool muted;
    bool made_up;                   /* some of this tick's audio was concealed */
    uint8_t reads_asked, reads_hit; /* this tick */
    uint8_t event_ticks; /* since the last packet of a telephone-event that has not ended, and one; 0: there is none */
    struct rtp_source source;
    uint32_t n_fifo;                /* samples in fifo */
    int16_t *row;                   /* [frame] at the leg's rate; of this tick, in the worker's rows */
    int peak;                       /* of it */
    int32_t gain_q12, gain_set_q12; /* in effect, and asked for */
    struct plc plc;
    void *decoder;
};

/* Towards the participant. */
struct leg_tx {
    bool on;     /* direction of the media, and it is not the only one to be heard at its floor */
    bool is_set; /* direction of the media */
    bool deaf;
    bool marker;          /* next packet begins a talk spurt */
    uint8_t packet_ticks; /* ticks in a packet; 0: two packets in a tick */
    uint8_t n_gathered;
    uint16_t gathered_bytes;
    uint16_t seq;
    uint32_t ts;
    uint64_t octets;
};

/* Which encoder serves it (encoders.h), if its codec's have state; up to SHARE_APART it encodes for itself. */
enum share {
    SHARE_NEW,   /* it is not in a plan yet */
    SHARE_NEVER, /* it plays a clip, or is of one kind too many: it has no group to share with */
    SHARE_APART, /* of its group, but it talks, talked a moment ago, or has just come */
    SHARE_USES,  /* another leg of its group has the encoder for both */
    SHARE_HOLDS  /* its encoder serves its group */
} ONE_BYTE;

/* A codec's encoder. */
struct encoder {
    struct encoder *next; /* among those that are spare */
    bool is_kit;          /* a worker's (kit.h), not signalling's */
    uint8_t state[] ALIGNED_LINE;
};

/* What encodes for it. */
struct leg_enc {
    struct encoder *held; /* NULL: SHARE_USES, in an annex, or the codec has no state */
    enum share share;
    bool protected;        /* as the plan knows it */
    bool at_rest;          /* its encoder's legs are sent the shared silence, whose state it will take (silence.h) */
    uint8_t silent_frames; /* that it has encoded in a row */
    uint16_t apart_ticks;  /* since its voice left what it hears */
};

/* Events that signalling has not been sent yet. */
struct leg_pending {
    uint8_t n_digits;
    bool quiet : 1, bye : 1, speaks : 1, silent : 1, played : 1, unheard : 1, failed : 1;
    bool codec : 1;
};

/* Its row at the other bus rates, when a leg there listens. */
struct leg_resampled {
    int16_t *row[RATES];
    struct fir_state *fir[RATES]; /* NULL at the own rate */
    uint32_t tick[RATES];         /* at which it ran last: a gap means a fresh start */
};

/* Between an annex and its owner: how far a leg has come in the annex's source, and whether it should move. */
struct leg_annex {
    uint32_t next;           /* position of the first frame that it has not been sent, while it is synced */
    bool synced;             /* or else it begins with the newest frame */
    bool silent;             /* signalling was notified that it is silent */
    uint8_t notify_ticks;    /* until signalling is notified once more that it speaks */
    uint16_t silent_periods; /* of housekeeping */
};

/* What reports to and from the peer say. */
struct leg_rtcp {
    uint8_t clean_reports; /* in a row, in which the peer misses nothing of ours */
    bool reported;         /* it has ever said what it misses */
    uint32_t sr_lsr;       /* of the peer's last SR */
    uint64_t sr_at_ns;
    uint32_t draw;     /* for the random interval */
    uint32_t sent_lsr; /* of our last SR, as the peer will echo it, and when it went */
    uint64_t sent_at_ns;
};

#define DIGITS_MAX 8 /* more than can be keyed within a tick */

struct leg_digit {
    char digit;
    uint32_t ms;
};

/* What pending events say, and what signalling has been notified of. */
struct leg_notify {
    struct leg_digit digits[DIGITS_MAX];
    int error;                /* why its sockets could not be opened, negative errno */
    struct addr dropped_from; /* source of the last packet that was dropped */
    uint8_t codec_pt;         /* the peer sends it now */
    uint64_t codec_at_ns;     /* when pending.codec was set last */
    uint32_t ssrc;            /* of the peer; 0: none */
    bool quiet, unheard;
};

/* What housekeeping compares with. */
struct leg_watch {
    uint64_t rx_seen, drops_seen;
    uint64_t drops_counted[DROPS]; /* of stats.drops, already in the worker's sums */
    uint8_t unheard_looks;         /* in a row, in which not one of its packets could be used */
};

struct leg {
    /*
     * First what every tick touches, in as few lines as it fits: of thousands of legs each line comes from far away.
     * leg_fetch asks for them in time, the first before the others.
     */
    struct conf *conf; /* on the worker; NULL: in none */
    struct seal *seal; /* SRTP; NULL: plain RTP */
    uint32_t slot_rtp, slot_rtcp;
    uint32_t beat_index; /* spreads housekeeping over ticks */
    uint32_t frame_ts;   /* a tick in RTP ticks */
    uint8_t i_rate;
    enum leg_socket socket;
    bool moved; /* another source is the present one: what the socket is connected to is old */
    bool plays; /* a clip, and has no stream */
    struct leg_phase phase;
    struct leg_talk talk;
    struct leg_rx rx;     /* its flags end the first line */
    uint64_t rtcp_due_ns; /* next report */
    struct leg_tx tx;
    struct leg_enc enc;
    struct leg_pending pending;
    struct leg_ptt *ptt;    /* ptt.h; NULL: not a session of push-to-talk */
    struct leg_source from; /* its first part; where it sends to, too */

    /* What is seldom needed, or begins with what is needed and begins a line for that. */
    struct leg *next;  /* of those to hand back; while a plan is compiled, of its group's */
    int16_t *fifo;     /* decoded, not played: packets longer or shorter than a tick */
    uint8_t *gathered; /* payload of a packet longer than a tick; unused if none is */
    struct leg_resampled resampled;
    struct leg_stats stats ALIGNED_LINE;
    struct jbuf jbuf ALIGNED_LINE;
    struct leg_cfg cfg ALIGNED_LINE;
    struct leg_annex annex;
    struct leg_rtcp rtcp;
    struct leg_notify notify;
    struct leg_watch watch;
    uint64_t began_ns;     /* when it came to its first worker */
    uint32_t refused_ssrc; /* one of our own that came in; 0: none */
    struct kit *kit;       /* kit.h: what a bare leg has borrowed; NULL: nothing */
    struct leg_view view;
    struct dtmf dtmf;
    struct clip_play play; /* of a leg that plays */
};

/*
 * Rows of PCM that live until their conference is mixed. One conference after the other uses the same, so that few of
 * them stay in the first-level cache, where a row a leg would be fetched and thrown out again tick after tick.
 */
struct rows {
    int16_t *base;    /* aligned */
    size_t used, max; /* samples */
};

/* For a leg at each rate. */
#define ROWS_LEG_SAMPLES (FRAME_SAMPLES_MAX + FRAME_SAMPLES_MAX / 3 + FRAME_SAMPLES_MAX / 6)

/** Room for a frame; line-aligned, since a frame is whole lines at every rate. What is in it is old. */
static inline int16_t *rows_take(struct rows *rows, uint32_t rate_hz)
{
    int16_t *row = rows->base + rows->used;
    rows->used += rate_frame_samples(rate_hz);
    must(rows->used <= rows->max);
    return row;
}

/* What decoding needs of its worker. */
struct leg_tools {
    const struct simd *simd;
    struct rows *rows;
    int16_t *scratch; /* [PACKET_SAMPLES_MAX] aligned */
    struct worker_stats *stats;
    bool lazy;           /* a leg that cannot be heard is not decoded */
    struct lanes *lanes; /* NULL: every leg decodes and encodes at once, by itself */
};

/** Does the kernel know where its packets go? */
static inline bool leg_is_connected(const struct leg *leg)
{
    return leg->socket >= SOCKET_CONNECTED;
}

/** Has it something to hear? */
static inline bool leg_is_audible(const struct leg *leg)
{
    return leg->talk.voice >= VOICE_CLAIMED;
}

static inline bool leg_is_mixed(const struct leg *leg)
{
    return leg->talk.voice == VOICE_MIXED;
}

/** The leg arrives at its worker. */
COLD void leg_attach(struct leg *leg, struct pool *pool, uint32_t slot_rtp, uint32_t slot_rtcp, uint64_t now_ns);
/** It leaves: held packets go back to the pool. */
COLD void leg_detach(struct leg *leg);
/** Now and then: what is seen of it is brought up to date. */
void leg_show(struct leg *leg);
/** leg takes the place of old, which is detached: sockets, SSRC, sequence, timestamp, what was learnt of the peer, SRTP
 * state. With another key of ours it begins a stream of its own: the peer need not guess the rollover counter. */
COLD void leg_take_over(struct leg *leg, struct leg *old, uint64_t now_ns);
/** The peer's addresses, as signalling knows them now. */
COLD void leg_remote_set(struct leg *leg, const struct source_hosts *hosts, const struct addr *rtcp, uint64_t now_ns);
/** Now and then: grace and quiet clock, a leg that is not heard. */
void leg_look(struct leg *leg, struct worker_stats *sums, uint64_t now_ns);
/** May its socket be connected to its present source? Of a session of push-to-talk never: its address may change
 * while it is asleep, when nobody looks. */
static inline bool leg_may_connect(const struct leg *leg, uint64_t now_ns)
{
    return !leg->ptt && source_may_connect(&leg->from, leg->beat_index, (uint32_t)(now_ns / NS_PER_MS));
}

/** Shall what it is sent help out for what it loses? Until its reports have shown for a while that it loses nothing, or
 * it has not reported at all for as long. */
bool leg_is_protected(const struct leg *leg);

/** Datagrams to ask the socket for in this tick (first pass). */
unsigned leg_reads(const struct leg *leg, uint32_t tick, unsigned skipped);
/** After a pass: more may be waiting in the socket. @return how many more to ask for, 0: done */
unsigned leg_reads_more(const struct leg *leg);

/**
 * One datagram from the RTP socket, borrowed until the tick's end; SRTP is opened in place. from: NULL when connected.
 * @return true: RTP of the peer's stream, whether there was use for it or not; false: anything else, and nothing learnt
 */
bool leg_rx_rtp(struct leg *leg, uint8_t *buf, int32_t bytes, const struct addr *from, uint64_t now_ns);
/** Is it so young that its socket may hold what was sent to the call that had its ports before? */
bool leg_is_young(const struct leg *leg, uint64_t now_ns);
/** A datagram from there has arrived before the leg was. From another port of the peer's host it is of another call,
 * and is dropped: nothing may be learnt from it. @return true: dropped */
bool leg_rx_early(struct leg *leg, int32_t bytes, const struct addr *from, uint64_t at_ns);
/** What comes from now on is not meant to be heard: nothing of what came before is heard when it is again. */
void leg_hold(struct leg *leg);
/** Is it worth while to ask when this tick's packet arrived? Of a leg that is heard; seldom once it is steady, since
 * asking costs as much as a read. */
bool leg_asks_arrival(const struct leg *leg, uint32_t tick);
/** When the last datagram arrived: its phase is remembered. */
void leg_arrival(struct leg *leg, uint64_t at_ns, uint64_t now_ns);
/** One datagram from the RTCP socket, which arrived at at_ns. */
void leg_rx_rtcp(struct leg *leg, uint8_t *buf, int32_t bytes, const struct addr *from, uint64_t at_ns);

/**
 * This tick's audio into row, with level and voice. What can be decoded together with other legs' waits in the lanes
 * until legs_decode, and so do its row, level and packet.
 */
void leg_frame(struct leg *leg, const struct leg_tools *tools);
/** The same for a leg that has not the floor: no audio, and what has come of it stays where it is. */
void leg_frame_unheard(struct leg *leg);
/**
 * A leg whose packet leg_frame has not decoded may be heard after all: its decoder is warmed up with the packets kept,
 * this tick's is decoded into row, and level and voice become those of the row.
 */
void leg_hear(struct leg *leg, const struct leg_tools *tools);
/** Finishes every leg_frame that waits: before a row is looked at, and before its packet's buffer is used again. */
void legs_decode(const struct leg_tools *tools);
/** Its telephone-event ends, though its end has not come. */
void leg_event_end(struct leg *leg);
/** What has come of a leg that has not the floor is kept. */
void leg_settle_unheard(struct leg *leg);
/** End of tick: jitter buffer adapts, borrowed packets are kept. */
void leg_settle(struct leg *leg);
/** Ticks that never ran: audio given up, timestamp moved on. */
void leg_skip(struct leg *leg, unsigned ticks);

/** Sends one tick's payload; bytes 0: nothing this tick (DTX). */
void leg_tx(struct leg *leg, struct outbox *box, const uint8_t *payload, size_t bytes, const struct contributors *who);
/** Its packets have a gap here: the next one begins a talk spurt. */
static inline void leg_tx_break(struct leg *leg)
{
    leg->tx.marker = true;
    leg->tx.n_gathered = 0;
    leg->tx.gathered_bytes = 0;
}

/** A held leg's tick: the timestamp goes on, nothing is sent. */
static inline void leg_tx_hold(struct leg *leg)
{
    leg->tx.ts += leg->frame_ts;
    leg->tx.marker = true;
}

/** Sends a report if one is due, or now with bye. wall: NTP time minus now_ns. */
void leg_rtcp(struct leg *leg, struct outbox *box, uint64_t now_ns, uint64_t wall_offset_ns, bool bye);

/** Adds what was dropped since the last time to the worker's sums. */
void leg_count_drops(struct leg *leg, struct worker_stats *sums);

/** Is a group's encode good for both? */
bool leg_same_group(const struct leg *a, const struct leg *b);

FETCH void lines_fetch(const void *from, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += LINE_BYTES) {
        __builtin_prefetch((const uint8_t *)from + at, 1);
    }
}

#define LEG_LINES_BYTES (offsetof(struct leg, from) + SOURCE_TICK_BYTES)
static_assert(offsetof(struct leg, rx.source) <= LINE_BYTES, "what the pull looks at of a leg is in its first line");
static_assert(LEG_LINES_BYTES <= 4 * LINE_BYTES && LEG_STATS_TICK_BYTES <= LINE_BYTES &&
                  LEG_CFG_TICK_BYTES <= 2 * LINE_BYTES && JBUF_TICK_BYTES <= 2 * LINE_BYTES,
              "nine lines of a leg a tick");

/*
 * A leg's lines, asked for a little before each is needed. Not all at once: a core waits for some two dozen at a time,
 * and more are not asked for or hold up everything else.
 */

/** Its socket will be asked soon. */
FETCH void leg_fetch(const struct leg *leg)
{
    lines_fetch(leg, LINE_BYTES);
    lines_fetch(&leg->jbuf, LINE_BYTES);
    lines_fetch(&leg->cfg, LEG_CFG_TICK_BYTES);
}

/** A packet of it will be looked at soon. */
FETCH void leg_fetch_rx(const struct leg *leg)
{
    lines_fetch((const uint8_t *)leg + LINE_BYTES, LEG_LINES_BYTES - LINE_BYTES);
    lines_fetch(&leg->stats, LEG_STATS_TICK_BYTES);
    lines_fetch((const uint8_t *)&leg->jbuf + LINE_BYTES, JBUF_TICK_BYTES - LINE_BYTES);
    if (leg->seal) {
        seal_fetch_rx(leg->seal);
    }
}

/** What concealment remembers will be written soon. */
FETCH void leg_fetch_frame(const struct leg *leg)
{
    if (leg->rx.plc.history) {
        lines_fetch(leg->rx.plc.history + leg->rx.plc.oldest,
                    rate_frame_samples(leg->cfg.fmt.rate_hz) * sizeof(int16_t));
    }
}

/** A packet goes to it soon. */
FETCH void leg_fetch_tx(const struct leg *leg)
{
    if (leg->seal) {
        seal_fetch_tx(leg->seal);
    }
}

/* Decoded audio that waits, in RTP ticks. */
static inline uint32_t leg_fifo_ts(const struct leg *leg)
{
    return leg->rx.n_fifo * leg->frame_ts / (uint32_t)rate_frame_samples(leg->cfg.fmt.rate_hz);
}

static inline void leg_drop(struct leg *leg, enum drop drop)
{
    leg->stats.drops[drop]++;
    leg->stats.last_drop = drop < DROP_TX_FULL ? drop : leg->stats.last_drop;
}

#endif
