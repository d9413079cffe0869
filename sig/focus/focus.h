/*
 * The focus (RFC 4353, RFC 4579): owns the conferences of this node and their calls, takes every SIP request that the
 * transaction layer lets through and every event of the workers, and decides what answers: factory, conference, call.
 * Signalling thread only.
 */
#ifndef SIG_FOCUS_FOCUS_H
#define SIG_FOCUS_FOCUS_H

#include "sig/room/env.h"

struct focus;

/**
 * Makes it, and takes the secret and the living conferences out of the store.
 *
 * @param place, store, log, wheel  outlive it; store NULL: nothing is kept, and the secret is drawn
 * @return 0 | -EINVAL | -ENOMEM | -ETIMEDOUT, -EIO ...: the store
 */
int focus_build(struct focus **focus, const struct env_cfg *cfg, const struct env_world *world,
                struct timer_wheel *wheel, struct place *place, struct store *store, const struct log *log);

/** Frees it. @pre focus_is_idle, or the workers have stopped: what is still lent then is abandoned */
void focus_free(struct focus *focus);

/** Callbacks for txns_build; then hand it the layer that was made. */
struct txn_user focus_user(struct focus *focus);
void focus_attach(struct focus *focus, struct txns *txns);

/** What it has and its parts share. @thread signalling; stats: any */
struct env *focus_env(struct focus *focus);

#define FOCUS_BESIDE_MAX 4

/* A room beside the focus: which requests it serves. */
struct focus_beside {
    void *ctx; /* tells it from others */
    /** Is this request, to a host of ours and to no resource of the focus, for it? */
    bool (*wants)(void *ctx, const struct sip_msg *msg);
    /** Answers one that has passed the gate. */
    void (*take)(void *ctx, struct txn *txn, const struct sip_msg *msg, const struct identity *who);
    /** Replies of the store that the focus has not asked for; all rooms hear all of them. A document's body is freed
     * after it. NULL: it hears none */
    void (*store_reply)(void *ctx, const struct store_reply *reply);
};

/** Before the first request. @return 0 | -ENOSPC */
int focus_beside_add(struct focus *focus, const struct focus_beside *beside);
/** It serves nothing any more: before it is freed. */
void focus_beside_drop(struct focus *focus, const void *ctx);

/** Takes the workers' events and what waited for a ring. Timers are the wheel's. @return when it wants to be called
 * again at the latest, in ns from now */
uint64_t focus_beat(struct focus *focus);

/** Frees calls and conferences that are over and have everything back. Each beat ends with it; between two messages it
 * may be called at any time. */
void focus_reap(struct focus *focus);

/** Ends every conference of this run: BYE to all, legs back. Their URIs stay in the store, and are good again after a
 * restart; until then INVITEs get 503. */
void focus_stop(struct focus *focus);

/** No call, nothing lent, no request that waits for its account. */
bool focus_is_idle(const struct focus *focus);

#endif
