/*
 * From the scanned message to the view: which headers are read, how strictly, and what is refused for it. One block of
 * memory a message, freed at once.
 */
#include "sig/sip/sip_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

/* ---- access to headers ---- */

const char *sip_header(const struct sip_msg *msg, const char *name, unsigned i)
{
    enum scan_header header = scan_header_named(name, strlen(name));
    if (header != SCAN_OTHER) {
        return scan_value(&msg->scan, header, i);
    }
    for (unsigned line = 0; line < msg->scan.n_lines; line++) {
        const struct scan_line *at = &msg->scan.lines[line];
        if (at->header == SCAN_OTHER && scan_same(msg->scan.text + at->name_at, name) && i-- == 0) {
            return msg->scan.text + at->value_at;
        }
    }
    return NULL;
}

size_t sip_list(const struct sip_msg *msg, const char *name, unsigned i, const char **element)
{
    const char *value;
    for (unsigned line = 0; (value = sip_header(msg, name, line)) != NULL; line++) {
        size_t n;
        while ((*element = scan_element(&value, &n)) != NULL) {
            if (i-- == 0) {
                return n;
            }
        }
    }
    return 0;
}

bool sip_has(const struct sip_msg *msg, const char *name, const char *token)
{
    const char *value, *element;
    for (unsigned line = 0; (value = sip_header(msg, name, line)) != NULL; line++) {
        size_t n;
        while ((element = scan_element(&value, &n)) != NULL) {
            size_t n_token = 0;
            while (n_token < n && element[n_token] != ';' && element[n_token] != ' ' && element[n_token] != '\t') {
                n_token++;
            }
            if (scan_same_n(element, n_token, token)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- the view ---- */

static enum refuse read_via(struct sip_msg *msg, struct store *store)
{
    const char *value, *element;
    for (unsigned line = 0; (value = scan_value(&msg->scan, SCAN_VIA, line)) != NULL; line++) {
        size_t n;
        while ((element = scan_element(&value, &n)) != NULL) {
            if (msg->n_vias++ == 0) {
                enum refuse refuse = sip_via_parse(&msg->via, element, n, store);
                if (refuse != REFUSE_NONE) {
                    return refuse;
                }
            }
        }
    }
    return msg->n_vias == 0 ? REFUSE_VIA : !msg->is_request && msg->n_vias > 1 ? REFUSE_VIAS : REFUSE_NONE;
}

static enum refuse read_call_id(struct sip_msg *msg)
{
    msg->call_id = scan_value(&msg->scan, SCAN_CALL_ID, 0);
    size_t n = strlen(msg->call_id);
    if (n == 0 || strpbrk(msg->call_id, " \t,;") != NULL) {
        return REFUSE_CALL_ID;
    }
    return n > SIP_ID_BYTES_MAX ? REFUSE_LONG_VALUE : REFUSE_NONE;
}

static enum refuse read_cseq(struct sip_msg *msg)
{
    const char *value = scan_value(&msg->scan, SCAN_CSEQ, 0);
    size_t n = strcspn(value, " \t");
    uint64_t number;
    if (!scan_number(value, n, INT32_MAX, &number) || value[n] == 0) {
        return REFUSE_CSEQ;
    }
    msg->cseq = (uint32_t)number;
    const char *method = value + n + strspn(value + n, " \t");
    if (!msg->is_request) {
        msg->method = sip_method_named(method);
        msg->method_text = method;
    } else if (strcmp(method, msg->method_text) != 0) {
        return REFUSE_CSEQ_METHOD;
    }
    return REFUSE_NONE;
}

static enum refuse read_numbers(struct sip_msg *msg)
{
    uint64_t number;
    const char *value = scan_value(&msg->scan, SCAN_MAX_FORWARDS, 0);
    msg->max_forwards = -1;
    if (value != NULL) {
        if (!scan_number(value, strlen(value), 255, &number)) {
            return REFUSE_MAX_FORWARDS;
        }
        msg->max_forwards = (int)number;
    }
    value = scan_value(&msg->scan, SCAN_EXPIRES, 0);
    msg->expires_s = -1;
    if (value != NULL) {
        /* RFC 4475 3.1.2.4 wants numbers beyond 2^32-1 refused or taken as the largest: the latter hurts nobody. A
         * date, as of RFC 2543, or nothing at all is as if it were not there: few requests need it. */
        size_t n = strspn(value, "0123456789");
        if (n > 0 && value[n] == 0) {
            msg->expires_s = scan_number(value, n, UINT32_MAX, &number) ? (int64_t)number : UINT32_MAX;
        }
    }
    return REFUSE_NONE;
}

static int q_read(const char *params)
{
    char q[8];
    if (!sip_param(params, "q", q, sizeof q)) {
        return 1000;
    }
    int value = q[0] == '1' ? 1000 : 0, unit = 100;
    for (unsigned i = 2; q[0] == '0' && q[1] == '.' && isdigit((unsigned char)q[i]) && unit > 0; i++, unit /= 10) {
        value += (q[i] - '0') * unit;
    }
    return value;
}

static enum refuse read_contacts(struct sip_msg *msg, struct store *store)
{
    const char *value, *element;
    static_assert(_Alignof(struct sip_contact) <= 8, "the store is aligned to 8 before");
    for (unsigned line = 0; (value = scan_value(&msg->scan, SCAN_CONTACT, line)) != NULL; line++) {
        size_t n;
        while ((element = scan_element(&value, &n)) != NULL) {
            if (n == 1 && element[0] == '*') {
                msg->contact_is_star = true;
                continue;
            }
            if (msg->n_contacts == SIP_CONTACTS_MAX) {
                return REFUSE_CONTACT;
            }
            while (n > 0 && (element[n - 1] == ';' || element[n - 1] == ' ' || element[n - 1] == '\t')) {
                n--; /* a parameter that never came: what we write of a Contact is its URI */
            }
            struct sip_contact *contact = &msg->contacts[msg->n_contacts++];
            if (sip_addr_read(&contact->addr, element, n, store) != 0) {
                return REFUSE_CONTACT;
            }
            contact->q_thousandths = q_read(contact->addr.params);
            contact->expires_s = -1;
            const char *expires;
            size_t n_expires;
            uint64_t number;
            if (sip_param_find(contact->addr.params, "expires", &expires, &n_expires)) {
                /* RFC 3261 10.3 step 7: malformed counts as 3600 */
                contact->expires_s = scan_number(expires, n_expires, UINT32_MAX, &number) ? (int64_t)number : 3600;
            }
        }
    }
    return msg->contact_is_star && msg->n_contacts > 0 ? REFUSE_CONTACT : REFUSE_NONE;
}

/* Routes stay text; each must be a name-addr with a URI that can be read, since it ends up in requests of ours. */
static enum refuse read_routes(struct sip_msg *msg, enum scan_header header, const char **routes, unsigned *n_routes,
                               struct store *store)
{
    const char *value, *element;
    for (unsigned line = 0; (value = scan_value(&msg->scan, header, line)) != NULL; line++) {
        size_t n;
        while ((element = scan_element(&value, &n)) != NULL) {
            struct sip_addr addr;
            struct store scratch = *store; /* what is read here is not kept */
            if (*n_routes == SIP_ROUTES_MAX || sip_addr_read(&addr, element, n, &scratch) != 0) {
                return REFUSE_ROUTE;
            }
            routes[*n_routes] = store_text(store, element, n);
            if (routes[(*n_routes)++] == NULL) {
                return REFUSE_LONG_VALUE;
            }
        }
    }
    return REFUSE_NONE;
}

/* "Application/SDP ; a=b" -> "application/sdp" and ";a=b" */
static const char *read_typed(const struct scan *scan, enum scan_header header, const char **params,
                              struct store *store)
{
    const char *value = scan_value(scan, header, 0);
    *params = "";
    if (value == NULL) {
        return "";
    }
    size_t n = strcspn(value, ";");
    *params = value + n;
    char *type = store_text(store, value, n), *to = type;
    for (const char *from = type; from != NULL && *from != 0; from++) {
        if (*from != ' ' && *from != '\t') {
            *to++ = (char)tolower((unsigned char)*from);
        }
    }
    if (type == NULL) {
        return "";
    }
    *to = 0;
    return type;
}

static void read_content(struct sip_msg *msg, struct store *store)
{
    const char *params, *element;
    msg->content_type = read_typed(&msg->scan, SCAN_CONTENT_TYPE, &msg->content_type_params, store);
    msg->content_disposition = read_typed(&msg->scan, SCAN_CONTENT_DISPOSITION, &params, store);
    char handling[16];
    msg->content_optional = sip_param(params, "handling", handling, sizeof handling) && scan_same(handling, "optional");
    const char *value;
    for (unsigned line = 0; (value = scan_value(&msg->scan, SCAN_ALLOW, line)) != NULL; line++) {
        size_t n;
        while ((element = scan_element(&value, &n)) != NULL) {
            for (unsigned i = 1; i < SIP_METHODS; i++) {
                const char *name = sip_method_name((enum sip_method)i);
                if (strlen(name) == n && memcmp(element, name, n) == 0) {
                    msg->allow |= sip_bit((enum sip_method)i);
                }
            }
        }
    }
}

static enum refuse read_request_uri(struct sip_msg *msg, struct store *store)
{
    const char *text = msg->scan.request_uri;
    const char *colon = strchr(text, ':');
    if (colon == NULL || text[0] == '<' || sip_uri_read(&msg->uri, text, strlen(text), store) != 0) {
        return REFUSE_URI;
    }
    const char *scheme = msg->uri.scheme;
    if (strcmp(scheme, "sip") != 0 && strcmp(scheme, "sips") != 0 && strcmp(scheme, "tel") != 0) {
        return REFUSE_SCHEME;
    }
    return msg->uri.headers[0] == 0 ? REFUSE_NONE : REFUSE_URI; /* RFC 3261 19.1.1: no headers in a Request-URI */
}

static enum refuse read_all(struct sip_msg *msg, struct store *store)
{
    enum refuse refuse = read_via(msg, store);
    if (refuse == REFUSE_NONE && sip_addr_read(&msg->from, scan_value(&msg->scan, SCAN_FROM, 0),
                                               strlen(scan_value(&msg->scan, SCAN_FROM, 0)), store) != 0) {
        refuse = REFUSE_FROM;
    }
    if (refuse == REFUSE_NONE && sip_addr_read(&msg->to, scan_value(&msg->scan, SCAN_TO, 0),
                                               strlen(scan_value(&msg->scan, SCAN_TO, 0)), store) != 0) {
        refuse = REFUSE_TO;
    }
    if (refuse == REFUSE_NONE) {
        refuse = read_call_id(msg);
    }
    if (refuse == REFUSE_NONE) {
        refuse = read_cseq(msg);
    }
    if (refuse == REFUSE_NONE) {
        refuse = read_numbers(msg);
    }
    if (refuse == REFUSE_NONE) {
        refuse = read_contacts(msg, store);
    }
    if (refuse == REFUSE_NONE) {
        refuse = read_routes(msg, SCAN_ROUTE, msg->routes, &msg->n_routes, store);
    }
    if (refuse == REFUSE_NONE) {
        refuse = read_routes(msg, SCAN_RECORD_ROUTE, msg->record_routes, &msg->n_record_routes, store);
    }
    if (refuse == REFUSE_NONE) {
        read_content(msg, store);
    }
    return refuse == REFUSE_NONE && msg->is_request ? read_request_uri(msg, store) : refuse;
}

/* All of one message; one piece of the heap. */
struct block {
    struct sip_msg msg;
    struct sip_contact contacts[SIP_CONTACTS_MAX];
    const char *routes[SIP_ROUTES_MAX], *record_routes[SIP_ROUTES_MAX];
    char memory[];
};

enum refuse sip_parse(const char *bytes, size_t n_bytes, const struct flow *flow, struct sip_msg **msg)
{
    /* Text of the scan, body, and strings of the view: each header is stored at most three times (whole, as URI, in
     * parts). What does not fit is refused, not cut. */
    size_t n_text = n_bytes + SCAN_TEXT_EXTRA, n_strings = 3 * MIN(n_bytes, SCAN_STREAM_BYTES_MAX) + 256;
    struct block *block = malloc(sizeof *block + n_text + n_bytes + 1 + n_strings);
    *msg = NULL;
    if (block == NULL) {
        return REFUSE_MEMORY;
    }
    struct sip_msg *m = &block->msg;
    memset(m, 0, offsetof(struct sip_msg, scan));
    m->flow = *flow;
    m->n_bytes = n_bytes;
    m->contacts = block->contacts;
    m->routes = block->routes;
    m->record_routes = block->record_routes;
    *msg = m;
    enum refuse refuse = scan_message(&m->scan, bytes, n_bytes, flow_is_reliable(flow), block->memory, n_text);
    if (refuse != REFUSE_NONE) {
        return refuse;
    }
    m->is_request = m->scan.kind == SCAN_REQUEST;
    m->status = m->scan.status;
    m->reason = m->scan.reason;
    if (m->is_request) {
        m->method_text = m->scan.method;
        m->method = sip_method_named(m->method_text);
    }
    char *body = block->memory + n_text;
    if (m->scan.body_bytes > 0) {
        memcpy(body, m->scan.body, m->scan.body_bytes);
    }
    body[m->scan.body_bytes] = 0;
    m->body = body;
    m->body_bytes = m->scan.body_bytes;
    struct store store = {body + m->body_bytes + 1, n_strings};
    refuse = read_all(m, &store);
    return refuse == REFUSE_NONE ? sip_osip_check(m) : refuse;
}

void sip_free(struct sip_msg *msg)
{
    free(msg); /* the view stands first in its block */
}
