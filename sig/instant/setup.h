/*
 * Sessions that the server sets up (TS 24.379 8, RFC 5373): it calls the terminal of a user that has subscribed to its
 * service, by the way that the terminal has registered, with Answer-Mode: Auto. Once it is subscribed, a session that
 * has been lost is set up anew when the terminal registers. Signalling thread only.
 */
#ifndef SIG_INSTANT_SETUP_H
#define SIG_INSTANT_SETUP_H

#include "sig/instant/session.h"

/**
 * A user has subscribed to its service under that identification (a URI, or its user part).
 *
 * @param calls  else its terminal will call by itself
 * @return REFUSALS: it may | SERVICE: it has not that service
 */
enum refusal setup_begin(struct sessions *sessions, const char *account, const char *service,
                         const char *identification, bool calls);
/** Its subscription is over: so is its session. */
void setup_end(struct sessions *sessions, const char *account, const char *service, const char *identification);
/** A phone of that user has registered: sessions that it has subscribed to, and that are not there, are set up. */
void setup_registered(struct sessions *sessions, const char *account);

#endif
