/* Security descriptions. */
#include "sig/sdp/sdes.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define TAG_MAX 999999999 /* nine digits */
#define LIFETIME_MAX (1ull << 48)
#define BASE64_MAX ((SEAL_KEY_BYTES_MAX + 2) / 3 * 4)

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* ---- reading ---- */

static enum seal_suite suite_of(struct sdp_text name)
{
    for (enum seal_suite s = SEAL_NONE + 1; s < SEAL_SUITES; s++) {
        if (sdp_text_is(name, seal_suite_name(s))) {
            return s;
        }
    }
    return SEAL_NONE;
}

/* Exactly n bytes; some phones leave the padding out. @return 0 | -EBADMSG */
static int key_read(uint8_t *key, size_t n, struct sdp_text text)
{
    uint32_t bits = 0;
    size_t n_chars = (8 * n + 5) / 6, at = 0;
    while (text.n > n_chars && text.n <= (n + 2) / 3 * 4 && text.p[text.n - 1] == '=') {
        text.n--;
    }
    if (text.n != n_chars) {
        return -EBADMSG;
    }
    for (size_t i = 0; i < n_chars; i++) {
        const char *digit = text.p[i] ? strchr(base64, text.p[i]) : NULL;
        if (!digit) {
            return -EBADMSG;
        }
        bits = bits << 6 | (uint32_t)(digit - base64);
        if (i % 4 && at < n) {
            key[at++] = (uint8_t)(bits >> (6 - i % 4 * 2));
        }
    }
    return 0;
}

/* "2^20" or a decimal. Ours need no limit, and the peer keeps its own; but nonsense is refused. */
static int lifetime_read(struct sdp_text text)
{
    bool power = text.n > 2 && text.p[0] == '2' && text.p[1] == '^';
    if (power) {
        return sdp_number((struct sdp_text){text.p + 2, text.n - 2}, 48) >= 0 ? 0 : -EBADMSG;
    }
    return sdp_number(text, LIFETIME_MAX) > 0 ? 0 : -EBADMSG;
}

/* <value>:<bytes>. @return 0 | -EBADMSG | -ENOTSUP a value longer than any that was seen */
static int mki_read(struct seal_mki *mki, struct sdp_text text)
{
    struct sdp_text value = sdp_split_take(&text, ':');
    int64_t number = sdp_number(value, INT64_MAX), bytes = sdp_number(text, SEAL_MKI_MAX);
    if (value.n > 18) {
        return -ENOTSUP;
    }
    if (number < 0 || bytes < 1 || (bytes < 8 && number >> 8 * bytes)) {
        return -EBADMSG;
    }
    *mki = (struct seal_mki){.value = (uint64_t)number, .bytes = (uint8_t)bytes};
    return 0;
}

/* inline:<key||salt>["|" lifetime]["|" MKI ":" length]{";" more keys}, RFC 4568 6.1 */
static int params_read(struct sdes *sdes, struct sdp_text params)
{
    struct sdp_text one = sdp_split_take(&params, ';');
    if (params.n > 0) {
        return -ENOTSUP; /* more than one key: told apart by MKI */
    }
    struct sdp_text method = sdp_split_take(&one, ':');
    if (!sdp_text_is(method, "inline")) {
        return -ENOTSUP;
    }
    struct sdp_text key = sdp_split_take(&one, '|');
    while (one.n > 0) {
        struct sdp_text word = sdp_split_take(&one, '|');
        bool is_mki = memchr(word.p, ':', word.n);
        if (is_mki && sdes->mki.bytes) {
            return -EBADMSG;
        }
        int err = is_mki ? mki_read(&sdes->mki, word) : lifetime_read(word);
        if (err) {
            return err;
        }
    }
    return key_read(sdes->key, seal_key_bytes(sdes->suite), key);
}

/* RFC 4568 6.3: WSH only advises, and what begins with "-" may be ignored (6.3.7); all others change the packets. */
static bool param_is_harmless(struct sdp_text word)
{
    struct sdp_text value = word;
    struct sdp_text name = sdp_split_take(&value, '=');
    return word.p[0] == '-' || (sdp_text_is(name, "WSH") && sdp_number(value, 1u << 30) >= 64);
}

int sdes_read(struct sdes *sdes, struct sdp_text value)
{
    memset(sdes, 0, sizeof *sdes);
    int64_t tag = sdp_number(sdp_word_take(&value), TAG_MAX);
    struct sdp_text suite = sdp_word_take(&value), params = sdp_word_take(&value);
    if (tag < 0 || suite.n == 0 || params.n == 0) {
        return -EBADMSG;
    }
    sdes->tag = (uint32_t)tag;
    sdes->suite = suite_of(suite);
    if (sdes->suite == SEAL_NONE) {
        return -ENOTSUP;
    }
    for (struct sdp_text word = sdp_word_take(&value); word.n > 0; word = sdp_word_take(&value)) {
        if (!param_is_harmless(word)) {
            return -ENOTSUP;
        }
    }
    return params_read(sdes, params);
}

int sdes_choose(struct sdes *sdes, const struct sdp *sdp, const struct sdp_media *m)
{
    for (unsigned turn = 0; turn < 2; turn++) {
        for (unsigned i = 0; i < m->n_cryptos; i++) {
            if (sdes_read(sdes, sdp->cryptos[m->i_crypto + i]) == 0 && (sdes->mki.bytes == 0 || turn)) {
                return 0;
            }
        }
    }
    return -ENOENT;
}

int sdes_accept(struct sdes *sdes, const struct sdp *sdp, const struct sdp_media *m, const struct sdes *offered,
                size_t n_offered)
{
    if (m->n_cryptos != 1 || sdes_read(sdes, sdp->cryptos[m->i_crypto]) != 0) {
        return -ENOENT;
    }
    for (size_t i = 0; i < n_offered; i++) {
        if (offered[i].tag == sdes->tag) {
            return offered[i].suite == sdes->suite ? 0 : -ENOENT;
        }
    }
    return -ENOENT;
}

/* ---- writing ---- */

size_t sdes_offer(struct sdes offered[SDES_OFFERS_MAX], enum seal_suite only,
                  const uint8_t fresh[SDES_OFFERS_MAX][SEAL_KEY_BYTES_MAX])
{
    static const enum seal_suite usual[SDES_OFFERS_MAX] = {SEAL_AEAD_AES_128_GCM, SEAL_AES_CM_128_HMAC_SHA1_80,
                                                           SEAL_AES_CM_128_HMAC_SHA1_32};
    size_t n = only == SEAL_NONE ? SDES_OFFERS_MAX : 1;
    for (size_t i = 0; i < n; i++) {
        offered[i].tag = (uint32_t)i + 1;
        offered[i].suite = only == SEAL_NONE ? usual[i] : only;
        offered[i].mki = (struct seal_mki){0};
        memcpy(offered[i].key, fresh[i], sizeof offered[i].key);
    }
    return n;
}

void sdes_put(struct sdp_out *out, const struct sdes *sdes)
{
    char text[BASE64_MAX + 1];
    size_t n = seal_key_bytes(sdes->suite), at = 0;
    for (size_t i = 0; i < n; i += 3) {
        uint32_t bits = (uint32_t)sdes->key[i] << 16;
        bits |= i + 1 < n ? (uint32_t)sdes->key[i + 1] << 8 : 0;
        bits |= i + 2 < n ? sdes->key[i + 2] : 0;
        text[at++] = base64[bits >> 18];
        text[at++] = base64[bits >> 12 & 63];
        text[at++] = i + 1 < n ? base64[bits >> 6 & 63] : '=';
        text[at++] = i + 2 < n ? base64[bits & 63] : '=';
    }
    text[at] = '\0';
    sdp_put(out, "a=crypto:%u %s inline:%s", sdes->tag, seal_suite_name(sdes->suite), text);
    if (sdes->mki.bytes) {
        sdp_put(out, "|%llu:%u", (unsigned long long)sdes->mki.value, sdes->mki.bytes);
    }
    sdp_put(out, "\r\n");
}
