/* A client call and its media. See ua_leg.h. */
#include "tools/ua/ua_leg.h"

#include "sig/net/net.h"

#include <errno.h>
#include <stdio.h>

enum { OPUS_RATE_HZ = 16000, OPUS_COMPLEXITY = 5 };

int ua_leg_codecs(struct ua_leg *leg, const char *codecs)
{
    int family = leg->policy.family;
    int err = offer_policy_read(&leg->policy, scan_same(codecs, "l16") ? "L16/16000" : codecs, OPUS_RATE_HZ);
    leg->policy.family = family;
    leg->policy.opus_complexity = OPUS_COMPLEXITY;
    memset(leg->session.pt, PT_NONE, sizeof leg->session.pt); /* they are numbered by the place in the list */
    return err;
}

int ua_leg_open(struct ua_leg *leg, const char *codecs, uint32_t ptime_ms, const struct media_cfg *media)
{
    uint64_t random;
    memset(leg, 0, sizeof *leg);
    leg->policy.family = media->local.sa.sa_family;
    leg->host = media->local;
    leg->ptime_ms = ptime_ms;
    net_random(&random, sizeof random);
    offer_session_init(&leg->session, random);
    int err = ua_leg_codecs(leg, codecs);
    return err ? err : media_open(&leg->media, media);
}

void ua_leg_close(struct ua_leg *leg)
{
    media_close(leg->media);
    leg->media = NULL;
}

void ua_leg_srtp(struct ua_leg *leg, enum seal_suite only)
{
    leg->policy.srtp = OFFER_SRTP_REQUIRED;
    leg->policy.srtp_only = only;
}

void ua_leg_floor(struct ua_leg *leg, const struct floor_line *ours)
{
    leg->floor = *ours;
    offer_session_floor(&leg->session, ours);
}

void ua_leg_levels(struct ua_leg *leg) { leg->policy.levels = OFFER_LEVELS_TALKER; }

static struct offer_local local_of(const struct ua_leg *leg)
{
    struct offer_local local = { .rtp = leg->host };
    addr_set_port(&local.rtp, media_port(leg->media));
    net_random(local.fresh, sizeof local.fresh);
    return local;
}

/* sig/offer always asks for 20 ms; a caller may want to be served otherwise. */
static size_t ptime_set(const struct ua_leg *leg, char *text, size_t n)
{
    static const char usual[] = "a=ptime:20\r\n";
    char *at = leg->ptime_ms && leg->ptime_ms < 100 ? memmem(text, n, usual, sizeof usual - 1) : NULL;
    if (at) {
        at[8] = (char)('0' + leg->ptime_ms / 10);
        at[9] = (char)('0' + leg->ptime_ms % 10);
    }
    return n;
}

size_t ua_leg_offer(struct ua_leg *leg, bool rx_on, bool tx_on, char *text, size_t size)
{
    struct sdp_out out = { text, 0, size, false };
    struct offer_local local = local_of(leg);
    return offer_write(&leg->session, &leg->policy, &local, rx_on, tx_on, &out) == 0 ? ptime_set(leg, text, out.n) : 0;
}

size_t ua_leg_answer(struct ua_leg *leg, const char *offer, size_t n_offer, char *text, size_t size)
{
    struct sdp sdp;
    struct offer_pick pick;
    struct sdp_out out = { text, 0, size, false };
    struct offer_local local = local_of(leg);
    int warning;
    if (!offer || sdp_parse(&sdp, offer, n_offer) != 0 || offer_pick(&pick, &leg->policy, &sdp, &warning) != 0) {
        return 0;
    }
    if (leg->floor.is_there) {
        offer_floor_pick(&pick, &sdp, &leg->floor); /* none there: a session without */
    }
    if (offer_answer(&leg->session, &pick, &sdp, &local, &out) != 0) {
        return 0;
    }
    struct offer_media settled = offer_settled(&leg->session, &pick);
    return media_apply(leg->media, &settled) == 0 ? out.n : 0;
}

int ua_leg_accept(struct ua_leg *leg, const char *answer, size_t n_answer)
{
    struct sdp sdp;
    struct offer_media media;
    int err = answer ? sdp_parse(&sdp, answer, n_answer) : -ENOENT;
    if (!err) {
        err = offer_accept(&leg->session, &leg->policy, &sdp, &media);
    }
    return err ? err : media_apply(leg->media, &media);
}

int ua_leg_dial(struct ua_leg *leg, struct ua *ua, struct ua_dial dial)
{
    char body[OFFER_BODY_MAX];
    dial.n_body = ua_leg_offer(leg, true, true, body, sizeof body);
    dial.body = body;
    dial.tag = dial.tag ? dial.tag : leg;
    return dial.n_body ? ua_dial(ua, &dial, &leg->call) : -E2BIG;
}
