/* The floor among the legs of a conference. See ptt.h. */
#include "core/conf/ptt.h"

#include <string.h>

enum {
    UNSPECIFIED_PORT = 0,
    RTCP_SPREAD_MS = 5000 /* reports after a sleep do not march in step */
};

static uint64_t ms_of(uint64_t ns)
{
    return ns / NS_PER_MS;
}

static struct leg_ptt *ptt_of(struct floor_seat *seat)
{
    return (struct leg_ptt *)((uint8_t *)seat - offsetof(struct leg_ptt, seat));
}

/* --- Towards the terminal ----------------------------------------------------------------------------------------- */

static bool may_send(struct leg *leg)
{
    const struct leg_ptt *p = leg->ptt;
    if (leg->socket == SOCKET_NONE || addr_port(&p->at) == UNSPECIFIED_PORT ||
        (!p->is_on_rtp && leg->cfg.rtcp_fd < 0)) {
        return false;
    }
    bool is_shut = leg->from.phase == SOURCE_SHUT, is_proved = leg->from.may_send || p->is_known;
    if (is_shut || !is_proved) {
        leg_drop(leg, is_shut ? DROP_TX_SHUT : DROP_TX_UNPROVED);
    }
    return !is_shut && is_proved;
}

/* What stands in the box's room goes to where the leg's floor control is. */
static void wire_send(struct leg *leg, struct outbox *box, uint8_t *buf, size_t n)
{
    n = leg->seal ? seal_rtcp(leg->seal, buf, n) : n;
    if (!n) {
        leg_drop(leg, DROP_TX_SEAL);
        return;
    }
    outbox_add(box, leg->ptt->is_on_rtp ? leg->slot_rtp : leg->slot_rtcp, n, &leg->ptt->at);
}

static void app_send(struct leg *leg, struct outbox *box, const struct app_msg *msg)
{
    struct app_msg ours = *msg;
    ours.ssrc = leg->cfg.ssrc; /* SRTCP seals for no other */
    if (may_send(leg)) {
        uint8_t *buf = outbox_room(box);
        wire_send(leg, box, buf, app_write(buf, &ours));
    }
}

static void say(void *ctx, struct floor_seat *to, const struct app_msg *msg)
{
    const struct conf *conf = ctx;
    struct leg *leg = ptt_of(to)->leg;
    if (conf_is_half(conf) && leg->cfg.ptt.speaks_floor) {
        app_send(leg, conf->ptt->user.box, msg);
    }
}

/* --- Who is heard ------------------------------------------------------------------------------------------------- */

void ptt_tx_set(struct leg *leg)
{
    bool is_sole = false;
    if (leg->ptt && leg->conf && leg->conf->ptt && conf_is_half(leg->conf)) {
        struct floor_seat *const *holders = leg->conf->ptt->floor.holders;
        is_sole = leg->ptt->seat.holds && !(holders[0] && holders[1]) && !leg->cfg.ptt.fill;
    }
    leg->tx.on = leg->tx.is_set && !is_sole;
}

/* The age that packets in the jitter buffer may have is over for some. @return what is left is worth to be heard */
static bool preroll_trim(struct leg *leg, uint64_t now_ns)
{
    uint64_t age_ms = ms_of(now_ns - MIN(leg->ptt->heard_ns, now_ns));
    uint32_t keep_ts = leg->frame_ts * (uint32_t)(PTT_PREROLL_MS - MIN(age_ms, (uint64_t)PTT_PREROLL_MS)) / TICK_MS;
    leg->stats.drops[DROP_FLOOR] += jbuf_trim(&leg->jbuf, keep_ts);
    return leg->jbuf.n_held > 0;
}

/* Nothing of its stream is left. */
static void stream_clear(struct leg *leg)
{
    leg->stats.drops[DROP_FLOOR] += jbuf_reset(&leg->jbuf);
    leg->rx.n_fifo = 0;
    leg->rx.stream = STREAM_STARTS;
    leg->rx.peak = 0;
    leg->talk.voice = VOICE_NONE;
    leg->talk.level_dbov = leg->stats.level_dbov = LEVEL_SILENT;
    if (leg->rx.plc.history) {
        plc_pause(&leg->rx.plc);
    }
}

static void place_set(struct leg *leg, const struct conf *conf, bool is_heard)
{
    leg->talk.place = is_heard || leg->plays ? PLACE_OWN : conf->cfg.talkers ? PLACE_OUT : PLACE_FREE;
}

/* A burst begins, with what has come just before. */
static void burst_begin(struct leg *leg, const struct conf *conf, uint64_t now_ns)
{
    if (!preroll_trim(leg, now_ns)) {
        stream_clear(leg);
    }
    leg->talk.claims_void = false;
    leg->talk.lie_ticks = leg->talk.idle_ticks = 0;
    if (kit_take(conf->kits, leg)) { /* else it holds the floor, and is not heard: counted */
        must(leg->cfg.codec->decoder_init(leg->rx.decoder, &leg->cfg.fmt) == 0);
    }
    leg->ptt->granted_ns = now_ns;
    leg->ptt->reads_all = true;
    leg->ptt->floods[0].is_on = false;
    place_set(leg, conf, true);
}

static void burst_end(struct leg *leg, const struct conf *conf)
{
    stream_clear(leg);
    kit_give(conf->kits, leg);
    place_set(leg, conf, false);
}

/* May the floor be granted, as far as the worker is concerned? */
static bool is_ready(void *ctx, struct floor_seat *seat)
{
    const struct conf *conf = ctx;
    return kits_are_left(conf->kits, ptt_of(seat)->leg);
}

static void event(void *ctx, enum floor_event what, struct floor_seat *seat, uint32_t value)
{
    struct conf *conf = ctx;
    struct conf_ptt *p = conf->ptt;
    struct leg *leg = seat ? ptt_of(seat)->leg : NULL;
    if (what == FLOOR_EV_GRANTED) {
        burst_begin(leg, conf, p->now_ns);
    } else if (what == FLOOR_EV_RELEASED) {
        burst_end(leg, conf);
        ptt_tx_set(leg);
    }
    for (unsigned i = 0; i < FLOOR_HOLDERS_MAX; i++) {
        if (p->floor.holders[i]) {
            ptt_tx_set(ptt_of(p->floor.holders[i])->leg);
        }
    }
    p->user.event(p->user.owner, conf, leg, what, value);
}

/* --- The conference ----------------------------------------------------------------------------------------------- */

/* All that the floor does from here on is done now. @return now in its time */
static uint64_t now_set(struct conf_ptt *p, uint64_t now_ns)
{
    p->now_ns = now_ns;
    p->due_ms = 0; /* whatever happens may begin a timer */
    return ms_of(now_ns);
}

void ptt_open(struct conf *conf, const struct ptt_user *user, uint64_t now_ns)
{
    static const struct floor_policy usual = FLOOR_DEFAULTS;
    struct conf_ptt *p = conf->ptt;
    struct floor_user floor_user = {.ctx = conf, .say = say, .event = event, .is_ready = is_ready};
    p->user = *user;
    conf->kits = user->kits;
    floor_init(&p->floor, &usual, &floor_user, &user->stats->floor, 0, now_set(p, now_ns));
    floor_close(&p->floor);
}

void ptt_set(struct conf *conf, enum floor_mode mode, bool sleeps, const struct floor_policy *policy, uint64_t now_ns)
{
    struct conf_ptt *p = conf->ptt;
    uint64_t now_ms = now_set(p, now_ns);
    floor_policy_set(&p->floor, policy);
    p->sleeps = sleeps;
    if (mode == conf->floor_mode) {
        return;
    }
    bool was_half = conf_is_half(conf), is_half = mode == FLOOR_MODE_HALF;
    if (was_half) {
        floor_close(&p->floor);
    }
    conf->floor_mode = mode;
    conf->n_talkers = was_half || is_half ? 0 : conf->n_talkers;
    for (uint32_t i = 0; was_half != is_half && i < conf->plan.n_legs; i++) {
        struct leg *leg = conf->plan.legs[i];
        if (!leg->plays) {
            stream_clear(leg);
        }
        place_set(leg, conf, false);
        ptt_tx_set(leg);
    }
    if (is_half) {
        floor_open(&p->floor, now_ms);
    }
}

static bool is_spoken_at(const struct conf *conf)
{
    const struct floor *f = &conf->ptt->floor;
    return (f->holders[0] && f->holders[0]->has_spoken) || (f->holders[1] && f->holders[1]->has_spoken);
}

/* Something plays, or is listened to elsewhere, whoever has the floor. */
static bool is_needed(const struct conf *conf)
{
    return !conf_is_half(conf) || !conf->ptt->sleeps || conf->n_clips || conf->n_relays;
}

bool ptt_may_sleep(const struct conf *conf)
{
    return !is_needed(conf) && conf->ptt->floor.state == FLOOR_IDLE;
}

bool ptt_must_tick(const struct conf *conf)
{
    return is_needed(conf) || is_spoken_at(conf);
}

uint64_t ptt_arrival_ns(const struct conf *conf, uint64_t now_ns)
{
    const struct floor_seat *holder = conf->ptt->floor.holders[0];
    return conf_is_half(conf) && holder && holder->has_spoken ? ptt_of((struct floor_seat *)holder)->heard_ns : now_ns;
}

/* What it said is over: what is missing now is not made up. */
static void drain_look(struct leg *leg)
{
    if (floor_drains(&leg->ptt->seat) && !leg->jbuf.n_held) {
        leg->rx.stream = leg->rx.stream == STREAM_RUNS ? STREAM_PAUSES : leg->rx.stream;
    }
}

void ptt_tick_end(struct conf *conf, uint64_t now_ns)
{
    struct conf_ptt *p = conf->ptt;
    for (unsigned i = FLOOR_HOLDERS_MAX; i-- > 0;) {
        struct floor_seat *seat = p->floor.holders[i];
        if (!seat) {
            continue;
        }
        struct leg *leg = ptt_of(seat)->leg;
        bool is_whole = seat->drain_at <= ms_of(now_ns) + p->floor.policy.drain_ms - PTT_LATE_MS;
        ptt_of(seat)->reads_all = false;
        drain_look(leg);
        if (floor_drains(seat) && is_whole && !leg->jbuf.n_held && !leg->rx.n_fifo) {
            floor_drained(seat, now_set(p, now_ns));
        }
    }
}

bool ptt_run(struct conf *conf, uint64_t now_ns)
{
    struct conf_ptt *p = conf->ptt;
    uint64_t now_ms = ms_of(now_ns);
    if (conf_is_half(conf) && now_ms >= p->due_ms) {
        p->now_ns = now_ns;
        p->due_ms = floor_run(&p->floor, now_ms);
    }
    return conf_is_half(conf) && p->due_ms != FLOOR_NEVER;
}

void ptt_wake(struct conf *conf, uint64_t due_ns)
{
    uint64_t slept_ns = due_ns - MIN(conf->ptt->slept_ns, due_ns);
    uint32_t ticks = (uint32_t)((slept_ns + TICK_NS / 2) / TICK_NS), missed = ticks ? ticks - 1 : 0;
    conf->position += missed;
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *leg = conf->plan.legs[i];
        leg->tx.ts += missed * leg->frame_ts;
        leg_tx_break(leg);
        if (leg->rtcp_due_ns < due_ns) {
            leg->rtcp_due_ns = due_ns + leg->beat_index * 89u % RTCP_SPREAD_MS * NS_PER_MS;
        }
        if (leg->ptt) {
            leg->ptt->floods[0].is_on = false;
        }
    }
}

/* --- Legs come, change and go ------------------------------------------------------------------------------------- */

void ptt_remote_set(struct leg *leg, const struct addr *remote)
{
    struct leg_ptt *p = leg->ptt;
    bool is_set = addr_is_set(remote);
    p->is_on_rtp = !is_set && leg->cfg.rtcp_mux;
    p->at = is_set ? *remote : leg->cfg.rtcp_mux ? leg->cfg.remote_rtp : leg->cfg.remote_rtcp;
    p->is_on_rtp |= leg->cfg.rtcp_fd < 0;
    p->is_known = false;
}

void ptt_enter(struct leg *leg, uint64_t now_ns)
{
    struct leg_ptt *p = leg->ptt;
    struct conf_ptt *at = leg->conf->ptt;
    if (at && conf_is_half(leg->conf)) {
        stream_clear(leg);
    }
    if (!p || !at) {
        return;
    }
    p->seat = (struct floor_seat){.rights = leg->cfg.ptt.rights, .ssrc = leg->rx.source.ssrc};
    p->seat.identity = (struct app_text){leg->cfg.ptt.identity, (uint8_t)strlen(leg->cfg.ptt.identity)};
    floor_join(&at->floor, &p->seat, now_set(at, now_ns));
}

void ptt_leave(struct leg *leg, uint64_t now_ns)
{
    if (leg->ptt && leg->ptt->seat.floor) {
        floor_leave(&leg->ptt->seat, now_set(leg->conf->ptt, now_ns));
    }
    leg->tx.on = leg->tx.is_set;
}

void ptt_take_over(struct leg *leg, struct leg *old, uint64_t now_ns)
{
    struct leg_ptt *p = leg->ptt, *from = old->ptt;
    if (!p || !from) {
        ptt_enter(leg, now_ns);
        if (from && from->seat.floor) {
            floor_leave(&from->seat, now_set(leg->conf->ptt, now_ns));
        }
        return;
    }
    p->is_known = from->is_known && addr_same(&p->at, &from->at);
    p->at_ms = from->at_ms;
    p->messages = from->messages;
    p->message_due_ns = from->message_due_ns;
    p->is_lost = from->is_lost;
    p->told_lost = from->told_lost;
    p->alive_ns = from->alive_ns;
    p->event = from->event;
    from->messages = NULL;
    p->seat.rights = leg->cfg.ptt.rights;
    p->seat.ssrc = from->seat.ssrc;
    p->seat.identity = (struct app_text){leg->cfg.ptt.identity, (uint8_t)strlen(leg->cfg.ptt.identity)};
    if (from->seat.floor) {
        floor_move(&p->seat, &from->seat);
    }
    p->granted_ns = from->granted_ns;
    p->reads_all = true;
    if (leg->conf->ptt) {
        kit_give(leg->conf->kits, old);
    }
    if (p->seat.holds && kit_take(leg->conf->kits, leg)) {
        must(leg->cfg.codec->decoder_init(leg->rx.decoder, &leg->cfg.fmt) == 0);
    }
    place_set(leg, leg->conf, conf_is_half(leg->conf) && p->seat.holds);
    ptt_tx_set(leg);
}

void ptt_rights_set(struct leg *leg, const struct floor_rights *rights, uint64_t now_ns)
{
    uint64_t now_ms = leg->conf->ptt ? now_set(leg->conf->ptt, now_ns) : 0;
    leg->cfg.ptt.rights = *rights;
    floor_rights_set(&leg->ptt->seat, rights, now_ms);
}

void ptt_wish(struct leg *leg, const struct floor_wish *wish, uint64_t now_ns)
{
    struct floor_seat *seat = &leg->ptt->seat;
    if (!seat->floor || !conf_is_half(leg->conf)) {
        return;
    }
    uint64_t now_ms = now_set(leg->conf->ptt, now_ns);
    uint8_t priority = wish->priority < FLOOR_PRIORITY_OWN ? (uint8_t)wish->priority : seat->rights.priority;
    switch (wish->what) {
    case FLOOR_ASK_REQUEST:
        seat->ssrc = leg->rx.source.ssrc;
        floor_request(seat, priority, wish->tier, now_ms);
        break;
    case FLOOR_ASK_RELEASE:
        floor_release(seat, now_ms);
        break;
    case FLOOR_ASK_REVOKE:
        floor_revoke(seat, wish->cause, now_ms);
        break;
    }
}

/* --- From the terminal -------------------------------------------------------------------------------------------- */

enum drop ptt_source(const struct leg *leg, const struct addr *from, uint32_t now_ms)
{
    const struct leg_ptt *p = leg->ptt;
    if (!from || leg->seal || (p->is_known && addr_same(from, &p->at))) {
        return DROP_NONE;
    }
    bool is_host = p->is_known ? addr_same_host(from, &p->at) : source_is_host(&leg->from, from);
    bool lives = p->is_known && now_ms - p->at_ms < PTT_FORGERY_MS;
    return is_host && !lives ? DROP_NONE : DROP_SOURCE;
}

/* Floor control is there, and so is RTP if both have one port. */
static void latch(struct leg *leg, const struct addr *from, bool on_rtp, uint32_t now_ms)
{
    struct leg_ptt *p = leg->ptt;
    p->at_ms = now_ms;
    if (from) {
        p->at = *from;
        p->is_known = true;
        p->is_on_rtp = on_rtp;
    }
    if (from && on_rtp && leg->cfg.rtcp_mux && !addr_same(from, &leg->from.at) && leg->from.phase != SOURCE_SHUT) {
        leg->moved |= source_heard(&leg->from, from, now_ms);
    }
    source_alive(&leg->from, from ? from : &leg->from.at, now_ms);
}

/* The answer of its terminal to the message that is on its way. */
static void call_take(struct leg *leg, const struct app_msg *msg)
{
    struct leg_ptt *p = leg->ptt;
    if (msg->subtype != APP_CALL_ACK || !p->messages || !p->messages->n_sent) {
        leg_drop(leg, DROP_APP_SUBTYPE);
        return;
    }
    p->messages->is_answered = true;
    p->messages->reason = APP_HAS(msg, APP_REASON) ? msg->call.reason : 0;
}

static void message_take(struct leg *leg, const struct app_msg *msg, uint64_t now_ns)
{
    struct floor_seat *seat = &leg->ptt->seat;
    if (msg->name == APP_MCPC) {
        call_take(leg, msg);
    } else if (seat->floor && conf_is_half(leg->conf) && leg->cfg.ptt.speaks_floor) {
        seat->ssrc = msg->ssrc; /* named to the others, believed nowhere */
        floor_take(seat, msg, now_set(leg->conf->ptt, now_ns));
        drain_look(leg);
    } else if (leg->conf->ptt) {
        count_add(&leg->conf->ptt->user.stats->floor.ignored, 1);
    }
}

void ptt_rx(struct leg *leg, const uint8_t *buf, size_t n, const struct addr *from, bool on_rtp, uint64_t now_ns)
{
    uint32_t now_ms = (uint32_t)ms_of(now_ns);
    if (!app_is(buf, n)) { /* a keep-alive is answered, seldom: an answer to an answer is none */
        latch(leg, from, on_rtp, now_ms);
        if (leg->conf->ptt && now_ns - leg->ptt->alive_ns >= PTT_ANSWER_MS * NS_PER_MS) {
            ptt_alive_send(leg, leg->conf->ptt->user.box, now_ns);
        }
        return;
    }
    size_t used = 0;
    for (size_t at = 0; at < n; at += used) {
        struct app_msg msg;
        used = 0;
        enum drop drop = app_parse(buf + at, n - at, &msg, &used);
        if (!drop) {
            latch(leg, from, on_rtp, now_ms);
            message_take(leg, &msg, now_ns);
            continue;
        }
        leg_drop(leg, drop);
        if (!used) {
            return;
        }
    }
}

/* --- Media -------------------------------------------------------------------------------------------------------- */

/* Came after what was said before the Release. */
static bool is_beyond(const struct floor_seat *seat, uint64_t now_ms)
{
    return floor_drains(seat) && now_ms + seat->floor->policy.drain_ms > seat->drain_at + PTT_LATE_MS;
}

enum drop ptt_heard(struct leg *leg, bool *keeps, uint64_t now_ns)
{
    struct leg_ptt *p = leg->ptt;
    *keeps = false;
    if (!conf_is_half(leg->conf)) {
        return DROP_NONE;
    }
    if (!p || !p->seat.floor) {
        return DROP_FLOOR;
    }
    uint64_t arrived_ns = p->arrived_ns ? MIN(p->arrived_ns, now_ns) : now_ns, now_ms = ms_of(now_ns);
    p->heard_ns = MAX(p->heard_ns, arrived_ns);
    bool is_stale = p->seat.holds && arrived_ns + PTT_PREROLL_MS * NS_PER_MS < p->granted_ns;
    if (is_stale || is_beyond(&p->seat, now_ms)) {
        return DROP_FLOOR;
    }
    bool had_spoken = p->seat.has_spoken;
    if (floor_heard(&p->seat, now_ms)) {
        leg->conf->ptt->due_ms = had_spoken ? leg->conf->ptt->due_ms : 0; /* T2 begins, T20 ends */
        return DROP_NONE;
    }
    *keeps = now_ns - arrived_ns < PTT_PREROLL_MS * NS_PER_MS;
    return *keeps ? DROP_NONE : DROP_FLOOR;
}

/* Does floor control come by that socket? */
static bool is_control_socket(const struct leg *leg, bool rtcp)
{
    return leg->cfg.ptt.speaks_floor && (rtcp || leg->cfg.rtcp_mux || leg->ptt->is_on_rtp);
}

void ptt_watches(const struct leg *leg, bool wants[2])
{
    const struct leg_ptt *p = leg->ptt;
    bool speaks = leg->cfg.ptt.speaks_floor, is_half = conf_is_half(leg->conf), is_open = leg->socket != SOCKET_NONE;
    bool is_mute = p->seat.holds && !p->seat.has_spoken, is_pulled = p->seat.holds && p->seat.has_spoken;
    bool on_rtp = is_control_socket(leg, false) && !is_pulled;
    wants[0] = is_open && is_half && !p->floods[0].is_on && (conf_is_asleep(leg->conf) || is_mute || on_rtp);
    wants[1] = is_open && speaks && !p->floods[1].is_on && leg->cfg.rtcp_fd >= 0;
}

void ptt_woken(struct leg *leg, bool by_rtcp, bool is_control, uint64_t now_ns)
{
    struct ptt_flood *f = &leg->ptt->floods[by_rtcp];
    if (now_ns - f->from_ns >= PTT_FLOOD_MS * NS_PER_MS) {
        f->from_ns = now_ns;
        f->n_rtp = f->n_control = 0;
    }
    f->n_rtp += !is_control;
    f->n_control += is_control;
    f->is_on |= f->n_rtp > PTT_FLOOD_RTP || f->n_control > PTT_FLOOD_CONTROL;
}

uint64_t ptt_floods_end(struct leg *leg, uint64_t now_ns)
{
    uint64_t next_ns = UINT64_MAX;
    for (unsigned i = 0; i < 2; i++) {
        struct ptt_flood *f = &leg->ptt->floods[i];
        if (f->is_on && is_control_socket(leg, i)) {
            uint64_t end_ns = f->from_ns + PTT_FLOOD_MS * NS_PER_MS;
            f->is_on = now_ns < end_ns;
            next_ns = f->is_on ? MIN(next_ns, end_ns) : next_ns;
        }
    }
    return next_ns;
}

void ptt_preroll(struct leg *leg, uint64_t now_ns)
{
    if (!leg_has_floor(leg)) {
        preroll_trim(leg, now_ns);
    }
}

/* --- Keep-alives -------------------------------------------------------------------------------------------------- */

enum { RR_BYTES = 8, PT_RR = 201 };

void ptt_alive_send(struct leg *leg, struct outbox *box, uint64_t now_ns)
{
    struct leg_ptt *p = leg->ptt;
    leg->rtcp.draw = leg->rtcp.draw * 1664525u + 1013904223u;
    uint32_t spread_ms = (leg->rtcp.draw >> 8) % (PTT_ALIVE_MS - PTT_ALIVE_MIN_MS);
    p->alive_due_ns = now_ns + (PTT_ALIVE_MIN_MS + spread_ms) * NS_PER_MS;
    p->alive_ns = now_ns;
    if (!may_send(leg)) {
        return;
    }
    uint8_t *buf = outbox_room(box);
    buf[0] = 0x80;
    buf[1] = PT_RR;
    store_be16(buf + 2, RR_BYTES / 4 - 1);
    store_be32(buf + 4, leg->cfg.ssrc);
    wire_send(leg, box, buf, RR_BYTES);
    if (!p->is_on_rtp && leg->from.may_send) { /* the way of RTP is another one, and is to stay open too */
        outbox_room(box);
        outbox_add(box, leg->slot_rtp, 0, &leg->from.at);
    }
}

/* --- Call control ------------------------------------------------------------------------------------------------- */

enum { MESSAGE_TIMES = 3 };
#define MESSAGE_AGAIN_NS NS_PER_S

static struct app_text text_of(const char *text)
{
    return (struct app_text){text, (uint8_t)strlen(text)};
}

static void message_send(struct leg *leg, struct outbox *box, const struct ptt_message *m)
{
    struct app_msg msg = {.name = APP_MCPC, .wants_ack = true};
    msg.subtype = m->call == PTT_CONNECT ? APP_CALL_CONNECT : APP_CALL_DISCONNECT;
    msg.call.audio_line = m->audio_line;
    msg.call.floor_line = m->floor_line;
    msg.call.session_type = (uint8_t)m->session_type;
    msg.call.session = text_of(m->session);
    msg.call.group = text_of(m->group);
    msg.call.inviting_user = text_of(m->inviting_user);
    msg.has = (m->audio_line ? 1u << APP_MEDIA : 0) | (m->session[0] ? 1u << APP_SESSION : 0) |
              (m->group[0] ? 1u << APP_GROUP : 0) | (m->inviting_user[0] ? 1u << APP_INVITING_USER : 0);
    app_send(leg, box, &msg);
}

bool ptt_message_run(struct leg *leg, struct outbox *box, uint64_t now_ns, enum ptt_outcome *outcome)
{
    struct leg_ptt *p = leg->ptt;
    struct ptt_message *m = p->messages;
    if (!m || (now_ns < p->message_due_ns && !m->is_answered)) {
        return false;
    }
    if (m->is_answered || m->n_sent == MESSAGE_TIMES || !leg->cfg.ptt.speaks_floor) {
        *outcome = !m->is_answered ? PTT_LOST : m->reason ? PTT_REFUSED : PTT_ACKED;
        return true;
    }
    m->n_sent++;
    p->message_due_ns = now_ns + MESSAGE_AGAIN_NS;
    message_send(leg, box, m);
    return false;
}

void ptt_message_add(struct leg *leg, struct ptt_message *message)
{
    struct ptt_message **link = &leg->ptt->messages;
    while (*link) {
        link = &(*link)->next;
    }
    message->next = NULL;
    message->n_sent = 0;
    message->is_answered = false;
    *link = message;
}
