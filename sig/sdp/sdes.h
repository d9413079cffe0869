/*
 * Security descriptions of a stream (RFC 4568): reads a=crypto lines, chooses one, writes our own. What is not
 * understood is never half understood: a line with several keys or a session parameter that changes what the packets
 * look like is passed over as if it were of an unknown suite. Pure; keys are never logged.
 */
#ifndef SIG_SDP_SDES_H
#define SIG_SDP_SDES_H

#include "core/media/seal.h"
#include "sig/sdp/sdp.h"

#define SDES_OFFERS_MAX 3 /* lines in an offer of ours */

/* One a=crypto line. */
struct sdes {
    uint32_t tag;
    enum seal_suite suite;
    uint8_t key[SEAL_KEY_BYTES_MAX]; /* of the side that offers it: opens what that side sends */
    struct seal_mki mki;             /* the key's name in each packet, of a number below 2^63 */
};

/** Reads the value of one line. @return 0 | -EBADMSG malformed | -ENOTSUP suite, keys or parameter */
int sdes_read(struct sdes *sdes, struct sdp_text value);

/** The first line of a stream that we can speak, one without an MKI before one with. @return 0 | -ENOENT */
int sdes_choose(struct sdes *sdes, const struct sdp *sdp, const struct sdp_media *m);

/** The answer to an offer of ours: one line that names a tag and its suite as we offered it. @return 0 | -ENOENT */
int sdes_accept(struct sdes *sdes, const struct sdp *sdp, const struct sdp_media *m, const struct sdes *offered,
                size_t n_offered);

/** Lines of an offer, from fresh random keys; only: this suite and no other, SEAL_NONE: our usual ones, best first.
 * @return how many */
size_t sdes_offer(struct sdes offered[SDES_OFFERS_MAX], enum seal_suite only,
                  const uint8_t fresh[SDES_OFFERS_MAX][SEAL_KEY_BYTES_MAX]);

/** Writes one line. */
void sdes_put(struct sdp_out *out, const struct sdes *sdes);

#endif
