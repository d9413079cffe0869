#include "sig/sip/scan.h"

#include <string.h>
#include <strings.h>

/* Over all lines together: libosip2 appends to its lists in O(n), whatever line an element stands in. */
#define COMMAS_TOTAL_MAX 256
#define METHOD_BYTES_MAX 64
#define HEADER_NAME_MAX 1024 /* RFC 4475 3.1.1.7 has one of 400 */

static const struct {
    const char *name;
    char compact;
    bool once;
} headers[SCAN_HEADERS] = {{"", 0, false},
#define X(id, name, compact, once) {name, compact, once},
                           SCAN_HEADER_LIST(X)
#undef X
};

/* ---- small readers ---- */

bool scan_same_n(const char *a, size_t n, const char *b)
{
    return strlen(b) == n && strncasecmp(a, b, n) == 0;
}

bool scan_same(const char *a, const char *b)
{
    return strcasecmp(a, b) == 0;
}

bool scan_number(const char *text, size_t n, uint64_t max, uint64_t *number)
{
    if (n == 0) {
        return false;
    }
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        unsigned digit = (unsigned)(text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    *number = value;
    return value <= max;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* token of RFC 3261 25.1 */
static bool is_token(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("-.!%*_+`'~", c) != NULL);
}

const char *scan_element(const char **cursor, size_t *n)
{
    const char *p = *cursor;
    for (;;) {
        while (is_blank(*p) || *p == ',') {
            p++;
        }
        if (*p == 0) {
            *cursor = p;
            return NULL;
        }
        const char *start = p;
        bool quoted = false, angled = false;
        for (; *p != 0 && (*p != ',' || quoted || angled); p++) {
            if (quoted && *p == '\\' && p[1] != 0) {
                p++;
            } else if (*p == '"' && !angled) {
                quoted = !quoted;
            } else if (!quoted) {
                angled = *p == '<' || (angled && *p != '>');
            }
        }
        const char *end = p;
        while (end > start && is_blank(end[-1])) {
            end--;
        }
        *cursor = p;
        *n = (size_t)(end - start);
        return start;
    }
}

enum scan_header scan_header_named(const char *name, size_t n)
{
    for (unsigned i = 1; i < SCAN_HEADERS && n > 0; i++) {
        if (n > 1 && ((headers[i].name[0] ^ name[0]) & ~0x20) != 0) {
            continue;
        }
        if (n == 1 ? headers[i].compact != 0 && (name[0] | 0x20) == headers[i].compact
                   : scan_same_n(name, n, headers[i].name)) {
            return (enum scan_header)i;
        }
    }
    return SCAN_OTHER;
}

const char *scan_header_name(enum scan_header header)
{
    return header < SCAN_HEADERS ? headers[header].name : "";
}

const char *scan_value(const struct scan *scan, enum scan_header header, unsigned i)
{
    unsigned at = scan->first[header];
    if (at == 0) {
        return NULL;
    }
    for (at--; at < scan->n_lines; at++) {
        if (scan->lines[at].header == header && i-- == 0) {
            return scan->text + scan->lines[at].value_at;
        }
    }
    return NULL;
}

/* ---- one message ---- */

static void scan_refuse(struct scan *scan, enum refuse refuse)
{
    if (scan->refuse == REFUSE_NONE) {
        scan->refuse = refuse; /* the first reason is the one that counts */
    }
}

/* Appends one line to text without its line end, what must not be there replaced by '?', so that salvaged values are
 * safe to send. Leaves room for the NUL. */
static void text_append(struct scan *scan, const char *line, size_t n)
{
    char *to = scan->text + scan->text_bytes;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)line[i];
        if (c >= 0x20 || c == '\t') {
            to[i] = line[i];
            continue;
        }
        scan_refuse(scan, c == 0 ? REFUSE_NUL : c == '\r' ? REFUSE_LINE_END : REFUSE_CONTROL);
        to[i] = '?';
    }
    scan->text_bytes += n;
}

/* Finds the end of a line. @return start of the next one, NULL: the line does not end; *n without CR LF */
static const char *line_next(struct scan *scan, const char *line, const char *end, size_t *n)
{
    const char *lf = memchr(line, '\n', (size_t)(end - line));
    if (lf == NULL) {
        scan_refuse(scan, REFUSE_LINE_END);
        return NULL;
    }
    *n = (size_t)(lf - line);
    if (*n > 0 && lf[-1] == '\r') {
        --*n;
    } else {
        scan_refuse(scan, REFUSE_LINE_END);
    }
    return lf + 1;
}

/* "SIP/2.0"; RFC 3261 7.1 demands that readers take it in any case. */
static bool version_read(const char *text, size_t n, bool *is_2_0)
{
    if (n < 7 || strncasecmp(text, "SIP/", 4) != 0) {
        return false;
    }
    const char *dot = memchr(text, '.', n);
    uint64_t major, minor;
    if (dot == NULL || !scan_number(text + 4, (size_t)(dot - text) - 4, UINT64_MAX, &major) ||
        !scan_number(dot + 1, n - (size_t)(dot + 1 - text), UINT64_MAX, &minor)) {
        return false;
    }
    *is_2_0 = n == 7 && major == 2 && minor == 0;
    return true;
}

static void status_line(struct scan *scan, char *line, size_t n)
{
    scan->kind = SCAN_RESPONSE;
    scan->reason = "";
    bool is_2_0 = false;
    uint64_t status = 0;
    if (n < 12 || line[7] != ' ' || line[11] != ' ' || !version_read(line, 7, &is_2_0) || !is_2_0 ||
        !scan_number(line + 8, 3, 699, &status) || status < 100) {
        scan_refuse(scan, REFUSE_STATUS);
        return;
    }
    scan->status = (int)status;
    scan->reason = line + 12;
}

static void request_line(struct scan *scan, char *line, size_t n)
{
    size_t n_method = 0;
    while (n_method < n && is_token(line[n_method])) {
        n_method++;
    }
    if (n_method == 0 || n_method > METHOD_BYTES_MAX || n_method == n || line[n_method] != ' ') {
        scan_refuse(scan, REFUSE_FIRST_LINE);
        return;
    }
    line[n_method] = 0;
    scan->method = line;
    scan->request_uri = "";
    char *uri = line + n_method + 1;
    char *version = memrchr(uri, ' ', (size_t)(line + n - uri));
    bool is_2_0 = false;
    if (version == NULL || version == uri || memchr(uri, ' ', (size_t)(version - uri)) != NULL ||
        memchr(uri, '\t', (size_t)(line + n - uri)) != NULL ||
        !version_read(version + 1, (size_t)(line + n - version - 1), &is_2_0)) {
        scan_refuse(scan, REFUSE_REQUEST_LINE);
        return;
    }
    *version = 0;
    scan->request_uri = uri;
    if (!is_2_0) {
        scan_refuse(scan, REFUSE_VERSION);
    }
}

static void first_line(struct scan *scan, const char *bytes, size_t n)
{
    scan->method = NULL;
    if (n > SCAN_FIRST_LINE_MAX) {
        scan_refuse(scan, REFUSE_FIRST_LINE);
        n = SCAN_FIRST_LINE_MAX;
    }
    char *line = scan->text;
    text_append(scan, bytes, n);
    scan->text[scan->text_bytes++] = 0;
    unsigned n_parameters = 0;
    for (size_t i = 0; i < n; i++) {
        n_parameters += line[i] == ';' || line[i] == '&';
    }
    if (n_parameters > SCAN_PARAMETERS_MAX) {
        scan_refuse(scan, REFUSE_PARAMETERS);
    }
    if (n >= 4 && strncasecmp(line, "SIP/", 4) == 0) {
        status_line(scan, line, n);
    } else {
        request_line(scan, line, n);
    }
}

/* Counts what makes lists and parameters in a value; quotes too, since they make libosip2 look ahead. */
static void value_limits(struct scan *scan, const char *value, unsigned *n_commas_total)
{
    unsigned n_commas = 0, n_parameters = 0, n_quotes = 0;
    for (const char *p = value; *p != 0; p++) {
        n_commas += *p == ',';
        n_parameters += *p == ';' || *p == '&';
        n_quotes += *p == '"' || *p == '<';
    }
    *n_commas_total += n_commas;
    if (n_commas > SCAN_COMMAS_MAX || *n_commas_total > COMMAS_TOTAL_MAX || n_quotes > 4 * SCAN_COMMAS_MAX) {
        scan_refuse(scan, REFUSE_COMMAS);
    }
    if (n_parameters > SCAN_PARAMETERS_MAX) {
        scan_refuse(scan, REFUSE_PARAMETERS);
    }
}

/* Takes the header that begins at line (joined with its folds) into text. @return the line behind it, NULL: no end */
static const char *header_line(struct scan *scan, const char *line, const char *end, unsigned *n_commas_total)
{
    size_t n;
    uint32_t name_at = (uint32_t)scan->text_bytes;
    const char *next = line_next(scan, line, end, &n);
    if (next == NULL) {
        return NULL;
    }
    size_t n_name = 0;
    while (n_name < n && is_token(line[n_name])) {
        n_name++;
    }
    size_t colon = n_name;
    while (colon < n && is_blank(line[colon])) {
        colon++;
    }
    bool is_named = n_name > 0 && n_name <= HEADER_NAME_MAX && colon < n && line[colon] == ':';
    if (is_named) {
        text_append(scan, line, n_name);
        line += colon + 1;
        n -= colon + 1;
    } else {
        scan_refuse(scan, memchr(line, 0, n) != NULL ? REFUSE_NUL : REFUSE_HEADER_NAME);
    }
    scan->text[scan->text_bytes++] = 0;
    uint32_t value_at = (uint32_t)scan->text_bytes;
    for (;;) {
        while (n > 0 && is_blank(line[0])) {
            line++;
            n--;
        }
        while (n > 0 && is_blank(line[n - 1])) {
            n--;
        }
        if (n > 0 && scan->text_bytes > value_at) {
            scan->text[scan->text_bytes++] = ' '; /* in the place of CR LF and the blank of the fold */
        }
        text_append(scan, line, n);
        if (next == end || !is_blank(*next)) {
            break;
        }
        line = next;
        next = line_next(scan, line, end, &n);
        if (next == NULL) {
            break;
        }
    }
    scan->text[scan->text_bytes++] = 0;
    if (!is_named) {
        scan->text_bytes = name_at; /* nobody can ask for it, and it may be longer than what came */
        return next;
    }
    enum scan_header header = scan_header_named(scan->text + name_at, n_name);
    value_limits(scan, scan->text + value_at, n_commas_total);
    if (scan->n_lines == SCAN_LINES_MAX) {
        scan_refuse(scan, REFUSE_HEADERS);
        return NULL;
    }
    scan->lines[scan->n_lines++] = (struct scan_line){name_at, value_at, header};
    if (scan->first[header] == 0) {
        scan->first[header] = scan->n_lines;
    } else if (headers[header].once) {
        scan_refuse(scan, REFUSE_TWICE);
    }
    return next;
}

/* Decides what is body (RFC 3261 18.3): all that Content-Length says is there, or on UDP the rest. */
static void body_find(struct scan *scan, const char *body, size_t n_rest, bool stream, size_t n_header, size_t n_max)
{
    const char *value = scan_value(scan, SCAN_CONTENT_LENGTH, 0);
    uint64_t length = n_rest;
    if (value == NULL && stream) {
        scan_refuse(scan, REFUSE_NO_CONTENT_LENGTH);
    }
    if (value != NULL) {
        if (!scan_number(value, strlen(value), UINT32_MAX, &length)) {
            scan_refuse(scan, REFUSE_CONTENT_LENGTH);
            return;
        }
        if (length > n_max || n_header + length > n_max) {
            scan_refuse(scan, REFUSE_TOO_LARGE);
            return;
        }
        if (length > n_rest || (stream && length != n_rest)) {
            scan_refuse(scan, REFUSE_CONTENT_LENGTH);
            return;
        }
    }
    if (length > 0) {
        scan->body = body;
        scan->body_bytes = length;
    }
}

enum refuse scan_message(struct scan *scan, const char *bytes, size_t n_bytes, bool stream, char *text,
                         size_t text_size)
{
    memset(scan, 0, offsetof(struct scan, lines));
    memset(scan->first, 0, sizeof scan->first);
    scan->body = NULL;
    scan->body_bytes = 0;
    scan->text = text;
    scan->text_bytes = 0;
    must(text_size >= n_bytes + SCAN_TEXT_EXTRA);

    size_t n_max = stream ? SCAN_STREAM_BYTES_MAX : SCAN_UDP_BYTES_MAX;
    const char *end = bytes + MIN(n_bytes, n_max);
    if (n_bytes > n_max) {
        scan_refuse(scan, REFUSE_TOO_LARGE);
    }
    const char *line = bytes;
    while (line < end && (*line == '\r' || *line == '\n')) {
        line++; /* RFC 3261 7.5 */
    }
    if (end - line < 12) {
        scan_refuse(scan, REFUSE_EMPTY);
        return scan->refuse;
    }
    size_t n;
    const char *next = line_next(scan, line, end, &n);
    if (next == NULL) {
        scan->refuse = REFUSE_FIRST_LINE; /* no line at all: nothing to answer */
        return scan->refuse;
    }
    first_line(scan, line, n);
    if (scan->refuse == REFUSE_FIRST_LINE) {
        return scan->refuse;
    }
    unsigned n_commas_total = 0;
    bool ended = false;
    while (!ended && next != NULL) {
        line = next;
        if (end - line >= 2 && line[0] == '\r' && line[1] == '\n') {
            ended = true;
            next = line + 2;
        } else if (line < end && line[0] == '\n') {
            scan_refuse(scan, REFUSE_LINE_END);
            break;
        } else if (line < end && is_blank(line[0])) {
            scan_refuse(scan, REFUSE_HEADER_NAME); /* a fold of the first line */
            next = line_next(scan, line, end, &n);
        } else {
            next = header_line(scan, line, end, &n_commas_total);
        }
    }
    if (ended) {
        body_find(scan, next, (size_t)(bytes + n_bytes - next), stream, (size_t)(next - bytes), n_max);
    } else {
        scan_refuse(scan, REFUSE_LINE_END);
    }
    for (enum scan_header must_have = SCAN_VIA; must_have <= SCAN_CSEQ; must_have++) {
        if (scan->first[must_have] == 0) {
            scan_refuse(scan, REFUSE_MISSING);
        }
    }
    return scan->refuse;
}

/* ---- framing ---- */

/* Value of the header line at *line when it is Content-Length; folded values are joined. Moves *line to the next. */
static bool frame_line(const char **line, const char *end, const char **value, size_t *n_value)
{
    const char *p = *line;
    size_t n_name = 0;
    while (p + n_name < end && is_token(p[n_name])) {
        n_name++;
    }
    const char *colon = p + n_name;
    while (colon < end && is_blank(*colon)) {
        colon++;
    }
    const char *stop = p;
    do {
        stop = memmem(stop, (size_t)(end - stop), "\r\n", 2);
        stop = stop == NULL ? end : stop + 2;
    } while (stop < end && is_blank(*stop));
    *line = stop;
    if (colon >= end || *colon != ':' || scan_header_named(p, n_name) != SCAN_CONTENT_LENGTH) {
        return false;
    }
    const char *from = colon + 1;
    while (from < stop && strchr(" \t\r\n", *from) != NULL && *from != 0) {
        from++;
    }
    while (stop > from && strchr(" \t\r\n", stop[-1]) != NULL && stop[-1] != 0) {
        stop--;
    }
    *value = from;
    *n_value = (size_t)(stop - from);
    return true;
}

enum scan_framing scan_frame(const char *bytes, size_t n_bytes, size_t *seen_bytes, size_t *frame_bytes)
{
    size_t from = *seen_bytes > 3 ? *seen_bytes - 3 : 0;
    const char *stop = memmem(bytes + from, n_bytes - from, "\r\n\r\n", 4);
    *seen_bytes = n_bytes;
    *frame_bytes = 0;
    if (stop == NULL) {
        *frame_bytes = n_bytes < SCAN_STREAM_BYTES_MAX ? 0 : SCAN_STREAM_BYTES_MAX;
        return n_bytes < SCAN_STREAM_BYTES_MAX ? SCAN_FRAME_MORE : SCAN_FRAME_BAD;
    }
    *seen_bytes = (size_t)(stop - bytes); /* to be found again when more of the body has come */
    size_t n_header = (size_t)(stop - bytes) + 4;
    const char *end = stop + 2; /* every line of the header section ends with CR LF */
    const char *line = memmem(bytes, (size_t)(end - bytes), "\r\n", 2);
    line = line == NULL ? end : line + 2;
    uint64_t length = 0;
    unsigned n_found = 0;
    bool bad = n_header > SCAN_STREAM_BYTES_MAX;
    while (line < end) {
        const char *value;
        size_t n_value;
        if (frame_line(&line, end, &value, &n_value)) {
            bad |= !scan_number(value, n_value, SCAN_STREAM_BYTES_MAX, &length);
            n_found++;
        }
    }
    if (bad || n_found != 1 || n_header + length > SCAN_STREAM_BYTES_MAX) {
        *frame_bytes = MIN(n_header, SCAN_STREAM_BYTES_MAX);
        return SCAN_FRAME_BAD;
    }
    *frame_bytes = n_header + length;
    return *frame_bytes <= n_bytes ? SCAN_FRAME_DONE : SCAN_FRAME_MORE;
}
