/* Keys of a keypad in the body of an INFO, as older phones send them. */
#ifndef SIG_SIP_KEYPAD_H
#define SIG_SIP_KEYPAD_H

#include "sig/sip/sip.h"

/** Reads application/dtmf-relay ("Signal=5", "Duration=160") or application/dtmf ("5"). @return the key | 0: none */
char keypad_read(const struct sip_msg *msg);

#endif
