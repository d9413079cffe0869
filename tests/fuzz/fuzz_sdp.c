/*
 * The SDP reader and offer/answer. Whatever is read must be within its limits; whatever we answer must be what we would
 * read, with as many streams as the offer; the same bytes as an answer to an offer of ours must not confuse it either.
 */
#include "sig/sdp/offer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

static void policy_make(struct offer_policy *policy, int family)
{
    *policy = (struct offer_policy){
        .family = family, .opus_complexity = 5, .levels = OFFER_LEVELS_MIXER, .srtp = policy->srtp};
    must(offer_policy_read(policy, "opus,L16/16000,PCMA,PCMU,L16/8000,L16/48000", 16000) == 0);
}

static void check_limits(const struct sdp *sdp)
{
    must(sdp->n_media <= SDP_MEDIA_MAX && sdp->n_formats <= SDP_FORMATS_MAX);
    for (unsigned i = 0; i < sdp->n_media; i++) {
        const struct sdp_media *m = &sdp->media[i];
        must(m->n_formats <= SDP_MEDIA_FORMATS_MAX && m->i_format + m->n_formats <= sdp->n_formats);
        for (unsigned k = 0; k < m->n_formats; k++) {
            must(sdp->formats[m->i_format + k].pt <= SDP_PT_MAX);
        }
    }
}

static void check_media(const struct offer_media *media)
{
    must(media->codec && media->pt_rx <= SDP_PT_MAX && media->pt_tx <= SDP_PT_MAX);
    must(media->ptime_tx_ms == 10 || media->ptime_tx_ms == 20 || media->ptime_tx_ms == 40 || media->ptime_tx_ms == 60);
    must(addr_is_set(&media->remote_rtp) || !media->tx_on);
    must(media->n_voices <= OFFER_CODECS_MAX);
    struct offer_media turned = *media;
    for (unsigned i = 0; i < media->n_voices; i++) {
        offer_media_turn(&turned, i);
        must(turned.codec && turned.pt_rx <= SDP_PT_MAX && turned.pt_tx <= SDP_PT_MAX);
        for (uint8_t pt = 0; pt <= SDP_PT_MAX; pt++) { /* one meaning each */
            must(pt_set_has(&turned.pts_rx, pt) + pt_set_has(&turned.pts_event, pt) +
                     pt_set_has(&turned.pts_other, pt) <=
                 1);
            must(!pt_set_has(&turned.pts_other, pt) || offer_voice_of(&turned, pt) >= 0);
        }
    }
}

static void answer(const struct sdp *offer, const struct offer_policy *policy, const struct offer_local *local)
{
    char text[OFFER_BODY_MAX + 256];
    struct sdp_out out = {text, 0, sizeof text, false};
    struct offer_session session;
    struct offer_pick pick;
    struct sdp said;
    int warning = 0;

    if (offer_pick(&pick, policy, offer, &warning) != 0) {
        must(warning >= 300 && warning <= 399);
        return;
    }
    check_media(&pick.media);
    offer_session_init(&session, 1);
    if (offer_answer(&session, &pick, offer, local, &out) != 0) {
        return; /* does not fit our body */
    }
    must(sdp_parse(&said, text, out.n) == 0);
    const struct sdp_media *m = &said.media[pick.i_media];
    must(said.n_media == offer->n_media && m->port == addr_port(&local->rtp));
    must(m->proto == offer->media[pick.i_media].proto && !m->dtls);
    bool secure = pick.sdes.suite != SEAL_NONE;
    struct sdes sdes;
    must((secure || (m->proto != SDP_SAVP && m->proto != SDP_SAVPF)) && m->n_cryptos == secure);
    must(!secure || (sdes_choose(&sdes, &said, m) == 0 && sdes.tag == pick.sdes.tag && sdes.suite == pick.sdes.suite &&
                     seal_mki_same(&sdes.mki, &pick.sdes.mki)));
    out.n = 0;
    must(offer_write(&session, policy, local, true, true, &out) == 0 && sdp_parse(&said, text, out.n) == 0);
    must(said.n_media == offer->n_media);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes)
{
    struct offer_policy policy = {.srtp = OFFER_SRTP_OPTIONAL};
    struct offer_local v4 = {0}, v6 = {0};
    struct sdp sdp;

    if (sdp_parse(&sdp, (const char *)bytes, n_bytes) != 0) {
        return 0;
    }
    check_limits(&sdp);
    must(addr_parse(&v4.rtp, "192.0.2.1", 40000) == 0 && addr_parse(&v6.rtp, "2001:db8::1", 40000) == 0);
    policy_make(&policy, AF_INET);
    answer(&sdp, &policy, &v4);
    policy_make(&policy, AF_INET6);
    answer(&sdp, &policy, &v6);

    char text[OFFER_BODY_MAX + 256];
    struct sdp_out out = {text, 0, sizeof text, false};
    struct offer_session session;
    struct offer_media media;
    for (policy.srtp = OFFER_SRTP_OPTIONAL; policy.srtp <= OFFER_SRTP_REQUIRED; policy.srtp++) {
        policy_make(&policy, AF_INET);
        offer_session_init(&session, 1);
        out.n = 0;
        must(offer_write(&session, &policy, &v4, true, true, &out) == 0);
        if (offer_accept(&session, &policy, &sdp, &media) == 0) {
            check_media(&media);
            must((media.seal.suite != SEAL_NONE) == (policy.srtp == OFFER_SRTP_REQUIRED));
        }
    }
    return 0;
}
