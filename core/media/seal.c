/* libsrtp2's wrapper, and the allocator that it gets. */
#include "core/media/seal.h"

#include "core/base/mem.h"
#include "core/media/seal_types.h"

#include <errno.h>
#include <string.h>

#include <srtp2/srtp.h>

enum { WINDOW = 128 }; /* packets; RFC 3711 3.3.2 wants 64 at least */

/* One direction. A peer with our own SSRC is no collision. */
struct way {
    srtp_t session;
    const uint8_t *hot; /* what each packet touches lies here in a row */
    size_t hot_bytes;
    struct mem_store blocks; /* of the session, and for its new streams */
};

struct seal {
    struct way rx, tx;
    struct seal_keys keys;
};

static const struct suite {
    const char *name;
    size_t key_bytes;
    void (*rtp)(srtp_crypto_policy_t *p);
    void (*rtcp)(srtp_crypto_policy_t *p); /* SRTCP's tag has 80 bits in the short suites, too: RFC 4568 6.2.2 */
    uint8_t rtp_tail, rtcp_tail;           /* bytes behind the MKI: the tag, but AES-GCM's is before it (RFC 7714 8) */
} suites[SEAL_SUITES] = {
    [SEAL_NONE] = {"", 0, NULL, NULL, 0, 0},
    [SEAL_AES_CM_128_HMAC_SHA1_80] = {"AES_CM_128_HMAC_SHA1_80", 30, srtp_crypto_policy_set_rtp_default,
                                      srtp_crypto_policy_set_rtcp_default, 10, 10},
    [SEAL_AES_CM_128_HMAC_SHA1_32] = {"AES_CM_128_HMAC_SHA1_32", 30, srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
                                      srtp_crypto_policy_set_rtcp_default, 4, 10},
    [SEAL_AES_256_CM_HMAC_SHA1_80] = {"AES_256_CM_HMAC_SHA1_80", 46, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
                                      srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 10, 10},
    [SEAL_AES_256_CM_HMAC_SHA1_32] = {"AES_256_CM_HMAC_SHA1_32", 46, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
                                      srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80, 4, 10},
    [SEAL_AEAD_AES_128_GCM] = {"AEAD_AES_128_GCM", 28, srtp_crypto_policy_set_aes_gcm_128_16_auth,
                               srtp_crypto_policy_set_aes_gcm_128_16_auth, 0, 0},
    [SEAL_AEAD_AES_256_GCM] = {"AEAD_AES_256_GCM", 44, srtp_crypto_policy_set_aes_gcm_256_16_auth,
                               srtp_crypto_policy_set_aes_gcm_256_16_auth, 0, 0},
};

/* What the stream of a new SSRC takes in libsrtp2 2.5.0: its state, the place of its keys, its replay window. */
enum { STREAM_BYTES = 128, STREAM_KEYS_BYTES = 96, STREAM_WINDOW_BYTES = 32, STREAM_HEADS_BYTES = 3 * 16 };
enum {
    STREAM_ALL_BYTES = STREAM_BYTES + STREAM_KEYS_BYTES + STREAM_WINDOW_BYTES + STREAM_HEADS_BYTES,
    SESSION_BYTES = 1920 /* the longest: AES-256 in counter mode, with the key derivation's passing needs */
};

const char *seal_suite_name(enum seal_suite suite)
{
    return suites[suite].name;
}

size_t seal_key_bytes(enum seal_suite suite)
{
    return suites[suite].key_bytes;
}

bool seal_keys_same(const struct seal_keys *a, const struct seal_keys *b)
{
    size_t n = seal_key_bytes(a->suite);
    return a->suite == b->suite && memcmp(a->rx, b->rx, n) == 0 && memcmp(a->tx, b->tx, n) == 0 &&
           seal_mki_same(&a->mki_rx, &b->mki_rx) && seal_mki_same(&a->mki_tx, &b->mki_tx);
}

bool seal_mki_same(const struct seal_mki *a, const struct seal_mki *b)
{
    return a->bytes == b->bytes && a->value == b->value;
}

/* ---- the library's allocator ---- */

#ifdef SEAL_OWN_BUILD
/* The linker puts these in the place of libsrtp2's own (--wrap in core/CMakeLists.txt). */
void *__wrap_srtp_crypto_alloc(size_t bytes);
void __wrap_srtp_crypto_free(void *block);

void *__wrap_srtp_crypto_alloc(size_t bytes)
{
    void *block = bytes ? mem_block_get(bytes) : NULL;
    return block ? memset(block, 0, bytes) : NULL;
}

void __wrap_srtp_crypto_free(void *block)
{
    mem_block_put(block);
}
#endif

/* libsrtp2 tells of limits and collisions here: what matters of it comes back as an error, too. */
static void on_event(srtp_event_data_t *event) {}

int seal_start(void)
{
    if (srtp_init() != srtp_err_status_ok || srtp_install_event_handler(on_event) != srtp_err_status_ok) {
        return -EIO;
    }
    return seal_types_load();
}

bool seal_is_fast(void)
{
#ifdef SEAL_OWN_BUILD
    return true;
#else
    return false;
#endif
}

/* ---- build ---- */

static int session_build(srtp_t *session, enum seal_suite suite, uint8_t *key, srtp_ssrc_t ssrc)
{
    srtp_policy_t policy = {.ssrc = ssrc, .key = key, .window_size = WINDOW};
    suites[suite].rtp(&policy.rtp);
    suites[suite].rtcp(&policy.rtcp);
    switch (srtp_create(session, &policy)) {
    case srtp_err_status_ok:
        return 0;
    case srtp_err_status_alloc_fail:
        return -ENOMEM;
    default:
        return -EINVAL;
    }
}

/* Blocks for n new streams. */
static int streams_add(struct mem_store *blocks, unsigned n)
{
    int err = 0;
    for (; n && !err; n--) {
        err = mem_store_add(blocks, STREAM_BYTES);
        err = err ? err : mem_store_add(blocks, STREAM_KEYS_BYTES);
        err = err ? err : mem_store_add(blocks, STREAM_WINDOW_BYTES);
    }
    return err;
}

/* n_streams: how many SSRCs it may meet that it does not know. The first of them lies beside the session. */
static int way_build(struct way *w, enum seal_suite suite, uint8_t *key, srtp_ssrc_t ssrc, unsigned n_streams)
{
    int err = mem_store_open(&w->blocks, SESSION_BYTES + n_streams * STREAM_ALL_BYTES);
    if (!err && n_streams) {
        err = streams_add(&w->blocks, n_streams - 1);
    }
    w->hot = w->blocks.next;
    const struct mem_piece *piece = w->blocks.pieces;
    if (!err) {
        struct mem_store *before = mem_store_use(&w->blocks);
        err = session_build(&w->session, suite, key, ssrc);
        mem_store_use(before);
    }
    if (!err && n_streams) {
        err = streams_add(&w->blocks, 1);
    }
    w->hot_bytes = piece == w->blocks.pieces ? (size_t)(w->blocks.next - w->hot) : 0;
    mem_store_seal(&w->blocks);
    return err;
}

static void way_free(struct way *w)
{
    if (w->session) {
        struct mem_store *before = mem_store_use(&w->blocks);
        srtp_dealloc(w->session);
        mem_store_use(before);
    }
    mem_store_close(&w->blocks);
}

int seal_build(struct seal **out, const struct seal_keys *keys, uint32_t tx_ssrc)
{
    if (keys->suite <= SEAL_NONE || keys->suite >= SEAL_SUITES || keys->mki_rx.bytes > SEAL_MKI_MAX ||
        keys->mki_tx.bytes > SEAL_MKI_MAX) {
        return -EINVAL;
    }
    struct seal *s = mem_get(sizeof *s);
    if (!s) {
        return -ENOMEM;
    }
    s->keys = *keys;
    int err = way_build(&s->rx, keys->suite, s->keys.rx, (srtp_ssrc_t){.type = ssrc_any_inbound}, SEAL_SSRCS_MAX);
    if (!err) {
        srtp_ssrc_t ssrc = {.type = ssrc_specific, .value = tx_ssrc};
        err = way_build(&s->tx, keys->suite, s->keys.tx, ssrc, 0);
    }
    if (err) {
        seal_free(s);
        return err;
    }
    *out = s;
    return 0;
}

void seal_free(struct seal *s)
{
    if (!s) {
        return;
    }
    way_free(&s->rx);
    way_free(&s->tx);
    explicit_bzero(&s->keys, sizeof s->keys);
    mem_put(s);
}

bool seal_take_over(struct seal *s, struct seal *old)
{
    if (!s || !old || s->keys.suite != old->keys.suite) {
        return !s && !old;
    }
    size_t n = seal_key_bytes(s->keys.suite);
    if (memcmp(s->keys.rx, old->keys.rx, n) == 0) {
        struct way rx = s->rx;
        s->rx = old->rx;
        old->rx = rx;
    }
    if (memcmp(s->keys.tx, old->keys.tx, n) != 0) {
        return false;
    }
    struct way tx = s->tx;
    s->tx = old->tx;
    old->tx = tx;
    return true;
}

/* ---- packets ---- */

static enum drop drop_of(srtp_err_status_t status)
{
    switch (status) {
    case srtp_err_status_ok:
        return DROP_NONE;
    case srtp_err_status_auth_fail:
        return DROP_AUTH;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old:
    case srtp_err_status_pkt_idx_old:
        return DROP_REPLAY;
    default:
        return DROP_SEAL; /* too short, malformed header, no block left for another SSRC */
    }
}

typedef srtp_err_status_t (*packet_fn)(srtp_t session, void *packet, int *bytes);

static enum drop packet_run(struct way *w, packet_fn fn, uint8_t *buf, size_t *bytes)
{
    int n = (int)*bytes;
    struct mem_store *before = mem_store_use(&w->blocks);
    srtp_err_status_t status = fn(w->session, buf, &n);
    mem_store_use(before);
    *bytes = status == srtp_err_status_ok ? (size_t)n : *bytes;
    return drop_of(status);
}

static void way_fetch(const struct way *w)
{
    for (size_t i = 0; i < w->hot_bytes; i += LINE_BYTES) {
        __builtin_prefetch(w->hot + i, 1);
    }
}

void seal_fetch_rx(const struct seal *s)
{
    way_fetch(&s->rx);
}

void seal_fetch_tx(const struct seal *s)
{
    way_fetch(&s->tx);
}

/*
 * The MKI is no part of what is sealed (RFC 3711 4.2), so it can be put in behind libsrtp2 and taken out before it:
 * with one key there is nothing to choose by it, and libsrtp2's own way would take blocks of the peer's choice of
 * length.
 */

static uint8_t mki_byte(const struct seal_mki *mki, unsigned i)
{
    unsigned from_end = mki->bytes - 1u - i;
    return from_end < sizeof mki->value ? (uint8_t)(mki->value >> 8 * from_end) : 0;
}

/* tail: bytes behind it */
static enum drop mki_take(const struct seal_mki *mki, size_t tail, uint8_t *buf, size_t *bytes)
{
    if (*bytes < (size_t)mki->bytes + tail) {
        return DROP_SEAL;
    }
    uint8_t *at = buf + *bytes - tail - mki->bytes;
    for (unsigned i = 0; i < mki->bytes; i++) {
        if (at[i] != mki_byte(mki, i)) {
            return DROP_MKI;
        }
    }
    memmove(at, at + mki->bytes, tail);
    *bytes -= mki->bytes;
    return DROP_NONE;
}

static size_t mki_put(const struct seal_mki *mki, size_t tail, uint8_t *buf, size_t bytes)
{
    uint8_t *at = buf + bytes - tail;
    memmove(at + mki->bytes, at, tail);
    for (unsigned i = 0; i < mki->bytes; i++) {
        at[i] = mki_byte(mki, i);
    }
    return bytes + mki->bytes;
}

enum drop seal_open_rtp(struct seal *s, uint8_t *buf, size_t *bytes)
{
    enum drop drop = mki_take(&s->keys.mki_rx, suites[s->keys.suite].rtp_tail, buf, bytes);
    return drop ? drop : packet_run(&s->rx, srtp_unprotect, buf, bytes);
}

enum drop seal_open_rtcp(struct seal *s, uint8_t *buf, size_t *bytes)
{
    enum drop drop = mki_take(&s->keys.mki_rx, suites[s->keys.suite].rtcp_tail, buf, bytes);
    return drop ? drop : packet_run(&s->rx, srtp_unprotect_rtcp, buf, bytes);
}

size_t seal_rtp(struct seal *s, uint8_t *buf, size_t bytes)
{
    const struct seal_mki *mki = &s->keys.mki_tx;
    if (bytes + SEAL_RTP_BYTES + mki->bytes > PACKET_BYTES_MAX || packet_run(&s->tx, srtp_protect, buf, &bytes)) {
        return 0;
    }
    return mki_put(mki, suites[s->keys.suite].rtp_tail, buf, bytes);
}

size_t seal_rtcp(struct seal *s, uint8_t *buf, size_t bytes)
{
    const struct seal_mki *mki = &s->keys.mki_tx;
    if (bytes + SEAL_RTCP_BYTES + mki->bytes > PACKET_BYTES_MAX || packet_run(&s->tx, srtp_protect_rtcp, buf, &bytes)) {
        return 0;
    }
    return mki_put(mki, suites[s->keys.suite].rtcp_tail, buf, bytes);
}
