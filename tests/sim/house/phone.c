/* Calls of a phone, as their caller: factory, redirect, conference, announcement; holds and other offers within them;
 * what answers to its requests mean to it. */
#include "tests/sim/house/house.h"

#include <stdlib.h>
#include <string.h>

/* ---- life ---- */

void phone_init(struct house *h, unsigned i)
{
    struct phone *p = &h->phones[i];
    struct chance *c = &h->chance;
    *p = (struct phone){.house = h, .index = i, .bit = i, .generation = 1};
    snprintf(p->host, sizeof p->host, "192.0.2.%u", 10 + i);
    snprintf(p->uri, sizeof p->uri, "sip:p%u@192.0.2.%u:5060", i, 10 + i);
    must(addr_parse(&p->sip, p->host, 5060) == 0);
    p->by_tcp = chance_of(c, h->plan.by_tcp);
    p->takes_tcp = p->by_tcp || !chance_of(c, h->plan.no_tcp);
    p->by_info = chance_of(c, h->plan.by_info);
    p->is_careless = chance_of(c, h->plan.careless);
    p->has_timers = chance_of(c, 500);
    for (unsigned k = 0; k < SESSIONS_MAX; k++) {
        p->sessions[k].phone = p;
    }
    p->now = &p->sessions[0];
    acts_think(p);
}

void phone_free(struct phone *p)
{
    ua_forget(p);
    free(p->alert);
}

void phone_crash(struct phone *p)
{
    struct house *h = p->house;
    bool goes_on = chance_of(&h->chance, 250); /* its media does, as of a program that hangs */
    uint64_t up_ns = h->now_ns + house_draw_ns(h, 15000);
    house_say(h, "p%u crashes%s", p->index, goes_on ? ", and its media goes on" : "");
    ua_forget(p);
    net_break(p, -104);
    free(p->alert);
    p->alert = NULL;
    for (unsigned i = 0; i < SESSIONS_MAX; i++) {
        struct session *s = &p->sessions[i];
        if (s->at != AT_NOTHING) {
            session_changed(s);
            s->is_lost = true;
            s->at = AT_NOTHING;
            s->typing[0] = '\0';
        }
        if (!goes_on || !s->sends) {
            s->stop_ns = s->sends ? h->now_ns : s->stop_ns;
            s->sends = false;
        }
    }
    p->is_down = true;
    p->up_ns = up_ns;
}

bool phone_is_free(const struct phone *p)
{
    return !p->is_down && !p->alert && (p->now->at == AT_NOTHING || p->now->at == AT_LEAVING);
}

struct session *phone_session(struct phone *p, const char *call_id)
{
    struct session *s = phone_any_session(p, call_id);
    return s && !s->is_lost ? s : NULL;
}

struct session *phone_any_session(struct phone *p, const char *call_id)
{
    struct session *found = NULL;
    for (unsigned i = 0; i < SESSIONS_MAX; i++) {
        struct session *s = &p->sessions[i];
        bool is_it = s->call_id[0] && strcmp(s->call_id, call_id) == 0;
        found = is_it && (!found || s->number > found->number) ? s : found; /* a redirect comes by the same Call-ID */
    }
    return found;
}

void session_changed(struct session *s)
{
    struct house *h = s->phone->house;
    if (s->i_room >= 0) {
        h->meetings[s->i_room].changed_ns = h->now_ns;
    }
}

/* Does a request of it wait for its answer? */
static bool is_pending(const struct phone *p, const struct session *s)
{
    bool is = s->ok != NULL || s->at != AT_NOTHING;
    for (unsigned i = 0; i < ASKS_MAX; i++) {
        is |= p->asks[i].session == s && !p->asks[i].is_over;
    }
    return is;
}

static void session_clear(struct session *s)
{
    struct phone *p = s->phone;
    for (unsigned i = 0; i < ASKS_MAX; i++) {
        if (p->asks[i].session == s) {
            free(p->asks[i].text);
            free(p->asks[i].ack);
            p->asks[i] = (struct ask){.session = NULL};
        }
    }
    free(s->ack);
    *s = (struct session){.phone = p, .i_room = -1};
}

/* @return NULL: all that it remembers have still something to come */
struct session *session_begin(struct phone *p)
{
    struct house *h = p->house;
    struct session *s = NULL;
    for (unsigned i = 0; i < SESSIONS_MAX; i++) {
        struct session *k = &p->sessions[i];
        bool is_older = !s || k->number < s->number;
        s = !is_pending(p, k) && is_older ? k : s;
    }
    if (!s) {
        return NULL;
    }
    session_clear(s);
    bool was_heard = false;
    for (unsigned i = 0; i < SESSIONS_MAX; i++) { /* two voices of one phone would be another's */
        struct session *k = &p->sessions[i];
        k->stop_ns = k->sends ? h->now_ns : k->stop_ns;
        was_heard |= k->stop_ns && h->now_ns < k->stop_ns + GRACE_MS * NS_PER_MS;
    }
    s->number = ++p->n_sessions;
    s->key_states = 1;
    s->port = (uint16_t)(7000 + 2 * (s->number % 1000));
    s->ssrc = (uint32_t)chance_draw(&h->chance);
    s->seq = (uint16_t)chance_draw(&h->chance);
    s->ts = (uint32_t)chance_draw(&h->chance);
    snprintf(s->own_tag, sizeof s->own_tag, "t%u-%08x", s->number, (unsigned)chance_draw(&h->chance));
    s->format = (struct format){.codec = CODEC_L16, .pt = 97, .pt_event = 101, .mux = chance_of(&h->chance, 500)};
    bool says_pcmu = p->bit >= 3 && p->bit <= 6; /* 8, 16, 32 and 64 are exact in it */
    if (says_pcmu && chance_of(&h->chance, h->plan.says_pcmu)) {
        s->format.codec = CODEC_PCMU;
        s->format.pt = 0;
    }
    s->asked = s->format;
    s->talking = !was_heard && chance_of(&h->chance, 600);
    p->now = s;
    h->did.sessions++;
    return s;
}

/* ---- calling ---- */

static const char *timers_of(const struct phone *p)
{
    static const char *const texts[] = {"Supported: timer\r\n",
                                        "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n",
                                        "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n"};
    return p->has_timers ? texts[p->n_sessions % 3] : "";
}

void session_call(struct session *s, enum purpose purpose, const char *aim, const char *extra)
{
    struct phone *p = s->phone;
    struct house *h = p->house;
    char sdp[1024], headers[512];
    bool is_bare = chance_of(&h->chance, 120);
    s->purpose = purpose;
    snprintf(s->call_id, sizeof s->call_id, "c%u-%u@%s", p->index, s->number, p->host);
    snprintf(s->aim, sizeof s->aim, "%s", aim);
    snprintf(s->local, sizeof s->local, "\"P%u\" <sip:p%u@%s>;tag=%s", p->index, p->index, p->host, s->own_tag);
    snprintf(s->remote, sizeof s->remote, "<%s>", aim);
    snprintf(headers, sizeof headers, "%s%s", timers_of(p), extra);
    const struct meeting *m = s->i_room >= 0 ? &h->meetings[s->i_room] : NULL;
    s->gate = m && m->has_pin ? GATE_SHUT : GATE_OPEN;
    if (s->gate == GATE_OPEN) {
        books_let_in(s);
    }
    text_sdp(sdp, sizeof sdp, p, s, &s->format, BOTH);
    struct ask *ask = ua_ask(s, ASK_INVITE, "INVITE", headers, "application/sdp", is_bare ? "" : sdp);
    if (ask) {
        s->at = AT_ASKING;
        ask->cancel_ns = chance_of(&h->chance, 60) ? h->now_ns + house_draw_ns(h, 300) : 0;
        session_changed(s);
    }
}

void session_end(struct session *s, const char *why)
{
    struct phone *p = s->phone;
    struct house *h = p->house;
    if (s->at == AT_NOTHING) {
        return;
    }
    house_say(h, "p%u: call %u is over: %s", p->index, s->number, why);
    session_changed(s);
    s->at = AT_NOTHING;
    s->ended_ns = h->now_ns;
    s->is_asking = s->is_offering = false;
    s->typing[0] = '\0';
    ua_accepted(s);
    if (s->sends) { /* a careless phone's media goes on for a moment */
        s->stop_ns = h->now_ns + (p->is_careless ? 2 * NS_PER_S : 0);
    }
    acts_think(p);
}

void session_bye(struct session *s)
{
    if (s->at == AT_NOTHING || s->at == AT_LEAVING || !ua_ask(s, ASK_BYE, "BYE", "", "", "")) {
        return;
    }
    session_changed(s);
    s->at = AT_LEAVING;
    s->typing[0] = '\0';
    s->stop_ns = s->sends && !s->phone->is_careless ? s->phone->house->now_ns : s->stop_ns;
    acts_think(s->phone);
}

/* ---- offers ---- */

void session_settle(struct session *s, const struct text_media *media)
{
    s->server = media->rtp;
    s->format = media->format;
    s->format.mux = s->asked.mux && media->format.mux;
}

static void dir_settle(struct session *s, enum direction dir)
{
    struct house *h = s->phone->house;
    s->dir_ns = h->now_ns;
    s->dir = dir;
    session_changed(s);
}

/* What it keys in now the server may throw away, as all that comes from one that only listens. */
static void keys_shake(struct session *s)
{
    for (unsigned i = 0; i < s->n_keys; i++) {
        struct key *k = &s->keys[i];
        bool is_new = k->end_ns == 0 || s->phone->house->now_ns < k->end_ns + 500 * NS_PER_MS;
        k->is_shaky |= is_new && !k->by_info;
    }
}

void session_offer(struct session *s, enum ask_why by, enum direction dir, const struct format *format)
{
    struct phone *p = s->phone;
    char sdp[1024];
    if (s->is_asking || s->at != AT_UP) {
        return;
    }
    text_sdp(sdp, sizeof sdp, p, s, format ? format : &s->format, dir);
    const char *method = by == ASK_UPDATE ? "UPDATE" : "INVITE";
    bool has_offer = by == ASK_UPDATE || format || dir != s->dir;
    if (!ua_ask(s, by, method, timers_of(p), "application/sdp", has_offer ? sdp : "")) {
        return;
    }
    if (dir == LISTENS || dir == RESTS) {
        keys_shake(s);
    }
    s->is_asking = true;
    s->is_offering = has_offer;
    s->dir_asked = dir;
    s->asked = format ? *format : s->format;
    session_changed(s);
    p->house->did.holds += dir != s->dir;
}

/* An offer of the server's in a 200: answered in the ACK. @return false: nothing that fits */
static bool bare_answer(struct session *s, uint32_t cseq, const char *text)
{
    char sdp[1024];
    struct text_media media;
    if (!text_media_read(text_body(text), s->format.codec, &media)) {
        ua_ack(s, cseq, "");
        return false;
    }
    s->asked.mux = s->format.mux;
    session_settle(s, &media);
    ua_ack(s, cseq, text_sdp(sdp, sizeof sdp, s->phone, s, &s->format, s->dir));
    return true;
}

static void offer_answered(struct ask *ask, int status, const char *text)
{
    struct session *s = ask->session;
    struct text_media media;
    bool was_offering = s->is_offering, is_invite = ask->why == ASK_REINVITE;
    s->is_asking = s->is_offering = false;
    s->dir_ns = s->phone->house->now_ns; /* either may be heard for a moment, whatever came of it */
    session_changed(s);
    if (status >= 300) {
        s->phone->check_ns = s->phone->by_tcp ? s->phone->house->now_ns + NS_PER_S : 0;
        if (status == 408) {
            session_bye(s);
        }
        return;
    }
    if (!was_offering && is_invite) {
        if (!bare_answer(s, ask->cseq, text)) {
            session_bye(s);
        }
        return;
    }
    if (is_invite) {
        ua_ack(s, ask->cseq, "");
    }
    if (text_media_read(text_body(text), s->asked.codec, &media)) {
        session_settle(s, &media);
        dir_settle(s, s->dir_asked);
    } else {
        violated(s->phone->house, "p%u: no answer to its offer in a %d", s->phone->index, status);
    }
}

/* ---- answers to the first INVITE ---- */

static void redirected(struct session *s, const char *text)
{
    struct phone *p = s->phone;
    struct house *h = p->house;
    char contact[URI_MAX], uri[URI_MAX], token[URI_TOKEN_CHARS + 1];
    text_header(text, "Contact", contact, sizeof contact);
    text_uri(contact, uri, sizeof uri);
    snprintf(token, sizeof token, "%.*s", URI_TOKEN_CHARS, strlen(uri) > 4 ? uri + 4 : "");
    struct meeting *m = books_meeting(h, token);
    session_end(s, "redirected");
    if (!m) {
        violated(h, "p%u is redirected to %s", p->index, uri);
        return;
    }
    m->is_told = true;
    if (h->is_calm || !phone_is_free(p) || chance_of(&h->chance, 100)) {
        return; /* nobody comes */
    }
    struct session *next = session_begin(p);
    if (next) {
        next->i_room = (int)(m - h->meetings);
        session_call(next, FOR_ROOM, uri, "");
    }
}

static void room_learn(struct session *s, const char *text)
{
    struct house *h = s->phone->house;
    char contact[URI_MAX], token[URI_TOKEN_CHARS + 1];
    text_header(text, "Contact", contact, sizeof contact);
    text_uri(contact, s->target, sizeof s->target);
    snprintf(token, sizeof token, "%.*s", URI_TOKEN_CHARS, strlen(s->target) > 4 ? s->target + 4 : "");
    struct meeting *m = s->purpose == FOR_ANNC ? NULL : books_meeting(h, token);
    if (m && s->i_room >= 0 && s->i_room != m - h->meetings) {
        violated(h, "p%u called conference %d and is in %d", s->phone->index, s->i_room, (int)(m - h->meetings));
    }
    if (m && s->i_room < 0) { /* it has made it, and is in it */
        s->i_room = (int)(m - h->meetings);
        m->is_told = true;
        books_let_in(s);
    }
}

static void accepted(struct ask *ask, const char *text)
{
    struct session *s = ask->session;
    struct phone *p = s->phone;
    struct text_media media;
    char to[URI_MAX + 64];
    text_header(text, "To", to, sizeof to);
    snprintf(s->remote, sizeof s->remote, "%s", to);
    text_tag(to, s->peer_tag, sizeof s->peer_tag);
    room_learn(s, text);
    s->hangs_up |= s->at != AT_ASKING; /* the server has hung up already */
    s->at = AT_UP;
    bool was_bare = !strstr(ask->text, "m=audio");
    bool is_fine = true;
    if (was_bare) {
        is_fine = bare_answer(s, ask->cseq, text);
    } else {
        ua_ack(s, ask->cseq, "");
        is_fine = text_media_read(text_body(text), s->format.codec, &media);
        if (is_fine) {
            session_settle(s, &media);
        }
    }
    if (!is_fine) {
        violated(p->house, "p%u: no description in a 200", p->index);
    } else {
        voice_begin(s); /* also of one that hangs up at once */
    }
    p->house->did.up++;
    session_changed(s);
    if (s->hangs_up || !is_fine) {
        session_bye(s);
    }
    acts_think(p);
}

/* What the server may say to a well-formed INVITE. */
static bool is_sensible(int status)
{
    static const int may[] = {302, 403, 404, 408, 410, 480, 481, 482, 486, 487, 491, 500, 503, 603};
    for (unsigned i = 0; i < ARRAY_LEN(may); i++) {
        if (may[i] == status) {
            return true;
        }
    }
    return false;
}

static void invite_answered(struct ask *ask, int status, const char *text)
{
    struct session *s = ask->session;
    struct house *h = s->phone->house;
    char value[64];
    if (status < 300) {
        accepted(ask, text);
        return;
    }
    if (!is_sensible(status)) {
        violated(h, "p%u: %d to an INVITE that is fine", s->phone->index, status);
    }
    if (status == 503) {
        h->did.refused++;
        if (!text_header(text, "Retry-After", value, sizeof value)) {
            violated(h, "p%u: 503 without Retry-After", s->phone->index);
        }
    }
    if (status == 302 && s->purpose == FOR_FACTORY) {
        redirected(s, text);
    } else {
        session_end(s, "refused");
    }
}

void phone_answered(struct ask *ask, int status, const char *text)
{
    struct session *s = ask->session;
    if (s->is_lost) {
        return;
    }
    if (status == 481 && s->at == AT_UP && ask->why != ASK_CANCEL) { /* RFC 5057 5.1 */
        session_end(s, "the server does not know it");
        return;
    }
    switch (ask->why) {
    case ASK_INVITE:
        invite_answered(ask, status, text);
        break;
    case ASK_REINVITE:
    case ASK_UPDATE:
        if (s->at == AT_UP) {
            offer_answered(ask, status, text);
        } else if (ask->why == ASK_REINVITE && status < 300) {
            ua_ack(s, ask->cseq, ""); /* crossed its BYE */
        }
        break;
    case ASK_BYE:
        session_end(s, "hung up");
        s->is_lost = status == 408 || status == 503; /* the server goes on with it */
        break;
    case ASK_INFO:
        s->keys[ask->i_key].is_refused = status >= 300 && status != 408;
        s->keys[ask->i_key].is_shaky = status >= 300;
        s->keys[ask->i_key].end_ns = s->phone->house->now_ns;
        s->key_ns = s->phone->house->now_ns + 60 * NS_PER_MS + house_draw_ns(s->phone->house, 120);
        break;
    case ASK_OTHER: {
        bool is_told = strcmp(ask->method, "REFER") == 0 && !strstr(ask->text, "Refer-Sub: false");
        s->n_refers += status == 202 && is_told;
        break;
    }
    case ASK_CANCEL:
        break;
    }
}
