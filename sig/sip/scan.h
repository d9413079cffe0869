/*
 * The first reader of every SIP message: one linear pass with hard limits, before any library sees a byte. It finds the
 * first line, the header lines (unfolded, by offset) and the body, refuses what libosip2 would let through or choke on
 * (NUL, quadratic lists, Content-Length by atoi, statuses, versions: each has a test named for it), and keeps enough
 * of Via, From, To, Call-ID and CSeq to answer even a message that no parser takes.
 *
 * White space is decided here, once, for everybody behind: folded lines are joined by one blank, blanks around the
 * colon and at the ends of the value go, line ends are CR LF and nothing else. What is behind reads scan.text, never
 * the wire. No heap; one thread.
 */
#ifndef SIG_SIP_SCAN_H
#define SIG_SIP_SCAN_H

#include "sig/sip/refuse.h"

#define SCAN_UDP_BYTES_MAX 16384
#define SCAN_STREAM_BYTES_MAX 65536
#define SCAN_LINES_MAX 128
#define SCAN_COMMAS_MAX 64
#define SCAN_PARAMETERS_MAX 64
#define SCAN_FIRST_LINE_MAX 2048
#define SCAN_TEXT_EXTRA 8

/* Headers that the stack itself reads: id, name, compact form (0: none), may be there once only. */
#define SCAN_HEADER_LIST(X)                                                                                            \
    X(VIA, "Via", 'v', false)                                                                                          \
    X(FROM, "From", 'f', true)                                                                                         \
    X(TO, "To", 't', true)                                                                                             \
    X(CALL_ID, "Call-ID", 'i', true)                                                                                   \
    X(CSEQ, "CSeq", 0, true)                                                                                           \
    X(CONTACT, "Contact", 'm', false)                                                                                  \
    X(ROUTE, "Route", 0, false)                                                                                        \
    X(RECORD_ROUTE, "Record-Route", 0, false)                                                                          \
    X(MAX_FORWARDS, "Max-Forwards", 0, true)                                                                           \
    X(CONTENT_LENGTH, "Content-Length", 'l', true)                                                                     \
    X(CONTENT_TYPE, "Content-Type", 'c', true)                                                                         \
    X(CONTENT_ENCODING, "Content-Encoding", 'e', false)                                                                \
    X(CONTENT_DISPOSITION, "Content-Disposition", 0, true)                                                             \
    X(EXPIRES, "Expires", 0, true)                                                                                     \
    X(MIN_EXPIRES, "Min-Expires", 0, false)                                                                            \
    X(DATE, "Date", 0, false)                                                                                          \
    X(TIMESTAMP, "Timestamp", 0, true)                                                                                 \
    X(REQUIRE, "Require", 0, false)                                                                                    \
    X(PROXY_REQUIRE, "Proxy-Require", 0, false)                                                                        \
    X(SUPPORTED, "Supported", 'k', false)                                                                              \
    X(UNSUPPORTED, "Unsupported", 0, false)                                                                            \
    X(ALLOW, "Allow", 0, false)                                                                                        \
    X(ACCEPT, "Accept", 0, false)                                                                                      \
    X(EVENT, "Event", 'o', true)                                                                                       \
    X(ALLOW_EVENTS, "Allow-Events", 'u', false)                                                                        \
    X(SUBSCRIPTION_STATE, "Subscription-State", 0, true)                                                               \
    X(REFER_TO, "Refer-To", 'r', false) /* two: 400 by the REFER code, which must see both */                          \
    X(REFERRED_BY, "Referred-By", 'b', true)                                                                           \
    X(REPLACES, "Replaces", 0, true)                                                                                   \
    X(JOIN, "Join", 0, true)                                                                                           \
    X(SESSION_EXPIRES, "Session-Expires", 'x', true)                                                                   \
    X(MIN_SE, "Min-SE", 0, true)                                                                                       \
    X(RSEQ, "RSeq", 0, true)                                                                                           \
    X(RACK, "RAck", 0, true)                                                                                           \
    X(SUBJECT, "Subject", 's', false)                                                                                  \
    X(ACCEPT_CONTACT, "Accept-Contact", 'a', false)                                                                    \
    X(REJECT_CONTACT, "Reject-Contact", 'j', false)                                                                    \
    X(REQUEST_DISPOSITION, "Request-Disposition", 'd', false)                                                          \
    X(IDENTITY, "Identity", 'y', false)

enum scan_header {
    SCAN_OTHER,
#define X(id, name, compact, once) SCAN_##id,
    SCAN_HEADER_LIST(X)
#undef X
        SCAN_HEADERS
};

struct scan_line {
    uint32_t name_at, value_at; /* offsets into scan.text; both strings end with NUL */
    enum scan_header header;
};

enum scan_kind { SCAN_REQUEST, SCAN_RESPONSE };

struct scan {
    enum refuse refuse; /* REFUSE_NONE: go on */
    enum scan_kind kind;
    int status;              /* responses: 100-699 */
    const char *method;      /* requests, NUL-terminated, in text */
    const char *request_uri; /* requests */
    const char *reason;      /* responses; "" is fine */
    unsigned n_lines;
    struct scan_line lines[SCAN_LINES_MAX];
    unsigned first[SCAN_HEADERS]; /* line + 1 of the first header of that id, 0: none; valid as far as the scan came */
    const char *body;             /* in the caller's bytes, NULL: none */
    size_t body_bytes;
    char *text; /* the caller's memory: first line and headers, unfolded, in pieces that end with NUL */
    size_t text_bytes;
};

/**
 * Scans one whole message: a datagram, or what scan_frame cut from a stream.
 *
 * The scan goes on to the end of the header section even when it has found a reason to refuse, so that the answer can
 * be addressed; the first reason wins.
 *
 * @param bytes   the message; need not end with NUL; must live as long as scan.body is used
 * @param stream  true: 64 KB, Content-Length demanded (RFC 3261 18.3); false: 16 KB, the rest of the datagram is body
 * @param text    memory for the unfolded headers, text_size >= n_bytes + SCAN_TEXT_EXTRA
 * @return        scan->refuse
 * @cost          O(n_bytes), about 1 ns a byte; no heap
 * @source        RFC 3261 7, 7.3.1, 20.14, 25.1
 */
enum refuse scan_message(struct scan *scan, const char *bytes, size_t n_bytes, bool stream, char *text,
                         size_t text_size);

/** The i-th header line of that id (0 the first), NULL: none. Only values as seen by the scan. */
const char *scan_value(const struct scan *scan, enum scan_header header, unsigned i);

/** Which header is called so, in any case and in compact form. SCAN_OTHER: none of ours. */
enum scan_header scan_header_named(const char *name, size_t n);

/** The long name of a known header. */
const char *scan_header_name(enum scan_header header);

enum scan_framing {
    SCAN_FRAME_MORE, /* not complete: read on */
    SCAN_FRAME_DONE, /* *frame_bytes is a whole message */
    SCAN_FRAME_BAD,  /* cannot be framed: hand *frame_bytes to scan_message for its answer, then close */
};

/**
 * Cuts the first message from a stream.
 *
 * @param bytes        what has arrived, leading CR LF already taken off
 * @param seen_bytes   in: how far earlier calls have looked (0 at first); out: how far this one has. Keeps the work
 *                     linear when a message comes in single octets
 * @param frame_bytes  DONE: length of the message; BAD: all that is there, at most SCAN_STREAM_BYTES_MAX;
 *                     MORE: length of the message when known already, else 0
 * @source             RFC 3261 18.3
 */
enum scan_framing scan_frame(const char *bytes, size_t n_bytes, size_t *seen_bytes, size_t *frame_bytes);

/* Small readers that everybody behind needs. */

/** A number of decimal digits only, no sign, no blank. @return false: not one, or more than max */
bool scan_number(const char *text, size_t n, uint64_t max, uint64_t *number);

/** The next element of a comma list (commas in quotes and angle brackets do not count), n octets long, blanks at its
 * ends taken off. Moves *cursor behind it. @return NULL at the end; empty elements are passed over */
const char *scan_element(const char **cursor, size_t *n);

/** Compares without regard to ASCII case. */
bool scan_same(const char *a, const char *b);
bool scan_same_n(const char *a, size_t n, const char *b);

#endif
