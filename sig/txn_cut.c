/*
 * How much anybody is answered by UDP. A source may be forged: then the answer goes to somebody who has asked for
 * nothing, and whoever forged it has found an amplifier. So an answer that everybody gets is at most so many per cent
 * as long as the request; what the answer can do without is left out until it fits. Requests as phones and proxies send
 * them are long enough for all of it. Who pads his request, or comes by TCP, gets all as well.
 *
 * Answers to who has shown a right are not cut: a 2xx to anything but OPTIONS.
 */
#include "sig/sip_priv.h"
#include "sig/txn_priv.h"

bool txn_cut_applies(const struct txns *txns, const struct sip_msg *msg, int status)
{
    bool is_for_all = status >= 300 || (status >= 200 && msg->method == SIP_OPTIONS);
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
    for (size_t i = 0; i < ARRAY_LEN(spare) && n > n_max; i++) {
        bool is_redirect = *status < 400 && *status >= 300;
        while (n > n_max && !(is_redirect && strcmp(spare[i].name, "Contact") == 0) &&
               line_drop(text, &n, spare[i].name, spare[i].n_kept)) {
        }
    }
    if (n > n_max) { /* nothing is left that it could do without */
        n = sip_stateless(&msg->scan, &msg->flow, 400, "Request Too Short", tag, "", text, n_was);
        line_drop(text, &n, "Content-Length", 0);
        *status = 400;
    }
    if (n == 0 || n > n_max) {
        count_add(&txns->stats.tx_withheld, 1);
        return 0;
    }
    count_add(&txns->stats.tx_cut, n < n_was);
    return n;
}
