/* libsrtp2's wrapper, and the allocator that it and OpenSSL get. */
#include "core/media/seal.h"

#include "core/base/mem.h"
#include "core/media/seal_types.h"

#include <errno.h>
#include <string.h>

#include <openssl/crypto.h>
#include <srtp2/srtp.h>

enum { WINDOW = 128 }; /* packets; RFC 3711 3.3.2 wants 64 at least */

struct seal {
    srtp_t rx, tx;           /* apart, so that a peer with our own SSRC is no collision */
    struct mem_store blocks; /* for new streams of rx, and what OpenSSL puts down and takes up again in each packet */
    struct seal_keys keys;
};

static const struct suite {
    const char *name;
    size_t key_bytes;
    void (*rtp)(srtp_crypto_policy_t *p);
    void (*rtcp)(srtp_crypto_policy_t *p); /* SRTCP's tag has 80 bits in the short suites, too: RFC 4568 6.2.2 */
} suites[SEAL_SUITES] = {
    [SEAL_NONE] = {"", 0, NULL, NULL},
    [SEAL_AES_CM_128_HMAC_SHA1_80] = {"AES_CM_128_HMAC_SHA1_80", 30, srtp_crypto_policy_set_rtp_default,
                                      srtp_crypto_policy_set_rtcp_default},
    [SEAL_AES_CM_128_HMAC_SHA1_32] = {"AES_CM_128_HMAC_SHA1_32", 30, srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32,
                                      srtp_crypto_policy_set_rtcp_default},
    [SEAL_AES_256_CM_HMAC_SHA1_80] = {"AES_256_CM_HMAC_SHA1_80", 46, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80,
                                      srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
    [SEAL_AES_256_CM_HMAC_SHA1_32] = {"AES_256_CM_HMAC_SHA1_32", 46, srtp_crypto_policy_set_aes_cm_256_hmac_sha1_32,
                                      srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80},
    [SEAL_AEAD_AES_128_GCM] = {"AEAD_AES_128_GCM", 28, srtp_crypto_policy_set_aes_gcm_128_16_auth,
                               srtp_crypto_policy_set_aes_gcm_128_16_auth},
    [SEAL_AEAD_AES_256_GCM] = {"AEAD_AES_256_GCM", 44, srtp_crypto_policy_set_aes_gcm_256_16_auth,
                               srtp_crypto_policy_set_aes_gcm_256_16_auth},
};

/* What the stream of a new SSRC takes in libsrtp2 2.5.0: its state, the place of its keys, its replay window. */
enum { STREAM_BYTES = 128, STREAM_KEYS_BYTES = 128, STREAM_WINDOW_BYTES = 32 };

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
    return a->suite == b->suite && memcmp(a->rx, b->rx, n) == 0 && memcmp(a->tx, b->tx, n) == 0;
}

/* ---- the libraries' allocator ---- */

static void *openssl_get(size_t bytes, const char *file, int line)
{
    return mem_block_get(bytes);
}
static void *openssl_resize(void *block, size_t bytes, const char *file, int line)
{
    return mem_block_resize(block, bytes);
}
static void openssl_put(void *block, const char *file, int line)
{
    mem_block_put(block);
}

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
    bool first = CRYPTO_set_mem_functions(openssl_get, openssl_resize, openssl_put) == 1;
    if (srtp_init() != srtp_err_status_ok || srtp_install_event_handler(on_event) != srtp_err_status_ok) {
        return -EIO;
    }
    int err = seal_types_load();
    return err ? err : first ? 0 : -EALREADY;
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

static int blocks_build(struct mem_store *blocks)
{
    int err = mem_store_fill(blocks, STREAM_BYTES, SEAL_SSRCS_MAX);
    if (!err) {
        err = mem_store_fill(blocks, STREAM_KEYS_BYTES, SEAL_SSRCS_MAX);
    }
    return err ? err : mem_store_fill(blocks, STREAM_WINDOW_BYTES, SEAL_SSRCS_MAX);
}

int seal_build(struct seal **out, const struct seal_keys *keys, uint32_t tx_ssrc)
{
    if (keys->suite <= SEAL_NONE || keys->suite >= SEAL_SUITES) {
        return -EINVAL;
    }
    struct seal *s = mem_get(sizeof *s);
    if (!s) {
        return -ENOMEM;
    }
    s->keys = *keys;
    int err = session_build(&s->rx, keys->suite, s->keys.rx, (srtp_ssrc_t){.type = ssrc_any_inbound});
    if (!err) {
        err = session_build(&s->tx, keys->suite, s->keys.tx, (srtp_ssrc_t){.type = ssrc_specific, .value = tx_ssrc});
    }
    if (!err) {
        err = blocks_build(&s->blocks);
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
    if (s->rx) {
        srtp_dealloc(s->rx);
    }
    if (s->tx) {
        srtp_dealloc(s->tx);
    }
    mem_store_drain(&s->blocks);
    OPENSSL_cleanse(&s->keys, sizeof s->keys);
    mem_put(s);
}

bool seal_take_over(struct seal *s, struct seal *old)
{
    if (!s || !old || s->keys.suite != old->keys.suite) {
        return !s && !old;
    }
    size_t n = seal_key_bytes(s->keys.suite);
    if (memcmp(s->keys.rx, old->keys.rx, n) == 0) {
        srtp_t rx = s->rx;
        struct mem_store blocks = s->blocks;
        s->rx = old->rx;
        s->blocks = old->blocks;
        old->rx = rx;
        old->blocks = blocks;
    }
    if (memcmp(s->keys.tx, old->keys.tx, n) != 0) {
        return false;
    }
    srtp_t tx = s->tx;
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

static enum drop packet_run(struct seal *s, srtp_t session, packet_fn fn, uint8_t *buf, size_t *bytes)
{
    int n = (int)*bytes;
    struct mem_store *before = mem_store_use(&s->blocks);
    srtp_err_status_t status = fn(session, buf, &n);
    mem_store_use(before);
    *bytes = status == srtp_err_status_ok ? (size_t)n : *bytes;
    return drop_of(status);
}

enum drop seal_open_rtp(struct seal *s, uint8_t *buf, size_t *bytes)
{
    return packet_run(s, s->rx, srtp_unprotect, buf, bytes);
}

enum drop seal_open_rtcp(struct seal *s, uint8_t *buf, size_t *bytes)
{
    return packet_run(s, s->rx, srtp_unprotect_rtcp, buf, bytes);
}

size_t seal_rtp(struct seal *s, uint8_t *buf, size_t bytes)
{
    return packet_run(s, s->tx, srtp_protect, buf, &bytes) ? 0 : bytes;
}

size_t seal_rtcp(struct seal *s, uint8_t *buf, size_t bytes)
{
    return packet_run(s, s->tx, srtp_protect_rtcp, buf, &bytes) ? 0 : bytes;
}
