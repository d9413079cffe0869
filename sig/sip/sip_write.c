/*
 * Messages written as text from the text of others: the answer to what no parser takes, the ACK and the CANCEL that
 * must repeat an INVITE octet for octet. No heap, no library.
 */
#include "sig/sip/sip_priv.h"

#include <stdio.h>

size_t sip_stateless(const struct scan *scan, const struct flow *flow, int status, const char *reason,
                     const char *to_tag, const char *extra, char *text, size_t size)
{
    struct put put = {.text = text, .size = size};
    char line[64];
    const char *value;
    if (scan->kind != SCAN_REQUEST || scan_value(scan, SCAN_VIA, 0) == NULL) {
        return 0;
    }
    snprintf(line, sizeof line, "SIP/2.0 %03d ", status);
    put_text(&put, line);
    put_text(&put, reason);
    put_text(&put, "\r\n");
    for (unsigned i = 0; (value = scan_value(scan, SCAN_VIA, i)) != NULL; i++) {
        put_text(&put, "Via: ");
        if (i == 0) {
            sip_via_true(&put, value, flow);
        } else {
            put_text(&put, value);
        }
        put_text(&put, "\r\n");
    }
    for (enum scan_header header = SCAN_FROM; header <= SCAN_CSEQ; header++) {
        value = scan_value(scan, header, 0);
        if (value == NULL) {
            continue;
        }
        put_text(&put, scan_header_name(header));
        put_text(&put, ": ");
        put_text(&put, value);
        const char *tag;
        size_t n_tag;
        const char *angle = strrchr(value, '>');
        const char *params = strchr(angle == NULL ? value : angle, ';');
        if (header == SCAN_TO && status != 100 && !sip_param_find(params, "tag", &tag, &n_tag)) {
            put_text(&put, ";tag=");
            put_text(&put, to_tag);
        }
        put_text(&put, "\r\n");
    }
    put_text(&put, extra);
    put_text(&put, "Content-Length: 0\r\n\r\n");
    return put.full ? 0 : put.n;
}

/* Our own text: one header a line, long names, no folds, as sip_text writes it. */
static bool line_is(const char *line, const char *name, size_t *n_name)
{
    *n_name = strlen(name);
    return strncasecmp(line, name, *n_name) == 0 && line[*n_name] == ':';
}

size_t sip_follow(const char *invite, size_t n_invite, enum sip_method method, const char *to, char *text, size_t size)
{
    struct put put = {.text = text, .size = size};
    const char *end = memmem(invite, n_invite, "\r\n\r\n", 4);
    const char *uri = memchr(invite, ' ', n_invite);
    if (end == NULL || uri == NULL || uri > end) {
        return 0;
    }
    bool had_via = false;
    put_text(&put, sip_method_name(method));
    for (const char *line = uri; line < end;) {
        const char *stop = memmem(line, (size_t)(end + 2 - line), "\r\n", 2) + 2;
        size_t n_name;
        if (line == uri || line_is(line, "Route", &n_name) || line_is(line, "From", &n_name) ||
            line_is(line, "Call-ID", &n_name) || line_is(line, "Max-Forwards", &n_name) ||
            (line_is(line, "To", &n_name) && to == NULL) || (line_is(line, "Via", &n_name) && !had_via)) {
            put_n(&put, line, (size_t)(stop - line));
            had_via |= line_is(line, "Via", &n_name);
        } else if (line_is(line, "To", &n_name)) {
            put_line(&put, "To", to);
        } else if (line_is(line, "CSeq", &n_name)) {
            size_t n_number = strcspn(line + n_name + 2, " \r");
            put_n(&put, line, n_name + 2 + n_number);
            put_text(&put, " ");
            put_text(&put, sip_method_name(method));
            put_text(&put, "\r\n");
        }
        line = stop;
    }
    put_text(&put, "Content-Length: 0\r\n\r\n");
    return put.full ? 0 : put.n;
}
