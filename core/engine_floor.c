/*
 * Push-to-talk on the beat: floors whose timers run, what is due of each session, and what signalling is told of both.
 * The floor itself is core/conf/ptt.h.
 */
#include "core/engine_priv.h"

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
        struct ptt_user user = {.owner = e, .box = &e->box, .stats = e->cfg.stats, .event = floor_event_put};
        ptt_open(conf, &user, e->now_ns);
    }
}

/* --- Floors ------------------------------------------------------------------------------------------------------- */

void ptt_live(struct engine *e, struct conf *conf)
{
    if (conf->ptt && !conf->ptt->is_live) {
        conf->ptt->is_live = true;
        conf->ptt->next_live = e->live;
        e->live = conf;
    }
}

void ptt_conf_close(struct engine *e, struct conf *conf)
{
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

/* Runs the timers of live floors. @return when to come again at the latest */
static uint64_t floors_run(struct engine *e)
{
    uint64_t next_ns = UINT64_MAX;
    for (struct conf **link = &e->live; *link;) {
        struct conf *conf = *link;
        bool runs = ptt_run(conf, e->now_ns);
        if (conf->ptt->has_pending) {
            events_retry(e, conf);
        }
        if (runs || conf->ptt->has_pending) {
            next_ns = runs ? MIN(next_ns, conf->ptt->due_ms * NS_PER_MS) : next_ns;
            link = &conf->ptt->next_live;
        } else {
            *link = conf->ptt->next_live;
            conf->ptt->is_live = false;
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
    p->due_ns = MAX(due_ns, e->wheel_ns + WHEEL_STEP_NS);
    must(p->due_ns - e->wheel_ns < (WHEEL_BUCKETS - 1) * WHEEL_STEP_NS);
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

static void session_run(struct engine *e, struct leg *leg)
{
    messages_run(e, leg);
    if (leg->ptt->messages) {
        timer_begin(e, leg, leg->ptt->message_due_ns);
    }
}

/* A beat comes every tick: that is soon enough. */
static void sessions_run(struct engine *e)
{
    for (; e->wheel_ns + WHEEL_STEP_NS <= e->now_ns; e->wheel_ns += WHEEL_STEP_NS) { /* a stall is caught up with */
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
    ptt_live(e, leg->conf);
    if (leg->ptt->messages && leg->ptt->messages->is_answered) {
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
    e->wheel_ns = e->wheel_ns ? e->wheel_ns : e->now_ns / WHEEL_STEP_NS * WHEEL_STEP_NS;
    uint64_t next_ns = floors_run(e);
    sessions_run(e);
    engine_flush(&e->box);
    return next_ns;
}
