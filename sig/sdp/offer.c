/* Offer/answer, writing: one writer for answers and offers, and what they have settled. Reading is offer_read.c. */
#include "sig/sdp/offer_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define OPUS_PT 111 /* customary */
#define EVENT_8_PT 101
#define EVENT_48_PT 110

void offer_session_init(struct offer_session *s, uint64_t random)
{
    memset(s, 0, sizeof *s);
    s->id = random >> 2; /* 62 bits: positive in everybody's integers */
    s->version = 1;
    memset(s->pt, PT_NONE, sizeof s->pt);
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

    s->family = local->rtp.sa.sa_family;
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

/* Ours stays while the peer's stays, so that nobody's rollover counter begins anew without need. Where the peer's has a
 * name, so has ours, and the same: a receiver that finds keys by names will look for one. */
static void answer_keys(struct offer_session *s, const struct sdes *sdes, const struct offer_local *local)
{
    bool same = s->seal.suite == sdes->suite && memcmp(s->seal.rx, sdes->key, sizeof sdes->key) == 0;
    if (!same) {
        s->seal.suite = sdes->suite;
        memcpy(s->seal.rx, sdes->key, sizeof s->seal.rx);
        memcpy(s->seal.tx, local->fresh[0], sizeof s->seal.tx);
    }
    s->seal.mki_rx = s->seal.mki_tx = sdes->mki;
}

static void put_crypto(struct sdp_out *out, uint32_t tag, const struct seal_keys *keys)
{
    struct sdes sdes = {.tag = tag, .suite = keys->suite, .mki = keys->mki_tx};
    memcpy(sdes.key, keys->tx, sizeof sdes.key);
    sdes_put(out, &sdes);
}

/* Only the direction that is of use: levels go to the mixer, and those of the contributors come from it. */
static void put_levels(struct sdp_out *out, enum offer_levels part, uint8_t level, uint8_t levels, bool vad_off)
{
    bool mixer = part == OFFER_LEVELS_MIXER;
    if (level) {
        sdp_put(out, "a=extmap:%u/%s %s%s\r\n", level, sdp_direction_name(mixer ? SDP_RECVONLY : SDP_SENDONLY),
                SDP_URI_LEVEL, vad_off ? " vad=off" : "");
    }
    if (levels) {
        sdp_put(out, "a=extmap:%u/%s %s\r\n", levels, sdp_direction_name(mixer ? SDP_SENDONLY : SDP_RECVONLY),
                SDP_URI_LEVELS);
    }
}

static const char *qos_word(uint8_t direction)
{
    static const char *const words[] = {"none", "send", "recv", "sendrecv"};
    return words[direction];
}

/* What the other side calls sending we call receiving. */
static uint8_t qos_turned(uint8_t direction)
{
    return (uint8_t)((direction & SDP_QOS_SEND ? SDP_QOS_RECV : 0) | (direction & SDP_QOS_RECV ? SDP_QOS_SEND : 0));
}

/* RFC 3312 6: our own resources are always there; the peer's are as it says, and we ask to hear when they are. */
static void put_qos(struct sdp_out *out, const struct sdp_qos *qos)
{
    uint8_t theirs = qos_turned(qos->now[SDP_QOS_LOCAL]), wanted = qos_turned(qos->mandatory[SDP_QOS_LOCAL]);
    if (!qos->any) {
        return;
    }
    sdp_put(out, "a=curr:qos local sendrecv\r\na=curr:qos remote %s\r\n", qos_word(theirs));
    sdp_put(out, "a=des:qos %s local sendrecv\r\n", qos->mandatory[SDP_QOS_REMOTE] ? "mandatory" : "optional");
    sdp_put(out, "a=des:qos %s remote %s\r\n", wanted ? "mandatory" : "optional",
            qos_word(wanted ? wanted : SDP_QOS_BOTH));
    if (wanted & ~theirs) {
        sdp_put(out, "a=conf:qos remote %s\r\n", qos_word(wanted));
    }
}

static void put_answer_audio(struct sdp_out *out, const struct offer_session *s, const struct offer_pick *pick,
                             const struct offer_line *line, uint16_t port)
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
    if (pick->sdes.suite != SEAL_NONE) {
        put_crypto(out, pick->sdes.tag, &s->seal);
    }
    put_levels(out, pick->levels, media->ext_level, media->ext_levels, media->level_vad_off);
    put_qos(out, &pick->qos);
    sdp_put(out, "a=ptime:%u\r\n", media->ptime_tx_ms);
    if (media->rtcp_mux) {
        sdp_put(out, "a=rtcp-mux\r\n");
    }
    sdp_put(out, "a=%s\r\n", direction_of(media));
}

/* Floor messages come where RTCP does. */
static void put_floor(struct sdp_out *out, const struct offer_session *s, const struct offer_local *local, bool is_mux)
{
    floor_line_put(out, &s->floor, (uint16_t)(addr_port(&local->rtp) + !is_mux));
}

int offer_answer(struct offer_session *s, const struct offer_pick *pick, const struct sdp *offer,
                 const struct offer_local *local, struct sdp_out *out)
{
    char text[OFFER_BODY_MAX];
    struct sdp_out streams = {text, 0, sizeof text, false};

    s->n_lines = offer->n_media;
    s->i_audio = pick->i_media;
    s->i_floor = pick->i_floor;
    s->floor = pick->media.floor;
    s->rtcp_mux = pick->media.rtcp_mux;
    answer_keys(s, &pick->sdes, local);
    for (unsigned i = 0; i < offer->n_media; i++) {
        struct offer_line *line = &s->lines[i];
        copy_word(line->kind, offer->media[i].kind);
        copy_word(line->proto, offer->media[i].proto_text);
        copy_word(line->format, offer->media[i].format_text);
        if (i == pick->i_media) {
            put_answer_audio(&streams, s, pick, line, addr_port(&local->rtp));
        } else if (s->i_floor && i == s->i_floor) {
            put_floor(&streams, s, local, pick->media.rtcp_mux);
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
    s->ext_seen |= m->exts.ids;
    s->ext_level = pick->media.ext_level ? pick->media.ext_level : s->ext_level;
    s->ext_levels = pick->media.ext_levels ? pick->media.ext_levels : s->ext_levels;
    pt_note(s, pick->i_codec, pick->media.pt_rx);
    if (pick->event && (pick->event->clock_hz == 8000 || pick->event->clock_hz == 48000)) {
        pt_note(s, pick->event->clock_hz == 8000 ? KIND_EVENT_8 : KIND_EVENT_48, pick->event->pt);
    }
    return seal_body(s, local, &streams, out);
}

struct offer_media offer_settled(const struct offer_session *s, const struct offer_pick *pick)
{
    struct offer_media media = pick->media;
    media.seal = s->seal;
    return media;
}

/* A number that has meant nothing else in this session. */
static void ext_choose(struct offer_session *s, uint8_t *id)
{
    for (unsigned i = 1; i <= SDP_EXT_MAX && *id == 0; i++) {
        *id = s->ext_seen >> i & 1 ? 0 : (uint8_t)i;
    }
    s->ext_seen |= (uint16_t)(1u << *id);
}

/* A codec whose 20 ms do not fit a packet would force 10 ms on all others, ptime being one per stream: left out. */
static bool is_offered(const struct offer_policy *policy, size_t i)
{
    return policy->n_codecs == 1 || offer_ptime(&policy->codecs[i], 20, 0) == 20;
}

static void put_offer_audio(struct offer_session *s, const struct offer_policy *policy, const struct offer_local *local,
                            const struct offer_media *media, struct sdp_out *out)
{
    uint8_t pts[OFFER_CODECS_MAX], event_8 = PT_NONE, event_48 = PT_NONE;
    unsigned ptime_ms = 20;

    for (size_t i = 0; i < policy->n_codecs; i++) { /* before the codecs: many know events by their number alone */
        bool is_opus = policy->codecs[i].id == CODEC_OPUS;
        if (is_offered(policy, i) && is_opus) {
            event_48 = pt_choose(s, KIND_EVENT_48, EVENT_48_PT);
        } else if (is_offered(policy, i)) {
            event_8 = pt_choose(s, KIND_EVENT_8, EVENT_8_PT);
        }
    }
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
        ptime_ms = MIN(ptime_ms, offer_ptime(c, 20, 0));
    }
    if (event_8 != PT_NONE) {
        sdp_put(out, " %u", event_8);
    }
    if (event_48 != PT_NONE) {
        sdp_put(out, " %u", event_48);
    }
    sdp_put(out, "\r\n");
    for (size_t i = 0; i < policy->n_codecs; i++) {
        const struct offer_codec *c = &policy->codecs[i];
        if (is_offered(policy, i)) {
            put_rtpmap(out, pts[i], codec_get(c->id), offer_clock_hz(c), c->rate_hz);
        }
    }
    if (event_8 != PT_NONE) {
        sdp_put(out, "a=rtpmap:%u telephone-event/8000\r\na=fmtp:%u 0-15\r\n", event_8, event_8);
    }
    if (event_48 != PT_NONE) {
        sdp_put(out, "a=rtpmap:%u telephone-event/48000\r\na=fmtp:%u 0-15\r\n", event_48, event_48);
    }
    for (unsigned i = 0; i < s->n_offered; i++) {
        sdes_put(out, &s->offered[i]);
    }
    if (policy->levels != OFFER_LEVELS_OFF) {
        ext_choose(s, &s->ext_level);
        ext_choose(s, &s->ext_levels);
        put_levels(out, policy->levels, s->ext_level, s->ext_levels, policy->levels == OFFER_LEVELS_TALKER);
    }
    sdp_put(out, "a=ptime:%u\r\na=rtcp-mux\r\na=%s\r\n", ptime_ms, direction_of(media));
}

/* A session that has keys offers them again; one that begins with SRTP offers a choice. */
static void offer_keys(struct offer_session *s, const struct offer_policy *policy, const struct offer_local *local)
{
    bool secure = strncasecmp(s->lines[s->i_audio].proto, "RTP/SAVP", 8) == 0 || s->seal.suite != SEAL_NONE;
    s->n_offered =
        secure ? (uint8_t)sdes_offer(s->offered, s->seal.suite ? s->seal.suite : policy->srtp_only, local->fresh) : 0;
    if (secure && s->seal.suite != SEAL_NONE) {
        memcpy(s->offered[0].key, s->seal.tx, sizeof s->offered[0].key);
        s->offered[0].mki = s->seal.mki_tx;
    }
}

void offer_session_floor(struct offer_session *s, const struct floor_line *ours)
{
    must(s->n_lines == 0);
    s->floor = *ours;
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
        if (policy->srtp == OFFER_SRTP_REQUIRED) {
            strcpy(s->lines[0].proto, "RTP/SAVP");
        }
        if (s->floor.is_there) {
            s->i_floor = s->n_lines++;
            s->lines[s->i_floor] =
                (struct offer_line){.kind = "application", .proto = "udp", .format = FLOOR_LINE_FORMAT};
        }
    }
    offer_keys(s, policy, local);
    for (unsigned i = 0; i < s->n_lines; i++) {
        if (i == s->i_audio) {
            put_offer_audio(s, policy, local, &media, &streams);
        } else if (s->i_floor && i == s->i_floor) {
            put_floor(&streams, s, local, !s->said || s->rtcp_mux); /* a first offer has rtcp-mux */
        } else {
            const struct offer_line *line = &s->lines[i];
            sdp_put(&streams, "m=%s 0 %s %s\r\n", line->kind, line->proto, line->format);
        }
    }
    return seal_body(s, local, &streams, out);
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
    cfg->ext_level_rx = media->ext_level;
    cfg->ext_levels_tx = media->ext_levels;
    cfg->ptime_tx_ms = media->ptime_tx_ms;
    cfg->pts_rx = media->pts_rx;
    cfg->pts_event = media->pts_event;
    cfg->pts_other = media->pts_other;
    cfg->rx_on = media->rx_on;
    cfg->tx_on = media->tx_on;
    cfg->seal = media->seal;
}

bool offer_media_same_leg(const struct offer_media *a, const struct offer_media *b)
{
    const struct codec_cfg *x = &a->fmt, *y = &b->fmt;
    return a->codec == b->codec && a->pt_rx == b->pt_rx && a->pt_tx == b->pt_tx && a->pt_event_rx == b->pt_event_rx &&
           a->pt_cn_rx == b->pt_cn_rx && a->ptime_tx_ms == b->ptime_tx_ms && a->rtcp_mux == b->rtcp_mux &&
           a->floor.is_there == b->floor.is_there && a->ext_level == b->ext_level && a->ext_levels == b->ext_levels &&
           x->rate_hz == y->rate_hz && x->bitrate_bps == y->bitrate_bps && x->max_playback_hz == y->max_playback_hz &&
           x->stereo == y->stereo && memcmp(&a->pts_rx, &b->pts_rx, sizeof a->pts_rx) == 0 &&
           memcmp(&a->pts_event, &b->pts_event, sizeof a->pts_event) == 0 &&
           memcmp(&a->pts_other, &b->pts_other, sizeof a->pts_other) == 0 && x->sprop_stereo == y->sprop_stereo &&
           x->fec == y->fec && x->dtx == y->dtx && x->cbr == y->cbr && seal_keys_same(&a->seal, &b->seal);
}
