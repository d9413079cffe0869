/* Lobbies. See lobby.h. */
#include "sig/room/lobby.h"
#include "sig/room/event_id.h"

#include "core/conf/clip.h"
#include "core/conf/conf.h"
#include "core/conf/leg.h"
#include "core/ctl.h"

#include <errno.h>
#include <stdlib.h>

static int put(const struct lobby *lobby, const struct ctl_req *req)
{
    return ctl_put(place_worker(lobby->room->env->place, lobby->worker), req) == 0 ? 0 : -EBUSY;
}

int lobby_open(struct lobby **out, struct room *room, struct member *member, int worker)
{
    struct conf_cfg cfg = {.id = event_id(EVENT_ROOM, room), .legs_max = 1};
    struct ctl_req req = {.op = CTL_CONF_OPEN};
    struct lobby *lobby = calloc(1, sizeof *lobby);
    int err = -ENOMEM;

    if (!lobby) {
        return err;
    }
    *lobby = (struct lobby){.room = room, .next = room->lobbies, .member = member, .worker = worker};
    if (conf_build(&req.conf, &cfg) != 0) {
        goto out;
    }
    err = put(lobby, &req);
    if (err) {
        conf_free(req.conf);
        goto out;
    }
    lobby->conf = req.conf;
    room->lobbies = lobby;
    count_add(&room->env->stats.lobbies, 1);
    *out = lobby;
    return 0;
out:
    free(lobby);
    return err;
}

int lobby_silence(struct lobby *lobby)
{
    if (!lobby || !lobby->player) {
        return 0;
    }
    struct ctl_req req = {.op = CTL_LEG_DROP, .conf = lobby->conf, .leg = lobby->player};
    int err = put(lobby, &req);
    lobby->player = err ? lobby->player : NULL;
    return err;
}

int lobby_play(struct lobby *lobby, const struct clip *clip, uint32_t times)
{
    if (!lobby || !clip) {
        return -ENOENT;
    }
    struct leg_cfg cfg = {.id = event_id(EVENT_LOBBY, lobby),
                          .rtp_fd = -1,
                          .rtcp_fd = -1,
                          .codec = codec_get(CODEC_L16),
                          .fmt.rate_hz = clip_rate_hz(clip),
                          .clip = clip,
                          .clip_times = times};
    struct ctl_req req = {.op = CTL_LEG_ADD, .conf = lobby->conf};
    int err = lobby_silence(lobby);
    err = err ? err : leg_build(&req.leg, &cfg);
    if (err) {
        return err;
    }
    err = put(lobby, &req);
    if (err) {
        leg_free(req.leg);
        return err;
    }
    lobby->player = req.leg;
    lobby->n_players++;
    return 0;
}

/* The player first: the worker wants it empty. */
static void lobby_close(struct lobby *lobby)
{
    struct ctl_req req = {.op = CTL_CONF_CLOSE, .conf = lobby->conf};
    lobby->closed = lobby_silence(lobby) == 0 && put(lobby, &req) == 0;
    if (lobby->close_due == lobby->closed) {
        lobby->close_due = !lobby->closed;
        lobby->room->env->n_due += lobby->close_due ? 1 : -1u;
    }
}

void lobby_leave(struct lobby *lobby)
{
    if (lobby) {
        must(lobby->member && !lobby->closed);
        lobby->member = NULL;
        lobby_close(lobby);
    }
}

struct member *lobby_played(const struct lobby *lobby, const struct leg *player)
{
    return player == lobby->player ? lobby->member : NULL;
}

void lobby_player_gone(struct lobby *lobby, struct leg *player)
{
    must(lobby->n_players > 0);
    lobby->n_players--;
    leg_free(player);
}

bool lobby_gone(struct room *room, const struct conf *conf)
{
    struct lobby **link = &room->lobbies;
    while (*link && (*link)->conf != conf) {
        link = &(*link)->next;
    }
    struct lobby *lobby = *link;
    if (!lobby) {
        return false;
    }
    must(lobby->closed && lobby->n_players == 0);
    *link = lobby->next;
    free(lobby);
    count_add(&room->env->stats.lobbies, (uint64_t)-1);
    return true;
}

void lobby_settle(struct room *room)
{
    for (struct lobby *lobby = room->lobbies; lobby; lobby = lobby->next) {
        if (lobby->close_due) {
            lobby_close(lobby);
        }
    }
}

void lobby_abandon(struct room *room)
{
    while (room->lobbies) {
        struct lobby *lobby = room->lobbies;
        room->lobbies = lobby->next;
        free(lobby);
    }
}
