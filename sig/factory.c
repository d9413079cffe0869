/* The factory. */
#include "sig/factory.h"

#include "sig/call.h"
#include "sig/guests.h"
#include "sig/invite.h"
#include "sig/room.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool factory_is(const struct focus *focus, const char *user, const char *host, enum focus_mode *mode)
{
    /* TS 23.003 13.10: the URI that a phone derives from its SIM; IR.92 wants the focus to answer it itself. */
    static const char derived_user[] = "mmtel", derived_host[] = "conf-factory.";

    if (strcmp(user, derived_user) == 0 && strncmp(host, derived_host, sizeof derived_host - 1) == 0) {
        *mode = FOCUS_DIRECT;
        return true;
    }
    if (strcmp(user, focus->cfg.factory_user) == 0) {
        *mode = focus->cfg.factory_mode;
        return true;
    }
    return false;
}

static void redirect(struct focus *focus, struct txn *txn, const struct room *room)
{
    struct sip_out *out = txn_response(txn, 302, NULL);

    char host[FOCUS_HOST_MAX + 32];
    sip_addf(out, "Contact", "<sip:%s@%s>;expires=%u", room->token, focus_host(focus, txn_flow(txn), host),
             focus->cfg.unused_s);
    if (focus->cfg.server[0]) {
        sip_add(out, "Server", focus->cfg.server);
    }
    if (txn_respond(txn, out) == 0) {
        count_add(&focus->stats.redirects, 1);
    }
}

void factory_invite(struct focus *focus, struct txn *txn, const struct sip_msg *msg, enum focus_mode mode,
                    const struct identity *who, const char *name)
{
    struct invite invite;
    struct uri_list list; /* large: not worth clearing */
    struct room *room;
    struct half half = {0};
    char from[128];

    if (focus->stopping) {
        focus_refuse(focus, txn, FOCUS_STOPPING);
        return;
    }
    if (invite_read(focus, txn, msg, &invite) != 0) {
        return;
    }
    list.n = 0;
    if (mode == FOCUS_DIRECT && guests_read(focus, txn, msg, NULL, who, &list) != 0) {
        return; /* after a redirect it comes once more, to the conference */
    }
    int err = mode == FOCUS_REDIRECT && focus->cfg.reservation ? half_take(focus, &half, &msg->flow.remote) : 0;
    if (!err && (err = room_issue(focus, invite.cost, &room)) != 0) {
        half_give(focus, &half);
    }
    if (err) {
        focus_refuse(focus, txn, focus_refusal_of(err));
        return;
    }
    if (name && (err = room_name_set(room, name)) != 0) {
        room_end(room, FOCUS_END_FAULT);
        focus_refuse(focus, txn, focus_refusal_of(err));
        return;
    }
    room->half = half;
    strcpy(room->creator, who->user);
    room->creator_uri = who->user[0] ? NULL : strdup(msg->from.uri.text); /* NULL too without memory: nobody's then */
    room_promise(room);
    log_line(focus->log, LOG_INFO, "conference %.*s issued to %s", ROOM_NAME_CHARS, room->token,
             log_escape(from, sizeof from, msg->from.uri.text, strlen(msg->from.uri.text)));
    if (mode == FOCUS_REDIRECT) {
        redirect(focus, txn, room);
    } else if (call_begin(focus, room, txn, msg, &invite, who, NULL) != 0) {
        room_end(room, FOCUS_END_CONFERENCE); /* nobody has ever heard of its URI */
    } else {
        guests_call(room, &list);
    }
}
