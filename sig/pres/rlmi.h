/*
 * Lists of users that are watched by one subscription (RFC 4662): the buddies of the watcher (sip:buddies@domain), or
 * instead of them those that its SUBSCRIBE brings (RFC 5367), a group that it is a member of (sip:NAME@domain), and a
 * service of push-to-talk (sip:ptt@domain), which shows which buddies are provisioned for it. The whole list comes
 * first and after a refresh, then what has changed. One level: a list on a list is a user like any other.
 *
 * The rules decide for each member as for a watcher of it alone. Signalling thread only.
 */
#ifndef SIG_PRES_RLMI_H
#define SIG_PRES_RLMI_H

#include "sig/pres/watch.h"

#define RLMI_BUDDIES "buddies"
#define RLMI_SERVICE_INTERVAL_MS 1000
#define RLMI_BYTES_MAX 60000 /* of a NOTIFY's body; documents that do not fit come with the next */

struct list_link;

struct group {
    struct group *next;
    struct members *members;
    char name[];
};

/* What provisions sessions of services. NULL calls: nobody does, and a subscription to a service merely shows it. */
struct rlmi_service_user {
    void *ctx;
    /** A user subscribes to a service as one of its identifications (a URI). @return REFUSALS: it may */
    enum refusal (*begin)(void *ctx, const char *user, const char *service, const char *identification);
    /** That subscription is over. */
    void (*end)(void *ctx, const char *user, const char *service, const char *identification);
};

struct rlmi {
    struct watch *watch;
    struct presentities *all;
    struct sub *subs;
    struct group *groups;
    struct rlmi_service_user service_user;
};

/** Hooks in. @return 0 | -ENOMEM */
int rlmi_build(struct rlmi **rlmi, struct watch *watch);
/** Forgets all subscriptions, and the groups. */
void rlmi_free(struct rlmi *rlmi);

/** Is the Request-URI's user a list for this sender? */
bool rlmi_is(const struct rlmi *rlmi, const struct sip_msg *msg, const struct identity *who);
/** SUBSCRIBE to one. Answers it. @pre rlmi_is */
void rlmi_subscribe(struct rlmi *rlmi, struct txn *txn, const struct sip_msg *msg, const struct identity *who);

/** @return NULL: there is none */
const struct group *rlmi_group(const struct rlmi *rlmi, const char *name);
/** Takes the members over; NULL: the group is gone. @return 0 | -ENOMEM */
int rlmi_group_set(struct rlmi *rlmi, const char *name, struct members *members);
/** The same for the buddies of a user. */
void rlmi_buddies_set(struct rlmi *rlmi, struct presentity *p, struct members *members);

#endif
