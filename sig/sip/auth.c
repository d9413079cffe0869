/* Digest authentication. See auth.h. */
#include "sig/sip/auth.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    NONCE_LIFE_S = 60,
    NONCE_MAC_CHARS = 24,                                  /* 96 bits */
    NONCE_HEAD_CHARS = AUTH_NONCE_CHARS - NONCE_MAC_CHARS, /* 8 of the time, 16 random */
    SETS = 4096,                                           /* of nonces that have proved themselves */
    WAYS = 4,
    HEADERS_MAX = 16, /* credentials or challenges that are looked at */
    TEXT_MAX = AUTH_VALUE_MAX + 4 * KEYS_DIGEST_CHARS + AUTH_REALM_MAX + AUTH_USER_MAX
};

struct used {
    uint64_t id; /* the random part of the nonce; 0: free */
    uint32_t nc, born_s;
};

/* What was pushed out may not come back: a nonce no younger than it is stale. */
struct used_set {
    struct used ways[WAYS];
    uint32_t horizon_s;
};

struct auth {
    struct auth_cfg cfg;
    struct used_set sets[SETS];
};

static const struct {
    const char *name;
    enum keys_digest digest;
    size_t chars;
} algorithms[AUTH_ALGORITHMS] = {[AUTH_SHA256] = {"SHA-256", KEYS_SHA256, 64}, [AUTH_MD5] = {"MD5", KEYS_MD5, 32}};

int auth_build(struct auth **out, const struct auth_cfg *cfg)
{
    struct auth *auth = calloc(1, sizeof *auth);
    if (!auth) {
        return -ENOMEM;
    }
    auth->cfg = *cfg;
    auth->cfg.nonce_life_s = cfg->nonce_life_s ? cfg->nonce_life_s : NONCE_LIFE_S;
    auth->cfg.algorithms = cfg->algorithms ? cfg->algorithms : (1u << AUTH_ALGORITHMS) - 1;
    *out = auth;
    return 0;
}

void auth_free(struct auth *auth)
{
    if (auth) {
        keys_wipe(auth, sizeof *auth);
        free(auth);
    }
}

const char *auth_realm(const struct auth *auth)
{
    return auth->cfg.realm;
}

/* ---- digests ---- */

/* H of what format makes; too long a text, or no such digest, gives an error and "". */
static int digest_of(enum auth_algorithm algorithm, char hex[KEYS_DIGEST_CHARS + 1], const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static int digest_of(enum auth_algorithm algorithm, char hex[KEYS_DIGEST_CHARS + 1], const char *format, ...)
{
    char text[TEXT_MAX];
    va_list list;
    va_start(list, format);
    int n = vsnprintf(text, sizeof text, format, list);
    va_end(list);
    hex[0] = '\0';
    int err =
        n < 0 || (size_t)n >= sizeof text ? -EIO : keys_digest(algorithms[algorithm].digest, text, (size_t)n, hex);
    keys_wipe(text, sizeof text);
    return err;
}

int auth_secret_make(struct auth_secret *secret, const char *user, const char *realm, const char *password)
{
    int err = 0;
    for (enum auth_algorithm a = 0; a < AUTH_ALGORITHMS && !err; a++) {
        err = digest_of(a, secret->ha1[a], "%s:%s:%s", user, realm, password);
    }
    return err;
}

/* RFC 7616 3.4.1 with qop=auth. */
static int response_of(const struct auth_creds *c, enum sip_method method, const char *ha1,
                       char response[KEYS_DIGEST_CHARS + 1])
{
    char ha2[KEYS_DIGEST_CHARS + 1];
    int err = digest_of(c->algorithm, ha2, "%s:%s", sip_method_name(method), c->uri);
    return err ? err
               : digest_of(c->algorithm, response, "%s:%s:%08x:%s:auth:%s", ha1, c->nonce, (unsigned)c->nc, c->cnonce,
                           ha2);
}

/* ---- nonces ---- */

static int nonce_mac(const struct auth *auth, const char *head, char mac[NONCE_MAC_CHARS + 1])
{
    char text[NONCE_HEAD_CHARS + AUTH_REALM_MAX];
    uint8_t raw[KEYS_MAC_BYTES];
    int n = snprintf(text, sizeof text, "%.*s%s", NONCE_HEAD_CHARS, head, auth->cfg.realm);
    int err = keys_mac(raw, auth->cfg.key, text, (size_t)n);
    for (unsigned i = 0; i < NONCE_MAC_CHARS / 2; i++) {
        snprintf(mac + 2 * (size_t)i, 3, "%02x", raw[i]);
    }
    return err;
}

static int nonce_make(const struct auth *auth, uint64_t now_s, char nonce[AUTH_NONCE_CHARS + 1])
{
    uint64_t random;
    int err = keys_random(&random, sizeof random);
    snprintf(nonce, NONCE_HEAD_CHARS + 1, "%08x%016llx", (unsigned)now_s, (unsigned long long)random);
    return err ? err : nonce_mac(auth, nonce, nonce + NONCE_HEAD_CHARS);
}

/* @return true: ours; *born_s and *id are set */
static bool nonce_read(const struct auth *auth, const char *nonce, uint32_t *born_s, uint64_t *id)
{
    char mac[NONCE_MAC_CHARS + 1], part[9];
    if (strlen(nonce) != AUTH_NONCE_CHARS || nonce_mac(auth, nonce, mac) != 0 ||
        !keys_equal(mac, nonce + NONCE_HEAD_CHARS, NONCE_MAC_CHARS)) {
        return false;
    }
    snprintf(part, sizeof part, "%.8s", nonce);
    *born_s = (uint32_t)strtoul(part, NULL, 16);
    char random[17];
    snprintf(random, sizeof random, "%.16s", nonce + 8);
    *id = strtoull(random, NULL, 16);
    *id += *id == 0; /* 0 marks a free place */
    return true;
}

static struct used *used_find(struct used_set *set, uint64_t id)
{
    for (unsigned i = 0; i < WAYS; i++) {
        if (set->ways[i].id == id) {
            return &set->ways[i];
        }
    }
    return NULL;
}

/* @return true: that count is new for this nonce, and noted */
static bool nonce_use(struct auth *auth, uint64_t id, uint32_t born_s, uint32_t nc)
{
    struct used_set *set = &auth->sets[id % SETS];
    struct used *used = used_find(set, id), *oldest = &set->ways[0];
    if (used) {
        bool rises = nc > used->nc;
        used->nc = MAX(used->nc, nc);
        return rises;
    }
    if (born_s <= set->horizon_s) {
        return false;
    }
    for (unsigned i = 1; i < WAYS; i++) {
        oldest = set->ways[i].born_s < oldest->born_s ? &set->ways[i] : oldest;
    }
    if (oldest->id != 0) {
        set->horizon_s = MAX(set->horizon_s, oldest->born_s);
    }
    *oldest = (struct used){.id = id, .nc = nc, .born_s = born_s};
    return true;
}

/* ---- reading ---- */

/* Parameters of credentials or challenges are separated by commas: turned into ";a=b", which sip_param reads. Commas in
 * quotes stay. @return true: the scheme is Digest, and it fits */
static bool params_of(const char *value, char *params, size_t size)
{
    static const char scheme[] = "Digest";
    size_t n = sizeof scheme - 1, at = 0;
    bool is_quoted = false;
    if (strncasecmp(value, scheme, n) != 0 || (value[n] != ' ' && value[n] != '\t') || strlen(value) - n + 2 > size) {
        return false;
    }
    params[at++] = ';';
    for (const char *p = value + n + 1; *p; p++) {
        if (is_quoted && *p == '\\' && p[1]) {
            params[at++] = *p++;
        } else if (*p == '"') {
            is_quoted = !is_quoted;
        }
        params[at++] = (char)(*p == ',' && !is_quoted ? ';' : *p);
    }
    params[at] = '\0';
    return !is_quoted;
}

/* @return the algorithm of credentials or of a challenge, AUTH_ALGORITHMS: none that we know */
static enum auth_algorithm algorithm_of(const char *params)
{
    char name[32];
    enum auth_algorithm a = 0;
    if (!sip_param(params, "algorithm", name, sizeof name)) {
        return AUTH_MD5; /* RFC 7616 3.3 */
    }
    while (a < AUTH_ALGORITHMS && strcasecmp(name, algorithms[a].name) != 0) {
        a++;
    }
    return a;
}

/* Same server? By one name, at one port: 5060 is what no port means (RFC 3261 19.1.2). Or by two names of ours: the
 * caller knows one, and a proxy has put the other into the request line. */
static bool is_same_server(const struct auth *auth, const struct sip_uri *a, const struct sip_uri *b)
{
    uint16_t usual = strcmp(a->scheme, "sips") == 0 ? 5061 : 5060;
    if (strcmp(a->host, b->host) == 0) {
        return (a->port ? a->port : usual) == (b->port ? b->port : usual);
    }
    const struct auth_cfg *cfg = &auth->cfg;
    return cfg->is_ours && cfg->is_ours(cfg->ctx, a->host) && cfg->is_ours(cfg->ctx, b->host);
}

/* Same resource (RFC 7616 3.4.6)? Scheme, user and server; a proxy may have added or taken parameters. */
static bool is_uri_of(const struct auth *auth, const char *text, const struct sip_uri *uri)
{
    char memory[3 * AUTH_VALUE_MAX + 16];
    struct sip_uri other;
    if (strcmp(text, uri->text) == 0) {
        return true;
    }
    if (sip_uri_parse(&other, text, strlen(text), memory, sizeof memory) != 0) {
        return false;
    }
    bool same_user = (other.user == NULL) == (uri->user == NULL) && (!uri->user || strcmp(other.user, uri->user) == 0);
    return same_user && strcmp(other.scheme, uri->scheme) == 0 && is_same_server(auth, &other, uri);
}

static bool is_hex(const char *text, size_t n)
{
    return strlen(text) == n && strspn(text, "0123456789abcdefABCDEF") == n;
}

static bool creds_read(const struct auth *auth, const char *params, const struct sip_msg *msg, struct auth_creds *c)
{
    char qop[16], nc[16];
    bool complete = sip_param(params, "username", c->user, sizeof c->user) &&
                    sip_param(params, "uri", c->uri, sizeof c->uri) &&
                    sip_param(params, "cnonce", c->cnonce, sizeof c->cnonce) &&
                    sip_param(params, "response", c->response, sizeof c->response) &&
                    sip_param(params, "qop", qop, sizeof qop) && sip_param(params, "nc", nc, sizeof nc);
    if (!complete || strcasecmp(qop, "auth") != 0 || !is_hex(nc, 8) || !is_uri_of(auth, c->uri, &msg->uri) ||
        !is_hex(c->response, algorithms[c->algorithm].chars)) {
        return false;
    }
    for (char *p = c->response; *p; p++) {
        *p = (char)(*p >= 'A' && *p <= 'F' ? *p + 32 : *p);
    }
    c->nc = (uint32_t)strtoul(nc, NULL, 16);
    return c->nc > 0 && c->user[0] != '\0' && c->cnonce[0] != '\0';
}

enum auth_read auth_read(const struct auth *auth, const struct sip_msg *msg, uint64_t now_s, struct auth_creds *creds)
{
    char params[SIP_URI_BYTES_MAX * 4], best[SIP_URI_BYTES_MAX * 4] = "", realm[AUTH_REALM_MAX];
    enum auth_algorithm strongest = AUTH_ALGORITHMS;
    bool is_bad = false;
    const char *value;
    for (unsigned i = 0; i < HEADERS_MAX && (value = sip_header(msg, "Authorization", i)) != NULL; i++) {
        if (!params_of(value, params, sizeof params) || !sip_param(params, "realm", realm, sizeof realm) ||
            strcmp(realm, auth->cfg.realm) != 0) {
            continue; /* somebody else's */
        }
        enum auth_algorithm a = algorithm_of(params);
        bool is_offered = a < AUTH_ALGORITHMS && (auth->cfg.algorithms >> a & 1) != 0;
        is_bad |= !is_offered; /* another one than offered: a downgrade */
        if (is_offered && a < strongest) {
            strongest = a;
            strcpy(best, params);
        }
    }
    if (strongest == AUTH_ALGORITHMS) {
        return is_bad ? AUTH_READ_BAD : AUTH_READ_NONE;
    }
    uint32_t born_s;
    uint64_t id;
    creds->algorithm = strongest;
    if (!sip_param(best, "nonce", creds->nonce, sizeof creds->nonce) || !creds_read(auth, best, msg, creds)) {
        return AUTH_READ_BAD;
    }
    bool is_ours = nonce_read(auth, creds->nonce, &born_s, &id);
    bool is_fresh = is_ours && born_s <= now_s + 1 && now_s - MIN(born_s, now_s) <= auth->cfg.nonce_life_s;
    return is_fresh ? AUTH_READ_OK : AUTH_READ_STALE; /* another server's, or an earlier run's: ask again */
}

enum auth_verdict auth_verify(struct auth *auth, const struct auth_creds *creds, enum sip_method method,
                              const struct auth_secret *secret)
{
    static const struct auth_secret nobody = {
        {"0000000000000000000000000000000000000000000000000000000000000000", "00000000000000000000000000000000"}};
    char expected[KEYS_DIGEST_CHARS + 1];
    size_t n = algorithms[creds->algorithm].chars;
    const char *ha1 = (secret ? secret : &nobody)->ha1[creds->algorithm];
    int err = response_of(creds, method == SIP_ACK ? SIP_INVITE : method, ha1, expected);
    bool is_right = !err && keys_equal(expected, creds->response, n) && secret != NULL;
    keys_wipe(expected, sizeof expected);
    if (!is_right) {
        return AUTH_WRONG;
    }
    uint32_t born_s;
    uint64_t id;
    return nonce_read(auth, creds->nonce, &born_s, &id) && nonce_use(auth, id, born_s, creds->nc) ? AUTH_RIGHT
                                                                                                  : AUTH_REPLAYED;
}

/* ---- writing ---- */

int auth_challenge(const struct auth *auth, struct sip_out *out, uint64_t now_s, bool stale)
{
    for (enum auth_algorithm a = 0; a < AUTH_ALGORITHMS; a++) {
        char nonce[AUTH_NONCE_CHARS + 1];
        if ((auth->cfg.algorithms >> a & 1) == 0) {
            continue;
        }
        int err = nonce_make(auth, now_s, nonce);
        if (err) {
            return err;
        }
        sip_addf(out, "WWW-Authenticate", "Digest realm=\"%s\",nonce=\"%s\",algorithm=%s,qop=\"auth\"%s",
                 auth->cfg.realm, nonce, algorithms[a].name, stale ? ",stale=true" : "");
    }
    return 0;
}

/* A quoted string's inside may hold a list: "auth,auth-int". */
static bool has_qop_auth(const char *params)
{
    char qop[64];
    if (!sip_param(params, "qop", qop, sizeof qop)) {
        return false;
    }
    for (char *save, *word = strtok_r(qop, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
        if (strcasecmp(word, "auth") == 0) {
            return true;
        }
    }
    return false;
}

int auth_answer(const struct sip_msg *response, const char *realm, const char *user, const char *password,
                enum sip_method method, const char *uri, uint32_t nc, char *value, size_t size)
{
    const char *header = response->status == 407 ? "Proxy-Authenticate" : "WWW-Authenticate", *text;
    char params[SIP_URI_BYTES_MAX * 4], best[SIP_URI_BYTES_MAX * 4] = "", name[AUTH_REALM_MAX], nonce[AUTH_VALUE_MAX];
    enum auth_algorithm strongest = AUTH_ALGORITHMS;
    for (unsigned i = 0; i < HEADERS_MAX && (text = sip_header(response, header, i)) != NULL; i++) {
        bool fits = params_of(text, params, sizeof params) && sip_param(params, "realm", name, sizeof name) &&
                    (!*realm || strcmp(realm, name) == 0) && has_qop_auth(params);
        if (fits && algorithm_of(params) < strongest) {
            strongest = algorithm_of(params);
            strcpy(best, params);
        }
    }
    if (strongest == AUTH_ALGORITHMS || !sip_param(best, "realm", name, sizeof name) ||
        !sip_param(best, "nonce", nonce, sizeof nonce)) {
        return -ENOENT;
    }
    char ha1[KEYS_DIGEST_CHARS + 1], ha2[KEYS_DIGEST_CHARS + 1], digest[KEYS_DIGEST_CHARS + 1];
    uint64_t cnonce;
    int err = keys_random(&cnonce, sizeof cnonce);
    err = err ? err : digest_of(strongest, ha1, "%s:%s:%s", user, name, password);
    err = err ? err : digest_of(strongest, ha2, "%s:%s", sip_method_name(method), uri);
    err = err ? err
              : digest_of(strongest, digest, "%s:%s:%08x:%016llx:auth:%s", ha1, nonce, (unsigned)nc,
                          (unsigned long long)cnonce, ha2);
    keys_wipe(ha1, sizeof ha1);
    if (err) {
        return err;
    }
    char opaque[AUTH_REALM_MAX];
    bool has_opaque = sip_param(best, "opaque", opaque, sizeof opaque);
    int n = snprintf(value, size,
                     "Digest username=\"%s\",realm=\"%s\",nonce=\"%s\",uri=\"%s\",response=\"%s\",algorithm=%s,"
                     "cnonce=\"%016llx\",qop=auth,nc=%08x%s%s%s",
                     user, name, nonce, uri, digest, algorithms[strongest].name, (unsigned long long)cnonce,
                     (unsigned)nc, has_opaque ? ",opaque=\"" : "", has_opaque ? opaque : "", has_opaque ? "\"" : "");
    return n < 0 || (size_t)n >= size ? -ENOSPC : 0;
}
