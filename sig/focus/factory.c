/* The factory. */
#include "sig/focus/factory.h"

#include "sig/call/call.h"
#include "sig/call/invite.h"
#include "sig/focus/guests.h"
#include "sig/room/room.h"
#include "sig/room/unacked.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool factory_is(const struct env *env, const char *user, const char *host, enum factory_mode *mode)
{
    /* TS 23.003 13.10: the URI that a phone derives from its SIM; IR.92 wants the focus to answer it itself. */
    static const char derived_user[] = "mmtel", derived_host[] = "conf-factory.";

    if (strcmp(user, derived_user) == 0 && strncmp(host, derived_host, sizeof derived_host - 1) == 0) {
        *mode = FACTORY_DIRECT;
        return true;
    }
    if (strcmp(user, env->cfg.factory_user) == 0) {
        *mode = env->cfg.factory_mode;
        return true;
    }
    return false;
}

static void redirect(struct env *env, struct txn *txn, const struct room *room)
{
    struct sip_out *out = txn_response(txn, 302, NULL);

    char host[ENV_HOST_MAX + 32];
    sip_addf(out, "Contact", "<sip:%s@%s>;expires=%u", room->token, env_host(env, txn_flow(txn), host),
             env->cfg.unused_s);
    if (env->cfg.server[0]) {
        sip_add(out, "Server", env->cfg.server);
    }
    if (txn_respond(txn, out) == 0) {
        count_add(&env->stats.redirects, 1);
    }
}

void factory_invite(struct env *env, struct txn *txn, const struct sip_msg *msg, enum factory_mode mode,
                    const struct identity *who, const char *name)
{
    struct invite invite;
    struct uri_list list; /* large: not worth clearing */
    struct room *room;
    struct quota_hold unacked = {0};
    char from[128];

    if (env->stopping) {
        env_refuse(env, txn, REFUSAL_STOPPING);
        return;
    }
    if (invite_read(env, txn, msg, &invite) != 0) {
        return;
    }
    list.n = 0;
    if (mode == FACTORY_DIRECT && guests_read(env, txn, msg, NULL, who, &list) != 0) {
        return; /* after a redirect it comes once more, to the conference */
    }
    int err = mode == FACTORY_REDIRECT && env->cfg.reservation ? unacked_take(env, &unacked, &msg->flow.remote) : 0;
    if (!err && (err = room_issue(env, invite.cost, &room)) != 0) {
        unacked_give(env, &unacked);
    }
    if (err) {
        env_refuse(env, txn, refusal_of(err));
        return;
    }
    if (name && (err = room_name_set(room, name)) != 0) {
        room_end(room, ENDING_FAULT);
        env_refuse(env, txn, refusal_of(err));
        return;
    }
    room->unacked = unacked;
    strcpy(room->creator, who->user);
    room->creator_uri = who->user[0] ? NULL : strdup(msg->from.uri.text); /* NULL too without memory: no creator then */
    room_promise(room);
    log_line(env->log, LOG_INFO, "conference %.*s issued to %s", ENV_LABEL_CHARS, room->token,
             log_escape(from, sizeof from, msg->from.uri.text, strlen(msg->from.uri.text)));
    if (mode == FACTORY_REDIRECT) {
        redirect(env, txn, room);
    } else if (call_begin(env, room, txn, msg, &invite, who, NULL) != 0) {
        room_end(room, ENDING_CONFERENCE); /* nobody has ever heard of its URI */
    } else {
        guests_call(room, &list);
    }
}
