/*
 * Logs requests that were refused: one line each at info, with source, user, Call-ID and conference;
 * of one reason a few lines in a while, then how many more there were. Nothing secret: a conference goes by its label,
 * and what peers write is escaped. Signalling thread only.
 */
#ifndef SIG_SIP_COMPLAIN_H
#define SIG_SIP_COMPLAIN_H

#include "sig/sip/sip.h"

#define COMPLAIN_LINES 5  /* of one reason */
#define COMPLAIN_MS 10000 /* in so long */
#define COMPLAIN_REASONS 160
#define COMPLAIN_PIN (COMPLAIN_REASONS - 1) /* wrong, of a call that is not refused for it */

struct log;

struct complaints {
    struct complaint {
        uint64_t began_ms;
        uint32_t n; /* since then */
    } reasons[COMPLAIN_REASONS];
};

/** May one more line be said for this reason? *n_more: so many before it were not said, since the last that was. */
bool complain_may(struct complaints *complaints, unsigned reason, uint64_t now_ms, uint32_t *n_more);

/**
 * Says that a request was refused.
 *
 * @param label  of the conference, "": none
 * @param msg    as far as it could be read
 */
void complain_refused(struct complaints *complaints, const struct log *log, unsigned reason, uint64_t now_ms,
                      int status, const char *text, const char *label, const struct sip_msg *msg);

#endif
