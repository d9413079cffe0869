/*
 * A small bounded reader of session descriptions (RFC 8866), because the wrapped SIP library's own one reads past its
 * input and is quadratic. One linear pass, no heap, every number range-checked. Lines and attributes that are unknown
 * or cannot be read are passed over, since a call depends on few of them; only what must come again in the answer, the
 * kinds and protocols of the streams, has to be there. The result is a value whose spans point into the text: it lives
 * as long as the text.
 */
#ifndef SIG_SDP_SDP_H
#define SIG_SDP_SDP_H

#include "core/base/addr.h"
#include "core/base/base.h"

#define SDP_LINES_MAX 256
#define SDP_MEDIA_MAX 16         /* m= lines: a phone sends up to five, a browser's offer up to ten */
#define SDP_MEDIA_FORMATS_MAX 64 /* formats of one m= line */
#define SDP_FORMATS_MAX 128      /* RTP formats of all m= lines together */
#define SDP_CRYPTOS_MAX 32       /* a=crypto lines of all m= lines together; what is more is passed over */
#define SDP_NAME_MAX 24          /* encoding name with its terminator: the longest registered are below 20 */
#define SDP_WORD_MAX 32          /* a word of an m= line with its terminator */
#define SDP_PT_MAX 127
#define SDP_EXT_MAX 14 /* RFC 8285 4.2: what fits the one-byte form */
#define SDP_URI_LEVEL "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
#define SDP_URI_LEVELS "urn:ietf:params:rtp-hdrext:csrc-audio-level"

struct sdp_text {
    const char *p; /* not terminated */
    size_t n;
};

enum sdp_proto { SDP_AVP, SDP_AVPF, SDP_SAVP, SDP_SAVPF, SDP_OTHER };

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };

/* A header extension of a stream (RFC 8285). */
struct sdp_ext {
    uint8_t id; /* 1..SDP_EXT_MAX; 0: not there, or under a number that we do not use */
    enum sdp_direction direction;
    bool vad_off; /* RFC 6464 4: the sender's opinion on voice means nothing */
};

/* What a session or a stream says of header extensions. */
struct sdp_exts {
    struct sdp_ext level;  /* of the stream, RFC 6464 */
    struct sdp_ext levels; /* of the contributing sources, RFC 6465 */
    uint16_t ids;          /* 1 << id: taken, whatever for */
};

struct sdp_format {
    uint8_t pt;       /* 0..127 */
    bool mapped;      /* had an a=rtpmap */
    uint8_t channels; /* 0: not given */
    uint32_t clock_hz;
    char name[SDP_NAME_MAX]; /* as given, "" without rtpmap */
    struct sdp_text fmtp;    /* parameters after the payload type */
};

/* Preconditions of quality of service (RFC 3312, RFC 4032), as bits of directions. Local is the describer's side. */
enum { SDP_QOS_LOCAL, SDP_QOS_REMOTE, SDP_QOS_E2E, SDP_QOS_TYPES };
enum { SDP_QOS_SEND = 1, SDP_QOS_RECV = 2, SDP_QOS_BOTH = 3 };

struct sdp_qos {
    bool any; /* a line of it was there */
    uint8_t now[SDP_QOS_TYPES], mandatory[SDP_QOS_TYPES], optional[SDP_QOS_TYPES];
};

struct sdp_media {
    struct sdp_text kind, proto_text, format_text; /* of the m= line; the first format, "0" if it has none */
    enum sdp_proto proto;
    uint16_t port;         /* 0: refused or off, or no port */
    struct addr host;      /* c= of the stream or of the session, port 0; unset: none, or a name */
    struct addr others[2]; /* IPv4, IPv6: where it can be sent to as well, with port (a=altc, RFC 6947; a=candidate
                              of its own host, RFC 8839 5.1); the first of each, unset: none */
    enum sdp_direction direction;   /* default sendrecv, RFC 3264 5.1 */
    uint16_t ptime_ms, maxptime_ms; /* 0: not given */
    uint16_t rtcp_port;             /* a=rtcp, 0: not given */
    struct addr rtcp_host;          /* a=rtcp with an address, else unset */
    bool rtcp_mux, has_direction;
    struct sdp_qos qos;
    struct sdp_exts exts;        /* of the stream or of the session */
    bool dtls;                   /* keys come by DTLS, not by a=crypto */
    struct sdp_text floor_fmtp;  /* of a=fmtp:MCPTT, see floor_line.h */
    uint8_t i_format, n_formats; /* into struct sdp's formats; only for RTP of any kind */
    uint8_t i_crypto, n_cryptos; /* into struct sdp's cryptos */
};

struct sdp {
    uint64_t session_id, session_version; /* o=; 0: no number of 63 bits (RFC 3264 5), and it does not matter */
    enum sdp_direction direction;         /* session level */
    struct addr host;
    struct sdp_exts exts; /* for every stream */
    uint8_t n_media;
    uint8_t n_formats;
    uint8_t n_cryptos;
    struct sdp_media media[SDP_MEDIA_MAX];
    struct sdp_format formats[SDP_FORMATS_MAX];
    struct sdp_text cryptos[SDP_CRYPTOS_MAX]; /* values */
};

/**
 * Reads a description. Lines may end in CRLF or LF, the last one in nothing.
 *
 * @return 0 | -EBADMSG not SDP: v=0 is not first, no o=, an m= line of less than three words or with a control
 *         character, a NUL | -E2BIG more lines, streams or formats than the limits
 * @cost   O(bytes), no heap
 */
int sdp_parse(struct sdp *sdp, const char *text, size_t bytes);

/** True when the span is this word, in any case. */
bool sdp_text_is(struct sdp_text text, const char *word);

/** Takes the next word (up to blanks) off the front of the text; empty when there is none. */
struct sdp_text sdp_word_take(struct sdp_text *text);
/** Splits at the first c: returns what is before, leaves what is after; no c: all before, nothing left. */
struct sdp_text sdp_split_take(struct sdp_text *text, char c);

/**
 * Finds a parameter in an fmtp line "a=1;b=2". @return its value, p NULL if there is none
 */
struct sdp_text sdp_param(struct sdp_text fmtp, const char *name);

/** Reads a whole span as a decimal of at most max. @return -1 if it is anything else */
int64_t sdp_number(struct sdp_text text, uint64_t max);

/* Building: appends and remembers overflow, so that only the end needs a check. */
struct sdp_out {
    char *p;
    size_t n, cap;
    bool overflow;
};

void sdp_put(struct sdp_out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *sdp_direction_name(enum sdp_direction direction);

#endif
