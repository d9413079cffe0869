/* Announcements. See annc.h. */
#include "sig/ivr/annc.h"

#include "sig/call/call.h"
#include "sig/call/invite.h"
#include "sig/ivr/prompts.h"
#include "sig/room/lobby.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool annc_is(const char *user)
{
    return strcasecmp(user, "annc") == 0;
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

void annc_invite(struct env *env, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    struct invite invite;
    struct annc annc;
    struct room *room;

    if (env->stopping) {
        env_refuse(env, txn, REFUSAL_STOPPING);
        return;
    }
    int err = annc_read(&annc, env->cfg.prompts, &msg->uri);
    if (err) {
        env_refuse(env, txn, err == -ENOENT ? REFUSAL_ANNOUNCEMENT : REFUSAL_REPEAT);
        return;
    }
    if (invite_read(env, txn, msg, &invite) != 0) {
        return;
    }
    err = room_issue(env, invite.cost, &room);
    if (err) {
        env_refuse(env, txn, refusal_of(err));
        return;
    }
    room->annc = annc;
    if (call_begin(env, room, txn, msg, &invite, who, NULL) != 0) {
        room_end(room, ENDING_CONFERENCE);
    } else {
        count_add(&env->stats.announcements, 1);
    }
}

static void begin(struct call *call)
{
    const struct annc *annc = &call->room->annc;
    if (lobby_play(call->lobby, annc->clip, annc->times) != 0) {
        call_end(call, ENDING_FAULT);
    }
}

static void played(struct call *call)
{
    call_end(call, ENDING_PLAYED);
}

const struct script annc_script = {.up = begin, .played = played};
