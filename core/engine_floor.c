/*
 * Push-to-talk on the beat: floors whose timers run, what is due of each session, and what signalling is told of both.
 * The floor itself is core/conf/ptt.h.
 */
#include "core/engine_priv.h"

#include "core/conf/encode.h"
#include "core/conf/encoders.h"

enum { FILL_TICKS_MIN = 50 };
#define FIRST_ALIVE_NS NS_PER_S /* before the grace of a source that has not been heard is over */

/* --- Watching ----------------------------------------------------------------------------------------------------- */

void ptt_watch(struct engine *e, struct leg *leg)
{
    bool wants[2];
    ptt_watches(leg, wants);
    for (unsigned i = 0; i < 2; i++) {
        if (leg->ptt->watches[i] != wants[i]) {
            e->cfg.io->ops->watch(e->cfg.io, i ? leg->slot_rtcp : leg->slot_rtp, wants[i]);
            leg->ptt->watches[i] = wants[i];
            e->n_watched += wants[i] ? 1 : -1u;
        }
    }
}

static void legs_watch(struct engine *e, const struct conf *conf)
{
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        if (conf->plan.legs[i]->ptt) {
            ptt_watch(e, conf->plan.legs[i]);
        }
    }
}

/* --- Events ------------------------------------------------------------------------------------------------------- */

static bool event_try(struct engine *e, struct conf *conf, struct leg *leg, const struct ptt_event *event)
{
    struct ctl_ev ev = {.event = EV_FLOOR, .floor = event->what, .value = event->value, .conf = conf, .leg = leg};
    ev.id = leg ? leg->cfg.id : conf->cfg.id;
    return event_put(e, &ev);
}

/* What finds no room waits with its leg or conference; one more takes its place: the last one says what is. */
static void floor_event_put(void *owner, struct conf *conf, struct leg *leg, enum floor_event what, uint32_t value)
{
    struct ptt_event event = {.is_pending = true, .what = what, .value = value};
    struct ptt_event *waits = leg ? &leg->ptt->event : &conf->ptt->event;
    event.is_pending = waits->is_pending || !event_try(owner, conf, leg, &event);
    *waits = event;
    conf->ptt->has_pending |= event.is_pending;
    if (what == FLOOR_EV_GRANTED || what == FLOOR_EV_RELEASED) {
        ptt_watch(owner, leg);
    }
}

static void events_retry(struct engine *e, struct conf *conf)
{
    struct ptt_event *event = &conf->ptt->event;
    event->is_pending = event->is_pending && !event_try(e, conf, NULL, event);
    conf->ptt->has_pending = event->is_pending;
    for (uint32_t i = 0; i < conf->plan.n_legs; i++) {
        struct leg *leg = conf->plan.legs[i];
        if (leg->ptt && leg->ptt->event.is_pending) {
            leg->ptt->event.is_pending = !event_try(e, conf, leg, &leg->ptt->event);
            conf->ptt->has_pending |= leg->ptt->event.is_pending;
        }
    }
}

void ptt_conf_open(struct engine *e, struct conf *conf)
{
    if (conf->ptt) {
        struct ptt_user user = {
            .owner = e, .box = &e->box, .stats = e->cfg.stats, .kits = &e->kits, .event = floor_event_put};
        ptt_open(conf, &user, e->now_ns);
    }
}

/* --- Asleep ------------------------------------------------------------------------------------------------------- */

static void conf_sleep(struct engine *e, struct conf *conf)
{
    slot_leave(e, conf);
    slot_legs_add(e, conf, -conf->plan.n_legs);
    conf->ptt->is_asleep = true;
    encoders_return(conf, &e->kits);
    conf->ptt->slept_ns = conf->due_ns ? conf->due_ns : e->now_ns;
    count_add(&e->cfg.stats->asleep, 1);
    legs_watch(e, conf);
}

static void conf_wake(struct engine *e, struct conf *conf)
{
    conf->ptt->is_asleep = false;
    slot_enter_behind(e, conf, ptt_arrival_ns(conf, e->now_ns));
    slot_legs_add(e, conf, conf->plan.n_legs);
    ptt_wake(conf, e->slot_due_ns[conf->i_slot]);
    count_add(&e->cfg.stats->asleep, (uint64_t)-1);
    legs_watch(e, conf);
}

static void conf_look(struct engine *e, struct conf *conf)
{
    if (conf->ptt->is_asleep && ptt_must_tick(conf)) {
        conf_wake(e, conf);
    } else if (!conf->ptt->is_asleep && ptt_may_sleep(conf)) {
        conf_sleep(e, conf);
    }
}

/* --- Floors ------------------------------------------------------------------------------------------------------- */

static void conf_timer_end(struct conf *conf)
{
    struct conf_ptt *p = conf->ptt;
    if (p->link_timed) {
        *p->link_timed = p->next_timed;
        if (p->next_timed) {
            p->next_timed->ptt->link_timed = p->link_timed;
        }
        p->link_timed = NULL;
    }
}

static void conf_timer_begin(struct engine *e, struct conf *conf)
{
    struct conf_ptt *p = conf->ptt;
    uint64_t due_ns = MIN(p->due_ms, UINT64_MAX / NS_PER_MS) * NS_PER_MS;
    due_ns = CLAMP(due_ns, e->wheel_ns + WHEEL_STEP_NS, e->wheel_ns + (WHEEL_BUCKETS - 1) * WHEEL_STEP_NS);
    p->link_timed = &e->conf_wheel[due_ns / WHEEL_STEP_NS % WHEEL_BUCKETS];
    p->next_timed = *p->link_timed;
    *p->link_timed = conf;
    if (p->next_timed) {
        p->next_timed->ptt->link_timed = &p->next_timed;
    }
}

void ptt_live(struct engine *e, struct conf *conf)
{
    if (conf->ptt && !conf->ptt->is_live) {
        conf_timer_end(conf);
        conf->ptt->is_live = true;
        conf->ptt->next_live = e->live;
        e->live = conf;
    }
}

void ptt_conf_close(struct engine *e, struct conf *conf)
{
    if (conf_is_asleep(conf)) {
        conf->ptt->is_asleep = false;
        count_add(&e->cfg.stats->asleep, (uint64_t)-1);
    } else {
        slot_leave(e, conf);
    }
    if (conf->ptt) {
        encoders_return(conf, &e->kits);
    }
    if (conf->ptt) {
        conf_timer_end(conf);
    }
    if (!conf->ptt || !conf->ptt->is_live) {
        return;
    }
    struct conf **link = &e->live;
    while (*link != conf) {
        link = &(*link)->ptt->next_live;
    }
    *link = conf->ptt->next_live;
    conf->ptt->is_live = false;
}

/*
 * Runs the timers of the floors at which something has happened. One whose next timer is near, or that has something
 * to tell, is looked at in every beat; any other waits in the wheel.
 * @return when to come again at the latest
 */
static uint64_t floors_run(struct engine *e)
{
    uint64_t next_ns = UINT64_MAX;
    for (struct conf **link = &e->live; *link;) {
        struct conf *conf = *link;
        bool runs = ptt_run(conf, e->now_ns);
        conf_look(e, conf);
        if (conf->ptt->has_pending) {
            events_retry(e, conf);
        }
        bool is_near = runs && conf->ptt->due_ms * NS_PER_MS < e->now_ns + 2 * WHEEL_STEP_NS;
        if (is_near || conf->ptt->has_pending) {
            next_ns = is_near ? MIN(next_ns, conf->ptt->due_ms * NS_PER_MS) : next_ns;
            link = &conf->ptt->next_live;
            continue;
        }
        *link = conf->ptt->next_live;
        conf->ptt->is_live = false;
        if (runs) {
            conf_timer_begin(e, conf);
        }
    }
    return next_ns;
}

/* --- Sessions ----------------------------------------------------------------------------------------------------- */

/* The wheel: a bucket for each so many ms, each a list of legs. Longer than any timer of theirs. */
static struct leg **bucket_of(struct engine *e, uint64_t due_ns)
{
    return &e->wheel[due_ns / WHEEL_STEP_NS % WHEEL_BUCKETS];
}

static void timer_end(struct leg *leg)
{
    struct leg_ptt *p = leg->ptt;
    if (p->link) {
        *p->link = p->next;
        if (p->next) {
            p->next->ptt->link = p->link;
        }
        p->link = NULL;
    }
}

static void timer_begin(struct engine *e, struct leg *leg, uint64_t due_ns)
{
    struct leg_ptt *p = leg->ptt;
    timer_end(leg);
    /* After a stall the wheel is behind: one that comes round too early begins again. */
    p->due_ns = CLAMP(due_ns, e->wheel_ns + WHEEL_STEP_NS, e->wheel_ns + (WHEEL_BUCKETS - 1) * WHEEL_STEP_NS);
    p->link = bucket_of(e, p->due_ns);
    p->next = *p->link;
    *p->link = leg;
    if (p->next) {
        p->next->ptt->link = &p->next;
    }
}

static bool message_end(struct engine *e, struct leg *leg, struct ptt_message *message, enum ptt_outcome outcome)
{
    struct ctl_ev ev = {.event = EV_APP, .id = message->id, .leg = leg, .message = message, .value = outcome};
    ev.reason = message->reason;
    return event_put(e, &ev);
}

/* One that is over and that signalling has no room for stays the first. */
static void messages_run(struct engine *e, struct leg *leg)
{
    enum ptt_outcome outcome;
    while (ptt_message_run(leg, &e->box, e->now_ns, &outcome)) {
        struct ptt_message *over = leg->ptt->messages;
        if (!message_end(e, leg, over, outcome)) {
            return;
        }
        leg->ptt->messages = over->next;
        leg->ptt->message_due_ns = 0;
    }
}

/* Its terminal is lost when it has been silent for three keep-alives, and back with the first sign of life. */
static void life_look(struct engine *e, struct leg *leg)
{
    struct leg_ptt *p = leg->ptt;
    p->is_lost = source_quiet_ms(&leg->from, (uint32_t)(e->now_ns / NS_PER_MS)) >= PTT_LOST_MS;
    struct ctl_ev ev = {.event = EV_ALIVE, .id = leg->cfg.id, .leg = leg, .value = !p->is_lost};
    if (p->is_lost != p->told_lost && event_put(e, &ev)) {
        p->told_lost = p->is_lost;
    }
}

/* A tick of silence, as if its stream had run all the time. */
static void fill_send(struct engine *e, struct leg *leg)
{
    static const struct contributors nobody;
    const uint8_t *payload;
    size_t bytes = leg_silence_alone(leg, &e->tools, &payload);
    unsigned n = MAX(leg->tx.packet_ticks, 1u);
    uint32_t ts = leg->tx.ts, ticks = (uint32_t)((e->now_ns - leg->conf->ptt->slept_ns) / TICK_NS);
    if (ticks < FILL_TICKS_MIN) {
        return; /* it has had some just now */
    }
    leg->tx.ts += (ticks - 1 - n) * leg->frame_ts; /* before what a burst would begin with that wakes it now */
    leg_tx_break(leg);
    for (unsigned i = 0; i < n; i++) {
        leg_tx(leg, &e->box, payload, bytes, &nobody);
    }
    leg->tx.ts = ts;
    leg_tx_break(leg);
}

/* What a tick does for those that tick, and what keeps its ways open. */
static void session_keep(struct engine *e, struct leg *leg)
{
    struct leg_ptt *p = leg->ptt;
    bool sleeps = conf_is_asleep(leg->conf);
    ptt_alive_send(leg, &e->box, e->now_ns);
    if (leg->cfg.ptt.fill) {
        p->alive_due_ns = e->now_ns + PTT_FILL_MS * NS_PER_MS;
    }
    if (leg->cfg.ptt.fill && sleeps) {
        fill_send(e, leg);
    }
    if (sleeps) {
        leg_look(leg, e->cfg.stats, e->now_ns);
        ptt_preroll(leg, e->now_ns);
        leg_count_drops(leg, e->cfg.stats);
        leg_show(leg);
    }
    for (unsigned i = 0; i < 2 && leg->socket != SOCKET_NONE && e->n_again < BATCH_LEGS_MAX; i++) {
        bool is_unread = sleeps && !p->watches[i] && (i == 0 || leg->cfg.rtcp_fd >= 0);
        if (is_unread) { /* a phone that sends all the time, or its reports: they show that it lives */
            e->again[e->n_again++] = i ? leg->slot_rtcp : leg->slot_rtp;
        }
    }
}

static void session_run(struct engine *e, struct leg *leg)
{
    struct leg_ptt *p = leg->ptt;
    messages_run(e, leg);
    if (e->now_ns >= p->alive_due_ns) {
        session_keep(e, leg);
    }
    life_look(e, leg);
    if (leg_is_pending(leg)) {
        events_post(e, leg);
    }
    uint64_t due_ns = MIN(p->alive_due_ns, ptt_floods_end(leg, e->now_ns));
    ptt_watch(e, leg);
    due_ns = p->messages ? MIN(due_ns, p->message_due_ns) : due_ns;
    bool is_pending = leg_is_pending(leg) || p->is_lost != p->told_lost;
    timer_begin(e, leg, is_pending ? MIN(due_ns, e->now_ns + NS_PER_S) : due_ns);
}

void ptt_leg_begin(struct engine *e, struct leg *leg)
{
    struct leg_ptt *p = leg->ptt;
    p->alive_due_ns = p->alive_due_ns ? p->alive_due_ns : e->now_ns + FIRST_ALIVE_NS;
    ptt_watch(e, leg);
    timer_begin(e, leg, p->alive_due_ns);
}

/* Turns the wheel. A beat comes every tick: that is soon enough. */
static void wheel_run(struct engine *e)
{
    for (; e->wheel_ns + WHEEL_STEP_NS <= e->now_ns; e->wheel_ns += WHEEL_STEP_NS) { /* a stall is caught up with */
        struct conf **confs = &e->conf_wheel[e->wheel_ns / WHEEL_STEP_NS % WHEEL_BUCKETS];
        while (*confs) {
            ptt_live(e, *confs);
        }
        struct leg **bucket = bucket_of(e, e->wheel_ns);
        while (*bucket) {
            struct leg *leg = *bucket;
            timer_end(leg);
            session_run(e, leg);
        }
    }
}

void ptt_leg_heard(struct engine *e, struct leg *leg)
{
    struct leg_ptt *p = leg->ptt;
    ptt_live(e, leg->conf);
    ptt_watch(e, leg);
    bool is_flooding = (p->floods[0].is_on || p->floods[1].is_on) && p->due_ns > e->now_ns + NS_PER_S;
    if (p->is_lost || is_flooding || (p->messages && p->messages->is_answered)) {
        session_run(e, leg);
    }
}

void ptt_leg_message(struct engine *e, struct leg *leg, struct ptt_message *message)
{
    ptt_message_add(leg, message);
    session_run(e, leg);
}

void ptt_leg_gone(struct engine *e, struct leg *leg)
{
    if (!leg->ptt) {
        return;
    }
    timer_end(leg);
    for (unsigned i = 0; i < 2; i++) { /* its sockets are about to be closed, or are another leg's */
        e->n_watched -= leg->ptt->watches[i];
        leg->ptt->watches[i] = false;
    }
    while (leg->ptt->messages) {
        struct ptt_message *message = leg->ptt->messages;
        leg->ptt->messages = message->next;
        message->next = e->gone_messages;
        e->gone_messages = message;
    }
}

void ptt_gone_flush(struct engine *e)
{
    while (e->gone_messages) {
        struct ptt_message *message = e->gone_messages, *next = message->next;
        struct ctl_ev ev = {.event = EV_APP, .id = message->id, .message = message, .value = PTT_LOST};
        if (!event_put(e, &ev)) {
            return;
        }
        e->gone_messages = next;
    }
}

/* --- The beat ----------------------------------------------------------------------------------------------------- */

uint64_t ptt_beat(struct engine *e)
{
    wheel_run(e);
    uint64_t next_ns = floors_run(e);
    engine_flush(&e->box);
    return next_ns;
}
