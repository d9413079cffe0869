/*
 * Readers of the parts of a message: URI, name-addr, Via, parameters. Linear, bounded, no heap: strings go to a store.
 * They keep what came and take apart only what is asked for.
 */
#include "sig/sip/sip_priv.h"

#include <ctype.h>
#include <errno.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_token_char(char c)
{
    return isalnum((unsigned char)c) || (c != 0 && strchr("-.!%*_+`'~", c) != NULL);
}

char *store_text(struct store *store, const char *text, size_t n)
{
    if (store->left <= n) {
        return NULL;
    }
    char *copy = store->at;
    memcpy(copy, text, n);
    copy[n] = 0;
    store->at += n + 1;
    store->left -= n + 1;
    return copy;
}

static char *store_lower(struct store *store, const char *text, size_t n)
{
    char *copy = store_text(store, text, n);
    for (char *p = copy; p != NULL && *p != 0; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    return copy;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *sip_unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != 0; from++) {
        int high = from[0] == '%' ? hex_value(from[1]) : -1;
        int low = high >= 0 ? hex_value(from[2]) : -1;
        if (low >= 0 && (high != 0 || low != 0)) {
            *to++ = (char)(high << 4 | low);
            from += 2;
        } else {
            *to++ = *from;
        }
    }
    *to = 0;
    return text;
}

/* ---- parameters ---- */

static const char *skip_blanks(const char *p)
{
    while (is_blank(*p)) {
        p++;
    }
    return p;
}

/* One ";name[=value]" at p. @return what is behind it, NULL: not one, or a quoted value that does not end, which would
 * swallow whatever we write behind it */
static const char *param_next(const char *p, const char **name, size_t *n_name, const char **value, size_t *n_value)
{
    p = skip_blanks(p);
    if (*p != ';') {
        return NULL;
    }
    p = skip_blanks(p + 1);
    *name = p;
    while (*p != 0 && *p != ';' && *p != '=' && !is_blank(*p)) {
        p++;
    }
    *n_name = (size_t)(p - *name);
    *value = p;
    *n_value = 0;
    p = skip_blanks(p);
    if (*p != '=') {
        return p;
    }
    p = skip_blanks(p + 1);
    *value = p;
    if (*p == '"') {
        for (p++; *p != 0 && *p != '"'; p++) {
            p += *p == '\\' && p[1] != 0;
        }
        if (*p++ == 0) {
            return NULL;
        }
    } else {
        while (*p != 0 && *p != ';' && !is_blank(*p)) {
            p++;
        }
    }
    *n_value = (size_t)(p - *value);
    return skip_blanks(p);
}

/* ";a;b=c" and nothing else: an empty parameter, or junk between two, would go out again in what we write. */
static bool params_are_good(const char *params)
{
    const char *name, *value;
    size_t n_name = 1, n_value;
    while (params != NULL && *params != 0 && n_name > 0) {
        params = param_next(params, &name, &n_name, &value, &n_value);
    }
    return params != NULL && n_name > 0;
}

bool sip_param_find(const char *params, const char *name, const char **value, size_t *n_value)
{
    const char *found;
    size_t n_found;
    while (params != NULL && *params != 0) {
        params = param_next(params, &found, &n_found, value, n_value);
        if (params != NULL && scan_same_n(found, n_found, name)) {
            return true;
        }
    }
    return false;
}

/* Quotes and backslashes off. */
static size_t unquote(char *to, size_t size, const char *from, size_t n)
{
    size_t n_to = 0;
    bool quoted = n >= 2 && from[0] == '"' && from[n - 1] == '"';
    for (size_t i = quoted ? 1 : 0; i < n - (quoted ? 1 : 0) && n_to + 1 < size; i++) {
        if (quoted && from[i] == '\\' && i + 2 < n) {
            i++;
        }
        to[n_to++] = from[i];
    }
    if (size > 0) {
        to[n_to] = 0;
    }
    return n_to;
}

bool sip_param(const char *params, const char *name, char *value, size_t size)
{
    const char *found;
    size_t n_found;
    if (!sip_param_find(params, name, &found, &n_found)) {
        return false;
    }
    unquote(value, size, found, n_found);
    return true;
}

/* ---- URI ---- */

static bool port_read(const char *text, size_t n, uint16_t *port)
{
    uint64_t number;
    if (!scan_number(text, n, 65535, &number) || number == 0) {
        return false;
    }
    *port = (uint16_t)number;
    return true;
}

static bool host_is_good(const char *host, size_t n, bool is_ipv6)
{
    if (n == 0 || n > SIP_ID_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        bool good = is_ipv6 ? isxdigit((unsigned char)host[i]) || host[i] == ':' || host[i] == '.'
                            : isalnum((unsigned char)host[i]) || (host[i] != 0 && strchr("-._", host[i]) != NULL);
        if (!good) {
            return false;
        }
    }
    return true;
}

/* "host", "host:port", "[v6]:port" at text; blanks around the colon as Via allows. @return length used, 0: bad */
static size_t hostport_read(const char *text, size_t n, struct store *store, const char **host, uint16_t *port)
{
    size_t n_host = 0, at;
    bool is_ipv6 = n > 0 && text[0] == '[';
    if (is_ipv6) {
        const char *close = memchr(text, ']', n);
        if (close == NULL) {
            return 0;
        }
        text++;
        n_host = (size_t)(close - text);
        at = n_host + 2;
        text--;
    } else {
        while (n_host < n && strchr(":;?/ \t", text[n_host]) == NULL) {
            n_host++;
        }
        at = n_host;
    }
    if (!host_is_good(text + is_ipv6, n_host, is_ipv6)) {
        return 0;
    }
    *host = store_lower(store, text + is_ipv6, n_host);
    *port = 0;
    size_t colon = at;
    while (colon < n && is_blank(text[colon])) {
        colon++;
    }
    if (colon < n && text[colon] == ':') {
        size_t from = colon + 1;
        while (from < n && is_blank(text[from])) {
            from++;
        }
        at = from;
        while (at < n && isdigit((unsigned char)text[at])) {
            at++;
        }
        if (!port_read(text + from, at - from, port)) {
            return 0;
        }
    }
    return *host == NULL ? 0 : at;
}

static int sip_uri_body(struct sip_uri *uri, const char *text, size_t n, struct store *store)
{
    const char *at = memchr(text, '@', n);
    if (at != NULL) {
        size_t n_user = (size_t)(at - text);
        const char *password = memchr(text, ':', n_user);
        char *user = store_text(store, text, password == NULL ? n_user : (size_t)(password - text));
        if (user == NULL || *user == 0 || memchr(at + 1, '@', n - n_user - 1) != NULL) {
            return -EINVAL;
        }
        uri->user = sip_unescape(user);
        n -= n_user + 1;
        text = at + 1;
    }
    size_t n_host = hostport_read(text, n, store, &uri->host, &uri->port);
    if (n_host == 0 || (n_host < n && text[n_host] != ';' && text[n_host] != '?')) {
        return -EINVAL;
    }
    text += n_host;
    n -= n_host;
    const char *mark = memchr(text, '?', n);
    size_t n_params = mark == NULL ? n : (size_t)(mark - text);
    uri->params = store_text(store, text, n_params);
    uri->headers = mark == NULL ? "" : store_text(store, mark + 1, n - n_params - 1);
    return uri->params == NULL || uri->headers == NULL ? -ENOSPC : 0;
}

int sip_uri_read(struct sip_uri *uri, const char *text, size_t n, struct store *store)
{
    *uri = (struct sip_uri){.text = "", .scheme = "", .host = "", .params = "", .headers = ""};
    if (n == 0 || n > SIP_URI_BYTES_MAX || !isalpha((unsigned char)text[0])) {
        return -EINVAL;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c == '<' || c == '>' || c == '"' || c == 0x7f) {
            return -EINVAL;
        }
    }
    size_t n_scheme = 0;
    while (n_scheme < n && (isalnum((unsigned char)text[n_scheme]) || strchr("+-.", text[n_scheme]) != NULL)) {
        n_scheme++;
    }
    if (n_scheme == n || text[n_scheme] != ':') {
        return -EINVAL;
    }
    uri->text = store_text(store, text, n);
    uri->scheme = store_lower(store, text, n_scheme);
    if (uri->text == NULL || uri->scheme == NULL) {
        return -ENOSPC;
    }
    text += n_scheme + 1;
    n -= n_scheme + 1;
    if (strcmp(uri->scheme, "sip") == 0 || strcmp(uri->scheme, "sips") == 0) {
        return sip_uri_body(uri, text, n, store);
    }
    if (strcmp(uri->scheme, "tel") == 0) {
        const char *params = memchr(text, ';', n);
        size_t n_number = params == NULL ? n : (size_t)(params - text);
        uri->user = store_text(store, text, n_number);
        uri->params = params == NULL ? "" : store_text(store, params, n - n_number);
        return uri->user == NULL || uri->params == NULL ? -ENOSPC : n_number == 0 ? -EINVAL : 0;
    }
    return 0;
}

int sip_uri_parse(struct sip_uri *uri, const char *text, size_t n, char *memory, size_t size)
{
    struct store store = {memory, size};
    return sip_uri_read(uri, text, n, &store);
}

/* ---- name-addr ---- */

/* Parameters from text to its end, stored. They begin with ';' or there are none. */
static const char *params_read(const char *text, size_t n, struct store *store)
{
    while (n > 0 && is_blank(*text)) {
        text++;
        n--;
    }
    while (n > 0 && is_blank(text[n - 1])) {
        n--;
    }
    if (n == 0) {
        return "";
    }
    return *text == ';' ? store_text(store, text, n) : NULL;
}

/* Length of the display name before '<', with its quotes; the text begins with it. */
static bool display_read(struct sip_addr *addr, const char *text, size_t n, size_t *n_used, struct store *store)
{
    size_t i = 0;
    if (n > 0 && text[0] == '"') {
        for (i = 1; i < n && text[i] != '"'; i++) {
            i += text[i] == '\\' && i + 1 < n;
        }
        if (i >= n) {
            return false;
        }
        i++;
        char *display = store_text(store, text, i);
        if (display == NULL) {
            return false;
        }
        unquote(display, i + 1, text, i);
        addr->display = display;
    } else {
        while (i < n && text[i] != '<' && text[i] != '>' && text[i] != '"') {
            i++; /* commas, brackets and bare UTF-8 are against the grammar, and common: they decide nothing */
        }
        size_t n_name = i;
        while (n_name > 0 && is_blank(text[n_name - 1])) {
            n_name--;
        }
        addr->display = store_text(store, text, n_name);
    }
    while (i < n && is_blank(text[i])) {
        i++;
    }
    *n_used = i;
    return addr->display != NULL && i < n && text[i] == '<';
}

int sip_addr_read(struct sip_addr *addr, const char *text, size_t n, struct store *store)
{
    *addr = (struct sip_addr){.display = "", .params = ""};
    while (n > 0 && is_blank(*text)) {
        text++;
        n--;
    }
    const char *angle = memchr(text, '<', n), *semicolon = memchr(text, ';', n);
    const char *uri, *rest;
    size_t n_uri;
    if (n > 0 && (text[0] == '"' || (angle != NULL && (semicolon == NULL || angle < semicolon)))) {
        size_t n_display;
        if (!display_read(addr, text, n, &n_display, store)) {
            return -EINVAL;
        }
        uri = text + n_display + 1;
        rest = memchr(uri, '>', n - n_display - 1);
        if (rest == NULL) {
            return -EINVAL;
        }
        n_uri = (size_t)(rest - uri);
        rest++;
    } else {
        uri = text;
        n_uri = semicolon == NULL ? n : (size_t)(semicolon - text);
        rest = uri + n_uri;
        while (n_uri > 0 && is_blank(uri[n_uri - 1])) {
            n_uri--;
        }
        if (memchr(uri, '?', n_uri) != NULL || memchr(uri, ',', n_uri) != NULL) {
            return -EINVAL; /* RFC 3261 20.10: these need the angle brackets */
        }
    }
    int err = sip_uri_read(&addr->uri, uri, n_uri, store);
    if (err != 0) {
        return err;
    }
    addr->params = params_read(rest, n - (size_t)(rest - text), store);
    if (addr->params == NULL || !params_are_good(addr->params)) {
        return -EINVAL;
    }
    const char *tag;
    size_t n_tag;
    if (sip_param_find(addr->params, "tag", &tag, &n_tag)) {
        for (size_t i = 0; i < n_tag; i++) {
            if (!is_token_char(tag[i])) {
                return -EINVAL;
            }
        }
        addr->tag = n_tag == 0 || n_tag > SIP_ID_BYTES_MAX ? NULL : store_text(store, tag, n_tag);
        return addr->tag == NULL ? -EINVAL : 0;
    }
    return 0;
}

int sip_addr_parse(struct sip_addr *addr, const char *text, size_t n, char *memory, size_t size)
{
    struct store store = {memory, size};
    return sip_addr_read(addr, text, n, &store);
}

/* ---- Via ---- */

/* A token of Via's protocol part with the blanks and the slash behind it. */
static const char *via_token(const char *p, size_t *n, char stop)
{
    const char *token = p;
    while (is_token_char(*p)) {
        p++;
    }
    *n = (size_t)(p - token);
    if (stop == 0) {
        return *n > 0 && is_blank(*p) ? skip_blanks(p) : NULL;
    }
    p = skip_blanks(p);
    return *n > 0 && *p == stop ? skip_blanks(p + 1) : NULL;
}

enum refuse sip_via_parse(struct sip_via *via, const char *text, size_t n, struct store *store)
{
    *via = (struct sip_via){.branch = "", .host = ""};
    const char *copy = store_text(store, text, n), *next;
    size_t n_token;
    via->text = copy;
    if (copy == NULL) {
        return REFUSE_LONG_VALUE;
    }
    next = via_token(copy, &n_token, '/');
    if (next == NULL || !scan_same_n(copy, n_token, "SIP")) {
        return REFUSE_VIA;
    }
    copy = next;
    next = via_token(copy, &n_token, '/');
    if (next == NULL || !scan_same_n(copy, n_token, "2.0")) {
        return REFUSE_VIA;
    }
    copy = next;
    next = via_token(copy, &n_token, 0);
    if (next == NULL) {
        return REFUSE_VIA;
    }
    via->transport = 0;
    while (via->transport < FLOW_TRANSPORTS && !scan_same_n(copy, n_token, flow_transport_name(via->transport))) {
        via->transport++;
    }
    copy = next;
    size_t n_host = hostport_read(copy, strlen(copy), store, &via->host, &via->port);
    copy = n_host == 0 ? copy : skip_blanks(copy + n_host);
    if (n_host == 0 || !params_are_good(copy)) {
        return REFUSE_VIA;
    }
    const char *value;
    if (sip_param_find(copy, "branch", &value, &n_token)) {
        if (n_token > SIP_ID_BYTES_MAX) {
            return REFUSE_LONG_VALUE;
        }
        via->branch = store_text(store, value, n_token);
    }
    via->has_rport = sip_param_find(copy, "rport", &value, &n_token);
    return via->branch == NULL ? REFUSE_LONG_VALUE : REFUSE_NONE;
}

void sip_via_true(struct put *put, const char *value, const struct flow *flow)
{
    const char *cursor = value;
    size_t n_top;
    const char *top = scan_element(&cursor, &n_top);
    if (top == NULL) {
        put->full = true;
        return;
    }
    const char *p = memchr(top, ';', n_top), *end = top + n_top;
    put_n(put, top, p == NULL ? n_top : (size_t)(p - top));
    bool asked = false;
    while (p != NULL && p < end) {
        const char *name, *param;
        size_t n_name, n_param;
        const char *next = param_next(p, &name, &n_name, &param, &n_param);
        if (next == NULL) {
            break; /* what cannot be read is not repeated */
        }
        if (scan_same_n(name, n_name, "rport")) {
            asked = true;
        } else if (!scan_same_n(name, n_name, "received")) {
            const char *stop = n_param > 0 ? param + n_param : name + n_name;
            put_n(put, ";", 1);
            put_n(put, name, (size_t)(MIN(stop, end) - name));
        }
        p = next;
    }
    char host[ADDR_TEXT_MAX], port[16];
    put_text(put, ";received=");
    put_text(put, addr_host_text(&flow->remote, host));
    if (asked) {
        unsigned number = addr_port(&flow->remote), i = sizeof port;
        port[--i] = 0;
        do {
            port[--i] = (char)('0' + number % 10);
            number /= 10;
        } while (number > 0);
        put_text(put, ";rport=");
        put_text(put, port + i);
    }
    put_text(put, cursor); /* Vias further down in the same line, with their comma */
}
