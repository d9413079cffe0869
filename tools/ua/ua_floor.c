/* A terminal's floor control. See ua_floor.h. */
#include "tools/ua/ua_floor.h"

#define NEVER UINT64_MAX

static const struct app_text nobody = { "", 0 };

void ua_floor_init(struct ua_floor *f, const struct ua_floor_user *user, uint32_t ssrc)
{
    *f = (struct ua_floor){ .user = *user, .ssrc = ssrc, .again_ms = NEVER };
}

static void say(const struct ua_floor *f, enum app_floor subtype, struct app_msg msg)
{
    msg.name = APP_MCPT;
    msg.subtype = (uint8_t)subtype;
    msg.ssrc = f->ssrc;
    f->user.say(f->user.ctx, &msg);
}

static void request_say(const struct ua_floor *f)
{
    struct app_msg msg = { .has = 1u << APP_INDICATOR };
    msg.floor.indicator = f->indicator;
    if (f->priority) {
        msg.has |= 1u << APP_PRIORITY;
        msg.floor.priority = f->priority;
    }
    say(f, APP_FLOOR_REQUEST, msg);
}

static void enter(struct ua_floor *f, enum ua_floor_state state, uint64_t again_ms)
{
    f->state = state;
    f->n_sent = again_ms == NEVER ? 0 : 1;
    f->again_ms = again_ms;
}

void ua_floor_push(struct ua_floor *f, uint8_t priority, uint16_t indicator, uint64_t now_ms)
{
    if (f->state != UA_FLOOR_NONE && f->state != UA_FLOOR_RELEASING) {
        return;
    }
    f->priority = priority;
    f->indicator = indicator ? indicator : APP_NORMAL;
    enter(f, UA_FLOOR_ASKING, now_ms + UA_FLOOR_REPEAT_MS);
    request_say(f);
}

void ua_floor_release(struct ua_floor *f, uint64_t now_ms)
{
    if (f->state != UA_FLOOR_NONE && f->state != UA_FLOOR_RELEASING) {
        enter(f, UA_FLOOR_RELEASING, now_ms + UA_FLOOR_REPEAT_MS);
        say(f, APP_FLOOR_RELEASE, (struct app_msg){ 0 });
    }
}

void ua_floor_where(struct ua_floor *f)
{
    if (f->state == UA_FLOOR_QUEUED) {
        say(f, APP_FLOOR_QUEUE_REQUEST, (struct app_msg){ 0 });
    }
}

static void event(const struct ua_floor *f, enum ua_floor_event what, uint32_t value, struct app_text who)
{
    f->user.event(f->user.ctx, what, value, who);
}

/* Taken and Idle are numbered: one that was overtaken on the way says nothing new, nor does one that comes again. */
static bool is_old(struct ua_floor *f, const struct app_msg *msg)
{
    if (!APP_HAS(msg, APP_SEQ)) {
        return false;
    }
    bool is_new = !f->has_seq || (int16_t)(msg->floor.seq - f->seq) > 0;
    f->seq = is_new ? msg->floor.seq : f->seq;
    f->has_seq = true;
    return !is_new;
}

static void granted(struct ua_floor *f, const struct app_msg *msg)
{
    if (f->state == UA_FLOOR_RELEASING) { /* they have crossed: the server learns of it by the repetition */
        return;
    }
    if (f->state != UA_FLOOR_HOLDS) {
        enter(f, UA_FLOOR_HOLDS, NEVER);
        event(f, UA_FLOOR_GRANTED, msg->floor.duration_s, nobody);
    }
}

static void taken(struct ua_floor *f, const struct app_msg *msg)
{
    if (is_old(f, msg)) {
        return;
    }
    if (f->state == UA_FLOOR_HOLDS || f->state == UA_FLOOR_RELEASING) {
        enter(f, UA_FLOOR_NONE, NEVER);
    }
    event(f, UA_FLOOR_TAKEN, !APP_HAS(msg, APP_PERMISSION) || msg->floor.permission, msg->floor.granted_party);
}

static void idle(struct ua_floor *f, const struct app_msg *msg)
{
    if (is_old(f, msg)) {
        return;
    }
    if (f->state != UA_FLOOR_ASKING) {
        enter(f, UA_FLOOR_NONE, NEVER);
    }
    event(f, UA_FLOOR_IDLE, 0, nobody);
}

/* It stops speaking at once, and says so. One that asks or waits has nothing to give back. */
static void revoked(struct ua_floor *f, const struct app_msg *msg, uint64_t now_ms)
{
    if (f->state == UA_FLOOR_ASKING || f->state == UA_FLOOR_QUEUED) {
        return;
    }
    if (f->state == UA_FLOOR_HOLDS) {
        enter(f, UA_FLOOR_RELEASING, now_ms + UA_FLOOR_REPEAT_MS);
        event(f, UA_FLOOR_REVOKED, msg->floor.cause, nobody);
    }
    say(f, APP_FLOOR_RELEASE, (struct app_msg){ 0 });
}

static void floor_msg(struct ua_floor *f, const struct app_msg *msg, uint64_t now_ms)
{
    switch ((enum app_floor)msg->subtype) {
    case APP_FLOOR_GRANTED:
        granted(f, msg);
        break;
    case APP_FLOOR_TAKEN:
        taken(f, msg);
        break;
    case APP_FLOOR_IDLE:
        idle(f, msg);
        break;
    case APP_FLOOR_DENY:
        if (f->state == UA_FLOOR_ASKING || f->state == UA_FLOOR_QUEUED) {
            enter(f, UA_FLOOR_NONE, NEVER);
            event(f, UA_FLOOR_DENIED, msg->floor.cause, nobody);
        }
        break;
    case APP_FLOOR_REVOKE:
        revoked(f, msg, now_ms);
        break;
    case APP_FLOOR_QUEUE_INFO:
        if (f->state == UA_FLOOR_ASKING || f->state == UA_FLOOR_QUEUED) {
            enter(f, UA_FLOOR_QUEUED, NEVER);
            event(f, UA_FLOOR_POSITION, msg->floor.queue_position, nobody);
        }
        break;
    default:
        break; /* an Ack, or what a terminal sends */
    }
}

static void call_msg(struct ua_floor *f, const struct app_msg *msg)
{
    struct app_text where = msg->call.group.n ? msg->call.group : msg->call.session;
    struct app_msg ack = { .name = APP_MCPC, .subtype = APP_CALL_ACK, .ssrc = f->ssrc, .has = 1u << APP_REASON };
    if (msg->subtype == APP_CALL_ACK) {
        return;
    }
    f->user.say(f->user.ctx, &ack); /* reason 0: accepted */
    event(f, msg->subtype == APP_CALL_CONNECT ? UA_FLOOR_CONNECTED : UA_FLOOR_DISCONNECTED, 0, where);
}

void ua_floor_take(struct ua_floor *f, const struct app_msg *msg, uint64_t now_ms)
{
    if (msg->name == APP_MCPC) {
        call_msg(f, msg);
        return;
    }
    if (msg->wants_ack) {
        struct app_msg ack = { .has = 1u << APP_SOURCE | 1u << APP_ACKED };
        ack.floor.acked = (uint8_t)(msg->subtype | 0x10);
        say(f, APP_FLOOR_ACK, ack);
    }
    floor_msg(f, msg, now_ms);
}

void ua_floor_step(struct ua_floor *f, uint64_t now_ms)
{
    if (now_ms < f->again_ms) {
        return;
    }
    if (f->n_sent == UA_FLOOR_TIMES) {
        enter(f, UA_FLOOR_NONE, NEVER);
        event(f, UA_FLOOR_LOST, 0, nobody);
        return;
    }
    f->n_sent++;
    f->again_ms = now_ms + UA_FLOOR_REPEAT_MS;
    if (f->state == UA_FLOOR_ASKING) {
        request_say(f);
    } else {
        say(f, APP_FLOOR_RELEASE, (struct app_msg){ 0 });
    }
}
