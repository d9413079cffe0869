/* OpenSSL's wrapper. */
#include "sig/base/keys.h"

#include <errno.h>
#include <limits.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

int keys_random(void *out, size_t bytes)
{
    must(bytes <= INT_MAX);
    return RAND_bytes(out, (int)bytes) == 1 ? 0 : -EIO;
}

int keys_mac(uint8_t mac[KEYS_MAC_BYTES], const uint8_t secret[KEYS_SECRET_BYTES], const void *text, size_t bytes)
{
    unsigned n = KEYS_MAC_BYTES;
    return HMAC(EVP_sha256(), secret, KEYS_SECRET_BYTES, text, bytes, mac, &n) && n == KEYS_MAC_BYTES ? 0 : -EIO;
}

int keys_digest(enum keys_digest digest, const void *text, size_t bytes, char hex[KEYS_DIGEST_CHARS + 1])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t raw[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (EVP_Digest(text, bytes, raw, &n, digest == KEYS_MD5 ? EVP_md5() : EVP_sha256(), NULL) != 1 ||
        2 * n > KEYS_DIGEST_CHARS) {
        hex[0] = '\0';
        return -EIO;
    }
    for (unsigned i = 0; i < n; i++) {
        hex[2 * i] = digits[raw[i] >> 4];
        hex[2 * i + 1] = digits[raw[i] & 15];
    }
    hex[2 * n] = '\0';
    return 0;
}

bool keys_equal(const void *a, const void *b, size_t bytes)
{
    return CRYPTO_memcmp(a, b, bytes) == 0;
}

void keys_wipe(void *secret, size_t bytes)
{
    OPENSSL_cleanse(secret, bytes);
}
