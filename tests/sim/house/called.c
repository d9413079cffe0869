/* What the server asks of a phone: it calls it, holds a session open, tells it of a roster or a REFER, hangs up. */
#include "tests/sim/house/house.h"

#include <stdlib.h>
#include <string.h>

/* ---- a call ---- */

/* 0: it rings and rings. */
static int alert_draw(struct house *h)
{
    uint32_t kind = chance_below(&h->chance, 100);
    return kind < 72 ? 200 : kind < 80 ? 486 : kind < 90 ? 302 : kind < 94 ? 404 : kind < 97 ? 415 : 0;
}

static void call_take(struct phone *p, bool by_tcp, const char *text)
{
    struct house *h = p->house;
    struct session *s = phone_is_free(p) ? session_begin(p) : NULL;
    char from[URI_MAX + 64], to[URI_MAX], contact[URI_MAX], token[URI_TOKEN_CHARS + 1];
    if (!s) {
        ua_answer(p, text, by_tcp, 486, "busy", "", "");
        return;
    }
    text_header(text, "Call-ID", s->call_id, sizeof s->call_id);
    text_header(text, "From", from, sizeof from);
    text_header(text, "To", to, sizeof to);
    text_header(text, "Contact", contact, sizeof contact);
    s->is_called = true;
    s->at = AT_ALERTED;
    snprintf(s->remote, sizeof s->remote, "%s", from);
    snprintf(s->local, sizeof s->local, "%s;tag=%s", to, s->own_tag);
    text_tag(from, s->peer_tag, sizeof s->peer_tag);
    text_uri(contact, s->target, sizeof s->target);
    snprintf(token, sizeof token, "%.*s", URI_TOKEN_CHARS, strlen(s->target) > 4 ? s->target + 4 : "");
    struct meeting *m = books_meeting(h, token);
    if (!m) {
        violated(h, "p%u is called by %s", p->index, s->target);
        return;
    }
    s->i_room = (int)(m - h->meetings);
    p->alert = strdup(text);
    p->alert_by_tcp = by_tcp;
    p->alert_status = alert_draw(h);
    p->alert_ns = p->alert_status ? h->now_ns + house_draw_ns(h, 2500) : UINT64_MAX;
    if (p->alert_status == 0 || chance_of(&h->chance, 700)) {
        ua_answer(p, text, by_tcp, 180, s->own_tag, "", "");
    }
    h->did.calls_out++;
}

static void call_accept(struct phone *p)
{
    struct session *s = p->now;
    struct text_media media;
    char sdp[1024];
    if (!text_media_read(text_body(p->alert), s->format.codec, &media)) {
        violated(p->house, "p%u: no offer in an INVITE of the server", p->index);
        return;
    }
    session_settle(s, &media);
    ua_accept(s, p->alert, p->alert_by_tcp, text_sdp(sdp, sizeof sdp, p, s, &s->format, BOTH));
    s->at = AT_ANSWERED;
    voice_begin(s);
    session_changed(s);
}

void called_run(struct phone *p)
{
    struct house *h = p->house;
    char extra[URI_MAX];
    if (!p->alert || p->alert_ns > h->now_ns) {
        return;
    }
    int status = p->alert_status;
    if (status == 200) {
        call_accept(p);
    } else {
        const struct phone *other = &h->phones[chance_below(&h->chance, h->plan.n_phones)];
        snprintf(extra, sizeof extra, "Contact: <%s>\r\n", other->uri);
        ua_answer(p, p->alert, p->alert_by_tcp, status, p->now->own_tag, status == 302 ? extra : "", "");
        session_end(p->now, "not taken");
    }
    free(p->alert);
    p->alert = NULL;
}

void phone_acked(struct phone *p, const char *text)
{
    char id[ID_MAX], cseq[64];
    text_header(text, "Call-ID", id, sizeof id);
    text_header(text, "CSeq", cseq, sizeof cseq);
    struct session *s = phone_session(p, id);
    if (!s || !s->ok || s->ok_cseq != (uint32_t)atoi(cseq)) {
        return; /* of a refusal, or once more */
    }
    ua_accepted(s);
    if (s->at == AT_ANSWERED) {
        s->at = AT_UP;
        p->house->did.up++;
        session_changed(s);
        acts_think(p);
    }
}

static void cancel_take(struct phone *p, struct session *s, bool by_tcp, const char *text)
{
    bool is_open = s && s == p->now && s->at == AT_ALERTED && p->alert;
    ua_answer(p, text, by_tcp, s ? 200 : 481, s ? s->own_tag : "none", "", "");
    if (is_open) {
        ua_answer(p, p->alert, p->alert_by_tcp, 487, s->own_tag, "", "");
        free(p->alert);
        p->alert = NULL;
        session_end(s, "cancelled");
    }
}

/* ---- in a dialog ---- */

static void offer_take(struct session *s, bool is_invite, bool by_tcp, const char *text)
{
    struct phone *p = s->phone;
    struct text_media media;
    char sdp[1024];
    bool has_body = *text_body(text) != '\0';
    if (s->is_asking && has_body) {
        ua_answer(p, text, by_tcp, 491, "", "", "");
        return;
    }
    bool fits = has_body && text_media_read(text_body(text), s->format.codec, &media);
    if (fits) {
        s->asked.mux = s->format.mux;
        session_settle(s, &media);
    }
    text_sdp(sdp, sizeof sdp, p, s, &s->format, s->dir);
    session_changed(s);
    if (is_invite) {
        ua_accept(s, text, by_tcp, sdp);
    } else {
        ua_answer(p, text, by_tcp, 200, "", "Session-Expires: 90;refresher=uac\r\n", fits ? sdp : "");
    }
}

static void notify_take(struct session *s, bool by_tcp, const char *text)
{
    char event[64], state[64];
    text_header(text, "Event", event, sizeof event);
    text_header(text, "Subscription-State", state, sizeof state);
    if (strncmp(event, "refer", 5) == 0 && strncmp(state, "terminated", 10) == 0 && s->n_refers) {
        s->n_refers--;
    }
    ua_answer(s->phone, text, by_tcp, 200, "", "", "");
}

static void bye_take(struct session *s, bool by_tcp, const char *text)
{
    struct phone *p = s->phone;
    ua_answer(p, text, by_tcp, 200, "", "", "");
    if (s == p->now && p->alert) {
        free(p->alert);
        p->alert = NULL;
    }
    session_end(s, "the server hangs up");
}

/* The INVITE that rings, once more? */
static bool is_ringing(const struct phone *p, const char *text)
{
    char via[256], rings[256];
    text_header(text, "Via", via, sizeof via);
    return p->alert && text_header(p->alert, "Via", rings, sizeof rings) && strcmp(via, rings) == 0;
}

void phone_asked(struct phone *p, const char *method, bool by_tcp, const char *text)
{
    char id[ID_MAX], to[URI_MAX];
    text_header(text, "Call-ID", id, sizeof id);
    text_header(text, "To", to, sizeof to);
    struct session *s = phone_session(p, id);
    bool is_up = s && (s->at == AT_UP || s->at == AT_ANSWERED), is_invite = strcmp(method, "INVITE") == 0;
    if (is_invite && is_ringing(p, text)) {
        return; /* it has nothing to say yet */
    }
    if (is_invite && !strstr(to, ";tag=")) {
        call_take(p, by_tcp, text);
    } else if (strcmp(method, "CANCEL") == 0) {
        cancel_take(p, s, by_tcp, text);
    } else if (strcmp(method, "BYE") == 0 && s && s->at != AT_NOTHING) {
        bye_take(s, by_tcp, text);
    } else if (!is_up) {
        ua_answer(p, text, by_tcp, 481, "none", "", "");
    } else if (is_invite || strcmp(method, "UPDATE") == 0) {
        offer_take(s, is_invite, by_tcp, text);
    } else if (strcmp(method, "NOTIFY") == 0) {
        notify_take(s, by_tcp, text);
    } else {
        ua_answer(p, text, by_tcp, 200, "", "", "");
    }
}
