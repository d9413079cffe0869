/* Announcements. See annc.h. */
#include "sig/annc.h"

#include "sig/call.h"
#include "sig/invite.h"
#include "sig/lobby.h"
#include "sig/room.h"
#include "sig/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum focus_target annc_target(const char *user, enum focus_refusal *refusal)
{
    if (strcasecmp(user, "annc") == 0) {
        return FOCUS_ANNC;
    }
    if (strcasecmp(user, "dialog") == 0) {
        *refusal = FOCUS_VOICEXML;
        return FOCUS_NOBODY;
    }
    return FOCUS_SERVER;
}

/* "forever", or how often in all; once where it is left out. */
static int repeat_read(uint32_t *times, const struct sip_uri *uri)
{
    char text[16];
    *times = 1;
    if (!sip_param(uri->params, "repeat", text, sizeof text)) {
        return 0;
    }
    if (strcasecmp(text, "forever") == 0) {
        *times = 0;
        return 0;
    }
    size_t n = strspn(text, "0123456789");
    *times = n > 0 && n < 6 && text[n] == '\0' ? (uint32_t)atoi(text) : 0;
    return *times > 0 && *times <= ANNC_REPEAT_MAX ? 0 : -EINVAL;
}

int annc_read(struct annc *annc, const struct prompts *prompts, const struct sip_uri *uri)
{
    static const char scheme[] = "file:///";
    char url[sizeof scheme + PROMPT_NAME_MAX];

    if (!prompts || !sip_param(uri->params, "play", url, sizeof url) ||
        strncasecmp(url, scheme, sizeof scheme - 1) != 0) {
        return -ENOENT;
    }
    annc->clip = prompts_find(prompts, url + sizeof scheme - 1);
    return annc->clip ? repeat_read(&annc->times, uri) : -ENOENT;
}

void annc_invite(struct focus *f, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    struct invite invite;
    struct annc annc;
    struct room *room;

    if (f->stopping) {
        focus_refuse(f, txn, FOCUS_STOPPING);
        return;
    }
    int err = annc_read(&annc, f->cfg.prompts, &msg->uri);
    if (err) {
        focus_refuse(f, txn, err == -ENOENT ? FOCUS_ANNOUNCEMENT : FOCUS_REPEAT);
        return;
    }
    if (invite_read(f, txn, msg, &invite) != 0) {
        return;
    }
    err = room_issue(f, invite.cost, &room);
    if (err) {
        focus_refuse(f, txn, focus_refusal_of(err));
        return;
    }
    room->annc = annc;
    if (call_begin(f, room, txn, msg, &invite, who, NULL) != 0) {
        room_end(room, FOCUS_END_CONFERENCE);
    } else {
        count_add(&f->stats.announcements, 1);
    }
}

static void begin(struct call *call)
{
    const struct annc *annc = &call->room->annc;
    if (lobby_play(call->lobby, annc->clip, annc->times) != 0) {
        call_end(call, FOCUS_END_FAULT);
    }
}

static void played(struct call *call)
{
    call_end(call, FOCUS_END_PLAYED);
}

const struct script annc_script = {.up = begin, .played = played};
