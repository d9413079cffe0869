/* The adaptive jitter buffer. See jbuf.h. */
#include "core/media/jbuf.h"

#include <string.h>

enum {
    WINDOW_TICKS_MIN = 50,  /* 1 s */
    WINDOW_TICKS_MAX = 400, /* 8 s, reached when the network keeps being late after every attempt */
    CALM_TICKS = 500,       /* 10 s without a late packet halve the window */
    EXCUSE_TICKS = 200,     /* who is late no more often than every 4 s is caught up with at once ... */
    EXCUSES_MAX = 3,        /* ... and may be so thrice in a row */
    LARGE_FRAMES = 3,       /* what is beyond it does not wait for a long window: a stall, not jitter */
    BLEND_EVERY_TICKS = 4,  /* a quarter faster while coming down ... */
    BLEND_SOON_TICKS = 2,   /* ... and half as fast again while there is a lot */
    BLEND_SOON_FRAMES = 5,
    CREDIT_MAX = 1000,
    MARGIN_SHARE = 32, /* arrivals within this share of a tick (0.6 ms) before it are on the edge */
    SILENCE_TICKS = 15 /* so long a gap is a pause of the sender, not lateness */
};

void jbuf_init(struct jbuf *j, uint32_t frame_ts, uint32_t depth_max_ts)
{
    memset(j, 0, sizeof *j);
    j->frame_ts = frame_ts;
    j->packet_ts = frame_ts;
    j->depth_max_ts = depth_max_ts;
    j->window_ticks = WINDOW_TICKS_MIN;
    j->surplus_min_ts = j->short_min_ts = j->margin_min_ts = UINT32_MAX;
    j->excuses = EXCUSES_MAX;
    j->calm_ticks = CALM_TICKS; /* one disturbance does not make a bad network */
}

void jbuf_attach(struct jbuf *j, struct pool *pool)
{
    j->pool = pool;
}

static unsigned slot_of(const struct jbuf *j, uint16_t seq)
{
    return (uint16_t)(seq - j->base_seq) & (JBUF_SLOTS - 1);
}

static struct jbuf_packet *packet_at(struct jbuf *j, uint16_t seq)
{
    return &j->packets[slot_of(j, seq)];
}

void jbuf_done(struct jbuf *j, const struct jbuf_packet *packet)
{
    if (!packet->borrowed) {
        pool_give(j->pool, (uint8_t *)packet->payload);
    }
}

void jbuf_keep(struct jbuf *j, const struct jbuf_packet *packet)
{
    if (j->n_past == JBUF_PAST) {
        jbuf_done(j, &j->past[0]);
        memmove(j->past, j->past + 1, (JBUF_PAST - 1) * sizeof j->past[0]);
        j->n_past--;
    }
    j->past[j->n_past++] = *packet;
}

void jbuf_forget(struct jbuf *j)
{
    for (unsigned i = 0; i < j->n_past; i++) {
        jbuf_done(j, &j->past[i]);
    }
    j->n_past = 0;
}

static void packet_drop(struct jbuf *j, struct jbuf_packet *p)
{
    jbuf_done(j, p);
    p->present = false;
    j->n_held--;
}

unsigned jbuf_reset(struct jbuf *j)
{
    unsigned n = j->n_held;
    jbuf_forget(j);
    for (unsigned i = 0; i < JBUF_SLOTS && j->n_held; i++) {
        if (j->packets[i].present) {
            packet_drop(j, &j->packets[i]);
        }
    }
    j->started = false;
    j->credit = 0;
    j->surplus_ts = 0;
    j->surplus_min_ts = j->short_min_ts = j->margin_min_ts = UINT32_MAX;
    j->window_at = 0;
    return n;
}

uint32_t jbuf_backlog_ts(const struct jbuf *j)
{
    return j->n_held ? (uint32_t)(uint16_t)(j->end_seq - j->next_seq) * j->packet_ts : 0;
}

/* Moves the head past one packet, held or missing. */
static unsigned head_advance(struct jbuf *j)
{
    struct jbuf_packet *p = packet_at(j, j->next_seq);
    unsigned dropped = 0;
    if (p->present) {
        packet_drop(j, p);
        dropped = 1;
    }
    j->next_seq++;
    return dropped;
}

static void bound_keep(struct jbuf *j, uint64_t *drops)
{
    while (j->n_held && jbuf_backlog_ts(j) > j->depth_max_ts) {
        drops[DROP_SKIPPED] += head_advance(j);
    }
}

enum drop jbuf_put(struct jbuf *j, const struct jbuf_packet *packet, uint64_t *drops)
{
    if (!j->started) {
        j->started = true;
        j->next_seq = packet->seq;
    }
    int16_t ahead = (int16_t)(packet->seq - j->next_seq);
    if (ahead < 0) {
        return DROP_LATE;
    }
    if (ahead >= JBUF_SLOTS) {
        /* The network was away for longer than the buffer is deep: begin again here. */
        drops[DROP_SKIPPED] += jbuf_reset(j);
        j->started = true;
        j->next_seq = packet->seq;
    }
    if (!j->n_held) {
        j->base_seq = j->next_seq;
    }
    struct jbuf_packet *p = packet_at(j, packet->seq);
    if (p->present) {
        return DROP_DUPLICATE;
    }
    j->packet_ts = packet->duration_ts ? packet->duration_ts : j->packet_ts;
    *p = *packet;
    p->present = true;
    p->borrowed = true;
    if (!j->n_held || (int16_t)(packet->seq + 1 - j->end_seq) > 0) {
        j->end_seq = (uint16_t)(packet->seq + 1);
    }
    j->n_held++;
    bound_keep(j, drops);
    return DROP_NONE;
}

/*
 * Packets missing at the head whose time has been concealed already: while the buffer was empty nobody could know
 * whether they were late or lost. Now later ones are here, so they count as lost and cost no further time.
 */
static void credit_spend(struct jbuf *j)
{
    uint32_t credit_ts = j->credit * j->frame_ts;
    while (j->n_held && !packet_at(j, j->next_seq)->present && credit_ts >= j->packet_ts) {
        credit_ts -= j->packet_ts;
        j->credit -= (uint16_t)MIN((j->packet_ts + j->frame_ts - 1) / j->frame_ts, j->credit);
        j->next_seq++;
    }
}

/*
 * The packet that is handed out came after its tick: surplus is worth keeping for longer. Unless that is rare, and
 * those after it are here in time: then their delay is what was concealed, and of no more use.
 */
static void late_note(struct jbuf *j, const struct jbuf_packet *p)
{
    bool pause = j->credit > SILENCE_TICKS || p->marker || p->ts - j->last_ts > 2 * j->packet_ts;
    if (j->credit && !pause) {
        if (j->calm_ticks < CALM_TICKS) {
            j->window_ticks = (uint16_t)MIN(2 * j->window_ticks, WINDOW_TICKS_MAX);
        }
        uint32_t behind_ts = jbuf_backlog_ts(j) - MIN(jbuf_backlog_ts(j), j->packet_ts); /* p is still in it */
        if (behind_ts && j->excuses) {
            j->excuses--;
            j->surplus_ts = MAX(j->surplus_ts, MIN(behind_ts, j->credit * j->frame_ts));
            j->since_blend = BLEND_EVERY_TICKS;
        }
        j->calm_ticks = 0;
    }
    j->credit = 0;
}

enum jbuf_get jbuf_get(struct jbuf *j, struct jbuf_packet *packet)
{
    credit_spend(j);
    if (!j->n_held) {
        if (j->credit < CREDIT_MAX) {
            j->credit++;
        }
        return JBUF_EMPTY;
    }
    struct jbuf_packet *p = packet_at(j, j->next_seq);
    if (!p->present) {
        j->next_seq++;
        return JBUF_LOST;
    }
    late_note(j, p);
    *packet = *p;
    p->present = false;
    j->n_held--;
    j->next_seq++;
    j->last_ts = p->ts;
    return JBUF_PACKET;
}

uint32_t jbuf_blend_due(struct jbuf *j)
{
    bool soon = j->surplus_ts >= BLEND_SOON_FRAMES * j->frame_ts;
    if (!j->surplus_ts || j->since_blend < (soon ? BLEND_SOON_TICKS : BLEND_EVERY_TICKS)) {
        return 0;
    }
    uint32_t blend_ts = MIN(j->surplus_ts, j->frame_ts);
    j->surplus_ts -= blend_ts;
    j->since_blend = 0;
    return blend_ts;
}

const struct jbuf_packet *jbuf_peek(const struct jbuf *j)
{
    const struct jbuf_packet *p = &j->packets[slot_of(j, j->next_seq)];
    return j->n_held && p->present ? p : NULL;
}

void jbuf_margin(struct jbuf *j, uint32_t margin_ts)
{
    j->margin_min_ts = MIN(j->margin_min_ts, margin_ts);
}

void jbuf_surplus(struct jbuf *j)
{
    if (jbuf_backlog_ts(j) >= 2 * j->frame_ts) {
        j->surplus_ts = MAX(j->surplus_ts, j->frame_ts);
        j->since_blend = BLEND_EVERY_TICKS;
    }
}

/* After a stall, what was learnt of the network before is another story. */
static void patience_forget(struct jbuf *j)
{
    j->window_ticks = WINDOW_TICKS_MIN;
    j->window_at = 0;
    j->surplus_min_ts = j->margin_min_ts = UINT32_MAX;
}

/* The window is over: what was there all the time was not needed, except on the edge of the tick. */
static void window_close(struct jbuf *j)
{
    bool on_edge = j->margin_min_ts < j->frame_ts / MARGIN_SHARE;
    uint32_t needed_ts = on_edge ? MIN(j->packet_ts, j->frame_ts) : 0;
    uint32_t surplus_ts = j->surplus_min_ts - MIN(j->surplus_min_ts, needed_ts);
    j->surplus_ts = surplus_ts >= j->frame_ts / 4 ? surplus_ts : 0;
    j->surplus_min_ts = j->margin_min_ts = UINT32_MAX;
    j->window_at = 0;
}

void jbuf_tick(struct jbuf *j, uint32_t fifo_ts)
{
    if (!j->started) {
        return;
    }
    uint32_t backlog_ts = jbuf_backlog_ts(j) + fifo_ts;
    j->surplus_min_ts = MIN(j->surplus_min_ts, backlog_ts);
    j->short_min_ts = MIN(j->short_min_ts, backlog_ts);
    j->since_blend = (uint16_t)MIN(j->since_blend + 1, 1000);
    if (++j->excuse_ticks == EXCUSE_TICKS) {
        j->excuse_ticks = 0;
        j->excuses = (uint8_t)MIN(j->excuses + 1, EXCUSES_MAX);
    }
    if (++j->calm_ticks % CALM_TICKS == 0) {
        j->window_ticks = (uint16_t)MAX(j->window_ticks / 2, WINDOW_TICKS_MIN);
    }
    if (backlog_ts == 0) {
        j->surplus_ts = 0; /* the sender paused, or it was needed after all */
    }
    if (++j->window_at >= j->window_ticks) {
        window_close(j);
    }
    if (j->window_at % WINDOW_TICKS_MIN == 0) {
        uint32_t large_ts = LARGE_FRAMES * j->frame_ts;
        if (j->short_min_ts != UINT32_MAX && j->short_min_ts > large_ts) {
            j->surplus_ts = MAX(j->surplus_ts, j->short_min_ts - large_ts);
            patience_forget(j); /* and the rest soon after */
        }
        j->short_min_ts = UINT32_MAX;
    }
}

unsigned jbuf_skip(struct jbuf *j, unsigned ticks)
{
    unsigned dropped = 0;
    uint32_t skip_ts = ticks * j->frame_ts;
    patience_forget(j);
    while (j->n_held > 1 && skip_ts >= j->packet_ts) {
        skip_ts -= j->packet_ts;
        dropped += head_advance(j);
    }
    return dropped;
}

unsigned jbuf_trim(struct jbuf *j, uint32_t max_ts)
{
    unsigned dropped = 0;
    while (j->n_held && jbuf_backlog_ts(j) > max_ts) {
        dropped += head_advance(j);
    }
    return dropped;
}

/* @return false: the pool is dry, and it is lost */
static bool packet_settle(struct jbuf *j, struct jbuf_packet *p)
{
    if (!p->borrowed) {
        return true;
    }
    uint8_t *block = pool_take(j->pool, p->bytes);
    if (block) {
        memcpy(block, p->payload, p->bytes);
        p->payload = block;
        p->borrowed = false;
    }
    return block != NULL;
}

/* Only the newest can still be borrowed. Without room the past is forgotten: it was a help, not a need. */
static void past_settle(struct jbuf *j)
{
    for (unsigned i = 0; i < j->n_past; i++) {
        if (!packet_settle(j, &j->past[i])) {
            jbuf_forget(j);
        }
    }
}

unsigned jbuf_settle(struct jbuf *j)
{
    unsigned dropped = 0;
    past_settle(j);
    if (!j->n_held) {
        return 0;
    }
    for (uint16_t seq = j->next_seq; seq != j->end_seq; seq++) {
        struct jbuf_packet *p = packet_at(j, seq);
        if (p->present && !packet_settle(j, p)) {
            packet_drop(j, p);
            dropped++;
        }
    }
    return dropped;
}
