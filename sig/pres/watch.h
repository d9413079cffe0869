/*
 * Watchers of one user (RFC 3856), and what that user is shown of them (presence.winfo, RFC 3857 and 3858). A watcher
 * gets what the rules let it see: everything, or a document that says closed. Nothing tells a refused watcher from one
 * whose user is away, nor a user that there is from one that there is not: same status, same document, same work.
 *
 * A NOTIFY follows a SUBSCRIBE at once, a change at once after a quiet interval, else when that has passed. Signalling
 * thread only.
 */
#ifndef SIG_PRES_WATCH_H
#define SIG_PRES_WATCH_H

#include "sig/pres/presentity.h"
#include "sig/pres/tally.h"

#define WATCH_INTERVAL_MS 5000
#define WATCH_SPREAD_MS 64 /* a thousand watchers of one change: 16 a millisecond */
#define WATCH_EXPIRES_S 3600
#define WATCH_EXPIRES_MIN_S 60
#define WATCH_EXPIRES_MAX_S 7200
#define WATCH_OF_WATCHER_MAX 64
#define WATCH_OF_USER_MAX 4096
#define WATCH_BODY_MAX 49152
/* Of one document: the user's URI in each tuple and before them, a note, all six times as long when escaped, and what
 * stands around them. */
#define WATCH_DOCUMENT_MAX 16384
static_assert(6 * ((PIDF_SERVICES_MAX + 2) * (AUTH_USER_MAX + ENV_HOST_MAX + 8) + PIDF_NOTE_MAX +
                   PIDF_SERVICES_MAX * PIDF_SERVICE_MAX) +
                      3072 <
                  WATCH_DOCUMENT_MAX,
              "the longest document");

struct watch {
    struct presentities *all;
    struct tally by_watcher; /* lists count, too */
    uint64_t last_id;
};

/** Hooks in. @return 0 | -ENOMEM */
int watch_build(struct watch **watch, struct presentities *all);
/** Forgets all subscriptions without a word. */
void watch_free(struct watch *watch);

/** SUBSCRIBE to the presence of the Request-URI's user. Answers it. */
void watch_subscribe(struct watch *watch, struct txn *txn, const struct sip_msg *msg, const struct identity *who);
/** SUBSCRIBE to its watchers: for the user itself. */
void watch_subscribe_winfo(struct watch *watch, struct txn *txn, const struct sip_msg *msg, const struct identity *who);

/** The document that a watcher of a user gets. p NULL: of somebody unknown; is_shown: the rules allow it */
void watch_document(struct xml *x, const struct presentities *all, const struct presentity *p, const char *user,
                    bool is_shown);

#endif
