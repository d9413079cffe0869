/* What the files of sip share: a bounded writer of text, a bounded store of strings, and the way to libosip2. */
#ifndef SIG_SIP_SIP_PRIV_H
#define SIG_SIP_SIP_PRIV_H

#include "sig/sip/sip.h"

#include <string.h>

/* Text that grows up to a limit; too much sets full and changes nothing more. */
struct put {
    char *text;
    size_t n, size;
    bool full;
};

static inline void put_n(struct put *put, const char *bytes, size_t n)
{
    if (put->full || put->size - put->n <= n) {
        put->full = true;
        return;
    }
    memcpy(put->text + put->n, bytes, n);
    put->n += n;
    put->text[put->n] = 0;
}

static inline void put_text(struct put *put, const char *text)
{
    put_n(put, text, strlen(text));
}

/* "Name: value" CR LF */
static inline void put_line(struct put *put, const char *name, const char *value)
{
    put_text(put, name);
    put_n(put, ": ", 2);
    put_text(put, value);
    put_n(put, "\r\n", 2);
}

/* Memory for the strings of a view. */
struct store {
    char *at;
    size_t left;
};

/** Copies n octets and a NUL. @return NULL: no room */
char *store_text(struct store *store, const char *text, size_t n);

enum refuse sip_via_parse(struct sip_via *via, const char *text, size_t n, struct store *store);
int sip_addr_read(struct sip_addr *addr, const char *text, size_t n, struct store *store);
int sip_uri_read(struct sip_uri *uri, const char *text, size_t n, struct store *store);

/** Finds a parameter without copying: value "" with n_value 0 if it has none; quotes stay. @return false: not there */
bool sip_param_find(const char *params, const char *name, const char **value, size_t *n_value);

/** Writes the top Via value of a response: received and rport as they came are dropped, the true ones added. */
void sip_via_true(struct put *put, const char *value, const struct flow *flow);

/** Lets libosip2 read the header section that the scan has made plain, and compares. */
enum refuse sip_osip_check(const struct sip_msg *msg);

#endif
