/*
 * libsrtp2's cipher and authentication types over cipher.h: head and state of each object in one block. libsrtp2 sets
 * the counter, runs a cipher once and hashes a packet for each packet; its own key derivation goes the same way.
 */
#include "core/media/seal_types.h"

#include "core/base/mem.h"
#include "core/media/cipher.h"

#include <errno.h>
#include <string.h>

#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/srtp.h>

enum { SALT_BYTES = 14 /* they follow the key: RFC 3711 4.1.1 */ };

/* ---- AES in counter mode ---- */

struct ctr_state {
    uint8_t salt[CIPHER_BLOCK_BYTES];
    struct cipher_ctr ctr; /* last: it is as long as its key asks for */
};

struct ctr_object {
    srtp_cipher_t head;
    struct ctr_state state;
};

static const srtp_cipher_type_t ctr_128, ctr_256;

static srtp_err_status_t ctr_alloc(srtp_cipher_t **out, int key_len, int tag_len)
{
    if (key_len != SRTP_AES_ICM_128_KEY_LEN_WSALT && key_len != SRTP_AES_ICM_256_KEY_LEN_WSALT) {
        return srtp_err_status_bad_param;
    }
    size_t key_bytes = (size_t)key_len - SALT_BYTES;
    size_t bytes = offsetof(struct ctr_object, state.ctr) + cipher_ctr_bytes(key_bytes);
    struct ctr_object *o = mem_block_get(bytes);
    if (!o) {
        return srtp_err_status_alloc_fail;
    }
    memset(o, 0, bytes);
    bool wide = key_len == SRTP_AES_ICM_256_KEY_LEN_WSALT;
    o->head = (srtp_cipher_t){.type = wide ? &ctr_256 : &ctr_128,
                              .state = &o->state,
                              .key_len = key_len,
                              .algorithm = wide ? SRTP_AES_ICM_256 : SRTP_AES_ICM_128};
    o->state.ctr.key_bytes = (uint32_t)key_bytes;
    *out = &o->head;
    return srtp_err_status_ok;
}

static srtp_err_status_t ctr_dealloc(srtp_cipher_t *head)
{
    struct ctr_object *o = (struct ctr_object *)head;
    explicit_bzero(o, offsetof(struct ctr_object, state.ctr) + cipher_ctr_bytes(o->state.ctr.key_bytes));
    mem_block_put(o);
    return srtp_err_status_ok;
}

static srtp_err_status_t ctr_init(void *state, const uint8_t *key)
{
    struct ctr_state *s = state;
    cipher_ctr_init(&s->ctr, key, s->ctr.key_bytes);
    memcpy(s->salt, key + s->ctr.key_bytes, SALT_BYTES);
    return srtp_err_status_ok;
}

static srtp_err_status_t ctr_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
    struct ctr_state *s = state;
    for (unsigned i = 0; i < CIPHER_BLOCK_BYTES; i++) {
        s->ctr.counter[i] = s->salt[i] ^ iv[i];
    }
    return srtp_err_status_ok;
}

static srtp_err_status_t ctr_run(void *state, uint8_t *buf, unsigned *bytes)
{
    cipher_ctr_run(&((struct ctr_state *)state)->ctr, buf, *bytes);
    return srtp_err_status_ok;
}

/* ---- HMAC-SHA1 ---- */

struct mac_object {
    srtp_auth_t head;
    struct cipher_mac mac;
};

static const srtp_auth_type_t mac_sha1;

static srtp_err_status_t mac_alloc(srtp_auth_t **out, int key_len, int tag_len)
{
    if (key_len < 0 || key_len > CIPHER_MAC_KEY_BYTES || tag_len < 0 || tag_len > CIPHER_MAC_BYTES) {
        return srtp_err_status_bad_param;
    }
    struct mac_object *o = mem_block_get(sizeof *o);
    if (!o) {
        return srtp_err_status_alloc_fail;
    }
    *o = (struct mac_object){
        .head = {.type = &mac_sha1, .state = &o->mac, .key_len = key_len, .out_len = tag_len, .prefix_len = 0}};
    *out = &o->head;
    return srtp_err_status_ok;
}

static srtp_err_status_t mac_dealloc(srtp_auth_t *head)
{
    explicit_bzero(head, sizeof(struct mac_object));
    mem_block_put(head);
    return srtp_err_status_ok;
}

static srtp_err_status_t mac_init(void *mac, const uint8_t *key, int key_len)
{
    cipher_mac_init(mac, key, (size_t)key_len);
    return srtp_err_status_ok;
}

static srtp_err_status_t mac_start(void *mac)
{
    cipher_mac_begin(mac);
    return srtp_err_status_ok;
}

static srtp_err_status_t mac_update(void *mac, const uint8_t *bytes, int n)
{
    cipher_mac_add(mac, bytes, (size_t)n);
    return srtp_err_status_ok;
}

static srtp_err_status_t mac_compute(void *mac, const uint8_t *bytes, int n, int tag_len, uint8_t *tag)
{
    cipher_mac_add(mac, bytes, (size_t)n);
    cipher_mac_end(mac, tag, (size_t)tag_len);
    return srtp_err_status_ok;
}

/* ---- the types, with a vector each: libsrtp2 has no type without one ---- */

/* NIST SP 800-38A F.5.1 and F.5.5. Their counter block is salt XOR iv. */
static const uint8_t ctr_plain[] = {0x6b, 0xc1, 0xbe, 0xe2, 0x2e, 0x40, 0x9f, 0x96, 0xe9, 0x3d, 0x7e,
                                    0x11, 0x73, 0x93, 0x17, 0x2a, 0xae, 0x2d, 0x8a, 0x57, 0x1e, 0x03,
                                    0xac, 0x9c, 0x9e, 0xb7, 0x6f, 0xac, 0x45, 0xaf, 0x8e, 0x51};
#define CTR_SALT 0xf0, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd
static uint8_t ctr_iv[CIPHER_BLOCK_BYTES] = {[14] = 0xfe, [15] = 0xff}; /* libsrtp2 wants it writable; nobody writes */

static const uint8_t ctr_128_key[] = {0x2b, 0x7e, 0x15, 0x16, 0x28, 0xae, 0xd2, 0xa6,    0xab,
                                      0xf7, 0x15, 0x88, 0x09, 0xcf, 0x4f, 0x3c, CTR_SALT};
static const uint8_t ctr_128_sealed[] = {0x87, 0x4d, 0x61, 0x91, 0xb6, 0x20, 0xe3, 0x26, 0x1b, 0xef, 0x68,
                                         0x64, 0x99, 0x0d, 0xb6, 0xce, 0x98, 0x06, 0xf6, 0x6b, 0x79, 0x70,
                                         0xfd, 0xff, 0x86, 0x17, 0x18, 0x7b, 0xb9, 0xff, 0xfd, 0xff};
static const srtp_cipher_test_case_t ctr_128_test = {
    .key_length_octets = sizeof ctr_128_key,
    .key = ctr_128_key,
    .idx = ctr_iv,
    .plaintext_length_octets = sizeof ctr_plain,
    .plaintext = ctr_plain,
    .ciphertext_length_octets = sizeof ctr_128_sealed,
    .ciphertext = ctr_128_sealed,
};

static const uint8_t ctr_256_key[] = {0x60, 0x3d, 0xeb, 0x10, 0x15, 0xca, 0x71, 0xbe, 0x2b, 0x73, 0xae,
                                      0xf0, 0x85, 0x7d, 0x77, 0x81, 0x1f, 0x35, 0x2c, 0x07, 0x3b, 0x61,
                                      0x08, 0xd7, 0x2d, 0x98, 0x10, 0xa3, 0x09, 0x14, 0xdf, 0xf4, CTR_SALT};
static const uint8_t ctr_256_sealed[] = {0x60, 0x1e, 0xc3, 0x13, 0x77, 0x57, 0x89, 0xa5, 0xb7, 0xa7, 0xf5,
                                         0x04, 0xbb, 0xf3, 0xd2, 0x28, 0xf4, 0x43, 0xe3, 0xca, 0x4d, 0x62,
                                         0xb5, 0x9a, 0xca, 0x84, 0xe9, 0x90, 0xca, 0xca, 0xf5, 0xc5};
static const srtp_cipher_test_case_t ctr_256_test = {
    .key_length_octets = sizeof ctr_256_key,
    .key = ctr_256_key,
    .idx = ctr_iv,
    .plaintext_length_octets = sizeof ctr_plain,
    .plaintext = ctr_plain,
    .ciphertext_length_octets = sizeof ctr_256_sealed,
    .ciphertext = ctr_256_sealed,
};

/* RFC 2202 3, the first. */
static const uint8_t mac_key[] = {0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b,
                                  0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b, 0x0b};
static const uint8_t mac_data[] = {'H', 'i', ' ', 'T', 'h', 'e', 'r', 'e'};
static const uint8_t mac_tag[] = {0xb6, 0x17, 0x31, 0x86, 0x55, 0x05, 0x72, 0x64, 0xe2, 0x8b,
                                  0xc0, 0xb6, 0xfb, 0x37, 0x8c, 0x8e, 0xf1, 0x46, 0xbe, 0x00};
static const srtp_auth_test_case_t mac_test = {
    .key_length_octets = sizeof mac_key,
    .key = mac_key,
    .data_length_octets = sizeof mac_data,
    .data = mac_data,
    .tag_length_octets = sizeof mac_tag,
    .tag = mac_tag,
};

static const srtp_cipher_type_t ctr_128 = {
    .alloc = ctr_alloc,
    .dealloc = ctr_dealloc,
    .init = ctr_init,
    .encrypt = ctr_run,
    .decrypt = ctr_run,
    .set_iv = ctr_set_iv,
    .description = "AES-128 in counter mode, libnettle",
    .test_data = &ctr_128_test,
    .id = SRTP_AES_ICM_128,
};
static const srtp_cipher_type_t ctr_256 = {
    .alloc = ctr_alloc,
    .dealloc = ctr_dealloc,
    .init = ctr_init,
    .encrypt = ctr_run,
    .decrypt = ctr_run,
    .set_iv = ctr_set_iv,
    .description = "AES-256 in counter mode, libnettle",
    .test_data = &ctr_256_test,
    .id = SRTP_AES_ICM_256,
};
static const srtp_auth_type_t mac_sha1 = {
    .alloc = mac_alloc,
    .dealloc = mac_dealloc,
    .init = mac_init,
    .compute = mac_compute,
    .update = mac_update,
    .start = mac_start,
    .description = "HMAC-SHA1, libnettle",
    .test_data = &mac_test,
    .id = SRTP_HMAC_SHA1,
};

int seal_types_load(void)
{
    bool good = srtp_replace_cipher_type(&ctr_128, SRTP_AES_ICM_128) == srtp_err_status_ok &&
                srtp_replace_cipher_type(&ctr_256, SRTP_AES_ICM_256) == srtp_err_status_ok &&
                srtp_replace_auth_type(&mac_sha1, SRTP_HMAC_SHA1) == srtp_err_status_ok;
    return good ? 0 : -EIO;
}
