/* The SDP reader: lines, then one small function per line type. */
#include "sig/sdp.h"

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

/* "IN IP4 192.0.2.1[/ttl]". A name instead of an address leaves host unset: we look nothing up. @return 0 | -EBADMSG */
static int read_host(struct addr *host, struct sdp_text text)
{
    struct sdp_text net = sdp_word_take(&text), type = sdp_word_take(&text), address = sdp_word_take(&text);
    char literal[64];

    memset(host, 0, sizeof *host);
    if (net.n == 0 || type.n == 0 || address.n == 0) {
        return -EBADMSG;
    }
    if (!sdp_text_is(net, "IN")) {
        return 0;
    }
    address = sdp_split_take(&address, '/');
    if (address.n >= sizeof literal) {
        return 0;
    }
    memcpy(literal, address.p, address.n);
    literal[address.n] = '\0';
    struct addr parsed;
    if (addr_parse(&parsed, literal, 0) == 0 && (parsed.sa.sa_family == AF_INET6) == sdp_text_is(type, "IP6")) {
        *host = parsed;
    }
    return 0;
}

/* o=<username> <sess-id> <sess-version> <nettype> <addrtype> <address> */
static int read_origin(struct reader *r, struct sdp_text text)
{
    struct sdp_text user = sdp_word_take(&text);
    int64_t id = sdp_number(sdp_word_take(&text), INT64_MAX);
    int64_t version = sdp_number(sdp_word_take(&text), INT64_MAX);
    struct addr ignored;

    if (user.n == 0 || id < 0 || version < 0 || r->has_origin) {
        return -EBADMSG;
    }
    r->has_origin = true;
    r->sdp->session_id = (uint64_t)id;
    r->sdp->session_version = (uint64_t)version;
    return read_host(&ignored, text);
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

static int read_formats(struct reader *r, struct sdp_text text)
{
    struct sdp *sdp = r->sdp;
    unsigned n_words = 0;

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
        if (pt < 0) {
            return -EBADMSG;
        }
        if (r->i_by_pt[pt] != NONE) {
            continue; /* named twice: the first counts */
        }
        if (sdp->n_formats == SDP_FORMATS_MAX) {
            return -E2BIG;
        }
        r->i_by_pt[pt] = sdp->n_formats;
        sdp->formats[sdp->n_formats++] = (struct sdp_format){.pt = (uint8_t)pt};
        r->media->n_formats++;
    }
    return n_words > 0 ? 0 : -EBADMSG;
}

/* m=<media> <port>[/<number of ports>] <proto> <fmt> ... */
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
    if (port < 0 || (ports.n > 0 && sdp_number(ports, 65535) < 1)) {
        return -EBADMSG;
    }
    m->port = (uint16_t)port;
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

/* a=rtpmap:<payload type> <encoding name>/<clock rate>[/<channels>] */
static int read_rtpmap(struct reader *r, struct sdp_text text)
{
    struct sdp_text pt_text = sdp_word_take(&text), rest = sdp_word_take(&text);
    if (sdp_number(pt_text, SDP_PT_MAX) < 0) {
        return -EBADMSG;
    }
    struct sdp_format *f = format_of(r, pt_text);
    struct sdp_text name = sdp_split_take(&rest, '/'), clock = sdp_split_take(&rest, '/');
    int64_t clock_hz = sdp_number(clock, UINT32_MAX);
    int64_t channels = rest.n ? sdp_number(rest, 255) : 0;
    if (name.n == 0 || clock_hz < 1 || channels < 0) {
        return -EBADMSG;
    }
    if (!f || f->mapped || name.n >= sizeof f->name) {
        return 0; /* of no format of this line, or of a name that we cannot know */
    }
    f->mapped = true;
    memcpy(f->name, name.p, name.n);
    f->name[name.n] = '\0';
    f->clock_hz = (uint32_t)clock_hz;
    f->channels = (uint8_t)channels;
    return 0;
}

static void read_fmtp(struct reader *r, struct sdp_text text)
{
    struct sdp_format *f = format_of(r, sdp_word_take(&text));
    if (!f || f->fmtp.p) {
        return;
    }
    while (text.n > 0 && is_blank(*text.p)) {
        text.p++;
        text.n--;
    }
    f->fmtp = text;
}

/* a=rtcp:<port> [<nettype> <addrtype> <address>], RFC 3605 2.1 */
static int read_rtcp(struct sdp_media *m, struct sdp_text text)
{
    int64_t port = sdp_number(sdp_word_take(&text), 65535);
    if (port < 0) {
        return -EBADMSG;
    }
    m->rtcp_port = (uint16_t)port;
    struct sdp_text probe = text;
    return sdp_word_take(&probe).n > 0 ? read_host(&m->rtcp_host, text) : 0;
}

/* ptime may be "20.0" in the wild; a fraction of a millisecond is dropped. */
static int read_ms(uint16_t *ms, struct sdp_text text)
{
    struct sdp_text word = sdp_word_take(&text);
    int64_t value = sdp_number(sdp_split_take(&word, '.'), 65535);
    if (value < 1) {
        return -EBADMSG;
    }
    *ms = (uint16_t)value;
    return 0;
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

static int read_attribute(struct reader *r, struct sdp_text value)
{
    struct sdp_text name = sdp_split_take(&value, ':');
    struct sdp_media *m = r->media;

    for (enum sdp_direction d = SDP_SENDRECV; d <= SDP_INACTIVE; d++) {
        if (sdp_text_is(name, sdp_direction_name(d))) {
            *(m ? &m->direction : &r->sdp->direction) = d;
            if (m) {
                m->has_direction = true;
            }
            return 0;
        }
    }
    if (sdp_text_is(name, "extmap")) {
        read_extmap(m ? &m->exts : &r->sdp->exts, value);
        return 0;
    }
    if (!m) {
        return 0;
    }
    if (sdp_text_is(name, "rtpmap")) {
        return m->proto == SDP_OTHER ? 0 : read_rtpmap(r, value);
    }
    if (sdp_text_is(name, "fmtp")) {
        read_fmtp(r, value);
    } else if (sdp_text_is(name, "ptime")) {
        return read_ms(&m->ptime_ms, value);
    } else if (sdp_text_is(name, "maxptime")) {
        return read_ms(&m->maxptime_ms, value);
    } else if (sdp_text_is(name, "rtcp")) {
        return read_rtcp(m, value);
    } else if (sdp_text_is(name, "rtcp-mux")) {
        m->rtcp_mux = true;
    } else if (sdp_text_is(name, "crypto")) {
        read_crypto(r, value);
    } else if (sdp_text_is(name, "curr") || sdp_text_is(name, "des")) {
        read_qos(&m->qos, value, sdp_text_is(name, "des"));
    }
    return 0;
}

static int read_line(struct reader *r, char type, struct sdp_text value)
{
    switch (type) {
    case 'o':
        return r->media ? -EBADMSG : read_origin(r, value);
    case 'c':
        return read_host(r->media ? &r->media->host : &r->sdp->host, value);
    case 'm':
        return read_media(r, value);
    case 'a':
        return read_attribute(r, value);
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

int sdp_parse(struct sdp *sdp, const char *text, size_t bytes)
{
    struct reader r = {.sdp = sdp};
    struct sdp_text rest = {text, bytes};
    unsigned n_lines = 0;

    memset(sdp, 0, offsetof(struct sdp, media)); /* the arrays are written as they are filled */
    memset(r.i_by_pt, NONE, sizeof r.i_by_pt);
    if (bytes > 0 && memchr(text, '\0', bytes)) {
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
        if (line.n < 2 || line.p[1] != '=' || has_control(line)) {
            return -EBADMSG;
        }
        if (n_lines == 1) {
            if (line.n != 3 || line.p[0] != 'v' || line.p[2] != '0') {
                return -EBADMSG;
            }
            continue;
        }
        int err = read_line(&r, line.p[0], (struct sdp_text){line.p + 2, line.n - 2});
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
