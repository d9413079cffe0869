/* Floor control. See floor.h. */
#include "core/conf/floor.h"

enum { NOT_QUEUED = 254, IDLES = 4, UNSPECIFIED = 255 /* cause of a Deny */ };

/* --- Saying ------------------------------------------------------------------------------------------------------- */

static uint16_t indicator_of(const struct floor *f, enum floor_tier tier)
{
    uint16_t kind = tier == FLOOR_TIER_EMERGENCY ? APP_EMERGENCY : tier == FLOOR_TIER_PERIL ? APP_PERIL : 0;
    return (uint16_t)((f->policy.is_broadcast ? APP_BROADCAST : APP_NORMAL) | kind |
                      (f->policy.queue_max ? APP_QUEUEING : 0) | (f->holders[1] ? APP_DUAL : 0));
}

static struct app_msg message(const struct floor *f, enum app_floor subtype, enum floor_tier tier)
{
    struct app_msg msg = {.name = APP_MCPT, .subtype = (uint8_t)subtype, .ssrc = f->ssrc, .has = 1u << APP_INDICATOR};
    msg.floor.indicator = indicator_of(f, tier);
    return msg;
}

static void say(const struct floor *f, struct floor_seat *to, const struct app_msg *msg)
{
    f->user.say(f->user.ctx, to, msg);
}

static void event(const struct floor *f, enum floor_event what, struct floor_seat *seat, uint32_t value)
{
    f->user.event(f->user.ctx, what, seat, value);
}

/* An answer to a request. The same one is not given twice within a moment. */
static void answer(struct floor_seat *to, const struct app_msg *msg, uint16_t as, uint64_t now_ms)
{
    bool is_same = to->answered_ms && to->answered == msg->subtype && to->answered_as == as &&
                   now_ms - to->answered_ms < FLOOR_SAME_ANSWER_MS;
    if (is_same) {
        count_add(&to->floor->stats->repeats, 1);
        return;
    }
    to->answered = msg->subtype;
    to->answered_as = as;
    to->answered_ms = now_ms;
    say(to->floor, to, msg);
}

static void say_granted(struct floor_seat *seat, uint64_t now_ms)
{
    const struct floor *f = seat->floor;
    struct app_msg msg = message(f, APP_FLOOR_GRANTED, seat->held.tier);
    uint64_t left_ms = !seat->has_spoken ? f->policy.t2_ms : seat->t2_at > now_ms ? seat->t2_at - now_ms : 0;
    msg.has |= 1u << APP_DURATION | 1u << APP_GRANTED_SSRC | 1u << APP_PRIORITY;
    msg.floor.duration_s = (uint16_t)MIN(left_ms / 1000, (uint64_t)UINT16_MAX);
    msg.floor.granted_ssrc = seat->ssrc;
    msg.floor.priority = seat->held.priority;
    say(f, seat, &msg);
}

static void say_denied(struct floor_seat *seat, enum app_deny cause, uint64_t now_ms)
{
    struct app_msg msg = message(seat->floor, APP_FLOOR_DENY, FLOOR_TIER_NORMAL);
    msg.has |= 1u << APP_CAUSE;
    msg.floor.cause = (uint16_t)cause;
    count_add(&seat->floor->stats->denied, 1);
    answer(seat, &msg, msg.floor.cause, now_ms);
    event(seat->floor, FLOOR_EV_DENIED, seat, cause);
}

static void say_position(struct floor_seat *seat, uint64_t now_ms)
{
    struct app_msg msg = message(seat->floor, APP_FLOOR_QUEUE_INFO, seat->waits ? seat->asked.tier : FLOOR_TIER_NORMAL);
    msg.has |= 1u << APP_QUEUE;
    msg.floor.queue_position = floor_position(seat);
    msg.floor.queue_priority = seat->waits ? seat->asked.priority : seat->rights.priority;
    answer(seat, &msg, msg.floor.queue_position, now_ms);
}

static void say_revoked(struct floor_seat *seat, uint16_t cause)
{
    struct app_msg msg = message(seat->floor, APP_FLOOR_REVOKE, seat->held.tier);
    msg.has |= 1u << APP_CAUSE;
    msg.floor.cause = cause;
    say(seat->floor, seat, &msg);
}

static struct app_msg taken(const struct floor *f, const struct floor_seat *holder)
{
    struct app_msg msg = message(f, APP_FLOOR_TAKEN, holder->held.tier);
    msg.has |= 1u << APP_PERMISSION | 1u << APP_SEQ | 1u << APP_GRANTED_SSRC;
    msg.has |= holder->identity.n ? 1u << APP_GRANTED_PARTY : 0;
    msg.floor.granted_party = holder->identity;
    msg.floor.granted_ssrc = holder->ssrc;
    msg.floor.seq = f->seq;
    return msg;
}

static void say_taken(struct floor *f, struct floor_seat *to, const struct floor_seat *holder)
{
    struct app_msg msg = taken(f, holder);
    msg.floor.permission = to->rights.may_request;
    say(f, to, &msg);
}

static void say_idle(const struct floor *f, struct floor_seat *to)
{
    struct app_msg msg = message(f, APP_FLOOR_IDLE, FLOOR_TIER_NORMAL);
    msg.has |= 1u << APP_SEQ;
    msg.floor.seq = f->seq;
    say(f, to, &msg);
}

/* --- The queue ---------------------------------------------------------------------------------------------------- */

/* Pre-emptor, emergency, peril, priority, arrival. */
static bool goes_before(const struct floor_ask *a, const struct floor_ask *b)
{
    if (a->preempts != b->preempts) {
        return a->preempts;
    }
    if (a->tier != b->tier) {
        return a->tier > b->tier;
    }
    return a->priority != b->priority ? a->priority > b->priority : a->order < b->order;
}

static void queue_leave(struct floor_seat *seat)
{
    struct floor *f = seat->floor;
    *(seat->ahead ? &seat->ahead->behind : &f->first) = seat->behind;
    *(seat->behind ? &seat->behind->ahead : &f->last) = seat->ahead;
    seat->ahead = seat->behind = NULL;
    seat->waits = false;
    f->n_queue--;
}

/* From the end: most come behind all others. */
static void queue_enter(struct floor_seat *seat)
{
    struct floor *f = seat->floor;
    struct floor_seat *ahead = f->last;
    while (ahead && goes_before(&seat->asked, &ahead->asked)) {
        ahead = ahead->ahead;
    }
    seat->ahead = ahead;
    seat->behind = ahead ? ahead->behind : f->first;
    *(ahead ? &ahead->behind : &f->first) = seat;
    *(seat->behind ? &seat->behind->ahead : &f->last) = seat;
    seat->waits = true;
    f->n_queue++;
}

uint8_t floor_position(const struct floor_seat *seat)
{
    unsigned n = 1;
    if (!seat->waits) {
        return NOT_QUEUED;
    }
    while (seat->ahead) {
        seat = seat->ahead;
        n++;
    }
    return (uint8_t)MIN(n, NOT_QUEUED - 1u);
}

/* --- The floor ---------------------------------------------------------------------------------------------------- */

/* Its grace runs: it may ask anew, and waits then. */
static bool is_revoked(const struct floor_seat *seat)
{
    return seat->floor->state == FLOOR_PENDING && seat->floor->holders[0] == seat;
}

static unsigned holder_index(const struct floor_seat *seat)
{
    return seat->floor->holders[1] == seat;
}

static void grant(struct floor_seat *seat, unsigned i, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    seat->holds = true;
    seat->held = seat->asked;
    seat->has_spoken = false;
    seat->n_granted = 1;
    seat->t1_at = now_ms + f->policy.t1_ms;
    seat->t2_at = FLOOR_NEVER;
    seat->t20_at = now_ms + f->policy.t20_ms;
    seat->drain_at = FLOOR_NEVER;
    seat->stranger_ms = 0;
    f->holders[i] = seat;
    f->state = i == 0 ? FLOOR_TAKEN : f->state;
    f->t4_at = f->t7_at = FLOOR_NEVER;
    f->seq++;
    count_add(&f->stats->granted, 1);
    say_granted(seat, now_ms);
    seat->answered = APP_FLOOR_GRANTED;
    seat->answered_as = 0;
    seat->answered_ms = now_ms;
    for (struct floor_seat *to = f->seats; to; to = to->next) {
        if (to != seat) {
            say_taken(f, to, seat);
        }
    }
    event(f, FLOOR_EV_GRANTED, seat, (uint32_t)(now_ms - seat->held.at_ms));
}

static void idle_begin(struct floor *f, uint64_t now_ms)
{
    f->state = FLOOR_IDLE;
    f->seq++;
    f->n_idle = 1;
    f->t7_at = now_ms + f->policy.t7_ms;
    f->t4_at = now_ms + f->policy.t4_ms;
    for (struct floor_seat *to = f->seats; to; to = to->next) {
        say_idle(f, to);
    }
    event(f, FLOOR_EV_IDLE, NULL, 0);
}

/* The floor is free: the next in the queue has it, without Idle between. */
static void next(struct floor *f, uint64_t now_ms)
{
    struct floor_seat *seat = f->first;
    f->t3_at = f->t8_at = FLOOR_NEVER;
    if (!seat) {
        idle_begin(f, now_ms);
        return;
    }
    queue_leave(seat);
    grant(seat, 0, now_ms);
}

/* One of two holds no more: all are told who still does, and the one that has released that it was heard. */
static void sole_begin(struct floor *f, struct floor_seat *sole)
{
    f->holders[0] = sole;
    f->holders[1] = NULL;
    f->seq++;
    for (struct floor_seat *to = f->seats; to; to = to->next) {
        if (to != sole) {
            say_taken(f, to, sole);
        }
    }
}

/* A holder holds no more. With another of a dual floor it goes on. */
static void hold_end(struct floor_seat *seat, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    unsigned i = holder_index(seat);
    seat->holds = false;
    seat->drain_at = FLOOR_NEVER;
    f->holders[i] = NULL;
    event(f, FLOOR_EV_RELEASED, seat, 0);
    if (i == 0 && f->holders[1]) {
        f->state = FLOOR_TAKEN;
        f->t3_at = f->t8_at = FLOOR_NEVER;
        sole_begin(f, f->holders[1]);
    } else if (i == 1) {
        sole_begin(f, f->holders[0]);
    } else {
        next(f, now_ms);
    }
}

static void revoke(struct floor_seat *seat, uint16_t cause, uint64_t grace_ms, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    f->state = FLOOR_PENDING;
    f->revoke_cause = cause;
    f->t3_at = now_ms + grace_ms;
    f->t8_at = now_ms + f->policy.t8_ms;
    seat->t2_at = seat->t20_at = FLOOR_NEVER;
    count_add(&f->stats->revoked, 1);
    say_revoked(seat, f->revoke_cause);
    event(f, FLOOR_EV_REVOKED, seat, cause);
}

static bool is_alone(const struct floor_seat *seat)
{
    for (const struct floor_seat *other = seat->floor->seats; other; other = other->next) {
        if (other != seat && other->rights.is_available) {
            return false;
        }
    }
    return true;
}

/* --- Requests ----------------------------------------------------------------------------------------------------- */

static bool may_preempt(const struct floor_seat *seat, const struct floor_ask *held)
{
    const struct floor_ask *asked = &seat->asked;
    return asked->tier > held->tier ||
           (asked->tier == held->tier && seat->rights.may_preempt && asked->priority > held->priority);
}

static void wait_begin(struct floor_seat *seat, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    bool is_urgent = seat->asked.preempts || seat->asked.tier != FLOOR_TIER_NORMAL; /* waits whatever was negotiated */
    if (!is_urgent && !seat->rights.queues) {
        say_denied(seat, APP_DENY_TAKEN, now_ms);
    } else if (!is_urgent && f->n_queue >= f->policy.queue_max) {
        say_denied(seat, APP_DENY_FULL, now_ms);
    } else {
        queue_enter(seat);
        count_add(&f->stats->queued, 1);
        say_position(seat, now_ms);
        event(f, FLOOR_EV_QUEUED, seat, floor_position(seat));
    }
}

/* The floor is taken, and not by this one. */
static void ask_taken(struct floor_seat *seat, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    struct floor_seat *holder = f->holders[0];
    seat->asked.preempts = f->state == FLOOR_TAKEN && may_preempt(seat, &holder->held);
    if (seat->asked.preempts && f->policy.is_dual && !f->holders[1]) {
        grant(seat, 1, now_ms);
        return;
    }
    wait_begin(seat, now_ms);
    if (seat->asked.preempts && f->state == FLOOR_TAKEN && !floor_drains(holder)) {
        bool is_urgent = seat->asked.tier == FLOOR_TIER_EMERGENCY;
        revoke(holder, APP_REVOKE_PREEMPTED, is_urgent ? f->policy.t3_emergency_ms : f->policy.t3_ms, now_ms);
    }
}

static void ask(struct floor_seat *seat, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    if (!seat->rights.may_request) {
        say_denied(seat, APP_DENY_LISTEN, now_ms);
    } else if (now_ms < seat->later_until_ms) {
        say_denied(seat, APP_DENY_LATER, now_ms);
    } else if (f->state != FLOOR_IDLE) {
        ask_taken(seat, now_ms);
    } else if (is_alone(seat)) {
        say_denied(seat, APP_DENY_ALONE, now_ms);
    } else if (f->user.is_ready && !f->user.is_ready(f->user.ctx, seat)) {
        say_denied(seat, APP_DENY_RESOURCES, now_ms);
    } else {
        grant(seat, 0, now_ms);
    }
}

void floor_request(struct floor_seat *seat, uint8_t priority, enum floor_tier tier, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    bool is_over = priority > seat->rights.priority_max || (tier != FLOOR_TIER_NORMAL && !seat->rights.may_emergency);
    count_add(&f->stats->requests, 1);
    count_add(&f->stats->clamped, is_over);
    if (seat->waits) { /* again: its place */
        say_position(seat, now_ms);
        return;
    }
    if (floor_drains(seat)) { /* what it said before is over, and others may have waited for it */
        hold_end(seat, now_ms);
    }
    if (seat->holds && !is_revoked(seat)) {
        struct app_msg none = {.subtype = APP_FLOOR_GRANTED};
        bool is_same =
            seat->answered_ms && seat->answered == none.subtype && now_ms - seat->answered_ms < FLOOR_SAME_ANSWER_MS;
        count_add(&f->stats->repeats, is_same);
        if (!is_same) {
            seat->answered = none.subtype;
            seat->answered_ms = now_ms;
            say_granted(seat, now_ms);
        }
        return;
    }
    seat->asked = (struct floor_ask){.priority = MIN(priority, seat->rights.priority_max),
                                     .tier = seat->rights.may_emergency ? tier : FLOOR_TIER_NORMAL,
                                     .order = f->n_asked++,
                                     .at_ms = now_ms};
    ask(seat, now_ms);
}

void floor_release(struct floor_seat *seat, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    if (seat->holds && f->policy.drain_ms && seat->has_spoken) { /* again while it drains: that changes nothing */
        seat->drain_at = MIN(seat->drain_at, now_ms + f->policy.drain_ms);
        seat->t2_at = seat->t20_at = FLOOR_NEVER;
    } else if (seat->holds) {
        hold_end(seat, now_ms);
    } else if (seat->waits) {
        queue_leave(seat);
    } else {
        count_add(&f->stats->ignored, 1);
    }
}

void floor_drained(struct floor_seat *seat, uint64_t now_ms)
{
    if (floor_drains(seat)) {
        hold_end(seat, now_ms);
    }
}

void floor_revoke(struct floor_seat *seat, uint16_t cause, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    if (seat->waits) {
        queue_leave(seat);
        say_denied(seat, (enum app_deny)UNSPECIFIED, now_ms);
    }
    if (!seat->holds || is_revoked(seat)) {
        return;
    }
    if (holder_index(seat) == 0) {
        revoke(seat, cause, f->policy.t3_ms, now_ms);
    } else { /* the second of a dual floor: it ends at once */
        say_revoked(seat, cause);
        hold_end(seat, now_ms);
    }
}

static enum floor_tier tier_of(const struct app_msg *msg)
{
    uint16_t indicator = APP_HAS(msg, APP_INDICATOR) ? msg->floor.indicator : 0;
    return indicator & APP_EMERGENCY ? FLOOR_TIER_EMERGENCY
           : indicator & APP_PERIL   ? FLOOR_TIER_PERIL
                                     : FLOOR_TIER_NORMAL;
}

static void ack(struct floor_seat *seat, const struct app_msg *of)
{
    struct app_msg msg = {.name = APP_MCPT, .subtype = APP_FLOOR_ACK, .ssrc = seat->floor->ssrc};
    msg.has = 1u << APP_SOURCE | 1u << APP_ACKED;
    msg.floor.source = 2; /* controlling function */
    msg.floor.acked = of->subtype;
    say(seat->floor, seat, &msg);
}

void floor_take(struct floor_seat *seat, const struct app_msg *msg, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    if (msg->name != APP_MCPT) {
        count_add(&f->stats->ignored, 1);
        return;
    }
    if (msg->wants_ack) {
        ack(seat, msg);
    }
    switch (msg->subtype) {
    case APP_FLOOR_REQUEST:
        floor_request(seat, APP_HAS(msg, APP_PRIORITY) ? msg->floor.priority : seat->rights.priority, tier_of(msg),
                      now_ms);
        break;
    case APP_FLOOR_RELEASE:
        floor_release(seat, now_ms);
        break;
    case APP_FLOOR_QUEUE_REQUEST:
        say_position(seat, now_ms);
        break;
    default:
        count_add(&f->stats->ignored, 1);
        break;
    }
}

/* --- Media -------------------------------------------------------------------------------------------------------- */

/* RTP of a leg that has not the floor: after a second of it the leg is told so, once in T8. */
static void stranger_heard(struct floor_seat *seat, uint64_t now_ms)
{
    const struct floor *f = seat->floor;
    bool is_new = !seat->stranger_ms || now_ms - seat->stranger_last_ms > FLOOR_STRANGER_GAP_MS;
    seat->stranger_ms = is_new ? now_ms : seat->stranger_ms;
    seat->stranger_last_ms = now_ms;
    bool is_told = seat->stranger_revoked_ms && now_ms - seat->stranger_revoked_ms < f->policy.t8_ms;
    if (now_ms - seat->stranger_ms >= FLOOR_STRANGER_MS && !is_told) {
        seat->stranger_revoked_ms = now_ms;
        say_revoked(seat, APP_REVOKE_RIGHT);
    }
}

bool floor_heard(struct floor_seat *seat, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    if (!seat->holds) {
        count_add(&f->stats->strangers, 1);
        stranger_heard(seat, now_ms);
        return false;
    }
    seat->t1_at = now_ms + f->policy.t1_ms;
    seat->t20_at = FLOOR_NEVER;
    if (!seat->has_spoken && !is_revoked(seat)) {
        seat->has_spoken = true;
        seat->t2_at = now_ms + f->policy.t2_ms;
    }
    return true;
}

/* --- Time --------------------------------------------------------------------------------------------------------- */

static void holder_run(struct floor_seat *seat, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    if (now_ms >= seat->t1_at || now_ms >= seat->drain_at) {
        hold_end(seat, now_ms);
        return;
    }
    if (now_ms >= seat->t2_at) {
        seat->later_until_ms = f->policy.t9_ms ? now_ms + f->policy.t3_ms + f->policy.t9_ms : 0;
        if (holder_index(seat) == 0 && f->state == FLOOR_TAKEN) {
            revoke(seat, APP_REVOKE_LONG, f->policy.t3_ms, now_ms);
        } else { /* the second of a dual floor: it ends at once */
            seat->t2_at = FLOOR_NEVER;
            say_revoked(seat, APP_REVOKE_LONG);
            hold_end(seat, now_ms);
            return;
        }
    }
    if (now_ms >= seat->t20_at) {
        bool is_last = ++seat->n_granted >= f->policy.c20;
        seat->t20_at = is_last ? FLOOR_NEVER : now_ms + f->policy.t20_ms;
        say_granted(seat, now_ms);
    }
}

static void pending_run(struct floor *f, uint64_t now_ms)
{
    if (now_ms >= f->t3_at) {
        hold_end(f->holders[0], now_ms);
    } else if (now_ms >= f->t8_at) {
        f->t8_at = now_ms + f->policy.t8_ms;
        say_revoked(f->holders[0], f->revoke_cause);
    }
}

static void idle_run(struct floor *f, uint64_t now_ms)
{
    if (now_ms >= f->t7_at) {
        for (struct floor_seat *to = f->seats; to; to = to->next) {
            say_idle(f, to);
        }
        f->t7_at = f->n_idle >= IDLES ? FLOOR_NEVER : now_ms + ((uint64_t)f->policy.t7_ms << f->n_idle);
        f->n_idle++;
    }
    if (now_ms >= f->t4_at) {
        f->t4_at = FLOOR_NEVER;
        event(f, FLOOR_EV_INACTIVE, NULL, 0);
    }
}

uint64_t floor_run(struct floor *f, uint64_t now_ms)
{
    for (unsigned i = FLOOR_HOLDERS_MAX; i-- > 0;) {
        if (f->holders[i]) {
            holder_run(f->holders[i], now_ms);
        }
    }
    if (f->state == FLOOR_PENDING) {
        pending_run(f, now_ms);
    } else if (f->state == FLOOR_IDLE) {
        idle_run(f, now_ms);
    }
    uint64_t at = MIN(MIN(f->t3_at, f->t8_at), MIN(f->t4_at, f->t7_at));
    for (unsigned i = 0; i < FLOOR_HOLDERS_MAX; i++) {
        const struct floor_seat *seat = f->holders[i];
        at = seat ? MIN(MIN(at, seat->drain_at), MIN(seat->t1_at, MIN(seat->t2_at, seat->t20_at))) : at;
    }
    return at;
}

/* --- Coming and going --------------------------------------------------------------------------------------------- */

static uint32_t or_else(uint32_t value, uint32_t usual)
{
    return value ? value : usual;
}

void floor_policy_set(struct floor *f, const struct floor_policy *policy)
{
    static const struct floor_policy usual = FLOOR_DEFAULTS;
    f->policy = *policy;
    f->policy.t1_ms = or_else(policy->t1_ms, usual.t1_ms);
    f->policy.t2_ms = or_else(policy->t2_ms, usual.t2_ms);
    f->policy.t4_ms = or_else(policy->t4_ms, usual.t4_ms);
    f->policy.t7_ms = or_else(policy->t7_ms, usual.t7_ms);
    f->policy.t8_ms = or_else(policy->t8_ms, usual.t8_ms);
    f->policy.t20_ms = or_else(policy->t20_ms, usual.t20_ms);
    f->policy.t3_emergency_ms = or_else(policy->t3_emergency_ms, usual.t3_emergency_ms);
    f->policy.c20 = (uint8_t)or_else(policy->c20, usual.c20);
}

void floor_init(struct floor *f, const struct floor_policy *policy, const struct floor_user *user,
                struct floor_stats *stats, uint32_t ssrc, uint64_t now_ms)
{
    *f = (struct floor){.user = *user, .stats = stats, .ssrc = ssrc};
    floor_policy_set(f, policy);
    f->t3_at = f->t8_at = f->t7_at = FLOOR_NEVER;
    f->t4_at = now_ms + f->policy.t4_ms;
}

void floor_open(struct floor *f, uint64_t now_ms)
{
    idle_begin(f, now_ms);
}

void floor_close(struct floor *f)
{
    while (f->first) {
        queue_leave(f->first);
    }
    for (unsigned i = 0; i < FLOOR_HOLDERS_MAX; i++) {
        struct floor_seat *seat = f->holders[i];
        f->holders[i] = NULL;
        if (seat) {
            seat->holds = false;
            event(f, FLOOR_EV_RELEASED, seat, 0);
        }
    }
    f->state = FLOOR_IDLE;
    f->t3_at = f->t4_at = f->t7_at = f->t8_at = FLOOR_NEVER;
}

/* Whatever points at one seat points at another. */
static void pointers_move(struct floor *f, struct floor_seat *to, const struct floor_seat *from)
{
    *to->link = to;
    if (to->next) {
        to->next->link = &to->next;
    }
    for (unsigned i = 0; i < FLOOR_HOLDERS_MAX; i++) {
        f->holders[i] = f->holders[i] == from ? to : f->holders[i];
    }
    if (to->waits) {
        *(to->ahead ? &to->ahead->behind : &f->first) = to;
        *(to->behind ? &to->behind->ahead : &f->last) = to;
    }
}

void floor_move(struct floor_seat *to, struct floor_seat *from)
{
    struct floor_rights rights = to->rights;
    struct app_text identity = to->identity;
    uint32_t ssrc = to->ssrc;
    must(!to->floor && from->floor);
    *to = *from;
    to->rights = rights;
    to->identity = identity;
    to->ssrc = ssrc;
    pointers_move(to->floor, to, from);
    from->floor = NULL;
    from->next = NULL;
    from->link = NULL;
}

void floor_join(struct floor *f, struct floor_seat *seat, uint64_t now_ms)
{
    must(!seat->floor);
    seat->floor = f;
    seat->next = f->seats;
    seat->link = &f->seats;
    if (seat->next) {
        seat->next->link = &seat->next;
    }
    f->seats = seat;
    f->n_seats++;
    for (unsigned i = 0; i < FLOOR_HOLDERS_MAX; i++) {
        if (f->holders[i]) {
            say_taken(f, seat, f->holders[i]);
        }
    }
    if (f->state == FLOOR_IDLE) {
        say_idle(f, seat);
    }
}

void floor_leave(struct floor_seat *seat, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    if (!f) {
        return;
    }
    *seat->link = seat->next; /* first: it is told nothing more */
    if (seat->next) {
        seat->next->link = seat->link;
    }
    f->n_seats--;
    if (seat->waits) {
        queue_leave(seat);
    }
    if (seat->holds) {
        hold_end(seat, now_ms);
    }
    seat->floor = NULL;
    seat->next = NULL;
    seat->link = NULL;
}

void floor_rights_set(struct floor_seat *seat, const struct floor_rights *rights, uint64_t now_ms)
{
    struct floor *f = seat->floor;
    seat->rights = *rights;
    if (!f || rights->may_request) {
        return;
    }
    if (seat->waits) {
        queue_leave(seat);
        say_denied(seat, APP_DENY_LISTEN, now_ms);
    }
    if (seat->holds && f->state == FLOOR_TAKEN && holder_index(seat) == 0) {
        revoke(seat, APP_REVOKE_RIGHT, f->policy.t3_ms, now_ms);
    }
}
