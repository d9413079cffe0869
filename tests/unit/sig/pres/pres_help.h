/* What the tests of presence share: a world with a presence server beside the focus, and requests of its users. */
#ifndef TESTS_UNIT_SIG_PRES_PRES_HELP_H
#define TESTS_UNIT_SIG_PRES_PRES_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "sig/pres/presence.h"
#include "tests/unit/call_world.h"

#define OPEN_TUPLE "<tuple id=\"a\"><status><basic>open</basic></status></tuple>"
#define CLOSED_TUPLE "<tuple id=\"a\"><status><basic>closed</basic></status></tuple>"
#define PIDF(inside)                                                                                                   \
    "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:bob@127.0.0.1\">" inside "</presence>"
#define BUSY                                                                                                           \
    "<dm:person xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" xmlns:r=\"urn:ietf:params:xml:ns:pidf:rpid\" "     \
    "id=\"p\"><r:activities><r:busy/></r:activities></dm:person>"

static struct presence *presence;

static bool pres_wants(void *ctx, const struct sip_msg *msg)
{
    return presence_wants(presence, msg);
}

static void pres_take(void *ctx, struct txn *txn, const struct sip_msg *msg, const struct identity *who)
{
    presence_take(presence, txn, msg, who);
}

static void pres_reply(void *ctx, const struct store_reply *reply)
{
    presence_store_reply(presence, reply);
}

static struct world *pres_open(enum rule_action fallback, const char *store)
{
    struct world *w = world_open((struct env_cfg){0}, 0, store);
    assert_int_equal(presence_build(&presence, w->env, fallback), 0);
    assert_int_equal(focus_beside_add(w->focus, &(struct focus_beside){&presence, pres_wants, pres_take, pres_reply}),
                     0);
    return w;
}

static void pres_leave(struct world *w)
{
    focus_beside_drop(w->focus, &presence);
    presence_free(presence);
}

/* What nobody ends expires by itself, and nothing is left: no subscription, publication, presentity nor timer. */
static inline void pres_close(struct world *w)
{
    world_run(w, (WATCH_EXPIRES_MAX_S + 40) * 1000ull);
    const struct presence_stats *stats = presence_stats(presence);
    assert_int_equal(count_get(&stats->publications), 0);
    assert_int_equal(count_get(&stats->watchers), 0);
    assert_int_equal(count_get(&stats->lists), 0);
    pres_leave(w);
    world_close(w);
}

static unsigned pres_n_sent;

/* A request of a user, outside of any dialog or (to: with a tag) in one. @return status */
static int pres_send(struct world *w, const char *method, const char *from, const char *to, const char *call,
                     unsigned cseq, const char *lines, const char *type, const char *body)
{
    char text[16384], uri[512];
    struct flow flow = {.transport = FLOW_UDP, .conn = FLOW_NO_CONN};
    unsigned before = w->n_sent;
    assert_int_equal(addr_parse(&flow.remote, "192.0.2.50", 5062), 0);
    snprintf(uri, sizeof uri, "%.*s", (int)strcspn(to + 1, ">"), to + 1);
    int n = snprintf(text, sizeof text,
                     "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.50:5062;branch=z9hG4bKp%u\r\nMax-Forwards: 70\r\n"
                     "From: <%s>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %u %s\r\n%s",
                     method, uri, ++pres_n_sent, from, call, to, call, cseq, method, lines);
    if (strcmp(method, "PUBLISH") != 0) {
        n += snprintf(text + n, sizeof text - (size_t)n, "Contact: <sip:w@192.0.2.50:5062>\r\n");
    }
    if (body) {
        n += snprintf(text + n, sizeof text - (size_t)n, "Content-Type: %s\r\n", type);
    }
    n += snprintf(text + n, sizeof text - (size_t)n, "Content-Length: %zu\r\n\r\n%s", body ? strlen(body) : 0,
                  body ? body : "");
    txns_rx(w->txns, &flow, text, (size_t)n, w->now_ns);
    focus_reap(w->focus);
    for (unsigned i = before; i < w->n_sent; i++) {
        if (status_of(w->sent[i % SENT_MAX])) {
            w->i_answer = i;
            return status_of(w->sent[i % SENT_MAX]);
        }
    }
    return 0;
}

static const char *pres_value(struct world *w, const char *name)
{
    static char value[1024];
    return header(world_answer(w), name, value, sizeof value) ? value : "";
}

/* PUBLISH of bob. etag NULL: none @return status */
static inline int pres_publish(struct world *w, const char *etag, int expires_s, const char *body)
{
    char lines[256];
    static unsigned n;
    char call[32];
    snprintf(call, sizeof call, "pub%u", ++n);
    snprintf(lines, sizeof lines, "Event: presence\r\nExpires: %d\r\n%s%s%s", expires_s, etag ? "SIP-If-Match: " : "",
             etag ? etag : "", etag ? "\r\n" : "");
    return pres_send(w, "PUBLISH", "sip:bob@127.0.0.1", "<sip:bob@127.0.0.1>", call, 1, lines, "application/pidf+xml",
                     body);
}

/* SUBSCRIBE. @return status */
static inline int pres_subscribe(struct world *w, const char *from, const char *to, const char *call, const char *lines)
{
    return pres_send(w, "SUBSCRIBE", from, to, call, 1, lines, NULL, NULL);
}

/* The NOTIFYs that were sent and not answered yet are answered. @return the last of them; "": none */
static inline const char *pres_notified(struct world *w, unsigned *n_seen)
{
    static char text[TEXT_MAX];
    text[0] = '\0';
    for (unsigned i = *n_seen; i < w->n_sent; i++) {
        const char *sent = w->sent[i % SENT_MAX];
        if (strncmp(sent, "NOTIFY ", 7) == 0) {
            char copy[TEXT_MAX];
            strcpy(text, sent);
            strcpy(copy, sent);
            *n_seen = i + 1;
            world_reply(w, copy, 200, "", "", NULL);
        }
    }
    *n_seen = w->n_sent;
    return text;
}

static inline const char *pres_body(const char *text)
{
    const char *blank = strstr(text, "\r\n\r\n");
    return blank ? blank + 4 : "";
}

#endif
