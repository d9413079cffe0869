/*
 * The adaptive jitter buffer of one leg: packets by sequence number, handed out one at a time when the leg's tick needs
 * audio. On a clean network it holds nothing across ticks and adds no delay. Delay grows only by what had to be
 * concealed because a packet came late, is bounded by JBUF_DEPTH_MAX_MS, and comes down again: whatever has not been
 * needed for a while is played out faster, one tick in four blended into the next; at once, if packets are rarely late.
 *
 * A packet is borrowed where it arrived until the end of its tick; what is still waiting then is copied to the worker's
 * pool (jbuf_settle). What was handed out but not decoded can be kept for a while (jbuf_keep). Worker, hot; knows no
 * PCM and no clock: the leg tells what it has in hand.
 */
#ifndef CORE_MEDIA_JBUF_H
#define CORE_MEDIA_JBUF_H

#include "core/base/stats.h"
#include "core/media/pool.h"

struct jbuf_packet {
    const uint8_t *payload;
    uint32_t ts;
    uint32_t duration_ts; /* 0: no audio in it, it only says that the sender pauses */
    uint16_t bytes, seq;
    bool present, borrowed, marker;
    uint8_t claim_dbov; /* level that the sender says it has (RFC 6464), LEVEL_UNKNOWN: nothing said */
};

#define LEVEL_UNKNOWN 255

/* What a clean tick touches stands first. */
struct jbuf {
    struct pool *pool;
    uint32_t frame_ts; /* one tick in RTP ticks */
    uint32_t depth_max_ts;
    uint32_t packet_ts; /* duration of the last packet that came: what a lost one stands for */
    uint32_t last_ts;   /* of the last packet handed out */
    uint16_t next_seq;  /* to be handed out */
    uint16_t n_held;
    uint16_t end_seq;  /* newest held + 1, while n_held */
    uint16_t base_seq; /* whose packet lies in packets[0]: set anew whenever nothing is held */
    bool started;
    uint8_t n_past;
    uint8_t excuses;       /* so many late packets are no reason for delay */
    uint16_t excuse_ticks; /* since the last one was granted */
    /* adaptation */
    uint16_t credit;         /* ticks concealed since the last packet handed out */
    uint16_t window_ticks;   /* how long surplus must last before it is surplus */
    uint16_t window_at;      /* ticks into the window */
    uint32_t margin_min_ts;  /* least time between a packet's arrival and the tick that found it, in the window */
    uint32_t short_min_ts;   /* least backlog in the shortest window, which decides about large surplus */
    uint32_t surplus_min_ts; /* least backlog seen in the window */
    uint32_t surplus_ts;     /* to be blended away */
    uint16_t since_blend;    /* ticks */
    uint32_t calm_ticks;     /* since the last late packet */
    /* By seq - base_seq modulo JBUF_SLOTS: on a clean network it is the first one tick after tick, in a warm line. */
    struct jbuf_packet packets[JBUF_SLOTS];
    struct jbuf_packet past[JBUF_PAST]; /* kept, the newest last */
};

#define JBUF_TICK_BYTES (offsetof(struct jbuf, packets) + sizeof(struct jbuf_packet))

enum jbuf_get {
    JBUF_EMPTY,  /* nothing here: conceal a tick, ask again next tick */
    JBUF_LOST,   /* this packet is missing, later ones are here: conceal packet_ts of audio */
    JBUF_PACKET, /* play it */
};

/** @param frame_ts  RTP ticks of one 20 ms tick  @thread control; cold */
COLD void jbuf_init(struct jbuf *j, uint32_t frame_ts, uint32_t depth_max_ts);

/** The pool of the worker that the leg was lent to. Once, before the first put. */
void jbuf_attach(struct jbuf *j, struct pool *pool);

/**
 * Forgets everything, gives held packets back: a sender restarted, or the leg leaves its worker.
 * @return how many packets that were
 */
unsigned jbuf_reset(struct jbuf *j);

/**
 * Takes a packet, borrowed until jbuf_settle.
 * @param drops  counters [DROPS]; packets pushed out over the bound count as SKIPPED
 * @return DROP_NONE | DUPLICATE, LATE
 */
enum drop jbuf_put(struct jbuf *j, const struct jbuf_packet *packet, uint64_t *drops);

/** Next audio. packet is written for JBUF_PACKET; it stays valid until jbuf_done. */
enum jbuf_get jbuf_get(struct jbuf *j, struct jbuf_packet *packet);

/**
 * How much more than a tick's audio should this tick play, blended, so that the delay comes down? Ask once a tick.
 * @return RTP ticks, at most frame_ts; usually 0
 */
uint32_t jbuf_blend_due(struct jbuf *j);

/** Gives a packet that was handed out back. */
void jbuf_done(struct jbuf *j, const struct jbuf_packet *packet);

/** Or keeps it: the last JBUF_PAST of them, until jbuf_forget. */
void jbuf_keep(struct jbuf *j, const struct jbuf_packet *packet);
/** Gives all that is kept back. */
void jbuf_forget(struct jbuf *j);

/** The packet that follows a lost one, for its FEC; NULL if it is not here. Stays held. */
const struct jbuf_packet *jbuf_peek(const struct jbuf *j);

/**
 * End of the tick: measures the backlog, adapts.
 * @param fifo_ts  audio decoded but not played, in RTP ticks
 */
void jbuf_tick(struct jbuf *j, uint32_t fifo_ts);

/** Gives up audio that belongs to ticks which never ran (the server was stalled). @return packets given up */
unsigned jbuf_skip(struct jbuf *j, unsigned ticks);

/**
 * How long before this tick a packet arrived. One that comes just before the tick will sometimes come just after it, so
 * a surplus of one tick is then no surplus. Tell it for as many packets as their time is known of.
 */
void jbuf_margin(struct jbuf *j, uint32_t margin_ts);

/** One tick's audio more than needed is here, and will be from now on: blend it away at once. */
void jbuf_surplus(struct jbuf *j);

/** Copies borrowed packets to the pool. @return packets not played yet, dropped since the pool is dry (DROP_POOL) */
unsigned jbuf_settle(struct jbuf *j);

/** Gives the oldest up until no more than so much is waiting. @return packets given up */
unsigned jbuf_trim(struct jbuf *j, uint32_t max_ts);

/** Audio waiting, in RTP ticks. */
uint32_t jbuf_backlog_ts(const struct jbuf *j);

#endif
