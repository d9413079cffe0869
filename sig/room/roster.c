/* The conference event package. See roster.h. */
#include "sig/room/roster.h"

#include "sig/base/xml.h"
#include "sig/txn/sub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { ENTITY_MAX = SIP_URI_BYTES_MAX };

/* How far a watcher has been notified: a sub's arg. */
struct watcher {
    struct room *room;
    uint32_t version; /* of the last document */
    uint64_t seen;    /* room->changes that it has been notified of */
};

/* ---- names ---- */

bool roster_is_private(const struct sip_msg *msg)
{
    const char *value, *from = msg->from.uri.host ? msg->from.uri.host : "";
    if (strcasecmp(from, "anonymous.invalid") == 0) {
        return true; /* RFC 3323 4.1.1.3 */
    }
    for (unsigned i = 0; (value = sip_header(msg, "Privacy", i)) != NULL; i++) {
        if (strcasestr(value, "id") || strcasestr(value, "user") || strcasestr(value, "header")) {
            return true;
        }
    }
    return false;
}

int roster_name(struct env *env, struct member *member, const struct sip_msg *msg)
{
    const char *text = msg->from.uri.text;
    member->joined_s = env->world.wall_s(env->world.ctx);
    if (roster_is_private(msg) || strlen(text) >= ENTITY_MAX) {
        /* Told apart, and no more: entities must be unique and stay (RFC 4575 5.5). */
        if (asprintf(&member->entity, "sip:anonymous-%llu@anonymous.invalid", (unsigned long long)member->id) < 0) {
            member->entity = NULL;
        }
        member->display = strdup("Anonymous");
    } else {
        member->entity = strdup(text);
        member->display = strdup(msg->from.display ? msg->from.display : "");
    }
    return member->entity && member->display ? 0 : -ENOMEM;
}

int roster_name_dialled(struct env *env, struct member *member, const char *entity, const char *display)
{
    member->joined_s = env->world.wall_s(env->world.ctx);
    member->entity = strdup(entity);
    member->display = strdup(display);
    return member->entity && member->display ? 0 : -ENOMEM;
}

/* ---- documents ---- */

/* RFC 4575 5.7.2 */
static const char *endpoint_status(const struct member_state *state)
{
    static const char *const words[] = {
        [MEMBER_CONNECTED] = "connected", [MEMBER_DIALLED] = "dialing-out", [MEMBER_ALERTED] = "alerting"};
    return words[state->status];
}

static const char *media_status(const struct member_state *state)
{
    static const char *const words[2][2] = {{"inactive", "recvonly"}, {"sendonly", "sendrecv"}};
    return words[state->rx_on][state->tx_on];
}

/* One participant. Two calls of the same URI are two endpoints of one user by the book; here they are two users with
 * the same entity only if the peer makes it so, and phones show both. */
static void user_put(struct xml *x, const struct room *room, const struct member *member)
{
    struct member_state state;
    char when[32];
    time_t joined = (time_t)member->joined_s;
    struct tm utc;
    member->ops->look(member, &state);
    strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&joined, &utc));
    xml_put(x, "<user entity=\"");
    xml_text(x, member->entity ? member->entity : "");
    xml_put(x, "\" state=\"full\">");
    xml_element(x, "display-text", member->display);
    xml_putf(x, "<endpoint entity=\"sip:call-%llu@", (unsigned long long)member->id);
    xml_text(x, room->env->cfg.domain);
    xml_putf(x,
             "\"><status>%s</status><joining-method>%s</joining-method><joining-info><when>%s</when>"
             "</joining-info><media id=\"1\"><type>audio</type>",
             endpoint_status(&state), member->is_dialled ? "dialed-out" : "dialed-in", when);
    if (member->ssrc) {
        xml_putf(x, "<src-id>%u</src-id>", member->ssrc); /* as it stands in the CSRC lists of the mix */
    }
    xml_putf(x, "<status>%s</status></media></endpoint></user>", media_status(&state));
}

static void head_put(struct xml *x, const struct room *room, const struct watcher *w, bool is_whole)
{
    xml_put(x, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<conference-info "
               "xmlns=\"urn:ietf:params:xml:ns:conference-info\" entity=\"");
    xml_putf(x, "sip:%s@", room->token);
    xml_text(x, room->env->cfg.domain);
    xml_putf(x, "\" state=\"%s\" version=\"%u\">", is_whole ? "full" : "partial", w->version);
    if (is_whole) {
        xml_putf(x,
                 "<conference-description><maximum-user-count>%u</maximum-user-count><available-media><entry "
                 "label=\"1\"><type>audio</type></entry></available-media></conference-description>",
                 policy_legs_max(room->env, room));
    }
    xml_putf(x, "<conference-state><user-count>%u</user-count><active>%s</active></conference-state>", room->n_roster,
             room->state == ROOM_OPEN ? "true" : "false");
}

/* Users that fit; the count above tells the truth in any case. */
static void users_put(struct xml *x, const struct room *room, uint64_t since)
{
    for (const struct member *member = room->roster; member; member = member->next) {
        size_t mark = xml_mark(x);
        if (member->changed <= since) {
            continue;
        }
        user_put(x, room, member);
        if (x->full) {
            xml_back(x, mark);
            return;
        }
    }
}

static void gone_put(struct xml *x, const struct room *room, uint64_t since)
{
    for (unsigned i = 0; i < ROOM_GONE_MAX; i++) {
        const struct room_gone *gone = &room->gone[i];
        size_t mark = xml_mark(x);
        if (!gone->entity || gone->changed <= since) {
            continue;
        }
        xml_put(x, "<user entity=\"");
        xml_text(x, gone->entity);
        xml_put(x, "\" state=\"deleted\"/>");
        if (x->full) {
            xml_back(x, mark);
        }
    }
}

static void body(struct sub *sub, struct sip_out *out, bool is_first)
{
    static const char tail[] = "</users></conference-info>\n";
    static char text[ROSTER_BODY_MAX];
    struct xml x = {.text = text, .size = sizeof text - sizeof tail};
    struct watcher *w = sub->arg;
    struct room *room = w->room;
    if (!room) {
        return;
    }
    bool is_whole = is_first || w->seen < room->forgotten;
    w->version++;
    head_put(&x, room, w, is_whole);
    xml_putf(&x, "<users%s>", is_whole ? "" : " state=\"partial\"");
    if (!is_whole) {
        gone_put(&x, room, w->seen);
    }
    users_put(&x, room, is_whole ? 0 : w->seen);
    w->seen = room->changes;
    x.size = sizeof text;
    xml_put(&x, tail);
    sip_body(out, "application/conference-info+xml", text, x.n);
}

static void gone(struct sub *sub)
{
    free(sub->arg);
}

static const struct sub_package package = {.event = "conference",
                                           .interval_ms = 5000, /* RFC 4575 3.9 */
                                           .expires_s = 3600,
                                           .expires_min_s = 60,
                                           .expires_max_s = 86400,
                                           .body = body,
                                           .gone = gone};

/* ---- changes ---- */

static void watchers_notify(struct room *room)
{
    for (struct sub *sub = room->watchers, *next; sub; sub = next) {
        next = sub->next;
        sub_notify(sub);
    }
}

void roster_changed(struct room *room, struct member *member)
{
    if (member->is_waiting) {
        return; /* not here yet */
    }
    member->changed = ++room->changes;
    watchers_notify(room);
}

void roster_left(struct room *room, struct member *member)
{
    if (member->changed == 0) {
        return; /* watchers have never been notified of it */
    }
    struct room_gone *place = &room->gone[room->i_gone];
    if (place->entity) {
        room->forgotten = place->changed;
        free(place->entity);
    }
    place->entity = member->entity ? strdup(member->entity) : NULL;
    place->changed = ++room->changes;
    if (!place->entity) { /* a departure that cannot be named: watchers get the whole state */
        room->forgotten = room->changes;
        env_refuse(room->env, NULL, REFUSAL_MEMORY); /* counted */
    }
    room->i_gone = (room->i_gone + 1) % ROOM_GONE_MAX;
    watchers_notify(room);
}

void roster_end(struct room *room)
{
    while (room->watchers) {
        struct sub *sub = room->watchers;
        struct watcher *w = sub->arg;
        w->room = NULL; /* the last word may have to wait for the answer to the one before: without a document */
        sub_move(sub, &room->env->ending);
        sub_end(sub, "noresource");
    }
    roster_abandon(room);
}

void roster_abandon(struct room *room)
{
    while (room->watchers) {
        sub_forget(room->watchers);
    }
    for (unsigned i = 0; i < ROOM_GONE_MAX; i++) {
        free(room->gone[i].entity);
        room->gone[i].entity = NULL;
    }
}

void roster_dialog_gone(struct room *room, const struct dialog *dialog)
{
    sub_dialog_gone(room->watchers, dialog);
    sub_dialog_gone(room->refers, dialog);
    sub_dialog_gone(room->env->ending, dialog);
}

/* ---- SUBSCRIBE ---- */

bool roster_knows(const struct room *room, const struct member *self, const struct sip_msg *msg,
                  const struct identity *who)
{
    if (self) { /* a participant, by its own dialog */
        return !self->is_waiting;
    }
    if (who->user[0]) {
        if (strcmp(who->user, room->creator) == 0 && !who->owes_pin) {
            return true;
        }
        for (const struct member *member = room->roster; member; member = member->next) {
            if (strcmp(member->who.user, who->user) == 0 && !member->is_waiting) {
                return true;
            }
        }
        return false;
    }
    for (const struct member *member = room->roster; member; member = member->next) {
        struct member_state state;
        member->ops->look(member, &state);
        bool is_there = addr_same_host(state.source, &msg->flow.remote);
        if (is_there && !member->is_waiting && member->entity && strcmp(member->entity, msg->from.uri.text) == 0) {
            return true; /* by its name, and only from where it calls: anybody may write a From */
        }
    }
    return false;
}

static bool is_event(const struct sip_msg *msg)
{
    const char *event = sip_header(msg, "Event", 0);
    size_t n = event ? strcspn(event, "; \t") : 0;
    return n == strlen(package.event) && strncasecmp(event, package.event, n) == 0;
}

static bool takes_our_type(const struct sip_msg *msg)
{
    const char *element;
    size_t n;
    bool any = false;
    for (unsigned i = 0; (n = sip_list(msg, "Accept", i, &element)) > 0; i++) {
        static const char *const fine[] = {"application/conference-info+xml", "application/*", "*/*"};
        size_t type = strcspn(element, "; \t,");
        type = MIN(type, n);
        any = true;
        for (size_t k = 0; k < ARRAY_LEN(fine); k++) {
            if (strlen(fine[k]) == type && strncasecmp(element, fine[k], type) == 0) {
                return true;
            }
        }
    }
    return !any;
}

static struct sub *riding(const struct room *room, const struct dialog *shared, const struct sip_msg *msg)
{
    struct sub *sub = room->watchers;
    char id[16];
    sub_event_id(msg, id);
    while (sub && (sub->dialog != shared || strcmp(sub->id, id) != 0)) {
        sub = sub->next;
    }
    return sub;
}

/* The name by which a subscription is counted: its user, or without authentication its From. */
static const char *name_of(const struct sip_msg *msg, const struct identity *who)
{
    return who->user[0] ? who->user : msg->from.uri.text;
}

/* A few for each dialog, user or From; a trusted peer carries many. */
static bool has_enough(const struct room *room, const struct dialog *shared, const struct sip_msg *msg,
                       const struct identity *who)
{
    unsigned n = 0;
    if (trust_has(&room->env->cfg.trusted, &msg->flow.remote)) {
        return false;
    }
    for (const struct sub *sub = room->watchers; sub; sub = sub->next) {
        bool is_own = sub->dialog == &sub->own;
        n += shared ? sub->dialog == shared : is_own && strncmp(sub->who, name_of(msg, who), sizeof sub->who - 1) == 0;
    }
    return n >= ROSTER_SUBS_MAX;
}

void roster_subscribe(struct room *room, const struct member *self, struct dialog *shared, struct txn *txn,
                      const struct sip_msg *msg, const struct identity *who)
{
    struct env *env = room->env;
    char contact[ROOM_CONTACT_MAX];
    struct sub *sub = shared ? riding(room, shared, msg) : NULL;
    if (!is_event(msg)) {
        env_refuse_with(env, txn, REFUSAL_EVENT, "Allow-Events", package.event);
    } else if (!takes_our_type(msg)) {
        env_refuse_with(env, txn, REFUSAL_ACCEPT, "Accept", "application/conference-info+xml");
    } else if (sub) {
        sub_refresh(sub, txn, msg);
    } else if (!roster_knows(room, self, msg, who)) {
        env_refuse(env, txn, REFUSAL_WATCH);
    } else if (has_enough(room, shared, msg, who)) {
        env_refuse(env, txn, REFUSAL_WATCHES);
    } else {
        struct watcher *w = calloc(1, sizeof *w);
        if (!w) {
            env_refuse(env, txn, REFUSAL_MEMORY);
            return;
        }
        w->room = room;
        room_contact_text(room, &msg->flow, contact, sizeof contact);
        if (sub_accept(&env->subs, &package, &room->watchers, shared, txn, msg, 200, contact, w, name_of(msg, who),
                       &sub) != 0) {
            free(w);
        }
    }
}
