/* jansson's wrapper. See status.h. */
#include "sig/http/status.h"

#include "core/conf/leg.h"
#include "core/conf/leg_source.h"
#include "sig/room/room.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

struct status {
    json_t *conferences;
    uint32_t slot; /* of the conference that comes next */
};

/* Foreign text: what is no UTF-8 is left out. */
static json_t *text_of(const char *text)
{
    json_t *value = json_string(text ? text : "");
    return value ? value : json_string("?");
}

static const char *direction_of(const struct member_state *state)
{
    return state->rx_on ? (state->tx_on ? "sendrecv" : "recvonly") : (state->tx_on ? "sendonly" : "inactive");
}

static void put(json_t *object, const char *name, const counter *figure)
{
    json_object_set_new(object, name, json_integer((json_int_t)count_get(figure)));
}

static void put_ms(json_t *object, const char *name, const counter *us)
{
    json_object_set_new(object, name, json_real((double)count_get(us) / 1000));
}

static const char *phase_of(const struct leg_view *view)
{
    static const char *const names[] = {[SOURCE_SHUT] = "not acknowledged",
                                        [SOURCE_GRACE] = "no sign of life yet",
                                        [SOURCE_SPENT] = "withheld, no sign of life",
                                        [SOURCE_PROVED] = "open"};
    return names[count_get(&view->phase) & 3];
}

/* Quality of its media: talking or not, and what the network does to it. */
static void leg_add(json_t *p, const struct leg_view *view)
{
    json_t *rx = json_object(), *tx = json_object();
    json_object_set_new(p, "talks", json_boolean(count_get(&view->talks)));
    json_object_set_new(p, "level_dbov", json_integer(-(json_int_t)count_get(&view->level_dbov)));
    put(rx, "packets", &view->rx_packets);
    put(rx, "lost", &view->rx_lost);
    put_ms(rx, "jitter_ms", &view->rx_jitter_us);
    if (count_get(&view->rx_packets) > count_get(&view->rx_dropped)) {
        put(rx, "delay_ms", &view->delay_ms);
    } else {
        json_object_set_new(rx, "delay_ms", json_null()); /* nothing has been heard of it */
    }
    put(rx, "concealed", &view->rx_concealed);
    put(rx, "dropped", &view->rx_dropped);
    enum drop drop = (enum drop)count_get(&view->last_drop);
    json_object_set_new(rx, "last_drop", drop == DROP_NONE ? json_null() : json_string(drop_name(drop)));
    json_object_set_new(rx, "unheard", json_boolean(count_get(&view->is_unheard)));
    json_object_set_new(p, "rx", rx);
    put(tx, "packets", &view->tx_packets);
    put(tx, "lost", &view->peer_lost);
    put_ms(tx, "jitter_ms", &view->peer_jitter_us);
    put_ms(tx, "round_trip_ms", &view->rtt_us);
    json_object_set_new(tx, "state", text_of(phase_of(view)));
    json_object_set_new(p, "tx", tx);
}

static json_t *participant_of(const struct member *member)
{
    struct member_state state;
    json_t *p = json_object();
    member->ops->look(member, &state);
    json_object_set_new(p, "call", json_integer((json_int_t)member->id));
    json_object_set_new(p, "entity", text_of(member->entity));
    json_object_set_new(p, "display", text_of(member->display));
    json_object_set_new(p, "user", text_of(member->who.user));
    json_object_set_new(p, "joined", json_integer((json_int_t)member->joined_s));
    json_object_set_new(p, "dialed_out", json_boolean(member->is_dialled));
    json_object_set_new(p, "owes_pin", json_boolean(member->is_waiting));
    json_object_set_new(p, "direction", text_of(direction_of(&state)));
    json_object_set_new(p, "codec", text_of(state.codec));
    json_object_set_new(p, "srtp", text_of(state.srtp));
    json_object_set_new(p, "ssrc", json_integer(member->ssrc));
    if (state.view) {
        leg_add(p, state.view);
    }
    return p;
}

static json_t *conference_of(const struct room *room)
{
    char name[ENV_LABEL_CHARS + 1];
    json_t *conference = json_object(), *participants = json_array();
    memcpy(name, room->token, ENV_LABEL_CHARS);
    name[ENV_LABEL_CHARS] = '\0';
    json_object_set_new(conference, "name", text_of(name));
    json_object_set_new(conference, "state", text_of(room->state == ROOM_OPEN ? "open" : "issued"));
    json_object_set_new(conference, "creator", text_of(room->creator));
    json_object_set_new(conference, "created", json_integer((json_int_t)room->created_s));
    json_object_set_new(conference, "worker", json_integer(room->worker));
    for (const struct member *member = room->roster; member; member = member->next) {
        json_array_append_new(participants, participant_of(member));
    }
    json_object_set_new(conference, "participants", participants);
    return conference;
}

struct status *status_begin(void)
{
    struct status *s = calloc(1, sizeof *s);
    if (s) {
        s->conferences = json_array();
    }
    return s;
}

bool status_gather(struct status *s, const struct env *env)
{
    for (uint32_t n = 0; s->slot < env->cfg.conferences_max && n < STATUS_TURN; s->slot++) {
        const struct room *room = env->slots[s->slot];
        if (room && room->state != ROOM_ENDED) {
            json_array_append_new(s->conferences, conference_of(room));
            n += 1 + room->n_roster;
        }
    }
    return s->slot == env->cfg.conferences_max;
}

char *status_write(const struct status *s)
{
    json_t *root = json_object();
    json_object_set(root, "conferences", s->conferences);
    char *text = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

void status_free(struct status *s)
{
    if (s) {
        json_decref(s->conferences);
        free(s);
    }
}
