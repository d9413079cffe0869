/*
 * Users, groups and their documents over HTTP:
 *
 *     GET /v1/users                          {"users":[{"user","identifications","status","node"}]}
 *     GET|PUT|DELETE /v1/users/U/rules       {"rules":[{"who","action"}]}, PUT also application/auth-policy+xml
 *                                            (RFC 5025)
 *     GET|PUT|DELETE /v1/users/U/buddies     {"members":[...]}, PUT also application/resource-lists+xml (RFC 4826)
 *     GET /v1/groups                         {"groups":[{"name","members"}]}
 *     GET|PUT|DELETE /v1/groups/NAME         as buddies
 *
 * A request is served on signalling's thread, in turns, while the thread of HTTP waits.
 */
#ifndef SIG_HTTP_USERS_H
#define SIG_HTTP_USERS_H

#include "sig/http/api.h"
#include "sig/pres/presence.h"

#define USERS_TURN_BUCKETS 512 /* of the table of users, that one turn looks through */
#define USERS_METHODS "GET, HEAD, PUT, DELETE"

/* The way to signalling's thread. */
struct users_door {
    void *ctx;
    /** Calls turn there until it says that it is done. @return 0 | -ETIMEDOUT it does not answer */
    int (*run)(void *ctx, bool (*turn)(void *arg), void *arg);
    struct presence *(*presence)(void *ctx); /* NULL: nobody registers here. There alone */
};

/** Everything at and below /v1/users. As api_page.serve. @thread any but signalling's */
unsigned users_serve(FILE *out, const struct users_door *door, const struct api_request *request,
                     struct api_problem *problem);
/** At and below /v1/groups. */
unsigned groups_serve(FILE *out, const struct users_door *door, const struct api_request *request,
                      struct api_problem *problem);

#endif
