/* Session timers. See refresh.h. */
#include "sig/call/refresh.h"

#include "sig/call/call.h"
#include "sig/room/room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    INTERVAL_MAX_S = 1u << 30,
    END_LEAD_S = 32, /* RFC 4028 10: the side that does not refresh sends BYE a little before the end */
    RETRY_MS = 3000  /* after 491: 2.1 to 4 s for the owner of the Call-ID, which is the peer */
};

static struct call *call_of_end(struct timer *timer)
{
    return TIMER_OWNER(timer, struct call, refresh.end);
}

static void on_end(struct timer *timer, uint64_t now_ns)
{
    call_end(call_of_end(timer), ENDING_SESSION);
}

/* Sends it; what cannot be sent is tried again, and the end comes in any case. */
static void on_due(struct timer *timer, uint64_t now_ns)
{
    struct call *call = TIMER_OWNER(timer, struct call, refresh.due);
    struct refresh *r = &call->refresh;
    char contact[ROOM_CONTACT_MAX];
    if (r->txn) {
        return;
    }
    int err = r->peer_updates ? 0 : -ENOTSUP;
    if (!err) {
        struct sip_out *out = dialog_request(&call->dialog, SIP_UPDATE);
        sip_addf(out, "Session-Expires", "%u;refresher=uac", r->interval_s);
        sip_add(out, "Supported", "timer");
        call_contact_text(call, contact, sizeof contact);
        sip_add(out, "Contact", contact);
        call_ims_add(call, out);
        err = dialog_send(&call->dialog, call->env->txns, out, &call->owner, &r->txn);
    } else {
        err = call_reinvite(call);
    }
    if (err) {
        r->txn = NULL;
        timer_start(call->env->wheel, &r->due, RETRY_MS);
    }
}

void refresh_init(struct call *call)
{
    timer_init(&call->refresh.due, on_due);
    timer_init(&call->refresh.end, on_end);
}

void refresh_stop(struct call *call)
{
    struct refresh *r = &call->refresh;
    timer_stop(call->env->wheel, &r->due);
    timer_stop(call->env->wheel, &r->end);
    if (r->txn) {
        txn_set_tag(r->txn, NULL);
        r->txn = NULL;
    }
}

/* Delta-seconds at the head of a value. @return -1: none | seconds, at most INTERVAL_MAX_S */
static int64_t seconds_of(const char *value)
{
    size_t n = value ? strspn(value, "0123456789") : 0;
    if (n == 0 || (value[n] != '\0' && value[n] != ';' && value[n] != ' ')) {
        return -1;
    }
    return n > 9 ? INTERVAL_MAX_S : MIN(atoll(value), (long long)INTERVAL_MAX_S);
}

int refresh_read(struct call *call, struct txn *txn, const struct sip_msg *msg)
{
    struct env *env = call->env;
    struct refresh *r = &call->refresh;
    const char *text = sip_header(msg, "Session-Expires", 0), *params = text ? strchr(text, ';') : NULL;
    int64_t wanted_s = seconds_of(text), min_s = seconds_of(sip_header(msg, "Min-SE", 0));
    bool supports = sip_has(msg, "Supported", "timer");
    char refresher[8] = "";
    if (text && wanted_s < 0) { /* 422 would ask for a larger one, for ever */
        env_refuse(env, txn, REFUSAL_SESSION_BAD);
        return -EBADMSG;
    }
    if (text && wanted_s < REFRESH_MIN_S) {
        env_refuse_with(env, txn, REFUSAL_SESSION_SHORT, "Min-SE", "90");
        return -ERANGE;
    }
    r->peer_updates = (msg->allow & sip_bit(SIP_UPDATE)) != 0 || msg->method == SIP_UPDATE || r->peer_updates;
    if (!text) {
        r->wanted_s = supports && env->cfg.session_s ? (uint32_t)MAX((int64_t)env->cfg.session_s, min_s) : 0;
        r->wanted_by_us = false;
        return 0;
    }
    if (params) {
        sip_param(params, "refresher", refresher, sizeof refresher);
    }
    r->wanted_s = (uint32_t)wanted_s;
    r->wanted_by_us = strcmp(refresher, "uas") == 0 || !supports; /* RFC 4028 9: table 2 */
    return 0;
}

/* The next refresh, and the end. */
static void timers_start(struct call *call)
{
    struct refresh *r = &call->refresh;
    struct timer_wheel *wheel = call->env->wheel;
    timer_stop(wheel, &r->due);
    timer_stop(wheel, &r->end);
    if (!r->interval_s) {
        return;
    }
    uint32_t lead_s = MIN((uint32_t)END_LEAD_S, r->interval_s / 3);
    timer_start(wheel, &r->end, (uint64_t)(r->interval_s - lead_s) * 1000);
    if (r->by_us) {
        timer_start(wheel, &r->due, (uint64_t)r->interval_s * 500);
    }
}

void refresh_settle(struct call *call, struct sip_out *out, bool supports)
{
    struct refresh *r = &call->refresh;
    r->interval_s = r->wanted_s;
    r->by_us = r->wanted_by_us;
    if (r->interval_s) {
        sip_addf(out, "Session-Expires", "%u;refresher=%s", r->interval_s, r->by_us ? "uas" : "uac");
        if (supports) {
            sip_add(out, "Require", "timer");
        }
    }
    timers_start(call);
    call_media_alive(call);
}

void refresh_take(struct call *call, const struct sip_msg *msg)
{
    struct refresh *r = &call->refresh;
    const char *text = sip_header(msg, "Session-Expires", 0), *params = text ? strchr(text, ';') : NULL;
    char refresher[8] = "";
    int64_t interval_s = seconds_of(text);
    if (params) {
        sip_param(params, "refresher", refresher, sizeof refresher);
    }
    r->peer_updates = (msg->allow & sip_bit(SIP_UPDATE)) != 0;
    r->interval_s = interval_s < 0 ? 0 : (uint32_t)MAX(interval_s, (int64_t)REFRESH_MIN_S);
    r->by_us = strcmp(refresher, "uas") != 0;
    timers_start(call);
}

void refresh_answered(struct call *call, struct txn *txn, int status)
{
    struct refresh *r = &call->refresh;
    if (status < 200) {
        return;
    }
    if (txn == r->txn) {
        txn_set_tag(txn, NULL);
        r->txn = NULL;
    }
    if (status < 300) {
        timers_start(call);
        call_media_alive(call);
    } else if (status == 408 || status == 481) {
        call_end(call, ENDING_SESSION);
    } else if (status == 405 || status == 501) {
        r->peer_updates = false; /* it said it would take UPDATE, and does not */
        timer_start(call->env->wheel, &r->due, RETRY_MS);
    } else {
        timer_start(call->env->wheel, &r->due, RETRY_MS);
    }
}
