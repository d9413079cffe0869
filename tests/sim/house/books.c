/* What is kept in books: which conference URI was issued to which request, which key was pressed and reported, which
 * phones a roster may name; and that at the end nothing is left of anything. */
#include "tests/sim/house/house.h"

#include "sig/call/call.h"
#include "sig/room/room.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct session *session_of(struct house *h, const char *call_id)
{
    struct session *s = NULL;
    for (unsigned i = 0; i < h->plan.n_phones && !s; i++) {
        s = phone_any_session(&h->phones[i], call_id);
    }
    return s;
}

/* ---- URIs ---- */

struct meeting *books_meeting(struct house *h, const char *token)
{
    for (unsigned i = 0; i < h->n_meetings; i++) {
        if (strcasecmp(h->meetings[i].token, token) == 0) {
            return &h->meetings[i];
        }
    }
    return NULL;
}

static void pin_draw(struct house *h, char pin[8])
{
    static const char odd[] = "13579";
    unsigned n = 3 + chance_below(&h->chance, 3);
    for (unsigned i = 0; i < n; i++) {
        pin[i] = odd[chance_below(&h->chance, 5)];
        pin[i] = i && pin[i] == pin[i - 1] ? '0' : pin[i];
    }
    pin[n] = '\0';
}

static void issued(struct house *h, const struct session *s, const char *token, const char *call_id)
{
    struct meeting *m = books_meeting(h, token);
    if (m && strcmp(m->by, call_id) != 0) {
        violated(h, "a conference URI is issued twice: %.12s.. to %s and to %s", token, m->by, call_id);
    }
    if (m || h->n_meetings == ROOMS_MAX) {
        return; /* the same answer once more */
    }
    m = &h->meetings[h->n_meetings++];
    *m = (struct meeting){.changed_ns = h->now_ns};
    snprintf(m->token, sizeof m->token, "%s", token);
    snprintf(m->by, sizeof m->by, "%s", call_id);
    h->did.issued++;
    if (s->purpose == FOR_FACTORY && chance_of(&h->chance, h->plan.has_pin)) {
        m->has_pin = true;
        pin_draw(h, m->pin);
        control_policy(h, m);
        house_say(h, "conference %u has PIN %s", h->n_meetings - 1, m->pin);
    }
}

/* ---- rosters ---- */

void books_let_in(struct session *s)
{
    if (s->i_room >= 0) {
        s->phone->house->meetings[s->i_room].let_in |= 1u << s->phone->index;
    }
}

static void roster_check(struct house *h, const char *text)
{
    const char *body = text_body(text), *room = strstr(body, "entity=\"sip:");
    char token[URI_TOKEN_CHARS + 1];
    if (!room) {
        return;
    }
    snprintf(token, sizeof token, "%.*s", URI_TOKEN_CHARS, room + strlen("entity=\"sip:"));
    const struct meeting *m = books_meeting(h, token);
    static const char start[] = "<user entity=\"sip:p";
    for (const char *user = strstr(body, start); m && user; user = strstr(user + 1, start)) {
        unsigned i = (unsigned)strtoul(user + sizeof start - 1, NULL, 10);
        const char *end = strstr(user, user[strcspn(user, ">") - 1] == '/' ? "/>" : "</user>");
        bool has_called = end && memmem(user, (size_t)(end - user), "dialed-in", 9); /* and is in it */
        if (i < h->plan.n_phones && has_called && !(m->let_in >> i & 1)) {
            violated(h, "a roster tells of p%u before its PIN", i);
        }
    }
}

void books_sent(struct house *h, const char *text)
{
    char id[ID_MAX], cseq[64], contact[URI_MAX], uri[URI_MAX], token[URI_TOKEN_CHARS + 1];
    int status = text_status(text);
    if (strncmp(text, "NOTIFY ", 7) == 0) {
        roster_check(h, text);
    }
    if (status != 302 && status != 200) {
        return;
    }
    text_header(text, "Call-ID", id, sizeof id);
    text_header(text, "CSeq", cseq, sizeof cseq);
    const struct session *s = session_of(h, id);
    if (!s || !strstr(cseq, "INVITE") || s->is_called || s->purpose == FOR_ROOM) {
        return;
    }
    text_header(text, "Contact", contact, sizeof contact);
    text_uri(contact, uri, sizeof uri);
    snprintf(token, sizeof token, "%.*s", URI_TOKEN_CHARS, strlen(uri) > 4 ? uri + 4 : "");
    issued(h, s, token, id);
}

/* ---- keys ---- */

/*
 * What was reported must be what was pressed, in order, but for what may be lost. Of two keys alike one may be the lost
 * one, so all ways to match them are kept: bit i of key_states says that i is the next key that may be reported.
 */
static bool may_be_lost(const struct house *h, const struct key *k)
{
    uint64_t after_ns = k->end_ns ? k->end_ns + NS_PER_S : k->at_ns + 2 * NS_PER_S;
    return k->is_shaky || k->is_refused || h->now_ns < after_ns;
}

static struct session *session_of_tag(struct house *h, const char *call_id, const char *tag)
{
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        for (unsigned k = 0; k < SESSIONS_MAX; k++) {
            struct session *s = &h->phones[i].sessions[k];
            if (strcmp(s->call_id, call_id) == 0 && strcmp(s->own_tag, tag) == 0) {
                return s;
            }
        }
    }
    return NULL;
}

void books_key(struct house *h, const char *call_id, const char *tag, char key)
{
    struct session *s = session_of_tag(h, call_id, tag);
    uint64_t states = 0;
    if (!s) {
        return; /* of a call that its phone has forgotten long ago */
    }
    house_say(h, "p%u's %c is reported", s->phone->index, key);
    for (unsigned i = 0; i < s->n_keys; i++) {
        bool goes_on = s->key_states >> i & 1;
        for (unsigned k = i; k < s->n_keys && goes_on; k++) {
            const struct key *pressed = &s->keys[k];
            states |= pressed->key == key && !pressed->is_refused ? 1ull << (k + 1) : 0;
            goes_on = pressed->is_shaky || pressed->is_refused || pressed->by_info;
        }
    }
    if (!states) {
        violated(h, "p%u: key %c is reported twice, was never pressed, or the one before it is lost", s->phone->index,
                 key);
        states = s->key_states;
    }
    s->key_states = states;
}

/* Is there a way in which all that had to be reported was? */
static void keys_check(struct house *h, const struct session *s)
{
    bool is_fine = false;
    for (unsigned i = 0; i <= s->n_keys; i++) {
        bool all = s->key_states >> i & 1;
        for (unsigned k = i; k < s->n_keys; k++) {
            all &= may_be_lost(h, &s->keys[k]);
        }
        is_fine |= all;
    }
    if (!is_fine) {
        violated(h, "p%u: a key of its last ones is never reported", s->phone->index);
    }
}

/* Where nothing is lost each REFER is notified of its end, but for those whose call rings on. */
static void refers_check(struct house *h)
{
    unsigned n_open = 0, n_ringing = 0;
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        const struct session *s = h->phones[i].now;
        n_open += s->at == AT_UP ? s->n_refers : 0;
    }
    for (const struct room *room = h->env->rooms; room; room = room->next) {
        n_ringing += room->n_dialling;
    }
    bool is_whole = !h->plan.has_faults && h->plan.txns.max_txns > 100 && h->plan.txns.turn_messages > 10;
    if (is_whole && n_open > n_ringing) {
        violated(h, "%u REFERs are not notified of their end, and %u calls ring", n_open, n_ringing);
    }
}

void books_calm(struct house *h)
{
    refers_check(h);
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        const struct session *s = h->phones[i].now;
        if (s->at == AT_UP) {
            keys_check(h, s);
        }
    }
}

/* ---- the end ---- */

static void zero(struct house *h, uint64_t n, const char *what)
{
    if (n) {
        violated(h, "at the end: %lu %s", (unsigned long)n, what);
    }
}

static void place_check(struct house *h)
{
    struct place_load load;
    place_load(h->place, &load);
    zero(h, load.cpu_used_us, "us of CPU time promised");
    zero(h, load.kbps_used, "kbit/s promised");
    zero(h, load.pairs_used + load.pairs_held, "pairs of ports taken or held");
    zero(h, load.legs, "legs placed");
    for (unsigned fd = 0; fd < ARRAY_LEN(h->port_of); fd++) {
        zero(h, h->port_of[fd], "is a port whose socket is open");
    }
}

static void signalling_check(struct house *h)
{
    const struct env *env = h->env;
    const struct env_stats *stats = &env->stats;
    uint64_t n_quotas = 0, n_dialogs = 0, n_ssrcs = 0;
    for (unsigned i = 0; i < QUOTA_PLACES; i++) {
        n_quotas += env->unacked.n[i] + env->subs.unproven.n[i];
    }
    for (unsigned i = 0; i < DIALOG_BUCKETS; i++) {
        n_dialogs += env->dialogs.buckets[i] != NULL;
    }
    for (unsigned i = 0; i < ENV_SSRCS; i++) {
        n_ssrcs += env->tx_ssrcs[i] != NULL;
    }
    zero(h, timer_wheel_count(&h->wheel), "timers running");
    zero(h, count_get(&txns_stats(h->txns)->txns_server), "server transactions");
    zero(h, count_get(&txns_stats(h->txns)->txns_client), "client transactions");
    zero(h, count_get(&stats->calls), "calls");
    zero(h, count_get(&stats->legs), "legs lent");
    zero(h, count_get(&stats->lobbies), "lobbies");
    zero(h, count_get(&stats->half_calls), "unacknowledged calls");
    zero(h, count_get(&stats->subs), "subscriptions");
    zero(h, count_get(&stats->confs), "conferences");
    zero(h, count_get(&stats->impossible), "events in a state that cannot have them");
    zero(h, env->n_due, "objects that wait for a ring");
    zero(h, env->rooms || env->ending || env->calls, "list of rooms, calls or subscriptions");
    zero(h, n_quotas, "held of quotas");
    zero(h, n_dialogs, "dialogs");
    zero(h, n_ssrcs, "streams known by their SSRC");
    zero(h, !focus_is_idle(h->focus), "focus that is not idle");
}

static void workers_check(struct house *h)
{
    for (unsigned i = 0; i < h->plan.n_workers; i++) {
        struct site *site = &h->sites[i];
        struct ctl_req req;
        struct ctl_ev ev;
        zero(h, engine_held_packets(site->engine), "packets in a worker's pool");
        zero(h, count_get(&site->stats.legs), "legs on a worker");
        zero(h, count_get(&site->stats.confs), "conferences on a worker");
        zero(h, ring_get(&site->ctl.requests, &req), "request in a ring");
        zero(h, ring_get(&site->ctl.events, &ev), "event in a ring");
    }
}

void books_end(struct house *h)
{
    for (unsigned i = 0; i < h->plan.n_phones; i++) {
        const struct session *s = h->phones[i].now;
        if (s->at != AT_NOTHING) {
            violated(h, "p%u: call %u has never ended", i, s->number);
        }
    }
    place_check(h);
    signalling_check(h);
    workers_check(h);
}
