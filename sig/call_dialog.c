/* A call's dialog: its ids, where its requests go, and the BYE. */
#include "sig/call.h"

#include "sig/room.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t bucket_of(const char *local_tag)
{
    uint32_t h = 0x811c9dc5u;
    for (const char *p = local_tag; *p; p++) {
        h = (h ^ (uint8_t)*p) * 0x01000193u;
    }
    return h & (FOCUS_DIALOG_BUCKETS - 1);
}

struct call *call_find(struct focus *focus, const struct sip_msg *msg)
{
    if (!msg->to.tag) {
        return NULL;
    }
    const char *remote_tag = msg->from.tag ? msg->from.tag : ""; /* RFC 2543 peers have none: 12.2.2 */
    for (struct call *c = focus->dialogs[bucket_of(msg->to.tag)]; c; c = c->hash_next) {
        if (strcmp(c->local_tag, msg->to.tag) == 0 && strcmp(c->remote_tag, remote_tag) == 0 &&
            strcmp(c->call_id, msg->call_id) == 0) {
            return c;
        }
    }
    return NULL;
}

void call_dialog_enter(struct call *call)
{
    struct call **bucket = &call->focus->dialogs[bucket_of(call->local_tag)];
    call->hash_next = *bucket;
    call->hash_link = bucket;
    if (call->hash_next) {
        call->hash_next->hash_link = &call->hash_next;
    }
    *bucket = call;
}

void call_dialog_leave(struct call *call)
{
    if (call->hash_link) {
        *call->hash_link = call->hash_next;
        if (call->hash_next) {
            call->hash_next->hash_link = call->hash_link;
        }
        call->hash_link = NULL;
    }
}

/* The conference's URI as the peer must call it on its transport. */
void call_contact_text(const struct call *call, char *text, size_t size)
{
    snprintf(text, size, "<sip:%s@%s%s>;isfocus", call->room->token, call->focus->cfg.domain,
             call->flow.transport == FLOW_TCP ? ";transport=tcp" : "");
}

/* Copies what the dialog is made of out of the INVITE. @return 0 | -ENOMEM */
int call_dialog_make(struct call *call, struct txn *txn, const struct sip_msg *msg)
{
    const char *from = sip_header(msg, "From", 0), *to = sip_header(msg, "To", 0);

    snprintf(call->local_tag, sizeof call->local_tag, "%s", txn_local_tag(txn));
    call->call_id = strdup(msg->call_id);
    call->remote_tag = strdup(msg->from.tag ? msg->from.tag : "");
    call->remote = strdup(from ? from : "");
    call->target = strdup(msg->contacts[0].addr.uri.text);
    if (asprintf(&call->local, "%s;tag=%s", to ? to : "", call->local_tag) < 0) {
        call->local = NULL;
    }
    call->routes = calloc(msg->n_record_routes + 1, sizeof *call->routes);
    if (!call->call_id || !call->remote_tag || !call->remote || !call->target || !call->local || !call->routes) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < msg->n_record_routes; i++) {
        call->routes[i] = strdup(msg->record_routes[i]); /* in their order: we are the called side, RFC 3261 12.1.1 */
        if (!call->routes[i]) {
            return -ENOMEM;
        }
        call->n_routes++;
    }
    call->flow = msg->flow;
    call->direct = msg->n_vias == 1 && msg->n_record_routes == 0;
    call->cseq_rx = call->invite_cseq = msg->cseq;
    call->cseq_tx = 1;
    return 0;
}

void call_dialog_free(struct call *call)
{
    call_dialog_leave(call);
    for (unsigned i = 0; i < call->n_routes; i++) {
        free(call->routes[i]);
    }
    free(call->routes);
    free(call->call_id);
    free(call->remote_tag);
    free(call->local);
    free(call->remote);
    free(call->target);
}

/* Where requests of ours go: never where a peer's URI merely points to. The next hop is the path that the peer's own
 * requests came by; only its port is believed, and only for the same host, since a proxy may send from another one. */
static struct flow next_hop(const struct call *call)
{
    struct flow flow = call->flow;
    char memory[3 * SIP_URI_BYTES_MAX + 16];
    struct sip_addr hop;
    struct addr named;
    const char *text = call->n_routes ? call->routes[0] : call->target;

    if (flow_is_reliable(&flow)) {
        return flow;
    }
    if (sip_addr_parse(&hop, text, strlen(text), memory, sizeof memory) == 0 && hop.uri.port != 0 &&
        addr_parse(&named, hop.uri.host, hop.uri.port) == 0 && addr_same_host(&named, &flow.remote)) {
        flow.remote = named;
    }
    return flow;
}

int call_bye_send(struct call *call, enum focus_ending why)
{
    struct sip_request request = {.method = SIP_BYE,
                                  .target = call->target,
                                  .routes = (const char *const *)call->routes,
                                  .n_routes = call->n_routes,
                                  .from = call->local,
                                  .to = call->remote,
                                  .call_id = call->call_id,
                                  .cseq = ++call->cseq_tx};
    struct sip_out *out = sip_request_make(&request);
    struct flow flow = next_hop(call);

    sip_addf(out, "Reason", "SIP;cause=200;text=\"%s\"", focus_ending_text(why));
    if (call->focus->cfg.server[0]) {
        sip_add(out, "User-Agent", call->focus->cfg.server);
    }
    return txn_request(call->focus->txns, out, &flow, call, &call->bye);
}
