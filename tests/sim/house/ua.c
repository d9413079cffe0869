/* Transactions of a phone, both sides (RFC 3261 17): requests are repeated until they are answered, what has been
 * answered is answered again, the ACK of a 200 is sent for each that comes. */
#include "tests/sim/house/house.h"

#include <stdlib.h>
#include <string.h>

enum { T1_MS = 500, T2_MS = 4000, LIFE_MS = 64 * T1_MS };

/* ---- asking ---- */

static void ask_free(struct ask *ask)
{
    free(ask->text);
    free(ask->ack);
    *ask = (struct ask){.session = NULL};
}

static struct ask *ask_take(struct phone *p)
{
    for (unsigned i = 0; i < ASKS_MAX; i++) {
        if (!p->asks[i].session) {
            return &p->asks[i];
        }
    }
    return NULL;
}

static size_t request_write(char *text, const struct session *s, const char *method, const char *branch, uint32_t cseq,
                            const char *extra, const char *type, const char *body)
{
    const struct phone *p = s->phone;
    bool begins = s->peer_tag[0] == '\0' && !s->is_called;
    int n = snprintf(text, TEXT_MAX,
                     "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s:5060;branch=%s;rport\r\nMax-Forwards: 70\r\nFrom: %s\r\n"
                     "To: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContact: <%s%s>\r\nUser-Agent: model phone\r\n"
                     "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, UPDATE\r\n%s",
                     method, begins ? s->aim : s->target, p->by_tcp ? "TCP" : "UDP", p->host, branch, s->local,
                     s->remote, s->call_id, cseq, method, p->uri, p->by_tcp ? ";transport=tcp" : "", extra);
    if (*body) {
        n += snprintf(text + n, TEXT_MAX - (size_t)n, "Content-Type: %s\r\n", type);
    }
    n += snprintf(text + n, TEXT_MAX - (size_t)n, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    must(n < TEXT_MAX);
    return (size_t)n;
}

static void ask_send(struct ask *ask)
{
    net_from_phone(ask->session->phone, ask->by_tcp, ask->text, ask->n);
}

struct ask *ua_ask(struct session *s, enum ask_why why, const char *method, const char *extra, const char *type,
                   const char *body)
{
    char text[TEXT_MAX];
    struct phone *p = s->phone;
    struct ask *ask = ask_take(p);
    if (!ask) {
        return NULL;
    }
    uint64_t now_ns = p->house->now_ns;
    *ask = (struct ask){.session = s, .why = why, .cseq = ++s->cseq, .number = s->number, .i_key = -1};
    ask->by_tcp = p->by_tcp;
    snprintf(ask->method, sizeof ask->method, "%s", method);
    snprintf(ask->branch, sizeof ask->branch, "z9hG4bK-p%u-%u", p->index, ++p->n_branches);
    ask->n = request_write(text, s, method, ask->branch, ask->cseq, extra, type, body);
    ask->text = strdup(text);
    ask->again_ms = T1_MS;
    ask->again_ns = ask->by_tcp ? UINT64_MAX : now_ns + T1_MS * NS_PER_MS;
    ask->ends_ns = now_ns + LIFE_MS * NS_PER_MS;
    ask_send(ask);
    return ask;
}

/* Same branch, To as it was: RFC 3261 9.1, 17.1.1.3. */
static char *text_alike(const struct ask *ask, const char *method, const char *to)
{
    char text[TEXT_MAX], line[URI_MAX + 64];
    const struct session *s = ask->session;
    const struct phone *p = s->phone;
    const char *uri = strchr(ask->text, ' ') + 1;
    snprintf(line, sizeof line, "%.*s", (int)strcspn(uri, " "), uri);
    int n = snprintf(text, sizeof text,
                     "%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s:5060;branch=%s;rport\r\nMax-Forwards: 70\r\nFrom: %s\r\n"
                     "To: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\nContent-Length: 0\r\n\r\n",
                     method, line, ask->by_tcp ? "TCP" : "UDP", p->host, ask->branch, s->local, to, s->call_id,
                     ask->cseq, method);
    must(n < (int)sizeof text);
    return strdup(text);
}

void ua_cancel(struct ask *invite)
{
    struct session *s = invite->session;
    struct phone *p = s->phone;
    struct ask *ask = ask_take(p);
    if (!ask) {
        return;
    }
    char to[URI_MAX];
    text_header(invite->text, "To", to, sizeof to);
    *ask = (struct ask){.session = s, .why = ASK_CANCEL, .cseq = invite->cseq, .number = s->number, .i_key = -1};
    ask->by_tcp = invite->by_tcp;
    snprintf(ask->method, sizeof ask->method, "CANCEL");
    snprintf(ask->branch, sizeof ask->branch, "%s", invite->branch);
    ask->text = text_alike(invite, "CANCEL", to);
    ask->n = strlen(ask->text);
    ask->again_ms = T1_MS;
    ask->again_ns = ask->by_tcp ? UINT64_MAX : p->house->now_ns + T1_MS * NS_PER_MS;
    ask->ends_ns = p->house->now_ns + LIFE_MS * NS_PER_MS;
    ask_send(ask);
}

void ua_ack(struct session *s, uint32_t cseq, const char *body)
{
    char text[TEXT_MAX], branch[ID_MAX];
    struct phone *p = s->phone;
    snprintf(branch, sizeof branch, "z9hG4bK-p%u-%u", p->index, ++p->n_branches);
    request_write(text, s, "ACK", branch, cseq, "", "application/sdp", body);
    free(s->ack);
    s->ack = strdup(text);
    s->ack_cseq = cseq;
    s->acked_ns = s->acked_ns ? s->acked_ns : p->house->now_ns;
    net_from_phone(p, p->by_tcp, text, strlen(text));
}

/* ---- answers to what was asked ---- */

static void answer_take(struct phone *p, struct ask *ask, int status, const char *text)
{
    bool is_invite = strcmp(ask->method, "INVITE") == 0;
    if (status < 200) {
        if (is_invite) {
            ask->again_ns = UINT64_MAX;
            ask->ends_ns = p->house->now_ns + 200 * NS_PER_S;
        }
        return;
    }
    if (ask->is_over) { /* again: its ACK was lost */
        if (ask->ack) {
            net_from_phone(p, ask->by_tcp, ask->ack, strlen(ask->ack));
        }
        return;
    }
    if (is_invite && status >= 300) {
        char to[URI_MAX];
        text_header(text, "To", to, sizeof to);
        ask->ack = text_alike(ask, "ACK", to);
        net_from_phone(p, ask->by_tcp, ask->ack, strlen(ask->ack));
    }
    ask->is_over = true;
    ask->again_ns = UINT64_MAX;
    bool stays = ask->ack && !ask->by_tcp;
    ask->ends_ns = stays ? p->house->now_ns + LIFE_MS * NS_PER_MS : p->house->now_ns;
    phone_answered(ask, status, text);
    if (!stays) {
        ask_free(ask);
    }
}

/* A 2xx of an INVITE that has had one. */
static void repeated_take(struct phone *p, int status, const char *text)
{
    char id[ID_MAX], cseq[64];
    text_header(text, "Call-ID", id, sizeof id);
    text_header(text, "CSeq", cseq, sizeof cseq);
    struct session *s = phone_session(p, id);
    if (s && s->ack && status / 100 == 2 && strstr(cseq, "INVITE") && s->ack_cseq == (uint32_t)atoi(cseq)) {
        net_from_phone(p, p->by_tcp, s->ack, strlen(s->ack));
    }
}

static void response_hear(struct phone *p, const char *text)
{
    char via[256], cseq[64];
    text_header(text, "Via", via, sizeof via);
    text_header(text, "CSeq", cseq, sizeof cseq);
    const char *branch = strstr(via, ";branch="), *method = strchr(cseq, ' ');
    branch = branch ? branch + strlen(";branch=") : "";
    int status = text_status(text);
    for (unsigned i = 0; i < ASKS_MAX; i++) {
        struct ask *ask = &p->asks[i];
        size_t n = strlen(ask->branch);
        if (ask->session && strncmp(ask->branch, branch, n) == 0 && strchr(";\r, ", branch[n]) && method &&
            strcmp(method + 1, ask->method) == 0) {
            answer_take(p, ask, status, text);
            return;
        }
    }
    repeated_take(p, status, text);
}

/* ---- answering ---- */

static struct answer *answer_find(struct phone *p, const char *branch, const char *method)
{
    for (unsigned i = 0; i < ANSWERS_MAX; i++) {
        struct answer *a = &p->answers[i];
        if (a->text && strcmp(a->branch, branch) == 0 && strcmp(a->method, method) == 0) {
            return a;
        }
    }
    return NULL;
}

static void branch_of(const char *text, char branch[ID_MAX])
{
    char via[256];
    text_header(text, "Via", via, sizeof via);
    const char *p = strstr(via, ";branch=");
    p = p ? p + strlen(";branch=") : "";
    snprintf(branch, ID_MAX, "%.*s", (int)strcspn(p, ";, "), p);
}

static void method_of(const char *text, char method[12])
{
    snprintf(method, 12, "%.*s", (int)strcspn(text, " "), text);
}

static char *response_write(const struct phone *p, const char *request, bool by_tcp, int status, const char *to_tag,
                            const char *extra, const char *body)
{
    char text[TEXT_MAX], via[512], from[URI_MAX + 64], to[URI_MAX + 64], id[128], cseq[64];
    text_header(request, "Via", via, sizeof via);
    text_header(request, "From", from, sizeof from);
    text_header(request, "To", to, sizeof to);
    text_header(request, "Call-ID", id, sizeof id);
    text_header(request, "CSeq", cseq, sizeof cseq);
    bool adds_tag = *to_tag && !strstr(to, ";tag=");
    int n = snprintf(text, sizeof text,
                     "SIP/2.0 %d x\r\nVia: %s\r\nFrom: %s\r\nTo: %s%s%s\r\nCall-ID: %s\r\nCSeq: %s\r\n"
                     "Contact: <%s%s>\r\n%s%sContent-Length: %zu\r\n\r\n%s",
                     status, via, from, to, adds_tag ? ";tag=" : "", adds_tag ? to_tag : "", id, cseq, p->uri,
                     by_tcp ? ";transport=tcp" : "", extra, *body ? "Content-Type: application/sdp\r\n" : "",
                     strlen(body), body);
    must(n < (int)sizeof text);
    return strdup(text);
}

void ua_answer(struct phone *p, const char *request, bool by_tcp, int status, const char *to_tag, const char *extra,
               const char *body)
{
    struct answer *a = &p->answers[p->i_answer++ % ANSWERS_MAX];
    free(a->text);
    a->text = NULL;
    branch_of(request, a->branch);
    method_of(request, a->method);
    struct answer *before = answer_find(p, a->branch, a->method); /* a 180 */
    if (before) {
        free(before->text);
        before->text = NULL;
    }
    a->text = response_write(p, request, by_tcp, status, to_tag, extra, body);
    a->n = strlen(a->text);
    a->by_tcp = by_tcp;
    net_from_phone(p, by_tcp, a->text, a->n);
}

void ua_accept(struct session *s, const char *request, bool by_tcp, const char *body)
{
    struct phone *p = s->phone;
    uint64_t now_ns = p->house->now_ns;
    char cseq[64];
    ua_answer(p, request, by_tcp, 200, s->own_tag, "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, UPDATE\r\n",
              body);
    text_header(request, "CSeq", cseq, sizeof cseq);
    const struct answer *a = &p->answers[(p->i_answer - 1) % ANSWERS_MAX];
    free(s->ok);
    s->ok = strdup(a->text);
    s->ok_by_tcp = by_tcp;
    s->ok_cseq = (uint32_t)atoi(cseq);
    s->ok_ms = T1_MS;
    s->ok_ns = now_ns + T1_MS * NS_PER_MS;
    s->ok_ends_ns = now_ns + LIFE_MS * NS_PER_MS;
}

void ua_accepted(struct session *s)
{
    free(s->ok);
    s->ok = NULL;
}

static void request_hear(struct phone *p, bool by_tcp, const char *text)
{
    char branch[ID_MAX], method[12];
    branch_of(text, branch);
    method_of(text, method);
    struct answer *a = answer_find(p, branch, method);
    if (strcmp(method, "ACK") == 0) {
        phone_acked(p, text);
    } else if (a) {
        net_from_phone(p, a->by_tcp, a->text, a->n);
    } else {
        phone_asked(p, method, by_tcp, text);
    }
}

void ua_hear(struct phone *p, bool by_tcp, const char *text)
{
    if (text_status(text)) {
        response_hear(p, text);
    } else {
        request_hear(p, by_tcp, text);
    }
}

/* ---- time ---- */

static void ask_run(struct phone *p, struct ask *ask)
{
    uint64_t now_ns = p->house->now_ns;
    if (ask->ends_ns <= now_ns) {
        bool was_over = ask->is_over;
        ask->is_over = true;
        if (!was_over) {
            house_say(p->house, "p%u: no answer to %s %u", p->index, ask->method, ask->cseq);
            phone_answered(ask, 408, "");
        }
        ask_free(ask);
    } else if (ask->again_ns <= now_ns) {
        ask_send(ask);
        bool is_invite = strcmp(ask->method, "INVITE") == 0;
        ask->again_ms = is_invite ? 2 * ask->again_ms : MIN(2 * ask->again_ms, (uint64_t)T2_MS);
        ask->again_ns = now_ns + ask->again_ms * NS_PER_MS;
    } else if (ask->cancel_ns && ask->cancel_ns <= now_ns && !ask->is_over) {
        ask->cancel_ns = 0;
        ask->session->hangs_up = true;
        ua_cancel(ask);
    }
}

static void ok_run(struct session *s)
{
    struct phone *p = s->phone;
    uint64_t now_ns = p->house->now_ns;
    if (s->ok && s->ok_ends_ns <= now_ns) {
        ua_accepted(s);
        session_bye(s); /* RFC 3261 13.3.1.4 */
    } else if (s->ok && s->ok_ns <= now_ns) {
        net_from_phone(p, s->ok_by_tcp, s->ok, strlen(s->ok));
        s->ok_ms = MIN(2 * s->ok_ms, (uint64_t)T2_MS);
        s->ok_ns = now_ns + s->ok_ms * NS_PER_MS;
    }
}

void ua_run(struct phone *p)
{
    for (unsigned i = 0; i < ASKS_MAX; i++) {
        if (p->asks[i].session) {
            ask_run(p, &p->asks[i]);
        }
    }
    for (unsigned i = 0; i < SESSIONS_MAX; i++) {
        ok_run(&p->sessions[i]);
    }
}

uint64_t ua_next_ns(const struct phone *p)
{
    uint64_t next_ns = UINT64_MAX;
    for (unsigned i = 0; i < ASKS_MAX; i++) {
        const struct ask *ask = &p->asks[i];
        if (ask->session) {
            next_ns = MIN(next_ns, MIN(ask->again_ns, ask->ends_ns));
            next_ns = ask->cancel_ns && !ask->is_over ? MIN(next_ns, ask->cancel_ns) : next_ns;
        }
    }
    for (unsigned i = 0; i < SESSIONS_MAX; i++) {
        const struct session *s = &p->sessions[i];
        next_ns = s->ok ? MIN(next_ns, MIN(s->ok_ns, s->ok_ends_ns)) : next_ns;
    }
    return next_ns;
}

bool ua_is_busy(const struct phone *p)
{
    for (unsigned i = 0; i < ASKS_MAX; i++) {
        if (p->asks[i].session && !p->asks[i].is_over) {
            return true;
        }
    }
    return false;
}

void ua_forget(struct phone *p)
{
    for (unsigned i = 0; i < ASKS_MAX; i++) {
        ask_free(&p->asks[i]);
    }
    for (unsigned i = 0; i < ANSWERS_MAX; i++) {
        free(p->answers[i].text);
        p->answers[i] = (struct answer){.text = NULL};
    }
    for (unsigned i = 0; i < SESSIONS_MAX; i++) {
        ua_accepted(&p->sessions[i]);
        free(p->sessions[i].ack);
        p->sessions[i].ack = NULL;
    }
}
