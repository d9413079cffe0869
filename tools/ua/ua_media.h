/*
 * The media of one client call: an RTP socket, something to say (a tone, a sound file, silence) and an ear that keeps
 * what it hears, each sample at the place that its RTP timestamp gives it. No jitter buffer: nothing is played, so
 * nothing has to be in time. The program calls media_step a few hundred times a second, or oftener for finer arrival
 * times.
 *
 * One thread.
 */
#ifndef TOOLS_UA_UA_MEDIA_H
#define TOOLS_UA_UA_MEDIA_H

#include "core/base/addr.h"
#include "sig/sdp/offer.h"
#include "simd/simd.h"
#include "tools/ua/ua_tone.h"

#define MEDIA_TURNS_MAX 2
#define MEDIA_KEYS_MAX 32

struct media;

struct media_cfg {
    struct addr local; /* port ignored: a free even one is taken */
    const struct simd *simd;
    uint32_t record_s; /* how much is kept, at most */
    struct tone tone;  /* hz 0: none */
    const int16_t *pcm; /* played over and over instead of the tone; NULL: none. Outlives the media */
    size_t n_pcm;
    uint32_t pcm_rate_hz;
};

struct media_stats {
    uint64_t tx_packets, rx_packets, rx_lost, rx_other; /* other: RTCP, foreign payload types, refused by the codec */
    uint64_t rx_levels, rx_levels_wrong; /* packets with a level of each contributor; others, where it was settled */
    uint64_t gaps_over_40ms, gaps_over_60ms;            /* between arrivals */
};

/* A packet that was heard: which samples it brought, and when. */
struct media_packet {
    uint64_t at_ns;
    size_t at, n;
};

/* Everything since the codec was settled or last changed. */
struct media_heard {
    const int16_t *pcm;
    size_t n;
    uint32_t rate_hz;
    const struct media_packet *packets;
    size_t n_packets;
};

/** @return 0 | -ENOMEM | what bind says */
int media_open(struct media **media, const struct media_cfg *cfg);
void media_close(struct media *media);
uint16_t media_port(const struct media *media);

/** What offer/answer settled, also anew; another codec begins the ear afresh. @return 0 | -EINVAL | -ENOMEM */
int media_apply(struct media *media, const struct offer_media *settled);

/** Speaks only from..until; at most MEDIA_TURNS_MAX times. Without any it always speaks. */
void media_turn(struct media *media, uint64_t from_ns, uint64_t until_ns);
/** When the first packet of the i-th turn was sent; 0: not yet. */
uint64_t media_turn_sent_ns(const struct media *media, unsigned i);

/** Presses these keys (0-9 * # A-D), one after the other, by RFC 4733; at most MEDIA_KEYS_MAX. @return 0 | -EINVAL |
 * -ENOTSUP no telephone-event was settled */
int media_keys(struct media *media, const char *keys);

/** Sends nothing at all from now on (true), not even silence. */
void media_hush(struct media *media, bool hush);

/** RTCP and what looks like it goes there, opened. It comes and goes by the RTP socket (rtcp-mux). */
void media_rtcp_user(struct media *media, void *ctx,
                     void (*take)(void *ctx, const uint8_t *buf, size_t n, uint64_t now_ns));
/** Sends such a packet to where the peer takes them, sealed if there are keys. */
void media_rtcp_send(struct media *media, const uint8_t *buf, size_t n);
uint32_t media_ssrc(const struct media *media);

/** Sends what is due and takes what has come. */
void media_step(struct media *media, uint64_t now_ns);
/** When the next packet is due. */
uint64_t media_next_ns(const struct media *media);

struct media_heard media_heard(const struct media *media);
const struct media_stats *media_stats(const struct media *media);
const struct offer_media *media_settled(const struct media *media); /* codec NULL: not yet */

#endif
