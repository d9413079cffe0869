/*
 * SRTP and SRTCP (RFC 3711, 6188, 7714) of one leg, both directions: packets are sealed on their way out and opened on
 * their way in, in place. Wraps libsrtp2; the ciphers are cipher.h's, AES-GCM OpenSSL's.
 *
 * Built on the control side; on the worker nothing touches the heap. Our own SSRC is known when it is built. The peer's
 * is not: a stream of a new SSRC gets its state (rollover counter, replay window) after its first packet has proved
 * itself, out of blocks that the seal brought along (struct mem_store). So a flood of forged SSRCs costs authentication
 * and nothing else, no packet is lost while anybody is asked for memory, and a peer that restarts is understood at
 * once. There is room for SEAL_SSRCS_MAX of them under one key; their replay windows are never given up.
 */
#ifndef CORE_MEDIA_SEAL_H
#define CORE_MEDIA_SEAL_H

#include "core/base/limits.h"
#include "core/base/stats.h"

enum seal_suite {
    SEAL_NONE, /* plain RTP */
    SEAL_AES_CM_128_HMAC_SHA1_80,
    SEAL_AES_CM_128_HMAC_SHA1_32,
    SEAL_AES_256_CM_HMAC_SHA1_80,
    SEAL_AES_256_CM_HMAC_SHA1_32,
    SEAL_AEAD_AES_128_GCM,
    SEAL_AEAD_AES_256_GCM,
    SEAL_SUITES
};

#define SEAL_KEY_BYTES_MAX 46 /* master key and salt */

/* The name of a master key (MKI, RFC 3711 3.1) in each packet that is sealed with it: between packet and tag. */
struct seal_mki {
    uint64_t value;
    uint8_t bytes; /* 0: none .. SEAL_MKI_MAX; the value stands at their end, big-endian */
};

/* What a leg's SRTP is made from, a value. Secret: never logged. */
struct seal_keys {
    enum seal_suite suite;
    struct seal_mki mki_rx, mki_tx;
    uint8_t rx[SEAL_KEY_BYTES_MAX]; /* the peer's: opens what it sends */
    uint8_t tx[SEAL_KEY_BYTES_MAX]; /* ours */
};

struct seal;

/** Name in SDP (RFC 4568 6.2, 6188, 7714 14.1); "" for SEAL_NONE. */
const char *seal_suite_name(enum seal_suite suite);
/** Bytes of master key and salt together. */
size_t seal_key_bytes(enum seal_suite suite);
/** Same suite, keys and their names? */
bool seal_keys_same(const struct seal_keys *a, const struct seal_keys *b);
bool seal_mki_same(const struct seal_mki *a, const struct seal_mki *b);

/** Makes libsrtp2 ready. First thing in main. @return 0 | -EIO it or its ciphers failed their tests */
COLD int seal_start(void);

/** False: the packaged libsrtp2 is linked. Its AES-GCM costs three times more and takes from the heap for every packet,
 * and a new SSRC takes from there, too. */
COLD bool seal_is_fast(void);

/**
 * Builds both directions.
 *
 * @param tx_ssrc  of everything that will be sealed
 * @return 0 | -EINVAL no such suite, or seal_start was forgotten | -ENOMEM
 * @owner  the caller; keys are copied
 */
COLD int seal_build(struct seal **seal, const struct seal_keys *keys, uint32_t tx_ssrc);
/** Overwrites the keys and frees it. NULL is fine. */
COLD void seal_free(struct seal *seal);

/**
 * seal goes on where old was: each direction whose key is the same takes over rollover counters and replay windows,
 * and old keeps what seal would have begun with. NULL stands for plain RTP.
 *
 * @return true: the outgoing direction goes on, with old's SSRC; false: it is a new stream with the SSRC of its own
 */
bool seal_take_over(struct seal *seal, struct seal *old);

/** A packet of this leg will soon be opened, or sealed: what it touches is on its way into the cache from now on. */
void seal_fetch_rx(const struct seal *seal);
void seal_fetch_tx(const struct seal *seal);

/**
 * Opens a packet in place. A refused one has changed nothing but its own bytes.
 *
 * @param buf    4-byte aligned
 * @param bytes  length; written on success
 * @return DROP_NONE | AUTH | REPLAY | MKI | SEAL
 */
enum drop seal_open_rtp(struct seal *seal, uint8_t *buf, size_t *bytes);
enum drop seal_open_rtcp(struct seal *seal, uint8_t *buf, size_t *bytes);

/**
 * Seals a packet in place.
 *
 * @param buf  4-byte aligned, with SEAL_RTP_BYTES or SEAL_RTCP_BYTES of room behind the packet, and that of the MKI
 * @return its new length, at most PACKET_BYTES_MAX; 0: it cannot be sent
 */
size_t seal_rtp(struct seal *seal, uint8_t *buf, size_t bytes);
size_t seal_rtcp(struct seal *seal, uint8_t *buf, size_t bytes);

#endif
