/* Replaces. See replaces.h. */
#include "sig/focus/replaces.h"

#include "sig/call/call.h"
#include "sig/room/room.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* What may stand in a Call-ID or a tag, and needs no quotes. */
static bool is_word(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p <= ' ' || *p >= 0x7f || strchr(";,\"<>?&", *p)) {
            return false;
        }
    }
    return *text != '\0';
}

int replaces_read(struct replaces *r, const char *text)
{
    char flag[8];
    size_t n = strcspn(text, "; \t");
    const char *params = strchr(text, ';');
    if (n == 0 || n >= sizeof r->call_id || !params) {
        return -EINVAL;
    }
    memcpy(r->call_id, text, n);
    r->call_id[n] = '\0';
    if (!sip_param(params, "to-tag", r->to_tag, sizeof r->to_tag) ||
        !sip_param(params, "from-tag", r->from_tag, sizeof r->from_tag)) {
        return -EINVAL;
    }
    r->early_only = sip_param(params, "early-only", flag, sizeof flag);
    return is_word(r->call_id) && is_word(r->to_tag) && is_word(r->from_tag) ? 0 : -EINVAL;
}

const char *replaces_text(const struct replaces *r, char *text, size_t size)
{
    snprintf(text, size, "%s;to-tag=%s;from-tag=%s%s", r->call_id, r->to_tag, r->from_tag,
             r->early_only ? ";early-only" : "");
    return text;
}

/* RFC 3891 8: with authentication the ids are not enough: only the same user may, or the creator. */
static bool may(const struct room *room, const struct call *old, const struct identity *who)
{
    return !who->owes_pin &&
           (strcmp(who->user, old->member.who.user) == 0 || (who->user[0] && strcmp(who->user, room->creator) == 0));
}

/* @return REFUSALS: fine */
static enum refusal judge(struct env *env, const struct sip_msg *msg, const struct room *room,
                          const struct identity *who, struct call **call)
{
    struct replaces r;
    const char *element;
    if (sip_header(msg, "Replaces", 1) || sip_header(msg, "Join", 0) || sip_list(msg, "Replaces", 1, &element) > 0 ||
        replaces_read(&r, sip_header(msg, "Replaces", 0)) != 0) {
        return REFUSAL_REPLACES;
    }
    struct dialog *dialog = dialog_find_ids(&env->dialogs, r.call_id, r.to_tag, r.from_tag);
    struct call *old = dialog ? call_of_owner(dialog->owner) : NULL;
    if (!old || old->room != room || old->state == CALL_EARLY) { /* an early dialog of the peer's making is not ours */
        return REFUSAL_DIALOG;
    }
    if (!may(room, old, who)) {
        return REFUSAL_REPLACES_RIGHT;
    }
    if (old->state >= CALL_LEAVING) {
        return REFUSAL_REPLACES_OVER;
    }
    *call = old;
    return r.early_only ? REFUSAL_REPLACES_EARLY : REFUSALS;
}

int replaces_find(struct env *env, struct txn *txn, const struct sip_msg *msg, const struct room *room,
                  const struct identity *who, struct call **call)
{
    *call = NULL;
    if (!sip_header(msg, "Replaces", 0)) {
        return 0;
    }
    enum refusal refusal = judge(env, msg, room, who, call);
    if (refusal != REFUSALS) {
        env_refuse(env, txn, refusal);
        return -EPROTO;
    }
    return 0;
}
