/* SIP and SDP as a phone reads and writes them: as text, by few rules, and none of them the product's. */
#include "tests/sim/house/house.h"

#include "core/media/codec.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* An answer that was cut has the short ones. */
static const char *short_of(const char *name)
{
    static const char *const pairs[][2] = {{"Via", "v"},     {"From", "f"},    {"To", "t"},
                                           {"Call-ID", "i"}, {"Contact", "m"}, {"Content-Length", "l"}};
    for (unsigned i = 0; i < ARRAY_LEN(pairs); i++) {
        if (strcmp(pairs[i][0], name) == 0) {
            return pairs[i][1];
        }
    }
    return name;
}

static bool is_named(const char *line, const char *name)
{
    size_t n = strlen(name);
    return strncasecmp(line, name, n) == 0 && line[n] == ':';
}

bool text_header(const char *text, const char *name, char *value, size_t size)
{
    const char *brief = short_of(name);
    for (const char *p = strstr(text, "\r\n"); p && p[2] != '\r'; p = strstr(p + 2, "\r\n")) {
        const char *line = p + 2;
        if (is_named(line, name) || is_named(line, brief)) {
            const char *v = strchr(line, ':') + 1;
            v += strspn(v, " ");
            snprintf(value, size, "%.*s", (int)strcspn(v, "\r"), v);
            return true;
        }
    }
    if (size) {
        value[0] = '\0';
    }
    return false;
}

int text_status(const char *text)
{
    return strncmp(text, "SIP/2.0 ", 8) == 0 ? atoi(text + 8) : 0;
}

const char *text_body(const char *text)
{
    const char *body = strstr(text, "\r\n\r\n");
    return body ? body + 4 : "";
}

void text_uri(const char *value, char *uri, size_t size)
{
    const char *start = strchr(value, '<');
    start = start ? start + 1 : value;
    snprintf(uri, size, "%.*s", (int)strcspn(start, ">"), start);
}

void text_tag(const char *value, char *tag, size_t size)
{
    const char *start = strstr(value, ";tag=");
    snprintf(tag, size, "%.*s", start ? (int)strcspn(start + 5, ";") : 0, start ? start + 5 : "");
}

/* ---- SDP ---- */

static const char *const direction_words[] = {
    [BOTH] = "sendrecv", [SENDS] = "sendonly", [LISTENS] = "recvonly", [RESTS] = "inactive"};

const char *text_sdp(char *text, size_t size, const struct phone *p, const struct session *s,
                     const struct format *format, enum direction dir)
{
    int n = snprintf(text, size,
                     "v=0\r\no=- %u %u IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/AVP %u %u\r\n",
                     s->number + 1, s->cseq + 1, p->host, p->host, s->port, format->pt, format->pt_event);
    if (format->codec == CODEC_L16) {
        n += snprintf(text + n, size - (size_t)n, "a=rtpmap:%u L16/8000\r\n", format->pt);
    }
    n += snprintf(text + n, size - (size_t)n, "a=rtpmap:%u telephone-event/8000\r\na=fmtp:%u 0-15\r\n",
                  format->pt_event, format->pt_event);
    snprintf(text + n, size - (size_t)n, "%sa=%s\r\n", format->mux ? "a=rtcp-mux\r\n" : "", direction_words[dir]);
    return text;
}

static bool has_line(const char *body, const char *line)
{
    const char *p = strstr(body, line);
    return p && (p[strlen(line)] == '\r' || p[strlen(line)] == '\n');
}

/* "a=rtpmap:101 telephone-event/8000": the number. @return PT_NONE: none */
static uint8_t pt_of(const char *body, const char *name)
{
    for (const char *p = strstr(body, "a=rtpmap:"); p; p = strstr(p + 1, "a=rtpmap:")) {
        const char *at = p + strlen("a=rtpmap:"), *word = strchr(at, ' ');
        if (word && strncasecmp(word + 1, name, strlen(name)) == 0) {
            return (uint8_t)atoi(at);
        }
    }
    return PT_NONE;
}

/* Is a payload type in the m= line? */
static bool is_listed(const char *line, unsigned pt)
{
    const char *p = strstr(line, "RTP/AVP");
    const char *end = line + strcspn(line, "\r\n");
    for (p = p ? p + strlen("RTP/AVP") : end; p < end;) {
        char *next;
        if (strtoul(p, &next, 10) == pt && next > p) {
            return true;
        }
        p = next > p ? next : p + 1;
    }
    return false;
}

static enum direction turned(const char *body)
{
    return has_line(body, "a=sendonly")   ? LISTENS
           : has_line(body, "a=recvonly") ? SENDS
           : has_line(body, "a=inactive") ? RESTS
                                          : BOTH;
}

bool text_media_read(const char *body, enum codec_id wants, struct text_media *media)
{
    char host[64];
    const char *line = strstr(body, "m=audio "), *c = strstr(body, "c=IN IP4 ");
    if (!line || !c) {
        return false;
    }
    const char *at = c + strlen("c=IN IP4 ");
    snprintf(host, sizeof host, "%.*s", (int)strcspn(at, "\r\n"), at);
    int port = atoi(line + strlen("m=audio "));
    if (port == 0 || addr_parse(&media->rtp, host, (uint16_t)port) != 0) {
        return false;
    }
    uint8_t linear = pt_of(body, "L16/8000");
    bool has_linear = linear != PT_NONE && is_listed(line, linear), has_pcmu = is_listed(line, 0);
    bool takes_linear = has_linear && (wants == CODEC_L16 || !has_pcmu);
    media->format = (struct format){.codec = takes_linear ? CODEC_L16 : CODEC_PCMU,
                                    .pt = takes_linear ? linear : 0,
                                    .pt_event = pt_of(body, "telephone-event/8000"),
                                    .mux = has_line(body, "a=rtcp-mux")};
    media->dir = turned(body);
    return has_linear || has_pcmu;
}
