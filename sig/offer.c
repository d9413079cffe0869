/* Offer/answer. Picking (pure choice), writing (one writer for answers and offers), accepting. */
#include "sig/offer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { KIND_EVENT_8 = OFFER_CODECS_MAX, KIND_EVENT_48, KIND_CN };

#define WARN_ADDRESS 301   /* incompatible network address format */
#define WARN_PROTOCOL 302  /* incompatible transport protocol */
#define WARN_MEDIA 304     /* media type not available */
#define WARN_FORMAT 305    /* incompatible media format */
#define WARN_BANDWIDTH 370 /* insufficient bandwidth */

#define PAYLOAD_BYTES_MAX 1400 /* of a packet within PACKET_BYTES_MAX, with RTP, extensions and a later SRTP tag */
#define OPUS_PT 111            /* customary */
#define EVENT_8_PT 101
#define EVENT_48_PT 110
#define PT_CN 13 /* RFC 3389 4, static at 8000 Hz */

const char *offer_warning_text(int warning)
{
    switch (warning) {
    case WARN_ADDRESS:
        return "Incompatible network address formats";
    case WARN_PROTOCOL:
        return "Incompatible transport protocol";
    case WARN_MEDIA:
        return "Media type not available";
    case WARN_FORMAT:
        return "Incompatible media format";
    case WARN_BANDWIDTH:
        return "Insufficient bandwidth";
    default:
        return "Miscellaneous warning";
    }
}

int offer_policy_read(struct offer_policy *policy, const char *list, uint32_t opus_rate_hz)
{
    policy->n_codecs = 0;
    while (*list) {
        char name[16];
        size_t n = strcspn(list, ",");
        if (n == 0 || n >= sizeof name || policy->n_codecs == OFFER_CODECS_MAX) {
            return -EINVAL;
        }
        memcpy(name, list, n);
        name[n] = '\0';
        list += n + (list[n] == ',');

        struct offer_codec *c = &policy->codecs[policy->n_codecs];
        if (strcasecmp(name, "PCMU") == 0) {
            *c = (struct offer_codec){CODEC_PCMU, 8000};
        } else if (strcasecmp(name, "PCMA") == 0) {
            *c = (struct offer_codec){CODEC_PCMA, 8000};
        } else if (strcasecmp(name, "G722") == 0) {
            *c = (struct offer_codec){CODEC_G722, codec_get(CODEC_G722)->pcm_rate_hz};
        } else if (strcasecmp(name, "opus") == 0) {
            *c = (struct offer_codec){CODEC_OPUS, opus_rate_hz};
        } else if (strcasecmp(name, "L16/8000") == 0) {
            *c = (struct offer_codec){CODEC_L16, 8000};
        } else if (strcasecmp(name, "L16/16000") == 0) {
            *c = (struct offer_codec){CODEC_L16, 16000};
        } else if (strcasecmp(name, "L16/48000") == 0) {
            *c = (struct offer_codec){CODEC_L16, 48000};
        } else {
            return -EINVAL;
        }
        for (size_t i = 0; i < policy->n_codecs; i++) {
            if (policy->codecs[i].id == c->id && policy->codecs[i].rate_hz == c->rate_hz) {
                return -EINVAL;
            }
        }
        policy->n_codecs++;
    }
    return policy->n_codecs > 0 ? 0 : -EINVAL;
}

void offer_session_init(struct offer_session *s, uint64_t random)
{
    memset(s, 0, sizeof *s);
    s->id = random >> 2; /* 62 bits: positive in everybody's integers */
    s->version = 1;
    memset(s->pt, PT_NONE, sizeof s->pt);
}

/* --- Picking ------------------------------------------------------------------------------------------------------ */

static uint32_t rtp_clock_hz(const struct offer_codec *c)
{
    const struct codec *codec = codec_get(c->id);
    return codec->wire_clock_hz ? codec->wire_clock_hz : c->rate_hz;
}

/* Is this format that codec of the policy? Static payload types need no rtpmap (RFC 3551 6). */
static bool format_is(const struct sdp_format *f, const struct offer_codec *c)
{
    if (!f->mapped) {
        const struct codec *codec = codec_by_pt(f->pt);
        return codec && codec->id == c->id && (c->id != CODEC_L16);
    }
    const struct codec *codec = codec_by_rtpmap(f->name, f->clock_hz, f->channels);
    return codec && codec->id == c->id && f->clock_hz == rtp_clock_hz(c);
}

static const struct sdp_format *format_find(const struct sdp *sdp, const struct sdp_media *m,
                                            const struct offer_codec *c)
{
    for (unsigned i = 0; i < m->n_formats; i++) {
        const struct sdp_format *f = &sdp->formats[m->i_format + i];
        if (format_is(f, c)) {
            return f;
        }
    }
    return NULL;
}

static const struct sdp_format *named_find(const struct sdp *sdp, const struct sdp_media *m, const char *name,
                                           uint32_t clock_hz)
{
    for (unsigned i = 0; i < m->n_formats; i++) {
        const struct sdp_format *f = &sdp->formats[m->i_format + i];
        if (f->mapped ? strcasecmp(f->name, name) == 0 && f->clock_hz == clock_hz
                      : f->pt == PT_CN && clock_hz == 8000 && strcmp(name, "CN") == 0) {
            return f;
        }
    }
    return NULL;
}

static int64_t fmtp_number(const struct sdp_format *f, const char *name, uint64_t max)
{
    return sdp_number(sdp_param(f->fmtp, name), max);
}

/* Peer's wishes for our Opus sender, RFC 7587 6.1; a value that is no number is as if it were not there. */
static void read_opus(struct codec_cfg *fmt, const struct sdp_format *f)
{
    uint32_t usual_bps = fmt->rate_hz > 16000 ? 32000 : 24000;
    int64_t bitrate = fmtp_number(f, "maxaveragebitrate", 510000);
    int64_t playback = fmtp_number(f, "maxplaybackrate", 48000);

    if (bitrate >= 0 && bitrate < usual_bps) {
        fmt->bitrate_bps = (uint32_t)MAX(bitrate, 6000);
    }
    if (playback >= 8000) {
        fmt->max_playback_hz = (uint32_t)playback;
    }
    fmt->stereo = fmtp_number(f, "stereo", 1) == 1;
    fmt->sprop_stereo = fmtp_number(f, "sprop-stereo", 1) == 1;
    fmt->fec = fmtp_number(f, "useinbandfec", 1) == 1;
    fmt->dtx = fmtp_number(f, "usedtx", 1) == 1;
    fmt->cbr = fmtp_number(f, "cbr", 1) == 1;
}

/* Packet time of what we send: the peer's wish where we can, within its maximum and one packet. */
static uint8_t ptime_pick(const struct offer_codec *c, uint16_t wish_ms, uint16_t max_ms)
{
    static const uint8_t known[] = {60, 40, 20};
    if (c->id == CODEC_OPUS) {
        return 20;
    }
    uint32_t bytes_per_ms = rtp_clock_hz(c) / 1000 * (c->id == CODEC_L16 ? 2 : 1); /* G.722: one byte a tick too */
    uint32_t limit_ms = MIN(PAYLOAD_BYTES_MAX / bytes_per_ms, max_ms ? max_ms : 60u);
    uint32_t wanted_ms = MIN(wish_ms ? wish_ms : 20u, limit_ms);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i] <= wanted_ms) {
            return known[i];
        }
    }
    return 10;
}

static void read_direction(struct offer_media *media, const struct sdp_media *m)
{
    media->rx_on = m->direction == SDP_SENDRECV || m->direction == SDP_SENDONLY;
    media->tx_on = m->direction == SDP_SENDRECV || m->direction == SDP_RECVONLY;
    if (addr_is_any(&m->host)) {
        media->tx_on = false;
    }
}

static void read_remote(struct offer_media *media, const struct sdp_media *m)
{
    memset(&media->remote_rtp, 0, sizeof media->remote_rtp);
    memset(&media->remote_rtcp, 0, sizeof media->remote_rtcp);
    if (addr_is_any(&m->host)) {
        return;
    }
    media->remote_rtp = m->host;
    addr_set_port(&media->remote_rtp, m->port);
    if (media->rtcp_mux) {
        media->remote_rtcp = media->remote_rtp;
    } else if (m->rtcp_port || m->port < 65535) {
        bool own_host = addr_is_set(&m->rtcp_host) && !addr_is_any(&m->rtcp_host) &&
                        m->rtcp_host.sa.sa_family == m->host.sa.sa_family;
        media->remote_rtcp = own_host ? m->rtcp_host : m->host;
        addr_set_port(&media->remote_rtcp, m->rtcp_port ? m->rtcp_port : (uint16_t)(m->port + 1));
    }
}

static bool host_is_usable(const struct addr *host, int family)
{
    if (!addr_is_set(host)) {
        return false;
    }
    if (addr_is_any(host)) {
        return true; /* hold */
    }
    if (host->sa.sa_family != family) {
        return false;
    }
    return family == AF_INET6 ? !IN6_IS_ADDR_MULTICAST(&host->v6.sin6_addr)
                              : !IN_MULTICAST(ntohl(host->v4.sin_addr.s_addr));
}

/* RTCP's packet types 200-204 read as payload types 72-76 with the marker: no muxing there (RFC 5761 4). */
static bool pt_muxes(uint8_t pt)
{
    return pt == PT_NONE || pt < 64 || pt > 95;
}

/* Fills the pick from one stream and one codec of it. */
static void pick_fill(struct offer_pick *pick, const struct offer_policy *policy, const struct sdp *sdp,
                      const struct sdp_media *m, const struct sdp_format *f)
{
    const struct offer_codec *c = &policy->codecs[pick->i_codec];
    struct offer_media *media = &pick->media;
    uint32_t clock_hz = rtp_clock_hz(c);

    memset(media, 0, sizeof *media);
    media->codec = codec_get(c->id);
    media->fmt.rate_hz = c->rate_hz;
    if (c->id == CODEC_OPUS) {
        media->fmt.complexity = policy->opus_complexity;
        read_opus(&media->fmt, f);
    }
    media->pt_rx = media->pt_tx = f->pt;
    pick->format = f;
    pick->event = named_find(sdp, m, "telephone-event", clock_hz);
    if (!pick->event) {
        pick->event = named_find(sdp, m, "telephone-event", 8000);
    }
    media->pt_event_rx = pick->event ? pick->event->pt : PT_NONE;
    pick->event_clock_khz = pick->event ? (uint8_t)(pick->event->clock_hz / 1000) : 0;
    pick->cn = c->id == CODEC_OPUS ? NULL : named_find(sdp, m, "CN", clock_hz);
    media->pt_cn_rx = pick->cn ? pick->cn->pt : PT_NONE;
    media->ptime_tx_ms = ptime_pick(c, m->ptime_ms, m->maxptime_ms);
    media->rtcp_mux = m->rtcp_mux && pt_muxes(f->pt) && pt_muxes(media->pt_event_rx) && pt_muxes(media->pt_cn_rx);
    read_direction(media, m);
    read_remote(media, m);
}

/* @return 0 | -ENOENT; *warning keeps the reason that came nearest to success (the highest rank) */
static int pick_stream(struct offer_pick *pick, const struct offer_policy *policy, const struct sdp *offer, unsigned i,
                       int *rank)
{
    const struct sdp_media *m = &offer->media[i];

    if (!sdp_text_is(m->kind, "audio") || m->port == 0) {
        return -ENOENT;
    }
    if (m->proto != SDP_AVP && m->proto != SDP_AVPF) {
        *rank = MAX(*rank, 1);
        return -ENOENT;
    }
    if (!host_is_usable(&m->host, policy->family)) {
        *rank = MAX(*rank, 2);
        return -ENOENT;
    }
    for (size_t k = 0; k < policy->n_codecs; k++) {
        const struct sdp_format *f = format_find(offer, m, &policy->codecs[k]);
        if (f) {
            pick->i_media = (uint8_t)i;
            pick->i_codec = (uint8_t)k;
            pick_fill(pick, policy, offer, m, f);
            return 0;
        }
    }
    *rank = MAX(*rank, 3);
    return -ENOENT;
}

int offer_pick(struct offer_pick *pick, const struct offer_policy *policy, const struct sdp *offer, int *warning)
{
    static const int warnings[] = {WARN_MEDIA, WARN_PROTOCOL, WARN_ADDRESS, WARN_FORMAT};
    int rank = 0;

    for (unsigned i = 0; i < offer->n_media; i++) {
        if (pick_stream(pick, policy, offer, i, &rank) == 0) {
            return 0;
        }
    }
    *warning = warnings[rank];
    return -ENOENT;
}

/* --- Writing ------------------------------------------------------------------------------------------------------ */

static void pt_note(struct offer_session *s, int kind, uint8_t pt)
{
    s->pt[kind] = pt;
    s->pt_seen[pt / 64] |= 1ull << pt % 64;
}

/* The payload type of a kind in our own offers: as before in this session, else the customary one, else a free one. */
static uint8_t pt_choose(struct offer_session *s, int kind, uint8_t customary)
{
    if (s->pt[kind] != PT_NONE) {
        return s->pt[kind];
    }
    uint8_t pt = customary;
    if (customary >= 96 && s->pt_seen[customary / 64] >> customary % 64 & 1) {
        for (pt = 96; pt < 127 && s->pt_seen[pt / 64] >> pt % 64 & 1; pt++) {
        }
    }
    pt_note(s, kind, pt);
    return pt;
}

static void copy_word(char out[SDP_WORD_MAX], struct sdp_text text)
{
    must(text.n < SDP_WORD_MAX);
    memcpy(out, text.p, text.n);
    out[text.n] = '\0';
}

static const char *direction_of(const struct offer_media *media)
{
    enum sdp_direction d =
        media->rx_on ? (media->tx_on ? SDP_SENDRECV : SDP_RECVONLY) : (media->tx_on ? SDP_SENDONLY : SDP_INACTIVE);
    return sdp_direction_name(d);
}

static uint64_t hash_text(const char *p, size_t n)
{
    uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a: only to see whether our own text changed */
    for (size_t i = 0; i < n; i++) {
        h = (h ^ (uint8_t)p[i]) * 0x100000001b3ull;
    }
    return h;
}

/* Puts the session lines before the streams, and raises the version if anything after it changed (RFC 3264 8). */
static int seal_body(struct offer_session *s, const struct offer_local *local, const struct sdp_out *streams,
                     struct sdp_out *out)
{
    char host[ADDR_TEXT_MAX], rest[OFFER_BODY_MAX + ADDR_TEXT_MAX];
    const char *type = local->rtp.sa.sa_family == AF_INET6 ? "IP6" : "IP4";
    struct sdp_out body = {rest, 0, sizeof rest, false};

    addr_host_text(&local->rtp, host);
    sdp_put(&body, "IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n%.*s", type, host, type, host, (int)streams->n,
            streams->p);
    if (body.overflow || streams->overflow) {
        return -E2BIG;
    }
    uint64_t hash = hash_text(body.p, body.n);
    if (s->said && hash != s->hash) {
        s->version++;
    }
    s->said = true;
    s->hash = hash;
    sdp_put(out, "v=0\r\no=- %llu %llu %.*s", (unsigned long long)s->id, (unsigned long long)s->version, (int)body.n,
            body.p);
    return out->overflow ? -E2BIG : 0;
}

static void put_rtpmap(struct sdp_out *out, uint8_t pt, const struct codec *codec, uint32_t clock_hz, uint32_t rate_hz)
{
    sdp_put(out, "a=rtpmap:%u %s/%u%s\r\n", pt, codec->name, clock_hz, codec->wire_channels == 2 ? "/2" : "");
    if (codec->id == CODEC_OPUS) {
        sdp_put(out, "a=fmtp:%u useinbandfec=1", pt);
        if (rate_hz < 48000) {
            sdp_put(out, ";maxplaybackrate=%u;sprop-maxcapturerate=%u", rate_hz, rate_hz);
        }
        sdp_put(out, "\r\n");
    }
}

static void put_answer_audio(struct sdp_out *out, const struct offer_pick *pick, const struct offer_line *line,
                             uint16_t port)
{
    const struct offer_media *media = &pick->media;
    sdp_put(out, "m=audio %u %s %u", port, line->proto, media->pt_rx);
    if (pick->cn) {
        sdp_put(out, " %u", pick->cn->pt);
    }
    if (pick->event) {
        sdp_put(out, " %u", pick->event->pt);
    }
    sdp_put(out, "\r\n");
    put_rtpmap(out, media->pt_rx, media->codec, codec_clock_hz(media->codec, &media->fmt), media->fmt.rate_hz);
    if (pick->cn) {
        sdp_put(out, "a=rtpmap:%u CN/%u\r\n", pick->cn->pt, codec_clock_hz(media->codec, &media->fmt));
    }
    if (pick->event) {
        sdp_put(out, "a=rtpmap:%u telephone-event/%u\r\na=fmtp:%u 0-15\r\n", pick->event->pt, pick->event->clock_hz,
                pick->event->pt);
    }
    sdp_put(out, "a=ptime:%u\r\n", media->ptime_tx_ms);
    if (media->rtcp_mux) {
        sdp_put(out, "a=rtcp-mux\r\n");
    }
    sdp_put(out, "a=%s\r\n", direction_of(media));
}

int offer_answer(struct offer_session *s, const struct offer_pick *pick, const struct sdp *offer,
                 const struct offer_local *local, struct sdp_out *out)
{
    char text[OFFER_BODY_MAX];
    struct sdp_out streams = {text, 0, sizeof text, false};

    s->n_lines = offer->n_media;
    s->i_audio = pick->i_media;
    s->rtcp_mux = pick->media.rtcp_mux;
    for (unsigned i = 0; i < offer->n_media; i++) {
        struct offer_line *line = &s->lines[i];
        copy_word(line->kind, offer->media[i].kind);
        copy_word(line->proto, offer->media[i].proto_text);
        copy_word(line->format, offer->media[i].format_text);
        if (i == pick->i_media) {
            put_answer_audio(&streams, pick, line, addr_port(&local->rtp));
        } else {
            sdp_put(&streams, "m=%s 0 %s %s\r\n", line->kind, line->proto, line->format);
        }
    }
    /* Every number of the peer's stream is taken for this session, whether we chose it or not. */
    const struct sdp_media *m = &offer->media[pick->i_media];
    for (unsigned i = 0; i < m->n_formats; i++) {
        uint8_t pt = offer->formats[m->i_format + i].pt;
        s->pt_seen[pt / 64] |= 1ull << pt % 64;
    }
    pt_note(s, pick->i_codec, pick->media.pt_rx);
    if (pick->event && (pick->event->clock_hz == 8000 || pick->event->clock_hz == 48000)) {
        pt_note(s, pick->event->clock_hz == 8000 ? KIND_EVENT_8 : KIND_EVENT_48, pick->event->pt);
    }
    return seal_body(s, local, &streams, out);
}

/* A codec whose 20 ms do not fit a packet would force 10 ms on all others, ptime being one per stream: left out. */
static bool is_offered(const struct offer_policy *policy, size_t i)
{
    return policy->n_codecs == 1 || ptime_pick(&policy->codecs[i], 20, 0) == 20;
}

static void put_offer_audio(struct offer_session *s, const struct offer_policy *policy, const struct offer_local *local,
                            const struct offer_media *media, struct sdp_out *out)
{
    uint8_t pts[OFFER_CODECS_MAX], event_8 = PT_NONE, event_48 = PT_NONE;
    unsigned ptime_ms = 20;

    sdp_put(out, "m=audio %u %s", addr_port(&local->rtp), s->lines[s->i_audio].proto);
    for (size_t i = 0; i < policy->n_codecs; i++) {
        if (!is_offered(policy, i)) {
            continue;
        }
        const struct offer_codec *c = &policy->codecs[i];
        const struct codec *codec = codec_get(c->id);
        bool fixed = codec->static_pt != PT_NONE && c->id != CODEC_L16; /* L16's static types are 44100 Hz */
        uint8_t customary = fixed ? codec->static_pt : c->id == CODEC_OPUS ? OPUS_PT : (uint8_t)(96 + i);
        pts[i] = pt_choose(s, (int)i, customary);
        sdp_put(out, " %u", pts[i]);
        ptime_ms = MIN(ptime_ms, ptime_pick(c, 20, 0));
        if (c->id == CODEC_OPUS) {
            event_48 = 0;
        } else {
            event_8 = 0;
        }
    }
    if (event_8 != PT_NONE) {
        event_8 = pt_choose(s, KIND_EVENT_8, EVENT_8_PT);
        sdp_put(out, " %u", event_8);
    }
    if (event_48 != PT_NONE) {
        event_48 = pt_choose(s, KIND_EVENT_48, EVENT_48_PT);
        sdp_put(out, " %u", event_48);
    }
    sdp_put(out, "\r\n");
    for (size_t i = 0; i < policy->n_codecs; i++) {
        const struct offer_codec *c = &policy->codecs[i];
        if (is_offered(policy, i)) {
            put_rtpmap(out, pts[i], codec_get(c->id), rtp_clock_hz(c), c->rate_hz);
        }
    }
    if (event_8 != PT_NONE) {
        sdp_put(out, "a=rtpmap:%u telephone-event/8000\r\na=fmtp:%u 0-15\r\n", event_8, event_8);
    }
    if (event_48 != PT_NONE) {
        sdp_put(out, "a=rtpmap:%u telephone-event/48000\r\na=fmtp:%u 0-15\r\n", event_48, event_48);
    }
    sdp_put(out, "a=ptime:%u\r\na=rtcp-mux\r\na=%s\r\n", ptime_ms, direction_of(media));
}

int offer_write(struct offer_session *s, const struct offer_policy *policy, const struct offer_local *local, bool rx_on,
                bool tx_on, struct sdp_out *out)
{
    char text[OFFER_BODY_MAX];
    struct sdp_out streams = {text, 0, sizeof text, false};
    struct offer_media media = {.rx_on = rx_on, .tx_on = tx_on};

    if (s->n_lines == 0) {
        s->n_lines = 1;
        s->i_audio = 0;
        s->lines[0] = (struct offer_line){.kind = "audio", .proto = "RTP/AVP", .format = "0"};
    }
    for (unsigned i = 0; i < s->n_lines; i++) {
        if (i == s->i_audio) {
            put_offer_audio(s, policy, local, &media, &streams);
        } else {
            const struct offer_line *line = &s->lines[i];
            sdp_put(&streams, "m=%s 0 %s %s\r\n", line->kind, line->proto, line->format);
        }
    }
    return seal_body(s, local, &streams, out);
}

/* --- Accepting ---------------------------------------------------------------------------------------------------- */

int offer_accept(struct offer_session *s, const struct offer_policy *policy, const struct sdp *answer,
                 struct offer_media *media)
{
    struct offer_pick pick;

    if (answer->n_media != s->n_lines) {
        return -EPROTO;
    }
    const struct sdp_media *m = &answer->media[s->i_audio];
    if (!sdp_text_is(m->kind, "audio") || m->port == 0 || !sdp_text_is(m->proto_text, s->lines[s->i_audio].proto) ||
        !host_is_usable(&m->host, policy->family)) {
        return -ENOENT;
    }
    /* The peer's first format that we offered: it says what it prefers (RFC 3264 6.1). */
    for (unsigned i = 0; i < m->n_formats; i++) {
        const struct sdp_format *f = &answer->formats[m->i_format + i];
        for (size_t k = 0; k < policy->n_codecs; k++) {
            if (!format_is(f, &policy->codecs[k]) || s->pt[k] == PT_NONE) {
                continue;
            }
            pick.i_codec = (uint8_t)k;
            pick_fill(&pick, policy, answer, m, f);
            *media = pick.media;
            media->pt_rx = s->pt[k]; /* it sends by the numbers of our offer, we send by those of its answer */
            if (pick.event) {
                uint8_t ours = s->pt[pick.event->clock_hz == 48000 ? KIND_EVENT_48 : KIND_EVENT_8];
                media->pt_event_rx = ours != PT_NONE ? ours : media->pt_event_rx;
            }
            s->rtcp_mux = media->rtcp_mux;
            return 0;
        }
    }
    return -ENOENT;
}

void offer_media_apply(const struct offer_media *media, struct leg_cfg *cfg)
{
    cfg->codec = media->codec;
    cfg->fmt = media->fmt;
    cfg->remote_rtp = media->remote_rtp;
    cfg->remote_rtcp = media->remote_rtcp;
    cfg->rtcp_mux = media->rtcp_mux;
    cfg->pt_rx = media->pt_rx;
    cfg->pt_tx = media->pt_tx;
    cfg->pt_event_rx = media->pt_event_rx;
    cfg->pt_cn_rx = media->pt_cn_rx;
    cfg->ptime_tx_ms = media->ptime_tx_ms;
    cfg->rx_on = media->rx_on;
    cfg->tx_on = media->tx_on;
}

bool offer_media_same_leg(const struct offer_media *a, const struct offer_media *b)
{
    const struct codec_cfg *x = &a->fmt, *y = &b->fmt;
    return a->codec == b->codec && a->pt_rx == b->pt_rx && a->pt_tx == b->pt_tx && a->pt_event_rx == b->pt_event_rx &&
           a->pt_cn_rx == b->pt_cn_rx && a->ptime_tx_ms == b->ptime_tx_ms && a->rtcp_mux == b->rtcp_mux &&
           x->rate_hz == y->rate_hz && x->bitrate_bps == y->bitrate_bps && x->max_playback_hz == y->max_playback_hz &&
           x->stereo == y->stereo && x->sprop_stereo == y->sprop_stereo && x->fec == y->fec && x->dtx == y->dtx &&
           x->cbr == y->cbr;
}
