/*
 * Why a SIP message was refused: one list, one status, one sentence and one counter per reason. Every message that does
 * not reach the transaction user is counted under exactly one of them, so inputs = delivered + absorbed + refused.
 *
 * The status is what a request of that kind is answered with; 0 means nothing is sent. Responses and ACK are never
 * answered, whatever the status says.
 */
#ifndef SIG_SIP_REFUSE_H
#define SIG_SIP_REFUSE_H

#include "core/base/stats.h"

/* name, status, reason phrase of the answer, text for people */
#define REFUSE_LIST(X)                                                                                                 \
    X(NONE, 0, "", "kept")                                                                                             \
    X(EMPTY, 0, "", "nothing but line ends, or too short for any message")                                             \
    X(FIRST_LINE, 0, "", "first line is neither a request nor a status line")                                          \
    X(REQUEST_LINE, 400, "Bad Request Line", "request line with wrong spaces, characters or URI")                      \
    X(STATUS, 0, "", "status outside 100-699, or a malformed status line")                                             \
    X(VERSION, 505, "Version Not Supported", "not SIP/2.0")                                                            \
    X(TOO_LARGE, 513, "Message Too Large", "longer than its transport allows")                                         \
    X(NUL, 400, "NUL Octet", "a NUL octet in the header section")                                                      \
    X(LINE_END, 400, "Bad Line End", "a bare CR or LF, or a header section that does not end")                         \
    X(CONTROL, 400, "Control Character", "a control character in a header")                                            \
    X(HEADER_NAME, 400, "Bad Header Name", "a header line without a name or a colon")                                  \
    X(HEADERS, 400, "Too Many Headers", "more header lines than the limit")                                            \
    X(COMMAS, 400, "Too Many Values", "more commas in one header line than the limit")                                 \
    X(PARAMETERS, 400, "Too Many Parameters", "more parameters in one line than the limit")                            \
    X(LONG_VALUE, 400, "Header Too Long", "a value too long for what it is: tag, Call-ID, branch, host")               \
    X(TWICE, 400, "Duplicate Header", "a header twice that may be there once")                                         \
    X(CONTENT_LENGTH, 400, "Bad Content-Length", "Content-Length is not a number, or more than the datagram holds")    \
    X(NO_CONTENT_LENGTH, 400, "Missing Content-Length", "no Content-Length on a stream")                               \
    X(MISSING, 400, "Missing Header", "Via, From, To, Call-ID or CSeq is missing")                                     \
    X(VIA, 400, "Bad Via", "top Via that cannot be read")                                                              \
    X(VIAS, 0, "", "a response that has more than our own Via")                                                        \
    X(FROM, 400, "Bad From", "From that cannot be read")                                                               \
    X(TO, 400, "Bad To", "To that cannot be read")                                                                     \
    X(CALL_ID, 400, "Bad Call-ID", "Call-ID that cannot be read")                                                      \
    X(CSEQ, 400, "Bad CSeq", "CSeq number outside 0 to 2^31-1, or not a number")                                       \
    X(CSEQ_METHOD, 400, "CSeq Method Mismatch", "CSeq method is not the method of the request")                        \
    X(MAX_FORWARDS, 400, "Bad Max-Forwards", "Max-Forwards is not a number from 0 to 255")                             \
    X(CONTACT, 400, "Bad Contact", "Contact that cannot be read")                                                      \
    X(ROUTE, 400, "Bad Route", "Route or Record-Route that cannot be read, or too many")                               \
    X(URI, 400, "Bad Request-URI", "Request-URI that cannot be read, or a port outside 1-65535")                       \
    X(SCHEME, 416, "Unsupported URI Scheme", "Request-URI with a scheme that nobody here serves")                      \
    X(GRAMMAR, 400, "Bad Request", "refused by the parser library")                                                    \
    X(DISAGREE, 400, "Ambiguous Message", "the parser library reads an identity differently than we do")               \
    X(MEMORY, 500, "Server Internal Error", "no memory")                                                               \
    X(METHOD_UNKNOWN, 501, "Not Implemented", "a method that this server does not know")                               \
    X(METHOD_REFUSED, 405, "Method Not Allowed", "a known method that is not served here")                             \
    X(MERGED, 482, "Loop Detected", "the same request again by another path")                                          \
    X(CANCEL_UNMATCHED, 481, "Call/Transaction Does Not Exist", "CANCEL for no known transaction")                     \
    X(OVERLOAD, 503, "Service Unavailable", "too many live transactions")                                              \
    X(RATE_SOURCE, 503, "Service Unavailable", "one source asks for more than its share")                              \
    X(RATE_TOTAL, 503, "Service Unavailable", "all sources together ask for more than the limit")                      \
    X(BEHIND, 503, "Service Unavailable", "more comes than can be served: what begins must wait")                      \
    X(STRAY_RESPONSE, 0, "", "a response to nothing that was asked")                                                   \
    X(FORGED_RESPONSE, 0, "", "a response from where the request did not go")

enum refuse {
#define X(name, status, phrase, text) REFUSE_##name,
    REFUSE_LIST(X)
#undef X
        REFUSES
};

/** "FIRST_LINE", ... for metrics. */
const char *refuse_name(enum refuse refuse);
/** The sentence for people. */
const char *refuse_text(enum refuse refuse);
/** Status of the answer to a request, 0: none; and its reason phrase. */
int refuse_status(enum refuse refuse);
const char *refuse_phrase(enum refuse refuse);

#endif
