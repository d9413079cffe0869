/* OpenSSL's wrapper for connections. See tls.h. */
#include "sig/net/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

struct tls_context {
    struct tls_cfg cfg;
    SSL_CTX *ssl;
};

/* The reason that OpenSSL gave first: the later ones only say that something failed. */
static const char *reason(void)
{
    unsigned long code = ERR_get_error();
    const char *text = ERR_SYSTEM_ERROR(code) ? strerror(ERR_GET_REASON(code)) : ERR_reason_error_string(code);
    ERR_clear_error();
    return text ? text : "unknown reason";
}

static int refuse(SSL_CTX *ssl, char why[TLS_WHY_MAX], const char *format, const char *file)
{
    char words[TLS_WHY_MAX];
    snprintf(words, sizeof words, format, file);
    snprintf(why, TLS_WHY_MAX, "%.180s (%.60s)", words, reason());
    SSL_CTX_free(ssl);
    return -EINVAL;
}

static int context_make(SSL_CTX **out, const struct tls_cfg *cfg, char why[TLS_WHY_MAX])
{
    SSL_CTX *ssl = SSL_CTX_new(TLS_method());
    if (!ssl) {
        snprintf(why, TLS_WHY_MAX, "no memory");
        return -ENOMEM;
    }
    SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
    SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ssl,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    /* RFC 7525 4.2: forward secrecy and authenticated encryption. */
    SSL_CTX_set_cipher_list(ssl, "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM");
    static const unsigned char session_name[] = "mixminus";
    SSL_CTX_set_session_id_context(ssl, session_name, sizeof session_name - 1);
    if (cfg->cert[0]) {
        if (SSL_CTX_use_certificate_chain_file(ssl, cfg->cert) != 1) {
            return refuse(ssl, why, "%s is no certificate in PEM; give another --tls-cert", cfg->cert);
        }
        if (SSL_CTX_use_PrivateKey_file(ssl, cfg->key, SSL_FILETYPE_PEM) != 1) {
            return refuse(ssl, why, "%s is no key in PEM of that certificate; give another --tls-key", cfg->key);
        }
        if (SSL_CTX_check_private_key(ssl) != 1) {
            return refuse(ssl, why, "%s is not the key of the certificate; give the one that belongs to it", cfg->key);
        }
    }
    if (cfg->ca[0] && SSL_CTX_load_verify_locations(ssl, cfg->ca, NULL) != 1) {
        return refuse(ssl, why, "%s holds no certificates in PEM; give another --tls-ca", cfg->ca);
    }
    if (!cfg->ca[0]) {
        SSL_CTX_set_default_verify_paths(ssl);
    }
    SSL_CTX_set_verify(ssl, cfg->verify ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE, NULL);
    *out = ssl;
    return 0;
}

int tls_context_build(struct tls_context **out, const struct tls_cfg *cfg, char why[TLS_WHY_MAX])
{
    struct tls_context *context = calloc(1, sizeof *context);
    if (!context) {
        return -ENOMEM;
    }
    context->cfg = *cfg;
    int err = context_make(&context->ssl, cfg, why);
    if (err) {
        free(context);
        return err;
    }
    *out = context;
    return 0;
}

int tls_context_reload(struct tls_context *context, char why[TLS_WHY_MAX])
{
    SSL_CTX *ssl;
    int err = context_make(&ssl, &context->cfg, why);
    if (!err) {
        SSL_CTX_free(context->ssl);
        context->ssl = ssl;
    }
    return err;
}

void tls_context_free(struct tls_context *context)
{
    if (context) {
        SSL_CTX_free(context->ssl);
        free(context);
    }
}

/* ---- connections: struct tls is OpenSSL's SSL under another name ---- */

static SSL *ssl_of(const struct tls *tls)
{
    return (SSL *)(uintptr_t)tls;
}

static struct tls *tls_open(struct tls_context *context, int fd)
{
    SSL *ssl = SSL_new(context->ssl);
    if (ssl && SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ssl = NULL;
    }
    ERR_clear_error();
    return (struct tls *)ssl;
}

struct tls *tls_accept(struct tls_context *context, int fd)
{
    struct tls *tls = context->cfg.cert[0] ? tls_open(context, fd) : NULL;
    if (tls) {
        SSL_set_accept_state(ssl_of(tls));
    }
    return tls;
}

struct tls *tls_connect(struct tls_context *context, int fd, const struct addr *remote)
{
    struct tls *tls = tls_open(context, fd);
    char host[ADDR_TEXT_MAX];
    if (tls) {
        SSL_set_connect_state(ssl_of(tls));
        if (context->cfg.verify) {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_of(tls)), addr_host_text(remote, host));
        }
    }
    return tls;
}

void tls_free(struct tls *tls)
{
    SSL_free(ssl_of(tls));
    ERR_clear_error();
}

static enum tls_state state_of(const struct tls *tls, int result)
{
    int error = SSL_get_error(ssl_of(tls), result);
    ERR_clear_error();
    switch (error) {
    case SSL_ERROR_NONE:
        return TLS_OK;
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_END;
    default:
        return TLS_FAILED;
    }
}

enum tls_state tls_handshake(struct tls *tls)
{
    return state_of(tls, SSL_do_handshake(ssl_of(tls)));
}

enum tls_state tls_read(struct tls *tls, void *bytes, size_t n_bytes, size_t *got)
{
    return state_of(tls, SSL_read_ex(ssl_of(tls), bytes, n_bytes, got));
}

enum tls_state tls_write(struct tls *tls, const void *bytes, size_t n_bytes, size_t *put)
{
    return state_of(tls, SSL_write_ex(ssl_of(tls), bytes, n_bytes, put));
}

bool tls_has_more(const struct tls *tls)
{
    return SSL_pending(ssl_of(tls)) > 0;
}

void tls_bye(struct tls *tls)
{
    SSL_shutdown(ssl_of(tls));
    ERR_clear_error();
}

bool tls_peer_is_proven(const struct tls *tls)
{
    X509 *peer = SSL_get1_peer_certificate(ssl_of(tls));
    bool is_proven = peer && SSL_get_verify_result(ssl_of(tls)) == X509_V_OK;
    X509_free(peer);
    return is_proven;
}
