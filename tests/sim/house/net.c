/* The network that SIP goes over. Datagrams are lost, doubled, late, so that others overtake them; a connection keeps
 * what it is given in order, or breaks. Nothing goes wrong in a calm. */
#include "tests/sim/house/house.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct packet {
    struct packet *next;
    uint64_t at_ns;
    struct phone *phone;
    struct flow flow;
    bool to_control, is_break;
    int err;
    size_t n;
    char text[];
};

static struct packet *packet_make(struct phone *p, bool to_control, const char *text, size_t n)
{
    struct packet *k = calloc(1, sizeof *k + n + 1);
    must(k);
    k->phone = p;
    k->to_control = to_control;
    k->n = n;
    memcpy(k->text, text, n);
    return k;
}

/* Behind what is due before, or at the same time. */
static void fly(struct house *h, struct packet *k, uint64_t at_ns)
{
    struct packet **link = &h->flying;
    k->at_ns = at_ns;
    while (*link && (*link)->at_ns <= at_ns) {
        link = &(*link)->next;
    }
    k->next = *link;
    *link = k;
}

static void said(struct house *h, const struct phone *p, bool to_control, const char *text, const char *more)
{
    char cseq[64] = "", id[ID_MAX] = "";
    text_header(text, "CSeq", cseq, sizeof cseq);
    text_header(text, "Call-ID", id, sizeof id);
    int n_line = (int)strcspn(text, "\r"), status = text_status(text);
    if (status) {
        house_say(h, "p%u %s %d %s (%s)%s", p->index, to_control ? ">" : "<", status, cseq, id, more);
    } else {
        house_say(h, "p%u %s %.*s %s (%s)%s", p->index, to_control ? ">" : "<", MIN(n_line - 8, 60), text, cseq, id,
                  more);
    }
}

static uint64_t way_ns(const struct phone *p)
{
    return (2 + p->index * 3) * NS_PER_MS;
}

static void send_stream(struct house *h, struct phone *p, struct packet *k)
{
    uint64_t *last_ns = &p->last_tcp_ns[k->to_control];
    *last_ns = MAX(*last_ns, h->now_ns + way_ns(p));
    fly(h, k, *last_ns);
}

static void send_datagram(struct house *h, struct phone *p, struct packet *k)
{
    struct chance *c = &h->chance;
    const struct plan *plan = &h->plan;
    uint64_t at_ns = h->now_ns + way_ns(p);
    if (h->is_calm) {
        fly(h, k, at_ns);
        return;
    }
    at_ns += chance_of(c, plan->sip_late) ? house_draw_ns(h, plan->sip_late_ms) : 0;
    if (chance_of(c, plan->sip_duplicate)) {
        struct packet *twin = packet_make(p, k->to_control, k->text, k->n);
        twin->flow = k->flow;
        fly(h, twin, at_ns + house_draw_ns(h, plan->sip_late_ms));
    }
    if (chance_of(c, plan->sip_loss)) {
        house_say(h, "    lost");
        free(k);
        return;
    }
    fly(h, k, at_ns);
}

static struct flow flow_of(const struct phone *p, bool by_tcp)
{
    struct flow flow = flow_to(by_tcp ? FLOW_TCP : FLOW_UDP, 0, &p->sip);
    if (by_tcp) {
        flow.conn = p->index;
        flow.generation = p->generation;
    }
    return flow;
}

void net_from_phone(struct phone *p, bool by_tcp, const char *text, size_t n)
{
    struct house *h = p->house;
    struct packet *k = packet_make(p, true, text, n);
    said(h, p, true, text, by_tcp ? " tcp" : "");
    h->sip_ns = h->now_ns;
    k->flow = flow_of(p, by_tcp);
    (by_tcp ? send_stream : send_datagram)(h, p, k);
}

static void break_fly(struct phone *p, const struct flow *flow, int err, uint64_t after_ns)
{
    struct packet *k = packet_make(p, true, "", 0);
    k->is_break = true;
    k->err = err;
    k->flow = *flow;
    fly(p->house, k, p->house->now_ns + after_ns);
}

void net_break(struct phone *p, int err)
{
    struct flow flow = flow_of(p, true);
    p->generation++;
    p->check_ns = p->house->now_ns + NS_PER_S;
    p->next_ns = MIN(p->next_ns, p->check_ns);
    break_fly(p, &flow, err, way_ns(p));
}

/* @return 0 | -ENOTCONN */
static int connect_to(struct phone *p, struct flow *flow)
{
    if (flow->conn != FLOW_NO_CONN) {
        return flow->conn == p->index && flow->generation == p->generation ? 0 : -ENOTCONN;
    }
    flow->conn = p->index;
    flow->generation = p->generation;
    if (p->is_down || !p->takes_tcp) {
        p->generation++;
        break_fly(p, flow, -ECONNREFUSED, 2 * way_ns(p));
    }
    return 0;
}

/* The server has ended a call, whose phone does not know yet. */
static void ending(struct phone *p, const char *text)
{
    char id[ID_MAX];
    text_header(text, "Call-ID", id, sizeof id);
    struct session *s = phone_any_session(p, id);
    if (s) {
        session_changed(s);
    }
}

int net_send(void *ctx, struct flow *flow, const char *text, size_t n)
{
    struct house *h = ctx;
    struct phone *p = NULL;
    for (unsigned i = 0; i < h->plan.n_phones && !p; i++) {
        p = addr_same_host(&h->phones[i].sip, &flow->remote) ? &h->phones[i] : NULL;
    }
    must(n < TEXT_MAX && strlen(text) >= n);
    digest_add(h, text, n);
    books_sent(h, text);
    if (!p) {
        return 0; /* nobody is there */
    }
    h->sip_ns = h->now_ns;
    bool by_tcp = flow->transport == FLOW_TCP;
    if (!h->is_calm && chance_of(&h->chance, h->plan.send_fails)) {
        said(h, p, false, text, " cannot be sent");
        if (by_tcp) {
            net_break(p, -EPIPE);
        }
        return by_tcp ? -ENOTCONN : -ENOBUFS;
    }
    int err = by_tcp ? connect_to(p, flow) : 0;
    said(h, p, false, text, err ? " has no connection" : by_tcp ? " tcp" : "");
    if (strncmp(text, "BYE ", 4) == 0) {
        ending(p, text);
    }
    if (err) {
        return err;
    }
    struct packet *k = packet_make(p, false, text, n);
    k->flow = *flow;
    (by_tcp ? send_stream : send_datagram)(h, p, k);
    return 0;
}

static void arrive(struct house *h, const struct packet *k)
{
    struct phone *p = k->phone;
    bool by_tcp = k->flow.transport == FLOW_TCP;
    if (k->is_break) {
        house_say(h, "p%u's connection breaks", p->index);
        txns_flow_gone(h->txns, &k->flow, k->err);
    } else if (k->to_control) {
        txns_rx(h->txns, &k->flow, k->text, k->n, h->now_ns);
    } else if (!p->is_down && !(by_tcp && k->flow.generation != p->generation)) {
        ua_hear(p, by_tcp, k->text);
        p->next_ns = h->now_ns;
    }
}

void net_deliver(struct house *h, bool is_control)
{
    for (struct packet **link = &h->flying; *link && (*link)->at_ns <= h->now_ns;) {
        struct packet *k = *link;
        if (k->to_control != is_control) {
            link = &k->next;
            continue;
        }
        *link = k->next;
        arrive(h, k);
        free(k);
        link = &h->flying; /* something may have been put before it */
    }
}

uint64_t net_next_ns(const struct house *h, bool is_control)
{
    const struct packet *k = h->flying;
    while (k && k->to_control != is_control) {
        k = k->next;
    }
    return k ? k->at_ns : UINT64_MAX;
}

void net_free(struct house *h)
{
    while (h->flying) {
        struct packet *k = h->flying;
        h->flying = k->next;
        free(k);
    }
}
