/*
 * Session timers (RFC 4028): a session that nobody refreshes ends, so that a peer which has gone without a word costs
 * nothing for long. Each 2xx settles which side refreshes; our side refreshes by UPDATE if the peer takes it, else by a
 * re-INVITE with what we said last.
 */
#ifndef SIG_CALL_REFRESH_H
#define SIG_CALL_REFRESH_H

#include "sig/base/timer.h"
#include "sig/txn/txn.h"

#define REFRESH_MIN_S 90 /* RFC 4028 5: nobody may be asked for less */

struct call;

struct refresh {
    uint32_t interval_s; /* 0: no session timer */
    bool by_us;
    uint32_t wanted_s; /* by the request that is being answered: holds once it is accepted */
    bool wanted_by_us;
    struct timer due, end; /* our refresh; the session's last moment */
    struct txn *txn;       /* our UPDATE under way */
    bool peer_updates;     /* the peer takes UPDATE */
};

/** Takes what a request asks for. @return 0 | -ERANGE, -EBADMSG: refused with 422 or 400, txn has had its final
 * response */
int refresh_read(struct call *call, struct txn *txn, const struct sip_msg *msg);

/** Says what was settled in the 2xx, and starts the timers. supports: the request's Supported has "timer". */
void refresh_settle(struct call *call, struct sip_out *out, bool supports);

/** Takes what the 2xx to our INVITE says, and starts the timers. */
void refresh_take(struct call *call, const struct sip_msg *msg);

/** Once, before anything else here. */
void refresh_init(struct call *call);
/** The call is over, or going. */
void refresh_stop(struct call *call);

/** A response to our refresh, or that there will be none (status 408, 503). Ends the call if the peer knows nothing of
 * it any more. */
void refresh_answered(struct call *call, struct txn *txn, int status);

#endif
