/* The authenticated sender of a request. */
#ifndef SIG_ROOM_IDENTITY_H
#define SIG_ROOM_IDENTITY_H

#include "sig/base/keys.h"
#include "sig/sip/auth.h"

#define IDENTITY_HOST_MAX 128

/* user "": unknown, and need not be known (--auth=off). */
struct identity {
    char user[AUTH_USER_MAX];
    bool owes_pin;
    uint8_t pin[KEYS_MAC_BYTES];  /* owes_pin: as the account keeps it */
    bool is_asserted;             /* a trusted peer says so; else it has proved itself */
    char host[IDENTITY_HOST_MAX]; /* is_asserted: of the URI; "": a number */
};

#endif
