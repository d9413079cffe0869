/*
 * SIP messages: reading one into a plain view, and writing one. The only door to libosip2; nobody else includes it.
 *
 * Reading: scan (limits) -> our own bounded readers for what identity and routing hang on -> libosip2 on the header
 * section (grammar; the body is cut off before, because its multipart and SDP readers leak and over-read) -> both must
 * agree. The view keeps values as they came, so that a Call-ID, tag or Contact goes back out octet for octet.
 *
 * Writing: a sip_out collects headers and a body and is turned into text once. Errors are sticky: a failed or refused
 * step (no memory, a CR, LF or NUL in a value) makes sip_text, txn_respond and txn_request fail; nothing in between
 * needs checking. A NULL sip_out is taken everywhere and counts as failed.
 *
 * Signalling thread only. Everything is bounded by scan.h and the limits below.
 */
#ifndef SIG_SIP_SIP_H
#define SIG_SIP_SIP_H

#include "sig/base/flow.h"
#include "sig/sip/scan.h"

#define SIP_CONTACTS_MAX 16
#define SIP_ROUTES_MAX 32
#define SIP_ID_BYTES_MAX 256   /* tag, Call-ID, branch, host: longer is refused */
#define SIP_URI_BYTES_MAX 1024 /* a URI: longer is refused where we must read it */
#define SIP_PORT 5060
#define SIP_TAG_BYTES 17    /* 16 hexadecimal digits and NUL */
#define SIP_BRANCH_BYTES 32 /* magic cookie, 24 hexadecimal digits, NUL */

/* ---- methods ---- */

#define SIP_METHOD_LIST(X)                                                                                             \
    X(INVITE)                                                                                                          \
    X(ACK)                                                                                                             \
    X(BYE)                                                                                                             \
    X(CANCEL)                                                                                                          \
    X(OPTIONS)                                                                                                         \
    X(REGISTER)                                                                                                        \
    X(PRACK)                                                                                                           \
    X(UPDATE)                                                                                                          \
    X(INFO)                                                                                                            \
    X(SUBSCRIBE)                                                                                                       \
    X(NOTIFY)                                                                                                          \
    X(REFER)                                                                                                           \
    X(MESSAGE)                                                                                                         \
    X(PUBLISH)

enum sip_method {
    SIP_UNKNOWN,
#define X(name) SIP_##name,
    SIP_METHOD_LIST(X)
#undef X
        SIP_METHODS
};

/** A set of methods is an OR of these. */
static inline uint32_t sip_bit(enum sip_method method)
{
    return 1u << method;
}

/** "INVITE", ...; "?" for SIP_UNKNOWN. */
const char *sip_method_name(enum sip_method method);
/** Methods are case-sensitive (RFC 3261 7.1). */
enum sip_method sip_method_named(const char *name);
/** Writes "INVITE, ACK, BYE" for a set, as Allow wants it; returns text. */
const char *sip_methods_text(uint32_t methods, char text[256]);
/** The usual reason phrase of a status, "" if there is none. */
const char *sip_reason(int status);

/* ---- the view ---- */

struct sip_uri {
    const char *text;    /* octet for octet as it came, without <> */
    const char *scheme;  /* lower case: "sip", "sips", "tel", "urn", ... */
    const char *user;    /* unescaped (a %00 stays escaped), password cut off; NULL: none; tel: the number */
    const char *host;    /* lower case, IPv6 without []; "" for schemes other than sip and sips */
    uint16_t port;       /* 0: none given */
    const char *params;  /* ";transport=tcp;lr" or "": read with sip_param */
    const char *headers; /* "Replaces=...&method=..." or "": what stood behind '?', still escaped */
};

/** A name-addr or addr-spec with its header parameters: From, To, Contact, Refer-To, Route, P-Asserted-Identity ... */
struct sip_addr {
    const char *display; /* quotes and backslashes taken off; "" if none. May hold any octet but NUL, CR, LF: escape it
                            before it goes to a log, XML or a page */
    struct sip_uri uri;
    const char *params; /* ";tag=x;q=0.5" or "": read with sip_param */
    const char *tag;    /* From, To: the tag; NULL: none */
};

struct sip_contact {
    struct sip_addr addr;
    int q_thousandths; /* 0-1000; 1000 when absent */
    int64_t expires_s; /* -1: absent */
};

struct sip_via {
    uint8_t transport;  /* enum flow_transport; FLOW_TRANSPORTS: one that we do not speak */
    const char *host;   /* lower case, IPv6 without [] */
    uint16_t port;      /* 0: none given */
    const char *branch; /* "" if none */
    const char *text;   /* the whole value as it came */
    bool has_rport;
};

struct sip_msg {
    struct flow flow; /* where it came from */
    size_t n_bytes;   /* of the whole message */
    bool is_request;
    enum sip_method method;  /* requests: theirs; responses: of CSeq */
    const char *method_text; /* for SIP_UNKNOWN */
    struct sip_uri uri;      /* requests: Request-URI */
    int status;              /* responses */
    const char *reason;

    struct sip_via via; /* the top one */
    unsigned n_vias;
    struct sip_addr from, to;
    const char *call_id;
    uint32_t cseq;

    unsigned n_contacts;
    bool contact_is_star;
    struct sip_contact *contacts;
    unsigned n_routes, n_record_routes;
    const char **routes, **record_routes; /* values as they came, "<sip:...;lr>", top first */

    int max_forwards;                /* -1: absent */
    int64_t expires_s;               /* -1: absent, or no number; one beyond 2^32-1 counts as 2^32-1 */
    uint32_t allow;                  /* set of sip_bit; 0: no Allow header */
    const char *content_type;        /* lower case "application/sdp", parameters cut off; "" if none */
    const char *content_type_params; /* ";boundary=x" or "" */
    const char *content_disposition; /* lower case "session", parameters cut off; "" if none */
    bool content_optional;           /* ;handling=optional (RFC 5621 8.3) */
    const char *body;                /* NUL stands behind it; may contain NUL */
    size_t body_bytes;

    struct scan scan; /* all header lines, for sip_header */
};

/**
 * Reads one whole message.
 *
 * @param bytes, n_bytes  the message; copied
 * @param flow            where it came from; decides the limits and is kept in the view
 * @param msg             the view, to be freed by sip_free. A refused message has one too, but only its flow and scan
 *                        say anything, for sip_stateless; NULL with REFUSE_MEMORY
 * @return                REFUSE_NONE | why not
 * @cost                  about 15-20 us for a usual INVITE; never more than 5 ms, whatever the message
 */
enum refuse sip_parse(const char *bytes, size_t n_bytes, const struct flow *flow, struct sip_msg **msg);
void sip_free(struct sip_msg *msg);

/** Value of the i-th header line (0 the first) of that name in any case or form; NULL: none. One line may hold a
 * list. */
const char *sip_header(const struct sip_msg *msg, const char *name, unsigned i);

/** i-th element over all lines of a comma list header, blanks taken off. @return length, 0: none  @cost O(headers) */
size_t sip_list(const struct sip_msg *msg, const char *name, unsigned i, const char **element);

/** Is this token (any case) in the list header: sip_has(msg, "Supported", "100rel")? Parameters are ignored. */
bool sip_has(const struct sip_msg *msg, const char *name, const char *token);

/**
 * Finds a parameter in ";a=b;c;d=\"e f\"", name in any case. Quotes are taken off; no value gives "".
 * @return true: there is one; value holds it, cut to size
 */
bool sip_param(const char *params, const char *name, char *value, size_t size);

/**
 * Reads one name-addr or addr-spec, e.g. a Refer-To or P-Asserted-Identity value or an element of sip_list.
 *
 * @param memory  holds the strings of *addr; size >= 3 * n + 16 suffices
 * @return        0 | -EINVAL: not one | -ENOSPC
 */
int sip_addr_parse(struct sip_addr *addr, const char *text, size_t n, char *memory, size_t size);

/** The same for a bare URI. */
int sip_uri_parse(struct sip_uri *uri, const char *text, size_t n, char *memory, size_t size);

/** Writes the escapes of RFC 3261 25.1 away: "%41" -> "A", but leaves "%00" as it is. In place; returns text. */
char *sip_unescape(char *text);

/* ---- writing ---- */

struct sip_out;

/**
 * A response to req: Vias (received and rport made true, RFC 3581 4), From, To with to_tag unless it has one, Call-ID,
 * CSeq; Record-Route in 101-299 to requests that make dialogs (RFC 3261 12.1.1); Timestamp in 100.
 *
 * Transaction users take txn_response, which knows the tag.
 *
 * @param reason  NULL: the usual phrase
 * @param to_tag  NULL: none (100)
 * @owner         caller, until given to txn_respond or sip_out_free
 */
struct sip_out *sip_response_make(const struct sip_msg *req, int status, const char *reason, const char *to_tag);

/* What a request is made from. Strings are copied. */
struct sip_request {
    enum sip_method method;
    const char *target;        /* remote target: URI without <> */
    const char *const *routes; /* route set, "<sip:...;lr>" first hop first; strict first hops are handled (12.2.1.1) */
    unsigned n_routes;
    const char *from, *to; /* whole values with their tags: "\"Room\" <sip:x@y>;tag=1" */
    const char *call_id;
    uint32_t cseq;
    unsigned max_forwards; /* 0: 70 */
};

/** A request without its Via, which txn_request adds. Content-Length and body as sip_body says. */
struct sip_out *sip_request_make(const struct sip_request *request);

/** Adds a header line at the end. Values with CR, LF or NUL make the message fail. */
void sip_add(struct sip_out *out, const char *name, const char *value);
void sip_addf(struct sip_out *out, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** Sets the body and its Content-Type. */
void sip_body(struct sip_out *out, const char *content_type, const void *body, size_t n_bytes);

/**
 * Writes the text. @return 0 | -EINVAL: a refused header | -ENOMEM | -EMSGSIZE: over SCAN_STREAM_BYTES_MAX
 * @owner *text: the caller, free()
 */
int sip_text(struct sip_out *out, char **text, size_t *n_bytes);
void sip_out_free(struct sip_out *out);

/* What was put in so far, for those that hold a sip_out. */
enum sip_method sip_out_method(const struct sip_out *out); /* requests: theirs; responses: of CSeq */
int sip_out_status(const struct sip_out *out);             /* 0 for a request */
const char *sip_out_to_tag(const struct sip_out *out);     /* responses; "" if none */

/* ---- for the transaction layer ---- */

/**
 * The answer to a request that no parser takes, or that nobody keeps state for: from what the scan has salvaged.
 *
 * @param extra   further header lines, each with CR LF, or ""
 * @param to_tag  same for the same request, so that retransmissions get the same answer (RFC 3261 8.2.7)
 * @return        length | 0: no Via, or too small: no answer. Others that are missing are left out
 */
size_t sip_stateless(const struct scan *scan, const struct flow *flow, int status, const char *reason,
                     const char *to_tag, const char *extra, char *text, size_t size);

/**
 * ACK for a non-2xx final response, or CANCEL, from the text of the INVITE that we have sent: its Request-URI, top Via,
 * Route, From, Call-ID, CSeq number (RFC 3261 17.1.1.3, 9.1).
 *
 * @param to  the whole To value of the response (ACK), NULL: that of the INVITE (CANCEL)
 * @return    length | 0: too small
 */
size_t sip_follow(const char *invite, size_t n_invite, enum sip_method method, const char *to, char *text, size_t size);

/** Before anything else here: silences libosip2 and initialises its parser. txns_build does it; doing it again does no
 * harm. @return 0 | -ENOMEM */
int sip_init(void);

#endif
