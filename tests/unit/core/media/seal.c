/*
 * SRTP. Goal: packets are what RFC 3711, 6188 and 7714 say, and nothing that is not the peer's changes anything.
 * Method: reference packets of libsrtp's own driver; RFC 3711 appendix B through an independent little implementation
 * of AES-CM here, whose packets must equal ours; then forged, cut, replayed and reordered packets, 100,000 of them
 * (attack A27), under the malloc guard as on a worker.
 */
#include "core/base/mem.h"
#include "core/media/rtcp.h"
#include "core/media/rtp.h"
#include "core/media/seal.h"
#include "tests/nomalloc.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { ROOM = 2048 };

static uint64_t seed = 88172645463325252ull;

static uint64_t draw(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

/* ---- vectors ---- */

static char *file_text(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/srtp/%s", TEST_DATA, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = calloc(1, 65536);
    assert_true(fread(text, 1, 65535, f) > 0);
    fclose(f);
    return text;
}

/* Bytes of the hexadecimal string that follows "field": in its section. @return how many */
static size_t vector(const char *file, const char *section, const char *field, uint8_t *out)
{
    char *text = file_text(file), quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", section);
    const char *at = strstr(text, quoted);
    assert_non_null(at);
    snprintf(quoted, sizeof quoted, "\"%s\"", field);
    at = strstr(at, quoted);
    assert_non_null(at);
    at = strchr(at + strlen(quoted), '"') + 1;
    size_t n = 0;
    for (unsigned byte; sscanf(at + 2 * n, "%2x", &byte) == 1; n++) {
        out[n] = (uint8_t)byte;
    }
    free(text);
    return n;
}

static struct seal *seal_of(enum seal_suite suite, const uint8_t *rx, const uint8_t *tx, uint32_t ssrc)
{
    struct seal_keys keys = {.suite = suite};
    memcpy(keys.rx, rx, seal_key_bytes(suite));
    memcpy(keys.tx, tx, seal_key_bytes(suite));
    struct seal *s;
    assert_int_equal(seal_build(&s, &keys, ssrc), 0);
    return s;
}

static void reference_packets(void **state)
{
    static const struct {
        enum seal_suite suite;
        const char *rtp, *rtcp;
    } cases[] = {{SEAL_AES_CM_128_HMAC_SHA1_80, "srtp_plaintext_ref", "rtcp_plaintext_ref"},
                 {SEAL_AES_256_CM_HMAC_SHA1_80, "srtp_plaintext_ref", NULL},
                 {SEAL_AEAD_AES_128_GCM, "rtp_plaintext_ref", "rtcp_plaintext_ref"}};
    static const char file[] = "libsrtp_reference_packets.json";
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *name = seal_suite_name(cases[i].suite);
        uint8_t key[64], plain[ROOM], sealed[ROOM];
        _Alignas(4) uint8_t packet[ROOM];
        vector(file, name, "master_key_and_salt", key);
        struct seal *s = seal_of(cases[i].suite, key, key, 0xcafebabe);
        for (unsigned rtcp = 0; rtcp < 2; rtcp++) {
            if (rtcp && !cases[i].rtcp) {
                continue;
            }
            size_t n = vector(file, name, rtcp ? cases[i].rtcp : cases[i].rtp, plain);
            size_t n_sealed = vector(file, name, rtcp ? "srtcp_ciphertext" : "srtp_ciphertext", sealed);
            memcpy(packet, plain, n);
            assert_int_equal(rtcp ? seal_rtcp(s, packet, n) : seal_rtp(s, packet, n), n_sealed);
            assert_memory_equal(packet, sealed, n_sealed);
            assert_int_equal(rtcp ? seal_open_rtcp(s, packet, &n_sealed) : seal_open_rtp(s, packet, &n_sealed), 0);
            assert_int_equal(n_sealed, n);
            assert_memory_equal(packet, plain, n);
        }
        seal_free(s);
    }
}

/* ---- RFC 3711 by itself ---- */

/* AES in counter mode: n bytes of key stream from a first counter block. */
static void key_stream(const uint8_t *key, size_t key_bytes, const uint8_t iv[16], uint8_t *out, size_t n)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int written;
    memset(out, 0, n);
    EVP_EncryptInit_ex(ctx, key_bytes == 16 ? EVP_aes_128_ctr() : EVP_aes_256_ctr(), NULL, key, iv);
    EVP_EncryptUpdate(ctx, out, &written, out, (int)n);
    EVP_CIPHER_CTX_free(ctx);
}

/* RFC 3711 4.3.1, key derivation rate 0. */
static void derive(const uint8_t *master, size_t key_bytes, uint8_t label, uint8_t *out, size_t n)
{
    uint8_t iv[16] = {0};
    memcpy(iv, master + key_bytes, 14);
    iv[7] ^= label;
    key_stream(master, key_bytes, iv, out, n);
}

/* RFC 3711 4.1.1 and 4.2: what an RTP packet of n bytes, 12 of them header, must become. */
static size_t packet_sealed(const uint8_t *master, size_t key_bytes, size_t tag_bytes, uint32_t roc, uint8_t *p,
                            size_t n)
{
    uint8_t key[32], salt[14], auth[20], iv[16] = {0}, stream[ROOM], tag[20], message[ROOM + 4];
    derive(master, key_bytes, 0, key, key_bytes);
    derive(master, key_bytes, 1, auth, sizeof auth);
    derive(master, key_bytes, 2, salt, sizeof salt);
    memcpy(iv, salt, 14);
    for (unsigned i = 0; i < 4; i++) {
        iv[4 + i] ^= p[8 + i];                       /* SSRC */
        iv[8 + i] ^= (uint8_t)(roc >> (24 - 8 * i)); /* index: rollover counter ... */
    }
    iv[12] ^= p[2]; /* ... and sequence number */
    iv[13] ^= p[3];
    key_stream(key, key_bytes, iv, stream, n - 12);
    for (size_t i = 12; i < n; i++) {
        p[i] ^= stream[i - 12];
    }
    memcpy(message, p, n);
    store_be32(message + n, roc);
    HMAC(EVP_sha1(), auth, sizeof auth, message, n + 4, tag, NULL);
    memcpy(p + n, tag, tag_bytes);
    return n + tag_bytes;
}

/* C57. */
static void rfc3711_appendix_b(void **state)
{
    static const char file[] = "rfc3711_appendix_b.json";
    uint8_t key[64], iv[16], want[128], got[128];
    static const char *const counters[] = {"F0F1F2F3F4F5F6F7F8F9FAFBFCFD0000", "F0F1F2F3F4F5F6F7F8F9FAFBFCFD0002",
                                           "F0F1F2F3F4F5F6F7F8F9FAFBFCFDFF01"};
    assert_int_equal(vector(file, "rfc3711_B2_aes_cm", "session_key", key), 16);
    for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
        for (unsigned k = 0; k < 16; k++) {
            unsigned byte;
            assert_int_equal(sscanf(counters[i] + 2 * k, "%2x", &byte), 1);
            iv[k] = (uint8_t)byte;
        }
        size_t n = vector(file, "rfc3711_B2_aes_cm", counters[i], want);
        key_stream(key, 16, iv, got, n);
        assert_memory_equal(got, want, n);
    }
    static const struct {
        const char *field;
        uint8_t label;
    } keys[] = {{"cipher_key", 0},       {"auth_key", 1},       {"cipher_salt", 2},
                {"srtcp_cipher_key", 3}, {"srtcp_auth_key", 4}, {"srtcp_salt", 5}};
    size_t n_key = vector(file, "rfc3711_B3_key_derivation", "master_key", key);
    vector(file, "rfc3711_B3_key_derivation", "master_salt", key + n_key);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        size_t n = vector(file, "rfc3711_B3_key_derivation", keys[i].field, want);
        derive(key, n_key, keys[i].label, got, n);
        assert_memory_equal(got, want, n);
    }
}

/* ---- life of a stream ---- */

static const enum seal_suite all[] = {SEAL_AES_CM_128_HMAC_SHA1_80, SEAL_AES_CM_128_HMAC_SHA1_32,
                                      SEAL_AES_256_CM_HMAC_SHA1_80, SEAL_AES_256_CM_HMAC_SHA1_32,
                                      SEAL_AEAD_AES_128_GCM,        SEAL_AEAD_AES_256_GCM};

/* Two ends of one leg: what `here` seals `there` opens. */
struct pair {
    struct seal *here, *there;
    uint8_t key_here[SEAL_KEY_BYTES_MAX], key_there[SEAL_KEY_BYTES_MAX];
    uint32_t ssrc;
};

static struct pair pair_open(enum seal_suite suite, uint32_t ssrc)
{
    struct pair p = {.ssrc = ssrc};
    for (unsigned i = 0; i < SEAL_KEY_BYTES_MAX; i++) {
        p.key_here[i] = (uint8_t)draw();
        p.key_there[i] = (uint8_t)draw();
    }
    p.here = seal_of(suite, p.key_there, p.key_here, ssrc);
    p.there = seal_of(suite, p.key_here, p.key_there, ssrc + 1);
    return p;
}

static void pair_close(struct pair *p)
{
    seal_free(p->here);
    seal_free(p->there);
}

static size_t plain_make(uint8_t *buf, uint32_t ssrc, uint16_t seq, size_t payload)
{
    size_t n = rtp_write(buf, 0, false, seq, seq * 160u, ssrc, NULL, 0);
    for (size_t i = 0; i < payload; i++) {
        buf[n + i] = (uint8_t)(seq + i);
    }
    return n + payload;
}

static size_t sealed_make(struct pair *p, uint8_t *buf, uint16_t seq)
{
    nomalloc_begin();
    size_t n = seal_rtp(p->here, buf, plain_make(buf, p->ssrc, seq, 160));
    nomalloc_end();
    return n;
}

static enum drop opened(struct pair *p, uint8_t *buf, size_t n)
{
    nomalloc_begin();
    enum drop drop = seal_open_rtp(p->there, buf, &n);
    nomalloc_end();
    return drop;
}

static enum drop passes(struct pair *p, uint16_t seq)
{
    _Alignas(4) uint8_t buf[ROOM], plain[ROOM];
    size_t n_plain = plain_make(plain, p->ssrc, seq, 160), n = sealed_make(p, buf, seq);
    assert_true(n > n_plain && n <= n_plain + SEAL_RTP_BYTES);
    assert_memory_not_equal(buf + RTP_HEADER_BYTES, plain + RTP_HEADER_BYTES, 160);
    enum drop drop = opened(p, buf, n);
    if (!drop) {
        assert_memory_equal(buf, plain, n_plain);
    }
    return drop;
}

static void against_own_rfc3711(void **state)
{
    for (size_t i = 0; i < 4; i++) { /* the counter mode suites */
        struct pair p = pair_open(all[i], 0x12345678);
        size_t key_bytes = seal_key_bytes(all[i]) - 14, tag_bytes = all[i] % 2 ? 10 : 4;
        _Alignas(4) uint8_t ours[ROOM], theirs[ROOM];
        for (uint32_t index = 65000; index < 66000; index++) {
            size_t payload = index % 2 ? index % 40 : draw() % 1400;
            size_t n = plain_make(theirs, p.ssrc, (uint16_t)index, payload);
            memcpy(ours, theirs, n);
            n = packet_sealed(p.key_here, key_bytes, tag_bytes, index >> 16, theirs, n);
            assert_int_equal(seal_rtp(p.here, ours, RTP_HEADER_BYTES + payload), n);
            assert_memory_equal(ours, theirs, n);
        }
        pair_close(&p);
    }
}

static void round_trips(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct pair p = pair_open(all[i], (uint32_t)draw());
        for (uint16_t seq = 0; seq < 300; seq++) {
            assert_int_equal(passes(&p, seq), DROP_NONE);
        }
        for (unsigned k = 0; k < 20; k++) {
            _Alignas(4) uint8_t buf[ROOM], plain[ROOM];
            struct rtcp_report r = {.ssrc = p.ssrc, .sender = true, .cname = "a", .packets = k};
            size_t n_plain = rtcp_write(buf, &r);
            memcpy(plain, buf, n_plain);
            nomalloc_begin();
            size_t n = seal_rtcp(p.here, buf, n_plain);
            nomalloc_end();
            assert_true(n > n_plain && n <= n_plain + SEAL_RTCP_BYTES);
            assert_memory_not_equal(buf + 8, plain + 8, n_plain - 8);
            nomalloc_begin();
            enum drop drop = seal_open_rtcp(p.there, buf, &n);
            nomalloc_end();
            assert_int_equal(drop, DROP_NONE);
            assert_int_equal(n, n_plain);
            assert_memory_equal(buf, plain, n_plain);
        }
        pair_close(&p);
    }
}

/* RFC 3711 3.1, RFC 7714 8.1, 17.1: the MKI stands before the tag, AES-GCM's tag before it; it is not authenticated. */
static void named_keys(void **state)
{
    static const struct seal_mki names[] = {{1, 1}, {1, 4}, {0x0102030405060708, 8}, {0xa5, 9}, {0xff, SEAL_MKI_MAX}};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        for (size_t k = 0; k < ARRAY_LEN(names); k++) {
            struct pair plain = pair_open(all[i], 77), named = {0};
            struct seal_keys keys = {.suite = all[i], .mki_tx = names[k]};
            memcpy(keys.tx, plain.key_here, sizeof keys.tx);
            assert_int_equal(seal_build(&named.here, &keys, 77), 0);
            struct seal_keys back = {.suite = all[i], .mki_rx = names[k]};
            memcpy(back.rx, plain.key_here, sizeof back.rx);
            assert_int_equal(seal_build(&named.there, &back, 78), 0);
            named.ssrc = 77;
            size_t tail = i >= 4 ? 0 : all[i] % 2 ? 10 : 4, mki = names[k].bytes;
            _Alignas(4) uint8_t want[ROOM], got[ROOM];
            for (uint16_t seq = 1; seq < 5; seq++) {
                size_t n = sealed_make(&plain, want, seq);
                assert_int_equal(sealed_make(&named, got, seq), n + mki);
                assert_memory_equal(got, want, n - tail);
                assert_memory_equal(got + n - tail + mki, want + n - tail, tail);
                for (unsigned b = 0; b < mki; b++) {
                    unsigned from_end = (unsigned)mki - 1 - b;
                    assert_int_equal(got[n - tail + b], from_end < 8 ? names[k].value >> 8 * from_end & 0xff : 0);
                }
                got[n - tail] ^= 1;
                assert_int_equal(opened(&named, got, n + mki), DROP_MKI);
                sealed_make(&named, got, (uint16_t)(seq + 100));
                assert_int_equal(opened(&named, got, n + mki), DROP_NONE);
                assert_int_not_equal(opened(&named, want, n), DROP_NONE); /* without a name */
            }
            assert_int_not_equal(opened(&named, got, 5), DROP_NONE);
            struct rtcp_report r = {.ssrc = 77, .sender = true, .cname = "a"};
            size_t n_plain = rtcp_write(want, &r);
            memcpy(got, want, n_plain);
            size_t n = seal_rtcp(named.here, got, n_plain);
            assert_true(n > n_plain + mki && n <= n_plain + SEAL_RTCP_BYTES + mki);
            assert_int_equal(seal_open_rtcp(named.there, got, &n), DROP_NONE);
            assert_int_equal(n, n_plain);
            assert_memory_equal(got, want, n);
            /* No packet grows beyond what may be sent. */
            size_t longest = PACKET_BYTES_MAX - SEAL_RTP_BYTES - mki;
            n = plain_make(got, 77, 300, longest + 1 - RTP_HEADER_BYTES);
            assert_int_equal(seal_rtp(named.here, got, n), 0);
            n = plain_make(got, 77, 300, longest - RTP_HEADER_BYTES);
            assert_in_range(seal_rtp(named.here, got, n), n + 1, PACKET_BYTES_MAX);
            seal_free(named.here);
            seal_free(named.there);
            pair_close(&plain);
        }
    }
    struct seal *s;
    struct seal_keys keys = {.suite = SEAL_AES_CM_128_HMAC_SHA1_80, .mki_rx = {1, SEAL_MKI_MAX + 1}};
    assert_int_equal(seal_build(&s, &keys, 1), -EINVAL);
}

static void every_bit_counts(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct pair p = pair_open(all[i], 77);
        _Alignas(4) uint8_t good[ROOM], bad[ROOM];
        assert_int_equal(passes(&p, 100), DROP_NONE);
        size_t n = sealed_make(&p, good, 101);
        for (size_t bit = 0; bit < 8 * n; bit++) {
            memcpy(bad, good, n);
            bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_not_equal(opened(&p, bad, n), DROP_NONE);
        }
        for (size_t cut = 0; cut < n; cut++) {
            uint8_t *exact = aligned_alloc(16, (cut + 16) / 16 * 16);
            memcpy(exact, good, cut);
            assert_int_not_equal(opened(&p, exact, cut), DROP_NONE);
            free(exact);
        }
        assert_int_equal(opened(&p, good, n), DROP_NONE); /* and none of it has spoilt the real one */
        pair_close(&p);
    }
}

static void forged_rtcp(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct pair p = pair_open(all[i], 77);
        _Alignas(4) uint8_t good[ROOM], bad[ROOM];
        struct rtcp_report r = {.ssrc = p.ssrc, .cname = "a", .bye = true};
        size_t n = seal_rtcp(p.here, good, rtcp_write(good, &r)), len;
        for (size_t bit = 0; bit < 8 * n; bit++) {
            memcpy(bad, good, n);
            bad[bit / 8] ^= (uint8_t)(1 << bit % 8);
            len = n;
            assert_int_not_equal(seal_open_rtcp(p.there, bad, &len), DROP_NONE);
        }
        for (size_t cut = 0; cut < n; cut++) {
            uint8_t *exact = aligned_alloc(16, (cut + 16) / 16 * 16);
            memcpy(exact, good, cut);
            len = cut;
            assert_int_not_equal(seal_open_rtcp(p.there, exact, &len), DROP_NONE);
            free(exact);
        }
        memcpy(bad, good, n);
        len = n;
        assert_int_equal(seal_open_rtcp(p.there, good, &len), DROP_NONE);
        assert_int_equal(seal_open_rtcp(p.there, bad, &n), DROP_REPLAY);
        pair_close(&p);
    }
}

static void replayed_and_reordered(void **state)
{
    enum { N = 300 };
    static _Alignas(4) uint8_t kept[N][ROOM];
    static size_t lengths[N];
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct pair p = pair_open(all[i], 9);
        _Alignas(4) uint8_t copy[ROOM];
        for (uint16_t k = 0; k < N; k++) {
            lengths[k] = sealed_make(&p, kept[k], (uint16_t)(1000 + k));
        }
        for (unsigned k = 0; k < N; k += 10) { /* each ten backwards */
            for (int j = 9; j >= 0; j--) {
                memcpy(copy, kept[k + (unsigned)j], lengths[k + (unsigned)j]);
                assert_int_equal(opened(&p, copy, lengths[k + (unsigned)j]), DROP_NONE);
            }
        }
        for (unsigned k = 0; k < N; k++) { /* inside the window and beyond it */
            memcpy(copy, kept[k], lengths[k]);
            assert_int_equal(opened(&p, copy, lengths[k]), DROP_REPLAY);
        }
        pair_close(&p);
    }
}

static void rollover(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct pair p = pair_open(all[i], 5);
        _Alignas(4) uint8_t old[ROOM], lost[ROOM], before[ROOM], late[ROOM];
        size_t n_old = sealed_make(&p, old, 1), n_late = 0;
        memcpy(before, old, n_old);
        assert_int_equal(opened(&p, old, n_old), DROP_NONE);
        for (uint32_t index = 2; index < 2 * 65536 + 300; index++) {
            if (index % 65536 == 65534) {
                n_late = sealed_make(&p, late, (uint16_t)index); /* comes on the other side of the wrap */
            } else if (index % 65536 == 0 || index % 97 == 0) {
                sealed_make(&p, lost, (uint16_t)index);
            } else {
                assert_int_equal(passes(&p, (uint16_t)index), DROP_NONE);
            }
            if (index % 65536 == 5 && n_late) {
                assert_int_equal(opened(&p, late, n_late), DROP_NONE);
            }
        }
        assert_int_not_equal(opened(&p, before, n_old), DROP_NONE); /* of the first round: another index by now */
        assert_int_equal(passes(&p, 300), DROP_NONE);
        pair_close(&p);
    }
}

/* A27 */
static void flood(void **state)
{
    struct pair p = pair_open(SEAL_AES_CM_128_HMAC_SHA1_80, 0xabcd);
    _Alignas(4) uint8_t kept[ROOM], bad[ROOM];
    uint16_t seq = 60000;
    assert_int_equal(passes(&p, seq++), DROP_NONE);
    size_t n_kept = sealed_make(&p, kept, seq++);
    memcpy(bad, kept, n_kept);
    assert_int_equal(opened(&p, bad, n_kept), DROP_NONE);
    for (unsigned i = 0; i < 100000; i++) {
        memcpy(bad, kept, n_kept);
        switch (draw() % 5) {
        case 0: /* exactly what was there before */
            break;
        case 1: /* another SSRC */
            store_be32(bad + 8, (uint32_t)draw());
            break;
        case 2: /* the next sequence numbers, or a jump over the rollover */
            store_be16(bad + 2, (uint16_t)(seq + (draw() % 2 ? draw() % 5 : 32767)));
            break;
        case 3:
            bad[n_kept - 1 - draw() % 10] ^= (uint8_t)(1 + draw() % 255);
            break;
        default: /* noise with a header */
            for (size_t k = 12; k < n_kept; k++) {
                bad[k] = (uint8_t)draw();
            }
            store_be16(bad + 2, (uint16_t)draw());
        }
        assert_int_not_equal(opened(&p, bad, n_kept), DROP_NONE);
        if (i % 10 == 0) {
            assert_int_equal(passes(&p, seq++), DROP_NONE);
        }
    }
    pair_close(&p);
}

static void restarts(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct pair p = pair_open(all[i], 1);
        struct seal *first = p.here;
        for (unsigned n = 0; n < SEAL_SSRCS_MAX + 3; n++) {
            struct seal *again = n ? seal_of(all[i], p.key_there, p.key_here, n + 1) : first;
            p.here = again;
            p.ssrc = n + 1;
            for (uint16_t seq = 40000; seq < 40010; seq++) {
                assert_int_equal(passes(&p, seq), n < SEAL_SSRCS_MAX ? DROP_NONE : DROP_SEAL);
            }
            if (n) {
                seal_free(again);
            }
        }
        p.here = first;
        p.ssrc = 1;
        assert_int_equal(passes(&p, 40010), DROP_NONE);
        pair_close(&p);
    }
}

static void taken_over(void **state)
{
    struct pair p = pair_open(SEAL_AES_256_CM_HMAC_SHA1_80, 3);
    for (uint32_t index = 0; index < 65536 + 50; index++) {
        assert_int_equal(passes(&p, (uint16_t)index), DROP_NONE);
    }
    /* Same keys: both ends go on in the second round of sequence numbers. */
    struct seal *here = seal_of(SEAL_AES_256_CM_HMAC_SHA1_80, p.key_there, p.key_here, 99);
    struct seal *there = seal_of(SEAL_AES_256_CM_HMAC_SHA1_80, p.key_here, p.key_there, 98);
    assert_true(seal_take_over(here, p.here));
    assert_true(seal_take_over(there, p.there));
    pair_close(&p);
    p.here = here;
    p.there = there;
    assert_int_equal(passes(&p, 50), DROP_NONE);
    _Alignas(4) uint8_t buf[ROOM];
    assert_int_equal(seal_rtp(p.here, buf, plain_make(buf, p.ssrc, 20, 160)), 0); /* an index is never used again */
    /* The peer's key stays, ours is new: our direction begins as a new stream. */
    uint8_t other[SEAL_KEY_BYTES_MAX] = {7};
    here = seal_of(SEAL_AES_256_CM_HMAC_SHA1_80, p.key_there, other, 4);
    assert_false(seal_take_over(here, p.here));
    there = seal_of(SEAL_AES_256_CM_HMAC_SHA1_80, other, p.key_there, 98);
    assert_true(seal_take_over(there, p.there));
    pair_close(&p);
    p.here = here;
    p.there = there;
    p.ssrc = 4;
    assert_int_equal(passes(&p, 0), DROP_NONE);
    /* Another suite, plain RTP: nothing to go on with. */
    here = seal_of(SEAL_AEAD_AES_256_GCM, p.key_there, other, 4);
    assert_false(seal_take_over(here, p.here));
    assert_false(seal_take_over(here, NULL));
    assert_false(seal_take_over(NULL, here));
    assert_true(seal_take_over(NULL, NULL));
    seal_free(here);
    pair_close(&p);
}

/* A worker is another thread than the one that built the leg: the libraries must want nothing of their own there. */
static void *on_worker(void *p)
{
    bool good = true;
    for (uint16_t seq = 0; seq < 20; seq++) {
        _Alignas(4) uint8_t buf[ROOM], bad[ROOM];
        size_t n = sealed_make(p, buf, seq);
        memcpy(bad, buf, n);
        bad[n - 1] ^= 1;
        good &= opened(p, bad, n) == DROP_AUTH && opened(p, buf, n) == DROP_NONE;
    }
    return good ? p : NULL;
}

static void another_thread(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct pair p = pair_open(all[i], 1);
        pthread_t thread;
        void *good;
        assert_int_equal(pthread_create(&thread, NULL, on_worker, &p), 0);
        assert_int_equal(pthread_join(thread, &good), 0);
        assert_ptr_equal(good, &p);
        pair_close(&p);
    }
}

/* Blocks that do not fit their piece of heap cost another one, and lie apart. */
static void memory(void **state)
{
#ifdef MIXMINUS_SANITIZED
    skip(); /* another heap, that cannot be asked */
#endif
    enum { N = 100, BYTES_MAX = 7168 };
    struct seal *seals[N];
    for (size_t j = 0; j < 8; j++) { /* the counter mode suites: nothing of them is OpenSSL's */
        size_t i = j / 2, before = mallinfo2().uordblks;
        for (unsigned k = 0; k < N; k++) {
            uint8_t key[SEAL_KEY_BYTES_MAX] = {(uint8_t)k};
            seals[k] = seal_of(all[i], key, key, k);
        }
        assert_in_range((mallinfo2().uordblks - before) / N, 1, BYTES_MAX);
        for (unsigned k = 0; k < N; k++) {
            seal_free(seals[k]);
        }
        if (j % 2) { /* the first time some stay in the heap's cache for the next one */
            assert_int_equal(mallinfo2().uordblks, before);
        }
    }
}

static void suites(void **state)
{
    struct seal *s;
    struct seal_keys keys = {.suite = SEAL_NONE};
    assert_int_equal(seal_build(&s, &keys, 1), -EINVAL);
    keys.suite = SEAL_SUITES;
    assert_int_equal(seal_build(&s, &keys, 1), -EINVAL);
    assert_string_equal(seal_suite_name(SEAL_AEAD_AES_256_GCM), "AEAD_AES_256_GCM");
    assert_int_equal(seal_key_bytes(SEAL_AES_CM_128_HMAC_SHA1_80), 30);
    struct seal_keys a = {.suite = SEAL_AEAD_AES_128_GCM}, b = a;
    b.tx[28] = 1; /* beyond the key */
    assert_true(seal_keys_same(&a, &b));
    b.tx[27] = 1;
    assert_false(seal_keys_same(&a, &b));
}

int main(void)
{
    if (seal_start() != 0) {
        return 1;
    }
    if (!seal_is_fast()) {
        return 77; /* the packaged library uses the heap */
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(suites),
        cmocka_unit_test(reference_packets),
        cmocka_unit_test(rfc3711_appendix_b),
        cmocka_unit_test(against_own_rfc3711),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(named_keys),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(forged_rtcp),
        cmocka_unit_test(replayed_and_reordered),
        cmocka_unit_test(rollover),
        cmocka_unit_test(flood),
        cmocka_unit_test(restarts),
        cmocka_unit_test(taken_over),
        cmocka_unit_test(another_thread),
        cmocka_unit_test(memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
