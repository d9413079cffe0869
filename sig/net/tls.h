/*
 * TLS 1.2 and later over sockets that never block (RFC 5246, RFC 8446, RFC 7525; for SIP RFC 3261 26.2). Wraps OpenSSL;
 * nobody else includes its ssl.h. One thread.
 */
#ifndef SIG_NET_TLS_H
#define SIG_NET_TLS_H

#include "core/base/addr.h"

#define TLS_WHY_MAX 256
#define TLS_PATH_MAX 256

/* Files in PEM. */
struct tls_cfg {
    char cert[TLS_PATH_MAX], key[TLS_PATH_MAX]; /* of a server: its chain, and its key; "": a client without one */
    char ca[TLS_PATH_MAX];                      /* CAs that may have signed peers' certificates; "": the system's */
    bool verify;                                /* require and verify peers' certificates, in both directions */
};

/* What all connections share. */
struct tls_context;

/** @param why  a sentence that names the file and the fix, when it fails  @return 0 | -EINVAL | -ENOMEM */
int tls_context_build(struct tls_context **context, const struct tls_cfg *cfg, char why[TLS_WHY_MAX]);
/** Reads the files again: for connections made from now on. A failure leaves all as it was. @return as build */
int tls_context_reload(struct tls_context *context, char why[TLS_WHY_MAX]);
/** Connections that are left keep what they need. NULL is fine. */
void tls_context_free(struct tls_context *context);

/* One connection. The descriptor stays the caller's. */
struct tls;

/** The answering side. @return NULL: no memory, or a context without a certificate */
struct tls *tls_accept(struct tls_context *context, int fd);
/** The calling side; with verify the certificate must be of that address. */
struct tls *tls_connect(struct tls_context *context, int fd, const struct addr *remote);
void tls_free(struct tls *tls);

enum tls_state {
    TLS_OK,
    TLS_WANT_READ,  /* again when there is something to read */
    TLS_WANT_WRITE, /* again when the socket takes something */
    TLS_END,        /* the peer has said that no more will come */
    TLS_FAILED      /* not TLS, refused, or broken */
};

enum tls_state tls_handshake(struct tls *tls);
/** @param got, put  octets, with TLS_OK: 1 at least */
enum tls_state tls_read(struct tls *tls, void *bytes, size_t n_bytes, size_t *got);
enum tls_state tls_write(struct tls *tls, const void *bytes, size_t n_bytes, size_t *put);
/** Octets that have been taken from the socket and wait here: no event will report them. */
bool tls_has_more(const struct tls *tls);
/** Says that no more will come; whether it arrives is nobody's concern. */
void tls_bye(struct tls *tls);
/** Has the peer proved itself by a certificate that we believe? */
bool tls_peer_is_proven(const struct tls *tls);

#endif
