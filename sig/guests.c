/* A list of those who are to be called. See guests.h. */
#include "sig/guests.h"

#include "sig/dial.h"
#include "sig/invite.h"
#include "sig/refer.h"
#include "sig/room.h"

#include <errno.h>
#include <string.h>

/* @return FOCUS_REFUSALS: fine */
static enum focus_refusal judge(struct focus *f, const struct sip_msg *msg, struct room *room,
                                const struct identity *who, struct uri_list *list)
{
    int err = invite_list(msg, list);
    if (err) {
        return err == -E2BIG ? FOCUS_LIST_LONG : FOCUS_LIST;
    }
    if (list->n == 0) {
        return FOCUS_REFUSALS;
    }
    if (!f->cfg.reach.is_on) {
        return FOCUS_BODY_TYPE;
    }
    if (!refer_may_bring(f, room, who)) {
        return FOCUS_REFERRAL;
    }
    return dial_admit(f, room, who, msg, list->n) == 0 ? FOCUS_REFUSALS : FOCUS_DIAL_RATE;
}

int guests_read(struct focus *f, struct txn *txn, const struct sip_msg *msg, struct room *room,
                const struct identity *who, struct uri_list *list)
{
    enum focus_refusal refusal = judge(f, msg, room, who, list);
    if (refusal != FOCUS_REFUSALS) {
        focus_refuse(f, txn, refusal);
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
            reach_find(room->focus, &uri, NULL, &plan.way) != 0) {
            focus_refuse(room->focus, NULL, FOCUS_REACH); /* counted; the others come */
            continue;
        }
        plan.host = uri.host;
        plan.entity = plan.way.target;
        dial_begin(room, &plan, &call);
    }
}
