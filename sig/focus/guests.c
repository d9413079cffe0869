/* Lists of URIs to be called. See guests.h. */
#include "sig/focus/guests.h"

#include "sig/call/dial.h"
#include "sig/call/invite.h"
#include "sig/focus/refer.h"
#include "sig/room/room.h"

#include <errno.h>
#include <string.h>

/* @return REFUSALS: fine */
static enum refusal judge(struct env *env, const struct sip_msg *msg, struct room *room, const struct identity *who,
                          struct uri_list *list)
{
    int err = invite_list(msg, list);
    if (err) {
        return err == -E2BIG ? REFUSAL_LIST_LONG : REFUSAL_LIST;
    }
    if (list->n == 0) {
        return REFUSALS;
    }
    if (!env->cfg.reach.is_on) {
        return REFUSAL_BODY_TYPE;
    }
    if (!refer_may_bring(env, room, who)) {
        return REFUSAL_REFERRAL;
    }
    return dial_admit(env, room, who, msg, list->n) == 0 ? REFUSALS : REFUSAL_DIAL_RATE;
}

int guests_read(struct env *env, struct txn *txn, const struct sip_msg *msg, struct room *room,
                const struct identity *who, struct uri_list *list)
{
    enum refusal refusal = judge(env, msg, room, who, list);
    if (refusal != REFUSALS) {
        env_refuse(env, txn, refusal);
        return -EPROTO;
    }
    return 0;
}

void guests_call(struct room *room, const struct uri_list *list)
{
    for (unsigned i = 0; i < list->n; i++) {
        char memory[3 * SIP_URI_BYTES_MAX + 16];
        struct dial_plan plan = {.display = ""};
        struct sip_uri uri;
        struct call *call;
        if (sip_uri_parse(&uri, list->uris[i], strlen(list->uris[i]), memory, sizeof memory) != 0 ||
            reach_find(room->env, &uri, NULL, &plan.way) != 0) {
            env_refuse(room->env, NULL, REFUSAL_REACH); /* counted; the others come */
            continue;
        }
        plan.host = uri.host;
        plan.entity = plan.way.target;
        int err = dial_begin(room, &plan, &call);
        if (err) {
            env_refuse(room->env, NULL, refusal_of(err)); /* counted */
        }
    }
}
