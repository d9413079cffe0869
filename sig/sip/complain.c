/* Log lines of refusals. See complain.h. */
#include "sig/sip/complain.h"

#include "sig/base/log.h"

#include <stdio.h>
#include <string.h>

bool complain_may(struct complaints *complaints, unsigned reason, uint64_t now_ms, uint32_t *n_more)
{
    must(reason < COMPLAIN_REASONS);
    struct complaint *c = &complaints->reasons[reason];
    *n_more = 0;
    if (c->n == 0 || now_ms - c->began_ms >= COMPLAIN_MS) {
        *n_more = c->n > COMPLAIN_LINES ? c->n - COMPLAIN_LINES : 0;
        *c = (struct complaint){.began_ms = now_ms};
    }
    return ++c->n <= COMPLAIN_LINES;
}

static const char *value_of(const struct sip_msg *msg, enum scan_header header, char *text, size_t size)
{
    const char *value = scan_value(&msg->scan, header, 0);
    return log_escape(text, size, value ? value : "", value ? strlen(value) : 0);
}

void complain_refused(struct complaints *complaints, const struct log *log, unsigned reason, uint64_t now_ms,
                      int status, const char *text, const char *label, const struct sip_msg *msg)
{
    char from[160], call_id[160], source[ADDR_TEXT_MAX], more[64] = "";
    uint32_t n_more;
    if (!complain_may(complaints, reason, now_ms, &n_more)) {
        return;
    }
    if (n_more > 0) {
        snprintf(more, sizeof more, "; %u more like it were not said", n_more);
    }
    log_line(log, LOG_INFO, "refused %d: %s: %s of %s, From %s, Call-ID %s%s%s%s", status, text,
             msg->scan.method ? msg->scan.method : "?", addr_text(&msg->flow.remote, source),
             value_of(msg, SCAN_FROM, from, sizeof from), value_of(msg, SCAN_CALL_ID, call_id, sizeof call_id),
             *label ? ", conference " : "", label, more);
}
