/*
 * The instant service over HTTP:
 *
 *     PUT|DELETE /v1/users/U/services/S/I    {"target":"group or user","priority":5,"preempt":false,"emergency":false,
 *                                            "request":true}: user U has service S under identification I
 *     GET /v1/services                       {"services":[{"id","uri","kind","mode"}]}
 *     GET /v1/sessions                       {"sessions":[{"id","user","identification","service","status","channel"}]}
 *     GET /v1/channels                       {"channels":[{"name","members","floor","holder"}]}
 *     POST /v1/activations                   {"from":"alice","to":["g1"],"priority":5,"emergency":false}: 201 with the
 *                                            floor, 202 in the queue, 409 with "unavailable" or why it is denied
 *     GET /v1/activations, DELETE /v1/activations/ID
 *
 * A request is served on signalling's thread, in turns, while the thread of HTTP waits.
 */
#ifndef SIG_HTTP_SERVICES_H
#define SIG_HTTP_SERVICES_H

#include "sig/http/api.h"
#include "sig/instant/instant.h"

#define SERVICES_ACTIVATION_METHODS "GET, HEAD, POST, DELETE"

/* The way to signalling's thread. */
struct services_door {
    void *ctx;
    /** Calls turn there until it says that it is done. @return 0 | -ETIMEDOUT it does not answer */
    int (*run)(void *ctx, bool (*turn)(void *arg), void *arg);
    struct instant *(*instant)(void *ctx); /* NULL: there is none. There alone */
    const struct env *(*env)(void *ctx);
};

/** Is what stands behind /v1/users/ about a service? */
bool services_are(const char *rest);

/* Each as api_page.serve. @thread any but signalling's */
unsigned services_user_serve(FILE *out, const struct services_door *door, const struct api_request *request,
                             struct api_problem *problem);
unsigned services_serve(FILE *out, const struct services_door *door, const struct api_request *request,
                        struct api_problem *problem);
unsigned services_sessions_serve(FILE *out, const struct services_door *door, const struct api_request *request,
                                 struct api_problem *problem);
unsigned services_channels_serve(FILE *out, const struct services_door *door, const struct api_request *request,
                                 struct api_problem *problem);
unsigned services_activations_serve(FILE *out, const struct services_door *door, const struct api_request *request,
                                    struct api_problem *problem);

#endif
