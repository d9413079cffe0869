/*
 * Who has which service: for each account and subscriber identification the profile of the service, out of the store's
 * documents. Signalling thread only.
 */
#ifndef SIG_INSTANT_PROVISION_H
#define SIG_INSTANT_PROVISION_H

#include "sig/base/keys.h"
#include "sig/instant/service.h"
#include "sig/store/store.h"

#define PROVISION_SERVICE_MAX 32
#define PROVISION_SERVICE "ptt" /* the one that is built in */

struct provision {
    struct provision *next; /* of its bucket */
    char account[AUTH_USER_MAX], identification[AUTH_USER_MAX], service[PROVISION_SERVICE_MAX];
    struct service_profile profile;
    bool is_subscribed; /* the user has subscribed to it */
    bool is_called;     /* and its terminal waits to be called */
};

struct provisions;

/** @param secret  of the table's hash @return 0 | -ENOMEM */
int provisions_build(struct provisions **provisions, const uint8_t secret[KEYS_SECRET_BYTES]);
void provisions_free(struct provisions *provisions);

/** A document of kind STORE_DOC_SERVICES: body NULL: it is gone. @return 0 | -EINVAL its name or body | -ENOMEM */
int provisions_put(struct provisions *provisions, const char *account, const char *name, const char *body);

/** @return NULL: it has not that service */
const struct provision *provisions_find(const struct provisions *provisions, const char *account, const char *service,
                                        const char *identification);

/** The same, to be changed. identification: a URI, or its user part */
struct provision *provisions_of(struct provisions *provisions, const char *account, const char *service,
                                const char *identification);

/** Calls back for all of an account. */
void provisions_each(struct provisions *provisions, const char *account, void *ctx,
                     void (*each)(void *ctx, struct provision *provision));

/** Splits the name of such a document, "SERVICE/IDENTIFICATION". @return false: it is none */
bool provision_name_split(const char *name, char service[PROVISION_SERVICE_MAX], char identification[AUTH_USER_MAX]);

#endif
