/* Dialogs. See dialog.h. */
#include "sig/txn/dialog.h"

#include "sig/base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- hash ---- */

static size_t bucket_of(const char *local_tag)
{
    return hash_text(0, local_tag) & (DIALOG_BUCKETS - 1);
}

struct dialog *dialog_find_ids(const struct dialogs *dialogs, const char *call_id, const char *local_tag,
                               const char *remote_tag)
{
    for (struct dialog *d = dialogs->buckets[bucket_of(local_tag)]; d; d = d->hash_next) {
        if (strcmp(d->local_tag, local_tag) == 0 && strcmp(d->remote_tag, remote_tag) == 0 &&
            strcmp(d->call_id, call_id) == 0) {
            return d;
        }
    }
    return NULL;
}

struct dialog *dialog_find(const struct dialogs *dialogs, const struct sip_msg *msg)
{
    const char *remote_tag = msg->from.tag ? msg->from.tag : ""; /* RFC 2543 peers have none: 12.2.2 */
    return msg->to.tag ? dialog_find_ids(dialogs, msg->call_id, msg->to.tag, remote_tag) : NULL;
}

void dialog_enter(struct dialogs *dialogs, struct dialog *d)
{
    struct dialog **bucket = &dialogs->buckets[bucket_of(d->local_tag)];
    must(!d->hash_link);
    d->hash_next = *bucket;
    d->hash_link = bucket;
    if (d->hash_next) {
        d->hash_next->hash_link = &d->hash_next;
    }
    *bucket = d;
}

void dialog_leave(struct dialog *d)
{
    if (d->hash_link) {
        *d->hash_link = d->hash_next;
        if (d->hash_next) {
            d->hash_next->hash_link = d->hash_link;
        }
        d->hash_link = NULL;
    }
}

/* ---- making ---- */

static void routes_free(char **routes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        free(routes[i]);
    }
    free(routes);
}

/* Record-Route in its order for the called side, backwards for the calling one (12.1.1, 12.1.2). @return 0 | -ENOMEM */
static int routes_copy(struct dialog *d, const struct sip_msg *msg, bool backwards)
{
    unsigned n = msg->n_record_routes;
    char **routes = calloc(n + 1, sizeof *routes);
    for (unsigned i = 0; routes && i < n; i++) {
        routes[i] = strdup(msg->record_routes[backwards ? n - 1 - i : i]);
        if (!routes[i]) {
            routes_free(routes, i);
            return -ENOMEM;
        }
    }
    if (!routes) {
        return -ENOMEM;
    }
    routes_free(d->routes, d->n_routes);
    d->routes = routes;
    d->n_routes = n;
    return 0;
}

int dialog_answer(struct dialog *d, struct owner *owner, const struct txn *txn, const struct sip_msg *msg)
{
    const char *from = sip_header(msg, "From", 0), *to = sip_header(msg, "To", 0);

    d->owner = owner;
    snprintf(d->local_tag, sizeof d->local_tag, "%s", txn_local_tag(txn));
    d->call_id = strdup(msg->call_id);
    d->remote_tag = strdup(msg->from.tag ? msg->from.tag : "");
    d->remote = strdup(from ? from : "");
    d->target = strdup(msg->contacts[0].addr.uri.text);
    if (asprintf(&d->local, "%s;tag=%s", to ? to : "", d->local_tag) < 0) {
        d->local = NULL;
    }
    if (!d->call_id || !d->remote_tag || !d->remote || !d->target || !d->local) {
        return -ENOMEM;
    }
    d->flow = msg->flow;
    d->is_callers = true;
    d->direct = msg->n_vias == 1 && msg->n_record_routes == 0;
    d->cseq_rx = msg->cseq;
    d->cseq_tx = 1;
    return routes_copy(d, msg, false);
}

int dialog_ask(struct dialog *d, struct owner *owner, struct txns *txns, const char *local, const char *remote,
               const char *target, const struct flow *flow)
{
    char call_id[SIP_TAG_BYTES];

    d->owner = owner;
    txns_draw(txns, d->local_tag);
    txns_draw(txns, call_id);
    d->call_id = strdup(call_id);
    d->remote_tag = strdup("");
    d->remote = strdup(remote);
    d->target = strdup(target);
    if (asprintf(&d->local, "%s;tag=%s", local, d->local_tag) < 0) {
        d->local = NULL;
    }
    d->flow = *flow;
    d->cseq_tx = 0;
    return d->call_id && d->remote_tag && d->remote && d->target && d->local ? 0 : -ENOMEM;
}

int dialog_route(struct dialog *d, const char *route)
{
    must(d->n_routes == 0);
    d->routes = calloc(SIP_ROUTES_MAX, sizeof *d->routes);
    while (d->routes && *route) {
        size_t n = strcspn(route, ">");
        if (route[n] != '>' || d->n_routes == SIP_ROUTES_MAX) {
            return -EINVAL;
        }
        n += 1 + strcspn(route + n + 1, ","); /* with parameters behind it */
        char *one = strndup(route, n);
        if (!one) {
            return -ENOMEM;
        }
        d->routes[d->n_routes++] = one;
        route += n;
        route += strspn(route, ", \t");
    }
    return d->routes ? 0 : -ENOMEM;
}

int dialog_copy(struct dialog *d, const struct dialog *asked)
{
    memcpy(d->local_tag, asked->local_tag, sizeof d->local_tag);
    d->call_id = strdup(asked->call_id);
    d->remote_tag = strdup("");
    d->remote = strdup(asked->remote);
    d->target = strdup(asked->target);
    d->local = strdup(asked->local);
    d->flow = asked->flow;
    return d->call_id && d->remote_tag && d->remote && d->target && d->local ? 0 : -ENOMEM;
}

int dialog_settle(struct dialog *d, const struct sip_msg *response)
{
    const char *to = sip_header(response, "To", 0);
    if (!response->to.tag || !to || response->n_contacts != 1 || response->contact_is_star) {
        return -EINVAL;
    }
    char *tag = strdup(response->to.tag), *remote = strdup(to);
    char *target = strdup(response->contacts[0].addr.uri.text);
    if (!tag || !remote || !target || routes_copy(d, response, true) != 0) {
        free(tag);
        free(remote);
        free(target);
        return -ENOMEM;
    }
    free(d->remote_tag);
    free(d->remote);
    free(d->target);
    d->remote_tag = tag;
    d->remote = remote;
    d->target = target;
    d->direct = response->n_record_routes == 0;
    return 0;
}

void dialog_free(struct dialog *d)
{
    dialog_leave(d);
    routes_free(d->routes, d->n_routes);
    free(d->call_id);
    free(d->remote_tag);
    free(d->local);
    free(d->remote);
    free(d->target);
    *d = (struct dialog){.owner = d->owner};
}

void dialog_refresh(struct dialog *d, const struct sip_msg *msg)
{
    char *target = msg->n_contacts == 1 ? strdup(msg->contacts[0].addr.uri.text) : NULL;
    if (target) {
        free(d->target);
        d->target = target;
    }
    d->flow = msg->flow;
}

/* ---- requests ---- */

/* Where requests of ours go: never where a peer's URI merely points to. The next hop is the path that the peer's own
 * requests came by; only its port is believed, and only for the same host, since a proxy may send from another one. */
static struct flow next_hop(const struct dialog *d)
{
    struct flow flow = d->flow;
    char memory[3 * SIP_URI_BYTES_MAX + 16];
    struct sip_addr hop;
    struct addr named;
    const char *text = d->n_routes ? d->routes[0] : d->target;

    if (flow_is_reliable(&flow)) {
        return flow;
    }
    if (sip_addr_parse(&hop, text, strlen(text), memory, sizeof memory) == 0 && hop.uri.port != 0 &&
        addr_parse(&named, hop.uri.host, hop.uri.port) == 0 && addr_same_host(&named, &flow.remote)) {
        flow.remote = named;
    }
    return flow;
}

static struct sip_out *request_make(const struct dialog *d, enum sip_method method, uint32_t cseq)
{
    return sip_request_make(&(struct sip_request){.method = method,
                                                  .target = d->target,
                                                  .routes = (const char *const *)d->routes,
                                                  .n_routes = d->n_routes,
                                                  .from = d->local,
                                                  .to = d->remote,
                                                  .call_id = d->call_id,
                                                  .cseq = cseq});
}

struct sip_out *dialog_request(struct dialog *d, enum sip_method method)
{
    return request_make(d, method, ++d->cseq_tx);
}

int dialog_send(struct dialog *d, struct txns *txns, struct sip_out *out, struct owner *owner, struct txn **txn)
{
    struct flow flow = next_hop(d);
    return txn_request(txns, out, &flow, owner, txn);
}

int dialog_ack(struct dialog *d, struct txns *txns, uint32_t cseq, const void *body, size_t n_bytes)
{
    struct sip_out *out = request_make(d, SIP_ACK, cseq);
    struct flow flow = next_hop(d);
    if (body) {
        sip_body(out, "application/sdp", body, n_bytes);
    }
    return txn_send(txns, out, &flow);
}
