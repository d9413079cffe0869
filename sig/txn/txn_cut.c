/*
 * How long an answer by UDP may be. A source may be forged: then the answer goes to a host that has asked for nothing,
 * and the attacker has found an amplifier. So an answer before authentication is at most so many per cent as long as
 * the request: first headers are left out that the answer can do without, then what is left is written as short as SIP
 * has it (RFC 3261 7.3.3). What it means stays. What is too long even then has a Contact or a challenge besides what it
 * repeats of the request, a few hundred octets that only a request without a body and without most headers misses. A
 * redirect is sent all the same: it is the whole service, and its ACK shows that the address is real. So is any answer
 * to an address that has answered before. A challenge, and the 2xx that begins a subscription, go to another address
 * once in TXN_LONGER_MS, and are a 400 in between. None of them is repeated unasked.
 *
 * A 2xx to INVITE and in a dialog is not cut: it answers a right, or begins a call (RFC 3261 13.3.1.4).
 */
#include "sig/sip/sip_priv.h"
#include "sig/txn/txn_priv.h"

bool txn_cut_applies(const struct txns *txns, const struct sip_msg *msg, int status)
{
    bool begins_sub = (msg->method == SIP_SUBSCRIBE || msg->method == SIP_REFER) && msg->to.tag == NULL;
    bool is_for_all = status >= 300 || (status >= 200 && (msg->method == SIP_OPTIONS || begins_sub));
    return txns->cfg.answer_percent != 0 && msg->flow.transport == FLOW_UDP && is_for_all &&
           !(txns->world.is_trusted != NULL && txns->world.is_trusted(txns->world.ctx, &msg->flow.remote));
}

/* Takes out the last header line of that name, but the first n_kept stay. @return false: there is none */
static bool line_drop(char *text, size_t *n, const char *name, unsigned n_kept)
{
    char *found = NULL, *found_end = NULL;
    size_t n_name = strlen(name);
    unsigned n_found = 0;
    for (char *line = text, *end; (end = memmem(line, *n - (size_t)(line - text), "\r\n", 2)) != line; line = end + 2) {
        if (end == NULL) {
            return false;
        }
        if (strncmp(line, name, n_name) == 0 && line[n_name] == ':' && ++n_found > n_kept) {
            found = line;
            found_end = end + 2;
        }
    }
    if (found == NULL) {
        return false;
    }
    memmove(found, found_end, (size_t)(text + *n - found_end));
    *n -= (size_t)(found_end - found);
    text[*n] = 0;
    return true;
}

/* What may stand for a line's beginning: shorter, and the same. */
static const struct {
    const char *is, *may_be;
} short_forms[] = {{"Via: ", "v:"},     {"From: ", "f:"},           {"To: ", "t:"},     {"Call-ID: ", "i:"},
                   {"Contact: ", "m:"}, {"Content-Length: ", "l:"}, {"CSeq: ", "CSeq:"}};

static size_t line_shorten(char *line, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(short_forms); i++) {
        size_t n_is = strlen(short_forms[i].is), n_may = strlen(short_forms[i].may_be);
        if (n >= n_is && memcmp(line, short_forms[i].is, n_is) == 0) {
            memmove(line + n_may, line + n_is, n - n_is);
            memcpy(line, short_forms[i].may_be, n_may);
            return n - n_is + n_may;
        }
    }
    return n;
}

/* Header names in their short forms, and no reason phrase. @return the length now */
static size_t shorten(char *text, size_t n)
{
    static const size_t n_status = sizeof "SIP/2.0 302 " - 1;
    size_t to = n_status;
    char *line = memmem(text, n, "\r\n", 2);
    for (char *end; line != NULL && (end = memmem(line + 2, n - (size_t)(line + 2 - text), "\r\n", 2)) != NULL;
         line = end) {
        size_t n_line = (size_t)(end - line - 2);
        memmove(text + to, "\r\n", 2);
        memmove(text + to + 2, line + 2, n_line);
        to += 2 + line_shorten(text + to + 2, n_line);
        if (n_line == 0) { /* answers that are cut have no body */
            break;
        }
    }
    memcpy(text + to, "\r\n", 2);
    text[to + 2] = 0;
    return to + 2;
}

size_t txn_cut(struct txns *txns, const struct sip_msg *msg, const char *tag, int *status, char *text, size_t n)
{
    /* What goes first is missed least. A datagram tells its length by itself (RFC 3261 18.3); of several challenges the
     * strongest stands first. */
    static const struct {
        const char *name;
        unsigned n_kept;
    } spare[] = {{"Server", 0},       {"Warning", 0},     {"Accept-Encoding", 0}, {"Content-Length", 0},
                 {"Allow-Events", 0}, {"Supported", 0},   {"Accept", 0},          {"Contact", 0},
                 {"Allow", 0},        {"Retry-After", 0}, {"WWW-Authenticate", 1}};
    size_t n_max = msg->n_bytes * txns->cfg.answer_percent / 100, n_was = n;
    bool is_redirect = *status >= 300 && *status < 400;
    bool needs_contact = is_redirect || (*status < 300 && msg->method != SIP_OPTIONS);
    for (size_t i = 0; i < ARRAY_LEN(spare) && n > n_max; i++) {
        while (n > n_max && !(needs_contact && strcmp(spare[i].name, "Contact") == 0) &&
               line_drop(text, &n, spare[i].name, spare[i].n_kept)) {
        }
    }
    if (n > n_max) {
        n = shorten(text, n);
    }
    if (n > n_max && !is_redirect && !txn_source_exceeds(txns, &msg->flow.remote)) {
        n = sip_stateless(&msg->scan, &msg->flow, 400, "Request Too Short", tag, "", text, n_was);
        line_drop(text, &n, "Content-Length", 0);
        *status = 400;
        n = n > n_max ? shorten(text, n) : n;
        n = n > n_max ? 0 : n;
    }
    if (n == 0) {
        count_add(&txns->stats.tx_withheld, 1);
        return 0;
    }
    count_add(&txns->stats.tx_cut, n < n_was);
    return n;
}
