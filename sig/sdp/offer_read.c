/* Offer/answer, reading: the policy, what of an offer fits, what an answer to our own offer says. Pure choice. */
#include "sig/sdp/offer_priv.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#define WARN_ADDRESS 301   /* incompatible network address format */
#define WARN_PROTOCOL 302  /* incompatible transport protocol */
#define WARN_MEDIA 304     /* media type not available */
#define WARN_FORMAT 305    /* incompatible media format */
#define WARN_BANDWIDTH 370 /* insufficient bandwidth */

#define PAYLOAD_BYTES_MAX 1400 /* of a packet within PACKET_BYTES_MAX, with RTP, extensions and SRTP tag */
#define PT_CN 13               /* RFC 3389 4, static at 8000 Hz */

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

/* --- Picking ------------------------------------------------------------------------------------------------------ */

uint32_t offer_clock_hz(const struct offer_codec *c)
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
    return codec && codec->id == c->id && (codec->wire_clock_hz || f->clock_hz == c->rate_hz);
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

/* Peer's preferences for our Opus sender, RFC 7587 6.1; a value that is no number is as if it were not there. */
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

uint8_t offer_ptime(const struct offer_codec *c, uint16_t preferred_ms, uint16_t max_ms)
{
    static const uint8_t known[] = {60, 40, 20};
    if (c->id == CODEC_OPUS) {
        return 20;
    }
    uint32_t bytes_per_ms = offer_clock_hz(c) / 1000 * (c->id == CODEC_L16 ? 2 : 1); /* G.722: one byte a tick too */
    uint32_t limit_ms = MIN(PAYLOAD_BYTES_MAX / bytes_per_ms, max_ms ? max_ms : 60u);
    uint32_t wanted_ms = MIN(preferred_ms ? preferred_ms : 20u, limit_ms);
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (known[i] <= wanted_ms) {
            return known[i];
        }
    }
    return 10;
}

static void read_direction(struct offer_media *media, const struct sdp_media *m, const struct addr *start)
{
    media->rx_on = m->direction == SDP_SENDRECV || m->direction == SDP_SENDONLY;
    media->tx_on = m->direction == SDP_SENDRECV || m->direction == SDP_RECVONLY;
    if (addr_is_any(start)) {
        media->tx_on = false;
    }
}

static void read_remote(struct offer_media *media, const struct sdp_media *m, const struct addr *start)
{
    memset(&media->remote_rtp, 0, sizeof media->remote_rtp);
    memset(&media->remote_rtcp, 0, sizeof media->remote_rtcp);
    if (addr_is_any(start)) {
        return;
    }
    media->remote_rtp = *start;
    if (media->rtcp_mux) {
        media->remote_rtcp = media->remote_rtp;
    } else if (!addr_same_host(start, &m->host) && addr_port(start) < 65535) {
        media->remote_rtcp = *start;
        addr_set_port(&media->remote_rtcp, (uint16_t)(addr_port(start) + 1));
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

/* Where the stream is sent to: c= and m=, or where those are of a family that we have not, a name or of one link only,
 * another address that it names. @return false: nowhere that we can send to */
static bool start_of(const struct sdp_media *m, const int families[2], struct addr *start)
{
    bool is_usable = false;
    for (unsigned i = 0; i < 2; i++) {
        is_usable |= families[i] && host_is_usable(&m->host, families[i]);
    }
    *start = m->host;
    if (is_usable && addr_is_any(start)) {
        return true;
    }
    addr_set_port(start, m->port);
    for (unsigned i = 0; i < 2 && (!is_usable || addr_is_link_local(start)); i++) {
        const struct addr *other = &m->others[families[i] == AF_INET6];
        if (families[i] && addr_is_set(other) && host_is_usable(other, families[i])) {
            *start = *other;
            is_usable = true;
        }
    }
    return is_usable;
}

/* Does the peer send what we want of it, and want what we send? */
static void read_levels(struct offer_media *media, const struct offer_policy *policy, const struct sdp_exts *exts)
{
    bool mixer = policy->levels == OFFER_LEVELS_MIXER;
    enum sdp_direction level = mixer ? SDP_SENDONLY : SDP_RECVONLY, levels = mixer ? SDP_RECVONLY : SDP_SENDONLY;
    if (policy->levels == OFFER_LEVELS_OFF) {
        return;
    }
    if (exts->level.direction == SDP_SENDRECV || exts->level.direction == level) {
        media->ext_level = exts->level.id;
        media->level_vad_off = exts->level.vad_off;
    }
    if (exts->levels.direction == SDP_SENDRECV || exts->levels.direction == levels) {
        media->ext_levels = exts->levels.id;
    }
}

/* RTCP's packet types 200-204 read as payload types 72-76 with the marker: no muxing there (RFC 5761 4). */
static bool pt_muxes(uint8_t pt)
{
    return pt == PT_NONE || pt < 64 || pt > 95;
}

/* Fills the pick from one stream, which is sent to start, and one codec of it. */
static void pick_fill(struct offer_pick *pick, const struct offer_policy *policy, const struct sdp *sdp,
                      const struct sdp_media *m, const struct addr *start, const struct sdp_format *f)
{
    pick->qos = m->qos;
    const struct offer_codec *c = &policy->codecs[pick->i_codec];
    struct offer_media *media = &pick->media;
    uint32_t clock_hz = offer_clock_hz(c);

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
    pick->levels = policy->levels;
    read_levels(media, policy, &m->exts);
    media->ptime_tx_ms = offer_ptime(c, m->ptime_ms, m->maxptime_ms);
    media->rtcp_mux = m->rtcp_mux && pt_muxes(f->pt) && pt_muxes(media->pt_event_rx) && pt_muxes(media->pt_cn_rx);
    read_direction(media, m, start);
    read_remote(media, m, start);
    pick->family = addr_is_any(start) ? 0 : start->sa.sa_family;
}

static bool is_secure(const struct sdp_media *m)
{
    return (m->proto == SDP_SAVP || m->proto == SDP_SAVPF) && !m->dtls;
}

/* Plain or secure as the stream says and the policy allows, with a line that we can speak; RTP/AVP that has such a line
 * is secure as well (RFC 8643 3.1). @return 0 | -ENOENT */
static int pick_security(struct sdes *sdes, const struct offer_policy *policy, const struct sdp *offer,
                         const struct sdp_media *m)
{
    memset(sdes, 0, sizeof *sdes);
    if (is_secure(m)) {
        return policy->srtp == OFFER_SRTP_OFF ? -ENOENT : sdes_choose(sdes, offer, m);
    }
    bool plain = m->proto == SDP_AVP || m->proto == SDP_AVPF;
    if (plain && policy->srtp != OFFER_SRTP_OFF && sdes_choose(sdes, offer, m) == 0) {
        return 0;
    }
    memset(sdes, 0, sizeof *sdes);
    return plain && policy->srtp != OFFER_SRTP_REQUIRED ? 0 : -ENOENT;
}

/* @return 0 | -ENOENT; *warning keeps the reason that came nearest to success (the highest rank) */
static int pick_stream(struct offer_pick *pick, const struct offer_policy *policy, const struct sdp *offer, unsigned i,
                       int *rank)
{
    const struct sdp_media *m = &offer->media[i];
    struct addr start;

    if (!sdp_text_is(m->kind, "audio") || m->port == 0) {
        return -ENOENT;
    }
    if (pick_security(&pick->sdes, policy, offer, m) != 0) {
        *rank = MAX(*rank, 1);
        return -ENOENT;
    }
    if (!start_of(m, (int[]){policy->family, policy->family_other}, &start)) {
        *rank = MAX(*rank, 2);
        return -ENOENT;
    }
    for (size_t k = 0; k < policy->n_codecs; k++) {
        const struct sdp_format *f = format_find(offer, m, &policy->codecs[k]);
        if (f) {
            pick->i_media = (uint8_t)i;
            pick->i_floor = 0;
            pick->i_codec = (uint8_t)k;
            pick_fill(pick, policy, offer, m, &start, f);
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

    for (unsigned turn = 0; turn < 2; turn++) { /* secure streams first */
        for (unsigned i = 0; i < offer->n_media; i++) {
            const struct sdp_media *m = &offer->media[i];
            bool may_be_secure = is_secure(m) || (m->n_cryptos > 0 && !m->dtls);
            if (may_be_secure != turn && pick_stream(pick, policy, offer, i, &rank) == 0) {
                return 0;
            }
        }
    }
    *warning = warnings[rank];
    return -ENOENT;
}

/* Where floor messages go. @return false: to another host than the audio, which the leg's rule of sources forbids */
static bool floor_remote(struct addr *remote, const struct offer_media *media, const struct sdp_media *m)
{
    *remote = media->remote_rtp;
    if (!addr_is_set(&media->remote_rtp)) {
        return true; /* on hold: nowhere */
    }
    addr_set_port(remote, m->port);
    return !addr_is_set(&m->host) || addr_same_host(&m->host, remote);
}

int offer_floor_pick(struct offer_pick *pick, const struct sdp *offer, const struct floor_line *ours)
{
    struct offer_media *media = &pick->media;
    struct floor_line theirs;
    struct addr remote;
    int i = floor_line_find(offer);
    if (i <= 0 || !floor_remote(&remote, media, &offer->media[i])) { /* 0: before the audio, as nobody writes it */
        return -ENOENT;
    }
    floor_line_read(&theirs, &offer->media[i]);
    pick->i_floor = (uint8_t)i;
    media->floor = floor_line_meet(ours, &theirs);
    media->rtcp_mux &= addr_port(&remote) == addr_port(&media->remote_rtp);
    media->remote_rtcp = remote;
    return 0;
}

/* The answer's stream of floor control, to an offer of ours that had one. */
static void accept_floor(struct offer_session *s, const struct sdp *answer, struct offer_media *media)
{
    struct floor_line theirs;
    struct addr remote;
    const struct sdp_media *m = &answer->media[s->i_floor];
    if (s->i_floor == 0 || !floor_line_is(m) || m->port == 0 || !floor_remote(&remote, media, m)) {
        return;
    }
    floor_line_read(&theirs, m);
    media->floor = floor_line_meet(&s->floor, &theirs);
    media->remote_rtcp = remote;
}

bool offer_waits(const struct offer_pick *pick)
{
    const struct sdp_qos *qos = &pick->qos;
    return (qos->mandatory[SDP_QOS_LOCAL] & ~qos->now[SDP_QOS_LOCAL]) != 0;
}

bool offer_demands_too_much(const struct offer_pick *pick)
{
    const struct sdp_qos *qos = &pick->qos;
    return (qos->mandatory[SDP_QOS_E2E] & ~qos->now[SDP_QOS_E2E]) != 0;
}

/* --- Accepting ---------------------------------------------------------------------------------------------------- */

static void accept_keys(struct offer_session *s, const struct sdes *sdes)
{
    s->seal = (struct seal_keys){.suite = sdes->suite, .mki_rx = sdes->mki};
    memcpy(s->seal.rx, sdes->key, sizeof s->seal.rx);
    for (unsigned i = 0; i < s->n_offered; i++) {
        if (s->offered[i].tag == sdes->tag) {
            memcpy(s->seal.tx, s->offered[i].key, sizeof s->seal.tx);
            s->seal.mki_tx = s->offered[i].mki;
        }
    }
}

/* Which codec of our offer is that? @return -1: none */
static int offered_codec(const struct offer_session *s, const struct offer_policy *policy, const struct sdp_format *f)
{
    for (size_t k = 0; k < policy->n_codecs; k++) {
        if (s->pt[k] != PT_NONE && format_is(f, &policy->codecs[k])) {
            return (int)k;
        }
    }
    return -1;
}

/* Our number for telephone-events of that kind. @return PT_NONE: not of our offer, or no events */
static uint8_t offered_event(const struct offer_session *s, const struct sdp_format *f)
{
    bool is_event = f && f->mapped && strcasecmp(f->name, "telephone-event") == 0;
    return is_event && f->clock_hz == 8000    ? s->pt[KIND_EVENT_8]
           : is_event && f->clock_hz == 48000 ? s->pt[KIND_EVENT_48]
                                              : PT_NONE;
}

enum { MAP_NOTHING = 255, MAP_EVENT = 254 }; /* else a voice */

/*
 * What the peer's numbers mean: it shall send by those of our offer (RFC 3264 6.1), and many send by those of their
 * answer. Where one stands for two things the answer is right, being the later. None that RTCP could be taken for.
 */
static void map_numbers(struct offer_media *media, const struct offer_session *s, const struct sdp *answer,
                        const struct sdp_media *m)
{
    uint8_t map[SDP_PT_MAX + 1];
    memset(map, MAP_NOTHING, sizeof map);
    for (unsigned turn = 0; turn < 2; turn++) {
        for (unsigned i = 0; i < media->n_voices; i++) {
            map[turn ? media->voices[i].pt_tx : media->voices[i].pt_rx] = (uint8_t)i;
        }
        for (unsigned i = 0; i < m->n_formats; i++) {
            const struct sdp_format *f = &answer->formats[m->i_format + i];
            uint8_t ours = offered_event(s, f);
            if (ours != PT_NONE) {
                map[turn ? f->pt : ours] = MAP_EVENT;
            }
        }
    }
    for (uint8_t pt = 0; pt <= SDP_PT_MAX; pt++) {
        if (media->rtcp_mux && !pt_muxes(pt)) {
            continue;
        }
        if (map[pt] == MAP_EVENT) {
            pt_set_add(&media->pts_event, pt);
        } else if (map[pt] != MAP_NOTHING) {
            pt_set_add(&media->voices[map[pt]].pts, pt);
        }
    }
}

static void voice_add(struct offer_media *media, const struct offer_session *s, const struct offer_pick *pick)
{
    const struct offer_media *one = &pick->media;
    uint8_t event = offered_event(s, pick->event);
    media->voices[media->n_voices++] = (struct offer_voice){
        .codec = one->codec,
        .fmt = one->fmt,
        .pt_rx = s->pt[pick->i_codec], /* it sends by the numbers of our offer, we send by those of its answer */
        .pt_tx = one->pt_tx,
        .pt_event_rx = event != PT_NONE ? event : one->pt_event_rx,
        .pt_cn_rx = one->pt_cn_rx,
        .ptime_tx_ms = one->ptime_tx_ms,
    };
}

/* All that the answer names of what we offered. @return 0 | -ENOENT nothing */
static int read_voices(struct offer_media *media, const struct offer_session *s, const struct offer_policy *policy,
                       const struct sdp *answer, const struct sdp_media *m, const struct addr *start)
{
    bool taken[OFFER_CODECS_MAX] = {false};
    media->n_voices = 0;
    for (unsigned i = 0; i < m->n_formats; i++) {
        const struct sdp_format *f = &answer->formats[m->i_format + i];
        struct offer_pick pick;
        int k = offered_codec(s, policy, f);
        if (k < 0 || taken[k]) {
            continue;
        }
        taken[k] = true;
        pick.i_codec = (uint8_t)k;
        pick_fill(&pick, policy, answer, m, start, f);
        if (media->n_voices == 0) {
            *media = pick.media; /* the first is what the peer prefers (RFC 3264 6.1) */
        }
        voice_add(media, s, &pick);
    }
    if (media->n_voices == 0) {
        return -ENOENT;
    }
    map_numbers(media, s, answer, m);
    offer_media_turn(media, 0);
    return 0;
}

bool offer_expected(const struct offer_session *s, const struct offer_policy *policy, struct offer_media *media)
{
    memset(media, 0, sizeof *media);
    media->rx_on = true; /* RTCP on its own port, where none is sent to nobody */
    for (size_t k = 0; k < policy->n_codecs && s->n_offered == 0; k++) {
        const struct offer_codec *c = &policy->codecs[k];
        if (s->pt[k] == PT_NONE) {
            continue;
        }
        uint8_t event = s->pt[c->id == CODEC_OPUS ? KIND_EVENT_48 : KIND_EVENT_8];
        struct offer_voice *v = &media->voices[media->n_voices++];
        *v = (struct offer_voice){.codec = codec_get(c->id),
                                  .fmt = {.rate_hz = c->rate_hz, .complexity = policy->opus_complexity},
                                  .pt_rx = s->pt[k],
                                  .pt_tx = s->pt[k],
                                  .pt_event_rx = event,
                                  .pt_cn_rx = PT_NONE,
                                  .ptime_tx_ms = offer_ptime(c, 20, 0)};
        pt_set_add(&v->pts, s->pt[k]);
        if (event != PT_NONE) {
            pt_set_add(&media->pts_event, event);
        }
    }
    if (media->n_voices > 0) {
        offer_media_turn(media, 0);
    }
    return media->n_voices > 0;
}

int offer_voice_of(const struct offer_media *media, uint8_t pt)
{
    for (unsigned i = 0; i < media->n_voices; i++) {
        if (i != media->i_voice && pt_set_has(&media->voices[i].pts, pt)) {
            return (int)i;
        }
    }
    return -ENOENT;
}

void offer_media_turn(struct offer_media *media, unsigned i_voice)
{
    must(i_voice < media->n_voices);
    const struct offer_voice *v = &media->voices[i_voice];
    media->i_voice = (uint8_t)i_voice;
    media->codec = v->codec;
    media->fmt = v->fmt;
    media->pt_rx = v->pt_rx;
    media->pt_tx = v->pt_tx;
    media->pt_event_rx = v->pt_event_rx;
    media->pt_cn_rx = v->pt_cn_rx;
    media->ptime_tx_ms = v->ptime_tx_ms;
    media->pts_rx = v->pts;
    media->pts_other = (struct pt_set){0};
    for (unsigned i = 0; i < media->n_voices; i++) {
        for (unsigned k = 0; k < ARRAY_LEN(v->pts.bits) && i != i_voice; k++) {
            media->pts_other.bits[k] |= media->voices[i].pts.bits[k];
        }
    }
}

void offer_media_keep_voice(struct offer_media *media, const struct offer_media *before)
{
    for (unsigned i = 0; i < media->n_voices; i++) {
        const struct offer_voice *v = &media->voices[i];
        if (v->codec == before->codec && v->fmt.rate_hz == before->fmt.rate_hz) {
            offer_media_turn(media, i);
        }
    }
}

int offer_accept(struct offer_session *s, const struct offer_policy *policy, const struct sdp *answer,
                 struct offer_media *media)
{
    if (answer->n_media != s->n_lines) {
        return -EPROTO;
    }
    const struct sdp_media *m = &answer->media[s->i_audio];
    struct addr start;
    if (!sdp_text_is(m->kind, "audio") || m->port == 0 || !sdp_text_is(m->proto_text, s->lines[s->i_audio].proto) ||
        !start_of(m, (int[]){s->family, 0}, &start)) {
        return -ENOENT;
    }
    struct sdes sdes = {.suite = SEAL_NONE};
    if (s->n_offered && sdes_accept(&sdes, answer, m, s->offered, s->n_offered) != 0) {
        return -ENOENT;
    }
    int err = read_voices(media, s, policy, answer, m, &start);
    if (err) {
        return err;
    }
    media->ext_level = media->ext_level == s->ext_level ? media->ext_level : 0;
    media->ext_levels = media->ext_levels == s->ext_levels ? media->ext_levels : 0;
    accept_floor(s, answer, media);
    s->rtcp_mux = media->rtcp_mux;
    accept_keys(s, &sdes);
    media->seal = s->seal;
    return 0;
}
