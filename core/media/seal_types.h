/* Gives libsrtp2 the ciphers of cipher.h in the place of OpenSSL's; seal.c's affair alone. */
#ifndef CORE_MEDIA_SEAL_TYPES_H
#define CORE_MEDIA_SEAL_TYPES_H

#include "core/base/base.h"

/**
 * From now on AES in counter mode (128 and 256 bits) and HMAC-SHA1 are ours in each new session.
 *
 * libsrtp2 tries them first, against their vectors and its own.
 *
 * @pre    libsrtp2 has been started
 * @return 0 | -EIO it found fault with them
 */
COLD int seal_types_load(void);

#endif
