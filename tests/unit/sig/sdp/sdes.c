/*
 * Security descriptions (RFC 4568) and SRTP in offer/answer. Method: lines of the RFC and of phones by table; offers
 * answered and answers accepted by the code of both sides, whose keys must meet; and every way in which RTP/SAVP could
 * become RTP/AVP, each of which must fail.
 */
#include "sig/sdp/offer.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define SAVP HEAD "m=audio 7000 RTP/SAVP 0\r\n"
#define KEY30 "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz" /* RFC 4568 4.1 and 6.1 */
#define CM80 "AES_CM_128_HMAC_SHA1_80"

static int line_read(struct sdes *sdes, const char *text)
{
    return sdes_read(sdes, (struct sdp_text){text, strlen(text)});
}

/* C58. */
static void lines_that_are_read(void **state)
{
    static const struct {
        const char *text;
        uint32_t tag;
        enum seal_suite suite;
    } lines[] = {
        {"1 " CM80 " inline:" KEY30, 1, SEAL_AES_CM_128_HMAC_SHA1_80},
        {"999999999 AES_CM_128_HMAC_SHA1_32 inline:" KEY30 "|2^20", 999999999, SEAL_AES_CM_128_HMAC_SHA1_32},
        {"2 " CM80 " inline:" KEY30 "|2^48", 2, SEAL_AES_CM_128_HMAC_SHA1_80},
        {"3 aes_cm_128_hmac_sha1_80 INLINE:" KEY30 "|1048576", 3, SEAL_AES_CM_128_HMAC_SHA1_80},
        {"4\t" CM80 "  inline:" KEY30 " WSH=128", 4, SEAL_AES_CM_128_HMAC_SHA1_80},
        {"5 " CM80 " inline:" KEY30 " -FOO=1", 5, SEAL_AES_CM_128_HMAC_SHA1_80},
        {"6 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw==", 6, SEAL_AEAD_AES_128_GCM},
        {"6 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw", 6, SEAL_AEAD_AES_128_GCM},
        {"7 AES_256_CM_HMAC_SHA1_80 inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLQ==", 7,
         SEAL_AES_256_CM_HMAC_SHA1_80},
        {"8 AEAD_AES_256_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis=", 8,
         SEAL_AEAD_AES_256_GCM},
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct sdes sdes;
        assert_int_equal(line_read(&sdes, lines[i].text), 0);
        assert_int_equal(sdes.tag, lines[i].tag);
        assert_int_equal(sdes.suite, lines[i].suite);
        if (lines[i].tag >= 6 && lines[i].tag < 9) {
            for (unsigned k = 0; k < SEAL_KEY_BYTES_MAX; k++) {
                assert_int_equal(sdes.key[k], k < seal_key_bytes(sdes.suite) ? k : 0);
            }
        } else {
            assert_memory_equal(sdes.key, "YS___semctl () {\t220;}\n}\nunles", 30);
        }
    }
}

static void lines_that_are_not(void **state)
{
    static const struct {
        const char *text;
        int err;
    } lines[] = {
        {"", -EBADMSG},
        {"1", -EBADMSG},
        {"1 " CM80, -EBADMSG},
        {"x " CM80 " inline:" KEY30, -EBADMSG},
        {"-1 " CM80 " inline:" KEY30, -EBADMSG},
        {"1000000000 " CM80 " inline:" KEY30, -EBADMSG},
        {"1 F8_128_HMAC_SHA1_80 inline:" KEY30, -ENOTSUP},
        {"1 AES_192_CM_HMAC_SHA1_80 inline:" KEY30, -ENOTSUP},
        {"1 " CM80 "_ inline:" KEY30, -ENOTSUP},
        {"1 " CM80 " inline:" KEY30 "|2^20|1:0", -EBADMSG},
        {"1 " CM80 " inline:" KEY30 "|1:129", -EBADMSG},
        {"1 " CM80 " inline:" KEY30 "|256:1", -EBADMSG},
        {"1 " CM80 " inline:" KEY30 "|:1", -EBADMSG},
        {"1 " CM80 " inline:" KEY30 "|1:", -EBADMSG},
        {"1 " CM80 " inline:" KEY30 "|-1:4", -EBADMSG},
        {"1 " CM80 " inline:" KEY30 "|1:4:4", -EBADMSG},
        {"1 " CM80 " inline:" KEY30 "|1:4|1:4", -EBADMSG},
        {"1 " CM80 " inline:" KEY30 "|1000000000000000000:8", -ENOTSUP},
        {"1 " CM80 " inline:" KEY30 "|2^20|1:4;inline:" KEY30 "|2^20|2:4", -ENOTSUP},
        {"1 " CM80 " inline:" KEY30 ";inline:" KEY30, -ENOTSUP},
        {"1 " CM80 " uri:" KEY30, -ENOTSUP},
        {"1 " CM80 " inline:" KEY30 " UNENCRYPTED_SRTP", -ENOTSUP},
        {"1 " CM80 " inline:" KEY30 " UNENCRYPTED_SRTCP", -ENOTSUP},
        {"1 " CM80 " inline:" KEY30 " UNAUTHENTICATED_SRTP", -ENOTSUP},
        {"1 " CM80 " inline:" KEY30 " KDR=0", -ENOTSUP},
        {"1 " CM80 " inline:" KEY30 " FEC_ORDER=FEC_SRTP", -ENOTSUP},
        {"1 " CM80 " inline:" KEY30 " WSH=63", -ENOTSUP},
        {"1 " CM80 " inline:" KEY30 " SOMETHING=NEW", -ENOTSUP},
        {"1 " CM80 " inline:" KEY30 "|", 0},
        {"1 " CM80 " inline:" KEY30 "|2^49", -EBADMSG},
        {"1 " CM80 " inline:" KEY30 "|2^", -EBADMSG},
        {"1 " CM80 " inline:" KEY30 "|0", -EBADMSG},
        {"1 " CM80 " inline:" KEY30 "|no", -EBADMSG},
        {"1 " CM80 " inline:", -EBADMSG},
        {"1 " CM80 " inline:abc", -EBADMSG},
        {"1 " CM80 " inline:" KEY30 "A", -EBADMSG},
        {"1 " CM80 " inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGV", -EBADMSG},
        {"1 " CM80 " inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGV!", -EBADMSG},
        {"1 " CM80 " inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGV=", -EBADMSG},
        {"6 AEAD_AES_128_GCM inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw===", -EBADMSG},
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct sdes sdes;
        assert_int_equal(line_read(&sdes, lines[i].text), lines[i].err);
    }
}

static void lines_that_are_written(void **state)
{
    for (enum seal_suite suite = SEAL_NONE + 1; suite < SEAL_SUITES; suite++) {
        struct sdes sdes = {.tag = 17, .suite = suite}, again;
        for (unsigned i = 0; i < seal_key_bytes(suite); i++) {
            sdes.key[i] = (uint8_t)(i * 37 + suite);
        }
        char text[256];
        struct sdp_out out = {text, 0, sizeof text, false};
        sdes_put(&out, &sdes);
        assert_memory_equal(text, "a=crypto:17 ", 12);
        assert_string_equal(text + out.n - 2, "\r\n");
        text[out.n - 2] = '\0';
        assert_int_equal(line_read(&again, text + 9), 0);
        assert_memory_equal(&sdes, &again, sizeof sdes);
    }
}

/* ---- offer and answer ---- */

static struct offer_policy policy_of(enum offer_srtp srtp)
{
    struct offer_policy p = {.family = AF_INET, .srtp = srtp};
    assert_int_equal(offer_policy_read(&p, "PCMU", 16000), 0);
    return p;
}

static struct offer_local local_of(uint8_t salt)
{
    struct offer_local l = {0};
    assert_int_equal(addr_parse(&l.rtp, "198.51.100.7", 40000), 0);
    for (unsigned i = 0; i < SDES_OFFERS_MAX; i++) {
        memset(l.fresh[i], salt + (int)i, SEAL_KEY_BYTES_MAX);
    }
    return l;
}

struct side {
    struct offer_session session;
    struct offer_policy policy;
    struct offer_local local;
    char text[4096];
    struct offer_media media;
};

static struct side side_of(enum offer_srtp srtp, uint8_t salt)
{
    struct side s = {.policy = policy_of(srtp), .local = local_of(salt)};
    offer_session_init(&s.session, salt);
    return s;
}

static void says_offer(struct side *s)
{
    struct sdp_out out = {s->text, 0, sizeof s->text, false};
    assert_int_equal(offer_write(&s->session, &s->policy, &s->local, true, true, &out), 0);
}

static int answers(struct side *s, const char *offer)
{
    struct sdp sdp;
    struct offer_pick pick;
    struct sdp_out out = {s->text, 0, sizeof s->text, false};
    int warning = 0;
    assert_int_equal(sdp_parse(&sdp, offer, strlen(offer)), 0);
    int err = offer_pick(&pick, &s->policy, &sdp, &warning);
    if (!err) {
        err = offer_answer(&s->session, &pick, &sdp, &s->local, &out);
        s->media = offer_settled(&s->session, &pick);
    }
    return err ? -warning : 0;
}

static int accepts(struct side *s, const char *answer)
{
    struct sdp sdp;
    assert_int_equal(sdp_parse(&sdp, answer, strlen(answer)), 0);
    return offer_accept(&s->session, &s->policy, &sdp, &s->media);
}

static void keys_meet(const struct side *a, const struct side *b)
{
    size_t n = seal_key_bytes(a->media.seal.suite);
    assert_int_equal(a->media.seal.suite, b->media.seal.suite);
    assert_int_not_equal(a->media.seal.suite, SEAL_NONE);
    assert_memory_equal(a->media.seal.rx, b->media.seal.tx, n);
    assert_memory_equal(a->media.seal.tx, b->media.seal.rx, n);
    assert_memory_not_equal(a->media.seal.tx, a->media.seal.rx, n);
}

static void both_sides_agree(void **state)
{
    for (enum seal_suite only = SEAL_NONE; only < SEAL_SUITES; only++) {
        struct side phone = side_of(OFFER_SRTP_REQUIRED, 1), server = side_of(OFFER_SRTP_OPTIONAL, 101);
        phone.policy.srtp_only = only;
        says_offer(&phone);
        assert_non_null(strstr(phone.text, "m=audio 40000 RTP/SAVP 0"));
        assert_int_equal(answers(&server, phone.text), 0);
        assert_non_null(strstr(server.text, "m=audio 40000 RTP/SAVP 0"));
        assert_int_equal(accepts(&phone, server.text), 0);
        keys_meet(&phone, &server);
        assert_int_equal(server.media.seal.suite, only ? only : SEAL_AEAD_AES_128_GCM);
        struct seal_keys before = server.media.seal;

        /* Asked again from either side, without a change of keys: nothing changes. */
        phone.local = local_of(11);
        server.local = local_of(111);
        says_offer(&phone);
        assert_int_equal(answers(&server, phone.text), 0);
        assert_int_equal(accepts(&phone, server.text), 0);
        keys_meet(&phone, &server);
        assert_true(seal_keys_same(&before, &server.media.seal));
        says_offer(&server);
        assert_int_equal(answers(&phone, server.text), 0);
        assert_int_equal(accepts(&server, phone.text), 0);
        keys_meet(&phone, &server);
        assert_true(seal_keys_same(&before, &server.media.seal));
        assert_true(offer_media_same_leg(&server.media, &server.media));

        /* A new key of the phone's brings a new one of ours. */
        memset(phone.session.seal.tx, 77, sizeof phone.session.seal.tx);
        struct offer_media last = server.media;
        says_offer(&phone);
        assert_int_equal(answers(&server, phone.text), 0);
        assert_int_equal(accepts(&phone, server.text), 0);
        keys_meet(&phone, &server);
        assert_memory_not_equal(before.tx, server.media.seal.tx, 16);
        assert_false(offer_media_same_leg(&last, &server.media));
    }
}

static void the_first_line_that_fits(void **state)
{
    struct side s = side_of(OFFER_SRTP_OPTIONAL, 1);
    assert_int_equal(answers(&s, SAVP "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" KEY30 "\r\n"
                                      "a=crypto:2 " CM80 " inline:" KEY30 "|2^31|1:1\r\n"
                                      "a=crypto:3 " CM80 " inline:" KEY30 " UNENCRYPTED_SRTCP\r\n"
                                      "a=crypto:nonsense\r\n"
                                      "a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:" KEY30 "|2^31\r\n"
                                      "a=crypto:5 " CM80 " inline:" KEY30 "\r\n"),
                     0);
    assert_non_null(strstr(s.text, "a=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:"));
    assert_null(strstr(s.text, KEY30)); /* not the peer's own key */
    const char *one = strstr(s.text, "a=crypto");
    assert_null(strstr(one + 1, "a=crypto"));
    /* SAVPF likewise; a profile is answered with itself. */
    assert_int_equal(answers(&s, HEAD "m=audio 7000 RTP/SAVPF 0\r\na=crypto:1 " CM80 " inline:" KEY30 "\r\n"), 0);
    assert_non_null(strstr(s.text, "m=audio 40000 RTP/SAVPF 0"));
}

/* C59. */
static void never_plain_instead(void **state)
{
    static const char *const refused[] = {
        SAVP,
        SAVP "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" KEY30 "\r\n",
        SAVP "a=crypto:1 " CM80 " inline:" KEY30 " UNENCRYPTED_SRTP\r\n",
        SAVP "a=crypto:1 " CM80 " inline:" KEY30 "|1:1;inline:" KEY30 "|2:1\r\n",
        SAVP "a=fingerprint:sha-1 00\r\n",
        HEAD "a=crypto:1 " CM80 " inline:" KEY30 "\r\nm=audio 7000 RTP/SAVP 0\r\n", /* not of the stream */
        HEAD "m=audio 7000 UDP/TLS/RTP/SAVP 0\r\na=crypto:1 " CM80 " inline:" KEY30 "\r\n",
        SAVP "m=video 7002 RTP/AVP 31\r\na=crypto:1 " CM80 " inline:" KEY30 "\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct side s = side_of(OFFER_SRTP_OPTIONAL, 1);
        assert_int_equal(answers(&s, refused[i]), -302);
    }
    struct side off = side_of(OFFER_SRTP_OFF, 1), required = side_of(OFFER_SRTP_REQUIRED, 1);
    assert_int_equal(answers(&off, SAVP "a=crypto:1 " CM80 " inline:" KEY30 "\r\n"), -302);
    assert_int_equal(answers(&off, HEAD "m=audio 7000 RTP/AVP 0\r\n"), 0);
    assert_int_equal(answers(&required, HEAD "m=audio 7000 RTP/AVP 0\r\n"), -302);
    assert_int_equal(answers(&off, HEAD "m=audio 7000 RTP/AVP 0\r\na=crypto:1 " CM80 " inline:" KEY30 "\r\n"), 0);
    assert_int_equal(off.media.seal.suite, SEAL_NONE);
    assert_int_equal(answers(&required, HEAD "m=audio 7000 RTP/AVP 0\r\na=crypto:1 X inline:" KEY30 "\r\n"), -302);
    /* Both are offered: the secure stream, wherever it stands. */
    struct side s = side_of(OFFER_SRTP_OPTIONAL, 1);
    assert_int_equal(answers(&s, HEAD "m=audio 7000 RTP/AVP 0\r\n"
                                      "m=audio 7002 RTP/SAVP 0\r\na=crypto:1 " CM80 " inline:" KEY30 "\r\n"),
                     0);
    assert_non_null(strstr(s.text, "m=audio 0 RTP/AVP 0\r\nm=audio 40000 RTP/SAVP 0\r\n"));
}

/* RFC 8643: RTP/AVP with keys is answered with RTP/AVP and keys, and every later offer has them. */
static void opportunistic(void **state)
{
    struct side s = side_of(OFFER_SRTP_OPTIONAL, 1), insists = side_of(OFFER_SRTP_REQUIRED, 1);
    static const char offer[] = HEAD "m=audio 7000 RTP/AVP 0\r\na=crypto:7 " CM80 " inline:" KEY30 "\r\n";
    assert_int_equal(answers(&s, offer), 0);
    assert_int_equal(s.media.seal.suite, SEAL_AES_CM_128_HMAC_SHA1_80);
    assert_non_null(strstr(s.text, "m=audio 40000 RTP/AVP 0"));
    assert_non_null(strstr(s.text, "a=crypto:7 " CM80 " inline:"));
    assert_int_equal(answers(&insists, offer), 0);
    assert_int_equal(insists.media.seal.suite, SEAL_AES_CM_128_HMAC_SHA1_80);
    says_offer(&s);
    assert_non_null(strstr(s.text, "m=audio 40000 RTP/AVP 0"));
    assert_non_null(strstr(s.text, "a=crypto:1 " CM80 " inline:"));
    assert_int_equal(accepts(&s, HEAD "m=audio 7000 RTP/AVP 0\r\n"), -ENOENT); /* once secure, never plain again */
    /* Where no line is understood it is plain, as without one. */
    struct side plain = side_of(OFFER_SRTP_OPTIONAL, 1);
    assert_int_equal(answers(&plain, HEAD "m=audio 7000 RTP/AVP 0\r\na=crypto:1 X inline:" KEY30 "\r\n"), 0);
    assert_int_equal(plain.media.seal.suite, SEAL_NONE);
    assert_null(strstr(plain.text, "a=crypto"));
}

/* RFC 4568 6.1: the name of the key goes both ways, and stays in what we say later. */
static void keys_with_names(void **state)
{
    static const struct {
        const char *said, *answered;
        uint64_t value;
        uint8_t bytes;
    } cases[] = {{"|2^31|1:1", "|1:1\r\n", 1, 1},
                 {"|1:4", "|1:4\r\n", 1, 4},
                 {"|255:1|2^20", "|255:1\r\n", 255, 1},
                 {"|999999999999999999:8", "|999999999999999999:8\r\n", 999999999999999999, 8},
                 {"|007:128", "|7:128\r\n", 7, 128}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct side s = side_of(OFFER_SRTP_OPTIONAL, 1), phone = side_of(OFFER_SRTP_REQUIRED, 101);
        char offer[512];
        snprintf(offer, sizeof offer, SAVP "a=crypto:3 " CM80 " inline:" KEY30 "%s\r\n", cases[i].said);
        assert_int_equal(answers(&s, offer), 0);
        assert_non_null(strstr(s.text, cases[i].answered));
        assert_true(s.media.seal.mki_rx.value == cases[i].value && s.media.seal.mki_rx.bytes == cases[i].bytes);
        assert_true(seal_mki_same(&s.media.seal.mki_rx, &s.media.seal.mki_tx));
        says_offer(&s);
        assert_non_null(strstr(s.text, cases[i].answered));
        /* In an answer to an offer of ours it names what the peer sends. */
        says_offer(&phone);
        snprintf(offer, sizeof offer, SAVP "a=crypto:2 " CM80 " inline:" KEY30 "%s\r\n", cases[i].said);
        assert_int_equal(accepts(&phone, offer), 0);
        assert_true(phone.media.seal.mki_rx.bytes == cases[i].bytes && phone.media.seal.mki_tx.bytes == 0);
    }
    struct side s = side_of(OFFER_SRTP_OPTIONAL, 1);
    assert_int_equal(answers(&s, SAVP "a=crypto:3 " CM80 " inline:" KEY30 "|1:4\r\n"), 0);
    struct offer_media named = s.media;
    assert_int_equal(answers(&s, SAVP "a=crypto:3 " CM80 " inline:" KEY30 "\r\n"), 0);
    assert_false(offer_media_same_leg(&named, &s.media)); /* the name is gone: other packets */
    assert_memory_equal(named.seal.tx, s.media.seal.tx, 30);
}

static void answers_that_are_refused(void **state)
{
    static const char *const refused[] = {
        SAVP,
        HEAD "m=audio 7000 RTP/AVP 0\r\n",
        HEAD "m=audio 7000 RTP/AVP 0\r\na=crypto:2 " CM80 " inline:" KEY30 "\r\n",
        SAVP "a=crypto:9 " CM80 " inline:" KEY30 "\r\n",                  /* a tag we did not offer */
        SAVP "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:" KEY30 "\r\n",   /* not that tag's suite */
        SAVP "a=crypto:2 " CM80 " inline:" KEY30 " UNENCRYPTED_SRTP\r\n", /* not offered */
        SAVP "a=crypto:2 " CM80 " inline:" KEY30 "\r\na=crypto:3 AES_CM_128_HMAC_SHA1_32 inline:" KEY30 "\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct side s = side_of(OFFER_SRTP_REQUIRED, 1);
        says_offer(&s);
        assert_int_equal(accepts(&s, refused[i]), -ENOENT);
    }
    struct side s = side_of(OFFER_SRTP_REQUIRED, 1);
    says_offer(&s);
    assert_int_equal(accepts(&s, SAVP "a=crypto:2 " CM80 " inline:" KEY30 "\r\n"), 0);
    assert_int_equal(s.media.seal.suite, SEAL_AES_CM_128_HMAC_SHA1_80);
    assert_memory_equal(s.media.seal.tx, s.local.fresh[1], 30);
    /* Plain offers are made by whoever does not insist. */
    struct side plain = side_of(OFFER_SRTP_OPTIONAL, 1);
    says_offer(&plain);
    assert_non_null(strstr(plain.text, "RTP/AVP"));
    assert_null(strstr(plain.text, "a=crypto"));
    assert_int_equal(accepts(&plain, SAVP "a=crypto:2 " CM80 " inline:" KEY30 "\r\n"), -ENOENT);
}

static void too_many_lines(void **state)
{
    char text[16384] = SAVP;
    for (unsigned i = 0; i < 200; i++) {
        strcat(text, "a=crypto:1 X inline:y\r\n");
    }
    struct sdp sdp;
    assert_int_equal(sdp_parse(&sdp, text, strlen(text)), 0);
    assert_int_equal(sdp.n_cryptos, SDP_CRYPTOS_MAX);
    assert_int_equal(sdp.media[0].n_cryptos, SDP_CRYPTOS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_that_are_read),
        cmocka_unit_test(lines_that_are_not),
        cmocka_unit_test(lines_that_are_written),
        cmocka_unit_test(both_sides_agree),
        cmocka_unit_test(the_first_line_that_fits),
        cmocka_unit_test(never_plain_instead),
        cmocka_unit_test(answers_that_are_refused),
        cmocka_unit_test(too_many_lines),
        cmocka_unit_test(opportunistic),
        cmocka_unit_test(keys_with_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
