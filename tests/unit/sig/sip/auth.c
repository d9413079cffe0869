/* Digest: what is right is let in once, and nothing else ever. Rows 23 and 24; attack A12. */
#include "sig/sip/auth.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#define REALM "ims.example"
#define NOW_S 1700000000u

static struct auth *auth;
static struct auth_secret alice;

static struct sip_msg *message(const char *format, ...) __attribute__((format(printf, 1, 2)));
static struct sip_msg *message(const char *format, ...)
{
    char text[16384];
    struct addr remote;
    struct sip_msg *msg;
    va_list list;
    va_start(list, format);
    int n = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    addr_parse(&remote, "192.0.2.7", 5060);
    struct flow flow = flow_to(FLOW_UDP, 0, &remote);
    assert_int_equal(sip_parse(text, (size_t)n, &flow, &msg), REFUSE_NONE);
    return msg;
}

#define HEAD                                                                                                           \
    "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\nCall-ID: 1\r\n"           \
    "Max-Forwards: 70\r\n"

/* A challenge of ours, as the peer reads it. */
static struct sip_msg *challenge(uint64_t now_s, bool stale)
{
    struct sip_msg *req = message("INVITE sip:c@d SIP/2.0\r\n" HEAD "CSeq: 1 INVITE\r\nContact: <sip:a@h>\r\n\r\n");
    struct sip_out *out = sip_response_make(req, 401, NULL, "t");
    char *text;
    size_t n;
    assert_int_equal(auth_challenge(auth, out, now_s, stale), 0);
    assert_int_equal(sip_text(out, &text, &n), 0);
    struct sip_msg *response = message("%.*s", (int)n, text);
    free(text);
    sip_out_free(out);
    sip_free(req);
    return response;
}

/* Reads a request with that Authorization. */
static enum auth_read read_with(const char *value, const char *method, const char *uri, uint64_t now_s,
                                struct auth_creds *creds)
{
    struct sip_msg *req = message("%s %s SIP/2.0\r\n" HEAD "CSeq: 2 %s\r\nContact: <sip:a@h>\r\n"
                                  "Authorization: %s\r\n\r\n",
                                  method, uri, method, value);
    memset(creds, 0, sizeof *creds);
    enum auth_read read = auth_read(auth, req, now_s, creds);
    sip_free(req);
    return read;
}

static void answer(const struct sip_msg *response, const char *password, uint32_t nc, char value[2048])
{
    assert_int_equal(auth_answer(response, REALM, "alice", password, SIP_INVITE, "sip:c@d", nc, value, 2048), 0);
}

static void test_secret(void **state)
{
    assert_string_equal(alice.ha1[AUTH_SHA256], "4cacb3291d0eeef6980f287626f1b8262f15648e94b4e7701befed04db334f6d");
    assert_string_equal(alice.ha1[AUTH_MD5], "a873939c2367bb25d0ae5959c004f540");
}

/* C29. */
static void test_right_once(void **state)
{
    struct sip_msg *response = challenge(NOW_S, false);
    struct auth_creds creds;
    char value[2048];
    assert_non_null(strstr(sip_header(response, "WWW-Authenticate", 0), "SHA-256")); /* strongest first, RFC 8760 2.4 */
    assert_non_null(strstr(sip_header(response, "WWW-Authenticate", 1), "MD5"));
    answer(response, "sesame", 1, value);
    assert_int_equal(read_with(value, "INVITE", "sip:c@d", NOW_S + 5, &creds), AUTH_READ_OK);
    assert_string_equal(creds.user, "alice");
    assert_int_equal(creds.algorithm, AUTH_SHA256);
    assert_int_equal(auth_verify(auth, &creds, SIP_INVITE, &alice), AUTH_RIGHT);
    assert_int_equal(auth_verify(auth, &creds, SIP_INVITE, &alice), AUTH_REPLAYED);
    answer(response, "sesame", 3, value);
    assert_int_equal(read_with(value, "INVITE", "sip:c@d", NOW_S + 5, &creds), AUTH_READ_OK);
    assert_int_equal(auth_verify(auth, &creds, SIP_INVITE, &alice), AUTH_RIGHT);
    answer(response, "sesame", 2, value); /* lower than the last */
    read_with(value, "INVITE", "sip:c@d", NOW_S + 5, &creds);
    assert_int_equal(auth_verify(auth, &creds, SIP_INVITE, &alice), AUTH_REPLAYED);
    sip_free(response);
}

static void test_wrong(void **state)
{
    struct sip_msg *response = challenge(NOW_S, false);
    struct auth_creds creds;
    char value[2048];
    answer(response, "sesame!", 1, value);
    assert_int_equal(read_with(value, "INVITE", "sip:c@d", NOW_S, &creds), AUTH_READ_OK);
    assert_int_equal(auth_verify(auth, &creds, SIP_INVITE, &alice), AUTH_WRONG);
    assert_int_equal(auth_verify(auth, &creds, SIP_INVITE, NULL), AUTH_WRONG);
    /* A right one is bound to its method, and to its URI. */
    answer(response, "sesame", 1, value);
    assert_int_equal(read_with(value, "BYE", "sip:c@d", NOW_S, &creds), AUTH_READ_OK);
    assert_int_equal(auth_verify(auth, &creds, SIP_BYE, &alice), AUTH_WRONG);
    assert_int_equal(read_with(value, "INVITE", "sip:other@d", NOW_S, &creds), AUTH_READ_BAD);
    assert_int_equal(read_with(value, "INVITE", "sip:c@d;transport=udp", NOW_S, &creds), AUTH_READ_OK);
    assert_int_equal(auth_verify(auth, &creds, SIP_INVITE, NULL), AUTH_WRONG);   /* the right answer of nobody */
    assert_int_equal(auth_verify(auth, &creds, SIP_INVITE, &alice), AUTH_RIGHT); /* and none of it has used it up */
    sip_free(response);
}

static bool is_named_d(const void *ctx, const char *host)
{
    return strcmp(host, "d") == 0 || strcmp(host, "ims.example") == 0;
}

/* The uri of credentials names the same resource in another way: RFC 7616 3.4.6, RFC 3261 22.4. C30. */
static void test_the_same_uri_in_other_words(void **state)
{
    static const struct {
        const char *request, *said;
        bool is_same;
    } cases[] = {
        {"sip:c@d:5060", "sip:c@d", true},
        {"sip:c@d", "sip:c@d:5060", true},
        {"sip:c@d:5060;transport=udp", "sip:c@D", true},
        {"sips:c@d", "sips:c@d:5061", true},
        {"sip:c@d:5060", "sip:c@ims.example", true}, /* as the caller knew us before a proxy */
        {"sip:c@ims.example:5062", "sip:c@d", true},
        {"sip:d", "sip:ims.example", true},
        {"sip:c@d:5061", "sip:c@d", false},
        {"sips:c@d", "sips:c@d:5060", false},
        {"sip:c@d", "sips:c@d", false},
        {"sip:c@d", "sip:C@d", false},
        {"sip:c@d", "sip:d", false},
        {"sip:c@d", "sip:c@elsewhere", false},
        {"sip:c@elsewhere", "sip:c@d", false},
    };
    struct auth_cfg cfg = {.realm = REALM, .is_ours = is_named_d};
    struct auth *own = auth, *named;
    assert_int_equal(auth_build(&named, &cfg), 0);
    auth = named;
    struct sip_msg *response = challenge(NOW_S, false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct auth_creds creds;
        char value[2048];
        assert_int_equal(auth_answer(response, REALM, "alice", "sesame", SIP_INVITE, cases[i].said, (uint32_t)i + 1,
                                     value, sizeof value),
                         0);
        enum auth_read read = read_with(value, "INVITE", cases[i].request, NOW_S, &creds);
        if (read != (cases[i].is_same ? AUTH_READ_OK : AUTH_READ_BAD)) {
            fail_msg("case %zu", i);
        }
        assert_true(read == AUTH_READ_BAD || auth_verify(auth, &creds, SIP_INVITE, &alice) == AUTH_RIGHT);
    }
    sip_free(response);
    auth_free(named);
    auth = own;
}

static void test_nonce(void **state)
{
    struct sip_msg *response = challenge(NOW_S, true);
    struct auth_creds creds;
    char value[2048];
    assert_non_null(strstr(sip_header(response, "WWW-Authenticate", 0), "stale=true"));
    answer(response, "sesame", 1, value);
    assert_int_equal(read_with(value, "INVITE", "sip:c@d", NOW_S + 60, &creds), AUTH_READ_OK);
    assert_int_equal(read_with(value, "INVITE", "sip:c@d", NOW_S + 61, &creds), AUTH_READ_STALE);
    assert_int_equal(read_with(value, "INVITE", "sip:c@d", NOW_S - 3600, &creds), AUTH_READ_STALE); /* clock jumped */
    char *nonce = strstr(value, "nonce=\"") + 7;
    nonce[2] = nonce[2] == '0' ? '1' : '0';
    assert_int_equal(read_with(value, "INVITE", "sip:c@d", NOW_S, &creds), AUTH_READ_STALE); /* forged */
    sip_free(response);
}

/* C28. */
static void test_realms_and_algorithms(void **state)
{
    struct sip_msg *response = challenge(NOW_S, false);
    struct auth_creds creds;
    char value[2048], both[4200];
    assert_int_equal(auth_answer(response, "elsewhere", "alice", "x", SIP_INVITE, "sip:c@d", 1, value, sizeof value),
                     -ENOENT); /* our password is for nobody else's realm */
    assert_int_equal(read_with("Digest realm=\"elsewhere\",username=\"a\",nonce=\"n\",uri=\"sip:c@d\",response=\"0\"",
                               "INVITE", "sip:c@d", NOW_S, &creds),
                     AUTH_READ_NONE);
    assert_int_equal(read_with("Basic YTpi", "INVITE", "sip:c@d", NOW_S, &creds), AUTH_READ_NONE);
    answer(response, "sesame", 1, value);
    snprintf(both, sizeof both, "%s\r\nAuthorization: Digest realm=\"elsewhere\",response=\"\"", value);
    assert_int_equal(read_with(both, "INVITE", "sip:c@d", NOW_S, &creds), AUTH_READ_OK);
    sip_free(response);
    /* A phone that knows MD5 only. */
    struct sip_msg *md5 =
        message("SIP/2.0 401 Unauthorized\r\n" HEAD "CSeq: 1 INVITE\r\nWWW-Authenticate: Digest "
                "realm=\"" REALM "\", nonce=\"x\", algorithm=SHA-999, qop=\"auth\"\r\n"
                "WWW-Authenticate: Digest realm=\"" REALM "\", nonce=\"y\", qop=\"auth-int,auth\"\r\n\r\n");
    answer(md5, "sesame", 1, value);
    assert_non_null(strstr(value, "algorithm=MD5"));
    assert_non_null(strstr(value, "nonce=\"y\""));
    sip_free(md5);
}

/* What was not offered is not taken: nobody in between can make it weaker. */
static void test_downgrade(void **state)
{
    struct auth_cfg cfg = {.realm = REALM, .key = "0123456789abcdef0123456789abcde", .algorithms = 1u << AUTH_SHA256};
    struct auth_creds creds;
    char value[2048];
    auth_free(auth);
    assert_int_equal(auth_build(&auth, &cfg), 0);
    struct sip_msg *response = challenge(NOW_S, false);
    assert_null(sip_header(response, "WWW-Authenticate", 1));
    answer(response, "sesame", 1, value);
    assert_int_equal(read_with(value, "INVITE", "sip:c@d", NOW_S, &creds), AUTH_READ_OK);
    memcpy(strstr(value, "SHA-256"), "MD5    ", 7);
    assert_int_equal(read_with(value, "INVITE", "sip:c@d", NOW_S, &creds), AUTH_READ_BAD);
    sip_free(response);
}

static void test_malformed(void **state)
{
    static const char *const bad[] = {
        "Digest realm=\"" REALM "\"",
        "Digest realm=\"" REALM
        "\",username=\"alice\",nonce=\"\",uri=\"sip:c@d\",response=\"\",cnonce=\"1\",qop=auth,nc=1",
        "Digest realm=\"" REALM "\",algorithm=SHA-999,username=\"alice\"",
        "Digest realm=\"" REALM
        "\",username=\"alice\",nonce=\"1\",uri=\"sip:c@d\",cnonce=\"1\",qop=auth-int,nc=00000001,"
        "response=\"00000000000000000000000000000000\"",
        "Digest realm=\"" REALM "\",username=\"alice\",nonce=\"1\",uri=\"sip:c@d\",cnonce=\"1\",qop=auth,nc=00000000,"
        "response=\"00000000000000000000000000000000\"",
        "Digest realm=\"" REALM "\",username=\"alice\",nonce=\"1\",uri=\"sip:c@d\",cnonce=\"1\",qop=auth,nc=00000001,"
        "response=\"0000\"",
        "Digest realm=\"" REALM "\",username=\"\",nonce=\"1\",uri=\"sip:c@d\",cnonce=\"1\",qop=auth,nc=00000001,"
        "response=\"00000000000000000000000000000000\"",
    };
    struct auth_creds creds;
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(read_with(bad[i], "INVITE", "sip:c@d", NOW_S, &creds), AUTH_READ_BAD);
    }
    struct sip_msg *response = challenge(NOW_S, false);
    char value[2048], cut[2048];
    answer(response, "sesame", 1, value);
    for (size_t n = 0; n < strlen(value); n++) { /* every head of a right one, and every octet changed */
        snprintf(cut, sizeof cut, "%.*s", (int)n, value);
        if (n && cut[n - 1] != '\\') {
            assert_int_not_equal(read_with(cut, "INVITE", "sip:c@d", NOW_S, &creds), AUTH_READ_OK);
        }
        strcpy(cut, value);
        cut[n] ^= 1;
        if (cut[n] >= ' ' && cut[n] < 0x7f && read_with(cut, "INVITE", "sip:c@d", NOW_S, &creds) == AUTH_READ_OK &&
            strcmp(creds.user, "alice") == 0 && strncasecmp(cut, value, strlen(value)) != 0) {
            assert_int_not_equal(auth_verify(auth, &creds, SIP_INVITE, &alice), AUTH_RIGHT);
        }
    }
    sip_free(response);
}

/* The table of used nonces is bounded: what it forgets is stale, never fresh again. */
static void test_replay_after_many(void **state)
{
    struct auth_creds first[64], creds;
    char value[2048];
    for (unsigned i = 0; i < 40000; i++) {
        struct sip_msg *response = challenge(NOW_S + i / 2000, false);
        answer(response, "sesame", 1, value);
        sip_free(response);
        assert_int_equal(read_with(value, "INVITE", "sip:c@d", NOW_S + 20, &creds), AUTH_READ_OK);
        enum auth_verdict verdict = auth_verify(auth, &creds, SIP_INVITE, &alice);
        assert_true(verdict == AUTH_RIGHT || verdict == AUTH_REPLAYED);
        if (i < 64) {
            first[i] = creds;
        }
    }
    for (unsigned i = 0; i < 64; i++) {
        assert_int_equal(auth_verify(auth, &first[i], SIP_INVITE, &alice), AUTH_REPLAYED);
    }
}

static int begin(void **state)
{
    struct auth_cfg cfg = {.realm = REALM, .key = "0123456789abcdef0123456789abcde"};
    auth_free(auth);
    return sip_init() || auth_build(&auth, &cfg) || auth_secret_make(&alice, "alice", REALM, "sesame");
}

static int end(void **state)
{
    auth_free(auth);
    auth = NULL;
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_secret, begin, end),
        cmocka_unit_test_setup_teardown(test_right_once, begin, end),
        cmocka_unit_test_setup_teardown(test_wrong, begin, end),
        cmocka_unit_test_setup_teardown(test_the_same_uri_in_other_words, begin, end),
        cmocka_unit_test_setup_teardown(test_nonce, begin, end),
        cmocka_unit_test_setup_teardown(test_realms_and_algorithms, begin, end),
        cmocka_unit_test_setup_teardown(test_downgrade, begin, end),
        cmocka_unit_test_setup_teardown(test_malformed, begin, end),
        cmocka_unit_test_setup_teardown(test_replay_after_many, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
