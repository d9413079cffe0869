/* The SDP reader: lines, then one small function per line type. */
#include "sig/sdp/sdp.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NONE 0xff

/* The payload types of the m= line that is being read: an attribute finds its format in one step. */
struct reader {
    struct sdp *sdp;
    struct sdp_media *media; /* NULL: session level */
    uint8_t i_by_pt[SDP_PT_MAX + 1];
    bool has_origin;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct sdp_text sdp_word_take(struct sdp_text *text)
{
    while (text->n > 0 && is_blank(*text->p)) {
        text->p++;
        text->n--;
    }
    struct sdp_text word = {text->p, 0};
    while (word.n < text->n && !is_blank(text->p[word.n])) {
        word.n++;
    }
    text->p += word.n;
    text->n -= word.n;
    return word;
}

struct sdp_text sdp_split_take(struct sdp_text *text, char c)
{
    struct sdp_text before = *text;
    const char *at = text->n ? memchr(text->p, c, text->n) : NULL;
    if (at) {
        before.n = (size_t)(at - text->p);
        text->p = at + 1;
        text->n -= before.n + 1;
    } else {
        text->p += text->n;
        text->n = 0;
    }
    return before;
}

bool sdp_text_is(struct sdp_text text, const char *word)
{
    return strlen(word) == text.n && strncasecmp(text.p, word, text.n) == 0;
}

int64_t sdp_number(struct sdp_text text, uint64_t max)
{
    uint64_t value = 0;
    must(max <= INT64_MAX);
    if (text.n == 0 || text.n > 19) {
        return -1;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return -1;
        }
        value = value * 10 + (uint64_t)(text.p[i] - '0'); /* 19 digits fit 64 bits */
    }
    return value <= max ? (int64_t)value : -1;
}

struct sdp_text sdp_param(struct sdp_text fmtp, const char *name)
{
    while (fmtp.n > 0) {
        struct sdp_text value = sdp_split_take(&fmtp, ';');
        while (value.n > 0 && is_blank(*value.p)) {
            value.p++;
            value.n--;
        }
        struct sdp_text key = sdp_split_take(&value, '=');
        while (key.n > 0 && is_blank(key.p[key.n - 1])) {
            key.n--;
        }
        while (value.n > 0 && is_blank(*value.p)) {
            value.p++;
            value.n--;
        }
        while (value.n > 0 && is_blank(value.p[value.n - 1])) {
            value.n--;
        }
        if (sdp_text_is(key, name)) {
            return value;
        }
    }
    return (struct sdp_text){NULL, 0};
}

/* "IN IP4 192.0.2.1[/ttl]". Anything else, a name too, leaves host unset: we look nothing up. */
static void read_host(struct addr *host, struct sdp_text text)
{
    struct sdp_text net = sdp_word_take(&text), type = sdp_word_take(&text), address = sdp_word_take(&text);
    char literal[64];

    memset(host, 0, sizeof *host);
    if (address.n == 0 || !sdp_text_is(net, "IN")) {
        return;
    }
    address = sdp_split_take(&address, '/');
    if (address.n >= sizeof literal) {
        return;
    }
    memcpy(literal, address.p, address.n);
    literal[address.n] = '\0';
    struct addr parsed;
    if (addr_parse(&parsed, literal, 0) == 0 && (parsed.sa.sa_family == AF_INET6) == sdp_text_is(type, "IP6")) {
        *host = parsed;
    }
}

/* o=<username> <sess-id> <sess-version> <nettype> <addrtype> <address>. It names the session to others than us, and
 * may be as odd as it likes. The first one stands. */
static void read_origin(struct reader *r, struct sdp_text text)
{
    if (r->has_origin) {
        return;
    }
    r->has_origin = true;
    sdp_word_take(&text);
    int64_t id = sdp_number(sdp_word_take(&text), INT64_MAX);
    int64_t version = sdp_number(sdp_word_take(&text), INT64_MAX);
    r->sdp->session_id = (uint64_t)MAX(id, 0);
    r->sdp->session_version = (uint64_t)MAX(version, 0);
}

static enum sdp_proto proto_of(struct sdp_text proto)
{
    static const char *const names[] = {"RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (sdp_text_is(proto, names[i])) {
            return (enum sdp_proto)i;
        }
    }
    if (sdp_text_is(proto, "UDP/TLS/RTP/SAVP")) {
        return SDP_SAVP;
    }
    return sdp_text_is(proto, "UDP/TLS/RTP/SAVPF") ? SDP_SAVPF : SDP_OTHER;
}

/* A format that is no payload type is passed over: the others are offered all the same. */
static int read_formats(struct reader *r, struct sdp_text text)
{
    struct sdp *sdp = r->sdp;
    unsigned n_words = 0;

    r->media->format_text = (struct sdp_text){"0", 1}; /* if it has none: what is refused is answered with one */
    r->media->i_format = sdp->n_formats;
    for (struct sdp_text word = sdp_word_take(&text); word.n > 0; word = sdp_word_take(&text)) {
        if (++n_words > SDP_MEDIA_FORMATS_MAX || word.n >= SDP_WORD_MAX) {
            return -E2BIG;
        }
        if (n_words == 1) {
            r->media->format_text = word;
        }
        if (r->media->proto == SDP_OTHER) {
            continue;
        }
        int64_t pt = sdp_number(word, SDP_PT_MAX);
        if (pt < 0 || r->i_by_pt[pt] != NONE) {
            continue; /* named twice: the first counts */
        }
        if (sdp->n_formats == SDP_FORMATS_MAX) {
            return -E2BIG;
        }
        r->i_by_pt[pt] = sdp->n_formats;
        sdp->formats[sdp->n_formats++] = (struct sdp_format){.pt = (uint8_t)pt};
        r->media->n_formats++;
    }
    return 0;
}

/* m=<media> <port>[/<number of ports>] <proto> <fmt> ... A port that cannot be read is none: that stream is refused. */
static int read_media(struct reader *r, struct sdp_text text)
{
    struct sdp *sdp = r->sdp;

    if (sdp->n_media == SDP_MEDIA_MAX) {
        return -E2BIG;
    }
    struct sdp_media *m = &sdp->media[sdp->n_media++];
    memset(m, 0, sizeof *m);
    memset(r->i_by_pt, NONE, sizeof r->i_by_pt);
    r->media = m;
    m->host = sdp->host;
    m->direction = sdp->direction;
    m->exts = sdp->exts;
    m->i_crypto = sdp->n_cryptos;
    m->kind = sdp_word_take(&text);
    struct sdp_text ports = sdp_word_take(&text);
    int64_t port = sdp_number(sdp_split_take(&ports, '/'), 65535);
    m->port = (uint16_t)MAX(port, 0);
    m->proto_text = sdp_word_take(&text);
    if (m->kind.n == 0 || m->proto_text.n == 0) {
        return -EBADMSG;
    }
    if (m->kind.n >= SDP_WORD_MAX || m->proto_text.n >= SDP_WORD_MAX) {
        return -E2BIG;
    }
    m->proto = proto_of(m->proto_text);
    m->dtls = m->proto != SDP_OTHER && strncasecmp(m->proto_text.p, "UDP/", 4) == 0;
    return read_formats(r, text);
}

static struct sdp_format *format_of(struct reader *r, struct sdp_text pt_text)
{
    int64_t pt = sdp_number(pt_text, SDP_PT_MAX);
    if (pt < 0 || !r->media || r->i_by_pt[pt] == NONE) {
        return NULL;
    }
    return &r->sdp->formats[r->i_by_pt[pt]];
}

/* a=rtpmap:<payload type> <encoding name>/<clock rate>[/<channels>]. One that cannot be read, or is of no format of
 * this line, is as if it were not there. */
static void read_rtpmap(struct reader *r, struct sdp_text text)
{
    struct sdp_format *f = format_of(r, sdp_word_take(&text));
    struct sdp_text rest = sdp_word_take(&text);
    struct sdp_text name = sdp_split_take(&rest, '/'), clock = sdp_split_take(&rest, '/');
    int64_t clock_hz = sdp_number(clock, UINT32_MAX);
    int64_t channels = rest.n ? sdp_number(rest, 255) : 0;
    if (!f || f->mapped || name.n == 0 || name.n >= sizeof f->name || clock_hz < 1 || channels < 0) {
        return;
    }
    f->mapped = true;
    memcpy(f->name, name.p, name.n);
    f->name[name.n] = '\0';
    f->clock_hz = (uint32_t)clock_hz;
    f->channels = (uint8_t)channels;
}

static void read_fmtp(struct reader *r, struct sdp_text text)
{
    struct sdp_text format = sdp_word_take(&text);
    struct sdp_format *f = format_of(r, format);
    struct sdp_text *fmtp = f                              ? &f->fmtp
                            : sdp_text_is(format, "MCPTT") ? &r->media->floor_fmtp /* no RTP: it has no number */
                                                           : NULL;
    if (!fmtp || fmtp->p) {
        return;
    }
    while (text.n > 0 && is_blank(*text.p)) {
        text.p++;
        text.n--;
    }
    *fmtp = text;
}

/* a=rtcp:<port> [<nettype> <addrtype> <address>], RFC 3605 2.1 */
static void read_rtcp(struct sdp_media *m, struct sdp_text text)
{
    int64_t port = sdp_number(sdp_word_take(&text), 65535);
    if (port >= 0) {
        m->rtcp_port = (uint16_t)port;
        read_host(&m->rtcp_host, text);
    }
}

static void other_take(struct sdp_media *m, struct sdp_text address, struct sdp_text port_text)
{
    char literal[64];
    struct addr other;
    int64_t port = sdp_number(port_text, 65535);
    if (port < 1 || address.n >= sizeof literal) {
        return;
    }
    memcpy(literal, address.p, address.n);
    literal[address.n] = '\0';
    if (addr_parse(&other, literal, (uint16_t)port) == 0 && !addr_is_any(&other) && !addr_is_link_local(&other)) {
        struct addr *at = &m->others[other.sa.sa_family == AF_INET6];
        *at = addr_is_set(at) ? *at : other;
    }
}

/* a=candidate:<foundation> <component> <transport> <priority> <address> <port> typ host ...: of RTP, by UDP. Others
 * than of its own host need checks that nobody here makes. */
static void read_candidate(struct sdp_media *m, struct sdp_text text)
{
    struct sdp_text words[8];
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        words[i] = sdp_word_take(&text);
    }
    if (sdp_text_is(words[1], "1") && sdp_text_is(words[2], "UDP") && sdp_text_is(words[6], "typ") &&
        sdp_text_is(words[7], "host")) {
        other_take(m, words[4], words[5]);
    }
}

/* a=altc:<number> <addrtype> <address> <port>, RFC 6947 4.1 */
static void read_altc(struct sdp_media *m, struct sdp_text text)
{
    sdp_word_take(&text);
    sdp_word_take(&text);
    struct sdp_text address = sdp_word_take(&text);
    other_take(m, address, sdp_word_take(&text));
}

/* ptime may be "20.0" or "20ms" in the wild; what is no number of milliseconds is ignored. */
static void read_ms(uint16_t *ms, struct sdp_text text)
{
    struct sdp_text word = sdp_word_take(&text);
    size_t n = 0;
    while (n < word.n && word.p[n] >= '0' && word.p[n] <= '9') {
        n++;
    }
    int64_t value = sdp_number((struct sdp_text){word.p, n}, 65535);
    *ms = value < 0 ? *ms : (uint16_t)value;
}

/* What they say is read when the stream is taken (sdes.h): a line that nobody can read must not spoil the others. */
static void read_crypto(struct reader *r, struct sdp_text value)
{
    struct sdp *sdp = r->sdp;
    if (sdp->n_cryptos < SDP_CRYPTOS_MAX) {
        sdp->cryptos[sdp->n_cryptos++] = value;
        r->media->n_cryptos++;
    }
}

static enum sdp_direction direction_of(struct sdp_text word)
{
    enum sdp_direction d = SDP_SENDRECV;
    while (d < SDP_INACTIVE && !sdp_text_is(word, sdp_direction_name(d))) {
        d++;
    }
    return d;
}

/*
 * a=extmap:<id>[/<direction>] <URI> [<attributes>], RFC 8285 8. Numbers that fit the short form are all we use: others
 * count as not offered. Of two with one number, or for one purpose, the first stands.
 */
static void read_extmap(struct sdp_exts *exts, struct sdp_text text)
{
    struct sdp_text direction = sdp_word_take(&text), uri = sdp_word_take(&text);
    struct sdp_text id_text = sdp_split_take(&direction, '/');
    int64_t id = sdp_number(id_text, SDP_EXT_MAX);
    if (id < 1 || exts->ids >> id & 1) {
        return;
    }
    exts->ids |= (uint16_t)(1u << id);
    struct sdp_ext ext = {.id = (uint8_t)id, .direction = direction.n ? direction_of(direction) : SDP_SENDRECV};
    for (struct sdp_text word = sdp_word_take(&text); word.n > 0; word = sdp_word_take(&text)) {
        ext.vad_off |= sdp_text_is(word, "vad=off");
    }
    if (sdp_text_is(uri, SDP_URI_LEVEL) && !exts->level.id) {
        exts->level = ext;
    } else if (sdp_text_is(uri, SDP_URI_LEVELS) && !exts->levels.id) {
        exts->levels = ext;
    }
}

/* "local", "remote", "e2e". @return SDP_QOS_TYPES: none of them */
static unsigned qos_type_of(struct sdp_text word)
{
    static const char *const names[SDP_QOS_TYPES] = {"local", "remote", "e2e"};
    unsigned i = 0;
    while (i < SDP_QOS_TYPES && !sdp_text_is(word, names[i])) {
        i++;
    }
    return i;
}

static uint8_t qos_direction_of(struct sdp_text word)
{
    return sdp_text_is(word, "sendrecv") ? SDP_QOS_BOTH
           : sdp_text_is(word, "send")   ? SDP_QOS_SEND
           : sdp_text_is(word, "recv")   ? SDP_QOS_RECV
                                         : 0;
}

/* a=curr:qos <type> <direction>, a=des:qos <strength> <type> <direction>; other preconditions than qos are nobody's. */
static void read_qos(struct sdp_qos *qos, struct sdp_text text, bool is_wish)
{
    if (!sdp_text_is(sdp_word_take(&text), "qos")) {
        return;
    }
    struct sdp_text strength = is_wish ? sdp_word_take(&text) : (struct sdp_text){NULL, 0};
    unsigned type = qos_type_of(sdp_word_take(&text));
    uint8_t direction = qos_direction_of(sdp_word_take(&text));
    if (type == SDP_QOS_TYPES) {
        return;
    }
    qos->any = true;
    if (!is_wish) {
        qos->now[type] |= direction;
    } else if (sdp_text_is(strength, "mandatory")) {
        qos->mandatory[type] |= direction;
    } else if (sdp_text_is(strength, "optional")) {
        qos->optional[type] |= direction;
    }
}

static bool read_direction(struct reader *r, struct sdp_text name)
{
    for (enum sdp_direction d = SDP_SENDRECV; d <= SDP_INACTIVE; d++) {
        if (sdp_text_is(name, sdp_direction_name(d))) {
            *(r->media ? &r->media->direction : &r->sdp->direction) = d;
            if (r->media) {
                r->media->has_direction = true;
            }
            return true;
        }
    }
    return false;
}

/* What cannot be read is passed over, as what is not known is (RFC 8866 5.13): it is of one codec, or a preference. */
static void read_attribute(struct reader *r, struct sdp_text value)
{
    struct sdp_text name = sdp_split_take(&value, ':');
    struct sdp_media *m = r->media;

    if (read_direction(r, name)) {
        return;
    }
    if (sdp_text_is(name, "extmap")) {
        read_extmap(m ? &m->exts : &r->sdp->exts, value);
    }
    if (!m) {
        return;
    }
    if (sdp_text_is(name, "rtpmap")) {
        read_rtpmap(r, value);
    } else if (sdp_text_is(name, "fmtp")) {
        read_fmtp(r, value);
    } else if (sdp_text_is(name, "ptime")) {
        read_ms(&m->ptime_ms, value);
    } else if (sdp_text_is(name, "maxptime")) {
        read_ms(&m->maxptime_ms, value);
    } else if (sdp_text_is(name, "rtcp")) {
        read_rtcp(m, value);
    } else if (sdp_text_is(name, "rtcp-mux")) {
        m->rtcp_mux = true;
    } else if (sdp_text_is(name, "candidate")) {
        read_candidate(m, value);
    } else if (sdp_text_is(name, "altc")) {
        read_altc(m, value);
    } else if (sdp_text_is(name, "crypto")) {
        read_crypto(r, value);
    } else if (sdp_text_is(name, "curr") || sdp_text_is(name, "des")) {
        read_qos(&m->qos, value, sdp_text_is(name, "des"));
    }
}

static int read_line(struct reader *r, char type, struct sdp_text value)
{
    switch (type) {
    case 'o':
        read_origin(r, value);
        return 0;
    case 'c':
        read_host(r->media ? &r->media->host : &r->sdp->host, value);
        return 0;
    case 'm':
        return read_media(r, value);
    case 'a':
        read_attribute(r, value);
        return 0;
    default:
        return 0; /* s, t, b, i, k, ... and whatever comes: nothing that we use */
    }
}

/* Words of m= lines are echoed into answers: nothing may break a line there. */
static bool has_control(struct sdp_text line)
{
    for (size_t i = 0; i < line.n; i++) {
        if ((uint8_t)line.p[i] < 0x20 && line.p[i] != '\t') {
            return true;
        }
    }
    return false;
}

/* Without what some put behind the last line: line ends, blanks, the NUL of their own string. */
static struct sdp_text trimmed(const char *text, size_t bytes)
{
    while (bytes > 0 && (text[bytes - 1] == '\0' || is_blank(text[bytes - 1]))) {
        bytes--;
    }
    return (struct sdp_text){text, bytes};
}

static bool is_version(struct sdp_text line)
{
    struct sdp_text value = {line.p + 2, line.n - 2};
    return line.p[0] == 'v' && sdp_text_is(sdp_word_take(&value), "0") && sdp_word_take(&value).n == 0;
}

int sdp_parse(struct sdp *sdp, const char *text, size_t bytes)
{
    struct reader r = {.sdp = sdp};
    struct sdp_text rest = trimmed(text, bytes);
    unsigned n_lines = 0;

    memset(sdp, 0, offsetof(struct sdp, media)); /* the arrays are written as they are filled */
    memset(r.i_by_pt, NONE, sizeof r.i_by_pt);
    if (rest.n > 0 && memchr(rest.p, '\0', rest.n)) {
        return -EBADMSG;
    }
    while (rest.n > 0) {
        struct sdp_text line = sdp_split_take(&rest, '\n');
        while (line.n > 0 && line.p[line.n - 1] == '\r') {
            line.n--;
        }
        if (line.n == 0) {
            continue; /* blank lines at the end are common; elsewhere they do no harm */
        }
        if (++n_lines > SDP_LINES_MAX) {
            return -E2BIG;
        }
        bool is_line = line.n >= 2 && line.p[1] == '=';
        if (n_lines == 1 && !(is_line && is_version(line))) {
            return -EBADMSG;
        }
        bool is_media = is_line && line.p[0] == 'm';
        if (!is_line || n_lines == 1 || (has_control(line) && !is_media)) {
            continue;
        }
        int err = has_control(line) ? -EBADMSG : read_line(&r, line.p[0], (struct sdp_text){line.p + 2, line.n - 2});
        if (err) {
            return err;
        }
    }
    return r.has_origin ? 0 : -EBADMSG;
}

const char *sdp_direction_name(enum sdp_direction direction)
{
    static const char *const names[] = {"sendrecv", "sendonly", "recvonly", "inactive"};
    return names[direction];
}

void sdp_put(struct sdp_out *out, const char *format, ...)
{
    va_list args;
    if (out->overflow) {
        return;
    }
    va_start(args, format);
    int n = vsnprintf(out->p + out->n, out->cap - out->n, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= out->cap - out->n) {
        out->overflow = true;
        return;
    }
    out->n += (size_t)n;
}
