/*
 * The only file that knows libosip2: its parser is asked whether a header section follows the grammar, and whether it
 * reads the identities of the message as we do; its serialiser writes what we send.
 *
 * What is never given to it (each was seen to fail): bodies, SDP, multipart, lists beyond the limits of the
 * scan, NUL, line folds. What is never asked of it: where to send, which dialog, which transaction.
 */
#include "sig/sip/sip_priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <osipparser2/osip_message.h>
#include <osipparser2/osip_parser.h>
#include <osipparser2/osip_port.h>

static void trace_nothing(const char *file, int line, osip_trace_level_t level, const char *format, va_list args) {}

int sip_init(void)
{
    /* Without this every bad packet prints to stdout; disabling the levels alone does not last. */
    osip_trace_initialize_func(TRACE_LEVEL0, trace_nothing);
    return parser_init() == 0 ? 0 : -ENOMEM;
}

/* ---- reading ---- */

/* From and To: without a display name that is not quoted, which nobody acts on and many write against the grammar. */
static const char *without_display(const char *value)
{
    const char *angle = strchr(value, '<'), *semicolon = strchr(value, ';');
    bool is_named = *value != '"' && angle != NULL && (semicolon == NULL || angle < semicolon);
    return is_named ? angle : value;
}

/* All Contacts in one line, as they were read: display names gone, and what stood behind the last parameter. */
static void put_contacts(struct put *put, const struct sip_msg *msg)
{
    put_text(put, "Contact: ");
    put_text(put, msg->contact_is_star ? "*" : "");
    for (unsigned i = 0; i < msg->n_contacts; i++) {
        put_text(put, i ? ", <" : "<");
        put_text(put, msg->contacts[i].addr.uri.text);
        put_text(put, ">");
        put_text(put, msg->contacts[i].addr.params);
    }
    put_n(put, "\r\n", 2);
}

/* The header section once more, as plain as it gets: long names, no folds, no bare display names, no body. */
static char *plain_text(const struct sip_msg *msg, size_t *n)
{
    const struct scan *scan = &msg->scan;
    size_t size = scan->text_bytes + scan->n_lines * 32 + 4 * SIP_CONTACTS_MAX + 64;
    struct put put = {.text = malloc(size), .size = size};
    if (put.text == NULL) {
        return NULL;
    }
    if (msg->is_request) {
        put_text(&put, scan->method);
        put_n(&put, " ", 1);
        put_text(&put, scan->request_uri);
        put_n(&put, " SIP/2.0\r\n", 10);
    } else {
        char status[32];
        snprintf(status, sizeof status, "SIP/2.0 %03d ", scan->status);
        put_text(&put, status);
        put_text(&put, scan->reason);
        put_n(&put, "\r\n", 2);
    }
    for (unsigned i = 0; i < scan->n_lines; i++) {
        const struct scan_line *line = &scan->lines[i];
        const char *value = scan->text + line->value_at;
        if (line->header == SCAN_OTHER) {
            put_line(&put, scan->text + line->name_at, value);
        } else if (line->header == SCAN_FROM || line->header == SCAN_TO) {
            put_line(&put, scan_header_name(line->header), without_display(value));
        } else if (line->header != SCAN_CONTENT_LENGTH && line->header != SCAN_CONTACT) {
            put_line(&put, scan_header_name(line->header), value);
        }
    }
    if (msg->n_contacts > 0 || msg->contact_is_star) {
        put_contacts(&put, msg);
    }
    put_text(&put, "Content-Length: 0\r\n\r\n");
    *n = put.n;
    must(!put.full);
    return put.text;
}

static bool same(const char *ours, const char *theirs)
{
    return strcmp(ours == NULL ? "" : ours, theirs == NULL ? "" : theirs) == 0;
}

static const char *tag_of(osip_from_t *from)
{
    osip_generic_param_t *tag = NULL;
    return osip_from_get_tag(from, &tag) == 0 && tag != NULL ? tag->gvalue : NULL;
}

/* Request smuggling lives where two readers differ: what names a transaction and a dialog must read the same twice. */
/* libosip2 reads "sip:w" but not "sip:w;tag=x", no user and a host of one character: that To cannot carry our tag. */
static bool to_takes_tag(const osip_message_t *theirs)
{
    const osip_uri_t *uri = theirs->to->url;
    return uri == NULL || uri->username != NULL || uri->host == NULL || strlen(uri->host) != 1;
}

static bool agrees(const struct sip_msg *msg, osip_message_t *theirs)
{
    const osip_via_t *via = osip_list_get(&theirs->vias, 0);
    osip_generic_param_t *branch = NULL;
    if (via == NULL || theirs->from == NULL || theirs->to == NULL || theirs->call_id == NULL || theirs->cseq == NULL) {
        return false;
    }
    osip_via_param_get_byname((osip_via_t *)via, (char *)"branch", &branch);
    if (via->host == NULL || !scan_same(via->host, msg->via.host) ||
        !same(msg->via.branch, branch == NULL ? NULL : branch->gvalue)) {
        return false;
    }
    if (msg->is_request && !to_takes_tag(theirs)) {
        return false;
    }
    if (!same(msg->from.tag, tag_of(theirs->from)) || !same(msg->to.tag, tag_of(theirs->to))) {
        return false;
    }
    const osip_call_id_t *id = theirs->call_id;
    size_t n_number = id->number == NULL ? 0 : strlen(id->number);
    const char *rest = msg->call_id + n_number;
    if (n_number == 0 || strncmp(msg->call_id, id->number, n_number) != 0 ||
        (id->host == NULL ? *rest != 0 : *rest != '@' || strcmp(rest + 1, id->host) != 0)) {
        return false;
    }
    if (theirs->cseq->number == NULL || theirs->cseq->method == NULL ||
        strtoul(theirs->cseq->number, NULL, 10) != msg->cseq || !same(msg->method_text, theirs->cseq->method)) {
        return false;
    }
    const osip_uri_t *uri = theirs->req_uri;
    return !msg->is_request || msg->uri.host[0] == 0 ||
           (uri != NULL && uri->host != NULL && scan_same(uri->host, msg->uri.host));
}

enum refuse sip_osip_check(const struct sip_msg *msg)
{
    osip_message_t *theirs = NULL;
    size_t n;
    char *text = plain_text(msg, &n);
    enum refuse refuse = REFUSE_MEMORY;
    if (text == NULL || osip_message_init(&theirs) != 0) {
        goto out;
    }
    int err = osip_message_parse(theirs, text, n);
    refuse = err == OSIP_NOMEM ? REFUSE_MEMORY : err != 0 ? REFUSE_GRAMMAR : REFUSE_NONE;
    if (refuse == REFUSE_NONE && !agrees(msg, theirs)) {
        refuse = REFUSE_DISAGREE;
    }
out:
    osip_message_free(theirs);
    free(text);
    return refuse;
}

/* ---- writing ---- */

struct sip_out {
    osip_message_t *message;
    enum sip_method method;
    int status;
    int err; /* first failure */
    char to_tag[SIP_ID_BYTES_MAX + 1];
};

static void out_fail(struct sip_out *out, int err)
{
    if (out->err == 0) {
        out->err = err;
    }
}

static struct sip_out *out_make(enum sip_method method, int status)
{
    struct sip_out *out = calloc(1, sizeof *out);
    if (out == NULL || osip_message_init(&out->message) != 0) {
        free(out);
        return NULL;
    }
    out->method = method;
    out->status = status;
    char *version = osip_strdup("SIP/2.0");
    if (version == NULL) {
        out_fail(out, -ENOMEM);
    }
    osip_message_set_version(out->message, version);
    return out;
}

void sip_out_free(struct sip_out *out)
{
    if (out != NULL) {
        osip_message_free(out->message);
        free(out);
    }
}

static bool is_one_line(const char *text)
{
    return text != NULL && text[strcspn(text, "\r\n")] == 0;
}

/* All our headers are generic ones to libosip2: values go out as they are, in the order they were put. */
void sip_add(struct sip_out *out, const char *name, const char *value)
{
    if (out == NULL || out->err != 0) {
        return;
    }
    osip_header_t *header = NULL;
    if (!is_one_line(name) || !is_one_line(value)) {
        out_fail(out, -EINVAL);
        return;
    }
    if (osip_header_init(&header) != 0) {
        out_fail(out, -ENOMEM);
        return;
    }
    header->hname = osip_strdup(name);
    header->hvalue = osip_strdup(value);
    if (header->hname == NULL || header->hvalue == NULL || osip_list_add(&out->message->headers, header, -1) < 0) {
        osip_header_free(header);
        out_fail(out, -ENOMEM);
    }
}

void sip_addf(struct sip_out *out, const char *name, const char *format, ...)
{
    char *value = NULL;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&value, format, args);
    va_end(args);
    if (n < 0) {
        if (out != NULL) {
            out_fail(out, -ENOMEM);
        }
        return;
    }
    sip_add(out, name, value);
    free(value);
}

void sip_body(struct sip_out *out, const char *content_type, const void *body, size_t n_bytes)
{
    if (out == NULL || out->err != 0) {
        return;
    }
    sip_add(out, "Content-Type", content_type);
    if (n_bytes > SCAN_STREAM_BYTES_MAX || osip_message_set_body(out->message, body, n_bytes) != 0) {
        out_fail(out, n_bytes > SCAN_STREAM_BYTES_MAX ? -EMSGSIZE : -ENOMEM);
    }
}

int sip_text(struct sip_out *out, char **text, size_t *n_bytes)
{
    *text = NULL;
    *n_bytes = 0;
    if (out == NULL) {
        return -ENOMEM;
    }
    if (out->err != 0) {
        return out->err;
    }
    char *written = NULL;
    size_t n = 0;
    osip_message_force_update(out->message);
    int err = osip_message_to_str(out->message, &written, &n);
    if (err != 0) {
        return err == OSIP_NOMEM ? -ENOMEM : -EINVAL;
    }
    if (n > SCAN_STREAM_BYTES_MAX) {
        osip_free(written);
        return -EMSGSIZE;
    }
    char *fit = realloc(written, n + 1); /* of the library's 8000 octets: a transaction keeps it for 32 s */
    *text = fit != NULL ? fit : written; /* osip_free is free: its allocator is never set */
    *n_bytes = n;
    return 0;
}

enum sip_method sip_out_method(const struct sip_out *out)
{
    return out == NULL ? SIP_UNKNOWN : out->method;
}

int sip_out_status(const struct sip_out *out)
{
    return out == NULL ? 0 : out->status;
}

const char *sip_out_to_tag(const struct sip_out *out)
{
    return out == NULL ? "" : out->to_tag;
}

static bool makes_dialog(enum sip_method method)
{
    return method == SIP_INVITE || method == SIP_SUBSCRIBE || method == SIP_REFER || method == SIP_NOTIFY;
}

struct sip_out *sip_response_make(const struct sip_msg *req, int status, const char *reason, const char *to_tag)
{
    struct sip_out *out = out_make(req->method, status);
    if (out == NULL) {
        return NULL;
    }
    reason = reason == NULL ? sip_reason(status) : reason;
    if (status < 100 || status > 699 || !is_one_line(reason)) {
        out_fail(out, -EINVAL);
        return out;
    }
    char *phrase = osip_strdup(reason);
    if (phrase == NULL) {
        out_fail(out, -ENOMEM);
    }
    osip_message_set_status_code(out->message, status);
    osip_message_set_reason_phrase(out->message, phrase);

    const char *value;
    for (unsigned i = 0; (value = scan_value(&req->scan, SCAN_VIA, i)) != NULL; i++) {
        if (i > 0) {
            sip_add(out, "Via", value);
            continue;
        }
        size_t size = strlen(value) + 128;
        struct put put = {.text = malloc(size), .size = size};
        if (put.text == NULL) {
            out_fail(out, -ENOMEM);
            return out;
        }
        put.text[0] = 0;
        sip_via_true(&put, value, &req->flow);
        sip_add(out, "Via", put.text);
        free(put.text);
    }
    if (status > 100 && status < 300 && makes_dialog(req->method)) {
        for (unsigned i = 0; (value = scan_value(&req->scan, SCAN_RECORD_ROUTE, i)) != NULL; i++) {
            sip_add(out, "Record-Route", value);
        }
    }
    sip_add(out, "From", scan_value(&req->scan, SCAN_FROM, 0));
    if (req->to.tag == NULL && to_tag != NULL) {
        sip_addf(out, "To", "%s;tag=%s", scan_value(&req->scan, SCAN_TO, 0), to_tag);
    } else {
        sip_add(out, "To", scan_value(&req->scan, SCAN_TO, 0));
    }
    const char *tag = req->to.tag != NULL ? req->to.tag : to_tag;
    snprintf(out->to_tag, sizeof out->to_tag, "%s", tag == NULL ? "" : tag);
    sip_add(out, "Call-ID", req->call_id);
    sip_add(out, "CSeq", scan_value(&req->scan, SCAN_CSEQ, 0));
    value = scan_value(&req->scan, SCAN_TIMESTAMP, 0);
    if (status == 100 && value != NULL) {
        sip_add(out, "Timestamp", value);
    }
    return out;
}

/* The URI goes out as it came: for libosip2 it is one of a scheme that it does not take apart. */
static void out_set_uri(struct sip_out *out, const char *uri)
{
    const char *colon = uri == NULL ? NULL : strchr(uri, ':');
    if (colon == NULL || uri[strcspn(uri, " \t\r\n<>")] != 0) {
        out_fail(out, -EINVAL);
        return;
    }
    osip_uri_t *target = NULL;
    if (osip_uri_init(&target) != 0) {
        out_fail(out, -ENOMEM);
        return;
    }
    target->scheme = strndup(uri, (size_t)(colon - uri));
    target->string = strdup(colon + 1);
    if (target->scheme == NULL || target->string == NULL) {
        out_fail(out, -ENOMEM);
    }
    osip_message_set_uri(out->message, target);
}

struct sip_out *sip_request_make(const struct sip_request *request)
{
    struct sip_out *out = out_make(request->method, 0);
    if (out == NULL) {
        return NULL;
    }
    char *method = osip_strdup(sip_method_name(request->method));
    if (method == NULL) {
        out_fail(out, -ENOMEM);
    }
    osip_message_set_method(out->message, method);

    /* RFC 3261 12.2.1.1: a first hop without lr is strict: it wants to see itself in the Request-URI. */
    char memory[4 * SIP_URI_BYTES_MAX], lr[8];
    struct sip_addr hop = {.uri.params = ";lr"};
    if (request->n_routes > 0 &&
        sip_addr_parse(&hop, request->routes[0], strlen(request->routes[0]), memory, sizeof memory) != 0) {
        out_fail(out, -EINVAL);
        return out;
    }
    bool is_strict = !sip_param(hop.uri.params, "lr", lr, sizeof lr);
    out_set_uri(out, is_strict ? hop.uri.text : request->target);
    for (unsigned i = is_strict; i < request->n_routes; i++) {
        sip_add(out, "Route", request->routes[i]);
    }
    if (is_strict) {
        sip_addf(out, "Route", "<%s>", request->target);
    }
    sip_addf(out, "Max-Forwards", "%u", request->max_forwards == 0 ? 70 : request->max_forwards);
    sip_add(out, "From", request->from);
    sip_add(out, "To", request->to);
    sip_add(out, "Call-ID", request->call_id);
    sip_addf(out, "CSeq", "%u %s", request->cseq, sip_method_name(request->method));
    return out;
}
