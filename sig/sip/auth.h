/*
 * Digest authentication of requests (RFC 3261 22, RFC 7616, RFC 8760): SHA-256 offered first, MD5 for phones that know
 * nothing else. A challenge keeps no state: the nonce carries its time and a MAC. What is kept is the highest nonce
 * count of each nonce that has proved itself, so that nothing can be replayed, and a flood of challenges costs no
 * memory.
 *
 * A function of messages and time; one thread. Accounts are the caller's: it looks up the user of the credentials and
 * hands in what the account says, or NULL when there is none, which costs the same time and gets the same answer.
 */
#ifndef SIG_SIP_AUTH_H
#define SIG_SIP_AUTH_H

#include "sig/base/keys.h"
#include "sig/sip/sip.h"

#define AUTH_USER_MAX 128
#define AUTH_REALM_MAX 128
#define AUTH_NONCE_CHARS 48
#define AUTH_VALUE_MAX 1024 /* digest-uri: longer is refused */

/* In the order of preference. */
enum auth_algorithm { AUTH_SHA256, AUTH_MD5, AUTH_ALGORITHMS };

/* H(user:realm:password) for each algorithm, lower case hexadecimal. As secret as the password within its realm. */
struct auth_secret {
    char ha1[AUTH_ALGORITHMS][KEYS_DIGEST_CHARS + 1];
};

/** What an account keeps of a password. @return 0 | -EIO: no such digest here (MD5 in FIPS mode) */
int auth_secret_make(struct auth_secret *secret, const char *user, const char *realm, const char *password);

struct auth_cfg {
    char realm[AUTH_REALM_MAX]; /* without quotes and control characters */
    uint32_t nonce_life_s;      /* then stale=true; 0: 60 */
    unsigned algorithms;        /* offered and taken: bits of 1 << enum auth_algorithm; 0: all */
    uint8_t key[KEYS_SECRET_BYTES];
    bool (*is_ours)(const void *ctx, const char *host); /* a name of this server, lower case? NULL: nothing is known */
    const void *ctx;
};

struct auth;

/** @return 0 | -ENOMEM */
int auth_build(struct auth **auth, const struct auth_cfg *cfg);
void auth_free(struct auth *auth);
const char *auth_realm(const struct auth *auth);

/* What a request says for itself. Strings are copies. */
struct auth_creds {
    char user[AUTH_USER_MAX];
    enum auth_algorithm algorithm;
    char uri[AUTH_VALUE_MAX], cnonce[AUTH_REALM_MAX], nonce[AUTH_NONCE_CHARS + 1];
    char response[KEYS_DIGEST_CHARS + 1];
    uint32_t nc;
};

enum auth_read {
    AUTH_READ_OK,    /* complete, for our realm, with a nonce of ours: look up the user, then auth_verify */
    AUTH_READ_NONE,  /* no credentials for our realm: challenge */
    AUTH_READ_STALE, /* the nonce is too old, or its count is unknown by now: challenge, stale=true */
    AUTH_READ_BAD    /* malformed, another request's URI, an algorithm that was not offered: 400 or 403 */
};

/**
 * Reads the Authorization headers of a request. Of several for our realm the strongest algorithm counts.
 *
 * @param now_s  Unix time
 * @source RFC 7616 3.4, RFC 8760 2.4
 */
enum auth_read auth_read(const struct auth *auth, const struct sip_msg *msg, uint64_t now_s, struct auth_creds *creds);

enum auth_verdict {
    AUTH_RIGHT,
    AUTH_WRONG,   /* user or password */
    AUTH_REPLAYED /* right, but that nonce count was used: as AUTH_READ_STALE */
};

/**
 * Verifies, in a time that tells nothing, and takes note of the nonce count.
 *
 * @param method  of the request, SIP_ACK counts as SIP_INVITE
 * @param secret  NULL: there is no such account
 */
enum auth_verdict auth_verify(struct auth *auth, const struct auth_creds *creds, enum sip_method method,
                              const struct auth_secret *secret);

/** Adds the challenges to a 401, one for each algorithm. @return 0 | -EIO no randomness: send 500 instead */
int auth_challenge(const struct auth *auth, struct sip_out *out, uint64_t now_s, bool stale);

/* ---- the other side, for programs that call ---- */

/**
 * Answers the challenges of a 401 or 407: the strongest that is understood and whose realm is the one given.
 *
 * @param realm  "" : any; else credentials are for nobody but it
 * @param nc     1 for a fresh nonce
 * @param value  written: the whole Authorization value
 * @return       0 | -ENOENT no challenge that can be answered | -ENOSPC | -EIO
 */
int auth_answer(const struct sip_msg *response, const char *realm, const char *user, const char *password,
                enum sip_method method, const char *uri, uint32_t nc, char *value, size_t size);

#endif
