/* Answers to what never becomes a transaction. */
#include "sig/txn/txn_priv.h"

#include <stdio.h>

void txn_refuse(struct txns *txns, const struct sip_msg *msg, enum refuse refuse, const char *extra)
{
    count_add(&txns->stats.refused[refuse], 1);
    int status = refuse_status(refuse);
    const struct scan *scan = &msg->scan;
    if (status == 0 || scan->kind != SCAN_REQUEST || scan->method == NULL || strcmp(scan->method, "ACK") == 0) {
        return;
    }
    if (txns->user.on_refused != NULL) {
        txns->user.on_refused(txns->user.ctx, msg, refuse, status);
    }
    char text[8192], lines[256], tag[SIP_TAG_BYTES];
    txn_key_tag(txns, scan, tag);
    int n_lines = snprintf(lines, sizeof lines, "%s%s%s%s", extra, txns->server[0] != 0 ? "Server: " : "", txns->server,
                           txns->server[0] != 0 ? "\r\n" : "");
    must(n_lines >= 0 && (size_t)n_lines < sizeof lines);
    size_t n = sip_stateless(scan, &msg->flow, status, refuse_phrase(refuse), tag, lines, text, sizeof text);
    if (n > 0 && txn_cut_applies(txns, msg, status)) {
        n = txn_cut(txns, msg, tag, &status, text, n);
    }
    if (n > 0) {
        struct flow flow = msg->flow;
        count_add(&txns->stats.tx_statuses[status], 1);
        if (txns->world.send(txns->world.ctx, &flow, text, n) != 0) {
            count_add(&txns->stats.send_errors, 1);
        }
    }
}
