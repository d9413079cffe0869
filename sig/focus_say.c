/* What the focus says of itself: why it refuses and why calls end, in words and in answers; what it can do. */
#include "sig/focus.h"

#include "sig/call.h"
#include "sig/room.h"

#include <errno.h>
#include <stdio.h>

#define RETRY_AFTER_S 5

/* --- Words -------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *text;
    int status;
} refusals[FOCUS_REFUSALS] = {
#define X(name, status, text) {#name, text, status},
    FOCUS_REFUSAL_LIST(X)
#undef X
};

static const struct {
    const char *name, *text;
} endings[FOCUS_ENDINGS] = {
#define X(name, text) {#name, text},
    FOCUS_ENDING_LIST(X)
#undef X
};

const char *focus_refusal_name(enum focus_refusal refusal)
{
    return refusals[refusal].name;
}
const char *focus_refusal_text(enum focus_refusal refusal)
{
    return refusals[refusal].text;
}
int focus_refusal_status(enum focus_refusal refusal)
{
    return refusals[refusal].status;
}
const char *focus_ending_name(enum focus_ending ending)
{
    return endings[ending].name;
}
const char *focus_ending_text(enum focus_ending ending)
{
    return endings[ending].text;
}

enum focus_refusal focus_refusal_of(int err)
{
    switch (err) {
    case -EAGAIN:
        return FOCUS_CPU;
    case -ENOBUFS:
        return FOCUS_BANDWIDTH;
    case -EADDRINUSE:
        return FOCUS_PORTS;
    case -EMFILE:
    case -ENFILE:
        return FOCUS_FDS;
    case -EBUSY:
        return FOCUS_WORKER;
    case -ENOSPC:
        return FOCUS_CONFS;
    case -EDQUOT:
        return FOCUS_HALF_CALLS;
    case -EPERM:
        return FOCUS_PIN_BARRED;
    case -EACCES:
        return FOCUS_LOCKED;
    case -EUSERS:
        return FOCUS_LEGS;
    case -ESTALE:
        return FOCUS_ENDED;
    case -ENOMEM:
        return FOCUS_MEMORY;
    default:
        return FOCUS_FAULT;
    }
}

uint32_t focus_methods(void)
{
    return sip_bit(SIP_INVITE) | sip_bit(SIP_ACK) | sip_bit(SIP_BYE) | sip_bit(SIP_CANCEL) | sip_bit(SIP_OPTIONS) |
           sip_bit(SIP_SUBSCRIBE) | sip_bit(SIP_UPDATE) | sip_bit(SIP_PRACK) | sip_bit(SIP_INFO) | sip_bit(SIP_REFER) |
           sip_bit(SIP_NOTIFY);
}

void focus_add_abilities(const struct focus *focus, struct sip_out *out)
{
    char allow[256];
    sip_add(out, "Allow", sip_methods_text(focus_methods(), allow));
    sip_addf(out, "Supported", "100rel, precondition, replaces, norefersub, timer, resource-priority%s",
             focus->cfg.reach.is_on ? ", " FOCUS_LISTS : ""); /* OPTIONS must carry it, RFC 3261 11.2 */
    sip_add(out, "Allow-Events", "conference, refer");
    sip_add(out, "Accept", FOCUS_TYPES);
    if (focus->cfg.server[0]) {
        sip_add(out, "Server", focus->cfg.server);
    }
}

/* Which conference a request is about, as logs call it. */
static const char *label_of(struct focus *focus, const struct sip_msg *msg, char label[ROOM_NAME_CHARS + 1])
{
    const struct dialog *dialog = dialog_find(&focus->dialogs, msg);
    const struct call *call = dialog ? call_of_owner(dialog->owner) : NULL;
    struct room *room = call ? call->room : NULL;
    if (!room && msg->uri.user && room_find(focus, msg->uri.user, &room) == -ENOENT) {
        return "";
    }
    snprintf(label, ROOM_NAME_CHARS + 1, "%.*s", ROOM_NAME_CHARS,
             room            ? room->token
             : msg->uri.user ? msg->uri.user
                             : "");
    return label;
}

static void complain(struct focus *focus, const struct txn *txn, enum focus_refusal refusal)
{
    static_assert(FOCUS_REFUSALS + (int)REFUSES <= COMPLAIN_PIN, "a place for each reason");
    char label[ROOM_NAME_CHARS + 1];
    const struct sip_msg *msg = txn_msg(txn);
    if (msg && focus->log) {
        complain_refused(&focus->complaints, focus->log, refusal, focus->wheel->now_ms, focus_refusal_status(refusal),
                         focus_refusal_text(refusal), label_of(focus, msg, label), msg);
    }
}

void focus_refuse_with(struct focus *focus, struct txn *txn, enum focus_refusal refusal, const char *name,
                       const char *value)
{
    char allow[256];

    count_add(&focus->stats.refused[refusal], 1);
    if (!txn) {
        return;
    }
    int status = focus_refusal_status(refusal);
    complain(focus, txn, refusal);
    struct sip_out *out = txn_response(txn, status, NULL);
    if (name) {
        sip_add(out, name, value);
    }
    if (status == 503 || refusal == FOCUS_MEMORY) {
        sip_addf(out, "Retry-After", "%d", RETRY_AFTER_S);
    } else if (status == 415 || status == 406) {
        sip_add(out, "Accept", FOCUS_TYPES);
        sip_add(out, "Accept-Encoding", "identity");
    } else if (refusal == FOCUS_OPEN) {
        uint8_t seconds = 0;
        focus->world.random(focus->world.ctx, &seconds, sizeof seconds);
        sip_addf(out, "Retry-After", "%u", seconds % 11); /* RFC 3261 14.2 */
    } else if (refusal == FOCUS_VOICEXML) {
        sip_addf(out, "Warning", "399 mixminus \"%s\"", focus_refusal_text(refusal));
    } else if (refusal == FOCUS_EXTENSION_NEEDED) {
        sip_add(out, "Require", "100rel");
    } else if (status == 405 && !name) {
        /* RFC 3261 21.4.6: what is taken there. Who may not subscribe has nothing to refer to, either. */
        uint32_t pair = sip_bit(SIP_SUBSCRIBE) | sip_bit(SIP_REFER), bit = sip_bit(txn_method(txn));
        sip_add(out, "Allow", sip_methods_text(focus_methods() & ~(bit & pair ? pair : bit), allow));
    }
    if (focus->cfg.server[0]) {
        sip_add(out, "Server", focus->cfg.server);
    }
    txn_respond(txn, out);
}

void focus_refuse(struct focus *focus, struct txn *txn, enum focus_refusal refusal)
{
    focus_refuse_with(focus, txn, refusal, NULL, NULL);
}
